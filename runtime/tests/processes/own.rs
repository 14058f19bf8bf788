//! A process that the session runs.

use understudy_core::process::origin::{ID, Pace, config};
use understudy_core::spec::StreamUrl;
use understudy_e2e::wait;
use understudy_runtime::process::Watching;

use crate::support::processes::{Rig, SOON, Settings, script};

#[tokio::test(flavor = "multi_thread")]
async fn what_comes_while_the_one_before_it_still_ends_is_another_and_nothing_of_it_is_stored() {
    understudy_runtime::gst::init().unwrap();
    let folder = tempfile::tempdir().unwrap();
    // It takes its time to end.
    let ffmpeg = script(folder.path(), "trap 'sleep 1; exit 255' INT\nwhile :; do sleep 0.1; done");
    let db = folder.path().join("db");
    let settings =
        Settings { ffmpeg, watching: Some(Watching::default()), db: Some(db.clone()), ..Settings::default() };
    let rig = Rig::with(settings).await;
    let url = StreamUrl::parse("url", "https://a.example/live.flv").unwrap();
    let carry = || rig.processes().carry(config(&url, Pace::AsItComes));
    carry().await.unwrap();
    let first = rig.until_exec(ID, "running").await;
    let processes = rig.processes().clone();
    let leaving = tokio::spawn(async move { processes.release(ID).await });
    let is_leaving = || async {
        let process = rig.process(ID).await;
        if process["state"]["exec"] == "finishing" { Ok(()) } else { Err(process.to_string()) }
    };
    wait::until(SOON, is_leaving).await;
    carry().await.unwrap();
    leaving.await.unwrap();
    let second = rig.until_exec(ID, "running").await;
    assert_ne!(first["state"]["pid"], second["state"]["pid"]);
    rig.end().await;
    let stored = std::fs::read_to_string(db.join("db.json")).unwrap();
    assert!(!stored.contains("a.example"), "{stored}");
}
