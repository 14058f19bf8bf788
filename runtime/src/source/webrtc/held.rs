//! Packets of the picture that wait for the voice. Sound is held where it is played, see [`super::chain::Chain::hold`].

use std::collections::VecDeque;
use std::time::Duration;

use bytes::Bytes;
use tokio::time::Instant;

/// What waits at most: half a second of ten times what a camera's picture needs.
const MAX_BYTES: usize = 8 << 20;

#[derive(Debug, Default)]
pub(super) struct Held {
    packets: VecDeque<(Instant, Bytes)>,
    bytes: usize,
}

impl Held {
    /// In the order in which they came, whoever is held longer.
    pub fn push(&mut self, packet: Bytes, arrived: Instant, hold: Duration) {
        let last = self.packets.back().map_or(arrived, |(due, _)| *due);
        self.bytes += packet.len();
        self.packets.push_back((last.max(arrived + hold), packet));
    }

    pub fn due(&self) -> Option<Instant> {
        self.packets.front().map(|(due, _)| *due)
    }

    /// One whose time has come, or that there is no more room for. To be asked for after each that is pushed.
    pub fn pop(&mut self, now: Instant) -> Option<Bytes> {
        let crowded = self.bytes > MAX_BYTES;
        let (_, packet) = self.packets.pop_front_if(|(due, _)| crowded || *due <= now)?;
        self.bytes -= packet.len();
        Some(packet)
    }

    pub fn clear(&mut self) {
        *self = Self::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOLD: Duration = Duration::from_millis(60);

    #[test]
    fn what_is_held_leaves_in_order_also_when_the_next_is_held_no_more() {
        let (mut held, now) = (Held::default(), Instant::now());
        held.push(Bytes::from_static(b"a"), now, HOLD);
        held.push(Bytes::from_static(b"b"), now, Duration::ZERO);
        assert_eq!((held.pop(now), held.due()), (None, Some(now + HOLD)));
        assert_eq!(held.pop(now + HOLD).as_deref(), Some(&b"a"[..]));
        assert_eq!(held.pop(now + HOLD).as_deref(), Some(&b"b"[..]));
        assert_eq!(held.due(), None);
    }

    #[test]
    fn what_is_not_held_leaves_at_once() {
        let (mut held, now) = (Held::default(), Instant::now());
        held.push(Bytes::from_static(b"a"), now, Duration::ZERO);
        assert!(held.pop(now).is_some());
    }

    #[test]
    fn the_oldest_leaves_before_its_time_where_there_is_no_room() {
        let (mut held, now) = (Held::default(), Instant::now());
        let megabyte = Bytes::from(vec![0; 1 << 20]);
        let mut left = 0;
        for _ in 0..20 {
            held.push(megabyte.clone(), now, HOLD);
            left += std::iter::from_fn(|| held.pop(now)).count();
        }
        assert_eq!((left, held.bytes), (12, MAX_BYTES));
        held.clear();
        assert_eq!((held.bytes, held.due()), (0, None));
    }
}
