//! Takes in what providers answer: each file archived, checked as a whole, and applied once.
//!
//! A file that breaks a rule anywhere is refused before anything of it is applied. Items are applied in
//! pages; a restart goes on where the last page ended. What fits nothing goes to a queue.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{BufReader, Read as _, Seek, SeekFrom};
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;

use crate::audit::leaf::Leaf;
use crate::channels::{AnswerFile, Channel, CollectError, Reason, RefusedName};
use crate::disk::file_name::{self, FileName};
use crate::domain::answer::{Answer, AnswerState, Discrepancy, DiscrepancyKind, RefusedAnswer};
use crate::domain::cycle::CycleState;
use crate::domain::digest::Digest;
use crate::domain::ids::AnswerNo;
use crate::domain::instruction::InstructionState;
use crate::engine::config::Provider;
use crate::engine::file_signature::is_a_signature;
use crate::engine::named_file;
use crate::engine::office::ANSWER_BYTES_MAX;
use crate::engine::{Engine, EngineError, aside};
use crate::store::Changes;
use crate::store::registry::Counted;

mod acknowledging;
pub(in crate::engine) mod ageing;
mod applying;
mod back_twice;
mod believing;
mod callbacks;
mod called;
mod debits;
mod fallback;
mod matching;
mod netted;
mod overstated;
mod recognising;
mod recalled_files;
mod recalls;
mod statements;
mod unbookable;
mod whole_files;

pub use whole_files::DecidedFiles;

/// Held by the process that collects.
const COLLECT_LOCK: &str = "collect.lock";
/// The answer of one partner lies in the outbox of another.
const WRONG_OUTBOX: &str = "L107";

/// An answer that is not sealed, not for us, not whole or not signed rightly: it is not read, and lies there until
/// somebody takes it away.
const SEAL_FAULTS: [&str; 4] = ["N132", "N133", "N134", "N174"];
/// How much of a file is looked at to tell its format.
const HEAD_BYTES: usize = 8 * 1024;

/// What became of one answer file.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Collected {
    pub file_name: String,
    pub format: String,
    pub items: i64,
    /// How many items said once more what was known of their payment.
    pub repeated: i64,
    /// The same bytes were applied before; nothing was changed.
    pub replayed: bool,
}

impl Engine {
    /// Takes in everything that lies in the outbox of every provider. A file that is refused does not
    /// stop the others; it is told.
    pub async fn collect_all(
        &self,
    ) -> Result<Vec<Result<Collected, (String, EngineError)>>, EngineError> {
        // Under the leases of the partners' dispatchers alone, so that dispatching takes in meanwhile what is said to it.
        self.poll_one_by_one().await?;
        let _alone = self.collect_alone()?;
        self.apply_all_waiting().await?;
        let mut done = Vec::new();
        let mut unheard = BTreeSet::new();
        let providers: Vec<String> =
            self.config.providers.iter().map(|provider| provider.name.clone()).collect();
        for name in providers {
            let Some(channel) = self.channels.get(&name).cloned() else { continue };
            if let Err(error) = self.must_not_be_renamed(&name).await {
                let lies_there = self.has_callbacks(&name)? || has_answers(&channel).await;
                if lies_there {
                    unheard.insert(name.clone());
                    done.push(Err((name, error)));
                }
                continue;
            }
            let before = done.len();
            self.collect_callbacks(&name, &mut done).await?;
            if done[before..].iter().any(Result::is_err) {
                unheard.insert(name.clone());
            }
            let listing = channel.clone();
            let answers = match aside(move || Ok(listing.answers()?)).await {
                Ok(answers) => answers,
                // A partner that cannot be reached stops no other; it is told.
                Err(error @ EngineError::Collect(_)) => {
                    unheard.insert(name.clone());
                    done.push(Err((name, error)));
                    continue;
                }
                Err(error) => return Err(error),
            };
            for refused in answers.refused {
                let sentence = format!(
                    "a file in the outbox of {name} was not read: {}; ask {name} to send it as a file under a plain name, or \
                     copy it so and take it in with chitra collect FILE --provider {name}",
                    refused.reason
                );
                if let Some(error) = self.left_unread(&name, &refused, sentence).await? {
                    unheard.insert(name.clone());
                    done.push(Err((refused.shown(), error)));
                }
            }
            let signed = self.signed_by(&name)?.is_some();
            let is_answer = |one: &&AnswerFile| !signed || !is_a_signature(one.name.as_str());
            for answer in answers.files.iter().filter(is_answer) {
                // Told by its listed size, before a byte is copied; one that grows is caught on the way.
                if let Err(error) = must_fit(answer.name.as_str(), answer.bytes) {
                    let refused = RefusedName {
                        listed: answer.name.as_str().to_owned(),
                        bytes: answer.bytes,
                        reason: Reason::new(error.code(), &error),
                    };
                    if let Some(error) =
                        self.left_unread(&name, &refused, error.to_string()).await?
                    {
                        unheard.insert(name.clone());
                        done.push(Err((refused.shown(), error)));
                    }
                    continue;
                }
                let shown = answer.name.as_str().to_owned();
                let taken =
                    self.collect_from(&name, channel.clone(), &answers.files, &answer.name).await;
                match taken {
                    // What lies in the outbox stays there; only what is new is told, and what is refused
                    // each time that it is found, until an officer sets it aside.
                    Ok(None) => {}
                    Ok(Some(collected)) => done.push(Ok(collected)),
                    // What of a file cannot be written into the log is wrong with that file.
                    Err(
                        error @ (EngineError::Refused { .. }
                        | EngineError::Collect(_)
                        | EngineError::Leaf(_)),
                    ) => {
                        unheard.insert(name.clone());
                        done.push(Err((shown, error)));
                    }
                    Err(error) => return Err(error),
                }
            }
        }
        done.extend(self.unheard_of().await?.into_iter().map(Err));
        done.extend(self.settle_debits(&unheard).await?.into_iter().map(Err));
        self.age_all().await?;
        self.watch_failures().await?;
        self.sequence().await?;
        Ok(done)
    }

    /// Refuses the answers of a partner to which no file ever left, while another one that has payments of ours
    /// without an outcome is missing: perhaps it is that one under another name, and what it says is taken in under
    /// the right one.
    async fn must_not_be_renamed(&self, name: &str) -> Result<(), EngineError> {
        if self.store.partners_sent_to().await?.iter().any(|known| known == name) {
            return Ok(());
        }
        match self.unheard_of().await?.first() {
            None => Ok(()),
            Some((missing, _)) => Err(EngineError::refused(
                "L152",
                format!(
                    "the answers of {name} are not read: no file of ours ever left for it, and {missing}, which has \
                     payments of ours without an outcome, is no more in chitra.toml; was it renamed? Put its name back"
                ),
            )),
        }
    }

    /// Partners that have payments of ours without an outcome, and that `chitra.toml` does not have any more: nobody
    /// hears what they say.
    async fn unheard_of(&self) -> Result<Vec<(String, EngineError)>, EngineError> {
        use InstructionState::{InBatch, Unknown};
        let known = self.store.partners_of_files().await?;
        if known.iter().all(|name| self.config.provider(name).is_some()) {
            return Ok(vec![]);
        }
        let mut names = BTreeSet::new();
        for cycle in self.store.cycles().await? {
            // What is in suspense of a closed one waits for an answer as well.
            if !matches!(cycle.state, CycleState::Settling | CycleState::Closed) {
                continue;
            }
            let mut files = self.store.batches(cycle.number).await?;
            files.retain(|file| self.config.provider(&file.provider).is_none());
            if files.is_empty() {
                continue;
            }
            let sums = self.store.instruction_sums(cycle.number).await?;
            let open: BTreeSet<_> = sums
                .iter()
                .filter(|sum| matches!(sum.state, InBatch | Unknown))
                .map(|sum| sum.batch)
                .collect();
            files.retain(|file| open.contains(&file.number));
            names.extend(files.into_iter().map(|file| file.provider));
        }
        let told = |name: String| {
            let error = self.config.unknown_provider(&name);
            (name, error)
        };
        Ok(names.into_iter().map(told).collect())
    }

    /// What is wrong with a file that is not copied, for its name or its size; nothing when an officer has set
    /// it aside. Its bytes are not known, so that it stands in the queue under its name and size: another file
    /// is told anew.
    async fn left_unread(
        &self,
        provider: &str,
        refused: &RefusedName,
        sentence: String,
    ) -> Result<Option<EngineError>, EngineError> {
        let RefusedName { listed, bytes, reason } = refused;
        let digest = Digest::of(format!("name\u{1f}{bytes}\u{1f}{listed}").as_bytes());
        if self.store.answer_set_aside(provider, &digest.to_string()).await? {
            return Ok(None);
        }
        let error = EngineError::refused(reason.code, sentence);
        self.refusal_recorded(self.provider(provider)?, &refused.shown(), &digest, &error).await?;
        Ok(Some(error))
    }

    async fn collect_from(
        &self,
        provider: &str,
        channel: Arc<dyn Channel>,
        outbox: &[AnswerFile],
        name: &FileName,
    ) -> Result<Option<Collected>, EngineError> {
        let shown = name.as_str().to_owned();
        // What was applied or set aside before is told by its hash, without being copied again.
        let (asking, asked) = (channel.clone(), name.clone());
        let seen = aside(move || Ok(asking.fetch(&asked, &mut std::io::sink())?)).await?;
        let arrived = seen.digest.to_string();
        let known = self.store.answer_opened(&arrived).await?.unwrap_or(arrived);
        // What lies in the wrong outbox lies there until somebody takes it away: it is told once, and
        // stands in the queue.
        if self.store.answer_refused_before(provider, &known, WRONG_OUTBOX).await? {
            return Ok(None);
        }
        let taken_in = match self.answer_known(provider, &known, &shown).await {
            Err(error) => {
                return Err(self.told_in_queue(provider, &shown, &known, error).await?);
            }
            Ok(answer) => answer,
        };
        if taken_in.is_some_and(is_applied) || self.is_set_aside(provider, &seen.digest).await? {
            return Ok(None);
        }
        let folder = self.dir.join("collecting");
        let path = folder.join(&shown);
        let (copy, beside, name) = (path.clone(), channel.clone(), name.clone());
        let fetched = aside(move || {
            let failed = |error| EngineError::io("copying an answer", error);
            std::fs::create_dir_all(&folder).map_err(failed)?;
            let mut file = crate::engine::import::private_file(&copy).map_err(failed)?;
            channel.fetch(&name, &mut file)?;
            Ok(())
        })
        .await;
        // What was half copied is thrown away.
        let taken = match fetched {
            Ok(()) => {
                let signed =
                    self.must_be_signed_in_outbox(provider, beside, outbox, &shown, &path).await;
                match signed {
                    Ok(()) => self.collect_arrived(provider, &path, &shown).await,
                    Err(error) => Err(error),
                }
            }
            Err(error) => Err(error),
        };
        std::fs::remove_file(&path)
            .map_err(|error| EngineError::io("removing the copy of an answer", error))?;
        match taken {
            Ok(collected) => Ok(Some(collected).filter(|collected| !collected.replayed)),
            // Only when it was opened could it be seen whose it is.
            Err(error) => {
                let arrived = seen.digest.to_string();
                let inside = self.store.answer_opened(&arrived).await?.unwrap_or(arrived);
                Err(self.told_in_queue(provider, &shown, &inside, error).await?)
            }
        }
    }

    /// Puts the file into the queue when what is wrong with it is that it lies in the wrong outbox, or how it
    /// is sealed. Gives the error back.
    async fn told_in_queue(
        &self,
        provider: &str,
        shown: &str,
        sha256: &str,
        error: EngineError,
    ) -> Result<EngineError, EngineError> {
        if error.code() == WRONG_OUTBOX || SEAL_FAULTS.contains(&error.code()) {
            let digest = Digest::parse(sha256)
                .map_err(|error| EngineError::Inconsistent(error.to_string()))?;
            self.refusal_recorded(self.provider(provider)?, shown, &digest, &error).await?;
        }
        Ok(error)
    }

    /// Whether an officer has set aside what arrived with these bytes, sealed or not.
    async fn is_set_aside(&self, provider: &str, arrived: &Digest) -> Result<bool, EngineError> {
        let arrived = arrived.to_string();
        let inside = self.store.answer_opened(&arrived).await?.unwrap_or(arrived);
        Ok(self.store.answer_set_aside(provider, &inside).await?)
    }

    /// The answer with these bytes, if it was taken in before. Bytes are applied once, whoever brings
    /// them: what one partner said is not applied again as another's.
    async fn answer_known(
        &self,
        provider: &str,
        sha256: &str,
        shown: &str,
    ) -> Result<Option<Answer>, EngineError> {
        let known = self.store.answer_find(sha256).await?;
        match known {
            // Two partners without anything to say may say it in the same bytes.
            Some(known) if known.provider != provider && known.items > 0 => {
                Err(EngineError::refused(
                    WRONG_OUTBOX,
                    format!(
                        "{shown} has the bytes of answer {} of {}, and was taken in as its; nothing was changed; ask both \
                         partners whose it is, and take the file away where it does not belong",
                        known.number, known.provider
                    ),
                ))
            }
            known => Ok(known),
        }
    }

    /// Takes in one answer file that a person names.
    pub async fn collect_file(
        &self,
        provider: &str,
        path: &Path,
    ) -> Result<Collected, EngineError> {
        named_file::must_be_readable(path)?;
        let _alone = self.collect_alone()?;
        let shown = path.file_name().map(|name| name.to_string_lossy().into_owned());
        let shown = shown.unwrap_or_else(|| path.display().to_string());
        let shown = match FileName::parse(&shown) {
            Ok(_) => shown,
            Err(_) => file_name::shown(&shown),
        };
        let found = std::fs::metadata(path)
            .map_err(|error| EngineError::io(format!("looking at {shown}"), error))?;
        must_fit(&shown, found.len())?;
        self.must_not_be_renamed(provider).await?;
        self.must_be_signed_beside(provider, &shown, path).await?;
        let collected = self.collect_arrived(provider, path, &shown).await?;
        self.sequence().await?;
        Ok(collected)
    }

    /// Takes in what a partner said beside any file: archived first, then a row of its own. It is
    /// applied by `apply_waiting`. The same bytes a second time change nothing.
    pub(super) async fn keep_answer(
        &self,
        provider: &str,
        bytes: Vec<u8>,
        shown: &str,
    ) -> Result<(), EngineError> {
        let profile = self.provider(provider)?.clone();
        let digest = Digest::of(&bytes);
        if self.store.answer_find(&digest.to_string()).await?.is_some() {
            return Ok(());
        }
        let archive = self.archive.clone();
        aside(move || Ok(archive.put(&mut std::io::Cursor::new(bytes))?)).await?;
        self.receive(&profile, shown, &digest).await.map(|_| ())
    }

    /// What one of the formats of a partner reads in these bytes: of each item the status word that it does not know,
    /// none where it knows it. None when no format reads them to their end.
    pub(super) fn words_of(
        &self,
        provider: &str,
        bytes: &[u8],
    ) -> Result<Option<Vec<Option<String>>>, EngineError> {
        let profile = self.provider(provider)?;
        let mut words = Vec::new();
        let mut look = |outcome: payment_formats::Outcome| {
            words.push(match outcome.status {
                payment_formats::OutcomeStatus::Unrecognised(word) => Some(word.to_string()),
                _ => None,
            });
            ControlFlow::Continue(())
        };
        let is_read = self
            .answer_format(profile, bytes, "")
            .is_some_and(|format| format.read(bytes, &mut look).is_ok());
        Ok(is_read.then_some(words))
    }

    /// Applies answers that are archived and not applied to their end, unless a collection is doing so.
    pub(super) async fn apply_waiting(&self) -> Result<(), EngineError> {
        match self.alone(COLLECT_LOCK)? {
            Some(_alone) => self.apply_all_waiting().await,
            None => Ok(()),
        }
    }

    async fn apply_all_waiting(&self) -> Result<(), EngineError> {
        for answer in self.store.answers_waiting().await? {
            // A partner's files lie in its outbox and are found there again.
            let channel = self.channels.get(&answer.provider);
            if channel.is_none_or(|channel| channel.one_by_one().is_none()) {
                continue;
            }
            let profile = self.provider(&answer.provider)?.clone();
            let digest = Digest::parse(&answer.sha256)
                .map_err(|error| EngineError::Inconsistent(error.to_string()))?;
            self.apply(&profile, &digest, answer).await?;
        }
        Ok(())
    }

    /// One collection runs in an office at a time: two would copy the same answers over each other.
    fn collect_alone(&self) -> Result<File, EngineError> {
        self.alone(COLLECT_LOCK)?.ok_or_else(|| {
            EngineError::refused(
                "L106",
                "answers are being collected already; nothing was changed; try again when that has ended",
            )
        })
    }

    /// Takes in an answer as it arrived: opened first, where the agreement says that it is sealed.
    async fn collect_arrived(
        &self,
        provider: &str,
        path: &Path,
        shown: &str,
    ) -> Result<Collected, EngineError> {
        let Some(identity) = self.opens_with(provider)? else {
            return self.collect_named(provider, path, shown).await;
        };
        let folder = self.dir.join("collecting");
        std::fs::create_dir_all(&folder)
            .map_err(|error| EngineError::io("opening a sealed answer", error))?;
        let opened = folder.join("opened");
        let taken = match self.open_answer(provider, identity, path, &opened, shown).await {
            Ok(()) => self.collect_named(provider, &opened, shown).await,
            Err(error) => Err(error),
        };
        // What was opened in part is never looked at; the next opening overwrites a leftover.
        let _ = std::fs::remove_file(&opened);
        taken
    }

    async fn collect_named(
        &self,
        provider: &str,
        path: &Path,
        shown: &str,
    ) -> Result<Collected, EngineError> {
        let profile = self.provider(provider)?.clone();
        let failed = |error| EngineError::io(format!("reading {shown}"), error);
        let mut file = File::open(path).map_err(failed)?;
        let within = (&mut file).take(ANSWER_BYTES_MAX + 1);
        let (digest, bytes) = Digest::of_reader(&mut BufReader::new(within)).map_err(failed)?;
        must_fit(shown, bytes)?;
        let sha256 = digest.to_string();
        let answer = match self.answer_known(provider, &sha256, shown).await? {
            Some(known) if is_applied(&known) => {
                return Ok(Collected {
                    file_name: shown.to_owned(),
                    format: known.format,
                    items: known.items,
                    repeated: known.repeated,
                    replayed: true,
                });
            }
            Some(unfinished) => unfinished,
            None => {
                let archive = self.archive.clone();
                file.seek(SeekFrom::Start(0)).map_err(failed)?;
                let kept = aside(move || Ok(archive.put(&mut file)?)).await?;
                if kept != digest {
                    return Err(EngineError::refused(
                        "L105",
                        format!("{shown} was changed while it was read; take it in again"),
                    ));
                }
                self.receive(&profile, shown, &digest).await?
            }
        };
        let repeated = self.apply(&profile, &digest, answer.clone()).await?;
        Ok(Collected {
            file_name: shown.to_owned(),
            format: answer.format,
            items: answer.items,
            repeated,
            replayed: false,
        })
    }

    /// Reads an archived answer whole, and takes it in or refuses it. From here on the file that was
    /// named is not looked at again: it may change, what is archived cannot.
    async fn receive(
        &self,
        profile: &Provider,
        shown: &str,
        digest: &Digest,
    ) -> Result<Answer, EngineError> {
        let failed = |error| EngineError::io(format!("reading {shown}"), error);
        let mut head = Vec::new();
        let archived = self.archive.open(digest)?;
        archived.take(HEAD_BYTES as u64).read_to_end(&mut head).map_err(failed)?;
        let read = match self.answer_format(profile, &head, shown) {
            None => Err(self.not_recognised(profile, digest, &head, shown)?),
            Some(format) => {
                let archived = self.archive.open(digest)?;
                let mut items = 0_i64;
                let mut of_another = None;
                format
                    .read(BufReader::with_capacity(1 << 17, archived), &mut |outcome| {
                        items += 1;
                        if of_another.is_none() {
                            let account = outcome.statement_account.as_deref();
                            of_another = account
                                .and_then(|one| self.is_our_account(profile, one, shown).err());
                        }
                        ControlFlow::Continue(())
                    })
                    .map_err(|error| {
                        EngineError::refused(error.code(), format!("{shown}: {error}"))
                    })
                    .and_then(|_| of_another.map_or(Ok((format.id().to_owned(), items)), Err))
            }
        };
        let (format, items) = match read {
            Ok(read) => read,
            Err(error) => {
                self.refusal_recorded(profile, shown, digest, &error).await?;
                return Err(error);
            }
        };
        let answer = Answer {
            number: AnswerNo(self.store.next_number(Counted::Answer).await?),
            provider: profile.name.clone(),
            file_name: shown.to_owned(),
            sha256: digest.to_string(),
            format,
            received_at: self.stamp(),
            items,
            applied: 0,
            repeated: 0,
            state: AnswerState::Applying,
        };
        let statements = match self.read_statements(profile, digest, &answer).await {
            Ok(statements) => statements,
            Err(error @ EngineError::Refused { .. }) => {
                self.refusal_recorded(profile, shown, digest, &error).await?;
                return Err(error);
            }
            Err(error) => return Err(error),
        };
        let mut changes = Changes::new();
        changes.answer_received(&answer);
        self.take_statements(&mut changes, &answer, &statements).await?;
        changes.event(
            Leaf::of("answer_received", &answer.received_at)
                .number("answer", answer.number.0)
                .text("provider", &profile.name)
                .digest("sha256", digest)
                .number("items", answer.items)
                .build()?
                .as_bytes()
                .to_vec(),
        );
        self.store.commit(changes).await?;
        Ok(answer)
    }

    /// Puts a refused file into the queue of discrepancies, once for each fault found in its bytes. It is
    /// looked at again at every collection: under other terms the same bytes may be an answer.
    async fn refusal_recorded(
        &self,
        profile: &Provider,
        shown: &str,
        digest: &Digest,
        error: &EngineError,
    ) -> Result<(), EngineError> {
        let sha256 = digest.to_string();
        if self.store.answer_refused_before(&profile.name, &sha256, error.code()).await? {
            return Ok(());
        }
        let refused = RefusedAnswer {
            number: AnswerNo(self.store.next_number(Counted::Answer).await?),
            provider: profile.name.clone(),
            file_name: shown.to_owned(),
            sha256,
            code: error.code().to_owned(),
            refused_at: self.stamp(),
        };
        let mut changes = Changes::new();
        changes.answer_refused(&refused);
        changes.discrepancies(
            self.store.next_number(Counted::Discrepancy).await?,
            &[Discrepancy {
                kind: DiscrepancyKind::FileRefused,
                provider: profile.name.clone(),
                answer: refused.number,
                item: 0,
                instruction: None,
                file: None,
                expected_minor: None,
                reported_minor: None,
                detail: format!("{}: {error}", refused.code),
                opened_at: refused.refused_at.clone(),
            }],
        );
        changes.event(
            Leaf::of("answer_refused", &refused.refused_at)
                .number("answer", refused.number.0)
                .text("provider", &profile.name)
                .digest("sha256", digest)
                .text("code", &refused.code)
                .build()?
                .as_bytes()
                .to_vec(),
        );
        Ok(self.store.commit(changes).await?)
    }
}

/// Whether anything lies in the outbox of a partner, as far as it can be listed.
async fn has_answers(channel: &Arc<dyn Channel>) -> bool {
    let listing = channel.clone();
    let answers = aside(move || Ok(listing.answers()?)).await;
    answers.is_ok_and(|answers| !answers.files.is_empty())
}

/// Refuses an answer that is larger than any that is right.
fn must_fit(shown: &str, bytes: u64) -> Result<(), CollectError> {
    match bytes > ANSWER_BYTES_MAX {
        true => Err(CollectError::AnswerMustFitTheLimit {
            name: shown.to_owned(),
            bytes_max: ANSWER_BYTES_MAX,
        }),
        false => Ok(()),
    }
}

fn is_applied(answer: impl std::borrow::Borrow<Answer>) -> bool {
    answer.borrow().state == AnswerState::Applied
}
