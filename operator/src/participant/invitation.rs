//! The seat that an invitation takes: what is desired against what sessions say and what the status remembers. Pure.
//!
//! ```text
//!                  desired(a)            acknowledged(a)
//!     Free ───────────────────> Asked(a) ───────────────> Invited(a)
//!      ^ ^                       │  ^                        │   │
//!      │ │                       │  └── its pod ended, Rejoin ┘   │ desired(none), desired(b), its time to join is over
//!      │ │ desired(none)         │ its time to join is over,      v
//!      │ └─────────── Left(a) <──┤ taken back unheard of       Leaving(a)
//!      │                 ^       └──────<──── Left, or ended ─────┘
//!      └ desired(b) goes on to Asked(b) once the status says what became of a
//! ```
//!
//! Nobody is on two stages: from `Invited(a)` nothing leads to `b` but through `Left(a)`, and nothing leads there but the session's
//! own word, or evidence that its process is no more. An invitation that has come to its end is not asked again under its id.
//!
//! All follows from levels (spec, status, report), so that an operator which takes over at any moment goes on from there.

mod known;
mod settle;

#[cfg(test)]
mod tests;

pub use known::Known;

use crate::condition::Verdict;
use crate::participant::invitation::settle::Over;
use understudy_crds::condition::ParticipantCondition as Type;
use understudy_crds::v1alpha1::{LastSession, ParticipantPhase, SessionStatus, SettledInvitation};

/// Where an invitation is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Seat {
    /// There is none.
    #[default]
    Free,
    /// No session has acknowledged it, or none that is still there.
    Asked(String),
    /// The session carries it out.
    Invited(String),
    /// It may be on its stage, and is not to be.
    Leaving(String),
    /// It is desired, and has come to its end.
    Left {
        /// Its id.
        id: String,
        /// CamelCase.
        outcome: String,
        /// For people.
        message: String,
    },
}

/// Where the invitation is now, and what the status remembers of it and of earlier ones.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Seating {
    /// Where it is.
    pub seat: Seat,
    /// As in the status.
    pub session: Option<SessionStatus>,
    /// As in the status.
    pub last: Option<LastSession>,
    /// As in the status.
    pub settled: Vec<SettledInvitation>,
}

impl Seat {
    /// Invited, Connected and Published, as far as they follow from the seat: what is said of a stage is told by its session.
    pub fn verdicts(&self) -> [(Type, Verdict); 3] {
        let all = |verdict: Verdict| {
            [Type::Invited, Type::Connected, Type::Published].map(|type_| (type_, verdict.clone()))
        };
        match self {
            Self::Free => all(Verdict::not_yet("NotInvited", "nobody has invited the participant")),
            Self::Asked(id) => {
                all(Verdict::not_yet("Asked", &format!("the session is asked to join by invitation {id}")))
            }
            Self::Invited(id) => {
                let joining = Verdict::not_yet("Joining", &format!("the session joins by invitation {id}"));
                let mut verdicts = all(joining);
                verdicts[0].1 = Verdict::yes("Accepted");
                verdicts
            }
            Self::Leaving(id) => {
                all(Verdict::not_yet("Leaving", &format!("the session leaves the stage of invitation {id}")))
            }
            Self::Left { outcome, message, .. } => all(Verdict::not_yet(outcome, message)),
        }
    }

    /// The phase of a participant with which all else is well, before there is anything on a stage.
    pub fn phase(&self) -> ParticipantPhase {
        match self {
            Self::Free | Self::Left { .. } => ParticipantPhase::Available,
            Self::Asked(_) | Self::Invited(_) => ParticipantPhase::Invited,
            Self::Leaving(_) => ParticipantPhase::Leaving,
        }
    }
}

/// What follows from all that is known.
pub fn seating(known: &Known<'_>) -> Seating {
    match known.subject() {
        None => known.seated(desired(known, None)),
        Some(id) => match settle::settle(known, id) {
            Ok(seat) => known.seated(seat),
            Err(over) => known.settled_by(id, &over, desired(known, Some((id, &over)))),
        },
    }
}

/// Where the desired invitation is, if no other one is in its way. `over`: what has just come to its end.
fn desired(known: &Known<'_>, over: Option<(&str, &Over)>) -> Seat {
    let Some(desired) = known.desired else { return Seat::Free };
    let id = desired.id.clone();
    match over {
        Some((ended, over)) if ended == id => {
            Seat::Left { id, outcome: over.outcome.clone(), message: over.message.clone() }
        }
        _ => known.left(&id).unwrap_or(Seat::Asked(id)),
    }
}
