//! On a stage: what is passed pauses and goes on, and gives way to a page, all under one publication.

use std::path::Path;

use understudy_e2e::pion::Stage;
use understudy_proto::v1::{
    AudioInput, FileSource, Inputs, Invitation, Page, SessionSpec, Stage as Target, VideoInput, WhipOutput,
};

use super::*;
use crate::support::operator::Operator;

const PASSED: &str = "understudy_hub_passed_frames_total{kind=\"Video\"}";
/// Between two looks: many pictures.
const LOOK: Duration = Duration::from_secs(1);

/// Pictures are passed, or none is any more, while the stage goes on to get some.
async fn passes(session: &Session, stage: &Stage, is: bool) {
    let began = Instant::now();
    let packets = async || {
        let told = stage.told().await.expect("the stage must answer");
        told.seen.map_or(0, |seen| seen.video.packets)
    };
    while packets().await == 0 {
        assert!(began.elapsed() < SOON, "nothing comes");
        tokio::time::sleep(LOOK).await;
    }
    let look = async || (session.counts(PASSED).await, packets().await);
    let mut before = look().await;
    loop {
        tokio::time::sleep(LOOK).await;
        let now = look().await;
        if (now.0 > before.0) == is && now.1 > before.1 {
            return;
        }
        assert!(began.elapsed() < SOON, "is to pass: {is}; {before:?}, then {now:?}");
        before = now;
    }
}

async fn is_one_publication(stage: &Stage) {
    let told = stage.told().await.expect("the stage must answer");
    let missing = told.seen.as_ref().map(|seen| (seen.video.missing, seen.audio.missing));
    assert_eq!((told.posts, told.sessions, missing), (1, 1, Some((0, 0))), "{told:?}");
}

fn inputs(film: &Path) -> SessionSpec {
    let file = || Some(FileSource { url: format!("file://{}", film.display()), ..FileSource::default() });
    let video = Some(VideoInput { file: file(), ..VideoInput::default() });
    let audio = Some(AudioInput { file: file(), ..AudioInput::default() });
    SessionSpec { inputs: Some(Inputs { video, audio, ..Inputs::default() }), ..SessionSpec::default() }
}

/// A session on a stage, which passes that film.
async fn on_stage(operator: &Operator, stage: &Stage) -> (Session, SessionSpec) {
    let mut arguments = operator.arguments();
    arguments.extend(["--allow-private-urls", "*"].map(str::to_owned));
    let session = Session::idle(&arguments.iter().map(String::as_str).collect::<Vec<_>>());
    let spec = inputs(&session.holds(&CLIPS.path().join(FITS)));
    operator.shows(spec.clone());
    let whip = Some(WhipOutput { url: stage.url("/whip"), token: TOKEN.to_owned() });
    let stage = Some(Target { whip, ..Target::default() });
    operator.invite(Some(Invitation { id: "a".to_owned(), stage, ..Invitation::default() }));
    (session, spec)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stage_goes_on_to_see_a_session_that_gains_a_page_and_what_comes_is_passed_again_without_it() {
    let (operator, stage) = (Operator::of(SessionSpec::default()).await, Stage::start(&[]).await);
    let (session, direct) = on_stage(&operator, &stage).await;
    passes(&session, &stage, true).await;
    let page = Some(Page { url: "understudy:mirror".into(), ..Page::default() });
    operator.shows(SessionSpec { page, ..direct.clone() });
    passes(&session, &stage, false).await;
    operator.shows(direct);
    passes(&session, &stage, true).await;
    is_one_publication(&stage).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stage_goes_on_to_see_what_is_paused_and_it_is_passed_again_once_it_goes_on() {
    let (stage, folder) = (Stage::start(&[]).await, tempfile::tempdir().unwrap());
    let session = invited(folder, &stage.url("/whip"));
    passes(&session, &stage, true).await;
    for (path, is) in [("pause", false), ("resume", true)] {
        let url = session.url(&format!("/input/devices/virtual/{path}"));
        let answer = reqwest::Client::new().post(url).body("{}").send().await.unwrap();
        assert_eq!(answer.status(), 200, "{path}");
        passes(&session, &stage, is).await;
    }
    is_one_publication(&stage).await;
}
