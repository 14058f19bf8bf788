//! What viewers say about what they received.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use rtc::interceptor::Packet;
use rtc::rtcp;
use rtc::rtcp::payload_feedbacks::full_intra_request::FullIntraRequest;
use rtc::rtcp::payload_feedbacks::picture_loss_indication::PictureLossIndication;
use rtc::rtcp::transport_feedbacks::transport_layer_nack::TransportLayerNack;

/// Written inside the stack, read by the driver after each datagram.
#[derive(Default)]
pub(super) struct Feedback {
    picture_lost: AtomicBool,
    asked_again: AtomicU32,
}

impl Feedback {
    pub fn take_picture_lost(&self) -> bool {
        self.picture_lost.swap(false, Ordering::Relaxed)
    }

    /// Packets asked for again since the last call.
    pub fn take_asked_again(&self) -> u32 {
        self.asked_again.swap(0, Ordering::Relaxed)
    }

    pub fn see(&self, packet: &Packet) {
        if let Packet::Rtcp(packets) = packet {
            packets.iter().for_each(|packet| self.note(packet.as_ref()));
        }
    }

    fn note(&self, packet: &dyn rtcp::Packet) {
        let packet = packet.as_any();
        if packet.is::<PictureLossIndication>() || packet.is::<FullIntraRequest>() {
            self.picture_lost.store(true, Ordering::Relaxed);
        }
        if let Some(nack) = packet.downcast_ref::<TransportLayerNack>() {
            let count = nack.nacks.iter().map(|pair| 1 + pair.lost_packets.count_ones()).sum();
            self.asked_again.fetch_add(count, Ordering::Relaxed);
        }
    }
}
