//! Speaker and microphone: one PulseAudio daemon with two null sinks.
//!
//! `audio_output` is what the browser plays (its monitor is captured); whatever is played into
//! `audio_input` comes out of the source `microphone`.

use std::path::{Path, PathBuf};

use understudy_core::spec::Destination;

use crate::child::{Child, Error, Program, listens};

/// What the microphone carries is played here.
const MICROPHONE_SINK: &str = "audio_input";
/// What the browser plays, and what is sent straight to the speaker, is played here.
const SPEAKER_SINK: &str = "audio_output";
/// What the browser plays can be recorded here.
pub const SPEAKER_MONITOR: &str = "audio_output.monitor";

/// Where sound for `destination` is played.
pub const fn sink(destination: Destination) -> &'static str {
    match destination {
        Destination::Microphone => MICROPHONE_SINK,
        Destination::Speaker => SPEAKER_SINK,
    }
}

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
pub async fn start(directory: &Path) -> Result<Sound, Error> {
    let socket = socket(directory);
    let script = directory.join("pulse.pa");
    let failed = |source| Error::Start { program: "pulseaudio", source };
    tokio::fs::write(&script, configuration(&socket)).await.map_err(failed)?;
    remove_stale(&socket).await.map_err(failed)?;
    let mut child = Program::new("pulseaudio", "pulseaudio")
        .args(["-n", "--daemonize=no", "--exit-idle-time=-1", "--use-pid-file=no", "--disallow-exit"])
        .args(["--log-target=stderr", "--log-level=warn", "-F"])
        .args([&script])
        .env("HOME", directory)
        .env("XDG_RUNTIME_DIR", directory)
        .spawn()?;
    child.until(|| listens(&socket)).await?;
    Ok(Sound { child })
}

/// The socket comes last: whoever can connect finds all sinks.
fn configuration(socket: &Path) -> String {
    format!(
        "load-module module-null-sink sink_name={SPEAKER_SINK} rate=48000 channels=2 \
         sink_properties=device.description=Speaker\n\
         load-module module-null-sink sink_name={MICROPHONE_SINK} rate=48000 channels=2 \
         sink_properties=device.description=MicrophoneFeed\n\
         load-module module-remap-source source_name=microphone master={MICROPHONE_SINK}.monitor \
         source_properties=device.description=Microphone\n\
         set-default-sink {SPEAKER_SINK}\n\
         set-default-source microphone\n\
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
