//! What goes wrong with a sandbox itself.

use std::io;
use std::path::PathBuf;

use jiff::civil::Date;

use crate::disk::file_name::FileNameError;
use crate::disk::publish::PublishError;

#[derive(Debug, thiserror::Error)]
pub enum SandboxError {
    #[error("two providers have the name `{0}` (capitals make no difference); rename one")]
    ProviderNamesMustDiffer(String),
    #[error("the shares of the behaviours add up to {0} of a thousand; lower them")]
    MixMustFitAThousand(u32),
    #[error("a provider's name is a folder's name: {0}")]
    NameMustBePlain(#[from] FileNameError),
    #[error("there is no sandbox at {}; create one first", .0.display())]
    SandboxMustBeThere(PathBuf),
    #[error("{} is damaged; a sandbox that was altered judges nothing, so make a new one", .0.display())]
    SandboxFileMustBeWhole(PathBuf),
    #[error("{today} is before {latest}, which has begun in this sandbox; go on from there")]
    DayMustNotGoBack { today: Date, latest: Date },
    #[error("{} cannot be read or written: {source}; put the folder right and tick again", .path.display())]
    DiskMustWork { path: PathBuf, source: io::Error },
    #[error(transparent)]
    FileMustBePublished(#[from] PublishError),
}

impl SandboxError {
    /// A stable name for scripts and catalogues.
    pub fn code(&self) -> &'static str {
        match self {
            SandboxError::ProviderNamesMustDiffer(_) => "S201",
            SandboxError::MixMustFitAThousand(_) => "S202",
            SandboxError::NameMustBePlain(error) => error.code(),
            SandboxError::SandboxMustBeThere(_) => "S203",
            SandboxError::SandboxFileMustBeWhole(_) => "S204",
            SandboxError::DayMustNotGoBack { .. } => "S205",
            SandboxError::DiskMustWork { .. } => "S206",
            SandboxError::FileMustBePublished(error) => error.code(),
        }
    }
}
