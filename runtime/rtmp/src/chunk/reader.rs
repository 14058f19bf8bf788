//! Chunks as they come, in pieces of any size, put together to messages.
//!
//! Invariant: no more is held than was received, and of that no more than one message of the limit and [`SLACK`] beside it.

use std::collections::BTreeMap;

use bytes::{Buf, Bytes, BytesMut};

use super::{DEFAULT_BYTES, EXTENDED, Whole};
use crate::Fault;

/// Lanes of one connection: real clients use five.
const MOST_LANES: usize = 32;

/// What may be begun beside the longest message: a sound within a picture.
const SLACK: usize = 64 << 10;

/// The length of a message has three bytes: no chunk is longer.
const LONGEST: u32 = 0x00ff_ffff;

#[derive(Debug)]
pub struct Reader {
    input: BytesMut,
    chunk_bytes: usize,
    limit: usize,
    held: usize,
    lanes: BTreeMap<u32, LaneState>,
    /// The lane whose chunk is being read, and what is missing of the chunk.
    within: Option<(u32, usize)>,
}

#[derive(Debug, Default)]
struct LaneState {
    kind: u8,
    stream: u32,
    timestamp: u32,
    /// As the last header that had one wrote it: a time, or a difference to the one before.
    field: u32,
    length: usize,
    body: BytesMut,
    begun: bool,
}

/// A chunk's header, and how long it is.
#[derive(Debug)]
struct Head {
    format: u8,
    lane: u32,
    field: Option<u32>,
    length: Option<usize>,
    kind: Option<u8>,
    stream: Option<u32>,
    bytes: usize,
}

impl Reader {
    /// Takes messages of at most `limit` bytes.
    pub fn new(limit: usize) -> Self {
        Self {
            input: BytesMut::new(),
            chunk_bytes: DEFAULT_BYTES,
            limit,
            held: 0,
            lanes: BTreeMap::new(),
            within: None,
        }
    }

    pub fn limit(&mut self, limit: usize) {
        self.limit = limit;
    }

    pub fn feed(&mut self, bytes: &[u8]) {
        self.input.extend_from_slice(bytes);
    }

    /// What came and was not looked at yet.
    pub(crate) fn input(&mut self) -> &mut BytesMut {
        &mut self.input
    }

    /// The peer says how long its chunks are from now on.
    pub fn chunks_of(&mut self, bytes: u32) -> Result<(), Fault> {
        // The first bit is to be 0 (§5.4.1).
        match bytes & 0x7fff_ffff {
            0 => Err(Fault::EmptyChunks),
            bytes => {
                self.chunk_bytes = bytes.min(LONGEST) as usize;
                Ok(())
            }
        }
    }

    /// The peer does not go on with what it began there (§5.4.2).
    pub fn abort(&mut self, lane: u32) {
        if let Some(state) = self.lanes.get_mut(&lane) {
            self.held -= state.body.len();
            state.drop_begun();
        }
    }

    /// The next message that is whole, if there is one.
    pub fn next_whole(&mut self) -> Result<Option<Whole>, Fault> {
        loop {
            let Some((lane, missing)) = self.within else {
                if !self.begin_chunk()? {
                    return Ok(None);
                }
                continue;
            };
            let take = missing.min(self.input.len());
            if take == 0 && missing > 0 {
                return Ok(None);
            }
            if let Some(whole) = self.take(lane, take, missing - take)? {
                return Ok(Some(whole));
            }
        }
    }

    /// False: its header is not whole yet.
    fn begin_chunk(&mut self) -> Result<bool, Fault> {
        let Some(head) = head(&self.input) else { return Ok(false) };
        let known = self.lanes.contains_key(&head.lane);
        // Some begin with a header that leaves out the stream, which is then the connection.
        if !known && head.format > 1 {
            return Err(Fault::Orphan);
        }
        if !known && self.lanes.len() == MOST_LANES {
            return Err(Fault::TooMany);
        }
        let state = self.lanes.entry(head.lane).or_default();
        let bytes = match state.begun && head.format == 3 {
            true => match state.again(&self.input, head.bytes) {
                Some(bytes) => bytes,
                None => return Ok(false),
            },
            false => match extension(&head, state, &self.input) {
                Some((field, bytes)) => {
                    self.held -= state.body.len();
                    state.begin(&head, field);
                    bytes
                }
                None => return Ok(false),
            },
        };
        if state.length > self.limit {
            return Err(Fault::TooLong { length: state.length, limit: self.limit });
        }
        self.within = Some((head.lane, self.chunk_bytes.min(state.length - state.body.len())));
        self.input.advance(bytes);
        Ok(true)
    }

    fn take(&mut self, lane: u32, take: usize, missing: usize) -> Result<Option<Whole>, Fault> {
        self.held += take;
        if self.held > self.limit + SLACK {
            return Err(Fault::TooMany);
        }
        let Some(state) = self.lanes.get_mut(&lane) else { return Err(Fault::Orphan) };
        state.body.extend_from_slice(&self.input[..take]);
        self.input.advance(take);
        self.within = (missing > 0).then_some((lane, missing));
        if missing > 0 || state.body.len() < state.length {
            return Ok(None);
        }
        self.held -= state.length;
        Ok(Some(state.finish()))
    }
}

impl LaneState {
    fn begin(&mut self, head: &Head, field: u32) {
        self.drop_begun();
        self.begun = true;
        self.field = field;
        self.length = head.length.unwrap_or(self.length);
        self.kind = head.kind.unwrap_or(self.kind);
        self.stream = head.stream.unwrap_or(self.stream);
        self.timestamp = match head.format {
            0 => field,
            // Behind a full header the time itself is the difference (§5.3.1.2.4).
            _ => self.timestamp.wrapping_add(field),
        };
    }

    /// Of a chunk that goes on: how long its header is. Not everybody repeats the extended timestamp.
    fn again(&self, input: &[u8], bytes: usize) -> Option<usize> {
        if self.field < EXTENDED {
            return Some(bytes);
        }
        let next = input.get(bytes..bytes + 4)?;
        Some(if next == self.field.to_be_bytes() { bytes + 4 } else { bytes })
    }

    fn finish(&mut self) -> Whole {
        self.begun = false;
        let body: Bytes = std::mem::take(&mut self.body).freeze();
        Whole { kind: self.kind, stream: self.stream, timestamp: self.timestamp, body }
    }

    fn drop_begun(&mut self) {
        self.body = BytesMut::new();
        self.begun = false;
    }
}

/// The whole timestamp field of a chunk that begins a message, and how long its header is with that. None: it is not whole.
fn extension(head: &Head, state: &LaneState, input: &[u8]) -> Option<(u32, usize)> {
    let field = head.field.unwrap_or(state.field);
    if field < EXTENDED {
        return Some((field, head.bytes));
    }
    let extended = input.get(head.bytes..head.bytes + 4)?;
    Some((u32::from_be_bytes(extended.try_into().ok()?), head.bytes + 4))
}

/// None: it is not whole.
fn head(input: &[u8]) -> Option<Head> {
    let first = *input.first()?;
    let (lane, base) = match first & 0x3f {
        0 => (64 + u32::from(*input.get(1)?), 2),
        1 => (64 + u32::from(*input.get(1)?) + 256 * u32::from(*input.get(2)?), 3),
        lane => (u32::from(lane), 1),
    };
    let format = first >> 6;
    let rest = [11, 7, 3, 0][usize::from(format)];
    let fields = input.get(base..base + rest)?;
    let three =
        |at: usize| fields.get(at..at + 3).map(|bytes| u32::from_be_bytes([0, bytes[0], bytes[1], bytes[2]]));
    let stream = fields.get(7..11).map(|bytes| u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]));
    let length = three(3).map(|length| length as usize);
    Some(Head {
        format,
        lane,
        field: three(0),
        length,
        kind: fields.get(6).copied(),
        stream,
        bytes: base + rest,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const LIMIT: usize = 4096;

    /// All that comes of bytes, until there is a fault.
    fn all(bytes: &[u8]) -> Result<Vec<Whole>, Fault> {
        let mut reader = Reader::new(LIMIT);
        reader.feed(bytes);
        std::iter::from_fn(|| reader.next_whole().transpose()).collect()
    }

    fn timestamps(bytes: &[u8]) -> Vec<u32> {
        all(bytes).unwrap().into_iter().map(|whole| whole.timestamp).collect()
    }

    proptest! {
        #[test]
        fn any_bytes_in_any_pieces_hold_no_more_than_the_limit(
            pieces in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..300), 0..60),
            chunks in 1..5000_u32,
        ) {
            let mut reader = Reader::new(LIMIT);
            reader.chunks_of(chunks).unwrap();
            for piece in pieces {
                reader.feed(&piece);
                loop {
                    match reader.next_whole() {
                        Ok(Some(_)) => {}
                        Ok(None) => break,
                        Err(_) => return Ok(()),
                    }
                }
                let held: usize = reader.lanes.values().map(|lane| lane.body.capacity()).sum();
                prop_assert!(held <= 2 * (LIMIT + SLACK) && reader.lanes.len() <= MOST_LANES);
                prop_assert!(reader.input.len() <= 300 + 18, "a header waits, and no body");
            }
        }
    }

    #[test]
    fn later_headers_leave_out_what_is_the_same() {
        let full = [3, 0, 0, 10, 0, 0, 1, 8, 1, 0, 0, 0, b'a'];
        let (difference, time, nothing) =
            ([0x43, 0, 0, 5, 0, 0, 1, 8, b'b'], [0x83, 0, 0, 7, b'c'], [0xc3, b'd']);
        let bytes = [&full[..], &difference, &time, &nothing].concat();
        assert_eq!(timestamps(&bytes), [10, 15, 22, 29]);
        assert!(all(&bytes).unwrap().iter().all(|whole| (whole.stream, whole.kind) == (1, 8)));
    }

    #[test]
    fn behind_a_full_header_its_time_is_the_difference() {
        let bytes = [3, 0, 0, 10, 0, 0, 1, 8, 1, 0, 0, 0, b'a', 0xc3, b'b'];
        assert_eq!(timestamps(&bytes), [10, 20]);
    }

    #[test]
    fn an_extended_timestamp_is_read_whether_it_is_repeated_or_not() {
        let full = [3, 0xff, 0xff, 0xff, 0, 0, 130, 8, 1, 0, 0, 0, 1, 2, 3, 4];
        let (part, rest) = ([7; 128], [8; 2]);
        for again in [&[0xc3, 1, 2, 3, 4][..], &[0xc3]] {
            let bytes = [&full[..], &part, again, &rest, &[0x42, 0, 0]].concat();
            let whole = all(&bytes).unwrap();
            assert_eq!((whole[0].timestamp, whole[0].body.len()), (0x0102_0304, 130));
            assert_eq!(whole[0].body[128..], rest);
        }
    }

    #[test]
    fn a_sound_within_a_picture_leaves_the_picture_whole() {
        let picture = [6, 0, 0, 0, 0, 0, 200, 9, 1, 0, 0, 0];
        let sound = [4, 0, 0, 0, 0, 0, 1, 8, 1, 0, 0, 0, b's'];
        let bytes = [&picture[..], &[1; 128], &sound, &[0xc6], &[2; 72]].concat();
        let kinds: Vec<_> = all(&bytes).unwrap().iter().map(|whole| (whole.kind, whole.body.len())).collect();
        assert_eq!(kinds, [(8, 1), (9, 200)]);
    }

    #[test]
    fn lanes_of_all_numbers_are_read() {
        for (lane, name) in [(&[0x00, 5][..], 69), (&[0x01, 5, 2], 64 + 5 + 512)] {
            let mut reader = Reader::new(LIMIT);
            reader.feed(&[lane, &[0, 0, 0, 0, 0, 1, 8, 1, 0, 0, 0, b'a']].concat());
            assert!(reader.next_whole().unwrap().is_some());
            assert!(reader.lanes.contains_key(&name));
        }
    }

    #[test]
    fn what_is_too_long_or_refers_to_nothing_is_a_fault() {
        let long = [3, 0, 0, 0, 0xff, 0xff, 0xff, 9, 1, 0, 0, 0];
        assert_eq!(all(&long), Err(Fault::TooLong { length: 0x00ff_ffff, limit: LIMIT }));
        assert_eq!(all(&[0xc3, 1]), Err(Fault::Orphan));
        assert_eq!(Reader::new(LIMIT).chunks_of(0), Err(Fault::EmptyChunks));
    }

    #[test]
    fn messages_that_are_begun_and_never_finished_are_bounded() {
        let mut reader = Reader::new(SLACK);
        reader.chunks_of(LONGEST).unwrap();
        let begun =
            |lane: u8| [&[lane, 0, 0, 0, 0, 255, 255, 9, 1, 0, 0, 0][..], &vec![0; 65_535][..]].concat();
        // Each is whole but for its last byte, which a chunk of one byte less leaves out.
        reader.chunks_of(65_534).unwrap();
        let fault = (2..12).find_map(|lane| {
            reader.feed(&begun(lane)[..12 + 65_534]);
            reader.next_whole().err()
        });
        assert_eq!(fault, Some(Fault::TooMany));
    }

    #[test]
    fn what_is_aborted_is_forgotten() {
        let mut reader = Reader::new(LIMIT);
        reader.feed(&[&[3, 0, 0, 0, 0, 0, 200, 9, 1, 0, 0, 0][..], &[1; 128]].concat());
        assert_eq!(reader.next_whole(), Ok(None));
        reader.abort(3);
        reader.feed(&[3, 0, 0, 0, 0, 0, 1, 9, 1, 0, 0, 0, b'a']);
        assert_eq!(reader.next_whole().unwrap().unwrap().body[..], *b"a");
        assert_eq!(reader.held, 0);
    }
}
