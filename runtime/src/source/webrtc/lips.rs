//! What keeps a peer's picture and sound together: `understudy_core::input::lipsync` says how long each is held.
//!
//! A picture is shown as it comes, and held before that; sound is played at a time, which is moved.

use std::time::Duration;

use tokio::time::Instant;
use understudy_core::input::lipsync::{Holds, Lag, LipSync};
use understudy_core::media::Kind;

use super::chain::SOUND_PATIENCE;
use super::held::Held;
use super::playout::Played;
use crate::rtc::{Packet, Report};
use crate::source::metrics::SoundLag;

/// A lag that changes by less is not told again.
const WORTH_TELLING_SECONDS: f64 = 0.02;

/// Of the peer that is there.
pub(super) struct Lips {
    peer: u64,
    sync: LipSync,
    holds: Holds,
    held: Held,
    gauge: SoundLag,
    /// What was told last.
    told: Option<Lag>,
    doubted: bool,
    /// From which times are counted.
    began: Instant,
}

impl Lips {
    pub fn new(gauge: SoundLag) -> Self {
        let (sync, holds) = unknown();
        let (held, began) = (Held::default(), Instant::now());
        Self { peer: 0, sync, holds, held, gauge, told: None, doubted: false, began }
    }

    /// Something came of that peer: of the one before nothing is known any more.
    pub fn meet(&mut self, peer: u64) {
        if self.peer != peer {
            (self.sync, self.holds) = unknown();
            (self.peer, self.told, self.doubted) = (peer, None, false);
        }
    }

    pub fn arrived(&mut self, kind: Kind, packet: &Packet) {
        let at = self.time(packet.arrived.into());
        self.sync.arrived(kind, packet.timestamp, at);
    }

    pub fn reported(&mut self, report: Report) {
        self.sync.reported(report.kind, report.moment);
    }

    /// A picture's packet, which waits if there is `sound`.
    pub fn hold(&mut self, packet: Packet, sound: bool) {
        let hold = if sound { self.holds.picture } else { Duration::ZERO };
        self.held.push(packet.bytes, packet.arrived.into(), hold);
    }

    /// What waits, in its order.
    pub const fn held(&mut self) -> &mut Held {
        &mut self.held
    }

    pub const fn holds(&self) -> Holds {
        self.holds
    }

    /// The stream of that kind is over, and what waits of it is not shown.
    pub fn forget(&mut self, kind: Kind) {
        self.sync.forget(kind);
        if kind == Kind::Video {
            self.held.clear();
        }
    }

    /// To be called a few times a second. For how long sound is held from now on, if that changes.
    pub fn look(&mut self, played: Option<Played>, now: Instant) -> Option<Duration> {
        if let Some(Played { timestamp, at }) = played {
            let at = self.time(at);
            self.sync.played(timestamp, at);
        }
        let holds = self.sync.holds(self.time(now));
        let before = std::mem::replace(&mut self.holds, holds);
        let lag = self.sync.lag();
        self.gauge.set(lag.map(Lag::seconds));
        if let Some(lag) = lag {
            self.tell(lag);
        }
        (self.holds.sound != before.sound).then_some(self.holds.sound)
    }

    fn tell(&mut self, lag: Lag) {
        let seconds = lag.seconds();
        if !lag.is_believed() {
            if !std::mem::replace(&mut self.doubted, true) {
                tracing::warn!(lag_seconds = seconds, "a peer's sender reports are not believed");
            }
            return;
        }
        if self.told.is_some_and(|told| (told.seconds() - seconds).abs() < WORTH_TELLING_SECONDS) {
            return;
        }
        self.told = Some(lag);
        let Holds { picture, sound } = self.holds;
        tracing::debug!(
            lag_seconds = seconds,
            ?picture,
            ?sound,
            "a peer sends its sound apart from its picture"
        );
    }

    fn time(&self, at: Instant) -> Duration {
        at.saturating_duration_since(self.began)
    }
}

fn unknown() -> (LipSync, Holds) {
    let base = Duration::from(SOUND_PATIENCE);
    (LipSync::new(base), Holds { picture: base, sound: Duration::ZERO })
}
