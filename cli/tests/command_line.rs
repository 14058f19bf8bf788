//! The program against a real API server. There is no operator: what it would write, the test does.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test's helpers are tests as well")]

#[path = "../../crds/tests/support/mod.rs"]
mod control_plane;
#[path = "command_line/support.rs"]
mod support;

use k8s_openapi::api::core::v1::Secret;
use kube::api::{DeleteParams, ListParams};
use serde_json::{Value, json};
use support::{Relay, Stage, conditions, session};

const WHIP: &str = "https://stage.example/whip";

#[tokio::test(flavor = "multi_thread")]
async fn a_participant_is_invited_by_name_once_by_each_id() {
    let stage = Stage::new("named").await;
    stage.participant("ada", &json!({}), &json!({})).await;
    let invite = ["invite", "ada", "--whip", WHIP, "--id", "show-42", "--join-within", "1h", "--video-file"];
    let invite = [&invite[..], &["understudy:test-picture"]].concat();
    assert_eq!(stage.run(&invite).await.done(), "ada invited as show-42");
    let invitation = stage.get("ada").await.spec.invitation.unwrap();
    assert_eq!((invitation.id.as_str(), invitation.stage.whip.unwrap().url.as_str()), ("show-42", WHIP));
    assert!(invitation.inputs.unwrap().video.unwrap().file.is_some());

    assert_eq!(stage.run(&invite).await.done(), "ada invited as show-42", "said again it is the same");
    let other = stage.run(&["invite", "ada", "--whip", WHIP]).await;
    assert!(other.failed().contains("ada is invited already, as show-42; kick it first"), "{other:?}");
    let elsewhere = ["invite", "ada", "--whip", "https://other.example/whip", "--id", "show-42"];
    let elsewhere = stage.run(&elsewhere).await;
    assert!(elsewhere.failed().contains("another stage"), "{elsewhere:?}");
    let nobody = stage.run(&["invite", "bob", "--whip", WHIP]).await;
    assert_eq!(nobody.failed(), "error: there is no participant bob in the namespace named; there are: ada");
    let wrong = stage.run(&["invite", "ada", "--whip", WHIP, "--id", "not an id"]).await;
    assert!(wrong.failed().contains("kick it first"), "{wrong:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn of_those_that_match_one_that_is_free_is_invited() {
    let stage = Stage::new("selected").await;
    let ready = json!({"phase": "Available", "conditions": conditions(&[("Ready", "True", "AllReady")])});
    for name in ["ada", "bob"] {
        stage.participant(name, &json!({"role": "host"}), &ready).await;
    }
    stage.participant("eve", &json!({"role": "guest"}), &ready).await;
    let invite = ["invite", "-l", "role=host", "--whip", WHIP];
    let mut invited: Vec<String> = Vec::new();
    for _each in 0..2 {
        let said = stage.run(&invite).await.done();
        let words: Vec<&str> = said.split(' ').collect();
        let id = stage.get(words[0]).await.spec.invitation.unwrap().id;
        assert_eq!(words[1..], ["invited", "as", &id], "an id was made, and is told");
        invited.push(words[0].to_owned());
    }
    invited.sort();
    assert_eq!(invited, ["ada", "bob"]);
    let full = stage.run(&invite).await;
    assert!(full.failed().contains("2 match, of which 2 are invited and 0 not ready"), "{full:?}");
    let none = stage.run(&["invite", "-l", "role=a=b", "--whip", WHIP]).await;
    assert!(none.failed().contains("the selector \"role=a=b\" is none"), "{none:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_stands_in_a_secret_of_the_participants_own_and_nowhere_else() {
    let stage = Stage::new("token").await;
    let ada = stage.participant("ada", &json!({}), &json!({})).await;
    let invite = ["invite", "ada", "--whip", WHIP, "--id", "a", "--token-file", "-"];
    let invited = stage.run_with(&invite, "s3cret\n").await;
    assert_eq!(invited.done(), "ada invited as a");
    let secrets = stage.api::<Secret>().list(&ListParams::default()).await.unwrap().items;
    assert_eq!(secrets.len(), 1);
    assert_eq!(secrets[0].data.as_ref().unwrap()["token"].0, b"s3cret");
    assert_eq!(secrets[0].metadata.owner_references.as_ref().unwrap()[0].uid, ada.metadata.uid.unwrap());
    let shown = serde_json::to_string(&stage.get("ada").await).unwrap();
    let listed = stage.run(&["list", "-o", "yaml"]).await.done();
    for told in [&shown, &listed, &invited.out, &invited.err] {
        assert!(!told.contains("s3cret"), "{told}");
    }
    let named = ["invite", "ada", "--ivs", "--id", "b", "--token-file", "/nowhere"];
    assert!(stage.run(&named).await.failed().contains("no token can be read from /nowhere"));
    stage.participant("bob", &json!({}), &json!({})).await;
    let named = ["invite", "bob", "--ivs", "--id", "b", "--token-secret", "show/word"];
    assert_eq!(stage.run(&named).await.done(), "bob invited as b");
    let reference = stage.get("bob").await.spec.invitation.unwrap().stage.ivs.unwrap().token_secret_ref;
    assert_eq!((reference.name.as_str(), reference.key.as_str()), ("show", "word"));
}

#[tokio::test(flavor = "multi_thread")]
async fn each_step_is_told_until_it_is_there_or_fails() {
    let stage = Stage::new("waited").await;
    for name in ["ada", "bob"] {
        stage.participant(name, &json!({}), &json!({})).await;
    }
    let steps = [
        ("Invited", json!([("Invited", "False", "Asked")])),
        ("Invited", json!([("Invited", "True", "Accepted"), ("Connected", "False", "Joining")])),
        (
            "Published",
            json!([("Invited", "True", "A"), ("Connected", "True", "B"), ("Published", "True", "C")]),
        ),
    ];
    let invite = ["invite", "ada", "--whip", WHIP, "--id", "a", "--wait", "--timeout", "30s"];
    let mut waiting = stage.start(&invite);
    waiting.told("ada Pending").await;
    for ((phase, said), told) in
        steps.iter().zip(["ada Invited (Asked", "ada Invited (Joining", "ada Published"])
    {
        stage.status("ada", &session("a", phase, said, &[])).await;
        waiting.told(told).await;
    }
    assert_eq!(waiting.ended().await.done(), "ada invited as a\nada published");

    let invite = ["invite", "bob", "--whip", WHIP, "--id", "b", "--wait=connected"];
    let waiting = stage.start(&invite);
    stage.until("bob", |bob| bob.spec.invitation.is_some()).await;
    let refused = json!([("Invited", "True", "Accepted"), ("Connected", "False", "StageForbidden")]);
    stage.status("bob", &session("b", "Invited", &refused, &["Connected"])).await;
    let failed = waiting.ended().await;
    let words =
        "\nerror: bob is not connected: Connected is False: StageForbidden: in words of StageForbidden";
    assert!(failed.failed().contains(words), "{failed:?}");
    let late =
        stage.run(&["invite", "ada", "--whip", WHIP, "--id", "a", "--wait=invited", "--timeout", "1s"]);
    assert!(late.await.done().ends_with("ada invited"), "it is there already");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kick_is_waited_for_until_the_stage_is_left() {
    let stage = Stage::new("kicked").await;
    stage.participant("ada", &json!({}), &json!({})).await;
    assert_eq!(stage.run(&["kick", "ada"]).await.done(), "ada has no invitation");
    stage.run(&["invite", "ada", "--whip", WHIP, "--id", "a"]).await.done();
    let on_stage = json!([("Published", "True", "A")]);
    stage.status("ada", &session("a", "Published", &on_stage, &[])).await;
    let other = stage.run(&["kick", "ada", "--invitation", "b"]).await;
    assert!(other.failed().contains("ada does not have the invitation b"), "{other:?}");
    let nobody = stage.run(&["kick", "--invitation", "b"]).await;
    assert!(nobody.failed().contains("nobody in the namespace kicked has the invitation b"), "{nobody:?}");

    let mut kicking = stage.start(&["kick", "--invitation", "a", "--wait", "--timeout", "30s"]);
    kicking.told("ada Published").await;
    assert!(stage.get("ada").await.spec.invitation.is_none());
    stage.status("ada", &session("a", "Leaving", &json!([]), &[])).await;
    kicking.told("ada Leaving").await;
    let at = "2026-01-01T00:00:00Z";
    let left = json!({
        "phase": "Available", "session": null, "settledInvitations": [{"id": "a", "outcome": "Kicked", "at": at}],
        "lastSession": {"invitationId": "a", "outcome": "Kicked", "message": "it was taken away", "endedAt": at}
    });
    stage.status("ada", &left).await;
    assert_eq!(kicking.ended().await.done(), "ada left, invitation a: Kicked: it was taken away");
    let again = stage.run(&["kick", "ada", "--invitation", "a", "--wait"]).await;
    assert_eq!(again.done(), "ada left, invitation a: Kicked: it was taken away", "done already is done");
    let settled = stage.run(&["invite", "ada", "--whip", WHIP, "--id", "a"]).await;
    assert!(settled.failed().contains("come to its end (Kicked)"), "{settled:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn participants_are_listed_in_each_form() {
    let stage = Stage::new("listed").await;
    assert_eq!(
        stage.run(&["list"]).await.err,
        "there are no participants that match in the namespace listed"
    );
    let mut status = session("a", "Published", &json!([("Ready", "True", "AllReady")]), &[]);
    status["pod"] = json!({"name": "ada-1", "node": "node-1", "attempt": 1});
    stage.participant("ada", &json!({"role": "host"}), &status).await;
    stage.participant("bob", &json!({}), &json!({})).await;
    let list = async |arguments: &[&str]| stage.run(&[&["list"], arguments].concat()).await.done();
    let table = list(&[]).await;
    let lines: Vec<Vec<&str>> = table.lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(lines[0], ["NAME", "PHASE", "READY", "INVITATION", "POD", "AGE"]);
    assert_eq!(lines[1][..5], ["ada", "Published", "True", "a", "ada-1"]);
    assert_eq!(lines[2][..5], ["bob", "Pending", "Unknown", "-", "-"]);
    let wide = list(&["-l", "role=host", "-o", "wide"]).await;
    assert_eq!(wide.lines().count(), 2);
    assert!(wide.contains("node-1") && wide.contains("LAST OUTCOME"), "{wide}");
    assert!(list(&["-A"]).await.contains("listed      ada"), "with their namespaces");
    assert_eq!(list(&["-o", "name", "-l", "role"]).await, "virtualparticipant.understudy.dev/ada");
    let json: Value = serde_json::from_str(&list(&["-o", "json"]).await).unwrap();
    assert_eq!(json["items"][0]["status"]["pod"]["name"], "ada-1");
    assert_eq!(json["items"].as_array().unwrap().len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn changes_are_told_also_after_the_api_server_was_away() {
    let stage = Stage::new("watched").await;
    stage.participant("ada", &json!({}), &json!({})).await;
    let mut relay = Relay::start().await;
    let stage = stage.through(&relay);
    let mut watching = stage.start(&["watch"]);
    watching.answered("ada Pending").await;
    stage
        .status(
            "ada",
            &session("a", "Invited", &json!([("Connected", "False", "StageBusy")]), &["Connected"]),
        )
        .await;
    watching.answered("ada Invited, invitation a").await;
    watching.answered("ada Connected fails: StageBusy: in words of StageBusy").await;

    relay.end().await;
    watching.told("the API server is away").await;
    stage.status("ada", &session("a", "Published", &json!([]), &[])).await;
    stage.participant("bob", &json!({}), &json!({})).await;
    relay.again().await;
    watching.answered("ada Published, invitation a").await;
    watching.answered("ada Connected fails no more").await;
    watching.answered("bob Pending").await;
    stage.participants().delete("bob", &DeleteParams::default()).await.unwrap();
    watching.answered("bob deleted").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_not_is_told_which_verb() {
    let stage = Stage::new("guarded").await;
    stage.participant("ada", &json!({}), &json!({})).await;
    let as_bob = stage.impersonating("bob");
    let on = "virtualparticipants.understudy.dev in the namespace guarded";
    for (command, verb) in [
        (&["list"][..], "list"),
        (&["watch"], "list"),
        (&["kick", "ada"], "get"),
        (&["logs", "ada"], "get"),
        (&["invite", "ada", "--whip", WHIP], "get"),
    ] {
        let refused = as_bob.run(command).await;
        assert!(
            refused.failed().starts_with(&format!("error: bob may not {verb} {on}")),
            "{command:?} {refused:?}"
        );
    }
    stage.allow("bob", "virtualparticipants", &["get"]).await;
    let refused = as_bob.run(&["invite", "ada", "--whip", WHIP]).await;
    assert!(refused.failed().starts_with(&format!("error: bob may not patch {on}")), "{refused:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_is_opened_by_the_token_of_its_secret() {
    let stage = Stage::new("opened").await;
    stage.participant("ada", &json!({}), &json!({"phase": "Provisioning"})).await;
    assert!(stage.run(&["open", "ada"]).await.failed().contains("no page to look at yet"));
    assert!(stage.run(&["logs", "ada"]).await.failed().contains("ada has no pod: it is Provisioning"));
    let view =
        json!({"name": "View", "type": "View", "url": "http://10.0.0.9:10001/view", "scope": "Cluster"});
    let status = json!({
        "endpoints": [view], "access": {"secretName": "ada-access"}, "pod": {"name": "ada-1", "attempt": 1}
    });
    stage.status("ada", &status).await;
    assert!(stage.run(&["open", "ada"]).await.failed().contains("there is no Secret ada-access"));
    stage.secret("ada-access", &json!({"view": "s3cret", "control": "h4nds", "admin": ""})).await;
    let opened = stage.run(&["open", "vp/ada"]).await;
    assert_eq!(opened.done(), "http://10.0.0.9:10001/view?token=s3cret");
    let opened = stage.run(&["open", "ada", "--role", "control"]).await;
    assert_eq!(opened.done(), "http://10.0.0.9:10001/view?token=h4nds");
    let nothing = stage.run(&["open", "ada", "--role", "admin"]).await;
    assert!(nothing.failed().contains("the Secret ada-access has no admin"), "{nothing:?}");
    // Nothing runs the pods here.
    let forwarded = stage.run(&["open", "ada", "--port-forward"]).await;
    assert!(forwarded.failed().contains("pods \"ada-1\" not found"), "{forwarded:?}");
    assert!(forwarded.failed().contains("error: kubectl port-forward has ended"), "{forwarded:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_missing_is_told_with_what_to_do() {
    let stage = Stage::new("missing").await;
    let undefined = support::before_the_definitions().await;
    assert!(undefined.failed().contains("this cluster has no VirtualParticipants"), "{undefined:?}");
    let nowhere = stage.run(&["list", "--kubeconfig", "/nowhere"]).await;
    assert!(nowhere.failed().contains("/nowhere cannot be read: No such file"), "{nowhere:?}");
    let nobody = stage.run(&["list", "--context", "nobody"]).await;
    assert!(nobody.failed().contains("nobody"), "{nobody:?}");
    let mut relay = Relay::start().await;
    let stage = stage.through(&relay);
    relay.end().await;
    let away = stage.run(&["list"]).await;
    assert!(away.failed().contains("the API server cannot be reached"), "{away:?}");
    assert_eq!(stage.run(&["invite", "ada"]).await.code, Some(2), "wrong usage");
}
