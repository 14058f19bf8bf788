//! Who owns the calls of a participant: takes what is asked and heard one at a time, and does what the book decides.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Instant;

use tokio::sync::{mpsc, oneshot, watch};
use tokio_util::sync::CancellationToken;
use understudy_core::call::{Act, Book, End, Id, Line, Manners, Ringing, Unfit};
use understudy_core::media::Kind;

use super::curtain::Stage;
use super::leg::{Legs, Told};
use super::line::{Do, News, Ongoing, Slot};
use super::metrics::Metrics;
use super::signaler::{Heard, Signaler, Unsent};
use crate::deadline;

/// What is asked waits here; a full box makes whoever asks wait.
const MAILBOX: usize = 32;
/// The same of what connections have to tell.
const NEWS: usize = 64;

/// The calls of one participant. Clones are the same.
#[derive(Clone)]
pub struct Calls {
    asks: mpsc::Sender<Ask>,
    table: watch::Receiver<Arc<Table>>,
}

/// What goes on, and what rings.
#[derive(Clone, Default)]
pub struct Table {
    pub ongoing: BTreeMap<String, Ongoing>,
    pub ringing: Vec<Ringing>,
}

/// Why a call is not begun.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotBegun {
    #[error(transparent)]
    Unfit(#[from] Unfit),
    /// Whoever has called hears nothing of it.
    #[error(transparent)]
    Unsent(#[from] Unsent),
    #[error("this participant takes part in no calls any more")]
    Ended,
}

/// Over for good: there are no calls here any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this participant takes part in no calls any more")]
pub struct Gone;

/// What calls are made of.
pub struct Setup {
    /// As others know this participant.
    pub me: String,
    pub manners: Manners,
    pub legs: Legs,
    pub stage: Stage,
    pub metrics: Metrics,
}

enum Ask {
    Start { channel: String, peer: String, reply: oneshot::Sender<Result<(), NotBegun>> },
    Accept { channel: String, peer: String, reply: oneshot::Sender<Result<(), NotBegun>> },
    HangUp { channel: String, reply: oneshot::Sender<bool> },
    Toggle { channel: String, kind: Kind, reply: oneshot::Sender<Option<bool>> },
}

/// The calls of a participant, and what drives them until `shutdown`, when all of them are hung up.
pub fn start<S: Signaler>(
    setup: Setup,
    signaler: S,
    shutdown: CancellationToken,
) -> (Calls, impl Future<Output = ()> + Send + 'static) {
    let ((asks, asked), (table, shown)) = (mpsc::channel(MAILBOX), watch::channel(Arc::default()));
    let (news, told) = mpsc::channel(NEWS);
    let Setup { me, manners, legs, stage, metrics } = setup;
    let book = Book::new(&me, manners);
    let driver = Driver { book, slots: HashMap::new(), signaler, legs, stage, metrics, news, table };
    (Calls { asks, table: shown }, driver.run(asked, told, shutdown))
}

impl Calls {
    /// Calls a peer; one who calls on that channel is taken. Whether anybody answers the call itself tells.
    pub async fn start(&self, channel: String, peer: String) -> Result<(), NotBegun> {
        let begun = self.ask(|reply| Ask::Start { channel, peer, reply }).await;
        begun.unwrap_or(Err(NotBegun::Ended))
    }

    /// Takes a peer's call.
    pub async fn accept(&self, channel: String, peer: String) -> Result<(), NotBegun> {
        let begun = self.ask(|reply| Ask::Accept { channel, peer, reply }).await;
        begun.unwrap_or(Err(NotBegun::Ended))
    }

    /// Ends a call, or declines one that rings. False: there is none.
    pub async fn hang_up(&self, channel: String) -> Result<bool, Gone> {
        self.ask(|reply| Ask::HangUp { channel, reply }).await.ok_or(Gone)
    }

    /// Whether that goes out from now on; none: there is no such call.
    pub async fn toggle(&self, channel: String, kind: Kind) -> Result<Option<bool>, Gone> {
        self.ask(|reply| Ask::Toggle { channel, kind, reply }).await.ok_or(Gone)
    }

    /// What goes on and rings, as it changes; how a call stands that call tells.
    pub fn table(&self) -> watch::Receiver<Arc<Table>> {
        self.table.clone()
    }

    pub fn find(&self, channel: &str) -> Option<Ongoing> {
        self.table.borrow().ongoing.get(channel).cloned()
    }

    async fn ask<T>(&self, ask: impl FnOnce(oneshot::Sender<T>) -> Ask) -> Option<T> {
        let (reply, answer) = oneshot::channel();
        self.asks.send(ask(reply)).await.ok()?;
        answer.await.ok()
    }
}

struct Driver<S> {
    book: Book,
    slots: HashMap<Id, Slot>,
    signaler: S,
    legs: Legs,
    stage: Stage,
    metrics: Metrics,
    news: mpsc::Sender<(Id, News)>,
    table: watch::Sender<Arc<Table>>,
}

impl<S: Signaler> Driver<S> {
    async fn run(
        mut self,
        mut asked: mpsc::Receiver<Ask>,
        mut told: mpsc::Receiver<(Id, News)>,
        shutdown: CancellationToken,
    ) {
        loop {
            let wake = self.book.wake_at().map(tokio::time::Instant::from_std);
            tokio::select! {
                () = shutdown.cancelled() => break,
                Some(ask) = asked.recv() => self.does(ask),
                Some((id, news)) = told.recv() => self.learn(id, news),
                heard = self.signaler.hear() => self.hear(heard),
                () = deadline::reached(wake) => {
                    let acts = self.book.pass(Instant::now());
                    self.carry_out(acts);
                }
            }
            self.tell();
        }
        let acts = self.book.stop(Instant::now());
        self.carry_out(acts);
        self.tell();
        self.signaler.leave().await;
    }

    fn does(&mut self, ask: Ask) {
        let now = Instant::now();
        match ask {
            Ask::Start { channel, peer, reply } => {
                let begun = self.book.start(&channel, &peer, now);
                let begun = begun.map(|(_, acts)| drop(self.carry_out(acts)));
                let _: Result<_, _> = reply.send(begun.map_err(NotBegun::Unfit));
            }
            Ask::Accept { channel, peer, reply } => {
                let _: Result<_, _> = reply.send(self.accept(&channel, &peer, now));
            }
            Ask::HangUp { channel, reply } => {
                let acts = self.book.hang_up(&channel, now);
                let found = acts.is_some();
                self.carry_out(acts.unwrap_or_default());
                let _: Result<_, _> = reply.send(found);
            }
            Ask::Toggle { channel, kind, reply } => {
                let _: Result<_, _> = reply.send(self.book.toggle(&channel, kind).map(|(_, on)| on));
            }
        }
    }

    /// Whoever has called and cannot be told so has no call.
    fn accept(&mut self, channel: &str, peer: &str, now: Instant) -> Result<(), NotBegun> {
        let (_, acts) = self.book.accept(channel, peer, now)?;
        let Some(unsent) = self.carry_out(acts) else { return Ok(()) };
        let acts = self.book.hang_up(channel, now).unwrap_or_default();
        self.carry_out(acts);
        Err(unsent.into())
    }

    fn hear(&mut self, heard: Heard) {
        let now = Instant::now();
        let acts = match heard {
            Heard::Word(envelope) => self.book.hear(&envelope, now).unwrap_or_else(|strange| {
                tracing::debug!(error = %strange, "what is no word of a call is passed over");
                vec![]
            }),
            Heard::Unsent { to, topic } => {
                let missed =
                    |line: &&Line| line.peer == to && topic.strip_prefix("call:") == Some(&line.channel);
                let id = self.book.lines().find(missed).map(|line| line.id);
                id.map(|id| self.book.unsent(id, now)).unwrap_or_default()
            }
        };
        self.carry_out(acts);
    }

    fn learn(&mut self, id: Id, news: News) {
        let now = Instant::now();
        let acts = match news {
            News::Described(sdp) => self.book.described(id, sdp, now),
            News::Unusable(why) => self.book.unusable(id, why, now),
            News::Told(Told::Media(media)) => self.book.connects(id, media, now),
            News::Told(Told::Closed) => self.book.closed(id, now),
            News::Told(Told::Lost(why)) => self.book.lost(id, why, now),
            News::Refused(why) => {
                tracing::warn!(error = why, "an offer in a call that goes on is not followed");
                if let Some(slot) = self.slots.get(&id) {
                    slot.complain(why);
                }
                vec![]
            }
        };
        self.carry_out(acts);
    }

    /// Tells the first of what could not be said.
    fn carry_out(&mut self, acts: Vec<Act>) -> Option<Unsent> {
        self.open();
        let mut unsent = None;
        for act in acts {
            match act {
                Act::Say { id, envelope } => {
                    if let Err(why) = self.signaler.say(envelope) {
                        // Nothing follows from it but that it is said again.
                        id.into_iter().for_each(|id| drop(self.book.unsent(id, Instant::now())));
                        unsent = unsent.or(Some(why));
                    }
                }
                Act::Rings(ringing) => {
                    tracing::info!(channel = ringing.channel, peer = ringing.peer, "somebody calls");
                }
                Act::Stopped { channel, peer, why } => {
                    tracing::info!(channel, peer, why = why.word(), "a call was not taken");
                    self.metrics.ends(why);
                }
                Act::Offer { id } => self.ask(id, Do::Offer),
                Act::Answer { id, sdp } => self.ask(id, Do::Answer(sdp)),
                Act::Take { id, sdp } => self.ask(id, Do::Take(sdp)),
                Act::Add { id, candidate } => self.ask(id, Do::Add(candidate)),
                Act::Late { id } => {
                    let peer = self.slots.get(&id).map(|slot| slot.ongoing().peer);
                    tracing::warn!(peer, "whoever called offers nothing: is it still there?");
                }
                Act::Over { id, channel, end } => self.end(id, &channel, end),
            }
        }
        unsent
    }

    /// What has begun has a connection to be.
    fn open(&mut self) {
        for line in self.book.lines() {
            self.slots.entry(line.id).or_insert_with(|| {
                tracing::info!(channel = line.channel, peer = line.peer, role = ?line.role, "a call begins");
                self.metrics.begins(line.role);
                Slot::new(line, &self.stage, &self.legs, self.news.clone())
            });
        }
    }

    fn ask(&self, id: Id, what: Do) {
        if let Some(slot) = self.slots.get(&id) {
            slot.ask(what);
        }
    }

    fn end(&mut self, id: Id, channel: &str, end: End) {
        tracing::info!(channel, why = end.why.word(), message = end.message, "a call is over");
        self.metrics.ends(end.why);
        if let Some(slot) = self.slots.remove(&id) {
            slot.end(end);
        }
    }

    /// Tells of what has changed.
    fn tell(&mut self) {
        for line in self.book.lines() {
            let connected = self.slots.get_mut(&line.id).and_then(|slot| slot.tell(line));
            connected.into_iter().for_each(|within| self.metrics.connects(within));
        }
        let ringing: Vec<Ringing> = self.book.ringing().cloned().collect();
        self.metrics.count(self.slots.len(), ringing.len());
        self.table.send_if_modified(|told| {
            let same = told.ringing == ringing
                && told.ongoing.len() == self.slots.len()
                && told.ongoing.values().all(|ongoing| self.slots.contains_key(&ongoing.id));
            if !same {
                let ongoing = self.slots.values().map(Slot::ongoing);
                let ongoing = ongoing.map(|ongoing| (ongoing.channel.clone(), ongoing)).collect();
                *told = Arc::new(Table { ongoing, ringing });
            }
            !same
        });
    }
}

#[cfg(test)]
mod tests;
