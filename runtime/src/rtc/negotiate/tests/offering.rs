//! Offers of ours, and stacks that answer them.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use parking_lot::Mutex;
use rtc::dtls::extension::extension_use_srtp::SrtpProtectionProfile;
use rtc::interceptor::Packet;
use rtc::peer_connection::RTCPeerConnection;
use rtc::peer_connection::sdp::RTCSessionDescription;
use rtc::rtcp::receiver_report::ReceiverReport;
use rtc::rtcp::reception_report::ReceptionReport;
use rtc::rtcp::transport_feedbacks::transport_layer_cc::{
    PacketStatusChunk, RecvDelta, RunLengthChunk, SymbolTypeTcc, TransportLayerCc,
};
use understudy_core::fanout::clock::Anchor;
use understudy_core::fanout::cut::{Cut, Cutter};
use understudy_core::fanout::history::History;
use understudy_core::guard::Policy;
use understudy_core::level::Level;
use understudy_core::media::{Track, Unit};
use understudy_core::offer::{DtlsRole, TRANSPORT_CC, Unusable};

use super::super::super::batch::Path;
use super::super::super::connection::State;
use super::super::super::directory::PeerId;
use super::super::super::ending::Why;
use super::super::super::feedback::Missing;
use super::super::super::spread::{Burst, Spread};
use super::super::super::viewer::{Offering, Showing, Viewer};
use super::super::super::{AnswerError, Ice, Lost, Progress};
use super::peer::{STEP, STEPS};
use super::wire::{THEIRS, hear, stack, turn};
use super::{ANNOUNCED, picture, seat};
use crate::rtc::transport_address::TransportProtocol;

/// Whoever answers, and what came of media.
struct Server {
    stack: RTCPeerConnection,
    arrived: Arc<Mutex<Vec<Packet>>>,
    now: Instant,
}

fn anywhere() -> Policy {
    Policy { allow: "*".parse().expect("a policy"), own: vec![] }
}

impl Server {
    fn new() -> Self {
        let (now, arrived) = (Instant::now(), Arc::<Mutex<Vec<Packet>>>::default());
        let seen = Arc::clone(&arrived);
        let profiles = vec![SrtpProtectionProfile::Srtp_Aead_Aes_128_Gcm];
        let stack = stack(profiles, move |packet| seen.lock().push(packet.clone()), now);
        Self { stack, arrived, now }
    }

    fn answer(&mut self, offer: &str) -> String {
        let offer = RTCSessionDescription::offer(offer.to_owned()).expect("an offer must be read");
        self.stack.set_remote_description(self.now, offer).expect("an offer must be taken");
        let candidate = understudy_rtc::host_candidate(THEIRS).expect("a candidate");
        self.stack.add_local_candidate(candidate).expect("a candidate");
        let answer = self.stack.create_answer(None).expect("an answer");
        self.stack.set_local_description(self.now, answer).expect("an answer");
        self.stack.local_description().expect("an answer").sdp
    }

    fn gets_in(&mut self, viewer: &mut Viewer) -> bool {
        (0..STEPS).any(|_| {
            turn(&mut self.stack, &mut viewer.connection, self.now);
            self.now += STEP;
            viewer.connection.state() == State::Live
        })
    }

    /// Tells how much of the picture came.
    fn reports(&mut self, viewer: &mut Viewer, ssrc: u32, newest: u16) {
        let report = ReceptionReport { ssrc, last_sequence_number: newest.into(), ..Default::default() };
        self.says(viewer, Box::new(ReceiverReport { ssrc: 1, reports: vec![report], ..Default::default() }));
    }

    /// Tells that a packet came which was counted so.
    fn counts(&mut self, viewer: &mut Viewer, base_sequence_number: u16) {
        let type_tcc_packet = SymbolTypeTcc::PacketReceivedSmallDelta;
        let run = RunLengthChunk {
            packet_status_symbol: type_tcc_packet,
            run_length: 1,
            ..RunLengthChunk::default()
        };
        self.says(
            viewer,
            Box::new(TransportLayerCc {
                base_sequence_number,
                packet_status_count: 1,
                packet_chunks: vec![PacketStatusChunk::RunLengthChunk(run)],
                recv_deltas: vec![RecvDelta { type_tcc_packet, delta: 0 }],
                ..TransportLayerCc::default()
            }),
        );
    }

    fn says(&mut self, viewer: &mut Viewer, packet: Box<dyn rtc::rtcp::Packet>) {
        let message = rtc::peer_connection::message::RTCMessage::RtcpPacket(String::new(), vec![packet]);
        let message = rtc::peer_connection::message::TaggedRTCMessage { now: self.now, message };
        rtc::sansio::Protocol::handle_write(&mut self.stack, message).expect("a report must be sent");
        turn(&mut self.stack, &mut viewer.connection, self.now);
    }
}

fn offering(ice: Ice) -> Offering {
    Offering::new((ice, Level::HD), &ANNOUNCED, seat()).expect("an offer must be made")
}

/// A server that has answered, and our side of it.
fn reached(setup: &str) -> (Server, Viewer) {
    reached_by(setup, |answer| answer)
}

/// The same, whose answer is worded otherwise.
fn reached_by(setup: &str, worded: impl Fn(String) -> String) -> (Server, Viewer) {
    let (mut server, offering) = (Server::new(), offering(Ice::Full));
    let answer = server.answer(&offering.sdp().replace("actpass", setup));
    // The stack takes the part that is left to it, and says that it has the other.
    let answer = if setup == "active" { answer.replace("setup:active", "setup:passive") } else { answer };
    let read = offering.read(&worded(answer)).expect("the answer must be read");
    let at = read.reachable(&anywhere()).expect("it says where it is");
    (server, offering.reaching(&read, &at, anywhere()).expect("the answer must be taken"))
}

#[test]
fn an_offer_is_one_stream_of_a_picture_and_a_sound_that_anybody_may_take() {
    let offering = offering(Ice::Full);
    let sdp = offering.sdp();
    for said in [
        "a=group:BUNDLE 0 1\r\n",
        "m=video 9 UDP/TLS/RTP/SAVPF 96 97\r\n",
        "a=fmtp:97 apt=96\r\n",
        "a=ssrc-group:FID ",
        "m=audio 9 UDP/TLS/RTP/SAVPF 111\r\n",
        "profile-level-id=42e01f",
        "packetization-mode=1",
        "a=rtcp-fb:96 nack pli\r\n",
        "a=rtcp-fb:96 ccm fir\r\n",
        "a=rtcp-fb:96 transport-cc\r\n",
        "a=end-of-candidates\r\n",
    ] {
        assert!(sdp.contains(said), "{said} in {sdp}");
    }
    for twice in ["a=sendonly\r\n", "a=rtcp-mux\r\n", "a=setup:actpass\r\n", "a=msid:understudy "] {
        assert_eq!(sdp.matches(twice).count(), 2, "{twice} in {sdp}");
    }
    assert!(!sdp.contains("ice-lite") && !sdp.contains("tcptype"), "{sdp}");
}

#[test]
fn whoever_is_to_check_is_told_that_we_do_not_and_where_tcp_reaches_us() {
    let offering = offering(Ice::Lite);
    assert!(!offering.sdp().contains("transport-cc"), "{}", offering.sdp());
    let session = offering.sdp().split("m=").next().expect("a session");
    assert!(session.contains("a=ice-lite\r\n"), "{session}");
    assert!(offering.sdp().contains("tcptype passive"), "{}", offering.sdp());
}

#[test]
fn a_server_gets_what_is_sent_and_its_reports_are_evidence_whoever_of_the_two_is_the_dtls_server() {
    for (setup, role) in [("active", DtlsRole::Client), ("passive", DtlsRole::Server)] {
        let (mut server, mut viewer) = reached(setup);
        assert_eq!(viewer.connection.role(), role, "{setup}");
        let progress = viewer.publish();
        assert!(server.gets_in(&mut viewer), "{setup}");
        viewer.connected(server.now);
        assert_eq!(*progress.borrow(), Progress::Connected);
        for _ in 0..4 {
            turn(&mut server.stack, &mut viewer.connection, server.now);
            server.now += STEP;
        }
        let now = Instant::now();
        viewer.begin(&History::default(), now);
        viewer.path = Some(Path::udp(THEIRS, None));
        let cut = Arc::new(Cutter::default().cut(picture(Bytes::from_static(&[0, 0, 0, 1, 0x65, 1, 2, 3]))));
        let anchor = Anchor { pts: cut.frame.pts, instant: now, wall: std::time::SystemTime::now() };
        let mut spread = Spread::default();
        viewer.show(PeerId(1), &Showing { cut: &cut, anchor, now }, &mut spread);
        for message in spread.messages().iter().flat_map(Burst::singly) {
            hear(&mut server.stack, TransportProtocol::UDP, &spread.bytes()[message.range], server.now);
            while rtc::sansio::Protocol::poll_read(&mut server.stack).is_some() {}
        }
        let header = server.arrived.lock().iter().find_map(|packet| match packet {
            Packet::Rtp(packet) => Some(packet.header.clone()),
            _ => None,
        });
        let header = header.expect("what was sent must be opened");
        server.reports(&mut viewer, header.ssrc, header.sequence_number);
        viewer.judge(now);
        let Progress::Sending(evidence) = *progress.borrow() else { panic!("{setup}: nothing was said") };
        assert_eq!(evidence.receipt.packets, 1);
        viewer.lost(Why::Closed);
        assert_eq!(*progress.borrow(), Progress::Lost(Lost::Closed));
    }
}

/// A server that is in, and is sent a picture each time.
struct Sending {
    server: Server,
    viewer: Viewer,
    cutter: Cutter,
    anchor: Anchor,
}

impl Sending {
    fn begin() -> Self {
        Self::begin_with(reached("passive"))
    }

    fn begin_with((mut server, mut viewer): (Server, Viewer)) -> Self {
        assert!(server.gets_in(&mut viewer));
        viewer.connected(server.now);
        let now = Instant::now();
        viewer.begin(&History::default(), now);
        viewer.path = Some(Path::udp(THEIRS, None));
        let anchor = Anchor { pts: Duration::ZERO, instant: now, wall: std::time::SystemTime::now() };
        Self { server, viewer, cutter: Cutter::default(), anchor }
    }

    /// So long after its beginning. Tells what leaves.
    fn show(&mut self, after: Duration) -> (Arc<Cut>, Vec<u8>) {
        self.send(picture(Bytes::from_static(&[0, 0, 0, 1, 0x65, 1, 2, 3])), after)
    }

    fn send(&mut self, unit: Unit, after: Duration) -> (Arc<Cut>, Vec<u8>) {
        let cut = Arc::new(self.cutter.cut(unit));
        let (mut spread, anchor) = (Spread::default(), self.anchor);
        let showing = Showing { cut: &cut, anchor, now: anchor.instant + after };
        self.viewer.show(PeerId(1), &showing, &mut spread);
        (cut, spread.bytes().to_vec())
    }
}

/// RFC 3550 §5.1: its number and its stream stand in the clear.
fn number(packet: &[u8]) -> u16 {
    u16::from_be_bytes([packet[2], packet[3]])
}

fn stream(packet: &[u8]) -> u32 {
    u32::from_be_bytes([packet[8], packet[9], packet[10], packet[11]])
}

#[test]
fn a_server_is_silent_that_says_nothing_of_what_it_goes_on_being_sent_and_not_one_that_is_sent_nothing() {
    let mut sending = Sending::begin();
    let progress = sending.viewer.publish();
    let (_, sent) = sending.show(Duration::ZERO);
    let Sending { server, viewer, anchor, .. } = &mut sending;
    server.reports(viewer, stream(&sent), number(&sent));
    viewer.judge(anchor.instant);
    for (from, span, silent) in [(1, 28, false), (600, 28, false), (640, 34, true)] {
        assert!(matches!(*progress.borrow(), Progress::Sending(_)), "before {from} s");
        (from..=from + span).step_by(2).for_each(|second| drop(sending.show(Duration::from_secs(second))));
        assert_eq!(*progress.borrow() == Progress::Silent, silent, "from {from} s on");
    }
}

#[test]
fn sound_alone_is_no_evidence_where_a_picture_is_sent() {
    let mut sending = Sending::begin();
    let progress = sending.viewer.publish();
    let (_, shown) = sending.show(Duration::ZERO);
    let sound = Unit { track: Track::opus(2), ..picture(Bytes::from_static(&[1, 2, 3])) };
    let (_, heard) = sending.send(sound, Duration::ZERO);
    assert_ne!(stream(&shown), stream(&heard));
    let Sending { server, viewer, anchor, .. } = &mut sending;
    for (packet, is_evidence) in [(&heard, false), (&shown, true)] {
        server.reports(viewer, stream(packet), number(packet));
        viewer.judge(anchor.instant);
        assert_eq!(matches!(*progress.borrow(), Progress::Sending(_)), is_evidence);
    }
}

#[test]
fn what_a_server_says_of_each_packet_is_evidence_and_packets_are_counted_for_it_until_it_reports() {
    let counting = |answer: String| {
        let counted = format!("a=extmap:1 {TRANSPORT_CC}\r\na=rtcp-fb:96 transport-cc\r\na=rtpmap:96 ");
        answer.replacen("a=rtpmap:96 ", &counted, 1).replace("SAVPF 96 97", "SAVPF 96")
    };
    let mut sending = Sending::begin_with(reached_by("passive", counting));
    let progress = sending.viewer.publish();
    let (cut, counted) = sending.show(Duration::ZERO);
    assert_eq!(
        (counted[0], &counted[12..17], &counted[17..19]),
        (0x90, &[0xbe, 0xde, 0, 1, 0x11][..], &counted[2..4])
    );
    let Sending { server, viewer, anchor, .. } = &mut sending;
    for _ in 0..4 {
        turn(&mut server.stack, &mut viewer.connection, server.now);
        server.now += STEP;
    }
    hear(&mut server.stack, TransportProtocol::UDP, &counted, server.now);
    while rtc::sansio::Protocol::poll_read(&mut server.stack).is_some() {}
    let opened = |packet: &Packet| matches!(packet, Packet::Rtp(packet) if packet.payload == cut.payloads[0]);
    assert!(server.arrived.lock().iter().any(opened), "what is counted must be opened");
    server.counts(viewer, number(&counted));
    viewer.judge(anchor.instant);
    let Progress::Sending(evidence) = *progress.borrow() else { panic!("nothing was said") };
    assert_eq!(evidence.receipt.packets, 1);
    server.reports(viewer, stream(&counted), number(&counted));
    viewer.judge(anchor.instant);
    let (mut history, mut again) = (History::default(), Vec::new());
    history.keep(&cut);
    let lost = Missing { ssrc: stream(&counted), sequence: number(&counted) };
    viewer.again(&[lost], &history, anchor.instant, |bytes| {
        again.extend_from_slice(bytes);
        true
    });
    assert_eq!(again, counted, "under the same number nothing else may ever be sent");
    assert_eq!(sending.show(STEP).1[0], 0x80, "it is counted no more");
}

#[test]
fn what_a_server_asks_for_again_comes_in_the_stream_that_repairs_and_each_time_under_another_number() {
    let mut sending = Sending::begin();
    let (cut, sent) = sending.show(Duration::ZERO);
    let mut history = History::default();
    history.keep(&cut);
    let lost = Missing { ssrc: stream(&sent), sequence: number(&sent) };
    let mut again = Vec::new();
    for later in [0, 1] {
        let now = sending.anchor.instant + Duration::from_secs(later);
        sending.viewer.again(&[lost], &history, now, |bytes| {
            again.push(bytes.to_vec());
            true
        });
    }
    let [first, second] = &again[..] else { panic!("{} packets", again.len()) };
    assert_eq!((first[1] & 0x7f, stream(first) == lost.ssrc), (97, false));
    assert_eq!((stream(second), number(second)), (stream(first), number(first).wrapping_add(1)));
    // Its own number stands ahead of what it carried (RFC 4588 §4).
    assert_eq!(first.len(), sent.len() + 2);
}

#[test]
fn whoever_has_another_certificate_than_it_named_is_sent_nothing() {
    let (mut server, offering) = (Server::new(), offering(Ice::Full));
    let answer = server.answer(offering.sdp());
    let print = answer.lines().find(|line| line.starts_with("a=fingerprint:")).expect("it is known by it");
    let other = print.replace(&print[print.len() - 5..], "00:00");
    let read = offering.read(&answer.replace(print, &other)).expect("the answer must be read");
    let at = read.reachable(&anywhere()).expect("it says where it is");
    let mut viewer = offering.reaching(&read, &at, anywhere()).expect("the answer must be taken");
    assert!(!server.gets_in(&mut viewer));
    assert_eq!(viewer.connection.state(), State::Gone(Why::NeverCame));
}

#[test]
fn a_server_where_nothing_may_be_is_not_reached_and_not_heard() {
    let (mut server, offering) = (Server::new(), offering(Ice::Full));
    let read = offering.read(&server.answer(offering.sdp())).expect("the answer must be read");
    assert!(matches!(read.reachable(&Policy::default()), Err(Unusable::Forbidden(_))));
    let mut viewer = offering.reaching(&read, &[], Policy::default()).expect("the answer must be taken");
    assert!(!server.gets_in(&mut viewer));
}

#[test]
fn a_server_that_does_not_answer_checks_is_given_up() {
    let (mut server, mut viewer) = reached("active");
    let mut sent = 0;
    for _ in 0..600 {
        viewer.connection.elapse(server.now);
        viewer.connection.drain(|to, _| sent += u32::from(to.socket == THEIRS));
        server.now += STEP;
    }
    assert!((20..400).contains(&sent), "{sent} checks");
    assert_eq!(viewer.connection.state(), State::Gone(Why::NeverCame));
}

#[test]
fn an_answer_that_cannot_be_used_says_why() {
    let offering = offering(Ice::Full);
    let answer = Server::new().answer(offering.sdp()).replace("m=audio 9", "m=audio 0");
    assert!(matches!(
        offering.read(&answer),
        Err(AnswerError::Unusable(Unusable::Rejected { kind: "audio" }))
    ));
}
