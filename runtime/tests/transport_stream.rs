//! The programme over a WebSocket, as players that are not ours read it.

mod reader;

use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;
use understudy_e2e::browser::{self, Chromium};
use understudy_e2e::{client, wait};

use crate::support::session::Session;
use reader::{PICTURE, Read, Reader, SOUND};

const EXAMPLE: &str = include_str!("../../examples/session.yaml");

/// Long enough for several keyframes and a hundred frames.
const WHILE: Duration = Duration::from_secs(5);
/// The runtime lets go after 10 s whoever takes nothing; before that what lies between fills.
const LET_GO: Duration = Duration::from_secs(60);

/// Everything that dies is there again by then, on a machine that does more than this.
const REPAIRED: Duration = Duration::from_secs(30);

/// What ffprobe says of the streams of a file, and what it complains of.
async fn probe(folder: &TempDir, file: &str) -> Vec<String> {
    let entries = "stream=codec_name,width,height,sample_rate,channels,nb_read_frames";
    let text = format!("ffprobe -v warning -count_frames -show_entries {entries} -of csv=p=0 {file} 2>&1");
    let told = client::shell(&text, folder.path()).await.expect("it must be read");
    let mut streams: Vec<String> = Vec::new();
    for line in told.lines().filter(|line| !line.is_empty()) {
        // Streams of a program are told with it, and again by themselves.
        if !streams.contains(&line.to_owned()) {
            streams.push(line.to_owned());
        }
    }
    streams
}

/// The frames of a stream that ffprobe tells as this and their number.
fn frames(told: &[String], stream: &str) -> u64 {
    let found = told.iter().find_map(|line| line.strip_prefix(stream)?.parse().ok());
    found.unwrap_or_else(|| panic!("there must be {stream}: {told:?}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn ffprobe_reads_each_codec_whole_from_the_first_byte_on() {
    let (session, folder) = (Session::live(EXAMPLE).await, tempfile::tempdir().unwrap());
    for (codec, picture, sound) in
        [("h264", "h264,1280,720,", "aac,48000,2,"), ("mpeg1", "mpeg1video,1280,720,", "mp2,48000,2,")]
    {
        let mut reader = Reader::open(&session, &format!("program?codec={codec}")).await;
        let file = format!("{codec}.ts");
        std::fs::write(folder.path().join(&file), reader.read_for(WHILE).await).unwrap();
        let told = probe(&folder, &file).await;
        assert_eq!(told.len(), 2, "nothing is complained of: {told:?}");
        // A machine that does more than this leaves some out.
        let seconds = WHILE.as_secs();
        assert!((15 * seconds..=31 * seconds).contains(&frames(&told, picture)), "{told:?}");
        assert!(frames(&told, sound) > 30 * seconds, "{told:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_who_reads_nothing_costs_two_others_nothing_and_is_let_go() {
    let session = Session::live(EXAMPLE).await;
    let stop = CancellationToken::new();
    let mut others = Vec::new();
    for _ in 0..2 {
        others.push(tokio::spawn(Reader::open(&session, "program").await.read_until(stop.clone())));
    }
    let stalled = Reader::open(&session, "program").await;
    let readers = "understudy_egress_readers{transport=\"WebSocket\"} ";
    assert_eq!(session.counts(readers).await, 3);
    let (_, after) = wait::until(LET_GO, || async {
        match session.counts(readers).await {
            2 => Ok(()),
            count => Err(format!("{count} read")),
        }
    })
    .await;
    println!("who reads nothing is let go after {after:?}");
    stop.cancel();
    for other in others {
        let read = other.await.unwrap();
        assert!(read.packets > 1000 && read.gaps == 0, "{read:?}");
    }
    drop(stalled);
}

/// Kills what is called so while somebody reads: what is made without it goes on, and what was made with it comes back.
async fn outlives(part: &str, codec: &str, lost: u16) {
    let session = Session::live(EXAMPLE).await;
    let mut reader = Reader::open(&session, &format!("program?codec={codec}")).await;
    let mut read = Read::default();
    reader.read_units(&mut read, PICTURE, 10, REPAIRED).await;
    reader.read_units(&mut read, SOUND, 10, REPAIRED).await;
    let victims = session.children(part);
    assert_eq!(victims.len(), 1, "{part} must run");
    kill(victims[0], Signal::SIGKILL).unwrap();
    // What was under way when it died is read before.
    reader.read_units(&mut read, lost, 60, REPAIRED).await;
    reader.read_units(&mut read, PICTURE, 10, REPAIRED).await;
    reader.read_units(&mut read, SOUND, 10, REPAIRED).await;
    assert_eq!(read.gaps, 0, "{read:?}");
    assert!(session.children(part).iter().all(|child| *child != victims[0]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_outlives_the_encoder_of_mpeg_1() {
    outlives("ffmpeg", "mpeg1", PICTURE).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_outlives_the_sound_daemon() {
    outlives("pulseaudio", "h264", SOUND).await;
}

async fn plays(codec: &str, player: &str) {
    let session = Session::live(EXAMPLE).await;
    let chromium = Chromium::launch().await;
    let stream = session.url(&format!("/stream/socket/program?codec={codec}")).replace("http:", "ws:");
    let page = chromium
        .open(&session.url(&format!("/input/devices/virtual/feed?fit=contain&source={stream}")))
        .await;
    let playing = format!(
        "understudy.state === 'playing' && understudy.player === '{player}' && understudy.frames > 100"
    );
    browser::becomes_true(&page, &playing).await;
    browser::photograph(&page, &format!("socket-{codec}.png")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn mpegts_js_plays_h_264_in_a_browser() {
    plays("h264", "playWithMediaSource").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn jsmpeg_plays_mpeg_1_in_a_browser() {
    plays("mpeg1", "playTransportStream").await;
}
