//! Units as samples of a file: how they are written, and when they begin.

use std::time::Duration;

use bytes::{BufMut, Bytes, BytesMut};

use super::fragment::Sample;
use crate::aac;
use crate::fanout::h264::units;

const SEQUENCE_SET: u8 = 7;
const PICTURE_SET: u8 = 8;
/// What begins a unit says nothing where it has a length.
const DELIMITER: u8 = 9;

/// A time in ticks, to the nearest.
pub(super) fn ticks(time: Duration, rate_hz: u32) -> u64 {
    let ticks = (time.as_nanos() * u128::from(rate_hz) + 500_000_000) / 1_000_000_000;
    u64::try_from(ticks).unwrap_or(u64::MAX)
}

/// NAL units with their lengths, instead of start codes between them (14496-15 §5.3.4.2).
pub(super) fn lengths(access_unit: &Bytes) -> Bytes {
    let mut sample = BytesMut::with_capacity(access_unit.len() + 16);
    for unit in units(access_unit).filter(|unit| kind(unit).is_some_and(|kind| kind != DELIMITER)) {
        sample.put_u32(u32::try_from(unit.len()).unwrap_or(u32::MAX));
        sample.put_slice(&unit);
    }
    sample.freeze()
}

/// The sets of parameters that a decoder is given first.
pub(super) fn sets(access_unit: &Bytes) -> Option<[Bytes; 2]> {
    let find = |wanted| units(access_unit).find(|unit| kind(unit) == Some(wanted) && unit.len() > 3);
    Some([find(SEQUENCE_SET)?, find(PICTURE_SET)?])
}

fn kind(unit: &Bytes) -> Option<u8> {
    unit.first().map(|header| header & 0x1f)
}

/// Sound that waits for the end of its fragment.
#[derive(Debug)]
pub(super) struct Sounds {
    rate_hz: u32,
    waiting: Vec<(u64, Bytes)>,
    bytes: usize,
    /// When the next is expected.
    next: u64,
}

impl Sounds {
    pub(super) const fn new(rate_hz: u32) -> Self {
        Self { rate_hz, waiting: Vec::new(), bytes: 0, next: 0 }
    }

    /// One follows the other, unless it comes nearer to the place of another: then some were lost.
    pub(super) fn push(&mut self, since: Duration, data: Bytes) {
        let at = ticks(since, self.rate_hz);
        let at = if at.abs_diff(self.next) < u64::from(aac::SAMPLES) / 2 { self.next } else { at };
        if at < self.next {
            return; // it was there already
        }
        self.next = at + u64::from(aac::SAMPLES);
        self.bytes += data.len();
        self.waiting.push((at, data));
    }

    pub(super) const fn bytes(&self) -> usize {
        self.bytes
    }

    /// All of them, and when the first begins.
    pub(super) fn take(&mut self) -> (u64, Vec<Sample>) {
        self.bytes = 0;
        let waiting = std::mem::take(&mut self.waiting);
        let begin = waiting.first().map_or(self.next, |(at, _)| *at);
        let ends: Vec<u64> = waiting.iter().skip(1).map(|(at, _)| *at).chain([self.next]).collect();
        let sample = |((at, data), end): ((u64, Bytes), u64)| {
            let ticks = u32::try_from(end - at).unwrap_or(u32::MAX);
            Sample { ticks, key: true, data }
        };
        (begin, waiting.into_iter().zip(ends).map(sample).collect())
    }
}
