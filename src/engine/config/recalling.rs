//! What a partner's terms say about asking payments back: in which format, for which reasons, and how long an
//! answer may take.

use serde::Deserialize;

use crate::domain::recall::REASON_CODES;

/// Days in which a partner answers a recall, and gives back what it agreed to, where nothing else was agreed.
const ANSWER_DAYS_UNSAID: i64 = 15;

/// Without a format, a partner is asked by letter.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RecallingTerms {
    pub format: Option<String>,
    /// The reasons that it takes; every one where nothing is written.
    pub reasons: Option<Vec<String>>,
    pub answer_days: i64,
}

impl Default for RecallingTerms {
    fn default() -> RecallingTerms {
        RecallingTerms { format: None, reasons: None, answer_days: ANSWER_DAYS_UNSAID }
    }
}

impl RecallingTerms {
    /// These terms with what another agreement changes; the rule that is broken otherwise.
    pub(super) fn changed(&self, by: Option<&RecallingFile>) -> Result<RecallingTerms, String> {
        let Some(by) = by else { return Ok(self.clone()) };
        let known = |code: &String| REASON_CODES.iter().any(|(known, _)| known == code);
        if let Some(reasons) = &by.reasons
            && (reasons.is_empty() || !reasons.iter().all(known))
        {
            let codes: Vec<&str> = REASON_CODES.iter().map(|(code, _)| *code).collect();
            return Err(format!("recalls: reasons are some of {}", codes.join(", ")));
        }
        if by.answer_days.is_some_and(|days| days < 0) {
            return Err("recalls: answer_days is not negative".to_owned());
        }
        Ok(RecallingTerms {
            format: by.format.clone().or(self.format.clone()),
            reasons: by.reasons.clone().or(self.reasons.clone()),
            answer_days: by.answer_days.unwrap_or(self.answer_days),
        })
    }
}

/// A `[provider.recalls]`, or one of its `[[provider.terms]]`.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RecallingFile {
    format: Option<String>,
    reasons: Option<Vec<String>>,
    answer_days: Option<i64>,
}
