//! The file of a recording. What was written of it is whole at every moment that a process can end in.

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::Receiver;

use bytes::Bytes;
use nix::errno::Errno;
use nix::sys::statvfs::fstatvfs;
use understudy_core::recording::End;

use super::room::Share;

/// What is left to others on the same disk: sockets and configurations of the session, the browser's profile.
pub(super) const FLOOR: u64 = 64 << 20;

#[derive(Debug)]
pub(super) struct Disk {
    file: File,
    /// All that is to stay, in bytes.
    whole: u64,
    /// In bytes.
    floor: u64,
    share: Arc<Share>,
}

impl Disk {
    /// A new file, for nobody else to read, on a disk that has room.
    pub(super) fn create(path: &Path, share: Arc<Share>) -> io::Result<Self> {
        use std::os::unix::fs::OpenOptionsExt;
        let file = File::options().write(true).create_new(true).mode(0o600).open(path)?;
        // Whoever finds it sees that it is being written. Some disks know no locks.
        let _ = file.try_lock();
        let disk = Self::of(file, FLOOR, share);
        if disk.free()? < FLOOR {
            let _ = std::fs::remove_file(path); // there is nothing in it
            return Err(Errno::ENOSPC.into());
        }
        Ok(disk)
    }

    pub(super) const fn of(file: File, floor: u64, share: Arc<Share>) -> Self {
        Self { file, whole: 0, floor, share }
    }

    /// Writes what comes, until nothing comes any more. `wrote` is told how much each was.
    pub(super) fn write(mut self, pieces: &Receiver<Bytes>, wrote: impl Fn(usize)) -> Result<(), End> {
        while let Ok(piece) = pieces.recv() {
            self.append(&piece)?;
            wrote(piece.len());
        }
        Ok(())
    }

    /// All of it or nothing.
    fn append(&mut self, piece: &[u8]) -> Result<(), End> {
        let needed = self.floor.saturating_add(piece.len() as u64);
        if self.free().map_err(end)? < needed || !self.share.take(piece.len() as u64) {
            return Err(End::DiskFull);
        }
        // Some disks find out that they are full when they are told to keep what they took.
        let written = self.file.write_all(piece).and_then(|()| self.file.sync_data());
        if let Err(error) = written {
            // If that fails as well, players still stop before what is cut off.
            let _ = self.file.set_len(self.whole);
            return Err(end(error));
        }
        self.whole += piece.len() as u64;
        Ok(())
    }

    /// In bytes, for whoever is not root. A file system in memory may have no limit, and tells none of its size.
    fn free(&self) -> io::Result<u64> {
        let disk = fstatvfs(&self.file)?;
        Ok(match disk.blocks() {
            0 => u64::MAX,
            _ => disk.blocks_available() * disk.fragment_size(),
        })
    }
}

pub(super) fn end(error: io::Error) -> End {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => End::DiskFull,
        _ => End::Failed(format!("the file cannot be written: {error}")),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::sync_channel;

    use nix::fcntl::{FcntlArg, SealFlag, fcntl};
    use nix::sys::memfd::{MFdFlags, memfd_create};

    use super::super::room::Room;
    use super::*;

    const ROOM: u64 = 20;

    /// Writes these to a file; why it ended, and how much it was told to have written.
    fn written(file: &File, floor: u64, pieces: &[&'static [u8]]) -> (Result<(), End>, usize) {
        let (sender, receiver) = sync_channel(pieces.len());
        pieces.iter().for_each(|piece| sender.send(Bytes::from_static(piece)).unwrap());
        drop(sender);
        let told = std::cell::Cell::new(0);
        let ended = Disk::of(file.try_clone().unwrap(), floor, Room::of(ROOM).share())
            .write(&receiver, |bytes| told.set(told.get() + bytes));
        (ended, told.get())
    }

    #[test]
    fn what_is_taken_back_of_a_full_disk_is_the_last_piece_alone() {
        let memory = memfd_create("disk", MFdFlags::MFD_ALLOW_SEALING).unwrap();
        let file = File::from(memory);
        // A disk of ten bytes: no more can be written to it.
        file.set_len(10).unwrap();
        fcntl(&file, FcntlArg::F_ADD_SEALS(SealFlag::F_SEAL_GROW)).unwrap();
        let (ended, told) = written(&file, 0, &[b"12345", b"678", b"90123"]);
        assert!(matches!(ended, Err(End::Failed(_))), "{ended:?}");
        assert_eq!((told, file.metadata().unwrap().len()), (8, 8));
    }

    #[test]
    fn a_full_disk_is_told_as_one() {
        let full = File::options().write(true).open("/dev/full").unwrap();
        assert_eq!(written(&full, 0, &[b"12345"]), (Err(End::DiskFull), 0));
    }

    #[test]
    fn what_others_need_is_left_to_them() {
        let file = tempfile::tempfile().unwrap();
        assert_eq!(written(&file, u64::MAX, &[b"12345"]), (Err(End::DiskFull), 0));
        assert_eq!(file.metadata().unwrap().len(), 0);
        assert_eq!(written(&file, 0, &[b"12345"]), (Ok(()), 5));
        let pieces: [&[u8]; 3] = [&[0; 15], &[0; 5], &[0]];
        assert_eq!(written(&tempfile::tempfile().unwrap(), 0, &pieces), (Err(End::DiskFull), 20));
    }
}
