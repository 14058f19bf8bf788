//! The picture that the camera shows now: one slot, written by a source, read by the node.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use parking_lot::Mutex;
use understudy_core::spec::Resolution;

/// A cheap handle to the slot.
#[derive(Clone, Debug)]
pub struct Picture(Arc<Slot>);

struct Slot {
    size: Resolution,
    current: Mutex<Bytes>,
    shown: AtomicU64,
    /// Called after each change; set while a node is there.
    changed: Mutex<Option<Box<dyn Fn() + Send>>>,
}

impl Picture {
    /// Starts with the slate.
    pub fn new(size: Resolution) -> Self {
        Self(Arc::new(Slot {
            size,
            current: Mutex::new(slate(size)),
            shown: AtomicU64::new(0),
            changed: Mutex::new(None),
        }))
    }

    pub fn size(&self) -> Resolution {
        self.0.size
    }

    /// Shows one tightly packed I420 frame. One of another length is not shown.
    pub fn show(&self, frame: Bytes) {
        if frame.len() != self.0.size.i420_bytes() {
            return;
        }
        *self.0.current.lock() = frame;
        self.0.shown.fetch_add(1, Ordering::Relaxed);
        if let Some(changed) = &*self.0.changed.lock() {
            changed();
        }
    }

    /// Shows what is shown when nothing arrives.
    pub fn show_slate(&self) {
        self.show(slate(self.0.size));
    }

    /// Frames shown since the start.
    pub fn shown(&self) -> u64 {
        self.0.shown.load(Ordering::Relaxed)
    }

    pub(super) fn current(&self) -> Bytes {
        self.0.current.lock().clone()
    }

    pub(super) fn on_change(&self, changed: Option<Box<dyn Fn() + Send>>) {
        *self.0.changed.lock() = changed;
    }
}

impl std::fmt::Debug for Slot {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Slot").field("size", &self.size).finish_non_exhaustive()
    }
}

/// A quiet dark blue, so that nobody takes it for a broken camera.
fn slate(size: Resolution) -> Bytes {
    const LUMA: u8 = 36;
    const BLUE: u8 = 142;
    const RED: u8 = 122;
    let pixels = (size.width() * size.height()) as usize;
    let mut frame = vec![LUMA; pixels];
    frame.resize(pixels + pixels / 4, BLUE);
    frame.resize(size.i420_bytes(), RED);
    frame.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_of_another_size_is_not_shown() {
        let picture = Picture::new(Resolution::HD);
        let before = picture.current();
        picture.show(Bytes::from_static(b"short"));
        assert_eq!(picture.current(), before);
        assert_eq!(picture.shown(), 0);
    }

    #[test]
    fn the_slate_fills_a_whole_frame() {
        assert_eq!(slate(Resolution::HD).len(), 1280 * 720 * 3 / 2);
    }
}
