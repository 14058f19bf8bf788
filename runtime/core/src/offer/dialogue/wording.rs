//! Descriptions as text: what we say of ourselves, section by section.

use super::super::Fault;
use super::super::section::{Section, is_candidate, push_line, value};
use super::super::selection::open;
use super::super::transport::Transport;
use crate::media::Kind;

/// Of one message on a data channel, as each side says it (RFC 8841 §6).
pub(super) const MESSAGE_BYTES: u32 = 65536;
const DATA: &str = "application";

/// What the stack says of itself in its offer.
pub(super) struct Us {
    session: String,
    /// How many descriptions there were.
    version: u64,
    candidates: Vec<String>,
    /// Who we are: `a=ice-ufrag` and its like.
    identity: Vec<String>,
    /// The sections of the stack's offer, under its own names.
    raw: Vec<Place>,
}

/// One section.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub kind: String,
    protocol: String,
    pub formats: Vec<String>,
    pub mid: Option<String>,
    /// What it says of what it carries. None: it carries nothing any more.
    pub lines: Option<Vec<String>>,
}

impl Us {
    pub fn read(raw: &str) -> Result<Self, Fault> {
        let lines = super::super::lines(raw)?;
        let origin = lines.session.iter().find_map(|line| line.strip_prefix("o="));
        let session = origin.and_then(|origin| origin.split(' ').nth(1)).unwrap_or("1").to_owned();
        let Some(first) = lines.sections.first() else { return Err(Fault::NoMedia) };
        let names = ["ice-ufrag", "ice-pwd", "fingerprint"];
        let said = |name: &&str| Some(format!("a={name}:{}", lines.attribute(first, name)?.trim()));
        let identity = names.iter().filter_map(said).collect();
        let candidates =
            first.lines.iter().filter(|line| is_candidate(line)).map(ToString::to_string).collect();
        // Data channels first: Chromium that takes back an offer of its own for them refuses them anywhere else.
        let (data, media): (Vec<_>, Vec<_>) = lines.sections.iter().partition(|section| section.is_data());
        let raw = data.into_iter().chain(media).map(Place::of_ours).collect();
        Ok(Self { session, version: 0, candidates, identity, raw })
    }

    /// From now on it has the ICE credentials that the stack names here.
    pub fn renew(&mut self, said: &str) {
        for name in ["ice-ufrag", "ice-pwd"] {
            let Some(now) = said.lines().find_map(|line| value(line, name)) else { continue };
            let named = self.identity.iter_mut().filter(|line| value(line, name).is_some());
            named.for_each(|line| *line = format!("a={name}:{}", now.trim()));
        }
    }

    /// Appends what of ours is not there yet.
    pub fn complete(&self, places: &mut Vec<Place>) {
        for ours in &self.raw {
            let is_there = places.iter().any(|place| place.kind == ours.kind && place.lines.is_some());
            if !is_there {
                let is_free = |mid: &String| !places.iter().any(|place| place.mid.as_ref() == Some(mid));
                let mid = (0..).map(|number: usize| number.to_string()).find(is_free);
                places.push(Place { mid, ..ours.clone() });
            }
        }
    }

    pub fn describe(&mut self, places: &[Place], setup: &str) -> String {
        self.version += 1;
        let mut out = String::from("v=0\r\n");
        push_line(&mut out, &format!("o=- {} {} IN IP4 0.0.0.0", self.session, self.version));
        push_line(&mut out, "s=-");
        push_line(&mut out, "t=0 0");
        let carrying = places.iter().filter(|place| place.lines.is_some());
        let mids: Vec<&str> = carrying.filter_map(|place| place.mid.as_deref()).collect();
        push_line(&mut out, &format!("a=group:BUNDLE {}", mids.join(" ")));
        push_line(&mut out, "a=ice-lite");
        push_line(&mut out, "a=msid-semantic: WMS *");
        for place in places {
            let port = if place.lines.is_some() { 9 } else { 0 };
            let Place { kind, protocol, formats, mid, lines } = place;
            push_line(&mut out, &format!("m={kind} {port} {protocol} {}", formats.join(" ")));
            push_line(&mut out, "c=IN IP4 0.0.0.0");
            mid.iter().for_each(|mid| push_line(&mut out, &format!("a=mid:{mid}")));
            // In each: of two sections that share a transport, aiortc reads the candidates of the last alone.
            let candidates = self.candidates.iter().filter(|_| lines.is_some());
            candidates.chain(&self.identity).for_each(|line| push_line(&mut out, line));
            push_line(&mut out, &format!("a=setup:{setup}"));
            lines.iter().flatten().for_each(|line| push_line(&mut out, line));
        }
        out
    }

    /// An answer for the stack that takes its offer whole.
    pub fn taken_whole(&self, peer: &Transport, message_size: u32) -> String {
        let mids: Vec<&str> = self.raw.iter().filter_map(|place| place.mid.as_deref()).collect();
        let mut out = String::from("v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n");
        push_line(&mut out, &format!("a=group:BUNDLE {}", mids.join(" ")));
        // In the order of the stack.
        let mut places: Vec<&Place> = self.raw.iter().collect();
        places.sort_by_key(|place| place.mid.as_deref().and_then(|mid| mid.parse::<usize>().ok()));
        for place in places {
            if place.kind == DATA {
                push_line(&mut out, "m=application 9 UDP/DTLS/SCTP webrtc-datachannel");
                push_line(&mut out, "c=IN IP4 0.0.0.0");
                push_line(&mut out, "a=sctp-port:5000");
                push_line(&mut out, &format!("a=max-message-size:{message_size}"));
            } else {
                let numbers: Vec<u8> =
                    place.formats.iter().filter_map(|format| format.parse().ok()).collect();
                open(&mut out, &place.kind, &numbers, "recvonly");
                let is_codec = |line: &&String| {
                    ["rtpmap", "fmtp", "rtcp-fb"].iter().any(|name| value(line, name).is_some())
                };
                let lines = place.lines.iter().flatten().filter(is_codec);
                lines.for_each(|line| push_line(&mut out, line));
            }
            place.mid.iter().for_each(|mid| push_line(&mut out, &format!("a=mid:{mid}")));
            peer.write(&mut out);
        }
        out
    }

    /// What names the streams of a kind (RFC 5576), with that in which packets are sent again or without.
    pub fn sources(&self, kind: Kind, repaired: bool) -> Vec<String> {
        let place = self.raw.iter().find(|place| place.kind == kind.media());
        let lines = || place.iter().flat_map(|place| place.lines.iter().flatten());
        let again = lines().find_map(|line| value(line, "ssrc-group")?.split(' ').nth(2));
        let is_wanted = |line: &&String| {
            let of = value(line, "ssrc").map(|text| text.split(' ').next());
            match of {
                Some(ssrc) => repaired || ssrc != again,
                None => value(line, "msid").is_some() || repaired && value(line, "ssrc-group").is_some(),
            }
        };
        lines().filter(is_wanted).cloned().collect()
    }
}

impl Place {
    fn of_ours(section: &Section<'_>) -> Self {
        let is_of_transport = |line: &str| {
            ["mid", "ice-ufrag", "ice-pwd", "fingerprint", "setup"]
                .iter()
                .any(|name| value(line, name).is_some())
        };
        let lines = match section.is_data() {
            true => data_lines(),
            false => {
                let own = section.lines.iter().filter(|line| line.starts_with("a="));
                let own = own.filter(|line| !is_of_transport(line) && !is_candidate(line));
                own.map(ToString::to_string).collect()
            }
        };
        Self { mid: section.mid().map(str::to_owned), lines: Some(lines), ..Self::refusing(section) }
    }

    /// The same section, that carries nothing.
    pub fn refusing(section: &Section<'_>) -> Self {
        Self {
            kind: section.kind_word().to_ascii_lowercase(),
            protocol: section.protocol().to_owned(),
            formats: section.formats().map(str::to_owned).collect(),
            mid: section.mid().map(str::to_owned),
            lines: None,
        }
    }
}

pub(super) fn data_lines() -> Vec<String> {
    vec!["a=sctp-port:5000".to_owned(), format!("a=max-message-size:{MESSAGE_BYTES}")]
}
