//! The token of a stage that is given with an invitation, instead of a Secret that names it: it is kept in a Secret of the
//! participant's own. An annotation on the participant, written together with the invitation, says for which one there is such a Secret,
//! so that whoever finds that invitation at its end can take it away, whatever happened between.

use crate::refusal::Refusal;
use crate::standing::settled;
use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference};
use kube::api::{DeleteParams, PostParams};
use kube::{Api, Resource, ResourceExt};
use sha2::{Digest, Sha256};
use understudy_crds::v1alpha1::{SecretKeyRef, VirtualParticipant};
use understudy_crds::{CREDENTIALS_SECRET_TYPE, STAGE_TOKEN};

const KEY: &str = "token";
/// How much of the id's fingerprint goes into the Secret's name: an id may have letters that a name may not have.
const FINGERPRINT_BYTES: usize = 5;

/// Where the token of that invitation stands.
pub fn place(participant: &str, id: &str) -> SecretKeyRef {
    let fingerprint: String =
        Sha256::digest(id).iter().take(FINGERPRINT_BYTES).map(|byte| format!("{byte:02x}")).collect();
    SecretKeyRef { name: format!("{participant}-stage-{fingerprint}"), key: KEY.into() }
}

/// Keeps the token there. One that is there already was given with the same id: the newer one is right.
pub(crate) async fn keep(
    api: &Api<Secret>,
    participant: &VirtualParticipant,
    id: &str,
    token: &str,
) -> Result<(), Refusal> {
    let secret = secret(participant, id, token);
    for _again in 0..2 {
        match api.create(&PostParams::default(), &secret).await {
            Err(kube::Error::Api(status)) if status.is_already_exists() => {}
            created => return created.map(drop).map_err(Refusal::of),
        }
        let there = api.get_opt(&secret.name_any()).await.map_err(Refusal::of)?;
        if there.is_some_and(|there| there.data == secret.data) {
            return Ok(());
        }
        remove(api, &participant.name_any(), id).await?;
    }
    Err(Refusal::Contended(participant.name_any()))
}

/// Takes it away; one that is gone is.
pub async fn remove(api: &Api<Secret>, participant: &str, id: &str) -> Result<(), Refusal> {
    match api.delete(&place(participant, id).name, &DeleteParams::default()).await {
        Err(kube::Error::Api(status)) if status.is_not_found() => Ok(()),
        deleted => deleted.map(drop).map_err(Refusal::of),
    }
}

/// The invitation whose token is kept and is not needed any more: it is not what the participant is invited to, and nothing
/// carries it out. Pure.
pub fn spent(participant: &VirtualParticipant) -> Option<&str> {
    let id = participant.annotations().get(STAGE_TOKEN)?.as_str();
    let session = participant.status.as_ref().and_then(|status| status.session.as_ref());
    let is_desired = participant.spec.invitation.as_ref().is_some_and(|invitation| invitation.id == id);
    let is_carried_out = session.is_some_and(|session| session.invitation_id == id);
    let is_needed = is_carried_out || (is_desired && settled(participant, id).is_none());
    (!is_needed).then_some(id)
}

fn secret(participant: &VirtualParticipant, id: &str, token: &str) -> Secret {
    let owner = OwnerReference {
        api_version: VirtualParticipant::api_version(&()).into_owned(),
        kind: VirtualParticipant::kind(&()).into_owned(),
        name: participant.name_any(),
        uid: participant.uid().unwrap_or_default(),
        controller: None,
        block_owner_deletion: None,
    };
    Secret {
        metadata: ObjectMeta {
            name: Some(place(&participant.name_any(), id).name),
            annotations: Some([(STAGE_TOKEN.to_owned(), id.to_owned())].into()),
            owner_references: Some(vec![owner]),
            ..ObjectMeta::default()
        },
        type_: Some(CREDENTIALS_SECRET_TYPE.into()),
        data: Some([(KEY.to_owned(), ByteString(token.as_bytes().to_vec()))].into()),
        ..Secret::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::standing::tests::participant;
    use serde_json::{Value, json};

    #[test]
    fn a_token_goes_once_its_invitation_is_neither_desired_nor_carried_out() {
        let (at, stage) =
            ("2026-01-01T00:00:00Z", json!({"ivs": {"tokenSecretRef": {"name": "s", "key": "k"}}}));
        let invited = |id: &str| json!({"invitation": {"id": id, "joinBefore": at, "stage": stage}});
        let session = |id: &str| json!({"session": {"invitationId": id, "invitedAt": at}});
        let settled = json!({"settledInvitations": [{"id": "a", "outcome": "Completed", "at": at}]});
        let table: [(Value, Value, bool); 7] = [
            (invited("a"), json!({}), false),
            (invited("a"), session("a"), false),
            (invited("a"), settled.clone(), true),
            (json!({}), session("a"), false),
            (json!({}), json!({}), true),
            (invited("b"), session("a"), false),
            (invited("b"), settled, true),
        ];
        for (spec, status, expected) in table {
            let mut ada = participant(&spec, &status);
            assert_eq!(spent(&ada), None, "nothing is kept: {spec} {status}");
            ada.annotations_mut().insert(STAGE_TOKEN.into(), "a".into());
            assert_eq!(spent(&ada).is_some(), expected, "{spec} {status}");
        }
    }

    #[test]
    fn a_secret_is_named_by_participant_and_id() {
        let named = |participant: &str, id: &str| place(participant, id).name;
        assert_eq!(named("ada", "show-42"), named("ada", "show-42"));
        assert_ne!(named("ada", "show-42"), named("ada", "Show-42"));
        assert!(named(&"a".repeat(50), "x").len() <= 253);
    }
}
