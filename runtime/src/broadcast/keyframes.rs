//! Wishes for keyframes, from many readers to one encoder.

use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::time::Instant;
use understudy_core::fanout::keyframe::{Due, Need, Requests};

use super::Hub;

#[derive(Default)]
pub(super) struct Wishes {
    requests: Mutex<Requests>,
    changed: Notify,
}

impl Wishes {
    pub(super) fn add(&self, need: Need) {
        self.requests.lock().want(need);
        self.changed.notify_one();
    }

    pub(super) fn produced(&self) {
        self.requests.lock().produced();
    }

    fn take_due(&self, now: Instant) -> Due {
        let mut requests = self.requests.lock();
        let due = requests.due(now.into_std());
        if due == Due::Now {
            requests.issued(now.into_std());
        }
        due
    }
}

/// The encoder's end.
pub struct KeyframeRequests {
    hub: Hub,
}

impl KeyframeRequests {
    pub(super) fn new(hub: Hub) -> Self {
        Self { hub }
    }

    /// Returns when the encoder should make a keyframe now. Can be dropped and called again without losing a wish.
    pub async fn next(&mut self) {
        let wishes = &self.hub.shared.wishes;
        loop {
            match wishes.take_due(Instant::now()) {
                Due::Now => {
                    self.hub.shared.metrics.issued.inc();
                    return;
                }
                Due::At(at) => {
                    let _ = tokio::time::timeout_at(at.into(), wishes.changed.notified()).await;
                }
                Due::Never => wishes.changed.notified().await,
            }
        }
    }
}
