//! Which file is taken in when: the register before the roster, a newer register after it, two files at
//! the same moment. Each told on both databases.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use chitra::domain::cycle::CycleKind::{Regular, Supplementary};
use chitra::engine::import::Shorter;
use chitra::engine::progress::Progress;
use chitra::store::database::Database;
use chitra::store::postgres::Postgres;
use chitra::store::registry::ImportKind;
use chitra::store::sqlite::Sqlite;
use chitra::store::{Changes, Store};

use crate::once_a_benefit;
use crate::support::office::{
    MAKER, TestOffice, key, on_both_databases, opening, period, refused, register_of, roster_of,
    run,
};
use crate::support::real_parts::RealPart;

on_both_databases! { run, RealPart::Postgres;
    a_roster_waits_for_the_register
    a_newer_register_says_who_is_who_until_a_cycle_has_counted
    who_gets_a_new_id_stays_the_same_person
    two_numbers_of_one_person_are_not_paid_for_the_same_benefit
    two_numbers_of_one_person_are_not_paid_for_benefits_that_exclude_each_other
    an_enrolment_with_another_id_is_not_paid_again
    what_is_owed_once_is_paid_once
    a_list_says_what_was_taken_in_after_it_was_opened
    two_files_at_once_are_taken_in_one_after_the_other
    an_import_that_was_dropped_leaves_nothing
    a_file_of_only_the_mended_rows_takes_nobodys_place
    one_collection_runs_at_a_time
}

const AN: &str = "E1 | 001044000101 | Nguyễn Văn An | 1944-03-14 | male | social_pension/monthly | monthly_pension=0 | bank 970405 0711000001";
const BINH: &str = "E2 | 001145000102 | Trần Thị Bình | 1945-07-02 | female | social_pension/monthly | monthly_pension=0 | bank 970405 0711000002";
const LINKED: &str = "register.national_id=001044000101 | register.previous_national_id=011223344";
const DAY: &str = "2026-09-20";

async fn a_roster_waits_for_the_register(office: TestOffice) {
    office.on_day(DAY);
    let roster = office.written("roster.csv", roster_of(&[AN, BINH]).as_bytes());
    let before = office.snapshot().await;
    let told = refused(
        office.engine.roster_import(&roster, period("2026-10"), MAKER, &key(MAKER)).await,
        "I124",
    );
    assert!(told.contains("chitra identity import"), "{told}");
    assert_eq!(office.snapshot().await, before, "nobody is enrolled by it");
    // The register of another month is another register.
    office.month("2026-11", &[AN]).await;
    refused(
        office.engine.roster_import(&roster, period("2026-10"), MAKER, &key(MAKER)).await,
        "I124",
    );

    let register = office.written("identity.csv", register_of(&[AN, BINH]).as_bytes());
    office.engine.identity_import(&register, period("2026-10"), MAKER, &key(MAKER)).await.unwrap();
    office.engine.roster_import(&roster, period("2026-10"), MAKER, &key(MAKER)).await.unwrap();
    let cycle = office.sealed("2026-10", Regular).await;
    office.check(&cycle, "entitled 2", "pending 2 = 1000000").await;
    office.ends_whole().await;
}

async fn a_newer_register_says_who_is_who_until_a_cycle_has_counted(office: TestOffice) {
    office.on_day(DAY);
    let old = AN.replace("001044000101", "011223344");
    let new = AN.replace("E1", "E3").replace("0711000001", "0711000003");
    // The first register knows two people; the second says that they are one.
    let people = [old.as_str(), BINH, new.as_str()];
    office.month("2026-10", &people).await;
    assert_ne!(office.person("E1").await, office.person("E3").await);
    let binh = office.person("E2").await;
    let linked: Vec<String> =
        [&old, &new].iter().map(|person| format!("{person} | {LINKED}")).collect();
    let second = register_of(&[&linked[0], BINH, &linked[1]]);
    let second = office.written("identity.csv", second.as_bytes());
    office.engine.identity_import(&second, period("2026-10"), MAKER, &key(MAKER)).await.unwrap();
    let told =
        refused(office.engine.cycle_open(opening("2026-10", Regular), &key(MAKER)).await, "C101");
    assert!(told.contains("same file") && told.contains("roster import"), "{told}");

    // The same bytes are another roster under another register, and the same one under the same.
    let roster = office.written("roster.csv", roster_of(&people).as_bytes());
    office.engine.roster_import(&roster, period("2026-10"), MAKER, &key(MAKER)).await.unwrap();
    refused(
        office.engine.roster_import(&roster, period("2026-10"), MAKER, &key(MAKER)).await,
        "I120",
    );
    let one = office.person("E1").await;
    assert_eq!(office.person("E3").await, one);
    assert_eq!(office.person("E2").await, binh);
    let october = office.paid_out("2026-10", Regular).await;
    office.check(&october, "held 1, entitled 2", "pending 2 = 1000000").await;

    // A cycle has counted: a register that parts them again moves no claim to another number.
    let third = office.written("identity.csv", register_of(&[&old, BINH, &new, CHI]).as_bytes());
    office.engine.identity_import(&third, period("2026-10"), MAKER, &key(MAKER)).await.unwrap();
    office.engine.roster_import(&roster, period("2026-10"), MAKER, &key(MAKER)).await.unwrap();
    assert_eq!(office.person("E1").await, one);
    assert_eq!(office.person("E3").await, one);
    office.ends_whole().await;
}

const CHI: &str = "E4 | 001046000104 | Lê Thị Chi | 1946-01-05 | female | social_pension/monthly | monthly_pension=0 | bank 970405 0711000004";

async fn who_gets_a_new_id_stays_the_same_person(office: TestOffice) {
    office.on_day(DAY);
    let old = AN.replace("001044000101", "011223344");
    office.month("2026-10", &[&old, BINH]).await;
    let october = office.paid_out("2026-10", Regular).await;
    office.check(&october, "entitled 2", "pending 2 = 1000000").await;
    let one = office.person("E1").await;
    let an = office.said(&october, "E1", 1, "Thành công", "").await;
    let binh = office.said(&october, "E2", 1, "Thành công", "").await;
    office.sheet(&[an, binh]).await.unwrap();
    office.closed(&october).await;

    // In November the register has the new id; the roster names the old one for one enrolment and the
    // new one for another, of the same benefit: one person, so the second is held.
    let old = format!("{old} | {LINKED}");
    let new = format!("{} | {LINKED}", AN.replace("E1", "E3"));
    office.month("2026-11", &[&old, BINH, &new]).await;
    assert_eq!(office.person("E1").await, one);
    assert_eq!(office.person("E3").await, one);
    let november = office.paid_out("2026-11", Regular).await;
    office.check(&november, "held 1, entitled 2", "pending 2 = 1000000").await;
    let held = office.engine.store.held(november.number).await.unwrap();
    assert_eq!(held[0].code, "H120");
    for id in ["011223344", "001044000101"] {
        let found = office.engine.person_find(id, &november).await.unwrap();
        assert_eq!(found, one, "found by {id}");
    }
    // December's roster names the new id only.
    let only = format!("{AN} | {LINKED}");
    office.month("2026-12", &[&only, BINH]).await;
    let december = office.sealed("2026-12", Regular).await;
    office.check(&december, "entitled 2", "pending 2 = 1000000").await;
    office.ends_whole().await;
}

/// Both numbers were paid before anybody knew: they stay two, and what they are enrolled in twice is
/// held until two officers have looked.
async fn two_numbers_of_one_person_are_not_paid_for_the_same_benefit(office: TestOffice) {
    office.on_day(DAY);
    let old = AN.replace("001044000101", "011223344");
    let new = AN.replace("E1", "E3").replace("0711000001", "0711000003");
    office.month("2026-10", &[&old, BINH, &new]).await;
    let october = office.paid_out("2026-10", Regular).await;
    office.check(&october, "entitled 3", "pending 3 = 1500000").await;
    let mut said = Vec::new();
    for enrolment in ["E1", "E2", "E3"] {
        said.push(office.said(&october, enrolment, 1, "Thành công", "").await);
    }
    office.sheet(&said).await.unwrap();
    office.closed(&october).await;

    let old = format!("{old} | {LINKED}");
    let new = format!("{new} | {LINKED}");
    office.month("2026-11", &[&old, BINH, &new]).await;
    assert_ne!(office.person("E1").await, office.person("E3").await);
    let november = office.opened("2026-11", Regular).await;
    office.computed(&november).await;
    office.check(&november, "held 1, entitled 2", "pending 2 = 1000000").await;
    let held = office.engine.store.held(november.number).await.unwrap();
    assert_eq!(held.len(), 1);
    assert_eq!(held[0].code, "H120");

    // Two officers have looked: there are two people after all.
    office.release_holds(&november, "H120").await;
    let again = office.engine.recompute(&office.now(&november).await).await.unwrap();
    office.computed(&again).await;
    office.check(&november, "entitled 3", "pending 3 = 1500000").await;
    office.ends_whole().await;
}

async fn two_numbers_of_one_person_are_not_paid_for_benefits_that_exclude_each_other(
    office: TestOffice,
) {
    office.on_day(DAY);
    let old = AN.replace("001044000101", "011223344");
    let higher = "social_assistance/k6 | disability_level=severe";
    let new = AN.replace("E1", "E3").replace("social_pension/monthly | monthly_pension=0", higher);
    office.month("2026-10", &[&old, BINH, &new]).await;
    let october = office.paid_out("2026-10", Regular).await;
    office.check(&october, "entitled 3", "pending 3 = 2000000").await;
    let linked = [format!("{old} | {LINKED}"), BINH.to_owned(), format!("{new} | {LINKED}")];
    let linked: Vec<&str> = linked.iter().map(String::as_str).collect();
    office.month("2026-11", &linked).await;
    let november = office.opened("2026-11", Regular).await;
    office.computed(&november).await;
    office.check(&november, "held 1, entitled 2", "pending 2 = 1500000").await;
    let held = office.engine.store.held(november.number).await.unwrap();
    assert_eq!(
        (held[0].code.as_str(), held[0].enrolment),
        ("H120", Some(office.engine.keys.enrolment("E1")))
    );
    office.ends_whole().await;
}

/// The sender renumbered everybody: what was paid under the old numbers is not owed under the new.
async fn an_enrolment_with_another_id_is_not_paid_again(office: TestOffice) {
    office.on_day(DAY);
    office.month("2026-10", &[AN, BINH]).await;
    let october = office.paid_out("2026-10", Regular).await;
    let an = office.said(&october, "E1", 1, "Thành công", "").await;
    let binh = office.said(&october, "E2", 1, "Thành công", "").await;
    office.sheet(&[an, binh]).await.unwrap();
    office.closed(&october).await;

    let renumbered = [AN.replace("E1", "F1"), BINH.replace("E2", "F2")];
    let rows: Vec<&str> = renumbered.iter().map(String::as_str).collect();
    // Another list of the month that is paid has nothing to pay.
    let roster = office.written("renumbered.csv", roster_of(&rows).as_bytes());
    office.engine.roster_import(&roster, period("2026-10"), MAKER, &key(MAKER)).await.unwrap();
    let more = office.sealed("2026-10", Supplementary).await;
    office.check(&more, "entitled 2", "").await;
    // The next month pays itself, and no arrears.
    office.month("2026-11", &rows).await;
    let november = office.sealed("2026-11", Regular).await;
    office.check(&november, "entitled 2", "pending 2 = 1000000").await;
    office.ends_whole().await;
}

/// What is owed once was paid; a row that still stands on the next roster stops nobody.
async fn what_is_owed_once_is_paid_once(office: TestOffice) {
    office.on_day("2026-10-20");
    // The death is of a month before the office's history begins, the decision is not.
    let funeral = CHI
        .replace("/monthly | monthly_pension=0", "/funeral |")
        .replace("bank 970405 0711000004", "cash");
    let funeral = format!(
        "{funeral} | decision_date=2026-10-05 | register.vital_status=deceased | register.date_of_death=2026-09-12"
    );
    office.month("2026-11", &[AN, &funeral]).await;
    let november = office.sealed("2026-11", Regular).await;
    office.check(&november, "entitled 2", "pending 2 = 11880000").await;

    // The row stands on the next roster too: it is owed nothing more, and stops nobody.
    office.month("2026-12", &[AN, &funeral]).await;
    let december = office.sealed("2026-12", Regular).await;
    office.check(&december, "entitled 2", "pending 1 = 540000").await;
    office.ends_whole().await;
}

async fn two_files_at_once_are_taken_in_one_after_the_other(office: TestOffice) {
    office.on_day(DAY);
    office.month("2026-10", &[AN]).await;
    let month = period("2026-10");
    let first = office.written("first.csv", roster_of(&[AN, BINH]).as_bytes());
    let second = office.written("second.csv", roster_of(&[BINH]).as_bytes());
    let register = office.written("identity.csv", register_of(&[AN, BINH]).as_bytes());
    let engine = &office.engine;
    let makers_key = key(MAKER);
    let (one, other, of_register, opened) = tokio::join!(
        engine.roster_import(&first, month, MAKER, &makers_key),
        engine.roster_import(&second, month, MAKER, &makers_key),
        engine.identity_import(&register, month, MAKER, &makers_key),
        engine.cycle_open(opening("2026-10", Regular), &makers_key),
    );
    one.unwrap();
    let told = refused(other, "I123");
    assert!(told.contains("try again"), "{told}");
    refused(of_register, "I123");
    refused(opened, "I123");
    assert_eq!(orphans(&office).await, 0);
    engine.roster_import(&second, month, MAKER, &key(MAKER)).await.unwrap();
    let kept = engine.store.imports(ImportKind::Roster, month).await.unwrap();
    assert_eq!(kept.len(), 3);
    office.ends_whole().await;
}

/// Where the lock does not reach, as on two hosts: what another takes for unfinished and drops does not
/// go on, and nothing of it stays.
async fn an_import_that_was_dropped_leaves_nothing(mut office: TestOffice) {
    office.on_day(DAY);
    office.month("2026-10", &[AN]).await;
    let month = period("2026-10");
    let before = office.snapshot().await;
    let roster = office.written("roster.csv", roster_of(&[AN, BINH]).as_bytes());
    office.engine.progress = Arc::new(Dropper {
        sqlite: office.url.starts_with("sqlite:").then(|| office.dir.join("office.db")),
        url: office.url.clone(),
        done: AtomicBool::new(false),
    });
    refused(office.engine.roster_import(&roster, month, MAKER, &key(MAKER)).await, "I123");
    assert_eq!(orphans(&office).await, 0);
    assert_eq!(office.snapshot().await, before);
    assert_eq!(office.engine.store.imports(ImportKind::Roster, month).await.unwrap().len(), 1);
    office.engine.roster_import(&roster, month, MAKER, &key(MAKER)).await.unwrap();
    office.ends_whole().await;
}

/// Drops the running import from another process, as it were, at its first sign of progress.
struct Dropper {
    sqlite: Option<PathBuf>,
    url: String,
    done: AtomicBool,
}

impl Progress for Dropper {
    fn notice(&self, _: &'static str, _: &str) {}

    fn at(&self, stage: &str, _: u64, _: u64) {
        if stage != "roster" || self.done.swap(true, Ordering::Relaxed) {
            return;
        }
        let (sqlite, url) = (self.sqlite.clone(), self.url.clone());
        let other = std::thread::spawn(move || {
            let runtime = tokio::runtime::Runtime::new().expect("the runtime starts");
            runtime.block_on(async {
                let database: Arc<dyn Database> = match sqlite {
                    Some(path) => {
                        Arc::new(Sqlite::open(&path.display().to_string()).await.unwrap())
                    }
                    None => Arc::new(Postgres::open(&url).await.unwrap()),
                };
                let store = Store::over(database).await.unwrap();
                let running = store.imports_unfinished(ImportKind::Roster).await.unwrap();
                assert_eq!(running.len(), 1);
                let mut changes = Changes::new();
                changes.import_dropped(running[0]);
                store.commit(changes).await.unwrap();
                store.close().await;
            });
        });
        other.join().expect("the other process ends");
    }
}

/// Chunks of imports that are not there.
async fn orphans(office: &TestOffice) -> i64 {
    let database = office.database().await;
    let sql = "select cast(count(*) as bigint) from chunk
        where kind in ('roster', 'refused', 'register', 'previous_ids', 'shared')
        and owner not in (select import_no from import)";
    let found = database.query(sql, &[]).await.unwrap()[0].int(0).unwrap();
    database.close().await;
    found
}

async fn a_file_of_only_the_mended_rows_takes_nobodys_place(office: TestOffice) {
    office.on_day(DAY);
    let person = |n: u32| {
        AN.replace("E1 ", &format!("E{n} "))
            .replace("001044000101", &format!("0010440001{n:02}"))
            .replace("0711000001", &format!("07110000{n:02}"))
    };
    let all: Vec<String> = (1..=30).map(person).collect();
    let all: Vec<&str> = all.iter().map(String::as_str).collect();
    office.month("2026-10", &all).await;
    let before = office.snapshot().await;

    let few = office.written("mended.csv", roster_of(&all[..26]).as_bytes());
    let told = refused(
        office.engine.roster_import(&few, period("2026-10"), MAKER, &key(MAKER)).await,
        "I125",
    );
    assert!(told.contains("26 rows") && told.contains("--shorter"), "{told}");
    let few_of_register = office.written("few.csv", register_of(&all[..3]).as_bytes());
    let told = refused(
        office
            .engine
            .identity_import(&few_of_register, period("2026-10"), MAKER, &key(MAKER))
            .await,
        "I125",
    );
    assert!(told.contains("3 rows"), "{told}");
    assert_eq!(office.snapshot().await, before, "what was refused has left nothing");

    // A tenth fewer is an ordinary month, and an officer may say that the rest is off the list.
    let most = office.written("most.csv", roster_of(&all[..27]).as_bytes());
    office.engine.roster_import(&most, period("2026-10"), MAKER, &key(MAKER)).await.unwrap();
    let few = office.written("few.csv", roster_of(&all[..3]).as_bytes());
    office
        .engine
        .roster_import_over(&few, period("2026-10"), MAKER, &key(MAKER), Shorter::Meant)
        .await
        .unwrap();
    let cycle = office.sealed("2026-10", Regular).await;
    office.check(&cycle, "entitled 3", "pending 3 = 1500000").await;
    office.ends_whole().await;
}

async fn one_collection_runs_at_a_time(office: TestOffice) {
    let lock = std::fs::File::create(office.engine.dir.join("collect.lock")).unwrap();
    lock.try_lock().unwrap();
    refused(office.engine.collect_all().await, "L106");
    let answer = office.written("answer.csv", b"anything");
    refused(office.engine.collect_file("sheetbank", &answer).await, "L106");
    drop(lock);
    office.engine.collect_all().await.unwrap();
    office.ends_whole().await;
}

async fn a_list_says_what_was_taken_in_after_it_was_opened(office: TestOffice) {
    office.on_day(DAY);
    office.month("2026-10", &[AN, BINH]).await;
    let october = office.opened("2026-10", Regular).await;
    let newer = office.engine.newer_imports(&october).await.unwrap();
    assert!(newer.is_empty(), "{newer:?}");
    let mended = office.written("mended.csv", roster_of(&[AN]).as_bytes());
    let engine = &office.engine;
    let taken_in = engine
        .roster_import_over(&mended, period("2026-10"), MAKER, &key(MAKER), Shorter::Meant)
        .await
        .unwrap();
    assert_eq!(taken_in.opened.iter().map(|one| one.number).collect::<Vec<_>>(), [october.number]);
    let newer = engine.newer_imports(&october).await.unwrap();
    assert_eq!(
        newer.iter().map(|one| one.file_name.as_str()).collect::<Vec<_>>(),
        ["2-mended.csv"]
    );
    let page = once_a_benefit::asked(&office, &["cycle", "status", "2026-10"]);
    assert!(page.contains("The roster 2-mended.csv was taken in after this list"), "{page}");
    office.computed(&october).await;
    office.check(&october, "entitled 2", "pending 2 = 1000000").await;
    office.ends_whole().await;
}
