//! What one HTTP request asks a forward proxy for (RFC 9110 section 7.6, RFC 9112 section 3.2).

use std::fmt;
use std::net::Ipv6Addr;

use super::Body;

/// Headers of one request; browsers send about twenty.
const MOST_HEADERS: usize = 100;

/// A request that can be carried out if its host may be connected to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// A name, or an address without brackets.
    pub host: String,
    pub port: u16,
    pub ask: Ask,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ask {
    /// Bytes in both directions: `CONNECT`.
    Tunnel,
    /// One request: the head as the server shall see it, and how its body is delimited.
    Forward { head: Vec<u8>, body: Body, upgrade: bool },
}

/// A request that is not carried out, and why.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Bad {
    #[error("the request is malformed: {0}")]
    Malformed(String),
    #[error("only http: and https: URLs are fetched, not {0:?}")]
    Scheme(String),
}

impl Request {
    /// The request at the start of `bytes` and the length of its head; none if there is more to come.
    pub fn parse(bytes: &[u8]) -> Result<Option<(Self, usize)>, Bad> {
        let mut headers = [httparse::EMPTY_HEADER; MOST_HEADERS];
        let mut parsed = httparse::Request::new(&mut headers);
        let length = match parsed.parse(bytes).map_err(malformed)? {
            httparse::Status::Complete(length) => length,
            httparse::Status::Partial => return Ok(None),
        };
        let (method, target) = (parsed.method.unwrap_or_default(), parsed.path.unwrap_or_default());
        let request = match method {
            "CONNECT" => {
                let (host, port) =
                    literal_and_port(target).map_or_else(|| host_and_port(target, None), Ok)?;
                Self { host, port, ask: Ask::Tunnel }
            }
            method => forward(method, target, parsed.headers)?,
        };
        Ok(Some((request, length)))
    }
}

/// GIO writes an address of IPv6 without the brackets around it. A tunnel has a port, so that the last number is that, and no part
/// of the address.
fn literal_and_port(target: &str) -> Option<(String, u16)> {
    let (host, port) = target.rsplit_once(':')?;
    let literal: Ipv6Addr = host.parse().ok()?;
    let port = port.bytes().all(|b| b.is_ascii_digit()).then(|| port.parse().ok())??;
    (port > 0).then(|| (literal.to_string(), port))
}

/// Takes an authority apart: `name`, `name:port`, `[::1]:port`; user information is left out.
pub fn host_and_port(authority: &str, default: Option<u16>) -> Result<(String, u16), Bad> {
    let wrong = || malformed(format!("{authority:?} is not host:port"));
    let place = authority.rsplit_once('@').map_or(authority, |(_, place)| place);
    let (host, rest) = match place.strip_prefix('[') {
        Some(literal) => literal.split_once(']').ok_or_else(wrong)?,
        None => place.split_at(place.find(':').unwrap_or(place.len())),
    };
    let port = match (rest.strip_prefix(':').unwrap_or(rest), default) {
        ("", Some(default)) => default,
        (digits, _) if rest.starts_with(':') && digits.bytes().all(|b| b.is_ascii_digit()) => {
            digits.parse().map_err(|_| wrong())?
        }
        _ => return Err(wrong()),
    };
    let is_bare = |b: u8| b.is_ascii_graphic() && !b"/?#@[]<>\"\\^`{|}".contains(&b);
    if host.is_empty() || port == 0 || !host.bytes().all(is_bare) {
        return Err(wrong());
    }
    Ok((host.to_owned(), port))
}

fn forward(method: &str, target: &str, headers: &[httparse::Header<'_>]) -> Result<Request, Bad> {
    let (scheme, rest) =
        target.split_once("://").ok_or_else(|| malformed(format!("{target:?} is not an absolute URL")))?;
    if !scheme.eq_ignore_ascii_case("http") {
        return Err(Bad::Scheme(scheme.to_owned()));
    }
    let (authority, path) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
    let (host, port) = host_and_port(authority, Some(80))?;
    let place = authority.rsplit_once('@').map_or(authority, |(_, place)| place);
    let body = body(headers)?;
    let upgrade = named(headers, "upgrade").next().filter(|_| connection(headers).any(|o| o == "upgrade"));
    let slash = if path.starts_with('/') { "" } else { "/" };
    let mut head = format!("{method} {slash}{path} HTTP/1.1\r\nHost: {place}\r\n").into_bytes();
    let options: Vec<_> = connection(headers).collect();
    let kept = headers.iter().filter(|header| {
        let name = header.name.to_ascii_lowercase();
        !HOP_BY_HOP.contains(&name.as_str()) && name != "host" && !options.contains(&name)
    });
    for header in kept {
        head.extend([header.name.as_bytes(), b": ", header.value, b"\r\n"].concat());
    }
    match upgrade {
        Some(protocol) => {
            head.extend([b"Upgrade: ", protocol, b"\r\nConnection: upgrade, close\r\n\r\n"].concat());
        }
        None => head.extend(b"Connection: close\r\n\r\n"),
    }
    Ok(Request { host, port, ask: Ask::Forward { head, body, upgrade: upgrade.is_some() } })
}

/// Meant for the proxy, not for the server. `Transfer-Encoding` stays: the body is passed on as it is.
const HOP_BY_HOP: [&str; 7] = [
    "connection",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "upgrade",
];

/// RFC 9112 section 6.3. A length that could be read in two ways is refused: it smuggles requests.
fn body(headers: &[httparse::Header<'_>]) -> Result<Body, Bad> {
    let mut encodings = named(headers, "transfer-encoding");
    let mut lengths = named(headers, "content-length");
    match (encodings.next(), encodings.next(), lengths.next(), lengths.next()) {
        (None, _, None, _) => Ok(Body::NONE),
        (Some(encoding), None, None, _) if encoding.eq_ignore_ascii_case(b"chunked") => Ok(Body::CHUNKED),
        (None, _, Some(digits), None) if !digits.is_empty() && digits.iter().all(u8::is_ascii_digit) => {
            let length = String::from_utf8_lossy(digits).parse();
            length.map(Body::Length).map_err(|_| malformed("its length is no number"))
        }
        _ => Err(malformed("the length of its body is ambiguous")),
    }
}

fn named<'a>(
    headers: &'a [httparse::Header<'_>],
    name: &'static str,
) -> impl Iterator<Item = &'a [u8]> + use<'a> {
    headers.iter().filter(move |header| header.name.eq_ignore_ascii_case(name)).map(|header| header.value)
}

/// The options of `Connection`, in lower case: headers that they name are meant for the proxy, too. Those that delimit
/// the message are not the sender's to take away.
fn connection<'a>(headers: &'a [httparse::Header<'_>]) -> impl Iterator<Item = String> + use<'a> {
    let values =
        named(headers, "connection").map(|value| String::from_utf8_lossy(value).to_ascii_lowercase());
    let options =
        values.flat_map(|value| value.split(',').map(|option| option.trim().to_owned()).collect::<Vec<_>>());
    options.filter(|option| !["content-length", "transfer-encoding"].contains(&option.as_str()))
}

fn malformed(why: impl fmt::Display) -> Bad {
    Bad::Malformed(why.to_string())
}

#[cfg(test)]
mod tests;
