//! One session: a single task owns all that can change, takes messages one at a time, and carries out
//! what `understudy_core` decides.

mod asked;
mod journal;
mod metrics;
mod told;

mod keeper;

mod audience;
mod director;
mod invited;
mod kept;
mod offer;
mod origin;
mod participant;
mod recordings;
mod resize;
mod show;
mod snapshot;
mod sources;
mod stage;
mod streams;
mod want;

#[cfg(test)]
mod stub;

use std::path::PathBuf;
use std::time::SystemTime;

use tokio::sync::{mpsc, oneshot, watch};
use tokio_util::sync::CancellationToken;
use understudy_core::camera::Mode;
use understudy_core::input::{Refusal, State, Steer};
use understudy_core::invitation;
use understudy_core::outputs;
use understudy_core::participant::{Untrue, View, Word};
use understudy_core::recording::{self, Stop};
use understudy_core::report::Stance;
use understudy_core::resize::{Asked, Courtesy, Refusal as NotResized, Shape};
use understudy_core::spec::{FrameRate, Inputs, Invitation, Limits, Livestream, Resolution, Sharing};
use understudy_proto::v1;

use crate::broadcast;
use crate::camera::Place;
use crate::capture::Screen;
use crate::egress::recording::State as Recorded;
use crate::egress::{Recorder, Senders};
use crate::feed::Feed;
use crate::guard;
use crate::ingest::Ingest;
use crate::process::Processes;
use crate::program::Registry;
use crate::{sound, source};

pub use metrics::Metrics;
pub use offer::Carried;
pub use participant::InviteError;
pub use recordings::{RecordingError, RecordingView};
pub use resize::ResizeError;
pub use streams::StreamView;
#[cfg(test)]
pub(crate) use stub::Stub;

/// Commands wait here; a full box makes the sender wait, which is right for all of them.
const MAILBOX: usize = 32;

/// How the session is set up by the platform, whatever it is asked to do.
#[derive(Clone, Debug)]
pub struct Config {
    /// Private and writable; sockets, profiles and configurations of the children go here.
    pub directory: PathBuf,
    /// What its program is called.
    pub program: String,
    pub chromium: PathBuf,
    /// What encodes MPEG-1.
    pub ffmpeg: PathBuf,
    /// Where that of an origin runs; none: there are none.
    pub processes: Option<Processes>,
    /// Where bundled media lies.
    pub bundled_media: PathBuf,
    /// Where `file:` URLs may point to.
    pub media: PathBuf,
    /// What `understudy:NAME` pages are found under, as `http://127.0.0.1:10001/pages`.
    pub bundled_pages: String,
    /// Where pages find the camera; none: they have none.
    pub camera: Option<Place>,
    /// The display's number; none: one that is free.
    pub display_number: Option<u16>,
    /// What the microphone and what feeds it are called.
    pub sound: sound::Names,
    /// The camera's picture, fixed for the life of the session.
    pub camera_size: Resolution,
    pub camera_frame_rate: FrameRate,
    pub ports: v1::Ports,
    /// An operator says what is wanted; what is asked for here is none of what it is told.
    pub has_operator: bool,
    /// Where what is sent to the session comes in.
    pub ingest: Ingest,
    /// Where people see what was sent.
    pub feed: Feed,
    /// What the browser fetches everything through.
    pub browser_guard: guard::Opened,
    /// What sources and outputs fetch through; by HTTP they do so unasked.
    pub media_guard: guard::Opened,
    /// Where the session's program is found, by name.
    pub programs: Registry,
    /// Who sends it to others' servers.
    pub senders: Senders,
    /// Who keeps it in files.
    pub recorder: Recorder,
    /// Of a recording whose livestream names none.
    pub recording_limits: Limits,
    pub metrics: Metrics,
    pub broadcast_metrics: broadcast::Metrics,
    pub source_metrics: source::Metrics,
}

impl Config {
    /// How pages get their camera; where they have none, in the way that needs nothing.
    pub fn camera_mode(&self) -> Mode {
        self.camera.as_ref().map_or(Mode::File, Place::mode)
    }
}

/// What the session is asked to be; its parts are carried out, or refused, apart.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    pub generation: u64,
    pub stance: Stance,
    pub spec: v1::SessionSpec,
    pub livestreams: Vec<v1::Livestream>,
    pub invitation: Option<v1::Invitation>,
    /// What was refused of the same wish before the session saw it.
    pub refusals: Vec<v1::Refusal>,
}

/// How the inputs stand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InputsView {
    pub state: State,
    pub configured: Option<Inputs>,
    /// When they came into this state; none when idle.
    pub since: Option<SystemTime>,
    /// What a source last failed with, since the inputs were set.
    pub last_error: Option<String>,
    /// How pages get their camera: `pipewire`, `v4l2` or `file`; `none` before the session began.
    pub camera: String,
}

/// A handle on the running session.
#[derive(Clone, Debug)]
pub struct Handle {
    mailbox: mpsc::Sender<Mail>,
    report: watch::Receiver<v1::Report>,
    inputs: watch::Receiver<InputsView>,
    outputs: watch::Receiver<Vec<StreamView>>,
    recordings: watch::Receiver<Vec<RecordingView>>,
    screen: watch::Receiver<Option<Screen>>,
    devtools: watch::Receiver<Option<String>>,
    participant: watch::Receiver<View>,
    sharing: watch::Receiver<Sharing>,
    carried: Carried,
}

#[derive(Debug)]
enum Mail {
    Want(Box<Wanted>, oneshot::Sender<Vec<v1::Refusal>>),
    Steer(Steer, oneshot::Sender<Result<(), Refusal>>),
    Start(Box<Livestream>, oneshot::Sender<Result<StreamView, outputs::Refusal>>),
    Stop(String, Option<SystemTime>, oneshot::Sender<Result<(), outputs::Refusal>>),
    Record(Box<recording::Wanted>, oneshot::Sender<Result<(), RecordingError>>),
    Finish(String, Stop, oneshot::Sender<Result<watch::Receiver<Recorded>, recording::Refusal>>),
    Delete(String, oneshot::Sender<Result<recordings::Removal, recording::Refusal>>),
    Resize(Asked, Courtesy, oneshot::Sender<Result<Shape, NotResized>>),
    Invite(Box<Invitation>, oneshot::Sender<Result<(), invitation::Refusal>>),
    Kick(Option<String>, oneshot::Sender<Result<(), invitation::Refusal>>),
    /// What a connection of the participant socket says.
    Heard(Word, u64, oneshot::Sender<Result<(), Untrue>>),
    News(keeper::News),
    Inputs,
    /// How the origin fares.
    Origin,
    Keyframe,
    CaptureFailed(String),
    /// Whether the sound is heard.
    Silence,
    Viewers,
    /// How it goes with what is sent.
    Sending,
    /// Whether there is an operator that can be heard.
    Linked(bool),
    /// The same with what a livestream keeps in a file.
    Recording,
    Ping(oneshot::Sender<()>),
}

impl Default for InputsView {
    fn default() -> Self {
        let camera = "none".to_owned();
        Self { state: State::Idle, configured: None, since: None, last_error: None, camera }
    }
}

/// The session has ended and takes no command.
#[derive(Debug, thiserror::Error)]
#[error("the session has ended")]
pub struct Ended;

/// Why the inputs were not steered.
#[derive(Debug, thiserror::Error)]
pub enum SteerError {
    #[error(transparent)]
    Refused(#[from] Refusal),
    #[error("the session has ended")]
    Ended,
}

/// Why a way out was not started or stopped.
#[derive(Debug, thiserror::Error)]
pub enum StreamError {
    #[error(transparent)]
    Refused(#[from] outputs::Refusal),
    #[error("the session has ended")]
    Ended,
}

/// Starts an idle session. The task ends, with everything it started, after `shutdown`.
pub fn start(
    config: Config,
    viewers: impl Viewers,
    shutdown: CancellationToken,
) -> (Handle, tokio::task::JoinHandle<()>) {
    let (mailbox, messages) = mpsc::channel(MAILBOX);
    let (director, outlets) = director::Director::new(config, Box::new(viewers), mailbox.clone());
    let task = tokio::spawn(director.run(messages, shutdown));
    let director::Outlets { report, inputs, outputs, recordings, screen, devtools, .. } = outlets;
    let director::Outlets { participant, sharing, carried, .. } = outlets;
    let handle = Handle {
        mailbox,
        report,
        inputs,
        outputs,
        recordings,
        screen,
        devtools,
        participant,
        sharing,
        carried,
    };
    (handle, task)
}

/// Who knows how many people watch a livestream; a closure will do.
pub trait Viewers: Send + 'static {
    fn count(&self, name: &str) -> watch::Receiver<usize>;
}

impl<F: Fn(&str) -> watch::Receiver<usize> + Send + 'static> Viewers for F {
    fn count(&self, name: &str) -> watch::Receiver<usize> {
        self(name)
    }
}

impl Handle {
    /// Asks for a new whole; what of it is refused. The report tells of it from then on.
    pub async fn want(&self, wanted: Wanted) -> Result<Vec<v1::Refusal>, Ended> {
        let (answer, answered) = oneshot::channel();
        let message = Mail::Want(Box::new(wanted), answer);
        self.mailbox.send(message).await.map_err(|_| Ended)?;
        answered.await.map_err(|_| Ended)
    }

    /// Steers the inputs; how they stand then.
    pub async fn steer(&self, steer: Steer) -> Result<InputsView, SteerError> {
        let (answer, answered) = oneshot::channel();
        self.mailbox.send(Mail::Steer(steer, answer)).await.map_err(|_| SteerError::Ended)?;
        answered.await.map_err(|_| SteerError::Ended)??;
        Ok(self.inputs.borrow().clone())
    }

    /// Starts one more way out, beside those of the wish; how it stands then.
    pub async fn start_stream(&self, livestream: Livestream) -> Result<StreamView, StreamError> {
        let (answer, answered) = oneshot::channel();
        let message = Mail::Start(Box::new(livestream), answer);
        self.mailbox.send(message).await.map_err(|_| StreamError::Ended)?;
        Ok(answered.await.map_err(|_| StreamError::Ended)??)
    }

    /// Ends one that was started so; `since`: the very one that was started then.
    pub async fn stop_stream(&self, name: &str, since: Option<SystemTime>) -> Result<(), StreamError> {
        let (answer, answered) = oneshot::channel();
        self.mailbox
            .send(Mail::Stop(name.to_owned(), since, answer))
            .await
            .map_err(|_| StreamError::Ended)?;
        Ok(answered.await.map_err(|_| StreamError::Ended)??)
    }

    /// All ways out that have a name of their own, and how they stand.
    pub fn streams(&self) -> watch::Receiver<Vec<StreamView>> {
        self.outputs.clone()
    }

    /// The display, while it is there.
    pub fn screen(&self) -> watch::Receiver<Option<Screen>> {
        self.screen.clone()
    }

    /// What camera and microphone carry.
    pub fn carried(&self) -> Carried {
        self.carried.clone()
    }

    /// How those who watch streamers share what they show, as the document says.
    pub fn sharing(&self) -> watch::Receiver<Sharing> {
        self.sharing.clone()
    }

    /// How the inputs stand.
    pub fn inputs(&self) -> watch::Receiver<InputsView> {
        self.inputs.clone()
    }

    /// The newest snapshot; changes are worth telling.
    pub fn report(&self) -> watch::Receiver<v1::Report> {
        self.report.clone()
    }

    /// The WebSocket of the DevTools of the browser that runs; none while none does.
    pub fn devtools(&self) -> watch::Receiver<Option<String>> {
        self.devtools.clone()
    }

    /// Whether there is an operator that can be heard; one that never was is not missed.
    pub async fn linked(&self, linked: bool) -> Result<(), Ended> {
        self.mailbox.send(Mail::Linked(linked)).await.map_err(|_| Ended)
    }

    /// Resolves when the session's task has taken a message: it is alive.
    pub async fn ping(&self) -> Result<(), Ended> {
        let (answer, answered) = oneshot::channel();
        self.mailbox.send(Mail::Ping(answer)).await.map_err(|_| Ended)?;
        answered.await.map_err(|_| Ended)
    }
}
