//! What viewers say about what they received.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Instant;

use rtc::interceptor::{Interceptor, Packet, StreamInfo, TaggedPacket};
use rtc::rtcp;
use rtc::rtcp::payload_feedbacks::full_intra_request::FullIntraRequest;
use rtc::rtcp::payload_feedbacks::picture_loss_indication::PictureLossIndication;
use rtc::rtcp::transport_feedbacks::transport_layer_nack::TransportLayerNack;
use rtc::sansio::Protocol;
use rtc::shared::error::Error;

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

/// Sees all RTCP of one viewer, and lets everything pass.
pub(super) struct Tap {
    feedback: Arc<Feedback>,
    inbound: VecDeque<TaggedPacket>,
    outbound: VecDeque<TaggedPacket>,
}

impl Tap {
    pub fn new(feedback: Arc<Feedback>) -> Self {
        Self { feedback, inbound: VecDeque::new(), outbound: VecDeque::new() }
    }
}

impl Protocol<TaggedPacket, TaggedPacket, ()> for Tap {
    type Rout = TaggedPacket;
    type Wout = TaggedPacket;
    type Eout = ();
    type Error = Error;
    type Time = Instant;

    fn handle_read(&mut self, message: TaggedPacket) -> Result<(), Error> {
        if let Packet::Rtcp(packets) = &message.message.packet {
            packets.iter().for_each(|packet| self.feedback.note(packet.as_ref()));
        }
        self.inbound.push_back(message);
        Ok(())
    }

    fn poll_read(&mut self) -> Option<TaggedPacket> {
        self.inbound.pop_front()
    }

    fn handle_write(&mut self, message: TaggedPacket) -> Result<(), Error> {
        self.outbound.push_back(message);
        Ok(())
    }

    fn poll_write(&mut self) -> Option<TaggedPacket> {
        self.outbound.pop_front()
    }
}

impl Interceptor for Tap {
    fn bind_local_stream(&mut self, _: &StreamInfo) {}
    fn unbind_local_stream(&mut self, _: &StreamInfo) {}
    fn bind_remote_stream(&mut self, _: &StreamInfo) {}
    fn unbind_remote_stream(&mut self, _: &StreamInfo) {}
}
