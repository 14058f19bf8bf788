//! ICE servers that viewers are told of, for networks from which they do not reach us directly.

use std::str::FromStr;
use std::sync::Arc;

use axum::http::header::LINK;
use axum::http::{HeaderMap, HeaderValue};
use serde::Deserialize;
use understudy_core::streamer::message::IceServer;

#[derive(Clone, Debug, Default)]
pub struct IceServers {
    /// Each address as the value of a `Link` header (RFC 9725 §4.6).
    links: Arc<[HeaderValue]>,
    /// As browsers take them.
    servers: Arc<[IceServer]>,
}

/// Text that names no ICE servers.
#[derive(Debug, thiserror::Error)]
pub enum BadServers {
    #[error(
        "it is not a list as browsers take it, `[{{\"urls\": \"turn:host\", \"username\": …, \"credential\": …}}]`: {0}"
    )]
    NotAList(#[from] serde_json::Error),
    #[error("{0:?} is not a URL of stun:, stuns:, turn: or turns:")]
    Url(String),
    #[error("a TURN server has no username and credential")]
    NoCredential,
    #[error("a username or credential has characters that no header takes")]
    Characters,
}

/// As in a browser's `RTCConfiguration`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Server {
    urls: Urls,
    #[serde(default)]
    username: Option<String>,
    #[serde(default)]
    credential: Option<String>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Urls {
    One(String),
    Many(Vec<String>),
}

impl IceServers {
    pub fn tell(&self, headers: &mut HeaderMap) {
        for link in self.links.iter() {
            headers.append(LINK, link.clone());
        }
    }

    /// For whom is told over a socket.
    pub fn servers(&self) -> &[IceServer] {
        &self.servers
    }
}

impl FromStr for IceServers {
    type Err = BadServers;

    /// Empty: none.
    fn from_str(text: &str) -> Result<Self, BadServers> {
        if text.trim().is_empty() {
            return Ok(Self::default());
        }
        let (mut links, mut servers) = (Vec::new(), Vec::new());
        for server in serde_json::from_str::<Vec<Server>>(text)? {
            for url in server.urls() {
                links.push(server.link(url)?);
            }
            servers.push(server.told());
        }
        Ok(Self { links: links.into(), servers: servers.into() })
    }
}

impl Server {
    fn urls(&self) -> &[String] {
        match &self.urls {
            Urls::One(url) => std::slice::from_ref(url),
            Urls::Many(urls) => urls,
        }
    }

    fn told(&self) -> IceServer {
        let text = |given: &Option<String>| given.clone().unwrap_or_default();
        IceServer {
            urls: self.urls().to_vec(),
            username: text(&self.username),
            credential: text(&self.credential),
        }
    }

    fn link(&self, url: &str) -> Result<HeaderValue, BadServers> {
        let (scheme, rest) = url.split_once(':').unwrap_or_default();
        let is_host = |byte: u8| byte.is_ascii_graphic() && !b"<>\",;\\".contains(&byte);
        let is_turn = matches!(scheme, "turn" | "turns");
        if !(is_turn || matches!(scheme, "stun" | "stuns")) || rest.is_empty() || !rest.bytes().all(is_host) {
            return Err(BadServers::Url(url.to_owned()));
        }
        let mut link = format!("<{url}>; rel=\"ice-server\"");
        match (&self.username, &self.credential) {
            (Some(username), Some(credential)) => {
                for (name, value) in [("username", username), ("credential", credential)] {
                    link.push_str(&format!("; {name}=\"{}\"", quoted(value)));
                }
                link.push_str("; credential-type=\"password\"");
            }
            _ if is_turn => return Err(BadServers::NoCredential),
            _ => {}
        }
        let mut link = HeaderValue::from_str(&link).map_err(|_| BadServers::Characters)?;
        link.set_sensitive(true);
        Ok(link)
    }
}

/// RFC 9110 §5.6.4.
fn quoted(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_are_told_as_links_each_address_by_itself() {
        let text = r#"[{"urls": "stun:stun.example:3478"},
            {"urls": ["turn:turn.example?transport=udp", "turns:turn.example"], "username": "a\"b", "credential": "c"}]"#;
        let mut headers = HeaderMap::new();
        let servers = text.parse::<IceServers>().expect("a list");
        servers.tell(&mut headers);
        assert_eq!(servers.servers()[1].urls.len(), 2, "over a socket they are told as they were given");
        assert!(!format!("{servers:?}").contains("credential: \"c\""), "a credential is never printed");
        let links: Vec<_> =
            headers.get_all(LINK).iter().map(|link| link.to_str().unwrap_or_default()).collect();
        assert_eq!(links[0], "<stun:stun.example:3478>; rel=\"ice-server\"");
        assert_eq!(
            links[1],
            "<turn:turn.example?transport=udp>; rel=\"ice-server\"; username=\"a\\\"b\"; credential=\"c\"; \
             credential-type=\"password\""
        );
        assert_eq!(links.len(), 3);
    }

    #[test]
    fn what_is_no_list_of_servers_says_why() {
        for (text, why) in [
            ("stun:stun.example", "not a list"),
            (r#"[{"urls": "http://stun.example"}]"#, "not a URL"),
            (r#"[{"urls": "stun:a>b"}]"#, "not a URL"),
            (r#"[{"urls": "turn:turn.example"}]"#, "no username"),
            (r#"[{"urls": "turn:a", "username": "a", "credential": "b\n"}]"#, "characters"),
        ] {
            let error = text.parse::<IceServers>().expect_err(text).to_string();
            assert!(error.contains(why), "{error}");
        }
        assert!(" ".parse::<IceServers>().expect("none").links.is_empty());
    }
}
