//! What a reader is sent, message by message.

use std::time::Duration;

use bytes::Bytes;
use tokio::time::Instant;
use understudy_core::media::{Track, Unit};
use understudy_core::webm::Writer;

use crate::broadcast::Subscriber;
use crate::deadline;

/// Clients of the source system were given no more than 32 KiB at once; these are whole packets.
const PIECE_BYTES: usize = 174 * 188;
/// A page's clock stands still for a sound that is announced and does not come: one that is not there by then is not announced.
const HEARD_WITHIN: Duration = Duration::from_secs(1);

pub(super) enum Source {
    /// Muxed once for all.
    Transport(Subscriber),
    WebM(Box<WebM>),
}

/// Muxed for one reader, whose time begins with it. One of the two may be absent for good.
pub struct WebM {
    picture: Option<Subscriber>,
    sound: Option<Subscriber>,
    state: State,
}

enum State {
    Waiting {
        /// What there is of it since the first keyframe.
        units: Vec<Unit>,
        /// When it begins at the latest; none: that keyframe has not come.
        until: Option<Instant>,
        /// The channels of what has been heard by now, were it before the picture.
        channels: Option<u32>,
    },
    Writing(Writer),
}

impl Source {
    /// The messages that come next. May be given up on without losing any.
    pub(super) async fn next(&mut self) -> Vec<Bytes> {
        match self {
            Self::Transport(stream) => pieces(&stream.next().await.payload),
            Self::WebM(webm) => webm.next().await,
        }
    }

    /// How many frames were dropped for this reader because it was behind.
    pub(super) fn lost(&self) -> u64 {
        match self {
            Self::Transport(stream) => stream.lost(),
            Self::WebM(webm) => webm.lost(),
        }
    }
}

fn pieces(chunk: &Bytes) -> Vec<Bytes> {
    let piece = |at| chunk.slice(at..chunk.len().min(at + PIECE_BYTES));
    (0..chunk.len()).step_by(PIECE_BYTES).map(piece).collect()
}

impl WebM {
    pub fn new(picture: Option<Subscriber>, sound: Option<Subscriber>) -> Self {
        Self { picture, sound, state: State::Waiting { units: Vec::new(), until: None, channels: None } }
    }

    /// Of both.
    pub fn lost(&self) -> u64 {
        [&self.picture, &self.sound].into_iter().flatten().map(Subscriber::lost).sum()
    }

    /// The messages that come next: the first is the initialization, alone. May be given up on without losing any.
    pub async fn next(&mut self) -> Vec<Bytes> {
        loop {
            let until = match &self.state {
                State::Waiting { until, .. } => *until,
                State::Writing(_) => None,
            };
            let messages = tokio::select! {
                unit = of(&mut self.picture) => self.take(unit),
                unit = of(&mut self.sound) => self.take(unit),
                () = deadline::reached(until) => self.begin(),
            };
            if !messages.is_empty() {
                return messages;
            }
        }
    }

    fn take(&mut self, unit: Unit) -> Vec<Bytes> {
        let (has_picture, has_sound) = (self.picture.is_some(), self.sound.is_some());
        match &mut self.state {
            State::Writing(writer) => writer.push(&unit),
            State::Waiting { units, until, channels } => {
                let is_sound = matches!(unit.track, Track::Audio { .. });
                if let Track::Audio { channels: heard, .. } = unit.track {
                    *channels = Some(heard);
                }
                if !(is_sound && has_picture) {
                    until.get_or_insert_with(|| Instant::now() + HEARD_WITHIN);
                }
                // What is heard before there is a picture is of nothing that is seen.
                if until.is_some() {
                    units.push(unit);
                }
                if until.is_some() && (channels.is_some() || !has_sound) { self.begin() } else { vec![] }
            }
        }
    }

    fn begin(&mut self) -> Vec<Bytes> {
        let State::Waiting { units, channels, .. } = &mut self.state else { return vec![] };
        let (units, mut writer) = (std::mem::take(units), Writer::new(self.picture.is_some(), *channels));
        let messages = units.iter().flat_map(|unit| writer.push(unit)).collect();
        self.state = State::Writing(writer);
        messages
    }
}

async fn of(side: &mut Option<Subscriber>) -> Unit {
    match side {
        Some(side) => side.next().await,
        None => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests {
    use understudy_core::media::{Kind, VideoCodec};

    use super::*;
    use crate::broadcast::{Hub, Metrics};

    const EBML: [u8; 4] = [0x1a, 0x45, 0xdf, 0xa3];

    fn unit(track: Track, pts: Duration, payload: &[u8]) -> Unit {
        let payload = Bytes::copy_from_slice(payload);
        Unit { track, pts, dts: pts, duration: Duration::from_millis(33), key: true, payload }
    }

    fn keyframe(milliseconds: u64) -> Unit {
        let track = Track::Video { codec: VideoCodec::Vp8, width: 64, height: 48, frames_per_second: 30 };
        unit(track, Duration::from_millis(milliseconds), &[0x10, 0, 0, 0x9d, 0x01, 0x2a, 64, 0, 48, 0, 1])
    }

    struct Hubs {
        picture: Hub,
        sound: Hub,
    }

    impl Hubs {
        fn new() -> Self {
            let hub = |kind| Hub::new(kind, Metrics::default());
            Self { picture: hub(Kind::Video), sound: hub(Kind::Audio) }
        }

        fn read(&self) -> WebM {
            WebM::new(Some(self.picture.subscribe()), Some(self.sound.subscribe()))
        }
    }

    fn has_sound(initialization: &Bytes) -> bool {
        initialization.windows(6).any(|six| six == b"A_OPUS")
    }

    #[tokio::test(start_paused = true)]
    async fn the_first_message_is_the_initialization_alone_with_the_sound_that_there_is() {
        let hubs = Hubs::new();
        let mut webm = hubs.read();
        hubs.picture.publish(keyframe(0));
        hubs.sound.publish(unit(Track::opus(2), Duration::from_millis(10), &[7]));
        // Which of the two is taken first is chance.
        let messages = webm.next().await;
        assert!(messages[0].starts_with(&EBML) && has_sound(&messages[0]));
        assert_eq!(messages.len(), 2, "and the keyframe");
    }

    #[tokio::test(start_paused = true)]
    async fn what_has_no_sound_or_no_picture_waits_for_none() {
        let hubs = Hubs::new();
        let began = Instant::now();
        let mut seen = WebM::new(Some(hubs.picture.subscribe()), None);
        hubs.picture.publish(keyframe(0));
        let messages = seen.next().await;
        assert!(!has_sound(&messages[0]) && messages.len() == 2);
        let mut heard = WebM::new(None, Some(hubs.sound.subscribe()));
        hubs.sound.publish(unit(Track::opus(2), Duration::from_millis(10), &[7]));
        assert!(has_sound(&heard.next().await[0]));
        assert_eq!(began.elapsed(), Duration::ZERO);
    }

    #[test]
    fn a_sound_that_came_before_the_picture_is_announced_with_it_and_not_sent() {
        let mut webm = Hubs::new().read();
        assert!(webm.take(unit(Track::opus(2), Duration::ZERO, &[7])).is_empty());
        let messages = webm.take(keyframe(10));
        assert!(has_sound(&messages[0]) && messages.len() == 2, "the initialization and the keyframe");
        assert!(!messages[1].windows(2).any(|two| two == [0x80, 7]), "nothing of the sound");
    }

    #[tokio::test(start_paused = true)]
    async fn a_sound_that_does_not_come_is_not_waited_for_and_not_announced() {
        let hubs = Hubs::new();
        let mut webm = hubs.read();
        hubs.picture.publish(keyframe(0));
        let began = Instant::now();
        let messages = webm.next().await;
        assert!(!has_sound(&messages[0]));
        assert_eq!(began.elapsed(), HEARD_WITHIN);
        hubs.sound.publish(unit(Track::opus(2), Duration::from_millis(50), &[7]));
        hubs.picture.publish(keyframe(33));
        let more = webm.next().await;
        assert!(more.len() == 1 && !more[0].starts_with(&EBML));
    }
}
