//! Where in a server a stream is: what clients make of `rtmp://host/app/key?token=…`, which each of them cuts differently.

use std::fmt;

/// What an app without a key means, and what no app means.
const DEFAULT_APP: &str = "live";
const DEFAULT_KEY: &str = "default";

/// The one query parameter that is looked at.
const TOKEN: &str = "token";

#[derive(Clone, PartialEq, Eq)]
pub struct Place {
    pub app: String,
    /// May have slashes.
    pub key: String,
    /// From the query of key, app or URL, whichever has one.
    pub token: Option<String>,
}

impl Place {
    /// `app` and `url` (`tcUrl`) as a connection says them, `name` as its play or publish does.
    pub fn of(app: &str, url: &str, name: &str) -> Self {
        let (app, of_app) = cut(app);
        let (_, of_url) = cut(url);
        let (name, of_name) = cut(name);
        let path = [app, without_kind(name)].into_iter().flat_map(|part| part.split('/'));
        let mut parts = path.filter(|part| !part.is_empty());
        let app = parts.next().unwrap_or(DEFAULT_APP).to_owned();
        let key = parts.collect::<Vec<_>>().join("/");
        let token = [of_name, of_app, of_url].into_iter().find_map(token);
        Self { app, key: if key.is_empty() { DEFAULT_KEY.to_owned() } else { key }, token }
    }

    /// The same for everybody who means the same.
    pub fn path(&self) -> String {
        format!("{}/{}", self.app, self.key)
    }
}

impl fmt::Debug for Place {
    /// Neither key nor token: who knows them may send or watch.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Place({}/***)", self.app)
    }
}

/// Path and query.
fn cut(text: &str) -> (&str, &str) {
    text.split_once('?').unwrap_or((text, ""))
}

/// Flash named the kind of a file before it, and some clients do so for what looks like one.
fn without_kind(name: &str) -> &str {
    ["mp4:", "flv:", "mp3:"].into_iter().find_map(|kind| name.strip_prefix(kind)).unwrap_or(name)
}

fn token(query: &str) -> Option<String> {
    // Some put the key behind the query of the app.
    let pairs = query.split(['&', '?']).filter_map(|pair| pair.split_once('='));
    let found = pairs.into_iter().find(|(name, _)| *name == TOKEN)?;
    Some(found.1.split('/').next().unwrap_or_default().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(app: &str, url: &str, name: &str) -> (String, Option<String>) {
        let place = Place::of(app, url, name);
        (place.path(), place.token)
    }

    #[test]
    fn one_address_is_one_place_however_it_is_cut() {
        for (app, name) in
            [("live", "a/b"), ("live/a", "b"), ("live/", "/a/b"), ("live/a/b", ""), ("", "live/a/b")]
        {
            assert_eq!(place(app, "", name), ("live/a/b".into(), None), "{app} and {name}");
        }
        assert_eq!(place("live", "", "mp4:film.mp4"), ("live/film.mp4".into(), None));
    }

    #[test]
    fn without_a_key_it_is_the_default_one() {
        assert_eq!(place("live", "", "").0, "live/default");
        assert_eq!(place("", "", "").0, "live/default");
        assert_eq!(place("other", "", "?token=a").0, "other/default");
    }

    #[test]
    fn a_token_is_found_wherever_a_client_puts_it() {
        for (app, url, name) in [
            ("live", "rtmp://h/live", "a?x=1&token=t"),
            ("live?token=t", "rtmp://h/live?token=t", "a"),
            ("live", "rtmp://h/live?token=t", "a"),
            ("live", "rtmp://h/live?token=t/a", "a"),
        ] {
            assert_eq!(place(app, url, name), ("live/a".into(), Some("t".into())), "{url} {name}");
        }
    }

    #[test]
    fn neither_key_nor_token_is_printed() {
        let shown = format!("{:?}", Place::of("live", "", "secret?token=hidden"));
        assert!(!shown.contains("secret") && !shown.contains("hidden"), "{shown}");
    }
}
