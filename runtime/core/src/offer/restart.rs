//! ICE restarts: a peer names new credentials in a fragment of SDP, and is told ours in another (RFC 9725 §4.3.2); or in an offer,
//! which is answered (RFC 8839 §4.4.3).

use super::Offer;
use super::answer::Fate;
use super::section::{self, is_candidate, push_line, value};
use super::transport::Transport;

/// What a peer checks with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Credentials {
    pub ufrag: String,
    password: String,
}

/// A fragment that cannot be read as one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a=ice-ufrag and a=ice-pwd belong together, with 4 and 22 characters at least, and 256 at most")]
pub struct NoCredentials;

/// What is kept of an offer, so that the way to whoever made it can be found anew.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Restart {
    /// The reduced offer.
    sdp: String,
    /// `m=` and `a=mid` of the section whose transport is used; empty where no section is named to the peer.
    head: [String; 2],
}

/// The credentials that a fragment names; none if it is about candidates alone.
pub fn credentials(fragment: &str) -> Result<Option<Credentials>, NoCredentials> {
    let find = |name| fragment.lines().find_map(|line| value(line.trim_end(), name)).map(str::trim);
    // RFC 8839 §5.4.
    let is_fit = |text: &str, least| {
        let of_ice = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'+' || byte == b'/';
        (least..=256).contains(&text.len()) && text.bytes().all(of_ice)
    };
    match (find("ice-ufrag"), find("ice-pwd")) {
        (None, None) => Ok(None),
        (Some(ufrag), Some(password)) if is_fit(ufrag, 4) && is_fit(password, 22) => {
            Ok(Some(Credentials { ufrag: ufrag.to_owned(), password: password.to_owned() }))
        }
        _ => Err(NoCredentials),
    }
}

/// The user fragment that a fragment names, with which its candidates belong together.
pub fn named_ufrag(fragment: &str) -> Option<&str> {
    fragment.lines().find_map(|line| value(line.trim_end(), "ice-ufrag")).map(str::trim)
}

impl Offer {
    pub fn restart(&self) -> Restart {
        let offer = section::split(&self.outline.offer).ok();
        let place = self.outline.fates.iter().position(|fate| *fate == Fate::Served);
        let section = offer.as_ref().zip(place).and_then(|(offer, place)| offer.sections.get(place));
        let head = section.map_or_else(Default::default, |section| {
            let formats: Vec<&str> = section.formats().collect();
            let media = [section.kind_word(), "9", section.protocol(), &formats.join(" ")].join(" ");
            [media, section.mid().unwrap_or_default().to_owned()]
        });
        Restart { sdp: self.sdp.clone(), head }
    }
}

impl Credentials {
    pub(super) fn of(transport: &Transport) -> Self {
        Self { ufrag: transport.ufrag.clone(), password: transport.password.clone() }
    }
}

impl Restart {
    /// Of a peer that has taken an offer of ours whole by this answer: offered by itself, that says the same.
    pub fn of(answer: String) -> Self {
        Self { sdp: answer, head: Default::default() }
    }

    /// The reduced offer with these credentials, for the stack.
    pub fn offer(&self, credentials: &Credentials) -> String {
        let mut out = String::new();
        for line in self.sdp.lines() {
            match () {
                () if value(line, "ice-ufrag").is_some() => {
                    push_line(&mut out, &format!("a=ice-ufrag:{}", credentials.ufrag));
                }
                () if value(line, "ice-pwd").is_some() => {
                    push_line(&mut out, &format!("a=ice-pwd:{}", credentials.password));
                }
                () => push_line(&mut out, line),
            }
        }
        out
    }

    /// What the peer is told of the stack's answer to that.
    pub fn fragment(&self, raw: &str) -> String {
        let [media, mid] = &self.head;
        let mut out = String::new();
        push_line(&mut out, "a=ice-lite");
        if !media.is_empty() {
            push_line(&mut out, &format!("m={media}"));
        }
        if !mid.is_empty() {
            push_line(&mut out, &format!("a=mid:{mid}"));
        }
        for name in ["ice-ufrag", "ice-pwd"] {
            let said = raw.lines().find_map(|line| value(line, name));
            said.iter().for_each(|said| push_line(&mut out, &format!("a={name}:{said}")));
        }
        raw.lines().filter(|line| is_candidate(line)).for_each(|line| push_line(&mut out, line));
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::offer::read;

    const OFFER: &str = include_str!("../../../tests/fixtures/chromium_offer.sdp");

    #[test]
    fn new_credentials_come_in_pairs_and_candidates_without_any() {
        let pair = "a=ice-ufrag:abcd\r\na=ice-pwd:0123456789012345678901\r\n";
        assert_eq!(credentials(pair).unwrap().unwrap().ufrag, "abcd");
        assert_eq!(
            credentials("m=audio 9 RTP/AVP 0\r\na=candidate:1 1 udp 1 192.0.2.1 9 typ host\r\n"),
            Ok(None)
        );
        for bad in ["a=ice-ufrag:abcd\r\n", &pair.replace("abcd", "abc"), &pair.replace("abcd", "ab cd")] {
            assert_eq!(credentials(bad), Err(NoCredentials), "{bad}");
        }
        assert_eq!(named_ufrag(pair), Some("abcd"));
    }

    #[test]
    fn an_offer_is_told_anew_with_other_credentials_and_no_other_change() {
        let restart = read(OFFER).unwrap().restart();
        let new = Credentials { ufrag: "fresh".into(), password: "9".repeat(24) };
        let (before, after) = (restart.sdp.clone(), restart.offer(&new));
        let differ = |(one, other): &(&str, &str)| one != other;
        let changed: Vec<_> = before.lines().zip(after.lines()).filter(differ).map(|(_, new)| new).collect();
        assert!(changed.iter().all(|line| line.ends_with(":fresh") || line.ends_with("999")), "{changed:?}");
        assert_eq!(after.matches("a=ice-ufrag:fresh\r\n").count(), 2, "{after}");
    }

    #[test]
    fn a_fragment_tells_of_our_credentials_and_candidates_under_the_peer_s_name_of_a_section() {
        let raw = "v=0\r\nm=video 9 UDP/TLS/RTP/SAVPF 96\r\na=mid:7\r\na=ice-ufrag:ours\r\na=ice-pwd:secret\r\n\
            a=candidate:1 1 udp 1 192.0.2.1 9 typ host\r\na=end-of-candidates\r\na=sendonly\r\n";
        let fragment = read(OFFER).unwrap().restart().fragment(raw);
        let mid = OFFER.lines().find(|line| line.starts_with("a=mid:")).unwrap();
        for said in
            ["a=ice-ufrag:ours\r\n", "a=ice-pwd:secret\r\n", "a=candidate:1 ", "a=end-of-candidates\r\n", mid]
        {
            assert!(fragment.contains(said), "{said} in {fragment}");
        }
        assert!(fragment.lines().nth(1).unwrap().starts_with("m="), "{fragment}");
        assert!(!fragment.contains("sendonly") && !fragment.contains("a=mid:7"), "{fragment}");
    }
}
