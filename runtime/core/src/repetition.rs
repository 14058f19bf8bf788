//! When a camera repeats its picture: once a source is clearly late, at the camera's rate.

use std::time::{Duration, Instant};

use crate::spec::FrameRate;

/// The next repetition.
#[derive(Clone, Copy, Debug)]
pub struct Repetition {
    interval: Duration,
    due: Instant,
}

impl Repetition {
    pub fn new(frame_rate: FrameRate, now: Instant) -> Self {
        Self { interval: frame_rate.interval(), due: now }
    }

    pub fn due(&self) -> Instant {
        self.due
    }

    /// No two repetitions are nearer than this.
    fn least(&self) -> Duration {
        self.interval / 2
    }

    /// A source showed something. Its next frame may come a little late: only a clear gap is filled.
    pub fn shown(&mut self, now: Instant) {
        self.due = now + self.interval * 3 / 2;
    }

    /// Whether the picture is to be repeated now. What was missed is not made up for.
    pub fn is_due(&mut self, now: Instant) -> bool {
        let is_due = now >= self.due;
        if is_due {
            self.due = (self.due + self.interval).max(now + self.least());
        }
        is_due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How often it repeats in a second of looks, while a source shows something this often.
    fn repetitions(between_frames: Option<Duration>) -> usize {
        let start = Instant::now();
        let mut repetition = Repetition::new(FrameRate::THIRTY, start);
        let mut shown = start;
        let looks = (0..60).map(|look| start + repetition.least() * look).collect::<Vec<_>>();
        let mut count = 0;
        for now in looks {
            while let Some(next) = between_frames.map(|between| shown + between).filter(|next| *next <= now) {
                shown = next;
                repetition.shown(shown);
            }
            count += usize::from(repetition.is_due(now));
        }
        count
    }

    #[test]
    fn with_nothing_new_it_repeats_at_the_cameras_rate() {
        assert_eq!(repetitions(None), 30);
    }

    #[test]
    fn a_source_that_keeps_the_rate_is_not_repeated() {
        // The first look comes before its first frame.
        assert_eq!(repetitions(Some(FrameRate::THIRTY.interval())), 1);
    }

    #[test]
    fn a_slow_source_is_filled_up() {
        let count = repetitions(Some(Duration::from_millis(100)));
        assert!((15..=22).contains(&count), "{count}");
    }

    #[test]
    fn after_a_pause_of_the_machine_it_goes_on_at_its_rate() {
        let start = Instant::now();
        let mut repetition = Repetition::new(FrameRate::THIRTY, start);
        let late = start + Duration::from_secs(1);
        let looks = (0..60).map(|look| late + Duration::from_secs(1) / 60 * look);
        let count = looks.filter(|now| repetition.is_due(*now)).count();
        assert!((29..=31).contains(&count), "{count}");
    }
}
