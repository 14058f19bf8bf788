//! Requests to a WHIP server, each over a connection of its own to an address that may be connected to.

use std::io;
use std::time::Duration;

use axum::http::header::{
    ACCEPT, AUTHORIZATION, CONTENT_TYPE, HOST, LINK, LOCATION, RETRY_AFTER, USER_AGENT,
};
use axum::http::{HeaderMap, HeaderName, Method, Request, StatusCode, Uri};
use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio_rustls::TlsConnector;
use understudy_core::guard::Policy;
use understudy_core::offer::MAX_BYTES;
use understudy_core::redact::redacted_in;
use understudy_core::turn::IceServer;
use understudy_core::whip::{Failure, Strayed, ice_servers, onward, refusal};
use url::{Position, Url};

use super::target::Token;
use crate::guard;
use crate::signalling::SDP;

/// Of one request, from the name to the last byte of the answer. Servers that make room for a stream first take seconds.
const ANSWERED_WITHIN: Duration = Duration::from_secs(10);
/// A server may send a stream on to another, and that one to its own.
const MOST_REDIRECTS: usize = 5;
/// Of what a server says of an error, in a message.
const SHOWN_CHARACTERS: usize = 200;

/// Asks servers. Clones are the same.
#[derive(Clone)]
pub(super) struct Client {
    tls: TlsConnector,
    reach: Policy,
}

/// What is asked.
#[derive(Clone)]
pub(super) struct Ask {
    pub method: Method,
    pub url: Url,
    pub token: Option<Token>,
    pub offer: Option<String>,
}

/// An answer of success, and who gave it.
pub(super) struct Answer {
    /// Where it was asked last, and the token if that was told there.
    pub asked: Ask,
    pub status: StatusCode,
    pub location: Option<Url>,
    pub ice_servers: Vec<IceServer>,
    pub body: String,
}

struct Response {
    status: StatusCode,
    headers: HeaderMap,
    body: String,
}

impl Client {
    /// `tls`: whom to believe who they are.
    pub const fn new(reach: Policy, tls: TlsConnector) -> Self {
        Self { tls, reach }
    }

    /// Anything but success is an error. Follows redirects that keep the method.
    pub async fn ask(&self, mut ask: Ask) -> Result<Answer, Failure> {
        for _ in 0..=MOST_REDIRECTS {
            let response = tokio::time::timeout(ANSWERED_WITHIN, self.once(&ask)).await;
            let late = |_| Failure::Late { seconds: ANSWERED_WITHIN.as_secs() };
            let response = response.map_err(late)??;
            if response.status.is_success() {
                return Ok(answer(ask, response));
            }
            if !response.status.is_redirection() {
                return Err(refused(&ask, &response));
            }
            let location = text(&response.headers, &LOCATION);
            let next = onward(&ask.url, response.status.as_u16(), location)?;
            ask = Ask { url: next.url, token: ask.token.filter(|_| next.with_token), ..ask };
        }
        Err(Strayed::TooOften(MOST_REDIRECTS).into())
    }

    async fn once(&self, ask: &Ask) -> Result<Response, Failure> {
        let host = ask.url.host_str().unwrap_or_default();
        let port = ask.url.port_or_known_default().unwrap_or_default();
        let stream = guard::connect(host, port, &self.reach).await;
        let stream = stream.map_err(|refused| Failure::Unreachable(refused.to_string()))?;
        if ask.url.scheme() == "https" {
            exchange(self.protect(host, stream).await?, ask).await
        } else {
            exchange(stream, ask).await
        }
    }

    async fn protect(
        &self,
        host: &str,
        stream: TcpStream,
    ) -> Result<impl AsyncRead + AsyncWrite + Send + Unpin + use<>, Failure> {
        let name = host.trim_matches(['[', ']']).to_owned();
        let name = ServerName::try_from(name).map_err(|error| Failure::Untrusted(error.to_string()))?;
        self.tls.connect(name, stream).await.map_err(|error| unprotected(&error))
    }
}

async fn exchange<S>(stream: S, ask: &Ask) -> Result<Response, Failure>
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let broken = |error: hyper::Error| Failure::Unreachable(format!("the connection broke off: {error}"));
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(broken)?;
    // It ends with this request.
    let mut tasks = JoinSet::new();
    tasks.spawn(connection);
    let request = request(ask).map_err(|error| Failure::Ours(error.to_string()))?;
    let (head, body) = sender.send_request(request).await.map_err(broken)?.into_parts();
    let body = Limited::new(body, MAX_BYTES).collect().await;
    let body = body.map_err(|error| Failure::Unreachable(format!("the answer broke off: {error}")))?;
    let body = String::from_utf8_lossy(&body.to_bytes()).into_owned();
    Ok(Response { status: head.status, headers: head.headers, body })
}

fn request(ask: &Ask) -> Result<Request<Full<Bytes>>, axum::http::Error> {
    let place: Uri = ask.url[Position::BeforePath..Position::AfterQuery].parse()?;
    let host = &ask.url[Position::BeforeHost..Position::AfterPort];
    let mut request = Request::builder()
        .method(&ask.method)
        .uri(place)
        .header(HOST, host)
        .header(ACCEPT, SDP)
        .header(USER_AGENT, concat!("understudy/", env!("CARGO_PKG_VERSION")));
    if let Some(token) = &ask.token {
        request = request.header(AUTHORIZATION, token.header());
    }
    if ask.offer.is_some() {
        request = request.header(CONTENT_TYPE, SDP);
    }
    request.body(Full::from(ask.offer.clone().unwrap_or_default()))
}

fn answer(asked: Ask, response: Response) -> Answer {
    // It may be relative to what was asked (RFC 9110 §10.2.2).
    let location = text(&response.headers, &LOCATION).and_then(|location| asked.url.join(location).ok());
    let links = response.headers.get_all(LINK).iter().filter_map(|link| link.to_str().ok());
    let ice_servers = links.flat_map(ice_servers).collect();
    Answer { location, ice_servers, status: response.status, body: response.body, asked }
}

fn refused(ask: &Ask, response: &Response) -> Failure {
    let said =
        ask.token.as_ref().map_or_else(|| response.body.clone(), |token| token.hidden_in(&response.body));
    let said = redacted_in(&said, ask.url.as_str());
    let said: String = said.trim().chars().filter(|c| !c.is_control()).take(SHOWN_CHARACTERS).collect();
    let said = if said.is_empty() { "it does not say why".to_owned() } else { said };
    refusal(response.status.as_u16(), text(&response.headers, &RETRY_AFTER), said)
}

fn text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

/// What TLS says is told; that a connection broke off is about the network.
fn unprotected(error: &io::Error) -> Failure {
    let is_of_tls = error.get_ref().is_some_and(<dyn std::error::Error + Send + Sync>::is::<rustls::Error>);
    match is_of_tls {
        true => Failure::Untrusted(error.to_string()),
        false => Failure::Unreachable(format!("the connection broke off in the TLS handshake: {error}")),
    }
}
