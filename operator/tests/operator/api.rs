//! The control API, as people's backends call it.

use crate::invitations::stage::{TOKEN, UP, left, on};
use crate::support::{Caller, NAMESPACE, Runtime, World};
use crate::{available, is, phase};
use k8s_openapi::api::core::v1::{Pod, Secret};
use kube::ResourceExt;
use kube::api::{DeleteParams, ListParams};
use serde_json::{Value, json};
use std::time::Duration;
use tonic::{Code, Status};
use understudy_crds::STAGE_TOKEN;
use understudy_crds::v1alpha1::{ParticipantPhase, VirtualParticipant};
use understudy_operator::names;
use understudy_proto::participants::v1::{
    GetRequest, InviteRequest, KickRequest, ListRequest, Participant, WatchRequest, WatchResponse,
};
use understudy_proto::v1::Desired;

/// What a backend may do with participants.
pub const BACKEND: &[&str] = &["get", "list", "watch", "patch", "delete"];

fn stage() -> Value {
    json!({"whip": {"url": "https://stage.example.org/whip", "token": TOKEN}})
}

fn invitation(id: &str) -> InviteRequest {
    let invitation = json!({"id": id, "stage": stage()});
    serde_json::from_value(json!({"namespace": NAMESPACE, "invitation": invitation})).unwrap()
}

fn by_name(name: &str, id: &str) -> InviteRequest {
    InviteRequest { name: Some(name.into()), ..invitation(id) }
}

fn any(id: &str) -> InviteRequest {
    InviteRequest { selector: Some(String::new()), ..invitation(id) }
}

fn of(name: &str) -> GetRequest {
    GetRequest { namespace: NAMESPACE.into(), name: name.into() }
}

fn kick(name: &str, id: &str) -> KickRequest {
    KickRequest { namespace: NAMESPACE.into(), name: name.into(), invitation_id: id.into() }
}

fn everything() -> WatchRequest {
    WatchRequest { namespace: NAMESPACE.into(), selector: String::new() }
}

async fn told_of(runtime: &mut Runtime, id: &str) -> Desired {
    runtime
        .told_that(|desired| {
            desired.invitation.as_ref().map_or("", |invitation| invitation.id.as_str()) == id
        })
        .await
}

/// The Secrets that are sent to stages.
async fn tokens(world: &World) -> Vec<Secret> {
    let all = world.api::<Secret>().list(&ListParams::default()).await.unwrap().items;
    all.into_iter().filter(|secret| secret.type_.as_deref() == Some("understudy.dev/credentials")).collect()
}

fn said(told: Result<Participant, Status>) -> (Code, String) {
    told.map_or_else(|status| (status.code(), status.message().to_owned()), |one| (Code::Ok, one.name))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backend_invites_with_a_token_of_its_own_sees_it_published_and_kicks() {
    let world = World::new().await;
    let operator = world.operator("one").await;
    let (_ada, _pod, mut runtime) = available(&world, "ada").await;
    let mut participants = Caller::new(&world, "backend", BACKEND).await.participants().await;

    let invited = participants.invite(by_name("ada", "show-42")).await.unwrap().into_inner();
    assert_eq!(invited.invitation_id.as_deref(), Some("show-42"));
    let desired = told_of(&mut runtime, "show-42").await;
    let whip = desired.invitation.clone().unwrap().stage.unwrap().whip.unwrap();
    assert_eq!((whip.url.as_str(), whip.token.as_str()), ("https://stage.example.org/whip", TOKEN));
    let kept = tokens(&world).await;
    assert_eq!(kept[0].owner_references()[0].name, "ada", "it goes with its participant: {kept:?}");
    runtime.say(on(&desired, "show-42", &UP));
    let published = |ada: &VirtualParticipant| phase(ada) == Some(ParticipantPhase::Published);
    let ada = world.until("ada", "published", published).await;
    assert!(!serde_json::to_string(&ada).unwrap().contains(TOKEN), "a token stands in no spec and no status");
    let told = participants.get(of("ada")).await.unwrap().into_inner();
    let session = told.session.clone().unwrap();
    assert_eq!((told.phase.as_str(), session.participant_id.as_str()), ("Published", "p-1"));
    assert!(!session.published_at.is_empty() && !format!("{told:?}").contains(TOKEN));

    // Said again it is the same invitation; another one has to wait.
    assert_eq!(
        said(participants.invite(by_name("ada", "show-42")).await.map(tonic::Response::into_inner)).0,
        Code::Ok
    );
    assert_eq!(said(participants.invite(any("show-42")).await.map(tonic::Response::into_inner)).1, "ada");
    let (code, message) =
        said(participants.invite(by_name("ada", "b")).await.map(tonic::Response::into_inner));
    assert_eq!(code, Code::AlreadyExists, "{message}");
    assert!(message.contains("invited already, as show-42"), "{message}");

    participants.kick(kick("", "show-42")).await.unwrap();
    let desired = told_of(&mut runtime, "").await;
    runtime.say(left(&desired, "show-42", "Kicked"));
    let clean = |ada: &VirtualParticipant| {
        phase(ada) == Some(ParticipantPhase::Available) && !ada.annotations().contains_key(STAGE_TOKEN)
    };
    world.until("ada", "available, and without the token", clean).await;
    assert!(tokens(&world).await.is_empty(), "the token went with its invitation");
    let told = participants.get(of("ada")).await.unwrap().into_inner();
    assert_eq!(told.last_session.unwrap().outcome, "Kicked");
    let (code, message) =
        said(participants.invite(by_name("ada", "show-42")).await.map(tonic::Response::into_inner));
    assert_eq!(code, Code::FailedPrecondition, "{message}");
    assert!(tokens(&world).await.is_empty(), "who is refused leaves nothing behind");
    assert_eq!(
        said(participants.kick(kick("ada", "show-42")).await.map(tonic::Response::into_inner)).0,
        Code::Ok
    );
    assert_eq!(
        said(participants.kick(kick("ada", "other")).await.map(tonic::Response::into_inner)).0,
        Code::NotFound
    );
    runtime.end().await;
    operator.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_who_want_the_last_free_one_exactly_one_gets_it() {
    let world = World::new().await;
    let operator = world.operator("one").await;
    let (_ada, _pod, runtime) = available(&world, "ada").await;
    let caller = Caller::new(&world, "backend", BACKEND).await;
    let (mut one, mut other) = (caller.participants().await, caller.participants().await);
    let (one, other) = tokio::join!(one.invite(any("a")), other.invite(any("b")));
    let mut said = [one, other].map(|told| said(told.map(tonic::Response::into_inner)));
    said.sort_by_key(|(code, _)| *code != Code::Ok);
    assert_eq!(said[0], (Code::Ok, "ada".to_owned()));
    assert_eq!(said[1].0, Code::FailedPrecondition, "{said:?}");
    assert!(said[1].1.contains("no participant is available: 1 match, of which 1 are invited"), "{said:?}");
    let (code, message) = {
        let mut third = caller.participants().await;
        let nobody = InviteRequest { selector: Some("role=host".into()), ..invitation("c") };
        crate::api::said(third.invite(nobody).await.map(tonic::Response::into_inner))
    };
    assert_eq!(
        (code, message.as_str()),
        (
            Code::FailedPrecondition,
            "no participant is available: 0 match, of which 0 are invited and 0 not ready"
        )
    );
    assert_eq!(tokens(&world).await.len(), 1, "who came too late leaves nothing behind");
    runtime.end().await;
    operator.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_does_what_they_may_do_with_kubectl_and_no_more() {
    let world = World::new().await;
    let operator = world.operator("one").await;
    world.apply("ada", json!({})).await;
    let reader = Caller::new(&world, "reader", &["get"]).await;
    let stranger = Caller::of_audience(&world, "backend", BACKEND, names::SESSION_AUDIENCE).await;
    let (mut reads, mut strange) = (reader.participants().await, stranger.participants().await);
    assert_eq!(reads.get(of("ada")).await.unwrap().into_inner().name, "ada");
    for refused in [
        reads.invite(by_name("ada", "a")).await.unwrap_err(),
        reads.kick(kick("ada", "")).await.unwrap_err(),
        reads.list(ListRequest { namespace: NAMESPACE.into(), ..ListRequest::default() }).await.unwrap_err(),
        reads.watch(everything()).await.unwrap_err(),
        reads.get(GetRequest { namespace: "default".into(), name: "ada".into() }).await.unwrap_err(),
    ] {
        assert_eq!(refused.code(), Code::PermissionDenied, "{refused:?}");
        assert!(refused.message().contains("system:serviceaccount:demo:reader may not "), "{refused:?}");
    }
    let refused = strange.get(of("ada")).await.unwrap_err();
    assert_eq!(refused.code(), Code::Unauthenticated);
    assert!(refused.message().contains(names::API_AUDIENCE), "{refused:?}");
    let (code, body) = stranger.ask("GET", "/v1/namespaces/demo/participants", None).await;
    assert_eq!((code, &body["name"]), (401, &json!("Unauthenticated")));
    let (code, body) = reader.ask("GET", "/v1/participants", None).await;
    assert_eq!(code, 403, "{body}");
    assert!(
        body["message"].as_str().unwrap().ends_with("may not list virtualparticipants in all namespaces"),
        "{body}"
    );
    operator.end().await;
}

async fn heard(changes: &mut tonic::Streaming<WatchResponse>) -> Option<WatchResponse> {
    tokio::time::timeout(Duration::from_secs(20), changes.message())
        .await
        .expect("it must be told")
        .ok()
        .flatten()
}

/// Until a message is so.
async fn until(changes: &mut tonic::Streaming<WatchResponse>, is: impl Fn(&WatchResponse) -> bool) {
    while !is(&heard(changes).await.expect("it must not end")) {}
}

#[tokio::test(flavor = "multi_thread")]
async fn who_watches_is_told_all_then_each_change_and_all_again_by_the_next_leader() {
    let world = World::new().await;
    let operator = world.operator("one").await;
    for name in ["ada", "bea", "eve"] {
        world.apply(name, json!({})).await;
    }
    let caller = Caller::new(&world, "backend", BACKEND).await;
    let mut participants = caller.participants().await;
    let list = |token: String| ListRequest {
        namespace: NAMESPACE.into(),
        page_size: 2,
        page_token: token,
        ..ListRequest::default()
    };
    let first = participants.list(list(String::new())).await.unwrap().into_inner();
    let second = participants.list(list(first.next_page_token.clone())).await.unwrap().into_inner();
    let names: Vec<&str> =
        first.participants.iter().chain(&second.participants).map(|one| one.name.as_str()).collect();
    assert_eq!((names, second.next_page_token.as_str()), (vec!["ada", "bea", "eve"], ""));

    let mut changes = participants.watch(everything()).await.unwrap().into_inner();
    let all = heard(&mut changes).await.unwrap();
    assert_eq!((all.participants.len(), all.synced), (3, true));
    participants.invite(by_name("ada", "a")).await.unwrap();
    let invited = |one: &Participant| one.name == "ada" && one.invitation_id.as_deref() == Some("a");
    until(&mut changes, |message| message.participants.iter().any(invited)).await;
    world.api::<VirtualParticipant>().delete("eve", &DeleteParams::default()).await.unwrap();
    until(&mut changes, |message| message.gone.iter().any(|gone| gone.name == "eve")).await;

    let next = world.operator("two").await;
    operator.end().await;
    while heard(&mut changes).await.is_some() {} // it ends with its leader
    let mut participants = caller.participants().await;
    let mut changes = participants.watch(everything()).await.unwrap().into_inner();
    let all = heard(&mut changes).await.unwrap();
    assert!(all.synced && all.participants.iter().any(invited), "{all:?}");
    assert!(all.participants.iter().all(|one| one.name != "eve"));
    next.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_is_done_over_http() {
    let world = World::new().await;
    let operator = world.operator("one").await;
    let (_ada, _pod, mut runtime) = available(&world, "ada").await;
    let caller = Caller::new(&world, "backend", BACKEND).await;
    let invite = json!({"selector": "", "invitation": {"id": "a", "stage": stage()}});
    let (code, invited) = caller.ask("POST", "/v1/namespaces/demo/invite", Some(&invite)).await;
    assert_eq!(
        (code, &invited["name"], &invited["invitationId"]),
        (200, &json!("ada"), &json!("a")),
        "{invited}"
    );
    assert!(!invited.to_string().contains(TOKEN));
    told_of(&mut runtime, "a").await;
    let (code, all) = caller.ask("GET", "/v1/namespaces/demo/participants?pageSize=1", None).await;
    assert_eq!(
        (code, &all["participants"][0]["name"], &all["nextPageToken"]),
        (200, &json!("ada"), &json!("")),
        "{all}"
    );
    let again = json!({"name": "ada", "invitation": {"id": "b", "stage": stage()}});
    let (code, body) = caller.ask("POST", "/v1/namespaces/demo/invite", Some(&again)).await;
    assert_eq!((code, &body["code"], &body["name"]), (409, &json!(409), &json!("AlreadyExists")), "{body}");
    for (body, field) in [
        (json!({"name": "ada", "invitation": {"stage": {}}}), "invitation.stage: "),
        (json!({"invitation": {"stage": stage()}}), "name: "),
        (json!({"name": "Ada!", "invitation": {"stage": stage()}}), "name: "),
        (
            json!({"name": "ada", "invitation": {"stage": {"whip": {"url": TOKEN, "token": [TOKEN]}}}}),
            "invitation.stage.whip.token: ",
        ),
        (json!({"selector": "=", "invitation": {"stage": stage()}}), "the selector"),
    ] {
        let (code, told) = caller.ask("POST", "/v1/namespaces/demo/invite", Some(&body)).await;
        let message = told["message"].as_str().unwrap();
        assert!(
            code == 400 && message.starts_with(field) && !message.contains(TOKEN),
            "{body}: {code} {told}"
        );
    }
    let bad = json!({"selector": "", "invitation": {"id": "a b", "stage": {"whip": {"url": "ftp://stage"}}}});
    world.apply("bea", json!({})).await;
    let named = json!({"name": "bea", "invitation": bad["invitation"]});
    let (code, told) = caller.ask("POST", "/v1/namespaces/demo/invite", Some(&named)).await;
    let message = told["message"].as_str().unwrap();
    assert!(
        code == 400 && message.contains("invitation.id must be") && message.contains("whip.url must be"),
        "{told}"
    );
    let (code, told) = caller.ask("POST", "/v1/namespaces/demo/kick", Some(&json!({"name": "ada"}))).await;
    assert_eq!((code, &told["invitationId"]), (200, &Value::Null), "{told}");
    let (code, told) = caller.ask("GET", "/v1/namespaces/demo/participants/nobody", None).await;
    assert_eq!((code, &told["name"]), (404, &json!("NotFound")), "{told}");
    runtime.end().await;
    operator.end().await;
}

/// Of a stage that has nobody.
async fn refusals(caller: &Caller, id: &Value) {
    for (path, body, code, name) in [
        ("/stage/invite", json!({"id": "none"}), 404, "StageNotFoundException"),
        ("/stage/kick", json!({"id": "none"}), 404, "StageNotFoundException"),
        ("/stage/kick", json!({"id": id}), 404, "VpNotFoundException"),
        ("/stage/delete", json!({"id": id, "participantId": "guest"}), 500, "UnexpectedError"),
        ("/stage/invite", json!({"id": id, "assetName": "../secrets"}), 400, "InvalidArgument"),
    ] {
        let (answered, told) = caller.ask("POST", path, Some(&body)).await;
        assert_eq!(
            (answered, &told["name"], &told["code"]),
            (code, &json!(name), &json!(code)),
            "{path}: {told}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_scripts_of_the_source_system_find_their_paths_bodies_and_codes() {
    let world = World::new().await;
    let operator = world.operator("one").await;
    let (_ada, pod, mut runtime) = available(&world, "ada").await;
    let caller = Caller::new(&world, "backend", BACKEND).await;
    let ask = async |path: &str, body: Value| caller.ask("POST", path, Some(&body)).await;
    let (code, told) = ask("/stage/create", json!({})).await;
    assert!(code == 400 && told["message"].as_str().unwrap().starts_with("whip: "), "{told}");
    let whip = json!({"url": "https://stage.example.org/whip", "token": TOKEN});
    let (code, made) = ask("/stage/create?namespace=demo", json!({"whip": whip})).await;
    assert_eq!((code, &made["token"]), (200, &json!(TOKEN)), "{made}");
    let (id, host) = (made["id"].clone(), made["participantId"].clone());
    let (code, stages) = ask("/stage/list", json!({})).await;
    assert_eq!((code, &stages["count"], &stages["stages"][0]["id"]), (200, &json!(1), &id), "{stages}");
    assert!(!stages.to_string().contains(TOKEN));

    refusals(&caller, &id).await;
    assert_eq!(ask("/stage/invite", json!({"id": id, "assetName": "video-1.mp4"})).await, (200, json!({})));
    let desired = runtime.told_that(|desired| desired.invitation.is_some()).await;
    let invitation = desired.invitation.clone().unwrap();
    let (whip, inputs) = (invitation.stage.unwrap().whip.unwrap(), invitation.inputs.unwrap());
    assert_eq!(whip.token, TOKEN);
    assert_eq!(inputs.video.unwrap().file.unwrap().url, "file:///video-1.mp4");
    runtime.say(on(&desired, &invitation.id, &UP));
    world.until("ada", "published", |ada: &VirtualParticipant| is(ada, "Published", "True")).await;
    let (code, told) = ask("/stage/invite", json!({"id": id})).await;
    assert_eq!((code, &told["name"]), (404, &json!("VpAlreadyAssignedException")), "{told}");
    let (_, other) = ask("/stage/create", json!({"whip": {"url": "https://b.example/whip"}})).await;
    let (code, told) = ask("/stage/invite", json!({"id": other["id"]})).await;
    assert_eq!((code, &told["message"]), (404, &json!("No virtual participants are available.")), "{told}");
    let (code, all) = ask("/vp/list", json!({})).await;
    let ada = &all["virtualParticipants"][0];
    assert_eq!(
        (code, &all["totalCount"], &ada["id"], &ada["status"]),
        (200, &json!(1), &json!("ada"), &json!("JOINED")),
        "{all}"
    );
    assert_eq!((&ada["taskId"], &ada["assetName"]), (&json!(pod.name_any()), &json!("video-1.mp4")), "{all}");

    assert_eq!(ask("/stage/kick", json!({"id": id})).await, (200, json!({})));
    let desired = told_of(&mut runtime, "").await;
    runtime.say(left(&desired, &invitation.id, "Kicked"));
    world
        .until("ada", "available", |ada: &VirtualParticipant| phase(ada) == Some(ParticipantPhase::Available))
        .await;
    assert_eq!(ask("/stage/delete", json!({"id": id, "participantId": host})).await, (200, json!({})));
    assert!(tokens(&world).await.is_empty(), "a token goes with its stage");
    let (code, told) = ask("/vp/stop", json!({})).await;
    assert_eq!((code, &told["summary"]["successfulStops"]), (200, &json!(1)), "{told}");
    assert_eq!(told["details"][0], json!({"vpId": "ada", "taskId": pod.name_any(), "success": true}));
    let going = |pod: &Pod| pod.metadata.deletion_timestamp.is_some();
    world.until(&pod.name_any(), "going", going).await;
    runtime.end().await;
    operator.end().await;
}
