//! Pictures of MPEG-1 and MPEG-2 shown at once.
//!
//! A decoder holds each picture back until the next one tells that none is to be shown before it. A picture that only
//! repeats it, of the kind that is never held back, brings it out: every macroblock is a copy of the one just decoded
//! (a B picture, backward, motion zero: 11172-2 §2.4.3.6, 13818-2 §6.2.5). A sender who makes such pictures itself needs
//! the order, and is left alone.

/// Follows one sender's pictures.
#[derive(Clone, Copy, Debug, Default)]
pub struct Echo {
    sequence: Option<Sequence>,
    reorders: bool,
}

#[derive(Clone, Copy, Debug)]
struct Sequence {
    columns: usize,
    lines: usize,
    generation: Generation,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Generation {
    First,
    Second { progressive: bool },
}

/// A picture's header, as far as it matters here.
#[derive(Clone, Copy, Debug)]
struct Header {
    /// The first two bytes: its place in the group, and its kind.
    bytes: [u8; 2],
    whole_frame: bool,
}

const BIDIRECTIONAL: u8 = 3;
/// More rows than this would need a longer slice header.
const MOST_ROWS: usize = 175;

impl Echo {
    /// What repeats the picture of `unit`, to be decoded after it. None: it comes out by itself.
    pub fn of(&mut self, unit: &[u8]) -> Option<Vec<u8>> {
        let header = self.read(unit)?;
        self.reorders |= header.bytes[1] >> 3 & 7 == BIDIRECTIONAL;
        let sequence = self.sequence.filter(|_| header.whole_frame && !self.reorders)?;
        (sequence.rows() <= MOST_ROWS).then(|| sequence.picture(header.bytes))
    }

    /// All that comes before the first slice.
    fn read(&mut self, unit: &[u8]) -> Option<Header> {
        let (mut rest, mut found) = (unit, None);
        while let Some(at) = rest.windows(3).position(|window| window == [0, 0, 1]) {
            rest = &rest[at + 3..];
            match rest {
                [0xb3, a, b, c, ..] => self.sequence = Some(Sequence::new(*a, *b, *c)),
                [0xb5, a, b, ..] if a >> 4 == 1 => {
                    let second = Generation::Second { progressive: b & 0x08 != 0 };
                    self.sequence = self.sequence.map(|before| Sequence { generation: second, ..before });
                }
                [0xb5, a, _, c, ..] if a >> 4 == 8 => {
                    found = found.map(|header| Header { whole_frame: c & 3 == 3, ..header });
                }
                [0x00, a, b, ..] => found = Some(Header { bytes: [*a, *b], whole_frame: true }),
                [0x01..=0xaf, ..] => break,
                _ => {}
            }
        }
        found
    }
}

impl Sequence {
    fn new(a: u8, b: u8, c: u8) -> Self {
        let columns = usize::from(a) << 4 | usize::from(b >> 4);
        let lines = usize::from(b & 0x0f) << 8 | usize::from(c);
        Self { columns, lines, generation: Generation::First }
    }

    /// Of macroblocks; two fields of whole macroblocks where there may be fields.
    const fn rows(self) -> usize {
        match self.generation {
            Generation::Second { progressive: false } => 2 * self.lines.div_ceil(32),
            _ => self.lines.div_ceil(16),
        }
    }

    fn picture(self, place: [u8; 2]) -> Vec<u8> {
        let first = self.generation == Generation::First;
        // Its kind, then a delay that says nothing, then both ranges of motion: the second generation has its own.
        let (kind, range) = (BIDIRECTIONAL << 3 | 7, if first { 1 } else { 7 });
        let mut bytes = vec![0, 0, 1, 0, place[0], place[1] & 0xc0 | kind, 0xff, 0xf8 | range >> 1];
        bytes.push((range & 1) << 7 | range << 3);
        if !first {
            // Ranges of one, a frame, its macroblocks predicted as frames, progressive.
            bytes.extend_from_slice(&[0, 0, 1, 0xb5, 0x81, 0x11, 0x13, 0x41, 0x80]);
        }
        let slice = self.slice();
        for row in 1..=self.rows() {
            bytes.extend_from_slice(&[0, 0, 1, u8::try_from(row).unwrap_or(u8::MAX)]);
            bytes.extend_from_slice(&slice);
        }
        bytes
    }

    /// One row: a quantiser, then each macroblock the next one (1), backward without a rest (010), motion zero (1, 1).
    fn slice(self) -> Vec<u8> {
        let blocks = std::iter::repeat_n([1, 0, 1, 0, 1, 1], self.columns.div_ceil(16)).flatten();
        let bits: Vec<u8> = [0, 0, 0, 0, 1, 0].into_iter().chain(blocks).collect();
        bits.chunks(8)
            .map(|bits| bits.iter().enumerate().fold(0, |byte, (n, bit)| byte | bit << (7 - n)))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use proptest::sample::select;

    use super::*;

    const GENERATIONS: [Generation; 3] = [
        Generation::First,
        Generation::Second { progressive: false },
        Generation::Second { progressive: true },
    ];
    /// Both headers, and as many rows as there may be of as many macroblocks as a sequence can have: 256, of 6 bits.
    const LARGEST: usize = 18 + MOST_ROWS * (4 + 193);

    /// A sequence of this size, then a picture of this kind.
    fn unit(kind: u8) -> Vec<u8> {
        vec![
            0,
            0,
            1,
            0xb3,
            0x50,
            0x02,
            0xd0,
            0x15,
            0,
            0,
            1,
            0x00,
            0x00,
            0x40 | kind << 3,
            0,
            0,
            0,
            1,
            0x01,
            0x0a,
        ]
    }

    #[test]
    fn an_echo_has_a_slice_for_each_row_of_macroblocks() {
        let echo = Echo::default().of(&unit(1)).unwrap();
        let codes: Vec<_> = echo.windows(4).filter(|w| w[..3] == [0, 0, 1]).map(|w| w[3]).collect();
        assert_eq!(codes, (0..=45).collect::<Vec<_>>());
        assert_eq!(&echo[..9], [0, 0, 1, 0, 0, 0x5f, 0xff, 0xf8, 0x88]);
        // 6 bits before and 80 macroblocks of 6 bits.
        assert_eq!(echo.len(), 9 + 45 * (4 + 61));
    }

    #[test]
    fn a_sender_who_reorders_pictures_is_left_alone() {
        let mut echo = Echo::default();
        assert!(echo.of(&unit(2)).is_some());
        assert!(echo.of(&unit(3)).is_none());
        assert!(echo.of(&unit(2)).is_none());
    }

    #[test]
    fn what_has_no_sequence_or_no_picture_has_no_echo() {
        for unit in [&unit(1)[8..], &unit(1)[..8], &[]] {
            assert!(Echo::default().of(unit).is_none());
        }
    }

    /// A sequence of this size and generation, then a picture of this kind at this place in its group.
    fn sized((columns, lines): (usize, usize), generation: Generation, kind: u8, place: u16) -> Vec<u8> {
        let mut bytes = vec![0, 0, 1, 0xb3, (columns >> 4) as u8];
        bytes.extend([((columns & 0x0f) << 4 | lines >> 8) as u8, lines as u8]);
        if let Generation::Second { progressive } = generation {
            bytes.extend([0, 0, 1, 0xb5, 0x10, u8::from(progressive) << 3]);
        }
        bytes.extend([0, 0, 1, 0x00, (place >> 2) as u8, (place << 6) as u8 | kind << 3]);
        bytes.extend([0, 0, 1, 0x01, 0x0a]);
        bytes
    }

    fn byte() -> impl Strategy<Value = u8> {
        prop_oneof![
            4 => Just(0_u8),
            3 => Just(1_u8),
            2 => select(vec![0xb3_u8, 0xb5, 0x18, 0x80]),
            1 => any::<u8>(),
        ]
    }

    proptest! {
        #[test]
        fn an_echo_of_any_size_stands_at_the_pictures_place_and_has_its_rows(
            size in (16..4096_usize, 1..4096_usize),
            generation in select(GENERATIONS.to_vec()),
            kind in 1..BIDIRECTIONAL,
            place in 0..1024_u16,
        ) {
            let rows = match generation {
                Generation::Second { progressive: false } => 2 * size.1.div_ceil(32),
                _ => size.1.div_ceil(16),
            };
            let echo = Echo::default().of(&sized(size, generation, kind, place));
            prop_assert_eq!(echo.is_some(), rows <= MOST_ROWS);
            let Some(echo) = echo else { return Ok(()) };
            let codes = echo.windows(4).filter(|w| w[..3] == [0, 0, 1]).map(|w| usize::from(w[3]));
            let codes: Vec<_> = codes.filter(|code| *code != 0xb5).collect();
            prop_assert_eq!(codes, (0..=rows).collect::<Vec<_>>());
            prop_assert_eq!([echo[4], echo[5] & 0xc0], [(place >> 2) as u8, (place << 6) as u8]);
        }

        #[test]
        fn whatever_comes_an_echo_is_bounded_and_has_none_itself(
            units in prop::collection::vec(prop::collection::vec(byte(), 0..60), 0..6),
        ) {
            let mut echo = Echo::default();
            for unit in &units {
                let Some(bytes) = echo.of(unit) else { continue };
                prop_assert!(bytes.len() <= LARGEST, "{} bytes", bytes.len());
                let mut again = echo;
                prop_assert_eq!(again.of(&bytes), None);
            }
        }
    }
}
