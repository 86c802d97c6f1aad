//! Files that a person names on the command line, and which may not be there.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use crate::engine::EngineError;

/// Refuses a file that cannot be read, before anything is done with it.
pub fn must_be_readable(path: &Path) -> Result<(), EngineError> {
    // A folder can be opened, and only reading it fails.
    let read = File::open(path).and_then(|mut file| file.read(&mut [0]));
    read.map(|_| ()).map_err(|error| unreadable(path, &error))
}

/// The whole text of a file.
pub fn text(path: &Path) -> Result<String, EngineError> {
    std::fs::read_to_string(path).map_err(|error| unreadable(path, &error))
}

fn unreadable(path: &Path, error: &std::io::Error) -> EngineError {
    EngineError::refused(
        "I126",
        format!(
            "the file {} cannot be read ({error}); nothing was changed; look at its name and place, and whether our user \
             may read it",
            path.display()
        ),
    )
}
