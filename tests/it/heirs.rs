//! What is still due to somebody who has died is paid to the heir whom two officers named, once, and only up to
//! the month of death. Each told on both databases.

use chitra::domain::cycle::Cycle;
use chitra::domain::cycle::CycleKind::Regular;
use chitra::domain::exception::Decision;
use chitra::domain::heir::HeirState;
use chitra::domain::ids::{AttemptNo, ListNo};
use chitra::domain::payable::Payable;
use chitra::engine::EngineError;
use chitra::engine::heir::{NamedHeir, Naming};
use chitra::engine::hold::Deciding;
use chitra::store::database::Value;

use crate::support::office::{
    APPROVERS, MAKER, Said, TestOffice, deciding, key, on_both_databases, period, refused, run,
};
use crate::support::real_parts::RealPart;

mod later_months;
mod withdrawn;

on_both_databases! { run, RealPart::Postgres;
    the_month_of_death_is_held_and_then_the_heir_s
    a_death_after_the_freeze_is_paid_once_to_the_heir
    what_came_back_after_a_death_goes_to_the_heir_and_not_there_again
    a_month_after_the_death_is_not_the_heir_s
    a_death_that_the_register_has_earlier_counts
    what_another_received_for_the_dead_goes_to_the_heir
    the_funeral_support_is_for_whom_the_roster_names
    a_pay_point_of_an_heir_is_one_of_the_payee_s_as_well
    one_heir_of_a_person_at_a_time
    one_officer_alone_names_nobody
    what_cannot_be_is_not_named
    an_heir_s_payment_is_not_kept_back_for_the_dead
    an_heir_who_has_died_is_not_paid
    a_list_computed_before_an_heir_was_confirmed_is_not_sealed
    a_carer_who_becomes_the_heir_is_paid_up_to_the_death
    another_account_of_the_same_heir_is_another_naming
    an_heir_who_collects_cash_is_on_the_sheet_with_the_dead
    what_the_heir_s_account_refuses_stays_the_heir_s
    what_may_be_paid_twice_is_not_the_heir_s_before_two_have_looked
    what_was_paid_after_the_death_is_told
    a_naming_changed_by_hand_is_told
    a_payable_given_to_an_heir_by_hand_is_told
}

const AN: &str = "E1 | 001044000101 | Nguyễn Văn An | 1944-03-14 | male | social_pension/monthly | monthly_pension=0 | bank 970405 0711000001";
const BINH: &str = "E2 | 001145000102 | Trần Thị Bình | 1945-07-02 | female | social_pension/monthly | monthly_pension=0 | bank 970405 0711000002";
const DAY: &str = "2026-10-01";
const HEIR_ID: &str = "001170000901";

const SINCE: &str =
    "an heir was confirmed or withdrawn since: the next month's list goes on with it";

const SON: Naming<'_> = Naming {
    died_on: "2026-10-01",
    name: "Nguyễn Văn Con",
    national_id: HEIR_ID,
    relation: "con",
    channel: "bank",
    provider: "970405",
    account: "0711000901",
    account_name: "NGUYEN VAN CON",
    paper: "Giấy ủy quyền 12/2026",
    paper_date: "2026-10-01",
};

async fn proposed(office: &TestOffice, naming: &Naming<'_>) -> NamedHeir {
    let an = office.person("E1").await;
    office.engine.heir_propose(an, naming, MAKER, &key(MAKER)).await.unwrap()
}

async fn confirmed(office: &TestOffice) -> Result<NamedHeir, EngineError> {
    let (number, by) = (newest(office).await, APPROVERS[0]);
    office.engine.heir_confirm(number, by, &key(by)).await
}

async fn newest(office: &TestOffice) -> i64 {
    office.engine.heirs_named(None).await.unwrap().last().unwrap().row.number
}

async fn named(office: &TestOffice, naming: &Naming<'_>) {
    proposed(office, naming).await;
    confirmed(office).await.unwrap();
}

/// The list, computed anew.
async fn anew(office: &TestOffice, cycle: &Cycle) -> Cycle {
    let again = office.engine.recompute(&office.now(cycle).await).await.unwrap();
    office.computed(&again).await
}

/// An died in October, the son is named, and the list is computed anew for him.
async fn october_for_the_son(office: &TestOffice) -> Cycle {
    office.on_day(DAY);
    office.month("2026-10", &[&dead(AN, "2026-10-01"), BINH]).await;
    let cycle = office.computed(&office.opened("2026-10", Regular).await).await;
    named(office, &SON).await;
    anew(office, &cycle).await
}

async fn withdrawn(office: &TestOffice) {
    let (number, by) = (newest(office).await, APPROVERS[1]);
    let done = office.engine.heir_withdraw(number, "the family is not agreed", by, &key(by)).await;
    assert_eq!(done.unwrap().row.state, HeirState::Withdrawn);
}

/// What of a cycle is for An, whoever is paid: to whom, how it stands, and how much.
async fn for_an(office: &TestOffice, cycle: &Cycle) -> Vec<String> {
    let an = office.person("E1").await;
    let payables = office.engine.store.payables_of_beneficiary(cycle.number, an).await.unwrap();
    let mut told: Vec<String> = payables
        .iter()
        .map(|one| {
            let to = match one.heir {
                Some(_) => "heir",
                None if one.payee == an => "An",
                None => "somebody",
            };
            format!("{to} {} {}{}", one.state, one.amount_minor, code(one))
        })
        .collect();
    told.sort();
    told
}

fn code(payable: &Payable) -> String {
    match payable.code.as_str() {
        "" => String::new(),
        code => format!(" {code}"),
    }
}

/// What the heir's bank says of the payment for An.
async fn told_of_heir(office: &TestOffice, cycle: &Cycle, status: &str, reason: &str) -> Said {
    let an = office.person("E1").await;
    let payables = office.engine.store.payables_of_beneficiary(cycle.number, an).await.unwrap();
    let payable = payables.into_iter().find(|one| one.heir.is_some()).unwrap();
    office.said_of(&payable, 1, status, reason).await
}

async fn heir_paid(office: &TestOffice, cycle: &Cycle) {
    let said = told_of_heir(office, cycle, "Thành công", "").await;
    office.sheet(&[said]).await.unwrap();
}

fn dead(line: &str, day: &str) -> String {
    format!("{line} | register.vital_status=deceased | register.date_of_death={day}")
}

/// An died in the month of the list, and its register knows.
async fn the_month_of_death_is_held_and_then_the_heir_s(office: TestOffice) {
    office.on_day(DAY);
    office.month("2026-10", &[&dead(AN, "2026-10-01"), BINH]).await;
    let cycle = office.computed(&office.opened("2026-10", Regular).await).await;
    assert_eq!(for_an(&office, &cycle).await, ["An held 500000 H111"]);
    named(&office, &SON).await;
    // The list is computed anew, as after a decision on a hold.
    let cycle = anew(&office, &cycle).await;
    assert_eq!(for_an(&office, &cycle).await, ["heir pending 500000"]);
    let sealed = office.engine.seal(&cycle).await.unwrap();
    office.sent(&sealed, 0).await;
    heir_paid(&office, &cycle).await;
    assert_eq!(for_an(&office, &cycle).await, ["heir paid 500000"]);

    let cycle = office.now(&cycle).await;
    let report = office.engine.cycle_report(&cycle).await.unwrap();
    assert_eq!((report.to_heirs.count, report.to_heirs.minor), (1, 500_000));
    let told = office.engine.explain(&cycle, office.person("E1").await).await;
    let words = told.unwrap().payables.remove(0).heir.unwrap();
    for (text, part) in [
        (
            &words.vi,
            "Khoản này dành cho thân nhân Nguyễn Văn Con (con), vì người hưởng đã chết ngày 2026-10-01",
        ),
        (
            &words.en,
            "This is for the heir Nguyễn Văn Con (con), because the beneficiary died on 2026-10-01",
        ),
        (&words.en, "Giấy ủy quyền 12/2026 of 2026-10-01; named by lan and confirmed by minh"),
    ] {
        assert!(text.contains(part), "{text}");
    }
    office.ends_whole().await;
}

async fn a_death_after_the_freeze_is_paid_once_to_the_heir(office: TestOffice) {
    office.on_day(DAY);
    office.month("2026-10", &[AN, BINH]).await;
    let october = office.sealed("2026-10", Regular).await;
    office.released(&october, 0).await;
    let (engine, an) = (&office.engine, office.person("E1").await);
    let (now, by) = (office.now(&october).await, APPROVERS[0]);
    engine.stop_propose(&now, an, "he died", MAKER, &key(MAKER)).await.unwrap();
    let list = engine.stop_confirm(&now, an, by, &key(by)).await.unwrap().list.unwrap();
    office.sent(&october, list.number.0).await;
    let binh = office.said(&october, "E2", 1, "Thành công", "").await;
    office.sheet(&[binh]).await.unwrap();
    assert_eq!(for_an(&office, &october).await, ["An held 500000 H160"]);
    named(&office, &SON).await;
    // Not even two officers let it go to the account of who is dead.
    office.release_holds(&october, "H160").await;
    let again = engine.reissue(&office.now(&october).await).await.unwrap();
    let waiting: Vec<_> = again.waiting.into_iter().collect();
    assert_eq!(waiting, [(SINCE, 1)]);
    office.closed(&october).await;

    // The register knows nothing yet: November is determined, and paid to nobody.
    office.month("2026-11", &[AN, BINH]).await;
    let november = office.paid_out("2026-11", Regular).await;
    // Two officers took it off the list, and two let it go: for the heir, whom they did not know then.
    assert_eq!(for_an(&office, &november).await, ["An held 500000 H164", "heir held 500000 H160"]);
    office.release_holds(&november, "H160").await;
    let again = engine.reissue(&office.now(&november).await).await.unwrap();
    assert_eq!(again.ordered, 1, "{:?}", again.waiting);
    office.sent(&november, 1).await;
    heir_paid(&office, &november).await;
    let binh = office.said(&november, "E2", 1, "Thành công", "").await;
    office.sheet(&[binh]).await.unwrap();
    let told = engine.explain(&office.now(&november).await, an).await.unwrap();
    assert_eq!(told.carried.len(), 1);
    office.closed(&november).await;

    office.month("2026-12", &[&dead(AN, "2026-10-01"), BINH]).await;
    let december = office.sealed("2026-12", Regular).await;
    assert_eq!(for_an(&office, &december).await, ["An held 500000 H164"]);
    assert_eq!(office.receivables().await, Vec::<String>::new());
    office.ends_whole().await;
}

async fn what_came_back_after_a_death_goes_to_the_heir_and_not_there_again(office: TestOffice) {
    office.on_day(DAY);
    office.month("2026-10", &[AN, BINH]).await;
    let october = office.paid_out("2026-10", Regular).await;
    let back = office.said(&october, "E1", 1, "Hoàn trả", "Tài khoản đã đóng").await;
    let paid = office.said(&october, "E2", 1, "Thành công", "").await;
    office.sheet(&[back, paid]).await.unwrap();
    named(&office, &SON).await;
    let again = office.engine.reissue(&office.now(&october).await).await.unwrap();
    assert!(again.list.is_none(), "not ordered again for the dead");
    office.closed(&october).await;

    office.month("2026-11", &[&dead(AN, "2026-10-01"), BINH]).await;
    let november = office.paid_out("2026-11", Regular).await;
    assert_eq!(for_an(&office, &november).await, ["heir pending 500000"]);
    heir_paid(&office, &november).await;
    // The bank says of the first order that it was paid after all: the money went out twice, and is owed.
    let late = office.said(&october, "E1", 1, "Thành công", "").await;
    office.sheet(&[Said { reason: "lần 2".to_owned(), ..late }]).await.unwrap();
    assert_eq!(for_an(&office, &november).await, ["heir paid 500000"]);
    office.ends_whole().await;
}

async fn a_month_after_the_death_is_not_the_heir_s(office: TestOffice) {
    office.on_day(DAY);
    // He died in September; October was paid out before anybody knew, and came back.
    office.month("2026-10", &[AN, BINH]).await;
    let october = office.paid_out("2026-10", Regular).await;
    let back = office.said(&october, "E1", 1, "Hoàn trả", "Tài khoản đã đóng").await;
    let paid = office.said(&october, "E2", 1, "Thành công", "").await;
    office.sheet(&[back, paid]).await.unwrap();
    office.closed(&october).await;
    named(&office, &Naming { died_on: "2026-09-30", ..SON }).await;
    office.month("2026-11", &[&dead(AN, "2026-09-30"), BINH]).await;
    let november = office.sealed("2026-11", Regular).await;
    assert_eq!(for_an(&office, &november).await, ["An held 500000 H164"]);
    office.ends_whole().await;
}

/// The paper says October, the register September: the earlier one counts, and nothing is due.
async fn a_death_that_the_register_has_earlier_counts(office: TestOffice) {
    office.on_day(DAY);
    office.month("2026-10", &[AN, BINH]).await;
    let october = office.paid_out("2026-10", Regular).await;
    let back = office.said(&october, "E1", 1, "Hoàn trả", "Tài khoản đã đóng").await;
    let paid = office.said(&october, "E2", 1, "Thành công", "").await;
    office.sheet(&[back, paid]).await.unwrap();
    office.closed(&october).await;
    named(&office, &SON).await;
    office.month("2026-11", &[&dead(AN, "2026-09-30"), BINH]).await;
    let november = office.sealed("2026-11", Regular).await;
    assert_eq!(for_an(&office, &november).await, ["An held 500000 H164"]);
    // Whether the heir is withdrawn or not, it waits for two persons then.
    withdrawn(&office).await;
    let now = office.now(&november).await;
    office.engine.cycle_cancel(&now, "made for nobody", MAKER, &key(MAKER)).await.unwrap();
    office.month("2026-12", &[&dead(AN, "2026-09-30"), BINH]).await;
    let december = office.sealed("2026-12", Regular).await;
    assert_eq!(for_an(&office, &december).await, ["An held 500000 H156"]);
    office.ends_whole().await;
}

/// A carer received for him, in a shard of her own.
async fn what_another_received_for_the_dead_goes_to_the_heir(office: TestOffice) {
    office.on_day(DAY);
    let carer =
        " | payee_name=Lê Thị Chăm | payee_national_id=001180000902 | payee_relation=guardian";
    let an = format!("{AN}{carer}");
    office.month("2026-10", &[&an, BINH]).await;
    let october = office.paid_out("2026-10", Regular).await;
    let back = office.said(&october, "E1", 1, "Hoàn trả", "Tài khoản đã đóng").await;
    let paid = office.said(&october, "E2", 1, "Thành công", "").await;
    office.sheet(&[back, paid]).await.unwrap();
    office.closed(&october).await;
    named(&office, &SON).await;
    office.month("2026-11", &[&dead(&an, "2026-10-01"), BINH]).await;
    let november = office.paid_out("2026-11", Regular).await;
    assert_eq!(for_an(&office, &november).await, ["heir pending 500000"]);
    heir_paid(&office, &november).await;
    let told = office.engine.explain(&office.now(&november).await, office.person("E1").await).await;
    let told = told.unwrap();
    assert!(told.payables[0].heir.is_some() && told.carried.len() == 1);
    office.ends_whole().await;
}

async fn one_heir_of_a_person_at_a_time(office: TestOffice) {
    office.on_day(DAY);
    office.month("2026-10", &[AN]).await;
    office.computed(&office.opened("2026-10", Regular).await).await;
    let (engine, an) = (&office.engine, office.person("E1").await);
    proposed(&office, &SON).await;
    let daughter = Naming {
        name: "Nguyễn Thị Gái",
        account_name: "NGUYEN THI GAI",
        national_id: "001170000902",
        ..SON
    };
    let told = refused(engine.heir_propose(an, &daughter, MAKER, &key(MAKER)).await, "D191");
    assert!(told.contains("naming 1") && told.contains("proposed"), "{told}");
    confirmed(&office).await.unwrap();
    refused(engine.heir_propose(an, &daughter, MAKER, &key(MAKER)).await, "D191");
    let told = refused(confirmed(&office).await, "D192");
    assert!(told.contains("naming 1 of an heir is confirmed"), "{told}");
    let told = refused(engine.heir_shown(7).await, "D192");
    assert!(told.contains("there is no naming 7"), "{told}");
    let twice =
        "insert into heir (heir_no, shard, person_no, record, state, proposed_by, proposed_at)
        select 2, shard, person_no, record, 'proposed', 'lan', proposed_at from heir";
    assert!(office.tamper_refused(twice).await, "the database refuses it as well");
    withdrawn(&office).await;
    let named = engine.heir_propose(an, &daughter, MAKER, &key(MAKER)).await.unwrap();
    assert_eq!(named.row.number, 2);
    office.ends_whole().await;
}

async fn one_officer_alone_names_nobody(office: TestOffice) {
    office.on_day(DAY);
    office.month("2026-10", &[AN]).await;
    office.computed(&office.opened("2026-10", Regular).await).await;
    let (engine, an, [minh, hoa]) = (&office.engine, office.person("E1").await, APPROVERS);
    engine.heir_propose(an, &SON, minh, &key(minh)).await.unwrap();
    refused(engine.heir_confirm(1, minh, &key(minh)).await, "D193");
    refused(engine.heir_confirm(1, MAKER, &key(MAKER)).await, "A111");
    let alone = "update heir set state = 'confirmed', confirmed_by = proposed_by";
    assert!(office.tamper_refused(alone).await, "the database refuses it as well");
    let nobody = "update heir set state = 'confirmed'";
    assert!(office.tamper_refused(nobody).await, "nor without a second one");
    refused(engine.heir_withdraw(1, " ", hoa, &key(hoa)).await, "D194");
    // Who proposed it signs no more: it is void, and is withdrawn and proposed anew.
    engine.officer_end(minh, MAKER, &key(MAKER)).await.unwrap();
    assert!(engine.heirs_named(Some(an)).await.unwrap()[0].is_void);
    let told = refused(engine.heir_confirm(1, hoa, &key(hoa)).await, "A120");
    assert!(told.contains("chitra heir withdraw"), "{told}");
    withdrawn(&office).await;
    refused(engine.heir_withdraw(1, "again", hoa, &key(hoa)).await, "D192");
    proposed(&office, &SON).await;
    engine.heir_confirm(2, hoa, &key(hoa)).await.unwrap();
    office.ends_whole().await;
}

async fn what_cannot_be_is_not_named(office: TestOffice) {
    office.on_day(DAY);
    office.month("2026-10", &[AN]).await;
    office.computed(&office.opened("2026-10", Regular).await).await;
    let (engine, an) = (&office.engine, office.person("E1").await);
    for (naming, said) in [
        (Naming { name: " ", ..SON }, "--name"),
        (Naming { relation: "", ..SON }, "--relation"),
        (Naming { paper: "", ..SON }, "--paper"),
        (Naming { account: "", ..SON }, "--account"),
        (Naming { died_on: "2026-10-02", ..SON }, "--died-on 2026-10-02 is a day to come"),
        (Naming { died_on: "1/9/2026", ..SON }, "--died-on"),
        (Naming { paper_date: "2026-02-30", ..SON }, "--paper-date"),
        (Naming { national_id: "12", ..SON }, "--national-id is no national id"),
        (Naming { national_id: "001044000101", ..SON }, "that of who has died"),
        (Naming { account_name: "TRAN THI KHAC", ..SON }, "--account-name is another's"),
        (Naming { provider: "", ..SON }, "--provider"),
        (Naming { provider: "vcb", ..SON }, "--provider"),
        (Naming { account: "0711000001", ..SON }, "where the person was paid who has died"),
        (Naming { paper_date: "2026-09-30", ..SON }, "before the death"),
        (Naming { channel: "letter", ..SON }, "--channel letter"),
        (
            Naming { provider: "viettel", channel: "mobile_money", ..SON },
            "no partner of chitra.toml",
        ),
    ] {
        let told = refused(engine.heir_propose(an, &naming, MAKER, &key(MAKER)).await, "D190");
        assert!(told.contains(said), "{told}");
    }
    office.ends_whole().await;
}

/// An was paid more than was owed, and has died: the estate owes it, and the month of death is paid in full.
async fn an_heir_s_payment_is_not_kept_back_for_the_dead(office: TestOffice) {
    office.on_day("2026-10-01");
    office.month("2026-10", &[AN, BINH]).await;
    let october = office.paid_out("2026-10", Regular).await;
    let first = office.said(&october, "E1", 1, "Không thành công", "Sai số tài khoản").await;
    office.sheet(&[first]).await.unwrap();
    office.engine.reissue(&office.now(&october).await).await.unwrap();
    office.sent(&october, 1).await;
    let late = office.said(&october, "E1", 1, "Thành công", "").await;
    let binh = office.said(&october, "E2", 1, "Thành công", "").await;
    office.sheet(&[late, binh]).await.unwrap();
    let again = office.said(&october, "E1", 2, "Đã chi", "").await;
    office.paypoint(&[again]).await.unwrap();
    assert_eq!(office.receivables().await, ["settled_excess 500000"]);
    office.closed(&october).await;

    office.month("2026-11", &[&dead(AN, "2026-11-01"), BINH]).await;
    let cycle = office.computed(&office.opened("2026-11", Regular).await).await;
    assert_eq!(for_an(&office, &cycle).await, ["An held 400000 H111"], "a share is kept back");
    office.on_day("2026-11-01");
    named(&office, &Naming { died_on: "2026-11-01", paper_date: "2026-11-01", ..SON }).await;
    let cycle = anew(&office, &cycle).await;
    assert_eq!(for_an(&office, &cycle).await, ["heir pending 500000"]);
    office.ends_whole().await;
}

/// The register has the heir as dead when the list is made.
async fn an_heir_who_has_died_is_not_paid(office: TestOffice) {
    office.on_day(DAY);
    let son_s = "E3 | 001170000901 | Nguyễn Văn Con | 1970-03-14 | male | social_pension/monthly | monthly_pension=0 | bank 970405 0711000003";
    let son_s = dead(son_s, "2026-09-02");
    office.month("2026-10", &[&dead(AN, "2026-10-01"), BINH, &son_s]).await;
    let cycle = office.computed(&office.opened("2026-10", Regular).await).await;
    named(&office, &SON).await;
    let cycle = anew(&office, &cycle).await;
    assert_eq!(for_an(&office, &cycle).await, ["heir held 500000 H161"]);
    office.engine.seal(&cycle).await.unwrap();
    office.ends_whole().await;
}

/// What the heir's account refused is ordered for the heir again, and for nobody else.
async fn what_the_heir_s_account_refuses_stays_the_heir_s(office: TestOffice) {
    let cycle = october_for_the_son(&office).await;
    let sealed = office.engine.seal(&cycle).await.unwrap();
    office.sent(&sealed, 0).await;
    let no = told_of_heir(&office, &cycle, "Không thành công", "Sai số tài khoản").await;
    let paid = office.said(&cycle, "E2", 1, "Thành công", "").await;
    office.sheet(&[no, paid]).await.unwrap();
    let again = office.engine.reissue(&office.now(&cycle).await).await.unwrap();
    let waiting: Vec<_> = again.waiting.into_iter().collect();
    assert_eq!(
        waiting,
        [("no other destination is known", 1)],
        "no pay point, and no linked account"
    );
    office.closed(&cycle).await;

    // Another account is another naming.
    office.month("2026-11", &[&dead(AN, "2026-10-01"), BINH]).await;
    let cycle = office.computed(&office.opened("2026-11", Regular).await).await;
    assert_eq!(for_an(&office, &cycle).await, ["heir pending 500000"]);
    withdrawn(&office).await;
    named(&office, &Naming { account: "0711000999", ..SON }).await;
    refused(office.engine.seal(&cycle).await, "C121");
    let cycle = anew(&office, &cycle).await;
    assert_eq!(for_an(&office, &cycle).await, ["heir pending 500000"]);
    let sealed = office.engine.seal(&cycle).await.unwrap();
    office.sent(&sealed, 0).await;
    heir_paid(&office, &cycle).await;
    office.ends_whole().await;
}

async fn what_may_be_paid_twice_is_not_the_heir_s_before_two_have_looked(office: TestOffice) {
    office.on_day(DAY);
    office.month("2026-10", &[AN, BINH]).await;
    let october = office.paid_out("2026-10", Regular).await;
    let no = office.said(&october, "E1", 1, "Không thành công", "Trùng giao dịch").await;
    let paid = office.said(&october, "E2", 1, "Thành công", "").await;
    office.sheet(&[no, paid]).await.unwrap();
    office.closed(&october).await;
    named(&office, &SON).await;
    office.month("2026-11", &[&dead(AN, "2026-10-01"), BINH]).await;
    let november = office.paid_out("2026-11", Regular).await;
    assert_eq!(for_an(&office, &november).await, ["heir held 500000 H153"]);
    let binh = office.said(&november, "E2", 1, "Thành công", "").await;
    office.sheet(&[binh]).await.unwrap();
    office.closed(&november).await;
    office.month("2026-12", &[BINH]).await;
    let december = office.paid_out("2026-12", Regular).await;
    assert_eq!(for_an(&office, &december).await, ["heir held 500000 H153"]);
    office.release_holds(&december, "H153").await;
    let again = office.engine.reissue(&office.now(&december).await).await.unwrap();
    assert_eq!(again.ordered, 1, "{:?}", again.waiting);
    office.ends_whole().await;
}

/// October was paid before anybody knew of a death in September.
async fn what_was_paid_after_the_death_is_told(office: TestOffice) {
    office.on_day(DAY);
    office.month("2026-10", &[AN, BINH]).await;
    let october = office.paid_out("2026-10", Regular).await;
    for who in ["E1", "E2"] {
        let paid = office.said(&october, who, 1, "Thành công", "").await;
        office.sheet(&[paid]).await.unwrap();
    }
    for (died_on, told) in [("2026-09-30", (1, 500_000)), ("2026-10-01", (0, 0))] {
        let named = proposed(&office, &Naming { died_on, ..SON }).await;
        assert_eq!(office.engine.paid_after_death(&named).await.unwrap(), told, "{died_on}");
        withdrawn(&office).await;
    }
    office.ends_whole().await;
}

async fn a_naming_changed_by_hand_is_told(office: TestOffice) {
    office.on_day(DAY);
    office.month("2026-10", &[AN]).await;
    office.computed(&office.opened("2026-10", Regular).await).await;
    proposed(&office, &SON).await;
    office.engine.sequence().await.unwrap();
    let by_hand =
        "update heir set state = 'confirmed', confirmed_by = 'minh', confirmed_at = proposed_at";
    assert_eq!(office.tamper(by_hand, Vec::<Value>::new()).await, 1);
    office.ends_tampered_with("V207").await;
}

async fn a_list_computed_before_an_heir_was_confirmed_is_not_sealed(office: TestOffice) {
    office.on_day(DAY);
    office.month("2026-10", &[&dead(AN, "2026-10-01"), BINH]).await;
    let cycle = office.computed(&office.opened("2026-10", Regular).await).await;
    proposed(&office, &SON).await;
    confirmed(&office).await.unwrap();
    let told = refused(office.engine.seal(&cycle).await, "C121");
    assert!(told.contains("chitra cycle run 2026-10 --recompute"), "{told}");
    let cycle = anew(&office, &cycle).await;
    assert_eq!(for_an(&office, &cycle).await, ["heir pending 500000"]);
    office.engine.seal(&cycle).await.unwrap();
    office.ends_whole().await;
}

/// She receives for him under the same account; what she is paid as the heir ends with the month of death.
async fn a_carer_who_becomes_the_heir_is_paid_up_to_the_death(office: TestOffice) {
    office.on_day(DAY);
    let carer =
        " | payee_name=Lê Thị Chăm | payee_national_id=001180000902 | payee_relation=guardian";
    let an = format!("{AN}{carer}");
    office.month("2026-10", &[&an, BINH]).await;
    let october = office.paid_out("2026-10", Regular).await;
    let back = office.said(&october, "E1", 1, "Hoàn trả", "Tài khoản bị khóa").await;
    let paid = office.said(&october, "E2", 1, "Thành công", "").await;
    office.sheet(&[back, paid]).await.unwrap();
    office.closed(&october).await;
    office.month("2026-11", &[&an, BINH]).await;
    let cycle = office.computed(&office.opened("2026-11", Regular).await).await;
    let she = Naming {
        name: "Lê Thị Chăm",
        national_id: "001180000902",
        relation: "vợ",
        account: "0711000001",
        account_name: "",
        ..SON
    };
    named(&office, &she).await;
    let november = anew(&office, &cycle).await;
    let sealed = office.engine.seal(&november).await.unwrap();
    assert_eq!(
        for_an(&office, &november).await,
        ["heir pending 500000", "somebody held 500000 H164"],
        "the register knows of no death yet"
    );
    office.sent(&sealed, 0).await;
    heir_paid(&office, &november).await;
    let again = office.engine.reissue(&office.now(&november).await).await.unwrap();
    assert!(again.list.is_none(), "{:?}", again.waiting);
    office.ends_whole().await;
}

/// What is on its way to the old account of the heir comes back after the heir was named anew.
async fn another_account_of_the_same_heir_is_another_naming(office: TestOffice) {
    let cycle = october_for_the_son(&office).await;
    let sealed = office.engine.seal(&cycle).await.unwrap();
    office.sent(&sealed, 0).await;
    withdrawn(&office).await;
    named(&office, &Naming { account: "0711000999", ..SON }).await;
    let back = told_of_heir(&office, &cycle, "Hoàn trả", "Tài khoản bị khóa").await;
    let paid = office.said(&cycle, "E2", 1, "Thành công", "").await;
    office.sheet(&[back, paid]).await.unwrap();
    let again = office.engine.reissue(&office.now(&cycle).await).await.unwrap();
    let waiting: Vec<_> = again.waiting.into_iter().collect();
    assert_eq!(waiting, [(SINCE, 1)]);
    office.closed(&cycle).await;
    office.month("2026-11", &[&dead(AN, "2026-10-01"), BINH]).await;
    let november = office.paid_out("2026-11", Regular).await;
    assert_eq!(for_an(&office, &november).await, ["heir pending 500000"]);
    let an = office.person("E1").await;
    let payables = office.engine.store.payables_of_beneficiary(november.number, an).await.unwrap();
    let account = office.account(payables[0].number, AttemptNo::FIRST).await;
    assert_eq!(account, "0711000999");
    office.ends_whole().await;
}

async fn an_heir_who_collects_cash_is_on_the_sheet_with_the_dead(office: TestOffice) {
    office.on_day(DAY);
    office.month("2026-10", &[&dead(AN, "2026-10-01"), BINH]).await;
    let cycle = office.computed(&office.opened("2026-10", Regular).await).await;
    let in_cash =
        Naming { channel: "cash", provider: "", account: "00004", account_name: "", ..SON };
    named(&office, &in_cash).await;
    let cycle = anew(&office, &cycle).await;
    assert_eq!(for_an(&office, &cycle).await, ["heir pending 500000"]);
    let sealed = office.engine.seal(&cycle).await.unwrap();
    office.released(&sealed, 0).await;
    let sheet = office.engine.pay_sheet(&cycle, ListNo(0)).await.unwrap();
    let lines: Vec<_> = sheet.points.iter().flat_map(|point| &point.lines).collect();
    let [line] = &lines[..] else { panic!("{sheet:?}") };
    assert_eq!(line.name, "Nguyễn Văn An");
    assert_eq!(line.collector, "Nguyễn Văn Con, 001170000901");
    office.ends_whole().await;
}

async fn a_payable_given_to_an_heir_by_hand_is_told(office: TestOffice) {
    office.on_day(DAY);
    office.month("2026-10", &[AN]).await;
    office.sealed("2026-10", Regular).await;
    office.engine.sequence().await.unwrap();
    let by_hand = "update payable set heir_no = 1";
    assert_eq!(office.tamper(by_hand, Vec::<Value>::new()).await, 1);
    office.ends_tampered_with("V210").await;
}

/// Who organised the funeral is supported for it, whoever inherits.
async fn the_funeral_support_is_for_whom_the_roster_names(office: TestOffice) {
    office.on_day("2026-10-20");
    let funeral = AN
        .replace("E1 |", "E9 |")
        .replace("/monthly | monthly_pension=0", "/funeral |")
        .replace("0711000001", "0711000009");
    let funeral = format!(
        "{} | decision_date=2026-10-05 | payee_name=Lê Thị Chăm | payee_national_id=001180000902 | payee_relation=guardian",
        dead(&funeral, "2026-10-01")
    );
    office.month("2026-10", &[&dead(AN, "2026-10-01"), BINH]).await;
    let october = office.computed(&office.opened("2026-10", Regular).await).await;
    named(&office, &SON).await;
    let again = office.engine.recompute(&october).await.unwrap();
    office.computed(&again).await;
    let october = office.engine.seal(&office.now(&october).await).await.unwrap();
    office.sent(&october, 0).await;
    heir_paid(&office, &october).await;
    let paid = office.said(&october, "E2", 1, "Thành công", "").await;
    office.sheet(&[paid]).await.unwrap();
    office.closed(&october).await;
    office.month("2026-11", &[&funeral, BINH]).await;
    let november = office.paid_out("2026-11", Regular).await;
    let told = for_an(&office, &november).await;
    let [one] = &told[..] else { panic!("{told:?}") };
    assert!(one.starts_with("somebody pending "), "{told:?}");
    // What comes back is hers as well.
    let of_an =
        office.engine.store.payables_of_beneficiary(november.number, office.person("E1").await);
    let back = office.said_of(&of_an.await.unwrap()[0], 1, "Hoàn trả", "Tài khoản bị khóa").await;
    let paid = office.said(&november, "E2", 1, "Thành công", "").await;
    office.sheet(&[back, paid]).await.unwrap();
    office.closed(&november).await;
    office.month("2026-12", &[&funeral, BINH]).await;
    let december = office.sealed("2026-12", Regular).await;
    let told = for_an(&office, &december).await;
    assert!(
        told.iter().all(|one| one.starts_with("somebody ") && !one.contains("H164")),
        "{told:?}"
    );
    office.ends_whole().await;
}

/// A carer receives for both; An's heir collects where she would.
async fn a_pay_point_of_an_heir_is_one_of_the_payee_s_as_well(office: TestOffice) {
    office.on_day(DAY);
    let carer =
        " | payee_name=Lê Thị Chăm | payee_national_id=001180000902 | payee_relation=guardian";
    let (an, binh) = (format!("{AN}{carer}"), format!("{BINH}{carer}"));
    office.month("2026-10", &[&dead(&an, "2026-10-01"), &binh]).await;
    let cycle = office.computed(&office.opened("2026-10", Regular).await).await;
    let in_cash =
        Naming { channel: "cash", provider: "", account: "00004", account_name: "", ..SON };
    named(&office, &in_cash).await;
    let cycle = anew(&office, &cycle).await;
    let sealed = office.engine.seal(&cycle).await.unwrap();
    office.sent(&sealed, 0).await;
    let no = office.said(&cycle, "E2", 1, "Không thành công", "Tài khoản đã đóng").await;
    office.sheet(&[no]).await.unwrap();
    let again = office.engine.reissue(&office.now(&cycle).await).await.unwrap();
    assert_eq!(again.ordered, 1, "{:?}", again.waiting);
    office.ends_whole().await;
}
