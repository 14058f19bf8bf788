//! Whose packets of media are worth looking at.
//!
//! SRTP keeps a state for each SSRC, and a stack makes it before it knows whether a packet is genuine. So somebody who is in
//! could fill the memory with packets of ever other senders.

/// Of one peer: the layers and repairs of a few pictures and sounds.
pub const MOST: usize = 32;

/// RFC 5761 §4: RTCP packet types, where RTP has its marker and payload type.
const RTCP: std::ops::RangeInclusive<u8> = 192..=223;
/// RFC 3550 §6.4.1, §5.1.
const SSRC_OF_RTCP: usize = 4;
const SSRC_OF_RTP: usize = 8;

#[derive(Debug, Default)]
pub struct Senders(Vec<u32>);

impl Senders {
    /// Whether an RTP or RTCP packet, sealed or not, is of one of the first senders that were seen.
    pub fn admit(&mut self, packet: &[u8]) -> bool {
        let at =
            if packet.get(1).is_some_and(|kind| RTCP.contains(kind)) { SSRC_OF_RTCP } else { SSRC_OF_RTP };
        let Some(ssrc) = packet.get(at..).and_then(<[u8]>::first_chunk).copied().map(u32::from_be_bytes)
        else {
            return false;
        };
        if self.0.contains(&ssrc) {
            return true;
        }
        let room = self.0.len() < MOST;
        if room {
            self.0.push(ssrc);
        }
        room
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rtp(ssrc: u32) -> Vec<u8> {
        [&[0x80, 96, 0, 1, 0, 0, 0, 0][..], &ssrc.to_be_bytes()].concat()
    }

    fn rtcp(ssrc: u32) -> Vec<u8> {
        [&[0x80, 201, 0, 1][..], &ssrc.to_be_bytes()].concat()
    }

    #[test]
    fn the_first_senders_are_heard_for_ever_and_no_others() {
        let mut senders = Senders::default();
        let heard = (0..10_000).filter(|ssrc| senders.admit(&rtp(*ssrc))).count();
        assert_eq!(heard, MOST);
        assert!(senders.admit(&rtp(0)) && senders.admit(&rtcp(MOST as u32 - 1)));
        assert!(!senders.admit(&rtcp(MOST as u32)));
    }

    #[test]
    fn what_is_too_short_is_of_nobody() {
        assert!(!Senders::default().admit(&rtp(1)[..11]));
        assert!(!Senders::default().admit(&rtcp(1)[..7]));
        assert!(!Senders::default().admit(&[]));
    }
}
