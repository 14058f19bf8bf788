//! A process's leg, with an ffmpeg that sends to it and WHEP at the process's own path, on loopback.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use std::time::Duration;

use tempfile::TempDir;
use tokio_util::sync::{CancellationToken, DropGuard};
use understudy_core::process::config::WebRtc;
use understudy_core::process::legs::{AudioLeg, Legs, VideoLeg};
use understudy_e2e::probe::Watch;
use understudy_runtime::broadcast;
use understudy_runtime::child::{Child, Executable};
use understudy_runtime::egress::{view, whep};
use understudy_runtime::process::leg::{Leg, Metrics, Seen};
use understudy_runtime::program::Registry;
use understudy_runtime::rtc::{self, Handle};

use super::clip;
use super::stage::{LOOPS, listen, transport};

const ID: &str = "the-process";
/// From a child's start to what it sends, on a machine that does more than this.
const SOON: Duration = Duration::from_secs(20);

/// As a camera sends it: a keyframe each two seconds, with its parameter sets.
pub const PLAIN: &str = "plain.mkv";
/// The same with AAC, and with parameter sets in its head alone.
pub const APART: &str = "apart.mp4";
/// The same with pictures that look ahead.
pub const AHEAD: &str = "ahead.mkv";
/// The same with one keyframe in the four seconds of the clip.
pub const RARE: &str = "rare.mkv";
/// The clip goes round after so many pictures.
pub const FRAMES: u32 = 120;

pub const COPY: Legs = Legs {
    video: VideoLeg::Copy { annex_b: false },
    audio: AudioLeg::Copy,
    video_input: 0,
    audio_input: 0,
    has_sound: false,
    is_forced: false,
};

static FILES: LazyLock<TempDir> = LazyLock::new(|| {
    let folder = tempfile::tempdir().expect("a directory must be free");
    let opus = "audio/x-raw,channels=2 ! opusenc";
    let encoded = |frames: u32, options: &str, more: &str, profile: &str| {
        format!(
            "avdec_h264 ! x264enc speed-preset=ultrafast bitrate=1500 key-int-max={frames} option-string={options} {more} ! \
             video/x-h264,{profile}"
        )
    };
    let inside = |frames| {
        let profile = "stream-format=byte-stream,profile=constrained-baseline";
        encoded(frames, "scenecut=0", "tune=zerolatency", profile)
    };
    let profile = "stream-format=avc,profile=constrained-baseline";
    let apart = encoded(60, "scenecut=0:repeat-headers=0", "tune=zerolatency", profile);
    for (name, video, audio, muxer) in [
        (PLAIN, inside(60), opus, "matroskamux"),
        (APART, apart, "avenc_aac ! aacparse", "mp4mux"),
        (AHEAD, encoded(60, "scenecut=0", "bframes=2 b-adapt=false", "profile=main"), opus, "matroskamux"),
        (RARE, inside(600), opus, "matroskamux"),
    ] {
        let (from, to) = (clip::folder().join("short.mkv"), folder.path().join(name));
        clip::finish(&format!(
            "filesrc location={} ! matroskademux name=d \
             d.video_0 ! queue ! h264parse ! {video} ! h264parse ! {muxer} name=m ! filesink location={} \
             d.audio_0 ! queue ! flacparse ! flacdec ! audioconvert ! audioresample ! {audio} ! m.",
            from.display(),
            to.display(),
        ));
    }
    folder
});

pub fn file(name: &str) -> PathBuf {
    FILES.path().join(name)
}

/// One process, without what starts and ends it.
pub struct Ground {
    pub leg: Leg,
    pub driver: Handle,
    pub http: SocketAddr,
    ffmpeg: PathBuf,
    _programs: Registry,
    _shutdown: DropGuard,
}

impl Ground {
    /// With Debian's ffmpeg.
    pub async fn open() -> Self {
        Self::with("ffmpeg".into()).await
    }

    pub async fn with(ffmpeg: PathBuf) -> Self {
        understudy_runtime::gst::init().expect("GStreamer must start");
        let leg =
            Leg::open(&broadcast::Metrics::default(), Metrics::default()).expect("two ports must be free");
        let shutdown = CancellationToken::new();
        let driver = transport(Ipv4Addr::LOCALHOST.into(), LOOPS, rtc::Metrics::default(), shutdown.clone());
        let programs = Registry::default();
        programs.name(&leg.program(), [whep::process_name(ID)]);
        let none = whep::IceServers::default();
        let app = whep::process_router(driver.clone(), programs.clone(), none.clone());
        let http = listen(whep::with_cors(app, none).merge(view::router())).await;
        Self { leg, driver, http, ffmpeg, _programs: programs, _shutdown: shutdown.drop_guard() }
    }

    pub fn whep(&self) -> String {
        self.whep_of(ID)
    }

    pub fn whep_of(&self, id: &str) -> String {
        format!("http://{}/api/v3/process/{id}/whep", self.http)
    }

    pub fn view(&self) -> String {
        format!("http://{}/view?process={ID}", self.http)
    }

    /// The child sends, and what it sends is taken. The file goes round at its own rate.
    pub fn plays(&self, file: &Path, legs: Legs) -> Child {
        let child = self.sends(file, legs);
        self.leg.started(child.pid());
        child
    }

    /// Somebody sends.
    pub fn sends(&self, file: &Path, legs: Legs) -> Child {
        let [video, audio] = self.leg.ports();
        let mut arguments: Vec<String> =
            ["-hide_banner", "-loglevel", "error", "-re", "-stream_loop", "-1", "-i"]
                .map(str::to_owned)
                .into();
        arguments.push(file.display().to_string());
        let config = WebRtc { enabled: true, ..WebRtc::default() };
        arguments.extend(legs.arguments(&config, video, audio));
        Executable::new("ffmpeg", &self.ffmpeg).args(arguments).spawn().expect("ffmpeg must be installed")
    }

    /// What is seen once that holds.
    pub async fn sees(&self, wanted: impl Fn(&Seen) -> bool) -> Seen {
        let mut seen = self.leg.seen();
        let found = tokio::time::timeout(SOON, seen.wait_for(|seen| wanted(seen))).await;
        *found
            .unwrap_or_else(|_| panic!("it is not seen: {:?}", self.leg.seen().borrow()))
            .expect("the leg is there")
    }

    pub fn watch(&self, seconds: u32) -> Watch {
        Watch { clip_frames: Some(FRAMES), ..Watch::new(self.whep(), seconds) }
    }
}
