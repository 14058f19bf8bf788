//! A film in a loop, each frame at its time.

use std::time::Duration;

use tokio::time::{Instant, sleep_until};
use understudy_core::media::{Track, Unit};
use understudy_core::test_picture::FRAME_RATE;

use super::film::{Film, PACKET};

pub struct Playback<'a> {
    film: &'a Film,
    start: Instant,
    /// Since the start.
    pictures: u32,
    packets: u32,
    /// Of the film.
    picture: usize,
    packet: usize,
}

impl<'a> Playback<'a> {
    pub fn new(film: &'a Film) -> Self {
        Self { film, start: Instant::now(), pictures: 0, packets: 0, picture: 0, packet: 0 }
    }

    /// Goes on with the next whole picture: what an encoder does that is asked for one.
    pub fn refresh(&mut self) {
        let count = self.film.video.len();
        let mut next = (0..count).map(|ahead| (self.picture + ahead) % count);
        self.picture = next.find(|number| self.film.is_keyframe(*number)).unwrap_or(0);
    }

    /// The next frame, at its time. Can be dropped and called again without losing one.
    pub async fn next(&mut self) -> Unit {
        let interval = Duration::from_secs(1) / FRAME_RATE;
        let (video_at, audio_at) =
            (Duration::from_secs(1) * self.pictures / FRAME_RATE, PACKET * self.packets);
        sleep_until(self.start + video_at.min(audio_at)).await;
        if video_at <= audio_at {
            let (number, count) = (self.picture, self.film.video.len());
            self.pictures += 1;
            self.picture = (number + 1) % count;
            Unit {
                track: Track::h264(1280, 720, 30),
                pts: video_at,
                dts: video_at,
                duration: interval,
                key: self.film.is_keyframe(number),
                payload: self.film.video[number].clone(),
            }
        } else {
            let (number, count) = (self.packet, self.film.audio.len());
            self.packets += 1;
            self.packet = (number + 1) % count;
            let payload = self.film.audio[number].clone();
            Unit { track: Track::opus(2), pts: audio_at, dts: audio_at, duration: PACKET, key: true, payload }
        }
    }
}
