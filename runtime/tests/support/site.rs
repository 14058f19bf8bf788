//! A web site on loopback that serves clips: as files, as live streams, and in the ways that sites go wrong.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use futures::StreamExt;
use parking_lot::Mutex;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, watch};

use super::clip::{self, Sender};

/// Between two titles of a radio station.
const ICY_INTERVAL: usize = 8192;
/// A sender that has nothing to send looks again whether it shall end.
const IDLE: Duration = Duration::from_millis(50);

/// More than any of our buffers holds.
const BURST: usize = 10 << 20;

/// What the site does with those who are listening.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mood {
    Sends,
    /// Keeps the connection and sends nothing.
    Holds,
    /// Sends noise instead.
    Babbles,
    /// Sends 10 MB of noise in one go, and then goes on.
    Bursts,
    /// Sends a picture of half the size instead.
    Shrinks,
    /// Breaks off in the middle of a piece, and does it again to whoever comes back.
    Breaks,
    /// Closes the connection, and refuses the next.
    Refuses,
}

#[derive(Clone)]
pub struct Site {
    address: SocketAddr,
    inner: Arc<Inner>,
}

struct Inner {
    mood: watch::Sender<Mood>,
    folder: Mutex<PathBuf>,
    opened: AtomicUsize,
}

impl Site {
    pub async fn open() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port must be free");
        let address = listener.local_addr().expect("it has an address");
        let inner = Arc::new(Inner {
            mood: watch::channel(Mood::Sends).0,
            folder: Mutex::new(clip::folder().to_owned()),
            opened: AtomicUsize::new(0),
        });
        let router = Router::new()
            .route("/files/{name}", get(file))
            .route("/plain/{name}", get(whole))
            .route("/simple/{name}", get(simple))
            .route("/live/{what}", get(live))
            .with_state(inner.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { address, inner }
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}/{path}", self.address)
    }

    pub fn is_in(&self, mood: Mood) {
        self.inner.mood.send_replace(mood);
    }

    /// What `/files` are served from.
    pub fn serves(&self, folder: PathBuf) {
        *self.inner.folder.lock() = folder;
    }

    /// How many have asked for something live.
    pub fn opened(&self) -> usize {
        self.inner.opened.load(Ordering::Relaxed)
    }
}

/// With ranges, as web servers do.
async fn file(State(site): State<Arc<Inner>>, Path(name): Path<String>, headers: HeaderMap) -> Response {
    let path = site.folder.lock().join(&name);
    let Ok(bytes) = tokio::fs::read(path).await.map(Bytes::from) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let range = headers.get(header::RANGE).and_then(|range| range.to_str().ok()?.strip_prefix("bytes="));
    let Some((from, to)) = range.and_then(|range| range.split_once('-')) else {
        return ([(header::ACCEPT_RANGES, "bytes"), (header::CONTENT_TYPE, kind(&name))], bytes)
            .into_response();
    };
    let from: usize = from.parse().unwrap_or_default();
    let to = to.parse().map_or(bytes.len(), |to: usize| (to + 1).min(bytes.len()));
    if from >= to {
        return StatusCode::RANGE_NOT_SATISFIABLE.into_response();
    }
    let place = format!("bytes {from}-{}/{}", to - 1, bytes.len());
    (StatusCode::PARTIAL_CONTENT, [(header::CONTENT_RANGE, place)], bytes.slice(from..to)).into_response()
}

/// Without ranges and without a length.
async fn whole(State(site): State<Arc<Inner>>, Path(name): Path<String>) -> Response {
    let path = site.folder.lock().join(&name);
    match tokio::fs::read(path).await {
        Ok(bytes) => {
            Body::from_stream(futures::stream::iter([Ok::<_, std::io::Error>(bytes)])).into_response()
        }
        Err(_) => StatusCode::NOT_FOUND.into_response(),
    }
}

/// Without ranges and with a length, as simple servers do.
async fn simple(State(site): State<Arc<Inner>>, Path(name): Path<String>) -> Response {
    let path = site.folder.lock().join(&name);
    match tokio::fs::read(path).await {
        Ok(bytes) => bytes.into_response(),
        Err(_) => StatusCode::NOT_FOUND.into_response(),
    }
}

fn kind(name: &str) -> &'static str {
    match name.rsplit('.').next() {
        Some("m3u8") => "application/vnd.apple.mpegurl",
        Some("mpd") => "application/dash+xml",
        Some("ts") => "video/mp2t",
        _ => "application/octet-stream",
    }
}

async fn live(State(site): State<Arc<Inner>>, Path(what): Path<String>, headers: HeaderMap) -> Response {
    site.opened.fetch_add(1, Ordering::Relaxed);
    if *site.mood.borrow() == Mood::Refuses {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    }
    let (description, kind) = match what.as_str() {
        "ts" => (clip::live_ts("appsink name=out sync=false"), "video/mp2t"),
        "mp4" => (clip::live_mp4(), "video/mp4"),
        "mjpeg" => (clip::live_mjpeg(), "multipart/x-mixed-replace; boundary=part"),
        "dense" => (clip::live_dense_ts(), "video/mp2t"),
        "opus" => (sound("opusenc", "oggmux"), "application/ogg"),
        "vorbis" => (sound("vorbisenc", "oggmux"), "application/ogg"),
        "mp3" => (sound("lamemp3enc ! mpegaudioparse", "identity"), "audio/mpeg"),
        "aac" => (sound("avenc_aac ! aacparse ! audio/mpeg,stream-format=adts", "identity"), "audio/aac"),
        _ => return StatusCode::NOT_FOUND.into_response(),
    };
    let titles = headers.contains_key("icy-metadata") && matches!(what.as_str(), "mp3" | "aac");
    let body = Body::from_stream(pieces(site, description, titles));
    let mut answer = ([(header::CONTENT_TYPE, kind)], body).into_response();
    if titles {
        answer.headers_mut().insert("icy-metaint", ICY_INTERVAL.into());
        answer.headers_mut().insert("icy-name", header::HeaderValue::from_static("Test Tone"));
    }
    answer
}

fn sound(encoder: &str, muxer: &str) -> String {
    clip::live(&format!("{muxer} name=m ! appsink name=out sync=false"), None, Some(encoder))
}

/// What one listener is sent.
struct Sending {
    /// Dropped before its sender, which may be waiting for it to be read from.
    pieces: mpsc::Receiver<Bytes>,
    /// Held: dropped, it ends.
    _sender: Sender,
    /// The same in half the size, once that was asked for.
    small: Option<(mpsc::Receiver<Bytes>, Sender)>,
    mood: watch::Receiver<Mood>,
    burst: bool,
    over: bool,
    titles: Titles,
}

type Piece = Result<Bytes, std::io::Error>;

fn pieces(site: Arc<Inner>, description: String, titles: bool) -> impl futures::Stream<Item = Piece> {
    let (sender, pieces) = Sender::pieces(&description);
    let (mood, titles) = (site.mood.subscribe(), Titles::new(titles));
    let sending = Sending { _sender: sender, pieces, small: None, mood, burst: false, over: false, titles };
    futures::stream::unfold(sending, |mut sending| async move {
        let piece = sending.next().await?;
        Some((piece, sending))
    })
    .boxed()
}

impl Sending {
    /// None: it ends as it should. An error: the connection breaks.
    async fn next(&mut self) -> Option<Piece> {
        if self.over {
            return Some(Err(std::io::ErrorKind::BrokenPipe.into()));
        }
        loop {
            let now = *self.mood.borrow();
            let bursts = now == Mood::Bursts && !self.burst;
            self.burst = now == Mood::Bursts;
            if now != Mood::Shrinks {
                self.small = None;
            }
            let piece = match now {
                Mood::Refuses => return None,
                Mood::Holds => {
                    tokio::time::sleep(IDLE).await;
                    while self.pieces.try_recv().is_ok() {}
                    continue;
                }
                Mood::Bursts if bursts => noise(&vec![0; BURST].into()),
                Mood::Sends | Mood::Bursts => self.pieces.recv().await?,
                Mood::Babbles => noise(&self.pieces.recv().await?),
                Mood::Shrinks => {
                    while self.pieces.try_recv().is_ok() {}
                    let small = self.small.get_or_insert_with(|| {
                        let (sender, pieces) = Sender::pieces(&clip::live_small_ts());
                        (pieces, sender)
                    });
                    small.0.recv().await?
                }
                Mood::Breaks => {
                    self.over = true;
                    let piece = self.pieces.recv().await?;
                    piece.slice(..piece.len() / 2)
                }
            };
            return Some(Ok(self.titles.insert(piece)));
        }
    }
}

fn noise(piece: &Bytes) -> Bytes {
    piece.iter().enumerate().map(|(at, byte)| byte.wrapping_mul(31) ^ ((at * 7) >> 3) as u8).collect()
}

/// A radio station's titles, in between of its sound.
struct Titles {
    until: Option<usize>,
}

impl Titles {
    fn new(wanted: bool) -> Self {
        Self { until: wanted.then_some(ICY_INTERVAL) }
    }

    fn insert(&mut self, piece: Bytes) -> Bytes {
        let Some(mut until) = self.until else { return piece };
        let mut out = Vec::with_capacity(piece.len() + 64);
        for byte in piece {
            out.push(byte);
            until -= 1;
            if until == 0 {
                let mut title = b"StreamTitle='A tone';".to_vec();
                title.resize(32, 0);
                out.push(2);
                out.extend(title);
                until = ICY_INTERVAL;
            }
        }
        self.until = Some(until);
        out.into()
    }
}
