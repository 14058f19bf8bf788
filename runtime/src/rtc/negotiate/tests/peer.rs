//! A viewer on the stack's other side, joined to ours without a socket.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use bytes::BytesMut;
use rtc::interceptor::Registry;
use rtc::peer_connection::configuration::RTCConfigurationBuilder;
use rtc::peer_connection::configuration::media_engine::MediaEngine;
use rtc::peer_connection::configuration::setting_engine::SettingEngineBuilder;
use rtc::peer_connection::sdp::RTCSessionDescription;
use rtc::peer_connection::{RTCPeerConnection, RTCPeerConnectionBuilder};
use rtc::rtp_transceiver::rtp_sender::RtpCodecKind;
use rtc::rtp_transceiver::{RTCRtpTransceiverDirection, RTCRtpTransceiverInit};
use rtc::sansio::Protocol;
use rtc::shared::{TaggedBytesMut, TransportContext, TransportProtocol};
use understudy_core::offer;

use super::super::super::connection::State;
use super::super::super::viewer::Viewer;
use super::{OURS, seat};

const THEIRS: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 10);
/// Of the clock that both sides see.
const STEP: Duration = Duration::from_millis(20);
/// Four seconds: checks and handshake take a few round trips.
const STEPS: u32 = 200;

pub(super) struct Peer {
    stack: RTCPeerConnection,
}

impl Peer {
    /// Whether a viewer gets in whose line `a=fingerprint` was rewritten on the way to us.
    pub fn connects(rewrite: &dyn Fn(&str) -> String) -> bool {
        let start = Instant::now();
        let mut peer = Self { stack: stack(start) };
        let offered: Vec<String> = peer
            .offer(start)
            .lines()
            .map(|line| if line.starts_with("a=fingerprint:") { rewrite(line) } else { line.to_owned() })
            .collect();
        let read = offer::read(&(offered.join("\r\n") + "\r\n")).expect("the offer must be read");
        let (mut viewer, answer) =
            Viewer::answer(&read, &[OURS], seat()).expect("the offer must be answered");
        let answer = RTCSessionDescription::answer(answer.sdp).expect("the answer must be read");
        peer.stack.set_remote_description(start, answer).expect("the peer must take the answer");
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
        let candidate = understudy_rtc::host_candidate(THEIRS).expect("a candidate");
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
                viewer.connection.receive(THEIRS, OURS, &packet.message, now);
            }
            while self.stack.poll_event().is_some() {}
            let stack = &mut self.stack;
            viewer.connection.drain(|_, bytes| {
                let transport = TransportContext {
                    local_addr: THEIRS,
                    peer_addr: OURS,
                    ecn: None,
                    transport_protocol: TransportProtocol::UDP,
                };
                drop(stack.handle_read(TaggedBytesMut { now, transport, message: BytesMut::from(bytes) }));
            });
        }
    }
}

fn stack(now: Instant) -> RTCPeerConnection {
    let mut engine = MediaEngine::default();
    engine.register_default_codecs().expect("codecs");
    RTCPeerConnectionBuilder::new()
        .with_configuration(RTCConfigurationBuilder::new().build())
        .with_setting_engine(SettingEngineBuilder::new().with_include_loopback_candidate(true).build())
        .with_media_engine(engine)
        .with_interceptor_registry(Registry::new())
        .build(now)
        .expect("a stack")
}
