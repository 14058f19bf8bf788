//! A frame cut into RTP payloads, once for all viewers of a hub.
//!
//! Its packets have numbers of the hub's own, which never wrap; what a viewer calls them is in [`super::numbering`].

use std::ops::Range;

use bytes::Bytes;

use super::{clock, h264, rtp, vp8};
use crate::media::{Kind, Track, Unit, VideoCodec};

/// What the kernel takes as one run (`UDP_MAX_SEGMENTS` of Linux before 6.9).
const MAX_RUN_PACKETS: usize = 64;
/// The largest UDP payload over IPv4, which bounds a run too.
const MAX_RUN_BYTES: usize = 65_507;

#[derive(Debug)]
pub struct Cut {
    pub frame: Unit,
    pub timestamp: u32,
    /// The hub's number of the first packet. Each kind counts by itself.
    pub first: u64,
    pub payloads: Vec<Bytes>,
    /// Packets that leave in one segmented message (UDP GSO): of equal size, but the last may be smaller.
    pub runs: Vec<Range<usize>>,
}

impl Cut {
    /// Whether the packet is the last of a picture (RFC 6184 §5.1). Of a sound it is never said.
    pub fn marker(&self, index: usize) -> bool {
        self.frame.kind() == Kind::Video && index + 1 == self.payloads.len()
    }
}

/// Counts the packets of a hub.
#[derive(Debug, Default)]
pub struct Cutter {
    video: u64,
    audio: u64,
}

impl Cutter {
    pub fn cut(&mut self, frame: Unit) -> Cut {
        let (payloads, next) = match frame.kind() {
            Kind::Video => (packetize(&frame), &mut self.video),
            Kind::Audio => (vec![frame.payload.clone()], &mut self.audio),
        };
        let first = *next;
        *next += payloads.len() as u64;
        // No offset: captured time starts where the encoder's clock stands, which is as good as random.
        let timestamp = clock::timestamp(frame.kind(), frame.pts, 0);
        let runs = runs(&payloads);
        Cut { frame, timestamp, first, payloads, runs }
    }
}

fn packetize(frame: &Unit) -> Vec<Bytes> {
    match frame.track {
        Track::Video { codec: VideoCodec::Vp8, .. } => vp8::packetize(&frame.payload),
        _ => h264::packetize(&frame.payload),
    }
}

fn runs(payloads: &[Bytes]) -> Vec<Range<usize>> {
    let mut runs: Vec<Range<usize>> = Vec::new();
    let mut bytes = 0;
    for (index, payload) in payloads.iter().enumerate() {
        let size = payload.len() + rtp::OVERHEAD_BYTES;
        let run = runs.last_mut().filter(|run| {
            let (first, last) = (&payloads[run.start], &payloads[run.end - 1]);
            last.len() == first.len()
                && payload.len() <= first.len()
                && run.len() < MAX_RUN_PACKETS
                && bytes + size <= MAX_RUN_BYTES
        });
        match run {
            Some(run) => {
                run.end = index + 1;
                bytes += size;
            }
            None => {
                runs.push(index..index + 1);
                bytes = size;
            }
        }
    }
    runs
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn of(sizes: &[usize]) -> Vec<Range<usize>> {
        runs(&sizes.iter().map(|size| Bytes::from(vec![1; *size])).collect::<Vec<_>>())
    }

    #[test]
    fn equal_packets_and_one_shorter_are_a_run() {
        assert_eq!(of(&[100, 100, 40, 40]), [0..3, 3..4]);
        assert_eq!(of(&[40, 100, 100]), [0..1, 1..3]);
        assert!(of(&[]).is_empty());
    }

    #[test]
    fn a_run_is_no_longer_than_the_kernel_takes() {
        assert_eq!(of(&[10; 130]), [0..64, 64..128, 128..130]);
        let large = of(&[1200; 120]);
        assert!(
            large.iter().all(|run| run.len() * (1200 + rtp::OVERHEAD_BYTES) <= MAX_RUN_BYTES),
            "{large:?}"
        );
        assert_eq!(large.iter().map(ExactSizeIterator::len).sum::<usize>(), 120);
    }

    #[test]
    fn packets_are_numbered_through_each_kind_by_itself() {
        let frame = |kind, payload: &[u8]| Unit {
            track: Track::any(kind),
            pts: Duration::ZERO,
            dts: Duration::ZERO,
            duration: Duration::ZERO,
            key: true,
            payload: Bytes::copy_from_slice(payload),
        };
        let two = [0, 0, 1, 0x67, 1, 0, 0, 1, 0x65, 2];
        let mut cutter = Cutter::default();
        assert_eq!(cutter.cut(frame(Kind::Video, &two)).first, 0);
        assert_eq!(cutter.cut(frame(Kind::Audio, &[1])).first, 0);
        let second = cutter.cut(frame(Kind::Video, &two));
        assert_eq!((second.first, second.marker(0), second.marker(1)), (2, false, true));
        let sound = cutter.cut(frame(Kind::Audio, &[1]));
        assert_eq!((sound.first, sound.marker(0)), (1, false));
    }
}
