//! What stands in the object of a participant, in words. Pure.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use understudy_client::standing::{carried_out, held};
use understudy_crds::condition::ParticipantCondition;
use understudy_crds::v1alpha1::VirtualParticipant;

/// Its phase; nobody has looked at it: `Pending`.
pub fn phase(participant: &VirtualParticipant) -> String {
    let phase = participant.status.as_ref().and_then(|status| status.phase);
    // The names of the variants are the words of the status.
    phase.map_or_else(|| "Pending".to_owned(), |phase| format!("{phase:?}"))
}

/// One of its conditions.
pub fn condition(participant: &VirtualParticipant, type_: ParticipantCondition) -> Option<&Condition> {
    named(participant, type_.as_str())
}

/// The same, of a type that a later version may have added.
pub fn named<'a>(participant: &'a VirtualParticipant, type_: &str) -> Option<&'a Condition> {
    let conditions = participant.status.iter().flat_map(|status| &status.conditions);
    conditions.into_iter().find(|condition| condition.type_ == type_)
}

/// The invitation that it carries out, or is to carry out.
pub fn invitation(participant: &VirtualParticipant) -> Option<&str> {
    carried_out(participant).or_else(|| held(participant))
}

/// `REASON: MESSAGE`, without what is not there.
pub fn reason(condition: &Condition) -> String {
    match condition.message.is_empty() {
        true => condition.reason.clone(),
        false => format!("{}: {}", condition.reason, condition.message),
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use serde_json::{Value, json};

    /// `ada`, with this spec and status.
    pub(crate) fn ada(spec: &Value, status: &Value) -> VirtualParticipant {
        serde_json::from_value(json!({
            "apiVersion": "understudy.dev/v1alpha1", "kind": "VirtualParticipant",
            "metadata": {"name": "ada", "namespace": "demo", "generation": 2, "creationTimestamp": "2026-01-01T00:00:00Z"},
            "spec": spec, "status": status
        }))
        .unwrap()
    }

    /// A spec with an invitation of that id.
    pub(crate) fn invited(id: &str) -> Value {
        let stage = json!({"whip": {"url": "https://stage.example/whip"}});
        json!({"invitation": {"id": id, "joinBefore": "2100-01-01T00:00:00Z", "stage": stage}})
    }

    /// Conditions as (type, status, reason).
    pub(crate) fn conditions(all: &[(&str, &str, &str)]) -> Value {
        let conditions = all.iter().map(|(type_, status, reason)| {
            json!({
                "type": type_, "status": status, "reason": reason, "message": format!("in words of {reason}"),
                "lastTransitionTime": "2026-01-01T00:00:00Z"
            })
        });
        conditions.collect()
    }

    #[test]
    fn nobody_has_looked_at_what_has_no_status() {
        let new = ada(&invited("a"), &Value::Null);
        assert_eq!((phase(&new).as_str(), invitation(&new)), ("Pending", Some("a")));
        assert_eq!(condition(&new, ParticipantCondition::Ready), None);
    }

    #[test]
    fn what_is_carried_out_comes_before_what_is_asked_for() {
        let session = json!({"phase": "Leaving", "session": {"invitationId": "a", "invitedAt": "2026-01-01T00:00:00Z"}});
        let leaving = ada(&invited("b"), &session);
        assert_eq!((phase(&leaving).as_str(), invitation(&leaving)), ("Leaving", Some("a")));
    }
}
