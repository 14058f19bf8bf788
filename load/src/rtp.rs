//! What a datagram is, and what of RTP can be read without its key.

/// RFC 7983 §7: which protocol a datagram belongs to, by its first byte; RTCP by its second (RFC 5761 §4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    Stun,
    Dtls,
    Rtp,
    Rtcp,
    Other,
}

/// RFC 3550 §5.1. SRTP leaves it readable (RFC 3711 §3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    pub marker: bool,
    pub payload_type: u8,
    pub sequence: u16,
    pub timestamp: u32,
    pub ssrc: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Video,
    Audio,
}

const HEADER_BYTES: usize = 12;
/// STUN's message type of a Binding request (RFC 8489 §5): a check, which ICE paces.
const BINDING_REQUEST: [u8; 2] = [0, 1];

impl Protocol {
    pub fn of(datagram: &[u8]) -> Self {
        match datagram {
            [0..=3, ..] => Self::Stun,
            [20..=63, ..] => Self::Dtls,
            [128..=191, 192..=223, ..] => Self::Rtcp,
            [128..=191, _, ..] => Self::Rtp,
            _ => Self::Other,
        }
    }
}

pub fn is_check(datagram: &[u8]) -> bool {
    datagram.starts_with(&BINDING_REQUEST)
}

impl Header {
    pub fn read(datagram: &[u8]) -> Option<Self> {
        let header: &[u8; HEADER_BYTES] = datagram.first_chunk()?;
        let [_, kind, s0, s1, t0, t1, t2, t3, c0, c1, c2, c3] = *header;
        (header[0] >> 6 == 2).then_some(Self {
            marker: kind & 0x80 != 0,
            payload_type: kind & 0x7f,
            sequence: u16::from_be_bytes([s0, s1]),
            timestamp: u32::from_be_bytes([t0, t1, t2, t3]),
            ssrc: u32::from_be_bytes([c0, c1, c2, c3]),
        })
    }
}

impl Kind {
    /// Of the timestamps: RFC 6184 §8.2.1, RFC 7587 §4.1.
    pub const fn clock_hz(self) -> u32 {
        match self {
            Self::Video => 90_000,
            Self::Audio => 48_000,
        }
    }
}

/// The payload types of an SDP that carry H.264 or Opus; retransmission and the like have others.
pub fn formats(sdp: &str) -> Vec<(u8, Kind)> {
    let formats = sdp.lines().filter_map(|line| {
        let (number, name) = line.trim_end().strip_prefix("a=rtpmap:")?.split_once(' ')?;
        let kind = match name.split('/').next()?.to_ascii_lowercase().as_str() {
            "h264" => Kind::Video,
            "opus" => Kind::Audio,
            _ => return None,
        };
        Some((number.parse().ok()?, kind))
    });
    formats.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_is_read_from_what_is_encrypted() {
        let mut packet = vec![0x80, 0x80 | 102, 0xff, 0xfe, 0, 0, 1, 0, 0xde, 0xad, 0xbe, 0xef];
        packet.extend([9; 40]);
        let header =
            Header { marker: true, payload_type: 102, sequence: 65_534, timestamp: 256, ssrc: 0xdead_beef };
        assert_eq!(Header::read(&packet), Some(header));
    }

    #[test]
    fn what_is_too_short_or_of_another_version_has_no_header() {
        assert_eq!(Header::read(&[0x80; 11]), None);
        assert_eq!(Header::read(&[0x40; 12]), None);
    }

    #[test]
    fn the_first_bytes_tell_protocols_apart() {
        let all = [
            (&[0, 1][..], Protocol::Stun),
            (&[22, 254], Protocol::Dtls),
            (&[0x80, 102], Protocol::Rtp),
            // A marker bit does not make RTCP of a payload type below 64.
            (&[0x80, 0x80 | 63], Protocol::Rtp),
            (&[0x80, 200], Protocol::Rtcp),
            (&[0x81, 206], Protocol::Rtcp),
            (&[0x80], Protocol::Other),
            (&[], Protocol::Other),
        ];
        for (datagram, protocol) in all {
            assert_eq!(Protocol::of(datagram), protocol, "{datagram:?}");
        }
    }

    #[test]
    fn an_answer_says_what_its_numbers_carry() {
        let sdp = "m=video 9 UDP/TLS/RTP/SAVPF 102\r\na=rtpmap:102 H264/90000\r\na=rtpmap:103 rtx/90000\r\n\
                   m=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=rtpmap:111 opus/48000/2\r\n";
        assert_eq!(formats(sdp), [(102, Kind::Video), (111, Kind::Audio)]);
    }
}
