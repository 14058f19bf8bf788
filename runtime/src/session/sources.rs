//! The session's inputs: what plays is what is wanted, steered over HTTP or not, and what its parts allow.

use std::time::SystemTime;

use tokio::sync::mpsc;
use understudy_core::input::{self, Control, Health, Plan, Refusal, State, Steer};
use understudy_core::media::Kind;
use understudy_core::report::Stance;
use understudy_core::spec::{Destination, Inputs};

use super::told::forward;
use super::{Config, InputsView, Mail};
use crate::broadcast::Passage;
use crate::camera::{Format, Picture};
use crate::sound::{self, Ears};
use crate::source::{Source, Surroundings};

pub(super) struct Sources {
    control: Control,
    allowed: Allowed,
    /// When the inputs came into the state that they are in; none when idle.
    since: Option<SystemTime>,
    running: Vec<(Plan, Source)>,
    /// What a source last failed with, since the inputs were set.
    last_error: Option<String>,
    surroundings: Surroundings,
    mailbox: mpsc::Sender<Mail>,
}

/// What there is to play for.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Allowed {
    /// Whoever takes the program sees and hears them, or a page that it shows does.
    pub(super) shown: bool,
    /// The picture can be seen: a camera is there, or none is needed.
    pub(super) seen: bool,
    /// PulseAudio is up.
    pub(super) sound: bool,
    /// A page is heard by it. Without one, what the microphone carries is heard, and nothing else.
    pub(super) speaker: bool,
}

impl Sources {
    pub(super) fn new(config: &Config, mailbox: mpsc::Sender<Mail>) -> Self {
        Self {
            control: Control::default(),
            allowed: Allowed::default(),
            since: None,
            running: Vec::new(),
            last_error: None,
            surroundings: surroundings(config),
            mailbox,
        }
    }

    /// What the camera shows.
    pub(super) const fn picture(&self) -> &Picture {
        &self.surroundings.picture
    }

    /// What of the sound comes encoded.
    pub(super) const fn sound(&self) -> &Passage {
        &self.surroundings.sound
    }

    /// Who listens to the microphone and the speaker.
    pub(super) const fn ears(&self) -> &Ears {
        &self.surroundings.ears
    }

    /// Somebody steers the inputs over HTTP.
    pub(super) fn steer(&mut self, steer: Steer) -> Result<(), Refusal> {
        let before = (self.control.state(), self.control.configured().cloned());
        let anew = matches!(steer, Steer::Configure(_));
        let over = matches!(steer, Steer::Configure(_) | Steer::Stop);
        self.control.steer(steer)?;
        if over {
            self.surroundings.feed.reset();
        }
        if anew {
            // What is asked for begins now, also if it is what ran already.
            self.running.clear();
        }
        if anew || before != (self.control.state(), self.control.configured().cloned()) {
            self.steered();
        }
        self.reconcile();
        Ok(())
    }

    /// What the session's document says of them. Whether that is something else than before.
    pub(super) fn document(&mut self, inputs: &Inputs, stance: Stance) -> bool {
        let control = self.control.clone();
        match stance {
            Stance::Drained => self.control.drain(),
            Stance::Untold | Stance::Told => self.control.document(inputs),
        }
        let changes = self.control != control;
        if changes {
            self.steered();
        }
        if self.control.configured() != control.configured() {
            self.surroundings.feed.reset();
        }
        changes
    }

    /// Whether there are any, paused or not.
    pub(super) fn are_configured(&self) -> bool {
        self.control.configured().is_some()
    }

    fn steered(&mut self) {
        let idle = self.control.state() == State::Idle;
        self.since = (!idle).then(SystemTime::now);
        self.last_error = None;
    }

    pub(super) fn note_failures(&mut self) {
        for (_, source) in &self.running {
            if let Health::Failed(failure) | Health::Partial(failure) = &*source.health().borrow() {
                self.last_error = Some(failure.message.clone());
            }
        }
    }

    pub(super) fn allow(&mut self, allowed: Allowed) {
        self.allowed = allowed;
        let direct = allowed.shown && !allowed.speaker;
        self.picture().has_camera(!direct);
        if std::mem::replace(&mut self.surroundings.direct, direct) != direct {
            // They go another way now.
            self.running.clear();
        }
        self.reconcile();
    }

    /// Sources that shall play, play. What is nothing but sound waits for PulseAudio; a picture does not.
    fn reconcile(&mut self) {
        let Allowed { seen, sound, .. } = self.allowed;
        let mut plans = self.plans();
        plans.retain(|plan| seen && (sound || plan.carries.video()));
        self.running.retain(|(plan, _)| plans.contains(plan));
        match self.control.state() {
            State::Paused => self.picture().show_black(),
            // Whatever the last of them left, or a pause.
            State::Idle | State::Running if self.running.is_empty() => self.picture().show_slate(),
            State::Idle | State::Running => {}
        }
        let (video, audio) = input::realtime(self.control.configured());
        self.surroundings.ingest.expect(video, audio);
        for plan in plans {
            if self.running.iter().any(|(running, _)| *running == plan) {
                continue;
            }
            let source = Source::start(plan.clone(), self.surroundings.clone());
            tokio::spawn(forward(source.health(), self.mailbox.clone(), || Mail::Inputs));
            self.running.push((plan, source));
        }
    }

    fn plans(&self) -> Vec<Plan> {
        match (self.allowed.shown, self.control.state(), self.control.configured()) {
            (true, State::Running, Some(inputs)) => {
                let mut plans = input::plan(inputs);
                if !self.allowed.speaker {
                    plans.iter_mut().for_each(|plan| plan.destination = Destination::Microphone);
                }
                plans
            }
            _ => Vec::new(),
        }
    }

    pub(super) fn state(&self) -> State {
        self.control.state()
    }

    /// How each fares that shall play.
    pub(super) fn healths(&self) -> Vec<Health> {
        let health = |plan: &Plan| {
            let running = self.running.iter().find(|(running, _)| running == plan);
            running.map(|(_, source)| source.health().borrow().clone()).unwrap_or_default()
        };
        self.plans().iter().map(health).collect()
    }

    pub(super) fn view(&self, camera: String) -> InputsView {
        InputsView {
            state: self.control.state(),
            configured: self.control.configured().cloned(),
            since: self.since,
            last_error: self.last_error.clone(),
            camera,
        }
    }

    pub(super) fn end(&mut self) {
        self.running.clear();
    }
}

fn surroundings(config: &Config) -> Surroundings {
    Surroundings {
        picture: Picture::new(config.camera_size),
        format: Format { size: config.camera_size, frame_rate: config.camera_frame_rate },
        pulse_server: sound::server(&config.directory),
        microphone_sink: config.sound.sink.clone(),
        bundled: config.bundled_media.clone(),
        media: config.media.clone(),
        guard: config.media_guard.policy.clone(),
        ingest: config.ingest.clone(),
        feed: config.feed.clone(),
        metrics: config.source_metrics.clone(),
        ears: Ears::default(),
        voice: None,
        sound: Passage::new(Kind::Audio),
        right: None,
        direct: false,
    }
}
