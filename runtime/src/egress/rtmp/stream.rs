//! One stream for all its readers: its latest messages, and a bell that rings when there are more.

use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::watch;
use tokio::time::Instant;
use understudy_core::fanout::keyframe::Need;
use understudy_rtmp::flv::{FourCc, Kind, Media};
use understudy_rtmp::recent::{Cursor, Looked, Recent};

use crate::broadcast::Hub;

/// Sound waits so long for a picture to leave with: a call of the system for each of both would cost twice as much.
const TOGETHER: Duration = Duration::from_millis(40);

/// How long the first player waits for sound that is to come: whoever is told of none does not look for it later.
const SOUND_WAIT: Duration = Duration::from_millis(300);

pub(in crate::egress) struct Stream {
    kept: Mutex<Kept>,
    bell: watch::Sender<Rung>,
    /// Whom to ask for a keyframe, if anybody makes some.
    pictures: Option<Hub>,
    sound: Sound,
}

/// Whether there is sound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sound {
    Expected,
    Unknown,
}

#[derive(Default)]
struct Kept {
    recent: Recent,
    /// When a reader could begin for the first time.
    begun: Option<Instant>,
    /// When the bell rang last.
    rung: Option<Instant>,
}

/// What readers are woken by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::egress) struct Rung {
    pub(in crate::egress) times: u64,
    pub(in crate::egress) ended: bool,
}

/// Whether a reader can begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::egress) enum Ready {
    Now,
    /// If nothing comes before that.
    At(Instant),
    /// It needs a keyframe.
    Not,
}

impl Stream {
    pub(super) fn new(pictures: Option<Hub>, sound: Sound) -> Self {
        Self { kept: Mutex::default(), bell: watch::Sender::default(), pictures, sound }
    }

    pub(super) fn push(&self, media: Media) {
        let (kind, now) = (media.kind, Instant::now());
        let mut kept = self.kept.lock();
        kept.recent.push(media);
        if kept.begun.is_none() && kept.recent.begins() {
            kept.begun = Some(now);
        }
        // By when they come, since sound and picture are made of different length.
        let waited = kept.rung.is_none_or(|rung| now.duration_since(rung) >= TOGETHER);
        if kind == Kind::Video || waited {
            kept.rung = Some(now);
            drop(kept);
            self.bell.send_modify(|rung| rung.times += 1);
        }
    }

    /// There is no more of it.
    pub(super) fn end(&self) {
        self.bell.send_modify(|rung| rung.ended = true);
    }

    /// Rings whenever there is more, and at the end.
    pub(in crate::egress) fn bell(&self) -> watch::Receiver<Rung> {
        self.bell.subscribe()
    }

    pub(in crate::egress) fn ready(&self, now: Instant) -> Ready {
        let kept = self.kept.lock();
        let Some(begun) = kept.begun.filter(|_| kept.recent.begins()) else {
            drop(kept);
            self.want_keyframe(Need::Join);
            return Ready::Not;
        };
        match begun + SOUND_WAIT {
            until if self.sound == Sound::Expected && !kept.recent.has_sound() && now < until => {
                Ready::At(until)
            }
            _ => Ready::Now,
        }
    }

    /// Gives a reader what it has to be sent.
    pub(in crate::egress) fn look(
        &self,
        cursor: &mut Cursor,
        takes: impl Fn(&FourCc) -> bool,
        to: impl FnMut(Media),
    ) -> Looked {
        let looked = self.kept.lock().recent.look(cursor, takes, to);
        if looked.starves {
            self.want_keyframe(Need::Repair);
        }
        looked
    }

    fn want_keyframe(&self, need: Need) {
        if let Some(pictures) = &self.pictures {
            pictures.request_keyframe(need);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;

    /// How often the bell rings in a second of pictures and of sound in pieces of 20 ms, which is so much older.
    async fn rings(pictures_every: Option<u32>, older: u32) -> u64 {
        let stream = Stream::new(None, Sound::Unknown);
        let bell = stream.bell();
        for millisecond in 0..1000 {
            let media = |kind, timestamp| Media { kind, timestamp, body: Bytes::from_static(&[0xaf, 1]) };
            if millisecond % 20 == 0 {
                stream.push(media(Kind::Audio, 5000 + millisecond - older));
            }
            if pictures_every.is_some_and(|every| millisecond % every == 0) {
                stream.push(media(Kind::Video, 5000 + millisecond));
            }
            tokio::time::advance(Duration::from_millis(1)).await;
        }
        bell.borrow().times
    }

    #[tokio::test(start_paused = true)]
    async fn sound_leaves_with_the_pictures_and_by_itself_where_there_are_none() {
        for older in [0, 100] {
            // One more: the first sound has no picture to wait for.
            assert!((30..=33).contains(&rings(Some(33), older).await));
        }
        assert_eq!(rings(None, 0).await, 25);
    }
}
