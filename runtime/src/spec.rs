//! The wire's SessionSpec, parsed once into a session that can be run.

mod invitation;
mod origin;
mod sharing;

use understudy_core::spec::{
    AudioInput, Bitrate, Choice, Destination, Encoding, File, FrameRate, Inputs, Invalid, Limits, Livestream,
    Location, Output, Page, PushUrl, Refused, Repeat, Resolution, Session, Shape, Source, StreamUrl,
    VideoInput, WhipTarget,
};
use understudy_proto::v1;

use crate::whole;

pub use invitation::invitation;

/// Bounds that keep a typing mistake from filling a disk or a link.
const AUDIO_BITRATES: [u32; 2] = [16_000, 320_000];

/// Parses a whole document; the first wrong field is named.
pub fn parse(spec: &v1::SessionSpec) -> Result<Session, Invalid> {
    let encoding = spec.encoding.unwrap_or_default();
    let default = Encoding::default();
    Ok(Session {
        page: spec.page.as_ref().map(|shown| page("page", shown)).transpose()?,
        inputs: inputs(spec.inputs.as_ref())?,
        origin: spec.origin.as_ref().map(|origin| origin::parse(origin, spec)).transpose()?,
        sharing: sharing::parse(spec.sharing.as_ref())?,
        encoding: Encoding {
            video: Bitrate::parse(
                "encoding.videoBitrateBps",
                encoding.video_bitrate_bps,
                default.video,
                Bitrate::OF_VIDEO,
            )?,
            audio: Bitrate::parse(
                "encoding.audioBitrateBps",
                encoding.audio_bitrate_bps,
                default.audio,
                AUDIO_BITRATES,
            )?,
        },
    })
}

/// Parses one livestream; a later version's output is one that is not known.
pub fn livestream(livestream: &v1::Livestream) -> Result<Livestream, Refused> {
    let parsed = || {
        if livestream.name.is_empty() {
            return Err(Invalid::new("name", "is empty"));
        }
        let (output, choice) = (output(livestream)?, choice(livestream)?);
        Ok(Livestream { name: livestream.name.clone(), output, choice })
    };
    parsed().map_err(|why| Refused { name: livestream.name.clone(), why })
}

fn output(livestream: &v1::Livestream) -> Result<Output, Invalid> {
    let v1::Livestream { web_rtc, rtmp, mpeg_ts, rtmp_push, whip, recording, .. } = livestream;
    match (web_rtc, rtmp, mpeg_ts, rtmp_push, whip, recording) {
        (Some(v1::WebRtcOutput {}), None, None, None, None, None) => Ok(Output::WebRtc),
        (None, Some(v1::RtmpOutput {}), None, None, None, None) => Ok(Output::Rtmp),
        (None, None, Some(v1::MpegTsOutput {}), None, None, None) => Ok(Output::MpegTs),
        (None, None, None, Some(push), None, None) => {
            PushUrl::parse("rtmpPush.url", &push.url).map(Output::RtmpPush)
        }
        (None, None, None, None, Some(whip), None) => {
            WhipTarget::parse("whip.", &whip.url, &whip.token).map(Output::Whip)
        }
        (None, None, None, None, None, Some(recording)) => limits(*recording).map(Output::Recording),
        (None, None, None, None, None, None) => {
            let known = Output::FIELDS.join(", ");
            Err(Invalid::new("output", format!("is none that this runtime knows, which are: {known}")))
        }
        _ => Err(Invalid::new("output", "must be one, and there are more")),
    }
}

fn limits(recording: v1::RecordingOutput) -> Result<Limits, Invalid> {
    let given = |number: u32| Some(u64::from(number)).filter(|number| *number > 0);
    let (seconds, megabytes) = (given(recording.max_duration_seconds), given(recording.max_size_megabytes));
    Limits::parse(["recording.maxDurationSeconds", "recording.maxSizeMegabytes"], seconds, megabytes)
}

/// Zero leaves a member open.
fn choice(livestream: &v1::Livestream) -> Result<Choice, Invalid> {
    let v1::Rendition { width, height, video_bitrate_bps } = livestream.rendition.unwrap_or_default();
    Ok(Choice {
        size: Choice::size("rendition", width, height)?,
        frame_rate: match livestream.frame_rate {
            0 => None,
            rate => Some(FrameRate::parse("frameRate", rate)?),
        },
        bitrate: Choice::bitrate("rendition.videoBitrateBps", video_bitrate_bps)?,
    })
}

/// What a person writes: a session, and beside it the stage that it is to be on.
#[derive(Clone, Debug, PartialEq)]
pub struct Document {
    pub session: v1::SessionSpec,
    pub invitation: Option<v1::Invitation>,
}

/// Of a document, beside the fields of a session.
const INVITATION: &str = "invitation";

/// Reads a document of YAML or JSON, and the files that it names; an error names the field and what is wrong with it.
pub fn read(text: &str) -> Result<Document, Invalid> {
    let invited = serde_yaml_ng::from_str::<serde_yaml_ng::Mapping>(text).ok();
    let invited = invited.and_then(|mut fields| Some((fields.remove(INVITATION)?, fields)));
    let invited = invited.filter(|(invitation, _)| !invitation.is_null());
    let Some((invitation, session)) = invited else {
        return Ok(Document { session: session(text)?, invitation: None });
    };
    let session = serde_yaml_ng::to_string(&session).map_err(|error| Invalid::new("", error.to_string()))?;
    let below = |field: &str| format!("{INVITATION}.{field}");
    let invitation: invitation::Written = serde_path_to_error::deserialize(invitation).map_err(|error| {
        let field = error.path().to_string();
        // What is written in the place of a file may be a token.
        let why = match field.starts_with("stage") {
            true => invitation::STAGES.to_owned(),
            false => error.inner().to_string(),
        };
        Invalid::new(below(&field), why)
    })?;
    let invitation = invitation.read().map_err(|wrong| Invalid { field: below(&wrong.field), ..wrong })?;
    Ok(Document { session: self::session(&session)?, invitation: Some(invitation) })
}

fn session(text: &str) -> Result<v1::SessionSpec, Invalid> {
    let document = serde_yaml_ng::Deserializer::from_str(text);
    let again = || serde_json::from_value(whole::numbers(serde_yaml_ng::from_str(text).ok()?)).ok();
    serde_path_to_error::deserialize(document)
        .or_else(|error| again().ok_or(error))
        .map_err(|error| Invalid::new(error.path().to_string(), error.inner().to_string()))
}

/// `field`: below which its members stand.
fn page(field: &str, page: &v1::Page) -> Result<Page, Invalid> {
    let url = format!("{field}.url");
    let location = Location::parse(&url, &page.url)?;
    if matches!(location, Location::File(_)) {
        return Err(Invalid::new(url, "must be https:, http: or understudy:"));
    }
    Ok(Page {
        location,
        size: Resolution::parse(field, page.width, page.height)?,
        frame_rate: FrameRate::parse(&format!("{field}.frameRate"), page.frame_rate)?,
    })
}

fn inputs(inputs: Option<&v1::Inputs>) -> Result<Inputs, Invalid> {
    let Some(inputs) = inputs else { return Ok(Inputs::default()) };
    Ok(Inputs {
        video: inputs.video.as_ref().map(video).transpose()?,
        audio: inputs.audio.as_ref().map(audio).transpose()?,
        start_paused: inputs.start_paused,
    })
}

fn video(video: &v1::VideoInput) -> Result<VideoInput, Invalid> {
    const FIELD: &str = "inputs.video";
    let given =
        Given { file: &video.file, stream: &video.stream, socket: &video.socket, web_rtc: &video.web_rtc };
    let shape = Shape::parse(FIELD, video.width, video.height, video.frame_rate)?;
    Ok(VideoInput { source: given.one(FIELD)?, shape })
}

fn audio(audio: &v1::AudioInput) -> Result<AudioInput, Invalid> {
    const FIELD: &str = "inputs.audio";
    let given =
        Given { file: &audio.file, stream: &audio.stream, socket: &audio.socket, web_rtc: &audio.web_rtc };
    let destination = Destination::parse("inputs.audio.destination", &audio.destination)?;
    Ok(AudioInput { source: given.one(FIELD)?, destination })
}

/// The members of which exactly one is set.
struct Given<'a> {
    file: &'a Option<v1::FileSource>,
    stream: &'a Option<v1::StreamSource>,
    socket: &'a Option<v1::SocketSource>,
    web_rtc: &'a Option<v1::WebRtcSource>,
}

impl Given<'_> {
    fn one(&self, field: &str) -> Result<Source, Invalid> {
        match (self.file, self.stream, self.socket, self.web_rtc) {
            (Some(given), None, None, None) => file(field, given).map(Source::File),
            (None, Some(given), None, None) => {
                StreamUrl::parse(&format!("{field}.stream.url"), &given.url).map(Source::Stream)
            }
            (None, None, Some(_), None) => Ok(Source::Socket),
            (None, None, None, Some(_)) => Ok(Source::WebRtc),
            _ => {
                let known = Source::KINDS.join(", ");
                Err(Invalid::new(field, format!("needs exactly one source of {known}")))
            }
        }
    }
}

fn file(field: &str, file: &v1::FileSource) -> Result<File, Invalid> {
    let location = Location::parse(&format!("{field}.file.url"), &file.url)?;
    let repeat = if file.r#loop.unwrap_or(true) { Repeat::Forever } else { Repeat::Once };
    Ok(File { location, repeat })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str) -> Result<Session, String> {
        read(text).and_then(|document| parse(&document.session)).map_err(|invalid| invalid.to_string())
    }

    #[test]
    fn a_whole_number_is_an_integer_however_it_is_written() {
        let page =
            |rate: &str| format!("page: {{url: \"understudy:mirror\", frameRate: {rate}, width: 1.28e3}}");
        let session = check(&page("30.0")).unwrap();
        assert_eq!(session.page.unwrap().frame_rate, FrameRate::THIRTY);
        let refused = check(&page("29.97")).unwrap_err();
        assert!(refused.contains("page.frameRate"), "{refused}");
    }

    #[test]
    fn the_readme_example_is_a_session() {
        let session = check(include_str!("../../examples/session.yaml")).unwrap();
        assert_eq!(session.page.unwrap().location, Location::Bundled("mirror".into()));
        assert_eq!(session.inputs.video.unwrap().source, session.inputs.audio.unwrap().source);
    }

    #[test]
    fn an_empty_document_is_an_idle_session() {
        assert_eq!(check("{}"), Ok(Session::default()));
    }

    #[test]
    fn a_wrong_value_is_named_by_its_path() {
        for (text, message) in [
            ("page: {url: 'file:///etc/passwd'}", "page.url: must be https:, http: or understudy:"),
            ("page: {url: 'understudy:mirror', width: 13}", "page.width: must be 320 to 3840 pixels, got 13"),
            ("inputs: {video: {}}", "inputs.video: needs exactly one source of file, stream, socket, webRtc"),
            (
                "inputs: {audio: {file: {url: 'ftp://a/b'}}}",
                "inputs.audio.file.url: cannot use a URL of scheme ftp",
            ),
            (
                "inputs: {video: {stream: {url: 'file:///a'}}}",
                "inputs.video.stream.url: must be a URL of http, https, rtmp, rtmps, rtsp, rtsps, srt",
            ),
            (
                "inputs: {audio: {socket: {}, destination: nowhere}}",
                "inputs.audio.destination: must be Microphone or Speaker, got nowhere",
            ),
            (
                "encoding: {videoBitrateBps: 1}",
                "encoding.videoBitrateBps: must be 100000 to 20000000 bits a second, got 1",
            ),
        ] {
            assert_eq!(check(text), Err(message.to_owned()), "{text}");
        }
        let wrong_type = check("page: {width: wide}").unwrap_err();
        assert!(wrong_type.starts_with("page.width: "), "{wrong_type}");
    }

    #[test]
    fn a_livestream_whose_output_is_not_known_is_refused_and_not_served_as_another() {
        let web_rtc = Some(v1::WebRtcOutput {});
        let known = v1::Livestream { name: "a".into(), web_rtc, ..v1::Livestream::default() };
        let parsed = Livestream { name: "a".into(), output: Output::WebRtc, choice: Choice::default() };
        assert_eq!(livestream(&known), Ok(parsed));
        let refused = livestream(&v1::Livestream { web_rtc: None, ..known }).unwrap_err();
        assert_eq!(refused.name, "a");
        assert_eq!(
            refused.why.to_string(),
            "output: is none that this runtime knows, which are: webRtc, rtmp, mpegTs, rtmpPush, whip, recording"
        );
        assert_eq!(livestream(&v1::Livestream::default()).unwrap_err().why.field, "name");
    }
}
