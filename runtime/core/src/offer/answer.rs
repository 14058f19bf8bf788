//! The answer that goes out, in the shape that its offer allows.
//!
//! The WebRTC stack sees the served sections alone, numbered by their place. What it answers comes back into those
//! places; the sections around them are answered here.

use super::check::{Violation, hold};
use super::section::{self, Lines, Section, is_candidate, is_property, push_line, value};

/// What becomes of each section of an offer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Outline {
    pub offer: String,
    pub fates: Vec<Fate>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// The stack serves it: media, or a data channel in which nobody speaks and that some peers cannot be refused.
    Served,
    /// It travels with what is served and carries nothing, in these of its formats.
    Idle(Vec<u8>),
    Refused,
}

impl Outline {
    pub fn new(offer: &str, fates: Vec<Fate>) -> Self {
        Self { offer: offer.to_owned(), fates }
    }

    /// The stack's answer made one to the whole offer, and held against it.
    pub fn answer(&self, raw: &str) -> Result<String, Violation> {
        let not_sdp = |_| Violation::NotSdp;
        let offer = section::split(&self.offer).map_err(not_sdp)?;
        let raw = section::split(raw).map_err(not_sdp)?;
        let text = self.shape(&offer, &raw);
        hold(&offer, &section::split(&text).map_err(not_sdp)?)?;
        Ok(text)
    }

    fn shape(&self, offer: &Lines<'_>, raw: &Lines<'_>) -> String {
        let mut out = String::new();
        raw.session
            .iter()
            .filter(|line| value(line, "group").is_none())
            .for_each(|line| push_line(&mut out, line));
        self.write_group(&mut out, offer);
        let common = Common::of(raw);
        for (place, (asked, fate)) in offer.sections.iter().zip(&self.fates).enumerate() {
            let mid = place.to_string();
            let given = raw.sections.iter().find(|section| section.mid() == Some(&mid));
            match (fate, given) {
                (Fate::Served, Some(given)) if !given.is_stopped() => {
                    serve(&mut out, offer, asked, given, &common);
                }
                (Fate::Idle(formats), _) => idle(&mut out, asked, formats, &common),
                (Fate::Served | Fate::Refused, _) => refuse(&mut out, asked, &common),
            }
        }
        out
    }

    /// Within the offer's group, and in its order (RFC 9143 §7.3.3).
    fn write_group(&self, out: &mut String, offer: &Lines<'_>) {
        let accepted = |place: &usize| self.fates[*place] != Fate::Refused;
        let group = offer.bundles().find(|group| group.iter().any(accepted));
        if let Some(group) = group {
            let places = group.into_iter().filter(accepted);
            let mids: Vec<&str> = places.filter_map(|place| offer.sections[place].mid()).collect();
            push_line(out, &format!("a=group:BUNDLE {}", mids.join(" ")));
        }
    }
}

/// What sections of the answer say alike.
struct Common<'a> {
    /// In each: of two sections that share a transport, aiortc reads the candidates of the last alone.
    candidates: Vec<&'a str>,
    transport: Vec<&'a str>,
}

impl<'a> Common<'a> {
    fn of(raw: &Lines<'a>) -> Self {
        let lines = || raw.sections.iter().flat_map(|section| section.lines.iter().copied());
        let of_first = raw.sections.first().into_iter().flat_map(|section| section.lines.iter().copied());
        let names = ["ice-ufrag", "ice-pwd", "fingerprint", "setup"];
        let is_transport = |line: &&str| names.iter().any(|name| value(line, name).is_some());
        Self {
            candidates: lines().filter(|line| is_candidate(line)).collect(),
            transport: of_first.filter(is_transport).collect(),
        }
    }
}

fn open(out: &mut String, asked: &Section<'_>, port: u16, formats: &[&str]) {
    let (kind, protocol) = (asked.kind_word(), asked.protocol());
    push_line(out, &format!("m={kind} {port} {protocol} {}", formats.join(" ")));
    push_line(out, "c=IN IP4 0.0.0.0");
    asked.mid().iter().for_each(|mid| push_line(out, &format!("a=mid:{mid}")));
}

fn serve(out: &mut String, offer: &Lines<'_>, asked: &Section<'_>, given: &Section<'_>, common: &Common<'_>) {
    open(out, asked, 9, &given.formats().collect::<Vec<_>>());
    common.candidates.iter().for_each(|line| push_line(out, line));
    for line in &given.lines {
        let written = !line.starts_with("a=") || value(line, "mid").is_some() || is_candidate(line);
        // What a stack says of itself although nobody asked (RFC 5506 §5.1, RFC 4585 §4.2).
        let unasked = is_property(line, "rtcp-rsize") && !offer.has(asked, "rtcp-rsize")
            || value(line, "rtcp-fb").is_some_and(|text| !is_asked(asked, text));
        if !written && !unasked {
            push_line(out, line);
        }
    }
}

fn is_asked(asked: &Section<'_>, feedback: &str) -> bool {
    let Some((number, what)) = feedback.split_once(' ') else { return false };
    number.parse().is_ok_and(|number| asked.feedback(number).any(|other| other == what.trim()))
}

fn idle(out: &mut String, asked: &Section<'_>, formats: &[u8], common: &Common<'_>) {
    let numbers: Vec<String> = formats.iter().map(u8::to_string).collect();
    open(out, asked, 9, &numbers.iter().map(String::as_str).collect::<Vec<_>>());
    common.candidates.iter().chain(&common.transport).for_each(|line| push_line(out, line));
    push_line(out, "a=rtcp-mux");
    push_line(out, "a=inactive");
    for number in formats {
        for name in ["rtpmap", "fmtp"] {
            let text = asked.described(name, *number);
            text.iter().for_each(|text| push_line(out, &format!("a={name}:{number} {text}")));
        }
    }
}

/// One format stands for all, since a line needs one (RFC 3264 §6). The transport means nothing here, but GStreamer's
/// webrtcbin takes no answer in which a section has no credentials (its `validate_sdp`).
fn refuse(out: &mut String, asked: &Section<'_>, common: &Common<'_>) {
    let format: Vec<&str> = asked.formats().take(1).collect();
    open(out, asked, 0, &format);
    common.transport.iter().for_each(|line| push_line(out, line));
    if asked.kind().is_some() {
        push_line(out, "a=inactive");
    }
    for number in asked.payload_types().take(1).filter(|_| asked.kind().is_some()) {
        let text = asked.described("rtpmap", number);
        text.iter().for_each(|text| push_line(out, &format!("a=rtpmap:{number} {text}")));
    }
}

#[cfg(test)]
mod tests;
