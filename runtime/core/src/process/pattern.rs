//! Globs that people choose processes by: `*`, `?`, `[a-z]`, `[!a]` and `{one,other}`.

use globset::{GlobBuilder, GlobMatcher};

/// What is longer is no pattern that somebody wrote.
const LONGEST: usize = 1024;

/// Of ids or references; there is nothing that a `*` does not take.
#[derive(Clone, Debug)]
pub struct Pattern(GlobMatcher);

/// Text that is no pattern.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is no pattern: {reason}")]
pub struct Unreadable {
    pub text: String,
    pub reason: String,
}

impl Pattern {
    pub fn new(text: &str) -> Result<Self, Unreadable> {
        let refused = |reason: String| Unreadable { text: text.chars().take(64).collect(), reason };
        if text.len() > LONGEST {
            return Err(refused(format!("it is longer than {LONGEST} bytes")));
        }
        let glob = GlobBuilder::new(text).literal_separator(false).build();
        glob.map(|glob| Self(glob.compile_matcher())).map_err(|error| refused(error.kind().to_string()))
    }

    pub fn takes(&self, name: &str) -> bool {
        self.0.is_match(name)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_are_chosen_as_shells_do() {
        for (pattern, taken, left) in [
            ("*", "a/b:c", ""),
            ("cam-*", "cam-1", "my-cam-1"),
            ("cam-?", "cam-1", "cam-10"),
            ("cam-[0-3]", "cam-2", "cam-4"),
            ("cam-[!0-3]", "cam-4", "cam-2"),
            ("{front,back}-door", "back-door", "side-door"),
            ("exact", "exact", "Exact"),
        ] {
            let pattern = Pattern::new(pattern).unwrap();
            assert!(pattern.takes(taken), "{pattern:?} {taken}");
            assert!(left.is_empty() || !pattern.takes(left), "{pattern:?} {left}");
        }
        let error = Pattern::new("cam-[").unwrap_err().to_string();
        assert!(error.starts_with("\"cam-[\" is no pattern: "), "{error}");
        assert!(Pattern::new(&"*".repeat(2000)).is_err());
    }

    proptest! {
        #[test]
        fn no_pattern_is_too_strange(pattern in ".{0,40}", name in ".{0,20}") {
            if let Ok(pattern) = Pattern::new(&pattern) {
                let _ = pattern.takes(&name);
            }
        }
    }
}
