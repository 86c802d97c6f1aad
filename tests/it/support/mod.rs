//! What several stories stand on.

pub mod cluster;
pub mod injectors;
pub mod mobile_partner;
pub mod office;
pub mod real_parts;
pub mod rsa_pair;
pub mod sftp;
pub mod sim_disk;
pub mod small_office;
