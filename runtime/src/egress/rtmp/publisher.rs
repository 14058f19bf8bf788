//! Somebody who publishes: what it sends is passed on as it is.

use understudy_rtmp::flv::Media;

use super::metrics::{Metrics, Presence};
use super::streams::Published;

pub(super) struct Publisher {
    stream: u32,
    published: Published,
    _presence: Presence,
}

impl Publisher {
    pub(super) fn new(stream: u32, published: Published, metrics: &Metrics) -> Self {
        Self { stream, published, _presence: metrics.publisher() }
    }

    pub(super) const fn stream(&self) -> u32 {
        self.stream
    }

    pub(super) fn take(&self, media: Media) {
        self.published.stream.push(media);
    }

    /// Resolves when what it sent has waited for more, and was passed on without.
    pub(super) async fn passes_on(&self) {
        self.published.stream.lets_go().await;
    }
}
