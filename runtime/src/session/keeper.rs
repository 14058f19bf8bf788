//! One task for each part that runs: it starts the part, tells when it is up and when it is lost, and
//! ends it when told to.

use std::collections::HashSet;
use std::convert::Infallible;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use understudy_core::part::Part;
use understudy_core::spec::Resolution;
use understudy_devtools::{Dialogs, Page};
use understudy_link::cause;

use super::{Config, Mail};
use crate::browser::{self, Browser, Sandbox};
use crate::camera::{self, Picture, Place};
use crate::child::Child;
use crate::sound::{self, Ears, Hearing, Sound};
use crate::{bus, display, guard};

/// A child is given 3 s to end and is killed then; the camera's thread ends within a frame.
const STOP: Duration = Duration::from_secs(8);

/// What one part is started with.
#[derive(Debug)]
pub(super) enum Order {
    Display(Resolution),
    Sound(Ears),
    Bus,
    Pipewire,
    Camera(Picture),
    Browser { display: String, size: Resolution, camera: Option<Place> },
    Page { page: Page, url: String },
}

/// What one part gives to those that need it.
#[derive(Debug)]
pub(super) enum Gives {
    Nothing,
    Display(String),
    Browser { page: Page, pid: i32, sandbox: Sandbox, devtools_url: String },
}

#[derive(Debug)]
pub(super) struct News {
    pub(super) part: Part,
    /// Which start this is about: news of an earlier one means nothing any more.
    pub(super) attempt: u64,
    pub(super) what: What,
}

#[derive(Debug)]
pub(super) enum What {
    Up(Gives),
    /// The page opened a dialog of this kind.
    Dialog(String),
    Lost(String),
}

/// The task of one part.
#[derive(Debug)]
pub(super) struct Keeper {
    pub(super) attempt: u64,
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl Keeper {
    /// Starts the part once `previous` has ended, so that two never share a socket or a profile.
    pub(super) fn start(
        order: Order,
        attempt: u64,
        previous: Option<Self>,
        config: &Config,
        mailbox: mpsc::Sender<Mail>,
    ) -> Self {
        let stop = CancellationToken::new();
        let (part, config, token) = (order.part(), config.clone(), stop.clone());
        let task = tokio::spawn(async move {
            if let Some(previous) = previous {
                previous.stopped().await;
            }
            keep(order, &config, token, Teller { part, attempt, mailbox }).await;
        });
        Self { attempt, stop, task }
    }

    /// Asks it to end and goes on.
    pub(super) fn stop(&self) {
        self.stop.cancel();
    }

    /// Asks it to end and waits until it has.
    pub(super) async fn stopped(self) {
        self.stop.cancel();
        match tokio::time::timeout(STOP, self.task).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::error!(%error, "a part's task failed"),
            Err(_) => tracing::error!("a part did not end in time and is left to itself"),
        }
    }
}

impl Order {
    const fn part(&self) -> Part {
        match self {
            Self::Display(_) => Part::Display,
            Self::Sound(_) => Part::Sound,
            Self::Bus => Part::Bus,
            Self::Pipewire => Part::Pipewire,
            Self::Camera(_) => Part::Camera,
            Self::Browser { .. } => Part::Browser,
            Self::Page { .. } => Part::Page,
        }
    }
}

/// Brings news of one start of one part to the session.
struct Teller {
    part: Part,
    attempt: u64,
    mailbox: mpsc::Sender<Mail>,
}

impl Teller {
    async fn tell(&self, what: What) {
        let news = News { part: self.part, attempt: self.attempt, what };
        // A session that ends takes no more news.
        drop(self.mailbox.send(Mail::News(news)).await);
    }
}

async fn keep(order: Order, config: &Config, stop: CancellationToken, teller: Teller) {
    // From before it is loaded: a page may begin with one.
    let dialogs = match &order {
        Order::Page { page, .. } => Some(page.dialogs()),
        _ => None,
    };
    let mut told = std::pin::pin!(tell_dialogs(dialogs, &teller));
    let started = tokio::select! {
        started = start(order, config) => started,
        never = &mut told => match never {},
        () = stop.cancelled() => return,
    };
    let (mut running, gives) = match started {
        Ok(started) => started,
        Err(why) => return teller.tell(What::Lost(why)).await,
    };
    teller.tell(What::Up(gives)).await;
    tokio::select! {
        why = running.lost() => teller.tell(What::Lost(why)).await,
        never = told => match never {},
        () = stop.cancelled() => {}
    }
    running.end().await;
}

/// For as long as there is a page that may open some. Each kind is told once: a page can open them without end.
async fn tell_dialogs(dialogs: Option<Dialogs>, teller: &Teller) -> Infallible {
    let mut told = HashSet::new();
    if let Some(mut dialogs) = dialogs {
        while let Some(kind) = dialogs.next().await {
            if told.insert(kind.clone()) {
                teller.tell(What::Dialog(kind)).await;
            }
        }
    }
    std::future::pending().await
}

/// A part that runs.
enum Running {
    Process(Child),
    Sound { sound: Sound, hearing: Hearing },
    Camera(camera::Camera),
    Browser(Box<Browser>),
    Page(Page),
}

impl Running {
    async fn lost(&mut self) -> String {
        match self {
            Self::Process(child) => child.wait().await,
            Self::Sound { sound: Sound { child }, hearing } => tokio::select! {
                ended = child.wait() => ended,
                silent = hearing.silent() => silent,
            },
            Self::Camera(camera) => camera.lost().await.unwrap_or_else(|_| "the camera ended".to_owned()),
            Self::Browser(browser) => browser.lost().await,
            Self::Page(page) => format!("the page crashed ({})", page.crashed().await),
        }
    }

    async fn end(self) {
        match self {
            Self::Process(child) | Self::Sound { sound: Sound { child }, .. } => child.stop().await,
            Self::Browser(browser) => browser.stop().await,
            Self::Camera(camera) => camera.stop().await,
            Self::Page(_) => {}
        }
    }
}

async fn start(order: Order, config: &Config) -> Result<(Running, Gives), String> {
    let directory = &config.directory;
    let process = |child| (Running::Process(child), Gives::Nothing);
    match order {
        Order::Display(size) => display::start(size, config.display_number, directory)
            .await
            .map(|display| (Running::Process(display.child), Gives::Display(display.name)))
            .map_err(explain),
        Order::Sound(ears) => {
            let sound = sound::start(directory, &config.sound).await.map_err(explain)?;
            let hearing = sound::hear(directory, &config.sound, ears);
            Ok((Running::Sound { sound, hearing }, Gives::Nothing))
        }
        Order::Bus => bus::start(directory).await.map(|bus| process(bus.child)).map_err(explain),
        Order::Pipewire => {
            camera::daemon::start(directory).await.map(|daemon| process(daemon.child)).map_err(explain)
        }
        Order::Camera(picture) => {
            let format = camera::Format { size: config.camera_size, frame_rate: config.camera_frame_rate };
            let place = config.camera.as_ref().ok_or("this session has no camera")?;
            let camera = camera::start(place, format, picture).await.map_err(explain)?;
            Ok((Running::Camera(camera), Gives::Nothing))
        }
        Order::Browser { display, size, camera } => {
            let sandbox = browser::probe_sandbox(directory).await;
            let (program, directory) = (config.chromium.clone(), directory.clone());
            let proxy = config.browser_guard.address;
            let config = browser::Config { program, directory, display, size, sandbox, camera, proxy };
            let browser = browser::start(&config).await.map_err(explain)?;
            let gives = Gives::Browser {
                page: browser.page.clone(),
                pid: browser.child.pid(),
                sandbox,
                devtools_url: browser.devtools_url.clone(),
            };
            Ok((Running::Browser(Box::new(browser)), gives))
        }
        Order::Page { page, url } => {
            if let Err(error) = page.load(&url).await {
                let obstacle = guard::obstacle(&url, &config.browser_guard.policy).await;
                return Err(obstacle.map_or_else(|| explain(error), explain));
            }
            Ok((Running::Page(page), Gives::Nothing))
        }
    }
}

fn explain(error: impl std::error::Error + 'static) -> String {
    cause::told(&error)
}
