//! What is seen and heard of the session: its program, and whether that has a picture.

use tokio::sync::{mpsc, watch};
use tokio::task::AbortHandle;
use understudy_core::proof::Proof;
use understudy_core::rendition::Video;

use super::driver::{forward, replace};
use super::want::PROGRAM;
use super::{Config, Message};
use crate::broadcast::Subscriber;
use crate::capture::{self, Screen, Speaker};
use crate::program::{Program, Registry};

pub(super) struct Show {
    programs: Registry,
    program: Program,
    screen: watch::Sender<Option<Screen>>,
    speaker: watch::Sender<Option<Speaker>>,
    shows: watch::Sender<bool>,
    proof: Proof,
    /// Reads the picture until it has shown that there is one.
    reader: Option<Subscriber>,
    keyframes: AbortHandle,
}

impl Show {
    pub(super) fn new(config: &Config, mailbox: &mpsc::Sender<Message>) -> Self {
        let (screen, screens) = watch::channel(None);
        let (speaker, speakers) = watch::channel(None);
        let shows = watch::Sender::new(false);
        let subjects = capture::Subjects { screen: screens, speaker: speakers, shows: shows.subscribe() };
        let complaints = mailbox.clone();
        let program = capture::program(subjects, &config.broadcast_metrics, move |why| {
            // A full box loses this one; the next failure tells it again.
            drop(complaints.try_send(Message::CaptureFailed(why)));
        });
        let keyframes = program.video(Video::default()).keyframes();
        let keyframes =
            tokio::spawn(forward(keyframes, mailbox.clone(), || Message::Keyframe)).abort_handle();
        let programs = config.programs.clone();
        programs.name(&program, [PROGRAM.to_owned()]);
        Self { programs, program, screen, speaker, shows, proof: Proof::default(), reader: None, keyframes }
    }

    /// The names under which it can be fetched.
    pub(super) fn called(&self, names: impl IntoIterator<Item = String>) {
        self.programs.name(&self.program, names);
    }

    /// What there is to be seen. `needed`: somebody has to know whether it can be.
    pub(super) fn see(&mut self, screen: Option<Screen>, needed: bool) {
        let there = screen.is_some();
        if replace(&self.screen, screen) {
            self.proof.screen(there);
            self.reader = None;
        }
        if needed && self.proof.is_open() && self.reader.is_none() {
            self.reader = Some(self.program.video(Video::default()).subscribe());
        }
        self.settle();
    }

    pub(super) fn hear(&self, speaker: Option<Speaker>) {
        replace(&self.speaker, speaker);
    }

    pub(super) fn keyframe(&mut self) {
        self.proof.keyframe();
        self.settle();
    }

    pub(super) fn failed(&mut self, why: String) {
        self.proof.failed(why);
        self.settle();
    }

    pub(super) const fn proof(&self) -> &Proof {
        &self.proof
    }

    pub(super) fn end(&mut self) {
        self.keyframes.abort();
        self.called([]);
        self.see(None, false);
        self.hear(None);
    }

    fn settle(&mut self) {
        if !self.proof.is_open() {
            self.reader = None;
        }
        replace(&self.shows, self.proof.shows());
    }
}
