//! URLs as they may be shown: without what lets others in.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::percent::decoded;

/// What stands for a secret.
const HIDDEN: &str = "***";

/// A shorter one is found in many words that give nothing away.
const SHORTEST: usize = 4;

/// The URL without user, password, the values of its query, its fragment and, of RTMP, the stream key. What is no URL
/// comes back as it is.
pub fn redacted(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else { return url.to_owned() };
    let rest = rest.split('#').next().unwrap_or_default();
    let (place, query) = match rest.split_once('?') {
        Some((place, query)) => (place, Some(query)),
        None => (rest, None),
    };
    let (authority, path) = place.split_at(place.find('/').unwrap_or(place.len()));
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    let path = match scheme.to_ascii_lowercase().as_str() {
        "rtmp" | "rtmps" => without_key(path),
        _ => path.to_owned(),
    };
    let query = query.map(|query| format!("?{}", without_values(query))).unwrap_or_default();
    format!("{scheme}://{host}{path}{query}")
}

/// `text`, in which `url` may be quoted whole or in parts, with the URL redacted and none of its secrets.
pub fn redacted_in(text: &str, url: &str) -> String {
    let mut text = text.replace(url, &redacted(url));
    let mut secrets = secrets(url);
    // One may be a part of another.
    secrets.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
    for secret in secrets.iter().filter(|secret| secret.len() >= SHORTEST) {
        text = text.replace(secret, HIDDEN);
    }
    text
}

/// `text` with each URL in it as [`redacted`] shows it, whoever wrote them there.
pub fn bared(text: &str) -> String {
    let mut bared = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("://") {
        let (before, from) = rest.split_at(at);
        let scheme = before.rfind(|c: char| !is_of_scheme(c)).map_or(0, |last| last + width(before, last));
        bared.push_str(&before[..scheme]);
        let ends = end_of_url(from);
        bared.push_str(&redacted(&format!("{}{}", &before[scheme..], &from[..ends])));
        rest = &from[ends..];
    }
    bared + rest
}

const fn is_of_scheme(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.')
}

fn width(text: &str, at: usize) -> usize {
    text[at..].chars().next().map_or(0, char::len_utf8)
}

/// At a space, at a quote that nothing of a URL follows, and at the sentence's own signs before either.
fn end_of_url(text: &str) -> usize {
    let is_end = |(at, c): &(usize, char)| {
        let after = text[at + c.len_utf8()..].chars().next();
        let quotes = matches!(c, '\'' | '"' | '`' | '>')
            && after
                .is_none_or(|after| after.is_whitespace() || matches!(after, ':' | ',' | '.' | ';' | ')'));
        c.is_whitespace() || quotes
    };
    let end = text.char_indices().find(is_end).map_or(text.len(), |(at, _)| at);
    let url = text[..end].trim_end_matches([':', ',', '.', ';', ')', '…']);
    url.len().max("://".len())
}

/// User and password, the values of the query, the fragment and, of RTMP, the stream key: as they are written and, where
/// that differs, as they are meant; and user and password as headers of HTTP have them (RFC 7617).
pub(crate) fn secrets(url: &str) -> Vec<String> {
    let Some((scheme, rest)) = url.split_once("://") else { return Vec::new() };
    let (rest, fragment) = rest.split_once('#').unwrap_or((rest, ""));
    let (place, query) = rest.split_once('?').unwrap_or((rest, ""));
    let (authority, path) = place.split_at(place.find('/').unwrap_or(place.len()));
    let user = authority.rsplit_once('@').map_or("", |(user, _)| user);
    let (name, password) = user.split_once(':').unwrap_or((user, ""));
    let key = match scheme.to_ascii_lowercase().as_str() {
        "rtmp" | "rtmps" => path.trim_start_matches('/').split_once('/').map_or("", |(_, key)| key),
        _ => "",
    };
    let whole = decoded(user).ok().filter(|user| user.contains(':'));
    let basic = whole.map(|user| STANDARD.encode(user));
    let values = query.split('&').map(|pair| pair.split_once('=').map_or(pair, |(_, value)| value));
    let written: Vec<_> = values.chain([user, name, password, key, fragment]).map(str::to_owned).collect();
    let meant: Vec<_> = written.iter().filter_map(|one| decoded(one).ok()).collect();
    written.into_iter().chain(meant).chain(basic).collect()
}

/// All that follows the application is the key.
fn without_key(path: &str) -> String {
    let mut parts = path.trim_start_matches('/').splitn(2, '/');
    match (parts.next(), parts.next()) {
        (Some(application), Some(key)) if !key.is_empty() => format!("/{application}/{HIDDEN}"),
        _ => path.to_owned(),
    }
}

fn without_values(query: &str) -> String {
    let hide = |pair: &str| match pair.split_once('=') {
        Some((name, _)) => format!("{name}={HIDDEN}"),
        None => HIDDEN.to_owned(),
    };
    query.split('&').map(hide).collect::<Vec<_>>().join("&")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use proptest::sample::{Index, select};

    use super::*;

    /// Of characters that stand in no other part of the URLs here, so that what is found of one has got through.
    const SECRET: &str = "[A-Z][A-Z0-9]{3,11}";

    #[test]
    fn what_lets_others_in_is_not_shown() {
        for (url, shown) in [
            ("https://me:pass@a.example/x.m3u8?token=abc&b=1#f", "https://a.example/x.m3u8?token=***&b=***"),
            ("https://a.example/x?abc", "https://a.example/x?***"),
            ("http://me@[::1]:80", "http://[::1]:80"),
            ("rtmp://a.example:1935/live/key?auth=1", "rtmp://a.example:1935/live/***?auth=***"),
            ("RTMPS://a.example/live/a/b", "RTMPS://a.example/live/***"),
            (
                "srt://a.example:9000?streamid=read:x&passphrase=y",
                "srt://a.example:9000?streamid=***&passphrase=***",
            ),
            ("rtsp://u:p@w@cam/1", "rtsp://cam/1"),
        ] {
            assert_eq!(redacted(url), shown);
        }
    }

    #[test]
    fn an_open_url_stays_as_it_is() {
        for url in ["http://a.example/radio.opus", "rtmp://a.example/live", "file:///a/b.mkv", "a"] {
            assert_eq!(redacted(url), url);
        }
    }

    #[test]
    fn a_url_that_an_error_quotes_is_redacted_there() {
        let url = "http://u:p@a/x?t=1";
        assert_eq!(
            redacted_in("cannot open http://u:p@a/x?t=1 (404)", url),
            "cannot open http://a/x?t=*** (404)"
        );
    }

    #[test]
    fn a_secret_is_redacted_wherever_it_is_quoted() {
        let url = "rtmp://me:hunter22@a.example/live/streamkey?token=abc%2Fdef&n=1#frag";
        let said = "play live/streamkey of me with hunter22: abc/def or abc%2Fdef is 1, frag";
        assert_eq!(redacted_in(said, url), "play live/*** of me with ***: *** or *** is 1, ***");
    }

    #[test]
    fn urls_that_nobody_knew_of_are_bared_wherever_they_stand() {
        for (said, bare) in [
            (
                "[hls @ 0x1] Opening 'https://u:p@cdn.example/s1.ts?token=abc&n=1' for reading",
                "[hls @ 0x1] Opening 'https://cdn.example/s1.ts?token=***&n=***' for reading",
            ),
            ("rtmp://a/live/key: Input/output error", "rtmp://a/live/***: Input/output error"),
            (
                "from \"rtmps://a/live/k'ey\", to 'file:///b.ts':",
                "from \"rtmps://a/live/***\", to 'file:///b.ts':",
            ),
            ("http://a/?x=1 http://b/?y=2", "http://a/?x=*** http://b/?y=***"),
            ("(see hls+https://a/b?c).", "(see hls+https://a/b?***)."),
            ("http://a/b?u=http://c/d?e=f", "http://a/b?u=***"),
            ("no://, ://x and : // are none", "no://, ://x and : // are none"),
        ] {
            assert_eq!(bared(said), bare);
            assert_eq!(bared(bare), bare);
        }
    }

    #[test]
    fn user_and_password_are_secret_as_headers_have_them() {
        assert_eq!(
            redacted_in("Authorization: Basic YWRhOmxvdmUgbGFjZQ==", "http://ada:love%20lace@a/"),
            "Authorization: Basic ***"
        );
    }

    /// A secret as it is written in a URL, and as it is meant.
    fn secret() -> impl Strategy<Value = [String; 2]> {
        (SECRET, any::<bool>()).prop_map(|(meant, encoded)| {
            let first = meant.as_bytes()[0];
            let written = if encoded { format!("%{first:02X}{}", &meant[1..]) } else { meant.clone() };
            [written, meant]
        })
    }

    /// A URL that has a secret wherever there may be one, and all of them.
    fn url() -> impl Strategy<Value = (String, Vec<String>)> {
        (select(vec!["rtmp", "RTMPS"]), prop::array::uniform6(secret())).prop_map(|(scheme, secrets)| {
            let [name, password, key, value, bare, fragment] = secrets.each_ref().map(|[written, _]| written);
            let place = format!("{name}:{password}@a.example:80/live/{key}");
            (format!("{scheme}://{place}?token={value}&{bare}#{fragment}"), secrets.concat())
        })
    }

    proptest! {
        #[test]
        fn no_secret_gets_through_wherever_it_is_quoted(
            (url, secrets) in url(),
            said in prop::collection::vec((any::<Index>(), "[a-z /:.?=-]{0,9}"), 0..12),
        ) {
            let quotes: Vec<&String> = secrets.iter().chain([&url]).collect();
            let text: String =
                said.iter().map(|(which, words)| format!("{}{words}", which.get(&quotes))).collect();
            let shown = redacted_in(&text, &url);
            let through = secrets.iter().find(|secret| shown.contains(secret.as_str()));
            prop_assert!(through.is_none(), "{through:?} in {shown}");
        }

        #[test]
        fn a_url_is_shown_without_its_secrets_whatever_stands_in_them(
            user in "[A-Z:@%&=]{0,8}",
            key in "[A-Z/@:=]{1,8}",
            value in "[A-Z/?@:=]{0,8}",
            fragment in r"\PC{0,8}",
        ) {
            let url = format!("rtmp://{user}@a.example:80/live/{key}?token={value}#{fragment}");
            prop_assert_eq!(redacted(&url), "rtmp://a.example:80/live/***?token=***");
        }

        #[test]
        fn no_text_is_too_strange_to_be_bared(text in r"(\PC{0,6}|[a-z]{1,4}://[a-z:/?#@&=%.é' ]{0,20}){0,4}") {
            let _ = bared(&text);
        }

        #[test]
        fn what_is_shown_of_any_text_is_shown_of_that_as_well(
            text in prop_oneof![r"\PC{0,40}", r"(rtmp|http|[a-z:/]{0,4})://[a-z:/?#@&=%.\[\]é]{0,40}"],
        ) {
            let shown = redacted(&text);
            prop_assert_eq!(redacted(&shown), shown);
        }
    }
}
