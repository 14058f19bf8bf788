//! The answer of a stranger to an offer of ours: what is wrong with it, or how its sender takes what we send.
//!
//! We ask little of it: whatever a peer says beyond what media needs is left to it. What goes on to the WebRTC stack is an answer
//! that is written here.

mod candidate;

use std::net::SocketAddr;

use super::codec::{Numbers, repairs, write_repair};
use super::section::{self, Lines, Section, parameter, push_line};
use super::selection::open;
use super::transport::{self, Transport};
use super::{Fault, MAX_BYTES};
use super::{counting, level};
use crate::guard::{Class, Policy};
use crate::level::Level;
use crate::media::Kind;
pub(super) use candidate::Candidate;
use candidate::candidates;

/// Of what may be tried. More are not worth the checks.
const MOST_CANDIDATES: usize = 16;

/// An answer that can be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Acceptance {
    /// How the peer is reached and known.
    pub transport: Transport,
    /// It does not check the way to us itself (RFC 8445 §2.5).
    pub is_lite: bool,
    /// Of H.264: what it takes of the picture.
    pub level: Level,
    candidates: Vec<Candidate>,
    media: Vec<Taken>,
}

/// One section, as the stack is told of it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Taken {
    kind: Kind,
    mid: String,
    payload_type: u8,
    /// Under which packets are sent again (RFC 4588), if they are.
    repair: Option<u8>,
    /// The values of `a=rtpmap` and `a=fmtp` that were offered.
    encoding: String,
    parameters: Option<String>,
    feedback: Vec<String>,
    /// The header extension in which its packets are counted, for feedback on each.
    counted: Option<u8>,
}

/// What whoever answered must change.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unusable {
    #[error("the answer is larger than {MAX_BYTES} bytes")]
    TooLarge,
    #[error("line {line} of the answer is not SDP")]
    NotSdp { line: usize },
    #[error("the answer has {answered} media sections, the offer {offered}")]
    Sections { offered: usize, answered: usize },
    #[error(
        "section {section} of the answer does not answer that of the offer: its kind or a=mid is another"
    )]
    OtherSection { section: usize },
    #[error("the answer rejects the {kind}")]
    Rejected { kind: &'static str },
    #[error("the answer does not receive the {kind}: its section must be recvonly")]
    NotReceived { kind: &'static str },
    #[error("the answer takes the {kind} in no codec that was offered: it needs {needed}")]
    NoCodec { kind: &'static str, needed: &'static str },
    #[error("the answer takes H.264 of level {0}, which is too little for any picture that is sent")]
    Level(Level),
    #[error("the answer has no a=rtcp-mux: media and RTCP travel over one port")]
    NoRtcpMux,
    #[error("the answer wants a transport for each section: they have to be bundled")]
    NotBundled,
    #[error("the answer has no ICE user fragment and password (a=ice-ufrag, a=ice-pwd)")]
    NoIceCredentials,
    #[error("the answer has no sha-256 fingerprint of a DTLS certificate (a=fingerprint)")]
    NoFingerprint,
    #[error("the answer says a=setup:{0}; it must be active or passive")]
    WrongSetup(String),
    #[error("the answer has no candidate that can be tried: one of UDP, with an address")]
    NoCandidate,
    #[error("the answer names a {0} address alone, which nothing is sent to")]
    Forbidden(Class),
}

/// Reads the answer to an offer of ours, which is taken whole or not at all.
pub fn accept(offer: &str, answer: &str) -> Result<Acceptance, Unusable> {
    let (offer, answer) = split(offer, answer)?;
    let places: Vec<usize> = (0..answer.sections.len()).collect();
    let media: Vec<Taken> =
        places.iter().map(|place| take(&offer, &answer, *place)).collect::<Result<_, _>>()?;
    let transport = transport::read(&answer, &places, &places).map_err(|fault| Unusable::of(&fault))?;
    check_transport(&answer, &transport)?;
    let is_lite = transport::is_lite(&answer);
    let level = places.iter().zip(&media).find_map(|(place, taken)| {
        let said = answer.sections[*place].described("fmtp", taken.payload_type);
        level::agreed(taken.parameters.as_deref()?, said)
    });
    let level = level.unwrap_or(Level::HD);
    Ok(Acceptance { transport, is_lite, level, candidates: tried(&answer), media })
}

/// Both as lines, section by section.
pub(super) fn split<'a>(offer: &'a str, answer: &'a str) -> Result<(Lines<'a>, Lines<'a>), Unusable> {
    if answer.len() > MAX_BYTES {
        return Err(Unusable::TooLarge);
    }
    let offer = section::split(offer).map_err(|fault| Unusable::of(&fault))?;
    let answer = section::split(answer).map_err(|fault| Unusable::of(&fault))?;
    let (offered, answered) = (offer.sections.len(), answer.sections.len());
    if offered == answered { Ok((offer, answer)) } else { Err(Unusable::Sections { offered, answered }) }
}

/// Of which kind a section of an answer is, and its `a=mid`: those that were offered in its place.
pub(super) fn place_of<'a>(
    offer: &Lines<'a>,
    answer: &Lines<'_>,
    place: usize,
) -> Result<(Kind, &'a str), Unusable> {
    let (asked, given) = (&offer.sections[place], &answer.sections[place]);
    let other = Unusable::OtherSection { section: place + 1 };
    let (Some(kind), Some(mid)) = (asked.kind(), asked.mid()) else { return Err(other) };
    // Who leaves a=mid away bundles nothing, and answers by the place alone (RFC 3264 §6).
    if given.kind() != Some(kind) || given.mid().is_some_and(|said| said != mid) {
        return Err(other);
    }
    Ok((kind, mid))
}

/// Each address once.
pub(super) fn tried(answer: &Lines<'_>) -> Vec<Candidate> {
    let mut tried: Vec<Candidate> = Vec::new();
    for candidate in answer.sections.iter().flat_map(candidates) {
        if tried.len() < MOST_CANDIDATES && !tried.iter().any(|other| other.is_at(&candidate)) {
            tried.push(candidate);
        }
    }
    tried
}

fn take(offer: &Lines<'_>, answer: &Lines<'_>, place: usize) -> Result<Taken, Unusable> {
    let (asked, given) = (&offer.sections[place], &answer.sections[place]);
    let (kind, mid) = place_of(offer, answer, place)?;
    if given.is_stopped() {
        return Err(Unusable::Rejected { kind: kind.media() });
    }
    if !answer.direction(given).receives {
        return Err(Unusable::NotReceived { kind: kind.media() });
    }
    if !answer.has(given, "rtcp-mux") {
        return Err(Unusable::NoRtcpMux);
    }
    let payload_type =
        given.payload_types().find(|number| fits(asked, given, kind, *number)).ok_or(Unusable::NoCodec {
            kind: kind.media(),
            needed: match kind {
                Kind::Video => "H.264 with packetization-mode=1, under the offered number",
                Kind::Audio => "Opus, under the offered number",
            },
        })?;
    let wanted = |what: &&str| {
        !counting::is_feedback(what) && asked.feedback(payload_type).any(|other| other == *what)
    };
    Ok(Taken {
        kind,
        mid: mid.to_owned(),
        payload_type,
        repair: given.payload_types().find(|number| repairs(asked, *number, payload_type)),
        encoding: asked.described("rtpmap", payload_type).unwrap_or_default().to_owned(),
        parameters: asked.described("fmtp", payload_type).map(str::to_owned),
        feedback: given.feedback(payload_type).filter(wanted).map(str::to_owned).collect(),
        counted: counting::agreed(asked, given, payload_type),
    })
}

/// What is sent into a section that may be refused; none: nothing is.
pub(super) fn numbers(
    offer: &Lines<'_>,
    answer: &Lines<'_>,
    place: usize,
) -> Result<Option<(Kind, Numbers)>, Unusable> {
    match take(offer, answer, place) {
        Ok(Taken { kind, payload_type, repair, .. }) => Ok(Some((kind, Numbers { payload_type, repair }))),
        Err(Unusable::Rejected { .. } | Unusable::NotReceived { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

/// That of an answer which takes these of the sections.
pub(super) fn transport(answer: &Lines<'_>, accepted: &[usize]) -> Result<Transport, Unusable> {
    let transport = transport::read(answer, accepted, accepted).map_err(|fault| Unusable::of(&fault))?;
    check_transport(answer, &transport)?;
    Ok(transport)
}

/// Whether a number stands for what we send under it. What the answer leaves unsaid is as it was offered.
fn fits(asked: &Section<'_>, given: &Section<'_>, kind: Kind, number: u8) -> bool {
    let Some(offered) = asked.described("rtpmap", number) else { return false };
    let is_sent = match kind {
        Kind::Video => offered.eq_ignore_ascii_case("H264/90000"),
        Kind::Audio => offered.eq_ignore_ascii_case("opus/48000/2"),
    };
    is_sent && is_as_offered(offered, given, number)
}

/// Whether an answer means by a number what was offered under it.
pub(super) fn is_as_offered(offered: &str, given: &Section<'_>, number: u8) -> bool {
    let same = given.described("rtpmap", number).is_none_or(|said| said.eq_ignore_ascii_case(offered));
    let mode = given.described("fmtp", number).and_then(|fmtp| parameter(fmtp, "packetization-mode"));
    same && mode != Some("0")
}

fn check_transport(answer: &Lines<'_>, transport: &Transport) -> Result<(), Unusable> {
    for section in answer.sections.iter().filter(|section| !section.is_stopped()) {
        // A choice is for offers alone (RFC 5763 §5): one side has to begin.
        if let Some(setup) = answer.attribute(section, "setup").map(str::trim)
            && setup.eq_ignore_ascii_case("actpass")
        {
            return Err(Unusable::WrongSetup(setup.to_owned()));
        }
        if section.attribute("ice-ufrag").is_some_and(|ufrag| ufrag.trim() != transport.ufrag) {
            return Err(Unusable::NotBundled);
        }
    }
    Ok(())
}

impl Acceptance {
    /// Whether what is lost of the picture is sent again as a stream of its own.
    pub fn repairs(&self) -> bool {
        self.media.iter().any(|taken| taken.repair.is_some())
    }

    /// The header extension in which the packets of the picture are counted, if the peer says of each whether it came.
    pub fn counted(&self) -> Option<u8> {
        self.media.iter().find(|taken| taken.kind == Kind::Video)?.counted
    }

    /// Where the peer may be reached, of what may be contacted.
    pub fn reachable(&self, policy: &Policy) -> Result<Vec<SocketAddr>, Unusable> {
        let all: Vec<SocketAddr> = self.candidates.iter().map(|candidate| candidate.address).collect();
        match policy.permitted(&all) {
            Ok(permitted) if permitted.is_empty() => Err(Unusable::NoCandidate),
            Ok(permitted) => Ok(permitted),
            Err(class) => Err(Unusable::Forbidden(class)),
        }
    }

    /// The answer for the stack, which learns of these of the candidates.
    pub fn sdp(&self, reachable: &[SocketAddr]) -> String {
        let mids: Vec<&str> = self.media.iter().map(|taken| taken.mid.as_str()).collect();
        let mut out = String::from("v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n");
        push_line(&mut out, &format!("a=group:BUNDLE {}", mids.join(" ")));
        if self.is_lite {
            push_line(&mut out, "a=ice-lite");
        }
        for taken in &self.media {
            taken.write(&mut out);
            self.transport.write(&mut out);
            let reachable = self.candidates.iter().filter(|candidate| reachable.contains(&candidate.address));
            reachable.for_each(|candidate| push_line(&mut out, &candidate.line()));
        }
        out
    }
}

impl Taken {
    fn write(&self, out: &mut String) {
        let number = self.payload_type;
        let numbers: Vec<u8> = [number].into_iter().chain(self.repair).collect();
        open(out, self.kind.media(), &numbers, "recvonly");
        push_line(out, &format!("a=mid:{}", self.mid));
        push_line(out, &format!("a=rtpmap:{number} {}", self.encoding));
        let parameters = self.parameters.iter();
        parameters.for_each(|text| push_line(out, &format!("a=fmtp:{number} {text}")));
        if let Some(repair) = self.repair {
            write_repair(out, repair, number);
        }
        self.feedback.iter().for_each(|what| push_line(out, &format!("a=rtcp-fb:{number} {what}")));
        if let Some(extension) = self.counted {
            counting::ask(out, extension, number);
        }
    }
}

impl Unusable {
    /// What is wrong with offers is wrong with answers too.
    pub(super) fn of(fault: &Fault) -> Self {
        match fault {
            Fault::NotSdp { line } => Self::NotSdp { line: *line },
            Fault::NoIceCredentials => Self::NoIceCredentials,
            Fault::WrongSetup(setup) => Self::WrongSetup(setup.clone()),
            _ => Self::NoFingerprint,
        }
    }
}

#[cfg(test)]
mod tests;
