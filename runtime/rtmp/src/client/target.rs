//! Where to publish: `rtmp://host:port/app/key`, cut as ffmpeg cuts it.

use std::fmt;

use understudy_core::guard::host_and_port;
use understudy_core::redact::redacted_in;

const PLAIN: u16 = 1935;
const SECURE: u16 = 443;

#[derive(Clone, PartialEq, Eq)]
pub struct Target {
    secure: bool,
    host: String,
    port: u16,
    app: String,
    key: String,
    /// What the server is told that it was called: without the key.
    url: String,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadTarget {
    #[error("must begin with rtmp:// or rtmps://")]
    Scheme,
    #[error("must not have a user or password: put what the destination wants into the key")]
    User,
    #[error("has no host that can be called")]
    Host,
    #[error("has no app and key behind the host, as rtmp://host/app/key")]
    Key,
}

impl Target {
    pub fn parse(url: &str) -> Result<Self, BadTarget> {
        let (scheme, rest) = url.split_once("://").ok_or(BadTarget::Scheme)?;
        let secure = match scheme.to_ascii_lowercase().as_str() {
            "rtmp" => false,
            "rtmps" => true,
            _ => return Err(BadTarget::Scheme),
        };
        let (authority, path) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
        if authority.contains('@') {
            return Err(BadTarget::User);
        }
        let default = if secure { SECURE } else { PLAIN };
        let (host, port) = host_and_port(authority, Some(default)).map_err(|_| BadTarget::Host)?;
        if host.is_empty() {
            return Err(BadTarget::Host);
        }
        let (app, key) = app_and_key(path.strip_prefix('/').ok_or(BadTarget::Key)?).ok_or(BadTarget::Key)?;
        let url = format!("{}://{authority}/{app}", scheme.to_ascii_lowercase());
        Ok(Self { secure, host, port, app: app.to_owned(), key: key.to_owned(), url })
    }

    /// Over TLS.
    pub const fn is_secure(&self) -> bool {
        self.secure
    }

    pub fn host(&self) -> &str {
        &self.host
    }

    pub const fn port(&self) -> u16 {
        self.port
    }

    pub(super) fn app(&self) -> &str {
        &self.app
    }

    pub(super) fn key(&self) -> &str {
        &self.key
    }

    pub(super) fn url(&self) -> &str {
        &self.url
    }

    /// What a server says, who may quote what it was told.
    pub(super) fn without_key(&self, said: &str) -> String {
        let whole = redacted_in(said, &format!("{}/{}", self.url, self.key));
        // Behind an app that has an instance the key is quoted alone as well.
        redacted_in(&whole, &format!("rtmp://host/app/{}", self.key))
    }
}

/// The app has an instance where there is something behind that. What follows is the key, with its query.
fn app_and_key(path: &str) -> Option<(&str, &str)> {
    // A slash in the query separates nothing.
    let end = path.find('?').unwrap_or(path.len());
    let mut slashes = path[..end].match_indices('/').map(|(at, _)| at);
    let (first, second) = (slashes.next()?, slashes.next());
    let at = second.unwrap_or(first);
    let (app, key) = (&path[..at], &path[at + 1..]);
    (!app.is_empty() && !key.is_empty()).then_some((app, key))
}

impl fmt::Debug for Target {
    /// Without the key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Target({}/***)", self.url)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_cut_into_app_and_key() {
        for (url, place, app, key, told) in [
            ("rtmp://a.example/live/key", ("a.example", 1935), "live", "key", "rtmp://a.example/live"),
            ("rtmps://a.example/app/a?b=c/d", ("a.example", 443), "app", "a?b=c/d", "rtmps://a.example/app"),
            ("RTMP://a:19/app/one/key", ("a", 19), "app/one", "key", "rtmp://a:19/app/one"),
            ("rtmp://[::1]:19/a/b", ("::1", 19), "a", "b", "rtmp://[::1]:19/a"),
        ] {
            let target = Target::parse(url).unwrap();
            assert_eq!((target.host().trim_matches(['[', ']']), target.port()), place);
            assert_eq!((target.app(), target.key(), target.url()), (app, key, told));
        }
    }

    #[test]
    fn what_cannot_be_published_to_is_refused_with_the_reason() {
        for (url, why) in [
            ("http://a/b/c", BadTarget::Scheme),
            ("a", BadTarget::Scheme),
            ("rtmp://u:p@a/b/c", BadTarget::User),
            ("rtmp:///b/c", BadTarget::Host),
            ("rtmp://a:99999/b/c", BadTarget::Host),
            ("rtmp://a", BadTarget::Key),
            ("rtmp://a/live", BadTarget::Key),
            ("rtmp://a/live/", BadTarget::Key),
        ] {
            assert_eq!(Target::parse(url), Err(why), "{url}");
        }
    }

    #[test]
    fn the_key_is_not_printed() {
        let target = Target::parse("rtmp://a/live/secret").unwrap();
        assert!(!format!("{target:?}").contains("secret"));
    }
}
