//! ICE servers in `Link` headers (RFC 9725 §4.4).
//!
//! They are read and told, not used: a server that is published to has an address that it is reached at, and what it learns of ours
//! comes with our checks. TURN would help where a network lets no UDP through to it.

/// The addresses of ICE servers (`stun:`, `turn:`, `turns:`) that a header's value names.
pub fn ice_servers(link: &str) -> Vec<String> {
    let mut found = Vec::new();
    for one in split(link, ',') {
        let mut parts = split(one, ';').into_iter().map(str::trim);
        let target = parts.next().and_then(|part| part.strip_prefix('<')?.strip_suffix('>'));
        let is_server = parts.any(|part| {
            let Some((name, value)) = part.split_once('=') else { return false };
            let value = value.trim().trim_matches('"');
            name.trim().eq_ignore_ascii_case("rel")
                && value.split_whitespace().any(|relation| relation.eq_ignore_ascii_case("ice-server"))
        });
        found.extend(target.filter(|_| is_server).map(str::to_owned));
    }
    found
}

/// At each such character that stands in no quotes and no angle brackets.
fn split(text: &str, at: char) -> Vec<&str> {
    let (mut quoted, mut bracketed) = (false, false);
    text.split(|c: char| {
        match c {
            '"' if !bracketed => quoted = !quoted,
            '<' if !quoted => bracketed = true,
            '>' if !quoted => bracketed = false,
            _ => {}
        }
        c == at && !quoted && !bracketed
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_are_read_by_their_relation_whatever_stands_in_quotes() {
        let link = "<stun:stun.example.net>; rel=\"ice-server\", <turn:turn.example.net?transport=udp>; \
            rel=\"ice-server\"; username=\"a,b;<c\"; credential=\"x\"; credential-type=\"password\", \
            <https://example.net/events>; rel=\"urn:ietf:params:whep:ext\"";
        assert_eq!(ice_servers(link), ["stun:stun.example.net", "turn:turn.example.net?transport=udp"]);
    }

    #[test]
    fn what_is_no_link_names_none() {
        for link in ["", "<", "\"", "stun:a; rel=ice-server", "<stun:a>", "<stun:a>; rel", ",;,;"] {
            assert!(ice_servers(link).is_empty(), "{link}");
        }
    }
}
