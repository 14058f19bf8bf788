use std::net::{Ipv4Addr, SocketAddr};

use axum::Router;
use axum::extract::Path;
use axum::extract::ws::WebSocketUpgrade;
use axum::routing::any;
use futures::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::tungstenite::Message as Frame;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

use super::*;
use crate::{Hold, Hub};

/// Ends a test that would wait for good.
const SOON: Duration = Duration::from_secs(10);

type Peer = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// A hub at which each path is a name.
async fn hub() -> SocketAddr {
    let hub = Hub::new(8);
    let join = move |Path(name): Path<String>, upgrade: WebSocketUpgrade| async move {
        let member = hub.join(&name, Hold::Yielding).unwrap();
        upgrade.on_upgrade(move |socket| serve(socket, member))
    };
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    let app = Router::new().route("/{name}", any(join));
    tokio::spawn(async move { axum::serve(listener, app).await });
    address
}

async fn join(hub: SocketAddr, name: &str) -> Peer {
    connect_async(format!("ws://{hub}/{name}")).await.unwrap().0
}

/// The next that is no ping.
async fn next(peer: &mut Peer) -> Frame {
    loop {
        let frame = tokio::time::timeout(SOON, peer.next()).await.unwrap().unwrap().unwrap();
        if !matches!(frame, Frame::Ping(_)) {
            return frame;
        }
    }
}

async fn heard(peer: &mut Peer) -> Value {
    serde_json::from_str(next(peer).await.to_text().unwrap()).unwrap()
}

async fn say(peer: &mut Peer, envelope: &Value) {
    peer.send(Frame::text(envelope.to_string())).await.unwrap();
}

#[tokio::test]
async fn what_is_said_over_a_socket_is_heard_over_another_and_what_cannot_be_is_told_to_who_said_it() {
    let hub = hub().await;
    let (mut ada, mut bob) = (join(hub, "ada").await, join(hub, "bob").await);
    let request = json!({"to": "bob", "from": "ada", "topic": "call:x", "payload": {"type": "call-request"}});
    say(&mut ada, &request).await;
    assert_eq!(heard(&mut bob).await, request);

    say(&mut ada, &json!({"to": "eve", "from": "ada", "topic": "call:x", "payload": {}})).await;
    let absent = heard(&mut ada).await;
    assert_eq!(
        (&absent["from"], &absent["to"], &absent["topic"]),
        (&json!(""), &json!("ada"), &json!("call:x"))
    );
    assert_eq!(
        (&absent["payload"]["type"], &absent["payload"]["peer"]),
        (&json!("unreachable"), &json!("eve"))
    );

    say(&mut ada, &json!({"to": "bob", "from": "eve", "topic": "call:x", "payload": {}})).await;
    assert_eq!(heard(&mut ada).await["to"], "ada", "whoever is pretended to be hears nothing of it");
    ada.send(Frame::text("no JSON")).await.unwrap();
    let unread = heard(&mut ada).await;
    assert!(
        unread["payload"]["message"].as_str().unwrap().contains("{to, from, topic, payload}"),
        "{unread}"
    );
    say(&mut ada, &request).await;
    assert_eq!(heard(&mut bob).await, request, "and it goes on");
}

#[tokio::test]
async fn whoever_comes_back_ends_the_socket_before() {
    let hub = hub().await;
    let (mut before, mut bob) = (join(hub, "ada").await, join(hub, "bob").await);
    let mut ada = join(hub, "ada").await;
    let Frame::Close(Some(why)) = next(&mut before).await else {
        unreachable!("it must be closed, with a reason")
    };
    assert_eq!(u16::from(why.code), close_code::POLICY);
    let request = json!({"to": "ada", "from": "bob", "topic": "call:x", "payload": {}});
    say(&mut bob, &request).await;
    assert_eq!(heard(&mut ada).await, request);
}
