//! A link between one viewer and the server, which can be made narrow: what does not fit into its queue is lost.

use std::collections::VecDeque;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderName, StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::{delete, post};
use tokio::net::UdpSocket;
use tokio::task::JoinHandle;
use understudy_runtime::egress::view;

use super::stage::listen;

/// Of a router at home, at least.
const QUEUE: Duration = Duration::from_millis(100);
const WIDE: u64 = 1_000_000_000;

pub struct Link {
    pub http: SocketAddr,
    ports: Ports,
    counts: Arc<Counts>,
    relay: JoinHandle<()>,
}

/// The server's, and the one that stands for it.
#[derive(Clone, Copy)]
struct Ports {
    media: u16,
    own: u16,
}

struct Counts {
    bits_a_second: AtomicU64,
    came: AtomicU64,
    lost: AtomicU64,
}

/// Downwards.
#[derive(Clone, Copy, Debug)]
pub struct Passed {
    pub bytes: u64,
    pub lost: u64,
}

impl Link {
    /// To the server whose HTTP and media are there.
    pub async fn to(server: SocketAddr, media: u16) -> Self {
        let [front, back] = [socket().await, socket().await];
        back.connect((Ipv4Addr::LOCALHOST, media)).await.expect("loopback must be there");
        let own = front.local_addr().expect("a socket must have an address").port();
        let counts = Arc::new(Counts {
            bits_a_second: AtomicU64::new(WIDE),
            came: AtomicU64::new(0),
            lost: AtomicU64::new(0),
        });
        let relay = tokio::spawn(relay(front, back, Arc::clone(&counts)));
        let ports = Ports { media, own };
        let signalling = Signalling { server, ports, client: reqwest::Client::new() };
        let whep = Router::new()
            .route("/whep/program", post(watch))
            .route("/whep/program/{session}", delete(leave))
            .with_state(signalling);
        Self { http: listen(whep.merge(view::router())).await, ports, counts, relay }
    }

    /// What the server says, so that it is spoken to through the link.
    pub fn through(&self, sdp: &str) -> String {
        self.ports.through(sdp)
    }

    pub fn whep(&self) -> String {
        format!("http://{}/whep/program", self.http)
    }

    pub fn view(&self) -> String {
        format!("http://{}/view/program", self.http)
    }

    pub fn narrow(&self, bits_a_second: u64) {
        self.counts.bits_a_second.store(bits_a_second, Ordering::Relaxed);
    }

    pub fn widen(&self) {
        self.narrow(WIDE);
    }

    /// What came to it since the last call, and how many datagrams of that it lost.
    pub fn passed(&self) -> Passed {
        let take = |count: &AtomicU64| count.swap(0, Ordering::Relaxed);
        Passed { bytes: take(&self.counts.came), lost: take(&self.counts.lost) }
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        self.relay.abort();
    }
}

impl Ports {
    fn through(self, sdp: &str) -> String {
        let sdp = sdp.replace(&format!(" {} typ host", self.media), &format!(" {} typ host", self.own));
        // What comes over TCP would go around it.
        let lines = sdp.lines().filter(|line| !line.ends_with("tcptype passive"));
        lines.flat_map(|line| [line, "\r\n"]).collect()
    }
}

async fn socket() -> UdpSocket {
    UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port must be free")
}

async fn relay(front: UdpSocket, back: UdpSocket, counts: Arc<Counts>) {
    let (mut up, mut down) = ([0; 2048], [0; 2048]);
    let mut viewer = None;
    let mut queue: VecDeque<(Instant, Vec<u8>)> = VecDeque::new();
    let mut free_at = Instant::now();
    loop {
        let next = queue.front().map(|(at, _)| *at);
        tokio::select! {
            // A refused port is a viewer that has gone, or a server that ends.
            Ok((length, from)) = front.recv_from(&mut up) => {
                viewer = Some(from);
                let _ = back.send(&up[..length]).await;
            }
            Ok(length) = back.recv(&mut down) => {
                let now = Instant::now();
                counts.came.fetch_add(length as u64, Ordering::Relaxed);
                let begins = free_at.max(now);
                if begins > now + QUEUE {
                    counts.lost.fetch_add(1, Ordering::Relaxed);
                    continue;
                }
                let rate = counts.bits_a_second.load(Ordering::Relaxed);
                free_at = begins + Duration::from_nanos(length as u64 * 8 * 1_000_000_000 / rate);
                queue.push_back((free_at, down[..length].to_vec()));
            }
            () = tokio::time::sleep_until(next.unwrap_or(free_at).into()), if next.is_some() => {
                while let Some((_, datagram)) = queue.pop_front_if(|(at, _)| *at <= Instant::now()) {
                    if let Some(viewer) = viewer {
                        let _ = front.send_to(&datagram, viewer).await;
                    }
                }
            }
        }
    }
}

#[derive(Clone)]
struct Signalling {
    server: SocketAddr,
    ports: Ports,
    client: reqwest::Client,
}

/// The viewer is told to send to the link.
async fn watch(State(to): State<Signalling>, offer: Bytes) -> impl IntoResponse {
    let url = format!("http://{}/whep/program", to.server);
    let request = to.client.post(url).header(header::CONTENT_TYPE, "application/sdp").body(offer);
    let answered = request.send().await.expect("the server must answer");
    let status = answered.status();
    let place = answered.headers()[header::LOCATION].to_str().expect("a path must be text").to_owned();
    let answer = to.ports.through(&answered.text().await.expect("the answer must be text"));
    let headers: [(HeaderName, String); 2] =
        [(header::CONTENT_TYPE, "application/sdp".to_owned()), (header::LOCATION, place)];
    (status, headers, answer)
}

async fn leave(State(to): State<Signalling>, Path(session): Path<String>) -> StatusCode {
    let url = format!("http://{}/whep/program/{session}", to.server);
    to.client.delete(url).send().await.map_or(StatusCode::BAD_GATEWAY, |answered| answered.status())
}
