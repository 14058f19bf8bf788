//! Reads packets from a socket, and notices which are missing.

use std::collections::HashMap;
use std::time::Duration;

use futures::StreamExt;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};
use tokio_util::sync::CancellationToken;

use crate::support::session::Session;

const PACKET: usize = 188;

/// Ids as the muxer gives them.
pub const PICTURE: u16 = 0x100;
pub const SOUND: u16 = 0x101;

pub struct Reader(WebSocketStream<MaybeTlsStream<TcpStream>>);

/// What was read.
#[derive(Debug, Default)]
pub struct Read {
    pub packets: usize,
    /// Packets whose number does not follow the last of their kind.
    pub gaps: usize,
    /// Units that began, by their id.
    pub units: HashMap<u16, usize>,
    counters: HashMap<u16, u8>,
}

impl Reader {
    /// `stream`: its name, and what is asked of it.
    pub async fn open(session: &Session, stream: &str) -> Self {
        let url = session.url(&format!("/stream/socket/{stream}")).replacen("http", "ws", 1);
        Self(connect_async(url).await.expect("the socket must open").0)
    }

    /// What comes first, and in that time after it, together.
    pub async fn read_for(&mut self, time: Duration) -> Vec<u8> {
        let mut all = self.next().await;
        let read = async {
            loop {
                all.extend_from_slice(&self.next().await);
            }
        };
        let _: Result<(), _> = tokio::time::timeout(time, read).await;
        all
    }

    /// Reads until it is told to stop.
    pub async fn read_until(mut self, stop: CancellationToken) -> Read {
        let mut read = Read::default();
        while let Some(packets) = stop.run_until_cancelled(self.next()).await {
            packets.chunks(PACKET).for_each(|packet| read.note(packet));
        }
        read
    }

    /// Reads until so many units more of this kind have begun.
    pub async fn read_units(&mut self, read: &mut Read, id: u16, count: usize, deadline: Duration) {
        let wanted = read.begun(id) + count;
        let enough = async {
            while read.begun(id) < wanted {
                self.next().await.chunks(PACKET).for_each(|packet| read.note(packet));
            }
        };
        let came = tokio::time::timeout(deadline, enough).await;
        assert!(came.is_ok(), "{count} units of {id:#x} within {deadline:?}: {read:?}");
    }

    /// The next whole packets.
    async fn next(&mut self) -> Vec<u8> {
        loop {
            match self.0.next().await.expect("it must go on").expect("it must be read") {
                Message::Binary(packets) => {
                    assert!(packets.len().is_multiple_of(PACKET), "{} bytes", packets.len());
                    return packets.to_vec();
                }
                Message::Ping(_) => {}
                other => panic!("{other:?}"),
            }
        }
    }
}

impl Read {
    fn begun(&self, id: u16) -> usize {
        self.units.get(&id).copied().unwrap_or_default()
    }

    fn note(&mut self, packet: &[u8]) {
        assert_eq!(packet[0], 0x47);
        self.packets += 1;
        let has_payload = packet[3] & 0x10 != 0;
        if has_payload {
            let id = u16::from_be_bytes([packet[1] & 0x1f, packet[2]]);
            let counter = packet[3] & 0x0f;
            *self.units.entry(id).or_default() += usize::from(packet[1] & 0x40 != 0);
            let last = self.counters.insert(id, counter);
            self.gaps += usize::from(last.is_some_and(|last| (last + 1) & 0x0f != counter));
        }
    }
}
