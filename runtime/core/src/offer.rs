//! An SDP offer: what is wrong with it, or what of it can be served.
//!
//! The text is a stranger's. What leaves this module is an offer reduced to what an ICE-lite peer needs that sends (to
//! a viewer) or receives (from a publisher) one video and one audio: candidates, other codecs and everything about
//! media in the other direction are gone, so that the WebRTC stack behind it parses little that it was not written for.

mod codec;
mod incoming;
mod section;

pub use incoming::{Encoding, Format, Incoming, Refresh, TRANSPORT_CC, incoming};

use codec::choose;
use section::{Lines, Section};

use crate::media::Kind;

/// Room for a browser with every codec and extension: about 12 kB in practice.
pub const MAX_BYTES: usize = 64 * 1024;
/// Picture, sound and a data channel; a few more are not worth an argument.
const MAX_SECTIONS: usize = 8;

/// The offer of a viewer, that can be answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offer {
    /// The reduced offer.
    pub sdp: String,
    /// The viewer's ICE user fragment.
    pub ufrag: String,
    pub video: Option<Codec>,
    pub audio: Option<Codec>,
}

/// One codec as the offer numbers and describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Codec {
    pub payload_type: u8,
    /// The `a=fmtp` parameters, which the answer repeats.
    pub fmtp: String,
}

/// What the peer must change.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    #[error("the offer is empty")]
    Empty,
    #[error("the offer is larger than {MAX_BYTES} bytes")]
    TooLarge,
    #[error("line {line} is not SDP: an offer is lines of the form `x=value`, the first `v=0`")]
    NotSdp { line: usize },
    #[error("the offer has no media section (m=)")]
    NoMedia,
    #[error("the offer has more than {MAX_SECTIONS} media sections")]
    TooManySections,
    #[error("the offer asks for nothing this server can send: it needs a recvonly video or audio section")]
    NothingToSend,
    #[error("the offer sends nothing: it needs a sendonly or sendrecv video or audio section")]
    NothingSent,
    #[error("the offer has more than one {0} section to receive; one of a kind is served")]
    TwoOfAKind(&'static str),
    #[error("media section {section} has no a=mid")]
    NoMid { section: usize },
    #[error(
        "the sections of the offer are not all in one a=group:BUNDLE: picture and sound travel over one transport"
    )]
    NotBundled,
    #[error("the offer has no ICE user fragment and password (a=ice-ufrag, a=ice-pwd)")]
    NoIceCredentials,
    #[error("the offer has no DTLS certificate fingerprint (a=fingerprint)")]
    NoFingerprint,
    #[error(
        "the a=fingerprint of the offer is none: it must be sha-256, sha-384 or sha-512, and the hash in hex pairs"
    )]
    BadFingerprint,
    #[error("the offer says a=setup:{0}; this server is the DTLS server, so it must be actpass or active")]
    WrongSetup(String),
    #[error("the {kind} section offers no codec this server can use: it needs {needed}")]
    NoCodec { kind: &'static str, needed: &'static str },
}

/// Reads the offer of a viewer.
pub fn read(text: &str) -> Result<Offer, Fault> {
    let lines = lines(text)?;
    let video = wanted(&lines.sections, Kind::Video)?;
    let audio = wanted(&lines.sections, Kind::Audio)?;
    let sent: Vec<&Section<'_>> = video.into_iter().chain(audio).collect();
    if sent.is_empty() {
        return Err(Fault::NothingToSend);
    }
    let lead = leader(&lines, &sent)?;
    let ufrag = check_transport(&lines.session, lead)?.to_owned();
    let video = video.map(|section| choose(section, Kind::Video)).transpose()?;
    let audio = audio.map(|section| choose(section, Kind::Audio)).transpose()?;
    let sdp = reduce(&lines, lead, video.as_ref(), audio.as_ref());
    Ok(Offer { sdp, ufrag, video, audio })
}

fn lines(text: &str) -> Result<Lines<'_>, Fault> {
    if text.trim().is_empty() {
        return Err(Fault::Empty);
    }
    if text.len() > MAX_BYTES {
        return Err(Fault::TooLarge);
    }
    let lines = section::split(text)?;
    check_shape(&lines.sections)?;
    Ok(lines)
}

fn check_shape(sections: &[Section<'_>]) -> Result<(), Fault> {
    if sections.is_empty() {
        return Err(Fault::NoMedia);
    }
    if sections.len() > MAX_SECTIONS {
        return Err(Fault::TooManySections);
    }
    for (index, section) in sections.iter().enumerate() {
        if section.attribute("mid").is_none_or(str::is_empty) {
            return Err(Fault::NoMid { section: index + 1 });
        }
    }
    Ok(())
}

/// The section whose transport all others share: the first of the group (RFC 9143 §7.2).
fn leader<'a, 'b>(lines: &'a Lines<'b>, sent: &[&'a Section<'b>]) -> Result<&'a Section<'b>, Fault> {
    let group = lines.session.iter().find_map(|line| line.strip_prefix("a=group:BUNDLE"));
    let Some(group) = group else {
        return match lines.sections.as_slice() {
            [only] => Ok(only),
            _ => Err(Fault::NotBundled),
        };
    };
    let mids: Vec<&str> = group.split_whitespace().collect();
    let within = |section: &Section<'_>| section.attribute("mid").is_some_and(|mid| mids.contains(&mid));
    let lead = lines.sections.iter().find(|section| section.attribute("mid") == mids.first().copied());
    lead.filter(|_| sent.iter().all(|section| within(section))).ok_or(Fault::NotBundled)
}

/// Attributes that may stand once for all sections or in each. Tells the user fragment.
fn check_transport<'a>(session: &[&'a str], lead: &Section<'a>) -> Result<&'a str, Fault> {
    let find = |name: &str| {
        let everywhere = || session.iter().find_map(|line| section::value(line, name));
        lead.attribute(name).or_else(everywhere).map(str::trim)
    };
    // RFC 8839 §5.4: at least 4 and 22 characters.
    let long_enough = |name, least| find(name).filter(|value| value.len() >= least);
    let ufrag = long_enough("ice-ufrag", 4).ok_or(Fault::NoIceCredentials)?;
    long_enough("ice-pwd", 22).ok_or(Fault::NoIceCredentials)?;
    let fingerprint = find("fingerprint").ok_or(Fault::NoFingerprint)?;
    if !is_fingerprint(fingerprint) {
        return Err(Fault::BadFingerprint);
    }
    match find("setup") {
        None | Some("actpass" | "active") => Ok(ufrag),
        Some(other) => Err(Fault::WrongSetup(other.chars().take(16).collect())),
    }
}

/// RFC 8122 §5, without the hashes that no longer prove anything.
fn is_fingerprint(text: &str) -> bool {
    let Some((hash, hex)) = text.split_once(' ') else { return false };
    let known = ["sha-256", "sha-384", "sha-512"].iter().any(|name| hash.eq_ignore_ascii_case(name));
    known && hex.split(':').all(|pair| pair.len() == 2 && pair.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

fn wanted<'a, 'b>(sections: &'a [Section<'b>], kind: Kind) -> Result<Option<&'a Section<'b>>, Fault> {
    let mut found = sections.iter().filter(|section| section.kind() == Some(kind) && section.receives());
    let first = found.next();
    if found.next().is_some() {
        return Err(Fault::TwoOfAKind(codec::word(kind)));
    }
    Ok(first)
}

fn reduce(lines: &Lines<'_>, lead: &Section<'_>, video: Option<&Codec>, audio: Option<&Codec>) -> String {
    let mut out = reduce_session(&lines.session);
    for section in &lines.sections {
        let chosen = match section.kind() {
            Some(Kind::Video) if section.receives() => video,
            Some(Kind::Audio) if section.receives() => audio,
            _ => None,
        };
        section.reduce_into(&mut out, chosen.map(|codec| codec.payload_type));
        lead.transport().for_each(|line| section::push_line(&mut out, line));
    }
    out
}

fn reduce_session(session: &[&str]) -> String {
    let mut out = String::new();
    session
        .iter()
        .filter(|line| !section::is_candidate(line))
        .for_each(|line| section::push_line(&mut out, line));
    out
}

#[cfg(test)]
mod tests;
