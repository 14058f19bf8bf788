//! What carries the words of calls: a hub in this process, or one elsewhere.

mod away;

use understudy_core::call::message::Envelope;
use understudy_hub::{Member, Notice};

pub use away::{Address, Away, BadAddress};

/// How one peer speaks with others.
pub trait Signaler: Send + 'static {
    /// Does not wait.
    fn say(&mut self, envelope: Envelope) -> Result<(), Unsent>;

    /// What comes next. May be given up on without losing any.
    fn hear(&mut self) -> impl Future<Output = Heard> + Send;

    /// Says what is not said yet, and goes.
    fn leave(self) -> impl Future<Output = ()> + Send;
}

/// What there is to hear.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Heard {
    Word(Envelope),
    /// What was said on that topic found nobody, or no room.
    Unsent {
        to: String,
        topic: String,
    },
}

/// Why a word is not on its way, for people.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Unsent(String);

/// In this process.
impl Signaler for Member {
    fn say(&mut self, envelope: Envelope) -> Result<(), Unsent> {
        Self::say(self, envelope).map_err(|why| Unsent(why.to_string()))
    }

    async fn hear(&mut self) -> Heard {
        match self.next().await {
            Some(envelope) => Heard::Word(envelope),
            // Whoever holds its name for good is replaced by nobody.
            None => std::future::pending().await,
        }
    }

    /// All is said at once.
    async fn leave(self) {}
}

impl Heard {
    /// None: nothing that concerns a call.
    fn read(envelope: Envelope) -> Option<Self> {
        match Notice::read(&envelope) {
            None => Some(Self::Word(envelope)),
            Some(Notice::Unsent { to, topic }) => Some(Self::Unsent { to, topic }),
            Some(Notice::Unread) => None,
        }
    }
}
