//! The archive keeps a file or does not, at every point where the power may go.

use std::io::Cursor;
use std::path::PathBuf;
use std::sync::Arc;

use chitra::disk::archive::Archive;
use chitra::domain::digest::Digest;
use chitra::domain::sealed::OfficeKey;

use crate::support::sim_disk::{Fault, SimDisk};

fn archive(disk: &SimDisk) -> Archive {
    let key = OfficeKey::from_bytes([5; 32]).sealing("archive");
    Archive::new(Arc::new(disk.clone()), PathBuf::from("/archive"), key)
}

fn file() -> Vec<u8> {
    (0..40_000_u32).flat_map(|n| n.wrapping_mul(2_654_435_761).to_le_bytes()).collect()
}

/// Archives with one fault at every step in turn, then again without, then cuts the power.
fn at_every_step(fault: Fault, after: fn(&SimDisk)) {
    let digest = Digest::of(&file());
    for step in 0.. {
        let disk = SimDisk::with_folder(step, "/archive");
        disk.arm(step, fault);
        let put = archive(&disk).put(&mut Cursor::new(file()));
        if !disk.has_fired() {
            assert!(put.is_ok() && step > 8, "{step}");
            return;
        }
        after(&disk);
        let kept = archive(&disk).contains(&digest).unwrap();
        assert!(kept || put.is_err(), "{fault:?} {step}: it said that the file was kept");
        assert_eq!(archive(&disk).put(&mut Cursor::new(file())).unwrap(), digest);
        disk.crash();
        let mut got = Vec::new();
        archive(&disk).get(&digest, &mut got).unwrap();
        assert!(got == file(), "{fault:?} {step}");
    }
}

#[test]
fn after_a_fault_at_any_step_the_file_can_be_archived() {
    at_every_step(Fault::Crash, SimDisk::crash);
    at_every_step(Fault::Crash, SimDisk::kill);
    for fault in [Fault::Eio, Fault::EioAfter, Fault::Enospc, Fault::ShortWrite] {
        at_every_step(fault, SimDisk::disarm);
    }
}
