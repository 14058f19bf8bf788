//! The data channel `desk` of one who watches (`docs/reference/desk-channel.md`): who else is here, where they point, what was copied.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{broadcast, watch};
use understudy_core::steering::allowance::{Allowance, Cost};
use understudy_core::steering::clipboard::{Joined, Part};
use understudy_core::steering::{Peer, Place};
use understudy_core::streamer::message::Asked;
use understudy_core::streamer::talk::{LABEL, MOST_BYTES, Said, Told};

use super::hands::{Seating, Table};
use super::now;
use crate::deadline::reached;
use crate::rtc::{Message, Speaker};

/// Between two names of one: all others are told of each.
const RENAMED: Duration = Duration::from_secs(1);
/// Between two times that one is told who is here.
const PACE: Duration = Duration::from_millis(250);

pub(super) struct Talk {
    table: Table,
    peer: Peer,
    /// Once the channel is open.
    speaker: Option<Speaker>,
    seating: watch::Receiver<Seating>,
    cursors: broadcast::Receiver<(Peer, Place)>,
    copied: watch::Receiver<Option<Arc<str>>>,
    told: Seating,
    seated_until: Option<Instant>,
    allowance: Allowance,
    joined: Joined,
    renamed: Option<Instant>,
    /// What it calls itself, to be told once a second has passed since it was told last.
    name: Option<String>,
    /// A text of its was taken, which it has not been told.
    took: bool,
}

/// What there is to tell.
pub(super) enum News {
    Seating,
    Cursor(Peer, Place),
    Copied,
    /// A text of its was taken.
    Took,
    /// What it calls itself is to be told to all.
    Name(String),
}

impl Talk {
    pub(super) fn new(table: Table, peer: Peer) -> Self {
        let (seating, cursors, copied) = (table.seating(), table.cursors(), table.copied());
        Self {
            table,
            peer,
            speaker: None,
            seating,
            cursors,
            copied,
            told: Seating::default(),
            seated_until: None,
            allowance: Allowance::new(now()),
            joined: Joined::default(),
            renamed: None,
            name: None,
            took: false,
        }
    }

    /// The channel can be used: says what whoever opens it has to know first.
    pub(super) fn open(&mut self, speaker: Speaker) {
        self.speaker = Some(speaker);
        self.cursors = self.table.cursors();
        self.copied.mark_unchanged();
        self.seating.mark_changed();
    }

    /// What is next; never, while the channel is shut. May be given up on without losing anything.
    pub(super) async fn news(&mut self) -> News {
        if self.speaker.is_none() {
            return std::future::pending().await;
        }
        if self.took {
            return News::Took;
        }
        let (seating, cursors, copied) = (&mut self.seating, &mut self.cursors, &mut self.copied);
        let until = self.seated_until;
        let seated = async {
            if until.is_some() {
                reached(until.map(Into::into)).await;
            }
            seating.changed().await
        };
        let (name, renamed) = (&mut self.name, &mut self.renamed);
        let named = async {
            if name.is_none() {
                return std::future::pending().await;
            }
            if let Some(renamed) = *renamed {
                reached(Some((renamed + RENAMED).into())).await;
            }
            *renamed = Some(now());
            name.take().unwrap_or_default()
        };
        tokio::select! {
            Ok(()) = seated => News::Seating,
            name = named => News::Name(name),
            (peer, place) = another(cursors, self.peer) => News::Cursor(peer, place),
            Ok(()) = copied.changed() => News::Copied,
            else => std::future::pending().await,
        }
    }

    pub(super) async fn tell(&mut self, news: News) {
        match news {
            News::Seating => self.seats().await,
            News::Cursor(peer, Place { x, y }) => {
                if let Some(id) = self.table.id(peer) {
                    self.offer(&Told::Cursor { id, x, y }).await;
                }
            }
            News::Took => {
                self.took = false;
                self.say(&Told::Copied).await;
            }
            News::Name(name) => self.table.rename(self.peer, &name),
            News::Copied => {
                let copied = self.copied.borrow_and_update().clone();
                if let Some(text) = copied.filter(|_| self.table.shares_clipboard(self.peer)) {
                    self.offer(&Told::Clipboard { text: text.to_string() }).await;
                }
            }
        }
    }

    /// A message on the channel. What is for the seat is asked by whoever has the place.
    pub(super) fn hear(&mut self, message: Message) -> Option<Asked> {
        if !self.allowance.allows(now(), Cost::Down) {
            return None;
        }
        self.joined.expire(now());
        let said = match message {
            Message::Text(text) => Said::read(&text).map_err(|error| error.to_string()),
            Message::Binary(_) if !self.table.shares_clipboard(self.peer) => return None,
            Message::Binary(bytes) => {
                let joined = Part::read(&bytes).and_then(|part| self.joined.add(part, now()));
                match joined.map_err(|error| error.to_string()) {
                    Ok(None) => return None,
                    Ok(Some(text)) => Ok(Said::Clipboard { text }),
                    Err(error) => Err(error),
                }
            }
        };
        match said {
            Ok(Said::Name(name)) => {
                self.name = Some(name);
                None
            }
            Ok(Said::Clipboard { text }) => {
                self.took |= self.table.copy(self.peer, text);
                None
            }
            Ok(Said::Request) => Some(Asked::Request),
            Ok(Said::Release) => Some(Asked::Release),
            Ok(Said::Take) => Some(Asked::Take),
            Ok(Said::Give { to }) => Some(Asked::Give { peer_id: to }),
            Err(error) => {
                tracing::debug!(%error, "a message on the channel desk says nothing");
                None
            }
        }
    }

    pub(super) async fn refuse(&self, reason: String) {
        self.say(&Told::Refused { reason }).await;
    }

    async fn seats(&mut self) {
        let seating = self.seating.borrow_and_update().clone();
        self.seated_until = Some(now() + PACE);
        let was = std::mem::replace(&mut self.told, seating.clone());
        let (mine, mode) = (seating.here.get(&self.peer), self.table.mode());
        let shared_otherwise = was.sharing != seating.sharing;
        if let Some(me) = mine.filter(|me| shared_otherwise || was.here.get(&self.peer) != Some(*me)) {
            let (id, name, role) = (me.id.clone(), me.name.clone(), me.role);
            let (layout, clipboard) = (self.table.layout(), self.table.shares_clipboard(self.peer));
            self.say(&Told::You { id, name, role, mode, layout, clipboard }).await;
        }
        if (&was.here, was.host) != (&seating.here, seating.host) {
            self.offer(&Told::People(seating.people())).await;
        }
        if was.host != seating.host {
            let id = seating.host.and_then(|host| self.table.id(host));
            self.say(&Told::Host { id }).await;
        }
        let is_new = (was.host, was.asked) != (seating.host, seating.asked);
        let asked = seating.asked.filter(|_| is_new && seating.host == Some(self.peer));
        if let Some(by) = asked.and_then(|peer| self.table.id(peer)) {
            self.say(&Told::Asked { by }).await;
        }
    }

    /// What ends a connection that has no room for it.
    async fn say(&self, told: &Told) {
        if let (Some(speaker), Some(message)) = (&self.speaker, message(told)) {
            // Who is gone hears nothing, which the conversation is told.
            let _ = speaker.say(LABEL, message).await;
        }
    }

    /// What whoever reads too slowly misses: it is of others.
    async fn offer(&self, told: &Told) {
        if let (Some(speaker), Some(message)) = (&self.speaker, message(told)) {
            let _ = speaker.offer(LABEL, message).await;
        }
    }
}

fn message(told: &Told) -> Option<Message> {
    let text = told.text();
    if text.len() > MOST_BYTES {
        tracing::debug!(bytes = text.len(), "what is to be told on the channel desk is too long");
        return None;
    }
    Some(Message::Text(text))
}

/// Where somebody else points. Who reads too slowly misses where it was meanwhile.
async fn another(cursors: &mut broadcast::Receiver<(Peer, Place)>, me: Peer) -> (Peer, Place) {
    loop {
        match cursors.recv().await {
            Ok((peer, place)) if peer != me => return (peer, place),
            Ok(_) | Err(RecvError::Lagged(_)) => {}
            Err(RecvError::Closed) => return std::future::pending().await,
        }
    }
}
