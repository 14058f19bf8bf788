//! When what comes of a stream leaves for those who play it: at once where few do, and some pictures at a time where many do.
//!
//! Each player costs a call of the system each time something leaves, and that call costs the same whether it carries four hundred
//! bytes or thirty thousand.

use std::time::{Duration, Instant};

use crate::flv::Kind;

/// So many are sent each picture as it comes: together they cost less than a hundredth of a core.
const FEW: usize = 8;

/// What leaves, and when.
#[derive(Debug, Default)]
pub struct Together {
    left: Option<Instant>,
    due: Option<Instant>,
}

/// How far apart it leaves.
struct Pace {
    /// By a picture.
    picture: Duration,
    /// If none comes.
    most: Duration,
}

/// Sound waits for a picture to leave with; at 30 a second, one comes before that.
const AS_IT_COMES: Pace = Pace { picture: Duration::ZERO, most: Duration::from_millis(40) };

/// Every third picture of 30 a second takes those before it along. The second of 15 a second comes before the most.
const SOME_AT_A_TIME: Pace = Pace { picture: Duration::from_millis(90), most: Duration::from_millis(150) };

impl Together {
    /// Something of this kind has come. Whether all that waits leaves now, for so many players.
    pub fn comes(&mut self, kind: Kind, players: usize, now: Instant) -> bool {
        let pace = if players > FEW { SOME_AT_A_TIME } else { AS_IT_COMES };
        let apart = if kind == Kind::Video { pace.picture } else { pace.most };
        if self.left.is_none_or(|left| now.duration_since(left) >= apart) {
            self.leaves(now);
            return true;
        }
        self.due = self.left.map(|left| left + pace.most);
        false
    }

    /// When what waits leaves if nothing comes before; none: nothing waits.
    pub const fn due(&self) -> Option<Instant> {
        self.due
    }

    /// All that waits has left.
    pub const fn leaves(&mut self, now: Instant) {
        (self.left, self.due) = (Some(now), None);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// When something leaves within a second in which a picture comes that often, and sound in pieces of 20 ms, as milliseconds.
    fn left(players: usize, picture_every: Option<u64>) -> Vec<u64> {
        let (began, mut together, mut left) = (Instant::now(), Together::default(), Vec::new());
        for millisecond in 0..1000 {
            let now = began + Duration::from_millis(millisecond);
            let mut leaves = together.due().is_some_and(|due| due <= now);
            if leaves {
                together.leaves(now);
            }
            if millisecond % 20 == 0 {
                leaves |= together.comes(Kind::Audio, players, now);
            }
            if picture_every.is_some_and(|every| millisecond % every == 0) {
                leaves |= together.comes(Kind::Video, players, now);
            }
            left.extend(leaves.then_some(millisecond));
        }
        left
    }

    #[test]
    fn few_are_sent_each_picture_as_it_comes_and_its_sound_with_it() {
        let times = left(FEW, Some(33));
        assert!((1..31).all(|nth| times.contains(&(nth * 33))), "{times:?}");
        assert_eq!(times.len(), 31);
    }

    #[test]
    fn many_are_sent_some_pictures_at_a_time_and_always_the_newest() {
        assert_eq!(left(FEW + 1, Some(33)), (0..11).map(|nth| nth * 99).collect::<Vec<_>>());
        assert_eq!(left(FEW + 1, Some(66)), (0..8).map(|nth| nth * 132).collect::<Vec<_>>());
    }

    #[test]
    fn sound_leaves_by_itself_where_no_picture_comes() {
        for (players, most) in [(1, 40), (FEW + 1, 150)] {
            let times = left(players, None);
            assert!(times.windows(2).all(|pair| pair[1] - pair[0] <= most), "{times:?}");
            assert!(times.len() as u64 <= 1000 / most + 1, "{times:?}");
        }
    }

    #[test]
    fn a_picture_after_which_nothing_comes_leaves_too() {
        let (began, mut together) = (Instant::now(), Together::default());
        assert!(together.comes(Kind::Video, FEW + 1, began));
        assert!(!together.comes(Kind::Video, FEW + 1, began + Duration::from_millis(10)));
        assert_eq!(together.due(), Some(began + SOME_AT_A_TIME.most));
        together.leaves(began + SOME_AT_A_TIME.most);
        assert_eq!(together.due(), None);
    }
}
