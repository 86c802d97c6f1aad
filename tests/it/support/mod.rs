//! What several stories stand on.

pub mod sim_disk;
