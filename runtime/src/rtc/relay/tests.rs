//! The line to a TURN server, by itself; what goes over it is shown with a server of another's.

use std::net::Ipv4Addr;

use tokio::io::AsyncWriteExt as _;
use tokio::net::{TcpListener, UdpSocket};
use understudy_core::turn::Over;

use super::*;
use crate::egress::trust;

const SOON: Duration = Duration::from_secs(10);

fn server(port: u16, over: Over) -> Server {
    let (username, credential) = ("me".to_owned(), "sesame".to_owned());
    Server { host: Ipv4Addr::LOCALHOST.to_string(), port, over, username, credential }
}

async fn line_to(server: &Server, allow: &str) -> Result<line::Line, RelayError> {
    let reach = Policy { allow: allow.parse().expect("a policy"), own: vec![] };
    line::to(server, &reach, &trust().expect("TLS must be there")).await
}

#[tokio::test]
async fn a_server_at_an_address_that_may_not_be_connected_to_hears_nothing() {
    let (listener, socket) = (
        TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap(),
        UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap(),
    );
    let (streamed, plain) = (listener.local_addr().unwrap().port(), socket.local_addr().unwrap().port());
    for (port, over) in [(plain, Over::Udp), (streamed, Over::Tcp), (streamed, Over::Tls)] {
        let refused = line_to(&server(port, over), "").await;
        assert!(matches!(refused, Err(RelayError::Unreached(Refused::Private { .. }))), "{over:?}");
    }
    let accepted = tokio::time::timeout(Duration::from_millis(100), listener.accept()).await;
    assert!(accepted.is_err(), "somebody connected");
    assert!(socket.try_recv(&mut [0; 1]).is_err(), "something came");
}

#[tokio::test]
async fn messages_of_a_stream_come_one_by_one_however_they_were_cut() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let server = server(listener.local_addr().unwrap().port(), Over::Tcp);
    let mut line = line_to(&server, "*").await.unwrap();
    let (mut theirs, _) = listener.accept().await.unwrap();
    let first = [&[0, 1, 0, 4, 0x21, 0x12, 0xa4, 0x42][..], &[7; 12], &[8; 4]].concat();
    let second = [0x40, 0, 0, 5, 1, 2, 3, 4, 5];
    let bytes = [&first[..], &second, &[0; 3], &first].concat();
    let mut came = Vec::new();
    // One byte, then what makes the first whole and a part of the second, then the rest.
    for piece in [&bytes[..1], &bytes[1..30], &bytes[30..]] {
        theirs.write_all(piece).await.unwrap();
        // Whoever waits may be interrupted; nothing is lost by it.
        while let Ok(message) = tokio::time::timeout(Duration::from_millis(20), line.receive()).await {
            came.push(message.unwrap().to_vec());
        }
    }
    while came.len() < 3 {
        came.push(tokio::time::timeout(SOON, line.receive()).await.expect("it must come").unwrap().to_vec());
    }
    assert_eq!(came, [first.clone(), second.to_vec(), first]);
    theirs.write_all(&[0xff; 4]).await.unwrap();
    let strange = tokio::time::timeout(SOON, line.receive()).await.expect("it must come");
    assert!(matches!(strange, Err(RelayError::Strange(_))), "{strange:?}");
}

#[tokio::test(start_paused = true)]
async fn why_each_server_gave_no_relay_is_told_in_time_and_what_it_was_asked_for_with_is_not() {
    let silent = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let closed = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap().local_addr().unwrap().port();
    let servers = [server(silent.local_addr().unwrap().port(), Over::Udp), server(closed, Over::Tcp)];
    let reach = Policy { allow: "*".parse().expect("a policy"), own: vec![] };
    let (reception, _inlets) =
        Reception::new(super::super::directory::Directory::new(1), 1, Metrics::default());
    let relays = Relays::new(reception);
    let far = Far { port: 7, at: vec![(Ipv4Addr::LOCALHOST, 9).into()] };
    let begun = Instant::now();
    let none = relays.first_of(&servers, (&reach, &trust().expect("TLS must be there")), &far).await;
    let told = none.err().expect("none gives one").to_string();
    assert!(begun.elapsed() < ASKED_WITHIN + Duration::from_secs(1), "{:?}", begun.elapsed());
    assert!(
        told.contains("over TCP: 127.0.0.1 cannot be reached") && told.contains("over UDP: it"),
        "{told}"
    );
    assert!(!told.contains("sesame"), "{told}");
    // Nothing was got that would have to be given back.
    tokio::time::timeout(SOON, relays.end()).await.expect("it must end");
    assert!(relays.tasks.is_empty());
}

#[tokio::test]
async fn what_is_asked_first_is_sent_at_once() {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let server = server(socket.local_addr().unwrap().port(), Over::Udp);
    let mut line = line_to(&server, "*").await.unwrap();
    line.send(b"hello".to_vec()).await.unwrap();
    let mut heard = [0; 8];
    let (length, _) =
        tokio::time::timeout(SOON, socket.recv_from(&mut heard)).await.expect("it must come").unwrap();
    assert_eq!(&heard[..length], b"hello");
}

#[test]
fn what_keeps_the_connection_has_room_when_media_has_none() {
    let (waiting, mut outgoing) = mpsc::channel(WAITING);
    let to = (Ipv4Addr::LOCALHOST, 9).into();
    let relay = Relay { address: to, waiting, _end: CancellationToken::new().drop_guard() };
    let metrics = Metrics::default();
    let sent = |cargo| {
        std::iter::repeat_with(|| relay.send(to, cargo, b"", &metrics)).take_while(|sent| *sent).count()
    };
    assert_eq!(sent(Cargo::Media), WAITING - RESERVED);
    assert_eq!(sent(Cargo::Control), RESERVED);
    assert_eq!((metrics.relayed.get(), metrics.unrelayed.get()), (WAITING as u64, 2));
    outgoing.try_recv().expect("something waits");
    assert!(!relay.send(to, Cargo::Media, b"", &metrics) && relay.send(to, Cargo::Control, b"", &metrics));
}
