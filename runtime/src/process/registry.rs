//! Who is there: configs, metadata, and the way to each process's task.

mod book;
mod id;
mod kept;
mod metadata;
mod own;

pub use kept::Keeper;
pub use own::Carried;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use parking_lot::Mutex;
use serde_json::Value;
use tokio::sync::{Notify, mpsc, oneshot};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use understudy_core::process::config::{Config, Invalid};
use understudy_core::process::machine::{Command, Order};
use understudy_core::process::origin::ID as ORIGIN;

use super::driver::{self, Ask};
use super::plan::{Plan, Rejected};
use super::probe::{self, Probe};
use super::view::Listed;
use super::{Owner, Site, cleanup};
use crate::child::confined;
use crate::seats::Seats;
use book::{Book, Entry};
use id::short_id;
use metadata::{METADATA_BYTES, MOST_METADATA};

/// Stored at once, whether they run or not: each has a log in memory.
const MOST_STORED: usize = 1000;

/// From a command to its word that it is done: a child that does not listen is killed after 5 s.
const DONE: Duration = Duration::from_secs(8);

/// Asks of one process that wait for its task, which answers at once; more wait for their turn.
const ASKS: usize = 16;

/// Probes at once.
const PROBES: usize = 4;

/// Clones are the same.
#[derive(Clone)]
pub struct Processes(Arc<Shared>);

struct Shared {
    site: Arc<Site>,
    book: Mutex<Book>,
    tasks: TaskTracker,
    shutdown: CancellationToken,
    probes: Seats,
    /// Something of what is stored is another.
    changed: Notify,
}

impl std::fmt::Debug for Processes {
    /// Addresses can be secrets.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Processes").finish_non_exhaustive()
    }
}

/// Why something is not done with a process.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("unknown process ({0})")]
    Unknown(String),
    #[error("there is a process with this id ({0})")]
    Exists(String),
    #[error("the process is the session's own, and follows what the session is told ({0})")]
    Owned(String),
    #[error(transparent)]
    Invalid(#[from] Invalid),
    #[error(transparent)]
    Rejected(#[from] Rejected),
    #[error("{0} processes are to run already, and no more may (CORE_FFMPEG_MAXPROCESSES)")]
    TooMany(usize),
    #[error("there are {MOST_STORED} processes, and there may be no more: delete some")]
    Full,
    #[error("there are {MOST_METADATA} keys of metadata, and there may be no more")]
    TooMuchMetadata,
    #[error("all metadata of one process, or of none, has at most {METADATA_BYTES} bytes")]
    LongMetadata,
    #[error("there are no ports for what its viewers are sent: {0}")]
    NoPorts(std::io::Error),
    #[error("it did not end in time")]
    Late,
    #[error("the runtime ends")]
    Ended,
}

impl Processes {
    /// None yet. They end with `shutdown`.
    pub fn new(site: Site, shutdown: CancellationToken) -> Self {
        let enforced = site.confiner.as_ref().map(|_| confined::enforced()).unwrap_or_default();
        site.metrics.confined(enforced);
        if let Some(lacking) = enforced.lacking() {
            tracing::warn!(
                lacking,
                "the kernel keeps less from processes than it could: their configs are judged, and that is all"
            );
        }
        let (book, tasks) = (Mutex::default(), TaskTracker::new());
        let (site, probes, changed) = (Arc::new(site), Seats::new(PROBES), Notify::new());
        Self(Arc::new(Shared { site, book, tasks, shutdown, probes, changed }))
    }

    /// Resolves once all have ended, after the shutdown.
    pub async fn ended(self) {
        self.0.shutdown.cancelled().await;
        self.0.tasks.close();
        self.0.tasks.wait().await;
    }

    pub fn site(&self) -> &Site {
        &self.0.site
    }

    /// A new one of this config, as it is stored; it starts if it is to by itself.
    pub async fn add(&self, body: &Value) -> Result<Config, Error> {
        let config = Config::new(body, short_id)?;
        let wanted = if config.autostart { Order::Start } else { Order::Stop };
        let mailbox = self.enter(&config, Owner::People, wanted)?;
        self.0.changed.notify_one();
        if wanted == Order::Start {
            order(&mailbox, Command::Start).await?;
        }
        Ok(config)
    }

    /// `wanted`: what it is told to be by whoever calls this.
    fn enter(&self, config: &Config, owner: Owner, wanted: Order) -> Result<mpsc::Sender<Ask>, Error> {
        let Shared { site, tasks, shutdown, .. } = &*self.0;
        let mut book = self.0.book.lock();
        if shutdown.is_cancelled() {
            return Err(Error::Ended);
        }
        if owner == Owner::People && config.id == ORIGIN {
            return Err(Error::Owned(config.id.clone()));
        }
        if book.entries.contains_key(&config.id) {
            return Err(Error::Exists(config.id.clone()));
        }
        if book.entries.len() >= MOST_STORED {
            return Err(Error::Full);
        }
        let plan = Arc::new(Plan::of(config, book.others(&config.id), site)?);
        if wanted == Order::Start && owner == Owner::People {
            book.has_room(site.most)?;
        }
        let (mailbox, asks) = mpsc::channel(ASKS);
        let (driver, view) = driver::Driver::new(config, Arc::clone(&plan), (owner, Arc::clone(site)))?;
        tasks.spawn(driver.run(asks, shutdown.clone()));
        let now = unix_now();
        let entry = Entry {
            owner,
            config: config.clone(),
            plan,
            created_at: now,
            updated_at: now,
            metadata: BTreeMap::new(),
            order: wanted,
            is_leaving: false,
            mailbox: mailbox.clone(),
            view,
        };
        book.unusable.remove(&config.id);
        book.entries.insert(config.id.clone(), entry);
        Ok(mailbox)
    }

    /// The process with what `body` says otherwise, as it is stored. If it cannot be, nothing has changed.
    pub async fn update(&self, id: &str, body: &Value) -> Result<Config, Error> {
        let (config, changed) = {
            let mut book = self.0.book.lock();
            let config = book.of_people(id)?.config.updated(body, short_id)?;
            (config.clone(), book.become_another(id, config, &self.0.site)?)
        };
        self.0.changed.notify_one();
        changed.tell().await?;
        Ok(config)
    }

    /// Ends it and forgets it; also one that is stored and cannot be there now.
    pub async fn delete(&self, id: &str) -> Result<(), Error> {
        let was_left_out = {
            let mut book = self.0.book.lock();
            book.is_of_people(id)?;
            book.unusable.remove(id).is_some()
        };
        if was_left_out {
            self.0.changed.notify_one();
            return Ok(());
        }
        self.remove(id).await
    }

    async fn remove(&self, id: &str) -> Result<(), Error> {
        let (mailbox, plan) = {
            let mut book = self.0.book.lock();
            let entry = book.entries.get_mut(id).ok_or_else(|| Error::Unknown(id.to_owned()))?;
            entry.is_leaving = true;
            (entry.mailbox.clone(), Arc::clone(&entry.plan))
        };
        self.0.changed.notify_one();
        // Its task is gone if somebody else deletes it, too: the same is wanted.
        let _ = tell(&mailbox, Ask::Leave).await;
        self.0.book.lock().forget(id, &mailbox);
        let data = self.0.site.data();
        // A directory with many files is read elsewhere.
        let _ = tokio::task::spawn_blocking(move || cleanup::purge(&plan, &data)).await;
        Ok(())
    }

    /// Has it start, stop, begin anew, or look up its addresses anew. Resolves when that is so far done that it is told by its state; a
    /// stop once it has ended.
    pub async fn command(&self, id: &str, command: Command) -> Result<(), Error> {
        let (mailbox, adopted) = {
            let mut book = self.0.book.lock();
            let most = self.0.site.most;
            let entry = book.of_people(id)?;
            let (ordered, config) = (entry.order, entry.config.clone());
            if command == Command::Start && ordered == Order::Stop {
                book.has_room(most)?;
            }
            let adopted = match command {
                Command::Reload => {
                    let plan = Arc::new(Plan::of(&config, book.others(id), &self.0.site)?);
                    Some((Box::new(config), plan))
                }
                _ => None,
            };
            let entry = book.entry(id)?;
            match command {
                Command::Start => entry.order = Order::Start,
                Command::Stop => entry.order = Order::Stop,
                Command::Restart | Command::Reload => {}
            }
            if let Some((_, plan)) = &adopted {
                entry.plan = Arc::clone(plan);
            }
            (entry.mailbox.clone(), adopted)
        };
        self.0.changed.notify_one();
        if let Some((config, plan)) = adopted {
            tell(&mailbox, |done| Ask::Adopt { config, plan, legs: None, done }).await?;
        }
        order(&mailbox, command).await?;
        if command == Command::Stop {
            return self.until_ended(id).await;
        }
        Ok(())
    }

    async fn until_ended(&self, id: &str) -> Result<(), Error> {
        let Some(mut view) = self.0.book.lock().entries.get(id).map(|entry| entry.view.clone()) else {
            return Ok(());
        };
        // Whoever starts it again meanwhile has the last word.
        let ended = view.wait_for(|view| view.has_ended() || view.order == Order::Start);
        match tokio::time::timeout(DONE, ended).await {
            Ok(_) => Ok(()),
            Err(_) => Err(Error::Late),
        }
    }

    pub fn get(&self, id: &str) -> Option<Listed> {
        self.0.book.lock().entries.get(id).map(Entry::listed)
    }

    /// All of them, by id.
    pub fn list(&self) -> Vec<Listed> {
        self.0.book.lock().entries.values().map(Entry::listed).collect()
    }

    /// What its inputs are, by a run of its own; of the session's own, whose source is not opened twice, by what it has said.
    pub async fn probe(&self, id: &str) -> Result<Probe, Error> {
        let plan = {
            let mut book = self.0.book.lock();
            let entry = book.entry(id)?;
            if entry.owner == Owner::Session {
                return Ok(probe::of_run(&entry.plan, &entry.view.borrow()));
            }
            Arc::clone(&entry.plan)
        };
        let _seat = self.0.probes.wait().await;
        Ok(probe::run(&plan, &self.0.site, &self.0.shutdown).await)
    }

    /// The lines in which the program says what it is; none, if it cannot be asked.
    pub async fn version(&self) -> Vec<String> {
        let _seat = self.0.probes.wait().await;
        probe::version(&self.0.site).await
    }
}

async fn order(mailbox: &mpsc::Sender<Ask>, command: Command) -> Result<(), Error> {
    tell(mailbox, |done| Ask::Command { command, done }).await
}

/// Tells a process's task something, and waits until it has done that.
async fn tell(
    mailbox: &mpsc::Sender<Ask>,
    ask: impl FnOnce(oneshot::Sender<()>) -> Ask,
) -> Result<(), Error> {
    let (done, is_done) = oneshot::channel();
    mailbox.send(ask(done)).await.map_err(|_| Error::Ended)?;
    match tokio::time::timeout(DONE, is_done).await {
        Ok(done) => done.map_err(|_| Error::Ended),
        Err(_) => Err(Error::Late),
    }
}

fn unix_now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}
