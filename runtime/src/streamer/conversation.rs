//! The socket of one who watches: descriptions go to and fro until there is a connection, and it is told what it has to know.
//!
//! ```text
//!   WebRtcConfig ─> StageStarting ─> StageComplete ─> offer ⇄ answer, candidates ─> ConnectionComplete … PeerDisconnect
//! ```

mod words;

use std::sync::Arc;
use std::time::Duration;

use axum::extract::ws::{CloseFrame, Message, WebSocket, close_code};
use tokio::sync::watch;
use understudy_core::leg::Levels;
use understudy_core::level::Level;
use understudy_core::steering::seat::Event;
use understudy_core::steering::wire::Notice;
use understudy_core::streamer::message::{
    App, Asked, Capabilities, Said, Sdp, Signaling, Standing as You, Told,
};
use understudy_core::streamer::talk;

use super::Site;
use super::hands::{Hands, Seating, seated};
use super::mail::{Farewell, Mail, Place, Stage};
use super::scenes::Scene;
use super::talk::Talk;
use crate::access::Role;
use crate::program::Found;
use crate::rtc::{self, Desk, First, Opening};
use crate::steering::IS_TOUCH_SCREEN;
use words::{inward, outward, status};

/// A socket that does not take a message within this is left.
const WRITE: Duration = Duration::from_secs(2);
/// Between two messages of one socket: one that says something all the time keeps nobody else from the book.
const PACE: Duration = Duration::from_millis(2);
/// What is to be seen may have no name yet, for a moment.
const APPEARS: Duration = Duration::from_secs(2);
/// Of what is seen.
const DISPLAY: &str = "Display";
/// Of the connection.
const CONNECTION: &str = "WebRTC";
/// Clients know no other number than that of a fault.
const FAULT: i32 = 1;

/// What the client of a socket is used to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Manners {
    /// It is offered to, and what it says wrong is passed over.
    Newer,
    /// It offers first, unless it joins; what it says wrong ends it.
    Older { first: First },
}

pub(super) struct Conversation {
    socket: WebSocket,
    place: Place,
    site: Arc<Site>,
    manners: Manners,
    desk: Option<Desk>,
    hands: Hands,
    talk: Talk,
    seating: watch::Receiver<Seating>,
    /// Said before there was anybody to hear it, last.
    said: Option<Sdp>,
    stage: Option<Stage>,
    /// Of the picture, as it was told last.
    told: Option<(u32, u32)>,
    is_live: bool,
    /// It has spoken of who steers.
    asks: bool,
}

/// It is over.
struct Over;

type Goes = Result<(), Over>;

impl Conversation {
    pub(super) fn new(socket: WebSocket, place: Place, site: Arc<Site>, manners: Manners) -> Self {
        let table = &place.scene.table;
        let hands = Hands::new(table.clone(), place.peer);
        let talk = Talk::new(table.clone(), place.peer);
        let seating = table.seating();
        Self {
            socket,
            place,
            site,
            manners,
            desk: None,
            hands,
            talk,
            seating,
            said: None,
            stage: None,
            told: None,
            is_live: false,
            asks: false,
        }
    }

    /// Says and hears, until either is gone.
    pub(super) async fn run(mut self) {
        drop(self.converse().await);
    }

    async fn converse(&mut self) -> Goes {
        self.say(Told::WebRtcConfig { ice_servers: self.site.ice_servers.clone() }).await?;
        if let Manners::Older { .. } = self.manners {
            self.say(self.place.scene.app()).await?;
            self.say(Told::StageComplete { stage: super::older::LAUNCH }).await?;
        }
        self.stand().await?;
        loop {
            tokio::select! {
                // Who is sent away is heard no more; what is done on the display is not kept waiting.
                biased;
                farewell = &mut self.place.farewell => return self.leave(farewell.unwrap_or(Farewell::Ended)).await,
                role = self.place.bearer.judged() => self.rank(role).await?,
                told = heard(&mut self.desk) => self.follow(told).await?,
                changed = self.place.standing.changed() => match changed {
                    Ok(()) => self.stand().await?,
                    Err(_) => return self.leave(Farewell::Ended).await,
                },
                Ok(()) = self.seating.changed() => self.seats().await?,
                news = self.talk.news() => self.talk.tell(news).await,
                said = self.socket.recv() => match said {
                    Some(Ok(Message::Text(text))) => self.hear(&text).await?,
                    // Pings have been answered already, and nothing is said in binary.
                    Some(Ok(Message::Binary(_) | Message::Ping(_) | Message::Pong(_))) => {}
                    Some(Ok(Message::Close(_)) | Err(_)) | None => return Err(Over),
                },
            }
        }
    }

    /// What its token allows may be something else now.
    async fn rank(&mut self, role: Option<Role>) -> Goes {
        let peer = self.place.peer;
        let Some(role) = role else {
            self.hands.let_go();
            self.say(Told::PeerDisconnect).await?;
            return self.close(close_code::POLICY, "this token opens nothing any more").await;
        };
        let rank = Event::Rank { peer, role: seated(role) };
        self.place.ask_for(rank).await;
        Ok(())
    }

    /// How what is watched stands, as far as it has not been told.
    async fn stand(&mut self) -> Goes {
        let standing = *self.place.standing.borrow_and_update();
        if self.stage != Some(standing.stage) {
            self.stage = Some(standing.stage);
            match standing.stage {
                Stage::Starting => self.say(Told::StageStarting { stage: DISPLAY }).await?,
                Stage::Active => self.say(Told::StageComplete { stage: DISPLAY }).await?,
                Stage::Failed => self.say(Told::StageFailed { stage: DISPLAY, error_code: FAULT }).await?,
            }
        }
        if standing.stage == Stage::Active && self.desk.is_none() {
            self.open().await?;
        }
        self.complete().await
    }

    /// Shows what there is to be seen: an offer follows, or the answer to one.
    async fn open(&mut self) -> Goes {
        let Found::Live(program) = self.site.programs.find_within(&self.place.scene.program, APPEARS).await
        else {
            self.say(Told::StageFailed { stage: CONNECTION, error_code: FAULT }).await?;
            return self.close(close_code::AGAIN, "there is nothing to be seen yet").await;
        };
        let first = match self.manners {
            Manners::Newer => First::Us,
            Manners::Older { first } => first,
        };
        let level = program.levels().map_or(Level::HD, Levels::offered);
        let scene = Arc::clone(&self.place.scene);
        let opening = Opening { name: &scene.program, level, first, pulse: status };
        self.say(Told::StageStarting { stage: CONNECTION }).await?;
        match self.site.transport.desk(&program, opening) {
            Ok(desk) => self.desk = Some(desk),
            Err(error) => {
                tracing::warn!(%error, "somebody cannot watch a streamer");
                self.say(Told::StageFailed { stage: CONNECTION, error_code: FAULT }).await?;
                self.say(Told::InternalServerError).await?;
                return self.close(close_code::AGAIN, "no connection can be made").await;
            }
        }
        if let Some(said) = self.said.take() {
            self.signal(Signaling::Description(said)).await;
        }
        Ok(())
    }

    async fn hear(&mut self, text: &str) -> Goes {
        tokio::time::sleep(PACE).await;
        match Said::read(text) {
            Ok(Said::Signaling(said)) if self.desk.is_some() => self.signal(said).await,
            // Candidates are not needed: the peer comes to us.
            Ok(Said::Signaling(Signaling::AddIceCandidate(_))) => {}
            Ok(Said::Signaling(Signaling::Description(sdp))) => self.said = Some(sdp),
            Ok(Said::Steering(asked)) => self.ask(asked).await?,
            Err(error) => {
                tracing::warn!(%error, "what somebody who watches says cannot be read");
                if let Manners::Older { .. } = self.manners {
                    return self.close(close_code::INVALID, "this cannot be read").await;
                }
            }
        }
        Ok(())
    }

    /// What cannot be used is passed over: the connection that there is goes on.
    async fn signal(&mut self, said: Signaling) {
        let Some(desk) = &mut self.desk else { return };
        let said = match said {
            Signaling::Description(sdp) => rtc::Said::Description(sdp.into()),
            Signaling::AddIceCandidate(candidate) => rtc::Said::Candidate(inward(candidate)),
        };
        if let Err(error) = desk.hear(said).await {
            tracing::warn!(%error, "what somebody who watches says cannot be used");
        }
    }

    async fn follow(&mut self, told: rtc::Told) -> Goes {
        match told {
            rtc::Told::Description(description) => {
                self.say(Told::Signaling(Signaling::Description(description.into()))).await
            }
            rtc::Told::Candidate(candidate) => {
                self.say(Told::Signaling(Signaling::AddIceCandidate(outward(candidate)))).await
            }
            rtc::Told::Connected => {
                self.is_live = true;
                self.told = None;
                let live = Mail::Live(self.place.id.clone(), self.place.peer);
                self.place.mailbox.send(live).await.map_err(|_| Over)?;
                self.say(Told::StageComplete { stage: CONNECTION }).await?;
                self.complete().await
            }
            rtc::Told::Message { label, message } if *label == *talk::LABEL => {
                if let Some(asked) = self.talk.hear(message)
                    && let Some(reason) = self.place.ask(asked).await
                {
                    self.talk.refuse(reason).await;
                }
                Ok(())
            }
            rtc::Told::Message { label, message } => {
                match &message {
                    rtc::Message::Text(text) => self.hands.hear(&label, text.as_bytes()),
                    rtc::Message::Binary(bytes) => self.hands.hear(&label, bytes),
                }
                Ok(())
            }
            rtc::Told::Silent => {
                self.hands.let_go();
                Ok(())
            }
            rtc::Told::Quality(quality) => {
                self.notify(status(quality)).await;
                Ok(())
            }
            rtc::Told::Opened { label } if *label == *talk::LABEL => {
                if let Some(desk) = &self.desk {
                    self.talk.open(desk.speaker());
                }
                Ok(())
            }
            rtc::Told::Opened { .. } | rtc::Told::Shut { .. } | rtc::Told::Heard => Ok(()),
            rtc::Told::Closed(why) => {
                // Whoever reads nothing keeps last words waiting.
                self.hands.let_go();
                tracing::debug!(%why, "somebody who watches is connected no more");
                self.say(Told::ConnectionTerminated { error_code: FAULT }).await?;
                self.close(close_code::NORMAL, "the connection has ended").await
            }
        }
    }

    /// To whom is connected: what is seen has this size. Again, if it has another.
    async fn complete(&mut self) -> Goes {
        let shape = self.place.standing.borrow().shape;
        let size = (shape.width, shape.height);
        if !self.is_live || self.told == Some(size) {
            return Ok(());
        }
        self.told = Some(size);
        let capabilities = Capabilities { touch: IS_TOUCH_SCREEN };
        self.say(Told::ConnectionComplete { capabilities, width: size.0, height: size.1 }).await
    }

    async fn ask(&mut self, asked: Asked) -> Goes {
        self.asks = true;
        if let Some(reason) = self.place.ask(asked).await {
            self.say(Told::SteeringRefused { reason }).await?;
        }
        self.seats().await
    }

    /// Who steers, to whom wants to know.
    async fn seats(&mut self) -> Goes {
        if !self.asks {
            return Ok(());
        }
        let (host, asked) = {
            let seating = self.seating.borrow_and_update();
            (seating.host, seating.asked)
        };
        let table = &self.place.scene.table;
        let you = table.standing(self.place.peer);
        let asked_by = asked.filter(|_| you == You::Steers).and_then(|peer| table.id(peer));
        let host = host.and_then(|peer| table.id(peer));
        self.say(Told::Steering { host, you, asked_by }).await
    }

    async fn leave(&mut self, farewell: Farewell) -> Goes {
        self.hands.let_go();
        self.notify(Notice::ConnectionTerminated.text()).await;
        match farewell {
            Farewell::Ended => self.say(Told::PeerDisconnect).await?,
            Farewell::Kicked => self.say(Told::ClientKicked).await?,
            // In two tabs of one browser, the first: it is to come back as another.
            Farewell::Replaced => {
                self.say(Told::ClientKicked).await?;
                return self.close(close_code::NORMAL, "the same identity came by another connection").await;
            }
        }
        self.close(close_code::NORMAL, "it is over").await
    }

    /// On the channel that is for that. What it has no room for is lost.
    async fn notify(&self, notice: &str) {
        let Some(desk) = &self.desk else { return };
        let (speaker, text) = (desk.speaker(), rtc::Message::Text(notice.to_owned()));
        drop(tokio::time::timeout(WRITE, speaker.offer("general", text)).await);
    }

    async fn say(&mut self, told: Told) -> Goes {
        say(&mut self.socket, &told).await.map_err(|Deaf| Over)
    }

    async fn close(&mut self, code: u16, reason: &'static str) -> Goes {
        close(&mut self.socket, code, reason.to_owned()).await;
        Err(Over)
    }
}

/// The socket takes nothing.
pub(super) struct Deaf;

pub(super) async fn say(socket: &mut WebSocket, told: &Told) -> Result<(), Deaf> {
    match tokio::time::timeout(WRITE, socket.send(Message::text(told.text()))).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(_)) | Err(_) => Err(Deaf),
    }
}

/// A reason is cut to what a frame takes.
pub(super) async fn close(socket: &mut WebSocket, code: u16, mut reason: String) {
    let mut end = reason.len().min(123);
    while !reason.is_char_boundary(end) {
        end -= 1;
    }
    reason.truncate(end);
    let frame = Message::Close(Some(CloseFrame { code, reason: reason.into() }));
    drop(tokio::time::timeout(WRITE, socket.send(frame)).await);
}

/// Never, where there is no connection yet.
async fn heard(desk: &mut Option<Desk>) -> rtc::Told {
    match desk {
        Some(desk) => desk.told().await,
        None => std::future::pending().await,
    }
}

impl Scene {
    pub(super) fn app(&self) -> Told {
        Told::UpdateApp { app: App { app_id: self.app, title: self.title.clone(), is_hdr_supported: false } }
    }
}
