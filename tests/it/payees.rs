//! Who receives for another: looked up in the register like who is entitled, and named on lists beside them. Told on
//! both databases.

use chitra::domain::cycle::Cycle;
use chitra::domain::cycle::CycleKind::Regular;
use chitra::domain::exception::Decision;
use chitra::domain::ids::ListNo;

use crate::cash::reported;

use crate::support::office::{
    APPROVERS, MAKER, TestOffice, deciding, key, on_both_databases, period, refused, register_of,
    roster_of, run,
};
use crate::support::real_parts::RealPart;

on_both_databases! { run, RealPart::Postgres;
    a_payee_who_is_gone_by_the_register_is_not_paid
    that_the_payee_is_gone_is_released_by_itself
    a_list_of_cash_shows_who_is_entitled_and_who_collects
}

const AN: &str = "E1 | 001044000101 | Nguyễn Văn An | 1944-03-14 | male | social_pension/monthly | monthly_pension=0 | bank 970405 0711000001";
const DAY: &str = "2026-09-20";

/// Somebody who is entitled, and for whom another receives.
fn row(number: u32, payee: &str) -> String {
    AN.replace("E1", &format!("E{number}"))
        .replace("001044000101", &format!("00104400010{number}"))
        .replace("0711000001", &format!("071100000{number}"))
        + payee
}

fn receives(id: &str, name: &str) -> String {
    format!(" | payee_name={name} | payee_national_id={id} | payee_relation=guardian")
}

/// What the register has of somebody who is on no roster.
fn recorded(id: &str, name: &str, more: &str) -> String {
    format!("P | {id} | {name} | 1980-05-05 | male | social_pension/monthly |  | cash{more}")
}

async fn month_with(office: &TestOffice, month: &str, roster: &[String], others: &[String]) {
    let everyone: Vec<&str> = roster.iter().chain(others).map(String::as_str).collect();
    let file = office.written("register.csv", register_of(&everyone).as_bytes());
    office.engine.identity_import(&file, period(month), MAKER, &key(MAKER)).await.unwrap();
    let roster: Vec<&str> = roster.iter().map(String::as_str).collect();
    let file = office.written("roster.csv", roster_of(&roster).as_bytes());
    office.engine.roster_import(&file, period(month), MAKER, &key(MAKER)).await.unwrap();
}

async fn held(office: &TestOffice, cycle: &Cycle) -> Vec<String> {
    let held = office.engine.store.held(cycle.number).await.unwrap();
    let mut codes: Vec<String> = held.into_iter().map(|one| one.code).collect();
    codes.sort();
    codes
}

async fn a_payee_who_is_gone_by_the_register_is_not_paid(office: TestOffice) {
    office.on_day(DAY);
    let dead = " | register.vital_status=deceased | register.date_of_death=2026-08-01";
    let roster = [
        row(1, &receives("001080000901", "Nguyễn Văn Con")),
        row(2, &receives("001080000902", "Lê Văn Cháu")),
        // The name is another's: one factor alone is no death.
        row(3, &receives("001080000903", "Phạm Văn Khác")),
        row(4, &receives("001080000904", "Trần Văn Sống")),
        // Under the id that the register has as the one before.
        row(5, &receives("001080000905", "Vũ Văn Cũ")),
    ];
    let others = [
        recorded("001080000901", "Nguyễn Văn Con", dead),
        recorded("001080000902", "Lê Văn Cháu", " | register.vital_status=missing"),
        recorded("001080000903", "Hồ Văn Tám", dead),
        recorded("001080000904", "Trần Văn Sống", ""),
        recorded(
            "001080000915",
            "Vũ Văn Cũ",
            &format!("{dead} | register.previous_national_id=001080000905"),
        ),
    ];
    month_with(&office, "2026-10", &roster, &others).await;
    let cycle = office.opened("2026-10", Regular).await;
    let cycle = office.computed(&cycle).await;
    office.check(&cycle, "entitled 5", "held 3 = 1500000, pending 2 = 1000000").await;
    assert_eq!(held(&office, &cycle).await, ["H161", "H161", "H162"]);

    // One officer alone lets nothing go.
    let engine = &office.engine;
    let (_, holds) = engine.holds(&cycle, Some("H162"), 9).await.unwrap();
    let hold = holds[0].name();
    let said = deciding(Decision::Release);
    engine.hold_decide(&cycle, &hold, said, MAKER, &key(MAKER)).await.unwrap();
    let again = engine.recompute(&cycle).await.unwrap();
    let cycle = office.computed(&again).await;
    assert_eq!(held(&office, &cycle).await, ["H161", "H161", "H162"]);
    let (_, holds) = engine.holds(&cycle, Some("H162"), 9).await.unwrap();
    let (hold, minh) = (holds[0].name(), APPROVERS[0]);
    refused(engine.hold_confirm(&cycle, &hold, MAKER, &key(MAKER)).await, "A111");
    engine.hold_confirm(&cycle, &hold, minh, &key(minh)).await.unwrap();
    let again = engine.recompute(&cycle).await.unwrap();
    let cycle = office.computed(&again).await;
    office.check(&cycle, "entitled 5", "held 2 = 1000000, pending 3 = 1500000").await;
    assert_eq!(held(&office, &cycle).await, ["H161", "H161"]);
    office.ends_whole().await;
}

/// The name on the account is another's as well: who releases one has not looked at the other.
async fn that_the_payee_is_gone_is_released_by_itself(office: TestOffice) {
    office.on_day(DAY);
    let dead = " | register.vital_status=deceased";
    let payee = receives("001080000901", "Nguyễn Văn Con") + " | account_name=TRAN THI KHAC";
    let roster = [row(1, &payee)];
    month_with(&office, "2026-10", &roster, &[recorded("001080000901", "Nguyễn Văn Con", dead)])
        .await;
    let cycle = office.sealed("2026-10", Regular).await;
    office.released(&cycle, 0).await;
    assert_eq!(held(&office, &cycle).await, ["H144", "H161"]);
    office.release_holds(&cycle, "H144").await;
    let engine = &office.engine;
    assert!(engine.reissue(&office.now(&cycle).await).await.unwrap().list.is_none());
    office.release_holds(&cycle, "H161").await;
    let again = engine.reissue(&office.now(&cycle).await).await.unwrap();
    assert_eq!((again.ordered, again.ordered_minor), (1, 500_000));
    office.ends_whole().await;
}

async fn a_list_of_cash_shows_who_is_entitled_and_who_collects(office: TestOffice) {
    office.on_day(DAY);
    let cash = |number: u32, payee: &str| {
        let line = row(number, payee);
        let (before, after) = line.split_once("| bank 970405 071100000").unwrap();
        format!("{before}| cash{}", &after[1..])
    };
    let carer = receives("001080000901", "Lê Văn Đúng");
    let roster = [
        cash(1, " | account_name=TRAN VAN CHU TAI KHOAN CU"),
        cash(2, &format!("{carer} | account_name=PHAM VAN CON"))
            .replace("Nguyễn Văn An", "Trần Văn Bình"),
        cash(3, &carer).replace("Nguyễn Văn An", "Hồ Văn Chi"),
    ];
    month_with(&office, "2026-10", &roster, &[]).await;
    let cycle = office.paid_out("2026-10", Regular).await;
    let mut list = String::new();
    for file in std::fs::read_dir(office.dir.join("paypoint").join("inbox")).unwrap() {
        list += &std::fs::read_to_string(file.unwrap().path()).unwrap();
    }
    for line in [
        ",Nguyen Van An,001044000101,,",
        r#",Tran Van Binh,001044000102,"Le Van Dung, 001080000901","#,
        r#",Ho Van Chi,001044000103,"Le Van Dung, 001080000901","#,
    ] {
        assert!(
            list.contains(line),
            "`{line}` is missing in:
{list}"
        );
    }
    assert!(!list.contains("TAI KHOAN") && !list.contains("PHAM VAN CON"), "{list}");
    let sheet = office.engine.pay_sheet(&cycle, ListNo(0)).await.unwrap();
    let told: Vec<String> = sheet.points[0]
        .lines
        .iter()
        .map(|line| format!("{} {}: {}", line.name, line.national_id, line.collector))
        .collect();
    assert_eq!(
        told,
        [
            "Hồ Văn Chi 001044000103: Lê Văn Đúng, 001080000901",
            "Nguyễn Văn An 001044000101: ",
            "Trần Văn Bình 001044000102: Lê Văn Đúng, 001080000901",
        ]
    );

    // A report may name who is entitled, or who collected; nobody else.
    let reference =
        async |enrolment: &str| office.said(&cycle, enrolment, 1, "", "").await.reference;
    let (binh, chi) = (reference("E2").await, reference("E3").await);
    reported(&office, &binh, "Tran Van Binh", "001044000102").await;
    reported(&office, &chi, "Pham Van Con", "001080000999").await;
    office.check(&cycle, "entitled 3", "pending 2 = 1000000, paid 1 = 500000").await;
    assert_eq!(office.discrepancies().await, ["account_differs"]);
    reported(&office, &chi, "Le Van Dung", "001080000901").await;
    office.check(&cycle, "entitled 3", "pending 1 = 500000, paid 2 = 1000000").await;
    office.ends_whole().await;
}
