//! The operator's spans of the trace of an invitation: the look that first asks a session, the one that settles it, and the whole.

use crate::participant::report::Observed;
use jiff::Timestamp;
use kube::ResourceExt;
use std::time::SystemTime;
use understudy_crds::v1alpha1::{LastSession, VirtualParticipant, VirtualParticipantStatus};
use understudy_proto::v1::Invitation;
use understudy_trace::{Place, Span};

/// Outcomes that are as somebody wanted.
const AS_WANTED: [&str; 2] = ["Kicked", "Completed"];

/// Where the root of an invitation's trace stands.
pub(super) fn place(participant: &VirtualParticipant, id: &str) -> Place {
    Place::of_invitation(&participant.uid().unwrap_or_default(), id)
}

/// The session was told that; `before`: what this leader had told it. One that is not linked is told nothing.
pub(super) fn asked(observed: &Observed<'_>, before: Option<&Invitation>, told: Option<&Invitation>) {
    let Some(told) = told else { return };
    let is_first = before.is_none_or(|before| before.id != told.id) && !was_acknowledged(observed, &told.id);
    if let Some(root) = Place::parse(&told.traceparent).filter(|_root| is_first) {
        named(Span::since(observed.now.into(), root, "reconcile"), observed.participant, &told.id).end();
    }
}

/// The status was written, and is that by now.
pub(super) fn settled(observed: &Observed<'_>, status: Option<&VirtualParticipantStatus>) {
    let last =
        |status: Option<&VirtualParticipantStatus>| status.and_then(|status| status.last_session.clone());
    let Some(ended) = last(status).filter(|ended| last(observed.previous.as_ref()).as_ref() != Some(ended))
    else {
        return;
    };
    let participant = observed.participant;
    let root = place(participant, &ended.invitation_id);
    let [settle, whole] = [
        Span::since(observed.now.into(), root, "settle"),
        Span::root(root, "invitation", began(&ended).into()),
    ]
    .map(|span| named(span, participant, &ended.invitation_id).with("outcome", ended.outcome.clone()));
    settle.end();
    let at = SystemTime::from(ended.ended_at.0);
    match AS_WANTED.contains(&ended.outcome.as_str()) {
        true => whole.end_at(at),
        false => whole.fail_at(at, ended.outcome),
    }
}

/// One that was never asked of a session was over when it was looked at.
fn began(ended: &LastSession) -> Timestamp {
    ended.invited_at.as_ref().map_or(ended.ended_at.0, |invited_at| invited_at.0)
}

/// An earlier leader has asked.
fn was_acknowledged(observed: &Observed<'_>, id: &str) -> bool {
    let session = observed.previous.as_ref().and_then(|status| status.session.as_ref());
    session.is_some_and(|session| session.invitation_id == id && session.pod_uid.is_some())
}

fn named(span: Span, participant: &VirtualParticipant, id: &str) -> Span {
    span.with("id", id.to_owned())
        .with("participant", participant.name_any())
        .with("namespace", participant.namespace().unwrap_or_default())
}
