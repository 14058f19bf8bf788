//! The operator's own certificate authority: the root that sessions trust, and the certificate the control link shows.
//!
//! The key lives in one Secret in the operator's namespace, so that all replicas are one authority; the leader's
//! certificate is made in memory whenever it begins to lead.

use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::Api;
use kube::api::PostParams;
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};

const CERTIFICATE: &str = "ca.crt";
const KEY: &str = "ca.key";
/// Shorter than people keep a cluster would mean an outage that nobody expects. There is no rotation:
/// a new root shuts out every session until its pod has read that one.
const VALID_YEARS: i32 = 10;

/// Why there is no authority.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The API server refused, or is away.
    #[error("cannot read or make the authority's Secret")]
    Api(#[from] kube::Error),
    /// Somebody changed the Secret.
    #[error("the authority's Secret {0} lacks its key {1}; delete it to have a new authority made")]
    Incomplete(String, &'static str),
    /// Somebody changed the Secret, or this is a defect.
    #[error("cannot make a certificate")]
    Certificate(#[from] rcgen::Error),
}

/// A root certificate with its key.
pub struct Authority {
    /// The root in PEM, for whoever has to trust it.
    pub root: String,
    key: KeyPair,
}

/// What a TLS server shows.
pub struct ServerIdentity {
    /// PEM.
    pub certificate: String,
    /// PEM.
    pub key: String,
}

impl Authority {
    /// Reads the authority from the Secret `name`, which is made if it is not there. Of replicas that make it at the same
    /// moment one succeeds, and the others read that one's.
    pub async fn ensure(api: &Api<Secret>, name: &str) -> Result<Self, Error> {
        if let Some(secret) = api.get_opt(name).await? {
            return Self::parse(name, &secret);
        }
        match api.create(&PostParams::default(), &fresh(name)?).await {
            Ok(secret) => Self::parse(name, &secret),
            Err(kube::Error::Api(status)) if status.is_already_exists() => {
                Self::parse(name, &api.get(name).await?)
            }
            Err(error) => Err(error.into()),
        }
    }

    /// A certificate for a server that is known by these names.
    pub fn issue(&self, names: Vec<String>) -> Result<ServerIdentity, Error> {
        let key = KeyPair::generate()?;
        let mut params = CertificateParams::new(names)?;
        params.distinguished_name.push(DnType::CommonName, "understudy-operator");
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params.use_authority_key_identifier_extension = true;
        limit(&mut params);
        let issuer = Issuer::new(root_params()?, &self.key);
        let certificate = params.signed_by(&key, &issuer)?;
        Ok(ServerIdentity { certificate: certificate.pem(), key: key.serialize_pem() })
    }

    /// A secret that all replicas share, for one purpose.
    pub fn derive(&self, purpose: &str) -> [u8; 32] {
        use hmac::{Hmac, KeyInit, Mac};
        let mut mac = Hmac::<sha2::Sha256>::new_from_slice(self.key.serialized_der())
            .expect("HMAC must take a key of any length");
        mac.update(purpose.as_bytes());
        mac.finalize().into_bytes().into()
    }

    fn parse(name: &str, secret: &Secret) -> Result<Self, Error> {
        let text = |key: &'static str| {
            let bytes = secret.data.as_ref().and_then(|data| data.get(key));
            bytes
                .and_then(|ByteString(bytes)| String::from_utf8(bytes.clone()).ok())
                .ok_or_else(|| Error::Incomplete(name.into(), key))
        };
        Ok(Self { root: text(CERTIFICATE)?, key: KeyPair::from_pem(&text(KEY)?)? })
    }
}

fn fresh(name: &str) -> Result<Secret, Error> {
    let key = KeyPair::generate()?;
    let root = root_params()?.self_signed(&key)?.pem();
    Ok(Secret {
        metadata: ObjectMeta { name: Some(name.into()), ..ObjectMeta::default() },
        type_: Some("understudy.dev/authority".into()),
        data: Some(
            [(CERTIFICATE, root), (KEY, key.serialize_pem())]
                .map(|(key, text)| (key.to_owned(), ByteString(text.into_bytes())))
                .into(),
        ),
        ..Secret::default()
    })
}

fn root_params() -> Result<CertificateParams, rcgen::Error> {
    let mut params = CertificateParams::new(Vec::new())?;
    params.distinguished_name.push(DnType::CommonName, "understudy control link");
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::DigitalSignature];
    limit(&mut params);
    Ok(params)
}

/// Nothing is valid for ever.
fn limit(params: &mut CertificateParams) {
    let year = jiff::Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC).year();
    params.not_after = rcgen::date_time_ymd(i32::from(year) + VALID_YEARS, 1, 1);
}
