//! A text in the two languages of every report, and which of them a document shows.

use std::borrow::Cow;

/// The same thing said in Vietnamese and in English. Plain text: it is escaped where it is shown.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Words {
    pub vi: Cow<'static, str>,
    pub en: Cow<'static, str>,
}

impl Words {
    pub const fn fixed(vi: &'static str, en: &'static str) -> Words {
        Words { vi: Cow::Borrowed(vi), en: Cow::Borrowed(en) }
    }

    pub fn new(vi: impl Into<String>, en: impl Into<String>) -> Words {
        Words { vi: Cow::Owned(vi.into()), en: Cow::Owned(en.into()) }
    }

    /// A name that is the same in both languages, such as a province's.
    pub fn name(text: impl Into<String>) -> Words {
        let text = text.into();
        Words { vi: Cow::Owned(text.clone()), en: Cow::Owned(text) }
    }
}

/// Which languages a document shows.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Language {
    Vietnamese,
    English,
    /// Vietnamese with the English beside it, smaller: one document for both readers.
    Both,
}
