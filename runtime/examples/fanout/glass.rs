//! From glass to glass: how long a change of the display takes until a viewer on the same machine has decoded it.
//!
//! The display turns into another grey now and then. Its picture goes the whole way of a session's: read, encoded, served
//! over WHEP, received by a WebRTC viewer and decoded there. Each grey is known again by its brightness.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context;
use gstreamer as gst;
use gstreamer::prelude::*;
use gstreamer_app::{AppSink, AppSrc};
use parking_lot::Mutex;
use rtc::rtp::Packet;
use rtc::shared::marshal::Marshal;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot, watch};
use tokio_util::sync::CancellationToken;
use understudy_core::spec::{Encoding, FrameRate, Resolution};
use understudy_load::signalling::Signalling;
use understudy_load::tally::Tally;
use understudy_load::viewer::{Attention, Plan, Repair, Viewer};
use understudy_runtime::broadcast::Metrics;
use understudy_runtime::capture::{self, Screen, Subjects};
use understudy_runtime::display::{self, Display};
use understudy_runtime::egress::whep;
use understudy_runtime::program::{Program, Registry};
use understudy_runtime::rtc as peers;
use x11rb::connection::Connection;
use x11rb::protocol::xproto::{ChangeGCAux, ConnectionExt, CreateGCAux, Rectangle};

/// No multiple of a frame's time: changes meet each phase of it.
const CHANGE: Duration = Duration::from_millis(197);
/// So far apart that no encoder takes one for another.
const GREYS: [u8; 6] = [24, 64, 104, 144, 184, 224];
/// Packets of some keyframes.
const WAITING: usize = 4096;
/// The encoder's first pictures are worse.
const WARM: Duration = Duration::from_secs(3);

#[derive(Clone, Copy)]
struct Change {
    at: Instant,
    grey: usize,
}

/// Prints a row of a table; each change goes to the file, as milliseconds.
pub async fn run(seconds: u64, file: &Path) -> anyhow::Result<()> {
    understudy_runtime::gst::init()?;
    let home = tempfile::tempdir()?;
    let display = display::start(Resolution::HD, None, home.path()).await?;
    let (program, _kept) = program(&display);
    let shutdown = CancellationToken::new();
    let address = serve(&program, &shutdown).await?;
    let (decoder, frames) = decoder()?;
    let (packets, received) = mpsc::channel(WAITING);
    tokio::spawn(depacketize(received, decoder));
    let leave = CancellationToken::new();
    let viewing =
        tokio::spawn(viewer(&format!("http://{address}/whep/program"), packets)?.run(leave.clone()));

    let painted = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::new(Mutex::new(Vec::new()));
    let end = Instant::now() + WARM + Duration::from_secs(seconds);
    let (painting, looking) = (Arc::clone(&painted), Arc::clone(&seen));
    let painter = tokio::task::spawn_blocking(move || paint(&display.name, end, &painting).map(|()| display));
    std::thread::spawn(move || look(&frames, &looking));
    let display = painter.await??;
    tokio::time::sleep(CHANGE).await;
    leave.cancel();
    viewing.await?.context("the viewer")?;
    shutdown.cancel();
    display.child.stop().await;

    let delays = delays(&painted.lock(), &seen.lock(), end - Duration::from_secs(seconds));
    tell(&delays, file)
}

type Kept = watch::Sender<Option<capture::Speaker>>;

fn program(display: &Display) -> (Program, Kept) {
    let screen = Screen {
        display: display.name.clone(),
        size: Resolution::HD,
        frame_rate: FrameRate::THIRTY,
        bitrate: Encoding::default().video,
    };
    let (speaker, speakers) = watch::channel(None);
    let subjects = Subjects {
        screen: watch::channel(Some(screen)).1,
        speaker: speakers,
        shows: watch::channel(true).1,
        ffmpeg: "ffmpeg".into(),
        silence: watch::Sender::default(),
    };
    (capture::program(subjects, &Metrics::default(), |why| tracing::error!(why)), speaker)
}

async fn serve(program: &Program, shutdown: &CancellationToken) -> anyhow::Result<SocketAddr> {
    let here = Ipv4Addr::LOCALHOST;
    let config = peers::Config {
        bind: (here, 0).into(),
        tcp: peers::TcpPort::Off,
        announce: vec![here.into()],
        max_viewers: 1,
        loops: peers::loops_here(),
    };
    let driver = peers::spawn(&config, peers::Metrics::default(), shutdown.clone())?;
    let programs = Registry::default();
    programs.name(program, ["program".to_owned()]);
    let listener = TcpListener::bind((here, 0)).await?;
    let address = listener.local_addr()?;
    tokio::spawn(async move {
        axum::serve(listener, whep::router(driver, programs, whep::IceServers::default())).await
    });
    Ok(address)
}

fn viewer(url: &str, packets: mpsc::Sender<Packet>) -> anyhow::Result<Viewer> {
    let client = understudy_load::signalling::Client::new()?;
    let whep = understudy_load::signalling::Whep::new(client, url.parse()?, None);
    let plan = Plan {
        signalling: Signalling::Whep(whep),
        local: Ipv4Addr::LOCALHOST.into(),
        repair: Repair::Ask,
        jitter: Duration::ZERO,
    };
    Ok(Viewer {
        plan: Arc::new(plan),
        attention: Attention::All,
        tally: Arc::new(Mutex::new(Tally::default())),
        pictured: oneshot::channel().0,
        packets: Some(packets),
    })
}

/// As every player does it, without a jitter buffer: the network is the loopback.
fn decoder() -> anyhow::Result<(AppSrc, AppSink)> {
    let pipeline = gst::parse::launch(
        "appsrc name=in is-live=true format=time caps=\"application/x-rtp,media=video,encoding-name=H264,clock-rate=90000\" ! \
         rtph264depay ! avdec_h264 thread-type=slice ! video/x-raw,format=I420 ! appsink name=out sync=false",
    )?;
    let pipeline = pipeline.downcast::<gst::Pipeline>().ok().context("a description makes a pipeline")?;
    let source =
        pipeline.by_name("in").and_then(|source| source.downcast().ok()).context("it begins in an appsrc")?;
    let sink =
        pipeline.by_name("out").and_then(|sink| sink.downcast().ok()).context("it ends in an appsink")?;
    pipeline.set_state(gst::State::Playing)?;
    Ok((source, sink))
}

async fn depacketize(mut received: mpsc::Receiver<Packet>, decoder: AppSrc) {
    // Sound has other payload types; the picture's is the one that has most packets, and the first to be a large one.
    let mut video = None;
    while let Some(packet) = received.recv().await {
        if packet.payload.len() > 500 {
            video.get_or_insert(packet.header.payload_type);
        }
        if video == Some(packet.header.payload_type)
            && let Ok(bytes) = packet.marshal()
        {
            let _ = decoder.push_buffer(gst::Buffer::from_slice(bytes));
        }
    }
}

/// Turns the whole display into one grey after the other.
#[allow(clippy::disallowed_methods, reason = "a thread of its own")]
fn paint(display: &str, end: Instant, painted: &Mutex<Vec<Change>>) -> anyhow::Result<()> {
    let (connection, number) = x11rb::connect(Some(display))?;
    let root = connection.setup().roots[number].root;
    let (width, height) = (Resolution::HD.width(), Resolution::HD.height());
    let whole = Rectangle { x: 0, y: 0, width: u16::try_from(width)?, height: u16::try_from(height)? };
    let context = connection.generate_id()?;
    connection.create_gc(context, root, &CreateGCAux::new())?.check()?;
    for grey in (0..GREYS.len()).cycle() {
        let level = u32::from(GREYS[grey]);
        connection.change_gc(context, &ChangeGCAux::new().foreground(level << 16 | level << 8 | level))?;
        connection.poly_fill_rectangle(root, context, &[whole])?.check()?;
        let at = Instant::now();
        painted.lock().push(Change { at, grey });
        if at > end {
            return Ok(());
        }
        std::thread::sleep(CHANGE);
    }
    Ok(())
}

/// Notes when the brightness in the middle of the picture becomes that of another grey.
fn look(frames: &AppSink, seen: &Mutex<Vec<Change>>) {
    let middle = (Resolution::HD.height() / 2 * Resolution::HD.width() + Resolution::HD.width() / 2) as usize;
    let mut last = None;
    while let Ok(sample) = frames.pull_sample() {
        let at = Instant::now();
        let Some(map) = sample.buffer().and_then(|buffer| buffer.map_readable().ok()) else { continue };
        let Some(luma) = map.get(middle) else { continue };
        // Video's black is 16, its white 235 (BT.709).
        let level = (f64::from(*luma) - 16.0) * 255.0 / 219.0;
        let grey = (0..GREYS.len()).find(|grey| (f64::from(GREYS[*grey]) - level).abs() < 12.0);
        if grey.is_some() && grey != last {
            last = grey;
            seen.lock().extend(grey.map(|grey| Change { at, grey }));
        }
    }
}

/// Of the changes since then, how long each took to be seen.
fn delays(painted: &[Change], seen: &[Change], since: Instant) -> Vec<Duration> {
    let counted = painted.iter().filter(|change| change.at >= since);
    let taken = |change: &Change| {
        let same = seen.iter().find(|seen| seen.grey == change.grey && seen.at >= change.at)?;
        Some(same.at - change.at).filter(|delay| *delay < CHANGE * 2)
    };
    counted.filter_map(taken).collect()
}

#[allow(clippy::print_stdout, reason = "it is what it is for")]
fn tell(delays: &[Duration], file: &Path) -> anyhow::Result<()> {
    let mut sorted: Vec<f64> = delays.iter().map(|delay| delay.as_secs_f64() * 1000.0).collect();
    sorted.sort_by(f64::total_cmp);
    anyhow::ensure!(sorted.len() > 10, "only {} changes were seen", sorted.len());
    let at = |part: f64| sorted[((sorted.len() - 1) as f64 * part) as usize];
    println!(
        "| display to decoded picture | {} | {:.0} ms | {:.0} ms | {:.0} ms |",
        sorted.len(),
        at(0.5),
        at(0.95),
        at(1.0)
    );
    let rows: Vec<String> =
        delays.iter().map(|delay| format!("{:.2}\n", delay.as_secs_f64() * 1000.0)).collect();
    std::fs::write(file, format!("milliseconds\n{}", rows.concat()))?;
    Ok(())
}
