//! Where an offer lets itself be reached, and by which certificate it is known: the one transport of all that is served.

use super::Fault;
use super::section::{self, Lines, Section, push_line};

/// Bytes of a SHA-256.
const SHA_256_BYTES: usize = 32;

/// What the section says whose transport all others share.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transport {
    /// The peer's ICE user fragment.
    pub ufrag: String,
    pub(super) password: String,
    /// SHA-256 of certificates, in pairs of capitals; the peer has one of them (RFC 8122 §5).
    pub fingerprints: Vec<String>,
    /// Ours, by what the peer leaves to us.
    pub role: DtlsRole,
}

/// Who begins the DTLS handshake (RFC 8842 §5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DtlsRole {
    /// `a=setup:active`: begins it.
    Client,
    /// `a=setup:passive`: waits for it, and sends the last flight.
    Server,
}

/// The sections that travel with one, by their place: those of its group, or it alone.
pub(super) fn travelling_with(lines: &Lines<'_>, place: usize) -> Vec<usize> {
    lines.bundles().find(|group| group.contains(&place)).unwrap_or_else(|| vec![place])
}

/// The transport of those sections of a group that are accepted: that of the first of them, since one that is refused
/// has none (RFC 9143 §7.3.1). What it leaves unsaid the group's first says (§7.1.3).
pub(super) fn read(lines: &Lines<'_>, group: &[usize], accepted: &[usize]) -> Result<Transport, Fault> {
    let mut speakers: Vec<&Section<'_>> = Vec::new();
    let first = group.iter().find(|place| accepted.contains(place));
    for place in first.into_iter().chain(group) {
        speakers.extend(lines.sections.get(*place));
    }
    let find = |name: &str| speakers.iter().find_map(|section| lines.attribute(section, name)).map(str::trim);
    // RFC 8839 §5.4: at least 4 and 22 characters.
    let long_enough =
        |name, least| find(name).filter(|value| value.len() >= least).ok_or(Fault::NoIceCredentials);
    let ufrag = long_enough("ice-ufrag", 4)?.to_owned();
    let password = long_enough("ice-pwd", 22)?.to_owned();
    let fingerprints = fingerprints(lines, &speakers)?;
    // Who says nothing is active (RFC 4145 §4).
    let role = DtlsRole::answering(find("setup").unwrap_or("active"))?;
    Ok(Transport { ufrag, password, fingerprints, role })
}

/// Whether the peer checks no way itself, but answers who does (RFC 8839 §5.3).
pub(super) fn is_lite(lines: &Lines<'_>) -> bool {
    lines.session.iter().any(|line| section::is_property(line, "ice-lite"))
}

/// The SHA-256 in the value of an `a=fingerprint`, in capitals.
pub(super) fn sha_256(text: &str) -> Option<String> {
    let (hash, hex) = text.trim().split_once(' ')?;
    let is_pair = |pair: &str| pair.len() == 2 && pair.bytes().all(|byte| byte.is_ascii_hexdigit());
    let pairs = hex.trim().split(':');
    let whole = pairs.clone().count() == SHA_256_BYTES && pairs.into_iter().all(is_pair);
    (hash.eq_ignore_ascii_case("sha-256") && whole).then(|| hex.trim().to_ascii_uppercase())
}

fn fingerprints(lines: &Lines<'_>, speakers: &[&Section<'_>]) -> Result<Vec<String>, Fault> {
    let own = speakers.iter().find(|section| section.attribute("fingerprint").is_some());
    let said: Vec<&str> = match own {
        Some(section) => section.attributes("fingerprint").collect(),
        None => section::values(&lines.session, "fingerprint").collect(),
    };
    if said.is_empty() {
        return Err(Fault::NoFingerprint);
    }
    let mut known: Vec<String> = Vec::new();
    for fingerprint in said.into_iter().filter_map(sha_256) {
        if !known.contains(&fingerprint) {
            known.push(fingerprint);
        }
    }
    if known.is_empty() { Err(Fault::BadFingerprint) } else { Ok(known) }
}

impl DtlsRole {
    /// Ours, where the peer says this of itself (RFC 5763 §5). Left to choose, we wait: the peer finds the way, so it
    /// knows first when to begin. `holdconn` wants no connection yet, and nothing answers it here.
    fn answering(setup: &str) -> Result<Self, Fault> {
        let said = |token: &str| setup.eq_ignore_ascii_case(token);
        match () {
            () if said("actpass") || said("active") => Ok(Self::Server),
            () if said("passive") => Ok(Self::Client),
            () => Err(Fault::WrongSetup(setup.chars().take(16).collect())),
        }
    }

    const fn of_peer(self) -> Self {
        match self {
            Self::Client => Self::Server,
            Self::Server => Self::Client,
        }
    }

    /// As `a=setup` has it.
    pub(super) const fn token(self) -> &'static str {
        match self {
            Self::Client => "active",
            Self::Server => "passive",
        }
    }
}

impl Transport {
    /// Whether it is to be reached by other credentials than the same peer's before: the way is to be found anew.
    pub(super) fn is_elsewhere(&self, before: &Self) -> bool {
        (&self.ufrag, &self.password) != (&before.ufrag, &before.password)
    }

    /// Whether it may still have the certificate of before.
    pub(super) fn is_same_peer(&self, before: &Self) -> bool {
        self.fingerprints.iter().any(|print| before.fingerprints.contains(print))
    }

    /// Its lines for the WebRTC stack, which reads tokens as they are usually written, and one fingerprint.
    pub fn write(&self, out: &mut String) {
        push_line(out, &format!("a=ice-ufrag:{}", self.ufrag));
        push_line(out, &format!("a=ice-pwd:{}", self.password));
        if let Some(fingerprint) = self.fingerprints.first() {
            push_line(out, &format!("a=fingerprint:sha-256 {fingerprint}"));
        }
        push_line(out, &format!("a=setup:{}", self.role.of_peer().token()));
    }
}
