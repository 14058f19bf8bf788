//! Offers through the real stack: what is answered must hold, and a peer that takes it must get in.

mod moved;
mod moves;
mod offering;
mod peer;
mod publishing;
mod roles;
mod sealed;
mod shapes;
mod slices;
mod wire;

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use proptest::prelude::*;
use understudy_core::media::{Track, Unit};
use understudy_core::offer::{self, Violation, check};

use super::super::publisher::Publisher;
use super::super::transport_address::TransportAddress;
use super::super::viewer::Viewer;
use super::super::{OfferError, Packet, Report, Sink, Taken};
use crate::seats::{Seat, Seats};
use peer::Peer;

#[path = "../../../core/src/offer/generate.rs"]
mod generate;

const OURS: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 9);
/// Both ways to it.
const ANNOUNCED: [TransportAddress; 2] = [TransportAddress::udp(OURS), TransportAddress::tcp(OURS)];

/// A viewer's offer of one section, without a group.
pub(in super::super) const OFFER: &str = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n\
    m=video 9 UDP/TLS/RTP/SAVPF 96\r\nc=IN IP4 0.0.0.0\r\na=mid:0\r\na=recvonly\r\na=ice-ufrag:abcd\r\n\
    a=ice-pwd:abcdefghijklmnopqrstuvwx\r\na=fingerprint:sha-256 AA:BB:CC:DD:EE:FF:00:11:22:33:44:55:66:77:88:99:AA:BB:\
    CC:DD:EE:FF:00:11:22:33:44:55:66:77:88:99\r\na=setup:actpass\r\na=rtcp-mux\r\na=rtpmap:96 H264/90000\r\n\
    a=fmtp:96 packetization-mode=1;profile-level-id=42e01f\r\n";
const SOUND: &str = "a=rtpmap:111 opus/48000/2\r\n";

struct Nowhere;

impl Sink for Nowhere {
    fn take(&self, _: Packet) -> Taken {
        Taken::Unwanted
    }

    fn report(&self, _: Report) {}
}

fn seat() -> Seat {
    Seats::new(1).take().expect("a free seat")
}

fn to_viewer(offer: &str) -> Result<String, OfferError> {
    Ok(Viewer::answer(&offer::read(offer)?, &ANNOUNCED, seat())?.1.sdp)
}

fn to_publisher(offer: &str) -> Result<String, OfferError> {
    Ok(Publisher::answer(&offer::incoming(offer)?, &ANNOUNCED, Box::new(Nowhere), seat())?.1.sdp)
}

/// [`OFFER`] in a group with another section, of this `m=` and these lines, before or behind it.
fn bundled(before: &str, behind: &str) -> String {
    let (session, video) = OFFER.split_once("m=video").expect("a section");
    let transport: String = video
        .lines()
        .filter(|line| {
            ["a=ice", "a=finger", "a=setup", "a=rtcp-mux"].iter().any(|name| line.starts_with(name))
        })
        .flat_map(|line| [line, "\r\n"])
        .collect();
    let other =
        |lines: &str| if lines.is_empty() { String::new() } else { format!("{lines}a=mid:1\r\n{transport}") };
    let order = if before.is_empty() { "0 1" } else { "1 0" };
    format!("{session}a=group:BUNDLE {order}\r\n{}m=video{video}{}", other(before), other(behind))
}

/// Each section of an answer to a viewer, which must hold.
fn served(offer: &str) -> Vec<String> {
    let answer = to_viewer(offer).expect("it must be answered");
    assert_eq!(check(offer, &answer), Ok(()), "{answer}");
    answer.split("m=").skip(1).map(str::to_owned).collect()
}

#[test]
fn one_section_needs_no_group() {
    assert!(served(OFFER)[0].starts_with("video 9 UDP/TLS/RTP/SAVPF 96\r\n"));
    let sound = OFFER.replace("m=video", "m=audio").replace("H264/90000", "opus/48000/2");
    assert!(served(&sound)[0].starts_with("audio 9 UDP/TLS/RTP/SAVPF 96\r\n"));
}

#[test]
fn what_is_served_says_where_we_are_whatever_stands_before_it() {
    for head in ["m=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=inactive\r\n", "m=audio 0 UDP/TLS/RTP/SAVPF 111\r\n"] {
        let sections = served(&bundled(&format!("{head}{SOUND}"), ""));
        assert!(sections[1].contains("a=candidate:") && sections[1].contains("a=sendonly"), "{sections:?}");
    }
}

#[test]
fn a_section_that_is_not_served_is_answered_in_its_own_payload_types() {
    for way in ["inactive", "sendonly"] {
        let other = format!("m=video 9 UDP/TLS/RTP/SAVPF 97\r\na={way}\r\na=rtpmap:97 AV1/90000\r\n");
        let sections = served(&bundled("", &other));
        assert!(sections[1].starts_with("video 0 UDP/TLS/RTP/SAVPF 97\r\n"), "{sections:?}");
        assert!(!sections[1].contains("recvonly"), "{sections:?}");
    }
}

#[test]
fn a_sound_that_we_cannot_send_is_refused_or_if_it_is_first_carries_nothing_and_the_picture_is_served() {
    let g722 = "m=audio 9 UDP/TLS/RTP/SAVPF 9\r\na=recvonly\r\na=rtpmap:9 G722/8000\r\n";
    for (offer, picture, port) in [(bundled("", g722), 0, 0), (bundled(g722, ""), 1, 9)] {
        let sections = served(&offer);
        assert!(sections[picture].contains("a=sendonly"), "{sections:?}");
        let sound = &sections[1 - picture];
        assert!(sound.starts_with(&format!("audio {port} UDP/TLS/RTP/SAVPF 9\r\n")), "{sections:?}");
        assert!(sound.contains("a=inactive"), "{sections:?}");
    }
}

#[test]
fn the_level_of_the_answer_allows_what_is_sent_where_levels_may_differ() {
    let answer = to_viewer(&OFFER.replace("packetization", "level-asymmetry-allowed=1;packetization"));
    assert!(answer.expect("it must be answered").contains("profile-level-id=42e033"));
    assert!(to_viewer(OFFER).expect("it must be answered").contains("profile-level-id=42e01f"));
}

#[test]
fn a_viewer_that_can_tell_what_it_takes_is_asked_to() {
    let remb = "a=rtcp-fb:96 goog-remb\r\n";
    let answer =
        to_viewer(&format!("{OFFER}{remb}a=rtcp-fb:96 transport-cc\r\n")).expect("it must be answered");
    assert!(answer.contains(remb) && !answer.contains("transport-cc"), "{answer}");
    assert!(!to_viewer(OFFER).expect("it must be answered").contains("goog-remb"));
}

#[test]
fn an_answer_that_breaks_a_rule_is_ours_and_stays_here() {
    let read = offer::read(OFFER).expect("it must be read");
    let nowhere = Viewer::answer(&read, &[], seat()).map(|(_, answer)| answer.sdp);
    assert!(matches!(nowhere, Err(OfferError::Broken(Violation::Candidates { section: 1 }))), "{nowhere:?}");
}

proptest! {
    // Each makes a certificate.
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_is_answered_holds_against_its_offer(offer in generate::offer()) {
        for answer in [to_viewer(&offer), to_publisher(&offer)] {
            match answer {
                Ok(answer) => prop_assert_eq!(check(&offer, &answer), Ok(()), "{}\nto\n{}", answer, offer),
                Err(OfferError::Faulty(_)) => {}
                Err(error) => prop_assert!(false, "{error} to\n{offer}"),
            }
        }
    }
}

#[test]
fn a_viewer_with_one_of_the_certificates_that_it_names_gets_in() {
    let upper = |line: &str| line.replace("sha-256", "SHA-256");
    let other =
        |line: &str| format!("{}\r\n{line}", OFFER.lines().find(|line| line.contains("sha-256")).unwrap());
    let behind = |line: &str| format!("a=fingerprint:sha-1 00:11\r\n{line}");
    for (name, rewrite) in
        [("capitals", &upper as &dyn Fn(&str) -> String), ("two", &other), ("sha-1", &behind)]
    {
        assert!(Peer::connects("actpass", rewrite), "{name}");
        assert!(Peer::connects("passive", rewrite), "{name}, as the DTLS server");
    }
}

#[test]
fn a_viewer_with_none_of_the_certificates_that_it_names_does_not() {
    let foreign = OFFER.lines().find(|line| line.contains("sha-256")).unwrap();
    for setup in ["actpass", "passive"] {
        assert!(!Peer::connects(setup, &|_: &str| foreign.to_owned()), "{setup}");
        let two = format!("{foreign}\r\n{}", foreign.replace("AA:", "01:"));
        assert!(!Peer::connects(setup, &|_: &str| two.clone()), "{setup}");
    }
}

#[test]
fn a_viewer_that_udp_does_not_reach_gets_in_over_tcp() {
    for setup in ["actpass", "passive"] {
        assert!(Peer::connects_over_tcp(setup), "{setup}");
    }
}

#[test]
fn tcp_is_announced_behind_udp_and_waits_for_connections() {
    let answer = to_viewer(OFFER).expect("it must be answered");
    let candidates: Vec<&str> = answer.lines().filter(|line| line.starts_with("a=candidate:")).collect();
    let [udp, tcp] = candidates[..] else { panic!("{answer}") };
    assert!(udp.contains(" 1 udp ") && udp.ends_with(" 127.0.0.1 9 typ host"), "{udp}");
    assert!(tcp.contains(" 1 tcp ") && tcp.ends_with(" 127.0.0.1 9 typ host tcptype passive"), "{tcp}");
}

/// A whole picture of that access unit.
fn picture(payload: Bytes) -> Unit {
    Unit {
        track: Track::h264(1280, 720, 30),
        pts: Duration::ZERO,
        dts: Duration::ZERO,
        duration: Duration::from_millis(33),
        key: true,
        payload,
    }
}
