//! What a stream costs from its demuxer to the camera's picture: 720p30, H.264 and AAC in MPEG-TS over HTTP, sent by
//! another process. All threads of the source are counted, those that fetch as well.
//!
//! `cargo run --release -p understudy-runtime --example input_cost [SECONDS]` prints rows of a table (what, cost, bound) to
//! its output and the cost of each thread beside it; it fails if the bound is passed.

#![allow(dead_code, clippy::panic, clippy::print_stdout, reason = "what tests share, and need more of")]

#[path = "../tests/support/clip.rs"]
mod clip;
#[path = "../tests/support/site.rs"]
mod site;
#[path = "../tests/support/studio.rs"]
mod studio;

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use understudy_core::input::{Carries, Health};

/// As `getconf CLK_TCK` says on every Linux that we run on.
const TICKS_PER_SECOND: f64 = 100.0;
/// Caches are warm, decoders have their pictures.
const WARM: Duration = Duration::from_secs(3);

/// Of one core: a participant's camera shall not cost more than what its browser leaves.
const BOUND: f64 = 0.25;

/// What is measured: in words, where it is served, and what of it is played.
const WHAT: [(&str, &str, Carries); 3] = [
    ("a quiet picture", "ts", Carries::Video),
    ("a picture that moves everywhere, 4 Mbit/s", "dense", Carries::Video),
    ("a quiet picture and its sound", "ts", Carries::Both),
];

/// The processor time of each thread, in ticks, with its name.
type Threads = BTreeMap<String, (String, u64)>;

#[tokio::main]
async fn main() -> ExitCode {
    understudy_runtime::gst::init().expect("GStreamer must start");
    let argument = std::env::args().nth(1);
    match argument.as_deref() {
        Some("serve") => serve().await,
        seconds => measure(seconds.and_then(|text| text.parse().ok()).unwrap_or(15)).await,
    }
}

/// Says where, then goes on until it is killed.
async fn serve() -> ! {
    let site = site::Site::open().await;
    clip::folder();
    clip::live_dense_ts();
    let mut out = std::io::stdout();
    writeln!(out, "{}", site.url("live/")).expect("somebody must listen");
    std::future::pending().await
}

async fn measure(seconds: u64) -> ExitCode {
    let (mut server, url) = server();
    let studio = studio::Studio::open().await;
    let mut code = ExitCode::SUCCESS;
    for (what, path, carries) in WHAT {
        let source = studio.play(studio::stream(&format!("{url}{path}")), carries);
        studio::fares(&source, studio::OPEN, |health| *health == Health::Playing).await;
        tokio::time::sleep(WARM).await;
        let (before, start) = (threads(), Instant::now());
        tokio::time::sleep(Duration::from_secs(seconds)).await;
        let (after, lasted) = (threads(), start.elapsed());
        let total = report(what, &spent(&before, after), lasted);
        if carries == Carries::Video && total > BOUND {
            code = ExitCode::FAILURE;
        }
        drop(source);
    }
    server.kill().expect("the server must end");
    server.wait().expect("the server must be waited for");
    code
}

/// What each thread has spent since, the busiest first.
fn spent(before: &Threads, after: Threads) -> Vec<(u64, String)> {
    let since = |id: &String, ticks: u64| ticks - before.get(id).map_or(0, |(_, ticks)| *ticks);
    let mut spent: Vec<_> = after.into_iter().map(|(id, (name, ticks))| (since(&id, ticks), name)).collect();
    spent.retain(|(ticks, _)| *ticks > 0);
    spent.sort_by(|a, b| b.cmp(a));
    spent
}

/// Prints it; the sum, in cores.
fn report(what: &str, spent: &[(u64, String)], lasted: Duration) -> f64 {
    let cores = |ticks: u64| ticks as f64 / TICKS_PER_SECOND / lasted.as_secs_f64();
    let (mut out, mut beside) = (std::io::stdout(), std::io::stderr());
    for (ticks, name) in spent {
        writeln!(beside, "  {:.3} {name}", cores(*ticks)).expect("somebody must listen");
    }
    let total = cores(spent.iter().map(|(ticks, _)| *ticks).sum());
    let row = format!("| 720p30 H.264 over HTTP to the camera, {what} | {total:.2} of a core | ≤ {BOUND} |");
    writeln!(out, "{row}").expect("somebody must listen");
    total
}

#[expect(clippy::disallowed_methods, reason = "a measurement's own child, not the runtime's")]
fn server() -> (Child, String) {
    let program = std::env::current_exe().expect("a program has a path");
    let server = Command::new(program).arg("serve").stdout(Stdio::piped()).spawn();
    let mut server = server.expect("the server must start");
    let mut line = String::new();
    let out = server.stdout.take().expect("it is piped");
    BufReader::new(out).read_line(&mut line).expect("the server must say where it is");
    (server, line.trim().to_owned())
}

/// The processor time of each thread of this process, in ticks, with its name (proc_pid_stat(5)).
fn threads() -> Threads {
    let tasks = std::fs::read_dir("/proc/self/task").expect("/proc must be there").flatten();
    let read = |id: String| {
        let stat = std::fs::read_to_string(format!("/proc/self/task/{id}/stat")).ok()?;
        let (front, back) = stat.rsplit_once(')')?;
        let name = front.split_once('(')?.1.to_owned();
        let fields: Vec<_> = back.split_whitespace().collect();
        let ticks = fields.get(11)?.parse::<u64>().ok()? + fields.get(12)?.parse::<u64>().ok()?;
        Some((id, (name, ticks)))
    };
    tasks.filter_map(|task| read(task.file_name().into_string().ok()?)).collect()
}
