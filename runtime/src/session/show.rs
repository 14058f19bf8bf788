//! What is seen and heard of the session: its program, and whether that has a picture.

use tokio::sync::{mpsc, watch};
use tokio::task::AbortHandle;
use tokio_util::task::AbortOnDropHandle;
use understudy_core::proof::Proof;
use understudy_core::rendition::{Audio, Video};
use understudy_core::spec::Choice;

use super::told::{forward, replace};
use super::{Config, Mail};
use crate::broadcast::{Hub, Subscriber};
use crate::capture::{self, Screen, Speaker};
use crate::program::{Program, Registry};

pub(super) struct Show {
    programs: Registry,
    /// Of display or inputs.
    own: Program,
    /// What is shown in its place.
    origin: Option<Fetched>,
    screen: watch::Sender<Option<Screen>>,
    speaker: watch::Sender<Option<Speaker>>,
    shows: watch::Sender<bool>,
    proof: Proof,
    /// Why the sound is not heard, while it is not.
    silence: watch::Receiver<Option<String>>,
    /// What proves the picture. It is kept: a rendition that nobody has in hand is forgotten, and its keyframes are of another.
    picture: Hub,
    /// Reads the picture until it has shown that there is one.
    reader: Option<Subscriber>,
    /// Reads the sound while it is not heard, to know when it is.
    listener: Option<Subscriber>,
    tellers: [AbortHandle; 2],
    mailbox: mpsc::Sender<Mail>,
}

/// A program that comes encoded.
struct Fetched {
    program: Program,
    _teller: AbortOnDropHandle<()>,
}

impl Show {
    pub(super) fn new(config: &Config, mailbox: &mpsc::Sender<Mail>) -> Self {
        let (screen, screens) = watch::channel(None);
        let (speaker, speakers) = watch::channel(None);
        let shows = watch::Sender::new(false);
        let silence = watch::Sender::default();
        let heard = silence.subscribe();
        let subjects = capture::Subjects {
            screen: screens,
            speaker: speakers,
            shows: shows.subscribe(),
            silence,
            ffmpeg: config.ffmpeg.clone(),
        };
        let complaints = mailbox.clone();
        let program = capture::program(subjects, &config.broadcast_metrics, move |why| {
            // A full box loses this one; the next failure tells it again.
            drop(complaints.try_send(Mail::CaptureFailed(why)));
        });
        let picture = program.video(Video::default());
        let tellers = [
            tokio::spawn(forward(picture.keyframes(), mailbox.clone(), || Mail::Keyframe)),
            tokio::spawn(forward(heard.clone(), mailbox.clone(), || Mail::Silence)),
        ];
        let tellers = tellers.map(|teller| teller.abort_handle());
        let programs = config.programs.clone();
        programs.name(&program, [config.program.clone()]);
        Self {
            programs,
            own: program,
            origin: None,
            screen,
            speaker,
            shows,
            proof: Proof::default(),
            silence: heard,
            picture,
            reader: None,
            listener: None,
            tellers,
            mailbox: mailbox.clone(),
        }
    }

    pub(super) fn program(&self) -> &Program {
        self.origin.as_ref().map_or(&self.own, |fetched| &fetched.program)
    }

    /// From now on it is this program, of another origin than before, or its own again.
    pub(super) fn of(&mut self, origin: Option<&Program>) {
        if self.origin.as_ref().map(|fetched| &fetched.program).zip(origin).is_some_and(|(a, b)| a.is(b)) {
            // What was shown of another origin says nothing of this one.
            self.proof.screen(true);
            self.settle();
            return;
        }
        self.called([]);
        self.proof.screen(origin.is_some() || self.screen.borrow().is_some());
        self.origin = origin.map(|program| {
            let keyframes = program.video(Video::default()).keyframes();
            let news = forward(keyframes, self.mailbox.clone(), || Mail::Keyframe);
            Fetched { program: program.clone(), _teller: AbortOnDropHandle::new(tokio::spawn(news)) }
        });
        self.settle();
    }

    /// What is seen, as it comes and goes.
    pub(super) fn screen(&self) -> watch::Receiver<Option<Screen>> {
        self.screen.subscribe()
    }

    /// Whether anybody reads the picture, beside who finds out whether there is one.
    pub(super) fn is_watched(&self) -> bool {
        self.program().readers() > usize::from(self.reader.is_some())
    }

    /// The names under which it can be fetched, each with what is chosen of it.
    pub(super) fn called(&self, names: impl IntoIterator<Item = (String, Choice)>) {
        self.programs.name_at(self.program(), names);
    }

    /// What there is to be seen. `needed`: somebody has to know whether it can be.
    pub(super) fn see(&mut self, screen: Option<Screen>, needed: bool) {
        let there = screen.is_some();
        if replace(&self.screen, screen) {
            if self.origin.is_none() {
                self.proof.screen(there);
            }
            self.reader = None;
        }
        // What has failed does not show, so that nobody else can find out that it is well again.
        let read = self.origin.is_none() && (self.proof.is_failed() || needed && self.proof.is_open());
        if read && self.reader.is_none() {
            self.reader = Some(self.picture.subscribe());
        }
        self.settle();
    }

    pub(super) fn hear(&mut self, speaker: Option<Speaker>) {
        replace(&self.speaker, speaker);
        let silent = self.silence.borrow().is_some();
        self.listener = match (silent, self.listener.take()) {
            (true, None) => Some(self.own.audio(Audio::default()).subscribe()),
            (true, listener) => listener,
            (false, _) => None,
        };
    }

    /// Why the sound is not heard, while it is not.
    pub(super) fn silence(&self) -> Option<String> {
        self.silence.borrow().clone()
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
        self.tellers.iter().for_each(AbortHandle::abort);
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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::capture::View;
    use crate::session::stub::config;
    use bytes::Bytes;
    use understudy_core::media::{Track, Unit};
    use understudy_core::spec::FrameRate;

    /// Longer than a rendition that nobody reads is kept, and than its encoder stays warm before.
    const LONG: Duration = Duration::from_secs(30);

    fn keyframe() -> Unit {
        let (zero, payload) = (Duration::ZERO, Bytes::from_static(b"picture"));
        let track = Track::h264(1280, 720, 30);
        Unit { track, pts: zero, dts: zero, duration: Duration::from_millis(33), key: true, payload }
    }

    fn show(directory: &std::path::Path) -> (Show, mpsc::Receiver<Mail>) {
        crate::gst::init().unwrap();
        let (mailbox, messages) = mpsc::channel(8);
        (Show::new(&config(directory), &mailbox), messages)
    }

    /// Of a display that is not there.
    fn screen() -> Screen {
        let (size, frame_rate) = (understudy_core::spec::Resolution::HD, FrameRate::THIRTY);
        let bitrate = understudy_core::spec::Encoding::default().video;
        Screen { view: View::Display(":65000".to_owned()), size, frame_rate, bitrate }
    }

    #[tokio::test(start_paused = true)]
    async fn a_picture_that_failed_is_read_though_nobody_needs_it_until_it_is_well() {
        let directory = tempfile::tempdir().unwrap();
        let (mut show, _messages) = show(directory.path());
        show.see(Some(screen()), false);
        assert!(show.reader.is_none() && show.program().shows(), "nobody needs it");
        show.failed("no memory".to_owned());
        show.see(Some(screen()), false);
        assert!(show.reader.is_some() && !show.program().shows());
        show.keyframe();
        assert!(show.reader.is_none() && show.program().shows());
    }

    #[tokio::test(start_paused = true)]
    async fn a_picture_is_heard_of_however_long_it_was_awaited() {
        let directory = tempfile::tempdir().unwrap();
        let (show, mut messages) = show(directory.path());
        tokio::time::sleep(LONG).await;
        show.program().video(Video::default()).publish(keyframe());
        let heard = tokio::time::timeout(LONG, messages.recv()).await;
        assert!(matches!(heard, Ok(Some(Mail::Keyframe))), "{heard:?}");
    }
}
