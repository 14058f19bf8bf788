//! Makes what an owner of pods lacks: the authority in its namespace, its Secrets, its pod. What cannot be made is a problem to
//! tell of; it keeps nothing else from being done.

pub mod decide;
pub mod observe;
pub mod problem;

use crate::apply::{self, Access, Holders, Writer};
use crate::credentials::Fault;
use crate::owner::{Kind, Owner};
use crate::profile::Profile;
use crate::provide::decide::{Known, Step, decide, hold, release};
use crate::provide::observe::{Life, PodFacts};
use crate::provide::problem::{Blame, Problem, UNUSABLE_SECRET};
use crate::resource::{self, Session};
use crate::retry::Refusals;
use crate::store::Stores;
use jiff::Timestamp;
use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt;
use parking_lot::Mutex;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::{Duration, Instant};
use understudy_crds::v1alpha1::PodStatus;
use understudy_proto::v1::AccessTokens;

/// Why a look at what pods serve has to be repeated: the API server is away, or somebody else wrote at the same moment.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// An object could not be written.
    #[error(transparent)]
    Apply(#[from] apply::Error),
    /// What a Secret holds is not known: what the session was told goes on.
    #[error(transparent)]
    Unread(Fault),
    /// The status could not be written.
    #[error("the status could not be written")]
    Status(#[from] kube::Error),
}

/// Makes pods, and remembers what came of it.
pub struct Provider {
    stores: Stores,
    writer: Arc<Writer>,
    /// `HOST:PORT` that pods dial.
    operator_address: String,
    /// What the API server refused lately, and why.
    refusals: Mutex<Refusals<Problem>>,
    /// When the newest pod of an owner was created, by the owner's UID, as far as this process saw it.
    born: Mutex<HashMap<String, Timestamp>>,
}

/// Whom to provide for.
#[derive(Clone, Copy, Debug)]
pub struct Wanted<'a> {
    /// Whose the pod is.
    pub owner: &'a Owner,
    /// With whose objects it goes: itself, or the livestreams of an origin, the oldest first.
    pub holders: &'a [Owner],
    /// The UIDs of those holders whose status says that they were given a Secret with tokens.
    pub given: &'a [String],
    /// Of the description: what was refused is asked for anew with another.
    pub generation: i64,
    /// The shape of the pod, or why there can be none.
    pub shape: Result<&'a Profile, &'a Problem>,
    /// The newest pod that a status tells of.
    pub known: Option<&'a PodStatus>,
    /// Whether it needs one.
    pub need: Need,
    /// Now.
    pub now: Timestamp,
}

/// Whether a pod is needed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// One is.
    Pod,
    /// None is, and everybody can read that.
    Nothing,
    /// None is, which is not told yet.
    NothingSoon,
}

/// What an owner has.
pub struct Provided {
    /// Who is let in; `None` if that cannot be read.
    pub access: Option<AccessTokens>,
    /// By the UIDs of those holders who cannot be told who is: why.
    pub faulty: Vec<(String, Problem)>,
    /// The pod that serves it, or did and may still run.
    pub pod: Option<PodFacts>,
    /// What it cannot have.
    pub problems: Vec<Problem>,
    /// When to try again, if something is to be tried.
    pub again: Option<Duration>,
}

/// Everything that is needed to make a pod.
struct Maker<'a> {
    provider: &'a Provider,
    wanted: Wanted<'a>,
    problems: Vec<Problem>,
    /// Of what was refused before, and is not asked for again yet: why, and for how long.
    waits: Option<(Problem, Duration)>,
}

impl Provider {
    /// Makes them by this writer, for pods that dial `operator_address`, a `HOST:PORT`.
    pub fn new(stores: Stores, writer: Arc<Writer>, operator_address: String) -> Self {
        Self { stores, writer, operator_address, refusals: Mutex::default(), born: Mutex::default() }
    }

    /// One that needs no pod has none made, and loses the one it has once that is told. Fails only where the API server is away, or
    /// somebody was quicker.
    pub async fn provide(&self, wanted: Wanted<'_>) -> Result<Provided, apply::Error> {
        let uid = &wanted.owner.uid;
        let waits = self.refusals.lock().wait(uid, wanted.generation, Instant::now());
        let problems = Vec::from_iter(wanted.shape.err().cloned());
        let mut maker = Maker { provider: self, wanted, problems, waits };
        let holders = Holders { all: wanted.holders, given: wanted.given };
        let Access { tokens: access, faults } = self.writer.access(holders).await?;
        let faulty = faults.iter().filter_map(|(uid, fault)| Some((uid.clone(), Problem::of(fault)?)));
        let faulty: Vec<(String, Problem)> = faulty.collect();
        if access.is_none() {
            maker.problems.extend(faulty.first().map(|(_, problem)| problem.clone()));
        } else {
            maker.waits.take_if(|(problem, _)| problem.reason == UNUSABLE_SECRET);
        }
        maker.root().await?;
        let pods = self.stores.pods_of(uid);
        let facts: Vec<PodFacts> = pods.iter().map(|pod| PodFacts::of(pod)).collect();
        let plan = match wanted.need {
            Need::Nothing => {
                // What was removed for that is no pod that failed: the next one follows without a delay.
                self.born.lock().remove(uid);
                release(&facts)
            }
            Need::NothingSoon => hold(&facts),
            Need::Pod => decide(&facts, maker.known(), wanted.now),
        };
        // What has ended makes room first: a quota may have none for both.
        maker.remove(&pods, &plan.remove).await?;
        let mut again = None;
        let pod = match plan.step {
            Step::Keep { name } => {
                maker.keep(&pods, &name).await?;
                facts.into_iter().find(|pod| pod.name == name)
            }
            Step::Outlast { name } => facts.into_iter().find(|pod| pod.name == name),
            Step::Rest { name } => facts.into_iter().find(|pod| Some(&pod.name) == name.as_ref()),
            Step::Create { attempt } => maker.create(attempt).await?,
            Step::Confirm { name, attempt, rest } => match self.writer.read_pod(wanted.owner, &name).await? {
                // The watch will show it, if it is the owner's still.
                Some(pod) => {
                    maker.recognise(&pod);
                    Some(PodFacts::of(&pod))
                }
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
        let refused = maker.settle(pod.as_ref().filter(|_pod| wanted.need == Need::Pod));
        let again = again.into_iter().chain(refused).min();
        Ok(Provided { access, faulty, pod, problems: maker.problems, again })
    }

    /// How many were refused and wait.
    pub fn refused(&self) -> usize {
        self.refusals.lock().len()
    }

    /// Forgets all others.
    pub fn keep(&self, uids: &HashSet<String>) {
        self.refusals.lock().keep(uids);
        self.born.lock().retain(|uid, _| uids.contains(uid));
    }
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
    fn known(&self) -> Known<'_> {
        let born = self.provider.born.lock().get(&self.wanted.owner.uid).copied();
        Known { pod: self.wanted.known, born }
    }

    /// What was refused is told until it is asked for again; what else was in its way is told anyway.
    async fn root(&mut self) -> Result<(), apply::Error> {
        if let Some((problem, _)) = &self.waits {
            if !self.problems.contains(problem) {
                self.problems.push(problem.clone());
            }
            return Ok(());
        }
        let root = self.provider.writer.publish_root_once(self.wanted.owner).await;
        self.told(root).map(|_root| ())
    }

    /// Remembers what was refused and what was made. When to ask again for what was refused.
    fn settle(&self, pod: Option<&PodFacts>) -> Option<Duration> {
        let Wanted { owner: Owner { uid, .. }, generation, .. } = self.wanted;
        if let Some(pod) = pod.filter(|pod| pod.life == Life::Alive) {
            self.provider.born.lock().insert(uid.clone(), pod.created);
        }
        if let Some((_, rest)) = &self.waits {
            return Some(*rest);
        }
        let mut refusals = self.provider.refusals.lock();
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
        let profile = self.wanted.shape.ok().filter(|_profile| self.problems.is_empty());
        let Some(profile) = profile else { return Ok(None) };
        // Somebody may have deleted the root, which a pod needs to start. Where a pod was refused nothing needs it.
        let refused_before = self.provider.refusals.lock().contains(&self.wanted.owner.uid);
        if !refused_before {
            let root = self.provider.writer.publish_root(self.wanted.owner).await;
            if self.told(root)?.is_none() {
                return Ok(None);
            }
        }
        let pod: Pod = resource::pod(Session {
            owner: self.wanted.owner,
            holders: self.wanted.holders,
            attempt,
            profile,
            operator_address: &self.provider.operator_address,
        });
        let created = self.provider.writer.create_pod(self.wanted.owner, &pod).await;
        let created = self.told(created)?;
        if refused_before && created.is_some() {
            let root = self.provider.writer.publish_root(self.wanted.owner).await;
            self.told(root)?;
        }
        Ok(created.as_ref().map(PodFacts::of))
    }

    /// Somebody may have taken a pod away from its owner. It may run on, so that no other is made.
    fn recognise(&mut self, pod: &Pod) {
        let is_ours = Owner::of_pod(pod).as_ref() == Some(self.wanted.owner);
        let foreign = (!is_ours).then(|| Problem::of(&apply::Error::ForeignPod(pod.name_any()))).flatten();
        self.problems.extend(foreign.filter(|foreign| !self.problems.contains(foreign)));
    }

    async fn remove(&self, pods: &[Arc<Pod>], names: &[String]) -> Result<(), apply::Error> {
        for pod in pods.iter().filter(|pod| names.contains(&pod.name_any())) {
            self.provider.writer.delete_pod(self.wanted.owner, pod).await?;
        }
        Ok(())
    }

    /// Whoever takes what an origin's pod fetches holds it, also who came after it was made. One that this version cannot read
    /// holds it on. What was refused before is not asked for again yet.
    async fn keep(&mut self, pods: &[Arc<Pod>], name: &str) -> Result<(), apply::Error> {
        let Wanted { owner, holders, .. } = self.wanted;
        let pod = pods.iter().map(AsRef::as_ref).find(|pod: &&Pod| pod.name_any() == name);
        let Some(pod) = pod.filter(|_pod| owner.kind == Kind::Origin && self.waits.is_none()) else {
            return Ok(());
        };
        let unread = self.provider.stores.unread_livestreams();
        let mut all = holders.to_vec();
        for before in Owner::holders(pod) {
            if unread.holds(&before.uid) && !holders.contains(&before) {
                all.push(before);
            }
        }
        if Owner::hold(&all, pod) {
            return Ok(());
        }
        let held = self.provider.writer.hold(owner, pod, &all).await;
        self.told(held).map(|_held| ())
    }
}
