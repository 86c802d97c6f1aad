//! Halts by hand, lists that are given up, and files that are taken back before they leave. Each told
//! on both databases.

use chitra::domain::batch::BatchState;
use chitra::domain::cycle::CycleKind::Regular;
use chitra::domain::cycle::{Cycle, CycleState};
use chitra::domain::ids::ListNo;

use crate::support::office::{
    APPROVERS, Fault, MAKER, TestOffice, key, on_both_databases, refused, run,
};
use crate::support::real_parts::RealPart;

on_both_databases! { run, RealPart::Postgres;
    one_officer_halts_and_two_let_go_on
    a_list_that_is_given_up_leaves_everything_as_it_was
    a_held_payment_of_a_list_that_is_given_up_is_held_again
    proved_paid_while_the_reissue_waits_has_a_way_out
    a_released_file_that_never_left_is_taken_back
    a_file_that_may_have_left_is_not_taken_back
    a_month_of_which_everything_is_taken_back_settles
    what_only_moved_to_a_list_that_is_given_up_is_ordered_again
}

const AN: &str = "E1 | 001044000101 | Nguyễn Văn An | 1944-03-14 | male | social_pension/monthly | monthly_pension=0 | bank 970405 0711000001";
const BINH: &str = "E2 | 001145000102 | Trần Thị Bình | 1945-07-02 | female | social_pension/monthly | monthly_pension=0 | bank 970436 0711000002";
const CHI: &str = "E3 | 001145000103 | Lê Thị Chi | 1945-07-03 | female | social_pension/monthly | monthly_pension=0 | bank 970405 0711000003";
const DAY: &str = "2026-09-20";

/// The name of the one file of a list to a partner.
async fn file_of(office: &TestOffice, cycle: &Cycle, list: i64, partner: &str) -> String {
    let batches = office.engine.store.batches(cycle.number).await.unwrap();
    let mut of_list = batches.iter().filter(|one| one.list.0 == list && one.provider == partner);
    let file = of_list.next().expect("the list has a file to the partner").file_name.clone();
    assert!(of_list.next().is_none());
    file
}

async fn state_of(office: &TestOffice, cycle: &Cycle, file: &str) -> BatchState {
    let batches = office.engine.store.batches(cycle.number).await.unwrap();
    batches.iter().find(|one| one.file_name == file).expect("the file is there").state
}

async fn list_cancelled(office: &TestOffice, cycle: &Cycle, list: i64) {
    let now = office.now(cycle).await;
    office.engine.list_cancel(&now, ListNo(list), MAKER, &key(MAKER)).await.unwrap();
}

async fn one_officer_halts_and_two_let_go_on(office: TestOffice) {
    office.on_day(DAY);
    office.month("2026-10", &[AN, BINH]).await;
    let cycle = office.sealed("2026-10", Regular).await;
    office.released(&cycle, 0).await;
    let engine = &office.engine;
    let put = |scope: &'static str, cause: &'static str| async move {
        engine.halt_put(scope, cause, MAKER, &key(MAKER)).await
    };
    refused(put("everything", "the bank's system is down").await, "D103");
    refused(put("provider:nobody", "the bank's system is down").await, "G118");
    refused(put("cycle:2030-01", "the bank's system is down").await, "C103");
    refused(put("provider:sheetbank", " ").await, "D105");
    refused(put("provider:sheetbank", "two\nlines").await, "D105");
    let halt = put("provider:sheetbank", "the bank's system is down").await.unwrap();
    refused(put("provider:sheetbank", "once more").await, "D104");

    let sheet = file_of(&office, &cycle, 0, "sheetbank").await;
    let told = engine.dispatch(None).await.unwrap();
    let of_sheet = told.iter().find(|one| one.file_name == sheet).unwrap();
    let way_out = format!("two officers lift it: chitra halt lift {}", halt.number);
    assert_eq!(of_sheet.detail, format!("halted: the bank's system is down; {way_out}"));
    assert!(of_sheet.is_hindered() && told.iter().filter(|one| one.is_hindered()).count() == 1);
    assert_eq!(office.times_sent(&sheet), 0);
    let iso = file_of(&office, &cycle, 0, "isobank").await;
    assert_eq!(state_of(&office, &cycle, &iso).await, BatchState::Delivered);

    for (scope, told) in [("cycle:2026-10", "cycle:1"), ("all", "all")] {
        assert_eq!(put(scope, "the list is looked at").await.unwrap().scope, told);
    }
    let scopes = engine.halts().await.unwrap().into_iter().map(|halt| halt.scope);
    assert_eq!(scopes.collect::<Vec<_>>(), ["provider:sheetbank", "cycle:2026-10", "all"]);
    let [first, second] = APPROVERS;
    for number in [halt.number, halt.number + 1, halt.number + 2] {
        let told = engine.dispatch(None).await.unwrap();
        assert!(told[0].detail.starts_with("halted: "), "{}", told[0].detail);
        refused(engine.halt_lift(number, MAKER, &key(MAKER)).await, "A111");
        assert!(!engine.halt_lift(number, first, &key(first)).await.unwrap());
        refused(engine.halt_lift(number, first, &key(first)).await, "D102");
        assert!(engine.halt_lift(number, second, &key(second)).await.unwrap());
    }
    engine.dispatch(None).await.unwrap();
    assert_eq!(state_of(&office, &cycle, &sheet).await, BatchState::Delivered);
    assert!(office.halts().await.is_empty());
    office.ends_whole().await;
}

async fn a_list_that_is_given_up_leaves_everything_as_it_was(office: TestOffice) {
    office.on_day(DAY);
    office.month("2026-10", &[AN, CHI]).await;
    let cycle = office.paid_out("2026-10", Regular).await;
    let an = office.said(&cycle, "E1", 1, "Thất bại", "Sai số tài khoản").await;
    let chi = office.said(&cycle, "E3", 1, "Thành công", "").await;
    office.sheet(&[an, chi]).await.unwrap();
    let before = office.payable(&cycle, "E1").await;
    let engine = &office.engine;
    engine.reissue(&office.now(&cycle).await).await.unwrap().list.unwrap();
    office.approved(&cycle, 1).await;
    let file = file_of(&office, &cycle, 1, "paypoint").await;
    // A list that is forgotten hinders closing.
    refused(engine.close(&office.now(&cycle).await, MAKER, &key(MAKER)).await, "C140");

    let now = office.now(&cycle).await;
    refused(engine.list_cancel(&now, ListNo(0), MAKER, &key(MAKER)).await, "D120");
    refused(engine.list_cancel(&now, ListNo(7), MAKER, &key(MAKER)).await, "D122");
    refused(engine.list_cancel(&now, ListNo(1), MAKER, &key("minh")).await, "A104");
    refused(engine.withdraw(&now, &file, MAKER, &key(MAKER)).await, "D125");
    list_cancelled(&office, &cycle, 1).await;
    assert_eq!(office.payable(&cycle, "E1").await, before);
    assert_eq!(office.attempts(&cycle, "E1").await, "1 rejected, 2 cancelled");
    assert_eq!(state_of(&office, &cycle, &file).await, BatchState::Withdrawn);
    refused(engine.list_cancel(&now, ListNo(1), MAKER, &key(MAKER)).await, "D121");
    let approver = APPROVERS[0];
    refused(engine.release(&now, ListNo(1), approver, &key(approver)).await, "A109");
    assert!(engine.dispatch(None).await.unwrap().is_empty());

    // Ordered again it goes the same way under an id of its own, and is one try more.
    let again = engine.reissue(&now).await.unwrap();
    assert_eq!((again.ordered, again.list.unwrap().number), (1, ListNo(2)));
    assert_eq!(office.attempts(&cycle, "E1").await, "1 rejected, 2 cancelled, 3 in_batch");
    list_cancelled(&office, &cycle, 2).await;
    office.closed(&cycle).await;
    office.check(&cycle, "entitled 2", "paid 1 = 500000, rejected 1 = 500000").await;
    office.ends_whole().await;
}

async fn a_held_payment_of_a_list_that_is_given_up_is_held_again(office: TestOffice) {
    office.on_day(DAY);
    let shared: Vec<String> = (1..=4)
        .map(|at| {
            let one = BINH.replace("E2", &format!("S{at}"));
            one.replace("001145000102", &format!("00114500020{at}"))
        })
        .collect();
    let people: Vec<&str> = shared.iter().map(String::as_str).collect();
    office.month("2026-10", &people).await;
    let cycle = office.sealed("2026-10", Regular).await;
    office.sent(&cycle, 0).await;
    office.release_holds(&cycle, "H121").await;
    office.engine.reissue(&office.now(&cycle).await).await.unwrap().list.unwrap();
    office.check(&cycle, "entitled 4", "pending 4 = 2000000").await;
    list_cancelled(&office, &cycle, 1).await;
    office.check(&cycle, "entitled 4", "held 4 = 2000000").await;
    assert_eq!(office.payable(&cycle, "S1").await.code, "H121");

    let again = office.engine.reissue(&office.now(&cycle).await).await.unwrap();
    assert_eq!(again.ordered, 4);
    assert_eq!(office.attempts(&cycle, "S1").await, "1 cancelled, 2 in_batch");
    office.sent(&cycle, 2).await;
    office.check(&cycle, "entitled 4", "pending 4 = 2000000").await;
    office.ends_whole().await;
}

async fn proved_paid_while_the_reissue_waits_has_a_way_out(office: TestOffice) {
    office.on_day(DAY);
    office.month("2026-10", &[AN]).await;
    let cycle = office.paid_out("2026-10", Regular).await;
    let rejected = office.said(&cycle, "E1", 1, "Thất bại", "Sai số tài khoản").await;
    office.sheet(&[rejected]).await.unwrap();
    office.engine.reissue(&office.now(&cycle).await).await.unwrap().list.unwrap();
    let paid = office.said(&cycle, "E1", 1, "Thành công", "").await;
    office.sheet(&[paid]).await.unwrap();
    assert_eq!(office.attempts(&cycle, "E1").await, "1 settled_excess, 2 in_batch");
    assert_eq!(office.receivables().await, ["settled_excess 500000"]);

    list_cancelled(&office, &cycle, 1).await;
    assert_eq!(office.attempts(&cycle, "E1").await, "1 settled, 2 cancelled");
    assert!(office.receivables().await.is_empty());
    office.closed(&cycle).await;
    office.check(&cycle, "entitled 1", "paid 1 = 500000").await;
    office.ends_whole().await;
}

async fn a_released_file_that_never_left_is_taken_back(office: TestOffice) {
    office.on_day(DAY);
    office.month("2026-10", &[AN, BINH]).await;
    let cycle = office.sealed("2026-10", Regular).await;
    office.released(&cycle, 0).await;
    let engine = &office.engine;
    let sheet = file_of(&office, &cycle, 0, "sheetbank").await;
    // The partner's folder is away: the file is tried, and is proved not to have left.
    let inbox = office.dir.join("sheetbank/inbox");
    std::fs::remove_dir(&inbox).unwrap();
    engine.dispatch(None).await.unwrap();
    assert_eq!(state_of(&office, &cycle, &sheet).await, BatchState::Released);
    let now = office.now(&cycle).await;
    refused(engine.withdraw(&now, "NOTHING.csv", MAKER, &key(MAKER)).await, "D124");
    refused(engine.withdraw(&now, &sheet, MAKER, &key(MAKER)).await, "D126");
    std::fs::create_dir(&inbox).unwrap();

    let done = engine.withdraw(&now, &sheet, MAKER, &key(MAKER)).await.unwrap();
    assert_eq!((done.count, done.total_minor), (1, 500_000));
    let payable = office.payable(&cycle, "E1").await;
    assert_eq!(
        (payable.state.to_string().as_str(), payable.code.as_str()),
        ("rejected", "withdrawn")
    );
    assert!(engine.dispatch(None).await.unwrap().is_empty());
    refused(engine.withdraw(&now, &sheet, MAKER, &key(MAKER)).await, "D125");

    // It is ordered again the same way, and being taken back was no try.
    for list in 1..=3 {
        assert_eq!(engine.reissue(&now).await.unwrap().ordered, 1);
        if list < 3 {
            office.released(&cycle, list).await;
            let file = file_of(&office, &cycle, list, "sheetbank").await;
            engine.withdraw(&now, &file, MAKER, &key(MAKER)).await.unwrap();
        }
    }
    office.sent(&cycle, 3).await;
    let an = office.said(&cycle, "E1", 4, "Thành công", "").await;
    office.sheet(&[an]).await.unwrap();
    office.check(&cycle, "entitled 2", "pending 1 = 500000, paid 1 = 500000").await;
    office.ends_whole().await;
}

async fn a_file_that_may_have_left_is_not_taken_back(office: TestOffice) {
    office.on_day(DAY);
    office.month("2026-10", &[AN]).await;
    let cycle = office.sealed("2026-10", Regular).await;
    office.released(&cycle, 0).await;
    let engine = &office.engine;
    let sheet = file_of(&office, &cycle, 0, "sheetbank").await;
    office.next_fault(Some(Fault::LosesTheOutcome));
    engine.dispatch(None).await.unwrap();
    let before = office.snapshot().await;
    let now = office.now(&cycle).await;
    let told = refused(engine.withdraw(&now, &sheet, MAKER, &key(MAKER)).await, "D125");
    assert!(told.contains("may have left"), "{told}");
    office.next_fault(None);
    engine.dispatch(None).await.unwrap();
    let told = refused(engine.withdraw(&now, &sheet, MAKER, &key(MAKER)).await, "D125");
    assert!(told.contains("the partner has it"), "{told}");
    assert_eq!(before.len(), office.snapshot().await.len());
    assert_eq!(office.times_sent(&sheet), 1);
    office.ends_whole().await;
}

async fn a_month_of_which_everything_is_taken_back_settles(office: TestOffice) {
    office.on_day(DAY);
    office.month("2026-10", &[AN, BINH]).await;
    let cycle = office.sealed("2026-10", Regular).await;
    office.released(&cycle, 0).await;
    for (partner, state) in [("sheetbank", CycleState::Released), ("isobank", CycleState::Settling)]
    {
        let file = file_of(&office, &cycle, 0, partner).await;
        let now = office.now(&cycle).await;
        office.engine.withdraw(&now, &file, MAKER, &key(MAKER)).await.unwrap();
        assert_eq!(office.now(&cycle).await.state, state);
    }
    office.closed(&cycle).await;
    office.check(&cycle, "entitled 2", "rejected 2 = 1000000").await;
    // The next month carries both.
    office.month("2026-11", &[AN, BINH]).await;
    let november = office.sealed("2026-11", Regular).await;
    office.check(&november, "entitled 2", "pending 2 = 2000000").await;
    office.ends_whole().await;
}

async fn what_only_moved_to_a_list_that_is_given_up_is_ordered_again(mut office: TestOffice) {
    office.on_day(DAY);
    office.month("2026-10", &[AN, BINH, CHI]).await;
    let cycle = office.sealed("2026-10", Regular).await;
    office.released(&cycle, 0).await;
    let old = file_of(&office, &cycle, 0, "sheetbank").await;
    let now = office.now(&cycle).await;
    let (files, day) = ([old.clone()], "2026-10-06".parse().unwrap());
    office.engine.redate(&now, &files, day, MAKER, &key(MAKER)).await.unwrap();
    let moved = file_of(&office, &cycle, 1, "sheetbank").await;
    // The old file says where its payments are, and what is done with a list that waits.
    let told = refused(office.engine.withdraw(&now, &old, MAKER, &key(MAKER)).await, "D125");
    assert!(told.contains(&format!("moved to {moved} of list 1, which is created")), "{told}");
    let told = refused(office.engine.withdraw(&now, &moved, MAKER, &key(MAKER)).await, "D125");
    assert!(told.contains("chitra list cancel 2026-10 --list 1"), "{told}");

    // Whatever the setting is meanwhile, the list can be given up.
    let path = office.dir.join(chitra::engine::office::CONFIG);
    let text = std::fs::read_to_string(&path).unwrap();
    let other = text.replace("environment = \"test\"", "environment = \"production\"");
    std::fs::write(&path, other).unwrap();
    office.reopen().await;
    refused(office.engine.submit(&now, ListNo(1), MAKER, &key(MAKER)).await, "D180");
    list_cancelled(&office, &cycle, 1).await;
    std::fs::write(&path, text).unwrap();
    office.reopen().await;
    assert_eq!(office.attempts(&cycle, "E1").await, "1 cancelled");
    let an = office.payable(&cycle, "E1").await;
    assert_eq!((an.state.to_string().as_str(), an.code.as_str()), ("rejected", "withdrawn"));
    office.check(&cycle, "entitled 3", "pending 1 = 500000, rejected 2 = 1000000").await;
    for file in [&old, &moved] {
        assert_eq!(state_of(&office, &cycle, file).await, BatchState::Withdrawn);
        let told = refused(office.engine.withdraw(&now, file, MAKER, &key(MAKER)).await, "D125");
        assert!(told.contains("with: chitra reissue 2026-10"), "{told}");
    }

    // As the sentence says; moved once more after its release it is given up the same way.
    assert_eq!(office.engine.reissue(&now).await.unwrap().ordered, 2);
    assert_eq!(office.attempts(&cycle, "E1").await, "1 cancelled, 2 in_batch");
    office.released(&cycle, 2).await;
    let files = [file_of(&office, &cycle, 2, "sheetbank").await];
    let now = office.now(&cycle).await;
    office.engine.redate(&now, &files, day, MAKER, &key(MAKER)).await.unwrap();
    list_cancelled(&office, &cycle, 3).await;
    office.check(&cycle, "entitled 3", "pending 1 = 500000, rejected 2 = 1000000").await;
    assert_eq!(office.engine.reissue(&now).await.unwrap().ordered, 2);
    office.sent(&cycle, 4).await;
    for enrolment in ["E1", "E3"] {
        let said = office.said(&cycle, enrolment, 3, "Thành công", "").await;
        office.sheet(&[said]).await.unwrap();
    }
    office.check(&cycle, "entitled 3", "pending 1 = 500000, paid 2 = 1000000").await;
    office.ends_whole().await;
}
