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

    fn due(&self, now: Instant) -> Due {
        self.requests.lock().due(now.into_std())
    }

    fn issued(&self, now: Instant) -> Option<Need> {
        self.requests.lock().issued(now.into_std())
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

    /// Returns when the encoder should make a keyframe now, and what for. Can be dropped and called again without losing a wish.
    pub async fn next(&mut self) -> Need {
        let wishes = &self.hub.shared.wishes;
        loop {
            let now = Instant::now();
            match wishes.due(now) {
                Due::Now => {
                    let Some(need) = wishes.issued(now) else { continue };
                    self.hub.shared.metrics.issued.inc();
                    return need;
                }
                Due::At(at) => {
                    let _ = tokio::time::timeout_at(at.into(), wishes.changed.notified()).await;
                }
                Due::Never => wishes.changed.notified().await,
            }
        }
    }
}
