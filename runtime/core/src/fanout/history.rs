//! What was sent lately, once for all viewers of a hub.
//!
//! A viewer that asks for a packet again (RFC 4585 §6.2.1) gets the very same one: the same plaintext under the same
//! nonce is the same ciphertext.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use super::cut::Cut;
use crate::media::Kind;

/// About three seconds of a 2.5 Mbps picture. A slower network's round trip is longer than anybody waits.
const MAX_PACKETS: usize = 1024;

/// What a joiner is sent at once, at most, unless the keyframe alone is more than half of it: as much as a large keyframe.
pub const JOIN_PACKETS: usize = 300;
/// As many pictures as a phone decodes before anybody minds.
pub const JOIN_SPAN: Duration = Duration::from_secs(3);
/// The same of a picture of which no keyframe can be asked for: who does not begin with this waits for the next, which may be long.
/// A good picture of ten seconds; it is out within a second.
const REACHING_PACKETS: usize = 4096;
const REACHING_SPAN: Duration = Duration::from_secs(10);

/// A millisecond of the picture's clock.
const JOIN_TICKS: u32 = super::clock::VIDEO_RATE_HZ / 1000;

/// A viewer goes over to another rendition at a keyframe that is no older: what came since goes out at once.
pub const SWITCH_SPAN: Duration = Duration::from_millis(250);
/// The same in RTP time: a rendition that is further behind is not of the same time.
const SWITCH_TICKS: i32 = super::clock::VIDEO_RATE_HZ.cast_signed() / 4;

/// How far back a viewer may begin.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Reach {
    /// Where that is too far a keyframe is asked for.
    #[default]
    Near,
    /// At the last keyframe: no other can be asked for.
    Keyframe,
}

impl Reach {
    /// Packets that are kept; packets and time that a viewer may begin with.
    const fn limits(self) -> (usize, usize, Duration) {
        match self {
            Self::Near => (MAX_PACKETS, JOIN_PACKETS, JOIN_SPAN),
            Self::Keyframe => (REACHING_PACKETS, REACHING_PACKETS, REACHING_SPAN),
        }
    }
}

/// Whether a viewer goes over to another rendition with the picture that was kept last.
#[derive(Debug)]
pub enum Switch {
    /// Not yet.
    Wait,
    /// The other is behind what it is shown: it is shown no more of that until this has caught up.
    Hold,
    /// With these, and then all that is kept.
    Begin(Vec<Arc<Cut>>),
}

/// The pictures; sound that is lost is concealed by then.
#[derive(Debug, Default)]
pub struct History {
    cuts: VecDeque<Arc<Cut>>,
    packets: usize,
    reach: Reach,
}

impl History {
    pub fn reaching(reach: Reach) -> Self {
        Self { reach, ..Self::default() }
    }

    pub fn keep(&mut self, cut: &Arc<Cut>) {
        if cut.frame.kind() != Kind::Video {
            return;
        }
        self.packets += cut.payloads.len();
        self.cuts.push_back(Arc::clone(cut));
        // Not the last: a keyframe may be larger than everything that is kept.
        let (most, ..) = self.reach.limits();
        while self.packets > most && self.cuts.len() > 1 {
            self.packets -= self.cuts.pop_front().map_or(0, |cut| cut.payloads.len());
        }
    }

    /// The last keyframe and all that came after it, for whoever begins now. None: that is too much, or there is none.
    ///
    /// These pictures are to be seen at once and not at their own pace, after which a player would stay behind: they follow
    /// each other by a millisecond up to the last, from which time goes on as it does for all.
    pub fn beginning(&self) -> Option<Vec<Arc<Cut>>> {
        let first = self.last_keyframe()?;
        let span = self.span(first);
        let packets: usize = self.cuts.range(first..).map(|cut| cut.payloads.len()).sum();
        // Another keyframe would be as large as this one, and everybody's.
        let (_, usual, longest) = self.reach.limits();
        let most = usual.max(2 * self.cuts[first].payloads.len());
        (packets <= most && span <= longest).then(|| self.squeezed(first))
    }

    /// How a viewer who has a picture, of another rendition, comes to this one. `shown`: the RTP timestamp of the last that it was
    /// sent.
    pub fn switch(&self, shown: Option<u32>) -> Switch {
        let Some(first) = self.last_keyframe().filter(|first| self.span(*first) <= SWITCH_SPAN) else {
            return Switch::Wait;
        };
        let cuts = self.squeezed(first);
        // Never two pictures of one time, nor one of an earlier: players take them for one, or throw it away.
        match shown.zip(cuts.first()).map(|(shown, first)| ahead(first.timestamp, shown)) {
            Some(ahead) if ahead < -SWITCH_TICKS => Switch::Wait,
            Some(ahead) if ahead <= 0 => Switch::Hold,
            _ => Switch::Begin(cuts),
        }
    }

    fn last_keyframe(&self) -> Option<usize> {
        self.cuts.iter().rposition(|cut| cut.frame.key)
    }

    /// From that picture to the last.
    fn span(&self, first: usize) -> Duration {
        self.cuts
            .back()
            .map_or(Duration::ZERO, |last| last.frame.pts.saturating_sub(self.cuts[first].frame.pts))
    }

    fn squeezed(&self, first: usize) -> Vec<Arc<Cut>> {
        let Some(last) = self.cuts.back() else { return Vec::new() };
        let cuts = self.cuts.range(first..);
        let behind = (0..cuts.len() as u32).rev();
        cuts.zip(behind).map(|(cut, behind)| Arc::new(squeezed(cut, last.timestamp, behind))).collect()
    }

    /// The packet of that number of the hub's: its frame, and where in it.
    pub fn find(&self, number: u64) -> Option<(&Arc<Cut>, usize)> {
        let after = self.cuts.partition_point(|cut| cut.first <= number);
        let cut = self.cuts.get(after.checked_sub(1)?)?;
        let index = usize::try_from(number - cut.first).ok()?;
        (index < cut.payloads.len()).then_some((cut, index))
    }
}

/// By how many ticks one RTP time is after another (RFC 3550 §5.1: they wrap).
const fn ahead(time: u32, other: u32) -> i32 {
    time.wrapping_sub(other).cast_signed()
}

fn squeezed(cut: &Cut, last: u32, behind: u32) -> Cut {
    Cut {
        frame: cut.frame.clone(),
        timestamp: last.wrapping_sub(behind * JOIN_TICKS),
        first: cut.first,
        payloads: cut.payloads.clone(),
        runs: cut.runs.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fanout::cut::Cutter;
    use crate::media::{Track, Unit};
    use bytes::Bytes;

    fn frame(kind: Kind, bytes: usize) -> Unit {
        let mut payload = vec![0, 0, 1, 0x65];
        payload.resize(bytes + 4, 1);
        Unit {
            track: Track::any(kind),
            pts: Duration::ZERO,
            dts: Duration::ZERO,
            duration: Duration::ZERO,
            key: true,
            payload: Bytes::from(payload),
        }
    }

    #[test]
    fn each_packet_is_found_by_its_number() {
        let (mut history, mut cutter) = (History::default(), Cutter::default());
        for _ in 0..3 {
            history.keep(&Arc::new(cutter.cut(frame(Kind::Audio, 9))));
            history.keep(&Arc::new(cutter.cut(frame(Kind::Video, 2500))));
        }
        for number in 0..9 {
            let (cut, index) = history.find(number).expect("it must be found");
            assert_eq!((cut.frame.kind(), cut.first + index as u64), (Kind::Video, number));
        }
        assert!(history.find(9).is_none());
    }

    #[test]
    fn what_is_kept_is_bounded_and_the_newest() {
        let (mut history, mut cutter) = (History::default(), Cutter::default());
        for _ in 0..1000 {
            history.keep(&Arc::new(cutter.cut(frame(Kind::Video, 2500))));
        }
        assert!(history.packets <= MAX_PACKETS);
        assert!(history.find(2999).is_some());
        assert!(history.find(2999 - MAX_PACKETS as u64).is_none());
        history.keep(&Arc::new(cutter.cut(frame(Kind::Video, 2_000_000))));
        assert!(history.find(3000 + 1500).is_some());
    }

    fn pictures(count: u32, bytes: usize) -> History {
        let (mut history, mut cutter) = (History::default(), Cutter::default());
        for n in 0..count {
            let at = Duration::from_millis(33) * n;
            let picture = Unit { key: n == 0, pts: at, dts: at, ..frame(Kind::Video, bytes) };
            history.keep(&Arc::new(cutter.cut(picture)));
        }
        history
    }

    #[test]
    fn a_joiner_begins_at_the_last_keyframe_and_is_up_to_date_at_once() {
        let mut history = pictures(30, 2500);
        let mut cutter = Cutter::default();
        assert_eq!(
            history.beginning().map(|cuts| (cuts.len(), cuts[0].first, cuts[29].first)),
            Some((30, 0, 87))
        );
        let stamps: Vec<u32> = history.beginning().unwrap().iter().map(|cut| cut.timestamp).collect();
        assert!(stamps.windows(2).all(|pair| pair[1].wrapping_sub(pair[0]) == JOIN_TICKS), "{stamps:?}");
        assert_eq!(stamps.last(), history.cuts.back().map(|cut| &cut.timestamp));
        history.keep(&Arc::new(cutter.cut(frame(Kind::Video, 9))));
        assert_eq!(history.beginning().map(|cuts| cuts.len()), Some(1));
    }

    const FRAME: u32 = 2970;

    #[test]
    fn a_viewer_of_another_rendition_goes_over_at_a_keyframe_and_never_back_in_time() {
        let keyframe = pictures(1, 2500);
        let of = |history: &History, shown: Option<u32>| match history.switch(shown) {
            Switch::Wait => "wait".to_owned(),
            Switch::Hold => "hold".to_owned(),
            Switch::Begin(cuts) => {
                let times: Vec<u32> = cuts.iter().map(|cut| cut.timestamp).collect();
                assert!(cuts[0].frame.key && shown.is_none_or(|shown| ahead(times[0], shown) > 0));
                format!("{times:?}")
            }
        };
        assert_eq!(of(&History::default(), None), "wait");
        assert_eq!(of(&keyframe, None), "[0]");
        assert_eq!(of(&keyframe, Some(0_u32.wrapping_sub(FRAME))), "[0]", "RTP time wraps");
        assert_eq!(of(&keyframe, Some(0)), "hold");
        assert_eq!(of(&pictures(2, 2500), Some(0)), "[2880, 2970]", "it is a picture later");
        assert_eq!(of(&pictures(2, 2500), Some(FRAME)), "hold");
        assert_eq!(of(&keyframe, Some(FRAME * 30)), "wait", "of another time");
        assert_eq!(of(&pictures(30, 2500), None), "wait", "a keyframe of long ago");
    }

    #[test]
    fn nobody_begins_with_more_than_a_keyframes_worth_or_at_what_is_long_ago() {
        assert!(pictures(101, 2500).beginning().is_none());
        assert!(pictures(93, 9).beginning().is_none());
        assert!(pictures(90, 9).beginning().is_some());
        assert!(History::default().beginning().is_none());
        let mut reaching = History::reaching(Reach::Keyframe);
        pictures(250, 9_000).cuts.iter().for_each(|cut| reaching.keep(cut));
        assert_eq!(reaching.beginning().map(|cuts| cuts.len()), None, "its keyframe is kept no more");
        let mut reaching = History::reaching(Reach::Keyframe);
        pictures(250, 9).cuts.iter().for_each(|cut| reaching.keep(cut));
        assert_eq!(reaching.beginning().map(|cuts| cuts.len()), Some(250));
        let (mut history, mut cutter) = (History::default(), Cutter::default());
        history.keep(&Arc::new(cutter.cut(frame(Kind::Video, 500_000))));
        assert!(history.beginning().is_some_and(|cuts| cuts[0].payloads.len() > JOIN_PACKETS));
    }
}
