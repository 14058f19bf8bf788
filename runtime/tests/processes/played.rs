//! What cannot be sent as it is, or is not all there: what becomes of it is found out by the first run, of whichever ffmpeg.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use tempfile::TempDir;
use understudy_core::rendition::{Audio, Video};
use understudy_e2e::client;
use understudy_runtime::egress::whep::process_name;
use understudy_runtime::program::Found;

use crate::support::clip;
use crate::support::processes::{SOON, Settings, starting, with_each};
use crate::support::watched::Watched;

/// Sources that browsers do not play, and the word that says why.
const ODD: [(&str, &str); 2] = [("hevc", "hevc"), ("ahead", "B-frames")];

async fn films() -> TempDir {
    let folder = tempfile::tempdir().expect("a directory must be free");
    let half = clip::folder().join("half.ts");
    let half = half.display();
    // Of a transport stream with pictures that look ahead ffmpeg leaves a group out as it goes round: these last longer than they
    // are watched.
    let make = format!(
        "ffmpeg -nostdin -v error -i {half} -c:v libx265 -preset ultrafast -x265-params log-level=error -g 30 -c:a copy hevc.mkv\n\
         ffmpeg -nostdin -v error -i {half} -c:v libx264 -preset ultrafast -bf 2 -g 30 -c:a copy ahead.mkv\n\
         for film in hevc ahead; do ffmpeg -nostdin -v error -stream_loop 14 -i $film.mkv -c copy $film.ts; done"
    );
    client::shell(&make, folder.path()).await.expect("Debian's ffmpeg encodes both");
    folder
}

/// A film of the media directory, at its own rate and without an end.
fn film(id: &str, media: &Path) -> Value {
    let address = media.join(format!("{id}.ts"));
    starting(
        id,
        json!({
            "input": [{"id": "in", "address": address, "options": ["-re", "-stream_loop", "-1"]}],
            "output": [{"id": "out", "address": "-", "options": ["-c", "copy", "-f", "null"]}],
            "webrtc": {"enabled": true},
        }),
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn what_browsers_do_not_play_is_encoded_by_itself_and_seen() {
    let films = films().await;
    with_each(|ffmpeg| is_encoded(ffmpeg, films.path())).await;
}

async fn is_encoded(ffmpeg: PathBuf, films: &Path) {
    let watched = Watched::with(Settings { ffmpeg, ..Settings::default() }).await;
    for (id, _) in ODD {
        let name = format!("{id}.ts");
        std::fs::copy(films.join(&name), watched.rig.media().join(name)).unwrap();
        watched.rig.add(&film(id, &watched.rig.media())).await;
    }
    for (id, why) in ODD {
        let process = watched.plays(id, ["transcode", "transcode"]).await;
        let reason = process["state"]["webrtc"]["reason"].as_str().unwrap();
        assert!(reason.contains(why) && reason.contains("aac"), "{id}: {reason}");
        assert!(process["report"]["history"][0]["reason"].as_str().unwrap().contains("viewers"), "{process}");
    }
    assert_eq!(watched.rig.counts("understudy_process_exits_total{reason=\"Failed\"}"), 0);
    let [hevc, ahead] = ODD.map(|(id, _)| watched.watch(id, 3));
    let (hevc, ahead) = tokio::join!(hevc.run(), ahead.run());
    for seen in [hevc, ahead] {
        let seen = seen.expect("it must be watched");
        assert_eq!((seen.width, seen.height), (640, 360), "{seen:?}");
        // It moves: how many of its 30 four encoders leave in a second that others compute in is not what matters here.
        assert!(seen.distinct_per_second >= 15 && (seen.tone_hz - 1000.0).abs() < 10.0, "{seen:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_picture_or_a_sound_alone_is_played_without_the_other() {
    with_each(is_played_alone).await;
}

async fn is_played_alone(ffmpeg: PathBuf) {
    let watched = Watched::with(Settings { ffmpeg, ..Settings::default() }).await;
    let only = |id: &str, graph: &str| {
        let input = json!([{"id": "in", "address": graph, "options": ["-re", "-f", "lavfi"]}]);
        starting(
            id,
            json!({
                "input": input, "output": [{"id": "out", "address": "-", "options": ["-f", "null"]}], "webrtc": {"enabled": true},
            }),
        )
    };
    watched.rig.add(&only("picture", "testsrc2=size=320x180:rate=30")).await;
    watched.rig.add(&only("sound", "sine=frequency=440")).await;
    let webrtc = |process: &Value| {
        let webrtc = &process["state"]["webrtc"];
        [webrtc["video"].clone(), webrtc["audio"].clone()]
    };
    for (id, words) in [("picture", ["transcode", "none"]), ("sound", ["none", "transcode"])] {
        let process = watched.rig.until(id, |process| webrtc(process) == words.map(Value::from)).await;
        let Found::Live(program) = watched.programs.find_within(&process_name(id), SOON).await else {
            panic!("it sends nothing: {process}");
        };
        let hub = match id {
            "picture" => program.video(Video::default()),
            _ => program.audio(Audio::default()),
        };
        let mut reader = hub.subscribe();
        for _ in 0..10 {
            tokio::time::timeout(SOON, reader.next()).await.expect("it comes");
        }
        let process = watched.rig.process(id).await;
        assert_eq!(
            (&process["state"]["exec"], webrtc(&process)),
            (&json!("running"), words.map(Value::from))
        );
    }
}
