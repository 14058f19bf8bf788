//! What is asked for, made of arguments. Pure: the moment, the token and a name that nobody else has are given.

use crate::args::{self, Inputs as Wanted};
use jiff::{SignedDuration, Timestamp};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use understudy_client::invite::{Invite, Place, Token};
use understudy_crds::v1alpha1::{AudioInput, FileSource, Inputs, StreamSource, VideoInput};

/// What arguments do not say.
pub struct Given {
    /// The moment.
    pub now: Timestamp,
    /// An id, if none was said.
    pub fresh_id: String,
    /// The token, as it was read.
    pub token: Token,
}

/// The invitation that the arguments describe.
pub fn invite(args: &args::Invite, given: Given) -> Invite {
    let within = SignedDuration::try_from(args.join_within).unwrap_or(SignedDuration::MAX);
    let latest = given.now.saturating_add(within).unwrap_or(Timestamp::MAX);
    Invite {
        id: args.id.clone().unwrap_or(given.fresh_id),
        join_before: args.join_before.clone().unwrap_or(Time(seconds(latest))),
        place: place(args),
        token: given.token,
        inputs: inputs(&args.inputs),
    }
}

/// Each kind of stage has its argument, of which there is one.
fn place(args: &args::Invite) -> Place {
    match (&args.whip, &args.page) {
        (Some(url), _) => Place::Whip(url.clone()),
        (None, Some(url)) => Place::Page(url.clone()),
        (None, None) => Place::Ivs,
    }
}

fn inputs(wanted: &Wanted) -> Option<Inputs> {
    if *wanted == Wanted::default() {
        return None;
    }
    let (video, audio) = (&wanted.video_file, &wanted.audio_file);
    let (video, audio) =
        ((file(video), stream(&wanted.video_stream)), (file(audio), stream(&wanted.audio_stream)));
    Some(Inputs {
        video: is_some(&video).then(|| VideoInput {
            file: video.0,
            stream: video.1,
            ..VideoInput::default()
        }),
        audio: is_some(&audio).then(|| AudioInput {
            file: audio.0,
            stream: audio.1,
            ..AudioInput::default()
        }),
        start_paused: false,
    })
}

fn is_some((file, stream): &(Option<FileSource>, Option<StreamSource>)) -> bool {
    file.is_some() || stream.is_some()
}

fn file(url: &Option<String>) -> Option<FileSource> {
    url.clone().map(|url| FileSource { url, loops: true })
}

fn stream(url: &Option<String>) -> Option<StreamSource> {
    url.clone().map(|url| StreamSource { url })
}

/// Kubernetes writes times without fractions.
fn seconds(moment: Timestamp) -> Timestamp {
    Timestamp::from_second(moment.as_second()).unwrap_or(moment)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::Command;
    use serde_json::{Value, json};
    use std::ffi::OsString;

    fn made(line: &str) -> Invite {
        let words = format!("understudy invite {line}");
        let cli = args::parse(words.split(' ').map(OsString::from).collect()).unwrap();
        let Command::Invite(args) = cli.command else { panic!("{line} is no invitation") };
        let now = "2026-01-01T00:00:00.5Z".parse().unwrap();
        invite(&args, Given { now, fresh_id: "fresh".into(), token: Token::None })
    }

    #[test]
    fn what_is_not_said_is_made() {
        let invite = made("ada --whip https://stage.example/whip");
        assert_eq!(
            (invite.id.as_str(), &invite.place),
            ("fresh", &Place::Whip("https://stage.example/whip".into()))
        );
        assert_eq!(serde_json::to_value(&invite.join_before).unwrap(), "2026-01-01T00:05:00Z");
        assert_eq!(invite.inputs, None, "the participant's own stay");
    }

    #[test]
    fn what_is_said_is_taken() {
        let within = made("ada --whip https://a/ --id show-42 --join-within 1h");
        assert_eq!(serde_json::to_value(&within.join_before).unwrap(), "2026-01-01T01:00:00Z");
        assert_eq!(within.id, "show-42");
        let before = made("ada --ivs --token-file - --join-before 2030-01-01T00:00:00Z");
        assert_eq!(serde_json::to_value(&before.join_before).unwrap(), "2030-01-01T00:00:00Z");
        assert_eq!(before.place, Place::Ivs);
        assert_eq!(
            made("ada --page https://room.example/").place,
            Place::Page("https://room.example/".into())
        );
    }

    #[test]
    fn inputs_are_those_that_are_named() {
        let told = |line: &str| -> Value { serde_json::to_value(made(line).inputs).unwrap() };
        let both = told(
            "ada --whip https://a/ --video-file understudy:test-picture --audio-stream https://radio.example/",
        );
        assert_eq!(both["video"]["file"], json!({"url": "understudy:test-picture", "loop": true}));
        assert_eq!(both["audio"]["stream"], json!({"url": "https://radio.example/"}));
        let sound = told("ada --whip https://a/ --audio-file https://a/b.opus");
        assert_eq!(
            (&sound["video"], &sound["audio"]["file"]["url"]),
            (&Value::Null, &json!("https://a/b.opus"))
        );
    }
}
