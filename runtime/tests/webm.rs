//! The programme as VP8: as WebM over a WebSocket, for pages that have no WebRTC, and over WHEP.

use std::time::Duration;

use futures::StreamExt;
use tokio_tungstenite::connect_async;
use tokio_tungstenite::tungstenite::Message;
use understudy_e2e::browser::{self, Chromium};
use understudy_e2e::client;
use understudy_e2e::probe::Watch;

use crate::support::session::{CLIP_FRAMES, Session};

const EXAMPLE: &str = include_str!("../../examples/session.yaml");
const INITIALIZATION: [u8; 4] = [0x1a, 0x45, 0xdf, 0xa3];
const CLUSTER: [u8; 4] = [0x1f, 0x43, 0xb6, 0x75];
/// Long enough for several keyframes and a hundred frames.
const WHILE: Duration = Duration::from_secs(5);

/// Plays a stream as clients of the source system do, with Media Source Extensions in `sequence` mode, where there is no WebRTC.
/// `window.numbers` are those of the pictures that were shown, `lightest` how light the brightest spot of a picture is now.
pub const PLAY: &str = "(() => {
    delete window.RTCPeerConnection;
    const video = document.createElement('video');
    video.muted = true;
    video.style.width = '640px';
    document.body.replaceChildren(video);
    const [media, waiting] = [new MediaSource(), []];
    video.src = URL.createObjectURL(media);
    media.onsourceopen = () => {
        const buffer = media.addSourceBuffer('video/webm; codecs=\"vp8,opus\"');
        buffer.mode = 'sequence';
        const next = () => {
            if (!buffer.updating && waiting.length) buffer.appendBuffer(waiting.shift());
        };
        buffer.onupdateend = next;
        const socket = new WebSocket('STREAM');
        socket.binaryType = 'arraybuffer';
        socket.onmessage = ({ data }) => {
            waiting.push(data);
            next();
        };
    };
    const canvas = new OffscreenCanvas(1120, 40).getContext('2d', { willReadFrequently: true });
    window.numbers = new Set();
    const look = () => {
        canvas.drawImage(video, 0, 0, 1120, 40, 0, 0, 1120, 40);
        const cells = [...Array(28)].map((_, cell) => canvas.getImageData(cell * 40 + 20, 20, 1, 1).data[1] > 127);
        const bits = cells.slice(2, 26);
        const parity = bits.filter(Boolean).length % 2 === 1;
        if (cells[0] && !cells[1] && cells[27] && cells[26] === parity)
            numbers.add(bits.reduce((number, bit, place) => number + (bit ? 2 ** place : 0), 0));
        video.requestVideoFrameCallback(look);
    };
    video.requestVideoFrameCallback(look);
    const small = new OffscreenCanvas(16, 9).getContext('2d', { willReadFrequently: true });
    window.lightest = () => {
        small.drawImage(video, 0, 0, 16, 9);
        return Math.max(...small.getImageData(0, 0, 16, 9).data.filter((_, place) => place % 4 === 1));
    };
    video.play();
    window.video = video;
})(); true";

/// The messages that come within that time.
async fn messages(session: &Session, time: Duration) -> Vec<Vec<u8>> {
    let url = session.url("/stream/socket/program?codec=vp8").replacen("http", "ws", 1);
    let (mut socket, _) = connect_async(url).await.expect("the socket must open");
    let mut messages = Vec::new();
    let read = async {
        while let Some(message) = socket.next().await {
            if let Message::Binary(bytes) = message.expect("it must be read") {
                messages.push(bytes.to_vec());
            }
        }
    };
    let _: Result<(), _> = tokio::time::timeout(time, read).await;
    messages
}

#[tokio::test(flavor = "multi_thread")]
async fn each_message_is_what_a_page_appends_and_ffprobe_reads_them_whole() {
    let (session, folder) = (Session::live(EXAMPLE).await, tempfile::tempdir().expect("a folder"));
    let messages = messages(&session, WHILE).await;
    let (first, clusters) = messages.split_first().expect("something must come");
    assert!(first.starts_with(&INITIALIZATION) && !first.windows(4).any(|four| four == CLUSTER));
    assert!(clusters.iter().all(|cluster| cluster.starts_with(&CLUSTER)));
    std::fs::write(folder.path().join("stream.webm"), messages.concat()).expect("it must be written");
    let entries = "stream=codec_name,width,height,sample_rate,channels,nb_read_frames";
    let text =
        format!("ffprobe -v warning -count_frames -show_entries {entries} -of csv=p=0 stream.webm 2>&1");
    let told = client::shell(&text, folder.path()).await.expect("it must be read");
    let streams: Vec<&str> = told.lines().collect();
    let [picture, sound] = streams[..] else { panic!("nothing is complained of: {told}") };
    let frames = |stream: &str, is: &str| {
        let frames = stream.strip_prefix(is).and_then(|frames| frames.parse::<u64>().ok());
        frames.unwrap_or_else(|| panic!("there must be {is}: {told}"))
    };
    // A machine that does more than this leaves some out, and the encoder takes a moment to start.
    let seconds = WHILE.as_secs() - 1;
    assert!((12 * seconds..=40 * seconds).contains(&frames(picture, "vp8,1280,720,")), "{told}");
    assert!(frames(sound, "opus,48000,2,") > 40 * seconds, "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_without_webrtc_plays_picture_and_sound() {
    let session = Session::live(EXAMPLE).await;
    let chromium = Chromium::launch().await;
    let page = chromium.open(&session.url("/status")).await;
    let stream = session.url("/stream/socket/program?codec=vp8").replacen("http", "ws", 1);
    let begun = page.evaluate(&PLAY.replace("STREAM", &stream)).await;
    assert_eq!(begun.expect("the page must run it"), true);
    let plays = "typeof RTCPeerConnection === 'undefined' && video.error === null && numbers.size > 60 \
        && video.currentTime > 3 && video.webkitAudioDecodedByteCount > 0";
    browser::becomes_true(&page, plays).await;
    browser::photograph(&page, "socket-vp8.png").await;
    // Who joins later has a clock of its own.
    let again = chromium.open(&session.url("/status")).await;
    again.evaluate(&PLAY.replace("STREAM", &stream)).await.expect("the page must run it");
    browser::becomes_true(&again, "video.error === null && video.currentTime > 1 && numbers.size > 20").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_decodes_nothing_but_vp8_is_sent_that_over_whep() {
    let session = Session::live(EXAMPLE).await;
    let watch = Watch {
        codec: Some("VP8"),
        clip_frames: Some(CLIP_FRAMES),
        ..Watch::new(session.url("/whep/program"), 5)
    };
    let seen = watch.run().await.expect("VP8 must be sent");
    assert_eq!((seen.width, seen.height), (1280, 720), "{seen:?}");
    // A machine that does more than this leaves some out.
    assert!(seen.distinct_per_second > 10 && seen.audio_seconds > 4.0, "{seen:?}");
}
