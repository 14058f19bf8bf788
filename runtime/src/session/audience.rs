//! Who watches what has a name of its own, as the session is told of them.

use std::collections::HashMap;

use tokio::sync::{mpsc, watch};
use tokio_util::task::AbortOnDropHandle;

use super::told::forward;
use super::{Mail, Viewers};
use crate::program::Registry;

pub(super) struct Audience {
    viewers: Box<dyn Viewers>,
    programs: Registry,
    mailbox: mpsc::Sender<Mail>,
    followed: HashMap<String, [Followed; 2]>,
}

/// Those who come one way.
struct Followed {
    count: watch::Receiver<usize>,
    /// Tells the session of each change.
    _teller: AbortOnDropHandle<()>,
}

impl Audience {
    pub(super) fn new(viewers: Box<dyn Viewers>, programs: Registry, mailbox: mpsc::Sender<Mail>) -> Self {
        Self { viewers, programs, mailbox, followed: HashMap::new() }
    }

    /// Of these names, and no others.
    pub(super) fn follow<'a>(&mut self, names: impl Iterator<Item = &'a str>) {
        let mut before = std::mem::take(&mut self.followed);
        for name in names {
            let followed = before.remove(name).unwrap_or_else(|| self.both(name));
            self.followed.insert(name.to_owned(), followed);
        }
    }

    pub(super) fn of(&self, name: &str) -> usize {
        self.followed.get(name).into_iter().flatten().map(|followed| *followed.count.borrow()).sum()
    }

    /// Over WebRTC, and over all other ways.
    fn both(&self, name: &str) -> [Followed; 2] {
        [self.viewers.count(name), self.programs.audience(name)].map(|count| {
            let telling = forward(count.clone(), self.mailbox.clone(), || Mail::Viewers);
            Followed { count, _teller: AbortOnDropHandle::new(tokio::spawn(telling)) }
        })
    }
}
