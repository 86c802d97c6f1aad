//! In which of the formats agreed with a partner an answer is; and of one that is in none, why not.
//!
//! Reads: the beginning of an archived answer and its name. Gives: its format, or the error that tells the
//! place where the text is broken, or what each format misses.

use std::io::BufReader;

use payment_formats::InFormat;

use crate::domain::digest::Digest;
use crate::engine::config::Provider;
use crate::engine::{Engine, EngineError};

impl Engine {
    /// The one format that an answer is in. `shown` is its name, which tells of an empty list what it is of.
    pub(super) fn answer_format(
        &self,
        profile: &Provider,
        head: &[u8],
        shown: &str,
    ) -> Option<&InFormat> {
        match self.formats.recognise(head) {
            Some(format) if profile.answers.iter().any(|id| id == format.id()) => Some(format),
            Some(_) => None,
            // Sheets of one provider may look alike to a stranger; the profile names few.
            None => only(self.agreed(profile).filter(|format| format.claims(head)))
                .or_else(|| self.empty_list(profile, head, shown)),
        }
    }

    fn agreed<'s>(&'s self, profile: &Provider) -> impl Iterator<Item = &'s InFormat> {
        profile.answers.iter().filter_map(|id| self.formats.read(id))
    }

    /// The list of which nothing is told: the only one that the partner sends, or the one that its name says.
    fn empty_list(&self, profile: &Provider, head: &[u8], shown: &str) -> Option<&InFormat> {
        let name = shown.to_lowercase();
        let is_named =
            |format: &&InFormat| format.named().iter().any(|word| name.contains(word.as_str()));
        let lists = || self.agreed(profile).filter(|format| format.is_empty_list(head));
        only(lists()).or_else(|| only(lists().filter(is_named)))
    }

    /// Why an answer is in none of the formats of its partner.
    pub(super) fn not_recognised(
        &self,
        profile: &Provider,
        digest: &Digest,
        head: &[u8],
        shown: &str,
    ) -> Result<EngineError, EngineError> {
        let words: Vec<&str> = self
            .agreed(profile)
            .filter(|format| format.is_empty_list(head))
            .flat_map(|format| format.named().iter().map(String::as_str))
            .collect();
        if !words.is_empty() {
            return Ok(EngineError::refused(
                "L146",
                format!(
                    "{shown} is an empty list, and its name does not say of what; nothing was changed; ask {} for a name \
                     with one of the words {}, or give its copy such a name and take it in with chitra collect FILE \
                     --provider {}",
                    profile.name,
                    words.join(", "),
                    profile.name
                ),
            ));
        }
        for format in self.agreed(profile) {
            let archived = BufReader::with_capacity(1 << 17, self.archive.open(digest)?);
            if let Some(error) = format.fault_of_the_text(head, archived) {
                return Ok(EngineError::refused(error.code(), format!("{shown}: {error}")));
            }
        }
        let mut why: Vec<String> = self
            .agreed(profile)
            .map(|format| format!("as {} it {}", format.id(), format.why_not(head)))
            .collect();
        if let Some(other) = self.formats.recognise(head) {
            why.insert(0, format!("it looks like {}, which is not agreed", other.id()));
        }
        Ok(EngineError::refused(
            "L101",
            format!(
                "{shown} is in none of the formats in which {} answers ({}); ask the partner for the agreed file, or add \
                 the format to `answers` of the provider in chitra.toml",
                profile.name,
                why.join("; ")
            ),
        ))
    }
}

fn only<'a>(mut formats: impl Iterator<Item = &'a InFormat>) -> Option<&'a InFormat> {
    match (formats.next(), formats.next()) {
        (Some(only), None) => Some(only),
        _ => None,
    }
}
