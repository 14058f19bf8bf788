//! What is said, as the API tells it: the shapes of a state's `progress` and of a probe.

use serde::Serialize;

use super::{Kind, Place, Progress, Said, Stream};
use crate::process::config::{Config, Io};
use crate::redact::redacted;

/// The `progress` of a process's state.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Shown {
    pub inputs: Vec<ShownStream>,
    /// The outputs of the config, and after them what goes to viewers.
    pub outputs: Vec<ShownStream>,
    pub frame: u64,
    pub packet: u64,
    pub fps: f64,
    pub q: f64,
    pub size_kb: u64,
    /// In seconds.
    pub time: f64,
    pub bitrate_kbit: f64,
    pub speed: f64,
    pub drop: u64,
    pub dup: u64,
}

/// A stream of an input or an output. ffmpeg reports how far it is of the first picture and the size of the first output
/// alone: of all others the numbers are 0.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct ShownStream {
    /// Of the input or output; empty for what goes to viewers.
    pub id: String,
    /// As the config has it, without what lets others in.
    pub address: String,
    pub index: usize,
    pub stream: usize,
    pub format: String,
    #[serde(rename = "type")]
    pub kind: Kind,
    pub codec: String,
    pub coder: String,
    pub frame: u64,
    pub keyframe: u64,
    pub framerate: Rate,
    pub fps: f64,
    pub packet: u64,
    pub pps: f64,
    pub size_kb: u64,
    pub bitrate_kbit: f64,
    pub extradata_size_bytes: u64,
    pub pix_fmt: String,
    pub q: f64,
    pub width: u32,
    pub height: u32,
    pub sampling_hz: u32,
    pub layout: String,
    pub channels: u8,
    /// There is none: it is of builds of ffmpeg that have it.
    pub avstream: Option<()>,
}

/// Pictures a second, as the stream says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Rate {
    pub min: f64,
    pub max: f64,
    pub avg: f64,
}

/// What a probe found.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Probe {
    pub streams: Vec<ProbeStream>,
    /// What ffmpeg wrote, without secrets.
    pub log: Vec<String>,
}

/// A stream that a probe found.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct ProbeStream {
    /// As the config has it, without what lets others in.
    pub url: String,
    pub format: String,
    pub index: usize,
    pub stream: usize,
    pub language: String,
    #[serde(rename = "type")]
    pub kind: Kind,
    pub codec: String,
    pub coder: String,
    pub bitrate_kbps: f64,
    pub duration_sec: f64,
    pub fps: f64,
    pub pix_fmt: String,
    pub width: u32,
    pub height: u32,
    pub sampling_hz: u32,
    pub layout: String,
    pub channels: u8,
}

impl Shown {
    pub fn of(config: &Config, said: &Said, progress: &Progress) -> Self {
        let outputs = said.outputs();
        let mut shown = Self {
            inputs: streams(said.inputs(), &config.input),
            outputs: streams(&outputs, &config.output),
            frame: progress.frame,
            packet: 0,
            fps: rounded(progress.fps),
            q: rounded(progress.q),
            size_kb: progress.size_bytes / 1024,
            time: rounded(progress.time_seconds),
            bitrate_kbit: rounded(progress.bitrate_kbps),
            speed: rounded(progress.speed),
            drop: progress.drop,
            dup: progress.dup,
        };
        if let Some(picture) = shown.outputs.iter_mut().find(|stream| stream.kind == Kind::Video) {
            picture.frame = shown.frame;
            picture.fps = shown.fps;
            picture.q = shown.q;
        }
        if let Some(first) = shown.outputs.first_mut() {
            first.size_kb = shown.size_kb;
            first.bitrate_kbit = shown.bitrate_kbit;
        }
        shown
    }
}

impl Probe {
    /// `log` is without secrets already.
    pub fn of(config: &Config, said: &Said, log: Vec<String>) -> Self {
        let of_place = |place: &Place| {
            let (_, url) = place_of(place, &config.input);
            let one = |stream: &Stream| probed(place, &url, stream);
            place.streams.iter().map(one).collect::<Vec<_>>()
        };
        Self { streams: said.inputs().iter().flat_map(of_place).collect(), log }
    }
}

fn streams(places: &[Place], ios: &[Io]) -> Vec<ShownStream> {
    let of_place = |place: &Place| {
        let (id, address) = place_of(place, ios);
        let one = |stream: &Stream| shown(place, (&id, &address), stream);
        place.streams.iter().map(one).collect::<Vec<_>>()
    };
    places.iter().flat_map(of_place).collect()
}

/// Id and address: what ffmpeg opened may be another than what was written, and nobody's business.
fn place_of(place: &Place, ios: &[Io]) -> (String, String) {
    match ios.get(place.index) {
        Some(io) => (io.id.clone(), redacted(&io.address)),
        None => (String::new(), redacted(&place.address)),
    }
}

fn shown(place: &Place, (id, address): (&str, &str), stream: &Stream) -> ShownStream {
    let fps = rounded(stream.fps);
    ShownStream {
        id: id.to_owned(),
        address: address.to_owned(),
        index: place.index,
        stream: stream.stream,
        format: place.format.clone(),
        kind: stream.kind,
        codec: stream.codec.clone(),
        coder: stream.coder.clone(),
        framerate: Rate { min: fps, max: fps, avg: fps },
        pix_fmt: stream.pixels.clone(),
        width: stream.width,
        height: stream.height,
        sampling_hz: stream.sampling_hz,
        layout: stream.layout.clone(),
        channels: stream.channels,
        ..ShownStream::default()
    }
}

fn probed(place: &Place, url: &str, stream: &Stream) -> ProbeStream {
    ProbeStream {
        url: url.to_owned(),
        format: place.format.clone(),
        index: place.index,
        stream: stream.stream,
        language: if stream.language.is_empty() { "und".to_owned() } else { stream.language.clone() },
        kind: stream.kind,
        codec: stream.codec.clone(),
        coder: stream.coder.clone(),
        bitrate_kbps: rounded(stream.bitrate_kbps),
        duration_sec: rounded(place.duration_seconds),
        fps: rounded(stream.fps),
        pix_fmt: stream.pixels.clone(),
        width: stream.width,
        height: stream.height,
        sampling_hz: stream.sampling_hz,
        layout: stream.layout.clone(),
        channels: stream.channels,
    }
}

/// To three places: JSON has no number that is none.
fn rounded(number: f64) -> f64 {
    if number.is_finite() { (number * 1000.0).round() / 1000.0 } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn said(text: &str) -> Said {
        let mut said = Said::default();
        text.lines().for_each(|line| said.line(line));
        said
    }

    fn config() -> Config {
        let io =
            |id: &str, address: &str| Io { id: id.to_owned(), address: address.to_owned(), ..Io::default() };
        Config {
            input: vec![io("in", "rtmp://me:hidden@a/live/hidden")],
            output: vec![io("out", "rtp://b:5004")],
            ..Config::default()
        }
    }

    const PROGRESS: Progress = Progress {
        frame: 75,
        fps: 24.733_33,
        q: -1.0,
        size_bytes: 23_798,
        time_seconds: 3.033_333,
        bitrate_kbps: 62.8,
        speed: 1.0,
        drop: 2,
        dup: 1,
    };

    #[test]
    fn progress_has_the_members_that_clients_read() {
        for text in [include_str!("lines/5.1.9/flv.txt"), include_str!("lines/9.0.2/flv.txt")] {
            let told = serde_json::to_value(Shown::of(&config(), &said(text), &PROGRESS)).unwrap();
            assert_eq!(
                told["inputs"][0],
                json!({
                    "id": "in", "address": "rtmp://a/live/***", "index": 0, "stream": 0, "format": "flv", "type": "video",
                    "codec": "h264", "coder": "h264", "frame": 0, "keyframe": 0,
                    "framerate": { "min": 25.0, "max": 25.0, "avg": 25.0 }, "fps": 0.0, "packet": 0, "pps": 0.0, "size_kb": 0,
                    "bitrate_kbit": 0.0, "extradata_size_bytes": 0, "pix_fmt": "yuv420p", "q": 0.0, "width": 320, "height": 180,
                    "sampling_hz": 0, "layout": "", "channels": 0, "avstream": null,
                })
            );
            let figures = |stream: &Value| {
                [&stream["id"], &stream["frame"], &stream["fps"], &stream["size_kb"]].map(Clone::clone)
            };
            assert_eq!(figures(&told["outputs"][0]), [json!("out"), json!(75), json!(24.733), json!(23)]);
            assert_eq!(figures(&told["outputs"][1]), [json!(""), json!(0), json!(0.0), json!(0)]);
            assert_eq!(told["outputs"][1]["coder"], "libopus");
            let mut all = told;
            (all["inputs"], all["outputs"]) = (json!([]), json!([]));
            assert_eq!(
                all,
                json!({
                    "inputs": [], "outputs": [], "frame": 75, "packet": 0, "fps": 24.733, "q": -1.0, "size_kb": 23,
                    "time": 3.033, "bitrate_kbit": 62.8, "speed": 1.0, "drop": 2, "dup": 1,
                })
            );
        }
    }

    #[test]
    fn a_probe_has_the_members_that_clients_read() {
        for text in [include_str!("lines/5.1.9/ts.txt"), include_str!("lines/9.0.2/ts.txt")] {
            let log = vec!["a line".to_owned()];
            let told = serde_json::to_value(Probe::of(&config(), &said(text), log)).unwrap();
            assert_eq!((&told["log"], &told["streams"][0]["language"]), (&json!(["a line"]), &json!("und")));
            assert_eq!(
                told["streams"][1],
                json!({
                    "url": "rtmp://a/live/***", "format": "mpegts", "index": 0, "stream": 1, "language": "eng", "type": "audio",
                    "codec": "aac", "coder": "aac", "bitrate_kbps": 130.0, "duration_sec": 3.02, "fps": 0.0, "pix_fmt": "",
                    "width": 0, "height": 0, "sampling_hz": 48_000, "layout": "stereo", "channels": 2,
                })
            );
        }
    }

    #[test]
    fn what_is_no_number_is_told_as_none() {
        let progress = Progress { speed: f64::INFINITY, time_seconds: f64::NAN, ..PROGRESS };
        let shown = Shown::of(&config(), &Said::default(), &progress);
        assert_eq!((shown.speed, shown.time), (0.0, 0.0));
    }
}
