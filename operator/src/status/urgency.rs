//! Which changes of a status somebody may be waiting for. Pure.

use crate::condition::Said;
use crate::status::Reported;

/// Both kinds have it: what the others come to.
const READY: &str = "Ready";
/// Viewers come and go, by the second if they like.
const ACTIVE: &str = "Active";
/// On the way to the one, the other is passed through.
const CONNECTED: &str = "Connected";
const PUBLISHED: &str = "Published";
/// What people and their tools wait for (`kubectl wait --for=condition=…`). Others are steps on the way to these.
const AWAITED: [&str; 5] = [READY, "Stalled", "Invited", CONNECTED, PUBLISHED];

/// When a status is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Urgency {
    /// At once.
    Now,
    /// At once, unless it comes and goes.
    Recovery,
    /// At once, unless it comes and goes; nothing is wrong either way.
    Viewers,
    /// Together with what follows, if that does at once.
    Step,
    /// Together with what follows, if something does soon.
    CanWait,
}

/// The first status, another phase, a failure, and whatever happens to what is waited for are written at once. That all is
/// well again is known by Ready of the same spec.
pub(super) fn urgency<K: Reported>(before: Option<&K::Status>, after: &K::Status) -> Urgency {
    let Some(before) = before else { return Urgency::Now };
    let (was, is) = (K::said(before), K::said(after));
    if K::settles(before, after) {
        return Urgency::Now;
    }
    if recovers(was, is) {
        return Urgency::Recovery;
    }
    if is_passing(was, is) {
        return Urgency::CanWait;
    }
    if is_step(was, is) {
        return Urgency::Step;
    }
    if !K::same_phase(before, after)
        || is.conditions.iter().any(|condition| is_urgent(was, is, &condition.type_))
    {
        return Urgency::Now;
    }
    if status(was, ACTIVE) != status(is, ACTIVE) {
        return Urgency::Viewers;
    }
    Urgency::CanWait
}

fn status<'a>(said: Said<'a>, type_: &str) -> Option<(&'a str, Option<i64>)> {
    said.find(type_).map(|condition| (condition.status.as_str(), condition.observed_generation))
}

fn recovers(before: Said<'_>, after: Said<'_>) -> bool {
    let (Some((_, was)), Some((is, about))) = (status(before, READY), status(after, READY)) else {
        return false;
    };
    let fails_anew = after.failing.iter().any(|type_| !before.fails(type_));
    before.fails(READY) && is == "True" && was == about && !fails_anew
}

/// Nothing failed and the spec is the same, but something begins anew, as a source that was replaced: most often it is well
/// again before anybody could act.
fn is_passing(before: Said<'_>, after: Said<'_>) -> bool {
    let (Some((was, of)), Some((is, about))) = (status(before, READY), status(after, READY)) else {
        return false;
    };
    was == "True" && is == "False" && of == about && after.failing.is_empty()
}

/// It has a way to its stage, and nothing else that anybody waits for is new: most often its media arrives there at once. Where media
/// arrived before, that it does no more is bad news.
fn is_step(before: Said<'_>, after: Said<'_>) -> bool {
    let truth = |said, type_| status(said, type_).map(|(truth, _)| truth);
    let connects = truth(before, CONNECTED) != Some("True") && truth(after, CONNECTED) == Some("True");
    let others = AWAITED.iter().filter(|type_| ![CONNECTED, PUBLISHED].contains(type_));
    connects
        && truth(before, PUBLISHED) != Some("True")
        && truth(after, PUBLISHED) != Some("True")
        && others.into_iter().all(|type_| status(before, type_) == status(after, type_))
        && after.failing.iter().all(|type_| before.fails(type_))
}

fn is_urgent(before: Said<'_>, after: Said<'_>, type_: &str) -> bool {
    let fails = after.fails(type_) && !before.fails(type_);
    let answered = status(before, type_) != status(after, type_);
    fails || before.find(type_).is_none() || (AWAITED.contains(&type_) && answered)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::condition::{Verdict, condition, failing};
    use jiff::Timestamp;
    use understudy_crds::v1alpha1::{
        Livestream, LivestreamPhase, LivestreamStatus, ParticipantPhase, VirtualParticipant,
        VirtualParticipantStatus,
    };

    fn said(type_: &'static str, verdict: &Verdict, generation: i64) -> VirtualParticipantStatus {
        let printed = condition(Said::default(), type_, verdict, generation, Timestamp::UNIX_EPOCH);
        VirtualParticipantStatus {
            phase: Some(ParticipantPhase::Provisioning),
            conditions: vec![printed],
            failing: failing([(type_, verdict)]),
            ..VirtualParticipantStatus::default()
        }
    }

    fn change(type_: &'static str, before: &Verdict, after: &Verdict) -> Urgency {
        urgency::<VirtualParticipant>(Some(&said(type_, before, 1)), &said(type_, after, 1))
    }

    #[test]
    fn a_step_on_the_way_can_wait() {
        let (no, yes) = (Verdict::unknown("Starting", ""), Verdict::yes("Up"));
        assert_eq!(change("PodScheduled", &no, &yes), Urgency::CanWait);
        assert_eq!(change("PageReady", &no, &Verdict::not_yet("Loading", "")), Urgency::CanWait);
    }

    #[test]
    fn a_failure_and_the_outcome_cannot() {
        let (no, yes) = (Verdict::wrong("Broken", ""), Verdict::yes("Up"));
        assert_eq!(change("PageReady", &yes, &no), Urgency::Now);
        assert_eq!(change("Ready", &yes, &no), Urgency::Now);
    }

    #[test]
    fn to_be_well_again_is_a_recovery() {
        let (no, yes) = (Verdict::wrong("Broken", ""), Verdict::yes("Up"));
        assert_eq!(change("Ready", &no, &yes), Urgency::Recovery);
        let (before, after) = (said("Ready", &no, 1), said("Ready", &yes, 2));
        let repaired = urgency::<VirtualParticipant>(Some(&before), &after);
        assert_eq!(repaired, Urgency::Now, "a new spec made it well");
    }

    #[test]
    fn what_became_of_an_invitation_never_waits() {
        let (starting, yes) = (Verdict::not_yet("Starting", ""), Verdict::yes("Up"));
        let ended = serde_json::json!({"invitationId": "a", "outcome": "Kicked", "message": "",
            "endedAt": "2026-01-01T00:00:00Z"});
        let ended = serde_json::from_value(ended).unwrap();
        let after = VirtualParticipantStatus { last_session: Some(ended), ..said("Ready", &starting, 1) };
        let before = said("Ready", &yes, 1);
        assert_eq!(urgency::<VirtualParticipant>(Some(&before), &after), Urgency::Now);
    }

    #[test]
    fn that_nobody_has_a_use_for_it_is_no_passing_state() {
        let (resting, yes) = (Verdict::not_yet("Idle", ""), Verdict::yes("Up"));
        let rest = serde_json::json!({"since": "2026-01-01T00:00:00Z", "demandDigest": "", "reason": "Idle"});
        let rest = serde_json::from_value(rest).unwrap();
        let after = VirtualParticipantStatus { rest: Some(rest), ..said("Ready", &resting, 1) };
        let before = said("Ready", &yes, 1);
        assert_eq!(urgency::<VirtualParticipant>(Some(&before), &after), Urgency::Now);
    }

    #[test]
    fn what_only_begins_anew_can_wait_and_is_no_recovery() {
        let (starting, yes) = (Verdict::not_yet("Starting", ""), Verdict::yes("Up"));
        assert_eq!(change("Ready", &yes, &starting), Urgency::CanWait);
        assert_eq!(change("Ready", &starting, &yes), Urgency::Now);
        let (before, after) = (said("Ready", &yes, 1), said("Ready", &starting, 2));
        assert_eq!(urgency::<VirtualParticipant>(Some(&before), &after), Urgency::Now, "a new spec's answer");
    }

    #[test]
    fn viewers_who_come_and_go_are_told_as_such() {
        let of = |phase, active: &Verdict| LivestreamStatus {
            phase: Some(phase),
            conditions: vec![condition(Said::default(), "Active", active, 1, Timestamp::UNIX_EPOCH)],
            ..LivestreamStatus::default()
        };
        let ready = of(LivestreamPhase::Ready, &Verdict::not_yet("NoViewers", ""));
        let active = of(LivestreamPhase::Active, &Verdict::yes("Watched"));
        let broken = of(LivestreamPhase::Disrupted, &Verdict::not_yet("NoViewers", ""));
        assert_eq!(urgency::<Livestream>(Some(&ready), &active), Urgency::Viewers);
        assert_eq!(urgency::<Livestream>(Some(&active), &ready), Urgency::Viewers);
        assert_eq!(urgency::<Livestream>(Some(&active), &broken), Urgency::Now);
    }

    #[test]
    fn whatever_somebody_waits_for_cannot_wait() {
        let (no, yes) = (Verdict::not_yet("Joining", ""), Verdict::yes("Joined"));
        for type_ in AWAITED.into_iter().filter(|type_| *type_ != CONNECTED) {
            assert_eq!(change(type_, &no, &yes), Urgency::Now, "{type_}");
        }
        assert_eq!(change(CONNECTED, &no, &yes), Urgency::Step, "Published follows, most often");
        assert_eq!(change(CONNECTED, &yes, &no), Urgency::Now);
    }

    #[test]
    fn that_media_arrives_no_more_is_no_step_whatever_the_way_to_the_stage_does() {
        let (no, yes) = (Verdict::not_yet("Joining", ""), Verdict::yes("Up"));
        let of = |connected: &Verdict, published: &Verdict| {
            let mut both = said(CONNECTED, connected, 1);
            both.conditions.extend(said(PUBLISHED, published, 1).conditions);
            both
        };
        for (before, after, expected) in [
            (of(&no, &no), of(&yes, &no), Urgency::Step),
            (of(&no, &yes), of(&yes, &no), Urgency::Now),
            (of(&no, &no), of(&yes, &yes), Urgency::Now),
        ] {
            assert_eq!(urgency::<VirtualParticipant>(Some(&before), &after), expected, "{before:?}");
        }
    }

    #[test]
    fn an_answer_to_a_new_spec_cannot_wait() {
        let yes = Verdict::yes("Up");
        let (before, after) = (said("Ready", &yes, 1), said("Ready", &yes, 2));
        assert_eq!(urgency::<VirtualParticipant>(Some(&before), &after), Urgency::Now);
    }

    #[test]
    fn the_first_status_cannot_wait() {
        let after = said("Ready", &Verdict::unknown("Starting", ""), 1);
        assert_eq!(urgency::<VirtualParticipant>(None, &after), Urgency::Now);
    }
}
