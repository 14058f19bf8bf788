//! Selectors of labels, as kubectl's `--selector` writes them: `a=b,c!=d,e in (x, y),f notin (z),g,!h`. Pure.

use kube::core::{Expression, Selector};
use std::collections::BTreeSet;

/// A selector that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the selector {0:?} is none, as in a=b,c!=d,e in (x, y),f notin (z),g,!h")]
pub struct Invalid(String);

/// Reads one; nothing selects all.
pub fn parse(text: &str) -> Result<Selector, Invalid> {
    let invalid = || Invalid(text.to_owned());
    if text.trim().is_empty() {
        return Ok(Selector::default());
    }
    split(text).into_iter().map(|part| expression(part.trim()).ok_or_else(invalid)).collect()
}

/// At the commas that are not within brackets.
fn split(text: &str) -> Vec<&str> {
    let mut depth = 0_usize;
    text.split(|character| {
        match character {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            _ => {}
        }
        character == ',' && depth == 0
    })
    .collect()
}

fn expression(text: &str) -> Option<Expression> {
    if let Some(name) = text.strip_prefix('!') {
        return key(name).map(Expression::DoesNotExist);
    }
    if let Some((name, rest)) = text.split_once(char::is_whitespace) {
        let rest = rest.trim_start();
        for (word, of) in [("notin", Expression::NotIn as fn(_, _) -> _), ("in", Expression::In)] {
            let after = rest.strip_prefix(word).map(str::trim);
            if let Some(within) = after.and_then(|after| after.strip_prefix('(')?.strip_suffix(')')) {
                let values: Option<BTreeSet<String>> = within.split(',').map(value).collect();
                return Some(of(key(name)?, values?));
            }
        }
    }
    for (sign, of) in
        [("!=", Expression::NotEqual as fn(_, _) -> _), ("==", Expression::Equal), ("=", Expression::Equal)]
    {
        if let Some((name, given)) = text.split_once(sign) {
            return Some(of(key(name)?, value(given)?));
        }
    }
    key(text).map(Expression::Exists)
}

/// `NAME`, or `PREFIX/NAME`.
fn key(text: &str) -> Option<String> {
    let text = text.trim();
    let name = text.rsplit_once('/').map_or(text, |(_prefix, name)| name);
    let is_key = !name.is_empty() && name.len() <= 63 && text.len() <= 317 && text.chars().all(of_key);
    is_key.then(|| text.to_owned())
}

fn of_key(character: char) -> bool {
    of_value(character) || character == '/'
}

fn value(text: &str) -> Option<String> {
    let text = text.trim();
    (text.len() <= 63 && text.chars().all(of_value)).then(|| text.to_owned())
}

fn of_value(character: char) -> bool {
    character.is_ascii_alphanumeric() || matches!(character, '-' | '_' | '.')
}

#[cfg(test)]
mod tests {
    use super::*;
    use kube::core::SelectorExt;
    use std::collections::BTreeMap;

    fn labels(of: &[(&str, &str)]) -> BTreeMap<String, String> {
        of.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn labels_are_selected_as_kubectl_does() {
        let ada = labels(&[("role", "host"), ("example.org/pool", "a"), ("tier", "")]);
        for (selector, selects) in [
            ("", true),
            ("role=host", true),
            ("role==host", true),
            ("role = host , tier=", true),
            ("role=guest", false),
            ("role!=guest", true),
            ("role!=host", false),
            ("nothing!=host", true),
            ("role in (host, guest)", true),
            ("role in (guest),tier", false),
            ("role notin (guest),example.org/pool in (a,b)", true),
            ("role notin (host)", false),
            ("tier", true),
            ("!tier", false),
            ("!nothing", true),
        ] {
            assert_eq!(parse(selector).unwrap().matches(&ada), selects, "{selector}");
        }
    }

    #[test]
    fn what_is_no_selector_is_refused_whole() {
        for text in ["=a", "a=b c", "a in b", "a in (b", "!", "a,,b", "a=b=c", "a;b", "a/=b", "a<2"] {
            assert_eq!(parse(text).unwrap_err(), Invalid(text.to_owned()), "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn whatever_comes_is_answered(text in ".{0,40}") {
            let _ = parse(&text);
        }
    }
}
