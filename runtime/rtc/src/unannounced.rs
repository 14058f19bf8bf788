//! Streams that no SDP announces: `a=ssrc` may be left away (RFC 9429 §5.2.1), as Chrome does beside `a=rid`. The stack then has
//! nothing to bind its interceptors to, and a publisher would hear neither what is missing nor how it fares.

use std::collections::HashSet;
use std::time::Instant;

use rtc::interceptor::{Interceptor, Packet, StreamInfo, TaggedPacket};
use rtc::sansio::Protocol;
use rtc::shared::error::Error;

/// A publisher restarts its few streams now and then. Beyond that nobody follows it, and nothing grows.
const MOST: usize = 32;

/// An interceptor to which each stream is bound when its first packet comes, as what its payload type stands for.
pub struct Unannounced<I> {
    inner: I,
    /// One a payload type; whatever SSRC they name.
    kinds: Vec<StreamInfo>,
    bound: HashSet<u32>,
}

impl<I: Interceptor> Unannounced<I> {
    /// What may come, one a payload type.
    pub fn new(inner: I, kinds: Vec<StreamInfo>) -> Self {
        Self { inner, kinds, bound: HashSet::new() }
    }

    fn bind(&mut self, packet: &TaggedPacket) {
        let Packet::Rtp(packet) = &packet.message.packet else { return };
        let (ssrc, payload_type) = (packet.header.ssrc, packet.header.payload_type);
        if self.bound.contains(&ssrc) || self.bound.len() == MOST {
            return;
        }
        if let Some(kind) = self.kinds.iter().find(|kind| kind.payload_type == payload_type) {
            self.bound.insert(ssrc);
            self.inner.bind_remote_stream(&StreamInfo { ssrc, ..kind.clone() });
        }
    }
}

impl<I: Interceptor> Protocol<TaggedPacket, TaggedPacket, ()> for Unannounced<I> {
    type Rout = TaggedPacket;
    type Wout = TaggedPacket;
    type Eout = ();
    type Error = Error;
    type Time = Instant;

    fn handle_read(&mut self, message: TaggedPacket) -> Result<(), Error> {
        self.bind(&message);
        self.inner.handle_read(message)
    }

    fn poll_read(&mut self) -> Option<TaggedPacket> {
        self.inner.poll_read()
    }

    fn handle_write(&mut self, message: TaggedPacket) -> Result<(), Error> {
        self.inner.handle_write(message)
    }

    fn poll_write(&mut self) -> Option<TaggedPacket> {
        self.inner.poll_write()
    }

    fn handle_timeout(&mut self, now: Instant) -> Result<(), Error> {
        self.inner.handle_timeout(now)
    }

    fn poll_timeout(&mut self) -> Option<Instant> {
        self.inner.poll_timeout()
    }
}

impl<I: Interceptor> Interceptor for Unannounced<I> {
    fn bind_local_stream(&mut self, info: &StreamInfo) {
        self.inner.bind_local_stream(info);
    }

    fn unbind_local_stream(&mut self, info: &StreamInfo) {
        self.inner.unbind_local_stream(info);
    }

    fn bind_remote_stream(&mut self, info: &StreamInfo) {
        self.bound.insert(info.ssrc);
        self.inner.bind_remote_stream(info);
    }

    fn unbind_remote_stream(&mut self, info: &StreamInfo) {
        self.bound.remove(&info.ssrc);
        self.inner.unbind_remote_stream(info);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use rtc::interceptor::{AttributedPacket, NackGeneratorBuilder, NackGeneratorInterceptor, RTCPFeedback};
    use rtc::rtp;
    use rtc::shared::TransportContext;

    use super::*;

    const INTERVAL: Duration = Duration::from_millis(20);

    fn packet(ssrc: u32, payload_type: u8, sequence_number: u16, now: Instant) -> TaggedPacket {
        let header = rtp::Header { ssrc, payload_type, sequence_number, ..rtp::Header::default() };
        let packet = rtp::Packet { header, ..rtp::Packet::default() };
        let message = AttributedPacket::new(Packet::Rtp(packet));
        TaggedPacket { now, transport: TransportContext::default(), message }
    }

    fn publisher() -> Unannounced<NackGeneratorInterceptor> {
        let nack = RTCPFeedback { typ: "nack".to_owned(), parameter: String::new() };
        let picture = StreamInfo { payload_type: 96, rtcp_feedback: vec![nack], ..StreamInfo::default() };
        Unannounced::new(NackGeneratorBuilder::new().with_interval(INTERVAL).build(), vec![picture])
    }

    /// Whether the packet is asked for that is missing among three.
    fn asks(ssrc: u32, payload_type: u8, interceptor: &mut Unannounced<NackGeneratorInterceptor>) -> bool {
        let now = Instant::now();
        for number in [1, 3] {
            interceptor.handle_read(packet(ssrc, payload_type, number, now)).unwrap();
            assert!(interceptor.poll_read().is_some());
        }
        interceptor.handle_timeout(now + INTERVAL).unwrap();
        std::iter::from_fn(|| interceptor.poll_write()).count() > 0
    }

    #[test]
    fn what_is_missing_of_a_stream_that_was_not_announced_is_asked_for() {
        let mut interceptor = publisher();
        assert!(asks(7, 96, &mut interceptor));
    }

    #[test]
    fn what_is_of_no_known_kind_is_left_alone_and_so_is_all_beyond_a_number() {
        let mut interceptor = publisher();
        assert!(!asks(7, 97, &mut interceptor), "what repairs another stream");
        for ssrc in 0..u32::try_from(MOST * 2).unwrap() {
            interceptor.handle_read(packet(ssrc, 96, 1, Instant::now())).unwrap();
        }
        assert_eq!(interceptor.bound.len(), MOST);
    }
}
