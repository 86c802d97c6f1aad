//! 200 MB without a line end: refused in seconds, in memory that does not grow with the file. The program
//! itself is run, under a limit of memory that the file would break several times over.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::office::{Base, MAKER, TestOffice, register_of, roster_of, run};

const AN: &str = "E1 | 001044000101 | Nguyễn Văn An | 1944-03-14 | male | social_pension/monthly | monthly_pension=0 | bank 970405 0711000001";
const MEGABYTES: usize = 200;
/// Of data of the process, in KiB: heap, private mappings, stacks.
const MEMORY_KIB: usize = 160 * 1024;

/// A file that begins well and whose next record does not end.
fn endless(office: &TestOffice, name: &str, head: &str) -> PathBuf {
    let path = office.written(name, head.as_bytes());
    let mut file = std::fs::OpenOptions::new().append(true).open(&path).unwrap();
    let block = vec![b'7'; 1 << 20];
    for _ in 0..MEGABYTES {
        file.write_all(&block).unwrap();
    }
    path
}

/// The program refuses with this code within the limit of memory.
#[track_caller]
fn check(office: &Path, arguments: &[&str], code: &str) {
    let program = env!("CARGO_BIN_EXE_chitra");
    let done = Command::new("sh")
        .arg("-c")
        .arg(format!("ulimit -d {MEMORY_KIB} && exec \"$0\" \"$@\""))
        .args([program, "--json", "--office"])
        .arg(office)
        .args(arguments)
        .output()
        .expect("a shell can be run");
    let said = String::from_utf8_lossy(&done.stderr);
    assert_eq!(done.status.code(), Some(1), "{arguments:?}: {said}");
    assert!(said.contains(&format!("\"{code}\"")), "{arguments:?}: {said}");
}

#[test]
fn a_line_of_200_megabytes_is_refused_in_bounded_memory() {
    run(Base::Sqlite, |office| async move {
        office.on_day("2026-09-20");
        office.month("2026-10", &[AN]).await;
        office.hand_over_key(MAKER);
        let before = office.snapshot().await;
        let month = ["--period", "2026-10", "--as", MAKER];
        let roster = endless(&office, "roster.csv", &(roster_of(&[AN]) + "E9,"));
        let register = endless(&office, "identity.csv", &(register_of(&[AN]) + "0"));
        let quoted = endless(&office, "quoted.csv", &(roster_of(&[AN]) + "E9,\""));
        for (kind, path) in [("roster", &roster), ("identity", &register), ("roster", &quoted)] {
            let arguments = [&[kind, "import", path.to_str().unwrap()], &month[..]].concat();
            check(&office.dir, &arguments, "I103");
            std::fs::remove_file(path).unwrap();
        }
        let head = "STT,Số tài khoản,Tên người hưởng,Số tiền,Nội dung,Trạng thái,Ghi chú,Số FT,Ngày giao dịch\n1,";
        let sheet = endless(&office, "answer.csv", head);
        let xml = "<?xml version=\"1.0\" encoding=\"UTF-8\"?><Document xmlns=\"urn:iso:std:iso:20022:tech:xsd:pain.002.001.10\"><CstmrPmtStsRpt><GrpHdr><MsgId>";
        let xml = endless(&office, "answer.xml", xml);
        for (partner, path, code) in [("sheetbank", &sheet, "M133"), ("isobank", &xml, "M133")] {
            check(&office.dir, &["collect", "--provider", partner, path.to_str().unwrap()], code);
            std::fs::remove_file(path).unwrap();
        }
        assert_eq!(office.snapshot().await, before);
        office.ends_whole().await;
    });
}
