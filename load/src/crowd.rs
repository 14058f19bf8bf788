//! Many viewers: they join at a rate, watch for a while together, and leave.

mod hands;
mod join;

use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;

use crate::machine::{self, Process};
use crate::pacing::{Rate, Sample};
use crate::signalling::Signalling;
use crate::tally::{Counts, Tally};
use crate::viewer::{Failure, Plan, Repair};
use join::{Crowd, Member};

/// After the last began to join: what is not there by then is counted as it is.
const JOINED_WITHIN: Duration = Duration::from_secs(20);

/// What a crowd is to do.
#[derive(Clone, Debug)]
pub struct Wanted {
    pub viewers: usize,
    /// Of them, those who press keys.
    pub steering: usize,
    pub join_rate: Rate,
    pub sample: Sample,
    /// How long all watch together.
    pub together: Duration,
    pub repair: Repair,
    pub jitter: Duration,
    pub churn: Option<Churn>,
    /// The server's, if it runs on this machine.
    pub process: Option<Process>,
}

/// Others who come and go while all watch.
#[derive(Clone, Copy, Debug)]
pub struct Churn {
    pub rate: Rate,
    /// How long each stays.
    pub stay: Duration,
}

/// What came of it.
#[derive(Debug)]
pub struct Seen {
    pub steady: Vec<Outcome>,
    pub passing: Vec<Outcome>,
    pub together: Together,
    /// Whom this machine's own losses are to be taken from.
    pub dropped_here: u64,
}

/// What came of one viewer.
#[derive(Debug)]
pub struct Outcome {
    pub tally: Tally,
    pub result: Result<(), Failure>,
}

/// While all watched.
#[derive(Clone, Copy, Debug, Default)]
pub struct Together {
    pub viewers: usize,
    pub time: Duration,
    pub counts: Counts,
    pub server: Option<Server>,
}

/// What the server took for it.
#[derive(Clone, Copy, Debug)]
pub struct Server {
    pub cpu: Duration,
    /// Before anybody joined, and at the end.
    pub memory_before_bytes: u64,
    pub memory_bytes: u64,
}

/// Watches with many; the viewers' sockets are at `local`.
pub async fn watch(signalling: Signalling, local: IpAddr, wanted: &Wanted) -> Seen {
    let plan = Arc::new(Plan { signalling, local, repair: wanted.repair, jitter: wanted.jitter });
    let dropped_before = machine::dropped_datagrams().unwrap_or_default();
    let memory_before = wanted.process.and_then(|process| process.memory_bytes().ok());
    let leave = CancellationToken::new();
    let mut crowd = Crowd::new(plan, wanted.sample, leave.clone());
    let mut steady = crowd.join((wanted.viewers, wanted.steering), wanted.join_rate).await;
    crowd.settled(&mut steady, JOINED_WITHIN).await;

    let (since, before) = (Instant::now(), counts(&steady));
    let cpu_before = wanted.process.and_then(|process| process.cpu().ok());
    let passing = crowd.pass(wanted.churn, wanted.together).await;
    let server = wanted.process.and_then(|process| {
        Some(Server {
            cpu: process.cpu().ok()?.saturating_sub(cpu_before?),
            memory_before_bytes: memory_before?,
            memory_bytes: process.memory_bytes().ok()?,
        })
    });
    let together = Together {
        viewers: steady.iter().filter(|member| member.is_watching()).count(),
        time: since.elapsed(),
        counts: counts(&steady) - before,
        server,
    };
    leave.cancel();
    let (steady, passing) = (outcomes(steady).await, outcomes(passing).await);
    let dropped_here = machine::dropped_datagrams().unwrap_or_default().saturating_sub(dropped_before);
    Seen { steady, passing, together, dropped_here }
}

fn counts(members: &[Member]) -> Counts {
    members.iter().map(Member::counts).fold(Counts::default(), |sum, counts| sum + counts)
}

async fn outcomes(members: Vec<Member>) -> Vec<Outcome> {
    futures::future::join_all(members.into_iter().map(Member::outcome)).await
}
