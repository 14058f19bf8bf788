//! Where a server sends whoever publishes, and whether the token goes along.
//!
//! A redirect that keeps the method is followed (RFC 9110 §15.4.8, §15.4.9). The token goes to the host that it was given for. Amazon
//! IVS sends from `global.whip.live-video.net` to a host of its own that wants it: hosts of such services know a token together, over
//! TLS. Of no others can a name tell whose they are.

use url::{Host, Url};

/// Whose hosts redirect to each other, and have no names below these that are somebody else's.
const SERVICES: [&str; 1] = ["live-video.net"];

/// Where to ask next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Onward {
    pub url: Url,
    pub with_token: bool,
}

/// Why a redirect is not followed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Strayed {
    #[error("with status {0}, which does not keep the method of a request; 307 and 308 do")]
    Method(u16),
    #[error("without a Location that can be read")]
    Nowhere,
    #[error("to what is neither http: nor https:, or has a user name in it")]
    Elsewhere,
    #[error("from https: to http:")]
    Unprotected,
    #[error("more than {0} times")]
    TooOften(usize),
}

/// Follows a redirect of the server at `asked`.
pub fn onward(asked: &Url, status: u16, location: Option<&str>) -> Result<Onward, Strayed> {
    if !matches!(status, 307 | 308) {
        return Err(Strayed::Method(status));
    }
    let url = location.and_then(|location| asked.join(location).ok()).ok_or(Strayed::Nowhere)?;
    if !matches!(url.scheme(), "http" | "https") || !url.has_host() || !url.username().is_empty() {
        return Err(Strayed::Elsewhere);
    }
    if asked.scheme() == "https" && url.scheme() == "http" {
        return Err(Strayed::Unprotected);
    }
    let with_token = may_know(asked, &url);
    Ok(Onward { url, with_token })
}

/// Whether what knows a token at `asked` may know it at `other`.
pub fn may_know(asked: &Url, other: &Url) -> bool {
    let protected = other.scheme() == "https" || asked.scheme() == "http";
    protected && asked.host() == other.host() || are_of_one_service(asked, other)
}

fn are_of_one_service(asked: &Url, other: &Url) -> bool {
    let is_below = |url: &Url, service: &str| match url.host() {
        Some(Host::Domain(host)) => host.strip_suffix(service).is_some_and(|rest| rest.ends_with('.')),
        _ => false,
    };
    let protected = [asked, other].iter().all(|url| url.scheme() == "https");
    protected && SERVICES.iter().any(|service| is_below(asked, service) && is_below(other, service))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Url {
        text.parse().unwrap()
    }

    #[test]
    fn a_redirect_that_keeps_the_method_is_followed_from_where_it_came() {
        let asked = url("https://a.example:8443/whip?x=1");
        for (location, to) in [
            ("/other", "https://a.example:8443/other"),
            ("other", "https://a.example:8443/other"),
            ("https://b.example/", "https://b.example/"),
        ] {
            assert_eq!(onward(&asked, 307, Some(location)).unwrap().url, url(to));
            assert_eq!(onward(&asked, 308, Some(location)).unwrap().url, url(to));
        }
    }

    #[test]
    fn one_that_makes_a_get_of_a_post_or_leads_out_of_tls_is_not() {
        let asked = url("https://a.example/whip");
        for status in [301, 302, 303] {
            assert_eq!(onward(&asked, status, Some("/other")), Err(Strayed::Method(status)));
        }
        assert_eq!(onward(&asked, 307, None), Err(Strayed::Nowhere));
        assert_eq!(onward(&asked, 307, Some("http://a.example/")), Err(Strayed::Unprotected));
        for elsewhere in ["ftp://a.example/", "https://me:secret@a.example/", "data:,x"] {
            assert_eq!(onward(&asked, 307, Some(elsewhere)), Err(Strayed::Elsewhere), "{elsewhere}");
        }
    }

    #[test]
    fn a_token_goes_to_its_host_and_over_tls_to_hosts_of_its_service() {
        for (asked, other, may) in [
            ("http://a.example/whip", "http://a.example:8080/", true),
            ("http://a.example/whip", "https://a.example/", true),
            ("https://a.example/whip", "http://a.example/", false),
            ("http://127.0.0.1:1/whip", "http://127.0.0.1:2/whip", true),
            ("https://127.0.0.1/whip", "https://127.0.0.2/whip", false),
            ("https://global.whip.live-video.net/", "https://x1.global-bm.whip.live-video.net/", true),
            ("https://global.whip.live-video.net/", "https://live-video.net/", false),
            ("http://global.whip.live-video.net/", "http://x1.whip.live-video.net/", false),
            ("https://global.whip.live-video.net/", "https://live-video.net.other.example/", false),
            ("https://global.whip.live-video.net/", "https://another-live-video.net/", false),
            ("https://director.example.com/", "https://edge7.example.com/", false),
            ("https://example.com/", "https://other.com/", false),
        ] {
            assert_eq!(may_know(&url(asked), &url(other)), may, "{asked} {other}");
        }
    }
}
