//! A published file is absent or whole, at every point where the power may go, the disk may fail or
//! fill up, and it is never overwritten.

use std::path::Path;

use chitra::disk::file_name::FileName;
use chitra::disk::publish::{PublishError, Published, Visibility, publish};
use chitra::disk::{Disk, RealDisk};
use chitra::domain::digest::Digest;

use crate::support::sim_disk::{Fault, SimDisk};

const INBOX: &str = "/inbox";
const FINAL: &str = "/inbox/HN-PROD-202611-0001.xml";
const SEEDS: u64 = 24;

fn payload() -> Vec<u8> {
    b"<Document>750000</Document>\n".repeat(3000)
}

fn try_publish(disk: &dyn Disk, folder: &Path, bytes: &[u8]) -> Result<Published, PublishError> {
    let name = FileName::parse("HN-PROD-202611-0001.xml").unwrap();
    publish(disk, folder, &name, &Digest::of(bytes), &mut { bytes })
}

fn attempt(disk: &SimDisk) -> Result<Published, PublishError> {
    try_publish(disk, Path::new(INBOX), &payload())
}

/// Publishes with one fault at every step in turn, and tells what was seen each time.
fn at_every_step(fault: Fault, mut seen: impl FnMut(&SimDisk, Result<Published, PublishError>)) {
    for seed in 0..SEEDS {
        for step in 0.. {
            let disk = SimDisk::with_folder(seed * 1000 + step, INBOX);
            disk.arm(step, fault);
            let result = attempt(&disk);
            if !disk.has_fired() {
                assert!(step > 6, "publishing has more steps than {step}");
                break;
            }
            seen(&disk, result);
        }
    }
}

#[track_caller]
fn absent_or_whole(disk: &SimDisk) {
    let found = disk.bytes(FINAL);
    assert!(found.is_none() || found == Some(payload()), "a part has the final name");
}

#[track_caller]
fn publishes_in_the_end(disk: &SimDisk) {
    disk.disarm();
    attempt(disk).unwrap();
    disk.crash();
    assert_eq!(disk.bytes(FINAL), Some(payload()));
}

#[test]
fn after_a_power_cut_at_any_step_the_file_is_absent_or_whole() {
    at_every_step(Fault::Crash, |disk, result| {
        // The last step is a read, after which nothing can be lost.
        let published = result.is_ok();
        disk.crash();
        absent_or_whole(disk);
        assert!(!published || disk.bytes(FINAL).is_some());
        publishes_in_the_end(disk);
    });
}

#[test]
fn after_an_error_at_any_step_a_second_attempt_publishes_or_adopts() {
    for fault in [Fault::Eio, Fault::EioAfter, Fault::Enospc, Fault::ShortWrite] {
        at_every_step(fault, |disk, result| {
            absent_or_whole(disk);
            match result {
                Ok(published) => assert_eq!(published.digest, Digest::of(&payload())),
                Err(error) => match error.visibility() {
                    Visibility::NotVisible => assert_eq!(disk.bytes(FINAL), None, "{error}"),
                    Visibility::MayBeVisible => {}
                },
            }
            publishes_in_the_end(disk);
        });
    }
}

#[test]
fn a_failed_sync_is_never_believed_afterwards() {
    // The sync after a failed one says that all is well. Only a new file is safe.
    at_every_step(Fault::Eio, |disk, _| {
        publishes_in_the_end(disk);
    });
}

#[test]
fn a_forged_write_is_found_by_reading_back() {
    let mut found = 0;
    at_every_step(Fault::ForgedWrite, |disk, result| match result {
        Ok(_) => assert_eq!(disk.bytes(FINAL), Some(payload())),
        Err(error) => {
            assert_eq!(error.code(), "V206");
            assert_eq!(error.visibility(), Visibility::NotVisible);
            assert_eq!(disk.bytes(FINAL), None, "wrong bytes never have a name");
            publishes_in_the_end(disk);
            found += 1;
        }
    });
    assert!(found > 0, "no step of publishing was a write");
}

#[test]
fn a_disk_that_lies_is_caught_by_this_simulation() {
    let mut lost = 0;
    for seed in 0..SEEDS {
        let disk = SimDisk::with_folder(seed, INBOX);
        disk.lie_on_sync();
        attempt(&disk).unwrap();
        disk.crash();
        lost += u64::from(disk.bytes(FINAL) != Some(payload()));
    }
    assert!(
        lost > SEEDS / 2,
        "skipping the syncs went unnoticed in all but {lost} of {SEEDS} cuts"
    );
}

#[test]
fn a_taken_name_keeps_its_bytes_at_every_step() {
    for fault in Fault::ALL {
        for step in 0..12 {
            let disk = SimDisk::with_folder(step, INBOX);
            disk.put(FINAL, b"another batch");
            disk.arm(step, fault);
            assert!(attempt(&disk).is_err());
            disk.crash();
            assert_eq!(disk.bytes(FINAL).as_deref(), Some(&b"another batch"[..]));
            let error = attempt(&disk).unwrap_err();
            assert_eq!(error.code(), "V204");
            assert_eq!(error.visibility(), Visibility::NotVisible);
        }
    }
}

#[test]
fn bytes_that_were_not_approved_get_no_name() {
    let disk = SimDisk::with_folder(1, INBOX);
    let name = FileName::parse("HN-PROD-202611-0001.xml").unwrap();
    let approved = Digest::of(b"approved");
    let error =
        publish(&disk, Path::new(INBOX), &name, &approved, &mut &b"edited"[..]).unwrap_err();
    assert_eq!(error.code(), "V203");
    assert_eq!(error.visibility(), Visibility::NotVisible);
    assert!(disk.files().is_empty(), "the part was taken away again");
}

#[test]
fn on_a_real_disk_many_writers_of_one_file_leave_one_whole_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    let results: Vec<_> = std::thread::scope(|scope| {
        let writers: Vec<_> = (0..4)
            .map(|_| scope.spawn(|| try_publish(&RealDisk, path, &payload()).unwrap()))
            .collect();
        writers.into_iter().map(|writer| writer.join().unwrap()).collect()
    });
    assert_eq!(results.iter().filter(|published| !published.adopted).count(), 1);
    let files = RealDisk.list(path, 10).unwrap();
    assert_eq!(files.len(), 1, "{files:?}");
    assert_eq!(std::fs::read(path.join("HN-PROD-202611-0001.xml")).unwrap(), payload());

    let error = try_publish(&RealDisk, path, b"other bytes").unwrap_err();
    assert_eq!(error.code(), "V204");
    assert_eq!(std::fs::read(path.join("HN-PROD-202611-0001.xml")).unwrap(), payload());
}
