//! How far apart a page sees and hears what a WebRTC peer captured together.

use std::net::Ipv4Addr;
use std::time::Duration;

use serde::Deserialize;
use understudy_core::test_picture::FRAME_RATE;
use understudy_e2e::publish::Publish;

use super::{Room, webrtc, with_its_page};
use crate::support::publisher::{ffmpeg, film};

const LIPS: &str = concat!(include_str!("../fixtures/number.js"), include_str!("../fixtures/lips.js"));

/// Sound that is ahead of its picture by less, or behind by less, nobody notices (ITU-R BT.1359-1), in milliseconds.
const UNNOTICED: std::ops::Range<f64> = -125.0..45.0;
/// Until both streams have reported: ffmpeg does each five seconds.
const REPORTED: Duration = Duration::from_secs(8);
/// Pictures so many milliseconds before and after a tone tell when its second began.
const ABOUT: f64 = 300.0;
const FRAME: f64 = 1000.0 / FRAME_RATE as f64;
const TONES: Duration = Duration::from_secs(10);

#[derive(Debug, Deserialize)]
struct Told {
    /// When each came, and its number.
    pictures: Vec<(f64, f64)>,
    /// When each began.
    tones: Vec<f64>,
    failed: Option<String>,
}

impl Told {
    /// How much earlier than its picture the sound comes, in milliseconds: the middle of what each tone says.
    fn ahead(&self) -> f64 {
        assert_eq!(self.failed, None);
        let ahead: Vec<_> = self.tones.iter().filter_map(|tone| self.tone_ahead(*tone)).collect();
        assert!(ahead.len() > 5, "too little came: {self:?}");
        println!("  {ahead:.0?} ms ahead");
        middle(&ahead)
    }

    /// A tone begins with each second of the film, which may be sent faster or slower than it plays.
    fn tone_ahead(&self, tone: f64) -> Option<f64> {
        let about = self.pictures.iter().filter(|(at, _)| (at - tone).abs() < ABOUT);
        let begins: Vec<_> = about.map(|(at, number)| at - number * FRAME).collect();
        let begin = (!begins.is_empty()).then(|| middle(&begins))?;
        Some(500.0 - (tone - begin + 500.0).rem_euclid(1000.0))
    }
}

fn middle(values: &[f64]) -> f64 {
    let mut values = values.to_vec();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// A session whose page looks and listens, and that waits for a peer.
async fn open() -> Room {
    let (session, page) = with_its_page(&[]).await;
    let room = Room { session, page, tracks: Vec::new(), browser: Vec::new() };
    assert_eq!(room.page.evaluate(LIPS).await.unwrap(), true);
    room.configure(&webrtc()).await;
    room
}

async fn ahead(room: &Room) -> f64 {
    room.session.until_reason("InputsReady", "Playing").await;
    tokio::time::sleep(REPORTED).await;
    let take = async || -> Told {
        serde_json::from_value(room.page.evaluate("lips.take()").await.unwrap()).unwrap()
    };
    take().await;
    tokio::time::sleep(TONES).await;
    let ahead = take().await.ahead();
    println!("  {ahead:.0} ms ahead");
    ahead
}

#[tokio::test(flavor = "multi_thread")]
async fn ffmpeg_is_heard_as_it_is_seen() {
    let (room, film) = (open().await, film().await);
    let _ffmpeg = ffmpeg(room.session.http_at(Ipv4Addr::LOCALHOST.into()), "none", &film);
    let ahead = ahead(&room).await;
    assert!(UNNOTICED.contains(&ahead), "{ahead:.0} ms ahead");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_peer_sends_apart_and_reports_is_heard_as_it_is_seen() {
    let room = open().await;
    let url = room.session.url("/input/devices/virtual/webrtc/offer");
    for arguments in [&[][..], &["--late", "audio:0.2"], &["--late", "video:0.2"]] {
        println!("{arguments:?}");
        let _peer = Publish::new(&*url, "VP8", arguments).start();
        let ahead = ahead(&room).await;
        assert!(UNNOTICED.contains(&ahead), "{arguments:?}: {ahead:.0} ms ahead");
    }
}
