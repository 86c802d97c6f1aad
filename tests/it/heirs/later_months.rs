//! Months after the death that stand in what is paid or carried: they are nobody's, and are taken off once.

use super::*;

on_both_databases! { run, RealPart::Postgres;
    a_later_month_in_one_payment_is_taken_off_where_the_register_has_the_death
    a_later_month_in_one_payment_is_taken_off_by_the_law
    a_later_month_is_taken_off_where_both_tell_the_death
    a_later_month_is_taken_off_where_the_row_is_gone
    a_later_month_that_the_law_gives_again_is_nobody_s
    what_the_law_took_off_before_it_came_back_is_set_off
    a_later_month_is_taken_off_of_what_is_held
    what_an_earlier_order_paid_is_not_the_heir_s
    one_month_in_payments_of_two_payees_is_taken_off_of_each
    what_the_law_takes_off_of_two_payees_waits_for_the_next_list
}

/// October was not paid and stood in November's payment, which came back as well: he had died in October.
async fn unpaid_in_october_and_november(office: &TestOffice, an: &str) -> Cycle {
    office.on_day(DAY);
    office.month("2026-10", &[an, BINH]).await;
    let october = office.paid_out("2026-10", Regular).await;
    let back = office.said(&october, "E1", 1, "Hoàn trả", "Tài khoản đã đóng").await;
    let paid = office.said(&october, "E2", 1, "Thành công", "").await;
    office.sheet(&[back, paid]).await.unwrap();
    office.closed(&october).await;
    office.month("2026-11", &[an, BINH]).await;
    let november = office.paid_out("2026-11", Regular).await;
    let paid = office.said(&november, "E2", 1, "Thành công", "").await;
    office.sheet(&[paid]).await.unwrap();
    november
}

async fn came_back(office: &TestOffice, cycle: &Cycle) {
    let back = office.said(cycle, "E1", 1, "Hoàn trả", "Tài khoản đã đóng").await;
    office.sheet(&[back]).await.unwrap();
    office.closed(cycle).await;
}

/// December's list with what the sender and the register say by then; the heir is paid, and January finds `then`.
async fn a_later_month_goes(office: TestOffice, ended: &[&str], december: &[&str], then: &[&str]) {
    let november = unpaid_in_october_and_november(&office, AN).await;
    assert_eq!(for_an(&office, &november).await, ["An pending 1000000"]);
    came_back(&office, &november).await;
    named(&office, &SON).await;
    let rows: Vec<&str> = ended.iter().copied().chain([BINH]).collect();
    office.month("2026-12", &rows).await;
    let cycle = office.paid_out("2026-12", Regular).await;
    assert_eq!(for_an(&office, &cycle).await, december);
    heir_paid(&office, &cycle).await;
    let binh = office.said(&cycle, "E2", 1, "Thành công", "").await;
    office.sheet(&[binh]).await.unwrap();
    office.closed(&cycle).await;
    office.on_day("2026-10-10");
    office.month("2027-01", &rows).await;
    let january = office.sealed("2027-01", Regular).await;
    assert_eq!(for_an(&office, &january).await, then);
    assert_eq!(office.receivables().await, Vec::<String>::new());
    office.ends_whole().await;
}

async fn a_later_month_in_one_payment_is_taken_off_where_the_register_has_the_death(
    office: TestOffice,
) {
    a_later_month_goes(office, &[&dead(AN, "2026-10-01")], &["heir pending 500000"], &[]).await;
}

async fn a_later_month_in_one_payment_is_taken_off_by_the_law(office: TestOffice) {
    // The decree that raises October comes into force meanwhile.
    let ended = format!("{AN} | status=ceased | changed_from=2026-11");
    a_later_month_goes(office, &[&ended], &["heir pending 500000"], &["heir pending 40000"]).await;
}

async fn a_later_month_is_taken_off_where_both_tell_the_death(office: TestOffice) {
    let ended = dead(&format!("{AN} | status=ceased | changed_from=2026-11"), "2026-10-01");
    a_later_month_goes(office, &[&ended], &["heir pending 500000"], &[]).await;
}

async fn a_later_month_is_taken_off_where_the_row_is_gone(office: TestOffice) {
    a_later_month_goes(office, &[], &["heir pending 500000"], &[]).await;
}

/// Nobody but the paper knows of the death: what the law determines again is nobody's.
async fn a_later_month_that_the_law_gives_again_is_nobody_s(office: TestOffice) {
    let december = ["An held 500000 H164", "heir pending 500000"];
    // November again, December, January, and what the decree raises; October's part of it is the heir's.
    let then = ["An held 1620000 H164", "heir pending 40000"];
    a_later_month_goes(office, &[AN], &december, &then).await;
}

/// December's roster ends the row while November's payment is on its way; it comes back after that.
async fn what_the_law_took_off_before_it_came_back_is_set_off(office: TestOffice) {
    let november = unpaid_in_october_and_november(&office, AN).await;
    let ended = format!("{AN} | status=ceased | changed_from=2026-11");
    office.month("2026-12", &[&ended, BINH]).await;
    let december = office.paid_out("2026-12", Regular).await;
    assert_eq!(office.receivables().await, ["overpayment 500000"]);
    came_back(&office, &november).await;
    let binh = office.said(&december, "E2", 1, "Thành công", "").await;
    office.sheet(&[binh]).await.unwrap();
    office.closed(&december).await;
    named(&office, &SON).await;
    office.month("2027-01", &[&dead(&ended, "2026-10-01"), BINH]).await;
    let january = office.paid_out("2027-01", Regular).await;
    assert_eq!(for_an(&office, &january).await, ["heir pending 500000"]);
    heir_paid(&office, &january).await;
    let binh = office.said(&january, "E2", 1, "Thành công", "").await;
    office.sheet(&[binh]).await.unwrap();
    assert_eq!(office.receivables().await, Vec::<String>::new());
    office.ends_whole().await;
}

/// Officers stopped November's payment, in which October stands as well: two let it go, and the heir gets October.
async fn a_later_month_is_taken_off_of_what_is_held(office: TestOffice) {
    let november = unpaid_in_october_and_november(&office, AN).await;
    let back = office.said(&november, "E1", 1, "Không thành công", "Trùng giao dịch").await;
    office.sheet(&[back]).await.unwrap();
    office.closed(&november).await;
    named(&office, &SON).await;
    for (month, sent_on) in [("2026-12", false), ("2027-01", true)] {
        office.month(month, &[&dead(AN, "2026-10-01"), BINH]).await;
        let cycle = office.paid_out(month, Regular).await;
        assert_eq!(for_an(&office, &cycle).await, ["heir held 500000 H153"], "{month}");
        assert_eq!(office.receivables().await, Vec::<String>::new(), "{month}");
        let binh = office.said(&cycle, "E2", 1, "Thành công", "").await;
        office.sheet(&[binh]).await.unwrap();
        if sent_on {
            office.release_holds(&cycle, "H153").await;
            let again = office.engine.reissue(&office.now(&cycle).await).await.unwrap();
            assert_eq!(again.ordered, 1, "{:?}", again.waiting);
        } else {
            office.closed(&cycle).await;
        }
    }
    office.ends_whole().await;
}

/// October's order turns out to have paid, when November's payment with October in it is to go to the heir.
async fn what_an_earlier_order_paid_is_not_the_heir_s(office: TestOffice) {
    office.on_day(DAY);
    office.month("2026-10", &[AN, BINH]).await;
    let october = office.paid_out("2026-10", Regular).await;
    let no = office.said(&october, "E1", 1, "Không thành công", "Sai số tài khoản").await;
    let paid = office.said(&october, "E2", 1, "Thành công", "").await;
    office.sheet(&[no, paid]).await.unwrap();
    office.closed(&october).await;
    office.month("2026-11", &[AN, BINH]).await;
    let november = office.paid_out("2026-11", Regular).await;
    let paid = office.said(&november, "E2", 1, "Thành công", "").await;
    office.sheet(&[paid]).await.unwrap();
    came_back(&office, &november).await;
    let late = office.said(&october, "E1", 1, "Thành công", "").await;
    office.sheet(&[late]).await.unwrap();
    assert_eq!(office.receivables().await, ["settled_excess 500000"]);
    named(&office, &SON).await;
    office.month("2026-12", &[&dead(AN, "2026-10-01"), BINH]).await;
    let december = office.sealed("2026-12", Regular).await;
    assert_eq!(for_an(&office, &december).await, Vec::<String>::new(), "October is paid");
    office.ends_whole().await;
}

/// The roster changed who receives for him, and both payments with later months came back.
async fn one_month_in_payments_of_two_payees_is_taken_off_of_each(office: TestOffice) {
    let november = unpaid_in_october_and_november(&office, AN).await;
    came_back(&office, &november).await;
    let carer =
        " | payee_name=Lê Thị Chăm | payee_national_id=001180000902 | payee_relation=guardian";
    let an = format!("{AN}{carer}");
    office.on_day("2026-10-10");
    office.month("2026-12", &[&an, BINH]).await;
    let december = office.paid_out("2026-12", Regular).await;
    // The decree raises October and November, which she receives.
    assert_eq!(
        for_an(&office, &december).await,
        ["An held 1000000 H155", "somebody pending 620000"]
    );
    let payables =
        office.engine.store.payables_of_beneficiary(december.number, office.person("E1").await);
    let hers = payables.await.unwrap().into_iter().find(|one| one.code.is_empty()).unwrap();
    let back = office.said_of(&hers, 1, "Hoàn trả", "Tài khoản đã đóng").await;
    let paid = office.said(&december, "E2", 1, "Thành công", "").await;
    office.sheet(&[back, paid]).await.unwrap();
    office.closed(&december).await;
    named(&office, &SON).await;
    office.month("2027-01", &[&dead(&an, "2026-10-01"), BINH]).await;
    let january = office.paid_out("2027-01", Regular).await;
    assert_eq!(for_an(&office, &january).await, ["heir pending 40000", "heir pending 500000"]);
    office.ends_whole().await;
}

/// As above, but the sender tells the end of the row: the law takes the month off of both at once, for today's payee.
async fn what_the_law_takes_off_of_two_payees_waits_for_the_next_list(office: TestOffice) {
    let november = unpaid_in_october_and_november(&office, AN).await;
    came_back(&office, &november).await;
    let carer =
        " | payee_name=Lê Thị Chăm | payee_national_id=001180000902 | payee_relation=guardian";
    let an = format!("{AN}{carer}");
    office.on_day("2026-10-10");
    office.month("2026-12", &[&an, BINH]).await;
    let december = office.paid_out("2026-12", Regular).await;
    let of_an =
        office.engine.store.payables_of_beneficiary(december.number, office.person("E1").await);
    let hers = of_an.await.unwrap().into_iter().find(|one| one.code.is_empty()).unwrap();
    let back = office.said_of(&hers, 1, "Hoàn trả", "Tài khoản đã đóng").await;
    let paid = office.said(&december, "E2", 1, "Thành công", "").await;
    office.sheet(&[back, paid]).await.unwrap();
    office.closed(&december).await;
    named(&office, &SON).await;
    let ended = format!("{an} | status=ceased | changed_from=2026-11");
    office.month("2027-01", &[&ended, BINH]).await;
    let january = office.paid_out("2027-01", Regular).await;
    assert_eq!(for_an(&office, &january).await, Vec::<String>::new());
    let paid = office.said(&january, "E2", 1, "Thành công", "").await;
    office.sheet(&[paid]).await.unwrap();
    office.closed(&january).await;
    office.month("2027-02", &[&ended, BINH]).await;
    let february = office.paid_out("2027-02", Regular).await;
    assert_eq!(for_an(&office, &february).await, ["heir pending 40000", "heir pending 500000"]);
    for payable in office
        .engine
        .store
        .payables_of_beneficiary(february.number, office.person("E1").await)
        .await
        .unwrap()
    {
        let said = office.said_of(&payable, 1, "Thành công", "").await;
        office.sheet(&[said]).await.unwrap();
    }
    assert_eq!(office.receivables().await, Vec::<String>::new());
    office.ends_whole().await;
}
