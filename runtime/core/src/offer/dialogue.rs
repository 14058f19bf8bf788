//! Descriptions that go to and fro while a connection lasts: what is offered, answered and passed over.
//!
//! ```text
//!            ── we offer ──>           ┌─ an offer of the peer's: passed over, we do not give way
//!   Stable                    Offered ─┤
//!    │   ^  <── its answer ──          └─ part of an answer, or a word that something is taken back: passed over
//!    └───┘
//!   its offer: answered; the first, with an offer of what it did not ask for
//!
//!   Stable ── its offer, with other credentials ──> Renewing ── the stack's new ones: answered ──> Stable
//! ```
//! The WebRTC stack hears nothing of all that. It is told once, as soon as the peer has said who it is, that everything is taken; who
//! takes what is between us and the peer. Only where a peer is reached by other ICE credentials from now on (RFC 8839 §4.4.3) the
//! stack says with which of ours it is answered; DTLS, and all that goes over it, stays as it is.

mod wording;

mod reading;

use super::codec::Numbers;
use super::restart::Credentials;
use super::section;
use super::transport::Transport;
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
    /// The way to the peer is to be found anew, by these credentials of its. [`Dialogue::renewed`] hears ours.
    Renew(Credentials),
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
    /// A restart is offered (RFC 8839 §4.4.1.1.1).
    #[error(
        "the answer names other ICE credentials than before: the way is found anew by an offer that does"
    )]
    Restart,
    /// RFC 8842 §4.
    #[error(
        "the description names another certificate than before: another connection is to be begun for it"
    )]
    Certificate,
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
    /// The stack has not said yet with what this is answered.
    Renewing(Renewal),
}

/// An offer by which the way is found anew.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Renewal {
    transport: Transport,
    shown: Shown,
    places: Vec<Place>,
}

struct Contact {
    /// As the peer named it last, but for our part in the handshake: that is of the first time.
    transport: Transport,
}

/// How somebody who describes itself is known.
enum Met {
    First(Act),
    Again,
    /// By other credentials.
    Elsewhere,
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
            // It is answered first.
            | (Signal::Renewing(_), _)
            | (_, Type::Pranswer | Type::Rollback) => Ok(vec![]),
        }
    }

    /// What the stack says of itself after [`Act::Renew`]: its credentials, in SDP. None: it cannot, and everything is as it was.
    pub fn renewed(&mut self, said: Option<&str>) -> Vec<Act> {
        let Signal::Renewing(renewal) = std::mem::replace(&mut self.signal, Signal::Stable) else {
            return vec![];
        };
        let (Some(said), Some(contact)) = (said, &mut self.contact) else { return vec![] };
        let Renewal { transport, shown, places } = renewal;
        contact.transport = Transport { role: contact.transport.role, ..transport };
        self.us.renew(said);
        self.places = places;
        vec![Act::Show(shown), Act::Say(self.answer())]
    }

    fn hear_offer(&mut self, sdp: &str) -> Result<Vec<Act>, Unfit> {
        let (heard, places) = reading::offer(&self.us, sdp)?;
        let shown = heard.shown;
        let mut acts = match self.meet(&heard)? {
            Met::First(act) => vec![act],
            Met::Again => vec![],
            Met::Elsewhere => {
                let credentials = Credentials::of(&heard.transport);
                self.signal = Signal::Renewing(Renewal { transport: heard.transport, shown, places });
                return Ok(vec![Act::Renew(credentials)]);
            }
        };
        self.places = places;
        acts.push(Act::Show(shown));
        acts.push(Act::Say(self.answer()));
        let is_first = acts.iter().any(|act| matches!(act, Act::Connect { .. }));
        if is_first && (shown.video.is_none() || shown.audio.is_none()) {
            acts.push(Act::Say(self.offer()));
        }
        Ok(acts)
    }

    fn hear_answer(&mut self, heard: Heard) -> Result<Vec<Act>, Unfit> {
        let mut acts = match self.meet(&heard)? {
            Met::First(act) => vec![act],
            Met::Again => vec![],
            Met::Elsewhere => return Err(Unfit::Restart),
        };
        acts.push(Act::Show(heard.shown));
        self.signal = Signal::Stable;
        Ok(acts)
    }

    /// The first time it says who it is; later it has to be the same, and may be elsewhere.
    fn meet(&mut self, heard: &Heard) -> Result<Met, Unfit> {
        if heard.is_lite {
            return Err(Unfit::Lite);
        }
        let transport = heard.transport.clone();
        match &self.contact {
            Some(known) if !transport.is_same_peer(&known.transport) => Err(Unfit::Certificate),
            Some(known) if transport.is_elsewhere(&known.transport) => Ok(Met::Elsewhere),
            Some(_) => Ok(Met::Again),
            None => {
                self.contact = Some(Contact { transport: transport.clone() });
                let sdp = self.us.taken_whole(&transport, heard.message_size);
                Ok(Met::First(Act::Connect { transport, sdp }))
            }
        }
    }

    fn answer(&mut self) -> Description {
        Description { ty: Type::Answer, sdp: self.describe() }
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
        let setup = self.contact.as_ref().map_or("actpass", |contact| contact.transport.role.token());
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
