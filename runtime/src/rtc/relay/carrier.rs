//! Keeps a relay: a client of TURN that does no I/O itself, on a line to its server.

use std::collections::HashSet;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use bytes::BytesMut;
use tokio::sync::mpsc;
use tokio::time::Instant;
use turn_client_proto::api::{Transmit, TurnClientApi as _, TurnConfig, TurnEvent, TurnPollRet, TurnRecvRet};
use turn_client_proto::client::TurnClient;
use turn_client_proto::stun::Instant as Since;
use turn_client_proto::tcp::TurnClientTcp;
use turn_client_proto::types::stun::attribute::{ErrorCode, Nonce};
use turn_client_proto::types::stun::message::{Message, MessageClass, TransactionId};
use turn_client_proto::types::{AddressFamily, TransportType, TurnCredentials};
use turn_client_proto::udp::TurnClientUdp;
use understudy_core::turn::Server;

use super::super::directory::MAX_ADDRESSES_PER_PEER;
use super::line::Line;
use super::{Outgoing, RelayError};

/// Of giving an address back, or one that is about to be given.
const FAREWELL: Duration = Duration::from_millis(1500);
/// From the server to the peer.
const RELAYED: TransportType = TransportType::Udp;
/// With the first of these a server asks who we are, with the second for another try (RFC 8489 §9.2.4).
const UNAUTHENTICATED: u16 = 401;
const STALE_NONCE: u16 = 438;

pub(super) struct Carrier<A> {
    client: TurnClient,
    line: Line,
    /// What the client's moments are counted from.
    begun: Instant,
    /// The peer's addresses, of one family.
    peers: HashSet<IpAddr>,
    /// Where the peer was heard from: there packets are sent with four bytes before them instead of thirty-six.
    channels: HashSet<SocketAddr>,
    /// The question of ours that the server has answered with its own, who we are. It may do so more than once.
    challenged: Option<TransactionId>,
    /// The code of the last refusal.
    refused: Option<u16>,
    /// Is told what comes from the peer.
    arrived: A,
}

impl<A: Fn(SocketAddr, &[u8])> Carrier<A> {
    pub fn new(line: Line, server: &Server, peers: &[SocketAddr], arrived: A) -> Self {
        // One family: a server need not have both.
        let is_v4 = peers.iter().any(SocketAddr::is_ipv4);
        let mut config = TurnConfig::new(TurnCredentials::new(&server.username, &server.credential));
        config.set_address_family(if is_v4 { AddressFamily::IPV4 } else { AddressFamily::IPV6 });
        let client = match line.is_stream() {
            true => TurnClientTcp::allocate(line.local, line.server, config).into(),
            false => TurnClientUdp::allocate(line.local, line.server, config).into(),
        };
        let peers = peers.iter().filter(|peer| peer.is_ipv4() == is_v4).map(SocketAddr::ip).collect();
        Self {
            client,
            line,
            begun: Instant::now(),
            peers,
            channels: HashSet::new(),
            challenged: None,
            refused: None,
            arrived,
        }
    }

    /// Has the server relay for the peer. Tells the address that we have there.
    pub async fn allocate(&mut self) -> Result<SocketAddr, RelayError> {
        let relayed = self.allocated().await?;
        self.refused = None;
        let mut pending = 0;
        for peer in self.peers.clone() {
            let asked = self.client.create_permission(RELAYED, peer, self.now());
            pending += usize::from(asked.is_ok());
        }
        while pending > 0 {
            match self.event().await? {
                TurnEvent::PermissionCreated(..) => return Ok(relayed),
                TurnEvent::PermissionCreateFailed(..) => pending -= 1,
                _ => {}
            }
        }
        Err(RelayError::Forbidden(self.refused))
    }

    async fn allocated(&mut self) -> Result<SocketAddr, RelayError> {
        loop {
            self.write().await?;
            match self.client.poll_event() {
                Some(TurnEvent::AllocationCreated(_, relayed)) => return Ok(relayed),
                Some(TurnEvent::AllocationCreateFailed(_)) => return Err(RelayError::Refused(self.refused)),
                Some(_) => {}
                // The client believes no refusal that it cannot verify, as that of an unknown user, and goes on waiting.
                None if self.refused.is_some() => return Err(RelayError::Refused(self.refused)),
                None => self.step().await?,
            }
        }
    }

    /// Carries packets both ways until nobody sends any more, or the relay is lost.
    pub async fn carry(&mut self, mut outgoing: mpsc::Receiver<Outgoing>) -> Result<(), RelayError> {
        loop {
            self.write().await?;
            while self.client.poll_event().is_some() {}
            tokio::select! {
                step = self.step() => step?,
                packet = outgoing.recv() => match packet {
                    Some(Outgoing { to, packet }) => self.send(to, &packet).await?,
                    None => return Ok(()),
                },
            }
        }
    }

    async fn send(&mut self, to: SocketAddr, packet: &[u8]) -> Result<(), RelayError> {
        let now = self.now();
        // Where nothing may be sent, nothing is: the peer has more addresses than the server relays to.
        let Ok(Some(message)) = self.client.send_to(RELAYED, to, packet, now) else { return Ok(()) };
        Ok(self.line.send(message.build().data).await?)
    }

    /// Has the server forget us, within a moment. An address that is about to be given is waited for.
    pub async fn give_back(mut self) {
        let given_back = async {
            if self.client.relayed_addresses().next().is_none() {
                self.allocated().await?;
            }
            let now = self.now();
            if self.client.delete(now).is_ok() {
                // Until the server has said that it is so, after which the client is closed.
                loop {
                    self.event().await?;
                }
            }
            Ok::<_, RelayError>(())
        };
        drop(tokio::time::timeout(FAREWELL, given_back).await);
    }

    /// The next of what the client tells.
    async fn event(&mut self) -> Result<TurnEvent, RelayError> {
        loop {
            self.write().await?;
            if let Some(event) = self.client.poll_event() {
                return Ok(event);
            }
            self.step().await?;
        }
    }

    /// Reads a message, or waits for the client's time.
    async fn step(&mut self) -> Result<(), RelayError> {
        let now = self.now();
        match self.client.poll(now) {
            TurnPollRet::WaitUntil(at) => {
                tokio::select! {
                    message = self.line.receive() => self.read(message?),
                    () = tokio::time::sleep_until(self.begun + at.duration_since(Since::ZERO)) => {}
                }
            }
            TurnPollRet::Closed => return Err(RelayError::Lost),
            // Of peers that are reached over TCP, of which there are none.
            TurnPollRet::AllocateTcpSocket { .. } | TurnPollRet::TcpClose { .. } => {}
        }
        Ok(())
    }

    fn read(&mut self, bytes: BytesMut) {
        if let Ok(message) = Message::from_bytes(&bytes) {
            if !is_sound(&message) {
                return;
            }
            self.note(&message);
        }
        let now = self.now();
        let received = Transmit::new(bytes, self.client.transport(), self.line.server, self.line.local);
        if let TurnRecvRet::PeerData(data) = self.client.recv(received, now) {
            self.hear(data.peer, data.data(), now);
        }
        while let Some(data) = self.client.poll_recv(now) {
            self.hear(data.peer, data.data(), now);
        }
    }

    /// Of a peer, if the server tells the truth: no more is kept of what it says than of a peer.
    fn hear(&mut self, peer: SocketAddr, packet: &[u8], now: Since) {
        if self.channels.len() < MAX_ADDRESSES_PER_PEER && self.channels.insert(peer) {
            drop(self.client.bind_channel(RELAYED, peer, now));
        }
        (self.arrived)(peer, packet);
    }

    /// What a server refuses.
    fn note(&mut self, message: &Message<'_>) {
        let (Some(code), id) = (refusal(message), message.transaction_id()) else { return };
        match code {
            UNAUTHENTICATED if *self.challenged.get_or_insert(id) == id => {}
            STALE_NONCE => {}
            code => self.refused = Some(code),
        }
    }

    async fn write(&mut self) -> Result<(), RelayError> {
        while let Some(message) = self.client.poll_transmit(self.now()) {
            self.line.send(message.data.to_vec()).await?;
        }
        Ok(())
    }

    fn now(&self) -> Since {
        Since::ZERO + self.begun.elapsed()
    }
}

/// The code of a refusal (RFC 8489 §14.8).
fn refusal(message: &Message<'_>) -> Option<u16> {
    let code = message.attribute::<ErrorCode>().ok()?;
    message.has_class(MessageClass::Error).then(|| code.code())
}

/// What a server that relays over UDP has to say to us. The client keeps requests, which none of them makes, and takes a nonce for
/// one of ASCII, which it is (RFC 8489 §14.10).
fn is_sound(message: &Message<'_>) -> bool {
    let nonce = message.attribute::<Nonce>();
    !message.has_class(MessageClass::Request) && nonce.map_or(true, |nonce| nonce.nonce().is_ascii())
}
