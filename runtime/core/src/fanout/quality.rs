//! How well a viewer's network does, in one word that is told to people.
//!
//! ```text
//!           crowded twice in a row: what is lost or late is seen by then, or less is shown
//!   Good ────────────────────────────────────────────────────────────────────────────────> Poor
//!     ^                                                                                      │
//!     └──────────────── all is shown, and the network is clear for as long as [`WELL`] ──────┘
//! ```
//! A step down mends what is seen, and leaves the word: a network that carries less than there is is poor, however well that is
//! hidden. Losses that come again when they are asked for change nothing.

use std::time::{Duration, Instant};

use super::estimate::Network;
use crate::rendition::Step;

/// One may be a burst of somebody else's.
const IN_A_ROW: u32 = 2;
/// A step up that does not hold is taken back sooner: nobody is told of it.
pub const WELL: Duration = Duration::from_secs(6);

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Quality {
    #[default]
    Good,
    Poor,
}

/// What is thought of one viewer's network. It begins as good.
#[derive(Clone, Copy, Debug)]
pub struct Opinion(State);

#[derive(Clone, Copy, Debug)]
enum State {
    /// Looks in a row that were not.
    Good {
        crowded: u32,
    },
    Poor {
        well_since: Option<Instant>,
    },
}

impl Default for Opinion {
    fn default() -> Self {
        Self(State::Good { crowded: 0 })
    }
}

impl Opinion {
    pub const fn quality(&self) -> Quality {
        match self.0 {
            State::Good { .. } => Quality::Good,
            State::Poor { .. } => Quality::Poor,
        }
    }

    /// After a look at its network, while it is shown that step: what it is from now on, if that is something else.
    pub fn looked(&mut self, network: Network, shown: Step, now: Instant) -> Option<Quality> {
        let was = self.quality();
        self.0 = match (self.0, network) {
            (State::Good { crowded }, Network::Crowded { .. }) if crowded + 1 < IN_A_ROW => {
                State::Good { crowded: crowded + 1 }
            }
            (State::Good { .. }, Network::Crowded { .. }) => State::Poor { well_since: None },
            (State::Good { .. }, Network::Clear | Network::Lossy) => State::Good { crowded: 0 },
            (State::Poor { well_since }, Network::Clear) if shown == Step::Full => {
                let since = well_since.unwrap_or(now);
                let is_well = now.saturating_duration_since(since) >= WELL;
                if is_well { State::Good { crowded: 0 } } else { State::Poor { well_since: Some(since) } }
            }
            (State::Poor { .. }, _) => State::Poor { well_since: None },
        };
        Some(self.quality()).filter(|quality| *quality != was)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CROWDED: Network = Network::Crowded { carries: 0.5 };

    /// What is told after each look, a second apart.
    fn told(opinion: &mut Opinion, from: Instant, looks: &[(Network, Step)]) -> Vec<(usize, Quality)> {
        let look = |(second, (network, step)): (usize, &(Network, Step))| {
            let now = from + Duration::from_secs(second as u64);
            opinion.looked(*network, *step, now).map(|quality| (second, quality))
        };
        looks.iter().enumerate().filter_map(look).collect()
    }

    #[test]
    fn a_network_is_poor_once_it_is_crowded_twice_in_a_row_and_that_is_told_once() {
        let (now, mut opinion) = (Instant::now(), Opinion::default());
        assert_eq!(opinion.quality(), Quality::Good);
        let broken = [CROWDED, Network::Lossy, CROWDED, Network::Clear, CROWDED];
        assert_eq!(told(&mut opinion, now, &broken.map(|look| (look, Step::Full))), []);
        assert_eq!(told(&mut opinion, now, &[(CROWDED, Step::Full); 5]), [(0, Quality::Poor)]);
        assert_eq!(opinion.quality(), Quality::Poor);
    }

    #[test]
    fn it_is_good_again_once_it_has_carried_all_of_the_picture_for_a_while() {
        let (now, mut opinion) = (Instant::now(), Opinion::default());
        told(&mut opinion, now, &[(CROWDED, Step::Full); 2]);
        let well = WELL.as_secs() as usize;
        let clear = |step| vec![(Network::Clear, step); well + 3];
        for less in [Step::Quarter, Step::Half] {
            assert_eq!(told(&mut opinion, now, &clear(less)), [], "{less:?} is not all");
        }
        for breaks in [(CROWDED, Step::Full), (Network::Lossy, Step::Full), (Network::Clear, Step::Half)] {
            let mut looks = clear(Step::Full);
            looks.truncate(well);
            looks.push(breaks);
            assert_eq!(told(&mut opinion, now, &looks), [], "{breaks:?}");
        }
        assert_eq!(told(&mut opinion, now, &clear(Step::Full)), [(well, Quality::Good)]);
        assert_eq!(told(&mut opinion, now, &[(CROWDED, Step::Full); 2]), [(1, Quality::Poor)]);
    }

    #[test]
    fn a_clock_that_goes_back_makes_nothing_good() {
        let (now, mut opinion) = (Instant::now() + WELL * 2, Opinion::default());
        told(&mut opinion, now, &[(CROWDED, Step::Full); 2]);
        assert_eq!(opinion.looked(Network::Clear, Step::Full, now), None);
        assert_eq!(opinion.looked(Network::Clear, Step::Full, now - WELL * 2), None);
    }
}
