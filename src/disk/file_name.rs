//! Names of files that leave and arrive: one plain name inside one folder, never a path.
//!
//! Reads: text from our own naming rule, or what a provider's folder lists.
//! Gives: `FileName`, which cannot climb out of its folder, hide, or pass for a file half written.

use std::fmt;

/// One name inside a folder.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FileName(String);

/// The end of a name that is still being written. Nobody reads such a file.
pub const PART_SUFFIX: &str = ".part";

/// Leaves room for the suffix of a part within the 255 bytes that file systems allow.
const NAME_BYTES_MAX: usize = 200;

impl FileName {
    pub fn parse(name: &str) -> Result<FileName, FileNameError> {
        if name.is_empty() || name.len() > NAME_BYTES_MAX {
            return Err(FileNameError::NameMustHaveUpTo200Bytes(name.len()));
        }
        // A colon and a backslash are separators on other systems, where the file may end up.
        let separates = |c: char| matches!(c, '/' | '\\' | ':') || c.is_control();
        if name.contains(separates) {
            return Err(FileNameError::NameMustNotBeAPath(shown(name)));
        }
        if name.starts_with('.') {
            return Err(FileNameError::NameMustNotBeHidden(shown(name)));
        }
        if name.to_ascii_lowercase().ends_with(PART_SUFFIX) {
            return Err(FileNameError::NameMustNotBeAPart(shown(name)));
        }
        Ok(FileName(name.to_owned()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// How much of a hostile name is shown.
const SHOWN_MAX: usize = 60;

/// A hostile name made harmless for a message: short, with what a terminal would obey written out.
pub fn shown(name: &str) -> String {
    let mut shown = String::new();
    for letter in name.chars().take(SHOWN_MAX) {
        // Marks that turn the direction of writing make a name look like another one.
        let turns = matches!(letter, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
        match letter.is_control() || turns {
            true => shown.extend(letter.escape_default()),
            false => shown.push(letter),
        }
    }
    if name.chars().nth(SHOWN_MAX).is_some() {
        shown.push('…');
    }
    shown
}

impl fmt::Display for FileName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for FileName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.0)
    }
}

#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum FileNameError {
    #[error("a file name has 1 to 200 bytes, not {0}")]
    NameMustHaveUpTo200Bytes(usize),
    #[error("`{0}` is not one plain file name: it has a separator or a control character")]
    NameMustNotBeAPath(String),
    #[error("`{0}` begins with a point, so that folders would hide it")]
    NameMustNotBeHidden(String),
    #[error("`{0}` ends in .part, which marks a file that is still being written")]
    NameMustNotBeAPart(String),
}

impl FileNameError {
    /// A stable name for scripts and catalogues.
    pub fn code(&self) -> &'static str {
        match self {
            FileNameError::NameMustHaveUpTo200Bytes(_) => "V301",
            FileNameError::NameMustNotBeAPath(_) => "V302",
            FileNameError::NameMustNotBeHidden(_) => "V303",
            FileNameError::NameMustNotBeAPart(_) => "V304",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_stays_in_its_folder() {
        for (name, expected) in [
            ("HN-PROD-REG-202611-0001.xml", "ok"),
            ("Danh sách chi trả 11-2026.xlsx", "ok"),
            ("255", "ok"),
            ("", "V301"),
            (&"a".repeat(201), "V301"),
            ("..", "V303"),
            (".ssh", "V303"),
            ("../x", "V302"),
            ("a/b", "V302"),
            ("a\\b", "V302"),
            ("C:x", "V302"),
            ("a\0b", "V302"),
            ("a\nb", "V302"),
            ("pay.xml.part", "V304"),
            ("pay.xml.PART", "V304"),
        ] {
            let actual = FileName::parse(name).map_or_else(|error| error.code(), |_| "ok");
            assert_eq!(actual, expected, "{name:?}");
        }
    }

    #[test]
    fn a_hostile_name_is_shown_written_out_and_short() {
        for (name, expected) in [
            ("kết quả.csv", "kết quả.csv"),
            ("a\nb.csv", "a\\nb.csv"),
            ("\u{1b}[2Jb.csv", "\\u{1b}[2Jb.csv"),
            ("a\u{202e}vsc.exe", "a\\u{202e}vsc.exe"),
            (&"n".repeat(61), &format!("{}…", "n".repeat(60))),
            (&"n".repeat(60), &"n".repeat(60)),
        ] {
            assert_eq!(shown(name), expected, "{name:?}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_name_makes_parsing_panic_and_no_error_carries_a_control_character(name in ".{0,80}") {
            if let Err(error) = FileName::parse(&name) {
                proptest::prop_assert!(!error.to_string().contains(char::is_control));
            }
        }
    }
}
