use std::net::Ipv4Addr;

use bytes::Bytes;
use tokio::io::DuplexStream;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use understudy_proto::v1::AccessTokens;
use understudy_rtmp::amf::Value;
use understudy_rtmp::chunk::{self, Lane};
use understudy_rtmp::client::{self, Client, Refused, Target};
use understudy_rtmp::flv::{Kind, Media};
use understudy_rtmp::handshake::{BYTES, Handshake};
use understudy_rtmp::message::{Command, Message};

use super::super::{Metrics, Streams};
use super::*;
use crate::access::Policy;
use crate::program::Registry;

fn tokens(control: &str) -> Policy {
    Policy::Tokens(Box::new(AccessTokens {
        view: "viewer".into(),
        control: control.into(),
        admin: String::new(),
    }))
}

fn rtmp(policy: watch::Receiver<Policy>) -> Rtmp {
    Rtmp {
        streams: Streams::new(Registry::default()),
        policy,
        own_token: "own".into(),
        metrics: Metrics::default(),
    }
}

/// The other end of a connection that is served, through which so many bytes fit at once.
fn served(rtmp: &Rtmp, room_bytes: usize) -> (DuplexStream, JoinHandle<Result<(), Ended>>) {
    let (ours, theirs) = tokio::io::duplex(room_bytes);
    let connection = Connection::new(rtmp.clone(), Ipv4Addr::LOCALHOST.into(), [7; BYTES]);
    (ours, tokio::spawn(async move { connection.serve(theirs, &CancellationToken::new()).await }))
}

/// What a client hears next, of what it sends and is sent.
async fn next(client: &mut Client, io: &mut DuplexStream) -> Result<client::Event, Refused> {
    loop {
        if let Some(event) = client.poll()? {
            return Ok(event);
        }
        io.write_all_buf(client.outbox()).await.unwrap();
        let mut input = BytesMut::new();
        assert_ne!(io.read_buf(&mut input).await.unwrap(), 0, "it must not end without a word");
        client.feed(&input);
    }
}

/// Somebody who publishes there.
async fn publishing(rtmp: &Rtmp, url: &str) -> (Client, DuplexStream) {
    let mut client = Client::new(Target::parse(url).unwrap(), [1; BYTES]);
    let (mut io, _) = served(rtmp, 1 << 20);
    assert_eq!(next(&mut client, &mut io).await, Ok(client::Event::Publishing));
    (client, io)
}

/// Somebody who asks to play that, to whom so many bytes fit at once.
async fn playing(rtmp: &Rtmp, name: &str, room_bytes: usize) -> DuplexStream {
    let (mut io, _) = served(rtmp, room_bytes);
    let mut out = Outbox::default();
    Handshake::call([1; BYTES], &mut out);
    out.push(Bytes::from_static(&[0; BYTES]));
    let connect = Value::object([("app", Value::text("other"))]);
    call(&mut out, 0, "connect", vec![connect]);
    call(&mut out, 1, "play", vec![Value::Null, Value::text(name)]);
    io.write_all_buf(&mut out).await.unwrap();
    io
}

fn call(out: &mut Outbox, stream: u32, name: &str, arguments: Vec<Value>) {
    let command = Command { name: name.into(), transaction: 1.0, arguments };
    chunk::write(out, 128, Lane::Command, &Message::Command { stream, command }.write().1);
}

/// What it is sent until nothing more comes for a while.
async fn heard(player: &mut DuplexStream) -> String {
    let mut told = BytesMut::new();
    while let Ok(Ok(1..)) = tokio::time::timeout(Duration::from_secs(1), player.read_buf(&mut told)).await {}
    String::from_utf8_lossy(&told).into_owned()
}

/// All that somebody is sent who plays that, until it is let go.
async fn played(rtmp: &Rtmp, name: &str) -> Vec<u8> {
    let mut told = Vec::new();
    playing(rtmp, name, 1 << 20).await.read_to_end(&mut told).await.unwrap();
    told
}

#[tokio::test(start_paused = true)]
async fn whoever_asks_for_nothing_is_let_go_even_if_it_takes_a_byte_now_and_then() {
    let (mut io, ended) = served(&rtmp(watch::channel(Policy::Local).1), 64);
    // The answer to a greeting has three thousand bytes.
    io.write_all(&[3; 1 + BYTES]).await.unwrap();
    let began = Instant::now();
    let takes = tokio::spawn(async move {
        while io.read_u8().await.is_ok() {
            tokio::time::sleep(STALL_DEADLINE / 2).await;
        }
    });
    assert!(matches!(ended.await.unwrap(), Err(Ended::Idle)));
    assert!(began.elapsed() < ASK_DEADLINE * 2, "{:?}", began.elapsed());
    takes.abort();
}

#[tokio::test(start_paused = true)]
async fn a_publisher_whose_token_is_withdrawn_is_ended_in_words() {
    let (policy, policies) = watch::channel(tokens("steerer"));
    let rtmp = rtmp(policies);
    let (mut client, mut io) = publishing(&rtmp, "rtmp://a.example/other/key?token=steerer").await;
    policy.send_replace(tokens("another"));
    let told = next(&mut client, &mut io).await;
    assert!(
        matches!(&told, Err(Refused::BadName(why)) if why.contains("a valid token is needed")),
        "{told:?}"
    );
    assert!(rtmp.streams.find(&Place::of("other", "", "key")).is_err());
}

#[tokio::test(start_paused = true)]
async fn a_player_that_did_not_announce_the_codec_is_told_so() {
    let rtmp = rtmp(watch::channel(Policy::Local).1);
    let (mut client, mut io) = publishing(&rtmp, "rtmp://a.example/other/key").await;
    for body in [&b"\x90hvc1"[..], b"\x91hvc1"] {
        client.send(&Media { kind: Kind::Video, timestamp: 0, body: Bytes::from_static(body) });
    }
    io.write_all_buf(client.outbox()).await.unwrap();
    let began = Instant::now();
    let told = String::from_utf8_lossy(&played(&rtmp, "key").await).into_owned();
    assert!(
        began.elapsed() < ASK_AGAIN_DEADLINE * 2,
        "a player that reads on is let go: {:?}",
        began.elapsed()
    );
    assert!(told.contains("NetStream.Play.Failed"), "{told}");
    assert!(told.contains("this stream is in hvc1, which your player did not announce"), "{told}");
}

#[tokio::test(start_paused = true)]
async fn what_came_last_reaches_a_player_before_it_hears_of_the_end() {
    let rtmp = rtmp(watch::channel(Policy::Local).1);
    let (mut client, mut io) = publishing(&rtmp, "rtmp://a.example/other/key").await;
    let picture = |body| Media { kind: Kind::Video, timestamp: 0, body: Bytes::from_static(body) };
    [&[0x17, 0][..], &[0x17, 1]].into_iter().for_each(|body| client.send(&picture(body)));
    io.write_all_buf(client.outbox()).await.unwrap();
    let joined = rtmp.clone();
    let playing = tokio::spawn(async move { played(&joined, "key").await });
    // Nothing is left to do by then.
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(rtmp.metrics.players(), 1);
    client.send(&picture(b"\x27\x01the last picture"));
    client.finish();
    io.write_all_buf(client.outbox()).await.unwrap();
    let told = String::from_utf8_lossy(&playing.await.unwrap()).into_owned();
    let at = |words| told.find(words).unwrap_or_else(|| panic!("{words} was not said: {told}"));
    assert!(at("the last picture") < at("NetStream.Play.UnpublishNotify"));
}

#[tokio::test(start_paused = true)]
async fn a_player_that_reads_slowly_is_told_the_end_as_well() {
    let rtmp = rtmp(watch::channel(Policy::Local).1);
    let (mut client, mut io) = publishing(&rtmp, "rtmp://a.example/other/key").await;
    let picture = |body: Vec<u8>| Media { kind: Kind::Video, timestamp: 0, body: body.into() };
    let large = [&[0x17, 1][..], &[7; 60_000]].concat();
    [vec![0x17, 0], large].into_iter().for_each(|body| client.send(&picture(body)));
    io.write_all_buf(client.outbox()).await.unwrap();
    let mut player = playing(&rtmp, "key", 4096).await;
    let reading = tokio::spawn(async move {
        let (mut told, mut piece) = (Vec::new(), [0; 2048]);
        while let Ok(bytes @ 1..) = player.read(&mut piece).await {
            told.extend_from_slice(&piece[..bytes]);
            tokio::time::sleep(Duration::from_millis(300)).await;
        }
        told
    });
    tokio::time::sleep(Duration::from_secs(1)).await;
    client.finish();
    io.write_all_buf(client.outbox()).await.unwrap();
    let told = reading.await.unwrap();
    assert!(told.len() > 60_000 && String::from_utf8_lossy(&told).contains("NetStream.Play.UnpublishNotify"));
}

#[tokio::test(start_paused = true)]
async fn what_came_during_a_pause_is_sent_when_it_is_over() {
    let rtmp = rtmp(watch::channel(Policy::Local).1);
    let (mut client, mut io) = publishing(&rtmp, "rtmp://a.example/other/key").await;
    let picture = |body| Media { kind: Kind::Video, timestamp: 0, body: Bytes::from_static(body) };
    [&[0x17, 0][..], &[0x17, 1]].into_iter().for_each(|body| client.send(&picture(body)));
    io.write_all_buf(client.outbox()).await.unwrap();
    let mut player = playing(&rtmp, "key", 1 << 20).await;
    heard(&mut player).await;
    let mut pause = async |paused| {
        let mut out = Outbox::default();
        call(&mut out, 1, "pause", vec![Value::Null, Value::Boolean(paused), Value::Number(0.0)]);
        player.write_all_buf(&mut out).await.unwrap();
        heard(&mut player).await
    };
    pause(true).await;
    client.send(&picture(b"\x17\x01while it was paused"));
    io.write_all_buf(client.outbox()).await.unwrap();
    assert!(!pause(true).await.contains("while it was paused"));
    assert!(
        pause(false).await.contains("while it was paused"),
        "nothing else comes that it could leave with"
    );
}
