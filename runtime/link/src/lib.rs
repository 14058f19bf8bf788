//! The runtime's side of the control link: dials the operator, repeats the whole truth after every reconnect, and hands
//! over what is desired. It decides nothing about the session, and losing the link touches nothing but itself.
//!
//! It stands alone (no GStreamer, no browser), so that the operator's tests run against the very client that pods run.

mod backoff;
pub mod cause;
mod clock;
mod fence;

mod dial;
mod link;

use std::path::PathBuf;
use std::time::{Duration, Instant};
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;
use understudy_proto::v1::{Desired, PodIdentity, Report};

/// A link that lasted this long was a good one: the next attempt follows after the shortest delay. Shorter ones count as
/// failures, so that an operator that welcomes and closes is not dialled in a tight loop.
const GOOD_LINK: Duration = Duration::from_secs(5);

/// Whom to dial, and as whom.
#[derive(Clone, Debug)]
pub struct Config {
    /// `HOST:PORT` of the operator.
    pub address: String,
    /// The name in the operator's certificate; `None`: the host of `address`.
    pub server_name: Option<String>,
    /// The projected ServiceAccount token, read at each dial.
    pub token_file: PathBuf,
    /// The operator's certificate authority in PEM, read at each dial.
    pub ca_file: PathBuf,
    /// Who this pod is.
    pub identity: PodIdentity,
    /// Made anew at each start of the process.
    pub boot_id: String,
    /// Optional abilities of this runtime.
    pub capabilities: Vec<String>,
}

/// Keeps the link up until `shutdown`, or until nobody reads `desired` any more.
///
/// Every accepted `Desired` is delivered, repetitions after a reconnect included: the reader compares. A reader that is
/// slow holds back further messages of the operator, never reports. Of `reports`, which holds `None` until there is something to
/// say, the newest replaces what was not sent yet. `linked` says whether there is an operator that can be heard. What is desired
/// by the operator's clock is told by this machine's.
pub async fn run(
    config: Config,
    desired: mpsc::Sender<Desired>,
    reports: watch::Receiver<Option<Report>>,
    linked: watch::Sender<bool>,
    shutdown: CancellationToken,
) {
    let mut link = link::Link::new(config, desired, reports, linked);
    let mut backoff = backoff::Backoff::default();
    let mut lost = false;
    while !shutdown.is_cancelled() {
        let began = Instant::now();
        let ended = tokio::select! {
            ended = link.serve() => ended,
            () = shutdown.cancelled() => return,
        };
        match ended {
            Err(link::Error::NobodyReads) => return,
            // Once: who cancels again and again is no network.
            Err(error @ link::Error::Lost(_)) if !std::mem::replace(&mut lost, true) => {
                tracing::info!(error = cause::told(&error), "control link was lost; media goes on");
                backoff = backoff::Backoff::default();
            }
            Err(error) => {
                tracing::warn!(error = cause::told(&error), "control link is down; media goes on");
            }
            Ok(()) => tracing::info!("the operator ended the control link; media goes on"),
        }
        if began.elapsed() >= GOOD_LINK {
            (backoff, lost) = (backoff::Backoff::default(), false);
        }
        tokio::select! {
            () = tokio::time::sleep(backoff.next(rand::random::<f64>())) => {}
            () = shutdown.cancelled() => return,
        }
    }
}
