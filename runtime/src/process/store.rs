//! The file that processes are stored in: written whole, beside the one that there is, and put in its place.
//!
//! A file that cannot be read as one is put aside and told of; it is never written over.

use std::fs::{File, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::Value;

/// As the source system calls it.
const NAME: &str = "db.json";

/// Configs may hold credentials: it is nobody else's.
const MODE: u32 = 0o600;
const DIRECTORY_MODE: u32 = 0o700;

/// Where they are stored.
#[derive(Clone, Debug)]
pub(super) struct Store {
    directory: PathBuf,
}

/// Why nothing is stored.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unusable {
    #[error("{place} cannot be read: {error}")]
    Unread { place: String, error: io::Error },
    #[error("{place} is broken ({why}) and cannot be put aside: {error}")]
    Broken { place: String, why: String, error: io::Error },
}

impl Store {
    /// With what was stored, if anything was. `read` says what is wrong with what is no store; that is put aside.
    pub(super) fn open<T>(
        directory: &Path,
        read: impl Fn(Value) -> Result<T, String>,
    ) -> Result<(Self, Option<T>), Unusable> {
        let store = Self { directory: directory.to_owned() };
        let place = store.place();
        let text = match std::fs::read(&place) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok((store, None)),
            Err(error) => return Err(Unusable::Unread { place: place.display().to_string(), error }),
        };
        let value = serde_json::from_slice(&text).map_err(|error| error.to_string());
        match value.and_then(read) {
            Ok(stored) => Ok((store, Some(stored))),
            Err(why) => {
                let aside = store.aside();
                let unmoved = |error| {
                    let place = place.display().to_string();
                    Unusable::Broken { place, why: why.clone(), error }
                };
                std::fs::rename(&place, &aside).map_err(unmoved)?;
                tracing::error!(kept = %aside.display(), why, "what processes there were cannot be read, and is put aside");
                Ok((store, None))
            }
        }
    }

    /// What is there then is either all of it or what was there before.
    pub(super) fn write(&self, text: &[u8]) -> io::Result<()> {
        std::fs::DirBuilder::new().recursive(true).mode(DIRECTORY_MODE).create(&self.directory)?;
        let beside = self.directory.join(format!("{NAME}.new"));
        let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(MODE).open(&beside)?;
        file.set_permissions(Permissions::from_mode(MODE))?;
        file.write_all(text)?;
        file.sync_all()?;
        std::fs::rename(&beside, self.place())?;
        File::open(&self.directory)?.sync_all()
    }

    fn place(&self) -> PathBuf {
        self.directory.join(NAME)
    }

    /// Where nothing is yet.
    fn aside(&self) -> PathBuf {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        self.directory.join(format!("{NAME}.broken-{}", now.as_nanos()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open(directory: &Path) -> Result<(Store, Option<Value>), Unusable> {
        Store::open(directory, |value| if value.is_array() { Ok(value) } else { Err("no list".to_owned()) })
    }

    fn names(directory: &Path) -> Vec<String> {
        let entries = std::fs::read_dir(directory).unwrap().flatten();
        let mut names: Vec<_> = entries.map(|entry| entry.file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn what_was_written_is_there_again_and_nobody_else_s() {
        let folder = tempfile::tempdir().unwrap();
        let directory = folder.path().join("deeper");
        let (store, nothing) = open(&directory).unwrap();
        assert_eq!(nothing, None);
        store.write(b"[1]").unwrap();
        store.write(b"[1, 2]").unwrap();
        assert_eq!(names(&directory), [NAME]);
        assert_eq!(store.place().metadata().unwrap().permissions().mode() & 0o777, MODE);
        assert_eq!(open(&directory).unwrap().1, Some(serde_json::json!([1, 2])));
    }

    #[test]
    fn what_is_broken_is_kept_aside_and_what_cannot_be_read_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        for broken in ["[1", "{}"] {
            std::fs::write(folder.path().join(NAME), broken).unwrap();
            let (store, nothing) = open(folder.path()).unwrap();
            assert_eq!(nothing, None);
            store.write(b"[]").unwrap();
            let aside = names(folder.path()).into_iter().find(|name| name.contains("broken")).unwrap();
            assert_eq!(std::fs::read_to_string(folder.path().join(&aside)).unwrap(), broken);
            std::fs::remove_file(folder.path().join(aside)).unwrap();
        }
        std::fs::remove_file(folder.path().join(NAME)).unwrap();
        std::fs::create_dir(folder.path().join(NAME)).unwrap();
        assert!(matches!(open(folder.path()), Err(Unusable::Unread { .. })));
    }
}
