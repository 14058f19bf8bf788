//! Livestream: has no pod of its own. It joins what its participant's session is told (the participant's controller sees
//! to that), and its status is what that session reports.

pub mod phase;

pub mod report;

use crate::control::convert;
use crate::control::registry::Registry;
use crate::credentials::{self, Credentials, Fault};
use crate::event::{Recorder, failures};
use crate::livestream::report::{Observed, Told, report};
use crate::outcome::{Outlets, conclude};
use crate::retry::spread;
use crate::status::{Publisher, Reported};
use crate::store::Stores;
use crate::view::{View, view};
use kube::ResourceExt;
use kube::runtime::controller::Action;
use std::sync::Arc;
use std::time::{Duration, Instant};
use understudy_crds::condition::LivestreamCondition;
use understudy_crds::v1alpha1::{Livestream, VirtualParticipant};

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
    /// What stands in Secrets that they name.
    pub credentials: Arc<Credentials>,
    /// Writes their status.
    pub publisher: Arc<Publisher<Livestream>>,
    /// Writes Events.
    pub recorder: Arc<Recorder>,
}

/// Why a reconcile has to be tried again.
#[derive(Debug, thiserror::Error)]
#[error("the status could not be written")]
pub struct Error(#[from] kube::Error);

/// One look at one livestream.
pub async fn reconcile(livestream: Arc<Livestream>, context: Arc<Context>) -> Result<Action, Error> {
    let participant = participant(&context, &livestream);
    let view = participant.as_ref().map_or(View::Silent, |participant| look(&context, participant));
    let again = view.until().map_or_else(
        || spread(RESYNC, rand::random()),
        |until| until.saturating_duration_since(Instant::now()),
    );
    let secret = context.credentials.of(&livestream).await;
    let again = if secret.is_err() { again.min(credentials::AGAIN) } else { again };
    let previous = context.publisher.latest(&livestream);
    let pod_ip = participant.as_ref().and_then(|participant| pod_ip(&context, participant));
    let status = report(&Observed {
        livestream: &livestream,
        participant: participant.as_deref(),
        pod_ip,
        view,
        told: told(&context, &livestream, participant.as_deref(), &secret),
        fault: secret.err(),
        previous,
        now: jiff::Timestamp::now(),
    });
    let outlets = Outlets {
        publisher: &context.publisher,
        recorder: &context.recorder,
        // The participant tells of its runtime.
        news: |before, after| {
            let before = before.map(Livestream::said).unwrap_or_default();
            failures(before, Livestream::said(after), LivestreamCondition::RuntimeReady.as_str())
        },
        session: None,
    };
    Ok(conclude(outlets, &*livestream, status, again).await?)
}

fn participant(context: &Context, livestream: &Livestream) -> Option<Arc<VirtualParticipant>> {
    let name = &livestream.spec.participant_ref.as_ref()?.name;
    context.stores.participant(&livestream.namespace()?, name)
}

fn look(context: &Context, participant: &VirtualParticipant) -> View {
    let facts = pod_uid(participant).and_then(|uid| context.registry.facts(uid));
    view(facts, context.leading_since, Instant::now())
}

fn told(
    context: &Context,
    livestream: &Livestream,
    participant: Option<&VirtualParticipant>,
    secret: &Result<Option<String>, Fault>,
) -> Told {
    let Ok(secret) = secret else { return Told::NotYet };
    let described = convert::livestream(&livestream.name_any(), &livestream.spec, secret.as_deref());
    match participant.and_then(pod_uid).is_some_and(|uid| context.registry.knows(uid, &described)) {
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
