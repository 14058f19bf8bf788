//! How often one cause occurred, and when that is written: the first time at once, repeats together and more and more seldom
//! while they go on. Pure.

use jiff::Timestamp;
use std::time::{Duration, Instant};

/// Repeats within this long share a write.
const SOON: Duration = Duration::from_secs(2);
/// However long it goes on.
const SELDOM: Duration = Duration::from_secs(60);

/// One cause of one object. Its Event tells the first time; all others are a number and a time in it.
#[derive(Clone, Debug)]
pub(super) struct Series {
    count: i32,
    last: Timestamp,
    /// Until when another leader has counted.
    others: Option<Timestamp>,
    /// How many the Event tells; `None`: there is no Event yet.
    written: Option<i32>,
    /// The next write is not before.
    rested: Instant,
    rest: Duration,
}

/// What has to be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Write {
    /// The Event.
    First,
    /// How often it was the case.
    Count {
        /// That often.
        count: i32,
        /// The last time.
        last: Timestamp,
    },
}

impl Series {
    /// The first time.
    pub(super) fn new(at: Timestamp, now: Instant) -> Self {
        Self { count: 1, last: at, others: None, written: None, rested: now, rest: SOON }
    }

    /// Once more, unless another leader has counted it.
    pub(super) fn again(&mut self, at: Timestamp) {
        if self.others.is_some_and(|others| at <= others) {
            return;
        }
        self.count = self.count.saturating_add(1);
        self.last = self.last.max(at);
    }

    /// What has to be written now, which is taken for written.
    pub(super) fn write(&mut self, now: Instant) -> Option<Write> {
        let Some(written) = self.written else {
            self.wrote(now);
            return Some(Write::First);
        };
        if written >= self.count || now < self.rested {
            return None;
        }
        self.rest = if now >= self.rested + SELDOM { SOON } else { (self.rest * 2).min(SELDOM) };
        self.wrote(now);
        Some(Write::Count { count: self.count, last: self.last })
    }

    /// The Event was there already, written by another leader, who counted that many until then. One that happened later is
    /// another one; true: it has to be written.
    pub(super) fn found(&mut self, count: i32, last: Timestamp) -> bool {
        let news = self.last > last;
        self.others = Some(last);
        (self.count, self.last) = (count.saturating_add(i32::from(news)), self.last.max(last));
        self.written = Some(if news { count } else { self.count });
        self.rested = self.rested.checked_sub(self.rest).unwrap_or(self.rested);
        news
    }

    /// Whether the Event was written before.
    pub(super) fn is_known(&self) -> bool {
        self.written.is_some()
    }

    /// The Event is there no more; the next occurrence is the first of another.
    pub(super) fn expire(&mut self) {
        (self.count, self.written) = (1, None);
    }

    fn wrote(&mut self, now: Instant) {
        self.written = Some(self.count);
        self.rested = now + self.rest;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: u64) -> Timestamp {
        Timestamp::from_second(i64::try_from(second).unwrap()).unwrap()
    }

    #[test]
    fn what_happens_each_second_for_an_hour_is_one_event_and_a_few_writes() {
        let start = Instant::now();
        let mut series = Series::new(at(0), start);
        let mut writes = vec![series.write(start).unwrap()];
        for second in 1..3600 {
            series.again(at(second));
            writes.extend(series.write(start + Duration::from_secs(second)));
        }
        assert_eq!(writes[0], Write::First);
        assert!((55..=75).contains(&writes.len()), "{} writes", writes.len());
        let last = start + Duration::from_secs(3600) + SELDOM;
        assert_eq!(series.write(last), Some(Write::Count { count: 3600, last: at(3599) }), "none is lost");
        assert_eq!(series.write(last + SELDOM), None, "nothing is written twice");
    }

    #[test]
    fn what_happens_again_after_a_long_time_is_written_at_once() {
        let start = Instant::now();
        let mut series = Series::new(at(0), start);
        series.write(start);
        series.again(at(600));
        let count = Write::Count { count: 2, last: at(600) };
        assert_eq!(series.write(start + Duration::from_secs(600)), Some(count));
    }

    #[test]
    fn what_an_earlier_leader_told_is_not_told_again() {
        let start = Instant::now();
        let mut series = Series::new(at(100), start);
        series.write(start);
        assert!(!series.found(5, at(100)));
        series.again(at(90));
        series.again(at(100));
        assert_eq!(series.write(start + SELDOM), None);
        series.again(at(200));
        let count = Write::Count { count: 6, last: at(200) };
        assert_eq!(series.write(start + SELDOM), Some(count), "it is counted on from there");
    }

    #[test]
    fn what_happened_after_an_earlier_leader_told_of_it_is_another_time() {
        let start = Instant::now();
        let mut series = Series::new(at(100), start);
        series.write(start);
        assert!(series.found(5, at(99)));
        assert_eq!(series.write(start), Some(Write::Count { count: 6, last: at(100) }));
    }

    #[test]
    fn an_event_that_the_api_server_has_dropped_is_written_anew() {
        let start = Instant::now();
        let mut series = Series::new(at(0), start);
        series.write(start);
        series.expire();
        assert_eq!(series.write(start), Some(Write::First));
    }
}
