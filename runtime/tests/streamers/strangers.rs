//! Those at the older socket who have not said who they are.

use std::net::Ipv4Addr;

use serde_json::json;
use tokio_tungstenite::tungstenite::Message;
use understudy_e2e::wait;

use super::client::{SOON, Socket, at, first};
use crate::support::session::Session;

const PATH: &str = "/api/host/stream";
/// As many as one network may have.
const EACH: usize = 16;
const NEIGHBOUR: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);

fn of(mode: &str) -> Message {
    Message::text(first(&json!({"session_id": "ses", "mode": mode})))
}

#[tokio::test(flavor = "multi_thread")]
async fn strangers_of_one_network_leave_seats_for_others_and_have_them_only_until_they_are_known() {
    let session = Session::idle(&[]);
    let is_up = || async { session.report().await.map(drop) };
    wait::until(SOON, is_up).await;
    let url = at(&session, PATH);
    let mut silent = Vec::new();
    while silent.len() < EACH {
        silent.push(Socket::open(&url).await);
    }
    let (status, why) = Socket::knock(&url, &[]).await.err().expect("its network has all that it may have");
    assert!(status == 503 && why.contains("as many are connected"), "{status} {why}");
    let mut neighbour =
        Socket::knock_from(NEIGHBOUR, &session, PATH).await.expect("another network has seats");
    neighbour.says(of("create")).await;
    neighbour.until("UpdateApp").await;

    // Whoever says who it is has a place of its own, and whoever is turned away none.
    let mut known = silent.pop().unwrap();
    known.says(of("join")).await;
    known.until("UpdateApp").await;
    silent.push(Socket::open(&url).await);
    let mut turned_away = silent.swap_remove(0);
    turned_away.says(Message::text("{")).await;
    assert_eq!(turned_away.until_the_end().await.1, Some(1007));
    let comes = || async { Socket::knock(&url, &[]).await.map_err(|refused| format!("{refused:?}")) };
    silent.push(wait::until(SOON, comes).await.0);
    assert_eq!(Socket::knock(&url, &[]).await.err().expect("they are as many as before").0, 503);

    // Who says nothing has its seat for ten seconds.
    for mut socket in silent {
        assert_eq!(socket.until_the_end().await, (vec![], Some(1008)));
    }
    let mut again = Vec::new();
    while again.len() < EACH {
        again.push(wait::until(SOON, comes).await.0);
    }
    known.says(Message::text(r#"{"Steering":"state"}"#)).await;
    known.until("Steering").await;
}
