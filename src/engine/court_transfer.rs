//! What was kept back for orders of courts goes to their creditors, outside of the program: officers record it
//! under its voucher, two take back what was a mistake, and statements show that it left.
//!
//! Reads: what is kept back of payables that are paid, less what was transferred. Gives: transfers, never more
//! than that. When a payment comes back afterwards, more was transferred than is kept back, which is told.

use jiff::civil::Date;

use crate::audit::leaf::Leaf;
use crate::domain::answer::{Discrepancy, DiscrepancyKind};
use crate::domain::court_order::{CourtOrderStanding, CourtTransfer};
use crate::domain::digest::Digest;
use crate::domain::money::told;
use crate::domain::period::parse_date;
use crate::domain::receivable::{Receipt, SeenOn, TakeBack, Voucher};
use crate::domain::signature::OfficerKey;
use crate::engine::acting::Doing;
use crate::engine::{Engine, EngineError};
use crate::pipeline::vouchers::{freed, not_seen};
use crate::store::registry::Counted;
use crate::store::{Changes, StoreError};

/// What an officer says was transferred.
#[derive(Clone, Debug)]
pub struct Transferring {
    pub amount_minor: i64,
    /// The number under which it stands on the statement.
    pub voucher: String,
    pub on: Date,
}

impl Engine {
    /// An officer records that money was transferred to the creditor of an order.
    ///
    /// # Errors
    /// F130 when there is no such order, F146 when the voucher says nothing, F145 when it was recorded before,
    /// F147 when the day cannot be, F144 when it is more than is to be transferred.
    pub async fn court_transfer(
        &self,
        order: i64,
        transferring: Transferring,
        officer: &str,
        key: &OfficerKey,
    ) -> Result<CourtOrderStanding, EngineError> {
        let by = self.acting(officer, key, Doing::RecordCourtTransfer).await?;
        self.court_order(order).await?;
        let compared = Receipt::compared(&transferring.voucher);
        if compared.is_empty() || transferring.voucher.chars().any(char::is_control) {
            return Err(EngineError::refused(
                "F146",
                "a transfer has a voucher, under whose number it stands on the statement, on one line: --voucher TEXT",
            ));
        }
        let again = || {
            EngineError::refused(
                "F145",
                format!(
                    "`{}` is recorded for court order {order} already, or another officer records one now; see: chitra \
                     court-order show {order}",
                    transferring.voucher
                ),
            )
        };
        let known = self.store.transfers_of(order).await?;
        if known.iter().any(|one| one.counts() && Receipt::compared(&one.voucher) == compared) {
            return Err(again());
        }
        self.could_leave_on(order, transferring.on).await?;
        // The number first: of two officers who read the same balance, the second finds the number taken.
        let number = self.store.next_number(Counted::CourtTransfer).await?;
        let standing = self.court_order(order).await?;
        let due = standing.to_transfer_minor(self.court_terms(&standing.order)?.total_minor);
        if transferring.amount_minor <= 0 || transferring.amount_minor > due {
            let amount = |minor: i64| told(i128::from(minor), self.config.currency);
            return Err(EngineError::refused(
                "F144",
                format!(
                    "{} is not between 1 and the {} that are to be transferred for court order {order}: what is kept back of \
                     payments that are paid, less what was transferred; see: chitra court-order show {order}",
                    amount(transferring.amount_minor),
                    amount(due)
                ),
            ));
        }
        let at = self.stamp();
        let transfer = CourtTransfer {
            number,
            order,
            amount_minor: transferring.amount_minor,
            voucher: transferring.voucher.clone(),
            transferred_on: transferring.on.to_string(),
            recorded_by: by.officer.name.clone(),
            recorded_at: at.clone(),
            take_back: None,
        };
        let mut changes = Changes::new();
        changes.court_transferred(&transfer);
        if let Some(on) = self.left_already_on(&transfer).await? {
            changes.transfers_seen(&[(transfer.number, on)]);
        }
        changes.event(
            by.leaf(
                Leaf::of("court_transferred", &at)
                    .number("order", order)
                    .number("amount_minor", transfer.amount_minor)
                    .text("transferred_on", &transfer.transferred_on)
                    .digest("voucher", &Digest::of(transfer.voucher.as_bytes())),
            )?,
        );
        match self.store.commit(changes).await {
            Err(StoreError::Conflict { .. }) => return Err(again()),
            done => done?,
        }
        self.court_order(order).await
    }

    /// The entry on which a transfer stands when its statement came first: one that waits under the number of
    /// the voucher, or one whose transfer was taken back.
    async fn left_already_on(
        &self,
        transfer: &CourtTransfer,
    ) -> Result<Option<SeenOn>, EngineError> {
        let vouchers = self.store.transfer_vouchers().await?;
        let again = freed(&transfer.voucher, transfer.amount_minor, &vouchers);
        if again.is_some() {
            return Ok(again);
        }
        let compared = Receipt::compared(&transfer.voucher);
        let waiting = self.store.entries_without_transfer(transfer.amount_minor).await?;
        let is_its = |(_, reference): &(SeenOn, String)| Receipt::compared(reference) == compared;
        Ok(waiting.into_iter().find(is_its).map(|(on, _)| on))
    }

    /// Money does not leave tomorrow, nor before the first list that kept any of it back was opened.
    async fn could_leave_on(&self, order: i64, on: Date) -> Result<(), EngineError> {
        let refused = |why: String| {
            let way_out = "say the day that stands on the voucher: --on DAY";
            Err(EngineError::refused("F147", format!("{on} is {why}; {way_out}")))
        };
        let today = self.clock.today();
        if on > today {
            return refused(format!("after today, {today}"));
        }
        let opened = self.store.first_kept_for(order).await?;
        let first = opened.as_deref().and_then(|at| parse_date(at.get(..10)?).ok());
        match first.filter(|first| on < *first) {
            Some(first) => {
                refused(format!("before the first list that kept something back, of {first}"))
            }
            None => Ok(()),
        }
    }

    /// Transfers that should stand on a statement by now; none where no days are agreed.
    pub async fn transfers_not_seen(&self) -> Result<Vec<Voucher>, EngineError> {
        let Some(days) = self.config.receipt_seen_days else { return Ok(Vec::new()) };
        let vouchers = self.store.transfer_vouchers().await?;
        Ok(not_seen(&vouchers, days, self.clock.today()).into_iter().cloned().collect())
    }

    /// One of the two officers who take a transfer back that was a mistake; the second is an approver, and
    /// another person. True when it is taken back: it counts no more, and stays to be seen.
    ///
    /// # Errors
    /// F130 when there is no such order, F148 when no transfer of it counts under the voucher, F151 without a
    /// reason, F149 when it is the officer who proposed it.
    pub async fn court_transfer_take_back(
        &self,
        order: i64,
        voucher: &str,
        reason: &str,
        officer: &str,
        key: &OfficerKey,
    ) -> Result<bool, EngineError> {
        self.court_order(order).await?;
        let compared = Receipt::compared(voucher);
        let transfers = self.store.transfers_of(order).await?;
        let transfer = transfers
            .into_iter()
            .find(|one| one.counts() && Receipt::compared(&one.voucher) == compared);
        let proposed = transfer.as_ref().and_then(|one| one.take_back.clone());
        let waiting = self.still_waiting(proposed, |one| &one.proposed_by).await?;
        let doing = match waiting {
            Some(_) => Doing::ConfirmTakeBackTransfer,
            None => Doing::ProposeTakeBackTransfer,
        };
        let by = self.acting(officer, key, doing).await?;
        let Some(transfer) = transfer else {
            return Err(EngineError::refused(
                "F148",
                format!(
                    "no transfer of court order {order} counts under `{voucher}`; see: chitra court-order show {order}"
                ),
            ));
        };
        if reason.trim().is_empty() {
            return Err(EngineError::refused(
                "F151",
                "who takes a transfer back says why it was a mistake: --reason TEXT",
            ));
        }
        let anew =
            format!("chitra court-order take-back {order} VOUCHER --reason TEXT --as OFFICER");
        let at = self.stamp();
        let mut changes = Changes::new();
        // The answer whose statement shows that the money left.
        let mut answer = None;
        let (event, sealed) = match &waiting {
            Some(waiting) if waiting.proposed_by == by.officer.name => {
                return Err(EngineError::refused(
                    "F149",
                    format!(
                        "`{officer}` has proposed it, and a transfer is taken back by two persons; another officer does: {anew}"
                    ),
                ));
            }
            Some(waiting) => {
                self.second_of_two(&waiting.proposed_by, &anew, &mut changes).await?;
                let vouchers = self.store.transfer_vouchers().await?;
                let seen = vouchers.iter().find(|one| one.number == transfer.number);
                let seen = seen.and_then(|one| one.seen);
                changes.transfer_taken_back(transfer.number, seen.is_some(), &by.officer.name, &at);
                if let Some(on) = seen {
                    let gone = self.money_gone(&transfer, on, &at).await?;
                    answer = Some(gone.answer);
                    let first = self.store.next_number(Counted::Discrepancy).await?;
                    changes.discrepancies(first, &[gone]);
                }
                ("court_transfer_taken_back", waiting.reason.clone())
            }
            None => {
                let sealed = self.keys.reason(&take_back_of(transfer.number), reason);
                changes.transfer_take_back_proposed(
                    transfer.number,
                    &TakeBack {
                        reason: sealed.clone(),
                        proposed_by: by.officer.name.clone(),
                        proposed_at: at.clone(),
                        taken_back_by: None,
                    },
                );
                ("court_transfer_take_back_proposed", sealed)
            }
        };
        let mut leaf = Leaf::of(event, &at)
            .number("order", order)
            .number("transfer", transfer.number)
            .number("amount_minor", transfer.amount_minor)
            .digest("voucher", &Digest::of(transfer.voucher.as_bytes()))
            .digest("reason", &Digest::of(&sealed));
        if let Some(answer) = answer {
            leaf = leaf.number("answer", answer.0);
        }
        changes.event(by.leaf(leaf)?);
        self.store.commit(changes).await?;
        Ok(waiting.is_some())
    }

    /// Why a transfer is, or is to be, taken back.
    pub fn transfer_take_back_reason(
        &self,
        transfer: &CourtTransfer,
    ) -> Result<Option<String>, EngineError> {
        let Some(one) = &transfer.take_back else { return Ok(None) };
        Ok(Some(self.keys.opened_reason(&take_back_of(transfer.number), &one.reason)?))
    }

    /// What is told when the transfer of money is taken back that a statement shows to have left: for whom it
    /// left is not said any more.
    async fn money_gone(
        &self,
        transfer: &CourtTransfer,
        on: SeenOn,
        at: &str,
    ) -> Result<Discrepancy, EngineError> {
        let statement = self.statement_find(on.statement).await?.statement;
        let code = DiscrepancyKind::TransferTakenBack.code().unwrap_or_default();
        Ok(Discrepancy {
            kind: DiscrepancyKind::TransferTakenBack,
            provider: statement.provider,
            answer: statement.answer,
            item: transfer.number,
            instruction: None,
            file: None,
            expected_minor: None,
            reported_minor: Some(transfer.amount_minor),
            detail: format!(
                "{code}: statement {}: {} of its entry {} left under the voucher of transfer {}, which was taken back from court \
                 order {}; record it for whom it left, under the same voucher (chitra court-order transfer), or settle how it \
                 comes back",
                on.statement,
                told(i128::from(transfer.amount_minor), self.config.currency),
                on.entry,
                transfer.number,
                transfer.order
            ),
            opened_at: at.to_owned(),
        })
    }
}

/// What the reason of taking a transfer back is sealed for.
fn take_back_of(number: i64) -> String {
    format!("transfer {number} taken back")
}
