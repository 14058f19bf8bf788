//! What goes down to one session. One that reads nothing is given up: its connection, being nobody's then, is closed.

use crate::metrics::Metrics;
use std::time::Duration;
use tokio::sync::mpsc::{self, error::SendTimeoutError};
use tokio_stream::wrappers::ReceiverStream;
use tonic::Status;
use understudy_proto::v1::{OperatorMessage, operator_message};

/// Messages on their way: snapshots, so that a small number is plenty.
const CAPACITY: usize = 4;
/// A session reads at once, and on a busy node within seconds. What answers keep-alives and reads nothing for this long is stuck,
/// and would keep a task for as long as it likes.
const SEND_TIMEOUT: Duration = Duration::from_secs(30);

/// The operator's end.
#[derive(Clone)]
pub(super) struct Downward {
    messages: mpsc::Sender<Result<OperatorMessage, Status>>,
    metrics: Metrics,
}

/// The session's end.
pub(super) type Messages = ReceiverStream<Result<OperatorMessage, Status>>;

impl Downward {
    /// Both ends.
    pub(super) fn open(metrics: Metrics) -> (Self, Messages) {
        let (messages, receiver) = mpsc::channel(CAPACITY);
        (Self { messages, metrics }, ReceiverStream::new(receiver))
    }

    /// `Err`: why the stream ends.
    pub(super) async fn send(&self, kind: operator_message::Kind) -> Result<(), Status> {
        let message = Ok(OperatorMessage { kind: Some(kind) });
        match self.messages.send_timeout(message, SEND_TIMEOUT).await {
            Ok(()) => Ok(()),
            Err(SendTimeoutError::Closed(_)) => Err(Status::cancelled("the runtime reads no more")),
            Err(SendTimeoutError::Timeout(_)) => {
                self.metrics.stalled.inc();
                Err(Status::deadline_exceeded("the runtime reads nothing"))
            }
        }
    }

    /// The last word, as far as there is room for it.
    pub(super) fn end(self, why: Status) {
        let _ = self.messages.try_send(Err(why));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::time::{Instant, timeout};
    use tokio_stream::StreamExt;
    use understudy_proto::v1::Desired;

    const LONG: Duration = Duration::from_secs(3600);

    fn desired() -> operator_message::Kind {
        operator_message::Kind::Desired(Desired::default())
    }

    #[tokio::test(start_paused = true)]
    async fn a_session_that_reads_nothing_is_given_up_and_counted() {
        let metrics = Metrics::default();
        let (downward, _unread) = Downward::open(metrics.clone());
        for _ in 0..CAPACITY {
            downward.send(desired()).await.unwrap();
        }
        let began = Instant::now();
        let ended = timeout(LONG, downward.send(desired())).await.expect("nobody is waited for for ever");
        assert_eq!(ended.unwrap_err().code(), tonic::Code::DeadlineExceeded);
        assert_eq!((began.elapsed(), metrics.stalled.get()), (SEND_TIMEOUT, 1));
    }

    #[tokio::test(start_paused = true)]
    async fn one_that_reads_slowly_is_waited_for() {
        let metrics = Metrics::default();
        let (downward, mut messages) = Downward::open(metrics.clone());
        let reads = tokio::spawn(async move {
            let mut read = 0;
            while messages.next().await.is_some() {
                tokio::time::sleep(SEND_TIMEOUT / 2).await;
                read += 1;
            }
            read
        });
        for _ in 0..3 * CAPACITY {
            downward.send(desired()).await.unwrap();
        }
        drop(downward);
        assert_eq!((reads.await.unwrap(), metrics.stalled.get()), (3 * CAPACITY, 0));
    }
}
