//! Where one month meets the next: what is carried, what is not, and who is paid because of a decision
//! about somebody else. Each told on both databases.

use chitra::domain::cycle::CycleKind::Regular;
use chitra::domain::exception::Decision;

use crate::support::office::{MAKER, TestOffice, deciding, key, on_both_databases, run};
use crate::support::real_parts::RealPart;

on_both_databases! { run, RealPart::Postgres;
    a_release_is_of_one_person
}

const AN: &str = "E1 | 001044000101 | Nguyễn Văn An | 1944-03-14 | male | social_pension/monthly | monthly_pension=0 | bank 970405 0711000001";
const BINH: &str = "E2 | 001145000102 | Trần Thị Bình | 1945-07-02 | female | social_pension/monthly | monthly_pension=0 | bank 970405 0711000002";

/// The law of September: the pension is 500 000 đồng.
const BEFORE_THE_RAISE: &str = "2026-09-20";

/// Four people are held for one account; an officer releases one of them, and one is paid.
async fn a_release_is_of_one_person(office: TestOffice) {
    office.on_day(BEFORE_THE_RAISE);
    let shared: Vec<String> = (1..=4)
        .map(|at| {
            let one = BINH.replace("E2", &format!("S{at}"));
            one.replace("001145000102", &format!("00114500020{at}"))
        })
        .collect();
    let people: Vec<&str> = shared.iter().map(String::as_str).collect();
    office.month("2026-10", &people).await;
    let october = office.paid_out("2026-10", Regular).await;
    office.check(&october, "entitled 4", "held 4 = 2000000").await;

    let now = office.now(&october).await;
    let (count, held) = office.engine.holds(&now, Some("H121"), 1).await.unwrap();
    assert_eq!(count, 4);
    let said = deciding(Decision::Release);
    office.engine.hold_decide(&now, &held[0].name(), said, MAKER, &key(MAKER)).await.unwrap();
    let (_, held) = office.engine.holds(&now, Some("H121"), 4).await.unwrap();
    assert_eq!(held.iter().filter(|one| one.decided.is_some()).count(), 1);
    let again = office.engine.reissue(&now).await.unwrap();
    assert_eq!((again.ordered, again.ordered_minor), (1, 500_000));
    office.check(&october, "entitled 4", "held 3 = 1500000, pending 1 = 500000").await;
    office.ends_whole().await;
}
