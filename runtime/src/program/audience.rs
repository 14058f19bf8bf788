//! Who watches, counted by the name under which they came.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::watch;

/// Clones are the same.
#[derive(Clone, Default)]
pub struct Audience(Arc<Mutex<HashMap<String, watch::Sender<usize>>>>);

/// One who watches, until it is dropped.
pub struct Present {
    audience: Audience,
    name: String,
}

impl Audience {
    /// How many watch under that name.
    pub fn of(&self, name: &str) -> watch::Receiver<usize> {
        self.0.lock().entry(name.to_owned()).or_default().subscribe()
    }

    pub fn enter(&self, name: &str) -> Present {
        self.joined(name);
        Present { audience: self.clone(), name: name.to_owned() }
    }

    pub(crate) fn joined(&self, name: &str) {
        self.0.lock().entry(name.to_owned()).or_default().send_modify(|count| *count += 1);
    }

    pub(crate) fn left(&self, name: &str) {
        let mut names = self.0.lock();
        let Some(count) = names.get(name) else { return };
        count.send_modify(|count| *count = count.saturating_sub(1));
        // A name that nobody watches and nobody asks after is forgotten: there may be ever new ones.
        if *count.borrow() == 0 && count.receiver_count() == 0 {
            names.remove(name);
        }
    }
}

impl Drop for Present {
    fn drop(&mut self) {
        self.audience.left(&self.name);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_leaves_is_counted_no_more_and_a_name_of_nobody_is_forgotten() {
        let audience = Audience::default();
        let count = audience.of("a");
        let two = [audience.enter("a"), audience.enter("a")];
        let other = audience.enter("b");
        assert_eq!(*count.borrow(), 2);
        drop(two);
        drop(other);
        assert_eq!(*count.borrow(), 0);
        assert_eq!(audience.0.lock().keys().collect::<Vec<_>>(), ["a"]);
    }
}
