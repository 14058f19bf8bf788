//! Invitations to stages.

use super::{accepts, admin, api, object, refuses};
use kube::api::{Patch, PatchParams, PostParams};
use serde_json::{Value, json};

fn invited(invitation: &Value) -> Value {
    let mut whole = json!({"id": "show-42", "joinBefore": "2030-01-01T00:00:00Z", "stage": whip("https://stage.example/whip")});
    whole.as_object_mut().unwrap().extend(invitation.as_object().unwrap().clone());
    json!({"invitation": whole})
}

fn to(stage: &Value) -> Value {
    invited(&json!({"stage": stage}))
}

fn whip(url: &str) -> Value {
    json!({"whip": {"url": url}})
}

/// By a participant with a browser.
fn by_page(page: &Value) -> Value {
    let mut spec = to(&json!({"page": page}));
    spec["page"] = json!({"url": "understudy:mirror"});
    spec
}

#[tokio::test]
async fn invitations_that_make_sense_are_let_in() {
    let client = admin().await;
    let token = json!({"name": "stage", "key": "token"});
    let rows = [
        invited(&json!({})),
        invited(&json!({"id": "Show_42.b-7"})),
        invited(&json!({"id": "x".repeat(63)})),
        invited(&json!({"joinBefore": "2030-01-01T02:00:00.5+02:00"})),
        invited(&json!({"joinBefore": "9998-12-31T23:59:59Z"})),
        invited(&json!({"inputs": {"video": {"file": {"url": "understudy:test-picture"}}}})),
        to(&whip("http://whip.stage:8080")),
        to(&json!({"whip": {"url": "https://stage.example/", "tokenSecretRef": token}})),
        to(&json!({"ivs": {"tokenSecretRef": token}})),
        by_page(&json!({"url": "https://meet.example/room?pwd=a#b"})),
        by_page(&json!({"url": "http://localhost:8080", "tokenSecretRef": token})),
        json!({"limits": {}}),
        json!({"limits": {"joinTimeoutSeconds": 1, "maxDurationSeconds": 86400}}),
        json!({"limits": {"idleTimeoutSeconds": 1, "ttlAfterFinishedSeconds": 86400}}),
        json!({"onDisruption": "Fail"}),
        json!({"onControlLoss": {}}),
        json!({"onControlLoss": {"action": "Continue"}}),
        json!({"onControlLoss": {"action": "Leave", "afterSeconds": 60}}),
    ];
    accepts(&client, "VirtualParticipant", &rows).await;
}

#[tokio::test]
async fn invitations_that_make_no_sense_are_refused_by_the_name_of_the_field() {
    let client = admin().await;
    let one = "exactly one stage must be set in invitation.stage";
    let without = |field: &str| {
        let mut whole = invited(&json!({}));
        whole["invitation"].as_object_mut().unwrap().remove(field);
        whole
    };
    let token = json!({"name": "stage", "key": "token"});
    let table = [
        (without("id"), "spec.invitation.id"),
        (without("joinBefore"), "spec.invitation.joinBefore"),
        (without("stage"), "spec.invitation.stage"),
        (invited(&json!({"id": ""})), "spec.invitation.id"),
        (invited(&json!({"id": "x".repeat(64)})), "spec.invitation.id"),
        (invited(&json!({"id": "show 42"})), "invitation.id must be"),
        (invited(&json!({"id": "show/42"})), "invitation.id must be"),
        (invited(&json!({"joinBefore": "tomorrow"})), "spec.invitation.joinBefore"),
        (invited(&json!({"joinBefore": "9999-01-01T00:00:00Z"})), "invitation.joinBefore must be before"),
        (invited(&json!({"joinBefore": "9999-12-31T23:59:59Z"})), "invitation.joinBefore must be before"),
        (invited(&json!({"inputs": {"video": {}}})), "exactly one source must be set in inputs.video"),
        (to(&json!({})), one),
        (to(&json!({"whip": null})), one),
        (to(&json!({"whip": {"url": "https://a"}, "ivs": {"tokenSecretRef": token}})), one),
        (to(&json!({"whip": {"url": "https://a"}, "page": {"url": "https://a"}})), one),
        (to(&json!({"page": {"url": "https://a"}})), "invitation.stage.page needs spec.page"),
        (by_page(&json!({})), "spec.invitation.stage.page.url"),
        (by_page(&json!({"url": "understudy:mirror"})), "page.url must be http(s)://HOST"),
        (by_page(&json!({"url": "file:///etc/passwd"})), "page.url must be http(s)://HOST"),
        (by_page(&json!({"url": "javascript:alert(1)"})), "page.url must be http(s)://HOST"),
        (by_page(&json!({"url": "https://me:word@a/"})), "page.url must not carry"),
        (
            by_page(&json!({"url": "https://a", "tokenSecretRef": {"name": "stage"}})),
            "spec.invitation.stage.page.tokenSecretRef.key",
        ),
        (to(&json!({"whip": {}})), "spec.invitation.stage.whip.url"),
        (to(&whip("rtmp://a")), "whip.url must be http(s)://HOST"),
        (to(&whip("https://me:word@a/")), "whip.url must not carry"),
        (to(&json!({"ivs": {}})), "spec.invitation.stage.ivs.tokenSecretRef"),
        (
            to(&json!({"ivs": {"tokenSecretRef": {"name": "stage"}}})),
            "spec.invitation.stage.ivs.tokenSecretRef.key",
        ),
        (json!({"limits": {"joinTimeoutSeconds": 0}}), "spec.limits.joinTimeoutSeconds"),
        (json!({"limits": {"maxDurationSeconds": 0}}), "spec.limits.maxDurationSeconds"),
        (json!({"limits": {"idleTimeoutSeconds": 0}}), "spec.limits.idleTimeoutSeconds"),
        (json!({"limits": {"ttlAfterFinishedSeconds": 0}}), "spec.limits.ttlAfterFinishedSeconds"),
        (json!({"onDisruption": "rejoin"}), "spec.onDisruption"),
        (json!({"onControlLoss": {"action": "Leave"}}), "onControlLoss.afterSeconds must be set"),
        (json!({"onControlLoss": {"action": "Leave", "afterSeconds": 0}}), "spec.onControlLoss.afterSeconds"),
        (json!({"onControlLoss": {"action": "Pause"}}), "spec.onControlLoss.action"),
    ];
    refuses(&client, "VirtualParticipant", &table).await;
}

#[tokio::test]
async fn the_stage_of_an_invitation_stays_and_all_else_of_it_may_change() {
    let client = admin().await;
    let participants = api(&client, "VirtualParticipant");
    let made = object("VirtualParticipant", "invited", &json!({}));
    participants.create(&PostParams::default(), &made).await.unwrap();
    let changed = async |spec: Value| {
        let patch = Patch::Merge(json!({"spec": spec}));
        let outcome = participants.patch("invited", &PatchParams::default(), &patch).await;
        outcome.map(|_object| ()).map_err(|error| error.to_string())
    };
    let immutable = async |spec: Value| {
        let error = changed(spec).await.unwrap_err();
        assert!(error.contains("invitation.stage is immutable"), "{error}");
    };
    let token = json!({"name": "stage", "key": "token"});
    let corrected = json!({"name": "stage", "key": "corrected"});
    let whip_by = |reference: &Value| json!({"whip": {"url": "https://stage.example/whip", "tokenSecretRef": reference}});
    changed(invited(&json!({}))).await.unwrap();
    changed(invited(&json!({"joinBefore": "2031-01-01T00:00:00Z"}))).await.unwrap();
    changed(invited(&json!({"inputs": {"startPaused": true}}))).await.unwrap();
    immutable(to(&whip("https://other.example/whip"))).await;
    for reference in [&token, &corrected, &json!(null)] {
        changed(to(&whip_by(reference))).await.unwrap();
    }
    immutable(to(&json!({"whip": null, "ivs": {"tokenSecretRef": token}}))).await;
    changed(invited(&json!({"id": "show-43", "stage": whip("https://other.example/whip")}))).await.unwrap();
    changed(json!({"invitation": null})).await.unwrap();
    changed(to(&json!({"ivs": {"tokenSecretRef": token}}))).await.unwrap();
    changed(to(&json!({"ivs": {"tokenSecretRef": corrected}}))).await.unwrap();
    immutable(to(&json!({"ivs": null, "whip": {"url": "https://stage.example/whip"}}))).await;
    let page = |url: &str, reference: &Value| {
        let mut spec = by_page(&json!({"url": url, "tokenSecretRef": reference}));
        (spec["invitation"]["stage"]["whip"], spec["invitation"]["stage"]["ivs"]) =
            (json!(null), json!(null));
        spec
    };
    immutable(page("https://meet.example/a", &token)).await;
    changed(json!({"invitation": null})).await.unwrap();
    for reference in [&token, &corrected, &json!(null)] {
        changed(page("https://meet.example/a", reference)).await.unwrap();
    }
    immutable(page("https://meet.example/b", &token)).await;
    immutable(to(&json!({"page": null, "whip": {"url": "https://meet.example/a"}}))).await;
    let error = changed(json!({"page": null})).await.unwrap_err();
    assert!(error.contains("needs spec.page"), "{error}");
}
