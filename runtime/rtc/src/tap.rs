//! Sees every packet that arrives, decrypted, and lets it pass. Left to itself the stack hands no RTCP to an application.

use std::collections::VecDeque;
use std::time::Instant;

use rtc::interceptor::{Interceptor, Packet, StreamInfo, TaggedPacket};
use rtc::sansio::Protocol;
use rtc::shared::error::Error;

/// Behind every interceptor of the stack.
pub const SLOT: usize = 500;

/// An interceptor that calls `see` with each packet.
pub struct Tap<F> {
    see: F,
    inbound: VecDeque<TaggedPacket>,
    outbound: VecDeque<TaggedPacket>,
}

impl<F: FnMut(&Packet)> Tap<F> {
    /// To be put behind all others, into [`SLOT`].
    pub fn new(see: F) -> Self {
        Self { see, inbound: VecDeque::new(), outbound: VecDeque::new() }
    }
}

impl<F: FnMut(&Packet)> Protocol<TaggedPacket, TaggedPacket, ()> for Tap<F> {
    type Rout = TaggedPacket;
    type Wout = TaggedPacket;
    type Eout = ();
    type Error = Error;
    type Time = Instant;

    fn handle_read(&mut self, message: TaggedPacket) -> Result<(), Error> {
        (self.see)(&message.message.packet);
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

impl<F: FnMut(&Packet) + Send + Sync> Interceptor for Tap<F> {
    fn bind_local_stream(&mut self, _: &StreamInfo) {}
    fn unbind_local_stream(&mut self, _: &StreamInfo) {}
    fn bind_remote_stream(&mut self, _: &StreamInfo) {}
    fn unbind_remote_stream(&mut self, _: &StreamInfo) {}
}
