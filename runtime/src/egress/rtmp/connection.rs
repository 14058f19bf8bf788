//! One connection: what it asks, what it is sent, and when it has had its time.

use std::net::IpAddr;
use std::time::Duration;

use bytes::BytesMut;
use futures::FutureExt;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use understudy_rtmp::Fault;
use understudy_rtmp::announced::Announced;
use understudy_rtmp::command::Code;
use understudy_rtmp::handshake::Random;
use understudy_rtmp::outbox::Outbox;
use understudy_rtmp::place::Place;
use understudy_rtmp::server::{Connect, Event, Server};

use super::player::Player;
use super::publisher::Publisher;
use super::{Refusal, Rtmp};
use crate::access::Role;

/// From the first byte to a play or publish that is let in. Clients take four round trips.
const ASK_DEADLINE: Duration = Duration::from_secs(15);
/// The same for a player whose stream has ended, or is not one for it. ffmpeg asks for nothing else and reads on.
const ASK_AGAIN_DEADLINE: Duration = Duration::from_secs(2);
/// Whoever takes nothing of what waits for it is gone, or stands still for good.
const STALL_DEADLINE: Duration = Duration::from_secs(10);
/// An encoder that says nothing for so long has lost its network; it may want its name again.
const SILENCE_DEADLINE: Duration = Duration::from_secs(30);
/// For the last words to leave.
const FAREWELL: Duration = Duration::from_secs(1);

/// What is read at once. A publisher's keyframe comes in some of these.
const READ_BYTES: usize = 32 << 10;
/// Who reads no answers is not asked for more questions.
const UNREAD_BYTES: usize = 64 << 10;

/// How it ended, which is told to nobody but the log.
#[derive(Debug, thiserror::Error)]
pub(super) enum Ended {
    #[error("it broke: {0}")]
    Broken(#[from] std::io::Error),
    #[error("{0}")]
    Fault(#[from] Fault),
    #[error("it asked for nothing in time")]
    Idle,
    #[error("it took nothing in time")]
    Stalled,
    #[error("its publisher said nothing in time")]
    Silent,
}

pub(super) struct Connection {
    rtmp: Rtmp,
    peer: IpAddr,
    server: Server,
    connect: Option<Connect>,
    part: Part,
    ticket: Option<Ticket>,
    deadlines: Deadlines,
}

/// With what it was let in, and as what it is refused.
#[derive(Clone)]
struct Ticket {
    role: Role,
    token: Option<String>,
    code: Code,
}

/// What the peer does here: one thing, which is all that real clients do with a connection.
enum Part {
    Nothing,
    Plays(Box<Player>),
    Publishes(Publisher),
}

/// When something last happened, and what.
struct Deadlines {
    asks_by: Instant,
    /// From when it has taken what it is told, it asks for something within this.
    once_told: Option<Duration>,
    heard: Instant,
    /// Since when it has taken nothing of what waits.
    unread_since: Option<Instant>,
}

impl Connection {
    pub(super) fn new(rtmp: Rtmp, peer: IpAddr, random: Random) -> Self {
        let now = Instant::now();
        Self {
            rtmp,
            peer,
            server: Server::new(random),
            connect: None,
            part: Part::Nothing,
            ticket: None,
            deadlines: Deadlines {
                asks_by: now + ASK_DEADLINE,
                once_told: None,
                heard: now,
                unread_since: None,
            },
        }
    }

    /// Serves it until it leaves, its deadline has passed or `shutdown`.
    pub(super) async fn serve(
        mut self,
        io: impl AsyncRead + AsyncWrite,
        shutdown: &CancellationToken,
    ) -> Result<(), Ended> {
        let (mut from, mut to) = tokio::io::split(io);
        let mut input = BytesMut::with_capacity(READ_BYTES);
        // TLS may hold what was written.
        let mut flushed = true;
        let mut policy = self.rtmp.policy.clone();
        loop {
            self.fill();
            let (waits, full) = (!self.server.outbox().is_empty(), self.server.outbox().len() > UNREAD_BYTES);
            let due = self.due(waits);
            tokio::select! {
                () = shutdown.cancelled() => break,
                read = from.read_buf(&mut input), if !full => match read? {
                    0 => return Ok(()),
                    _ => self.take(&mut input)?,
                },
                written = send(&mut to, self.server.outbox()), if waits || !flushed => {
                    let bytes = written?;
                    flushed = bytes == 0 || (self.server.outbox().is_empty() && flush_now(&mut to)?);
                    self.rtmp.metrics.wrote(bytes);
                    self.deadlines.unread_since = None;
                    if flushed && self.server.outbox().is_empty() {
                        self.told();
                    }
                }
                () = self.part.rung(waits) => {}
                Ok(()) = policy.changed() => self.admit_again(),
                () = tokio::time::sleep_until(due.at) => match due.then {
                    None => {}
                    Some(ended) => return Err(ended),
                },
            }
        }
        self.end();
        let last_words = async {
            to.write_all_buf(self.server.outbox()).await?;
            to.shutdown().await
        };
        let _ = tokio::time::timeout(FAREWELL, last_words).await;
        Ok(())
    }

    /// Puts what a player is to be sent into the outbox, once what was there has left.
    fn fill(&mut self) {
        let Part::Plays(player) = &mut self.part else { return };
        let fills = self.server.outbox().is_empty() || player.has_ended();
        if fills && !player.fill(&mut self.server) {
            self.leave(ASK_AGAIN_DEADLINE);
        }
    }

    /// It may ask for something else, so long after it has taken what it is told.
    fn leave(&mut self, within: Duration) {
        self.part = Part::Nothing;
        self.deadlines.asks_by = Instant::now() + ASK_DEADLINE;
        self.deadlines.once_told = Some(within);
    }

    /// All that waited has left.
    fn told(&mut self) {
        let Deadlines { asks_by, once_told, .. } = &mut self.deadlines;
        if let Some(within) = once_told.take() {
            *asks_by = Instant::now() + within;
        }
    }

    /// Ends what is not let in any more.
    fn admit_again(&mut self) {
        let (Some(stream), Some(ticket)) = (self.part.stream(), self.ticket.clone()) else { return };
        if let Err(refusal) = self.admit(ticket) {
            self.leave(ASK_DEADLINE);
            self.refuse(stream, refusal);
        }
    }

    fn admit(&mut self, ticket: Ticket) -> Result<(), Refusal> {
        let Ticket { role, token, code } = &ticket;
        self.rtmp.admit(*role, token.as_deref(), self.peer, *code)?;
        self.ticket = Some(ticket);
        Ok(())
    }

    fn take(&mut self, input: &mut BytesMut) -> Result<(), Ended> {
        self.deadlines.heard = Instant::now();
        self.server.feed(input);
        input.clear();
        while let Some(event) = self.server.poll()? {
            self.on(event);
        }
        Ok(())
    }

    fn on(&mut self, event: Event) {
        match event {
            Event::Connect(connect) => {
                self.server.admit(&connect.announced);
                self.connect = Some(connect);
            }
            Event::Play { stream, name } => match self.play(stream, &name) {
                Ok(player) => self.part = Part::Plays(Box::new(player)),
                Err(refusal) => self.refuse(stream, refusal),
            },
            Event::Publish { stream, name } => match self.publish(stream, &name) {
                Ok(publisher) => self.part = Part::Publishes(publisher),
                Err(refusal) => self.refuse(stream, refusal),
            },
            Event::Pause { paused, .. } => {
                if let Part::Plays(player) = &mut self.part {
                    player.pause(paused);
                }
            }
            Event::Media { media, .. } => {
                if let Part::Publishes(publisher) = &self.part {
                    publisher.take(media);
                }
            }
            Event::Ended { stream } => {
                if self.part.stream() == Some(stream) {
                    self.leave(ASK_DEADLINE);
                }
            }
        }
    }

    fn play(&mut self, stream: u32, name: &str) -> Result<Player, Refusal> {
        self.is_free(Code::PlayFailed)?;
        let place = self.place(name);
        self.admit(Ticket { role: Role::View, token: place.token.clone(), code: Code::PlayFailed })?;
        let source = self.rtmp.streams.find(&place)?;
        self.server.play(stream);
        let takes =
            self.connect.as_ref().map_or_else(Announced::default, |connect| connect.announced.clone());
        tracing::debug!(peer = %self.peer, ?place, "a player has come");
        Ok(Player::new(stream, source, takes, self.rtmp.metrics.clone()))
    }

    fn publish(&mut self, stream: u32, name: &str) -> Result<Publisher, Refusal> {
        self.is_free(Code::PublishDenied)?;
        let place = self.place(name);
        self.admit(Ticket { role: Role::Control, token: place.token.clone(), code: Code::PublishDenied })?;
        let published = self.rtmp.streams.publish(&place)?;
        self.server.publish(stream);
        tracing::info!(peer = %self.peer, ?place, "a publisher has come");
        Ok(Publisher::new(stream, published, &self.rtmp.metrics))
    }

    fn is_free(&self, code: Code) -> Result<(), Refusal> {
        match self.part {
            Part::Nothing => Ok(()),
            _ => Err(Refusal { code, why: "one connection plays or publishes one stream" }),
        }
    }

    fn place(&self, name: &str) -> Place {
        let (app, url) = self.connect.as_ref().map_or(("", ""), |connect| (&connect.app, &connect.url));
        Place::of(app, url, name)
    }

    fn refuse(&mut self, stream: u32, Refusal { code, why }: Refusal) {
        self.rtmp.metrics.refused(code);
        tracing::debug!(peer = %self.peer, code = code.word(), why, "refused");
        self.server.refuse(stream, code, why);
    }

    /// Tells the peer that it is over.
    fn end(&mut self) {
        match &self.part {
            Part::Plays(player) => self.server.end(player.stream()),
            Part::Publishes(publisher) => {
                self.server.refuse(publisher.stream(), Code::PublishDenied, "the session ends");
            }
            Part::Nothing => {}
        }
    }

    fn due(&mut self, waits: bool) -> Due {
        let Deadlines { asks_by, heard, unread_since, .. } = &mut self.deadlines;
        *unread_since = waits.then(|| unread_since.unwrap_or_else(Instant::now));
        let stalled =
            unread_since.map(|since| Due { at: since + STALL_DEADLINE, then: Some(Ended::Stalled) });
        let own = match &self.part {
            Part::Nothing => Due { at: *asks_by, then: Some(Ended::Idle) },
            Part::Publishes(_) => Due { at: *heard + SILENCE_DEADLINE, then: Some(Ended::Silent) },
            Part::Plays(player) => Due { at: player.looks_at(), then: None },
        };
        // Nobody looks while something waits.
        match stalled {
            Some(stalled) if own.then.is_none() || stalled.at < own.at => stalled,
            _ => own,
        }
    }
}

/// Writes some of what waits; where nothing does, what was written leaves.
async fn send(to: &mut (impl AsyncWrite + Unpin), outbox: &mut Outbox) -> std::io::Result<usize> {
    match outbox.is_empty() {
        true => to.flush().await.map(|()| 0),
        false => to.write_buf(outbox).await,
    }
}

/// Whether what was written has left, as all has that is not encrypted.
fn flush_now(to: &mut (impl AsyncWrite + Unpin)) -> std::io::Result<bool> {
    to.flush().now_or_never().transpose().map(|flushed| flushed.is_some())
}

/// When to look again, or that it ends then.
struct Due {
    at: Instant,
    then: Option<Ended>,
}

impl Part {
    fn stream(&self) -> Option<u32> {
        match self {
            Self::Nothing => None,
            Self::Plays(player) => Some(player.stream()),
            Self::Publishes(publisher) => Some(publisher.stream()),
        }
    }

    /// Resolves when there is more to send, if nothing `waits`, when it is over, or when what was taken is passed on.
    async fn rung(&mut self, waits: bool) {
        match self {
            Self::Plays(player) => player.rung(waits).await,
            Self::Publishes(publisher) => publisher.passes_on().await,
            Self::Nothing => std::future::pending().await,
        }
    }
}

#[cfg(test)]
mod tests;
