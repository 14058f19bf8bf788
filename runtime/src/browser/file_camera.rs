//! Chromium with a file as its camera and everything else real.
//!
//! `--use-fake-device-for-media-stream` given to the browser replaces microphone and speaker as well, by beeps. Only the
//! video capture service opens cameras, and it reads its own command line: given to it alone, PulseAudio stays (measured
//! with Chromium 156, sandboxed and not). The service is started through a script of ours, which adds the flags.

use std::path::{Path, PathBuf};

use super::Service;

/// Where the script lies, outside of the profile.
pub(super) fn script(directory: &Path) -> PathBuf {
    directory.join("chromium-service.sh")
}

/// Makes Chromium start its services through the script; those that it forks from its zygotes are none of them.
pub(super) fn flag(directory: &Path) -> String {
    format!("--utility-cmd-prefix=/bin/sh {}", script(directory).display())
}

pub(super) fn text(video: &Path) -> String {
    let service = Service::VideoCapture.argument();
    let quoted = video.display().to_string().replace('\'', r"'\''");
    format!(
        "case \" $* \" in\n\
         *' {service} '*)\n  \
         set -- \"$@\" --use-fake-device-for-media-stream --use-file-for-fake-video-capture='{quoted}' ;;\n\
         esac\n\
         exec \"$@\"\n"
    )
}
