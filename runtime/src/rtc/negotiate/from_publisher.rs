//! With a publisher: what it offers comes in.

use std::sync::Arc;
use std::time::{Duration, Instant};

use rtc::interceptor::{
    NackGeneratorBuilder, RTCPFeedback, ReceiverReportBuilder, Registry, Slot, StreamInfo,
    TwccReceiverBuilder,
};
use rtc::peer_connection::configuration::media_engine::MediaEngine;
use rtc::rtp_transceiver::rtp_sender::{
    RTCRtpCodec, RTCRtpCodecParameters, RTCRtpHeaderExtensionCapability, RtpCodecKind,
};
use rtc::shared::error::Error;
use understudy_core::fanout::clock;
use understudy_core::media::Kind;
use understudy_core::offer::{Format, Incoming, TRANSPORT_CC};
use understudy_rtc::Unannounced;

use super::super::arrivals::Arrivals;
use super::super::transport_address::TransportAddress;
use super::{Known, Negotiated, answer, codec_kind, connection, feedback, mime_type};

/// How often missing packets are asked for: a few times within what the receiver waits for one.
const ASK_AGAIN_INTERVAL: Duration = Duration::from_millis(20);
/// A packet that did not come after this often does not come in time.
const ASK_AGAIN_TIMES: u16 = 6;
/// Packets that are remembered; a power of two, and more than arrive while one is waited for.
const REMEMBERED_PACKETS: u16 = 1024;
/// As libwebrtc does; a sender that hears less often is slower to find its rate.
const ARRIVAL_REPORT_INTERVAL: Duration = Duration::from_millis(100);

pub(in super::super) fn from_publisher(
    offer: &Incoming,
    announced: &[TransportAddress],
    arrivals: Arc<Arrivals>,
    now: Instant,
) -> Result<Negotiated, Error> {
    let mut engine = MediaEngine::default();
    for format in &offer.formats {
        engine.register_codec(parameters(format), codec_kind(format.encoding.kind()))?;
    }
    let tap = understudy_rtc::Tap::new(move |packet| arrivals.see(packet));
    let mut interceptors = receiving(&offer.formats).with(Slot::Custom(understudy_rtc::SLOT), tap);
    if offer.reports_arrival {
        interceptors = reporting(&mut engine, interceptors)?;
    }
    let mut stack = connection(engine, interceptors, None, &Known::All(&offer.transport), now)?;
    let sdp = answer(&mut stack, offer.sdp.clone(), announced, now)?;
    Ok(Negotiated::new(stack, sdp))
}

/// What comes in these formats is asked for again where it is missing, and reported on.
pub(super) fn receiving(formats: &[Format]) -> Registry {
    let streams: Vec<_> = formats.iter().map(stream).collect();
    Registry::new()
        .with(Slot::NackGenerator, Unannounced::new(nack_generator(), streams.clone()))
        .with(Slot::ReceiverReport, Unannounced::new(ReceiverReportBuilder::new().build(), streams))
}

/// It is said of each packet whether it came.
pub(super) fn reporting(engine: &mut MediaEngine, interceptors: Registry) -> Result<Registry, Error> {
    for kind in [RtpCodecKind::Video, RtpCodecKind::Audio] {
        let extension = RTCRtpHeaderExtensionCapability { uri: TRANSPORT_CC.to_owned() };
        engine.register_header_extension(extension, kind, None)?;
    }
    let reports = TwccReceiverBuilder::new().with_interval(ARRIVAL_REPORT_INTERVAL).build();
    Ok(interceptors.with(Slot::TwccReceiver, reports))
}

fn nack_generator() -> rtc::interceptor::NackGeneratorInterceptor {
    NackGeneratorBuilder::new()
        .with_size(REMEMBERED_PACKETS)
        .with_interval(ASK_AGAIN_INTERVAL)
        .with_max_nacks_per_packet(ASK_AGAIN_TIMES)
        .build()
}

/// What comes in this format, as the stack would tell its interceptors of an announced one.
fn stream(format: &Format) -> StreamInfo {
    let RTCRtpCodecParameters { rtp_codec, payload_type } = parameters(format);
    let feedback = |one: &rtc::rtp_transceiver::rtp_sender::RTCPFeedback| RTCPFeedback {
        typ: one.typ.clone(),
        parameter: one.parameter.clone(),
    };
    StreamInfo {
        payload_type,
        mime_type: rtp_codec.mime_type,
        clock_rate: rtp_codec.clock_rate,
        channels: rtp_codec.channels,
        sdp_fmtp_line: rtp_codec.sdp_fmtp_line,
        rtcp_feedback: rtp_codec.rtcp_feedback.iter().map(feedback).collect(),
        ..StreamInfo::default()
    }
}

pub(super) fn parameters(format: &Format) -> RTCRtpCodecParameters {
    let kind = format.encoding.kind();
    let rtp_codec = RTCRtpCodec {
        mime_type: mime_type(format.encoding).to_owned(),
        clock_rate: clock::rate_hz(kind),
        channels: match kind {
            Kind::Video => 0,
            Kind::Audio => 2,
        },
        sdp_fmtp_line: format.fmtp.clone(),
        rtcp_feedback: match kind {
            Kind::Video => vec![
                feedback("nack", ""),
                feedback("nack", "pli"),
                feedback("ccm", "fir"),
                feedback("transport-cc", ""),
            ],
            Kind::Audio => vec![feedback("transport-cc", "")],
        },
    };
    RTCRtpCodecParameters { rtp_codec, payload_type: format.payload_type }
}
