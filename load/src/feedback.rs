//! What a viewer tells the sender about one stream: reports (RFC 3550 §6.4.2), and what it misses (RFC 4585).

use std::time::{Duration, Instant};

use rtc::rtcp;
use rtc::rtcp::payload_feedbacks::picture_loss_indication::PictureLossIndication;
use rtc::rtcp::reception_report::ReceptionReport;
use rtc::rtcp::transport_feedbacks::transport_layer_nack::{
    TransportLayerNack, nack_pairs_from_sequence_numbers,
};

use crate::rtp::{Header, Kind};
use crate::sequence::{Arrival, Sequence};

pub type Rtcp = Box<dyn rtcp::Packet + Send + Sync>;

/// RFC 3550 §6.4.1: of the reports' fields that count in 2^-16 seconds.
const UNITS_A_SECOND: f64 = 65_536.0;

/// One stream, as it arrives.
#[derive(Debug)]
pub struct Reception {
    pub kind: Kind,
    pub sequence: Sequence,
    ssrc: u32,
    jitter: f64,
    transit: Option<f64>,
    start: Instant,
    reported: Reported,
    sender: Option<(u32, Instant)>,
}

/// As of the last report.
#[derive(Clone, Copy, Debug, Default)]
struct Reported {
    expected: u64,
    received: u64,
}

impl Reception {
    pub fn new(kind: Kind, ssrc: u32, now: Instant) -> Self {
        Self {
            kind,
            sequence: Sequence::default(),
            ssrc,
            jitter: 0.0,
            transit: None,
            start: now,
            reported: Reported::default(),
            sender: None,
        }
    }

    pub fn ssrc(&self) -> u32 {
        self.ssrc
    }

    pub fn take(&mut self, header: &Header, now: Instant) -> (u64, Arrival) {
        self.spread(header.timestamp, now);
        self.sequence.take(header.sequence, now)
    }

    /// RFC 3550 §A.8.
    fn spread(&mut self, timestamp: u32, now: Instant) {
        let arrived = now.duration_since(self.start).as_secs_f64() * f64::from(self.kind.clock_hz());
        let transit = arrived - f64::from(timestamp);
        if let Some(last) = self.transit.replace(transit) {
            let wrap = f64::from(u32::MAX) + 1.0;
            let apart = (transit - last).abs().rem_euclid(wrap);
            self.jitter += (apart.min(wrap - apart) - self.jitter) / 16.0;
        }
    }

    /// The sender reported; `ntp` is its time of that.
    pub fn heard(&mut self, ntp: u64, now: Instant) {
        self.sender = Some(((ntp >> 16) as u32, now));
    }

    /// RFC 3550 §A.3.
    pub fn report(&mut self, now: Instant) -> Option<ReceptionReport> {
        let (expected, received) = (self.sequence.expected(), self.sequence.unique());
        let came = received.saturating_sub(self.reported.received);
        let should = expected.saturating_sub(self.reported.expected);
        self.reported = Reported { expected, received };
        let fraction_lost =
            should.saturating_sub(came).saturating_mul(256).checked_div(should).unwrap_or(0).min(255) as u8;
        let (last_sender_report, delay) =
            self.sender.map_or((0, 0), |(at, heard)| (at, units(now.duration_since(heard))));
        Some(ReceptionReport {
            ssrc: self.ssrc,
            fraction_lost,
            // 24 bits.
            total_lost: expected.saturating_sub(received).min(0x7f_ffff) as u32,
            last_sequence_number: self.sequence.newest()?,
            jitter: self.jitter as u32,
            last_sender_report,
            delay,
        })
    }

    /// Asks for what is missing; none: nothing is to be asked for now.
    pub fn ask(&mut self, own: u32, now: Instant) -> Option<(Rtcp, usize)> {
        let missing = self.sequence.ask(now);
        let nacks = nack_pairs_from_sequence_numbers(&missing);
        let nack = TransportLayerNack { sender_ssrc: own, media_ssrc: self.ssrc, nacks };
        (!missing.is_empty()).then(|| (Box::new(nack) as Rtcp, missing.len()))
    }

    /// RFC 4585 §6.3.1.
    pub fn refresh(&self, own: u32) -> Rtcp {
        Box::new(PictureLossIndication { sender_ssrc: own, media_ssrc: self.ssrc })
    }
}

fn units(time: Duration) -> u32 {
    (time.as_secs_f64() * UNITS_A_SECOND) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(sequence: u16, timestamp: u32) -> Header {
        Header { marker: false, payload_type: 102, sequence, timestamp, ssrc: 5 }
    }

    #[test]
    fn a_report_tells_losses_since_the_last_one() {
        let now = Instant::now();
        let mut reception = Reception::new(Kind::Video, 5, now);
        for number in [1, 2, 4] {
            reception.take(&header(number, 0), now);
        }
        let first = reception.report(now).expect("something arrived");
        assert_eq!((first.fraction_lost, first.total_lost), (64, 1));
        assert_eq!(first.last_sequence_number, 4);
        reception.take(&header(5, 0), now);
        let second = reception.report(now).expect("something arrived");
        assert_eq!((second.fraction_lost, second.total_lost), (0, 1));
    }

    #[test]
    fn a_report_says_how_long_ago_the_senders_was() {
        let now = Instant::now();
        let mut reception = Reception::new(Kind::Video, 5, now);
        reception.take(&header(1, 0), now);
        reception.heard(0x0011_2233_4455_6677, now);
        let report = reception.report(now + Duration::from_millis(500)).expect("something arrived");
        assert_eq!((report.last_sender_report, report.delay), (0x2233_4455, 32_768));
    }

    #[test]
    fn a_steady_stream_has_no_jitter_also_over_the_wrap_of_its_time() {
        let start = Instant::now();
        let mut reception = Reception::new(Kind::Video, 5, start);
        for frame in 0..60_u16 {
            let timestamp = u32::MAX.wrapping_add(u32::from(frame) * 3000).wrapping_sub(30_000);
            let at = start + Duration::from_nanos(u64::from(frame) * 33_333_333);
            reception.take(&header(frame, timestamp), at);
        }
        assert!(reception.jitter < 1.0, "{}", reception.jitter);
    }

    #[test]
    fn nothing_is_reported_of_a_stream_without_packets() {
        let now = Instant::now();
        assert_eq!(Reception::new(Kind::Audio, 5, now).report(now), None);
    }
}
