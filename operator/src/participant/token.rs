//! The token that was given with an invitation goes when the invitation has come to its end, and with it the note that it is there.

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
    let Some(id) = token::spent(participant) else { return };
    if let Err(error) = remove(client, participant, id).await {
        let error = &error as &dyn std::error::Error;
        tracing::warn!(error, invitation = id, "the token of an invitation could not be removed");
    }
}

async fn remove(client: &Client, participant: &VirtualParticipant, id: &str) -> Result<(), Refusal> {
    let (namespace, name) = (participant.namespace().unwrap_or_default(), participant.name_any());
    token::remove(&Api::<Secret>::namespaced(client.clone(), &namespace), &name, id).await?;
    let api: Api<VirtualParticipant> = Api::namespaced(client.clone(), &namespace);
    let version = &participant.metadata.resource_version;
    let without = json!({"metadata": {"resourceVersion": version, "annotations": {STAGE_TOKEN: null}}});
    let params = PatchParams { field_manager: Some(names::FIELD_MANAGER.into()), ..PatchParams::default() };
    match api.patch(&name, &params, &Patch::Merge(without)).await {
        // It was changed meanwhile, which has it looked at again, or is gone.
        Err(kube::Error::Api(status)) if status.is_conflict() || status.is_not_found() => Ok(()),
        written => written.map(drop).map_err(Refusal::of),
    }
}
