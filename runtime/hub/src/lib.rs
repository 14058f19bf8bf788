//! The hub: where peers that call each other leave word for one another, whichever program they are in.
//!
//! ```text
//!   member ── envelope ──> the mailbox of the peer that it is for ──> that member
//!      <── "unreachable", "busy" ── where there is none, or no room
//! ```
//! A mailbox is bounded, and so is the part of it that one sender may fill: who floods, or does not read, is in nobody's way. Nothing
//! is kept for peers that are not here.

mod allowance;
mod notice;
pub mod socket;

pub use notice::Notice;

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use understudy_core::call::message::{Envelope, is_name};

/// Of one peer. A call that begins is a dozen envelopes, most of them candidates.
const MAILBOX: usize = 256;
/// Of these, from one sender.
const SHARE: usize = 64;

/// Clones are the same hub.
#[derive(Clone)]
pub struct Hub(Arc<Shared>);

struct Shared {
    most: usize,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    boxes: HashMap<String, Arc<Mailbox>>,
    last: u64,
}

struct Mailbox {
    number: u64,
    hold: Hold,
    waiting: Mutex<VecDeque<Envelope>>,
    came: Notify,
    gone: CancellationToken,
}

/// How a member holds its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hold {
    /// Whoever comes under the same name takes its place: a connection may be lost without a word.
    Yielding,
    /// Nobody else can have it.
    Fast,
}

/// One who is here. Dropped, it is not.
pub struct Member {
    hub: Hub,
    name: String,
    mailbox: Arc<Mailbox>,
}

/// Why somebody cannot come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    #[error("peer: must be 1 to 128 bytes without control characters")]
    Name,
    #[error("peer: somebody else has this name for good")]
    Taken,
    #[error("as many peers are here as there may be")]
    Full,
}

/// Why an envelope is not on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unsent {
    #[error("from: must be the name under which you came")]
    Foreign,
    #[error("nobody of that name is here")]
    Absent,
    #[error("that peer has not read what you said before")]
    Busy,
}

impl Hub {
    /// Of so many peers.
    pub fn new(most: usize) -> Self {
        Self(Arc::new(Shared { most, state: Mutex::default() }))
    }

    /// Somebody comes, and is reached under that name.
    pub fn join(&self, name: &str, hold: Hold) -> Result<Member, Refused> {
        if !is_name(name) {
            return Err(Refused::Name);
        }
        let mut state = self.0.state.lock();
        let before = state.boxes.get(name);
        if before.is_some_and(|before| before.hold == Hold::Fast) {
            return Err(Refused::Taken);
        }
        if before.is_none() && state.boxes.len() >= self.0.most {
            return Err(Refused::Full);
        }
        state.last += 1;
        let mailbox = Arc::new(Mailbox {
            number: state.last,
            hold,
            waiting: Mutex::default(),
            came: Notify::new(),
            gone: CancellationToken::new(),
        });
        if let Some(before) = state.boxes.insert(name.to_owned(), Arc::clone(&mailbox)) {
            before.gone.cancel();
        }
        Ok(Member { hub: self.clone(), name: name.to_owned(), mailbox })
    }

    pub fn members(&self) -> usize {
        self.0.state.lock().boxes.len()
    }
}

impl Member {
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Does not wait: what has no room is not sent.
    pub fn say(&self, envelope: Envelope) -> Result<(), Unsent> {
        if envelope.from != self.name {
            return Err(Unsent::Foreign);
        }
        let mailbox = self.hub.0.state.lock().boxes.get(&envelope.to).cloned().ok_or(Unsent::Absent)?;
        let mut waiting = mailbox.waiting.lock();
        let own = waiting.iter().filter(|other| other.from == envelope.from).count();
        if own >= SHARE || waiting.len() >= MAILBOX {
            return Err(Unsent::Busy);
        }
        waiting.push_back(envelope);
        mailbox.came.notify_one();
        Ok(())
    }

    /// What comes next; none: somebody else has come under this name. May be given up on without losing anything.
    pub async fn next(&mut self) -> Option<Envelope> {
        let Mailbox { waiting, came, gone, .. } = &*self.mailbox;
        loop {
            if let Some(envelope) = waiting.lock().pop_front() {
                return Some(envelope);
            }
            tokio::select! {
                () = came.notified() => {}
                () = gone.cancelled() => return None,
            }
        }
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        let mut state = self.hub.0.state.lock();
        if state.boxes.get(&self.name).is_some_and(|mailbox| mailbox.number == self.mailbox.number) {
            state.boxes.remove(&self.name);
        }
    }
}

#[cfg(test)]
mod tests;
