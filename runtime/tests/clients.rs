//! The source system's documented examples of virtual inputs, letter by letter apart from hosts, media and folders: the
//! same commands and scripts, run by the same clients, get the documented answers, and their media arrives.

mod livestreams;

use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;
use understudy_e2e::{client, publish, wait};

use crate::support::broadcast::{Rtmp, Rtsp, srt};
use crate::support::clip;
use crate::support::segments;
use crate::support::session::Session;
use crate::support::site::Site;

const PAGE: &str = "page: {url: 'understudy:mirror'}";
const HOST: &str = "localhost:444";
const HLS: &str = "https://test-streams.mux.dev/x36xhzz/x36xhzz.m3u8";
const ICECAST: &str = "http://icecast.err.ee/r2rock.opus";
const FOLDER: &str = "/tmp/virtual-inputs";

/// From a configuration to its picture and sound in the programme, on a machine that does more than this.
const ARRIVES: Duration = Duration::from_secs(30);

/// How pages get their camera, which the answers tell.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Camera {
    Pipewire,
    File,
}

/// A person with a terminal, a session, and local stand-ins for what the examples name.
struct Desk {
    session: Session,
    camera: Camera,
    site: Site,
    folder: TempDir,
    _hls: clip::Sender,
}

impl Desk {
    async fn open(camera: Camera) -> Self {
        let (folder, site) = (tempfile::tempdir().unwrap(), Site::open().await);
        let inputs = folder.path().join("virtual-inputs").display().to_string();
        let mode = if camera == Camera::File { "file" } else { "pipewire" };
        let arguments =
            ["--camera", mode, "--virtual-inputs-dir", &inputs, "--allow-private-urls", "127.0.0.1"];
        let list = folder.path().join("hls");
        std::fs::create_dir(&list).unwrap();
        let hls = segments::hls_live(&list);
        site.serves(list.clone());
        let session = Session::start_with(PAGE, &arguments);
        session.until_reason("PageReady", "Loaded").await;
        wait::until(ARRIVES, || async {
            list.join("list.m3u8").exists().then_some(()).ok_or_else(|| "there is no playlist".to_owned())
        })
        .await;
        Self { session, camera, site, folder, _hls: hls }
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    /// The text of an example with what stands in for hosts, media and folders.
    fn localized(&self, text: &str) -> String {
        let host = self.session.url("").replace("http://127.0.0.1", "localhost");
        text.replace(HOST, &host)
            .replace(HLS, &self.site.url("files/list.m3u8"))
            .replace(ICECAST, &self.site.url("live/opus"))
            .replace(FOLDER, &self.path().join("virtual-inputs").display().to_string())
    }

    /// What a command answers.
    async fn types(&self, command: &str) -> Value {
        let said = client::shell(&self.localized(command), self.path()).await.unwrap();
        serde_json::from_str(&said).unwrap_or_else(|_| panic!("not JSON: {said}"))
    }

    /// What the document shows as the answer, as it must be with this camera.
    fn documented(&self, answer: &str) -> Value {
        let mut documented: Value = serde_json::from_str(&self.localized(answer)).unwrap();
        let fields = documented.as_object_mut().unwrap();
        if self.camera == Camera::Pipewire && fields.contains_key("mode") {
            fields.insert("mode".into(), "device".into());
            fields.remove("video_file");
            fields.remove("audio_file");
        }
        documented
    }

    async fn arrives(&self, what: &str) {
        wait::until(ARRIVES, || async {
            let seen = self.session.watch(3).run().await?;
            let sound = (seen.tone_hz - 1000.0).abs() < 10.0 && (0.1..0.3).contains(&seen.tone_duty);
            // Fewer of them are new where the camera is a file that is read again and again.
            match seen.distinct_per_second >= 20 && sound {
                true => Ok(()),
                false => Err(format!("{what}: {seen:?}")),
            }
        })
        .await;
    }
}

/// Everything that is documented is there. What is there besides is of the contract, too.
fn is_as_documented(mut answer: Value, mut documented: Value) {
    let time = take(&mut answer, "", "started_at").unwrap();
    assert!(is_precise(time.as_str().unwrap()), "not a time with a fraction and an offset: {time}");
    take(&mut documented, "", "started_at");
    for part in ["/audio", "/ingest/audio"] {
        if let Some(destination) = take(&mut answer, part, "destination") {
            assert_eq!(destination, "microphone", "that is the default");
        }
    }
    for (field, value) in [("width", 1280), ("height", 720), ("frame_rate", 30)] {
        assert_eq!(take(&mut answer, "/video", field).unwrap_or(value.into()), value);
        take(&mut documented, "/video", field);
    }
    assert_eq!(answer, documented);
}

fn take(value: &mut Value, part: &str, field: &str) -> Option<Value> {
    value.pointer_mut(part)?.as_object_mut()?.remove(field)
}

/// As `2025-12-10T09:54:49.632400817-08:00`.
fn is_precise(time: &str) -> bool {
    let shape: String = time.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect();
    ["+", "-"].iter().any(|sign| shape == format!("0000-00-00T00:00:00.000000000{sign}00:00"))
}

macro_rules! example {
    ($name:literal) => {
        include_str!(concat!("fixtures/examples/", $name))
    };
}

async fn the_streams_example(desk: &Desk) {
    is_as_documented(desk.types(example!("stream.sh")).await, desk.documented(example!("stream.json")));
    desk.arrives("the streams").await;
}

async fn the_control_examples(desk: &Desk) {
    let running = desk.types(example!("status.sh")).await;
    assert_eq!(running["state"], "running");
    let paused = desk.types(example!("pause.sh")).await;
    let resumed = desk.types(example!("resume.sh")).await;
    for (mut answer, state) in [(paused, "paused"), (resumed, "running")] {
        assert_eq!(answer["state"], state);
        answer["state"] = "running".into();
        answer["started_at"] = running["started_at"].clone();
        assert_eq!(answer, running, "all else stays");
    }
    desk.arrives("what was resumed").await;
    let idle: Value = serde_json::from_str(example!("status.json")).unwrap();
    assert_eq!(desk.types(example!("stop.sh")).await, idle);
    assert_eq!(desk.types(example!("status.sh")).await, idle);
}

async fn the_peer_example(desk: &Desk) {
    is_as_documented(desk.types(example!("webrtc.sh")).await, desk.documented(example!("webrtc.json")));
    let film = clip::folder().join("long.mkv").display().to_string();
    let script = desk.path().join("send.py");
    std::fs::write(&script, desk.localized(example!("send.py")).replace("video.mp4", &film)).unwrap();
    let _sender = publish::script(&script, &[]);
    desk.arrives("the peer").await;
}

/// The picture is prepared and sent as documented; the sound is sent by another of the same script.
async fn the_sockets_example(desk: &Desk) {
    is_as_documented(desk.types(example!("socket.sh")).await, desk.documented(example!("socket.json")));
    let info = desk.types(example!("feed-info.sh")).await;
    assert_eq!(info, desk.documented(example!("feed-info.json")));
    std::fs::copy(desk.session.clip(), desk.path().join("input.mp4")).unwrap();
    client::shell(example!("prepare.sh"), desk.path()).await.unwrap();
    std::fs::rename(desk.path().join("output.ts"), desk.path().join("video.ts")).unwrap();
    client::shell("ffmpeg -i input.mp4 -vn -c:a libmp3lame audio.mp3", desk.path()).await.unwrap();
    let video = desk.localized(example!("send.mjs"));
    let audio = video.replace("socket/video", "socket/audio").replace("video.ts", "audio.mp3");
    std::fs::write(desk.path().join("video.mjs"), video).unwrap();
    std::fs::write(desk.path().join("audio.mjs"), audio).unwrap();
    let _senders = ["video.mjs", "audio.mjs"].map(|script| client::node(script, desk.path(), &[]));
    desk.arrives("what is sent over sockets").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_examples_of_sockets_give_the_documented_answers_with_either_camera() {
    for camera in [Camera::Pipewire, Camera::File] {
        the_sockets_example(&Desk::open(camera).await).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_examples_of_streams_and_control_give_the_documented_answers() {
    let desk = Desk::open(Camera::Pipewire).await;
    assert_eq!(desk.types(example!("status.sh")).await, desk.documented(example!("status.json")));
    the_streams_example(&desk).await;
    the_control_examples(&desk).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_examples_of_streams_and_control_give_them_where_the_camera_is_a_file() {
    let desk = Desk::open(Camera::File).await;
    the_streams_example(&desk).await;
    the_control_examples(&desk).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_examples_of_a_peer_give_the_documented_answers_with_either_camera() {
    for camera in [Camera::Pipewire, Camera::File] {
        the_peer_example(&Desk::open(camera).await).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_examples_of_destinations_are_heard_where_they_say() {
    let desk = Desk::open(Camera::Pipewire).await;
    for (command, destination) in
        [(example!("microphone.sh"), "microphone"), (example!("speaker.sh"), "speaker")]
    {
        let answer = desk.types(command).await;
        let audio = json!({"type": "stream", "url": desk.site.url("live/opus"), "destination": destination});
        assert_eq!((&answer["state"], &answer["audio"]), (&json!("running"), &audio));
        desk.session.until_reason("InputsReady", "Playing").await;
        // The page plays its microphone: both are heard.
        wait::until(ARRIVES, || async {
            let seen = desk.session.watch(3).run().await?;
            let tone = (seen.tone_hz - 1000.0).abs() < 10.0 && (0.1..0.3).contains(&seen.tone_duty);
            tone.then_some(()).ok_or_else(|| format!("{destination}: {seen:?}"))
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_streams_example_plays_from_every_kind_of_origin() {
    let (desk, rtmp, rtsp, (_srt, srt)) =
        (Desk::open(Camera::Pipewire).await, Rtmp::open().await, Rtsp::open(), srt());
    let _publisher = rtmp.publish();
    for url in [rtmp.url(), rtsp.url(), srt] {
        println!("{url}");
        let answer = desk.types(&example!("stream.sh").replace(HLS, &url)).await;
        is_as_documented(answer, desk.documented(&example!("stream.json").replace(HLS, &url)));
        desk.arrives(&url).await;
    }
    rtmp.close().await;
}
