//! Keeps an operator that has lost the leadership, and does not know it yet, from being obeyed.

/// The highest leader term seen by this process.
#[derive(Debug, Default)]
pub(crate) struct Fence {
    highest: u64,
}

impl Fence {
    /// Whether a message of `term` may be obeyed; a higher term shuts out all lower ones from then on.
    pub(crate) fn admits(&mut self, term: u64) -> bool {
        self.highest = self.highest.max(term);
        term == self.highest
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lower_term_is_shut_out_once_a_higher_one_was_seen() {
        let mut fence = Fence::default();
        assert!(fence.admits(3));
        assert!(fence.admits(4));
        assert!(!fence.admits(3));
        assert!(fence.admits(4));
    }
}
