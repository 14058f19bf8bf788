//! What `helm test` asks: whether an installation can do its work. Nothing is changed by it.

use crate::args::Verify;
use anyhow::{Context, ensure};
use kube::api::{ListParams, PostParams};
use kube::{Api, Client, ResourceExt};
use std::time::Duration;
use tokio::net::TcpStream;
use understudy_crds::v1alpha1::{RuntimeProfile, VirtualParticipant};

/// A leader takes over within the Lease's 13 s; a new replica has started by then.
const LEADER_TIMEOUT: Duration = Duration::from_secs(60);
const PAUSE: Duration = Duration::from_secs(1);

/// Fails with what is missing.
pub async fn verify(client: Client, settings: &Verify) -> anyhow::Result<()> {
    let profiles: Api<RuntimeProfile> = Api::all(client.clone());
    let profiles =
        profiles.list(&ListParams::default()).await.context("runtime profiles cannot be listed")?;
    let first = profiles.items.first().map(ResourceExt::name_any);
    let Some(profile) = first else {
        anyhow::bail!("there is no RuntimeProfile: no participant can have a pod")
    };
    tracing::info!(count = profiles.items.len(), "there are runtime profiles");

    let spec = serde_json::json!({"runtimeProfileName": profile, "page": {"url": "understudy:mirror"}});
    let participant: VirtualParticipant = serde_json::from_value(serde_json::json!({
        "apiVersion": "understudy.dev/v1alpha1", "kind": "VirtualParticipant",
        "metadata": {"generateName": "verify-"}, "spec": spec
    }))?;
    let participants: Api<VirtualParticipant> = Api::namespaced(client, &settings.namespace);
    let dry_run = PostParams { dry_run: true, ..PostParams::default() };
    let taken = participants.create(&dry_run, &participant).await;
    let taken = taken.context("the API server refuses a participant")?;
    // What an older definition does not know, it drops.
    ensure!(
        taken.spec == participant.spec,
        "a participant is not stored as it is written: upgrade understudy-crds first"
    );
    tracing::info!("a participant would be taken");

    let reached = async {
        while let Err(error) = TcpStream::connect(&settings.link_address).await {
            tracing::debug!(%error, "the control link is not there yet");
            tokio::time::sleep(PAUSE).await;
        }
    };
    tokio::time::timeout(LEADER_TIMEOUT, reached)
        .await
        .with_context(|| format!("nobody leads: {} is not reached", settings.link_address))?;
    tracing::info!(address = settings.link_address, "an operator leads");
    Ok(())
}
