//! One viewer's own names of packets that a hub has for all.
//!
//! SRTP peers guess the roll-over counter from the first number they see and assume zero (RFC 3711 §3.3.1). Were the
//! numbers shared, a viewer that joins after the shared counter wrapped could authenticate nothing. So each counts for
//! itself, without gaps where it was sent nothing, and starts in the lower half, where the loss of the first packets
//! cannot be mistaken for a wrap.
//!
//! ```text
//!   hub     100 101 102 │ 103 104 │ 105 106 107
//!   viewer    7   8   9 │ skipped │  10  11  12      runs: 7→100, 10→105
//! ```

use std::collections::VecDeque;

use super::rtp::Index;

/// Of the past; older packets are not in the history either, unless frames were skipped one after the other.
const MAX_RUNS: usize = 16;

#[derive(Clone, Debug)]
pub struct Numbering {
    next: u64,
    runs: VecDeque<Run>,
}

/// From here on both count on together.
#[derive(Clone, Copy, Debug)]
struct Run {
    own: u64,
    shared: u64,
}

impl Numbering {
    pub fn starting_near(random: u16) -> Self {
        Self { next: u64::from(random & 0x7fff), runs: VecDeque::new() }
    }

    /// Names the packets of a frame, of which the hub calls the first `shared`.
    pub fn name(&mut self, shared: u64, count: usize) -> Index {
        let first = self.next;
        let goes_on = self.runs.back().is_some_and(|run| run.shared + (first - run.own) == shared);
        if !goes_on {
            if self.runs.len() == MAX_RUNS {
                self.runs.pop_front();
            }
            self.runs.push_back(Run { own: first, shared });
        }
        self.next += count as u64;
        Index(first)
    }

    pub fn next(&self) -> Index {
        Index(self.next)
    }

    /// What a viewer means by a number: the index, and how the hub calls that packet. None: it was not sent lately.
    pub fn find(&self, sequence: u16) -> Option<(Index, u64)> {
        // The last time that this number was given; never the next packet's.
        let back = match (self.next as u16).wrapping_sub(sequence) {
            0 => 1 << 16,
            back => u64::from(back),
        };
        let own = self.next.checked_sub(back)?;
        let run = self.runs.iter().rev().find(|run| run.own <= own)?;
        Some((Index(own), run.shared + (own - run.own)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_joiner_starts_far_below_a_wrap_however_long_the_broadcast_has_run() {
        for random in [0, 0x7fff, 0x8000, u16::MAX] {
            let first = Numbering::starting_near(random).name(1 << 40, 1);
            assert!(first.0 < 0x8000, "{first:?}");
        }
    }

    #[test]
    fn a_viewer_sees_no_gap_where_it_was_sent_nothing() {
        let mut numbering = Numbering::starting_near(7);
        assert_eq!(numbering.name(100, 3), Index(7));
        assert_eq!(numbering.name(105, 3), Index(10));
        assert_eq!(numbering.find(9), Some((Index(9), 102)));
        assert_eq!(numbering.find(10), Some((Index(10), 105)));
        assert_eq!(numbering.find(12), Some((Index(12), 107)));
    }

    #[test]
    fn what_was_never_sent_is_not_found() {
        let mut numbering = Numbering::starting_near(7);
        assert_eq!(numbering.find(7), None);
        numbering.name(100, 3);
        assert_eq!(numbering.find(10), None);
        assert_eq!(numbering.find(6), None);
        assert_eq!(numbering.find(60_000), None);
    }

    #[test]
    fn a_number_that_was_given_twice_means_the_later_packet() {
        let mut numbering = Numbering::starting_near(0);
        for frame in 0..10_000 {
            numbering.name(frame * 10, 10);
        }
        // 100 000 packets: 34 463 is the name of the last but one thousand and more, with one wrap behind it.
        assert_eq!(numbering.find(34_463), Some((Index(99_999), 99_999)));
        assert_eq!(numbering.find(34_464), Some((Index(34_464), 34_464)));
        assert_eq!(numbering.find(65_535), Some((Index(65_535), 65_535)));
        assert_eq!(Index(99_999).rollover(), 1);
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let mut numbering = Numbering::starting_near(0);
        for frame in 0..1000 {
            numbering.name(frame * 10, 1);
        }
        assert_eq!(numbering.runs.len(), MAX_RUNS);
        assert_eq!(numbering.find(999), Some((Index(999), 9990)));
        assert_eq!(numbering.find(10), None);
    }
}
