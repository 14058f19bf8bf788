//! A viewer or publisher on the stack's other side, joined to ours without a socket.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use parking_lot::Mutex;
use rtc::dtls::extension::extension_use_srtp::SrtpProtectionProfile;
use rtc::media_stream::MediaStreamTrack;
use rtc::peer_connection::RTCPeerConnection;
use rtc::peer_connection::configuration::media_engine::MIME_TYPE_VP8;
use rtc::peer_connection::message::{RTCMessage, TaggedRTCMessage};
use rtc::peer_connection::sdp::RTCSessionDescription;
use rtc::rtcp::receiver_report::ReceiverReport;
use rtc::rtp_transceiver::rtp_sender::{
    RTCRtpCodec, RTCRtpCodingParameters, RTCRtpEncodingParameters, RtpCodecKind,
};
use rtc::rtp_transceiver::{RTCRtpTransceiverDirection, RTCRtpTransceiverInit};
use rtc::sansio::Protocol;
use rtc::{rtcp, rtp};
use understudy_core::offer;

use super::super::super::arrivals::Arrivals;
use super::super::super::connection::{Connection, State};
use super::super::super::feedback::Feedback;
use super::super::super::publisher::Publisher;
use super::super::super::stun;
use super::super::super::transport_address::{TransportAddress, TransportProtocol};
use super::super::super::viewer::Viewer;
use super::super::super::{Packet, Report, Sink, Taken};
use super::wire::{EXCHANGES, THEIRS, Turn, exchange, hear, offered, stack};
use super::{ANNOUNCED, OURS, seat};

/// Where it is after it moved.
const ELSEWHERE: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 11);
/// Of the clock that both sides see.
pub(super) const STEP: Duration = Duration::from_millis(20);
/// Four seconds: checks and handshake take a few round trips.
pub(super) const STEPS: u32 = 200;

/// Of what a publisher of these tests sends, in VP8.
pub(super) const SSRC: u32 = 7;
const TRACK: &str = "picture";

pub(super) struct Peer {
    stack: RTCPeerConnection,
    arrivals: Arc<Arrivals>,
    pub reports: Arc<Feedback>,
    pub now: Instant,
    /// What it offers as its part in the handshake.
    setup: &'static str,
    over: TransportProtocol,
    /// How often what each side says reaches the other within a step.
    pub exchanges: u32,
}

/// What of a publisher's media came through.
#[derive(Clone, Default)]
pub(super) struct Collected(Arc<Mutex<Vec<Packet>>>);

impl Peer {
    /// A viewer that is in, on both sides, with media of that protection alone, and has seen nothing yet.
    pub fn joined(profile: SrtpProtectionProfile) -> (Self, Viewer) {
        Self::joined_as("actpass", profile)
    }

    /// The same, with that part in the handshake.
    pub fn joined_as(setup: &'static str, profile: SrtpProtectionProfile) -> (Self, Viewer) {
        let mut peer = Self::new(setup, vec![profile]);
        let mut viewer = peer.watches();
        assert!(peer.gets_in(&mut viewer.connection), "the peer must get in");
        viewer.connected(peer.now);
        peer.hears(&mut viewer.connection);
        (peer, viewer)
    }

    /// A publisher that is in, on both sides, and what will come of it.
    pub fn publishing(setup: &'static str, profile: SrtpProtectionProfile) -> (Self, Publisher, Collected) {
        let mut peer = Self::new(setup, vec![profile]);
        let collected = Collected::default();
        let read = offer::incoming(&peer.offer_picture()).expect("the offer must be read");
        let sink = Box::new(collected.clone());
        let (mut publisher, answer) =
            Publisher::answer(&read, &ANNOUNCED, sink, seat()).expect("the offer must be answered");
        peer.takes(answer.sdp);
        assert!(peer.gets_in(&mut publisher.connection), "the peer must get in");
        peer.hears(&mut publisher.connection);
        (peer, publisher, collected)
    }

    /// Whether ours is live within the steps.
    pub fn gets_in(&mut self, ours: &mut Connection) -> bool {
        (0..STEPS).any(|_| {
            self.turn(ours);
            self.now += STEP;
            ours.state() == State::Live
        })
    }

    /// A few turns more, until the peer too has the keys.
    fn hears(&mut self, ours: &mut Connection) {
        for _ in 0..4 {
            self.turn(ours);
            self.now += STEP;
        }
    }

    /// Sends a packet of its picture with that number.
    pub fn publish(&mut self, ours: &mut Connection, sequence_number: u16, payload: &'static [u8]) {
        self.write(sequence_number, payload);
        self.turn(ours);
    }

    fn write(&mut self, sequence_number: u16, payload: &'static [u8]) {
        let header = rtp::Header {
            version: 2,
            payload_type: 96,
            ssrc: SSRC,
            sequence_number,
            ..rtp::Header::default()
        };
        let packet = rtp::Packet { header, payload: Bytes::from_static(payload) };
        let message = RTCMessage::RtpPacket(TRACK.to_owned(), packet);
        self.stack.handle_write(TaggedRTCMessage { now: self.now, message }).expect("it must be sent");
    }

    /// Whether a viewer is still in after a minute in which its peer sends no check, and each second a report if it does.
    pub fn stays(reports: bool) -> bool {
        let (mut peer, mut viewer) = Self::joined(SrtpProtectionProfile::Srtp_Aead_Aes_128_Gcm);
        for _ in 0..60 {
            peer.now += Duration::from_secs(1);
            let packets: Vec<Box<dyn rtcp::Packet>> =
                if reports { vec![Box::new(ReceiverReport::default())] } else { vec![] };
            peer.says(packets, &mut viewer);
            if viewer.feedback().take_heard() {
                viewer.connection.heard(peer.now);
            }
            viewer.connection.elapse(peer.now);
            viewer.connection.drain(|_, _| {});
        }
        viewer.connection.state() == State::Live
    }

    /// Whether a publisher is still in after a minute in which its peer sends no check, and each second a packet if it does.
    pub fn goes_on(publishes: bool) -> bool {
        let (mut peer, mut publisher, _) =
            Self::publishing("actpass", SrtpProtectionProfile::Srtp_Aead_Aes_128_Gcm);
        for second in 0..60 {
            peer.now += Duration::from_secs(1);
            if publishes {
                peer.write(second, b"a piece of a picture");
            }
            while let Some(packet) = peer.stack.poll_write() {
                if packet.message.first().is_some_and(|first| *first >= 128) {
                    publisher.connection.receive(peer.address(), OURS, &packet.message, peer.now);
                }
            }
            publisher.connection.drain(|_, _| {});
            publisher.deliver(peer.now);
            publisher.connection.elapse(peer.now);
            publisher.connection.drain(|_, _| {});
        }
        publisher.connection.state() == State::Live
    }

    /// Where a viewer is sent its media, and whether it is in, a minute after its peer's address was changed on the way.
    pub fn moves() -> (Option<TransportAddress>, bool) {
        let (mut peer, mut viewer) = Self::joined(SrtpProtectionProfile::Srtp_Aead_Aes_128_Gcm);
        for _ in 0..60 {
            peer.now += Duration::from_secs(1);
            let now = peer.now;
            drop(peer.stack.handle_timeout(now));
            viewer.connection.elapse(now);
            for _ in 0..4 {
                while let Some(packet) = peer.stack.poll_write() {
                    let from = TransportAddress::new(ELSEWHERE, peer.over);
                    viewer.connection.receive(from, OURS, &packet.message, now);
                }
                while peer.stack.poll_event().is_some() {}
                let Self { stack, over, .. } = &mut peer;
                viewer.connection.drain(|to, bytes| {
                    if to.socket == ELSEWHERE {
                        hear(stack, *over, bytes, now);
                    }
                });
            }
        }
        (
            viewer.connection.selected().filter(|at| at.socket == ELSEWHERE),
            viewer.connection.state() == State::Live,
        )
    }

    /// Sends a receiver report.
    pub fn report(&mut self, ours: &mut Connection) {
        self.write_report();
        self.turn(ours);
    }

    fn write_report(&mut self) {
        let packets: Vec<Box<dyn rtcp::Packet>> = vec![Box::new(ReceiverReport::default())];
        let message = RTCMessage::RtcpPacket(String::new(), packets);
        drop(self.stack.handle_write(TaggedRTCMessage { now: self.now, message }));
    }

    /// Tells the viewer's other side, and nothing that is not media.
    pub fn says(&mut self, packets: Vec<Box<dyn rtcp::Packet>>, viewer: &mut Viewer) {
        if !packets.is_empty() {
            let message = RTCMessage::RtcpPacket(String::new(), packets);
            drop(self.stack.handle_write(TaggedRTCMessage { now: self.now, message }));
        }
        while let Some(packet) = self.stack.poll_write() {
            if packet.message.first().is_some_and(|first| *first >= 128) {
                viewer.connection.receive(self.address(), OURS, &packet.message, self.now);
            }
        }
        viewer.connection.drain(|_, _| {});
    }

    /// What of these datagrams the peer's stack opened.
    pub fn opens<'a>(&mut self, datagrams: impl Iterator<Item = &'a [u8]>) -> Vec<rtp::Packet> {
        for datagram in datagrams {
            hear(&mut self.stack, self.over, datagram, self.now);
            while self.stack.poll_read().is_some() {}
        }
        self.arrivals.take()
    }

    pub fn new(setup: &'static str, profiles: Vec<SrtpProtectionProfile>) -> Self {
        let (now, arrivals, reports) =
            (Instant::now(), Arc::<Arrivals>::default(), Arc::<Feedback>::default());
        let (seen, told) = (Arc::clone(&arrivals), Arc::clone(&reports));
        let see = move |packet: &rtc::interceptor::Packet| {
            seen.see(packet);
            told.see(packet);
        };
        let stack = stack(profiles, see, now);
        Self { stack, arrivals, reports, now, setup, over: TransportProtocol::UDP, exchanges: EXCHANGES }
    }

    pub fn address(&self) -> TransportAddress {
        TransportAddress::new(THEIRS, self.over)
    }

    /// What an attribute of SDP says of the peer, or else of us.
    pub fn said(&self, name: &str, of_peer: bool) -> String {
        let said =
            if of_peer { self.stack.local_description() } else { self.stack.remote_description().cloned() };
        let sdp = said.expect("both have said something").sdp;
        let prefix = format!("a={name}:");
        sdp.lines().find_map(|line| line.strip_prefix(&prefix)).expect("it must be said").to_owned()
    }

    /// A viewer whose offer was answered.
    pub fn watches(&mut self) -> Viewer {
        let offer = self.offer();
        self.answered(&offer)
    }

    fn answered(&mut self, offer: &str) -> Viewer {
        let read = offer::read(offer).expect("the offer must be read");
        let (viewer, answer) = Viewer::answer(&read, &ANNOUNCED, seat()).expect("the offer must be answered");
        self.takes(answer.sdp);
        viewer
    }

    fn takes(&mut self, answer: String) {
        let answer = RTCSessionDescription::answer(answer).expect("the answer must be read");
        self.stack.set_remote_description(self.now, answer).expect("the peer must take the answer");
    }

    /// The first check that it sends.
    pub fn check(&mut self) -> Vec<u8> {
        let first = (0..STEPS).find_map(|_| {
            drop(self.stack.handle_timeout(self.now));
            self.now += STEP;
            let mut sent = std::iter::from_fn(|| self.stack.poll_write());
            sent.find(|packet| stun::transaction(&packet.message).is_some())
        });
        first.expect("it must check").message.to_vec()
    }

    /// Whether a viewer gets in whose line `a=fingerprint` was rewritten on the way to us.
    pub fn connects(setup: &'static str, rewrite: &dyn Fn(&str) -> String) -> bool {
        let mut peer = Self::new(setup, vec![]);
        let offered: Vec<String> = peer
            .offer()
            .lines()
            .map(|line| if line.starts_with("a=fingerprint:") { rewrite(line) } else { line.to_owned() })
            .collect();
        let mut viewer = peer.answered(&(offered.join("\r\n") + "\r\n"));
        peer.gets_in(&mut viewer.connection)
    }

    /// Whether one gets in that reaches us over TCP alone.
    pub fn connects_over_tcp(setup: &'static str) -> bool {
        let mut peer = Self { over: TransportProtocol::TCP, ..Self::new(setup, vec![]) };
        let mut viewer = peer.watches();
        peer.gets_in(&mut viewer.connection) && viewer.connection.selected() == Some(peer.address())
    }

    /// Whether a viewer gets in of whose checks those back were lost until it nominated, which it does once.
    pub fn connects_by_one_nomination(setup: &'static str) -> bool {
        let mut peer = Self::new(setup, vec![]);
        let mut viewer = peer.watches();
        let mut nominated = false;
        (0..STEPS).any(|_| {
            let (now, at, over) = (peer.now, peer.address(), peer.over);
            let (stack, ours) = (&mut peer.stack, &mut viewer.connection);
            drop(stack.handle_timeout(now));
            ours.elapse(now);
            for _ in 0..peer.exchanges {
                while let Some(packet) = stack.poll_write() {
                    let nominates = stun::nominates(&packet.message);
                    if !nominates || !nominated {
                        ours.receive(at, OURS, &packet.message, now);
                    }
                    nominated |= nominates;
                }
                while stack.poll_event().is_some() {}
                ours.drain(|_, bytes| {
                    let is_check = stun::confirms(bytes) && !stun::answers(bytes);
                    if nominated || !is_check {
                        hear(stack, over, bytes, now);
                    }
                });
            }
            peer.now += STEP;
            viewer.connection.state() == State::Live
        })
    }

    fn offer(&mut self) -> String {
        let init = RTCRtpTransceiverInit {
            direction: RTCRtpTransceiverDirection::Recvonly,
            streams: vec![],
            send_encodings: vec![],
        };
        self.stack.add_transceiver_from_kind(RtpCodecKind::Video, Some(init)).expect("a transceiver");
        self.described()
    }

    fn offer_picture(&mut self) -> String {
        let rtp_codec =
            RTCRtpCodec { mime_type: MIME_TYPE_VP8.to_owned(), clock_rate: 90_000, ..Default::default() };
        let encoding = RTCRtpEncodingParameters {
            rtp_coding_parameters: RTCRtpCodingParameters { ssrc: Some(SSRC), ..Default::default() },
            codec: rtp_codec,
            ..Default::default()
        };
        let kind = RtpCodecKind::Video;
        let track = MediaStreamTrack::new("peer".into(), TRACK.into(), TRACK.into(), kind, vec![encoding]);
        self.stack.add_track(track).expect("a track");
        self.described()
    }

    fn described(&mut self) -> String {
        let offer = offered(&mut self.stack, self.over, self.now);
        let offer = offer.replace("a=setup:actpass", &format!("a=setup:{}", self.setup));
        // What is sent again then is told by its number; where it is a stream of its own, see `offering`.
        offer.replace(" rtx/", " x-none/")
    }

    /// What each side has to say goes to the other.
    pub fn turn(&mut self, ours: &mut Connection) {
        self.turn_through(ours, |_| true);
    }

    /// The same, if it gets through: a filter sees what each time leaves us together.
    pub fn turn_through(&mut self, ours: &mut Connection, passes: impl FnMut(&[Vec<u8>]) -> bool) {
        let turn = Turn { over: self.over, now: self.now, exchanges: self.exchanges };
        exchange(&mut self.stack, ours, &turn, passes);
    }
}

impl Collected {
    pub fn take(&self) -> Vec<Packet> {
        std::mem::take(&mut *self.0.lock())
    }
}

impl Sink for Collected {
    fn take(&self, packet: Packet) -> Taken {
        self.0.lock().push(packet);
        Taken::Yes
    }

    fn report(&self, _: Report) {}
}
