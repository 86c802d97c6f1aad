//! What can go wrong on the way to an SFTP server, each with a code and a way out.

use std::fmt;
use std::time::Duration;

use crate::channels::Reason;
use crate::disk::file_name::FileName;
use crate::disk::publish::NAME_TAKEN;
use crate::domain::digest::Digest;

#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum SftpError {
    #[error(
        "the SFTP server shows another host key ({found}) than the one that is pinned; nothing was sent; ask the \
         partner by another way, and change host_key only when it confirms the new one"
    )]
    HostKeyMustBeThePinnedOne { found: String },
    #[error(
        "our SFTP key cannot be used: {0}; key_file names an OpenSSH private key without a passphrase that only its \
         owner may read (chmod 600)"
    )]
    KeyFileMustBePrivate(String),
    #[error("the SFTP server does not let our user in with our key; have the partner register it")]
    UserMustBeLetIn,
    #[error("the SFTP server cannot be reached: {0}; try again later, or ask the partner")]
    ServerMustBeReachable(String),
    #[error("the SFTP server did not answer `{doing}` within {} s; try again later, or ask the partner", .limit.as_secs())]
    ServerMustAnswerInTime { doing: &'static str, limit: Duration },
    #[error("the SFTP operation did not end within {} s", .0.as_secs())]
    OperationMustEndInTime(Duration),
    #[error(
        "the SFTP server refused `{doing}`: {said}; ask the partner (its disk may be full, or a right missing)"
    )]
    ServerMustAgree { doing: &'static str, said: String },
    #[error("the SFTP connection broke at `{doing}`: {why}")]
    ConnectionMustHold { doing: &'static str, why: String },
    #[error(
        "the folder {0} is not there on the SFTP server; have the partner make it, or correct its name in chitra.toml"
    )]
    RemoteFolderMustExist(String),
    #[error(
        "the folder {folder} on the SFTP server lists more than {entries_max} entries; have the partner clear it"
    )]
    RemoteFolderMustBeListable { folder: String, entries_max: usize },
    #[error("the system gives no randomness to name a part with: {0}; mend the machine")]
    PartMustBeNamed(String),
    #[error("what was to be sent cannot be read: {0}; nothing was sent; look at our disk")]
    SourceMustBeReadable(String),
    #[error(
        "the bytes to send have digest {found}, which is not the approved one; nothing was sent; restore the file from a backup"
    )]
    SourceMustHaveTheApprovedDigest { found: Digest },
    #[error("the part reads back from the SFTP server as {found}; it got no name")]
    PartMustReadBack { found: String },
    #[error(
        "the partner holds `{name}` with other bytes ({found}); names are never reused, so find out who wrote it"
    )]
    NameTaken { name: FileName, found: Digest },
    #[error(
        "the rename was asked for and not answered ({0}); the file may be there; it is asked for before anything is sent again"
    )]
    RenameMustBeAnswered(String),
    #[error(
        "the SFTP server said that the file has its name, and it reads back as {found}; have the partner not process it"
    )]
    DeliveredBytesMustReadBack { found: Digest },
    #[error("the SFTP server said that `{0}` has its name, and it is in neither folder")]
    DeliveredFileMustBeThere(FileName),
}

impl SftpError {
    /// A stable name for scripts and catalogues.
    pub fn code(&self) -> &'static str {
        match self {
            SftpError::HostKeyMustBeThePinnedOne { .. } => "N110",
            SftpError::KeyFileMustBePrivate(_) => "N111",
            SftpError::UserMustBeLetIn => "N112",
            SftpError::ServerMustBeReachable(_) => "N113",
            SftpError::ServerMustAnswerInTime { .. } => "N114",
            SftpError::OperationMustEndInTime(_) => "N115",
            SftpError::ServerMustAgree { .. } => "N116",
            SftpError::ConnectionMustHold { .. } => "N117",
            SftpError::RemoteFolderMustExist(_) => "N118",
            SftpError::RemoteFolderMustBeListable { .. } => "N119",
            SftpError::PartMustBeNamed(_) => "N120",
            SftpError::SourceMustBeReadable(_) => "N121",
            SftpError::SourceMustHaveTheApprovedDigest { .. } => "N122",
            SftpError::PartMustReadBack { .. } => "N123",
            SftpError::NameTaken { .. } => NAME_TAKEN,
            SftpError::RenameMustBeAnswered(_) => "N124",
            SftpError::DeliveredBytesMustReadBack { .. } => "N125",
            SftpError::DeliveredFileMustBeThere(_) => "N126",
        }
    }

    pub(super) fn reason(&self) -> Reason {
        Reason::new(self.code(), self)
    }

    /// Whether nothing more can be asked on this connection.
    pub(super) fn breaks_the_connection(&self) -> bool {
        matches!(
            self,
            SftpError::ServerMustAnswerInTime { .. } | SftpError::ConnectionMustHold { .. }
        )
    }
}

/// What a server said, made harmless for a message: short, and without control characters.
pub(super) fn said(text: impl fmt::Display) -> String {
    let text = text.to_string();
    text.chars().take(120).map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}

impl From<russh::Error> for SftpError {
    fn from(error: russh::Error) -> SftpError {
        match error {
            russh::Error::NoCommonAlgo { kind: russh::AlgorithmKind::Key, .. } => {
                SftpError::HostKeyMustBeThePinnedOne { found: "a key of another kind".to_owned() }
            }
            other => SftpError::ServerMustBeReachable(said(other)),
        }
    }
}
