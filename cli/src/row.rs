//! A participant as a row of a table. Pure.

use crate::age::age;
use crate::standing::{condition, invitation, named, phase};
use jiff::Timestamp;
use kube::ResourceExt;
use understudy_crds::condition::ParticipantCondition;
use understudy_crds::v1alpha1::VirtualParticipant;

/// What is told of each.
pub const HEAD: [&str; 6] = ["NAME", "PHASE", "READY", "INVITATION", "POD", "AGE"];
/// What is told of each beside it in the wide form.
pub const WIDE: [&str; 4] = ["NODE", "PARTICIPANT-ID", "LAST OUTCOME", "REASON"];

/// Under `HEAD`.
pub fn row(participant: &VirtualParticipant, now: Timestamp) -> Vec<String> {
    let pod = participant.status.as_ref().and_then(|status| status.pod.as_ref());
    let ready = condition(participant, ParticipantCondition::Ready);
    vec![
        participant.name_any(),
        phase(participant),
        ready.map(|ready| ready.status.clone()).unwrap_or_default(),
        invitation(participant).unwrap_or_default().to_owned(),
        pod.map(|pod| pod.name.clone()).unwrap_or_default(),
        participant.creation_timestamp().map(|created| age(created.0, now)).unwrap_or_default(),
    ]
}

/// Under `WIDE`.
pub fn wide(participant: &VirtualParticipant) -> Vec<String> {
    let status = participant.status.clone().unwrap_or_default();
    vec![
        status.pod.and_then(|pod| pod.node).unwrap_or_default(),
        status.session.and_then(|session| session.participant_id).unwrap_or_default(),
        status.last_session.map(|session| session.outcome).unwrap_or_default(),
        reason(participant),
    ]
}

/// Of the first thing that is wrong, or why it is ready or not.
fn reason(participant: &VirtualParticipant) -> String {
    let failing = participant.status.iter().flat_map(|status| &status.failing);
    let wrong = failing.into_iter().find_map(|type_| named(participant, type_));
    let told = wrong.or_else(|| condition(participant, ParticipantCondition::Ready));
    told.map(|condition| condition.reason.clone()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::standing::tests::{ada, conditions, invited};
    use serde_json::json;

    #[test]
    fn a_row_tells_of_the_invitation_and_the_pod() {
        let at = "2026-01-01T00:00:00Z";
        let published = ada(
            &invited("show-42"),
            &json!({
                "phase": "Published",
                "conditions": conditions(&[("Ready", "True", "AllReady"), ("InputsReady", "False", "SourceFailed")]),
                "failing": ["InputsReady"],
                "pod": {"name": "ada-1", "node": "node-1", "attempt": 1},
                "session": {"invitationId": "show-42", "participantId": "Zx9", "invitedAt": at},
                "lastSession": {"invitationId": "a", "outcome": "Kicked", "message": "", "endedAt": at}
            }),
        );
        let now = "2026-01-01T00:01:30Z".parse().unwrap();
        assert_eq!(row(&published, now), ["ada", "Published", "True", "show-42", "ada-1", "90s"]);
        assert_eq!(wide(&published), ["node-1", "Zx9", "Kicked", "SourceFailed"]);
        assert_eq!((HEAD.len(), WIDE.len()), (row(&published, now).len(), wide(&published).len()));
    }

    #[test]
    fn nothing_is_made_up_of_what_nobody_has_looked_at() {
        let new = ada(&json!({}), &json!(null));
        let now = "2026-01-01T00:00:00Z".parse().unwrap();
        assert_eq!(row(&new, now), ["ada", "Pending", "", "", "", "0s"]);
        assert_eq!(wide(&new), ["", "", "", ""]);
    }
}
