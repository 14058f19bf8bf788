//! The stores against an API server that breaks its watches off.

use super::*;
use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Json, Response};
use futures::StreamExt;
use parking_lot::Mutex;
use serde_json::{Value, json};
use std::convert::Infallible;
use std::time::Duration;
use tokio::sync::{mpsc, watch};

const PATIENCE: Duration = Duration::from_secs(30);

/// What it holds, and when its watches break off.
#[derive(Default)]
struct Server {
    participants: Mutex<Vec<Value>>,
    livestreams: Mutex<Vec<Value>>,
    pods: Mutex<Vec<Value>>,
    profiles: Mutex<Vec<Value>>,
    /// Rises with every break; a watch from an older version breaks off at once.
    version: watch::Sender<u64>,
}

fn object(kind: &str, name: &str, uid: &str, version: &str) -> Value {
    let (api_version, spec) = match kind {
        "Pod" => ("v1", json!({"containers": []})),
        "Livestream" => {
            ("understudy.dev/v1alpha1", json!({"participantRef": {"name": "ada"}, "output": {"webRTC": {}}}))
        }
        _ => ("understudy.dev/v1alpha1", json!({})),
    };
    let mut metadata = json!({"namespace": "demo", "name": name, "uid": uid, "resourceVersion": version});
    if kind == "Pod" {
        metadata["ownerReferences"] = json!([{"apiVersion": "understudy.dev/v1alpha1",
            "kind": "VirtualParticipant", "name": "ada", "uid": "p1", "controller": true}]);
    }
    json!({"apiVersion": api_version, "kind": kind, "metadata": metadata, "spec": spec})
}

async fn answer(State(server): State<Arc<Server>>, request: Request) -> Response {
    let (path, query) = (request.uri().path(), request.uri().query().unwrap_or_default());
    if query.contains("watch=true") {
        let from =
            query.split('&').find_map(|pair| pair.strip_prefix("resourceVersion=")).unwrap().to_owned();
        let watch = async move {
            let from: u64 = from.parse().unwrap();
            server.version.subscribe().wait_for(|version| *version > from).await.unwrap();
            let gone = json!({"type": "ERROR", "object": {"kind": "Status", "apiVersion": "v1",
                "status": "Failure", "reason": "Expired", "message": "too old", "code": 410}});
            Ok::<_, Infallible>(format!("{gone}\n"))
        };
        return Body::from_stream(futures::stream::once(watch)).into_response();
    }
    let (kind, items) = match path.rsplit('/').next() {
        Some("virtualparticipants") => ("VirtualParticipantList", &server.participants),
        Some("runtimeprofiles") => ("RuntimeProfileList", &server.profiles),
        Some("livestreams") => ("LivestreamList", &server.livestreams),
        _ => ("PodList", &server.pods),
    };
    let version = server.version.borrow().to_string();
    let list = json!({"kind": kind, "apiVersion": "v1", "metadata": {"resourceVersion": version}, "items": *items.lock()});
    Json(list).into_response()
}

async fn client(server: Arc<Server>) -> Client {
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let router = Router::new().fallback(answer).with_state(server);
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    Client::try_from(kube::Config::new(address.parse().unwrap())).unwrap()
}

#[tokio::test]
async fn what_happened_while_the_watches_were_broken_is_marked_and_told_once_the_stores_hold_it() {
    let server = Arc::new(Server::default());
    *server.participants.lock() =
        vec![object("VirtualParticipant", "ada", "p1", "1"), object("VirtualParticipant", "bea", "p2", "1")];
    *server.livestreams.lock() = vec![object("Livestream", "live", "l1", "1")];
    *server.pods.lock() = vec![object("Pod", "ada-1", "d1", "1")];
    let client = client(Arc::clone(&server)).await;
    let (triggers, (sender, mut departures)) = (Triggers::default(), mpsc::channel(64));
    let departed = move |departed: Departed<'_>| sender.try_send(format!("{departed:?}")).unwrap();
    let (stores, feeds) = Stores::watch(&client, &Scope::Cluster, &triggers, departed);
    let mut tasks = crate::tasks::Tasks::default();
    feeds.into_iter().for_each(|feed| tasks.start(feed));
    tokio::time::timeout(PATIENCE, stores.ready()).await.unwrap();
    let (mut participants, mut livestreams) =
        (Box::pin(triggers.participants.stream()), Box::pin(triggers.livestreams.stream()));
    let mut first = HashSet::new();
    let both = async {
        while first.len() < 2 {
            first.insert(participants.next().await.unwrap().name);
        }
    };
    tokio::time::timeout(PATIENCE, both).await.expect("the first list marks all");

    *server.participants.lock() =
        vec![object("VirtualParticipant", "bea", "p2", "2"), object("VirtualParticipant", "cid", "p3", "3")];
    server.livestreams.lock().clear();
    server.pods.lock().clear();
    server.version.send_modify(|version| *version += 1);

    let mut marked = HashSet::new();
    let three = async {
        while marked.len() < 3 {
            let name = participants.next().await.unwrap().name;
            // What is looked at is what the store holds: not the object as it was before.
            let held = stores.participant("demo", &name).and_then(|object| object.resource_version());
            let expected = match name.as_str() {
                "ada" => None,
                "bea" => Some("2".into()),
                _ => Some("3".into()),
            };
            if name != "ada" || held.is_none() {
                assert_eq!(held, expected, "{name} is looked at before the store holds it");
                marked.insert(name);
            }
        }
    };
    tokio::time::timeout(PATIENCE, three).await.expect("each that changed, came or went is marked");
    assert_eq!(marked, HashSet::from(["ada", "bea", "cid"].map(String::from)));
    let mut told = HashSet::new();
    let all = async {
        while told.len() < 3 {
            told.insert(departures.recv().await.unwrap());
        }
    };
    tokio::time::timeout(PATIENCE, all).await.expect("what went is told");
    let expected = [r#"Participant("p1")"#, r#"Livestream("l1")"#, r#"Pod("d1")"#].map(String::from);
    assert_eq!(told, HashSet::from(expected));
    let looked = tokio::time::timeout(PATIENCE, livestreams.next()).await.unwrap().unwrap();
    assert_eq!(looked.name, "live");
    let present = stores.present();
    assert_eq!(present.uids, HashSet::from(["p2", "p3"].map(String::from)));
}

#[tokio::test]
async fn an_object_that_cannot_be_read_takes_no_other_along() {
    let server = Arc::new(Server::default());
    let mut written_for_another_version = object("VirtualParticipant", "ada", "p1", "1");
    written_for_another_version["spec"] = json!({"page": "as a word"});
    *server.participants.lock() =
        vec![written_for_another_version, object("VirtualParticipant", "bea", "p2", "1")];
    let mut output_of_another_version = object("Livestream", "live", "l1", "1");
    output_of_another_version["spec"]["output"] = json!("as a word");
    *server.livestreams.lock() = vec![output_of_another_version, object("Livestream", "side", "l2", "1")];
    let client = client(Arc::clone(&server)).await;
    let (stores, feeds) = Stores::watch(&client, &Scope::Cluster, &Triggers::default(), |_departed| {});
    let mut tasks = crate::tasks::Tasks::default();
    feeds.into_iter().for_each(|feed| tasks.start(feed));
    tokio::time::timeout(PATIENCE, stores.ready()).await.expect("the others are listed");
    assert_eq!(stores.present().uids, HashSet::from(["p2", "l2"].map(String::from)));
    assert_eq!(stores.unread_participants().news()[0].name_any(), "ada");
    assert_eq!(stores.unread_livestreams().news()[0].name_any(), "live");
}

#[tokio::test]
async fn as_one_of_too_many_goes_all_of_its_participant_are_looked_at() {
    let server = Arc::new(Server::default());
    let live = |number: usize| object("Livestream", &format!("live-{number}"), &format!("l{number}"), "1");
    *server.livestreams.lock() = (0..=MOST_LIVESTREAMS).map(live).collect();
    let (triggers, client) = (Triggers::default(), client(Arc::clone(&server)).await);
    let (stores, feeds) = Stores::watch(&client, &Scope::Cluster, &triggers, |_departed: Departed<'_>| {});
    let mut tasks = crate::tasks::Tasks::default();
    feeds.into_iter().for_each(|feed| tasks.start(feed));
    tokio::time::timeout(PATIENCE, stores.ready()).await.unwrap();
    let mut livestreams = Box::pin(triggers.livestreams.stream());
    let mut all_are_marked = async || {
        let mut marked = HashSet::new();
        let all = async {
            while marked.len() <= MOST_LIVESTREAMS {
                marked.insert(livestreams.next().await.unwrap().name);
            }
        };
        tokio::time::timeout(PATIENCE, all).await.expect("each is to be looked at");
    };
    all_are_marked().await;

    // The others are as they were, and yet all are looked at.
    server.livestreams.lock().remove(0);
    server.version.send_modify(|version| *version += 1);
    all_are_marked().await;
}
