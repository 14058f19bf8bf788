//! Messages of TURN in a stream of bytes (RFC 8656 §12.5).

/// Of a STUN message, and what stands in each (RFC 8489 §5); and of channel data (RFC 8656 §12.4).
const STUN_HEADER: usize = 20;
const COOKIE: [u8; 4] = [0x21, 0x12, 0xa4, 0x42];
const CHANNEL_HEADER: usize = 4;
/// Channel data begins with its channel, which has these first two bits (RFC 8656 §12); a STUN message begins with none.
const CHANNEL: u8 = 0b0100_0000;
const FIRST_BITS: u8 = 0b1100_0000;
/// Channel data is filled up to a multiple of it.
const ALIGNED: usize = 4;

/// What stands in a stream is no message of TURN.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("what the server sends is neither STUN nor channel data")]
pub struct Strange;

/// How long the message is that a stream begins with, and how much is filled up behind it; none: its header is not whole yet.
pub fn length(stream: &[u8]) -> Result<Option<(usize, usize)>, Strange> {
    let Some(([first, _, high, low], rest)) = stream.split_first_chunk() else { return Ok(None) };
    let said = usize::from(u16::from_be_bytes([*high, *low]));
    match (first & FIRST_BITS, rest.first_chunk()) {
        (CHANNEL, _) => Ok(Some((CHANNEL_HEADER + said, padding(said)))),
        (0, None) => Ok(None),
        (0, Some(&COOKIE)) if said.is_multiple_of(ALIGNED) => Ok(Some((STUN_HEADER + said, 0))),
        _ => Err(Strange),
    }
}

/// How much is to be filled up behind a message of that length. All of STUN are multiples of four anyway.
pub const fn padding(length: usize) -> usize {
    length.next_multiple_of(ALIGNED) - length
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_ends_where_its_header_says() {
        let stun = [0, 1, 0, 8, 0x21, 0x12, 0xa4, 0x42];
        assert_eq!(length(&stun), Ok(Some((28, 0))));
        assert_eq!(length(&stun[..7]), Ok(None));
        assert_eq!(length(&[0x40, 0, 0, 5]), Ok(Some((9, 3))));
        assert_eq!(length(&[0x7f, 0xff, 0, 8]), Ok(Some((12, 0))));
        assert_eq!(length(&[0x40, 0, 0]), Ok(None));
        assert_eq!(length(&[]), Ok(None));
        assert_eq!((padding(9), padding(12)), (3, 0));
    }

    #[test]
    fn what_is_no_message_is_no_length() {
        // An alert of TLS, RTP, STUN of RFC 3489, and a STUN message whose length is no multiple of four.
        let strange: [[u8; 8]; 4] = [
            [21, 3, 3, 0, 2, 2, 40, 0],
            [0x80, 0, 0, 0, 0, 0, 0, 0],
            [0, 1, 0, 8, 1, 2, 3, 4],
            [0, 1, 0, 7, 0x21, 0x12, 0xa4, 0x42],
        ];
        for strange in strange {
            assert_eq!(length(&strange), Err(Strange), "{strange:?}");
        }
    }
}
