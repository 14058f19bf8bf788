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
use crate::credentials::{self, Credentials, Fault};
use crate::event::{self, News, Recorder, failures, recovery};
use crate::outcome::{Outlets, conclude};
use crate::participant::observe::{Life, PodFacts};
use crate::participant::provide::{Provided, provide};
use crate::participant::report::{Observed, report};
use crate::participant::validate::Problem;
use crate::retry::{Refusals, spread};
use crate::status::Publisher;
use crate::store::Stores;
use crate::view::view;
use jiff::Timestamp;
use kube::ResourceExt;
use kube::runtime::controller::Action;
use parking_lot::Mutex;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};
use understudy_crds::condition::ParticipantCondition;
use understudy_crds::v1alpha1::VirtualParticipant;
use understudy_proto::v1::{AccessTokens, Happening, Livestream};

/// Reads only, in case a trigger was lost; what no watch shows is looked for more often, by [`crate::recheck`].
const RESYNC: Duration = Duration::from_secs(600);

/// What reconciling participants needs.
pub struct Context {
    /// What the API server holds.
    pub stores: Stores,
    /// Who is linked.
    pub registry: Registry,
    /// Since when this process leads.
    pub leading_since: Instant,
    /// `HOST:PORT` that pods dial.
    pub operator_address: String,
    /// What stands in Secrets that livestreams name.
    pub credentials: Arc<Credentials>,
    /// Writes what participants own.
    pub writer: Arc<apply::Writer>,
    /// Writes their status.
    pub publisher: Arc<Publisher<VirtualParticipant>>,
    /// Writes Events.
    pub recorder: Arc<Recorder>,
    /// What the API server refused lately, and why.
    pub refusals: Mutex<Refusals<Problem>>,
    /// When the newest pod of an owner was created, by the owner's UID, as far as this process saw it.
    pub born: Mutex<HashMap<String, Timestamp>>,
}

/// Why a reconcile has to be tried again: the API server is away, or somebody else wrote at the same moment.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// An object could not be written.
    #[error(transparent)]
    Apply(#[from] apply::Error),
    /// What a livestream's Secret holds is not known: what the session was told goes on.
    #[error(transparent)]
    Unread(Fault),
    /// The status could not be written.
    #[error("the status could not be written")]
    Status(#[from] kube::Error),
}

/// One look at one participant.
pub async fn reconcile(participant: Arc<VirtualParticipant>, context: Arc<Context>) -> Result<Action, Error> {
    let mut observed = Observed::new(&participant, context.publisher.latest(&participant));
    let again = if participant.metadata.deletion_timestamp.is_some() {
        context.registry.drain(&participant.uid().unwrap_or_default());
        let pods = context.stores.pods_of(&participant.uid().unwrap_or_default());
        observed.pod = pods.iter().map(|pod| PodFacts::of(pod)).max_by_key(|pod| pod.attempt);
        RESYNC
    } else {
        let known = observed.previous.as_ref().and_then(|status| status.pod.as_ref());
        let provided = provide(&context, &participant, known, observed.now).await?;
        serve(&context, &mut observed, provided).await?
    };
    let again = again.min(look(&context, &mut observed));
    let again = if again == RESYNC { spread(RESYNC, rand::random()) } else { again };
    let facts = observed.view.facts();
    let happenings: Vec<Happening> = facts
        .and_then(|facts| facts.report.as_ref())
        .map_or_else(Vec::new, |report| report.happenings.clone());
    let session = observed.pod.as_ref().zip(facts).map(|(pod, facts)| event::Session {
        pod_uid: &pod.uid,
        boot_id: &facts.boot_id,
        happenings: &happenings,
    });
    let outlets = Outlets { publisher: &context.publisher, recorder: &context.recorder, news, session };
    Ok(conclude(outlets, &*participant, report(&observed), again).await?)
}

/// Tells the session what it is to be: as far as that is possible, also where something cannot be had.
async fn serve(
    context: &Context,
    observed: &mut Observed<'_>,
    provided: Provided,
) -> Result<Duration, Error> {
    let Provided { access, pod, problems, again } = provided;
    let livestreams = livestreams(context, observed.participant).await?;
    let soon = livestreams.iter().any(Option::is_none).then_some(credentials::AGAIN);
    let wish = wish(observed.participant, &problems, access, livestreams.into_iter().flatten().collect());
    if let Some(pod) = &pod {
        context.registry.wish(&pod.uid, &wish);
    }
    observed.livestreams = wish.livestreams.into_iter().map(|livestream| livestream.name).collect();
    (observed.pod, observed.problems) = (pod, problems);
    Ok(again.into_iter().chain(soon).min().unwrap_or(RESYNC))
}

/// Hears what the session says. When to look again, should nothing happen.
fn look(context: &Context, observed: &mut Observed<'_>) -> Duration {
    let Some(pod) = &observed.pod else { return RESYNC };
    let now = Instant::now();
    observed.view = view(context.registry.facts(&pod.uid), context.leading_since, now);
    let changes = observed.view.until().map(|until| until.saturating_duration_since(now));
    changes.into_iter().chain(overstays(pod, observed.now)).min().unwrap_or(RESYNC)
}

/// How long a pod that ends has left.
fn overstays(pod: &PodFacts, now: Timestamp) -> Option<Duration> {
    let Life::Ending { until, .. } = pod.life else { return None };
    Duration::try_from(until.duration_since(now)).ok().filter(|rest| !rest.is_zero())
}

/// The livestreams of a participant. None stands for one whose Secret cannot be had; its own status says why.
async fn livestreams(
    context: &Context,
    participant: &VirtualParticipant,
) -> Result<Vec<Option<Livestream>>, Error> {
    let (namespace, name) = (participant.namespace().unwrap_or_default(), participant.name_any());
    let livestreams = context.stores.livestreams_of(&namespace, &name);
    let served = livestreams.iter().filter(|livestream| livestream.metadata.deletion_timestamp.is_none());
    let described = served.map(async |livestream| match context.credentials.of(livestream).await {
        Ok(secret) => {
            Ok(Some(convert::livestream(&livestream.name_any(), &livestream.spec, secret.as_deref())))
        }
        Err(unread @ Fault::Unread(_)) => Err(Error::Unread(unread)),
        Err(_told_by_its_status) => Ok(None),
    });
    futures::future::try_join_all(described).await
}

/// What the session is to be.
fn wish(
    participant: &VirtualParticipant,
    problems: &[Problem],
    access: Option<AccessTokens>,
    livestreams: Vec<Livestream>,
) -> Wish {
    let mut session = convert::session(&participant.name_any(), &participant.spec);
    if problems.iter().any(|problem| problem.condition == ParticipantCondition::PageReady) {
        session.page = None; // the platform forbids it
    }
    Wish { session, livestreams, access, invitation: None }
}

/// Ready only sums up. Of parts that come back sessions tell by themselves, of sources they do not.
fn news(before: Said<'_>, after: Said<'_>) -> Vec<News> {
    let mut news = failures(before, after, ParticipantCondition::Ready.as_str());
    news.extend(recovery(before, after, ParticipantCondition::InputsReady.as_str()));
    news
}
