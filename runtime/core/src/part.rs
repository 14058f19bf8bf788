//! The parts a session is built from, and the one table that says when each starts, stops and is mended.
//!
//! ```text
//! Off -wanted-> Waiting -needs up-> Starting -started-> Up
//!  ^               ^                   | failed            | lost
//!  |               +---- Backoff <-----+-------------------+
//!  +-- no longer wanted (from anywhere)
//! ```
//!
//! A part *stands on* others: it cannot outlive them and is restarted after them. It may also *lean on*
//! others: it starts after them, survives their loss, and is mended when they are back (Chromium leans on
//! PulseAudio and on the camera).

use std::time::{Duration, Instant};

use crate::backoff;

/// Lowest first: the order of starting. Stopping goes the other way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Part {
    /// Xvfb.
    Display,
    /// PulseAudio with its sinks and the microphone.
    Sound,
    /// The private D-Bus daemon.
    Bus,
    /// The PipeWire daemon.
    Pipewire,
    /// Portal, camera node and linker.
    Camera,
    /// Chromium.
    Browser,
    /// The document in it.
    Page,
}

/// What the driver shall do now. It answers with an [`Event`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    Start(Part),
    Stop(Part),
    /// `part` goes on; what it leaned on (`returned`) is a new one and it must be told.
    Mend {
        part: Part,
        returned: Part,
    },
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    Want(Part),
    Drop(Part),
    /// The part shall begin again with what is wanted now.
    Renew(Part),
    Started(Part),
    /// It did not start, or it is gone; why, for people.
    Lost(Part, String),
    Tick,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    Off,
    /// What it needs is not there yet.
    Waiting,
    Starting {
        deadline: Instant,
    },
    Up,
    Backoff {
        until: Instant,
    },
}

/// One part's state and its recent misfortune.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Slot {
    pub state: State,
    /// Failures in a row; zero again once it stayed up for [`STEADY`].
    pub failures: u32,
    /// Why it failed last; empty while it never did.
    pub why: String,
    up_since: Option<Instant>,
    was_up: bool,
}

/// The session's parts together.
#[derive(Clone, Debug)]
pub struct Parts {
    slots: [Slot; Part::ALL.len()],
}

/// A part that stayed up this long has recovered: its next failure is a first one.
pub const STEADY: Duration = Duration::from_secs(20);

/// A part that leans on another waits for this many failures of it, then starts without.
const PATIENCE: u32 = 3;

impl Part {
    pub const ALL: [Self; 7] =
        [Self::Display, Self::Sound, Self::Bus, Self::Pipewire, Self::Camera, Self::Browser, Self::Page];

    /// Cannot run without them.
    pub const fn stands_on(self) -> &'static [Self] {
        match self {
            Self::Display | Self::Sound | Self::Bus => &[],
            Self::Pipewire => &[Self::Bus],
            Self::Camera => &[Self::Bus, Self::Pipewire],
            Self::Browser => &[Self::Display, Self::Bus],
            Self::Page => &[Self::Browser],
        }
    }

    /// Survives their loss.
    pub const fn leans_on(self) -> &'static [Self] {
        match self {
            // A portal that is missing at Chromium's first enumeration hangs getUserMedia for good, so
            // the camera comes first.
            Self::Browser => &[Self::Sound, Self::Camera],
            _ => &[],
        }
    }

    /// A start that takes longer has failed. Measured on two busy cores: daemons 0.2 s, Chromium 3 s; a
    /// page of the web may take 20 s.
    const fn patience(self) -> Duration {
        Duration::from_secs(match self {
            Self::Display | Self::Sound | Self::Bus | Self::Pipewire | Self::Camera => 10,
            Self::Browser => 30,
            Self::Page => 40,
        })
    }
}

impl Default for Parts {
    fn default() -> Self {
        let off = Slot { state: State::Off, failures: 0, why: String::new(), up_since: None, was_up: false };
        Self { slots: std::array::from_fn(|_| off.clone()) }
    }
}

impl Parts {
    pub fn slot(&self, part: Part) -> &Slot {
        &self.slots[part as usize]
    }

    pub fn is_up(&self, part: Part) -> bool {
        self.slot(part).state == State::Up
    }

    pub fn is_wanted(&self, part: Part) -> bool {
        self.slot(part).state != State::Off
    }

    /// Takes one event; what is to be done follows in the order of the list.
    pub fn on(&mut self, event: Event, now: Instant) -> Vec<Effect> {
        let mut effects = Vec::new();
        match event {
            Event::Want(part) if !self.is_wanted(part) => self.slot_mut(part).state = State::Waiting,
            Event::Drop(part) => self.stop(part, State::Off, &mut effects),
            Event::Renew(part) if self.is_wanted(part) => {
                self.slot_mut(part).failures = 0;
                self.stop(part, State::Waiting, &mut effects);
            }
            Event::Started(part) => self.started(part, now, &mut effects),
            Event::Lost(part, why) => self.lost(part, why, now, &mut effects),
            Event::Want(_) | Event::Renew(_) | Event::Tick => {}
        }
        self.expire(now, &mut effects);
        self.start_what_can(now, &mut effects);
        effects
    }

    /// When the next `Tick` is due.
    pub fn deadline(&self) -> Option<Instant> {
        self.slots.iter().filter_map(Slot::deadline).min()
    }

    fn slot_mut(&mut self, part: Part) -> &mut Slot {
        &mut self.slots[part as usize]
    }

    fn started(&mut self, part: Part, now: Instant, effects: &mut Vec<Effect>) {
        let slot = self.slot_mut(part);
        if !matches!(slot.state, State::Starting { .. }) {
            return; // a late echo of a start that was given up
        }
        slot.state = State::Up;
        slot.up_since = Some(now);
        slot.was_up = true;
        for leaner in Part::ALL {
            if leaner.leans_on().contains(&part) && self.is_up(leaner) {
                effects.push(Effect::Mend { part: leaner, returned: part });
                for child in Part::ALL.into_iter().filter(|c| c.stands_on().contains(&leaner)) {
                    self.stop(child, State::Waiting, effects);
                }
            }
        }
    }

    fn lost(&mut self, part: Part, why: String, now: Instant, effects: &mut Vec<Effect>) {
        let slot = self.slot_mut(part);
        if matches!(slot.state, State::Off | State::Waiting | State::Backoff { .. }) {
            return; // it was already given up
        }
        let steady = slot.up_since.is_some_and(|since| now.saturating_duration_since(since) >= STEADY);
        slot.failures = if steady { 1 } else { slot.failures.saturating_add(1) };
        slot.why = why;
        let until = now + backoff::after(slot.failures);
        self.stop(part, State::Backoff { until }, effects);
    }

    /// Ends `part` and, before it, all that stands on it.
    fn stop(&mut self, part: Part, next: State, effects: &mut Vec<Effect>) {
        for child in Part::ALL.into_iter().rev().filter(|c| c.stands_on().contains(&part)) {
            if matches!(self.slot(child).state, State::Starting { .. } | State::Up) {
                self.stop(child, State::Waiting, effects);
            }
        }
        let slot = self.slot_mut(part);
        if matches!(slot.state, State::Starting { .. } | State::Up) {
            effects.push(Effect::Stop(part));
        }
        slot.up_since = None;
        slot.state = next;
    }

    fn expire(&mut self, now: Instant, effects: &mut Vec<Effect>) {
        for part in Part::ALL {
            match self.slot(part).state {
                State::Starting { deadline } if deadline <= now => {
                    let waited = part.patience().as_secs();
                    self.lost(part, format!("did not start within {waited} s"), now, effects);
                }
                State::Backoff { until } if until <= now => self.slot_mut(part).state = State::Waiting,
                _ => {}
            }
        }
    }

    fn start_what_can(&mut self, now: Instant, effects: &mut Vec<Effect>) {
        for part in Part::ALL {
            if self.slot(part).state == State::Waiting && self.may_start(part) {
                self.slot_mut(part).state = State::Starting { deadline: now + part.patience() };
                effects.push(Effect::Start(part));
            }
        }
    }

    fn may_start(&self, part: Part) -> bool {
        let tried_enough = |p: &Part| self.slot(*p).failures >= PATIENCE || !self.is_wanted(*p);
        part.stands_on().iter().all(|p| self.is_up(*p))
            && part.leans_on().iter().all(|p| self.is_up(*p) || tried_enough(p))
    }
}

impl Slot {
    /// It ran before and is being brought back.
    pub fn is_recovering(&self) -> bool {
        self.was_up && self.state != State::Up
    }

    fn deadline(&self) -> Option<Instant> {
        match self.state {
            State::Starting { deadline } => Some(deadline),
            State::Backoff { until } => Some(until),
            State::Off | State::Waiting | State::Up => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Effect::*, Event, Part::*, *};

    /// Wants everything and reports each start as done until nothing more is asked.
    fn all_up(now: Instant) -> Parts {
        let mut parts = Parts::default();
        let mut todo: Vec<_> = Part::ALL.into_iter().flat_map(|p| parts.on(Event::Want(p), now)).collect();
        while let Some(effect) = todo.pop() {
            if let Start(part) = effect {
                todo.extend(parts.on(Event::Started(part), now));
            }
        }
        assert!(Part::ALL.into_iter().all(|p| parts.is_up(p)));
        parts
    }

    #[test]
    fn a_part_starts_once_all_it_needs_is_up() {
        let now = Instant::now();
        let mut parts = Parts::default();
        assert_eq!(parts.on(Event::Want(Browser), now), []);
        assert_eq!(parts.on(Event::Want(Display), now), [Start(Display)]);
        assert_eq!(parts.on(Event::Want(Bus), now), [Start(Bus)]);
        assert_eq!(parts.on(Event::Started(Display), now), []);
        assert_eq!(parts.on(Event::Started(Bus), now), [Start(Browser)]);
    }

    #[test]
    fn the_loss_of_the_display_restarts_the_browser_after_it() {
        let now = Instant::now();
        let mut parts = all_up(now);
        let effects = parts.on(Event::Lost(Display, "signal 9".into()), now);
        assert_eq!(effects, [Stop(Page), Stop(Browser), Stop(Display)]);
        let later = now + Duration::from_millis(250);
        assert_eq!(parts.on(Event::Tick, later), [Start(Display)]);
        assert_eq!(parts.on(Event::Started(Display), later), [Start(Browser)]);
        assert_eq!(parts.on(Event::Started(Browser), later), [Start(Page)]);
    }

    #[test]
    fn the_return_of_sound_mends_the_browser_and_loads_the_page_again() {
        let now = Instant::now();
        let mut parts = all_up(now);
        assert_eq!(parts.on(Event::Lost(Sound, "signal 9".into()), now), [Stop(Sound)]);
        assert!(parts.is_up(Browser));
        let later = now + Duration::from_secs(1);
        assert_eq!(parts.on(Event::Tick, later), [Start(Sound)]);
        let effects = parts.on(Event::Started(Sound), later);
        assert_eq!(effects, [Mend { part: Browser, returned: Sound }, Stop(Page), Start(Page)]);
    }

    #[test]
    fn the_loss_of_pipewire_takes_the_camera_along_and_its_return_mends_the_browser() {
        let now = Instant::now();
        let mut parts = all_up(now);
        assert_eq!(parts.on(Event::Lost(Pipewire, "gone".into()), now), [Stop(Camera), Stop(Pipewire)]);
        let later = now + Duration::from_secs(1);
        assert_eq!(parts.on(Event::Tick, later), [Start(Pipewire)]);
        assert_eq!(parts.on(Event::Started(Pipewire), later), [Start(Camera)]);
        let effects = parts.on(Event::Started(Camera), later);
        assert_eq!(effects, [Mend { part: Browser, returned: Camera }, Stop(Page), Start(Page)]);
    }

    #[test]
    fn the_browser_does_not_wait_for_ever_for_a_camera_that_cannot_start() {
        let mut now = Instant::now();
        let mut parts = Parts::default();
        let mut effects: Vec<_> = Part::ALL.into_iter().flat_map(|p| parts.on(Event::Want(p), now)).collect();
        let mut started = Vec::new();
        for _ in 0..20 {
            for effect in std::mem::take(&mut effects) {
                match effect {
                    Start(Camera) => effects.extend(parts.on(Event::Lost(Camera, "no".into()), now)),
                    Start(part) => {
                        started.push(part);
                        effects.extend(parts.on(Event::Started(part), now));
                    }
                    _ => {}
                }
            }
            now += Duration::from_secs(1);
            effects.extend(parts.on(Event::Tick, now));
        }
        assert!(started.contains(&Page));
    }

    #[test]
    fn failures_back_off_and_are_forgiven_after_a_steady_while() {
        let now = Instant::now();
        let mut parts = Parts::default();
        parts.on(Event::Want(Display), now);
        parts.on(Event::Lost(Display, "a".into()), now);
        assert_eq!(parts.deadline(), Some(now + Duration::from_millis(250)));
        let t = now + Duration::from_secs(1);
        assert_eq!(parts.on(Event::Tick, t), [Start(Display)]);
        parts.on(Event::Lost(Display, "b".into()), t);
        assert_eq!(parts.slot(Display).failures, 2);
        let t = t + Duration::from_secs(1);
        parts.on(Event::Tick, t);
        parts.on(Event::Started(Display), t);
        parts.on(Event::Lost(Display, "c".into()), t + STEADY);
        assert_eq!(parts.slot(Display).failures, 1);
    }

    #[test]
    fn a_start_that_takes_too_long_has_failed() {
        let now = Instant::now();
        let mut parts = Parts::default();
        parts.on(Event::Want(Sound), now);
        let deadline = parts.deadline().unwrap();
        assert_eq!(parts.on(Event::Tick, deadline), [Stop(Sound)]);
        assert_eq!(parts.slot(Sound).why, "did not start within 10 s");
        assert_eq!(parts.on(Event::Started(Sound), deadline), [], "a late echo changes nothing");
    }

    #[test]
    fn dropping_the_browser_leaves_the_devices_alone() {
        let now = Instant::now();
        let mut parts = all_up(now);
        assert_eq!(parts.on(Event::Drop(Browser), now), [Stop(Page), Stop(Browser)]);
        assert!(parts.is_up(Camera) && parts.is_up(Sound));
    }

    #[test]
    fn a_renewed_page_is_loaded_again() {
        let now = Instant::now();
        let mut parts = all_up(now);
        assert_eq!(parts.on(Event::Renew(Page), now), [Stop(Page), Start(Page)]);
    }
}
