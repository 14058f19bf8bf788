//! One stream of a sender: when what it captured arrives. All times are nanoseconds.
//!
//! Both its packets and its reports are late now and then, and never early: of a while the earliest counts. Packets wait for
//! those before them, for the pacing of a large picture, and on the way. A report is late where its sender takes the time at
//! which it has sent something for the time of that.

use crate::fanout::clock::rate_hz;
use crate::media::Kind;

/// Packets are compared over so long, and the time before it.
const WINDOW: i64 = 1_000_000_000;
/// Reports are compared with so many before: some seconds of them.
const REPORTS: usize = 4;
/// A packet that is so much earlier or later than the one before is of another timeline, or after a pause that tells nothing.
const BREAK: i64 = 1_000_000_000;
/// The same of reports, which no network delays. A busy sender is less exact than this.
const SET: i64 = 200_000_000;
/// What is told of playing counts for one in so many: of a few a second, for some seconds.
const AVERAGED: i64 = 8;

#[derive(Clone, Copy, Debug)]
pub(super) struct Line {
    rate_hz: u32,
    clock: Option<Clock>,
    /// The picture of which the newest packet is: it is there when its last packet is.
    newest: Option<Arrival>,
    earliest: Earliest,
    /// By how much what came is played later than the earliest of it, on the average.
    played_late: Option<i64>,
    reports: [Option<Report>; REPORTS],
}

/// What was told, beside what was told before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Told {
    GoesOn,
    /// It belongs to nothing that was told before.
    Breaks,
}

/// RTP timestamps, which wrap around each few hours (RFC 3550 §5.1).
#[derive(Clone, Copy, Debug)]
struct Clock {
    timestamp: u32,
    ticks: i64,
}

#[derive(Clone, Copy, Debug)]
struct Arrival {
    ticks: i64,
    /// Our time of it less the sender's.
    late: i64,
}

/// The least of a window and the one before.
#[derive(Clone, Copy, Debug, Default)]
struct Earliest {
    since: i64,
    now: Option<i64>,
    before: Option<i64>,
}

#[derive(Clone, Copy, Debug)]
struct Report {
    ntp: i64,
    ticks: i64,
    /// The NTP time less the sender's.
    late: i64,
}

impl Line {
    pub fn new(kind: Kind) -> Self {
        Self {
            rate_hz: rate_hz(kind),
            clock: None,
            newest: None,
            earliest: Earliest::default(),
            played_late: None,
            reports: [None; REPORTS],
        }
    }

    pub fn arrived(&mut self, timestamp: u32, at: i64) -> Told {
        let ticks = self.clock.get_or_insert(Clock { timestamp, ticks: 0 }).read(timestamp);
        let arrival = Arrival { ticks, late: at - self.time(ticks) };
        let Some(newest) = self.newest else {
            self.earliest.since = at;
            self.advance(timestamp, arrival);
            return Told::GoesOn;
        };
        if arrival.late.saturating_sub(newest.late).saturating_abs() > BREAK {
            self.earliest = Earliest { since: at, ..Earliest::default() };
            // Counted anew: a sender whose timestamps leap with each packet would add up what no number holds.
            self.advance(timestamp, Arrival { ticks: 0, late: at });
            return Told::Breaks;
        }
        // One that was sent again comes after newer ones and tells nothing.
        if ticks > newest.ticks {
            self.earliest.add(newest.late, at);
        }
        if ticks >= newest.ticks {
            self.advance(timestamp, arrival);
        }
        Told::GoesOn
    }

    pub fn played(&mut self, timestamp: u32, at: i64) {
        let (Some(clock), Some(earliest)) = (self.clock, self.earliest.get()) else { return };
        let late = (at - self.time(clock.read(timestamp)) - earliest).max(0);
        let before = self.played_late.unwrap_or(late);
        self.played_late = Some(before + (late - before) / AVERAGED);
    }

    /// Zero as long as it is not known.
    pub fn played_late(&self) -> i64 {
        self.played_late.unwrap_or_default()
    }

    pub fn reported(&mut self, ntp: i64, timestamp: u32) -> Told {
        let Some(clock) = self.clock else { return Told::GoesOn };
        let ticks = clock.read(timestamp);
        let report = Report { ntp, ticks, late: ntp - self.time(ticks) };
        let Some(last) = self.reports[0] else {
            self.reports[0] = Some(report);
            return Told::GoesOn;
        };
        // Told again, or overtaken on its way.
        if report.ntp <= last.ntp && report.ticks <= last.ticks {
            return Told::GoesOn;
        }
        let breaks = (report.late - last.late).saturating_abs() > SET;
        if breaks {
            self.forget_reports();
        }
        self.reports.rotate_right(1);
        self.reports[0] = Some(report);
        if breaks { Told::Breaks } else { Told::GoesOn }
    }

    pub const fn forget_reports(&mut self) {
        self.reports = [None; REPORTS];
    }

    /// Our time of an arrival less the NTP time of its capture. None: not known yet.
    pub fn under_way(&self) -> Option<i64> {
        let reported = self.reports.iter().flatten().map(|report| report.late).min()?;
        Some(self.earliest.get()?.saturating_sub(reported))
    }

    const fn advance(&mut self, timestamp: u32, arrival: Arrival) {
        self.clock = Some(Clock { timestamp, ticks: arrival.ticks });
        self.newest = Some(arrival);
    }

    fn time(&self, ticks: i64) -> i64 {
        // Ticks of centuries fit.
        (i128::from(ticks) * 1_000_000_000 / i128::from(self.rate_hz)) as i64
    }
}

impl Clock {
    /// The nearest to where it is.
    fn read(self, timestamp: u32) -> i64 {
        self.ticks + i64::from(timestamp.wrapping_sub(self.timestamp).cast_signed())
    }
}

impl Earliest {
    fn add(&mut self, late: i64, at: i64) {
        if at - self.since >= WINDOW {
            (self.since, self.before) = (at, self.now.take());
        }
        self.now = Some(self.now.map_or(late, |least| least.min(late)));
    }

    /// None: it was not looked at for a whole window yet.
    fn get(self) -> Option<i64> {
        let before = self.before?;
        Some(self.now.map_or(before, |now| now.min(before)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timestamps_that_leap_with_each_packet_add_up_to_nothing() {
        let mut line = Line::new(Kind::Audio);
        let timestamp = |packet: u32| packet.wrapping_mul(0x7fff_ffff);
        for packet in 0..500_000 {
            let told = line.arrived(timestamp(packet), i64::from(packet) * 1_000_000);
            assert_eq!(told, if packet == 0 { Told::GoesOn } else { Told::Breaks });
        }
    }

    #[test]
    fn the_earliest_is_that_of_the_window_before_and_since() {
        let mut earliest = Earliest::default();
        earliest.add(5, 0);
        assert_eq!(earliest.get(), None);
        earliest.add(9, WINDOW);
        assert_eq!(earliest.get(), Some(5));
        earliest.add(7, 2 * WINDOW);
        assert_eq!(earliest.get(), Some(7));
    }
}
