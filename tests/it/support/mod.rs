//! What several stories stand on.

pub mod office;
pub mod real_parts;
pub mod sftp;
pub mod sim_disk;
