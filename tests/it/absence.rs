//! A file that lies neither in a partner's inbox nor among what it took: proof that it has not left only where, and
//! as long as, it was agreed that the partner keeps what it took. Each told on both databases.

use chitra::domain::batch::{Batch, BatchState};
use chitra::domain::cycle::Cycle;
use chitra::domain::cycle::CycleKind::Regular;
use chitra::domain::fate::Verdict;
use chitra::engine::office;

use crate::support::office::{
    APPROVERS, Fault, MAKER, TestOffice, key, on_both_databases, refused, run,
};
use crate::support::real_parts::RealPart;

on_both_databases! { run, RealPart::Postgres;
    a_file_that_was_taken_and_cleared_is_not_sent_again
    within_the_agreed_days_what_is_not_there_goes_again
    after_the_agreed_days_what_is_not_there_is_unknown
    from_folders_that_are_not_mounted_absence_proves_nothing
    a_file_that_is_proved_not_to_have_left_is_taken_back_whatever_was_agreed
}

const AN: &str = "E1 | 001044000101 | Nguyễn Văn An | 1944-03-14 | male | social_pension/monthly | monthly_pension=0 | bank 970405 0711000001";
const BINH: &str = "E2 | 001145000102 | Trần Thị Bình | 1945-07-02 | female | social_pension/monthly | monthly_pension=0 | bank 970405 0711000002";

/// Writes what is agreed with every partner about what it keeps.
async fn agreed(office: &mut TestOffice, terms: &str) {
    let path = office.dir.join(office::CONFIG);
    let text = std::fs::read_to_string(&path).unwrap();
    assert!(text.contains("taken_kept_days = 30\n"));
    std::fs::write(&path, text.replace("taken_kept_days = 30\n", terms)).unwrap();
    office.reopen().await;
}

/// Agrees with the bank from 22 September on.
async fn later(office: &mut TestOffice) {
    let path = office.dir.join(office::CONFIG);
    let text = std::fs::read_to_string(&path).unwrap();
    let taken = "taken = \"sheetbank/taken\"\n";
    let terms = "[[provider.terms]]\nfrom = \"2026-09-22\"\ntaken_kept_days = 30\n";
    assert!(text.contains(taken));
    std::fs::write(&path, text.replacen(taken, &format!("{taken}{terms}"), 1)).unwrap();
    office.reopen().await;
}

/// A released file to `sheetbank`, which was tried on 20 September and whose sending ended so.
async fn tried(office: &mut TestOffice, terms: &str, fault: Fault) -> (Cycle, Batch) {
    agreed(office, terms).await;
    office.on_day("2026-09-20");
    office.month("2026-10", &[AN, BINH]).await;
    let cycle = office.sealed("2026-10", Regular).await;
    office.released(&cycle, 0).await;
    office.next_fault(Some(fault));
    office.engine.dispatch(None).await.unwrap_err();
    office.next_fault(None);
    office.reopen().await;
    let file = office.engine.store.batches(cycle.number).await.unwrap().remove(0);
    (office.now(&cycle).await, file)
}

/// Dispatches, and gives why the file is of unknown fate.
async fn unknown(office: &TestOffice) -> String {
    let told = office.engine.dispatch(None).await.unwrap();
    let [one] = told.as_slice() else { panic!("{told:?}") };
    assert_eq!(one.state, BatchState::Unknown, "{}", one.detail);
    assert!(one.is_hindered());
    one.detail.clone()
}

/// Two officers decide about the file as a whole.
async fn decided(office: &TestOffice, cycle: &Cycle, file: &Batch, verdict: Verdict) {
    let (engine, now, named) =
        (&office.engine, office.now(cycle).await, vec![file.file_name.clone()]);
    let reason = "the bank's letter";
    engine.fate_propose(&now, &named, verdict, reason, MAKER, &key(MAKER)).await.unwrap();
    let by = APPROVERS[0];
    engine.fate_confirm(&now, &named, by, &key(by)).await.unwrap();
    assert!(engine.dispatch(None).await.unwrap().is_empty());
}

async fn a_file_that_was_taken_and_cleared_is_not_sent_again(mut office: TestOffice) {
    let (cycle, file) = tried(&mut office, "", Fault::DiesAfterSending).await;
    // The bank took it, paid it, and cleared its folders.
    std::fs::remove_file(office.dir.join("sheetbank/inbox").join(&file.file_name)).unwrap();
    let told = unknown(&office).await;
    let decide = format!("chitra unknown decide 2026-10 {} --paid", file.file_name);
    for part in ["tried on 2026-09-20", "sheetbank on taken_kept_days", &decide] {
        assert!(told.contains(part), "{told}");
    }
    assert_eq!(unknown(&office).await, told);
    let now = office.now(&cycle).await;
    let engine = &office.engine;
    refused(engine.withdraw(&now, &file.file_name, MAKER, &key(MAKER)).await, "D125");
    office.check(&cycle, "entitled 2", "unknown 2 = 1000000").await;
    // What is agreed from a later day on says nothing of what was kept before it.
    office.on_day("2026-09-22");
    later(&mut office).await;
    assert_eq!(unknown(&office).await, told);
    decided(&office, &cycle, &file, Verdict::Paid).await;
    assert_eq!(office.times_sent(&file.file_name), 1);
    office.check(&cycle, "entitled 2", "paid 2 = 1000000").await;
    office.ends_whole().await;
}

/// The bank took October's file. When November's is asked about, its folders are empty.
async fn from_folders_that_are_not_mounted_absence_proves_nothing(mut office: TestOffice) {
    agreed(&mut office, "taken_kept_days = 30\n").await;
    office.on_day("2026-09-20");
    office.month("2026-10", &[AN]).await;
    let october = office.paid_out("2026-10", Regular).await;
    let before = office.engine.store.batches(october.number).await.unwrap().remove(0).file_name;
    let at = |folder: &str| office.dir.join("sheetbank").join(folder);
    std::fs::rename(at("inbox").join(&before), at("taken").join(&before)).unwrap();
    office.month("2026-11", &[AN, BINH]).await;
    let november = office.sealed("2026-11", Regular).await;
    office.released(&november, 0).await;
    let (taken, away) = (at("taken"), at("away"));
    office.next_fault(Some(Fault::DiesBeforeSending));
    office.engine.dispatch(None).await.unwrap_err();
    office.next_fault(None);
    office.reopen().await;
    std::fs::rename(&taken, &away).unwrap();
    std::fs::create_dir(&taken).unwrap();
    let told = unknown(&office).await;
    assert!(told.contains(&format!("{before}, which was delivered on 2026-09-20")), "{told}");
    std::fs::remove_dir(&taken).unwrap();
    std::fs::rename(&away, &taken).unwrap();
    let told = office.engine.dispatch(None).await.unwrap();
    assert_eq!(told[0].state, BatchState::Delivered, "{}", told[0].detail);
    assert_eq!(office.times_sent(&told[0].file_name), 1);
    office.ends_whole().await;
}

async fn within_the_agreed_days_what_is_not_there_goes_again(mut office: TestOffice) {
    let terms = "taken_kept_days = 3\n";
    let (cycle, file) = tried(&mut office, terms, Fault::DiesBeforeSending).await;
    office.on_day("2026-09-23");
    let told = office.engine.dispatch(None).await.unwrap();
    assert_eq!(told[0].state, BatchState::Delivered, "{}", told[0].detail);
    assert_eq!(office.times_sent(&file.file_name), 1);
    let deliveries = office.engine.store.deliveries(cycle.number).await.unwrap();
    let outcomes: Vec<String> = deliveries.iter().map(|one| one.outcome.to_string()).collect();
    assert_eq!(outcomes, ["not_sent", "delivered"]);
    office.check(&cycle, "entitled 2", "pending 2 = 1000000").await;
    office.ends_whole().await;
}

async fn after_the_agreed_days_what_is_not_there_is_unknown(mut office: TestOffice) {
    let terms = "taken_kept_days = 3\n";
    let (cycle, file) = tried(&mut office, terms, Fault::DiesBeforeSending).await;
    office.on_day("2026-09-24");
    let told = unknown(&office).await;
    assert!(told.contains("keeps for 3 days what it took"), "{told}");
    assert_eq!(office.times_sent(&file.file_name), 0);
    // The bank says that it never had it.
    decided(&office, &cycle, &file, Verdict::NotPaid).await;
    assert_eq!(office.times_sent(&file.file_name), 0);
    office.check(&cycle, "entitled 2", "rejected 2 = 1000000").await;
    office.ends_whole().await;
}

async fn a_file_that_is_proved_not_to_have_left_is_taken_back_whatever_was_agreed(
    mut office: TestOffice,
) {
    agreed(&mut office, "").await;
    office.on_day("2026-09-20");
    office.month("2026-10", &[AN, BINH]).await;
    let cycle = office.sealed("2026-10", Regular).await;
    office.released(&cycle, 0).await;
    // The inbox is not mounted: this attempt reached nobody, whatever is kept there.
    let (inbox, away) = (office.dir.join("sheetbank/inbox"), office.dir.join("sheetbank/away"));
    std::fs::rename(&inbox, &away).unwrap();
    let told = office.engine.dispatch(None).await.unwrap();
    assert_eq!(told[0].state, BatchState::Released, "{}", told[0].detail);
    std::fs::rename(&away, &inbox).unwrap();
    office.on_day("2026-10-20");
    let now = office.now(&cycle).await;
    let file = office.engine.store.batches(cycle.number).await.unwrap().remove(0).file_name;
    office.engine.withdraw(&now, &file, MAKER, &key(MAKER)).await.unwrap();
    office.check(&cycle, "entitled 2", "rejected 2 = 1000000").await;
    office.ends_whole().await;
}
