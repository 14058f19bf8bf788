//! What comes from a peer that sends: it goes to a sink, and whole pictures are asked for.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::{BufMut, Bytes, BytesMut};
use rtc::peer_connection::message::{RTCMessage, TaggedRTCMessage};
use rtc::rtcp::payload_feedbacks::full_intra_request::{FirEntry, FullIntraRequest};
use rtc::rtcp::payload_feedbacks::picture_loss_indication::PictureLossIndication;
use rtc::sansio::Protocol;
use rtc::{rtcp, rtp};
use understudy_core::fanout::clock::Moment;
use understudy_core::fanout::keyframe::{Due, Need, Requests};
use understudy_core::media::Kind;
use understudy_core::offer::{Format, Refresh};

use super::arrivals::Arrivals;
use super::connection::{Connection, State};
use super::{Packet, Report, Sink, Taken};

/// A second stream of a kind is taken only after the first was silent for this long: a few frames at any rate.
const STREAM_SILENCE: Duration = Duration::from_millis(500);
/// Reports that wait for the first packet of their stream, which the very first may come ahead of.
const EARLY_REPORTS: usize = 4;
/// RFC 3550 §5.1, without contributors and extensions.
const HEADER_BYTES: usize = 12;
const VERSION: u8 = 0x80;
const MARKER: u8 = 0x80;

pub(super) struct Intake {
    arrivals: Arc<Arrivals>,
    formats: Vec<Arc<Format>>,
    video: Stream,
    audio: Stream,
    /// Of streams of which nothing came yet, by SSRC, the newest last.
    early: Vec<(u32, Moment)>,
    keyframes: Requests,
    /// RFC 5104 §4.3.1.1: rises with each command.
    commands: u8,
    sink: Box<dyn Sink>,
}

/// The stream that is taken of a kind.
#[derive(Default)]
struct Stream(Option<Current>);

struct Current {
    ssrc: u32,
    refresh: Refresh,
    last: Instant,
}

/// What came of a turn.
#[derive(Default)]
pub(super) struct Delivery {
    pub taken: u64,
    /// Nobody wants them, or they are of no stream that was offered.
    pub unwanted: u64,
    /// There was no room.
    pub dropped: u64,
    /// Pictures asked for.
    pub refreshed: u64,
}

impl Intake {
    /// Of what may come in these formats.
    pub fn new(formats: Vec<Format>, arrivals: Arc<Arrivals>, sink: Box<dyn Sink>) -> Self {
        Self {
            arrivals,
            formats: formats.into_iter().map(Arc::new).collect(),
            video: Stream::default(),
            audio: Stream::default(),
            early: Vec::new(),
            keyframes: Requests::default(),
            commands: 0,
            sink,
        }
    }

    /// When it has something to do although nothing arrives.
    pub fn wake_at(&self, connection: &Connection, now: Instant) -> Option<Instant> {
        match self.keyframes.due(now) {
            Due::At(at) if connection.state() == State::Live => Some(at),
            _ => None,
        }
    }

    /// Wishes for a whole picture; wishes are merged and spaced.
    pub fn refresh(&mut self, need: Need) {
        self.keyframes.want(need);
    }

    /// Passes on what arrived, and asks for a picture if one is due.
    pub fn deliver(&mut self, connection: &mut Connection, now: Instant) -> Delivery {
        let mut delivery = Delivery::default();
        let arrived = self.arrivals.take();
        if !arrived.is_empty() {
            connection.heard(now);
        }
        for packet in arrived {
            match self.pass(packet, now) {
                Taken::Yes => delivery.taken += 1,
                Taken::Unwanted => delivery.unwanted += 1,
                Taken::Full => {
                    delivery.dropped += 1;
                    self.keyframes.want(Need::Repair);
                }
            }
        }
        self.pass_reports();
        let is_due = connection.state() == State::Live && self.keyframes.due(now) == Due::Now;
        if is_due && self.ask(connection, now) {
            self.keyframes.issued(now);
            delivery.refreshed = 1;
        }
        delivery
    }

    fn pass(&mut self, packet: rtp::Packet, now: Instant) -> Taken {
        let number = packet.header.payload_type;
        let Some(format) = self.formats.iter().find(|format| format.payload_type == number) else {
            return Taken::Unwanted;
        };
        let stream = match format.encoding.kind() {
            Kind::Video => &mut self.video,
            Kind::Audio => &mut self.audio,
        };
        let ssrc = packet.header.ssrc;
        if !stream.admits(ssrc, format.refresh, now) {
            return Taken::Unwanted;
        }
        let (format, timestamp) = (Arc::clone(format), packet.header.timestamp);
        self.sink.take(Packet { format, ssrc, timestamp, arrived: now, bytes: plain(&packet) })
    }

    /// Those of the streams that are taken.
    fn pass_reports(&mut self) {
        self.early.extend(self.arrivals.take_reports());
        let streams = [(Kind::Video, &self.video), (Kind::Audio, &self.audio)];
        let taken = |ssrc| streams.iter().find_map(|(kind, stream)| stream.is(ssrc).then_some(*kind));
        self.early.retain(|(ssrc, moment)| {
            let kind = taken(*ssrc);
            if let Some(kind) = kind {
                self.sink.report(Report { kind, ssrc: *ssrc, moment: *moment });
            }
            kind.is_none()
        });
        let superfluous = self.early.len().saturating_sub(EARLY_REPORTS);
        self.early.drain(..superfluous);
    }

    /// False: there is no picture yet that could be renewed. The first that comes is whole anyway.
    fn ask(&mut self, connection: &mut Connection, now: Instant) -> bool {
        let Some(Current { ssrc, refresh, .. }) = self.video.0 else { return false };
        let request: Box<dyn rtcp::Packet> = match refresh {
            Refresh::PictureLoss => Box::new(PictureLossIndication { sender_ssrc: 0, media_ssrc: ssrc }),
            Refresh::FullIntra => {
                self.commands = self.commands.wrapping_add(1);
                let fir = vec![FirEntry { ssrc, sequence_number: self.commands }];
                Box::new(FullIntraRequest { sender_ssrc: 0, media_ssrc: ssrc, fir })
            }
        };
        let message = RTCMessage::RtcpPacket(String::new(), vec![request]);
        connection.guarded(|stack| stack.handle_write(TaggedRTCMessage { now, message }));
        true
    }
}

impl Stream {
    fn admits(&mut self, ssrc: u32, refresh: Refresh, now: Instant) -> bool {
        let other = self.0.as_ref().filter(|current| current.ssrc != ssrc);
        if other.is_some_and(|current| now < current.last + STREAM_SILENCE) {
            return false;
        }
        self.0 = Some(Current { ssrc, refresh, last: now });
        true
    }

    fn is(&self, ssrc: u32) -> bool {
        self.0.as_ref().is_some_and(|current| current.ssrc == ssrc)
    }
}

/// The packet without what belonged to its journey.
fn plain(packet: &rtp::Packet) -> Bytes {
    let header = &packet.header;
    let mut bytes = BytesMut::with_capacity(HEADER_BYTES + packet.payload.len());
    bytes.put_u8(VERSION);
    bytes.put_u8(if header.marker { MARKER } else { 0 } | (header.payload_type & !MARKER));
    bytes.put_u16(header.sequence_number);
    bytes.put_u32(header.timestamp);
    bytes.put_u32(header.ssrc);
    bytes.put_slice(&packet.payload);
    bytes.freeze()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_stream_of_a_kind_waits_until_the_first_is_silent() {
        let mut stream = Stream::default();
        let start = Instant::now();
        let mut admits = |ssrc, after| stream.admits(ssrc, Refresh::PictureLoss, start + after);
        assert!(admits(1, Duration::ZERO));
        assert!(!admits(2, STREAM_SILENCE / 2));
        assert!(admits(1, STREAM_SILENCE / 2));
        assert!(!admits(2, STREAM_SILENCE));
        assert!(admits(2, STREAM_SILENCE * 2));
        assert!(!admits(1, STREAM_SILENCE * 2));
    }
}
