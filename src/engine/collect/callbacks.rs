//! Takes in what partners have sent by themselves and the receiver has kept.
//!
//! Reads: the folders of callbacks. Gives: answers, like those of an outbox. A file is taken away once it is
//! archived and applied, and put aside when an officer has set it aside; if it comes again it is known by
//! its digest.

use std::path::PathBuf;

use serde_json::{Value, json};

use super::Collected;
use crate::channels::callbacks::{Callbacks, folder_of};
use crate::disk::publish::create_dirs;
use crate::domain::digest::Digest;
use crate::engine::send_windows::line_of;
use crate::engine::{Engine, EngineError, aside};

/// How many callbacks of a partner are looked at in one go.
const CALLBACKS_MAX: usize = 100_000;
const FOLDER: &str = "callbacks";

impl Engine {
    /// What the receiver of callbacks needs: where it puts them, and whose it takes.
    ///
    /// # Errors
    /// N162 when no partner has agreed on callbacks.
    pub fn callbacks(&self) -> Result<Callbacks, EngineError> {
        let partners: std::collections::BTreeMap<_, _> = self
            .config
            .providers
            .iter()
            .filter_map(|one| Some((one.name.clone(), one.callbacks.clone()?)))
            .collect();
        if partners.is_empty() {
            return Err(EngineError::refused(
                "N162",
                "no partner sends callbacks; agree on a key with one and write [provider.callbacks] into chitra.toml",
            ));
        }
        let folder = self.callbacks_folder();
        for name in partners.keys() {
            let within = PathBuf::from(FOLDER).join(name);
            create_dirs(&*self.disk, &self.dir, &within).map_err(|error| {
                EngineError::io("making the folder of callbacks", std::io::Error::other(error))
            })?;
        }
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            // What a partner says of payments is for the office's user alone.
            std::fs::set_permissions(&folder, std::fs::Permissions::from_mode(0o700))
                .map_err(|error| EngineError::io("closing a folder to others", error))?;
        }
        Ok(Callbacks { disk: self.disk.clone(), folder, partners })
    }

    fn callbacks_folder(&self) -> PathBuf {
        self.dir.join(FOLDER)
    }

    /// Whether callbacks of a partner wait to be taken in.
    pub(super) fn has_callbacks(&self, provider: &str) -> Result<bool, EngineError> {
        let folder = folder_of(&self.callbacks_folder(), provider);
        let failed = |error| EngineError::io("reading callbacks", error);
        if !self.disk.exists(&folder).map_err(failed)? {
            return Ok(false);
        }
        let listed = self.disk.list(&folder, CALLBACKS_MAX).map_err(failed)?;
        Ok(listed.iter().any(|file| file.name.ends_with(".answer")))
    }

    /// Takes in the callbacks of a partner.
    pub(super) async fn collect_callbacks(
        &self,
        provider: &str,
        done: &mut Vec<Result<Collected, (String, EngineError)>>,
    ) -> Result<(), EngineError> {
        let folder = folder_of(&self.callbacks_folder(), provider);
        let failed = |error| EngineError::io("reading callbacks", error);
        if !self.disk.exists(&folder).map_err(failed)? {
            return Ok(());
        }
        let listed = self.disk.list(&folder, CALLBACKS_MAX).map_err(failed)?;
        for file in listed.iter().filter(|file| file.name.ends_with(".answer")) {
            let path = folder.join(&file.name);
            let is_set_aside = match self.collect_callback(provider, &path, &file.name).await {
                Ok(Some(collected)) => {
                    if !collected.replayed {
                        done.push(Ok(collected));
                    }
                    false
                }
                Ok(None) => true,
                // It lies there until it can be read, like a file in an outbox.
                Err(error @ (EngineError::Refused { .. } | EngineError::Collect(_))) => {
                    done.push(Err((file.name.clone(), error)));
                    continue;
                }
                Err(error) => return Err(error),
            };
            let (disk, folder) = (self.disk.clone(), folder.clone());
            aside(move || {
                match is_set_aside {
                    true => disk.rename_replacing(&path, &path.with_extension("refused")),
                    false => disk.remove(&path),
                }
                .and_then(|()| disk.sync_dir(&folder))
                .map_err(failed)
            })
            .await?;
        }
        Ok(())
    }

    /// Takes in one callback; nothing when an officer has set its bytes aside.
    async fn collect_callback(
        &self,
        provider: &str,
        path: &std::path::Path,
        shown: &str,
    ) -> Result<Option<Collected>, EngineError> {
        let channel = self.channels.get(provider).cloned();
        let failed = |error| EngineError::io(format!("reading {shown}"), error);
        let Some(partner) = channel.and_then(|channel| channel.one_by_one()) else {
            let mut file = std::io::BufReader::new(std::fs::File::open(path).map_err(failed)?);
            let (arrived, _) = Digest::of_reader(&mut file).map_err(failed)?;
            if self.is_set_aside(provider, &arrived).await? {
                return Ok(None);
            }
            return self.collect_arrived(provider, path, shown).await.map(Some);
        };
        // The same line as for an answer to a question, with nothing of the moment in it, so that the
        // same word is known when it comes again.
        let bytes = std::fs::read(path).map_err(failed)?;
        let is_object = serde_json::from_slice::<Value>(&bytes).is_ok_and(|body| body.is_object());
        let line = match (partner.reference(&bytes), std::str::from_utf8(&bytes)) {
            (Some(reference), Ok(body)) if is_object => {
                let head = json!({ "reference": reference, "asked": "callback", "http": 200 });
                line_of(&head, body).into_bytes()
            }
            _ => bytes,
        };
        if self.is_set_aside(provider, &Digest::of(&line)).await? {
            return Ok(None);
        }
        let folder = self.dir.join("collecting");
        let failed = |error| EngineError::io("copying a callback", error);
        std::fs::create_dir_all(&folder).map_err(failed)?;
        let copy = folder.join(shown);
        let mut file = crate::engine::import::private_file(&copy).map_err(failed)?;
        std::io::Write::write_all(&mut file, &line).map_err(failed)?;
        drop(file);
        let taken = self.collect_named(provider, &copy, shown).await;
        std::fs::remove_file(&copy).map_err(failed)?;
        taken.map(Some)
    }
}
