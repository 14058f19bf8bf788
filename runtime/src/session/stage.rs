//! The stage that the session publishes to, or whose page its browser shows, and how that goes.

use std::time::Duration;

use futures::FutureExt;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;
use understudy_core::failure::Failure;
use understudy_core::guard::Policy;
use understudy_core::rendition::Full;
use understudy_core::sending::Sending;
use understudy_core::spec::{Choice, Livestream, Output, PageTarget, Resolution, Stage, Target, WhipTarget};
use understudy_devtools::Page;
use understudy_trace::Place;

use super::Mail;
use super::told::forward;
use crate::browser::{self, Tab};
use crate::egress::{Sender, Senders, UNUSABLE};
use crate::program::Program;

/// For a stage's page to be left before its browser goes: its goodbye, and a crash after that. The session waits for it.
const GOODBYE: Duration = Duration::from_secs(4);

pub(super) struct Stages {
    on: Option<On>,
    /// What has been told to end: each is cancelled, and the session told, when it has.
    leaving: Vec<Leaving>,
    senders: Senders,
    /// What the browser may reach.
    policy: Policy,
    tab: watch::Sender<Option<Tab>>,
    mailbox: mpsc::Sender<Mail>,
    /// The span that what is done for an invitation stands below, and its id.
    traced_below: Option<(String, Place)>,
}

struct Leaving {
    gone: CancellationToken,
    by_page: bool,
}

/// The one that is published to.
struct On {
    id: String,
    target: Target,
    size: Resolution,
    way: Result<Way, Failure>,
}

struct Way {
    sender: Sender,
    /// Tells the session of each change.
    _teller: AbortOnDropHandle<()>,
}

impl Stages {
    pub(super) fn new(senders: Senders, policy: Policy, mailbox: mpsc::Sender<Mail>) -> Self {
        Self {
            on: None,
            leaving: Vec::new(),
            senders,
            policy,
            tab: watch::Sender::new(None),
            mailbox,
            traced_below: None,
        }
    }

    /// The trace of an invitation.
    pub(super) fn trace(&mut self, id: &str, traceparent: &str) {
        self.traced_below = Place::parse(traceparent).map(|place| (id.to_owned(), place));
    }

    /// What is shown is published to that stage, or its page is opened, or to none; what was before has been told to end. `well`:
    /// what goes on is not ended for the sake of another token or size.
    pub(super) fn run(&mut self, stage: Option<(&str, &Stage)>, well: bool, program: &Program, full: Full) {
        let Some((id, stage)) = stage else { return self.leave() };
        let size = full.chosen(Choice::default()).size;
        let as_it_was = |on: &On| on.target == stage.target && (on.size == size || on.is_by_page());
        if self.on.as_ref().is_some_and(|on| on.id == id && (well || as_it_was(on))) {
            return;
        }
        self.leave();
        let begun = match &stage.target {
            Target::Whip(target) => self.publish(id, target, program, full),
            Target::Page(target) => Ok(self.visit(id, target)),
        };
        let way = begun.map(|sender| {
            let telling = forward(sender.state(), self.mailbox.clone(), || Mail::Sending);
            Way { sender, _teller: AbortOnDropHandle::new(tokio::spawn(telling)) }
        });
        let way = way.map_err(|message| Failure { reason: UNUSABLE, message });
        self.on = Some(On { id: id.to_owned(), target: stage.target.clone(), size, way });
    }

    fn publish(
        &self,
        id: &str,
        target: &WhipTarget,
        program: &Program,
        full: Full,
    ) -> Result<Sender, String> {
        let choice = Choice::default();
        let (chosen, program) = (full.chosen(choice), &program.at(full.limit(choice)));
        let livestream = Livestream { name: name(id), output: Output::Whip(target.clone()), choice };
        let traced = self.traced_below.as_ref().filter(|(traced, _)| traced == id);
        let senders = self.senders.traced_below(traced.map(|(_, place)| *place));
        match self.is_empty() {
            true => senders.start(&livestream, program, chosen),
            false => {
                let before = tokio::spawn(all(self.gone()));
                Ok(senders.start_after(before, &livestream, program, chosen))
            }
        }
    }

    fn visit(&self, id: &str, target: &PageTarget) -> Sender {
        let (invitation, target, policy) = (id.to_owned(), target.clone(), self.policy.clone());
        let wanted = browser::Wanted { invitation, target, policy };
        let visiting = browser::visit(wanted, self.tab.subscribe(), all(self.gone()));
        let state = visiting.state();
        Sender::follow(state, |sending, _| (sending.clone(), None), async { visiting.stop().await }.boxed())
    }

    fn leave(&mut self) {
        let Some(on) = self.on.take() else { return };
        let by_page = on.is_by_page();
        let Ok(way) = on.way else { return };
        let (mailbox, gone) = (self.mailbox.clone(), CancellationToken::new());
        self.leaving.retain(|before| !before.gone.is_cancelled());
        self.leaving.push(Leaving { gone: gone.clone(), by_page });
        tokio::spawn(async move {
            way.sender.stop().await;
            gone.cancel();
            // A session that has ended asks no more.
            drop(mailbox.send(Mail::Sending).await);
        });
    }

    /// Whether the browser's tab is, or is to be, a stage's.
    pub(super) fn needs_tab(&self) -> bool {
        self.on.as_ref().is_some_and(On::is_by_page)
            || self.leaving.iter().any(|leaving| leaving.by_page && !leaving.gone.is_cancelled())
    }

    /// The tab of the browser that runs; none: there is none, or it is the session's own.
    pub(super) fn lend(&self, page: Option<(&Page, i32)>) {
        self.tab.send_if_modified(|tab| {
            let is_same = tab.as_ref().map(|tab| tab.pid) == page.map(|(_, pid)| pid);
            if !is_same {
                *tab = page.map(|(page, pid)| Tab { page: page.clone(), pid, renewed: 0 });
            }
            !is_same
        });
    }

    /// Takes the tab back: no stage's page is in it then.
    pub(super) async fn take_tab(&self) {
        let was_lent = self.tab.borrow().is_some();
        self.lend(None);
        let by_page = self.leaving.iter().filter(|leaving| leaving.by_page);
        let leaving = all(by_page.map(|leaving| leaving.gone.clone()).collect());
        let on =
            self.on.as_ref().filter(|on| was_lent && on.is_by_page()).and_then(|on| on.way.as_ref().ok());
        let left = async {
            leaving.await;
            if let Some(way) = on {
                // Who has ended is there no more, too.
                drop(way.sender.state().wait_for(|sending| matches!(sending, Sending::Failed(_))).await);
            }
        };
        if tokio::time::timeout(GOODBYE, left).await.is_err() {
            tracing::warn!("a stage's page was not left before its browser went");
        }
    }

    /// What the tab shows holds on to a device that is gone.
    pub(super) fn renew(&self) {
        self.tab.send_if_modified(|tab| tab.as_mut().map(|tab| tab.renewed += 1).is_some());
    }

    /// Whether what is shown is published.
    pub(super) fn needs_picture(&self) -> bool {
        self.on.as_ref().is_some_and(|on| !on.is_by_page())
    }

    /// How it goes; none: nothing is published.
    pub(super) fn sending(&self) -> Option<Sending> {
        Some(match &self.on.as_ref()?.way {
            Ok(way) => way.sender.state().borrow().clone(),
            Err(failure) => Sending::Failed(failure.clone()),
        })
    }

    /// Whether nothing is published, and nothing of what was is there.
    pub(super) fn is_empty(&self) -> bool {
        self.on.is_none() && self.leaving.iter().all(|leaving| leaving.gone.is_cancelled())
    }

    fn gone(&self) -> Vec<CancellationToken> {
        self.leaving.iter().map(|leaving| leaving.gone.clone()).collect()
    }

    /// Ends it; the stage has been told then, or did not listen.
    pub(super) async fn end(mut self) {
        self.leave();
        all(self.gone()).await;
    }
}

impl On {
    const fn is_by_page(&self) -> bool {
        matches!(self.target, Target::Page(_))
    }
}

async fn all(leaving: Vec<CancellationToken>) {
    for gone in leaving {
        gone.cancelled().await;
    }
}

/// No livestream is called so.
fn name(id: &str) -> String {
    format!("stage/{id}")
}
