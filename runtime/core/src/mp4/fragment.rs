//! A fragment: what is said of its samples, and the samples (§8.8).

use bytes::Bytes;

use super::boxes::{boxed, full, words};
use super::header::{PICTURE, SOUND};

/// Positions count from the fragment's own beginning (§8.8.7).
const FROM_HERE: u32 = 0x02_0000;
/// What is said: where the samples lie; of each its length in time and in bytes, and what it needs (§8.8.8).
const PLACE: u32 = 0x001;
const EACH: u32 = 0x100 | 0x200 | 0x400;

/// It depends on no other; it does, and nobody can begin with it (§8.8.3.1).
const KEY: u32 = 0x0200_0000;
const NO_KEY: u32 = 0x0101_0000;

#[derive(Debug)]
pub(super) struct Sample {
    /// How long it lasts.
    pub(super) ticks: u32,
    pub(super) key: bool,
    pub(super) data: Bytes,
}

/// Pictures that wait for the next keyframe.
#[derive(Debug, Default)]
pub(super) struct Fragment {
    number: u32,
    begin: u64,
    pictures: Vec<Sample>,
    bytes: usize,
}

impl Fragment {
    pub(super) const fn bytes(&self) -> usize {
        self.bytes
    }

    pub(super) fn picture(&mut self, at: u64, sample: Sample) {
        if self.pictures.is_empty() {
            self.begin = at;
        }
        self.bytes += sample.data.len();
        self.pictures.push(sample);
    }

    /// With the sound that came meanwhile, if there is anything. The next one begins.
    pub(super) fn write(&mut self, sound_begin: u64, sounds: &[Sample]) -> Option<Bytes> {
        if self.pictures.is_empty() {
            return None;
        }
        let pictures = std::mem::take(&mut self.pictures);
        let bytes = u32::try_from(std::mem::take(&mut self.bytes)).unwrap_or(u32::MAX);
        self.number += 1;
        let head = |from: u32| {
            let mut tracks = vec![track(PICTURE, self.begin, &pictures, from)];
            if !sounds.is_empty() {
                tracks.push(track(SOUND, sound_begin, sounds, from.saturating_add(bytes)));
            }
            let number = full(b"mfhd", 0, 0, &[&words([self.number])]);
            boxed(b"moof", &[&number, &tracks.concat()])
        };
        // How long it is does not depend on where the samples lie, which is behind it.
        let length = u32::try_from(head(0).len()).unwrap_or(u32::MAX);
        let mut all = head(length.saturating_add(8));
        let samples: Vec<&[u8]> = pictures.iter().chain(sounds).map(|sample| &sample.data[..]).collect();
        all.extend(boxed(b"mdat", &samples));
        Some(all.into())
    }
}

fn track(id: u32, begin: u64, samples: &[Sample], from: u32) -> Vec<u8> {
    let header = full(b"tfhd", 0, FROM_HERE, &[&words([id])]);
    let time = full(b"tfdt", 1, 0, &[&begin.to_be_bytes()]);
    let count = u32::try_from(samples.len()).unwrap_or(u32::MAX);
    let each: Vec<u8> = samples.iter().flat_map(entry).collect();
    let run = full(b"trun", 0, PLACE | EACH, &[&words([count, from]), &each]);
    boxed(b"traf", &[&header, &time, &run])
}

fn entry(sample: &Sample) -> Vec<u8> {
    let length = u32::try_from(sample.data.len()).unwrap_or(u32::MAX);
    words([sample.ticks, length, if sample.key { KEY } else { NO_KEY }])
}
