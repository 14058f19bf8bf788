//! What a process may not do.

use std::path::PathBuf;

use reqwest::Method;
use serde_json::json;
use understudy_runtime::guard::AllowPrivate;

use crate::support::processes::{Rig, Settings, picture, script, variables, with_each};
use crate::support::server::{Server, ok, redirect};

#[tokio::test(flavor = "multi_thread")]
async fn a_child_sees_a_proxy_in_its_environment_and_nothing_of_ours() {
    with_each(sees_a_proxy).await;
}

async fn sees_a_proxy(ffmpeg: PathBuf) {
    let rig = Rig::of(ffmpeg).await;
    rig.add(&picture("a")).await;
    rig.command("a", "start").await;
    let process = rig.until("a", |process| process["state"]["progress"]["frame"].as_u64() > Some(0)).await;
    let pid = process["state"]["pid"].as_i64().unwrap();
    assert_eq!(variables(pid), ["http_proxy"]);
    let name = std::fs::read_to_string(format!("/proc/{pid}/comm")).unwrap();
    assert!(name.starts_with("ffmpeg"), "the process is ffmpeg itself: {name}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_kernel_keeps_from_a_child_what_is_not_for_it() {
    let folder = tempfile::tempdir().unwrap();
    let outside = folder.path().join("secret");
    std::fs::write(&outside, "told").unwrap();
    let lines = format!(
        "cat {0} && echo read it\ncat /proc/1/environ && echo read that\necho x > {0} && echo wrote it\n\
         echo mine > kept && cat kept\nexec sleep 60",
        outside.display()
    );
    let rig = Rig::with(Settings { ffmpeg: script(folder.path(), &lines), ..Settings::default() }).await;
    assert_eq!(rig.counts("understudy_process_confined{what=\"Files\"}"), 1, "this kernel has no Landlock");
    rig.add(&picture("a")).await;
    rig.command("a", "start").await;
    rig.until("a", |_| rig.data().join("kept").exists()).await;
    let said = rig.until("a", |process| process["report"]["log"].to_string().contains("denied")).await;
    let said = said["report"]["log"].to_string();
    assert!(!said.contains("read it") && !said.contains("wrote it") && !said.contains("read that"), "{said}");
    assert_eq!(std::fs::read_to_string(outside).unwrap(), "told");
    assert_eq!(std::fs::read_to_string(rig.data().join("kept")).unwrap(), "mine\n");
}

/// A playlist whose only part is at that address.
fn playlist(part: &str) -> Vec<u8> {
    let text = format!("#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n{part}\n#EXT-X-ENDLIST\n");
    ok("application/vnd.apple.mpegurl", text)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_url_leads_to_is_judged_as_the_url_is() {
    with_each(is_judged_like_the_url).await;
}

async fn is_judged_like_the_url(ffmpeg: PathBuf) {
    let hidden = Server::start(|_| ok("video/mp2t", b"never")).await;
    let (part, away) = (hidden.url("/part.ts"), hidden.url("/away"));
    let open = Server::start(move |path| match path {
        "/list.m3u8" => playlist(&part),
        _ => redirect(&away),
    })
    .await;
    let rig = Rig::with(Settings { ffmpeg, own: vec![open.address], ..Settings::default() }).await;
    for (id, path) in [("parts", "/list.m3u8"), ("redirect", "/moved.ts")] {
        let mut config = picture(id);
        config["input"] = json!([{"id": "in", "address": open.url(path), "options": []}]);
        rig.add(&config).await;
        let before = rig.counts("understudy_guard_requests_total{audience=\"Media\",outcome=\"Refused\"}");
        let (_, probe) = rig.ask(Method::GET, &format!("/api/v3/process/{id}/probe"), None).await;
        let after = rig.counts("understudy_guard_requests_total{audience=\"Media\",outcome=\"Refused\"}");
        assert!(after > before, "{id}: {probe}");
    }
    assert_eq!(hidden.connections(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn where_private_addresses_are_allowed_they_are_fetched_from() {
    with_each(is_fetched_from).await;
}

async fn is_fetched_from(ffmpeg: PathBuf) {
    let server = Server::start(|_| ok("video/mp2t", b"x")).await;
    let rig = Rig::with(Settings { ffmpeg, allow: AllowPrivate::All, ..Settings::default() }).await;
    let mut config = picture("a");
    config["input"] = json!([{"id": "in", "address": server.url("/a.ts"), "options": []}]);
    rig.add(&config).await;
    rig.ask(Method::GET, "/api/v3/process/a/probe", None).await;
    assert!(server.heads().iter().any(|head| head.starts_with("GET /a.ts")), "{:?}", server.heads());
}
