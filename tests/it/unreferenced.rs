//! Results that carry no reference of ours: found by account, amount and day when only one order fits, and
//! told to a person when several do. Each told on both databases.

use chitra::domain::cycle::CycleKind::Regular;
use chitra::engine::collect::Collected;

use crate::support::office::{TestOffice, on_both_databases, run};
use crate::support::real_parts::RealPart;

on_both_databases! { run, RealPart::Postgres;
    a_son_who_collects_for_two_parents_is_looked_at_by_a_person
    what_is_said_once_more_without_a_reference_is_not_about_another
    the_only_order_that_fits_is_the_one_that_is_meant
}

const AN: &str = "E1 | 001044000101 | Nguyễn Văn An | 1944-03-14 | male | social_pension/monthly | monthly_pension=0 | bank 970405 0711000009 | payee_name=Nguyễn Văn Con | payee_national_id=001080000901 | payee_relation=con";
const BINH: &str = "E2 | 001145000102 | Trần Thị Bình | 1945-07-02 | female | social_pension/monthly | monthly_pension=0 | bank 970405 0711000009 | payee_name=Nguyễn Văn Con | payee_national_id=001080000901 | payee_relation=con";
const CHI: &str = "E3 | 001145000103 | Lê Thị Chi | 1945-07-03 | female | social_pension/monthly | monthly_pension=0 | bank 970405 0711000003";

/// A result sheet whose remarks say nothing: account, amount, status, day.
async fn sheet(office: &TestOffice, rows: &[(&str, i64, &str, &str)]) -> Collected {
    let mut text =
        "STT,Số tài khoản,Tên người hưởng,Số tiền,Nội dung,Trạng thái,Ghi chú,Số FT,Ngày giao dịch\n".to_owned();
    for (at, (account, minor, status, day)) in rows.iter().enumerate() {
        let at = at + 1;
        text.push_str(&format!(
            "{at},{account},NGUYEN VAN,{minor},TRO CAP,{status},,FT{at},{day}\n"
        ));
    }
    let total: i64 = rows.iter().map(|row| row.1).sum();
    text.push_str(&format!("Tổng cộng,{},,{total},,,,,\n", rows.len()));
    office.answered("sheetbank", "csv", text.as_bytes()).await.unwrap()
}

async fn details(office: &TestOffice) -> Vec<String> {
    let open = office.engine.store.discrepancies().await.unwrap();
    open.into_iter().map(|(_, one)| one.detail).collect()
}

async fn a_son_who_collects_for_two_parents_is_looked_at_by_a_person(office: TestOffice) {
    office.on_day("2026-10-01");
    office.month("2026-10", &[AN, BINH, CHI]).await;
    let cycle = office.paid_out("2026-10", Regular).await;
    office.check(&cycle, "entitled 3", "pending 3 = 1500000").await;
    office.on_day("2026-10-06");
    sheet(&office, &[("0711000009", 500_000, "Thành công", "05/10/2026")]).await;
    office.check(&cycle, "entitled 3", "pending 3 = 1500000").await;
    let told = details(&office).await;
    assert_eq!(told.len(), 1, "{told:?}");
    for parent in ["E1", "E2"] {
        let reference = office.said(&cycle, parent, 1, "", "").await.reference;
        assert!(told[0].contains(&reference), "{told:?}");
    }
    // Nor does it help that the bank names one of them: which of the two it left out is not said.
    let mut an = office.said(&cycle, "E1", 1, "Thành công", "").await;
    an.on = "2026-10-05".to_owned();
    office.sheet(&[an]).await.unwrap();
    office.check(&cycle, "entitled 3", "pending 2 = 1000000, paid 1 = 500000").await;
    office.ends_whole().await;
}

/// The bank tells of one of the two under our reference, and of the same one again without it.
async fn what_is_said_once_more_without_a_reference_is_not_about_another(office: TestOffice) {
    office.on_day("2026-10-01");
    office.month("2026-10", &[AN, BINH]).await;
    let cycle = office.paid_out("2026-10", Regular).await;
    office.on_day("2026-10-06");
    let mut an = office.said(&cycle, "E1", 1, "Thành công", "").await;
    an.on = "2026-10-05".to_owned();
    let (an_reference, binh) = (an.reference.clone(), office.said(&cycle, "E2", 1, "", "").await);
    office.sheet(&[an]).await.unwrap();
    sheet(&office, &[("0711000009", 500_000, "Thành công", "05/10/2026")]).await;
    office.check(&cycle, "entitled 2", "pending 1 = 500000, paid 1 = 500000").await;
    let told = details(&office).await;
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].contains(&an_reference) && told[0].contains(&binh.reference), "{told:?}");
    // Of another day it can be the other one's alone.
    sheet(&office, &[("0711000009", 500_000, "Thành công", "06/10/2026")]).await;
    office.check(&cycle, "entitled 2", "paid 2 = 1000000").await;
    office.ends_whole().await;
}

async fn the_only_order_that_fits_is_the_one_that_is_meant(office: TestOffice) {
    office.on_day("2026-10-01");
    office.month("2026-10", &[AN, CHI]).await;
    let cycle = office.paid_out("2026-10", Regular).await;
    office.on_day("2026-10-06");
    let none = "no reference of ours stands in the item";
    for (rows, told) in [
        // Another amount, another account, a day before the money could move.
        (&[("0711000003", 500_001, "Thành công", "05/10/2026")][..], none),
        (&[("0711000004", 500_000, "Thành công", "05/10/2026")], none),
        (&[("0711000003", 500_000, "Thành công", "02/10/2026")], none),
        // Money that came back is never matched so.
        (&[("0711000003", 500_000, "Hoàn trả", "05/10/2026")], none),
    ] {
        let before = details(&office).await.len();
        sheet(&office, rows).await;
        let after = details(&office).await;
        assert_eq!(&after[before..], [told.to_owned()], "{rows:?}");
    }
    // Two rows for one order: one of them is somebody else's.
    let before = details(&office).await.len();
    let row = ("0711000003", 500_000, "Thành công", "05/10/2026");
    sheet(&office, &[row, row]).await;
    let after = details(&office).await;
    assert_eq!(after.len(), before + 2);
    assert!(after[before].contains("and so may another item"), "{after:?}");
    office.check(&cycle, "entitled 2", "pending 2 = 1000000").await;

    sheet(&office, &[("0711 000 003", 500_000, "Thành công", "06/10/2026")]).await;
    office.check(&cycle, "entitled 2", "pending 1 = 500000, paid 1 = 500000").await;
    assert_eq!(office.attempts(&cycle, "E3").await, "1 settled");
    assert_eq!(details(&office).await.len(), before + 2);
    office.ends_whole().await;
}
