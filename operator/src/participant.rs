//! VirtualParticipant: observe, validate, decide, build, apply, report.

pub mod invitation;
pub mod phase;
pub mod rest;
pub mod validate;

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
use crate::owner::Owner;
use crate::participant::report::{Observed, report};
use crate::participant::rest::Rest;
use crate::participant::validate::validate;
use crate::provide::observe::PodFacts;
use crate::provide::problem::Problem;
use crate::provide::{Error, Need, Provided, Provider, Wanted};
use crate::retry::spread;
use crate::status::{Publisher, Reported};
use crate::store::Stores;
use crate::telemetry::Tracing;
use crate::view::view;
use kube::runtime::controller::Action;
use kube::{Client, ResourceExt};
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
    /// Makes pods.
    pub provider: Arc<Provider>,
    /// What stands in Secrets that livestreams name.
    pub credentials: Arc<Credentials>,
    /// Writes their status.
    pub publisher: Arc<Publisher<VirtualParticipant>>,
    /// Writes Events.
    pub recorder: Arc<Recorder>,
    /// Whether sessions are told which trace they are in.
    pub tracing: Tracing,
}

impl Context {
    /// Whether it still is, and is not going: that may have changed since the look began.
    fn is_there(&self, participant: &VirtualParticipant) -> bool {
        let (namespace, name) = (participant.namespace().unwrap_or_default(), participant.name_any());
        self.stores.participant(&namespace, &name).is_some_and(|latest| {
            latest.uid() == participant.uid() && latest.metadata.deletion_timestamp.is_none()
        })
    }

    fn has_livestreams(&self, participant: &VirtualParticipant) -> bool {
        let (namespace, name) = (participant.namespace().unwrap_or_default(), participant.name_any());
        !self.stores.served_of(&namespace, &name).is_empty()
    }
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
        token::tidy(&context.client, &participant).await;
        let provided = provide(&context, &observed).await?;
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

/// Has it provided with what it needs.
async fn provide(context: &Context, observed: &Observed<'_>) -> Result<Provided, apply::Error> {
    let (participant, profiles) = (observed.participant, context.stores.profiles());
    let (owner, shape) = (Owner::of(participant), validate(participant, &profiles));
    let wanted = Wanted {
        owner: &owner,
        holders: std::slice::from_ref(&owner),
        // It shares its tokens with nobody.
        given: &[],
        generation: participant.metadata.generation.unwrap_or_default(),
        shape: shape.as_ref().copied(),
        known: observed.previous.as_ref().and_then(|status| status.pod.as_ref()),
        need: match observed.rest() {
            Rest::Resting { .. } if tells_of_rest(participant) => Need::Nothing,
            Rest::Resting { .. } => Need::NothingSoon,
            Rest::Wanted | Rest::Counted { .. } => Need::Pod,
        },
        now: observed.now,
    };
    context.provider.provide(wanted).await
}

/// Everybody can read that it rests, in a status that was written with this spec in view: whoever invites it from
/// then on invites one that has no pod.
fn tells_of_rest(participant: &VirtualParticipant) -> bool {
    let rest = participant.status.as_ref().and_then(|status| status.rest.as_ref());
    rest.is_some_and(|rest| rest.reason.is_some())
}

/// Tells the session what it is to be: as far as that is possible, also where something cannot be had.
async fn serve(
    context: &Context,
    observed: &mut Observed<'_>,
    provided: Provided,
) -> Result<Duration, Error> {
    let Provided { access, pod, problems, again, .. } = provided;
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
        context.registry.wish(&pod.uid, &wish, || context.is_there(observed.participant));
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
    let overstays = observed.pod.as_ref().and_then(|pod| pod.overstays(observed.now));
    let changes =
        [seen, overstays, observed.invitation().expires_in(), observed.rest().changes_in(observed.now)];
    changes.into_iter().flatten().min().unwrap_or(RESYNC)
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
    let served = context.stores.served_of(&namespace, &name);
    let described = served.iter().map(async |livestream| match context.credentials.of(livestream).await {
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
