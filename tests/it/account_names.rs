//! The name on an account that is not the payee's: the money is held until an officer has looked. Told on both
//! databases.

use chitra::domain::cycle::CycleKind::Regular;

use crate::support::office::{TestOffice, on_both_databases, run};
use crate::support::real_parts::RealPart;

on_both_databases! { run, RealPart::Postgres;
    an_account_of_another_name_is_held_until_an_officer_has_looked
}

const PAYEE: &str =
    "payee_name=Nguyễn Văn Con | payee_national_id=001080000901 | payee_relation=con";

/// One pensioner with an account of their own, and what else the line says.
fn person(at: u32, name: &str, more: &str) -> String {
    format!(
        "E{at} | 00114400010{at} | {name} | 1944-03-14 | female | social_pension/monthly | monthly_pension=0 | \
         bank 970405 071100000{at} | {more}"
    )
}

async fn an_account_of_another_name_is_held_until_an_officer_has_looked(office: TestOffice) {
    office.on_day("2026-09-20");
    let people = [
        person(1, "Nguyễn Thị An", "account_name=NGUYEN THI AN"),
        person(2, "Trần Thị Bình", "account_name=TRAN T BINH"),
        // The clerk's slip; the bank and the register agree.
        person(3, "Đỗ Thị Cúcc", "account_name=DO THI CUC | register.full_name=Đỗ Thị Cúc"),
        person(4, "Lê Thị Dung", "account_name=PHAM VAN KHOA"),
        person(5, "Lý Thị Em", &format!("account_name=NGUYEN VAN CON | {PAYEE}")),
        // The account is the beneficiary's, and somebody else is to be paid.
        person(6, "Hồ Thị Giang", &format!("account_name=HO THI GIANG | {PAYEE}")),
        person(7, "Vũ Thị Hoa", "account_name="),
    ];
    let people: Vec<&str> = people.iter().map(String::as_str).collect();
    office.month("2026-10", &people).await;
    let october = office.opened("2026-10", Regular).await;
    let october = office.computed(&october).await;
    office.check(&october, "entitled 7", "held 2 = 1000000, pending 5 = 2500000").await;
    let (_, held) = office.engine.holds(&october, None, usize::MAX).await.unwrap();
    let codes: Vec<&str> = held.iter().map(|one| one.exception.code.as_str()).collect();
    assert_eq!(codes, ["H144", "H144"]);

    // An officer has seen the bank's letter.
    office.release_holds(&october, "H144").await;
    let october = office.engine.recompute(&office.now(&october).await).await.unwrap();
    let october = office.computed(&october).await;
    office.check(&october, "entitled 7", "pending 7 = 3500000").await;
    office.ends_whole().await;
}
