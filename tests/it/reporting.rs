//! The cycle report tells of money where it went, not where it was first meant to go. Told on both
//! databases.

use chitra::domain::cycle::Cycle;
use chitra::domain::cycle::CycleKind::Regular;

use crate::support::office::{TestOffice, on_both_databases, run};
use crate::support::real_parts::RealPart;

on_both_databases! { run, RealPart::Postgres;
    what_is_ordered_again_stands_where_it_went
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
