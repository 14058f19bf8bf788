//! The program of a display and a speaker: read once, encoded once for each rendition.

mod encoded;
mod grab;
mod screen;
mod speaker;
mod video;

use std::time::Duration;

use tokio::sync::watch;
use understudy_core::backoff;
use understudy_core::media::Kind;
use understudy_core::rendition::{Audio, Video};
use understudy_core::spec::{Bitrate, FrameRate, Resolution};

use crate::broadcast::{Hub, Metrics};
use crate::gst;
use crate::program::{Ladder, Program};
use grab::Grab;

/// A capture that ran so long was well; its next failure is a first one.
const WELL: Duration = Duration::from_secs(10);

/// What is captured from; absent while it is not there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Screen {
    /// As in `DISPLAY`.
    pub display: String,
    pub size: Resolution,
    pub frame_rate: FrameRate,
    pub bitrate: Bitrate,
}

/// Where the speaker is heard; absent while PulseAudio is not there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Speaker {
    /// The value of `PULSE_SERVER`.
    pub server: String,
    pub bitrate: Bitrate,
}

/// What is to be captured, as it comes and goes.
pub struct Subjects {
    pub screen: watch::Receiver<Option<Screen>>,
    pub speaker: watch::Receiver<Option<Speaker>>,
    /// Whether there is anything to be seen.
    pub shows: watch::Receiver<bool>,
}

/// Follows the screen and the speaker. A capture that fails is tried again; of the screen's, `complain` is told why (without
/// the speaker there still is a picture).
pub fn program(
    subjects: Subjects,
    metrics: &Metrics,
    complain: impl Fn(String) + Clone + Send + Sync + 'static,
) -> Program {
    let Subjects { screen, speaker, shows } = subjects;
    let grab = Grab::default();
    let hubs = |kind| {
        let metrics = metrics.clone();
        move || Hub::new(kind, metrics.clone())
    };
    let pictures = Ladder::new(hubs(Kind::Video), move |rendition: Video, hub: Hub| {
        let grab = grab.clone();
        let capture = move |screen| video::run(grab.clone(), screen, rendition, hub.clone());
        follow("screen", screen.clone(), complain.clone(), capture)
    });
    let sounds = Ladder::new(hubs(Kind::Audio), move |rendition: Audio, hub: Hub| {
        follow("speaker", speaker.clone(), drop, move |speaker| speaker::run(speaker, rendition, hub.clone()))
    });
    Program::new(pictures, sounds, shows)
}

/// Runs `capture` while there is something to capture; again after a failure.
async fn follow<T: Clone + PartialEq, F: Future<Output = Result<(), gst::Error>>>(
    name: &'static str,
    mut subject: watch::Receiver<Option<T>>,
    complain: impl Fn(String),
    capture: impl Fn(T) -> F,
) {
    let mut failures = 0;
    loop {
        if subject.wait_for(Option::is_some).await.is_err() {
            return;
        }
        let Some(what) = subject.borrow_and_update().clone() else { continue };
        tracing::info!(capture = name, "capture starts");
        let began = tokio::time::Instant::now();
        let ended = tokio::select! {
            ended = capture(what.clone()) => ended,
            () = replaced(&mut subject, &what) => continue,
        };
        failures = if began.elapsed() > WELL { 1 } else { failures + 1 };
        if let Err(error) = ended {
            tracing::warn!(capture = name, %error, failures, "capture failed");
            complain(format!("the {name} cannot be captured: {error}"));
        }
        tokio::time::sleep(backoff::after(failures)).await;
    }
}

/// Resolves when the subject is another one, or none.
async fn replaced<T: PartialEq>(subject: &mut watch::Receiver<Option<T>>, what: &T) {
    if subject.wait_for(|now| now.as_ref() != Some(what)).await.is_err() {
        // It stays what it is.
        std::future::pending::<()>().await;
    }
}
