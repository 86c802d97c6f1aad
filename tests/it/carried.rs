//! Where one month meets the next: what is carried, what is not, and who is paid because of a decision
//! about somebody else. Each told on both databases.

use chitra::domain::cycle::{Cycle, CycleKind::Regular};
use chitra::domain::exception::Decision;
use chitra::domain::ids::{AttemptNo, EndToEndId, ListNo, PayableNo};

use crate::support::office::{
    APPROVERS, MAKER, Said, TestOffice, deciding, key, on_both_databases, refused, run,
};
use crate::support::real_parts::RealPart;

on_both_databases! { run, RealPart::Postgres;
    a_release_is_of_one_person
    what_is_proved_paid_is_not_carried
    an_excess_that_comes_back_and_is_paid_once_more_is_owed_once
    what_the_bank_saw_before_waits_for_two_persons
    who_is_held_this_month_is_not_paid_for_the_last
    who_is_gone_from_the_roster_is_held_for_an_officer
    who_is_gone_with_two_months_unpaid_is_held_for_both
    an_old_line_about_a_returned_payment_is_no_news
    a_doubt_stays_however_many_lists_carry_it
    a_doubt_stands_beside_a_death
    who_is_dead_by_a_partner_s_word_is_held_until_two_have_looked
    what_a_partner_s_word_stopped_waits_with_every_list
    a_word_that_comes_late_holds_what_comes_after_it
    what_waits_to_leave_for_who_is_said_to_be_dead_is_looked_at
    what_an_earlier_order_paid_ends_by_itself
    what_an_earlier_order_paid_and_took_back_is_owed_again
    what_an_earlier_order_paid_beside_a_list_given_up_is_the_payment
    what_an_earlier_order_paid_in_part_is_set_off
    what_an_earlier_order_paid_is_not_released_again
    what_an_earlier_order_paid_does_not_leave_again
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

/// What is held in a cycle: code and amount.
async fn held(office: &TestOffice, cycle: &Cycle) -> Vec<(String, i64)> {
    let (_, held) = office.engine.holds(&office.now(cycle).await, None, usize::MAX).await.unwrap();
    let mut told = Vec::new();
    for one in held {
        let amount = match one.exception.payable {
            Some(payable) => {
                office.engine.store.payable(payable).await.unwrap().unwrap().amount_minor
            }
            None => 0,
        };
        told.push((one.exception.code, amount));
    }
    told
}

/// The first order is proved paid after the second went out, and nobody collects the second: the person
/// has the money once, owes nothing, and the next month orders nothing of it again.
async fn what_is_proved_paid_is_not_carried(office: TestOffice) {
    office.on_day(BEFORE_THE_RAISE);
    office.month("2026-10", &[AN]).await;
    let october = office.paid_out("2026-10", Regular).await;
    let no = office.said(&october, "E1", 1, "Không thành công", "Sai số tài khoản").await;
    office.sheet(&[no]).await.unwrap();
    let again = office.engine.reissue(&office.now(&october).await).await.unwrap();
    assert_eq!(again.ordered, 1, "{:?}", again.waiting);
    office.sent(&october, 1).await;

    let late = office.said(&october, "E1", 1, "Thành công", "").await;
    office.sheet(&[late]).await.unwrap();
    assert_eq!(office.attempts(&october, "E1").await, "1 settled_excess, 2 in_batch");
    assert_eq!(office.receivables().await, ["settled_excess 500000"]);
    let nobody = office.said(&october, "E1", 2, "Chưa chi", "Không đến nhận").await;
    office.paypoint(&[nobody]).await.unwrap();
    assert_eq!(office.attempts(&october, "E1").await, "1 settled, 2 rejected");
    assert_eq!(
        office.receivables().await,
        Vec::<String>::new(),
        "what was too much is the payment"
    );
    office.check(&october, "entitled 1", "paid 1 = 500000").await;
    office.closed(&october).await;

    office.month("2026-11", &[AN]).await;
    let november = office.sealed("2026-11", Regular).await;
    office.check(&november, "entitled 1", "pending 1 = 500000").await;
    assert_eq!(office.payable(&october, "E1").await.carried_to, None);
    office.ends_whole().await;
}

/// The first order is too much, then the payment, then comes back, and is proved paid once more beside a
/// third order: every word of the bank is taken in, and the money is owed back once.
async fn an_excess_that_comes_back_and_is_paid_once_more_is_owed_once(office: TestOffice) {
    office.on_day(BEFORE_THE_RAISE);
    let linked = format!("{AN} | register.account=0711999999 | register.provider=970405");
    office.month("2026-10", &[&linked]).await;
    let october = office.paid_out("2026-10", Regular).await;
    let told = async |attempt: i64, status: &str, reason: &str| {
        let one = office.said(&october, "E1", attempt, status, reason).await;
        office.sheet(&[one]).await.unwrap();
        office.attempts(&october, "E1").await
    };
    let again = async |list: i64| {
        let again = office.engine.reissue(&office.now(&october).await).await.unwrap();
        assert_eq!(again.ordered, 1, "{:?}", again.waiting);
        office.released(&october, list).await;
        office.engine.dispatch(None).await.unwrap();
    };
    told(1, "Không thành công", "Sai số tài khoản").await;
    again(1).await;
    assert_eq!(told(1, "Thành công", "").await, "1 settled_excess, 2 in_batch");
    assert_eq!(told(2, "Không thành công", "Sai số tài khoản").await, "1 settled, 2 rejected");
    office.on_day("2026-09-22");
    assert_eq!(told(1, "Hoàn trả", "Sai số tài khoản").await, "1 returned, 2 rejected");
    assert_eq!(office.receivables().await, Vec::<String>::new());
    again(2).await;
    office.on_day("2026-09-24");
    assert_eq!(told(1, "Thành công", "").await, "1 settled_excess, 2 rejected, 3 in_batch");
    assert_eq!(office.receivables().await, ["settled_excess 500000"]);
    office.ends_whole().await;
}

/// `Trùng giao dịch`: the books must agree first, in this month and in the next, and the month's own
/// money does not wait for it.
async fn what_the_bank_saw_before_waits_for_two_persons(office: TestOffice) {
    office.on_day(BEFORE_THE_RAISE);
    office.month("2026-10", &[AN]).await;
    let october = office.paid_out("2026-10", Regular).await;
    let no = office.said(&october, "E1", 1, "Không thành công", "Trùng giao dịch").await;
    office.sheet(&[no]).await.unwrap();
    let again = office.engine.reissue(&office.now(&october).await).await.unwrap();
    assert_eq!(
        again.waiting.into_iter().collect::<Vec<_>>(),
        [("the provider saw it before: the books must agree first", 1)]
    );
    office.closed(&october).await;

    office.month("2026-11", &[AN]).await;
    let november = office.paid_out("2026-11", Regular).await;
    office.check(&november, "entitled 1", "held 1 = 500000, pending 1 = 500000").await;
    assert_eq!(held(&office, &november).await, [("H153".to_owned(), 500_000)]);
    // One officer is not enough.
    let now = office.now(&november).await;
    let (_, holds) = office.engine.holds(&now, Some("H153"), 1).await.unwrap();
    let said = deciding(Decision::Release);
    let decided =
        office.engine.hold_decide(&now, &holds[0].name(), said, MAKER, &key(MAKER)).await.unwrap();
    assert!(decided.resolution.waits_for_another());
    assert_eq!(office.engine.reissue(&now).await.unwrap().ordered, 0);
    office
        .engine
        .hold_confirm(&now, &holds[0].name(), APPROVERS[0], &key(APPROVERS[0]))
        .await
        .unwrap();
    assert_eq!(office.engine.reissue(&now).await.unwrap().ordered, 1);
    office.ends_whole().await;
}

/// Nobody came for October's cash, and November's register knows why.
async fn who_is_held_this_month_is_not_paid_for_the_last(office: TestOffice) {
    office.on_day(BEFORE_THE_RAISE);
    let an = AN.replace("bank 970405 0711000001", "cash BD01 x");
    office.month("2026-10", &[&an, BINH]).await;
    let october = office.paid_out("2026-10", Regular).await;
    let nobody = office.said(&october, "E1", 1, "Chưa chi", "Không đến nhận").await;
    office.paypoint(&[nobody]).await.unwrap();
    let paid = office.said(&october, "E2", 1, "Thành công", "").await;
    office.sheet(&[paid]).await.unwrap();
    office.closed(&october).await;

    let dead = format!("{an} | register.vital_status=deceased | register.date_of_death=2026-10-20");
    office.month("2026-11", &[&dead, BINH]).await;
    let november = office.paid_out("2026-11", Regular).await;
    office.check(&november, "held 1, entitled 1", "held 1 = 500000, pending 1 = 500000").await;
    let told = held(&office, &november).await;
    assert!(told.contains(&("H110".to_owned(), 0)), "the row: {told:?}");
    assert!(told.contains(&("H156".to_owned(), 500_000)), "what is due to the heirs: {told:?}");
    office.ends_whole().await;
}

async fn who_is_gone_from_the_roster_is_held_for_an_officer(office: TestOffice) {
    office.on_day(BEFORE_THE_RAISE);
    office.month("2026-10", &[AN, BINH]).await;
    let october = office.paid_out("2026-10", Regular).await;
    let back = office.said(&october, "E1", 1, "Hoàn trả", "Tài khoản đã đóng").await;
    let paid = office.said(&october, "E2", 1, "Thành công", "").await;
    office.sheet(&[back, paid]).await.unwrap();
    office.closed(&october).await;

    office.month("2026-11", &[BINH]).await;
    let november = office.paid_out("2026-11", Regular).await;
    office.check(&november, "entitled 1", "held 1 = 500000, pending 1 = 500000").await;
    assert_eq!(held(&office, &november).await, [("H155".to_owned(), 500_000)]);
    office.release_holds(&november, "H155").await;
    let again = office.engine.reissue(&office.now(&november).await).await.unwrap();
    assert_eq!((again.ordered, again.ordered_minor), (1, 500_000));
    office.ends_whole().await;
}

/// Two months that no list carried into each other come back: the second is no more this month's than the first.
async fn who_is_gone_with_two_months_unpaid_is_held_for_both(office: TestOffice) {
    office.on_day(BEFORE_THE_RAISE);
    office.month("2026-10", &[AN, BINH]).await;
    let october = office.paid_out("2026-10", Regular).await;
    office.month("2026-11", &[AN, BINH]).await;
    let november = office.paid_out("2026-11", Regular).await;
    for cycle in [&october, &november] {
        let back = office.said(cycle, "E1", 1, "Hoàn trả", "Tài khoản đã đóng").await;
        let paid = office.said(cycle, "E2", 1, "Thành công", "").await;
        office.sheet(&[back, paid]).await.unwrap();
        office.closed(cycle).await;
    }
    office.month("2026-12", &[BINH]).await;
    let december = office.paid_out("2026-12", Regular).await;
    office.check(&december, "entitled 1", "held 1 = 1000000, pending 1 = 500000").await;
    assert_eq!(held(&office, &december).await, [("H155".to_owned(), 1_000_000)]);
    office.ends_whole().await;
}

/// Paid on the 21st, returned on the 23rd, ordered again; then a line comes that says once more that it
/// was paid on the 21st.
async fn an_old_line_about_a_returned_payment_is_no_news(office: TestOffice) {
    office.on_day(BEFORE_THE_RAISE);
    office.month("2026-10", &[AN]).await;
    let october = office.paid_out("2026-10", Regular).await;
    let on = |said: Said, day: &str| Said { on: day.to_owned(), ..said };
    let paid = on(office.said(&october, "E1", 1, "Thành công", "").await, "2026-09-21");
    office.sheet(std::slice::from_ref(&paid)).await.unwrap();
    let back = office.said(&october, "E1", 1, "Hoàn trả", "Tài khoản đã đóng").await;
    office.sheet(&[on(back, "2026-09-23")]).await.unwrap();
    assert_eq!(office.engine.reissue(&office.now(&october).await).await.unwrap().ordered, 1);
    office.sent(&october, 1).await;

    let other = Said { reason: "lần 2".to_owned(), ..paid };
    office.sheet(&[other]).await.unwrap();
    assert_eq!(office.attempts(&october, "E1").await, "1 returned, 2 in_batch");
    assert_eq!(office.receivables().await, Vec::<String>::new());
    assert_eq!(office.halts().await, Vec::<String>::new());
    office.check(&october, "entitled 1", "pending 1 = 500000").await;
    office.ends_whole().await;
}

/// October's money was seen before by the bank. Nobody decides in November; in December it is in doubt
/// still, and is paid when two persons have decided.
async fn a_doubt_stays_however_many_lists_carry_it(office: TestOffice) {
    office.on_day(BEFORE_THE_RAISE);
    office.month("2026-10", &[AN]).await;
    let october = office.paid_out("2026-10", Regular).await;
    let no = office.said(&october, "E1", 1, "Không thành công", "Trùng giao dịch").await;
    office.sheet(&[no]).await.unwrap();
    office.closed(&october).await;

    for month in ["2026-11", "2026-12"] {
        office.month(month, &[AN]).await;
        let cycle = office.paid_out(month, Regular).await;
        office.check(&cycle, "entitled 1", "held 1 = 500000, pending 1 = 500000").await;
        assert_eq!(held(&office, &cycle).await, [("H153".to_owned(), 500_000)], "{month}");
        let person = office.person("E1").await;
        let of_month = office.engine.store.payables_of_beneficiary(cycle.number, person).await;
        let own = of_month.unwrap().into_iter().find(|one| one.code.is_empty()).unwrap();
        let paid = said_of(&office, own.number, own.amount_minor, "Thành công").await;
        office.sheet(&[paid]).await.unwrap();
        if month == "2026-11" {
            office.closed(&cycle).await;
            continue;
        }
        assert_eq!(office.engine.reissue(&office.now(&cycle).await).await.unwrap().ordered, 0);
        office.release_holds(&cycle, "H153").await;
        let again = office.engine.reissue(&office.now(&cycle).await).await.unwrap();
        assert_eq!((again.ordered, again.ordered_minor), (1, 500_000));
    }
    office.ends_whole().await;
}

/// What the sheet of the bank says of the first order of a payable.
pub async fn said_of(
    office: &TestOffice,
    payable: PayableNo,
    amount_minor: i64,
    status: &str,
) -> Said {
    let prefix = &office.engine.config.prefix;
    let reference = EndToEndId::derive(prefix, payable, AttemptNo::FIRST).to_string();
    Said {
        transaction: format!("FT{reference}"),
        reference,
        amount_minor,
        status: status.to_owned(),
        reason: String::new(),
        on: office.engine.clock.today().to_string(),
        account: office.account(payable, AttemptNo::FIRST).await,
    }
}

/// The books must agree, and the person has died: each is released by itself, and both must be.
async fn a_doubt_stands_beside_a_death(office: TestOffice) {
    office.on_day(BEFORE_THE_RAISE);
    office.month("2026-10", &[AN]).await;
    let october = office.paid_out("2026-10", Regular).await;
    let no = office.said(&october, "E1", 1, "Không thành công", "Trùng giao dịch").await;
    office.sheet(&[no]).await.unwrap();
    office.closed(&october).await;

    let dead = format!("{AN} | register.vital_status=deceased | register.date_of_death=2026-10-20");
    office.month("2026-11", &[&dead]).await;
    let november = office.paid_out("2026-11", Regular).await;
    office.check(&november, "held 1", "held 1 = 500000").await;
    let mut told = held(&office, &november).await;
    told.sort();
    let of = |code: &str, amount| (code.to_owned(), amount);
    assert_eq!(told, [of("H110", 0), of("H153", 500_000), of("H156", 500_000)]);
    office.release_holds(&november, "H156").await;
    let waits = office.engine.reissue(&office.now(&november).await).await.unwrap();
    assert_eq!(waits.ordered, 0, "the books do not agree yet");
    office.release_holds(&november, "H153").await;
    assert_eq!(office.engine.reissue(&office.now(&november).await).await.unwrap().ordered, 1);
    office.ends_whole().await;
}

/// Two officers let a partner go on that evidence has halted.
pub async fn let_go_on(office: &TestOffice) {
    for approver in APPROVERS {
        office.engine.halt_lift(1, approver, &key(approver)).await.unwrap();
    }
}

/// October was rejected and carried; then it is proved paid by its own order, and November's order comes to
/// nothing: the person has the money once, owes nothing, and nothing waits.
async fn what_an_earlier_order_paid_ends_by_itself(office: TestOffice) {
    office.on_day(BEFORE_THE_RAISE);
    office.month("2026-10", &[AN]).await;
    let october = office.paid_out("2026-10", Regular).await;
    let no = office.said(&october, "E1", 1, "Không thành công", "Sai số tài khoản").await;
    office.sheet(&[no]).await.unwrap();
    office.closed(&october).await;
    office.month("2026-11", &[BINH]).await;
    let november = office.paid_out("2026-11", Regular).await;
    office.release_holds(&november, "H155").await;

    // Proved before the second order was made: it is not made.
    let late = office.said(&october, "E1", 1, "Thành công", "").await;
    office.sheet(&[late]).await.unwrap();
    assert_eq!(office.receivables().await, ["settled_excess 500000"]);
    let_go_on(&office).await;
    let waits = office.engine.reissue(&office.now(&november).await).await.unwrap();
    let why: Vec<&str> = waits.waiting.keys().copied().collect();
    assert_eq!(why, ["an earlier attempt is proved paid"]);
    let paid = office.said(&november, "E2", 1, "Thành công", "").await;
    office.sheet(&[paid]).await.unwrap();
    office.closed(&november).await;

    // The next list finds that nothing is left to be paid, also when it is computed anew.
    office.month("2026-12", &[BINH]).await;
    let december = office.opened("2026-12", Regular).await;
    let december = office.computed(&december).await;
    assert_eq!(office.attempts(&october, "E1").await, "1 settled");
    assert_eq!(office.receivables().await, Vec::<String>::new());
    office.engine.recompute(&december).await.unwrap();
    let december = office.computed(&office.now(&december).await).await;
    office.check(&december, "entitled 1", "pending 1 = 500000").await;
    // Bình was owed October too.
    office.check(&november, "entitled 1", "held 1 = 500000, paid 1 = 1000000").await;
    office.check(&october, "entitled 1", "paid 1 = 500000").await;
    office.ends_whole().await;
}

/// The order of October became the payment when December was computed, and then the bank sends the money back:
/// that is taken in with whatever else its file says, and the next list owes the money again.
async fn what_an_earlier_order_paid_and_took_back_is_owed_again(office: TestOffice) {
    office.on_day(BEFORE_THE_RAISE);
    office.month("2026-10", &[AN]).await;
    let october = office.paid_out("2026-10", Regular).await;
    let no = office.said(&october, "E1", 1, "Không thành công", "Sai số tài khoản").await;
    office.sheet(&[no]).await.unwrap();
    office.closed(&october).await;
    office.month("2026-11", &[BINH]).await;
    let november = office.paid_out("2026-11", Regular).await;
    let late = office.said(&october, "E1", 1, "Thành công", "").await;
    office.sheet(&[late]).await.unwrap();
    let_go_on(&office).await;
    let paid = office.said(&november, "E2", 1, "Thành công", "").await;
    office.sheet(&[paid]).await.unwrap();
    office.closed(&november).await;
    office.month("2026-12", &[BINH]).await;
    let december = office.paid_out("2026-12", Regular).await;
    assert_eq!(office.attempts(&october, "E1").await, "1 settled");

    office.on_day("2026-09-22");
    let back = office.said(&october, "E1", 1, "Hoàn trả", "Sai số tài khoản").await;
    let paid = office.said(&december, "E2", 1, "Thành công", "").await;
    let told = office.sheet(&[back, paid]).await.unwrap();
    assert_eq!(told.items, 2);
    assert_eq!(office.attempts(&october, "E1").await, "1 returned");
    assert_eq!(office.attempts(&december, "E2").await, "1 settled");
    assert_eq!(office.receivables().await, Vec::<String>::new());
    office.check(&october, "entitled 1", "returned 1 = 500000").await;
    office.check(&november, "entitled 1", "held 1 = 500000, paid 1 = 1000000").await;
    office.closed(&december).await;

    // Who is not on the roster of January either is held for an officer, with October's money.
    office.month("2027-01", &[BINH]).await;
    let january = office.paid_out("2027-01", Regular).await;
    office.check(&january, "entitled 1", "held 1 = 500000, pending 1 = 500000").await;
    office.release_holds(&january, "H155").await;
    let again = office.engine.reissue(&office.now(&january).await).await.unwrap();
    assert_eq!((again.ordered, again.ordered_minor), (1, 500_000), "{:?}", again.waiting);
    office.ends_whole().await;
}

/// October's money was carried to November, and is proved paid by its own order before November is released: the
/// list is computed anew, or given up and opened again, and October is paid.
async fn what_an_earlier_order_paid_beside_a_list_given_up_is_the_payment(office: TestOffice) {
    office.on_day(BEFORE_THE_RAISE);
    office.month("2026-10", &[AN, BINH]).await;
    let october = office.paid_out("2026-10", Regular).await;
    let mut no = Vec::new();
    for who in ["E1", "E2"] {
        no.push(office.said(&october, who, 1, "Không thành công", "Sai số tài khoản").await);
    }
    office.sheet(&no).await.unwrap();
    office.closed(&october).await;
    office.month("2026-11", &[AN, BINH]).await;
    let november = office.opened("2026-11", Regular).await;
    let november = office.computed(&november).await;
    office.check(&november, "entitled 2", "pending 2 = 2000000").await;
    let late = office.said(&october, "E1", 1, "Thành công", "").await;
    office.sheet(&[late]).await.unwrap();
    let_go_on(&office).await;
    let again = office.engine.recompute(&office.now(&november).await).await.unwrap();
    let november = office.computed(&again).await;
    assert_eq!(office.attempts(&october, "E1").await, "1 settled");
    assert_eq!(office.receivables().await, Vec::<String>::new());
    office.check(&october, "entitled 2", "paid 1 = 500000, rejected 1 = 500000").await;
    office.check(&november, "entitled 2", "pending 2 = 1500000").await;

    let november = office.engine.seal(&november).await.unwrap();
    let late = office.said(&october, "E2", 1, "Thành công", "").await;
    office.sheet(&[late]).await.unwrap();
    for approver in APPROVERS {
        office.engine.halt_lift(2, approver, &key(approver)).await.unwrap();
    }
    let now = office.now(&november).await;
    office.engine.cycle_cancel(&now, "October was paid", MAKER, &key(MAKER)).await.unwrap();
    let november = office.paid_out("2026-11", Regular).await;
    office.check(&october, "entitled 2", "paid 2 = 1000000").await;
    office.check(&november, "entitled 2", "pending 2 = 1000000").await;
    assert_eq!(office.receivables().await, Vec::<String>::new());
    office.ends_whole().await;
}

/// The same, with November's own money in the rejected payment: that is owed still, and what the person has
/// already is set off against it, all of it and not a fifth.
async fn what_an_earlier_order_paid_in_part_is_set_off(office: TestOffice) {
    office.on_day(BEFORE_THE_RAISE);
    office.month("2026-10", &[AN]).await;
    let october = office.paid_out("2026-10", Regular).await;
    let no = office.said(&october, "E1", 1, "Không thành công", "Sai số tài khoản").await;
    office.sheet(&[no]).await.unwrap();
    office.closed(&october).await;
    office.month("2026-11", &[AN]).await;
    let november = office.paid_out("2026-11", Regular).await;
    office.check(&november, "entitled 1", "pending 1 = 1000000").await;
    let late = office.said(&october, "E1", 1, "Thành công", "").await;
    office.sheet(&[late]).await.unwrap();
    let_go_on(&office).await;
    let no = office.said(&november, "E1", 1, "Không thành công", "Sai số tài khoản").await;
    office.sheet(&[no]).await.unwrap();
    office.closed(&november).await;

    office.month("2026-12", &[AN]).await;
    let december = office.paid_out("2026-12", Regular).await;
    // Three months of 500.000, of which one is in the person's hands.
    office.check(&december, "entitled 1", "pending 1 = 1000000").await;
    let paid = office.said(&december, "E1", 1, "Thành công", "").await;
    office.sheet(&[paid]).await.unwrap();
    office.check(&december, "entitled 1", "paid 1 = 1000000").await;
    assert_eq!(office.receivables().await, Vec::<String>::new());
    office.closed(&december).await;

    office.month("2027-01", &[AN]).await;
    let january = office.sealed("2027-01", Regular).await;
    office.check(&january, "entitled 1", "pending 1 = 500000").await;
    office.ends_whole().await;
}

/// The register knows nothing of the death that the bank reports: the money of the month is not ordered
/// again, and the next month's waits until two officers have looked; once it is paid, the word is void.
async fn who_is_dead_by_a_partner_s_word_is_held_until_two_have_looked(office: TestOffice) {
    office.on_day(BEFORE_THE_RAISE);
    let people = [AN, BINH];
    office.month("2026-10", &people).await;
    let october = office.paid_out("2026-10", Regular).await;
    let dead = office.said(&october, "E1", 1, "Không thành công", "Chủ tài khoản đã chết").await;
    let paid = office.said(&october, "E2", 1, "Thành công", "").await;
    office.sheet(&[dead, paid]).await.unwrap();
    let again = office.engine.reissue(&office.now(&october).await).await.unwrap();
    assert_eq!(again.ordered, 0);
    office.closed(&october).await;

    office.month("2026-11", &people).await;
    let november = office.sealed("2026-11", Regular).await;
    office.check(&november, "entitled 2", "held 2 = 1000000, pending 1 = 500000").await;
    let of_an = [("H158".to_owned(), 500_000), ("H158".to_owned(), 500_000)];
    assert_eq!(held(&office, &november).await, of_an, "October's money, and November's");
    office.sent(&november, 0).await;
    let paid = office.said(&november, "E2", 1, "Thành công", "").await;
    office.sheet(&[paid]).await.unwrap();
    office.release_holds(&november, "H158").await;
    let again = office.engine.reissue(&office.now(&november).await).await.unwrap();
    assert_eq!((again.ordered, again.ordered_minor), (2, 1_000_000));
    office.sent(&november, 1).await;
    let person = office.person("E1").await;
    let of_month = office.engine.store.payables_of_beneficiary(november.number, person).await;
    let mut alive = Vec::new();
    for one in of_month.unwrap() {
        alive.push(said_of(&office, one.number, one.amount_minor, "Thành công").await);
    }
    office.sheet(&alive).await.unwrap();
    office.check(&november, "entitled 2", "paid 3 = 1500000").await;
    office.closed(&november).await;

    office.month("2026-12", &people).await;
    let december = office.sealed("2026-12", Regular).await;
    office.check(&december, "entitled 2", "pending 2 = 1000000").await;
    office.ends_whole().await;
}

/// October comes back with the word that the payee is dead when November has left already: that November is paid, or
/// fails for another reason, says nothing of the word.
async fn a_word_that_comes_late_holds_what_comes_after_it(office: TestOffice) {
    office.on_day(BEFORE_THE_RAISE);
    let people = [AN, BINH];
    office.month("2026-10", &people).await;
    let october = office.paid_out("2026-10", Regular).await;
    for enrolment in ["E1", "E2"] {
        let paid = office.said(&october, enrolment, 1, "Thành công", "").await;
        office.sheet(&[paid]).await.unwrap();
    }
    office.month("2026-11", &people).await;
    let november = office.paid_out("2026-11", Regular).await;
    let paid = office.said(&november, "E1", 1, "Thành công", "").await;
    office.sheet(&[paid]).await.unwrap();
    office.on_day("2026-11-25");
    for enrolment in ["E1", "E2"] {
        let back = office.said(&october, enrolment, 1, "Hoàn trả", "Người hưởng đã chết").await;
        office.sheet(&[back]).await.unwrap();
    }
    // November of the second failed for a passing reason: it is ordered no more than October's.
    let busy = office.said(&november, "E2", 1, "Không thành công", "Hệ thống bận").await;
    office.sheet(&[busy]).await.unwrap();
    for cycle in [&october, &november] {
        let again = office.engine.reissue(&office.now(cycle).await).await.unwrap();
        assert_eq!(again.ordered, 0, "{:?}", again.waiting);
    }
    office.closed(&office.now(&october).await).await;
    office.closed(&office.now(&november).await).await;

    office.month("2026-12", &people).await;
    let december = office.paid_out("2026-12", Regular).await;
    let held = held(&office, &december).await;
    assert!(held.iter().all(|(code, _)| code == "H158"), "{held:?}");
    // Of both October and December, of the second November besides; a raise is among it.
    assert_eq!(held.iter().map(|(_, minor)| minor).sum::<i64>(), 2_740_000, "{held:?}");
    office.check(&december, "entitled 2", "held 4 = 2740000").await;
    office.ends_whole().await;
}

/// November is released when October comes back with the word that the payee is dead: the file waits until an officer
/// proposes to stop that payment, or has let it go.
async fn what_waits_to_leave_for_who_is_said_to_be_dead_is_looked_at(office: TestOffice) {
    office.on_day(BEFORE_THE_RAISE);
    let people = [AN, BINH];
    office.month("2026-10", &people).await;
    let october = office.paid_out("2026-10", Regular).await;
    for enrolment in ["E1", "E2"] {
        let paid = office.said(&october, enrolment, 1, "Thành công", "").await;
        office.sheet(&[paid]).await.unwrap();
    }
    office.month("2026-11", &people).await;
    let november = office.sealed("2026-11", Regular).await;
    office.released(&november, 0).await;
    office.on_day("2026-10-02");
    let back = office.said(&october, "E1", 1, "Hoàn trả", "Người hưởng đã chết").await;
    office.sheet(&[back]).await.unwrap();
    let dispatched = async || {
        let told = office.engine.dispatch(None).await.unwrap();
        told.iter().map(|one| format!("{}: {}", one.state, one.detail)).collect::<Vec<_>>()
    };
    let told = dispatched().await;
    assert!(
        told.len() == 1 && told[0].starts_with("released: waits: 1 of its payments"),
        "{told:?}"
    );
    let (now, an) = (office.now(&november).await, office.person("E1").await);
    let engine = &office.engine;
    engine.stop_propose(&now, an, "the bank says so", MAKER, &key(MAKER)).await.unwrap();
    assert!(dispatched().await[0].starts_with("released"));
    let by = APPROVERS[0];
    engine.stop_refuse(&now, an, by, &key(by)).await.unwrap();
    assert!(dispatched().await[0].starts_with("delivered"));
    office.check(&november, "entitled 2", "pending 2 = 1000000").await;
    office.ends_whole().await;
}

/// Nobody looks for a month, and the person has left the roster: what the word stopped waits with every list, and
/// one officer alone cannot let it go.
async fn what_a_partner_s_word_stopped_waits_with_every_list(office: TestOffice) {
    office.on_day(BEFORE_THE_RAISE);
    office.month("2026-10", &[AN, BINH]).await;
    let october = office.paid_out("2026-10", Regular).await;
    let dead = office.said(&october, "E1", 1, "Không thành công", "Chủ tài khoản đã chết").await;
    let paid = office.said(&october, "E2", 1, "Thành công", "").await;
    office.sheet(&[dead, paid]).await.unwrap();
    office.closed(&october).await;
    for month in ["2026-11", "2026-12"] {
        office.month(month, &[BINH]).await;
        let cycle = office.paid_out(month, Regular).await;
        office.check(&cycle, "entitled 1", "held 1 = 500000, pending 1 = 500000").await;
        let paid = office.said(&cycle, "E2", 1, "Thành công", "").await;
        office.sheet(&[paid]).await.unwrap();
        assert_eq!(held(&office, &cycle).await, [("H158".to_owned(), 500_000)], "{month}");
        let now = office.now(&cycle).await;
        let (_, holds) = office.engine.holds(&now, None, 1).await.unwrap();
        let (name, said) = (holds[0].name(), deciding(Decision::Release));
        office.engine.hold_decide(&now, &name, said, MAKER, &key(MAKER)).await.unwrap();
        assert_eq!(office.engine.reissue(&now).await.unwrap().ordered, 0, "{month}");
        if month == "2026-12" {
            let second = APPROVERS[0];
            office.engine.hold_confirm(&now, &name, second, &key(second)).await.unwrap();
            let again = office.engine.reissue(&now).await.unwrap();
            assert_eq!((again.ordered, again.ordered_minor), (1, 500_000));
        }
        if month == "2026-11" {
            office.closed(&cycle).await;
        }
    }
    office.ends_whole().await;
}

/// October was rejected and carried, November is sealed with it, and then October's order is proved paid:
/// the list is not released before the payment is proposed to be stopped, and the next month owes the rest.
async fn what_an_earlier_order_paid_is_not_released_again(office: TestOffice) {
    office.on_day(BEFORE_THE_RAISE);
    let people = [AN, BINH];
    office.month("2026-10", &people).await;
    let october = office.paid_out("2026-10", Regular).await;
    let no = office.said(&october, "E1", 1, "Không thành công", "Sai số tài khoản").await;
    let paid = office.said(&october, "E2", 1, "Thành công", "").await;
    office.sheet(&[no, paid]).await.unwrap();
    office.closed(&october).await;
    office.month("2026-11", &people).await;
    let november = office.sealed("2026-11", Regular).await;
    office.approved(&november, 0).await;
    let late = office.said(&october, "E1", 1, "Thành công", "").await;
    office.sheet(&[late]).await.unwrap();
    let_go_on(&office).await;

    let engine = &office.engine;
    let first = APPROVERS[0];
    let now = office.now(&november).await;
    let before = office.snapshot().await;
    let told = refused(engine.release(&now, ListNo(0), first, &key(first)).await, "A117");
    assert!(
        told.contains("1 of its payments, 1.000.000 VND") && told.contains("stop propose"),
        "{told}"
    );
    assert_eq!(office.snapshot().await, before);

    let an = office.person("E1").await;
    engine.stop_propose(&now, an, "October was paid", MAKER, &key(MAKER)).await.unwrap();
    engine.release(&now, ListNo(0), first, &key(first)).await.unwrap();
    let stopped =
        engine.stop_confirm(&office.now(&november).await, an, first, &key(first)).await.unwrap();
    office.sent(&november, stopped.list.unwrap().number.0).await;
    office.check(&november, "entitled 2", "held 1 = 1000000, pending 1 = 500000").await;
    let paid = office.said(&november, "E2", 1, "Thành công", "").await;
    office.sheet(&[paid]).await.unwrap();
    office.closed(&november).await;

    office.month("2026-12", &people).await;
    let december = office.paid_out("2026-12", Regular).await;
    office.release_holds(&december, "H160").await;
    let again = office.engine.reissue(&office.now(&december).await).await.unwrap();
    // November and December; October is in the person's hands, and set off.
    assert_eq!(again.ordered_minor, 1_000_000, "{:?}", again.waiting);
    office.sent(&december, 1).await;
    office.check(&december, "entitled 2", "pending 3 = 1500000").await;
    office.ends_whole().await;
}

/// The same, proved after the release and before the file left: it waits until an officer has decided.
async fn what_an_earlier_order_paid_does_not_leave_again(office: TestOffice) {
    office.on_day(BEFORE_THE_RAISE);
    office.month("2026-10", &[AN]).await;
    let october = office.paid_out("2026-10", Regular).await;
    let no = office.said(&october, "E1", 1, "Không thành công", "Sai số tài khoản").await;
    office.sheet(&[no]).await.unwrap();
    office.engine.reissue(&office.now(&october).await).await.unwrap();
    office.released(&october, 1).await;
    let late = office.said(&october, "E1", 1, "Thành công", "").await;
    office.sheet(&[late]).await.unwrap();
    let_go_on(&office).await;
    let told = office.engine.dispatch(None).await.unwrap();
    assert!(told[0].detail.contains("1 of its payments, 500.000 VND, order money"), "{told:?}");
    assert_eq!(office.attempts(&october, "E1").await, "1 settled_excess, 2 in_batch");

    let (an, now) = (office.person("E1").await, office.now(&october).await);
    let [first, second] = APPROVERS;
    office.engine.stop_propose(&now, an, "paid already", first, &key(first)).await.unwrap();
    office.engine.stop_confirm(&now, an, second, &key(second)).await.unwrap();
    assert_eq!(office.attempts(&october, "E1").await, "1 settled, 2 cancelled");
    assert_eq!(office.receivables().await, Vec::<String>::new());
    office.check(&october, "entitled 1", "paid 1 = 500000").await;
    office.ends_whole().await;
}
