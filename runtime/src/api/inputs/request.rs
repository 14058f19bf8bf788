//! What a caller wants camera and microphone to carry, parsed into inputs that can be run.
//!
//! Messages without a field's path are the source system's own words.

use serde::Deserialize;
use understudy_core::input::Protocol;
use understudy_core::media::Kind;
use understudy_core::spec::{
    AudioInput, Destination, File, FrameRate, Inputs, Invalid, Location, Repeat, Resolution, Shape, Source,
    StreamUrl, VideoInput,
};
use utoipa::ToSchema;

use crate::api::protocol::{format, name};

/// What camera and microphone shall carry. Fields that are not known are ignored.
#[derive(Clone, Default, Deserialize, ToSchema)]
pub struct Configure {
    pub video: Option<Video>,
    pub audio: Option<Audio>,
    /// Begin with a black picture and silence. Default: false.
    pub start_paused: Option<bool>,
}

/// What the camera shows.
#[derive(Clone, Default, Deserialize, ToSchema)]
pub struct Video {
    /// `stream`, `file`, `socket` or `webrtc`, in upper or lower case.
    #[schema(example = "file")]
    pub r#type: Option<String>,
    /// Where a stream or a file is. A file may be a path, `file:///…`, `understudy:NAME`, or at an http(s) URL.
    #[schema(example = "understudy:test-picture")]
    pub url: Option<String>,
    /// For `socket` only `mpegts`, for `webrtc` only `ivf`. Streams and files tell themselves.
    pub format: Option<String>,
    /// Pixels; missing or below 1: the camera's.
    #[schema(maximum = 7680, example = 1280)]
    pub width: Option<i64>,
    /// Pixels; missing or below 1: the camera's.
    #[schema(maximum = 7680, example = 720)]
    pub height: Option<i64>,
    /// Frames a second; missing or below 1: the camera's.
    #[schema(maximum = 60, example = 30)]
    pub frame_rate: Option<i64>,
    /// Whether a file begins anew at its end. Default: true.
    pub r#loop: Option<bool>,
}

/// What the microphone hears, or the speaker plays.
#[derive(Clone, Default, Deserialize, ToSchema)]
pub struct Audio {
    /// `stream`, `file`, `socket` or `webrtc`, in upper or lower case.
    #[schema(example = "file")]
    pub r#type: Option<String>,
    /// Where a stream or a file is, as of the picture.
    #[schema(example = "understudy:test-picture")]
    pub url: Option<String>,
    /// For `socket` only `mp3`, for `webrtc` only `ogg`. Streams and files tell themselves.
    pub format: Option<String>,
    /// `microphone` (default) or `speaker`.
    pub destination: Option<String>,
    /// Whether a file begins anew at its end. Default: true.
    pub r#loop: Option<bool>,
}

/// Why a request cannot be carried out; the caller's fault, all of them.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    #[error("either video or audio source must be provided")]
    NothingGiven,
    #[error("{} source type is required", .0.media())]
    TypeRequired(Kind),
    #[error("{} URL must be provided when {} source is set", .0.media(), .0.media())]
    UrlRequired(Kind),
    #[error("unsupported {0} format for realtime ingest: expected {1}, got {2}")]
    Format(&'static str, String, String),
    #[error(transparent)]
    Invalid(#[from] Invalid),
}

impl Configure {
    /// `camera` stands in for a side that is not given.
    pub fn parse(&self, camera: Resolution) -> Result<Inputs, Fault> {
        if self.video.is_none() && self.audio.is_none() {
            return Err(Fault::NothingGiven);
        }
        Ok(Inputs {
            video: self.video.as_ref().map(|video| video.parse(camera)).transpose()?,
            audio: self.audio.as_ref().map(Audio::parse).transpose()?,
            start_paused: self.start_paused.unwrap_or_default(),
        })
    }
}

impl Video {
    fn parse(&self, camera: Resolution) -> Result<VideoInput, Fault> {
        let given = Given { kind: Kind::Video, url: &self.url, format: &self.format, repeat: self.r#loop };
        let source = given.source(&self.r#type)?;
        let (width, height) = match (count(self.width), count(self.height)) {
            (0, 0) => (0, 0),
            (width, 0) => (width, camera.height()),
            (0, height) => (camera.width(), height),
            both => both,
        };
        let size = Shape::parse("video", width, height, 0)?.size;
        let frame_rate = match count(self.frame_rate) {
            0 => None,
            rate => Some(FrameRate::parse("video.frame_rate", rate)?),
        };
        Ok(VideoInput { source, shape: Shape { size, frame_rate } })
    }
}

impl Audio {
    fn parse(&self) -> Result<AudioInput, Fault> {
        let given = Given { kind: Kind::Audio, url: &self.url, format: &self.format, repeat: self.r#loop };
        let source = given.source(&self.r#type)?;
        let destination = match plain(&self.destination).as_str() {
            "" | "microphone" => Destination::Microphone,
            "speaker" => Destination::Speaker,
            other => {
                let reason = format!("must be microphone or speaker, got {other}");
                return Err(Invalid::new("audio.destination", reason).into());
            }
        };
        Ok(AudioInput { source, destination })
    }
}

/// What picture and sound have in common.
struct Given<'a> {
    kind: Kind,
    url: &'a Option<String>,
    format: &'a Option<String>,
    repeat: Option<bool>,
}

impl Given<'_> {
    fn source(&self, kind_of_source: &Option<String>) -> Result<Source, Fault> {
        match plain(kind_of_source).as_str() {
            "" => Err(Fault::TypeRequired(self.kind)),
            "stream" => Ok(Source::Stream(StreamUrl::parse(&self.field("url"), self.url()?)?)),
            "file" => Ok(Source::File(self.file()?)),
            "socket" => self.sent(Protocol::Socket, Source::Socket),
            "webrtc" => self.sent(Protocol::WebRtc, Source::WebRtc),
            other => {
                let reason = format!("must be stream, file, socket or webrtc, got {other}");
                Err(Invalid::new(self.field("type"), reason).into())
            }
        }
    }

    fn file(&self) -> Result<File, Fault> {
        let (field, url) = (self.field("url"), self.url()?);
        let location = match url.starts_with('/') {
            true => Location::path(&field, url)?,
            false => Location::parse(&field, url)?,
        };
        let repeat = if self.repeat.unwrap_or(true) { Repeat::Forever } else { Repeat::Once };
        Ok(File { location, repeat })
    }

    /// Each way of sending has one format.
    fn sent(&self, protocol: Protocol, source: Source) -> Result<Source, Fault> {
        let (given, expected) = (plain(self.format), format(protocol, self.kind));
        if given.is_empty() || given == expected {
            return Ok(source);
        }
        let kind = self.kind.media();
        let expected = format!("{expected} for {} {kind}", name(protocol));
        Err(Fault::Format(kind, expected, given))
    }

    fn url(&self) -> Result<&str, Fault> {
        let url = self.url.as_deref().map(str::trim).filter(|url| !url.is_empty());
        url.ok_or(Fault::UrlRequired(self.kind))
    }

    fn field(&self, name: &str) -> String {
        format!("{}.{name}", self.kind.media())
    }
}

/// Trimmed, in lower case; empty if there is none.
fn plain(text: &Option<String>) -> String {
    text.as_deref().unwrap_or_default().trim().to_ascii_lowercase()
}

/// Missing and below 1 is 0, which stands for the default.
fn count(value: Option<i64>) -> u32 {
    u32::try_from(value.unwrap_or_default().max(0)).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(body: serde_json::Value) -> Result<Inputs, String> {
        let configure: Configure = serde_json::from_value(body).unwrap();
        configure.parse(Resolution::HD).map_err(|fault| fault.to_string())
    }

    macro_rules! parse {
        ($($body:tt)+) => { parse(serde_json::json!($($body)+)) };
    }

    #[test]
    fn what_is_missing_or_wrong_is_told_in_the_source_systems_words() {
        for (body, message) in [
            ("{}", "either video or audio source must be provided"),
            (r#"{"video":{}}"#, "video source type is required"),
            (r#"{"audio":{"type":" "}}"#, "audio source type is required"),
            (r#"{"video":{"type":"stream"}}"#, "video URL must be provided when video source is set"),
            (r#"{"audio":{"type":"file","url":" "}}"#, "audio URL must be provided when audio source is set"),
            (
                r#"{"video":{"type":"socket","format":"ivf"}}"#,
                "unsupported video format for realtime ingest: expected mpegts for socket video, got ivf",
            ),
            (
                r#"{"audio":{"type":"socket","format":"ogg"}}"#,
                "unsupported audio format for realtime ingest: expected mp3 for socket audio, got ogg",
            ),
            (
                r#"{"video":{"type":"webrtc","format":"mpegts"}}"#,
                "unsupported video format for realtime ingest: expected ivf for webrtc video, got mpegts",
            ),
            (
                r#"{"audio":{"type":"webrtc","format":"mp3"}}"#,
                "unsupported audio format for realtime ingest: expected ogg for webrtc audio, got mp3",
            ),
        ] {
            assert_eq!(parse(serde_json::from_str(body).unwrap()), Err(message.to_owned()), "{body}");
        }
    }

    #[test]
    fn a_value_that_cannot_be_used_is_named_by_its_field() {
        for (body, message) in [
            (r#"{"video":{"type":"tape"}}"#, "video.type: must be stream, file, socket or webrtc, got tape"),
            (
                r#"{"video":{"type":"socket","frame_rate":61}}"#,
                "video.frame_rate: must be 1 to 60 frames a second, got 61",
            ),
            (
                r#"{"video":{"type":"socket","width":9000}}"#,
                "video.width: must be at most 7680 pixels, got 9000",
            ),
            (
                r#"{"video":{"type":"stream","url":"file:///a.mp4"}}"#,
                "video.url: must be a URL of http, https, rtmp, rtmps, rtsp, rtsps, srt",
            ),
            (
                r#"{"audio":{"type":"file","url":"/media/../etc/passwd"}}"#,
                "audio.url: must be file:/// with an absolute path and no ..",
            ),
            (
                r#"{"audio":{"type":"socket","destination":"nowhere"}}"#,
                "audio.destination: must be microphone or speaker, got nowhere",
            ),
        ] {
            assert_eq!(parse(serde_json::from_str(body).unwrap()), Err(message.to_owned()), "{body}");
        }
    }

    #[test]
    fn words_may_be_written_in_any_case_and_with_spaces_around() {
        let inputs = parse!({
            "video": {"type": " Socket ", "format": "MPEGTS"},
            "audio": {"type": "WebRTC", "destination": " Speaker"},
        });
        let inputs = inputs.unwrap();
        assert_eq!(inputs.video.unwrap().source, Source::Socket);
        let audio = AudioInput { source: Source::WebRtc, destination: Destination::Speaker };
        assert_eq!(inputs.audio, Some(audio));
    }

    #[test]
    fn a_size_that_is_missing_or_not_positive_is_the_cameras() {
        let shape = |body| parse(body).unwrap().video.unwrap().shape;
        let socket = |more: &str| {
            serde_json::from_str(&format!(r#"{{"video":{{"type":"socket"{more}}},"unknown":1}}"#)).unwrap()
        };
        assert_eq!(shape(socket("")), Shape::default());
        assert_eq!(shape(socket(r#","width":-1,"height":0,"frame_rate":-5"#)), Shape::default());
        assert_eq!(shape(socket(r#","width":640"#)).size, Some((640, 720)));
        assert_eq!(shape(socket(r#","height":480,"frame_rate":null"#)).size, Some((1280, 480)));
    }

    #[test]
    fn a_file_is_a_path_or_a_url_and_is_repeated_unless_told() {
        let file = |url: &str, repeat: Option<bool>| {
            let inputs = parse!({"video": {"type": "file", "url": url, "loop": repeat}}).unwrap();
            match inputs.video.unwrap().source {
                Source::File(file) => file,
                other => panic!("{other:?}"),
            }
        };
        let path = Location::File("/media/a b.mp4".into());
        assert_eq!(file("/media/a b.mp4", None), File { location: path.clone(), repeat: Repeat::Forever });
        assert_eq!(file("file:///media/a b.mp4", Some(false)), File { location: path, repeat: Repeat::Once });
        assert_eq!(file("/media/50%.mp4", None).location, Location::File("/media/50%.mp4".into()));
        assert_eq!(file("https://a/b.mp4", None).location, Location::Web("https://a/b.mp4".into()));
        assert_eq!(file("understudy:test-picture", None).location, Location::Bundled("test-picture".into()));
    }
}
