//! What may be said of what stands in objects. Events, logs and lists have other readers than objects. Pure.
//!
//! Of one that cannot be read: where and what was expected, and nothing that stands in it. A field of the wrong kind may hold a URL
//! with its token.

use understudy_crds::v1alpha1::LivestreamSource;

/// Of a host; a name has no more.
const LONGEST_PLACE: usize = 253;

/// Before a word of the object in backticks, in what serde says.
const BEFORE_A_WORD: [&str; 2] = ["unknown variant ", "unknown field "];

/// The message without the values that serde quotes.
pub fn without_values(error: &str) -> String {
    let mut told = String::with_capacity(error.len());
    let mut rest = error;
    while let Some(at) = rest.find(['"', '`']) {
        let quote = if rest[at..].starts_with('"') { '"' } else { '`' };
        let is_value = quote == '"' || BEFORE_A_WORD.iter().any(|before| rest[..at].ends_with(before));
        let inside = &rest[at + 1..];
        let Some(end) = end(inside, quote) else { break };
        told.push_str(&rest[..=at]);
        told.push_str(if is_value { "…" } else { &inside[..end] });
        told.push(quote);
        rest = &inside[end + 1..];
    }
    // A quote that has no end may begin a value.
    told.push_str(rest.split(['"', '`']).next().unwrap_or_default());
    told
}

/// What a livestream takes: its server, or the Secret that has the address. A path may be the key of a stream.
pub fn source(source: &LivestreamSource) -> String {
    if let Some(reference) = &source.url_secret_ref {
        return format!("Secret {}", reference.name);
    }
    let (scheme, rest) = source.url.as_deref().and_then(|url| url.split_once("://")).unwrap_or_default();
    let (place, path) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
    let place = place.rsplit_once('@').map_or(place, |(_who, place)| place);
    let place: String = place.chars().take(LONGEST_PLACE).collect();
    format!("{scheme}://{place}{}", if path.len() > 1 { "/…" } else { path })
}

/// The next quote that is none of the text's own.
fn end(inside: &str, quote: char) -> Option<usize> {
    let mut escaped = false;
    inside.char_indices().find_map(|(at, letter)| {
        let ends = letter == quote && !escaped;
        escaped = letter == '\\' && !escaped;
        ends.then_some(at)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_expected_stays_and_what_was_written_does_not() {
        for (said, told) in [
            (
                r#"invalid type: string "https://cam/?token=s3cret", expected u32"#,
                r#"invalid type: string "…", expected u32"#,
            ),
            (
                r#"invalid value: string "a \"s3cret\" b", expected a URL"#,
                r#"invalid value: string "…", expected a URL"#,
            ),
            ("unknown variant `s3cret`, expected `a` or `b`", "unknown variant `…`, expected `a` or `b`"),
            ("missing field `url` at line 1", "missing field `url` at line 1"),
            (r#"string "s3cret without an end"#, "string "),
            ("nothing quoted", "nothing quoted"),
        ] {
            assert_eq!(without_values(said), told);
        }
    }

    #[test]
    fn a_source_is_known_by_its_server_and_its_key_is_not_shown() {
        for (said, told) in [
            (serde_json::json!({"url": "rtmp://a.example:1935/live/key"}), "rtmp://a.example:1935/…"),
            (serde_json::json!({"url": "http://[::1]/"}), "http://[::1]/"),
            (serde_json::json!({"url": "srt://a.example:9000"}), "srt://a.example:9000"),
            (serde_json::json!({"url": "http://me:word@a.example?key"}), "http://a.example/…"),
            (serde_json::json!({"urlSecretRef": {"name": "camera", "key": "url"}}), "Secret camera"),
        ] {
            assert_eq!(source(&serde_json::from_value(said).unwrap()), told);
        }
    }
}
