//! Runs of ffmpeg: how they begin, go on, end and begin again.

use std::path::PathBuf;
use std::time::Duration;

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use understudy_e2e::wait;
use understudy_runtime::gst;
use understudy_runtime::program::Registry;

use crate::support::processes::{Rig, SOON, Settings, picture, script, starting, with_each};
use crate::support::watched::watching;

#[tokio::test(flavor = "multi_thread")]
async fn a_client_drives_a_whole_life() {
    with_each(lives).await;
}

async fn lives(ffmpeg: PathBuf) {
    let rig = Rig::of(ffmpeg).await;
    let (_, about) = rig.ask(Method::GET, "/api", None).await;
    assert!(about["app"].is_string() && about["version"]["number"].is_string(), "{about}");
    let (_, skills) = rig.ask(Method::GET, "/api/v3/skills", None).await;
    assert!(skills["ffmpeg"]["version"].as_str().unwrap().starts_with(char::is_alphanumeric), "{skills}");
    rig.add(&picture("a")).await;
    let (_, probe) = rig.ask(Method::GET, "/api/v3/process/a/probe", None).await;
    let stream = &probe["streams"][0];
    assert_eq!((&stream["type"], &stream["width"]), (&json!("video"), &json!(320)), "{probe}");
    rig.command("a", "start").await;
    let moving = |process: &Value| process["state"]["progress"]["frame"].as_u64() > Some(25);
    let process = rig.until("a", moving).await;
    let state = &process["state"];
    assert_eq!((&state["order"], &state["exec"]), (&json!("start"), &json!("running")));
    assert_eq!(state["progress"]["outputs"][0]["id"], "out");
    assert!(
        process["report"]["prelude"]
            .as_array()
            .unwrap()
            .iter()
            .any(|line| { line.as_str().unwrap().starts_with("Input #0") })
    );
    let used = rig.until("a", |process| process["state"]["memory_bytes"].as_u64() > Some(1 << 20)).await;
    assert!(used["state"]["cpu_usage"].as_f64().unwrap() >= 0.0);
    assert_eq!(rig.counts("understudy_process_count{exec=\"Running\"}"), 1);
    rig.command("a", "stop").await;
    let stopped = rig.process("a").await;
    let state = &stopped["state"];
    assert_eq!(
        (&state["order"], &state["exec"], &state["pid"]),
        (&json!("stop"), &json!("finished"), &json!(0))
    );
    assert_eq!(stopped["report"]["exit_state"], "finished");
    let deleted = rig.ask(Method::DELETE, "/api/v3/process/a", None).await;
    assert_eq!(deleted, (StatusCode::OK, json!("OK")));
    assert_eq!(rig.ask(Method::GET, "/api/v3/process/a", None).await.0, 404);
    assert_eq!(rig.counts("understudy_process_exits_total{reason=\"Stopped\"}"), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_ffmpeg_does_not_understand_fails_with_its_words() {
    with_each(fails).await;
}

/// Whatever code it says: old ones say 1, new ones tell why by it.
async fn fails(ffmpeg: PathBuf) {
    let rig = Rig::of(ffmpeg).await;
    rig.add(&starting("a", json!({"options": ["-no_such_option", "1"]}))).await;
    let process = rig.until_exec("a", "failed").await;
    let said = process["report"]["log"].to_string();
    assert!(said.contains("no_such_option"), "{said}");
    assert_eq!(process["state"]["order"], "start");
    assert!(process["report"]["exit_code"].as_i64().unwrap() > 0, "{process}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_that_is_missing_is_named_with_its_setting() {
    let rig = Rig::with(Settings { ffmpeg: "/nowhere/ffmpeg".into(), ..Settings::default() }).await;
    rig.add(&starting("a", json!({}))).await;
    let process = rig.until_exec("a", "failed").await;
    let said = process["state"]["last_logline"].as_str().unwrap();
    assert!(said.contains("/nowhere/ffmpeg") && said.contains("CORE_FFMPEG_BINARY"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_ends_is_started_again_after_its_delay_until_it_is_stopped() {
    let folder = tempfile::tempdir().unwrap();
    let rig = Rig::with(Settings { ffmpeg: script(folder.path(), "exit 0"), ..Settings::default() }).await;
    rig.add(&starting("a", json!({"reconnect": true, "reconnect_delay_seconds": 1}))).await;
    let waiting = rig.until("a", |process| process["state"]["exec"] == "finished").await;
    assert!((0..=1).contains(&waiting["state"]["reconnect_seconds"].as_i64().unwrap()), "{waiting}");
    let again = || async {
        let starts = rig.counts("understudy_process_starts_total");
        if starts > 2 { Ok(()) } else { Err(format!("{starts} starts")) }
    };
    wait::until(SOON, again).await;
    rig.command("a", "stop").await;
    assert_eq!(rig.process("a").await["state"]["reconnect_seconds"], -1);
    assert!(rig.process("a").await["report"]["history"].as_array().unwrap().len() <= 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_does_not_listen_is_killed_after_five_seconds() {
    let folder = tempfile::tempdir().unwrap();
    let deaf = script(folder.path(), "trap '' INT\nwhile :; do sleep 0.2; done");
    let rig = Rig::with(Settings { ffmpeg: deaf, ..Settings::default() }).await;
    rig.add(&starting("a", json!({}))).await;
    let pid = rig.until_exec("a", "running").await["state"]["pid"].as_i64().unwrap();
    // It is deaf once the shell has read its first line.
    let is_deaf = || async {
        let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
        let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:\t"));
        let ignored = ignored.and_then(|mask| u64::from_str_radix(mask, 16).ok()).unwrap_or_default();
        if ignored & 2 == 2 { Ok(()) } else { Err(status) }
    };
    wait::until(SOON, is_deaf).await;
    let began = std::time::Instant::now();
    rig.command("a", "stop").await;
    assert!((4..8).contains(&began.elapsed().as_secs()), "{:?}", began.elapsed());
    let process = rig.process("a").await;
    assert_eq!((&process["state"]["exec"], &process["state"]["order"]), (&json!("killed"), &json!("stop")));
}

#[tokio::test(flavor = "multi_thread")]
async fn no_more_run_than_may() {
    let folder = tempfile::tempdir().unwrap();
    let sleeper = script(folder.path(), "exec sleep 60");
    let rig = Rig::with(Settings { ffmpeg: sleeper, most: 1, ..Settings::default() }).await;
    rig.add(&starting("a", json!({}))).await;
    let (status, told) = rig.ask(Method::POST, "/api/v3/process", Some(&starting("b", json!({})))).await;
    assert_eq!(status, 400);
    assert!(told["details"][0].as_str().unwrap().contains("CORE_FFMPEG_MAXPROCESSES"), "{told}");
    rig.add(&picture("b")).await;
    let start = json!({"command": "start"});
    let (status, told) = rig.ask(Method::PUT, "/api/v3/process/b/command", Some(&start)).await;
    assert_eq!((status.as_u16(), &told["message"]), (400, &json!("Command failed")), "{told}");
    rig.command("a", "stop").await;
    rig.command("b", "start").await;
}

/// Where the leg of the picture goes, which comes before that of the sound.
fn picture_goes_to(process: &Value) -> String {
    let command = process["state"]["command"].as_array().unwrap();
    let mut words = command.iter().filter_map(Value::as_str);
    words.find(|word| word.starts_with("udp://127.0.0.1:")).expect("there must be a leg").to_owned()
}

/// Every so many restarts one is waited for until it has its input; the others meet it wherever it is.
const WAITED_FOR: u64 = 4;

#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_restarts_leave_nothing_behind() {
    gst::init().unwrap();
    let settings = Settings { watching: Some(watching(&Registry::default())), ..Settings::default() };
    let rig = Rig::with(settings).await;
    // Small, so that what is done is to begin and to end.
    let webrtc = json!({"enabled": true, "force_transcode": true});
    let input =
        json!([{"id": "in", "address": "testsrc=size=64x64:rate=5", "options": ["-re", "-f", "lavfi"]}]);
    let config = rig.add(&starting("a", json!({"webrtc": webrtc, "input": input}))).await;
    let first = rig.until("a", has_begun).await;
    let began = [open_files(), own_children()];
    for restart in 1..=200 {
        rig.command("a", "restart").await;
        // More often than the usual wait looks.
        let by = tokio::time::Instant::now() + SOON;
        let is_up = async || {
            rig.counts("understudy_process_restarts_total") >= restart
                && (restart % WAITED_FOR != 0 || has_begun(&rig.process("a").await))
        };
        while !is_up().await {
            assert!(tokio::time::Instant::now() < by, "restart {restart}");
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }
    let process = rig.until("a", has_begun).await;
    assert_eq!(process["config"], config);
    // The first run asked for sound, which there is not.
    assert_eq!(picture_goes_to(&process), picture_goes_to(&first), "the same leg to the same port");
    assert!(process["report"]["history"].as_array().unwrap().len() <= 3);
    assert_eq!(rig.counts("understudy_process_starts_total"), 201);
    // Other tests of this program open and close, start and end their own.
    for (before, now) in began.into_iter().zip([open_files(), own_children()]) {
        assert!(now < before + 60, "{before} to {now}");
    }
}

/// It has opened its input and its outputs.
fn has_begun(process: &Value) -> bool {
    let log = process["report"]["log"].as_array();
    log.is_some_and(|log| {
        log.iter().any(|line| line[1].as_str().is_some_and(|line| line.starts_with("Output #0")))
    })
}

fn open_files() -> usize {
    std::fs::read_dir("/proc/self/fd").unwrap().count()
}

/// Those that have ended and were not waited for among them.
fn own_children() -> usize {
    let tasks = std::fs::read_dir("/proc/self/task").unwrap().flatten();
    let children = tasks.filter_map(|task| std::fs::read_to_string(task.path().join("children")).ok());
    children.map(|children| children.split_whitespace().count()).sum()
}
