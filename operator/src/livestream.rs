//! Livestream: joins what a session is told, and its status is what that session reports. Of one that is of a participant, that
//! one's controller sees to both pod and session; of one with a source, its livestreams do ([`origin`]).

pub mod phase;

pub mod report;

mod origin;
mod turn;

pub use turn::{Turn, Turns};

use crate::control::convert;
use crate::control::registry::Registry;
use crate::credentials::{self, Credentials, Fault};
use crate::event::{self, News, Recorder, failures, recovery};
use crate::livestream::report::{Observed, Of, Told, report};
use crate::outcome::{Outlets, conclude};
use crate::owner::Owner;
use crate::provide::{Error, Provider};
use crate::retry::spread;
use crate::status::{Publisher, Reported};
use crate::store::Stores;
use crate::view::{View, view};
use kube::ResourceExt;
use kube::runtime::controller::Action;
use std::collections::HashSet;
use std::sync::Arc;
use std::time::{Duration, Instant};
use understudy_crds::condition::LivestreamCondition as Type;
use understudy_crds::v1alpha1::{Livestream, LivestreamStatus, VirtualParticipant};
use understudy_proto::v1::Happening;

/// Reads only; changes are told by watches and reports.
const RESYNC: Duration = Duration::from_secs(600);

/// What reconciling livestreams needs.
pub struct Context {
    /// What the API server holds.
    pub stores: Stores,
    /// Who is linked.
    pub registry: Registry,
    /// Since when this process leads.
    pub leading_since: Instant,
    /// Makes pods.
    pub provider: Arc<Provider>,
    /// What stands in Secrets that they name.
    pub credentials: Arc<Credentials>,
    /// Writes their status.
    pub publisher: Arc<Publisher<Livestream>>,
    /// Writes Events.
    pub recorder: Arc<Recorder>,
    /// Who looks at which origin.
    pub turns: Turns,
}

/// What a look at what a livestream is of has shown.
struct Seen<'a> {
    of: Of<'a>,
    pod_uid: Option<String>,
    pod_ip: Option<String>,
    view: View,
    /// When to look again, if not only for what the view says.
    again: Option<Duration>,
    /// Whether it is this one that tells what happened in its session.
    tells: bool,
}

/// Whether the livestream can be looked at now. `None`: another that shares something with it is, and it is marked once that is
/// over.
pub fn turn(livestream: &Livestream, context: &Context) -> Option<Turn> {
    match Owner::origin(livestream).filter(|_origin| !context.stores.is_one_too_many(livestream)) {
        Some(origin) => context.turns.take(origin, livestream).map(Turn::Of),
        None => Some(Turn::Alone),
    }
}

/// One that waits for its turn, in case that it is not marked.
pub fn later() -> Action {
    Action::requeue(spread(RESYNC, rand::random()))
}

/// One look at one livestream.
pub async fn reconcile(
    livestream: Arc<Livestream>,
    context: Arc<Context>,
    turn: Turn,
) -> Result<Action, Error> {
    let participant = participant(&context, &livestream);
    let seen = match (&livestream.spec.source, turn) {
        (Some(source), Turn::Of(held)) => origin::look(&context, &livestream, source, held).await?,
        (Some(_), Turn::Alone) => origin::none(),
        (None, _) => look(&context, participant.as_deref()),
    };
    let until = seen.view.until().map(|until| until.saturating_duration_since(Instant::now()));
    let secret = context.credentials.of(&livestream).await;
    let faulty = secret.is_err().then_some(credentials::AGAIN);
    let again = [until, seen.again, faulty].into_iter().flatten().min();
    let again = again.unwrap_or_else(|| spread(RESYNC, rand::random()));
    let facts = seen.view.facts().filter(|_facts| seen.tells).cloned().unwrap_or_default();
    let happenings: Vec<Happening> = facts.report.map(|report| report.happenings).unwrap_or_default();
    let session = seen.pod_uid.as_deref().filter(|_uid| seen.tells).map(|pod_uid| event::Session {
        pod_uid,
        boot_id: &facts.boot_id,
        happenings: &happenings,
    });
    let status = report(&Observed {
        livestream: &livestream,
        told: told(&context, &livestream, seen.pod_uid.as_deref(), &secret),
        of: seen.of,
        pod_ip: seen.pod_ip,
        view: seen.view,
        fault: secret.err(),
        previous: context.publisher.latest(&livestream),
        now: jiff::Timestamp::now(),
    });
    let outlets = Outlets { publisher: &context.publisher, recorder: &context.recorder, news, session };
    Ok(conclude(outlets, &*livestream, status, again).await?)
}

/// Of a runtime that is a participant's, that one tells. What Ready only sums up is told once.
fn news(before: Option<&LivestreamStatus>, after: &LivestreamStatus) -> Vec<News> {
    let (was, is) = (before.map(Livestream::said).unwrap_or_default(), Livestream::said(after));
    let mut reasons = HashSet::new();
    let mut news = match after.origin {
        Some(_) => failures(was, is, ""),
        None => failures(was, is, Type::RuntimeReady.as_str()),
    };
    news.retain(|news| reasons.insert(news.reason.clone()));
    news.extend(recovery(was, is, Type::InputsReady.as_str()));
    news
}

fn participant(context: &Context, livestream: &Livestream) -> Option<Arc<VirtualParticipant>> {
    let name = &livestream.spec.participant_ref.as_ref()?.name;
    context.stores.participant(&livestream.namespace()?, name)
}

fn look<'a>(context: &Context, participant: Option<&'a VirtualParticipant>) -> Seen<'a> {
    let uid = participant.and_then(pod_uid);
    let facts = uid.and_then(|uid| context.registry.facts(uid));
    Seen {
        pod_uid: uid.map(str::to_owned),
        pod_ip: participant.and_then(|participant| pod_ip(context, participant)),
        view: participant.map_or(View::Silent, |_there| view(facts, context.leading_since, Instant::now())),
        of: Of::Participant(participant),
        again: None,
        tells: false,
    }
}

fn told(
    context: &Context,
    livestream: &Livestream,
    pod_uid: Option<&str>,
    secret: &Result<Option<String>, Fault>,
) -> Told {
    if context.stores.is_one_too_many(livestream) {
        return Told::Never;
    }
    let Ok(secret) = secret else { return Told::NotYet };
    let described = convert::livestream(&livestream.name_any(), &livestream.spec, secret.as_deref());
    match pod_uid.is_some_and(|uid| context.registry.knows(uid, &described)) {
        true => Told::AsItIs,
        false => Told::NotYet,
    }
}

fn pod_uid(participant: &VirtualParticipant) -> Option<&str> {
    participant.status.as_ref()?.pod.as_ref()?.uid.as_deref()
}

fn pod_ip(context: &Context, participant: &VirtualParticipant) -> Option<String> {
    let pod = participant.status.as_ref()?.pod.as_ref()?;
    context.stores.pod(&participant.namespace()?, &pod.name)?.status.as_ref()?.pod_ip.clone()
}
