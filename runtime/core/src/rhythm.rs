//! When the display is read: right after its picture changed, at most so many times a second on average.
//!
//! A fixed raster would meet a page of the same rate at whatever phase they started in; where the two nearly touch, jitter
//! makes one picture be read twice and the next be missed, for as long as both run.

use std::time::{Duration, Instant};

/// From the first change to reading: a picture that is drawn in several steps is read whole.
const SETTLE: Duration = Duration::from_millis(2);

#[derive(Clone, Copy, Debug)]
pub struct Rhythm {
    interval: Duration,
    /// Not before this: it moves on by one interval each time, which bounds the average.
    allowed: Instant,
    taken: Instant,
    /// The first change since the picture was read.
    changed: Option<Instant>,
}

impl Rhythm {
    /// The first picture is due at once.
    pub fn new(interval: Duration, now: Instant) -> Self {
        Self { interval, allowed: now, taken: now, changed: Some(now) }
    }

    pub fn changed(&mut self, now: Instant) {
        self.changed.get_or_insert(now);
    }

    /// The picture was read.
    pub fn taken(&mut self, now: Instant) {
        // A page's jitter is less than a third of its interval (measured: a few milliseconds).
        let soonest = now + self.interval * 2 / 3;
        (self.allowed, self.taken, self.changed) = (soonest.max(self.allowed + self.interval), now, None);
        // Whoever was kept from reading does not catch up in a burst, nor pay for what was read in time.
        self.allowed = self.allowed.min(now + self.interval);
    }

    /// From now on at that rate.
    pub const fn at(&mut self, interval: Duration) {
        self.interval = interval;
    }

    /// When to read next. A picture that does not change is read now and then all the same: readers count on frames.
    pub fn due(&self) -> Instant {
        match self.changed {
            Some(at) => self.allowed.max(at + SETTLE),
            None => self.taken + self.interval * 3 / 2,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);
    const INTERVAL: Duration = Duration::from_nanos(33_333_333);

    /// Reads a display whose picture changes at these times, for a second; when each reading was, and how many changes
    /// had happened by then.
    fn read(changes: &[Duration]) -> Vec<(Duration, usize)> {
        let start = Instant::now();
        let mut rhythm = Rhythm::new(INTERVAL, start);
        let mut readings = Vec::new();
        let mut seen = 0;
        let mut now = start;
        while now < start + Duration::from_secs(1) {
            if changes.get(seen).is_some_and(|at| start + *at <= now) {
                rhythm.changed(now);
                seen += 1;
            } else if rhythm.due() <= now {
                rhythm.taken(now);
                readings.push((now - start, seen));
            } else {
                now += MS / 4;
            }
        }
        readings
    }

    fn every(interval: Duration, jitter: impl Fn(u32) -> Duration) -> Vec<Duration> {
        (1..).map(|n| interval * n + jitter(n)).take_while(|at| *at < Duration::from_secs(2)).collect()
    }

    #[test]
    fn each_picture_of_a_page_with_jitter_is_read_once_whatever_its_phase() {
        for phase in 0..33 {
            let changes = every(INTERVAL, |n| MS * phase + MS * (n * 7 % 9));
            let readings = read(&changes);
            let mut steps = readings.windows(2).map(|pair| pair[1].1 - pair[0].1).skip(2);
            assert!(steps.all(|step| step == 1), "phase {phase}: {readings:?}");
        }
    }

    #[test]
    fn a_page_that_changes_faster_is_read_at_the_rate_that_was_asked_for() {
        let readings = read(&every(INTERVAL / 2, |_| Duration::ZERO));
        assert!((29..=32).contains(&readings.len()), "{}", readings.len());
    }

    #[test]
    fn a_picture_that_stays_is_read_again_now_and_then() {
        let readings = read(&[]);
        assert!((19..=21).contains(&readings.len()), "{}", readings.len());
    }

    #[test]
    fn a_change_after_a_rest_is_read_at_once() {
        let readings = read(&[Duration::from_millis(490)]);
        let first = readings.iter().find(|(_, seen)| *seen == 1).unwrap().0;
        assert!(first < Duration::from_millis(520), "{first:?}");
    }
}
