//! Which changes of a status somebody may be waiting for. Pure.

use crate::condition::{find, is_failure};
use crate::status::Reported;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;

/// Both kinds have it: what the others come to.
const READY: &str = "Ready";

/// When a status is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Urgency {
    /// At once.
    Now,
    /// At once, unless it comes and goes.
    Recovery,
    /// Together with what follows, if something does soon.
    CanWait,
}

/// The first status, another phase, a failure, and whatever happens to Ready are written at once. That all is well again is
/// known by Ready of the same spec.
pub(super) fn urgency<K: Reported>(before: Option<&K::Status>, after: &K::Status) -> Urgency {
    let Some(before) = before else { return Urgency::Now };
    if recovers(K::conditions(before), K::conditions(after)) {
        return Urgency::Recovery;
    }
    if is_passing(K::conditions(before), K::conditions(after)) {
        return Urgency::CanWait;
    }
    if !K::same_phase(before, after) {
        return Urgency::Now;
    }
    let before = K::conditions(before);
    if K::conditions(after).iter().any(|condition| is_urgent(find(before, &condition.type_), condition)) {
        return Urgency::Now;
    }
    Urgency::CanWait
}

fn recovers(before: &[Condition], after: &[Condition]) -> bool {
    let (Some(was), Some(is)) = (find(before, READY), find(after, READY)) else { return false };
    let again = is_failure(was) && is.status == "True";
    let failed = after.iter().any(|after| {
        find(before, &after.type_).is_none_or(|before| is_failure(after) && !is_failure(before))
    });
    again && was.observed_generation == is.observed_generation && !failed
}

/// Nothing failed and the spec is the same, but something begins anew, as a source that was replaced: most often it is well
/// again before anybody could act.
fn is_passing(before: &[Condition], after: &[Condition]) -> bool {
    let (Some(was), Some(is)) = (find(before, READY), find(after, READY)) else { return false };
    was.status == "True"
        && is.status == "False"
        && was.observed_generation == is.observed_generation
        && !after.iter().any(is_failure)
}

fn is_urgent(before: Option<&Condition>, after: &Condition) -> bool {
    let Some(before) = before else { return true };
    let failed = is_failure(after) && !is_failure(before);
    let answered = before.status != after.status || before.observed_generation != after.observed_generation;
    failed || (after.type_ == READY && answered)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::condition::{Verdict, condition};
    use jiff::Timestamp;
    use understudy_crds::v1alpha1::{
        Livestream, LivestreamPhase, LivestreamStatus, ParticipantPhase, VirtualParticipant,
        VirtualParticipantStatus,
    };

    fn status(type_: &str, verdict: &Verdict, generation: i64) -> VirtualParticipantStatus {
        VirtualParticipantStatus {
            phase: Some(ParticipantPhase::Provisioning),
            conditions: vec![condition(&[], type_, verdict, generation, Timestamp::UNIX_EPOCH)],
            ..VirtualParticipantStatus::default()
        }
    }

    fn change(type_: &str, before: &Verdict, after: &Verdict) -> Urgency {
        urgency::<VirtualParticipant>(Some(&status(type_, before, 1)), &status(type_, after, 1))
    }

    #[test]
    fn a_step_on_the_way_can_wait() {
        let (no, yes) = (Verdict::unknown("Starting", ""), Verdict::yes("Up"));
        assert_eq!(change("PodScheduled", &no, &yes), Urgency::CanWait);
        assert_eq!(change("PageReady", &no, &Verdict::no("Loading", "")), Urgency::CanWait);
    }

    #[test]
    fn a_failure_and_the_outcome_cannot() {
        let (no, yes) = (Verdict::no("Broken", ""), Verdict::yes("Up"));
        assert_eq!(change("PageReady", &yes, &no), Urgency::Now);
        assert_eq!(change("Ready", &yes, &no), Urgency::Now);
    }

    #[test]
    fn to_be_well_again_is_a_recovery() {
        let (no, yes) = (Verdict::no("Broken", ""), Verdict::yes("Up"));
        assert_eq!(change("Ready", &no, &yes), Urgency::Recovery);
        let (before, after) = (status("Ready", &no, 1), status("Ready", &yes, 2));
        let repaired = urgency::<VirtualParticipant>(Some(&before), &after);
        assert_eq!(repaired, Urgency::Now, "a new spec made it well");
    }

    #[test]
    fn what_only_begins_anew_can_wait_and_is_no_recovery() {
        let (starting, yes) = (Verdict::no("Starting", ""), Verdict::yes("Up"));
        assert_eq!(change("Ready", &yes, &starting), Urgency::CanWait);
        assert_eq!(change("Ready", &starting, &yes), Urgency::Now);
        let (before, after) = (status("Ready", &yes, 1), status("Ready", &starting, 2));
        assert_eq!(urgency::<VirtualParticipant>(Some(&before), &after), Urgency::Now, "a new spec's answer");
    }

    #[test]
    fn viewers_who_come_and_go_can_wait() {
        let phase = |phase| LivestreamStatus { phase: Some(phase), ..LivestreamStatus::default() };
        let (ready, active) = (phase(LivestreamPhase::Ready), phase(LivestreamPhase::Active));
        assert_eq!(urgency::<Livestream>(Some(&ready), &active), Urgency::CanWait);
        assert_eq!(urgency::<Livestream>(Some(&active), &ready), Urgency::CanWait);
        assert_eq!(urgency::<Livestream>(Some(&active), &phase(LivestreamPhase::Disrupted)), Urgency::Now);
    }

    #[test]
    fn an_answer_to_a_new_spec_cannot_wait() {
        let yes = Verdict::yes("Up");
        let (before, after) = (status("Ready", &yes, 1), status("Ready", &yes, 2));
        assert_eq!(urgency::<VirtualParticipant>(Some(&before), &after), Urgency::Now);
    }

    #[test]
    fn the_first_status_cannot_wait() {
        let after = status("Ready", &Verdict::unknown("Starting", ""), 1);
        assert_eq!(urgency::<VirtualParticipant>(None, &after), Urgency::Now);
    }
}
