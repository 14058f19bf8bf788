//! The session's one task: messages in, effects out, a fresh report after each.

use std::collections::HashMap;
use std::time::{Duration, Instant, SystemTime};

use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;
use understudy_core::outputs::Refusal;
use understudy_core::part::{Effect, Event, Loss, Part, Parts};
use understudy_core::participant::{Standing, View as Participant};
use understudy_core::recording::Wanted;
use understudy_core::spec::{Choice, Livestream, Location, Sharing};
use understudy_devtools::Page;
use understudy_proto::v1;

use super::asked::{Asked, Shows};
use super::audience::Audience;
use super::journal::Journal;
use super::keeper::{Gives, Keeper, News, Order, What};
use super::offer::{Carried, CarriedTeller};
use super::origin::Origin;
use super::recordings::{RecordingView, Recordings};
use super::show::Show;
use super::sources::Sources;
use super::stage::Stages;
use super::streams::{StreamView, Streams};
use super::{Config, InputsView, Mail, Viewers};
use crate::browser::{self, Sandbox, Service};
use crate::capture::Screen;

/// Of the nine seconds in which all has to end: for destinations, which are told so.
const GOODBYE: Duration = Duration::from_secs(3);

pub(super) struct Director {
    pub(super) config: Config,
    mailbox: mpsc::Sender<Mail>,

    pub(super) asked: Asked,
    pub(super) parts: Parts,
    pub(super) keepers: HashMap<Part, Keeper>,
    attempts: u64,
    pub(super) display: Option<String>,
    pub(super) browser: Option<RunningBrowser>,
    pub(super) sources: Sources,
    pub(super) origin: Origin,
    pub(super) show: Show,
    pub(super) journal: Journal,
    pub(super) streams: Streams,
    pub(super) stages: Stages,
    pub(super) standing: Standing,
    pub(super) recordings: Recordings,
    pub(super) audience: Audience,

    pub(super) report: watch::Sender<v1::Report>,
    pub(super) inputs: watch::Sender<InputsView>,
    pub(super) outputs: watch::Sender<Vec<StreamView>>,
    pub(super) recorded: watch::Sender<Vec<RecordingView>>,
    pub(super) devtools: watch::Sender<Option<String>>,
    pub(super) participant: watch::Sender<Participant>,
    pub(super) sharing: watch::Sender<Sharing>,
    pub(super) carried: CarriedTeller,
}

/// What others need of the browser that runs.
pub(super) struct RunningBrowser {
    pub(super) page: Page,
    pub(super) pid: i32,
    pub(super) sandbox: Sandbox,
    pub(super) devtools_url: String,
}

/// What the session lets others follow.
pub(super) struct Outlets {
    pub(super) report: watch::Receiver<v1::Report>,
    pub(super) inputs: watch::Receiver<InputsView>,
    pub(super) outputs: watch::Receiver<Vec<StreamView>>,
    pub(super) recordings: watch::Receiver<Vec<RecordingView>>,
    pub(super) screen: watch::Receiver<Option<Screen>>,
    pub(super) devtools: watch::Receiver<Option<String>>,
    pub(super) participant: watch::Receiver<Participant>,
    pub(super) sharing: watch::Receiver<Sharing>,
    pub(super) carried: Carried,
}

impl Director {
    pub(super) fn new(
        config: Config,
        viewers: Box<dyn Viewers>,
        mailbox: mpsc::Sender<Mail>,
    ) -> (Self, Outlets) {
        let report = watch::Sender::default();
        let (inputs, devtools) = (watch::Sender::new(InputsView::default()), watch::Sender::new(None));
        let (participant, sharing) = (watch::Sender::default(), watch::Sender::default());
        let carried = CarriedTeller::default();
        let recordings = Recordings::new(config.recorder.clone(), mailbox.clone());
        let (outputs, recorded) = (watch::Sender::default(), watch::Sender::new(recordings.views()));
        let show = Show::new(&config, &mailbox);
        let outlets = Outlets {
            report: report.subscribe(),
            inputs: inputs.subscribe(),
            outputs: outputs.subscribe(),
            recordings: recorded.subscribe(),
            screen: show.screen(),
            devtools: devtools.subscribe(),
            participant: participant.subscribe(),
            sharing: sharing.subscribe(),
            carried: carried.subscribe(),
        };
        let director = Self {
            parts: Parts::new(config.camera_mode()),
            sources: Sources::new(&config, mailbox.clone()),
            origin: Origin::new(config.processes.clone(), mailbox.clone()),
            show,
            streams: Streams::new(config.senders.clone(), mailbox.clone()),
            stages: Stages::new(config.senders.clone(), config.browser_guard.policy.clone(), mailbox.clone()),
            standing: Standing::default(),
            recordings,
            audience: Audience::new(viewers, config.programs.clone(), mailbox.clone()),
            config,
            mailbox,
            asked: Asked::default(),
            keepers: HashMap::new(),
            attempts: 0,
            display: None,
            browser: None,
            journal: Journal::default(),
            report,
            inputs,
            outputs,
            recorded,
            devtools,
            participant,
            sharing,
            carried,
        };
        (director, outlets)
    }

    pub(super) async fn run(mut self, mut messages: mpsc::Receiver<Mail>, shutdown: CancellationToken) {
        loop {
            self.attend().await;
            self.record();
            self.publish();
            let deadline = self.due();
            tokio::select! {
                message = messages.recv() => match message {
                    Some(message) => self.take(message).await,
                    None => break,
                },
                () = crate::deadline::reached(deadline.map(Into::into)) => {
                    self.on(Event::Tick).await;
                    self.try_origin_again().await;
                    self.offer();
                }
                () = shutdown.cancelled() => break,
            }
        }
        self.end(messages).await;
    }

    async fn take(&mut self, message: Mail) {
        match message {
            Mail::Want(wanted, answer) => {
                let refusals = self.want(*wanted).await;
                self.record();
                self.publish();
                // Whoever asked may have gone; the wish counts all the same.
                drop(answer.send(refusals));
            }
            Mail::Steer(steer, answer) => {
                let steered = self.sources.steer(steer);
                self.publish();
                // Whoever asked may have gone; the inputs are steered all the same.
                let _ = answer.send(steered);
            }
            Mail::Start(livestream, answer) => {
                let started = self.start_stream(*livestream);
                // Whoever asked may have gone; it is started all the same.
                let _ = answer.send(started);
            }
            Mail::Stop(name, since, answer) => {
                let _ = answer.send(self.stop_stream(&name, since));
            }
            Mail::Record(wanted, answer) => {
                let choice = self.full().limit(wanted.choice);
                let (program, stance) = (self.show.program(), self.asked.stance);
                let started = self.recordings.start(Wanted { choice, ..*wanted }, program, stance).await;
                self.recorded.send_replace(self.recordings.views());
                // Whoever asked may have gone; it is recorded all the same.
                drop(answer.send(started));
            }
            Mail::Finish(id, how, answer) => drop(answer.send(self.recordings.stop(&id, how))),
            Mail::Delete(id, answer) => {
                let deleted = self.recordings.delete(&id);
                self.recorded.send_replace(self.recordings.views());
                // Whoever asked may have gone; its file goes all the same.
                drop(answer.send(deleted));
            }
            Mail::Resize(asked, courtesy, answer) => {
                let resized = self.resize(asked, courtesy).await;
                // Whoever asked may have gone; it is resized all the same.
                drop(answer.send(resized));
            }
            Mail::Invite(invitation, answer) => drop(answer.send(self.invite(invitation))),
            Mail::Kick(id, answer) => drop(answer.send(self.kick(id.as_deref()))),
            Mail::Heard(word, from, answer) => drop(answer.send(self.hear(word, from))),
            Mail::News(news) => self.news(news).await,
            Mail::Keyframe => self.show.keyframe(),
            Mail::Silence => self.offer(),
            Mail::CaptureFailed(why) => {
                self.show.failed(why);
                self.offer();
            }
            Mail::Inputs => self.sources.note_failures(),
            Mail::Linked(linked) => self.linked(linked),
            Mail::Origin => self.look_at_origin().await,
            Mail::Viewers | Mail::Sending | Mail::Recording => {}
            Mail::Ping(answer) => drop(answer.send(())),
        }
    }

    async fn news(&mut self, news: News) {
        let News { part, attempt, what } = news;
        let current = self.keepers.get(&part).is_some_and(|keeper| keeper.attempt == attempt);
        if !current || !self.parts.is_running(part) {
            return; // of an earlier start, or of a part that was stopped meanwhile
        }
        match what {
            What::Up(gives) => {
                match gives {
                    Gives::Display(name) => self.display = Some(name),
                    Gives::Browser { page, pid, sandbox, devtools_url } => {
                        self.browser = Some(RunningBrowser { page, pid, sandbox, devtools_url });
                    }
                    Gives::Nothing => {}
                }
                self.on(Event::Started(part)).await;
            }
            What::Dialog(kind) => self.journal.dialog(&kind),
            What::Lost(why) => self.on(Event::Lost(part, why)).await,
        }
        self.offer();
    }

    pub(super) async fn on(&mut self, event: Event) {
        for effect in self.parts.on(event, Instant::now()) {
            tracing::debug!(?effect, "session");
            match effect {
                Effect::Start(part) => self.start(part),
                Effect::Stop(part) => self.stop(part),
                Effect::Failed { part, loss } => {
                    self.config.metrics.lost(part);
                    let why = &self.parts.slot(part).why;
                    match loss {
                        Loss::Gone => self.journal.gone(part, why),
                        Loss::Unstarted => self.journal.unstarted(part, why),
                        Loss::UnstartedAgain => tracing::debug!(?part, why, "did not start again"),
                    }
                }
                Effect::Restored(part) => self.journal.restored(part),
                Effect::Mend { returned, .. } => self.mend(returned).await,
            }
        }
    }

    fn start(&mut self, part: Part) {
        self.attempts += 1;
        let Some(order) = self.order(part) else { return };
        let previous = self.keepers.remove(&part);
        let keeper = Keeper::start(order, self.attempts, previous, &self.config, self.mailbox.clone());
        self.keepers.insert(part, keeper);
    }

    fn stop(&mut self, part: Part) {
        if let Some(keeper) = self.keepers.get(&part) {
            keeper.stop();
        }
        match part {
            Part::Display => self.display = None,
            Part::Browser => self.browser = None,
            _ => {}
        }
    }

    /// What `part` is started with. `None` only if what it stands on is gone again, which its own deadline mends.
    fn order(&self, part: Part) -> Option<Order> {
        Some(match part {
            Part::Display => Order::Display(self.asked.session.page.as_ref()?.size),
            Part::Sound => Order::Sound(self.sources.ears().clone()),
            Part::Bus => Order::Bus,
            Part::Pipewire => Order::Pipewire,
            Part::Camera => Order::Camera(self.sources.picture().clone()),
            Part::Browser => Order::Browser {
                display: self.display.clone()?,
                size: self.asked.session.page.as_ref()?.size,
                // A portal that is not there would hang getUserMedia, that of the microphone as well.
                camera: match self.parts.slot(part).without.contains(&Part::Camera) {
                    true => None,
                    false => self.config.camera.clone(),
                },
            },
            Part::Page => Order::Page { page: self.browser.as_ref()?.page.clone(), url: self.url()? },
        })
    }

    fn url(&self) -> Option<String> {
        Some(match &self.asked.session.page.as_ref()?.location {
            Location::Bundled(name) => format!("{}/{name}", self.config.bundled_pages),
            location => location.to_string(),
        })
    }

    /// The browser holds on to a device that is a new one now: the service that does is started anew. The page is
    /// loaded again after it.
    async fn mend(&mut self, returned: Part) {
        let Some(RunningBrowser { pid, .. }) = self.browser else { return };
        let service = if returned == Part::Sound { Service::Audio } else { Service::VideoCapture };
        browser::restart_service(pid, service).await;
        self.stages.renew();
        self.journal.reloaded(returned);
    }

    fn start_stream(&mut self, livestream: Livestream) -> Result<StreamView, Refusal> {
        let name = livestream.name.clone();
        if self.shows() == Shows::Origin && livestream.choice != Choice::default() {
            return Err(Refusal::AsItComes);
        }
        self.streams.start(livestream, self.asked.stance)?;
        self.restream();
        self.streams.view(&name, self.show.proof().shows()).ok_or(Refusal::Unknown)
    }

    fn stop_stream(&mut self, name: &str, since: Option<SystemTime>) -> Result<(), Refusal> {
        self.streams.stop(name, since)?;
        self.settle_livestreams();
        self.restream();
        Ok(())
    }

    fn restream(&mut self) {
        self.call(self.asked.stance);
        self.offer();
        self.publish();
    }

    /// Ends everything in the reverse order of its start. The box is closed first, so that no keeper waits for room in it.
    async fn end(mut self, mut messages: mpsc::Receiver<Mail>) {
        messages.close();
        drop(self.audience);
        let ends = futures::future::join3(self.recordings.end(), self.streams.end(), self.stages.end());
        if tokio::time::timeout(GOODBYE, ends).await.is_err() {
            tracing::warn!("a destination does not listen to our end, or a disk is slow");
        }
        self.show.end();
        self.sources.end();
        for part in Part::ALL.into_iter().rev() {
            if let Some(keeper) = self.keepers.remove(&part) {
                keeper.stopped().await;
            }
        }
    }
}
