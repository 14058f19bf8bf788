//! The session's one task: messages in, effects out, a fresh report after each.

use std::collections::HashMap;
use std::time::{Instant, SystemTime};

use tokio::sync::{mpsc, watch};
use tokio::task::AbortHandle;
use tokio_util::sync::CancellationToken;
use understudy_core::input::{Control, Plan};
use understudy_core::part::{Effect, Event, Loss, Part, Parts};
use understudy_core::spec::Location;
use understudy_devtools::Page;
use understudy_proto::v1;

use super::journal::Journal;
use super::keeper::{Gives, Keeper, News, Order, What};
use super::want::{Asked, PROGRAM};
use super::{Config, InputsView, Message, Viewers};
use crate::broadcast::{Hub, Subscriber};
use crate::browser::{self, Sandbox, Service};
use crate::camera::Picture;
use crate::capture::{Capture, Screen, Speaker};
use crate::sound;
use crate::source::Source;

pub(super) struct Driver {
    pub(super) config: Config,
    pub(super) hub: Hub,
    pub(super) viewers: Box<dyn Viewers>,
    pub(super) mailbox: mpsc::Sender<Message>,

    pub(super) asked: Asked,
    pub(super) parts: Parts,
    keepers: HashMap<Part, Keeper>,
    attempts: u64,
    display: Option<String>,
    pub(super) browser: Option<RunningBrowser>,
    pub(super) picture: Picture,
    pub(super) control: Control,
    /// When the inputs came into the state that they are in; none when idle.
    pub(super) steered_at: Option<SystemTime>,
    pub(super) sources: Vec<(Plan, Source)>,
    /// What a source last failed with, since the inputs were set.
    pub(super) last_error: Option<String>,
    pub(super) journal: Journal,

    pub(super) screen: watch::Sender<Option<Screen>>,
    speaker: watch::Sender<Option<Speaker>>,
    _capture: Capture,
    /// Reads the program until it has shown that there is a picture.
    proof: Option<Subscriber>,
    pub(super) proven: bool,
    /// Why the last capture failed; none once there is a picture again.
    pub(super) capture_failed: Option<String>,
    /// Tasks that tell of viewers, by livestream.
    followed: HashMap<String, AbortHandle>,

    pub(super) report: watch::Sender<v1::Report>,
    pub(super) inputs: watch::Sender<InputsView>,
    pub(super) names: watch::Sender<Vec<String>>,
    pub(super) shows: watch::Sender<bool>,
    pub(super) devtools: watch::Sender<Option<String>>,
}

/// What others need of the browser that runs.
pub(super) struct RunningBrowser {
    page: Page,
    pid: i32,
    pub(super) sandbox: Sandbox,
    pub(super) devtools_url: String,
}

/// What the session lets others follow.
pub(super) struct Outlets {
    pub(super) report: watch::Receiver<v1::Report>,
    pub(super) inputs: watch::Receiver<InputsView>,
    pub(super) names: watch::Receiver<Vec<String>>,
    pub(super) shows: watch::Receiver<bool>,
    pub(super) devtools: watch::Receiver<Option<String>>,
}

impl Driver {
    pub(super) fn new(
        config: Config,
        hub: Hub,
        viewers: Box<dyn Viewers>,
        mailbox: mpsc::Sender<Message>,
    ) -> (Self, Outlets) {
        let (screen, screens) = watch::channel(None);
        let (speaker, speakers) = watch::channel(None);
        let complaints = mailbox.clone();
        let capture = Capture::start(&hub, screens, speakers, move |why| {
            // A full box loses this one; the next failure tells it again.
            drop(complaints.try_send(Message::CaptureFailed(why)));
        });
        let (report, names) = (watch::Sender::default(), watch::Sender::new(vec![PROGRAM.to_owned()]));
        let (inputs, devtools) = (watch::Sender::new(InputsView::default()), watch::Sender::new(None));
        let shows = watch::Sender::new(false);
        let outlets = Outlets {
            report: report.subscribe(),
            inputs: inputs.subscribe(),
            names: names.subscribe(),
            shows: shows.subscribe(),
            devtools: devtools.subscribe(),
        };
        let picture = Picture::new(config.camera_size);
        let camera = config.camera.mode();
        let driver = Self {
            config,
            hub,
            viewers,
            mailbox,
            asked: Asked::default(),
            parts: Parts::new(camera),
            keepers: HashMap::new(),
            attempts: 0,
            display: None,
            browser: None,
            picture,
            control: Control::default(),
            steered_at: None,
            sources: Vec::new(),
            last_error: None,
            journal: Journal::default(),
            screen,
            speaker,
            _capture: capture,
            proof: None,
            proven: false,
            capture_failed: None,
            followed: HashMap::new(),
            report,
            inputs,
            names,
            shows,
            devtools,
        };
        (driver, outlets)
    }

    pub(super) async fn run(mut self, mut messages: mpsc::Receiver<Message>, shutdown: CancellationToken) {
        let keyframes = tokio::spawn(tell_keyframes(self.hub.clone(), self.mailbox.clone()));
        loop {
            self.publish();
            let deadline = self.parts.deadline();
            tokio::select! {
                message = messages.recv() => match message {
                    Some(message) => self.take(message).await,
                    None => break,
                },
                () = until(deadline) => self.on(Event::Tick).await,
                () = shutdown.cancelled() => break,
            }
        }
        keyframes.abort();
        self.end(messages).await;
    }

    async fn take(&mut self, message: Message) {
        match message {
            Message::Want(wanted, answer) => {
                let refusals = self.want(*wanted).await;
                self.publish();
                // Whoever asked may have gone; the wish counts all the same.
                drop(answer.send(refusals));
            }
            Message::Steer(steer, answer) => {
                let steered = self.steer(steer);
                self.publish();
                // Whoever asked may have gone; the inputs are steered all the same.
                let _ = answer.send(steered);
            }
            Message::News(news) => self.news(news).await,
            Message::Keyframe => self.proven(),
            Message::CaptureFailed(why) => {
                // Shown to work anew, with nobody watching as well.
                (self.capture_failed, self.proven) = (Some(why), false);
                self.offer_screen();
            }
            Message::Inputs => self.note_failures(),
            Message::Viewers => {}
            Message::Ping(answer) => drop(answer.send(())),
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
        self.reconcile_sources();
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
        self.offer_screen();
        self.offer_speaker();
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
            Part::Sound => Order::Sound,
            Part::Bus => Order::Bus,
            Part::Pipewire => Order::Pipewire,
            Part::Camera => Order::Camera(self.picture.clone()),
            Part::Browser => Order::Browser {
                display: self.display.clone()?,
                size: self.asked.session.page.as_ref()?.size,
                // A portal that is not there would hang getUserMedia, that of the microphone as well.
                camera: match self.parts.slot(part).without.contains(&Part::Camera) {
                    true => None,
                    false => Some(self.config.camera.clone()),
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
        self.journal.reloaded(returned);
    }

    pub(super) fn offer_screen(&mut self) {
        let up = self.parts.is_up(Part::Display);
        let screen = self.asked.session.page.as_ref().filter(|_| up).and_then(|page| {
            let (size, frame_rate) = (page.size, page.frame_rate);
            Some(Screen {
                display: self.display.clone()?,
                size,
                frame_rate,
                bitrate: self.asked.session.encoding.video,
            })
        });
        let gone = screen.is_none();
        if replace(&self.screen, screen) {
            // What was seen of another screen proves nothing of this one.
            (self.proven, self.proof) = (false, None);
        }
        if gone {
            self.proof = None;
        } else if !self.proven && self.proof.is_none() && !self.asked.livestreams.is_empty() {
            self.proof = Some(self.hub.subscribe());
        }
    }

    pub(super) fn offer_speaker(&self) {
        let speaker = self.parts.is_up(Part::Sound).then(|| Speaker {
            server: sound::server(&self.config.directory),
            bitrate: self.asked.session.encoding.audio,
        });
        replace(&self.speaker, speaker);
    }

    fn proven(&mut self) {
        if self.screen.borrow().is_some() {
            (self.proven, self.proof, self.capture_failed) = (true, None, None);
        }
    }

    pub(super) fn follow_viewers(&mut self) {
        let livestreams = &self.asked.livestreams;
        self.followed.retain(|name, task| {
            let wanted = livestreams.iter().any(|livestream| livestream.name == *name);
            if !wanted {
                task.abort();
            }
            wanted
        });
        for livestream in livestreams {
            self.followed.entry(livestream.name.clone()).or_insert_with(|| {
                let count = self.viewers.count(&livestream.name);
                tokio::spawn(forward(count, self.mailbox.clone(), || Message::Viewers)).abort_handle()
            });
        }
    }

    /// Ends everything in the reverse order of its start. The box is closed first, so that no keeper waits for room in it.
    async fn end(mut self, mut messages: mpsc::Receiver<Message>) {
        messages.close();
        self.followed.values().for_each(AbortHandle::abort);
        replace(&self.screen, None);
        replace(&self.speaker, None);
        self.sources.clear();
        for part in Part::ALL.into_iter().rev() {
            if let Some(keeper) = self.keepers.remove(&part) {
                keeper.stopped().await;
            }
        }
    }
}

/// Whether it was another one.
pub(super) fn replace<T: PartialEq>(place: &watch::Sender<T>, value: T) -> bool {
    place.send_if_modified(|current| {
        let changed = *current != value;
        *current = value;
        changed
    })
}

/// Tells the session of each change of a value, until either is gone.
pub(super) async fn forward<T>(
    mut value: watch::Receiver<T>,
    mailbox: mpsc::Sender<Message>,
    message: fn() -> Message,
) {
    while value.changed().await.is_ok() {
        if mailbox.send(message()).await.is_err() {
            return;
        }
    }
}

async fn tell_keyframes(hub: Hub, mailbox: mpsc::Sender<Message>) {
    forward(hub.keyframes(), mailbox, || Message::Keyframe).await;
}

async fn until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => tokio::time::sleep_until(deadline.into()).await,
        None => std::future::pending().await,
    }
}
