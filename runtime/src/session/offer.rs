//! What is seen, heard and played, as far as the parts allow; and what camera and microphone carry, for whoever takes that as it is.

use tokio::sync::watch;
use understudy_core::part::Part;
use understudy_core::rendition::Full;

use super::asked::Shows;
use super::director::Director;
use super::sources::Allowed;
use super::told::replace;
use crate::capture::{Screen, Speaker, View};
use crate::sound;

/// What camera and microphone carry, while they are there.
#[derive(Clone, Debug)]
pub struct Carried {
    pub camera: watch::Receiver<Option<Screen>>,
    pub microphone: watch::Receiver<Option<Speaker>>,
}

/// Tells of them.
#[derive(Default)]
pub(super) struct CarriedTeller {
    camera: watch::Sender<Option<Screen>>,
    microphone: watch::Sender<Option<Speaker>>,
}

impl CarriedTeller {
    pub(super) fn subscribe(&self) -> Carried {
        Carried { camera: self.camera.subscribe(), microphone: self.microphone.subscribe() }
    }

    fn tell(&self, camera: Screen, microphone: Option<Speaker>) {
        replace(&self.camera, Some(camera));
        replace(&self.microphone, microphone);
    }
}

impl Director {
    /// What the parts allow is seen, heard and played.
    pub(super) fn offer(&mut self) {
        let Full { size, frame_rate, bitrate } = self.full();
        let screen = self.view().map(|view| Screen { view, size, frame_rate, bitrate });
        let sound = self.parts.is_up(Part::Sound);
        let heard = |source: &str| Speaker {
            server: sound::server(&self.config.directory),
            source: source.to_owned(),
            bitrate: self.asked.session.encoding.audio,
            passage: (self.shows() == Shows::Inputs).then(|| self.sources.sound().clone()),
        };
        let speaker = sound.then(|| match self.shows() {
            Shows::Page => heard(sound::SPEAKER_MONITOR),
            Shows::Origin | Shows::Inputs | Shows::Nothing => heard(&self.config.sound.source),
        });
        let microphone = sound.then(|| heard(&self.config.sound.source));
        self.carried.tell(self.camera(), microphone);
        self.show.see(screen, self.streams.all().next().is_some() || self.stages.needs_picture());
        self.show.hear(speaker);
        let shown = matches!(self.shows(), Shows::Page | Shows::Inputs);
        let seen = self.shows() == Shows::Inputs || self.parts.is_wanted(Part::Camera);
        let speaker = self.shows() == Shows::Page;
        self.sources.allow(Allowed { shown, seen, sound, speaker });
    }

    pub(super) fn shows(&self) -> Shows {
        match (&self.asked.session.page, self.sources.are_configured()) {
            (Some(_), _) => Shows::Page,
            (None, _) if self.origin.is_wanted() => Shows::Origin,
            (None, true) => Shows::Inputs,
            (None, false) => Shows::Nothing,
        }
    }

    /// Where the program's picture comes from, while it is there.
    fn view(&self) -> Option<View> {
        match self.shows() {
            Shows::Page => {
                self.display.clone().filter(|_| self.parts.is_up(Part::Display)).map(View::Display)
            }
            Shows::Inputs => Some(View::Camera(self.sources.picture().clone())),
            Shows::Origin | Shows::Nothing => None,
        }
    }

    fn camera(&self) -> Screen {
        Screen {
            view: View::Camera(self.sources.picture().clone()),
            size: self.config.camera_size,
            frame_rate: self.config.camera_frame_rate,
            bitrate: self.asked.session.encoding.video,
        }
    }
}
