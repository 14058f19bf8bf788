//! A hub elsewhere, over a WebSocket that is made anew whenever it is lost.
//!
//! While there is none nothing is kept: whoever calls meanwhile hears that nobody is reached, and rings again.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use futures::{SinkExt, StreamExt};
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, timeout};
use tokio_rustls::TlsConnector;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::tungstenite::http::header::AUTHORIZATION;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{self, Message};
use tokio_tungstenite::{WebSocketStream, client_async_with_config};
use tokio_util::task::AbortOnDropHandle;
use understudy_core::backoff;
use understudy_core::call::message::Envelope;
use understudy_hub::socket::LARGEST_MESSAGE;
use url::{Host, Url};

use super::{Heard, Signaler, Unsent};

/// Of words that wait to be sent, or heard: a few calls that begin at once.
const WAITING: usize = 256;
/// For all of TCP, TLS and the upgrade.
const CONNECT: Duration = Duration::from_secs(10);
/// A word that is not taken by then is not on its way.
const WRITE: Duration = Duration::from_secs(5);
/// The hub sends pings more often.
const SILENT: Duration = Duration::from_secs(60);
/// A connection that lasted so long was well; its loss is a first failure.
const WELL: Duration = Duration::from_secs(10);

/// Where a hub is, and who we are there.
#[derive(Clone)]
pub struct Address {
    url: Url,
    host: String,
    port: u16,
    is_secure: bool,
    token_file: Option<PathBuf>,
    tls: TlsConnector,
}

/// Why an address is none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadAddress {
    #[error("must be a ws or wss URL, such as wss://understudy.example/api/call/hub")]
    NotWebSocket,
    #[error("must be wss where it leads beyond this machine and a token is sent there")]
    TokenInTheClear,
}

#[derive(Debug, thiserror::Error)]
enum Lost {
    #[error("it cannot be connected to: {0}")]
    Connect(io::Error),
    #[error("it is not reached within {} s", CONNECT.as_secs())]
    Late,
    #[error("the file of its token cannot be read: {0}")]
    NoToken(io::Error),
    #[error("the file of its token holds none")]
    BadToken,
    #[error("it does not take the connection: {0}")]
    Refused(Box<tungstenite::Error>),
    #[error("it has closed the connection: {0}")]
    Closed(String),
    #[error("nothing comes from it")]
    Silent,
    #[error("it takes nothing")]
    Deaf,
    #[error("it is left")]
    Left,
}

/// One peer, at a hub elsewhere. Dropped, it leaves.
pub struct Away {
    says: mpsc::Sender<Envelope>,
    hears: mpsc::Receiver<Heard>,
    is_there: watch::Receiver<bool>,
    keeper: AbortOnDropHandle<()>,
}

impl Address {
    /// `peer`: as whom one comes there.
    pub fn new(
        url: &Url,
        peer: &str,
        token_file: Option<PathBuf>,
        tls: TlsConnector,
    ) -> Result<Self, BadAddress> {
        let is_secure = match url.scheme() {
            "wss" => true,
            "ws" => false,
            _ => return Err(BadAddress::NotWebSocket),
        };
        let host = url.host().ok_or(BadAddress::NotWebSocket)?;
        if !is_secure && token_file.is_some() && !is_here(&host) {
            return Err(BadAddress::TokenInTheClear);
        }
        let host = match host {
            Host::Ipv6(address) => address.to_string(),
            other => other.to_string(),
        };
        let port = url.port_or_known_default().ok_or(BadAddress::NotWebSocket)?;
        let mut url = url.clone();
        url.query_pairs_mut().append_pair("peer", peer);
        Ok(Self { url, host, port, is_secure, token_file, tls })
    }

    async fn connect(&self) -> Result<Connection, Lost> {
        let mut request = self.url.as_str().into_client_request().map_err(refused)?;
        if let Some(file) = &self.token_file {
            // Read each time: what lies there is made anew now and then.
            let token = tokio::fs::read_to_string(file).await.map_err(Lost::NoToken)?;
            let bearer = HeaderValue::from_str(&format!("Bearer {}", token.trim()));
            request.headers_mut().insert(AUTHORIZATION, bearer.map_err(|_| Lost::BadToken)?);
        }
        let stream = TcpStream::connect((self.host.as_str(), self.port)).await.map_err(Lost::Connect)?;
        let stream: Box<dyn Stream> = if self.is_secure {
            let name = ServerName::try_from(self.host.clone())
                .map_err(|error| Lost::Connect(io::Error::new(io::ErrorKind::InvalidInput, error)))?;
            Box::new(self.tls.connect(name, stream).await.map_err(Lost::Connect)?)
        } else {
            Box::new(stream)
        };
        let limits = WebSocketConfig::default()
            .max_message_size(Some(LARGEST_MESSAGE))
            .max_frame_size(Some(LARGEST_MESSAGE));
        let (socket, _) = client_async_with_config(request, stream, Some(limits)).await.map_err(refused)?;
        Ok(socket)
    }
}

type Connection = WebSocketStream<Box<dyn Stream>>;

trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

fn is_here(host: &Host<&str>) -> bool {
    match host {
        Host::Domain(name) => *name == "localhost",
        Host::Ipv4(address) => address.is_loopback(),
        Host::Ipv6(address) => address.is_loopback(),
    }
}

fn refused(error: tungstenite::Error) -> Lost {
    Lost::Refused(Box::new(error))
}

impl Away {
    /// Comes there as soon as the hub is reached, and again whenever it is lost.
    pub fn new(address: Address) -> Self {
        let ((says, said), (tells, hears)) = (mpsc::channel(WAITING), mpsc::channel(WAITING));
        let (there, is_there) = watch::channel(false);
        let keeper = AbortOnDropHandle::new(tokio::spawn(keep(address, said, tells, there)));
        Self { says, hears, is_there, keeper }
    }
}

impl Signaler for Away {
    fn say(&mut self, envelope: Envelope) -> Result<(), Unsent> {
        if !*self.is_there.borrow() {
            return Err(Unsent("the hub is not reached: look at UNDERSTUDY_CALLS_HUB".to_owned()));
        }
        self.says.try_send(envelope).map_err(|_| Unsent("more is said than the hub takes".to_owned()))
    }

    async fn hear(&mut self) -> Heard {
        match self.hears.recv().await {
            Some(heard) => heard,
            None => std::future::pending().await,
        }
    }

    async fn leave(self) {
        let Self { says, hears, keeper, .. } = self;
        drop((says, hears));
        // A hub that takes nothing hears nothing.
        let _: Result<_, _> = timeout(WRITE, keeper).await;
    }
}

async fn keep(
    address: Address,
    mut said: mpsc::Receiver<Envelope>,
    tells: mpsc::Sender<Heard>,
    there: watch::Sender<bool>,
) {
    let mut failures = 0;
    loop {
        let began = Instant::now();
        let lost = match timeout(CONNECT, address.connect()).await {
            Err(_) => Lost::Late,
            Ok(Err(lost)) => lost,
            Ok(Ok(socket)) => {
                tracing::info!(hub = address.host, "the hub of calls is reached");
                // What was said to the one before is of calls that have heard that it did not get there.
                while said.try_recv().is_ok() {}
                there.send_replace(true);
                let lost = carry(socket, &mut said, &tells).await;
                there.send_replace(false);
                lost
            }
        };
        if tells.is_closed() {
            return;
        }
        failures = if began.elapsed() < WELL { failures + 1 } else { 1 };
        tracing::warn!(hub = address.host, error = %lost, failures, "the hub of calls is not there");
        tokio::select! {
            () = tokio::time::sleep(backoff::after(failures)) => {}
            () = tells.closed() => return,
        }
    }
}

async fn carry(
    mut socket: Connection,
    said: &mut mpsc::Receiver<Envelope>,
    tells: &mpsc::Sender<Heard>,
) -> Lost {
    loop {
        let message = tokio::select! {
            message = timeout(SILENT, socket.next()) => message,
            envelope = said.recv() => {
                let Some(envelope) = envelope else {
                    let _: Result<_, _> = timeout(WRITE, socket.close(None)).await;
                    return Lost::Left;
                };
                // Text and numbers alone: nothing of it has no place in JSON.
                let text = serde_json::to_string(&envelope).unwrap_or_default();
                match timeout(WRITE, socket.send(Message::text(text))).await {
                    Ok(Ok(())) => continue,
                    Ok(Err(error)) => return Lost::Closed(error.to_string()),
                    Err(_) => return Lost::Deaf,
                }
            }
        };
        let heard = match message {
            Err(_) => return Lost::Silent,
            Ok(None) => return Lost::Closed("without a word".to_owned()),
            Ok(Some(Err(error))) => return Lost::Closed(error.to_string()),
            Ok(Some(Ok(Message::Close(frame)))) => {
                return Lost::Closed(frame.map_or_else(String::new, |frame| frame.reason.to_string()));
            }
            Ok(Some(Ok(Message::Text(text)))) => serde_json::from_str(&text).ok().and_then(Heard::read),
            Ok(Some(Ok(_))) => None,
        };
        // Whoever hears it reads all that comes; what it does not take in time is lost to it, and to nobody else.
        if let Some(heard) = heard
            && tells.try_send(heard).is_err()
        {
            tracing::warn!("more is said of calls than is heard");
        }
    }
}

#[cfg(test)]
mod tests;
