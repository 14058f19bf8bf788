//! What one sender sends over a socket: bytes go in as they come, and come out as pieces with the time to play them.
//!
//! What waits is bounded by the time that it plays for and by its size. Whoever reads from a sender that is faster
//! stops reading while it is full.

use std::collections::VecDeque;
use std::time::Duration;

use bytes::Bytes;

use super::playout::{AHEAD, Medium, Playout};
use crate::media::Kind;
use crate::mpeg::Codec;
use crate::mpeg::transport::{Demuxer, Unit};
use crate::mpeg::{Stamp, audio};

/// Two seconds of any picture that a camera needs; what has no timestamps is bounded by this alone.
const MOST_BYTES: usize = 16 << 20;
/// More than two seconds of frames, at the highest rates of picture and of sound.
const MOST_PIECES: usize = 512;
/// Rounding of a sender's timestamps, and less than a gap that is heard.
const SEAM: Duration = Duration::from_millis(5);

/// One sender's intake.
#[derive(Debug)]
pub struct Intake {
    reader: Reader,
    playout: Playout,
    waiting: VecDeque<Piece>,
    bytes: usize,
    found: Found,
    /// When the next piece is due if it follows without a gap.
    follows: Duration,
}

/// What a decoder takes at once: a picture, or a frame of sound.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    pub form: Form,
    pub data: Bytes,
    /// When it is to be played: for a picture, to be decoded.
    pub due: Duration,
    /// How long after that it is to be shown.
    pub reorder: Duration,
    /// It does not follow the one before without a gap.
    pub breaks: bool,
    /// It can be decoded without what came before it.
    pub alone: bool,
}

/// What a decoder is made for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    Picture(Codec),
    Sound(audio::Format),
}

/// How much sense has been made of the bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Found {
    Nothing,
    /// What goes ahead of sound, as a cover.
    Tag,
    /// Pictures, but none that a decoder can begin with.
    Middle,
    Pieces,
}

#[derive(Debug)]
enum Reader {
    Picture(Box<Demuxer>),
    Sound(audio::Parser, Clock),
}

/// Frames of sound follow each other, so what was heard is what time it is.
#[derive(Clone, Copy, Debug, Default)]
struct Clock {
    rate_hz: u32,
    /// When the rate was the last to change.
    base_ticks: u64,
    samples: u64,
}

impl Intake {
    pub fn new(kind: Kind) -> Self {
        let (reader, medium) = match kind {
            Kind::Video => (Reader::Picture(Box::default()), Medium::Picture),
            Kind::Audio => (Reader::Sound(audio::Parser::default(), Clock::default()), Medium::Sound),
        };
        let playout = Playout::new(medium);
        let (waiting, follows) = (VecDeque::new(), Duration::ZERO);
        Self { reader, playout, waiting, bytes: 0, found: Found::Nothing, follows }
    }

    /// Takes bytes that came at `now`.
    pub fn push(&mut self, bytes: &[u8], now: Duration) {
        match &mut self.reader {
            Reader::Picture(demuxer) => {
                for unit in demuxer.push(bytes) {
                    self.picture(unit, now);
                }
            }
            Reader::Sound(parser, _) => {
                for frame in parser.push(bytes) {
                    self.sound(frame, now);
                }
            }
        }
    }

    /// Whether nothing more shall be read for now.
    pub fn is_full(&mut self, now: Duration) -> bool {
        let far = self.waiting.back().is_some_and(|last| last.due > now + AHEAD);
        let full = far || self.bytes > MOST_BYTES || self.waiting.len() >= MOST_PIECES;
        if full {
            self.playout.held_back();
        }
        full
    }

    /// When the next piece is to be played.
    pub fn due(&self) -> Option<Duration> {
        self.waiting.front().map(|piece| piece.due)
    }

    /// The next piece, whether or not it is due.
    pub fn take(&mut self) -> Option<Piece> {
        let piece = self.waiting.pop_front()?;
        self.bytes -= piece.data.len();
        Some(piece)
    }

    pub const fn found(&self) -> Found {
        match (self.found, &self.reader) {
            (Found::Nothing, Reader::Sound(parser, _)) if parser.is_within_a_tag() => Found::Tag,
            (found, _) => found,
        }
    }

    fn picture(&mut self, unit: Unit, now: Duration) {
        let begins = unit.is_start || self.found == Found::Pieces;
        self.found = self.found.max(if begins { Found::Pieces } else { Found::Middle });
        if !begins {
            return;
        }
        let Some(due) = self.playout.due(unit.stamp, now) else { return };
        let form = Form::Picture(unit.codec);
        let Unit { data, reorder, is_start: alone, .. } = unit;
        self.wait(Piece { form, data, due, reorder, breaks: false, alone });
    }

    fn sound(&mut self, frame: audio::Frame, now: Duration) {
        self.found = Found::Pieces;
        let Reader::Sound(_, clock) = &mut self.reader else { return };
        let stamp = clock.pass(frame.format.rate_hz, frame.samples);
        let Some(due) = self.playout.due(Some(stamp), now) else { return };
        let breaks = due.abs_diff(self.follows) > SEAM;
        let length = u64::from(frame.samples) * 1_000_000_000 / u64::from(frame.format.rate_hz.max(1));
        self.follows = due + Duration::from_nanos(length);
        let form = Form::Sound(frame.format);
        self.wait(Piece { form, data: frame.data, due, reorder: Duration::ZERO, breaks, alone: true });
    }

    fn wait(&mut self, piece: Piece) {
        self.bytes += piece.data.len();
        self.waiting.push_back(piece);
    }
}

impl Clock {
    /// The time before these samples.
    fn pass(&mut self, rate_hz: u32, samples: u32) -> Stamp {
        if self.rate_hz != rate_hz {
            *self = Self { rate_hz, base_ticks: self.ticks(), samples: 0 };
        }
        let before = Stamp::new(self.ticks());
        self.samples += u64::from(samples);
        before
    }

    /// Counted from the samples each time, so that no rounding adds up.
    fn ticks(&self) -> u64 {
        let ticks = u128::from(self.samples) * u128::from(Stamp::RATE_HZ) / u128::from(self.rate_hz.max(1));
        self.base_ticks.wrapping_add(u64::try_from(ticks).unwrap_or_default())
    }
}

#[cfg(test)]
mod tests;
