//! SDP as lines: the session's, then each media section's.

use super::Fault;
use crate::media::Kind;

pub(super) struct Lines<'a> {
    pub session: Vec<&'a str>,
    pub sections: Vec<Section<'a>>,
}

/// `m=` and what follows it.
pub(super) struct Section<'a> {
    media: &'a str,
    lines: Vec<&'a str>,
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

impl<'a> Section<'a> {
    pub fn kind(&self) -> Option<Kind> {
        match self.media.split_whitespace().next() {
            Some("video") => Some(Kind::Video),
            Some("audio") => Some(Kind::Audio),
            _ => None,
        }
    }

    /// Whether the viewer wants media in this section. Without a word about it, SDP means both ways.
    pub fn receives(&self) -> bool {
        !self.refused() && !self.lines.iter().any(|line| matches!(*line, "a=sendonly" | "a=inactive"))
    }

    /// Whether the peer wants to send media in this section.
    pub fn sends(&self) -> bool {
        !self.refused() && !self.lines.iter().any(|line| matches!(*line, "a=recvonly" | "a=inactive"))
    }

    fn refused(&self) -> bool {
        self.media.split_whitespace().nth(1) == Some("0") && !self.lines.contains(&"a=bundle-only")
    }

    /// The first three words of `m=`: kind, port, protocol.
    pub fn opening(&self) -> String {
        let words: Vec<&str> = self.media.split_whitespace().take(3).collect();
        words.join(" ")
    }

    /// All values of an attribute, in their order.
    pub fn attributes(&self, name: &str) -> impl Iterator<Item = &'a str> {
        self.lines.iter().filter_map(move |line| value(line, name))
    }

    pub fn payload_types(&self) -> impl Iterator<Item = u8> + '_ {
        self.media.split_whitespace().skip(3).filter_map(|number| number.parse().ok())
    }

    pub fn attribute(&self, name: &str) -> Option<&'a str> {
        self.attributes(name).next()
    }

    /// `a=rtpmap:96 H264/90000` and its like, by payload type.
    pub fn described(&self, name: &str, payload_type: u8) -> Option<&'a str> {
        self.lines.iter().find_map(|line| {
            let (number, text) = value(line, name)?.split_once(' ')?;
            (number.parse() == Ok(payload_type)).then_some(text.trim())
        })
    }

    /// The lines that say how to reach and recognise the viewer.
    pub fn transport(&self) -> impl Iterator<Item = &'a str> + '_ {
        self.lines.iter().copied().filter(|line| is_transport(line))
    }

    /// Everything but the transport. With a payload type, only what concerns it.
    pub fn reduce_into(&self, out: &mut String, payload_type: Option<u8>) {
        match payload_type {
            Some(chosen) => {
                push_line(out, &format!("m={} {chosen}", self.opening()));
            }
            None => push_line(out, &format!("m={}", self.media)),
        }
        for line in &self.lines {
            let foreign = payload_type.is_some_and(|chosen| concerns_other_codec(line, chosen));
            match *line {
                line if foreign || only_for_senders(line) || is_candidate(line) || is_transport(line) => {}
                "a=sendrecv" if payload_type.is_some() => push_line(out, "a=recvonly"),
                line => push_line(out, line),
            }
        }
    }
}

pub(super) fn push_line(out: &mut String, line: &str) {
    out.push_str(line);
    out.push_str("\r\n");
}

/// We are ICE-lite: it is the viewer who checks, so its candidates are of no use.
pub(super) fn is_candidate(line: &str) -> bool {
    line.starts_with("a=candidate:") || line == "a=end-of-candidates"
}

pub(super) fn value<'a>(line: &'a str, name: &str) -> Option<&'a str> {
    line.strip_prefix("a=")?.strip_prefix(name)?.strip_prefix(':')
}

fn is_transport(line: &str) -> bool {
    ["ice-ufrag", "ice-pwd", "fingerprint", "setup"].iter().any(|name| value(line, name).is_some())
}

fn concerns_other_codec(line: &str, chosen: u8) -> bool {
    ["rtpmap", "fmtp", "rtcp-fb"].iter().filter_map(|name| value(line, name)).any(|text| {
        let number = text.split(' ').next().unwrap_or_default();
        number != "*" && number.parse() != Ok(chosen)
    })
}

fn only_for_senders(line: &str) -> bool {
    ["a=ssrc:", "a=ssrc-group:", "a=msid:", "a=rid:", "a=simulcast:", "a=extmap:"]
        .iter()
        .any(|prefix| line.starts_with(prefix))
}
