//! Which addresses a site allows: lists of regular expressions.

use regex::{Regex, RegexBuilder};

/// In bytes, compiled: a list of a site is small.
const LARGEST: usize = 1 << 20;

/// What matches one of `block` is refused; if there is something in `allow`, so is what matches none of it.
#[derive(Clone, Debug, Default)]
pub struct Access {
    allow: Vec<Regex>,
    block: Vec<Regex>,
}

/// Text that is no regular expression.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is no regular expression: {reason}")]
pub struct NotARegex {
    pub text: String,
    pub reason: String,
}

impl Access {
    /// Of lists with spaces between.
    pub fn new(allow: &str, block: &str) -> Result<Self, NotARegex> {
        Ok(Self { allow: list(allow)?, block: list(block)? })
    }

    /// Of one place in all the ways that it can be written in. What is allowed has to be so in one of `written`, and in one of
    /// `plain`.
    pub fn permits(&self, written: &[String], plain: &[String]) -> bool {
        let matches =
            |list: &[Regex], ways: &[String]| ways.iter().any(|way| list.iter().any(|one| one.is_match(way)));
        let is_blocked = matches(&self.block, written) || matches(&self.block, plain);
        let is_allowed = matches(&self.allow, written) && matches(&self.allow, plain);
        !is_blocked && (self.allow.is_empty() || is_allowed)
    }
}

fn list(text: &str) -> Result<Vec<Regex>, NotARegex> {
    let one = |text: &str| {
        let regex = RegexBuilder::new(text).size_limit(LARGEST).build();
        regex.map_err(|error| NotARegex {
            text: text.to_owned(),
            // The parser draws where it is, in many lines; the last one says what.
            reason: error.to_string().lines().last().unwrap_or_default().trim().to_owned(),
        })
    };
    text.split_whitespace().map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_blocked_is_refused_even_if_it_is_allowed_and_nothing_allowed_is_all() {
        for (allow, block, address, permits) in [
            ("", "", "http://a", true),
            ("^https:// ^rtmp://", "", "https://a", true),
            ("^https:// ^rtmp://", "", "http://a", false),
            ("^https://", "secret", "https://a/secret", false),
            ("", "^http://", "http://a", false),
            ("", "^http://", "https://a", true),
        ] {
            let (access, ways) = (Access::new(allow, block).unwrap(), [address.to_owned()]);
            assert_eq!(access.permits(&ways, &ways), permits, "{allow} {block} {address}");
        }
    }

    #[test]
    fn what_is_no_regular_expression_is_named() {
        let error = Access::new("^a (", "").unwrap_err().to_string();
        assert!(
            error.starts_with("\"(\" is no regular expression: ") && error.contains("unclosed"),
            "{error}"
        );
    }
}
