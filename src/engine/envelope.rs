//! Envelopes of partners: what leaves is sealed once and kept, what arrives is opened and both are known.
//!
//! Reads: a batch, or a copy of an answer as it arrived. Gives: what is sent in the file's place, or the
//! opened answer. What was approved stays the plain file; its sealed copy is archived under its own
//! digest before the first attempt, and the same bytes go for ever.

use std::fs::File;
use std::io::{BufReader, Write as _};
use std::path::{Path, PathBuf};

use crate::audit::leaf::Leaf;
use crate::channels::envelope::{self, EnvelopeError, Format, Identity, Recipient};
use crate::disk::archive::archived_path;
use crate::domain::batch::{Batch, SealedCopy};
use crate::domain::digest::Digest;
use crate::engine::import::private_file;
use crate::engine::render::rendered_digest;
use crate::engine::{Engine, EngineError, aside};
use crate::store::Changes;

impl Engine {
    /// Under which name and digest a batch's file leaves: the plain file, or its sealed copy.
    pub(super) async fn leaves_as(&self, batch: &Batch) -> Result<(String, Digest), EngineError> {
        match self.store.sealed_copy(batch.cycle, batch.number).await? {
            Some(copy) => Ok((copy.file_name, digest_of(&copy.sha256)?)),
            None => Ok((batch.file_name.clone(), rendered_digest(batch)?)),
        }
    }

    /// Seals the file of a batch whose partner reads sealed files, unless that was done before. How the
    /// first attempt left is how every later one leaves, whatever was agreed since: under another name
    /// the same payments would be there twice.
    pub(super) async fn seal_for_partner(
        &self,
        batch: &Batch,
        deliveries: i64,
    ) -> Result<(), EngineError> {
        let made = self.store.sealed_copy(batch.cycle, batch.number).await?;
        if let Some(copy) = made {
            return self.sealed_copy_holds(&copy).await;
        }
        if deliveries > 0 {
            return Ok(());
        }
        let Some(recipient) = self.seals_with(&batch.provider)? else { return Ok(()) };
        let plain = rendered_digest(batch)?;
        let copy = self.sealed_for(recipient, plain, &batch.file_name).await?;
        let mut changes = Changes::new();
        changes.sealed_copy_made(batch, &copy, &self.stamp());
        changes.event(
            Leaf::of("file_sealed", &self.stamp())
                .number("cycle", batch.cycle.0)
                .number("batch", batch.number.0)
                .digest("sha256", &plain)
                .digest("sealed_sha256", &digest_of(&copy.sha256)?)
                .build()?
                .as_bytes()
                .to_vec(),
        );
        self.store.commit(changes).await?;
        Ok(())
    }

    /// Seals an archived file for a partner's key, and archives the copy.
    pub(super) async fn sealed_for(
        &self,
        (format, recipient_file): (Format, PathBuf),
        plain: Digest,
        file_name: &str,
    ) -> Result<SealedCopy, EngineError> {
        let folder = self.dir.join("sealing");
        let file_name = format!("{file_name}{}", format.suffix());
        let path = folder.join(&file_name);
        let (archive, copy, today) = (self.archive.clone(), path.clone(), self.clock.today());
        let sealed = aside(move || {
            let failed = |error| EngineError::io("sealing a file", error);
            let key = std::fs::read(recipient_file)
                .map_err(|_| told_of("its partner", EnvelopeError::RecipientMustBeOneKey))?;
            let recipient = Recipient::parse(format, &key, today)
                .map_err(|error| told_of("its partner", error))?;
            std::fs::create_dir_all(&folder).map_err(failed)?;
            let mut file = private_file(&copy).map_err(failed)?;
            envelope::seal(&recipient, today, &mut archive.open(&plain)?, &mut file)
                .map_err(|error| told_of("a file", error))?;
            file.flush().map_err(failed)?;
            let mut file = File::open(&copy).map_err(failed)?;
            let bytes = file.metadata().map_err(failed)?.len();
            Ok((archive.put(&mut file)?, bytes))
        })
        .await;
        // A leftover is sealed personal data that nobody needs.
        let _ = std::fs::remove_file(&path);
        let (sha256, bytes) = sealed?;
        Ok(SealedCopy { file_name, sha256: sha256.to_string(), bytes })
    }

    /// Proves that a sealed copy can be sent: made again it would have other bytes under the same name.
    pub(super) async fn sealed_copy_holds(&self, copy: &SealedCopy) -> Result<(), EngineError> {
        self.archived_holds(&copy.file_name, &digest_of(&copy.sha256)?).await
    }

    /// Proves that something sealed or signed once is whole in the archive.
    pub(super) async fn archived_holds(
        &self,
        what: &str,
        digest: &Digest,
    ) -> Result<(), EngineError> {
        let (archive, digest) = (self.archive.clone(), *digest);
        let read = aside(move || Ok(archive.get(&digest, &mut std::io::sink())?)).await;
        match read {
            Ok(_) => Ok(()),
            Err(EngineError::Archive(error)) => Err(EngineError::refused(
                "N138",
                format!(
                    "{what} cannot be sent: {error}; made again it would have other bytes, so put archive/{} back \
                     from a backup",
                    archived_path(&digest)
                ),
            )),
            Err(error) => Err(error),
        }
    }

    /// The key for which a partner's files are sealed, where the agreement says so.
    pub(super) fn seals_with(
        &self,
        provider: &str,
    ) -> Result<Option<(Format, PathBuf)>, EngineError> {
        let envelope = self.provider(provider)?.envelope.as_ref();
        Ok(envelope.and_then(|one| Some((one.format, one.recipient_file.clone()?))))
    }

    /// The identity that opens a partner's answers, where the agreement says that they are sealed.
    pub(super) fn opens_with(
        &self,
        provider: &str,
    ) -> Result<Option<(Format, PathBuf)>, EngineError> {
        let envelope = self.provider(provider)?.envelope.as_ref();
        Ok(envelope.and_then(|one| Some((one.format, one.identity_file.clone()?))))
    }

    /// Archives an answer as it arrived, opens it into a file beside it, and records both digests.
    pub(super) async fn open_answer(
        &self,
        provider: &str,
        (format, identity_file): (Format, PathBuf),
        arrived: &Path,
        opened: &Path,
        shown: &str,
    ) -> Result<(), EngineError> {
        let archive = self.archive.clone();
        let (from, into, named) = (arrived.to_path_buf(), opened.to_path_buf(), shown.to_owned());
        let (sealed, plain) = aside(move || {
            let failed = |error| EngineError::io("opening a sealed answer", error);
            let identity =
                identity(format, &identity_file).map_err(|error| told_of(&named, error))?;
            let mut file = private_file(&into).map_err(failed)?;
            let source = File::open(&from).map_err(failed)?;
            envelope::open(&identity, source, &mut file, OPENED_BYTES_MAX)
                .map_err(|error| told_of(&named, error))?;
            file.flush().map_err(failed)?;
            let plain = File::open(&into).map_err(failed)?;
            let (plain, _) = Digest::of_reader(&mut BufReader::new(plain)).map_err(failed)?;
            Ok((archive.put(&mut File::open(&from).map_err(failed)?)?, plain))
        })
        .await?;
        if self.store.answer_opened(&sealed.to_string()).await?.is_some() {
            return Ok(());
        }
        let mut changes = Changes::new();
        changes.answer_opened(&sealed.to_string(), &plain.to_string(), provider, &self.stamp());
        changes.event(
            Leaf::of("answer_opened", &self.stamp())
                .text("provider", provider)
                .digest("sealed_sha256", &sealed)
                .digest("sha256", &plain)
                .build()?
                .as_bytes()
                .to_vec(),
        );
        self.store.commit(changes).await?;
        Ok(())
    }
}

/// The largest answer that is opened: as large as the largest that is taken in.
const OPENED_BYTES_MAX: u64 = crate::engine::office::ANSWER_BYTES_MAX;

fn identity(format: Format, path: &Path) -> Result<Identity, EnvelopeError> {
    if !is_private(path) {
        return Err(EnvelopeError::IdentityMustBeOneKey);
    }
    let file = std::fs::read(path).map_err(|_| EnvelopeError::IdentityMustBeOneKey)?;
    Identity::parse(format, &file)
}

/// Whether nobody but its owner may read a key of ours.
pub(super) fn is_private(path: &Path) -> bool {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let metadata = std::fs::metadata(path);
        metadata.is_ok_and(|metadata| metadata.permissions().mode() & 0o077 == 0)
    }
    #[cfg(not(unix))]
    path.exists()
}

pub(super) fn digest_of(text: &str) -> Result<Digest, EngineError> {
    Digest::parse(text).map_err(|error| EngineError::Inconsistent(error.to_string()))
}

fn told_of(what: &str, error: EnvelopeError) -> EngineError {
    EngineError::refused(error.code(), format!("{what}: {error}"))
}
