//! What a livestream's status says. Pure.

mod source;

use crate::capability;
use crate::condition::{Said, Verdict, condition, failing};
use crate::control::convert;
use crate::credentials::Fault;
use crate::endpoint;
use crate::livestream::phase::{Before, State, phase, progress};
use crate::provide::observe::PodFacts;
use crate::provide::problem::Problem;
use crate::redact;
use crate::serving::STARTING;
use crate::store::MOST_LIVESTREAMS;
use crate::view::{View, Word};
use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::ResourceExt;
use understudy_crds::condition::{LivestreamCondition as Type, ParticipantCondition, Truth};
use understudy_crds::v1alpha1::{
    EncodedAs, Endpoint, Livestream, LivestreamStatus, RecordingFile, VirtualParticipant,
};
use understudy_proto::v1::{Encoded, LivestreamReport, Part, Recorded, Refusal, Report};

/// All that a status is made from.
#[derive(Clone, Debug)]
pub struct Observed<'a> {
    /// The livestream.
    pub livestream: &'a Livestream,
    /// What it is of.
    pub of: Of<'a>,
    /// Where the pod of that is reached.
    pub pod_ip: Option<String>,
    /// The session of that.
    pub view: View,
    /// Whether the session was told last of the livestream as it is described now.
    pub told: Told,
    /// Why what its Secret holds cannot be had.
    pub fault: Option<Fault>,
    /// The newest status so far.
    pub previous: Option<LivestreamStatus>,
    /// Now.
    pub now: Timestamp,
}

/// What a livestream is of.
#[derive(Clone, Debug)]
pub enum Of<'a> {
    /// A participant, if there is one.
    Participant(Option<&'a VirtualParticipant>),
    /// A source.
    Source(Box<Fetched>),
}

/// How a source is fetched.
#[derive(Clone, Debug)]
pub struct Fetched {
    /// The pod that fetches it, or did and may still run.
    pub pod: Option<PodFacts>,
    /// Why there can be no other.
    pub problems: Vec<Problem>,
    /// Why its address cannot be had.
    pub fault: Option<Fault>,
}

/// Whether a session was told of a livestream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Told {
    /// As it is described now.
    AsItIs,
    /// Not yet, or of an older description.
    NotYet,
    /// As many others of the same are older as may be told of.
    Never,
}

impl Observed<'_> {
    fn said(&self) -> Said<'_> {
        self.previous.as_ref().map(said).unwrap_or_default()
    }

    fn fetched(&self) -> Option<&Fetched> {
        match &self.of {
            Of::Source(fetched) => Some(fetched),
            Of::Participant(_) => None,
        }
    }

    /// Whether there is nobody that it could be of, or what it takes or how it is sent is not known any more.
    fn is_for_nothing(&self) -> bool {
        let of_nobody = matches!(self.of, Of::Participant(None));
        of_nobody
            || self.told == Told::Never
            || self.fault.is_some()
            || self.fetched().is_some_and(Fetched::is_lost)
    }

    fn generation(&self) -> i64 {
        self.livestream.metadata.generation.unwrap_or_default()
    }

    /// What the session says of the livestream as it is described now.
    fn word(&self) -> Word<'_> {
        match (self.view.word(), self.told) {
            (Word::Answer(_), Told::NotYet | Told::Never) => Word::Awaited,
            (word, _) => word,
        }
    }

    fn reported<'r>(&self, answer: &'r Report) -> Option<&'r LivestreamReport> {
        answer.livestreams.iter().find(|told| told.name == self.livestream.name_any())
    }

    fn refused<'r>(&self, answer: &'r Report) -> Option<&'r Refusal> {
        let name = self.livestream.name_any();
        answer.refusals.iter().find(|refusal| refusal.part() == Part::Livestream && refusal.name == name)
    }

    /// The earlier status, unless it was about a session that is known to be over, or about another pod.
    fn earlier(&self) -> Option<&LivestreamStatus> {
        let previous = self.previous.as_ref();
        match &self.of {
            Of::Participant(owner) => {
                let stays = owner.is_some_and(|owner| owner.metadata.deletion_timestamp.is_none());
                let may_go_on = matches!(self.view, View::Linked(_)) || runtime(self).truth != Truth::False;
                previous.filter(|_previous| stays && may_go_on)
            }
            Of::Source(fetched) => previous.filter(|previous| {
                let before = previous.pod.as_ref().and_then(|pod| pod.uid.as_ref());
                before.is_some() && before == fetched.pod.as_ref().map(|pod| &pod.uid)
            }),
        }
    }

    fn earlier_verdict(&self, type_: Type) -> Option<Verdict> {
        self.earlier().and_then(|_held| self.said().verdict(type_.as_str()))
    }

    /// The livestream as it is now was answered: by its session, or by a reason for which none can answer.
    fn is_answered(&self) -> bool {
        let refused = |fetched: &Fetched| fetched.pod.is_none() && !fetched.problems.is_empty();
        let unable = self.fetched().is_some() && unsupported(self).is_some();
        self.is_for_nothing()
            || unable
            || self.fetched().is_some_and(refused)
            || self.word().answer().is_some()
    }
}

impl Fetched {
    /// Whether its address may not be fetched any more. One that could not be read may.
    pub(super) fn is_lost(&self) -> bool {
        self.fault.as_ref().is_some_and(|fault| !matches!(fault, Fault::Unread(_)))
    }
}

/// What a status says.
fn said(status: &LivestreamStatus) -> Said<'_> {
    Said { conditions: &status.conditions, failing: &status.failing }
}

/// The status that follows.
pub fn report(observed: &Observed<'_>) -> LivestreamStatus {
    let previous = observed.previous.clone().unwrap_or_default();
    let (generation, is_answered) = (observed.generation(), observed.is_answered());
    let held = |type_: Type| observed.said().find(type_.as_str())?.observed_generation;
    let about = if is_answered { generation } else { held(Type::Ready).unwrap_or(generation) };
    let (ready, active) = (ready(observed), active(observed));
    let before = if previous.ready_generation == Some(about) { Before::Proven } else { Before::Unproven };
    let phase = phase(state(observed, &ready, &active), before);
    let progress = progress(phase);
    let ready_generation = if ready.truth == Truth::True { Some(about) } else { previous.ready_generation };
    let mut verdicts = source::verdicts(observed);
    if verdicts.is_empty() {
        verdicts.push((Type::RuntimeReady, runtime(observed), generation));
    }
    verdicts.extend([
        (Type::Reconciling, progress.reconciling(&ready), about),
        (Type::Stalled, progress.stalled(&ready), about),
        (Type::Ready, ready, about),
        (Type::Active, active, about),
    ]);
    let conditions = verdicts.iter().map(|(type_, verdict, about)| {
        condition(observed.said(), type_.as_str(), verdict, *about, observed.now)
    });
    LivestreamStatus {
        observed_generation: if is_answered { Some(generation) } else { previous.observed_generation },
        phase: Some(phase),
        conditions: conditions.collect(),
        failing: failing(verdicts.iter().map(|(type_, verdict, _)| (type_.as_str(), verdict))),
        ready_generation,
        origin: observed.livestream.spec.source.as_ref().map(redact::source),
        pod: source::pod(observed),
        access: source::access(observed),
        endpoints: endpoints(observed),
        rendition: told(observed, |told| told.encoded.map(encoded), |earlier| earlier.rendition),
        recording: told(observed, |told| told.recorded.map(file), |earlier| earlier.recording.clone()),
    }
}

/// What a session says of it beside conditions.
fn told<T>(
    observed: &Observed<'_>,
    said: impl Fn(&LivestreamReport) -> Option<T>,
    before: impl Fn(&LivestreamStatus) -> Option<T>,
) -> Option<T> {
    let earlier = observed.earlier().and_then(before);
    observed.word().or_before(|answer| observed.reported(answer).and_then(said), earlier)
}

fn encoded(told: Encoded) -> EncodedAs {
    let number = |number: u32| i32::try_from(number).unwrap_or(i32::MAX);
    EncodedAs {
        width: number(told.width),
        height: number(told.height),
        frame_rate: number(told.frame_rate),
        video_bitrate_bps: number(told.video_bitrate_bps),
    }
}

fn file(told: Recorded) -> RecordingFile {
    let at = |seconds| Time(Timestamp::from_second(seconds).unwrap_or_default());
    let ended = Some(told.ended_unix_seconds).filter(|seconds| *seconds > 0);
    RecordingFile {
        started_at: at(told.started_unix_seconds),
        ended_at: ended.map(at),
        bytes: ended.map(|_| i64::try_from(told.bytes).unwrap_or(i64::MAX)),
    }
}

fn runtime(observed: &Observed<'_>) -> Verdict {
    let Of::Participant(Some(participant)) = observed.of else { return not_found(observed) };
    let said = participant
        .status
        .as_ref()
        .map(|status| Said { conditions: &status.conditions, failing: &status.failing })
        .unwrap_or_default();
    match &observed.view {
        View::Linked(_) => Verdict::yes("Linked"),
        _ => said
            .verdict(ParticipantCondition::RuntimeReady.as_str())
            .unwrap_or_else(|| Verdict::not_yet("ParticipantNotReady", "the participant has no runtime yet")),
    }
}

fn ready(observed: &Observed<'_>) -> Verdict {
    match &observed.of {
        Of::Participant(None) => not_found(observed),
        Of::Participant(Some(_)) => own(observed),
        Of::Source(_) => source::ready(observed, own(observed)),
    }
}

/// Of itself, whatever becomes of the pod that it is of.
fn own(observed: &Observed<'_>) -> Verdict {
    if let Some(verdict) = one_too_many(observed).or_else(|| unsupported(observed)) {
        return verdict;
    }
    if let Some(fault) = &observed.fault {
        let output = &observed.livestream.spec.output;
        let field = if output.whip.is_some() { "whip.tokenSecretRef" } else { "rtmpPush.urlSecretRef" };
        return Verdict::wrong(fault.reason(), &format!("spec.output.{field}: {fault}"));
    }
    let earlier = observed.earlier_verdict(Type::Ready).filter(|_ready| source::was_own(observed));
    let was_known = earlier.as_ref().is_some_and(|earlier| earlier.truth != Truth::False);
    let answered = |answer| {
        let refused = observed.refused(answer).map(rejected);
        refused.or_else(|| observed.reported(answer).map(Verdict::of_livestream))
    };
    match observed.word().or_before(answered, earlier) {
        Some(verdict) => verdict,
        None if was_known && observed.view == View::Silent => {
            Verdict::unknown("LinkLost", "the runtime that makes it is not heard of")
        }
        _ => match observed.of {
            Of::Participant(_) => {
                Verdict::not_yet("ParticipantNotReady", "the participant's runtime has not told yet")
            }
            Of::Source(_) => Verdict::not_yet(STARTING, "the runtime has not told yet"),
        },
    }
}

fn one_too_many(observed: &Observed<'_>) -> Option<Verdict> {
    if observed.told != Told::Never {
        return None;
    }
    let of = match observed.of {
        Of::Participant(_) => "spec.participantRef.name: a participant",
        Of::Source(_) => "spec.source: a source",
    };
    let message = format!(
        "{of} has {MOST_LIVESTREAMS} livestreams at most, and as many are older; delete one of those"
    );
    Some(Verdict::wrong("TooManyLivestreams", &message))
}

fn unsupported(observed: &Observed<'_>) -> Option<Verdict> {
    let needed = capability::of_livestream(&observed.livestream.spec);
    capability::missing(&needed, &observed.view.facts()?.capabilities)
}

fn rejected(refusal: &Refusal) -> Verdict {
    let field = convert::livestream_field(&refusal.field_path);
    Verdict::wrong("Rejected", &format!("{field}: {}", refusal.reason))
}

fn active(observed: &Observed<'_>) -> Verdict {
    let is_recorded = observed.livestream.spec.output.recording.is_some();
    let (reason, none) = match is_recorded {
        true => ("Written", Verdict::not_yet("NotWritten", "nothing is written to its file")),
        false => ("Watched", Verdict::not_yet("NoViewers", "nobody takes it")),
    };
    let none = || none.clone();
    if observed.is_for_nothing() {
        return none();
    }
    let answered = |answer| {
        let watched = observed.reported(answer).is_some_and(|told| told.viewers > 0);
        Some(if watched { Verdict::yes(reason) } else { none() })
    };
    observed.word().or_before(answered, observed.earlier_verdict(Type::Active)).unwrap_or_else(none)
}

fn not_found(observed: &Observed<'_>) -> Verdict {
    let name =
        observed.livestream.spec.participant_ref.as_ref().map_or("", |participant| participant.name.as_str());
    Verdict::not_yet(
        "ParticipantNotFound",
        &format!("spec.participantRef.name: there is no VirtualParticipant {name:?} in this namespace"),
    )
}

fn state(observed: &Observed<'_>, ready: &Verdict, active: &Verdict) -> State {
    if observed.livestream.metadata.deletion_timestamp.is_some() {
        return State::Deleted;
    }
    match (ready.truth, active.truth) {
        (Truth::True, Truth::True) => State::Active,
        (Truth::True, _) => State::Ready,
        _ if ready.is_failure() => State::Broken,
        _ => State::Coming,
    }
}

fn endpoints(observed: &Observed<'_>) -> Vec<Endpoint> {
    if observed.is_for_nothing() {
        return Vec::new();
    }
    match (observed.word(), &observed.pod_ip) {
        (Word::Answer(answer), Some(pod_ip)) => {
            let address = endpoint::address(pod_ip, answer);
            let Some(told) = observed.reported(answer) else { return Vec::new() };
            let output = &observed.livestream.spec.output;
            let mut all = Vec::new();
            if told.ready {
                all = vec![endpoint::view(&address), endpoint::whep(&address, &told.name)];
                all.extend(endpoint::players(pod_ip, answer, &told.name, output));
            }
            // What was recorded plays, whatever became of the rest.
            all.extend(told.recorded.map(|_| endpoint::recording(&address, &told.name)));
            all
        }
        _ => observed.earlier().map(|status| status.endpoints.clone()).unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests;
