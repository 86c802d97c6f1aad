//! The report of an invented month, byte for byte, and what it must never do.
//!
//! The goldens are read by people. After a wanted change, write them anew and look at them:
//! `CHITRA_GOLDEN=write cargo test --lib report::tests`.

use std::collections::BTreeMap;

use jiff::civil::date;

use crate::domain::answer::DiscrepancyKind;
use crate::domain::batch::{BatchState, DeliveryOutcome};
use crate::domain::cycle::{CycleKind, CycleState};
use crate::domain::digest::Digest;
use crate::domain::exception::RowOutcome;
use crate::domain::instruction::{EvidenceGrade, InstructionState};
use crate::domain::list::{Act, ListState};
use crate::domain::money::Currency;
use crate::domain::payable::PayableState;
use crate::domain::period::Period;
use crate::domain::province::PROVINCES;
use crate::domain::receivable::{ReceivableCause, ReceivableState};
use crate::pipeline::account::{Identity, Part};
use crate::report::cycle::*;
use crate::report::cycle_csv::csv;
use crate::report::cycle_html::html;
use crate::report::words::{Language, Words};

fn digest(of: &str) -> String {
    Digest::of(of.as_bytes()).to_string()
}

fn part(count: i64, minor: i64) -> Part {
    Part { count, minor: minor.into() }
}

/// A month of an invented ministry: every figure follows from the payables, so that it adds up.
fn fixture() -> CycleReport {
    let mut payables = Vec::new();
    let channels = [
        ("bank", "vcb", 52),
        ("bank", "lpb", 21),
        ("ewallet", "momo", 9),
        ("mobile_money", "viettel", 12),
        ("cash", "vnpost", 6),
    ];
    for (at, province) in (1..).zip(PROVINCES) {
        let people = 9_000 + at * 1_733 % 61_000;
        for (programme, of_hundred, amount) in
            [("social_assistance", 62, 750_000), ("social_pension", 38, 500_000)]
        {
            for (channel, provider, weight) in channels {
                let count = people * of_hundred * weight / 10_000;
                let mut tally = |state, code: &str, is_carried, count: i64| {
                    if count > 0 {
                        payables.push(PayableTally {
                            state,
                            channel: channel.to_owned(),
                            provider: provider.to_owned(),
                            programme: programme.to_owned(),
                            province: province.code.to_owned(),
                            fund: programme.to_owned(),
                            code: code.to_owned(),
                            is_carried,
                            part: part(count, count * amount),
                        });
                    }
                };
                let (held, shared) = (count * 8 / 1_000, count * 3 / 1_000);
                let rejected = count * 5 / 1_000;
                let returned = count * 4 / 1_000;
                let unknown = if provider == "viettel" { count * 2 / 1_000 } else { 0 };
                tally(PayableState::Held, "H141", false, held);
                tally(PayableState::Held, "H121", false, shared);
                tally(PayableState::Rejected, "AC04", true, rejected);
                tally(PayableState::Returned, "AC06", false, returned);
                tally(PayableState::Unknown, "", false, unknown);
                let paid = count - held - shared - rejected - returned - unknown;
                tally(PayableState::Paid, "", false, paid);
            }
        }
    }
    let sum_of = |keep: &dyn Fn(&PayableTally) -> bool| {
        payables
            .iter()
            .filter(|one| keep(one))
            .fold(Part::default(), |sum, one| plus(sum, one.part))
    };
    let in_state = |state| sum_of(&|one: &PayableTally| one.state == state);
    let all = sum_of(&|_| true);
    let paid = in_state(PayableState::Paid);
    let unknown = in_state(PayableState::Unknown);

    let mut rows: Vec<RowTally> = Vec::new();
    for province in PROVINCES {
        for (programme, share) in [("social_assistance", 3), ("social_pension", 1)] {
            for (outcome, code, count) in [
                (RowOutcome::Refused, "I202", 2 * share),
                (RowOutcome::Refused, "I203", share),
                (RowOutcome::Ceased, "ceased", 11 * share),
                (RowOutcome::Ceased, "suspended", 4 * share),
                (RowOutcome::Held, "H101", 9 * share),
                (RowOutcome::Held, "H103", 21 * share),
                (RowOutcome::Held, "H110", 5 * share),
                (RowOutcome::Nil, "vn.pension.under_75", 6 * share),
            ] {
                rows.push(RowTally {
                    outcome,
                    code: code.to_owned(),
                    programme: programme.to_owned(),
                    province: province.code.to_owned(),
                    rows: count,
                });
            }
            let entitled = sum_of(&|one: &PayableTally| {
                one.province == province.code && one.programme == programme
            });
            rows.push(RowTally {
                outcome: RowOutcome::Entitled,
                code: String::new(),
                programme: programme.to_owned(),
                province: province.code.to_owned(),
                rows: entitled.count,
            });
        }
    }
    let rows_listed: i64 = rows.iter().map(|one| one.rows).sum();
    let rows_of =
        |outcome| rows.iter().filter(move |one| one.outcome == outcome).map(|one| one.rows);

    let mut files = Vec::new();
    let failed = plus(in_state(PayableState::Rejected), in_state(PayableState::Returned));
    let failed = format!("{} / {}", failed.count, failed.minor);
    let mut identities = vec![
        identity(
            "rows listed = refused + ceased + held + nil + entitled",
            rows_listed.to_string(),
            rows_listed.to_string(),
        ),
        identity(
            "claims of the payables + recoveries + court orders = payables",
            all.minor.to_string(),
            all.minor.to_string(),
        ),
        identity(
            "failed orders that were not ordered again = rejected + returned",
            failed.clone(),
            failed,
        ),
    ];
    for (number, (channel, provider, _)) in (1..).zip(channels) {
        let ordered = sum_of(&|one: &PayableTally| {
            one.provider == provider && one.state != PayableState::Held
        });
        let name = format!("P-BLDTB-2026-11-R-{number:03}.csv");
        let told = format!("{name}: {} / {}", ordered.count, ordered.minor);
        identities.push(identity("instructions of a batch = its file", told.clone(), told));
        identities.push(identity("every batch has a sealed file", name.clone(), name.clone()));
        files.push(FileSent {
            format: format!("{provider}-bulk-1"),
            channel: channel.to_owned(),
            provider: provider.to_owned(),
            list: 0,
            count: ordered.count,
            total_minor: i64::try_from(ordered.minor).expect("an invented month fits"),
            sha256: Some(digest(&name)),
            state: BatchState::Delivered,
            deliveries: (1..=if number == 4 { 2 } else { 1 })
                .map(|number_of| DeliveryMade {
                    number: number_of,
                    started_at: format!("2026-10-27T08:0{number}:1{number_of}+07:00"),
                    outcome: match (number, number_of) {
                        (4, 1) => DeliveryOutcome::NotSent,
                        _ => DeliveryOutcome::Delivered,
                    },
                })
                .collect(),
            restored_at: match number {
                3 => vec!["2026-10-27T07:58:00+07:00".to_owned()],
                _ => vec![],
            },
            name,
        });
    }
    let reissued = part(1_204, 780_500_000);
    files.push(FileSent {
        name: "P-BLDTB-2026-11-R-006.csv".to_owned(),
        format: "vcb-bulk-1".to_owned(),
        channel: "bank".to_owned(),
        provider: "vcb".to_owned(),
        list: 1,
        count: reissued.count,
        total_minor: 780_500_000,
        sha256: Some(digest("release list")),
        state: BatchState::Delivered,
        deliveries: vec![DeliveryMade {
            number: 1,
            started_at: "2026-11-05T09:30:00+07:00".to_owned(),
            outcome: DeliveryOutcome::Delivered,
        }],
        restored_at: vec![],
    });
    files.push(FileSent {
        name: "P-BLDTB-2026-11-R-007.csv".to_owned(),
        format: "vcb-bulk-1".to_owned(),
        channel: "bank".to_owned(),
        provider: "vcb".to_owned(),
        list: 1,
        count: 12,
        total_minor: 6_000_000,
        sha256: Some(digest("taken back")),
        state: BatchState::Withdrawn,
        deliveries: vec![],
        restored_at: vec![],
    });
    let told = |part: Part| format!("{} / {}", part.count, part.minor);
    identities.push(identity("settled instructions = paid payables", told(paid), told(paid)));
    identities.push(identity(
        "nothing is pending in a closed cycle",
        "0".to_owned(),
        "0".to_owned(),
    ));
    identities.push(identity("what is unknown is in suspense", told(unknown), told(unknown)));

    let signed = part(paid.count * 6 / 100, 0);
    let signed = Part { minor: paid.minor * 6 / 100, ..signed };
    let booked = Part { count: paid.count / 4, minor: paid.minor / 4 };
    let told_by_provider = minus(minus(paid, signed), booked);
    let settled = |grade, part| InstructionTally {
        provider: "vcb".to_owned(),
        state: InstructionState::Settled,
        grade: Some(grade),
        part,
    };
    let failure = |state, reason: Option<&str>, class: &str, aftermath, part| FailureTally {
        state,
        reason: reason.map(str::to_owned),
        class: Some(class.to_owned()),
        aftermath,
        part,
    };
    let (rejected, returned) = (in_state(PayableState::Rejected), in_state(PayableState::Returned));
    let deceased = Part { count: returned.count / 3, minor: returned.minor / 3 };

    let people_of = |state: PayableState| in_state(state).count;
    let people = BTreeMap::from([
        ("unknown", people_of(PayableState::Unknown)),
        ("rejected", people_of(PayableState::Rejected)),
        ("returned", people_of(PayableState::Returned)),
        ("held", people_of(PayableState::Held) + rows_of(RowOutcome::Held).sum::<i64>()),
        ("refused", rows_of(RowOutcome::Refused).sum()),
        ("ceased", rows_of(RowOutcome::Ceased).sum()),
        ("nil", rows_of(RowOutcome::Nil).sum()),
        ("paid", people_of(PayableState::Paid) - 18_211),
        ("nothing_new", 1_204),
    ]);
    let list = |number: i64, maker_at: &str, approver_at: &str| {
        let of = digest(&format!("list {number}"));
        let signed = |officer: &str, act, at: &str| SignedBy {
            officer: officer.to_owned(),
            act,
            digest: of.clone(),
            signed_at: at.to_owned(),
            is_verified: true,
            voided_at: None,
        };
        ListSigned {
            number,
            state: ListState::Released,
            digest: of.clone(),
            sealed_at: "2026-10-24T16:20:00+07:00".to_owned(),
            signatures: vec![
                signed("lan", Act::Submit, maker_at),
                signed("minh", Act::Approve, approver_at),
                signed("thu-hien", Act::Approve, approver_at),
            ],
        }
    };
    let mut first = list(0, "2026-10-24T16:31:07+07:00", "2026-10-26T10:02:40+07:00");
    first.signatures.insert(
        0,
        SignedBy {
            officer: "lan".to_owned(),
            act: Act::Submit,
            digest: digest("list 0, as it was before a hold was lifted"),
            signed_at: "2026-10-24T15:02:00+07:00".to_owned(),
            is_verified: true,
            voided_at: Some("2026-10-24T15:40:12+07:00".to_owned()),
        },
    );
    CycleReport {
        office: Office {
            name: "Cục Bảo trợ xã hội (số liệu giả định)".to_owned(),
            prefix: "BLDTB".to_owned(),
            is_test: false,
        },
        currency: Currency::VND,
        label: "2026-11".to_owned(),
        number: 12,
        period: Period::new(2026, 11).expect("November is a month"),
        kind: CycleKind::Regular,
        state: CycleState::Closed,
        law_known_at: date(2026, 10, 23),
        value_date: date(2026, 11, 2),
        opened_at: "2026-10-23T08:00:00+07:00".to_owned(),
        opened_by: "lan".to_owned(),
        sealed_at: Some("2026-10-24T16:20:00+07:00".to_owned()),
        closed_at: Some("2026-11-20T17:05:33+07:00".to_owned()),
        manifest_sha256: Some(digest("manifest")),
        imports: vec![
            ImportRead {
                kind: Words::fixed("Danh sách hưởng", "Roster"),
                file_name: "danh-sach-2026-11.csv".to_owned(),
                sha256: digest("roster"),
                rows: rows_listed,
                refused: rows_of(RowOutcome::Refused).sum(),
                imported_at: "2026-10-23T07:31:00+07:00".to_owned(),
                imported_by: "lan".to_owned(),
            },
            ImportRead {
                kind: Words::fixed("Dữ liệu dân cư", "Identity register"),
                file_name: "dan-cu-2026-11.csv".to_owned(),
                sha256: digest("register"),
                rows: rows_listed - 1_806,
                refused: 3,
                imported_at: "2026-10-23T07:12:00+07:00".to_owned(),
                imported_by: "lan".to_owned(),
            },
        ],
        rows_listed,
        refused: vec![],
        lists: vec![first, list(1, "2026-11-04T14:00:00+07:00", "2026-11-05T08:45:00+07:00")],
        files,
        answers: vec![
            AnswerTaken {
                file_name: "KQ-P-BLDTB-2026-11-R-001.csv".to_owned(),
                provider: "vcb".to_owned(),
                format: "vcb-result-1".to_owned(),
                sha256: digest("answer 1"),
                items: 601_233,
                received_at: "2026-11-03T18:00:00+07:00".to_owned(),
            },
            AnswerTaken {
                file_name: "camt053-20261104.xml".to_owned(),
                provider: "lpb".to_owned(),
                format: "camt.053.001.08".to_owned(),
                sha256: digest("answer 2"),
                items: 240_871,
                received_at: "2026-11-04T06:10:21+07:00".to_owned(),
            },
        ],
        reconciled: vec![
            FileReconciled {
                name: "P-BLDTB-2026-11-R-001.xlsx".to_owned(),
                provider: "vcb".to_owned(),
                ordered_minor: 390_000_000_000,
                debited_minor: 390_000_000_000,
                back_minor: 1_250_000_000,
                books_minor: 388_750_000_000,
            },
            FileReconciled {
                name: "P-BLDTB-2026-11-R-002.xml".to_owned(),
                provider: "lpb".to_owned(),
                ordered_minor: 150_000_000_000,
                debited_minor: 150_000_000_000,
                back_minor: 0,
                books_minor: 149_999_000_000,
            },
        ],
        statements: vec![
            StatementTold {
                provider: "vcb".to_owned(),
                id: "VCB-20261103".to_owned(),
                closed_on: date(2026, 11, 3),
                opening_minor: 500_000_000_000,
                closing_minor: 111_249_340_000,
                files_minor: -388_750_000_000,
                funds_minor: 0,
                receipts_minor: 0,
                transfers_minor: 0,
                fees_minor: -660_000,
                unexplained_minor: 0,
                open: 0,
                gap_minor: None,
            },
            StatementTold {
                provider: "lpb".to_owned(),
                id: "S<1>".to_owned(),
                closed_on: date(2026, 11, 4),
                opening_minor: 151_000_000_000,
                closing_minor: 1_002_000_000,
                files_minor: -150_000_000_000,
                funds_minor: 1_000_000,
                receipts_minor: 500_000,
                transfers_minor: 0,
                fees_minor: 0,
                unexplained_minor: 500_000,
                open: 1,
                gap_minor: Some(-5_000_000),
            },
        ],
        instructions: vec![
            settled(EvidenceGrade::Signature, signed),
            settled(EvidenceGrade::ProviderResult, told_by_provider),
            settled(EvidenceGrade::Statement, booked),
            InstructionTally {
                provider: "vcb".to_owned(),
                state: InstructionState::Rejected,
                grade: None,
                part: plus(rejected, reissued),
            },
            InstructionTally {
                provider: "vcb".to_owned(),
                state: InstructionState::Returned,
                grade: None,
                part: returned,
            },
            InstructionTally {
                provider: "bidv".to_owned(),
                state: InstructionState::Unknown,
                grade: None,
                part: unknown,
            },
        ],
        failures: vec![
            failure(
                InstructionState::Rejected,
                Some("AC04"),
                "payee_data",
                Aftermath::Carried,
                rejected,
            ),
            failure(
                InstructionState::Rejected,
                Some("AM04"),
                "retry",
                Aftermath::PaidOtherwise,
                part(1_180, 765_000_000),
            ),
            failure(
                InstructionState::Rejected,
                None,
                "review",
                Aftermath::PaidOtherwise,
                part(24, 15_500_000),
            ),
            failure(InstructionState::Returned, Some("MD07"), "stop", Aftermath::Waiting, deceased),
            failure(
                InstructionState::Returned,
                Some("AC06"),
                "review",
                Aftermath::Waiting,
                minus(returned, deceased),
            ),
        ],
        reissued,
        discrepancies: vec![
            DiscrepancyTally {
                kind: DiscrepancyKind::AmountDiffers,
                provider: "lpb".to_owned(),
                is_open: true,
                is_of_cycle: true,
                count: 3,
                expected_minor: 2_250_000,
                reported_minor: 2_249_000,
            },
            DiscrepancyTally {
                kind: DiscrepancyKind::Unmatched,
                provider: "momo".to_owned(),
                is_open: false,
                is_of_cycle: false,
                count: 1,
                expected_minor: 0,
                reported_minor: 500_000,
            },
        ],
        receivables: vec![ReceivableTally {
            cause: ReceivableCause::SettledExcess,
            state: ReceivableState::Open,
            is_of_cycle: true,
            part: part(2, 1_250_000),
        }],
        suspense: unknown,
        identities,
        hindrances: Vec::new(),
        checkpoint: LogCheckpoint {
            origin: "chitra.office/BLDTB".to_owned(),
            size: 48_215,
            root: digest("log root"),
        },
        names: Names {
            programmes: BTreeMap::from([
                (
                    "social_assistance".to_owned(),
                    Words::fixed("Trợ giúp xã hội", "Social assistance"),
                ),
                (
                    "social_pension".to_owned(),
                    Words::fixed("Trợ cấp hưu trí xã hội", "Social pension"),
                ),
            ]),
            provinces: PROVINCES
                .iter()
                .map(|province| (province.code.to_owned(), Words::name(province.name)))
                .collect(),
            clauses: BTreeMap::from([(
                "vn.pension.under_75".to_owned(),
                Words::fixed("Chưa đủ 75 tuổi.", "Not yet 75 years old."),
            )]),
        },
        claims_minor: all.minor + 5_000_000,
        recoveries: part(25, -5_000_000),
        court_orders: Part::default(),
        to_heirs: part(2, 1_080_000),
        people_listed: people.values().sum(),
        people_carried: 0,
        people,
        rows,
        payables,
    }
}

fn identity(name: &'static str, left: String, right: String) -> Identity {
    Identity { name, left, right }
}

/// Compares with the golden file, or writes it when `CHITRA_GOLDEN=write` is set.
#[track_caller]
fn check_golden(name: &str, made: &str) {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name);
    if std::env::var("CHITRA_GOLDEN").is_ok_and(|wish| wish == "write") {
        std::fs::write(&path, made).expect("tests/golden can be written");
    }
    let golden = std::fs::read_to_string(&path).unwrap_or_default();
    let differs = golden.lines().zip(made.lines()).position(|(old, new)| old != new);
    assert!(
        golden == made,
        "{} differs from what is made now, first in line {:?}; look at it, and when it is wanted: \
         CHITRA_GOLDEN=write cargo test --lib report::tests",
        path.display(),
        differs.map(|line| line + 1),
    );
}

#[test]
fn the_document_is_the_golden_one() {
    check_golden("cycle-report.html", &html(&fixture(), Language::Both));
}

#[test]
fn the_table_is_the_golden_one() {
    check_golden("cycle-report.csv", &csv(&fixture()));
}

#[test]
fn the_invented_month_balances() {
    let report = fixture();
    for check in report.checks() {
        assert!(check.holds(), "{}: {} is not {}", check.name.en, check.left, check.right);
    }
    assert_eq!(report.is_balanced(), Some(true));
}

/// Every division of the payables has all of them.
#[test]
fn every_table_adds_up_to_the_same_total() {
    let report = fixture();
    let whole = report.payables.iter().fold(Part::default(), |sum, one| plus(sum, one.part));
    for by in [
        report.payables_by(|one| &one.channel),
        report.payables_by(|one| &one.provider),
        report.payables_by(|one| &one.programme),
        report.payables_by(|one| &one.province),
        report.payables_by(|one| &one.fund),
    ] {
        let total = by.values().fold(Part::default(), |sum, one| plus(sum, one.total()));
        assert_eq!(total, whole);
    }
    let all = report.payables_by_state();
    assert_eq!(plus(report.to_pay(), all.of(PayableState::Held)), whole);
    assert_eq!(plus(report.left_over(), all.of(PayableState::Paid)), report.to_pay());
    assert_eq!(report.payables_by(|one| &one.province).len(), 34);
}

#[track_caller]
fn check_breaks(spoil: impl FnOnce(&mut CycleReport), broken: &str) {
    let mut report = fixture();
    spoil(&mut report);
    assert_eq!(report.is_balanced(), Some(false));
    let found: Vec<Check> = report.checks().into_iter().filter(|one| !one.holds()).collect();
    assert!(found.iter().any(|one| one.name.en.contains(broken)), "{found:?}");
    let page = html(&report, Language::Both);
    assert!(page.contains("KHÔNG CÂN ĐỐI") && page.contains("✗"), "the document must say so");
    assert!(csv(&report).contains("about_balanced,no,"));
}

#[test]
fn one_figure_that_is_off_is_told_on_the_first_page() {
    for (at, broken) in [(0, "rows listed"), (1, "claims of the payables"), (2, "failed orders")] {
        check_breaks(|report| report.identities[at].left.push('0'), broken);
    }
}

/// Identities made for every file are one line when they hold; each that fails stands alone.
#[test]
fn a_file_that_differs_is_not_lost_among_those_that_agree() {
    let mut report = fixture();
    let of_files = |report: &CycleReport| -> Vec<(usize, bool)> {
        let checks = report.checks();
        let named = checks.iter().filter(|one| one.name.en == "instructions of a batch = its file");
        named.map(|one| (one.times, one.holds())).collect()
    };
    assert_eq!(of_files(&report), [(5, true)]);
    let at = report.identities.iter().position(|one| one.name.contains("its file"));
    report.identities[at.expect("the fixture has files")].right = "x: 1 / 1".to_owned();
    assert_eq!(of_files(&report), [(1, false), (4, true)]);
}

#[test]
fn the_same_values_give_the_same_bytes_and_nothing_is_fetched() {
    let page = html(&fixture(), Language::Both);
    assert_eq!(page, html(&fixture(), Language::Both));
    assert_eq!(csv(&fixture()), csv(&fixture()));
    for outside in ["http://", "https://", "<script", "url(", "@import", "src=", "<link", "<img"] {
        assert!(!page.contains(outside), "a self-contained document has no `{outside}`");
    }
}

#[test]
fn one_language_alone_can_be_had() {
    let vietnamese = html(&fixture(), Language::Vietnamese);
    assert!(vietnamese.contains("Tệp chi trả") && !vietnamese.contains("Payout files"));
    let english = html(&fixture(), Language::English);
    assert!(english.contains("Payout files") && !english.contains("Tệp chi trả"));
    assert!(english.contains("<html lang=\"en\">"));
}

#[test]
fn hostile_names_are_text_wherever_they_stand() {
    const EVIL: &str = "\"><script>alert('x')</script>\u{202e}&";
    let mut report = fixture();
    report.office.name = EVIL.to_owned();
    report.office.prefix = EVIL.to_owned();
    report.label = EVIL.to_owned();
    report.opened_by = EVIL.to_owned();
    report.opened_at = EVIL.to_owned();
    report.state = CycleState::Settling;
    report.hindrances.push(EVIL.to_owned());
    report.imports[0].file_name = EVIL.to_owned();
    report.imports[0].sha256 = EVIL.to_owned();
    report.imports[0].imported_by = EVIL.to_owned();
    report.rows[0].code = EVIL.to_owned();
    report.rows[2].programme = EVIL.to_owned();
    for one in &mut report.payables[..40] {
        one.channel = EVIL.to_owned();
        one.provider = EVIL.to_owned();
        one.programme = EVIL.to_owned();
        one.province = EVIL.to_owned();
        one.code = EVIL.to_owned();
    }
    report.lists[0].digest = EVIL.to_owned();
    report.lists[0].signatures[0].officer = EVIL.to_owned();
    report.lists[0].signatures[0].voided_at = Some(EVIL.to_owned());
    report.files[0].name = EVIL.to_owned();
    report.files[0].format = EVIL.to_owned();
    report.files[0].provider = EVIL.to_owned();
    report.files[0].sha256 = Some(EVIL.to_owned());
    report.answers[0].file_name = EVIL.to_owned();
    report.failures[0].reason = Some(EVIL.to_owned());
    report.failures[0].class = Some(EVIL.to_owned());
    report.discrepancies[0].provider = EVIL.to_owned();
    report.identities[0].left = EVIL.to_owned();
    report.checkpoint.origin = EVIL.to_owned();
    report.checkpoint.root = EVIL.to_owned();
    report.names.programmes.insert("social_pension".to_owned(), Words::name(EVIL));
    for language in [Language::Both, Language::Vietnamese, Language::English] {
        let page = html(&report, language);
        for broken in ["<script", "alert('x')", "\u{202e}", "\"><script"] {
            assert!(!page.contains(broken), "`{broken}` came through");
        }
        assert!(page.contains("&quot;&gt;&lt;script&gt;"));
        let style = page.split("</style>").next().unwrap_or("");
        assert!(!style.contains("alert('"), "nothing from outside is in the style sheet");
    }
}

#[test]
fn a_cycle_that_is_not_computed_says_so_and_shows_no_figures() {
    let mut report = fixture();
    report.state = CycleState::Open;
    report.identities.clear();
    assert_eq!(report.is_balanced(), None);
    let page = html(&report, Language::Both);
    assert!(page.contains("CHƯA CÓ SỐ LIỆU") && !page.contains("id=\"summary\""));
    assert!(csv(&report).contains("about_balanced,not computed,"));
}

#[test]
fn an_empty_month_is_written_without_a_division_by_nothing() {
    let mut report = fixture();
    report.payables.clear();
    report.rows.clear();
    report.rows_listed = 0;
    report.claims_minor = 0;
    report.recoveries = Part::default();
    report.people.clear();
    report.people_listed = 0;
    report.instructions.clear();
    report.failures.clear();
    report.files.clear();
    report.identities.clear();
    assert_eq!(report.is_balanced(), Some(true));
    let page = html(&report, Language::Both);
    assert!(page.contains("CÂN ĐỐI"));
    assert!(csv(&report).contains("payables,total,0,0"));
}

#[test]
fn a_reason_that_may_hold_a_name_or_an_account_is_not_shown() {
    for (reason, shown) in [
        ("AC04", true),
        ("identifierError", true),
        ("E-1203.7", true),
        ("Sai tên người hưởng Nguyễn Thị A", false),
        ("0123456789", false),
        ("acct_0071000123456", false),
        ("", false),
    ] {
        assert_eq!(shown_reason(reason).is_some(), shown, "{reason}");
    }
}
