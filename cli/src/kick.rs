//! `kick`: a participant leaves its stage.

use crate::args::{Kick, Which};
use crate::cluster::Cluster;
use crate::failure::Failure;
use crate::follow;
use crate::standing::{invitation, phase};
use crate::step::left;
use crate::tell;
use kube::ResourceExt;
use understudy_client::kick;
use understudy_client::standing::holder;
use understudy_crds::v1alpha1::VirtualParticipant;

/// Takes the invitation away, and waits if that is asked for.
pub async fn run(cluster: &Cluster, args: &Kick) -> Result<(), Failure> {
    let participant = participant(cluster, args).await?;
    let name = participant.name_any();
    // What was seen is taken away, and nothing that came meanwhile.
    let id = args.invitation.clone().or_else(|| invitation(&participant).map(str::to_owned));
    let Some(id) = id else { return tell::answer(&format!("{name} has no invitation")) };
    let kicked = kick::kick(&cluster.client, &cluster.namespace, &name, Some(&id));
    let kicked = cluster.told(kicked).await?;
    match args.wait {
        true => wait(cluster, args, &kicked, &id).await,
        false => tell::answer(&format!("{name} kicked, invitation {id}")),
    }
}

async fn participant(cluster: &Cluster, args: &Kick) -> Result<VirtualParticipant, Failure> {
    if let Some(name) = &args.name {
        return cluster.participant(name).await;
    }
    let id = args.invitation.as_deref().unwrap_or_default();
    let all = cluster.list(&Which::default()).await?;
    let nobody = || Failure::NobodyHas { id: id.to_owned(), namespace: cluster.namespace.clone() };
    holder(&all, id).cloned().ok_or_else(nobody)
}

async fn wait(cluster: &Cluster, args: &Kick, kicked: &VirtualParticipant, id: &str) -> Result<(), Failure> {
    let (name, asked) = (kicked.name_any(), kicked.metadata.generation);
    let mut told = String::new();
    let said = follow::until(cluster.api(), &name, args.timeout, |participant| {
        let Some(participant) = participant else { return Some("the participant was deleted".to_owned()) };
        let now = phase(participant);
        if now != told {
            tell::progress(&format!("{name} {now}"));
            told = now;
        }
        left(participant, id, asked)
    });
    match said.await? {
        Some(outcome) => tell::answer(&format!("{name} left, invitation {id}: {outcome}")),
        None => {
            let within = args.timeout.as_secs();
            Err(Failure::Ended(format!(
                "{name} has not left after {within} s: it is {told}; the kick stands"
            )))
        }
    }
}
