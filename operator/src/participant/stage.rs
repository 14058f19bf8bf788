//! Which stage a session is told to be on. Reads the Secret that names its token.

use crate::control::convert::{self, JoinBefore};
use crate::credentials::Fault;
use crate::participant::report::{Observed, unsupported};
use crate::participant::{Context, Error};
use kube::ResourceExt;
use understudy_proto::v1::Invitation;

/// What a session is to be told of its stage.
pub(super) enum Told {
    /// To be on this one, or on none.
    Now(Option<Box<Invitation>>),
    /// Nothing, and nothing else either: it may be on a stage, and what it is to hear of that cannot be said, or not yet.
    Nothing,
}

/// What hinders an invitation from being told is kept among what was observed. It takes nobody from a stage: what was told before
/// is told again.
pub(super) async fn told(context: &Context, observed: &mut Observed<'_>) -> Result<Told, Error> {
    let known = observed.invitation();
    let Some(invitation) = known.ask() else { return Ok(Told::Now(None)) };
    if known.waits_for_a_word(&invitation.id) {
        return Ok(Told::Nothing);
    }
    let (id, may_know) = (&invitation.id, known.may_know(&invitation.id));
    let before = observed.pod.as_ref().and_then(|pod| context.registry.invited(&pod.uid)).flatten();
    let before = before.filter(|before| before.id == *id);
    let join_before = match (known.was_connected(id), &before) {
        // It knows that it was there: nothing new is to be said for that.
        (true, Some(before)) => JoinBefore::At(before.join_before_unix_seconds),
        (true, None) => JoinBefore::AtAnyTime,
        (false, _) => JoinBefore::AsDescribed,
    };
    let namespace = observed.participant.namespace().unwrap_or_default();
    let fault = match context.credentials.of_stage(&namespace, &invitation.stage).await {
        Err(unread @ Fault::Unread(_)) => return Err(Error::Unread(unread)),
        Err(fault) => Some(fault),
        Ok(secret) if unsupported(observed).is_none() => {
            let spec = &observed.participant.spec;
            let told = convert::invitation(spec, invitation, join_before, secret.as_deref());
            return Ok(Told::Now(Some(Box::new(told))));
        }
        Ok(_secret) => None,
    };
    observed.fault = fault;
    Ok(match before {
        None if may_know => Told::Nothing,
        before => Told::Now(before.map(Box::new)),
    })
}
