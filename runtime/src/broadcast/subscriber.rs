//! One reader of a hub.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;
use tokio::sync::Notify;
use understudy_core::fanout::backlog::{Backlog, Patience, Pushed};
use understudy_core::media::Unit;

use super::Hub;

pub(super) struct Reader {
    backlog: Mutex<Backlog>,
    arrived: Notify,
    lost: AtomicU64,
}

impl Reader {
    pub(super) fn new(patience: Patience) -> Self {
        let backlog = Mutex::new(Backlog::new(patience));
        Self { backlog, arrived: Notify::new(), lost: AtomicU64::new(0) }
    }

    /// What it begins with.
    pub(super) fn give(&self, frames: Vec<Unit>) {
        if !frames.is_empty() {
            self.backlog.lock().give(frames);
            self.arrived.notify_one();
        }
    }

    pub(super) fn offer(&self, frame: Unit) -> Pushed {
        let pushed = self.backlog.lock().push(frame);
        if let Pushed::Jumped { dropped } | Pushed::Lagged { dropped } = pushed {
            self.lost.fetch_add(dropped as u64, Ordering::Relaxed);
        }
        self.arrived.notify_one();
        pushed
    }
}

/// Takes frames in order. Its first picture is a keyframe, and so is the first after a loss. Dropping it leaves.
pub struct Subscriber {
    hub: Hub,
    reader: Arc<Reader>,
}

impl Subscriber {
    pub(super) fn new(hub: Hub, reader: Arc<Reader>) -> Self {
        Self { hub, reader }
    }

    /// The next frame. Can be dropped and called again without losing one.
    pub async fn next(&mut self) -> Unit {
        loop {
            if let Some(frame) = self.reader.backlog.lock().pop() {
                return frame;
            }
            self.reader.arrived.notified().await;
        }
    }

    /// How many frames were dropped for this reader because it was behind.
    pub fn lost(&self) -> u64 {
        self.reader.lost.load(Ordering::Relaxed)
    }
}

impl Drop for Subscriber {
    fn drop(&mut self) {
        self.hub.leave(&self.reader);
    }
}
