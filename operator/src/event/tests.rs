//! Events against an API server that keeps them, and may take its time.

use super::*;
use crate::condition::shorten;
use axum::Router;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Json, Response};
use axum::routing::{patch, post};
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::Arc;
use tokio::sync::{Semaphore, watch};
use understudy_crds::v1alpha1::VirtualParticipant;
use understudy_proto::v1::Happening;

/// After this what has waited is written.
const LONG: Duration = Duration::from_secs(3600);

struct Server {
    events: Mutex<BTreeMap<String, Value>>,
    /// Patches of what is not there.
    missed: Mutex<Vec<String>>,
    /// How many may be created; the next one waits.
    takes: Semaphore,
    came: watch::Sender<usize>,
}

async fn create(State(server): State<Arc<Server>>, Json(event): Json<Value>) -> Response {
    server.came.send_modify(|came| *came += 1);
    server.takes.acquire().await.unwrap().forget();
    let name = event["metadata"]["name"].as_str().unwrap().to_owned();
    server.events.lock().insert(name, event.clone());
    Json(event).into_response()
}

async fn count(
    State(server): State<Arc<Server>>,
    Path((_namespace, name)): Path<(String, String)>,
    Json(patch): Json<Value>,
) -> Response {
    let mut events = server.events.lock();
    let Some(event) = events.get_mut(&name) else {
        server.missed.lock().push(name);
        let status = json!({"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": "NotFound", "code": 404});
        return (StatusCode::NOT_FOUND, Json(status)).into_response();
    };
    event["series"] = patch["series"].clone();
    Json(event.clone()).into_response()
}

async fn recorder(takes: usize) -> (Recorder, Arc<Server>) {
    let server = Arc::new(Server {
        events: Mutex::default(),
        missed: Mutex::default(),
        takes: Semaphore::new(takes),
        came: watch::Sender::default(),
    });
    let events = "/apis/events.k8s.io/v1/namespaces/{namespace}/events";
    let router = Router::new()
        .route(events, post(create))
        .route(&format!("{events}/{{name}}"), patch(count))
        .with_state(Arc::clone(&server));
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    let client = Client::try_from(kube::Config::new(address.parse().unwrap())).unwrap();
    (Recorder::new(client, "one"), server)
}

fn participant() -> VirtualParticipant {
    let metadata = json!({"name": "ada", "namespace": "demo", "uid": "p1"});
    serde_json::from_value(json!({"metadata": metadata, "spec": {}})).unwrap()
}

fn happening(sequence: u64) -> Happening {
    Happening {
        sequence,
        reason: "Lost".into(),
        message: format!("part {sequence}: x"),
        ..Happening::default()
    }
}

#[tokio::test]
async fn all_causes_of_one_object_beyond_the_most_are_one_event() {
    let (recorder, server) = recorder(MOST_CAUSES + 10).await;
    let start = Instant::now();
    for number in 0..u32::try_from(MOST_CAUSES).unwrap() + 10 {
        let severity = if number % 2 == 0 { "Normal" } else { "Warning" };
        let news = News {
            cause: number.to_string(),
            severity,
            reason: "Lost".into(),
            note: String::new(),
            at: Timestamp::now(),
            recurs: Recurs::Maybe,
        };
        recorder.record_at(&participant(), &news, start + number * LONG).await;
    }
    assert!(
        server.missed.lock().is_empty(),
        "counts go to Events that are there: {:?}",
        server.missed.lock()
    );
    let events = server.events.lock();
    let counts: Vec<_> = events.values().filter_map(|event| event["series"]["count"].as_i64()).collect();
    assert_eq!((events.len(), counts), (MOST_CAUSES + 1, vec![10]));
}

#[tokio::test]
async fn what_cannot_recur_is_an_event_of_its_own_however_often_there_was_another() {
    let many = 2 * MOST_CAUSES;
    let (recorder, server) = recorder(many + 1).await;
    for number in 0..many {
        let outcome = News {
            cause: format!("Kicked show-{number}"),
            severity: "Normal",
            reason: "Kicked".into(),
            note: String::new(),
            at: Timestamp::now(),
            recurs: Recurs::Never,
        };
        recorder.record(&participant(), &outcome).await;
    }
    recorder.flush_at(Instant::now() + LONG).await;
    let events = server.events.lock();
    assert_eq!(
        (events.len(), events.values().filter(|event| event["series"].is_object()).count()),
        (many, 0)
    );
}

#[tokio::test]
async fn what_was_told_before_it_was_broken_off_is_not_told_again() {
    let (recorder, server) = recorder(2).await;
    let (ada, happenings) = (participant(), [happening(1), happening(2), happening(3)]);
    let session = Session { pod_uid: "d1", boot_id: "b1", happenings: &happenings };
    let mut came = server.came.subscribe();
    tokio::select! {
        () = recorder.happenings(&ada, session) => panic!("the third waits"),
        third = came.wait_for(|came| *came == 3) => drop(third.unwrap()),
    }
    // The look was broken off, and another follows.
    server.takes.add_permits(10);
    recorder.happenings(&ada, session).await;
    recorder.flush_at(Instant::now() + LONG).await;
    let events = server.events.lock();
    let counted = events.values().filter(|event| event["series"].is_object());
    let counted: Vec<_> = counted.map(|event| event["note"].as_str().unwrap()).collect();
    assert!(!counted.contains(&"part 1: x") && !counted.contains(&"part 2: x"), "told once: {counted:?}");
}

#[test]
fn a_note_in_any_script_is_short_enough_for_the_api_server() {
    let note = shorten(&"字".repeat(5000));
    assert!(note.len() > LONGEST_NOTE_BYTES);
    assert_eq!(fitting(note).len(), LONGEST_NOTE_BYTES - 1, "no character is cut in two");
    assert_eq!(fitting("short".into()), "short");
}
