//! Who steers the inputs, and whether they run.
//!
//! ```text
//! Idle --configure--> Running <--pause / resume--> Paused
//!  ^                     |                            |
//!  +------- stop --------+----------------------------+
//! ```
//!
//! What the session's document sets is the resource's: over HTTP it may be paused and resumed, not replaced. Where the
//! document sets nothing, whoever asks over HTTP steers, until the document does.

use crate::spec::Inputs;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Control {
    owner: Owner,
    /// What runs or is paused; none when idle.
    configured: Option<Inputs>,
    paused: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Owner {
    #[default]
    Local,
    Resource,
    /// The session was told to finish: nobody steers.
    Nobody,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    Idle,
    Running,
    Paused,
}

/// What is asked for over HTTP.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Steer {
    Configure(Box<Inputs>),
    Pause,
    Resume,
    Stop,
}

/// Why a command over HTTP had no effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("the session was told to finish, and takes nothing new")]
    Drained,
    #[error("the inputs are set by the participant's resource: change or remove spec.inputs there")]
    Owned,
    #[error("either video or audio source must be provided")]
    NothingGiven,
    #[error("no active virtual input session to pause")]
    NothingToPause,
    #[error("no virtual input configuration to resume")]
    NothingToResume,
}

impl Control {
    pub fn state(&self) -> State {
        match (&self.configured, self.paused) {
            (None, _) => State::Idle,
            (Some(_), false) => State::Running,
            (Some(_), true) => State::Paused,
        }
    }

    pub fn configured(&self) -> Option<&Inputs> {
        self.configured.as_ref()
    }

    /// The document says what it wants. Nothing leaves to others what is theirs.
    pub fn document(&mut self, inputs: &Inputs) {
        let given = inputs.video.is_some() || inputs.audio.is_some();
        match (given, self.owner) {
            (true, Owner::Resource) if self.configured.as_ref() == Some(inputs) => {}
            (true, _) => self.set(Owner::Resource, inputs.clone()),
            (false, Owner::Resource | Owner::Nobody) => *self = Self::default(),
            (false, Owner::Local) => {}
        }
    }

    /// Ends whatever runs, whoever asked for it; until the document speaks again nothing else is taken.
    pub fn drain(&mut self) {
        *self = Self { owner: Owner::Nobody, ..Self::default() };
    }

    pub fn steer(&mut self, steer: Steer) -> Result<(), Refusal> {
        match steer {
            Steer::Configure(inputs) => self.configure(*inputs),
            Steer::Pause => self.pause(),
            Steer::Resume => self.resume(),
            Steer::Stop => self.stop(),
        }
    }

    fn configure(&mut self, inputs: Inputs) -> Result<(), Refusal> {
        self.local()?;
        if inputs.video.is_none() && inputs.audio.is_none() {
            return Err(Refusal::NothingGiven);
        }
        self.set(Owner::Local, inputs);
        Ok(())
    }

    fn pause(&mut self) -> Result<(), Refusal> {
        self.configured.as_ref().ok_or(Refusal::NothingToPause)?;
        self.paused = true;
        Ok(())
    }

    fn resume(&mut self) -> Result<(), Refusal> {
        self.configured.as_ref().ok_or(Refusal::NothingToResume)?;
        self.paused = false;
        Ok(())
    }

    /// Can be repeated.
    fn stop(&mut self) -> Result<(), Refusal> {
        self.local()?;
        *self = Self::default();
        Ok(())
    }

    fn local(&self) -> Result<(), Refusal> {
        match self.owner {
            Owner::Local => Ok(()),
            Owner::Resource => Err(Refusal::Owned),
            Owner::Nobody => Err(Refusal::Drained),
        }
    }

    fn set(&mut self, owner: Owner, inputs: Inputs) {
        *self = Self { owner, paused: inputs.start_paused, configured: Some(inputs) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::{AudioInput, Destination, Source};

    fn socket() -> Inputs {
        let audio = AudioInput { source: Source::Socket, destination: Destination::Microphone };
        Inputs { audio: Some(audio), ..Inputs::default() }
    }

    #[test]
    fn an_idle_session_has_nothing_to_pause_or_resume_and_may_be_stopped() {
        let mut control = Control::default();
        assert_eq!(control.pause(), Err(Refusal::NothingToPause));
        assert_eq!(control.resume(), Err(Refusal::NothingToResume));
        assert_eq!(control.stop(), Ok(()));
        assert_eq!(control.configure(Inputs::default()), Err(Refusal::NothingGiven));
        assert_eq!(control.state(), State::Idle);
    }

    #[test]
    fn pausing_and_resuming_can_be_repeated_and_keep_what_is_configured() {
        let mut control = Control::default();
        control.configure(socket()).unwrap();
        for (step, state) in [
            (Control::pause as fn(&mut Control) -> Result<(), Refusal>, State::Paused),
            (Control::pause, State::Paused),
            (Control::resume, State::Running),
            (Control::resume, State::Running),
        ] {
            step(&mut control).unwrap();
            assert_eq!((control.state(), control.configured()), (state, Some(&socket())));
        }
        control.stop().unwrap();
        assert_eq!((control.state(), control.configured()), (State::Idle, None));
    }

    #[test]
    fn a_session_may_begin_paused() {
        let mut control = Control::default();
        control.configure(Inputs { start_paused: true, ..socket() }).unwrap();
        assert_eq!(control.state(), State::Paused);
    }

    #[test]
    fn what_the_document_sets_is_replaced_by_the_document_alone() {
        let mut control = Control::default();
        control.document(&socket());
        assert_eq!(control.configure(socket()), Err(Refusal::Owned));
        assert_eq!(control.stop(), Err(Refusal::Owned));
        control.pause().unwrap();
        control.document(&socket());
        assert_eq!(control.state(), State::Paused, "the same document again changes nothing");
        control.document(&Inputs::default());
        assert_eq!(control.state(), State::Idle);
        assert_eq!(control.configure(socket()), Ok(()));
    }

    #[test]
    fn a_document_without_inputs_leaves_what_was_configured_locally() {
        let mut control = Control::default();
        control.configure(socket()).unwrap();
        control.document(&Inputs::default());
        assert_eq!(control.state(), State::Running);
        control.document(&Inputs { start_paused: true, ..socket() });
        assert_eq!((control.state(), control.stop()), (State::Paused, Err(Refusal::Owned)));
    }

    #[test]
    fn a_drained_session_is_idle_and_takes_nothing_until_the_document_speaks_again() {
        let mut control = Control::default();
        control.configure(socket()).unwrap();
        control.drain();
        assert_eq!(control.state(), State::Idle);
        assert_eq!(control.configure(socket()), Err(Refusal::Drained));
        assert_eq!(control.resume(), Err(Refusal::NothingToResume));
        control.document(&Inputs::default());
        assert_eq!(control.configure(socket()), Ok(()));
    }
}
