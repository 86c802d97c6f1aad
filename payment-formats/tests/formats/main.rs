//! One binary for the tests of what is written and what is read.

mod definitions;
mod goldens;
mod hostile;
mod samples;
mod schema;
