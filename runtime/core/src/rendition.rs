//! What a picture or sound is encoded as.
//!
//! A rendition is encoded once for all who ask for the same one. What is left open is as the session says, and follows it.

use crate::level::{Level, Load};
use crate::media::{AudioCodec, VideoCodec};
use crate::spec::{Bitrate, Choice, FrameRate, Resolution};

/// How much of a picture there is, for networks that carry less than all of it. A step takes its share of whatever the session
/// says, and follows that.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Step {
    /// Half the sides, at a quarter of the bitrate.
    Quarter,
    /// The same size, at half the bitrate.
    Half,
    #[default]
    Full,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Video {
    pub codec: VideoCodec,
    /// The picture is scaled; where its shape is another one, there are borders.
    pub size: Option<Resolution>,
    /// Pictures a second, at most: of a picture that rests there are fewer.
    pub frame_rate: Option<FrameRate>,
    pub bitrate: Option<Bitrate>,
    /// Of size and bitrate, where they are left open.
    pub step: Step,
    /// Its parameter sets stay as they are from first to last, as files have them: it is encoded here, also where what comes would fit.
    pub steady: bool,
}

/// A picture as it is encoded for whoever chooses nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Full {
    pub size: Resolution,
    pub frame_rate: FrameRate,
    pub bitrate: Bitrate,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Audio {
    pub codec: AudioCodec,
    pub bitrate: Option<Bitrate>,
}

/// A picture and its sound in one MPEG transport stream.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Transport {
    pub video: Video,
    pub audio: Audio,
}

impl Transport {
    /// H.264 and AAC: what players of transport streams take.
    pub fn h264() -> Self {
        let audio = Audio { codec: AudioCodec::Aac, ..Audio::default() };
        Self { audio, ..Self::default() }
    }

    /// MPEG-1 and its layer II, for players that are a script.
    pub fn mpeg1() -> Self {
        let video = Video { codec: VideoCodec::Mpeg1, ..Video::default() };
        let audio = Audio { codec: AudioCodec::Mp2, ..Audio::default() };
        Self { video, audio }
    }
}

impl Video {
    /// A picture of that size, made no larger than another.
    pub fn within(full: Resolution, most: Resolution) -> Self {
        let size = full.within(most);
        Self { size: (size != full).then_some(size), ..Self::default() }
    }

    /// As much of a picture, within that size, as a decoder of H.264 takes. What may have come as it is says level 3.1 by habit,
    /// whatever its size: for less than that it is encoded. None: too little for any.
    pub fn at_level(full: Full, most: Resolution, level: Level) -> Option<Self> {
        let whole = Full { size: full.size.within(most), ..full };
        let slow = Full { frame_rate: full.frame_rate.min(FrameRate::THIRTY), ..whole };
        let thin = Full { bitrate: full.bitrate.within(level.bits_a_second()), ..slow };
        let half = Full { size: whole.size.within(Resolution::HD.halved()), ..thin };
        let quarter = Full { size: whole.size.within(Resolution::HD.halved().halved()), ..thin };
        let taken = [whole, slow, thin, half, quarter].into_iter().find(|less| level.takes(less.load()))?;
        Some(Self {
            size: (taken.size != full.size).then_some(taken.size),
            frame_rate: (taken.frame_rate != full.frame_rate).then_some(taken.frame_rate),
            bitrate: (taken.bitrate != full.bitrate).then_some(taken.bitrate),
            steady: level < Level::HD,
            ..Self::default()
        })
    }

    /// As somebody chose it, where it leaves that open. A step is one of what they chose.
    #[must_use]
    pub fn or(self, choice: Choice) -> Self {
        let size = choice.size.map(|size| self.step.size(size));
        let bitrate = choice.bitrate.map(|bitrate| self.step.bitrate(bitrate));
        Self {
            size: self.size.or(size),
            frame_rate: self.frame_rate.or(choice.frame_rate),
            bitrate: self.bitrate.or(bitrate),
            ..self
        }
    }
}

impl Full {
    pub const fn load(self) -> Load {
        let Self { size, frame_rate, bitrate } = self;
        Load {
            width: size.width(),
            height: size.height(),
            pictures_a_second: frame_rate.per_second(),
            bits_a_second: bitrate.bits_per_second(),
        }
    }

    /// What of a choice makes it another picture: none is made larger or faster than it is, and who asks for all of it is given what
    /// everybody else is, and not the same encoded once more.
    pub fn limit(self, choice: Choice) -> Choice {
        let Choice { size, frame_rate, bitrate } = choice;
        Choice {
            size: size.map(|most| self.size.within(most)).filter(|size| *size != self.size),
            frame_rate: frame_rate.filter(|rate| rate.per_second() < self.frame_rate.per_second()),
            bitrate: bitrate.filter(|bitrate| *bitrate != self.bitrate),
        }
    }

    /// What is encoded for that choice.
    #[must_use]
    pub fn chosen(self, choice: Choice) -> Self {
        let Choice { size, frame_rate, bitrate } = self.limit(choice);
        Self {
            size: size.unwrap_or(self.size),
            frame_rate: frame_rate.unwrap_or(self.frame_rate),
            bitrate: bitrate.unwrap_or(self.bitrate),
        }
    }
}

impl Step {
    /// From the least to all.
    pub const ALL: [Self; 3] = [Self::Quarter, Self::Half, Self::Full];

    /// Into how many parts the bitrate is divided, of which it has one.
    pub const fn parts(self) -> u32 {
        match self {
            Self::Quarter => 4,
            Self::Half => 2,
            Self::Full => 1,
        }
    }

    pub fn size(self, full: Resolution) -> Resolution {
        match self {
            Self::Quarter => full.halved(),
            Self::Half | Self::Full => full,
        }
    }

    pub fn bitrate(self, full: Bitrate) -> Bitrate {
        full.divided(self.parts())
    }

    pub fn higher(self) -> Option<Self> {
        Self::ALL.into_iter().find(|other| *other > self)
    }

    /// The highest below it that is no more than that share of it; the least there is, if none is.
    pub fn within(self, share: f64) -> Option<Self> {
        let lower = || Self::ALL.into_iter().rev().filter(|other| *other < self);
        let fits = |other: &Self| f64::from(self.parts()) <= share * f64::from(other.parts());
        lower().find(fits).or_else(|| lower().next_back())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::Encoding;

    #[test]
    fn a_step_takes_its_share_of_bitrate_and_size() {
        let bitrate = Encoding::default().video;
        let of = |step: Step| (step.bitrate(bitrate).bits_per_second(), step.size(Resolution::HD).width());
        assert_eq!(Step::ALL.map(of), [(625_000, 640), (1_250_000, 1280), (2_500_000, 1280)]);
    }

    #[test]
    fn a_picture_is_made_smaller_in_its_shape_and_never_larger() {
        for (full, within) in [
            (size(1920, 1080), Some(size(1280, 720))),
            (size(1280, 720), None),
            (size(640, 480), None),
            (size(1080, 1920), Some(size(400, 704))),
            (size(3840, 1080), Some(size(1280, 360))),
            (size(1600, 1200), Some(size(960, 720))),
        ] {
            assert_eq!(Video::within(full, Resolution::HD).size, within, "{full:?}");
        }
    }

    fn size(width: u32, height: u32) -> Resolution {
        Resolution::parse("size", width, height).expect("a size")
    }

    fn rate(rate: u32) -> FrameRate {
        FrameRate::parse("rate", rate).expect("a rate")
    }

    fn full() -> Full {
        Full { size: Resolution::HD, frame_rate: rate(25), bitrate: Encoding::default().video }
    }

    #[test]
    fn who_asks_for_all_of_a_picture_or_more_asks_for_nothing_of_their_own() {
        let limited = |choice| full().limit(choice);
        let rates =
            [24, 25, 60].map(|asked| limited(Choice { frame_rate: Some(rate(asked)), ..Choice::default() }));
        assert_eq!(rates.map(|limited| limited.frame_rate), [Some(rate(24)), None, None]);
        let sizes = [(640, 640), (1280, 720), (3840, 2160)].map(|(width, height)| size(width, height));
        let sizes = sizes.map(|asked| limited(Choice { size: Some(asked), ..Choice::default() }).size);
        assert_eq!(sizes, [Some(size(640, 360)), None, None]);
        let same = Choice { bitrate: Some(full().bitrate), ..Choice::default() };
        assert_eq!(limited(same), Choice::default());
        assert_eq!(full().chosen(same), full());
    }

    #[test]
    fn a_decoder_is_given_no_more_than_its_level_takes_and_otherwise_what_everybody_is() {
        let bitrate =
            |bps| Bitrate::parse("bitrate", bps, full().bitrate, [1, 20_000_000]).expect("a bitrate");
        let hd = Full { frame_rate: rate(60), bitrate: bitrate(15_000_000), ..full() };
        let at = |full, idc| Video::at_level(full, Resolution::HD, Level::of_idc(idc));
        assert_eq!(at(full(), 31), Some(Video::default()));
        assert_eq!(
            at(Full { size: size(1920, 1080), ..full() }, 31),
            Some(Video::within(size(1920, 1080), Resolution::HD))
        );
        assert_eq!(at(hd, 32), Some(Video::default()));
        let slow = Some(rate(30));
        assert_eq!(
            at(Full { bitrate: full().bitrate, ..hd }, 31),
            Some(Video { frame_rate: slow, ..Video::default() })
        );
        let thin = Some(bitrate(7_500_000));
        assert_eq!(at(hd, 31), Some(Video { frame_rate: slow, bitrate: thin, ..Video::default() }));
        let half = Video { size: Some(size(640, 360)), steady: true, ..Video::default() };
        assert_eq!(at(full(), 30), Some(half));
        let small = Full { size: size(640, 360), ..full() };
        assert_eq!(
            at(small, 30),
            Some(Video { steady: true, ..Video::default() }),
            "what passes may say more"
        );
        assert_eq!(at(full(), 13).map(|video| video.size.map(Resolution::width)), Some(Some(312)));
        assert_eq!(at(full(), 10), None);
    }

    #[test]
    fn a_step_is_one_of_what_was_chosen() {
        let choice = Choice { size: Some(size(640, 360)), bitrate: Some(full().bitrate), frame_rate: None };
        let quarter = Video { step: Step::Quarter, ..Video::default() }.or(choice);
        assert_eq!(quarter.size.map(Resolution::width), Some(320));
        assert_eq!(quarter.bitrate.map(Bitrate::bits_per_second), Some(625_000));
        let given = Video { size: Some(size(320, 240)), ..Video::default() }.or(choice);
        assert_eq!(given.size, Some(size(320, 240)));
    }

    #[test]
    fn what_is_carried_decides_how_far_down() {
        for (from, share, to) in [
            (Step::Full, 0.99, Some(Step::Half)),
            (Step::Full, 0.5, Some(Step::Half)),
            (Step::Full, 0.49, Some(Step::Quarter)),
            (Step::Full, 0.0, Some(Step::Quarter)),
            (Step::Half, 0.9, Some(Step::Quarter)),
            (Step::Half, 0.1, Some(Step::Quarter)),
            (Step::Quarter, 0.1, None),
        ] {
            assert_eq!(from.within(share), to, "{share} of {from:?}");
        }
        assert_eq!(Step::ALL.map(Step::higher), [Some(Step::Half), Some(Step::Full), None]);
    }
}
