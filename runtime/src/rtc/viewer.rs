//! One viewer: frames of a hub go to it from the first keyframe on.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use rtc::peer_connection::RTCPeerConnection;
use rtc::peer_connection::message::{RTCMessage, TaggedRTCMessage};
use rtc::rtcp::sender_report::SenderReport;
use rtc::rtp;
use rtc::sansio::Protocol;
use rtc::shared::error::Error;
use understudy_core::fanout::clock::Anchor;
use understudy_core::fanout::gate::{Gate, Sequence, Verdict};
use understudy_core::media::Kind;
use understudy_core::offer::Offer;

use super::connection::{Connection, State, guarded};
use super::cut::Cut;
use super::feedback::Feedback;
use super::negotiate::{Sending, to_viewer};
use super::{Answer, OfferError};
use crate::seats::Seat;

/// RFC 3550 §6.2 allows five seconds; players align picture and sound only after the first two.
const REPORT_INTERVAL: Duration = Duration::from_secs(1);

pub(super) struct Viewer {
    pub connection: Connection,
    /// Free again when the viewer is gone.
    _seat: Seat,
    ufrag: String,
    feedback: Arc<Feedback>,
    streams: Streams,
    gate: Gate,
    report_at: Instant,
}

struct Streams {
    video: Option<Stream>,
    audio: Option<Stream>,
}

struct Stream {
    sending: Sending,
    sequence: Sequence,
    packets: u32,
    octets: u32,
}

impl Viewer {
    /// Reads nothing but the offer; the viewer speaks next, over UDP.
    pub fn answer(offer: &Offer, announced: &[SocketAddr], seat: Seat) -> Result<(Self, Answer), OfferError> {
        let now = Instant::now();
        let feedback = Arc::new(Feedback::default());
        let (negotiated, sendings) = guarded(|| to_viewer(offer, announced, Arc::clone(&feedback), now))?;
        let sdp = offer.answer(&negotiated.sdp).map_err(OfferError::broken)?;
        let connection = Connection::new(negotiated, offer.fingerprints.clone(), now);
        let answer = Answer::new(&connection, sdp);
        let streams =
            Streams { video: sendings.video.map(Stream::new), audio: sendings.audio.map(Stream::new) };
        let ufrag = offer.ufrag.clone();
        let gate = Gate::default();
        let viewer = Self { connection, _seat: seat, ufrag, feedback, streams, gate, report_at: now };
        Ok((viewer, answer))
    }

    /// The ICE user fragment that the viewer gave.
    pub fn ufrag(&self) -> &str {
        &self.ufrag
    }

    pub fn feedback(&self) -> &Feedback {
        &self.feedback
    }

    /// Sends a frame if this viewer can use it.
    pub fn show(&mut self, cut: &Cut, anchor: &Anchor, now: Instant) {
        if self.connection.state() != State::Live || self.gate.admit(&cut.frame) == Verdict::Skip {
            return;
        }
        let Self { connection, streams, report_at, .. } = self;
        connection.guarded(|stack| {
            streams.write(stack, cut, now)?;
            if *report_at <= now {
                *report_at = now + REPORT_INTERVAL;
                streams.report(stack, anchor, now)?;
            }
            Ok(())
        });
    }
}

impl Streams {
    fn write(&mut self, stack: &mut RTCPeerConnection, cut: &Cut, now: Instant) -> Result<(), Error> {
        let stream = match cut.frame.kind {
            Kind::Video => &mut self.video,
            Kind::Audio => &mut self.audio,
        };
        let Some(stream) = stream else { return Ok(()) };
        let last = cut.payloads.len().saturating_sub(1);
        for (index, payload) in cut.payloads.iter().enumerate() {
            let marker = index == last && cut.frame.kind == Kind::Video;
            let packet = rtp::Packet {
                header: rtp::Header { marker, ..stream.header(payload, cut.timestamp) },
                payload: payload.clone(),
            };
            let message = RTCMessage::RtpPacket(stream.sending.track.clone(), packet);
            stack.handle_write(TaggedRTCMessage { now, message })?;
        }
        Ok(())
    }

    fn report(&self, stack: &mut RTCPeerConnection, anchor: &Anchor, now: Instant) -> Result<(), Error> {
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
            stack.handle_write(TaggedRTCMessage { now, message })?;
        }
        Ok(())
    }
}

impl Stream {
    fn new(sending: Sending) -> Self {
        Self { sending, sequence: Sequence::starting_near(rand::random()), packets: 0, octets: 0 }
    }

    /// Of the next packet, which is counted.
    fn header(&mut self, payload: &Bytes, timestamp: u32) -> rtp::Header {
        self.packets = self.packets.wrapping_add(1);
        self.octets = self.octets.wrapping_add(payload.len() as u32);
        rtp::Header {
            version: 2,
            payload_type: self.sending.payload_type,
            sequence_number: self.sequence.take(),
            timestamp,
            ssrc: self.sending.ssrc,
            ..Default::default()
        }
    }
}
