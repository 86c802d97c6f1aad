//! Getting money back outside of payments: what estates owe, what is paid in, and giving up what two
//! persons say cannot be had. What is kept back of payments is in `kept_back`.

use std::collections::{BTreeMap, HashMap, HashSet};

use jiff::civil::Date;

use crate::audit::leaf::Leaf;
use crate::domain::answer::{Discrepancy, DiscrepancyKind};
use crate::domain::digest::Digest;
use crate::domain::ids::{AttemptNo, PayableNo, PersonNo};
use crate::domain::instruction::InstructionState;
use crate::domain::money::told;
use crate::domain::period::parse_date;
use crate::domain::receivable::{
    Receipt, ReceiptSource, Receivable, ReceivableCause, ReceivableEvent, ReceivableStanding,
    ReceivableState, SeenOn, TakeBack, Voucher, WriteOff,
};
use crate::domain::signature::OfficerKey;
use crate::engine::acting::Doing;
use crate::engine::{Engine, EngineError};
use crate::pipeline::vouchers::{freed, not_seen};
use crate::store::registry::Counted;
use crate::store::{Changes, StoreError};

/// What an officer says came back outside.
#[derive(Clone, Debug)]
pub struct Receiving {
    pub amount_minor: i64,
    pub source: ReceiptSource,
    /// The number of the voucher or of the entry on the account.
    pub reference: String,
    pub on: Date,
}

impl Engine {
    /// Makes receivables of what was really paid for months after a death, once for each payment. They
    /// are owed by the estate and stand on their evidence: a cycle that is cancelled does not take them
    /// away. Of people of whom it is `certain` when they died, or that they live, what is not found (any more)
    /// is set aside.
    pub(super) async fn reclaim_after_death(
        &self,
        found: &BTreeMap<(PayableNo, PersonNo), i64>,
        certain: &HashSet<PersonNo>,
        changes: &mut Changes,
    ) -> Result<(), EngineError> {
        if found.is_empty() && certain.is_empty() {
            return Ok(());
        }
        let estates = self.store.standings_of(ReceivableCause::PostDeath).await?;
        for one in estates.iter().filter(|one| certain.contains(&one.receivable.person)) {
            self.set_aside_or_owed_again(one, found, changes)?;
        }
        let numbers: Vec<PayableNo> = found.keys().map(|(payable, _)| *payable).collect();
        let amounts: HashMap<PayableNo, i64> = self
            .store
            .payables_of(&numbers)
            .await?
            .into_iter()
            .map(|payable| (payable.number, payable.amount_minor))
            .collect();
        let known: HashSet<PayableNo> = estates
            .iter()
            .filter_map(|one| one.receivable.instruction.map(|(payable, _)| payable))
            .collect();
        let settled: HashMap<PayableNo, AttemptNo> = self
            .store
            .instructions_of(&numbers)
            .await?
            .into_iter()
            .filter(|one| one.state == InstructionState::Settled && !known.contains(&one.payable))
            .map(|one| (one.payable, one.attempt))
            .collect();
        let mut owed = Vec::new();
        for ((payable, person), determined) in found {
            let paid = amounts.get(payable).copied().unwrap_or(0);
            let amount_minor = paid.min(*determined);
            if let Some(attempt) = settled.get(payable).filter(|_| amount_minor > 0) {
                owed.push(Receivable {
                    cause: ReceivableCause::PostDeath,
                    person: *person,
                    instruction: Some((*payable, *attempt)),
                    amount_minor,
                    opened_at: self.stamp(),
                });
            }
        }
        if owed.is_empty() {
            return Ok(());
        }
        changes.receivables(self.store.next_number(Counted::Receivable).await?, &owed);
        changes.event(
            Leaf::of("receivables_after_death", &self.stamp())
                .number("count", owed.len() as i64)
                .number("amount_minor", owed.iter().map(|one| one.amount_minor).sum())
                .build()?
                .as_bytes()
                .to_vec(),
        );
        Ok(())
    }

    /// Whether what an estate owes still stands on evidence: the payment is among those that were found to be
    /// for months after the death.
    fn set_aside_or_owed_again(
        &self,
        estate: &ReceivableStanding,
        found: &BTreeMap<(PayableNo, PersonNo), i64>,
        changes: &mut Changes,
    ) -> Result<(), EngineError> {
        let Some((payable, _)) = estate.receivable.instruction else { return Ok(()) };
        let stands = found.contains_key(&(payable, estate.receivable.person));
        let at = self.stamp();
        let event = match (stands, estate.is_set_aside) {
            (true, true) => {
                estate.state().apply(ReceivableEvent::DeathCountsAgain)?;
                changes.owed_again(estate.number);
                "receivable_owed_again"
            }
            (false, false) => {
                estate.state().apply(ReceivableEvent::DeathSetAside)?;
                changes.set_aside(estate.number, &at);
                "receivable_set_aside"
            }
            _ => return Ok(()),
        };
        let leaf = Leaf::of(event, &at).number("receivable", estate.number).build()?;
        changes.event(leaf.as_bytes().to_vec());
        Ok(())
    }

    /// A receivable by its number.
    pub async fn receivable(&self, number: i64) -> Result<ReceivableStanding, EngineError> {
        self.store.standing(number).await?.ok_or_else(|| {
            EngineError::refused(
                "F110",
                format!("there is no receivable {number}; see: chitra receivable list"),
            )
        })
    }

    /// An officer records that money was paid back outside.
    ///
    /// # Errors
    /// F110 when there is no such receivable, F118 when the reference says nothing, F119 when the day cannot be,
    /// F111 when it is more than is left, F112 when the reference was recorded before, F113 when the estate pays
    /// what it does not owe.
    pub async fn receivable_received(
        &self,
        number: i64,
        receiving: Receiving,
        officer: &str,
        key: &OfficerKey,
    ) -> Result<ReceivableStanding, EngineError> {
        let by = self.acting(officer, key, Doing::RecordReceipt).await?;
        let standing = self.receivable(number).await?;
        let compared = Receipt::compared(&receiving.reference);
        if compared.is_empty() || receiving.reference.chars().any(char::is_control) {
            return Err(EngineError::refused(
                "F118",
                "money that came back has a voucher, or an entry on the account, whose number is said on one line: \
                 --reference TEXT",
            ));
        }
        let again = || {
            EngineError::refused(
                "F112",
                format!(
                    "`{}` is recorded for receivable {number} already, or another officer records one now; see: \
                     chitra receivable show {number}",
                    receiving.reference
                ),
            )
        };
        // Before anything is said of what is left, of which it may have covered all.
        let known = self.store.receipts_of(number).await?;
        if known.iter().any(|one| one.counts() && Receipt::compared(&one.reference) == compared) {
            return Err(again());
        }
        self.could_come_on(&standing, receiving.on).await?;
        let left = standing.left_minor();
        if receiving.amount_minor <= 0 || receiving.amount_minor > left {
            return Err(EngineError::refused(
                "F111",
                format!(
                    "{} is not between 1 and the {left} that are left of receivable {number}; what was paid in \
                     beside it belongs to the person, and is given back",
                    receiving.amount_minor
                ),
            ));
        }
        let of_estate = standing.receivable.cause == ReceivableCause::PostDeath;
        if receiving.source == ReceiptSource::Estate && !of_estate {
            return Err(EngineError::refused(
                "F113",
                format!(
                    "receivable {number} is not owed by an estate; record it with --from person"
                ),
            ));
        }
        let is_all = receiving.amount_minor == left && standing.reserved_minor == 0;
        standing.state().apply(match (is_all, of_estate) {
            (true, _) if standing.given_up_minor > 0 => ReceivableEvent::RestGotBack,
            (true, true) => ReceivableEvent::Reclaimed,
            (true, false) => ReceivableEvent::AllGotBack,
            (false, _) => ReceivableEvent::PartGotBack,
        })?;
        let at = self.stamp();
        let receipt = Receipt {
            number: self.store.next_number(Counted::Receipt).await?,
            receivable: number,
            source: receiving.source,
            amount_minor: receiving.amount_minor,
            reference: receiving.reference.clone(),
            received_on: receiving.on.to_string(),
            recorded_by: by.officer.name.clone(),
            recorded_at: at.clone(),
            take_back: None,
        };
        let mut changes = Changes::new();
        changes.received(&receipt);
        if let Some(on) = self.stands_already_on(&receipt).await? {
            changes.receipts_seen(&[(receipt.number, on)]);
        }
        changes.event(
            by.leaf(
                Leaf::of("receivable_received", &at)
                    .number("receivable", number)
                    .number("amount_minor", receipt.amount_minor)
                    .text("source", &receipt.source.to_string())
                    .digest("reference", &Digest::of(receipt.reference.as_bytes())),
            )?,
        );
        match self.store.commit(changes).await {
            Err(StoreError::Conflict { .. }) => return Err(again()),
            done => done?,
        }
        self.receivable(number).await
    }

    /// The entry on which the money of a receipt stands when its statement came first: one that waits under the
    /// number of the voucher, or one whose receipt was taken back.
    async fn stands_already_on(&self, receipt: &Receipt) -> Result<Option<SeenOn>, EngineError> {
        let vouchers = self.store.vouchers().await?;
        let again = freed(&receipt.reference, receipt.amount_minor, &vouchers);
        if again.is_some() {
            return Ok(again);
        }
        let compared = Receipt::compared(&receipt.reference);
        let waiting = self.store.entries_without_receipt(receipt.amount_minor).await?;
        let is_its = |(_, reference): &(SeenOn, String)| Receipt::compared(reference) == compared;
        Ok(waiting.into_iter().find(is_its).map(|(on, _)| on))
    }

    /// Vouchers of money paid back that should stand on a statement by now; none where no days are agreed.
    pub async fn vouchers_not_seen(&self) -> Result<Vec<Voucher>, EngineError> {
        let Some(days) = self.config.receipt_seen_days else { return Ok(Vec::new()) };
        let vouchers = self.store.vouchers().await?;
        Ok(not_seen(&vouchers, days, self.clock.today()).into_iter().cloned().collect())
    }

    /// What is told when the receipt of money that a statement shows is taken back: the money is there, and has
    /// nobody any more.
    async fn money_left_over(
        &self,
        receipt: &Receipt,
        on: SeenOn,
        at: &str,
    ) -> Result<Discrepancy, EngineError> {
        let statement = self.statement_find(on.statement).await?.statement;
        let code = DiscrepancyKind::ReceiptTakenBack.code().unwrap_or_default();
        Ok(Discrepancy {
            kind: DiscrepancyKind::ReceiptTakenBack,
            provider: statement.provider,
            answer: statement.answer,
            item: receipt.number,
            instruction: None,
            file: None,
            expected_minor: None,
            reported_minor: Some(receipt.amount_minor),
            detail: format!(
                "{code}: statement {}: {} of its entry {} came in under the voucher of receipt {}, which was taken back from \
                 receivable {}; record it for whom it came, under the same voucher (chitra receivable received), or settle \
                 to whom it was given back",
                on.statement,
                told(i128::from(receipt.amount_minor), self.config.currency),
                on.entry,
                receipt.number,
                receipt.receivable
            ),
            opened_at: at.to_owned(),
        })
    }

    /// Money does not come back tomorrow, nor before it was sent.
    async fn could_come_on(
        &self,
        standing: &ReceivableStanding,
        on: Date,
    ) -> Result<(), EngineError> {
        let today = self.clock.today();
        let refused = |why: String| {
            let way_out = "say the day that stands on the voucher: --on DAY";
            Err(EngineError::refused("F119", format!("{on} is {why}; {way_out}")))
        };
        if on > today {
            return refused(format!("after today, {today}"));
        }
        let Some((payable, attempt)) = standing.receivable.instruction else { return Ok(()) };
        let orders = self.store.instructions_of(&[payable]).await?;
        let Some(order) = orders.iter().find(|one| one.attempt == attempt) else { return Ok(()) };
        let deliveries = self.store.deliveries(payable.cycle()).await?;
        let sent = deliveries.into_iter().filter(|one| one.batch == order.batch);
        // What leaves payment by payment has no delivery; it left after its cycle was opened.
        let first = match sent.map(|one| one.started_at).min() {
            Some(at) => Some(at),
            None => self.store.cycle(payable.cycle()).await?.map(|cycle| cycle.opened_at),
        };
        let first = first.as_deref().and_then(|at| parse_date(at.get(..10)?).ok());
        match first.filter(|first| on < *first) {
            Some(first) => refused(format!("before the payment itself, which left on {first}")),
            None => Ok(()),
        }
    }

    /// One of the two officers who take a receipt back that was a mistake; the second is an approver, and another
    /// person. True when it is taken back: it counts no more, and stays to be seen.
    ///
    /// # Errors
    /// F110 when there is no such receivable, F120 when no receipt of it counts under the reference, F122 without
    /// a reason, F121 when it is the officer who proposed it.
    pub async fn receipt_take_back(
        &self,
        number: i64,
        reference: &str,
        reason: &str,
        officer: &str,
        key: &OfficerKey,
    ) -> Result<bool, EngineError> {
        let standing = self.receivable(number).await?;
        let compared = Receipt::compared(reference);
        let receipts = self.store.receipts_of(number).await?;
        let receipt = receipts
            .into_iter()
            .find(|one| one.counts() && Receipt::compared(&one.reference) == compared);
        let proposed = receipt.as_ref().and_then(|one| one.take_back.clone());
        let waiting = self.still_waiting(proposed, |one| &one.proposed_by).await?;
        let doing = match waiting {
            Some(_) => Doing::ConfirmTakeBackReceipt,
            None => Doing::ProposeTakeBackReceipt,
        };
        let by = self.acting(officer, key, doing).await?;
        let Some(receipt) = receipt else {
            return Err(EngineError::refused(
                "F120",
                format!(
                    "no receipt of receivable {number} counts under `{reference}`; see: chitra receivable show {number}"
                ),
            ));
        };
        if reason.trim().is_empty() {
            return Err(EngineError::refused(
                "F122",
                "who takes a receipt back says why it was a mistake: --reason TEXT",
            ));
        }
        let anew =
            format!("chitra receivable take-back {number} REFERENCE --reason TEXT --as OFFICER");
        let at = self.stamp();
        let mut changes = Changes::new();
        // The answer whose statement shows the money.
        let mut answer = None;
        let (event, sealed) = match &waiting {
            Some(waiting) if waiting.proposed_by == by.officer.name => {
                return Err(EngineError::refused(
                    "F121",
                    format!(
                        "`{officer}` has proposed it, and a receipt is taken back by two persons; another officer does: {anew}"
                    ),
                ));
            }
            Some(waiting) => {
                self.second_of_two(&waiting.proposed_by, &anew, &mut changes).await?;
                let after = ReceivableStanding {
                    received_minor: standing.received_minor - receipt.amount_minor,
                    ..standing.clone()
                };
                let event = match after.state() {
                    ReceivableState::Open => Some(ReceivableEvent::AllFellAway),
                    ReceivableState::Recovering => Some(ReceivableEvent::PartFellAway),
                    _ => None,
                };
                if let Some(event) = event {
                    standing.state().apply(event)?;
                }
                let vouchers = self.store.vouchers().await?;
                let seen = vouchers.iter().find(|one| one.number == receipt.number);
                let seen = seen.and_then(|one| one.seen);
                changes.taken_back(receipt.number, seen.is_some(), &by.officer.name, &at);
                if let Some(on) = seen {
                    let left_over = self.money_left_over(&receipt, on, &at).await?;
                    answer = Some(left_over.answer);
                    let first = self.store.next_number(Counted::Discrepancy).await?;
                    changes.discrepancies(first, &[left_over]);
                }
                ("receipt_taken_back", waiting.reason.clone())
            }
            None => {
                let sealed = self.keys.reason(&take_back_of(receipt.number), reason);
                changes.take_back_proposed(
                    receipt.number,
                    &TakeBack {
                        reason: sealed.clone(),
                        proposed_by: by.officer.name.clone(),
                        proposed_at: at.clone(),
                        taken_back_by: None,
                    },
                );
                ("receipt_take_back_proposed", sealed)
            }
        };
        let mut leaf = Leaf::of(event, &at)
            .number("receivable", number)
            .number("receipt", receipt.number)
            .number("amount_minor", receipt.amount_minor)
            .digest("reference", &Digest::of(receipt.reference.as_bytes()))
            .digest("reason", &Digest::of(&sealed));
        if let Some(answer) = answer {
            leaf = leaf.number("answer", answer.0);
        }
        changes.event(by.leaf(leaf)?);
        self.store.commit(changes).await?;
        Ok(waiting.is_some())
    }

    /// Why a receipt is, or is to be, taken back.
    pub fn take_back_reason(&self, receipt: &Receipt) -> Result<Option<String>, EngineError> {
        let Some(one) = &receipt.take_back else { return Ok(None) };
        Ok(Some(self.keys.opened_reason(&take_back_of(receipt.number), &one.reason)?))
    }

    /// One of the two officers who give a receivable up; the second is an approver, and another person.
    /// True when it is written off.
    ///
    /// # Errors
    /// F114 when nothing is left to be given up, F115 when it is the officer who proposed it.
    pub async fn receivable_write_off(
        &self,
        number: i64,
        reason: &str,
        officer: &str,
        key: &OfficerKey,
    ) -> Result<bool, EngineError> {
        let mut proposed = self.store.write_offs(number).await?;
        let confirmed = proposed.iter().filter(|one| one.confirmed_by.is_some()).count() as i64;
        let standing = self.receivable(number).await?;
        let left_minor = standing.left_minor();
        // What was proposed is the amount too: when some of it came back meanwhile, or who proposed it signs no
        // more, it is proposed anew.
        let proposed = proposed
            .pop()
            .filter(|one| one.confirmed_by.is_none() && one.amount_minor == left_minor);
        let waiting = self.still_waiting(proposed, |one| &one.proposed_by).await?;
        let doing = match waiting {
            Some(_) => Doing::ConfirmWriteOff,
            None => Doing::ProposeWriteOff,
        };
        let by = self.acting(officer, key, doing).await?;
        if !standing.state().is_open() || left_minor == 0 {
            return Err(EngineError::refused(
                "F114",
                format!(
                    "nothing is left to be given up of receivable {number}: it is {}, {} are on their way back; see: chitra \
                     receivable show {number}",
                    standing.state(),
                    standing.reserved_minor
                ),
            ));
        }
        let at = self.stamp();
        let part = confirmed + 1;
        let mut changes = Changes::new();
        let sealed = match &waiting {
            Some(waiting) => waiting.reason.clone(),
            None => self.keys.reason(&format!("write-off {number}"), reason),
        };
        let event = match &waiting {
            Some(waiting) if waiting.proposed_by == by.officer.name => {
                return Err(EngineError::refused(
                    "F115",
                    format!(
                        "`{officer}` has proposed to write receivable {number} off, and two persons give money up; another \
                         does: chitra receivable write-off {number} --reason TEXT --as OFFICER"
                    ),
                ));
            }
            Some(waiting) => {
                let anew =
                    format!("chitra receivable write-off {number} --reason TEXT --as OFFICER");
                self.second_of_two(&waiting.proposed_by, &anew, &mut changes).await?;
                standing.state().apply(ReceivableEvent::WrittenOff)?;
                changes.written_off(waiting, &by.officer.name, &at);
                "receivable_written_off"
            }
            None => {
                changes.write_off_proposed(&WriteOff {
                    receivable: number,
                    part,
                    amount_minor: left_minor,
                    reason: sealed.clone(),
                    proposed_by: by.officer.name.clone(),
                    proposed_at: at.clone(),
                    confirmed_by: None,
                });
                "receivable_write_off_proposed"
            }
        };
        changes.event(
            by.leaf(
                Leaf::of(event, &at)
                    .number("receivable", number)
                    .number("part", part)
                    .number("amount_minor", left_minor)
                    .digest("reason", &Digest::of(&sealed)),
            )?,
        );
        self.store.commit(changes).await?;
        Ok(waiting.is_some())
    }
}

/// What the reason of taking a receipt back is sealed for.
fn take_back_of(number: i64) -> String {
    format!("receipt {number} taken back")
}
