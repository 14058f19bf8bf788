//! With a viewer: one picture, as H.264 or VP8, and one Opus sound go to it.

use std::sync::Arc;
use std::time::Instant;

use rtc::interceptor::{Registry, Slot};
use rtc::media_stream::MediaStreamTrack;
use rtc::peer_connection::configuration::media_engine::{MIME_TYPE_RTX, MediaEngine};
use rtc::rtp_transceiver::rtp_sender::{
    RTCRtpCodec, RTCRtpCodecParameters, RTCRtpCodingParameters, RTCRtpEncodingParameters, RTCRtpRtxParameters,
};
use rtc::shared::error::Error;
use understudy_core::fanout::clock;
use understudy_core::media::Kind;
use understudy_core::offer::{Codec, Offer};

use super::super::feedback::Feedback;
use super::super::keys::Tapped;
use super::super::transport_address::TransportAddress;
use super::{Known, Negotiated, answer, codec_kind, connection, feedback, mime_type};

/// Of picture and sound, whose name in reports this is too (RFC 5576 §6.1).
pub(in super::super) const STREAM: &str = "understudy";

/// The streams to a viewer.
#[derive(Default)]
pub(in super::super) struct Sendings {
    pub video: Option<Sending>,
    pub audio: Option<Sending>,
}

/// One stream to the viewer.
pub(in super::super) struct Sending {
    pub track: String,
    pub ssrc: u32,
    pub payload_type: u8,
    /// What is lost of it is sent again in this one, if the peer takes it.
    pub repair: Option<Repair>,
    /// The header extension in which its packets are counted, for a peer that says of each whether it came.
    pub counted: Option<u8>,
}

/// A stream of packets that are sent again (RFC 4588).
#[derive(Clone, Copy)]
pub(in super::super) struct Repair {
    pub payload_type: u8,
    pub ssrc: u32,
}

pub(in super::super) fn to_viewer(
    offer: &Offer,
    announced: &[TransportAddress],
    seen: Arc<Feedback>,
    cryptography: Arc<Tapped>,
    now: Instant,
) -> Result<(Negotiated, Sendings), Error> {
    let engine = engine(codecs(offer))?;
    let peer = Known::All(&offer.transport);
    let mut stack = connection(engine, watched(seen), Some(cryptography), &peer, now)?;
    let mut sendings = Sendings::default();
    for (kind, codec) in codecs(offer) {
        let (track, sending) = track(kind, codec);
        stack.add_track(track)?;
        sendings.add(kind, sending);
    }
    let sdp = answer(&mut stack, offer.sdp.clone(), announced, now)?;
    Ok((Negotiated::new(stack, sdp), sendings))
}

impl Sendings {
    pub(super) fn add(&mut self, kind: Kind, sending: Sending) {
        match kind {
            Kind::Video => self.video = Some(sending),
            Kind::Audio => self.audio = Some(sending),
        }
    }
}

/// What is sent, and nothing else.
pub(super) fn engine<'a>(codecs: impl Iterator<Item = (Kind, &'a Codec)>) -> Result<MediaEngine, Error> {
    let mut engine = MediaEngine::default();
    for (kind, codec) in codecs {
        engine.register_codec(parameters(kind, codec), codec_kind(kind))?;
        if let Some(payload_type) = codec.repair {
            engine.register_codec(repairing(payload_type, codec.payload_type), codec_kind(kind))?;
        }
    }
    Ok(engine)
}

/// Reports and retransmissions are ours: the stack sees nothing of what is sent.
pub(super) fn watched(seen: Arc<Feedback>) -> Registry {
    let tap = understudy_rtc::Tap::new(move |packet| seen.see(packet));
    Registry::new().with(Slot::Custom(understudy_rtc::SLOT), tap)
}

fn codecs(offer: &Offer) -> impl Iterator<Item = (Kind, &Codec)> {
    let video = offer.video.iter().map(|codec| (Kind::Video, codec));
    video.chain(offer.audio.iter().map(|codec| (Kind::Audio, codec)))
}

pub(super) fn track(kind: Kind, codec: &Codec) -> (MediaStreamTrack, Sending) {
    let repair = codec.repair.map(|payload_type| Repair { payload_type, ssrc: rand::random() });
    let ssrc = rand::random();
    let name = kind.media();
    let rtx = repair.map(|repair| RTCRtpRtxParameters { ssrc: repair.ssrc });
    let encoding = RTCRtpEncodingParameters {
        rtp_coding_parameters: RTCRtpCodingParameters { ssrc: Some(ssrc), rtx, ..Default::default() },
        codec: parameters(kind, codec).rtp_codec,
        ..Default::default()
    };
    // One stream for both: that is what makes a browser keep them in step.
    let track =
        MediaStreamTrack::new(STREAM.into(), name.into(), name.into(), codec_kind(kind), vec![encoding]);
    (track, Sending { track: name.to_owned(), ssrc, payload_type: codec.payload_type, repair, counted: None })
}

fn parameters(kind: Kind, codec: &Codec) -> RTCRtpCodecParameters {
    let rtp_codec = RTCRtpCodec {
        mime_type: mime_type(codec.encoding).to_owned(),
        clock_rate: clock::rate_hz(kind),
        channels: match kind {
            Kind::Video => 0,
            Kind::Audio => 2,
        },
        sdp_fmtp_line: codec.fmtp.clone(),
        rtcp_feedback: match kind {
            // What of it was not offered is not answered.
            Kind::Video => vec![
                feedback("nack", ""),
                feedback("nack", "pli"),
                feedback("ccm", "fir"),
                feedback("goog-remb", ""),
            ],
            Kind::Audio => vec![],
        },
    };
    RTCRtpCodecParameters { rtp_codec, payload_type: codec.payload_type }
}

/// Of the stream in which what is lost of the picture is sent again.
fn repairing(payload_type: u8, lost: u8) -> RTCRtpCodecParameters {
    let rtp_codec = RTCRtpCodec {
        mime_type: MIME_TYPE_RTX.to_owned(),
        clock_rate: clock::rate_hz(Kind::Video),
        sdp_fmtp_line: format!("apt={lost}"),
        ..RTCRtpCodec::default()
    };
    RTCRtpCodecParameters { rtp_codec, payload_type }
}
