//! The connection of one call: what goes out by it, and what comes.
//!
//! ```text
//!   Dialling ── the peer's answer ──> Talking ── it is lost, or nobody wants it any more ──> over
//!                    an offer of the peer's ──^
//! ```
//! A task of its own drives it from the moment in which both descriptions are known.

use tokio::sync::mpsc;
use tokio_util::task::AbortOnDropHandle;
use tracing::Instrument;
use understudy_core::call::message::Candidate;
use understudy_core::connection;
use understudy_core::media::VideoCodec;
use understudy_core::offer::{Agreement, Encoding, Way};

use super::reception::{Inlet, Reception};
use crate::broadcast::{Hub, Metrics};
use crate::program::Program;
use crate::rtc::{self, Party};

/// Candidates that wait to be tried: more than a browser has.
const CANDIDATES: usize = 128;
/// What is told of it, before somebody takes it.
const TOLD: usize = 16;
/// What the transport counts those by who are in a call.
const NAME: &str = "call";

/// Makes connections. Clones are the same.
#[derive(Clone)]
pub struct Legs {
    transport: rtc::Handle,
    metrics: Metrics,
}

/// One connection; dropped, it ends.
pub struct Leg {
    legs: Legs,
    program: Program,
    state: State,
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
    remote: Remote,
    _driver: AbortOnDropHandle<()>,
}

/// What there is to tell of one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Told {
    Media(connection::State),
    /// By the peer, for good.
    Closed,
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
    /// As what the picture comes; none: its description has none.
    pub codec: Option<VideoCodec>,
    /// Whether its description has sound.
    pub has_sound: bool,
}

impl Legs {
    pub const fn new(transport: rtc::Handle, metrics: Metrics) -> Self {
        Self { transport, metrics }
    }

    /// A connection over which `program` goes out, and the offer of it.
    pub async fn offer(&self, program: Program) -> Result<(Leg, String), String> {
        let dialled = self.transport.dial().map_err(|error| error.to_string())?;
        let offer = dialled.sdp().to_owned();
        let state = State::Dialling(Box::new(dialled));
        Ok((Leg { legs: self.clone(), program, state }, offer))
    }

    /// One that answers the offer, and its answer.
    pub async fn answer(&self, offer: &str, program: Program) -> Result<(Leg, String), String> {
        let (inlet, reception) = Reception::new(&self.metrics);
        let answered = self.transport.answer_call(offer, party(&program, inlet)).await;
        let (call, answer) = answered.map_err(|error| error.to_string())?;
        let state = State::Talking(talk(call, reception));
        Ok((Leg { legs: self.clone(), program, state }, answer))
    }
}

fn party(program: &Program, inlet: Inlet) -> Party<'_> {
    Party { name: NAME, program, sink: Box::new(inlet) }
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
        let (inlet, reception) = Reception::new(&self.legs.metrics);
        let answered = outgoing.answered(answer, party(&self.program, inlet)).await;
        let call = answered.map_err(|error| error.to_string())?;
        self.state = State::Talking(talk(call, reception));
        Ok(())
    }

    /// The peer may be reached so, too. Does not wait: of more than there is room for, the last are left out.
    pub fn add(&self, candidate: &Candidate) {
        if let State::Talking(talking) = &self.state
            && talking.candidates.try_send(candidate.candidate.clone()).is_err()
        {
            tracing::debug!("a call is told of more candidates than it can take");
        }
    }

    /// What comes; none: not before the descriptions are exchanged.
    pub fn remote(&self) -> Option<Remote> {
        match &self.state {
            State::Talking(talking) => Some(talking.remote.clone()),
            State::Dialling(_) | State::Over => None,
        }
    }

    /// The next. May be given up on without losing any; pending for good after the last.
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
fn talk(call: rtc::Call, reception: Reception) -> Talking {
    let Agreement { video, audio, .. } = call.agreement();
    let remote = Remote {
        picture: reception.picture.clone(),
        sound: reception.sound.clone(),
        codec: codec(video),
        has_sound: !audio.comes.is_empty(),
    };
    let ((candidates, more), (tells, told)) = (mpsc::channel(CANDIDATES), mpsc::channel(TOLD));
    let driving = drive(call, reception, more, tells).in_current_span();
    Talking { candidates, told, remote, _driver: AbortOnDropHandle::new(tokio::spawn(driving)) }
}

/// Who may choose sends what is named first.
fn codec(way: &Way) -> Option<VideoCodec> {
    let first = way.comes.first()?;
    Some(if first.encoding == Encoding::H264 { VideoCodec::H264 } else { VideoCodec::Vp8 })
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
            rtc::Told::Closed(rtc::Ended::Closed) => Told::Closed,
            rtc::Told::Closed(ended) => Told::Lost(ended.to_string()),
            _ => continue,
        };
        let is_last = matches!(told, Told::Closed | Told::Lost(_));
        if tells.send(told).await.is_err() || is_last {
            return;
        }
    }
}

#[cfg(test)]
mod tests;
