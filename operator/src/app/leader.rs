//! What only a leader does: watch, reconcile, serve the control link. It ends in the reverse order.

mod house;

use crate::api;
use crate::app::Config;
use crate::apply::Writer;
use crate::authority::{Authority, Change};
use crate::control::registry::Registry;
use crate::control::{self, Reviewer, Tickets};
use crate::credentials::Credentials;
use crate::event::Recorder;
use crate::link_endpoint;
use crate::livestream::Turns;
use crate::look::Looks;
use crate::metrics::Metrics;
use crate::owner::Kind;
use crate::provide::Provider;
use crate::status::Publisher;
use crate::store::{Departed, Stores, Triggers};
use crate::tasks::{Feed, Tasks};
use crate::{livestream, participant, recheck};
use anyhow::Context;
use futures::{FutureExt, Stream, StreamExt};
use jiff::Timestamp;
use kube::runtime::reflector::ObjectRef;
use kube::runtime::{applier, controller};
use kube::{Api, Client, Resource};
use std::convert::Infallible;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio_util::sync::CancellationToken;
use understudy_crds::v1alpha1::{Livestream, VirtualParticipant};

/// How often a new leader that still waits for its first lists says so. It waits for as long as it leads: a list may be long,
/// and another leader would have to read the same one.
const STILL_LISTING: Duration = Duration::from_secs(30);
/// Secrets, the Service and its slice are read or written in milliseconds; who leads and cannot do that within this time says
/// so and lets another try.
const PREPARE_TIMEOUT: Duration = Duration::from_secs(30);
/// Those who write, and keep in memory what they wrote.
struct Writers {
    writer: Arc<Writer>,
    credentials: Arc<Credentials>,
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
    authority: Authority,
    triggers: Triggers,
    registry: Registry,
    writers: Writers,
}

/// What the controllers work with.
struct Controllers {
    participants: Arc<participant::Context>,
    livestreams: Arc<livestream::Context>,
    provider: Arc<Provider>,
    looks_at_participants: Arc<Looks>,
    looks_at_livestreams: Arc<Looks>,
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
    let authority = prepare(&end, Authority::ensure(&secrets, &config.authority_secret));
    let Some(authority) = authority.await else { return Ok(()) };
    let authority = authority.context("the authority of the control link could not be read in time")??;
    let triggers = Triggers::default();
    let leader = Leader {
        config,
        client,
        term,
        metrics,
        registry: Registry::new(triggers.clone(), term),
        writers: Writers {
            writer: Arc::new(Writer::new(client.clone(), authority.roots(), config.recheck / 2)),
            credentials: Arc::new(Credentials::new(client.clone(), config.recheck / 2)),
            participants: Arc::new(Publisher::new(client.clone())),
            livestreams: Arc::new(Publisher::new(client.clone())),
            recorder: Arc::new(Recorder::new(client.clone(), &config.pod_name)),
        },
        authority,
        triggers,
    };
    leader.run(end).await
}

/// `None`: another leads by now. A request that is still on its way then would lead runtimes astray.
async fn prepare<T>(
    end: &CancellationToken,
    step: impl Future<Output = T>,
) -> Option<Result<T, tokio::time::error::Elapsed>> {
    end.run_until_cancelled(tokio::time::timeout(PREPARE_TIMEOUT, step)).await
}

impl Leader<'_> {
    /// Watches begin first and end last.
    async fn run(self, end: CancellationToken) -> anyhow::Result<()> {
        let (mut watches, mut work) = (Tasks::default(), Tasks::default());
        let (stores, feeds) = Stores::watch(self.client, &self.config.scope, &self.triggers, self.departed());
        feeds.into_iter().for_each(|feed| watches.start(feed));
        tokio::select! {
            () = listed(&stores) => {}
            ended = watches.ended() => return Err(ended.into()),
            () = end.cancelled() => return Ok(()),
        }
        let (config, service) = (self.config, &self.config.link_service);
        let ports = link_endpoint::Ports { link: config.link_listen.port(), api: config.api_listen.port() };
        let lead_here = link_endpoint::publish(self.client, &config.namespace, service, config.pod_ip, ports);
        let Some(led) = prepare(&end, lead_here).await else { return Ok(()) };
        let told = || format!("the Service {service} cannot be led here");
        led.with_context(told)?.with_context(told)?;
        let controllers = self.controllers(&stores);
        for controller in self.reconcile(&controllers, &stores, &end) {
            work.start(controller);
        }
        let mut link = std::pin::pin!(self.serve(&stores, &end).fuse());
        let (mut served, mut failed) = (None, None);
        tokio::select! {
            ended = &mut link => served = Some(ended),
            ended = watches.ended() => failed = Some(ended),
            ended = work.ended() => failed = Some(ended),
            () = self.keep_house(&controllers, &stores) => {}
            () = recheck::run(&stores, &self.triggers, self.config.recheck) => {}
        }
        // A controller that ends because it was asked to has not failed.
        let failed = failed.filter(|_ended| !end.is_cancelled());
        end.cancel();
        let late = async {
            // Looks end by themselves or are ended within this time, watches at once.
            if !work.finish(self.config.timing.last_words()).await {
                tracing::warn!("some looks did not end in time and were dropped");
            }
        };
        let closed = async {
            match served {
                Some(served) => served,
                None => link.await,
            }
        };
        let (served, ()) = tokio::join!(closed, late);
        match failed {
            Some(failed) => Err(failed.into()),
            None => served.context("the control link ended"),
        }
    }

    /// Serves the control link and the control API, with a certificate of the root that signs now: when another does, sessions dial again.
    async fn serve(&self, stores: &Stores, end: &CancellationToken) -> anyhow::Result<()> {
        let mut authority = self.authority.clone();
        while !end.is_cancelled() {
            let end_link = end.child_token();
            let link = control::serve(self.link(&authority, stores)?, end_link.clone());
            let api = api::serve(self.api(&authority, stores)?, end_link.clone());
            // One that ends badly ends the leadership, and is told as what it was.
            let both = async {
                tokio::try_join!(async { link.await.map_err(anyhow::Error::from) }, async {
                    api.await.map_err(anyhow::Error::from)
                })
            };
            let mut link = std::pin::pin!(both);
            tokio::select! {
                served = &mut link => return served.map(|((), ())| ()),
                () = another_signs(&mut authority, self.client, self.config, &self.writers.writer) => {
                    end_link.cancel();
                    link.await?;
                }
            }
        }
        Ok(())
    }

    fn controllers(&self, stores: &Stores) -> Controllers {
        let (writer, dialled) = (Arc::clone(&self.writers.writer), self.config.link_address.clone());
        let provider = Arc::new(Provider::new(stores.clone(), writer, dialled));
        // From now on sessions can find this leader.
        let leading_since = Instant::now();
        let looks = |kind| Arc::new(Looks::new(kind, self.metrics.clone()));
        Controllers {
            participants: Arc::new(participant::Context {
                client: self.client.clone(),
                stores: stores.clone(),
                registry: self.registry.clone(),
                leading_since,
                provider: Arc::clone(&provider),
                credentials: Arc::clone(&self.writers.credentials),
                publisher: Arc::clone(&self.writers.participants),
                recorder: Arc::clone(&self.writers.recorder),
                tracing: self.config.tracing,
            }),
            livestreams: Arc::new(livestream::Context {
                stores: stores.clone(),
                registry: self.registry.clone(),
                leading_since,
                provider: Arc::clone(&provider),
                credentials: Arc::clone(&self.writers.credentials),
                publisher: Arc::clone(&self.writers.livestreams),
                recorder: Arc::clone(&self.writers.recorder),
                turns: Turns::new(self.triggers.livestreams.clone()),
            }),
            provider,
            looks_at_participants: looks(Kind::VirtualParticipant),
            looks_at_livestreams: looks(Kind::Livestream),
        }
    }

    /// Both controllers.
    fn reconcile(&self, all: &Controllers, stores: &Stores, end: &CancellationToken) -> [Feed; 2] {
        let settings = controller::Config::default().concurrency(self.config.concurrency);
        let (looks, failing) =
            (Arc::clone(&all.looks_at_participants), Arc::clone(&all.looks_at_participants));
        let participants = watch_over(applier(
            move |object: Arc<VirtualParticipant>, context: Arc<participant::Context>| {
                let looks = Arc::clone(&looks);
                Box::pin(async move {
                    looks.at(&*object, participant::reconcile(Arc::clone(&object), context)).await
                })
            },
            move |object: Arc<VirtualParticipant>, error: &_, _context| failing.failed(&*object, error),
            Arc::clone(&all.participants),
            stores.participants(),
            until(self.triggers.participants.stream(), end),
            settings.clone(),
        ));
        let (looks, failing) = (Arc::clone(&all.looks_at_livestreams), Arc::clone(&all.looks_at_livestreams));
        let livestreams = watch_over(applier(
            move |object: Arc<Livestream>, context: Arc<livestream::Context>| {
                let looks = Arc::clone(&looks);
                Box::pin(async move {
                    let Some(turn) = livestream::turn(&object, &context) else {
                        return Ok(livestream::later());
                    };
                    looks.at(&*object, livestream::reconcile(Arc::clone(&object), context, turn)).await
                })
            },
            move |object: Arc<Livestream>, error: &_, _context| failing.failed(&*object, error),
            Arc::clone(&all.livestreams),
            stores.livestreams(),
            until(self.triggers.livestreams.stream(), end),
            settings,
        ));
        [
            Feed::new("controller of participants", participants.boxed()),
            Feed::new("controller of livestreams", livestreams.boxed()),
        ]
    }

    fn link(&self, authority: &Authority, stores: &Stores) -> anyhow::Result<control::Config> {
        Ok(control::Config {
            listen: self.config.link_listen,
            identity: authority.issue(link_names(self.config))?,
            metrics: self.metrics.clone(),
            term: self.term,
            stores: stores.clone(),
            client: self.client.clone(),
            registry: self.registry.clone(),
            reviewer: Reviewer::new(self.client.clone()),
            tickets: Tickets::new(authority.derive("understudy.dev/resume-ticket")?),
        })
    }

    fn api(&self, authority: &Authority, stores: &Stores) -> anyhow::Result<api::Config> {
        Ok(api::Config {
            listen: self.config.api_listen,
            identity: authority.issue(link_names(self.config))?,
            stores: stores.clone(),
            client: self.client.clone(),
            metrics: self.metrics.clone(),
            preset: self.config.preset.clone(),
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
                writer.forget(uid);
                livestreams.forget(uid);
                recorder.forget(uid);
            }
            Departed::Origin(uid) => {
                registry.drain(uid);
            }
            Departed::Pod(uid) => {
                registry.forget(uid);
                recorder.forget(uid);
            }
        }
    }
}

/// Looks after the authority until another root signs.
async fn another_signs(authority: &mut Authority, client: &Client, config: &Config, writer: &Writer) {
    let secrets = Api::namespaced(client.clone(), &config.namespace);
    loop {
        tokio::time::sleep(config.rotation.check_every).await;
        match authority.rotate(&secrets, &config.rotation, Timestamp::now()).await {
            Ok(Change::Nothing) => {}
            Ok(Change::Roots) => writer.trust(authority.roots()).await,
            Ok(Change::Signer) => return writer.trust(authority.roots()).await,
            Err(error) => {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "the authority could not be looked after"
                );
            }
        }
    }
}

/// Waits for the first lists, and says now and then that it does.
async fn listed(stores: &Stores) {
    let began = Instant::now();
    let mut ready = std::pin::pin!(stores.ready());
    while tokio::time::timeout(STILL_LISTING, &mut ready).await.is_err() {
        let waiting_seconds = began.elapsed().as_secs();
        let missing = stores.missing();
        tracing::warn!(
            waiting_seconds,
            ?missing,
            "not everything could be listed yet; this leader waits for it"
        );
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
