//! From glass to glass: how long a change of the display takes until a viewer on the same machine has decoded it.
//!
//! The display turns into another grey now and then. Its picture goes the whole way of a session's: read, encoded, served, received
//! and decoded by who plays it; one way out after the other. Each grey is known again by its brightness.

mod player;
mod rtmp;
mod served;
mod sight;
mod socket;
mod whep;

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use tokio_util::sync::CancellationToken;
use understudy_core::spec::Resolution;
use understudy_runtime::display;
use x11rb::connection::Connection;
use x11rb::protocol::xproto::{ChangeGCAux, ConnectionExt, CreateGCAux, Rectangle};

use served::Served;
use sight::{Change, GREYS, Sight};

/// No multiple of a frame's time: changes meet each phase of it.
const CHANGE: Duration = Duration::from_millis(197);
/// Until everybody has joined, and the encoder's first pictures, which are worse, are over.
const WARM: Duration = Duration::from_secs(7);
/// With one more they are many, to whom some pictures leave at a time (`understudy_rtmp::together`).
const OTHERS: usize = 49;

#[derive(Clone, Copy, Debug)]
enum Way {
    Whep,
    Rtmp { others: usize },
    Socket,
}

const WAYS: [Way; 4] = [Way::Whep, Way::Rtmp { others: 0 }, Way::Rtmp { others: OTHERS }, Way::Socket];

/// Prints a row of a table for each way, each measured for so long; each change goes to the file, as milliseconds.
pub async fn run(seconds: u64, file: &Path) -> anyhow::Result<()> {
    understudy_runtime::gst::init()?;
    let home = tempfile::tempdir()?;
    let display = display::start(Resolution::HD, None, home.path()).await?;
    let shutdown = CancellationToken::new();
    let served = served::serve(&display, &shutdown).await?;
    let mut rows = vec!["way,milliseconds".to_owned()];
    for way in WAYS {
        let delays = measure(way, &served, &display.name, Duration::from_secs(seconds)).await?;
        tell(way, &delays)?;
        rows.extend(delays.iter().map(|delay| format!("{},{:.2}", way.name(), delay.as_secs_f64() * 1000.0)));
    }
    shutdown.cancel();
    display.child.stop().await;
    Ok(std::fs::write(file, rows.join("\n") + "\n")?)
}

async fn measure(way: Way, served: &Served, display: &str, time: Duration) -> anyhow::Result<Vec<Duration>> {
    let (sight, leave) = (Sight::default(), CancellationToken::new());
    let viewing = tokio::spawn(way.watch(served, sight.clone(), leave.clone()));
    let painted = Arc::new(Mutex::new(Vec::new()));
    let end = Instant::now() + WARM + time;
    let (display, painting) = (display.to_owned(), Arc::clone(&painted));
    tokio::task::spawn_blocking(move || paint(&display, end, &painting)).await??;
    tokio::time::sleep(CHANGE).await;
    leave.cancel();
    viewing.await??;
    let painted = painted.lock();
    Ok(delays(&painted, &sight.seen(), end - time))
}

impl Way {
    fn name(self) -> String {
        match self {
            Self::Whep => "WHEP".to_owned(),
            Self::Rtmp { others: 0 } => "RTMP".to_owned(),
            Self::Rtmp { others } => format!("RTMP beside {others} more"),
            Self::Socket => "MPEG-TS socket".to_owned(),
        }
    }

    fn watch(
        self,
        served: &Served,
        sight: Sight,
        leave: CancellationToken,
    ) -> impl Future<Output = anyhow::Result<()>> + use<> {
        let (over_whep, over_rtmp, over_socket) = (served.whep(), served.rtmp(), served.socket());
        async move {
            match self {
                Self::Whep => whep::watch(&over_whep, sight, leave).await,
                Self::Rtmp { others } => rtmp::play(&over_rtmp, others, sight, leave).await,
                Self::Socket => socket::read(&over_socket, sight, leave).await,
            }
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

/// Of the changes since then, how long each took to be seen.
fn delays(painted: &[Change], seen: &[Change], since: Instant) -> Vec<Duration> {
    let counted = painted.iter().filter(|change| change.at >= since);
    let taken = |change: &Change| {
        let same = seen.iter().find(|seen| seen.grey == change.grey && seen.at >= change.at)?;
        Some(same.at - change.at).filter(|delay| *delay < CHANGE * 5)
    };
    counted.filter_map(taken).collect()
}

#[allow(clippy::print_stdout, reason = "it is what it is for")]
fn tell(way: Way, delays: &[Duration]) -> anyhow::Result<()> {
    let mut sorted: Vec<f64> = delays.iter().map(|delay| delay.as_secs_f64() * 1000.0).collect();
    sorted.sort_by(f64::total_cmp);
    anyhow::ensure!(sorted.len() > 10, "only {} changes were seen over {}", sorted.len(), way.name());
    let at = |part: f64| sorted[((sorted.len() - 1) as f64 * part) as usize];
    let [half, most, longest] = [0.5, 0.95, 1.0].map(at);
    println!("| {} | {} | {half:.0} ms | {most:.0} ms | {longest:.0} ms |", way.name(), sorted.len());
    Ok(())
}
