//! `invite`: a participant comes to a stage, and each step there is told.

use crate::args::{Goal, Invite, Which};
use crate::cluster::Cluster;
use crate::failure::Failure;
use crate::follow;
use crate::request::{self, Given};
use crate::step::{Verdict, step};
use crate::tell;
use crate::token;
use jiff::Timestamp;
use kube::ResourceExt;
use std::sync::Arc;
use understudy_client::invite::{self, Invite as Request, Pool};
use understudy_client::selector;
use understudy_crds::v1alpha1::VirtualParticipant;
use uuid::Uuid;

/// Invites, and waits if that is asked for.
pub async fn run(cluster: &Cluster, args: &Invite) -> Result<(), Failure> {
    let given =
        Given { now: Timestamp::now(), fresh_id: Uuid::new_v4().to_string(), token: token::token(args)? };
    let request = request::invite(args, given);
    let name = invited(cluster, args, &request).await?.name_any();
    tell::answer(&format!("{name} invited as {}", request.id))?;
    match args.wait {
        Some(goal) => wait(cluster, args, Awaited { name: &name, id: &request.id, goal }).await,
        None => Ok(()),
    }
}

async fn invited(cluster: &Cluster, args: &Invite, request: &Request) -> Result<VirtualParticipant, Failure> {
    let (client, namespace) = (&cluster.client, &cluster.namespace);
    if let Some(name) = &args.name {
        return cluster.told(invite::named(client, namespace, name, request)).await;
    }
    let selector = selector::parse(args.selector.as_deref().unwrap_or_default());
    let selector = &selector.map_err(|invalid| Failure::Ended(invalid.to_string()))?;
    let all: Vec<_> = cluster.list(&Which::default()).await?.into_iter().map(Arc::new).collect();
    cluster.told(invite::one_of(client, Pool { namespace, all: &all, selector }, request)).await
}

/// What is waited for.
#[derive(Clone, Copy)]
struct Awaited<'a> {
    name: &'a str,
    id: &'a str,
    goal: Goal,
}

async fn wait(cluster: &Cluster, args: &Invite, awaited: Awaited<'_>) -> Result<(), Failure> {
    let Awaited { name, id, goal } = awaited;
    let mut told = String::new();
    let said = follow::until(cluster.api(), name, args.timeout, |participant| {
        let step = step(participant, id, goal);
        if step.told != told {
            tell::progress(&format!("{name} {}", step.told));
            told = step.told;
        }
        match step.verdict {
            Verdict::Waits => None,
            Verdict::Reached => Some(Ok(())),
            Verdict::Failed(why) => Some(Err(Failure::Ended(format!("{name} is not {}: {why}", word(goal))))),
        }
    });
    match said.await? {
        Some(ended) => ended?,
        None => {
            let within = args.timeout.as_secs();
            let late =
                format!("{name} is not {} after {within} s: {told}; the invitation stands", word(goal));
            return Err(Failure::Ended(late));
        }
    }
    tell::answer(&format!("{name} {}", word(goal)))
}

fn word(goal: Goal) -> &'static str {
    match goal {
        Goal::Invited => "invited",
        Goal::Connected => "connected",
        Goal::Published => "published",
    }
}
