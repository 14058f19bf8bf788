//! What is known of the invitation of a participant at one moment: what is desired, what the status remembers, what the session
//! says; and what is to be remembered.

use crate::condition::whole_seconds;
use crate::participant::invitation::settle::{Over, Stand, settle, stand};
use crate::participant::invitation::{Seat, Seating};
use crate::provide::observe::{Life, PodFacts};
use crate::view::View;
use jiff::{SignedDuration, Timestamp};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use sha2::{Digest, Sha256};
use std::time::Duration;
use understudy_crds::condition::{ParticipantCondition as Type, Truth};
use understudy_crds::v1alpha1::{
    Invitation, LastSession, MOST_SETTLED, OnDisruption, SessionStatus, SettledInvitation, Stage,
    VirtualParticipantStatus,
};
use understudy_proto::v1::{InvitationReport, InvitationState};

/// A session ends by itself what it has not joined in time, and says so within this.
const OWN_WORD: SignedDuration = SignedDuration::from_secs(5);

/// Of a stage's digest.
const DIGEST_BYTES: usize = 8;

/// As much as the status takes.
const LONGEST_PARTICIPANT_ID: usize = 253;

/// All that is decided on.
#[derive(Clone, Copy, Debug)]
pub struct Known<'a> {
    /// The invitation that is desired.
    pub desired: Option<&'a Invitation>,
    /// What becomes of it if its pod ends.
    pub on_disruption: OnDisruption,
    /// The newest status so far.
    pub status: Option<&'a VirtualParticipantStatus>,
    /// The pod that serves, or did and may still run.
    pub pod: Option<&'a PodFacts>,
    /// Its session.
    pub view: &'a View,
    /// What that pod says of what it has left, if it was let in only to finish.
    pub left: Option<&'a InvitationReport>,
    /// Now.
    pub now: Timestamp,
}

/// What the session says of invitations.
#[derive(Clone, Copy, Debug)]
pub(super) enum Heard<'a> {
    /// This, of the last that it has heard of.
    Of(&'a InvitationReport),
    /// Its process has heard of none.
    None,
    /// Nothing: nobody knows what it does.
    Silence,
}

impl<'a> Known<'a> {
    /// The invitation that the session is to be told of: none, as long as another one may be on its stage, or the status does not
    /// yet say what became of that.
    pub fn ask(&self) -> Option<&'a Invitation> {
        let desired = self.desired.filter(|desired| !self.is_settled(&desired.id))?;
        let is_free = self.subject() == Some(&desired.id);
        let may_be_there = match (settle(self, &desired.id), self.stand(&desired.id)) {
            (Ok(Seat::Invited(_)), _) => true,
            // A pod that is to end takes nothing new, and a process that has left does not come back.
            (Ok(Seat::Asked(_)), Stand::Idle | Stand::Broken) => !self.is_ending(),
            _ => false,
        };
        (is_free && may_be_there).then_some(desired)
    }

    /// Whether the session's process may have heard of it: it takes it for a kick if it is told of it no more.
    pub fn may_know(&self, id: &str) -> bool {
        match self.heard() {
            Heard::Of(said) => said.id == id,
            Heard::None => false,
            Heard::Silence => true,
        }
    }

    /// Whether the session is to speak before it is told of it: its process may be another than the one that had acknowledged it, and
    /// that is not to be asked again.
    pub fn waits_for_a_word(&self, id: &str) -> bool {
        let acknowledged = self.record(id).is_some_and(|record| record.pod_uid.is_some());
        self.on_disruption == OnDisruption::Fail && acknowledged && matches!(self.heard(), Heard::Silence)
    }

    /// Whether it has been on its stage: then it may come back to it at any time.
    pub fn was_connected(&self, id: &str) -> bool {
        self.record(id).is_some_and(|record| record.connected_at.is_some()) || self.says(id, Type::Connected)
    }

    /// When the desired invitation is looked at differently without anything happening.
    pub fn expires_in(&self) -> Option<Duration> {
        let desired = self.desired.filter(|desired| !self.is_settled(&desired.id))?;
        let waits = !self.was_connected(&desired.id) && !self.is_overdue(&desired.id);
        let word =
            self.accepted(&desired.id).and_then(|_said| desired.join_before.0.saturating_add(OWN_WORD).ok());
        let rest = [Some(desired.join_before.0), word].map(|by| {
            let rest = Duration::try_from(by?.duration_since(self.now)).ok();
            rest.filter(|rest| !rest.is_zero())
        });
        rest.into_iter().flatten().min().filter(|_rest| waits)
    }

    /// What the session says of an invitation that it carries out.
    pub fn accepted(&self, id: &str) -> Option<&'a InvitationReport> {
        match self.heard() {
            Heard::Of(said) => {
                Some(said).filter(|said| said.id == id && said.state() == InvitationState::Accepted)
            }
            Heard::None | Heard::Silence => None,
        }
    }

    /// The invitation that has the seat: the one that the status remembers, one that a session carries out all the same, or the
    /// desired one.
    pub(super) fn subject(&self) -> Option<&'a str> {
        let remembered =
            self.status.and_then(|status| status.session.as_ref()).map(|session| &*session.invitation_id);
        let carried_out = match self.heard() {
            Heard::Of(said) if said.state() == InvitationState::Accepted => Some(&*said.id),
            _ => None,
        };
        let desired = self.desired.map(|desired| &*desired.id).filter(|id| !self.is_settled(id));
        remembered.or(carried_out).or(desired)
    }

    pub(super) fn stand(&self, id: &str) -> Stand<'a> {
        stand(self, id)
    }

    /// A session's process is all that knows: what it says of an invitation holds whatever else it was told since, for as long as there
    /// is no evidence that it has ended.
    pub(super) fn heard(&self) -> Heard<'a> {
        if self.is_halted() {
            return Heard::Silence;
        }
        let Some(report) = self.view.facts().and_then(|facts| facts.report.as_ref()) else {
            return Heard::Silence;
        };
        report.invitation.as_ref().map_or(Heard::None, Heard::Of)
    }

    /// The session has answered what it was told last.
    pub(super) fn is_answered(&self) -> bool {
        self.view.word().answer().is_some()
    }

    pub(super) fn record(&self, id: &str) -> Option<&'a SessionStatus> {
        self.status?.session.as_ref().filter(|session| session.invitation_id == id)
    }

    pub(super) fn is_desired(&self, id: &str) -> bool {
        self.desired(id).is_some()
    }

    /// The desired invitation, if it is that one. An id that was taken away and came again with another stage, before anybody looked,
    /// names what it did before, and is desired no more.
    fn desired(&self, id: &str) -> Option<&'a Invitation> {
        let known = self.record(id).and_then(|record| record.stage_digest.as_deref());
        let is_same = |stage: &Stage| known.is_none_or(|known| known == digest(stage));
        self.desired.filter(|desired| desired.id == id && is_same(&desired.stage))
    }

    /// The kubelet says that no process runs, and none is heard.
    pub(super) fn is_halted(&self) -> bool {
        self.pod.is_some_and(|pod| pod.halted) && !matches!(self.view, View::Linked(_) | View::Mute(_))
    }

    /// It is desired, its time to join is over, and it never was on its stage.
    pub(super) fn is_expired(&self, id: &str) -> bool {
        self.desired(id).is_some_and(|desired| self.is_late(desired))
    }

    /// The same, and a session that says to be on its way to the stage has had the time to say so itself.
    pub(super) fn is_overdue(&self, id: &str) -> bool {
        let by = self.desired.and_then(|desired| desired.join_before.0.saturating_add(OWN_WORD).ok());
        self.is_expired(id) && self.accepted(id).is_some() && by.is_some_and(|by| self.now >= by)
    }

    /// The pod was asked to end.
    pub(super) fn is_ending(&self) -> bool {
        self.pod.is_some_and(|pod| matches!(pod.life, Life::Ending { .. }))
    }

    /// The pod of which something may still run.
    pub(super) fn running(&self) -> Option<&'a PodFacts> {
        self.pod.filter(|pod| pod.life != Life::Ended)
    }

    /// How the seat of an invitation is seen that has come to its end before.
    pub(super) fn left(&self, id: &str) -> Option<Seat> {
        let settled = self.status?.settled_invitations.iter().find(|settled| settled.id == id)?;
        let last = self.status?.last_session.as_ref().filter(|last| last.invitation_id == id);
        let message =
            last.map_or_else(|| format!("invitation {id} has come to its end"), |last| last.message.clone());
        Some(Seat::Left { id: id.into(), outcome: settled.outcome.clone(), message })
    }

    /// What is remembered of a seat that nobody left.
    pub(super) fn seated(&self, seat: Seat) -> Seating {
        let session = match &seat {
            Seat::Free | Seat::Left { .. } => None,
            // Of one that has come to its end, and yet is carried out, nothing more becomes known.
            Seat::Leaving(id) if self.is_settled(id) => None,
            Seat::Asked(id) => Some(SessionStatus { pod_uid: None, ..self.remembered(id) }),
            Seat::Invited(id) | Seat::Leaving(id) => Some(self.witnessed(id)),
        };
        Seating { seat, session, last: self.last(), settled: self.settled() }
    }

    /// What is remembered once an invitation has come to its end; `seat`: who has the seat then.
    pub(super) fn settled_by(&self, id: &str, over: &Over, seat: Seat) -> Seating {
        let record = self.record(id);
        let last = LastSession {
            invitation_id: id.into(),
            participant_id: self.participant_id(id),
            outcome: over.outcome.clone(),
            message: over.message.clone(),
            invited_at: record.map(|record| record.invited_at.clone()),
            connected_at: record.and_then(|record| record.connected_at.clone()),
            published_at: record.and_then(|record| record.published_at.clone()),
            ended_at: self.time(),
        };
        let mut settled = self.settled();
        settled.retain(|settled| settled.id != id);
        settled.push(SettledInvitation { id: id.into(), outcome: over.outcome.clone(), at: self.time() });
        settled.drain(..settled.len().saturating_sub(MOST_SETTLED));
        Seating { last: Some(last), settled, ..self.seated(seat) }
    }

    pub(super) fn is_settled(&self, id: &str) -> bool {
        self.status.is_some_and(|status| status.settled_invitations.iter().any(|settled| settled.id == id))
    }

    fn is_late(&self, desired: &Invitation) -> bool {
        self.now >= desired.join_before.0 && !self.was_connected(&desired.id)
    }

    fn says(&self, id: &str, type_: Type) -> bool {
        let told = self.accepted(id).into_iter().flat_map(|said| &said.conditions);
        told.filter(|told| told.r#type == type_.as_str())
            .any(|told| Truth::parse(&told.status) == Truth::True)
    }

    fn remembered(&self, id: &str) -> SessionStatus {
        self.record(id).cloned().unwrap_or_else(|| SessionStatus {
            invitation_id: id.into(),
            stage_digest: self.desired(id).map(|desired| digest(&desired.stage)),
            pod_uid: None,
            participant_id: None,
            invited_at: self.time(),
            connected_at: None,
            published_at: None,
        })
    }

    /// The same with what the session says now.
    fn witnessed(&self, id: &str) -> SessionStatus {
        let before = self.remembered(id);
        let first =
            |earlier: Option<Time>, type_| earlier.or_else(|| self.says(id, type_).then(|| self.time()));
        let carries = self.accepted(id).and(self.pod).map(|pod| pod.uid.clone());
        SessionStatus {
            pod_uid: carries.or(before.pod_uid),
            participant_id: self.participant_id(id),
            connected_at: first(before.connected_at, Type::Connected),
            published_at: first(before.published_at, Type::Published),
            ..before
        }
    }

    fn participant_id(&self, id: &str) -> Option<String> {
        let said = match self.heard() {
            Heard::Of(said) if said.id == id && !said.participant_id.is_empty() => Some(&said.participant_id),
            _ => None,
        };
        let said = said.map(|said| said.chars().take(LONGEST_PARTICIPANT_ID).collect());
        said.or_else(|| self.record(id)?.participant_id.clone())
    }

    fn last(&self) -> Option<LastSession> {
        self.status?.last_session.clone()
    }

    fn settled(&self) -> Vec<SettledInvitation> {
        self.status.map(|status| status.settled_invitations.clone()).unwrap_or_default()
    }

    fn time(&self) -> Time {
        Time(whole_seconds(self.now))
    }
}

/// Names a stage, without its token.
fn digest(stage: &Stage) -> String {
    let Stage { whip, ivs, page } = stage;
    let whip = whip.iter().map(|whip| format!("whip {}", whip.url));
    let ivs = ivs.iter().map(|_named_by_its_token| "ivs".to_owned());
    let page = page.iter().map(|page| format!("page {}", page.url));
    let named: String = whip.chain(ivs).chain(page).collect();
    Sha256::digest(named).iter().take(DIGEST_BYTES).map(|byte| format!("{byte:02x}")).collect()
}
