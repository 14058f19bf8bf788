//! From an offer to a peer connection with an answer.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rtc::dtls::extension::extension_use_srtp::SrtpProtectionProfile;
use rtc::interceptor::{NackResponderBuilder, Registry, Slot};
use rtc::media_stream::MediaStreamTrack;
use rtc::peer_connection::configuration::RTCConfigurationBuilder;
use rtc::peer_connection::configuration::media_engine::{MIME_TYPE_H264, MIME_TYPE_OPUS, MediaEngine};
use rtc::peer_connection::configuration::setting_engine::{SettingEngine, SettingEngineBuilder};
use rtc::peer_connection::sdp::RTCSessionDescription;
use rtc::peer_connection::transport::{
    CandidateConfig, CandidateHostConfig, RTCDtlsRole, RTCIceCandidate, RTCIceCandidateInit,
};
use rtc::peer_connection::{RTCPeerConnection, RTCPeerConnectionBuilder};
use rtc::rtp_transceiver::RTCRtpSenderId;
use rtc::rtp_transceiver::rtp_sender::{
    RTCPFeedback, RTCRtpCodec, RTCRtpCodecParameters, RTCRtpCodingParameters, RTCRtpEncodingParameters,
    RtpCodecKind,
};
use rtc::shared::error::Error;
use understudy_core::fanout::clock;
use understudy_core::media::Kind;
use understudy_core::offer::{Codec, Offer};

use super::feedback::{Feedback, Tap};

/// About 1.5 s of a 2.5 Mbps picture; must be a power of two.
const RETRANSMIT_PACKETS: u16 = 512;
/// Behind every interceptor of the stack.
const TAP_SLOT: usize = 500;
/// Two consent checks missed (RFC 7675 §5.1: one each 5 s).
const DISCONNECTED_AFTER: Duration = Duration::from_secs(8);
/// Silence after that before a viewer counts as gone.
const FAILED_AFTER: Duration = Duration::from_secs(7);

pub(super) struct Negotiated {
    pub connection: RTCPeerConnection,
    pub ufrag: String,
    pub sdp: String,
    pub feedback: Arc<Feedback>,
    pub video: Option<Sending>,
    pub audio: Option<Sending>,
}

/// One stream to the viewer.
pub(super) struct Sending {
    pub sender: RTCRtpSenderId,
    pub track: String,
    pub ssrc: u32,
    pub payload_type: u8,
}

pub(super) fn negotiate(offer: &Offer, announced: &[SocketAddr], now: Instant) -> Result<Negotiated, Error> {
    // ICE wants at least 24 and 128 random bits (RFC 8445 §5.3); letters and digits only.
    let ufrag = format!("{:016x}", rand::random::<u64>());
    let password = format!("{:032x}", rand::random::<u128>());
    let feedback = Arc::new(Feedback::default());
    let mut engine = MediaEngine::default();
    for (kind, codec) in codecs(offer) {
        engine.register_codec(parameters(kind, codec), codec_kind(kind))?;
    }
    let interceptors = Registry::new()
        .with(Slot::NackResponder, NackResponderBuilder::new().with_size(RETRANSMIT_PACKETS).build())
        .with(Slot::Custom(TAP_SLOT), Tap::new(Arc::clone(&feedback)));
    let mut connection = RTCPeerConnectionBuilder::new()
        .with_configuration(RTCConfigurationBuilder::new().build())
        .with_setting_engine(settings(&ufrag, &password))
        .with_media_engine(engine)
        .with_interceptor_registry(interceptors)
        .build(now)?;
    let mut video = None;
    let mut audio = None;
    for (kind, codec) in codecs(offer) {
        let sending = Some(add_track(&mut connection, kind, codec)?);
        match kind {
            Kind::Video => video = sending,
            Kind::Audio => audio = sending,
        }
    }
    let sdp = answer(&mut connection, offer, announced, now)?;
    Ok(Negotiated { connection, ufrag, sdp, feedback, video, audio })
}

fn codecs(offer: &Offer) -> impl Iterator<Item = (Kind, &Codec)> {
    let video = offer.video.iter().map(|codec| (Kind::Video, codec));
    video.chain(offer.audio.iter().map(|codec| (Kind::Audio, codec)))
}

fn settings(ufrag: &str, password: &str) -> SettingEngine {
    SettingEngineBuilder::new()
        .with_lite(true)
        .with_answering_dtls_role(RTCDtlsRole::Server)
        // The first is the cheapest by far; the second is what every client knows.
        .with_srtp_protection_profiles(vec![
            SrtpProtectionProfile::Srtp_Aead_Aes_128_Gcm,
            SrtpProtectionProfile::Srtp_Aes128_Cm_Hmac_Sha1_80,
        ])
        .with_ice_credentials(ufrag.to_owned(), password.to_owned())
        .with_ice_timeouts(Some(DISCONNECTED_AFTER), Some(FAILED_AFTER), None)
        .with_include_loopback_candidate(true)
        .build()
}

fn add_track(connection: &mut RTCPeerConnection, kind: Kind, codec: &Codec) -> Result<Sending, Error> {
    let ssrc = rand::random();
    let name = match kind {
        Kind::Video => "video",
        Kind::Audio => "audio",
    };
    let encoding = RTCRtpEncodingParameters {
        rtp_coding_parameters: RTCRtpCodingParameters { ssrc: Some(ssrc), ..Default::default() },
        codec: parameters(kind, codec).rtp_codec,
        ..Default::default()
    };
    // One stream for both: that is what makes a browser keep them in step.
    let track = MediaStreamTrack::new(
        "understudy".into(),
        name.into(),
        name.into(),
        codec_kind(kind),
        vec![encoding],
    );
    let sender = connection.add_track(track)?;
    Ok(Sending { sender, track: name.to_owned(), ssrc, payload_type: codec.payload_type })
}

fn answer(
    connection: &mut RTCPeerConnection,
    offer: &Offer,
    announced: &[SocketAddr],
    now: Instant,
) -> Result<String, Error> {
    connection.set_remote_description(now, RTCSessionDescription::offer(offer.sdp.clone())?)?;
    for address in announced {
        connection.add_local_candidate(host_candidate(*address)?)?;
    }
    connection.add_local_candidate(RTCIceCandidateInit::default())?;
    let answer = connection.create_answer(None)?;
    connection.set_local_description(now, answer)?;
    let sdp = connection.local_description().map(|description| description.sdp).unwrap_or_default();
    Ok(tidy(&sdp))
}

fn host_candidate(address: SocketAddr) -> Result<RTCIceCandidateInit, Error> {
    let base_config = CandidateConfig {
        network: "udp".to_owned(),
        address: address.ip().to_string(),
        port: address.port(),
        component: 1,
        ..Default::default()
    };
    let candidate = CandidateHostConfig { base_config, ..Default::default() }.new_candidate_host()?;
    RTCIceCandidate::from(&candidate).to_json()
}

/// The stack lists each candidate for RTCP too, which shares the one port.
fn tidy(sdp: &str) -> String {
    let for_rtcp =
        |line: &str| line.strip_prefix("a=candidate:").and_then(|rest| rest.split(' ').nth(1)) == Some("2");
    sdp.lines().filter(|line| !for_rtcp(line)).flat_map(|line| [line, "\r\n"]).collect()
}

fn codec_kind(kind: Kind) -> RtpCodecKind {
    match kind {
        Kind::Video => RtpCodecKind::Video,
        Kind::Audio => RtpCodecKind::Audio,
    }
}

fn parameters(kind: Kind, codec: &Codec) -> RTCRtpCodecParameters {
    let feedback = |typ: &str, parameter: &str| RTCPFeedback { typ: typ.into(), parameter: parameter.into() };
    let rtp_codec = RTCRtpCodec {
        mime_type: match kind {
            Kind::Video => MIME_TYPE_H264.to_owned(),
            Kind::Audio => MIME_TYPE_OPUS.to_owned(),
        },
        clock_rate: clock::rate_hz(kind),
        channels: match kind {
            Kind::Video => 0,
            Kind::Audio => 2,
        },
        sdp_fmtp_line: codec.fmtp.clone(),
        rtcp_feedback: match kind {
            Kind::Video => vec![feedback("nack", ""), feedback("nack", "pli"), feedback("ccm", "fir")],
            Kind::Audio => vec![],
        },
    };
    RTCRtpCodecParameters { rtp_codec, payload_type: codec.payload_type }
}
