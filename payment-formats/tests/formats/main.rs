//! One binary for the tests of what is written and what is read.

mod definitions;
mod goldens;
mod hostile;
mod reasons;
mod samples;
mod schema;
