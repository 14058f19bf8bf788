//! From the Kubernetes API to the wire. Kubernetes stops here: a runtime knows sessions, not custom resources.

use understudy_crds::v1alpha1 as api;
use understudy_proto::v1 as wire;

/// What a participant's runtime is asked to be. `name` stands in for a display name that is not given.
pub fn session(name: &str, spec: &api::VirtualParticipantSpec) -> wire::SessionSpec {
    wire::SessionSpec {
        display_name: spec.display_name.clone().unwrap_or_else(|| name.to_owned()),
        page: spec.page.as_ref().map(page),
        inputs: spec.inputs.as_ref().map(inputs),
        encoding: None,
        origin: None,
        sharing: spec.sharing.as_ref().map(sharing),
    }
}

/// What a runtime is asked to be that only carries out what stands at an address; none: that is not known any more.
pub fn origin(name: &str, url: Option<String>) -> wire::SessionSpec {
    wire::SessionSpec {
        display_name: name.to_owned(),
        origin: url.map(|url| wire::Origin { url }),
        ..wire::SessionSpec::default()
    }
}

/// One way out of the session. `secret`: what stands in the Secret that it names.
pub fn livestream(name: &str, spec: &api::LivestreamSpec, secret: Option<&str>) -> wire::Livestream {
    let api::LivestreamOutput { web_rtc, rtmp, mpeg_ts, rtmp_push, whip, recording } = &spec.output;
    wire::Livestream {
        name: name.to_owned(),
        web_rtc: web_rtc.as_ref().map(|_settings| wire::WebRtcOutput {}),
        rtmp: rtmp.as_ref().map(|_settings| wire::RtmpOutput {}),
        mpeg_ts: mpeg_ts.as_ref().map(|_settings| wire::MpegTsOutput {}),
        rtmp_push: rtmp_push.as_ref().map(|push| {
            let url = secret.or(push.url.as_deref()).unwrap_or_default();
            wire::RtmpPushOutput { url: url.to_owned() }
        }),
        whip: whip.as_ref().map(|whip| wire::WhipOutput {
            url: whip.url.clone(),
            token: secret.unwrap_or_default().to_owned(),
        }),
        recording: recording.as_ref().map(|recording| wire::RecordingOutput {
            max_duration_seconds: given(recording.max_duration_seconds),
            max_size_megabytes: given(recording.max_size_megabytes),
        }),
        frame_rate: given(spec.frame_rate),
        rendition: spec.rendition.as_ref().map(|rendition| wire::Rendition {
            width: given(rendition.width),
            height: given(rendition.height),
            video_bitrate_bps: given(rendition.video_bitrate_bps),
        }),
    }
}

/// The stage to be on. `secret`: what stands in the Secret that it names.
pub fn invitation(
    spec: &api::VirtualParticipantSpec,
    invitation: &api::Invitation,
    join_before: JoinBefore,
    secret: Option<&str>,
) -> wire::Invitation {
    let api::Stage { whip, ivs, page } = &invitation.stage;
    let token = secret.unwrap_or_default();
    let limits = spec.limits.clone().unwrap_or_default();
    let loss = spec.on_control_loss.clone().unwrap_or_default();
    wire::Invitation {
        id: invitation.id.clone(),
        join_before_unix_seconds: match join_before {
            JoinBefore::At(unix_seconds) => unix_seconds,
            JoinBefore::AsDescribed => invitation.join_before.0.as_second(),
            JoinBefore::AtAnyTime => 0,
        },
        stage: Some(wire::Stage {
            whip: whip
                .as_ref()
                .map(|whip| wire::WhipOutput { url: whip.url.clone(), token: token.to_owned() }),
            ivs: ivs.as_ref().map(|_stage| wire::IvsStage { token: token.to_owned() }),
            page: page
                .as_ref()
                .map(|page| wire::PageStage { url: page.url.clone(), token: token.to_owned() }),
        }),
        inputs: invitation.inputs.as_ref().map(inputs),
        join_timeout_seconds: given(limits.join_timeout_seconds),
        max_duration_seconds: given(limits.max_duration_seconds),
        leave_without_operator_seconds: match loss.action {
            api::ControlLossAction::Leave => given(loss.after_seconds),
            api::ControlLossAction::Continue => 0,
        },
        traceparent: String::new(),
    }
}

/// Until when a stage may be joined.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JoinBefore {
    /// As the invitation says.
    AsDescribed,
    /// As it was told before, in seconds since 1970.
    At(i64),
    /// The participant was there before, and may come back.
    AtAnyTime,
}

/// Zero on the wire is what is not given.
fn given(number: Option<i32>) -> u32 {
    number.unwrap_or_default().unsigned_abs()
}

/// The API server keeps the numbers within bounds, all positive.
fn page(page: &api::Page) -> wire::Page {
    wire::Page {
        url: page.url.clone(),
        width: page.width.unsigned_abs(),
        height: page.height.unsigned_abs(),
        frame_rate: page.frame_rate.unsigned_abs(),
    }
}

/// The field of a livestream that a runtime means.
pub fn livestream_field(wire: &str) -> String {
    match wire.split('.').next().unwrap_or_default() {
        "name" => "metadata.name".to_owned(),
        "frameRate" | "rendition" => field(wire),
        "" | "output" => "spec.output".to_owned(),
        _ => field(&format!("output.{wire}")),
    }
}

/// The field of a livestream with a source that a runtime means by one of its session.
pub fn source_field(wire: &str, source: &api::LivestreamSource) -> String {
    match (wire, &source.url_secret_ref) {
        ("origin.url", Some(_)) => "spec.source.urlSecretRef".to_owned(),
        ("origin.url", None) => "spec.source.url".to_owned(),
        _ => "spec.source".to_owned(),
    }
}

/// The field of a participant by which it is invited that a runtime means.
pub fn invitation_field(wire: &str) -> String {
    match wire {
        "" => "spec.invitation".to_owned(),
        "joinBeforeUnixSeconds" => "spec.invitation.joinBefore".to_owned(),
        "joinTimeoutSeconds" | "maxDurationSeconds" => field(&format!("limits.{wire}")),
        "leaveWithoutOperatorSeconds" => "spec.onControlLoss.afterSeconds".to_owned(),
        "stage.whip.token" | "stage.ivs.token" | "stage.page.token" => {
            field(&format!("invitation.{wire}SecretRef"))
        }
        _ => field(&format!("invitation.{wire}")),
    }
}

/// The field of a spec that a runtime means by its name on the wire: where a name has an acronym, the two differ.
pub fn field(wire: &str) -> String {
    let words = wire.split('.').map(|word| match word {
        "webRtc" => "webRTC",
        "mpegTs" => "mpegTS",
        word => word,
    });
    ["spec"].into_iter().chain(words).collect::<Vec<_>>().join(".")
}

fn sharing(sharing: &api::Sharing) -> wire::Sharing {
    let api::Sharing { mode, max_viewers, clipboard, layout, pages } = sharing;
    wire::Sharing {
        mode: mode.as_str().to_owned(),
        max_viewers: max_viewers.unsigned_abs(),
        clipboard: Some(*clipboard),
        layout: layout.as_str().to_owned(),
        pages: pages.iter().map(named).collect(),
    }
}

fn named(page: &api::NamedPage) -> wire::NamedPage {
    wire::NamedPage {
        name: page.name.clone(),
        url: page.url.clone(),
        width: page.width.unsigned_abs(),
        height: page.height.unsigned_abs(),
        frame_rate: page.frame_rate.unsigned_abs(),
    }
}

fn inputs(inputs: &api::Inputs) -> wire::Inputs {
    wire::Inputs {
        video: inputs.video.as_ref().map(video),
        audio: inputs.audio.as_ref().map(audio),
        start_paused: inputs.start_paused,
    }
}

fn video(video: &api::VideoInput) -> wire::VideoInput {
    wire::VideoInput {
        file: video.file.as_ref().map(file),
        stream: video.stream.as_ref().map(stream),
        socket: video.socket.as_ref().map(|_settings| wire::SocketSource {}),
        web_rtc: video.web_rtc.as_ref().map(|_settings| wire::WebRtcSource {}),
        width: given(video.width),
        height: given(video.height),
        frame_rate: given(video.frame_rate),
    }
}

fn audio(audio: &api::AudioInput) -> wire::AudioInput {
    wire::AudioInput {
        file: audio.file.as_ref().map(file),
        stream: audio.stream.as_ref().map(stream),
        socket: audio.socket.as_ref().map(|_settings| wire::SocketSource {}),
        web_rtc: audio.web_rtc.as_ref().map(|_settings| wire::WebRtcSource {}),
        destination: audio.destination.as_str().to_owned(),
    }
}

fn stream(stream: &api::StreamSource) -> wire::StreamSource {
    wire::StreamSource { url: stream.url.clone() }
}

fn file(file: &api::FileSource) -> wire::FileSource {
    wire::FileSource { url: file.url.clone(), r#loop: Some(file.loops) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn sent(spec: &Value) -> Value {
        let spec: api::VirtualParticipantSpec = serde_json::from_value(spec.clone()).unwrap();
        serde_json::to_value(session("ada", &spec)).unwrap()
    }

    /// What is `null` or empty on the wire says nothing.
    fn told(value: &Value) -> Value {
        let Value::Object(fields) = value else { return value.clone() };
        let said = fields.iter().filter(|(_, value)| !value.is_null());
        Value::Object(said.map(|(name, value)| (name.clone(), told(value))).collect())
    }

    #[test]
    fn every_field_of_a_participant_reaches_the_wire() {
        let spec = json!({
            "displayName": "Ada",
            "page": {"url": "understudy:mirror", "width": 640, "height": 360, "frameRate": 25},
            "inputs": {
                "video": {"file": {"url": "understudy:a", "loop": false}, "width": 640, "height": 362, "frameRate": 24},
                "audio": {"file": {"url": "understudy:b", "loop": true}, "destination": "Speaker"},
                "startPaused": true
            },
            "sharing": {
                "mode": "Host", "maxViewers": 5, "clipboard": false, "layout": "Japanese",
                "pages": [{"name": "notes", "url": "https://notes.example/", "width": 320, "height": 240, "frameRate": 5}]
            }
        });
        assert_eq!(told(&sent(&spec)), spec);
    }

    #[test]
    fn every_way_to_share_reaches_the_wire_and_what_nobody_wrote_says_nothing() {
        let sharing = |sharing: Value| sent(&json!({"sharing": sharing}))["sharing"].clone();
        for mode in ["Union", "Host", "Off"] {
            assert_eq!(sharing(json!({"mode": mode}))["mode"], mode);
        }
        for layout in ["US", "German", "French", "Japanese"] {
            assert_eq!(sharing(json!({"layout": layout}))["layout"], layout);
        }
        assert_eq!(sent(&json!({}))["sharing"], Value::Null);
        assert_eq!(field("sharing.pages[1].url"), "spec.sharing.pages[1].url");
    }

    #[test]
    fn every_kind_of_source_reaches_the_wire_as_picture_and_as_sound() {
        let url = "rtsp://camera.example/1";
        for (source, on_the_wire) in [
            (json!({"stream": {"url": url}}), json!({"stream": {"url": url}})),
            (
                json!({"file": {"url": "file:///media/a"}}),
                json!({"file": {"url": "file:///media/a", "loop": true}}),
            ),
            (json!({"socket": {}}), json!({"socket": {}})),
            (json!({"webRTC": {}}), json!({"webRtc": {}})),
        ] {
            let inputs = told(&sent(&json!({"inputs": {"video": source, "audio": source}}))["inputs"]);
            let with = |more: Value| {
                let (mut all, Value::Object(more)) = (on_the_wire.clone(), more) else { unreachable!() };
                all.as_object_mut().unwrap().extend(more);
                all
            };
            assert_eq!(inputs["video"], with(json!({"width": 0, "height": 0, "frameRate": 0})), "{source}");
            assert_eq!(inputs["audio"], with(json!({"destination": "Microphone"})), "{source}");
            assert_eq!(inputs["startPaused"], false);
        }
    }

    #[test]
    fn every_field_of_a_recorded_livestream_reaches_the_wire() {
        let output = json!({"recording": {"maxDurationSeconds": 60, "maxSizeMegabytes": 20}});
        let rendition = json!({"width": 640, "height": 360, "videoBitrateBps": 500_000});
        let spec = json!({"output": output, "frameRate": 15, "rendition": rendition});
        let spec: api::LivestreamSpec = serde_json::from_value(spec).unwrap();
        let told = told(&serde_json::to_value(livestream("file", &spec, None)).unwrap());
        let expected = json!({"name": "file", "recording": output["recording"], "frameRate": 15, "rendition": rendition});
        assert_eq!(told, expected);
    }

    #[test]
    fn every_field_of_an_invitation_reaches_the_wire() {
        let stage =
            json!({"whip": {"url": "https://stage.example/", "tokenSecretRef": {"name": "s", "key": "k"}}});
        let mut spec = json!({
            "invitation": {"id": "show-42", "joinBefore": "1970-01-01T00:01:00Z", "stage": stage,
                "inputs": {"startPaused": true}},
            "limits": {"joinTimeoutSeconds": 30, "maxDurationSeconds": 3600},
            "onControlLoss": {"action": "Leave", "afterSeconds": 90}
        });
        let on_the_wire = |spec: &Value, join_before| {
            let spec: api::VirtualParticipantSpec = serde_json::from_value(spec.clone()).unwrap();
            let invited = spec.invitation.as_ref().unwrap();
            told(&serde_json::to_value(invitation(&spec, invited, join_before, Some("word"))).unwrap())
        };
        let mut expected = json!({
            "id": "show-42", "joinBeforeUnixSeconds": 60, "inputs": {"startPaused": true},
            "stage": {"whip": {"url": "https://stage.example/", "token": "word"}},
            "joinTimeoutSeconds": 30, "maxDurationSeconds": 3600, "leaveWithoutOperatorSeconds": 90,
            "traceparent": ""
        });
        assert_eq!(on_the_wire(&spec, JoinBefore::AsDescribed), expected);
        expected["joinBeforeUnixSeconds"] = json!(0);
        assert_eq!(on_the_wire(&spec, JoinBefore::AtAnyTime), expected);
        spec["invitation"]["stage"] = json!({"ivs": {"tokenSecretRef": {"name": "s", "key": "k"}}});
        spec["onControlLoss"]["action"] = json!("Continue");
        let told = on_the_wire(&spec, JoinBefore::AsDescribed);
        assert_eq!(told["stage"], json!({"ivs": {"token": "word"}}));
        spec["invitation"]["stage"] = json!({"page": {"url": "https://meet.example/a"}});
        let by_page = on_the_wire(&spec, JoinBefore::AsDescribed);
        assert_eq!(by_page["stage"], json!({"page": {"url": "https://meet.example/a", "token": "word"}}));
        assert_eq!(told["leaveWithoutOperatorSeconds"], 0);
    }

    #[test]
    fn a_field_of_the_wire_is_named_as_in_the_spec() {
        let invitation = [
            "",
            "stage.whip.url",
            "stage.ivs.token",
            "stage.page.token",
            "inputs.video.webRtc",
            "maxDurationSeconds",
        ];
        let expected = [
            "spec.invitation",
            "spec.invitation.stage.whip.url",
            "spec.invitation.stage.ivs.tokenSecretRef",
            "spec.invitation.stage.page.tokenSecretRef",
            "spec.invitation.inputs.video.webRTC",
            "spec.limits.maxDurationSeconds",
        ];
        assert_eq!(invitation.map(invitation_field), expected);
        assert_eq!(field("inputs.video.stream.url"), "spec.inputs.video.stream.url");
        assert_eq!(field("inputs.audio.webRtc"), "spec.inputs.audio.webRTC");
        let livestream =
            ["name", "rendition.width", "rtmpPush.url", "webRtc", "output"].map(livestream_field);
        let expected = [
            "metadata.name",
            "spec.rendition.width",
            "spec.output.rtmpPush.url",
            "spec.output.webRTC",
            "spec.output",
        ];
        assert_eq!(livestream, expected);
    }

    #[test]
    fn a_participant_without_a_display_name_is_known_by_its_own() {
        let spec = serde_json::from_value(json!({})).unwrap();
        assert_eq!(session("ada", &spec).display_name, "ada");
    }
}
