use proptest::prelude::*;
use proptest::sample::select;

use super::*;

const fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

const POLICY: Policy = Policy {
    reconnect: Some(seconds(10)),
    stale: Some(seconds(4)),
    cpu_percent: Some(100.0),
    memory_bytes: Some(1000),
    grace: seconds(3),
};

/// That runs since 0 s.
fn running(policy: Policy) -> Machine {
    let mut machine = Machine::new(policy);
    assert_eq!(machine.on(Event::Command(Command::Start), seconds(0)), [Effect::Spawn]);
    assert_eq!(machine.exec(), Exec::Starting);
    assert_eq!(machine.on(Event::Spawned, seconds(0)), []);
    assert_eq!((machine.order(), machine.exec()), (Order::Start, Exec::Running));
    machine
}

fn ended(effects: &[Effect]) -> &Ended {
    effects
        .iter()
        .find_map(|effect| if let Effect::Ended(ended) = effect { Some(ended) } else { None })
        .unwrap()
}

#[test]
fn an_exit_that_nobody_asked_for_is_judged_by_its_code() {
    for (exit, exec) in [
        (Exit::Code(0), Exec::Finished),
        (Exit::Code(255), Exec::Finished),
        (Exit::Code(1), Exec::Failed),
        (Exit::Code(8), Exec::Failed),
        (Exit::Code(145), Exec::Failed),
        (Exit::Code(183), Exec::Failed),
        (Exit::Code(254), Exec::Failed),
        (Exit::Signal(9), Exec::Killed),
        (Exit::Signal(11), Exec::Killed),
    ] {
        let mut machine = running(POLICY);
        let effects = machine.on(Event::Exited(exit), seconds(5));
        assert_eq!((ended(&effects).exec, ended(&effects).asked), (exec, None), "{exit:?}");
        assert_eq!((machine.exec(), machine.order()), (exec, Order::Start), "{exit:?}");
        // Whichever it was, it comes again.
        assert_eq!(machine.again_at(), Some(seconds(15)), "{exit:?}");
        assert_eq!(machine.on(Event::Time, seconds(14)), [], "{exit:?}");
        assert_eq!(machine.on(Event::Time, seconds(15)), [Effect::Spawn], "{exit:?}");
    }
}

#[test]
fn a_start_that_is_given_up_was_no_run() {
    let mut machine = Machine::new(POLICY);
    machine.on(Event::Command(Command::Start), seconds(0));
    assert_eq!(machine.on(Event::GivenUp, seconds(1)), [], "nobody asked for that");
    machine.on(Event::Command(Command::Restart), seconds(1));
    assert_eq!(machine.on(Event::GivenUp, seconds(1)), [Effect::Spawn]);
    machine.on(Event::Command(Command::Stop), seconds(2));
    assert_eq!(machine.on(Event::GivenUp, seconds(2)), []);
    assert_eq!((machine.exec(), machine.again_at()), (Exec::Finished, None));
}

#[test]
fn one_that_was_asked_to_end_has_finished_whatever_its_code() {
    for (exit, exec) in [
        (Exit::Code(255), Exec::Finished),
        (Exit::Code(0), Exec::Finished),
        (Exit::Code(1), Exec::Finished),
        (Exit::Signal(2), Exec::Killed),
        (Exit::Signal(9), Exec::Killed),
    ] {
        let mut machine = running(POLICY);
        assert_eq!(machine.on(Event::Command(Command::Stop), seconds(1)), [Effect::Interrupt]);
        assert_eq!(machine.exec(), Exec::Finishing);
        let effects = machine.on(Event::Exited(exit), seconds(1));
        let told = Ended {
            exec,
            exit: Some(exit),
            asked: Some(Cause::Stopped),
            interrupts: 1,
            was_killed: false,
            unspawned: None,
        };
        assert_eq!(effects, [Effect::Ended(told)], "{exit:?}");
        assert_eq!(
            (machine.exec(), machine.order(), machine.again_at()),
            (exec, Order::Stop, None),
            "{exit:?}"
        );
    }
}

#[test]
fn one_that_does_not_listen_is_told_again_and_then_killed() {
    let mut machine = running(POLICY);
    machine.on(Event::Command(Command::Stop), seconds(10));
    assert_eq!(machine.due(), Some(seconds(11)));
    assert_eq!(machine.on(Event::Time, Duration::from_millis(10_999)), []);
    assert_eq!(machine.on(Event::Time, seconds(11)), [Effect::Interrupt]);
    assert_eq!(machine.due(), Some(seconds(15)));
    // Being told once more changes nothing.
    assert_eq!(machine.on(Event::Command(Command::Stop), seconds(14)), []);
    assert_eq!(machine.on(Event::Time, seconds(15)), [Effect::Kill]);
    assert_eq!(machine.due(), None);
    let effects = machine.on(Event::Exited(Exit::Signal(9)), seconds(15));
    let ended = ended(&effects);
    assert_eq!((ended.exec, ended.interrupts, ended.was_killed), (Exec::Killed, 2, true));
}

#[test]
fn a_stop_forgets_that_it_was_to_come_again() {
    let mut machine = running(POLICY);
    machine.on(Event::Exited(Exit::Code(1)), seconds(1));
    assert_eq!(machine.on(Event::Command(Command::Stop), seconds(2)), []);
    assert_eq!((machine.due(), machine.exec(), machine.order()), (None, Exec::Failed, Order::Stop));
    assert_eq!(machine.on(Event::Time, seconds(60)), []);
}

#[test]
fn without_reconnect_it_stays_as_it_ended_until_it_is_started() {
    let mut machine = running(Policy { reconnect: None, ..POLICY });
    machine.on(Event::Exited(Exit::Code(0)), seconds(1));
    assert_eq!((machine.due(), machine.order()), (None, Order::Start));
    assert_eq!(machine.on(Event::Command(Command::Start), seconds(9)), [Effect::Spawn]);
}

#[test]
fn one_that_fails_at_once_is_started_once_a_second_at_most() {
    let mut machine = running(Policy { reconnect: Some(Duration::ZERO), ..POLICY });
    machine.on(Event::Exited(Exit::Code(1)), Duration::from_millis(20));
    assert_eq!(machine.again_at(), Some(seconds(1)));
    machine.on(Event::Time, seconds(1));
    machine.on(Event::Spawned, seconds(1));
    let effects = machine.on(Event::Exited(Exit::Code(1)), seconds(7));
    assert_eq!(effects.last(), Some(&Effect::Spawn));
}

#[test]
fn what_cannot_be_started_has_failed_and_is_tried_again() {
    let mut machine = Machine::new(POLICY);
    machine.on(Event::Command(Command::Start), seconds(0));
    let effects = machine.on(Event::Unspawned("no such program".to_owned()), seconds(0));
    assert_eq!(ended(&effects).unspawned.as_deref(), Some("no such program"));
    assert_eq!((machine.exec(), machine.again_at()), (Exec::Failed, Some(seconds(10))));
}

#[test]
fn commands_can_be_said_twice() {
    let mut machine = running(POLICY);
    assert_eq!(machine.on(Event::Command(Command::Start), seconds(1)), []);
    assert_eq!(machine.exec(), Exec::Running);
    for command in [Command::Restart, Command::Reload] {
        let mut stopped = Machine::new(POLICY);
        assert_eq!(stopped.on(Event::Command(command), seconds(1)), [], "{command:?}");
        assert_eq!((stopped.order(), stopped.exec()), (Order::Stop, Exec::Finished), "{command:?}");

        let mut machine = running(POLICY);
        assert_eq!(machine.on(Event::Command(command), seconds(1)), [Effect::Interrupt], "{command:?}");
        assert_eq!(machine.on(Event::Command(command), seconds(1)), [], "{command:?}");
        let effects = machine.on(Event::Exited(Exit::Code(255)), seconds(1));
        assert_eq!(effects.last(), Some(&Effect::Spawn), "{command:?}");
        assert_eq!(machine.order(), Order::Start, "{command:?}");
    }
    assert_eq!(Command::of("reload"), Some(Command::Reload));
    assert_eq!(Command::of("Start"), None);
}

#[test]
fn one_that_is_started_while_it_stops_begins_anew_at_once() {
    let mut machine = running(Policy { reconnect: None, ..POLICY });
    machine.on(Event::Command(Command::Stop), seconds(1));
    assert_eq!(machine.on(Event::Command(Command::Start), seconds(1)), []);
    let effects = machine.on(Event::Exited(Exit::Code(255)), seconds(2));
    assert_eq!(effects.last(), Some(&Effect::Spawn));
}

#[test]
fn one_that_is_stopped_while_it_starts_ends_as_soon_as_it_is_there() {
    let mut machine = Machine::new(POLICY);
    machine.on(Event::Command(Command::Start), seconds(0));
    assert_eq!(machine.on(Event::Command(Command::Stop), seconds(0)), []);
    assert_eq!(machine.exec(), Exec::Finishing);
    assert_eq!(machine.on(Event::Spawned, seconds(0)), [Effect::Interrupt]);
    let effects = machine.on(Event::Exited(Exit::Code(255)), seconds(1));
    assert_eq!((effects.len(), machine.exec()), (1, Exec::Finished));
}

#[test]
fn one_that_stands_still_ends_and_comes_again_though_nobody_said_so() {
    let mut machine = running(POLICY);
    machine.on(Event::Moved, seconds(2));
    assert_eq!(machine.due(), Some(seconds(6)));
    assert_eq!(machine.on(Event::Time, seconds(5)), []);
    assert_eq!(machine.on(Event::Time, seconds(6)), [Effect::Interrupt]);
    let effects = machine.on(Event::Exited(Exit::Code(255)), seconds(7));
    assert_eq!(ended(&effects).asked, Some(Cause::Stale));
    assert_eq!((machine.order(), machine.again_at()), (Order::Start, Some(seconds(17))));
    assert_eq!(running(Policy { stale: None, ..POLICY }).due(), None);
}

#[test]
fn who_uses_too_much_for_too_long_is_killed() {
    let over = |cpu_percent, memory_bytes| Event::Used(Usage { cpu_percent, memory_bytes });
    for much in [over(100.5, 0), over(0.0, 1001)] {
        let mut machine = running(POLICY);
        assert_eq!(machine.on(much.clone(), seconds(1)), []);
        assert_eq!(machine.on(much.clone(), seconds(3)), []);
        // For a moment it keeps to them.
        assert_eq!(machine.on(over(100.0, 1000), seconds(4)), []);
        assert_eq!(machine.on(much.clone(), seconds(5)), []);
        assert_eq!(machine.on(much.clone(), seconds(8)), [Effect::Kill]);
        assert_eq!(machine.on(much, seconds(9)), []);
        let effects = machine.on(Event::Exited(Exit::Signal(9)), seconds(9));
        assert_eq!((ended(&effects).asked, ended(&effects).exec), (Some(Cause::Limits), Exec::Killed));
        assert_eq!(machine.again_at(), Some(seconds(19)));
    }
    let mut free = running(Policy { cpu_percent: None, memory_bytes: None, ..POLICY });
    assert_eq!(free.on(over(1e9, u64::MAX), seconds(1)), []);
}

#[test]
fn other_legs_are_taken_at_once_and_are_no_failure() {
    for has_ended_already in [false, true] {
        let mut machine = running(Policy { reconnect: None, ..POLICY });
        let effects = machine.on(Event::Better, seconds(1));
        assert_eq!(effects, [Effect::Interrupt], "{has_ended_already}");
        let effects = machine.on(Event::Exited(Exit::Code(1)), seconds(1));
        assert_eq!(ended(&effects).exec, Exec::Finished, "{has_ended_already}");
        assert_eq!(effects.last(), Some(&Effect::Spawn), "{has_ended_already}");
    }
    let mut stopped = running(POLICY);
    stopped.on(Event::Better, seconds(1));
    stopped.on(Event::Command(Command::Stop), seconds(1));
    let effects = stopped.on(Event::Exited(Exit::Code(255)), seconds(1));
    assert_eq!((effects.len(), ended(&effects).asked), (1, Some(Cause::Stopped)));
}

#[test]
fn legs_that_are_never_right_are_tried_once_a_second() {
    let mut machine = running(POLICY);
    let mut now = Duration::ZERO;
    let mut at_once = 0;
    loop {
        machine.on(Event::Better, now);
        let effects = machine.on(Event::Exited(Exit::Code(255)), now);
        if effects.last() != Some(&Effect::Spawn) {
            break;
        }
        at_once += 1;
        machine.on(Event::Spawned, now);
        now += Duration::from_millis(100);
    }
    assert_eq!(at_once, 4);
    assert_eq!(machine.again_at(), Some(now + Duration::from_millis(900)));
}

#[test]
fn each_state_is_counted_when_it_is_entered() {
    let mut machine = running(POLICY);
    machine.on(Event::Command(Command::Restart), seconds(1));
    machine.on(Event::Exited(Exit::Code(255)), seconds(1));
    machine.on(Event::Spawned, seconds(1));
    machine.on(Event::Exited(Exit::Code(1)), seconds(2));
    let states = States { finished: 1, starting: 2, running: 2, finishing: 1, failed: 1, killed: 0 };
    assert_eq!(machine.states(), states);
    assert_eq!(machine.since(), seconds(2));
}

#[test]
fn a_config_says_how_it_is_dealt_with() {
    let mut config = Config {
        reconnect: true,
        reconnect_delay_seconds: 10,
        stale_timeout_seconds: 4,
        ..Config::default()
    };
    config.limits = crate::process::config::Limits { cpu_usage: 50.0, memory_mbytes: 2, waitfor_seconds: 3 };
    let policy = Policy { cpu_percent: Some(50.0), memory_bytes: Some(2 * 1024 * 1024), ..POLICY };
    assert_eq!(Policy::of(&config), policy);
    assert_eq!(Policy::of(&Config::default()), Policy::default());
}

/// What may happen to a driver at any time, and how long it took.
fn happening() -> impl Strategy<Value = (Event, u64)> {
    let commands = [Command::Start, Command::Stop, Command::Restart, Command::Reload];
    let exits = [Exit::Code(0), Exit::Code(1), Exit::Code(255), Exit::Signal(9)];
    let event = prop_oneof![
        4 => select(commands.to_vec()).prop_map(Event::Command),
        3 => Just(Event::Spawned),
        1 => Just(Event::Unspawned("no".to_owned())),
        3 => select(exits.to_vec()).prop_map(Event::Exited),
        2 => Just(Event::Moved),
        1 => Just(Event::Better),
        2 => (0.0..200.0_f64).prop_map(|cpu_percent| Event::Used(Usage { cpu_percent, memory_bytes: 0 })),
        1 => Just(Event::Time),
        1 => Just(Event::GivenUp),
    ];
    (event, 0..2000_u64)
}

/// One that does as it is told, and watches.
#[derive(Default)]
struct Driver {
    machine: Machine,
    now: Duration,
    is_starting: bool,
    has_child: bool,
    is_killed: bool,
    stopped_since: Option<Duration>,
}

impl Driver {
    /// Nothing is told of a child that there is not.
    fn can_tell(&self, event: &Event) -> bool {
        match event {
            Event::Spawned | Event::Unspawned(_) => self.is_starting,
            Event::GivenUp => self.is_starting && self.machine.exec() == Exec::Finishing,
            Event::Exited(_) | Event::Moved | Event::Used(_) => self.has_child,
            Event::Command(_) | Event::Better | Event::Time => true,
        }
    }

    fn tell(&mut self, event: Event) {
        let order = self.machine.order();
        match &event {
            Event::Spawned => (self.is_starting, self.has_child, self.is_killed) = (false, true, false),
            Event::Unspawned(_) | Event::GivenUp => self.is_starting = false,
            Event::Exited(_) => self.has_child = false,
            _ => {}
        }
        let is_command = matches!(event, Event::Command(_));
        for effect in self.machine.on(event, self.now) {
            match effect {
                Effect::Spawn => {
                    assert!(!self.has_child && !self.is_starting, "a second child");
                    assert_eq!(self.machine.order(), Order::Start);
                    self.is_starting = true;
                }
                Effect::Interrupt | Effect::Kill => {
                    assert!(self.has_child, "a signal to nobody");
                    self.is_killed |= effect == Effect::Kill;
                }
                Effect::Ended(ended) => assert!(!self.has_child, "{ended:?}"),
            }
        }
        assert!(is_command || self.machine.order() == order, "only a command changes the order");
        assert_eq!(self.machine.has_child(), self.has_child || self.is_starting);
        let is_unwanted = self.has_child && self.machine.order() == Order::Stop;
        self.stopped_since = is_unwanted.then(|| self.stopped_since.unwrap_or(self.now));
    }

    /// It wakes up whenever it is due.
    fn wait(&mut self, time: Duration) {
        let until = self.now + time;
        while let Some(due) = self.machine.due().filter(|due| *due <= until) {
            self.now = self.now.max(due);
            self.tell(Event::Time);
            if let Some(since) = self.stopped_since {
                let lasts = self.now - since;
                assert!(lasts <= seconds(5), "it is told to end {lasts:?} after a stop");
            }
        }
        if let Some(since) = self.stopped_since {
            assert!(
                self.is_killed || until <= since + seconds(5),
                "it lives {:?} after a stop",
                until - since
            );
        }
        self.now = until;
    }
}

proptest! {
    #[test]
    fn there_is_one_child_and_none_that_was_stopped_for_long(
        happenings in proptest::collection::vec(happening(), 0..200),
    ) {
        let mut driver = Driver { machine: Machine::new(POLICY), ..Driver::default() };
        for (event, milliseconds) in happenings {
            driver.wait(Duration::from_millis(milliseconds));
            if driver.can_tell(&event) {
                driver.tell(event);
            }
        }
    }
}
