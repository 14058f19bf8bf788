//! What is known of a process's picture and sound.

use crate::process::config::{Config, Io};
use crate::process::said::{Kind, Place, Said, Stream};

/// What a run has shown, by its own lines and by the packets that came of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Known {
    /// Of each input by its index what ffmpeg said of it; not those of which it has not spoken to an end.
    pub inputs: Vec<Medium>,
    /// Of the packets of a copied picture.
    pub packets: Packets,
    /// Parameter sets cannot be written into the picture, or soon not any more.
    pub has_lost_filter: bool,
}

/// What there is in an input.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Medium {
    /// The container, as ffmpeg names it: `flv`, `mov,mp4,m4a,3gp,3g2,mj2`, `mpegts`.
    pub format: String,
    /// The first picture.
    pub picture: Option<Picture>,
    /// The first sound.
    pub sound: Option<Sound>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Picture {
    /// As ffmpeg names it: `h264`, `hevc`, `mpeg2video`.
    pub codec: String,
    /// How the container names the codec: `avc1`; empty when it is not said.
    pub tag: String,
    /// `yuv420p`; empty when it is not said.
    pub pixels: String,
    /// Not said: 0.
    pub width: u32,
    pub height: u32,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sound {
    /// As ffmpeg names it: `opus`, `aac`, `pcm_s16le`.
    pub codec: String,
    /// 0 when it is not said.
    pub channels: u8,
}

/// What the packets of a copied picture have shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Packets {
    /// Pictures that are shown in another order than they are sent in.
    pub has_b_frames: bool,
    /// A keyframe came without them, and none came before it.
    pub lacks_parameter_sets: bool,
    /// So few that nobody can join, or none.
    pub has_rare_keyframes: bool,
}

impl Known {
    pub fn of(said: &Said, packets: Packets) -> Self {
        let inputs = said.inputs().iter().map(Medium::of).collect();
        Self { inputs, packets, has_lost_filter: said.has_lost_filter() }
    }

    /// The same, if inputs may be played again and again: a filter of packets by ffmpeg 5 does not outlast the first time.
    pub fn played_as(mut self, said: &Said, config: &Config) -> Self {
        let major = said.version().and_then(|version| version.split('.').next()?.parse::<u32>().ok());
        let is_old = major.is_some_and(|major| major <= 5);
        let loops = |io: &Io| {
            let name = io.options.iter().position(|option| option == "-stream_loop");
            name.and_then(|name| io.options.get(name + 1)).is_some_and(|times| times != "0")
        };
        self.has_lost_filter |= is_old && config.input.iter().any(loops);
        self
    }

    /// The first input that has a picture.
    pub(super) fn picture(&self) -> Option<(usize, &Medium, &Picture)> {
        let mut inputs = self.inputs.iter().enumerate();
        inputs.find_map(|(index, medium)| Some((index, medium, medium.picture.as_ref()?)))
    }

    /// The first input that has sound.
    pub(super) fn sound(&self) -> Option<(usize, &Sound)> {
        let mut inputs = self.inputs.iter().enumerate();
        inputs.find_map(|(index, medium)| Some((index, medium.sound.as_ref()?)))
    }
}

impl Medium {
    fn of(place: &Place) -> Self {
        let first = |kind| place.streams.iter().find(|stream| stream.kind == kind);
        Self {
            format: place.format.clone(),
            // `0:v:0` is the first, and if that is a cover there is none that moves.
            picture: first(Kind::Video).filter(|stream| !stream.is_cover).map(Picture::of),
            sound: first(Kind::Audio)
                .map(|stream| Sound { codec: stream.codec.clone(), channels: stream.channels }),
        }
    }

    /// Whether its H.264 has its parameter sets apart from the stream.
    pub(super) fn has_sets_apart(&self, picture: &Picture) -> bool {
        const FORMATS: [&str; 4] = ["flv", "live_flv", "mov", "matroska"];
        picture.tag.eq_ignore_ascii_case("avc1")
            || self.format.split(',').any(|format| FORMATS.contains(&format))
    }
}

impl Picture {
    fn of(stream: &Stream) -> Self {
        Self {
            codec: stream.codec.clone(),
            tag: stream.tag.clone(),
            pixels: stream.pixels.clone(),
            width: stream.width,
            height: stream.height,
        }
    }
}

/// As [`Medium::has_sets_apart`], by the address alone.
pub(super) fn is_likely_apart(address: &str) -> bool {
    const ENDINGS: [&str; 5] = [".flv", ".mp4", ".m4v", ".mov", ".mkv"];
    let address = address.to_ascii_lowercase();
    let path = address.split(['?', '#']).next().unwrap_or_default();
    ["rtmp://", "rtmps://"].iter().any(|scheme| address.starts_with(scheme))
        || ENDINGS.iter().any(|ending| path.ends_with(ending))
}
