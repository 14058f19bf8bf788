//! What the API server cannot check: whether the platform has what a participant asks for. Pure.

use crate::profile::{Profile, Profiles};
use crate::provide::problem::{Blame, Problem, shape};
use understudy_crds::condition::ParticipantCondition;
use understudy_crds::v1alpha1::{Browser, VirtualParticipant, VirtualParticipantSpec};

/// The shape of its pod, of a participant that can be provided.
pub fn validate<'a>(
    participant: &VirtualParticipant,
    profiles: &'a Profiles,
) -> Result<&'a Profile, Problem> {
    let name = &participant.spec.runtime_profile_name;
    let profile = shape("spec.runtimeProfileName", name, profiles)?;
    if let Some(field) = needs_browser(&participant.spec)
        && profile.spec.browser == Browser::Forbidden
    {
        return Err(Problem {
            condition: ParticipantCondition::PageReady,
            reason: "ProfileWithoutBrowser",
            message: format!("spec.{field}: the profile {name:?} has no browser"),
            blame: Blame::Caller,
        });
    }
    Ok(profile)
}

/// The first field that needs one.
fn needs_browser(spec: &VirtualParticipantSpec) -> Option<&'static str> {
    let pages = spec.sharing.as_ref().is_some_and(|sharing| !sharing.pages.is_empty());
    let asked = [("page", spec.page.is_some()), ("sharing.pages", pages)];
    asked.into_iter().find(|(_, asked)| *asked).map(|(field, _)| field)
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
        validate(&participant, &profiles).map(|_profile| ())
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
        let sharing = json!({"pages": [{"name": "notes", "url": "understudy:mirror"}]});
        let problem = checked(&json!({"sharing": sharing, "runtimeProfileName": "blind"})).unwrap_err();
        assert_eq!(problem.message, "spec.sharing.pages: the profile \"blind\" has no browser");
        assert!(checked(&json!({"sharing": {}, "runtimeProfileName": "blind"})).is_ok());
        assert!(checked(&json!({"runtimeProfileName": "blind"})).is_ok());
    }
}
