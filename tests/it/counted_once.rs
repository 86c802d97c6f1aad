//! People, each once: what of somebody with several rows is counted. On both databases.

use std::collections::BTreeMap;

use chitra::domain::cycle::Cycle;
use chitra::domain::cycle::CycleKind::{Regular, Supplementary};

use crate::support::office::{TestOffice, on_both_databases, run};
use crate::support::real_parts::RealPart;

on_both_databases! { run, RealPart::Postgres;
    who_is_paid_for_one_row_is_not_counted_by_another
}

const AN: &str = "001075000101 | Nguyễn Văn An | 1975-03-14 | male";
const BINH: &str = "001175000102 | Trần Thị Bình | 1975-07-02 | female";
const CHI: &str = "001175000103 | Lê Thị Chi | 1975-07-09 | female";

const DUNG: &str = "001075000104 | Phạm Văn Dũng | 1975-07-11 | male";

/// A decision as severely disabled (`k6`), or as somebody with HIV in a poor household (`k8`), which is less.
fn decision(enrolment: &str, who: &str, benefit: &str, account: u32) -> String {
    let facts = if benefit == "k6" { "disability_level=especially_severe" } else { "" };
    format!(
        "{enrolment} | {who} | social_assistance/{benefit} | {facts} | bank 970405 07110000{account:02}"
    )
}

async fn people(office: &TestOffice, cycle: &Cycle, of: &[(&'static str, i64)]) {
    let figures = office.figures(cycle).await;
    let expected: BTreeMap<&str, i64> = of.iter().copied().collect();
    assert_eq!(figures.people, expected, "people of {}", cycle.label());
    assert!(figures.balanced(), "{:?}", figures.identities);
}

/// An has two decisions, of which the law pays one; one of Bình's has ended, and Chi's only one; one of
/// Dũng's names no decision and is held, which nothing that is paid hides.
async fn who_is_paid_for_one_row_is_not_counted_by_another(office: TestOffice) {
    office.on_day("2026-09-20");
    let rows = [
        decision("E1", AN, "k6", 1),
        decision("E2", AN, "k8", 1),
        decision("E3", BINH, "k6", 2),
        format!("{} | status=ceased", decision("E4", BINH, "k8", 2)),
        format!("{} | status=ceased", decision("E5", CHI, "k6", 3)),
        decision("E6", DUNG, "k6", 4),
        format!("{} | decision_no=", decision("E7", DUNG, "k8", 4)),
    ];
    let rows: Vec<&str> = rows.iter().map(String::as_str).collect();
    office.month("2026-10", &rows).await;
    let october = office.paid_out("2026-10", Regular).await;
    let all = "ceased 2, held 1, nil 1, entitled 3";
    office.check(&october, all, "pending 3 = 3000000").await;
    people(&office, &october, &[("pending", 2), ("held", 1), ("ceased", 1)]).await;
    let mut paid = Vec::new();
    for enrolment in ["E1", "E3", "E6"] {
        paid.push(office.said(&october, enrolment, 1, "Thành công", "").await);
    }
    office.sheet(&paid).await.unwrap();
    people(&office, &october, &[("paid", 2), ("held", 1), ("ceased", 1)]).await;

    // A list that finds nothing new: they are entitled, and paid elsewhere.
    let late = office.paid_out("2026-10", Supplementary).await;
    people(&office, &late, &[("nothing_new", 2), ("held", 1), ("ceased", 1)]).await;
    office.ends_whole().await;
}
