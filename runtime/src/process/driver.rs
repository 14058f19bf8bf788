//! One process's task: it owns the machine, the child, the log and the legs, and carries out what the machine says.

mod wake;

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::{Interval, MissedTickBehavior, interval, timeout};
use tokio_util::sync::CancellationToken;
use understudy_core::process::config::Config;
use understudy_core::process::log::Log;
use understudy_core::process::machine::{
    Command, Effect, Ended, Event, Exec, Exit, Machine, Order, Policy, Usage,
};
use understudy_core::process::said::{Progress, Report, Said};

use super::legs::{Found, Legs};
use super::metrics::First;
use super::plan::Plan;
use super::registry::Error;
use super::start::{self, Run};
use super::usage::Sampler;
use super::view::View;
use super::{Owner, Site, cleanup};
use crate::child::{End, News, Word};
use wake::Woke;

/// How often usage is sampled.
const ROUND: Duration = Duration::from_secs(1);

/// How often old files are looked for: a segment of a stream lasts about as long.
const SWEEP: Duration = Duration::from_secs(5);

/// From the child's end to that of its last words, which its own children may have held open.
const LAST_WORDS: Duration = Duration::from_millis(300);

/// At the end of the runtime: the machine kills after 5 s.
const SHUTDOWN: Duration = Duration::from_secs(7);

/// What its task is asked; each is answered when it is done.
pub(super) enum Ask {
    Command {
        command: Command,
        done: oneshot::Sender<()>,
    },
    /// Another config, and what came of it.
    Adopt {
        config: Box<Config>,
        plan: Arc<Plan>,
        /// For viewers that there were none for before.
        legs: Option<Box<Legs>>,
        done: oneshot::Sender<()>,
    },
    /// Stop, and be no more.
    Leave(oneshot::Sender<()>),
}

pub(super) struct Driver {
    config: Config,
    plan: Arc<Plan>,
    site: Arc<Site>,
    machine: Machine,
    began: Instant,
    run: Option<Box<Run>>,
    /// A start that is under way: names are looked up meanwhile.
    starting: Option<tokio::task::JoinHandle<Result<Box<Run>, String>>>,
    sampler: Option<Sampler>,
    /// The look for old files that is on, or was last.
    sweeping: Option<tokio::task::JoinHandle<()>>,
    swept: Option<Instant>,
    /// Unix seconds, of the start that is under way.
    begun: i64,
    report: Report,
    legs: Option<Legs>,
    has_run: First,
    /// Who waits for its end.
    leaving: Vec<oneshot::Sender<()>>,
    view: watch::Sender<View>,
}

impl Driver {
    pub(super) fn new(
        config: &Config,
        plan: Arc<Plan>,
        (owner, site): (Owner, Arc<Site>),
    ) -> Result<(Self, watch::Receiver<View>), Error> {
        let legs = Legs::of(&plan.resolved, owner, &site)?;
        let machine = Machine::new(Policy::of(config));
        let began = Instant::now();
        let (view, told) = watch::channel(View {
            order: machine.order(),
            exec: machine.exec(),
            since: began,
            again_at: None,
            pid: None,
            command: Vec::new(),
            usage: Usage::default(),
            progress: Progress::default(),
            said: Said::default(),
            log: Log::default(),
            webrtc: legs.as_ref().map(Legs::told),
        });
        site.metrics.became(None, Some(machine.exec()));
        let driver = Self {
            config: config.clone(),
            plan,
            site,
            machine,
            began,
            run: None,
            starting: None,
            sampler: None,
            sweeping: None,
            swept: None,
            begun: 0,
            report: Report::default(),
            legs,
            has_run: First::Yes,
            leaving: Vec::new(),
            view,
        };
        Ok((driver, told))
    }

    /// Until it is told to leave, or the runtime ends.
    pub(super) async fn run(mut self, mut asks: mpsc::Receiver<Ask>, shutdown: CancellationToken) {
        let mut round = interval(ROUND);
        round.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while !self.is_over() {
            let woke = self.wake(&mut asks, &mut round, &shutdown).await;
            match woke {
                Woke::Asked(Some(ask)) => self.asked(ask),
                Woke::Asked(None) | Woke::Shutdown => return self.shut_down(&mut round).await,
                woke => self.woken(woke).await,
            }
        }
        self.forget();
    }

    fn is_over(&self) -> bool {
        !self.leaving.is_empty() && !self.machine.has_child()
    }

    fn forget(&mut self) {
        self.site.metrics.became(Some(self.machine.exec()), None);
        for done in self.leaving.drain(..) {
            // Whoever asked may have left.
            let _ = done.send(());
        }
    }

    async fn shut_down(mut self, round: &mut Interval) {
        self.happened(Event::Command(Command::Stop));
        let (_none, mut asks) = mpsc::channel(1);
        let down = async {
            while self.machine.has_child() {
                let woke = self.wake(&mut asks, round, &CancellationToken::new()).await;
                self.woken(woke).await;
            }
        };
        if timeout(SHUTDOWN, down).await.is_err() {
            tracing::warn!("a process did not end in time and is killed");
        }
        self.forget();
    }

    fn asked(&mut self, ask: Ask) {
        match ask {
            // What leaves does nothing else any more.
            Ask::Command { done, .. } | Ask::Adopt { done, .. } if !self.leaving.is_empty() => {
                let _ = done.send(());
            }
            Ask::Command { command, done } => {
                self.happened(Event::Command(command));
                let _ = done.send(());
            }
            Ask::Adopt { config, plan, legs, done } => {
                self.adopt(*config, plan, legs.map(|legs| *legs));
                let _ = done.send(());
            }
            Ask::Leave(done) => {
                self.leaving.push(done);
                self.happened(Event::Command(Command::Stop));
            }
        }
    }

    fn adopt(&mut self, config: Config, plan: Arc<Plan>, legs: Option<Legs>) {
        let is_another = !plan.runs_as(&self.plan) || config.webrtc != self.config.webrtc;
        self.machine.set_policy(Policy::of(&config));
        if is_another {
            self.legs = Legs::changed(self.legs.take().or(legs), &plan.resolved);
        }
        (self.config, self.plan) = (config, plan);
        if is_another {
            self.happened(Event::Command(Command::Reload));
        }
        self.tell();
    }

    async fn woken(&mut self, woke: Woke) {
        match woke {
            Woke::Started(Ok(run)) => self.spawned(run),
            Woke::Started(Err(why)) => {
                let begun = self.begun;
                self.view.send_modify(|view| {
                    view.log.begin(begun);
                    view.log.line(unix_now(), &why);
                });
                self.happened(Event::Unspawned(why));
            }
            Woke::News(News::Said(word)) => self.said(word),
            Woke::News(News::Ended(end)) => self.ended(end).await,
            Woke::Due => self.happened(Event::Time),
            Woke::Round => self.round().await,
            Woke::Seen => self.judge_legs(),
            Woke::Asked(_) | Woke::Shutdown => {}
        }
    }

    fn spawned(&mut self, run: Box<Run>) {
        let pid = run.child.pid();
        self.sampler = Some(Sampler::new(pid));
        self.site.metrics.started(std::mem::replace(&mut self.has_run, First::No));
        if let Some(legs) = &mut self.legs {
            legs.started(pid);
        }
        let begun = self.begun;
        self.view.send_modify(|view| {
            view.log.begin(begun);
            view.pid = Some(pid);
            view.command.clone_from(&run.shown);
        });
        self.run = Some(run);
        self.happened(Event::Spawned);
    }

    fn said(&mut self, word: Word) {
        match word {
            Word::Output(line) => {
                let Some(progress) = self.report.line(&line) else { return };
                let mut has_moved = false;
                self.view.send_modify(|view| {
                    has_moved = progress.has_moved_since(&view.progress);
                    view.progress = progress;
                    view.log.works();
                });
                if has_moved {
                    self.happened(Event::Moved);
                }
            }
            Word::Error(line) => {
                let secrets = self.run.as_ref().map_or(&self.plan.secrets, |run| &run.secrets);
                let hidden = secrets.shown(line.as_bytes());
                self.view.send_modify(|view| {
                    view.said.line(&line);
                    view.log.line(unix_now(), &hidden);
                });
                self.judge_legs();
            }
        }
    }

    /// Whether what is known by now asks for other legs than those that run.
    fn judge_legs(&mut self) {
        let Some(legs) = &mut self.legs else { return };
        if self.run.is_some() && legs.judge(&self.view.borrow().said, &self.config) {
            self.happened(Event::Better);
            self.tell();
        }
    }

    async fn ended(&mut self, end: End) {
        let Some(mut run) = self.run.take() else { return };
        let rest = async {
            while let Some(word) = run.child.word().await {
                if let Word::Error(line) = word {
                    let hidden = run.secrets.shown(line.as_bytes());
                    self.view.send_modify(|view| {
                        view.said.line(&line);
                        view.log.line(unix_now(), &hidden);
                    });
                }
            }
        };
        // What others hold open is not waited for.
        let _ = timeout(LAST_WORDS, rest).await;
        self.view.send_modify(|view| view.said.ended());
        self.sampler = None;
        if let Some(legs) = &mut self.legs {
            legs.ended();
            if legs.judge(&self.view.borrow().said, &self.config) {
                self.happened(Event::Better);
            }
        }
        self.happened(Event::Exited(match end {
            End::Code(code) => Exit::Code(code),
            End::Signal(signal) => Exit::Signal(signal),
        }));
    }

    async fn round(&mut self) {
        if let Some(usage) = self.sampler.as_mut().and_then(|sampler| sampler.sample(Instant::now())) {
            self.view.send_modify(|view| view.usage = usage);
            self.happened(Event::Used(usage));
        }
        let is_sweeping = self.sweeping.as_ref().is_some_and(|sweeping| !sweeping.is_finished());
        let is_time = self.swept.is_none_or(|swept| swept.elapsed() >= SWEEP);
        if self.plan.has_cleanup() && is_time && !is_sweeping {
            self.swept = Some(Instant::now());
            let (plan, data) = (Arc::clone(&self.plan), self.site.data());
            // A directory with many files is read elsewhere, and not waited for.
            self.sweeping = Some(tokio::task::spawn_blocking(move || cleanup::sweep(&plan, &data)));
        }
    }

    fn happened(&mut self, event: Event) {
        let was = self.machine.exec();
        for effect in self.machine.on(event, self.began.elapsed()) {
            self.carry_out(effect);
        }
        let is = self.machine.exec();
        if was != is {
            self.site.metrics.became(Some(was), Some(is));
        }
        self.tell();
        if is == Exec::Finishing
            && let Some(starting) = self.starting.take()
        {
            // Names that are slow to be found are not waited for. A child that is there by now is killed with what holds it.
            starting.abort();
            self.happened(Event::GivenUp);
        }
    }

    fn carry_out(&mut self, effect: Effect) {
        match effect {
            Effect::Spawn => self.spawn(),
            Effect::Interrupt => {
                if let Some(run) = &self.run {
                    run.child.interrupt();
                }
            }
            Effect::Kill => {
                if let Some(run) = &mut self.run {
                    run.child.kill();
                }
            }
            Effect::Ended(ended) => self.over(ended),
        }
    }

    fn spawn(&mut self) {
        self.report = Report::default();
        self.begun = unix_now();
        self.view.send_modify(|view| (view.said, view.progress) = (Said::default(), Progress::default()));
        let legs = self.legs.as_ref().map(|legs| legs.arguments(&self.config.webrtc)).unwrap_or_default();
        let (plan, site) = (Arc::clone(&self.plan), Arc::clone(&self.site));
        self.starting = Some(tokio::spawn(async move { start::run(&plan, legs, &site).await }));
    }

    fn over(&mut self, ended: Ended) {
        self.site.metrics.ended(&ended);
        self.view.send_modify(|view| {
            (view.pid, view.usage) = (None, Usage::default());
            view.log.ended(unix_now(), &ended);
        });
    }

    /// Tells what is so by now.
    fn tell(&self) {
        let at = |moment: Duration| self.began.checked_add(moment);
        let webrtc = self.legs.as_ref().map(Legs::told);
        if let Some(legs) = &self.legs {
            // One that has ended for good shows nothing any more, whatever it is told.
            let is_on = self.machine.has_child() || self.machine.again_at().is_some();
            let is_to_run = self.machine.order() == Order::Start && is_on;
            legs.name(&self.config.id, if is_to_run { Found::Yes } else { Found::No });
        }
        self.view.send_if_modified(|view| {
            let (order, exec) = (self.machine.order(), self.machine.exec());
            let (since, again_at) =
                (at(self.machine.since()).unwrap_or(self.began), self.machine.again_at().and_then(at));
            let is_new = (view.order, view.exec, view.since, view.again_at) != (order, exec, since, again_at)
                || view.webrtc != webrtc;
            (view.order, view.exec, view.since, view.again_at) = (order, exec, since, again_at);
            view.webrtc = webrtc;
            is_new
        });
    }
}

fn unix_now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}
