//! How long a sender's picture and sound are held, so that both are played as they were captured.
//!
//! Sender reports tie the timestamps of each stream to one clock of the sender (RFC 3550 §6.4.1, RFC 8834 §4.9). By how much
//! that clock differs from ours is unknown, and cancels out: only how much longer one of the two is under way counts. A sound
//! that is held anew is heard to break off, a picture is not seen to: the picture follows each change in small steps, the
//! sound is held only where the picture would have to be shown before it came.

mod line;

use std::time::Duration;

use crate::fanout::clock::Moment;
use crate::media::Kind;
use line::{Line, Told};

/// Reports of more than this are not believed: nobody captures and sends as far apart, but there are clocks that are wrong.
pub const MOST: Duration = Duration::from_millis(500);
/// A picture's hold changes by no more than this part of the time since the last look: 10 ms in a fifth of a second, which nobody
/// sees.
const SLEW: i64 = 20;
/// A sound that is ahead of its picture by so little is not noticed, and less than half of what is (ITU-R BT.1359-1: 45 ms).
const UNNOTICED: i64 = 20_000_000;
/// What a held sound is held longer than it must, so that its picture may come a little later yet.
const RESERVE: i64 = 20_000_000;
/// Sound that is held longer than it must by this, and for so long, is worth a break.
const SPARE: i64 = 100_000_000;
const SPARE_FOR: Duration = Duration::from_secs(10);

/// What is known of one sender. Times are those of one clock, whichever it is.
#[derive(Clone, Copy, Debug)]
pub struct LipSync {
    base: i64,
    video: Line,
    audio: Line,
    /// From which NTP times are counted: the first that was told.
    origin: Option<u64>,
    /// Nanoseconds.
    picture: i64,
    sound: i64,
    /// When the holds were looked at; none as long as nothing was known.
    looked: Option<Duration>,
    spare_since: Option<Duration>,
}

/// How long each is held after it came. What all sound is held for anyway is not in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Holds {
    pub picture: Duration,
    pub sound: Duration,
}

/// How much later than its picture the sound is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lag {
    nanoseconds: i64,
}

impl LipSync {
    /// `base`: for how long all sound is held before it is played, and pictures until more is known.
    pub fn new(base: Duration) -> Self {
        let base = nanoseconds(base);
        let (video, audio) = (Line::new(Kind::Video), Line::new(Kind::Audio));
        Self { base, video, audio, origin: None, picture: base, sound: 0, looked: None, spare_since: None }
    }

    /// A packet came, with that timestamp.
    pub fn arrived(&mut self, kind: Kind, timestamp: u32, at: Duration) {
        if self.line(kind).arrived(timestamp, nanoseconds(at)) == Told::Breaks {
            self.doubt_reports(None);
        }
    }

    /// Sound with that timestamp is played as if it had come at that time, not counting what it is held. To be told a few times a
    /// second.
    pub fn played(&mut self, timestamp: u32, at: Duration) {
        self.audio.played(timestamp, nanoseconds(at));
    }

    /// The sender reports of the stream of that kind, of which something came before.
    pub fn reported(&mut self, kind: Kind, moment: Moment) {
        // What a sender says that knows no time (RFC 3550 §6.4.1).
        if moment.ntp == 0 {
            return;
        }
        let origin = *self.origin.get_or_insert(moment.ntp);
        let ntp = from_ntp(moment.ntp.wrapping_sub(origin).cast_signed());
        if self.line(kind).reported(ntp, moment.rtp) == Told::Breaks {
            self.doubt_reports(Some(kind));
        }
    }

    /// The stream of that kind is over. What is held stays so until the next is known.
    pub fn forget(&mut self, kind: Kind) {
        *self.line(kind) = Line::new(kind);
    }

    /// None: reports of both kinds, and packets of a second, have not come yet.
    pub fn lag(&self) -> Option<Lag> {
        Some(Lag { nanoseconds: self.audio.under_way()?.saturating_sub(self.video.under_way()?) })
    }

    /// To be asked for a few times a second: how long each is held from now on.
    pub fn holds(&mut self, now: Duration) -> Holds {
        match self.lag() {
            Some(lag) => {
                // Where no report is believed it is as if there were none.
                let later = if lag.is_believed() { lag.nanoseconds + self.audio.played_late() } else { 0 };
                self.follow(self.base + later, now);
            }
            // No time in which nothing is known makes for a larger step, or for a sound that has long been held for nothing.
            None => (self.looked, self.spare_since) = (self.looked.map(|_| now), None),
        }
        Holds { picture: duration(self.picture), sound: duration(self.sound) }
    }

    /// `ahead`: for how long a picture would have to wait for a sound that is not held. Below zero it is the other way round.
    fn follow(&mut self, ahead: i64, now: Duration) {
        let sound = self.sound_hold(-ahead, now);
        let before = std::mem::replace(&mut self.sound, sound);
        let picture = (ahead + self.sound).clamp(0, self.base + nanoseconds(MOST));
        self.picture = match self.looked.replace(now) {
            None => picture,
            Some(looked) => {
                let most = nanoseconds(now.saturating_sub(looked)) / SLEW;
                // It goes along with a sound that is held for less, which it was held for. One that is held for more is to come
                // to the picture.
                let from = (self.picture + (self.sound - before).min(0)).max(0);
                from + (picture - from).clamp(-most, most)
            }
        };
    }

    /// `least`: for how long the sound must be held if the picture is not at all.
    fn sound_hold(&mut self, least: i64, now: Duration) -> i64 {
        let wanted = if least > UNNOTICED { least + RESERVE } else { 0 };
        if least > self.sound + UNNOTICED {
            self.spare_since = None;
            return wanted;
        }
        if self.sound - wanted < SPARE {
            self.spare_since = None;
            return self.sound;
        }
        let since = *self.spare_since.get_or_insert(now);
        if now.saturating_sub(since) < SPARE_FOR {
            return self.sound;
        }
        self.spare_since = None;
        wanted
    }

    /// A clock was set, or timestamps begin anew: how the two belong together is unknown until both have reported since.
    fn doubt_reports(&mut self, but: Option<Kind>) {
        for kind in [Kind::Video, Kind::Audio] {
            if but != Some(kind) {
                self.line(kind).forget_reports();
            }
        }
    }

    const fn line(&mut self, kind: Kind) -> &mut Line {
        match kind {
            Kind::Video => &mut self.video,
            Kind::Audio => &mut self.audio,
        }
    }
}

impl Lag {
    /// Below zero: the picture is later.
    pub fn seconds(self) -> f64 {
        self.nanoseconds as f64 / 1e9
    }

    pub fn is_believed(self) -> bool {
        self.nanoseconds.saturating_abs() <= nanoseconds(MOST)
    }
}

/// From 2^-32 seconds.
fn from_ntp(difference: i64) -> i64 {
    // At most 2^31 seconds.
    ((i128::from(difference) * 1_000_000_000) >> 32) as i64
}

fn nanoseconds(time: Duration) -> i64 {
    i64::try_from(time.as_nanos()).unwrap_or(i64::MAX / 4).min(i64::MAX / 4)
}

fn duration(nanoseconds: i64) -> Duration {
    Duration::from_nanos(nanoseconds.max(0).cast_unsigned())
}

#[cfg(test)]
mod tests;
