//! One WebRTC connection, whichever way media flows on it.
//!
//! ```text
//!   Expected{until} ── DTLS up ──> Live ── silent, closed, broken ──> Gone(why)
//!         └───────────── until passed ──────────────────────────────────^
//! ```
//! The peer checks and nominates, or we do it if we have come to it; whoever is the DTLS client begins the handshake on the pair that it nominated:
//!
//! ```text
//!   we serve: Expected ── its hello ──> greeted ── our last flight ──> Live, and once more if the peer did not get it
//!   it serves: Expected ── a pair ──> our hello, each second until answered ── its last flight ──> Live
//! ```
//! What a stranger sends runs through a large stack. Should it panic there, that connection is gone and no other.

mod check;
mod dtls;
mod events;
mod reaching;
mod speaking;

use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use bytes::BytesMut;
use rtc::peer_connection::RTCPeerConnection;
use rtc::sansio::Protocol;
use rtc::shared::error::Error;
use rtc::shared::{TaggedBytesMut, TransportContext};
use understudy_core::fanout::senders::Senders;
use understudy_core::guard::Policy;
use understudy_core::offer::{DtlsRole, Transport};

use super::OfferError;
use super::channels::Channels;
use super::ending::Why;
use super::negotiate::{DISCONNECTED_AFTER, Negotiated, restart};
use super::stun;
use super::transport_address::{Through, TransportAddress};
use check::Check;
use dtls::{is_closed, is_known};
use events::{after, has_pair};

/// From the answer to the end of the handshake: a peer on a bad network tries for about as long.
const CONNECT_DEADLINE: Duration = Duration::from_secs(20);

/// After the handshake is over for us: its last flight is sent again for a peer that did not get it, and is due at once.
const HANDSHAKE: Duration = Duration::from_secs(5);

/// STUN begins with less, DTLS and SRTCP with more (RFC 7983 §7). The stack sends them on the pair that ICE selected.
const LAST_OF_CHECKS: u8 = 3;
/// What DTLS begins with (RFC 7983 §7).
const DTLS: std::ops::RangeInclusive<u8> = 20..=63;
/// A handshake is a dozen, each of which may be sent a few times.
const MAX_FLIGHTS: u64 = 256;
/// RTP and RTCP begin with no less (RFC 7983 §7).
const FIRST_OF_MEDIA: u8 = 128;
/// A binding indication (RFC 8489 §5): the stack takes it for a sign of life from a candidate, and answers nothing.
const SIGN_OF_LIFE: [u8; 20] = [0, 0x11, 0, 0, 0x21, 0x12, 0xa4, 0x42, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
/// Silence counts after several of these.
const SIGN_INTERVAL: Duration = Duration::from_secs(1);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    Expected { until: Instant },
    Live,
    Gone(Why),
}

pub(super) struct Connection {
    stack: RTCPeerConnection,
    session_id: String,
    ufrag: String,
    /// SHA-256 of certificates, in pairs of capitals; the peer has one of them.
    fingerprints: Vec<String>,
    role: DtlsRole,
    /// If it is we who check: where it may be.
    reach: Option<Policy>,
    /// Of a message that leaves: whether it says that a check of the peer's was genuine.
    confirms: fn(&[u8]) -> bool,
    /// By which port of ours it is reached, if it is not the one that all share.
    port: Option<u16>,
    /// Our address at its relay, if it has one.
    relayed: Option<SocketAddr>,
    state: State,
    wake_at: Option<Instant>,
    /// What the stack selected, once: the peer's address and ours.
    pair: Option<(TransportAddress, SocketAddr)>,
    /// The peer's last check, while it is not known to be genuine.
    check: Option<Check>,
    /// Where the peer went since, with our knowledge and without the stack's.
    moved: Option<TransportAddress>,
    /// When anything came from where it is.
    present: Instant,
    /// How seldom it may be woken once it is live, and when it was.
    rest: Duration,
    woken: Instant,
    /// When anything came last before it was live.
    joined: Instant,
    /// When anything came or was due last.
    told: Instant,
    /// When the peer's first flight came.
    greeted: Option<Instant>,
    /// The last check that nominated a way, and where it came from.
    nomination: Option<(TransportAddress, Vec<u8>)>,
    /// Datagrams of DTLS that came.
    flights: u64,
    senders: Senders,
    /// Where the last media came from.
    media_from: Option<TransportAddress>,
    /// When the stack was last told that media is a sign of life.
    signed: Option<Instant>,
    /// If it may have any.
    channels: Option<Channels>,
}

impl Connection {
    /// What was negotiated with our `ufrag`; the peer speaks next.
    pub fn new(negotiated: Negotiated, peer: &Transport, rest: Duration, now: Instant) -> Self {
        let Negotiated { stack, session_id, ufrag, .. } = negotiated;
        let state = State::Expected { until: now + CONNECT_DEADLINE };
        Self {
            stack,
            session_id,
            ufrag,
            fingerprints: peer.fingerprints.clone(),
            role: peer.role,
            reach: None,
            confirms: stun::confirms,
            port: None,
            relayed: None,
            state,
            wake_at: None,
            pair: None,
            check: None,
            moved: None,
            present: now,
            rest,
            woken: now,
            joined: now,
            told: now,
            greeted: None,
            nomination: None,
            flights: 0,
            senders: Senders::default(),
            media_from: None,
            signed: None,
            channels: None,
        }
    }

    pub fn session_id(&self) -> &str {
        &self.session_id
    }

    /// Ours, by which the peer addresses its checks.
    pub fn ufrag(&self) -> &str {
        &self.ufrag
    }

    /// Has the way to the peer found anew, by this reduced offer with new credentials of its own. Tells the stack's answer; until the
    /// peer has found it, media goes where it went.
    pub fn restart(&mut self, offer: String, now: Instant) -> Result<String, OfferError> {
        let stack = &mut self.stack;
        let (ufrag, sdp) = guarded(|| restart(stack, offer, now))?;
        (self.ufrag, self.told) = (ufrag, now);
        Ok(sdp)
    }

    /// Ours in the handshake.
    pub fn role(&self) -> DtlsRole {
        self.role
    }

    pub fn state(&self) -> State {
        self.state
    }

    /// Where the peer wants what is not a check.
    pub fn selected(&self) -> Option<TransportAddress> {
        self.moved.or(self.pair.map(|(peer, _)| peer))
    }

    /// How long the handshake has taken, or took if it is over now.
    pub fn handshake(&self, now: Instant) -> Duration {
        self.greeted.map_or(Duration::ZERO, |greeted| now.saturating_duration_since(greeted))
    }

    pub fn wake_at(&self) -> Option<Instant> {
        match self.state {
            State::Expected { until } => Some(self.wake_at.map_or(until, |at| at.min(until))),
            // Until the handshake is over for the peer as well, it may have to be told its end once more: by the server.
            State::Live if self.role == DtlsRole::Server && self.woken < self.joined + HANDSHAKE => {
                self.wake_at
            }
            State::Live => self.wake_at.map(|at| at.max(self.woken + self.rest)),
            State::Gone(_) => None,
        }
    }

    pub fn receive(&mut self, from: TransportAddress, local: SocketAddr, bytes: &[u8], now: Instant) {
        let Some(first) = bytes.first() else { return };
        if self.reach.as_ref().is_some_and(|reach| reach.judge(from.socket).is_err()) {
            return;
        }
        if *first >= FIRST_OF_MEDIA {
            if !self.senders.admit(bytes) {
                return;
            }
            self.media_from = Some(from);
        }
        if let Some(transaction) = stun::transaction(bytes) {
            let moves = self.moves(from, bytes, now);
            self.check = Some(Check { from, transaction, moves });
        }
        if Some(from) == self.selected() {
            self.present = now;
        }
        if DTLS.contains(first) {
            self.greeted.get_or_insert(now);
            self.flights += 1;
            // The stack keeps what it cannot read before the handshake is over.
            if matches!(self.state, State::Expected { .. }) && self.flights > MAX_FLIGHTS {
                return;
            }
        }
        self.hand(from, local, bytes, now);
        self.nominate(from, local, bytes, now);
    }

    /// A check that nominates is answered by the stack once a check back was answered, should it come once more; we are lite, and
    /// it has to be enough that it came (RFC 8445 §7.3.2).
    fn nominate(&mut self, from: TransportAddress, local: SocketAddr, bytes: &[u8], now: Instant) {
        if !matches!(self.state, State::Expected { .. }) || self.selected().is_some() {
            self.nomination = None;
        } else if stun::nominates(bytes) {
            self.nomination = Some((from, bytes.to_vec()));
        } else if stun::answers(bytes)
            && let Some((_, check)) = self.nomination.take_if(|(checked, _)| *checked == from)
        {
            self.hand(from, local, &check, now);
        }
    }

    /// Whether a check says that the peer is there now: it nominates, or where it was is silent for so long that its address was
    /// changed on the way. While it comes in it may nominate several pairs, of which the stack selects the best.
    fn moves(&self, from: TransportAddress, check: &[u8], now: Instant) -> bool {
        let is_in = self.state == State::Live && now >= self.joined + HANDSHAKE;
        let elsewhere = self.selected().is_some_and(|selected| selected != from);
        is_in && elsewhere && (stun::nominates(check) || now >= self.present + DISCONNECTED_AFTER)
    }

    /// What came last of media was genuine. From where the peer is, that is as good a sign of life as a check: not every
    /// stack goes on checking while media flows.
    pub fn heard(&mut self, now: Instant) {
        if self.media_from.is_some() && self.media_from == self.selected() {
            self.sign(now);
        }
    }

    /// Has the stack know that the peer lives, wherever it is.
    fn sign(&mut self, now: Instant) {
        let Some((from, local)) = self.pair else { return };
        if self.signed.is_none_or(|at| now >= at + SIGN_INTERVAL) {
            self.signed = Some(now);
            self.hand(from, local, &SIGN_OF_LIFE, now);
        }
    }

    fn hand(&mut self, from: TransportAddress, local: SocketAddr, bytes: &[u8], now: Instant) {
        let by_relay = matches!(from.through, Some(Through::Relay(_)));
        let local = self.relayed.filter(|_| by_relay).unwrap_or(local);
        self.told = now;
        if matches!(self.state, State::Expected { .. }) {
            self.joined = now;
        }
        let transport = TransportContext {
            local_addr: local,
            peer_addr: from.socket,
            ecn: None,
            transport_protocol: from.protocol,
        };
        let message = BytesMut::from(bytes);
        self.guarded(|stack| stack.handle_read(TaggedBytesMut { now, transport, message }));
    }

    pub fn elapse(&mut self, now: Instant) {
        match self.state {
            State::Expected { until } if until <= now => self.state = State::Gone(Why::NeverCame),
            _ if self.wake_at().is_some_and(|at| at <= now) => {
                (self.woken, self.told) = (now, now);
                self.guarded(|stack| stack.handle_timeout(now));
            }
            _ => {}
        }
    }

    /// Tells the peer that this is the end.
    pub fn close(&mut self, why: Why) {
        self.guarded(RTCPeerConnection::close);
        if !matches!(self.state, State::Gone(_)) {
            self.state = State::Gone(why);
        }
    }

    /// What was agreed cannot be used.
    pub fn fail(&mut self) {
        self.state = State::Gone(Why::Broken);
    }

    /// Takes out everything there is to send, and what became of the peer.
    pub fn drain(&mut self, mut send: impl FnMut(TransportAddress, &[u8])) {
        let before = self.state;
        let mut state = before;
        let mut wake_at = None;
        let (mut pair, mut moved, mut alive) = (self.pair, self.moved, false);
        let (check, mut channels) = (self.check.take(), self.channels.take());
        let fingerprints = std::mem::take(&mut self.fingerprints);
        let (role, told, port, relayed, mut begun) = (self.role, self.told, self.port, self.relayed, Ok(()));
        let through = |local| port.map(if relayed == Some(local) { Through::Relay } else { Through::Port });
        self.guarded(|stack| {
            // Handling events makes packets, so the order is packets, events, packets.
            for _ in 0..2 {
                while let Some(packet) = stack.poll_write() {
                    let TransportContext { local_addr, peer_addr, transport_protocol, .. } = packet.transport;
                    let mut to =
                        TransportAddress::new(peer_addr, transport_protocol).through(through(local_addr));
                    let bytes = &packet.message;
                    if bytes.first().is_some_and(|first| *first > LAST_OF_CHECKS) {
                        pair = Some((to, local_addr));
                        to = moved.unwrap_or(to);
                    } else if let Some(check) = check.as_ref().filter(|check| check.is_confirmed(to, bytes)) {
                        moved = if check.moves { Some(to) } else { moved };
                        alive = moved == Some(to);
                    }
                    send(to, bytes);
                }
                while let Some(event) = stack.poll_event() {
                    if role == DtlsRole::Client && has_pair(&event) {
                        // The stack has written our hello, and keeps it until it is woken.
                        begun = stack.handle_timeout(told);
                    }
                    state = after(state, &event);
                    if let Some(channels) = &mut channels {
                        channels.note(stack, &event, told);
                    }
                }
                // What is wanted of media was seen by a tap; left alone, it would pile up.
                while let Some(read) = stack.poll_read() {
                    if let Some(channels) = &mut channels {
                        channels.hear(read.message);
                    }
                }
            }
            if state == State::Live && before != State::Live && !is_known(stack, &fingerprints) {
                tracing::info!("a peer has none of the certificates that it named");
                state = State::Gone(Why::NeverCame);
            }
            if state == State::Live && is_closed(stack) {
                state = State::Gone(Why::Closed);
            }
            wake_at = stack.poll_timeout();
            begun
        });
        (self.fingerprints, self.pair, self.moved) = (fingerprints, pair, moved);
        self.channels = channels;
        if self.state != State::Gone(Why::Broken) {
            (self.state, self.wake_at) = (state, wake_at);
        }
        if alive {
            self.sign(told);
        }
    }

    /// Works on the stack, unless it is broken, and survives if that breaks it.
    pub fn guarded(&mut self, work: impl FnOnce(&mut RTCPeerConnection) -> Result<(), Error>) {
        if self.state == State::Gone(Why::Broken) {
            return;
        }
        match catch_unwind(AssertUnwindSafe(|| work(&mut self.stack))) {
            Ok(Ok(())) => {}
            // A datagram that could not be read, most of the time: its sender repeats it or gives up.
            Ok(Err(error)) => tracing::debug!(%error, "a connection reported an error"),
            Err(_) => self.state = State::Gone(Why::Broken),
        }
    }
}

/// Runs a negotiation, and survives if it breaks the stack.
pub(super) fn guarded<T>(negotiate: impl FnOnce() -> Result<T, Error>) -> Result<T, OfferError> {
    catch_unwind(AssertUnwindSafe(negotiate))
        .map_err(|_| OfferError::Unanswerable("it broke the negotiation".into()))?
        .map_err(|error| OfferError::Unanswerable(error.to_string()))
}
