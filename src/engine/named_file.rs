//! Files that a person names on the command line, and which may not be there, or have no end.

use std::fs::File;
use std::io::{Error, ErrorKind, Read as _};
use std::path::Path;

use crate::engine::EngineError;

/// Refuses a file that cannot be read, before anything is done with it.
pub fn must_be_readable(path: &Path) -> Result<(), EngineError> {
    // Looked at before it is opened: opening a pipe waits for who writes into it, and a device never ends.
    let is_regular = std::fs::metadata(path).and_then(|found| match found.is_file() {
        true => Ok(()),
        false => Err(Error::new(
            ErrorKind::InvalidInput,
            "it is no regular file but a folder, pipe or device: copy what it gives into a file",
        )),
    });
    let read = is_regular.and_then(|()| File::open(path)?.read(&mut [0]));
    read.map(|_| ()).map_err(|error| unreadable(path, &error))
}

/// The whole text of a file.
pub fn text(path: &Path) -> Result<String, EngineError> {
    must_be_readable(path)?;
    std::fs::read_to_string(path).map_err(|error| unreadable(path, &error))
}

fn unreadable(path: &Path, error: &Error) -> EngineError {
    EngineError::refused(
        "I126",
        format!(
            "the file {} cannot be read ({error}); nothing was changed; look at its name and place, and whether our user \
             may read it",
            path.display()
        ),
    )
}
