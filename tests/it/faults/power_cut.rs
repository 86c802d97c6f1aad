//! The power is cut: only what the disk holds is there afterwards. A real ext4 on a disk of its own is shut
//! down without its journal being written out.

use crate::support::injectors::{Mounted, Of, Traced};
use crate::support::real_parts::{RealPart, real_part};
use crate::support::small_office::{CYCLE, SENT_ON, SmallOffice, Stage, TO_RELEASE};

/// The program said *done*, and the plug is pulled: everything that it said must hold.
#[test]
fn what_was_acknowledged_is_there_after_a_power_cut() {
    let Some(mkfs) = real_part(RealPart::Mounts) else { return };
    let folder = tempfile::tempdir().unwrap();
    let disk = Mounted::disk(&mkfs, &folder.path().join("disk"), 48);
    let office = SmallOffice::at_place(Stage::Opened, &disk.at.join("office"));
    // The copy itself is durable before anything is tried.
    disk.power_returns();
    for (step, arguments) in TO_RELEASE.iter().chain(&[(SENT_ON, &["dispatch", CYCLE][..])]) {
        office.run(step, arguments).said();
        let said = office.run(step, &["cycle", "status", CYCLE]).said();
        disk.cut_power();
        disk.power_returns();
        let found = office.run(step, &["cycle", "status", CYCLE]).said();
        assert_eq!(found, said, "after {arguments:?}");
        assert_eq!(office.run(step, &["audit", "verify"]).said()["verified"], true);
    }
    assert_eq!(office.inboxes(), office.approved_files(), "what was called delivered is there");
    office.ends_as_undisturbed();
}

/// The plug is pulled in the middle of a file, at each of its steps.
#[test]
fn after_a_power_cut_in_a_file_it_is_absent_or_whole() {
    let Some(mkfs) = real_part(RealPart::Mounts) else { return };
    let Some(strace) = real_part(RealPart::Strace) else { return };
    let folder = tempfile::tempdir().unwrap();
    for (at, (of, stop)) in [
        ("part", "fsync:signal=STOP"),
        ("name", "renameat2:signal=STOP"),
        ("folder", "fsync:signal=STOP"),
    ]
    .into_iter()
    .enumerate()
    {
        let disk = Mounted::disk(&mkfs, &folder.path().join(format!("disk{at}")), 48);
        let office = SmallOffice::at_place(Stage::Released, &disk.at.join("office"));
        disk.power_returns();
        let (name, path) = office.file_of("demobank");
        let inbox = office.inbox("demobank");
        let of = match of {
            "part" => Of::PartOf(&path),
            "name" => Of::Name(&path),
            _ => Of::Name(&inbox),
        };
        let stopped =
            Traced::new(&strace, &office, of, stop, SENT_ON, &["dispatch", CYCLE]).start();
        disk.cut_power();
        stopped.signal("KILL");
        assert_eq!(stopped.ends().code(), "killed");
        disk.power_returns();
        let whole = office.approved_files().remove(&format!("demobank/inbox/{name}"));
        assert!(!path.exists() || std::fs::read(&path).ok() == whole, "{stop}: half a file");
        office.ends_as_undisturbed();
    }
}
