//! Roots that come while others are on their way.

use super::*;
use crate::owner::Kind;
use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::response::Json;
use axum::routing::patch;
use serde_json::Value;
use std::sync::Arc;
use tokio::sync::{Notify, watch};

const PATIENCE: Duration = Duration::from_secs(30);

/// One ConfigMap. The first write of it waits until it is let go, and then takes effect.
#[derive(Default)]
struct Server {
    holds: Mutex<String>,
    came: watch::Sender<usize>,
    go: Notify,
}

async fn write(State(server): State<Arc<Server>>, body: Bytes) -> Json<Value> {
    let object: Value = serde_json::from_slice(&body).unwrap();
    let mut first = false;
    server.came.send_modify(|came| {
        first = *came == 0;
        *came += 1;
    });
    if first {
        server.go.notified().await;
    }
    *server.holds.lock() = object["data"][names::CA_KEY].as_str().unwrap().into();
    Json(object)
}

/// A writer of the roots `old`, to a server that has none yet.
async fn served() -> (Arc<Server>, Arc<Writer>, Owner) {
    let server = Arc::new(Server::default());
    let path = "/api/v1/namespaces/demo/configmaps/{name}";
    let router = Router::new().route(path, patch(write)).with_state(Arc::clone(&server));
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    let client = Client::try_from(kube::Config::new(address.parse().unwrap())).unwrap();
    let writer = Arc::new(Writer::new(client, "old".into(), Duration::from_secs(60)));
    let owner = Owner {
        kind: Kind::VirtualParticipant,
        namespace: "demo".into(),
        name: "ada".into(),
        uid: "u1".into(),
    };
    (server, writer, owner)
}

#[tokio::test]
async fn of_many_pods_that_are_made_at_once_one_has_the_roots_written() {
    let (server, writer, owner) = served().await;
    server.go.notify_one();
    for _pod in 0..3 {
        writer.publish_root(&owner).await.unwrap();
        writer.publish_root_once(&owner).await.unwrap();
    }
    assert_eq!((server.holds.lock().as_str(), *server.came.borrow()), ("old", 1));
}

#[tokio::test]
async fn roots_that_were_on_their_way_when_others_came_do_not_stay() {
    let (server, writer, owner) = served().await;
    let (slow, participant) = (Arc::clone(&writer), owner.clone());
    let slow = tokio::spawn(async move { slow.publish_root(&participant).await });
    let mut came = server.came.subscribe();
    let first = came.wait_for(|came| *came == 1);
    tokio::time::timeout(PATIENCE, first).await.expect("the first must come").unwrap();
    writer.trust("new".into()).await;
    writer.publish_root_once(&owner).await.unwrap(); // another participant of the namespace
    assert_eq!(*server.holds.lock(), "new");
    server.go.notify_one();
    slow.await.unwrap().unwrap();
    writer.publish_root_once(&owner).await.unwrap();
    assert_eq!(*server.holds.lock(), "new");
}
