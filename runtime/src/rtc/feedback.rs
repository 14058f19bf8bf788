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
use rtc::rtcp::transport_feedbacks::transport_layer_cc::{
    PacketStatusChunk, SymbolTypeTcc, TransportLayerCc,
};
use rtc::rtcp::transport_feedbacks::transport_layer_nack::{NackPair, TransportLayerNack};
use understudy_core::fanout::estimate::Report;
use understudy_core::fanout::receipt::Came;

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
    /// What it says of each packet.
    pub came: Vec<Came>,
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
        if let Some(came) = packet.downcast_ref().and_then(came) {
            let mut reports = self.reports.lock();
            if reports.came.len() < MOST_REPORTS {
                reports.came.push(came);
            }
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

/// What it says that came. None: nothing.
fn came(told: &TransportLayerCc) -> Option<Came> {
    let (mut place, mut packets, mut newest) = (0, 0, None);
    let chunks = told.packet_chunks.iter().flat_map(|chunk| match chunk {
        PacketStatusChunk::RunLengthChunk(run) => vec![(run.packet_status_symbol, run.run_length)],
        PacketStatusChunk::StatusVectorChunk(each) => each.symbol_list.iter().map(|one| (*one, 1)).collect(),
    });
    for (symbol, length) in chunks {
        // The last chunk is filled up.
        let length = length.min(told.packet_status_count - place);
        place += length;
        let is_here = matches!(
            symbol,
            SymbolTypeTcc::PacketReceivedSmallDelta | SymbolTypeTcc::PacketReceivedLargeDelta
        );
        if is_here && length > 0 {
            packets += u32::from(length);
            newest = Some(told.base_sequence_number.wrapping_add(place - 1));
        }
    }
    newest.map(|newest| Came { newest, packets })
}

const fn read(report: &ReceptionReport) -> Report {
    Report {
        newest: report.last_sequence_number as u16,
        lost: report.total_lost,
        last_sender_report: report.last_sender_report,
        delay: report.delay,
    }
}

#[cfg(test)]
mod tests {
    use rtc::rtcp::transport_feedbacks::transport_layer_cc::{RunLengthChunk, StatusVectorChunk};

    use super::*;

    const HERE: SymbolTypeTcc = SymbolTypeTcc::PacketReceivedSmallDelta;
    const LATER: SymbolTypeTcc = SymbolTypeTcc::PacketReceivedLargeDelta;
    const GONE: SymbolTypeTcc = SymbolTypeTcc::PacketNotReceived;

    fn run(packet_status_symbol: SymbolTypeTcc, run_length: u16) -> PacketStatusChunk {
        PacketStatusChunk::RunLengthChunk(RunLengthChunk {
            packet_status_symbol,
            run_length,
            ..RunLengthChunk::default()
        })
    }

    fn each(symbols: &[SymbolTypeTcc]) -> PacketStatusChunk {
        let symbol_list = symbols.to_vec();
        PacketStatusChunk::StatusVectorChunk(StatusVectorChunk {
            symbol_list,
            ..StatusVectorChunk::default()
        })
    }

    #[test]
    fn of_packets_the_newest_that_came_is_told_and_how_many_came_of_those_that_it_speaks_of() {
        let told = |packet_status_count, packet_chunks| TransportLayerCc {
            base_sequence_number: u16::MAX - 1,
            packet_status_count,
            packet_chunks,
            ..TransportLayerCc::default()
        };
        for (count, chunks, expected) in [
            (3, vec![run(HERE, 3)], Some((0, 3))),
            (3, vec![run(HERE, 8191)], Some((0, 3))),
            (6, vec![run(GONE, 2), each(&[GONE, LATER, HERE, GONE, HERE])], Some((2, 2))),
            (4, vec![each(&[HERE, GONE, GONE, GONE])], Some((u16::MAX - 1, 1))),
            (65_535, vec![run(GONE, 8191); 9], None),
            (0, vec![], None),
        ] {
            let said = came(&told(count, chunks.clone())).map(|came| (came.newest, came.packets));
            assert_eq!(said, expected, "{count} of {chunks:?}");
        }
    }
}
