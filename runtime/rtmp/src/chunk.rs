//! Messages in chunks (RTMP 1.0 §5.3): whole ones from pieces, and pieces of whole ones.
//!
//! What is sent begins with a full header, always: headers that refer to earlier ones save bytes and would have to be made for
//! each connection by its own history. The body is never copied.

mod reader;

pub use reader::Reader;

use bytes::{BufMut, Bytes, BytesMut};

use crate::outbox::Outbox;

/// Until somebody says otherwise.
pub const DEFAULT_BYTES: usize = 128;

/// From here on a timestamp stands behind the header.
const EXTENDED: u32 = 0x00ff_ffff;

/// One message, whatever it carries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Whole {
    /// What it is (§5.4, §6.1).
    pub kind: u8,
    /// Which of the streams of a connection it belongs to; 0 is the connection itself.
    pub stream: u32,
    /// Milliseconds.
    pub timestamp: u32,
    pub body: Bytes,
}

/// Chunks of different lanes may be mixed; those of one are in order. Below 64, so that a header names it in one byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Lane {
    /// §5.4 asks for this one.
    Control = 2,
    Command = 3,
    Audio = 4,
    Data = 5,
    Video = 6,
}

/// Puts a message into `out`, in chunks of `most` bytes of it.
pub fn write(out: &mut Outbox, most: usize, lane: Lane, message: &Whole) {
    out.push(first_header(lane, message));
    let body = &message.body;
    let mut at = most.min(body.len());
    out.push(body.slice(..at));
    while at < body.len() {
        let end = (at + most).min(body.len());
        out.push(next_header(lane, message.timestamp));
        out.push(body.slice(at..end));
        at = end;
    }
}

fn first_header(lane: Lane, message: &Whole) -> Bytes {
    let mut header = BytesMut::with_capacity(16);
    let length = u32::try_from(message.body.len()).unwrap_or(u32::MAX);
    header.put_u8(lane as u8);
    header.put_uint(message.timestamp.min(EXTENDED).into(), 3);
    header.put_uint(length.into(), 3);
    header.put_u8(message.kind);
    header.put_u32_le(message.stream);
    if message.timestamp >= EXTENDED {
        header.put_u32(message.timestamp);
    }
    header.freeze()
}

/// The extended timestamp is there again (§5.3.1.3).
fn next_header(lane: Lane, timestamp: u32) -> Bytes {
    let mut header = BytesMut::with_capacity(5);
    header.put_u8(0xc0 | lane as u8);
    if timestamp >= EXTENDED {
        header.put_u32(timestamp);
    }
    header.freeze()
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Buf;
    use proptest::prelude::*;

    /// What a reader makes of what was written, given to it in pieces of these sizes.
    fn read_again(written: &[u8], most: usize, pieces: &[usize]) -> Vec<Whole> {
        let mut reader = Reader::new(1 << 20);
        reader.chunks_of(u32::try_from(most).unwrap()).unwrap();
        let (mut rest, mut whole, mut sizes) = (written, Vec::new(), pieces.iter().cycle());
        while !rest.is_empty() {
            let (piece, after) = rest.split_at((*sizes.next().unwrap()).min(rest.len()));
            reader.feed(piece);
            whole.extend(std::iter::from_fn(|| reader.next_whole().unwrap()));
            rest = after;
        }
        whole
    }

    fn message() -> impl Strategy<Value = (Lane, Whole)> {
        let lane = prop_oneof![Just(Lane::Control), Just(Lane::Audio), Just(Lane::Video)];
        let timestamp = prop_oneof![any::<u32>(), 0..100_u32, (EXTENDED - 2)..(EXTENDED + 2)];
        (lane, any::<u8>(), any::<u32>(), timestamp, prop::collection::vec(any::<u8>(), 0..700)).prop_map(
            |(lane, kind, stream, timestamp, body)| {
                (lane, Whole { kind, stream, timestamp, body: body.into() })
            },
        )
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_again_in_any_split(
            messages in prop::collection::vec(message(), 0..6),
            most in 1..600_usize,
            pieces in prop::collection::vec(1..100_usize, 1..8),
        ) {
            let mut out = Outbox::default();
            messages.iter().for_each(|(lane, message)| write(&mut out, most, *lane, message));
            let written = out.copy_to_bytes(out.len());
            let sent: Vec<Whole> = messages.into_iter().map(|(_, message)| message).collect();
            prop_assert_eq!(read_again(&written, most, &pieces), sent);
        }
    }

    #[test]
    fn a_body_that_fits_is_one_piece_behind_twelve_bytes() {
        let body = Bytes::from_static(&[1, 2, 3]);
        let mut out = Outbox::default();
        write(&mut out, 128, Lane::Video, &Whole { kind: 9, stream: 1, timestamp: 5, body: body.clone() });
        assert_eq!(out.copy_to_bytes(12)[..], [6, 0, 0, 5, 0, 0, 3, 9, 1, 0, 0, 0]);
        assert_eq!(out.chunk().as_ptr(), body.as_ptr());
    }
}
