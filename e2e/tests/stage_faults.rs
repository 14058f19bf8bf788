//! What goes wrong while a participant is on a stage: the link is cut, the operator and the runtime are killed, the stage wants
//! another token. All that somebody saw who watched is told, not the end alone.

#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests, too")]

use std::time::Duration;

use serde_json::{Value, json};
use understudy_e2e::cut::Cut;
use understudy_e2e::destination::TOKEN;
use understudy_e2e::kubectl::{Kubectl, condition};
use understudy_e2e::lab::{Lab, by, goes_on, seen, to};
use understudy_e2e::recording::{Recording, only};

/// From a status to whoever watches.
const SEEN: Duration = Duration::from_secs(10);
const ANOTHER_TOKEN: &str = "open-barley";

/// Of the status, as [`condition`] tells of an object.
fn is(status: &Value, type_: &str, expected: &str) -> bool {
    condition(&json!({"status": status}), type_).0 == expected
}

fn because(status: &Value, type_: &str, expected: &str) -> bool {
    condition(&json!({"status": status}), type_).1 == expected
}

fn phase(line: &str) -> &str {
    line.split(' ').next().unwrap_or_default()
}

/// That were seen since it was published for the first time.
fn from_published(lines: &[String]) -> impl Iterator<Item = &str> {
    lines.iter().map(String::as_str).skip_while(|line| !line.starts_with("Published"))
}

#[tokio::test]
async fn a_link_that_is_cut_takes_nothing_from_the_stage_and_a_kick_is_one_once_it_is_back() {
    let kubectl = Kubectl::demo("demo").await;
    let mut recording = Recording::start(&kubectl, "virtualparticipants", "nina");
    let lab = Lab::of(&kubectl, "nina").await;
    let (stage, pod) = (lab.stage().await, lab.pod().await);
    lab.invite(to("show-1", &stage)).await;
    lab.published("show-1").await;

    let cut = Cut::of(kubectl.address_of(&pod).await).await;
    let unknown =
        |status: &Value| is(status, "RuntimeReady", "Unknown") && is(status, "Published", "Unknown");
    lab.until_silent("unknown", unknown).await;
    goes_on(&stage, 2).await;
    lab.invite(Value::Null).await;
    lab.until("leaving", |status| because(status, "Invited", "Leaving")).await;
    goes_on(&stage, 3).await;
    let told = stage.told().await.unwrap();
    assert_eq!(
        (told.posts, told.sessions),
        (1, 1),
        "it is there for as long as nobody can tell it otherwise"
    );
    let status = lab.until("still leaving", |status| because(status, "Invited", "Leaving")).await;
    assert_eq!(status["lastSession"], Value::Null, "nobody knows yet that it is no more there");

    cut.mend().await;
    let status = lab.over("show-1", "Kicked").await;
    assert_eq!(status["pod"]["name"], pod.as_str(), "nothing was replaced");
    let told = seen(&stage, "left", |told| told.sessions == 0).await;
    assert_eq!((told.posts, told.deletes), (1, 1));
    let lines =
        recording.until(SEEN, |line| line.starts_with("Available") && line.contains("was=show-1")).await;
    assert!(lines.iter().all(|line| line.ends_with(&pod) || line.ends_with("pod=-")), "{lines:#?}");
    let lines = only(lines, &["RuntimeReady", "Published"]);
    println!("{lines:#?}");
    // Between the last two it may be seen that the link is back.
    let (back, lines): (Vec<_>, Vec<_>) = from_published(&lines)
        .partition(|line| line.ends_with("RuntimeReady=True/Linked Published=False/Leaving"));
    assert!(back.len() <= 2, "{back:#?}");
    let order = [
        "Published RuntimeReady=True/Linked Published=True/Published",
        "Disrupted RuntimeReady=Unknown/LinkLost Published=Unknown/LinkLost",
        "Disrupted RuntimeReady=Unknown/LinkLost Published=False/Leaving",
        "Available RuntimeReady=True/Linked Published=False/NotInvited was=show-1/Kicked",
    ];
    assert_eq!(lines, order);
    assert_eq!(lab.told("Kicked").await, 1);
    lab.end().await;
}

#[tokio::test]
async fn whoever_is_killed_at_whichever_step_a_stage_has_one_of_them_and_a_kick_is_told_once() {
    let kubectl = Kubectl::demo("demo").await;
    let mut recording = Recording::start(&kubectl, "virtualparticipants", "otto");
    let lab = Lab::of(&kubectl, "otto").await;
    let (stage, pod) = (lab.stage().await, lab.pod().await);

    // Before anybody is asked, or while it is.
    lab.invite(to("show-1", &stage)).await;
    lab.kill_operators().await;
    lab.published("show-1").await;
    assert_eq!(stage.told().await.unwrap().posts, 1);

    // Nobody can say goodbye to the stage.
    lab.kill_runtime().await;
    lab.until("lost", |status| status["phase"] != "Published").await;
    lab.published("show-1").await;
    goes_on(&stage, 2).await;
    let told = stage.told().await.unwrap();
    assert_eq!((told.posts, told.deletes), (2, 0), "{told:?}");

    // The token has come to its end, and another stands in another Secret.
    stage.wants(ANOTHER_TOKEN).await;
    lab.until("refused", |status| because(status, "Connected", "StageUnauthorized")).await;
    lab.secret("stage-2", ANOTHER_TOKEN).await;
    lab.invite(by("stage-2", "show-1", &stage)).await;
    lab.published("show-1").await;

    // The kick is known to nobody but the API server.
    lab.invite(Value::Null).await;
    lab.kill_operators().await;
    let status = lab.over("show-1", "Kicked").await;
    assert_eq!(status["pod"]["name"], pod.as_str(), "its container was started anew in it");
    let told = seen(&stage, "left", |told| told.sessions == 0).await;
    assert_eq!(told.deletes, 1);
    let lines =
        recording.until(SEEN, |line| line.starts_with("Available") && line.contains("was=show-1")).await;
    let lines = only(lines, &["Connected", "Published"]);
    println!("{lines:#?}");
    let up = "Published Connected=True/Connected Published=True/Published";
    let mut phases: Vec<&str> =
        from_published(&lines).map(|line| if line == up { up } else { phase(line) }).collect();
    // Being connected lasts too short to be told each time.
    phases.retain(|phase| *phase != "Connected");
    phases.dedup();
    assert_eq!(phases, [up, "Invited", up, "Invited", up, "Leaving", "Available"]);
    assert_eq!(lines.iter().filter(|line| line.contains("was=")).count(), 1, "once it is over");
    assert_eq!(lab.told("Kicked").await, 1);
    let everything = kubectl.run(&["get", "vp,events", "--output=yaml"]).await.unwrap();
    assert!(!everything.contains(TOKEN) && !everything.contains(ANOTHER_TOKEN));
    kubectl.run(&["delete", "secret/stage-2"]).await.unwrap();
    lab.end().await;
}
