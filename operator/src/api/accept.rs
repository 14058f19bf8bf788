//! TLS for callers of either version of HTTP. A handshake holds up nobody else's.

use crate::authority::ServerIdentity;
use futures::{Stream, StreamExt};
use std::io;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::pem::{self, PemObject};
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::server::TlsStream;

/// What callers may speak, the one that we like most first: gRPC needs the first, and many programs know the second alone.
const PROTOCOLS: [&[u8]; 2] = [b"h2", b"http/1.1"];
/// Handshakes at a time; others wait.
const HANDSHAKES: usize = 1024;
/// One takes milliseconds, and a round trip or two.
const HANDSHAKE: Duration = Duration::from_secs(3);

/// Why there is no TLS: a defect.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// What the authority issued cannot be read.
    #[error("the certificate of the control API cannot be read: {0:?}")]
    Pem(pem::Error),
    /// It does not fit.
    #[error("the certificate of the control API cannot be used")]
    Tls(#[from] tokio_rustls::rustls::Error),
}

/// Shows that certificate.
pub(super) fn acceptor(identity: &ServerIdentity) -> Result<TlsAcceptor, Error> {
    let certificates: Result<Vec<_>, _> =
        CertificateDer::pem_slice_iter(identity.certificate.as_bytes()).collect();
    let key = PrivateKeyDer::from_pem_slice(identity.key.as_bytes()).map_err(Error::Pem)?;
    let provider = Arc::new(tokio_rustls::rustls::crypto::ring::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(certificates.map_err(Error::Pem)?, key)?;
    config.alpn_protocols = PROTOCOLS.map(<[u8]>::to_vec).to_vec();
    Ok(TlsAcceptor::from(Arc::new(config)))
}

/// Those whose handshake succeeds, as they come to it. How long one may take is the connection's own matter.
pub(super) fn accept<C>(
    acceptor: TlsAcceptor,
    connections: impl Stream<Item = io::Result<C>>,
) -> impl Stream<Item = io::Result<TlsStream<C>>>
where
    C: AsyncRead + AsyncWrite + Unpin,
{
    let handshakes = connections.map(move |connection| {
        let acceptor = acceptor.clone();
        async move {
            let shaken = tokio::time::timeout(HANDSHAKE, acceptor.accept(connection?)).await;
            shaken.unwrap_or_else(|_late| Err(io::ErrorKind::TimedOut.into()))
        }
    });
    handshakes.buffer_unordered(HANDSHAKES).filter_map(async |shaken| match shaken {
        Ok(stream) => Some(Ok(stream)),
        Err(error) => {
            tracing::debug!(%error, "a caller of the control API did not come through");
            None
        }
    })
}
