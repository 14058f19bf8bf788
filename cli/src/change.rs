//! What has changed of a participant, a line each. Pure.

use crate::standing::{invitation, named, phase, reason};
use std::collections::BTreeMap;
use understudy_crds::v1alpha1::VirtualParticipant;

/// What is watched of one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    phase: String,
    invitation: Option<String>,
    /// What is wrong, by the type of its condition: in a word, and in all of them.
    failing: BTreeMap<String, (String, String)>,
}

impl Seen {
    /// As it stands now.
    pub fn of(participant: &VirtualParticipant) -> Self {
        let types = participant.status.iter().flat_map(|status| &status.failing);
        let failing = types.filter_map(|type_| {
            let condition = named(participant, type_)?;
            Some((type_.clone(), (condition.reason.clone(), reason(condition))))
        });
        Self {
            phase: phase(participant),
            invitation: invitation(participant).map(str::to_owned),
            failing: failing.collect(),
        }
    }

    /// What is told of it after `before`; `None`: it is seen for the first time.
    pub fn changes(&self, before: Option<&Self>) -> Vec<String> {
        let mut told = Vec::new();
        if before.is_none_or(|before| (&before.phase, &before.invitation) != (&self.phase, &self.invitation))
        {
            told.push(match &self.invitation {
                Some(id) => format!("{}, invitation {id}", self.phase),
                None => self.phase.clone(),
            });
        }
        let was = |type_: &str| before.and_then(|before| before.failing.get(type_));
        for (type_, (reason, words)) in &self.failing {
            if was(type_).is_none_or(|(was, _)| was != reason) {
                told.push(format!("{type_} fails: {words}"));
            }
        }
        let gone = before.iter().flat_map(|before| before.failing.keys());
        told.extend(
            gone.filter(|type_| !self.failing.contains_key(*type_))
                .map(|type_| format!("{type_} fails no more")),
        );
        told
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::standing::tests::{ada, conditions, invited};
    use serde_json::{Value, json};

    fn seen(spec: &Value, phase: &str, said: &[(&str, &str, &str)]) -> Seen {
        let failing: Vec<&str> = said.iter().map(|(type_, ..)| *type_).collect();
        Seen::of(&ada(spec, &json!({"phase": phase, "conditions": conditions(said), "failing": failing})))
    }

    #[test]
    fn only_what_has_changed_is_told() {
        let free = seen(&json!({}), "Available", &[]);
        assert_eq!(free.changes(None), ["Available"]);
        assert_eq!(free.changes(Some(&free)), Vec::<String>::new());
        let asked = seen(&invited("a"), "Available", &[]);
        assert_eq!(asked.changes(Some(&free)), ["Available, invitation a"]);
        assert_eq!(seen(&invited("a"), "Invited", &[]).changes(Some(&asked)), ["Invited, invitation a"]);
    }

    #[test]
    fn what_is_wrong_is_told_when_it_begins_and_ends_and_is_another_thing() {
        let well = seen(&json!({}), "Available", &[]);
        let lost = seen(&json!({}), "Available", &[("InputsReady", "False", "SourceFailed")]);
        let other = seen(&json!({}), "Available", &[("InputsReady", "False", "SourceStalls")]);
        assert_eq!(lost.changes(Some(&well)), ["InputsReady fails: SourceFailed: in words of SourceFailed"]);
        assert_eq!(other.changes(Some(&lost)), ["InputsReady fails: SourceStalls: in words of SourceStalls"]);
        assert_eq!(well.changes(Some(&other)), ["InputsReady fails no more"]);
    }
}
