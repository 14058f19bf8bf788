//! A small HTTP server that keeps what it was asked.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

pub struct Server {
    pub address: SocketAddr,
    heads: Arc<Mutex<Vec<String>>>,
    connections: Arc<Mutex<usize>>,
}

impl Server {
    /// Answers each connection's one request with what `answer` makes of its path.
    pub async fn start(answer: impl Fn(&str) -> Vec<u8> + Send + Sync + 'static) -> Self {
        Self::at(Ipv4Addr::LOCALHOST, answer).await
    }

    pub async fn at(ip: impl Into<IpAddr>, answer: impl Fn(&str) -> Vec<u8> + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind((ip.into(), 0)).await.expect("a port must be free");
        let address = listener.local_addr().expect("a listener must have an address");
        let server = Self { address, heads: Arc::default(), connections: Arc::default() };
        let (heads, connections, answer) =
            (server.heads.clone(), server.connections.clone(), Arc::new(answer));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                *connections.lock() += 1;
                let (heads, answer) = (heads.clone(), answer.clone());
                tokio::spawn(async move { one(stream, &heads, &*answer).await });
            }
        });
        server
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// The heads of all requests.
    pub fn heads(&self) -> Vec<String> {
        self.heads.lock().clone()
    }

    /// The paths of all requests.
    pub fn paths(&self) -> Vec<String> {
        self.heads().iter().map(|head| path(head).to_owned()).collect()
    }

    /// How many connections there were, whether or not anything was said.
    pub fn connections(&self) -> usize {
        *self.connections.lock()
    }
}

/// An answer of status 200.
pub fn ok(kind: &str, body: impl AsRef<[u8]>) -> Vec<u8> {
    let body = body.as_ref();
    let head = format!("HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Length: {}\r\n\r\n", body.len());
    [head.as_bytes(), body].concat()
}

pub fn redirect(url: &str) -> Vec<u8> {
    format!("HTTP/1.1 302 Found\r\nLocation: {url}\r\nContent-Length: 0\r\n\r\n").into_bytes()
}

async fn one(mut stream: TcpStream, heads: &Mutex<Vec<String>>, answer: &(dyn Fn(&str) -> Vec<u8> + Sync)) {
    let mut bytes = Vec::new();
    while !bytes.windows(4).any(|end| end == b"\r\n\r\n") {
        if stream.read_buf(&mut bytes).await.unwrap_or(0) == 0 {
            return;
        }
    }
    let head = String::from_utf8_lossy(&bytes).into_owned();
    let answer = answer(path(&head));
    heads.lock().push(head);
    // A client that has left is not the server's affair.
    drop(stream.write_all(&answer).await);
    drop(stream.shutdown().await);
}

fn path(head: &str) -> &str {
    head.split(' ').nth(1).unwrap_or_default()
}
