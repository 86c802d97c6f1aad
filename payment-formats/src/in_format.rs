//! A format that comes back: compiled once from its definition.
use crate::definition::{Diagnostic, Title};
pub struct InFormat {
    id: String,
    version: String,
    title: Title,
}
impl InFormat {
    pub fn parse(_: &str) -> Result<InFormat, Vec<Diagnostic>> {
        Err(vec![Diagnostic::error("", "soon")])
    }
    pub fn id(&self) -> &str {
        &self.id
    }
    pub fn version(&self) -> &str {
        &self.version
    }
    pub fn title_en(&self) -> &str {
        &self.title.en
    }
    pub fn title_vi(&self) -> &str {
        &self.title.vi
    }
    pub(crate) fn claims(&self, _: &[u8]) -> bool {
        false
    }
    pub(crate) fn advice(&self) -> Vec<Diagnostic> {
        Vec::new()
    }
}
