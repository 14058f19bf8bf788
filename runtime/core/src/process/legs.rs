//! The two outputs by which a process's picture and sound come to viewers: RTP to two ports of this machine.
//!
//! They begin as copies. What a run then says of its streams, and what arrives of it, tells whether those can be played; if
//! not, the next run encodes what has to be.
//!
//! An encoded picture has a keyframe every 60 frames, and ffmpeg cannot be asked for one: whoever joins in between is shown
//! what came since the last, which the receiver of the packets keeps.

mod better;
mod known;

use super::config::WebRtc;

pub use better::{Better, Reasons};
pub use known::{Known, Medium, Packets, Picture, Sound};

/// How the picture goes out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VideoLeg {
    Copy {
        /// Parameter sets are written into the stream, before each keyframe: FLV, MP4 and Matroska keep them apart.
        annex_b: bool,
    },
    Encode,
    /// There is no picture.
    None,
}

/// How the sound goes out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AudioLeg {
    /// As it is.
    Copy,
    Encode,
    /// There is no sound.
    None,
}

/// How a process's picture and sound go out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Legs {
    pub video: VideoLeg,
    pub audio: AudioLeg,
    /// Which input the picture is of.
    pub video_input: usize,
    /// Which input the sound is of.
    pub audio_input: usize,
    /// There was sound in it: a run without it is one that fails, and shows that there is none any more.
    pub has_sound: bool,
    /// Both are encoded whatever they are.
    pub is_forced: bool,
}

impl VideoLeg {
    /// `copy`, `transcode` or `none`.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Copy { .. } => "copy",
            Self::Encode => "transcode",
            Self::None => "none",
        }
    }
}

impl AudioLeg {
    /// `copy`, `transcode` or `none`.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Copy => "copy",
            Self::Encode => "transcode",
            Self::None => "none",
        }
    }
}

impl Legs {
    /// Those of a first run: copies, or encoders if that is asked for.
    pub const fn first(config: &WebRtc) -> Self {
        let (video, audio) = if config.force_transcode {
            (VideoLeg::Encode, AudioLeg::Encode)
        } else {
            (VideoLeg::Copy { annex_b: false }, AudioLeg::Copy)
        };
        let is_forced = config.force_transcode;
        Self { video, audio, video_input: 0, audio_input: 0, has_sound: false, is_forced }
    }

    /// Those of a first run that are likely to be right: RTMP and files carry H.264 without its parameter sets in the stream.
    /// If it is none, the run says so and ends, as one that began otherwise would.
    pub fn likely(config: &WebRtc, address: &str) -> Self {
        let mut legs = Self::first(config);
        if let VideoLeg::Copy { annex_b } = &mut legs.video {
            *annex_b = known::is_likely_apart(address);
        }
        legs
    }

    /// What becomes of picture and sound, by what is known of them: `copy`, `transcode` or `none` of each.
    pub fn words(&self, known: &Known) -> [&'static str; 2] {
        let is_silent = !known.inputs.is_empty() && known.sound().is_none();
        let audio = if is_silent { AudioLeg::None } else { self.audio };
        [self.video.word(), audio.word()]
    }

    /// ffmpeg's arguments: they stand after all others. The picture goes to `video_port` of 127.0.0.1, the sound to `audio_port`.
    pub fn arguments(&self, config: &WebRtc, video_port: u16, audio_port: u16) -> Vec<String> {
        let mut arguments = Vec::new();
        let video: Option<&[&str]> = match self.video {
            VideoLeg::Copy { annex_b: false } => Some(&["copy"]),
            VideoLeg::Copy { annex_b: true } => Some(&["copy", "-bsf:v", "h264_mp4toannexb"]),
            VideoLeg::Encode => Some(&ENCODED_PICTURE),
            VideoLeg::None => None,
        };
        if let Some(codec) = video {
            let map = format!("{}:v:0", self.video_input);
            arguments.extend(leg(&map, "-c:v", codec, config.video_pt, video_port));
        }
        let audio: Option<&[&str]> = match self.audio {
            AudioLeg::Copy => Some(&["copy"]),
            AudioLeg::Encode => Some(&ENCODED_SOUND),
            AudioLeg::None => None,
        };
        if let Some(codec) = audio {
            let optional = if self.has_sound { "" } else { "?" };
            let map = format!("{}:a:0{optional}", self.audio_input);
            arguments.extend(leg(&map, "-c:a", codec, config.audio_pt, audio_port));
        }
        arguments
    }
}

/// Sides of 4:2:0 are even: what is not loses a line.
const ENCODED_PICTURE: [&str; 13] = [
    "libx264",
    "-preset",
    "veryfast",
    "-profile:v",
    "baseline",
    "-pix_fmt",
    "yuv420p",
    "-tune",
    "zerolatency",
    "-g",
    "60",
    "-vf",
    "crop=trunc(iw/2)*2:trunc(ih/2)*2:0:0",
];

/// Two channels: WebRTC's Opus has no more (RFC 7587 §6.1).
const ENCODED_SOUND: [&str; 5] = ["libopus", "-b:a", "96k", "-ac", "2"];

fn leg(map: &str, option: &str, codec: &[&str], payload_type: u8, port: u16) -> Vec<String> {
    let address = format!("udp://127.0.0.1:{port}?pkt_size=1316");
    let payload_type = payload_type.to_string();
    let before = ["-map", map, option].into_iter().chain(codec.iter().copied());
    let after = ["-payload_type", &payload_type, "-f", "rtp", &address];
    before.chain(after).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests;
