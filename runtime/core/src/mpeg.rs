//! MPEG streams that are sent to a session, taken apart: a transport stream into the access units of its picture
//! (ISO/IEC 13818-1), an MPEG audio stream into its frames (ISO/IEC 11172-3). And the other way: a transport stream of a
//! session's own picture and sound ([`mux`]).
//!
//! Why not a demuxer or a parser of the media library: those hand out a frame when the next one begins, an interval
//! later, and translate timestamps to a clock of their own. Here a unit is handed out with its last byte, and carries
//! the timestamp that was sent. Whatever comes in, memory is bounded and nothing fails: what cannot be read is passed
//! over.

pub mod audio;
pub mod echo;
pub mod mux;
#[cfg(test)]
pub(crate) mod muxer;
mod packet;
mod picture;
mod section;
pub mod transport;

use std::time::Duration;

/// How a picture is encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Codec {
    /// MPEG-1 or MPEG-2: muxers do not tell them apart, decoders do.
    Mpeg,
    H264,
}

/// A moment on a sender's timeline: ticks of 90 kHz, which begin anew every 26 hours (33 bits).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp(u64);

impl Stamp {
    pub const RATE_HZ: u64 = 90_000;
    const BITS: u32 = 33;

    /// Of any number of ticks.
    pub const fn new(ticks: u64) -> Self {
        Self(ticks & ((1 << Self::BITS) - 1))
    }

    pub const fn at(time: Duration) -> Self {
        // A timeline of so many nanoseconds ends after 584 years.
        Self::new((time.as_nanos() * 9 / 100_000) as u64)
    }

    pub const fn ticks(self) -> u64 {
        self.0
    }

    /// Nanoseconds from `earlier` to here, the shorter way round.
    pub const fn nanoseconds_since(self, earlier: Self) -> i64 {
        // The sign of 33 bits becomes the sign of 64.
        let shift = u64::BITS - Self::BITS;
        let ticks = (self.0.wrapping_sub(earlier.0) << shift).cast_signed() >> shift;
        ticks * 100_000 / 9
    }
}
