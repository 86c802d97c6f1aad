//! The directory drop: a provider reads one folder and answers in another.
//!
//! Reads: parcels to deliver, the answers in the provider's outbox.
//! Gives: files in the provider's inbox, absent or whole; answers copied under a size limit.
//!
//! The folders are often mounts. They are never created here: a folder that is missing is a mount
//! that is missing, and a file dropped below an empty mount point reaches nobody.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::{
    AnswerFile, Answers, Channel, CollectError, Delivery, DeliveryOutcome, Fetched, Parcel,
    QueryOutcome, Reason, RefusedName,
};
use crate::disk::Disk;
use crate::disk::file_name::{FileName, FileNameError, PART_SUFFIX};
use crate::disk::publish::{self, Visibility};
use crate::domain::digest::{Digest, Hasher};

/// A provider's two folders, and optionally the one to which it moves what it has taken.
pub struct DirectoryChannel {
    disk: Arc<dyn Disk>,
    inbox: PathBuf,
    outbox: PathBuf,
    taken: Option<PathBuf>,
    answer_bytes_max: u64,
}

/// How many files of an outbox are looked at in one go.
const ANSWERS_MAX: usize = 100_000;

impl DirectoryChannel {
    /// `inbox` is where the provider reads, `outbox` where it answers. `answer_bytes_max` is the
    /// largest answer that is taken in.
    pub fn new(
        disk: Arc<dyn Disk>,
        inbox: PathBuf,
        outbox: PathBuf,
        answer_bytes_max: u64,
    ) -> DirectoryChannel {
        DirectoryChannel { disk, inbox, outbox, taken: None, answer_bytes_max }
    }

    /// Names the folder to which the provider moves the files that it has taken, so that a query
    /// can still find them and a second delivery is not made of one that was taken.
    pub fn with_taken_folder(mut self, taken: PathBuf) -> DirectoryChannel {
        self.taken = Some(taken);
        self
    }

    fn look(&self, folder: &Path, name: &FileName, digest: &Digest) -> QueryOutcome {
        let path = folder.join(name.as_str());
        match self.disk.open(&path).and_then(|mut file| Digest::of_reader(&mut file)) {
            Ok((found, bytes)) if found == *digest => QueryOutcome::Held { bytes },
            Ok((found, _)) => QueryOutcome::DifferentBytes { found },
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                // The file is missing only if its folder is there to miss it in.
                match self.disk.exists(folder) {
                    Ok(true) => QueryOutcome::NotThere,
                    Ok(false) => QueryOutcome::Unavailable(folder_missing(folder)),
                    Err(error) => QueryOutcome::Unavailable(unreadable(&path, &error)),
                }
            }
            Err(error) => QueryOutcome::Unavailable(unreadable(&path, &error)),
        }
    }
}

/// Still being written, or the folder's own business: not ours to report.
fn is_told(name: &str) -> bool {
    !name.starts_with('.') && !name.ends_with(PART_SUFFIX)
}

fn folder_missing(folder: &Path) -> Reason {
    let folder = folder.display();
    let sentence = format!("the folder {folder} is not there; check that it is mounted");
    Reason::new("channel_folder_must_exist", sentence)
}

fn unreadable(path: &Path, error: &io::Error) -> Reason {
    Reason::new("channel_must_be_readable", format!("{} cannot be read: {error}", path.display()))
}

impl Channel for DirectoryChannel {
    fn deliver(&self, parcel: Parcel<'_>) -> DeliveryOutcome {
        if let Some(taken) = &self.taken {
            match self.look(taken, &parcel.name, &parcel.digest) {
                QueryOutcome::NotThere => {}
                QueryOutcome::Held { bytes } => {
                    return DeliveryOutcome::Delivered(Delivery {
                        digest: parcel.digest,
                        bytes,
                        already_there: true,
                    });
                }
                QueryOutcome::DifferentBytes { found } => {
                    return DeliveryOutcome::NotDelivered(Reason::new(
                        crate::disk::publish::NAME_TAKEN,
                        format!("the provider took `{}` with other bytes ({found})", parcel.name),
                    ));
                }
                QueryOutcome::Unavailable(reason) => return DeliveryOutcome::NotDelivered(reason),
            }
        }
        match self.disk.exists(&self.inbox) {
            Ok(true) => {}
            Ok(false) => return DeliveryOutcome::NotDelivered(folder_missing(&self.inbox)),
            Err(error) => return DeliveryOutcome::NotDelivered(unreadable(&self.inbox, &error)),
        }
        let disk = &*self.disk;
        // An attempt that was killed has left its part, with everybody's accounts in it.
        if let Err(error) = publish::sweep_parts_of(disk, &self.inbox, &parcel.name) {
            return DeliveryOutcome::NotDelivered(Reason::new(
                "channel_must_be_readable",
                format!(
                    "parts of an earlier attempt cannot be looked for in {}: {error}; allow this \
                     account to list and remove what it wrote there",
                    self.inbox.display()
                ),
            ));
        }
        match publish::publish(disk, &self.inbox, &parcel.name, &parcel.digest, parcel.source) {
            Ok(published) => DeliveryOutcome::Delivered(Delivery {
                digest: published.digest,
                bytes: published.bytes,
                already_there: published.adopted,
            }),
            Err(error) => {
                let reason = Reason::new(error.code(), &error);
                match error.visibility() {
                    Visibility::NotVisible => DeliveryOutcome::NotDelivered(reason),
                    Visibility::MayBeVisible => DeliveryOutcome::Unknown(reason),
                }
            }
        }
    }

    fn query(&self, name: &FileName, digest: &Digest) -> QueryOutcome {
        let in_inbox = self.look(&self.inbox, name, digest);
        match (&in_inbox, &self.taken) {
            (QueryOutcome::NotThere, Some(taken)) => self.look(taken, name, digest),
            _ => in_inbox,
        }
    }

    fn answers(&self) -> Result<Answers, CollectError> {
        let unreadable = |source| CollectError::FolderMustBeReadable {
            folder: self.outbox.display().to_string(),
            source,
        };
        let listed = self.disk.list(&self.outbox, ANSWERS_MAX).map_err(unreadable)?;
        let links = self.disk.links(&self.outbox, ANSWERS_MAX).map_err(unreadable)?;
        let mut answers = Answers::default();
        answers
            .refused
            .extend(links.iter().filter(|name| is_told(name)).map(|name| RefusedName::link(name)));
        for file in listed {
            if !file.is_text {
                if is_told(&file.name) {
                    answers.refused.push(RefusedName::no_text(&file.name, file.bytes));
                }
                continue;
            }
            match FileName::parse(&file.name) {
                // Still being written, or the folder's own business: not ours to report.
                Err(
                    FileNameError::NameMustNotBeAPart(_) | FileNameError::NameMustNotBeHidden(_),
                ) => {}
                Err(error) => {
                    answers.refused.push(RefusedName::new(&file.name, file.bytes, &error));
                }
                Ok(name) => answers.files.push(AnswerFile { name, bytes: file.bytes }),
            }
        }
        Ok(answers)
    }

    fn fetch(&self, name: &FileName, into: &mut dyn Write) -> Result<Fetched, CollectError> {
        let unreadable = |source: io::Error| match source.kind() {
            io::ErrorKind::NotFound => CollectError::AnswerMustBeThere(name.clone()),
            _ => CollectError::AnswerMustBeReadable { name: name.clone(), source },
        };
        let mut file = self.disk.open(&self.outbox.join(name.as_str())).map_err(unreadable)?;
        let mut hasher = Hasher::new();
        let mut buffer = vec![0; 64 * 1024];
        let mut bytes = 0;
        loop {
            let read = match file.read(&mut buffer) {
                Ok(0) => break,
                Ok(read) => read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(unreadable(error)),
            };
            bytes += read as u64;
            // Counted while reading: the listed size of a file that others write proves nothing.
            if bytes > self.answer_bytes_max {
                let bytes_max = self.answer_bytes_max;
                return Err(CollectError::AnswerMustFitTheLimit {
                    name: name.to_string(),
                    bytes_max,
                });
            }
            hasher.update(&buffer[..read]);
            into.write_all(&buffer[..read]).map_err(|source| CollectError::CopyMustBeWritable {
                name: name.clone(),
                source,
            })?;
        }
        let (digest, bytes) = hasher.finish();
        Ok(Fetched { digest, bytes })
    }
}
