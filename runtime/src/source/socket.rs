//! What somebody sends over a WebSocket: MPEG-TS as picture or MP3 as sound, played by its own timestamps.
//!
//! Whoever sends faster than that is not read meanwhile; whoever sends in real time is shown as it comes.

mod chain;

use std::time::Duration;

use bytes::Bytes;
use tokio::sync::watch;
use tokio::task::yield_now;
use tokio::time::{Instant, MissedTickBehavior, interval};
use understudy_core::input::intake::{Form, Found, Intake};
use understudy_core::input::watch::{Arrival, STALLED};
use understudy_core::input::{Failure, Health, Plan};
use understudy_core::media::Kind;

use super::Surroundings;
use super::need::Needs;
use super::resting::Resting;
use crate::camera::Writer;
use crate::feed::{Format, LARGEST_PIECE, Turn};
use crate::gst::Error;
use crate::ingest::socket::Event;
use chain::{Chain, Room};

/// How often is looked: a tenth of what counts as a stall.
const LOOK: Duration = Duration::from_millis(200);
/// Bytes come and nothing can be made of them for so long: it is said. Longer than a decoder takes to begin.
const SENSELESS: Duration = Duration::from_secs(5);
/// The same for a picture that can be decoded alone: encoders send one at least each ten seconds.
const NO_START: Duration = Duration::from_secs(15);
/// A sender that changes its format more often than this is not followed: to do so costs more than it shows.
const CHANGE_GAP: Duration = Duration::from_millis(500);
/// What decoder and sink still hold of the last piece is played by then.
const LINGER: Duration = Duration::from_millis(200);
/// No timer is finer than this; what is due within it is played now.
const TIMER: Duration = Duration::from_millis(1);

/// Plays what is sent for as long as it is wanted; senders may come and go meanwhile.
pub(super) async fn play(
    plan: &Plan,
    surroundings: &Surroundings,
    writer: Option<Writer>,
    health: &watch::Sender<Health>,
) -> Result<(), Failure> {
    let room = Room::default();
    let mut stage = Stage::new(plan, surroundings, writer, health, room.clone());
    let mut attachment = surroundings.ingest.socket.attach(stage.kind);
    stage.tell(Health::Waiting);
    let mut look = interval(LOOK);
    look.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let (reads, next) = (stage.reads(), stage.next());
        let step = tokio::select! {
            event = attachment.next(), if reads && stage.unread.is_empty() => stage.on(event).await,
            () = yield_now(), if reads && !stage.unread.is_empty() => {
                stage.read();
                Ok(())
            }
            () = until(next) => stage.show_next().await,
            () = room.made() => Ok(()),
            () = stage.rest.changed() => {
                stage.heed_needs();
                Ok(())
            }
            _ = look.tick() => stage.look().await,
        };
        if let Err(error) = step {
            stage.clear().await;
            return Err(Failure { reason: "PipelineFailed", message: error.to_string() });
        }
    }
}

struct Stage<'a> {
    kind: Kind,
    plan: &'a Plan,
    surroundings: &'a Surroundings,
    writer: Option<Writer>,
    health: &'a watch::Sender<Health>,
    room: Room,
    /// While this source plays, what is sent as picture is shown to people.
    feed: Option<Turn>,
    sender: Sender,
    intake: Intake,
    /// The rest of a message.
    unread: Bytes,
    chain: Option<Chain>,
    /// Bytes that came and of which nothing is shown yet.
    senseless: Option<Senseless>,
    stalled: bool,
    rest: Resting,
}

#[derive(Clone, Copy, Debug)]
struct Senseless {
    since: Instant,
    last: Instant,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sender {
    Absent,
    Present,
    /// What it left behind is still played.
    Gone,
}

impl<'a> Stage<'a> {
    fn new(
        plan: &'a Plan,
        surroundings: &'a Surroundings,
        writer: Option<Writer>,
        health: &'a watch::Sender<Health>,
        room: Room,
    ) -> Self {
        // Each kind has a socket of its own, so that no plan carries both.
        let kind = if writer.is_some() { Kind::Video } else { Kind::Audio };
        let feed = (kind == Kind::Video).then(|| surroundings.feed.begin(Format::MpegTs));
        let (sender, intake, unread) = (Sender::Absent, Intake::new(kind), Bytes::new());
        let (chain, senseless, stalled) = (None, None, false);
        let rest = Resting::new(Needs::of(plan, surroundings));
        Self {
            kind,
            plan,
            surroundings,
            writer,
            health,
            room,
            feed,
            sender,
            intake,
            unread,
            chain,
            senseless,
            stalled,
            rest,
        }
    }

    async fn on(&mut self, event: Event) -> Result<(), Error> {
        match event {
            Event::Began => {
                tracing::info!(kind = ?self.kind, "somebody sends");
                self.clear().await;
                self.sender = Sender::Present;
                Ok(())
            }
            Event::Data(data) => {
                let now = Instant::now();
                self.senseless.get_or_insert(Senseless { since: now, last: now }).last = now;
                self.unread = data;
                self.read();
                Ok(())
            }
            Event::Ended => {
                tracing::info!(kind = ?self.kind, "nobody sends any more");
                self.sender = Sender::Gone;
                self.look().await
            }
        }
    }

    /// Takes a part of what came: a long message is not taken apart at once.
    fn read(&mut self) {
        let part = self.unread.split_to(self.unread.len().min(LARGEST_PIECE));
        if let Some(feed) = &self.feed {
            feed.send(&part);
        }
        self.intake.push(&part, crate::gst::now());
    }

    /// Whether more is to be read.
    fn reads(&mut self) -> bool {
        !self.intake.is_full(crate::gst::now())
    }

    /// When the next piece is to be played, if there is room for it.
    fn next(&self) -> Option<Duration> {
        let room = self.chain.as_ref().is_none_or(Chain::has_room);
        self.intake.due().filter(|_| room)
    }

    async fn show_next(&mut self) -> Result<(), Error> {
        let Some(piece) = self.intake.take() else { return Ok(()) };
        match &self.chain {
            Some(chain) if chain.plays(piece.form) => {}
            Some(chain) if chain.age() < CHANGE_GAP => return Ok(()),
            _ => self.renew(piece.form).await?,
        }
        if let Some(chain) = &mut self.chain {
            chain.push(piece);
        }
        Ok(())
    }

    async fn renew(&mut self, form: Form) -> Result<(), Error> {
        if let Some(chain) = self.chain.take() {
            chain.stop().await;
        }
        tracing::info!(?form, "a stream begins");
        let chain = match (form, &self.writer) {
            (Form::Picture(codec), Some(writer)) => {
                Chain::picture(codec, self.plan.shape, writer.clone(), self.surroundings, &self.room)?
            }
            (Form::Sound(format), _) => Chain::sound(format, self.surroundings, &self.room)?,
            (Form::Picture(_), None) => return Ok(()),
        };
        chain.start().await?;
        self.chain = Some(chain);
        self.rest.forget(self.kind);
        Ok(())
    }

    async fn look(&mut self) -> Result<(), Error> {
        if let Some(error) = self.chain.as_ref().and_then(Chain::look_after) {
            return Err(error);
        }
        if self.sender == Sender::Gone && self.is_played() {
            self.clear().await;
            self.sender = Sender::Absent;
        }
        let arrival = self.chain.as_ref().map_or(Arrival::Nothing, Chain::arrival);
        let stalled = arrival.stalled(crate::gst::now());
        if stalled && !std::mem::replace(&mut self.stalled, stalled) {
            // Never a frozen picture. Sound that does not come is silence by itself.
            self.show_slate();
        }
        self.stalled = stalled;
        self.heed_needs();
        let health = self.judge(arrival);
        self.tell(health);
        Ok(())
    }

    /// What nobody needs is not decoded.
    fn heed_needs(&mut self) {
        let Some(chain) = &self.chain else { return };
        let plays = !self.stalled && chain.arrival() != Arrival::Nothing;
        if let Some(change) = self.rest.look_at(self.kind, crate::gst::now(), plays) {
            chain.rest(change);
        }
    }

    /// Whether all that came has been shown.
    fn is_played(&self) -> bool {
        let nothing_waits = self.unread.is_empty() && self.intake.due().is_none();
        nothing_waits && self.chain.as_ref().is_none_or(|chain| chain.idle() > LINGER)
    }

    fn judge(&mut self, arrival: Arrival) -> Health {
        if self.sender == Sender::Absent {
            return Health::Waiting;
        }
        if !self.stalled && arrival != Arrival::Nothing {
            self.senseless = None;
            return if self.rest.rests() { Health::Resting } else { Health::Playing };
        }
        if self.intake.found() == Found::Tag {
            // It says how long it is: what follows it is judged.
            self.senseless = None;
        }
        let came = self.senseless.take_if(|senseless| senseless.last.elapsed() < STALLED);
        self.senseless = came;
        let fault =
            came.and_then(|senseless| fault(self.kind, self.intake.found(), senseless.since.elapsed()));
        match fault {
            Some(failure) => Health::Failed(failure),
            None if self.stalled => Health::Stalled,
            None => Health::Waiting,
        }
    }

    /// Whatever is played ends, and what waits is thrown away.
    async fn clear(&mut self) {
        (self.intake, self.unread) = (Intake::new(self.kind), Bytes::new());
        (self.senseless, self.stalled) = (None, false);
        if let Some(chain) = self.chain.take() {
            chain.stop().await;
            self.show_slate();
        }
        self.rest.forget(self.kind);
    }

    fn show_slate(&self) {
        if let Some(writer) = &self.writer {
            writer.show_slate();
        }
    }

    fn tell(&self, health: Health) {
        let news = self.health.send_if_modified(|last| {
            let changed = *last != health;
            *last = health.clone();
            changed
        });
        if news {
            tracing::info!(kind = ?self.kind, ?health, "what is sent over a socket has changed its course");
        }
    }
}

/// What is wrong with bytes that have come for so long and of which nothing is shown.
fn fault(kind: Kind, found: Found, time: Duration) -> Option<Failure> {
    let (reason, message) = match (found, kind) {
        (Found::Nothing, Kind::Video) if time > SENSELESS => (
            "NotMpegTs",
            "what is sent to the video socket is not MPEG-TS with a picture in MPEG-1, MPEG-2 or H.264",
        ),
        (Found::Nothing, Kind::Audio) if time > SENSELESS => {
            ("NotMp3", "what is sent to the audio socket is not MP3")
        }
        (Found::Middle, _) if time > NO_START => {
            ("NoKeyframe", "no picture that can be decoded alone is sent to the video socket")
        }
        (Found::Pieces, _) if time > SENSELESS => {
            ("NotDecodable", "what is sent to the socket cannot be decoded")
        }
        _ => return None,
    };
    Some(Failure { reason, message: message.to_owned() })
}

async fn until(due: Option<Duration>) {
    match due.map(|due| due.saturating_sub(crate::gst::now())) {
        Some(wait) if wait <= TIMER => {}
        Some(wait) => tokio::time::sleep(wait).await,
        None => std::future::pending().await,
    }
}
