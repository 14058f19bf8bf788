//! What viewers say about what they received.

use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::Mutex;
use rtc::interceptor::Packet;
use rtc::rtcp;
use rtc::rtcp::payload_feedbacks::full_intra_request::FullIntraRequest;
use rtc::rtcp::payload_feedbacks::picture_loss_indication::PictureLossIndication;
use rtc::rtcp::payload_feedbacks::receiver_estimated_maximum_bitrate::ReceiverEstimatedMaximumBitrate;
use rtc::rtcp::receiver_report::ReceiverReport;
use rtc::rtcp::reception_report::ReceptionReport;
use rtc::rtcp::sender_report::SenderReport;
use rtc::rtcp::transport_feedbacks::transport_layer_nack::{NackPair, TransportLayerNack};
use understudy_core::fanout::estimate::Report;

/// Between two looks. Whoever lost more than a keyframe is better helped by another.
const MOST: usize = 256;
/// Between two looks: one of each stream, and some to spare.
const MOST_REPORTS: usize = 8;

/// Written inside the stack, read by the driver after each datagram.
#[derive(Default)]
pub(super) struct Feedback {
    heard: AtomicBool,
    picture_lost: AtomicBool,
    missing: Mutex<Vec<Missing>>,
    reports: Mutex<Reports>,
}

/// What a viewer said of its network.
#[derive(Default)]
pub(super) struct Reports {
    /// By the SSRC of the stream.
    pub streams: Vec<(u32, Report)>,
    /// Its own estimate, in bits a second.
    pub maximum: Option<f64>,
}

/// A packet that was asked for again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Missing {
    pub ssrc: u32,
    pub sequence: u16,
}

impl Feedback {
    /// Whether it said anything since the last call. What arrives here was authenticated (RFC 3711 §3.4).
    pub fn take_heard(&self) -> bool {
        self.heard.swap(false, Ordering::Relaxed)
    }

    pub fn take_picture_lost(&self) -> bool {
        self.picture_lost.swap(false, Ordering::Relaxed)
    }

    /// Packets asked for again since the last call.
    pub fn take_missing(&self) -> Vec<Missing> {
        std::mem::take(&mut *self.missing.lock())
    }

    /// What it said of its network since the last call.
    pub fn take_reports(&self) -> Reports {
        std::mem::take(&mut *self.reports.lock())
    }

    pub fn see(&self, packet: &Packet) {
        if let Packet::Rtcp(packets) = packet {
            self.heard.store(true, Ordering::Relaxed);
            packets.iter().for_each(|packet| self.note(packet.as_ref()));
        }
    }

    fn note(&self, packet: &dyn rtcp::Packet) {
        let packet = packet.as_any();
        if packet.is::<PictureLossIndication>() || packet.is::<FullIntraRequest>() {
            self.picture_lost.store(true, Ordering::Relaxed);
        }
        if let Some(nack) = packet.downcast_ref::<TransportLayerNack>() {
            let mut missing = self.missing.lock();
            let numbers = nack.nacks.iter().flat_map(NackPair::packet_list);
            let room = MOST.saturating_sub(missing.len());
            missing.extend(numbers.take(room).map(|sequence| Missing { ssrc: nack.media_ssrc, sequence }));
        }
        if let Some(ReceiverEstimatedMaximumBitrate { bitrate, .. }) = packet.downcast_ref() {
            self.reports.lock().maximum = Some(f64::from(*bitrate));
        }
        // Who sends too reports within its own (RFC 3550 §6.4.1).
        let receiver = packet.downcast_ref().map(|report: &ReceiverReport| &report.reports);
        if let Some(streams) =
            receiver.or_else(|| packet.downcast_ref().map(|report: &SenderReport| &report.reports))
        {
            let mut reports = self.reports.lock();
            let room = MOST_REPORTS.saturating_sub(reports.streams.len());
            reports.streams.extend(streams.iter().take(room).map(|stream| (stream.ssrc, read(stream))));
        }
    }
}

const fn read(report: &ReceptionReport) -> Report {
    Report {
        newest: report.last_sequence_number as u16,
        lost: report.total_lost,
        last_sender_report: report.last_sender_report,
        delay: report.delay,
    }
}
