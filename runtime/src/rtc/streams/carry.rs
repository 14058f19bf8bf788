//! One connection: what is read goes to the owner packet by packet, what waits is written as fast as the peer reads.

use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::net::tcp::{ReadHalf, WriteHalf};
use tokio::sync::{Notify, mpsc};
use tokio_util::sync::CancellationToken;
use understudy_core::tcp::framing::Frames;
use understudy_core::tcp::outbox::{Cargo, Outbox};

use super::super::metrics::Refusal;
use super::{News, StreamId};

/// What the last words to a peer may take.
pub(super) const FAREWELL: Duration = Duration::from_secs(1);
/// What is read in one call.
const PIECE_BYTES: usize = 4096;

/// Filled by the owner, emptied by the task.
#[derive(Default)]
pub(super) struct Queue {
    outbox: Mutex<Outbox>,
    filled: Notify,
}

impl Queue {
    /// False: there is no room, and it is lost.
    pub fn push(&self, cargo: Cargo, bytes: Vec<u8>, now: Instant) -> bool {
        let pushed = self.outbox.lock().push(cargo, bytes, now);
        if pushed {
            self.filled.notify_one();
        }
        pushed
    }

    /// Media goes another way from now on.
    pub fn drop_media(&self) {
        self.outbox.lock().drop_media();
    }
}

/// Ends with the connection, with `end` or with the owner.
#[tracing::instrument(name = "tcp", skip_all, fields(from = %told.0.from))]
pub(super) async fn carry(
    mut io: TcpStream,
    queue: Arc<Queue>,
    end: CancellationToken,
    told: (StreamId, mpsc::Sender<News>),
) {
    let (stream, tell) = told;
    let (reader, writer) = io.split();
    let late = async {
        end.cancelled().await;
        tokio::time::sleep(FAREWELL).await;
    };
    let refused = tokio::select! {
        refused = read(reader, stream, &tell) => refused,
        () = write(writer, &queue, &end) => None,
        () = late => None,
    };
    // The descriptor does not wait for the owner.
    drop(io);
    if !end.is_cancelled() {
        // An owner that is gone needs no news.
        drop(tell.send(News::Ended { stream, refused }).await);
    }
}

/// Until the peer has no more to say, or says what no peer does. A slow owner slows the peer.
async fn read(mut reader: ReadHalf<'_>, stream: StreamId, tell: &mpsc::Sender<News>) -> Option<Refusal> {
    let mut frames = Frames::default();
    let mut piece = vec![0; PIECE_BYTES];
    loop {
        let count = reader.read(&mut piece).await.unwrap_or(0);
        if count == 0 {
            return None;
        }
        frames.push(&piece[..count]);
        loop {
            let bytes = match frames.take() {
                Ok(Some(packet)) => packet.to_vec(),
                Ok(None) => break,
                Err(_) => return Some(Refusal::Oversized),
            };
            tell.send(News::Packet { stream, bytes }).await.ok()?;
        }
    }
}

/// Until nothing waits after `end`, or the peer is gone.
async fn write(mut writer: WriteHalf<'_>, queue: &Queue, end: &CancellationToken) {
    loop {
        let next = queue.outbox.lock().take();
        match next {
            Some(bytes) => {
                if writer.write_all(&bytes).await.is_err() {
                    return;
                }
            }
            None if end.is_cancelled() => return drop(writer.shutdown().await),
            None => tokio::select! {
                () = queue.filled.notified() => {}
                () = end.cancelled() => {}
            },
        }
    }
}
