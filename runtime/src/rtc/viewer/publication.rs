//! What is told of a viewer that is a server which we publish to: how far it has come, and what it says has arrived.

use std::time::Instant;

use tokio::sync::watch;
use understudy_core::fanout::receipt::{Arrived, Receipt};
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
    /// What it says of each packet of the picture.
    counted: Arrived,
    silence: Silence,
}

impl Viewer {
    /// From now on it is told how publishing to it goes.
    pub fn publish(&mut self) -> watch::Receiver<Progress> {
        let told = watch::Sender::new(Progress::Connecting);
        let progress = told.subscribe();
        let [video, audio, counted] = [Arrived::default(); 3];
        self.publication = Some(Publication { told, video, audio, counted, silence: Silence::default() });
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
        let before = publication.receipts();
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
        if let Some(stream) = &mut self.streams.video {
            for came in &said.came {
                publication.counted.came(*came, stream.sent(), stream.first());
            }
            // Its reports say as much, and cost less.
            if publication.video.receipt() != before[0] {
                stream.count_no_more();
            }
        }
        let after = publication.receipts();
        if after != before {
            publication.silence.ends();
        }
        // Sound goes on while a picture is stuck: what is evidence is the picture, if there is to be one.
        let arrives =
            if self.streams.video.is_some() { after[..2] != before[..2] } else { after[2] != before[2] };
        if arrives {
            let [reported, counted, audio] = after;
            let video = if counted.packets > reported.packets { counted } else { reported };
            self.progresses(Progress::Sending(Evidence { receipt: video + audio, at: now }));
        }
    }
}

impl Publication {
    /// Of the picture by reports, and by what is said of each packet; of the sound.
    fn receipts(&self) -> [Receipt; 3] {
        [&self.video, &self.counted, &self.audio].map(Arrived::receipt)
    }
}

impl Lost {
    const fn of(why: Why) -> Self {
        match why {
            Why::NeverCame => Self::NoWay,
            Why::Silent => Self::Silent,
            Why::Closed => Self::Closed,
            Why::Broken => Self::Broken,
            Why::Slow | Why::Unheard | Why::Left | Why::Ended | Why::Shutdown => Self::Ended,
        }
    }
}
