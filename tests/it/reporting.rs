//! The cycle report tells of money where it went, not where it was first meant to go. Told on both
//! databases.

use chitra::domain::batch::Batch;
use chitra::domain::cycle::Cycle;
use chitra::domain::cycle::CycleKind::Regular;

use crate::support::office::{MAKER, TestOffice, key, on_both_databases, run};
use crate::support::real_parts::RealPart;

on_both_databases! { run, RealPart::Postgres;
    what_is_ordered_again_stands_where_it_went
    what_was_taken_back_is_no_payout_file
}

const AN: &str = "E1 | 001044000101 | Nguyễn Văn An | 1944-03-14 | male | social_pension/monthly | monthly_pension=0 | bank 970405 0711000001 | register.account=0011000009 | register.provider=970436";
const BINH: &str = "E2 | 001145000102 | Trần Thị Bình | 1945-07-02 | female | social_pension/monthly | monthly_pension=0 | bank 970405 0711000002";
const CUC: &str = "E3 | 001145000103 | Lê Thị Cúc | 1945-08-02 | female | social_pension/monthly | monthly_pension=0 | ewallet momo 0901234567";

/// What the CSV says of a section, without what is nothing: `cash/paid 1 = 500000`.
async fn told(office: &TestOffice, cycle: &Cycle, section: &str) -> Vec<String> {
    let files = office.engine.cycle_report_write(&office.now(cycle).await).await.unwrap();
    let csv = std::fs::read_to_string(files.csv).unwrap();
    csv.lines()
        .map(|line| line.split(',').collect::<Vec<_>>())
        .filter(|fields| fields[0] == section && fields[2] != "0")
        .map(|fields| format!("{} {} = {}", fields[1], fields[2], fields[3]))
        .collect()
}

/// The bank returns two payments: one goes to the account that the register names, at another bank, one
/// is laid out at the pay point and collected there.
async fn what_is_ordered_again_stands_where_it_went(office: TestOffice) {
    office.on_day("2026-09-20");
    office.month("2026-10", &[AN, BINH, CUC]).await;
    let october = office.paid_out("2026-10", Regular).await;
    let mut back = Vec::new();
    for one in ["E1", "E2"] {
        back.push(office.said(&october, one, 1, "Hoàn trả", "Tài khoản đã đóng").await);
    }
    office.sheet(&back).await.unwrap();
    assert_eq!(
        told(&office, &october, "payables_by_provider").await,
        ["sheetbank/returned 2 = 1000000", "wallet/pending 1 = 500000"]
    );

    let again = office.engine.reissue(&office.now(&october).await).await.unwrap();
    assert_eq!(again.ordered, 2, "{:?}", again.waiting);
    office.sent(&october, 1).await;
    let collected = office.said(&october, "E2", 2, "Đã chi", "").await;
    office.paypoint(&[collected]).await.unwrap();
    office.check(&october, "entitled 3", "pending 2 = 1000000, paid 1 = 500000").await;
    assert_eq!(
        told(&office, &october, "payables_by_channel").await,
        ["bank/pending 1 = 500000", "cash/paid 1 = 500000", "ewallet/pending 1 = 500000"]
    );
    assert_eq!(
        told(&office, &october, "payables_by_provider").await,
        ["isobank/pending 1 = 500000", "paypoint/paid 1 = 500000", "wallet/pending 1 = 500000"]
    );
    assert_eq!(
        told(&office, &october, "payables").await,
        ["total 3 = 1500000", "pending 2 = 1000000", "paid 1 = 500000"]
    );
    office.ends_whole().await;
}

/// A file that was taken back before it left is shown apart; the files add up to what was ordered, and the
/// orders are told by partner, each kind once.
async fn what_was_taken_back_is_no_payout_file(office: TestOffice) {
    office.on_day("2026-09-20");
    office.month("2026-10", &[AN, BINH, CUC]).await;
    let october = office.sealed("2026-10", Regular).await;
    office.released(&october, 0).await;
    let files = office.engine.store.batches(october.number).await.unwrap();
    let sheet = files.iter().find(|one| one.provider == "sheetbank").unwrap();
    let wallet = files.iter().find(|one| one.provider == "wallet").unwrap();
    let now = office.now(&october).await;
    office.engine.withdraw(&now, &sheet.file_name, MAKER, &key(MAKER)).await.unwrap();
    let of_file =
        |batch: &Batch, minor: i64| format!("{} {} = {minor}", batch.file_name, batch.count);
    assert_eq!(told(&office, &october, "file").await, [of_file(wallet, 500_000)]);
    assert_eq!(told(&office, &october, "withdrawn_file").await, [of_file(sheet, 1_000_000)]);
    assert_eq!(
        told(&office, &october, "orders").await,
        ["sheetbank/cancelled/none 2 = 1000000", "wallet/in_batch/none 1 = 500000"]
    );
    let report = office.engine.cycle_report_write(&now).await.unwrap();
    let html = std::fs::read_to_string(report.html).unwrap();
    let (files, after) = html.split_once("Files taken back before they left").unwrap();
    assert!(files.contains(&wallet.file_name) && after.contains(&sheet.file_name));
    office.ends_whole().await;
}
