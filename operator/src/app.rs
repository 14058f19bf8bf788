//! Builds everything once and runs it: followers wait, the leader watches, reconciles and serves the control link.

mod leader;

use crate::admin::{self, Readiness};
use crate::api::Preset;
use crate::args::Args;
use crate::authority::Times;
use crate::lease::{Election, Leadership, Timing};
use crate::metrics::Metrics;
use crate::recheck;
use crate::store::Scope;
use crate::telemetry::Tracing;
use anyhow::Context;
use kube::{Api, Client};
use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::time::Duration;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tracing::Instrument;

/// An API server that does not answer at the start is told as that.
const FIRST_CONTACT: Duration = Duration::from_secs(30);
const UNREACHABLE: &str = "the API server could not be reached";

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
    /// Where the leader serves the control API.
    pub api_listen: SocketAddr,
    /// The stage of callers who make one and name none.
    pub preset: Option<Preset>,
    /// Where health and metrics are served.
    pub admin_listen: SocketAddr,
    /// Where participants are.
    pub scope: Scope,
    /// Name of the Lease.
    pub lease: String,
    /// How the Lease is kept.
    pub timing: Timing,
    /// Name of the authority's Secret.
    pub authority_secret: String,
    /// How fast roots of the authority follow one another.
    pub rotation: Times,
    /// How long it may take until a participant is looked at for what no watch shows.
    pub recheck: Duration,
    /// Objects of each kind that are reconciled at a time.
    pub concurrency: u16,
    /// Whether traces of invitations are kept.
    pub tracing: Tracing,
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
            api_listen: args.api_listen,
            preset: args
                .stage_whip_url
                .map(|url| preset(url, args.stage_whip_token_file.as_deref()))
                .transpose()?,
            admin_listen: args.admin_listen,
            scope: Scope::of(args.watch_namespaces.into_iter().filter(|name| !name.is_empty()).collect()),
            lease: args.lease,
            timing: Timing::default(),
            authority_secret: args.authority_secret,
            rotation: Times::default(),
            recheck: recheck::EACH,
            concurrency: args.concurrency,
            tracing: if args.otlp_endpoint.is_empty() { Tracing::Off } else { Tracing::On },
        })
    }
}

/// Editors end files with a line feed.
fn preset(url: String, token_file: Option<&Path>) -> anyhow::Result<Preset> {
    let token = token_file.map(|file| {
        let read = std::fs::read_to_string(file);
        read.with_context(|| format!("the token of the stage cannot be read ({})", file.display()))
    });
    Ok(Preset { url, token: token.transpose()?.unwrap_or_default().trim().to_owned() })
}

/// Runs until `shutdown`. What a leader does has ended before the lease is given back, and the lease before the listener
/// of health is closed. Neither of them ends before it was asked to without the whole process doing so: whoever looks from
/// outside must not take a part for all.
pub async fn run(config: Config, client: Client, shutdown: CancellationToken) -> anyhow::Result<()> {
    let (metrics, readiness) = (Metrics::default(), Readiness::default());
    let version = tokio::time::timeout(FIRST_CONTACT, client.apiserver_version()).await;
    let version = version.context(UNREACHABLE)?.context(UNREACHABLE)?;
    tracing::info!(kubernetes = version.git_version, me = config.pod_name, "operator starts");

    let (end_admin, end_election) = (CancellationToken::new(), CancellationToken::new());
    let admin = admin::serve(config.admin_listen, readiness.clone(), metrics.clone(), end_admin.clone());
    let mut admin = tokio::spawn(admin.instrument(tracing::info_span!("task", name = "health and metrics")));
    let (sender, leadership) = watch::channel(Leadership::Follower);
    let leases = Api::namespaced(client.clone(), &config.namespace);
    let me = format!("{}_{:08x}", config.pod_name, rand::random::<u32>());
    let election = Election::new(leases, &config.lease, &me, config.timing);
    let election = {
        let end_election = end_election.clone();
        async move { election.run(&sender, end_election).await }
    };
    let mut election = tokio::spawn(election.instrument(tracing::info_span!("task", name = "election")));
    readiness.arrive();

    let ended = tokio::select! {
        led = follow(&config, &client, leadership, &metrics, &shutdown) => Ended::Leading(led),
        ended = &mut election => Ended::Election(ended.context("the election ended badly").and_then(|()| {
            anyhow::bail!("the election ended by itself")
        })),
        ended = &mut admin => Ended::Admin(health(ended).and_then(|()| {
            anyhow::bail!("health and metrics ended by themselves")
        })),
    };
    readiness.leave();
    if let Ended::Election(ended) = ended {
        end_admin.cancel();
        return ended;
    }
    end_election.cancel();
    election.await.context("the election ended badly")?;
    if let Ended::Admin(ended) = ended {
        return ended;
    }
    end_admin.cancel();
    health(admin.await)?;
    match ended {
        Ended::Leading(ended) | Ended::Election(ended) | Ended::Admin(ended) => ended,
    }
}

/// What ended first. What a leader was about is dropped if that was not the leading.
enum Ended {
    Leading(anyhow::Result<()>),
    Election(anyhow::Result<()>),
    Admin(anyhow::Result<()>),
}

fn health(ended: Result<std::io::Result<()>, tokio::task::JoinError>) -> anyhow::Result<()> {
    ended.context("health and metrics ended badly")?.context("health and metrics cannot be served")
}

/// Waits until this process leads. If the election has ended, whoever runs it tells why.
async fn next_term(leadership: &mut watch::Receiver<Leadership>) -> u64 {
    let now = leadership.wait_for(|now| *now != Leadership::Follower).await.map(|now| *now);
    match now {
        Ok(Leadership::Leader { term }) => term,
        Ok(Leadership::Follower) | Err(_) => std::future::pending().await,
    }
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
            term = next_term(&mut leadership) => term,
        };
        let end = shutdown.child_token();
        let lost = {
            let (mut leadership, end) = (leadership.clone(), end.clone());
            async move {
                let _ = leadership.wait_for(|now| *now != Leadership::Leader { term }).await;
                end.cancel();
            }
        };
        metrics.leads(term);
        let led = async {
            let led = leader::lead(config, client, term, metrics, end.clone()).await;
            end.cancel();
            led
        };
        let (led, ()) = tokio::join!(led, async {
            tokio::select! { () = lost => {}, () = end.cancelled() => {} }
        });
        metrics.follows();
        led?;
    }
}
