//! Addresses: what they stand for, which are refused, and what is shown of them.

use std::path::PathBuf;

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::support::processes::{Rig, Settings, picture, script, with_each};
use crate::support::server::{Server, ok};

const PROCESS: &str = "/api/v3/process";

fn to(id: &str, address: &str, options: &[&str]) -> Value {
    let mut config = picture(id);
    config["output"] = json!([{"id": "out", "address": address, "options": options}]);
    config
}

fn from(id: &str, address: &str) -> Value {
    let mut config = picture(id);
    config["input"] = json!([{"id": "in", "address": address, "options": []}]);
    config
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_one_process_writes_is_read_by_another_that_refers_to_it() {
    with_each(writes_and_reads).await;
}

async fn writes_and_reads(ffmpeg: PathBuf) {
    let rig = Rig::of(ffmpeg).await;
    let mut writes = to("a", "{diskfs}/{processid}.ts", &["-t", "1", "-c:v", "libx264", "-f", "mpegts"]);
    writes["autostart"] = json!(true);
    let stored = rig.add(&writes).await;
    assert_eq!(stored["output"][0]["address"], "{diskfs}/{processid}.ts", "it is stored as it was sent");
    rig.until_exec("a", "finished").await;
    assert!(rig.data().join("a.ts").exists());
    rig.add(&from("b", "#a:output=out")).await;
    let (_, probe) = rig.ask(Method::GET, "/api/v3/process/b/probe", None).await;
    assert_eq!(
        (&probe["streams"][0]["codec"], &probe["streams"][0]["width"]),
        (&json!("h264"), &json!(320)),
        "{probe}"
    );
    let (status, told) = rig.ask(Method::POST, PROCESS, Some(&from("c", "#nobody:output=out"))).await;
    assert_eq!(status, 400);
    assert!(told["details"][0].as_str().unwrap().contains("\"nobody\""), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_written_to_memfs_is_played_over_http() {
    let rig = Rig::start().await;
    let options = ["-t", "2", "-c:v", "libx264", "-preset", "ultrafast", "-f", "hls", "-hls_time", "1"];
    let mut writes = to("a", "{memfs}/{processid}/live.m3u8", &options);
    writes["autostart"] = json!(true);
    rig.add(&writes).await;
    rig.until_exec("a", "finished").await;
    let list = rig.request(Method::GET, "/memfs/a/live.m3u8").send().await.unwrap();
    assert_eq!(list.headers()["content-type"], "application/vnd.apple.mpegurl");
    let list = list.text().await.unwrap();
    let part = list.lines().find(|line| line.ends_with(".ts")).expect("it must name its parts");
    let part = rig.request(Method::GET, &format!("/memfs/a/{part}")).send().await.unwrap();
    assert_eq!(part.bytes().await.unwrap().first(), Some(&0x47));
    for nothing in ["/memfs/a", "/memfs/a/other.ts", "/memfs/%2e%2e/a.ts"] {
        assert_eq!(rig.ask(Method::GET, nothing, None).await.0, 404, "{nothing}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_may_not_be_opened_is_refused_by_its_field() {
    let rig = Rig::start().await;
    let mut filtered = picture("a");
    filtered["output"][0]["options"] = json!(["-vf", "movie=other.mkv", "-f", "null"]);
    for (config, field) in [
        (from("a", "/etc/hostname"), "input[0].address"),
        (from("a", "concat:a.ts|b.ts"), "input[0].address"),
        (to("a", "/tmp/elsewhere.ts", &[]), "output[0].address"),
        (to("a", "{diskfs}/../elsewhere.ts", &[]), "output[0].address"),
        (from("a", "{srt,name=door}"), "input[0].address: {srt} stands for nothing here"),
        (filtered, "output[0].options"),
    ] {
        let (status, told) = rig.ask(Method::POST, PROCESS, Some(&config)).await;
        assert_eq!(
            (status, &told["message"]),
            (StatusCode::BAD_REQUEST, &json!("Invalid process config")),
            "{told}"
        );
        assert!(told["details"][0].as_str().unwrap().starts_with(field), "{told}");
    }
    let (_, all) = rig.ask(Method::GET, PROCESS, None).await;
    assert_eq!(all, json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_private_host_is_refused_when_it_is_looked_up() {
    let rig = Rig::start().await;
    let hidden = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let place = hidden.local_addr().unwrap();
    let mut config = from("a", &format!("tcp://localhost:{}", place.port()));
    config["autostart"] = json!(true);
    rig.add(&config).await;
    let failed = rig.until_exec("a", "failed").await;
    let said = failed["state"]["last_logline"].as_str().unwrap();
    assert!(said.contains("UNDERSTUDY_ALLOW_PRIVATE_URLS"), "{said}");
    assert!(futures::poll!(std::pin::pin!(hidden.accept())).is_pending(), "nobody came");
}

#[tokio::test(flavor = "multi_thread")]
async fn credentials_are_in_the_config_and_nowhere_else() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(|_| ok("video/mp2t", b"x")).await;
    let gossip = script(folder.path(), "echo \"$@\" >&2\nexec sleep 60");
    let rig = Rig::with(Settings { ffmpeg: gossip, own: vec![server.address], ..Settings::default() }).await;
    let address = format!("http://ada:lovelace@{}/a.ts?token=byronbyron", server.address);
    rig.add(&from("a", &address)).await;
    rig.command("a", "start").await;
    let process = rig.until("a", |process| process["report"]["log"].to_string().contains("a.ts")).await;
    assert_eq!(process["config"]["input"][0]["address"], address.as_str());
    for part in ["state", "report"] {
        let told = process[part].to_string();
        assert!(!told.contains("lovelace") && !told.contains("byronbyron"), "{told}");
        assert!(told.contains("/a.ts"), "{told}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_ffmpeg_says_of_an_address_that_fails_shows_no_credentials() {
    with_each(fails_discreetly).await;
}

async fn fails_discreetly(ffmpeg: PathBuf) {
    let missing = b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n";
    let server = Server::start(|_| missing.to_vec()).await;
    let rig = Rig::with(Settings { ffmpeg, own: vec![server.address], ..Settings::default() }).await;
    rig.add(&from("a", &format!("http://ada:lovelace@{}/a.ts?token=byronbyron", server.address))).await;
    rig.command("a", "start").await;
    let process = rig.until_exec("a", "failed").await;
    let (_, probe) = rig.ask(Method::GET, "/api/v3/process/a/probe", None).await;
    for told in [&process["state"], &process["report"], &probe].map(Value::to_string) {
        assert!(!told.contains("lovelace") && !told.contains("byronbyron"), "{told}");
        assert!(told.contains("404"), "{told}");
    }
}
