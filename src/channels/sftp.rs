//! SFTP: a partner's server has three folders, and keeps what it took in one of them.
//!
//! Reads: parcels to deliver, the answers in the partner's outbox.
//! Gives: files in the partner's inbox, absent or whole; answers copied under a size limit.
//!
//! A file is written as a hidden part, read back, and given its name by the rename of the standard,
//! which fails where the name is taken. Until the rename is asked for, whatever fails is *not
//! delivered*; from then on it is *unknown* until the file was seen. Each operation is a connection
//! of its own, under three time limits: to connect, to be answered, and for all of it.

mod error;
mod session;
mod site;

pub use error::SftpError;
pub use site::{HostKey, HostKeyError, Site, Times};

use std::cell::Cell;
use std::io::{Read, Write};

use self::session::{Entry, Session};
use super::{
    AnswerFile, Answers, Channel, CollectError, Delivery, DeliveryOutcome, Fetched, Parcel,
    QueryOutcome, RefusedName,
};
use crate::disk::file_name::{FileName, FileNameError, PART_SUFFIX};
use crate::domain::digest::{Digest, Hasher};

/// The way to one partner's SFTP server.
#[derive(Debug)]
pub struct SftpChannel {
    site: Site,
    answer_bytes_max: u64,
}

impl SftpChannel {
    /// `answer_bytes_max` is the largest answer that is taken in.
    pub fn new(site: Site, answer_bytes_max: u64) -> SftpChannel {
        SftpChannel { site, answer_bytes_max }
    }

    /// Runs one operation on an event loop of its own, within the time for all of it.
    fn within<T>(&self, doing: impl Future<Output = Result<T, SftpError>>) -> Result<T, SftpError> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| SftpError::ServerMustBeReachable(error.to_string()))?;
        let whole = self.site.times.whole;
        let done = runtime.block_on(async { tokio::time::timeout(whole, doing).await });
        // What still waits for the server, or for a name to be resolved, is not waited for.
        runtime.shutdown_background();
        done.unwrap_or(Err(SftpError::OperationMustEndInTime(whole)))
    }

    /// Looks for a file of ours: in the inbox first, because the partner moves files from there to
    /// the folder of what it took, and never back.
    async fn look(
        &self,
        session: &Session,
        name: &FileName,
    ) -> Result<Option<(Digest, u64)>, SftpError> {
        for folder in [&self.site.inbox, &self.site.taken] {
            let path = format!("{folder}/{name}");
            if let Some(found) = session.digest(&path).await? {
                return Ok(Some(found));
            }
            // A file is missing only if its folder is there to miss it in.
            session.must_be_folder(folder).await?;
        }
        Ok(None)
    }

    /// Delivers. `asked` is true from before the rename leaves until it is known that it was refused.
    async fn send(&self, parcel: Parcel<'_>, asked: &Cell<bool>) -> Result<Delivery, SftpError> {
        let Parcel { name, source, digest, .. } = parcel;
        let session = Session::open(&self.site).await?;
        let there = |found: Digest, bytes| match found == digest {
            true => Ok(Delivery { digest, bytes, already_there: true }),
            false => Err(SftpError::NameTaken { name: name.clone(), found }),
        };
        if let Some((found, bytes)) = self.look(&session, &name).await? {
            return there(found, bytes);
        }
        // An attempt that was killed has left its part, with everybody's accounts in it.
        let (mut parts, begin) = (Vec::new(), format!(".{name}."));
        session
            .list(&self.site.inbox, &mut |listed, _| {
                if listed.starts_with(&begin) && FileName::parse(&listed[1..]).is_err_and(is_part) {
                    parts.push(listed.to_owned());
                }
            })
            .await?;
        for part in parts {
            session.remove(&format!("{}/{part}", self.site.inbox)).await?;
        }
        let part = format!("{}/{begin}{}{PART_SUFFIX}", self.site.inbox, token()?);
        let path = format!("{}/{name}", self.site.inbox);
        let done = self.write(&session, &part, source, &digest).await;
        // A refusal leaves a connection on which the part can be taken away; a silence does not.
        if matches!(&done, Err(error) if !error.breaks_the_connection()) {
            let _ = session.remove(&part).await;
        }
        done?;
        asked.set(true);
        match session.rename(&part, &path).await {
            Ok(()) => {}
            Err(refused @ SftpError::ServerMustAgree { .. }) => {
                let found = self.look(&session, &name).await?;
                if found.is_none() && !session.is_there(&part).await? {
                    return Err(refused);
                }
                // The part is still a part, or the name was another's before: nothing of this attempt
                // has the name.
                asked.set(false);
                let _ = session.remove(&part).await;
                return match found {
                    Some((found, bytes)) => there(found, bytes),
                    None => Err(refused),
                };
            }
            Err(lost) => return Err(SftpError::RenameMustBeAnswered(lost.to_string())),
        }
        match self.look(&session, &name).await? {
            Some((found, bytes)) if found == digest => {
                Ok(Delivery { digest, bytes, already_there: false })
            }
            Some((found, _)) => Err(SftpError::DeliveredBytesMustReadBack { found }),
            None => Err(SftpError::DeliveredFileMustBeThere(name)),
        }
    }

    /// Writes the part and reads it back: bytes that are not the approved ones never get a name.
    async fn write(
        &self,
        session: &Session,
        part: &str,
        source: &mut (dyn Read + Send),
        digest: &Digest,
    ) -> Result<(), SftpError> {
        let written = session.write(part, source).await?;
        if written != *digest {
            return Err(SftpError::SourceMustHaveTheApprovedDigest { found: written });
        }
        match session.digest(part).await? {
            Some((found, _)) if found == *digest => Ok(()),
            Some((found, _)) => Err(SftpError::PartMustReadBack { found: found.to_string() }),
            None => Err(SftpError::PartMustReadBack { found: "nothing".to_owned() }),
        }
    }
}

fn is_part(error: FileNameError) -> bool {
    matches!(error, FileNameError::NameMustNotBeAPart(_))
}

/// What tells the part of this attempt from that of any other, on any host.
fn token() -> Result<String, SftpError> {
    let mut random = [0; 8];
    getrandom::fill(&mut random).map_err(|error| SftpError::PartMustBeNamed(error.to_string()))?;
    Ok(random.iter().map(|byte| format!("{byte:02x}")).collect())
}

impl Channel for SftpChannel {
    fn deliver(&self, parcel: Parcel<'_>) -> DeliveryOutcome {
        let asked = Cell::new(false);
        match self.within(self.send(parcel, &asked)) {
            Ok(delivery) => DeliveryOutcome::Delivered(delivery),
            Err(error) if asked.get() => DeliveryOutcome::Unknown(error.reason()),
            Err(error) => DeliveryOutcome::NotDelivered(error.reason()),
        }
    }

    fn query(&self, name: &FileName, digest: &Digest) -> QueryOutcome {
        let found = self.within(async {
            let session = Session::open(&self.site).await?;
            self.look(&session, name).await
        });
        match found {
            Ok(Some((found, bytes))) if found == *digest => QueryOutcome::Held { bytes },
            Ok(Some((found, _))) => QueryOutcome::DifferentBytes { found },
            Ok(None) => QueryOutcome::NotThere,
            Err(error) => QueryOutcome::Unavailable(error.reason()),
        }
    }

    fn answers(&self) -> Result<Answers, CollectError> {
        let mut answers = Answers::default();
        let listed = self.within(async {
            let session = Session::open(&self.site).await?;
            session
                .list(&self.site.outbox, &mut |name, entry| match (FileName::parse(name), entry) {
                    // Still being written, or the folder's own business: not ours to report.
                    (
                        Err(
                            FileNameError::NameMustNotBeAPart(_)
                            | FileNameError::NameMustNotBeHidden(_),
                        ),
                        _,
                    ) => {}
                    (_, Entry::Link) => answers.refused.push(RefusedName::link(name)),
                    (Err(error), Entry::File(bytes)) => {
                        answers.refused.push(RefusedName::new(name, bytes, &error));
                    }
                    (Ok(name), Entry::File(bytes)) => {
                        answers.files.push(AnswerFile { name, bytes });
                    }
                })
                .await
        });
        listed.map_err(|error| CollectError::WayMustBeOpen(error.reason()))?;
        answers.files.sort_by(|one, other| one.name.cmp(&other.name));
        // A server that lists a name twice does not make it two answers.
        answers.files.dedup_by(|one, other| one.name == other.name);
        Ok(answers)
    }

    fn fetch(&self, name: &FileName, into: &mut dyn Write) -> Result<Fetched, CollectError> {
        let mut hasher = Hasher::new();
        let (mut bytes, bytes_max) = (0, self.answer_bytes_max);
        let mut refusal = None;
        let fetched = self.within(async {
            let session = Session::open(&self.site).await?;
            let path = format!("{}/{name}", self.site.outbox);
            let mut take = |chunk: &[u8]| {
                bytes += chunk.len() as u64;
                // Counted while reading: the listed size of a file that others write proves nothing.
                if bytes > bytes_max {
                    let name = name.to_string();
                    return Err(CollectError::AnswerMustFitTheLimit { name, bytes_max });
                }
                hasher.update(chunk);
                into.write_all(chunk).map_err(|source| CollectError::CopyMustBeWritable {
                    name: name.clone(),
                    source,
                })
            };
            match session.read(&path, &mut take).await {
                Ok(copied) => Ok(copied),
                Err(session::ReadError::Session(error)) => Err(error),
                Err(session::ReadError::Taker(error)) => {
                    refusal = Some(error);
                    Ok(None)
                }
            }
        });
        if let Some(refusal) = refusal {
            return Err(refusal);
        }
        match fetched {
            Ok(Some(_)) => {
                let (digest, bytes) = hasher.finish();
                Ok(Fetched { digest, bytes })
            }
            Ok(None) => Err(CollectError::AnswerMustBeThere(name.clone())),
            Err(error) => Err(CollectError::WayMustBeOpen(error.reason())),
        }
    }
}
