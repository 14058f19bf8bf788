//! Peers that are the DTLS client, and peers that want to be the server.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use bytes::Bytes;
use rtc::dtls::extension::extension_use_srtp::SrtpProtectionProfile;
use understudy_core::fanout::clock::Anchor;
use understudy_core::fanout::cut::Cutter;
use understudy_core::fanout::history::History;
use understudy_core::fanout::keyframe::Need;
use understudy_core::fanout::settling::SHORTEST;
use understudy_core::offer::DtlsRole;

use super::super::super::batch::Path;
use super::super::super::connection::State;
use super::super::super::directory::PeerId;
use super::super::super::spread::Spread;
use super::super::super::viewer::{Due, REST, Showing};
use super::peer::{Peer, SSRC};
use super::{OURS, picture};

const SETUPS: [(&str, DtlsRole); 3] =
    [("actpass", DtlsRole::Server), ("active", DtlsRole::Server), ("passive", DtlsRole::Client)];
const PROFILES: [SrtpProtectionProfile; 2] =
    [SrtpProtectionProfile::Srtp_Aead_Aes_128_Gcm, SrtpProtectionProfile::Srtp_Aes128_Cm_Hmac_Sha1_80];
/// A repetition comes after a second, and a round trip is fast.
const REPEATED: std::ops::Range<Duration> = Duration::from_millis(900)..Duration::from_millis(1500);

/// The types of DTLS records and of a success in STUN (RFC 7983 §7, RFC 8489 §5).
const HANDSHAKE: u8 = 22;
const SUCCESS: [u8; 2] = [1, 1];

fn is_handshake(datagram: &[u8]) -> bool {
    datagram.first() == Some(&HANDSHAKE)
}

#[test]
fn a_viewer_opens_what_it_is_sent_and_is_heard_whoever_of_the_two_is_the_dtls_server() {
    for ((setup, role), profile) in SETUPS.into_iter().flat_map(|one| PROFILES.map(|profile| (one, profile)))
    {
        let (mut peer, mut viewer) = Peer::joined_as(setup, profile);
        assert_eq!(viewer.connection.role(), role, "{setup}");
        let now = Instant::now();
        viewer.begin(&History::default(), now);
        viewer.path = Some(Path::udp(OURS, None));
        let cut = Arc::new(Cutter::default().cut(picture(Bytes::from_static(&[0, 0, 0, 1, 0x65, 1, 2, 3]))));
        let anchor = Anchor { pts: cut.frame.pts, instant: now, wall: SystemTime::now() };
        let mut spread = Spread::default();
        viewer.show(PeerId(1), &Showing { cut: &cut, anchor, now }, &mut spread);
        let sent: Vec<_> = spread
            .messages()
            .iter()
            .flat_map(|message| message.singly().map(|message| spread.bytes()[message.range].to_vec()))
            .collect();
        let opened = peer.opens(sent.iter().map(Vec::as_slice));
        assert!(opened.iter().map(|packet| &packet.payload).eq(&cut.payloads), "{setup} {profile:?}");

        assert!(!viewer.feedback().take_heard());
        peer.report(&mut viewer.connection);
        assert!(viewer.feedback().take_heard(), "{setup} {profile:?}");
        // What the picture's report says of the stream.
        peer.turn(&mut viewer.connection);
        assert!(peer.reports.take_heard(), "{setup} {profile:?}");
    }
}

#[test]
fn a_publisher_is_received_and_asked_whoever_of_the_two_is_the_dtls_server() {
    for ((setup, role), profile) in SETUPS.into_iter().flat_map(|one| PROFILES.map(|profile| (one, profile)))
    {
        let (mut peer, mut publisher, collected) = Peer::publishing(setup, profile);
        assert_eq!(publisher.connection.role(), role, "{setup}");
        for number in 0..3 {
            peer.publish(&mut publisher.connection, number, b"a piece of a picture");
        }
        assert_eq!(publisher.deliver(peer.now).taken, 3, "{setup} {profile:?}");
        let packets = collected.take();
        assert!(packets.iter().all(|packet| packet.ssrc == SSRC), "{setup} {profile:?}");
        assert!(packets[0].bytes.ends_with(b"a piece of a picture"), "{setup} {profile:?}");

        publisher.refresh(Need::Join);
        assert_eq!(publisher.deliver(peer.now).refreshed, 1);
        peer.turn(&mut publisher.connection);
        assert!(peer.reports.take_picture_lost(), "{setup} {profile:?}");
    }
}

#[test]
fn a_publisher_that_sends_and_checks_no_more_stays_and_a_silent_one_goes() {
    assert!(Peer::goes_on(true));
    assert!(!Peer::goes_on(false));
}

#[test]
fn as_the_client_we_begin_with_the_answer_that_makes_the_way() {
    let mut peer = Peer::new("passive", vec![]);
    let mut viewer = peer.watches();
    let mut first = None;
    while first.is_none() {
        peer.turn_through(&mut viewer.connection, |sent| {
            if sent.iter().any(|datagram| is_handshake(datagram)) {
                first.get_or_insert_with(|| sent.to_vec());
            }
            true
        });
        peer.now += Duration::from_millis(1);
        assert!(matches!(viewer.connection.state(), State::Expected { .. } | State::Live));
    }
    let confirms = |datagram: &Vec<u8>| datagram.starts_with(&SUCCESS);
    assert!(first.is_some_and(|sent| sent.iter().any(confirms)), "it waited for something else");
}

#[test]
fn a_hello_of_ours_that_is_lost_is_sent_again_and_the_peer_gets_in() {
    let mut peer = Peer::new("passive", vec![]);
    let mut viewer = peer.watches();
    let mut lost_at = None;
    let mut came_at = None;
    for _ in 0..200 {
        let now = peer.now;
        peer.turn_through(&mut viewer.connection, |sent| {
            let greets = sent.iter().any(|datagram| is_handshake(datagram));
            if greets && lost_at.is_some() {
                came_at.get_or_insert(now);
            }
            !greets || lost_at.replace(lost_at.unwrap_or(now)).is_some()
        });
        peer.now += Duration::from_millis(20);
    }
    let waited = came_at.expect("it must be repeated") - lost_at.expect("it must be sent");
    assert!(REPEATED.contains(&waited), "{waited:?}");
    assert_eq!(viewer.connection.state(), State::Live);
}

#[test]
fn whoever_answers_no_hello_of_ours_is_given_up_in_the_end() {
    let mut peer = Peer::new("passive", vec![]);
    let mut viewer = peer.watches();
    let mut hellos = 0;
    for _ in 0..1200 {
        peer.turn_through(&mut viewer.connection, |sent| {
            let greets = sent.iter().any(|datagram| is_handshake(datagram));
            hellos += u32::from(greets);
            !greets
        });
        peer.now += Duration::from_millis(20);
    }
    assert!((2..30).contains(&hellos), "{hellos}");
    assert!(matches!(viewer.connection.state(), State::Gone(_)), "{:?}", viewer.connection.state());
}

/// A viewer whose handshake took some round trips of 20 ms, and is over just now.
fn far(setup: &'static str) -> (Peer, super::Viewer) {
    let mut peer = Peer::new(setup, vec![]);
    peer.exchanges = 1;
    let mut viewer = peer.watches();
    assert!(peer.gets_in(&mut viewer.connection), "the peer must get in");
    viewer.connected(peer.now);
    (peer, viewer)
}

#[test]
fn a_viewer_that_was_the_server_has_its_keys_at_once_and_another_a_round_trip_later() {
    let (peer, mut server) = far("passive");
    assert_eq!(server.due(peer.now + SHORTEST), Due::Begin);
    let (peer, mut client) = far("active");
    assert_eq!(client.due(peer.now + SHORTEST), Due::Nothing);
    assert_eq!(client.due(peer.now + Duration::from_millis(100)), Due::Begin);
}

#[test]
fn whoever_sent_us_the_last_flight_need_not_be_told_the_end_again() {
    let (peer, server) = far("passive");
    assert!(server.connection.wake_at() > Some(peer.now + REST / 2), "not before it has rested");
    let (peer, client) = far("active");
    assert!(client.connection.wake_at() < Some(peer.now + REST / 2));
}

#[test]
fn a_peer_that_nominates_before_it_was_checked_and_once_gets_in() {
    for (setup, _) in SETUPS {
        assert!(Peer::connects_by_one_nomination(setup), "{setup}");
    }
}
