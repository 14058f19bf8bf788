//! What is to be said of a livestream with a source beside what is said of each: of its pod, and of what is fetched. Pure.

#[cfg(test)]
mod tests;

use crate::condition::{Verdict, shorten};
use crate::control::convert;
use crate::livestream::report::{Fetched, Observed, one_too_many, said};
use crate::names;
use crate::provide::problem::UNUSABLE_SECRET;
use crate::serving::{self, Serving, no_pod};
use kube::ResourceExt;
use understudy_crds::condition::{LivestreamCondition as Type, Truth};
use understudy_crds::v1alpha1::{AccessStatus, PodStatus};
use understudy_proto::v1::{Part, Report};

/// Of its pod and of what is fetched, the cause before what follows from it, each with the generation that it is about; none of
/// one without a source.
pub(super) fn verdicts(observed: &Observed<'_>) -> Vec<(Type, Verdict, i64)> {
    let (now, Some(fetched)) = (observed.generation(), observed.fetched()) else { return Vec::new() };
    let serving = serving(observed, fetched);
    let (inputs, about) = inputs(observed, fetched, &serving);
    vec![
        (Type::Accepted, one_too_many(observed).unwrap_or_else(|| serving.accepted()), now),
        (Type::PodScheduled, serving.scheduled(), now),
        (Type::RuntimeReady, serving.runtime(), now),
        (Type::InputsReady, inputs, about),
    ]
}

fn serving<'a>(observed: &'a Observed<'_>, fetched: &'a Fetched) -> Serving<'a> {
    Serving {
        pod: fetched.pod.as_ref(),
        view: &observed.view,
        problems: &fetched.problems,
        earlier: observed.earlier().map(said),
        now: observed.now,
    }
}

fn inputs(observed: &Observed<'_>, fetched: &Fetched, serving: &Serving<'_>) -> (Verdict, i64) {
    let now = observed.generation();
    if let Some(fault) = fetched.fault.as_ref().filter(|_fault| fetched.is_lost()) {
        return (Verdict::wrong(fault.reason(), &format!("spec.source.urlSecretRef: {fault}")), now);
    }
    if fetched.pod.is_none() {
        return (no_pod(), now);
    }
    let answered = |answer: &Report| {
        let refused = answer.refusals.iter().find(|refusal| refusal.part() == Part::Session);
        let source = observed.livestream.spec.source.as_ref();
        match (refused, source) {
            (Some(refusal), Some(source)) => {
                let field = convert::source_field(&refusal.field_path, source);
                Verdict::wrong("Rejected", &format!("{field}: {}", refusal.reason))
            }
            _ => serving::said(answer, Type::InputsReady.as_str()),
        }
    };
    serving.told(Type::InputsReady.as_str(), now, answered)
}

/// `own`: what is said of the way out. It is ready if what is fetched arrives, too: a pod shows a slate otherwise.
pub(super) fn ready(observed: &Observed<'_>, own: Verdict) -> Verdict {
    let has_pod = observed.fetched().is_some_and(|fetched| fetched.pod.is_some());
    let mut parts = verdicts(observed);
    // A pod that runs is not troubled by what its successor could not have.
    parts.retain(|(type_, ..)| !has_pod || *type_ != Type::Accepted);
    let failed = parts.iter().find(|(_, verdict, _)| verdict.is_failure());
    if failed.is_none() && own.is_failure() {
        return own;
    }
    let missing = failed.or_else(|| parts.iter().find(|(_, verdict, _)| verdict.truth != Truth::True));
    let Some((type_, verdict, _)) = missing else { return own };
    let message = shorten(&format!("{}: {}", type_.as_str(), verdict.message));
    // What a session that is not heard of was before, it may be still.
    let lost = *type_ == Type::RuntimeReady && verdict.truth == Truth::Unknown;
    Verdict { truth: if lost { Truth::Unknown } else { Truth::False }, message, ..verdict.clone() }
}

/// Whether the earlier Ready was about the way out alone: of one with a source it sums up the parts before that, too.
pub(super) fn was_own(observed: &Observed<'_>) -> bool {
    let Some(_fetched) = observed.fetched() else { return true };
    let was_well = |type_| observed.earlier_verdict(type_).is_none_or(|verdict| verdict.truth == Truth::True);
    [Type::PodScheduled, Type::RuntimeReady, Type::InputsReady].into_iter().all(was_well)
}

/// Without a pod the earlier one is kept: its attempt is what the next one counts on from.
pub(super) fn pod(observed: &Observed<'_>) -> Option<PodStatus> {
    let fetched = observed.fetched()?;
    let Some(pod) = &fetched.pod else { return observed.previous.as_ref()?.pod.clone() };
    Some(PodStatus {
        name: pod.name.clone(),
        uid: Some(pod.uid.clone()),
        node: pod.node.clone(),
        attempt: pod.attempt,
        rested_attempt: None,
    })
}

pub(super) fn access(observed: &Observed<'_>) -> Option<AccessStatus> {
    let secret_name = names::livestream_secret(&observed.livestream.name_any());
    let before = observed.previous.as_ref().and_then(|status| status.access.clone());
    let fetched = observed.fetched()?;
    if fetched.problems.iter().any(|problem| problem.reason == UNUSABLE_SECRET) {
        return None;
    }
    if fetched.pod.is_some() { Some(AccessStatus { secret_name }) } else { before }
}
