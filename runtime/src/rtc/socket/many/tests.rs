use std::convert::Infallible;
use std::net::{SocketAddr, UdpSocket as Peer};
use std::time::Duration;

use understudy_core::fanout::rtp::Index;
use understudy_core::fanout::waiting::MAX_WAIT;
use understudy_core::media::Kind;

use super::super::super::batch::Path;
use super::super::super::directory::PeerId;
use super::*;
use crate::net;

const SIZES: [usize; 3] = [1000, 1000, 400];

fn peer(address: IpAddr) -> Peer {
    let peer = Peer::bind((address, 0)).unwrap();
    peer.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
    peer
}

fn part(viewer: u64, path: Path, turn: usize) -> Part {
    Part { viewer: PeerId(viewer), path, kind: Kind::Video, frame: Index(0), turn }
}

fn viewers(missed: &[Part]) -> Vec<u64> {
    missed.iter().map(|part| part.viewer.0).collect()
}

/// A run of three, and behind it a single one, to each.
fn spread(peers: &[Peer], source: IpAddr) -> Spread {
    let mut spread = Spread::default();
    for (id, peer) in peers.iter().enumerate() {
        let path = Path::udp(peer.local_addr().unwrap(), Some(source));
        let write = |packet: usize, out: &mut Vec<u8>| {
            out.resize(out.len() + SIZES[packet], (10 * id + packet) as u8);
            Ok::<_, Infallible>(())
        };
        spread.add(part(id as u64, path, 0), 0..3, write).unwrap();
        spread.add(part(id as u64, path, 1), 2..3, write).unwrap();
    }
    spread
}

fn received(peer: &Peer) -> Vec<(usize, u8, SocketAddr)> {
    let mut buffer = [0; 2000];
    let mut next = || {
        let (length, from) = peer.recv_from(&mut buffer).unwrap();
        (length, buffer[length - 1], from)
    };
    (0..4).map(|_| next()).collect()
}

#[tokio::test]
async fn many_are_reached_with_a_call_a_run_whether_the_kernel_segments_or_not() {
    let families = net::Families::here();
    let mut socket = Socket::bind(SocketAddr::new(families.unspecified(), 0)).unwrap();
    let port = socket.local_addr().port();
    socket.port.io.writable().await.unwrap();
    for loopback in families.loopbacks() {
        for segments in [true, false] {
            let peers: Vec<Peer> = (0..5).map(|_| peer(loopback)).collect();
            if !segments {
                socket.unsegmented.insert(loopback);
            }
            let metrics = Metrics::default();
            let missed = socket.spread(&mut spread(&peers, loopback), &metrics);
            assert_eq!(missed, []);
            assert_eq!(
                (metrics.send_calls.get(), metrics.sent_datagrams.get()),
                (if segments { 2 } else { 1 }, 20)
            );
            assert_eq!(metrics.sent_bytes.get(), 5 * 2800);
            let from = SocketAddr::new(loopback, port);
            for (id, peer) in peers.iter().enumerate() {
                let of = |packet: usize| (SIZES[packet], (10 * id + packet) as u8, from);
                assert_eq!(received(peer), [of(0), of(1), of(2), of(2)]);
            }
        }
    }
}

#[tokio::test]
async fn what_had_to_wait_leaves_first_and_in_order() {
    let mut socket = Socket::bind(SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
    socket.port.io.writable().await.unwrap();
    let loopback = socket.local_addr().ip();
    let (peers, metrics) = ([peer(loopback)], Metrics::default());
    let held = spread(&peers, loopback);
    socket.hold(held.bytes(), &held.messages()[0], &metrics, &mut Vec::new());
    let mut later = Spread::default();
    let path = held.messages()[0].part.path;
    let write = |_, out: &mut Vec<u8>| {
        out.push(99);
        Ok::<_, Infallible>(())
    };
    later.add(part(0, path, 0), 0..1, write).unwrap();
    assert_eq!(socket.spread(&mut later, &metrics), []);
    assert_eq!(metrics.sent_datagrams.get(), 0);
    socket.room().await.unwrap();
    assert_eq!(socket.resume(&metrics), []);
    let sizes: Vec<usize> = received(&peers[0]).iter().map(|(size, ..)| *size).collect();
    assert_eq!(sizes, [1000, 1000, 400, 1]);
}

/// Of that many datagrams, to a port that is none: the kernel calls that invalid, as it calls segments that it does not take.
fn nowhere(spread: &mut Spread, host: IpAddr, datagrams: usize) {
    let path = Path::udp(SocketAddr::new(host, 0), Some(host));
    let write = |_, out: &mut Vec<u8>| {
        out.push(0);
        Ok::<_, Infallible>(())
    };
    spread.add(part(9, path, 0), 0..datagrams, write).unwrap();
}

#[tokio::test]
async fn whoever_has_no_way_is_named_and_the_others_are_reached_in_segments_as_before() {
    let mut socket = Socket::bind(SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
    socket.port.io.writable().await.unwrap();
    let loopback = socket.local_addr().ip();
    for datagrams in [1, 2] {
        let peers = [peer(loopback), peer(loopback)];
        let mut spread = spread(&peers, loopback);
        nowhere(&mut spread, loopback, datagrams);
        let metrics = Metrics::default();
        assert_eq!(viewers(&socket.spread(&mut spread, &metrics)), [9]);
        assert_eq!((metrics.sent_datagrams.get(), metrics.unsent_datagrams.get()), (8, datagrams as u64));
        peers.iter().for_each(|peer| assert_eq!(received(peer).len(), 4));
        assert!(socket.unsegmented.is_empty());
    }
}

#[tokio::test]
async fn what_waited_and_has_no_way_is_named_and_what_waits_behind_it_leaves() {
    let mut socket = Socket::bind(SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
    socket.port.io.writable().await.unwrap();
    let loopback = socket.local_addr().ip();
    let (peers, metrics, mut missed) = ([peer(loopback)], Metrics::default(), Vec::new());
    let mut held = Spread::default();
    nowhere(&mut held, loopback, 2);
    socket.hold(held.bytes(), &held.messages()[0], &metrics, &mut missed);
    let held = spread(&peers, loopback);
    held.messages().iter().for_each(|one| socket.hold(held.bytes(), one, &metrics, &mut missed));
    assert_eq!(viewers(&socket.resume(&metrics)), [9]);
    assert_eq!(received(&peers[0]).len(), 4);
    assert!(socket.waiting.is_empty());
}

#[tokio::test]
async fn what_waits_for_too_long_is_named_at_a_time_that_is_known() {
    let mut socket = Socket::bind(SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
    let loopback = socket.local_addr().ip();
    let held = spread(&[peer(loopback)], loopback);
    let before = Instant::now();
    assert_eq!(socket.expires_at(), None);
    let bytes = held.bytes()[held.messages()[0].range.clone()].to_vec();
    let messages = vec![held.messages()[0].clone()];
    socket.waiting.push(Held { messages, bytes }, 2400, before - MAX_WAIT);
    assert_eq!(socket.expires_at(), Some(before));
    assert_eq!(viewers(&socket.resume(&Metrics::default())), [0]);
    assert_eq!(socket.expires_at(), None);
}

#[tokio::test]
async fn a_sound_that_found_no_room_takes_no_picture_along() {
    let mut socket = Socket::bind(SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
    let loopback = socket.local_addr().ip();
    let held = spread(&[peer(loopback)], loopback);
    let [first, second] = held.messages() else { panic!("two messages") };
    let (metrics, sound) = (Metrics::default(), Part { kind: Kind::Audio, ..first.part });
    let mut missed = vec![sound];
    socket.hold(held.bytes(), first, &metrics, &mut missed);
    assert_eq!((missed.len(), socket.waiting.is_empty()), (1, false));
    missed.push(first.part);
    socket.hold(held.bytes(), second, &metrics, &mut missed);
    assert_eq!(missed, [sound, first.part, second.part]);
}
