use std::time::{Duration, UNIX_EPOCH};

use serde_json::{Value, json};

use super::*;

fn devices() -> Devices {
    Devices {
        video_device: "/dev/video20".into(),
        audio_sink: "audio_input".into(),
        microphone_source: "microphone".into(),
        files: "/tmp/virtual-inputs".into(),
        size: Resolution::HD,
        frame_rate: FrameRate::THIRTY,
    }
}

fn of(body: &Value, camera: &str) -> Value {
    let written: Configure = serde_json::from_value(body.clone()).unwrap();
    let configured = written.parse(Resolution::HD).unwrap();
    let since = UNIX_EPOCH + Duration::new(1_765_389_289, 632_400_817);
    let view = InputsView {
        state: State::Running,
        configured: Some(configured),
        since: Some(since),
        last_error: None,
        camera: camera.into(),
    };
    serde_json::to_value(status(&view, Some(&written), &devices())).unwrap()
}

fn hls() -> Value {
    json!({
        "video": {
            "type": "stream", "url": "https://test-streams.mux.dev/x36xhzz/x36xhzz.m3u8",
            "width": 1280, "height": 720, "frame_rate": 30,
        },
        "audio": {"type": "stream", "url": "http://icecast.err.ee/r2rock.opus"},
    })
}

#[test]
fn an_idle_session_has_exactly_the_five_fields() {
    let idle = serde_json::to_value(status(&InputsView::default(), None, &devices())).unwrap();
    let documented = json!({
        "audio_sink": "audio_input", "microphone_source": "microphone", "mode": "device", "state": "idle",
        "video_device": "/dev/video20",
    });
    assert_eq!(idle, documented);
}

#[test]
fn streams_into_a_device_are_as_documented_without_the_files() {
    let documented = json!({
        "audio": {
            "type": "stream", "url": "http://icecast.err.ee/r2rock.opus", "destination": "microphone",
        },
        "audio_sink": "audio_input", "microphone_source": "microphone", "mode": "device", "state": "running",
        "started_at": "2025-12-10T17:54:49.632400817+00:00",
        "video": {
            "frame_rate": 30, "height": 720, "type": "stream", "width": 1280,
            "url": "https://test-streams.mux.dev/x36xhzz/x36xhzz.m3u8",
        },
        "video_device": "/dev/video20",
    });
    assert_eq!(of(&hls(), "pipewire"), documented);
    assert_eq!(of(&hls(), "v4l2"), documented);
}

#[test]
fn a_camera_that_is_a_file_is_told_with_its_files() {
    let told = of(&hls(), "file");
    assert_eq!(told["mode"], "virtual-file");
    assert_eq!(told["video_file"], "/tmp/virtual-inputs/video.y4m");
    assert_eq!(told["audio_file"], "/tmp/virtual-inputs/audio.wav");
}

#[test]
fn sockets_are_told_with_where_to_send() {
    let body = json!({
        "video": {"type": "socket", "format": "mpegts", "width": 1280, "height": 720, "frame_rate": 30},
        "audio": {"type": "socket", "format": "mp3"},
    });
    let told = of(&body, "file");
    let video = json!({"format": "mpegts", "frame_rate": 30, "height": 720, "type": "socket", "width": 1280});
    assert_eq!(told["video"], video);
    let audio = json!({
        "format": "mp3", "type": "socket", "url": "/tmp/virtual-inputs/ingest-audio.pipe", "destination": "microphone",
    });
    assert_eq!(told["audio"], audio);
    let ingest = json!({
        "audio": {
            "format": "mp3", "protocol": "socket", "url": "/input/devices/virtual/socket/audio",
            "destination": "microphone",
        },
        "video": {"format": "mpegts", "protocol": "socket", "url": "/input/devices/virtual/socket/video"},
    });
    assert_eq!(told["ingest"], ingest);
    assert_eq!((&told["mode"], told.get("video_file")), (&json!("virtual-file"), None));
}

#[test]
fn a_peer_is_told_with_where_to_offer() {
    let told = of(&json!({"video": {"type": "webrtc"}, "audio": {"type": "webrtc"}}), "pipewire");
    let video = json!({"format": "ivf", "frame_rate": 30, "height": 720, "type": "webrtc", "width": 1280});
    assert_eq!(told["video"], video);
    let offer = "/input/devices/virtual/webrtc/offer";
    assert_eq!(told["ingest"]["video"], json!({"format": "ivf", "protocol": "webrtc", "url": offer}));
    assert_eq!(told["ingest"]["audio"]["format"], "ogg");
    assert_eq!(told["ingest"]["audio"]["url"], offer);
}

#[test]
fn a_url_is_given_back_as_it_was_written() {
    for url in ["/media/a.mp4", "file:///media/a.mp4", "understudy:test-picture"] {
        let told = of(&json!({"video": {"type": "file", "url": url, "format": "mp4"}}), "pipewire");
        assert_eq!((&told["video"]["url"], &told["video"]["format"]), (&json!(url), &json!("mp4")));
        assert_eq!((told.get("audio"), told.get("ingest")), (None, None));
    }
}

#[test]
fn what_nobody_wrote_over_http_is_told_by_its_location() {
    let written: Configure =
        serde_json::from_value(json!({"video": {"type": "file", "url": "/media/a.mp4"}})).unwrap();
    let view = InputsView { configured: written.parse(Resolution::HD).ok(), ..InputsView::default() };
    assert_eq!(status(&view, None, &devices()).video.unwrap().url.unwrap(), "file:///media/a.mp4");
}

#[test]
fn a_failure_and_a_whole_second_are_told() {
    let view = InputsView {
        since: Some(UNIX_EPOCH),
        last_error: Some("the file has no picture".into()),
        ..InputsView::default()
    };
    let told = status(&view, None, &devices());
    assert_eq!(told.started_at.unwrap(), "1970-01-01T00:00:00.000000000+00:00");
    assert_eq!(told.last_error.unwrap(), "the file has no picture");
}

#[test]
fn who_may_only_look_is_shown_no_key() {
    let body = json!({
        "video": {"type": "stream", "url": "rtmp://a.example/live/KEY"},
        "audio": {"type": "stream", "url": "https://me:PASSWORD@a.example/radio?token=TOKEN"},
    });
    let written: Configure = serde_json::from_value(body).unwrap();
    let view =
        InputsView { configured: Some(written.parse(Resolution::HD).unwrap()), ..InputsView::default() };
    let shown = serde_json::to_string(&status(&view, Some(&written), &devices()).without_secrets()).unwrap();
    assert!(shown.contains("a.example"), "{shown}");
    for secret in ["KEY", "PASSWORD", "TOKEN"] {
        assert!(!shown.contains(secret), "{secret}: {shown}");
    }
}
