//! The office's own disk is full: database, archive and log have no room. The step fails, the database is
//! whole, and with room again the month goes on.

use crate::support::injectors::{Mounted, limited};
use crate::support::real_parts::{RealPart, real_part};
use crate::support::small_office::{CYCLE, SENT_ON, SmallOffice, Stage, TO_RELEASE};

#[test]
fn an_office_without_room_goes_on_when_there_is_room() {
    let Some(mkfs) = real_part(RealPart::Mounts) else { return };
    let folder = tempfile::tempdir().unwrap();
    let disk = Mounted::disk(&mkfs, &folder.path().join("disk"), 24);
    let office = SmallOffice::at_place(Stage::Opened, &disk.at.join("office"));
    let mut refused = 0;
    for (step, arguments) in TO_RELEASE.iter().chain(&[(SENT_ON, &["dispatch", CYCLE][..])]) {
        for left_kib in [0, 128] {
            disk.fill(left_kib);
            let ran = office.run(step, arguments);
            let code = ran.code();
            // A file that finds no room is told and stays released; the command itself has ended well.
            assert_ne!(code, "killed", "{arguments:?}: {}", ran.stderr);
            refused += u32::from(code != "done");
            disk.make_room();
            let verified = office.run(step, &["audit", "verify"]).said();
            assert_eq!(verified["verified"], true, "{arguments:?} with {left_kib} KiB");
        }
    }
    assert!(refused > 3, "there was room after all: {refused}");
    office.go_on_to_release();
    office.ends_as_undisturbed();
}

/// A limit on the length of a file strikes one file at a time: the database, its log of writes, the archive.
#[test]
fn a_file_that_may_not_grow_refuses_the_step_and_nothing_else() {
    let office = SmallOffice::at(Stage::Opened);
    let mut refused = 0;
    for (step, arguments) in TO_RELEASE.iter().chain(&[(SENT_ON, &["dispatch", CYCLE][..])]) {
        for kib in [1, 64] {
            let limit = format!("trap '' XFSZ; ulimit -f {kib}");
            let ran = limited(&office, &limit, step, arguments);
            refused += u32::from(ran.code() != "done");
        }
    }
    assert!(refused > 3, "nothing struck the limit: {refused}");
    office.go_on_to_release();
    office.ends_as_undisturbed();
}
