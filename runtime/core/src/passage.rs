//! What goes out as it came, without being decoded and encoded: which H.264 and Opus fit, and when a picture that can be decoded alone
//! comes by itself.

use std::time::Duration;

use bytes::{BufMut, Bytes, BytesMut};

use crate::fanout::h264;
use crate::level::{Level, Load};
use crate::spec::{Bitrate, FrameRate, Resolution};

/// For a picture that can be decoded alone nobody waits longer: an encoder is faster.
pub const PATIENCE: Duration = Duration::from_millis(250);

/// By so much more than what was asked for a group of pictures may take: encoders vary, and so does what is shown.
const MORE_PERCENT: u64 = 25;

/// What a bitrate is taken over: from one picture that can be decoded alone to another, no less than the first and about no more than
/// the second.
const LEAST_SPAN: Duration = Duration::from_secs(1);
const LONGEST_SPAN: Duration = Duration::from_secs(4);

/// H.264 as its stream describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Picture<'a> {
    /// As GStreamer calls it.
    pub profile: &'a str,
    /// The same; none where it does not say.
    pub level: Option<&'a str>,
    /// Pixels: width, height.
    pub size: (u32, u32),
    /// Pictures a second, as a fraction; none where it does not say, or where they come as they like.
    pub frame_rate: Option<(u32, u32)>,
    /// Its pixels are square.
    pub square: bool,
    /// Its pictures are whole ones.
    pub progressive: bool,
}

/// What the picture is to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wanted {
    pub size: Resolution,
    pub frame_rate: FrameRate,
}

/// Why it has to be encoded.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    #[error("its profile is {0}, and not constrained-baseline")]
    Profile(String),
    #[error("its level is {0}, and what is shown needs {1}")]
    Level(Level, Level),
    #[error("it has {0}×{1} pixels, and {2}×{3} are to be shown")]
    Size(u32, u32, u32, u32),
    #[error("it has {0}/{1} pictures a second, and {2} are to be shown")]
    FrameRate(u32, u32, u32),
    #[error("its pixels are not square")]
    Pixels,
    #[error("it is interlaced")]
    Interlaced,
}

impl Picture<'_> {
    /// Whether whoever was promised a picture of ours can take this one.
    pub fn fits(&self, wanted: Wanted) -> Result<(), Unfit> {
        let ((width, height), size) = (self.size, wanted.size);
        let most = wanted.frame_rate.per_second();
        let level = self.level.and_then(Level::parse).filter(|level| *level > wanted.level());
        if let Some(level) = level {
            return Err(Unfit::Level(level, wanted.level()));
        }
        match self.frame_rate {
            _ if self.profile != "constrained-baseline" => Err(Unfit::Profile(self.profile.to_owned())),
            _ if (width, height) != (size.width(), size.height()) => {
                Err(Unfit::Size(width, height, size.width(), size.height()))
            }
            _ if !self.square => Err(Unfit::Pixels),
            _ if !self.progressive => Err(Unfit::Interlaced),
            Some((count, seconds)) if u64::from(count) > u64::from(most) * u64::from(seconds.max(1)) => {
                Err(Unfit::FrameRate(count, seconds, most))
            }
            _ => Ok(()),
        }
    }
}

impl Wanted {
    /// What whoever takes it was promised: what it needs, and 3.1 at least, which everybody says by habit.
    fn level(self) -> Level {
        let (width, height) = (self.size.width(), self.size.height());
        let load = Load { width, height, pictures_a_second: self.frame_rate.per_second(), bits_a_second: 0 };
        Level::of(load).max(Level::HD)
    }
}

/// When units come that can be decoded alone, and how much comes.
#[derive(Clone, Debug)]
pub struct Groups {
    most: Bitrate,
    most_a_second: Option<FrameRate>,
    /// When the last began.
    began: Option<Duration>,
    /// How long the one before it was.
    length: Option<Duration>,
    span: Span,
    fits: bool,
}

/// What came since.
#[derive(Clone, Copy, Debug, Default)]
struct Span {
    since: Option<Duration>,
    units: u64,
    bytes: u64,
}

impl Groups {
    /// At most about so much, and so many a second.
    pub fn within(most: Bitrate, most_a_second: Option<FrameRate>) -> Self {
        Self { most, most_a_second, began: None, length: None, span: Span::default(), fits: true }
    }

    /// A unit of so many bytes comes. Whether what came lately is no more than that.
    pub fn add(&mut self, at: Duration, key: bool, bytes: usize) -> bool {
        let since = self.span.since.unwrap_or(at);
        let lasted = at.saturating_sub(since);
        if lasted >= LONGEST_SPAN || key && lasted >= LEAST_SPAN {
            self.fits = self.takes(lasted);
            self.span = Span { since: Some(at), ..Span::default() };
        }
        self.span.since.get_or_insert(at);
        self.span.units += 1;
        self.span.bytes += bytes as u64;
        if key {
            self.length = self.began.map(|began| at.saturating_sub(began));
            self.began = Some(at);
        }
        self.fits
    }

    /// Whether the next that can be decoded alone is worth waiting for.
    pub fn next_is_near(&self, now: Duration) -> bool {
        let next = self.began.zip(self.length).map(|(began, length)| began + length);
        next.is_some_and(|next| next.saturating_sub(now) <= PATIENCE && now.saturating_sub(next) <= PATIENCE)
    }

    fn takes(&self, lasted: Duration) -> bool {
        let more = |most: u32| u128::from(most) * u128::from(100 + MORE_PERCENT) / 100;
        let a_second = |count: u64| u128::from(count) * 1000 / lasted.as_millis().max(1);
        let rate = self.most_a_second.map(FrameRate::per_second);
        a_second(self.span.bytes * 8) <= more(self.most.bits_per_second())
            && rate.is_none_or(|most| a_second(self.span.units) <= more(most))
    }
}

/// An access unit as others of ours are, and whether it can be decoded alone: with neither delimiters nor filler, which say nothing to
/// who is given whole units, and an IDR picture (an I-picture alone may be followed by what builds on pictures before it).
pub fn access_unit(stream: Bytes) -> (Bytes, bool) {
    const START: [u8; 4] = [0, 0, 0, 1];
    let kind = |unit: &Bytes| unit.first().map_or(h264::FILLER, |header| header & 0x1f);
    let says = |unit: &Bytes| !matches!(kind(unit), h264::DELIMITER | h264::FILLER);
    let (mut alone, mut whole) = (false, true);
    for unit in h264::units(&stream) {
        alone |= kind(&unit) == h264::IDR;
        whole &= says(&unit);
    }
    if whole {
        return (stream, alone);
    }
    let mut out = BytesMut::with_capacity(stream.len());
    for unit in h264::units(&stream).filter(says) {
        out.put_slice(&START);
        out.put_slice(&unit);
    }
    (out.freeze(), alone)
}

/// How long an Opus packet lasts (RFC 6716 §3.1). None: it is no packet.
pub fn opus_duration(packet: &[u8]) -> Option<Duration> {
    let (toc, rest) = packet.split_first()?;
    let tenths = |each: [u32; 4]| each[usize::from(toc >> 3 & 3)];
    // Tenths of a millisecond.
    let frame = match toc >> 3 {
        0..=11 => tenths([100, 200, 400, 600]),
        12..=15 => {
            if toc >> 3 & 1 == 0 {
                100
            } else {
                200
            }
        }
        _ => tenths([25, 50, 100, 200]),
    };
    let frames = match toc & 3 {
        0 => 1,
        1 | 2 => 2,
        _ => u32::from(rest.first()? & 0x3f),
    };
    let duration = Duration::from_micros(100) * frame * frames;
    (!duration.is_zero() && duration <= Duration::from_millis(120)).then_some(duration)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::Encoding;

    fn picture() -> Picture<'static> {
        Picture {
            profile: "constrained-baseline",
            level: Some("3.1"),
            size: (1280, 720),
            frame_rate: Some((30, 1)),
            square: true,
            progressive: true,
        }
    }

    #[test]
    fn what_is_as_our_own_fits_and_what_does_not_says_why() {
        let wanted = Wanted { size: Resolution::HD, frame_rate: FrameRate::THIRTY };
        let why = |picture: Picture<'_>| picture.fits(wanted).map_err(|unfit| unfit.to_string());
        assert_eq!(why(picture()), Ok(()));
        assert_eq!(why(Picture { frame_rate: Some((30_000, 1001)), ..picture() }), Ok(()));
        assert_eq!(why(Picture { frame_rate: None, ..picture() }), Ok(()));
        assert_eq!(why(Picture { level: None, ..picture() }), Ok(()));
        let fast = Wanted { frame_rate: FrameRate::parse("rate", 60).unwrap(), ..wanted };
        assert_eq!(Picture { level: Some("3.2"), ..picture() }.fits(fast), Ok(()));
        for (unfit, says) in [
            (Picture { profile: "high", ..picture() }, "high"),
            (Picture { level: Some("4"), ..picture() }, "level is 4, and what is shown needs 3.1"),
            (Picture { size: (1280, 718), ..picture() }, "1280×718"),
            (Picture { frame_rate: Some((60, 1)), ..picture() }, "60/1"),
            (Picture { square: false, ..picture() }, "square"),
            (Picture { progressive: false, ..picture() }, "interlaced"),
        ] {
            assert!(why(unfit.clone()).is_err_and(|why| why.contains(says)), "{unfit:?}");
        }
    }

    const fn at(milliseconds: u64) -> Duration {
        Duration::from_millis(milliseconds)
    }

    fn groups() -> Groups {
        Groups::within(Encoding::default().video, Some(FrameRate::THIRTY))
    }

    /// What is said last of so many bytes a second for nine seconds, in so many units a second of which each so manieth can be decoded
    /// alone.
    fn said(bytes: u64, units: u64, alone: u64) -> bool {
        let mut groups = groups();
        let add =
            |number| groups.add(at(number * 1000 / units), number % alone == 0, (bytes / units) as usize);
        (0..=units * 9).map(add).last().expect("there are some")
    }

    #[test]
    fn a_quarter_more_may_come_than_was_asked_for_however_it_is_grouped() {
        for alone in [1, 10, 60, 100_000] {
            assert!(said(2_500_000 / 8, 30, alone) && said(3_100_000 / 8, 30, alone), "{alone}");
            assert!(!said(3_200_000 / 8, 30, alone), "{alone}");
            assert!(said(1_000_000 / 8, 37, alone) && !said(1_000_000 / 8, 50, alone), "{alone}");
        }
    }

    #[test]
    fn what_takes_less_again_fits_again() {
        let mut groups = groups();
        let mut second = |number: u64, bytes| groups.add(at(number * 1000), true, bytes);
        assert!(second(0, 400_000));
        assert!(!second(1, 100_000) && second(2, 400_000) && !second(3, 0));
    }

    #[test]
    fn the_next_group_is_waited_for_if_it_comes_about_now() {
        let mut groups = groups();
        assert!(!groups.next_is_near(at(0)), "nothing is known yet");
        for number in 0..=40_u64 {
            groups.add(at(number * 100), number % 20 == 0, 1);
        }
        let near = |milliseconds| groups.next_is_near(at(milliseconds));
        assert!(!near(4_100) && !near(5_700) && near(5_800) && near(6_100), "it began at 4 s, and lasts 2 s");
        assert!(!near(6_300), "it should have come");
    }

    #[test]
    fn an_access_unit_is_an_idr_picture_or_not_and_has_no_delimiters() {
        let unit = |kinds: &[u8]| {
            let units = kinds.iter().map(|kind| [&[0, 0, 0, 1, *kind][..], &[7]].concat());
            Bytes::from(units.flatten().collect::<Vec<_>>())
        };
        assert_eq!(access_unit(unit(&[0x67, 0x68, 0x65])), (unit(&[0x67, 0x68, 0x65]), true));
        assert_eq!(access_unit(unit(&[9, 6, 0x61, 12])), (unit(&[6, 0x61]), false));
    }

    #[test]
    fn an_opus_packet_says_how_long_it_is() {
        let milliseconds = |packet: &[u8]| opus_duration(packet).map(|duration| duration.as_micros() / 100);
        for (packet, lasts) in [
            (&[0b1111_1100_u8][..], Some(200)),
            (&[0b1111_1101], Some(400)),
            (&[0b1110_0011, 3], Some(75)),
            (&[0b0000_0000], Some(100)),
            (&[0b0001_1000], Some(600)),
            (&[0b0110_0000], Some(100)),
            (&[0b0110_1000], Some(200)),
            (&[0b1111_1111, 48], None),
            (&[0b1111_1111], None),
            (&[], None),
        ] {
            assert_eq!(milliseconds(packet), lasts, "{packet:?}");
        }
    }
}
