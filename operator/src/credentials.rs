//! What stands in Secrets that specs name: addresses and tokens that are sent to sessions, and nowhere else.
//!
//! Whoever may create a livestream could otherwise have any Secret of the namespace sent to a host of theirs: only Secrets of one
//! type are read out, and they can say to which hosts.

use k8s_openapi::api::core::v1::Secret;
use kube::{Api, Client, ResourceExt};
use parking_lot::Mutex;
use std::collections::HashMap;
use std::time::{Duration, Instant};
use understudy_crds::v1alpha1::{Livestream, LivestreamOutput, SecretKeyRef};
use understudy_crds::{ALLOWED_HOSTS, CREDENTIALS_SECRET_TYPE};

/// How soon one that could not be had is asked for again: it is not watched, and somebody waits for what they have just mended.
pub const AGAIN: Duration = Duration::from_secs(10);
/// For so long two who look at the same moment read one answer.
const FAULTY: Duration = Duration::from_secs(2);
/// How the API server answers whoever may not read a Secret.
const FORBIDDEN: u16 = 403;

/// Why there is no value that can be sent. For people to mend; nothing of the value is told.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// There is no such Secret.
    #[error("there is no Secret {0:?} in this namespace")]
    Missing(String),
    /// It was not made to be sent.
    #[error("the Secret {0:?} is not of type {CREDENTIALS_SECRET_TYPE}, and others are never sent anywhere")]
    OtherType(String),
    /// It has no such value, or one that is no text.
    #[error("the Secret {0:?} has no text under the key {1:?}")]
    NoText(String, String),
    /// It may not be sent there.
    #[error(
        "the Secret {0:?} may not be sent to the host {1:?}: its annotation {ALLOWED_HOSTS} names others"
    )]
    OtherHost(String, String),
    /// The operator may not read it.
    #[error("the operator may not read the Secret {0:?}")]
    Forbidden(String),
    /// The API server did not answer.
    #[error("the Secret {0:?} could not be read")]
    Unread(String),
}

/// Reads them by name, through one client.
pub struct Credentials {
    client: Client,
    /// Secrets are never watched: this is how long a changed one may go unnoticed by a livestream that is looked at.
    fresh: Duration,
    read: Mutex<HashMap<(String, SecretKeyRef), Read>>,
}

struct Read {
    at: Instant,
    outcome: Result<Value, Fault>,
}

#[derive(Clone)]
struct Value {
    text: String,
    /// None: to any.
    hosts: Option<String>,
}

impl Fault {
    /// Of a condition.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Missing(_) => "SecretNotFound",
            Self::OtherType(_) | Self::NoText(..) => "SecretUnusable",
            Self::OtherHost(..) => "HostNotAllowed",
            Self::Forbidden(_) | Self::Unread(_) => "SecretUnread",
        }
    }
}

impl Credentials {
    /// What was read within `fresh` is not read again.
    pub fn new(client: Client, fresh: Duration) -> Self {
        Self { client, fresh, read: Mutex::default() }
    }

    /// What stands in the Secret that a livestream names, if it names one.
    pub async fn of(&self, livestream: &Livestream) -> Result<Option<String>, Fault> {
        let Some((reference, url)) = named(&livestream.spec.output) else { return Ok(None) };
        let value = self.value(&livestream.namespace().unwrap_or_default(), reference).await?;
        let host = host(url.unwrap_or(&value.text));
        match allows(value.hosts.as_deref(), host) {
            true => Ok(Some(value.text)),
            false => Err(Fault::OtherHost(reference.name.clone(), host.to_owned())),
        }
    }

    async fn value(&self, namespace: &str, reference: &SecretKeyRef) -> Result<Value, Fault> {
        let place = (namespace.to_owned(), reference.clone());
        let good_for = |outcome: &Result<Value, Fault>| if outcome.is_ok() { self.fresh } else { FAULTY };
        let is_fresh = |read: &Read| read.at.elapsed() < good_for(&read.outcome);
        let last = self.read.lock().get(&place).map(|read| (is_fresh(read), read.outcome.clone()));
        if let Some((true, outcome)) = last {
            return outcome;
        }
        let api: Api<Secret> = Api::namespaced(self.client.clone(), namespace);
        let outcome = match api.get_opt(&reference.name).await {
            Ok(secret) => value(secret.as_ref(), reference),
            Err(kube::Error::Api(status)) if status.code == FORBIDDEN => {
                Err(Fault::Forbidden(reference.name.clone()))
            }
            // What was known goes on until it is known to be otherwise.
            Err(_away) => {
                return last.map_or_else(|| Err(Fault::Unread(reference.name.clone())), |(_, known)| known);
            }
        };
        let mut read = self.read.lock();
        // Of what nobody names any more.
        read.retain(|_, read| read.at.elapsed() < self.fresh * 10);
        read.insert(place, Read { at: Instant::now(), outcome: outcome.clone() });
        outcome
    }
}

/// The Secret, and the address that its value is sent to: none, if the value is that address.
fn named(output: &LivestreamOutput) -> Option<(&SecretKeyRef, Option<&str>)> {
    let push = output.rtmp_push.as_ref().and_then(|push| push.url_secret_ref.as_ref());
    let whip = output
        .whip
        .as_ref()
        .and_then(|whip| Some((whip.token_secret_ref.as_ref()?, Some(whip.url.as_str()))));
    push.map(|reference| (reference, None)).or(whip)
}

fn value(secret: Option<&Secret>, reference: &SecretKeyRef) -> Result<Value, Fault> {
    let SecretKeyRef { name, key } = reference;
    let secret = secret.ok_or_else(|| Fault::Missing(name.clone()))?;
    if secret.type_.as_deref() != Some(CREDENTIALS_SECRET_TYPE) {
        return Err(Fault::OtherType(name.clone()));
    }
    let bytes = secret.data.as_ref().and_then(|data| data.get(key));
    let text = bytes.and_then(|bytes| std::str::from_utf8(&bytes.0).ok()).map(str::trim);
    let text =
        text.filter(|text| !text.is_empty()).ok_or_else(|| Fault::NoText(name.clone(), key.clone()))?;
    Ok(Value { text: text.to_owned(), hosts: secret.annotations().get(ALLOWED_HOSTS).cloned() })
}

/// The host of a URL as it is written, in lower case where letters have two.
fn host(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let place = authority.rsplit_once('@').map_or(authority, |(_, place)| place);
    match place.strip_prefix('[').and_then(|place| place.split_once(']')) {
        Some((address, _)) => address,
        None => place.split(':').next().unwrap_or_default(),
    }
}

/// No list lets it be sent to any host.
fn allows(hosts: Option<&str>, host: &str) -> bool {
    let Some(hosts) = hosts else { return true };
    let host = host.to_ascii_lowercase();
    hosts.split(',').map(|known| known.trim().to_ascii_lowercase()).any(|known| {
        match known.strip_prefix("*.") {
            Some(parent) => {
                host.strip_suffix(parent).is_some_and(|below| below.len() > 1 && below.ends_with('.'))
            }
            None => !known.is_empty() && known == host,
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn reference() -> SecretKeyRef {
        SecretKeyRef { name: "push".into(), key: "url".into() }
    }

    fn read(secret: serde_json::Value) -> Result<String, Fault> {
        let secret: Secret = serde_json::from_value(secret).unwrap();
        value(Some(&secret), &reference()).map(|value| value.text)
    }

    #[test]
    fn only_a_secret_that_is_meant_to_be_sent_is_read_out() {
        let data = json!({"url": "cnRtcDovL2EvYg=="});
        assert_eq!(read(json!({"type": CREDENTIALS_SECRET_TYPE, "data": data})).unwrap(), "rtmp://a/b");
        assert_eq!(read(json!({"type": "Opaque", "data": data})), Err(Fault::OtherType("push".into())));
        assert_eq!(read(json!({"data": data})).unwrap_err().reason(), "SecretUnusable");
        assert_eq!(value(None, &reference()).err(), Some(Fault::Missing("push".into())));
    }

    #[test]
    fn a_value_that_is_not_there_or_no_text_is_named_and_not_told() {
        for data in [json!({}), json!({"other": "eA=="}), json!({"url": "/w=="}), json!({"url": "IA=="})] {
            let fault = read(json!({"type": CREDENTIALS_SECRET_TYPE, "data": data})).unwrap_err();
            assert_eq!(fault, Fault::NoText("push".into(), "url".into()));
        }
    }

    #[test]
    fn a_token_is_sent_to_the_address_beside_it_and_a_secret_address_to_itself() {
        let named = |output: serde_json::Value| {
            let output = serde_json::from_value(output).unwrap();
            named(&output).map(|(reference, url)| (reference.name.clone(), url.map(str::to_owned)))
        };
        let reference = json!({"name": "s", "key": "k"});
        let whip = json!({"whip": {"url": "https://a/w", "tokenSecretRef": reference}});
        assert_eq!(named(whip), Some(("s".into(), Some("https://a/w".into()))));
        assert_eq!(named(json!({"rtmpPush": {"urlSecretRef": reference}})), Some(("s".into(), None)));
        assert_eq!(named(json!({"whip": {"url": "https://a/w"}})), None);
    }

    #[test]
    fn the_annotation_says_to_which_hosts_alone() {
        assert!(allows(None, "anywhere.example"));
        let hosts = Some("live.example.org, *.Video.example ,192.0.2.1");
        for host in
            ["live.example.org", "LIVE.example.org", "a.video.example", "a.b.video.example", "192.0.2.1"]
        {
            assert!(allows(hosts, host), "{host}");
        }
        for host in ["example.org", "video.example", "avideo.example", "live.example.org.evil.example", ""] {
            assert!(!allows(hosts, host), "{host}");
        }
        assert!(!allows(Some(""), "anywhere.example"), "a list of none");
    }

    #[test]
    fn a_host_is_read_as_the_runtime_reads_it() {
        for (url, expected) in [
            ("rtmp://live.example.org/app/key", "live.example.org"),
            ("rtmps://user:word@live.example.org:443/app", "live.example.org"),
            ("rtmp://[2001:db8::1]:1935/app", "2001:db8::1"),
            ("rtmp://a.example?x=@b.example/", "a.example"),
        ] {
            assert_eq!(host(url), expected);
        }
    }
}
