//! When something that was sent is to be played: by its timestamps, on a line that is drawn through its arrivals.
//!
//! A sender that keeps real time is played as it comes: what varies less than an eye sees is not smoothed. One that
//! comes in bursts is smoothed by the length of a burst. One that is faster than real time gets further and further
//! ahead of its line; whoever reads from it holds it back, and says so. A timeline that jumps goes on where it was left.

use std::time::Duration;

use crate::mpeg::Stamp;

/// As much as is read ahead of playing; who holds more waits. Rides out a network's pause, and bounds what a sender
/// that goes away leaves behind.
pub const AHEAD: Duration = Duration::from_secs(2);

/// Over so long arrivals are compared.
const WINDOW: i64 = 1_000_000_000;
/// Less than two frames at 30 a second: an eye does not see it.
const JITTER: i64 = 60_000_000;
/// What senders put together, as a few frames that fill one packet, is no longer.
const BURST: i64 = 150_000_000;
/// A sender that is ahead by no more than this each second has a clock that drifts; one that is faster sends a file.
const DRIFT: i64 = 10_000_000;
/// Timestamps of frames in a wrong order step back by less.
const MISORDER: i64 = 250_000_000;
/// No frame waits longer for its turn after the one before it: a larger step is a jump.
const LONGEST_STEP: i64 = 1_000_000_000;
/// After a jump, the next comes after the usual interval, but not after one as long as this.
const LONGEST_INTERVAL: i64 = 100_000_000;
/// What sound that came late gets in reserve, so that the next piece need not be earlier.
const RESERVE: i64 = 20_000_000;
/// Sound that waits for less is not worth a gap.
const WORTH_A_GAP: i64 = 150_000_000;

/// What is played.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Medium {
    /// May be shown at any time, and is best shown early.
    Picture,
    /// Goes on without a gap, or is heard as broken.
    Sound,
}

/// The line of one sender.
#[derive(Clone, Copy, Debug)]
pub struct Playout {
    medium: Medium,
    last: Option<Last>,
    window: Window,
    /// How far ahead the window before was.
    before: Option<Span>,
}

/// The one before. All times are nanoseconds.
#[derive(Clone, Copy, Debug)]
struct Last {
    stamp: Stamp,
    /// Where it is on the line.
    line: i64,
    due: i64,
    /// Usually from one to the next.
    interval: i64,
}

/// How far ahead of the line arrivals of a while were.
#[derive(Clone, Copy, Debug, Default)]
struct Window {
    since: i64,
    span: Option<Span>,
    held_back: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Span {
    least: i64,
    most: i64,
}

impl Playout {
    pub const fn new(medium: Medium) -> Self {
        Self { medium, last: None, window: Window { since: 0, span: None, held_back: false }, before: None }
    }

    /// When what arrived at `now` is to be played: never before what came before it. None: it is left out, to make up
    /// for a delay.
    pub fn due(&mut self, stamp: Option<Stamp>, now: Duration) -> Option<Duration> {
        let now = nanoseconds(now);
        let Some(last) = self.last else {
            self.last = stamp.map(|stamp| Last { stamp, line: now, due: now, interval: 0 });
            self.window.since = now;
            return Some(duration(now));
        };
        let stamp = stamp.unwrap_or(last.stamp);
        let mut next = last.next(stamp, now);
        self.window.arrived(next.line - now);
        next.line = (next.line + self.correction(now)).min(now.max(last.due) + LONGEST_STEP);
        match self.medium {
            Medium::Sound if next.line < now => next.line = now + RESERVE,
            // Whoever joins a sender of bursts may have begun at the end of one.
            Medium::Picture if self.is_new() && (now - BURST..now).contains(&next.line) => next.line = now,
            Medium::Picture | Medium::Sound => {}
        }
        let left_out = self.medium == Medium::Sound && next.line < last.due;
        next.due = next.line.max(now).max(last.due);
        self.last = Some(next);
        (!left_out).then(|| duration(next.due))
    }

    /// Whoever reads does not read on for now: that arrivals are late or early from here on means nothing.
    pub fn held_back(&mut self) {
        self.window.held_back = true;
    }

    /// In its first window, when there is nothing to compare with.
    const fn is_new(&self) -> bool {
        self.before.is_none()
    }

    /// By how much the line is to be moved, looking back over a while: to when arrivals really come.
    fn correction(&mut self, now: i64) -> i64 {
        if now - self.window.since < WINDOW {
            return 0;
        }
        let window = std::mem::replace(&mut self.window, Window { since: now, ..Window::default() });
        let span = window.span.filter(|_| !window.held_back);
        let before = std::mem::replace(&mut self.before, span);
        let (Some(span), Some(before)) = (span, before) else { return 0 };
        let shift = match self.medium {
            Medium::Picture => span.picture(before),
            Medium::Sound => span.sound(before),
        };
        if shift != 0 {
            // The next comparison begins on the new line.
            self.before = Some(Span { least: span.least - shift, most: span.most - shift });
        }
        -shift
    }
}

impl Last {
    fn next(self, stamp: Stamp, now: i64) -> Self {
        let step = stamp.nanoseconds_since(self.stamp);
        let line = self.line + step;
        if step < -MISORDER || line > now.max(self.due) + LONGEST_STEP {
            return Self { stamp, line: now.max(self.due + self.interval), ..self };
        }
        let interval = if step > 0 { step.min(LONGEST_INTERVAL) } else { self.interval };
        Self { stamp, line, interval, ..self }
    }
}

impl Window {
    fn arrived(&mut self, ahead: i64) {
        let span = self.span.get_or_insert(Span { least: ahead, most: ahead });
        *span = Span { least: span.least.min(ahead), most: span.most.max(ahead) };
    }
}

impl Span {
    /// By how much to show earlier; less than zero: later, since all came late.
    fn picture(self, before: Self) -> i64 {
        if self.most < 0 {
            return self.most;
        }
        let bursts = self.most - self.least > JITTER;
        if bursts && self.least < 0 && before.least < 0 {
            return self.least.max(before.least).max(-BURST);
        }
        let reach = if bursts { self.least } else { self.most };
        if self.is_steady(before) { reach.max(0) } else { 0 }
    }

    fn sound(self, before: Self) -> i64 {
        let least = self.least.min(before.least);
        if least > WORTH_A_GAP && self.is_steady(before) { least - RESERVE } else { 0 }
    }

    /// Not further ahead than a while ago.
    fn is_steady(self, before: Self) -> bool {
        self.least - before.least <= DRIFT && self.most - before.most <= DRIFT
    }
}

fn nanoseconds(time: Duration) -> i64 {
    i64::try_from(time.as_nanos()).unwrap_or(i64::MAX / 4).min(i64::MAX / 4)
}

fn duration(nanoseconds: i64) -> Duration {
    Duration::from_nanos(nanoseconds.max(0).cast_unsigned())
}

#[cfg(test)]
mod tests;
