//! Takes an invitation away: who is on its stage leaves it.

use crate::invite::params;
use crate::refusal::Refusal;
use crate::standing::{carried_out, settled};
use kube::api::Patch;
use kube::{Api, Client};
use serde_json::json;
use understudy_crds::v1alpha1::VirtualParticipant;

/// How often it is tried: the participant may be written between the look and the write.
const ATTEMPTS: usize = 8;

/// Takes the invitation `id` of that participant away, or whichever it has. Done already is done.
pub async fn kick(
    client: &Client,
    namespace: &str,
    name: &str,
    id: Option<&str>,
) -> Result<VirtualParticipant, Refusal> {
    let api: Api<VirtualParticipant> = Api::namespaced(client.clone(), namespace);
    let about = |error| Refusal::about(error, Some(namespace), name);
    for _attempt in 0..ATTEMPTS {
        let participant = api.get(name).await.map_err(about)?;
        if !has(&participant, id)? {
            return Ok(participant);
        }
        let version = &participant.metadata.resource_version;
        let patch = json!({"metadata": {"resourceVersion": version}, "spec": {"invitation": null}});
        match api.patch(name, &params(), &Patch::Merge(patch)).await {
            Err(kube::Error::Api(status)) if status.is_conflict() => {}
            written => return written.map_err(about),
        }
    }
    Err(Refusal::Contended(name.to_owned()))
}

/// Whether it is still to be taken away.
fn has(participant: &VirtualParticipant, id: Option<&str>) -> Result<bool, Refusal> {
    let has = participant.spec.invitation.as_ref().map(|invitation| invitation.id.as_str());
    let Some(id) = id else { return Ok(has.is_some()) };
    let was = settled(participant, id).is_some() || carried_out(participant) == Some(id);
    match has {
        Some(has) if has == id => Ok(true),
        _ if was => Ok(false),
        _ => Err(Refusal::NotInvited {
            participant: participant.metadata.name.clone().unwrap_or_default(),
            id: id.to_owned(),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::standing::tests::participant;

    #[test]
    fn a_kick_takes_away_the_invitation_that_it_names_and_no_other() {
        let (at, stage) = ("2026-01-01T00:00:00Z", json!({"whip": {"url": "https://stage.example/whip"}}));
        let invited = json!({"invitation": {"id": "b", "joinBefore": at, "stage": stage}});
        let after = json!({
            "session": {"invitationId": "c", "invitedAt": at},
            "settledInvitations": [{"id": "a", "outcome": "Kicked", "at": at}]
        });
        let told = |id: Option<&str>| has(&participant(&invited, &after), id).ok();
        assert_eq!([told(None), told(Some("b"))], [Some(true), Some(true)]);
        assert_eq!([told(Some("a")), told(Some("c")), told(Some("d"))], [Some(false), Some(false), None]);
        let uninvited = participant(&json!({}), &after);
        assert!(!has(&uninvited, None).unwrap());
    }
}
