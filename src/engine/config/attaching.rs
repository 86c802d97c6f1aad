//! `[court_orders]` of `chitra.toml`: of which benefits an order of a court may keep back. None, where nothing
//! is written: which benefits are income that may be attached is for the office's lawyers to say.

use serde::Deserialize;

use super::wrong;
use crate::engine::error::EngineError;
use crate::pipeline::court_orders::Attachable;

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct CourtOrdersFile {
    attachable: Vec<String>,
}

impl CourtOrdersFile {
    /// Whether a benefit is one of a programme is asked where the programmes are known.
    pub(super) fn parsed(self) -> Result<Attachable, EngineError> {
        let mut benefits = Vec::new();
        for written in &self.attachable {
            let parts = written.split_once('/').filter(|(programme, benefit)| {
                !programme.is_empty() && !benefit.is_empty() && !benefit.contains('/')
            });
            let Some((programme, benefit)) = parts else {
                return Err(wrong(format!(
                    "court_orders: attachable names each benefit as \"PROGRAMME/BENEFIT\", not \"{written}\""
                )));
            };
            benefits.push((programme.to_owned(), benefit.to_owned()));
        }
        Ok(Attachable::new(benefits))
    }
}
