use std::collections::HashMap;

use axum::Router;
use axum::extract::ws::WebSocketUpgrade;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::any;
use tokio::net::TcpListener;
use understudy_core::call::message::Payload;
use understudy_hub::{Hold, Hub, Member, socket};

use super::*;

const SOON: Duration = Duration::from_secs(5);

fn tls() -> TlsConnector {
    crate::egress::trust().unwrap()
}

fn address(url: &str, token_file: Option<PathBuf>) -> Result<Address, BadAddress> {
    Address::new(&url.parse().unwrap(), "ada", token_file, tls())
}

async fn join(
    State(hub): State<Hub>,
    Query(asked): Query<HashMap<String, String>>,
    headers: HeaderMap,
    upgrade: WebSocketUpgrade,
) -> Response {
    if headers.get("authorization").is_none_or(|token| token != "Bearer secret") {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    let member = hub.join(&asked["peer"], Hold::Yielding).unwrap();
    upgrade.on_upgrade(|socket| socket::serve(socket, member))
}

/// Serves a hub, at a port that is free or that one.
async fn serve(hub: &Hub, port: u16) -> (u16, AbortOnDropHandle<()>) {
    let listener = TcpListener::bind(("127.0.0.1", port)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let router = Router::new().route("/hub", any(join)).with_state(hub.clone());
    let serving = async move { axum::serve(listener, router).await.unwrap() };
    (port, AbortOnDropHandle::new(tokio::spawn(serving)))
}

fn ring(from: &str, to: &str) -> Envelope {
    Envelope::new(to, from, "x", &Payload::Request)
}

/// Says it until it is on its way.
async fn say(peer: &mut Away, envelope: &Envelope) {
    let said = async {
        while peer.say(envelope.clone()).is_err() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    timeout(SOON, said).await.expect("the hub must be reached");
}

async fn next(member: &mut Member) -> Envelope {
    timeout(SOON, member.next()).await.expect("it must come").expect("nobody takes its name")
}

#[tokio::test]
async fn a_peer_speaks_with_others_over_a_hub_elsewhere_and_again_when_that_is_back() {
    let folder = tempfile::tempdir().unwrap();
    let token = folder.path().join("token");
    std::fs::write(&token, "secret\n").unwrap();
    let hub = Hub::new(8);
    let mut bob = hub.join("bob", Hold::Fast).unwrap();
    let (port, serving) = serve(&hub, 0).await;
    let mut ada = Away::new(address(&format!("ws://127.0.0.1:{port}/hub"), Some(token)).unwrap());

    say(&mut ada, &ring("ada", "bob")).await;
    assert_eq!(next(&mut bob).await, ring("ada", "bob"));
    bob.say(ring("bob", "ada")).unwrap();
    assert_eq!(timeout(SOON, ada.hear()).await, Ok(Heard::Word(ring("bob", "ada"))));
    ada.say(ring("ada", "carol")).unwrap();
    let unsent = Heard::Unsent { to: "carol".to_owned(), topic: "call:x".to_owned() };
    assert_eq!(timeout(SOON, ada.hear()).await, Ok(unsent));

    // Another connection under its name is what ends this one, and that is ended by the next of its own.
    drop(serving);
    drop(hub.join("ada", Hold::Yielding).unwrap());
    let lost = async {
        while ada.say(ring("ada", "bob")).is_ok() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    timeout(SOON, lost).await.expect("it must notice");
    let (_, _serving) = serve(&hub, port).await;
    while timeout(Duration::from_millis(50), bob.next()).await.is_ok() {}
    say(&mut ada, &ring("ada", "bob")).await;
    assert_eq!(next(&mut bob).await, ring("ada", "bob"));
}

#[test]
fn a_token_goes_nowhere_in_the_clear_and_what_is_no_address_is_said_to_be_none() {
    let token = || Some(PathBuf::from("/token"));
    for (url, token_file) in [
        ("wss://calls.example/hub", token()),
        ("wss://calls.example/hub", None),
        ("ws://127.0.0.1:10001/hub", token()),
        ("ws://[::1]:10001/hub", token()),
        ("ws://localhost/hub", token()),
        ("ws://ada:10001/hub", None),
    ] {
        address(url, token_file).unwrap_or_else(|error| panic!("{url}: {error}"));
    }
    let refused = |url: &str, token_file| address(url, token_file).err();
    assert_eq!(refused("ws://calls.example/hub", token()), Some(BadAddress::TokenInTheClear));
    assert_eq!(refused("https://calls.example/hub", None), Some(BadAddress::NotWebSocket));
}

#[test]
fn who_one_is_stands_in_the_address() {
    let url = address("wss://calls.example/hub?a=b", None).unwrap().url;
    assert_eq!(url.as_str(), "wss://calls.example/hub?a=b&peer=ada");
}
