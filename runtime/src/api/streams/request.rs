//! What a caller wants of a livestream, parsed into one that can be carried out.
//!
//! Messages without a field's name are the source system's own words.

use serde::Deserialize;
use understudy_core::spec::{Choice, FrameRate, Invalid, Livestream, Output, PushUrl, WhipTarget};
use utoipa::ToSchema;

use crate::api::fields;

/// A livestream to start. Unknown fields are ignored, `null` is what is not given.
#[derive(Default, Deserialize, ToSchema)]
#[serde(default)]
pub struct Start {
    /// Letters, digits, `-` and `_`, at most 50; `default` if there is none.
    id: Option<String>,
    /// `internal` (RTMP that players fetch here; the default), `remote` (RTMP that is sent to `target_url`), `webrtc` or `socket`
    /// (an MPEG transport stream over a WebSocket); and `whip` (WebRTC that is sent to `target_url`).
    mode: Option<String>,
    /// Of `remote`: where it is sent, an address of rtmp or rtmps. Of `whip`: one of https or http.
    target_url: Option<String>,
    /// Of `whip`: what lets publish there.
    token: Option<String>,
    /// Pictures a second, 1 to 60.
    framerate: Option<u32>,
    /// Pixels into which the picture fits in its own shape, each a multiple of 8; it is made no larger than the page.
    width: Option<u32>,
    height: Option<u32>,
    /// Bits a second, 100000 to 20000000; that of the session if there is none.
    video_bitrate_bps: Option<u32>,
}

/// A livestream to stop.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default)]
pub struct Stop {
    /// `default` if there is none.
    id: Option<String>,
}

/// Why a request cannot be carried out.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    #[error("invalid stream mode")]
    Mode,
    #[error("target_url is required for remote streaming")]
    NoTarget,
    #[error(transparent)]
    Field(#[from] Invalid),
}

impl Start {
    pub fn parse(self, frame_rate: Option<FrameRate>) -> Result<Livestream, Fault> {
        let Self { id: name, mode, target_url, token, framerate, width, height, video_bitrate_bps } = self;
        let given = |text: Option<String>| text.filter(|text| !text.is_empty());
        let output = match given(mode).as_deref().unwrap_or("internal") {
            "internal" => Output::Rtmp,
            "webrtc" => Output::WebRtc,
            "socket" => Output::MpegTs,
            "remote" => {
                let url = given(target_url).ok_or(Fault::NoTarget)?;
                Output::RtmpPush(PushUrl::parse("target_url", &url)?)
            }
            "whip" => {
                let url = given(target_url).ok_or(Fault::NoTarget)?;
                Output::Whip(WhipTarget::parse("target_", &url, &token.unwrap_or_default())?)
            }
            _ => return Err(Fault::Mode),
        };
        let choice = Choice {
            size: Choice::size("", given_number("width", width)?, given_number("height", height)?)?,
            frame_rate: fields::frame_rate(framerate, frame_rate)?,
            bitrate: Choice::bitrate(
                "video_bitrate_bps",
                given_number("video_bitrate_bps", video_bitrate_bps)?,
            )?,
        };
        Ok(Livestream { name: fields::id(name)?, output, choice })
    }
}

/// Zero, if it is not given.
fn given_number(field: &str, number: Option<u32>) -> Result<u32, Invalid> {
    match number {
        Some(0) => Err(Invalid::new(field, "must be more than 0, or not be given")),
        number => Ok(number.unwrap_or_default()),
    }
}

impl Stop {
    pub fn id(self) -> String {
        fields::called(self.id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(body: &str) -> Result<Livestream, String> {
        let start: Start = serde_json::from_str(body).unwrap();
        start.parse(Some(FrameRate::parse("", 10).unwrap())).map_err(|fault| fault.to_string())
    }

    #[test]
    fn what_is_not_given_has_the_source_system_s_defaults() {
        for body in ["{}", r#"{"id":null,"mode":null,"framerate":null}"#, r#"{"id":"","mode":""}"#] {
            let stream = parse(body).unwrap();
            assert_eq!((stream.name.as_str(), stream.output), ("default", Output::Rtmp), "{body}");
            assert_eq!(stream.choice.frame_rate.map(FrameRate::per_second), Some(10));
        }
        assert_eq!(Stop::default().id(), "default");
    }

    #[test]
    fn each_mode_is_an_output() {
        let output = |body| parse(body).map(|stream| stream.output);
        assert_eq!(output(r#"{"mode":"internal"}"#), Ok(Output::Rtmp));
        assert_eq!(output(r#"{"mode":"webrtc"}"#), Ok(Output::WebRtc));
        assert_eq!(output(r#"{"mode":"socket"}"#), Ok(Output::MpegTs));
        let push = PushUrl::parse("", "rtmp://a/live/k").unwrap();
        assert_eq!(output(r#"{"mode":"remote","target_url":"rtmp://a/live/k"}"#), Ok(Output::RtmpPush(push)));
    }

    #[test]
    fn what_cannot_be_carried_out_is_named() {
        for (body, words) in [
            (r#"{"mode":"hls"}"#, "invalid stream mode"),
            (r#"{"mode":"remote"}"#, "target_url is required for remote streaming"),
            (
                r#"{"mode":"remote","target_url":"http://a"}"#,
                "target_url: must be rtmp(s)://HOST/APP/NAME, without user and password",
            ),
            (r#"{"framerate":0}"#, "framerate: must be 1 to 60 frames a second, got 0"),
            (r#"{"framerate":61}"#, "framerate: must be 1 to 60 frames a second, got 61"),
            (r#"{"width":0}"#, "width: must be more than 0, or not be given"),
            (r#"{"video_bitrate_bps":0}"#, "video_bitrate_bps: must be more than 0, or not be given"),
            (r#"{"width":644}"#, "width: must be a multiple of 8 pixels, got 644"),
            (r#"{"height":32}"#, "height: must be 64 to 2160 pixels, got 32"),
            (
                r#"{"video_bitrate_bps":5}"#,
                "video_bitrate_bps: must be 100000 to 20000000 bits a second, got 5",
            ),
            (r#"{"id":"a/b"}"#, "id: must be 1 to 50 letters, digits, - and _"),
        ] {
            assert_eq!(parse(body), Err(words.to_owned()), "{body}");
        }
    }
}
