//! The stage that the session publishes to, and how that goes.

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;
use understudy_core::failure::Failure;
use understudy_core::rendition::Full;
use understudy_core::sending::Sending;
use understudy_core::spec::{Choice, Livestream, Output, Resolution, Stage, WhipTarget};
use understudy_trace::Place;

use super::Mail;
use super::told::forward;
use crate::egress::{Sender, Senders, UNUSABLE};
use crate::program::Program;

pub(super) struct Stages {
    on: Option<On>,
    /// What has been told to end: each is cancelled, and the session told, when it has.
    leaving: Vec<CancellationToken>,
    senders: Senders,
    mailbox: mpsc::Sender<Mail>,
    /// The span that what is done for an invitation stands below, and its id.
    traced_below: Option<(String, Place)>,
}

/// The one that is published to.
struct On {
    id: String,
    target: WhipTarget,
    size: Resolution,
    way: Result<Way, Failure>,
}

struct Way {
    sender: Sender,
    /// Tells the session of each change.
    _teller: AbortOnDropHandle<()>,
}

impl Stages {
    pub(super) const fn new(senders: Senders, mailbox: mpsc::Sender<Mail>) -> Self {
        Self { on: None, leaving: Vec::new(), senders, mailbox, traced_below: None }
    }

    /// The trace of an invitation.
    pub(super) fn trace(&mut self, id: &str, traceparent: &str) {
        self.traced_below = Place::parse(traceparent).map(|place| (id.to_owned(), place));
    }

    /// What is shown is published to that stage, or to none; what was before has been told to end. `well`: what goes on is not
    /// ended for the sake of another token or size.
    pub(super) fn run(&mut self, stage: Option<(&str, &Stage)>, well: bool, program: &Program, full: Full) {
        let Some((id, stage)) = stage else { return self.leave() };
        let choice = Choice::default();
        let size = full.chosen(choice).size;
        let stays = |on: &On| on.id == id && (well || on.size == size && on.target == stage.target);
        if self.on.as_ref().is_some_and(stays) {
            return;
        }
        self.leave();
        let livestream = Livestream { name: name(id), output: Output::Whip(stage.target.clone()), choice };
        let program = &program.at(full.limit(choice));
        let traced = self.traced_below.as_ref().filter(|(traced, _)| traced == id);
        let senders = self.senders.traced_below(traced.map(|(_, place)| *place));
        let begun = match self.is_empty() {
            true => senders.start(&livestream, program, size),
            false => {
                let before = tokio::spawn(all(self.leaving.clone()));
                Ok(senders.start_after(before, &livestream, program, size))
            }
        };
        let way = begun.map(|sender| {
            let telling = forward(sender.state(), self.mailbox.clone(), || Mail::Sending);
            Way { sender, _teller: AbortOnDropHandle::new(tokio::spawn(telling)) }
        });
        let way = way.map_err(|message| Failure { reason: UNUSABLE, message });
        self.on = Some(On { id: id.to_owned(), target: stage.target.clone(), size, way });
    }

    fn leave(&mut self) {
        let Some(Ok(way)) = self.on.take().map(|on| on.way) else { return };
        let (mailbox, gone) = (self.mailbox.clone(), CancellationToken::new());
        self.leaving.retain(|before| !before.is_cancelled());
        self.leaving.push(gone.clone());
        tokio::spawn(async move {
            way.sender.stop().await;
            gone.cancel();
            // A session that has ended asks no more.
            drop(mailbox.send(Mail::Sending).await);
        });
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
        self.on.is_none() && self.leaving.iter().all(CancellationToken::is_cancelled)
    }

    /// Ends it; the stage has been told then, or did not listen.
    pub(super) async fn end(mut self) {
        self.leave();
        all(self.leaving).await;
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
