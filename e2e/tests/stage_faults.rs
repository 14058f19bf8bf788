//! Who is killed while a participant is on a stage, and a stage that wants another token. All that somebody saw who watched is told,
//! not the end alone.

#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests, too")]

use std::time::Duration;

use serde_json::Value;
use understudy_e2e::destination::TOKEN;
use understudy_e2e::kubectl::Kubectl;
use understudy_e2e::lab::{Lab, because, by, from_published, goes_on, seen, to};
use understudy_e2e::recording::{Recording, only};

/// From a status to whoever watches.
const SEEN: Duration = Duration::from_secs(10);
const ANOTHER_TOKEN: &str = "open-barley";

fn phase(line: &str) -> &str {
    line.split(' ').next().unwrap_or_default()
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
