//! Whether legs can be played, by what is known.
//!
//! | picture | leg |
//! |---|---|
//! | H.264, 4:2:0, 8 bit | copied; from FLV, MP4 and Matroska with its parameter sets written into it |
//! | the same with B-frames, with hardly any keyframes, or without parameter sets where they cannot be written into it | encoded |
//! | any other | encoded |
//! | none, or a cover | none |
//!
//! | sound | leg |
//! |---|---|
//! | Opus, mono or stereo | copied |
//! | any other | encoded |
//! | none | none: where a leg asks for what is not there, ffmpeg chooses what goes there, and encodes the picture once more |

use super::known::{Known, Medium, Picture};
use super::{AudioLeg, Legs, VideoLeg};

/// Other legs than those that run, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Better {
    pub legs: Legs,
    /// Of what is to be otherwise.
    pub reasons: Reasons,
}

/// Why picture and sound are sent as they are, each as a sentence without a full stop; empty: as they began.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reasons {
    pub picture: String,
    pub sound: String,
}

impl Reasons {
    /// With those of a later change, which keeps silent of what has stayed.
    #[must_use]
    pub fn then(self, later: Self) -> Self {
        let or = |later: String, before: String| if later.is_empty() { before } else { later };
        Self { picture: or(later.picture, self.picture), sound: or(later.sound, self.sound) }
    }

    /// For people.
    pub fn told(&self) -> String {
        let said: Vec<_> = [&*self.picture, &*self.sound].into_iter().filter(|why| !why.is_empty()).collect();
        said.join("; ")
    }
}

impl Legs {
    /// Other legs, if what is known shows that these cannot be played, or that there is nothing of what they ask for.
    ///
    /// `known` has all that the run says of its inputs (`Said::has_told_inputs`). Whatever is encoded stays so.
    pub fn better(&self, known: &Known) -> Option<Better> {
        if known.inputs.is_empty() {
            return None;
        }
        let (picture, sound) = (self.better_video(known), self.better_audio(known));
        if picture.is_none() && sound.is_none() {
            return None;
        }
        let why = |change: &Option<(Change, String)>| {
            change.as_ref().map(|(_, why)| why.clone()).unwrap_or_default()
        };
        let reasons = Reasons { picture: why(&picture), sound: why(&sound) };
        let legs = [picture, sound].into_iter().flatten().fold(*self, |legs, (change, _)| change.on(legs));
        Some(Better { legs: legs.learned(known), reasons })
    }

    /// These, once a run has shown whether there is sound.
    pub fn learned(self, known: &Known) -> Self {
        match known.sound() {
            Some((input, _)) => Self { has_sound: input == self.audio_input, ..self },
            None if known.inputs.is_empty() => self,
            None => Self { has_sound: false, ..self },
        }
    }

    fn better_video(&self, known: &Known) -> Option<(Change, String)> {
        let Some((input, medium, picture)) = known.picture() else {
            let is_new = self.video != VideoLeg::None;
            return is_new.then(|| (Change::Video(VideoLeg::None, 0), "there is no picture".to_owned()));
        };
        let (leg, why) = match self.is_forced {
            true => (VideoLeg::Encode, "the picture is encoded, as force_transcode says".to_owned()),
            false => wanted(medium, picture, known),
        };
        let leg = if self.video == VideoLeg::Encode { VideoLeg::Encode } else { leg };
        let leg = match (self.video, leg) {
            // Having written them into it was of no use.
            (VideoLeg::Copy { annex_b: true }, VideoLeg::Copy { .. })
                if known.packets.lacks_parameter_sets =>
            {
                VideoLeg::Encode
            }
            // It does no harm, and what it is for may come again.
            (VideoLeg::Copy { annex_b: true }, VideoLeg::Copy { .. }) => self.video,
            (_, leg) => leg,
        };
        let is_new = leg != self.video || input != self.video_input;
        is_new.then_some((Change::Video(leg, input), why))
    }

    fn better_audio(&self, known: &Known) -> Option<(Change, String)> {
        let Some((input, sound)) = known.sound() else {
            let is_new = self.audio != AudioLeg::None;
            let why = if self.has_sound { "there is no sound any more" } else { "there is no sound" };
            return is_new.then(|| (Change::Audio(AudioLeg::None, 0), why.to_owned()));
        };
        let is_playable = sound.codec == "opus" && sound.channels <= 2;
        let leg = match self.audio {
            AudioLeg::Copy | AudioLeg::None if is_playable && !self.is_forced => AudioLeg::Copy,
            _ => AudioLeg::Encode,
        };
        let why = if self.is_forced {
            "the sound is encoded, as force_transcode says".to_owned()
        } else if is_playable {
            format!("the sound is in input {input}")
        } else if sound.codec == "opus" {
            format!("the sound has {} channels, and WebRTC's has two at most", sound.channels)
        } else {
            format!("the sound is {}, which browsers do not play by WebRTC", sound.codec)
        };
        let is_new = leg != self.audio || input != self.audio_input;
        is_new.then_some((Change::Audio(leg, input), why))
    }
}

/// What is to be otherwise.
enum Change {
    Video(VideoLeg, usize),
    Audio(AudioLeg, usize),
}

impl Change {
    fn on(self, legs: Legs) -> Legs {
        match self {
            Self::Video(video, video_input) => Legs { video, video_input, ..legs },
            Self::Audio(audio, audio_input) => Legs { audio, audio_input, ..legs },
        }
    }
}

/// The leg for such a picture, if nothing has been tried yet, and why.
fn wanted(medium: &Medium, picture: &Picture, known: &Known) -> (VideoLeg, String) {
    let encode = |why: String| (VideoLeg::Encode, why);
    if picture.codec != "h264" {
        return encode(format!("the picture is {}, which viewers are not sent", picture.codec));
    }
    // Those of which browsers' decoders of H.264 know.
    if !matches!(picture.pixels.as_str(), "" | "yuv420p" | "yuvj420p" | "nv12") {
        return encode(format!("the picture's pixels are {}, which browsers do not play", picture.pixels));
    }
    if known.packets.has_b_frames {
        return encode("the picture has B-frames, which browsers do not play by WebRTC".to_owned());
    }
    if known.packets.has_rare_keyframes {
        return encode("the picture has too few keyframes for anybody to join".to_owned());
    }
    if medium.has_sets_apart(picture) && known.has_lost_filter {
        return encode(format!(
            "{} keeps the picture's parameter sets apart, and it is played again",
            medium.format
        ));
    }
    if medium.has_sets_apart(picture) {
        let why = format!("{} keeps the picture's parameter sets apart", medium.format);
        return (VideoLeg::Copy { annex_b: true }, why);
    }
    if known.packets.lacks_parameter_sets {
        return encode("the picture comes without parameter sets".to_owned());
    }
    (VideoLeg::Copy { annex_b: false }, "there is a picture again".to_owned())
}
