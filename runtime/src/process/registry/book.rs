//! What is known of each process: its config, what it comes to, and the way to its task.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;
use tokio::sync::{mpsc, watch};
use understudy_core::process::config::Config;
use understudy_core::process::machine::Order;
use understudy_core::process::origin::ID as ORIGIN;

use super::{Error, own, tell, unix_now};
use crate::process::driver::Ask;
use crate::process::legs::Legs;
use crate::process::plan::Plan;
use crate::process::view::{Listed, View};
use crate::process::{Owner, Site};

#[derive(Default)]
pub(super) struct Book {
    pub(super) entries: BTreeMap<String, Entry>,
    pub(super) metadata: BTreeMap<String, Value>,
    /// Those that were stored and cannot be there now, as they are stored.
    pub(super) unusable: BTreeMap<String, Value>,
}

pub(super) struct Entry {
    pub(super) owner: Owner,
    pub(super) config: Config,
    pub(super) plan: Arc<Plan>,
    pub(super) created_at: u64,
    pub(super) updated_at: u64,
    pub(super) metadata: BTreeMap<String, Value>,
    /// What it was last told to be.
    pub(super) order: Order,
    pub(super) is_leaving: bool,
    pub(super) mailbox: mpsc::Sender<Ask>,
    pub(super) view: watch::Receiver<View>,
}

/// What a process's task is still to be told.
pub(super) struct Changed {
    mailbox: mpsc::Sender<Ask>,
    config: Box<Config>,
    plan: Arc<Plan>,
    /// For viewers that there were none for before.
    legs: Option<Box<Legs>>,
}

impl Book {
    pub(super) fn entry(&mut self, id: &str) -> Result<&mut Entry, Error> {
        let entry = self.entries.get_mut(id).filter(|entry| !entry.is_leaving);
        entry.ok_or_else(|| Error::Unknown(id.to_owned()))
    }

    /// The same, for whoever changes it.
    pub(super) fn of_people(&mut self, id: &str) -> Result<&mut Entry, Error> {
        self.is_of_people(id)?;
        self.entry(id)
    }

    pub(super) fn is_of_people(&self, id: &str) -> Result<(), Error> {
        match self.entries.get(id).map(|entry| entry.owner) {
            Some(Owner::Session) => Err(Error::Owned(id.to_owned())),
            Some(Owner::People) | None => Ok(()),
        }
    }

    /// It has another config from now on, of which its task is to be told. If that cannot be run, nothing has changed.
    pub(super) fn become_another(&mut self, id: &str, config: Config, site: &Site) -> Result<Changed, Error> {
        if config.id != id && config.id == ORIGIN {
            return Err(Error::Owned(config.id));
        }
        if config.id != id && self.entries.contains_key(&config.id) {
            return Err(Error::Exists(config.id));
        }
        let plan = Arc::new(Plan::of(&config, self.others(id), site)?);
        let before = self.entry(id)?;
        // What it cannot be without is taken before anything is another.
        let legs = match before.config.webrtc.enabled {
            true => None,
            false => Legs::of(&plan.resolved, before.owner, site)?.map(Box::new),
        };
        let mut entry = self.entries.remove(id).ok_or_else(|| Error::Unknown(id.to_owned()))?;
        entry.config = config.clone();
        entry.plan = Arc::clone(&plan);
        entry.updated_at = unix_now();
        let mailbox = entry.mailbox.clone();
        self.unusable.remove(&config.id);
        self.entries.insert(config.id.clone(), entry);
        Ok(Changed { mailbox, config: Box::new(config), plan, legs })
    }

    /// Unless it is another's id by now.
    pub(super) fn forget(&mut self, id: &str, mailbox: &mpsc::Sender<Ask>) {
        if self.entries.get(id).is_some_and(|entry| entry.mailbox.same_channel(mailbox)) {
            self.entries.remove(id);
        }
    }

    /// The plans that one of that id may refer to.
    pub(super) fn others<'a>(&'a self, id: &'a str) -> impl Fn(&str) -> Option<&'a Plan> {
        move |other| self.entries.get(other).filter(|_| other != id).map(|entry| &*entry.plan)
    }

    pub(super) fn has_room(&self, most: usize) -> Result<(), Error> {
        let counts = |entry: &&Entry| entry.owner == Owner::People && entry.order == Order::Start;
        let running = self.entries.values().filter(counts).count();
        if running < most { Ok(()) } else { Err(Error::TooMany(running)) }
    }
}

impl Changed {
    pub(super) async fn tell(self) -> Result<(), Error> {
        let Self { mailbox, config, plan, legs } = self;
        tell(&mailbox, |done| Ask::Adopt { config, plan, legs, done }).await
    }
}

impl Entry {
    pub(super) fn listed(&self) -> Listed {
        Listed {
            config: match self.owner {
                Owner::People => self.config.clone(),
                Owner::Session => own::shown(&self.config),
            },
            created_at: self.created_at,
            updated_at: self.updated_at,
            metadata: self.metadata.clone(),
            view: self.view.borrow().clone(),
        }
    }
}
