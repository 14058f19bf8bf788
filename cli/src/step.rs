//! How far an invitation has come, and whether that is where somebody waits for it to be. Pure.

use crate::args::Goal;
use crate::standing::{condition, invitation, phase, reason};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use understudy_client::standing::settled;
use understudy_crds::condition::ParticipantCondition as Type;
use understudy_crds::v1alpha1::VirtualParticipant;

/// What is told of a participant that somebody waits for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// Its phase, and the reason of what it comes to next.
    pub told: String,
    /// Whether to go on waiting.
    pub verdict: Verdict,
}

/// Whether to go on waiting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is on its way.
    Waits,
    /// It is there.
    Reached,
    /// It will not come there as things are: why.
    Failed(String),
}

/// How far the invitation `id` has come. `None`: there is no such participant any more.
pub fn step(participant: Option<&VirtualParticipant>, id: &str, goal: Goal) -> Step {
    let Some(participant) = participant else {
        let why = "the participant was deleted".to_owned();
        return Step { told: why.clone(), verdict: Verdict::Failed(why) };
    };
    let told = match next(participant, goal) {
        Some(next) => format!("{} ({})", phase(participant), reason(next)),
        None => phase(participant),
    };
    Step { told, verdict: verdict(participant, id, goal) }
}

/// What became of the invitation `id`, once the participant is on its stage no more. `asked`: the generation of the spec without
/// it.
pub fn left(participant: &VirtualParticipant, id: &str, asked: Option<i64>) -> Option<String> {
    let status = participant.status.as_ref()?;
    if status.session.as_ref().is_some_and(|session| session.invitation_id == id) {
        return None;
    }
    let is_answered = status.observed_generation >= asked;
    match settled(participant, id) {
        Some(_) => Some(outcome(participant, id)),
        None if is_answered => Some("it was on no stage".to_owned()),
        None => None,
    }
}

fn verdict(participant: &VirtualParticipant, id: &str, goal: Goal) -> Verdict {
    if settled(participant, id).is_some() {
        return Verdict::Failed(format!(
            "the invitation {id} has come to its end: {}",
            outcome(participant, id)
        ));
    }
    let desired = participant.spec.invitation.as_ref();
    if desired.is_none_or(|desired| desired.id != id) {
        return Verdict::Failed(format!("the invitation {id} was taken away"));
    }
    if let Some(stalled) = condition(participant, Type::Stalled).filter(|stalled| stalled.status == "True") {
        return Verdict::Failed(format!("the participant cannot become ready: {}", reason(stalled)));
    }
    if invitation(participant) != Some(id) {
        return Verdict::Waits; // it leaves another stage first, and what is said is about that one
    }
    if condition(participant, last(goal)).is_some_and(|reached| reached.status == "True")
        && is_told(participant)
    {
        return Verdict::Reached;
    }
    match failing(participant, goal) {
        Some(wrong) => {
            let said = format!("{} is {}: {}", wrong.type_, wrong.status, reason(wrong));
            Verdict::Failed(said + "; the invitation stands, and is tried again")
        }
        None => Verdict::Waits,
    }
}

/// Whether the status is about this invitation, which somebody may just have written.
fn is_told(participant: &VirtualParticipant) -> bool {
    participant.status.as_ref().is_some_and(|status| status.session.is_some())
}

/// The first of the steps to there that is not made because something is wrong. Whoever says that something is not so says whether
/// it is wrong: `status.failing`.
fn failing(participant: &VirtualParticipant, goal: Goal) -> Option<&Condition> {
    let wrong = &participant.status.as_ref().filter(|_| is_told(participant))?.failing;
    let types = steps(goal).iter().filter(|type_| wrong.iter().any(|wrong| wrong == type_.as_str()));
    types.filter_map(|type_| condition(participant, *type_)).next()
}

/// The first thing that is not so yet.
fn next(participant: &VirtualParticipant, goal: Goal) -> Option<&Condition> {
    let is_open =
        |type_: &Type| condition(participant, *type_).filter(|condition| condition.status != "True");
    let steps = || steps(goal).iter().find_map(is_open);
    is_open(&Type::Ready).filter(|_| !is_told(participant)).or_else(steps)
}

fn last(goal: Goal) -> Type {
    match goal {
        Goal::Invited => Type::Invited,
        Goal::Connected => Type::Connected,
        Goal::Published => Type::Published,
    }
}

/// The conditions on the way there.
fn steps(goal: Goal) -> &'static [Type] {
    match goal {
        Goal::Invited => &[Type::Invited],
        Goal::Connected => &[Type::Invited, Type::Connected],
        Goal::Published => &[Type::Invited, Type::Connected, Type::Published],
    }
}

/// With its message, if it is the last one that came to its end.
fn outcome(participant: &VirtualParticipant, id: &str) -> String {
    let status = participant.status.as_ref();
    let last = status.and_then(|status| status.last_session.as_ref()).filter(|last| last.invitation_id == id);
    match last {
        Some(last) if !last.message.is_empty() => format!("{}: {}", last.outcome, last.message),
        _ => settled(participant, id).unwrap_or_default().to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::standing::tests::{ada, conditions, invited};
    use serde_json::{Value, json};

    const AT: &str = "2026-01-01T00:00:00Z";

    /// A status of a participant that carries out the invitation of that id.
    fn status(id: &str, phase: &str, said: &[(&str, &str, &str)], failing: &[&str]) -> Value {
        json!({
            "phase": phase, "conditions": conditions(said), "failing": failing,
            "session": {"invitationId": id, "invitedAt": AT}
        })
    }

    fn ended(outcome: &str) -> Value {
        json!({
            "phase": "Available", "observedGeneration": 2,
            "settledInvitations": [{"id": "a", "outcome": outcome, "at": AT}],
            "lastSession": {"invitationId": "a", "outcome": outcome, "message": "its time is over", "endedAt": AT}
        })
    }

    fn seen(spec: &Value, status: &Value, goal: Goal) -> Verdict {
        step(Some(&ada(spec, status)), "a", goal).verdict
    }

    #[test]
    fn each_step_is_told_with_what_comes_next() {
        let joining = [
            ("Ready", "True", "AllReady"),
            ("Invited", "True", "Accepted"),
            ("Connected", "False", "Joining"),
        ];
        let told = |status: &Value| step(Some(&ada(&invited("a"), status)), "a", Goal::Published).told;
        assert_eq!(told(&status("a", "Invited", &joining, &[])), "Invited (Joining: in words of Joining)");
        let new = json!({"conditions": conditions(&[("Ready", "Unknown", "Pending")])});
        assert_eq!(told(&new), "Pending (Pending: in words of Pending)");
        let published = [("Invited", "True", "A"), ("Connected", "True", "B"), ("Published", "True", "C")];
        assert_eq!(told(&status("a", "Published", &published, &[])), "Published");
    }

    #[test]
    fn whoever_is_where_it_was_waited_for_is_there() {
        let connected =
            [("Invited", "True", "A"), ("Connected", "True", "B"), ("Published", "False", "Awaiting")];
        let connected = status("a", "Connected", &connected, &[]);
        let reached = |goal| seen(&invited("a"), &connected, goal);
        assert_eq!(reached(Goal::Invited), Verdict::Reached);
        assert_eq!(reached(Goal::Connected), Verdict::Reached);
        assert_eq!(reached(Goal::Published), Verdict::Waits);
    }

    #[test]
    fn what_is_said_of_another_stage_is_nothing_of_this_one() {
        let other =
            status("b", "Leaving", &[("Published", "True", "A"), ("Invited", "False", "B")], &["Invited"]);
        assert_eq!(seen(&invited("a"), &other, Goal::Published), Verdict::Waits);
        let old = json!({"conditions": conditions(&[("Published", "True", "A")]), "failing": ["Connected"]});
        assert_eq!(seen(&invited("a"), &old, Goal::Published), Verdict::Waits);
    }

    #[test]
    fn what_is_wrong_ends_a_wait_with_the_words_of_its_condition() {
        let said = [("Invited", "True", "A"), ("Connected", "False", "StageForbidden")];
        let refused = status("a", "Invited", &said, &["Connected"]);
        let words = "Connected is False: StageForbidden: in words of StageForbidden; the invitation stands, and is tried again";
        assert_eq!(seen(&invited("a"), &refused, Goal::Published), Verdict::Failed(words.into()));
        assert_eq!(seen(&invited("a"), &refused, Goal::Invited), Verdict::Reached);
        assert_eq!(seen(&invited("a"), &status("a", "Invited", &said, &[]), Goal::Published), Verdict::Waits);
        let stalled = json!({"conditions": conditions(&[("Stalled", "True", "ProfileNotFound")])});
        let Verdict::Failed(why) = seen(&invited("a"), &stalled, Goal::Invited) else { panic!("it waits") };
        assert!(why.contains("ProfileNotFound"), "{why}");
    }

    #[test]
    fn what_has_come_to_its_end_ends_a_wait() {
        let failed = |why: &str| Verdict::Failed(why.to_owned());
        let words = "the invitation a has come to its end: Expired: its time is over";
        assert_eq!(seen(&invited("a"), &ended("Expired"), Goal::Invited), failed(words));
        let away = failed("the invitation a was taken away");
        assert_eq!(seen(&json!({}), &json!({}), Goal::Invited), away);
        assert_eq!(seen(&invited("b"), &json!({}), Goal::Invited), away);
        assert_eq!(step(None, "a", Goal::Invited).verdict, failed("the participant was deleted"));
    }

    #[test]
    fn who_was_kicked_has_left_once_the_status_says_so() {
        let told = |status: &Value| left(&ada(&json!({}), status), "a", Some(2));
        assert_eq!(told(&json!(null)), None);
        assert_eq!(told(&status("a", "Leaving", &[], &[])), None);
        assert_eq!(told(&ended("Kicked")), Some("Kicked: its time is over".into()));
        assert_eq!(told(&json!({"observedGeneration": 1})), None, "nobody has seen the kick yet");
        assert_eq!(told(&json!({"observedGeneration": 2})), Some("it was on no stage".into()));
    }
}
