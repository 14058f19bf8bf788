//! What an earlier process left in a directory that is a recorder's own: it was killed, and its files play as far as they go.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use nix::unistd::geteuid;
use tokio::sync::watch;
use understudy_core::recording::End;

use super::room::Room;
use super::{Ended, Recording, State};

/// By their files' names. One that is being written is somebody else's, one of which there is nothing is removed.
pub(super) fn found(directory: &Path, room: &Room) -> Vec<(String, Recording)> {
    let files = fs::read_dir(directory).into_iter().flatten().flatten().map(|entry| entry.path());
    let recordings = files.filter(|path| path.extension().is_some_and(|kind| kind == "mp4"));
    recordings
        .filter_map(|path| Some((path.file_stem()?.to_str()?.to_owned(), left(&path, room).ok()??)))
        .collect()
}

fn left(path: &Path, room: &Room) -> io::Result<Option<Recording>> {
    let told = fs::symlink_metadata(path)?;
    if !told.is_file() || told.uid() != geteuid().as_raw() {
        return Ok(None);
    }
    let file = File::open(path)?;
    // The kernel lets go of it, however its writer ends.
    if file.try_lock().is_err() {
        return Ok(None);
    }
    let bytes = told.len();
    if bytes == 0 {
        fs::remove_file(path)?;
        return Ok(None);
    }
    let at = told.modified()?;
    let share = room.share();
    share.have(bytes);
    let why = End::Failed("the process that recorded it has ended; it plays as far as it goes".to_owned());
    let state = State { bytes, recorded: Some(at), ended: Some(Ended { at, why }), ..State::default() };
    Ok(Some(Recording {
        since: told.created().unwrap_or(at),
        path: path.to_owned(),
        share,
        state: watch::channel(state).1,
        stop: watch::Sender::default(),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_process_left_is_known_and_what_another_writes_is_not() {
        let directory = tempfile::tempdir().unwrap();
        let path = |name: &str| directory.path().join(name);
        for name in ["a-1.mp4", "b-2.mp4", "notes.txt"] {
            fs::write(path(name), b"12345").unwrap();
        }
        fs::write(path("c-3.mp4"), b"").unwrap();
        std::os::unix::fs::symlink(path("notes.txt"), path("d-4.mp4")).unwrap();
        let written = File::open(path("b-2.mp4")).unwrap();
        written.try_lock().unwrap();
        let room = Room::of(7);
        let found = found(directory.path(), &room);
        assert_eq!(found.iter().map(|(id, _)| id.as_str()).collect::<Vec<_>>(), ["a-1"]);
        let state = found[0].1.state().borrow().clone();
        assert!(state.bytes == 5 && state.recorded.is_some() && !found[0].1.is_running());
        assert!(!room.share().take(3) && room.share().take(2), "it takes room");
        assert!(!path("c-3.mp4").exists() && path("notes.txt").exists());
    }
}
