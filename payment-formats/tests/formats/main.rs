//! One binary for the tests of what is written and what is read.
mod writing;
