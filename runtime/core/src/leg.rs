//! What a process's child sends for viewers: RTP to two ports of this machine, as units of one timeline.
//!
//! ```text
//!   datagram ─> packet ─┬─ picture: access units ─┐
//!                       ├─ sound: Opus ───────────┴─> Units, at what the timeline says
//!                       └─ sender's report ─────────> timeline
//! ```

pub mod packet;
pub mod parameters;
pub mod picture;
mod sets;
pub mod timeline;

#[cfg(test)]
mod tests;

use std::time::Duration;

use bytes::Bytes;

use crate::level::{Level, Load};
use crate::media::{Kind, Track, Unit};
use crate::passage::opus_duration;
use packet::{Datagram, Packet};
use parameters::Format;
use picture::{Assembly, Picture};
use timeline::Timeline;

/// Of a picture that does not say how many come.
const USUAL_RATE: u32 = 30;
/// What a picture lasts if the next is long in coming, or at once.
const SHORTEST: Duration = Duration::from_millis(1);
const LONGEST: Duration = Duration::from_millis(200);

/// What the packets of one child have shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// Pictures that came whole, whether anybody could be shown them or not.
    pub pictures: u64,
    /// Of these, those that can be decoded alone.
    pub keyframes: u64,
    /// Pictures that came since the last of those.
    pub since_keyframe: u64,
    /// Packets of sound.
    pub sounds: u64,
    /// Packets of pictures that did not arrive.
    pub lost: u64,
    /// Payload.
    pub picture_bytes: u64,
    /// Payload.
    pub sound_bytes: u64,
    /// Pixels: width, height.
    pub size: Option<(u32, u32)>,
    /// Of H.264.
    pub levels: Option<Levels>,
    /// Pictures are shown in another order than they are sent in.
    pub has_b_frames: bool,
    /// A keyframe came without them, and none came before it.
    pub lacks_parameter_sets: bool,
    /// The sound is AAC, which no viewer of WebRTC plays.
    pub has_aac: bool,
    /// When the last unit came, on the timeline.
    pub last: Option<Duration>,
}

/// What decoders are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Levels {
    /// What the picture says.
    pub said: Level,
    /// What its size and rate ask for: many say more than that.
    pub needed: Level,
}

/// Makes units of what comes. It outlasts the children that send.
#[derive(Debug, Default)]
pub struct Intake {
    assembly: Assembly,
    timeline: Timeline,
    seen: Seen,
    /// Of the last picture.
    shown: Option<Duration>,
    pictures: Vec<Picture>,
}

impl Levels {
    fn of(format: &Format, rate: u32) -> Self {
        // How many bits there are nobody says.
        let load =
            Load { width: format.width, height: format.height, pictures_a_second: rate, bits_a_second: 0 };
        Self { said: format.level, needed: Level::of(load).min(format.level) }
    }

    /// What is offered: never less than everybody says by habit.
    pub fn offered(self) -> Level {
        self.said.max(Level::HD)
    }
}

impl Intake {
    /// Another child sends from now on. Time goes on.
    pub fn begin(&mut self) {
        self.assembly = Assembly::default();
        self.timeline.begin();
        self.seen = Seen::default();
    }

    /// Of the child that sends.
    pub fn seen(&self) -> Seen {
        self.seen
    }

    /// A datagram that came to the port of that kind at `now`. What it completes is given to `publish`.
    pub fn take(&mut self, kind: Kind, datagram: &[u8], now: Duration, publish: impl FnMut(Unit)) {
        match packet::read(datagram) {
            Some(Datagram::Report(report)) => self.timeline.told(kind, &report),
            Some(Datagram::Media(packet)) => match kind {
                Kind::Video => self.picture(&packet, now, publish),
                Kind::Audio => self.sound(&packet, now, publish),
            },
            None => {}
        }
    }

    fn picture(&mut self, packet: &Packet<'_>, now: Duration, mut publish: impl FnMut(Unit)) {
        let mut pictures = std::mem::take(&mut self.pictures);
        self.assembly.push(packet, &mut pictures);
        for picture in pictures.drain(..) {
            self.count(&picture, now);
            let pts = self.timeline.video(packet.source, picture.timestamp, now);
            if let Some(unit) = self.shown(picture, pts) {
                publish(unit);
            }
        }
        self.pictures = pictures;
        self.seen.pictures += self.assembly.take_whole();
        self.seen.lost = self.assembly.lost();
        self.seen.has_b_frames |= self.assembly.has_b_frames();
        self.seen.lacks_parameter_sets |= self.assembly.lacks_parameter_sets();
    }

    fn count(&mut self, picture: &Picture, now: Duration) {
        let seen = &mut self.seen;
        seen.picture_bytes += picture.bytes.len() as u64;
        seen.since_keyframe = if picture.key { 0 } else { seen.since_keyframe + 1 };
        seen.keyframes += u64::from(picture.key);
        seen.last = Some(now);
    }

    /// None: there is nothing to decode it with.
    fn shown(&mut self, picture: Picture, pts: Duration) -> Option<Unit> {
        let format = picture.format?;
        self.seen.size = Some((format.width, format.height));
        let rate = format.frames_per_second.unwrap_or(USUAL_RATE);
        self.seen.levels = Some(Levels::of(&format, rate));
        let usual = Duration::from_secs(1) / rate;
        let last = self.shown.replace(pts);
        let duration = last.map_or(usual, |last| pts.saturating_sub(last).clamp(SHORTEST, LONGEST));
        let track = Track::h264(format.width, format.height, rate);
        Some(Unit { track, pts, dts: pts, duration, key: picture.key, payload: picture.bytes })
    }

    fn sound(&mut self, packet: &Packet<'_>, now: Duration, mut publish: impl FnMut(Unit)) {
        self.seen.has_aac |= is_aac(packet.payload);
        if self.seen.has_aac {
            return;
        }
        let Some(duration) = opus_duration(packet.payload) else { return };
        self.seen.sounds += 1;
        self.seen.sound_bytes += packet.payload.len() as u64;
        self.seen.last = Some(now);
        let Some(pts) = self.timeline.audio(packet.source, packet.timestamp, duration, now) else { return };
        let payload = Bytes::copy_from_slice(packet.payload);
        publish(Unit { track: Track::opus(2), pts, dts: pts, duration, key: true, payload });
    }
}

/// Whether a payload is access units of AAC with their headers, each of which says how long its own is (RFC 3640 §3.3.6).
fn is_aac(payload: &[u8]) -> bool {
    const HEADER_BITS: usize = 16;
    let Some((head, rest)) = payload.split_first_chunk::<2>() else { return false };
    let bits = usize::from(u16::from_be_bytes(*head));
    if bits == 0 || !bits.is_multiple_of(HEADER_BITS) || bits / 8 > rest.len() {
        return false;
    }
    let (headers, units) = rest.split_at(bits / 8);
    let sizes =
        headers.chunks_exact(2).map(|header| usize::from(u16::from_be_bytes([header[0], header[1]]) >> 3));
    sizes.sum::<usize>() == units.len()
}
