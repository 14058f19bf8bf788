//! The origin of a session: a process that fetches it, and whose program is what the session shows.

use std::time::Instant;

use tokio::sync::{mpsc, watch};
use tokio_util::task::AbortOnDropHandle;
use understudy_core::backoff;
use understudy_core::input::{Failure, Health};
use understudy_core::process::machine::Cause;
use understudy_core::process::origin::{ID, Pace, Seen, Standing, config};
use understudy_core::process::said::Progress;
use understudy_core::spec::StreamUrl;

use super::Mail;
use super::director::Director;
use super::told::replace;
use crate::process::{Carried, Processes, View};
use crate::program::Program;

/// How often the pace of one URL turns out to be another: a server that sends now this and now that is not followed for ever.
const CHANGES: u8 = 4;

pub(super) struct Origin {
    processes: Option<Processes>,
    mailbox: mpsc::Sender<Mail>,
    fetched: Option<Fetched>,
}

/// From where, since it was asked for.
struct Fetched {
    url: StreamUrl,
    pace: Pace,
    /// That may still be made to it.
    changes: u8,
    way: Result<Way, Failed>,
}

/// It could not be carried out.
struct Failed {
    why: Failure,
    /// In a row.
    failures: u32,
    /// When that is tried again; none: it would come to the same.
    again_at: Option<Instant>,
}

struct Way {
    program: Program,
    told: watch::Receiver<Told>,
    _follower: AbortOnDropHandle<()>,
}

/// What its process shows.
#[derive(Clone, Debug, Default, PartialEq)]
struct Told {
    health: Health,
    /// None: that is not known yet.
    pace: Option<Pace>,
}

impl Origin {
    pub(super) const fn new(processes: Option<Processes>, mailbox: mpsc::Sender<Mail>) -> Self {
        Self { processes, mailbox, fetched: None }
    }

    /// From now on it is fetched from there, or nothing is. Whether that is something else than before.
    pub(super) async fn want(&mut self, url: Option<&StreamUrl>) -> bool {
        if self.fetched.as_ref().map(|fetched| &fetched.url) == url {
            return false;
        }
        match url {
            Some(url) => {
                let (url, pace) = (url.clone(), Pace::likely(url));
                let way = self.fetch(&url, pace, 0).await;
                self.fetched = Some(Fetched { url, pace, changes: CHANGES, way });
            }
            None => {
                self.fetched = None;
                self.release().await;
            }
        }
        true
    }

    /// When it is tried again, although nothing happens.
    pub(super) fn again_at(&self) -> Option<Instant> {
        self.fetched.as_ref()?.way.as_ref().err()?.again_at
    }

    /// Tries again what could not be carried out, once it is time. Whether it was tried.
    pub(super) async fn try_again(&mut self, now: Instant) -> bool {
        if self.again_at().is_none_or(|at| now < at) {
            return false;
        }
        let Some(Fetched { url, pace, changes, way }) = self.fetched.take() else { return false };
        let failures = way.err().map_or(0, |failed| failed.failures);
        let way = self.fetch(&url, pace, failures).await;
        self.fetched = Some(Fetched { url, pace, changes, way });
        true
    }

    /// Has it read as what its process has shown it to be.
    pub(super) async fn keep_pace(&mut self) {
        let (Some(fetched), Some(processes)) = (&mut self.fetched, &self.processes) else { return };
        let shown = fetched.way.as_ref().ok().and_then(|way| way.told.borrow().pace);
        let Some(pace) = shown.filter(|pace| *pace != fetched.pace && fetched.changes > 0) else { return };
        fetched.changes -= 1;
        match processes.carry(config(&fetched.url, pace)).await {
            Ok(_) => fetched.pace = pace,
            // It goes on as it was.
            Err(error) => tracing::warn!(%error, "an origin is not read at its pace"),
        }
    }

    async fn release(&self) {
        if let Some(processes) = &self.processes {
            processes.release(ID).await;
        }
    }

    /// After so many failures in a row.
    async fn fetch(&self, url: &StreamUrl, pace: Pace, failures: u32) -> Result<Way, Failed> {
        let Some(processes) = &self.processes else {
            let message = "this runtime runs no processes".to_owned();
            let why = Failure { reason: "SourceUnsupported", message };
            return Err(Failed { why, failures, again_at: None });
        };
        match processes.carry(config(url, pace)).await {
            Ok(Carried { program, view }) => {
                let (tell, told) = watch::channel(Told::default());
                let following = follow((url.clone(), view), tell, self.mailbox.clone());
                let follower = AbortOnDropHandle::new(tokio::spawn(following));
                Ok(Way { program, told, _follower: follower })
            }
            Err(why) => {
                // What was fetched before is wanted no more.
                self.release().await;
                let failures = failures.saturating_add(1);
                let wait = backoff::after(failures);
                tracing::warn!(%why, failures, ?wait, "an origin is not carried out, and is tried again");
                let why = Failure { reason: "SourceFailed", message: why.to_string() };
                Err(Failed { why, failures, again_at: Instant::now().checked_add(wait) })
            }
        }
    }

    pub(super) const fn is_wanted(&self) -> bool {
        self.fetched.is_some()
    }

    /// What it shows.
    pub(super) fn program(&self) -> Option<&Program> {
        self.fetched.as_ref()?.way.as_ref().ok().map(|way| &way.program)
    }

    /// How it fares; none: there is none.
    pub(super) fn health(&self) -> Option<Health> {
        Some(match &self.fetched.as_ref()?.way {
            Ok(way) => way.told.borrow().health.clone(),
            Err(failed) => Health::Failed(failed.why.clone()),
        })
    }
}

impl Director {
    /// What is told of it says whether there is a picture, too, until the next one comes.
    pub(super) async fn look_at_origin(&mut self) {
        self.origin.keep_pace().await;
        if let Some(Health::Failed(failure)) = self.origin.health() {
            self.show.failed(failure.message);
        }
    }

    pub(super) async fn try_origin_again(&mut self) {
        if self.origin.try_again(Instant::now()).await && self.origin.program().is_some() {
            self.show.of(self.origin.program());
            self.call(self.asked.stance);
        }
    }
}

/// Tells what its process shows, and the session of each change of that, until either is gone.
async fn follow(
    (url, mut view): (StreamUrl, watch::Receiver<View>),
    tell: watch::Sender<Told>,
    mailbox: mpsc::Sender<Mail>,
) {
    let mut standing = Standing::default();
    loop {
        let told = {
            let view = view.borrow_and_update();
            let moves = view.progress.has_moved_since(&Progress::default());
            let end = view.log.run().end.as_ref();
            let is_stale = end.is_some_and(|end| end.reason == Cause::Stale.message());
            let seen = Seen { exec: view.exec, moves, line: view.log.last_line(), is_stale };
            Told { health: standing.look(seen), pace: Pace::of(&url, &view.said) }
        };
        if replace(&tell, told) && mailbox.send(Mail::Origin).await.is_err() {
            return;
        }
        if view.changed().await.is_err() {
            return;
        }
    }
}
