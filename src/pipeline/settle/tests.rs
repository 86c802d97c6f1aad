//! What outcomes do to orders and payables, case by case.

use super::*;
use crate::domain::ids::{CycleNo, DestinationNo, ListNo, Shard};
use crate::domain::instruction::{Evidence, EvidenceGrade};
use crate::domain::outcome::ReasonClass;
use crate::domain::roster::Channel;

fn payable_no() -> PayableNo {
    PayableNo::pack(CycleNo(1), Shard::new(3), 7).unwrap()
}

fn payable(state: PayableState, carried: bool) -> Payable {
    let person = PersonNo::from_number(3 << 55).unwrap();
    Payable {
        number: payable_no(),
        payee: person,
        beneficiary: person,
        heir: None,
        destination: None,
        channel: Channel::Bank,
        provider: "B".to_owned(),
        fund: "state".to_owned(),
        programme: "sa".to_owned(),
        province: "01".to_owned(),
        amount_minor: 810_000,
        lines: 1,
        state,
        code: String::new(),
        batch: Some(BatchNo(1)),
        carried_to: carried.then(|| PayableNo::pack(CycleNo(2), Shard::new(3), 0).unwrap()),
    }
}

fn attempt(number: i64, state: InstructionState) -> Instruction {
    Instruction {
        payable: payable_no(),
        attempt: AttemptNo::new(number).unwrap(),
        list: ListNo(0),
        batch: BatchNo(number),
        destination: DestinationNo::from_number(1).unwrap(),
        amount_minor: 810_000,
        state,
        evidence: Evidence {
            outcome_on: (state == InstructionState::Returned).then(|| "2026-11-09".to_owned()),
            ..Evidence::default()
        },
    }
}

/// What is settled of a cycle that is open, where nothing else is known.
fn plain<'a>(
    outcomes: &'a [Outcome],
    payables: Vec<Payable>,
    instructions: Vec<Instruction>,
    batches: &'a BTreeMap<BatchNo, BatchState>,
) -> Input<'a> {
    static NO_BATCHES: BTreeSet<BatchNo> = BTreeSet::new();
    static NO_ITEMS: BTreeSet<(AnswerNo, i64)> = BTreeSet::new();
    static NO_ORDERS: BTreeSet<(PayableNo, AttemptNo)> = BTreeSet::new();
    static NO_TRANSACTIONS: BTreeMap<(PayableNo, AttemptNo), BTreeSet<String>> = BTreeMap::new();
    Input {
        outcomes,
        payables,
        instructions,
        batches,
        closed: false,
        waited_out: &NO_BATCHES,
        heard_today: &NO_ORDERS,
        one_by_one: &NO_BATCHES,
        said_of_files: &NO_ITEMS,
        not_left: &NO_ORDERS,
        transactions: &NO_TRANSACTIONS,
        told_of: None,
        entries: Entries::OfNoStatement,
        answer: None,
    }
}

/// What is said of the first attempt, and no more than that.
fn said(reported: Reported) -> Outcome {
    Outcome {
        item: 1,
        payable: payable_no(),
        attempt: AttemptNo::FIRST,
        reported,
        amount: None,
        reason: None,
        class: None,
        on: None,
        transaction: Transaction::None,
        unbelievable: Vec::new(),
    }
}

fn reported(word: &str) -> Reported {
    match word {
        "in flight" => Reported::InFlight,
        "debited" => Reported::Debited,
        "paid" => Reported::Paid(EvidenceGrade::Statement),
        "rejected" => Reported::Rejected,
        "returned" => Reported::Returned,
        "cancelled" => Reported::Cancelled,
        _ => Reported::CannotTell,
    }
}

/// `attempts` are the states of attempts 1, 2 …; the outcome is about attempt 1.
#[track_caller]
fn check(sentence: &str, payable_is: &str, attempts: &[&str], word: &str, expected: &str) {
    let outcome = Outcome {
        item: 1,
        payable: payable_no(),
        attempt: AttemptNo::FIRST,
        reported: reported(word),
        amount: Some(Ok(810_000)),
        reason: Some("AC04".to_owned()),
        class: Some(ReasonClass::PayeeData),
        on: Some("2026-11-05".to_owned()),
        transaction: Transaction::None,
        unbelievable: Vec::new(),
    };
    let carried = payable_is.ends_with(" carried");
    let state = PayableState::from_name(payable_is.trim_end_matches(" carried")).unwrap();
    let instructions = attempts
        .iter()
        .zip(1..)
        .map(|(state, number)| attempt(number, InstructionState::from_name(state).unwrap()))
        .collect();
    let batches =
        BTreeMap::from([(BatchNo(1), BatchState::Delivered), (BatchNo(2), BatchState::Delivered)]);
    let output =
        settle(plain(&[outcome], vec![payable(state, carried)], instructions, &batches)).unwrap();
    let mut said: Vec<String> = output
        .instructions
        .iter()
        .map(|one| format!("attempt {}", one.after.state))
        .chain(output.payables.iter().map(|(_, payable)| format!("payable {}", payable.state)))
        .chain(output.discrepancies.iter().map(|one| one.kind.to_string()))
        .chain(output.receivables.iter().map(|one| format!("owed {}", one.amount_minor)))
        .collect();
    if output.halt.is_some() {
        said.push("halt".to_owned());
    }
    assert_eq!(said.join(", "), expected, "{sentence}");
}

#[test]
fn evidence_moves_what_it_proves_and_nothing_else() {
    check("paid", "pending", &["in_batch"], "paid", "attempt settled, payable paid");
    check("in flight", "pending", &["in_batch"], "in flight", "attempt in_batch");
    check(
        "found on its way",
        "unknown",
        &["unknown"],
        "in flight",
        "attempt in_batch, payable pending",
    );
    check("rejected", "pending", &["in_batch"], "rejected", "attempt rejected, payable rejected");
    check("returned", "paid", &["settled"], "returned", "attempt returned, payable returned");
    check(
        "never reported paid",
        "pending",
        &["in_batch"],
        "returned",
        "attempt returned, payable returned",
    );
    check(
        "unknown ends by evidence",
        "unknown",
        &["unknown"],
        "paid",
        "attempt settled, payable paid",
    );
    check(
        "a status nobody knows",
        "pending",
        &["in_batch"],
        "??",
        "attempt unknown, payable unknown, status_unknown",
    );
    check(
        "debited, and the payee may have it",
        "pending",
        &["in_batch"],
        "debited",
        "attempt in_batch",
    );
    check("no debit ends unknown", "unknown", &["unknown"], "debited", "attempt unknown");
    check("a debit of what is paid", "paid", &["settled"], "debited", "");
    check("a debit of what came back", "returned", &["returned"], "debited", "");
    check("a debit of what is rejected", "rejected", &["rejected"], "debited", "contradiction");
    check("said twice", "rejected", &["rejected"], "rejected", "");
    check("a rejection of what is paid", "paid", &["settled"], "rejected", "contradiction");
    check(
        "paid after rejected",
        "rejected",
        &["rejected"],
        "paid",
        "attempt settled, payable paid, contradiction",
    );
    check(
        "paid although the reissue is live",
        "paid",
        &["rejected", "settled"],
        "paid",
        "attempt settled_excess, settled_excess, owed 810000, halt",
    );
    check(
        "paid although a later list carried it",
        "returned carried",
        &["rejected"],
        "paid",
        "attempt settled_excess, settled_excess, owed 810000, halt",
    );
    check(
        "the excess comes back",
        "paid",
        &["settled_excess", "settled"],
        "returned",
        "attempt excess_returned",
    );
    check(
        "the order beside an excess comes back",
        "paid",
        &["settled", "settled_excess"],
        "returned",
        "attempt returned, attempt settled, payable paid",
    );
    check("an older credit of what was returned", "returned", &["returned"], "paid", "");
    check(
        "cancelled",
        "pending",
        &["in_batch"],
        "cancelled",
        "attempt cancelled, payable rejected",
    );
}

#[test]
fn another_amount_changes_nothing_and_is_kept() {
    for amount in [Ok(1), Ok(810_001), Err("USD".to_owned())] {
        let outcome = Outcome {
            item: 4,
            payable: payable_no(),
            attempt: AttemptNo::FIRST,
            reported: Reported::Paid(EvidenceGrade::ProviderResult),
            amount: Some(amount),
            reason: None,
            class: None,
            on: None,
            transaction: Transaction::None,
            unbelievable: Vec::new(),
        };
        let output = settle(plain(
            &[outcome],
            vec![payable(PayableState::Pending, false)],
            vec![attempt(1, InstructionState::InBatch)],
            &BTreeMap::new(),
        ))
        .unwrap();
        assert!(output.instructions.is_empty() && output.payables.is_empty());
        assert_eq!(output.discrepancies[0].kind, DiscrepancyKind::AmountDiffers);
        assert_eq!(output.discrepancies[0].expected_minor, Some(810_000));
    }
}

/// The attempt is held in a state, dated the 9th where it came back, and FT1 is known of it; the item says
/// that it was paid, by a transaction or none, on a day.
#[track_caller]
fn check_again(held: &str, transaction: &str, on: &str, same_answer: bool, expected: &str) {
    let outcome = Outcome {
        item: 2,
        payable: payable_no(),
        attempt: AttemptNo::FIRST,
        reported: Reported::Paid(EvidenceGrade::ProviderResult),
        amount: Some(Ok(810_000)),
        reason: None,
        class: None,
        on: (!on.is_empty()).then(|| format!("2026-11-{on}")),
        transaction: match transaction {
            "" => Transaction::Unnamed,
            named => Transaction::Named(named.to_owned()),
        },
        unbelievable: Vec::new(),
    };
    let state = InstructionState::from_name(held).unwrap();
    let payable_is = match state {
        InstructionState::Settled => PayableState::Paid,
        InstructionState::Returned => PayableState::Returned,
        _ => PayableState::Pending,
    };
    let before = Instruction {
        evidence: Evidence {
            grade: Some(EvidenceGrade::ProviderResult),
            answer: Some((AnswerNo(1), 1)),
            ..attempt(1, state).evidence
        },
        ..attempt(1, state)
    };
    let known =
        BTreeMap::from([((payable_no(), AttemptNo::FIRST), BTreeSet::from(["FT1".to_owned()]))]);
    let output = settle(Input {
        transactions: &known,
        answer: Some(AnswerNo(if same_answer { 1 } else { 2 })),
        ..plain(
            &[outcome],
            vec![payable(payable_is, false)],
            vec![before],
            &BTreeMap::from([(BatchNo(1), BatchState::Delivered)]),
        )
    })
    .unwrap();
    let mut said: Vec<String> =
        output.instructions.iter().map(|one| one.after.state.to_string()).collect();
    said.extend(output.discrepancies.iter().map(|one| one.kind.to_string()));
    said.extend(output.transactions.iter().map(|one| format!("new {}", one.reference)));
    said.extend((output.repeated > 0).then(|| "repeated".to_owned()));
    assert_eq!(said.join(", "), expected, "{held}, {transaction} on {on}");
}

#[test]
fn another_transaction_is_perhaps_another_payment() {
    check_again("settled", "FT1", "05", false, "repeated");
    check_again("settled", "FT1", "05", true, "repeated");
    check_again("settled", "FT2", "05", false, "paid_twice, new FT2");
    check_again("settled", "FT2", "05", true, "paid_twice, new FT2");
    check_again("settled", "", "05", false, "repeated");
    check_again("settled", "", "05", true, "paid_twice");
    check_again("in_batch", "FT2", "05", false, "settled, new FT2");
    check_again("unknown", "FT1", "05", false, "settled");
    check_again("returned", "FT1", "05", false, "repeated");
    check_again("returned", "FT1", "", false, "repeated");
    check_again("returned", "FT2", "05", false, "paid_twice, new FT2");
    check_again("returned", "FT2", "12", false, "settled, contradiction, new FT2");
    check_again("returned", "FT2", "", false, "contradiction, new FT2");
}

/// An entry of a statement that follows the one before it, or may overlap it, about an order in `state`: `debited`
/// where our account was debited for it before, with what else statements had of it.
#[track_caller]
fn check_booked_again(
    known: &[&str],
    state: &str,
    told: (&str, &str),
    expected: &str,
    overlapping: &str,
) {
    let (word, transaction) = told;
    let debited = state.strip_suffix(" debited");
    let state = InstructionState::from_name(debited.unwrap_or(state)).unwrap();
    let outcome = Outcome {
        amount: Some(Ok(810_000)),
        on: Some("2026-11-12".to_owned()),
        transaction: match transaction {
            "" => Transaction::Unnamed,
            reference => Transaction::Named(reference.to_owned()),
        },
        ..said(reported(word))
    };
    let order = Instruction {
        evidence: Evidence {
            debited_on: debited.map(|_| "2026-11-03".to_owned()),
            ..attempt(1, state).evidence
        },
        ..attempt(1, state)
    };
    let known: BTreeSet<String> = known
        .iter()
        .map(|one| match one.strip_prefix("return ") {
            Some(reference) if reference != "of June" => format!("return\u{1f}{reference}"),
            _ => (*one).to_owned(),
        })
        .collect();
    for (entries, expected) in
        [(Entries::OfOneThatFollows, expected), (Entries::OfOneThatMayOverlap, overlapping)]
    {
        let output = settle(Input {
            transactions: &BTreeMap::from([((payable_no(), AttemptNo::FIRST), known.clone())]),
            entries,
            answer: Some(AnswerNo(2)),
            ..plain(
                std::slice::from_ref(&outcome),
                vec![payable(PayableState::Pending, false)],
                vec![order.clone()],
                &BTreeMap::from([(BatchNo(1), BatchState::Delivered)]),
            )
        })
        .unwrap();
        let mut told: Vec<String> =
            output.discrepancies.iter().map(|one| one.kind.to_string()).collect();
        told.extend(output.transactions.iter().map(|one| format!("new {}", one.reference)));
        let told = told.join(", ").replace('\u{1f}', " ");
        assert_eq!(told, expected, "{known:?} {state} {word} {transaction:?} {entries:?}");
    }
}

#[test]
fn what_statements_book_twice_has_moved_twice() {
    let known = check_booked_again;
    known(&[], "in_batch", ("debited", "R1"), "new R1", "new R1");
    known(&[], "in_batch", ("debited", ""), "new ", "new ");
    known(&["R1"], "in_batch debited", ("debited", "R1"), "paid_twice", "");
    known(
        &["R1"],
        "in_batch debited",
        ("debited", "R2"),
        "paid_twice, new R2",
        "paid_twice, new R2",
    );
    known(&["R1"], "settled", ("debited", ""), "paid_twice, new ", "new ");
    known(&[""], "in_batch debited", ("debited", ""), "paid_twice", "");
    // Debited once more after it came back, whatever was known of the first debit.
    known(&["R1", "return Q1"], "returned", ("debited", "R2"), "paid_twice, new R2", "new R2");
    known(&["R1"], "in_batch debited", ("returned", "Q1"), "new return Q1", "new return Q1");
    // What came back by another answer stands on a statement once, too.
    known(&["R1"], "returned", ("returned", "Q1"), "new return Q1", "new return Q1");
    known(&["R1", "return Q1"], "returned", ("returned", "Q1"), "came_back_twice", "");
    known(
        &["R1", "return "],
        "returned",
        ("returned", "Q1"),
        "came_back_twice, new return Q1",
        "new return Q1",
    );
    // Taken for what was not carried out, and given back: once.
    known(&["R1"], "rejected debited", ("returned", "Q1"), "new return Q1", "new return Q1");
    known(
        &["R1", "return Q1"],
        "rejected debited",
        ("returned", ""),
        "came_back_twice, new return ",
        "new return ",
    );
    // A reference that reads like a return is none.
    known(
        &["return of June"],
        "in_batch debited",
        ("debited", "R2"),
        "paid_twice, new R2",
        "paid_twice, new R2",
    );
}

/// FT1 was told of another order, and FT3 of this one; the item says that this one was paid, debited or came
/// back by a transaction.
#[track_caller]
fn check_shared(word: &str, transaction: Transaction, compared: bool, expected: &str) {
    let outcome = |item, payable, transaction| Outcome {
        item,
        payable,
        attempt: AttemptNo::FIRST,
        reported: reported(word),
        amount: Some(Ok(810_000)),
        reason: None,
        class: None,
        on: Some("2026-11-05".to_owned()),
        transaction,
        unbelievable: Vec::new(),
    };
    let second = PayableNo::pack(CycleNo(5), Shard::new(3), 8).unwrap();
    let third = PayableNo::pack(CycleNo(5), Shard::new(3), 9).unwrap();
    let orders = BTreeMap::from([
        ("FT1".to_owned(), (third, AttemptNo::FIRST)),
        ("FT3".to_owned(), (payable_no(), AttemptNo::FIRST)),
    ]);
    let prefix = OfficePrefix::parse("AB01").unwrap();
    let pending = |number| Payable { number, ..payable(PayableState::Pending, false) };
    let order = |payable| Instruction { payable, ..attempt(1, InstructionState::InBatch) };
    // What the first item is told of counts for the second.
    let outcomes = [outcome(1, payable_no(), transaction.clone()), outcome(2, second, transaction)];
    let output = settle(Input {
        told_of: compared.then_some(ToldOf { orders: &orders, prefix: &prefix }),
        answer: Some(AnswerNo(2)),
        ..plain(
            &outcomes,
            vec![pending(payable_no()), pending(second)],
            vec![order(payable_no()), order(second)],
            &BTreeMap::from([(BatchNo(1), BatchState::Delivered)]),
        )
    })
    .unwrap();
    let mut said: Vec<String> =
        output.instructions.iter().map(|one| one.after.state.to_string()).collect();
    said.extend(output.discrepancies.iter().map(|one| format!("{} {}", one.item, one.kind)));
    said.extend(output.transactions.iter().map(|one| format!("new {}", one.reference)));
    assert_eq!(said.join(", "), expected, "{word}, {compared}");
}

#[test]
fn one_transaction_is_of_one_order() {
    let named = |text: &str| Transaction::Named(text.to_owned());
    let both = "1 transaction_shared, 2 transaction_shared";
    check_shared("paid", named("FT1"), true, both);
    check_shared("paid", named("FT2"), true, "settled, 2 transaction_shared, new FT2");
    check_shared("paid", named("FT3"), true, "settled, 2 transaction_shared, new FT3");
    check_shared("debited", named("FT1"), true, both);
    check_shared("paid", named("FT1"), false, "settled, settled, new FT1, new FT1");
    check_shared("paid", Transaction::Unnamed, true, "settled, settled");
    // Of money that came back, was refused or is on its way, one reference may tell of many.
    check_shared("returned", named("FT1"), true, "returned, returned");
    check_shared("rejected", named("FT1"), true, "rejected, rejected");
    check_shared("in flight", named("FT1"), true, "in_batch, in_batch");
}

#[test]
fn an_outcome_proves_that_a_file_of_unknown_fate_arrived() {
    let outcome = said(Reported::InFlight);
    for (batch, proved, halted) in [
        (BatchState::Unknown, true, false),
        (BatchState::Sending, true, false),
        (BatchState::Delivered, false, false),
        (BatchState::Released, false, true),
    ] {
        let output = settle(plain(
            std::slice::from_ref(&outcome),
            vec![payable(PayableState::Pending, false)],
            vec![attempt(1, InstructionState::InBatch)],
            &BTreeMap::from([(BatchNo(1), batch)]),
        ))
        .unwrap();
        assert_eq!(output.proved_delivered.contains(&BatchNo(1)), proved, "{batch}");
        assert_eq!(output.halt.is_some(), halted, "{batch}");
    }
}

#[test]
fn what_has_waited_out_its_days_waits_for_an_outcome() {
    let outcome = said(Reported::InFlight);
    for (waited_out, heard_today, after) in [
        (false, false, Some(InstructionState::InBatch)),
        (true, false, Some(InstructionState::Unknown)),
        (true, true, None),
    ] {
        let order = attempt(1, InstructionState::Unknown);
        let key = (order.payable, order.attempt);
        let output = settle(Input {
            waited_out: &waited_out.then_some(BatchNo(1)).into_iter().collect(),
            heard_today: &heard_today.then_some(key).into_iter().collect(),
            ..plain(
                std::slice::from_ref(&outcome),
                vec![payable(PayableState::Unknown, false)],
                vec![order],
                &BTreeMap::from([(BatchNo(1), BatchState::Delivered)]),
            )
        })
        .unwrap();
        assert_eq!(output.instructions.first().map(|one| one.after.state), after);
    }
}

#[test]
fn what_is_said_of_an_order_that_has_not_left_moves_nothing() {
    let order = attempt(1, InstructionState::InBatch);
    let outcome = said(reported("paid"));
    let sending = BTreeMap::from([(BatchNo(1), BatchState::Sending)]);
    let left_one_by_one = BTreeSet::from([BatchNo(1)]);
    for not_left in [true, false] {
        let output = settle(Input {
            one_by_one: &left_one_by_one,
            said_of_files: &BTreeSet::new(),
            not_left: &not_left.then_some((order.payable, order.attempt)).into_iter().collect(),
            ..plain(
                std::slice::from_ref(&outcome),
                vec![payable(PayableState::Pending, false)],
                vec![order.clone()],
                &sending,
            )
        })
        .unwrap();
        let contradictions: Vec<_> = output.discrepancies.iter().map(|one| one.kind).collect();
        assert_eq!(contradictions == [DiscrepancyKind::Contradiction], not_left, "{not_left}");
        assert_eq!(output.instructions.is_empty(), not_left);
        assert_eq!(output.halt.is_some(), not_left);
        assert!(output.proved_delivered.is_empty());
    }
}

proptest::proptest! {
    /// Whatever is reported in whatever order, what is stored never leaves the tables, at most
    /// one attempt is live, and every item moves something, is kept, or told nothing new.
    #[test]
    fn any_sequence_of_reports_keeps_the_invariants(
        words in proptest::collection::vec((0_usize..7, 1_i64..3, 1_u32..28), 0..12),
    ) {
        const WORDS: [&str; 7] = ["in flight", "debited", "paid", "rejected", "returned", "cancelled", "??"];
        let outcomes: Vec<Outcome> = words.iter().zip(1..).map(|((word, number, day), item)| Outcome {
            item,
            payable: payable_no(),
            attempt: AttemptNo::new(*number).unwrap(),
            reported: reported(WORDS[*word]),
            amount: None,
            reason: None,
            class: None,
            on: Some(format!("2026-11-{day:02}")),
            transaction: Transaction::None,
            unbelievable: Vec::new(),
        }).collect();
        let output = settle(plain(&outcomes, vec![payable(PayableState::Pending, false)], vec![attempt(1, InstructionState::Rejected), attempt(2, InstructionState::InBatch)], &BTreeMap::from([(BatchNo(1), BatchState::Delivered), (BatchNo(2), BatchState::Delivered)]))).unwrap();
        let state = |number: i64, held: InstructionState| output.instructions.iter()
            .find(|one| one.after.attempt.number() == number as u8).map_or(held, |one| one.after.state);
        let first = state(1, InstructionState::Rejected);
        let second = state(2, InstructionState::InBatch);
        proptest::prop_assert!(!(first.is_live() && second.is_live()), "{first} {second}");
    }
}
