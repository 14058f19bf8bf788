use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use bytes::Bytes;
use futures::StreamExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch as values;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::{self, Message as Frame};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};
use understudy_core::media::{Track, Unit};

use super::*;
use crate::broadcast::{self, Renditions};

const FRAME: Duration = Duration::from_millis(20);
/// Ends a test that would wait for good.
const SOON: Duration = Duration::from_secs(10);

struct Stage {
    address: SocketAddr,
    programs: Registry,
    program: Program,
    metrics: Metrics,
}

impl Stage {
    /// `a` is shown, `silent` not, `rtmp` is for others; each picture is a keyframe.
    async fn open() -> Self {
        let media = Renditions::new(&broadcast::Metrics::default());
        let programs = Registry::default();
        let program = Program::of(&media, values::channel(true).1);
        programs.name(&program, ["a".to_owned(), "rtmp".to_owned()]);
        let silent = Program::of(&media, values::channel(false).1);
        programs.name(&silent, ["silent".to_owned()]);
        let metrics = Metrics::default();
        let app = router(programs.clone(), |name| name != "rtmp", metrics.clone());
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move { axum::serve(listener, app).await });
        tokio::spawn(publish(media));
        Self { address, programs, program, metrics }
    }

    async fn refused(&self, path: &str) -> (u16, String) {
        let answer = reqwest::get(format!("http://{}{path}", self.address)).await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    }

    async fn watch(&self, name: &str) -> WebSocketStream<MaybeTlsStream<TcpStream>> {
        connect_async(format!("ws://{}/stream/socket/{name}", self.address)).await.unwrap().0
    }
}

async fn publish(media: Renditions) {
    let mut frames = tokio::time::interval(FRAME);
    for number in 1.. {
        frames.tick().await;
        let pts = FRAME * number;
        let payload = [&[0, 0, 0, 1, 0x65][..], &[7; 40_000]].concat().into();
        let track = Track::h264(1280, 720, 50);
        media.video.publish(Unit { track, pts, dts: pts, duration: FRAME, key: true, payload });
    }
}

/// The next message of packets.
async fn packets(socket: &mut WebSocketStream<MaybeTlsStream<TcpStream>>) -> Bytes {
    loop {
        match tokio::time::timeout(SOON, socket.next()).await.unwrap().unwrap().unwrap() {
            Frame::Binary(packets) => return packets,
            Frame::Ping(_) => {}
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn what_cannot_be_watched_is_refused_in_words_before_the_socket_opens() {
    let stage = Stage::open().await;
    for (path, status, text) in [
        ("/stream/socket/", 400, "stream id required"),
        ("/stream/socket", 400, "stream id required"),
        ("/stream/socket/a?codec=vp7", 400, "codec must be h264, mpeg1 or vp8"),
        ("/stream/socket/b", 404, "stream not found"),
        ("/stream/socket/rtmp", 409, "stream not websocket-enabled"),
        ("/stream/socket/silent", 409, "stream has nothing to show yet"),
    ] {
        assert_eq!(stage.refused(path).await, (status, text.to_owned()), "{path}");
    }
    assert_eq!(stage.refused("/stream/socket/a").await.0, 400, "it is no upgrade");
}

#[tokio::test]
async fn messages_are_whole_packets_and_not_too_long_and_the_first_can_be_begun_with() {
    let stage = Stage::open().await;
    let mut socket = stage.watch("a").await;
    let messages = [packets(&mut socket).await, packets(&mut socket).await, packets(&mut socket).await];
    for message in &messages {
        assert!(message.len().is_multiple_of(188) && message.len() <= 32 << 10);
        assert!(message.chunks(188).all(|packet| packet[0] == 0x47));
    }
    let begins = |message: &Bytes| message[1..3] == [0x40, 0] && message[188 + 1..188 + 3] == [0x50, 0];
    assert_eq!([0, 1, 2].map(|at| begins(&messages[at])), [true, false, true]);
}

#[tokio::test]
async fn who_watches_what_is_served_no_longer_is_told_so() {
    let stage = Stage::open().await;
    let mut socket = stage.watch("a").await;
    packets(&mut socket).await;
    stage.programs.name(&stage.program, []);
    let closed = async {
        loop {
            if let Frame::Close(close) = socket.next().await.unwrap().unwrap() {
                return close.unwrap();
            }
        }
    };
    let close = tokio::time::timeout(SOON, closed).await.expect("it must be told");
    assert_eq!((close.code, close.reason.as_str()), (CloseCode::Normal, "stream stopped"));
}

#[tokio::test]
async fn a_protocol_that_is_asked_for_is_the_answer() {
    let stage = Stage::open().await;
    let mut request = format!("ws://{}/stream/socket/a", stage.address).into_client_request().unwrap();
    request.headers_mut().insert("sec-websocket-protocol", "null".parse().unwrap());
    let (_, answer) = connect_async(request).await.unwrap();
    assert_eq!(answer.headers()["sec-websocket-protocol"], "null");
}

#[tokio::test]
async fn what_left_and_who_reads_is_counted_and_who_leaves_is_nobody_any_more() {
    let stage = Stage::open().await;
    let mut socket = stage.watch("a").await;
    let mut bytes = 0;
    for _ in 0..4 {
        bytes += packets(&mut socket).await.len() as u64;
    }
    let counted = stage.metrics.reader(metrics::Transport::WebSocket);
    assert_eq!(counted.readers(), 2);
    assert!(counted.sent() >= bytes);
    drop(socket);
    let left = async {
        while counted.readers() > 1 {
            tokio::time::sleep(FRAME).await;
        }
    };
    tokio::time::timeout(SOON, left).await.expect("it is noticed");
}

#[tokio::test]
async fn there_are_as_many_readers_as_there_may_be() {
    let stage = Stage::open().await;
    let mut readers = Vec::new();
    for _ in 0..SEATS {
        readers.push(stage.watch("a").await);
    }
    let refused = connect_async(format!("ws://{}/stream/socket/a", stage.address)).await.unwrap_err();
    let tungstenite::Error::Http(answer) = refused else { panic!("{refused}") };
    assert_eq!(answer.status(), 503);
}
