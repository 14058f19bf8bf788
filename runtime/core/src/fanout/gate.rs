//! Per-reader admission to a broadcast of encoded video.
//!
//! Invariant: a reader never receives a delta frame whose reference it was not sent. It joins on a keyframe, and
//! after any drop it rejoins on one. Audio passes always: it needs no reference.

use crate::media::Frame;
use crate::media::Kind;

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
    pub fn admit(&mut self, frame: &Frame) -> Verdict {
        match (*self, frame.kind) {
            (_, Kind::Audio) | (Self::Open, Kind::Video) => Verdict::Send,
            (Self::AwaitingKeyframe, Kind::Video) if frame.keyframe => {
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

/// One reader's own RTP sequence numbers.
///
/// SRTP peers guess the roll-over counter from the first number they see and assume zero (RFC 3711 §3.3.1). Were the
/// numbers shared, a reader that joins after the shared counter wrapped could authenticate nothing. So each reader
/// counts for itself and starts in the lower half, where the loss of the first packets cannot be mistaken for a wrap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sequence(u16);

impl Sequence {
    pub fn starting_near(random: u16) -> Self {
        Self(random & 0x7fff)
    }

    pub fn take(&mut self) -> u16 {
        let number = self.0;
        self.0 = self.0.wrapping_add(1);
        number
    }
}

#[cfg(test)]
mod tests {
    use super::Verdict::*;
    use super::*;
    use bytes::Bytes;
    use std::time::Duration;

    fn frame(kind: Kind, keyframe: bool) -> Frame {
        Frame { kind, keyframe, captured_at: Duration::ZERO, duration: Duration::ZERO, payload: Bytes::new() }
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

    #[test]
    fn a_joiner_starts_far_below_a_wrap_however_long_the_broadcast_has_run() {
        for random in [0, 0x7fff, 0x8000, u16::MAX] {
            assert!(Sequence::starting_near(random).take() < 0x8000);
        }
    }

    #[test]
    fn a_long_reader_wraps_without_a_gap() {
        let mut sequence = Sequence::starting_near(0x7fff);
        let numbers: Vec<u16> = (0..70_000).map(|_| sequence.take()).collect();
        assert!(numbers.windows(2).all(|pair| pair[1] == pair[0].wrapping_add(1)));
    }
}
