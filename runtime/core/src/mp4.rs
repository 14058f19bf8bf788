//! A picture and its sound as a fragmented MP4 file (ISO/IEC 14496-12), piece by piece: what was written can be played, whatever
//! becomes of the rest.
//!
//! Each fragment begins with a keyframe, and is told when the next one comes: then it is known how long its last picture stood.
//! Parameter sets stay within the pictures as well, so that one of another size can follow.
//!
//! Why no crate: what is left of the format here is a dozen boxes, each a length and a name, and those that write them write
//! everything else of it too.

mod boxes;
mod fragment;
mod header;
mod samples;

use std::time::Duration;

use bytes::Bytes;

use crate::aac;
use crate::media::{AudioCodec, Track, Unit, VideoCodec};
use fragment::{Fragment, Sample};
use header::Picture;
use samples::Sounds;

/// Of the picture, as of transport streams.
const PICTURE_RATE_HZ: u32 = 90_000;

/// A fragment that grows beyond is cut off where it is, and the next begins without a keyframe: none came for minutes.
const LARGEST_FRAGMENT_BYTES: usize = 32 << 20;

/// Writes one file. What it hands out is to be appended in its order.
#[derive(Debug)]
pub struct Muxer {
    sound: Option<aac::Format>,
    /// The moment at which the file begins, once it does.
    origin: Option<Duration>,
    fragment: Fragment,
    sounds: Sounds,
    last: Option<Last>,
}

/// The picture that came last: how long it stands shows with the next.
#[derive(Debug)]
struct Last {
    at: u64,
    usual: u64,
    key: bool,
    data: Bytes,
}

impl Muxer {
    /// `sound`: what the file has beside its picture, whenever it comes.
    pub fn new(sound: Option<aac::Format>) -> Self {
        let rate_hz = sound.map_or(PICTURE_RATE_HZ, aac::Format::sample_rate_hz);
        let sounds = Sounds::new(rate_hz);
        Self { sound, origin: None, fragment: Fragment::default(), sounds, last: None }
    }

    /// What is to be written now. What comes before the first keyframe, and what is neither H.264 nor the sound that was
    /// announced, is left out.
    pub fn push(&mut self, unit: &Unit) -> Option<Bytes> {
        match unit.track {
            Track::Video { codec: VideoCodec::H264, width, height, .. } => {
                self.picture(unit, [width, height])
            }
            Track::Audio { codec: AudioCodec::Aac, sample_rate_hz, channels } => {
                let is_announced =
                    self.sound.is_some() && aac::Format::new(sample_rate_hz, channels) == self.sound;
                if let Some(since) = is_announced.then(|| self.since(unit)).flatten() {
                    self.sounds.push(since, unit.payload.clone());
                }
                None
            }
            _ => None,
        }
    }

    /// The end of the file. Its last picture stands as long as usual, but not beyond `latest`, counted from the file's beginning.
    pub fn finish(mut self, latest: Option<Duration>) -> Option<Bytes> {
        let usual = self.last.as_ref()?.at + self.last.as_ref()?.usual;
        let latest = latest.map_or(u64::MAX, |latest| samples::ticks(latest, PICTURE_RATE_HZ));
        self.complete(usual.min(latest));
        self.cut()
    }

    fn picture(&mut self, unit: &Unit, size: [u32; 2]) -> Option<Bytes> {
        let data = samples::lengths(&unit.payload);
        let header = match self.origin {
            Some(_) => None,
            None => {
                let picture = Picture { size, sets: samples::sets(&unit.payload).filter(|_| unit.key)? };
                self.origin = Some(unit.dts);
                Some(header::write(&picture, self.sound))
            }
        };
        let at = samples::ticks(self.since(unit)?, PICTURE_RATE_HZ);
        self.complete(at);
        let ends = unit.key || self.fragment.bytes() + self.sounds.bytes() > LARGEST_FRAGMENT_BYTES;
        let written = header.or_else(|| ends.then(|| self.cut()).flatten());
        let usual = samples::ticks(unit.duration, PICTURE_RATE_HZ);
        self.last = Some(Last { at, usual, key: unit.key, data });
        written
    }

    /// From the beginning of the file on. None: there is none yet, or it was before.
    fn since(&self, unit: &Unit) -> Option<Duration> {
        unit.dts.checked_sub(self.origin?)
    }

    /// The last picture stood until then.
    fn complete(&mut self, until: u64) {
        let Some(Last { at, key, data, .. }) = self.last.take() else { return };
        // Two of the same moment are still two.
        let ticks = u32::try_from(until.saturating_sub(at)).unwrap_or(u32::MAX).max(1);
        self.fragment.picture(at, Sample { ticks, key, data });
    }

    fn cut(&mut self) -> Option<Bytes> {
        let (begin, sounds) = self.sounds.take();
        self.fragment.write(begin, &sounds)
    }
}

#[cfg(test)]
mod tests;
