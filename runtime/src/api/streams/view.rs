//! A livestream as the source system's clients are told of it.

use serde::Serialize;
use understudy_core::spec::Output;
use utoipa::ToSchema;

use super::Settings;
use crate::session::StreamView;

/// A livestream. Addresses that its mode does not have are `null`.
#[derive(Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Stream {
    id: String,
    /// `internal`, `remote`, `webrtc`, `socket` or `whip`; and `recording`, which a resource alone can ask for.
    mode: &'static str,
    /// Where it is sent; empty if those who watch fetch it.
    ingest_url: String,
    /// Whether there is anything to be seen and, if it is sent somewhere, that is taken there.
    is_streaming: bool,
    /// RFC 3339.
    started_at: String,
    #[schema(required)]
    playback_url: Option<String>,
    #[schema(required)]
    secure_playback_url: Option<String>,
    #[schema(required)]
    websocket_url: Option<String>,
    #[schema(required)]
    webrtc_offer_url: Option<String>,
}

impl Stream {
    /// With what lets publish at its target: to who has just given that.
    pub fn to_its_owner(stream: &StreamView, settings: &Settings) -> Self {
        let shown = Self::to_anybody(stream, settings);
        match &stream.livestream.output {
            Output::RtmpPush(url) => Self {
                ingest_url: url.reveal().to_owned(),
                playback_url: Some(url.reveal().to_owned()),
                ..shown
            },
            Output::WebRtc | Output::Rtmp | Output::MpegTs | Output::Whip(_) | Output::Recording(_) => shown,
        }
    }

    pub fn to_anybody(stream: &StreamView, settings: &Settings) -> Self {
        let StreamView { livestream, since, is_streaming, .. } = stream;
        let id = livestream.name.clone();
        let played = |scheme: &str, port: u16| format!("{scheme}://127.0.0.1:{port}/live/{id}");
        let (plain, secure) = (settings.rtmp_port, settings.rtmps_port);
        let (mode, ingest_url) = match &livestream.output {
            Output::Rtmp => ("internal", plain.map_or_else(String::new, |port| played("rtmp", port))),
            Output::RtmpPush(url) => ("remote", url.to_string()),
            Output::Whip(target) => ("whip", target.to_string()),
            Output::WebRtc => ("webrtc", String::new()),
            Output::MpegTs => ("socket", String::new()),
            Output::Recording(_) => ("recording", String::new()),
        };
        let is = |output: &Output| livestream.output == *output;
        Self {
            mode,
            // What WHIP takes, nobody plays there.
            playback_url: Some(ingest_url.clone()).filter(|url| !url.is_empty() && mode != "whip"),
            secure_playback_url: secure.filter(|_| is(&Output::Rtmp)).map(|port| played("rtmps", port)),
            websocket_url: is(&Output::MpegTs).then(|| format!("/stream/socket/{id}")),
            webrtc_offer_url: is(&Output::WebRtc).then(|| "/stream/webrtc/offer".to_owned()),
            ingest_url,
            is_streaming: *is_streaming,
            started_at: jiff::Timestamp::try_from(*since).unwrap_or_default().to_string(),
            id,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use serde_json::{Value, json};
    use understudy_core::spec::{Choice, Livestream, PushUrl};

    use super::*;

    const SETTINGS: Settings = Settings { frame_rate: None, rtmp_port: Some(1935), rtmps_port: Some(1936) };

    fn stream(output: Output) -> StreamView {
        let livestream = Livestream { name: "a".into(), output, choice: Choice::default() };
        StreamView { livestream, since: SystemTime::UNIX_EPOCH, sending: None, is_streaming: true }
    }

    fn shown(output: Output) -> Value {
        serde_json::to_value(Stream::to_anybody(&stream(output), &SETTINGS)).unwrap()
    }

    #[test]
    fn each_mode_has_its_addresses_and_nulls() {
        let base = json!({"id": "a", "is_streaming": true, "started_at": "1970-01-01T00:00:00Z"});
        let with = |more: Value| {
            let mut whole = base.as_object().unwrap().clone();
            whole.extend(more.as_object().unwrap().clone());
            Value::Object(whole)
        };
        let (rtmp, rtmps) = ("rtmp://127.0.0.1:1935/live/a", "rtmps://127.0.0.1:1936/live/a");
        let internal = json!({"mode": "internal", "ingest_url": rtmp, "playback_url": rtmp, "secure_playback_url": rtmps,
            "websocket_url": null, "webrtc_offer_url": null});
        assert_eq!(shown(Output::Rtmp), with(internal));
        let webrtc = json!({"mode": "webrtc", "ingest_url": "", "playback_url": null, "secure_playback_url": null,
            "websocket_url": null, "webrtc_offer_url": "/stream/webrtc/offer"});
        assert_eq!(shown(Output::WebRtc), with(webrtc));
        let socket = json!({"mode": "socket", "ingest_url": "", "playback_url": null, "secure_playback_url": null,
            "websocket_url": "/stream/socket/a", "webrtc_offer_url": null});
        assert_eq!(shown(Output::MpegTs), with(socket));
    }

    #[test]
    fn only_who_gave_a_target_is_told_its_key() {
        let url = "rtmp://live.example.org/app/streamkey";
        let stream = stream(Output::RtmpPush(PushUrl::parse("", url).unwrap()));
        let owner = Stream::to_its_owner(&stream, &SETTINGS);
        assert_eq!((owner.ingest_url.as_str(), owner.playback_url.as_deref()), (url, Some(url)));
        let others = serde_json::to_string(&Stream::to_anybody(&stream, &SETTINGS)).unwrap();
        assert!(others.contains("rtmp://live.example.org/app") && !others.contains("streamkey"), "{others}");
    }
}
