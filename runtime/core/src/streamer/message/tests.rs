use serde_json::{Value, json};

use super::*;
use crate::streamer::Id;

fn told(message: &Told) -> Value {
    serde_json::from_str(&message.text()).unwrap()
}

#[test]
fn what_is_told_has_the_names_that_clients_know() {
    let server = IceServer { urls: vec!["stun:a".to_owned()], ..IceServer::default() };
    let offer = Description { ty: Type::Offer, sdp: "v=0".to_owned() };
    let candidate = Candidate {
        candidate: "candidate:1".to_owned(),
        sdp_mid: Some("0".to_owned()),
        sdp_mline_index: Some(0),
        username_fragment: None,
    };
    let capabilities = Capabilities { touch: false };
    let app = App { app_id: 0, title: "ada".to_owned(), is_hdr_supported: false };
    for (message, json) in [
        (
            Told::WebRtcConfig { ice_servers: vec![server] },
            json!({"WebRtcConfig": {"ice_servers": [{"urls": ["stun:a"], "username": "", "credential": ""}]}}),
        ),
        (
            Told::Signaling(Signaling::Description(offer.into())),
            json!({"Signaling": {"Description": {"ty": "offer", "sdp": "v=0"}}}),
        ),
        (
            Told::Signaling(Signaling::AddIceCandidate(candidate)),
            json!({"Signaling": {"AddIceCandidate": {
                "candidate": "candidate:1", "sdp_mid": "0", "sdp_mline_index": 0, "username_fragment": null}}}),
        ),
        (
            Told::UpdateApp { app },
            json!({"UpdateApp": {"app": {"app_id": 0, "title": "ada", "is_hdr_supported": false}}}),
        ),
        (Told::StageStarting { stage: "Display" }, json!({"StageStarting": {"stage": "Display"}})),
        (Told::StageComplete { stage: "Display" }, json!({"StageComplete": {"stage": "Display"}})),
        (
            Told::StageFailed { stage: "Display", error_code: 1 },
            json!({"StageFailed": {"stage": "Display", "error_code": 1}}),
        ),
        (
            Told::ConnectionComplete { capabilities, width: 1280, height: 720 },
            json!({"ConnectionComplete": {"capabilities": {"touch": false}, "width": 1280, "height": 720}}),
        ),
        (Told::ConnectionTerminated { error_code: 0 }, json!({"ConnectionTerminated": {"error_code": 0}})),
        (
            Told::Steering { host: None, you: Standing::Waits, asked_by: None },
            json!({"Steering": {"host": null, "you": "waits", "asked_by": null}}),
        ),
        (Told::SteeringRefused { reason: "no".to_owned() }, json!({"SteeringRefused": {"reason": "no"}})),
        (Told::PeerDisconnect, json!("PeerDisconnect")),
        (Told::InternalServerError, json!("InternalServerError")),
        (Told::HostNotFound, json!("HostNotFound")),
        (Told::AppNotFound, json!("AppNotFound")),
        (Told::HostNotPaired, json!("HostNotPaired")),
        (Told::AlreadyStreaming, json!("AlreadyStreaming")),
        (Told::SessionNotFound, json!("SessionNotFound")),
        (Told::ClientKicked, json!("ClientKicked")),
    ] {
        assert_eq!(told(&message), json);
        let name = json.as_str().or_else(|| json.as_object()?.keys().next().map(String::as_str)).unwrap();
        assert!(is_written(name), "{name} is in no row of the reference");
        is_known(&message);
    }
}

/// Whether the reference has it.
fn is_written(name: &str) -> bool {
    include_str!("../../../../../docs/reference/streamer-messages.md").contains(&format!("`{name}`"))
}

/// Whoever adds a message writes down what it is, above and in the reference.
fn is_known(message: &Told) {
    match message {
        Told::WebRtcConfig { .. } | Told::Signaling(_) | Told::UpdateApp { .. } => {}
        Told::StageStarting { .. } | Told::StageComplete { .. } | Told::StageFailed { .. } => {}
        Told::ConnectionComplete { .. } | Told::ConnectionTerminated { .. } => {}
        Told::Steering { .. } | Told::SteeringRefused { .. } => {}
        Told::PeerDisconnect | Told::InternalServerError | Told::HostNotFound | Told::AppNotFound => {}
        Told::HostNotPaired | Told::AlreadyStreaming | Told::SessionNotFound | Told::ClientKicked => {}
    }
}

#[test]
fn what_is_said_is_read_as_clients_write_it() {
    let answer = Sdp { ty: SdpType::Answer, sdp: "v=0".to_owned() };
    let rollback = Sdp { ty: SdpType::Rollback, sdp: String::new() };
    let last =
        Candidate { candidate: String::new(), sdp_mid: None, sdp_mline_index: None, username_fragment: None };
    for (text, said) in [
        (
            r#"{"Signaling":{"Description":{"ty":"answer","sdp":"v=0"}}}"#,
            Said::Signaling(Signaling::Description(answer)),
        ),
        (
            r#"{"Signaling":{"Description":{"ty":"rollback"}}}"#,
            Said::Signaling(Signaling::Description(rollback)),
        ),
        (
            r#"{"Signaling":{"AddIceCandidate":{"candidate":"","sdp_mid":null}}}"#,
            Said::Signaling(Signaling::AddIceCandidate(last)),
        ),
        (r#"{"Steering":"request"}"#, Said::Steering(Asked::Request)),
        (r#"{"Steering":{"give":{"peer_id":"a"}}}"#, Said::Steering(Asked::Give { peer_id: "a".to_owned() })),
    ] {
        assert_eq!(Said::read(text).unwrap(), said, "{text}");
    }
    for text in
        ["", "{}", "7", r#""PeerDisconnect""#, r#"{"Signaling":{"Description":{"ty":"other","sdp":""}}}"#]
    {
        assert!(Said::read(text).is_err(), "{text}");
    }
}

fn first(change: Value) -> Result<First, String> {
    let mut fields = json!({
        "credentials": "secret", "client_unique_id": null, "host_id": 0, "app_id": 0, "bitrate": 5000, "packet_size": 4096,
        "fps": 60, "width": 1280, "height": 720, "video_sample_queue_size": 6, "play_audio_local": false,
        "audio_sample_queue_size": 20, "video_supported_formats": 1, "video_colorspace": "Rec709",
        "video_color_range_full": false,
    });
    for (name, value) in change.as_object().unwrap() {
        fields[name] = value.clone();
    }
    First::read(&json!({ "AuthenticateAndInit": fields }).to_string()).map_err(|error| error.to_string())
}

#[test]
fn the_first_message_says_who_and_which_session() {
    let plain = first(json!({})).unwrap();
    assert_eq!(
        (plain.credentials.as_str(), plain.session.clone(), plain.client.clone()),
        ("secret", None, None)
    );
    assert!(!format!("{plain:?}").contains("secret"));
    let id = Id::parse("ses-1").unwrap();
    for (mode, read) in [("create", Mode::Create), ("join", Mode::Join), ("keepalive", Mode::Keepalive)] {
        let session = first(json!({"session_id": "ses-1", "mode": mode})).unwrap().session;
        assert_eq!(session, Some((id.clone(), read)));
    }
    assert_eq!(first(json!({"session_id": "ses-1"})).unwrap().session, Some((id, Mode::Create)));
    assert!(first(json!({"session_id": "../1"})).unwrap_err().contains("session_id"));
    assert!(first(json!({"mode": "steal"})).unwrap_err().contains("mode"));
    assert!(first(json!({"fps": "many"})).unwrap_err().starts_with("fps: "));
    for text in ["", "{", r#"{"Signaling":{"Description":{"ty":"offer","sdp":""}}}"#] {
        assert!(First::read(text).is_err(), "{text}");
    }
}
