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
    }
}

/// One way out of the session.
pub fn livestream(name: &str, spec: &api::LivestreamSpec) -> wire::Livestream {
    wire::Livestream {
        name: name.to_owned(),
        web_rtc: spec.output.web_rtc.as_ref().map(|_settings| wire::WebRtcOutput {}),
    }
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

fn inputs(inputs: &api::Inputs) -> wire::Inputs {
    wire::Inputs {
        video: inputs.video.as_ref().map(|video| wire::VideoInput {
            file: video.file.as_ref().map(file),
            ..wire::VideoInput::default()
        }),
        audio: inputs.audio.as_ref().map(|audio| wire::AudioInput {
            file: audio.file.as_ref().map(file),
            ..wire::AudioInput::default()
        }),
        start_paused: false,
    }
}

fn file(file: &api::FileSource) -> wire::FileSource {
    wire::FileSource { url: file.url.clone(), r#loop: Some(file.loops) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn every_field_of_a_participant_reaches_the_wire() {
        let spec: api::VirtualParticipantSpec = serde_json::from_value(json!({
            "displayName": "Ada",
            "page": {"url": "understudy:mirror", "width": 640, "height": 360, "frameRate": 25},
            "inputs": {
                "video": {"file": {"url": "understudy:test-picture", "loop": false}},
                "audio": {"file": {"url": "understudy:test-picture"}}
            }
        }))
        .unwrap();
        let expected = json!({
            "displayName": "Ada",
            "page": {"url": "understudy:mirror", "width": 640, "height": 360, "frameRate": 25},
            "inputs": {
                "video": {
                    "file": {"url": "understudy:test-picture", "loop": false},
                    "stream": null, "socket": null, "webRtc": null, "width": 0, "height": 0, "frameRate": 0
                },
                "audio": {
                    "file": {"url": "understudy:test-picture", "loop": true},
                    "stream": null, "socket": null, "webRtc": null, "destination": ""
                },
                "startPaused": false
            },
            "encoding": null
        });
        assert_eq!(serde_json::to_value(session("ada", &spec)).unwrap(), expected);
    }

    #[test]
    fn a_participant_without_a_display_name_is_known_by_its_own() {
        let spec = serde_json::from_value(json!({})).unwrap();
        assert_eq!(session("ada", &spec).display_name, "ada");
    }
}
