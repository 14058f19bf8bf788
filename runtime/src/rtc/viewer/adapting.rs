//! What a viewer says of its network, and how it comes from one step of a picture to another.
//!
//! ```text
//!   shown a step ── its network carries less, or more ──> shown it, and another expected ── a keyframe of that ──> shown that
//!         ^                                                           │
//!         └──────────────────────── none came in time ────────────────┘
//! ```

use std::ops::Range;
use std::time::{Duration, Instant};

use understudy_core::fanout::adaptation::Adaptation;
use understudy_core::fanout::estimate::Estimate;
use understudy_core::fanout::gate::Gate;
use understudy_core::fanout::history::{History, Switch};
use understudy_core::fanout::round_trip::SenderReports;
use understudy_core::rendition::Step;

use super::Viewer;
use super::beginning::{Due, Stage};
use super::stream::Stream;

/// An encoder makes a keyframe each two seconds. Whoever is well can wait for one, for which nobody pays.
const UNASKED: Duration = Duration::from_secs(3);
/// An encoder that begins has made a keyframe by then; one that was asked has, too.
const ASK_INTERVAL: Duration = Duration::from_secs(2);
/// A step that has had no keyframe for so long is not encoded.
const DEADLINE: Duration = Duration::from_secs(10);
/// Viewers who share a bottleneck do not all try it at the same moment.
const SCATTER: Range<f64> = 0.75..1.25;

pub(super) struct Adapting {
    estimate: Estimate,
    adaptation: Adaptation,
    sender_reports: SenderReports,
    expected: Option<Expected>,
}

/// A step that it is to be shown.
struct Expected {
    step: Step,
    ask_at: Instant,
    until: Instant,
}

impl Default for Adapting {
    fn default() -> Self {
        Self {
            estimate: Estimate::default(),
            adaptation: Adaptation::new(rand::random_range(SCATTER)),
            sender_reports: SenderReports::default(),
            expected: None,
        }
    }
}

impl Adapting {
    pub fn wake_at(&self) -> Option<Instant> {
        self.expected.as_ref().map(|expected| expected.ask_at.min(expected.until))
    }

    pub fn due(&mut self, now: Instant) -> Due {
        match &mut self.expected {
            Some(expected) if expected.until <= now => Due::Stay,
            Some(expected) if expected.ask_at <= now => {
                expected.ask_at = now + ASK_INTERVAL;
                Due::Ask
            }
            _ => Due::Nothing,
        }
    }

    /// A packet of the picture was asked for again.
    pub fn asked(&mut self, sequence: u16) {
        self.estimate.asked(sequence);
    }

    /// A sender report leaves.
    pub fn reports(&mut self, ntp: u64, now: Instant) {
        self.sender_reports.sent(ntp, now);
    }
}

impl Viewer {
    /// What it is shown.
    pub fn step(&self) -> Step {
        self.adapting.adaptation.step()
    }

    /// What it is to be shown.
    pub fn expected(&self) -> Option<Step> {
        self.adapting.expected.as_ref().map(|expected| expected.step)
    }

    /// The step that it should be shown instead, by what it said since the last call.
    pub fn judge(&mut self, now: Instant) -> Option<Step> {
        let said = self.feedback.take_reports();
        self.acknowledge(&said, now);
        let Adapting { estimate, adaptation, sender_reports, expected } = &mut self.adapting;
        said.maximum.iter().for_each(|rate| estimate.told(*rate));
        let picture = self.streams.video.as_ref()?;
        if !matches!(self.stage, Stage::Watching) {
            return None;
        }
        let octets = picture.octets().wrapping_add(self.streams.audio.as_ref().map_or(0, Stream::octets));
        let of = |ssrc: u32| {
            said.streams.iter().filter(move |(other, _)| *other == ssrc).map(|(_, report)| report)
        };
        picture.repair_ssrc().into_iter().flat_map(of).for_each(|report| estimate.repaired(*report));
        let mut wanted = None;
        for report in of(picture.ssrc()) {
            let trip = sender_reports.round_trip(report.last_sender_report, report.delay, now);
            let network = estimate.reported(*report, octets, trip, now);
            let Some(network) = network else { continue };
            tracing::debug!(?network, ?report, ?trip, maximum = ?said.maximum, "a look at a viewer's network");
            if let Some(desk) = &mut self.desk {
                desk.looked(network, adaptation.step(), now);
            }
            if expected.is_none() {
                wanted = adaptation.looked(network, now);
            }
        }
        wanted
    }

    /// It is to be shown that step as soon as there is a keyframe.
    pub fn expect(&mut self, step: Step, now: Instant) {
        let ask_at = if step < self.step() { now } else { now + UNASKED };
        self.adapting.expected = Some(Expected { step, ask_at, until: now + DEADLINE });
    }

    /// Goes over to the step that it expects, which has this to begin with. False: not yet.
    pub fn switch(&mut self, history: &History, now: Instant) -> bool {
        let Some(step) = self.expected().filter(|_| matches!(self.stage, Stage::Watching)) else {
            return false;
        };
        match history.switch(self.shown) {
            Switch::Wait => return false,
            Switch::Hold => {
                self.gate.close();
                return false;
            }
            Switch::Begin(cuts) => self.start(cuts, now),
        }
        self.adapting.expected = None;
        self.adapting.adaptation.moved(step, now);
        self.adapting.estimate.restart();
        true
    }

    /// What it expected does not come.
    pub fn stay(&mut self, now: Instant) {
        self.adapting.expected = None;
        self.adapting.adaptation.stayed();
        if self.gate == Gate::AwaitingKeyframe {
            self.lose(now);
        }
    }
}
