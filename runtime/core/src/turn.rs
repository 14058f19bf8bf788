//! TURN servers (RFC 8656), as a client finds them.

pub mod framing;

use std::fmt;

use url::Url;

/// Without TLS and with it (RFC 7065 §3.1).
const PORT: u16 = 3478;
const PROTECTED_PORT: u16 = 5349;
/// More is no name (RFC 1035 §2.3.4).
const LONGEST_HOST: usize = 253;
/// Of a user name in STUN (RFC 8489 §14.3).
const LONGEST_USERNAME: usize = 508;
/// Servers are named once for each protocol that leads to them; nobody names more.
const MOST: usize = 6;

/// An ICE server as somebody names it, with what it asks for.
#[derive(Clone, PartialEq, Eq)]
pub struct IceServer {
    /// `stun:`, `stuns:`, `turn:` or `turns:`.
    pub url: String,
    pub username: String,
    pub credential: String,
}

/// A server, and what it knows us by.
#[derive(Clone, PartialEq, Eq)]
pub struct Server {
    pub host: String,
    pub port: u16,
    pub over: Over,
    pub username: String,
    pub credential: String,
}

/// What leads to a server. What it relays goes over UDP from there, in any case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Over {
    Udp,
    Tcp,
    Tls,
}

/// Why a server that is named is not used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
pub enum Unused {
    /// What it would tell us of our own address, a peer sees in our checks (RFC 8445 §7.3.1.3).
    #[error("stun: relays nothing")]
    Stun,
    #[error("a URI cannot be read")]
    Url,
    #[error("DTLS is not spoken")]
    Dtls,
    #[error("a turn: comes without a user name and a credential")]
    Credentials,
    #[error("more than {MOST} are named")]
    Superfluous,
}

/// The first of those that relay, in the order in which they are named, and why others do not.
pub fn usable(named: &[IceServer]) -> (Vec<Server>, Vec<Unused>) {
    let (mut servers, mut unused) = (Vec::new(), Vec::new());
    for named in named {
        match Server::of(named) {
            Ok(server) if servers.len() < MOST => servers.push(server),
            Ok(_) => unused.push(Unused::Superfluous),
            Err(why) => unused.push(why),
        }
    }
    unused.sort_unstable();
    unused.dedup();
    (servers, unused)
}

impl Server {
    /// That which a URI of RFC 7065 names: `turn:host:port?transport=udp`.
    pub fn of(named: &IceServer) -> Result<Self, Unused> {
        let (scheme, rest) = named.url.split_once(':').ok_or(Unused::Url)?;
        let is_protected = match scheme.to_ascii_lowercase().as_str() {
            "turn" => false,
            "turns" => true,
            "stun" | "stuns" => return Err(Unused::Stun),
            _ => return Err(Unused::Url),
        };
        let (authority, query) = rest.split_once('?').unwrap_or((rest, ""));
        let transport = query.strip_prefix("transport=").map(str::to_ascii_lowercase);
        let over = match (is_protected, transport.as_deref()) {
            (false, None | Some("udp")) => Over::Udp,
            (false, Some("tcp")) => Over::Tcp,
            (true, None | Some("tcp")) => Over::Tls,
            (true, Some("udp")) => return Err(Unused::Dtls),
            _ => return Err(Unused::Url),
        };
        // Such a URI has no slashes; with them it is read as any other is.
        let url = Url::parse(&format!("{scheme}://{authority}")).map_err(|_| Unused::Url)?;
        let is_host = |host: &&str| !host.is_empty() && host.len() <= LONGEST_HOST;
        let host = url.host_str().filter(is_host).ok_or(Unused::Url)?.to_owned();
        if url.path().len() > 1 || authority.contains('@') {
            return Err(Unused::Url);
        }
        let port = url.port().unwrap_or(if is_protected { PROTECTED_PORT } else { PORT });
        if !(1..=LONGEST_USERNAME).contains(&named.username.len()) || named.credential.is_empty() {
            return Err(Unused::Credentials);
        }
        let (username, credential) = (named.username.clone(), named.credential.clone());
        Ok(Self { host, port, over, username, credential })
    }
}

/// Nothing of it: some write a password into the URI.
impl fmt::Debug for IceServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IceServer").finish_non_exhaustive()
    }
}

/// Its address alone.
impl fmt::Display for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let over = match self.over {
            Over::Udp => "UDP",
            Over::Tcp => "TCP",
            Over::Tls => "TLS",
        };
        write!(f, "{}:{} over {over}", self.host, self.port)
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Server").field(&self.to_string()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(url: &str) -> IceServer {
        IceServer { url: url.to_owned(), username: "me".to_owned(), credential: "sesame".to_owned() }
    }

    #[test]
    fn a_uri_names_a_server_and_what_leads_there() {
        for (url, host, port, over) in [
            ("turn:turn.example.net", "turn.example.net", 3478, Over::Udp),
            ("turn:turn.example.net:99?transport=udp", "turn.example.net", 99, Over::Udp),
            ("TURN:192.0.2.1?transport=TCP", "192.0.2.1", 3478, Over::Tcp),
            ("turns:turn.example.net", "turn.example.net", 5349, Over::Tls),
            ("turns:[2001:db8::1]:443?transport=tcp", "[2001:db8::1]", 443, Over::Tls),
        ] {
            let server = Server::of(&named(url)).expect(url);
            assert_eq!((server.host.as_str(), server.port, server.over), (host, port, over), "{url}");
        }
    }

    #[test]
    fn what_is_not_used_says_why() {
        for (url, unused) in [
            ("stun:stun.example.net", Unused::Stun),
            ("turns:turn.example.net?transport=udp", Unused::Dtls),
            ("turn:turn.example.net?transport=pigeon", Unused::Url),
            ("turn:", Unused::Url),
            ("turn:a.example:99999", Unused::Url),
            ("turn://turn.example.net/path", Unused::Url),
            ("turn:me:sesame@turn.example.net", Unused::Url),
            ("https://turn.example.net", Unused::Url),
            ("turn", Unused::Url),
        ] {
            assert_eq!(Server::of(&named(url)), Err(unused), "{url}");
        }
        let anonymous = IceServer { credential: String::new(), ..named("turn:turn.example.net") };
        assert_eq!(Server::of(&anonymous), Err(Unused::Credentials));
    }

    #[test]
    fn its_address_is_shown_and_nothing_else() {
        let named = named("turn:turn.example.net");
        assert_eq!(format!("{named:?}"), "IceServer { .. }");
        let server = Server::of(&named).expect("a server");
        assert_eq!(format!("{server:?}"), "Server(\"turn.example.net:3478 over UDP\")");
    }

    #[test]
    fn some_are_used_and_of_all_others_each_reason_is_told_once() {
        let all: Vec<_> = ["stun:a", "stun:b", "turn:c", "turn:d?transport=tcp", "turns:e?transport=udp"]
            .iter()
            .map(|url| named(url))
            .collect();
        let (servers, unused) = usable(&all);
        assert_eq!(servers.iter().map(|server| server.host.as_str()).collect::<Vec<_>>(), ["c", "d"]);
        assert_eq!(unused, [Unused::Stun, Unused::Dtls]);
        let (servers, unused) = usable(&vec![named("turn:a"); 100]);
        assert_eq!((servers.len(), unused), (MOST, vec![Unused::Superfluous]));
    }
}
