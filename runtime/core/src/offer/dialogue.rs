//! Descriptions that go to and fro while a connection lasts: what is offered, answered and passed over.
//!
//! ```text
//!            ── we offer ──>           ┌─ an offer of the peer's: passed over, we do not give way
//!   Stable                    Offered ─┤
//!    │   ^  <── its answer ──          └─ part of an answer, or a word that something is taken back: passed over
//!    └───┘
//!   its offer: answered; the first, with an offer of what it did not ask for
//! ```
//! The WebRTC stack hears nothing of all that. It is told once, as soon as the peer has said who it is, that everything is taken; who
//! takes what is between us and the peer.

mod wording;

mod reading;

use super::codec::Numbers;
use super::section;
use super::transport::{DtlsRole, Transport};
use super::{Fault, Unusable};
use reading::Heard;
use wording::{Place, Us};

/// What a description is (RFC 9429 §4.1.10).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Type {
    Offer,
    Answer,
    /// An answer that another may follow.
    Pranswer,
    /// The offer before it is taken back.
    Rollback,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Description {
    pub ty: Type,
    pub sdp: String,
}

/// Who offers first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum First {
    /// We do, at once. An offer of the peer's that comes before its answer is not heard.
    Us,
    /// The peer does. As soon as it is answered we offer what it has not asked for.
    Peer,
}

/// What is to be done, in this order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Act {
    /// The peer has said who it is. `sdp`: the answer for the stack, whose offer it takes whole.
    Connect {
        transport: Transport,
        sdp: String,
    },
    /// What is sent from now on.
    Show(Shown),
    Say(Description),
}

/// What the peer takes of what there is to show.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Shown {
    pub video: Option<Numbers>,
    pub audio: Option<Numbers>,
}

/// Why a description was not taken. Nothing has changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    #[error(transparent)]
    Offer(#[from] Fault),
    #[error(transparent)]
    Answer(#[from] Unusable),
    #[error("the description is a=ice-lite, as this server is: one of the two must check the way")]
    Lite,
    #[error("the way cannot be found anew in this connection: another is to be begun")]
    Restart,
}

/// What was said so far.
pub struct Dialogue {
    us: Us,
    first: First,
    /// As described last, by us.
    places: Vec<Place>,
    signal: Signal,
    /// Once the peer has said who it is.
    contact: Option<Contact>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Signal {
    Stable,
    /// With these words.
    Offered(String),
}

struct Contact {
    ufrag: String,
    /// Ours.
    role: DtlsRole,
}

impl Dialogue {
    /// `raw`: the stack's offer of a picture, a sound and data channels.
    pub fn new(raw: &str, first: First) -> Result<Self, Fault> {
        Ok(Self { us: Us::read(raw)?, first, places: vec![], signal: Signal::Stable, contact: None })
    }

    /// What is said before anything is heard.
    pub fn begin(&mut self) -> Option<Description> {
        (self.first == First::Us).then(|| self.offer())
    }

    pub fn hear(&mut self, said: &Description) -> Result<Vec<Act>, Unfit> {
        match (&self.signal, said.ty) {
            (Signal::Stable, Type::Offer) => self.hear_offer(&said.sdp),
            (Signal::Offered(offer), Type::Answer) => {
                let heard = reading::answer(offer, &said.sdp)?;
                self.hear_answer(heard)
            }
            // An offer that collides with ours; an answer that comes late; words before the last.
            (Signal::Offered(_), Type::Offer)
            | (Signal::Stable, Type::Answer)
            | (_, Type::Pranswer | Type::Rollback) => Ok(vec![]),
        }
    }

    fn hear_offer(&mut self, sdp: &str) -> Result<Vec<Act>, Unfit> {
        let (heard, places) = reading::offer(&self.us, sdp)?;
        let mut acts = self.meet(heard.transport, heard.is_lite, heard.message_size)?;
        self.places = places;
        acts.push(Act::Show(heard.shown));
        let sdp = self.describe();
        acts.push(Act::Say(Description { ty: Type::Answer, sdp }));
        let is_first = acts.iter().any(|act| matches!(act, Act::Connect { .. }));
        if is_first && (heard.shown.video.is_none() || heard.shown.audio.is_none()) {
            acts.push(Act::Say(self.offer()));
        }
        Ok(acts)
    }

    fn hear_answer(&mut self, heard: Heard) -> Result<Vec<Act>, Unfit> {
        let mut acts = self.meet(heard.transport, heard.is_lite, heard.message_size)?;
        acts.push(Act::Show(heard.shown));
        self.signal = Signal::Stable;
        Ok(acts)
    }

    /// The first time it says who it is; later it has to be the same.
    fn meet(&mut self, transport: Transport, is_lite: bool, message_size: u32) -> Result<Vec<Act>, Unfit> {
        if is_lite {
            return Err(Unfit::Lite);
        }
        match &self.contact {
            Some(known) if known.ufrag != transport.ufrag => Err(Unfit::Restart),
            Some(_) => Ok(vec![]),
            None => {
                self.contact = Some(Contact { ufrag: transport.ufrag.clone(), role: transport.role });
                let sdp = self.us.taken_whole(&transport, message_size);
                Ok(vec![Act::Connect { transport, sdp }])
            }
        }
    }

    /// Everything that is not described yet, behind what is.
    fn offer(&mut self) -> Description {
        self.us.complete(&mut self.places);
        let sdp = self.describe();
        self.signal = Signal::Offered(sdp.clone());
        Description { ty: Type::Offer, sdp }
    }

    fn describe(&mut self) -> String {
        // The part in the handshake is not changed while a connection lasts (RFC 8842 §5.5).
        let setup = self.contact.as_ref().map_or("actpass", |contact| contact.role.token());
        self.us.describe(&self.places, setup)
    }
}

/// Our candidates as a description of ours has them, each with the `a=mid` that it belongs to. The last is empty: there are no more.
pub fn candidates(sdp: &str) -> Vec<(String, String)> {
    let Some(first) = section::split(sdp).ok().and_then(|lines| lines.sections.into_iter().next()) else {
        return vec![];
    };
    let mid = first.mid().unwrap_or_default().to_owned();
    let each = first.attributes("candidate").map(|candidate| format!("candidate:{candidate}"));
    each.chain([String::new()]).map(|candidate| (mid.clone(), candidate)).collect()
}

#[cfg(test)]
mod tests;
