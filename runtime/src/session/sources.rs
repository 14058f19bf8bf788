//! The session's inputs: what plays is what is wanted, steered over HTTP or not, and what its parts allow.

use std::time::SystemTime;

use understudy_core::input::{self, Health, Plan, Refusal, State, Steer};
use understudy_core::part::Part;

use super::Message;
use super::driver::{Driver, forward};
use crate::camera::Format;
use crate::sound;
use crate::source::{Gate, Source, Surroundings};

impl Driver {
    /// Somebody steers the inputs over HTTP.
    pub(super) fn steer(&mut self, steer: Steer) -> Result<(), Refusal> {
        let before = (self.control.state(), self.control.configured().cloned());
        let anew = matches!(steer, Steer::Configure(_));
        let over = matches!(steer, Steer::Configure(_) | Steer::Stop);
        self.control.steer(steer)?;
        if over {
            self.config.feed.reset();
        }
        if anew {
            // What is asked for begins now, also if it is what ran already.
            self.sources.clear();
        }
        if anew || before != (self.control.state(), self.control.configured().cloned()) {
            self.steered();
        }
        self.reconcile_sources();
        Ok(())
    }

    pub(super) fn steered(&mut self) {
        let idle = self.control.state() == State::Idle;
        self.steered_at = (!idle).then(SystemTime::now);
        self.last_error = None;
    }

    pub(super) fn note_failures(&mut self) {
        for (_, source) in &self.sources {
            if let Health::Failed(failure) | Health::Partial(failure) = &*source.health().borrow() {
                self.last_error = Some(failure.message.clone());
            }
        }
    }

    /// Sources that shall play, play; sound waits for PulseAudio.
    pub(super) fn reconcile_sources(&mut self) {
        let (camera, sound) = (self.parts.is_wanted(Part::Camera), self.parts.is_up(Part::Sound));
        let mut plans: Vec<_> = self.plans();
        plans.retain(|plan| camera && (sound || !plan.carries.audio()));
        self.sources.retain(|(plan, _)| plans.contains(plan));
        match self.control.state() {
            State::Paused => self.picture.show_black(),
            // Whatever the last of them left, or a pause.
            State::Idle | State::Running if self.sources.is_empty() => self.picture.show_slate(),
            State::Idle | State::Running => {}
        }
        let (video, audio) = input::realtime(self.control.configured());
        self.config.ingest.expect(video, audio);
        for plan in plans {
            if self.sources.iter().any(|(running, _)| *running == plan) {
                continue;
            }
            let source = Source::start(plan.clone(), self.surroundings());
            tokio::spawn(forward(source.health(), self.mailbox.clone(), || Message::Inputs));
            self.sources.push((plan, source));
        }
    }

    pub(super) fn plans(&self) -> Vec<Plan> {
        match (&self.asked.session.page, self.control.state(), self.control.configured()) {
            (Some(_), State::Running, Some(inputs)) => input::plan(inputs),
            _ => Vec::new(),
        }
    }

    fn surroundings(&self) -> Surroundings {
        Surroundings {
            picture: self.picture.clone(),
            format: Format { size: self.config.camera_size, frame_rate: self.config.camera_frame_rate },
            pulse_server: sound::server(&self.config.directory),
            microphone_sink: self.config.sound.sink.clone(),
            bundled: self.config.bundled_media.clone(),
            media: self.config.media.clone(),
            guard: self.config.media_guard.policy.clone(),
            ingest: self.config.ingest.clone(),
            feed: self.config.feed.clone(),
            metrics: self.config.source_metrics.clone(),
            gate: Gate::default(),
        }
    }
}
