//! A frame on its way to everybody who is shown it, a slice at a time: whoever sends it looks in between at what has come.
//!
//! ```text
//!   a frame ──> slice ── what has come ──> slice ── what has come ──> … ──> all have had their turn
//! ```

/// What waits together for the kernel: enough to be worth the call, and little enough to stay in the cache. A millisecond's work.
pub const SLICE_BYTES: usize = 512 << 10;
/// Of a sound, whose packets are small, as many take as long.
pub const SLICE_VIEWERS: usize = 256;
/// What else is to be said to a viewer (a sender report, which the WebRTC stack seals) takes about as long as so much media.
const WORDS_BYTES: usize = 16 << 10;
/// How many things are looked at before the next slice if more and more come: a flood keeps no frame from leaving.
pub const LOOKS: usize = 8;

/// Who has not had a turn yet. There is one round at a time: the next frame waits for its end.
#[derive(Debug)]
pub struct Round<V> {
    waiting: std::vec::IntoIter<V>,
    looks: usize,
}

/// The part of a round that leaves before anything else is looked at.
#[derive(Debug)]
pub struct Slice<'a, V> {
    round: &'a mut Round<V>,
    turns: usize,
}

impl<V> Round<V> {
    /// Its first slice may leave at once.
    pub fn new(viewers: Vec<V>) -> Self {
        Self { waiting: viewers.into_iter(), looks: LOOKS }
    }

    /// Something that has come was looked at.
    pub fn looked(&mut self) {
        self.looks += 1;
    }

    /// Nothing else has come.
    pub fn undisturbed(&mut self) {
        self.looks = LOOKS;
    }

    /// Whether the next slice is to leave before anything else is looked at.
    pub fn is_due(&self) -> bool {
        self.looks >= LOOKS
    }

    pub fn slice(&mut self) -> Slice<'_, V> {
        self.looks = 0;
        Slice { round: self, turns: 0 }
    }

    /// Whether all have had their turn.
    pub fn is_over(&self) -> bool {
        self.waiting.len() == 0
    }
}

impl<V> Slice<'_, V> {
    /// Whose turn it is in this slice, in which so many bytes are already, and so many to whom something else is to be said. None:
    /// it is full, or the round is over.
    pub fn next(&mut self, bytes: usize, told: usize) -> Option<V> {
        if bytes + told * WORDS_BYTES >= SLICE_BYTES || self.turns == SLICE_VIEWERS {
            return None;
        }
        self.turns += 1;
        self.round.waiting.next()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whose turns the next slice is, if each takes so many bytes.
    fn sliced(round: &mut Round<usize>, bytes_each: usize) -> Vec<usize> {
        let mut slice = round.slice();
        let mut turns = Vec::new();
        while let Some(viewer) = slice.next(turns.len() * bytes_each, 0) {
            turns.push(viewer);
        }
        turns
    }

    #[test]
    fn everybody_has_one_turn_in_order_and_no_slice_is_large() {
        let mut round = Round::new((0..10).collect());
        let mut turns = Vec::new();
        while !round.is_over() {
            let slice = sliced(&mut round, SLICE_BYTES / 4);
            assert!((1..=4).contains(&slice.len()), "{slice:?}");
            turns.extend(slice);
        }
        assert!(turns.into_iter().eq(0..10));
    }

    #[test]
    fn a_slice_is_one_viewer_at_least_and_of_small_packets_not_everybody() {
        assert_eq!(sliced(&mut Round::new(vec![7, 8]), 2 * SLICE_BYTES), [7]);
        let mut round = Round::new((0..SLICE_VIEWERS + 1).collect());
        assert_eq!(sliced(&mut round, 1).len(), SLICE_VIEWERS);
        assert!(!round.is_over());
        assert_eq!(sliced(&mut round, 1), [SLICE_VIEWERS]);
        assert!(round.is_over());
    }

    #[test]
    fn what_else_is_to_be_said_makes_a_slice_shorter() {
        let mut round = Round::new((0..SLICE_VIEWERS).collect());
        let mut slice = round.slice();
        let turns = (0..).take_while(|told| slice.next(0, *told).is_some()).count();
        assert_eq!(turns, SLICE_BYTES / WORDS_BYTES);
    }

    #[test]
    fn a_slice_leaves_when_nothing_else_has_come_or_enough_was_looked_at() {
        let mut round = Round::new(vec![0, 1, 2]);
        assert!(round.is_due(), "nobody waits for the first");
        sliced(&mut round, SLICE_BYTES);
        assert!(!round.is_due());
        round.undisturbed();
        assert!(round.is_due());
        sliced(&mut round, SLICE_BYTES);
        for looks in 0..LOOKS {
            assert!(!round.is_due(), "{looks}");
            round.looked();
        }
        assert!(round.is_due());
    }

    #[test]
    fn a_frame_for_nobody_is_over() {
        assert!(Round::<usize>::new(Vec::new()).is_over());
    }
}
