//! A program's units as messages of FLV, made once for all who play them.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use understudy_core::aac::Format;
use understudy_core::fanout::keyframe::Need;
use understudy_core::media::{AudioCodec, Track, Unit, VideoCodec};
use understudy_core::rendition::{Audio, Video};
use understudy_rtmp::flv::{Described, Kind, Media, aac, avc, metadata};

use super::stream::Stream;
use crate::program::Program;

/// What every player decodes.
const SOUND: Audio = Audio { codec: AudioCodec::Aac, bitrate: None };

/// Destinations ask for a keyframe at least so often, and a picture that rests has few frames: an encoder counts these.
const KEYFRAME_INTERVAL: Duration = Duration::from_secs(2);

/// Feeds `stream`, until nobody has it any more.
#[tracing::instrument(name = "rtmp_feed", skip_all)]
pub(super) async fn run(program: Program, rendition: Video, stream: Arc<Stream>) {
    let hub = program.video(rendition);
    let mut pictures = hub.subscribe();
    let mut sounds = program.audio(SOUND).subscribe();
    let mut messages = Messages::default();
    loop {
        let unit = tokio::select! {
            biased; // Sound is there earlier, and has to be before its picture.
            unit = sounds.next() => unit,
            unit = pictures.next() => unit,
            () = stream.lets_go() => continue,
        };
        if messages.lack_keyframe(&unit) {
            hub.request_keyframe(Need::Repair);
        }
        messages.of(&unit).into_iter().for_each(|media| stream.push(media));
    }
}

/// What was said of the stream so far.
#[derive(Default)]
struct Messages {
    described: Described,
    parameters: Option<avc::Parameters>,
    format: Option<Format>,
    keyframe: Option<Duration>,
}

impl Messages {
    /// Whether it is time for another.
    fn lack_keyframe(&mut self, unit: &Unit) -> bool {
        if unit.starts_picture() {
            self.keyframe = Some(unit.pts);
        }
        self.keyframe.is_some_and(|keyframe| unit.pts.saturating_sub(keyframe) > KEYFRAME_INTERVAL)
    }

    /// What a unit becomes, with what has to be known before it.
    fn of(&mut self, unit: &Unit) -> Vec<Media> {
        let at = timestamp(unit);
        let description = self.description(unit, at);
        let said = match unit.track {
            Track::Video { codec: VideoCodec::H264, .. } => self.picture(unit, at),
            Track::Audio { codec: AudioCodec::Aac, .. } => self.sound(unit, at),
            _ => return Vec::new(),
        };
        description.into_iter().chain(said).collect()
    }

    fn description(&mut self, unit: &Unit, at: u32) -> Option<Media> {
        let before = self.described;
        match unit.track {
            track @ Track::Video { codec: VideoCodec::H264, .. } => self.described.video = Some(track),
            track @ Track::Audio { codec: AudioCodec::Aac, .. } => self.described.audio = Some(track),
            _ => {}
        }
        let body = (before != self.described).then(|| metadata(self.described))?;
        Some(Media { kind: Kind::Data, timestamp: at, body })
    }

    fn picture(&mut self, unit: &Unit, at: u32) -> Vec<Media> {
        let video = |body: Bytes| Media { kind: Kind::Video, timestamp: at, body };
        let found = unit.key.then(|| avc::parameters(&unit.payload)).flatten();
        let changed = found.filter(|found| self.parameters.as_ref() != Some(found));
        let header = changed.map(|changed| video(avc::header(self.parameters.insert(changed))));
        // Nobody can decode what comes before them.
        let picture = self.parameters.is_some().then(|| video(avc::picture(&unit.payload, unit.key)));
        header.into_iter().chain(picture).collect()
    }

    fn sound(&mut self, unit: &Unit, at: u32) -> Vec<Media> {
        let audio = |body: Bytes| Media { kind: Kind::Audio, timestamp: at, body };
        let Track::Audio { sample_rate_hz, channels, .. } = unit.track else { return Vec::new() };
        let Some(format) = Format::new(sample_rate_hz, channels) else { return Vec::new() };
        let header = (self.format.replace(format) != Some(format)).then(|| audio(aac::header(format)));
        header.into_iter().chain([audio(aac::sound(&unit.payload))]).collect()
    }
}

/// On the program's own timeline, of which each player has its own zero; it wraps, as everybody's does.
fn timestamp(unit: &Unit) -> u32 {
    (unit.dts.as_millis() & u128::from(u32::MAX)) as u32
}

#[cfg(test)]
mod tests {
    use understudy_rtmp::flv::{Sort, inspect};

    use super::*;

    fn picture(milliseconds: u64, payload: &'static [u8], key: bool) -> Unit {
        let at = Duration::from_millis(milliseconds);
        let track = Track::h264(1280, 720, 30);
        Unit { track, pts: at, dts: at, duration: Duration::ZERO, key, payload: Bytes::from_static(payload) }
    }

    fn sound(milliseconds: u64, track: Track) -> Unit {
        Unit { track, ..picture(milliseconds, &[1, 2], true) }
    }

    const KEY: &[u8] = &[0, 0, 1, 0x67, 0x42, 0xc0, 0x1f, 0, 0, 1, 0x68, 1, 0, 0, 1, 0x65, 1];
    const DELTA: &[u8] = &[0, 0, 1, 0x41, 1];

    fn sorts(messages: &[Media]) -> Vec<(Kind, Sort)> {
        messages.iter().map(|media| (media.kind, inspect(media.kind, &media.body).sort)).collect()
    }

    #[test]
    fn a_stream_is_described_before_its_first_picture_and_not_again() {
        let mut messages = Messages::default();
        let first = messages.of(&picture(0, KEY, true));
        let described = [(Kind::Data, Sort::Header), (Kind::Video, Sort::Header), (Kind::Video, Sort::Key)];
        assert_eq!(sorts(&first), described);
        assert_eq!(sorts(&messages.of(&picture(33, DELTA, false))), [(Kind::Video, Sort::Delta)]);
        assert_eq!(sorts(&messages.of(&picture(66, KEY, true))), [(Kind::Video, Sort::Key)]);
    }

    #[test]
    fn sound_of_another_codec_is_no_part_of_it() {
        let mut messages = Messages::default();
        assert!(messages.of(&sound(0, Track::opus(2))).is_empty());
        let first = messages.of(&sound(20, Track::aac(48_000, 2)));
        let described = [(Kind::Data, Sort::Header), (Kind::Audio, Sort::Header), (Kind::Audio, Sort::Key)];
        assert_eq!(sorts(&first), described);
    }

    #[test]
    fn a_picture_before_its_parameters_is_left_out() {
        let mut messages = Messages::default();
        assert_eq!(sorts(&messages.of(&picture(0, DELTA, false))), [(Kind::Data, Sort::Header)]);
    }

    #[test]
    fn a_picture_that_rests_lacks_a_keyframe_after_two_seconds() {
        let mut messages = Messages::default();
        assert!(!messages.lack_keyframe(&picture(0, KEY, true)));
        assert!(!messages.lack_keyframe(&picture(1900, DELTA, false)));
        assert!(messages.lack_keyframe(&picture(2100, DELTA, false)));
    }
}
