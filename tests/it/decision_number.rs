//! A row that names no decision is not paid before an officer has seen the decision. Told on both
//! databases.

use chitra::domain::cycle::CycleKind::Regular;
use chitra::domain::exception::Decision;
use chitra::domain::hold::HoldCode;

use crate::support::office::{MAKER, TestOffice, deciding, key, on_both_databases, run};
use crate::support::real_parts::RealPart;

on_both_databases! { run, RealPart::Postgres;
    who_stands_on_no_decision_waits_for_an_officer
}

const AN: &str = "E1 | 001044000101 | Nguyễn Văn An | 1944-03-14 | male | social_pension/monthly | monthly_pension=0 | bank 970405 0711000001 | decision_no=";
const BINH: &str = "E2 | 001145000102 | Trần Thị Bình | 1945-07-02 | female | social_pension/monthly | monthly_pension=0 | bank 970405 0711000002";
const CUC: &str = "E3 | 001145000103 | Lê Thị Cúc | 1945-08-02 | female | social_assistance/k6 | disability_level=severe | cash BD01 x | decision_no= | register.full_name=Đặng Quốc Khánh";

async fn who_stands_on_no_decision_waits_for_an_officer(office: TestOffice) {
    office.on_day("2026-09-20");
    office.month("2026-10", &[AN, BINH, CUC]).await;
    let october = office.opened("2026-10", Regular).await;
    let october = office.computed(&october).await;
    office.check(&october, "held 2, entitled 1", "pending 1 = 500000").await;

    // Who the person is comes first; a row has one hold at a time.
    let (_, held) = office.engine.holds(&october, None, 9).await.unwrap();
    let mut codes: Vec<&str> = held.iter().map(|one| one.exception.code.as_str()).collect();
    codes.sort_unstable();
    assert_eq!(codes, ["H102", "H157"]);

    let told = office.engine.explain(&october, office.person("E1").await).await.unwrap();
    let entry = HoldCode::DecisionNumberMissing.entry();
    assert_eq!((told.rows[0].code.as_str(), told.rows[0].lines.len()), ("H157", 0));
    assert_eq!(told.rows[0].law, (entry.vi.to_owned(), entry.en.to_owned()));

    // An officer has the paper in hand.
    let one = held.iter().find(|one| one.exception.code == "H157").unwrap();
    let said = deciding(Decision::Release);
    let decided =
        office.engine.hold_decide(&october, &one.name(), said, MAKER, &key(MAKER)).await.unwrap();
    assert!(!decided.resolution.waits_for_another());
    office.engine.recompute(&office.now(&october).await).await.unwrap();
    let october = office.computed(&office.now(&october).await).await;
    office.check(&october, "held 1, entitled 2", "pending 2 = 1000000").await;

    // The release of the name does not release the missing decision.
    office.release_holds(&october, "H102").await;
    office.engine.recompute(&office.now(&october).await).await.unwrap();
    let october = office.computed(&office.now(&october).await).await;
    let (_, held) = office.engine.holds(&october, None, 9).await.unwrap();
    assert_eq!(held[0].exception.code, "H157");
    office.check(&october, "held 1, entitled 2", "pending 2 = 1000000").await;
    office.ends_whole().await;
}
