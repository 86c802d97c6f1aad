//! How long work tells how far it is.

/// Told by the engine, shown by the command line.
pub trait Progress: Send + Sync {
    /// `done` of `total` units of a stage are through; `total` 0 when it is not known.
    fn at(&self, stage: &str, done: u64, total: u64);

    /// Something that the work has put right and goes on with, which whoever runs it must learn of.
    fn notice(&self, code: &'static str, sentence: &str);
}

/// Shows nothing.
pub struct Silent;

impl Progress for Silent {
    fn at(&self, _: &str, _: u64, _: u64) {}

    fn notice(&self, _: &'static str, _: &str) {}
}
