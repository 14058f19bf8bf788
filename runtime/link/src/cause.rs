//! What an error tells people: itself and what caused it in one line, each thing once.

use std::error::Error;

/// The error and its causes, joined by colons. Many errors name their cause in their own words already: what was said is
/// not said again.
pub fn told(error: &(dyn Error + 'static)) -> String {
    let mut said: Vec<String> = Vec::new();
    let mut next = Some(error);
    while let Some(error) = next {
        say(&mut said, error.to_string());
        next = error.source();
    }
    said.join(": ")
}

fn say(said: &mut Vec<String>, text: String) {
    if text.is_empty() || said.iter().any(|earlier| earlier.contains(&text)) {
        return;
    }
    // The cause begins with the words that were used for it.
    if said.last().is_some_and(|last| text.starts_with(last.as_str())) {
        said.pop();
    }
    said.push(text);
}

#[cfg(test)]
mod tests {
    use std::fmt;

    use super::*;

    #[derive(Debug)]
    struct Told(&'static str, Option<Box<Self>>);

    impl fmt::Display for Told {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str(self.0)
        }
    }

    impl Error for Told {
        fn source(&self) -> Option<&(dyn Error + 'static)> {
            self.1.as_deref().map(|cause| cause as _)
        }
    }

    fn chain(texts: &[&'static str]) -> Told {
        let cause = (texts.len() > 1).then(|| Box::new(chain(&texts[1..])));
        Told(texts[0], cause)
    }

    #[test]
    fn causes_follow_in_their_order() {
        assert_eq!(told(&chain(&["a failed", "b broke", "c was wet"])), "a failed: b broke: c was wet");
    }

    #[test]
    fn a_cause_that_was_told_already_is_not_told_again() {
        for texts in [
            &["x cannot be resolved: failed to lookup", "failed to lookup"][..],
            &["x cannot be resolved: failed to lookup", "failed to lookup", "failed to lookup"],
            &["x cannot be resolved", "x cannot be resolved: failed to lookup"],
            &["x cannot be resolved: failed to lookup", ""],
        ] {
            assert_eq!(told(&chain(texts)), "x cannot be resolved: failed to lookup", "{texts:?}");
        }
    }
}
