//! Reconciliation against rows and registers made by hand.

use super::*;
use crate::domain::identity::VitalStatus;
use crate::domain::period::parse_date;

fn november() -> Period {
    "2026-11".parse().unwrap()
}

fn record(record_no: u64, id: &str, name: &'static str, born: &str) -> IdentityRecord<'static> {
    IdentityRecord {
        record_no,
        national_id: NationalId::parse(id).unwrap(),
        previous_national_id: None,
        full_name: name,
        born: BirthDate::parse(born).ok(),
        sex: None,
        vital: VitalStatus::Alive,
    }
}

fn row(enrolment_no: u64, id: &'static str, name: &'static str, born: &str) -> Enrolment<'static> {
    Enrolment {
        enrolment_no,
        enrolment_id: Box::leak(format!("E{enrolment_no:06}").into_boxed_str()),
        decided_on: None,
        person_no: enrolment_no,
        national_id: Some(id),
        full_name: name,
        born: BirthDate::parse(born).ok(),
        sex: None,
        benefit: 1,
        is_live: true,
        paid_on_death: false,
        account: None,
        payee_authorised: false,
    }
}

fn run(enrolments: &[Enrolment<'_>], register: &[IdentityRecord<'_>]) -> Vec<Decision> {
    let policy = ReconcilePolicy::default();
    let period = november();
    reconcile(Input { enrolments, register, period, policy }).decisions
}

#[track_caller]
fn check(
    enrolments: &[Enrolment<'_>],
    register: &[IdentityRecord<'_>],
    expected: &[(&str, Option<&str>)],
) {
    let decisions = run(enrolments, register);
    let actual: Vec<_> = decisions
        .iter()
        .map(|decision| (decision.rule.id(), decision.hold().map(|code| code.text())))
        .collect();
    assert_eq!(actual, expected);
}

const LAN: &str = "001150012345";
const HUNG: &str = "001048000017";

fn register() -> Vec<IdentityRecord<'static>> {
    vec![
        IdentityRecord {
            previous_national_id: NationalId::parse("012345678").ok(),
            ..record(1, LAN, "Nguyễn Thị Lan", "1950-03-12")
        },
        record(2, HUNG, "Trần Văn Hùng", "1948-10-20"),
        IdentityRecord {
            vital: VitalStatus::Deceased { on: parse_date("2026-10-02").ok() },
            ..record(3, "001045000019", "Lê Văn Tám", "1945-05-05")
        },
        IdentityRecord {
            vital: VitalStatus::Deceased { on: parse_date("2026-11-03").ok() },
            ..record(4, "001045000025", "Lê Văn Chín", "1945-06-06")
        },
    ]
}

#[test]
fn each_row_is_decided_by_the_record_its_id_names() {
    check(
        &[
            row(1, LAN, "NGUYEN THI LAN", "1950-03-12"),
            row(2, HUNG, "Trần Văn Hùng", "1948"),
            row(3, "001045000019", "Lê Văn Tám", "1945-05-05"),
            row(4, "001045000025", "Lê Văn Chín", "1945-06-06"),
            row(5, "001099999999", "Phạm Thị Nga", "1999-09-09"),
            row(6, "001150999999", "Phạm Thị Nga", "1999-09-09"),
            row(7, "12", "Phạm Thị Nga", "1999-09-09"),
            row(8, "", "Phạm Thị Nga", "1999-09-09"),
        ],
        &register(),
        &[
            ("R20", None),
            ("R21", None),
            ("R10", Some("H110")),
            ("R11", Some("H111")),
            ("R57", Some("H101")),
            ("R56", Some("H104")),
            ("R55", Some("H105")),
            ("R54", Some("H106")),
        ],
    );
}

#[test]
fn an_old_card_and_a_lost_zero_find_the_person() {
    check(&[row(1, "012345678", "Nguyễn Thị Lan", "1950-03-12")], &register(), &[("R20", None)]);
    check(&[row(1, "12345678", "Nguyễn Thị Lan", "1950-03-12")], &register(), &[("R20", None)]);
    check(&[row(1, "1150012345", "Nguyễn Thị Lan", "1950-03-12")], &register(), &[("R20", None)]);
}

#[test]
fn a_slip_in_the_id_is_looked_at_whatever_else_agrees() {
    let not_found = ("R57", Some("H101"));
    for id in ["001150012346", "001150012354", "079150012345"] {
        check(&[row(1, id, "Nguyễn Thị Lan", "1950-03-12")], &register(), &[not_found]);
    }
    check(&[row(1, "", "Nguyễn Thị Lan", "1950-03-12")], &register(), &[("R54", Some("H106"))]);
    // What else lies in the register beside the row's own record changes nothing: only some of it is seen.
    let mut near = register();
    near.push(record(9, "001150012347", "Nguyễn Thị Lan", "1950-03-12"));
    check(&[row(1, "001150012346", "Nguyễn Thị Lan", "1950-03-12")], &near, &[not_found]);
}

#[test]
fn the_later_of_two_enrolments_in_one_benefit_is_held() {
    let first = row(1, LAN, "Nguyễn Thị Lan", "1950-03-12");
    let second = row(2, "012345678", "Nguyễn Thị Lan", "1950-03-12");
    check(&[first, second], &register(), &[("R20", None), ("R60", Some("H120"))]);
    check(&[second, first], &register(), &[("R60", Some("H120")), ("R20", None)]);
    let other_benefit = Enrolment { benefit: 2, ..second };
    check(&[first, other_benefit], &register(), &[("R20", None), ("R20", None)]);
    // Who was decided earlier stands, and not who has the lower number.
    let day = |text| parse_date(text).ok();
    let in_march = Enrolment { decided_on: day("2024-03-01"), ..first };
    let in_april = Enrolment { decided_on: day("2024-04-01"), ..second };
    check(&[in_march, in_april], &register(), &[("R20", None), ("R60", Some("H120"))]);
    let in_february = Enrolment { decided_on: day("2024-02-01"), ..second };
    check(&[in_march, in_february], &register(), &[("R60", Some("H120")), ("R20", None)]);
    check(&[in_march, second], &register(), &[("R20", None), ("R60", Some("H120"))]);
    check(&[first, in_april], &register(), &[("R60", Some("H120")), ("R20", None)]);
    // Our own numbers, which no other office shares, have no say.
    let numbered = |enrolment_no, row| Enrolment { enrolment_no, ..row };
    check(
        &[numbered(2, first), numbered(1, second)],
        &register(),
        &[("R20", None), ("R60", Some("H120"))],
    );
    // A held first row does not take the confirmed one down with it.
    let held_first = row(1, LAN, "Nguyễn Thị Lan", "1950-09-09");
    check(&[held_first, second], &register(), &[("R60", Some("H120")), ("R20", None)]);
    // Someone who uses another's id does not push that person out.
    let thief = row(1, LAN, "Phạm Thị Nga", "1999-09-09");
    check(&[thief, second], &register(), &[("R60", Some("H120")), ("R20", None)]);
    // What is paid nothing anyway stands in nobody's way.
    let ended = Enrolment { is_live: false, ..first };
    check(&[ended, second], &register(), &[("R20", None), ("R20", None)]);
}

#[test]
fn one_person_number_is_paid_once_in_a_benefit_whatever_the_register_has() {
    let number = |number: u64, row: Enrolment<'static>| Enrolment { person_no: number, ..row };
    let twice = ("R60", Some("H120"));
    // The register does not have the id, or has it with another name: both rows are held, and one of them
    // twice.
    let lan = |at, name| number(7, row(at, LAN, name, "1950-03-12"));
    let rows = [lan(1, "Nguyễn Thị Lan"), lan(2, "Nguyễn Thị Lan")];
    check(&rows, &register()[1..], &[("R57", Some("H101")), twice]);
    let both = run(&rows, &register()[1..]);
    assert_eq!(both[1].hold_of_identity(), Some(HoldCode::IdentityNotFound));
    let strangers = [lan(1, "Phạm Văn Tám"), lan(2, "Phạm Văn Tám")];
    check(&strangers, &register(), &[("R40", Some("H102")), twice]);
    // One row is right: it stands, whichever comes first.
    check(
        &[lan(1, "Phạm Văn Tám"), lan(2, "Nguyễn Thị Lan")],
        &register(),
        &[twice, ("R20", None)],
    );
    // The register has the id in two rows with two names, and the roster has an enrolment under each.
    let mut names = register();
    names.push(record(9, LAN, "Vũ Thị Mai", "1950-03-12"));
    check(&[lan(1, "Nguyễn Thị Lan"), lan(2, "Vũ Thị Mai")], &names, &[("R20", None), twice]);
    // The register has the same row twice.
    names.push(record(10, LAN, "Vũ Thị Mai", "1950-03-12"));
    check(&[lan(1, "Vũ Thị Mai"), lan(2, "Vũ Thị Mai")], &names, &[("R53", Some("H108")), twice]);
    // Two benefits are two things.
    let other = Enrolment { benefit: 2, ..rows[1] };
    let not_found = ("R57", Some("H101"));
    check(&[rows[0], other], &register()[1..], &[not_found, not_found]);
}

#[test]
fn an_account_that_collects_for_too_many_without_authorisation_is_held() {
    let register: Vec<_> = (0..4)
        .map(|at| record(at, &format!("00104800000{at}"), "Trần Văn Hùng", "1948-10-20"))
        .collect();
    let ids = ["001048000000", "001048000001", "001048000002", "001048000003"];
    let mut rows: Vec<_> = (0..4)
        .map(|at| Enrolment {
            account: Some(77),
            ..row(at, ids[at as usize], "Trần Văn Hùng", "1948-10-20")
        })
        .collect();
    let held = ("R61", Some("H121"));
    check(&rows, &register, &[held, held, held, held]);
    check(&rows[..2], &register, &[("R20", None), ("R20", None)]);
    rows[0].payee_authorised = true;
    rows[1].payee_authorised = true;
    let fine = ("R20", None);
    check(&rows, &register, &[fine, fine, fine, fine]);
    let two_benefits: Vec<_> = (0..3)
        .map(|benefit| Enrolment { benefit, enrolment_no: benefit.into(), ..rows[2] })
        .collect();
    check(&two_benefits, &register, &[fine, fine, fine]);
}

#[test]
fn a_register_that_has_a_person_twice_counts_the_death() {
    let mut twice = register();
    let vital = VitalStatus::Deceased { on: None };
    twice.push(IdentityRecord { vital, ..record(9, LAN, "Nguyễn Thị Lan", "1950-03-12") });
    check(&[row(1, LAN, "Nguyễn Thị Lan", "1950-03-12")], &twice, &[("R10", Some("H110"))]);
    twice.reverse();
    check(&[row(1, LAN, "Nguyễn Thị Lan", "1950-03-12")], &twice, &[("R10", Some("H110"))]);
}

#[test]
fn rows_chosen_to_collide_do_not_stop_the_run() {
    let register: Vec<_> =
        (0..20_000).map(|at| record(at, LAN, "Nguyễn Thị Lan", "1950-03-12")).collect();
    let rows: Vec<_> = (0..20_000).map(|at| row(at, LAN, "Nguyễn Thị Lan", "1950-03-12")).collect();
    assert!(run(&rows, &register).iter().all(|decision| decision.rule == Rule::Ambiguous));
}
