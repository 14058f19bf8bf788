//! Packets of the picture that wait for the voice. Sound is held where it is played, see [`super::chain::Chain::hold`].

use std::collections::VecDeque;
use std::time::Duration;

use bytes::Bytes;
use tokio::time::Instant;

#[derive(Debug, Default)]
pub(super) struct Held(VecDeque<(Instant, Bytes)>);

impl Held {
    /// In the order in which they came, whoever is held longer.
    pub fn push(&mut self, packet: Bytes, arrived: Instant, hold: Duration) {
        let last = self.0.back().map_or(arrived, |(due, _)| *due);
        self.0.push_back((last.max(arrived + hold), packet));
    }

    pub fn due(&self) -> Option<Instant> {
        self.0.front().map(|(due, _)| *due)
    }

    /// One whose time has come.
    pub fn pop(&mut self, now: Instant) -> Option<Bytes> {
        self.0.pop_front_if(|(due, _)| *due <= now).map(|(_, packet)| packet)
    }

    pub fn clear(&mut self) {
        self.0.clear();
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
}
