//! Speaker and microphone: one PulseAudio daemon with two null sinks.
//!
//! `audio_output` is what the browser plays (its monitor is captured); whatever is played into
//! `audio_input` comes out of the source `microphone`, unless [`Names`] say otherwise.

mod hearing;

use std::path::{Path, PathBuf};

use understudy_core::spec::Destination;

use crate::child::{Child, Error, Executable, listens};

pub use hearing::{Ears, Hearing, hear};

/// What the microphone and what feeds it are called: letters, digits, `_`, `-` and `.` only.
#[derive(Clone, Debug)]
pub struct Names {
    /// What is played here is what the microphone carries.
    pub sink: String,
    /// The microphone.
    pub source: String,
}

impl Default for Names {
    fn default() -> Self {
        Self { sink: "audio_input".to_owned(), source: "microphone".to_owned() }
    }
}

/// What the browser plays, and what is sent straight to the speaker, is played here.
const SPEAKER_SINK: &str = "audio_output";
/// What the browser plays can be recorded here.
pub const SPEAKER_MONITOR: &str = "audio_output.monitor";

/// Where sound for `destination` is played.
pub const fn sink(destination: Destination, microphone: &str) -> &str {
    match destination {
        Destination::Microphone => microphone,
        Destination::Speaker => SPEAKER_SINK,
    }
}

/// What a browser takes for the rate of the hardware, whatever sinks there are. At another than that of the sinks all that it
/// plays and records is resampled.
const SETTINGS: &str = "default-sample-rate = 48000\nalternate-sample-rate = 48000\n";

/// A running daemon.
#[derive(Debug)]
pub struct Sound {
    pub child: Child,
}

/// Where the daemon listens. The same at each start, so that clients find the next one.
pub fn socket(directory: &Path) -> PathBuf {
    directory.join("pulse.sock")
}

/// The value of `PULSE_SERVER`.
pub fn server(directory: &Path) -> String {
    format!("unix:{}", socket(directory).display())
}

/// Starts the daemon and waits until it answers.
pub async fn start(directory: &Path, names: &Names) -> Result<Sound, Error> {
    let socket = socket(directory);
    let (script, settings) = (directory.join("pulse.pa"), directory.join("pulse.conf"));
    let failed = |source| Error::Start { program: "pulseaudio", source };
    tokio::fs::write(&script, configuration(&socket, names)).await.map_err(failed)?;
    tokio::fs::write(&settings, SETTINGS).await.map_err(failed)?;
    remove_stale(&socket).await.map_err(failed)?;
    let mut child = Executable::new("pulseaudio", "pulseaudio")
        .args(["-n", "--daemonize=no", "--exit-idle-time=-1", "--use-pid-file=no", "--disallow-exit"])
        .args(["--log-target=stderr", "--log-level=warn", "-F"])
        .args([&script])
        .env("HOME", directory)
        .env("XDG_RUNTIME_DIR", directory)
        .env("PULSE_CONFIG", &settings)
        .spawn()?;
    child.until(|| listens(&socket)).await?;
    Ok(Sound { child })
}

/// The socket comes last: whoever can connect finds all sinks. Without `norewinds` a sink that nobody uses sleeps for 2 s, and
/// whoever begins to play while somebody begins to listen is not heard until then, or in pieces.
fn configuration(socket: &Path, Names { sink, source }: &Names) -> String {
    format!(
        "load-module module-null-sink sink_name={SPEAKER_SINK} rate=48000 channels=2 norewinds=true \
         sink_properties=device.description=Speaker\n\
         load-module module-null-sink sink_name={sink} rate=48000 channels=2 norewinds=true \
         sink_properties=device.description=MicrophoneFeed\n\
         load-module module-remap-source source_name={source} master={sink}.monitor \
         source_properties=device.description=Microphone\n\
         set-default-sink {SPEAKER_SINK}\n\
         set-default-source {source}\n\
         load-module module-native-protocol-unix auth-anonymous=1 auth-cookie-enabled=0 socket={}\n",
        socket.display()
    )
}

pub(crate) async fn remove_stale(path: &Path) -> std::io::Result<()> {
    match tokio::fs::remove_file(path).await {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}
