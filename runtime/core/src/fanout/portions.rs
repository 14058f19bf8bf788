//! The pictures that a viewer begins with, a portion at a time.
//!
//! All at once they are more than a receiver's buffer holds: the usual 208 KiB of Linux are about ninety packets, since the
//! kernel counts the room that each takes and not its bytes. Pictures that come meanwhile wait behind them.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::cut::Cut;

/// Two thirds of what a usual buffer holds, which is empty then.
pub const FIRST_PORTION_PACKETS: usize = 64;
/// A sixth of it.
pub const PORTION_PACKETS: usize = 16;
/// 4000 packets a second: the largest beginning is out within 80 ms, and no picture outruns it.
pub const INTERVAL: Duration = Duration::from_millis(4);
/// A usual beginning and twice as much behind it; of a larger one as much. More is a picture that no viewer catches up with.
pub const MAX_PACKETS: usize = 3 * super::history::JOIN_PACKETS;

#[derive(Debug)]
pub struct Portions {
    cuts: VecDeque<Arc<Cut>>,
    /// Packets of the first that have left.
    gone: usize,
    packets: usize,
    most: usize,
    /// Of the next portion.
    room: usize,
    due: Instant,
}

/// Packets of one run.
#[derive(Clone, Debug)]
pub struct Piece {
    pub cut: Arc<Cut>,
    pub packets: Range<usize>,
}

impl Portions {
    /// The first portion is due at once.
    pub fn new(cuts: Vec<Arc<Cut>>, now: Instant) -> Self {
        let packets = cuts.iter().map(|cut| cut.payloads.len()).sum();
        let most = MAX_PACKETS.max(3 * packets);
        Self { cuts: cuts.into(), gone: 0, packets, most, room: FIRST_PORTION_PACKETS, due: now }
    }

    /// What comes after all that waits. False: too much waits.
    pub fn push(&mut self, cut: &Arc<Cut>) -> bool {
        if self.packets + cut.payloads.len() > self.most {
            return false;
        }
        self.packets += cut.payloads.len();
        self.cuts.push_back(Arc::clone(cut));
        true
    }

    pub fn is_empty(&self) -> bool {
        self.packets == 0
    }

    /// When the next portion is to leave.
    pub fn due(&self) -> Instant {
        self.due
    }

    /// The next portion, if it is due; never two at once, however late it is.
    pub fn take(&mut self, now: Instant) -> Vec<Piece> {
        let mut pieces = Vec::new();
        if now < self.due {
            return pieces;
        }
        self.due = now + INTERVAL;
        let mut room = std::mem::replace(&mut self.room, PORTION_PACKETS);
        while let Some(cut) = self.cuts.front() {
            let run = cut.runs.iter().find(|run| run.end > self.gone);
            let Some(run) = run else {
                self.cuts.pop_front();
                self.gone = 0;
                continue;
            };
            if room == 0 {
                break;
            }
            let packets = self.gone..run.end.min(self.gone + room);
            room -= packets.len();
            self.packets -= packets.len();
            self.gone = packets.end;
            pieces.push(Piece { cut: Arc::clone(cut), packets });
        }
        pieces
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fanout::cut::Cutter;
    use crate::media::{Track, Unit};
    use bytes::Bytes;

    fn cut(cutter: &mut Cutter, packets: usize) -> Arc<Cut> {
        // Of units that differ in length, so that no two are a run.
        let unit = |index: usize| [vec![0, 0, 1, 0x65], vec![1; index + 1]].concat();
        Arc::new(cutter.cut(Unit {
            track: Track::h264(1280, 720, 30),
            pts: Duration::ZERO,
            dts: Duration::ZERO,
            duration: Duration::ZERO,
            key: true,
            payload: Bytes::from((0..packets).flat_map(unit).collect::<Vec<_>>()),
        }))
    }

    /// The hub's numbers of all packets, a portion each.
    fn poured(portions: &mut Portions, mut now: Instant) -> Vec<Vec<u64>> {
        let mut out = Vec::new();
        while !portions.is_empty() {
            let numbers = |piece: Piece| piece.packets.map(move |packet| piece.cut.first + packet as u64);
            out.push(portions.take(now).into_iter().flat_map(numbers).collect());
            now += INTERVAL;
        }
        out
    }

    #[test]
    fn everything_leaves_once_and_in_order_and_no_portion_is_large() {
        let (mut cutter, now) = (Cutter::default(), Instant::now());
        let cuts = vec![cut(&mut cutter, 70), cut(&mut cutter, 0), cut(&mut cutter, 3)];
        let mut portions = Portions::new(cuts, now);
        assert!(portions.push(&cut(&mut cutter, 20)));
        let poured = poured(&mut portions, now);
        assert_eq!(poured.iter().map(Vec::len).collect::<Vec<_>>(), [64, 16, 13]);
        assert!(poured.into_iter().flatten().eq(0..93));
    }

    #[test]
    fn a_piece_stays_within_a_run() {
        let equal = Unit {
            track: Track::h264(1280, 720, 30),
            pts: Duration::ZERO,
            dts: Duration::ZERO,
            duration: Duration::ZERO,
            key: true,
            payload: Bytes::from([vec![0, 0, 1, 0x65], vec![1; 30_000]].concat()),
        };
        let whole = Arc::new(Cutter::default().cut(equal));
        let now = Instant::now();
        let mut portions = Portions::new(vec![Arc::clone(&whole)], now);
        let pieces: Vec<Piece> = (0..9).flat_map(|tick| portions.take(now + INTERVAL * tick)).collect();
        let within = |piece: &Piece| {
            whole.runs.iter().any(|run| run.start <= piece.packets.start && piece.packets.end <= run.end)
        };
        assert!(pieces.iter().all(within), "{pieces:?}");
        assert!(portions.is_empty());
    }

    #[test]
    fn a_late_tick_is_no_burst_and_an_early_one_is_nothing() {
        let (mut cutter, now) = (Cutter::default(), Instant::now());
        let mut portions = Portions::new(vec![cut(&mut cutter, 100)], now);
        let count = |pieces: Vec<Piece>| pieces.iter().map(|piece| piece.packets.len()).sum::<usize>();
        assert_eq!(count(portions.take(now)), FIRST_PORTION_PACKETS);
        assert_eq!(count(portions.take(now + INTERVAL * 20)), PORTION_PACKETS);
        assert_eq!(portions.due(), now + INTERVAL * 21);
        assert_eq!(count(portions.take(now + INTERVAL * 20)), 0);
    }

    #[test]
    fn what_waits_is_bounded() {
        let (mut cutter, now) = (Cutter::default(), Instant::now());
        let mut portions = Portions::new(vec![], now);
        let taken = (0..100).take_while(|_| portions.push(&cut(&mut cutter, 100))).count();
        assert_eq!(taken, MAX_PACKETS / 100);
    }
}
