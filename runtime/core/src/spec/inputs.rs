//! What camera and microphone carry: each a source, with how its picture is brought into shape or where its sound goes.

use super::{FrameRate, Invalid, Location};

/// What camera and microphone carry. Absent members: a slate, silence.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Inputs {
    pub video: Option<VideoInput>,
    pub audio: Option<AudioInput>,
    /// Begin with black and silence.
    pub start_paused: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VideoInput {
    pub source: Source,
    pub shape: Shape,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AudioInput {
    pub source: Source,
    pub destination: Destination,
}

/// Where media comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    File(File),
    Stream(StreamUrl),
    /// MPEG-TS (video) or MP3 (audio) in the binary messages of a WebSocket.
    Socket,
    /// What one WebRTC peer sends.
    WebRtc,
}

impl Source {
    /// Every kind, as a document writes it.
    pub const KINDS: [&'static str; 4] = ["file", "stream", "socket", "webRtc"];
}

/// Media with an end, played at its own rate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File {
    pub location: Location,
    pub repeat: Repeat,
}

/// Media that goes on: a URL of a scheme that can be played.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct StreamUrl(String);

/// A source's picture before it is padded into the camera's. `None`: as the camera's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Shape {
    /// Pixels: width, height.
    pub size: Option<(u32, u32)>,
    pub frame_rate: Option<FrameRate>,
}

/// Where sound goes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Destination {
    #[default]
    Microphone,
    Speaker,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Repeat {
    Forever,
    Once,
}

impl StreamUrl {
    pub const SCHEMES: [&str; 7] = ["http", "https", "rtmp", "rtmps", "rtsp", "rtsps", "srt"];

    pub fn parse(field: &str, url: &str) -> Result<Self, Invalid> {
        let known = url.split_once("://").is_some_and(|(scheme, rest)| {
            Self::SCHEMES.contains(&scheme.to_ascii_lowercase().as_str()) && !rest.is_empty()
        });
        match known && !url.contains(char::is_whitespace) {
            true => Ok(Self(url.to_owned())),
            false => Err(Invalid::new(field, format!("must be a URL of {}", Self::SCHEMES.join(", ")))),
        }
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// In lower case.
    pub fn scheme(&self) -> String {
        self.0.split("://").next().unwrap_or_default().to_ascii_lowercase()
    }
}

impl Shape {
    /// The largest side that is decoded and scaled, in pixels.
    const LARGEST: u32 = 7680;

    /// Zero stands for the camera's, in each member; a size needs both sides.
    pub fn parse(field: &str, width: u32, height: u32, frame_rate: u32) -> Result<Self, Invalid> {
        for (name, side) in [("width", width), ("height", height)] {
            if side > Self::LARGEST {
                let most = Self::LARGEST;
                return Err(Invalid::new(
                    format!("{field}.{name}"),
                    format!("must be at most {most} pixels, got {side}"),
                ));
            }
        }
        let size = (width > 0 && height > 0).then_some((width, height));
        let frame_rate = match frame_rate {
            0 => None,
            rate => Some(FrameRate::parse(&format!("{field}.frameRate"), rate)?),
        };
        Ok(Self { size, frame_rate })
    }
}

impl Destination {
    /// Empty stands for the microphone.
    pub fn parse(field: &str, name: &str) -> Result<Self, Invalid> {
        match name.to_ascii_lowercase().as_str() {
            "" | "microphone" => Ok(Self::Microphone),
            "speaker" => Ok(Self::Speaker),
            _ => Err(Invalid::new(field, format!("must be Microphone or Speaker, got {name}"))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_urls_that_can_be_played_are_streams() {
        for url in ["http://a/b", "HTTPS://a", "rtmp://a/live/x", "rtsps://a", "srt://a:9000?streamid=x"] {
            assert!(StreamUrl::parse("url", url).is_ok(), "{url}");
        }
        for url in ["", "a", "http://", "file:///a", "ftp://a", "udp://a:1", "http://a b"] {
            assert_eq!(StreamUrl::parse("url", url).unwrap_err().field, "url", "{url}");
        }
    }

    #[test]
    fn a_shape_without_both_sides_is_the_cameras() {
        assert_eq!(Shape::parse("video", 0, 720, 0), Ok(Shape::default()));
        assert_eq!(Shape::parse("video", 641, 361, 0).unwrap().size, Some((641, 361)));
        assert_eq!(Shape::parse("video", 9000, 1, 0).unwrap_err().field, "video.width");
        assert_eq!(Shape::parse("video", 0, 0, 61).unwrap_err().field, "video.frameRate");
    }

    #[test]
    fn sound_goes_to_the_microphone_unless_told() {
        assert_eq!(Destination::parse("d", ""), Ok(Destination::Microphone));
        assert_eq!(Destination::parse("d", "speaker"), Ok(Destination::Speaker));
        assert!(Destination::parse("d", "nowhere").is_err());
    }
}
