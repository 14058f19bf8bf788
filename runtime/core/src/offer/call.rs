//! Descriptions of a call, in which picture and sound go both ways: the offer of whoever calls, and the answer to an offer of ours.
//!
//! Each side says of each kind whether it sends and whether it takes it; a kind that one of them leaves out takes the other one down no
//! more than it does elsewhere. What goes out is what the peer names first of what is encoded here. Packets that are lost are sent again
//! in their own stream.

use std::net::SocketAddr;

use super::acceptance::{self, Candidate, is_as_offered, place_of, tried};
use super::answer::Outline;
use super::check::Violation;
use super::counting;
use super::incoming::{announce, known, taken_into};
use super::section::{Direction, Lines, Section, push_line};
use super::selection::{Reading, Selection, open, select};
use super::transport::{self, Transport};
use super::{Codec, Encoding, Fault, Format, Unusable, lines};
use crate::media::Kind;

/// What is agreed with a peer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Agreement {
    pub transport: Transport,
    pub video: Way,
    pub audio: Way,
    candidates: Vec<Candidate>,
    /// The peer's description as the stack sees it, without candidates.
    sdp: String,
}

/// What goes to and fro of one kind.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Way {
    /// As what ours is sent; none: the peer does not take it.
    pub sent: Option<Codec>,
    /// As what the peer's may come; none at all: it sends nothing.
    pub comes: Vec<Format>,
}

/// The offer of whoever calls, that can be answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Calling {
    pub agreement: Agreement,
    outline: Outline,
}

/// Reads the offer of whoever calls.
pub fn calling(text: &str) -> Result<Calling, Fault> {
    let lines = lines(text)?;
    let wants = |direction: Direction| direction.sends || direction.receives;
    let selection = select(text, &lines, Reading { wants, nothing: Fault::NothingSent, codecs: encodable })?;
    let sdp = selection.reduce(&lines, |out, section, formats| {
        taken_into(out, section, formats, lines.direction(section));
    });
    let Selection { media, transport, outline, .. } = selection;
    let mut agreement = Agreement::new(transport, tried(&lines), sdp);
    for (place, formats) in media {
        let section = &lines.sections[place];
        if let Some(kind) = section.kind() {
            *agreement.way_mut(kind) = Way::new(lines.direction(section), formats);
        }
    }
    Ok(Calling { agreement, outline })
}

/// Reads the answer to an offer of ours.
pub fn answered(offer: &str, answer: &str) -> Result<Agreement, Unusable> {
    let (offer, answer) = acceptance::split(offer, answer)?;
    let places = 0..answer.sections.len();
    let taken: Vec<Option<Vec<Format>>> =
        places.clone().map(|place| take(&offer, &answer, place)).collect::<Result<_, _>>()?;
    let accepted: Vec<usize> = places.filter(|place| taken[*place].is_some()).collect();
    if accepted.is_empty() {
        return Err(Unusable::Rejected { kind: "picture and the sound" });
    }
    let transport = acceptance::transport(&answer, &accepted)?;
    let sdp = written(&offer, &answer, &taken, &transport);
    let mut agreement = Agreement::new(transport, tried(&answer), sdp);
    for (place, formats) in taken.into_iter().enumerate() {
        let section = &answer.sections[place];
        if let (Some(formats), Some(kind)) = (formats, section.kind()) {
            *agreement.way_mut(kind) = Way::new(answer.direction(section), formats);
        }
    }
    Ok(agreement)
}

impl Calling {
    /// The stack's answer to [`Agreement::sdp`], made one to the offer of the peer and held against it.
    pub fn answer(&self, raw: &str) -> Result<String, Violation> {
        self.outline.answer(raw)
    }
}

impl Agreement {
    fn new(transport: Transport, candidates: Vec<Candidate>, sdp: String) -> Self {
        Self { transport, video: Way::default(), audio: Way::default(), candidates, sdp }
    }

    /// The peer's description for the stack.
    pub fn sdp(&self) -> &str {
        &self.sdp
    }

    pub const fn way(&self, kind: Kind) -> &Way {
        match kind {
            Kind::Video => &self.video,
            Kind::Audio => &self.audio,
        }
    }

    const fn way_mut(&mut self, kind: Kind) -> &mut Way {
        match kind {
            Kind::Video => &mut self.video,
            Kind::Audio => &mut self.audio,
        }
    }

    /// All that may come.
    pub fn comes(&self) -> Vec<Format> {
        [&self.video, &self.audio].into_iter().flat_map(|way| way.comes.iter().cloned()).collect()
    }

    /// Where the peer says it is, each with the line of SDP that says so.
    pub fn candidates(&self) -> Vec<(SocketAddr, String)> {
        self.candidates.iter().map(|candidate| (candidate.address, candidate.line())).collect()
    }
}

impl Way {
    fn new(direction: Direction, formats: Vec<Format>) -> Self {
        let sent = formats.first().filter(|_| direction.receives).map(|format| Codec {
            encoding: format.encoding,
            payload_type: format.payload_type,
            fmtp: format.fmtp.clone(),
            repair: None,
        });
        Self { sent, comes: if direction.sends { formats } else { vec![] } }
    }
}

/// An address at which a peer is, too, as it says later (RFC 8838). None: nothing that can be tried, or that there are no more.
pub fn candidate(text: &str) -> Option<(SocketAddr, String)> {
    let text = text.trim();
    let text = text.strip_prefix("a=").unwrap_or(text).strip_prefix("candidate:")?;
    let candidate = Candidate::read(text)?;
    Some((candidate.address, candidate.line()))
}

/// What of a section is encoded here, too: what is decoded alone would go one way.
fn encodable(section: &Section<'_>, kind: Kind) -> Result<Vec<Format>, Fault> {
    let mut formats = known(section, kind)?;
    formats.retain(|format| format.encoding != Encoding::Vp9);
    let needed = match kind {
        Kind::Video => "VP8 or H.264 (packetization-mode=1)",
        Kind::Audio => "Opus (opus/48000/2)",
    };
    if formats.is_empty() { Err(Fault::NoCodec { kind: kind.media(), needed }) } else { Ok(formats) }
}

/// What a section of an answer takes of ours; none: it is refused.
fn take(offer: &Lines<'_>, answer: &Lines<'_>, place: usize) -> Result<Option<Vec<Format>>, Unusable> {
    let (asked, given) = (&offer.sections[place], &answer.sections[place]);
    let (kind, _) = place_of(offer, answer, place)?;
    let direction = answer.direction(given);
    if given.is_stopped() || !(direction.sends || direction.receives) {
        return Ok(None);
    }
    if !answer.has(given, "rtcp-mux") {
        return Err(Unusable::NoRtcpMux);
    }
    let ours = encodable(asked, kind).map_err(|fault| Unusable::of(&fault))?;
    let fits = |number: u8| {
        let format = ours.iter().find(|format| format.payload_type == number)?;
        is_as_offered(asked.described("rtpmap", number)?, given, number).then(|| format.clone())
    };
    let formats: Vec<Format> = given.payload_types().filter_map(fits).collect();
    let needed = match kind {
        Kind::Video => "VP8 or H.264, under the offered number",
        Kind::Audio => "Opus, under the offered number",
    };
    if formats.is_empty() { Err(Unusable::NoCodec { kind: kind.media(), needed }) } else { Ok(Some(formats)) }
}

/// The answer for the stack, in which each section of the offer stands.
fn written(
    offer: &Lines<'_>,
    answer: &Lines<'_>,
    taken: &[Option<Vec<Format>>],
    transport: &Transport,
) -> String {
    let mids: Vec<&str> = offer
        .sections
        .iter()
        .zip(taken)
        .filter(|(_, taken)| taken.is_some())
        .filter_map(|(section, _)| section.mid())
        .collect();
    let mut out = String::from("v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n");
    push_line(&mut out, &format!("a=group:BUNDLE {}", mids.join(" ")));
    if transport::is_lite(answer) {
        push_line(&mut out, "a=ice-lite");
    }
    for (place, formats) in taken.iter().enumerate() {
        let (asked, given) = (&offer.sections[place], &answer.sections[place]);
        match formats {
            Some(formats) => answered_into(&mut out, (asked, given), formats, answer.direction(given)),
            None => refused_into(&mut out, asked),
        }
        asked.mid().iter().for_each(|mid| push_line(&mut out, &format!("a=mid:{mid}")));
        transport.write(&mut out);
    }
    out
}

/// What the answer leaves unsaid is as it was offered.
fn answered_into(
    out: &mut String,
    (asked, given): (&Section<'_>, &Section<'_>),
    formats: &[Format],
    direction: Direction,
) {
    let numbers: Vec<u8> = formats.iter().map(|format| format.payload_type).collect();
    let kind = asked.kind().map(Kind::media).unwrap_or_default();
    open(out, kind, &numbers, direction.word());
    let number = counting::extension(given).filter(|number| counting::extension(asked) == Some(*number));
    number.iter().for_each(|number| counting::extend(out, *number));
    for number in numbers {
        for name in ["rtpmap", "fmtp"] {
            let text = asked.described(name, number);
            text.iter().for_each(|text| push_line(out, &format!("a={name}:{number} {text}")));
        }
        let both = given.feedback(number).filter(|what| asked.feedback(number).any(|other| other == *what));
        both.for_each(|what| push_line(out, &format!("a=rtcp-fb:{number} {what}")));
    }
    announce(out, given, direction);
}

/// One format stands for all, since a line needs one (RFC 3264 §6).
fn refused_into(out: &mut String, asked: &Section<'_>) {
    let number = asked.formats().next().unwrap_or("0");
    push_line(out, &format!("m={} 0 UDP/TLS/RTP/SAVPF {number}", asked.kind_word()));
    push_line(out, "c=IN IP4 0.0.0.0");
    push_line(out, "a=inactive");
}

#[cfg(test)]
mod tests;
