//! One stream for all its readers: its latest messages, and a bell that rings when there are more.

use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::watch;
use tokio::time::Instant;
use understudy_core::fanout::keyframe::Need;
use understudy_rtmp::flv::{FourCc, Media};
use understudy_rtmp::recent::{Cursor, Looked, Recent};
use understudy_rtmp::together::Together;

use crate::broadcast::Hub;

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
    together: Together,
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
        let begins = kept.begun.is_none() && kept.recent.begins();
        if begins {
            // All who wait for it have waited long enough.
            kept.begun = Some(now);
            kept.together.leaves(now.into_std());
        }
        if begins || kept.together.comes(kind, self.bell.receiver_count(), now.into_std()) {
            drop(kept);
            self.ring();
        }
    }

    /// Rings for what waits, once its time has come. Whoever feeds it awaits this beside what it feeds.
    pub(super) async fn lets_go(&self) {
        let due = self.kept.lock().together.due();
        let Some(due) = due else { return std::future::pending().await };
        tokio::time::sleep_until(due.into()).await;
        self.kept.lock().together.leaves(Instant::now().into_std());
        self.ring();
    }

    fn ring(&self) {
        self.bell.send_modify(|rung| rung.times += 1);
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
    use understudy_rtmp::flv::Kind;

    #[tokio::test(start_paused = true)]
    async fn what_waits_for_more_leaves_without_once_its_time_has_come() {
        let stream = Stream::new(None, Sound::Unknown);
        let bells: Vec<_> = (0..50).map(|_| stream.bell()).collect();
        for timestamp in [0, 33] {
            stream.push(Media { kind: Kind::Video, timestamp, body: Bytes::from_static(&[0x27, 1]) });
        }
        assert_eq!(bells[0].borrow().times, 1);
        stream.lets_go().await;
        assert_eq!(bells[0].borrow().times, 2);
        // Nothing waits any more.
        assert!(tokio::time::timeout(Duration::from_secs(60), stream.lets_go()).await.is_err());
    }
}
