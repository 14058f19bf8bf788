//! A stage that the browser joins by opening its page. The tab is the page's until it is left, and opened again as often as it is
//! lost; how that goes is judged by what its connections show ([`understudy_core::visit`]).
//!
//! The page is given its token before its own scripts run, in documents of exactly its origin: the token stands in no address.

use std::time::{Duration, Instant};

use serde_json::json;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_util::sync::{CancellationToken, DropGuard};
use tracing::Instrument;
use understudy_core::guard::Policy;
use understudy_core::sending::Sending;
use understudy_core::spec::PageTarget;
use understudy_core::visit::{Failure, MOST_PEERS, Verdict, Visit};
use understudy_devtools::{Error, Observer, Page, Seen, Trouble};
use url::Url;

use crate::{child, guard};

const OBSERVER: &str = include_str!("visit/observer.js");
/// What the observer tells by; the page finds it nowhere.
const BINDING: &str = "__understudy_observer";
/// What is known of a page is looked at again by then, though nothing is told.
const LOOK: Duration = Duration::from_secs(1);
/// For a page that is left, to say so to its stage.
const GOODBYE: Duration = Duration::from_secs(2);
/// A page that was there for so long, and of which something arrived, was well: what comes after it is a first failure.
const STEADY: Duration = Duration::from_secs(10);
/// From being told to stop to the end: a goodbye, a crash, and what comes after it.
const STOP: Duration = Duration::from_secs(8);

/// The browser's tab, while it is the stage's.
#[derive(Clone, Debug)]
pub struct Tab {
    pub page: Page,
    /// The browser's process.
    pub pid: i32,
    /// Rises when what the tab shows holds on to a device that is gone.
    pub renewed: u64,
}

/// Which page, and for what.
#[derive(Clone, Debug)]
pub struct Wanted {
    pub invitation: String,
    pub target: PageTarget,
    /// What the browser may reach: whoever is not reached is told why.
    pub policy: Policy,
}

impl Wanted {
    /// What runs before the page's own scripts in each of its documents: a function, called with what it needs.
    pub fn script(&self) -> String {
        let asked = json!({
            "binding": BINDING,
            "origin": origin(&self.target),
            "most": MOST_PEERS,
            "given": { "invitationId": self.invitation, "participantToken": self.target.reveal_token() },
        });
        format!("({})({asked});", OBSERVER.trim_end())
    }
}

/// A page that is visited until this is dropped.
pub struct Visiting {
    state: watch::Receiver<Sending>,
    end: DropGuard,
    task: JoinHandle<()>,
}

/// Visits the page, in whichever tab there is, once what was there `before` has ended.
pub fn visit(
    wanted: Wanted,
    tabs: watch::Receiver<Option<Tab>>,
    before: impl Future<Output = ()> + Send + 'static,
) -> Visiting {
    let (told, state) = watch::channel(Sending::Connecting);
    let end = CancellationToken::new();
    let span = tracing::info_span!("stage_page", page = %wanted.target);
    let visitor = Visitor { wanted, tabs, told };
    let token = end.clone();
    let visiting = async move {
        if token.run_until_cancelled(before).await.is_some() {
            visitor.run(token).await;
        }
    };
    Visiting { state, end: end.drop_guard(), task: tokio::spawn(visiting.instrument(span)) }
}

impl Visiting {
    pub fn state(&self) -> watch::Receiver<Sending> {
        self.state.clone()
    }

    /// Leaves the page: its document is gone then.
    pub async fn stop(self) {
        let Self { end, task, .. } = self;
        drop(end);
        if tokio::time::timeout(STOP, task).await.is_err() {
            tracing::error!("a stage's page was not left within {STOP:?}");
        }
    }
}

struct Visitor {
    wanted: Wanted,
    tabs: watch::Receiver<Option<Tab>>,
    told: watch::Sender<Sending>,
}

/// How one visit ended.
enum Ended {
    /// It was told to.
    Stopped,
    /// A device is another one: the page is opened again at once.
    Renewed,
    Failed(Failure),
}

impl Visitor {
    async fn run(mut self, end: CancellationToken) {
        let mut failures = 0;
        loop {
            let tab = self.tabs.wait_for(Option::is_some);
            let Some(Ok(Some(tab))) =
                end.run_until_cancelled(tab).await.map(|tab| tab.map(|tab| tab.clone()))
            else {
                return;
            };
            let (began, mut visit) = (Instant::now(), Visit::new(Instant::now()));
            self.tell(Sending::Connecting);
            let failure = match self.once(&tab, &mut visit, &end).await {
                Ended::Stopped => return,
                Ended::Renewed => continue,
                Ended::Failed(failure) => failure,
            };
            failures = if visit.has_arrived() && began.elapsed() >= STEADY { 1 } else { failures + 1 };
            let wait = failure.wait(failures);
            tracing::warn!(%failure, failures, ?wait, "the stage's page is not there, and is opened again");
            self.tell(Sending::Failed(failure.told()));
            if tokio::time::timeout(wait, end.cancelled()).await.is_ok() {
                return;
            }
        }
    }

    /// Opens the page and stays until something ends it. Its document is gone then.
    async fn once(&mut self, tab: &Tab, visit: &mut Visit, end: &CancellationToken) -> Ended {
        // What is there may stand still, and would answer nothing.
        leave(tab).await;
        let mut observer = match tab.page.observe(BINDING, &self.wanted.script()).await {
            Ok(observer) => observer,
            Err(error) => {
                give_up(tab, &error);
                return Ended::Failed(Failure::Crashed(error.to_string()));
            }
        };
        let mut tabs = self.tabs.clone();
        tracing::info!("a stage's page is opened");
        let ended = tokio::select! {
            failure = self.stay(&tab.page, &mut observer, visit) => Ended::Failed(failure),
            ended = moved(&mut tabs, tab) => ended,
            () = end.cancelled() => Ended::Stopped,
        };
        leave(tab).await;
        if let Err(error) = observer.end().await {
            give_up(tab, &error);
        }
        tracing::info!("a stage's page is left");
        ended
    }

    /// Until it is over.
    async fn stay(&self, page: &Page, observer: &mut Observer, visit: &mut Visit) -> Failure {
        let origin = origin(&self.wanted.target);
        let (mut opening, mut is_open) = (std::pin::pin!(self.open(page)), false);
        let mut crashed = std::pin::pin!(page.crashed());
        let mut looks = tokio::time::interval(LOOK);
        loop {
            tokio::select! {
                opened = &mut opening, if !is_open => match opened {
                    Ok(()) => is_open = true,
                    Err(failure) => return failure,
                },
                why = &mut crashed, if is_open => return Failure::Crashed(why.to_string()),
                seen = observer.next() => match seen {
                    Ok(Seen::Told(text)) => visit.told(&text, Instant::now()),
                    Ok(Seen::Went { origin: other }) if other != origin => return Failure::Elsewhere,
                    Ok(Seen::WentNowhere) if is_open => return nowhere(),
                    // What cannot be opened is told by whoever opens it.
                    Ok(Seen::Went { .. } | Seen::WentNowhere) => {}
                    Ok(Seen::Crashed) => return Failure::Crashed("its process has ended".to_owned()),
                    Err(error) => return Failure::Crashed(error.to_string()),
                },
                _ = looks.tick() => {}
            }
            match visit.judge(Instant::now()) {
                Verdict::Goes(sending) => self.tell(sending),
                Verdict::Over(failure) => return failure,
            }
        }
    }

    async fn open(&self, page: &Page) -> Result<(), Failure> {
        let url = self.wanted.target.url();
        let Err(trouble) = page.load(url).await else { return Ok(()) };
        Err(match guard::obstacle(url, &self.wanted.policy).await {
            Some(refused) => Failure::Unreachable(understudy_link::cause::told(&refused)),
            None => failure(trouble),
        })
    }

    fn tell(&self, sending: Sending) {
        self.told.send_if_modified(|told| {
            let is_news = *told != sending;
            if is_news && sending == Sending::Arriving {
                tracing::info!("the stage says that what its page sends arrives");
            }
            *told = sending;
            is_news
        });
    }
}

/// Until the tab is another one.
async fn moved(tabs: &mut watch::Receiver<Option<Tab>>, from: &Tab) -> Ended {
    let is_other =
        |tab: &Option<Tab>| tab.as_ref().is_none_or(|tab| (tab.pid, tab.renewed) != (from.pid, from.renewed));
    match tabs.wait_for(is_other).await.map(|tab| tab.as_ref().is_some_and(|tab| tab.pid == from.pid)) {
        Ok(true) => Ended::Renewed,
        Ok(false) => Ended::Failed(Failure::NoBrowser),
        // The session has ended.
        Err(_) => Ended::Stopped,
    }
}

async fn leave(tab: &Tab) {
    if let Err(error) = tab.page.leave(GOODBYE).await {
        give_up(tab, &error);
    }
}

/// A browser that does not say that the document is gone, and what the next one is given, is ended: nothing of a stage outlives it.
fn give_up(tab: &Tab, error: &Error) {
    // Who has hung up has ended.
    if !matches!(error, Error::Closed | Error::Gone) {
        tracing::error!(%error, "the browser does not leave the stage's page, and is ended");
        child::kill_process(tab.pid);
    }
}

/// As browsers write it; of what is no URL, one that no document has.
fn origin(target: &PageTarget) -> String {
    Url::parse(target.url()).map(|url| url.origin().ascii_serialization()).unwrap_or_default()
}

fn failure(trouble: Trouble) -> Failure {
    match trouble {
        Trouble::Unreachable(text) if ["ERR_CERT", "ERR_SSL"].iter().any(|kind| text.contains(kind)) => {
            Failure::Untrusted(text)
        }
        Trouble::Status(status) => Failure::Status(u16::try_from(status).unwrap_or_default()),
        Trouble::Devtools(error) => Failure::Crashed(error.to_string()),
        Trouble::LedNowhere => nowhere(),
        Trouble::Unreachable(_) | Trouble::Silent => Failure::Unreachable(trouble.to_string()),
    }
}

fn nowhere() -> Failure {
    Failure::Unreachable(Trouble::LedNowhere.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted(url: &str) -> Wanted {
        let target = PageTarget::parse("", url, r#"a "quoted" </script> \ word"#).unwrap();
        Wanted { invitation: "show-42".into(), target, policy: Policy::default() }
    }

    #[test]
    fn the_script_is_given_its_page_s_origin_and_what_lets_it_in() {
        let script = wanted("HTTPS://Meet.Example.org:443/room?pwd=roomword#here").script();
        assert!(script.contains(r#""origin":"https://meet.example.org""#), "{script}");
        assert!(script.contains(r#""participantToken":"a \"quoted\" </script> \\ word""#), "{script}");
        assert!(!script.contains("roomword"));
        assert_eq!(origin(&wanted("http://127.0.0.1:8080/a").target), "http://127.0.0.1:8080");
    }

    #[test]
    fn why_a_page_is_not_opened_is_told_apart() {
        let of = |trouble| failure(trouble).reason();
        assert_eq!(of(Trouble::Unreachable("net::ERR_CERT_AUTHORITY_INVALID".into())), "StageUntrusted");
        assert_eq!(of(Trouble::Unreachable("net::ERR_CONNECTION_REFUSED".into())), "StageUnreachable");
        assert_eq!(of(Trouble::Status(404)), "StageNotFound");
        assert_eq!(of(Trouble::Devtools(Error::Closed)), "StagePageCrashed");
    }
}
