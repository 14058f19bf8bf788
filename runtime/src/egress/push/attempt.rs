//! One connection to a destination, from its name to its end.

use std::io;
use std::time::Duration;

use bytes::BytesMut;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::{Instant, MissedTickBehavior};
use tokio_util::sync::CancellationToken;
use understudy_rtmp::client::{Client, Event, Refused};
use understudy_rtmp::handshake;
use understudy_rtmp::recent::Cursor;

use super::queue::Queue;
use super::{FAREWELL, Reach, State, Wanted};
use crate::egress::rtmp::stream::{Ready, Rung, Stream};
use crate::guard;

/// Three round trips of TLS over the worst network that carries a picture.
const TLS_DEADLINE: Duration = Duration::from_secs(10);
/// From the first byte to "publish": six round trips, and what a server asks elsewhere about a key.
const TAKEN_DEADLINE: Duration = Duration::from_secs(20);
/// Nothing acknowledged for so long, while something waits: a destination is noticed within half a minute.
const WEDGED: Duration = Duration::from_secs(20);
/// How often it is looked at.
const LOOK: Duration = Duration::from_secs(1);

/// Of what waits in our kernel unsent: more of it would only be older when it arrives.
const UNSENT_BYTES: u32 = 128 << 10;
/// Answers are some hundred bytes each.
const READ_BYTES: usize = 4 << 10;
/// Of our own answers: who takes none is asked for no more questions. Those of a whole publish have some hundred bytes.
const UNREAD_BYTES: usize = 64 << 10;

/// Why a push does not go on, by what one can do.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    #[error("{0}")]
    Unreachable(#[from] guard::Refused),
    #[error("the destination cannot prove who it is, or speaks no TLS: {0}")]
    Untrusted(io::Error),
    #[error("{0}")]
    Refused(#[from] Refused),
    #[error("the connection broke: {0}")]
    Broken(#[from] io::Error),
    #[error("the destination closed the connection")]
    Closed,
    #[error("the destination did not answer within {} s", .0.as_secs())]
    Silent(Duration),
    #[error("the destination acknowledged nothing for {} s", WEDGED.as_secs())]
    Wedged,
}

/// What one attempt has sent.
struct Attempt<'a> {
    client: Client,
    stream: &'a Stream,
    bell: watch::Receiver<Rung>,
    cursor: Cursor,
    /// Media may be sent since then.
    taken: Option<Instant>,
    /// How much waited once the latest look was put there.
    looked_bytes: usize,
    progress: Progress,
    told: &'a watch::Sender<State>,
}

/// How much of what was written has come.
struct Progress {
    queue: Queue,
    written: u64,
    acknowledged: u64,
    grew: Instant,
    /// When it grew last, or had no reason to.
    fine: Instant,
}

/// Sends until it fails, or is told to stop.
pub(super) async fn attempt(
    wanted: &Wanted,
    reach: &Reach,
    told: &watch::Sender<State>,
    stop: &CancellationToken,
) -> Result<(), Failure> {
    let target = &wanted.target.target;
    let connecting = guard::connect(target.host(), target.port(), &reach.guard);
    let Some(io) = stop.run_until_cancelled(connecting).await else { return Ok(()) };
    let io = io?;
    io.set_nodelay(true)?;
    socket2::SockRef::from(&io).set_tcp_notsent_lowat(UNSENT_BYTES)?;
    let (queue, now) = (Queue::of(&io)?, Instant::now());
    let progress = Progress { queue, written: 0, acknowledged: 0, grew: now, fine: now };
    let fed = reach.streams.fed(&wanted.program, wanted.rendition);
    let mut random = [0; handshake::BYTES];
    rand::fill(&mut random);
    let attempt = Attempt {
        client: Client::new(target.clone(), random),
        stream: &fed.stream,
        bell: fed.stream.bell(),
        cursor: Cursor::default(),
        taken: None,
        looked_bytes: 0,
        progress,
        told,
    };
    match target.is_secure() {
        false => attempt.send(io, stop).await,
        true => attempt.send(secured(io, target.host(), reach).await?, stop).await,
    }
}

async fn secured(
    io: TcpStream,
    host: &str,
    reach: &Reach,
) -> Result<impl AsyncRead + AsyncWrite + use<>, Failure> {
    let name =
        ServerName::try_from(host.to_owned()).map_err(|error| Failure::Untrusted(io::Error::other(error)))?;
    let agreed = tokio::time::timeout(TLS_DEADLINE, reach.tls.connect(name, io)).await;
    agreed.map_err(|_| Failure::Silent(TLS_DEADLINE))?.map_err(Failure::Untrusted)
}

impl Attempt<'_> {
    async fn send(
        mut self,
        io: impl AsyncRead + AsyncWrite,
        stop: &CancellationToken,
    ) -> Result<(), Failure> {
        let (mut from, mut to) = tokio::io::split(io);
        let mut input = BytesMut::with_capacity(READ_BYTES);
        let give_up = Instant::now() + TAKEN_DEADLINE;
        let mut look = tokio::time::interval(LOOK);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        // TLS may hold what was written.
        let mut flushed = true;
        loop {
            self.fill();
            let waiting = self.client.outbox().len();
            // What has come in since the latest look are answers.
            let (waits, full) = (waiting > 0, waiting > self.looked_bytes + UNREAD_BYTES);
            tokio::select! {
                () = stop.cancelled() => break,
                read = from.read_buf(&mut input), if !full => match read? {
                    0 => return Err(Failure::Closed),
                    _ => self.take(&mut input)?,
                },
                written = some(&mut to, &mut self.client), if waits || !flushed => {
                    let bytes = written?;
                    flushed = bytes == 0;
                    self.progress.written += bytes as u64;
                },
                _ = self.bell.changed(), if !waits && self.taken.is_some() => {}
                _ = look.tick() => self.look(waits)?,
                () = tokio::time::sleep_until(give_up), if self.taken.is_none() => {
                    return Err(Failure::Silent(TAKEN_DEADLINE));
                }
            }
        }
        self.client.finish();
        let last_words = async {
            to.write_all_buf(self.client.outbox()).await?;
            to.shutdown().await
        };
        let _ = tokio::time::timeout(FAREWELL, last_words).await;
        Ok(())
    }

    fn take(&mut self, input: &mut BytesMut) -> Result<(), Failure> {
        self.client.feed(input);
        input.clear();
        while let Some(event) = self.client.poll()? {
            if event == Event::Publishing {
                tracing::info!("a push is taken");
                self.taken = Some(Instant::now());
                self.tell();
            }
        }
        Ok(())
    }

    /// The next of the stream, once what was there is on its way.
    fn fill(&mut self) {
        if self.taken.is_none() || !self.client.outbox().is_empty() {
            return;
        }
        // Looked at again within a second, if nothing rings before.
        if self.cursor.is_new() && self.stream.ready(Instant::now()) != Ready::Now {
            return;
        }
        let client = &mut self.client;
        // What a destination takes beside H.264 and AAC is not known of any.
        self.stream.look(&mut self.cursor, |_| false, |media| client.send(&media));
        self.looked_bytes = self.client.outbox().len();
    }

    fn look(&mut self, waits: bool) -> Result<(), Failure> {
        let now = Instant::now();
        let unacknowledged = self.progress.queue.unacknowledged()?;
        let acknowledged = self.progress.written.saturating_sub(unacknowledged);
        let progress = &mut self.progress;
        if acknowledged > progress.acknowledged {
            (progress.acknowledged, progress.grew) = (acknowledged, now);
        }
        // Where nothing waits nothing has to come.
        if progress.grew == now || (unacknowledged == 0 && !waits) {
            progress.fine = now;
        }
        self.tell();
        match now.duration_since(self.progress.fine) > WEDGED {
            true => Err(Failure::Wedged),
            false => Ok(()),
        }
    }

    fn tell(&self) {
        let Some(since) = self.taken else { return };
        let Progress { acknowledged, grew, .. } = self.progress;
        self.told.send_replace(State::Sending {
            since,
            bytes_acknowledged: acknowledged,
            acknowledged_at: grew,
        });
    }
}

/// Writes some of what waits; where nothing does, what was written leaves.
async fn some(to: &mut (impl AsyncWrite + Unpin), client: &mut Client) -> io::Result<usize> {
    match client.outbox().is_empty() {
        true => to.flush().await.map(|()| 0),
        false => to.write_buf(client.outbox()).await,
    }
}
