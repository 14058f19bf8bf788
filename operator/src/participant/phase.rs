//! The phase of a participant: a summary for people. Pure.

use crate::progress::Progress;
use understudy_crds::v1alpha1::{ParticipantPhase as Phase, RestReason};

/// How a participant is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// It is being deleted.
    Deleted,
    /// No pod serves it, and none can be made.
    Refused,
    /// No pod serves it yet.
    Absent,
    /// A pod serves it, and its session is not ready yet.
    Coming,
    /// Its session cannot be what it is told to be.
    Broken,
    /// It has no pod because nobody has a use for it.
    Resting(RestReason),
    /// All is well; the phase that its invitation makes.
    Ready(Phase),
}

/// How it was before, as it is described now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Before {
    /// Never well: its description may be to blame.
    Unproven,
    /// Well: its description is not to blame.
    Proven,
}

/// The table.
pub fn phase(state: &State, before: Before) -> Phase {
    match (state, before) {
        (State::Deleted, _) => Phase::Terminating,
        (State::Refused, _) => Phase::Failed,
        (State::Resting(RestReason::Finished), _) => Phase::Completed,
        (State::Resting(RestReason::Idle | RestReason::Unknown), _) => Phase::Idle,
        (State::Absent, Before::Unproven) => Phase::Pending,
        (State::Coming, Before::Unproven) => Phase::Provisioning,
        (State::Broken, Before::Unproven) => Phase::Failed,
        (State::Absent | State::Coming | State::Broken, Before::Proven) => Phase::Disrupted,
        (State::Ready(phase), _) => *phase,
    }
}

/// What a tool that waits is told.
pub fn progress(phase: Phase) -> Progress {
    match phase {
        Phase::Pending | Phase::Provisioning | Phase::Disrupted => Progress::Reconciling,
        Phase::Failed => Progress::Stalled,
        Phase::Available
        | Phase::Invited
        | Phase::Connected
        | Phase::Published
        | Phase::Leaving
        | Phase::Idle
        | Phase::Completed
        | Phase::Terminating
        | Phase::Unknown => Progress::Settled,
    }
}
