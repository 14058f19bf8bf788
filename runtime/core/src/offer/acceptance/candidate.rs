//! Candidates of an answer (RFC 8839 §5.1) that can be tried: those of UDP that say an address.
//!
//! Names are not resolved: those of browsers (`.local`) mean something in their own network alone, and no server needs others.

use std::net::{IpAddr, SocketAddr};

use super::super::section::Section;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    pub address: SocketAddr,
    priority: u32,
}

pub(super) fn candidates<'a>(section: &'a Section<'a>) -> impl Iterator<Item = Candidate> + 'a {
    section.attributes("candidate").filter_map(Candidate::read)
}

impl Candidate {
    pub fn read(text: &str) -> Option<Self> {
        let words: Vec<&str> = text.split_whitespace().collect();
        let [_foundation, component, protocol, priority, address, port, typ, ..] = words[..] else {
            return None;
        };
        let address: IpAddr = address.parse().ok()?;
        let port: u16 = port.parse().ok()?;
        // RTCP has the same port as media.
        let is_tried = component == "1" && protocol.eq_ignore_ascii_case("udp") && typ == "typ";
        let is_somewhere = port > 0 && !address.is_unspecified() && !address.is_multicast();
        let priority = priority.parse().ok()?;
        (is_tried && is_somewhere).then_some(Self { address: SocketAddr::new(address, port), priority })
    }

    pub fn is_at(&self, other: &Self) -> bool {
        self.address == other.address
    }

    /// Whatever its type, it is an address to send to: some types the stack would keep waiting.
    pub fn line(&self) -> String {
        let Self { address, priority } = self;
        let (ip, port) = (address.ip(), address.port());
        format!("a=candidate:{priority} 1 udp {priority} {ip} {port} typ host")
    }
}
