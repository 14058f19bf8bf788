//! A WebRTC peer that sends a film and knows when each frame was complete on the wire.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant, SystemTime};

use bytes::{Bytes, BytesMut};
use rtc::media_stream::MediaStreamTrack;
use rtc::peer_connection::configuration::RTCConfigurationBuilder;
use rtc::peer_connection::configuration::media_engine::{MIME_TYPE_H264, MIME_TYPE_VP8, MediaEngine};
use rtc::peer_connection::event::RTCPeerConnectionEvent;
use rtc::peer_connection::message::{RTCMessage, TaggedRTCMessage};
use rtc::peer_connection::sdp::RTCSessionDescription;
use rtc::peer_connection::state::RTCPeerConnectionState;
use rtc::peer_connection::transport::{CandidateConfig, CandidateHostConfig, RTCIceCandidate};
use rtc::peer_connection::{RTCPeerConnection, RTCPeerConnectionBuilder};
use rtc::rtp;
use rtc::rtp::codec::vp8::Vp8Payloader;
use rtc::rtp::packetizer::Payloader;
use rtc::rtp_transceiver::rtp_sender::{
    RTCRtpCodec, RTCRtpCodecParameters, RTCRtpCodingParameters, RTCRtpEncodingParameters, RtpCodecKind,
};
use rtc::sansio::Protocol;
use rtc::shared::error::Error;
use rtc::shared::{TaggedBytesMut, TransportContext, TransportProtocol};
use serde_json::{Value, json};
use tokio::net::UdpSocket;
use understudy_core::fanout::h264::{self, MAX_PAYLOAD_BYTES};
use understudy_core::test_picture::FRAME_RATE;

use super::film::Encoding;

/// Of ICE and DTLS on loopback; they take a fifth of a second.
const CONNECTED_WITHIN: Duration = Duration::from_secs(10);
/// With no timer due sooner.
const IDLE: Duration = Duration::from_secs(1);
const DATAGRAM_BYTES: usize = 2048;
const CLOCK_HZ: u32 = 90_000;
const PAYLOAD_TYPE: u8 = 96;
const NOT_OVER_RTP: &str = "no peer sends MPEG-1";
const TRACK: &str = "picture";

/// A connected peer. Dropped, it says nothing any more.
pub struct Publisher {
    stack: RTCPeerConnection,
    socket: UdpSocket,
    local: SocketAddr,
    encoding: Encoding,
    ssrc: u32,
    sequence: u16,
    connected: bool,
}

impl Publisher {
    /// Introduces itself at `url`; returns when media may flow.
    pub async fn connect(url: &str, encoding: Encoding) -> Self {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port must be free");
        let local = socket.local_addr().expect("a socket must have an address");
        let ssrc = rand::random();
        let (stack, offer) = offer(encoding, ssrc, local).expect("an offer must be made");
        let mut peer = Self { stack, socket, local, encoding, ssrc, sequence: 0, connected: false };
        let answer = reqwest::Client::new().post(url).body(json!({"sdp": offer}).to_string()).send().await;
        let answer = answer.expect("the runtime must answer").text().await.expect("it must answer in words");
        let read: Value = serde_json::from_str(&answer).expect("an answer must be JSON");
        let sdp = read["sdp"].as_str().unwrap_or_default().to_owned();
        assert!(!sdp.is_empty(), "no answer: {answer}");
        let answer = RTCSessionDescription::answer(sdp).expect("the answer must be SDP");
        peer.stack.set_remote_description(Instant::now(), answer).expect("the answer must fit the offer");
        let connecting = tokio::time::timeout(CONNECTED_WITHIN, async {
            while !peer.connected {
                peer.pump_until(Instant::now() + IDLE).await;
            }
        });
        connecting.await.expect("the peer must connect");
        peer
    }

    /// Sends each frame at its time; when the last byte of each left.
    pub async fn send(&mut self, film: &[Bytes]) -> Vec<SystemTime> {
        let (start, mut sent) = (Instant::now(), Vec::with_capacity(film.len()));
        for (number, frame) in film.iter().enumerate() {
            let number = u32::try_from(number).expect("a film must be short");
            self.pump_until(start + Duration::from_secs(1) * number / FRAME_RATE).await;
            self.write(frame, number * (CLOCK_HZ / FRAME_RATE));
            sent.push(self.drain());
        }
        sent
    }

    fn write(&mut self, frame: &Bytes, timestamp: u32) {
        let now = Instant::now();
        let payloads = match self.encoding {
            Encoding::H264 => h264::packetize(frame),
            Encoding::Vp8 => {
                Vp8Payloader::default().payload(MAX_PAYLOAD_BYTES, frame).expect("a frame must be cut")
            }
            Encoding::Mpeg1 => unreachable!("{NOT_OVER_RTP}"),
        };
        let last = payloads.len() - 1;
        for (index, payload) in payloads.into_iter().enumerate() {
            self.sequence = self.sequence.wrapping_add(1);
            let header = rtp::Header {
                version: 2,
                marker: index == last,
                payload_type: PAYLOAD_TYPE,
                sequence_number: self.sequence,
                timestamp,
                ssrc: self.ssrc,
                ..Default::default()
            };
            let message = RTCMessage::RtpPacket(TRACK.into(), rtp::Packet { header, payload });
            self.stack.handle_write(TaggedRTCMessage { now, message }).expect("a packet must be sent");
        }
    }

    /// Does what the connection needs until then.
    async fn pump_until(&mut self, then: Instant) {
        let mut buffer = [0; DATAGRAM_BYTES];
        loop {
            self.drain();
            let due = self.stack.poll_timeout().map_or(then, |due| due.min(then));
            tokio::select! {
                biased;
                () = tokio::time::sleep_until(then.into()) => return,
                arrived = self.socket.recv_from(&mut buffer) => {
                    let (length, from) = arrived.expect("the socket must be read");
                    self.receive(from, &buffer[..length]);
                }
                () = tokio::time::sleep_until(due.into()) => {
                    self.stack.handle_timeout(Instant::now()).expect("the connection must go on");
                }
            }
        }
    }

    fn receive(&mut self, peer_addr: SocketAddr, bytes: &[u8]) {
        let transport = TransportContext {
            local_addr: self.local,
            peer_addr,
            ecn: None,
            transport_protocol: TransportProtocol::UDP,
        };
        let message = TaggedBytesMut { now: Instant::now(), transport, message: BytesMut::from(bytes) };
        self.stack.handle_read(message).expect("what the runtime says must be understood");
    }

    /// Hands everything to the kernel; the moment before the last of it.
    fn drain(&mut self) -> SystemTime {
        let mut moment = SystemTime::now();
        while let Some(packet) = self.stack.poll_write() {
            moment = SystemTime::now();
            let sent = self.socket.try_send_to(&packet.message, packet.transport.peer_addr);
            sent.expect("loopback must take a datagram");
        }
        while let Some(event) = self.stack.poll_event() {
            if let RTCPeerConnectionEvent::OnConnectionStateChangeEvent(state) = event {
                self.connected = state == RTCPeerConnectionState::Connected;
            }
        }
        while self.stack.poll_read().is_some() {}
        moment
    }
}

fn offer(encoding: Encoding, ssrc: u32, local: SocketAddr) -> Result<(RTCPeerConnection, String), Error> {
    let codec = codec(encoding);
    let mut engine = MediaEngine::default();
    engine.register_codec(
        RTCRtpCodecParameters { rtp_codec: codec.clone(), payload_type: PAYLOAD_TYPE },
        RtpCodecKind::Video,
    )?;
    let now = Instant::now();
    let mut stack = RTCPeerConnectionBuilder::new()
        .with_configuration(RTCConfigurationBuilder::new().build())
        .with_media_engine(engine)
        .build(now)?;
    let coding = RTCRtpCodingParameters { ssrc: Some(ssrc), ..Default::default() };
    let parameters = RTCRtpEncodingParameters { rtp_coding_parameters: coding, codec, ..Default::default() };
    let track = MediaStreamTrack::new(
        "latency".into(),
        TRACK.into(),
        TRACK.into(),
        RtpCodecKind::Video,
        vec![parameters],
    );
    stack.add_track(track)?;
    let base_config = CandidateConfig {
        network: "udp".to_owned(),
        address: local.ip().to_string(),
        port: local.port(),
        component: 1,
        ..Default::default()
    };
    let candidate = CandidateHostConfig { base_config, ..Default::default() }.new_candidate_host()?;
    stack.add_local_candidate(RTCIceCandidate::from(&candidate).to_json()?)?;
    let offer = stack.create_offer(None)?;
    stack.set_local_description(now, offer)?;
    let sdp = stack.local_description().map(|description| description.sdp).unwrap_or_default();
    Ok((stack, sdp))
}

fn codec(encoding: Encoding) -> RTCRtpCodec {
    let (mime_type, sdp_fmtp_line) = match encoding {
        Encoding::Mpeg1 => unreachable!("{NOT_OVER_RTP}"),
        Encoding::Vp8 => (MIME_TYPE_VP8, ""),
        Encoding::H264 => {
            (MIME_TYPE_H264, "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f")
        }
    };
    RTCRtpCodec {
        mime_type: mime_type.to_owned(),
        clock_rate: CLOCK_HZ,
        channels: 0,
        sdp_fmtp_line: sdp_fmtp_line.to_owned(),
        rtcp_feedback: Vec::new(),
    }
}
