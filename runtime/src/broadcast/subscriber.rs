//! One reader of a hub.

use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::Notify;
use understudy_core::fanout::backlog::{Backlog, Pushed};
use understudy_core::media::Unit;

use super::Hub;

#[derive(Default)]
pub(super) struct Reader {
    backlog: Mutex<Backlog>,
    arrived: Notify,
}

impl Reader {
    pub(super) fn offer(&self, frame: Unit) -> Pushed {
        let pushed = self.backlog.lock().push(frame);
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
}

impl Drop for Subscriber {
    fn drop(&mut self) {
        self.hub.leave(&self.reader);
    }
}
