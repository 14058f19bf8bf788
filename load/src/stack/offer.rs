//! A connection that takes one H.264 picture and one Opus sound.

use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use rtc::interceptor::{Registry, Slot};
use rtc::peer_connection::configuration::RTCConfigurationBuilder;
use rtc::peer_connection::configuration::media_engine::{MIME_TYPE_H264, MIME_TYPE_OPUS, MediaEngine};
use rtc::peer_connection::configuration::setting_engine::{SettingEngine, SettingEngineBuilder};
use rtc::peer_connection::transport::RTCDtlsRole;
use rtc::peer_connection::{RTCPeerConnection, RTCPeerConnectionBuilder};
use rtc::rtp_transceiver::rtp_sender::{RTCPFeedback, RTCRtpCodec, RTCRtpCodecParameters, RtpCodecKind};
use rtc::rtp_transceiver::{RTCRtpTransceiverDirection, RTCRtpTransceiverInit};
use rtc::shared::error::Error;

use super::Heard;
use crate::pacing::CHECK_INTERVAL;
use crate::rtp::Kind;
use understudy_rtc::{SLOT, Tap};

/// RFC 7675 §5.1: one consent check each five seconds, and without an answer to any for 30 s no consent.
const CONSENT_INTERVAL: Duration = Duration::from_secs(5);
const DISCONNECTED_AFTER: Duration = Duration::from_secs(15);
const FAILED_AFTER: Duration = Duration::from_secs(15);
/// Of one address, until it counts as unreachable: ten seconds of one check each Ta.
const MAX_CHECKS: u16 = 200;
/// A packet that is sent again comes behind this many later ones at most.
const REPLAY_PACKETS: usize = 1024;
/// Levels and profiles that browsers offer: constrained baseline, baseline, main, high (RFC 6184 §8.1).
const H264: [(u8, &str); 4] = [(106, "42e01f"), (102, "42001f"), (112, "4d001f"), (114, "64001f")];
const OPUS: u8 = 111;

pub(super) fn connection(heard: Arc<Mutex<Vec<Heard>>>, now: Instant) -> Result<RTCPeerConnection, Error> {
    let mut engine = MediaEngine::default();
    for (payload_type, profile) in H264 {
        let fmtp = format!("level-asymmetry-allowed=1;packetization-mode=1;profile-level-id={profile}");
        engine.register_codec(codec(Kind::Video, payload_type, fmtp), RtpCodecKind::Video)?;
    }
    let fmtp = "minptime=10;useinbandfec=1".to_owned();
    engine.register_codec(codec(Kind::Audio, OPUS, fmtp), RtpCodecKind::Audio)?;
    let tap = Tap::new(move |packet| heard.lock().extend(Heard::of(packet)));
    RTCPeerConnectionBuilder::new()
        .with_configuration(RTCConfigurationBuilder::new().build())
        .with_setting_engine(settings())
        .with_media_engine(engine)
        .with_interceptor_registry(Registry::new().with(Slot::Custom(SLOT), tap))
        .build(now)
}

fn settings() -> SettingEngine {
    SettingEngineBuilder::new()
        .with_answering_dtls_role(RTCDtlsRole::Client)
        .with_ice_timeouts(Some(DISCONNECTED_AFTER), Some(FAILED_AFTER), Some(CONSENT_INTERVAL))
        // It looks each Ta, to nominate without delay; what leaves is paced by whoever sends.
        .with_ice_connection_attempts(Some(CHECK_INTERVAL), Some(MAX_CHECKS))
        .with_srtp_replay_protection_window(REPLAY_PACKETS)
        .with_include_loopback_candidate(true)
        .build()
}

pub(super) fn receive(connection: &mut RTCPeerConnection) -> Result<(), Error> {
    for kind in [RtpCodecKind::Video, RtpCodecKind::Audio] {
        let init = RTCRtpTransceiverInit {
            direction: RTCRtpTransceiverDirection::Recvonly,
            streams: vec![],
            send_encodings: vec![],
        };
        connection.add_transceiver_from_kind(kind, Some(init))?;
    }
    Ok(())
}

fn codec(kind: Kind, payload_type: u8, sdp_fmtp_line: String) -> RTCRtpCodecParameters {
    let (mime_type, channels, rtcp_feedback) = match kind {
        Kind::Video => (MIME_TYPE_H264, 0, vec![feedback("nack", ""), feedback("nack", "pli")]),
        Kind::Audio => (MIME_TYPE_OPUS, 2, vec![]),
    };
    let rtp_codec = RTCRtpCodec {
        mime_type: mime_type.to_owned(),
        clock_rate: kind.clock_hz(),
        channels,
        sdp_fmtp_line,
        rtcp_feedback,
    };
    RTCRtpCodecParameters { rtp_codec, payload_type }
}

fn feedback(typ: &str, parameter: &str) -> RTCPFeedback {
    RTCPFeedback { typ: typ.into(), parameter: parameter.into() }
}
