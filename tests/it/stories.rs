//! The ten stories of docs/model.md §6, each told on both databases: what could pay someone twice,
//! not at all, or without anybody knowing. Every story ends with balanced cycles and a whole log.

use std::collections::BTreeMap;

use chitra::domain::cycle::CycleKind::{Correction, Regular, Supplementary};
use chitra::domain::cycle::{Cycle, CycleState};
use chitra::domain::ids::ListNo;
use chitra::domain::list::ListState;
use chitra::domain::payable::PayableState;
use chitra::store::cycles::LastingSettings;
use chitra::store::{Changes, StoreError};

use crate::support::office::{
    APPROVERS, Fault, MAKER, TestOffice, archived_file, key, on_both_databases, opening, refused,
    run,
};
use crate::support::real_parts::RealPart;

on_both_databases! { run, RealPart::Postgres;
    carried_then_corrected
    reissued_then_the_old_payment_settles_late
    death_after_sealing
    two_regular_lists
    a_crash_between_sending_and_answer
    a_crash_before_the_bytes_left
    an_outcome_that_is_lost
    one_person_under_two_ids
    the_same_row_on_a_supplementary_list
    an_approval_and_then_an_edit
    an_answer_for_nobody_twice_with_another_amount
    closing_with_an_unknown
    every_rail_answers_in_its_own_words
    holds_are_released_before_and_after_sealing
    what_was_paid_too_much_is_owed_back_once
    who_was_wrongly_registered_as_dead_is_paid_when_two_have_looked
}

const AN: &str = "E1 | 001044000101 | Nguyễn Văn An | 1944-03-14 | male | social_pension/monthly | monthly_pension=0 | bank 970405 0711000001";
const BINH: &str = "E2 | 001145000102 | Trần Thị Bình | 1945-07-02 | female | social_pension/monthly | monthly_pension=0 | bank 970405 0711000002";

/// The law that raised the pension from 500 000 to 540 000 đồng was known from 5 October 2026.
const BEFORE_THE_RAISE: &str = "2026-09-20";
const AFTER_THE_RAISE: &str = "2026-10-20";

/// 1. October is returned, November carries it, and a correction of October pays the raise only.
async fn carried_then_corrected(office: TestOffice) {
    office.on_day(BEFORE_THE_RAISE);
    office.month("2026-10", &[AN, BINH]).await;
    let october = office.paid_out("2026-10", Regular).await;
    office.check(&october, "entitled 2", "pending 2 = 1000000").await;
    let paid = office.said(&october, "E2", 1, "Thành công", "").await;
    let back = office.said(&october, "E1", 1, "Hoàn trả", "Tài khoản đã đóng").await;
    office.sheet(&[paid, back]).await.unwrap();
    office.check(&october, "entitled 2", "paid 1 = 500000, returned 1 = 500000").await;
    office.closed(&october).await;

    // The same law as in October, so that November owes its own month and what it carries.
    office.month("2026-11", &[AN, BINH]).await;
    let november = office.paid_out("2026-11", Regular).await;
    office.check(&november, "entitled 2", "pending 2 = 1500000").await;
    assert_eq!(office.payable(&november, "E1").await.amount_minor, 1_000_000);
    assert_eq!(
        office.payable(&october, "E1").await.carried_to,
        Some(office.payable(&november, "E1").await.number)
    );
    assert_eq!(
        office.claims("E1").await,
        ["2026-10 r0 500000 cycle 2", "2026-11 r0 500000 cycle 2"],
        "the claim of October has changed its owner"
    );
    let an = office.said(&november, "E1", 1, "Thành công", "").await;
    let binh = office.said(&november, "E2", 1, "Thành công", "").await;
    office.sheet(&[an, binh]).await.unwrap();
    office.closed(&november).await;

    office.on_day(AFTER_THE_RAISE);
    let correction = office.paid_out("2026-10", Correction).await;
    office.check(&correction, "entitled 2", "pending 2 = 80000").await;
    assert_eq!(
        office.claims("E1").await,
        ["2026-10 r0 500000 cycle 2", "2026-10 r1 40000 cycle 3", "2026-11 r0 500000 cycle 2"]
    );
    let an = office.said(&correction, "E1", 1, "Thành công", "").await;
    let binh = office.said(&correction, "E2", 1, "Thành công", "").await;
    office.sheet(&[an, binh]).await.unwrap();
    let correction = office.closed(&correction).await;
    office.check(&correction, "entitled 2", "paid 2 = 80000").await;
    office.check(&october, "entitled 2", "paid 1 = 500000, returned 1 = 500000").await;

    // The first payment of October is proved after all: it was carried, so it is too much.
    let late = office.said(&october, "E1", 1, "Thành công", "").await;
    office.sheet(&[late]).await.unwrap();
    assert_eq!(office.attempts(&october, "E1").await, "1 settled_excess");
    assert_eq!(office.receivables().await, ["settled_excess 500000"]);
    office.ends_whole().await;
}

/// 2. Attempt 1 is rejected, attempt 2 settles elsewhere, then attempt 1 is proved paid.
async fn reissued_then_the_old_payment_settles_late(office: TestOffice) {
    office.on_day(BEFORE_THE_RAISE);
    let linked = format!("{AN} | register.account=0711999999 | register.provider=970405");
    office.month("2026-10", &[&linked]).await;
    let october = office.paid_out("2026-10", Regular).await;
    let no = office.said(&october, "E1", 1, "Không thành công", "Sai số tài khoản").await;
    office.sheet(&[no]).await.unwrap();
    office.check(&october, "entitled 1", "rejected 1 = 500000").await;

    let again = office.engine.reissue(&office.now(&october).await).await.unwrap();
    let list = again.list.expect("a linked account is known");
    assert_eq!((list.number, again.ordered, again.ordered_minor), (ListNo(1), 1, 500_000));
    office.check(&october, "entitled 1", "pending 1 = 500000").await;
    office.sent(&october, 1).await;
    let instructions = office.instructions(&october, "E1").await;
    assert_ne!(instructions[0].destination, instructions[1].destination);
    let yes = office.said(&october, "E1", 2, "Thành công", "").await;
    office.sheet(&[yes]).await.unwrap();
    assert_eq!(office.attempts(&october, "E1").await, "1 rejected, 2 settled");
    office.check(&october, "entitled 1", "paid 1 = 500000").await;

    let late = office.said(&october, "E1", 1, "Thành công", "").await;
    office.sheet(&[late]).await.unwrap();
    assert_eq!(office.attempts(&october, "E1").await, "1 settled_excess, 2 settled");
    assert_eq!(office.discrepancies().await, ["settled_excess"]);
    assert_eq!(office.receivables().await, ["settled_excess 500000"]);
    assert_eq!(office.halts().await, ["provider:sheetbank"]);
    office.check(&october, "entitled 1", "paid 1 = 500000").await;
    assert_eq!(office.claims("E1").await, ["2026-10 r0 500000 cycle 1"]);

    // What comes back of the excess is no return of the payable.
    let back = office.said(&october, "E1", 1, "Hoàn trả", "Tài khoản đã đóng").await;
    office.sheet(&[back]).await.unwrap();
    assert_eq!(office.attempts(&october, "E1").await, "1 excess_returned, 2 settled");
    office.check(&october, "entitled 1", "paid 1 = 500000").await;

    // A halt is lifted by two persons.
    let halt = office.engine.store.halts().await.unwrap()[0].number;
    assert!(!office.engine.halt_lift(halt, APPROVERS[0], &key(APPROVERS[0])).await.unwrap());
    assert_eq!(
        office.engine.halt_lift(halt, APPROVERS[0], &key(APPROVERS[0])).await.unwrap_err().code(),
        "D102"
    );
    assert!(office.engine.halt_lift(halt, APPROVERS[1], &key(APPROVERS[1])).await.unwrap());
    office.closed(&october).await;
    office.ends_whole().await;
}

/// 3. The bank returns the money because the payee died: nobody else gets it, now or later.
async fn death_after_sealing(office: TestOffice) {
    office.on_day(BEFORE_THE_RAISE);
    let an = AN.replace("970405", "970436");
    office.month("2026-10", &[&an, BINH]).await;
    let october = office.paid_out("2026-10", Regular).await;
    let reference = office.said(&october, "E1", 1, "", "").await.reference;
    let notice = returned_by_camt054(&reference, 500_000, "MD07");
    let collected = office.answered("isobank", "xml", notice.as_bytes()).await.unwrap();
    assert_eq!(collected.format, "iso20022-camt054");
    let paid = office.said(&october, "E2", 1, "Thành công", "").await;
    office.sheet(&[paid]).await.unwrap();
    office.check(&october, "entitled 2", "paid 1 = 500000, returned 1 = 500000").await;
    let instruction = &office.instructions(&october, "E1").await[0];
    assert_eq!(instruction.evidence.reason.as_deref(), Some("MD07"));
    assert_eq!(instruction.evidence.reason_class.as_deref(), Some("stop"));

    let again = office.engine.reissue(&office.now(&october).await).await.unwrap();
    assert!(again.list.is_none());
    assert_eq!(
        again.waiting.into_iter().collect::<Vec<_>>(),
        [("the provider reports death, fraud or a court order", 1)]
    );
    office.closed(&october).await;

    // November's register knows of the death.
    let dead = format!("{an} | register.vital_status=deceased | register.date_of_death=2026-09-28");
    office.month("2026-11", &[&dead, BINH]).await;
    let november = office.paid_out("2026-11", Regular).await;
    // The money that came back is there, and two officers have to look twice: at the word, and at the death.
    office.check(&november, "held 1, entitled 1", "held 1 = 500000, pending 1 = 500000").await;
    let held = office.engine.store.held(november.number).await.unwrap();
    let mut codes: Vec<&str> = held.iter().map(|one| one.code.as_str()).collect();
    codes.sort_unstable();
    assert_eq!(codes, ["H110", "H156", "H158"]);
    assert_eq!(office.claims("E1").await, ["2026-10 r0 500000 cycle 2"]);
    office.ends_whole().await;
}

/// 4. A second regular list is refused by the engine and by the index, until the first is cancelled.
async fn two_regular_lists(office: TestOffice) {
    office.on_day(BEFORE_THE_RAISE);
    office.month("2026-10", &[AN]).await;
    let first = office.sealed("2026-10", Regular).await;
    assert_eq!(office.claims("E1").await, ["2026-10 r0 500000 cycle 1"]);

    let second =
        office.engine.cycle_open(opening("2026-10", Regular), &key(MAKER)).await.unwrap_err();
    assert_eq!(second.code(), "C102");
    let twin = Cycle {
        number: chitra::domain::ids::CycleNo(first.number.0 + 1),
        sequence: 2,
        ..first.clone()
    };
    let mut changes = Changes::new();
    let lasting = LastingSettings { currency: "VND".to_owned(), history_from: 202_610 };
    changes.cycle_opened(&twin, &lasting);
    let refused = office.engine.store.commit(changes).await.unwrap_err();
    assert!(matches!(refused, StoreError::Conflict { .. }), "{refused}");
    assert_eq!(office.engine.store.cycles().await.unwrap().len(), 1);

    office.approved(&first, 0).await;
    let approved = office.now(&first).await;
    assert_eq!(approved.state, CycleState::Approved);
    office.engine.cycle_cancel(&approved, "the wrong roster", "lan", &key("lan")).await.unwrap();
    assert_eq!(office.now(&first).await.state, CycleState::Cancelled);
    assert!(office.claims("E1").await.is_empty());

    let second = office.paid_out("2026-10", Regular).await;
    assert_eq!(second.sequence, 2);
    office.check(&second, "entitled 1", "pending 1 = 500000").await;
    assert_eq!(office.claims("E1").await, ["2026-10 r0 500000 cycle 2"]);
    let paid = office.said(&second, "E1", 1, "Thành công", "").await;
    office.sheet(&[paid]).await.unwrap();
    office.closed(&second).await;
    office.ends_whole().await;
}

/// 5. The process dies after the bytes left: it asks, finds the file, and does not send it again.
async fn a_crash_between_sending_and_answer(mut office: TestOffice) {
    let (october, file) = one_released_file(&office).await;
    office.next_fault(Some(Fault::DiesAfterSending));
    office.engine.dispatch(None).await.unwrap_err();
    office.next_fault(Some(Fault::CannotBeAsked));
    office.reopen().await;
    office.check(&october, "entitled 1", "unknown 1 = 500000").await;
    let closing =
        office.engine.close(&office.now(&october).await, "lan", &key("lan")).await.unwrap_err();
    assert_eq!(closing.code(), "C140", "{closing}");

    // Nobody answers: the file is of unknown fate, and is not sent.
    let told = office.engine.dispatch(None).await.unwrap();
    assert_eq!(told[0].state.to_string(), "unknown");
    office.check(&october, "entitled 1", "unknown 1 = 500000").await;
    let closing =
        office.engine.close(&office.now(&october).await, "lan", &key("lan")).await.unwrap_err();
    assert_eq!(closing.code(), "C140", "a file of unknown fate hinders closing: {closing}");

    office.next_fault(None);
    let told = office.engine.dispatch(None).await.unwrap();
    assert_eq!(told[0].state.to_string(), "delivered");
    assert_eq!(office.times_sent(&file), 1);
    office.check(&october, "entitled 1", "pending 1 = 500000").await;
    assert!(office.engine.dispatch(None).await.unwrap().is_empty());

    let paid = office.said(&october, "E1", 1, "Thành công", "").await;
    office.sheet(&[paid]).await.unwrap();
    office.closed(&october).await;
    office.ends_whole().await;
}

/// 5. The process dies before the bytes left: it asks, finds nothing, and sends the same bytes.
async fn a_crash_before_the_bytes_left(mut office: TestOffice) {
    let (october, file) = one_released_file(&office).await;
    let batch = office.engine.store.batches(october.number).await.unwrap().remove(0);
    office.next_fault(Some(Fault::DiesBeforeSending));
    office.engine.dispatch(None).await.unwrap_err();
    office.next_fault(None);
    office.reopen().await;
    office.check(&october, "entitled 1", "unknown 1 = 500000").await;
    let told = office.engine.dispatch(None).await.unwrap();
    assert_eq!(told[0].state.to_string(), "delivered");
    assert_eq!(office.times_sent(&file), 1);
    let sent = std::fs::read(office.dir.join("sheetbank/inbox").join(&file)).unwrap();
    let digest = chitra::domain::digest::Digest::of(&sent).to_string();
    assert_eq!(Some(digest), batch.sha256, "the bytes that were approved");
    let deliveries = office.engine.store.deliveries(october.number).await.unwrap();
    let outcomes: Vec<String> = deliveries.iter().map(|one| one.outcome.to_string()).collect();
    assert_eq!(outcomes, ["not_sent", "delivered"]);
    office.ends_whole().await;
}

/// 5. The connection breaks: unknown, until an answer about a payment in the file is the evidence.
async fn an_outcome_that_is_lost(office: TestOffice) {
    let (october, file) = one_released_file(&office).await;
    office.next_fault(Some(Fault::LosesTheOutcome));
    let told = office.engine.dispatch(None).await.unwrap();
    assert_eq!(told[0].state.to_string(), "unknown");
    office.next_fault(None);
    let paid = office.said(&october, "E1", 1, "Thành công", "").await;
    office.sheet(&[paid]).await.unwrap();
    let batch = office.engine.store.batches(october.number).await.unwrap().remove(0);
    assert_eq!(batch.state.to_string(), "delivered");
    assert!(office.engine.dispatch(None).await.unwrap().is_empty());
    assert_eq!(office.times_sent(&file), 1);
    office.check(&october, "entitled 1", "paid 1 = 500000").await;
    office.closed(&october).await;
    office.ends_whole().await;
}

/// 6. An old id and a new one are one person: the later enrolment of the same benefit is held.
async fn one_person_under_two_ids(office: TestOffice) {
    office.on_day(BEFORE_THE_RAISE);
    let known = "register.national_id=001044000101 | register.previous_national_id=011223344";
    let old = format!("{} | {known}", AN.replace("001044000101", "011223344"));
    let new = format!("{} | {known}", AN.replace("E1", "E3").replace("0711000001", "0711000003"));
    office.month("2026-10", &[&old, BINH, &new]).await;
    assert_eq!(office.person("E1").await, office.person("E3").await);
    let october = office.paid_out("2026-10", Regular).await;
    office.check(&october, "held 1, entitled 2", "pending 2 = 1000000").await;
    let held = office.engine.store.held(october.number).await.unwrap();
    assert_eq!(held.iter().map(|one| one.code.as_str()).collect::<Vec<_>>(), ["H120"]);
    let waits = held[0].enrolment.unwrap();
    let (waits, paid) = match waits == office.engine.keys.enrolment("E3") {
        true => ("E3", "E1"),
        false => ("E1", "E3"),
    };
    assert!(office.claims(waits).await.is_empty());
    assert_eq!(office.claims(paid).await, ["2026-10 r0 500000 cycle 1"]);
    assert_eq!(office.figures(&october).await.people.values().sum::<i64>(), 2);

    // The next month names the new id only: the claims stay with their enrolments.
    let an = office.said(&october, paid, 1, "Thành công", "").await;
    let binh = office.said(&october, "E2", 1, "Thành công", "").await;
    office.sheet(&[an, binh]).await.unwrap();
    office.closed(&october).await;
    let only = format!("{} | {known}", AN.replace("E1", paid));
    office.month("2026-11", &[&only, BINH]).await;
    let november = office.paid_out("2026-11", Regular).await;
    office.check(&november, "entitled 2", "pending 2 = 1000000").await;
    assert_eq!(
        office.claims(paid).await,
        ["2026-10 r0 500000 cycle 1", "2026-11 r0 500000 cycle 2"]
    );
    office.ends_whole().await;
}

/// 7. A row that was determined is not paid again by a supplementary list; a raise is paid once.
async fn the_same_row_on_a_supplementary_list(office: TestOffice) {
    office.on_day(BEFORE_THE_RAISE);
    office.month("2026-10", &[AN]).await;
    let regular = office.paid_out("2026-10", Regular).await;
    office.check(&regular, "entitled 1", "pending 1 = 500000").await;

    office.month("2026-10", &[AN, BINH]).await;
    let late = office.paid_out("2026-10", Supplementary).await;
    office.check(&late, "entitled 2", "pending 1 = 500000").await;
    assert_eq!(office.payable(&late, "E2").await.state, PayableState::Pending);
    assert_eq!(office.claims("E1").await, ["2026-10 r0 500000 cycle 1"]);
    // Who was determined before is counted too.
    let told = office.figures(&late).await.to_json();
    let of = ["total", "pending", "nothing_new"].map(|word| told["people"][word].as_i64());
    assert_eq!(of, [Some(2), Some(1), Some(1)], "{told}");
    assert_eq!(told["people_listed"], 2);

    office.on_day(AFTER_THE_RAISE);
    let raised = office.paid_out("2026-10", Supplementary).await;
    assert_eq!(raised.sequence, 2);
    office.check(&raised, "entitled 2", "pending 2 = 80000").await;
    let nothing = office.paid_out("2026-10", Supplementary).await;
    office.check(&nothing, "entitled 2", "").await;
    assert_eq!(office.figures(&nothing).await.people, BTreeMap::from([("nothing_new", 2)]));
    // Evidence that is gone takes nobody with it unseen.
    let lost = "update chunk set item_count = item_count + 1 where kind = 'evidence' and owner = 4";
    assert!(office.tamper(lost, vec![]).await > 0);
    assert!(!office.figures(&nothing).await.balanced());
    let found =
        "update chunk set item_count = item_count - 1 where kind = 'evidence' and owner = 4";
    assert!(office.tamper(found, vec![]).await > 0);
    assert_eq!(
        office.claims("E1").await,
        ["2026-10 r0 500000 cycle 1", "2026-10 r1 40000 cycle 3"]
    );
    office.ends_whole().await;
}

/// 8. What a file is made of differs from what was approved: nothing leaves, and everyone signs anew.
async fn an_approval_and_then_an_edit(office: TestOffice) {
    office.on_day(BEFORE_THE_RAISE);
    office.month("2026-10", &[AN]).await;
    let october = office.sealed("2026-10", Regular).await;
    office.approved(&october, 0).await;
    let first = office.engine.payment_list(&october, ListNo(0)).await.unwrap();
    let batch = office.engine.store.batches(october.number).await.unwrap().remove(0);
    let sha256 = batch.sha256.unwrap();
    let archived = archived_file(&office.dir.join("archive"), &sha256);
    let whole = std::fs::read(&archived).unwrap();
    let mut edited = whole.clone();
    let middle = edited.len() / 2;
    edited[middle] ^= 1;
    std::fs::write(&archived, &edited).unwrap();
    // The list cannot make it good, either: the order is for another amount now.
    let more = "update instruction set amount_minor = amount_minor + 1";
    assert_eq!(office.tamper(more, vec![]).await, 1);

    let now = office.now(&october).await;
    let released = office.engine.release(&now, ListNo(0), APPROVERS[0], &key(APPROVERS[0])).await;
    let told = refused(released, "A113");
    assert!(told.contains("backup") && told.contains("chitra submit 2026-10"), "{told}");
    assert_eq!(std::fs::read(&archived).unwrap(), edited, "what lies there is not touched");
    assert_eq!(office.now(&october).await.state, CycleState::Sealed);
    let list = office.engine.payment_list(&october, ListNo(0)).await.unwrap();
    assert_eq!(list.state, ListState::Sealed);
    let signatures = office.engine.store.signatures(october.number).await.unwrap();
    assert!(signatures.iter().all(|one| one.voided_at.is_some()));
    assert!(office.engine.dispatch(None).await.unwrap().is_empty());
    let now = office.now(&october).await;
    let released = office.engine.release(&now, ListNo(0), APPROVERS[0], &key(APPROVERS[0])).await;
    refused(released, "A109");

    // Order and file are again what they were; maker and approvers sign, under a new digest.
    let less = "update instruction set amount_minor = amount_minor - 1";
    assert_eq!(office.tamper(less, vec![]).await, 1);
    office.check(&october, "entitled 1", "pending 1 = 500000").await;
    office.sent(&october, 0).await;
    assert_eq!(std::fs::read(&archived).unwrap(), whole, "rendered again, to the byte");
    let again = office.engine.payment_list(&october, ListNo(0)).await.unwrap();
    assert_ne!(again.digest, first.digest, "old signatures must not fit the new sealing");
    assert_eq!(
        again.body.replace("\"round\":1", "\"round\":0"),
        first.body,
        "nothing but the round differs"
    );
    let paid = office.said(&october, "E1", 1, "Thành công", "").await;
    office.sheet(&[paid]).await.unwrap();
    office.closed(&october).await;
    office.ends_whole().await;
}

/// 9. Answers that fit nothing, come twice, or name another amount.
async fn an_answer_for_nobody_twice_with_another_amount(office: TestOffice) {
    office.on_day(BEFORE_THE_RAISE);
    office.month("2026-10", &[AN, BINH]).await;
    let october = office.paid_out("2026-10", Regular).await;
    let good = office.said(&october, "E1", 1, "Thành công", "").await;
    let mut other_amount = office.said(&october, "E2", 1, "Thành công", "").await;
    other_amount.amount_minor += 1;
    let mut of_nobody = good.clone();
    of_nobody.reference = "DL0000000000009Z".to_owned();
    let never_made = office.said(&october, "E1", 7, "Thành công", "").await;
    let items = [of_nobody, good, other_amount, never_made];
    let collected = office.sheet(&items).await.unwrap();
    assert_eq!((collected.items, collected.replayed), (4, false));
    assert_eq!(
        office.discrepancies().await,
        ["unmatched", "amount_differs", "unmatched"],
        "in the order of the items"
    );
    let (_, amount) = office.engine.store.discrepancies().await.unwrap().remove(1);
    assert_eq!((amount.expected_minor, amount.reported_minor), (Some(500_000), Some(500_001)));
    assert_eq!(office.attempts(&october, "E1").await, "1 settled");
    assert_eq!(office.attempts(&october, "E2").await, "1 in_batch");
    office.check(&october, "entitled 2", "pending 1 = 500000, paid 1 = 500000").await;

    let before = office.snapshot().await;
    let collected = office.sheet(&items).await.unwrap();
    assert!(collected.replayed);
    assert_eq!(office.snapshot().await, before);

    let right = office.said(&october, "E2", 1, "Thành công", "").await;
    office.sheet(&[right]).await.unwrap();
    office.closed(&october).await;
    office.ends_whole().await;
}

/// 10. One payment stays unknown: suspense, a locked claim, and evidence that settles it later.
async fn closing_with_an_unknown(office: TestOffice) {
    office.on_day(BEFORE_THE_RAISE);
    office.month("2026-10", &[AN, BINH]).await;
    let october = office.paid_out("2026-10", Regular).await;
    let paid = office.said(&october, "E2", 1, "Thành công", "").await;
    office.sheet(&[paid]).await.unwrap();
    let closing =
        office.engine.close(&office.now(&october).await, "lan", &key("lan")).await.unwrap_err();
    assert_eq!(closing.code(), "C140");

    // The bank takes 25 days to answer; on the 26th silence becomes unknown, and no day ends it.
    office.on_day("2026-10-15");
    office.engine.collect_all().await.unwrap();
    office.check(&october, "entitled 2", "pending 1 = 500000, paid 1 = 500000").await;
    office.on_day("2026-10-16");
    office.engine.collect_all().await.unwrap();
    office.check(&october, "entitled 2", "unknown 1 = 500000, paid 1 = 500000").await;
    let october = office.closed(&october).await;
    assert_eq!(office.engine.store.suspense(october.number).await.unwrap(), (1, 500_000));

    office.on_day("2026-10-18");
    office.month("2026-11", &[AN, BINH]).await;
    let november = office.paid_out("2026-11", Regular).await;
    // November and the raise of October, but not October again.
    office.check(&november, "entitled 2", "pending 2 = 1160000").await;
    assert_eq!(
        office.claims("E1").await,
        ["2026-10 r0 500000 cycle 1", "2026-10 r1 40000 cycle 2", "2026-11 r0 540000 cycle 2"]
    );
    let late = office.said(&october, "E1", 1, "Thành công", "").await;
    office.sheet(&[late]).await.unwrap();
    assert_eq!(office.attempts(&october, "E1").await, "1 settled");
    office.check(&october, "entitled 2", "paid 2 = 1000000").await;
    assert_eq!(office.engine.store.suspense(october.number).await.unwrap(), (0, 0));
    assert!(office.discrepancies().await.is_empty());
    office.ends_whole().await;
}

/// Wallet, pay point and bank beside each other; what the pay point could not hand over is carried.
async fn every_rail_answers_in_its_own_words(office: TestOffice) {
    office.on_day(BEFORE_THE_RAISE);
    let wallet = "E3 | 001046000103 | Lê Văn Cường | 1946-01-20 | male | social_pension/monthly | monthly_pension=0 | ewallet momo 0901234567";
    let cash = "E4 | 001147000104 | Phạm Thị Dung | 1947-05-09 | female | social_pension/monthly | monthly_pension=0 | cash";
    let away = "E5 | 001048000105 | Hoàng Văn Em | 1948-11-30 | male | social_pension/monthly | monthly_pension=0 | cash";
    office.month("2026-10", &[AN, wallet, cash, away]).await;
    let october = office.paid_out("2026-10", Regular).await;
    office.check(&october, "entitled 4", "pending 4 = 2000000").await;
    let an = office.said(&october, "E1", 1, "Thành công", "").await;
    office.sheet(&[an]).await.unwrap();
    let cuong = office.said(&october, "E3", 1, "SUCCESS", "").await;
    office.wallet(&[cuong]).await.unwrap();
    let dung = office.said(&october, "E4", 1, "Đã chi", "").await;
    let em = office.said(&october, "E5", 1, "Chưa chi", "Không đến nhận").await;
    office.paypoint(&[dung, em]).await.unwrap();
    office.check(&october, "entitled 4", "paid 3 = 1500000, rejected 1 = 500000").await;
    let grades: Vec<String> = {
        let mut grades = Vec::new();
        for enrolment in ["E1", "E3", "E4"] {
            let one = office.instructions(&october, enrolment).await.remove(0);
            grades.push(one.evidence.grade.unwrap().to_string());
        }
        grades
    };
    assert_eq!(grades, ["provider_result", "provider_result", "signature"]);
    office.closed(&october).await;
    office.month("2026-11", &[AN, wallet, cash, away]).await;
    let november = office.paid_out("2026-11", Regular).await;
    assert_eq!(office.payable(&november, "E5").await.amount_minor, 1_000_000);
    office.ends_whole().await;
}

/// A row's hold is lifted before sealing and computed again; a payable's after, on a list of its own.
async fn holds_are_released_before_and_after_sealing(office: TestOffice) {
    office.on_day(BEFORE_THE_RAISE);
    let other_name = format!("{AN} | register.full_name=Đặng Quốc Khánh");
    let shared: Vec<String> = (1..=4)
        .map(|at| {
            let one = BINH.replace("E2", &format!("S{at}"));
            one.replace("001145000102", &format!("00114500020{at}"))
        })
        .collect();
    let mut people = vec![other_name.as_str()];
    people.extend(shared.iter().map(String::as_str));
    office.month("2026-10", &people).await;
    let october = office.opened("2026-10", Regular).await;
    office.computed(&october).await;
    office.check(&october, "held 1, entitled 4", "held 4 = 2000000").await;

    office.release_holds(&october, "H102").await;
    let again = office.engine.recompute(&office.now(&october).await).await.unwrap();
    office.computed(&again).await;
    office.check(&october, "entitled 5", "held 4 = 2000000, pending 1 = 500000").await;
    office.engine.seal(&office.now(&october).await).await.unwrap();
    office.sent(&october, 0).await;
    let nothing = office.engine.reissue(&office.now(&october).await).await.unwrap();
    assert!(nothing.list.is_none(), "nobody has released the shared account");

    office.release_holds(&october, "H121").await;
    let again = office.engine.reissue(&office.now(&october).await).await.unwrap();
    assert_eq!((again.ordered, again.ordered_minor), (4, 2_000_000));
    // Until it is approved like the first list, nothing of it leaves.
    assert!(office.engine.dispatch(None).await.unwrap().is_empty());
    let closing =
        office.engine.close(&office.now(&october).await, "lan", &key("lan")).await.unwrap_err();
    assert_eq!(closing.code(), "C140");
    office.sent(&october, 1).await;
    let mut said = Vec::new();
    for enrolment in ["E1", "S1", "S2", "S3", "S4"] {
        said.push(office.said(&october, enrolment, 1, "Thành công", "").await);
    }
    office.sheet(&said).await.unwrap();
    office.closed(&october).await;
    office.check(&october, "entitled 5", "paid 5 = 2500000").await;
    office.ends_whole().await;
}

/// A correction finds that nothing was due: money to be got back, once, and only while it stands.
async fn what_was_paid_too_much_is_owed_back_once(office: TestOffice) {
    office.on_day(BEFORE_THE_RAISE);
    office.month("2026-10", &[AN, BINH]).await;
    let october = office.paid_out("2026-10", Regular).await;
    let an = office.said(&october, "E1", 1, "Thành công", "").await;
    let binh = office.said(&october, "E2", 1, "Thành công", "").await;
    office.sheet(&[an, binh]).await.unwrap();
    office.closed(&october).await;

    let ended = format!("{AN} | entitled_to=2026-09-30");
    office.month("2026-10", &[&ended, BINH]).await;
    let correction = office.opened("2026-10", Correction).await;
    office.computed(&correction).await;
    assert_eq!(office.receivables().await, ["overpayment 500000"]);
    let again = office.engine.recompute(&office.now(&correction).await).await.unwrap();
    let again = office.computed(&again).await;
    assert_eq!(office.receivables().await, ["overpayment 500000"], "not twice");
    office.engine.cycle_cancel(&again, "the decision was right", "lan", &key("lan")).await.unwrap();
    assert!(office.receivables().await.is_empty(), "what a cancelled list found is not owed");
    assert_eq!(office.claims("E1").await, ["2026-10 r0 500000 cycle 1"]);

    let second = office.paid_out("2026-10", Correction).await;
    office.check(&second, "nil 1, entitled 1", "").await;
    assert_eq!(office.receivables().await, ["overpayment 500000"]);
    assert_eq!(
        office.claims("E1").await,
        ["2026-10 r0 500000 cycle 1", "2026-10 r1 -500000 cycle 3"]
    );
    let third = office.sealed("2026-10", Correction).await;
    office.check(&third, "nil 1, entitled 1", "").await;
    assert_eq!(office.receivables().await, ["overpayment 500000"]);
    office.ends_whole().await;
}

/// A cycle of one payment, released and not sent, with the name of its file.
async fn one_released_file(office: &TestOffice) -> (Cycle, String) {
    office.on_day(BEFORE_THE_RAISE);
    office.month("2026-10", &[AN]).await;
    let october = office.sealed("2026-10", Regular).await;
    office.released(&october, 0).await;
    let batch = office.engine.store.batches(october.number).await.unwrap().remove(0);
    (october, batch.file_name)
}

/// A bank's notice that one payment came back.
fn returned_by_camt054(reference: &str, amount_minor: i64, reason: &str) -> String {
    format!(
        r#"<?xml version="1.0" encoding="UTF-8"?>
<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.054.001.08">
  <BkToCstmrDbtCdtNtfctn>
    <GrpHdr><MsgId>NOTICE-1</MsgId><CreDtTm>2026-09-21T18:00:00</CreDtTm></GrpHdr>
    <Ntfctn>
      <Id>N-1</Id>
      <Acct><Id><IBAN>VN67BHXH0000000011004000001</IBAN></Id></Acct>
      <Ntry>
        <Amt Ccy="VND">{amount_minor}</Amt>
        <CdtDbtInd>CRDT</CdtDbtInd>
        <Sts><Cd>BOOK</Cd></Sts>
        <BookgDt><Dt>2026-09-21</Dt></BookgDt>
        <NtryDtls>
          <TxDtls>
            <Refs><EndToEndId>{reference}</EndToEndId></Refs>
            <Amt Ccy="VND">{amount_minor}</Amt>
            <CdtDbtInd>CRDT</CdtDbtInd>
            <RtrInf><Rsn><Cd>{reason}</Cd></Rsn></RtrInf>
          </TxDtls>
        </NtryDtls>
      </Ntry>
    </Ntfctn>
  </BkToCstmrDbtCdtNtfctn>
</Document>
"#
    )
}

/// The register has a death from before the month, two officers have seen the person alive: they are paid, for
/// as long as the decision counts, and nothing is asked back.
async fn who_was_wrongly_registered_as_dead_is_paid_when_two_have_looked(office: TestOffice) {
    office.on_day(BEFORE_THE_RAISE);
    let dead = format!("{AN} | register.vital_status=deceased | register.date_of_death=2026-08-28");
    office.month("2026-10", &[&dead, BINH]).await;
    let october = office.opened("2026-10", Regular).await;
    let october = office.computed(&october).await;
    office.check(&october, "held 1, entitled 1", "pending 1 = 500000").await;
    office.release_holds(&october, "H110").await;
    office.engine.recompute(&october).await.unwrap();
    let october = office.computed(&office.now(&october).await).await;
    office.check(&october, "entitled 2", "pending 2 = 1000000").await;
    assert_eq!(office.receivables().await, Vec::<String>::new());

    // The decision was for October; November asks again.
    office.engine.seal(&october).await.unwrap();
    office.sent(&october, 0).await;
    for one in ["E1", "E2"] {
        let paid = office.said(&october, one, 1, "Thành công", "").await;
        office.sheet(&[paid]).await.unwrap();
    }
    office.closed(&october).await;
    office.month("2026-11", &[&dead, BINH]).await;
    let november = office.sealed("2026-11", Regular).await;
    office.check(&november, "held 1, entitled 1", "pending 1 = 500000").await;
    office.ends_whole().await;
}
