//! The ends of a cycle that are easily forgotten: one in which nothing is to be paid, and one whose
//! partners fall silent. Each told on both databases.

use chitra::domain::cycle::CycleKind::Regular;
use chitra::domain::cycle::{Cycle, CycleState};
use chitra::domain::ids::ListNo;

use crate::support::office::{
    MAKER, TestOffice, key, on_both_databases, period, refused, roster_of, run,
};
use crate::support::real_parts::RealPart;

on_both_databases! { run, RealPart::Postgres;
    a_month_in_which_nothing_is_paid_closes
    a_month_whose_rows_are_all_refused_closes
    what_is_released_after_an_empty_list_is_paid
    closing_ages_what_nobody_answered
    an_answer_beside_the_closing_is_counted_or_refuses_it
}

const AN: &str = "E1 | 001044000101 | Nguyễn Văn An | 1944-03-14 | male | social_pension/monthly | monthly_pension=0 | bank 970405 0711000001";
const BINH: &str = "E2 | 001145000102 | Trần Thị Bình | 1945-07-02 | female | social_pension/monthly | monthly_pension=0 | bank 970405 0711000002";
const DAY: &str = "2026-09-20";

/// Approves, releases and closes a cycle without files, and reads every report of it.
async fn closes_without_files(office: &TestOffice, cycle: &Cycle) {
    let engine = &office.engine;
    assert!(engine.store.batches(cycle.number).await.unwrap().is_empty());
    refused(engine.close(&office.now(cycle).await, MAKER, &key(MAKER)).await, "C100");
    office.sent(cycle, 0).await;
    assert_eq!(office.now(cycle).await.state, CycleState::Settling);
    assert!(engine.dispatch(None).await.unwrap().is_empty());
    assert!(engine.collect_all().await.unwrap().is_empty());
    let closed = office.closed(cycle).await;
    assert_eq!(closed.state, CycleState::Closed);
    let written = engine.cycle_report_write(&closed).await.unwrap();
    assert!(std::fs::read_to_string(written.html).unwrap().contains("</html>"));
    assert!(std::fs::metadata(written.csv).unwrap().len() > 0);
    let told = office.figures(cycle).await.to_json();
    assert_eq!(told["balanced"], true);
    assert_eq!(told["hinders_closing"], serde_json::json!([]));
    assert_eq!(told["files"], serde_json::json!([]));
}

async fn a_month_in_which_nothing_is_paid_closes(office: TestOffice) {
    office.on_day(DAY);
    let other_name = format!("{AN} | register.full_name=Đặng Quốc Khánh");
    let well_off = BINH.replace("monthly_pension=0", "monthly_pension=9000000");
    let bad = BINH.replace("E2", "E3").replace("1945-07-02", "2.7.45");
    let stopped = BINH.replace("E2", "E4").replace("001145000102", "001145000104");
    let stopped = format!("{stopped} | status=ceased");
    let people = [other_name.as_str(), &well_off, &stopped];
    office.month("2026-10", &people).await;
    let roster = roster_of(&[&other_name, &well_off, &stopped, &bad]);
    let roster = office.written("roster.csv", roster.as_bytes());
    let month = period("2026-10");
    office.engine.roster_import(&roster, month, MAKER, &key(MAKER)).await.unwrap();
    let cycle = office.sealed("2026-10", Regular).await;
    let list = office.engine.payment_list(&cycle, ListNo(0)).await.unwrap();
    assert!(list.body.contains("\"count\":0"), "{}", list.body);
    closes_without_files(&office, &cycle).await;
    office.check(&cycle, "refused 1, ceased 1, held 1, nil 1", "").await;

    // The next month pays as ever.
    office.month("2026-11", &[AN, BINH]).await;
    let november = office.paid_out("2026-11", Regular).await;
    assert_eq!(office.now(&november).await.state, CycleState::Settling);
    office.ends_whole().await;
}

async fn a_month_whose_rows_are_all_refused_closes(office: TestOffice) {
    office.on_day(DAY);
    office.month("2026-10", &[BINH]).await;
    let bad = AN.replace("1944-03-14", "14.3.44");
    let roster = roster_of(&[&bad]);
    let roster = office.written("roster.csv", roster.as_bytes());
    let month = period("2026-10");
    let report = office.engine.roster_import(&roster, month, MAKER, &key(MAKER)).await.unwrap();
    assert_eq!((report.import.rows, report.import.refused), (1, 1));
    let cycle = office.sealed("2026-10", Regular).await;
    closes_without_files(&office, &cycle).await;
    office.check(&cycle, "refused 1", "").await;
    office.ends_whole().await;
}

/// Every payable is held when the month is sealed; a lifted hold is paid by a list of its own.
async fn what_is_released_after_an_empty_list_is_paid(office: TestOffice) {
    office.on_day(DAY);
    let shared: Vec<String> = (1..=4)
        .map(|at| {
            let one = BINH.replace("E2", &format!("S{at}"));
            one.replace("001145000102", &format!("00114500020{at}"))
        })
        .collect();
    let people: Vec<&str> = shared.iter().map(String::as_str).collect();
    office.month("2026-10", &people).await;
    let cycle = office.sealed("2026-10", Regular).await;
    office.check(&cycle, "entitled 4", "held 4 = 2000000").await;
    office.sent(&cycle, 0).await;
    assert!(office.engine.reissue(&office.now(&cycle).await).await.unwrap().list.is_none());
    office.release_holds(&cycle, "H121").await;
    let again = office.engine.reissue(&office.now(&cycle).await).await.unwrap();
    assert_eq!((again.ordered, again.ordered_minor), (4, 2_000_000));
    refused(office.engine.close(&office.now(&cycle).await, MAKER, &key(MAKER)).await, "C140");
    office.sent(&cycle, 1).await;
    let mut said = Vec::new();
    for enrolment in ["S1", "S2", "S3", "S4"] {
        said.push(office.said(&cycle, enrolment, 1, "Thành công", "").await);
    }
    office.sheet(&said).await.unwrap();
    office.closed(&cycle).await;
    office.check(&cycle, "entitled 4", "paid 4 = 2000000").await;
    office.ends_whole().await;
}

/// The bank of the tests answers within 25 days.
async fn closing_ages_what_nobody_answered(office: TestOffice) {
    office.on_day(DAY);
    office.month("2026-10", &[AN, BINH]).await;
    let cycle = office.paid_out("2026-10", Regular).await;
    let an = office.said(&cycle, "E1", 1, "Thành công", "").await;
    office.sheet(&[an]).await.unwrap();

    // On the last day it is pending, and hinders.
    office.on_day("2026-10-15");
    let told = office.figures(&cycle).await.to_json();
    assert_eq!(told["overdue"], serde_json::json!({ "count": 0, "minor": "0" }));
    assert_eq!(told["hinders_closing"].as_array().unwrap().len(), 1, "{told}");
    refused(office.engine.close(&office.now(&cycle).await, MAKER, &key(MAKER)).await, "C140");
    assert_eq!(office.attempts(&cycle, "E2").await, "1 in_batch");

    // A day later the status says that it is overdue, changes nothing, and nothing hinders.
    office.on_day("2026-10-16");
    let told = office.figures(&cycle).await.to_json();
    assert_eq!(told["overdue"], serde_json::json!({ "count": 1, "minor": "500000" }));
    assert_eq!(told["payables"]["pending"], 1);
    assert_eq!(told["hinders_closing"], serde_json::json!([]));
    assert_eq!(office.attempts(&cycle, "E2").await, "1 in_batch");

    office.closed(&cycle).await;
    office.check(&cycle, "entitled 2", "unknown 1 = 500000, paid 1 = 500000").await;
    let told = office.figures(&cycle).await.to_json();
    assert_eq!(told["suspense"], serde_json::json!({ "count": 1, "minor": "500000" }));
    assert_eq!(told["overdue"], serde_json::json!({ "count": 0, "minor": "0" }));
    // Later evidence settles it.
    let binh = office.said(&cycle, "E2", 1, "Thành công", "").await;
    office.sheet(&[binh]).await.unwrap();
    office.check(&cycle, "entitled 2", "paid 2 = 1000000").await;
    office.ends_whole().await;
}

/// Both are unknown; while the cycle is closed, the bank says that one is still in process. Whoever comes first, no cycle
/// is closed with money that is pending.
async fn an_answer_beside_the_closing_is_counted_or_refuses_it(office: TestOffice) {
    office.on_day(DAY);
    office.month("2026-10", &[AN, BINH]).await;
    let cycle = office.paid_out("2026-10", Regular).await;
    office.on_day("2026-10-16");
    office.engine.collect_all().await.unwrap();
    office.check(&cycle, "entitled 2", "unknown 2 = 1000000").await;
    let now = office.now(&cycle).await;
    let moves = office.engine.store.cycle_moves(cycle.number).await.unwrap();
    let said = [office.said(&cycle, "E1", 1, "Đang xử lý", "").await];
    let (by, engine) = (key(MAKER), &office.engine);
    let (taken, closed) = tokio::join!(office.sheet(&said), engine.close(&now, MAKER, &by));
    assert_eq!(taken.unwrap().items, 1);
    let expected = match closed {
        Ok(closed) => {
            assert_eq!(closed.state, CycleState::Closed);
            "unknown 2 = 1000000"
        }
        Err(error) => {
            assert!(["C140", "C141"].contains(&error.code()), "{error}");
            "pending 1 = 500000, unknown 1 = 500000"
        }
    };
    office.check(&cycle, "entitled 2", expected).await;
    assert!(engine.store.cycle_moves(cycle.number).await.unwrap() > moves);
    office.ends_whole().await;
}
