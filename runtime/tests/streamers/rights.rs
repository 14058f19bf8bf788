//! Whose token opens what.

use reqwest::{Client, Method};
use serde_json::json;
use tokio_tungstenite::tungstenite::Message;
use understudy_e2e::wait;
use understudy_proto::v1::{AccessTokens, SessionSpec};

use super::client::{SOON, Socket, at, body, first};
use crate::support::operator::Operator;
use crate::support::session::Session;

#[tokio::test(flavor = "multi_thread")]
async fn looking_making_and_overseeing_each_need_their_token() {
    let operator = Operator::of(SessionSpec::default()).await;
    operator.admits(AccessTokens { view: "v".into(), control: "c".into(), admin: "a".into() });
    let session = Session::idle(&operator.arguments().iter().map(String::as_str).collect::<Vec<_>>());
    operator.is_linked().await;
    let ask = |method: Method, path: &'static str, token: &'static str| {
        let sent = if method == Method::POST { body("desk").to_string() } else { String::new() };
        let asked = Client::new().request(method, session.url(path)).body(sent).bearer_auth(token);
        async move { asked.send().await.unwrap().status().as_u16() }
    };
    let is_open = || async {
        let status = ask(Method::GET, "/api/streamers", "v").await;
        if status == 200 { Ok(()) } else { Err(status.to_string()) }
    };
    wait::until(SOON, is_open).await;
    for (method, path, statuses) in [
        (Method::GET, "/api/streamers", [401, 200, 200, 200]),
        (Method::GET, "/api/sessions", [401, 200, 200, 200]),
        (Method::GET, "/api/admin/status", [401, 403, 403, 200]),
        (Method::GET, "/api/streamers/desk", [401, 404, 404, 404]),
        (Method::POST, "/api/streamers", [401, 403, 200, 409]),
        (Method::DELETE, "/api/streamers/desk", [401, 403, 204, 404]),
        (Method::GET, "/api/streamers/desk/peer", [401, 404, 404, 404]),
    ] {
        for (token, expected) in ["x", "v", "c", "a"].into_iter().zip(statuses) {
            assert_eq!(ask(method.clone(), path, token).await, expected, "{method} {path} {token}");
        }
    }
    assert_eq!(ask(Method::POST, "/api/streamers", "c").await, 200);
    sockets(&session).await;
}

async fn sockets(session: &Session) {
    let peer = at(session, "/api/streamers/desk/peer");
    assert_eq!(Socket::knock(&peer, &[]).await.err().expect("a stranger").0, 401);
    let bearer = Socket::knock(&peer, &[("authorization", "Bearer v")]).await;
    let by_query = Socket::knock(&format!("{peer}?token=c"), &[]).await;
    for (socket, standing) in [(bearer, "watches"), (by_query, "steers")] {
        let mut socket = socket.expect("its token opens it");
        socket.says(Message::text(r#"{"Steering":"state"}"#)).await;
        let (_, told) = socket.until("Steering").await;
        assert_eq!(told["Steering"]["you"], standing);
    }
    // On the older socket the first message is what opens it.
    let older = at(session, "/api/host/stream");
    for (credentials, mode, opens) in [
        ("x", "create", false),
        ("", "create", false),
        ("v", "create", false),
        ("c", "create", true),
        ("v", "join", true),
    ] {
        let mut socket = Socket::open(&older).await;
        let said = first(&json!({"credentials": credentials, "session_id": "ses", "mode": mode}));
        socket.says(Message::text(said)).await;
        match opens {
            true => drop(socket.until("UpdateApp").await),
            false => assert_eq!(socket.until_the_end().await, (vec![], Some(1008)), "{credentials} {mode}"),
        }
    }
}
