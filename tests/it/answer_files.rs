//! Answer files as a whole: refused until they can be read or are set aside, taken in once, and believed
//! about a file of ours only where they speak of what it held. Each told on both databases.

use std::path::PathBuf;
use std::sync::Arc;

use chitra::domain::batch::{Batch, BatchState};
use chitra::domain::cycle::Cycle;
use chitra::domain::cycle::CycleKind::Regular;
use chitra::domain::ids::ListNo;
use chitra::domain::payable::PayableState;
use chitra::domain::state::Named as _;
use chitra::engine::Engine;
use chitra::engine::collect::Collected;
use chitra::engine::dispatch::Dispatched;

use crate::support::injectors::Running;
use crate::support::office::{
    APPROVERS, Fault, MAKER, TestOffice, key, on_both_databases, refused, run,
};
use crate::support::real_parts::RealPart;

on_both_databases! { run, RealPart::Postgres;
    a_file_that_could_not_be_read_is_taken_in_when_its_format_is_agreed
    a_refused_file_is_told_each_time_until_it_is_set_aside
    a_file_named_under_the_wrong_partner_can_still_be_taken_in
    what_one_partner_said_is_not_taken_in_as_another_s
    a_file_of_unknown_fate_that_is_refused_as_a_whole_is_refused
    a_status_of_a_file_with_other_totals_changes_nothing
    a_status_of_a_file_that_never_left_halts_its_partner
    what_is_said_of_payments_that_never_left_changes_nothing
    a_month_of_which_answers_speak_is_not_cancelled
    a_month_of_whose_files_answers_speak_is_not_cancelled
    a_file_of_which_answers_speak_is_not_taken_back
    what_answers_speak_of_waits_in_its_new_file_as_well
    on_its_way_after_it_was_rejected_is_a_contradiction
    a_file_that_cannot_be_taken_for_its_name_is_told_until_it_is_gone_or_set_aside
    a_sheet_without_its_closing_total_is_refused
    an_item_that_cannot_be_booked_keeps_no_other_out
    outboxes_are_watched_until_the_program_is_asked_to_end
}

const AN: &str = "E1 | 001044000101 | Nguyễn Văn An | 1944-03-14 | male | social_pension/monthly | monthly_pension=0 | bank 970405 0711000001";
const BINH: &str = "E2 | 001145000102 | Trần Thị Bình | 1945-07-02 | female | social_pension/monthly | monthly_pension=0 | bank 970436 0711000002";
const CU: &str = "E3 | 001145000103 | Đỗ Văn Cư | 1945-07-09 | male | social_pension/monthly | monthly_pension=0 | bank 970436 0711000003";
const DAY: &str = "2026-09-20";

/// Makes other agreements with a partner about what it answers.
pub fn answers_in(engine: &mut Engine, partner: &str, formats: &[&str]) {
    let mut config = (*engine.config).clone();
    let mut providers = config.providers.iter_mut();
    let provider = providers.find(|one| one.name == partner).expect("the partner is configured");
    provider.answers = formats.iter().map(|id| (*id).to_owned()).collect();
    engine.config = Arc::new(config);
}

/// What one collection tells of each file: `L101`, `1 items`.
async fn collected(office: &TestOffice) -> Vec<String> {
    let of_file = office.engine.collect_all().await.unwrap();
    of_file
        .into_iter()
        .map(|taken| match taken {
            Ok(Collected { items, .. }) => format!("{items} items"),
            Err((_, error)) => error.code().to_owned(),
        })
        .collect()
}

/// The answers in the outbox of `sheetbank`.
fn lying(office: &TestOffice) -> Vec<PathBuf> {
    let outbox = std::fs::read_dir(office.dir.join("sheetbank/outbox")).unwrap();
    outbox.map(|entry| entry.unwrap().path()).collect()
}

async fn file_to(office: &TestOffice, cycle: &Cycle, partner: &str) -> Batch {
    let batches = office.engine.store.batches(cycle.number).await.unwrap();
    batches.into_iter().find(|one| one.provider == partner).expect("the partner has a file")
}

/// A bank's status of one file of ours as a whole.
pub fn status_of(batch: &Batch, count: u64, sum: &str, status: &str) -> String {
    let id = &batch.message_id;
    let reason = match status {
        "RJCT" => "<StsRsnInf><Rsn><Cd>FF01</Cd></Rsn></StsRsnInf>",
        _ => "",
    };
    format!(
        r#"<?xml version="1.0" encoding="UTF-8"?>
<Document xmlns="urn:iso:std:iso:20022:tech:xsd:pain.002.001.10">
  <CstmrPmtStsRpt>
    <GrpHdr><MsgId>STATUS-{status}-{count}-{sum}</MsgId><CreDtTm>2026-10-05T09:00:00</CreDtTm></GrpHdr>
    <OrgnlGrpInfAndSts>
      <OrgnlMsgId>{id}</OrgnlMsgId><OrgnlMsgNmId>pain.001.001.09</OrgnlMsgNmId>
      <OrgnlNbOfTxs>{count}</OrgnlNbOfTxs><OrgnlCtrlSum>{sum}</OrgnlCtrlSum>
      <GrpSts>{status}</GrpSts>{reason}
    </OrgnlGrpInfAndSts>
    <OrgnlPmtInfAndSts>
      <OrgnlPmtInfId>{id}</OrgnlPmtInfId>
      <OrgnlNbOfTxs>{count}</OrgnlNbOfTxs><OrgnlCtrlSum>{sum}</OrgnlCtrlSum>
      <PmtInfSts>{status}</PmtInfSts>{reason}
    </OrgnlPmtInfAndSts>
  </CstmrPmtStsRpt>
</Document>
"#
    )
}

async fn a_file_that_could_not_be_read_is_taken_in_when_its_format_is_agreed(
    mut office: TestOffice,
) {
    office.on_day(DAY);
    office.month("2026-10", &[AN]).await;
    let october = office.paid_out("2026-10", Regular).await;
    answers_in(&mut office.engine, "sheetbank", &["iso20022-pain002"]);
    let an = office.said(&october, "E1", 1, "Thành công", "").await;
    refused(office.sheet(&[an]).await, "L101");
    assert_eq!(collected(&office).await, ["L101"]);
    assert_eq!(office.discrepancies().await, ["file_refused"]);
    office.check(&october, "entitled 1", "pending 1 = 500000").await;

    answers_in(&mut office.engine, "sheetbank", &["vn-bank-bulk-csv-results"]);
    assert_eq!(collected(&office).await, ["1 items"]);
    assert!(office.discrepancies().await.is_empty(), "what was refused is taken in now");
    assert!(collected(&office).await.is_empty());
    office.check(&october, "entitled 1", "paid 1 = 500000").await;
    office.ends_whole().await;
}

async fn a_refused_file_is_told_each_time_until_it_is_set_aside(office: TestOffice) {
    office.on_day(DAY);
    office.month("2026-10", &[AN]).await;
    let october = office.paid_out("2026-10", Regular).await;
    let before = office.snapshot().await;
    refused(office.answered("sheetbank", "csv", b"rubbish").await, "L101");
    for _ in 0..2 {
        assert_eq!(collected(&office).await, ["L101"]);
    }
    let open = office.engine.store.discrepancies().await.unwrap();
    let [(number, found)] = open.as_slice() else { panic!("{open:?}") };
    assert!(found.detail.starts_with("L101: ANSWER-"), "{}", found.detail);

    let engine = &office.engine;
    refused(engine.discrepancy_resolve(*number, " ", MAKER, &key(MAKER)).await, "D111");
    let reason = "the bank says that it was sent by mistake";
    engine.discrepancy_resolve(*number, reason, MAKER, &key(MAKER)).await.unwrap();
    assert!(collected(&office).await.is_empty());
    assert_eq!(office.snapshot().await, before);
    // Who names it wants to know.
    let path = lying(&office).remove(0);
    refused(engine.collect_file("sheetbank", &path).await, "L101");
    office.check(&october, "entitled 1", "pending 1 = 500000").await;
    office.ends_whole().await;
}

async fn a_file_named_under_the_wrong_partner_can_still_be_taken_in(office: TestOffice) {
    office.on_day(DAY);
    office.month("2026-10", &[AN]).await;
    let october = office.paid_out("2026-10", Regular).await;
    let an = office.said(&october, "E1", 1, "Thành công", "").await;
    // The bank's sheet is not there yet when somebody brings it by hand, as the wallet's.
    office.sheet(&[]).await.unwrap();
    let empty = std::fs::read_to_string(lying(&office).remove(0)).unwrap();
    let row = format!(
        "1,0711000001,NGUYEN VAN AN,{},MA {} TRO CAP,Thành công,,FT1,20/09/2026",
        an.amount_minor, an.reference
    );
    let sheet =
        empty.replace("Tổng cộng,0,,0", &format!("{row}\nTổng cộng,1,,{}", an.amount_minor));
    let path = office.written("sheet.csv", sheet.as_bytes());
    refused(office.engine.collect_file("wallet", &path).await, "L101");
    assert_eq!(office.engine.collect_file("sheetbank", &path).await.unwrap().items, 1);
    office.check(&october, "entitled 1", "paid 1 = 500000").await;
    office.ends_whole().await;
}

async fn what_one_partner_said_is_not_taken_in_as_another_s(mut office: TestOffice) {
    office.on_day(DAY);
    office.month("2026-10", &[AN]).await;
    let october = office.paid_out("2026-10", Regular).await;
    answers_in(&mut office.engine, "wallet", &["vn-bank-bulk-csv-results"]);
    let an = office.said(&october, "E1", 1, "Thành công", "").await;
    office.sheet(&[an]).await.unwrap();
    let engine = &office.engine;
    let said = lying(&office).remove(0);
    refused(engine.collect_file("wallet", &said).await, "L107");
    // Two partners without anything to say may say it in the same bytes.
    office.sheet(&[]).await.unwrap();
    let empty = lying(&office).into_iter().find(|path| *path != said).unwrap();
    assert!(engine.collect_file("wallet", &empty).await.unwrap().replayed);
    assert!(office.discrepancies().await.is_empty());
    office.check(&october, "entitled 1", "paid 1 = 500000").await;
    office.ends_whole().await;
}

async fn a_file_of_unknown_fate_that_is_refused_as_a_whole_is_refused(office: TestOffice) {
    office.on_day(DAY);
    office.month("2026-10", &[BINH, CU]).await;
    let october = office.sealed("2026-10", Regular).await;
    office.released(&october, 0).await;
    office.next_fault(Some(Fault::LosesTheOutcome));
    office.engine.dispatch(None).await.unwrap();
    office.next_fault(Some(Fault::CannotBeAsked));
    office.engine.dispatch(None).await.unwrap();
    let batch = file_to(&office, &october, "isobank").await;
    assert_eq!(batch.state, BatchState::Unknown);
    let refusal = status_of(&batch, 2, "1000000", "RJCT");
    office.answered("isobank", "xml", refusal.as_bytes()).await.unwrap();
    assert_eq!(file_to(&office, &october, "isobank").await.state, BatchState::Refused);
    office.check(&october, "entitled 2", "rejected 2 = 1000000").await;
    office.next_fault(None);
    assert!(office.engine.dispatch(None).await.unwrap().is_empty(), "nothing is sent again");
    office.ends_whole().await;
}

async fn a_status_of_a_file_with_other_totals_changes_nothing(office: TestOffice) {
    office.on_day(DAY);
    office.month("2026-10", &[BINH, CU]).await;
    let october = office.paid_out("2026-10", Regular).await;
    let batch = file_to(&office, &october, "isobank").await;
    for (count, sum) in [(3, "1000000"), (2, "1000001"), (2, "a million")] {
        for status in ["RJCT", "ACCC"] {
            let answer = status_of(&batch, count, sum, status);
            office.answered("isobank", "xml", answer.as_bytes()).await.unwrap();
        }
    }
    office.check(&october, "entitled 2", "pending 2 = 1000000").await;
    assert_eq!(file_to(&office, &october, "isobank").await.state, BatchState::Delivered);
    assert_eq!(office.discrepancies().await, ["totals_differ"; 12]);

    let answer = status_of(&batch, 2, "1000000.00", "ACCC");
    office.answered("isobank", "xml", answer.as_bytes()).await.unwrap();
    office.check(&october, "entitled 2", "paid 2 = 1000000").await;
    office.ends_whole().await;
}

/// Whoever has a file that was taken back could pay it beside the one that orders its payments now.
async fn a_status_of_a_file_that_never_left_halts_its_partner(office: TestOffice) {
    office.on_day(DAY);
    office.month("2026-10", &[BINH, CU]).await;
    let october = office.sealed("2026-10", Regular).await;
    office.released(&october, 0).await;
    let batch = file_to(&office, &october, "isobank").await;
    let now = office.now(&october).await;
    office.engine.withdraw(&now, &batch.file_name, MAKER, &key(MAKER)).await.unwrap();
    let again = office.engine.reissue(&office.now(&october).await).await.unwrap();
    assert_eq!(again.ordered, 2, "{:?}", again.waiting);
    office.released(&october, 1).await;

    let answer = status_of(&batch, 2, "1000000", "ACCC");
    office.answered("isobank", "xml", answer.as_bytes()).await.unwrap();
    office.check(&october, "entitled 2", "pending 2 = 1000000").await;
    // Of the message and of the group in it.
    assert_eq!(office.discrepancies().await, ["contradiction"; 2]);
    let told = office.engine.dispatch(None).await.unwrap();
    assert!(told[0].detail.contains("withdrawn and never left"), "{told:?}");
    office.ends_whole().await;
}

/// Sets everything in the queue aside, as an officer does who has asked the partner.
async fn all_resolved(office: &TestOffice) {
    for (number, _) in office.engine.store.discrepancies().await.unwrap() {
        let engine = &office.engine;
        engine
            .discrepancy_resolve(number, "a mistake of theirs", MAKER, &key(MAKER))
            .await
            .unwrap();
    }
}

/// A rejection would have the person ordered again while the first order can still leave, and a payment
/// would leave beside the one that is told: the file waits until somebody has asked.
async fn what_is_said_of_payments_that_never_left_changes_nothing(office: TestOffice) {
    office.on_day(DAY);
    office.month("2026-10", &[AN, BINH]).await;
    let october = office.sealed("2026-10", Regular).await;
    office.released(&october, 0).await;
    let file = file_to(&office, &october, "sheetbank").await.file_name;
    for (status, reason) in [("Không thành công", "Sai số tài khoản"), ("Thành công", "")]
    {
        let said = office.said(&october, "E1", 1, status, reason).await;
        office.sheet(&[said]).await.unwrap();
    }
    assert_eq!(office.discrepancies().await, ["contradiction"; 2]);
    office.check(&october, "entitled 2", "pending 2 = 1000000").await;
    let engine = &office.engine;
    assert_eq!(engine.reissue(&office.now(&october).await).await.unwrap().ordered, 0);
    for halt in engine.store.halts().await.unwrap() {
        for approver in APPROVERS {
            engine.halt_lift(halt.number, approver, &key(approver)).await.unwrap();
        }
    }
    let now = office.now(&october).await;
    refused(engine.withdraw(&now, &file, MAKER, &key(MAKER)).await, "D123");
    let told = engine.dispatch(None).await.unwrap();
    let of_file = |told: &[Dispatched]| {
        told.iter().find(|one| one.file_name == file).map(|one| one.detail.clone())
    };
    let waits = of_file(&told).unwrap();
    assert!(waits.contains("answers speak of 2 of its payments"), "{waits}");
    all_resolved(&office).await;
    let told = engine.dispatch(None).await.unwrap();
    assert_eq!(of_file(&told).as_deref(), Some("delivered and read back"));
    office.ends_whole().await;
}

/// Its claims would be free, and whom a partner says it has paid would be ordered anew.
async fn a_month_of_which_answers_speak_is_not_cancelled(office: TestOffice) {
    office.on_day(DAY);
    office.month("2026-10", &[AN, BINH]).await;
    let october = office.sealed("2026-10", Regular).await;
    office.approved(&october, 0).await;
    let paid = office.said(&october, "E1", 1, "Thành công", "").await;
    office.sheet(&[paid]).await.unwrap();
    office.check(&october, "entitled 2", "pending 2 = 1000000").await;
    let (engine, now) = (&office.engine, office.now(&october).await);
    refused(engine.cycle_cancel(&now, "anew", MAKER, &key(MAKER)).await, "D123");
    all_resolved(&office).await;
    engine.cycle_cancel(&now, "anew", MAKER, &key(MAKER)).await.unwrap();
    // It is looked at by its number, and nothing of it counts.
    let told = refused(engine.cycle_find("2026-10").await, "C103");
    assert!(told.contains("was cancelled") && told.ends_with(": 1"), "{told}");
    let cancelled = engine.cycle_find("1").await.unwrap();
    assert_eq!(engine.figures(&cancelled).await.unwrap().rows_listed, 0);
    office.ends_whole().await;
}

/// Who has the file of a month that was never sent may pay it, however often the month is made anew.
async fn a_month_of_whose_files_answers_speak_is_not_cancelled(office: TestOffice) {
    office.on_day(DAY);
    office.month("2026-10", &[AN, BINH, CU]).await;
    let october = office.sealed("2026-10", Regular).await;
    office.approved(&october, 0).await;
    let batch = file_to(&office, &october, "isobank").await;
    let accepted = status_of(&batch, 2, "1000000", "ACCP");
    office.answered("isobank", "xml", accepted.as_bytes()).await.unwrap();
    assert_eq!(office.discrepancies().await, ["contradiction"; 2]);
    let (_, found) = office.engine.store.discrepancies().await.unwrap().remove(0);
    assert_eq!(found.file, Some((october.number, batch.number)));
    let (engine, now) = (&office.engine, office.now(&october).await);
    let told = refused(engine.cycle_cancel(&now, "anew", MAKER, &key(MAKER)).await, "D123");
    assert!(told.contains("1 of these files as a whole"), "{told}");
    // Beside what is said of payments.
    let paid = office.said(&october, "E1", 1, "Thành công", "").await;
    office.sheet(&[paid]).await.unwrap();
    let told = refused(engine.cycle_cancel(&now, "anew", MAKER, &key(MAKER)).await, "D123");
    assert!(told.contains("1 of these payments and 1 of these files as a whole"), "{told}");
    office.check(&october, "entitled 3", "pending 3 = 1500000").await;
    all_resolved(&office).await;
    engine.cycle_cancel(&now, "anew", MAKER, &key(MAKER)).await.unwrap();
    office.ends_whole().await;
}

async fn halts_lifted(office: &TestOffice) {
    for halt in office.engine.store.halts().await.unwrap() {
        for approver in APPROVERS {
            office.engine.halt_lift(halt.number, approver, &key(approver)).await.unwrap();
        }
    }
}

/// Moved to another value date, and then the bank accepts the file that was taken back.
async fn what_answers_speak_of_waits_in_its_new_file_as_well(office: TestOffice) {
    office.on_day(DAY);
    office.month("2026-10", &[BINH, CU]).await;
    let october = office.sealed("2026-10", Regular).await;
    office.released(&october, 0).await;
    let old = file_to(&office, &october, "isobank").await;
    let (now, day) = (office.now(&october).await, "2026-10-05".parse().unwrap());
    let files = [old.file_name.clone()];
    office.engine.redate(&now, &files, day, MAKER, &key(MAKER)).await.unwrap();
    office.released(&october, 1).await;
    let accepted = status_of(&old, 2, "1000000", "ACCP");
    office.answered("isobank", "xml", accepted.as_bytes()).await.unwrap();
    halts_lifted(&office).await;
    let told = office.engine.dispatch(None).await.unwrap();
    assert!(told[0].detail.contains("answers speak of it as a whole"), "{told:?}");
    let (now, new) = (office.now(&october).await, told[0].file_name.clone());
    refused(office.engine.withdraw(&now, &new, MAKER, &key(MAKER)).await, "D123");
    all_resolved(&office).await;
    let told = office.engine.dispatch(None).await.unwrap();
    assert_eq!(told[0].detail, "delivered and read back");
    office.ends_whole().await;
}

/// The bank rejects, and says a day later that it is on its way: the second order waits.
async fn on_its_way_after_it_was_rejected_is_a_contradiction(office: TestOffice) {
    office.on_day(DAY);
    office.month("2026-10", &[AN]).await;
    let october = office.paid_out("2026-10", Regular).await;
    let no = office.said(&october, "E1", 1, "Thất bại", "Sai số tài khoản").await;
    let day = no.on.clone();
    office.sheet(&[no]).await.unwrap();
    let again = office.engine.reissue(&office.now(&october).await).await.unwrap();
    office.released(&october, again.list.unwrap().number.0).await;
    // Of the same day it is old news.
    let mut now = office.said(&october, "E1", 1, "Đang xử lý", "").await;
    now.on = day.clone();
    office.sheet(&[now.clone()]).await.unwrap();
    assert!(office.discrepancies().await.is_empty());
    let later = day.parse::<jiff::civil::Date>().unwrap().tomorrow().unwrap();
    now.on = later.to_string();
    office.on_day(&now.on);
    office.sheet(&[now]).await.unwrap();
    assert_eq!(office.discrepancies().await, ["contradiction"]);
    halts_lifted(&office).await;
    let told = office.engine.dispatch(None).await.unwrap();
    assert!(told[0].detail.contains("answers speak of 1 of its payments"), "{told:?}");
    all_resolved(&office).await;
    let told = office.engine.dispatch(None).await.unwrap();
    assert_eq!(told[0].detail, "delivered and read back");
    office.ends_whole().await;
}

async fn a_file_of_which_answers_speak_is_not_taken_back(office: TestOffice) {
    office.on_day(DAY);
    office.month("2026-10", &[AN, BINH, CU]).await;
    let october = office.sealed("2026-10", Regular).await;
    office.released(&october, 0).await;
    let batch = file_to(&office, &october, "isobank").await;
    let accepted = status_of(&batch, 2, "1000000", "ACCP");
    office.answered("isobank", "xml", accepted.as_bytes()).await.unwrap();
    let engine = &office.engine;
    for halt in engine.store.halts().await.unwrap() {
        for approver in APPROVERS {
            engine.halt_lift(halt.number, approver, &key(approver)).await.unwrap();
        }
    }
    let now = office.now(&october).await;
    let file = &batch.file_name;
    refused(engine.withdraw(&now, file, MAKER, &key(MAKER)).await, "D123");
    let day = "2026-10-05".parse().unwrap();
    let files = [file.clone()];
    refused(engine.redate(&now, &files, day, MAKER, &key(MAKER)).await, "D123");
    // The file to the other bank leaves.
    let told = engine.dispatch(None).await.unwrap();
    let of = |name: &str| told.iter().find(|one| one.file_name == name).unwrap().detail.clone();
    assert!(of(file).contains("answers speak of it as a whole, and it never left"), "{told:?}");
    let other = file_to(&office, &october, "sheetbank").await;
    assert_eq!(other.state, BatchState::Delivered);
    all_resolved(&office).await;
    let now = office.now(&october).await;
    engine.withdraw(&now, file, MAKER, &key(MAKER)).await.unwrap();

    // Nor is a list that waits.
    assert_eq!(engine.reissue(&office.now(&october).await).await.unwrap().ordered, 2);
    let batches = engine.store.batches(october.number).await.unwrap();
    let again = batches.iter().find(|one| one.list == ListNo(1)).unwrap();
    let accepted = status_of(again, 2, "1000000", "ACCP");
    office.answered("isobank", "xml", accepted.as_bytes()).await.unwrap();
    let now = office.now(&october).await;
    refused(engine.list_cancel(&now, ListNo(1), MAKER, &key(MAKER)).await, "D123");
    all_resolved(&office).await;
    engine.list_cancel(&now, ListNo(1), MAKER, &key(MAKER)).await.unwrap();
    office.check(&october, "entitled 3", "pending 1 = 500000, rejected 2 = 1000000").await;
    office.ends_whole().await;
}

/// A bank's sheet that says that one order is carried out.
async fn sheet_of(office: &TestOffice, cycle: &Cycle) -> String {
    let an = office.said(cycle, "E1", 1, "", "").await;
    format!(
        "STT,Số tài khoản,Tên người hưởng,Số tiền,Nội dung,Trạng thái,Ghi chú,Số FT,Ngày giao dịch\n\
         1,0711000001,NGUYEN VAN AN,{minor},MA {} TRO CAP,Thành công,,FT1,20/09/2026\n\
         Tổng cộng,1,,{minor},,,,,\n",
        an.reference,
        minor = an.amount_minor
    )
}

async fn a_file_that_cannot_be_taken_for_its_name_is_told_until_it_is_gone_or_set_aside(
    office: TestOffice,
) {
    office.on_day(DAY);
    office.month("2026-10", &[AN]).await;
    let october = office.paid_out("2026-10", Regular).await;
    let sheet = sheet_of(&office, &october).await;
    let outbox = office.dir.join("sheetbank/outbox");
    let long = format!("{}.csv", "n".repeat(200));
    for name in ["\u{1b}[2Jkết quả.csv", "kết\nquả.csv", &long] {
        std::fs::write(outbox.join(name), &sheet).unwrap();
    }
    for _ in 0..2 {
        assert_eq!(collected(&office).await, ["V302", "V302", "V301"]);
    }
    let told = office.engine.collect_all().await.unwrap();
    let names: Vec<String> =
        told.into_iter().filter_map(Result::err).map(|(name, _)| name).collect();
    let short = format!("{}…", "n".repeat(60));
    assert_eq!(names, ["\\u{1b}[2Jkết quả.csv", "kết\\nquả.csv", short.as_str()]);
    let open = office.engine.store.discrepancies().await.unwrap();
    assert_eq!(office.discrepancies().await, ["file_refused"; 3]);
    assert!(open.iter().all(|(_, found)| !found.detail.contains(char::is_control)), "{open:?}");
    office.check(&october, "entitled 1", "pending 1 = 500000").await;

    // One is set aside, one is gone, one gets a plain name.
    let (number, _) = &open[0];
    let reason = "the bank says that it was sent by mistake";
    office.engine.discrepancy_resolve(*number, reason, MAKER, &key(MAKER)).await.unwrap();
    assert_eq!(collected(&office).await, ["V302", "V301"]);
    std::fs::remove_file(outbox.join("kết\nquả.csv")).unwrap();
    assert_eq!(collected(&office).await, ["V301"]);
    std::fs::rename(outbox.join(&long), outbox.join("result.csv")).unwrap();
    assert_eq!(collected(&office).await, ["1 items"]);
    office.check(&october, "entitled 1", "paid 1 = 500000").await;
    // Another file under the name of what was set aside is told anew.
    std::fs::write(outbox.join("\u{1b}[2Jkết quả.csv"), b"other").unwrap();
    assert_eq!(collected(&office).await, ["V302"]);
    office.ends_whole().await;
}

async fn a_sheet_without_its_closing_total_is_refused(office: TestOffice) {
    office.on_day(DAY);
    office.month("2026-10", &[AN]).await;
    let october = office.paid_out("2026-10", Regular).await;
    let whole = sheet_of(&office, &october).await;
    let cut = &whole[..whole.find("Tổng").unwrap()];
    refused(office.answered("sheetbank", "csv", cut.as_bytes()).await, "M114");
    office.check(&october, "entitled 1", "pending 1 = 500000").await;
    assert_eq!(office.answered("sheetbank", "csv", whole.as_bytes()).await.unwrap().items, 1);
    office.check(&october, "entitled 1", "paid 1 = 500000").await;
    office.ends_whole().await;
}

/// A row was changed by hand so that the program may not move it: its item waits for a person, the items before
/// and behind it are booked, its money is not ordered again by itself, and what is said later is booked.
async fn an_item_that_cannot_be_booked_keeps_no_other_out(office: TestOffice) {
    office.on_day(DAY);
    let of_the_sheet = |one: &str| one.replace("970436", "970405");
    let (binh, cu) = (of_the_sheet(BINH), of_the_sheet(CU));
    office.month("2026-10", &[&binh, AN, &cu]).await;
    let october = office.paid_out("2026-10", Regular).await;
    let (before, an, behind) = (
        office.said(&october, "E2", 1, "Thành công", "").await,
        office.said(&october, "E1", 1, "Thành công", "").await,
        office.said(&october, "E3", 1, "Không thành công", "Sai số tài khoản").await,
    );
    let payable = office.payable(&october, "E1").await.number.number();
    let moved = "update payable set carried_to = payable_no where payable_no = $1";
    assert_eq!(office.tamper(moved, vec![payable.into()]).await, 1);

    let told = office.sheet(&[before, an.clone(), behind]).await.unwrap();
    assert_eq!(told.items, 3);
    let attempts = async |who: &str| office.attempts(&october, who).await;
    assert_eq!(attempts("E2").await, "1 settled");
    assert_eq!(attempts("E1").await, "1 in_batch");
    assert_eq!(attempts("E3").await, "1 rejected");
    let queue = office.engine.store.discrepancies().await.unwrap();
    let [(_, waits)] = queue.as_slice() else { panic!("{queue:?}") };
    assert_eq!((waits.kind.name(), waits.item), ("not_booked", 2));
    assert!(waits.detail.starts_with("L148: it is not booked (every payable is"), "{waits:?}");

    let back = "update payable set carried_to = null where payable_no = $1";
    assert_eq!(office.tamper(back, vec![payable.into()]).await, 1);
    let no = office.said(&october, "E1", 1, "Không thành công", "Sai số tài khoản").await;
    office.sheet(&[no]).await.unwrap();
    let again = office.engine.reissue(&office.now(&october).await).await.unwrap();
    let why: Vec<&str> = again.waiting.keys().copied().collect();
    assert_eq!(
        why,
        [
            "more was told of it, or of its file as a whole, than is booked, which may stand: the books must agree first (chitra queue discrepancies)"
        ]
    );
    office.sheet(&[an]).await.unwrap();
    assert_eq!(attempts("E1").await, "1 settled");
    office.ends_whole().await;
}

/// A program of its own watches; what the bank lays into its outbox is taken in without another command.
async fn outboxes_are_watched_until_the_program_is_asked_to_end(office: TestOffice) {
    office.on_day(DAY);
    office.month("2026-10", &[BINH]).await;
    let october = office.paid_out("2026-10", Regular).await;
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_chitra"));
    command.arg("--office").arg(&office.dir).args(["--today", DAY, "collect", "--watch", "1"]);
    let watching = Running::of(&mut command);
    let file = file_to(&office, &october, "isobank").await;
    let refused = status_of(&file, 1, "500000", "RJCT");
    let outbox = office.dir.join("isobank/outbox");
    std::fs::write(outbox.join("rubbish.xml"), "<rubbish/>").unwrap();
    std::fs::write(outbox.join("status.xml.part"), &refused).unwrap();
    std::fs::rename(outbox.join("status.xml.part"), outbox.join("status.xml")).unwrap();
    let begun = std::time::Instant::now();
    while office.payable(&october, "E2").await.state != PayableState::Rejected {
        assert!(begun.elapsed().as_secs() < 60, "nobody has taken in what the bank says");
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    }
    watching.signal("TERM");
    let ran = watching.ends();
    assert_eq!(ran.status.code(), Some(0), "{}", ran.stderr);
    let told = |of: &str| ran.stdout.lines().filter(|line| line.starts_with(of)).count();
    assert_eq!((told("rubbish.xml: L101"), told("status.xml: ")), (1, 1), "{}", ran.stdout);
    office.check(&october, "entitled 1", "rejected 1 = 500000").await;
    office.ends_whole().await;
}
