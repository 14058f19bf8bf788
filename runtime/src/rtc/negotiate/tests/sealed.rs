//! What is sealed outside of the stack, opened by the stack of the other side.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use bytes::Bytes;
use rtc::dtls::extension::extension_use_srtp::SrtpProtectionProfile;
use understudy_core::fanout::clock::Anchor;
use understudy_core::fanout::cut::{Cut, Cutter};
use understudy_core::fanout::history::History;
use understudy_core::fanout::portions::INTERVAL;
use understudy_core::fanout::repair::FIRST_WAIT;
use understudy_core::media::{Kind, Unit};

use super::super::super::batch::Path;
use super::super::super::directory::PeerId;
use super::super::super::feedback::Missing;
use super::super::super::spread::{Part, Spread};
use super::super::super::viewer::{Answered, Due, Showing, Viewer};
use super::peer::Peer;
use super::picture;

pub(super) const ID: PeerId = PeerId(1);
pub(super) const PATH: Path =
    Path::udp(std::net::SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 10), None);
const UNITS: usize = 40;

/// A picture of that many packets, each of its own.
fn numbered(number: u32) -> Unit {
    let unit = |index: usize| {
        let [a, b, c, d] = number.to_be_bytes().map(|byte| byte | 1);
        [0, 0, 0, 1, 0x65, a, b, c, d, index as u8 + 1]
    };
    let at = Duration::from_millis(33) * number;
    let payload = Bytes::from_owner((0..UNITS).flat_map(unit).collect::<Vec<_>>());
    Unit { pts: at, dts: at, ..picture(payload) }
}

pub(super) fn shown(viewer: &mut Viewer, cut: &Arc<Cut>) -> Spread {
    let now = Instant::now();
    let anchor = Anchor { pts: cut.frame.pts, instant: now, wall: SystemTime::now() };
    viewer.path = Some(PATH);
    let mut spread = Spread::default();
    viewer.show(ID, &Showing { cut, anchor, now }, &mut spread);
    spread
}

pub(super) fn datagrams(spread: &Spread) -> Vec<Vec<u8>> {
    let singly = spread.messages().iter().flat_map(|message| message.singly().collect::<Vec<_>>());
    singly.map(|message| spread.bytes()[message.range].to_vec()).collect()
}

pub(super) fn missing(datagram: &[u8]) -> Missing {
    Missing {
        ssrc: u32::from_be_bytes(*datagram[8..].first_chunk().expect("a header")),
        sequence: u16::from_be_bytes([datagram[2], datagram[3]]),
    }
}

/// A viewer that is in and waits for a keyframe.
pub(super) fn watching(profile: SrtpProtectionProfile) -> (Peer, Viewer) {
    let (peer, mut viewer) = Peer::joined(profile);
    assert!(!viewer.begin(&History::default(), Instant::now()), "there is nothing to begin with");
    (peer, viewer)
}

/// A joiner whose hub has counted for long, and who then watches for longer than a number lasts.
fn watches(profile: SrtpProtectionProfile) {
    let (mut peer, mut viewer) = watching(profile);
    let mut cutter = Cutter::default();
    for number in 0..1700 {
        cutter.cut(numbered(number));
    }
    for number in 1700..3400 {
        let cut = Arc::new(cutter.cut(numbered(number)));
        assert!(cut.first > 65_536);
        let sent = datagrams(&shown(&mut viewer, &cut));
        let opened = peer.opens(sent.iter().map(Vec::as_slice));
        assert_eq!(opened.len(), UNITS, "picture {number}");
        assert!(opened.iter().map(|packet| &packet.payload).eq(&cut.payloads), "picture {number}");
        assert!(opened.iter().all(|packet| packet.header.timestamp == cut.timestamp));
        assert!(opened[UNITS - 1].header.marker && !opened[0].header.marker);
    }
}

#[test]
fn a_late_joiner_opens_everything_beyond_a_wrap_of_the_numbers() {
    watches(SrtpProtectionProfile::Srtp_Aead_Aes_128_Gcm);
}

#[test]
fn a_peer_without_gcm_opens_everything_too() {
    watches(SrtpProtectionProfile::Srtp_Aes128_Cm_Hmac_Sha1_80);
}

#[test]
fn what_is_asked_for_again_is_the_very_same_packet() {
    let (_, mut viewer) = watching(SrtpProtectionProfile::Srtp_Aead_Aes_128_Gcm);
    let (mut cutter, mut history) = (Cutter::default(), History::default());
    let mut sent = Vec::new();
    for number in 0..3 {
        let cut = Arc::new(cutter.cut(numbered(number)));
        history.keep(&cut);
        sent.extend(datagrams(&shown(&mut viewer, &cut)));
    }
    let wanted: Vec<Missing> = [7, UNITS + 3, 2 * UNITS].iter().map(|at| missing(&sent[*at])).collect();
    let mut again = Vec::new();
    let now = Instant::now();
    let answered = viewer.again(&wanted, &history, now, |bytes| {
        again.push(bytes.to_vec());
        true
    });
    assert_eq!(answered, Answered { sent: 3, refused: 0 });
    assert_eq!(again, [sent[7].clone(), sent[UNITS + 3].clone(), sent[2 * UNITS].clone()]);
    let answered = viewer.again(&wanted, &history, now, |_| panic!("it is on its way"));
    assert_eq!(answered, Answered { sent: 0, refused: 3 });
    let strangers = Missing { ssrc: wanted[0].ssrc ^ 1, ..wanted[0] };
    let answered = viewer.again(&[strangers], &history, now, |_| panic!("it is of another stream"));
    assert_eq!(answered, Answered::default());
}

#[test]
fn a_viewer_whose_address_changes_is_sent_its_media_there() {
    let (there, is_in) = Peer::moves();
    assert!(is_in && there.is_some());
}

#[test]
fn a_viewer_that_reports_and_checks_no_more_stays_and_a_silent_one_goes() {
    assert!(Peer::stays(true));
    assert!(!Peer::stays(false));
}

/// Three pictures of a hub, the first of them a keyframe.
fn begun() -> (Cutter, History) {
    let (mut cutter, mut history) = (Cutter::default(), History::default());
    for number in 1..4 {
        let keyframe = number == 1;
        history.keep(&Arc::new(cutter.cut(Unit { key: keyframe, ..numbered(number) })));
    }
    (cutter, history)
}

pub(super) fn again(
    viewer: &mut Viewer,
    wanted: &[Missing],
    history: &History,
    now: Instant,
) -> Vec<Vec<u8>> {
    let mut again = Vec::new();
    viewer.again(wanted, history, now, |bytes| {
        again.push(bytes.to_vec());
        true
    });
    again
}

#[test]
fn a_joiner_opens_what_it_begins_with_and_what_follows_and_each_again() {
    let (mut peer, mut viewer) = Peer::joined(SrtpProtectionProfile::Srtp_Aead_Aes_128_Gcm);
    let (mut cutter, mut history) = begun();
    viewer.path = Some(PATH);
    let mut now = Instant::now();
    assert!(viewer.begin(&history, now));
    let live = Arc::new(cutter.cut(Unit { key: false, ..numbered(4) }));
    history.keep(&live);
    assert!(datagrams(&shown(&mut viewer, &live)).is_empty(), "it waits behind what is on its way");
    let mut sent = Vec::new();
    while viewer.due(now) == Due::Portion {
        let mut spread = Spread::default();
        viewer.pour(ID, now, &mut spread);
        let portion = datagrams(&spread);
        // What is asked for so soon is the same too.
        let first = [missing(&portion[0])];
        assert_eq!(again(&mut viewer, &first, &history, now), [portion[0].clone()]);
        sent.extend(portion);
        now += INTERVAL;
    }
    let opened = peer.opens(sent.iter().map(Vec::as_slice));
    assert_eq!(opened.len(), 4 * UNITS);
    assert!(opened.windows(2).all(|pair| {
        pair[1].header.sequence_number == pair[0].header.sequence_number.wrapping_add(1)
            && pair[1].header.timestamp.wrapping_sub(pair[0].header.timestamp) < 4000
    }));
    let wanted: Vec<Missing> = sent.iter().map(|datagram| missing(datagram)).collect();
    assert_eq!(again(&mut viewer, &wanted, &history, now + Duration::from_secs(1)), sent);
}

#[test]
fn a_picture_that_was_on_its_way_to_all_when_a_joiner_began_with_it_is_not_sent_to_it_twice() {
    let (_, mut viewer) = Peer::joined(SrtpProtectionProfile::Srtp_Aead_Aes_128_Gcm);
    let (mut cutter, mut history) = begun();
    let leaving = Arc::new(cutter.cut(Unit { key: false, ..numbered(4) }));
    history.keep(&leaving);
    viewer.path = Some(PATH);
    let now = Instant::now();
    assert!(viewer.begin(&history, now));
    let mut packets = 0;
    for cut in [leaving, Arc::new(cutter.cut(Unit { key: false, ..numbered(5) }))] {
        packets += datagrams(&shown(&mut viewer, &cut)).len();
    }
    for tick in 0..20 {
        let mut spread = Spread::default();
        viewer.pour(ID, now + INTERVAL * tick, &mut spread);
        packets += datagrams(&spread).len();
    }
    assert_eq!((packets, viewer.due(now + INTERVAL * 20)), (5 * UNITS, Due::Nothing));
}

#[test]
fn a_joiner_that_misses_what_it_begins_with_goes_on_with_a_keyframe_under_numbers_of_its_own() {
    let (mut peer, mut viewer) = Peer::joined(SrtpProtectionProfile::Srtp_Aead_Aes_128_Gcm);
    let (mut cutter, mut history) = begun();
    viewer.path = Some(PATH);
    let now = Instant::now();
    assert!(viewer.begin(&history, now));
    let mut spread = Spread::default();
    viewer.pour(ID, now, &mut spread);
    assert!(viewer.missed(&spread.messages()[0].part, now));
    assert_eq!(viewer.due(now), Due::Repair);
    let keyframe = Arc::new(cutter.cut(numbered(4)));
    history.keep(&keyframe);
    let sent = datagrams(&shown(&mut viewer, &keyframe));
    assert_eq!(peer.opens(sent.iter().map(Vec::as_slice)).len(), UNITS);
    let wanted: Vec<Missing> = sent.iter().map(|datagram| missing(datagram)).collect();
    assert_eq!(again(&mut viewer, &wanted, &history, now), sent);
}

#[test]
fn a_viewer_is_helped_once_for_a_picture_and_not_for_what_a_keyframe_has_made_good() {
    let (_, mut viewer) = watching(SrtpProtectionProfile::Srtp_Aead_Aes_128_Gcm);
    let (mut cutter, now) = (Cutter::default(), Instant::now());
    let mut show = |viewer: &mut Viewer, number| -> Part {
        shown(viewer, &Arc::new(cutter.cut(numbered(number)))).messages()[0].part
    };
    let first = show(&mut viewer, 1);
    assert!(!viewer.missed(&Part { kind: Kind::Audio, ..first }, now));
    assert!(viewer.missed(&first, now) && !viewer.missed(&first, now));
    assert_eq!((viewer.due(now), viewer.due(now)), (Due::Repair, Due::Nothing));
    let second = show(&mut viewer, 2);
    assert!(!viewer.missed(&first, now), "a keyframe came since");
    assert!(viewer.missed(&second, now));
    assert_eq!(viewer.due(now), Due::Nothing, "it was helped just now");
    assert!(viewer.wake_at(now).is_some_and(|at| at <= now + FIRST_WAIT));
    assert_eq!(viewer.due(now + FIRST_WAIT), Due::Repair);
}
