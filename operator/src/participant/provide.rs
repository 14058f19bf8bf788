//! Makes what a participant lacks: the authority in its namespace, its Secret, its pod. What cannot be made is a problem to
//! tell of; it keeps nothing else from being done.

use crate::apply;
use crate::owner::Owner;
use crate::participant::Context;
use crate::participant::decide::{Known, Step, decide, hold, release};
use crate::participant::observe::{Life, PodFacts};
use crate::participant::rest::Rest;
use crate::participant::validate::{Blame, Problem, UNUSABLE_SECRET, Valid, validate};
use crate::resource::{self, Session};
use jiff::Timestamp;
use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt;
use std::sync::Arc;
use std::time::{Duration, Instant};
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
    /// Of what was refused before, and is not asked for again yet: why, and for how long.
    waits: Option<(Problem, Duration)>,
}

/// `known` is the pod in the participant's status; one that rests has none made, and loses the one
/// it has once its status says so. Fails only where the API server is away, or somebody was quicker.
pub async fn provide(
    context: &Context,
    participant: &VirtualParticipant,
    known: Option<&PodStatus>,
    rest: &Rest,
    now: Timestamp,
) -> Result<Provided, apply::Error> {
    let owner = Owner::of(participant);
    let profiles = context.stores.profiles();
    let (valid, invalid) = match validate(participant, &profiles) {
        Ok(valid) => (Some(valid), None),
        Err(problem) => (None, Some(problem)),
    };
    let generation = participant.metadata.generation.unwrap_or_default();
    let waits = context.refusals.lock().wait(&owner.uid, generation, Instant::now());
    let mut maker = Maker { context, owner, valid, problems: Vec::from_iter(invalid), waits };
    let access = context.writer.access(&maker.owner).await;
    let access = maker.told(access)?;
    if access.is_some() {
        maker.waits.take_if(|(problem, _)| problem.reason == UNUSABLE_SECRET);
    }
    maker.root().await?;
    let pods = context.stores.pods_of(&maker.owner.uid);
    let facts: Vec<PodFacts> = pods.iter().map(|pod| PodFacts::of(pod)).collect();
    let plan = match rest {
        Rest::Resting { .. } if tells_of_rest(participant) => {
            // What was removed for that is no pod that failed: the next one follows without a delay.
            context.born.lock().remove(&maker.owner.uid);
            release(&facts)
        }
        Rest::Resting { .. } => hold(&facts),
        Rest::Wanted | Rest::Counted { .. } => decide(&facts, maker.known(known), now),
    };
    // What has ended makes room first: a quota may have none for both.
    maker.remove(&pods, &plan.remove).await?;
    let mut again = None;
    let pod = match plan.step {
        Step::Keep { name } | Step::Outlast { name } => facts.into_iter().find(|pod| pod.name == name),
        Step::Rest { name } => facts.into_iter().find(|pod| Some(&pod.name) == name.as_ref()),
        Step::Create { attempt } => maker.create(attempt).await?,
        Step::Confirm { name, attempt, rest } => match context.writer.read_pod(&maker.owner, &name).await? {
            // The watch will show it.
            Some(pod) => Some(PodFacts::of(&pod)),
            None if !rest.is_zero() => {
                again = Some(rest);
                None
            }
            None => maker.create(attempt).await?,
        },
        Step::Wait { delay } => {
            again = Some(delay);
            None
        }
    };
    let refused = maker.settle(generation, pod.as_ref().filter(|_pod| !matches!(rest, Rest::Resting { .. })));
    let again = again.into_iter().chain(refused).min();
    Ok(Provided { access, pod, problems: maker.problems, again })
}

/// Everybody can read that it rests, in a status that was written with this spec in view: whoever invites it from
/// then on invites one that has no pod.
fn tells_of_rest(participant: &VirtualParticipant) -> bool {
    let rest = participant.status.as_ref().and_then(|status| status.rest.as_ref());
    rest.is_some_and(|rest| rest.reason.is_some())
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

    /// What is known of the last pod, apart from what the watch shows.
    fn known<'k>(&self, pod: Option<&'k PodStatus>) -> Known<'k> {
        Known { pod, born: self.context.born.lock().get(&self.owner.uid).copied() }
    }

    /// What was refused is told until it is asked for again; what else was in its way is told anyway.
    async fn root(&mut self) -> Result<(), apply::Error> {
        if let Some((problem, _)) = &self.waits {
            if !self.problems.contains(problem) {
                self.problems.push(problem.clone());
            }
            return Ok(());
        }
        let root = self.context.writer.publish_root_once(&self.owner).await;
        self.told(root).map(|_root| ())
    }

    /// Remembers what was refused and what was made. When to ask again for what was refused.
    fn settle(&self, generation: i64, pod: Option<&PodFacts>) -> Option<Duration> {
        let uid = &self.owner.uid;
        if let Some(pod) = pod.filter(|pod| pod.life == Life::Alive) {
            self.context.born.lock().insert(uid.clone(), pod.created);
        }
        if let Some((_, rest)) = &self.waits {
            return Some(*rest);
        }
        let mut refusals = self.context.refusals.lock();
        match self.problems.iter().find(|problem| problem.blame == Blame::Site) {
            Some(problem) => {
                let refused = (generation, problem.clone());
                Some(refusals.refused(uid, refused, Instant::now(), rand::random()))
            }
            None => {
                if pod.is_some() {
                    refusals.accepted(uid);
                }
                None
            }
        }
    }

    async fn create(&mut self, attempt: i32) -> Result<Option<PodFacts>, apply::Error> {
        let Some(valid) = self.valid.filter(|_valid| self.problems.is_empty()) else { return Ok(None) };
        // Somebody may have deleted the root, which a pod needs to start. Where a pod was refused nothing needs it.
        let refused_before = self.context.refusals.lock().contains(&self.owner.uid);
        if !refused_before {
            let root = self.context.writer.publish_root(&self.owner).await;
            if self.told(root)?.is_none() {
                return Ok(None);
            }
        }
        let pod: Pod = resource::pod(Session {
            owner: &self.owner,
            attempt,
            profile: valid.profile,
            operator_address: &self.context.operator_address,
        });
        let created = self.context.writer.create_pod(&self.owner, &pod).await;
        let created = self.told(created)?;
        if refused_before && created.is_some() {
            let root = self.context.writer.publish_root(&self.owner).await;
            self.told(root)?;
        }
        Ok(created.as_ref().map(PodFacts::of))
    }

    async fn remove(&self, pods: &[Arc<Pod>], names: &[String]) -> Result<(), apply::Error> {
        for pod in pods.iter().filter(|pod| names.contains(&pod.name_any())) {
            self.context.writer.delete_pod(&self.owner, pod).await?;
        }
        Ok(())
    }
}
