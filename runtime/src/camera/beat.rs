//! When a camera's next frame is due: the moment its picture changes and, when nothing new comes, at the camera's rate.

use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};
use understudy_core::repetition::Repetition;
use understudy_core::spec::FrameRate;

use super::Picture;

/// The beat of one device. Dropped, the picture has nobody to tell any more.
pub(super) struct Beat {
    picture: Picture,
    changed: Arc<Notify>,
    repetition: Repetition,
}

impl Beat {
    pub(super) fn new(picture: Picture, frame_rate: FrameRate) -> Self {
        let changed = Arc::new(Notify::new());
        let teller = changed.clone();
        // One is kept for whoever does not listen just now: the newest picture is read anyway.
        picture.on_change(Some(Box::new(move || teller.notify_one())));
        Self { picture, changed, repetition: Repetition::new(frame_rate, Instant::now().into_std()) }
    }

    /// The next frame, when it is due. The first is due at once.
    pub(super) async fn next(&mut self) -> Bytes {
        let Self { changed, repetition, .. } = self;
        tokio::select! {
            () = changed.notified() => repetition.shown(Instant::now().into_std()),
            () = sleep_until(repetition.due().into()) => { repetition.is_due(Instant::now().into_std()); }
        }
        self.picture.current()
    }

    /// The next frame that is another one.
    pub(super) async fn changed(&mut self) -> Bytes {
        self.changed.notified().await;
        self.picture.current()
    }
}

impl Drop for Beat {
    fn drop(&mut self) {
        self.picture.on_change(None);
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::Duration;
    use understudy_core::spec::Resolution;

    use super::*;

    /// Frames that are due within this time, with nothing new.
    async fn frames_within(beat: &mut Beat, time: Duration) -> u32 {
        let (end, mut frames) = (Instant::now() + time, 0);
        while tokio::time::timeout_at(end, beat.next()).await.is_ok() {
            frames += 1;
        }
        frames
    }

    #[tokio::test(start_paused = true)]
    async fn without_a_source_the_picture_is_repeated_at_the_cameras_rate() {
        let mut beat = Beat::new(Picture::new(Resolution::HD), FrameRate::THIRTY);
        let frames = frames_within(&mut beat, Duration::from_secs(2)).await;
        // The timer counts in whole milliseconds: 34 instead of 33.3.
        assert!((58..=61).contains(&frames), "{frames} frames");
    }

    #[tokio::test(start_paused = true)]
    async fn a_new_picture_is_due_at_once_and_none_is_repeated_between_two_of_them() {
        let picture = Picture::new(Resolution::HD);
        let mut beat = Beat::new(picture.clone(), FrameRate::THIRTY);
        let writer = picture.writer();
        beat.next().await;
        for luma in 1..10 {
            tokio::time::advance(FrameRate::THIRTY.interval()).await;
            writer.show(vec![luma; Resolution::HD.i420_bytes()].into());
            let before = Instant::now();
            assert_eq!(beat.next().await[0], luma);
            assert_eq!(Instant::now(), before);
        }
    }
}
