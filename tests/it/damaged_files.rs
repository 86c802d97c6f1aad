//! Files that are damaged, gone or changed between two looks: what was approved is made good from the
//! sealed list to the byte, or nothing leaves; what was archived is what is applied.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use chitra::domain::batch::Batch;
use chitra::domain::cycle::Cycle;
use chitra::domain::cycle::CycleKind::Regular;
use chitra::domain::digest::Digest;
use chitra::domain::ids::ListNo;
use chitra::engine::clock::Clock;
use chitra::engine::config::Config;
use chitra::engine::office::CONFIG;
use chitra::engine::progress::Progress;

use jiff::civil::{DateTime, date};

use crate::support::office::{Base, MAKER, TestOffice, archived_file, key, refused, run};

const AN: &str = "E1 | 001044000101 | Nguyễn Văn An | 1944-03-14 | male | social_pension/monthly | monthly_pension=0 | bank 970405 0711000001";
const BINH: &str = "E2 | 001145000102 | Trần Thị Bình | 1945-07-02 | female | social_pension/monthly | monthly_pension=0 | cash buu-cuc ";
const DAY: &str = "2026-09-20";

/// What whoever runs the work is told.
#[derive(Default)]
struct Notices(Mutex<Vec<String>>);

impl Progress for Notices {
    fn at(&self, _: &str, _: u64, _: u64) {}

    fn notice(&self, code: &'static str, sentence: &str) {
        self.0.lock().unwrap().push(format!("{code}: {sentence}"));
    }
}

/// What is done to an archived file.
#[derive(Clone, Copy)]
enum Harm {
    Bit,
    Cut,
    Gone,
}

const HARMS: [Harm; 3] = [Harm::Bit, Harm::Cut, Harm::Gone];

fn harm(office: &TestOffice, batch: &Batch, harm: Harm) {
    let path = archived_file(&office.dir.join("archive"), batch.sha256.as_ref().unwrap());
    let mut bytes = std::fs::read(&path).unwrap();
    match harm {
        Harm::Bit => {
            *bytes.last_mut().unwrap() ^= 1;
            std::fs::write(&path, bytes).unwrap();
        }
        Harm::Cut => std::fs::write(&path, &bytes[..bytes.len() - 3]).unwrap(),
        Harm::Gone => std::fs::remove_file(&path).unwrap(),
    }
}

async fn files_of(office: &TestOffice, cycle: &Cycle, list: i64) -> Vec<Batch> {
    let batches = office.engine.store.batches(cycle.number).await.unwrap();
    batches.into_iter().filter(|batch| batch.list == ListNo(list)).collect()
}

/// What lies at the partner is what was approved.
fn must_lie_at_the_partner(office: &TestOffice, batch: &Batch) {
    let sent = office.dir.join(&batch.provider).join("inbox").join(&batch.file_name);
    let sent = std::fs::read(sent).unwrap();
    assert_eq!(Digest::of(&sent).to_string(), *batch.sha256.as_ref().unwrap());
}

fn a_harmed_file_is_made_good(list: i64, harms_at: &'static [&'static str]) {
    for kind in HARMS {
        run(Base::Sqlite, |mut office| async move {
            let notices = Arc::new(Notices::default());
            office.engine.progress = notices.clone();
            office.on_day(DAY);
            let linked = format!("{AN} | register.account=0711999999 | register.provider=970405");
            office.month("2026-10", &[&linked, BINH]).await;
            let cycle = office.sealed("2026-10", Regular).await;
            if list == 1 {
                office.sent(&cycle, 0).await;
                let no = "Không thành công";
                let no = office.said(&cycle, "E1", 1, no, "Sai số tài khoản").await;
                office.sheet(&[no]).await.unwrap();
                office.engine.reissue(&office.now(&cycle).await).await.unwrap().list.unwrap();
            }
            let files = files_of(&office, &cycle, list).await;
            assert_eq!(files.len(), if list == 0 { 2 } else { 1 });
            let strike = |place: &str| {
                if harms_at.contains(&place) {
                    files.iter().for_each(|batch| harm(&office, batch, kind));
                }
            };
            strike("submit");
            let engine = &office.engine;
            let number = ListNo(list);
            let now = office.now(&cycle).await;
            engine.submit(&now, number, MAKER, &key(MAKER)).await.unwrap();
            strike("approve");
            for approver in ["minh", "hoa"] {
                let now = office.now(&cycle).await;
                engine.approve(&now, number, approver, &key(approver)).await.unwrap();
            }
            strike("release");
            engine.release(&office.now(&cycle).await, number, "minh", &key("minh")).await.unwrap();
            strike("dispatch");
            engine.dispatch(None).await.unwrap();
            for batch in &files {
                must_lie_at_the_partner(&office, batch);
            }
            assert_eq!(files_of(&office, &cycle, list).await[0].sha256, files[0].sha256);

            // Whoever ran it is told each time, and the report says it of each file.
            let times = harms_at.len() * files.len();
            let told = notices.0.lock().unwrap().clone();
            assert_eq!(told.len(), times, "{told:?}");
            assert!(
                told.iter()
                    .all(|one| one.starts_with("A116") && one.contains("the archived copy was"))
            );
            let report = office.engine.cycle_report_write(&office.now(&cycle).await).await.unwrap();
            let csv = std::fs::read_to_string(report.csv).unwrap();
            let html = std::fs::read_to_string(report.html).unwrap();
            for batch in &files {
                let line = format!("file_restored,{},{},", batch.file_name, harms_at.len());
                assert!(csv.contains(&line), "{line} is not in {csv}");
            }
            assert_eq!(html.matches("written again to the byte").count(), times);
            office.ends_whole().await;
        });
    }
}

#[test]
fn a_harmed_file_of_the_first_list_is_made_good() {
    a_harmed_file_is_made_good(0, &["submit", "approve", "release", "dispatch"]);
}

#[test]
fn a_harmed_file_of_a_release_list_is_made_good() {
    a_harmed_file_is_made_good(1, &["submit", "approve", "release", "dispatch"]);
}

/// The configuration is another than when the list was sealed: the bytes would be others.
#[test]
fn a_harmed_file_that_cannot_be_made_good_does_not_leave() {
    run(Base::Sqlite, |mut office| async move {
        office.on_day(DAY);
        office.month("2026-10", &[&AN.replace("970405", "970436"), BINH]).await;
        let cycle = office.sealed("2026-10", Regular).await;
        let configured = office.engine.config.clone();
        let text = std::fs::read_to_string(office.dir.join(CONFIG)).unwrap();
        let other = text.replace("Kho bac Nha nuoc Thu", "Kho bac Nha nuoc Khac");
        let other = other.replace("VN67BHXH0000000011004000001", "VN67BHXH0000000011004000002");
        let other = Arc::new(Config::parse(&other, &office.dir).unwrap());
        let files = files_of(&office, &cycle, 0).await;
        let ours = files.iter().find(|batch| batch.provider == "isobank").unwrap();

        harm(&office, ours, Harm::Gone);
        office.engine.config = other.clone();
        let before = office.snapshot().await;
        let taken = office.engine.submit(&cycle, ListNo(0), MAKER, &key(MAKER)).await;
        let told = refused(taken, "A113");
        assert!(told.contains(&ours.file_name) && told.contains("backup"), "{told}");
        assert!(told.contains("chitra.toml"), "{told}");
        assert_eq!(office.snapshot().await, before);
        office.engine.config = configured.clone();
        office.released(&cycle, 0).await;

        harm(&office, ours, Harm::Cut);
        office.engine.config = other;
        let told = office.engine.dispatch(None).await.unwrap();
        let stays = told.iter().find(|one| one.file_name == ours.file_name).unwrap();
        assert!(stays.detail.starts_with("A115") && stays.detail.contains("backup"), "{stays:?}");
        assert!(!office.dir.join("isobank/inbox").join(&ours.file_name).exists());
        assert_eq!(office.times_sent(&ours.file_name), 0);
        // The other file is whole, and has left.
        let whole = files.iter().find(|batch| batch.provider == "paypoint").unwrap();
        must_lie_at_the_partner(&office, whole);
        office.engine.config = configured;
        office.engine.dispatch(None).await.unwrap();
        must_lie_at_the_partner(&office, ours);
        office.ends_whole().await;
    });
}

/// Overwrites a file when it is asked for the time: an answer is stamped after it is archived, before its
/// items are read.
struct Overwrites {
    path: PathBuf,
    with: String,
}

impl Clock for Overwrites {
    fn now(&self) -> DateTime {
        std::fs::write(&self.path, &self.with).unwrap();
        date(2026, 9, 20).at(9, 0, 0, 0)
    }
}

#[test]
fn what_was_archived_is_what_is_applied() {
    run(Base::Sqlite, |mut office| async move {
        office.on_day(DAY);
        office.month("2026-10", &[AN]).await;
        let cycle = office.paid_out("2026-10", Regular).await;
        let an = office.said(&cycle, "E1", 1, "", "").await;
        let sheet = |status: &str| {
            format!(
                "STT,Số tài khoản,Tên người hưởng,Số tiền,Nội dung,Trạng thái,Ghi chú,Số FT,Ngày giao dịch\n\
                 1,0711000001,NGUYEN VAN AN,500000,MA {} TRO CAP,{status},,FT1,20/09/2026\n\
                 Tổng cộng,1,,500000,,,,,\n",
                an.reference
            )
        };
        let path = office.written("answer.csv", sheet("Không thành công").as_bytes());
        office.engine.clock =
            Arc::new(Overwrites { path: path.clone(), with: sheet("Thành công") });
        let collected = office.engine.collect_file("sheetbank", &path).await.unwrap();
        assert_eq!(collected.items, 1);
        assert_eq!(std::fs::read_to_string(&path).unwrap(), sheet("Thành công"));
        assert_eq!(office.attempts(&cycle, "E1").await, "1 rejected");
        let answer = office.engine.store.answers().await.unwrap().remove(0);
        let archived = Digest::of(sheet("Không thành công").as_bytes());
        assert_eq!(answer.sha256, archived.to_string());
        office.ends_whole().await;
    });
}
