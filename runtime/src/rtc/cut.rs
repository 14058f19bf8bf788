//! A frame cut into RTP payloads, once for all viewers of a hub.

use bytes::Bytes;
use understudy_core::fanout::{clock, h264};
use understudy_core::media::{Frame, Kind};

pub(super) struct Cut {
    pub frame: Frame,
    pub timestamp: u32,
    pub payloads: Vec<Bytes>,
}

impl Cut {
    pub fn new(frame: Frame) -> Self {
        let payloads = match frame.kind {
            Kind::Video => h264::packetize(&frame.payload),
            Kind::Audio => vec![frame.payload.clone()],
        };
        // No offset: captured time starts where the encoder's clock stands, which is as good as random.
        let timestamp = clock::timestamp(frame.kind, frame.captured_at, 0);
        Self { frame, timestamp, payloads }
    }
}
