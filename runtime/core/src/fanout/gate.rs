//! Per-reader admission to a broadcast of encoded video.
//!
//! Invariant: a reader never receives a delta frame whose reference it was not sent. It joins on a keyframe, and
//! after any drop it rejoins on one. Audio passes always: it needs no reference.

use crate::media::Kind;
use crate::media::Unit;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Gate {
    #[default]
    AwaitingKeyframe,
    Open,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    Send,
    Skip,
}

impl Gate {
    pub fn admit(&mut self, frame: &Unit) -> Verdict {
        match (*self, frame.kind()) {
            (_, Kind::Audio) | (Self::Open, Kind::Video) => Verdict::Send,
            (Self::AwaitingKeyframe, Kind::Video) if frame.key => {
                *self = Self::Open;
                Verdict::Send
            }
            (Self::AwaitingKeyframe, Kind::Video) => Verdict::Skip,
        }
    }

    /// Something this reader needed did not reach it.
    pub fn close(&mut self) {
        *self = Self::AwaitingKeyframe;
    }
}

#[cfg(test)]
mod tests {
    use super::Verdict::*;
    use super::*;
    use crate::media::Track;
    use bytes::Bytes;
    use std::time::Duration;

    fn frame(kind: Kind, keyframe: bool) -> Unit {
        Unit {
            track: Track::any(kind),
            key: keyframe,
            pts: Duration::ZERO,
            dts: Duration::ZERO,
            duration: Duration::ZERO,
            payload: Bytes::new(),
        }
    }

    #[test]
    fn a_reader_joins_on_a_keyframe() {
        let mut gate = Gate::default();
        assert_eq!(gate.admit(&frame(Kind::Video, false)), Skip);
        assert_eq!(gate.admit(&frame(Kind::Video, true)), Send);
        assert_eq!(gate.admit(&frame(Kind::Video, false)), Send);
    }

    #[test]
    fn a_reader_rejoins_on_a_keyframe_after_a_loss() {
        let mut gate = Gate::Open;
        gate.close();
        assert_eq!(gate.admit(&frame(Kind::Video, false)), Skip);
        assert_eq!(gate.admit(&frame(Kind::Video, true)), Send);
    }

    #[test]
    fn sound_does_not_wait_for_a_picture() {
        let mut gate = Gate::default();
        assert_eq!(gate.admit(&frame(Kind::Audio, true)), Send);
        assert_eq!(gate, Gate::AwaitingKeyframe);
    }
}
