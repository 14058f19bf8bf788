//! The one table: state and event to the next state and what is to be done.

use std::time::Duration;

use super::{Cause, Command, Effect, Ended, Event, Exec, Exit, Order, Policy, States};

/// While it waits for a silent peer ffmpeg takes no notice of the first SIGINT, and ends at once by the second.
const SECOND_INTERRUPT: Duration = Duration::from_secs(1);
/// What ffmpeg has not written by then it does not write.
const PATIENCE: Duration = Duration::from_secs(5);
/// One that fails at once is started no more often.
const SHORTEST_ROUND: Duration = Duration::from_secs(1);
/// How often in a row other legs are taken at once: twice each is enough to find those that are right.
const LEGS_AT_ONCE: u32 = 4;
/// Legs that have lasted this long are right: whatever comes then is something new.
const LEGS_ARE_RIGHT: Duration = Duration::from_secs(10);

/// One process. It is driven by [`Machine::on`]; time is counted from any moment, which stays the same.
#[derive(Clone, Debug)]
pub struct Machine {
    order: Order,
    policy: Policy,
    state: State,
    exec: Exec,
    since: Duration,
    states: States,
    /// When the latest child was started.
    begun: Option<Duration>,
    /// How often in a row legs were changed.
    changes: u32,
}

#[derive(Clone, Copy, Debug)]
enum State {
    /// There is no child.
    Idle {
        again_at: Option<Duration>,
    },
    /// One is being started, and is told to end as soon as it is there, if it is to.
    Starting {
        ending: Option<Cause>,
    },
    Running {
        moved: Duration,
        over_since: Option<Duration>,
    },
    Finishing(Ending),
}

/// A child that has been told to end.
#[derive(Clone, Copy, Debug)]
struct Ending {
    cause: Cause,
    since: Duration,
    interrupts: u8,
    was_killed: bool,
}

impl Default for Machine {
    fn default() -> Self {
        Self::new(Policy::default())
    }
}

impl Machine {
    pub fn new(policy: Policy) -> Self {
        Self {
            order: Order::Stop,
            policy,
            state: State::Idle { again_at: None },
            exec: Exec::Finished,
            since: Duration::ZERO,
            states: States::default(),
            begun: None,
            changes: 0,
        }
    }

    pub const fn order(&self) -> Order {
        self.order
    }

    pub const fn exec(&self) -> Exec {
        self.exec
    }

    pub const fn states(&self) -> States {
        self.states
    }

    /// When it became what it is now.
    pub const fn since(&self) -> Duration {
        self.since
    }

    /// When it will be started again; `None`: that is not planned.
    pub const fn again_at(&self) -> Option<Duration> {
        match self.state {
            State::Idle { again_at } => again_at,
            _ => None,
        }
    }

    /// Whether there is a child, or one is being started.
    pub const fn has_child(&self) -> bool {
        !matches!(self.state, State::Idle { .. })
    }

    /// It counts from now on.
    pub fn set_policy(&mut self, policy: Policy) {
        self.policy = policy;
        if let State::Idle { again_at } = &mut self.state
            && policy.reconnect.is_none()
        {
            *again_at = None;
        }
    }

    /// When [`Event::Time`] is to be told.
    pub fn due(&self) -> Option<Duration> {
        match self.state {
            State::Idle { again_at } => again_at,
            State::Starting { .. } => None,
            State::Running { moved, .. } => self.policy.stale.map(|most| moved.saturating_add(most)),
            State::Finishing(ending) => ending.due(),
        }
    }

    pub fn on(&mut self, event: Event, now: Duration) -> Vec<Effect> {
        match event {
            Event::Command(command) => self.command(command, now),
            Event::Spawned => self.spawned(now),
            Event::Unspawned(why) => self.unspawned(why, now),
            Event::GivenUp => self.given_up(now),
            Event::Exited(exit) => self.exited(exit, now),
            Event::Moved => self.moved(now),
            Event::Used(usage) => {
                let is_over = self.policy.is_exceeded(&usage);
                self.used(is_over, now)
            }
            Event::Better => self.end(Cause::Legs, now),
            Event::Time => self.time(now),
        }
    }

    fn command(&mut self, command: Command, now: Duration) -> Vec<Effect> {
        match (command, self.order) {
            (Command::Start, _) => {
                self.order = Order::Start;
                self.begin_if_idle(now)
            }
            (Command::Stop, _) => {
                self.order = Order::Stop;
                self.end(Cause::Stopped, now)
            }
            (Command::Restart | Command::Reload, Order::Stop) => Vec::new(),
            (Command::Restart | Command::Reload, Order::Start) if self.has_child() => {
                self.end(Cause::Restarted, now)
            }
            (Command::Restart | Command::Reload, Order::Start) => self.begin_if_idle(now),
        }
    }

    fn begin_if_idle(&mut self, now: Duration) -> Vec<Effect> {
        if self.has_child() {
            return Vec::new();
        }
        self.begin(now)
    }

    fn begin(&mut self, now: Duration) -> Vec<Effect> {
        self.begun = Some(now);
        self.enter(State::Starting { ending: None }, Exec::Starting, now);
        vec![Effect::Spawn]
    }

    /// A child that ends already goes on ending; a command's cause outweighs the machine's own.
    fn end(&mut self, cause: Cause, now: Duration) -> Vec<Effect> {
        match &mut self.state {
            State::Idle { again_at } => {
                if cause == Cause::Stopped {
                    *again_at = None;
                }
                Vec::new()
            }
            State::Starting { ending } => {
                *ending = Some(ending.map_or(cause, |was| was.or(cause)));
                if self.exec != Exec::Finishing {
                    self.enter(self.state, Exec::Finishing, now);
                }
                Vec::new()
            }
            State::Running { .. } => self.interrupt(cause, now),
            State::Finishing(ending) => {
                ending.cause = ending.cause.or(cause);
                Vec::new()
            }
        }
    }

    fn interrupt(&mut self, cause: Cause, now: Duration) -> Vec<Effect> {
        let is_kill = cause == Cause::Limits;
        let ending = Ending { cause, since: now, interrupts: u8::from(!is_kill), was_killed: is_kill };
        self.enter(State::Finishing(ending), Exec::Finishing, now);
        vec![if is_kill { Effect::Kill } else { Effect::Interrupt }]
    }

    fn spawned(&mut self, now: Duration) -> Vec<Effect> {
        let State::Starting { ending } = self.state else { return Vec::new() };
        match ending {
            None => {
                self.enter(State::Running { moved: now, over_since: None }, Exec::Running, now);
                Vec::new()
            }
            Some(cause) => self.interrupt(cause, now),
        }
    }

    fn unspawned(&mut self, why: String, now: Duration) -> Vec<Effect> {
        let State::Starting { ending } = self.state else { return Vec::new() };
        let ended = Ended {
            exec: Exec::Failed,
            exit: None,
            asked: ending,
            interrupts: 0,
            was_killed: false,
            unspawned: Some(why),
        };
        self.over(ended, now)
    }

    fn given_up(&mut self, now: Duration) -> Vec<Effect> {
        let State::Starting { ending: Some(cause) } = self.state else { return Vec::new() };
        let ended = Ended {
            exec: Exec::Finished,
            exit: None,
            asked: Some(cause),
            interrupts: 0,
            was_killed: false,
            unspawned: None,
        };
        let mut effects = self.over(ended, now);
        // Of what was no run nothing is told.
        effects.retain(|effect| !matches!(effect, Effect::Ended(_)));
        effects
    }

    fn exited(&mut self, exit: Exit, now: Duration) -> Vec<Effect> {
        let ending = match self.state {
            State::Idle { .. } | State::Starting { .. } => return Vec::new(),
            State::Running { .. } => None,
            State::Finishing(ending) => Some(ending),
        };
        let ended = Ended {
            exec: exit.judged(ending.is_some()),
            exit: Some(exit),
            asked: ending.map(|ending| ending.cause),
            interrupts: ending.map_or(0, |ending| ending.interrupts),
            was_killed: ending.is_some_and(|ending| ending.was_killed),
            unspawned: None,
        };
        self.over(ended, now)
    }

    /// The child is gone: what is to follow.
    fn over(&mut self, ended: Ended, now: Duration) -> Vec<Effect> {
        let again_at = match self.order {
            Order::Stop => None,
            Order::Start => self.next(&ended, now),
        };
        self.enter(State::Idle { again_at }, ended.exec, now);
        let mut effects = vec![Effect::Ended(ended)];
        if again_at == Some(now) {
            effects.extend(self.begin(now));
        }
        effects
    }

    /// When it is started again. What people have commanded does not wait, nor do other legs.
    fn next(&mut self, ended: &Ended, now: Duration) -> Option<Duration> {
        let lasted = now.saturating_sub(self.begun.unwrap_or_default());
        if ended.asked != Some(Cause::Legs) || lasted > LEGS_ARE_RIGHT {
            self.changes = 0;
        }
        let by_itself = self.policy.reconnect.map(|delay| self.not_before(now.saturating_add(delay)));
        match ended.asked {
            _ if ended.unspawned.is_some() => by_itself,
            Some(Cause::Stopped | Cause::Restarted) => Some(now),
            Some(Cause::Legs) if self.changes < LEGS_AT_ONCE => {
                self.changes += 1;
                Some(now)
            }
            Some(Cause::Legs) => Some(self.not_before(now)),
            Some(Cause::Stale | Cause::Limits) | None => by_itself,
        }
    }

    fn not_before(&self, moment: Duration) -> Duration {
        self.begun.map_or(moment, |begun| moment.max(begun.saturating_add(SHORTEST_ROUND)))
    }

    fn moved(&mut self, now: Duration) -> Vec<Effect> {
        if let State::Running { moved, .. } = &mut self.state {
            *moved = now;
        }
        Vec::new()
    }

    fn used(&mut self, is_over: bool, now: Duration) -> Vec<Effect> {
        let State::Running { over_since, .. } = &mut self.state else { return Vec::new() };
        if !is_over {
            *over_since = None;
            return Vec::new();
        }
        let since = *over_since.get_or_insert(now);
        if now.saturating_sub(since) < self.policy.grace {
            return Vec::new();
        }
        self.end(Cause::Limits, now)
    }

    fn time(&mut self, now: Duration) -> Vec<Effect> {
        if self.due().is_none_or(|due| now < due) {
            return Vec::new();
        }
        match &mut self.state {
            State::Idle { .. } => self.begin(now),
            State::Starting { .. } => Vec::new(),
            State::Running { .. } => self.end(Cause::Stale, now),
            State::Finishing(ending) => vec![ending.harder(now)],
        }
    }

    fn enter(&mut self, state: State, exec: Exec, now: Duration) {
        self.state = state;
        self.exec = exec;
        self.since = now;
        self.states.count(exec);
    }
}

impl Ending {
    fn due(&self) -> Option<Duration> {
        match (self.was_killed, self.interrupts) {
            (true, _) => None,
            (false, 0 | 1) => Some(self.since.saturating_add(SECOND_INTERRUPT)),
            (false, _) => Some(self.since.saturating_add(PATIENCE)),
        }
    }

    fn harder(&mut self, now: Duration) -> Effect {
        if now >= self.since.saturating_add(PATIENCE) {
            self.was_killed = true;
            return Effect::Kill;
        }
        self.interrupts += 1;
        Effect::Interrupt
    }
}

impl Cause {
    /// Of a child that ends for this already: what counts once another has asked for it, too.
    const fn or(self, later: Self) -> Self {
        match (self, later) {
            (_, Self::Stopped | Self::Restarted) => later,
            (Self::Stale | Self::Limits, Self::Legs) => later,
            _ => self,
        }
    }
}

impl Exit {
    /// ffmpeg says 255 when a signal has ended it in good order.
    const fn judged(self, was_asked: bool) -> Exec {
        match (self, was_asked) {
            (Self::Signal(_), _) => Exec::Killed,
            (Self::Code(_), true) | (Self::Code(0 | 255), false) => Exec::Finished,
            (Self::Code(_), false) => Exec::Failed,
        }
    }
}

impl States {
    fn count(&mut self, exec: Exec) {
        let counter = match exec {
            Exec::Finished => &mut self.finished,
            Exec::Starting => &mut self.starting,
            Exec::Running => &mut self.running,
            Exec::Finishing => &mut self.finishing,
            Exec::Failed => &mut self.failed,
            Exec::Killed => &mut self.killed,
        };
        *counter += 1;
    }
}
