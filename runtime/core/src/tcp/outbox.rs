//! What waits to be written to one connection, bounded in size and time: whoever reads more slowly than media comes loses
//! media, and nobody else does.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// Of media. More than a viewer begins with, and than all but the largest keyframes.
pub const MEDIA_BYTES: usize = 1 << 20;
/// Of what keeps a connection alive: some hundred checks and reports. A peer may have many connections, and media on one alone:
/// what it does not read of its others is no more than this.
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

/// Control goes before media: to a slow reader media alone may take longer than a peer waits for an answer to its checks. Packets
/// are framed each by itself, and as those of datagrams they may overtake each other.
#[derive(Debug, Default)]
pub struct Outbox {
    control: Lane,
    media: Lane,
    /// The one that is being written.
    writing: Option<Entry>,
}

/// What waits of one cargo, in order.
#[derive(Debug, Default)]
struct Lane {
    waiting: VecDeque<(Entry, Vec<u8>)>,
    /// With what is being written.
    bytes: usize,
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    cargo: Cargo,
    since: Instant,
    length: usize,
}

impl Outbox {
    /// False: there is no room, and it is lost.
    pub fn push(&mut self, cargo: Cargo, bytes: Vec<u8>, now: Instant) -> bool {
        if cargo == Cargo::Media && self.is_late(now) {
            return false;
        }
        let (lane, most) = match cargo {
            Cargo::Media => (&mut self.media, MEDIA_BYTES),
            Cargo::Control => (&mut self.control, CONTROL_BYTES),
        };
        if lane.bytes + bytes.len() > most {
            return false;
        }
        lane.bytes += bytes.len();
        lane.waiting.push_back((Entry { cargo, since: now, length: bytes.len() }, bytes));
        true
    }

    /// What is to be written next. What was taken before is written by now.
    pub fn take(&mut self) -> Option<Vec<u8>> {
        if let Some(written) = self.writing.take() {
            let lane = if written.cargo == Cargo::Media { &mut self.media } else { &mut self.control };
            lane.bytes -= written.length;
        }
        let (entry, bytes) = self.control.waiting.pop_front().or_else(|| self.media.waiting.pop_front())?;
        self.writing = Some(entry);
        Some(bytes)
    }

    /// Media goes another way from now on: what waits of it is of no use.
    pub fn drop_media(&mut self) {
        let writing = self.writing.filter(|entry| entry.cargo == Cargo::Media);
        self.media = Lane { waiting: VecDeque::new(), bytes: writing.map_or(0, |entry| entry.length) };
    }

    fn is_late(&self, now: Instant) -> bool {
        let waiting = self.media.waiting.front().map(|(entry, _)| entry);
        self.writing.iter().chain(waiting).any(|entry| entry.since + MAX_WAIT < now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_waits_leaves_in_the_order_it_came_and_control_before_media() {
        let (mut outbox, now) = (Outbox::default(), Instant::now());
        for (cargo, packet) in
            [(Cargo::Media, 1), (Cargo::Control, 2), (Cargo::Media, 3), (Cargo::Control, 4)]
        {
            assert!(outbox.push(cargo, vec![packet], now));
        }
        let taken: Vec<u8> = std::iter::from_fn(|| outbox.take()).flatten().collect();
        assert_eq!(taken, [2, 4, 1, 3]);
        assert_eq!((outbox.media.bytes, outbox.control.bytes), (0, 0));
    }

    #[test]
    fn a_reader_that_stops_holds_a_bounded_size_and_can_still_be_told_something() {
        let (mut outbox, now) = (Outbox::default(), Instant::now());
        let pushed = (0..10_000).filter(|_| outbox.push(Cargo::Media, vec![0; 1000], now)).count();
        assert_eq!(pushed, MEDIA_BYTES / 1000);
        // What is being written is not yet gone.
        outbox.take();
        assert!(!outbox.push(Cargo::Media, vec![0; 1000], now));
        let told = (0..10_000).filter(|_| outbox.push(Cargo::Control, vec![0; 100], now)).count();
        assert_eq!(told, CONTROL_BYTES / 100);
    }

    #[test]
    fn without_media_a_reader_that_stops_holds_little() {
        let (mut outbox, now) = (Outbox::default(), Instant::now());
        while outbox.push(Cargo::Control, vec![0; 100], now) {}
        let held: usize = outbox.control.waiting.iter().map(|(_, bytes)| bytes.len()).sum();
        assert!(held <= CONTROL_BYTES, "{held}");
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

    #[test]
    fn when_media_goes_another_way_nothing_of_it_is_kept_and_the_rest_is_said() {
        let (mut outbox, now) = (Outbox::default(), Instant::now());
        outbox.push(Cargo::Media, vec![1], now);
        outbox.take();
        outbox.push(Cargo::Media, vec![2; 1000], now);
        outbox.push(Cargo::Control, vec![3], now);
        outbox.drop_media();
        assert_eq!((outbox.media.bytes, outbox.control.bytes), (1, 1));
        assert_eq!((outbox.take(), outbox.take()), (Some(vec![3]), None));
        assert_eq!((outbox.media.bytes, outbox.control.bytes), (0, 0));
    }
}
