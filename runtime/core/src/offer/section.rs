//! SDP as lines: the session's, then each media section's.
//!
//! Attribute names and tokens are compared without regard to case: some are defined so (RFC 8122 §5, RFC 4855 §3), and
//! of the others nobody means something else by capitals.

use super::Fault;
use crate::media::Kind;

pub(super) struct Lines<'a> {
    pub session: Vec<&'a str>,
    pub sections: Vec<Section<'a>>,
}

/// `m=` and what follows it.
pub(super) struct Section<'a> {
    media: &'a str,
    pub lines: Vec<&'a str>,
}

/// Which way media flows, seen from who wrote it (RFC 8866 §6.7).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Direction {
    pub sends: bool,
    pub receives: bool,
}

pub(super) fn split(text: &str) -> Result<Lines<'_>, Fault> {
    let mut session = Vec::new();
    let mut sections: Vec<Section<'_>> = Vec::new();
    let lines = text.lines().map(str::trim_end).enumerate().filter(|(_, line)| !line.is_empty());
    for (index, line) in lines {
        let malformed = Fault::NotSdp { line: index + 1 };
        let typed = line.as_bytes().first().is_some_and(u8::is_ascii_lowercase) && line[1..].starts_with('=');
        let begins = !session.is_empty() || line == "v=0";
        if !typed || !begins || line.bytes().any(|byte| byte.is_ascii_control() && byte != b'\t') {
            return Err(malformed);
        }
        match (line.strip_prefix("m="), sections.last_mut()) {
            (Some(media), _) => {
                if media.split_whitespace().count() < 4 {
                    return Err(malformed);
                }
                sections.push(Section { media, lines: Vec::new() });
            }
            (None, Some(section)) => section.lines.push(line),
            (None, None) => session.push(line),
        }
    }
    Ok(Lines { session, sections })
}

impl<'a> Lines<'a> {
    /// An attribute of a section, which may stand once for all of them.
    pub fn attribute(&self, section: &Section<'a>, name: &str) -> Option<&'a str> {
        section.attribute(name).or_else(|| values(&self.session, name).next())
    }

    pub fn has(&self, section: &Section<'a>, name: &str) -> bool {
        section.has(name) || has(&self.session, name)
    }

    /// Without a word about it, SDP means both ways.
    pub fn direction(&self, section: &Section<'a>) -> Direction {
        let said = |lines: &[&str]| lines.iter().find_map(|line| Direction::read(line));
        let both = Direction { sends: true, receives: true };
        said(&section.lines).or_else(|| said(&self.session)).unwrap_or(both)
    }

    /// The sections of each `a=group:BUNDLE` by their place, in the group's order (RFC 9143 §5).
    pub fn bundles(&self) -> impl Iterator<Item = Vec<usize>> + '_ {
        let groups = values(&self.session, "group").filter_map(|group| {
            let (semantics, mids) = group.split_once(' ').unwrap_or((group, ""));
            semantics.eq_ignore_ascii_case("BUNDLE").then_some(mids)
        });
        groups.map(|mids| {
            let place = |mid| self.sections.iter().position(|section| section.mid() == Some(mid));
            mids.split_whitespace().filter_map(place).collect()
        })
    }
}

impl<'a> Section<'a> {
    fn word(&self, index: usize) -> &'a str {
        self.media.split_whitespace().nth(index).unwrap_or_default()
    }

    pub fn kind_word(&self) -> &'a str {
        self.word(0)
    }

    pub fn protocol(&self) -> &'a str {
        self.word(2)
    }

    pub fn kind(&self) -> Option<Kind> {
        match self.kind_word() {
            word if word.eq_ignore_ascii_case("video") => Some(Kind::Video),
            word if word.eq_ignore_ascii_case("audio") => Some(Kind::Audio),
            _ => None,
        }
    }

    pub fn is_data(&self) -> bool {
        self.kind_word().eq_ignore_ascii_case("application")
    }

    /// Refused or ended (RFC 3264 §6 and §8.2); one that only has no port of its own is not (RFC 9143 §6).
    pub fn is_stopped(&self) -> bool {
        self.word(1).split('/').next() == Some("0") && !self.has("bundle-only")
    }

    pub fn formats(&self) -> impl Iterator<Item = &'a str> + use<'a> {
        self.media.split_whitespace().skip(3)
    }

    /// Seven bits each (RFC 3550 §5.1).
    pub fn payload_types(&self) -> impl Iterator<Item = u8> + use<'a> {
        self.formats().filter_map(|number| number.parse().ok()).filter(|number| *number < 128)
    }

    /// All values of an attribute, in their order.
    pub fn attributes(&self, name: &str) -> impl Iterator<Item = &'a str> {
        values(&self.lines, name)
    }

    pub fn attribute(&self, name: &str) -> Option<&'a str> {
        self.attributes(name).next()
    }

    /// Whether an attribute without a value is there.
    pub fn has(&self, name: &str) -> bool {
        has(&self.lines, name)
    }

    pub fn mid(&self) -> Option<&'a str> {
        self.attribute("mid").map(str::trim).filter(|mid| !mid.is_empty())
    }

    /// `a=rtpmap:96 H264/90000` and its like, by payload type.
    pub fn described(&self, name: &str, payload_type: u8) -> Option<&'a str> {
        self.attributes(name).find_map(|text| {
            let (number, text) = text.split_once(' ')?;
            (number.parse() == Ok(payload_type)).then_some(text.trim())
        })
    }

    /// The values of `a=rtcp-fb` that concern a payload type (RFC 4585 §4.2).
    pub fn feedback(&self, payload_type: u8) -> impl Iterator<Item = &'a str> {
        self.attributes("rtcp-fb").filter_map(move |text| {
            let (number, what) = text.split_once(' ')?;
            (number == "*" || number.parse() == Ok(payload_type)).then_some(what.trim())
        })
    }
}

impl Direction {
    pub const fn word(self) -> &'static str {
        match (self.sends, self.receives) {
            (true, true) => "sendrecv",
            (true, false) => "sendonly",
            (false, true) => "recvonly",
            (false, false) => "inactive",
        }
    }

    fn read(line: &str) -> Option<Self> {
        let (sends, receives) = match line.strip_prefix("a=")?.to_ascii_lowercase().as_str() {
            "sendrecv" => (true, true),
            "sendonly" => (true, false),
            "recvonly" => (false, true),
            "inactive" => (false, false),
            _ => return None,
        };
        Some(Self { sends, receives })
    }
}

/// One of the `a=fmtp` parameters.
pub(super) fn parameter<'a>(fmtp: &'a str, name: &str) -> Option<&'a str> {
    fmtp.split(';').find_map(|pair| {
        let (key, value) = pair.split_once('=')?;
        key.trim().eq_ignore_ascii_case(name).then_some(value.trim())
    })
}

pub(super) fn push_line(out: &mut String, line: &str) {
    out.push_str(line);
    out.push_str("\r\n");
}

pub(super) fn is_candidate(line: &str) -> bool {
    value(line, "candidate").is_some() || is_property(line, "end-of-candidates")
}

pub(super) fn values<'a>(lines: &[&'a str], name: &str) -> impl Iterator<Item = &'a str> {
    lines.iter().filter_map(move |line| value(line, name))
}

pub(super) fn value<'a>(line: &'a str, name: &str) -> Option<&'a str> {
    let (attribute, value) = line.strip_prefix("a=")?.split_once(':')?;
    attribute.eq_ignore_ascii_case(name).then_some(value)
}

pub(super) fn is_property(line: &str, name: &str) -> bool {
    line.strip_prefix("a=").is_some_and(|attribute| attribute.eq_ignore_ascii_case(name))
}

fn has(lines: &[&str], name: &str) -> bool {
    lines.iter().any(|line| is_property(line, name))
}
