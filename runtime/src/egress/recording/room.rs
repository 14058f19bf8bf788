//! What all recordings together may take of a disk: where the kubelet, for one, ends a pod that takes more, the disk does not say so.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Clones are the same.
#[derive(Clone, Debug)]
pub struct Room(Arc<Inside>);

#[derive(Debug)]
struct Inside {
    most: u64,
    taken: AtomicU64,
}

/// What one of them has taken. Dropped, when its file is known no more, it is free again.
#[derive(Debug)]
pub(super) struct Share {
    room: Room,
    taken: AtomicU64,
}

impl Room {
    /// In bytes.
    pub fn of(most: u64) -> Self {
        Self(Arc::new(Inside { most, taken: AtomicU64::new(0) }))
    }

    pub fn unbounded() -> Self {
        Self::of(u64::MAX)
    }

    pub(super) fn share(&self) -> Arc<Share> {
        Arc::new(Share { room: self.clone(), taken: AtomicU64::new(0) })
    }
}

impl Share {
    /// Whether there is room for so many bytes more; they are taken then.
    pub(super) fn take(&self, bytes: u64) -> bool {
        let Inside { most, taken } = &*self.room.0;
        let more = |taken: u64| taken.checked_add(bytes).filter(|after| after <= most);
        let takes = taken.fetch_update(Relaxed, Relaxed, more).is_ok();
        if takes {
            self.taken.fetch_add(bytes, Relaxed);
        }
        takes
    }

    /// So much of it was there before.
    pub(super) fn have(&self, bytes: u64) {
        self.room.0.taken.fetch_add(bytes, Relaxed);
        self.taken.fetch_add(bytes, Relaxed);
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.room.0.taken.fetch_sub(self.taken.load(Relaxed), Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn recordings_share_what_there_is_and_give_it_back_with_their_files() {
        let room = Room::of(10);
        let (first, second) = (room.share(), room.share());
        assert!(first.take(6) && !second.take(5) && second.take(4) && !first.take(1));
        drop(first);
        assert!(second.take(6) && !second.take(1));
        assert!(Room::unbounded().share().take(u64::MAX));
    }
}
