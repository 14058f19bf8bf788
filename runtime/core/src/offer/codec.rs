//! Which of the offered codecs is sent.

use super::section::{Section, parameter, push_line};
use super::selection::Carried;
use super::{Codec, Encoding, Fault, level};
use crate::media::Kind;

/// What a viewer means who offers H.264 and says no more (GStreamer does).
const PLAIN_H264: &str = "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f";

/// The payload types of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Numbers {
    pub payload_type: u8,
    /// Under which what is lost is sent again (RFC 4588), if the peer takes that.
    pub repair: Option<u8>,
}

pub(super) fn choose(section: &Section<'_>, kind: Kind, known: &[Encoding]) -> Result<Codec, Fault> {
    let ranked = section.payload_types().filter_map(|number| {
        let codec = candidate(section, kind, number).filter(|codec| known.contains(&codec.encoding))?;
        Some((suitability(&codec)?, codec))
    });
    first_best(ranked).map(|codec| Codec { fmtp: level::answered(&codec.fmtp), ..codec }).ok_or(
        Fault::NoCodec {
            kind: kind.media(),
            needed: match kind {
                Kind::Video if known.contains(&Encoding::Vp8) => "H.264 with packetization-mode=1, or VP8",
                Kind::Video => "H.264 with packetization-mode=1",
                Kind::Audio => "Opus (opus/48000/2)",
            },
        },
    )
}

impl Carried for Codec {
    fn payload_types(&self) -> Vec<u8> {
        [self.payload_type].into_iter().chain(self.repair).collect()
    }
}

/// The first of the greatest: the viewer's order decides between equals.
fn first_best(ranked: impl Iterator<Item = (u8, Codec)>) -> Option<Codec> {
    ranked.reduce(|best, other| if other.0 > best.0 { other } else { best }).map(|(_, codec)| codec)
}

fn candidate(section: &Section<'_>, kind: Kind, payload_type: u8) -> Option<Codec> {
    let name = section.described("rtpmap", payload_type)?.to_ascii_lowercase();
    let encoding = match (kind, name.as_str()) {
        (Kind::Video, "h264/90000") => Encoding::H264,
        (Kind::Video, "vp8/90000") => Encoding::Vp8,
        (Kind::Audio, "opus/48000/2") => Encoding::Opus,
        _ => return None,
    };
    let fmtp = section.described("fmtp", payload_type).unwrap_or(match encoding {
        Encoding::H264 => PLAIN_H264,
        _ => "",
    });
    let repair = section.payload_types().find(|number| repairs(section, *number, payload_type));
    let repair = repair.filter(|_| kind == Kind::Video);
    Some(Codec { encoding, payload_type, fmtp: fmtp.to_owned(), repair })
}

/// Whether what is lost under a number is sent again under another (RFC 4588 §8.6).
pub(super) fn repairs(section: &Section<'_>, number: u8, lost: u8) -> bool {
    let is_rtx =
        section.described("rtpmap", number).is_some_and(|name| name.eq_ignore_ascii_case("rtx/90000"));
    let of = section.described("fmtp", number).and_then(|fmtp| parameter(fmtp, "apt"));
    is_rtx && of.is_some_and(|of| of.parse() == Ok(lost))
}

pub(super) fn write_repair(out: &mut String, repair: u8, lost: u8) {
    push_line(out, &format!("a=rtpmap:{repair} rtx/90000"));
    push_line(out, &format!("a=fmtp:{repair} apt={lost}"));
}

/// Greater is better. Constrained baseline is what we send; each other profile decodes it too. VP8 is for whoever knows nothing else.
fn suitability(codec: &Codec) -> Option<u8> {
    if codec.encoding != Encoding::H264 {
        return Some(0);
    }
    let fmtp = &codec.fmtp;
    if parameter(fmtp, "packetization-mode") != Some("1") {
        return None;
    }
    // RFC 6184 §8.1: without a profile, baseline is meant.
    let profile = parameter(fmtp, "profile-level-id").unwrap_or("42000a");
    let idc = profile.get(..2)?;
    let constraints = u8::from_str_radix(profile.get(2..4)?, 16).ok()?;
    const CONSTRAINT_SET1: u8 = 0x40;
    match idc {
        "42" if constraints & CONSTRAINT_SET1 != 0 => Some(3),
        "42" => Some(2),
        _ => Some(1),
    }
}
