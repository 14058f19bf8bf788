//! The control API for people's backends: gRPC, the same as HTTP and JSON, and the paths of the source system's control plane. All
//! three stand on one [`Desk`], which asks the API server who the caller is and what they may, and changes nothing but the resources
//! that kubectl changes as well. It exists while this process leads.

mod accept;
mod caller;
mod convert;
mod desk;
mod grpc;
mod http;
mod page;
mod refused;
mod stages;
mod watch;

pub use stages::Preset;

use crate::api::desk::Desk;
use crate::authority::ServerIdentity;
use crate::control::connection;
use crate::listen;
use crate::metrics::Metrics;
use crate::store::Stores;
use kube::Client;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use tonic::transport::Server;
use understudy_proto::DESCRIPTORS;
use understudy_proto::participants::v1::participants_server::ParticipantsServer;

/// A peer that vanished without a word is noticed after both together.
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(30);
const KEEPALIVE_TIMEOUT: Duration = Duration::from_secs(10);
/// An invitation is a few kilobytes.
const LARGEST_MESSAGE_BYTES: usize = 256 * 1024;
/// Calls take milliseconds, and watches end by themselves; waited for when another is about to lead.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(2);

/// What the API is made of.
pub struct Config {
    /// Where it listens.
    pub listen: SocketAddr,
    /// What it shows.
    pub identity: ServerIdentity,
    /// What the API server holds.
    pub stores: Stores,
    /// Asks the API server, and writes.
    pub client: Client,
    /// Where calls are counted.
    pub metrics: Metrics,
    /// The stage of those who name none.
    pub preset: Option<Preset>,
}

/// Why the API is not served: the site's fault.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The port is taken, or the address is not ours.
    #[error("cannot listen on {address} for the control API")]
    Listen {
        /// Where.
        address: SocketAddr,
        /// Why not.
        source: std::io::Error,
    },
    /// TLS could not be set up.
    #[error(transparent)]
    Identity(#[from] accept::Error),
    /// It ended badly.
    #[error("the control API failed")]
    Transport(#[from] tonic::transport::Error),
    /// The build is broken.
    #[error("the reflection service has no valid descriptors")]
    Reflection(#[from] tonic_reflection::server::Error),
}

/// Serves until `shutdown`.
pub async fn serve(config: Config, shutdown: CancellationToken) -> Result<(), Error> {
    let Config { listen, identity, stores, client, metrics, preset } = config;
    let desk = Arc::new(Desk::new(client, stores, metrics, shutdown.clone()));
    let service = grpc::Service { desk: Arc::clone(&desk) };
    let (health, health_service) = tonic_health::server::health_reporter();
    health.set_serving::<ParticipantsServer<grpc::Service>>().await;
    let reflection = tonic_reflection::server::Builder::configure()
        .register_encoded_file_descriptor_set(DESCRIPTORS)
        .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
        .build_v1()?;
    let failed = |source| Error::Listen { address: listen, source };
    let acceptor = accept::acceptor(&identity)?;
    let listener = listen::bind(listen).await.map_err(failed)?;
    tracing::info!(%listen, "control API is open");
    let participants = ParticipantsServer::new(service).max_decoding_message_size(LARGEST_MESSAGE_BYTES);
    let routes = tonic::service::Routes::from(http::router(desk, preset))
        .add_service(health_service)
        .add_service(reflection)
        .add_service(participants);
    let served = Server::builder()
        .accept_http1(true)
        .http2_keepalive_interval(Some(KEEPALIVE_INTERVAL))
        .http2_keepalive_timeout(Some(KEEPALIVE_TIMEOUT))
        .add_routes(routes)
        .serve_with_incoming_shutdown(
            accept::accept(acceptor, connection::accept(listener)),
            shutdown.cancelled(),
        );
    let deadline = async {
        shutdown.cancelled().await;
        tokio::time::sleep(SHUTDOWN_TIMEOUT).await;
    };
    tokio::select! {
        ended = served => ended?,
        () = deadline => tracing::warn!("some callers of the control API did not let go in time"),
    }
    tracing::info!("control API is closed");
    Ok(())
}
