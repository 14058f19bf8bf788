//! Which servers are believed who they are.

use std::sync::Arc;

use rustls::crypto::ring;
use rustls::pki_types::CertificateDer;
use rustls::{ClientConfig, RootCertStore};
use tokio_rustls::TlsConnector;

/// Everybody whom this machine trusts. Reads files, once for all that is sent.
pub fn trust() -> Result<TlsConnector, rustls::Error> {
    // A machine without any reaches servers without TLS; others are refused by name.
    trusting(rustls_native_certs::load_native_certs().certs)
}

/// Those alone.
pub fn trusting(
    authorities: impl IntoIterator<Item = CertificateDer<'static>>,
) -> Result<TlsConnector, rustls::Error> {
    let mut trusted = RootCertStore::empty();
    trusted.add_parsable_certificates(authorities);
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_root_certificates(trusted)
        .with_no_client_auth();
    Ok(TlsConnector::from(Arc::new(config)))
}
