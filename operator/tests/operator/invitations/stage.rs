//! A stage that is a server of WHIP: how one is invited to it, and what sessions say of it.

use crate::support::{NAMESPACE, World, said, well};
use k8s_openapi::api::core::v1::Secret;
use kube::api::{DeleteParams, PostParams};
use serde_json::{Value, json};
use understudy_proto::v1::{Desired, InvitationReport, InvitationState, Report};

pub const TOKEN: &str = "bearer-word-of-the-stage";
/// What is told of an invitation.
pub const SHOWN: &[&str] = &["Invited", "Connected", "Published"];
pub const UP: [&str; 2] = ["Connected", "Published"];

/// A participant that is invited to the stage, whose token stands in the Secret `stage`.
pub fn invited(id: &str) -> Value {
    until("2100-01-01T00:00:00Z", id)
}

pub fn until(join_before: &str, id: &str) -> Value {
    by(join_before, "stage", id)
}

/// The same, with another Secret.
pub fn invited_by(secret: &str, id: &str) -> Value {
    by("2100-01-01T00:00:00Z", secret, id)
}

fn by(join_before: &str, secret: &str, id: &str) -> Value {
    let token = json!({"name": secret, "key": "token"});
    let stage = json!({"whip": {"url": "https://stage.example.org/whip", "tokenSecretRef": token}});
    json!({"page": {"url": "understudy:mirror"}, "invitation": {"id": id, "joinBefore": join_before, "stage": stage}})
}

pub fn in_seconds(seconds: i64) -> String {
    jiff::Timestamp::from_second(jiff::Timestamp::now().as_second() + seconds).unwrap().to_string()
}

pub fn uninvited() -> Value {
    json!({"page": {"url": "understudy:mirror"}})
}

pub async fn secret(world: &World, type_: &str, hosts: &str) {
    let secrets = world.api::<Secret>();
    let _ = secrets.delete("stage", &DeleteParams::default()).await; // if there is one
    let secret: Secret = serde_json::from_value(json!({
        "apiVersion": "v1", "kind": "Secret", "type": type_,
        "metadata": {"name": "stage", "namespace": NAMESPACE, "annotations": {"understudy.dev/allowed-hosts": hosts}},
        "stringData": {"token": TOKEN}
    }))
    .unwrap();
    secrets.create(&PostParams::default(), &secret).await.unwrap();
}

pub async fn good_secret(world: &World) {
    secret(world, "understudy.dev/credentials", "*.example.org").await;
}

/// A session that is well and carries the invitation out, with as much of its stage.
pub fn on(desired: &Desired, id: &str, up: &[&str]) -> Report {
    let invitation = InvitationReport {
        id: id.into(),
        state: InvitationState::Accepted.into(),
        conditions: up.iter().map(|type_| said(type_, "True", "Up", "")).collect(),
        participant_id: "p-1".into(),
        ..InvitationReport::default()
    };
    Report { invitation: Some(invitation), ..well(desired) }
}

/// A session that is well and has left.
pub fn left(desired: &Desired, id: &str, outcome: &str) -> Report {
    let invitation = InvitationReport {
        id: id.into(),
        state: InvitationState::Left.into(),
        outcome: outcome.into(),
        message: format!("it was {outcome}"),
        ..InvitationReport::default()
    };
    Report { invitation: Some(invitation), ..well(desired) }
}
