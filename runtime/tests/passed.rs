//! What comes as it is to go out, goes out as it came; all else is encoded.

mod changes;

use std::collections::HashSet;
use std::path::Path;
use std::sync::LazyLock;
use std::time::Duration;

use bytes::Bytes;
use gstreamer_app::AppSink;
use gstreamer_app::prelude::*;
use tempfile::TempDir;
use tokio::sync::watch;
use tokio::time::{Instant, timeout};
use understudy_core::input::Carries;
use understudy_core::media::Unit;
use understudy_core::passage::access_unit;
use understudy_core::rendition::{Audio, Video};
use understudy_core::spec::{Encoding, FrameRate, Resolution};
use understudy_e2e::destination::{Destination, TOKEN};
use understudy_runtime::broadcast::{Metrics, Subscriber};
use understudy_runtime::capture::{Screen, Subjects, View, program};
use understudy_runtime::program::Program;

use crate::support::clip;
use crate::support::server::{Server, ok};
use crate::support::session::Session;
use crate::support::studio::{OPEN, Studio, stream};

/// On a machine that does more than this.
const SOON: Duration = Duration::from_secs(20);
/// The clip twice, and how long a decoder stays warm, with room.
const ROUNDS: Duration = Duration::from_secs(13);
/// From one unit to the next, also where a round follows another: two intervals and a bit.
const NO_GAP: Duration = Duration::from_millis(80);
/// Far less than until the next keyframe of [`RARE`] comes.
const AT_ONCE: Duration = Duration::from_millis(1500);

/// From when a unit is shown to when it is here, on a machine that does more than this.
const IN_TIME: Duration = Duration::from_millis(500);

/// As our own, with a keyframe each second.
const FITS: &str = "fits.mkv";
/// The same, with one keyframe in four seconds.
const RARE: &str = "rare.mkv";

static CLIPS: LazyLock<TempDir> = LazyLock::new(|| {
    let folder = tempfile::tempdir().expect("a directory must be free");
    for (name, frames) in [(FITS, 30), (RARE, 600)] {
        let (from, to) = (clip::folder().join("short.mkv"), folder.path().join(name));
        clip::finish(&format!(
            "filesrc location={} ! matroskademux name=d \
             d.video_0 ! queue ! h264parse ! avdec_h264 ! x264enc speed-preset=ultrafast tune=zerolatency bitrate=1500 \
             key-int-max={frames} option-string=scenecut=0 ! video/x-h264,profile=constrained-baseline ! h264parse ! \
             matroskamux name=m ! filesink location={} \
             d.audio_0 ! queue ! flacparse ! flacdec ! audioconvert ! audioresample ! audio/x-raw,channels=2 ! opusenc ! m.",
            from.display(),
            to.display(),
        ));
    }
    folder
});

/// What is in a file, as it would go out.
struct Content {
    pictures: HashSet<Bytes>,
    sounds: HashSet<Bytes>,
}

impl Content {
    fn of(path: &Path) -> Self {
        let of = |way: &str| {
            let pipeline = clip::parse(&format!(
                "filesrc location={} ! matroskademux name=d {way} ! appsink name=out sync=false",
                path.display()
            ));
            let sink = pipeline.by_name("out").and_downcast::<AppSink>().expect("it has a sink");
            pipeline.set_state(gstreamer::State::Playing).expect("it must start");
            let pulled = std::iter::from_fn(|| sink.pull_sample().ok());
            let all = pulled.map(|sample| {
                let map = sample.buffer().and_then(|buffer| buffer.map_readable().ok());
                Bytes::copy_from_slice(&map.expect("it can be read"))
            });
            let all: HashSet<_> = all.collect();
            let _ = pipeline.set_state(gstreamer::State::Null);
            all
        };
        let pictures = of(
            "d.video_0 ! h264parse config-interval=-1 ! video/x-h264,stream-format=byte-stream,alignment=au",
        );
        let pictures = pictures.into_iter().map(|unit| access_unit(unit).0).collect();
        Self { pictures, sounds: of("d.audio_0") }
    }
}

/// A studio whose picture and sound are published without a page.
struct Direct {
    studio: Studio,
    program: Program,
    _sound: watch::Sender<Option<understudy_runtime::capture::Speaker>>,
}

impl Direct {
    async fn open() -> Self {
        let studio = Studio::direct().await;
        let screen = Screen {
            view: View::Camera(studio.picture.clone()),
            size: Resolution::HD,
            frame_rate: FrameRate::THIRTY,
            bitrate: Encoding::default().video,
        };
        let (sound, speaker) = watch::channel(Some(studio.speaker()));
        let subjects = Subjects {
            screen: watch::channel(Some(screen)).1,
            speaker,
            shows: watch::channel(true).1,
            silence: watch::Sender::default(),
            ffmpeg: "ffmpeg".into(),
        };
        let program = program(subjects, &Metrics::default(), |why| println!("{why}"));
        Self { studio, program, _sound: sound }
    }

    fn picture(&self) -> Subscriber {
        self.program.video(Video::default()).subscribe()
    }
}

async fn next(reader: &mut Subscriber) -> Unit {
    timeout(SOON, reader.next()).await.expect("something must come")
}

/// The first that is, or is not, as in the file.
async fn until(reader: &mut Subscriber, content: &HashSet<Bytes>, as_it_came: bool) -> Unit {
    let began = Instant::now();
    loop {
        let unit = next(reader).await;
        if content.contains(&unit.payload) == as_it_came {
            return unit;
        }
        assert!(began.elapsed() < OPEN, "as it came: {}", !as_it_came);
    }
}

/// Follows for a while what comes as it came, and without a gap.
async fn as_it_came(reader: &mut Subscriber, content: &HashSet<Bytes>, time: Duration) {
    let mut last = until(reader, content, true).await;
    let began = last.pts;
    while last.pts - began < time {
        let unit = next(reader).await;
        assert!(content.contains(&unit.payload), "after {:?} it is another one", unit.pts - began);
        let apart = unit.pts.checked_sub(last.pts).expect("it goes on");
        assert!(apart < NO_GAP, "after {:?} nothing comes for {apart:?}", unit.pts - began);
        last = unit;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_fits_goes_out_as_it_came_round_after_round_and_is_not_decoded() {
    let path = CLIPS.path().join(FITS);
    let (content, direct) = (Content::of(&path), Direct::open().await);
    let _source = direct.studio.play(direct.studio.placed_from(&path), Carries::Both);
    let mut picture = direct.picture();
    let mut sound = direct.program.audio(Audio::default()).subscribe();
    tokio::join!(
        as_it_came(&mut picture, &content.pictures, ROUNDS),
        as_it_came(&mut sound, &content.sounds, ROUNDS),
    );
    let mut shown = direct.studio.picture.shown();
    shown.mark_unchanged();
    as_it_came(&mut picture, &content.pictures, Duration::from_secs(1)).await;
    assert!(!shown.has_changed().unwrap(), "nobody looks at what is decoded");
    // A smaller one has to be encoded, of what is decoded again.
    let size = Some(Resolution::parse("size", 640, 360).unwrap());
    let mut small = direct.program.video(Video { size, ..Video::default() }).subscribe();
    let (encoded, ()) =
        tokio::join!(next(&mut small), as_it_came(&mut picture, &content.pictures, Duration::from_secs(2)));
    assert!(encoded.key && !content.pictures.contains(&encoded.payload));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_site_sends_goes_out_as_it_came_and_in_its_own_time() {
    let path = CLIPS.path().join(FITS);
    let (content, direct) = (Content::of(&path), Direct::open().await);
    let film = std::fs::read(&path).unwrap();
    let site = Server::start(move |_| ok("video/x-matroska", &film)).await;
    let _source = direct.studio.play(stream(&site.url("/film.mkv")), Carries::Both);
    let mut picture = direct.picture();
    let mut sound = direct.program.audio(Audio::default()).subscribe();
    // What comes late for long is played later from then on, and the encoder leads meanwhile; the film is short, and is asked for again.
    let follow = async |reader: &mut Subscriber, content: &HashSet<Bytes>| {
        // How late a stream is played is found out in its first moments.
        let began = until(reader, content, true).await.pts;
        let mut at = began;
        while at.saturating_sub(began) < Duration::from_millis(1300) {
            at = until(reader, content, true).await.pts;
            let now = understudy_runtime::gst::now();
            let settled = at.saturating_sub(began) > Duration::from_millis(800);
            assert!(!settled || now.abs_diff(at) < IN_TIME, "shown at {at:?}, and it is {now:?}");
        }
    };
    tokio::join!(follow(&mut picture, &content.pictures), follow(&mut sound, &content.sounds));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_keyframe_that_does_not_come_by_itself_is_encoded_until_one_comes() {
    let path = CLIPS.path().join(RARE);
    let (content, direct) = (Content::of(&path), Direct::open().await);
    let _source = direct.studio.play(direct.studio.placed_from(&path), Carries::Video);
    let mut first = direct.picture();
    as_it_came(&mut first, &content.pictures, Duration::from_millis(500)).await;
    let mut second = direct.picture();
    let unit = timeout(AT_ONCE, second.next()).await.expect("whoever comes is given a picture at once");
    assert!(unit.key && !content.pictures.contains(&unit.payload));
    // It reads no more, and would ask for another once it is far behind.
    drop(second);
    let unit = until(&mut first, &content.pictures, false).await;
    assert!(unit.key, "nothing of the one builds on the other");
    let unit = until(&mut first, &content.pictures, true).await;
    assert!(unit.key, "and the other way round");
    as_it_came(&mut first, &content.pictures, Duration::from_secs(1)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_fit_is_encoded_and_so_is_what_is_seen_after_the_end_of_what_does() {
    let (fits, direct) = (CLIPS.path().join(FITS), Direct::open().await);
    let other = clip::folder().join("short.mkv");
    let (content, others) = (Content::of(&fits), Content::of(&other));
    let source = direct.studio.play(direct.studio.placed_from(&other), Carries::Video);
    let mut picture = direct.picture();
    direct.studio.until(true, OPEN).await;
    for _ in 0..60 {
        assert!(!others.pictures.contains(&next(&mut picture).await.payload), "its profile is another one");
    }
    drop(source);
    let source = direct.studio.play(direct.studio.placed_from(&fits), Carries::Video);
    as_it_came(&mut picture, &content.pictures, Duration::from_millis(500)).await;
    drop(source);
    let slate = until(&mut picture, &content.pictures, false).await;
    assert!(slate.key);
    for _ in 0..15 {
        assert!(!content.pictures.contains(&next(&mut picture).await.payload), "it is over");
    }
}

/// A session whose inputs are the film that fits, and that is invited to that stage.
fn invited(folder: TempDir, stage: &str) -> Session {
    let token = folder.path().join("token");
    std::fs::write(&token, TOKEN).unwrap();
    let media = folder.path().join(FITS);
    std::fs::copy(CLIPS.path().join(FITS), &media).unwrap();
    let file = format!("{{file: {{url: \"file://{}\"}}}}", media.display());
    let spec = format!(
        "inputs: {{video: {file}, audio: {file}}}\n\
         invitation: {{id: show-42, stage: {{whip: {{url: \"{stage}\", tokenFile: \"{}\"}}}}}}",
        token.display()
    );
    Session::start_in(folder, &spec, &["--allow-private-urls", "*"])
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stage_sees_every_picture_of_a_file_that_is_passed_round_after_round_under_one_publication() {
    let (stage, folder) = (Destination::start(&[]).await, tempfile::tempdir().unwrap());
    let session = invited(folder, &stage.url("/whip"));
    let began = Instant::now();
    let seen = loop {
        let told = stage.told().await.expect("the server must answer");
        if let Some(seen) = told.seen.filter(|seen| seen.seconds.len() >= 10) {
            assert_eq!((told.posts, told.sessions), (1, 1));
            break seen;
        }
        assert!(began.elapsed() < SOON * 2, "not enough of a picture comes");
        tokio::time::sleep(Duration::from_millis(500)).await;
    };
    println!("{seen:?}");
    assert!(session.counts("understudy_hub_passed_frames_total{kind=\"Video\"}").await > 150);
    assert!(session.counts("understudy_hub_passed_frames_total{kind=\"Audio\"}").await > 250);
    session.terminate().await;
}
