//! Processes that outlast the runtime: what people's are is stored, and they are there again at the next start, and run if they
//! were to.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};
use tokio::sync::mpsc;
use tokio::time::Instant;
use understudy_core::backoff;
use understudy_core::process::command::Secrets;
use understudy_core::process::config::Config;
use understudy_core::process::machine::{Command, Order};
use understudy_core::redact::bared;

use super::book::{Book, Entry};
use super::id::short_id;
use super::{Error, Processes, Rejected, order};
use crate::process::Owner;
use crate::process::driver::Ask;
use crate::process::store::Store;

/// Of the shape below. Another is not read.
const VERSION: u32 = 1;

/// Changes that come together are written together.
const TOGETHER: Duration = Duration::from_millis(50);

/// From one write to the next: there may be much to write.
const BETWEEN: Duration = Duration::from_secs(1);

/// All that is stored.
#[derive(Serialize, Deserialize)]
struct Stored {
    version: u32,
    /// By id; of the shape of [`One`].
    process: BTreeMap<String, Value>,
    metadata: BTreeMap<String, Value>,
}

/// One process.
#[derive(Serialize, Deserialize)]
struct One<C> {
    /// As the API has it.
    config: C,
    order: String,
    created_at: u64,
    updated_at: u64,
    #[serde(default)]
    metadata: BTreeMap<String, Value>,
}

/// All that is to be stored, as it is at one moment.
struct Kept {
    ones: Vec<One<Config>>,
    unusable: BTreeMap<String, Value>,
    metadata: BTreeMap<String, Value>,
}

/// Of a text.
type Hash = [u8; 32];

/// Stores processes as they change.
#[derive(Debug)]
pub struct Keeper {
    processes: Processes,
    store: Store,
    /// The ways to those that are to run, and do not yet; their ids may become others.
    begin: Vec<mpsc::Sender<Ask>>,
}

impl Processes {
    /// What was stored in that directory is there again. None: nothing is stored, as the log says; what is there stays as it is.
    pub fn kept(&self, directory: &Path) -> Option<Keeper> {
        match Store::open(directory, read) {
            Ok((store, stored)) => {
                let begin = stored.map(|stored| self.restore(stored)).unwrap_or_default();
                Some(Keeper { processes: self.clone(), store, begin })
            }
            Err(error) => {
                tracing::error!(%error, "processes are not stored");
                None
            }
        }
    }

    /// The ways to those that are to run.
    fn restore(&self, stored: Stored) -> Vec<mpsc::Sender<Ask>> {
        self.0.book.lock().metadata = stored.metadata;
        let (mut left, mut begin) = (stored.process, Vec::new());
        // Whoever refers to another comes after it.
        loop {
            let mut later = BTreeMap::new();
            let before = left.len();
            for (id, value) in left {
                match self.restore_one(&value) {
                    Ok(to_run) => begin.extend(to_run),
                    Err(NotThere { why, told }) if why.may_come() => {
                        later.insert(id, (value, told));
                    }
                    Err(NotThere { told, .. }) => self.leave_out(id, value, &told),
                }
            }
            if later.len() == before {
                for (id, (value, told)) in later {
                    self.leave_out(id, value, &told);
                }
                return begin;
            }
            left = later.into_iter().map(|(id, (value, _))| (id, value)).collect();
        }
    }

    /// It stays in the store, for a time when it can be there again.
    fn leave_out(&self, id: String, value: Value, why: &str) {
        tracing::error!(process = id, why, "a process that was stored cannot be there now");
        self.0.book.lock().unusable.insert(id, value);
    }

    /// The way to it, if it is to run.
    fn restore_one(&self, value: &Value) -> Result<Option<mpsc::Sender<Ask>>, NotThere> {
        let one = One::<Value>::deserialize(value).map_err(NotThere::shape)?;
        let config = Config::new(&one.config, short_id).map_err(NotThere::shape)?;
        let wanted = if one.order == Order::Start.word() { Order::Start } else { Order::Stop };
        let enter = |wanted| self.enter(&config, Owner::People, wanted);
        let (entered, wanted) = match enter(wanted) {
            Err(error @ Error::TooMany(_)) => {
                tracing::warn!(process = config.id, %error, "a process that was to run is there, and stopped");
                (enter(Order::Stop), Order::Stop)
            }
            entered => (entered, wanted),
        };
        let mailbox = entered.map_err(|why| NotThere {
            told: Secrets::of([&config]).line(&why.to_string()),
            why: Why::Refused(why),
        })?;
        if let Ok(entry) = self.0.book.lock().entry(&config.id) {
            (entry.created_at, entry.updated_at) = (one.created_at, one.updated_at);
            entry.metadata = one.metadata;
        }
        Ok((wanted == Order::Start).then_some(mailbox))
    }
}

/// Why one that was stored cannot be there now.
struct NotThere {
    why: Why,
    /// For people, without secrets.
    told: String,
}

enum Why {
    Shape,
    Refused(Error),
}

impl NotThere {
    fn shape(why: impl std::fmt::Display) -> Self {
        // It may quote what stands there.
        Self { why: Why::Shape, told: format!("it is no process: {}", bared(&why.to_string())) }
    }
}

impl Why {
    /// It may be there once others are.
    const fn may_come(&self) -> bool {
        matches!(self, Self::Refused(Error::Rejected(Rejected::Reference(_))))
    }
}

fn read(value: Value) -> Result<Stored, String> {
    let stored: Stored = serde_json::from_value(value).map_err(|error| bared(&error.to_string()))?;
    match stored.version {
        VERSION => Ok(stored),
        other => Err(format!("its version is {other}, and {VERSION} is known")),
    }
}

impl Keeper {
    /// Has those run that are to; stores what changes until the runtime ends, and once more then.
    pub async fn run(mut self) {
        for mailbox in std::mem::take(&mut self.begin) {
            // Somebody may have deleted, stopped or renamed it meanwhile.
            let id = self.processes.0.book.lock().still_to_run(&mailbox);
            if let Some(id) = id
                && let Err(error) = order(&mailbox, Command::Start).await
            {
                tracing::warn!(process = id, %error, "a process that was stored does not start");
            }
        }
        let shared = self.processes.0.clone();
        let (mut written, mut failures, mut next) = (None, 0, Instant::now());
        loop {
            let mut is_over = tokio::select! {
                biased;
                () = shared.shutdown.cancelled() => true,
                () = shared.changed.notified() => false,
                () = tokio::time::sleep(backoff::after(failures)), if failures > 0 => false,
            };
            if !is_over {
                let turn = tokio::time::sleep_until(next.max(Instant::now() + TOGETHER));
                is_over = shared.shutdown.run_until_cancelled(turn).await.is_none();
            }
            let kept = shared.book.lock().kept();
            match self.write(kept, written).await {
                Ok(hash) => (written, failures) = (Some(hash), 0),
                Err(error) => {
                    failures = failures.saturating_add(1);
                    tracing::error!(%error, failures, "processes cannot be stored, and it is tried again");
                }
            }
            if is_over {
                return;
            }
            next = Instant::now() + BETWEEN;
        }
    }

    /// Unless they are as they were `written`. The hash of what is written then.
    async fn write(&self, kept: Kept, written: Option<Hash>) -> std::io::Result<Hash> {
        let store = self.store.clone();
        let write = move || -> std::io::Result<Hash> {
            let text = kept.text();
            let hash: Hash = Sha256::digest(&text).into();
            if written != Some(hash) {
                store.write(&text)?;
            }
            Ok(hash)
        };
        // There may be much, and a disk may be slow.
        tokio::task::spawn_blocking(write).await.map_err(std::io::Error::other)?
    }
}

impl Book {
    /// All of people's that is not on its way out.
    fn kept(&self) -> Kept {
        let stays = |entry: &&Entry| entry.owner == Owner::People && !entry.is_leaving;
        Kept {
            ones: self.entries.values().filter(stays).map(One::of).collect(),
            unusable: self.unusable.clone(),
            metadata: self.metadata.clone(),
        }
    }

    /// The id of the one that this is the way to, if it is there and still to run.
    fn still_to_run(&self, mailbox: &mpsc::Sender<Ask>) -> Option<String> {
        let mut entries = self.entries.values();
        let entry = entries.find(|entry| entry.mailbox.same_channel(mailbox))?;
        (entry.order == Order::Start && !entry.is_leaving).then(|| entry.config.id.clone())
    }
}

impl Kept {
    fn text(self) -> Vec<u8> {
        let mut process = self.unusable;
        for one in self.ones {
            // Of a config that was read from JSON there is JSON.
            process.insert(one.config.id.clone(), serde_json::to_value(one).unwrap_or_default());
        }
        let stored = Stored { version: VERSION, process, metadata: self.metadata };
        serde_json::to_vec_pretty(&stored).unwrap_or_default()
    }
}

impl One<Config> {
    fn of(entry: &Entry) -> Self {
        Self {
            config: entry.config.clone(),
            order: entry.order.word().to_owned(),
            created_at: entry.created_at,
            updated_at: entry.updated_at,
            metadata: entry.metadata.clone(),
        }
    }
}
