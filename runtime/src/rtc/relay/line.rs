//! The line to a TURN server: datagrams, or messages one behind the other in a stream.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use bytes::BytesMut;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::UdpSocket;
use tokio_rustls::TlsConnector;
use understudy_core::guard::Policy;
use understudy_core::turn::framing::{length, padding};
use understudy_core::turn::{Over, Server};

use super::RelayError;
use crate::guard;

/// What a datagram of UDP has at most.
const MOST_BYTES: usize = 65_536;

pub(super) struct Line {
    way: Way,
    /// The server's, as it was connected to.
    pub server: SocketAddr,
    pub local: SocketAddr,
    read: BytesMut,
}

enum Way {
    Datagrams(UdpSocket),
    Stream(Box<dyn Stream>),
}

trait Stream: AsyncRead + AsyncWrite + Send + Sync + Unpin {}
impl<S: AsyncRead + AsyncWrite + Send + Sync + Unpin> Stream for S {}

/// A line to that server, at an address that may be connected to.
pub(super) async fn to(server: &Server, reach: &Policy, tls: &TlsConnector) -> Result<Line, RelayError> {
    let (host, port) = (&server.host, server.port);
    let stream = || async {
        let stream = guard::connect(host, port, reach).await?;
        stream.set_nodelay(true)?;
        Ok::<_, RelayError>((stream.peer_addr()?, stream.local_addr()?, stream))
    };
    let (at, local, way) = match server.over {
        Over::Udp => {
            let at = guard::pin(host, port, reach).await?;
            let any: IpAddr = match at {
                SocketAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
                SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
            };
            let socket = UdpSocket::bind((any, 0)).await?;
            socket.connect(at).await?;
            // What is sent before that is known is not even tried.
            socket.writable().await?;
            (at, socket.local_addr()?, Way::Datagrams(socket))
        }
        Over::Tcp => {
            let (at, local, stream) = stream().await?;
            (at, local, Way::Stream(Box::new(stream)))
        }
        Over::Tls => {
            let (at, local, stream) = stream().await?;
            let name = ServerName::try_from(host.trim_matches(['[', ']']).to_owned());
            let name = name.map_err(|error| RelayError::Tls(io::Error::other(error)))?;
            let stream = tls.connect(name, stream).await.map_err(RelayError::Tls)?;
            (at, local, Way::Stream(Box::new(stream)))
        }
    };
    Ok(Line { way, server: at, local, read: BytesMut::new() })
}

impl Line {
    pub const fn is_stream(&self) -> bool {
        matches!(self.way, Way::Stream(_))
    }

    /// A datagram that the kernel does not take is lost; a stream is waited for.
    pub async fn send(&mut self, mut message: Vec<u8>) -> io::Result<()> {
        match &mut self.way {
            // An error may be about an earlier one, and TURN asks again for what it needs.
            Way::Datagrams(socket) => drop(socket.try_send(&message)),
            Way::Stream(stream) => {
                message.resize(message.len() + padding(message.len()), 0);
                stream.write_all(&message).await?;
                stream.flush().await?;
            }
        }
        Ok(())
    }

    /// The next message. What was read of one is kept if this is dropped.
    pub async fn receive(&mut self) -> Result<BytesMut, RelayError> {
        match &mut self.way {
            Way::Datagrams(socket) => loop {
                self.read.clear();
                self.read.reserve(MOST_BYTES);
                // An error is the network's answer to an earlier datagram, of which each is told once.
                if socket.recv_buf(&mut self.read).await.is_ok() {
                    return Ok(self.read.split());
                }
            },
            Way::Stream(stream) => loop {
                if let Some((length, padding)) = length(&self.read)?
                    && self.read.len() >= length + padding
                {
                    let message = self.read.split_to(length);
                    drop(self.read.split_to(padding));
                    return Ok(message);
                }
                if stream.read_buf(&mut self.read).await? == 0 {
                    return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
                }
            },
        }
    }
}
