//! What waits to be written to one connection, bounded in size and time: whoever reads more slowly than media comes loses
//! media, and nobody else does.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// More than a viewer begins with, and than all but the largest keyframes.
pub const MAX_BYTES: usize = 1 << 20;
/// Beyond that, for what keeps a connection alive: some hundred checks and reports.
pub const CONTROL_BYTES: usize = 64 << 10;
/// Longer than a packet that TCP has to send again takes to arrive, shorter than what a viewer would call a delay. Later than
/// that it is better to begin anew with a keyframe.
pub const MAX_WAIT: Duration = Duration::from_millis(500);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cargo {
    /// Is of no use if it comes late.
    Media,
    /// Checks, handshakes and reports.
    Control,
}

/// In order: nothing overtakes, since a stream has one order.
#[derive(Debug, Default)]
pub struct Outbox {
    waiting: VecDeque<(Instant, Vec<u8>)>,
    /// Since when the one that is being written has waited, and its length.
    writing: Option<(Instant, usize)>,
    bytes: usize,
}

impl Outbox {
    /// False: there is no room, and it is lost.
    pub fn push(&mut self, cargo: Cargo, bytes: Vec<u8>, now: Instant) -> bool {
        let most = match cargo {
            Cargo::Media if self.is_late(now) => return false,
            Cargo::Media => MAX_BYTES,
            Cargo::Control => MAX_BYTES + CONTROL_BYTES,
        };
        if self.bytes + bytes.len() > most {
            return false;
        }
        self.bytes += bytes.len();
        self.waiting.push_back((now, bytes));
        true
    }

    /// What is to be written next. What was taken before is written by now.
    pub fn take(&mut self) -> Option<Vec<u8>> {
        self.bytes -= self.writing.take().map_or(0, |(_, length)| length);
        let (since, bytes) = self.waiting.pop_front()?;
        self.writing = Some((since, bytes.len()));
        Some(bytes)
    }

    fn is_late(&self, now: Instant) -> bool {
        let oldest = self.writing.map(|(since, _)| since).or(self.waiting.front().map(|(since, _)| *since));
        oldest.is_some_and(|since| since + MAX_WAIT < now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_waits_leaves_in_the_order_it_came() {
        let (mut outbox, now) = (Outbox::default(), Instant::now());
        assert!(outbox.push(Cargo::Media, vec![1], now) && outbox.push(Cargo::Control, vec![2], now));
        assert_eq!((outbox.take(), outbox.take(), outbox.take()), (Some(vec![1]), Some(vec![2]), None));
        assert_eq!(outbox.bytes, 0);
    }

    #[test]
    fn a_reader_that_stops_holds_a_bounded_size_and_can_still_be_told_something() {
        let (mut outbox, now) = (Outbox::default(), Instant::now());
        let pushed = (0..10_000).filter(|_| outbox.push(Cargo::Media, vec![0; 1000], now)).count();
        assert_eq!(pushed, MAX_BYTES / 1000);
        // What is being written is not yet gone.
        outbox.take();
        assert!(!outbox.push(Cargo::Media, vec![0; 1000], now));
        let told = (0..10_000).filter(|_| outbox.push(Cargo::Control, vec![0; 100], now)).count();
        assert!((CONTROL_BYTES / 100..CONTROL_BYTES / 100 + 10).contains(&told), "{told}");
        assert!(outbox.bytes <= MAX_BYTES + CONTROL_BYTES);
    }

    #[test]
    fn media_is_lost_while_something_waits_for_long_and_not_when_that_is_gone() {
        let (mut outbox, now) = (Outbox::default(), Instant::now());
        let (soon, late) = (now + MAX_WAIT, now + MAX_WAIT + Duration::from_millis(1));
        outbox.push(Cargo::Media, vec![1], now);
        outbox.take();
        assert!(outbox.push(Cargo::Media, vec![2], soon));
        assert!(!outbox.push(Cargo::Media, vec![3], late));
        assert!(outbox.push(Cargo::Control, vec![4], late));
        outbox.take();
        assert!(outbox.push(Cargo::Media, vec![5], late));
    }
}
