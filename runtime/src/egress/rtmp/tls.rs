//! The certificate of RTMPS: one of the operator's own, or one that was made a moment ago and proves nothing.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rcgen::{CertificateParams, KeyPair};
use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::TlsAcceptor;

#[derive(Debug, thiserror::Error)]
pub enum BadIdentity {
    #[error("the certificate cannot be read from {path}: {source}")]
    Certificate { path: PathBuf, source: rustls::pki_types::pem::Error },
    #[error("the key cannot be read from {path}: {source}")]
    Key { path: PathBuf, source: rustls::pki_types::pem::Error },
    #[error("certificate and key do not do: {0}")]
    Unfit(#[from] rustls::Error),
    #[error("no certificate could be made: {0}")]
    Making(#[from] rcgen::Error),
}

/// Of the certificate and the key in these files, as PEM; without, self-signed for `localhost`.
pub fn acceptor(identity: Option<(PathBuf, PathBuf)>) -> Result<TlsAcceptor, BadIdentity> {
    let (chain, key) = match identity {
        Some((certificate, key)) => read(&certificate, &key)?,
        None => make()?,
    };
    // The one that all of ours have, also where a library brought another along.
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(chain, key)?;
    Ok(TlsAcceptor::from(Arc::new(config)))
}

type Identity = (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>);

fn read(certificate: &Path, key: &Path) -> Result<Identity, BadIdentity> {
    let wrong = |source| BadIdentity::Certificate { path: certificate.to_owned(), source };
    let chain: Result<Vec<_>, _> = CertificateDer::pem_file_iter(certificate).map_err(wrong)?.collect();
    let wrong_key = |source| BadIdentity::Key { path: key.to_owned(), source };
    Ok((chain.map_err(wrong)?, PrivateKeyDer::from_pem_file(key).map_err(wrong_key)?))
}

fn make() -> Result<Identity, BadIdentity> {
    let key = KeyPair::generate()?;
    let certificate = CertificateParams::new(vec!["localhost".to_owned()])?.self_signed(&key)?;
    let secret = PrivateKeyDer::Pkcs8(key.serialize_der().into());
    Ok((vec![certificate.der().clone()], secret))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_certificate_is_made_where_there_is_none_and_read_where_there_is() {
        assert!(acceptor(None).is_ok());
        let folder = tempfile::tempdir().unwrap();
        let [certificate, secret] = ["cert.pem", "key.pem"].map(|name| folder.path().join(name));
        let key = KeyPair::generate().unwrap();
        let made = CertificateParams::new(vec!["a.example".to_owned()]).unwrap().self_signed(&key).unwrap();
        std::fs::write(&certificate, made.pem()).unwrap();
        std::fs::write(&secret, key.serialize_pem()).unwrap();
        assert!(acceptor(Some((certificate.clone(), secret))).is_ok());
        let missing = folder.path().join("nowhere.pem");
        let Err(error) = acceptor(Some((certificate, missing))) else { panic!("there is no key") };
        assert!(error.to_string().contains("nowhere.pem"), "{error}");
    }
}
