//! One connection: the few requests that a channel makes, each answered in time or given up.
//!
//! Several writes or reads are under way at once, so that a slow link is filled; memory is bounded
//! by their number.

use std::collections::VecDeque;
use std::io::{self, Read};
use std::sync::Arc;

use russh::client;
use russh::keys::{PrivateKeyWithHashAlg, PublicKeyOrCertificate};
use russh_sftp::client::error::Error as Refused;
use russh_sftp::client::{Config, RawSftpSession};
use russh_sftp::protocol::{FileAttributes, FileType, OpenFlags, StatusCode};
use tokio::net::TcpStream;
use tokio::task::{JoinHandle, JoinSet};

use super::error::{SftpError, said};
use super::site::{HostKey, Site, fingerprint};
use crate::domain::digest::{Digest, Hasher};

/// What every server takes in one packet.
const CHUNK_BYTES: u32 = 32 * 1024;
/// Requests under way at once.
const UNDER_WAY: usize = 16;
/// How many entries a folder may list: a partner whose folder is fuller does not clear it.
const ENTRIES_MAX: usize = 50_000;
const FSYNC: &str = "fsync@openssh.com";

pub(super) struct Session {
    sftp: Arc<RawSftpSession>,
    /// The connection ends with it.
    _ssh: client::Handle<Pinned>,
    site: Site,
    fsync: bool,
}

/// Knows the server by its pinned key, and by nothing else: no certificates, no first use.
struct Pinned(HostKey);

impl client::Handler for Pinned {
    type Error = SftpError;

    async fn check_server_key(
        &mut self,
        shown: &PublicKeyOrCertificate,
    ) -> Result<bool, SftpError> {
        let found = match shown {
            PublicKeyOrCertificate::PublicKey { key, .. } if self.0.is(key) => return Ok(true),
            PublicKeyOrCertificate::PublicKey { key, .. } => fingerprint(key),
            PublicKeyOrCertificate::Certificate(_) => "a certificate".to_owned(),
        };
        Err(SftpError::HostKeyMustBeThePinnedOne { found })
    }
}

/// Why reading stopped: the session, or the one who takes what is read.
pub(super) enum ReadError<E> {
    Session(SftpError),
    Taker(E),
}

impl<E> From<SftpError> for ReadError<E> {
    fn from(error: SftpError) -> ReadError<E> {
        ReadError::Session(error)
    }
}

impl From<ReadError<SftpError>> for SftpError {
    fn from(error: ReadError<SftpError>) -> SftpError {
        match error {
            ReadError::Session(error) | ReadError::Taker(error) => error,
        }
    }
}

impl Session {
    pub(super) async fn open(site: &Site) -> Result<Session, SftpError> {
        let limit = site.times.connect;
        tokio::time::timeout(limit, Session::connect(site))
            .await
            .unwrap_or(Err(SftpError::ServerMustAnswerInTime { doing: "connect", limit }))
    }

    async fn connect(site: &Site) -> Result<Session, SftpError> {
        let unreachable = |error: io::Error| SftpError::ServerMustBeReachable(said(error));
        let key = Arc::new(site.key()?);
        let socket =
            TcpStream::connect((site.host.as_str(), site.port)).await.map_err(unreachable)?;
        socket.set_nodelay(true).map_err(unreachable)?;
        let mut config = client::Config::default();
        if let Some(kinds) = site.host_key.kinds() {
            config.preferred.key = kinds;
        }
        let host = Pinned(site.host_key.clone());
        let mut ssh = client::connect_stream(Arc::new(config), socket, host).await?;
        let hash = match key.algorithm().is_rsa() {
            true => ssh.best_supported_rsa_hash().await?.flatten(),
            false => None,
        };
        let key = PrivateKeyWithHashAlg::new(key, hash);
        if !ssh.authenticate_publickey(site.user.clone(), key).await?.success() {
            return Err(SftpError::UserMustBeLetIn);
        }
        let channel = ssh.channel_open_session().await?;
        channel.request_subsystem(true, "sftp").await?;
        let config = Config {
            request_timeout_secs: site.times.answer.as_secs().max(1),
            ..Config::default()
        };
        let sftp = RawSftpSession::new_with_config(channel.into_stream(), config);
        let version =
            sftp.init().await.map_err(|error| SftpError::ServerMustBeReachable(said(error)))?;
        let fsync = version.extensions.contains_key(FSYNC);
        Ok(Session { sftp: Arc::new(sftp), _ssh: ssh, site: site.clone(), fsync })
    }

    fn failed(&self, doing: &'static str, error: Refused) -> SftpError {
        match error {
            Refused::Status(status) => {
                let said = said(format!("{}: {}", status.status_code, status.error_message));
                SftpError::ServerMustAgree { doing, said }
            }
            Refused::Timeout => {
                let limit = self.site.times.answer;
                SftpError::ServerMustAnswerInTime { doing, limit }
            }
            other => SftpError::ConnectionMustHold { doing, why: said(other) },
        }
    }

    /// Writes a new file, durably where the server can, and gives the digest of what was written.
    pub(super) async fn write(
        &self,
        path: &str,
        source: &mut (dyn Read + Send),
    ) -> Result<Digest, SftpError> {
        let flags = OpenFlags::CREATE | OpenFlags::EXCLUDE | OpenFlags::WRITE;
        let opened = self.sftp.open(path, flags, FileAttributes::empty()).await;
        let handle = opened.map_err(|error| self.failed("create", error))?.handle;
        let mut hasher = Hasher::new();
        let mut offset = 0;
        let mut writing = JoinSet::new();
        loop {
            let mut chunk = Vec::new();
            let more = (&mut *source).take(u64::from(CHUNK_BYTES)).read_to_end(&mut chunk);
            more.map_err(|error| SftpError::SourceMustBeReadable(error.to_string()))?;
            if writing.len() == UNDER_WAY || chunk.is_empty() {
                match writing.join_next().await {
                    Some(written) => self.written(written)?,
                    None => break,
                }
            }
            if chunk.is_empty() {
                continue;
            }
            hasher.update(&chunk);
            let (sftp, handle, at) = (self.sftp.clone(), handle.clone(), offset);
            offset += chunk.len() as u64;
            writing.spawn(async move { sftp.write(handle, at, chunk).await.map(drop) });
        }
        if self.fsync {
            let synced = self.sftp.fsync(handle.as_str()).await;
            synced.map_err(|error| self.failed("fsync", error))?;
        }
        self.sftp.close(handle).await.map_err(|error| self.failed("close", error))?;
        Ok(hasher.finish().0)
    }

    fn written(
        &self,
        done: Result<Result<(), Refused>, tokio::task::JoinError>,
    ) -> Result<(), SftpError> {
        match done {
            Ok(written) => written.map_err(|error| self.failed("write", error)),
            Err(error) => {
                Err(SftpError::ConnectionMustHold { doing: "write", why: error.to_string() })
            }
        }
    }

    /// Reads a regular file to its end; nothing when there is none.
    pub(super) async fn read<E>(
        &self,
        path: &str,
        take: &mut dyn FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<Option<u64>, ReadError<E>> {
        let size = match self.sftp.lstat(path).await {
            Ok(found) if !is_file(&found.attrs) => {
                let said = "it is no regular file".to_owned();
                return Err(SftpError::ServerMustAgree { doing: "open", said }.into());
            }
            Ok(found) => found.attrs.size.unwrap_or(0),
            Err(error) if is_absent(&error) => return Ok(None),
            Err(error) => return Err(self.failed("stat", error).into()),
        };
        let handle = match self.sftp.open(path, OpenFlags::READ, FileAttributes::empty()).await {
            Ok(opened) => opened.handle,
            Err(error) if is_absent(&error) => return Ok(None),
            Err(error) => return Err(self.failed("open", error).into()),
        };
        type Reading = JoinHandle<Result<Vec<u8>, Refused>>;
        let mut reading: VecDeque<Reading> = VecDeque::new();
        let (mut asked, mut read) = (0, 0);
        loop {
            // Up to the size that was told many are asked for at once; from there on one by one,
            // because only the end tells the end.
            while reading.len() < UNDER_WAY && (asked < size || reading.is_empty()) {
                let (sftp, handle, at) = (self.sftp.clone(), handle.clone(), asked);
                asked += u64::from(CHUNK_BYTES);
                reading.push_back(tokio::spawn(async move {
                    sftp.read(handle, at, CHUNK_BYTES).await.map(|chunk| chunk.data)
                }));
            }
            let Some(first) = reading.pop_front() else { break };
            let chunk = match first.await {
                Ok(Ok(chunk)) if !chunk.is_empty() && chunk.len() <= CHUNK_BYTES as usize => chunk,
                Ok(Err(Refused::Status(status))) if status.status_code == StatusCode::Eof => break,
                Ok(Err(error)) => return Err(self.failed("read", error).into()),
                Ok(Ok(_)) => {
                    let why = "a read gave another number of bytes than can be".to_owned();
                    return Err(SftpError::ConnectionMustHold { doing: "read", why }.into());
                }
                Err(error) => {
                    let why = error.to_string();
                    return Err(SftpError::ConnectionMustHold { doing: "read", why }.into());
                }
            };
            read += chunk.len() as u64;
            take(&chunk).map_err(ReadError::Taker)?;
            if chunk.len() < CHUNK_BYTES as usize {
                // What was asked for lies behind a gap: on from where this one ended.
                for waiting in reading.drain(..) {
                    waiting.abort();
                }
                asked = read;
            }
        }
        for waiting in reading {
            waiting.abort();
        }
        self.sftp.close(handle).await.map_err(|error| self.failed("close", error))?;
        Ok(Some(read))
    }

    /// The digest and length of a regular file; nothing when there is none.
    pub(super) async fn digest(&self, path: &str) -> Result<Option<(Digest, u64)>, SftpError> {
        let mut hasher = Hasher::new();
        let mut take = |bytes: &[u8]| {
            hasher.update(bytes);
            Ok::<(), SftpError>(())
        };
        let read = self.read(path, &mut take).await?;
        Ok(read.map(|_| hasher.finish()))
    }

    /// Gives a file its name by the rename of the standard, which refuses a name that is taken.
    pub(super) async fn rename(&self, from: &str, to: &str) -> Result<(), SftpError> {
        let renamed = self.sftp.rename(from, to).await;
        renamed.map(drop).map_err(|error| self.failed("rename", error))
    }

    pub(super) async fn remove(&self, path: &str) -> Result<(), SftpError> {
        match self.sftp.remove(path).await {
            Ok(_) => Ok(()),
            Err(error) if is_absent(&error) => Ok(()),
            Err(error) => Err(self.failed("remove", error)),
        }
    }

    /// Whether the name is taken, by whatever.
    pub(super) async fn is_there(&self, path: &str) -> Result<bool, SftpError> {
        match self.sftp.lstat(path).await {
            Ok(_) => Ok(true),
            Err(error) if is_absent(&error) => Ok(false),
            Err(error) => Err(self.failed("stat", error)),
        }
    }

    pub(super) async fn must_be_folder(&self, folder: &str) -> Result<(), SftpError> {
        match self.sftp.stat(folder).await {
            Ok(found) if found.attrs.permissions.is_none() || found.attrs.is_dir() => Ok(()),
            Ok(_) => Err(SftpError::RemoteFolderMustExist(folder.to_owned())),
            Err(error) if is_absent(&error) => {
                Err(SftpError::RemoteFolderMustExist(folder.to_owned()))
            }
            Err(error) => Err(self.failed("stat", error)),
        }
    }

    /// Tells the regular files and the links of a folder.
    pub(super) async fn list(
        &self,
        folder: &str,
        tell: &mut dyn FnMut(&str, Entry),
    ) -> Result<(), SftpError> {
        let handle = match self.sftp.opendir(folder).await {
            Ok(opened) => opened.handle,
            Err(error) if is_absent(&error) => {
                return Err(SftpError::RemoteFolderMustExist(folder.to_owned()));
            }
            Err(error) => return Err(self.failed("list", error)),
        };
        let mut entries = 0;
        loop {
            let page = match self.sftp.readdir(handle.as_str()).await {
                Ok(page) => page.files,
                Err(Refused::Status(status)) if status.status_code == StatusCode::Eof => break,
                Err(error) => return Err(self.failed("list", error)),
            };
            // An empty page counts as well: a server may not answer for ever without saying anything.
            entries += page.len().max(1);
            if entries > ENTRIES_MAX {
                let folder = folder.to_owned();
                return Err(SftpError::RemoteFolderMustBeListable {
                    folder,
                    entries_max: ENTRIES_MAX,
                });
            }
            for entry in &page {
                let what = match &entry.attrs {
                    attrs if is_file(attrs) => Entry::File(attrs.size.unwrap_or(0)),
                    attrs if attrs.file_type() == FileType::Symlink => Entry::Link,
                    _ => continue,
                };
                tell(&entry.filename, what);
            }
        }
        self.sftp.close(handle).await.map_err(|error| self.failed("close", error))?;
        Ok(())
    }
}

/// What stands in a folder, as far as it is ours to read or to tell; a file with its size in bytes.
#[derive(Clone, Copy)]
pub(super) enum Entry {
    File(u64),
    Link,
}

fn is_absent(error: &Refused) -> bool {
    matches!(error, Refused::Status(status) if status.status_code == StatusCode::NoSuchFile)
}

/// A server that tells no kind tells of files.
fn is_file(attrs: &FileAttributes) -> bool {
    attrs.permissions.is_none() || attrs.file_type() == FileType::File
}
