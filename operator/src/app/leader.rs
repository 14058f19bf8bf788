//! What only a leader does: watch, reconcile, serve the control link. It ends in the reverse order.

use crate::app::Config;
use crate::apply::Writer;
use crate::authority::Authority;
use crate::control::registry::Registry;
use crate::control::{self, Reviewer, Tickets};
use crate::event::Recorder;
use crate::link_endpoint;
use crate::metrics::Metrics;
use crate::status::Publisher;
use crate::store::{Stores, Triggers};
use crate::{livestream, participant};
use anyhow::Context;
use futures::{Stream, StreamExt};
use kube::runtime::applier;
use kube::runtime::controller;
use kube::runtime::reflector::ObjectRef;
use kube::{Api, Client, Resource};
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// How long a new leader waits for its first lists; then it says why it cannot lead.
const LIST_TIMEOUT: Duration = Duration::from_secs(30);
/// How long what runs may take to end when the leadership does.
const END_TIMEOUT: Duration = Duration::from_secs(10);
/// How often the number of linked sessions is counted.
const COUNT_INTERVAL: Duration = Duration::from_secs(5);

/// Leads until `end`.
pub(super) async fn lead(
    config: &Config,
    client: &Client,
    term: u64,
    metrics: &Metrics,
    end: CancellationToken,
) -> anyhow::Result<()> {
    let leading_since = Instant::now();
    let secrets = Api::namespaced(client.clone(), &config.namespace);
    let authority = Authority::ensure(&secrets, &config.authority_secret).await?;
    let (triggers, tasks) = (Triggers::default(), TaskTracker::new());
    let end_watches = CancellationToken::new();
    let _stop = end_watches.clone().drop_guard();
    let stores = Stores::watch(client, &triggers, &tasks, &end_watches);
    let listed = tokio::time::timeout(LIST_TIMEOUT, stores.ready());
    tokio::select! {
        listed = listed => listed.context("participants, livestreams or pods could not be listed in time")?,
        () = end.cancelled() => return Ok(()),
    }
    let registry = Registry::new(triggers.clone(), term);
    let recorder = Arc::new(Recorder::new(client.clone(), &config.pod_name));
    let participants = participant::Context {
        stores: stores.clone(),
        registry: registry.clone(),
        leading_since,
        profiles: config.profiles.clone(),
        operator_address: config.link_address.clone(),
        writer: Writer::new(client.clone(), authority.root.clone()),
        publisher: Publisher::new(client.clone()),
        recorder: Arc::clone(&recorder),
        metrics: metrics.clone(),
    };
    let livestreams = livestream::Context {
        stores: stores.clone(),
        registry: registry.clone(),
        leading_since,
        publisher: Publisher::new(client.clone()),
        recorder,
        metrics: metrics.clone(),
    };
    let link = control::serve(
        control::Config {
            listen: config.link_listen,
            identity: authority.issue(link_names(config))?,
            term,
            stores: stores.clone(),
            registry: registry.clone(),
            reviewer: Reviewer::new(client.clone()),
            tickets: Tickets::new(authority.derive("understudy.dev/resume-ticket")),
        },
        end.clone(),
    );
    let target = SocketAddr::new(config.pod_ip, config.link_listen.port());
    link_endpoint::publish(client, &config.namespace, &config.link_service, target)
        .await
        .with_context(|| format!("the Service {} cannot be led here", config.link_service))?;
    let settings = controller::Config::default().concurrency(config.concurrency);
    let reconcile = |object, context| Box::pin(participant::reconcile(object, context));
    tasks.spawn(watch_over(applier(
        reconcile,
        participant::on_error,
        Arc::new(participants),
        stores.participants(),
        until(triggers.participants.stream(), &end),
        settings.clone(),
    )));
    let reconcile = |object, context| Box::pin(livestream::reconcile(object, context));
    tasks.spawn(watch_over(applier(
        reconcile,
        livestream::on_error,
        Arc::new(livestreams),
        stores.livestreams(),
        until(triggers.livestreams.stream(), &end),
        settings,
    )));
    let served = tokio::select! {
        served = link => served.context("the control link ended"),
        () = count(&registry, metrics) => Ok(()),
    };
    end.cancel();
    end_watches.cancel();
    tasks.close();
    if tokio::time::timeout(END_TIMEOUT, tasks.wait()).await.is_err() {
        tracing::warn!("some reconciles did not end in time");
    }
    served
}

/// The queue ends with the leadership; a reconcile that runs is let finish.
fn until<K: Resource<DynamicType = ()> + Send + 'static>(
    queue: impl Stream<Item = ObjectRef<K>> + Send + 'static,
    end: &CancellationToken,
) -> impl Stream<Item = Result<ObjectRef<K>, Infallible>> + Send + 'static {
    queue.map(Ok).take_until(end.clone().cancelled_owned())
}

/// Errors of objects were told where they happened; here are those of the machinery. An object that is gone is none.
async fn watch_over<T, E: std::error::Error + 'static>(
    results: impl Stream<Item = Result<T, controller::Error<E, Infallible>>>,
) {
    let mut results = std::pin::pin!(results);
    while let Some(result) = results.next().await {
        match result {
            Ok(_) | Err(controller::Error::ReconcilerFailed(..) | controller::Error::ObjectNotFound(_)) => {}
            Err(error) => tracing::error!(error = &error as &dyn std::error::Error, "a controller failed"),
        }
    }
}

async fn count(registry: &Registry, metrics: &Metrics) {
    loop {
        metrics.linked.set(i64::try_from(registry.linked()).unwrap_or(i64::MAX));
        tokio::time::sleep(COUNT_INTERVAL).await;
    }
}

/// All names by which a pod may call the link Service, and the host of an address that was given instead.
fn link_names(config: &Config) -> Vec<String> {
    let (service, namespace) = (&config.link_service, &config.namespace);
    let host =
        config.link_address.rsplit_once(':').map_or(config.link_address.as_str(), |(host, _port)| host);
    let mut names = vec![
        format!("{service}.{namespace}.svc"),
        format!("{service}.{namespace}"),
        format!("{service}.{namespace}.svc.cluster.local"),
        host.trim_matches(['[', ']']).to_owned(),
    ];
    names.sort();
    names.dedup();
    names
}
