//! Media coming in: each plan of the inputs is one supervised pipeline that feeds the camera's picture and
//! plays into the microphone.
//!
//! A source that fails is tried again with back-off for as long as it is wanted; meanwhile the camera
//! shows the slate and the microphone is silent.

mod file;
mod flow;
mod media;
pub mod metrics;
mod need;
mod passed;
mod player;
mod portions;
mod resting;
pub mod shape;
mod socket;
mod stamp;
mod stream;
mod valve;
mod voice;
mod webrtc;

use std::convert::Infallible;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tracing::{Instrument, Span};
use understudy_core::backoff;
use understudy_core::input::{Failure, Health, Plan};
use understudy_core::redact::redacted;
use understudy_core::spec;

use crate::broadcast::{Passage, Right};
use crate::camera::{Format, Picture, Writer};
use crate::feed::Feed;
use crate::guard::Policy;
use crate::ingest::Ingest;
use crate::sound::Ears;

pub use media::prepare;
pub use metrics::Metrics;
pub use voice::Voice;

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
    /// Who listens.
    pub ears: Ears,
    /// The source's own, which it begins with.
    pub voice: Option<Voice>,
    /// What of the sound comes encoded.
    pub sound: Passage,
    /// The source's own, to give that.
    pub right: Option<Right>,
    /// What is seen and heard goes out: no page looks and listens in between.
    pub direct: bool,
}

/// A running source. Dropped, it ends, leaves the slate, and is neither heard nor fed any more from that moment on.
#[derive(Debug)]
pub struct Source {
    task: JoinHandle<()>,
    health: watch::Receiver<Health>,
    picture: Option<Picture>,
    voice: Option<Voice>,
    sound: Option<Passage>,
    feed: Option<Feed>,
}

impl Source {
    pub fn start(plan: Plan, mut surroundings: Surroundings) -> Self {
        let (sender, health) = watch::channel(Health::Starting);
        // Taken here and once: whatever this source still delivers after its end, its successor has the turn.
        let writer = plan.carries.video().then(|| surroundings.picture.writer());
        let picture = writer.is_some().then(|| surroundings.picture.clone());
        let feed = writer.is_some().then(|| surroundings.feed.clone());
        tokio::spawn(surroundings.metrics.follow(&plan, health.clone()));
        let span = span(&plan);
        // It outlives each opening: what one of them leaves behind is heard to its end.
        let begin = || span.in_scope(|| Voice::begin(plan.destination, &surroundings));
        let voice = plan.carries.audio().then(begin);
        surroundings.voice.clone_from(&voice);
        let sound = voice.is_some().then(|| surroundings.sound.clone());
        surroundings.right = sound.as_ref().map(Passage::right);
        let task = tokio::spawn(supervise(plan, surroundings, writer, sender).instrument(span));
        Self { task, health, picture, voice, sound, feed }
    }

    pub fn health(&self) -> watch::Receiver<Health> {
        self.health.clone()
    }
}

impl Drop for Source {
    fn drop(&mut self) {
        self.task.abort();
        if let Some(voice) = &self.voice {
            voice.close();
        }
        if let Some(sound) = &self.sound {
            sound.shut();
        }
        if let Some(feed) = &self.feed {
            feed.revoke();
        }
        if let Some(picture) = &self.picture {
            picture.show_slate();
        }
    }
}

/// All that is told of one source's life, from its start to its end.
fn span(plan: &Plan) -> Span {
    let (source, carries) = (metrics::Origin::of(plan).word(), plan.carries);
    let url = match &plan.source {
        spec::Source::File(file) => redacted(&file.location.to_string()),
        spec::Source::Stream(url) => redacted(url.as_str()),
        spec::Source::Socket | spec::Source::WebRtc => String::new(),
    };
    tracing::info_span!("source", source, ?carries, url)
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
        let played = AtomicBool::new(false);
        let ended = tokio::select! {
            ended = play(&plan, &surroundings, writer.clone(), &health) => ended,
            never = note_playing(health.subscribe(), &played) => match never {},
        };
        if let Some(writer) = &writer {
            writer.show_slate();
        }
        match ended {
            Ok(()) => {
                tracing::info!("a source came to its end");
                health.send_replace(Health::Ended);
                return;
            }
            Err(failure) => {
                let recovered = played.into_inner() && began.elapsed() > STEADY;
                failures = if recovered { 1 } else { failures + 1 };
                tracing::warn!(
                    reason = failure.reason,
                    message = failure.message,
                    failures,
                    "a source does not play"
                );
                health.send_replace(Health::Failed(failure));
                tokio::time::sleep(backoff::after(failures)).await;
                surroundings.metrics.reconnected(&plan);
            }
        }
    }
}

/// Notes that it has played, whatever became of it.
async fn note_playing(mut health: watch::Receiver<Health>, played: &AtomicBool) -> Infallible {
    if health
        .wait_for(|health| matches!(health, Health::Playing | Health::Resting | Health::Partial(_)))
        .await
        .is_ok()
    {
        played.store(true, Ordering::Relaxed);
    }
    std::future::pending().await
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
        spec::Source::WebRtc => match webrtc::play(plan, surroundings, writer, health).await {},
    }
}
