//! The directory of one run: sockets, configurations and the browser's profile. It goes with the process; of one that was
//! killed, the next process that starts removes it.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use nix::errno::Errno;
use nix::fcntl::{Flock, FlockArg};
use tempfile::TempDir;

const PREFIX: &str = "understudy-";

/// Held locked by whoever uses the directory: the kernel lets go of it, however that process ends.
const LOCK: &str = "in-use.lock";

/// Another process may take a new directory for a left one, in the moment before it is locked; not so often.
const TRIES: usize = 8;

/// When the next process looks, after its start and then after the look before. What a killed process started ends after it: until
/// then it may hold the lock (between fork and exec it has all descriptors) or write into the directory (Chromium its profile).
const LOOKS: [Duration; 4] =
    [Duration::ZERO, Duration::from_secs(1), Duration::from_secs(5), Duration::from_secs(30)];

/// A private directory that nobody else uses. Dropped, it is removed.
#[derive(Debug)]
pub struct Scratch {
    // Removed before the lock is let go of.
    directory: TempDir,
    _lock: Flock<File>,
}

impl Scratch {
    /// Made below `parent`.
    pub fn new(parent: &Path) -> io::Result<Self> {
        for _ in 0..TRIES {
            let directory = tempfile::Builder::new().prefix(PREFIX).tempdir_in(parent)?;
            let file = File::create_new(directory.path().join(LOCK))?;
            let Some(lock) = locked(file)? else { continue };
            if lock.metadata()?.nlink() > 0 {
                return Ok(Self { directory, _lock: lock });
            }
        }
        Err(io::ErrorKind::ResourceBusy.into())
    }

    pub fn path(&self) -> &Path {
        self.directory.path()
    }
}

/// Removes the directories below `parent` whose processes are gone, also those that are gone a little later.
pub async fn sweep_for_a_while(parent: PathBuf) {
    for wait in LOOKS {
        tokio::time::sleep(wait).await;
        let parent = parent.clone();
        let swept = tokio::task::spawn_blocking(move || sweep(&parent)).await;
        for directory in swept.unwrap_or_default() {
            tracing::info!(directory = %directory.display(), "removed what a killed process left");
        }
    }
}

/// The same once; which these were. One that cannot be removed is somebody else's, or is so for the moment.
fn sweep(parent: &Path) -> Vec<PathBuf> {
    let found = fs::read_dir(parent).into_iter().flatten().flatten();
    let named = found.filter(|entry| entry.file_name().to_str().is_some_and(|name| name.starts_with(PREFIX)));
    named
        .map(|entry| entry.path())
        .filter(|directory| remove_left(directory).is_ok_and(|left| left))
        .collect()
}

/// Whether it was left.
fn remove_left(directory: &Path) -> io::Result<bool> {
    // A link is followed nowhere.
    if !fs::symlink_metadata(directory)?.is_dir() {
        return Ok(false);
    }
    let Some(_lock) = locked(File::open(directory.join(LOCK))?)? else { return Ok(false) };
    fs::remove_dir_all(directory).inspect_err(|_written_into| {
        // By it the next look knows the directory again; where that fails there is none.
        let _kept = File::create(directory.join(LOCK));
    })?;
    Ok(true)
}

/// None: somebody else holds it.
fn locked(file: File) -> io::Result<Option<Flock<File>>> {
    match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
        Ok(lock) => Ok(Some(lock)),
        Err((_, Errno::EWOULDBLOCK)) => Ok(None),
        Err((_, error)) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_process_left_is_removed_and_what_is_in_use_stays() {
        let parent = tempfile::tempdir().unwrap();
        let used = Scratch::new(parent.path()).unwrap();
        let left = Scratch::new(parent.path()).unwrap().directory.keep();
        fs::create_dir(left.join("chromium")).unwrap();
        assert_eq!(sweep(parent.path()), [left.as_path()]);
        assert!(used.path().exists() && !left.exists());
        drop(used);
        assert_eq!(fs::read_dir(parent.path()).unwrap().count(), 0);
    }

    #[test]
    fn what_something_still_writes_into_is_removed_once_nothing_does() {
        let parent = tempfile::tempdir().unwrap();
        let left = Scratch::new(parent.path()).unwrap().directory.keep();
        // Files appear for as long as there is a place for them.
        let writes = |writer: u32| {
            let left = left.clone();
            let file = move |number: u32| left.join(format!("{writer}-{number}"));
            std::thread::spawn(move || {
                (0..2000).take_while(|number| fs::write(file(*number), "").is_ok()).count()
            })
        };
        let writers = [1, 2, 3, 4].map(writes);
        while !left.join("1-199").exists() {
            std::thread::yield_now();
        }
        let writing = || writers.iter().any(|writer| !writer.is_finished());
        let looks = (0..).take_while(|_| sweep(parent.path()).is_empty() && writing()).count();
        let files: usize = writers.into_iter().map(|writer| writer.join().unwrap()).sum();
        println!("{files} files, {looks} looks in vain");
        sweep(parent.path());
        assert!(!left.exists());
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_let_go_of_a_little_later_is_removed_then() {
        let parent = tempfile::tempdir().unwrap();
        let Scratch { directory, _lock } = Scratch::new(parent.path()).unwrap();
        let (left, sweeping) = (directory.keep(), sweep_for_a_while(parent.path().to_owned()));
        let lets_go = async {
            tokio::time::sleep(Duration::from_secs(4)).await;
            assert!(left.exists());
            drop(_lock);
        };
        tokio::join!(sweeping, lets_go);
        assert!(!left.exists());
    }

    #[test]
    fn what_is_not_ours_stays() {
        let parent = tempfile::tempdir().unwrap();
        let (named, elsewhere) = (parent.path().join("understudy-notes"), tempfile::tempdir().unwrap());
        fs::create_dir(&named).unwrap();
        fs::write(elsewhere.path().join(LOCK), "").unwrap();
        std::os::unix::fs::symlink(elsewhere.path(), parent.path().join("understudy-link")).unwrap();
        assert_eq!(sweep(parent.path()), [] as [&Path; 0]);
        assert!(named.exists() && elsewhere.path().exists());
    }
}
