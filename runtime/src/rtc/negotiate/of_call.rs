//! With whoever is called, or calls: picture and sound go both ways.

use std::sync::Arc;
use std::time::Instant;

use rtc::interceptor::{Registry, Slot};
use rtc::peer_connection::RTCPeerConnection;
use rtc::peer_connection::configuration::media_engine::MediaEngine;
use rtc::peer_connection::sdp::RTCSessionDescription;
use rtc::rtp_transceiver::{RTCRtpTransceiverDirection, RTCRtpTransceiverInit};
use rtc::shared::error::Error;
use understudy_core::media::Kind;
use understudy_core::offer::{Agreement, Codec, Encoding, Format, Refresh, Way};

use super::super::arrivals::Arrivals;
use super::super::feedback::Feedback;
use super::super::keys::Tapped;
use super::super::transport_address::TransportAddress;
use super::from_publisher::{parameters, receiving, reporting};
use super::to_viewer::{Sendings, track};
use super::{Known, Negotiated, announce, codec_kind, connection, described};

/// Numbers that mean nothing else to anybody (RFC 3551 §6), and what everybody decodes (RFC 6184 §8.1): VP8 first, which pages without
/// WebRTC play too.
const VP8: u8 = 96;
const H264: (u8, &str) = (98, "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f");
/// Stereo, as it is encoded, is what each decoder takes (RFC 7587 §7.1).
const OPUS: (u8, &str) = (111, "minptime=10;stereo=1;sprop-stereo=1;useinbandfec=1");

/// What is seen of a call by who drives it.
pub(in super::super) struct Seen {
    pub feedback: Arc<Feedback>,
    pub arrivals: Arc<Arrivals>,
    pub cryptography: Arc<Tapped>,
}

/// An offer of ours.
pub(in super::super) fn to_callee(
    announced: &[TransportAddress],
    seen: &Seen,
    now: Instant,
) -> Result<(Negotiated, Sendings), Error> {
    let formats = formats();
    let mut stack = stack(&formats, seen, &Known::Callee, now)?;
    let mut sendings = Sendings::default();
    // As what it is sent the answer says.
    let [vp8, _, opus] = &formats;
    for format in [vp8, opus] {
        let kind = format.encoding.kind();
        let (track, sending) = track(kind, &codec(format));
        let direction = RTCRtpTransceiverDirection::Sendrecv;
        let init = RTCRtpTransceiverInit { direction, streams: vec![], send_encodings: vec![] };
        stack.add_transceiver_from_track(track, Some(init))?;
        sendings.add(kind, sending);
    }
    announce(&mut stack, announced.iter())?;
    let offer = stack.create_offer(None)?;
    stack.set_local_description(now, offer)?;
    let sdp = described(&stack);
    Ok((Negotiated::new(stack, sdp), sendings))
}

/// The stack's answer to whoever calls.
pub(in super::super) fn to_caller(
    agreement: &Agreement,
    announced: &[TransportAddress],
    seen: &Seen,
    now: Instant,
) -> Result<(Negotiated, Sendings), Error> {
    let offered = [&agreement.video, &agreement.audio].into_iter().flat_map(named).collect::<Vec<Format>>();
    let mut stack = stack(&offered, seen, &Known::Caller(&agreement.transport), now)?;
    let mut sendings = Sendings::default();
    for kind in [Kind::Video, Kind::Audio] {
        if let Some(codec) = &agreement.way(kind).sent {
            let (track, sending) = track(kind, codec);
            stack.add_track(track)?;
            sendings.add(kind, sending);
        }
    }
    stack.set_remote_description(now, RTCSessionDescription::offer(agreement.sdp().to_owned())?)?;
    announce(&mut stack, announced.iter())?;
    let answer = stack.create_answer(None)?;
    stack.set_local_description(now, answer)?;
    let sdp = described(&stack);
    Ok((Negotiated::new(stack, sdp), sendings))
}

/// What may come, and what is sent where nothing does.
fn named(way: &Way) -> Vec<Format> {
    let sent = way.sent.iter().filter(|_| way.comes.is_empty()).map(|codec| Format {
        encoding: codec.encoding,
        payload_type: codec.payload_type,
        fmtp: codec.fmtp.clone(),
        refresh: Refresh::PictureLoss,
    });
    way.comes.iter().cloned().chain(sent).collect()
}

fn stack(
    formats: &[Format],
    seen: &Seen,
    peer: &Known<'_>,
    now: Instant,
) -> Result<RTCPeerConnection, Error> {
    let mut engine = MediaEngine::default();
    for format in formats {
        engine.register_codec(parameters(format), codec_kind(format.encoding.kind()))?;
    }
    let interceptors = reporting(&mut engine, watched(formats, seen))?;
    connection(engine, interceptors, Some(Arc::clone(&seen.cryptography) as _), peer, now)
}

/// What comes is heard of in both ways: as media, and as word of ours.
fn watched(formats: &[Format], seen: &Seen) -> Registry {
    let (feedback, arrivals) = (Arc::clone(&seen.feedback), Arc::clone(&seen.arrivals));
    let tap = understudy_rtc::Tap::new(move |packet| {
        feedback.see(packet);
        arrivals.see(packet);
    });
    receiving(formats).with(Slot::Custom(understudy_rtc::SLOT), tap)
}

fn formats() -> [Format; 3] {
    let format = |encoding, payload_type, fmtp: &str| Format {
        encoding,
        payload_type,
        fmtp: fmtp.to_owned(),
        refresh: Refresh::PictureLoss,
    };
    [
        format(Encoding::Vp8, VP8, ""),
        format(Encoding::H264, H264.0, H264.1),
        format(Encoding::Opus, OPUS.0, OPUS.1),
    ]
}

fn codec(format: &Format) -> Codec {
    let Format { encoding, payload_type, fmtp, .. } = format;
    Codec { encoding: *encoding, payload_type: *payload_type, fmtp: fmtp.clone(), repair: None }
}
