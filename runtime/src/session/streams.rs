//! The session's ways out that have a name of their own, and how they stand.

use std::collections::HashMap;
use std::time::SystemTime;

use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_util::task::AbortOnDropHandle;
use understudy_core::failure::Failure;
use understudy_core::outputs::{Outputs, PROGRAM, Refusal};
use understudy_core::recording;
use understudy_core::rendition::Full;
use understudy_core::report::Stance;
use understudy_core::sending::Sending;
use understudy_core::spec::{Choice, Limits, Livestream, Output, Refused, Resolution};

use super::Mail;
use super::told::forward;
use crate::egress::{Sender, Senders, UNUSABLE};
use crate::program::Program;

pub(super) struct Streams {
    outputs: Outputs,
    running: HashMap<String, Running>,
    /// What has been told to end, by name: who sends to the same server waits for it, as that takes one at a time.
    ending: HashMap<String, JoinHandle<()>>,
    senders: Senders,
    mailbox: mpsc::Sender<Mail>,
}

/// One of them, as it is since then.
struct Running {
    livestream: Livestream,
    of: Picture,
    /// What it was begun with, if it is sent.
    program: Option<Program>,
    since: SystemTime,
    way: Way,
}

/// What it is of, as it was begun: its size, and what makes it another picture than everybody's.
type Picture = (Resolution, Choice);

enum Way {
    /// Whoever wants it fetches it.
    Fetched,
    Sent(Sent),
    /// Why it could not be begun.
    Impossible(String),
}

struct Sent {
    sender: Sender,
    /// Tells the session of each change.
    _teller: AbortOnDropHandle<()>,
}

/// One way out as people are told of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamView {
    pub livestream: Livestream,
    /// When it was started.
    pub since: SystemTime,
    /// How it goes with what is sent to others; none: whoever wants it fetches it.
    pub sending: Option<Sending>,
    /// Whether what it sends arrives or, of what is fetched, whether there is something.
    pub is_streaming: bool,
}

impl Running {
    /// What is sent of one picture is not what is sent of another.
    fn is(&self, livestream: &Livestream, program: &Program, full: Full) -> bool {
        let of_it = || {
            self.of == picture(livestream, full)
                && self.program.as_ref().is_none_or(|begun| begun.is(program))
        };
        self.livestream == *livestream && (!livestream.output.is_sent() || of_it())
    }

    fn sending(&self) -> Option<Sending> {
        match &self.way {
            Way::Fetched => None,
            Way::Sent(sent) => Some(sent.sender.state().borrow().clone()),
            Way::Impossible(why) => Some(Sending::Failed(impossible(why.clone()))),
        }
    }
}

impl Streams {
    pub(super) fn new(senders: Senders, mailbox: mpsc::Sender<Mail>) -> Self {
        Self {
            outputs: Outputs::default(),
            running: HashMap::new(),
            ending: HashMap::new(),
            senders,
            mailbox,
        }
    }

    pub(super) fn want(
        &mut self,
        asked: impl IntoIterator<Item = Result<Livestream, Refused>>,
    ) -> Vec<Refused> {
        self.outputs.want(asked)
    }

    /// One that failed is replaced by another of its name.
    pub(super) fn start(&mut self, livestream: Livestream, stance: Stance) -> Result<(), Refusal> {
        let before = self.running.get(&livestream.name).and_then(Running::sending);
        let is_dead = matches!(before, Some(Sending::Failed(_)));
        self.outputs.start(livestream.clone(), stance, is_dead)?;
        // What is asked for begins now, also if it is what failed.
        if let Some(before) = self.running.remove(&livestream.name) {
            self.leave(livestream.name, before);
        }
        Ok(())
    }

    /// `since`: the very one that was started then.
    pub(super) fn stop(&mut self, name: &str, since: Option<SystemTime>) -> Result<(), Refusal> {
        let another = |since| self.running.get(name).is_none_or(|running| running.since != since);
        if since.is_some_and(another) {
            return Err(Refusal::Unknown);
        }
        self.outputs.stop(name)
    }

    /// What was refused of the wish for a name that is free now is carried out.
    pub(super) fn settle(&mut self) -> Vec<Refused> {
        self.outputs.settle()
    }

    pub(super) fn drain(&mut self) {
        self.outputs.drain();
    }

    fn leave(&mut self, name: String, running: Running) {
        if let Way::Sent(sent) = running.way {
            self.ending.insert(name, tokio::spawn(sent.sender.stop()));
        }
    }

    /// What is wanted runs, of that program with such a picture; what is wanted no more, or otherwise, has ended.
    pub(super) fn run(&mut self, program: &Program, full: Full) {
        let mut before = std::mem::take(&mut self.running);
        let wanted: Vec<_> = self.outputs.all().cloned().collect();
        let others = before.extract_if(|name, running| {
            !wanted.iter().any(|livestream| livestream.name == *name && running.is(livestream, program, full))
        });
        others.collect::<Vec<_>>().into_iter().for_each(|(name, running)| self.leave(name, running));
        self.ending.retain(|_, ending| !ending.is_finished());
        for livestream in wanted {
            let name = livestream.name.clone();
            let running = before.remove(&name).unwrap_or_else(|| {
                let of = picture(&livestream, full);
                let way = self.begin(&livestream, program, full);
                let program = livestream.output.is_sent().then(|| program.clone());
                Running { livestream, of, program, since: SystemTime::now(), way }
            });
            self.running.insert(name, running);
        }
    }

    fn begin(&mut self, livestream: &Livestream, program: &Program, full: Full) -> Way {
        if !livestream.output.is_sent() {
            return Way::Fetched;
        }
        let choice = livestream.choice;
        let (chosen, program) = (full.chosen(choice), &program.at(full.limit(choice)));
        let begun = match self.ending.remove(&livestream.name) {
            None => self.senders.start(livestream, program, chosen),
            Some(before) => Ok(self.senders.start_after(before, livestream, program, chosen)),
        };
        match begun {
            Ok(sender) => {
                let telling = forward(sender.state(), self.mailbox.clone(), || Mail::Sending);
                Way::Sent(Sent { sender, _teller: AbortOnDropHandle::new(tokio::spawn(telling)) })
            }
            Err(why) => Way::Impossible(why),
        }
    }

    pub(super) fn told(&self) -> &[Livestream] {
        self.outputs.told()
    }

    pub(super) fn all(&self) -> impl Iterator<Item = &Livestream> {
        self.outputs.all()
    }

    /// Those of the wish that are kept in a file; `otherwise`: the limits of one that names none.
    pub(super) fn recordings(&self, otherwise: Limits) -> impl Iterator<Item = recording::Wanted> {
        self.told().iter().filter_map(move |livestream| {
            let Livestream { name, output: Output::Recording(limits), choice } = livestream else {
                return None;
            };
            let limits = limits.or(otherwise);
            Some(recording::Wanted { id: name.clone(), choice: *choice, limits })
        })
    }

    /// Whether there is any that somebody started, beside those of the wish.
    pub(super) fn are_started(&self) -> bool {
        self.all().count() > self.told().len()
    }

    /// How it goes with what is sent under that name.
    pub(super) fn sending(&self, name: &str) -> Option<Sending> {
        self.running.get(name)?.sending()
    }

    /// All but the program under its own name. `shows`: whether that has a picture.
    pub(super) fn views(&self, shows: bool) -> Vec<StreamView> {
        let named = self.all().filter(|livestream| livestream.name != PROGRAM);
        named.filter_map(|livestream| self.view(&livestream.name, shows)).collect()
    }

    pub(super) fn view(&self, name: &str, shows: bool) -> Option<StreamView> {
        let running = self.running.get(name)?;
        let sending = running.sending();
        Some(StreamView {
            livestream: running.livestream.clone(),
            since: running.since,
            is_streaming: sending.as_ref().map_or(shows, |sending| *sending == Sending::Arriving),
            sending,
        })
    }

    /// Ends all; servers have been told then, or did not listen.
    pub(super) async fn end(self) {
        let sent = self.running.into_values().filter_map(|running| match running.way {
            Way::Sent(sent) => Some(sent.sender.stop()),
            Way::Fetched | Way::Impossible(_) => None,
        });
        let ending = self.ending.into_values().map(drop_outcome);
        futures::future::join(futures::future::join_all(sent), futures::future::join_all(ending)).await;
    }
}

/// It could not even be begun.
fn impossible(message: String) -> Failure {
    Failure { reason: UNUSABLE, message }
}

fn picture(livestream: &Livestream, full: Full) -> Picture {
    (full.chosen(livestream.choice).size, full.limit(livestream.choice))
}

/// It has told itself what broke down.
async fn drop_outcome(ending: JoinHandle<()>) {
    drop(ending.await);
}
