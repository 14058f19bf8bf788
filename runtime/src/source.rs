//! Media coming in: each plan of the inputs is one supervised pipeline that feeds the camera's picture and
//! plays into the microphone.
//!
//! A source that fails is tried again with back-off for as long as it is wanted; meanwhile the camera
//! shows the slate and the microphone is silent.

mod file;
mod media;
pub mod metrics;
mod player;
pub mod shape;
mod socket;
mod stream;
mod webrtc;

use std::path::PathBuf;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::Instant;
use understudy_core::backoff;
use understudy_core::input::{Failure, Health, Plan};
use understudy_core::spec;

use crate::camera::{Format, Picture, Writer};
use crate::feed::Feed;
use crate::guard::Policy;
use crate::ingest::Ingest;

pub use metrics::Metrics;

/// A source that played this long has recovered: its next failure is a first one.
const STEADY: Duration = Duration::from_secs(20);

/// What every source needs of the session.
#[derive(Clone, Debug)]
pub struct Surroundings {
    pub picture: Picture,
    pub format: Format,
    /// The value of `PULSE_SERVER`.
    pub pulse_server: String,
    /// The sink whose sound the microphone carries.
    pub microphone_sink: String,
    /// Where bundled media lies.
    pub bundled: PathBuf,
    /// Where `file:` URLs may point to.
    pub media: PathBuf,
    /// Which addresses may be connected to.
    pub guard: Policy,
    /// Where what is sent comes in.
    pub ingest: Ingest,
    /// Where what is sent is shown to people.
    pub feed: Feed,
    pub metrics: Metrics,
}

/// A running source. Dropped, it ends and leaves the slate.
#[derive(Debug)]
pub struct Source {
    task: JoinHandle<()>,
    health: watch::Receiver<Health>,
    picture: Option<Picture>,
}

impl Source {
    pub fn start(plan: Plan, surroundings: Surroundings) -> Self {
        let (sender, health) = watch::channel(Health::Starting);
        // Taken here and once: whatever this source still delivers after its end, its successor has the turn.
        let writer = plan.carries.video().then(|| surroundings.picture.writer());
        let picture = writer.is_some().then(|| surroundings.picture.clone());
        tokio::spawn(surroundings.metrics.clone().follow(plan.clone(), health.clone()));
        let task = tokio::spawn(supervise(plan, surroundings, writer, sender));
        Self { task, health, picture }
    }

    pub fn health(&self) -> watch::Receiver<Health> {
        self.health.clone()
    }
}

impl Drop for Source {
    fn drop(&mut self) {
        self.task.abort();
        if let Some(picture) = &self.picture {
            picture.show_slate();
        }
    }
}

async fn supervise(
    plan: Plan,
    surroundings: Surroundings,
    writer: Option<Writer>,
    health: watch::Sender<Health>,
) {
    let mut failures = 0;
    loop {
        let began = Instant::now();
        let ended = play(&plan, &surroundings, writer.clone(), &health).await;
        if let Some(writer) = &writer {
            writer.show_slate();
        }
        match ended {
            Ok(()) => {
                health.send_replace(Health::Ended);
                return;
            }
            Err(failure) => {
                failures = if began.elapsed() > STEADY { 1 } else { failures + 1 };
                tracing::warn!(carries = ?plan.carries, reason = failure.reason, message = failure.message,
                    failures, "a source does not play");
                health.send_replace(Health::Failed(failure));
                tokio::time::sleep(backoff::after(failures)).await;
                surroundings.metrics.reconnected(&plan);
            }
        }
    }
}

/// Plays until it came to its end (a file that is not repeated) or failed.
async fn play(
    plan: &Plan,
    surroundings: &Surroundings,
    writer: Option<Writer>,
    health: &watch::Sender<Health>,
) -> Result<(), Failure> {
    match &plan.source {
        spec::Source::File(wanted) => file::play(wanted, plan, surroundings, writer, health).await,
        spec::Source::Stream(url) => stream::play(url, plan, surroundings, writer, health).await,
        spec::Source::Socket => socket::play(plan, surroundings, writer, health).await,
        spec::Source::WebRtc => webrtc::play(plan, surroundings, writer, health).await,
    }
}
