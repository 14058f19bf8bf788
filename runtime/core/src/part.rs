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
use crate::camera::Mode;

/// Lowest first: the order of starting. Stopping goes the other way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Part {
    /// Xvfb.
    Display,
    /// PulseAudio with its sinks and the microphone.
    Sound,
    /// The private D-Bus daemon.
    Bus,
    /// The PipeWire daemon, in sessions whose camera is its node.
    Pipewire,
    /// What feeds the device that pages see: portal, node and linker, or the writer of a video device or a file.
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
    /// To be told, if it is news. Why is in its slot.
    Failed {
        part: Part,
        loss: Loss,
    },
    /// To be told: what was gone is back.
    Restored(Part),
}

/// How a part failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Loss {
    /// It was up.
    Gone,
    /// It did not start.
    Unstarted,
    /// It did not start, once more, for the reason that was told already.
    UnstartedAgain,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A part that this session has not is not missed.
    Want(Part),
    Drop(Part),
    /// The part shall begin again with what is wanted now.
    Renew(Part),
    Started(Part),
    /// It did not start, or it is gone; why, for people.
    Lost(Part, String),
    Tick,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum State {
    #[default]
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
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Slot {
    pub state: State,
    /// Failures in a row; forgotten once it stayed up for [`STEADY`].
    pub failures: u32,
    /// Why it failed last; empty once it is up again.
    pub why: String,
    /// What it leans on and was started without.
    pub without: Vec<Part>,
    up_since: Option<Instant>,
    was_up: bool,
    gone: bool,
}

/// The session's parts together.
#[derive(Clone, Debug)]
pub struct Parts {
    camera: Mode,
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
    pub const fn stands_on(self, camera: Mode) -> &'static [Self] {
        match self {
            Self::Display | Self::Sound | Self::Bus => &[],
            Self::Pipewire => &[Self::Bus],
            Self::Camera => match camera {
                Mode::Pipewire => &[Self::Bus, Self::Pipewire],
                Mode::V4l2 | Mode::File => &[],
            },
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

impl Parts {
    /// All off.
    pub fn new(camera: Mode) -> Self {
        Self { camera, slots: std::array::from_fn(|_| Slot::default()) }
    }

    /// How the camera is made.
    pub const fn camera(&self) -> Mode {
        self.camera
    }

    /// What this session is built from, in the order of starting.
    pub fn all(&self) -> impl Iterator<Item = Part> {
        Part::ALL.into_iter().filter(|part| self.has(*part))
    }

    fn has(&self, part: Part) -> bool {
        part != Part::Pipewire || self.camera == Mode::Pipewire
    }

    pub fn slot(&self, part: Part) -> &Slot {
        &self.slots[part as usize]
    }

    pub fn is_up(&self, part: Part) -> bool {
        self.slot(part).state == State::Up
    }

    /// It was started and not stopped since.
    pub fn is_running(&self, part: Part) -> bool {
        matches!(self.slot(part).state, State::Starting { .. } | State::Up)
    }

    pub fn is_wanted(&self, part: Part) -> bool {
        self.slot(part).state != State::Off
    }

    /// Takes one event; what is to be done follows in the order of the list.
    pub fn on(&mut self, event: Event, now: Instant) -> Vec<Effect> {
        let mut effects = Vec::new();
        match event {
            Event::Want(part) if self.has(part) && !self.is_wanted(part) => {
                self.slot_mut(part).state = State::Waiting;
            }
            Event::Drop(part) => {
                self.stop(part, State::Off, now, &mut effects);
                *self.slot_mut(part) = Slot::default();
            }
            Event::Renew(part) if self.is_wanted(part) => {
                self.stop(part, State::Waiting, now, &mut effects);
                *self.slot_mut(part) = Slot { state: State::Waiting, ..Slot::default() };
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
        slot.why.clear();
        if std::mem::take(&mut slot.gone) {
            effects.push(Effect::Restored(part));
        }
        for leaner in Part::ALL.into_iter().filter(|leaner| leaner.leans_on().contains(&part)) {
            self.tell(leaner, part, now, effects);
        }
    }

    /// `returned` is there, again or at last: whoever leans on it is mended, or begins again if it does not know it.
    fn tell(&mut self, leaner: Part, returned: Part, now: Instant, effects: &mut Vec<Effect>) {
        let slot = self.slot(leaner);
        match slot.state {
            State::Up if !slot.without.contains(&returned) => {
                effects.push(Effect::Mend { part: leaner, returned });
                let camera = self.camera;
                for child in Part::ALL.into_iter().filter(|child| child.stands_on(camera).contains(&leaner)) {
                    self.stop(child, State::Waiting, now, effects);
                }
            }
            State::Up | State::Starting { .. } => self.stop(leaner, State::Waiting, now, effects),
            State::Off | State::Waiting | State::Backoff { .. } => {}
        }
    }

    fn lost(&mut self, part: Part, why: String, now: Instant, effects: &mut Vec<Effect>) {
        let loss = match &self.slot(part).state {
            State::Up => Loss::Gone,
            State::Starting { .. } if self.slot(part).why == why => Loss::UnstartedAgain,
            State::Starting { .. } => Loss::Unstarted,
            State::Off | State::Waiting | State::Backoff { .. } => return, // it was already given up
        };
        effects.push(Effect::Failed { part, loss });
        self.stop(part, State::Waiting, now, effects);
        let slot = self.slot_mut(part);
        slot.failures = slot.failures.saturating_add(1);
        slot.why = why;
        slot.gone |= loss == Loss::Gone;
        slot.state = State::Backoff { until: now + backoff::after(slot.failures) };
    }

    /// Ends `part` and, before it, all that stands on it.
    fn stop(&mut self, part: Part, next: State, now: Instant, effects: &mut Vec<Effect>) {
        let camera = self.camera;
        for child in Part::ALL.into_iter().rev().filter(|c| c.stands_on(camera).contains(&part)) {
            if matches!(self.slot(child).state, State::Starting { .. } | State::Up) {
                self.stop(child, State::Waiting, now, effects);
            }
        }
        let slot = self.slot_mut(part);
        if matches!(slot.state, State::Starting { .. } | State::Up) {
            effects.push(Effect::Stop(part));
        }
        let steady = |since| now.saturating_duration_since(since) >= STEADY;
        if slot.up_since.take().is_some_and(steady) {
            slot.failures = 0;
        }
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
                let without = part.leans_on().iter().copied().filter(|p| !self.is_up(*p)).collect();
                let slot = self.slot_mut(part);
                slot.without = without;
                slot.state = State::Starting { deadline: now + part.patience() };
                effects.push(Effect::Start(part));
            }
        }
    }

    fn may_start(&self, part: Part) -> bool {
        part.stands_on(self.camera).iter().all(|p| self.is_up(*p))
            && part.leans_on().iter().all(|p| self.is_up(*p) || self.given_up(*p))
    }

    /// Nobody waits for it any more: it, or what it stands on, failed too often.
    fn given_up(&self, part: Part) -> bool {
        let slot = self.slot(part);
        let failing = slot.state != State::Up
            && (slot.failures >= PATIENCE || part.stands_on(self.camera).iter().any(|p| self.given_up(*p)));
        slot.state == State::Off || failing
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
mod tests;
