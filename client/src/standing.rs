//! How a participant stands to invitations, from its own object. Pure.

use crate::refusal::Refusal;
use std::borrow::Borrow;
use std::sync::Arc;
use understudy_crds::condition::ParticipantCondition;
use understudy_crds::v1alpha1::{ParticipantPhase, Stage, VirtualParticipant};

/// How it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It is ready, or would be if somebody had a use for it, and has no invitation.
    Free,
    /// It has this one.
    Invited(String),
    /// It has none any more, and still leaves the stage of this one.
    Leaving(String),
    /// It has none, and is not ready, or is being deleted.
    Unready,
}

/// How the participant stands. An invitation that has come to its end holds nobody.
pub fn standing(participant: &VirtualParticipant) -> Standing {
    let is_going = participant.metadata.deletion_timestamp.is_some();
    match (held(participant), carried_out(participant)) {
        (Some(id), _) => Standing::Invited(id.to_owned()),
        (None, Some(id)) => Standing::Leaving(id.to_owned()),
        (None, None) if is_going || !(is_ready(participant) || is_resting(participant)) => Standing::Unready,
        (None, None) => Standing::Free,
    }
}

/// The invitation that the participant has, unless it has come to its end.
pub fn held(participant: &VirtualParticipant) -> Option<&str> {
    let id = participant.spec.invitation.as_ref()?.id.as_str();
    settled(participant, id).is_none().then_some(id)
}

/// The invitation that the participant carries out, or still leaves the stage of.
pub fn carried_out(participant: &VirtualParticipant) -> Option<&str> {
    let session = participant.status.as_ref()?.session.as_ref()?;
    Some(&session.invitation_id)
}

/// How that invitation came to its end, if it did.
pub fn settled<'a>(participant: &'a VirtualParticipant, id: &str) -> Option<&'a str> {
    let all = participant.status.iter().flat_map(|status| &status.settled_invitations);
    all.rev().find(|settled| settled.id == id).map(|settled| settled.outcome.as_str())
}

/// What a participant that is to have an invitation says to that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// It can have it.
    Free,
    /// It has it already.
    Has,
}

/// Whether a participant can have the invitation `id` to that stage. One that is not ready can: it carries it out once it is.
pub fn fits(participant: &VirtualParticipant, id: &str, stage: &Stage) -> Result<Answer, Refusal> {
    if let Some(outcome) = settled(participant, id) {
        return Err(Refusal::Settled { id: id.to_owned(), outcome: outcome.to_owned() });
    }
    let holds = held(participant);
    if holds != Some(id) && carried_out(participant) == Some(id) {
        // It was taken away, and is being left.
        return Err(Refusal::Settled { id: id.to_owned(), outcome: "Kicked".into() });
    }
    match (&participant.spec.invitation, holds) {
        (Some(invitation), Some(holds)) if holds == id => {
            if is_same(&invitation.stage, stage) {
                Ok(Answer::Has)
            } else {
                Err(Refusal::OtherStage(id.to_owned()))
            }
        }
        (_, Some(holds)) => {
            let participant = participant.metadata.name.clone().unwrap_or_default();
            Err(Refusal::Held { participant, holds: holds.to_owned() })
        }
        (_, None) => Ok(Answer::Free),
    }
}

/// Of an IVS stage nothing is known but where its token stands.
fn is_same(one: &Stage, other: &Stage) -> bool {
    let whip = |stage: &Stage| stage.whip.as_ref().map(|whip| whip.url.clone());
    let page = |stage: &Stage| stage.page.as_ref().map(|page| page.url.clone());
    whip(one) == whip(other) && page(one) == page(other) && one.ivs.is_some() == other.ivs.is_some()
}

/// Whoever of these has that invitation, or had it.
pub fn holder<'a, P: Borrow<VirtualParticipant>>(all: &'a [P], id: &str) -> Option<&'a P> {
    let has = |participant: &VirtualParticipant| {
        let desired = participant.spec.invitation.as_ref();
        desired.is_some_and(|invitation| invitation.id == id) || carried_out(participant) == Some(id)
    };
    let had = |participant: &VirtualParticipant| settled(participant, id).is_some();
    all.iter().find(|one| has((*one).borrow())).or_else(|| all.iter().find(|one| had((*one).borrow())))
}

/// Those that are free; none: why.
pub fn free(matching: &[Arc<VirtualParticipant>]) -> Result<Vec<Arc<VirtualParticipant>>, Refusal> {
    let (mut free, mut invited, mut unready) = (Vec::new(), 0, 0);
    for participant in matching {
        match standing(participant) {
            Standing::Free => free.push(Arc::clone(participant)),
            Standing::Invited(_) | Standing::Leaving(_) => invited += 1,
            Standing::Unready => unready += 1,
        }
    }
    match free.is_empty() {
        true => Err(Refusal::NoneFree { matching: matching.len(), invited, unready }),
        false => Ok(free),
    }
}

/// Those that have a pod come before those that need one first, and are in the order that they were in.
pub fn sort_resting_last(free: &mut [Arc<VirtualParticipant>]) {
    free.sort_by_key(|one| is_resting(one));
}

/// Whether its pod was removed because nobody had a use for it: an invitation brings it back.
pub fn is_resting(participant: &VirtualParticipant) -> bool {
    let phase = participant.status.as_ref().and_then(|status| status.phase);
    matches!(phase, Some(ParticipantPhase::Idle | ParticipantPhase::Completed))
}

/// Whether all is well with it, but for its stage.
pub fn is_ready(participant: &VirtualParticipant) -> bool {
    let ready = ParticipantCondition::Ready.as_str();
    let mut conditions = participant.status.iter().flat_map(|status| &status.conditions);
    conditions.any(|condition| condition.type_ == ready && condition.status == "True")
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use serde_json::{Value, json};

    pub(crate) fn participant(spec: &Value, status: &Value) -> VirtualParticipant {
        serde_json::from_value(json!({
            "apiVersion": "understudy.dev/v1alpha1", "kind": "VirtualParticipant",
            "metadata": {"name": "ada", "namespace": "demo"}, "spec": spec, "status": status
        }))
        .unwrap()
    }

    fn invited(id: &str) -> Value {
        let stage = json!({"whip": {"url": "https://stage.example/whip"}});
        json!({"invitation": {"id": id, "joinBefore": "2100-01-01T00:00:00Z", "stage": stage}})
    }

    fn status(ready: &str, session: Option<&str>, settled: &[&str]) -> Value {
        let at = "2026-01-01T00:00:00Z";
        let condition = json!({
            "type": "Ready", "status": ready, "reason": "R", "message": "", "lastTransitionTime": at
        });
        let settled = settled.iter().map(|id| json!({"id": id, "outcome": "Kicked", "at": at}));
        let mut status =
            json!({"conditions": [condition], "settledInvitations": settled.collect::<Vec<_>>()});
        if let Some(id) = session {
            status["session"] = json!({"invitationId": id, "invitedAt": at});
        }
        status
    }

    #[test]
    fn who_is_ready_and_has_no_invitation_is_free() {
        let (none, a) = (json!({}), invited("a"));
        for (spec, status, expected) in [
            (&none, status("True", None, &[]), Standing::Free),
            (&none, status("True", None, &["a"]), Standing::Free),
            (&none, status("False", None, &[]), Standing::Unready),
            (&none, json!({}), Standing::Unready),
            (&none, status("True", Some("a"), &[]), Standing::Leaving("a".into())),
            (&a, status("True", None, &[]), Standing::Invited("a".into())),
            (&a, status("True", Some("a"), &[]), Standing::Invited("a".into())),
            (&a, status("True", None, &["a"]), Standing::Free),
            (&a, status("True", Some("a"), &["a"]), Standing::Leaving("a".into())),
        ] {
            assert_eq!(standing(&participant(spec, &status)), expected, "{spec} {status}");
        }
        let mut going = participant(&none, &status("True", None, &[]));
        going.metadata.deletion_timestamp = serde_json::from_value(json!("2026-01-01T00:00:00Z")).unwrap();
        assert_eq!(standing(&going), Standing::Unready);
    }

    #[test]
    fn who_rests_is_free_and_comes_after_all_who_do_not() {
        for phase in ["Idle", "Completed"] {
            let mut resting = status("False", None, &[]);
            resting["phase"] = json!(phase);
            let resting = Arc::new(participant(&json!({}), &resting));
            let ready = Arc::new(participant(&json!({}), &status("True", None, &[])));
            let all = [&resting, &ready, &resting, &ready].map(Arc::clone);
            let mut free = free(&all).unwrap();
            sort_resting_last(&mut free);
            assert_eq!(
                free.iter().map(|one| is_resting(one)).collect::<Vec<_>>(),
                [false, false, true, true]
            );
            let asked = VirtualParticipant {
                spec: serde_json::from_value(invited("a")).unwrap(),
                ..(*resting).clone()
            };
            assert_eq!(standing(&asked), Standing::Invited("a".into()));
        }
    }

    #[test]
    fn one_invitation_at_a_time_and_each_once() {
        let stage = |url: &str| serde_json::from_value(json!({"whip": {"url": url}})).unwrap();
        let (ours, other): (Stage, Stage) = (stage("https://stage.example/whip"), stage("https://b/"));
        let answer = |spec: &Value, settled: &[&str], stage: &Stage| {
            let participant = participant(spec, &status("False", None, settled));
            fits(&participant, "a", stage).map_err(|refusal| refusal.to_string())
        };
        assert_eq!(answer(&json!({}), &[], &ours), Ok(Answer::Free));
        assert_eq!(answer(&invited("b"), &["b"], &ours), Ok(Answer::Free));
        assert_eq!(answer(&invited("a"), &[], &ours), Ok(Answer::Has));
        assert!(answer(&invited("a"), &[], &other).unwrap_err().contains("to another stage"));
        assert!(answer(&invited("b"), &[], &ours).unwrap_err().contains("invited already, as b"));
        let leaving = participant(&json!({}), &status("True", Some("a"), &[]));
        assert!(fits(&leaving, "a", &ours).unwrap_err().to_string().contains("come to its end"));
        assert!(answer(&invited("a"), &["a"], &ours).unwrap_err().contains("come to its end (Kicked)"));
    }

    #[test]
    fn who_finds_none_is_told_what_they_are_busy_with() {
        let all = [
            participant(&invited("a"), &status("True", None, &[])),
            participant(&json!({}), &status("True", Some("b"), &[])),
            participant(&json!({}), &status("False", None, &[])),
        ];
        let all = all.map(Arc::new);
        let refused = free(&all).unwrap_err().to_string();
        assert_eq!(refused, "no participant is available: 3 match, of which 2 are invited and 1 not ready");
    }
}
