//! The program: the display and the speaker, captured and encoded once, into one hub.
//!
//! Nothing runs while nobody needs it. What ran stays warm for a short while, so that a viewer who comes
//! back finds it running.

mod encoded;

mod screen;
mod speaker;
mod video;

use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinHandle;
use understudy_core::backoff;
use understudy_core::spec::{Bitrate, FrameRate, Resolution};

use crate::broadcast::Hub;
use crate::gst;

/// From the last reader leaving to the encoder stopping: longer than a page takes to be loaded again.
const WARM: Duration = Duration::from_secs(10);

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

/// Both captures. Dropped, they end.
#[derive(Debug)]
pub struct Capture {
    tasks: [JoinHandle<()>; 2],
}

impl Capture {
    /// Follows the screen and the speaker as they come and go, for as long as `hub` has readers. A capture that fails is
    /// tried again; of the screen's, `complain` is told why (without the speaker there still is a picture).
    pub fn start(
        hub: &Hub,
        screen: watch::Receiver<Option<Screen>>,
        speaker: watch::Receiver<Option<Speaker>>,
        complain: impl Fn(String) + Send + Sync + 'static,
    ) -> Self {
        let (video, audio) = (hub.clone(), hub.clone());
        let screen = follow("screen", hub.demand(), screen, complain, move |s| video::run(s, video.clone()));
        let speaker = follow("speaker", hub.demand(), speaker, drop, move |s| speaker::run(s, audio.clone()));
        Self { tasks: [tokio::spawn(screen), tokio::spawn(speaker)] }
    }
}

impl Drop for Capture {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
    }
}

/// Runs `capture` while there are readers and something to capture; again after a failure.
async fn follow<T: Clone + PartialEq, F: Future<Output = Result<(), gst::Error>>>(
    name: &'static str,
    mut demand: watch::Receiver<usize>,
    mut subject: watch::Receiver<Option<T>>,
    complain: impl Fn(String),
    capture: impl Fn(T) -> F,
) {
    let mut failures = 0;
    loop {
        if demand.wait_for(|readers| *readers > 0).await.is_err() {
            return;
        }
        if subject.wait_for(Option::is_some).await.is_err() {
            return;
        }
        let Some(what) = subject.borrow_and_update().clone() else { continue };
        tracing::info!(capture = name, "capture starts");
        let began = tokio::time::Instant::now();
        let ended = tokio::select! {
            ended = capture(what.clone()) => ended,
            () = replaced(&mut subject, &what) => continue,
            () = idle(&mut demand) => {
                tracing::info!(capture = name, "capture rests: nobody watches");
                continue;
            }
        };
        failures = if began.elapsed() > WARM { 1 } else { failures + 1 };
        if let Err(error) = ended {
            tracing::warn!(capture = name, %error, failures, "capture failed");
            complain(format!("the {name} cannot be captured: {error}"));
        }
        tokio::time::sleep(backoff::after(failures)).await;
    }
}

/// Resolves when the subject is another one, or none.
async fn replaced<T: PartialEq>(subject: &mut watch::Receiver<Option<T>>, what: &T) {
    // A subject that is never told of again ends the loop at its next wait.
    drop(subject.wait_for(|now| now.as_ref() != Some(what)).await);
}

/// Resolves when there has been no reader for a while.
async fn idle(demand: &mut watch::Receiver<usize>) {
    loop {
        if demand.wait_for(|readers| *readers == 0).await.is_err() {
            return;
        }
        let back = demand.wait_for(|readers| *readers > 0);
        if tokio::time::timeout(WARM, back).await.is_err() {
            return;
        }
    }
}
