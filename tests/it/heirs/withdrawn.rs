//! An heir who is withdrawn: before the list, on a list that is not sealed, on one that is, and with money that
//! comes back.

use super::*;

on_both_databases! { run, RealPart::Postgres;
    an_older_release_lets_nothing_go_when_the_next_heir_is_withdrawn
    an_heir_who_is_withdrawn_before_the_list_is_not_paid
    a_list_computed_for_a_withdrawn_heir_is_not_sealed
    money_comes_back_from_a_withdrawn_heir
    nobody_is_left_to_be_paid
    what_is_sealed_for_a_withdrawn_heir_is_not_signed_or_sent
}

async fn an_heir_who_is_withdrawn_before_the_list_is_not_paid(office: TestOffice) {
    office.on_day(DAY);
    office.month("2026-10", &[&dead(AN, "2026-10-01"), BINH]).await;
    let cycle = office.sealed("2026-10", Regular).await;
    named(&office, &SON).await;
    withdrawn(&office).await;
    office.sent(&cycle, 0).await;
    let binh = office.said(&cycle, "E2", 1, "Thành công", "").await;
    office.sheet(&[binh]).await.unwrap();
    office.closed(&cycle).await;
    office.month("2026-11", &[&dead(AN, "2026-10-01"), BINH]).await;
    let november = office.sealed("2026-11", Regular).await;
    assert_eq!(for_an(&office, &november).await, ["An held 500000 H156"]);
    let (row, told) = {
        let mut all = office.engine.heirs_named(None).await.unwrap();
        let one = all.remove(0);
        (one.row, one.reason)
    };
    assert_eq!(
        (row.state, told.as_deref()),
        (HeirState::Withdrawn, Some("the family is not agreed"))
    );
    office.ends_whole().await;
}

async fn a_list_computed_for_a_withdrawn_heir_is_not_sealed(office: TestOffice) {
    let cycle = october_for_the_son(&office).await;
    withdrawn(&office).await;
    let told = refused(office.engine.seal(&cycle).await, "C121");
    assert!(told.contains("chitra cycle run 2026-10 --recompute"), "{told}");
    let cycle = anew(&office, &cycle).await;
    assert_eq!(for_an(&office, &cycle).await, ["An held 500000 H156"]);
    office.engine.seal(&cycle).await.unwrap();
    office.ends_whole().await;
}

/// The heir's bank has no such account, and An turns out to live.
async fn money_comes_back_from_a_withdrawn_heir(office: TestOffice) {
    let cycle = october_for_the_son(&office).await;
    let sealed = office.engine.seal(&cycle).await.unwrap();
    office.sent(&sealed, 0).await;
    let back = told_of_heir(&office, &cycle, "Hoàn trả", "Tài khoản đã đóng").await;
    let paid = office.said(&cycle, "E2", 1, "Thành công", "").await;
    office.sheet(&[back, paid]).await.unwrap();
    withdrawn(&office).await;
    let again = office.engine.reissue(&office.now(&cycle).await).await.unwrap();
    let waiting: Vec<_> = again.waiting.into_iter().collect();
    assert_eq!(waiting, [(SINCE, 1)]);
    office.closed(&cycle).await;

    // Two officers said that he is dead, and one that the heir is not to be paid: two let it go.
    office.month("2026-11", &[AN, BINH]).await;
    let november = office.paid_out("2026-11", Regular).await;
    assert_eq!(for_an(&office, &november).await, ["An held 1000000 H156"]);
    office.on_day("2026-10-02");
    office.release_holds(&november, "H156").await;
    let again = office.engine.reissue(&office.now(&november).await).await.unwrap();
    assert_eq!(again.ordered, 1, "{:?}", again.waiting);
    office.ends_whole().await;
}

/// The heir's bank has no such account, the heir is withdrawn, and no row entitles An any more.
async fn nobody_is_left_to_be_paid(office: TestOffice) {
    let cycle = october_for_the_son(&office).await;
    let sealed = office.engine.seal(&cycle).await.unwrap();
    office.sent(&sealed, 0).await;
    let back = told_of_heir(&office, &cycle, "Hoàn trả", "Tài khoản đã đóng").await;
    let paid = office.said(&cycle, "E2", 1, "Thành công", "").await;
    office.sheet(&[back, paid]).await.unwrap();
    withdrawn(&office).await;
    office.closed(&cycle).await;
    office.month("2026-11", &[BINH]).await;
    let november = office.paid_out("2026-11", Regular).await;
    assert_eq!(for_an(&office, &november).await, ["An held 500000 H156"]);
    // Whoever releases it sends nothing to the account of who was the heir.
    office.release_holds(&november, "H156").await;
    let again = office.engine.reissue(&office.now(&november).await).await.unwrap();
    assert!(again.list.is_none(), "{:?}", again.waiting);
    let binh = office.said(&november, "E2", 1, "Thành công", "").await;
    office.sheet(&[binh]).await.unwrap();
    office.closed(&november).await;
    // Another heir is paid it.
    named(&office, &Naming { account: "0711000999", ..SON }).await;
    office.month("2026-12", &[BINH]).await;
    let december = office.paid_out("2026-12", Regular).await;
    assert_eq!(for_an(&office, &december).await, ["heir pending 500000"]);
    office.ends_whole().await;
}

/// He lived, and two let his money go for a year; then he died, and one officer withdraws the heir.
async fn an_older_release_lets_nothing_go_when_the_next_heir_is_withdrawn(office: TestOffice) {
    office.on_day(DAY);
    office.month("2026-10", &[AN, BINH]).await;
    let october = office.computed(&office.opened("2026-10", Regular).await).await;
    named(&office, &SON).await;
    withdrawn(&office).await;
    let october = anew(&office, &october).await;
    assert_eq!(for_an(&office, &october).await, ["An held 500000 H156"]);
    let (_, held) = office.engine.holds(&october, Some("H156"), usize::MAX).await.unwrap();
    let name = held[0].name();
    let said = Deciding { valid_to: Some(period("2027-12")), ..deciding(Decision::Release) };
    office.engine.hold_decide(&october, &name, said, MAKER, &key(MAKER)).await.unwrap();
    let by = APPROVERS[0];
    office.on_day("2026-10-02");
    office.engine.hold_confirm(&october, &name, by, &key(by)).await.unwrap();
    let october = anew(&office, &october).await;
    assert_eq!(for_an(&office, &october).await, ["An pending 500000"]);
    office.on_day("2026-10-05");
    named(&office, &SON).await;
    withdrawn(&office).await;
    let october = anew(&office, &october).await;
    assert_eq!(for_an(&office, &october).await, ["An held 500000 H156"]);
    office.engine.seal(&october).await.unwrap();
    office.ends_whole().await;
}

/// The paper turns out to be forged after the list was sealed, and once more after it was released.
async fn what_is_sealed_for_a_withdrawn_heir_is_not_signed_or_sent(office: TestOffice) {
    office.on_day(DAY);
    office.month("2026-10", &[&dead(AN, "2026-10-01"), BINH]).await;
    let engine = &office.engine;
    let october = office.computed(&office.opened("2026-10", Regular).await).await;
    let an = office.person("E1").await;
    named(&office, &SON).await;
    let shown = engine.heir_shown(1).await.unwrap().heir;
    assert_eq!(
        (shown.of_name.as_str(), shown.of_national_id.as_str()),
        ("Nguyễn Văn An", "001044000101")
    );
    let october = anew(&office, &october).await;
    let october = engine.seal(&october).await.unwrap();
    withdrawn(&office).await;
    let (now, [minh, _]) = (office.now(&october).await, APPROVERS);
    let told = refused(engine.submit(&now, ListNo(0), MAKER, &key(MAKER)).await, "D195");
    assert!(told.contains("chitra stop propose 2026-10 PERSON"), "{told}");
    engine.stop_propose(&now, an, "forged", MAKER, &key(MAKER)).await.unwrap();
    office.released(&october, 0).await;
    let done = engine.stop_confirm(&office.now(&october).await, an, minh, &key(minh)).await;
    let list = done.unwrap().list.unwrap();
    office.sent(&october, list.number.0).await;
    assert_eq!(for_an(&office, &october).await, ["heir held 500000 H160"]);
    let binh = office.said(&october, "E2", 1, "Thành công", "").await;
    office.sheet(&[binh]).await.unwrap();
    office.closed(&october).await;

    // Released, and not sent yet.
    named(&office, &SON).await;
    office.month("2026-11", &[&dead(AN, "2026-10-01"), BINH]).await;
    let november = office.sealed("2026-11", Regular).await;
    office.released(&november, 0).await;
    office.release_holds(&november, "H160").await;
    let again = engine.reissue(&office.now(&november).await).await.unwrap().list.unwrap();
    office.released(&november, again.number.0).await;
    withdrawn(&office).await;
    let sent = engine.dispatch(Some(november.number)).await.unwrap();
    let waits = sent.iter().filter(|one| one.detail.contains("an heir who was withdrawn since"));
    assert_eq!(waits.count(), 1, "{sent:?}");
    office.ends_whole().await;
}
