//! Cash that nobody collects is carried from list to list; the third time a suspension is proposed. On both
//! databases.

use chitra::domain::cycle::Cycle;
use chitra::domain::cycle::CycleKind::Regular;

use crate::support::office::{TestOffice, on_both_databases, run};
use crate::support::real_parts::RealPart;

on_both_databases! { run, RealPart::Postgres;
    three_months_uncollected_propose_a_suspension
    a_month_that_was_collected_begins_the_count_anew
}

const AN: &str = "E1 | 001044000101 | Nguyễn Văn An | 1944-03-14 | male | social_pension/monthly | monthly_pension=0 | cash";

/// Pays a month out in cash and takes in what the pay point reports.
async fn laid_out(office: &TestOffice, month: &str, status: &str, reason: &str) -> Cycle {
    office.month(month, &[AN]).await;
    let cycle = office.paid_out(month, Regular).await;
    let said = office.said(&cycle, "E1", 1, status, reason).await;
    office.paypoint(&[said]).await.unwrap();
    office.closed(&cycle).await
}

async fn three_months_uncollected_propose_a_suspension(office: TestOffice) {
    office.on_day("2026-09-20");
    for (month, owed) in [("2026-10", 500_000), ("2026-11", 1_000_000), ("2026-12", 1_500_000)] {
        let cycle = laid_out(&office, month, "Chưa chi", "Không đến nhận").await;
        office.check(&cycle, "entitled 1", &format!("rejected 1 = {owed}")).await;
        assert!(office.engine.suspensions_proposed().await.unwrap().is_empty(), "{month}");
    }
    office.month("2027-01", &[AN]).await;
    let january = office.opened("2027-01", Regular).await;
    let january = office.computed(&january).await;
    office.check(&january, "entitled 1", "held 1 = 2000000").await;
    let proposed = office.engine.suspensions_proposed().await.unwrap();
    let told: Vec<(String, &str)> = proposed
        .iter()
        .map(|(cycle, held)| (cycle.label(), held.exception.code.as_str()))
        .collect();
    assert_eq!(told, [("2027-01".to_owned(), "H152")]);

    // An officer has seen her: the money of four months is laid out once more.
    office.release_holds(&january, "H152").await;
    office.engine.recompute(&office.now(&january).await).await.unwrap();
    office.computed(&january).await;
    office.check(&january, "entitled 1", "pending 1 = 2000000").await;
    office.ends_whole().await;
}

async fn a_month_that_was_collected_begins_the_count_anew(office: TestOffice) {
    office.on_day("2026-09-20");
    laid_out(&office, "2026-10", "Chưa chi", "Không đến nhận").await;
    laid_out(&office, "2026-11", "Chưa chi", "").await;
    let december = laid_out(&office, "2026-12", "Đã chi", "").await;
    office.check(&december, "entitled 1", "paid 1 = 1500000").await;
    laid_out(&office, "2027-01", "Chưa chi", "").await;
    office.month("2027-02", &[AN]).await;
    let february = office.sealed("2027-02", Regular).await;
    office.check(&february, "entitled 1", "pending 1 = 1000000").await;
    assert!(office.engine.suspensions_proposed().await.unwrap().is_empty());
    office.ends_whole().await;
}
