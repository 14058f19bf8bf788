//! The listener of the control link: TLS, limits, gRPC health and reflection. It exists while this process leads.

use crate::authority::ServerIdentity;
use crate::control::connection;
use crate::control::contact::Registrar;
use crate::control::identity::Reviewer;
use crate::control::registry::Registry;
use crate::control::service::{Service, Shared};
use crate::control::ticket::Tickets;
use crate::listen;
use crate::metrics::Metrics;
use crate::store::Stores;
use kube::Client;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tonic::transport::{Identity, Server, ServerTlsConfig};
use understudy_proto::DESCRIPTORS;
use understudy_proto::v1::control_link_server::ControlLinkServer;

/// A peer that vanished without a word is noticed after both together.
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(30);
const KEEPALIVE_TIMEOUT: Duration = Duration::from_secs(10);
/// A Report is a few kilobytes.
const LARGEST_MESSAGE_BYTES: usize = 256 * 1024;
/// Streams end by themselves when the shutdown begins; this is for peers that do not read. Waited for twice at most, which
/// is less than the five seconds after which another may lead.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(2);

/// What the control link is made of.
pub struct Config {
    /// Where it listens.
    pub listen: SocketAddr,
    /// What it shows.
    pub identity: ServerIdentity,
    /// Where what ends unasked is counted.
    pub metrics: Metrics,
    /// This leader's.
    pub term: u64,
    /// What the API server holds.
    pub stores: Stores,
    /// Asks the API server for what is not in `stores`.
    pub client: Client,
    /// Who is linked.
    pub registry: Registry,
    /// Who shows a token.
    pub reviewer: Reviewer,
    /// Who shows a ticket.
    pub tickets: Tickets,
}

/// Why the control link is not served: the site's fault.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The port is taken, or the address is not ours.
    #[error("cannot listen on {address}")]
    Listen {
        /// Where.
        address: SocketAddr,
        /// Why not.
        source: std::io::Error,
    },
    /// TLS could not be set up.
    #[error("the control link failed")]
    Transport(#[from] tonic::transport::Error),
    /// The build is broken.
    #[error("the reflection service has no valid descriptors")]
    Reflection(#[from] tonic_reflection::server::Error),
}

/// Serves until `shutdown`.
pub async fn serve(config: Config, shutdown: CancellationToken) -> Result<(), Error> {
    let Config { listen, identity, metrics, term, stores, client, registry, reviewer, tickets } = config;
    let tasks = TaskTracker::new();
    let service = Service {
        shared: Arc::new(Shared {
            registrar: Registrar { stores, client },
            registry,
            reviewer,
            tickets,
            metrics,
            term,
            admissions: Shared::admissions(),
            tasks: tasks.clone(),
            shutdown: shutdown.clone(),
        }),
    };
    let (health, health_service) = tonic_health::server::health_reporter();
    health.set_serving::<ControlLinkServer<Service>>().await;
    let reflection = tonic_reflection::server::Builder::configure()
        .register_encoded_file_descriptor_set(DESCRIPTORS)
        .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
        .build_v1()?;
    let failed = |source| Error::Listen { address: listen, source };
    let listener = listen::bind(listen).await.map_err(failed)?;
    tracing::info!(%listen, term, "control link is open");
    let served = Server::builder()
        .tls_config(ServerTlsConfig::new().identity(Identity::from_pem(identity.certificate, identity.key)))?
        .http2_keepalive_interval(Some(KEEPALIVE_INTERVAL))
        .http2_keepalive_timeout(Some(KEEPALIVE_TIMEOUT))
        .add_service(health_service)
        .add_service(reflection)
        .add_service(ControlLinkServer::new(service).max_decoding_message_size(LARGEST_MESSAGE_BYTES))
        .serve_with_incoming_shutdown(connection::accept(listener), shutdown.cancelled());
    let deadline = async {
        shutdown.cancelled().await;
        tokio::time::sleep(SHUTDOWN_TIMEOUT).await;
    };
    tokio::select! {
        ended = served => ended?,
        () = deadline => tracing::warn!("some peers of the control link did not let go in time"),
    }
    tasks.close();
    let _ = tokio::time::timeout(SHUTDOWN_TIMEOUT, tasks.wait()).await;
    tracing::info!(term, "control link is closed");
    Ok(())
}
