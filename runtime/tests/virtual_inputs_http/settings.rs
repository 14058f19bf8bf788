//! The variables of the devices, as a container is given them: each is seen where it has its effect.

use std::path::Path;
use std::time::Duration;

use serde_json::json;
use understudy_devtools::{Devtools, Page};
use understudy_e2e::{client, wait};

use super::{status, steered};
use crate::support::session::Session;

/// Keeps an eye on the camera and an ear on the microphone of the page that it runs in.
const EYE: &str = include_str!("../fixtures/eye.js");

/// From a configuration to the page's ear, on a machine that does more than this.
const HEARD: Duration = Duration::from_secs(20);

/// Only as the camera itself gives it: pages are given other sizes if they ask for them.
const CAMERA: &str = "(async () => {
  const stream = await navigator.mediaDevices.getUserMedia({ video: { resizeMode: { exact: 'none' } } });
  const [track] = stream.getVideoTracks();
  const { width, height, frameRate } = track.getSettings();
  track.stop();
  return { width, height, frameRate: Math.round(frameRate) };
})()";

const MICROPHONES: &str = "navigator.mediaDevices.enumerateDevices().then((all) =>
  all.filter(({ kind }) => kind === 'audioinput').map(({ label }) => label))";

/// The numbers of the displays that there are.
fn displays() -> Vec<u16> {
    let sockets = std::fs::read_to_string("/proc/net/unix").unwrap();
    sockets.lines().filter_map(|line| line.rsplit_once("/.X11-unix/X")?.1.parse().ok()).collect()
}

async fn page_of(session: &Session) -> Page {
    let (devtools, _) = Devtools::connect(&format!("ws://{}", session.devtools())).await.unwrap();
    Page::first(&devtools).await.unwrap()
}

/// What PulseAudio's own client says of the microphone and of the sinks.
async fn told_by_pulseaudio(session: &Session) -> String {
    let socket = session.configuration("pipewire").with_file_name("pulse.sock");
    let pactl = format!("pactl --server=unix:{}", socket.display());
    let asked = format!("{pactl} get-default-source; {pactl} list short sinks");
    client::shell(&asked, Path::new("/")).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_variables_of_the_devices_reach_the_status_the_camera_the_sound_and_the_display() {
    let taken = displays();
    // Far from those that displays pick by themselves.
    let display = (100_u16..).find(|number| !taken.contains(number)).unwrap();
    let number = display.to_string();
    // Left by a display of before a crash; the number that it names is another process's now.
    std::fs::write(format!("/tmp/.X{display}-lock"), format!("{:>10}\n", std::process::id())).unwrap();
    let session = Session::idle_with(&[
        ("DISPLAY_NUM", number.as_str()),
        ("UNDERSTUDY_CAMERA", "pipewire"),
        ("VIRTUAL_INPUT_WIDTH", "800"),
        ("VIRTUAL_INPUT_HEIGHT", "600"),
        ("VIRTUAL_INPUT_FRAME_RATE", "20"),
        ("VIRTUAL_INPUT_VIDEO_DEVICE", "/dev/video21"),
        ("VIRTUAL_INPUT_AUDIO_SINK", "stage_in"),
        ("VIRTUAL_INPUT_MICROPHONE_SOURCE", "stage_microphone"),
    ]);
    session.until_reason("PageReady", "Loaded").await;
    session.until_reason("DevicesReady", "Live").await;
    let told = json!({
        "state": "idle", "mode": "device", "video_device": "/dev/video21", "audio_sink": "stage_in",
        "microphone_source": "stage_microphone",
    });
    assert_eq!(status(&session).await, told);
    assert!(displays().contains(&display), "display {display} is not there: {:?}", displays());
    let pulseaudio = told_by_pulseaudio(&session).await;
    assert!(pulseaudio.starts_with("stage_microphone\n"), "{pulseaudio}");
    assert!(pulseaudio.contains("\tstage_in\t"), "{pulseaudio}");

    let page = page_of(&session).await;
    let camera = page.evaluate(CAMERA).await.unwrap();
    assert_eq!(camera, json!({"width": 800, "height": 600, "frameRate": 20}));
    hears_what_is_configured(&session, &page).await;
}

/// What is played into the sink of that name comes out of the microphone, which pages know by its description.
async fn hears_what_is_configured(session: &Session, page: &Page) {
    assert_eq!(page.evaluate(EYE).await.unwrap(), true);
    let microphones = page.evaluate(MICROPHONES).await.unwrap();
    assert!(microphones.as_array().unwrap().contains(&"Microphone".into()), "{microphones}");
    let url = "understudy:test-picture";
    let body = json!({"video": {"type": "file", "url": url}, "audio": {"type": "file", "url": url}});
    let running = steered(session, "configure", &body).await;
    let video = json!({"type": "file", "url": url, "width": 800, "height": 600, "frame_rate": 20});
    assert_eq!(running["video"], video);
    wait::until(HEARD, || async {
        let heard = page.evaluate("eye.told().tones").await.map_err(|error| error.to_string())?;
        (heard.as_u64() > Some(5)).then_some(()).ok_or_else(|| format!("{heard} tones are heard"))
    })
    .await;
}
