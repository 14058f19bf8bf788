//! Invites a participant: one that is named, or one of several that is free. Of two who invite at the same moment one succeeds, and the
//! other is told.

use crate::merge;
use crate::refusal::Refusal;
use crate::standing::{Answer, Standing, fits, free, held, holder, sort_resting_last, standing};
use crate::token::{self, Kept};
use k8s_openapi::api::core::v1::Secret;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::api::{Patch, PatchParams};
use kube::core::{Selector, SelectorExt};
use kube::{Api, Client, ResourceExt};
use rand::seq::SliceRandom;
use serde_json::{Value, json};
use std::sync::Arc;
use understudy_crds::STAGE_TOKEN;
use understudy_crds::v1alpha1::{
    Inputs, Invitation, IvsStage, PageStage, SecretKeyRef, Stage, VirtualParticipant, WhipOutput,
};

/// Owner of the field in the object.
const FIELD_MANAGER: &str = "understudy-control";
/// How often one participant is tried: its status may be written between the look and the write.
const ATTEMPTS: usize = 4;

/// An invitation that somebody is to have.
#[derive(Clone)]
pub struct Invite {
    /// Names it.
    pub id: String,
    /// Until when the stage may be joined.
    pub join_before: Time,
    /// The stage.
    pub place: Place,
    /// What lets onto it.
    pub token: Token,
    /// For this invitation alone.
    pub inputs: Option<Inputs>,
}

/// A kind of stage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// A server of WHIP, by its address.
    Whip(String),
    /// A stage of Amazon IVS Real-Time, which its token names.
    Ivs,
    /// A page that joins it, by its address.
    Page(String),
}

/// Where the token of a stage comes from.
#[derive(Clone)]
pub enum Token {
    /// It needs none.
    None,
    /// It stands in a Secret.
    Named(SecretKeyRef),
    /// It is given here, and kept in a Secret until the invitation has come to its end.
    Given(String),
}

impl Invite {
    /// As it stands in the spec of that participant.
    fn described(&self, participant: &str) -> Invitation {
        let reference = match &self.token {
            Token::None => None,
            Token::Named(reference) => Some(reference.clone()),
            Token::Given(_) => Some(token::place(participant, &self.id)),
        };
        let stage = match &self.place {
            Place::Whip(url) => Stage {
                whip: Some(WhipOutput { url: url.clone(), token_secret_ref: reference }),
                ..Stage::default()
            },
            Place::Page(url) => Stage {
                page: Some(PageStage { url: url.clone(), token_secret_ref: reference }),
                ..Stage::default()
            },
            // An IVS stage without a token is refused before.
            Place::Ivs => Stage {
                ivs: reference.map(|token_secret_ref| IvsStage { token_secret_ref }),
                ..Stage::default()
            },
        };
        let (id, join_before, inputs) = (self.id.clone(), self.join_before.clone(), self.inputs.clone());
        Invitation { id, join_before, stage, inputs }
    }
}

/// The participants of a namespace, and those of them that may be taken.
#[derive(Clone, Copy)]
pub struct Pool<'a> {
    /// The namespace.
    pub namespace: &'a str,
    /// All of it: whoever has the invitation already keeps it.
    pub all: &'a [Arc<VirtualParticipant>],
    /// By their labels.
    pub selector: &'a Selector,
}

/// Invites the participant of that name. Who has the invitation keeps it, and is given another token, or the name of another Secret; until
/// when it may join and its inputs stay.
pub async fn named(
    client: &Client,
    namespace: &str,
    name: &str,
    invite: &Invite,
) -> Result<VirtualParticipant, Refusal> {
    let api: Api<VirtualParticipant> = Api::namespaced(client.clone(), namespace);
    for _attempt in 0..ATTEMPTS {
        let participant =
            api.get(name).await.map_err(|error| Refusal::about(error, Some(namespace), name))?;
        if let Some(invited) = offer(client, namespace, &participant, invite).await? {
            return Ok(invited);
        }
    }
    Err(Refusal::Contended(name.to_owned()))
}

/// Invites one of these that is free.
pub async fn one_of(client: &Client, pool: Pool<'_>, invite: &Invite) -> Result<VirtualParticipant, Refusal> {
    let Pool { namespace, all, selector } = pool;
    if let Some(participant) = holder(all, &invite.id) {
        return named(client, namespace, &participant.name_any(), invite).await;
    }
    let matching: Vec<_> =
        all.iter().filter(|participant| selector.matches(participant.labels())).cloned().collect();
    let mut candidates = free(&matching)?;
    candidates.shuffle(&mut rand::rng()); // all who ask at the same moment see the same ones
    sort_resting_last(&mut candidates);
    let api: Api<VirtualParticipant> = Api::namespaced(client.clone(), namespace);
    for candidate in &candidates {
        let name = candidate.name_any();
        for _attempt in 0..ATTEMPTS {
            let latest = api.get_opt(&name).await.map_err(Refusal::of)?;
            let is_ours = |latest: &VirtualParticipant| held(latest) == Some(&invite.id);
            let Some(latest) = latest.filter(|latest| is_ours(latest) || standing(latest) == Standing::Free)
            else {
                break;
            };
            match offer(client, namespace, &latest, invite).await? {
                Some(invited) => return Ok(invited),
                None => tracing::debug!(name, "was changed by others at the same moment"),
            }
        }
    }
    Err(Refusal::Raced)
}

/// Invites a participant as it was read. None: somebody wrote since.
async fn offer(
    client: &Client,
    namespace: &str,
    participant: &VirtualParticipant,
    invite: &Invite,
) -> Result<Option<VirtualParticipant>, Refusal> {
    let described = invite.described(&participant.name_any());
    let invitation = match (fits(participant, &invite.id, &described.stage)?, &participant.spec.invitation) {
        (Answer::Has, Some(has)) => Invitation { stage: described.stage, ..has.clone() },
        (Answer::Has | Answer::Free, _) => described,
    };
    if participant.spec.invitation.as_ref() == Some(&invitation) && !matches!(invite.token, Token::Given(_)) {
        return Ok(Some(participant.clone()));
    }
    write(client, namespace, participant, &invitation, &invite.token).await
}

async fn write(
    client: &Client,
    namespace: &str,
    participant: &VirtualParticipant,
    invitation: &Invitation,
    token: &Token,
) -> Result<Option<VirtualParticipant>, Refusal> {
    let api: Api<VirtualParticipant> = Api::namespaced(client.clone(), namespace);
    let (secrets, name) = (Api::<Secret>::namespaced(client.clone(), namespace), participant.name_any());
    let kept = match token {
        Token::Given(given) => Some(token::keep(&secrets, participant, invitation, given).await?),
        Token::None | Token::Named(_) => None,
    };
    let written =
        api.patch(&name, &params(), &Patch::Merge(patch(participant, invitation, kept.is_some()))).await;
    let refused = match written {
        Ok(invited) => return Ok(Some(invited)),
        Err(kube::Error::Api(status)) if status.is_conflict() => None,
        Err(error) => Some(Refusal::about(error, Some(namespace), &name)),
    };
    // Only what was made here: the same invitation may have been written by somebody else meanwhile.
    if let Some(Kept::Made(uid)) = kept {
        token::take_back(&secrets, &name, &invitation.id, uid).await?;
    }
    refused.map_or(Ok(None), Err)
}

pub(crate) fn params() -> PatchParams {
    PatchParams { field_manager: Some(FIELD_MANAGER.into()), ..PatchParams::default() }
}

/// Only what was read is changed. An invitation that is there has come to its end, and is replaced whole.
fn patch(participant: &VirtualParticipant, invitation: &Invitation, keeps_token: bool) -> Value {
    let value = |invitation: &Invitation| serde_json::to_value(invitation).unwrap_or_default();
    let before = participant.spec.invitation.as_ref().map(value).unwrap_or_default();
    let mut metadata = json!({"resourceVersion": participant.metadata.resource_version});
    if keeps_token {
        metadata["annotations"] = json!({STAGE_TOKEN: token::noted(participant, &invitation.id)});
    }
    let mut patch = json!({"metadata": metadata});
    // Nothing said of it is another thing than `null`, which takes it away.
    if let Some(changes) = merge::patch(&before, &value(invitation)) {
        patch["spec"] = json!({"invitation": changes});
    }
    patch
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::standing::tests::participant;

    fn invite(token: Token) -> Invite {
        Invite {
            id: "b".into(),
            join_before: serde_json::from_value(json!("2100-01-01T00:00:00Z")).unwrap(),
            place: Place::Ivs,
            token,
            inputs: None,
        }
    }

    #[test]
    fn an_invitation_that_ended_is_replaced_whole() {
        let stage = json!({"whip": {"url": "https://stage.example/whip"}});
        let before = json!({"invitation": {
            "id": "a", "joinBefore": "2026-01-01T00:00:00Z", "stage": stage, "inputs": {"startPaused": true}
        }});
        let (ada, given) = (participant(&before, &json!({})), invite(Token::Given("word".into())));
        let patched = patch(&ada, &given.described("ada"), true);
        assert_eq!(patched["spec"]["invitation"]["stage"]["whip"], Value::Null);
        assert_eq!(patched["spec"]["invitation"]["inputs"], Value::Null);
        assert_eq!(patched["spec"]["invitation"]["id"], "b");
        let reference = &patched["spec"]["invitation"]["stage"]["ivs"]["tokenSecretRef"];
        assert_eq!(reference["name"], token::place("ada", "b").name);
        assert_eq!(patched["metadata"]["annotations"][STAGE_TOKEN], "b");
        assert!(!patched.to_string().contains("word"), "a token does not stand in a spec");
    }

    #[test]
    fn an_invitation_that_is_as_it_was_is_left_alone() {
        let before = json!({"invitation": {
            "id": "b", "joinBefore": "2026-01-01T00:00:00Z", "stage": {"whip": {"url": "https://stage.example/whip"}}
        }});
        let ada = participant(&before, &json!({}));
        let patched = patch(&ada, ada.spec.invitation.as_ref().unwrap(), true);
        assert_eq!(patched.get("spec"), None, "null would take it away");
    }
}
