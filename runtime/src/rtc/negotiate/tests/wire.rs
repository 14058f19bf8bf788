//! What stands in for a network between a peer's stack and ours.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Instant;

use bytes::BytesMut;
use rtc::dtls::extension::extension_use_srtp::SrtpProtectionProfile;
use rtc::interceptor::{Packet, Registry, Slot};
use rtc::peer_connection::configuration::RTCConfigurationBuilder;
use rtc::peer_connection::configuration::media_engine::MediaEngine;
use rtc::peer_connection::configuration::setting_engine::SettingEngineBuilder;
use rtc::peer_connection::{RTCPeerConnection, RTCPeerConnectionBuilder};
use rtc::sansio::Protocol;
use rtc::shared::{TaggedBytesMut, TransportContext};

use super::super::super::connection::Connection;
use super::super::super::transport_address::{TransportAddress, TransportProtocol};
use super::OURS;

/// The peer's address.
pub(super) const THEIRS: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 10);
/// In a turn: more than a flight and what answers it.
pub(super) const EXCHANGES: u32 = 8;

pub(super) fn hear(stack: &mut RTCPeerConnection, over: TransportProtocol, bytes: &[u8], now: Instant) {
    let transport =
        TransportContext { local_addr: THEIRS, peer_addr: OURS, ecn: None, transport_protocol: over };
    drop(stack.handle_read(TaggedBytesMut { now, transport, message: BytesMut::from(bytes) }));
}

/// The offer of a stack that knows what it wants.
pub(super) fn offered(stack: &mut RTCPeerConnection, over: TransportProtocol, now: Instant) -> String {
    let candidate = match over {
        TransportProtocol::TCP => understudy_rtc::active_candidate(THEIRS.ip()),
        _ => understudy_rtc::host_candidate(THEIRS),
    };
    stack.add_local_candidate(candidate.expect("a candidate")).expect("a candidate");
    let offer = stack.create_offer(None).expect("an offer");
    stack.set_local_description(now, offer).expect("an offer");
    stack.local_description().expect("an offer").sdp
}

/// What each side has to say goes to the other.
pub(super) fn turn(stack: &mut RTCPeerConnection, ours: &mut Connection, now: Instant) {
    exchange(stack, ours, &Turn { over: TransportProtocol::UDP, now, exchanges: EXCHANGES }, |_| true);
}

/// How what each side says reaches the other, and how often.
pub(super) struct Turn {
    pub over: TransportProtocol,
    pub now: Instant,
    pub exchanges: u32,
}

/// The same of what `passes` on the way to the peer: it sees what each time leaves us together.
pub(super) fn exchange(
    stack: &mut RTCPeerConnection,
    ours: &mut Connection,
    turn: &Turn,
    mut passes: impl FnMut(&[Vec<u8>]) -> bool,
) {
    let Turn { over, now, exchanges } = *turn;
    let from = TransportAddress::new(THEIRS, over);
    drop(stack.handle_timeout(now));
    ours.elapse(now);
    for _ in 0..exchanges {
        while let Some(packet) = stack.poll_write() {
            ours.receive(from, OURS, &packet.message, now);
        }
        while stack.poll_event().is_some() {}
        while stack.poll_read().is_some() {}
        let mut sent = Vec::new();
        ours.drain(|_, bytes| sent.push(bytes.to_vec()));
        if passes(&sent) {
            sent.iter().for_each(|bytes| hear(stack, over, bytes, now));
        }
    }
}

/// One that knows the usual codecs; `see` is called with what arrives.
pub(super) fn stack(
    profiles: Vec<SrtpProtectionProfile>,
    see: impl FnMut(&Packet) + Send + Sync + 'static,
    now: Instant,
) -> RTCPeerConnection {
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
        .with_interceptor_registry(
            Registry::new().with(Slot::Custom(understudy_rtc::SLOT), understudy_rtc::Tap::new(see)),
        )
        .build(now)
        .expect("a stack")
}
