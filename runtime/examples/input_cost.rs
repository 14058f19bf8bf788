//! What a stream costs from its demuxer to the camera's picture: the test picture at 720p30, H.264 and AAC in MPEG-TS
//! over HTTP, sent by another process.
//!
//! `cargo run --release -p understudy-runtime --example input_cost [SECONDS]`

#[path = "../tests/support/clip.rs"]
#[allow(dead_code, reason = "tests use the rest")]
mod clip;
#[path = "../tests/support/site.rs"]
#[allow(dead_code, reason = "tests use the rest")]
mod site;
#[path = "../tests/support/studio.rs"]
#[allow(dead_code, reason = "tests use the rest")]
mod studio;

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use understudy_core::input::Carries;

/// As `getconf CLK_TCK` says on every Linux that we run on.
const TICKS_PER_SECOND: f64 = 100.0;
/// Caches are warm, decoders have their pictures.
const WARM: Duration = Duration::from_secs(3);

#[tokio::main]
async fn main() {
    understudy_runtime::gst::init().expect("GStreamer must start");
    let argument = std::env::args().nth(1);
    match argument.as_deref() {
        Some("serve") => serve().await,
        seconds => measure(seconds.and_then(|text| text.parse().ok()).unwrap_or(15)).await,
    }
}

/// Says where, then goes on until it is killed.
async fn serve() {
    let site = site::Site::open().await;
    clip::folder();
    let mut out = std::io::stdout();
    writeln!(out, "{}", site.url("live/ts")).expect("somebody must listen");
    std::future::pending::<()>().await;
}

async fn measure(seconds: u64) {
    let (mut server, url) = server();
    let studio = studio::Studio::open().await;
    let mut out = std::io::stdout();
    for carries in [Carries::Video, Carries::Both] {
        let source = studio.play(studio::stream(&url), carries);
        studio.until(true, studio::OPEN).await;
        tokio::time::sleep(WARM).await;
        let (before, start) = (threads(), Instant::now());
        tokio::time::sleep(Duration::from_secs(seconds)).await;
        let (after, lasted) = (threads(), start.elapsed().as_secs_f64());
        let mut spent: Vec<_> = after
            .into_iter()
            .map(|(id, (name, ticks))| (ticks - before.get(&id).map_or(0, |(_, ticks)| *ticks), name))
            .filter(|(ticks, _)| *ticks > 0)
            .collect();
        spent.sort_by(|a, b| b.cmp(a));
        let cores = |ticks: u64| ticks as f64 / TICKS_PER_SECOND / lasted;
        let total = cores(spent.iter().map(|(ticks, _)| *ticks).sum());
        writeln!(out, "{carries:?}: {total:.3} cores").expect("somebody must listen");
        for (ticks, name) in spent {
            writeln!(out, "  {:.3} {name}", cores(ticks)).expect("somebody must listen");
        }
        drop(source);
    }
    server.kill().expect("the server must end");
    server.wait().expect("the server must be waited for");
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
fn threads() -> BTreeMap<String, (String, u64)> {
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
