//! What stands in Secrets that specs name: addresses and tokens that are sent to sessions, and nowhere else.
//!
//! Whoever may create a livestream could otherwise have any Secret of the namespace sent to a host of theirs: only Secrets of one
//! type are read out, and they can say to which hosts.

use k8s_openapi::api::core::v1::Secret;
use kube::{Api, Client, ResourceExt};
use parking_lot::Mutex;
use std::collections::HashMap;
use std::time::{Duration, Instant};
use understudy_client::address::{host, whip_url, without_user};
use understudy_crds::v1alpha1::{Livestream, LivestreamOutput, LivestreamSource, SecretKeyRef, Stage};
use understudy_crds::{ALLOWED_HOSTS, CREDENTIALS_SECRET_TYPE};

/// How soon one that could not be had is asked for again: it is not watched, and somebody waits for what they have just mended.
pub const AGAIN: Duration = Duration::from_secs(10);
/// For so long two who look at the same moment read one answer.
const FAULTY: Duration = Duration::from_secs(2);
/// Of a value, in bytes. Tokens have a kilobyte or two; all that a session is told has to fit into a message.
const LONGEST: usize = 8192;
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
    /// It is longer than anything that lets one in.
    #[error("the Secret {0:?} has a text of more than {LONGEST} bytes under the key {1:?}")]
    TooLong(String, String),
    /// It is to say itself where it is sent, and does not.
    #[error("the Secret {0:?} has no participant token with a whip_url under the key {1:?}")]
    NoAddress(String, String),
    /// It may not be sent there. The address is not quoted: it may be the value.
    #[error(
        "the Secret {0:?} may not be sent to this address: its annotation {ALLOWED_HOSTS} names other hosts"
    )]
    OtherHost(String),
    /// The operator may not read it.
    #[error("the operator may not read the Secret {0:?}")]
    Forbidden(String),
    /// The API server did not answer: what a session was told before is not to be taken back for that.
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
            Self::OtherType(_) | Self::NoText(..) | Self::TooLong(..) | Self::NoAddress(..) => {
                "SecretUnusable"
            }
            Self::OtherHost(_) => "HostNotAllowed",
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
        let namespace = livestream.namespace().unwrap_or_default();
        let to = |text: &str| Some(url.unwrap_or(text).to_owned());
        self.sendable(&namespace, reference, to).await.map(Some)
    }

    /// Where a source is: its address, or the one that stands in the Secret that it names.
    pub async fn of_source(&self, namespace: &str, source: &LivestreamSource) -> Result<String, Fault> {
        let Some(reference) = &source.url_secret_ref else {
            return Ok(source.url.clone().unwrap_or_default());
        };
        self.sendable(namespace, reference, |text| Some(without_user(text))).await
    }

    /// What stands in the Secret that a stage names, if it names one.
    pub async fn of_stage(&self, namespace: &str, stage: &Stage) -> Result<Option<String>, Fault> {
        let Some((reference, url)) = named_by(stage) else { return Ok(None) };
        let to = |text: &str| url.map_or_else(|| whip_url(text), |url| Some(url.to_owned()));
        self.sendable(namespace, reference, to).await.map(Some)
    }

    /// The value, if it may be sent to the address that `to` finds for it.
    async fn sendable(
        &self,
        namespace: &str,
        reference: &SecretKeyRef,
        to: impl Fn(&str) -> Option<String> + Send,
    ) -> Result<String, Fault> {
        let value = self.value(namespace, reference).await?;
        let url = to(&value.text);
        sent(value, reference, url.as_deref())
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
            // What was known goes on until it is known to be otherwise.
            Err(error) => match (last, error) {
                (Some((_, Ok(known))), _) => return Ok(known),
                (_, kube::Error::Api(status)) if status.code == FORBIDDEN => {
                    Err(Fault::Forbidden(reference.name.clone()))
                }
                _ => Err(Fault::Unread(reference.name.clone())),
            },
        };
        let mut read = self.read.lock();
        // Of what nobody names any more.
        read.retain(|_, read| read.at.elapsed() < self.fresh * 10);
        read.insert(place, Read { at: Instant::now(), outcome: outcome.clone() });
        outcome
    }
}

/// The Secret, and the address that its value is sent to: none, if the value is that address.
pub fn named(output: &LivestreamOutput) -> Option<(&SecretKeyRef, Option<&str>)> {
    let push = output.rtmp_push.as_ref().and_then(|push| push.url_secret_ref.as_ref());
    let whip = output
        .whip
        .as_ref()
        .and_then(|whip| Some((whip.token_secret_ref.as_ref()?, Some(whip.url.as_str()))));
    push.map(|reference| (reference, None)).or(whip)
}

/// The Secret, and the address that its value is sent to: none, if the value names it.
fn named_by(stage: &Stage) -> Option<(&SecretKeyRef, Option<&str>)> {
    let Stage { whip, ivs, page } = stage;
    let whip = whip.as_ref().map(|whip| (whip.token_secret_ref.as_ref(), &whip.url));
    let page = page.as_ref().map(|page| (page.token_secret_ref.as_ref(), &page.url));
    let at_url = whip.or(page).and_then(|(reference, url)| Some((reference?, Some(url.as_str()))));
    at_url.or_else(|| Some((&ivs.as_ref()?.token_secret_ref, None)))
}

/// The value, if it may be sent to that address; none: it is to say where, and does not.
fn sent(value: Value, reference: &SecretKeyRef, url: Option<&str>) -> Result<String, Fault> {
    let SecretKeyRef { name, key } = reference;
    let Some(hosts) = &value.hosts else { return Ok(value.text) };
    let url = url.ok_or_else(|| Fault::NoAddress(name.clone(), key.clone()))?;
    match host(url).is_some_and(|host| allows(hosts, host)) {
        true => Ok(value.text),
        false => Err(Fault::OtherHost(name.clone())),
    }
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
    if text.len() > LONGEST {
        return Err(Fault::TooLong(name.clone(), key.clone()));
    }
    Ok(Value { text: text.to_owned(), hosts: secret.annotations().get(ALLOWED_HOSTS).cloned() })
}

fn allows(hosts: &str, host: &str) -> bool {
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
    use base64::Engine;
    use base64::prelude::BASE64_URL_SAFE_NO_PAD;
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
    fn a_value_that_would_crowd_others_out_of_what_a_session_is_told_is_not_sent() {
        let of = |bytes: usize| {
            let data = json!({"url": base64::prelude::BASE64_STANDARD.encode("x".repeat(bytes))});
            read(json!({"type": CREDENTIALS_SECRET_TYPE, "data": data}))
        };
        assert_eq!(of(LONGEST + 1), Err(Fault::TooLong("push".into(), "url".into())));
        assert_eq!(of(LONGEST + 1).unwrap_err().reason(), "SecretUnusable");
        assert!(of(LONGEST).is_ok());
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
    fn the_token_of_a_stage_is_sent_to_the_address_beside_it_or_to_the_one_that_it_names() {
        let named = |stage: serde_json::Value| {
            let stage = serde_json::from_value(stage).unwrap();
            named_by(&stage).map(|(reference, url)| (reference.name.clone(), url.map(str::to_owned)))
        };
        let reference = json!({"name": "s", "key": "k"});
        let whip = json!({"whip": {"url": "https://a/w", "tokenSecretRef": reference}});
        assert_eq!(named(whip), Some(("s".into(), Some("https://a/w".into()))));
        assert_eq!(named(json!({"whip": {"url": "https://a/w"}})), None);
        assert_eq!(named(json!({"ivs": {"tokenSecretRef": reference}})), Some(("s".into(), None)));
        let page = json!({"page": {"url": "https://a/p", "tokenSecretRef": reference}});
        assert_eq!(named(page), Some(("s".into(), Some("https://a/p".into()))));
        assert_eq!(named(json!({"page": {"url": "https://a/p"}})), None);

        let claims = BASE64_URL_SAFE_NO_PAD.encode(r#"{"whip_url":"https://a.whip.example/b"}"#);
        assert_eq!(whip_url(&format!("h.{claims}.s")).as_deref(), Some("https://a.whip.example/b"));
        for none in ["", "word", "a.b.c", "a.e30.c"] {
            assert_eq!(whip_url(none), None, "{none}");
        }
    }

    #[test]
    fn a_token_that_does_not_say_where_it_is_sent_is_told_as_that_and_not_quoted() {
        let of = |hosts: Option<&str>, url| {
            let value = Value { text: "word".into(), hosts: hosts.map(str::to_owned) };
            sent(value, &reference(), url)
        };
        let faulty = Fault::NoAddress("push".into(), "url".into());
        assert_eq!(of(Some("*.whip.example"), None), Err(faulty.clone()));
        assert_eq!((faulty.reason(), faulty.to_string().contains("word")), ("SecretUnusable", false));
        assert_eq!(of(Some("a.example"), Some("https://a.example/b")), Ok("word".into()));
        let other = Err(Fault::OtherHost("push".into()));
        assert_eq!(of(Some("a.example"), Some("https://b.example/")), other);
        assert_eq!(of(None, None), Ok("word".into()), "to any");
    }

    #[test]
    fn the_annotation_says_to_which_hosts_alone() {
        let hosts = "live.example.org, *.Video.example ,192.0.2.1";
        for host in
            ["live.example.org", "LIVE.example.org", "a.video.example", "a.b.video.example", "192.0.2.1"]
        {
            assert!(allows(hosts, host), "{host}");
        }
        for host in ["example.org", "video.example", "avideo.example", "live.example.org.other.example", ""] {
            assert!(!allows(hosts, host), "{host}");
        }
        assert!(!allows("", "anywhere.example"), "a list of none");
    }

    #[test]
    fn only_a_host_that_all_read_alike_is_one() {
        for (url, expected) in [
            ("rtmp://live.example.org/app/key", Some("live.example.org")),
            ("rtmps://live.example.org:443/app", Some("live.example.org")),
            ("rtmp://[2001:db8::1]:1935/app", Some("2001:db8::1")),
            ("https://a.example?x=@b.example/", Some("a.example")),
            ("streamkey", None),
            ("rtmp:///app/key", None),
            ("https://user:word@a.example/", None),
            ("https://a.example:word/", None),
            ("https://a.example%2e/", None),
            ("https://a.exämple/", None),
        ] {
            assert_eq!(host(url), expected, "{url}");
        }
        for (url, expected) in [
            ("rtsp://me:word@a.example:8554/1?b=@c", Some("a.example")),
            ("rtsp://me:w%40rd@[::1]/", Some("::1")),
            ("srt://a.example:9000?streamid=me@b.example", Some("a.example")),
            ("rtsp://me@b.example@a.example/", None),
            ("rtsp://b.example\\@a.example/", None),
            ("rtsp://b.example[@a.example/", None),
        ] {
            assert_eq!(host(&without_user(url)), expected, "{url}");
        }
        let apart = ['\\', '\t', ' ', '|', '^'];
        for letter in apart {
            assert_eq!(host(&format!("https://a.example{letter}.b.example/")), None, "{letter:?}");
        }
    }
}
