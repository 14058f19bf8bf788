//! A participant is invited to a stage, seen there, kicked and invited again, through a real pod; whatever dies meanwhile.

#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests, too")]

use std::time::Duration;

use serde_json::{Value, json};
use understudy_e2e::backend::Backend;
use understudy_e2e::destination::{Destination, TOKEN, Told};
use understudy_e2e::kubectl::Kubectl;
use understudy_e2e::ports::facing;
use understudy_e2e::wait;

/// From a manifest to what it causes.
const RECONCILE: Duration = Duration::from_secs(60);
const VERSION: &str = "understudy.dev/v1alpha1";

/// A participant without a page, in a profile that may publish to this machine.
async fn lab(kubectl: &Kubectl) {
    let mut spec = kubectl.get("runtimeprofile default").await.unwrap()["spec"].clone();
    spec["allowPrivateUrls"] = json!(["*"]);
    let profile = json!({"apiVersion": VERSION, "kind": "RuntimeProfile", "metadata": {"name": "on-stage"}, "spec": spec});
    kubectl.apply(&profile.to_string()).await.unwrap();
    let file = json!({"file": {"url": "understudy:test-picture"}});
    let spec = json!({"runtimeProfileName": "on-stage", "inputs": {"video": file, "audio": file}});
    let marie = json!({"apiVersion": VERSION, "kind": "VirtualParticipant", "metadata": {"name": "marie", "labels": {"team": "lab"}}, "spec": spec});
    kubectl.apply(&marie.to_string()).await.unwrap();
    let secret = json!({
        "apiVersion": "v1", "kind": "Secret", "type": "understudy.dev/credentials",
        "metadata": {"name": "stage"}, "stringData": {"token": TOKEN}
    });
    kubectl.apply(&secret.to_string()).await.unwrap();
    wait::until(RECONCILE, || kubectl.ready("vp marie")).await;
}

async fn invite(kubectl: &Kubectl, invitation: Value) {
    let patch = json!({"spec": {"invitation": invitation}}).to_string();
    kubectl.run(&["patch", "vp", "marie", "--type=merge", "--patch", &patch]).await.unwrap();
}

fn to(id: &str, stage: &Destination) -> Value {
    let whip = json!({"url": stage.url("/whip"), "tokenSecretRef": {"name": "stage", "key": "token"}});
    json!({"id": id, "joinBefore": "2100-01-01T00:00:00Z", "stage": {"whip": whip}})
}

/// Waits until the participant is so; its status.
async fn until(kubectl: &Kubectl, what: &str, is: impl Fn(&Value) -> bool) -> Value {
    let (status, _) = wait::until(RECONCILE, || async {
        let status = kubectl.get("vp marie").await?["status"].clone();
        if is(&status) { Ok(status) } else { Err(format!("{what}: {status}")) }
    })
    .await;
    status
}

async fn published(kubectl: &Kubectl, id: &str) -> Value {
    let is = |status: &Value| status["phase"] == "Published" && status["session"]["invitationId"] == id;
    until(kubectl, "published", is).await
}

async fn seen(stage: &Destination, what: &str, is: impl Fn(&Told) -> bool) -> Told {
    let (told, _) = wait::until(RECONCILE, || async {
        let told = stage.told().await.map_err(|error| error.to_string())?;
        if is(&told) { Ok(told) } else { Err(format!("{what}: {told:?}")) }
    })
    .await;
    told
}

/// It is invited a third time, by a backend that has the token itself, and kicked.
async fn by_a_backend(kubectl: &Kubectl, stage: &Destination) {
    let backend = Backend::new(kubectl, "stage-manager").await;
    let whip = json!({"url": stage.url("/whip"), "token": TOKEN});
    let invitation = json!({"id": "show-2", "stage": {"whip": whip}});
    let invited = backend.post("invite", &json!({"selector": "team=lab", "invitation": invitation})).await;
    assert_eq!(
        (&invited["name"], &invited["invitationId"]),
        (&json!("marie"), &json!("show-2")),
        "{invited}"
    );
    published(kubectl, "show-2").await;
    assert_eq!(stage.told().await.unwrap().posts, 3);
    backend.post("kick", &json!({"invitationId": "show-2"})).await;
    until(kubectl, "kicked", |status| status["lastSession"]["invitationId"] == "show-2").await;
    let of_type = "--field-selector=type=understudy.dev/credentials";
    wait::until(RECONCILE, || async {
        let kept = kubectl.run(&["get", "secrets", of_type, "--output=name"]).await?;
        if kept.trim() == "secret/stage" {
            Ok(())
        } else {
            Err(format!("no token is kept any longer: {kept}"))
        }
    })
    .await;
}

#[tokio::test]
async fn who_is_invited_is_published_whoever_dies_and_kicked_when_the_invitation_is_gone() {
    let kubectl = Kubectl::demo("demo").await;
    lab(&kubectl).await;
    let here = facing(kubectl.address_of(&kubectl.pod_of("marie").await).await);
    let stage = Destination::on(here, 0, &[]).await;
    invite(&kubectl, to("show-1", &stage)).await;
    let status = published(&kubectl, "show-1").await;
    assert!(status["session"]["publishedAt"].is_string(), "{status}");
    let whole = |told: &Told| told.seen.as_ref().is_some_and(|seen| seen.seconds.len() >= 3);
    let told = seen(&stage, "a picture of seconds", whole).await;
    println!("{:?}", told.seen);

    // The operator is another one; nothing of the stage is touched by that.
    let system = "--namespace=understudy-system";
    let operator = "--selector=app.kubernetes.io/name=understudy";
    kubectl.run(&["delete", "pods", system, operator, "--wait=false", "--grace-period=1"]).await.unwrap();
    // The runtime is another one, too: what is desired is joined again, and the stage had one of them at a time.
    let pod = kubectl.pod_of("marie").await;
    kubectl.run(&["delete", "pod", &pod, "--wait=false"]).await.unwrap();
    let again = |told: &Told| told.posts == 2 && told.sessions == 1 && told.deletes == 1;
    seen(&stage, "joined again", again).await;
    let status = until(&kubectl, "published again", |status| {
        status["phase"] == "Published" && status["pod"]["name"] != pod.as_str()
    })
    .await;
    assert_eq!(status["session"]["invitationId"], "show-1");

    invite(&kubectl, Value::Null).await;
    let status = until(&kubectl, "kicked", |status| status["lastSession"]["outcome"] == "Kicked").await;
    assert_eq!(
        (&status["lastSession"]["invitationId"], &status["session"]),
        (&json!("show-1"), &Value::Null)
    );
    assert_eq!(seen(&stage, "left", |told| told.sessions == 0).await.deletes, 2);
    until(&kubectl, "available", |status| status["phase"] == "Available").await;

    // Under its id it is not carried out again; under another it is.
    invite(&kubectl, to("show-1", &stage)).await;
    wait::until(RECONCILE, || kubectl.says("vp marie", "Invited", "Kicked")).await;
    by_a_backend(&kubectl, &stage).await;
    let everything = kubectl.run(&["get", "vp,events", "--output=yaml"]).await.unwrap();
    assert!(!everything.contains(TOKEN), "what lets in stands in its Secret alone");
    let all = ["vp/marie", "secret/stage", "runtimeprofile/on-stage", "serviceaccount/stage-manager"];
    kubectl.run(&[&["delete"], &all[..]].concat()).await.unwrap();
    kubectl.run(&["delete", "role/stage-manager", "rolebinding/stage-manager"]).await.unwrap();
    assert_eq!(seen(&stage, "left", |told| told.sessions == 0).await.deletes, 3);
}
