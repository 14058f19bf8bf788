//! What a publisher's packets carry, between the stack that decrypts them and the driver that passes them on.

use parking_lot::Mutex;
use rtc::interceptor::Packet;
use rtc::rtp;

/// A turn of the driver reads sixteen buffers, and the kernel may put 64 datagrams into each. More is a stack that loops.
const MOST: usize = 16 * 64;

/// Written inside the stack, read by the driver after each turn.
#[derive(Default)]
pub(super) struct Arrivals(Mutex<Vec<rtp::Packet>>);

impl Arrivals {
    pub fn see(&self, packet: &Packet) {
        let Packet::Rtp(packet) = packet else { return };
        let mut waiting = self.0.lock();
        if waiting.len() < MOST {
            waiting.push(packet.clone());
        }
    }

    pub fn take(&self) -> Vec<rtp::Packet> {
        std::mem::take(&mut *self.0.lock())
    }
}
