//! The operator's own certificate authority: the roots that sessions trust, and the certificate the control link shows.
//!
//! The keys live in one Secret in the operator's namespace, so that all replicas are one authority; the leader's
//! certificate is made in memory whenever it begins to lead. The leader also has roots follow one another, with an overlap.

mod rotation;

pub use rotation::Times;

use crate::authority::rotation::{Ages, Step, decide};
use jiff::Timestamp;
use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::api::PostParams;
use kube::{Api, ResourceExt};
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};
use std::collections::BTreeMap;

/// The root that signs, as it has always been kept. A Secret that has no more than these is of the age of its Secret.
const CERTIFICATE: &str = "ca.crt";
const KEY: &str = "ca.key";
const MADE: &str = "ca.made";
/// Its successor, until that signs.
const NEXT_CERTIFICATE: &str = "next.crt";
const NEXT_KEY: &str = "next.key";
const NEXT_MADE: &str = "next.made";
/// Its predecessor, which signs no more: there is no key of it.
const PREVIOUS_CERTIFICATE: &str = "previous.crt";
const PREVIOUS_RETIRED: &str = "previous.retired";
/// Of roots, and of what they sign: several times as long as a root signs, so that an operator that was away for a year or two
/// still finds its sessions.
const VALID_YEARS: i16 = 3;

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

/// The roots, and the key of the one that signs.
#[derive(Clone)]
pub struct Authority {
    name: String,
    /// As it was read, or written last.
    secret: Secret,
    current: Root,
    next: Option<Root>,
    previous: Option<Retired>,
}

/// A root that signs, or will.
#[derive(Clone)]
struct Root {
    /// PEM.
    certificate: String,
    /// PEM.
    key: String,
    made: Timestamp,
}

/// A root that does not sign any more.
#[derive(Clone)]
struct Retired {
    /// PEM.
    certificate: String,
    since: Timestamp,
}

/// What a look at the Secret has brought.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// Nothing.
    Nothing,
    /// Other roots are to be trusted.
    Roots,
    /// Another root signs, and other roots are to be trusted.
    Signer,
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
            return Self::parse(secret);
        }
        let root = Root::new(Timestamp::now())?;
        match api.create(&PostParams::default(), &fresh(name, &root)).await {
            Ok(secret) => Self::parse(secret),
            Err(kube::Error::Api(status)) if status.is_already_exists() => Self::parse(api.get(name).await?),
            Err(error) => Err(error.into()),
        }
    }

    /// The roots that sessions have to trust now, in PEM, the one that signs first.
    pub fn roots(&self) -> String {
        let next = self.next.as_ref().map(|root| &root.certificate);
        let previous = self.previous.as_ref().map(|root| &root.certificate);
        [Some(&self.current.certificate), next, previous].into_iter().flatten().map(String::as_str).collect()
    }

    /// A certificate for a server that is known by these names.
    pub fn issue(&self, names: Vec<String>) -> Result<ServerIdentity, Error> {
        let (now, key) = (Timestamp::now(), KeyPair::generate()?);
        let mut params = CertificateParams::new(names)?;
        params.distinguished_name.push(DnType::CommonName, "understudy-operator");
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params.use_authority_key_identifier_extension = true;
        limit(&mut params, now);
        let issuer = Issuer::new(root_params(now)?, KeyPair::from_pem(&self.current.key)?);
        let certificate = params.signed_by(&key, &issuer)?;
        Ok(ServerIdentity { certificate: certificate.pem(), key: key.serialize_pem() })
    }

    /// A secret that all replicas share, for one purpose, as long as this root signs.
    pub fn derive(&self, purpose: &str) -> Result<[u8; 32], Error> {
        use hmac::{Hmac, KeyInit, Mac};
        let key = KeyPair::from_pem(&self.current.key)?;
        let mut mac = Hmac::<sha2::Sha256>::new_from_slice(key.serialized_der())
            .expect("HMAC must take a key of any length");
        mac.update(purpose.as_bytes());
        Ok(mac.finalize().into_bytes().into())
    }

    /// Reads the Secret again, does what is due, and says what has changed since, by whomever. Of two that write at the same
    /// moment one fails, and sees the other's work at its next look.
    pub async fn rotate(
        &mut self,
        api: &Api<Secret>,
        times: &Times,
        now: Timestamp,
    ) -> Result<Change, Error> {
        let mut latest = Self::ensure(api, &self.name).await?;
        let step = decide(latest.ages(), times, now);
        if step != Step::Keep {
            let after = latest.after(step, now)?;
            let secret = Secret { data: Some(after.data()), ..after.secret };
            latest = Self::parse(api.replace(&self.name, &PostParams::default(), &secret).await?)?;
            tracing::info!(?step, secret = self.name, "the authority of the control link goes on");
        }
        let before = std::mem::replace(self, latest);
        Ok(if before.current.certificate != self.current.certificate {
            Change::Signer
        } else if before.roots() != self.roots() {
            Change::Roots
        } else {
            Change::Nothing
        })
    }

    fn after(mut self, step: Step, now: Timestamp) -> Result<Self, Error> {
        match step {
            Step::Keep => {}
            Step::Prepare => self.next = Some(Root::new(now)?),
            Step::Promote => {
                if let Some(next) = self.next.take() {
                    let before = std::mem::replace(&mut self.current, next);
                    self.previous = Some(Retired { certificate: before.certificate, since: now });
                }
            }
            Step::Drop => self.previous = None,
        }
        Ok(self)
    }

    fn ages(&self) -> Ages {
        Ages {
            made: self.current.made,
            next: self.next.as_ref().map(|root| root.made),
            retired: self.previous.as_ref().map(|root| root.since),
        }
    }

    fn parse(secret: Secret) -> Result<Self, Error> {
        let name = secret.name_any();
        let get = |key: &'static str| {
            let bytes = secret.data.as_ref().and_then(|data| data.get(key))?;
            String::from_utf8(bytes.0.clone()).ok()
        };
        let text = |key| get(key).ok_or_else(|| Error::Incomplete(name.clone(), key));
        let time =
            |key| text(key)?.trim().parse().map_err(|_unreadable| Error::Incomplete(name.clone(), key));
        let made = match get(MADE) {
            Some(_) => time(MADE)?,
            None => secret.creation_timestamp().map_or(Timestamp::UNIX_EPOCH, |created| created.0),
        };
        let current = Root { certificate: text(CERTIFICATE)?, key: text(KEY)?, made };
        KeyPair::from_pem(&current.key)?;
        let next = get(NEXT_CERTIFICATE).map(|certificate| {
            KeyPair::from_pem(&text(NEXT_KEY)?)?;
            Ok::<_, Error>(Root { certificate, key: text(NEXT_KEY)?, made: time(NEXT_MADE)? })
        });
        let previous = get(PREVIOUS_CERTIFICATE)
            .map(|certificate| Ok::<_, Error>(Retired { certificate, since: time(PREVIOUS_RETIRED)? }));
        let (next, previous) = (next.transpose()?, previous.transpose()?);
        Ok(Self { name, secret, current, next, previous })
    }

    fn data(&self) -> BTreeMap<String, ByteString> {
        let mut texts = self.current.texts([CERTIFICATE, KEY, MADE]).to_vec();
        if let Some(next) = &self.next {
            texts.extend(next.texts([NEXT_CERTIFICATE, NEXT_KEY, NEXT_MADE]));
        }
        if let Some(Retired { certificate, since }) = &self.previous {
            texts.push((PREVIOUS_CERTIFICATE, certificate.clone()));
            texts.push((PREVIOUS_RETIRED, since.to_string()));
        }
        texts.into_iter().map(|(key, text)| (key.to_owned(), ByteString(text.into_bytes()))).collect()
    }
}

impl Root {
    fn new(now: Timestamp) -> Result<Self, Error> {
        let key = KeyPair::generate()?;
        let certificate = root_params(now)?.self_signed(&key)?.pem();
        Ok(Self { certificate, key: key.serialize_pem(), made: now })
    }

    fn texts(&self, [certificate, key, made]: [&'static str; 3]) -> [(&'static str, String); 3] {
        [(certificate, self.certificate.clone()), (key, self.key.clone()), (made, self.made.to_string())]
    }
}

fn fresh(name: &str, root: &Root) -> Secret {
    let texts = root.texts([CERTIFICATE, KEY, MADE]);
    Secret {
        metadata: ObjectMeta { name: Some(name.into()), ..ObjectMeta::default() },
        type_: Some("understudy.dev/authority".into()),
        data: Some(texts.map(|(key, text)| (key.to_owned(), ByteString(text.into_bytes()))).into()),
        ..Secret::default()
    }
}

/// All roots have one name: a session finds the one that signed by its key.
fn root_params(now: Timestamp) -> Result<CertificateParams, rcgen::Error> {
    let mut params = CertificateParams::new(Vec::new())?;
    params.distinguished_name.push(DnType::CommonName, "understudy control link");
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::DigitalSignature];
    limit(&mut params, now);
    Ok(params)
}

/// Nothing is valid for ever.
fn limit(params: &mut CertificateParams, now: Timestamp) {
    let year = now.to_zoned(jiff::tz::TimeZone::UTC).year();
    params.not_after = rcgen::date_time_ymd(i32::from(year + VALID_YEARS) + 1, 1, 1);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made(now: Timestamp) -> Secret {
        fresh("authority", &Root::new(now).unwrap())
    }

    fn now() -> Timestamp {
        "2026-06-01T00:00:00Z".parse().unwrap()
    }

    fn count(roots: &str) -> usize {
        roots.matches("BEGIN CERTIFICATE").count()
    }

    /// Written and read again.
    fn after(authority: Authority, step: Step) -> Authority {
        let after = authority.after(step, now()).unwrap();
        let secret = Secret { data: Some(after.data()), ..after.secret };
        Authority::parse(secret).unwrap()
    }

    #[test]
    fn a_rotation_keeps_two_roots_at_a_time_and_one_key_that_signs() {
        let first = Authority::parse(made(now())).unwrap();
        let (old, key) = (first.current.certificate.clone(), first.derive("x").unwrap());
        assert_eq!(count(&first.roots()), 1);
        let prepared = after(first, Step::Prepare);
        let new = prepared.next.as_ref().unwrap().certificate.clone();
        assert_eq!((count(&prepared.roots()), prepared.derive("x").unwrap()), (2, key));
        assert!(prepared.roots().starts_with(&old));
        let promoted = after(prepared, Step::Promote);
        assert_eq!(promoted.roots(), new.clone() + &old);
        assert_ne!(promoted.derive("x").unwrap(), key);
        let dropped = after(promoted, Step::Drop);
        assert_eq!(dropped.roots(), new);
        assert_eq!(dropped.data().into_keys().collect::<Vec<_>>(), [CERTIFICATE, KEY, MADE]);
    }

    #[test]
    fn a_secret_of_an_earlier_version_is_read_and_is_as_old_as_it_is() {
        let mut secret = made(now());
        secret.data.as_mut().unwrap().remove(MADE);
        let created = "2024-01-01T00:00:00Z".parse().unwrap();
        secret.metadata.creation_timestamp =
            Some(k8s_openapi::apimachinery::pkg::apis::meta::v1::Time(created));
        let authority = Authority::parse(secret).unwrap();
        assert_eq!(count(&authority.roots()), 1);
        assert_eq!(decide(authority.ages(), &Times::default(), now()), Step::Prepare);
    }

    #[test]
    fn what_is_missing_in_the_secret_is_named() {
        for (key, missing) in [(KEY, KEY), (CERTIFICATE, CERTIFICATE), (NEXT_MADE, NEXT_MADE)] {
            let prepared = after(Authority::parse(made(now())).unwrap(), Step::Prepare);
            let mut secret = Secret { data: Some(prepared.data()), ..prepared.secret };
            secret.data.as_mut().unwrap().remove(key);
            assert!(matches!(Authority::parse(secret), Err(Error::Incomplete(_, key)) if key == missing));
        }
    }
}
