//! SRT, from one ffmpeg to another, whichever of both is called.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use serde_json::{Value, json};
use understudy_e2e::ports;

use crate::support::clip;
use crate::support::processes::{Rig, Settings, ffmpegs, starting};
use crate::support::watched::Watched;

fn sends(address: &str) -> Value {
    let film = clip::folder().join("half.ts");
    let options = ["-c", "copy", "-f", "mpegts"];
    starting(
        "sender",
        json!({
            "input": [{"id": "in", "address": film.file_name().unwrap().to_str(), "options": ["-re", "-stream_loop", "-1"]}],
            "output": [{"id": "out", "address": address, "options": options}],
            "reconnect": true,
        }),
    )
}

fn takes(address: &str) -> Value {
    starting(
        "taker",
        json!({
            "input": [{"id": "in", "address": address, "options": []}],
            "output": [{"id": "out", "address": "-", "options": ["-c", "copy", "-f", "null"]}],
            "reconnect": true,
            "webrtc": {"enabled": true},
        }),
    )
}

/// What goes from the one to the other over this machine's `port` is seen.
async fn is_seen(ffmpegs: [PathBuf; 2], port: u16, [from, to]: [&str; 2]) {
    let of = |ffmpeg| Settings {
        ffmpeg,
        own: vec![SocketAddr::new(Ipv4Addr::LOCALHOST.into(), port)],
        ..Settings::default()
    };
    let [sending, taking] = ffmpegs;
    let (sender, watched) = (Rig::with(of(sending)).await, Watched::with(of(taking)).await);
    std::fs::create_dir_all(sender.data()).unwrap();
    std::fs::copy(clip::folder().join("half.ts"), sender.data().join("half.ts")).unwrap();
    watched.rig.add(&takes(&format!("srt://{to}"))).await;
    sender.add(&sends(&format!("srt://{from}"))).await;
    watched.plays("taker", ["copy", "transcode"]).await;
    let seen = watched.watch("taker", 3).run().await.expect("it must be watched");
    assert_eq!((seen.width, seen.height), (640, 360), "{seen:?}");
    assert!(seen.distinct_per_second >= 24 && (seen.tone_hz - 1000.0).abs() < 10.0, "{seen:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_comes_by_srt_is_seen_whoever_calls() {
    let [old, new] = ffmpegs();
    let (called, calls) = (ports::free_udp(), ports::free_udp());
    let listens = |port| format!("0.0.0.0:{port}?mode=listener");
    let connects = |port| format!("127.0.0.1:{port}?mode=caller");
    let (in_listens, in_connects) = (listens(called), connects(calls));
    let (out_connects, out_listens) = (connects(called), listens(calls));
    tokio::join!(
        is_seen([old.clone(), new.clone()], called, [&out_connects, &in_listens]),
        is_seen([new, old], calls, [&out_listens, &in_connects]),
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_private_address_is_called_by_srt_no_more_than_by_anything() {
    let rig = Rig::start().await;
    rig.add(&takes(&format!("srt://127.0.0.1:{}", ports::free_udp()))).await;
    let process = rig.until_exec("taker", "failed").await;
    let reason = process["report"]["reason"].as_str().unwrap();
    assert!(reason.contains("private") || reason.contains("127.0.0.1"), "{reason}");
}
