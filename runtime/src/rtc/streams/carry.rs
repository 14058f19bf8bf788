//! One connection: what is read goes to the loop that it is for, packet by packet, what waits is written as fast as the peer reads.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::net::tcp::{ReadHalf, WriteHalf};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use understudy_core::tcp::framing::Frames;
use understudy_core::tcp::outbox::{Cargo, Outbox};

use super::super::metrics::Refusal;
use super::{StreamId, Streams};

/// What the last words to a peer may take.
pub(super) const FAREWELL: Duration = Duration::from_secs(1);
/// What is read in one call.
const PIECE_BYTES: usize = 4096;

/// Filled by a loop, emptied by the task.
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

/// Ends with the connection, or with `end`.
#[tracing::instrument(name = "tcp", skip_all, fields(from = %of.0.from))]
pub(super) async fn carry(
    mut io: TcpStream,
    queue: Arc<Queue>,
    end: CancellationToken,
    of: (StreamId, IpAddr, Streams),
) {
    let (stream, local, streams) = of;
    let (reader, writer) = io.split();
    let late = async {
        end.cancelled().await;
        tokio::time::sleep(FAREWELL).await;
    };
    let refused = tokio::select! {
        refused = read(reader, stream, local, &streams) => refused,
        () = write(writer, &queue, &end) => None,
        () = late => None,
    };
    drop(io);
    streams.ended(stream, refused);
}

/// Until the peer has no more to say, or says what no peer does. A slow loop slows the peer.
async fn read(
    mut reader: ReadHalf<'_>,
    stream: StreamId,
    local: IpAddr,
    streams: &Streams,
) -> Option<Refusal> {
    let (mut frames, mut asked) = (Frames::default(), false);
    let mut piece = vec![0; PIECE_BYTES];
    loop {
        let count = reader.read(&mut piece).await.unwrap_or(0);
        if count == 0 {
            return None;
        }
        frames.push(&piece[..count]);
        loop {
            let packet = match frames.take() {
                Ok(Some(packet)) => packet,
                Ok(None) => break,
                Err(_) => return Some(Refusal::Oversized),
            };
            asked |= streams.0.reception.pass(stream.from, local, packet).await;
            // Whoever does not begin with a check for somebody who is here is nobody's peer.
            if !asked {
                return Some(Refusal::Stranger);
            }
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
