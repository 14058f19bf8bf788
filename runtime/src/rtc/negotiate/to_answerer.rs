//! With whoever answers an offer of ours: one H.264 picture and one Opus sound go to it.

use std::sync::Arc;
use std::time::Instant;

use rtc::peer_connection::RTCPeerConnection;
use rtc::rtp_transceiver::{RTCRtpTransceiverDirection, RTCRtpTransceiverInit};
use rtc::shared::error::Error;
use understudy_core::level::Level;
use understudy_core::media::Kind;
use understudy_core::offer::{Codec, Encoding, counted};

use super::super::Ice;
use super::super::channels;
use super::super::feedback::Feedback;
use super::super::keys::Tapped;
use super::super::transport_address::{TransportAddress, TransportProtocol};
use super::to_viewer::{Sendings, engine, track, watched};
use super::{Known, Negotiated, announce, connection, described};

/// Numbers that mean nothing else to anybody (RFC 3551 §6).
const PICTURE: u8 = 96;
/// Constrained baseline, which everybody decodes (RFC 6184 §8.1). The level follows.
const PROFILE: &str = "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e0";
/// What is lost of the picture (RFC 4588 §8.6).
const AGAIN: u8 = 97;
/// Stereo, as it is encoded, is what each decoder takes (RFC 7587 §7.1).
const SOUND: (u8, &str) = (111, "minptime=10;stereo=1;sprop-stereo=1;useinbandfec=1");

/// An offer, and what it takes to go on with its answer. `level`: of the picture.
pub(in super::super) fn to_answerer(
    (ice, level): (Ice, Level),
    announced: &[TransportAddress],
    seen: Arc<Feedback>,
    cryptography: Arc<Tapped>,
    now: Instant,
) -> Result<(Negotiated, Sendings), Error> {
    let (stack, sendings) = prepare((ice, level), seen, cryptography, now)?;
    offer((stack, sendings), ice, announced, now)
}

/// The same, and data channels, to whoever comes to us.
pub(in super::super) fn to_desk(
    level: Level,
    announced: &[TransportAddress],
    seen: Arc<Feedback>,
    cryptography: Arc<Tapped>,
    now: Instant,
) -> Result<(Negotiated, Sendings), Error> {
    let (mut stack, sendings) = prepare((Ice::Lite, level), seen, cryptography, now)?;
    channels::offer(&mut stack)?;
    offer((stack, sendings), Ice::Lite, announced, now)
}

fn prepare(
    (ice, level): (Ice, Level),
    seen: Arc<Feedback>,
    cryptography: Arc<Tapped>,
    now: Instant,
) -> Result<(RTCPeerConnection, Sendings), Error> {
    let picture = Codec {
        encoding: Encoding::H264,
        payload_type: PICTURE,
        fmtp: format!("{PROFILE}{:02x}", level.idc()),
        repair: Some(AGAIN),
    };
    let sound =
        Codec { encoding: Encoding::Opus, payload_type: SOUND.0, fmtp: SOUND.1.to_owned(), repair: None };
    let codecs = [(Kind::Video, picture), (Kind::Audio, sound)];
    let engine = engine(codecs.iter().map(|(kind, codec)| (*kind, codec)))?;
    let peer = Known::Nothing(ice);
    let mut stack = connection(engine, watched(seen), Some(cryptography), &peer, now)?;
    let mut sendings = Sendings::default();
    for (kind, codec) in &codecs {
        let (track, sending) = track(*kind, codec);
        let init = RTCRtpTransceiverInit {
            direction: RTCRtpTransceiverDirection::Sendonly,
            streams: vec![],
            send_encodings: vec![],
        };
        stack.add_transceiver_from_track(track, Some(init))?;
        sendings.add(*kind, sending);
    }
    Ok((stack, sendings))
}

fn offer(
    (mut stack, sendings): (RTCPeerConnection, Sendings),
    ice: Ice,
    announced: &[TransportAddress],
    now: Instant,
) -> Result<(Negotiated, Sendings), Error> {
    // Who checks connects to nobody: what comes over TCP has to be begun by the other side, which then is the one that checks.
    let is_tried =
        |address: &&TransportAddress| ice == Ice::Lite || address.protocol == TransportProtocol::UDP;
    announce(&mut stack, announced.iter().filter(is_tried))?;
    let offer = stack.create_offer(None)?;
    stack.set_local_description(now, offer)?;
    let sdp = described(&stack);
    // A server is to say soon that something arrives. The stack sees nothing of what is sent, and need not know.
    let sdp = if ice == Ice::Full { counted(&sdp, PICTURE) } else { sdp };
    Ok((Negotiated::new(stack, sdp), sendings))
}
