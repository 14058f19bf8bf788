//! Makes what a participant lacks: the authority in its namespace, its Secret, its pod. What cannot be made is a problem to
//! tell of; it keeps nothing else from being done.

use crate::apply;
use crate::owner::Owner;
use crate::participant::Context;
use crate::participant::decide::{Step, decide};
use crate::participant::observe::PodFacts;
use crate::participant::validate::{Problem, Valid, validate};
use crate::resource::{self, Session};
use jiff::Timestamp;
use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt;
use std::sync::Arc;
use std::time::Duration;
use understudy_crds::v1alpha1::{PodStatus, VirtualParticipant};
use understudy_proto::v1::AccessTokens;

/// What a participant has.
pub struct Provided {
    /// Who is let in; `None` if that cannot be read.
    pub access: Option<AccessTokens>,
    /// The pod that serves it, or did and may still run.
    pub pod: Option<PodFacts>,
    /// What it cannot have.
    pub problems: Vec<Problem>,
    /// When to try again, if something is to be tried.
    pub again: Option<Duration>,
}

/// Everything that is needed to make a pod.
struct Maker<'a> {
    context: &'a Context,
    owner: Owner,
    valid: Option<Valid<'a>>,
    problems: Vec<Problem>,
}

/// `known` is the pod in the participant's status. Fails only where the API server is away, or somebody was quicker.
pub async fn provide(
    context: &Context,
    participant: &VirtualParticipant,
    known: Option<&PodStatus>,
    now: Timestamp,
) -> Result<Provided, apply::Error> {
    let owner = Owner::of(participant);
    let (valid, invalid) = match validate(participant, &context.profiles) {
        Ok(valid) => (Some(valid), None),
        Err(problem) => (None, Some(problem)),
    };
    let mut maker = Maker { context, owner, valid, problems: Vec::from_iter(invalid) };
    let root = context.writer.publish_root_once(&maker.owner).await;
    maker.told(root)?;
    let access = context.writer.access(&maker.owner).await;
    let access = maker.told(access)?;
    let pods = context.stores.pods_of(&maker.owner.uid);
    let facts: Vec<PodFacts> = pods.iter().map(|pod| PodFacts::of(pod)).collect();
    let plan = decide(&facts, known, now);
    // What has ended makes room first: a quota may have none for both.
    maker.remove(&pods, &plan.remove).await?;
    let mut again = None;
    let pod = match plan.step {
        Step::Keep { name } | Step::Outlast { name } => facts.into_iter().find(|pod| pod.name == name),
        Step::Create { attempt } => maker.create(attempt).await?,
        Step::Confirm { name, attempt } => match context.writer.read_pod(&maker.owner, &name).await? {
            // The watch will show it.
            Some(pod) => Some(PodFacts::of(&pod)),
            None => maker.create(attempt).await?,
        },
        Step::Wait { delay } => {
            again = Some(delay);
            None
        }
    };
    Ok(Provided { access, pod, problems: maker.problems, again })
}

impl Maker<'_> {
    /// Failures that people have to know of become problems.
    fn told<T>(&mut self, made: Result<T, apply::Error>) -> Result<Option<T>, apply::Error> {
        match made {
            Ok(made) => Ok(Some(made)),
            Err(error) => match Problem::of(&error) {
                Some(problem) => {
                    self.problems.push(problem);
                    Ok(None)
                }
                None => Err(error),
            },
        }
    }

    async fn create(&mut self, attempt: i32) -> Result<Option<PodFacts>, apply::Error> {
        let Some(valid) = self.valid.filter(|_valid| self.problems.is_empty()) else { return Ok(None) };
        let pod: Pod = resource::pod(Session {
            owner: &self.owner,
            attempt,
            profile: valid.profile,
            operator_address: &self.context.operator_address,
        });
        let created = self.context.writer.create_pod(&self.owner, &pod).await;
        Ok(self.told(created)?.as_ref().map(PodFacts::of))
    }

    async fn remove(&self, pods: &[Arc<Pod>], names: &[String]) -> Result<(), apply::Error> {
        for pod in pods.iter().filter(|pod| names.contains(&pod.name_any())) {
            self.context.writer.delete_pod(&self.owner, pod).await?;
        }
        Ok(())
    }
}
