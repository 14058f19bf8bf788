//! What the inputs of a process are, by a run of ffmpeg that opens them and makes nothing.

use std::time::Duration;

use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use understudy_core::process::said::{self, Said};

use super::plan::Plan;
use super::reach::Reach;
use super::site::Site;
use super::start;
use super::view::View;
use crate::child::{News, Supervised, Word};

pub use said::Probe;

/// As the source system has it.
const DEADLINE: Duration = Duration::from_secs(20);

/// It reads nothing and opens nothing.
const VERSION: Duration = Duration::from_secs(5);

/// More is not told.
const MOST_LINES: usize = 500;

/// From the end to the last words.
const LAST_WORDS: Duration = Duration::from_millis(300);

/// Until all is said, or the time is up.
pub(super) async fn run(plan: &Plan, site: &Site, shutdown: &CancellationToken) -> Probe {
    let mut run = match start::probe(plan, site).await {
        Ok(run) => run,
        Err(why) => return failed(why),
    };
    let (mut said, mut log) = (Said::default(), Vec::new());
    let listening = listen(&mut run.child, |line| {
        said.line(&line);
        if log.len() < MOST_LINES {
            log.push(run.secrets.shown(line.as_bytes()));
        }
    });
    let in_time = tokio::select! {
        done = timeout(DEADLINE, listening) => done.is_ok(),
        () = shutdown.cancelled() => false,
    };
    if !in_time {
        log.push(format!("the inputs did not say what they are within {} s", DEADLINE.as_secs()));
    }
    said.ended();
    Probe::of(&plan.resolved, &said, log)
}

/// By what a run has said already.
pub(super) fn of_run(plan: &Plan, view: &View) -> Probe {
    let lines = view.log.run().prelude.iter();
    Probe::of(&plan.resolved, &view.said, lines.cloned().collect())
}

/// One that found nothing, and why.
pub(super) fn failed(why: String) -> Probe {
    Probe { streams: Vec::new(), log: vec![why] }
}

async fn listen(child: &mut Supervised, mut heard: impl FnMut(String)) {
    loop {
        match child.next().await {
            News::Said(Word::Error(line)) => heard(line),
            News::Said(Word::Output(_)) => {}
            News::Ended(_) => break,
        }
    }
    let rest = async {
        while let Some(word) = child.word().await {
            if let Word::Error(line) = word {
                heard(line);
            }
        }
    };
    // What others hold open is not waited for.
    let _ = timeout(LAST_WORDS, rest).await;
}

/// What the program says of itself; nothing, if it cannot be asked.
pub(super) async fn version(site: &Site) -> Vec<String> {
    let mut lines = Vec::new();
    let Ok(mut child) = start::spawn(site, vec!["-version".to_owned()], Reach::default()) else {
        return lines;
    };
    let listening = async {
        while let News::Said(Word::Output(line) | Word::Error(line)) = child.next().await {
            lines.push(line);
        }
        while let Some(Word::Output(line) | Word::Error(line)) = child.word().await {
            lines.push(line);
        }
    };
    // What it has said by then is what is told.
    let _ = timeout(VERSION, listening).await;
    lines
}
