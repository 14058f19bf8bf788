//! Somebody who plays: where in the stream it is.

use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;
use understudy_rtmp::announced::Announced;
use understudy_rtmp::command::Code;
use understudy_rtmp::flv::FourCc;
use understudy_rtmp::recent::Cursor;
use understudy_rtmp::server::Server;

use super::metrics::{Metrics, Presence};
use super::stream::{Ready, Rung};
use super::streams::Source;

/// Nothing has to be looked at earlier; the bell rings.
const REST: Duration = Duration::from_secs(3600);
/// A keyframe that was asked for and did not come is asked for again.
const ASK_AGAIN: Duration = Duration::from_secs(1);

pub(super) struct Player {
    stream: u32,
    source: Source,
    bell: watch::Receiver<Rung>,
    /// It has rung, and nobody has looked since.
    rung: bool,
    cursor: Cursor,
    takes: Announced,
    paused: bool,
    ended: bool,
    looks_at: Instant,
    metrics: Metrics,
    _presence: Presence,
}

impl Player {
    pub(super) fn new(stream: u32, source: Source, takes: Announced, metrics: Metrics) -> Self {
        let (bell, presence) = (source.stream.bell(), metrics.player());
        Self {
            stream,
            source,
            bell,
            rung: false,
            ended: false,
            cursor: Cursor::default(),
            takes,
            paused: false,
            looks_at: Instant::now() + REST,
            metrics,
            _presence: presence,
        }
    }

    pub(super) const fn stream(&self) -> u32 {
        self.stream
    }

    pub(super) const fn looks_at(&self) -> Instant {
        self.looks_at
    }

    /// Whoever goes on after a long pause is late, and goes on at a keyframe.
    pub(super) const fn pause(&mut self, paused: bool) {
        self.paused = paused;
        // What rang meanwhile was not looked at.
        self.rung |= !paused;
    }

    /// Resolves when there is more, if nothing `waits`, or no more.
    pub(super) async fn rung(&mut self, waits: bool) {
        tokio::select! {
            // Whoever rings lives as long as this.
            _ = self.bell.changed(), if !waits => self.rung = true,
            () = &mut self.source.gone, if !self.ended => self.ended = true,
            else => std::future::pending().await,
        }
    }

    pub(super) fn has_ended(&self) -> bool {
        self.ended || self.bell.borrow().ended
    }

    /// Puts what there is into the server's outbox. False: it has ended.
    pub(super) fn fill(&mut self, server: &mut Server) -> bool {
        self.looks_at = Instant::now() + REST;
        // At once: between two looks at it, it may ring.
        let bell = self.bell.borrow_and_update();
        let (rings, over) = (bell.has_changed(), self.ended || bell.ended);
        drop(bell);
        let rung = std::mem::take(&mut self.rung) || rings;
        // What has come since it rang waits for what it leaves with, which at the end is nothing more.
        let looks = !self.paused && (rung || over || self.cursor.is_new());
        if looks && !self.look(server) {
            return false;
        }
        if over {
            server.end(self.stream);
        }
        !over
    }

    /// Gives it what there is for it. False: it was told that there is nothing that it takes.
    fn look(&mut self, server: &mut Server) -> bool {
        let now = Instant::now();
        if self.cursor.is_new() {
            match self.source.stream.ready(now) {
                Ready::Now => {}
                Ready::At(at) => {
                    self.looks_at = at;
                    return true;
                }
                Ready::Not => {
                    self.looks_at = now + ASK_AGAIN;
                    return true;
                }
            }
        }
        let (takes, stream) = (&self.takes, self.stream);
        let looked = self.source.stream.look(
            &mut self.cursor,
            |codec| takes.takes(codec),
            |media| server.send(stream, &media),
        );
        self.metrics.dropped(looked.dropped);
        looked.untaken.inspect(|codec| self.refuse(server, *codec)).is_none()
    }

    fn refuse(&self, server: &mut Server, codec: FourCc) {
        let codec = String::from_utf8_lossy(&codec);
        let why = format!("this stream is in {codec}, which your player did not announce");
        self.metrics.refused(Code::PlayFailed);
        server.refuse(self.stream, Code::PlayFailed, &why);
    }
}
