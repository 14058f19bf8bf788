//! Processes that outlast the runtime.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use understudy_e2e::wait;

use crate::support::processes::{Rig, SOON, Settings, picture, script};

const PROCESS: &str = "/api/v3/process";

/// They run for as long as they may.
async fn rig(folder: &Path) -> Rig {
    let ffmpeg = script(folder, "exec sleep 60");
    Rig::with(Settings { ffmpeg, db: Some(folder.join("db")), ..Settings::default() }).await
}

fn with(id: &str, change: &Value) -> Value {
    let mut config = picture(id);
    config.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
    config
}

#[tokio::test(flavor = "multi_thread")]
async fn processes_are_there_again_and_run_if_they_were_to() {
    let folder = tempfile::tempdir().unwrap();
    let before = rig(folder.path()).await;
    before
        .add(&with("runs", &json!({"output": [{"id": "out", "address": "{diskfs}/a.ts", "options": []}]})))
        .await;
    before.command("runs", "start").await;
    before.add(&with("stopped", &json!({"autostart": true}))).await;
    before.command("stopped", "stop").await;
    // Its name comes before that of what it refers to.
    before
        .add(&with("a", &json!({"input": [{"id": "in", "address": "#runs:output=out", "options": []}]})))
        .await;
    before.add(&with("deleted", &json!({"autostart": true}))).await;
    assert_eq!(before.ask(Method::DELETE, &format!("{PROCESS}/deleted"), None).await.0, 200);
    let kept = json!({"any": ["thing"]});
    for place in [format!("{PROCESS}/runs/metadata/key"), "/api/v3/metadata/key".to_owned()] {
        assert_eq!(before.ask(Method::PUT, &place, Some(&kept)).await.0, 200);
    }
    let told = before.process("runs").await;
    before.end().await;
    let place = folder.path().join("db/db.json");
    assert_eq!(place.metadata().unwrap().permissions().mode() & 0o777, 0o600);

    let after = rig(folder.path()).await;
    let again = after.until_exec("runs", "running").await;
    for member in ["config", "created_at", "updated_at", "metadata"] {
        assert_eq!(again[member], told[member], "{member}");
    }
    let stopped = after.process("stopped").await;
    assert_eq!((&stopped["state"]["order"], &stopped["state"]["exec"]), (&json!("stop"), &json!("finished")));
    let (_, all) = after.ask(Method::GET, PROCESS, None).await;
    let ids: Vec<_> = all.as_array().unwrap().iter().map(|one| one["id"].as_str().unwrap()).collect();
    assert_eq!(ids, ["a", "runs", "stopped"]);
    assert_eq!(after.ask(Method::GET, "/api/v3/metadata/key", None).await.1, kept);
    after.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_there_now_stays_in_the_store_and_a_broken_store_is_put_aside() {
    let folder = tempfile::tempdir().unwrap();
    let db = folder.path().join("db");
    std::fs::create_dir_all(&db).unwrap();
    let one = json!({"config": with("b", &json!({"input": [{"address": "/etc/hostname"}]})), "order": "start", "created_at": 1, "updated_at": 2});
    let process = json!({"b": one, "c": "nothing", "d": "nothing", "e": "nothing"});
    let stored = json!({"version": 1, "process": process, "metadata": {}});
    std::fs::write(db.join("db.json"), stored.to_string()).unwrap();
    let first = rig(folder.path()).await;
    first.add(&picture("a")).await;
    assert_eq!(first.ask(Method::DELETE, &format!("{PROCESS}/d"), None).await, (StatusCode::OK, json!("OK")));
    assert_eq!(first.ask(Method::DELETE, &format!("{PROCESS}/d"), None).await.0, 404);
    first.add(&picture("renamed")).await;
    for (was, is) in [("renamed", "e"), ("e", "f")] {
        assert_eq!(first.ask(Method::PUT, &format!("{PROCESS}/{was}"), Some(&picture(is))).await.0, 200);
    }
    first.end().await;
    let read = || serde_json::from_slice::<Value>(&std::fs::read(db.join("db.json")).unwrap()).unwrap();
    let now = read();
    assert_eq!((&now["process"]["b"], &now["process"]["c"]), (&one, &json!("nothing")));
    assert_eq!(now["process"]["a"]["order"], "stop");
    let ids: Vec<_> = now["process"].as_object().unwrap().keys().collect();
    assert_eq!(ids, ["a", "b", "c", "f"]);

    std::fs::write(db.join("db.json"), "{\"version\": 4, ").unwrap();
    let second = rig(folder.path()).await;
    second.add(&picture("d")).await;
    second.end().await;
    assert!(read()["process"]["d"].is_object());
    let names =
        std::fs::read_dir(&db).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let aside: Vec<_> = names.filter(|name| name.starts_with("db.json.broken-")).collect();
    assert_eq!(aside.len(), 1);
    assert_eq!(std::fs::read_to_string(db.join(&aside[0])).unwrap(), "{\"version\": 4, ");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_stopped_or_renamed_before_its_turn_is_what_it_was_told_to_be() {
    let folder = tempfile::tempdir().unwrap();
    let before = rig(folder.path()).await;
    for id in ["stopped", "renamed"] {
        before.add(&with(id, &json!({"autostart": true}))).await;
    }
    before.end().await;

    let ffmpeg = script(folder.path(), "exec sleep 60");
    let after = Rig::with(Settings { ffmpeg, ..Settings::default() }).await;
    let keeper = after.processes().kept(&folder.path().join("db")).expect("it must be read");
    after.command("stopped", "stop").await;
    let other = with("other", &json!({"autostart": true}));
    assert_eq!(after.ask(Method::PUT, &format!("{PROCESS}/renamed"), Some(&other)).await.0, 200);
    let keeping = tokio::spawn(keeper.run());
    after.until_exec("other", "running").await;
    // Its turn comes after that of the other.
    after.add(&picture("next")).await;
    let stored = || async { stored(folder.path(), "next").ok_or_else(|| "it is not there".to_owned()) };
    wait::until(SOON, stored).await;
    let stopped = after.process("stopped").await;
    assert_eq!((&stopped["state"]["order"], &stopped["state"]["exec"]), (&json!("stop"), &json!("finished")));
    after.end().await;
    keeping.await.unwrap();
}

/// When the store was written that holds that process.
fn stored(folder: &Path, id: &str) -> Option<std::time::SystemTime> {
    let place = folder.join("db/db.json");
    let modified = place.metadata().ok()?.modified().ok()?;
    let all: Value = serde_json::from_slice(&std::fs::read(&place).ok()?).ok()?;
    all["process"][id].is_object().then_some(modified)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_changes_again_and_again_is_written_once_a_second() {
    let folder = tempfile::tempdir().unwrap();
    let rig = rig(folder.path()).await;
    let mut times = Vec::new();
    for id in ["a", "b", "c"] {
        rig.add(&picture(id)).await;
        let stored = || async { stored(folder.path(), id).ok_or_else(|| "it is not there".to_owned()) };
        times.push(wait::until(SOON, stored).await.0);
    }
    for pair in times.windows(2) {
        let between = pair[1].duration_since(pair[0]).unwrap();
        assert!(between >= Duration::from_millis(900), "{between:?}");
    }
    rig.end().await;
}
