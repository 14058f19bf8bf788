//! The thread that does at a display what the desk is asked for: it alone knows who holds what, and it alone speaks to the display.
//!
//! It waits for both and for nothing else. A display that is lost is tried again; what was held there is forgotten.

use std::io;
use std::os::fd::BorrowedFd;
use std::sync::Arc;
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use tokio::sync::watch;
use understudy_core::steering::Act;
use understudy_core::steering::hands::Pixels;
use understudy_core::steering::keys::Layout;
use understudy_core::steering::line::Errand;
use understudy_core::steering::union::Union;

use super::door::{Door, Error, Heard};
use super::mailbox::{Mail, Mailbox};
use super::metrics::{Metrics, Reason};

/// Until a display that was lost is tried again: it is started anew within a second.
const RETRY: Duration = Duration::from_millis(100);

/// What others hear.
#[derive(Clone, Debug)]
pub(super) struct Told {
    pub screen: watch::Receiver<Option<Pixels>>,
    pub copied: watch::Receiver<Option<Arc<str>>>,
}

pub(super) struct Driver {
    mailbox: Arc<Mailbox>,
    layout: Layout,
    union: Union,
    /// The one that there is to be.
    display: Option<String>,
    door: Option<Door>,
    /// When a display that is missing is tried again.
    retry_at: Instant,
    screen: watch::Sender<Option<Pixels>>,
    copied: watch::Sender<Option<Arc<str>>>,
    metrics: Metrics,
}

impl Driver {
    /// Until the mailbox is closed.
    pub fn start(mailbox: Arc<Mailbox>, layout: Layout, metrics: Metrics) -> io::Result<Told> {
        let (screen, shown) = watch::channel(None);
        let (copied, kept) = watch::channel(None);
        let union = Union::new(layout);
        let (display, door, retry_at) = (None, None, Instant::now());
        let mut driver = Self { mailbox, layout, union, display, door, retry_at, screen, copied, metrics };
        std::thread::Builder::new().name("desk".to_owned()).spawn(move || driver.run())?;
        Ok(Told { screen: shown, copied: kept })
    }

    fn run(&mut self) {
        loop {
            self.mailbox.listen();
            while let Some(mail) = self.mailbox.next() {
                match mail {
                    Mail::Errand(errand) => self.carry_out(&errand),
                    Mail::Display(display) => self.show(display),
                    Mail::Layout(layout) => self.lay_out(layout),
                    Mail::End => return self.end(),
                }
            }
            self.hear();
            if self.is_missing() && self.retry_at <= Instant::now() {
                self.reach();
            }
            self.wait();
        }
    }

    fn carry_out(&mut self, errand: &Errand) {
        let Some(tried) = self.attempt(errand) else {
            return self.metrics.dropped(Reason::Display);
        };
        if let Err(error) = tried {
            self.lose(&error);
            // It may be there again already, where nothing is held.
            self.reach();
            if let Some(Err(error)) = self.attempt(errand) {
                self.lose(&error);
            }
        }
    }

    /// None without a display.
    fn attempt(&mut self, errand: &Errand) -> Option<Result<(), Error>> {
        let door = self.door.as_mut()?;
        let acts = match errand {
            Errand::Input(peer, input) => self.union.take(*peer, input.clone()),
            Errand::Leave(peer) => self.union.leave(*peer),
            Errand::Copy(text) => return Some(door.copy(text.clone())),
        };
        Some(act(door, &acts, &self.metrics))
    }

    fn show(&mut self, display: Option<String>) {
        // What is held and what was copied stay, if it is the one that there is.
        if self.door.is_some() && self.display == display {
            return;
        }
        self.leave();
        self.display = display;
        self.reach();
    }

    /// The keymap is made anew, by another door: nothing is held through the one before.
    fn lay_out(&mut self, layout: Layout) {
        if self.layout != layout {
            self.end();
            self.layout = layout;
            self.leave();
            self.reach();
        }
    }

    fn reach(&mut self) {
        let Some(name) = &self.display else { return };
        self.retry_at = Instant::now() + RETRY;
        match Door::open(name, self.layout) {
            Ok(door) => {
                tracing::debug!(name, "a desk stands at its display");
                self.screen.send_replace(Some(door.screen()));
                self.door = Some(door);
            }
            Err(error) => tracing::debug!(name, %error, "a desk's display cannot be reached"),
        }
    }

    fn lose(&mut self, error: &Error) {
        tracing::warn!(%error, "a desk has lost its display");
        self.leave();
    }

    fn leave(&mut self) {
        self.door = None;
        self.union = Union::new(self.layout);
        self.screen.send_replace(None);
    }

    fn hear(&mut self) {
        while let Some(door) = self.door.as_mut() {
            match door.hear() {
                Ok(Some(Heard::Size)) => drop(self.screen.send_replace(Some(door.screen()))),
                Ok(Some(Heard::Copied(text))) => drop(self.copied.send_replace(Some(text))),
                Ok(None) => return,
                Err(error) => self.lose(&error),
            }
        }
    }

    /// For mail, and for what the display says.
    fn wait(&mut self) {
        // Whole milliseconds: a part of one would not be waited for.
        let rest = self.retry_at.saturating_duration_since(Instant::now()) + Duration::from_millis(1);
        let timeout = self.is_missing().then(|| PollTimeout::try_from(rest).unwrap_or(PollTimeout::MAX));
        let door = self.door.as_ref().map(Door::descriptor);
        let ends: Vec<BorrowedFd<'_>> = [self.mailbox.ear()].into_iter().chain(door).collect();
        let mut ends: Vec<_> = ends.into_iter().map(|end| PollFd::new(end, PollFlags::POLLIN)).collect();
        match poll(&mut ends, timeout.unwrap_or(PollTimeout::NONE)) {
            Ok(_) | Err(nix::Error::EINTR) => {}
            // Nothing can be waited for: not to spin is all that is left.
            Err(error) => {
                tracing::error!(%error, "a desk cannot wait");
                std::thread::park_timeout(RETRY);
            }
        }
    }

    fn is_missing(&self) -> bool {
        self.door.is_none() && self.display.is_some()
    }

    fn end(&mut self) {
        if let Some(door) = &mut self.door
            && let Err(error) = door.let_go()
        {
            tracing::debug!(%error, "a desk's display was gone before it");
        }
    }
}

fn act(door: &mut Door, acts: &[Act], metrics: &Metrics) -> Result<(), Error> {
    for act in acts {
        if door.act(act)?.is_err() {
            metrics.dropped(Reason::Key);
        }
    }
    door.flush()
}
