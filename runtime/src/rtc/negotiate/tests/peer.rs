//! A viewer on the stack's other side, joined to ours without a socket.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::BytesMut;
use rtc::dtls::extension::extension_use_srtp::SrtpProtectionProfile;
use rtc::interceptor::{Registry, Slot};
use rtc::peer_connection::configuration::RTCConfigurationBuilder;
use rtc::peer_connection::configuration::media_engine::MediaEngine;
use rtc::peer_connection::configuration::setting_engine::SettingEngineBuilder;
use rtc::peer_connection::message::{RTCMessage, TaggedRTCMessage};
use rtc::peer_connection::sdp::RTCSessionDescription;
use rtc::peer_connection::{RTCPeerConnection, RTCPeerConnectionBuilder};
use rtc::rtcp::receiver_report::ReceiverReport;
use rtc::rtp_transceiver::rtp_sender::RtpCodecKind;
use rtc::rtp_transceiver::{RTCRtpTransceiverDirection, RTCRtpTransceiverInit};
use rtc::sansio::Protocol;
use rtc::shared::{TaggedBytesMut, TransportContext};
use rtc::{rtcp, rtp};
use understudy_core::offer;

use super::super::super::arrivals::Arrivals;
use super::super::super::connection::State;
use super::super::super::transport_address::{Transport, TransportAddress};
use super::super::super::viewer::Viewer;
use super::{ANNOUNCED, OURS, seat};

const THEIRS: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 10);
/// Where it is after it moved.
const ELSEWHERE: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 11);
/// Of the clock that both sides see.
const STEP: Duration = Duration::from_millis(20);
/// Four seconds: checks and handshake take a few round trips.
const STEPS: u32 = 200;

pub(super) struct Peer {
    stack: RTCPeerConnection,
    arrivals: Arc<Arrivals>,
    pub now: Instant,
    over: Transport,
}

impl Peer {
    /// A viewer that is in, on both sides, with media of that protection alone, and has seen nothing yet.
    pub fn joined(profile: SrtpProtectionProfile) -> (Self, Viewer) {
        let mut peer = Self::new(vec![profile]);
        let offer = peer.offer(peer.now);
        let mut viewer = peer.answered(&offer);
        for _ in 0..STEPS {
            peer.turn(&mut viewer, peer.now);
            peer.now += STEP;
            if viewer.connection.state() == State::Live {
                viewer.connected(peer.now);
                peer.hears(&mut viewer);
                return (peer, viewer);
            }
        }
        panic!("the peer must get in");
    }

    /// A few turns more, until the peer too has the keys.
    fn hears(&mut self, viewer: &mut Viewer) {
        for _ in 0..4 {
            self.turn(viewer, self.now);
            self.now += STEP;
        }
    }

    /// Whether a viewer is still in after a minute in which its peer sends no check, and each second a report if it does.
    pub fn stays(reports: bool) -> bool {
        let (mut peer, mut viewer) = Self::joined(SrtpProtectionProfile::Srtp_Aead_Aes_128_Gcm);
        for _ in 0..60 {
            peer.now += Duration::from_secs(1);
            if reports {
                let packets: Vec<Box<dyn rtcp::Packet>> = vec![Box::new(ReceiverReport::default())];
                let message = RTCMessage::RtcpPacket(String::new(), packets);
                drop(peer.stack.handle_write(TaggedRTCMessage { now: peer.now, message }));
            }
            while let Some(packet) = peer.stack.poll_write() {
                if packet.message.first().is_some_and(|first| *first >= 128) {
                    viewer.connection.receive(peer.address(), OURS, &packet.message, peer.now);
                }
            }
            viewer.connection.drain(|_, _| {});
            if viewer.feedback().take_heard() {
                viewer.connection.heard(peer.now);
            }
            viewer.connection.elapse(peer.now);
            viewer.connection.drain(|_, _| {});
        }
        viewer.connection.state() == State::Live
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
                    let from = TransportAddress { socket: ELSEWHERE, protocol: peer.over };
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

    /// What of these datagrams the peer's stack opened.
    pub fn opens<'a>(&mut self, datagrams: impl Iterator<Item = &'a [u8]>) -> Vec<rtp::Packet> {
        for datagram in datagrams {
            hear(&mut self.stack, self.over, datagram, self.now);
            while self.stack.poll_read().is_some() {}
        }
        self.arrivals.take()
    }

    fn new(profiles: Vec<SrtpProtectionProfile>) -> Self {
        let (now, arrivals) = (Instant::now(), Arc::new(Arrivals::default()));
        Self { stack: stack(profiles, Arc::clone(&arrivals), now), arrivals, now, over: Transport::UDP }
    }

    pub fn address(&self) -> TransportAddress {
        TransportAddress { socket: THEIRS, protocol: self.over }
    }

    /// What an attribute of SDP says of the peer, or else of us.
    pub fn said(&self, name: &str, of_peer: bool) -> String {
        let said =
            if of_peer { self.stack.local_description() } else { self.stack.remote_description().cloned() };
        let sdp = said.expect("both have said something").sdp;
        let prefix = format!("a={name}:");
        sdp.lines().find_map(|line| line.strip_prefix(&prefix)).expect("it must be said").to_owned()
    }

    fn answered(&mut self, offer: &str) -> Viewer {
        let read = offer::read(offer).expect("the offer must be read");
        let (viewer, answer) = Viewer::answer(&read, &ANNOUNCED, seat()).expect("the offer must be answered");
        let answer = RTCSessionDescription::answer(answer.sdp).expect("the answer must be read");
        self.stack.set_remote_description(self.now, answer).expect("the peer must take the answer");
        viewer
    }

    /// Whether a viewer gets in whose line `a=fingerprint` was rewritten on the way to us.
    pub fn connects(rewrite: &dyn Fn(&str) -> String) -> bool {
        Self::new(vec![]).gets_in(rewrite)
    }

    /// Whether one gets in that reaches us over TCP alone.
    pub fn connects_over_tcp() -> bool {
        Self { over: Transport::TCP, ..Self::new(vec![]) }.gets_in(&str::to_owned)
    }

    fn gets_in(self, rewrite: &dyn Fn(&str) -> String) -> bool {
        let mut peer = self;
        let start = peer.now;
        let offered: Vec<String> = peer
            .offer(start)
            .lines()
            .map(|line| if line.starts_with("a=fingerprint:") { rewrite(line) } else { line.to_owned() })
            .collect();
        let mut viewer = peer.answered(&(offered.join("\r\n") + "\r\n"));
        (0..STEPS).any(|step| {
            let now = start + STEP * step;
            peer.turn(&mut viewer, now);
            viewer.connection.state() == State::Live
        })
    }

    fn offer(&mut self, now: Instant) -> String {
        let init = RTCRtpTransceiverInit {
            direction: RTCRtpTransceiverDirection::Recvonly,
            streams: vec![],
            send_encodings: vec![],
        };
        self.stack.add_transceiver_from_kind(RtpCodecKind::Video, Some(init)).expect("a transceiver");
        let candidate = match self.over {
            Transport::TCP => understudy_rtc::active_candidate(THEIRS.ip()),
            _ => understudy_rtc::host_candidate(THEIRS),
        };
        let candidate = candidate.expect("a candidate");
        self.stack.add_local_candidate(candidate).expect("a candidate");
        let offer = self.stack.create_offer(None).expect("an offer");
        self.stack.set_local_description(now, offer).expect("an offer");
        self.stack.local_description().expect("an offer").sdp
    }

    /// What each side has to say goes to the other.
    fn turn(&mut self, viewer: &mut Viewer, now: Instant) {
        drop(self.stack.handle_timeout(now));
        viewer.connection.elapse(now);
        for _ in 0..8 {
            while let Some(packet) = self.stack.poll_write() {
                viewer.connection.receive(self.address(), OURS, &packet.message, now);
            }
            while self.stack.poll_event().is_some() {}
            let Self { stack, over, .. } = self;
            viewer.connection.drain(|_, bytes| hear(stack, *over, bytes, now));
        }
    }
}

fn hear(stack: &mut RTCPeerConnection, over: Transport, bytes: &[u8], now: Instant) {
    let transport =
        TransportContext { local_addr: THEIRS, peer_addr: OURS, ecn: None, transport_protocol: over };
    drop(stack.handle_read(TaggedBytesMut { now, transport, message: BytesMut::from(bytes) }));
}

fn stack(profiles: Vec<SrtpProtectionProfile>, arrivals: Arc<Arrivals>, now: Instant) -> RTCPeerConnection {
    let mut engine = MediaEngine::default();
    engine.register_default_codecs().expect("codecs");
    RTCPeerConnectionBuilder::new()
        .with_configuration(RTCConfigurationBuilder::new().build())
        .with_setting_engine(
            SettingEngineBuilder::new()
                .with_include_loopback_candidate(true)
                .with_srtp_protection_profiles(profiles)
                .build(),
        )
        .with_media_engine(engine)
        .with_interceptor_registry(Registry::new().with(
            Slot::Custom(understudy_rtc::SLOT),
            understudy_rtc::Tap::new(move |packet| arrivals.see(packet)),
        ))
        .build(now)
        .expect("a stack")
}
