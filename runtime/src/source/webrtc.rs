//! What a WebRTC peer sends: packets come through the ingest's door, the picture is shown as it comes, the sound a
//! jitter buffer later.
//!
//! The peer decides what it sends and may change it at any time; each stream is a small pipeline of its own, made when
//! its first packet comes and made anew when the peer or its format changes.

mod chain;

use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, MissedTickBehavior, interval};
use understudy_core::fanout::keyframe::Need;
use understudy_core::input::watch::Arrival;
use understudy_core::input::{Failure, Health, Plan};
use understudy_core::media::Kind;

use super::Surroundings;
use crate::camera::Writer;
use crate::gst::Error;
use crate::ingest::peer::{Delivered, Door};
use chain::{Chain, Key};

/// How often is looked: a tenth of what counts as a stall.
const LOOK: Duration = Duration::from_millis(200);
/// Packets come and no picture does for so long: the picture that was asked for got lost.
const NO_PICTURE: Duration = Duration::from_millis(600);
/// A peer that changes its format more often than this is not followed: to do so costs more than it shows.
const CHANGE_GAP: Duration = Duration::from_millis(500);

/// Shows what the peer sends for as long as it is wanted; peers may come and go meanwhile.
pub(super) async fn play(
    plan: &Plan,
    surroundings: &Surroundings,
    writer: Option<Writer>,
    health: &watch::Sender<Health>,
) -> Result<(), Failure> {
    let mut seat = surroundings.ingest.peer.attach(plan.carries);
    let mut peer = seat.peer();
    let door = seat.door().clone();
    let mut stage =
        Stage { plan, surroundings, writer, health, door, video: Slot::default(), audio: Slot::default() };
    stage.tell(Health::Waiting);
    let mut look = interval(LOOK);
    look.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let step = tokio::select! {
            Some(delivered) = seat.next() => stage.take(delivered).await,
            Ok(()) = peer.changed() => {
                let number = *peer.borrow_and_update();
                stage.welcome(number).await;
                Ok(())
            }
            _ = look.tick() => stage.look(),
        };
        if let Err(error) = step {
            stage.clear().await;
            return Err(Failure { reason: "PipelineFailed", message: error.to_string() });
        }
    }
}

struct Stage<'a> {
    plan: &'a Plan,
    surroundings: &'a Surroundings,
    writer: Option<Writer>,
    health: &'a watch::Sender<Health>,
    door: Door,
    video: Slot,
    audio: Slot,
}

/// The stream of a kind, if there is one.
#[derive(Default)]
struct Slot {
    chain: Option<Chain>,
    /// When its last packet came.
    packet_at: Option<Instant>,
    stalled: bool,
}

impl Stage<'_> {
    async fn take(&mut self, delivered: Delivered) -> Result<(), Error> {
        let key = Key::of(&delivered);
        let kind = key.kind();
        match &self.slot(kind).chain {
            Some(chain) if chain.plays(&key) => {}
            Some(chain) if !chain.may_change(&key, CHANGE_GAP) => return Ok(()),
            _ => self.renew(key).await?,
        }
        let slot = self.slot(kind);
        slot.packet_at = Some(Instant::now());
        if let Some(chain) = &slot.chain {
            chain.push(delivered.packet.bytes);
        }
        Ok(())
    }

    async fn renew(&mut self, key: Key) -> Result<(), Error> {
        let kind = key.kind();
        if let Some(chain) = self.slot(kind).chain.take() {
            chain.stop().await;
        }
        tracing::info!(encoding = key.encoding().name(), peer = key.peer, "a stream begins");
        let chain = match (kind, &self.writer) {
            (Kind::Video, Some(writer)) => {
                Chain::picture(key, self.plan.shape, writer.clone(), self.surroundings)?
            }
            (Kind::Video, None) => return Ok(()),
            (Kind::Audio, _) => Chain::sound(key, self.plan.destination, self.surroundings)?,
        };
        chain.start().await?;
        *self.slot(kind) = Slot { chain: Some(chain), ..Slot::default() };
        Ok(())
    }

    /// What the peer before this one sent is over.
    async fn welcome(&mut self, peer: Option<u64>) {
        let mut ended = false;
        for kind in [Kind::Video, Kind::Audio] {
            let slot = self.slot(kind);
            if let Some(chain) = slot.chain.take_if(|chain| Some(chain.peer()) != peer) {
                chain.stop().await;
                slot.packet_at = None;
                ended = true;
            }
        }
        if ended {
            self.show_slate();
        }
        if self.video.chain.is_none() && self.audio.chain.is_none() {
            self.tell(Health::Waiting);
        }
    }

    fn look(&mut self) -> Result<(), Error> {
        let now = crate::gst::now();
        let mut arrivals = Vec::new();
        for kind in [Kind::Video, Kind::Audio] {
            let slot = self.slot(kind);
            let Some(chain) = &slot.chain else { continue };
            if let Some(error) = chain.look_after() {
                return Err(error);
            }
            let arrival = chain.arrival();
            let stalled = arrival.stalled(now);
            let frozen = stalled && !std::mem::replace(&mut slot.stalled, stalled);
            arrivals.push(arrival);
            // Never a frozen picture. Sound that does not come is silence by itself.
            if frozen && kind == Kind::Video {
                self.show_slate();
            }
        }
        self.insist(now);
        if arrivals.iter().any(|arrival| arrival.stalled(now)) {
            self.tell(Health::Stalled);
        } else if arrivals.iter().any(|arrival| *arrival != Arrival::Nothing) {
            self.tell(Health::Playing);
        }
        Ok(())
    }

    /// Requests travel in packets that may be lost like any others.
    fn insist(&self, now: Duration) {
        let Slot { chain: Some(chain), packet_at: Some(packet_at), .. } = &self.video else { return };
        let shown = match chain.arrival() {
            Arrival::At(then) => now.saturating_sub(then) < NO_PICTURE,
            Arrival::Nothing | Arrival::Over => chain.age() < NO_PICTURE,
        };
        if !shown && packet_at.elapsed() < LOOK {
            self.door.refresh(Need::Repair);
        }
    }

    async fn clear(&mut self) {
        for kind in [Kind::Video, Kind::Audio] {
            if let Some(chain) = self.slot(kind).chain.take() {
                chain.stop().await;
            }
        }
    }

    const fn slot(&mut self, kind: Kind) -> &mut Slot {
        match kind {
            Kind::Video => &mut self.video,
            Kind::Audio => &mut self.audio,
        }
    }

    fn show_slate(&self) {
        if let Some(writer) = &self.writer {
            writer.show_slate();
        }
    }

    fn tell(&self, health: Health) {
        let news = self.health.send_if_modified(|last| {
            let changed = *last != health;
            *last = health.clone();
            changed
        });
        if news {
            tracing::info!(?health, "what a peer sends has changed its course");
        }
    }
}
