//! The session's devices, in the source system's variables.

use std::path::PathBuf;
use std::str::FromStr;

use clap::Args;
use understudy_core::spec::{FrameRate, Invalid, Resolution};

/// What is played into this sink is what the browser plays: it cannot be the microphone's as well.
const SPEAKER_SINK: &str = "audio_output";
const MICROPHONE_SINK: &str = "audio_input";

#[derive(Args, Clone, Debug)]
pub struct Devices {
    /// The X display's number, 0 to 65535; without it the display picks a free one. In the image it is 1.
    #[arg(long, env = "DISPLAY_NUM", value_name = "DISPLAY_NUM")]
    pub display_number: Option<u16>,

    /// Width of the camera's picture: 64 to 3840 pixels, rounded up to a multiple of 8.
    #[arg(long, env = "VIRTUAL_INPUT_WIDTH", value_name = "VIRTUAL_INPUT_WIDTH", default_value = "1280", value_parser = width)]
    pub camera_width: u32,

    /// Height of the camera's picture: 64 to 2160 pixels, rounded up to a multiple of 8.
    #[arg(long, env = "VIRTUAL_INPUT_HEIGHT", value_name = "VIRTUAL_INPUT_HEIGHT", default_value = "720", value_parser = height)]
    pub camera_height: u32,

    /// Frames a second of the camera, 1 to 60.
    #[arg(long, env = "VIRTUAL_INPUT_FRAME_RATE", value_name = "VIRTUAL_INPUT_FRAME_RATE", default_value = "30", value_parser = frame_rate)]
    pub camera_frame_rate: u32,

    /// The v4l2loopback device of the `v4l2` camera; the status tells it in any case.
    #[arg(long, env = "VIRTUAL_INPUT_VIDEO_DEVICE", value_name = "VIRTUAL_INPUT_VIDEO_DEVICE", default_value = "/dev/video20", value_parser = device)]
    pub video_device: PathBuf,

    /// Where the `file` camera keeps its `video.y4m`; no two sessions share it.
    #[arg(long, env = "UNDERSTUDY_VIRTUAL_INPUTS_DIR", default_value = "/tmp/virtual-inputs")]
    pub virtual_inputs_dir: PathBuf,

    /// The sink whose sound the microphone carries. audio_output is the speaker's and stands for audio_input.
    #[arg(long, env = "VIRTUAL_INPUT_AUDIO_SINK", value_name = "VIRTUAL_INPUT_AUDIO_SINK", default_value = MICROPHONE_SINK, value_parser = sink)]
    pub audio_sink: String,

    /// What the microphone is called.
    #[arg(long, env = "VIRTUAL_INPUT_MICROPHONE_SOURCE", value_name = "VIRTUAL_INPUT_MICROPHONE_SOURCE", default_value = "microphone", value_parser = source)]
    pub microphone_source: String,
}

impl Devices {
    pub fn camera_size(&self) -> Result<Resolution, Invalid> {
        Resolution::camera("camera", self.camera_width, self.camera_height)
    }
}

fn width(text: &str) -> Result<u32, String> {
    let width = positive(text)?;
    Resolution::camera("", width, 0).map(Resolution::width).map_err(|invalid| invalid.reason)
}

fn height(text: &str) -> Result<u32, String> {
    let height = positive(text)?;
    Resolution::camera("", 0, height).map(Resolution::height).map_err(|invalid| invalid.reason)
}

fn frame_rate(text: &str) -> Result<u32, String> {
    let rate = positive(text)?;
    FrameRate::parse("", rate).map(FrameRate::per_second).map_err(|invalid| invalid.reason)
}

fn positive(text: &str) -> Result<u32, String> {
    match u32::from_str(text) {
        Ok(0) | Err(_) => Err("must be a whole number above 0".to_owned()),
        Ok(number) => Ok(number),
    }
}

fn device(text: &str) -> Result<PathBuf, String> {
    match text.starts_with('/') {
        true => Ok(text.into()),
        false => Err("must be an absolute path".to_owned()),
    }
}

fn sink(text: &str) -> Result<String, String> {
    let name = name(text)?;
    Ok(if name == SPEAKER_SINK { MICROPHONE_SINK.to_owned() } else { name })
}

fn source(text: &str) -> Result<String, String> {
    match name(text)? {
        taken if taken == SPEAKER_SINK || taken.ends_with(".monitor") => {
            Err("must not be the name of another device".to_owned())
        }
        name => Ok(name),
    }
}

/// It is written into PulseAudio's configuration, where other characters have a meaning.
fn name(text: &str) -> Result<String, String> {
    let known = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    match !text.is_empty() && text.len() <= 64 && text.chars().all(known) {
        true => Ok(text.to_owned()),
        false => Err("must be 1 to 64 letters, digits, _, - and .".to_owned()),
    }
}
