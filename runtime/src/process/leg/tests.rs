//! What comes to the ports, by who sends it.

use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::time::Duration;

use understudy_core::media::Unit;

use super::*;
use crate::broadcast::Subscriber;

const SOON: Duration = Duration::from_secs(5);
/// Of a picture that can be decoded alone, with its parameter sets: 640×360.
const SEQUENCE: &[u8] = &[
    0x67, 0x42, 0xc0, 0x1e, 0xd9, 0x00, 0xa0, 0x2f, 0xf9, 0x70, 0x11, 0x00, 0x00, 0x03, 0x00, 0x01, 0x00,
    0x00, 0x03, 0x00, 0x3c, 0x0f, 0x16, 0x2e,
];
const SET: &[u8] = &[0x68, 0xcb, 0x8c, 0xb2, 0x80];
const ALONE: &[u8] = &[0x65, 0x88, 0x84];

fn own_pid() -> i32 {
    i32::try_from(std::process::id()).unwrap()
}

/// One who sends pictures.
struct Sender {
    socket: UdpSocket,
    to: SocketAddr,
    sequence: u16,
}

impl Sender {
    fn to(leg: &Leg) -> Self {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        Self { socket, to: (Ipv4Addr::LOCALHOST, leg.ports()[0]).into(), sequence: 0 }
    }

    fn picture(&mut self, mark: u8) {
        let last = [ALONE, &[mark]].concat();
        for (unit, marker) in [(SEQUENCE, 0), (SET, 0), (&last[..], 0x80)] {
            let head =
                [&[0x80, 102 | marker][..], &self.sequence.to_be_bytes(), &[0, 0, 0, mark, 0, 0, 0, 9]];
            self.socket.send_to(&[&head.concat()[..], unit].concat(), self.to).unwrap();
            self.sequence += 1;
        }
    }
}

async fn next(units: &mut Subscriber) -> Unit {
    tokio::time::timeout(SOON, units.next()).await.expect("a picture must come")
}

fn mark(unit: &Unit) -> u8 {
    *unit.payload.last().unwrap()
}

fn open() -> (Leg, Metrics) {
    crate::gst::init().unwrap();
    let metrics = Metrics::default();
    (Leg::open(&broadcast::Metrics::default(), metrics.clone()).unwrap(), metrics)
}

#[tokio::test]
async fn the_ports_follow_each_other_and_are_taken_at_once() {
    let (leg, _) = open();
    let [video, audio] = leg.ports();
    assert_eq!(audio, video + 1);
    for port in leg.ports() {
        assert!(UdpSocket::bind((Ipv4Addr::LOCALHOST, port)).is_err(), "it is taken");
    }
}

#[tokio::test]
async fn only_what_the_child_sends_is_taken_and_each_child_after_another() {
    let (leg, metrics) = open();
    let mut units = leg.program().video(understudy_core::rendition::Video::default()).subscribe();
    let (mut own, mut second) = (Sender::to(&leg), Sender::to(&leg));
    // Somebody else's, and nobody's.
    leg.started(1);
    tokio::time::sleep(Duration::from_millis(50)).await;
    own.picture(1);
    tokio::time::sleep(Duration::from_millis(50)).await;
    leg.ended();
    tokio::time::sleep(Duration::from_millis(50)).await;
    own.picture(2);
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert_eq!(metrics.strangers.get(), 6);
    leg.started(own_pid());
    tokio::time::sleep(Duration::from_millis(50)).await;
    own.picture(3);
    let first = next(&mut units).await;
    assert_eq!(mark(&first), 3);
    // The kernel drops it: it is the process's, and not who sends.
    second.picture(4);
    own.picture(5);
    assert_eq!(mark(&next(&mut units).await), 5);
    assert_eq!(metrics.strangers.get(), 6);
    leg.ended();
    leg.started(own_pid());
    tokio::time::sleep(Duration::from_millis(50)).await;
    second.picture(6);
    let last = next(&mut units).await;
    assert_eq!(mark(&last), 6);
    assert!(last.pts > first.pts && last.key);
    assert_eq!(leg.seen().borrow().pictures, 1, "of this child");
}

#[tokio::test]
async fn whoever_comes_is_shown_what_came_last() {
    let (leg, _) = open();
    let mut own = Sender::to(&leg);
    leg.started(own_pid());
    tokio::time::sleep(Duration::from_millis(50)).await;
    own.picture(1);
    let mut seen = leg.seen();
    tokio::time::timeout(SOON, seen.wait_for(|seen| seen.keyframes == 1)).await.unwrap().unwrap();
    assert_eq!(seen.borrow().size, Some((640, 360)));
    let mut units = leg.program().video(understudy_core::rendition::Video::default()).subscribe();
    assert_eq!(mark(&next(&mut units).await), 1);
}
