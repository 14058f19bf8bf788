//! Players that stop reading, and what others notice of it.

use std::time::{Duration, Instant};

use bytes::Buf;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use understudy_rtmp::chunk::{self, Lane, Reader, Whole};
use understudy_rtmp::handshake::{BYTES, Handshake};
use understudy_rtmp::message::{Command, Message};
use understudy_rtmp::outbox::Outbox;
use understudy_rtmp::{amf::Value, flv};

use crate::support::rtmp::Broadcast;

/// A second of a picture fills it.
const LITTLE_BYTES: u32 = 64 << 10;

/// Of players that come and go. What each left behind would be seen in fewer.
const ROUNDS: usize = 200;

/// A player of ours, which reads when it is told to.
struct Player {
    io: TcpStream,
    reader: Reader,
}

impl Player {
    /// Has asked to play the program.
    async fn join(broadcast: &Broadcast) -> Self {
        Self::join_over(TcpSocket::new_v4().unwrap(), broadcast).await
    }

    /// The same, with a kernel that takes little for it.
    async fn join_with_little_room(broadcast: &Broadcast) -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(LITTLE_BYTES).unwrap();
        Self::join_over(socket, broadcast).await
    }

    async fn join_over(socket: TcpSocket, broadcast: &Broadcast) -> Self {
        let mut io = socket.connect(broadcast.address()).await.unwrap();
        let (mut out, mut input) = (Outbox::default(), bytes::BytesMut::new());
        let mut handshake = Handshake::call([1; BYTES], &mut out);
        while !handshake.is_done() {
            io.write_all_buf(&mut out).await.unwrap();
            io.read_buf(&mut input).await.unwrap();
            handshake.advance(&mut input, &mut out).unwrap();
        }
        let connect = Value::object([("app", Value::text("live")), ("tcUrl", Value::text("rtmp://h/live"))]);
        for (stream, name, transaction, arguments) in [
            (0, "connect", 1.0, vec![connect]),
            (0, "createStream", 2.0, vec![Value::Null]),
            (1, "play", 0.0, vec![Value::Null, Value::text("program")]),
        ] {
            let command = Command { name: name.into(), transaction, arguments };
            let (_, whole) = Message::Command { stream, command }.write();
            chunk::write(&mut out, 128, Lane::Command, &whole);
        }
        io.write_all_buf(&mut out).await.unwrap();
        let mut reader = Reader::new(4 << 20);
        reader.feed(&input.copy_to_bytes(input.len()));
        Self { io, reader }
    }

    async fn next(&mut self) -> Option<Whole> {
        loop {
            if let Some(whole) = self.reader.next_whole().unwrap() {
                if let Message::ChunksOf(bytes) = Message::read(&whole).unwrap() {
                    self.reader.chunks_of(bytes).unwrap();
                }
                return Some(whole);
            }
            let mut piece = [0; 65_536];
            match self.io.read(&mut piece).await {
                Ok(bytes @ 1..) => self.reader.feed(&piece[..bytes]),
                _ => return None,
            }
        }
    }

    /// The next picture, and whether it is a key.
    async fn picture(&mut self) -> Option<(u32, bool)> {
        loop {
            let whole = self.next().await?;
            if whole.kind == flv::Kind::Video as u8 {
                match flv::inspect(flv::Kind::Video, &whole.body).sort {
                    flv::Sort::Key => return Some((whole.timestamp, true)),
                    flv::Sort::Delta => return Some((whole.timestamp, false)),
                    _ => {}
                }
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_player_has_a_picture_at_once_and_no_keyframe_is_made_for_it() {
    let broadcast = Broadcast::open().await;
    let mut first = Player::join(&broadcast).await;
    // Some pictures later, so that a joiner does not come to a keyframe by chance.
    for _ in 0..20 {
        first.picture().await.unwrap();
    }
    let keyframes = *broadcast.media.video.keyframes().borrow();
    let began = Instant::now();
    let mut second = Player::join(&broadcast).await;
    assert_eq!(second.picture().await, Some((0, true)));
    println!("its first picture came after {:?}", began.elapsed());
    for _ in 0..20 {
        second.picture().await.unwrap();
    }
    assert_eq!(*broadcast.media.video.keyframes().borrow(), keyframes);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_player_that_reads_nothing_is_let_go_and_another_loses_nothing() {
    let broadcast = Broadcast::open().await;
    let mut healthy = Player::join(&broadcast).await;
    let mut stalled = Player::join_with_little_room(&broadcast).await;
    stalled.picture().await.unwrap();
    let (mut last, began) = (healthy.picture().await.unwrap().0, Instant::now());
    let players = || broadcast.rtmp.metrics.players();
    while players() == 2 {
        let (at, _) = healthy.picture().await.unwrap();
        assert!(at.wrapping_sub(last) < 70, "a picture is missing: {last} to {at}");
        last = at;
        assert!(began.elapsed() < Duration::from_secs(60), "it must be let go");
    }
    println!("let go after {:?}", began.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn players_that_come_and_go_leave_nothing_behind() {
    let broadcast = Broadcast::open().await;
    let round = async || assert!(Player::join(&broadcast).await.picture().await.is_some());
    // What is made once is made by now.
    round().await;
    let before = open_files();
    for _ in 0..ROUNDS {
        round().await;
    }
    let gone = async {
        let readers = broadcast.media.video.demand();
        while broadcast.rtmp.metrics.players() > 0 || *readers.borrow() > 0 || open_files() > before {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), gone).await.expect("all of them must be gone");
}

fn open_files() -> usize {
    std::fs::read_dir("/proc/self/fd").expect("Linux must say").count()
}
