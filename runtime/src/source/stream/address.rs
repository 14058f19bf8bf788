//! The URL that is opened for a stream: where it is not fetched by HTTP, its host is looked up here, once.

use understudy_core::input::Failure;
use understudy_core::redact::redacted;
use understudy_core::spec::StreamUrl;

use crate::guard::{Policy, Refused, pin};

/// The URL to open. HTTP goes through the guarding proxy, which looks names up itself.
pub(super) async fn resolve(wanted: &StreamUrl, policy: &Policy) -> Result<String, Failure> {
    let (url, scheme) = (wanted.as_str(), wanted.scheme());
    if matches!(scheme.as_str(), "http" | "https") {
        return Ok(url.to_owned());
    }
    let parts = Parts::of(url).filter(|parts| !parts.host.is_empty() && !parts.listens());
    let Some(parts) = parts else {
        return fail("SourceForbidden", url, "it has no host to call; nothing is waited for here");
    };
    let port = parts.port.or(default_port(&scheme));
    let Some(port) = port else { return fail("SourceForbidden", url, "it has no port") };
    let address = match pin(parts.host, port, policy).await {
        Ok(address) => address,
        Err(refused @ Refused::Private { .. }) => return fail("SourceForbidden", url, &refused.to_string()),
        Err(refused) => return fail("SourceUnreachable", url, &refused.to_string()),
    };
    // A certificate is for a name: with TLS the name stays, and whoever answers under it must prove it.
    Ok(match scheme.as_str() {
        "rtmps" | "rtsps" => url.to_owned(),
        _ => parts.at(address),
    })
}

fn fail(reason: &'static str, url: &str, text: &str) -> Result<String, Failure> {
    Err(Failure { reason, message: format!("{}: {text}", redacted(url)) })
}

fn default_port(scheme: &str) -> Option<u16> {
    match scheme {
        "rtmp" => Some(1935),
        "rtmps" => Some(443),
        "rtsp" => Some(554),
        "rtsps" => Some(322),
        _ => None,
    }
}

/// A URL around its host and port.
struct Parts<'a> {
    /// With scheme and user.
    before: &'a str,
    host: &'a str,
    port: Option<u16>,
    /// Path and query.
    after: &'a str,
}

impl<'a> Parts<'a> {
    fn of(url: &'a str) -> Option<Self> {
        let start = url.find("://")? + 3;
        let end = url[start..].find(['/', '?', '#']).map_or(url.len(), |at| start + at);
        let start = url[start..end].rfind('@').map_or(start, |at| start + at + 1);
        let authority = &url[start..end];
        // A colon within brackets belongs to the address.
        let (host, port) = match authority.rsplit_once(':').filter(|(_, port)| !port.contains(']')) {
            Some((host, port)) => (host, Some(port.parse().ok()?)),
            None => (authority, None),
        };
        Some(Self { before: &url[..start], host, port, after: &url[end..] })
    }

    /// Whether it asks to be called instead of calling (SRT's `mode`).
    fn listens(&self) -> bool {
        let query = self.after.split_once('?').map_or("", |(_, query)| query);
        query
            .split('&')
            .any(|pair| pair.split_once('=').is_some_and(|(name, mode)| name == "mode" && mode != "caller"))
    }

    fn at(&self, address: std::net::SocketAddr) -> String {
        format!("{}{address}{}", self.before, self.after)
    }
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use super::*;

    const URLS: [&str; 5] = [
        "rtmp://127.0.0.1/live/key?a=1",
        "rtsp://u:p@127.0.0.1:8554/x#f",
        "rtsp://[::1]:554",
        "srt://127.0.0.1:9000?streamid=read:x&mode=caller",
        "srt://:9000?mode=listener",
    ];
    /// What takes a URL apart, and what does not belong there.
    const TELLING: [&str; 12] = ["", ":", "/", "@", "?", "#", "[", "]", "://", "65536", " ", "\u{e9}"];

    /// The URL with something else before, or instead of, each of its characters.
    fn mutated(url: &str) -> impl Iterator<Item = String> {
        let with =
            move |from: usize, till: usize, text: &str| format!("{}{text}{}", &url[..from], &url[till..]);
        (0..url.len()).flat_map(move |at| {
            TELLING.map(|text| [with(at, at, text), with(at, at + 1, text)]).into_iter().flatten()
        })
    }

    async fn resolved(url: &str) -> Result<String, &'static str> {
        let url = StreamUrl::parse("url", url).unwrap();
        resolve(&url, &Policy { allow: "*".parse().unwrap(), own: vec![] })
            .await
            .map_err(|failure| failure.reason)
    }

    #[tokio::test]
    async fn a_host_is_looked_up_once_and_the_rest_stays() {
        for (url, opened) in [
            ("rtmp://127.0.0.1/live/key?a=1", "rtmp://127.0.0.1:1935/live/key?a=1"),
            ("rtsp://u:p@127.0.0.1:8554/x", "rtsp://u:p@127.0.0.1:8554/x"),
            (
                "srt://127.0.0.1:9000?streamid=read:x&mode=caller",
                "srt://127.0.0.1:9000?streamid=read:x&mode=caller",
            ),
            ("rtsp://[::1]/x", "rtsp://[::1]:554/x"),
            ("http://nowhere.invalid/x", "http://nowhere.invalid/x"),
        ] {
            assert_eq!(resolved(url).await.as_deref(), Ok(opened));
        }
    }

    #[tokio::test]
    async fn a_private_address_is_refused_and_the_setting_that_allows_it_is_named() {
        let url = StreamUrl::parse("url", "rtmp://127.0.0.1/live/key").unwrap();
        let refused = resolve(&url, &Policy::default()).await.unwrap_err();
        assert_eq!(refused.reason, "SourceForbidden");
        assert!(refused.message.contains("UNDERSTUDY_ALLOW_PRIVATE_URLS"), "{}", refused.message);
        assert!(!refused.message.contains("key"), "{}", refused.message);
    }

    #[tokio::test]
    async fn a_url_that_waits_to_be_called_is_refused() {
        for url in
            ["srt://:9000", "srt://0.0.0.0:9000?mode=listener", "srt://a:9000?mode=rendezvous", "srt://a"]
        {
            assert_eq!(resolved(url).await, Err("SourceForbidden"), "{url}");
        }
    }

    #[test]
    fn a_url_in_which_anything_stands_anywhere_is_taken_apart_without_a_loss() {
        let mut taken = 0;
        for url in URLS.iter().flat_map(|url| mutated(url)) {
            let Some(parts) = Parts::of(&url) else { continue };
            taken += 1;
            let rest = url.strip_prefix(&format!("{}{}", parts.before, parts.host));
            let port = rest.and_then(|rest| rest.strip_suffix(parts.after)).expect(&url);
            let port = port.strip_prefix(':').map(|digits| digits.parse::<u16>().unwrap());
            assert_eq!(port, parts.port, "{url}");
        }
        assert!(taken > 1000, "{taken} were taken apart");
    }

    #[test]
    fn what_is_opened_has_the_address_for_its_host_and_is_else_the_same() {
        let addresses = ["192.0.2.7:9", "[2001:db8::7]:9"].map(|text| text.parse::<SocketAddr>().unwrap());
        for url in URLS.iter().flat_map(|url| mutated(url)) {
            let Some(parts) = Parts::of(&url) else { continue };
            for address in addresses {
                let opened = parts.at(address);
                let again = Parts::of(&opened).expect(&url);
                assert_eq!(format!("{}:{}", again.host, again.port.unwrap()), address.to_string(), "{url}");
                assert_eq!((again.before, again.after), (parts.before, parts.after), "{url}");
                assert_eq!(again.listens(), parts.listens(), "{url}");
            }
        }
    }

    #[tokio::test]
    async fn a_private_host_is_found_whatever_stands_around_it() {
        for url in [
            "rtmp://example.org@127.0.0.1/x",
            "rtmp://me:pw@example.org@127.0.0.1:80/x",
            "rtmp://127.0.0.1?@example.org/",
            "rtmp://127.0.0.1#@example.org/",
            "rtsp://127.0.0.1:554/@example.org",
            "rtsp://[::1]",
            "rtsp://[::ffff:127.0.0.1]:8554/x",
            "srt://169.254.169.254:80?mode=caller",
        ] {
            let parsed = StreamUrl::parse("url", url).unwrap();
            let refused = resolve(&parsed, &Policy::default()).await.unwrap_err();
            assert_eq!(refused.reason, "SourceForbidden", "{url}");
            assert!(refused.message.contains("UNDERSTUDY_ALLOW_PRIVATE_URLS"), "{url}: {}", refused.message);
        }
    }
}
