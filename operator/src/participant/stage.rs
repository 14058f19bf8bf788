//! Which stage a session is told to be on. Reads the Secret that names its token.

use crate::control::convert::{self, JoinBefore};
use crate::participant::report::{Observed, unsupported};
use crate::participant::{Context, trace};
use crate::telemetry::Tracing;
use kube::ResourceExt;
use understudy_proto::v1::{Invitation, Stage};

/// What a session is to be told of its stage.
pub(super) enum Told {
    /// To be on this one, or on none.
    Now(Option<Box<Invitation>>),
    /// Nothing, and nothing else either: whether it is to hear of its stage depends on what it is yet to say.
    Nothing,
}

/// What hinders an invitation from being told is kept among what was observed. It takes nobody from a stage, and keeps nothing else
/// from being told: what was told before is told again, and a session that may know of the invitation from an earlier leader hears
/// its id without a stage.
pub(super) async fn told(context: &Context, observed: &mut Observed<'_>) -> Told {
    let known = observed.invitation();
    let Some(invitation) = known.ask() else { return Told::Now(None) };
    if known.waits_for_a_word(&invitation.id) {
        return Told::Nothing;
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
    let secret = context.credentials.of_stage(&namespace, &invitation.stage).await;
    let traceparent = match context.tracing {
        Tracing::On => trace::place(observed.participant, id).to_string(),
        Tracing::Off => String::new(),
    };
    let described = |secret: Option<&str>| Invitation {
        traceparent: traceparent.clone(),
        ..convert::invitation(&observed.participant.spec, invitation, join_before, secret)
    };
    let told = match &secret {
        Ok(secret) if unsupported(observed).is_none() => Some(described(secret.as_deref())),
        _ => hindered(before, may_know, described(None)),
    };
    observed.fault = secret.err();
    Told::Now(told.map(Box::new))
}

/// What is told of an invitation whose stage cannot be said. A session that knows of it keeps what runs under its id and refuses the
/// rest; one that has heard of none hears of none.
fn hindered(before: Option<Invitation>, may_know: bool, described: Invitation) -> Option<Invitation> {
    let without_stage = || Invitation { stage: Some(Stage::default()), ..described };
    before.or_else(|| may_know.then(without_stage))
}

#[cfg(test)]
mod tests {
    use super::*;
    use understudy_proto::v1::WhipOutput;

    fn with(stage: Stage) -> Invitation {
        Invitation { id: "a".into(), stage: Some(stage), ..Invitation::default() }
    }

    #[test]
    fn what_cannot_be_told_takes_nobody_from_a_stage() {
        let whip = |token: &str| Stage {
            whip: Some(WhipOutput { url: "https://a/".into(), token: token.into() }),
            ..Stage::default()
        };
        let table = [
            (Some(whip("word")), true, Some(whip("word"))),
            (Some(whip("word")), false, Some(whip("word"))),
            (None, true, Some(Stage::default())),
            (None, false, None),
        ];
        for (number, (before, may_know, expected)) in table.into_iter().enumerate() {
            let told = hindered(before.map(with), may_know, with(whip("")));
            assert_eq!(told, expected.map(with), "row {number}");
        }
    }
}
