//! Whether an invitation has come to its end, and how.

use crate::condition::Verdict;
use crate::participant::invitation::Seat;
use crate::participant::invitation::known::{Heard, Known};
use understudy_crds::v1alpha1::OnDisruption;
use understudy_proto::v1::{InvitationReport, InvitationState};

/// It was desired no more, and was left for that. What a runtime says that does not say why.
const KICKED: &str = "Kicked";
/// Its time to join was over.
const EXPIRED: &str = "Expired";
/// What carried it out ended, and it is not to be carried out by another.
const DISRUPTED: &str = "Disrupted";

/// How an invitation came to its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Over {
    /// CamelCase.
    pub(super) outcome: String,
    /// For people.
    pub(super) message: String,
}

/// How a session stands to an invitation.
#[derive(Clone, Copy, Debug)]
pub(super) enum Stand<'a> {
    /// None has acknowledged it.
    Idle,
    /// It carries it out, as far as is known.
    Held,
    /// It has left its stage, and says so.
    Left(&'a InvitationReport),
    /// The process that carried it out is no more, or was let in only to finish and has left.
    Broken,
}

/// A lost stream is no evidence. Another pod is: it was made once nothing of the one before it ran any more; and so is a process
/// in the same pod that has never heard of it.
pub(super) fn stand<'a>(known: &Known<'a>, id: &str) -> Stand<'a> {
    let acknowledged_by = known.record(id).and_then(|record| record.pod_uid.as_deref());
    let heard = match known.heard() {
        Heard::Of(said) if said.id == id => match InvitationState::try_from(said.state) {
            Ok(InvitationState::Accepted) => return Stand::Held,
            Ok(InvitationState::Left) => return Stand::Left(said),
            // It was heard of, and refused.
            Ok(InvitationState::Unspecified) => Heard::None,
            // A word of a later version says nothing here.
            Err(_unknown) => Heard::Silence,
        },
        heard => heard,
    };
    match (acknowledged_by, heard) {
        (None, _) => Stand::Idle,
        (Some(_), Heard::Of(_) | Heard::None) => Stand::Broken,
        (Some(uid), Heard::Silence) => match (known.left.filter(|left| left.id == id), known.running()) {
            (Some(left), _) => Stand::Left(left),
            (None, Some(pod)) if pod.uid == uid && !known.is_halted() => Stand::Held,
            (None, _) => Stand::Broken,
        },
    }
}

/// Where the invitation that has the seat is, or how it came to its end.
pub(super) fn settle(known: &Known<'_>, id: &str) -> Result<Seat, Over> {
    match (known.stand(id), known.is_desired(id)) {
        (Stand::Held, true) if !known.is_overdue(id) && !known.is_settled(id) => Ok(Seat::Invited(id.into())),
        (Stand::Held, _) => Ok(Seat::Leaving(id.into())),
        (Stand::Left(said), true) if is_disruption(known, said) => disrupted(known, id),
        (Stand::Left(said), _) => Err(told(known, said)),
        (Stand::Broken, true) => disrupted(known, id),
        // Who may have been told of it ends it by its own word: it may have joined in time, unheard.
        (Stand::Idle, true) if known.is_expired(id) && (known.running().is_none() || known.is_answered()) => {
            Err(Over::expired())
        }
        (Stand::Idle, true) => Ok(Seat::Asked(id.into())),
        (Stand::Broken, false) => {
            Err(Over::kicked("it was taken away, and what had carried it out has ended"))
        }
        // What it was told last does not name it, and it was never heard to carry it out.
        (Stand::Idle, false) if known.running().is_none() || known.is_answered() => {
            Err(Over::kicked("it was taken away before a session had heard of it"))
        }
        (Stand::Idle, false) => Ok(Seat::Leaving(id.into())),
    }
}

/// It was left because its process ends, and not because anybody wanted that.
fn is_disruption(known: &Known<'_>, said: &InvitationReport) -> bool {
    let no_reason = matches!(said.outcome.as_str(), "" | KICKED);
    said.outcome == DISRUPTED || (known.is_ending() && no_reason)
}

fn disrupted(known: &Known<'_>, id: &str) -> Result<Seat, Over> {
    match known.on_disruption {
        _ if known.is_expired(id) => Err(Over::expired()),
        OnDisruption::Rejoin => Ok(Seat::Asked(id.into())),
        OnDisruption::Fail => {
            Err(Over::new(DISRUPTED, "what carried it out has ended, and onDisruption is Fail"))
        }
    }
}

/// As the session says it, but for what it cannot know: why it was desired no more.
fn told(known: &Known<'_>, said: &InvitationReport) -> Over {
    match said.outcome.as_str() {
        "" | KICKED if known.is_expired(&said.id) => Over::expired(),
        "" | DISRUPTED => Over::new(KICKED, &said.message),
        outcome => Over::new(outcome, &said.message),
    }
}

impl Over {
    fn expired() -> Self {
        Self::new(EXPIRED, "invitation.joinBefore was over before there was a way to the stage")
    }

    fn kicked(message: &str) -> Self {
        Self::new(KICKED, message)
    }

    /// Runtimes may say anything: cut and cleaned.
    fn new(outcome: &str, message: &str) -> Self {
        let Verdict { reason, message, .. } = Verdict::not_yet(outcome, message);
        Self { outcome: reason, message }
    }
}
