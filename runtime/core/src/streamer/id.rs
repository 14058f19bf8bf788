//! What a streamer is called, by whoever asks for it.

use std::fmt;

/// In bytes; clients put ids of their own tasks together.
pub const LONGEST_ID: usize = 128;

/// 1 to [`LONGEST_ID`] letters, digits and `-_.:`, that does not begin with a dot: it is a piece of a path.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Id(String);

impl Id {
    pub fn parse(text: &str) -> Option<Self> {
        let known = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.:".contains(&byte);
        let is_one =
            (1..=LONGEST_ID).contains(&text.len()) && text.bytes().all(known) && !text.starts_with('.');
        is_one.then(|| Self(text.to_owned()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_a_piece_of_a_path_and_no_longer_than_that() {
        let long = "a".repeat(LONGEST_ID);
        for good in ["a", "agent-ses_01:k.x", &long] {
            assert!(Id::parse(good).is_some(), "{good}");
        }
        for bad in ["", ".", "..", ".a", "a/b", "a b", "ä", "a?b", "a%2f", &format!("{long}a")] {
            assert!(Id::parse(bad).is_none(), "{bad}");
        }
    }
}
