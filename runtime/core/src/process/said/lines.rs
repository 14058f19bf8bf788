//! The lines of ffmpeg's log, from its first to that with which it begins to work.
//!
//! Whoever reads them splits at line feeds and at carriage returns.

use super::{Kind, Place, Stream};

/// One run of ffmpeg, as far as it has spoken.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Said {
    version: Option<String>,
    inputs: Vec<Place>,
    outputs: Vec<Place>,
    coders: Vec<Coder>,
    at: At,
    has_spoken: bool,
    has_lost_filter: bool,
}

/// What the lines that come now are about.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum At {
    #[default]
    Nothing,
    Input,
    Output,
    Mapping,
}

/// What makes a stream of an output.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Coder {
    index: usize,
    stream: usize,
    name: String,
}

/// More are of no use to anybody, and bound what a run can say.
const MOST_PLACES: usize = 64;
const MOST_STREAMS: usize = 256;

impl Said {
    /// `line` has no line break.
    pub fn line(&mut self, line: &str) {
        let line = without_level(line);
        if !line.starts_with([' ', '\t']) {
            self.heading(line);
            return;
        }
        let line = line.trim();
        match self.at {
            At::Nothing => {}
            At::Mapping => self.mapped(line),
            At::Input => detail(self.inputs.last_mut(), line),
            At::Output => detail(self.outputs.last_mut(), line),
        }
    }

    /// It says no more: what it has said of its last input is all.
    pub fn ended(&mut self) {
        self.at = At::Nothing;
        self.has_spoken = true;
    }

    /// `5.1.9-0+deb12u1`.
    pub fn version(&self) -> Option<&str> {
        self.version.as_deref()
    }

    /// Those of which it has said all that it will say.
    pub fn inputs(&self) -> &[Place] {
        let whole =
            if self.at == At::Input { self.inputs.len().saturating_sub(1) } else { self.inputs.len() };
        self.inputs.get(..whole).unwrap_or_default()
    }

    /// Whether it has said all that it will say of all of its inputs.
    pub const fn has_told_inputs(&self) -> bool {
        self.has_spoken
    }

    /// A filter of packets takes none any more: of 5.1, once an input that is played again and again begins anew.
    pub const fn has_lost_filter(&self) -> bool {
        self.has_lost_filter
    }

    /// With what makes their streams, as far as it is said.
    pub fn outputs(&self) -> Vec<Place> {
        let mut outputs = self.outputs.clone();
        for stream in outputs.iter_mut().flat_map(|output| &mut output.streams) {
            let coder =
                self.coders.iter().find(|one| (one.index, one.stream) == (stream.index, stream.stream));
            if let Some(coder) = coder {
                stream.coder.clone_from(&coder.name);
            }
        }
        outputs
    }

    fn heading(&mut self, line: &str) {
        self.has_lost_filter |= line.contains("Error applying bitstream filters");
        // What parts of it say at the same time, as `[libx264 @ 0x…] …`, ends nothing.
        if line.starts_with('[') {
            return;
        }
        if let Some(version) = line.strip_prefix("ffmpeg version ") {
            self.version = version.split(' ').next().map(str::to_owned);
        }
        self.at = match line.split_once(" #") {
            Some(("Input", rest)) => opened(&mut self.inputs, rest, ", from '", At::Input),
            Some(("Output", rest)) => opened(&mut self.outputs, rest, ", to '", At::Output),
            _ if line == "Stream mapping:" => At::Mapping,
            _ => At::Nothing,
        };
        self.has_spoken |= matches!(self.at, At::Mapping | At::Output);
    }

    /// `Stream #0:1 -> #1:0 (aac (native) -> opus (libopus))`, or from a graph `scale:default -> Stream #0:0 (libx264)`.
    fn mapped(&mut self, line: &str) {
        let Some((_, to)) = line.split_once(" -> ") else { return };
        let Some(rest) = to.strip_prefix("Stream #").or_else(|| to.strip_prefix('#')) else { return };
        let Some((numbers, how)) = rest.split_once(' ') else { return };
        let Some((index, stream)) = numbers.split_once(':') else { return };
        let (Ok(index), Ok(stream)) = (index.parse(), stream.parse()) else { return };
        if self.coders.len() < MOST_STREAMS {
            let how = how.strip_prefix('(').and_then(|how| how.strip_suffix(')')).unwrap_or(how);
            self.coders.push(Coder { index, stream, name: coder(how).to_owned() });
        }
    }
}

/// Of `aac (native) -> opus (libopus)` the `libopus`; of what makes itself known by the codec alone, the codec.
fn coder(how: &str) -> &str {
    let encoder = how.rsplit(" -> ").next().unwrap_or(how);
    match encoder.split_once(" (") {
        Some((codec, name)) => match name.trim_end_matches(')') {
            "native" => codec,
            name => name,
        },
        None => encoder,
    }
}

/// Without `[info] `, which stands before each line if the log level says so.
fn without_level(line: &str) -> &str {
    const LEVELS: [&str; 8] = ["quiet", "panic", "fatal", "error", "warning", "info", "verbose", "debug"];
    let inner = line.strip_prefix('[').and_then(|rest| rest.split_once("] "));
    match inner {
        Some((level, rest)) if LEVELS.contains(&level) => rest,
        _ => line,
    }
}

fn opened(places: &mut Vec<Place>, rest: &str, before_address: &str, at: At) -> At {
    let Some((index, rest)) = rest.split_once(", ") else { return At::Nothing };
    let (Ok(index), true) = (index.parse(), places.len() < MOST_PLACES) else { return At::Nothing };
    let (format, address) = rest.split_once(before_address).unwrap_or((rest, ""));
    let address = address.strip_suffix("':").unwrap_or(address);
    places.push(Place { index, format: format.to_owned(), address: address.to_owned(), ..Place::default() });
    at
}

fn detail(place: Option<&mut Place>, line: &str) {
    let Some(place) = place else { return };
    if let Some(duration) = line.strip_prefix("Duration: ") {
        let text = duration.split(',').next().unwrap_or_default();
        place.duration_seconds = seconds(text).unwrap_or_default();
    } else if let Some(stream) = line.strip_prefix("Stream #").and_then(stream)
        && place.streams.len() < MOST_STREAMS
    {
        place.streams.push(stream);
    }
}

/// Of `00:01:02.50`.
pub(super) fn seconds(text: &str) -> Option<f64> {
    let mut parts = text.trim().splitn(3, ':');
    let (hours, minutes, seconds) = (parts.next()?, parts.next()?, parts.next()?);
    let (hours, minutes): (u32, u32) = (hours.parse().ok()?, minutes.parse().ok()?);
    let seconds = seconds.parse::<f64>().ok().filter(|seconds| seconds.is_finite())?;
    Some(f64::from(hours) * 3600.0 + f64::from(minutes) * 60.0 + seconds)
}

/// Of `0:1[0x2](und): Audio: aac (LC) (mp4a / 0x6134706D), 48000 Hz, stereo, fltp, 128 kb/s (default)`.
fn stream(text: &str) -> Option<Stream> {
    let (place, rest) = text.split_once(": ")?;
    let (index, rest_of_place) = place.split_once(':')?;
    let digits = rest_of_place.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest_of_place.len());
    let (number, rest_of_place) = rest_of_place.split_at(digits);
    let language = rest_of_place.rsplit_once('(').and_then(|(_, rest)| rest.strip_suffix(')'));
    let (kind, details) = rest.split_once(": ").unwrap_or((rest, ""));
    let mut stream = Stream {
        index: index.parse().ok()?,
        stream: number.parse().ok()?,
        kind: match kind {
            "Video" => Kind::Video,
            "Audio" => Kind::Audio,
            "Subtitle" => Kind::Subtitle,
            "Attachment" => Kind::Attachment,
            _ => Kind::Data,
        },
        language: language.unwrap_or_default().to_owned(),
        is_cover: details.contains("(attached pic)"),
        ..Stream::default()
    };
    let mut parts = apart(details).into_iter();
    codec(&mut stream, parts.next().unwrap_or_default());
    match stream.kind {
        Kind::Video => video(&mut stream, parts.collect()),
        Kind::Audio => audio(&mut stream, parts.collect()),
        _ => {}
    }
    Some(stream)
}

/// `h264 (High) (avc1 / 0x31637661)`.
fn codec(stream: &mut Stream, text: &str) {
    let (codec, rest) = text.split_once(' ').unwrap_or((text, ""));
    codec.clone_into(&mut stream.codec);
    codec.clone_into(&mut stream.coder);
    let inner = rest.split(") (").map(|part| part.trim_start_matches('(').trim_end_matches(')'));
    for part in inner.filter(|part| !part.is_empty()) {
        match part.split_once(" / ") {
            Some((tag, _)) => tag.clone_into(&mut stream.tag),
            None if stream.profile.is_empty() => part.clone_into(&mut stream.profile),
            None => {}
        }
    }
}

fn video(stream: &mut Stream, parts: Vec<&str>) {
    if let Some(pixels) = parts.first().map(|part| bare(part))
        && size(pixels).is_none()
        && pixels != "none"
        && !pixels.contains(' ')
    {
        pixels.clone_into(&mut stream.pixels);
    }
    for part in parts {
        if let Some((width, height)) = size(bare(part)) {
            (stream.width, stream.height) = (width, height);
        } else if let Some(rate) = bare(part).strip_suffix(" fps") {
            stream.fps = number(rate);
        } else {
            bitrate(stream, part);
        }
    }
}

fn audio(stream: &mut Stream, parts: Vec<&str>) {
    let mut is_layout = false;
    for part in parts {
        if let Some(rate) = bare(part).strip_suffix(" Hz") {
            stream.sampling_hz = rate.parse().unwrap_or_default();
            // It comes next.
            is_layout = true;
        } else if is_layout {
            part.clone_into(&mut stream.layout);
            stream.channels = channels(bare(part));
            is_layout = false;
        } else {
            bitrate(stream, part);
        }
    }
}

fn bitrate(stream: &mut Stream, part: &str) {
    if let Some(rate) = bare(part).strip_suffix(" kb/s") {
        stream.bitrate_kbps = number(rate);
    }
}

/// What it counts of the layouts that have names; `6 channels` says it itself.
fn channels(layout: &str) -> u8 {
    let front_and_low = layout
        .split_once('.')
        .and_then(|(main, low)| Some(main.parse::<u8>().ok()?.saturating_add(low.parse().ok()?)));
    match layout {
        "mono" => 1,
        "stereo" | "downmix" => 2,
        "quad" => 4,
        "hexagonal" => 6,
        "octagonal" => 8,
        "hexadecagonal" => 16,
        _ => front_and_low.or_else(|| layout.strip_suffix(" channels")?.parse().ok()).unwrap_or_default(),
    }
}

fn size(text: &str) -> Option<(u32, u32)> {
    let text = text.split(' ').next()?;
    let (width, height) = text.split_once('x')?;
    Some((width.parse().ok()?, height.parse().ok()?))
}

/// Without what stands in brackets behind it.
fn bare(text: &str) -> &str {
    text.split(['(', '[']).next().unwrap_or(text).trim()
}

fn number(text: &str) -> f64 {
    let (text, factor) = text.strip_suffix('k').map_or((text, 1.0), |text| (text, 1000.0));
    text.trim().parse::<f64>().ok().filter(|number| number.is_finite()).map_or(0.0, |number| number * factor)
}

/// At the commas that stand in no brackets.
fn apart(text: &str) -> Vec<&str> {
    let mut depth = 0_usize;
    let split = text.split(move |c: char| {
        match c {
            '(' | '[' => depth += 1,
            ')' | ']' => depth = depth.saturating_sub(1),
            _ => {}
        }
        c == ',' && depth == 0
    });
    split.map(str::trim).collect()
}

#[cfg(test)]
mod tests;
