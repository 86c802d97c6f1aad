//! A secret that is never shown: read from a file of its own, wiped when it is dropped.

use std::fmt;
use std::path::Path;

use zeroize::Zeroizing;

use crate::channels::Reason;

#[derive(Clone)]
pub struct Secret(Zeroizing<Vec<u8>>);

impl Secret {
    /// Reads a file; a line end after the secret is not part of it.
    pub fn of_file(path: &Path) -> Result<Secret, Reason> {
        let bytes = std::fs::read(path).map_err(|error| {
            let sentence = format!(
                "the secret {} cannot be read ({error}); put it there, readable by this user alone",
                path.display()
            );
            Reason::new("secret_must_be_readable", sentence)
        })?;
        let mut bytes = Zeroizing::new(bytes);
        while matches!(bytes.last(), Some(b'\n' | b'\r')) {
            bytes.pop();
        }
        match bytes.is_empty() {
            true => Err(Reason::new(
                "secret_must_be_readable",
                format!("the secret {} is empty", path.display()),
            )),
            false => Ok(Secret(bytes)),
        }
    }

    pub fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// As text, for protocols that want one.
    pub fn text(&self) -> Result<&str, Reason> {
        std::str::from_utf8(&self.0)
            .map_err(|_| Reason::new("secret_must_be_readable", "the secret is not a text"))
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_not_shown_and_loses_its_line_end() {
        let folder = std::env::temp_dir().join(format!("chitra-secret-{}", std::process::id()));
        std::fs::write(&folder, "open sesame\r\n").unwrap();
        let secret = Secret::of_file(&folder).unwrap();
        assert_eq!(secret.bytes(), b"open sesame");
        assert_eq!(format!("{secret:?}"), "Secret(…)");
        std::fs::write(&folder, "\n").unwrap();
        assert_eq!(Secret::of_file(&folder).unwrap_err().code, "secret_must_be_readable");
        std::fs::remove_file(&folder).unwrap();
    }
}
