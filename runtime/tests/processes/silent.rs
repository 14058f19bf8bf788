//! Peers from which nothing comes: not yet, not any more, or never.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;
use understudy_e2e::{ports, wait};

use crate::support::processes::{Rig, SOON, Settings, starting, with_each};

/// A server that sends everybody these bytes, and then nothing any more.
async fn falls_silent(bytes: Vec<u8>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let mut held = Vec::new();
        while let Ok((mut stream, _)) = listener.accept().await {
            // Whoever leaves early has heard enough.
            let _ = stream.write_all(&bytes).await;
            held.push(stream);
        }
    });
    address
}

/// Two seconds of a transport stream.
async fn stream() -> Vec<u8> {
    let rig = Rig::start().await;
    let options = ["-t", "2", "-c:v", "libx264", "-preset", "ultrafast", "-g", "5", "-f", "mpegts"];
    let output = json!([{"id": "out", "address": "a.ts", "options": options}]);
    rig.add(&starting("a", json!({ "output": output }))).await;
    rig.until_exec("a", "finished").await;
    std::fs::read(rig.data().join("a.ts")).unwrap()
}

/// It shall not wait for more than there is before it begins.
const FEW: [&str; 6] = ["-f", "mpegts", "-probesize", "20000", "-analyzeduration", "200000"];

fn of(address: SocketAddr, change: Value) -> Value {
    from(&format!("tcp://{address}"), change)
}

fn from(address: &str, change: Value) -> Value {
    let mut config = starting("a", change);
    config["input"] = json!([{"id": "in", "address": address, "options": FEW}]);
    config["output"] = json!([{"id": "out", "address": "-", "options": ["-c", "copy", "-f", "null"]}]);
    config
}

#[tokio::test(flavor = "multi_thread")]
async fn who_waits_for_a_silent_peer_takes_the_second_interrupt_and_has_finished() {
    let source = falls_silent(stream().await).await;
    with_each(|ffmpeg| is_interrupted_twice(ffmpeg, source)).await;
}

async fn is_interrupted_twice(ffmpeg: PathBuf, source: SocketAddr) {
    let rig = Rig::with(Settings { ffmpeg, own: vec![source], ..Settings::default() }).await;
    rig.add(&of(source, json!({}))).await;
    rig.until("a", |process| process["state"]["progress"]["frame"].as_u64() > Some(0)).await;
    // It has to have come to the read.
    tokio::time::sleep(Duration::from_secs(2)).await;
    let began = std::time::Instant::now();
    rig.command("a", "stop").await;
    let took = began.elapsed();
    assert!(took > Duration::from_millis(900) && took < Duration::from_secs(4), "{took:?}");
    let process = rig.process("a").await;
    assert_eq!(process["state"]["exec"], "finished", "{process}");
    assert_eq!(process["report"]["signals_sent"], json!(["SIGINT", "SIGINT"]));
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_stopped_before_anybody_has_come_has_finished() {
    with_each(is_stopped_alone).await;
}

/// An old ffmpeg says 1 then, a new one 0.
async fn is_stopped_alone(ffmpeg: PathBuf) {
    let (rig, port) = (Rig::of(ffmpeg).await, ports::free_tcp());
    rig.add(&from(&format!("tcp://127.0.0.1:{port}?listen=1"), json!({}))).await;
    let place = format!("0100007F:{port:04X} 00000000:0000 0A");
    let listens = || async {
        let sockets = std::fs::read_to_string("/proc/net/tcp").unwrap();
        if sockets.contains(&place) { Ok(()) } else { Err(rig.process("a").await.to_string()) }
    };
    wait::until(SOON, listens).await;
    rig.command("a", "stop").await;
    let process = rig.process("a").await;
    assert_eq!(process["state"]["exec"], "finished", "{process}");
    assert_eq!(process["report"]["signals_sent"], json!(["SIGINT"]), "{process}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_stands_still_is_ended_and_begun_again_though_nobody_stopped_it() {
    let never = falls_silent(Vec::new()).await;
    let no_more = falls_silent(stream().await).await;
    with_each(|ffmpeg| async move {
        tokio::join!(is_begun_again(ffmpeg.clone(), never, 0), is_begun_again(ffmpeg, no_more, 1));
    })
    .await;
}

/// Of each run so many pictures come at least.
async fn is_begun_again(ffmpeg: PathBuf, source: SocketAddr, pictures: u64) {
    let rig = Rig::with(Settings { ffmpeg, own: vec![source], ..Settings::default() }).await;
    rig.add(&of(
        source,
        json!({"stale_timeout_seconds": 1, "reconnect": true, "reconnect_delay_seconds": 0}),
    ))
    .await;
    let again = || async {
        let stale = rig.counts("understudy_process_exits_total{reason=\"Stale\"}");
        if stale > 1 { Ok(()) } else { Err(format!("{stale} times")) }
    };
    wait::until(SOON, again).await;
    let process =
        rig.until("a", |process| process["state"]["progress"]["frame"].as_u64() >= Some(pictures)).await;
    assert_eq!(process["state"]["order"], "start");
    for run in process["report"]["history"].as_array().unwrap() {
        assert!(run["reason"].as_str().unwrap().contains("stale_timeout_seconds"), "{run}");
        assert_eq!(run["exit_state"], "finished", "{run}");
    }
}
