//! Why an owner cannot have a pod as it is described, or what it needs beside one. Pure.

use crate::apply;
use crate::profile::{Profile, Profiles};
use understudy_crds::condition::ParticipantCondition;

/// Why nobody can be let in: the Secret is read each time, so that this passes as soon as it does.
pub const UNUSABLE_SECRET: &str = "AccessSecretUnusable";

/// Why an owner cannot be provided as it is described.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The condition that tells it: Accepted, or one of which it makes what a session says untrue.
    pub condition: ParticipantCondition,
    /// CamelCase.
    pub reason: &'static str,
    /// Names the field, and what would do.
    pub message: String,
    /// Whose it is.
    pub blame: Blame,
}

/// Whose a problem is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Blame {
    /// Whoever described the owner, or named its profile.
    Caller,
    /// The cluster's: a quota, a policy, an object in the way. It may pass at any time, and nothing tells.
    Site,
}

impl Problem {
    /// What keeps a pod from being made, and is its owner's description's fault.
    pub fn of_caller(reason: &'static str, message: String) -> Self {
        Self { condition: ParticipantCondition::Accepted, reason, message, blame: Blame::Caller }
    }

    /// Those failures of writing that people have to know of. Others pass by themselves.
    pub fn of(error: &apply::Error) -> Option<Self> {
        let reason = match error {
            apply::Error::Refused { .. } | apply::Error::ForeignPod(_) => "PodRefused",
            apply::Error::ForeignSecret(_)
            | apply::Error::IncompleteSecret(..)
            | apply::Error::RefusedSecret(..)
            | apply::Error::PredecessorsSecret(_)
            | apply::Error::StaleSecret(_) => UNUSABLE_SECRET,
            apply::Error::Api(_) => return None,
        };
        let condition = ParticipantCondition::Accepted;
        Some(Self { condition, reason, message: error.to_string(), blame: Blame::Site })
    }
}

/// The shape of a pod, by the name that stands in that field.
pub fn shape<'a>(field: &str, name: &str, profiles: &'a Profiles) -> Result<&'a Profile, Problem> {
    match profiles.get(name) {
        Some(Ok(profile)) => Ok(profile),
        Some(Err(error)) => {
            let message = format!("{field}: the profile {name:?} cannot be used: {error}");
            Err(Problem::of_caller("ProfileUnusable", message))
        }
        None => Err(Problem::of_caller("ProfileNotFound", not_found(field, name, profiles))),
    }
}

fn not_found(field: &str, name: &str, profiles: &Profiles) -> String {
    let known: Vec<&str> = profiles.names().collect();
    let known =
        if known.is_empty() { "there are none".into() } else { format!("there are: {}", known.join(", ")) };
    format!("{field}: there is no RuntimeProfile {name:?}; {known}")
}
