//! What came since the last keyframe, for whoever comes in between where no keyframe can be asked for.

use std::time::Duration;

use crate::media::Unit;

/// More than a picture of good quality takes in a long group; who comes to one that takes more waits for the next.
const MOST_BYTES: usize = 8 << 20;
/// A group that lasts longer takes longer to be decoded than anybody waits.
const MOST_SPAN: Duration = Duration::from_secs(10);
/// Between the pictures that are seen at once. So many of them are less than a reader may be behind.
const CLOSE: Duration = Duration::from_millis(1);

#[derive(Debug, Default)]
pub struct Group {
    units: Vec<Unit>,
    bytes: usize,
}

impl Group {
    /// What goes out to all.
    pub fn keep(&mut self, unit: &Unit) {
        if unit.key {
            *self = Self::default();
        } else if self.units.is_empty() {
            return;
        }
        self.bytes += unit.payload.len();
        self.units.push(unit.clone());
        let began = self.units.first().map_or(Duration::ZERO, |first| first.pts);
        if self.bytes > MOST_BYTES || unit.pts.saturating_sub(began) > MOST_SPAN {
            *self = Self::default();
        }
    }

    /// All of it, to be seen at once: it ends where everybody is.
    pub fn squeezed(&self) -> Vec<Unit> {
        let Some(last) = self.units.last() else { return Vec::new() };
        let behind = (0..self.units.len()).rev();
        let earlier =
            |count: usize| last.pts.saturating_sub(CLOSE * u32::try_from(count).unwrap_or(u32::MAX));
        let squeezed = self.units.iter().zip(behind);
        squeezed
            .map(|(unit, behind)| Unit { pts: earlier(behind), dts: earlier(behind), ..unit.clone() })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::media::{Kind, Track};

    fn unit(at: Duration, key: bool, bytes: usize) -> Unit {
        let payload = Bytes::from(vec![0; bytes]);
        Unit { track: Track::any(Kind::Video), pts: at, dts: at, duration: CLOSE, key, payload }
    }

    fn milliseconds(group: &Group) -> Vec<u128> {
        group.squeezed().iter().map(|unit| unit.pts.as_millis()).collect()
    }

    #[test]
    fn a_group_begins_with_a_keyframe_and_is_seen_at_once() {
        let mut group = Group::default();
        for (number, key) in [false, true, false, true, false, false].into_iter().enumerate() {
            group.keep(&unit(Duration::from_millis(40) * number as u32, key, 9));
        }
        assert_eq!(milliseconds(&group), [198, 199, 200]);
        assert!(group.squeezed()[0].key);
    }

    #[test]
    fn what_is_too_much_or_too_long_is_not_kept_and_the_next_is() {
        for (each, bytes) in [(CLOSE, MOST_BYTES / 2), (MOST_SPAN, 9)] {
            let mut group = Group::default();
            group.keep(&unit(Duration::ZERO, true, bytes));
            group.keep(&unit(each, false, bytes));
            assert_eq!(group.squeezed().len(), 2);
            group.keep(&unit(each * 2, false, bytes));
            group.keep(&unit(each * 3, false, bytes));
            assert_eq!(group.squeezed(), []);
            group.keep(&unit(each * 4, true, bytes));
            assert_eq!(group.squeezed().len(), 1);
        }
    }
}
