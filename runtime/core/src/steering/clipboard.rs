//! A text for the clipboard, in parts that a message of a data channel can hold, and whole again.
//!
//! A part is `id: u32, part: u16, of: u16` (big-endian), then its bytes of the text's UTF-8. The parts of a text come in their order,
//! on a channel that keeps it; a text that begins gives up the one before it.

use std::time::{Duration, Instant};

/// What people copy; an image or a file is none.
pub const LONGEST_BYTES: usize = 256 * 1024;
/// With its header, below the 64 KiB that every browser takes.
const PART_BYTES: usize = 60_000;
const HEADER_BYTES: usize = 8;
/// From a text's first part to its last: a whole one takes less on 500 kbit/s.
pub const PATIENCE: Duration = Duration::from_secs(10);

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// Of the text: another one than of that before it.
    pub id: u32,
    pub part: u16,
    /// How many there are, at least one.
    pub of: u16,
    pub bytes: Vec<u8>,
}

/// Why a text does not arrive: its sender's fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("the text is longer than {LONGEST_BYTES} bytes")]
    TooLong,
    #[error("the part of a text is shorter than its header")]
    Short,
    #[error("the part is not the one that is next")]
    OutOfOrder,
    #[error("the rest of the text came too late")]
    Late,
    #[error("the text is not UTF-8")]
    NotUtf8,
}

/// The text of one peer that is on its way.
#[derive(Debug, Default)]
pub struct Joined {
    text: Option<Coming>,
}

#[derive(Debug)]
struct Coming {
    id: u32,
    of: u16,
    next: u16,
    since: Instant,
    bytes: Vec<u8>,
}

/// At least one part, also of a text that is empty.
pub fn cut(id: u32, text: &str) -> Result<Vec<Part>, Refusal> {
    if text.len() > LONGEST_BYTES {
        return Err(Refusal::TooLong);
    }
    let of = u16::try_from(text.len().div_ceil(PART_BYTES).max(1)).map_err(|_| Refusal::TooLong)?;
    let mut pieces = text.as_bytes().chunks(PART_BYTES);
    let parts = (0..of).map(|part| Part { id, part, of, bytes: pieces.next().unwrap_or_default().to_vec() });
    Ok(parts.collect())
}

impl Part {
    pub fn write(&self) -> Vec<u8> {
        let header = [&self.id.to_be_bytes()[..], &self.part.to_be_bytes(), &self.of.to_be_bytes()].concat();
        [header, self.bytes.clone()].concat()
    }

    pub fn read(message: &[u8]) -> Result<Self, Refusal> {
        let (header, bytes) = message.split_first_chunk::<HEADER_BYTES>().ok_or(Refusal::Short)?;
        let [a, b, c, d, part_high, part_low, of_high, of_low] = *header;
        Ok(Self {
            id: u32::from_be_bytes([a, b, c, d]),
            part: u16::from_be_bytes([part_high, part_low]),
            of: u16::from_be_bytes([of_high, of_low]),
            bytes: bytes.to_vec(),
        })
    }
}

impl Joined {
    /// The text, with its last part. Whatever is refused gives up the text that was on its way.
    pub fn add(&mut self, part: Part, now: Instant) -> Result<Option<String>, Refusal> {
        let coming = match self.text.take() {
            _ if part.part == 0 => Coming::new(&part, now),
            Some(coming) => coming,
            None => return Err(Refusal::OutOfOrder),
        };
        let coming = coming.with(part, now)?;
        if coming.next < coming.of {
            self.text = Some(coming);
            return Ok(None);
        }
        String::from_utf8(coming.bytes).map(Some).map_err(|_| Refusal::NotUtf8)
    }

    /// When what is on its way is given up, so that nobody's half a text is kept.
    pub fn expires_at(&self) -> Option<Instant> {
        self.text.as_ref().map(|coming| coming.since + PATIENCE)
    }

    pub fn expire(&mut self, now: Instant) {
        self.text.take_if(|coming| coming.since + PATIENCE <= now);
    }
}

impl Coming {
    fn new(part: &Part, now: Instant) -> Self {
        Self { id: part.id, of: part.of, next: 0, since: now, bytes: Vec::new() }
    }

    fn with(mut self, part: Part, now: Instant) -> Result<Self, Refusal> {
        if [part.id, part.of.into(), part.part.into()] != [self.id, self.of.into(), self.next.into()]
            || part.part >= part.of
        {
            return Err(Refusal::OutOfOrder);
        }
        if now >= self.since + PATIENCE {
            return Err(Refusal::Late);
        }
        if self.bytes.len() + part.bytes.len() > LONGEST_BYTES {
            return Err(Refusal::TooLong);
        }
        self.next += 1;
        self.bytes.extend(part.bytes);
        Ok(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(id: u32, part: u16, of: u16, text: &str) -> Part {
        Part { id, part, of, bytes: text.as_bytes().to_vec() }
    }

    #[test]
    fn a_text_is_whole_again_after_its_last_part() {
        let now = Instant::now();
        for text in [String::new(), "grüß".to_owned(), "漢".repeat(LONGEST_BYTES / 3)] {
            let parts = cut(7, &text).unwrap();
            let mut joined = Joined::default();
            let (last, before) = parts.split_last().unwrap();
            for part in before {
                assert!(part.write().len() < 64 * 1024);
                assert_eq!(joined.add(Part::read(&part.write()).unwrap(), now), Ok(None));
            }
            assert_eq!(joined.add(Part::read(&last.write()).unwrap(), now), Ok(Some(text)));
            assert_eq!(joined.expires_at(), None);
        }
    }

    #[test]
    fn a_text_that_is_too_long_is_neither_cut_nor_joined() {
        assert_eq!(cut(1, &"a".repeat(LONGEST_BYTES)).map(|parts| parts.len()), Ok(5));
        assert_eq!(cut(1, &"a".repeat(LONGEST_BYTES + 1)), Err(Refusal::TooLong));
        let now = Instant::now();
        let mut joined = Joined::default();
        let quarter = "a".repeat(LONGEST_BYTES / 4);
        for at in 0..4 {
            assert_eq!(joined.add(part(1, at, 9, &quarter), now), Ok(None));
        }
        assert_eq!(joined.add(part(1, 4, 9, "a"), now), Err(Refusal::TooLong));
        assert_eq!(joined.add(part(1, 5, 9, "a"), now), Err(Refusal::OutOfOrder));
    }

    #[test]
    fn parts_come_in_their_order_and_a_text_that_begins_gives_up_the_one_before_it() {
        let now = Instant::now();
        let mut joined = Joined::default();
        assert_eq!(joined.add(part(1, 1, 2, "b"), now), Err(Refusal::OutOfOrder));
        for wrong in [part(1, 2, 3, "c"), part(2, 1, 3, "b"), part(1, 1, 2, "b")] {
            assert_eq!(joined.add(part(1, 0, 3, "a"), now), Ok(None));
            assert_eq!(joined.add(wrong, now), Err(Refusal::OutOfOrder));
            assert_eq!(joined.add(part(1, 1, 3, "b"), now), Err(Refusal::OutOfOrder));
        }
        joined.add(part(1, 0, 2, "a"), now).unwrap();
        joined.add(part(2, 0, 2, "c"), now).unwrap();
        assert_eq!(joined.add(part(2, 1, 2, "d"), now), Ok(Some("cd".to_owned())));
        assert_eq!(joined.add(part(3, 0, 0, ""), now), Err(Refusal::OutOfOrder));
        assert_eq!(Part::read(&[0; 7]), Err(Refusal::Short));
    }

    #[test]
    fn half_a_text_is_not_waited_for_for_long() {
        let start = Instant::now();
        let mut joined = Joined::default();
        joined.add(part(1, 0, 2, "a"), start).unwrap();
        assert_eq!(joined.expires_at(), Some(start + PATIENCE));
        joined.expire(start + PATIENCE - Duration::from_millis(1));
        assert!(joined.expires_at().is_some());
        assert_eq!(joined.add(part(1, 1, 2, "b"), start + PATIENCE), Err(Refusal::Late));
        joined.add(part(1, 0, 2, "a"), start).unwrap();
        joined.expire(start + PATIENCE);
        assert_eq!(joined.expires_at(), None);
    }

    #[test]
    fn what_is_not_utf_8_is_no_text() {
        let broken = Part { id: 1, part: 0, of: 1, bytes: vec![0xff] };
        assert_eq!(Joined::default().add(broken, Instant::now()), Err(Refusal::NotUtf8));
    }
}
