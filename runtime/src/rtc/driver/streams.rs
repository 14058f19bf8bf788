//! What the driver does with connections of TCP.

use std::time::Instant;

use super::super::routes::PeerId;
use super::super::streams::{News, StreamId};
use super::super::transport_address::{TransportAddress, TransportProtocol};
use super::{Driver, as_announced};

impl Driver {
    pub(super) fn hear(&mut self, news: &mut Vec<News>) {
        let now = Instant::now();
        let mut touched = Vec::new();
        for news in news.drain(..) {
            match news {
                News::Accepted { io, from } => {
                    for gone in self.ways.streams.admit(io, from, now) {
                        self.routes.lose(TransportAddress::tcp(gone));
                    }
                }
                News::Packet { stream, bytes } => {
                    if let Some(id) = self.take(stream, &bytes, now)
                        && touched.last() != Some(&id)
                    {
                        touched.push(id);
                    }
                }
                News::Ended { stream, refused } => {
                    if self.ways.streams.ended(stream, refused) {
                        self.routes.lose(TransportAddress::tcp(stream.from));
                    }
                }
            }
        }
        for id in touched {
            self.settle(id);
        }
        self.routes.forget_heard();
    }

    /// Gives a packet to the peer that it is of.
    fn take(&mut self, stream: StreamId, bytes: &[u8], now: Instant) -> Option<PeerId> {
        let local = self.ways.streams.local(stream)?;
        let from = TransportAddress::tcp(stream.from);
        let id = self.routes.find(from, Some(local), bytes);
        let Some((id, peer)) = id.and_then(|id| Some((id, self.peers.get_mut(&id)?))) else {
            self.metrics.strangers.inc();
            self.ways.streams.strange(stream);
            return None;
        };
        self.ways.streams.asked(stream);
        let local = as_announced(&self.announced, Some(local), from);
        peer.connection_mut().receive(from, local, bytes, now);
        Some(id)
    }

    /// No peer is there any more.
    pub(super) fn hang_up(&mut self, addresses: impl IntoIterator<Item = TransportAddress>) {
        for address in addresses {
            if address.protocol == TransportProtocol::TCP {
                self.ways.streams.close(address.socket);
            }
        }
    }
}
