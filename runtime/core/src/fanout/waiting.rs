//! What the kernel had no room for, for a moment: in order, and bounded in size and time.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// A large keyframe for two hundred viewers: less would leave the last of them without a picture each time, and they would ask
/// for another that is as large. The bound that is met in practice is that of time.
pub const MAX_BYTES: usize = 32 << 20;
/// Later than that it is better to begin anew with a keyframe: about three pictures.
pub const MAX_WAIT: Duration = Duration::from_millis(100);

#[derive(Debug)]
pub struct Waiting<T> {
    items: VecDeque<Item<T>>,
    bytes: usize,
    most: usize,
}

#[derive(Debug)]
struct Item<T> {
    since: Instant,
    bytes: usize,
    value: T,
}

impl<T> Waiting<T> {
    /// Of that many bytes at most.
    pub fn new(most: usize) -> Self {
        Self { items: VecDeque::new(), bytes: 0, most }
    }

    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// Whether there is room for that much more.
    pub fn fits(&self, bytes: usize) -> bool {
        self.bytes + bytes <= self.most
    }

    pub fn push(&mut self, value: T, bytes: usize, now: Instant) {
        self.bytes += bytes;
        self.items.push_back(Item { since: now, bytes, value });
    }

    /// To be replaced by what is left of it: no larger.
    pub fn first_mut(&mut self) -> Option<&mut T> {
        self.items.front_mut().map(|item| &mut item.value)
    }

    /// When the first has waited too long.
    pub fn expires_at(&self) -> Option<Instant> {
        self.items.front().map(|item| item.since + MAX_WAIT)
    }

    pub fn pop(&mut self) -> Option<T> {
        let item = self.items.pop_front()?;
        self.bytes -= item.bytes;
        Some(item.value)
    }

    /// Takes out one that has waited too long.
    pub fn expired(&mut self, now: Instant) -> Option<T> {
        if self.expires_at()? <= now { self.pop() } else { None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_waits_leaves_in_the_order_it_came() {
        let (mut waiting, now) = (Waiting::new(MAX_BYTES), Instant::now());
        waiting.push('a', 1, now);
        waiting.push('b', 1, now);
        assert_eq!(waiting.first_mut(), Some(&mut 'a'));
        assert_eq!((waiting.pop(), waiting.pop(), waiting.pop()), (Some('a'), Some('b'), None));
        assert!(waiting.is_empty() && waiting.bytes == 0);
    }

    #[test]
    fn no_more_waits_than_there_is_room_for_and_none_for_long() {
        let (mut waiting, now) = (Waiting::new(MAX_BYTES), Instant::now());
        waiting.push('a', MAX_BYTES - 1, now);
        assert!(waiting.fits(1) && !waiting.fits(2));
        waiting.push('b', 1, now + MAX_WAIT);
        assert_eq!(waiting.expired(now + MAX_WAIT / 2), None);
        assert_eq!(waiting.expires_at(), Some(now + MAX_WAIT));
        assert_eq!(waiting.expired(now + MAX_WAIT), Some('a'));
        assert_eq!(waiting.expired(now + MAX_WAIT), None);
        assert_eq!(waiting.expires_at(), Some(now + MAX_WAIT * 2));
        assert!(waiting.fits(MAX_BYTES - 1));
    }
}
