//! What a participant's status says. Pure: the same facts give the same status, and the earlier status is one of them.

mod invited;
mod verdicts;

#[cfg(test)]
mod tests;

use crate::condition::{Said, Verdict, condition, failing};
use crate::credentials::Fault;
use crate::endpoint;
use crate::names;
use crate::participant::invitation::{Known, Seat, seating};
use crate::participant::phase::{Before, State, phase, progress};
use crate::participant::report::invited::{STAGE, invited};
use crate::participant::report::verdicts::{CAUSES, Verdicts, about, ready, verdicts};
use crate::participant::rest::{self, Rest};
use crate::provide::observe::PodFacts;
use crate::provide::problem::Problem;
use crate::serving::Serving;
use crate::view::{View, Word};
use jiff::Timestamp;
use kube::ResourceExt;
use std::collections::HashSet;
use understudy_crds::condition::{ParticipantCondition as Type, Truth};
use understudy_crds::v1alpha1::{
    AccessStatus, Endpoint, LastError, MOST_ENDPOINTS, MediaStatus, ParticipantPhase, PodStatus, RestReason,
    RestStatus, VirtualParticipant, VirtualParticipantStatus,
};
use understudy_proto::v1::{InvitationReport, Media, Part, Refusal};

pub(super) use invited::unsupported;

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
    /// Whether there are livestreams of it, also such as its session was not told of.
    pub has_livestreams: bool,
    /// Why it cannot be provided.
    pub problems: Vec<Problem>,
    /// Why the token of its stage cannot be had.
    pub fault: Option<Fault>,
    /// What its pod says of the invitation that it has left, if that was let in only to finish.
    pub left: Option<InvitationReport>,
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
            has_livestreams: false,
            problems: Vec::new(),
            fault: None,
            left: None,
            now: Timestamp::now(),
        }
    }

    /// What is known of its invitation.
    pub fn invitation(&self) -> Known<'_> {
        let spec = &self.participant.spec;
        Known {
            desired: spec.invitation.as_ref().filter(|_invitation| !self.is_deleted()),
            on_disruption: spec.on_disruption,
            status: self.previous.as_ref(),
            pod: self.pod.as_ref(),
            view: &self.view,
            left: self.left.as_ref(),
            now: self.now,
        }
    }

    /// Whether somebody has a use for it, as far as its status says.
    pub fn rest(&self) -> Rest {
        rest::rest(&self.demand(self.previous.as_ref()))
    }

    fn demand<'s>(&'s self, status: Option<&'s VirtualParticipantStatus>) -> rest::Known<'s> {
        rest::Known {
            spec: &self.participant.spec,
            status,
            has_livestreams: self.has_livestreams || self.is_deleted(),
            now: self.now,
        }
    }

    fn resting(&self) -> Option<RestReason> {
        match self.rest() {
            Rest::Resting { reason, .. } => Some(reason),
            Rest::Wanted | Rest::Counted { .. } => None,
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

    fn serving(&self) -> Serving<'_> {
        Serving {
            pod: self.pod.as_ref(),
            view: &self.view,
            problems: &self.problems,
            earlier: self.earlier().map(said),
            now: self.now,
        }
    }

    fn earlier_verdict(&self, type_: Type) -> Option<Verdict> {
        said(self.earlier()?).verdict(type_.as_str())
    }

    /// The first refusal of that part of what the session was told last.
    fn refusal(&self, part: Part) -> Option<&Refusal> {
        self.serving().refusal(part)
    }

    fn is_deleted(&self) -> bool {
        self.participant.metadata.deletion_timestamp.is_some()
    }

    /// The spec as it is now was answered: by the session, or by a reason for which none can be, or need be.
    fn is_answered(&self) -> bool {
        let final_word = |problem: &Problem| self.pod.is_none() || problem.condition != Type::Accepted;
        self.resting().is_some()
            || self.view.word().answer().is_some()
            || self.problems.iter().any(final_word)
    }
}

/// What a status says.
fn said(status: &VirtualParticipantStatus) -> Said<'_> {
    Said { conditions: &status.conditions, failing: &status.failing }
}

/// The status that follows.
pub fn report(observed: &Observed<'_>) -> VirtualParticipantStatus {
    let previous = observed.previous.clone().unwrap_or_default();
    let seating = seating(&observed.invitation());
    let mut verdicts = verdicts(observed);
    verdicts.0.extend(invited(observed, &seating.seat));
    let (ready, about) = (ready(observed, &verdicts), about(observed, &verdicts));
    let is_ready = ready.truth == Truth::True;
    let before = if previous.ready_generation == Some(about) { Before::Proven } else { Before::Unproven };
    let phase = phase(&state(observed, &verdicts, &ready, &seating.seat), before);
    let progress = progress(phase);
    verdicts.0.push((Type::Reconciling, progress.reconciling(&ready), about));
    verdicts.0.push((Type::Stalled, progress.stalled(&ready), about));
    verdicts.0.push((Type::Ready, ready, about));
    let conditions = Type::ALL.iter().filter_map(|type_| {
        let (_, verdict, generation) = verdicts.0.iter().find(|(other, ..)| other == type_)?;
        Some(condition(observed.said(), type_.as_str(), verdict, *generation, observed.now))
    });
    let served = observed.pod.is_some();
    let mut status = VirtualParticipantStatus {
        observed_generation: match observed.is_answered() {
            true => Some(observed.generation()),
            false => previous.observed_generation,
        },
        phase: Some(phase),
        conditions: conditions.collect(),
        failing: failing(verdicts.0.iter().map(|(type_, verdict, _)| (type_.as_str(), verdict))),
        ready_generation: match observed.resting() {
            None if is_ready => Some(about),
            None => previous.ready_generation,
            // The next pod is made for whoever has a use for it, and repairs nothing.
            Some(_) => None,
        },
        pod: pod_status(observed),
        runtime_profile_name: if served {
            Some(observed.participant.spec.runtime_profile_name.clone())
        } else {
            previous.runtime_profile_name
        },
        runtime_profile_revision: match &observed.pod {
            Some(pod) => pod.profile_revision.clone(),
            None => previous.runtime_profile_revision,
        },
        media: media(observed),
        last_error: last_error(&verdicts).or(previous.last_error),
        session: seating.session,
        last_session: seating.last,
        settled_invitations: seating.settled,
        endpoints: endpoints(observed),
        access: if served {
            Some(AccessStatus { secret_name: names::access_secret(&observed.participant.name_any()) })
        } else {
            previous.access
        },
        rest: previous.rest,
    };
    status.rest = rest::remembered(&observed.demand(Some(&status)));
    if let (Some(RestStatus { reason: Some(_), .. }), Some(pod)) = (&status.rest, &mut status.pod) {
        pod.rested_attempt = Some(pod.attempt);
    }
    status
}

fn state(observed: &Observed<'_>, verdicts: &Verdicts, ready: &Verdict, seat: &Seat) -> State {
    if observed.is_deleted() {
        return State::Deleted;
    }
    if let (Some(reason), true) = (observed.resting(), observed.problems.is_empty()) {
        return State::Resting(reason);
    }
    if ready.truth == Truth::True {
        return State::Ready(on_stage(seat, verdicts));
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

/// By evidence of media, as far as there is some.
fn on_stage(seat: &Seat, verdicts: &Verdicts) -> ParticipantPhase {
    match seat {
        Seat::Invited(_) if verdicts.is_true(Type::Published) => ParticipantPhase::Published,
        Seat::Invited(_) if verdicts.is_true(Type::Connected) => ParticipantPhase::Connected,
        seat => seat.phase(),
    }
}

/// Without a pod the earlier one is kept: its attempt is what the next one counts on from.
fn pod_status(observed: &Observed<'_>) -> Option<PodStatus> {
    let before = observed.previous.as_ref().and_then(|previous| previous.pod.as_ref());
    let Some(pod) = &observed.pod else { return before.cloned() };
    Some(PodStatus {
        name: pod.name.clone(),
        uid: Some(pod.uid.clone()),
        node: pod.node.clone(),
        attempt: pod.attempt,
        rested_attempt: before.and_then(|before| before.rested_attempt),
    })
}

/// Where a session is not heard of, what it said last is the best that is known.
fn media(observed: &Observed<'_>) -> Option<MediaStatus> {
    if observed.resting().is_some() {
        return None;
    }
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
    if observed.resting().is_some() {
        return Vec::new();
    }
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
    let (_, verdict) = verdicts.cause(&CAUSES).or_else(|| verdicts.cause(&STAGE))?;
    Some(LastError { code: verdict.reason.clone(), message: verdict.message.clone() })
}
