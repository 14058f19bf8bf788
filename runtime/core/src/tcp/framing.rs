//! Packets in a stream of bytes: before each stands its length, two bytes in network order (RFC 4571 §2).

/// A jumbo frame of Ethernet. Nobody sends larger packets of STUN, DTLS, RTP or RTCP, although the length could say so.
pub const MAX_PACKET_BYTES: usize = 9216;
const LENGTH_BYTES: usize = 2;

/// A packet is announced that is larger than any. What follows in the stream cannot be trusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a packet of {bytes} bytes is announced, and the largest has {MAX_PACKET_BYTES}")]
pub struct Oversized {
    pub bytes: usize,
}

/// Takes packets out of what arrives, whatever pieces it comes in. Holds no more than a piece beyond the largest packet.
#[derive(Debug, Default)]
pub struct Frames {
    bytes: Vec<u8>,
    /// How many of them were taken.
    taken: usize,
}

impl Frames {
    /// Adds what arrived. All packets that are whole should have been taken before.
    pub fn push(&mut self, bytes: &[u8]) {
        self.bytes.drain(..self.taken);
        self.taken = 0;
        self.bytes.extend_from_slice(bytes);
    }

    /// The next packet, if it is whole. One without a byte says nothing and is left out.
    pub fn take(&mut self) -> Result<Option<&[u8]>, Oversized> {
        loop {
            let rest = &self.bytes[self.taken..];
            let Some((length, rest)) = rest.split_first_chunk::<LENGTH_BYTES>() else { return Ok(None) };
            let bytes = usize::from(u16::from_be_bytes(*length));
            if bytes > MAX_PACKET_BYTES {
                return Err(Oversized { bytes });
            }
            if rest.len() < bytes {
                return Ok(None);
            }
            let begin = self.taken + LENGTH_BYTES;
            self.taken = begin + bytes;
            if bytes > 0 {
                return Ok(Some(&self.bytes[begin..self.taken]));
            }
        }
    }
}

/// Packets as they stand in the stream, one behind the other. One that its length cannot tell is left out.
pub fn frame<'a>(packets: impl Iterator<Item = &'a [u8]>) -> Vec<u8> {
    let mut framed = Vec::new();
    for packet in packets {
        let Ok(length) = u16::try_from(packet.len()) else { continue };
        framed.extend_from_slice(&length.to_be_bytes());
        framed.extend_from_slice(packet);
    }
    framed
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn all(frames: &mut Frames) -> Result<Vec<Vec<u8>>, Oversized> {
        let mut packets = Vec::new();
        while let Some(packet) = frames.take()? {
            packets.push(packet.to_vec());
        }
        Ok(packets)
    }

    #[test]
    fn a_length_stands_before_each_packet() {
        assert_eq!(frame([&b"ab"[..], b"c"].into_iter()), b"\0\x02ab\0\x01c");
        assert_eq!(frame(std::iter::empty()), b"");
        assert_eq!(frame([&[0; 65_536][..], b"c"].into_iter()), b"\0\x01c");
    }

    #[test]
    fn a_packet_without_a_byte_is_left_out() {
        let mut frames = Frames::default();
        frames.push(b"\0\0\0\x01a\0\0\0");
        assert_eq!(all(&mut frames), Ok(vec![b"a".to_vec()]));
    }

    #[test]
    fn what_announces_too_much_is_refused_before_it_comes() {
        let mut frames = Frames::default();
        frames.push(&(MAX_PACKET_BYTES as u16).to_be_bytes());
        assert_eq!(frames.take(), Ok(None));
        let mut frames = Frames::default();
        frames.push(&(MAX_PACKET_BYTES as u16 + 1).to_be_bytes());
        assert_eq!(frames.take(), Err(Oversized { bytes: MAX_PACKET_BYTES + 1 }));
    }

    #[test]
    fn what_was_taken_is_not_kept() {
        let mut frames = Frames::default();
        for _ in 0..100 {
            frames.push(&frame([&[7; 1000][..]].into_iter()));
            assert_eq!(all(&mut frames).map(|packets| packets.len()), Ok(1));
        }
        assert!(frames.bytes.len() <= 1002);
    }

    proptest! {
        #[test]
        fn packets_come_out_as_they_went_in_whatever_pieces_the_stream_comes_in(
            packets in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 1..300), 0..20),
            piece in 1_usize..400,
        ) {
            let stream = frame(packets.iter().map(Vec::as_slice));
            let (mut frames, mut out) = (Frames::default(), Vec::new());
            for piece in stream.chunks(piece) {
                frames.push(piece);
                out.extend(all(&mut frames).unwrap());
            }
            prop_assert_eq!(out, packets);
        }
    }
}
