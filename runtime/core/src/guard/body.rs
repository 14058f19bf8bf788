//! Where the body of an HTTP/1.1 message ends (RFC 9112 section 6), without reading what is in it.

/// How much of a body is still to come. Starts from the message's head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Body {
    /// So many bytes more.
    Length(u64),
    /// Somewhere in a chunked body.
    Chunked(Chunk),
}

/// A chunked body that is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the chunked body is malformed")]
pub struct Malformed;

/// Where in a chunked body the next byte stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Chunk {
    Size {
        value: u64,
        digits: u8,
    },
    /// Behind the size of the chunk, up to the end of the line.
    Extension(u64),
    /// Before the line feed that ends the line of this size.
    SizeEnd(u64),
    /// So many bytes more, then the end of a line.
    Data(u64),
    DataEnd,
    /// Behind the last chunk: a trailer, or the empty line.
    LineStart,
    Trailer,
    TrailerEnd,
    LastEnd,
    Over,
}

impl Body {
    pub const NONE: Self = Self::Length(0);
    pub const CHUNKED: Self = Self::Chunked(Chunk::Size { value: 0, digits: 0 });

    pub fn is_over(&self) -> bool {
        matches!(self, Self::Length(0) | Self::Chunked(Chunk::Over))
    }

    /// How many of these bytes belong to the body; it goes on behind them.
    pub fn take(&mut self, bytes: &[u8]) -> Result<usize, Malformed> {
        let mut taken = 0;
        while taken < bytes.len() && !self.is_over() {
            taken += match self {
                Self::Length(left) | Self::Chunked(Chunk::Data(left @ 1..)) => {
                    let here = usize::try_from(*left).unwrap_or(usize::MAX).min(bytes.len() - taken);
                    *left -= here as u64;
                    here
                }
                Self::Chunked(chunk) => {
                    *chunk = chunk.after(bytes[taken])?;
                    1
                }
            };
        }
        Ok(taken)
    }
}

impl Chunk {
    /// 2^60 bytes: a size of more digits overflows or lies.
    const MOST_DIGITS: u8 = 15;

    /// A line ends with both of its characters: who reads one as an end and who does not would disagree on the rest.
    fn after(self, byte: u8) -> Result<Self, Malformed> {
        Ok(match (self, byte) {
            (Self::Size { value, digits }, _) if byte.is_ascii_hexdigit() && digits < Self::MOST_DIGITS => {
                let digit = char::from(byte).to_digit(16).unwrap_or_default();
                Self::Size { value: value << 4 | u64::from(digit), digits: digits + 1 }
            }
            (Self::Size { value, digits: 1.. } | Self::Extension(value), b'\r') => Self::SizeEnd(value),
            (Self::Size { value, digits: 1.. }, b';' | b' ' | b'\t') => Self::Extension(value),
            (Self::Extension(value), 1..) if byte != b'\n' => Self::Extension(value),
            (Self::SizeEnd(0), b'\n') | (Self::TrailerEnd, b'\n') => Self::LineStart,
            (Self::SizeEnd(size), b'\n') => Self::Data(size),
            (Self::Data(0), b'\r') => Self::DataEnd,
            (Self::DataEnd, b'\n') => Self::Size { value: 0, digits: 0 },
            (Self::LineStart, b'\r') => Self::LastEnd,
            (Self::Trailer, b'\r') => Self::TrailerEnd,
            (Self::LineStart | Self::Trailer, 1..) if byte != b'\n' => Self::Trailer,
            (Self::LastEnd, b'\n') => Self::Over,
            _ => return Err(Malformed),
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use proptest::sample::{Index, select};

    use super::*;

    const CHUNKED: &[u8] = b"4;a=b\r\nWiki\r\n0A\r\n0123456789\r\n0\r\nTrailer: x\r\n\r\n";

    #[test]
    fn a_body_ends_where_it_says_and_what_follows_is_not_taken() {
        let mut body = Body::Length(3);
        assert_eq!(body.take(b"abcGET /"), Ok(3));
        assert!(body.is_over());
        let mut body = Body::CHUNKED;
        let both = [CHUNKED, b"GET http://other/ HTTP/1.1\r\n\r\n"].concat();
        assert_eq!(body.take(&both), Ok(CHUNKED.len()));
        assert!(body.is_over());
        assert_eq!(body.take(b"more"), Ok(0));
    }

    #[test]
    fn a_body_in_single_bytes_is_the_same_body() {
        let mut body = Body::CHUNKED;
        for byte in CHUNKED {
            assert!(!body.is_over());
            assert_eq!(body.take(&[*byte]), Ok(1));
        }
        assert!(body.is_over());
    }

    #[test]
    fn what_two_readers_could_read_differently_is_malformed() {
        let wrong: [&[u8]; 6] =
            [b"\r\n", b"4\nWiki", b"g\r\n", b"4\r\nWikiX", b"4;\nx\r\n", b"1111111111111111\r\n"];
        for bytes in wrong {
            let mut body = Body::CHUNKED;
            assert_eq!(body.take(bytes), Err(Malformed), "{:?}", String::from_utf8_lossy(bytes));
        }
    }

    /// How many of the bytes belong to it, and where in it the next one stands.
    fn taken<'a>(mut body: Body, pieces: impl Iterator<Item = &'a [u8]>) -> Result<(usize, Body), Malformed> {
        let mut total = 0;
        for piece in pieces {
            total += body.take(piece)?;
        }
        Ok((total, body))
    }

    /// A chunked body as a sender may write it.
    fn chunked() -> impl Strategy<Value = Vec<u8>> {
        let chunks = prop::collection::vec(prop::collection::vec(any::<u8>(), 1..100), 0..5);
        let extension = select(vec!["", ";a=b", " \t"]);
        let trailers = select(vec!["", "A: b\r\n", "A: b\r\nC:\r\n"]);
        (chunks, extension, trailers).prop_map(|(chunks, extension, trailers)| {
            let mut bytes = Vec::new();
            for chunk in &chunks {
                bytes.extend_from_slice(format!("{:x}{extension}\r\n", chunk.len()).as_bytes());
                bytes.extend_from_slice(chunk);
                bytes.extend_from_slice(b"\r\n");
            }
            bytes.extend_from_slice(format!("0{extension}\r\n{trailers}\r\n").as_bytes());
            bytes
        })
    }

    proptest! {
        #[test]
        fn a_chunked_body_ends_where_it_was_written_to_end_in_whatever_pieces_it_comes(
            body in chunked(),
            follows in prop::collection::vec(any::<u8>(), 0..50),
            cut in 1..70usize,
        ) {
            let both = [&body[..], &follows[..]].concat();
            let expected = (body.len(), Body::Chunked(Chunk::Over));
            prop_assert_eq!(taken(Body::CHUNKED, both.chunks(cut)), Ok(expected));
        }

        #[test]
        fn what_is_malformed_is_so_in_whatever_pieces_it_comes(
            mut bytes in prop_oneof![3 => chunked(), 1 => prop::collection::vec(any::<u8>(), 1..100)],
            changes in prop::collection::vec((any::<Index>(), select(b"0fF;\r\n \0".to_vec())), 0..4),
            cut in 1..20usize,
        ) {
            for (at, byte) in changes {
                let at = at.index(bytes.len());
                bytes[at] = byte;
            }
            let whole = taken(Body::CHUNKED, std::iter::once(&bytes[..]));
            prop_assert!(whole.is_err() || whole.is_ok_and(|(total, _)| total <= bytes.len()));
            prop_assert_eq!(taken(Body::CHUNKED, bytes.chunks(cut)), whole);
        }

        #[test]
        fn a_body_of_some_length_takes_so_many_bytes_in_whatever_pieces_they_come(
            length in prop_oneof![3 => 0..200u64, 1 => any::<u64>()],
            bytes in prop::collection::vec(any::<u8>(), 0..200),
            cut in 1..70usize,
        ) {
            let here = length.min(bytes.len() as u64);
            let expected = (here as usize, Body::Length(length - here));
            prop_assert_eq!(taken(Body::Length(length), bytes.chunks(cut)), Ok(expected));
        }
    }
}
