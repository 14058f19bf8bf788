//! What a participant's status says. Pure: the same facts give the same status, and the earlier status is one of them.

#[cfg(test)]
mod tests;

use crate::capability;
use crate::condition::{Said, Verdict, condition, failing, shorten};
use crate::control::convert;
use crate::endpoint;
use crate::names;
use crate::participant::invitation::{Seat, seat};
use crate::participant::observe::{Life, PodFacts};
use crate::participant::phase::{Before, State, phase, progress};
use crate::participant::validate::Problem;
use crate::view::{ANSWER, GRACE, View, Word};
use jiff::Timestamp;
use kube::ResourceExt;
use std::collections::HashSet;
use understudy_crds::condition::{ParticipantCondition as Type, Truth};
use understudy_crds::v1alpha1::{
    AccessStatus, Endpoint, LastError, MOST_ENDPOINTS, MediaStatus, PodStatus, VirtualParticipant,
    VirtualParticipantStatus,
};
use understudy_proto::v1::{Media, Part, Refusal, Report};

/// Together they make Ready. A source that stalls or fails is not what the participant is described to be: it is not Ready,
/// though its pod and its page go on. One that waits for a publisher, is paused or has ended is as it was asked for.
const PARTS: [Type; 4] = [Type::RuntimeReady, Type::DevicesReady, Type::PageReady, Type::InputsReady];
/// Those that only the session can know.
const TOLD: [Type; 3] = [Type::DevicesReady, Type::PageReady, Type::InputsReady];
/// Those that can be wrong, the cause before what follows from it.
const CAUSES: [Type; 6] = [
    Type::Accepted,
    Type::PodScheduled,
    Type::RuntimeReady,
    Type::DevicesReady,
    Type::PageReady,
    Type::InputsReady,
];
/// The reason of states on the way.
const STARTING: &str = "Starting";

/// All that a status is made from.
#[derive(Clone, Debug)]
pub struct Observed<'a> {
    /// The participant.
    pub participant: &'a VirtualParticipant,
    /// Its newest status so far.
    pub previous: Option<VirtualParticipantStatus>,
    /// The pod that serves it, or did and may still run.
    pub pod: Option<PodFacts>,
    /// Its session.
    pub view: View,
    /// Names of the livestreams that its session was told of.
    pub livestreams: Vec<String>,
    /// Why it cannot be provided.
    pub problems: Vec<Problem>,
    /// Now.
    pub now: Timestamp,
}

impl<'a> Observed<'a> {
    /// Nothing but the participant so far.
    pub fn new(participant: &'a VirtualParticipant, previous: Option<VirtualParticipantStatus>) -> Self {
        Self {
            participant,
            previous,
            pod: None,
            view: View::Silent,
            livestreams: Vec::new(),
            problems: Vec::new(),
            now: Timestamp::now(),
        }
    }

    fn generation(&self) -> i64 {
        self.participant.metadata.generation.unwrap_or_default()
    }

    fn said(&self) -> Said<'_> {
        self.previous.as_ref().map(said).unwrap_or_default()
    }

    /// The earlier status, if it was about the pod that serves now.
    fn earlier(&self) -> Option<&VirtualParticipantStatus> {
        let previous = self.previous.as_ref()?;
        let uid = previous.pod.as_ref()?.uid.as_ref()?;
        self.pod.as_ref().is_some_and(|pod| pod.uid == *uid).then_some(previous)
    }

    fn earlier_verdict(&self, type_: Type) -> Option<Verdict> {
        said(self.earlier()?).verdict(type_.as_str())
    }

    /// The first refusal of that part of what the session was told last.
    fn refusal(&self, part: Part) -> Option<&Refusal> {
        self.view.word().answer()?.refusals.iter().find(|refusal| refusal.part() == part)
    }

    fn is_deleted(&self) -> bool {
        self.participant.metadata.deletion_timestamp.is_some()
    }

    /// The spec as it is now was answered: by the session, or by a reason for which none can be.
    fn is_answered(&self) -> bool {
        let final_word = |problem: &Problem| self.pod.is_none() || problem.condition != Type::Accepted;
        self.view.word().answer().is_some() || self.problems.iter().any(final_word)
    }
}

/// What a status says.
fn said(status: &VirtualParticipantStatus) -> Said<'_> {
    Said { conditions: &status.conditions, failing: &status.failing }
}

/// Verdicts on the way to a status, each with the generation of the spec that it is about.
struct Verdicts(Vec<(Type, Verdict, i64)>);

impl Verdicts {
    fn of(&self, type_: Type) -> Option<&Verdict> {
        self.0.iter().find(|(other, ..)| *other == type_).map(|(_, verdict, _)| verdict)
    }

    fn is_true(&self, type_: Type) -> bool {
        self.of(type_).is_some_and(|verdict| verdict.truth == Truth::True)
    }

    fn fails(&self, type_: Type) -> bool {
        self.of(type_).is_some_and(Verdict::is_failure)
    }

    /// The first failure.
    fn cause(&self, causes: &[Type]) -> Option<(Type, &Verdict)> {
        let type_ = *causes.iter().find(|type_| self.fails(**type_))?;
        Some((type_, self.of(type_)?))
    }
}

/// The status that follows.
pub fn report(observed: &Observed<'_>) -> VirtualParticipantStatus {
    let previous = observed.previous.clone().unwrap_or_default();
    let seat = seat(None, observed.view.word().answer().and_then(|answer| answer.invitation.clone()));
    let mut verdicts = verdicts(observed, &seat);
    let (ready, about) = (ready(observed, &verdicts), about(observed, &verdicts));
    let is_ready = ready.truth == Truth::True;
    let before = if previous.ready_generation == Some(about) { Before::Proven } else { Before::Unproven };
    let phase = phase(&state(observed, &verdicts, &ready, seat), before);
    let progress = progress(phase);
    verdicts.0.push((Type::Reconciling, progress.reconciling(&ready), about));
    verdicts.0.push((Type::Stalled, progress.stalled(&ready), about));
    verdicts.0.push((Type::Ready, ready, about));
    let conditions = Type::ALL.iter().filter_map(|type_| {
        let (_, verdict, generation) = verdicts.0.iter().find(|(other, ..)| other == type_)?;
        Some(condition(observed.said(), type_.as_str(), verdict, *generation, observed.now))
    });
    let served = observed.pod.is_some();
    VirtualParticipantStatus {
        observed_generation: match observed.is_answered() {
            true => Some(observed.generation()),
            false => previous.observed_generation,
        },
        phase: Some(phase),
        conditions: conditions.collect(),
        failing: failing(verdicts.0.iter().map(|(type_, verdict, _)| (type_.as_str(), verdict))),
        ready_generation: if is_ready { Some(about) } else { previous.ready_generation },
        // Without a pod the earlier one is kept: its attempt is what the next one counts on from.
        pod: observed.pod.as_ref().map(pod_status).or(previous.pod),
        runtime_profile_name: if served {
            Some(observed.participant.spec.runtime_profile_name.clone())
        } else {
            previous.runtime_profile_name
        },
        media: media(observed),
        last_error: last_error(&verdicts).or(previous.last_error),
        endpoints: endpoints(observed),
        access: if served {
            Some(AccessStatus { secret_name: names::access_secret(&observed.participant.name_any()) })
        } else {
            previous.access
        },
    }
}

/// All but those that follow from others.
fn verdicts(observed: &Observed<'_>, seat: &Seat) -> Verdicts {
    let now = observed.generation();
    let mut verdicts = vec![
        (Type::Accepted, accepted(observed), now),
        (Type::PodScheduled, scheduled(observed), now),
        (Type::RuntimeReady, runtime(observed), now),
    ];
    verdicts.extend(TOLD.map(|type_| {
        let (verdict, generation) = told(observed, type_);
        (type_, verdict, generation)
    }));
    verdicts.extend(seat.verdicts().map(|(type_, verdict)| (type_, verdict, now)));
    Verdicts(verdicts)
}

fn accepted(observed: &Observed<'_>) -> Verdict {
    match observed.problems.first() {
        Some(problem) => Verdict::wrong(problem.reason, &problem.message),
        None => Verdict::yes("Accepted"),
    }
}

fn scheduled(observed: &Observed<'_>) -> Verdict {
    match &observed.pod {
        None => no_pod(),
        Some(PodFacts { life: Life::Ending { since, until }, name, node, .. }) => {
            ending(observed.now, name, node.as_deref(), (*since, *until))
        }
        Some(PodFacts { node: Some(_), .. }) => Verdict::yes("Scheduled"),
        Some(PodFacts { unschedulable: Some(trouble), .. }) => {
            Verdict::wrong(&trouble.reason, &trouble.message)
        }
        Some(_) => Verdict::unknown("Waiting", "no node was chosen yet"),
    }
}

fn no_pod() -> Verdict {
    Verdict::not_yet("NoPod", "there is no pod")
}

/// A pod that does not end is held by its node: nobody but a person can know that nothing of it runs any more.
fn ending(now: Timestamp, pod: &str, node: Option<&str>, (since, until): (Timestamp, Timestamp)) -> Verdict {
    if now < until {
        return Verdict::not_yet("Terminating", &format!("the pod {pod} was asked to end at {since}"));
    }
    let node = node.unwrap_or("none");
    Verdict::wrong(
        "Terminating",
        &format!(
            "the pod {pod} was asked to end at {since} and should have by {until}, but its node {node} does not say that it has; \
             its successor waits for that. If the node is lost, taint it node.kubernetes.io/out-of-service, or see that nothing \
             runs there and delete the pod by force"
        ),
    )
}

fn runtime(observed: &Observed<'_>) -> Verdict {
    let Some(pod) = &observed.pod else { return no_pod() };
    if let Some(refusal) = observed.refusal(Part::Access) {
        return Verdict::wrong("Rejected", &format!("access: {}", refusal.reason));
    }
    let earlier = observed.earlier_verdict(Type::RuntimeReady);
    match (pod.life, &observed.view, earlier, &pod.trouble) {
        (Life::Ending { .. }, ..) => scheduled(observed),
        (_, View::Linked(_), ..) => Verdict::yes("Linked"),
        (_, View::Mute(_), ..) => Verdict::wrong(
            "NotAnswering",
            &format!(
                "the runtime has not answered for {} s what it was told; its log may say why",
                ANSWER.as_secs()
            ),
        ),
        (.., Some(trouble)) => Verdict::wrong(&trouble.reason, &trouble.message),
        (_, View::Expected { .. }, Some(earlier), _) => earlier,
        (_, View::Silent, Some(Verdict { truth: Truth::True | Truth::Unknown, .. }), _) => Verdict::unknown(
            "LinkLost",
            &format!("the runtime was not heard of for {} s; its media may go on", GRACE.as_secs()),
        ),
        _ => Verdict::not_yet(STARTING, "the runtime has not spoken yet"),
    }
}

/// What only the session can know, and the generation of the spec that it is about.
fn told(observed: &Observed<'_>, type_: Type) -> (Verdict, i64) {
    let now = observed.generation();
    if observed.pod.is_none() {
        return (no_pod(), now);
    }
    if let Some(problem) = observed.problems.iter().find(|problem| problem.condition == type_) {
        return (Verdict::wrong(problem.reason, &problem.message), now);
    }
    if let Some(verdict) = unsupported(observed, type_) {
        return (verdict, now);
    }
    let earlier = observed.earlier_verdict(type_);
    let about = observed.earlier().and_then(|status| said(status).find(type_.as_str())?.observed_generation);
    let was_told = earlier.as_ref().is_some_and(|earlier| earlier.reason != STARTING);
    let held = earlier.map(|earlier| (earlier, about.unwrap_or(now)));
    match observed.view.word().or_before(|answer| Some((answered(answer, type_), now)), held) {
        Some(told) => told,
        None if was_told && observed.view == View::Silent => {
            (Verdict::unknown("LinkLost", "the runtime is not heard of"), about.unwrap_or(now))
        }
        None => (Verdict::unknown(STARTING, "the runtime has not answered yet"), now),
    }
}

fn unsupported(observed: &Observed<'_>, type_: Type) -> Option<Verdict> {
    let inputs = observed.participant.spec.inputs.as_ref().filter(|_| type_ == Type::InputsReady)?;
    capability::missing(&capability::of_inputs(inputs), &observed.view.facts()?.capabilities)
}

fn answered(answer: &Report, type_: Type) -> Verdict {
    let refused = answer.refusals.iter().find(|refusal| concerns(refusal) == Some(type_));
    let told = answer.conditions.iter().find(|condition| condition.r#type == type_.as_str());
    match (refused, told) {
        (Some(refusal), _) => rejected(refusal),
        (None, Some(told)) => Verdict::told(told),
        (None, None) => Verdict::unknown("NotTold", "the runtime does not tell"),
    }
}

fn ready(observed: &Observed<'_>, verdicts: &Verdicts) -> Verdict {
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
fn about(observed: &Observed<'_>, verdicts: &Verdicts) -> i64 {
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
        (Part::Session, "page") => Some(Type::PageReady),
        (Part::Session, "inputs") => Some(Type::InputsReady),
        _ => None,
    }
}

fn state(observed: &Observed<'_>, verdicts: &Verdicts, ready: &Verdict, seat: Seat) -> State {
    if observed.is_deleted() {
        return State::Deleted;
    }
    if ready.truth == Truth::True {
        return State::Ready(seat);
    }
    match &observed.pod {
        None if observed.problems.is_empty() => State::Absent,
        None => State::Refused,
        // What keeps the runtime from speaking is the platform's, and may pass.
        Some(_) if !verdicts.is_true(Type::RuntimeReady) => State::Coming,
        Some(_) if ready.is_failure() => State::Broken,
        Some(_) => State::Coming,
    }
}

fn pod_status(pod: &PodFacts) -> PodStatus {
    PodStatus {
        name: pod.name.clone(),
        uid: Some(pod.uid.clone()),
        node: pod.node.clone(),
        attempt: pod.attempt,
    }
}

/// Where a session is not heard of, what it said last is the best that is known.
fn media(observed: &Observed<'_>) -> Option<MediaStatus> {
    let given = |text: &str| Some(text.chars().take(63).collect()).filter(|text: &String| !text.is_empty());
    let of = |media: &Media| MediaStatus {
        camera: given(&media.camera),
        browser_sandbox: given(&media.browser_sandbox),
    };
    match observed.view.word() {
        Word::Answer(answer) if observed.pod.is_some() => answer.media.as_ref().map(of),
        _ => observed.earlier()?.media.clone(),
    }
}

/// As media. The page is at an address of the pod, and so is each livestream that is ready.
fn endpoints(observed: &Observed<'_>) -> Vec<Endpoint> {
    let ip = observed.pod.as_ref().and_then(|pod| pod.ip.as_deref());
    let (Word::Answer(answer), Some(ip)) = (observed.view.word(), ip) else {
        return observed.earlier().map(|status| status.endpoints.clone()).unwrap_or_default();
    };
    let address = endpoint::address(ip, answer);
    let mut named = HashSet::new();
    let ready = answer.livestreams.iter().filter(|livestream| livestream.ready);
    // The API server refuses a list with one name twice, and a session may say what it likes.
    let ready = ready.filter(|told| observed.livestreams.contains(&told.name) && named.insert(&told.name));
    let playback = ready.map(|livestream| endpoint::whep(&address, &livestream.name));
    [endpoint::view(&address)].into_iter().chain(playback).take(MOST_ENDPOINTS).collect()
}

fn last_error(verdicts: &Verdicts) -> Option<LastError> {
    let (_, verdict) = verdicts.cause(&CAUSES)?;
    Some(LastError { code: verdict.reason.clone(), message: verdict.message.clone() })
}
