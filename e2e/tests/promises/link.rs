//! A link between runtime and operator that is cut while a participant is on a stage. All that somebody saw who watched is told, not
//! the end alone.

use serde_json::Value;
use understudy_e2e::cut::Cut;
use understudy_e2e::kubectl::Kubectl;
use understudy_e2e::lab::{Lab, because, from_published, goes_on, is, seen, to};
use understudy_e2e::recording::{Recording, only};

use super::RECONCILE;

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
    goes_on(&stage, 3).await;
    let told = stage.told().await.unwrap();
    assert_eq!(
        (told.posts, told.sessions),
        (1, 1),
        "it is there for as long as nobody can tell it otherwise"
    );
    let status = lab.until("unknown", |status| because(status, "Invited", "LinkLost")).await;
    assert_eq!(status["lastSession"], Value::Null, "nobody knows yet that it is no more there");

    cut.mend().await;
    let status = lab.over("show-1", "Kicked").await;
    assert_eq!(status["pod"]["name"], pod.as_str(), "nothing was replaced");
    let told = seen(&stage, "left", |told| told.sessions == 0).await;
    assert_eq!((told.posts, told.deletes), (1, 1));
    let lines =
        recording.until(RECONCILE, |line| line.starts_with("Available") && line.contains("was=show-1")).await;
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
        "Available RuntimeReady=True/Linked Published=False/NotInvited was=show-1/Kicked",
    ];
    assert_eq!(lines, order);
    assert_eq!(lab.told("Kicked").await, 1);
    lab.end().await;
}
