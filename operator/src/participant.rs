//! VirtualParticipant: observe, validate, decide, build, apply, report.

pub mod decide;
pub mod invitation;
pub mod observe;
pub mod phase;
pub mod rest;
pub mod validate;

pub mod provide;
pub mod report;

mod stage;
mod token;
mod trace;

use crate::apply;
use crate::control::convert;
use crate::control::registry::{Registry, Wish};
use crate::credentials::{self, Credentials, Fault};
use crate::event::{self, News, Recorder, failures, outcome, recovery};
use crate::outcome::{Outlets, conclude};
use crate::participant::observe::{Life, PodFacts};
use crate::participant::provide::{Provided, provide};
use crate::participant::report::{Observed, report};
use crate::participant::validate::Problem;
use crate::retry::{Refusals, spread};
use crate::status::{Publisher, Reported};
use crate::store::Stores;
use crate::telemetry::Tracing;
use crate::view::view;
use jiff::Timestamp;
use kube::runtime::controller::Action;
use kube::{Client, ResourceExt};
use parking_lot::Mutex;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};
use understudy_crds::condition::ParticipantCondition;
use understudy_crds::v1alpha1::{VirtualParticipant, VirtualParticipantStatus};
use understudy_proto::v1::{AccessTokens, Happening, Livestream};

/// Reads only, in case a trigger was lost; what no watch shows is looked for more often, by [`crate::recheck`].
const RESYNC: Duration = Duration::from_secs(600);

/// What reconciling participants needs.
pub struct Context {
    /// Asks the API server.
    pub client: Client,
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
    /// Whether sessions are told which trace they are in.
    pub tracing: Tracing,
}

impl Context {
    fn has_livestreams(&self, participant: &VirtualParticipant) -> bool {
        let (namespace, name) = (participant.namespace().unwrap_or_default(), participant.name_any());
        let all = self.stores.livestreams_of(&namespace, &name);
        all.iter().any(|livestream| livestream.metadata.deletion_timestamp.is_none())
    }
}

/// Why a reconcile has to be tried again: the API server is away, or somebody else wrote at the same moment.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// An object could not be written.
    #[error(transparent)]
    Apply(#[from] apply::Error),
    /// What the Secret of a livestream holds is not known: what the session was told goes on.
    #[error(transparent)]
    Unread(Fault),
    /// The status could not be written.
    #[error("the status could not be written")]
    Status(#[from] kube::Error),
}

/// One look at one participant.
pub async fn reconcile(participant: Arc<VirtualParticipant>, context: Arc<Context>) -> Result<Action, Error> {
    let mut observed = Observed::new(&participant, context.publisher.latest(&participant));
    observed.has_livestreams = context.has_livestreams(&participant);
    let again = if participant.metadata.deletion_timestamp.is_some() {
        context.registry.drain(&participant.uid().unwrap_or_default());
        let pods = context.stores.pods_of(&participant.uid().unwrap_or_default());
        observed.pod = pods.iter().map(|pod| PodFacts::of(pod)).max_by_key(|pod| pod.attempt);
        RESYNC
    } else {
        let known = observed.previous.as_ref().and_then(|status| status.pod.as_ref());
        token::tidy(&context.client, &participant).await;
        let provided = provide(&context, &participant, known, &observed.rest(), observed.now).await?;
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
    let done = conclude(outlets, &*participant, report(&observed), again).await?;
    trace::settled(&observed, context.publisher.latest(&participant).as_ref());
    Ok(done)
}

/// Tells the session what it is to be: as far as that is possible, also where something cannot be had.
async fn serve(
    context: &Context,
    observed: &mut Observed<'_>,
    provided: Provided,
) -> Result<Duration, Error> {
    let Provided { access, pod, problems, again } = provided;
    let livestreams = livestreams(context, observed.participant, pod.as_ref()).await?;
    let is_lacking = livestreams.iter().any(Option::is_none);
    (observed.pod, observed.problems) = (pod, problems);
    hear(context, observed);
    let told = stage::told(context, observed).await;
    let livestreams: Vec<Livestream> = livestreams.into_iter().flatten().collect();
    observed.livestreams = livestreams.iter().map(|livestream| livestream.name.clone()).collect();
    if let (Some(pod), stage::Told::Now(invitation)) = (&observed.pod, told) {
        let invitation = invitation.map(|invitation| *invitation);
        let wish = Wish { invitation, ..wish(observed.participant, &observed.problems, access, livestreams) };
        let before = context.registry.invited(&pod.uid).flatten();
        context.registry.wish(&pod.uid, &wish);
        let told = context.registry.invited(&pod.uid).flatten();
        trace::asked(observed, before.as_ref(), told.as_ref());
    }
    let soon = (is_lacking || observed.fault.is_some()).then_some(credentials::AGAIN);
    Ok(again.into_iter().chain(soon).min().unwrap_or(RESYNC))
}

/// What the session is heard to say.
fn hear(context: &Context, observed: &mut Observed<'_>) {
    let Some(pod) = &observed.pod else { return };
    observed.left = context.registry.left(&pod.uid);
    observed.view = view(context.registry.facts(&pod.uid), context.leading_since, Instant::now());
}

/// Hears what the session says. When to look again, should nothing happen.
fn look(context: &Context, observed: &mut Observed<'_>) -> Duration {
    hear(context, observed);
    let seen = observed.view.until().map(|until| until.saturating_duration_since(Instant::now()));
    let overstays = observed.pod.as_ref().and_then(|pod| overstays(pod, observed.now));
    let changes =
        [seen, overstays, observed.invitation().expires_in(), observed.rest().changes_in(observed.now)];
    changes.into_iter().flatten().min().unwrap_or(RESYNC)
}

/// How long a pod that ends has left.
fn overstays(pod: &PodFacts, now: Timestamp) -> Option<Duration> {
    let Life::Ending { until, .. } = pod.life else { return None };
    Duration::try_from(until.duration_since(now)).ok().filter(|rest| !rest.is_zero())
}

/// The livestreams of a participant. None stands for one whose Secret cannot be had; its own status says why. Of one whose Secret could
/// not be read holds what the session was told before: it must not keep a kick from arriving.
async fn livestreams(
    context: &Context,
    participant: &VirtualParticipant,
    pod: Option<&PodFacts>,
) -> Result<Vec<Option<Livestream>>, Error> {
    let told = |name: &str| context.registry.livestream(&pod?.uid, name);
    let (namespace, name) = (participant.namespace().unwrap_or_default(), participant.name_any());
    let livestreams = context.stores.livestreams_of(&namespace, &name);
    let served = livestreams.iter().filter(|livestream| livestream.metadata.deletion_timestamp.is_none());
    let described = served.map(async |livestream| match context.credentials.of(livestream).await {
        Ok(secret) => {
            Ok(Some(convert::livestream(&livestream.name_any(), &livestream.spec, secret.as_deref())))
        }
        Err(unread @ Fault::Unread(_)) => told(&livestream.name_any()).map(Some).ok_or(Error::Unread(unread)),
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
fn news(before: Option<&VirtualParticipantStatus>, after: &VirtualParticipantStatus) -> Vec<News> {
    let (was, is) =
        (before.map(VirtualParticipant::said).unwrap_or_default(), VirtualParticipant::said(after));
    let mut news = failures(was, is, ParticipantCondition::Ready.as_str());
    news.extend(recovery(was, is, ParticipantCondition::InputsReady.as_str()));
    news.extend(outcome(before.and_then(|before| before.last_session.as_ref()), after.last_session.as_ref()));
    news
}
