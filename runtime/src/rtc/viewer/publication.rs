//! What is told of a viewer that is a server which we publish to: how far it has come, and what it says has arrived.

use std::time::Instant;

use tokio::sync::watch;
use understudy_core::fanout::receipt::Arrived;
use understudy_core::fanout::silence::Silence;
use understudy_core::media::Kind;

use super::super::ending::Why;
use super::super::feedback::Reports;
use super::super::{Evidence, Lost, Progress};
use super::Viewer;

pub(super) struct Publication {
    told: watch::Sender<Progress>,
    video: Arrived,
    audio: Arrived,
    silence: Silence,
}

impl Viewer {
    /// From now on it is told how publishing to it goes.
    pub fn publish(&mut self) -> watch::Receiver<Progress> {
        let told = watch::Sender::new(Progress::Connecting);
        let progress = told.subscribe();
        let (video, audio, silence) = (Arrived::default(), Arrived::default(), Silence::default());
        self.publication = Some(Publication { told, video, audio, silence });
        progress
    }

    /// Whether it is a server that we publish to, and nobody who watches.
    pub fn is_published(&self) -> bool {
        self.publication.is_some()
    }

    pub fn lost(&self, why: Why) {
        self.progresses(Progress::Lost(Lost::of(why)));
    }

    pub(super) fn progresses(&self, progress: Progress) {
        if let Some(publication) = &self.publication {
            publication.told.send_replace(progress);
        }
    }

    /// It is sent something.
    pub(super) fn expects_word(&mut self, now: Instant) {
        if self.publication.as_mut().is_some_and(|publication| publication.silence.sends(now)) {
            self.progresses(Progress::Silent);
        }
    }

    pub(super) fn acknowledge(&mut self, said: &Reports, now: Instant) {
        let Some(publication) = &mut self.publication else { return };
        let before = (publication.video.receipt(), publication.audio.receipt());
        for kind in [Kind::Video, Kind::Audio] {
            let (stream, arrived) = match kind {
                Kind::Video => (&self.streams.video, &mut publication.video),
                Kind::Audio => (&self.streams.audio, &mut publication.audio),
            };
            let Some(stream) = stream else { continue };
            for (_, report) in said.streams.iter().filter(|(ssrc, _)| *ssrc == stream.ssrc()) {
                arrived.reported(*report, stream.sent(), stream.first());
            }
        }
        let [video, audio] = [publication.video.receipt(), publication.audio.receipt()];
        if (video, audio) != before {
            publication.silence.ends();
        }
        // Sound goes on while a picture is stuck: what is evidence is the picture, if there is to be one.
        let arrives = if self.streams.video.is_some() { video != before.0 } else { audio != before.1 };
        if arrives {
            self.progresses(Progress::Sending(Evidence { receipt: video + audio, at: now }));
        }
    }
}

impl Lost {
    const fn of(why: Why) -> Self {
        match why {
            Why::NeverCame => Self::NoWay,
            Why::Silent => Self::Silent,
            Why::Closed => Self::Closed,
            Why::Broken => Self::Broken,
            Why::Left | Why::Ended | Why::Shutdown => Self::Ended,
        }
    }
}
