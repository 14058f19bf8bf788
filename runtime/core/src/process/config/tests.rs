use serde_json::{Value, json};

use super::*;

fn minimal() -> Value {
    json!({ "input": [{ "address": "rtmp://a/live/x" }], "output": [{ "address": "-", "options": ["-f", "null"] }] })
}

fn ids() -> impl FnMut() -> String {
    let mut count = 0;
    move || {
        count += 1;
        format!("id{count}")
    }
}

fn new(body: &Value) -> Result<Config, Invalid> {
    Config::new(body, ids())
}

fn with(member: &str, value: Value) -> Value {
    let mut body = minimal();
    body[member] = value;
    body
}

#[test]
fn what_is_not_said_has_its_defaults() {
    let config = new(&minimal()).unwrap();
    let told = serde_json::to_value(&config).unwrap();
    assert_eq!(
        told,
        json!({
            "id": "id1", "type": "ffmpeg", "reference": "",
            "input": [{ "id": "id2", "address": "rtmp://a/live/x", "options": [], "cleanup": [] }],
            "output": [{ "id": "id3", "address": "-", "options": ["-f", "null"], "cleanup": [] }],
            "options": [], "reconnect": false, "reconnect_delay_seconds": 0, "autostart": true, "stale_timeout_seconds": 0,
            "limits": { "cpu_usage": 0.0, "memory_mbytes": 0, "waitfor_seconds": 0 },
            "webrtc": { "enabled": false, "video_pt": 102, "audio_pt": 111, "force_transcode": false },
        })
    );
    // What is told is taken as it is.
    assert_eq!(new(&told), Ok(config));
}

#[test]
fn members_that_are_not_known_or_null_are_let_be() {
    let mut body = with("owner", json!("me"));
    for member in ["id", "reference", "options", "limits", "webrtc", "autostart"] {
        body[member] = Value::Null;
    }
    body["input"][0]["options"] = Value::Null;
    body["scheduler"] = json!("");
    body["runtime_duration_seconds"] = json!(0);
    assert_eq!(new(&body), new(&minimal()));
}

#[test]
fn what_cannot_be_taken_is_named_by_its_field() {
    for (body, named) in [
        (with("type", json!("gstreamer")), "type: \"gstreamer\" is not a process type"),
        (with("scheduler", json!("0 8 * * *")), "scheduler: is not offered here"),
        (with("runtime_duration_seconds", json!(2)), "runtime_duration_seconds: is not offered here"),
        (with("input", json!([])), "at least one input and one output need to be defined: input"),
        (with("output", json!([])), "at least one input and one output need to be defined: output"),
        (with("input", json!([{ "id": "a" }])), "input[0].address: must not be empty"),
        (with("output", json!([{ "address": "  " }])), "output[0].address: must not be empty"),
        (
            with("input", json!([{ "id": "a", "address": "b" }, { "id": "a", "address": "b" }])),
            "input[1].id: \"a\" is there twice",
        ),
        (
            with("output", json!([{ "address": "x", "cleanup": [{ "max_files": 1 }] }])),
            "output[0].cleanup[0].pattern",
        ),
        (
            with("input", json!([{ "address": "b", "options": ["-re", 3] }])),
            "input[0].options[1]: invalid type: integer",
        ),
        (with("options", json!(["a\u{0}b"])), "options[0]: holds a character"),
        (with("reconnect", json!("yes")), "reconnect: invalid type: string"),
        (with("reconnect_delay_seconds", json!(-1)), "reconnect_delay_seconds: invalid value: integer `-1`"),
        (with("limits", json!({ "cpu_usage": -0.5 })), "limits.cpu_usage: must not be negative"),
        (with("limits", json!({ "memory_mbytes": "1" })), "limits.memory_mbytes: invalid type"),
        (with("webrtc", json!({ "video_pt": 95 })), "webrtc.video_pt: must be one of 96 to 127"),
        (with("webrtc", json!({ "audio_pt": 128 })), "webrtc.audio_pt: must be one of 96 to 127"),
        (with("webrtc", json!({ "audio_pt": 300 })), "webrtc.audio_pt: invalid value: integer `300`"),
        (with("webrtc", json!({ "audio_pt": 102 })), "webrtc.audio_pt: must be another"),
        (json!([]), "invalid type"),
    ] {
        let error = new(&body).unwrap_err().to_string();
        assert!(error.contains(named), "{error} does not say {named}");
    }
}

#[test]
fn clients_that_send_zeros_for_what_nobody_said_get_the_defaults() {
    let sent = json!({ "enabled": true, "video_pt": 0, "audio_pt": 0, "force_transcode": false });
    let config = new(&with("webrtc", sent)).unwrap();
    assert_eq!(config.webrtc, WebRtc { enabled: true, ..WebRtc::default() });
}

#[test]
fn an_update_changes_what_it_says_and_nothing_else() {
    let mut body = minimal();
    body["reference"] = json!("mine");
    body["options"] = json!(["-re"]);
    body["limits"] = json!({ "cpu_usage": 50, "waitfor_seconds": 5 });
    body["webrtc"] = json!({ "enabled": true, "video_pt": 98 });
    body["autostart"] = json!(false);
    let was = new(&body).unwrap();
    assert_eq!(was.updated(&json!({}), ids()).as_ref(), Ok(&was));

    let update = json!({
        "id": "renamed", "options": [], "limits": { "memory_mbytes": 64 }, "webrtc": { "force_transcode": true },
        "output": [{ "address": "x" }],
    });
    let now = was.updated(&update, ids()).unwrap();
    assert_eq!((now.id.as_str(), now.reference.as_str(), now.autostart), ("renamed", "mine", false));
    assert_eq!((now.options.len(), &now.input), (0, &was.input));
    assert_eq!(now.limits, Limits { cpu_usage: 50.0, memory_mbytes: 64, waitfor_seconds: 5 });
    assert_eq!(now.webrtc, WebRtc { enabled: true, video_pt: 98, audio_pt: 111, force_transcode: true });
    assert_eq!(now.output[0].address, "x");
    assert!(was.updated(&json!({ "input": [] }), ids()).is_err());
}

#[test]
fn clients_find_each_of_their_words_again() {
    let options = json!(["-f", "lavfi", "with space", "--", "{diskfs}", "ä\n", "A: b\r\n"]);
    let config = new(&with("options", options.clone())).unwrap();
    assert_eq!(serde_json::to_value(&config.options).unwrap(), options);
}

#[test]
fn no_time_is_longer_than_a_clock_counts() {
    let of = |path: &str| match path {
        "limits.waitfor_seconds" => with("limits", json!({ "waitfor_seconds": u64::MAX })),
        _ => with(path, json!(u64::MAX)),
    };
    for path in ["reconnect_delay_seconds", "stale_timeout_seconds", "limits.waitfor_seconds"] {
        let refused = new(&of(path)).unwrap_err();
        assert!(refused.to_string().starts_with(path), "{refused}");
    }
    assert!(new(&with("stale_timeout_seconds", json!(3600))).is_ok());
}
