//! Tokens that were given with invitations go when those have come to their end, and with them the note that they are there.

use crate::names;
use k8s_openapi::api::core::v1::Secret;
use kube::api::{Patch, PatchParams};
use kube::{Api, Client, ResourceExt};
use serde_json::json;
use understudy_client::refusal::Refusal;
use understudy_client::token;
use understudy_crds::STAGE_TOKEN;
use understudy_crds::v1alpha1::VirtualParticipant;

/// Removes what is spent. What fails is done at a later look: the note stays until it is.
pub(super) async fn tidy(client: &Client, participant: &VirtualParticipant) {
    if token::spent(participant).is_none() {
        return;
    }
    if let Err(error) = remove(client, participant).await {
        let error = &error as &dyn std::error::Error;
        tracing::warn!(error, "the tokens of invitations that are over could not be removed");
    }
}

async fn remove(client: &Client, participant: &VirtualParticipant) -> Result<(), Refusal> {
    let (namespace, name) = (participant.namespace().unwrap_or_default(), participant.name_any());
    let api: Api<VirtualParticipant> = Api::namespaced(client.clone(), &namespace);
    // Not as it was last heard of: it may have been invited by that id again.
    let Some(latest) = api.get_opt(&name).await.map_err(Refusal::of)? else { return Ok(()) };
    let Some(token::Spent { ids, note }) = token::spent(&latest) else { return Ok(()) };
    let secrets = Api::<Secret>::namespaced(client.clone(), &namespace);
    for id in ids {
        token::remove(&secrets, &name, id).await?;
    }
    let version = &latest.metadata.resource_version;
    let rest = json!({"metadata": {"resourceVersion": version, "annotations": {STAGE_TOKEN: note}}});
    let params = PatchParams { field_manager: Some(names::FIELD_MANAGER.into()), ..PatchParams::default() };
    match api.patch(&name, &params, &Patch::Merge(rest)).await {
        // It was changed meanwhile, which has it looked at again, or is gone.
        Err(kube::Error::Api(status)) if status.is_conflict() || status.is_not_found() => Ok(()),
        written => written.map(drop).map_err(Refusal::of),
    }
}
