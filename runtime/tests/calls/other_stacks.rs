//! Calls with a WebRTC stack that is not ours (aiortc), in the source system's own order of messages.

use understudy_e2e::client;
use understudy_e2e::probe::{Called, called};

use super::*;

/// What the runtime has received of the other side within a few seconds: WebM, as ffprobe reads it.
async fn received(session: &Session, channel: &str) -> String {
    let url = session.url(&format!("/api/call/video/{channel}"));
    let script = format!(
        "curl -s --max-time 4 {url} > seen.webm || true; ffprobe -v error -count_frames \
        -show_entries stream=codec_name,width,height,nb_read_frames -of csv=p=0 seen.webm 2>&1 || true"
    );
    let folder = tempfile::tempdir().expect("a folder");
    client::shell(&script, folder.path()).await.expect("it must be read")
}

/// What the other side has seen and heard of the participant.
fn is_whole(seen: &Called) -> bool {
    let tone = (seen.tone_hz - 1000.0).abs() < 10.0 && (0.1..0.35).contains(&seen.tone_duty);
    // A machine that does more than this leaves some out.
    tone && seen.seconds.iter().filter(|count| **count > 8).count() >= 3
}

#[tokio::test(flavor = "multi_thread")]
async fn another_stack_calls_and_is_called_with_early_candidates_and_loss_and_in_either_codec() {
    let ada = participant("ada", None, &["--calls-auto-accept", "true"]);
    ada.until_live(SOON * 2).await;
    let hub = ada.url("/api/call/hub").replacen("http", "ws", 1);
    for (channel, how) in [
        ("early", &["--early", "--twice"][..]),
        ("h264", &["--codec", "H264"]),
        ("loss", &["--drop", "0.03"]),
        ("called", &["--wait", "--early"]),
    ] {
        let whom = ["--hub", &hub, "--peer", "ada", "--channel", channel, "--seconds", "8"];
        let arguments = [&whom, how].concat();
        let calling = called(&arguments);
        let looking = async {
            if channel == "called" {
                is_there(&ada).await;
                done(&ada, "/api/call/start", json!({ "channel_id": channel, "remote_peer": "aiortc" }))
                    .await;
            }
            until_talking(&ada, channel).await;
            received(&ada, channel).await
        };
        let (seen, received) = tokio::join!(calling, looking);
        let seen = seen.unwrap_or_else(|why| panic!("{channel}: {why}\n{}", ada.log()));
        assert!(is_whole(&seen), "{channel}: {seen:?}");
        let expected =
            if channel == "called" { ["call-request", "call-offer"] } else { ["call-ack", "call-answer"] };
        assert_eq!(seen.told, expected, "{channel}");
        // What is no WebM is told so, and not shown.
        let shown = received.contains("vp8,1280,720") && received.contains("opus");
        assert_eq!(shown, channel != "h264", "{channel}: {received}");
    }
}

/// Waits until the other side can be reached at the hub.
async fn is_there(session: &Session) {
    let rung = || async {
        let call = json!({ "channel_id": "probe", "remote_peer": "aiortc" });
        let answer = post(session, "/api/call/accept", call.clone()).await;
        let found = answer.status() == 200;
        done(session, "/api/call/hangup", call).await;
        found.then_some(()).ok_or_else(|| "it has not come to the hub".to_owned())
    };
    wait::until(SOON * 2, rung).await;
}

async fn until_talking(session: &Session, channel: &str) {
    let connected = || async {
        let calls: Vec<Value> =
            reqwest::get(session.url("/api/call/active")).await.unwrap().json().await.unwrap();
        let call = calls.into_iter().find(|call| call["channel_id"] == channel);
        let is_connected = call.as_ref().is_some_and(|call| call["pc_state"] == "connected");
        is_connected.then_some(()).ok_or_else(|| format!("{call:?}"))
    };
    wait::until(SOON * 2, connected).await;
}
