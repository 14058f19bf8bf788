use std::convert::Infallible;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use understudy_core::fanout::rtp::Index;
use understudy_core::media::Kind;
use understudy_core::tcp::doorstep::{PATIENCE, PLACES};
use understudy_core::tcp::framing::{Frames, MAX_PACKET_BYTES};
use understudy_core::tcp::outbox::MEDIA_BYTES;

use super::super::batch::Path;
use super::super::directory::{Directory, LoopId, PeerId};
use super::super::reception::{Addressed, Inlet};
use super::super::transport_address::TransportAddress;
use super::*;
use crate::rtc::{Config, Handle, TcpPort, loops_here, spawn};

/// What a machine under load may take over loopback.
const SOON: Duration = Duration::from_secs(10);
const PACKETS: usize = 40;
const PACKET_BYTES: usize = 1200;

/// The port of streams, and who connects to it.
struct Place {
    streams: Streams,
    port: u16,
    directory: Directory,
    /// Of the one loop that there is.
    inlet: Inlet,
    _end: DropGuard,
}

impl Place {
    fn open() -> Self {
        let (directory, metrics) = (Directory::new(1), Metrics::default());
        let (reception, mut inlets) = Reception::new(directory.clone(), 1, metrics.clone());
        let streams = Streams::new(reception, metrics);
        let port = streams.listen((Ipv4Addr::LOCALHOST, 0).into()).unwrap();
        let inlet = inlets.pop().expect("a loop has an inlet");
        let end = streams.0.closed.clone().drop_guard();
        Self { streams, port, directory, inlet, _end: end }
    }

    /// Somebody who came.
    async fn guest(&self) -> TcpStream {
        let guest = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).await.unwrap();
        let come = async {
            while !self.is_open(&guest) {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(SOON, come).await.expect("it must be let in");
        guest
    }

    fn is_open(&self, guest: &TcpStream) -> bool {
        self.streams.0.table.lock().open.contains_key(&address(guest))
    }

    fn connections(&self) -> i64 {
        self.streams.0.metrics.tcp_connections.get()
    }

    async fn has(&self, connections: i64) {
        let changed = async {
            while self.connections() != connections {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(SOON, changed).await.expect("the connections must change");
    }
}

fn address(guest: &TcpStream) -> SocketAddr {
    guest.local_addr().unwrap()
}

async fn is_ended(guest: &mut TcpStream) {
    let read = tokio::time::timeout(SOON, guest.read(&mut [0; 16])).await.expect("it must be ended");
    assert!(matches!(read, Ok(0) | Err(_)), "{read:?}");
}

/// A run of packets of equal size, of which the last is smaller, to each.
fn spread(to: &[SocketAddr]) -> Spread {
    let mut spread = Spread::default();
    for (viewer, to) in to.iter().enumerate() {
        let path = Path::of(TransportAddress::tcp(*to), None);
        let part = Part { viewer: PeerId(viewer as u64), path, kind: Kind::Video, frame: Index(0), turn: 0 };
        let write = |packet: usize, out: &mut Vec<u8>| {
            let shorter = if packet == PACKETS - 1 { 200 } else { 0 };
            out.resize(out.len() + PACKET_BYTES - shorter, packet as u8);
            Ok::<_, Infallible>(())
        };
        spread.add(part, 0..PACKETS, write).unwrap();
    }
    spread
}

/// The next packets that arrive.
async fn receives(guest: &mut TcpStream, count: usize) -> Vec<Vec<u8>> {
    let (mut frames, mut packets, mut piece) = (Frames::default(), Vec::new(), [0; 4096]);
    while packets.len() < count {
        let length =
            tokio::time::timeout(SOON, guest.read(&mut piece)).await.expect("it must arrive").unwrap();
        assert_ne!(length, 0);
        frames.push(&piece[..length]);
        while let Some(packet) = frames.take().unwrap() {
            packets.push(packet.to_vec());
        }
    }
    packets
}

#[tokio::test]
async fn each_packet_of_a_run_arrives_by_itself_and_in_order() {
    let place = Place::open();
    let mut guest = place.guest().await;
    assert_eq!(place.streams.spread(&mut spread(&[address(&guest)])), []);
    place.streams.send(address(&guest), Cargo::Control, b"told");
    let (told, packets): (Vec<_>, Vec<_>) =
        receives(&mut guest, PACKETS + 1).await.into_iter().partition(|packet| packet == b"told");
    assert_eq!(told.len(), 1);
    let sizes =
        (0..PACKETS).map(|packet| if packet == PACKETS - 1 { PACKET_BYTES - 200 } else { PACKET_BYTES });
    assert!(packets.iter().map(Vec::len).eq(sizes));
    assert!(packets.iter().enumerate().all(|(at, packet)| packet[0] == at as u8));
    assert_eq!(place.streams.0.metrics.tcp_sent_packets.get(), PACKETS as u64 + 1);
}

#[tokio::test]
async fn whoever_reads_nothing_misses_pictures_and_nobody_else_does() {
    let place = Place::open();
    let (mut reader, slow) = (place.guest().await, place.guest().await);
    let to = [address(&slow), address(&reader)];
    // More than fits into the outbox and what the kernel takes of it.
    let pictures = 4 * MEDIA_BYTES / (PACKETS * PACKET_BYTES);
    let mut missed = Vec::new();
    for _ in 0..pictures {
        let started = Instant::now();
        missed.extend(place.streams.spread(&mut spread(&to)));
        assert!(started.elapsed() < Duration::from_secs(1), "it must not wait");
        receives(&mut reader, PACKETS).await;
    }
    assert!(missed.len() > pictures / 4, "{} of {pictures}", missed.len());
    assert!(missed.iter().all(|part| part.viewer == PeerId(0)));
    assert_eq!(place.streams.0.metrics.tcp_unsent_packets.get(), (missed.len() * PACKETS) as u64);
    drop(slow);
}

#[tokio::test]
async fn media_that_waits_is_not_written_once_it_goes_another_way() {
    let place = Place::open();
    let mut guest = place.guest().await;
    let to = address(&guest);
    let mut pushed = 0;
    while place.streams.spread(&mut spread(&[to])).is_empty() {
        pushed += PACKETS;
        tokio::task::yield_now().await;
    }
    place.streams.drop_media(to);
    place.streams.send(to, Cargo::Control, b"last");
    // What is being written may be more than the kernel takes before somebody reads.
    let mut arrived = Vec::new();
    let (_, read) = tokio::join!(place.streams.end(), guest.read_to_end(&mut arrived));
    read.unwrap();
    assert!(arrived.ends_with(b"\0\x04last"));
    // The kernel had some of it, and the run that was being written.
    assert!(pushed * PACKET_BYTES > MEDIA_BYTES && arrived.len() < MEDIA_BYTES / 2, "{}", arrived.len());
}

#[tokio::test]
async fn whoever_is_not_connected_misses_what_is_sent_to_it() {
    let place = Place::open();
    let guest = place.guest().await;
    let from = address(&guest);
    drop(guest);
    place.has(0).await;
    assert_eq!(place.streams.spread(&mut spread(&[from])).len(), 1);
}

#[tokio::test]
async fn of_many_that_say_nothing_few_stay_and_those_not_for_long() {
    let place = Place::open();
    let mut guests = Vec::new();
    for _ in 0..PLACES {
        guests.push(place.guest().await);
    }
    assert!(place.streams.welcome(address(&guests[0])));
    for _ in 0..4 {
        guests.push(place.guest().await);
    }
    assert_eq!(place.connections(), PLACES as i64 + 1);
    for guest in &mut guests[1..4] {
        is_ended(guest).await;
    }
    // Half a length, and then nothing.
    guests[4].write_all(&[0]).await.unwrap();
    let patient_until = Instant::now() + PATIENCE;
    assert!(place.streams.expires_at().is_some_and(|at| at <= patient_until));
    place.streams.expire(patient_until);
    is_ended(&mut guests[4]).await;
    // The one that was found to be somebody's.
    assert_eq!(place.connections(), 1);
    place.streams.send(address(&guests[0]), Cargo::Control, b"hello");
    assert_eq!(receives(&mut guests[0], 1).await, [b"hello"]);
}

/// All tasks but that of the port and so many, each of which holds a descriptor.
async fn lets_go(place: &Place, but: usize) {
    let let_go = async {
        while place.streams.0.tasks.len() > 1 + but {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(SOON, let_go).await.expect("its task must end");
}

#[tokio::test]
async fn nothing_is_held_of_whoever_is_sent_away_though_it_reads_nothing_and_goes_on_speaking() {
    let place = Place::open();
    let (idle, mut deaf) = (place.guest().await, place.guest().await);
    let to = address(&deaf);
    while place.streams.spread(&mut spread(&[to])).is_empty() {
        tokio::task::yield_now().await;
    }
    place.streams.close(address(&idle));
    lets_go(&place, 1).await;
    place.streams.close(to);
    let speaks = async {
        while deaf.write_all(&frame([&b"hello"[..]].into_iter())).await.is_ok() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    // More than the owner hears of: it is gone, and its last words wait for nobody.
    tokio::join!(speaks, lets_go(&place, 0));
    drop(idle);
}

#[tokio::test]
async fn what_was_said_last_arrives_before_the_end() {
    let place = Place::open();
    let mut guest = place.guest().await;
    place.streams.send(address(&guest), Cargo::Control, b"goodbye");
    place.streams.end().await;
    assert_eq!(receives(&mut guest, 1).await, [b"goodbye"]);
    is_ended(&mut guest).await;
}

#[tokio::test]
async fn whoever_connects_from_where_another_was_is_the_one_that_is_there() {
    let place = Place::open();
    let (guest, other) = (place.guest().await, TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap());
    let connected = TcpStream::connect(other.local_addr().unwrap());
    let (io, _) = tokio::join!(other.accept(), connected).0.unwrap();
    let before = StreamId { from: address(&guest), number: 1 };
    place.streams.admit(io, before.from, Instant::now());
    place.streams.ended(before, None);
    assert!(place.is_open(&guest));
    assert_eq!(place.connections(), 1);
}

#[tokio::test]
async fn what_is_said_comes_to_the_loop_of_whom_the_check_is_for_and_its_sender_is_nobodys_once_it_is_gone() {
    let mut place = Place::open();
    let home = place.directory.expect(LoopId(0), "session", "ours");
    let check = crate::rtc::stun::check("ours:theirs");
    let mut guest = place.guest().await;
    let from = TransportAddress::tcp(address(&guest));
    guest.write_all(&frame([&check[..]].into_iter())).await.unwrap();
    let received =
        tokio::time::timeout(SOON, place.inlet.packets.recv()).await.expect("it must come").unwrap();
    let local = Some(Ipv4Addr::LOCALHOST.into());
    assert!(received.each().eq([Addressed { peer: home.peer, from, local, bytes: &check }]));
    place.directory.claim(home.peer, from, local);
    assert!(place.streams.welcome(from.socket));
    drop(guest);
    place.has(0).await;
    assert!(!place.directory.knows(from) && !place.streams.welcome(from.socket));
}

#[tokio::test]
async fn a_loop_that_takes_nothing_slows_who_speaks_to_it() {
    let mut place = Place::open();
    place.directory.expect(LoopId(0), "session", "ours");
    let check = frame([&crate::rtc::stun::check("ours:theirs")[..]].into_iter());
    let mut guest = place.guest().await;
    let speak = async {
        loop {
            guest.write_all(&check).await.unwrap();
        }
    };
    assert!(tokio::time::timeout(Duration::from_secs(1), speak).await.is_err());
    let waiting = place.inlet.packets.len();
    assert!(place.inlet.packets.recv().await.is_some());
    let more = async {
        while place.inlet.packets.len() < waiting {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(SOON, more).await.expect("it goes on when there is room");
}

/// To a transport with nobody expected, which ends with its handle.
async fn connected(ip: IpAddr) -> (TcpStream, Metrics, Handle) {
    let metrics = Metrics::default();
    let config = Config {
        bind: (ip, 0).into(),
        tcp: TcpPort::Port(0),
        announce: vec![ip],
        max_viewers: 1,
        loops: loops_here(),
    };
    let handle = spawn(&config, metrics.clone(), CancellationToken::new()).unwrap();
    let guest = TcpStream::connect((ip, handle.tcp_port().unwrap())).await.unwrap();
    (guest, metrics, handle)
}

#[tokio::test]
async fn whoever_begins_with_what_is_nobodys_or_too_large_is_sent_away() {
    let check = crate::rtc::stun::check("nobody:theirs");
    let oversized = (MAX_PACKET_BYTES as u16 + 1).to_be_bytes();
    for (said, why) in [
        (frame([&b"GET / HTTP/1.1"[..]].into_iter()), Refusal::Stranger),
        (frame([&check[..]].into_iter()), Refusal::Stranger),
        (oversized.to_vec(), Refusal::Oversized),
    ] {
        for ip in net::Families::here().loopbacks() {
            let (mut guest, metrics, _transport) = connected(ip).await;
            guest.write_all(&said).await.unwrap();
            is_ended(&mut guest).await;
            // The owner may hear of it a moment later.
            let counted = async {
                while metrics.refused_for(why) != 1 || metrics.tcp_connections.get() != 0 {
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
            };
            tokio::time::timeout(SOON, counted).await.unwrap_or_else(|_| panic!("{why:?} at {ip}"));
        }
    }
}

#[tokio::test]
async fn a_port_that_cannot_be_had_is_not_announced() {
    let taken =
        net::tcp((Ipv6Addr::UNSPECIFIED, 0).into()).or_else(|_| net::tcp((Ipv4Addr::UNSPECIFIED, 0).into()));
    let port = taken.as_ref().unwrap().local_addr().unwrap().port();
    for (tcp, announced) in [(TcpPort::Port(port), 1), (TcpPort::Off, 1), (TcpPort::Port(0), 2)] {
        let loopback = Ipv4Addr::LOCALHOST.into();
        let config = Config {
            bind: (loopback, 0).into(),
            tcp,
            announce: vec![loopback],
            max_viewers: 1,
            loops: loops_here(),
        };
        let end = CancellationToken::new();
        let handle = spawn(&config, Metrics::default(), end.clone()).unwrap();
        assert_eq!(handle.announced.len(), announced, "{tcp:?}");
        end.cancel();
    }
}
