//! What may be said of an object that cannot be read: where and what was expected, and nothing that stands in it. A field of the
//! wrong kind may hold a URL with its token, and Events and logs have other readers than objects. Pure.

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
}
