//! Transport-wide feedback (draft-holmer-rmcat-transport-wide-cc-extensions-01): each packet has a number in a header extension, and
//! whoever gets it says soon which came.
//!
//! Receiver reports come when a receiver likes, up to some seconds after the first packet; this comes each tenth of a second or so. It
//! is asked for of the picture alone.

use super::section::{Section, push_line};

/// The header extension (its URI).
pub const TRANSPORT_CC: &str = "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01";

/// The feedback, in `a=rtcp-fb`.
const FEEDBACK: &str = "transport-cc";
/// The number of the extension in offers of ours, which have no other.
const OURS: u8 = 1;

/// An offer of ours that asks for it too, for that format of the picture.
pub fn counted(offer: &str, payload_type: u8) -> String {
    let described = format!("a=rtpmap:{payload_type} ");
    let mut out = String::with_capacity(offer.len() + 256);
    for line in offer.lines() {
        if line.starts_with(&described) {
            ask(&mut out, OURS, payload_type);
        }
        push_line(&mut out, line);
    }
    out
}

/// That it is wanted of what has that extension and that format.
pub(super) fn ask(out: &mut String, number: u8, payload_type: u8) {
    extend(out, number);
    push_line(out, &format!("a=rtcp-fb:{payload_type} {FEEDBACK}"));
}

pub(super) fn extend(out: &mut String, number: u8) {
    push_line(out, &format!("a=extmap:{number} {TRANSPORT_CC}"));
}

/// The number of the extension, if the section has it.
pub(super) fn extension(section: &Section<'_>) -> Option<u8> {
    section.attributes("extmap").find_map(|text| {
        let (number, uri) = text.split_once(' ')?;
        let number = number.split('/').next()?.parse().ok()?;
        // One-byte headers number to 14 (RFC 8285 §4.2).
        (uri.trim() == TRANSPORT_CC && (1..15).contains(&number)).then_some(number)
    })
}

/// The number under which an answer takes what an offer asks for, with the feedback.
pub(super) fn agreed(asked: &Section<'_>, given: &Section<'_>, payload_type: u8) -> Option<u8> {
    let tells = |section: &Section<'_>| section.feedback(payload_type).any(is_feedback);
    extension(given).filter(|number| extension(asked) == Some(*number) && tells(asked) && tells(given))
}

pub(super) fn is_feedback(what: &str) -> bool {
    what == FEEDBACK
}
