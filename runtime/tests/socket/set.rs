//! A studio with doors for senders, and those who come to them.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures::{SinkExt, StreamExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};
use understudy_core::input::{Carries, Protocol};
use understudy_core::spec::{Shape, Source as Kind};
use understudy_runtime::api;
use understudy_runtime::source::Source;

use super::{FREE, VIDEO};
use crate::support::studio::Studio;

pub type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// A studio with doors for senders.
pub struct Set {
    pub studio: Studio,
    pub http: SocketAddr,
}

impl Set {
    pub async fn open() -> Self {
        let studio = Studio::open().await;
        let app =
            api::socket::router(studio.ingest()).merge(api::live::router(studio.ingest(), studio.feed()));
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port must be free");
        let http = listener.local_addr().expect("a listener must have an address");
        tokio::spawn(async move { axum::serve(listener, app).await });
        Self { studio, http }
    }

    pub fn play(&self, carries: Carries) -> Source {
        self.shaped(carries, Shape::default())
    }

    pub fn shaped(&self, carries: Carries, shape: Shape) -> Source {
        let socket = |wanted: bool| wanted.then_some(Protocol::Socket);
        self.studio.ingest().expect(socket(carries.video()), socket(carries.audio()));
        self.studio.shaped(Kind::Socket, carries, shape)
    }

    pub async fn connect(&self, path: &str, origin: Option<String>) -> Result<Socket, Error> {
        let url = format!("ws://{}/input/devices/virtual/{path}", self.http);
        let mut request = url.into_client_request()?;
        if let Some(origin) = origin {
            request.headers_mut().insert("origin", origin.parse().expect("it must be a header"));
        }
        Ok(tokio_tungstenite::connect_async(request).await?.0)
    }

    /// Somebody who may send, and was told what.
    pub async fn sender(&self, path: &str) -> Socket {
        let mut socket = self.next_sender(path).await;
        let hint = socket.next().await.expect("a hint must come").expect("the connection must hold");
        assert_eq!(hint, Message::text(if path == VIDEO { "mpegts" } else { "mp3" }));
        socket
    }

    /// The next sender, once the place is free.
    pub async fn next_sender(&self, path: &str) -> Socket {
        let start = Instant::now();
        loop {
            match self.connect(path, None).await {
                Ok(socket) => return socket,
                Err(error) => assert!(start.elapsed() < FREE, "after {FREE:?}: {error}"),
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    pub async fn refused(&self, path: &str, origin: Option<String>) -> (u16, String) {
        let refusal = self.connect(path, origin).await.expect_err("it must be refused");
        let Error::Http(response) = refusal else { return (0, refusal.to_string()) };
        let body = response.body().clone().unwrap_or_default();
        (response.status().as_u16(), String::from_utf8(body).expect("it must be text"))
    }

    /// Sends what a live encoder makes, over and over: a message a frame, each in its time.
    pub async fn live(&self, path: &str, frames: Vec<Bytes>, interval: Duration) -> JoinHandle<()> {
        let mut socket = self.sender(path).await;
        let mut clock = tokio::time::interval(interval);
        tokio::spawn(async move {
            for frame in frames.into_iter().cycle() {
                clock.tick().await;
                if socket.send(Message::Binary(frame)).await.is_err() {
                    return;
                }
            }
        })
    }

    /// Sends all of it, over and over, as fast as it is taken, in messages of this length.
    pub async fn pour(&self, path: &str, bytes: Bytes, length: usize) -> JoinHandle<()> {
        let mut socket = self.sender(path).await;
        tokio::spawn(async move {
            loop {
                for at in (0..bytes.len()).step_by(length) {
                    let piece = bytes.slice(at..bytes.len().min(at + length));
                    if socket.send(Message::Binary(piece)).await.is_err() {
                        return;
                    }
                }
            }
        })
    }
}
