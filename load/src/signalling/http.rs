//! One HTTP client for all viewers: HTTP/1.1, over TLS where the URL says so.

use std::time::Duration;

use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE, LOCATION};
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use rustls::{ClientConfig, RootCertStore};
use url::Url;

use super::Refusal;

/// Of one request. A server that is asked by very many at once may take long, and then says so.
const ANSWERED_WITHIN: Duration = Duration::from_secs(15);
/// No honest answer comes near.
const MOST_BYTES: usize = 1 << 20;
/// A server may send viewers on to another (RFC 9110 §15.4.8, §15.4.9), and that one to its own.
const MOST_REDIRECTS: usize = 5;
/// Of an error's body, in a message.
const SHOWN_CHARACTERS: usize = 300;

#[derive(Clone, Debug)]
pub struct Client(legacy::Client<HttpsConnector<HttpConnector>, Full<Bytes>>);

/// What is asked.
#[derive(Clone, Debug)]
pub(super) struct Ask {
    pub method: Method,
    pub url: Url,
    pub token: Option<String>,
    /// With its type.
    pub body: Option<(&'static str, String)>,
}

/// An answer of success.
#[derive(Debug)]
pub(super) struct Answer {
    pub status: StatusCode,
    pub location: Option<Url>,
    pub body: String,
}

impl Client {
    /// Trusts whom this machine trusts.
    pub fn new() -> Result<Self, rustls::Error> {
        let mut trusted = RootCertStore::empty();
        // A machine without any has servers without TLS; others are refused by name.
        trusted.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        let tls = ClientConfig::builder_with_provider(rustls::crypto::ring::default_provider().into())
            .with_safe_default_protocol_versions()?
            .with_root_certificates(trusted)
            .with_no_client_auth();
        let connector =
            HttpsConnectorBuilder::new().with_tls_config(tls).https_or_http().enable_http1().build();
        Ok(Self(legacy::Client::builder(TokioExecutor::new()).build(connector)))
    }

    /// Anything but success is an error.
    pub(super) async fn ask(&self, mut ask: Ask) -> Result<Answer, Refusal> {
        for _ in 0..MOST_REDIRECTS {
            let answer = tokio::time::timeout(ANSWERED_WITHIN, self.once(&ask)).await;
            let answer = answer.map_err(|_| Refusal::Late { seconds: ANSWERED_WITHIN.as_secs() })??;
            match (answer.status, answer.location) {
                (StatusCode::TEMPORARY_REDIRECT | StatusCode::PERMANENT_REDIRECT, Some(elsewhere)) => {
                    // A token is for whom it was given for (RFC 6750 §5.3).
                    ask.token = ask.token.filter(|_| elsewhere.origin() == ask.url.origin());
                    ask.url = elsewhere;
                }
                (status, location) if status.is_success() => return Ok(Answer { location, ..answer }),
                (status, _) => return Err(Refusal::Refused { status, body: shortened(&answer.body) }),
            }
        }
        Err(Refusal::Unusable(format!("it redirects more than {MOST_REDIRECTS} times")))
    }

    async fn once(&self, ask: &Ask) -> Result<Answer, Refusal> {
        let request = request(ask).map_err(|error| Refusal::Unusable(error.to_string()))?;
        let response = self.0.request(request).await.map_err(|error| unreachable(&error))?;
        let (status, location) = (response.status(), location(&response, &ask.url));
        let body = Limited::new(response.into_body(), MOST_BYTES).collect().await;
        let body = body.map_err(|error| unreachable(error.as_ref()))?.to_bytes();
        Ok(Answer { status, location, body: String::from_utf8_lossy(&body).into_owned() })
    }
}

fn request(ask: &Ask) -> Result<Request<Full<Bytes>>, http::Error> {
    let mut request = Request::builder().method(&ask.method).uri(ask.url.as_str());
    if let Some(token) = &ask.token {
        request = request.header(AUTHORIZATION, format!("Bearer {token}"));
    }
    if let Some((kind, _)) = &ask.body {
        request = request.header(CONTENT_TYPE, *kind);
    }
    let body = ask.body.as_ref().map(|(_, body)| Bytes::from(body.clone())).unwrap_or_default();
    request.body(Full::new(body))
}

/// It may be relative to what was asked (RFC 9110 §10.2.2).
fn location<B>(response: &Response<B>, asked: &Url) -> Option<Url> {
    asked.join(response.headers().get(LOCATION)?.to_str().ok()?).ok()
}

fn shortened(body: &str) -> String {
    let body = body.trim();
    if body.is_empty() { "(no body)".to_owned() } else { body.chars().take(SHOWN_CHARACTERS).collect() }
}

/// An error with its causes.
fn unreachable(error: &(dyn std::error::Error + 'static)) -> Refusal {
    let causes = std::iter::successors(Some(error), |error| error.source());
    Refusal::Unreachable(causes.map(ToString::to_string).collect::<Vec<_>>().join(": "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_location_may_be_relative() {
        let asked: Url = "https://host:8443/whep/program?x=1".parse().expect("a URL");
        let at = |place: &str| {
            let response = Response::builder().header(LOCATION, place).body(()).expect("a response");
            location(&response, &asked).map(String::from)
        };
        assert_eq!(at("/whep/program/7").as_deref(), Some("https://host:8443/whep/program/7"));
        assert_eq!(at("http://other/7").as_deref(), Some("http://other/7"));
    }

    #[test]
    fn a_body_is_shown_in_part() {
        assert_eq!(shortened(" \n"), "(no body)");
        assert_eq!(shortened(&"ä".repeat(1000)).chars().count(), SHOWN_CHARACTERS);
    }

    #[tokio::test]
    async fn a_server_that_is_not_there_is_said_to_be_not_there() {
        // Taken, so that nobody listens there meanwhile.
        let taken = tokio::net::TcpSocket::new_v4().expect("a socket");
        taken.bind("127.0.0.1:0".parse().expect("an address")).expect("a port");
        let closed = taken.local_addr().expect("an address");
        let url = format!("http://{closed}/whep").parse().expect("a URL");
        let ask = Ask { method: Method::POST, url, token: None, body: None };
        let refusal = Client::new().expect("a client").ask(ask).await.expect_err("nobody is there");
        assert!(refusal.to_string().contains("Connection refused"), "{refusal}");
    }
}
