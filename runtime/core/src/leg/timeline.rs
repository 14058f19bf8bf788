//! When what comes is shown: on one timeline that goes on over children, over files that begin again and over breaks.
//!
//! Each stream's own times are kept while they go as fast as ours. Where they do not, the next unit is shown when it comes: no
//! time goes back, and nobody stays behind. Picture and sound are on one clock where the sender's reports say so and what
//! arrives agrees; an encoder that began late says a moment that is not the picture's.
//!
//! ```text
//!   lateness = when it came − when it is to be shown
//!        < −40 ms: it comes faster than it is to be shown ┐
//!        > 500 ms: it was held up, or begins again        ├─> it is shown now, and what follows it after it
//!        never < 30 ms within a while: all of it is late ─┘
//! ```

use std::time::Duration;

use super::packet::Report;
use crate::fanout::clock::rate_hz;
use crate::media::Kind;

/// Microseconds, as the rest here.
type Time = i64;

/// No player waits longer for what is before its time.
const EARLY: Time = -40_000;
/// A hub's readers take what is as late for lost.
const LATE: Time = 500_000;
/// Nobody sees or hears so much.
const SLIGHT: Time = 30_000;
/// How long a lateness is looked at before it is taken for one that lasts, and picture and sound for what they are.
const WHILE: Time = 1_000_000;
/// What reports and arrivals may differ by: of two streams none is held up alone by as much.
const AGREE: Time = 40_000;
/// Sound may begin so much before the end of what was before it.
const OVERLAP: Time = 5_000;
const STEP: Time = 1_000;

#[derive(Clone, Debug, Default)]
pub struct Timeline {
    video: Stream,
    audio: Stream,
    /// Both are on one clock.
    joined: bool,
}

#[derive(Clone, Debug, Default)]
struct Stream {
    /// Of the child that sends.
    line: Option<Line>,
    report: Option<Report>,
    /// The end of what was shown last.
    end: Time,
}

/// A stream's own time, and what has to be added to it.
#[derive(Clone, Copy, Debug)]
struct Line {
    source: u32,
    timestamp: u32,
    /// Of that timestamp.
    ticks: i64,
    offset: Time,
    /// The least lateness, and since when.
    least: Time,
    since: Time,
    is_known: bool,
}

impl Timeline {
    /// Another child sends from now on.
    pub fn begin(&mut self) {
        for stream in [&mut self.video, &mut self.audio] {
            (stream.line, stream.report) = (None, None);
        }
        self.joined = false;
    }

    /// What its sender says of a stream. The first report holds: later ones say the same of the same clock.
    pub fn told(&mut self, kind: Kind, report: &Report) {
        let stream = self.of(kind);
        if stream.report.is_none_or(|known| known.source != report.source) {
            stream.report = Some(*report);
        }
    }

    /// When a picture that came at `now` is shown.
    pub fn video(&mut self, source: u32, timestamp: u32, now: Duration) -> Duration {
        let at = self.at(Kind::Video, source, timestamp, now).max(self.video.end);
        self.video.end = at + STEP;
        duration(at)
    }

    /// The same of a packet of sound. None: what was before it lasts until it has ended.
    pub fn audio(&mut self, source: u32, timestamp: u32, lasts: Duration, now: Duration) -> Option<Duration> {
        let at = self.at(Kind::Audio, source, timestamp, now);
        if at + OVERLAP < self.audio.end {
            return None;
        }
        self.audio.end = at + time(lasts);
        Some(duration(at))
    }

    fn at(&mut self, kind: Kind, source: u32, timestamp: u32, now: Duration) -> Time {
        let (now, rate) = (time(now), i64::from(rate_hz(kind)));
        let line = self.of(kind).line(source, timestamp, now, rate);
        let media = micros(line.ticks, rate);
        let late = now - (media + line.offset);
        line.least = line.least.min(late);
        let is_over = now - line.since >= WHILE;
        let moves = match late {
            late if !(EARLY..=LATE).contains(&late) => late,
            _ if is_over && line.least > SLIGHT => line.least,
            _ => 0,
        };
        line.offset += moves;
        let at = media + line.offset;
        if moves != 0 || is_over {
            line.is_known |= is_over && moves == 0;
            (line.least, line.since) = (Time::MAX, now);
        }
        if moves != 0 {
            self.carry(kind, moves);
        } else if is_over {
            self.join();
        }
        at
    }

    /// What one is moved by moves the other, if they are on one clock.
    fn carry(&mut self, kind: Kind, moves: Time) {
        let other = match kind {
            Kind::Video => &mut self.audio,
            Kind::Audio => &mut self.video,
        };
        if let Some(line) = other.line.as_mut().filter(|_| self.joined) {
            line.offset += moves;
            line.least = Time::MAX;
        }
    }

    /// Puts the picture on the clock of the sound, whose times are heard.
    fn join(&mut self) {
        let (Some(picture), Some(sound)) = (&self.video.line, &self.audio.line) else { return };
        if self.joined || !picture.is_known || !sound.is_known {
            return;
        }
        let (Some(of_picture), Some(of_sound)) = (self.video.report, self.audio.report) else { return };
        let clock = |line: &Line, report: &Report, kind| line.clock(report, i64::from(rate_hz(kind)));
        let apart = clock(picture, &of_picture, Kind::Video) - clock(sound, &of_sound, Kind::Audio);
        let (Some(picture), true) = (&mut self.video.line, apart.abs() <= AGREE) else { return };
        picture.offset -= apart;
        self.joined = true;
    }

    fn of(&mut self, kind: Kind) -> &mut Stream {
        match kind {
            Kind::Video => &mut self.video,
            Kind::Audio => &mut self.audio,
        }
    }
}

impl Stream {
    /// With the time of what came.
    fn line(&mut self, source: u32, timestamp: u32, now: Time, rate: i64) -> &mut Line {
        let first = Line {
            source,
            timestamp,
            ticks: i64::from(timestamp),
            offset: now - micros(i64::from(timestamp), rate),
            least: Time::MAX,
            since: now,
            is_known: false,
        };
        let line = self.line.take().filter(|line| line.source == source).unwrap_or(first);
        let passed = timestamp.wrapping_sub(line.timestamp).cast_signed();
        self.line.insert(Line { timestamp, ticks: line.ticks + i64::from(passed), ..line })
    }
}

impl Line {
    /// What has to be added to the sender's clock for ours.
    fn clock(&self, report: &Report, rate: i64) -> Time {
        let passed = report.timestamp.wrapping_sub(self.timestamp).cast_signed();
        let shown = micros(self.ticks + i64::from(passed), rate) + self.offset;
        let (seconds, fraction) =
            ((report.ntp >> 32).cast_signed(), (report.ntp & 0xffff_ffff).cast_signed());
        shown - seconds * 1_000_000 - ((fraction * 1_000_000) >> 32)
    }
}

const fn micros(ticks: i64, rate: i64) -> Time {
    ticks.div_euclid(rate) * 1_000_000 + ticks.rem_euclid(rate) * 1_000_000 / rate
}

fn time(duration: Duration) -> Time {
    Time::try_from(duration.as_micros()).unwrap_or(Time::MAX / 4)
}

fn duration(time: Time) -> Duration {
    Duration::from_micros(u64::try_from(time).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    const FRAME: u64 = 40;
    const PACKET: Duration = Duration::from_millis(20);

    fn ms(milliseconds: u64) -> Duration {
        Duration::from_millis(milliseconds)
    }

    /// A sender of 25 pictures a second, whose times begin just before they wrap.
    #[derive(Default)]
    struct Sender(Timeline);

    impl Sender {
        /// The picture that is `media` of its own time, which comes at `now`; both in milliseconds.
        fn picture(&mut self, media: u64, now: u64) -> u64 {
            let stamp = (u32::MAX - 9_000).wrapping_add(media as u32 * 90);
            self.0.video(1, stamp, ms(now)).as_millis() as u64
        }

        fn sound(&mut self, media: u64, now: u64) -> Option<u64> {
            let stamp = (u32::MAX - 9_000).wrapping_add(media as u32 * 48);
            self.0.audio(2, stamp, PACKET, ms(now)).map(|at| at.as_millis() as u64)
        }
    }

    #[test]
    fn times_are_the_streams_own_however_they_arrive_and_wrap_around() {
        let mut sender = Sender::default();
        for number in 0..100 {
            let jitter = [0, 7, 21, 3][number as usize % 4];
            assert_eq!(
                sender.picture(number * FRAME, 5_000 + number * FRAME + jitter),
                5_000 + number * FRAME
            );
        }
    }

    #[test]
    fn a_file_that_begins_again_goes_on() {
        let mut sender = Sender::default();
        let mut shown =
            (0..25).map(|number| sender.picture(number * FRAME, number * FRAME)).collect::<Vec<_>>();
        shown.extend((0..25).map(|number| sender.picture(number * FRAME, 1_000 + number * FRAME)));
        assert!(shown.windows(2).all(|two| two[1] - two[0] == FRAME), "{shown:?}");
    }

    #[test]
    fn a_leap_ahead_is_no_time_that_anybody_waits() {
        let mut sender = Sender::default();
        assert_eq!(sender.picture(0, 1_000), 1_000);
        assert_eq!(sender.picture(9_000_000, 1_040), 1_040);
    }

    #[test]
    fn what_comes_at_once_is_shown_at_once_and_then_as_fast_as_it_comes() {
        let mut sender = Sender::default();
        let burst: Vec<u64> = (0..50).map(|number| sender.picture(number * FRAME, 1_000)).collect();
        assert!(burst.windows(2).all(|two| two[0] < two[1]) && burst[49] <= 1_100, "{burst:?}");
        for number in 50..100 {
            let now = 1_000 + (number - 49) * FRAME;
            let shown = sender.picture(number * FRAME, now);
            assert!(shown.abs_diff(now) <= 50, "{shown} at {now}");
        }
        let kept = (0..50).filter_map(|number| sender.sound(number * 20, 3_000)).count();
        assert!(kept <= 4, "{kept} of what lasts a second");
        let after = (50..60).filter_map(|number| sender.sound(number * 20, 3_000 + (number - 49) * 20));
        let after: Vec<u64> = after.collect();
        assert!(after.len() >= 7 && after.windows(2).all(|two| two[1] - two[0] == 20), "{after:?}");
    }

    #[test]
    fn what_is_late_for_good_is_shown_later_once() {
        let mut sender = Sender::default();
        let mut last = 0;
        for number in 0..200 {
            let held_up = if number < 50 { 0 } else { 300 };
            let shown = sender.picture(number * FRAME, 1_000 + number * FRAME + held_up);
            assert!(
                number == 0 || shown - last == FRAME || shown - last == FRAME + 300,
                "{number}: {}",
                shown - last
            );
            last = shown;
        }
        assert_eq!(last, 1_000 + 199 * FRAME + 300);
    }

    #[test]
    fn another_child_goes_on_after_the_one_before() {
        let mut sender = Sender::default();
        sender.picture(5_000, 1_000);
        sender.0.begin();
        assert_eq!(sender.picture(0, 2_000), 2_000);
        sender.0.begin();
        assert!(sender.picture(77_000, 2_000) > 2_000, "no two are of one time");
    }

    fn told(kind: Kind, source: u32, media: u64, seconds: u64) -> (Kind, Report) {
        let rate = u64::from(rate_hz(kind));
        let timestamp = (u32::MAX - 9_000).wrapping_add((media * rate / 1000) as u32);
        (kind, Report { source, ntp: seconds << 32, timestamp })
    }

    /// By how much the picture is shown before the sound of one moment, if it comes so much later and is said to be of a moment so
    /// much earlier.
    fn apart(later: u64, earlier: u64) -> i64 {
        let mut sender = Sender::default();
        for (kind, report) in [told(Kind::Video, 1, earlier, 70), told(Kind::Audio, 2, 0, 70)] {
            sender.0.told(kind, &report);
        }
        let mut shown = (0, 0);
        for number in 0..300 {
            let sound = sender.sound(number * 20, 1_000 + number * 20);
            if number % 2 == 0 {
                shown = (sender.picture(number * 20, 1_000 + number * 20 + later), sound.unwrap());
            }
        }
        shown.1.cast_signed() - shown.0.cast_signed()
    }

    #[test]
    fn picture_and_sound_are_as_the_sender_says_where_what_arrives_agrees() {
        assert_eq!(apart(0, 0), 0);
        assert_eq!(apart(20, 0), 0, "it is slow in coming");
        assert_eq!(apart(25, 10), 10, "it is of another moment");
        assert_eq!(apart(0, 100), 0, "nothing else says so");
    }
}
