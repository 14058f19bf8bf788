//! What a WebRTC peer sends: packets come through the ingest's door, the sound is played a jitter buffer later, the picture is
//! shown as it comes, or a little later if there is sound with it, by as much as the peer's sender reports tell.
//!
//! The peer decides what it sends and may change it at any time; each stream is a small pipeline of its own, made when
//! its first packet comes and made anew when the peer or its format changes.

mod chain;
mod feeding;
mod held;
mod lips;
mod playout;

use std::convert::Infallible;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, MissedTickBehavior, interval};
use understudy_core::fanout::keyframe::Need;
use understudy_core::input::rest::Change;
use understudy_core::input::watch::{Arrival, OPENING, STALLED};
use understudy_core::input::{Failure, Health, Plan};
use understudy_core::media::Kind;

use super::Surroundings;
use super::metrics::Origin;
use super::need::Needs;
use super::resting::Resting;
use crate::camera::Writer;
use crate::gst::Error;
use crate::ingest::peer::{Delivered, Door, Item};
use crate::rtc::{Packet, Report};
use chain::{Chain, Key};
use lips::Lips;

/// How often is looked: a tenth of what counts as a stall.
const LOOK: Duration = Duration::from_millis(200);
/// Packets come and no picture does for so long: the picture that was asked for got lost.
const NO_PICTURE: Duration = Duration::from_millis(600);
/// A peer that changes its format more often than this is not followed: to do so costs more than it shows.
const CHANGE_GAP: Duration = Duration::from_millis(500);
/// A stream that could not be played is not tried again sooner; another is at once.
const AGAIN: Duration = Duration::from_secs(5);

/// Shows what the peer sends for as long as it is wanted; peers may come and go meanwhile.
pub(super) async fn play(
    plan: &Plan,
    surroundings: &Surroundings,
    writer: Option<Writer>,
    health: &watch::Sender<Health>,
) -> Infallible {
    let mut seat = surroundings.ingest.peer.attach(plan.carries);
    let mut peer = seat.peer();
    let mut onlookers = surroundings.feed.joined();
    let door = seat.door().clone();
    let since = peer.borrow().map(|_| Instant::now());
    let (video, audio) = (Slot::default(), Slot::default());
    let lips = Lips::new(surroundings.metrics.sound_lag(Origin::WebRtc));
    let rest = Resting::new(Needs::of(plan, surroundings));
    let mut stage = Stage { plan, surroundings, writer, health, door, since, video, audio, lips, rest };
    stage.tell(Health::Waiting);
    let mut look = interval(LOOK);
    look.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            // What a peer left behind on its way out is not shown any more.
            Some(delivered) = seat.next() => if *peer.borrow() == Some(delivered.peer) {
                stage.receive(delivered).await;
            },
            Ok(()) = peer.changed() => {
                let number = *peer.borrow_and_update();
                stage.welcome(number).await;
            }
            Ok(()) = onlookers.changed() => stage.door.refresh(Need::Join),
            () = crate::deadline::reached(stage.lips.held().due()) => stage.release(),
            () = stage.rest.changed() => stage.heed_needs(),
            _ = look.tick() => stage.look().await,
        }
    }
}

struct Stage<'a> {
    plan: &'a Plan,
    surroundings: &'a Surroundings,
    writer: Option<Writer>,
    health: &'a watch::Sender<Health>,
    door: Door,
    /// When the peer came, if there is one.
    since: Option<Instant>,
    video: Slot,
    audio: Slot,
    lips: Lips,
    rest: Resting,
}

/// The stream of a kind, if there is one.
#[derive(Default)]
struct Slot {
    chain: Option<Chain>,
    /// When its last packet came.
    packet_at: Option<Instant>,
    stalled: bool,
    /// Whether the peer has ever sent any of it.
    came: bool,
    /// The last that could not be played, and since when.
    broken: Option<(Key, Instant, Failure)>,
}

impl Slot {
    /// Nothing comes out any more, or nothing ever did.
    fn rests(&self, now: Duration) -> bool {
        self.chain.as_ref().is_some_and(|chain| match chain.arrival() {
            Arrival::Nothing => chain.age() > STALLED,
            arrival => arrival.stalled(now),
        })
    }

    fn plays(&self) -> bool {
        self.chain.as_ref().is_some_and(|chain| chain.arrival() != Arrival::Nothing)
    }

    fn failure(&self) -> Option<Failure> {
        if let Some((_, _, failure)) = &self.broken {
            return Some(failure.clone());
        }
        let chain = self.chain.as_ref()?;
        let sends = self.packet_at.is_some_and(|at| at.elapsed() < STALLED);
        let unreadable = chain.arrival() == Arrival::Nothing && chain.age() > STALLED && sends;
        unreadable.then(|| Failure {
            reason: "SourceBroken",
            message: format!("what the peer sends as {} cannot be decoded", chain.encoding().name()),
        })
    }

    fn gave_up_on(&self, key: &Key) -> bool {
        self.broken.as_ref().is_some_and(|(broken, at, _)| broken == key && at.elapsed() < AGAIN)
    }
}

impl Stage<'_> {
    async fn receive(&mut self, Delivered { peer, item }: Delivered) {
        self.lips.meet(peer);
        match item {
            Item::Packet(packet) => self.take(Key::of(peer, &packet), packet).await,
            Item::Report(report) => self.heed(peer, report),
        }
    }

    /// Of a stream that is played.
    fn heed(&mut self, peer: u64, report: Report) {
        let chain = self.slot(report.kind).chain.as_ref();
        if chain.is_some_and(|chain| chain.peer() == peer && chain.key().ssrc == report.ssrc) {
            self.lips.reported(report);
        }
    }

    async fn take(&mut self, key: Key, packet: Packet) {
        let kind = key.kind();
        if self.slot(kind).gave_up_on(&key) {
            return;
        }
        match &self.slot(kind).chain {
            Some(chain) if chain.plays(&key) => {}
            Some(chain) if !chain.may_change(&key, CHANGE_GAP) => return,
            _ => {
                if let Err(error) = self.renew(key.clone()).await {
                    return self.give_up(key, &error).await;
                }
            }
        }
        self.lips.arrived(kind, &packet);
        let slot = self.slot_mut(kind);
        slot.packet_at = Some(Instant::now());
        match (kind, &slot.chain) {
            (Kind::Video, _) => {
                self.lips.hold(packet, self.audio.plays());
                self.release();
            }
            (Kind::Audio, Some(chain)) => chain.push(packet.bytes),
            (Kind::Audio, None) => {}
        }
    }

    /// Pictures' packets whose time has come.
    fn release(&mut self) {
        let now = Instant::now();
        while let Some(packet) = self.lips.held().pop(now) {
            if let Some(chain) = &self.video.chain {
                chain.push(packet);
            }
        }
    }

    /// Takes the stream of a kind away, with what is on its way to it.
    fn take_chain(&mut self, kind: Kind) -> Option<Chain> {
        self.lips.forget(kind);
        self.rest.forget(kind);
        self.slot_mut(kind).chain.take()
    }

    /// This stream cannot be played; the other kind goes on, and so does whatever the peer sends next.
    async fn give_up(&mut self, key: Key, error: &Error) {
        let kind = key.kind();
        tracing::warn!(encoding = key.encoding().name(), %error, "a peer's stream does not play");
        if let Some(chain) = self.take_chain(kind) {
            chain.stop().await;
        }
        if kind == Kind::Video {
            self.show_slate();
        }
        let failure = Failure { reason: "PipelineFailed", message: error.to_string() };
        self.slot_mut(kind).broken = Some((key, Instant::now(), failure));
    }

    async fn renew(&mut self, key: Key) -> Result<(), Error> {
        let kind = key.kind();
        if let Some(chain) = self.take_chain(kind) {
            chain.stop().await;
        }
        tracing::info!(encoding = key.encoding().name(), peer = key.peer, "a stream begins");
        let chain = match (kind, &self.writer) {
            (Kind::Video, Some(writer)) => {
                Chain::picture(key, self.plan.shape, writer.clone(), self.surroundings)?
            }
            (Kind::Video, None) => return Ok(()),
            (Kind::Audio, _) => Chain::sound(key, self.surroundings, self.lips.holds().sound)?,
        };
        chain.start().await?;
        let came = self.slot(kind).came;
        *self.slot_mut(kind) = Slot { chain: Some(chain), came, ..Slot::default() };
        Ok(())
    }

    /// What the peer before this one sent is over.
    async fn welcome(&mut self, peer: Option<u64>) {
        let mut ended = false;
        self.since = peer.map(|_| Instant::now());
        for kind in [Kind::Video, Kind::Audio] {
            let slot = self.slot_mut(kind);
            slot.broken.take_if(|(key, _, _)| Some(key.peer) != peer);
            slot.came = false;
            if slot.chain.as_ref().is_none_or(|chain| Some(chain.peer()) == peer) {
                continue;
            }
            slot.packet_at = None;
            ended = true;
            if let Some(chain) = self.take_chain(kind) {
                chain.stop().await;
            }
        }
        if ended {
            self.show_slate();
        }
        // What of this one is there already is told at the next look.
        self.tell(Health::Waiting);
    }

    async fn look(&mut self) {
        for kind in [Kind::Video, Kind::Audio] {
            let failed =
                self.slot(kind).chain.as_ref().and_then(|c| Some((c.key().clone(), c.look_after()?)));
            if let Some((key, error)) = failed {
                self.give_up(key, &error).await;
            }
        }
        let played = self.audio.chain.as_ref().and_then(Chain::played);
        if let (Some(hold), Some(chain)) = (self.lips.look(played, Instant::now()), &self.audio.chain) {
            chain.hold(hold);
        }
        let now = crate::gst::now();
        for kind in [Kind::Video, Kind::Audio] {
            let slot = self.slot_mut(kind);
            slot.came |= slot.plays();
            let rests = slot.rests(now);
            let rested = std::mem::replace(&mut slot.stalled, rests);
            if rests && !rested {
                // How late it is may be another when it comes again.
                self.lips.forget(kind);
                // Never a frozen picture. Sound that does not come is silence by itself.
                if kind == Kind::Video {
                    self.show_slate();
                }
            }
        }
        self.heed_needs();
        self.insist(now);
        if let Some(health) = self.health() {
            self.tell(health);
        }
    }

    /// What nobody needs is not decoded. A picture that is needed again is asked for: the peer may send none by itself that
    /// can be decoded alone.
    fn heed_needs(&mut self) {
        let now = crate::gst::now();
        for kind in [Kind::Video, Kind::Audio] {
            let plays = self.slot(kind).plays() && !self.slot(kind).stalled;
            let Some(change) = self.rest.look_at(kind, now, plays) else { continue };
            tracing::debug!(?kind, ?change, "whether what a peer sends is needed has changed");
            if let Some(chain) = &self.slot(kind).chain {
                chain.rest(change);
            }
            if (kind, change) == (Kind::Video, Change::Wakes) {
                self.door.refresh(Need::Join);
            }
        }
    }

    /// None: nothing is known yet.
    fn health(&self) -> Option<Health> {
        let slots = [&self.video, &self.audio];
        if let Some(failure) = slots.iter().find_map(|slot| slot.failure()) {
            return Some(Health::Failed(failure));
        }
        let wanted = self.plan.carries.kinds();
        let (away, there): (Vec<Kind>, Vec<Kind>) = wanted.iter().partition(|kind| self.is_away(**kind));
        match (&away[..], &there[..]) {
            ([], _) if wanted.iter().all(|kind| self.slot(*kind).plays()) => {
                Some(if self.rest.rests() { Health::Resting } else { Health::Playing })
            }
            // The other kind has its time.
            ([], _) => slots.iter().any(|slot| slot.plays()).then_some(Health::Starting),
            ([away], [there]) if self.slot(*there).plays() => Some(Health::Partial(Failure {
                reason: "Stalled",
                message: format!("the peer's {} does not come", away.word()),
            })),
            _ => Some(Health::Stalled),
        }
    }

    /// Nothing of a kind that is wanted comes any more; or the peer had its time, and it has never come.
    fn is_away(&self, kind: Kind) -> bool {
        let slot = self.slot(kind);
        slot.stalled || (!slot.came && self.since.is_some_and(|since| since.elapsed() > OPENING))
    }

    /// Requests travel in packets that may be lost like any others.
    fn insist(&self, now: Duration) {
        let Slot { chain: Some(chain), packet_at: Some(packet_at), .. } = &self.video else { return };
        let patience = NO_PICTURE + self.lips.holds().picture;
        let shown = match chain.arrival() {
            Arrival::At(then) => now.saturating_sub(then) < patience,
            Arrival::Nothing | Arrival::Over(_) => chain.age() < patience,
        };
        if !shown && packet_at.elapsed() < LOOK {
            self.door.refresh(Need::Repair);
        }
    }

    const fn slot(&self, kind: Kind) -> &Slot {
        match kind {
            Kind::Video => &self.video,
            Kind::Audio => &self.audio,
        }
    }

    const fn slot_mut(&mut self, kind: Kind) -> &mut Slot {
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
