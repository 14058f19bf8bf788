//! What the API server cannot check: whether the platform has what a participant asks for. Pure.

use crate::apply;
use crate::profile::{Profile, Profiles};
use understudy_crds::condition::ParticipantCondition;
use understudy_crds::v1alpha1::{Browser, VirtualParticipant};

/// Why nobody can be let in: the Secret is read each time, so that this passes as soon as it does.
pub const UNUSABLE_SECRET: &str = "AccessSecretUnusable";

/// A participant that can be provided.
#[derive(Clone, Copy, Debug)]
pub struct Valid<'a> {
    /// The shape of its pod.
    pub profile: &'a Profile,
}

/// Why a participant cannot be provided as it is described.
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
    /// Whoever described the participant, or named its profile.
    Caller,
    /// The cluster's: a quota, a policy, an object in the way. It may pass at any time, and nothing tells.
    Site,
}

/// The participant as it can be provided.
pub fn validate<'a>(participant: &VirtualParticipant, profiles: &'a Profiles) -> Result<Valid<'a>, Problem> {
    let name = &participant.spec.runtime_profile_name;
    let unusable = |reason, message| Problem {
        condition: ParticipantCondition::Accepted,
        reason,
        message,
        blame: Blame::Caller,
    };
    let profile = match profiles.get(name) {
        Some(Ok(profile)) => profile,
        Some(Err(error)) => {
            let message = format!("spec.runtimeProfileName: the profile {name:?} cannot be used: {error}");
            return Err(unusable("ProfileUnusable", message));
        }
        None => return Err(unusable("ProfileNotFound", not_found(name, profiles))),
    };
    if participant.spec.page.is_some() && profile.spec.browser == Browser::Forbidden {
        return Err(Problem {
            condition: ParticipantCondition::PageReady,
            reason: "ProfileWithoutBrowser",
            message: format!("spec.page: the profile {name:?} has no browser"),
            blame: Blame::Caller,
        });
    }
    Ok(Valid { profile })
}

fn not_found(name: &str, profiles: &Profiles) -> String {
    let known: Vec<&str> = profiles.names().collect();
    let known =
        if known.is_empty() { "there are none".into() } else { format!("there are: {}", known.join(", ")) };
    format!("spec.runtimeProfileName: there is no RuntimeProfile {name:?}; {known}")
}

impl Problem {
    /// Those failures of writing that people have to know of. Others pass by themselves.
    pub fn of(error: &apply::Error) -> Option<Self> {
        let reason = match error {
            apply::Error::Refused { .. } | apply::Error::ForeignPod(_) => "PodRefused",
            apply::Error::ForeignSecret(_) | apply::Error::IncompleteSecret(..) => UNUSABLE_SECRET,
            apply::Error::Api(_) | apply::Error::PredecessorsSecret(_) => return None,
        };
        let condition = ParticipantCondition::Accepted;
        Some(Self { condition, reason, message: error.to_string(), blame: Blame::Site })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use understudy_crds::v1alpha1::RuntimeProfileSpec;

    fn checked(spec: &serde_json::Value) -> Result<(), Problem> {
        let participant = serde_json::from_value(json!({
            "apiVersion": "understudy.dev/v1alpha1", "kind": "VirtualParticipant", "metadata": {"name": "ada"}, "spec": spec
        }))
        .unwrap();
        let plain = RuntimeProfileSpec::of_image("understudy/runtime:1");
        let blind = RuntimeProfileSpec { browser: Browser::Forbidden, ..plain.clone() };
        let lost = RuntimeProfileSpec { allow_private_urls: vec!["camera.lan".into()], ..plain.clone() };
        let profiles =
            Profiles::new([("default".into(), plain), ("blind".into(), blind), ("lost".into(), lost)]);
        validate(&participant, &profiles).map(|_valid| ())
    }

    #[test]
    fn a_profile_that_is_not_there_is_a_problem_that_names_those_that_are() {
        let problem = checked(&json!({"runtimeProfileName": "huge"})).unwrap_err();
        assert_eq!(problem.reason, "ProfileNotFound");
        assert!(problem.message.contains("blind, default, lost"), "{}", problem.message);
    }

    #[test]
    fn a_profile_that_cannot_be_used_is_a_problem_that_says_why() {
        let problem = checked(&json!({"runtimeProfileName": "lost"})).unwrap_err();
        assert_eq!(problem.reason, "ProfileUnusable");
        assert!(problem.message.contains("camera.lan"), "{}", problem.message);
    }

    #[test]
    fn a_page_needs_a_profile_with_a_browser() {
        let page = json!({"url": "understudy:mirror"});
        assert!(checked(&json!({"page": page})).is_ok());
        let problem = checked(&json!({"page": page, "runtimeProfileName": "blind"})).unwrap_err();
        assert_eq!(problem.reason, "ProfileWithoutBrowser");
        assert!(checked(&json!({"runtimeProfileName": "blind"})).is_ok());
    }
}
