//! Which step of a picture a viewer is shown, by what its network carries.
//!
//! ```text
//!            crowded twice in a row: what it carries, at least one step down, at once
//!   Full <───────────────────────────────────────────────────────────────────────── … Quarter
//!            clear for as long as `wait`: one step up, to see whether it holds
//! ```
//! A step up that does not hold is a picture lost for nothing: each of them doubles the wait. One that holds makes it the
//! first again.

use std::time::{Duration, Instant};

use super::estimate::Network;
use crate::rendition::Step;

/// One may be a burst of somebody else's.
const IN_A_ROW: u32 = 2;
/// Before the first step up: a network that carries less for a moment is soon well again.
pub const FIRST_WAIT: Duration = Duration::from_secs(8);
/// Nobody stays with less for longer than this, although the network would carry more.
pub const LONGEST_WAIT: Duration = Duration::from_secs(256);
/// A step up that was not taken back for so long holds.
const HOLDS: Duration = Duration::from_secs(30);

/// One viewer's.
#[derive(Clone, Copy, Debug)]
pub struct Adaptation {
    step: Step,
    /// Looks in a row.
    crowded: u32,
    clear_since: Option<Instant>,
    rose: Option<Instant>,
    wait: Duration,
    scatter: f64,
}

impl Adaptation {
    /// Begins with everything. `scatter`, around 1, spreads the steps up of viewers who share a bottleneck.
    pub const fn new(scatter: f64) -> Self {
        Self { step: Step::Full, crowded: 0, clear_since: None, rose: None, wait: FIRST_WAIT, scatter }
    }

    pub const fn step(&self) -> Step {
        self.step
    }

    /// After a look at its network: the step that it is to have in place of its own.
    pub fn looked(&mut self, network: Network, now: Instant) -> Option<Step> {
        match network {
            Network::Crowded { carries } => {
                self.clear_since = None;
                self.crowded += 1;
                if self.crowded < IN_A_ROW { None } else { self.step.within(carries) }
            }
            Network::Lossy => {
                (self.crowded, self.clear_since) = (0, None);
                None
            }
            Network::Clear => {
                self.crowded = 0;
                let clear = now.saturating_duration_since(*self.clear_since.get_or_insert(now));
                if clear < self.wait.mul_f64(self.scatter) { None } else { self.step.higher() }
            }
        }
    }

    /// It is shown that step now.
    pub fn moved(&mut self, step: Step, now: Instant) {
        if step > self.step {
            self.rose = Some(now);
        } else {
            let held = self.rose.take().is_none_or(|rose| rose + HOLDS <= now);
            self.wait = if held { FIRST_WAIT } else { (self.wait * 2).min(LONGEST_WAIT) };
        }
        self.step = step;
        self.stayed();
    }

    /// What was asked for did not come: it is looked at anew.
    pub const fn stayed(&mut self) {
        (self.crowded, self.clear_since) = (0, None);
    }
}

#[cfg(test)]
mod tests;
