//! The URL that is opened for a stream: where it is not fetched by HTTP, its host is looked up here, once.

use understudy_core::input::Failure;
use understudy_core::redact::redacted;
use understudy_core::spec::StreamUrl;

/// The URL to open. HTTP goes through the guarding proxy, which looks names up itself.
pub(super) async fn resolve(wanted: &StreamUrl) -> Result<String, Failure> {
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
    let address = match tokio::net::lookup_host((parts.host.trim_matches(['[', ']']), port)).await {
        Ok(mut addresses) => addresses.next(),
        Err(error) => return fail("SourceUnreachable", url, &format!("its host is not known: {error}")),
    };
    let Some(address) = address else { return fail("SourceUnreachable", url, "its host has no address") };
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
    use super::*;

    async fn resolved(url: &str) -> Result<String, &'static str> {
        let url = StreamUrl::parse("url", url).unwrap();
        resolve(&url).await.map_err(|failure| failure.reason)
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
    async fn a_url_that_waits_to_be_called_is_refused() {
        for url in
            ["srt://:9000", "srt://0.0.0.0:9000?mode=listener", "srt://a:9000?mode=rendezvous", "srt://a"]
        {
            assert_eq!(resolved(url).await, Err("SourceForbidden"), "{url}");
        }
    }
}
