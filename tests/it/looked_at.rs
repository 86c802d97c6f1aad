//! A release of a hold is about what the officer saw: whoever comes under the same enrolment later, or is told
//! otherwise by the register, is looked at anew. Told on both databases.

use chitra::domain::cycle::Cycle;
use chitra::domain::cycle::CycleKind::Regular;
use chitra::domain::exception::Decision;
use chitra::engine::hold::Deciding;

use crate::explaining::asked;
use crate::support::office::{
    APPROVERS, MAKER, TestOffice, deciding, key, on_both_databases, period, refused, run,
};
use crate::support::real_parts::RealPart;

on_both_databases! { run, RealPart::Postgres;
    a_release_counts_while_what_was_seen_stands_there
    a_register_that_is_mended_is_looked_at_anew
    what_one_proposed_is_not_confirmed_for_another_person
    what_an_earlier_program_released_is_looked_at_anew
    a_decision_that_counts_no_more_is_told
}

const AN: &str = "E1 | 001044000101 | Nguyễn Văn An | 1944-03-14 | male | social_pension/monthly | monthly_pension=0 | bank 970405 0711000001 | register.national_id=001044000901";
const BINH: &str = "E2 | 001145000102 | Trần Thị Bình | 1945-07-02 | female | social_pension/monthly | monthly_pension=0 | bank 970405 0711000002 | register.full_name=Đặng Quốc Khánh";
const CHI: &str = "E3 | 001046000104 | Lê Văn Chi | 1946-01-05 | male | social_pension/monthly | monthly_pension=0 | bank 970405 0711000003 | register.date_of_birth=1946-09-28";
const DUNG: &str = "E4 | 001145000105 | Phạm Thị Dung | 1945-02-02 | female | social_pension/monthly | monthly_pension=0 | bank 970405 0711000004 | decision_no=";
const DAY: &str = "2026-09-20";

/// Everything that is held, with its code, and whether the last decision was about other values.
async fn held(office: &TestOffice, cycle: &Cycle) -> Vec<String> {
    let (_, held) = office.engine.holds(&office.now(cycle).await, None, 99).await.unwrap();
    let told = |other: bool| if other { "other values" } else { "nothing decided" };
    let mut all: Vec<String> = held
        .iter()
        .map(|one| {
            assert_eq!(one.decided.is_some(), one.is_about_others);
            format!("{} {}", one.exception.code, told(one.is_about_others))
        })
        .collect();
    all.sort();
    all
}

/// An officer releases all that is held for months to come.
async fn release_all(office: &TestOffice, cycle: &Cycle) -> Cycle {
    let now = office.now(cycle).await;
    let (_, held) = office.engine.holds(&now, None, 99).await.unwrap();
    for one in held {
        let valid_to = Some(period("2027-12"));
        let said = Deciding { valid_to, ..deciding(Decision::Release) };
        office.engine.hold_decide(&now, &one.name(), said, MAKER, &key(MAKER)).await.unwrap();
    }
    let again = office.engine.recompute(&now).await.unwrap();
    office.computed(&again).await
}

/// Computes a month, gives it up and goes on: what was decided stays.
async fn computed(office: &TestOffice, month: &str, people: &[&str]) -> Cycle {
    office.month(month, people).await;
    let cycle = office.opened(month, Regular).await;
    office.computed(&cycle).await
}

async fn a_release_counts_while_what_was_seen_stands_there(office: TestOffice) {
    office.on_day(DAY);
    let october = computed(&office, "2026-10", &[AN, BINH, CHI, DUNG]).await;
    let nothing = ["H101", "H102", "H103", "H157"].map(|code| format!("{code} nothing decided"));
    assert_eq!(held(&office, &october).await, nothing);
    let october = release_all(&office, &october).await;
    office.check(&october, "entitled 4", "pending 4 = 2000000").await;
    let october = office.engine.seal(&october).await.unwrap();
    office.sent(&october, 0).await;

    // Another account is no other person; that it is new is a question of its own (H141).
    let moved = AN.replace("0711000001", "0711000009");
    let november = computed(&office, "2026-11", &[&moved, BINH, CHI, DUNG]).await;
    office.check(&november, "entitled 4", "held 1 = 500000, pending 3 = 1500000").await;

    // Under the same enrolments: another id and name, another name, another birth, another decision.
    let an = AN.replace("001044000101", "001044000999").replace("Nguyễn Văn An", "Hồ Văn Tám");
    let binh = BINH.replace("Trần Thị Bình", "Vũ Thị Mai Lan");
    let chi = CHI.replace("| 1946-01-05", "| 1936-05-21");
    let dung = format!("{DUNG} | decision_date=2025-08-06");
    let december = computed(&office, "2026-12", &[&an, &binh, &chi, &dung]).await;
    office.check(&december, "held 4", "").await;
    let others = ["H101", "H102", "H103", "H157"].map(|code| format!("{code} other values"));
    assert_eq!(held(&office, &december).await, others);
    let (page, json) = asked(&office, "E2", "2026-12");
    assert!(page.contains("That decision was about other values"), "{page}");
    assert!(page.contains("No decision about it counts here"), "{page}");
    assert_eq!(json["rows"][0]["holds"][0]["decisions"][0]["counts"], false, "{json}");
    // What was decided then is told as it was.
    let (page, _) = asked(&office, "E2", "2026-10");
    assert!(page.contains("Because of this decision the row was worked out"), "{page}");

    let december = release_all(&office, &december).await;
    office.check(&december, "entitled 4", "pending 4 = 2000000").await;
    let (page, _) = asked(&office, "E1", "2026-10");
    assert!(page.contains("Because of this decision the row was worked out"), "{page}");
    office.ends_whole().await;
}

async fn a_register_that_is_mended_is_looked_at_anew(office: TestOffice) {
    office.on_day(DAY);
    let october = computed(&office, "2026-10", &[BINH]).await;
    let october = release_all(&office, &october).await;
    office.check(&october, "entitled 1", "pending 1 = 500000").await;
    let other = BINH.replace("Đặng Quốc Khánh", "Ngô Bá Khá");
    let november = computed(&office, "2026-11", &[&other]).await;
    assert_eq!(held(&office, &november).await, ["H102 other values"]);
    office.ends_whole().await;
}

async fn what_one_proposed_is_not_confirmed_for_another_person(office: TestOffice) {
    office.on_day(DAY);
    let dead = |name: &str| {
        format!(
            "E1 | 001044000101 | {name} | 1944-03-14 | male | social_pension/monthly | monthly_pension=0 | bank 970405 0711000001 | register.vital_status=deceased | register.date_of_death=2026-03-01"
        )
    };
    let october = computed(&office, "2026-10", &[&dead("Nguyễn Văn An")]).await;
    let engine = &office.engine;
    let (_, waiting) = engine.holds(&october, Some("H110"), 9).await.unwrap();
    let valid_to = Some(period("2027-12"));
    let said = Deciding { valid_to, ..deciding(Decision::Release) };
    engine.hold_decide(&october, &waiting[0].name(), said, MAKER, &key(MAKER)).await.unwrap();

    let november = computed(&office, "2026-11", &[&dead("Nguyễn Văn Ân")]).await;
    let (_, waiting) = engine.holds(&november, Some("H110"), 9).await.unwrap();
    let hold = waiting[0].name();
    let second = APPROVERS[0];
    let told = refused(engine.hold_confirm(&november, &hold, second, &key(second)).await, "H163");
    assert!(told.contains("chitra hold resolve 2026-11"), "{told}");
    // It stands in nobody's way.
    let said = deciding(Decision::Release);
    engine.hold_decide(&november, &hold, said, MAKER, &key(MAKER)).await.unwrap();
    engine.hold_confirm(&november, &hold, second, &key(second)).await.unwrap();
    office.ends_whole().await;
}

async fn what_an_earlier_program_released_is_looked_at_anew(office: TestOffice) {
    office.on_day(DAY);
    let october = computed(&office, "2026-10", &[BINH]).await;
    let october = release_all(&office, &october).await;
    office.tamper("update resolution set seen = null", vec![]).await;
    let again = office.engine.recompute(&october).await.unwrap();
    let october = office.computed(&again).await;
    assert_eq!(held(&office, &october).await, ["H102 other values"]);
    // Here the log says what was seen, and the row no longer does.
    office.ends_tampered_with("V207").await;
}

async fn a_decision_that_counts_no_more_is_told(office: TestOffice) {
    office.on_day(DAY);
    let october = computed(&office, "2026-10", &[BINH]).await;
    office.release_holds(&october, "H102").await;
    let november = computed(&office, "2026-11", &[BINH]).await;
    office.check(&november, "held 1", "").await;
    let (page, json) = asked(&office, "E2", "2026-11");
    for sentence in [
        "lan released it at 2026-09-20",
        "It counts no more in 2026-11.",
        "No decision about it counts here; who may release it:",
    ] {
        assert!(page.contains(sentence), "`{sentence}` is missing in:\n{page}");
    }
    let decisions = &json["rows"][0]["holds"][0]["decisions"];
    assert_eq!(
        (decisions[0]["counts"].as_bool(), decisions.as_array().unwrap().len()),
        (Some(false), 1)
    );
    office.ends_whole().await;
}
