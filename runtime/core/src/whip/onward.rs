//! Where a server sends whoever publishes, and whether the token goes along.
//!
//! A redirect that keeps the method is followed (RFC 9110 §15.4.8, §15.4.9). The token goes to the host that it was given for, and
//! over TLS to its neighbours: Amazon IVS sends from `global.whip.live-video.net` to a host below `whip.live-video.net` that wants it.
//! A neighbour is a host below the same parent, if that is one owner's: it has three labels, or two of which the last is no country's
//! (`example.co.uk` has no neighbours).

use url::{Host, Url};

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
    protected && asked.host() == other.host() || are_neighbours(asked, other)
}

fn are_neighbours(asked: &Url, other: &Url) -> bool {
    let (Some(Host::Domain(asked_host)), Some(Host::Domain(other_host))) = (asked.host(), other.host())
    else {
        return false;
    };
    let Some((_, parent)) = asked_host.split_once('.') else { return false };
    let labels: Vec<&str> = parent.split('.').collect();
    let is_owned = match labels[..] {
        [_, top] => top.len() > 2,
        _ => labels.len() > 2,
    };
    let is_below = other_host.strip_suffix(parent).is_some_and(|rest| rest.ends_with('.'));
    asked.scheme() == "https" && other.scheme() == "https" && is_owned && is_below
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
    fn a_token_goes_to_its_host_and_over_tls_to_neighbours_of_one_owner() {
        for (asked, other, may) in [
            ("http://a.example/whip", "http://a.example:8080/", true),
            ("http://a.example/whip", "https://a.example/", true),
            ("https://a.example/whip", "http://a.example/", false),
            ("http://127.0.0.1:1/whip", "http://127.0.0.1:2/whip", true),
            ("https://127.0.0.1/whip", "https://127.0.0.2/whip", false),
            ("https://global.whip.live-video.net/", "https://x1.global-bm.whip.live-video.net/", true),
            ("https://global.whip.live-video.net/", "https://live-video.net/", false),
            ("https://director.example.com/", "https://edge7.example.com/", true),
            ("http://director.example.com/", "http://edge7.example.com/", false),
            ("https://director.example.com/", "https://edge7.example.com.evil.example/", false),
            ("https://director.example.com/", "https://evilexample.com/", false),
            ("https://example.co.uk/", "https://evil.co.uk/", false),
            ("https://a.example.co.uk/", "https://b.example.co.uk/", true),
            ("https://example.com/", "https://evil.com/", false),
        ] {
            assert_eq!(may_know(&url(asked), &url(other)), may, "{asked} {other}");
        }
    }
}
