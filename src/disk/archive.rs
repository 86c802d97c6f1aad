//! The archive: every file that came in or went out, compressed, sealed, and named by its content.
//!
//! Reads: files, and the office's archive key.
//! Gives: the digest under which a file is kept, and the file again, verified to the last byte.
//!
//! A file is kept as `<2 digits>/<64 digits>` of the SHA-256 of its plaintext. The digest is no
//! secret: it is in the log and on the digest sheet. Inside, the zstd stream is cut into frames of
//! 64 KiB, each sealed for (digest, number of the frame, whether it is the last), so that a frame
//! that was altered, moved, taken from another file or cut off at the end breaks a seal. Neither
//! way is the whole file held in memory.

use std::io::{self, BufRead, BufReader, Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::Disk;
use super::file_name::FileName;
use super::publish::{PublishError, Staged, Step, create_dirs, sweep_parts};
use crate::domain::digest::{Digest, Hasher, HashingReader};
use crate::domain::sealed::{SEALED_OVERHEAD_BYTES, SealingKey};

/// A folder of sealed files.
pub struct Archive {
    disk: Arc<dyn Disk>,
    root: PathBuf,
    key: SealingKey,
}

/// The first bytes of an archived file: what it is, and in which form.
const MAGIC: &[u8] = b"chitra archive v1\n";
const FRAME_BYTES: usize = 64 * 1024;
const SEALED_FRAME_BYTES: usize = FRAME_BYTES + SEALED_OVERHEAD_BYTES;
const ZSTD_LEVEL: i32 = 3;

impl Archive {
    /// `root` is an existing folder; `key` is the office's sealing key of the purpose `archive`.
    pub fn new(disk: Arc<dyn Disk>, root: PathBuf, key: SealingKey) -> Archive {
        Archive { disk, root, key }
    }

    /// Keeps a file and gives the digest of its plaintext. A file that is already kept is read
    /// through instead of being written again, so that a damaged copy is found while the original
    /// is here.
    ///
    /// The source is read twice, first for its digest, since every frame is sealed for it.
    pub fn put<R: Read + Seek>(&self, source: &mut R) -> Result<Digest, ArchiveError> {
        let from = source.stream_position().map_err(ArchiveError::SourceMustBeReadable)?;
        let (digest, _) = Digest::of_reader(source).map_err(ArchiveError::SourceMustBeReadable)?;
        if self.contains(&digest)? {
            self.get(&digest, &mut io::sink())?;
            self.make_durable(&digest)?;
            return Ok(digest);
        }
        source.seek(io::SeekFrom::Start(from)).map_err(ArchiveError::SourceMustBeReadable)?;
        let (folder, name) = place(&digest);
        create_dirs(&*self.disk, &self.root, &folder)?;
        let folder = self.root.join(folder);
        sweep_parts(&*self.disk, &folder)
            .map_err(|error| PublishError::not_visible(Step::LookUp, &folder, error))?;
        let mut staged = Staged::create(&*self.disk, &folder, name.as_str())?;
        let found = self.write_frames(&digest, source, &mut staged)?;
        if found != digest {
            return Err(ArchiveError::SourceMustNotChange { first: digest, second: found });
        }
        staged.publish(&name)?;
        Ok(digest)
    }

    /// Keeps a file of this digest again, in place of a copy that is damaged or gone. A damaged copy is
    /// put aside beside it, as `….damaged-1`, for who asks how that came.
    pub fn restore<R: Read + Seek>(
        &self,
        digest: &Digest,
        source: &mut R,
    ) -> Result<(), ArchiveError> {
        let from = source.stream_position().map_err(ArchiveError::SourceMustBeReadable)?;
        let (found, _) = Digest::of_reader(source).map_err(ArchiveError::SourceMustBeReadable)?;
        if found != *digest {
            return Err(ArchiveError::SourceMustHaveTheDigest { expected: *digest, found });
        }
        if self.contains(digest)? {
            match self.get(digest, &mut io::sink()) {
                Err(ArchiveError::ArchivedFileMustBeWhole(_)) => self.put_aside(digest)?,
                whole => return whole.map(|_| ()),
            }
        }
        source.seek(io::SeekFrom::Start(from)).map_err(ArchiveError::SourceMustBeReadable)?;
        self.put(source).map(|_| ())
    }

    fn put_aside(&self, digest: &Digest) -> Result<(), ArchiveError> {
        let path = self.path(digest);
        for number in 1_u32.. {
            let aside = path.with_file_name(format!("{digest}.damaged-{number}"));
            match self.disk.rename_no_replace(&path, &aside) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                done => return done.map_err(|source| self.unreadable(digest, source)),
            }
        }
        Ok(())
    }

    pub fn contains(&self, digest: &Digest) -> Result<bool, ArchiveError> {
        self.disk.exists(&self.path(digest)).map_err(|source| self.unreadable(digest, source))
    }

    /// Writes the plaintext of a kept file, and gives its length. After an error, what was written
    /// is to be thrown away: the end of the file is what proves the beginning whole.
    pub fn get(&self, digest: &Digest, into: &mut dyn Write) -> Result<u64, ArchiveError> {
        let mut reader = self.open(digest)?;
        let mut buffer = vec![0; FRAME_BYTES];
        let mut bytes = 0;
        loop {
            let read = reader.read_verified(&mut buffer)?;
            if read == 0 {
                return Ok(bytes);
            }
            into.write_all(&buffer[..read]).map_err(ArchiveError::CopyMustBeWritable)?;
            bytes += read as u64;
        }
    }

    /// Opens a kept file for reading. A damaged file gives an error in place of its end, so
    /// whoever reads to the end has read the file.
    pub fn open(&self, digest: &Digest) -> Result<ArchiveReader<'_>, ArchiveError> {
        if !self.contains(digest)? {
            return Err(ArchiveError::FileMustBeArchived(*digest));
        }
        let unreadable = |source| self.unreadable(digest, source);
        let mut file = self.disk.open(&self.path(digest)).map_err(unreadable)?;
        let mut magic = [0; MAGIC.len()];
        match file.read_exact(&mut magic) {
            Ok(()) if magic == *MAGIC => {}
            Err(error) if error.kind() != io::ErrorKind::UnexpectedEof => {
                return Err(unreadable(error));
            }
            _ => return Err(ArchiveError::ArchivedFileMustBeWhole(*digest)),
        }
        let frames = Frames {
            key: &self.key,
            digest: *digest,
            file: BufReader::new(file),
            next: 0,
            ended: false,
            plain: Vec::new(),
            at: 0,
        };
        let decoder = zstd::stream::read::Decoder::with_buffer(frames)
            .map_err(|source| self.unreadable(digest, source))?
            .single_frame();
        Ok(ArchiveReader { digest: *digest, decoder, hasher: Some(Hasher::new()) })
    }

    /// Syncs a file that was found here: the process that wrote it may have died before it could.
    fn make_durable(&self, digest: &Digest) -> Result<(), ArchiveError> {
        let (folder, _) = place(digest);
        create_dirs(&*self.disk, &self.root, &folder)?;
        self.disk
            .sync_file(&self.path(digest))
            .and_then(|()| self.disk.sync_dir(&self.root.join(folder)))
            .map_err(|source| self.unreadable(digest, source))
    }

    /// Compresses, cuts into frames and seals. Gives the digest of what was read.
    fn write_frames<R: Read>(
        &self,
        digest: &Digest,
        source: &mut R,
        staged: &mut Staged<'_>,
    ) -> Result<Digest, ArchiveError> {
        let hashing = BufReader::with_capacity(FRAME_BYTES, HashingReader::new(source));
        let mut compressed = zstd::stream::read::Encoder::with_buffer(hashing, ZSTD_LEVEL)
            .map_err(ArchiveError::SourceMustBeReadable)?;
        staged.copy_from(&mut { MAGIC })?;
        // One frame is held back, since only at the end is it known to be the last.
        let mut frame = read_frame(&mut compressed)?;
        for number in 0.. {
            let next = read_frame(&mut compressed)?;
            let last = next.is_empty();
            let sealed = self.key.seal(&context(digest, number, last), &frame);
            staged.copy_from(&mut sealed.as_slice())?;
            if last {
                break;
            }
            frame = next;
        }
        let (found, _) = compressed.finish().into_inner().finish();
        Ok(found)
    }

    fn path(&self, digest: &Digest) -> PathBuf {
        let (folder, name) = place(digest);
        self.root.join(folder).join(name.as_str())
    }

    fn unreadable(&self, digest: &Digest, source: io::Error) -> ArchiveError {
        ArchiveError::ArchiveMustBeReadable { path: self.path(digest), source }
    }
}

/// The folder and the name under which a file is kept. Two digits make 256 folders, which keeps
/// each of them short.
fn place(digest: &Digest) -> (PathBuf, FileName) {
    let text = digest.to_string();
    let folder = Path::new(&text[..2]).to_path_buf();
    (folder, FileName::parse(&text).expect("64 hexadecimal digits are a plain name"))
}

/// Where in the archive's folder a file is kept.
pub fn archived_path(digest: &Digest) -> String {
    let (folder, name) = place(digest);
    format!("{}/{}", folder.display(), name.as_str())
}

/// What a frame is sealed for.
fn context(digest: &Digest, number: u64, last: bool) -> Vec<u8> {
    let mut context = MAGIC.to_vec();
    context.extend_from_slice(digest.as_bytes());
    context.extend_from_slice(&number.to_be_bytes());
    context.push(u8::from(last));
    context
}

/// Reads up to a whole frame; less only at the end.
fn read_frame(compressed: &mut impl Read) -> Result<Vec<u8>, ArchiveError> {
    let mut frame = Vec::with_capacity(FRAME_BYTES);
    compressed
        .take(FRAME_BYTES as u64)
        .read_to_end(&mut frame)
        .map_err(ArchiveError::SourceMustBeReadable)?;
    Ok(frame)
}

/// Reads the plaintext of a kept file.
pub struct ArchiveReader<'a> {
    digest: Digest,
    decoder: zstd::stream::read::Decoder<'static, Frames<'a>>,
    /// Gone once the end was reached and verified.
    hasher: Option<Hasher>,
}

impl ArchiveReader<'_> {
    /// Reads; 0 means that the whole file was read and has its digest.
    fn read_verified(&mut self, buffer: &mut [u8]) -> Result<usize, ArchiveError> {
        let damaged = ArchiveError::ArchivedFileMustBeWhole(self.digest);
        let Some(hasher) = self.hasher.as_mut() else { return Ok(0) };
        if buffer.is_empty() {
            return Ok(0);
        }
        let read = match self.decoder.read(buffer) {
            Ok(read) => read,
            Err(error) if error.get_ref().is_some_and(|inner| inner.is::<BrokenFrame>()) => {
                return Err(damaged);
            }
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Err(damaged),
            Err(source) => return Err(ArchiveError::ReadingMustNotFail(source)),
        };
        hasher.update(&buffer[..read]);
        if read == 0 {
            let (found, _) = self.hasher.take().expect("it was there a line above").finish();
            let frames = self.decoder.get_mut();
            if found != self.digest || !frames.are_used_up().map_err(|_| damaged)? {
                return Err(ArchiveError::ArchivedFileMustBeWhole(self.digest));
            }
        }
        Ok(read)
    }
}

impl Read for ArchiveReader<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.read_verified(buffer).map_err(io::Error::other)
    }
}

/// Opens frame after frame and gives their plaintext as one stream.
struct Frames<'a> {
    key: &'a SealingKey,
    digest: Digest,
    file: BufReader<Box<dyn Read + Send>>,
    next: u64,
    ended: bool,
    plain: Vec<u8>,
    at: usize,
}

#[derive(Debug, thiserror::Error)]
#[error("a frame of the archived file does not open")]
struct BrokenFrame;

impl Frames<'_> {
    fn open_next(&mut self) -> io::Result<()> {
        let mut sealed = Vec::with_capacity(SEALED_FRAME_BYTES);
        (&mut self.file).take(SEALED_FRAME_BYTES as u64).read_to_end(&mut sealed)?;
        let last = self.file.fill_buf()?.is_empty();
        let context = context(&self.digest, self.next, last);
        let plain = self.key.open(&context, &sealed).map_err(|_| io::Error::other(BrokenFrame))?;
        self.plain.clear();
        self.plain.extend_from_slice(&plain);
        self.at = 0;
        self.next += 1;
        self.ended = last;
        Ok(())
    }

    /// Whether nothing is left after the compressed stream has ended.
    fn are_used_up(&mut self) -> io::Result<bool> {
        Ok(self.fill_buf()?.is_empty())
    }
}

impl Read for Frames<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.fill_buf()?.read(buffer)?;
        self.consume(read);
        Ok(read)
    }
}

impl BufRead for Frames<'_> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        while self.at == self.plain.len() && !self.ended {
            self.open_next()?;
        }
        Ok(&self.plain[self.at..])
    }

    fn consume(&mut self, read: usize) {
        self.at += read;
    }
}

#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    #[error("what is to be archived cannot be read: {0}")]
    SourceMustBeReadable(io::Error),
    #[error(
        "what is to be archived changed while it was read (first {first}, then {second}); archive it again when nothing writes to it"
    )]
    SourceMustNotChange { first: Digest, second: Digest },
    #[error("the file has the digest {found}, and {expected} is wanted")]
    SourceMustHaveTheDigest { expected: Digest, found: Digest },
    #[error("no file with digest {0} is archived here")]
    FileMustBeArchived(Digest),
    #[error(
        "the archived copy of {0} is damaged, or was sealed with another key; restore it from a backup"
    )]
    ArchivedFileMustBeWhole(Digest),
    #[error("{} cannot be read or synced: {source}", .path.display())]
    ArchiveMustBeReadable { path: PathBuf, source: io::Error },
    #[error("reading the archive failed: {0}")]
    ReadingMustNotFail(io::Error),
    #[error("writing the copy failed: {0}")]
    CopyMustBeWritable(io::Error),
    #[error(transparent)]
    ArchiveMustBeWritable(#[from] PublishError),
}

impl ArchiveError {
    /// A stable name for scripts and catalogues.
    pub fn code(&self) -> &'static str {
        match self {
            ArchiveError::SourceMustBeReadable(_) => "V101",
            ArchiveError::SourceMustNotChange { .. } => "V102",
            ArchiveError::FileMustBeArchived(_) => "V103",
            ArchiveError::ArchivedFileMustBeWhole(_) => "V104",
            ArchiveError::ArchiveMustBeReadable { .. } => "V105",
            ArchiveError::ReadingMustNotFail(_) => "V106",
            ArchiveError::CopyMustBeWritable(_) => "V107",
            ArchiveError::SourceMustHaveTheDigest { .. } => "V108",
            ArchiveError::ArchiveMustBeWritable(error) => error.code(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::RealDisk;
    use crate::domain::sealed::OfficeKey;
    use std::fs;
    use std::io::Cursor;

    struct Kept {
        _folder: tempfile::TempDir,
        archive: Archive,
    }

    fn archive() -> Kept {
        let folder = tempfile::tempdir().unwrap();
        let key = OfficeKey::from_bytes([5; 32]).sealing("archive");
        let archive = Archive::new(Arc::new(RealDisk), folder.path().to_path_buf(), key);
        Kept { _folder: folder, archive }
    }

    /// Bytes that do not compress, so that sizes in frames are what they seem.
    fn noise(bytes: usize) -> Vec<u8> {
        let mut state = 0x9e37_79b9_7f4a_7c15_u64;
        let mut next = || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state as u8
        };
        (0..bytes).map(|_| next()).collect()
    }

    #[test]
    fn what_is_put_is_got() {
        let kept = archive();
        for bytes in [0, 1, FRAME_BYTES - 40, FRAME_BYTES, FRAME_BYTES + 1, 3 * FRAME_BYTES + 7] {
            for content in [noise(bytes), vec![b'0'; bytes]] {
                let digest = kept.archive.put(&mut Cursor::new(&content)).unwrap();
                assert_eq!(digest, Digest::of(&content));
                assert!(kept.archive.contains(&digest).unwrap());
                let mut got = Vec::new();
                assert_eq!(kept.archive.get(&digest, &mut got).unwrap(), bytes as u64);
                assert_eq!(got, content);
                assert_eq!(kept.archive.put(&mut Cursor::new(&content)).unwrap(), digest);
            }
        }
    }

    #[test]
    fn a_kept_file_shows_nothing_of_its_content_and_is_the_same_again() {
        let content = b"079123456789;NGUYEN VAN A;750000\n".repeat(1000);
        let files: Vec<Vec<u8>> = (0..2)
            .map(|_| {
                let kept = archive();
                let digest = kept.archive.put(&mut Cursor::new(&content)).unwrap();
                fs::read(kept.archive.path(&digest)).unwrap()
            })
            .collect();
        assert_eq!(files[0], files[1]);
        assert!(files[0].len() < content.len() / 10);
        assert!(!files[0].windows(6).any(|bytes| bytes == b"NGUYEN"));
    }

    /// Damages the file of a content of several frames and expects the damage to be found.
    #[track_caller]
    fn check_damage(damage: impl FnOnce(&mut Vec<u8>)) {
        let kept = archive();
        let digest = kept.archive.put(&mut Cursor::new(noise(3 * FRAME_BYTES))).unwrap();
        let path = kept.archive.path(&digest);
        let mut bytes = fs::read(&path).unwrap();
        damage(&mut bytes);
        fs::write(&path, &bytes).unwrap();
        let error = kept.archive.get(&digest, &mut io::sink()).unwrap_err();
        assert_eq!(error.code(), "V104", "{error}");
        let error = io::copy(&mut kept.archive.open(&digest).unwrap(), &mut io::sink());
        assert!(error.is_err());
        let again = kept.archive.put(&mut Cursor::new(noise(3 * FRAME_BYTES)));
        assert_eq!(again.unwrap_err().code(), "V104");
    }

    #[test]
    fn damage_is_found() {
        let frame = |number: usize| MAGIC.len() + number * SEALED_FRAME_BYTES;
        check_damage(|bytes| bytes[frame(1) + 100] ^= 1);
        check_damage(|bytes| *bytes.last_mut().unwrap() ^= 0x80);
        check_damage(|bytes| bytes.truncate(frame(3)));
        check_damage(|bytes| bytes.truncate(frame(2)));
        check_damage(|bytes| bytes.truncate(frame(2) + 10));
        check_damage(|bytes| bytes.truncate(frame(0)));
        check_damage(|bytes| bytes.push(0));
        check_damage(|bytes| {
            let second = bytes[frame(1)..frame(2)].to_vec();
            bytes.copy_within(frame(0)..frame(1), frame(1));
            bytes[frame(0)..frame(1)].copy_from_slice(&second);
        });
        check_damage(|bytes| {
            bytes.drain(frame(0)..frame(1));
        });
    }

    #[test]
    fn a_damaged_or_lost_copy_is_restored_from_the_same_bytes_only() {
        let kept = archive();
        let content = noise(3 * FRAME_BYTES);
        let digest = kept.archive.put(&mut Cursor::new(&content)).unwrap();
        let path = kept.archive.path(&digest);
        let whole = fs::read(&path).unwrap();
        for damaged in [Some(&whole[..whole.len() - 1]), Some(&whole[..10]), None] {
            fs::remove_file(&path).unwrap();
            if let Some(damaged) = damaged {
                fs::write(&path, damaged).unwrap();
            }
            let other = kept.archive.restore(&digest, &mut Cursor::new(noise(7)));
            assert_eq!(other.unwrap_err().code(), "V108");
            assert_eq!(fs::read(&path).ok().as_deref(), damaged, "nothing was touched");
            kept.archive.restore(&digest, &mut Cursor::new(&content)).unwrap();
            assert_eq!(fs::read(&path).unwrap(), whole);
        }
        let aside = |number| path.with_file_name(format!("{digest}.damaged-{number}"));
        assert_eq!(fs::read(aside(1)).unwrap(), &whole[..whole.len() - 1]);
        assert_eq!(fs::read(aside(2)).unwrap(), &whole[..10]);
        // A whole copy stays as it is.
        kept.archive.restore(&digest, &mut Cursor::new(&content)).unwrap();
        assert!(!aside(3).exists());
    }

    #[test]
    fn a_file_of_another_name_or_key_is_refused() {
        let kept = archive();
        let (one, two) = (noise(10), noise(20));
        let first = kept.archive.put(&mut Cursor::new(&one)).unwrap();
        let second = kept.archive.put(&mut Cursor::new(&two)).unwrap();
        fs::copy(kept.archive.path(&first), kept.archive.path(&second)).unwrap();
        let error = kept.archive.get(&second, &mut io::sink()).unwrap_err();
        assert_eq!(error.code(), "V104");

        let key = OfficeKey::from_bytes([6; 32]).sealing("archive");
        let other = Archive::new(Arc::new(RealDisk), kept.archive.root.clone(), key);
        let error = other.get(&first, &mut io::sink()).unwrap_err();
        assert_eq!(error.code(), "V104");

        let error = kept.archive.get(&Digest::of(b"never put"), &mut io::sink()).unwrap_err();
        assert_eq!(error.code(), "V103");
    }

    #[test]
    fn a_source_that_changes_is_refused() {
        /// Gives other bytes after it was rewound.
        struct Growing(Cursor<Vec<u8>>);
        impl Read for Growing {
            fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
                self.0.read(buffer)
            }
        }
        impl Seek for Growing {
            fn seek(&mut self, to: io::SeekFrom) -> io::Result<u64> {
                if matches!(to, io::SeekFrom::Start(_)) {
                    self.0.get_mut().push(b'!');
                }
                self.0.seek(to)
            }
        }
        let kept = archive();
        let error = kept.archive.put(&mut Growing(Cursor::new(noise(100)))).unwrap_err();
        assert_eq!(error.code(), "V102");
        assert!(!kept.archive.contains(&Digest::of(&noise(100))).unwrap());
    }
}
