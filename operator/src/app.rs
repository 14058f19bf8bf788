//! Builds everything once and runs it: followers wait, the leader watches, reconciles and serves the control link.

mod leader;

use crate::admin::{self, Readiness};
use crate::args::Args;
use crate::lease::{Election, Leadership, Timing};
use crate::metrics::Metrics;
use crate::profile::Profiles;
use anyhow::Context;
use kube::{Api, Client};
use std::net::{IpAddr, SocketAddr};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// What the operator is told.
#[derive(Clone, Debug)]
pub struct Config {
    /// Namespace of its own objects.
    pub namespace: String,
    /// Name of this process among the replicas.
    pub pod_name: String,
    /// Address of this process.
    pub pod_ip: IpAddr,
    /// The Service whose EndpointSlice the leader owns.
    pub link_service: String,
    /// `HOST:PORT` that session pods dial.
    pub link_address: String,
    /// Where the leader serves the control link.
    pub link_listen: SocketAddr,
    /// Where health and metrics are served.
    pub admin_listen: SocketAddr,
    /// The shapes of session pods.
    pub profiles: Profiles,
    /// Name of the Lease.
    pub lease: String,
    /// How the Lease is kept.
    pub timing: Timing,
    /// Name of the authority's Secret.
    pub authority_secret: String,
    /// Objects of each kind that are reconciled at a time.
    pub concurrency: u16,
}

impl TryFrom<Args> for Config {
    type Error = anyhow::Error;

    fn try_from(args: Args) -> anyhow::Result<Self> {
        let link_address = args.link_address.unwrap_or_else(|| {
            format!("{}.{}.svc:{}", args.link_service, args.namespace, args.link_listen.port())
        });
        Ok(Self {
            namespace: args.namespace,
            pod_name: args.pod_name,
            pod_ip: args.pod_ip,
            link_service: args.link_service,
            link_address,
            link_listen: args.link_listen,
            admin_listen: args.admin_listen,
            profiles: Profiles::read(&args.profiles)?,
            lease: args.lease,
            timing: Timing::default(),
            authority_secret: args.authority_secret,
            concurrency: args.concurrency,
        })
    }
}

/// Runs until `shutdown`. What a leader does has ended before the lease is given back, and the lease before the listener
/// of health is closed.
pub async fn run(config: Config, client: Client, shutdown: CancellationToken) -> anyhow::Result<()> {
    let (metrics, readiness) = (Metrics::default(), Readiness::default());
    let version = client.apiserver_version().await.context("the API server could not be reached")?;
    tracing::info!(kubernetes = version.git_version, me = config.pod_name, "operator starts");

    let (end_admin, end_election) = (CancellationToken::new(), CancellationToken::new());
    let tasks = TaskTracker::new();
    let admin =
        tasks.spawn(admin::serve(config.admin_listen, readiness.clone(), metrics.clone(), end_admin.clone()));
    let (sender, leadership) = watch::channel(Leadership::Follower);
    let leases = Api::namespaced(client.clone(), &config.namespace);
    let me = format!("{}_{:08x}", config.pod_name, rand::random::<u32>());
    let election = Election::new(leases, &config.lease, &me, config.timing);
    let election = tasks.spawn({
        let end_election = end_election.clone();
        async move { election.run(&sender, end_election).await }
    });
    readiness.arrive();

    let led = follow(&config, &client, leadership, &metrics, &shutdown).await;
    readiness.leave();
    end_election.cancel();
    let _ = election.await;
    end_admin.cancel();
    admin.await.context("health and metrics ended badly")?.context("health and metrics cannot be served")?;
    led
}

/// Leads whenever it is this process' turn.
async fn follow(
    config: &Config,
    client: &Client,
    mut leadership: watch::Receiver<Leadership>,
    metrics: &Metrics,
    shutdown: &CancellationToken,
) -> anyhow::Result<()> {
    loop {
        let term = tokio::select! {
            () = shutdown.cancelled() => return Ok(()),
            now = leadership.wait_for(|now| *now != Leadership::Follower) => match now.map(|now| *now) {
                Ok(Leadership::Leader { term }) => term,
                _ => return Ok(()),
            },
        };
        let end = shutdown.child_token();
        let lost = {
            let (mut leadership, end) = (leadership.clone(), end.clone());
            async move {
                let _ = leadership.wait_for(|now| *now != Leadership::Leader { term }).await;
                end.cancel();
            }
        };
        metrics.leader.set(1);
        let (led, ()) = tokio::join!(leader::lead(config, client, term, metrics, end.clone()), async {
            tokio::select! { () = lost => {}, () = end.cancelled() => {} }
        });
        metrics.leader.set(0);
        metrics.linked.set(0);
        led?;
    }
}
