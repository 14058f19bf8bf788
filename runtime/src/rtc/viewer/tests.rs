use rtc::crypto::{BlockCipherAlgorithm, RTCCrypto};
use understudy_core::fanout::settling::SHORTEST;
use understudy_core::offer;

use super::super::ending::Why;
use super::super::negotiate::OFFER;
use super::*;
use crate::seats::Seats;

fn viewer(offer: &str) -> Viewer {
    let seat = Seats::new(1).take().expect("a free seat");
    let offer = offer::read(offer).expect("the offer must be read");
    let ours = TransportAddress::udp(std::net::SocketAddr::from(([127, 0, 0, 1], 9)));
    Viewer::answer(&offer, &[ours], seat).expect("the offer must be answered").0
}

/// As the stack does it after a handshake, with GCM.
fn derive(viewer: &Viewer) {
    for master in [[1; 16], [2; 16]] {
        for label in [0, 2, 3, 5] {
            let mut block = [7; 16];
            (block[7], block[15]) = (7 ^ label, 0);
            viewer.cryptography.block_encrypt(BlockCipherAlgorithm::Aes128, &master, &mut block).unwrap();
        }
    }
}

#[test]
fn nothing_is_due_before_a_viewer_has_had_time_to_get_its_keys() {
    let (mut viewer, now) = (viewer(OFFER), Instant::now());
    derive(&viewer);
    viewer.connected(now);
    assert_eq!(viewer.due(now), Due::Nothing);
    assert!(viewer.wake_at(now).is_some_and(|at| at <= now + SHORTEST));
    assert_eq!(viewer.due(now + SHORTEST), Due::Begin);
}

#[test]
fn whoever_watches_no_picture_needs_no_keyframe() {
    let sound = OFFER.replace("m=video", "m=audio").replace("H264/90000", "opus/48000/2");
    assert!(viewer(&sound).begin(&History::default(), Instant::now()));
    assert!(!viewer(OFFER).begin(&History::default(), Instant::now()));
}

#[test]
fn keys_that_are_derived_again_end_a_viewer() {
    let mut viewer = viewer(OFFER);
    derive(&viewer);
    viewer.connected(Instant::now());
    viewer.mind_keys();
    assert!(matches!(viewer.connection.state(), State::Expected { .. }));
    derive(&viewer);
    viewer.mind_keys();
    assert_eq!(viewer.connection.state(), State::Gone(Why::Broken));
}
