//! Opens one TLS connection to the operator with what the two files say now: both are rotated under a running pod.

use crate::Config;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tonic::metadata::{Ascii, MetadataValue};
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint};

/// TCP and TLS inside a cluster take milliseconds.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// A peer that vanished without a word is noticed after this and the next one together.
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(20);
const KEEPALIVE_TIMEOUT: Duration = Duration::from_secs(10);

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// The pod was built wrongly, or a volume is not there yet.
    #[error("cannot read {path}")]
    File { path: PathBuf, source: std::io::Error },
    /// The pod was built wrongly.
    #[error("the token is not one line of text")]
    Token,
    /// The pod was built wrongly, or the operator is away.
    #[error("cannot connect to {address}")]
    Connect { address: String, source: tonic::transport::Error },
}

/// The connection, and the `authorization` that goes with it.
pub(crate) async fn dial(config: &Config) -> Result<(Channel, MetadataValue<Ascii>), Error> {
    let authority = read(&config.ca_file).await?;
    let token = read(&config.token_file).await?;
    let mut bearer: MetadataValue<Ascii> =
        format!("Bearer {}", token.trim()).parse().map_err(|_invalid| Error::Token)?;
    bearer.set_sensitive(true);
    let failed = |source| Error::Connect { address: config.address.clone(), source };
    let mut tls = ClientTlsConfig::new().ca_certificate(Certificate::from_pem(authority));
    if let Some(name) = &config.server_name {
        tls = tls.domain_name(name);
    }
    let channel = Endpoint::from_shared(format!("https://{}", config.address))
        .map_err(failed)?
        .tls_config(tls)
        .map_err(failed)?
        .connect_timeout(CONNECT_TIMEOUT)
        .http2_keep_alive_interval(KEEPALIVE_INTERVAL)
        .keep_alive_timeout(KEEPALIVE_TIMEOUT)
        .keep_alive_while_idle(true)
        .connect()
        .await
        .map_err(failed)?;
    Ok((channel, bearer))
}

async fn read(path: &Path) -> Result<String, Error> {
    tokio::fs::read_to_string(path).await.map_err(|source| Error::File { path: path.to_owned(), source })
}
