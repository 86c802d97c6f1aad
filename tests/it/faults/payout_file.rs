//! What goes wrong while a payout file is written: the process is killed or stopped in the middle, the disk
//! fails a sync, cuts a write short, is full or read-only.

use crate::support::injectors::{Mounted, Of, Traced};
use crate::support::real_parts::{RealPart, real_part};
use crate::support::small_office::{CYCLE, Ran, SENT_ON, SmallOffice, Stage, copy};

const PARTNER: &str = "demobank";

/// Sends while a system call that concerns the file of one partner goes wrong. Gives what the program said
/// and how often the call was met.
fn injected(office: &SmallOffice, strace: &str, of: &str, inject: &str) -> (Ran, Vec<String>) {
    let (_, path) = office.file_of(PARTNER);
    let inbox = office.inbox(PARTNER);
    let of = match of {
        "part" => Of::PartOf(&path),
        "name" => Of::Name(&path),
        _ => Of::Name(&inbox),
    };
    let arguments = ["dispatch", CYCLE];
    let (ran, calls) = Traced::new(strace, office, of, inject, SENT_ON, &arguments).run();
    assert!(!calls.is_empty(), "{inject}: the call never came");
    (ran, calls)
}

#[test]
fn a_kill_at_any_step_of_a_file_leaves_it_to_be_sent_once() {
    let Some(strace) = real_part(RealPart::Strace) else { return };
    for (of, inject, is_there) in [
        ("part", "write:signal=KILL", false),
        ("part", "fsync:signal=KILL", false),
        ("name", "renameat2:signal=KILL", false),
        ("folder", "fsync:signal=KILL", true),
    ] {
        let office = SmallOffice::at(Stage::Released);
        let (ran, _) = injected(&office, &strace, of, inject);
        assert_eq!(ran.code(), "killed", "{of} {inject}");
        let (name, path) = office.file_of(PARTNER);
        assert_eq!(path.exists(), is_there, "{of} {inject}");
        let (state, detail) = office.dispatch().of_file(&name);
        let said = match is_there {
            true => "found at the provider",
            false => "delivered and read back",
        };
        assert_eq!((state.as_str(), detail.as_str()), ("delivered", said), "{of} {inject}");
        office.ends_as_undisturbed();
    }
}

#[test]
fn a_file_whose_sync_failed_is_written_anew_and_not_synced_again() {
    let Some(strace) = real_part(RealPart::Strace) else { return };
    let office = SmallOffice::at(Stage::Released);
    let (ran, calls) = injected(&office, &strace, "part", "fsync:error=EIO");
    let (name, path) = office.file_of(PARTNER);
    let (state, detail) = ran.of_file(&name);
    assert_eq!(state, "released", "{detail}");
    assert!(detail.contains("nothing was published"), "{detail}");
    assert_eq!(calls.len(), 1, "a sync that failed is not believed when it is repeated: {calls:?}");
    assert!(!path.exists());
    assert_eq!(office.inboxes().len(), 4, "the other partners got theirs, and no part stays");
    office.ends_as_undisturbed();
}

#[test]
fn a_folder_whose_sync_failed_leaves_the_file_unknown_until_its_bytes_are_compared() {
    let Some(strace) = real_part(RealPart::Strace) else { return };
    let office = SmallOffice::at(Stage::Released);
    let (ran, _) = injected(&office, &strace, "folder", "fsync:error=EIO");
    let (name, path) = office.file_of(PARTNER);
    assert_eq!(ran.of_file(&name).0, "unknown");
    assert!(path.exists(), "it has its name already");
    let (state, detail) = office.dispatch().of_file(&name);
    assert_eq!((state.as_str(), detail.as_str()), ("delivered", "found at the provider"));
    office.ends_as_undisturbed();

    // Somebody else's bytes under the name are not taken for ours.
    let office = SmallOffice::at(Stage::Released);
    injected(&office, &strace, "folder", "fsync:error=EIO");
    let (name, path) = office.file_of(PARTNER);
    std::fs::write(&path, "another's").unwrap();
    let (state, detail) = office.dispatch().of_file(&name);
    assert_eq!(state, "unknown");
    assert!(detail.contains("with other bytes"), "{detail}");
    let (_, detail) = office.dispatch().of_file(&name);
    assert!(detail.starts_with("halted"), "{detail}");
    assert_eq!(std::fs::read(&path).unwrap(), b"another's", "nothing is written over");
}

#[test]
fn a_write_that_was_cut_short_in_silence_gets_no_name() {
    let Some(strace) = real_part(RealPart::Strace) else { return };
    let office = SmallOffice::at(Stage::Released);
    // The system says that a hundred bytes were written, and wrote none.
    let (ran, _) = injected(&office, &strace, "part", "write:retval=100:when=1");
    let (name, path) = office.file_of(PARTNER);
    let (state, detail) = ran.of_file(&name);
    assert_eq!(state, "released", "{detail}");
    assert!(detail.contains("do not trust this disk"), "{detail}");
    assert!(!path.exists(), "bytes that read back wrong never have a name");
    office.ends_as_undisturbed();
}

#[test]
fn a_full_or_read_only_inbox_gets_the_same_bytes_later() {
    let Some(_) = real_part(RealPart::Mounts) else { return };
    for is_full in [true, false] {
        let office = SmallOffice::at(Stage::Released);
        let inbox = office.inbox(PARTNER);
        let place = inbox.parent().unwrap();
        let aside = place.with_extension("aside");
        std::fs::rename(place, &aside).unwrap();
        let disk = Mounted::in_memory(place, 4_096);
        copy(&aside.join("."), place);
        std::fs::remove_dir_all(&aside).unwrap();
        match is_full {
            true => disk.fill(8),
            false => disk.remount("ro"),
        }
        let (name, path) = office.file_of(PARTNER);
        for _ in 0..2 {
            let (state, detail) = office.dispatch().of_file(&name);
            assert_eq!(state, "released", "{detail}");
            assert!(detail.contains("nothing was published"), "{detail}");
            assert!(!path.exists());
            assert_eq!(std::fs::read_dir(&inbox).unwrap().count(), 0, "no part stays");
        }
        match is_full {
            true => disk.make_room(),
            false => disk.remount("rw"),
        }
        office.ends_as_undisturbed();
    }
}

#[test]
fn who_was_stopped_past_the_lease_repeats_nothing() {
    let Some(strace) = real_part(RealPart::Strace) else { return };
    let office = SmallOffice::at(Stage::Released);
    let (name, path) = office.file_of(PARTNER);
    let arguments = ["dispatch", CYCLE];
    let stop = "renameat2:signal=STOP";
    let late = Traced::new(&strace, &office, Of::Name(&path), stop, SENT_ON, &arguments).start();

    // While it may still come back, nobody takes its work over.
    let (state, detail) = office.dispatch().of_file(&name);
    assert_eq!(state, "sending");
    assert!(detail.contains("another process"), "{detail}");
    // A day later its lease is over.
    let (state, _) = office.run("2026-11-03", &arguments).of_file(&name);
    assert_eq!(state, "delivered");
    let before = std::fs::read(&path).unwrap();

    late.signal("CONT");
    assert_eq!(late.ends().code(), "D150", "what it did too late is refused");
    assert_eq!(std::fs::read(&path).unwrap(), before);
    office.ends_as_undisturbed();
}
