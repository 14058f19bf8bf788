//! A session for tests that has no task: the test takes its messages, or does not. And what one is set up with that
//! starts no part.

use tokio::sync::{mpsc, watch};
use understudy_core::outputs::PROGRAM;
use understudy_core::participant::View;
use understudy_core::spec::{FrameRate, Limits, Resolution, Sharing};
use understudy_proto::v1;

use super::offer::CarriedTeller;
use super::{Config, Handle, InputsView, MAILBOX, Mail, Metrics, StreamView};
use crate::camera::Place;
use crate::egress::{Recorder, Senders, recording};
use crate::feed::Feed;
use crate::ingest::Ingest;
use crate::program::Registry;
use crate::{broadcast, guard, sound, source};

pub(crate) struct Stub {
    messages: mpsc::Receiver<Mail>,
    report: watch::Sender<v1::Report>,
    outputs: watch::Sender<Vec<StreamView>>,
    participant: watch::Sender<View>,
}

impl Stub {
    pub(crate) fn new() -> (Handle, Self) {
        let (mailbox, messages) = mpsc::channel(MAILBOX);
        let (report, outputs) = (watch::Sender::new(v1::Report::default()), watch::Sender::default());
        let participant = watch::Sender::<View>::default();
        let handle = Handle {
            mailbox,
            report: report.subscribe(),
            inputs: watch::channel(InputsView::default()).1,
            outputs: outputs.subscribe(),
            recordings: watch::channel(Vec::new()).1,
            screen: watch::channel(None).1,
            devtools: watch::channel(None).1,
            participant: participant.subscribe(),
            sharing: watch::channel(Sharing::default()).1,
            carried: CarriedTeller::default().subscribe(),
        };
        (handle, Self { messages, report, outputs, participant })
    }

    pub(crate) fn tell(&self, report: v1::Report) {
        self.report.send_replace(report);
    }

    /// Where its page is from.
    pub(crate) fn open(&self, origin: Option<&str>) {
        self.participant.send_modify(|view| view.origin = origin.map(str::to_owned));
    }

    pub(crate) fn show(&self, streams: Vec<StreamView>) {
        self.outputs.send_replace(streams);
    }

    /// Takes one message, and answers if it asks whether anybody does. False: nobody heard the answer.
    pub(crate) async fn take(&mut self) -> bool {
        match self.messages.recv().await {
            Some(Mail::Ping(answer)) => answer.send(()).is_ok(),
            message => message.is_some(),
        }
    }
}

pub(super) fn config(directory: &std::path::Path) -> Config {
    let address = ([127, 0, 0, 1], 9).into();
    let guard = guard::Opened { address, policy: guard::Policy::default() };
    Config {
        directory: directory.to_owned(),
        program: PROGRAM.to_owned(),
        chromium: "/nowhere".into(),
        ffmpeg: "/nowhere".into(),
        processes: None,
        bundled_media: directory.to_owned(),
        media: directory.to_owned(),
        bundled_pages: "http://127.0.0.1:9/pages".into(),
        camera: Some(Place::File { path: directory.join("video.y4m") }),
        display_number: None,
        sound: sound::Names::default(),
        camera_size: Resolution::HD,
        camera_frame_rate: FrameRate::THIRTY,
        ports: v1::Ports::default(),
        has_operator: true,
        ingest: Ingest::default(),
        feed: Feed::default(),
        programs: Registry::default(),
        senders: Senders::by(|_, _, _| Err("nobody is reached".to_owned())),
        recorder: Recorder::new(
            directory.to_owned(),
            recording::Room::unbounded(),
            recording::Metrics::default(),
        ),
        recording_limits: Limits::default(),
        broadcast_metrics: broadcast::Metrics::default(),
        browser_guard: guard.clone(),
        media_guard: guard,
        metrics: Metrics::default(),
        source_metrics: source::Metrics::default(),
    }
}
