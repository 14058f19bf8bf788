//! RTP time of a broadcast: media timestamps and the sender reports that tie picture and sound together.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::media::Kind;

/// RFC 6184 §8.2.1.
pub const VIDEO_RATE_HZ: u32 = 90_000;
/// RFC 7587 §4.1: always 48 kHz, whatever was sampled.
pub const AUDIO_RATE_HZ: u32 = 48_000;

/// From 1900, where NTP begins, to 1970 (RFC 5905 §6).
const NTP_TO_UNIX: Duration = Duration::from_secs(2_208_988_800);

pub fn rate_hz(kind: Kind) -> u32 {
    match kind {
        Kind::Video => VIDEO_RATE_HZ,
        Kind::Audio => AUDIO_RATE_HZ,
    }
}

/// The RTP timestamp of a moment of the captured timeline.
pub fn timestamp(kind: Kind, pts: Duration, offset: u32) -> u32 {
    let ticks = pts.as_nanos() * u128::from(rate_hz(kind)) / 1_000_000_000;
    // RTP time is modulo 2^32 (RFC 3550 §5.1).
    (ticks as u32).wrapping_add(offset)
}

/// Ties the captured timeline to the clocks of this machine. One anchor serves picture and sound, so that their
/// reports agree and lips match words.
#[derive(Clone, Copy, Debug)]
pub struct Anchor {
    pub pts: Duration,
    pub instant: Instant,
    pub wall: SystemTime,
}

/// What a sender report says about one moment (RFC 3550 §6.4.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment {
    pub ntp: u64,
    pub rtp: u32,
}

/// More than any encoder's delay varies: the timeline has begun anew.
const BREAK: Duration = Duration::from_secs(2);

impl Anchor {
    /// Whether a frame that arrives now is of the timeline this anchor was taken from.
    pub fn holds(&self, pts: Duration, now: Instant) -> bool {
        let expected = self.pts + now.saturating_duration_since(self.instant);
        expected.abs_diff(pts) <= BREAK
    }

    pub fn moment(&self, kind: Kind, now: Instant, offset: u32) -> Moment {
        let elapsed = now.saturating_duration_since(self.instant);
        Moment { ntp: ntp(self.wall + elapsed), rtp: timestamp(kind, self.pts + elapsed, offset) }
    }
}

/// 32 bits of seconds since 1900, 32 bits of fraction.
fn ntp(at: SystemTime) -> u64 {
    let since = at.duration_since(UNIX_EPOCH).unwrap_or_default() + NTP_TO_UNIX;
    let fraction = (u64::from(since.subsec_nanos()) << 32) / 1_000_000_000;
    (since.as_secs() << 32) | fraction
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timestamps_advance_with_the_capture_and_not_with_a_frame_count() {
        let first = timestamp(Kind::Video, Duration::from_millis(1000), 7);
        let later = timestamp(Kind::Video, Duration::from_millis(1500), 7);
        assert_eq!(later.wrapping_sub(first), 45_000);
        assert_eq!(timestamp(Kind::Audio, Duration::from_millis(20), 0), 960);
    }

    #[test]
    fn timestamps_wrap_instead_of_failing() {
        let before = timestamp(Kind::Video, Duration::from_secs(0), u32::MAX);
        let after = timestamp(Kind::Video, Duration::from_secs(1), u32::MAX);
        assert_eq!(after.wrapping_sub(before), VIDEO_RATE_HZ);
    }

    #[test]
    fn an_anchor_holds_while_the_timeline_goes_on() {
        let start = Instant::now();
        let anchor = Anchor { pts: Duration::from_secs(10), instant: start, wall: UNIX_EPOCH };
        let later = start + Duration::from_secs(60);
        assert!(anchor.holds(Duration::from_millis(69_900), later));
        assert!(!anchor.holds(Duration::from_secs(1), later));
    }

    #[test]
    fn reports_of_picture_and_sound_name_the_same_moment() {
        let start = Instant::now();
        let anchor = Anchor {
            pts: Duration::from_secs(10),
            instant: start,
            wall: UNIX_EPOCH + Duration::from_secs(100),
        };
        let now = start + Duration::from_millis(2500);
        let picture = anchor.moment(Kind::Video, now, 0);
        let sound = anchor.moment(Kind::Audio, now, 0);
        assert_eq!(picture.ntp, sound.ntp);
        assert_eq!(picture.ntp >> 32, 100 + 2 + 2_208_988_800);
        assert_eq!(f64::from(picture.rtp) / 90_000.0, 12.5);
        assert_eq!(f64::from(sound.rtp) / 48_000.0, 12.5);
    }
}
