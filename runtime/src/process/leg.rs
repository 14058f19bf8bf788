//! What a process sends for viewers, as a program: two sockets of this machine that outlast its children.
//!
//! ```text
//!   child ── RTP ──> two ports ─> units ─┬─> picture, as it came ──────────────> viewers
//!                                        └─> sound, as it came ─┬──────────────> viewers
//!                                                               └─> AAC … ──────> whoever plays no Opus
//! ```
//!
//! Only what the child itself sends is taken. A keyframe cannot be asked for: whoever comes is shown what came since the last.

mod metrics;
mod port;
mod reception;
mod sender;
mod sound;

pub use metrics::Metrics;
pub use understudy_core::leg::Seen;

use std::io;

use tokio::sync::watch;
use tokio::task::AbortHandle;
use understudy_core::leg::Levels;
use understudy_core::media::{AudioCodec, Kind};
use understudy_core::rendition::Audio;

use crate::broadcast::{self, Hub};
use crate::program::{Ladder, Program};
use port::Port;
use reception::Reception;

/// How often two ports are tried that follow each other.
const ATTEMPTS: usize = 64;

/// Dropped, its ports are free, and nothing comes to its program any more.
pub struct Leg {
    ports: [u16; 2],
    program: Program,
    child: watch::Sender<Sending>,
    seen: watch::Receiver<Seen>,
    reception: AbortHandle,
}

/// Who sends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Sending {
    /// How many there were; a number of a process may be another's later.
    number: u64,
    pid: Option<i32>,
}

impl Leg {
    /// Takes two ports that follow each other.
    pub fn open(hubs: &broadcast::Metrics, metrics: Metrics) -> io::Result<Self> {
        let ports = pair()?;
        let numbers = [ports[0].number()?, ports[1].number()?];
        let (video, audio) = (Hub::of_others(hubs.clone()), Hub::new(Kind::Audio, hubs.clone()));
        let (child, sending) = watch::channel(Sending::default());
        let (told, seen) = watch::channel(Seen::default());
        let (levelled, levels) = watch::channel(None);
        let program = program(&video, &audio, levels, hubs);
        let reception = Reception::new(ports, [video, audio], sending, (told, levelled), metrics);
        let reception = tokio::spawn(reception.run()).abort_handle();
        Ok(Self { ports: numbers, program, child, seen, reception })
    }

    /// Of the picture and of the sound.
    pub fn ports(&self) -> [u16; 2] {
        self.ports
    }

    /// A child sends: only its packets are taken from now on. Time goes on.
    pub fn started(&self, pid: i32) {
        self.child.send_modify(|sending| *sending = Sending { number: sending.number + 1, pid: Some(pid) });
    }

    /// It sends no more, and nobody does. Who watches stays.
    pub fn ended(&self) {
        self.child.send_modify(|sending| sending.pid = None);
    }

    pub fn program(&self) -> Program {
        self.program.clone()
    }

    /// What the packets of the child that sends have shown: at once where that is new, else a few times a second.
    pub fn seen(&self) -> watch::Receiver<Seen> {
        self.seen.clone()
    }
}

impl Drop for Leg {
    fn drop(&mut self) {
        self.reception.abort();
    }
}

impl std::fmt::Debug for Leg {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Leg").field("ports", &self.ports).finish_non_exhaustive()
    }
}

/// Both are asked for by their numbers: one that the kernel chose is given back when its peer is let go (`udp_disconnect`).
fn pair() -> io::Result<[Port; 2]> {
    let mut refused = None;
    for _ in 0..ATTEMPTS {
        let before = Port::open(0)?.number()?;
        let (Some(first), Some(second)) = (before.checked_add(1), before.checked_add(2)) else { continue };
        match Port::open(first).and_then(|first| Ok([first, Port::open(second)?])) {
            Ok(ports) => return Ok(ports),
            Err(error) => refused = Some(error),
        }
    }
    Err(refused.unwrap_or_else(|| io::ErrorKind::AddrNotAvailable.into()))
}

/// The picture is there as it comes and not otherwise; of the sound there is what is made of it, too. Whoever comes waits for the
/// picture: there is always something to be watched.
fn program(
    video: &Hub,
    audio: &Hub,
    levels: watch::Receiver<Option<Levels>>,
    hubs: &broadcast::Metrics,
) -> Program {
    let (from, metrics) = (audio.clone(), hubs.clone());
    let sounds = Ladder::beside(
        (audio.clone(), |rendition: &Audio| rendition.codec == AudioCodec::Opus),
        move || Hub::new(Kind::Audio, metrics.clone()),
        move |rendition, hub| sound::encode(from.clone(), rendition, hub),
    );
    Program::coming(video.clone(), sounds, levels)
}

#[cfg(test)]
mod tests;
