//! What each condition of a participant says. Pure.

use crate::capability;
use crate::condition::{Verdict, shorten};
use crate::control::convert;
use crate::participant::report::Observed;
use crate::participant::rest::Rest;
use crate::provide::observe::{Life, PodFacts};
use crate::serving::{self, no_pod};
use understudy_crds::condition::{ParticipantCondition as Type, Truth};
use understudy_crds::v1alpha1::RestReason;
use understudy_proto::v1::{Part, Refusal, Report};

/// Together they make Ready. A source that stalls or fails is not what the participant is described to be: it is not Ready,
/// though its pod and its page go on. One that waits for a publisher, is paused or has ended is as it was asked for.
const PARTS: [Type; 4] = [Type::RuntimeReady, Type::DevicesReady, Type::PageReady, Type::InputsReady];
/// Those that only the session can know.
const TOLD: [Type; 3] = [Type::DevicesReady, Type::PageReady, Type::InputsReady];
/// Those that can be wrong, the cause before what follows from it.
pub(super) const CAUSES: [Type; 6] = [
    Type::Accepted,
    Type::PodScheduled,
    Type::RuntimeReady,
    Type::DevicesReady,
    Type::PageReady,
    Type::InputsReady,
];
/// Verdicts on the way to a status, each with the generation of the spec that it is about.
pub(super) struct Verdicts(pub(super) Vec<(Type, Verdict, i64)>);

impl Verdicts {
    fn of(&self, type_: Type) -> Option<&Verdict> {
        self.0.iter().find(|(other, ..)| *other == type_).map(|(_, verdict, _)| verdict)
    }

    pub(super) fn is_true(&self, type_: Type) -> bool {
        self.of(type_).is_some_and(|verdict| verdict.truth == Truth::True)
    }

    fn fails(&self, type_: Type) -> bool {
        self.of(type_).is_some_and(Verdict::is_failure)
    }

    /// The first failure.
    pub(super) fn cause(&self, causes: &[Type]) -> Option<(Type, &Verdict)> {
        let type_ = *causes.iter().find(|type_| self.fails(**type_))?;
        Some((type_, self.of(type_)?))
    }
}

/// All but those of its invitation, and those that follow from others.
pub(super) fn verdicts(observed: &Observed<'_>) -> Verdicts {
    let now = observed.generation();
    let mut verdicts = vec![
        (Type::Accepted, observed.serving().accepted(), now),
        (Type::PodScheduled, scheduled(observed), now),
        (Type::RuntimeReady, runtime(observed), now),
    ];
    verdicts.extend(TOLD.map(|type_| {
        let (verdict, generation) = told(observed, type_);
        (type_, verdict, generation)
    }));
    Verdicts(verdicts)
}

fn scheduled(observed: &Observed<'_>) -> Verdict {
    let overstays = |pod: &PodFacts| matches!(pod.life, Life::Ending { until, .. } if until <= observed.now);
    match resting(observed) {
        Some(resting) if !observed.pod.as_ref().is_some_and(overstays) => resting,
        _ => observed.serving().scheduled(),
    }
}

/// Nobody has a use for it: there is no pod, or it is about to end. Since when stays true whatever the limits are by now.
fn resting(observed: &Observed<'_>) -> Option<Verdict> {
    let Rest::Resting { since, reason } = observed.rest() else { return None };
    let (reason, why) = match reason {
        RestReason::Finished => (
            "Finished",
            format!("its last invitation has ended, and nobody has had a use for it since {since}"),
        ),
        RestReason::Idle | RestReason::Unknown => {
            ("Idle", format!("nobody has had a use for it since {since}"))
        }
    };
    let back = "an invitation, a livestream, or another page or input brings its pod back";
    Some(Verdict::not_yet(reason, &format!("{why}: {back}")))
}

fn runtime(observed: &Observed<'_>) -> Verdict {
    resting(observed).unwrap_or_else(|| observed.serving().runtime())
}

/// What only the session can know, and the generation of the spec that it is about.
fn told(observed: &Observed<'_>, type_: Type) -> (Verdict, i64) {
    let now = observed.generation();
    if let Some(resting) = resting(observed) {
        return (resting, now);
    }
    if observed.pod.is_none() {
        return (no_pod(), now);
    }
    if let Some(problem) = observed.problems.iter().find(|problem| problem.condition == type_) {
        return (Verdict::wrong(problem.reason, &problem.message), now);
    }
    if let Some(verdict) = unsupported(observed, type_) {
        return (verdict, now);
    }
    observed.serving().told(type_.as_str(), now, |answer| answered(answer, type_))
}

fn unsupported(observed: &Observed<'_>, type_: Type) -> Option<Verdict> {
    let spec = &observed.participant.spec;
    let needed = match type_ {
        Type::InputsReady => spec.inputs.as_ref().map(capability::of_inputs),
        Type::PageReady => spec.sharing.as_ref().map(capability::of_sharing),
        _ => None,
    };
    capability::missing(&needed?, &observed.view.facts()?.capabilities)
}

fn answered(answer: &Report, type_: Type) -> Verdict {
    let refused = answer.refusals.iter().find(|refusal| concerns(refusal) == Some(type_));
    refused.map_or_else(|| serving::said(answer, type_.as_str()), rejected)
}

pub(super) fn ready(observed: &Observed<'_>, verdicts: &Verdicts) -> Verdict {
    if observed.is_deleted() {
        return Verdict::not_yet("Terminating", "the participant is being deleted");
    }
    if let Some(refusal) = observed.refusal(Part::Session) {
        return rejected(refusal);
    }
    let Some(missing) = PARTS.into_iter().find(|type_| !verdicts.is_true(*type_)) else {
        return Verdict::yes("AllReady");
    };
    let missing = verdicts.of(missing).map(|verdict| (missing, verdict));
    // A pod that runs is not troubled by what its successor could not have.
    let causes = CAUSES.iter().copied().filter(|type_| observed.pod.is_none() || *type_ != Type::Accepted);
    let cause = verdicts.cause(&causes.collect::<Vec<_>>());
    let Some((type_, verdict)) = cause.or(missing) else { return no_pod() };
    let message = shorten(&format!("{}: {}", type_.as_str(), verdict.message));
    // What a session that is not heard of was before, it may be still.
    let lost = type_ == Type::RuntimeReady && verdict.truth == Truth::Unknown;
    Verdict { truth: if lost { Truth::Unknown } else { Truth::False }, message, ..verdict.clone() }
}

/// The generation of the spec that Ready is about: what it sums up is at least as new.
pub(super) fn about(observed: &Observed<'_>, verdicts: &Verdicts) -> i64 {
    let parts =
        verdicts.0.iter().filter(|(type_, ..)| TOLD.contains(type_)).map(|(.., generation)| *generation);
    match observed.is_answered() {
        true => observed.generation(),
        false => parts.min().unwrap_or_default(),
    }
}

fn rejected(refusal: &Refusal) -> Verdict {
    Verdict::wrong("Rejected", &format!("{}: {}", convert::field(&refusal.field_path), refusal.reason))
}

/// The condition that a refused field belongs to.
fn concerns(refusal: &Refusal) -> Option<Type> {
    match (refusal.part(), refusal.field_path.split('.').next()?) {
        (Part::Session, "page" | "sharing") => Some(Type::PageReady),
        (Part::Session, "inputs") => Some(Type::InputsReady),
        _ => None,
    }
}
