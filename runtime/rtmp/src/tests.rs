//! Both ends, one against the other, and each against nonsense.

use bytes::{Buf, Bytes, BytesMut};
use proptest::prelude::*;

use crate::amf::Value;
use crate::chunk::{self, Lane};
use crate::client;
use crate::client::{Client, Refused, Target};
use crate::command::Code;
use crate::flv::{Kind, Media};
use crate::handshake::{BYTES, Random};
use crate::message::{Command, Message};
use crate::outbox::Outbox;
use crate::server::{Event, Server};

const RANDOM: Random = [7; BYTES];

/// What happened at both ends until neither says anything more. `answer` is the server's owner.
fn converse(
    client: &mut Client,
    server: &mut Server,
    mut answer: impl FnMut(&mut Server, &Event),
) -> (Vec<Result<client::Event, Refused>>, Vec<Event>) {
    let (mut at_client, mut at_server) = (Vec::new(), Vec::new());
    loop {
        let quiet = client.outbox().is_empty() && server.outbox().is_empty();
        server.feed(&drain(client.outbox()));
        while let Some(event) = server.poll().unwrap() {
            answer(server, &event);
            at_server.push(event);
        }
        client.feed(&drain(server.outbox()));
        while let Some(event) = client.poll().transpose() {
            let refused = event.is_err();
            at_client.push(event);
            if refused {
                return (at_client, at_server);
            }
        }
        if quiet {
            return (at_client, at_server);
        }
    }
}

fn drain(outbox: &mut Outbox) -> Bytes {
    outbox.copy_to_bytes(outbox.len())
}

fn both() -> (Client, Server) {
    let target = Target::parse("rtmp://a.example/live/key?x=1").unwrap();
    (Client::new(target, RANDOM), Server::new(RANDOM))
}

fn admit(server: &mut Server, event: &Event) {
    match event {
        Event::Connect(connect) => server.admit(&connect.announced),
        Event::Publish { stream, .. } => server.publish(*stream),
        Event::Play { stream, .. } => server.play(*stream),
        _ => {}
    }
}

/// A server that has admitted somebody, and what it is asked from then on.
fn admitted() -> Server {
    let (mut client, mut server) = both();
    converse(&mut client, &mut server, admit);
    server
}

/// What is answered to a command, by name and first word.
fn asked(
    server: &mut Server,
    stream: u32,
    name: &str,
    transaction: f64,
    arguments: Vec<Value>,
) -> Vec<Command> {
    let mut out = Outbox::default();
    let (_, whole) =
        Message::Command { stream, command: Command { name: name.into(), transaction, arguments } }.write();
    chunk::write(&mut out, 4096, Lane::Command, &whole);
    server.feed(&drain(&mut out));
    while let Some(event) = server.poll().unwrap() {
        admit(server, &event);
    }
    let mut reader = chunk::Reader::new(1 << 20);
    reader.chunks_of(256 << 10).unwrap();
    reader.feed(&drain(server.outbox()));
    let messages =
        std::iter::from_fn(|| reader.next_whole().unwrap()).map(|whole| Message::read(&whole).unwrap());
    messages
        .filter_map(|message| match message {
            Message::Command { command, .. } => Some(command),
            _ => None,
        })
        .collect()
}

#[test]
fn a_client_publishes_and_its_media_comes_as_it_was() {
    let (mut client, mut server) = both();
    let (at_client, at_server) = converse(&mut client, &mut server, admit);
    assert_eq!(at_client, [Ok(client::Event::Publishing)]);
    assert!(matches!(&at_server[..], [Event::Connect(connect), Event::Publish { name, .. }]
        if connect.app == "live" && connect.url == "rtmp://a.example/live" && name == "key?x=1"));
    let media = Media { kind: Kind::Video, timestamp: 20_000_000, body: vec![1; 300_000].into() };
    client.send(&media);
    client.finish();
    let (_, at_server) = converse(&mut client, &mut server, admit);
    assert_eq!(at_server, [Event::Media { stream: 1, media }, Event::Ended { stream: 1 }]);
}

#[test]
fn a_refusal_is_told_with_its_words() {
    let (mut client, mut server) = both();
    let (at_client, _) = converse(&mut client, &mut server, |server, event| match event {
        Event::Publish { stream, .. } => server.refuse(*stream, Code::PublishBadName, "taken"),
        event => admit(server, event),
    });
    assert_eq!(at_client, [Err(Refused::BadName("taken".into()))]);
    let (mut client, mut server) = both();
    let (at_client, _) = converse(&mut client, &mut server, |server, _| server.reject("nobody is let in"));
    assert_eq!(at_client, [Err(Refused::Rejected("nobody is let in".into()))]);
}

#[test]
fn what_real_clients_ask_beside_is_answered_and_ends_nothing() {
    let mut server = admitted();
    for (name, answer) in [
        ("releaseStream", "_result"),
        ("FCPublish", "onFCPublish"),
        ("FCUnpublish", "onFCUnpublish"),
        ("FCSubscribe", "onFCSubscribe"),
        ("_checkbw", "_result"),
        ("getStreamLength", "_result"),
        ("createStream", "_result"),
        ("whatever", "_error"),
    ] {
        let told = asked(&mut server, 0, name, 9.0, vec![Value::Null, Value::text("key")]);
        let names: Vec<_> = told.iter().map(|command| command.name.as_str()).collect();
        assert_eq!(names, [answer], "{name}");
    }
    assert!(asked(&mut server, 0, "whatever", 0.0, vec![]).is_empty(), "no answer is asked for");
}

#[test]
fn a_player_is_told_that_it_begins_and_that_it_ended() {
    let mut server = admitted();
    let code =
        |command: &Command| command.arguments[1].member("code").and_then(Value::as_text).unwrap().to_owned();
    let told = asked(&mut server, 2, "play", 0.0, vec![Value::Null, Value::text("key")]);
    assert_eq!(told.iter().map(code).collect::<Vec<_>>(), ["NetStream.Play.Reset", "NetStream.Play.Start"]);
    server.end(2);
    let told = asked(&mut server, 0, "nothing", 0.0, vec![]);
    assert_eq!(
        told.iter().map(code).collect::<Vec<_>>(),
        ["NetStream.Play.UnpublishNotify", "NetStream.Play.Stop"]
    );
}

#[test]
fn streams_of_one_connection_are_bounded() {
    let mut server = admitted();
    let answers =
        (0..20).map(|_| asked(&mut server, 0, "createStream", 9.0, vec![Value::Null])[0].name.clone());
    let granted = answers.filter(|name| name == "_result").count();
    assert_eq!(granted, 7, "one is in use");
}

#[test]
fn what_was_received_is_acknowledged() {
    let (mut client, mut server) = both();
    converse(&mut client, &mut server, admit);
    for _ in 0..30 {
        client.send(&Media { kind: Kind::Video, timestamp: 0, body: vec![1; 100_000].into() });
    }
    let (at_client, _) = converse(&mut client, &mut server, admit);
    assert!(matches!(at_client[..], [Ok(client::Event::Acknowledged(2_500_000..))]), "{at_client:?}");
}

#[test]
fn whoever_asks_for_an_acknowledgement_of_each_byte_is_not_sent_more_than_it_sends() {
    let mut server = admitted();
    let mut out = Outbox::default();
    let media = Media { kind: Kind::Video, timestamp: 0, body: vec![1; 20_000].into() };
    for message in [Message::Window(1), Message::Media { stream: 1, media }] {
        let (lane, whole) = message.write();
        chunk::write(&mut out, 4096, lane, &whole);
    }
    for byte in drain(&mut out) {
        server.feed(&[byte]);
        while server.poll().unwrap().is_some() {}
    }
    assert!((16..160).contains(&server.outbox().len()), "{}", server.outbox().len());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn any_bytes_behind_a_handshake_are_taken_or_refused(
        pieces in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..200), 0..40),
    ) {
        let (mut server, mut client) = (admitted(), both().0);
        client.feed(&[3; 1 + 2 * BYTES]);
        let _ = client.poll();
        for piece in &pieces {
            server.feed(piece);
            client.feed(piece);
            while let Ok(Some(_)) = server.poll() {}
            while let Ok(Some(_)) = client.poll() {}
            prop_assert!(server.outbox().len() < 1 << 20);
        }
    }

    #[test]
    fn a_conversation_with_any_bytes_changed_is_gone_on_with_or_refused(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
    ) {
        let (mut client, mut server) = both();
        let mut said = BytesMut::new();
        for _ in 0..6 {
            let piece = drain(client.outbox());
            said.extend_from_slice(&piece);
            server.feed(&piece);
            while let Some(event) = server.poll().unwrap() {
                admit(&mut server, &event);
            }
            client.feed(&drain(server.outbox()));
            client.poll().unwrap();
        }
        for (at, byte) in changes {
            // Behind the first messages, in which nothing is looked at.
            let at = 1 + 2 * BYTES + at.index(said.len() - 1 - 2 * BYTES);
            said[at] = byte;
        }
        let mut other = Server::new(RANDOM);
        for piece in said.chunks(100) {
            other.feed(piece);
            while let Ok(Some(event)) = other.poll() {
                admit(&mut other, &event);
            }
        }
    }
}
