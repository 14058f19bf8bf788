//! Who invites: the operator, or whoever asks this runtime itself, over HTTP or by a session's document. The operator goes first,
//! and neither ends what the other wants.

use std::collections::VecDeque;
use std::mem::discriminant;

use super::{Desired, Seat, id};
use crate::spec::{Invitation, Target};

/// Why a page joins no stage here.
const NEEDS_BROWSER: &str = "stage.page: needs a session with a page: no browser runs without one";

/// Ids that are remembered after their end.
const MOST_ENDED: usize = 16;

/// What is wanted of the seat.
#[derive(Debug, Default)]
pub struct Wishes {
    told: Desired,
    local: Option<Box<Invitation>>,
    /// The last that was asked for here.
    heard_here: Option<String>,
    /// What was carried out and has ended, the last at the end.
    ended: VecDeque<String>,
    is_drained: bool,
}

/// Why nobody was invited or kicked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("the operator has invited the participant, under the id {0}: it alone takes that back")]
    Operators(String),
    #[error("the participant is on the stage of the invitation {0}: kick it first")]
    Taken(String),
    #[error("the invitation {0} waits until the stage before is left: kick it first")]
    Waiting(String),
    #[error("the invitation {0} has come to its end, and its id is carried out no more: take another one")]
    Over(String),
    #[error("stage: that of the invitation {0} stays: kick it, or take another id")]
    OtherStage(String),
    #[error("{NEEDS_BROWSER}")]
    NoBrowser,
    #[error("no such invitation is carried out")]
    Unknown,
    #[error("the session ends and takes no invitation")]
    Drained,
}

impl Wishes {
    /// What the seat is to be asked for.
    pub fn desired(&self) -> Desired {
        self.told.clone().or_else(|| self.local.clone().map(Ok))
    }

    /// The operator's word. Where it invites, what was asked for here is over, and does not come back after it.
    pub fn told(&mut self, told: Desired) {
        if let Some(told) = &told {
            let before = self.local.take().map(|local| local.id);
            self.end(before);
            // It is the operator's from now on.
            self.heard_here.take_if(|here| here == id(told));
        }
        (self.told, self.is_drained) = (told, false);
    }

    /// Nothing is wanted any more, nor will be until the operator says something else.
    pub fn drain(&mut self) {
        let before = self.local.take().map(|local| local.id);
        self.end(before);
        (self.told, self.is_drained) = (None, true);
    }

    /// What a session's document says, of which nobody is to be told but who asks here.
    pub fn begin(&mut self, invitation: Box<Invitation>) {
        self.heard_here = Some(invitation.id.clone());
        self.local = Some(invitation);
    }

    /// Whether that was asked for here, so that it is none of the operator's.
    pub fn is_local(&self, id: &str) -> bool {
        self.heard_here.as_deref() == Some(id)
    }

    /// Somebody invites it here.
    pub fn invite(&mut self, invitation: Box<Invitation>, seat: &Seat) -> Result<(), Refusal> {
        if self.is_drained {
            return Err(Refusal::Drained);
        }
        if let Some(told) = &self.told {
            return Err(Refusal::Operators(id(told).to_owned()));
        }
        let is_it = |other: &str| other == invitation.id;
        let waiting = self.local.as_ref().filter(|local| seat.is_leaving() && !is_it(&local.id));
        match seat {
            Seat::Taken(taken) if !is_it(taken.id()) => return Err(Refusal::Taken(taken.id().to_owned())),
            Seat::Taken(taken) if !is_same(&taken.invitation.stage.target, &invitation.stage.target) => {
                return Err(Refusal::OtherStage(invitation.id));
            }
            Seat::Left(left) | Seat::Leaving { left, .. } if is_it(&left.id) => {
                return Err(Refusal::Over(invitation.id));
            }
            Seat::Empty | Seat::Refused { .. } | Seat::Left(_) | Seat::Leaving { .. }
                if self.ended.contains(&invitation.id) =>
            {
                return Err(Refusal::Over(invitation.id));
            }
            Seat::Leaving { left, .. } => {
                if let Some(waiting) = waiting.filter(|waiting| waiting.id != left.id) {
                    return Err(Refusal::Waiting(waiting.id.clone()));
                }
            }
            Seat::Empty | Seat::Refused { .. } | Seat::Taken(_) | Seat::Left(_) => {}
        }
        if let Seat::Left(left) | Seat::Leaving { left, .. } = seat {
            self.end(Some(left.id.clone()));
        }
        self.begin(invitation);
        Ok(())
    }

    /// Somebody takes it back here. `id`: that one, and not whichever there is.
    pub fn kick(&mut self, id: Option<&str>, seat: &Seat) -> Result<(), Refusal> {
        let is_it = |other: &str| id.is_none_or(|id| id == other);
        if let Some(told) = self.told.as_ref().map(super::id).filter(|told| is_it(told)) {
            return Err(Refusal::Operators(told.to_owned()));
        }
        // Said once more of one that is being left, it is so already.
        let is_leaving = matches!(seat, Seat::Leaving { left, .. } if is_it(&left.id));
        let is_over = |id: &str| matches!(seat, Seat::Left(left) if left.id == id);
        let held = self.local.take_if(|local| is_it(&local.id) && !is_over(&local.id));
        let is_known = held.is_some() || is_leaving;
        // What only waited was not carried out, and still can be.
        self.end(held.map(|held| held.id).filter(|held| seat.stage().is_some_and(|(id, _)| id == held)));
        if is_known { Ok(()) } else { Err(Refusal::Unknown) }
    }

    fn end(&mut self, id: Option<String>) {
        let Some(id) = id.filter(|id| !self.ended.contains(id)) else { return };
        if self.ended.len() >= MOST_ENDED {
            self.ended.pop_front();
        }
        self.ended.push_back(id);
    }
}

/// Whether both lead to one place, in one way.
fn is_same(one: &Target, other: &Target) -> bool {
    discriminant(one) == discriminant(other) && one.url() == other.url()
}

#[cfg(test)]
mod tests;
