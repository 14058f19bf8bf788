//! What a livestream's status says. Pure.

use crate::condition::{Verdict, condition, find};
use crate::endpoint;
use crate::link_state::View;
use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::ResourceExt;
use understudy_crds::condition::{LivestreamCondition as Type, ParticipantCondition, Truth};
use understudy_crds::v1alpha1::{Livestream, LivestreamPhase, LivestreamStatus, VirtualParticipant};
use understudy_proto::v1::LivestreamReport;

/// All that a status is made from.
#[derive(Clone, Debug)]
pub struct Observed<'a> {
    /// The livestream.
    pub livestream: &'a Livestream,
    /// The participant that it is of.
    pub participant: Option<&'a VirtualParticipant>,
    /// Where that one's pod is reached.
    pub pod_ip: Option<String>,
    /// That one's session.
    pub view: View,
    /// The newest status so far.
    pub previous: Option<LivestreamStatus>,
    /// Now.
    pub now: Timestamp,
}

impl Observed<'_> {
    fn before(&self) -> &[Condition] {
        self.previous.as_ref().map_or(&[], |status| &status.conditions)
    }

    fn earlier(&self, type_: Type) -> Option<Verdict> {
        find(self.before(), type_.as_str()).map(Verdict::of)
    }

    /// What the session reports of this livestream.
    fn told(&self) -> Option<&LivestreamReport> {
        let report = self.view.facts()?.report.as_ref()?;
        report.livestreams.iter().find(|told| told.name == self.livestream.name_any())
    }

    /// Nothing was heard of the session yet, and may be soon: what was known holds.
    fn holds(&self) -> bool {
        self.view.holds() && self.previous.is_some()
    }
}

/// The status that follows.
pub fn report(observed: &Observed<'_>) -> LivestreamStatus {
    let generation = observed.livestream.metadata.generation.unwrap_or_default();
    let (ready, active) = (ready(observed), active(observed));
    let phase = phase(observed, &ready, &active);
    let verdicts = [(Type::RuntimeReady, runtime(observed)), (Type::Ready, ready), (Type::Active, active)];
    let conditions = verdicts.iter().map(|(type_, verdict)| {
        condition(observed.before(), type_.as_str(), verdict, generation, observed.now)
    });
    LivestreamStatus {
        observed_generation: Some(generation),
        phase: Some(phase),
        conditions: conditions.collect(),
        endpoints: endpoints(observed),
    }
}

fn runtime(observed: &Observed<'_>) -> Verdict {
    let Some(participant) = observed.participant else { return not_found(observed) };
    let condition = participant.status.as_ref().and_then(|status| {
        find(&status.conditions, ParticipantCondition::RuntimeReady.as_str()).map(Verdict::of)
    });
    match &observed.view {
        View::Linked(_) => Verdict::yes("Linked"),
        _ => condition
            .unwrap_or_else(|| Verdict::no("ParticipantNotReady", "the participant has no runtime yet")),
    }
}

fn ready(observed: &Observed<'_>) -> Verdict {
    if observed.participant.is_none() {
        return not_found(observed);
    }
    match observed.told() {
        Some(told) if told.ready => Verdict::yes("Serving"),
        Some(told) => Verdict::told(Truth::False, &told.reason, &told.message),
        None => match observed.earlier(Type::Ready) {
            Some(earlier) if observed.holds() => earlier,
            Some(Verdict { truth: Truth::True | Truth::Unknown, .. }) if observed.view == View::Silent => {
                Verdict::unknown("LinkLost", "the participant's runtime is not heard of")
            }
            _ => Verdict::no("ParticipantNotReady", "the participant's runtime has not told yet"),
        },
    }
}

fn active(observed: &Observed<'_>) -> Verdict {
    match (observed.told(), observed.earlier(Type::Active)) {
        (Some(told), _) if told.viewers > 0 => Verdict::yes("Watched"),
        (None, Some(earlier)) if observed.holds() => earlier,
        _ => Verdict::no("NoViewers", "nobody takes it"),
    }
}

fn not_found(observed: &Observed<'_>) -> Verdict {
    let name =
        observed.livestream.spec.participant_ref.as_ref().map_or("", |participant| participant.name.as_str());
    Verdict::no(
        "ParticipantNotFound",
        format!("spec.participantRef.name: there is no VirtualParticipant {name:?} in this namespace"),
    )
}

fn phase(observed: &Observed<'_>, ready: &Verdict, active: &Verdict) -> LivestreamPhase {
    use LivestreamPhase as Phase;
    let before = observed.previous.as_ref().and_then(|status| status.phase);
    if observed.livestream.metadata.deletion_timestamp.is_some() {
        return Phase::Terminating;
    }
    match (ready.truth, active.truth) {
        (Truth::True, Truth::True) => Phase::Active,
        (Truth::True, _) => Phase::Ready,
        _ if matches!(before, Some(Phase::Ready | Phase::Active | Phase::Disrupted)) => Phase::Disrupted,
        // The runtime said that it cannot, and not that it is not there yet.
        _ if observed.told().is_some() && ready.is_failure() => Phase::Failed,
        _ => Phase::Pending,
    }
}

fn endpoints(observed: &Observed<'_>) -> Vec<understudy_crds::v1alpha1::Endpoint> {
    let previous = observed.previous.as_ref().map(|status| status.endpoints.clone()).unwrap_or_default();
    if observed.participant.is_none() {
        return Vec::new();
    }
    let report = observed.view.facts().and_then(|facts| facts.report.as_ref());
    match (&observed.pod_ip, report, observed.told()) {
        (Some(pod_ip), Some(report), Some(told)) if told.ready => {
            let address = endpoint::address(pod_ip, report);
            vec![endpoint::view(&address), endpoint::whep(&address, &told.name)]
        }
        (_, Some(_), _) => Vec::new(),
        _ => previous,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::registry::Facts;
    use serde_json::json;
    use std::time::Instant;
    use understudy_proto::v1::Report;

    fn livestream() -> Livestream {
        serde_json::from_value(json!({
            "apiVersion": "understudy.dev/v1alpha1", "kind": "Livestream", "metadata": {"name": "live", "generation": 1},
            "spec": {"participantRef": {"name": "ada"}, "output": {"webRTC": {}}}
        }))
        .unwrap()
    }

    fn participant() -> VirtualParticipant {
        serde_json::from_value(json!({
            "apiVersion": "understudy.dev/v1alpha1", "kind": "VirtualParticipant", "metadata": {"name": "ada"}, "spec": {}
        }))
        .unwrap()
    }

    fn serving(told: LivestreamReport) -> View {
        let report = Report { livestreams: vec![told], ..Report::default() };
        View::Linked(Facts { report: Some(report), ..Facts::default() })
    }

    fn told(reason: &str) -> LivestreamReport {
        let ready = reason == "Serving";
        LivestreamReport { name: "live".into(), ready, reason: reason.into(), ..LivestreamReport::default() }
    }

    fn after(previous: Option<&LivestreamStatus>, view: View) -> LivestreamStatus {
        let (livestream, participant) = (livestream(), participant());
        report(&Observed {
            livestream: &livestream,
            participant: Some(&participant),
            pod_ip: Some("10.0.0.1".into()),
            view,
            previous: previous.cloned(),
            now: Timestamp::UNIX_EPOCH,
        })
    }

    #[test]
    fn phases_follow_from_what_the_session_reports() {
        use LivestreamPhase as Phase;
        let ready = after(None, serving(told("Serving")));
        let watched = LivestreamReport { viewers: 3, ..told("Serving") };
        let table = [
            (None, View::Silent, Phase::Pending),
            (None, serving(told("WaitingForPicture")), Phase::Pending),
            (None, serving(told("CaptureFailed")), Phase::Failed),
            (None, serving(told("Serving")), Phase::Ready),
            (None, serving(watched), Phase::Active),
            (Some(&ready), serving(told("CaptureFailed")), Phase::Disrupted),
            (Some(&ready), View::Silent, Phase::Disrupted),
        ];
        for (number, (previous, view, phase)) in table.into_iter().enumerate() {
            assert_eq!(after(previous, view).phase, Some(phase), "row {number}");
        }
    }

    #[test]
    fn a_hand_over_changes_nothing() {
        let before = after(None, serving(told("Serving")));
        let phase = |view| {
            let status = after(Some(&before), view);
            (status.phase, status.endpoints)
        };
        let expected = View::Expected { until: Instant::now(), facts: None };
        assert_eq!(phase(expected), (before.phase, before.endpoints.clone()));
        assert_eq!(phase(View::Linked(Facts::default())), (before.phase, before.endpoints.clone()));
    }
}
