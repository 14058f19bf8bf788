//! The same with a stage on a third WebRTC stack (pion).

use understudy_e2e::pion::{Stage, Told};

use super::*;

/// Of pictures and sound, so that the words about them are not of the first moment.
const A_WHILE: f64 = 2.0;
/// Until the invitation of a stage that never reports is given up, in seconds.
const PATIENCE: u32 = 6;

async fn until(stage: &Stage, what: &str, is: impl Fn(&Told) -> bool) -> Told {
    told(async || stage.told().await, what, is).await
}

fn plays(told: &Told) -> bool {
    told.seen.as_ref().is_some_and(|seen| seen.video.seconds > A_WHILE && seen.audio.seconds > A_WHILE)
}

#[tokio::test(flavor = "multi_thread")]
async fn pion_gets_h264_and_opus_by_each_redirect_from_who_has_its_token_and_from_nobody_else() {
    let operator = Operator::of(inputs()).await;
    let _session = run(&operator);
    let stage = Stage::start(&[]).await;
    for (number, path) in (1..).zip(["/moved/307", "/moved/308"]) {
        let (id, url) = (format!("show-{number}"), stage.url(path));
        operator.invite(Some(to(&id, &url, "another")));
        operator
            .hears("refused", |said| said.id == id && because(said, "Connected", "StageUnauthorized"))
            .await;
        operator.invite(Some(to(&id, &url, TOKEN)));
        published(&operator, &id).await;
        let told = until(&stage, "playing", plays).await;
        let seen = told.seen.as_ref().unwrap();
        println!("{told:?}");
        assert!(seen.video.codec.starts_with("video/H264 "), "{seen:?}");
        assert!(seen.audio.codec.starts_with("audio/opus "), "{seen:?}");
        assert_eq!((seen.video.missing, seen.audio.missing), (0, 0), "{seen:?}");
        assert_eq!((told.redirected, told.posts, told.unauthorised), (2 * number, 2 * number, number));
        operator.invite(None);
        let said = operator.hears("kicked", |said| said.id == id && left(said)).await;
        assert_eq!(said.outcome, "Kicked");
        assert_eq!(until(&stage, "left", |told| told.sessions == 0).await.deletes, number);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn when_pion_is_killed_nothing_is_called_published_until_the_next_has_a_publish_of_its_own() {
    let operator = Operator::of(inputs()).await;
    let _session = run(&operator);
    let stage = Stage::start(&[]).await;
    let watched = tokio::spawn(sequence(operator.reports(), left));
    operator.invite(Some(to("a", &stage.url("/whip"), TOKEN)));
    published(&operator, "a").await;
    let (port, died) = (stage.port, Instant::now());
    drop(stage);
    operator.hears("silent", |said| because(said, "Published", "NothingArrives")).await;
    assert!(died.elapsed() < NOTICED, "{:?}", died.elapsed());
    operator.hears("lost", |said| is(said, "Connected", "False") && is(said, "Published", "False")).await;
    println!("lost after {:?}", died.elapsed());
    assert!(died.elapsed() < NOTICED, "{:?}", died.elapsed());
    let stage = Stage::at(port, &[]).await;
    published(&operator, "a").await;
    let told = until(&stage, "playing", plays).await;
    assert_eq!((told.posts, told.sessions), (1, 1));
    operator.invite(None);
    let watched = tokio::time::timeout(SOON, watched).await.unwrap().unwrap();
    println!("{watched:#?}");
    let order = [
        "a Connected/Published",
        "a Connected/NothingArrives",
        "a StageLost/NotConnected",
        "a Connected/Published",
        "a Left Kicked",
    ];
    let mut rest = watched.iter();
    assert!(order.iter().all(|line| rest.any(|said| said == line)), "{watched:#?}");
    let times = watched.iter().filter(|said| said.ends_with("/Published")).count();
    assert_eq!(times, 2, "in between it is said once that nothing is: {watched:#?}");
}

/// What became of one whom a stage takes no more.
enum Then {
    Removed,
    /// For that reason it is not there, and back once the stage takes it again.
    Waits(&'static str),
}

#[tokio::test(flavor = "multi_thread")]
async fn whom_pion_takes_no_more_has_been_removed_or_waits_for_the_reason_that_it_gives() {
    let operator = Operator::of(inputs()).await;
    let _session = run(&operator);
    let stage = Stage::start(&[]).await;
    for (status, then) in [
        (403, Then::Removed),
        (410, Then::Removed),
        (404, Then::Waits("StageNotFound")),
        (500, Then::Waits("StageFailed")),
        (401, Then::Waits("StageUnauthorized")),
    ] {
        let (id, url) = (format!("late-{status}"), stage.url("/whip"));
        operator.invite(Some(to(&id, &url, TOKEN)));
        published(&operator, &id).await;
        stage.evicts(status).await;
        match then {
            Then::Removed => {
                let said = operator.hears("removed", |said| said.id == id && left(said)).await;
                assert_eq!(said.outcome, "RemovedByStage", "{status}");
                stage.evicts(0).await;
            }
            Then::Waits(reason) => {
                let said =
                    operator.hears(reason, |said| said.id == id && because(said, "Connected", reason)).await;
                assert!(because(&said, "Published", "NotConnected"), "{said:?}");
                stage.evicts(0).await;
                if status == 401 {
                    // A new token is waited for, and each is tried at once.
                    operator.invite(Some(to(&id, &url, "another")));
                    until(&stage, "asked with it", |told| told.unauthorised == 1).await;
                    operator.invite(Some(to(&id, &url, TOKEN)));
                }
                published(&operator, &id).await;
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_pion_says_of_each_packet_is_evidence_without_a_report_for_as_long_as_it_comes() {
    let operator = Operator::of(inputs()).await;
    let _session = run(&operator);
    let stage = Stage::start(&["-counts"]).await;
    let watched = tokio::spawn(sequence(operator.reports(), left));
    operator.invite(Some(to("counts", &stage.url("/whip"), TOKEN)));
    published(&operator, "counts").await;
    let told = until(&stage, "playing", plays).await;
    let seen = told.seen.as_ref().unwrap();
    assert_eq!((seen.video.missing, seen.audio.missing), (0, 0), "{seen:?}");
    drop(stage);
    operator.hears("silent", |said| because(said, "Published", "NothingArrives")).await;
    operator.invite(None);
    let watched = tokio::time::timeout(SOON, watched).await.unwrap().unwrap();
    let times = watched.iter().filter(|said| said.ends_with("/Published")).count();
    assert_eq!(times, 1, "it goes on to be: {watched:#?}");
}

/// Of H.264, as its stream says (`level_idc` of a sequence parameter set), of all that comes in a while.
async fn levels(operator: &Operator, taken: &str) -> Vec<u8> {
    let stage = Stage::start(&["-level", taken]).await;
    operator.invite(Some(to(taken, &stage.url("/whip"), TOKEN)));
    published(operator, taken).await;
    until(&stage, "playing", plays).await;
    let stream = std::fs::read(stage.picture()).unwrap();
    stream.windows(7).filter(|bytes| bytes[..4] == [0, 0, 1, 0x67]).map(|bytes| bytes[6]).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn pion_is_sent_no_higher_level_of_h264_than_its_answer_takes() {
    let operator = Operator::of(inputs()).await;
    let _session = run(&operator);
    for (taken, sent) in [("1f", 31), ("1e", 30)] {
        let levels = levels(&operator, taken).await;
        println!("{taken}: {levels:?}");
        assert!(!levels.is_empty() && levels.iter().all(|level| *level == sent), "{taken}: {levels:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn where_pion_never_reports_it_is_told_that_nothing_is_said_to_arrive_and_never_published() {
    let operator = Operator::of(inputs()).await;
    let _session = run(&operator);
    let stage = Stage::start(&["-mute"]).await;
    let watched = tokio::spawn(sequence(operator.reports(), left));
    let limited = Invitation { join_timeout_seconds: PATIENCE, ..to("mute", &stage.url("/whip"), TOKEN) };
    operator.invite(Some(limited));
    let waits = |said: &InvitationReport| {
        is(said, "Connected", "True") && because(said, "Published", "AwaitingEvidence")
    };
    let said = operator.hears("awaited", waits).await;
    let told = &of(&said, "Published").unwrap().message;
    assert_eq!(told, "the stage has not said yet that anything arrives");
    // Everything has come there all the same.
    until(&stage, "playing", plays).await;
    let watched = tokio::time::timeout(SOON, watched).await.unwrap().unwrap();
    println!("{watched:#?}");
    assert!(watched.iter().all(|line| !line.ends_with("/Published")), "{watched:#?}");
    assert_eq!(watched.last().unwrap(), "mute Left DeadlineExceeded");
    assert_eq!(until(&stage, "left", |told| told.sessions == 0).await.deletes, 1);
}
