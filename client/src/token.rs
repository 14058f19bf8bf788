//! The token of a stage that is given with an invitation, instead of a Secret that names it: it is kept in a Secret of the
//! participant's own. An annotation on the participant, written together with the invitation, says for which one there is such a Secret,
//! so that whoever finds that invitation at its end can take it away, whatever happened between.

use crate::address::{host, whip_url};
use crate::refusal::Refusal;
use crate::standing::{carried_out, settled};
use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference};
use kube::api::{DeleteParams, PostParams, Preconditions};
use kube::{Api, Resource, ResourceExt};
use sha2::{Digest, Sha256};
use understudy_crds::v1alpha1::{Invitation, SecretKeyRef, Stage, VirtualParticipant};
use understudy_crds::{ALLOWED_HOSTS, CREDENTIALS_SECRET_TYPE, STAGE_TOKEN};

const KEY: &str = "token";
/// How much of the id's fingerprint goes into the Secret's name: an id may have letters that a name may not have.
const FINGERPRINT_BYTES: usize = 5;

/// Where the token of that invitation stands.
pub fn place(participant: &str, id: &str) -> SecretKeyRef {
    let fingerprint: String =
        Sha256::digest(id).iter().take(FINGERPRINT_BYTES).map(|byte| format!("{byte:02x}")).collect();
    SecretKeyRef { name: format!("{participant}-stage-{fingerprint}"), key: KEY.into() }
}

/// What became of a token that is to be kept.
pub(crate) enum Kept {
    /// A Secret with this UID was made for it.
    Made(Option<String>),
    /// There was one.
    There,
}

/// Keeps the token there. One that is there already was given with the same id: the newer one is right.
pub(crate) async fn keep(
    api: &Api<Secret>,
    participant: &VirtualParticipant,
    invitation: &Invitation,
    token: &str,
) -> Result<Kept, Refusal> {
    let secret = secret(participant, invitation, token);
    for _again in 0..2 {
        match api.create(&PostParams::default(), &secret).await {
            Err(kube::Error::Api(status)) if status.is_already_exists() => {}
            created => return created.map(|created| Kept::Made(created.uid())).map_err(Refusal::of),
        }
        let there = api.get_opt(&secret.name_any()).await.map_err(Refusal::of)?;
        if there.is_some_and(|there| there.data == secret.data) {
            return Ok(Kept::There);
        }
        remove(api, &participant.name_any(), &invitation.id).await?;
    }
    Err(Refusal::Contended(participant.name_any()))
}

/// Takes it away; one that is gone is.
pub async fn remove(api: &Api<Secret>, participant: &str, id: &str) -> Result<(), Refusal> {
    take_back(api, participant, id, None).await
}

/// The same of that one alone.
pub(crate) async fn take_back(
    api: &Api<Secret>,
    participant: &str,
    id: &str,
    uid: Option<String>,
) -> Result<(), Refusal> {
    let preconditions = uid.map(|uid| Preconditions { uid: Some(uid), ..Preconditions::default() });
    let params = DeleteParams { preconditions, ..DeleteParams::default() };
    match api.delete(&place(participant, id).name, &params).await {
        Err(kube::Error::Api(status)) if status.is_not_found() || status.is_conflict() => Ok(()),
        deleted => deleted.map(drop).map_err(Refusal::of),
    }
}

/// The note of all that is kept, with that one. Pure.
pub(crate) fn noted(participant: &VirtualParticipant, id: &str) -> String {
    let mut all = kept(participant);
    all.retain(|kept| *kept != id);
    all.push(id);
    all.join(",")
}

/// The invitations whose tokens are kept, by the note.
fn kept(participant: &VirtualParticipant) -> Vec<&str> {
    let note = participant.annotations().get(STAGE_TOKEN);
    note.into_iter().flat_map(|note| note.split(',')).filter(|id| !id.is_empty()).collect()
}

/// What is kept and not needed any more, and the note of the rest: none, if there is none.
pub struct Spent<'a> {
    /// Those invitations: none of them is what the participant is invited to, and nothing carries it out.
    pub ids: Vec<&'a str>,
    /// Of the others.
    pub note: Option<String>,
}

/// What can be taken away; none, if that is nothing. Pure.
pub fn spent(participant: &VirtualParticipant) -> Option<Spent<'_>> {
    let is_needed = |id: &str| {
        let invitation = participant.spec.invitation.as_ref();
        let is_desired = invitation.is_some_and(|invitation| invitation.id == id);
        carried_out(participant) == Some(id) || (is_desired && settled(participant, id).is_none())
    };
    let (needed, ids): (Vec<&str>, Vec<&str>) = kept(participant).into_iter().partition(|id| is_needed(id));
    let note = (!needed.is_empty()).then(|| needed.join(","));
    (!ids.is_empty()).then_some(Spent { ids, note })
}

/// It may be sent to the stage that it is for, and to no other host.
fn secret(participant: &VirtualParticipant, invitation: &Invitation, token: &str) -> Secret {
    let Stage { whip, ivs: _, page } = &invitation.stage;
    let url =
        whip.as_ref().map(|whip| whip.url.clone()).or_else(|| page.as_ref().map(|page| page.url.clone()));
    let hosts = url.or_else(|| whip_url(token)).and_then(|url| host(&url).map(str::to_owned));
    let notes = [(STAGE_TOKEN, Some(invitation.id.clone())), (ALLOWED_HOSTS, hosts)];
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
            name: Some(place(&participant.name_any(), &invitation.id).name),
            annotations: Some(
                notes.into_iter().filter_map(|(key, note)| Some((key.to_owned(), note?))).collect(),
            ),
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
    use base64::Engine;
    use base64::prelude::BASE64_URL_SAFE_NO_PAD;
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
            assert!(spent(&ada).is_none(), "nothing is kept: {spec} {status}");
            ada.annotations_mut().insert(STAGE_TOKEN.into(), "a".into());
            assert_eq!(spent(&ada).is_some(), expected, "{spec} {status}");
            let note = noted(&ada, "x");
            ada.annotations_mut().insert(STAGE_TOKEN.into(), note);
            let both = spent(&ada).unwrap();
            assert_eq!(
                (both.ids.contains(&"a"), both.note.is_none()),
                (expected, expected),
                "{spec} {status}"
            );
        }
    }

    #[test]
    fn a_token_may_be_sent_to_its_own_stage_alone() {
        let claims = BASE64_URL_SAFE_NO_PAD.encode(r#"{"whip_url": "https://ivs.example/whip"}"#);
        let ivs = json!({"ivs": {"tokenSecretRef": {"name": "s", "key": "k"}}});
        for (stage, token, hosts) in [
            (
                json!({"whip": {"url": "https://stage.example:8443/whip"}}),
                "word".to_owned(),
                Some("stage.example"),
            ),
            (json!({"page": {"url": "https://room.example/a"}}), "word".to_owned(), Some("room.example")),
            (ivs.clone(), format!("e30.{claims}.c2ln"), Some("ivs.example")),
            (ivs, "word".to_owned(), None),
        ] {
            let invitation = json!({"id": "a", "joinBefore": "2026-01-01T00:00:00Z", "stage": stage});
            let secret = secret(
                &participant(&json!({}), &json!({})),
                &serde_json::from_value(invitation).unwrap(),
                &token,
            );
            assert_eq!(secret.annotations().get(ALLOWED_HOSTS).map(String::as_str), hosts, "{stage}");
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
