//! What a participant's status says. Pure: the same facts give the same status, and the earlier status is one of them.

#[cfg(test)]
mod tests;

use crate::condition::{Verdict, condition, find};
use crate::control::convert;
use crate::endpoint;
use crate::link_state::{GRACE, View};
use crate::names;
use crate::participant::observe::PodFacts;
use crate::participant::validate::Problem;
use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::ResourceExt;
use understudy_crds::condition::{ParticipantCondition, Truth};
use understudy_crds::v1alpha1::{
    AccessStatus, LastError, MediaStatus, ParticipantPhase, PodStatus, VirtualParticipant,
    VirtualParticipantStatus,
};
use understudy_proto::v1::{Part, Refusal};

/// Together they make Ready. A source that stalls or fails is not what the participant is described to be: it is not Ready,
/// though its pod and its page go on. One that waits for a publisher, is paused or has ended is as it was asked for.
const PARTS: [ParticipantCondition; 4] = [
    ParticipantCondition::RuntimeReady,
    ParticipantCondition::DevicesReady,
    ParticipantCondition::PageReady,
    ParticipantCondition::InputsReady,
];
/// Reasons of states on the way.
const STARTING: &str = "Starting";
const NO_POD: &str = "NoPod";

/// All that a status is made from.
#[derive(Clone, Debug)]
pub struct Observed<'a> {
    /// The participant.
    pub participant: &'a VirtualParticipant,
    /// Its newest status so far.
    pub previous: Option<VirtualParticipantStatus>,
    /// The pod that serves it.
    pub pod: Option<PodFacts>,
    /// Its session.
    pub view: View,
    /// Why it cannot be provided.
    pub problem: Option<Problem>,
    /// Now.
    pub now: Timestamp,
}

impl<'a> Observed<'a> {
    /// Nothing but the participant so far.
    pub fn new(participant: &'a VirtualParticipant, previous: Option<VirtualParticipantStatus>) -> Self {
        Self { participant, previous, pod: None, view: View::Silent, problem: None, now: Timestamp::now() }
    }

    fn generation(&self) -> i64 {
        self.participant.metadata.generation.unwrap_or_default()
    }

    fn before(&self) -> &[Condition] {
        self.previous.as_ref().map_or(&[], |status| &status.conditions)
    }

    /// What an earlier status said, if it was about the pod that serves now.
    fn earlier(&self, type_: ParticipantCondition) -> Option<&Condition> {
        let uid = self.previous.as_ref()?.pod.as_ref()?.uid.as_ref()?;
        let same = self.pod.as_ref().is_some_and(|pod| pod.uid == *uid);
        same.then(|| find(self.before(), type_.as_str()))?
    }

    /// The refusal of the session that was described last.
    fn refusal(&self) -> Option<&Refusal> {
        self.view.facts()?.answer()?.refusals.iter().find(|refusal| refusal.part() == Part::Session)
    }

    fn deleted(&self) -> bool {
        self.participant.metadata.deletion_timestamp.is_some()
    }
}

/// The status that follows.
pub fn report(observed: &Observed<'_>) -> VirtualParticipantStatus {
    let verdicts = verdicts(observed);
    let previous = observed.previous.clone().unwrap_or_default();
    let conditions = verdicts.iter().map(|(type_, verdict)| {
        let generation = generation(observed, *type_);
        condition(observed.before(), type_.as_str(), verdict, generation, observed.now)
    });
    let served = observed.pod.is_some();
    VirtualParticipantStatus {
        observed_generation: Some(observed.generation()),
        phase: Some(phase(observed, &verdicts)),
        conditions: conditions.collect(),
        // Without a pod the earlier one is kept: its attempt is what the next one counts on from.
        pod: observed.pod.as_ref().map(pod_status).or(previous.pod),
        runtime_profile_name: if served {
            Some(observed.participant.spec.runtime_profile_name.clone())
        } else {
            previous.runtime_profile_name
        },
        media: if served { media(observed).or(previous.media) } else { None },
        last_error: last_error(&verdicts).or(previous.last_error),
        endpoints: if served { endpoints(observed).unwrap_or(previous.endpoints) } else { Vec::new() },
        access: if served {
            Some(AccessStatus { secret_name: names::access_secret(&observed.participant.name_any()) })
        } else {
            previous.access
        },
    }
}

type Verdicts = Vec<(ParticipantCondition, Verdict)>;

fn verdicts(observed: &Observed<'_>) -> Verdicts {
    use ParticipantCondition as Type;
    let mut verdicts = vec![
        (Type::PodScheduled, scheduled(observed)),
        (Type::RuntimeReady, runtime(observed)),
        (Type::DevicesReady, told(observed, Type::DevicesReady)),
        (Type::PageReady, told(observed, Type::PageReady)),
        (Type::InputsReady, told(observed, Type::InputsReady)),
    ];
    for type_ in [Type::Invited, Type::Connected, Type::Published] {
        verdicts.push((type_, Verdict::no("NotInvited", "nobody has invited the participant")));
    }
    if let Some(problem) = &observed.problem
        && let Some((_type, verdict)) = verdicts.iter_mut().find(|(type_, _)| *type_ == problem.condition)
    {
        *verdict = Verdict::no(problem.reason, problem.message.clone());
    }
    let ready = ready(observed, &verdicts);
    verdicts.push((Type::Ready, ready));
    verdicts
}

fn scheduled(observed: &Observed<'_>) -> Verdict {
    match &observed.pod {
        None => Verdict::no(NO_POD, "there is no pod"),
        Some(PodFacts { node: Some(_), .. }) => Verdict::yes("Scheduled"),
        Some(PodFacts { unschedulable: Some(trouble), .. }) => {
            Verdict::told(Truth::False, &trouble.reason, &trouble.message)
        }
        Some(_) => Verdict::unknown("Waiting", "no node was chosen yet"),
    }
}

fn runtime(observed: &Observed<'_>) -> Verdict {
    let Some(pod) = &observed.pod else { return Verdict::no(NO_POD, "there is no pod") };
    let earlier = observed.earlier(ParticipantCondition::RuntimeReady).map(Verdict::of);
    match (&observed.view, earlier, &pod.trouble) {
        (View::Linked(_), _, _) => Verdict::yes("Linked"),
        (_, _, Some(trouble)) => Verdict::told(Truth::False, &trouble.reason, &trouble.message),
        (View::Expected { .. }, Some(earlier), _) => earlier,
        (View::Silent, Some(Verdict { truth: Truth::True | Truth::Unknown, .. }), _) => {
            let seconds = GRACE.as_secs();
            Verdict::unknown(
                "LinkLost",
                format!("the runtime was not heard of for {seconds} s; its media may go on"),
            )
        }
        _ => Verdict::no(STARTING, "the runtime has not spoken yet"),
    }
}

/// What the runtime told, as long as that holds.
fn told(observed: &Observed<'_>, type_: ParticipantCondition) -> Verdict {
    if observed.pod.is_none() {
        return Verdict::no(NO_POD, "there is no pod");
    }
    if let Some(refusal) = observed.refusal().filter(|refusal| concerns(refusal) == Some(type_)) {
        return rejected(refusal);
    }
    let report = observed.view.facts().and_then(|facts| facts.report.as_ref());
    let told = report
        .and_then(|report| report.conditions.iter().find(|condition| condition.r#type == type_.as_str()));
    if let Some(told) = told {
        return Verdict::told(Truth::parse(&told.status), &told.reason, &told.message);
    }
    match (&observed.view, observed.earlier(type_)) {
        (view, Some(earlier)) if view.holds() => Verdict::of(earlier),
        (View::Silent, Some(earlier)) if earlier.reason != STARTING => {
            Verdict::unknown("LinkLost", "the runtime is not heard of")
        }
        _ => Verdict::unknown(STARTING, "the runtime has not told yet"),
    }
}

fn ready(observed: &Observed<'_>, verdicts: &Verdicts) -> Verdict {
    if let Some(refusal) = observed.refusal() {
        return rejected(refusal);
    }
    let parts: Vec<_> =
        verdicts.iter().filter(|(type_, _)| PARTS.contains(type_) || is_pod(*type_)).collect();
    let worst = parts.iter().find(|(_, verdict)| verdict.is_failure()).or_else(|| {
        parts.iter().find(|(type_, verdict)| PARTS.contains(type_) && verdict.truth != Truth::True)
    });
    let Some((type_, verdict)) = worst else { return Verdict::yes("AllReady") };
    let message = format!("{}: {}", type_.as_str(), verdict.message);
    match verdict.truth {
        Truth::Unknown if verdict.reason == "LinkLost" => Verdict::unknown(&verdict.reason, message),
        _ => Verdict::no(&verdict.reason, message),
    }
}

fn is_pod(type_: ParticipantCondition) -> bool {
    type_ == ParticipantCondition::PodScheduled
}

fn rejected(refusal: &Refusal) -> Verdict {
    Verdict::told(
        Truth::False,
        "Rejected",
        &format!("{}: {}", convert::field(&refusal.field_path), refusal.reason),
    )
}

/// The condition that a refused field belongs to.
fn concerns(refusal: &Refusal) -> Option<ParticipantCondition> {
    match refusal.field_path.split('.').next()? {
        "page" => Some(ParticipantCondition::PageReady),
        "inputs" => Some(ParticipantCondition::InputsReady),
        _ => None,
    }
}

/// The generation of the spec that a condition speaks of: of what a runtime tells, the one that it has accepted.
fn generation(observed: &Observed<'_>, type_: ParticipantCondition) -> i64 {
    use ParticipantCondition as Type;
    let by_runtime = matches!(type_, Type::DevicesReady | Type::PageReady | Type::InputsReady | Type::Ready);
    let answered = observed.problem.is_some()
        || observed.refusal().is_some()
        || observed.view.facts().is_some_and(|facts| facts.answer().is_some())
        || observed.pod.is_none();
    let earlier = observed.earlier(type_).and_then(|condition| condition.observed_generation);
    match earlier {
        Some(earlier) if by_runtime && !answered => earlier,
        _ => observed.generation(),
    }
}

fn phase(observed: &Observed<'_>, verdicts: &Verdicts) -> ParticipantPhase {
    use ParticipantPhase as Phase;
    let verdict = |type_| verdicts.iter().find(|(other, _)| *other == type_).map(|(_, verdict)| verdict);
    let truth = |type_| verdict(type_).map(|verdict| verdict.truth);
    if observed.deleted() {
        Phase::Terminating
    } else if observed.problem.is_some() {
        Phase::Failed
    } else if truth(ParticipantCondition::Ready) == Some(Truth::True) {
        Phase::Available
    } else if was_well(observed) {
        Phase::Disrupted
    } else if observed.pod.is_none() {
        Phase::Pending
    } else if truth(ParticipantCondition::RuntimeReady) == Some(Truth::True)
        && (observed.refusal().is_some()
            || PARTS.iter().any(|part| verdict(*part).is_some_and(Verdict::is_failure)))
    {
        Phase::Failed
    } else {
        Phase::Provisioning
    }
}

/// Whether it was well as it is described now: then it is not the description that is to blame.
fn was_well(observed: &Observed<'_>) -> bool {
    let Some(previous) = &observed.previous else { return false };
    let ready = find(&previous.conditions, ParticipantCondition::Ready.as_str());
    matches!(previous.phase, Some(ParticipantPhase::Available | ParticipantPhase::Disrupted))
        && ready.is_some_and(|ready| ready.observed_generation == Some(observed.generation()))
}

fn pod_status(pod: &PodFacts) -> PodStatus {
    PodStatus {
        name: pod.name.clone(),
        uid: Some(pod.uid.clone()),
        node: pod.node.clone(),
        attempt: pod.attempt,
    }
}

fn media(observed: &Observed<'_>) -> Option<MediaStatus> {
    let media = observed.view.facts()?.report.as_ref()?.media.clone()?;
    let given = |text: String| Some(text).filter(|text| !text.is_empty());
    Some(MediaStatus { camera: given(media.camera), browser_sandbox: given(media.browser_sandbox) })
}

/// `None`: nothing is known that could replace what was known.
fn endpoints(observed: &Observed<'_>) -> Option<Vec<understudy_crds::v1alpha1::Endpoint>> {
    let report = observed.view.facts()?.report.as_ref()?;
    let address = endpoint::address(observed.pod.as_ref()?.ip.as_deref()?, report);
    let ready = report.livestreams.iter().filter(|livestream| livestream.ready);
    let mut endpoints = vec![endpoint::view(&address)];
    endpoints.extend(ready.map(|livestream| endpoint::whep(&address, &livestream.name)));
    Some(endpoints)
}

fn last_error(verdicts: &Verdicts) -> Option<LastError> {
    let told = |(type_, verdict): &&(ParticipantCondition, Verdict)| {
        (PARTS.contains(type_) || is_pod(*type_)) && verdict.is_failure()
    };
    let (_, verdict) = verdicts.iter().find(told)?;
    Some(LastError { code: verdict.reason.clone(), message: verdict.message.clone() })
}
