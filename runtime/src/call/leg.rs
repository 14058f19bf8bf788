//! The connection of one call: what goes out by it, and what comes.
//!
//! ```text
//!   Dialling ── the peer's answer ──> Talking ── it is lost, or nobody wants it any more ──> over
//!                    an offer of the peer's ──^
//! ```
//! A task of its own drives it from the moment in which both descriptions are known.

use tokio::sync::{mpsc, watch};
use tokio_util::task::AbortOnDropHandle;
use tracing::Instrument;
use understudy_core::call::message::Candidate;
use understudy_core::connection;
use understudy_core::media::VideoCodec;
use understudy_core::offer::Agreement;
use understudy_core::rendition::{Audio, Video};

use super::curtain::{Curtain, Sends, Stage};
use super::reception::{Inlet, Reception};
use crate::broadcast::{Hub, Metrics};
use crate::program::Program;
use crate::rtc::{self, Party};

/// Candidates that wait to be tried: more than a browser has.
const CANDIDATES: usize = 128;
/// What is told of it, before somebody takes it.
const TOLD: usize = 16;

/// Makes connections. Clones are the same.
#[derive(Clone)]
pub struct Legs {
    transport: rtc::Handle,
    stage: Stage,
}

/// One connection; dropped, it ends.
pub struct Leg {
    legs: Legs,
    curtain: Curtain,
    state: State,
    remote: watch::Sender<Option<Remote>>,
}

enum State {
    Dialling(Box<rtc::Outgoing>),
    Talking(Talking),
    /// Its answer could not be taken.
    Over,
}

struct Talking {
    candidates: mpsc::Sender<String>,
    told: mpsc::Receiver<Told>,
    _driver: AbortOnDropHandle<()>,
}

/// What there is to tell of one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Told {
    Media(connection::State),
    /// For good, and why, for people.
    Lost(String),
}

/// What the other side shows and says, once it does.
#[derive(Clone)]
pub struct Remote {
    /// VP8 or H.264 units.
    pub picture: Hub,
    /// Opus units.
    pub sound: Hub,
    /// Whether its description has them.
    pub has_picture: bool,
    pub has_sound: bool,
}

impl Legs {
    /// `carried`: what camera and microphone do; `dark`: a black picture.
    pub fn new(transport: rtc::Handle, [carried, dark]: [Program; 2], metrics: Metrics) -> Self {
        Self { transport, stage: Stage { carried, dark, metrics } }
    }

    /// A connection, and the offer of it.
    pub async fn offer(&self) -> Result<(Leg, String), String> {
        let dialled = self.transport.dial().map_err(|error| error.to_string())?;
        let offer = dialled.sdp().to_owned();
        let state = State::Dialling(Box::new(dialled));
        let (curtain, remote) = (Curtain::new(&self.stage), watch::Sender::default());
        Ok((Leg { legs: self.clone(), curtain, state, remote }, offer))
    }

    /// One that answers the offer, and its answer.
    pub async fn answer(&self, offer: &str) -> Result<(Leg, String), String> {
        let (inlet, reception) = self.reception();
        let (curtain, remote) = (Curtain::new(&self.stage), watch::Sender::default());
        let answered = self.transport.answer_call(offer, party(&curtain, inlet)).await;
        let (call, answer) = answered.map_err(|error| error.to_string())?;
        let state = State::Talking(talk(call, reception, &remote));
        Ok((Leg { legs: self.clone(), curtain, state, remote }, answer))
    }

    /// What this participant shows of itself, as pages without WebRTC play it.
    pub fn preview(&self) -> (Hub, Hub) {
        let vp8 = Video { codec: VideoCodec::Vp8, ..Video::default() };
        (self.stage.carried.video(vp8), self.stage.carried.audio(Audio::default()))
    }

    fn reception(&self) -> (Inlet, Reception) {
        Reception::new(&self.stage.metrics)
    }
}

fn party(curtain: &Curtain, inlet: Inlet) -> Party<'_> {
    Party { name: "call", program: &curtain.program, sink: Box::new(inlet) }
}

impl Leg {
    /// The peer's answer.
    pub async fn take(&mut self, answer: &str) -> Result<(), String> {
        let outgoing = match std::mem::replace(&mut self.state, State::Over) {
            State::Dialling(outgoing) => outgoing,
            other => {
                self.state = other;
                return Err("the other side has answered already".to_owned());
            }
        };
        let (inlet, reception) = self.legs.reception();
        let answered = outgoing.answered(answer, party(&self.curtain, inlet)).await;
        let call = answered.map_err(|error| error.to_string())?;
        self.state = State::Talking(talk(call, reception, &self.remote));
        Ok(())
    }

    /// Another offer of the peer's, while the call lasts.
    pub async fn renew(&mut self, _offer: &str) -> Result<String, String> {
        Err("what goes to and fro is not changed while a call lasts".to_owned())
    }

    /// The peer may be reached so, too. Does not wait: of more than there is room for, the last are left out.
    pub fn add(&self, candidate: &Candidate) {
        if let State::Talking(talking) = &self.state
            && talking.candidates.try_send(candidate.candidate.clone()).is_err()
        {
            tracing::debug!("a call is told of more candidates than it can take");
        }
    }

    /// Whether sound and picture go out from now on: silence and black do otherwise. Does not wait.
    pub fn send(&self, audio: Sends, video: Sends) {
        self.curtain.sends(video, audio);
    }

    /// What comes; none: not before the descriptions are exchanged.
    pub fn remote(&self) -> watch::Receiver<Option<Remote>> {
        self.remote.subscribe()
    }

    /// The next. May be given up on without losing any; pending for good after `Lost`.
    pub async fn told(&mut self) -> Told {
        if let State::Talking(talking) = &mut self.state
            && let Some(told) = talking.told.recv().await
        {
            return told;
        }
        std::future::pending().await
    }
}

/// From now on media flows, or tries to.
fn talk(call: rtc::Call, reception: Reception, remote: &watch::Sender<Option<Remote>>) -> Talking {
    let Agreement { video, audio, .. } = call.agreement();
    remote.send_replace(Some(Remote {
        picture: reception.picture.clone(),
        sound: reception.sound.clone(),
        has_picture: !video.comes.is_empty(),
        has_sound: !audio.comes.is_empty(),
    }));
    let ((candidates, more), (tells, told)) = (mpsc::channel(CANDIDATES), mpsc::channel(TOLD));
    let driving = drive(call, reception, more, tells).instrument(tracing::info_span!("call"));
    Talking { candidates, told, _driver: AbortOnDropHandle::new(tokio::spawn(driving)) }
}

/// Until it is lost, or nobody asks any more.
async fn drive(
    mut call: rtc::Call,
    mut reception: Reception,
    mut candidates: mpsc::Receiver<String>,
    tells: mpsc::Sender<Told>,
) {
    let mut wishes = reception.picture.keyframe_requests();
    loop {
        let told = tokio::select! {
            candidate = candidates.recv() => match candidate {
                Some(candidate) => {
                    call.add(&candidate).await;
                    continue;
                }
                None => return,
            },
            need = wishes.next() => {
                call.refresh(need);
                continue;
            }
            () = reception.receive() => return,
            told = call.told() => told,
        };
        let told = match told {
            rtc::Told::Connected | rtc::Told::Heard => Told::Media(connection::State::Connected),
            rtc::Told::Silent => Told::Media(connection::State::Disconnected),
            rtc::Told::Closed(ended) => Told::Lost(ended.to_string()),
            _ => continue,
        };
        let is_last = matches!(told, Told::Lost(_));
        if tells.send(told).await.is_err() || is_last {
            return;
        }
    }
}

#[cfg(test)]
mod tests;
