//! A participant is invited to a stage, seen there, kicked and invited again, through a real pod; whatever dies meanwhile.

#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests, too")]

use std::time::Duration;

use serde_json::{Value, json};
use understudy_e2e::backend::Backend;
use understudy_e2e::destination::{Destination, TOKEN, Told};
use understudy_e2e::kubectl::Kubectl;
use understudy_e2e::lab::{Lab, seen, to};
use understudy_e2e::wait;

/// From a manifest to what it causes.
const RECONCILE: Duration = Duration::from_secs(60);

/// It is invited a third time, by a backend that has the token itself, and kicked.
async fn by_a_backend(lab: &Lab, stage: &Destination) {
    let backend = Backend::new(&lab.kubectl, "stage-manager").await;
    let whip = json!({"url": stage.url("/whip"), "token": TOKEN});
    let invitation = json!({"id": "show-2", "stage": {"whip": whip}});
    let invited = backend.post("invite", &json!({"selector": "team=lab", "invitation": invitation})).await;
    assert_eq!(
        (&invited["name"], &invited["invitationId"]),
        (&json!("marie"), &json!("show-2")),
        "{invited}"
    );
    lab.published("show-2").await;
    assert_eq!(stage.told().await.unwrap().posts, 3);
    backend.post("kick", &json!({"invitationId": "show-2"})).await;
    lab.until("kicked", |status| status["lastSession"]["invitationId"] == "show-2").await;
    let of_type = "--field-selector=type=understudy.dev/credentials";
    wait::until(RECONCILE, || async {
        let kept = lab.kubectl.run(&["get", "secrets", of_type, "--output=name"]).await?;
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
    let lab = Lab::of(&kubectl, "marie").await;
    let stage = lab.stage().await;
    lab.invite(to("show-1", &stage)).await;
    let status = lab.published("show-1").await;
    assert!(status["session"]["publishedAt"].is_string(), "{status}");
    let whole = |told: &Told| told.seen.as_ref().is_some_and(|seen| seen.seconds.len() >= 3);
    let told = seen(&stage, "a picture of seconds", whole).await;
    println!("{:?}", told.seen);

    // The operator is another one; nothing of the stage is touched by that.
    let system = "--namespace=understudy-system";
    let operator = "--selector=app.kubernetes.io/name=understudy";
    kubectl.run(&["delete", "pods", system, operator, "--wait=false", "--grace-period=1"]).await.unwrap();
    // The runtime is another one, too: what is desired is joined again, and the stage had one of them at a time.
    let pod = lab.pod().await;
    kubectl.run(&["delete", "pod", &pod, "--wait=false"]).await.unwrap();
    let again = |told: &Told| told.posts == 2 && told.sessions == 1 && told.deletes == 1;
    seen(&stage, "joined again", again).await;
    let is_another = |status: &Value| status["phase"] == "Published" && status["pod"]["name"] != pod.as_str();
    let status = lab.until("published again", is_another).await;
    assert_eq!(status["session"]["invitationId"], "show-1");

    lab.invite(Value::Null).await;
    let status = lab.over("show-1", "Kicked").await;
    assert_eq!(status["session"], Value::Null);
    assert_eq!(seen(&stage, "left", |told| told.sessions == 0).await.deletes, 2);

    // Under its id it is not carried out again; under another it is.
    lab.invite(to("show-1", &stage)).await;
    wait::until(RECONCILE, || kubectl.says("vp marie", "Invited", "Kicked")).await;
    by_a_backend(&lab, &stage).await;
    let everything = kubectl.run(&["get", "vp,events", "--output=yaml"]).await.unwrap();
    assert!(!everything.contains(TOKEN), "what lets in stands in its Secret alone");
    kubectl
        .run(&["delete", "serviceaccount/stage-manager", "role/stage-manager", "rolebinding/stage-manager"])
        .await
        .unwrap();
    assert_eq!(seen(&stage, "left", |told| told.sessions == 0).await.deletes, 3);
    lab.end().await;
}
