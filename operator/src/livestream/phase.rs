//! The phase of a livestream: a summary for people. Pure.

use crate::progress::Progress;
use understudy_crds::v1alpha1::LivestreamPhase as Phase;

/// How a livestream is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// It is being deleted.
    Deleted,
    /// It is not ready yet.
    Coming,
    /// Its session cannot make it.
    Broken,
    /// It can be taken.
    Ready,
    /// Somebody takes it.
    Active,
}

/// How it was before, as it is described now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Before {
    /// Never ready: its description may be to blame.
    Unproven,
    /// Ready: its description is not to blame.
    Proven,
}

/// The table.
pub fn phase(state: State, before: Before) -> Phase {
    match (state, before) {
        (State::Deleted, _) => Phase::Terminating,
        (State::Ready, _) => Phase::Ready,
        (State::Active, _) => Phase::Active,
        (State::Coming, Before::Unproven) => Phase::Pending,
        (State::Broken, Before::Unproven) => Phase::Failed,
        (State::Coming | State::Broken, Before::Proven) => Phase::Disrupted,
    }
}

/// What a tool that waits is told.
pub fn progress(phase: Phase) -> Progress {
    match phase {
        Phase::Pending | Phase::Disrupted => Progress::Reconciling,
        Phase::Failed => Progress::Stalled,
        Phase::Ready | Phase::Active | Phase::Terminating | Phase::Unknown => Progress::Settled,
    }
}
