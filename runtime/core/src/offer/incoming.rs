//! The offer of a publisher: what it sends that we can decode.

use super::section::{Section, is_candidate, push_line};
use super::{Fault, codec, leader, lines, reduce_session};
use crate::media::Kind;

/// The one header extension that is answered (its URI): without its feedback a sender feels its way up from a poor picture.
pub const TRANSPORT_CC: &str = "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01";

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
    /// The publisher's ICE user fragment.
    pub ufrag: String,
    /// What may arrive, in the publisher's order.
    pub formats: Vec<Format>,
    /// Whether reports of arrival are wanted for each packet (transport-wide congestion control).
    pub reports_arrival: bool,
    /// Which sections are received, in the order of the offer.
    taken: Vec<bool>,
}

/// Reads the offer of a publisher. The first video and the first audio that it sends are taken.
pub fn incoming(text: &str) -> Result<Incoming, Fault> {
    let lines = lines(text)?;
    let first = |kind| lines.sections.iter().position(|one| one.kind() == Some(kind) && one.sends());
    let wanted = [first(Kind::Video), first(Kind::Audio)];
    let taken: Vec<bool> = (0..lines.sections.len()).map(|index| wanted.contains(&Some(index))).collect();
    let sent: Vec<&Section<'_>> = wanted.into_iter().flatten().map(|index| &lines.sections[index]).collect();
    if sent.is_empty() {
        return Err(Fault::NothingSent);
    }
    let lead = leader(&lines, &sent)?;
    let ufrag = super::check_transport(&lines.session, lead)?.to_owned();
    let mut formats = Vec::new();
    for section in &sent {
        formats.extend(known(section)?);
    }
    let mut sdp = reduce_session(&lines.session);
    for (section, taken) in lines.sections.iter().zip(&taken) {
        match (section.kind(), taken) {
            (Some(_), true) => receive_into(&mut sdp, section),
            (Some(_), false) => refuse_into(&mut sdp, section),
            // A data channel: nobody speaks in it, and some peers cannot be refused one.
            (None, _) => section.reduce_into(&mut sdp, None),
        }
        lead.transport().for_each(|line| push_line(&mut sdp, line));
    }
    let reports_arrival = sent.iter().any(|section| transport_cc(section).is_some());
    Ok(Incoming { sdp, ufrag, formats, reports_arrival, taken })
}

impl Incoming {
    /// The answer with each section that is not received marked so: the stack answers all of them alike. All say where
    /// we are: of two sections that share a transport, aiortc reads the candidates of the last alone.
    pub fn finish(&self, answer: &str) -> String {
        let candidates: Vec<&str> = answer.lines().filter(|line| is_candidate(line)).collect();
        let mut taken = self.taken.iter();
        let mut refused = false;
        let mut out = String::new();
        for line in answer.lines() {
            if line.starts_with("m=") {
                let received = *taken.next().unwrap_or(&false);
                refused = !received && !line.starts_with("m=application");
            }
            match line {
                "a=recvonly" | "a=sendrecv" | "a=sendonly" if refused => push_line(&mut out, "a=inactive"),
                line if is_candidate(line) => {}
                line => push_line(&mut out, line),
            }
            if line.starts_with("a=mid:") {
                candidates.iter().for_each(|candidate| push_line(&mut out, candidate));
            }
        }
        out
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
fn known(section: &Section<'_>) -> Result<Vec<Format>, Fault> {
    let formats: Vec<Format> = section.payload_types().filter_map(|number| format(section, number)).collect();
    let kind = section.kind().map(codec::word).unwrap_or_default();
    let needed = match section.kind() {
        Some(Kind::Video) => "VP8, VP9 (profile 0) or H.264 (packetization-mode=1)",
        _ => "Opus (opus/48000/2)",
    };
    if formats.is_empty() { Err(Fault::NoCodec { kind, needed }) } else { Ok(formats) }
}

fn format(section: &Section<'_>, payload_type: u8) -> Option<Format> {
    let name = section.described("rtpmap", payload_type)?.to_ascii_lowercase();
    let fmtp = section.described("fmtp", payload_type).unwrap_or_default();
    let parameter = |name| codec::parameter(fmtp, name);
    let encoding = match (section.kind()?, name.as_str()) {
        (Kind::Video, "vp8/90000") => Encoding::Vp8,
        (Kind::Video, "vp9/90000") if parameter("profile-id").is_none_or(|id| id == "0") => Encoding::Vp9,
        // Who says nothing at all (GStreamer) means 1 all the same.
        (Kind::Video, "h264/90000") if fmtp.is_empty() || parameter("packetization-mode") == Some("1") => {
            Encoding::H264
        }
        (Kind::Audio, "opus/48000/2") => Encoding::Opus,
        _ => return None,
    };
    let says = |what: &str| feedback(section, payload_type).any(|text| text == what);
    let refresh =
        if says("ccm fir") && !says("nack pli") { Refresh::FullIntra } else { Refresh::PictureLoss };
    Some(Format { encoding, payload_type, fmtp: fmtp.to_owned(), refresh })
}

/// The values of `a=rtcp-fb` that concern a payload type.
fn feedback<'a>(section: &Section<'a>, payload_type: u8) -> impl Iterator<Item = &'a str> {
    section.attributes("rtcp-fb").filter_map(move |text| {
        let (number, what) = text.split_once(' ')?;
        (number == "*" || number.parse() == Ok(payload_type)).then_some(what.trim())
    })
}

/// A section that is received: its formats, its first stream, and nothing else.
fn receive_into(out: &mut String, section: &Section<'_>) {
    let formats = known(section).unwrap_or_default();
    let numbers: Vec<String> = formats.iter().map(|format| format.payload_type.to_string()).collect();
    push_line(out, &format!("m={} {}", section.opening(), numbers.join(" ")));
    push_line(out, "c=IN IP4 0.0.0.0");
    section.attribute("mid").iter().for_each(|mid| push_line(out, &format!("a=mid:{mid}")));
    push_line(out, "a=sendonly");
    push_line(out, "a=rtcp-mux");
    if let Some(number) = transport_cc(section) {
        push_line(out, &format!("a=extmap:{number} {TRANSPORT_CC}"));
    }
    for format in &formats {
        let number = format.payload_type;
        for name in ["rtpmap", "fmtp"] {
            let text = section.described(name, number);
            text.iter().for_each(|text| push_line(out, &format!("a={name}:{number} {text}")));
        }
        feedback(section, number).for_each(|what| push_line(out, &format!("a=rtcp-fb:{number} {what}")));
    }
    if let Some(ssrc) = stream(section) {
        let word = section.kind().map(codec::word).unwrap_or_default();
        push_line(out, &format!("a=msid:publisher {word}"));
        push_line(out, &format!("a=ssrc:{ssrc} cname:publisher"));
    }
}

/// One that is not: still there, since sections are counted, and inactive.
fn refuse_into(out: &mut String, section: &Section<'_>) {
    let mut reduced = String::new();
    section
        .reduce_into(&mut reduced, section.payload_types().find(|number| format(section, *number).is_some()));
    for line in reduced.lines() {
        if !matches!(line, "a=sendrecv" | "a=sendonly" | "a=recvonly" | "a=inactive") {
            push_line(out, line);
        }
    }
    push_line(out, "a=inactive");
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

fn transport_cc(section: &Section<'_>) -> Option<u8> {
    section.attributes("extmap").find_map(|text| {
        let (number, uri) = text.split_once(' ')?;
        let number = number.split('/').next()?.parse().ok()?;
        // One-byte headers number to 14 (RFC 8285 §4.2).
        (uri.trim() == TRANSPORT_CC && (1..15).contains(&number)).then_some(number)
    })
}

#[cfg(test)]
mod tests;
