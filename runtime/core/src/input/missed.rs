//! What a decoder has missed while it rested, as far as it can make up for it.
//!
//! Its picture is the next one then, and not the next that can be decoded alone, for which a stream may take its time.

/// What is kept at most: three seconds of a picture of 10 Mbit/s. To decode more would take longer than to wait.
const MOST_BYTES: usize = 4 << 20;
const MOST_PIECES: usize = 150;

/// Pieces that were left out, from the last on that can be decoded alone.
#[derive(Debug)]
pub struct Missed<T> {
    kept: Vec<T>,
    bytes: usize,
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Nothing was left out.
    Nothing,
    /// All is kept that is needed to go on.
    Kept,
    /// Too much was left out to be kept.
    Lost,
}

/// How the decoder goes on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Resumption<T> {
    /// After these.
    After(Vec<T>),
    /// Not before a piece that can be decoded alone.
    NotYet,
}

impl<T> Default for Missed<T> {
    fn default() -> Self {
        Self { kept: Vec::new(), bytes: 0, state: State::Nothing }
    }
}

impl<T> Missed<T> {
    /// A piece of so many bytes is left out. `alone`: it can be decoded without what came before it.
    pub fn leave_out(&mut self, piece: T, bytes: usize, alone: bool) {
        if alone {
            *self = Self::default();
        }
        if self.state == State::Lost {
            return;
        }
        self.kept.push(piece);
        self.bytes += bytes;
        self.state = State::Kept;
        if self.bytes > MOST_BYTES || self.kept.len() > MOST_PIECES {
            self.lose();
        }
    }

    /// What was left out, if anything was, is of no use to go on.
    pub fn lose(&mut self) {
        if self.state != State::Nothing {
            *self = Self { state: State::Lost, ..Self::default() };
        }
    }

    /// The next piece is not left out. None: nothing was.
    pub fn resume(&mut self, alone: bool) -> Option<Resumption<T>> {
        match (self.state, alone) {
            (State::Nothing, _) => None,
            (State::Lost, false) => Some(Resumption::NotYet),
            (State::Kept | State::Lost, true) => {
                *self = Self::default();
                Some(Resumption::After(Vec::new()))
            }
            (State::Kept, false) => Some(Resumption::After(std::mem::take(self).kept)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Leaves these out; those above 9 can be decoded alone.
    fn missed(pieces: impl IntoIterator<Item = u32>) -> Missed<u32> {
        let mut missed = Missed::default();
        pieces.into_iter().for_each(|piece| missed.leave_out(piece, 1000, piece > 9));
        missed
    }

    #[test]
    fn where_nothing_was_left_out_nothing_is_to_be_made_up_for() {
        assert_eq!(missed([]).resume(false), None);
    }

    #[test]
    fn what_builds_on_what_was_left_out_comes_after_it() {
        let mut shortly = missed([1, 2]);
        assert_eq!(shortly.resume(false), Some(Resumption::After(vec![1, 2])), "it knows what came before");
        assert_eq!(shortly.resume(false), None, "once");
        assert_eq!(missed([1, 2, 10, 3]).resume(false), Some(Resumption::After(vec![10, 3])));
    }

    #[test]
    fn what_can_be_decoded_alone_needs_nothing_of_before() {
        assert_eq!(missed([10, 1, 2]).resume(true), Some(Resumption::After(vec![])));
    }

    #[test]
    fn what_is_too_much_is_not_kept_and_what_builds_on_it_waits() {
        let mut long = missed(std::iter::repeat_n(1, MOST_PIECES + 1));
        assert_eq!(long.resume(false), Some(Resumption::NotYet));
        assert_eq!(long.resume(false), Some(Resumption::NotYet));
        assert_eq!(long.resume(true), Some(Resumption::After(vec![])));
        assert_eq!(long.resume(false), None);
        let mut large = Missed::default();
        large.leave_out(1, MOST_BYTES + 1, true);
        assert_eq!(large.resume(false), Some(Resumption::NotYet));
        large.leave_out(2, 1, true);
        assert_eq!(large.resume(false), Some(Resumption::After(vec![2])));
    }

    #[test]
    fn what_is_of_no_use_any_more_is_lost_and_where_nothing_is_nothing_is_lost() {
        let mut changed = missed([10, 1]);
        changed.lose();
        assert_eq!(changed.resume(false), Some(Resumption::NotYet));
        assert_eq!(changed.resume(true), Some(Resumption::After(vec![])));
        changed.lose();
        assert_eq!(changed.resume(false), None);
    }
}
