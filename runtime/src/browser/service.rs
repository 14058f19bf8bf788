//! Chromium's own helper processes that hold on to a device.
//!
//! After the death of PulseAudio or PipeWire they do not find the new daemon (measured with Chromium
//! 156); killed, they are started anew and do.

use std::path::Path;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Service {
    Audio,
    VideoCapture,
}

impl Service {
    pub(super) const fn argument(self) -> &'static str {
        match self {
            Self::Audio => "--utility-sub-type=audio.mojom.AudioService",
            Self::VideoCapture => "--utility-sub-type=video_capture.mojom.VideoCaptureService",
        }
    }
}

/// The processes of `group` that are this service.
pub(super) async fn find(service: Service, group: i32) -> Vec<i32> {
    let search = move || {
        let entries = std::fs::read_dir("/proc").into_iter().flatten().flatten();
        let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
        pids.filter(|pid| is(service, *pid, group)).collect()
    };
    tokio::task::spawn_blocking(search).await.unwrap_or_default()
}

fn is(service: Service, pid: i32, group: i32) -> bool {
    let directory = Path::new("/proc").join(pid.to_string());
    let arguments = std::fs::read(directory.join("cmdline")).unwrap_or_default();
    let argument = service.argument().as_bytes();
    let named = arguments.split(|byte| *byte == 0 || *byte == b' ').any(|part| part == argument);
    let stat = std::fs::read_to_string(directory.join("stat")).unwrap_or_default();
    named && process_group(&stat) == Some(group)
}

/// Field 5 of proc_pid_stat(5). The second field, the name, may hold spaces and parentheses.
fn process_group(stat: &str) -> Option<i32> {
    let (_, after_name) = stat.rsplit_once(')')?;
    after_name.split_whitespace().nth(2)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_group_is_found_behind_a_name_with_parentheses() {
        assert_eq!(process_group("7 (a) b) S 1 42 42 0 -1"), Some(42));
        assert_eq!(process_group(""), None);
    }
}
