//! What somebody sees who looks at the middle of the picture.

use std::sync::Arc;
use std::time::Instant;

use parking_lot::Mutex;

/// So far apart that no encoder takes one for another.
pub const GREYS: [u8; 6] = [24, 64, 104, 144, 184, 224];

/// When which grey was painted, or seen.
#[derive(Clone, Copy)]
pub struct Change {
    pub at: Instant,
    pub grey: usize,
}

/// Notes when the brightness becomes that of another grey. Clones are the same.
#[derive(Clone, Default)]
pub struct Sight {
    seen: Arc<Mutex<Vec<Change>>>,
}

impl Sight {
    /// A picture was decoded just now, of this brightness in its middle.
    pub fn sees(&self, luma: u8) {
        let at = Instant::now();
        // Video's black is 16, its white 235 (BT.709).
        let level = (f64::from(luma) - 16.0) * 255.0 / 219.0;
        let grey = (0..GREYS.len()).find(|grey| (f64::from(GREYS[*grey]) - level).abs() < 12.0);
        let mut seen = self.seen.lock();
        if grey != seen.last().map(|change| change.grey) {
            seen.extend(grey.map(|grey| Change { at, grey }));
        }
    }

    pub fn seen(&self) -> Vec<Change> {
        self.seen.lock().clone()
    }
}
