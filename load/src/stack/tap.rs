//! Sees every packet that arrives, decrypted, and lets it pass.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Instant;

use parking_lot::Mutex;
use rtc::interceptor::{Interceptor, Packet, StreamInfo, TaggedPacket};
use rtc::rtcp::sender_report::SenderReport;
use rtc::sansio::Protocol;
use rtc::shared::error::Error;

use super::Heard;

/// Behind every interceptor of the stack.
pub(super) const SLOT: usize = 500;

pub(super) struct Tap {
    heard: Arc<Mutex<Vec<Heard>>>,
    inbound: VecDeque<TaggedPacket>,
    outbound: VecDeque<TaggedPacket>,
}

impl Tap {
    pub fn new(heard: Arc<Mutex<Vec<Heard>>>) -> Self {
        Self { heard, inbound: VecDeque::new(), outbound: VecDeque::new() }
    }

    fn see(&self, packet: &Packet) {
        let mut heard = self.heard.lock();
        match packet {
            Packet::Rtp(packet) => heard.push(Heard::Packet(packet.clone())),
            Packet::Rtcp(packets) => {
                let reports = packets.iter().filter_map(|packet| packet.as_any().downcast_ref());
                heard.extend(
                    reports.map(|report: &SenderReport| Heard::Report {
                        ssrc: report.ssrc,
                        ntp: report.ntp_time,
                    }),
                );
            }
            _ => {}
        }
    }
}

impl Protocol<TaggedPacket, TaggedPacket, ()> for Tap {
    type Rout = TaggedPacket;
    type Wout = TaggedPacket;
    type Eout = ();
    type Error = Error;
    type Time = Instant;

    fn handle_read(&mut self, message: TaggedPacket) -> Result<(), Error> {
        self.see(&message.message.packet);
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
