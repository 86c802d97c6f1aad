//! A process that gets too little: no more file descriptors, no more memory.

use std::fs;
use std::path::{Path, PathBuf};

use crate::support::injectors::limited;
use crate::support::real_parts::{RealPart, real_part};
use crate::support::small_office::{CYCLE, SENT_ON, SmallOffice, Stage, TO_RELEASE, text};

#[test]
fn without_file_descriptors_nothing_is_done_by_half() {
    let office = SmallOffice::at(Stage::Approved);
    let mut codes = Vec::new();
    for files in [6, 9, 12, 14, 16, 18, 20, 22, 24, 26] {
        let limit = format!("ulimit -n {files}");
        for (day, arguments) in TO_RELEASE[4..].iter().chain(&[(SENT_ON, &["dispatch", CYCLE][..])])
        {
            let ran = limited(&office, &limit, day, arguments);
            // With too few the program's own runtime does not start, which it says without a code.
            codes.push(ran.code());
        }
    }
    assert!(codes.iter().any(|code| code != "done" && code != "A109"), "{codes:?}");
    assert!(codes.iter().all(|code| code != "killed"), "{codes:?}");
    office.go_on_to_release();
    office.ends_as_undisturbed();
}

/// A group of processes with so little memory that the kernel kills one.
struct Cgroup {
    folder: PathBuf,
}

impl Cgroup {
    fn new(root: &str, kib: u64) -> Cgroup {
        let folder = Path::new(root).join(format!("chitra-test-{}-{kib}", std::process::id()));
        fs::create_dir(&folder).expect("a group can be made");
        let put = |name: &str, bytes: u64| fs::write(folder.join(name), bytes.to_string());
        // The one of the first version of cgroups, or the other of the second.
        if put("memory.limit_in_bytes", kib << 10).is_err() {
            put("memory.max", kib << 10).expect("memory can be limited");
            let _ = put("memory.swap.max", 0);
        }
        Cgroup { folder }
    }
}

impl Drop for Cgroup {
    fn drop(&mut self) {
        let _ = fs::remove_dir(&self.folder);
    }
}

#[test]
fn killed_for_want_of_memory_the_month_goes_on() {
    let Some(root) = real_part(RealPart::Cgroup) else { return };
    let office = SmallOffice::at(Stage::Opened);
    let mut killed = 0;
    for kib in [4_000, 7_000, 10_000, 13_000, 16_000] {
        let group = Cgroup::new(&root, kib);
        let enter = format!("echo $$ > {}/cgroup.procs", text(&group.folder));
        let (day, arguments) = TO_RELEASE[0];
        let ran = limited(&office, &enter, day, arguments);
        killed += u32::from(ran.code() == "killed");
    }
    assert!(killed > 0, "it was never killed");
    office.go_on_to_release();
    office.ends_as_undisturbed();
}
