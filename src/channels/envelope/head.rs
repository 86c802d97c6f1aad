//! What comes before the contents of a sealed file names a recipient or a few dozen; it is not read without
//! an end.
//!
//! Reads: a sealed file. Gives: no more of it than a head's length, until its head was read.

use std::fmt;
use std::io::{self, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Gives no more than a head's length until it is told that the head was read.
pub struct Head<R> {
    inner: R,
    left: u64,
    is_read: Arc<AtomicBool>,
}

impl<R: Read> Head<R> {
    /// The reader, and what says that the head was read.
    pub fn of(inner: R, bytes_max: u64) -> (Head<R>, Arc<AtomicBool>) {
        let is_read = Arc::new(AtomicBool::new(false));
        (Head { inner, left: bytes_max, is_read: is_read.clone() }, is_read)
    }
}

impl<R: Read> Read for Head<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.is_read.load(Ordering::Relaxed) {
            return self.inner.read(buffer);
        }
        let most = buffer.len().min(usize::try_from(self.left).unwrap_or(usize::MAX));
        let read = self.inner.read(&mut buffer[..most])?;
        self.left -= read as u64;
        Ok(read)
    }
}

impl<R> fmt::Debug for Head<R> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Head {{ left: {} }}", self.left)
    }
}
