//! The cookies of what is fetched for media (RFC 6265 §5): what a site sets goes with the requests that it is for, and with no
//! others. Not a browser's: `Expires` is not read, since nothing is kept beyond the source.

use std::net::IpAddr;
use std::time::{Duration, Instant};

/// More than a site that serves media sets; the oldest gives way.
const MOST: usize = 64;
/// What browsers take, name and value together (§6.1).
const LONGEST_BYTES: usize = 4096;

/// All that is kept.
#[derive(Debug, Default)]
pub struct Jar {
    cookies: Vec<Cookie>,
}

#[derive(Debug)]
struct Cookie {
    name: String,
    value: String,
    host: String,
    /// Also for hosts below that one.
    below: bool,
    path: String,
    secure: bool,
    until: Option<Instant>,
}

/// What of a URL says which cookies go there.
struct Place<'a> {
    secure: bool,
    host: String,
    path: &'a str,
}

impl Jar {
    /// A `Set-Cookie` of the answer to `url`.
    pub fn set(&mut self, url: &str, text: &str, now: Instant) {
        let Some(cookie) = Place::of(url).and_then(|place| Cookie::read(&place, text, now)) else { return };
        self.put(cookie, now);
    }

    /// The `Cookie` that went with a request for `url`, as a redirect may have set it: for that host.
    pub fn sent(&mut self, url: &str, text: &str, now: Instant) {
        let Some(place) = Place::of(url) else { return };
        for pair in text.split(';') {
            let known = self.for_place(&place, now).iter().any(|cookie| cookie.pair() == pair.trim());
            let read = Cookie::read(&place, pair, now).filter(|_| !known);
            read.into_iter().for_each(|cookie| self.put(Cookie { path: "/".to_owned(), ..cookie }, now));
        }
    }

    /// What goes with a request for `url`.
    pub fn header(&self, url: &str, now: Instant) -> Option<String> {
        let pairs: Vec<_> =
            self.for_place(&Place::of(url)?, now).iter().map(|cookie| cookie.pair()).collect();
        Some(pairs.join("; ")).filter(|text| !text.is_empty())
    }

    /// The longest paths first (§5.4).
    fn for_place(&self, place: &Place<'_>, now: Instant) -> Vec<&Cookie> {
        let mut found: Vec<_> = self.cookies.iter().filter(|cookie| cookie.is_for(place, now)).collect();
        found.sort_by_key(|cookie| std::cmp::Reverse(cookie.path.len()));
        found
    }

    fn put(&mut self, cookie: Cookie, now: Instant) {
        let same = |other: &Cookie| {
            (&other.name, &other.host, &other.path) == (&cookie.name, &cookie.host, &cookie.path)
        };
        self.cookies.retain(|other| !same(other) && other.is_kept(now));
        if cookie.is_kept(now) {
            if self.cookies.len() == MOST {
                self.cookies.remove(0);
            }
            self.cookies.push(cookie);
        }
    }
}

impl Cookie {
    fn read(place: &Place<'_>, text: &str, now: Instant) -> Option<Self> {
        let (pair, attributes) = text.split_once(';').unwrap_or((text, ""));
        let (name, value) = pair.split_once('=')?;
        let (name, value) = (name.trim().to_owned(), value.trim().to_owned());
        let odd = text.chars().any(|char| char.is_control() && char != '\t');
        if name.is_empty() || odd || name.len() + value.len() > LONGEST_BYTES {
            return None;
        }
        let path = place.path.rfind('/').filter(|at| *at > 0).map_or("/", |at| &place.path[..at]).to_owned();
        let host = place.host.clone();
        let mut cookie = Self { name, value, host, below: false, path, secure: false, until: None };
        for attribute in attributes.split(';') {
            let (name, value) = attribute.split_once('=').unwrap_or((attribute, ""));
            cookie.heed(name.trim(), value.trim(), now)?;
        }
        Some(cookie)
    }

    /// None: it is not this site's to set.
    fn heed(&mut self, attribute: &str, value: &str, now: Instant) -> Option<()> {
        match attribute.to_ascii_lowercase().as_str() {
            "domain" if !value.is_empty() => {
                let domain = value.trim_start_matches('.').to_ascii_lowercase();
                let above = is_below(&self.host, &domain) && domain.contains('.');
                if self.host != domain && !above {
                    return None;
                }
                self.below = !is_address(&domain);
                self.host = domain;
            }
            "path" if value.starts_with('/') => value.clone_into(&mut self.path),
            "secure" => self.secure = true,
            "max-age" => {
                if let Ok(seconds) = value.parse::<i64>() {
                    let age = Duration::from_secs(u64::try_from(seconds).unwrap_or_default());
                    // Longer than time can be counted is for good.
                    self.until = now.checked_add(age);
                }
            }
            _ => {}
        }
        Some(())
    }

    fn pair(&self) -> String {
        format!("{}={}", self.name, self.value)
    }

    fn is_kept(&self, now: Instant) -> bool {
        self.until.is_none_or(|until| until > now)
    }

    fn is_for(&self, place: &Place<'_>, now: Instant) -> bool {
        let host = place.host == self.host || (self.below && is_below(&place.host, &self.host));
        let within = place.path.strip_prefix(&self.path);
        let path =
            within.is_some_and(|rest| rest.is_empty() || rest.starts_with('/') || self.path.ends_with('/'));
        host && path && (place.secure || !self.secure) && self.is_kept(now)
    }
}

impl<'a> Place<'a> {
    fn of(url: &'a str) -> Option<Self> {
        let (scheme, rest) = url.split_once("://")?;
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let (authority, path) = rest.split_at(end);
        let (_, host) = authority.rsplit_once('@').unwrap_or(("", authority));
        let port = host.rfind(':').filter(|at| !host[*at..].contains(']')).unwrap_or(host.len());
        let path = path.split(['?', '#']).next().filter(|path| !path.is_empty()).unwrap_or("/");
        let secure = scheme.eq_ignore_ascii_case("https");
        let host = host[..port].trim_end_matches('.').to_ascii_lowercase();
        Some(Self { secure, host, path }).filter(|place| !place.host.is_empty())
    }
}

fn is_below(host: &str, domain: &str) -> bool {
    !is_address(host) && host.strip_suffix(domain).is_some_and(|front| front.ends_with('.'))
}

fn is_address(host: &str) -> bool {
    host.trim_matches(['[', ']']).parse::<IpAddr>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIST: &str = "https://cdn.a.example/live/list.m3u8?token=1";

    fn jar(set: &[&str]) -> Jar {
        let mut jar = Jar::default();
        set.iter().for_each(|text| jar.set(LIST, text, Instant::now()));
        jar
    }

    fn goes(set: &str, url: &str) -> bool {
        jar(&[set]).header(url, Instant::now()).is_some()
    }

    #[test]
    fn what_a_site_sets_goes_with_the_requests_that_it_is_for_and_no_others() {
        for (set, with, without) in [
            ("a=1", "https://cdn.a.example/live/x/1.ts", "https://cdn.a.example/other/1.ts"),
            ("a=1", "https://CDN.a.example:8443/live/1.ts", "https://a.example/live/1.ts"),
            ("a=1; Path=/", "http://me:pw@cdn.a.example", "https://b.example/cdn.a.example/1.ts"),
            ("a=1; path=/live", "https://cdn.a.example/live", "https://cdn.a.example/lively"),
            ("a=1; Path=/; Secure", "https://cdn.a.example/1.ts", "http://cdn.a.example/1.ts"),
            ("a=1; Path=/; Domain=.a.example", "https://x.a.example/", "https://ba.example/"),
            ("a=1; Domain=A.Example; path=/", "https://a.example/1.ts", "https://a.example.b.example/"),
        ] {
            assert!(goes(set, with), "{set} goes to {with}");
            assert!(!goes(set, without), "{set} does not go to {without}");
        }
    }

    #[test]
    fn what_is_not_a_sites_to_set_is_not_taken() {
        let long = format!("a={}", "x".repeat(LONGEST_BYTES));
        for set in [
            "a=1; Domain=example",
            "a=1; Domain=b.example",
            "a",
            "=1",
            "a=1\r\nX: y",
            "a=1; max-age=0",
            &long,
        ] {
            assert!(!goes(set, LIST), "{set}");
        }
        let mut jar = Jar::default();
        jar.set("http://192.0.2.1/x", "a=1; Domain=2.1", Instant::now());
        assert_eq!(jar.header("http://192.0.2.1/x", Instant::now()), None);
        (0..MOST * 2).for_each(|n| jar.set("http://[::1]:80/x", &format!("{n}=1"), Instant::now()));
        assert_eq!(jar.header("http://[::1]/x", Instant::now()).unwrap().split("; ").count(), MOST);
    }

    #[test]
    fn a_cookie_is_replaced_by_its_name_and_ends_with_its_age() {
        let now = Instant::now();
        let mut jar = jar(&["a=1", "b=2; Path=/; Max-Age=60", "a=3"]);
        assert_eq!(jar.header(LIST, now).as_deref(), Some("a=3; b=2"));
        assert_eq!(jar.header(LIST, now + Duration::from_secs(90)).as_deref(), Some("a=3"));
        jar.set(LIST, "a=; Max-Age=-1", now);
        assert_eq!(jar.header(LIST, now).as_deref(), Some("b=2"));
    }

    #[test]
    fn what_was_set_on_the_way_is_known_by_what_was_sent() {
        let now = Instant::now();
        let mut jar = jar(&["a=1; Domain=a.example; Path=/"]);
        jar.sent("https://b.a.example/x/y", "a=1; way=2", now);
        assert_eq!(jar.header("https://b.a.example/z", now).as_deref(), Some("a=1; way=2"));
        assert_eq!(jar.header("https://c.a.example/z", now).as_deref(), Some("a=1"));
    }
}
