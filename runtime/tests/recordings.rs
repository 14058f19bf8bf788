//! Recordings over HTTP, as the source system's clients make them.

use std::path::{Path, PathBuf};
use std::time::Duration;

use futures::StreamExt;
use reqwest::header::{CONTENT_TYPE, RETRY_AFTER};
use reqwest::{Method, Response};
use serde_json::{Value, json};
use understudy_e2e::{client, wait};

use crate::support::session::Session;

const MIRROR: &str = include_str!("../../examples/session.yaml");

/// Until there is something of a recording: an encoder begins, and a fragment ends, on a machine that does more than this.
const BEGIN: Duration = Duration::from_secs(30);

async fn ask(session: &Session, method: Method, path: &str, body: Value) -> Response {
    let body = if body.is_null() { String::new() } else { body.to_string() };
    let url = session.url(&format!("/recording/{path}"));
    reqwest::Client::new().request(method, url).body(body).send().await.unwrap()
}

/// Its status, and what it says if it says something.
async fn post(session: &Session, path: &str, body: Value) -> (u16, String) {
    let answer = ask(session, Method::POST, path, body).await;
    let (status, text) = (answer.status().as_u16(), answer.text().await.unwrap());
    let said = serde_json::from_str(&text).map(|body: Value| body["message"].as_str().map(str::to_owned));
    (status, said.ok().flatten().unwrap_or(text))
}

async fn list(session: &Session) -> Vec<Value> {
    ask(session, Method::GET, "list", Value::Null).await.json().await.unwrap()
}

/// The first recording, once that is so.
async fn until(session: &Session, so: impl Fn(&Value) -> bool) -> Value {
    let found = || async {
        let listed = list(session).await;
        listed.first().filter(|first| so(first)).cloned().ok_or_else(|| format!("{listed:?}"))
    };
    wait::until(BEGIN, found).await.0
}

/// What ffprobe counts: size, pictures and sounds, and how long it is.
async fn read(path: &Path) -> (String, usize, usize, f64) {
    let entries = "stream=codec_name,width,height,nb_read_packets:packet=codec_type,pts_time,duration_time";
    let probe =
        format!("ffprobe -v error -count_packets -show_entries {entries} -of csv '{}'", path.display());
    let told = client::shell(&probe, Path::new("/")).await.unwrap();
    let line = |begin: &str| told.lines().find_map(|line| line.strip_prefix(begin).map(str::to_owned));
    let picture = line("stream,h264,").unwrap_or_else(|| panic!("{told}"));
    let (size, pictures) = picture.rsplit_once(',').unwrap();
    let sounds = line("stream,aac,").unwrap_or_else(|| panic!("{told}")).parse().unwrap();
    // Of what ends last. What ffprobe tells of the whole counts the time before the first sound twice, and how long it says that
    // a picture stands is a guess.
    let end = |packet: &str| match packet.split(',').collect::<Vec<_>>()[..] {
        // How long the last piece of sound is, it does not always say.
        ["audio", at, stands] => at.parse::<f64>().unwrap() + stands.parse().unwrap_or(0.0),
        ["video", at, _] => at.parse().unwrap(),
        _ => panic!("{packet}"),
    };
    let ends = told.lines().filter_map(|line| line.strip_prefix("packet,")).map(end);
    (size.to_owned(), pictures.parse().unwrap(), sounds, ends.fold(0.0, f64::max))
}

/// It is decoded without a complaint, each picture at its own moment.
async fn decodes(path: &Path) {
    let decode = format!(
        "ffmpeg -v warning -xerror -i '{}' -fps_mode passthrough -enc_time_base -1 -f null - 2>&1",
        path.display()
    );
    assert_eq!(client::shell(&decode, Path::new("/")).await.unwrap(), "");
}

fn only_file(session: &Session) -> PathBuf {
    let files = session.recordings();
    assert_eq!(files.len(), 1, "{files:?}");
    files[0].clone()
}

fn said(status: u16, message: &str) -> (u16, String) {
    (status, message.to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn recordings_are_made_listed_fetched_and_removed_in_the_source_system_s_words() {
    let session = Session::live(MIRROR).await;
    assert_eq!(list(&session).await, Vec::<Value>::new());
    assert_eq!(post(&session, "stop", Value::Null).await, said(400, "no active recording to stop"));
    assert_eq!(post(&session, "start", Value::Null).await, said(201, ""));
    assert_eq!(post(&session, "start", json!({})).await, said(409, "recording already in progress"));
    assert_eq!(post(&session, "delete", json!({})).await, said(400, "recording must be stopped first"));
    let early = ask(&session, Method::GET, "download", Value::Null).await;
    assert!(early.status() == 202 && early.headers().contains_key(RETRY_AFTER), "{early:?}");

    let running = until(&session, |first| first["size_bytes"].as_u64() > Some(2_000)).await;
    assert_eq!((&running["id"], &running["isRecording"]), (&json!("default"), &json!(true)));
    let whole = ask(&session, Method::GET, "download?id=default", Value::Null).await;
    assert_eq!(
        (whole.status().as_u16(), &whole.headers()[CONTENT_TYPE]),
        (200, &"video/mp4".parse().unwrap())
    );
    for header in ["X-Recording-Started-At", "X-Recording-Finished-At"] {
        let told = whole.headers()[header].to_str().unwrap();
        assert!(told.starts_with("20") && told.ends_with('Z'), "{header}: {told}");
    }
    let (folder, bytes) = (tempfile::tempdir().unwrap(), whole.bytes().await.unwrap());
    let part = folder.path().join("part.mp4");
    std::fs::write(&part, bytes).unwrap();
    decodes(&part).await;

    assert_eq!(post(&session, "stop", Value::Null).await, said(200, ""));
    let ended = list(&session).await.remove(0);
    assert_eq!(
        (&ended["isRecording"], &ended["ended"], &ended["error"]),
        (&json!(false), &json!("stopped"), &json!(null))
    );
    let file = only_file(&session);
    decodes(&file).await;
    let (size, pictures, sounds, seconds) = read(&file).await;
    println!("{size}: {pictures} pictures and {sounds} pieces of sound in {seconds} s, {ended}");
    // Ten a second, which is the platform's word, and no more.
    assert!(size == "1280,720" && pictures as f64 <= seconds * 11.0 + 1.0, "{pictures} in {seconds} s");
    assert!(pictures > 5 && sounds > 10);
    assert!(read(&part).await.1 <= pictures);
    assert_eq!(post(&session, "stop", json!({})).await.0, 200, "it has ended already");
    let again = post(&session, "start", json!({})).await;
    assert!(again.0 == 400 && again.1.starts_with("recording already completed"), "{again:?}");
    assert_eq!(post(&session, "delete", json!({"id": "default"})).await, said(200, ""));
    assert_eq!(session.recordings(), Vec::<PathBuf>::new());
    assert_eq!(post(&session, "delete", Value::Null).await, said(404, "no recording found"));
    assert_eq!(ask(&session, Method::GET, "download", Value::Null).await.status(), 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_ends_by_itself_and_what_cannot_be_recorded_is_refused_by_its_field() {
    let session = Session::live(MIRROR).await;
    let wanted = json!({"id": "short", "framerate": 20, "maxDurationInSeconds": 3, "maxFileSizeInMB": 10});
    assert_eq!(post(&session, "start", wanted).await.0, 201);
    until(&session, |first| first["ended"] == "duration").await;
    let seconds = read(&only_file(&session)).await.3;
    // No more than was asked for, but for what is left of a piece of sound.
    assert!(seconds > 0.0 && seconds < 3.04, "{seconds} s");
    for (body, message) in [
        (json!({"framerate": 0}), "framerate: must be 1 to 60 frames a second, got 0"),
        (json!({"maxFileSizeInMB": 5}), "maxFileSizeInMB: must be 10 to 10000 megabytes, got 5"),
        (json!({"id": "../a"}), "id: must be 1 to 50 letters, digits, - and _"),
    ] {
        assert_eq!(post(&session, "start", body).await, said(400, message));
    }
    let (status, text) = post(&session, "start", json!({"framerate": "fast"})).await;
    assert!(status == 400 && text.starts_with("can't decode JSON body: "), "{text}");
    assert_eq!(list(&session).await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_is_told_to_end_finishes_its_file_and_one_that_is_killed_leaves_what_plays() {
    for killed in [false, true] {
        let folder = tempfile::tempdir().unwrap();
        let session = Session::start_recording_to(folder.path(), MIRROR);
        session.until_live(BEGIN).await;
        assert_eq!(post(&session, "start", json!({"id": "a"})).await.0, 201);
        let written = until(&session, |first| first["size_bytes"].as_u64() > Some(20_000)).await;
        let file = std::fs::read_dir(folder.path()).unwrap().next().unwrap().unwrap().path();
        if killed {
            session.kill().await;
        } else {
            assert!(session.terminate().await.success());
        }
        decodes(&file).await;
        let (_, pictures, _, seconds) = read(&file).await;
        println!("{pictures} pictures in {seconds} s; {written}");
        assert!(pictures > 5);
        if !killed {
            // The last of it was written at the end: more than was there when it was asked to.
            assert!(file.metadata().unwrap().len() > written["size_bytes"].as_u64().unwrap());
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_lost_while_others_come_and_go() {
    let session = Session::live(MIRROR).await;
    assert_eq!(post(&session, "start", json!({"framerate": 20})).await.0, 201);
    let watched = format!("ws://{}/stream/socket/program", session.url("").trim_start_matches("http://"));
    for _ in 0..20 {
        let (mut socket, _) = tokio_tungstenite::connect_async(&watched).await.unwrap();
        for _ in 0..10 {
            socket.next().await.unwrap().unwrap();
        }
    }
    assert_eq!(post(&session, "stop", Value::Null).await.0, 200);
    let listed = list(&session).await.remove(0);
    assert_eq!(listed["lost_units"], 0);
    let times = "ffprobe -v error -select_streams v -show_entries packet=dts_time -of csv=p=0";
    let told = client::shell(&format!("{times} '{}'", only_file(&session).display()), Path::new("/")).await;
    let times: Vec<f64> =
        told.unwrap().lines().filter_map(|time| time.trim_matches(',').parse().ok()).collect();
    assert!(times.len() > 20 && times.windows(2).all(|pair| pair[0] < pair[1]), "{times:?}");
}
