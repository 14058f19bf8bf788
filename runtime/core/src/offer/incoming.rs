//! The offer of a publisher: what it sends that we can decode.

use super::answer::Outline;
use super::check::Violation;
use super::counting;
use super::section::{self, Direction, Section, push_line};
use super::selection::{Carried, Reading, Selection, open, select};
use super::transport::Transport;
use super::{Fault, lines};
use crate::media::Kind;

/// How media is encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Encoding {
    Vp8,
    Vp9,
    H264,
    Opus,
}

/// One encoding as the offer numbers and describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Format {
    pub encoding: Encoding,
    pub payload_type: u8,
    /// The `a=fmtp` parameters, which the answer repeats.
    pub fmtp: String,
    pub refresh: Refresh,
}

/// How its sender wants to be asked for a whole picture (RFC 4585 §6.3.1, RFC 5104 §4.3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refresh {
    PictureLoss,
    FullIntra,
}

/// The offer of a publisher, that can be answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Incoming {
    /// The reduced offer.
    pub sdp: String,
    /// How the publisher is reached and known.
    pub transport: Transport,
    /// What may arrive, in the publisher's order.
    pub formats: Vec<Format>,
    /// Whether reports of arrival are wanted for each packet (transport-wide congestion control).
    pub reports_arrival: bool,
    outline: Outline,
}

/// Reads the offer of a publisher. The first video and the first audio that it sends are taken.
pub fn incoming(text: &str) -> Result<Incoming, Fault> {
    let lines = lines(text)?;
    let wants = |direction: Direction| direction.sends;
    let selection = select(text, &lines, Reading { wants, nothing: Fault::NothingSent, codecs: known })?;
    let sdp = selection.reduce(&lines, receive_into);
    let Selection { media, transport, outline, .. } = selection;
    let reports_arrival =
        media.iter().any(|(place, _)| counting::extension(&lines.sections[*place]).is_some());
    let formats = media.into_iter().flat_map(|(_, formats)| formats).collect();
    Ok(Incoming { sdp, transport, formats, reports_arrival, outline })
}

impl Incoming {
    /// The stack's answer to [`Incoming::sdp`], made one to the offer of the publisher and held against it.
    pub fn answer(&self, raw: &str) -> Result<String, Violation> {
        self.outline.answer(raw)
    }
}

impl Carried for Vec<Format> {
    fn payload_types(&self) -> Vec<u8> {
        self.iter().map(|format| format.payload_type).collect()
    }
}

impl Encoding {
    /// As in `a=rtpmap`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Vp8 => "VP8",
            Self::Vp9 => "VP9",
            Self::H264 => "H264",
            Self::Opus => "OPUS",
        }
    }

    pub const fn kind(self) -> Kind {
        match self {
            Self::Vp8 | Self::Vp9 | Self::H264 => Kind::Video,
            Self::Opus => Kind::Audio,
        }
    }
}

/// What of a section can be decoded. None at all is a fault: the publisher would send into nothing.
pub(super) fn known(section: &Section<'_>, kind: Kind) -> Result<Vec<Format>, Fault> {
    let formats: Vec<Format> =
        section.payload_types().filter_map(|number| format(section, kind, number)).collect();
    let needed = match kind {
        Kind::Video => "VP8, VP9 (profile 0) or H.264 (packetization-mode=1)",
        Kind::Audio => "Opus (opus/48000/2)",
    };
    if formats.is_empty() { Err(Fault::NoCodec { kind: kind.media(), needed }) } else { Ok(formats) }
}

fn format(section: &Section<'_>, kind: Kind, payload_type: u8) -> Option<Format> {
    let name = section.described("rtpmap", payload_type)?.to_ascii_lowercase();
    let fmtp = section.described("fmtp", payload_type).unwrap_or_default();
    let parameter = |name| section::parameter(fmtp, name);
    let encoding = match (kind, name.as_str()) {
        (Kind::Video, "vp8/90000") => Encoding::Vp8,
        (Kind::Video, "vp9/90000") if parameter("profile-id").is_none_or(|id| id == "0") => Encoding::Vp9,
        // Who says nothing at all (GStreamer) means 1 all the same.
        (Kind::Video, "h264/90000") if fmtp.is_empty() || parameter("packetization-mode") == Some("1") => {
            Encoding::H264
        }
        (Kind::Audio, "opus/48000/2") => Encoding::Opus,
        _ => return None,
    };
    let says = |what: &str| section.feedback(payload_type).any(|text| text == what);
    let refresh =
        if says("ccm fir") && !says("nack pli") { Refresh::FullIntra } else { Refresh::PictureLoss };
    Some(Format { encoding, payload_type, fmtp: fmtp.to_owned(), refresh })
}

/// A section that is received.
fn receive_into(out: &mut String, section: &Section<'_>, formats: &Vec<Format>) {
    taken_into(out, section, formats, Direction { sends: true, receives: false });
}

/// A section of the peer's, which goes that way: its formats, its first stream, and nothing else.
pub(super) fn taken_into(
    out: &mut String,
    section: &Section<'_>,
    formats: &Vec<Format>,
    direction: Direction,
) {
    let kind = section.kind().map(Kind::media).unwrap_or_default();
    open(out, kind, &formats.payload_types(), direction.word());
    // The one header extension that is answered: without its feedback a sender feels its way up from a poor picture.
    if let Some(number) = counting::extension(section) {
        counting::extend(out, number);
    }
    describe(out, section, formats);
    announce(out, section, direction);
}

/// The stream in which the section's sender sends, if it does.
pub(super) fn announce(out: &mut String, section: &Section<'_>, direction: Direction) {
    let kind = section.kind().map(Kind::media).unwrap_or_default();
    if let Some(ssrc) = stream(section).filter(|_| direction.sends) {
        push_line(out, &format!("a=msid:peer {kind}"));
        push_line(out, &format!("a=ssrc:{ssrc} cname:peer"));
    }
}

/// Formats as their section has them.
fn describe(out: &mut String, section: &Section<'_>, formats: &[Format]) {
    for format in formats {
        let number = format.payload_type;
        for name in ["rtpmap", "fmtp"] {
            let text = section.described(name, number);
            text.iter().for_each(|text| push_line(out, &format!("a={name}:{number} {text}")));
        }
        section.feedback(number).for_each(|what| push_line(out, &format!("a=rtcp-fb:{number} {what}")));
    }
}

/// The stream that the section announces, without those that only repair it (RFC 5576 §4.2).
fn stream(section: &Section<'_>) -> Option<u32> {
    let repairs: Vec<&str> = section
        .attributes("ssrc-group")
        .filter_map(|group| group.strip_prefix("FID ").or(group.strip_prefix("FEC-FR ")))
        .flat_map(|group| group.split_whitespace().skip(1))
        .collect();
    let mut announced = section.attributes("ssrc").filter_map(|text| text.split(' ').next());
    announced.find(|ssrc| !repairs.contains(ssrc))?.parse().ok()
}

#[cfg(test)]
mod tests;
