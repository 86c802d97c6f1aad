//! Something of the office is put back from a backup, or its bits rot: what is missing or wrong is found
//! before anything is sent.

use std::fs;

use crate::support::small_office::{CYCLE, Ran, SENT_ON, SmallOffice, Stage, copy};

/// Puts the database of another office in the place of this one's.
fn put_back(from: &SmallOffice, to: &SmallOffice) {
    for end in ["", "-wal", "-shm"] {
        let name = format!("office.db{end}");
        let _ = fs::remove_file(to.dir.join(&name));
        if from.dir.join(&name).exists() {
            copy(&from.dir.join(&name), &to.dir.join(&name));
        }
    }
}

#[test]
fn a_database_that_is_older_than_the_log_sends_and_changes_nothing() {
    for stage in [Stage::Opened, Stage::Released] {
        let (office, backup) = (SmallOffice::at(stage), SmallOffice::at(stage));
        office.go_on_to_release();
        office.dispatch().said();
        // The partners have taken the files and put them away.
        for (name, _) in office.inboxes() {
            fs::remove_file(office.dir.join("sandbox").join(name)).unwrap();
        }
        put_back(&backup, &office);
        office.comes_to_rest();
        let database = fs::read(office.dir.join("office.db")).unwrap();
        for arguments in [
            &["dispatch", CYCLE][..],
            &["collect"],
            &["cycle", "run", CYCLE],
            &["release", CYCLE, "--as", "hoa"],
            &["reissue", CYCLE],
            &["schedule", "run"],
            &["audit", "checkpoint"],
        ] {
            let ran = office.run(SENT_ON, arguments);
            assert_eq!(ran.code(), "G132", "{arguments:?}: {}{}", ran.stdout, ran.stderr);
            assert!(ran.stderr.contains("put back from a backup"), "{}", ran.stderr);
        }
        assert!(office.inboxes().is_empty(), "nothing was sent again");
        office.comes_to_rest();
        assert!(fs::read(office.dir.join("office.db")).unwrap() == database);
        // Who only looks is not kept from it, and whoever verifies is told.
        office.run(SENT_ON, &["cycle", "status", CYCLE]).said();
        let told = office.run(SENT_ON, &["audit", "verify"]);
        assert_eq!(told.code(), "T606", "{}", told.stderr);
    }
}

#[test]
fn a_database_that_went_on_from_a_backup_is_told_from_the_one_that_was_lost() {
    // Two offices of one folder: one went one way, the other another, and the log is of the first.
    let (office, other) = (SmallOffice::at(Stage::Approved), SmallOffice::at(Stage::Approved));
    office.run("2026-10-23", &["release", CYCLE, "--as", "hoa"]).said();
    let halt = ["halt", "put", "all", "--cause", "a rehearsal", "--as", "lan"];
    other.run("2026-10-23", &halt).said();
    for _ in 0..3 {
        other.run("2026-10-24", &["cycle", "run", CYCLE]);
    }
    let size =
        |office: &SmallOffice| office.run(SENT_ON, &["audit", "verify"]).said()["size"].clone();
    let (ours, others) = (size(&office), size(&other));
    put_back(&other, &office);
    let ran = office.dispatch();
    assert!(["G132", "G133"].contains(&ran.code().as_str()), "{ours} {others}: {}", ran.stderr);
    assert!(office.inboxes().is_empty());
}

#[test]
fn a_whole_folder_that_is_put_back_sends_nothing_a_second_time() {
    // Nothing in the folder can tell that it is old; the partner's own folders do.
    let office = SmallOffice::at(Stage::Released);
    let folder = tempfile::tempdir().unwrap();
    let backup = folder.path().join("backup");
    copy(&office.dir, &backup);
    office.dispatch().said();
    let partners = folder.path().join("partners");
    fs::rename(office.dir.join("sandbox"), &partners).unwrap();
    let day = |day: &str| {
        let mut command = std::process::Command::new(crate::support::small_office::PROGRAM);
        let partners = partners.display().to_string();
        Ran::of(command.args(["--json", "sandbox", &partners, "--day", day])).said()
    };
    day(SENT_ON);
    fs::remove_dir_all(&office.dir).unwrap();
    fs::rename(&backup, &office.dir).unwrap();
    fs::remove_dir_all(office.dir.join("sandbox")).unwrap();
    fs::rename(&partners, office.dir.join("sandbox")).unwrap();

    let sent = office.dispatch().said();
    for file in sent.as_array().unwrap() {
        assert_eq!(file["state"], "delivered", "{file}");
        assert_eq!(file["detail"], "was there already, the same bytes", "{file}");
    }
    assert!(office.inboxes().is_empty(), "nothing lies there to be taken again");
    office.comes_to_the_same();
}

/// A byte of the database is another one, somewhere: either that is found before anything leaves, or it
/// changes nothing.
#[test]
fn bits_that_rot_in_the_database_change_nothing_that_leaves() {
    let sound = SmallOffice::at(Stage::Approved);
    sound.comes_to_rest();
    let bytes = fs::read(sound.dir.join("office.db")).unwrap();
    let mut found = 0;
    let mut harmless = 0;
    let pieces = 14;
    for piece in 0..pieces {
        let office = SmallOffice::at(Stage::Approved);
        // Spread over the file, a little further in each page, and not a multiple of its size.
        let at = bytes.len() / pieces * piece + 97 * piece + 5;
        let mut rotten = bytes.clone();
        for byte in &mut rotten[at..at + 3] {
            *byte ^= 0x55;
        }
        office.comes_to_rest();
        fs::write(office.dir.join("office.db"), rotten).unwrap();
        let released = office.run("2026-10-23", &["release", CYCLE, "--as", "hoa"]);
        let sent = office.dispatch();
        let stopped = [&released, &sent].iter().any(|ran| ran.code() != "done");
        found += u32::from(stopped);
        harmless += u32::from(!stopped);
        let approved = office.approved_files();
        for (name, bytes) in office.inboxes() {
            assert!(
                approved.get(&name) == Some(&bytes),
                "byte {at}: {name} is not what was approved"
            );
        }
    }
    assert!(found > 0, "no damage was found in {harmless} offices");
}

#[test]
fn a_page_of_the_database_that_is_lost_stops_the_run() {
    // Page by page of the index that keeps a second live order out, and of what it indexes.
    for page in [2, 9, 23] {
        let office = SmallOffice::at(Stage::Approved);
        office.comes_to_rest();
        let path = office.dir.join("office.db");
        let mut bytes = fs::read(&path).unwrap();
        let size = usize::from(u16::from_be_bytes([bytes[16], bytes[17]]));
        bytes[page * size..(page + 1) * size].fill(0);
        fs::write(&path, bytes).unwrap();
        let ran = office.run("2026-10-23", &["release", CYCLE, "--as", "hoa"]);
        assert_eq!(ran.code(), "B112", "page {page}: {}", ran.stderr);
        assert_ne!(office.dispatch().code(), "killed");
        assert!(office.inboxes().is_empty());
    }
}
