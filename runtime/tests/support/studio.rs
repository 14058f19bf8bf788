//! A camera's picture and a real PulseAudio daemon, with sources that play into them, seen and heard.
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use gstreamer as gst;
use gstreamer::prelude::*;
use gstreamer_app::{AppSink, AppSinkCallbacks};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use parking_lot::Mutex;
use tempfile::TempDir;
use tokio::sync::watch;
use understudy_core::guard::{AllowPrivate, Policy};
use understudy_core::input::{Carries, Health, Plan};
use understudy_core::media::Kind as Encoded;
use understudy_core::spec::{
    Destination, Encoding, File, FrameRate, Location, Repeat, Resolution, Shape, Source as Kind, StreamUrl,
};
use understudy_core::test_picture::{FRAME_RATE, SAMPLE_RATE_HZ, TONE_HZ, read};
use understudy_runtime::broadcast::Passage;
use understudy_runtime::camera::{Format, Picture};
use understudy_runtime::capture::Speaker;
use understudy_runtime::feed::Feed;
use understudy_runtime::ingest::Ingest;
use understudy_runtime::sound::{self, Ears, Sound};
use understudy_runtime::source::{Metrics, Source, Surroundings};

/// Opening takes a second idle; this machine builds at the same time.
pub const OPEN: Duration = Duration::from_secs(20);
/// A quarter of a frame: no frame is missed.
const GLANCE: Duration = Duration::from_millis(8);
/// Long enough for several tones and a hundred frames.
pub const WHILE: Duration = Duration::from_secs(4);
/// Lips and voice may be this far apart (ITU-R BT.1359), and recording adds its own buffers.
const IN_SYNC: Duration = Duration::from_millis(185);
/// A tone that is nearer than this to a second's first picture is nearer to no other's.
const SAME_SECOND: Duration = Duration::from_millis(500);
/// 20 ms of sound, in which twenty periods of the tone are counted.
const WINDOW: usize = SAMPLE_RATE_HZ as usize / 50;

pub struct Studio {
    pub picture: Picture,
    pub metrics: Metrics,
    surroundings: Surroundings,
    sound: tokio::sync::Mutex<Option<Sound>>,
    folder: TempDir,
    /// How those that play now are, for whoever finds that something is not seen.
    playing: Mutex<Vec<watch::Receiver<Health>>>,
}

/// What was seen: when each picture came, and its number if it has one.
#[derive(Debug, Default)]
pub struct Seen {
    pub changes: Vec<(Instant, Option<u32>)>,
    pub lasted: Duration,
}

/// What the microphone carries, from now on.
pub struct Ear {
    pipeline: gst::Pipeline,
    heard: Arc<Mutex<Heard>>,
}

#[derive(Debug, Default, Clone)]
pub struct Heard {
    pub windows: usize,
    pub tones: usize,
    /// When a tone began after silence.
    pub onsets: Vec<Instant>,
    was: bool,
}

impl Studio {
    pub async fn open() -> Self {
        understudy_runtime::gst::init().expect("GStreamer must start");
        let folder = tempfile::tempdir().expect("a directory must be free");
        let sound = tokio::sync::Mutex::new(Some(pulseaudio(&folder).await));
        let picture = Picture::new(Resolution::HD);
        let metrics = Metrics::default();
        let media = folder.path().join("media");
        std::fs::create_dir(&media).expect("a directory must be made");
        let surroundings = Surroundings {
            // The servers of these tests are on this machine.
            guard: Policy { allow: AllowPrivate::All, own: Vec::new() },
            picture: picture.clone(),
            format: Format { size: Resolution::HD, frame_rate: FrameRate::THIRTY },
            pulse_server: sound::server(folder.path()),
            microphone_sink: sound::Names::default().sink,
            bundled: super::clip::folder().to_owned(),
            media,
            ingest: Ingest::default(),
            feed: Feed::default(),
            metrics: metrics.clone(),
            ears: Ears::default(),
            voice: None,
            sound: Passage::new(Encoded::Audio),
            right: None,
            direct: false,
        };
        Self { picture, metrics, surroundings, sound, folder, playing: Mutex::default() }
    }

    /// What is seen and heard of it goes out without a page.
    pub async fn direct() -> Self {
        let mut studio = Self::open().await;
        studio.surroundings.direct = true;
        studio.picture.has_camera(false);
        studio
    }

    /// Where its microphone is heard without a page.
    pub fn speaker(&self) -> Speaker {
        Speaker {
            server: self.surroundings.pulse_server.clone(),
            source: sound::Names::default().source,
            bitrate: Encoding::default().audio,
            passage: Some(self.surroundings.sound.clone()),
        }
    }

    /// PulseAudio is killed.
    pub async fn sound_dies(&self) {
        let mut daemon = self.sound.lock().await.take().expect("it must be there");
        kill(Pid::from_raw(daemon.child.pid()), Signal::SIGKILL).expect("it must run");
        daemon.child.wait().await;
    }

    /// It is there again.
    pub async fn sound_returns(&self) {
        *self.sound.lock().await = Some(pulseaudio(&self.folder).await);
    }

    pub fn play(&self, source: Kind, carries: Carries) -> Source {
        self.shaped(source, carries, Shape::default())
    }

    pub fn shaped(&self, source: Kind, carries: Carries, shape: Shape) -> Source {
        let plan = Plan { source, carries, shape, destination: Destination::Microphone };
        let source = Source::start(plan, self.surroundings.clone());
        let mut playing = self.playing.lock();
        // The channel of one that has ended is closed.
        playing.retain(|health| health.has_changed().is_ok());
        playing.push(source.health());
        source
    }

    fn health(&self) -> Vec<Health> {
        self.playing.lock().iter().map(|health| health.borrow().clone()).collect()
    }

    /// Where what is sent comes in.
    pub fn ingest(&self) -> Ingest {
        self.surroundings.ingest.clone()
    }

    pub fn feed(&self) -> Feed {
        self.surroundings.feed.clone()
    }

    /// Puts a file where `file:` may point to; its URL.
    pub fn place(&self, name: &str) -> Kind {
        self.placed(name, Repeat::Forever)
    }

    pub fn placed(&self, name: &str, repeat: Repeat) -> Kind {
        self.copied(&super::clip::folder().join(name), repeat)
    }

    /// The same of one that lies elsewhere.
    pub fn placed_from(&self, path: &Path) -> Kind {
        self.copied(path, Repeat::Forever)
    }

    fn copied(&self, from: &Path, repeat: Repeat) -> Kind {
        let path = self.folder.path().join("media").join(from.file_name().expect("a file has a name"));
        std::fs::copy(from, &path).expect("a clip must be copied");
        file(&format!("file://{}", path.display()), repeat)
    }

    /// Looks at the picture for a while.
    pub async fn watch(&self, time: Duration) -> Seen {
        let (start, mut seen) = (Instant::now(), Seen::default());
        let mut last = None;
        let mut glances = tokio::time::interval(GLANCE);
        while start.elapsed() < time {
            glances.tick().await;
            let number = self.number();
            if seen.changes.is_empty() || number != last {
                seen.changes.push((Instant::now(), number));
                last = number;
            }
        }
        seen.lasted = start.elapsed();
        seen
    }

    pub fn number(&self) -> Option<u32> {
        read(&self.picture.current(), 1280)
    }

    /// How bright the picture is at a place.
    pub fn luma(&self, x: usize, y: usize) -> u8 {
        self.picture.current()[y * 1280 + x]
    }

    /// Waits until something else is shown.
    pub async fn until_changed(&self) {
        let (start, before) = (Instant::now(), self.picture.current());
        while self.picture.current() == before {
            assert!(start.elapsed() < OPEN, "nothing else is shown");
            tokio::time::sleep(GLANCE).await;
        }
    }

    /// Waits until a picture with a number is shown, or none is.
    pub async fn until(&self, numbered: bool, deadline: Duration) -> Duration {
        let start = Instant::now();
        while self.number().is_some() != numbered {
            assert!(
                start.elapsed() < deadline,
                "after {deadline:?} a number is shown: {:?}, and the sources are {:?}",
                self.number(),
                self.health(),
            );
            tokio::time::sleep(GLANCE).await;
        }
        start.elapsed()
    }

    /// Watches and listens, and finds both as they should be, and in time with each other.
    pub async fn is_live(&self, carries: Carries) {
        let ear = self.listen();
        if carries.video() {
            self.until(true, OPEN).await;
        }
        if carries.audio() {
            ear.until_tone().await;
        }
        ear.forget();
        let seen = self.watch(WHILE).await;
        let heard = ear.heard();
        let apart = (carries == Carries::Both).then(|| seen.drift(&heard));
        println!(
            "  {:.1} pictures a second, at most {:?} apart; {} of {} windows sound; {:?} apart",
            seen.rate(),
            seen.longest(),
            heard.tones,
            heard.windows,
            apart,
        );
        if carries.video() {
            seen.moves();
        }
        if carries.audio() {
            heard.rings();
        }
        if let Some(apart) = apart {
            assert!(apart < IN_SYNC, "{apart:?} apart");
        }
    }

    pub fn listen(&self) -> Ear {
        let heard = Arc::new(Mutex::new(Heard::default()));
        let pipeline = gst::parse::launch(&format!(
            "pulsesrc server={} device=microphone buffer-time=1000000 latency-time=20000 ! \
             audio/x-raw,format=S16LE,rate={SAMPLE_RATE_HZ},channels=1 ! appsink name=ear sync=false",
            self.surroundings.pulse_server
        ));
        let pipeline = pipeline.expect("recording must be possible").downcast::<gst::Pipeline>();
        let pipeline = pipeline.expect("a description makes a pipeline");
        let sink = pipeline.by_name("ear").and_then(|sink| sink.downcast::<AppSink>().ok());
        let (ears, mut rest) = (heard.clone(), Vec::new());
        let hear = move |sink: &AppSink| {
            let sample = sink.pull_sample().map_err(|_| gst::FlowError::Eos)?;
            let map = sample.buffer().and_then(|buffer| buffer.map_readable().ok());
            let map = map.ok_or(gst::FlowError::Error)?;
            rest.extend(map.chunks_exact(2).map(|pair| f32::from(i16::from_le_bytes([pair[0], pair[1]]))));
            while rest.len() >= WINDOW {
                ears.lock().add(is_tone(&rest[..WINDOW]));
                rest.drain(..WINDOW);
            }
            Ok(gst::FlowSuccess::Ok)
        };
        sink.expect("it has an ear").set_callbacks(AppSinkCallbacks::builder().new_sample(hear).build());
        pipeline.set_state(gst::State::Playing).expect("recording must start");
        Ear { pipeline, heard }
    }
}

async fn pulseaudio(folder: &TempDir) -> Sound {
    let daemon = sound::start(folder.path(), &sound::Names::default()).await;
    daemon.expect("PulseAudio must start: scripts/packages install image")
}

impl Ear {
    pub fn heard(&self) -> Heard {
        self.heard.lock().clone()
    }

    /// Waits until it listens.
    pub async fn until_open(&self) {
        let start = Instant::now();
        while self.heard.lock().windows == 0 {
            assert!(start.elapsed() < OPEN, "nothing is recorded after {OPEN:?}");
            tokio::time::sleep(GLANCE).await;
        }
    }

    pub async fn until_tone(&self) {
        let start = Instant::now();
        while self.heard.lock().tones < 5 {
            assert!(start.elapsed() < OPEN, "no tone after {OPEN:?}: {:?}", self.heard());
            tokio::time::sleep(GLANCE).await;
        }
    }

    pub fn forget(&self) {
        *self.heard.lock() = Heard::default();
    }
}

impl Drop for Ear {
    fn drop(&mut self) {
        let _ = self.pipeline.set_state(gst::State::Null);
    }
}

impl Heard {
    /// A fifth of the time: half of it and the half more are left to a loaded machine.
    pub fn rings(&self) {
        let share = self.tones as f64 / self.windows.max(1) as f64;
        assert!((0.1..0.3).contains(&share), "{share} of the time: {self:?}");
    }

    fn add(&mut self, tone: bool) {
        if tone && !self.was {
            self.onsets.push(Instant::now());
        }
        self.windows += 1;
        self.tones += usize::from(tone);
        self.was = tone;
    }
}

/// Goertzel: whether most of its loudness is the test tone.
fn is_tone(samples: &[f32]) -> bool {
    let turn = std::f32::consts::TAU * TONE_HZ as f32 / SAMPLE_RATE_HZ as f32;
    let (mut before, mut last) = (0.0, 0.0);
    let mut energy = 0.0;
    for sample in samples {
        energy += sample * sample;
        (before, last) = (last, sample + 2.0 * turn.cos() * last - before);
    }
    let power = last * last + before * before - 2.0 * turn.cos() * last * before;
    let count = samples.len() as f32;
    energy / count > 500.0 * 500.0 && power / (energy * count / 2.0) > 0.7
}

impl Seen {
    /// Different pictures a second.
    pub fn rate(&self) -> f64 {
        let numbered = self.changes.iter().filter(|(_, number)| number.is_some()).count();
        numbered as f64 / self.lasted.as_secs_f64()
    }

    /// When a second of the clip began.
    fn seconds(&self) -> impl Iterator<Item = Instant> {
        let starts = self.changes.iter().skip(1).filter(|(_, number)| number.is_some_and(|n| n % 30 == 0));
        starts.map(|(at, _)| *at)
    }

    /// How far a tone is from the beginning of a second, at its nearest.
    ///
    /// All tones are alike and there is one each second: whole seconds between sound and picture are not seen, and what
    /// is seen is never more than half of one. [`Self::ends_together`] sees the whole ones.
    pub fn drift(&self, heard: &Heard) -> Duration {
        let pairs = self.seconds().flat_map(|at| heard.onsets.iter().map(move |onset| apart(at, *onset)));
        pairs.min().unwrap_or(Duration::MAX)
    }

    /// What came to its end had its last tone in its last second: nothing follows that could be taken for it.
    pub fn ends_together(&self, heard: &Heard) {
        let last = self.changes.iter().rev().find_map(|(at, number)| Some((*at, (*number)?)));
        let Some(((at, number), onset)) = last.zip(heard.onsets.last()) else {
            panic!("nothing was seen or heard: {self:?}, {heard:?}");
        };
        let into_its_second = Duration::from_secs(1) * (number % FRAME_RATE) / FRAME_RATE;
        let drift = apart(*onset + into_its_second, at);
        println!("  the last tone is {drift:?} from its picture");
        assert!(drift < SAME_SECOND, "{drift:?} apart at the end");
    }

    /// The longest time that one picture stood.
    pub fn longest(&self) -> Duration {
        let gaps = self.changes.windows(2).map(|pair| pair[1].0 - pair[0].0);
        gaps.max().unwrap_or(self.lasted)
    }

    pub fn blanks(&self) -> usize {
        self.changes.iter().filter(|(_, number)| number.is_none()).count()
    }

    /// It went on from where it was, and no picture was shown a second time.
    pub fn goes_on(&self) {
        let numbers: Vec<_> = self.changes.iter().filter_map(|(_, number)| *number).collect();
        assert!(numbers.is_sorted_by(|a, b| a < b), "it began anew: {numbers:?}");
    }

    /// It moved: on a machine that does more than this some frames are left out.
    pub fn moves(&self) {
        assert!(self.rate() > 24.0 && self.blanks() == 0, "{} a second: {self:?}", self.rate());
        assert!(self.longest() < Duration::from_millis(350), "stood for {:?}", self.longest());
    }
}

fn apart(a: Instant, b: Instant) -> Duration {
    if a > b { a - b } else { b - a }
}

pub fn stream(url: &str) -> Kind {
    Kind::Stream(StreamUrl::parse("url", url).expect("it must be a stream's URL"))
}

pub fn file(url: &str, repeat: Repeat) -> Kind {
    Kind::File(File { location: Location::parse("url", url).expect("it must be a URL"), repeat })
}

/// Waits until the source fares like this; how long it took.
pub async fn fares(source: &Source, deadline: Duration, wanted: impl Fn(&Health) -> bool) -> Health {
    let mut health = source.health();
    let found = tokio::time::timeout(deadline, health.wait_for(|health| wanted(health)))
        .await
        .map(|found| found.expect("the source must be there").clone());
    found.unwrap_or_else(|_| panic!("after {deadline:?} it is {:?}", *source.health().borrow()))
}

/// Waits for a failure: its reason and message.
pub async fn fails(source: &Source) -> (&'static str, String) {
    match fares(source, OPEN, |health| matches!(health, Health::Failed(_))).await {
        Health::Failed(failure) => (failure.reason, failure.message),
        other => panic!("{other:?}"),
    }
}
