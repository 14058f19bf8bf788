//! What streamers show: the session's own display, which is always there, and the pages that its document names, each with a
//! display, a sound and a browser of its own for as long as a streamer shows it.
//!
//! ```text
//!   session's document ──> Scenes ──begins, ends──> Page (a session of its own, without camera and microphone)
//!                            └────── Scene: how it is called, and the one keyboard of all who watch it
//! ```

mod page;

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

use futures::future::{BoxFuture, pending, select_all};
use futures::stream::FuturesUnordered;
use futures::{FutureExt, StreamExt};
use tokio::sync::watch;
use understudy_core::outputs::PROGRAM;
use understudy_core::spec::Sharing as Document;
use understudy_core::steering::seat;
use understudy_core::streamer::APP;
use understudy_core::streamer::message::App;
use understudy_core::streamer::order::{Refusal, Shape};

use super::hands::Table;
use super::{Setup, Sharing};
use crate::capture::Screen;
use crate::session;
use crate::steering::Desk;
use page::Page;

/// What is said of what shows nothing, where the session has no better word.
const NOTHING: &str = "the session's display shows nothing";

/// Which one: none is the session's own display, others have the name of their page.
pub(super) type Which = Option<String>;

/// What whoever watches has to know of what is watched.
pub(super) struct Scene {
    /// Under which it is found.
    pub(super) program: String,
    /// As whom people know it.
    pub(super) title: String,
    pub(super) app: u32,
    pub(super) table: Table,
}

pub(super) struct Scenes {
    setup: Setup,
    own: Stage,
    pages: BTreeMap<String, Shown>,
    /// What has been told to end, until it has.
    ending: FuturesUnordered<tokio::task::JoinHandle<()>>,
    document: watch::Receiver<Document>,
}

/// A scene and how it stands.
struct Stage {
    scene: Arc<Scene>,
    session: session::Handle,
    screen: watch::Receiver<Option<Screen>>,
}

/// One of a page.
struct Shown {
    stage: Stage,
    page: Page,
}

impl Scenes {
    pub(super) fn open(setup: Setup) -> io::Result<Self> {
        let document = setup.session.sharing();
        let sharing = setup.sharing.told(&document.borrow());
        let own = Scene {
            program: PROGRAM.to_owned(),
            title: setup.title.clone(),
            app: APP,
            table: setup.table(sharing)?,
        };
        let own = Stage::new(own, setup.session.clone());
        let (pages, ending) = (BTreeMap::new(), FuturesUnordered::new());
        Ok(Self { setup, own, pages, ending, document })
    }

    /// How many may watch one streamer.
    pub(super) fn most_viewers(&self) -> usize {
        self.setup.sharing.told(&self.document.borrow()).most_viewers
    }

    /// Which one has that number now.
    pub(super) fn which(&self, app: u32) -> Result<Which, Refusal> {
        if app == APP {
            return Ok(None);
        }
        let document = self.document.borrow();
        let page = usize::try_from(app).ok().and_then(|app| document.pages.get(app - 1));
        let refused = || Refusal::App { app, pages: document.pages.len() };
        page.map(|page| Some(page.name.clone())).ok_or_else(refused)
    }

    /// Whether the document names it.
    pub(super) fn is_named(&self, which: &Which) -> bool {
        which.as_ref().is_none_or(|name| self.document.borrow().pages.iter().any(|page| page.name == *name))
    }

    /// All that there are, with their numbers.
    pub(super) fn apps(&self) -> Vec<App> {
        let pages = self.document.borrow().pages.iter().map(|page| page.name.clone()).collect::<Vec<_>>();
        let titles = [self.own.scene.title.clone()].into_iter().chain(pages);
        (APP..).zip(titles).map(|(app_id, title)| App { app_id, title, is_hdr_supported: false }).collect()
    }

    /// Somebody shows it from now on. A page begins with the first who does.
    pub(super) fn begin(&mut self, which: &Which) -> io::Result<()> {
        let Some(name) = which else { return Ok(()) };
        if self.pages.contains_key(name) {
            return Ok(());
        }
        let document = self.document.borrow().clone();
        let mut numbered = document.pages.iter().zip(APP + 1..);
        let Some((named, app)) = numbered.find(|(page, _)| page.name == *name) else { return Ok(()) };
        tracing::info!(page = name, "a named page begins");
        let program = format!("page:{name}");
        let (page, session) = Page::begin(&self.setup.pages, &program, named.page.clone())?;
        let sharing = self.setup.sharing.told(&document);
        let scene = Scene { program, title: name.clone(), app, table: self.setup.table(sharing)? };
        self.pages.insert(name.clone(), Shown { stage: Stage::new(scene, session), page });
        Ok(())
    }

    /// These are shown, and no others: what nobody shows ends.
    pub(super) fn keep<'a>(&mut self, shown: impl Iterator<Item = &'a Which> + Clone) {
        let is_shown = |name: &String| shown.clone().any(|which| which.as_ref() == Some(name));
        for (name, Shown { stage, page }) in self.pages.extract_if(.., |name, _| !is_shown(name)) {
            tracing::info!(page = name, "a named page ends: nobody shows it any more");
            // Whoever shows it next begins another, which has the name at once.
            self.setup.pages.programs.free(&stage.scene.program);
            self.ending.push(page.end());
        }
    }

    /// As it is now; none, if it has ended.
    pub(super) fn of(&self, which: &Which) -> Option<&Arc<Scene>> {
        self.stage(which).map(|stage| &stage.scene)
    }

    /// Of what is seen; none, while nothing is.
    pub(super) fn shape(&self, which: &Which) -> Option<Shape> {
        let screen = &self.stage(which)?.screen;
        // Of a session that broke down nothing is seen, whatever it said last.
        screen.has_changed().ok()?;
        let screen = screen.borrow();
        let Screen { size, frame_rate, .. } = screen.as_ref()?;
        Some(Shape { width: size.width(), height: size.height(), fps: frame_rate.per_second() })
    }

    /// What is wrong with it, as its session says itself.
    pub(super) fn complaint(&self, which: &Which) -> String {
        let said = self.stage(which).and_then(|stage| {
            let report = stage.session.report();
            let report = report.borrow();
            let wrong = report.conditions.iter().find(|one| one.status == "False" && !one.message.is_empty());
            wrong.map(|one| one.message.clone())
        });
        said.unwrap_or_else(|| NOTHING.to_owned())
    }

    /// When time alone changes who steers.
    pub(super) fn due(&self) -> Option<std::time::Instant> {
        self.stages().filter_map(|stage| stage.scene.table.due()).min()
    }

    /// It is [`Self::due`] for some.
    pub(super) fn pass(&self, now: std::time::Instant) {
        let tables = self.stages().map(|stage| &stage.scene.table);
        tables.filter(|table| table.due().is_some_and(|due| due <= now)).for_each(|table| {
            table.on(seat::Event::Timeout);
        });
    }

    /// Resolves once a display has come or gone, or the document says something else. May be given up on without losing anything.
    pub(super) async fn changed(&mut self) {
        let Self { own, pages, ending, document, .. } = self;
        let may_change = document.has_changed().is_ok();
        let screens: Vec<_> =
            own.coming().into_iter().chain(pages.values_mut().filter_map(Shown::coming)).collect();
        let screens = match screens.is_empty() {
            true => pending().boxed(),
            false => select_all(screens).map(drop).boxed(),
        };
        tokio::select! {
            () = screens => {}
            _ = document.changed(), if may_change => {}
            Some(_) = ending.next(), if !ending.is_empty() => {}
        }
    }

    /// What is done is done on the displays that there are, and shared as the document says.
    pub(super) fn follow(&mut self) {
        let document = self.document.borrow_and_update().clone();
        let sharing = self.setup.sharing.told(&document);
        for (name, Shown { stage, page }) in &mut self.pages {
            if let Some(named) = document.pages.iter().find(|named| named.name == *name) {
                page.show(&named.page);
            }
            stage.follow(sharing);
        }
        self.own.follow(sharing);
    }

    /// Resolves when nothing of any page is left.
    pub(super) async fn end(mut self) {
        self.keep([].iter());
        while self.ending.next().await.is_some() {}
    }

    fn stage(&self, which: &Which) -> Option<&Stage> {
        match which {
            None => Some(&self.own),
            Some(name) => self.pages.get(name).map(|shown| &shown.stage),
        }
    }

    fn stages(&self) -> impl Iterator<Item = &Stage> {
        [&self.own].into_iter().chain(self.pages.values().map(|shown| &shown.stage))
    }
}

impl Stage {
    fn new(scene: Scene, session: session::Handle) -> Self {
        let screen = session.screen();
        Self { scene: Arc::new(scene), session, screen }
    }

    /// Resolves when its display comes or goes; none: it has ended, and does neither.
    fn coming(&mut self) -> Option<BoxFuture<'_, ()>> {
        self.screen.has_changed().is_ok().then(|| self.screen.changed().map(drop).boxed())
    }

    fn follow(&mut self, sharing: Sharing) {
        let display = self.screen.borrow_and_update().as_ref().and_then(Screen::display).map(str::to_owned);
        self.scene.table.share(sharing);
        self.scene.table.show(display);
    }
}

impl Shown {
    fn coming(&mut self) -> Option<BoxFuture<'_, ()>> {
        self.stage.coming()
    }
}

impl Setup {
    fn table(&self, sharing: Sharing) -> io::Result<Table> {
        let desk = Desk::open(sharing.layout, self.of_desk.clone())?;
        Ok(Table::new(sharing, desk, self.metrics.clone()))
    }
}
