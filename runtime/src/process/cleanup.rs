//! Files of outputs that are taken away: the oldest of more than there may be, those that are too old, and with the process all that its
//! config says.

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use understudy_core::process::config::Cleanup;
use understudy_core::process::pattern::Pattern;

use super::plan::Plan;
use super::site::MEMORY;

/// Below the data directory; a tree that is deeper or has more is looked through in part.
const DEEPEST: usize = 16;
const MOST_FILES: usize = 20_000;
const MOST_ENTRIES: usize = 100_000;

/// One that a pattern means.
struct File {
    path: PathBuf,
    modified: SystemTime,
}

/// Takes away what is too much by now.
pub(super) fn sweep(plan: &Plan, data: &Path) {
    let rules: Vec<&Cleanup> =
        plan.cleanup().filter(|rule| rule.max_files > 0 || rule.max_file_age_seconds > 0).collect();
    if rules.is_empty() {
        return;
    }
    let (all, now) = (files(data), SystemTime::now());
    for rule in rules {
        let mut meant = meant(&all, data, &rule.pattern);
        meant.sort_by_key(|file| std::cmp::Reverse(file.modified));
        let most = usize::try_from(rule.max_files).unwrap_or(usize::MAX);
        let oldest = Duration::from_secs(rule.max_file_age_seconds);
        for (index, file) in meant.into_iter().enumerate() {
            let age = now.duration_since(file.modified).unwrap_or_default();
            let is_too_many = rule.max_files > 0 && index >= most;
            if is_too_many || (rule.max_file_age_seconds > 0 && age > oldest) {
                remove(&file.path);
            }
        }
    }
}

/// Takes away what goes with the process.
pub(super) fn purge(plan: &Plan, data: &Path) {
    let rules: Vec<&Cleanup> = plan.cleanup().filter(|rule| rule.purge_on_delete).collect();
    if rules.is_empty() {
        return;
    }
    let all = files(data);
    for rule in rules {
        meant(&all, data, &rule.pattern).into_iter().for_each(|file| remove(&file.path));
    }
}

/// A pattern is of paths below the data directory, with or without the source system's name of it.
fn meant<'a>(all: &'a [File], data: &Path, pattern: &str) -> Vec<&'a File> {
    let pattern = pattern.strip_prefix("diskfs:").unwrap_or(pattern);
    let in_memory =
        pattern.strip_prefix("memfs:").map(|rest| format!("{MEMORY}/{}", rest.trim_start_matches('/')));
    let pattern = in_memory.as_deref().unwrap_or(pattern);
    let data_text = data.to_string_lossy();
    let pattern = pattern.strip_prefix(&*data_text).unwrap_or(pattern);
    // One that cannot be read means nothing.
    let Ok(pattern) = Pattern::new(pattern.trim_start_matches('/')) else { return Vec::new() };
    let is_meant =
        |file: &&File| file.path.strip_prefix(data).is_ok_and(|path| pattern.takes(&path.to_string_lossy()));
    all.iter().filter(is_meant).collect()
}

/// Links are not followed: what they lead to is not ours to remove.
fn files(data: &Path) -> Vec<File> {
    let (mut found, mut folders, mut entries) = (Vec::new(), vec![(data.to_owned(), 0)], 0);
    while let Some((folder, depth)) = folders.pop() {
        for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            entries += 1;
            if entries > MOST_ENTRIES || found.len() == MOST_FILES {
                return found;
            }
            let Ok(about) = entry.metadata() else { continue };
            if about.is_dir() && depth < DEEPEST {
                folders.push((entry.path(), depth + 1));
            } else if about.is_file() {
                let modified = about.modified().unwrap_or(SystemTime::UNIX_EPOCH);
                found.push(File { path: entry.path(), modified });
            }
        }
    }
    found
}

fn remove(path: &Path) {
    if let Err(error) = std::fs::remove_file(path) {
        tracing::debug!(path = %path.display(), %error, "a file that was to be taken away stays");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn left(folder: &Path) -> Vec<String> {
        let mut names: Vec<_> = files(folder).iter().map(|file| file.path.display().to_string()).collect();
        names.sort();
        names.iter().map(|name| name.rsplit('/').next().unwrap().to_owned()).collect()
    }

    fn with(cleanup: Cleanup) -> Plan {
        Plan::cleaning(cleanup)
    }

    #[test]
    fn the_newest_stay_and_others_are_let_be() {
        let data = tempfile::tempdir().unwrap();
        for (index, name) in ["a.ts", "b.ts", "c.ts", "a.m3u8"].into_iter().enumerate() {
            let file = std::fs::File::create(data.path().join(name)).unwrap();
            let age = Duration::from_secs(100 - 10 * u64::try_from(index).unwrap());
            file.set_modified(SystemTime::now() - age).unwrap();
        }
        let pattern = "diskfs:/*.ts".to_owned();
        sweep(&with(Cleanup { pattern: pattern.clone(), max_files: 2, ..Cleanup::default() }), data.path());
        assert_eq!(left(data.path()), ["a.m3u8", "b.ts", "c.ts"]);
        let old = Cleanup { pattern: pattern.clone(), max_file_age_seconds: 85, ..Cleanup::default() };
        sweep(&with(old), data.path());
        assert_eq!(left(data.path()), ["a.m3u8", "c.ts"]);
        purge(&with(Cleanup { pattern, purge_on_delete: true, ..Cleanup::default() }), data.path());
        assert_eq!(left(data.path()), ["a.m3u8"]);
    }
}
