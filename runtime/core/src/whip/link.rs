//! ICE servers in `Link` headers (RFC 9725 §4.6).

use crate::turn::IceServer;

/// Those that a header's value names.
pub fn ice_servers(link: &str) -> Vec<IceServer> {
    split(link, ',').into_iter().filter_map(ice_server).collect()
}

fn ice_server(link: &str) -> Option<IceServer> {
    let mut parts = split(link, ';').into_iter().map(str::trim);
    let url = parts.next()?.strip_prefix('<')?.strip_suffix('>')?.to_owned();
    let parameters: Vec<(&str, String)> = parts
        .filter_map(|part| part.split_once('='))
        .map(|(name, value)| (name.trim(), unquoted(value.trim())))
        .collect();
    let of = |wanted: &str| {
        // Of several `rel` the first counts (RFC 8288 §3.3), and so it is with the others.
        let mut all = parameters.iter().filter(|(name, _)| name.eq_ignore_ascii_case(wanted));
        all.next().map_or("", |(_, value)| value)
    };
    let is_server = of("rel").split_whitespace().any(|relation| relation.eq_ignore_ascii_case("ice-server"));
    let (username, credential) = (of("username").to_owned(), of("credential").to_owned());
    is_server.then_some(IceServer { url, username, credential })
}

/// At each such character that stands in no quotes and no angle brackets.
fn split(text: &str, at: char) -> Vec<&str> {
    let (mut quoted, mut bracketed, mut escaped) = (false, false, false);
    text.split(|c: char| {
        let is_literal = std::mem::take(&mut escaped);
        match c {
            '\\' if quoted && !is_literal => escaped = true,
            '"' if !bracketed && !is_literal => quoted = !quoted,
            '<' if !quoted => bracketed = true,
            '>' if !quoted => bracketed = false,
            _ => {}
        }
        c == at && !quoted && !bracketed
    })
    .collect()
}

/// What a quoted string means (RFC 9110 §5.6.4); what is none means itself.
fn unquoted(value: &str) -> String {
    let Some(inside) = value.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) else {
        return value.to_owned();
    };
    let mut characters = inside.chars();
    let mut text = String::new();
    while let Some(c) = characters.next() {
        text.extend(if c == '\\' { characters.next() } else { Some(c) });
    }
    text
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn quoted(text: &str) -> String {
        format!("\"{}\"", text.replace('\\', r"\\").replace('"', r#"\""#))
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_beside_whatever_else_stands_there(
            named in prop::collection::vec(("[a-z:.0-9?=]{1,20}", "[ -~]{0,20}", "[ -~]{0,20}"), 0..4),
        ) {
            let link: Vec<String> = named
                .iter()
                .map(|(url, username, credential)| {
                    let (username, credential) = (quoted(username), quoted(credential));
                    let other = "<https://a.example/>; rel=next";
                    format!("{other}, <{url}>; username={username}; rel=\"ice-server\";credential={credential}")
                })
                .collect();
            let read = ice_servers(&link.join(","));
            let read: Vec<_> = read.into_iter().map(|one| (one.url, one.username, one.credential)).collect();
            prop_assert_eq!(read, named);
        }

        #[test]
        fn whatever_stands_there_is_read_without_harm(link in ".{0,200}") {
            for server in ice_servers(&link) {
                drop(crate::turn::Server::of(&server));
            }
        }
    }

    #[test]
    fn servers_are_read_by_their_relation_whatever_stands_in_quotes() {
        let link = r#"<stun:stun.example.net>; rel="ice-server", <turn:turn.example.net?transport=udp>;
            rel="ice-server"; username="a,b;<c"; credential="x\"y\\z"; credential-type="password",
            <https://example.net/events>; rel="urn:ietf:params:whep:ext""#;
        let server = |url: &str, username: &str, credential: &str| IceServer {
            url: url.to_owned(),
            username: username.to_owned(),
            credential: credential.to_owned(),
        };
        assert_eq!(
            ice_servers(link),
            [
                server("stun:stun.example.net", "", ""),
                server("turn:turn.example.net?transport=udp", "a,b;<c", "x\"y\\z")
            ]
        );
    }

    #[test]
    fn what_is_no_link_names_none() {
        for link in ["", "<", "\"", "stun:a; rel=ice-server", "<stun:a>", "<stun:a>; rel", ",;,;", "\\"] {
            assert!(ice_servers(link).is_empty(), "{link}");
        }
    }
}
