//! One page in a session's own browser opens camera and microphone once; what they carry changes over HTTP.

mod colours;
mod lips;
mod opening;
mod resting;
mod speaker;
mod steady;

use std::time::Duration;

use futures::SinkExt;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::process::Child;
use tokio::task::JoinHandle;
use tokio_tungstenite::tungstenite::Message;
use understudy_devtools::{Devtools, Page};
use understudy_e2e::publish::Publish;
use understudy_e2e::wait;

use crate::support::clip;
use crate::support::session::Session;
use crate::support::site::Site;

const EYE: &str = include_str!("fixtures/eye.js");

/// From a change to what it shows and sounds, on a machine that does more than this. Idle it takes a second.
const CHANGE: Duration = Duration::from_secs(20);

/// Long enough for several tones and a hundred frames; less than DevTools waits for an answer.
const WHILE: Duration = Duration::from_secs(4);

/// 20 s of test picture in a row, as files: where it begins anew, the number falls.
const SEAMS: usize = 1;

/// What is black in the camera stays nearly so through the browser's colour conversion.
const BLACK: u8 = 8;

/// Silence of 16 bits, dithered by nobody.
const SILENCE: f64 = 0.001;

/// What a page made of its camera and microphone in a while.
#[derive(Debug, Deserialize)]
struct Seen {
    numbers: Vec<Option<u32>>,
    frames: u32,
    brightest: u8,
    windows: u32,
    tones: u32,
    loudest: f64,
    events: Vec<String>,
    tracks: Vec<Track>,
    same: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Track {
    id: String,
    kind: String,
    ready_state: String,
    muted: bool,
}

impl Seen {
    /// Different pictures a second.
    fn rate(&self) -> f64 {
        let mut numbers = self.numbers.clone();
        numbers.dedup();
        numbers.iter().flatten().count() as f64 / WHILE.as_secs_f64()
    }

    /// Pictures that advance at their rate: on a machine that does more than this some frames are left out.
    fn moves(&self) -> Result<(), String> {
        let numbers: Vec<_> = self.numbers.iter().flatten().collect();
        let back = numbers.windows(2).filter(|pair| pair[1] < pair[0]).count();
        let whole = self.numbers.iter().all(Option::is_some);
        let ahead =
            numbers.last().zip(numbers.first()).map_or(0, |(last, first)| last.saturating_sub(**first));
        let timely = back > 0 || (100..150).contains(&ahead);
        match whole && self.rate() > 24.0 && back <= SEAMS && timely {
            true => Ok(()),
            false => {
                Err(format!("{:.1} pictures a second, {ahead} ahead, {back} back: {self:?}", self.rate()))
            }
        }
    }

    /// The tone sounds a fifth of the time; half of it and half more are left to a loaded machine.
    fn rings(&self) -> Result<(), String> {
        let share = f64::from(self.tones) / f64::from(self.windows.max(1));
        match (0.1..0.3).contains(&share) {
            true => Ok(()),
            false => Err(format!("the tone is heard {share} of the time: {self:?}")),
        }
    }

    fn is_silent(&self) -> Result<(), String> {
        match self.windows > 50 && self.tones == 0 && self.loudest < SILENCE {
            true => Ok(()),
            false => Err(format!("it is not silent: {self:?}")),
        }
    }

    /// Frames come, and all of them are black.
    fn is_black(&self) -> Result<(), String> {
        match self.frames > 0 && self.brightest <= BLACK {
            true => Ok(()),
            false => Err(format!("it is not black: {self:?}")),
        }
    }
}

/// A session that is driven over HTTP, and its page, which is looked at over DevTools.
struct Room {
    session: Session,
    page: Page,
    tracks: Vec<Track>,
    browser: Vec<nix::unistd::Pid>,
}

/// An idle session, and the page that its browser shows.
async fn with_its_page(arguments: &[&str]) -> (Session, Page) {
    let session = Session::idle(&[&["--allow-private-urls", "127.0.0.1"], arguments].concat());
    session.until_reason("PageReady", "Loaded").await;
    session.until_reason("DevicesReady", "Live").await;
    let (devtools, _) = Devtools::connect(&format!("ws://{}", session.devtools())).await.unwrap();
    let page = Page::first(&devtools).await.unwrap();
    (session, page)
}

impl Room {
    async fn open(arguments: &[&str]) -> Self {
        let (session, page) = with_its_page(arguments).await;
        assert_eq!(page.evaluate(EYE).await.unwrap(), true);
        // That of the sinks: nothing is resampled on its way.
        assert_eq!(page.evaluate("new AudioContext().sampleRate").await.unwrap(), 48_000);
        let browser = session.children("chromium");
        let mut room = Self { session, page, tracks: Vec::new(), browser };
        room.tracks = room.told("eye.told()").await.tracks;
        assert_eq!(room.tracks.len(), 2);
        room
    }

    async fn told(&self, script: &str) -> Seen {
        serde_json::from_value(self.page.evaluate(script).await.unwrap()).unwrap()
    }

    async fn look(&self) -> Seen {
        self.told(&format!("eye.look({})", WHILE.as_millis())).await
    }

    /// Waits until this is true of what comes from then on.
    async fn until(&self, wanted: impl Fn(&Seen) -> Result<(), String>) {
        let (_, took) = wait::until(CHANGE, || async { wanted(&self.told("eye.told()").await) }).await;
        println!("  after {took:?}");
    }

    async fn forget(&self) {
        self.page.evaluate("eye.forget()").await.unwrap();
    }

    async fn post(&self, path: &str, body: &Value) -> Value {
        let url = self.session.url(&format!("/input/devices/virtual/{path}"));
        let answer = reqwest::Client::new().post(url).body(body.to_string()).send().await.unwrap();
        let (status, text) = (answer.status(), answer.text().await.unwrap());
        assert_eq!(status, 200, "{path}: {text}");
        serde_json::from_str(&text).unwrap()
    }

    async fn configure(&self, body: &Value) {
        assert_eq!(self.post("configure", body).await["state"], "running");
    }

    /// Waits for picture and tone, and sees both as they should be for a while.
    async fn is_live(&self) {
        self.forget().await;
        self.until(|seen| match seen.numbers.last() {
            Some(Some(_)) if seen.tones > 5 => Ok(()),
            _ => Err(format!("nothing is seen or heard: {seen:?}")),
        })
        .await;
        let seen = self.look().await;
        println!("  {:.1} pictures a second, {} of {} windows sound", seen.rate(), seen.tones, seen.windows);
        seen.moves().unwrap();
        seen.rings().unwrap();
        self.is_the_same(&seen);
    }

    /// Waits until what was on its way to the page's ears has been heard, and nothing follows it.
    async fn falls_silent(&self) {
        self.forget().await;
        wait::until(CHANGE, || async {
            let seen = self.told("eye.told()").await;
            if seen.loudest >= SILENCE {
                self.forget().await;
            }
            seen.is_silent()
        })
        .await;
    }

    async fn is_black_and_silent(&self) {
        self.forget().await;
        // What was in flight may still be shown and heard; from then on nothing may.
        wait::until(CHANGE, || async {
            let seen = self.told("eye.told()").await;
            self.forget().await;
            seen.is_black()
        })
        .await;
        self.falls_silent().await;
        self.forget().await;
        let seen = self.look().await;
        seen.is_black().unwrap();
        seen.is_silent().unwrap();
        self.is_the_same(&seen);
    }

    /// The page still has the tracks that it was given first, live, from the same browser.
    fn is_the_same(&self, seen: &Seen) {
        assert_eq!(seen.tracks, self.tracks);
        assert!(seen.same && seen.tracks.iter().all(|track| track.ready_state == "live" && !track.muted));
        assert_eq!(seen.events, Vec::<String>::new());
        assert_eq!(self.session.children("chromium"), self.browser);
    }

    fn file(&self) -> Value {
        let url = self.session.clip().display().to_string();
        json!({"video": {"type": "file", "url": url}, "audio": {"type": "file", "url": url}})
    }

    /// Sends the long clip over both sockets, as fast as it plays.
    fn publishers(&self) -> [Publisher; 2] {
        let ts = "mpegtsmux name=m alignment=7 ! appsink name=out sync=false";
        let mp3 = "identity name=m ! appsink name=out sync=false";
        [
            Publisher::start(self, "video", &clip::live(ts, Some("identity"), None)),
            Publisher::start(self, "audio", &clip::live(mp3, None, Some("lamemp3enc ! mpegaudioparse"))),
        ]
    }

    fn peer(&self) -> Child {
        Publish::new(self.session.url("/input/devices/virtual/webrtc/offer"), "VP8", &[]).start()
    }
}

/// Somebody who sends over a socket. Dropped, they hang up.
struct Publisher {
    task: JoinHandle<()>,
}

impl Publisher {
    fn start(room: &Room, kind: &str, description: &str) -> Self {
        let url = room.session.url(&format!("/input/devices/virtual/socket/{kind}")).replace("http:", "ws:");
        let (sender, mut pieces) = clip::Sender::pieces(description);
        let task = tokio::spawn(async move {
            let _sender = sender;
            let (mut socket, _) = tokio_tungstenite::connect_async(url).await.expect("the door must be open");
            while let Some(piece) = pieces.recv().await {
                // The session may be over before this is.
                if socket.send(Message::binary(piece)).await.is_err() {
                    return;
                }
            }
        });
        Self { task }
    }
}

impl Drop for Publisher {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Whoever sends what this body asks for.
enum Sending {
    Nobody,
    Peer { _peer: Child },
    Publishers { _publishers: [Publisher; 2] },
}

impl Sending {
    fn to(room: &Room, body: &Value) -> Self {
        match body["audio"]["type"].as_str() {
            Some("webrtc") => Self::Peer { _peer: room.peer() },
            Some("socket") => Self::Publishers { _publishers: room.publishers() },
            _ => Self::Nobody,
        }
    }
}

fn socket() -> Value {
    json!({"video": {"type": "socket"}, "audio": {"type": "socket"}})
}

fn stream(site: &Site) -> Value {
    let url = site.url("live/ts");
    json!({"video": {"type": "stream", "url": url}, "audio": {"type": "stream", "url": url}})
}

fn webrtc() -> Value {
    json!({"video": {"type": "webrtc"}, "audio": {"type": "webrtc"}})
}

#[tokio::test(flavor = "multi_thread")]
async fn one_page_keeps_its_tracks_while_they_carry_one_source_after_the_other() {
    let (room, site) = (Room::open(&[]).await, Site::open().await);
    println!("a file");
    room.configure(&room.file()).await;
    room.is_live().await;
    println!("a stream");
    room.configure(&stream(&site)).await;
    room.is_live().await;
    println!("sockets");
    room.configure(&socket()).await;
    let publishers = room.publishers();
    room.is_live().await;
    drop(publishers);
    println!("a peer");
    room.configure(&webrtc()).await;
    let _peer = room.peer();
    room.is_live().await;
    println!("a file again, paused, resumed and stopped");
    room.configure(&room.file()).await;
    room.is_live().await;
    assert_eq!(room.post("pause", &json!({})).await["state"], "paused");
    room.is_black_and_silent().await;
    assert_eq!(room.post("resume", &json!({})).await["state"], "running");
    room.is_live().await;
    assert_eq!(room.post("stop", &json!({})).await["state"], "idle");
    room.forget().await;
    room.until(|seen| match seen.numbers.last() {
        Some(None) => Ok(()),
        _ => Err(format!("the picture goes on: {seen:?}")),
    })
    .await;
    room.falls_silent().await;
    room.forget().await;
    let seen = room.look().await;
    assert!(seen.frames > 0 && seen.numbers.iter().all(Option::is_none), "{seen:?}");
    seen.is_silent().unwrap();
    room.is_the_same(&seen);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_begins_paused_is_black_and_silent_until_it_is_resumed() {
    let (room, site) = (Room::open(&[]).await, Site::open().await);
    for mut body in [room.file(), stream(&site), socket(), webrtc()] {
        println!("{}", body["video"]["type"]);
        body["start_paused"] = true.into();
        room.forget().await;
        assert_eq!(room.post("configure", &body).await["state"], "paused");
        let _sending = Sending::to(&room, &body);
        let since = room.look().await;
        assert!(since.numbers.iter().all(Option::is_none), "{since:?}");
        since.is_silent().unwrap();
        room.is_black_and_silent().await;
        room.post("resume", &json!({})).await;
        room.is_live().await;
        room.post("stop", &json!({})).await;
        room.until(|seen| {
            seen.numbers.last().is_some_and(Option::is_none).then_some(()).ok_or_else(|| format!("{seen:?}"))
        })
        .await;
        room.falls_silent().await;
        room.forget().await;
    }
}
