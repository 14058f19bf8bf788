//! A desk: one keyboard, one pointer and one clipboard, at which many sit, of a display that may be another one tomorrow.

use std::io;
use std::sync::Arc;

use tokio::sync::watch;
use understudy_core::steering::clipboard::LONGEST_BYTES;
use understudy_core::steering::hands::Pixels;
use understudy_core::steering::keys::Layout;
use understudy_core::steering::line::Errand;
use understudy_core::steering::{Input, Peer};

use super::driver::{self, Driver};
use super::mailbox::Mailbox;
use super::metrics::{Metrics, Reason};

/// X has no touch screen that others could touch for it: the first finger is the pointer, with its left button held.
pub const IS_TOUCH_SCREEN: bool = false;

/// While one of it is there the desk is. After the last nothing is held.
#[derive(Clone, Debug)]
pub struct Desk(Arc<Handle>);

#[derive(Debug)]
struct Handle {
    mailbox: Arc<Mailbox>,
    told: driver::Told,
    metrics: Metrics,
}

impl Desk {
    /// Without a display as yet.
    pub fn open(layout: Layout, metrics: Metrics) -> io::Result<Self> {
        let mailbox = Arc::new(Mailbox::open()?);
        let told = Driver::start(mailbox.clone(), layout, metrics.clone())?;
        Ok(Self(Arc::new(Handle { mailbox, told, metrics })))
    }

    /// Another display (as in `DISPLAY`, `:7`) is there, or none any more. Whatever was held is forgotten.
    pub fn show(&self, display: Option<String>) {
        self.0.mailbox.display(display);
    }

    /// From now on key codes are of that keyboard. Whatever was held is let go of.
    pub fn lay_out(&self, layout: Layout) {
        self.0.mailbox.lay_out(layout);
    }

    /// Is done within a millisecond, if the display does not stand still; with many waiting moves are taken together, and of what
    /// finds no room nothing stays held.
    pub fn input(&self, peer: Peer, input: Input) {
        self.push(Errand::Input(peer, input));
    }

    /// Whatever it holds and nobody else is let go of.
    pub fn leave(&self, peer: Peer) {
        self.push(Errand::Leave(peer));
    }

    /// Becomes what the display's clipboard holds, before what is asked for after it. False: it does not, as one of more than 256 KiB.
    pub fn copy(&self, text: Arc<str>) -> bool {
        if text.len() <= LONGEST_BYTES {
            return self.push(Errand::Copy(text));
        }
        self.0.metrics.dropped(Reason::Full);
        false
    }

    /// What somebody on the display copied last, be it a page; not what came by [`Self::copy`], and no more than 256 KiB.
    pub fn copied(&self) -> watch::Receiver<Option<Arc<str>>> {
        self.0.told.copied.clone()
    }

    /// Of the display, while it is there.
    pub fn size(&self) -> Option<Pixels> {
        *self.0.told.screen.borrow()
    }

    /// The same, as it changes.
    pub fn screen(&self) -> watch::Receiver<Option<Pixels>> {
        self.0.told.screen.clone()
    }

    /// False: there was no room for it.
    fn push(&self, errand: Errand) -> bool {
        self.0.metrics.came(&errand);
        let is_taken = self.0.mailbox.push(errand).is_ok();
        if !is_taken {
            self.0.metrics.dropped(Reason::Full);
        }
        is_taken
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.mailbox.close();
    }
}
