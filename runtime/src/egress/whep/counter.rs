//! Offers to players that want to answer: who posts nothing is offered something, and patches its answer
//! (draft-ietf-wish-whep, §4.2).

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use crate::program::Program;
use crate::rtc::Offering;

/// From the offer to its answer, which a player makes in a moment.
const ANSWERED_WITHIN: Duration = Duration::from_secs(30);
/// At once. Each has a seat of a viewer meanwhile, which is what an offer costs.
const MOST: usize = 16;

/// Clones are the same. What is not answered in time is gone when the next player comes, and answers nobody.
#[derive(Clone, Default)]
pub(super) struct Counters(Arc<Mutex<HashMap<String, Counter>>>);

/// What a player was offered.
pub(super) struct Counter {
    pub name: String,
    pub program: Program,
    pub offering: Offering,
    until: Instant,
}

impl Counters {
    /// Those that are late are gone, and their seats free.
    pub fn expire(&self, now: Instant) {
        self.0.lock().retain(|_, counter| counter.until > now);
    }

    /// Whether there is room for another.
    pub fn have_room(&self) -> bool {
        self.0.lock().len() < MOST
    }

    pub fn keep(&self, name: &str, program: &Program, offering: Offering, now: Instant) {
        let (name, program, id) = (name.to_owned(), program.clone(), offering.session_id().to_owned());
        self.0.lock().insert(id, Counter { name, program, offering, until: now + ANSWERED_WITHIN });
    }

    /// The one of that session, which is answered.
    pub fn take(&self, session_id: &str, now: Instant) -> Option<Counter> {
        self.0.lock().remove(session_id).filter(|counter| counter.until > now)
    }

    pub fn holds(&self, session_id: &str) -> bool {
        self.0.lock().contains_key(session_id)
    }
}
