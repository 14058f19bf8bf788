//! What of one stream arrived, by its sequence numbers (RFC 3550 §5.1, appendix A).

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// Gaps that are remembered; older ones are lost for good. More than a second of a large picture.
const REMEMBERED_GAPS: usize = 1024;
/// Packets may overtake one another; what is asked for sooner would come twice.
const ASK_AFTER: Duration = Duration::from_millis(10);
/// Longer than most ways there and back.
const ASK_AGAIN_AFTER: Duration = Duration::from_millis(50);
/// What did not come then does not come in time.
const ASK_TIMES: u8 = 6;
/// What is missing for longer is not on its way any more.
const ON_ITS_WAY: Duration = ASK_AGAIN_AFTER.saturating_mul(ASK_TIMES as u32);
/// Numbers in one request: what fits into one packet.
const MOST_AT_ONCE: usize = 128;

/// What a packet turned out to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arrival {
    /// Later than all before it, after so many that are missing.
    Next { missing: u64 },
    /// It fills a gap: it was overtaken.
    Overtaken,
    /// It fills a gap that was asked for.
    SentAgain,
    /// It was there already, or is older than all that is known.
    Duplicate,
}

#[derive(Clone, Debug, Default)]
pub struct Sequence {
    /// The newest, counted on over wraps.
    newest: Option<u64>,
    first: u64,
    gaps: BTreeMap<u64, Gap>,
    forgotten: u64,
    unique: u64,
}

#[derive(Clone, Copy, Debug)]
struct Gap {
    since: Instant,
    ask_at: Instant,
    asked: u8,
}

impl Sequence {
    /// Counts a packet; its number over wraps and what it is.
    pub fn take(&mut self, number: u16, now: Instant) -> (u64, Arrival) {
        let Some(newest) = self.newest else {
            // One round up, so that packets which the first overtook have numbers too.
            self.first = u64::from(number) + (1 << 16);
            self.newest = Some(self.first);
            self.unique = 1;
            return (self.first, Arrival::Next { missing: 0 });
        };
        let extended = self.extended(number);
        let arrival =
            if extended > newest { self.advance(newest, extended, now) } else { self.fill(extended) };
        self.unique += u64::from(arrival != Arrival::Duplicate);
        (extended, arrival)
    }

    /// The number over wraps of a packet that was counted a short while ago.
    pub fn extended(&self, number: u16) -> u64 {
        let newest = self.newest.unwrap_or_default();
        newest.saturating_add_signed(i64::from(number.wrapping_sub(newest as u16).cast_signed()))
    }

    fn advance(&mut self, newest: u64, extended: u64, now: Instant) -> Arrival {
        for missing in newest + 1..extended {
            self.gaps.insert(missing, Gap { since: now, ask_at: now + ASK_AFTER, asked: 0 });
        }
        while self.gaps.len() > REMEMBERED_GAPS {
            self.gaps.pop_first();
            self.forgotten += 1;
        }
        self.newest = Some(extended);
        Arrival::Next { missing: extended - newest - 1 }
    }

    fn fill(&mut self, extended: u64) -> Arrival {
        match self.gaps.remove(&extended) {
            Some(Gap { asked: 0, .. }) => Arrival::Overtaken,
            Some(_) => Arrival::SentAgain,
            None => Arrival::Duplicate,
        }
    }

    /// Missing until now.
    pub fn lost(&self) -> u64 {
        self.forgotten + self.gaps.len() as u64
    }

    /// Missing for so long that it will not come in time.
    pub fn given_up(&self, now: Instant) -> u64 {
        let gone = self.gaps.values().filter(|gap| now >= gap.since + ON_ITS_WAY);
        self.forgotten + gone.count() as u64
    }

    /// Different packets that arrived.
    pub fn unique(&self) -> u64 {
        self.unique
    }

    /// RFC 3550 §6.4.1: the low 32 bits, without the round that it begins with.
    pub fn newest(&self) -> Option<u32> {
        self.newest.map(|newest| (newest - (1 << 16)) as u32)
    }

    /// RFC 3550 §A.3: packets that should have come.
    pub fn expected(&self) -> u64 {
        self.newest.map_or(0, |newest| newest - self.first + 1)
    }

    /// What is to be asked for now (RFC 4585 §6.2.1); asking is counted.
    pub fn ask(&mut self, now: Instant) -> Vec<u16> {
        let due = self.gaps.iter_mut().filter(|(_, gap)| gap.asked < ASK_TIMES && gap.ask_at <= now);
        let numbers = due.take(MOST_AT_ONCE).map(|(number, gap)| {
            gap.asked += 1;
            gap.ask_at = now + ASK_AGAIN_AFTER;
            *number as u16
        });
        numbers.collect()
    }

    /// When something is to be asked for next.
    pub fn ask_at(&self) -> Option<Instant> {
        self.gaps.values().filter(|gap| gap.asked < ASK_TIMES).map(|gap| gap.ask_at).min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(numbers: &[u16]) -> Sequence {
        let mut sequence = Sequence::default();
        for number in numbers {
            sequence.take(*number, Instant::now());
        }
        sequence
    }

    #[test]
    fn what_is_on_its_way_is_not_given_up() {
        let (mut sequence, now) = (Sequence::default(), Instant::now());
        for number in [1, 4] {
            sequence.take(number, now);
        }
        assert_eq!((sequence.lost(), sequence.given_up(now + ON_ITS_WAY / 2)), (2, 0));
        sequence.take(2, now + ON_ITS_WAY / 2);
        assert_eq!((sequence.lost(), sequence.given_up(now + ON_ITS_WAY)), (1, 1));
    }

    #[test]
    fn numbers_go_on_over_their_wrap() {
        let sequence = taken(&[65_534, 65_535, 0, 1]);
        assert_eq!((sequence.lost(), sequence.unique(), sequence.expected()), (0, 4, 4));
        assert_eq!(sequence.newest(), Some((1 << 16) + 1));
    }

    #[test]
    fn a_gap_over_the_wrap_is_counted() {
        let mut sequence = taken(&[65_533]);
        assert_eq!(sequence.take(2, Instant::now()).1, Arrival::Next { missing: 4 });
        assert_eq!((sequence.lost(), sequence.expected()), (4, 6));
    }

    #[test]
    fn what_was_overtaken_is_not_lost() {
        let mut sequence = taken(&[10, 12]);
        assert_eq!(sequence.lost(), 1);
        assert_eq!(sequence.take(11, Instant::now()).1, Arrival::Overtaken);
        assert_eq!((sequence.lost(), sequence.unique()), (0, 3));
    }

    #[test]
    fn what_came_before_is_a_duplicate() {
        let mut sequence = taken(&[10, 11]);
        assert_eq!(sequence.take(11, Instant::now()).1, Arrival::Duplicate);
        assert_eq!(sequence.take(10, Instant::now()).1, Arrival::Duplicate);
        assert_eq!(sequence.take(9, Instant::now()).1, Arrival::Duplicate);
        assert_eq!((sequence.lost(), sequence.unique()), (0, 2));
    }

    #[test]
    fn a_gap_is_asked_for_after_a_while_and_what_comes_then_was_sent_again() {
        let (mut sequence, start) = (Sequence::default(), Instant::now());
        sequence.take(0, start);
        sequence.take(3, start);
        assert_eq!(sequence.ask(start), [0; 0]);
        assert_eq!(sequence.ask_at(), Some(start + ASK_AFTER));
        assert_eq!(sequence.ask(start + ASK_AFTER), [1, 2]);
        assert_eq!(sequence.ask(start + ASK_AFTER), [0; 0]);
        assert_eq!(sequence.take(2, start).1, Arrival::SentAgain);
        assert_eq!(sequence.ask(start + ASK_AFTER + ASK_AGAIN_AFTER), [1]);
    }

    #[test]
    fn nobody_asks_for_ever() {
        let (mut sequence, start) = (Sequence::default(), Instant::now());
        sequence.take(0, start);
        sequence.take(2, start);
        let asked = (1..100).filter(|turn| !sequence.ask(start + ASK_AGAIN_AFTER * *turn).is_empty()).count();
        assert_eq!(asked, usize::from(ASK_TIMES));
        assert_eq!((sequence.ask_at(), sequence.lost()), (None, 1));
    }

    #[test]
    fn gaps_beyond_memory_stay_lost() {
        let mut sequence = taken(&[0, 5000]);
        assert_eq!(sequence.lost(), 4999);
        assert_eq!(sequence.take(1, Instant::now()).1, Arrival::Duplicate);
        assert_eq!(sequence.lost(), 4999);
    }
}
