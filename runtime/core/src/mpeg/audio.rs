//! MPEG audio (MP3 and its elders), whose bytes come in any pieces, as frames.
//!
//! A frame is handed out with its last byte: while one follows the other there is no doubt where the next begins. What
//! is no sound (tags, garbage) is passed over, until two headers that agree are found where they should be.

use bytes::Bytes;

/// No frame is longer: layer II, 384 kbit/s, 32 kHz.
const LONGEST: usize = 1728 + 1;
const HEADER: usize = 4;
/// What a tag begins with (ID3v2 §3.1).
const TAG: &[u8] = b"ID3";
const TAG_HEADER: usize = 10;

/// What a decoder is told of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Format {
    /// 1 to 3.
    pub layer: u8,
    pub rate_hz: u32,
    pub channels: u8,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    pub format: Format,
    /// In each channel.
    pub samples: u32,
    pub data: Bytes,
}

#[derive(Clone, Debug, Default)]
pub struct Parser {
    rest: Vec<u8>,
    /// What the last frame was, if the next begins right after it.
    follows: Option<Format>,
    /// So much of a tag is yet to come.
    tag: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Header {
    format: Format,
    samples: u32,
    /// With the header.
    bytes: usize,
}

impl Parser {
    /// The frames that are complete with these bytes.
    pub fn push(&mut self, bytes: &[u8]) -> Vec<Frame> {
        let passed = self.tag.min(bytes.len());
        self.tag -= passed;
        self.rest.extend_from_slice(&bytes[passed..]);
        let all = Bytes::from(std::mem::take(&mut self.rest));
        let (mut at, mut frames) = (0, Vec::new());
        while let Some(step) = self.step(&all[at..]) {
            if let Step::Frame(header) = step {
                let data = all.slice(at..at + header.bytes);
                frames.push(Frame { format: header.format, samples: header.samples, data });
            }
            at += step.bytes();
            self.tag = at.saturating_sub(all.len());
            at = at.min(all.len());
        }
        self.rest = all[at..].to_vec();
        frames
    }

    /// Whether a tag, as a cover is, is being passed over.
    pub const fn is_within_a_tag(&self) -> bool {
        self.tag > 0
    }

    /// What is at the front. None: it cannot be told yet.
    fn step(&mut self, bytes: &[u8]) -> Option<Step> {
        if bytes.starts_with(TAG) {
            self.follows = None;
            return Some(Step::Skip(tag(bytes.first_chunk()?)));
        }
        let header = Header::parse(bytes.first_chunk::<HEADER>()?);
        let known = header.filter(|header| self.follows == Some(header.format));
        let Some(header) = known.or(header) else {
            self.follows = None;
            return Some(Step::Skip(next(bytes)));
        };
        if known.is_none() {
            // Nothing vouches for it but a second one.
            let second = bytes.get(header.bytes..)?.first_chunk::<HEADER>()?;
            if Header::parse(second).is_none_or(|second| second.format != header.format) {
                self.follows = None;
                return Some(Step::Skip(next(bytes)));
            }
        }
        bytes.get(..header.bytes)?;
        self.follows = Some(header.format);
        Some(Step::Frame(header))
    }
}

#[derive(Clone, Copy)]
enum Step {
    Frame(Header),
    Skip(usize),
}

impl Step {
    const fn bytes(self) -> usize {
        match self {
            Self::Frame(header) => header.bytes,
            Self::Skip(bytes) => bytes,
        }
    }
}

/// How long a tag is, with its header and what may repeat that at its end.
fn tag([_, _, _, _, _, flags, size @ ..]: &[u8; TAG_HEADER]) -> usize {
    let size = size.iter().fold(0, |sum, seven| sum << 7 | usize::from(seven & 0x7f));
    let footer = if flags & 0x10 == 0 { 0 } else { TAG_HEADER };
    TAG_HEADER + size + footer
}

/// To where a header may be next, at least one byte on.
fn next(bytes: &[u8]) -> usize {
    bytes.iter().skip(1).position(|byte| *byte == 0xff).map_or(bytes.len(), |at| at + 1)
}

impl Header {
    /// 11172-3 §2.4.1.3, with the lower rates of 13818-3 and their halves that only MP3 has.
    fn parse(bytes: &[u8; HEADER]) -> Option<Self> {
        let [0xff, kind, rates, mode] = *bytes else { return None };
        if kind & 0xe0 != 0xe0 {
            return None;
        }
        let halvings = match kind >> 3 & 3 {
            0b11 => 0,
            0b10 => 1,
            0b00 => 2,
            _ => return None,
        };
        let layer = 4 - (kind >> 1 & 3);
        let full_rate_hz = [44_100, 48_000, 32_000].get(usize::from(rates >> 2 & 3))?;
        let (rate_hz, first) = (full_rate_hz >> halvings, halvings == 0);
        let bitrate_bps = 1000 * kilobits(layer, Generation::of(first), rates >> 4)?;
        let padding = u32::from(rates >> 1 & 1);
        let (samples, bytes) = match (layer, first) {
            (1, _) => (384, (12 * bitrate_bps / rate_hz + padding) * 4),
            (3, false) => (576, 72 * bitrate_bps / rate_hz + padding),
            (2 | 3, _) => (1152, 144 * bitrate_bps / rate_hz + padding),
            _ => return None,
        };
        let channels = if mode >> 6 == 3 { 1 } else { 2 };
        let bytes = usize::try_from(bytes).ok().filter(|bytes| (HEADER + 1..=LONGEST).contains(bytes))?;
        Some(Self { format: Format { layer, rate_hz, channels }, samples, bytes })
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Generation {
    /// MPEG-1.
    First,
    /// MPEG-2 and its halves.
    Second,
}

impl Generation {
    const fn of(first: bool) -> Self {
        if first { Self::First } else { Self::Second }
    }
}

/// A bit rate's code in words. None: none, or one of the sender's own.
fn kilobits(layer: u8, generation: Generation, code: u8) -> Option<u32> {
    let table: [u32; 14] = match (generation, layer) {
        (Generation::First, 1) => [32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448],
        (Generation::First, 2) => [32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384],
        (Generation::First, 3) => [32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320],
        (Generation::Second, 1) => [32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256],
        (Generation::Second, 2 | 3) => [8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160],
        _ => return None,
    };
    table.get(usize::from(code.checked_sub(1)?)).copied()
}

#[cfg(test)]
mod tests;
