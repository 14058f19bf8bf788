//! VirtualParticipant: observe, validate, decide, build, apply, report.

pub mod decide;
pub mod invitation;
pub mod observe;
pub mod phase;
pub mod validate;

pub mod provide;
pub mod report;

use crate::apply;
use crate::condition::Said;
use crate::control::convert;
use crate::control::registry::{Registry, Wish};
use crate::event::{News, Recorder, failures, recovery};
use crate::metrics::Metrics;
use crate::outcome::{Outlets, conclude};
use crate::participant::observe::{Life, PodFacts};
use crate::participant::provide::{Provided, provide};
use crate::participant::report::{Observed, report};
use crate::participant::validate::{Blame, Problem};
use crate::profile::Profiles;
use crate::status::Publisher;
use crate::store::Stores;
use crate::view::view;
use jiff::Timestamp;
use kube::ResourceExt;
use kube::runtime::controller::Action;
use std::sync::Arc;
use std::time::{Duration, Instant};
use understudy_crds::condition::ParticipantCondition;
use understudy_crds::v1alpha1::VirtualParticipant;
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
    let again = if participant.metadata.deletion_timestamp.is_some() {
        context.registry.drain(&participant.uid().unwrap_or_default());
        let pods = context.stores.pods_of(&participant.uid().unwrap_or_default());
        observed.pod = pods.iter().map(|pod| PodFacts::of(pod)).max_by_key(|pod| pod.attempt);
        RESYNC
    } else {
        let known = observed.previous.as_ref().and_then(|status| status.pod.as_ref());
        let provided = provide(&context, &participant, known, observed.now).await?;
        serve(&context, &mut observed, provided)
    };
    let again = again.min(look(&context, &mut observed).await);
    let status = report(&observed);
    let outlets = Outlets { publisher: &context.publisher, recorder: &context.recorder, news };
    Ok(conclude(outlets, &*participant, status, again).await?)
}

/// Tells the session what it is to be: as far as that is possible, also where something cannot be had.
fn serve(context: &Context, observed: &mut Observed<'_>, provided: Provided) -> Duration {
    let Provided { access, pod, problems, again } = provided;
    let wish = wish(context, observed.participant, &problems, access);
    if let Some(pod) = &pod {
        context.registry.wish(&pod.uid, &wish);
    }
    observed.livestreams = wish.livestreams.into_iter().map(|livestream| livestream.name).collect();
    let refused = problems.iter().any(|problem| problem.blame == Blame::Site).then_some(RETRY);
    (observed.pod, observed.problems) = (pod, problems);
    again.into_iter().chain(refused).min().unwrap_or(RESYNC)
}

/// Hears what the session says. When to look again, should nothing happen.
async fn look(context: &Context, observed: &mut Observed<'_>) -> Duration {
    let Some(pod) = &observed.pod else { return RESYNC };
    let now = Instant::now();
    observed.view = view(context.registry.facts(&pod.uid), context.leading_since, now);
    if let Some(facts) = observed.view.facts() {
        let happenings =
            facts.report.iter().flat_map(|report| &report.happenings).cloned().collect::<Vec<_>>();
        context.recorder.happenings(observed.participant, &pod.uid, &facts.boot_id, &happenings).await;
    }
    let changes = observed.view.until().map(|until| until.saturating_duration_since(now));
    changes.into_iter().chain(overstays(pod, observed.now)).min().unwrap_or(RESYNC)
}

/// How long a pod that ends has left.
fn overstays(pod: &PodFacts, now: Timestamp) -> Option<Duration> {
    let Life::Ending { until, .. } = pod.life else { return None };
    Duration::try_from(until.duration_since(now)).ok().filter(|rest| !rest.is_zero())
}

/// What the session is to be: the participant and all livestreams of it.
fn wish(
    context: &Context,
    participant: &VirtualParticipant,
    problems: &[Problem],
    access: Option<AccessTokens>,
) -> Wish {
    let (namespace, name) = (participant.namespace().unwrap_or_default(), participant.name_any());
    let livestreams = context.stores.livestreams_of(&namespace, &name);
    let served = livestreams.iter().filter(|livestream| livestream.metadata.deletion_timestamp.is_none());
    let mut session = convert::session(&name, &participant.spec);
    if problems.iter().any(|problem| problem.condition == ParticipantCondition::PageReady) {
        session.page = None; // the platform forbids it
    }
    Wish {
        session,
        livestreams: served
            .map(|livestream| convert::livestream(&livestream.name_any(), &livestream.spec))
            .collect(),
        access,
        invitation: None,
    }
}

/// Ready only sums up. Of parts that come back sessions tell by themselves, of sources they do not.
fn news(before: Said<'_>, after: Said<'_>) -> Vec<News> {
    let mut news = failures(before, after, ParticipantCondition::Ready.as_str());
    news.extend(recovery(before, after, ParticipantCondition::InputsReady.as_str()));
    news
}
