//! The task that feeds one device for as long as the camera lives.

use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio_util::sync::{CancellationToken, DropGuard};

/// A running feeder. Dropped, it ends; `stop` waits for that.
#[derive(Debug)]
pub(super) struct Feeder {
    stop: DropGuard,
    task: JoinHandle<()>,
    lost: Option<oneshot::Receiver<String>>,
}

impl Feeder {
    /// `feed` tells why the device is lost, or ends soon after it is told to stop.
    pub(super) fn spawn<F: Future<Output = String> + Send + 'static>(
        feed: impl FnOnce(CancellationToken) -> F,
    ) -> Self {
        let stop = CancellationToken::new();
        let (gone, lost) = oneshot::channel();
        let feed = feed(stop.clone());
        let task = tokio::spawn(async move {
            // Nobody listens any more when the camera was stopped on purpose.
            drop(gone.send(feed.await));
        });
        Self { stop: stop.drop_guard(), task, lost: Some(lost) }
    }

    pub(super) fn lost(&mut self) -> oneshot::Receiver<String> {
        self.lost.take().unwrap_or_else(|| oneshot::channel().1)
    }

    pub(super) async fn stop(self) {
        drop(self.stop);
        if let Err(error) = self.task.await {
            tracing::error!(%error, "the camera's task failed");
        }
    }
}
