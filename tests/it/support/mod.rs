//! What several stories stand on.

pub mod real_parts;
pub mod sim_disk;
