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
use crate::store::{Departed, Stores, Triggers};
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
use understudy_crds::v1alpha1::{Livestream, VirtualParticipant};

/// How long a new leader waits for its first lists; then it says why it cannot lead.
const LIST_TIMEOUT: Duration = Duration::from_secs(30);
/// How often the number of linked sessions is counted.
const COUNT_INTERVAL: Duration = Duration::from_secs(5);

/// Those who write, and keep in memory what they wrote.
struct Writers {
    writer: Arc<Writer>,
    participants: Arc<Publisher<VirtualParticipant>>,
    livestreams: Arc<Publisher<Livestream>>,
    recorder: Arc<Recorder>,
}

/// All that a leader works with.
struct Leader<'a> {
    config: &'a Config,
    client: &'a Client,
    term: u64,
    metrics: &'a Metrics,
    since: Instant,
    authority: Authority,
    triggers: Triggers,
    registry: Registry,
    writers: Writers,
}

/// Leads until `end`.
pub(super) async fn lead(
    config: &Config,
    client: &Client,
    term: u64,
    metrics: &Metrics,
    end: CancellationToken,
) -> anyhow::Result<()> {
    let secrets = Api::namespaced(client.clone(), &config.namespace);
    let authority = Authority::ensure(&secrets, &config.authority_secret).await?;
    let triggers = Triggers::default();
    let leader = Leader {
        config,
        client,
        term,
        metrics,
        since: Instant::now(),
        registry: Registry::new(triggers.clone(), term),
        writers: Writers {
            writer: Arc::new(Writer::new(client.clone(), authority.root.clone())),
            participants: Arc::new(Publisher::new(client.clone())),
            livestreams: Arc::new(Publisher::new(client.clone())),
            recorder: Arc::new(Recorder::new(client.clone(), &config.pod_name)),
        },
        authority,
        triggers,
    };
    leader.run(end).await
}

impl Leader<'_> {
    /// Watches begin first and end last.
    async fn run(self, end: CancellationToken) -> anyhow::Result<()> {
        let (tasks, end_watches) = (TaskTracker::new(), CancellationToken::new());
        let _whatever_happens = end_watches.clone().drop_guard();
        let stores = Stores::watch(self.client, &self.triggers, self.departed(), &tasks, &end_watches);
        tokio::select! {
            listed = tokio::time::timeout(LIST_TIMEOUT, stores.ready()) => {
                listed.context("participants, livestreams or pods could not be listed in time")?;
            }
            () = end.cancelled() => return Ok(()),
        }
        let (config, service) = (self.config, &self.config.link_service);
        let target = SocketAddr::new(config.pod_ip, config.link_listen.port());
        let lead_here = link_endpoint::publish(self.client, &config.namespace, service, target);
        // A request that is still on its way when another leads would lead runtimes astray.
        let Some(led) = end.run_until_cancelled(lead_here).await else { return Ok(()) };
        led.with_context(|| format!("the Service {service} cannot be led here"))?;
        self.reconcile(&stores, &tasks, &end);
        let link = control::serve(self.link(&stores)?, end.clone());
        let served = tokio::select! {
            served = link => served.context("the control link ended"),
            () = count(&self.registry, self.metrics) => Ok(()),
        };
        end.cancel();
        end_watches.cancel();
        tasks.close();
        // Reconciles end by themselves or are ended within this time, watches at once.
        let _ = tokio::time::timeout(self.config.timing.last_words(), tasks.wait()).await;
        served
    }

    /// Starts both controllers.
    fn reconcile(&self, stores: &Stores, tasks: &TaskTracker, end: &CancellationToken) {
        let settings = controller::Config::default().concurrency(self.config.concurrency);
        let reconcile = |object, context| Box::pin(participant::reconcile(object, context));
        let controller = watch_over(applier(
            reconcile,
            participant::on_error,
            Arc::new(self.participants(stores)),
            stores.participants(),
            until(self.triggers.participants.stream(), end),
            settings.clone(),
        ));
        tasks.spawn(cut_off(controller, end.clone(), self.config.timing.last_words()));
        let reconcile = |object, context| Box::pin(livestream::reconcile(object, context));
        let controller = watch_over(applier(
            reconcile,
            livestream::on_error,
            Arc::new(self.livestreams(stores)),
            stores.livestreams(),
            until(self.triggers.livestreams.stream(), end),
            settings,
        ));
        tasks.spawn(cut_off(controller, end.clone(), self.config.timing.last_words()));
    }

    fn participants(&self, stores: &Stores) -> participant::Context {
        participant::Context {
            stores: stores.clone(),
            registry: self.registry.clone(),
            leading_since: self.since,
            profiles: self.config.profiles.clone(),
            operator_address: self.config.link_address.clone(),
            writer: Arc::clone(&self.writers.writer),
            publisher: Arc::clone(&self.writers.participants),
            recorder: Arc::clone(&self.writers.recorder),
            metrics: self.metrics.clone(),
        }
    }

    fn livestreams(&self, stores: &Stores) -> livestream::Context {
        livestream::Context {
            stores: stores.clone(),
            registry: self.registry.clone(),
            leading_since: self.since,
            publisher: Arc::clone(&self.writers.livestreams),
            recorder: Arc::clone(&self.writers.recorder),
            metrics: self.metrics.clone(),
        }
    }

    fn link(&self, stores: &Stores) -> anyhow::Result<control::Config> {
        Ok(control::Config {
            listen: self.config.link_listen,
            identity: self.authority.issue(link_names(self.config))?,
            term: self.term,
            stores: stores.clone(),
            registry: self.registry.clone(),
            reviewer: Reviewer::new(self.client.clone()),
            tickets: Tickets::new(self.authority.derive("understudy.dev/resume-ticket")),
        })
    }

    /// Forgets what is gone, and has sessions of what is gone finish.
    fn departed(&self) -> impl Fn(Departed<'_>) + Clone + Send + 'static {
        let (registry, writer) = (self.registry.clone(), Arc::clone(&self.writers.writer));
        let (participants, livestreams) =
            (Arc::clone(&self.writers.participants), Arc::clone(&self.writers.livestreams));
        let recorder = Arc::clone(&self.writers.recorder);
        move |departed| match departed {
            Departed::Participant(uid) => {
                registry.drain(uid);
                writer.forget(uid);
                participants.forget(uid);
                recorder.forget(uid);
            }
            Departed::Livestream(uid) => {
                livestreams.forget(uid);
                recorder.forget(uid);
            }
            Departed::Pod(uid) => {
                registry.forget(uid);
                recorder.forget(uid);
            }
        }
    }
}

/// A controller, whose reconciles get this long to finish after `end`; what still runs then is dropped, because another
/// may lead soon.
async fn cut_off(controller: impl Future<Output = ()>, end: CancellationToken, last_words: Duration) {
    let late = async {
        end.cancelled().await;
        tokio::time::sleep(last_words).await;
    };
    tokio::select! {
        () = controller => {}
        () = late => tracing::warn!("some reconciles did not end in time and were dropped"),
    }
}

/// The queue ends with the leadership; a reconcile that runs is let finish, for a while.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_reconcile_that_does_not_end_is_dropped_after_the_last_words() {
        let (end, last_words) = (CancellationToken::new(), Duration::from_millis(50));
        end.cancel();
        let began = Instant::now();
        cut_off(std::future::pending(), end, last_words).await;
        assert!(began.elapsed() >= last_words);
    }

    #[tokio::test]
    async fn a_controller_that_ends_by_itself_is_not_waited_for() {
        let (end, long) = (CancellationToken::new(), Duration::from_secs(600));
        end.cancel();
        let ended = tokio::time::timeout(Duration::from_secs(5), cut_off(async {}, end, long)).await;
        assert!(ended.is_ok());
    }
}
