//! Packets under one id, counted (13818-1 §2.4.3.2, §2.4.3.4).

use std::time::Duration;

use crate::mpeg::packet::{BYTES, SYNC};

const HEADER: usize = 4;
/// For payload, where nothing else is said.
pub(super) const ROOM: usize = BYTES - HEADER;

const FILLING: u8 = 0xff;

#[derive(Debug)]
pub(in crate::mpeg) struct Packets {
    id: u16,
    /// Of the next that has a payload.
    counter: u8,
}

/// What an adaptation field says.
#[derive(Clone, Copy, Debug)]
pub(super) struct Field {
    /// A decoder can begin here.
    pub(super) random_access: bool,
    pub(super) clock: Option<Duration>,
}

impl Field {
    pub(super) const fn clock(at: Duration) -> Self {
        Self { random_access: false, clock: Some(at) }
    }

    /// Without its length.
    pub(super) fn bytes(self) -> Vec<u8> {
        let flag = |is: bool, flag: u8| if is { flag } else { 0 };
        let mut bytes = vec![flag(self.random_access, 0x40) | flag(self.clock.is_some(), 0x10)];
        bytes.extend(self.clock.into_iter().flat_map(clock));
        bytes
    }
}

/// 33 bits of 90 kHz, six that are set, nine of 27 MHz (§2.4.3.5).
fn clock(at: Duration) -> [u8; 6] {
    let ticks = at.as_nanos() * 27 / 1000;
    let (base, extension) = ((ticks / 300) & ((1 << 33) - 1), ticks % 300);
    let all = base << 15 | 0x3f << 9 | extension;
    let [.., a, b, c, d, e, f] = all.to_be_bytes();
    [a, b, c, d, e, f]
}

impl Packets {
    pub(in crate::mpeg) const fn new(id: u16) -> Self {
        Self { id, counter: 0 }
    }

    /// The payload, whose first packet says what is in `field`, if that is not empty. The last packet is filled up.
    pub(in crate::mpeg) fn write(&mut self, out: &mut Vec<u8>, field: &[u8], payload: &[u8]) {
        let (mut field, mut rest, mut begins) = (field, payload, 0x40);
        while !rest.is_empty() {
            let taken = if field.is_empty() { 0 } else { 1 + field.len() };
            let part;
            (part, rest) = rest.split_at(rest.len().min(ROOM - taken));
            let filling = ROOM - taken - part.len();
            let adapts = if taken + filling > 0 { 0x20 } else { 0 };
            self.head(out, begins, 0x10 | adapts);
            adapt(out, field, filling);
            out.extend_from_slice(part);
            self.counter = (self.counter + 1) & 0x0f;
            (field, begins) = (&[], 0);
        }
    }

    /// A packet that says what is in `field` and no more. It is not counted.
    pub(super) fn write_field(&self, out: &mut Vec<u8>, field: &[u8]) {
        let last = Self { counter: self.counter.wrapping_sub(1) & 0x0f, ..*self };
        last.head(out, 0, 0x20);
        adapt(out, field, ROOM - 1 - field.len());
    }

    fn head(&self, out: &mut Vec<u8>, begins: u8, control: u8) {
        let [high, low] = self.id.to_be_bytes();
        out.extend_from_slice(&[SYNC, begins | high, low, control | self.counter]);
    }
}

/// The adaptation field: what it says, and so many bytes more that say nothing.
fn adapt(out: &mut Vec<u8>, field: &[u8], filling: usize) {
    let length = match (field, filling) {
        ([], 0) => return,
        ([], filling) => filling - 1,
        (field, filling) => field.len() + filling,
    };
    let end = out.len() + 1 + length;
    // It is at most what a packet holds.
    out.push(u8::try_from(length).unwrap_or(u8::MAX));
    out.extend_from_slice(field);
    if field.is_empty() && length > 0 {
        out.push(0);
    }
    out.resize(end, FILLING);
}
