//! The program of a display and a speaker, or of what the inputs carry: read once, encoded once for each rendition.

mod encoded;
mod grab;
mod mpeg1;
mod passed;
mod screen;
pub mod screenshot;
mod speaker;
mod video;

use std::path::PathBuf;
use std::time::Duration;

use tokio::sync::watch;
use understudy_core::backoff;
use understudy_core::media::{Kind, VideoCodec};
use understudy_core::rendition::{Audio, Video};
use understudy_core::spec::{Bitrate, FrameRate, Resolution};

use crate::broadcast::{Hub, Metrics, Passage};
use crate::camera::Picture;
use crate::child::Executable;
use crate::gst;
use crate::program::{Ladder, Program};
pub(crate) use encoded::{Made, unit};
pub(crate) use speaker::{as_encoded, encoder, made};

use encoded::Outlet;
use grab::Grab;

/// A capture that ran so long was well; its next failure is a first one.
const WELL: Duration = Duration::from_secs(10);

/// The first unit comes within this, or the pipeline itself has said why not.
const BEGIN: Duration = Duration::from_secs(15);

/// Nothing may come for so long from what has begun: twice what the slowest picture takes, and longer than the display is waited
/// for, so that the cause is told and not what follows from it.
const STILL: Duration = Duration::from_secs(3);

/// What is captured from; absent while it is not there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Screen {
    pub view: View,
    pub size: Resolution,
    pub frame_rate: FrameRate,
    pub bitrate: Bitrate,
}

/// Where pictures come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum View {
    /// What a page shows: a display, as in `DISPLAY`.
    Display(String),
    /// What a camera would show, without a page that looks through it.
    Camera(Picture),
}

impl Screen {
    /// As in `DISPLAY`; none: nothing that could be steered is seen.
    pub fn display(&self) -> Option<&str> {
        match &self.view {
            View::Display(display) => Some(display),
            View::Camera(_) => None,
        }
    }
}

/// Where the speaker is heard; absent while PulseAudio is not there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Speaker {
    /// The value of `PULSE_SERVER`.
    pub server: String,
    /// The source that is heard, as PulseAudio calls it.
    pub source: String,
    pub bitrate: Bitrate,
    /// What of it comes encoded.
    pub passage: Option<Passage>,
}

/// What is to be captured, as it comes and goes.
pub struct Subjects {
    pub screen: watch::Receiver<Option<Screen>>,
    pub speaker: watch::Receiver<Option<Speaker>>,
    /// Whether there is anything to be seen.
    pub shows: watch::Receiver<bool>,
    /// Why the speaker is not heard, while it is not: there is a picture all the same.
    pub silence: watch::Sender<Option<String>>,
    /// The program that encodes MPEG-1.
    pub ffmpeg: PathBuf,
}

/// Follows the screen and the speaker. A capture that fails, or of which nothing comes any more, is tried again; of the screen's,
/// `complain` is told why.
pub fn program(
    subjects: Subjects,
    metrics: &Metrics,
    complain: impl Fn(String) + Clone + Send + Sync + 'static,
) -> Program {
    let Subjects { screen, speaker, shows, silence, ffmpeg } = subjects;
    let encoders = Encoders { grab: Grab::default(), ffmpeg };
    let hubs = |kind| {
        let metrics = metrics.clone();
        move || Hub::new(kind, metrics.clone())
    };
    let pictures = Ladder::new(hubs(Kind::Video), move |rendition: Video, hub: Hub| {
        let (complain, encoders) = (complain.clone(), encoders.clone());
        let capture =
            move |screen, came| encoders.clone().run(screen, rendition, Outlet::new(hub.clone(), came));
        // That there is a picture shows by the one that all ask for.
        let is_told = rendition.codec == VideoCodec::default();
        let tell = move |fault: Option<String>| fault.into_iter().filter(|_| is_told).for_each(&complain);
        follow("screen", screen.clone(), tell, capture)
    });
    let sounds = Ladder::new(hubs(Kind::Audio), move |rendition: Audio, hub: Hub| {
        let silence = silence.clone();
        let capture = move |speaker, came| speaker::run(speaker, rendition, Outlet::new(hub.clone(), came));
        let tell = move |fault| {
            silence.send_if_modified(|now| {
                let changed = *now != fault;
                *now = fault;
                changed
            });
        };
        follow("speaker", speaker.clone(), tell, capture)
    });
    Program::new(pictures, sounds, shows)
}

/// What all that is made of the display has in common.
#[derive(Clone)]
struct Encoders {
    grab: Grab,
    ffmpeg: PathBuf,
}

impl Encoders {
    async fn run(self, screen: Screen, rendition: Video, outlet: Outlet) -> Result<(), gst::Error> {
        match rendition.codec {
            VideoCodec::H264 | VideoCodec::Vp8 => video::run(self.grab, screen, rendition, outlet).await,
            VideoCodec::Mpeg1 => {
                let encoder = Executable::new("ffmpeg", self.ffmpeg);
                mpeg1::Encoder { encoder, grab: self.grab }.run(screen, rendition, outlet).await
            }
        }
    }
}

/// Runs `capture` while there is something to capture; again after a failure. `tell` hears what is wrong, and that nothing is.
async fn follow<T: Clone + PartialEq, F: Future<Output = Result<(), gst::Error>>>(
    name: &'static str,
    mut subject: watch::Receiver<Option<T>>,
    tell: impl Fn(Option<String>),
    capture: impl Fn(T, watch::Sender<()>) -> F,
) {
    let mut failures = 0;
    loop {
        if subject.wait_for(Option::is_some).await.is_err() {
            return;
        }
        let Some(what) = subject.borrow_and_update().clone() else { continue };
        tracing::info!(capture = name, "capture starts");
        let began = tokio::time::Instant::now();
        let (came, units) = watch::channel(());
        let ended = tokio::select! {
            ended = capture(what.clone(), came) => Some(ended),
            stalled = stalls(units, || tell(None)) => Some(Err(stalled)),
            () = replaced(&mut subject, &what) => None,
        };
        // What ended because its subject went has not failed.
        let Some(ended) = ended.filter(|_| subject.borrow().as_ref() == Some(&what)) else {
            failures = 0;
            tell(None);
            continue;
        };
        failures = if began.elapsed() > WELL { 1 } else { failures + 1 };
        if let Err(error) = ended {
            tracing::warn!(capture = name, %error, failures, "capture failed");
            tell(Some(format!("the {name} cannot be captured: {error}")));
        }
        tokio::select! {
            () = tokio::time::sleep(backoff::after(failures)) => {}
            () = replaced(&mut subject, &what) => failures = 0,
        }
    }
}

/// Resolves when nothing comes, or nothing any more; `began` is told of the first that does.
async fn stalls(mut units: watch::Receiver<()>, began: impl Fn()) -> gst::Error {
    let mut patience = BEGIN;
    while let Ok(come) = tokio::time::timeout(patience, units.changed()).await {
        match come {
            Ok(()) if patience == BEGIN => {
                began();
                patience = STILL;
            }
            Ok(()) => {}
            // The capture has ended, which says why.
            Err(_) => std::future::pending().await,
        }
    }
    let message = format!("nothing comes of it for {} s", patience.as_secs());
    gst::Error::Failed { message, missing: false }
}

/// Resolves when the subject is another one, or none.
async fn replaced<T: PartialEq>(subject: &mut watch::Receiver<Option<T>>, what: &T) {
    if subject.wait_for(|now| now.as_ref() != Some(what)).await.is_err() {
        // It stays what it is.
        std::future::pending::<()>().await;
    }
}

#[cfg(test)]
mod tests;
