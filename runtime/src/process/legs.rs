//! The way of one process to its viewers: what its legs are by now, and why.

use understudy_core::process::config::{Config, WebRtc as Settings};
use understudy_core::process::legs::{self, Better, Known, Packets, Reasons};
use understudy_core::process::said::Said;

use tokio::sync::watch;

use super::leg::{Leg, Seen};
use super::registry::Error;
use super::view::WebRtc;
use super::{Owner, Site, Watched, Watching};
use crate::egress::whep::process_name;
use crate::program::{Program, Registry};

/// Told where there is nothing to be watched, though its config wants that.
const OFF: &str = "WebRTC of processes is off (CORE_WEBRTC_ENABLE)";

/// Pictures since the last keyframe, more than which nobody is given who comes.
const FAR: u64 = 600;

/// Pictures, of which one at least has to be a keyframe.
const FIRST: u64 = 300;

/// Kept over restarts of the child.
pub(super) enum Legs {
    /// The config wants it, and the runtime does not have it.
    Off,
    On(Box<On>),
}

pub(super) struct On {
    legs: legs::Legs,
    /// What becomes of picture and sound, as it is told.
    words: [&'static str; 2],
    reasons: Reasons,
    leg: Leg,
    seen: watch::Receiver<Seen>,
    program: Program,
    programs: Registry,
    /// The child that runs has shown that others are needed: what it still shows says nothing of those.
    is_outdated: bool,
}

/// Whether viewers find a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Found {
    Yes,
    No,
}

impl Legs {
    /// Of a config that has addresses alone. None: it does not want any.
    pub(super) fn of(config: &Config, owner: Owner, site: &Site) -> Result<Option<Self>, Error> {
        match (owner, site.watched) {
            _ if !config.webrtc.enabled => Ok(None),
            (Owner::People, Watched::Sessions) => Ok(Some(Self::Off)),
            _ => Ok(Some(Self::On(Box::new(On::open(config, &site.watching)?)))),
        }
    }

    /// Those for another config: what was learned of the other is forgotten, and viewers stay if they can. None: it does not want any.
    pub(super) fn changed(was: Option<Self>, config: &Config) -> Option<Self> {
        let mut legs = was.filter(|_| config.webrtc.enabled)?;
        if let Self::On(on) = &mut legs {
            on.begin(likely(config));
        }
        Some(legs)
    }

    /// What is added to the child's arguments.
    pub(super) fn arguments(&self, settings: &Settings) -> Vec<String> {
        match self {
            Self::Off => Vec::new(),
            Self::On(on) => {
                let [video, audio] = on.leg.ports();
                on.legs.arguments(settings, video, audio)
            }
        }
    }

    /// A child sends from now on, and nobody else.
    pub(super) fn started(&mut self, pid: i32) {
        if let Self::On(on) = self {
            on.is_outdated = false;
            on.leg.started(pid);
        }
    }

    /// It sends no more. Who watches stays.
    pub(super) fn ended(&self) {
        if let Self::On(on) = self {
            on.leg.ended();
        }
    }

    /// Whether viewers find it, under which id. Those of another id, and all if they do not, are sent away.
    pub(super) fn name(&self, id: &str, found: Found) {
        if let Self::On(on) = self {
            on.programs.name(&on.program, (found == Found::Yes).then(|| process_name(id)));
        }
    }

    /// Resolves when packets have shown something new.
    pub(super) async fn seen(&mut self) {
        if let Self::On(on) = self
            && on.seen.changed().await.is_ok()
        {
            return;
        }
        std::future::pending::<()>().await;
    }

    /// Whether other legs are needed than those that run; they are these from now on.
    pub(super) fn judge(&mut self, said: &Said, config: &Config) -> bool {
        let Self::On(on) = self else { return false };
        // An input that failed has said nothing: that is no input without a picture.
        let has_all = said.has_told_inputs() && said.inputs().len() >= config.input.len();
        if on.is_outdated || !has_all {
            return false;
        }
        let packets = shown(&on.seen.borrow_and_update());
        let known = Known::of(said, packets).played_as(said, config);
        let better = on.legs.better(&known);
        let is_better = better.is_some();
        match better {
            None => on.legs = on.legs.learned(&known),
            Some(Better { legs, reasons }) => {
                (on.legs, on.is_outdated) = (legs, true);
                on.reasons = std::mem::take(&mut on.reasons).then(reasons);
            }
        }
        on.words = on.legs.words(&known);
        is_better
    }

    pub(super) fn told(&self) -> WebRtc {
        match self {
            Self::Off => WebRtc { video: "none", audio: "none", reason: OFF.to_owned() },
            Self::On(on) => {
                let [video, audio] = on.words;
                WebRtc { video, audio, reason: on.reasons.told() }
            }
        }
    }
}

impl On {
    /// What was learned before is of another config.
    fn begin(&mut self, legs: legs::Legs) {
        (self.words, self.legs) = (legs.words(&Known::default()), legs);
        self.reasons = Reasons::default();
        // The child that still runs is of the other config.
        self.is_outdated = true;
    }

    fn open(config: &Config, watching: &Watching) -> Result<Self, Error> {
        let leg = Leg::open(&watching.hubs, watching.legs.clone()).map_err(Error::NoPorts)?;
        Ok(Self {
            words: likely(config).words(&Known::default()),
            legs: likely(config),
            reasons: Reasons::default(),
            seen: leg.seen(),
            program: leg.program(),
            programs: watching.programs.clone(),
            leg,
            is_outdated: false,
        })
    }
}

/// For the first run. `config` has addresses alone.
fn likely(config: &Config) -> legs::Legs {
    legs::Legs::likely(&config.webrtc, config.input.first().map_or("", |input| &input.address))
}

impl Drop for On {
    fn drop(&mut self) {
        self.programs.name(&self.program, []);
    }
}

fn shown(seen: &Seen) -> Packets {
    let has_none = seen.keyframes == 0 && seen.pictures > FIRST;
    Packets {
        has_b_frames: seen.has_b_frames,
        lacks_parameter_sets: seen.lacks_parameter_sets,
        has_rare_keyframes: has_none || seen.since_keyframe > FAR,
    }
}
