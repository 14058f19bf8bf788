//! What a file begins with: its tracks, without a sample (§8.2 to §8.8).

use bytes::Bytes;

use super::PICTURE_RATE_HZ;
use super::boxes::{boxed, full, words};
use crate::aac;

pub(super) const PICTURE: u32 = 1;
pub(super) const SOUND: u32 = 2;

/// Of the whole, in which nothing is told.
const MOVIE_RATE_HZ: u32 = 1000;

/// As it is, in 16.16 and 2.30.
const UPRIGHT: [u32; 9] = [0x1_0000, 0, 0, 0, 0x1_0000, 0, 0, 0, 0x4000_0000];
/// In 16.16, and in 8.8.
const ONE: u32 = 0x1_0000;
const FULL_VOLUME: u32 = 0x0100_0000;

/// A track is used, and part of what is shown.
const SHOWN: u32 = 3;
/// The language is not said.
const UNDETERMINED: u32 = 0x55c4_0000;

pub(super) struct Picture {
    /// Pixels.
    pub(super) size: [u32; 2],
    pub(super) sets: [Bytes; 2],
}

pub(super) fn write(picture: &Picture, sound: Option<aac::Format>) -> Bytes {
    let kind = boxed(b"ftyp", &[b"iso5", &words([512]), b"iso5iso6mp41"]);
    let [width, height] = picture.size;
    let shown = track(
        &Shape { id: PICTURE, volume: 0, size: [width << 16, height << 16] },
        &media_of_picture(picture),
    );
    let heard = sound.map(|format| {
        track(&Shape { id: SOUND, volume: FULL_VOLUME, size: [0, 0] }, &media_of_sound(format))
    });
    let fragments: Vec<u8> =
        [Some(PICTURE), sound.map(|_| SOUND)].into_iter().flatten().flat_map(defaults).collect();
    let movie = boxed(
        b"moov",
        &[&movie_header(), &shown, &heard.unwrap_or_default(), &boxed(b"mvex", &[&fragments])],
    );
    [kind, movie].concat().into()
}

fn movie_header() -> Vec<u8> {
    let times = words([0, 0, MOVIE_RATE_HZ, 0, ONE, FULL_VOLUME, 0, 0]);
    full(b"mvhd", 0, 0, &[&times, &words(UPRIGHT), &words([0; 6]), &words([SOUND + 1])])
}

/// What is the same of all samples of a track: nothing but their description.
fn defaults(track: u32) -> Vec<u8> {
    full(b"trex", 0, 0, &[&words([track, 1, 0, 0, 0])])
}

/// How a track is presented.
struct Shape {
    id: u32,
    volume: u32,
    /// In 16.16.
    size: [u32; 2],
}

fn track(shape: &Shape, media: &[u8]) -> Vec<u8> {
    let times = words([0, 0, shape.id, 0, 0, 0, 0, 0, shape.volume]);
    let header = full(b"tkhd", 0, SHOWN, &[&times, &words(UPRIGHT), &words(shape.size)]);
    boxed(b"trak", &[&header, media])
}

fn media_of_picture(Picture { size, sets }: &Picture) -> Vec<u8> {
    let [width, height] = size.map(|side| u16::try_from(side).unwrap_or(u16::MAX).to_be_bytes());
    // 72 pixels an inch, one picture a sample, without a name, in colour.
    let looks = [&words([0x48_0000, 0x48_0000, 0])[..], &[0, 1], &[0; 32], &[0, 0x18, 0xff, 0xff]].concat();
    let entry = boxed(
        b"avc1",
        &[&[0, 0, 0, 0, 0, 0, 0, 1], &[0; 16], &width, &height, &looks, &decoder_of_picture(sets)],
    );
    media(PICTURE_RATE_HZ, b"vide", &full(b"vmhd", 0, 1, &[&[0; 8]]), &entry)
}

/// 14496-15 §5.3.3.1; lengths have four bytes.
fn decoder_of_picture([sequence, picture]: &[Bytes; 2]) -> Vec<u8> {
    let length = |set: &Bytes| u16::try_from(set.len()).unwrap_or(u16::MAX).to_be_bytes();
    let profile = &sequence[1..4];
    boxed(
        b"avcC",
        &[&[1], profile, &[0xff, 0xe1], &length(sequence), sequence, &[1], &length(picture), picture],
    )
}

fn media_of_sound(format: aac::Format) -> Vec<u8> {
    let rate_hz = format.sample_rate_hz();
    let [_, _, high, low] = rate_hz.to_be_bytes();
    // Sixteen bits, of which nobody takes notice.
    let sounds = [0, format.channels(), 0, 16, 0, 0, 0, 0, high, low, 0, 0];
    let entry = boxed(
        b"mp4a",
        &[&[0, 0, 0, 0, 0, 0, 0, 1], &[0; 8], &sounds, &full(b"esds", 0, 0, &[&decoder_of_sound(format)])],
    );
    media(rate_hz, b"soun", &full(b"smhd", 0, 0, &[&[0; 4]]), &entry)
}

/// Descriptors within one another, each a tag and a length (14496-1 §7.2.6).
fn decoder_of_sound(format: aac::Format) -> Vec<u8> {
    let [a, b] = format.config();
    let config = [0x05, 2, a, b];
    // MPEG-4 audio, a stream of sound, whose buffer and bitrate are not said.
    let decoder = [&[0x04, 13 + 4, 0x40, 0x15][..], &[0; 11], &config].concat();
    let framing = [0x06, 1, 2];
    let length = u8::try_from(3 + decoder.len() + framing.len()).unwrap_or(u8::MAX);
    [&[0x03, length, 0, 0, 0][..], &decoder, &framing].concat()
}

fn media(rate_hz: u32, handler: &[u8; 4], header: &[u8], entry: &[u8]) -> Vec<u8> {
    let times = full(b"mdhd", 0, 0, &[&words([0, 0, rate_hz, 0, UNDETERMINED])]);
    let handler = full(b"hdlr", 0, 0, &[&[0; 4], handler, &[0; 12], &[0]]);
    // The samples are in this file.
    let here = full(b"dref", 0, 0, &[&words([1]), &full(b"url ", 0, 1, &[])]);
    let none = |name| full(name, 0, 0, &[&words([0])]);
    let sizes = full(b"stsz", 0, 0, &[&words([0, 0])]);
    let description = full(b"stsd", 0, 0, &[&words([1]), entry]);
    let table = boxed(b"stbl", &[&description, &none(b"stts"), &none(b"stsc"), &sizes, &none(b"stco")]);
    let inner = boxed(b"minf", &[header, &boxed(b"dinf", &[&here]), &table]);
    boxed(b"mdia", &[&times, &handler, &inner])
}
