//! A publisher whose streams no SDP announces, as Chrome offers them beside `a=rid`.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use parking_lot::Mutex;
use rtc::interceptor::Packet;
use rtc::media_stream::MediaStreamTrack;
use rtc::peer_connection::RTCPeerConnection;
use rtc::peer_connection::configuration::media_engine::{MIME_TYPE_H264, MIME_TYPE_OPUS};
use rtc::peer_connection::message::{RTCMessage, TaggedRTCMessage};
use rtc::peer_connection::sdp::RTCSessionDescription;
use rtc::rtcp::receiver_report::ReceiverReport;
use rtc::rtcp::sender_report::SenderReport;
use rtc::rtcp::transport_feedbacks::transport_layer_nack::{NackPair, TransportLayerNack};
use rtc::rtp;
use rtc::rtp_transceiver::rtp_sender::{
    RTCPFeedback, RTCRtpCodec, RTCRtpCodingParameters, RTCRtpEncodingParameters, RtpCodecKind,
};
use rtc::sansio::Protocol;
use understudy_core::offer;

use super::super::super::connection::State;
use super::super::super::publisher::Publisher;
use super::super::super::transport_address::TransportProtocol;
use super::super::super::{Packet as Delivered, Report, Sink, Taken};
use super::peer::{STEP, STEPS};
use super::wire::{offered, stack, turn};
use super::{ANNOUNCED, Nowhere, seat};
use understudy_core::fanout::clock::Moment;
use understudy_core::media::Kind;

const SSRC: u32 = 7;
const TRACK: &str = "picture";
/// RFC 3550 §6.2: a report comes within five seconds.
const REPORTED_WITHIN: Duration = Duration::from_secs(5);

/// What came back.
#[derive(Default)]
struct Heard {
    missing: Vec<u16>,
    reported: bool,
}

impl Heard {
    fn see(&mut self, packet: &Packet) {
        let Packet::Rtcp(packets) = packet else { return };
        for packet in packets {
            if let Some(nack) = packet.as_any().downcast_ref::<TransportLayerNack>()
                && nack.media_ssrc == SSRC
            {
                self.missing.extend(nack.nacks.iter().flat_map(NackPair::packet_list));
            }
            let report = packet.as_any().downcast_ref::<ReceiverReport>();
            self.reported |= report.is_some_and(|report| report.reports.iter().any(|of| of.ssrc == SSRC));
        }
    }
}

fn picture() -> RTCRtpCodec {
    RTCRtpCodec {
        mime_type: MIME_TYPE_H264.to_owned(),
        clock_rate: 90_000,
        channels: 0,
        sdp_fmtp_line: "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f".to_owned(),
        rtcp_feedback: vec![RTCPFeedback { typ: "nack".to_owned(), parameter: String::new() }],
    }
}

/// With a picture alone the stack would know what belongs to it.
fn sound() -> RTCRtpCodec {
    RTCRtpCodec {
        mime_type: MIME_TYPE_OPUS.to_owned(),
        clock_rate: 48_000,
        channels: 2,
        sdp_fmtp_line: "minptime=10;useinbandfec=1".to_owned(),
        rtcp_feedback: vec![],
    }
}

fn track(name: &str, kind: RtpCodecKind, codec: RTCRtpCodec, ssrc: u32) -> MediaStreamTrack {
    let rtp_coding_parameters = RTCRtpCodingParameters { ssrc: Some(ssrc), ..Default::default() };
    let encoding = RTCRtpEncodingParameters { rtp_coding_parameters, codec, ..Default::default() };
    MediaStreamTrack::new("s".into(), name.into(), name.into(), kind, vec![encoding])
}

/// A publisher that is in, its stack, and the payload type of its picture.
fn joined(
    heard: &Arc<Mutex<Heard>>,
    sink: Box<dyn Sink>,
    now: &mut Instant,
) -> (RTCPeerConnection, Publisher, u8) {
    let seen = Arc::clone(heard);
    let mut theirs = stack(vec![], move |packet| seen.lock().see(packet), *now);
    theirs.add_track(track(TRACK, RtpCodecKind::Video, picture(), SSRC)).expect("a track");
    theirs.add_track(track("sound", RtpCodecKind::Audio, sound(), SSRC + 1)).expect("a track");
    let offer = offered(&mut theirs, TransportProtocol::UDP, *now);
    assert!(offer.contains("a=ssrc:7 "), "{offer}");
    let silent: String =
        offer.lines().filter(|line| !line.starts_with("a=ssrc")).flat_map(|line| [line, "\r\n"]).collect();
    let read = offer::incoming(&silent).expect("the offer must be read");
    let payload_type = read.formats.iter().find(|format| format.encoding == offer::Encoding::H264);
    let payload_type = payload_type.expect("H.264 must be taken").payload_type;
    let (mut publisher, answer) =
        Publisher::answer(&read, &ANNOUNCED, sink, seat()).expect("the offer must be answered");
    let answer = RTCSessionDescription::answer(answer.sdp).expect("the answer must be read");
    theirs.set_remote_description(*now, answer).expect("the peer must take the answer");
    for _ in 0..STEPS {
        turn(&mut theirs, &mut publisher.connection, *now);
        *now += STEP;
        if publisher.connection.state() == State::Live {
            // Until the peer too has the keys.
            (0..4).for_each(|_| turn(&mut theirs, &mut publisher.connection, *now));
            return (theirs, publisher, payload_type);
        }
    }
    panic!("the publisher must get in");
}

fn send(theirs: &mut RTCPeerConnection, payload_type: u8, sequence_number: u16, now: Instant) {
    let header = rtp::Header { version: 2, payload_type, sequence_number, ssrc: SSRC, ..Default::default() };
    let payload = Bytes::from_static(&[0x65, 1, 2, 3]);
    let message = RTCMessage::RtpPacket(TRACK.into(), rtp::Packet { header, payload });
    theirs.handle_write(TaggedRTCMessage { now, message }).expect("a packet must be sent");
}

/// What was reported.
#[derive(Clone, Default)]
struct Reported(Arc<Mutex<Vec<Report>>>);

impl Sink for Reported {
    fn take(&self, _: Delivered) -> Taken {
        Taken::Yes
    }

    fn report(&self, report: Report) {
        self.0.lock().push(report);
    }
}

#[test]
fn reports_of_the_stream_that_is_taken_are_passed_on_also_when_they_come_ahead_of_it() {
    let (reported, mut now) = (Reported::default(), Instant::now());
    let (mut theirs, mut publisher, payload_type) =
        joined(&Arc::default(), Box::new(reported.clone()), &mut now);
    let first = Moment { ntp: 5 << 32, rtp: 90_000 };
    for ssrc in [SSRC, SSRC + 2] {
        tell(&mut theirs, ssrc, first, now);
    }
    deliver(&mut theirs, &mut publisher, &mut now);
    assert!(reported.0.lock().is_empty(), "nothing came of these streams");

    send(&mut theirs, payload_type, 1, now);
    deliver(&mut theirs, &mut publisher, &mut now);
    let second = Moment { ntp: 6 << 32, rtp: 180_000 };
    tell(&mut theirs, SSRC, second, now);
    deliver(&mut theirs, &mut publisher, &mut now);
    let expected = [first, second].map(|moment| Report { kind: Kind::Video, ssrc: SSRC, moment });
    assert_eq!(*reported.0.lock(), expected);
}

fn tell(theirs: &mut RTCPeerConnection, ssrc: u32, Moment { ntp, rtp }: Moment, now: Instant) {
    let report: Box<dyn rtc::rtcp::Packet> =
        Box::new(SenderReport { ssrc, ntp_time: ntp, rtp_time: rtp, ..SenderReport::default() });
    let message = RTCMessage::RtcpPacket(TRACK.into(), vec![report]);
    theirs.handle_write(TaggedRTCMessage { now, message }).expect("a report must be sent");
}

fn deliver(theirs: &mut RTCPeerConnection, publisher: &mut Publisher, now: &mut Instant) {
    turn(theirs, &mut publisher.connection, *now);
    publisher.deliver(*now);
    *now += STEP;
}

#[test]
fn a_publisher_that_announces_no_stream_hears_what_is_missing_and_how_it_fares() {
    let (heard, mut now) = (Arc::<Mutex<Heard>>::default(), Instant::now());
    let (mut theirs, mut publisher, payload_type) = joined(&heard, Box::new(Nowhere), &mut now);
    for sequence_number in (1..=20).filter(|number| *number != 10) {
        send(&mut theirs, payload_type, sequence_number, now);
        turn(&mut theirs, &mut publisher.connection, now);
        now += STEP;
    }
    assert_eq!(publisher.deliver(now).unwanted, 19, "they must have come");
    let until = now + REPORTED_WITHIN;
    while now < until {
        turn(&mut theirs, &mut publisher.connection, now);
        now += STEP;
    }
    let heard = heard.lock();
    assert!(
        heard.missing.contains(&10) && heard.missing.iter().all(|number| *number == 10),
        "{:?}",
        heard.missing
    );
    assert!(heard.reported, "no receiver report came");
}
