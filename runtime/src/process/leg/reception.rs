//! Reads both ports, in one task for all that a process's children ever send.

use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;
use understudy_core::leg::{Intake, Levels, Seen};
use understudy_core::media::Kind;

use super::port::Port;
use super::{Metrics, Sending};
use crate::broadcast::Hub;
use crate::gst;

/// What is read of a port before the other has its turn, and whoever else is to run: a large keyframe.
const TURN: usize = 256;
/// No datagram is longer.
const LONGEST: usize = 65_536;
/// Between two words on what is no news.
const TOLD: Duration = Duration::from_millis(250);

pub(super) struct Reception {
    ports: [Port; 2],
    hubs: [Hub; 2],
    sending: watch::Receiver<Sending>,
    now: Sending,
    intake: Intake,
    told: watch::Sender<Seen>,
    levels: watch::Sender<Option<Levels>>,
    told_at: Instant,
    metrics: Metrics,
    buffer: Vec<u8>,
}

impl Reception {
    /// Ports and hubs: of the picture, of the sound.
    pub fn new(
        ports: [Port; 2],
        hubs: [Hub; 2],
        sending: watch::Receiver<Sending>,
        (told, levels): (watch::Sender<Seen>, watch::Sender<Option<Levels>>),
        metrics: Metrics,
    ) -> Self {
        let (now, told_at) = (Sending::default(), Instant::now());
        let buffer = vec![0; LONGEST];
        Self { ports, hubs, sending, now, intake: Intake::default(), told, levels, told_at, metrics, buffer }
    }

    /// Until nobody can say any more who sends.
    #[tracing::instrument(name = "leg", skip_all, fields(port = self.ports[0].number().unwrap_or(0)))]
    pub async fn run(mut self) {
        loop {
            let [video, audio] = &self.ports;
            tokio::select! {
                biased;
                changed = self.sending.changed() => match changed {
                    Ok(()) => self.turn(),
                    Err(_) => return,
                },
                _ = video.readable() => self.read(),
                _ = audio.readable() => self.read(),
            }
        }
    }

    /// Another sends, or nobody does.
    fn turn(&mut self) {
        let before = std::mem::replace(&mut self.now, *self.sending.borrow_and_update());
        // Nobody who comes now is shown what was.
        self.hubs[0].forget();
        if before.number == self.now.number {
            return;
        }
        for port in &mut self.ports {
            if let Err(error) = port.release() {
                tracing::error!(%error, "a process's port cannot be given to its next child");
            }
        }
        self.intake.begin();
        self.tell();
    }

    fn read(&mut self) {
        let before = self.intake.seen();
        for (at, kind) in [Kind::Video, Kind::Audio].into_iter().enumerate() {
            for _ in 0..TURN {
                let Some((length, from)) = self.ports[at].receive(&mut self.buffer) else { break };
                if !self.now.pid.is_some_and(|pid| self.ports[at].admits(from, pid)) {
                    self.metrics.strangers.inc();
                    continue;
                }
                let (datagram, hub) = (&self.buffer[..length], &self.hubs[at]);
                self.intake.take(kind, datagram, gst::now(), |unit| hub.pass(unit));
            }
        }
        let seen = self.intake.seen();
        self.metrics.lost.inc_by(seen.lost - before.lost);
        if facts(&seen) != facts(&before) || seen != before && self.told_at.elapsed() >= TOLD {
            self.tell();
        }
    }

    fn tell(&mut self) {
        self.told_at = Instant::now();
        let seen = self.intake.seen();
        self.told.send_replace(seen);
        // Of the child before this one, until this one says it.
        if let Some(levels) = seen.levels {
            self.levels.send_replace(Some(levels));
        }
    }
}

/// What changes seldom, and somebody acts upon.
fn facts(seen: &Seen) -> impl PartialEq + use<> {
    let begun = (seen.pictures > 0, seen.keyframes > 0, seen.sounds > 0);
    (begun, seen.size, seen.levels, seen.has_b_frames, seen.lacks_parameter_sets, seen.has_aac)
}
