//! Signatures of files: what leaves is signed once and the signature kept, what arrives is proved before
//! anything looks into it.
//!
//! Reads: the archived file of a delivery, or the copy of an answer and the signature beside it. Gives: the
//! signature that leaves first, the same bytes for ever; and of an answer that its signature holds, or why not.

use std::fs::File;
use std::io::{Cursor, Read as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::audit::leaf::Leaf;
use crate::channels::file_signature::{self, BYTES_MAX, SUFFIXES, SignatureError};
use crate::channels::openpgp_keys::{Certificate, SecretKey};
use crate::channels::{AnswerFile, Channel};
use crate::domain::digest::Digest;
use crate::engine::envelope::{digest_of, is_private};
use crate::engine::{Engine, EngineError, aside};
use crate::store::Changes;

impl Engine {
    /// Signs a file as it leaves, whose partner wants its files signed, unless that was done before. How the first
    /// attempt left is how every later one leaves.
    pub(super) async fn sign_for_partner(
        &self,
        provider: &str,
        leaves: Digest,
        attempts: i64,
    ) -> Result<(), EngineError> {
        if let Some(made) = self.signature_of(&leaves).await? {
            return self.archived_holds("its signature", &made).await;
        }
        let signing = self.provider(provider)?.signature.as_ref();
        let Some(ours_file) = signing.and_then(|one| one.ours_file.clone()) else { return Ok(()) };
        if attempts > 0 {
            return Ok(());
        }
        let (archive, today, now) = (self.archive.clone(), self.clock.today(), self.moment()?);
        let made = aside(move || {
            let told = |error| told_of("its partner", error);
            let key = our_key(&ours_file).map_err(told)?;
            let mut source = archive.open(&leaves)?;
            let signature = file_signature::sign(&key, today, now, &mut source).map_err(told)?;
            Ok(archive.put(&mut Cursor::new(signature))?)
        })
        .await?;
        let mut changes = Changes::new();
        changes.file_signed(&leaves.to_string(), &made.to_string(), &self.stamp());
        changes.event(
            Leaf::of("file_signed", &self.stamp())
                .text("provider", provider)
                .digest("sha256", &leaves)
                .digest("signature_sha256", &made)
                .build()?
                .as_bytes()
                .to_vec(),
        );
        self.store.commit(changes).await?;
        Ok(())
    }

    /// The signature that goes with a file, by the digest of the file as it leaves.
    pub(super) async fn signature_of(
        &self,
        leaves: &Digest,
    ) -> Result<Option<Digest>, EngineError> {
        let made = self.store.file_signature(&leaves.to_string()).await?;
        made.map(|made| digest_of(&made)).transpose()
    }

    /// The key by which the answers of a partner are signed, where the agreement says that they are.
    pub(super) fn signed_by(&self, provider: &str) -> Result<Option<PathBuf>, EngineError> {
        let signing = self.provider(provider)?.signature.as_ref();
        Ok(signing.and_then(|one| one.theirs_file.clone()))
    }

    /// Proves the signature of a copied answer, found beside it among the files of its outbox.
    ///
    /// # Errors
    /// N172 to N175; nothing was changed.
    pub(super) async fn must_be_signed_in_outbox(
        &self,
        provider: &str,
        channel: Arc<dyn Channel>,
        outbox: &[AnswerFile],
        shown: &str,
        copy: &Path,
    ) -> Result<(), EngineError> {
        let Some(theirs_file) = self.signed_by(provider)? else { return Ok(()) };
        let is_its = |one: &&AnswerFile| {
            one.name.as_str().strip_prefix(shown).is_some_and(|rest| SUFFIXES.contains(&rest))
        };
        let found = outbox.iter().find(is_its).filter(|one| one.bytes <= BYTES_MAX).cloned();
        let signature = aside(move || {
            let Some(found) = found else { return Ok(None) };
            let mut bytes = Vec::new();
            channel.fetch(&found.name, &mut bytes)?;
            Ok(Some(bytes))
        })
        .await?;
        self.must_be_signed(provider, theirs_file, signature, shown, copy).await
    }

    /// Proves the signature of an answer that a person names, found in the folder beside it.
    ///
    /// # Errors
    /// N172 to N175; nothing was changed.
    pub(super) async fn must_be_signed_beside(
        &self,
        provider: &str,
        shown: &str,
        path: &Path,
    ) -> Result<(), EngineError> {
        let Some(theirs_file) = self.signed_by(provider)? else { return Ok(()) };
        let mut signature = None;
        for suffix in SUFFIXES {
            let mut beside = path.as_os_str().to_owned();
            beside.push(suffix);
            if let Ok(file) = File::open(&beside) {
                let mut bytes = Vec::new();
                file.take(BYTES_MAX)
                    .read_to_end(&mut bytes)
                    .map_err(|error| EngineError::io("reading a signature", error))?;
                signature = Some(bytes);
                break;
            }
        }
        self.must_be_signed(provider, theirs_file, signature, shown, path).await
    }

    async fn must_be_signed(
        &self,
        provider: &str,
        theirs_file: PathBuf,
        signature: Option<Vec<u8>>,
        shown: &str,
        path: &Path,
    ) -> Result<(), EngineError> {
        let (archive, today) = (self.archive.clone(), self.clock.today());
        let (path, shown) = (path.to_path_buf(), shown.to_owned());
        let (signed, kept) = aside(move || {
            let told = |error| told_of(&shown, error);
            let signature = signature.ok_or_else(|| told(SignatureError::AnswerMustBeSigned))?;
            let key = std::fs::read(theirs_file).ok().and_then(|file| Certificate::parse(&file));
            let key = key.ok_or_else(|| told(SignatureError::TheirKeyMustSign))?;
            file_signature::verify(&key, today, &signature, || File::open(&path)).map_err(told)?;
            let mut file = File::open(&path)
                .map_err(|error| EngineError::io("reading a signed answer", error))?;
            let (signed, _) = Digest::of_reader(&mut file)
                .map_err(|error| EngineError::io("reading a signed answer", error))?;
            Ok((signed, archive.put(&mut Cursor::new(signature))?))
        })
        .await?;
        let mut changes = Changes::new();
        changes.event(
            Leaf::of("answer_signature_held", &self.stamp())
                .text("provider", provider)
                .digest("sha256", &signed)
                .digest("signature_sha256", &kept)
                .build()?
                .as_bytes()
                .to_vec(),
        );
        self.store.commit(changes).await?;
        Ok(())
    }

    /// The moment of the office's clock.
    fn moment(&self) -> Result<SystemTime, EngineError> {
        let stamp = self.stamp();
        let moment: jiff::Timestamp =
            stamp.parse().map_err(|_| EngineError::Inconsistent(format!("no moment: {stamp}")))?;
        Ok(UNIX_EPOCH + Duration::from_secs(moment.as_second().unsigned_abs()))
    }
}

/// Whether a file of an outbox is a signature, and no answer.
pub(super) fn is_a_signature(name: &str) -> bool {
    SUFFIXES.iter().any(|suffix| name.ends_with(suffix))
}

fn told_of(whose: &str, error: SignatureError) -> EngineError {
    EngineError::refused(error.code(), format!("{whose}: {error}"))
}

fn our_key(path: &Path) -> Result<SecretKey, SignatureError> {
    if !is_private(path) {
        return Err(SignatureError::OurKeyMustSign);
    }
    let file = std::fs::read(path).map_err(|_| SignatureError::OurKeyMustSign)?;
    SecretKey::parse(&file).ok_or(SignatureError::OurKeyMustSign)
}
