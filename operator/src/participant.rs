//! VirtualParticipant: observe, validate, decide, build, apply, report.

pub mod decide;
pub mod observe;
pub mod report;
pub mod validate;

use crate::apply;
use crate::control::convert;
use crate::control::registry::{Registry, Wish};
use crate::event::{News, Recorder, failures, recovery};
use crate::link_state::{View, view};
use crate::metrics::Metrics;
use crate::outcome::{Outlets, conclude};
use crate::owner::Owner;
use crate::participant::decide::{Step, decide};
use crate::participant::observe::PodFacts;
use crate::participant::report::{Observed, report};
use crate::participant::validate::{Problem, Valid, validate};
use crate::profile::Profiles;
use crate::resource::{self, Session};
use crate::status::Publisher;
use crate::store::Stores;
use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::ResourceExt;
use kube::runtime::controller::Action;
use std::sync::Arc;
use std::time::{Duration, Instant};
use understudy_crds::condition::ParticipantCondition;
use understudy_crds::v1alpha1::{VirtualParticipant, VirtualParticipantStatus};
use understudy_proto::v1::AccessTokens;

/// Reads only; finds what no watch shows (a deleted access Secret).
const RESYNC: Duration = Duration::from_secs(600);
/// After the API server failed; others are told by their own conditions.
const RETRY: Duration = Duration::from_secs(5);

/// What reconciling participants needs.
pub struct Context {
    /// What the API server holds.
    pub stores: Stores,
    /// Who is linked.
    pub registry: Registry,
    /// Since when this process leads.
    pub leading_since: Instant,
    /// The shapes of pods.
    pub profiles: Profiles,
    /// `HOST:PORT` that pods dial.
    pub operator_address: String,
    /// Writes what participants own.
    pub writer: Arc<apply::Writer>,
    /// Writes their status.
    pub publisher: Arc<Publisher<VirtualParticipant>>,
    /// Writes Events.
    pub recorder: Arc<Recorder>,
    /// Counts.
    pub metrics: Metrics,
}

/// Why a reconcile has to be tried again: the API server is away, or somebody else wrote at the same moment.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// An object could not be written.
    #[error(transparent)]
    Apply(#[from] apply::Error),
    /// The status could not be written.
    #[error("the status could not be written")]
    Status(#[from] kube::Error),
}

/// Tries again after a while.
#[allow(clippy::needless_pass_by_value, reason = "kube's signature")]
pub fn on_error(participant: Arc<VirtualParticipant>, error: &Error, context: Arc<Context>) -> Action {
    context.metrics.reconcile_failed("VirtualParticipant");
    let name = participant.name_any();
    tracing::warn!(error = error as &dyn std::error::Error, name, "participant is tried again");
    Action::requeue(RETRY)
}

/// One look at one participant.
pub async fn reconcile(participant: Arc<VirtualParticipant>, context: Arc<Context>) -> Result<Action, Error> {
    context.metrics.reconciled("VirtualParticipant");
    let mut observed = Observed::new(&participant, context.publisher.latest(&participant));
    if participant.metadata.deletion_timestamp.is_some() {
        context.registry.drain(&participant.uid().unwrap_or_default());
        return publish(&context, &participant, report(&observed), RESYNC).await;
    }
    let valid = match validate(&participant, &context.profiles) {
        Ok(valid) => valid,
        Err(problem) => {
            observed.problem = Some(problem);
            return publish(&context, &participant, report(&observed), RESYNC).await;
        }
    };
    let (access, held) = match provide(&context, &participant, &valid, &observed).await {
        Ok(provided) => provided,
        Err(error) => match Problem::of(&error) {
            Some(problem) => {
                observed.problem = Some(problem);
                return publish(&context, &participant, report(&observed), RETRY).await;
            }
            None => return Err(error.into()),
        },
    };
    let mut again = RESYNC;
    match held {
        Held::Pod(pod) => {
            let uid = pod.uid.clone();
            context.registry.wish(&uid, &wish(&context, &participant, access));
            let view = view(context.registry.facts(&uid), context.leading_since, Instant::now());
            if let View::Expected { until, .. } = &view {
                again = until.saturating_duration_since(Instant::now());
            }
            if let Some(facts) = view.facts() {
                let happenings =
                    facts.report.iter().flat_map(|report| &report.happenings).cloned().collect::<Vec<_>>();
                context.recorder.happenings(&*participant, &uid, &facts.boot_id, &happenings).await;
            }
            observed.pod = Some(pod);
            observed.view = view;
        }
        Held::Later(delay) => again = delay,
    }
    publish(&context, &participant, report(&observed), again).await
}

/// A pod that serves the participant, or when to look for one again.
enum Held {
    Pod(PodFacts),
    Later(Duration),
}

/// Makes what is missing.
async fn provide(
    context: &Context,
    participant: &VirtualParticipant,
    valid: &Valid<'_>,
    observed: &Observed<'_>,
) -> Result<(AccessTokens, Held), apply::Error> {
    let owner = Owner::of(participant);
    context.writer.publish_root_once(&owner).await?;
    let access = context.writer.access(&owner).await?;
    let pods = context.stores.pods_of(&owner.uid);
    let facts: Vec<PodFacts> = pods.iter().map(|pod| PodFacts::of(pod)).collect();
    let before = observed.previous.as_ref().and_then(|status| status.pod.as_ref());
    let plan = decide(&facts, before, observed.now);
    let held = match plan.step {
        Step::Keep { name } => {
            facts.into_iter().find(|pod| pod.name == name).map_or(Held::Later(RETRY), Held::Pod)
        }
        Step::Create { attempt } => Held::Pod(create(context, &owner, valid, attempt).await?),
        Step::Confirm { name, attempt } => match context.writer.read_pod(&owner, &name).await? {
            // The watch will show it.
            Some(pod) => Held::Pod(PodFacts::of(&pod)),
            None => Held::Pod(create(context, &owner, valid, attempt).await?),
        },
        Step::Wait { delay } => Held::Later(delay),
    };
    for pod in pods.iter().filter(|pod| plan.remove.contains(&pod.name_any())) {
        context.writer.delete_pod(&owner, pod).await?;
    }
    Ok((access, held))
}

async fn create(
    context: &Context,
    owner: &Owner,
    valid: &Valid<'_>,
    attempt: i32,
) -> Result<PodFacts, apply::Error> {
    let pod: Pod = resource::pod(Session {
        owner,
        attempt,
        profile: valid.profile,
        operator_address: &context.operator_address,
    });
    let created = context.writer.create_pod(owner, &pod).await?;
    Ok(PodFacts::of(&created))
}

/// What the session is to be: the participant and all livestreams of it.
fn wish(context: &Context, participant: &VirtualParticipant, access: AccessTokens) -> Wish {
    let (namespace, name) = (participant.namespace().unwrap_or_default(), participant.name_any());
    let livestreams = context.stores.livestreams_of(&namespace, &name);
    let wanted = livestreams.iter().filter(|livestream| livestream.metadata.deletion_timestamp.is_none());
    Wish {
        session: convert::session(&name, &participant.spec),
        livestreams: wanted
            .map(|livestream| convert::livestream(&livestream.name_any(), &livestream.spec))
            .collect(),
        access,
        invitation: None,
    }
}

async fn publish(
    context: &Context,
    participant: &VirtualParticipant,
    status: VirtualParticipantStatus,
    again: Duration,
) -> Result<Action, Error> {
    let outlets = Outlets { publisher: &context.publisher, recorder: &context.recorder, news };
    Ok(conclude(outlets, participant, status, again).await?)
}

/// Ready only sums up. Of parts that come back sessions tell by themselves, of sources they do not.
fn news(before: &[Condition], after: &[Condition]) -> Vec<News> {
    let mut news = failures(before, after, ParticipantCondition::Ready.as_str());
    news.extend(recovery(before, after, ParticipantCondition::InputsReady.as_str()));
    news
}
