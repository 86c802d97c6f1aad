//! Takes in what providers answer: each file archived, checked as a whole, and applied once.
//!
//! A file that breaks a rule anywhere is refused before anything of it is applied. Items are applied in
//! pages; a restart goes on where the last page ended. What fits nothing goes to a queue.

use std::fs::File;
use std::io::{BufReader, Read as _, Seek, SeekFrom};
use std::ops::ControlFlow;
use std::path::Path;

use payment_formats::InFormat;

use crate::audit::leaf::Leaf;
use crate::disk::file_name::FileName;
use crate::domain::answer::{Answer, AnswerState};
use crate::domain::digest::Digest;
use crate::domain::ids::AnswerNo;
use crate::engine::config::Provider;
use crate::engine::{Engine, EngineError, aside};
use crate::store::Changes;
use crate::store::registry::Counted;

mod ageing;
mod applying;
mod callbacks;
mod matching;

/// Held by the process that collects.
const COLLECT_LOCK: &str = "collect.lock";
/// How much of a file is looked at to tell its format.
const HEAD_BYTES: usize = 8 * 1024;

/// What became of one answer file.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Collected {
    pub file_name: String,
    pub format: String,
    pub items: i64,
    /// The same bytes were applied before; nothing was changed.
    pub replayed: bool,
}

impl Engine {
    /// Takes in everything that lies in the outbox of every provider. A file that is refused does not
    /// stop the others; it is told.
    pub async fn collect_all(
        &self,
    ) -> Result<Vec<Result<Collected, (String, EngineError)>>, EngineError> {
        let _alone = self.collect_alone()?;
        self.poll_one_by_one().await?;
        self.apply_all_waiting().await?;
        let mut done = Vec::new();
        let providers: Vec<String> =
            self.config.providers.iter().map(|provider| provider.name.clone()).collect();
        for name in providers {
            let Some(channel) = self.channels.get(&name).cloned() else { continue };
            self.collect_callbacks(&name, &mut done).await?;
            let listing = channel.clone();
            let answers = match aside(move || Ok(listing.answers()?)).await {
                Ok(answers) => answers,
                // A partner that cannot be reached stops no other; it is told.
                Err(error @ EngineError::Collect(_)) => {
                    done.push(Err((name, error)));
                    continue;
                }
                Err(error) => return Err(error),
            };
            for answer in answers.files {
                let shown = answer.name.as_str().to_owned();
                let taken = self.collect_from(&name, channel.clone(), answer.name).await;
                match taken {
                    // What lies in the outbox stays there; only what is new is told.
                    Ok(collected) if collected.replayed => {}
                    Ok(collected) => done.push(Ok(collected)),
                    Err(EngineError::Refused { code: "L104", .. }) => {}
                    Err(error @ (EngineError::Refused { .. } | EngineError::Collect(_))) => {
                        done.push(Err((shown, error)));
                    }
                    Err(error) => return Err(error),
                }
            }
        }
        self.age_all().await?;
        self.watch_failures().await?;
        self.sequence().await?;
        Ok(done)
    }

    async fn collect_from(
        &self,
        provider: &str,
        channel: std::sync::Arc<dyn crate::channels::Channel>,
        name: FileName,
    ) -> Result<Collected, EngineError> {
        let shown = name.as_str().to_owned();
        // What was applied before is told by its hash, without being copied again.
        let (asking, asked) = (channel.clone(), name.clone());
        let seen = aside(move || Ok(asking.fetch(&asked, &mut std::io::sink())?)).await?;
        let arrived = seen.digest.to_string();
        let known = self.store.answer_opened(&arrived).await?.unwrap_or(arrived);
        if let Some(done) = self.store.answer_find(&known).await?
            && done.state == AnswerState::Applied
        {
            return Ok(Collected {
                file_name: shown,
                format: done.format,
                items: done.items,
                replayed: true,
            });
        }
        let folder = self.dir.join("collecting");
        let path = folder.join(&shown);
        let copy = path.clone();
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
            Ok(()) => self.collect_arrived(provider, &path, &shown).await,
            Err(error) => Err(error),
        };
        std::fs::remove_file(&path)
            .map_err(|error| EngineError::io("removing the copy of an answer", error))?;
        taken
    }

    /// Takes in one answer file that a person names.
    pub async fn collect_file(
        &self,
        provider: &str,
        path: &Path,
    ) -> Result<Collected, EngineError> {
        let _alone = self.collect_alone()?;
        let shown = path.file_name().map(|name| name.to_string_lossy().into_owned());
        let shown = shown.unwrap_or_else(|| path.display().to_string());
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

    /// Whether one of the formats of a partner reads these bytes to their end.
    pub(super) fn can_be_read(&self, provider: &str, bytes: &[u8]) -> Result<bool, EngineError> {
        let profile = self.provider(provider)?;
        Ok(self
            .answer_format(profile, bytes)
            .is_some_and(|format| format.read(bytes, &mut |_| ControlFlow::Continue(())).is_ok()))
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
        let taken = match self.open_answer(provider, &identity, path, &opened, shown).await {
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
        let (digest, _) = Digest::of_reader(&mut BufReader::new(&mut file)).map_err(failed)?;
        let sha256 = digest.to_string();
        let answer = match self.store.answer_find(&sha256).await? {
            Some(done) if done.state == AnswerState::Applied => {
                return Ok(Collected {
                    file_name: shown.to_owned(),
                    format: done.format,
                    items: done.items,
                    replayed: true,
                });
            }
            Some(refused) if refused.state == AnswerState::Refused => {
                return Err(EngineError::refused(
                    "L104",
                    format!("{shown} was refused before: {}", refused.detail),
                ));
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
        self.apply(&profile, &digest, answer.clone()).await?;
        Ok(Collected {
            file_name: shown.to_owned(),
            format: answer.format,
            items: answer.items,
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
        let number = AnswerNo(self.store.next_number(Counted::Answer).await?);
        let mut answer = Answer {
            number,
            provider: profile.name.clone(),
            file_name: shown.to_owned(),
            sha256: digest.to_string(),
            format: String::new(),
            received_at: self.stamp(),
            items: 0,
            applied: 0,
            state: AnswerState::Applying,
            detail: String::new(),
        };
        let read = match self.answer_format(profile, &head) {
            None => Err(EngineError::refused(
                "L101",
                format!(
                    "{shown} is in none of the formats in which {} answers ({})",
                    profile.name,
                    profile.answers.join(", ")
                ),
            )),
            Some(format) => {
                answer.format = format.id().to_owned();
                let archived = self.archive.open(digest)?;
                let mut items = 0_i64;
                format
                    .read(BufReader::with_capacity(1 << 17, archived), &mut |_| {
                        items += 1;
                        ControlFlow::Continue(())
                    })
                    .map(|_| items)
                    .map_err(|error| {
                        EngineError::refused(error.code(), format!("{shown}: {error}"))
                    })
            }
        };
        let refusal = match read {
            Ok(items) => {
                answer.items = items;
                None
            }
            Err(error) => {
                answer.state = AnswerState::Refused;
                answer.detail = format!("{}: {error}", error.code());
                Some(error)
            }
        };
        let mut changes = Changes::new();
        changes.answer_received(&answer);
        changes.event(
            Leaf::of(
                if refusal.is_none() { "answer_received" } else { "answer_refused" },
                &answer.received_at,
            )
            .number("answer", number.0)
            .text("provider", &profile.name)
            .digest("sha256", digest)
            .number("items", answer.items)
            .build()?
            .as_bytes()
            .to_vec(),
        );
        self.store.commit(changes).await?;
        match refusal {
            Some(error) => Err(error),
            None => Ok(answer),
        }
    }

    fn answer_format(&self, profile: &Provider, head: &[u8]) -> Option<&InFormat> {
        match self.formats.recognise(head) {
            Some(format) if profile.answers.iter().any(|id| id == format.id()) => Some(format),
            Some(_) => None,
            // Sheets of one provider may look alike to a stranger; the profile names few.
            None => {
                let mut of_profile = profile
                    .answers
                    .iter()
                    .filter_map(|id| self.formats.read(id))
                    .filter(|format| format.claims(head));
                match (of_profile.next(), of_profile.next()) {
                    (Some(only), None) => Some(only),
                    _ => None,
                }
            }
        }
    }
}
