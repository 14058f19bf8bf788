//! Where what is secret is sent. Pure.

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;

/// Where a participant token of Amazon IVS is sent: a JWT, one of whose claims is the address.
pub fn whip_url(token: &str) -> Option<String> {
    let claims = BASE64_URL_SAFE_NO_PAD.decode(token.split('.').nth(1)?).ok()?;
    let claims: serde_json::Value = serde_json::from_slice(&claims).ok()?;
    claims["whip_url"].as_str().map(str::to_owned)
}

/// The host of an address. None, unless it is written so plainly that whoever reads it finds the same one: another reading would be
/// a way around the annotation.
pub fn host(url: &str) -> Option<&str> {
    let (_, rest) = url.split_once("://")?;
    let authority = rest.split(['/', '?', '#']).next()?;
    let (host, rest, known): (_, _, fn(u8) -> bool) = match authority.strip_prefix('[') {
        Some(inside) => {
            let (host, rest) = inside.split_once(']')?;
            (host, rest, |byte| byte.is_ascii_hexdigit() || byte == b':' || byte == b'.')
        }
        None => {
            let (host, rest) = authority.split_at(authority.find(':').unwrap_or(authority.len()));
            (host, rest, |byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'.')
        }
    };
    (is_port(rest) && !host.is_empty() && host.bytes().all(known)).then_some(host)
}

/// The address without user and password. What could be read in more than one way stays, and has no [`host`] then.
pub fn without_user(url: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~%!$&'()*+,;=:".contains(&byte);
    let without = || {
        let (scheme, rest) = url.split_once("://")?;
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let (user, place) = rest[..end].split_once('@')?;
        user.bytes().all(plain).then(|| format!("{scheme}://{place}{}", &rest[end..]))
    };
    without().unwrap_or_else(|| url.to_owned())
}

/// Nothing, or a colon and digits.
fn is_port(text: &str) -> bool {
    text.strip_prefix(':').map_or(text.is_empty(), |port| port.bytes().all(|byte| byte.is_ascii_digit()))
}
