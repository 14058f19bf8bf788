//! One viewer.
//!
//! ```text
//!   Expected{until} ── DTLS up ──> Live ── silent, closed, broken ──> Gone(why)
//!         └───────────── until passed ──────────────────────────────────^
//! ```
//! What a stranger sends runs through a large stack. Should it panic there, that viewer is gone and no other.

use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use rtc::peer_connection::RTCPeerConnection;
use rtc::peer_connection::event::RTCPeerConnectionEvent;
use rtc::peer_connection::message::{RTCMessage, TaggedRTCMessage};
use rtc::peer_connection::state::RTCPeerConnectionState;
use rtc::peer_connection::transport::RTCDtlsTransportState;
use rtc::rtcp::sender_report::SenderReport;
use rtc::rtp;
use rtc::sansio::Protocol;
use rtc::shared::{TaggedBytesMut, TransportContext, TransportProtocol};
use understudy_core::fanout::clock::Anchor;
use understudy_core::fanout::gate::{Gate, Sequence, Verdict};
use understudy_core::media::Kind;
use understudy_core::offer::Offer;
use uuid::Uuid;

use super::cut::Cut;
use super::feedback::Feedback;
use super::metrics::Why;
use super::negotiate::{Negotiated, Sending, negotiate};
use super::{Answer, OfferError};

/// From the answer to the end of the handshake: a viewer on a bad network tries for about as long.
const CONNECT_DEADLINE: Duration = Duration::from_secs(20);
/// RFC 3550 §6.2 allows five seconds; players align picture and sound only after the first two.
const REPORT_INTERVAL: Duration = Duration::from_secs(1);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    Expected { until: Instant },
    Live,
    Gone(Why),
}

pub(super) struct Peer {
    connection: RTCPeerConnection,
    session_id: String,
    ufrag: String,
    viewer_ufrag: String,
    feedback: Arc<Feedback>,
    video: Option<Stream>,
    audio: Option<Stream>,
    gate: Gate,
    state: State,
    wake_at: Option<Instant>,
    report_at: Instant,
}

struct Stream {
    sending: Sending,
    sequence: Sequence,
    packets: u32,
    octets: u32,
}

impl Peer {
    /// Reads nothing but the offer; the viewer speaks next, over UDP.
    pub fn answer(offer: &Offer, announced: &[SocketAddr]) -> Result<(Self, Answer), OfferError> {
        let now = Instant::now();
        let negotiated = catch_unwind(AssertUnwindSafe(|| negotiate(offer, announced, now)))
            .map_err(|_| OfferError::Unanswerable("it broke the negotiation".into()))?
            .map_err(|error| OfferError::Unanswerable(error.to_string()))?;
        let Negotiated { connection, ufrag, sdp, feedback, video, audio } = negotiated;
        let session_id = Uuid::new_v4().simple().to_string();
        let answer = Answer { session_id: session_id.clone(), sdp };
        let peer = Self {
            connection,
            session_id,
            ufrag,
            viewer_ufrag: offer.ufrag.clone(),
            feedback,
            video: video.map(Stream::new),
            audio: audio.map(Stream::new),
            gate: Gate::default(),
            state: State::Expected { until: now + CONNECT_DEADLINE },
            wake_at: None,
            report_at: now,
        };
        Ok((peer, answer))
    }

    pub fn session_id(&self) -> &str {
        &self.session_id
    }

    pub fn ufrag(&self) -> &str {
        &self.ufrag
    }

    pub fn viewer_ufrag(&self) -> &str {
        &self.viewer_ufrag
    }

    pub fn state(&self) -> State {
        self.state
    }

    pub fn feedback(&self) -> &Feedback {
        &self.feedback
    }

    pub fn wake_at(&self) -> Option<Instant> {
        match self.state {
            State::Expected { until } => Some(self.wake_at.map_or(until, |at| at.min(until))),
            State::Live => self.wake_at,
            State::Gone(_) => None,
        }
    }

    pub fn receive(&mut self, from: SocketAddr, local: SocketAddr, bytes: &[u8], now: Instant) {
        let transport = TransportContext {
            local_addr: local,
            peer_addr: from,
            ecn: None,
            transport_protocol: TransportProtocol::UDP,
        };
        let message = BytesMut::from(bytes);
        self.guarded(|peer| peer.connection.handle_read(TaggedBytesMut { now, transport, message }));
    }

    pub fn elapse(&mut self, now: Instant) {
        match self.state {
            State::Expected { until } if until <= now => self.state = State::Gone(Why::NeverCame),
            _ if self.wake_at.is_some_and(|at| at <= now) => {
                self.guarded(|peer| peer.connection.handle_timeout(now));
            }
            _ => {}
        }
    }

    /// Sends a frame if this viewer can use it.
    pub fn show(&mut self, cut: &Cut, anchor: &Anchor, now: Instant) {
        if self.state != State::Live || self.gate.admit(&cut.frame) == Verdict::Skip {
            return;
        }
        self.guarded(|peer| {
            let last = cut.payloads.len().saturating_sub(1);
            for (index, payload) in cut.payloads.iter().enumerate() {
                let marker = index == last && cut.frame.kind == Kind::Video;
                peer.write(cut, payload.clone(), marker, now)?;
            }
            if peer.report_at <= now {
                peer.report_at = now + REPORT_INTERVAL;
                peer.report(anchor, now)?;
            }
            Ok(())
        });
    }

    /// Tells the viewer that this is the end.
    pub fn close(&mut self, why: Why) {
        self.guarded(|peer| peer.connection.close());
        if !matches!(self.state, State::Gone(_)) {
            self.state = State::Gone(why);
        }
    }

    /// Takes out everything there is to send, and what became of the viewer.
    pub fn drain(&mut self, mut send: impl FnMut(SocketAddr, &[u8])) {
        self.guarded(|peer| {
            // Handling events makes packets, so the order is packets, events, packets.
            for _ in 0..2 {
                while let Some(packet) = peer.connection.poll_write() {
                    send(packet.transport.peer_addr, &packet.message);
                }
                while let Some(event) = peer.connection.poll_event() {
                    peer.on(&event);
                }
                // Viewers send nothing that we want; left alone, it would pile up.
                while peer.connection.poll_read().is_some() {}
            }
            peer.note_closed();
            peer.wake_at = peer.connection.poll_timeout();
            Ok(())
        });
    }

    fn on(&mut self, event: &RTCPeerConnectionEvent) {
        let RTCPeerConnectionEvent::OnConnectionStateChangeEvent(connection) = event else { return };
        self.state = match (self.state, connection) {
            (State::Expected { .. }, RTCPeerConnectionState::Connected) => State::Live,
            (State::Expected { .. } | State::Live, RTCPeerConnectionState::Failed) => {
                State::Gone(Why::Silent)
            }
            (State::Expected { .. } | State::Live, RTCPeerConnectionState::Closed) => {
                State::Gone(Why::Closed)
            }
            (state, _) => state,
        };
    }

    /// The stack calls a connection alive as long as ICE is, whatever became of DTLS.
    fn note_closed(&mut self) {
        let Some(stream) = self.video.as_ref().or(self.audio.as_ref()) else { return };
        let sender = self.connection.rtp_sender(stream.sending.sender);
        let closed = sender.is_some_and(|sender| {
            sender.transport().is_some_and(|transport| transport.state() == RTCDtlsTransportState::Closed)
        });
        if closed && self.state == State::Live {
            self.state = State::Gone(Why::Closed);
        }
    }

    fn write(
        &mut self,
        cut: &Cut,
        payload: Bytes,
        marker: bool,
        now: Instant,
    ) -> Result<(), rtc::shared::error::Error> {
        let stream = match cut.frame.kind {
            Kind::Video => &mut self.video,
            Kind::Audio => &mut self.audio,
        };
        let Some(stream) = stream else { return Ok(()) };
        stream.packets = stream.packets.wrapping_add(1);
        stream.octets = stream.octets.wrapping_add(payload.len() as u32);
        let header = rtp::Header {
            version: 2,
            marker,
            payload_type: stream.sending.payload_type,
            sequence_number: stream.sequence.take(),
            timestamp: cut.timestamp,
            ssrc: stream.sending.ssrc,
            ..Default::default()
        };
        let message = RTCMessage::RtpPacket(stream.sending.track.clone(), rtp::Packet { header, payload });
        self.connection.handle_write(TaggedRTCMessage { now, message })
    }

    fn report(&mut self, anchor: &Anchor, now: Instant) -> Result<(), rtc::shared::error::Error> {
        for (kind, stream) in [(Kind::Video, &self.video), (Kind::Audio, &self.audio)] {
            let Some(stream) = stream.as_ref().filter(|stream| stream.packets > 0) else { continue };
            let moment = anchor.moment(kind, now, 0);
            let report = SenderReport {
                ssrc: stream.sending.ssrc,
                ntp_time: moment.ntp,
                rtp_time: moment.rtp,
                packet_count: stream.packets,
                octet_count: stream.octets,
                ..Default::default()
            };
            let message = RTCMessage::RtcpPacket(stream.sending.track.clone(), vec![Box::new(report)]);
            self.connection.handle_write(TaggedRTCMessage { now, message })?;
        }
        Ok(())
    }

    fn guarded(&mut self, work: impl FnOnce(&mut Self) -> Result<(), rtc::shared::error::Error>) {
        if self.state == State::Gone(Why::Broken) {
            return;
        }
        match catch_unwind(AssertUnwindSafe(|| work(self))) {
            Ok(Ok(())) => {}
            // A datagram that could not be read, most of the time: its sender repeats it or gives up.
            Ok(Err(error)) => tracing::debug!(%error, "a viewer's connection reported an error"),
            Err(_) => self.state = State::Gone(Why::Broken),
        }
    }
}

impl Stream {
    fn new(sending: Sending) -> Self {
        Self { sending, sequence: Sequence::starting_near(rand::random()), packets: 0, octets: 0 }
    }
}
