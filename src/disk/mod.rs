//! The seam for the disk: the few operations that durable publishing needs, and the real disk.
//!
//! Reads and gives: files and folders by path. Everything that must survive a power cut goes
//! through this trait, so that a simulated disk can lose, tear and refuse what a real one may.

pub mod file_name;
pub mod publish;
pub mod archive;

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

/// A disk with the promises of POSIX and no more: bytes are durable after `DiskFile::sync`,
/// names after `sync_dir`, and before that either may be lost, whole or in part.
pub trait Disk: Send + Sync {
    /// Creates a file that did not exist; `AlreadyExists` otherwise.
    fn create_new(&self, path: &Path) -> io::Result<Box<dyn DiskFile>>;

    /// Opens a regular file for reading. Links, pipes and folders are refused.
    fn open(&self, path: &Path) -> io::Result<Box<dyn Read + Send>>;

    /// Opens a file so that its bytes come from the device rather than from a cache, as far as the
    /// system allows.
    fn read_back(&self, path: &Path) -> io::Result<Box<dyn Read + Send>>;

    /// Makes the bytes of an existing file durable.
    fn sync_file(&self, path: &Path) -> io::Result<()>;

    /// Gives a file another name in one step; `AlreadyExists` when the name is taken, which then
    /// stays as it was.
    fn rename_no_replace(&self, from: &Path, to: &Path) -> io::Result<()>;

    /// Gives a file another name in one step, in place of what had the name before.
    fn rename_replacing(&self, from: &Path, to: &Path) -> io::Result<()>;

    /// Makes the names in a folder durable.
    fn sync_dir(&self, dir: &Path) -> io::Result<()>;

    /// Creates one folder; a folder that is already there is no error.
    fn create_dir(&self, dir: &Path) -> io::Result<()>;

    fn remove(&self, path: &Path) -> io::Result<()>;

    /// Removes a file that was being written when its writer died; says whether it did. A file that
    /// is still being written stays. (A disk that only one process uses knows no other writer.)
    fn remove_abandoned(&self, path: &Path) -> io::Result<bool> {
        self.remove(path)?;
        Ok(true)
    }

    /// Whether the name is taken, by whatever.
    fn exists(&self, path: &Path) -> io::Result<bool>;

    /// The regular files of a folder, sorted by name; at most `limit` of them.
    fn list(&self, dir: &Path, limit: usize) -> io::Result<Vec<Listed>>;

    /// The links of a folder, which are not followed, sorted by name; at most `limit` of them. A disk that knows none
    /// has none.
    fn links(&self, _dir: &Path, _limit: usize) -> io::Result<Vec<String>> {
        Ok(Vec::new())
    }

    /// A text that no other live writer uses, for the names of files that are being written.
    fn part_token(&self) -> String;
}

/// A file being written.
pub trait DiskFile: Write + Send {
    /// Makes all that was written durable. After an error nothing is known about the file, and
    /// calling again proves nothing: systems report a lost write once and then forget it. The
    /// only way on is a new file.
    fn sync(&mut self) -> io::Result<()>;
}

/// A regular file in a folder, as listed.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Listed {
    /// As the system gives it; of a name that is no text, the bytes that are none are written out: `\xff`.
    pub name: String,
    pub bytes: u64,
    /// Whether the name is text. By one that is not, the file cannot be opened.
    pub is_text: bool,
}

/// The disk of this machine.
#[derive(Clone, Copy, Debug, Default)]
pub struct RealDisk;

impl Disk for RealDisk {
    fn create_new(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        let file = OpenOptions::new().write(true).create_new(true).open(path)?;
        // The lock is gone when the writer is, and tells a part being written from one left behind.
        // Where the file system has no locks, `remove_abandoned` gets none either and removes nothing.
        let _ = file.try_lock();
        Ok(Box::new(file))
    }

    fn open(&self, path: &Path) -> io::Result<Box<dyn Read + Send>> {
        Ok(Box::new(open_regular(path)?))
    }

    fn read_back(&self, path: &Path) -> io::Result<Box<dyn Read + Send>> {
        let file = open_regular(path)?;
        // Best effort: a file system that cannot drop its cache still lets the bytes be compared.
        #[cfg(target_os = "linux")]
        let _ = rustix::fs::fadvise(&file, 0, None, rustix::fs::Advice::DontNeed);
        Ok(Box::new(file))
    }

    fn sync_file(&self, path: &Path) -> io::Result<()> {
        open_regular(path)?.sync_all()
    }

    fn rename_no_replace(&self, from: &Path, to: &Path) -> io::Result<()> {
        #[cfg(target_os = "linux")]
        {
            use rustix::fs::{CWD, RenameFlags, renameat_with};
            use rustix::io::Errno;
            match renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE) {
                Ok(()) => return Ok(()),
                // Some network file systems do not know the flag; a hard link keeps the promise.
                Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) => {}
                Err(errno) => return Err(errno.into()),
            }
        }
        fs::hard_link(from, to)?;
        // The file has its name now, and the name of the part is one that nobody reads.
        let _ = fs::remove_file(from);
        Ok(())
    }

    fn rename_replacing(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        File::open(dir)?.sync_all()
    }

    fn create_dir(&self, dir: &Path) -> io::Result<()> {
        match fs::create_dir(dir) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists && dir.is_dir() => Ok(()),
            created => created,
        }
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)
    }

    fn remove_abandoned(&self, path: &Path) -> io::Result<bool> {
        let file = match OpenOptions::new().write(true).open(path) {
            Ok(file) => file,
            // Its writer has finished or removed it since it was listed.
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
            Err(error) => return Err(error),
        };
        match file.try_lock() {
            Ok(()) => fs::remove_file(path).map(|()| true),
            Err(fs::TryLockError::WouldBlock) => Ok(false),
            Err(fs::TryLockError::Error(error)) if error.kind() == io::ErrorKind::Unsupported => {
                Ok(false)
            }
            Err(fs::TryLockError::Error(error)) => Err(error),
        }
    }

    fn exists(&self, path: &Path) -> io::Result<bool> {
        match fs::symlink_metadata(path) {
            Ok(_) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }

    fn list(&self, dir: &Path, limit: usize) -> io::Result<Vec<Listed>> {
        let mut listed = Vec::new();
        for entry in fs::read_dir(dir)? {
            let entry = entry?;
            let metadata = match entry.metadata() {
                Ok(metadata) => metadata,
                // Taken away between the listing and the look.
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(error) => return Err(error),
            };
            if metadata.is_file() {
                let name = entry.file_name();
                let is_text = name.to_str().is_some();
                listed.push(Listed { name: written_out(&name), bytes: metadata.len(), is_text });
            }
            if listed.len() == limit {
                break;
            }
        }
        listed.sort();
        Ok(listed)
    }

    fn links(&self, dir: &Path, limit: usize) -> io::Result<Vec<String>> {
        let mut links = Vec::new();
        for entry in fs::read_dir(dir)? {
            let entry = entry?;
            let is_link = match entry.file_type() {
                Ok(kind) => kind.is_symlink(),
                // Taken away between the listing and the look.
                Err(error) if error.kind() == io::ErrorKind::NotFound => false,
                Err(error) => return Err(error),
            };
            if is_link && links.len() < limit {
                links.push(written_out(&entry.file_name()));
            }
        }
        links.sort();
        Ok(links)
    }

    fn part_token(&self) -> String {
        static COUNTER: AtomicU64 = AtomicU64::new(0);
        format!("{}-{}", std::process::id(), COUNTER.fetch_add(1, Ordering::Relaxed))
    }
}

impl DiskFile for File {
    fn sync(&mut self) -> io::Result<()> {
        self.sync_all()
    }
}

fn written_out(name: &std::ffi::OsStr) -> String {
    let mut text = String::new();
    for chunk in name.as_encoded_bytes().utf8_chunks() {
        text.push_str(chunk.valid());
        text.extend(chunk.invalid().iter().map(|byte| format!("\\x{byte:02x}")));
    }
    text
}

/// Opens a regular file without following a link at its end and without waiting at a pipe: the
/// folders of providers are written by others.
fn open_regular(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true);
    #[cfg(unix)]
    {
        use rustix::fs::OFlags;
        use std::os::unix::fs::OpenOptionsExt;
        options.custom_flags((OFlags::NOFOLLOW | OFlags::NONBLOCK).bits() as i32);
    }
    let file = options.open(path)?;
    if !file.metadata()?.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "not a regular file"));
    }
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_is_abandoned_when_its_writer_is_gone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("B001.csv.1-1.part");
        let mut writing = RealDisk.create_new(&path).unwrap();
        writing.write_all(b"half").unwrap();
        assert!(!RealDisk.remove_abandoned(&path).unwrap(), "its writer lives");
        assert!(path.exists());
        drop(writing);
        assert!(RealDisk.remove_abandoned(&path).unwrap());
        assert!(!path.exists());
        assert!(!RealDisk.remove_abandoned(&path).unwrap(), "removed already");
    }

    #[test]
    fn a_taken_name_stays_as_it_was() {
        let folder = tempfile::tempdir().unwrap();
        let (from, to) = (folder.path().join("from"), folder.path().join("to"));
        fs::write(&from, "new").unwrap();
        fs::write(&to, "old").unwrap();
        let error = RealDisk.rename_no_replace(&from, &to).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(fs::read_to_string(&to).unwrap(), "old");
        fs::remove_file(&to).unwrap();
        RealDisk.rename_no_replace(&from, &to).unwrap();
        assert_eq!(fs::read_to_string(&to).unwrap(), "new");
        assert!(!RealDisk.exists(&from).unwrap());
    }

    #[cfg(unix)]
    #[test]
    fn only_regular_files_are_listed_and_opened() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        fs::write(path("b.xml"), "1").unwrap();
        fs::write(path("a.xml"), "22").unwrap();
        fs::create_dir(path("folder")).unwrap();
        std::os::unix::fs::symlink("/etc/passwd", path("link.xml")).unwrap();

        let listed = RealDisk.list(folder.path(), 10).unwrap();
        let names: Vec<_> = listed.iter().map(|file| (file.name.as_str(), file.bytes)).collect();
        assert_eq!(names, [("a.xml", 2), ("b.xml", 1)]);
        assert_eq!(RealDisk.list(folder.path(), 1).unwrap().len(), 1);
        assert_eq!(RealDisk.links(folder.path(), 10).unwrap(), ["link.xml"]);

        assert!(RealDisk.open(&path("link.xml")).is_err());
        assert!(RealDisk.open(&path("folder")).is_err());
        assert!(RealDisk.exists(&path("link.xml")).unwrap());
        assert!(RealDisk.open(&path("a.xml")).is_ok());
    }
}
