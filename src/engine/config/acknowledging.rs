//! What a partner's terms say about acknowledging files: within which time, and whom to call when it is late.

use serde::Deserialize;

use crate::domain::acknowledgement::{AcknowledgementKind, Within};

/// Nothing was agreed where nothing is written.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct AcknowledgingTerms {
    pub received: Option<Within>,
    pub accepted: Option<Within>,
    pub executed: Option<Within>,
    /// Whom to call when one is late, for people.
    pub escalation_contact: Option<String>,
}

impl AcknowledgingTerms {
    pub fn within(&self, kind: AcknowledgementKind) -> Option<Within> {
        match kind {
            AcknowledgementKind::Received => self.received,
            AcknowledgementKind::Accepted => self.accepted,
            AcknowledgementKind::Executed => self.executed,
        }
    }

    /// These terms with what another agreement changes; the rule that is broken otherwise.
    pub(super) fn changed(
        &self,
        by: Option<&AcknowledgingFile>,
    ) -> Result<AcknowledgingTerms, String> {
        let Some(by) = by else { return Ok(self.clone()) };
        let within = |what: &str, text: &Option<String>, held: Option<Within>| {
            match text {
            None => Ok(held),
            Some(text) => Within::parse(text).map(Some).ok_or(format!(
                "acknowledgements: {what} is written like `2 hours` or `4 banking hours`, not `{text}`"
            )),
        }
        };
        let contact = by.escalation_contact.clone().or(self.escalation_contact.clone());
        if contact
            .as_ref()
            .is_some_and(|text| text.is_empty() || text.chars().any(char::is_control))
        {
            return Err("acknowledgements: escalation_contact is one line".to_owned());
        }
        Ok(AcknowledgingTerms {
            received: within("received", &by.received, self.received)?,
            accepted: within("accepted", &by.accepted, self.accepted)?,
            executed: within("executed", &by.executed, self.executed)?,
            escalation_contact: contact,
        })
    }
}

/// A `[provider.acknowledgements]`, or one of its `[[provider.terms]]`.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct AcknowledgingFile {
    received: Option<String>,
    accepted: Option<String>,
    executed: Option<String>,
    escalation_contact: Option<String>,
}
