//! `onMetaData`: what a player is told of a stream before it sees one.

use bytes::{Bytes, BytesMut};
use understudy_core::media::Track;

use crate::amf::{self, Value};

const AVC: f64 = 7.0;
const AAC: f64 = 10.0;

/// What there is. What is not named here a player does not wait for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Described {
    pub video: Option<Track>,
    pub audio: Option<Track>,
}

/// The body of the message that describes a stream.
pub fn metadata(described: Described) -> Bytes {
    let mut members = vec![("duration", Value::Number(0.0))];
    if let Some(Track::Video { width, height, frames_per_second, .. }) = described.video {
        members.extend([
            ("width", Value::Number(width.into())),
            ("height", Value::Number(height.into())),
            ("framerate", Value::Number(frames_per_second.into())),
            ("videocodecid", Value::Number(AVC)),
        ]);
    }
    if let Some(Track::Audio { sample_rate_hz, channels, .. }) = described.audio {
        members.extend([
            ("audiosamplerate", Value::Number(sample_rate_hz.into())),
            ("audiosamplesize", Value::Number(16.0)),
            ("audiochannels", Value::Number(channels.into())),
            ("stereo", Value::Boolean(channels > 1)),
            ("audiocodecid", Value::Number(AAC)),
        ]);
    }
    members.push(("encoder", Value::text("Understudy")));
    let members = members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    body(&[Value::text("onMetaData"), Value::Map(members)])
}

/// That a player may look at the samples: Flash players show nothing on a canvas without it.
pub fn sample_access() -> Bytes {
    body(&[Value::text("|RtmpSampleAccess"), Value::Boolean(true), Value::Boolean(true)])
}

/// What a publisher asks to be kept for joiners, as they are told it.
pub fn without_set_data_frame(data: &Bytes) -> Bytes {
    let asked = [&[2, 0, 13][..], b"@setDataFrame"].concat();
    match data.starts_with(&asked) {
        true => data.slice(asked.len()..),
        false => data.clone(),
    }
}

fn body(values: &[Value]) -> Bytes {
    let mut out = BytesMut::new();
    amf::write(&mut out, values);
    out.freeze()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_there_is_is_described_and_nothing_else() {
        let video = Some(Track::h264(1280, 720, 30));
        let read = amf::read(&metadata(Described { video, audio: None })).unwrap();
        assert_eq!(read[0], Value::text("onMetaData"));
        assert_eq!(read[1].member("width"), Some(&Value::Number(1280.0)));
        assert_eq!(read[1].member("videocodecid"), Some(&Value::Number(7.0)));
        assert_eq!(read[1].member("audiocodecid"), None);
    }

    #[test]
    fn a_publisher_s_wish_is_taken_off_what_is_passed_on() {
        let mut out = BytesMut::new();
        amf::write(&mut out, &[Value::text("@setDataFrame"), Value::text("onMetaData")]);
        let kept = without_set_data_frame(&out.freeze());
        assert_eq!(amf::read(&kept), Ok(vec![Value::text("onMetaData")]));
        assert_eq!(without_set_data_frame(&kept), kept);
    }
}
