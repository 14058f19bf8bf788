//! Under which names this server is asked, and by whose pages. Where there are no tokens, the name is all that tells a person's
//! own page from one of another site that had its name pointed at this machine (DNS rebinding). Pure.

use std::net::IpAddr;
use std::sync::Arc;

use axum::http::{HeaderMap, HeaderName, HeaderValue, header};

/// Endings of names that the public DNS gives to nobody: reserved (RFC 6761, RFC 6762, RFC 8375, and ICANN's `internal`), or used
/// by home routers and clusters and never delegated (`lan`, `svc`, `cluster.local`).
const PRIVATE_ENDINGS: [&str; 8] =
    [".localhost", ".local", ".internal", ".test", ".home.arpa", ".lan", ".svc", ".cluster.local"];

/// Names under which an open server may be asked beside those that nobody else can have.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HostNames(Arc<[String]>);

impl HostNames {
    /// In lower case.
    pub fn new(names: &[String]) -> Self {
        Self(names.into())
    }

    /// Whether it is asked under an address, a name that no stranger can have, or one of these.
    pub(super) fn admit(&self, headers: &HeaderMap) -> bool {
        let Some(name) = name(headers) else { return false };
        let name = name.to_ascii_lowercase();
        is_address(&name) || is_private(&name) || self.0.contains(&name)
    }
}

/// From a page that this port did not serve, as Chromium itself would ask. Programs have no origin.
pub(super) fn is_foreign(headers: &HeaderMap) -> bool {
    let origin = text(headers, header::ORIGIN).and_then(|origin| origin.split_once("://"));
    let own = origin.zip(text(headers, header::HOST));
    headers.contains_key(header::ORIGIN)
        && !own.is_some_and(|((_, page), host)| page.eq_ignore_ascii_case(host))
}

/// Asked under a name of this machine, and not by another site's page.
pub(super) fn is_local(headers: &HeaderMap) -> bool {
    // Names know no case (RFC 9110 §4.2.3).
    let own =
        |name: &str| ["localhost", "127.0.0.1", "[::1]"].iter().any(|own| own.eq_ignore_ascii_case(name));
    name(headers).is_some_and(own) && !is_foreign(headers)
}

/// The host without its port.
fn name(headers: &HeaderMap) -> Option<&str> {
    let host = text(headers, header::HOST)?;
    let name =
        host.rsplit_once(':').map_or(host, |(name, port)| if port.ends_with(']') { host } else { name });
    Some(name.trim_end_matches('.'))
}

fn is_address(name: &str) -> bool {
    let bare = name.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(name);
    bare.parse::<IpAddr>().is_ok()
}

/// One label is a name of this machine, its network or its cluster: no site of the web has one.
fn is_private(name: &str) -> bool {
    !name.is_empty() && (!name.contains('.') || PRIVATE_ENDINGS.iter().any(|ending| name.ends_with(ending)))
}

fn text(headers: &HeaderMap, name: HeaderName) -> Option<&str> {
    headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(host: &'static str, origin: Option<&'static str>) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(header::HOST, HeaderValue::from_static(host));
        origin.map(|origin| headers.insert(header::ORIGIN, HeaderValue::from_static(origin)));
        headers
    }

    #[test]
    fn a_local_session_is_shown_to_this_machine_and_to_no_other_site() {
        let local = |host, origin| is_local(&asked(host, origin));
        assert!(local("127.0.0.1:10001", None));
        assert!(local("[::1]:10001", None));
        assert!(local("[::1]", None));
        assert!(local("localhost:10001", Some("http://localhost:10001")));
        assert!(local("LOCALHOST:10001", None));
        assert!(local("LocalHost:10001", Some("http://localhost:10001")));
        assert!(!local("127.0.0.1:10001", Some("https://elsewhere.example")));
        assert!(!local("127.0.0.1:10001", Some("null")));
        assert!(!local("rebound.example:10001", None));
        assert!(!is_local(&HeaderMap::new()));
    }

    #[test]
    fn a_program_and_an_own_page_are_not_foreign_and_another_sites_page_is() {
        let foreign = |origin| is_foreign(&asked("session:9222", origin));
        assert!(!foreign(None));
        assert!(!foreign(Some("http://session:9222")));
        assert!(!foreign(Some("http://Session:9222")));
        assert!(foreign(Some("https://elsewhere.example")));
        assert!(foreign(Some("null")));
    }

    #[test]
    fn an_open_server_is_asked_under_names_that_no_stranger_can_point_at_it() {
        let names = HostNames::new(&["demo.example.com".into()]);
        for host in [
            "127.0.0.1:10001",
            "192.168.1.7",
            "[fd00::7]:10001",
            "localhost:10001",
            "runtime:10001",
            "ada.demo.svc:10001",
            "ada.demo.svc.cluster.local",
            "laptop.local",
            "demo.example.com:10001",
            "DEMO.example.com.",
        ] {
            assert!(names.admit(&asked(host, None)), "{host}");
        }
        for host in
            ["rebound.example:10001", "127.0.0.1.rebound.example", "local", "x.demo.example.com", ":10001"]
        {
            assert_eq!(names.admit(&asked(host, None)), host == "local", "{host}");
        }
        assert!(!names.admit(&HeaderMap::new()));
    }
}
