//! The directory drop: a delivery is made, not made, or unknown; answers are taken in whole.

use std::io::Read;
use std::path::PathBuf;
use std::sync::Arc;

use chitra::channels::directory::DirectoryChannel;
use chitra::channels::{Channel, DeliveryOutcome, Parcel, QueryOutcome};
use chitra::disk::Disk;
use chitra::disk::file_name::FileName;
use chitra::domain::digest::Digest;
use chitra::domain::money::{Currency, Money};

use crate::support::sim_disk::{Fault, SimDisk};

const NAME: &str = "HN-PROD-202611-0001.csv";
const BYTES: &[u8] = b"E2E1;750000\nE2E2;500000\n";

fn disk(seed: u64) -> SimDisk {
    let disk = SimDisk::with_folder(seed, "/inbox");
    for folder in ["/outbox", "/taken"] {
        disk.create_dir(folder.as_ref()).unwrap();
    }
    disk.sync_dir("/".as_ref()).unwrap();
    disk
}

fn channel(disk: &SimDisk) -> DirectoryChannel {
    let path = PathBuf::from;
    DirectoryChannel::new(Arc::new(disk.clone()), path("/inbox"), path("/outbox"), 1000)
        .with_taken_folder(path("/taken"))
}

fn name(text: &str) -> FileName {
    FileName::parse(text).unwrap()
}

fn deliver(disk: &SimDisk) -> DeliveryOutcome {
    let mut source = BYTES;
    channel(disk).deliver(Parcel {
        name: name(NAME),
        source: &mut source,
        digest: Digest::of(BYTES),
        count: 2,
        total: Money::from_minor(1_250_000, Currency::VND),
    })
}

fn query(disk: &SimDisk) -> QueryOutcome {
    channel(disk).query(&name(NAME), &Digest::of(BYTES))
}

#[track_caller]
fn delivered(outcome: DeliveryOutcome, again: bool) {
    match outcome {
        DeliveryOutcome::Delivered(delivery) => {
            assert_eq!(delivery.digest, Digest::of(BYTES));
            assert_eq!(delivery.bytes, BYTES.len() as u64);
            assert_eq!(delivery.already_there, again);
        }
        other => panic!("not delivered: {other:?}"),
    }
}

#[track_caller]
fn not_delivered(outcome: DeliveryOutcome, code: &str) {
    match outcome {
        DeliveryOutcome::NotDelivered(reason) => assert_eq!(reason.code, code),
        other => panic!("should be refused as {code}: {other:?}"),
    }
}

#[test]
fn a_parcel_is_delivered_once() {
    let disk = disk(1);
    assert_eq!(query(&disk), QueryOutcome::NotThere);
    delivered(deliver(&disk), false);
    delivered(deliver(&disk), true);
    assert_eq!(query(&disk), QueryOutcome::Held { bytes: BYTES.len() as u64 });
}

#[test]
fn a_parcel_that_the_provider_has_taken_is_not_delivered_again() {
    let disk = disk(1);
    disk.put(format!("/taken/{NAME}"), BYTES);
    delivered(deliver(&disk), true);
    assert_eq!(disk.bytes(format!("/inbox/{NAME}")), None);
    assert_eq!(query(&disk), QueryOutcome::Held { bytes: BYTES.len() as u64 });

    disk.put(format!("/taken/{NAME}"), b"other");
    not_delivered(deliver(&disk), "V204");
    assert_eq!(query(&disk), QueryOutcome::DifferentBytes { found: Digest::of(b"other") });
}

#[test]
fn only_the_parts_of_our_own_file_are_taken_away() {
    let disk = disk(1);
    let theirs = ["/inbox/upload.part", "/inbox/HN-PROD-202611-0002.csv.7-1.part"];
    for path in theirs.into_iter().chain(["/inbox/HN-PROD-202611-0001.csv.7-1.part"]) {
        disk.put(path, b"half");
    }
    delivered(deliver(&disk), false);
    for path in theirs {
        assert!(disk.bytes(path).is_some(), "{path} is not a part of the file that is delivered");
    }
    assert_eq!(disk.bytes("/inbox/HN-PROD-202611-0001.csv.7-1.part"), None);
}

#[test]
fn a_folder_that_is_not_mounted_gets_nothing() {
    let disk = SimDisk::with_folder(1, "/taken");
    not_delivered(deliver(&disk), "channel_folder_must_exist");
    assert!(disk.files().is_empty());
    match query(&disk) {
        QueryOutcome::Unavailable(reason) => assert_eq!(reason.code, "channel_folder_must_exist"),
        other => panic!("a missing folder is no answer: {other:?}"),
    }
    assert_eq!(channel(&disk).answers().unwrap_err().code(), "N101");
}

#[test]
fn not_delivered_is_proven_whatever_goes_wrong() {
    for fault in [Fault::Crash, Fault::Eio, Fault::EioAfter, Fault::Enospc, Fault::ShortWrite] {
        for seed in 0..20 {
            for step in 0..20 {
                let disk = disk(seed * 100 + step);
                disk.arm(step, fault);
                let outcome = deliver(&disk);
                let visible = disk.bytes(format!("/inbox/{NAME}"));
                disk.crash();
                match outcome {
                    DeliveryOutcome::Delivered(_) => {
                        assert_eq!(disk.bytes(format!("/inbox/{NAME}")).as_deref(), Some(BYTES));
                    }
                    DeliveryOutcome::NotDelivered(reason) => assert_eq!(visible, None, "{reason}"),
                    DeliveryOutcome::Unknown(_) => {}
                }
                deliver(&disk);
                assert_eq!(query(&disk), QueryOutcome::Held { bytes: BYTES.len() as u64 });
                let left = disk.files().into_keys();
                let parts: Vec<PathBuf> = left
                    .filter(|path| path.extension().is_some_and(|ending| ending == "part"))
                    .collect();
                assert!(
                    parts.is_empty(),
                    "{fault:?} {seed} {step}: {parts:?} stay at the partner's"
                );
            }
        }
    }
}

#[test]
fn answers_are_listed_and_copied_under_their_limit() {
    let disk = disk(1);
    disk.put("/outbox/status-2.xml", b"second");
    disk.put("/outbox/status-1.xml", b"first");
    disk.put("/outbox/status-3.xml.part", b"still being writ");
    disk.put("/outbox/.hidden", b"");
    disk.put("/outbox/a:b", b"");
    disk.put("/outbox/large.xml", &[b'x'; 1001]);
    let channel = channel(&disk);

    let answers = channel.answers().unwrap();
    let names: Vec<_> = answers.files.iter().map(|file| file.name.as_str()).collect();
    assert_eq!(names, ["large.xml", "status-1.xml", "status-2.xml"]);
    let refused: Vec<_> =
        answers.refused.iter().map(|one| (one.listed.as_str(), one.reason.code)).collect();
    assert_eq!(refused, [("a:b", "V302")]);

    let mut copy = Vec::new();
    let fetched = channel.fetch(&name("status-1.xml"), &mut copy).unwrap();
    assert_eq!((copy.as_slice(), fetched.bytes), (&b"first"[..], 5));
    assert_eq!(fetched.digest, Digest::of(b"first"));
    for (answer, code) in [("large.xml", "N103"), ("gone.xml", "N102")] {
        let error = channel.fetch(&name(answer), &mut std::io::sink()).unwrap_err();
        assert_eq!(error.code(), code);
    }
}

#[test]
fn a_source_that_fails_leaves_nothing() {
    struct Failing;
    impl Read for Failing {
        fn read(&mut self, _: &mut [u8]) -> std::io::Result<usize> {
            Err(std::io::Error::other("the archive is gone"))
        }
    }
    let disk = disk(1);
    let outcome = channel(&disk).deliver(Parcel {
        name: name(NAME),
        source: &mut Failing,
        digest: Digest::of(BYTES),
        count: 2,
        total: Money::from_minor(1_250_000, Currency::VND),
    });
    not_delivered(outcome, "V201");
    assert!(disk.files().is_empty());
}
