//! Named ways out of a session: which of them are carried out.

use std::fmt;
use std::time::Duration;

use super::{Bitrate, Encoding, FrameRate, Invalid, Resolution};
use crate::guard::host_and_port;
use crate::redact::redacted;

/// Of an address that names none: which one it has then is its protocol's matter.
const ANY_PORT: u16 = 1;

/// One that can be carried out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Livestream {
    pub name: String,
    pub output: Output,
    pub choice: Choice,
}

/// What somebody asks for of a picture; what is left open is as the session says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Choice {
    /// It fits in there, in its own shape.
    pub size: Option<Resolution>,
    /// Pictures a second, at most.
    pub frame_rate: Option<FrameRate>,
    pub bitrate: Option<Bitrate>,
}

/// Where a livestream goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// Viewers fetch it over WHEP.
    WebRtc,
    /// Players fetch it over RTMP and RTMPS.
    Rtmp,
    /// Players fetch it as an MPEG transport stream, over a WebSocket.
    MpegTs,
    /// It is sent to somebody else's server of RTMP or RTMPS.
    RtmpPush(PushUrl),
    /// It is sent to somebody else's server of WHIP.
    Whip(WhipTarget),
    /// It is kept in a file.
    Recording(Limits),
}

/// At which a recording ends by itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    pub duration: Option<Duration>,
    pub bytes: Option<u64>,
}

/// Where WHIP is published, and what lets one: that is shown nowhere.
#[derive(Clone, PartialEq, Eq)]
pub struct WhipTarget {
    url: String,
    token: Option<String>,
}

/// An address of RTMP or RTMPS to publish at. Its last part lets publish: it is shown without.
#[derive(Clone, PartialEq, Eq)]
pub struct PushUrl(String);

/// One that cannot, by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    pub name: String,
    pub why: Invalid,
}

impl Output {
    /// As documents write them.
    pub const FIELDS: [&'static str; 6] = ["webRtc", "rtmp", "mpegTs", "rtmpPush", "whip", "recording"];

    /// Whether it is sent to somebody, and not fetched by whoever wants it.
    pub const fn is_sent(&self) -> bool {
        matches!(self, Self::RtmpPush(_) | Self::Whip(_))
    }
}

impl PushUrl {
    const SCHEMES: [&'static str; 2] = ["rtmp", "rtmps"];

    pub fn parse(field: &str, url: &str) -> Result<Self, Invalid> {
        let known = |scheme: &str| Self::SCHEMES.iter().any(|known| known.eq_ignore_ascii_case(scheme));
        let parts = url.split_once("://").filter(|(scheme, _)| known(scheme)).and_then(|(_, rest)| {
            let (host, path) = rest.split_once('/')?;
            Some((host, path.split_once('/')?))
        });
        match parts {
            Some((host, (app, name))) if is_host(host) && !app.is_empty() && !name.is_empty() => {
                Ok(Self(url.to_owned()))
            }
            _ => Err(Invalid::new(field, "must be rtmp(s)://HOST/APP/NAME, without user and password")),
        }
    }

    /// With what lets publish.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

/// Of an address: what stands before its path.
fn is_host(authority: &str) -> bool {
    !authority.contains('@') && host_and_port(authority, Some(ANY_PORT)).is_ok()
}

/// Without what lets publish.
impl fmt::Display for PushUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&redacted(&self.0))
    }
}

impl fmt::Debug for PushUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Choice {
    /// Zero leaves a member open; `field`: below which width and height stand.
    pub fn size(field: &str, width: u32, height: u32) -> Result<Option<Resolution>, Invalid> {
        match (width, height) {
            (0, 0) => Ok(None),
            _ => Resolution::bounds(field, width, height).map(Some),
        }
    }

    /// The same of bits a second.
    pub fn bitrate(field: &str, given: u32) -> Result<Option<Bitrate>, Invalid> {
        let default = Encoding::default().video;
        let parse = |given| Bitrate::parse(field, given, default, Bitrate::OF_VIDEO);
        Some(given).filter(|given| *given > 0).map(parse).transpose()
    }
}

impl Limits {
    /// Of a megabyte as sizes of files are given.
    pub const MEGABYTE: u64 = 1_000_000;
    /// In megabytes.
    const SIZES: [u64; 2] = [10, 10_000];

    /// `fields`: what a caller or a document calls a duration in seconds and a size in megabytes.
    pub fn parse(fields: [&str; 2], seconds: Option<u64>, megabytes: Option<u64>) -> Result<Self, Invalid> {
        let ([duration, size], [least, most]) = (fields, Self::SIZES);
        if seconds == Some(0) {
            return Err(Invalid::new(duration, "must be at least 1 second, got 0"));
        }
        if let Some(given) = megabytes.filter(|given| !(least..=most).contains(given)) {
            return Err(Invalid::new(size, format!("must be {least} to {most} megabytes, got {given}")));
        }
        let bytes = megabytes.map(|size| size * Self::MEGABYTE);
        Ok(Self { duration: seconds.map(Duration::from_secs), bytes })
    }

    /// What it leaves open is as another says.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        Self { duration: self.duration.or(other.duration), bytes: self.bytes.or(other.bytes) }
    }
}

impl WhipTarget {
    const SCHEMES: [&'static str; 2] = ["https", "http"];

    /// An empty token is none.
    pub fn parse(field: &str, url: &str, token: &str) -> Result<Self, Invalid> {
        let known = |scheme: &str| Self::SCHEMES.iter().any(|known| known.eq_ignore_ascii_case(scheme));
        let (scheme, rest) = url.split_once("://").unwrap_or_default();
        if !known(scheme) || !is_host(rest.split(['/', '?', '#']).next().unwrap_or_default()) {
            return Err(Invalid::new(
                format!("{field}url"),
                "must be http(s)://HOST…, without user and password",
            ));
        }
        // A header's value (RFC 9110 §5.5), of one word (RFC 6750 §2.1).
        if !token.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(Invalid::new(format!("{field}token"), "must be one word of ASCII"));
        }
        let token = Some(token).filter(|token| !token.is_empty()).map(str::to_owned);
        Ok(Self { url: url.to_owned(), token })
    }

    pub fn url(&self) -> &str {
        &self.url
    }

    pub fn reveal_token(&self) -> Option<&str> {
        self.token.as_deref()
    }
}

/// Without what lets publish: with many servers the path does.
impl fmt::Display for WhipTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = redacted(&self.url);
        let (scheme, rest) = shown.split_once("://").unwrap_or_default();
        let host = rest.split(['/', '?']).next().unwrap_or_default();
        write!(f, "{scheme}://{host}{}", if rest.len() > host.len() { "/***" } else { "" })
    }
}

impl fmt::Debug for WhipTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// What is carried out from now on, and what is refused of it, when `before` ran: of what is refused, what ran goes on. `taken`:
/// the names of what somebody else started.
pub fn settle(
    before: &[Livestream],
    taken: &[&str],
    asked: impl IntoIterator<Item = Result<Livestream, Refused>>,
) -> (Vec<Livestream>, Vec<Refused>) {
    let (mut carried, mut refused) = (Vec::<Livestream>::new(), Vec::new());
    for one in asked {
        let known = |name: &str, among: &[Livestream]| among.iter().find(|l| l.name == name).cloned();
        match one {
            Ok(Livestream { name, .. }) if taken.contains(&name.as_str()) => {
                let why = Invalid::new("name", "is that of a stream that was started over HTTP");
                refused.push(Refused { name, why });
            }
            Ok(livestream) if known(&livestream.name, &carried).is_none() => carried.push(livestream),
            Ok(Livestream { name, .. }) => {
                let why = Invalid::new("name", "stands for two livestreams");
                refused.push(Refused { name, why });
            }
            Err(Refused { name, why }) => {
                carried.extend(known(&name, before).filter(|_| known(&name, &carried).is_none()));
                refused.push(Refused { name, why });
            }
        }
    }
    (carried, refused)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn good(name: &str) -> Livestream {
        Livestream { name: name.into(), output: Output::WebRtc, choice: Choice::default() }
    }

    fn bad(name: &str) -> Refused {
        Refused { name: name.into(), why: Invalid::new("output", "is not known") }
    }

    #[test]
    fn one_that_cannot_be_carried_out_takes_no_other_along() {
        let (carried, refused) = settle(&[good("gone")], &[], [Ok(good("a")), Err(bad("b")), Ok(good("c"))]);
        assert_eq!((carried, refused), (vec![good("a"), good("c")], vec![bad("b")]));
    }

    #[test]
    fn of_one_that_is_refused_what_ran_goes_on() {
        let (carried, refused) = settle(&[good("b")], &[], [Err(bad("b"))]);
        assert_eq!((carried, refused), (vec![good("b")], vec![bad("b")]));
    }

    #[test]
    fn a_name_stands_for_one() {
        let (carried, refused) = settle(&[], &[], [Ok(good("a")), Ok(good("a"))]);
        assert_eq!(carried, [good("a")]);
        assert_eq!((refused.len(), refused[0].why.field.as_str()), (1, "name"));
    }

    #[test]
    fn a_name_that_somebody_else_took_stays_theirs() {
        let (carried, refused) = settle(&[], &["a"], [Ok(good("a")), Ok(good("b"))]);
        assert_eq!(carried, [good("b")]);
        assert_eq!((refused[0].name.as_str(), refused[0].why.field.as_str()), ("a", "name"));
    }

    #[test]
    fn a_token_is_shown_nowhere_and_fits_into_a_header() {
        let target = WhipTarget::parse("whip.", "https://live.example.org/streamkey", "secrettoken").unwrap();
        assert_eq!(target.to_string(), "https://live.example.org/***");
        assert_eq!(target.reveal_token(), Some("secrettoken"));
        assert!(!format!("{target} {target:?}").contains("secrettoken"));
        assert_eq!(WhipTarget::parse("", "http://a", "").unwrap().reveal_token(), None);
        for (url, token, field) in [
            ("rtmp://a", "", "whip.url"),
            ("https://me:word@a/", "", "whip.url"),
            ("https:///a", "", "whip.url"),
            ("https://a", "a\r\nb", "whip.token"),
        ] {
            assert_eq!(WhipTarget::parse("whip.", url, token).unwrap_err().field, field);
        }
    }

    #[test]
    fn an_address_to_publish_at_is_shown_without_its_key() {
        let url = PushUrl::parse("url", "rtmps://live.example.org/app/streamkey").unwrap();
        assert_eq!(url.reveal(), "rtmps://live.example.org/app/streamkey");
        assert!(!format!("{url} {url:?}").contains("streamkey"));
        for other in [
            "",
            "rtmp:",
            "rtmp://",
            "rtmp:///app/key",
            "rtmps://a/streamkey",
            "rtmp://a/app/",
            "rtmp://me:word@a/app/key",
            "https://a/b/c",
            "srt://a:1",
        ] {
            let refused = PushUrl::parse("rtmpPush.url", other).unwrap_err();
            assert_eq!(refused.field, "rtmpPush.url", "{other}");
        }
    }
}
