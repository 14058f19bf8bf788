//! A stage to be on.

use std::time::{Duration, SystemTime};

use super::{Inputs, WhipTarget};

/// The same id is the same invitation, however often it is said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invitation {
    pub id: String,
    /// Who was not on the stage by then does not join it any more; none: at any time.
    pub join_before: Option<SystemTime>,
    pub stage: Stage,
    /// What camera and microphone carry as long as it holds; none: what the session's own inputs say.
    pub inputs: Option<Inputs>,
    pub limits: InvitationLimits,
}

/// How long it may take and last.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct InvitationLimits {
    /// From being heard of until what is sent arrives.
    pub join: Option<Duration>,
    /// From then on.
    pub stay: Option<Duration>,
    /// Without a link to an operator.
    pub without_operator: Option<Duration>,
}

/// Where what is shown is published.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stage {
    pub target: WhipTarget,
    /// When what lets one in stops to; none: it does not say.
    pub expires: Option<SystemTime>,
    /// Who one is there; empty: it does not say.
    pub participant_id: String,
}
