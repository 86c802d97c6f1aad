//! Orders of courts: one officer enters what stands on the paper, another confirms it, two end it.
//!
//! Reads: the paper as an officer types it, and the officers' keys. Gives: orders that lists keep back for.
//! What they keep back is in `kept_for_courts`, what is transferred in `court_transfer`.

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::audit::leaf::{Leaf, LeafBuilder};
use crate::audit::standing::to_letters;
use crate::domain::court_order::{
    CourtOrder, CourtOrderEnd, CourtOrderEvent, CourtOrderStanding, CourtOrderState, CourtTerms,
    CreditorPlace, Measure,
};
use crate::domain::digest::Digest;
use crate::domain::ids::PersonNo;
use crate::domain::period::{Period, parse_date};
use crate::domain::signature::OfficerKey;
use crate::engine::acting::Doing;
use crate::engine::{Engine, EngineError};
use crate::store::registry::Counted;
use crate::store::{Changes, StoreError};

/// `CourtTerms` as they rest, before they are sealed.
#[derive(Serialize, Deserialize)]
struct Record {
    authority: String,
    decision_no: String,
    decided_on: String,
    creditor: String,
    account: Option<String>,
    pay_point: Option<String>,
    is_maintenance: bool,
    amount_minor: Option<i64>,
    share_millionths: Option<u32>,
    total_minor: Option<i64>,
    first: String,
    last: Option<String>,
    share_max_millionths: u32,
    floor_minor: i64,
}

impl Record {
    fn of(terms: &CourtTerms) -> Record {
        let (account, pay_point) = match &terms.place {
            CreditorPlace::Account(text) => (Some(text.clone()), None),
            CreditorPlace::PayPoint(text) => (None, Some(text.clone())),
        };
        let (amount_minor, share_millionths) = match terms.measure {
            Measure::Monthly { amount_minor } => (Some(amount_minor), None),
            Measure::Share { millionths } => (None, Some(millionths)),
        };
        Record {
            authority: terms.authority.clone(),
            decision_no: terms.decision_no.clone(),
            decided_on: terms.decided_on.to_string(),
            creditor: terms.creditor.clone(),
            account,
            pay_point,
            is_maintenance: terms.is_maintenance,
            amount_minor,
            share_millionths,
            total_minor: terms.total_minor,
            first: terms.first.to_string(),
            last: terms.last.map(|last| last.to_string()),
            share_max_millionths: terms.share_max_millionths,
            floor_minor: terms.floor_minor,
        }
    }

    fn terms(self) -> Result<CourtTerms, String> {
        let month = |text: &str| text.parse::<Period>().map_err(|error| error.to_string());
        let terms = CourtTerms {
            decided_on: parse_date(&self.decided_on).map_err(|error| error.to_string())?,
            place: match (self.account, self.pay_point) {
                (Some(text), None) => CreditorPlace::Account(text),
                (None, Some(text)) => CreditorPlace::PayPoint(text),
                _ => return Err("it has not one place for its creditor".to_owned()),
            },
            measure: match (self.amount_minor, self.share_millionths) {
                (Some(amount_minor), None) => Measure::Monthly { amount_minor },
                (None, Some(millionths)) => Measure::Share { millionths },
                _ => return Err("it has not one measure".to_owned()),
            },
            first: month(&self.first)?,
            last: self.last.as_deref().map(month).transpose()?,
            authority: self.authority,
            decision_no: self.decision_no,
            creditor: self.creditor,
            is_maintenance: self.is_maintenance,
            total_minor: self.total_minor,
            share_max_millionths: self.share_max_millionths,
            floor_minor: self.floor_minor,
        };
        terms.checked().map_err(|error| error.to_string())
    }
}

impl Engine {
    /// An order by its number.
    ///
    /// # Errors
    /// F130 when there is none.
    pub async fn court_order(&self, number: i64) -> Result<CourtOrderStanding, EngineError> {
        self.store.court_order(number).await?.ok_or_else(|| {
            EngineError::refused(
                "F130",
                format!("there is no court order {number}; see: chitra court-order list"),
            )
        })
    }

    /// What stands on the paper of an order.
    pub fn court_terms(&self, order: &CourtOrder) -> Result<CourtTerms, EngineError> {
        let broken = |why: String| {
            EngineError::Inconsistent(format!("court order {} cannot be read: {why}", order.number))
        };
        let opened = self.keys.opened_reason(&record_of(order.number, order.person), &order.record);
        let text = opened.map_err(|error| broken(error.to_string()))?;
        let record: Record =
            serde_json::from_str(&text).map_err(|error| broken(error.to_string()))?;
        record.terms().map_err(broken)
    }

    /// Why an order was withdrawn, has ended or is to end.
    pub fn court_order_end_reason(
        &self,
        order: &CourtOrder,
    ) -> Result<Option<String>, EngineError> {
        let Some(end) = &order.end else { return Ok(None) };
        Ok(Some(self.keys.opened_reason(&end_of(order.number), &end.reason)?))
    }

    /// One officer enters an order. Nothing is kept back for it until another has confirmed it.
    ///
    /// # Errors
    /// F131, F133, F135 to F138 when the paper cannot be so, F132 when it is of a day to come, F150 when nobody
    /// knows the person yet, F139 when the paper stands already.
    pub async fn court_order_propose(
        &self,
        person: PersonNo,
        terms: CourtTerms,
        officer: &str,
        key: &OfficerKey,
    ) -> Result<CourtOrderStanding, EngineError> {
        let by = self.acting(officer, key, Doing::ProposeCourtOrder).await?;
        let terms = terms
            .checked()
            .map_err(|error| EngineError::refused(error.code(), error.to_string()))?;
        self.is_decided_by_now(terms.decided_on)?;
        if self.store.person(person).await?.is_none() {
            return Err(EngineError::refused(
                "F150",
                "this person stands on no list that was computed, so nothing can be kept back yet; enter the order once they \
                 do: chitra explain PERSON",
            ));
        }
        let number = self.store.next_number(Counted::CourtOrder).await?;
        let plain = serde_json::to_string(&Record::of(&terms))
            .map_err(|error| EngineError::Inconsistent(error.to_string()))?;
        let order = CourtOrder {
            number,
            person,
            record: self.keys.reason(&record_of(number, person), &plain),
            paper: to_letters(self.keys.line(&format!("court paper {}", terms.paper()))),
            state: CourtOrderState::Proposed,
            proposed_by: by.officer.name.clone(),
            proposed_at: self.stamp(),
            confirmed_by: None,
            end: None,
        };
        let mut changes = Changes::new();
        changes.court_order_proposed(&order);
        changes.event(
            by.leaf(
                Leaf::of("court_order_proposed", &order.proposed_at)
                    .number("order", number)
                    .text("person", &to_letters(person.number() as u128))
                    .text("paper", &order.paper)
                    .digest("record", &Digest::of(&order.record)),
            )?,
        );
        match self.store.commit(changes).await {
            Err(StoreError::Conflict { .. }) => Err(EngineError::refused(
                "F139",
                "this decision stands for this person and creditor already, or another officer enters one now; see: chitra \
                 court-order list. Where one paper orders two things for one creditor, write its parts: --decision \
                 \"NUMBER (1)\"",
            )),
            done => {
                done?;
                self.court_order(number).await
            }
        }
    }

    fn is_decided_by_now(&self, decided_on: Date) -> Result<(), EngineError> {
        let today = self.clock.today();
        if decided_on <= today {
            return Ok(());
        }
        Err(EngineError::refused(
            "F132",
            format!(
                "no court has decided on {decided_on}, which is after today, {today}; say the day on the paper: --decided-on DAY"
            ),
        ))
    }

    /// Another officer, an approver, confirms an order: from now on lists that are computed keep back for it.
    ///
    /// # Errors
    /// F130, F140 when it is not proposed any more, F141 when it is the officer who proposed it, A120 when who
    /// proposed it signs no more.
    pub async fn court_order_confirm(
        &self,
        number: i64,
        officer: &str,
        key: &OfficerKey,
    ) -> Result<CourtOrderStanding, EngineError> {
        let by = self.acting(officer, key, Doing::ConfirmCourtOrder).await?;
        let standing = self.court_order(number).await?;
        let order = &standing.order;
        self.court_order_moves(order, CourtOrderEvent::Confirmed)?;
        if order.proposed_by == by.officer.name {
            return Err(EngineError::refused(
                "F141",
                format!(
                    "`{officer}` has entered court order {number}, and two persons let money be kept back; another looks at the \
                     paper: chitra court-order confirm {number} --as APPROVER"
                ),
            ));
        }
        let anew = format!(
            "chitra court-order withdraw {number} --reason TEXT --as OFFICER, then chitra court-order propose"
        );
        let mut changes = Changes::new();
        self.second_of_two(&order.proposed_by, &anew, &mut changes).await?;
        let at = self.stamp();
        changes.court_order_confirmed(number, &by.officer.name, &at);
        changes.event(by.leaf(of_order("court_order_confirmed", &at, order))?);
        self.store.commit(changes).await?;
        self.court_order(number).await
    }

    /// One officer gives up an order that nobody has confirmed; nothing was kept back for it.
    ///
    /// # Errors
    /// F130, F142 without a reason, F140 when it is not proposed any more.
    pub async fn court_order_withdraw(
        &self,
        number: i64,
        reason: &str,
        officer: &str,
        key: &OfficerKey,
    ) -> Result<CourtOrderStanding, EngineError> {
        let by = self.acting(officer, key, Doing::WithdrawCourtOrder).await?;
        let standing = self.court_order(number).await?;
        let sealed = self.why_it_ends(number, reason)?;
        self.court_order_moves(&standing.order, CourtOrderEvent::Withdrawn)?;
        let at = self.stamp();
        let mut changes = Changes::new();
        changes.court_order_withdrawn(number, &sealed, &by.officer.name, &at);
        let leaf = of_order("court_order_withdrawn", &at, &standing.order);
        changes.event(by.leaf(leaf.digest("reason", &Digest::of(&sealed)))?);
        self.store.commit(changes).await?;
        self.court_order(number).await
    }

    /// One of the two officers who end an order; the second is an approver, and another person. True when it
    /// has ended: nothing is kept back for it on lists that are computed from now on.
    ///
    /// # Errors
    /// F130, F142 without a reason, F140 when it is not confirmed, F143 when it is the officer who proposed to
    /// end it.
    pub async fn court_order_end(
        &self,
        number: i64,
        reason: &str,
        officer: &str,
        key: &OfficerKey,
    ) -> Result<bool, EngineError> {
        let standing = self.court_order(number).await?;
        let order = &standing.order;
        let proposed = order.end.clone().filter(|end| end.ended_by.is_none());
        let waiting = self.still_waiting(proposed, |end| &end.proposed_by).await?;
        let doing = match waiting {
            Some(_) => Doing::ConfirmCourtOrderEnd,
            None => Doing::ProposeCourtOrderEnd,
        };
        let by = self.acting(officer, key, doing).await?;
        let sealed = self.why_it_ends(number, reason)?;
        self.court_order_moves(order, CourtOrderEvent::Ended)?;
        let anew = format!("chitra court-order end {number} --reason TEXT --as OFFICER");
        let at = self.stamp();
        let mut changes = Changes::new();
        let leaf = match &waiting {
            Some(end) if end.proposed_by == by.officer.name => {
                return Err(EngineError::refused(
                    "F143",
                    format!(
                        "`{officer}` has proposed to end court order {number}, and from then on the debtor is paid more, so two \
                         persons say it; another does: {anew}"
                    ),
                ));
            }
            Some(end) => {
                self.second_of_two(&end.proposed_by, &anew, &mut changes).await?;
                changes.court_order_ended(number, end, &by.officer.name, &at);
                let leaf = of_order("court_order_ended", &at, order);
                leaf.digest("reason", &Digest::of(&end.reason))
            }
            None => {
                let end = CourtOrderEnd {
                    reason: sealed,
                    proposed_by: by.officer.name.clone(),
                    proposed_at: at.clone(),
                    ended_by: None,
                };
                changes.court_order_end_proposed(number, &end);
                let leaf = of_order("court_order_end_proposed", &at, order);
                leaf.digest("reason", &Digest::of(&end.reason))
            }
        };
        changes.event(by.leaf(leaf)?);
        self.store.commit(changes).await?;
        Ok(waiting.is_some())
    }

    fn why_it_ends(&self, number: i64, reason: &str) -> Result<Vec<u8>, EngineError> {
        if reason.trim().is_empty() {
            return Err(EngineError::refused(
                "F142",
                "who withdraws or ends a court order says on which paper that rests: --reason TEXT",
            ));
        }
        Ok(self.keys.reason(&end_of(number), reason))
    }

    fn court_order_moves(
        &self,
        order: &CourtOrder,
        event: CourtOrderEvent,
    ) -> Result<CourtOrderState, EngineError> {
        order.state.apply(event).map_err(|_| {
            let way_out = match order.state {
                CourtOrderState::Proposed => {
                    "what nobody has confirmed is withdrawn: chitra court-order withdraw"
                }
                CourtOrderState::Confirmed => "what is confirmed is ended: chitra court-order end",
                CourtOrderState::Withdrawn | CourtOrderState::Ended => {
                    "a new paper is entered anew: chitra court-order propose"
                }
            };
            EngineError::refused(
                "F140",
                format!(
                    "court order {} is {} and cannot be {event}; {way_out}",
                    order.number, order.state
                ),
            )
        })
    }
}

fn of_order(event: &str, at: &str, order: &CourtOrder) -> LeafBuilder {
    Leaf::of(event, at).number("order", order.number).digest("record", &Digest::of(&order.record))
}

/// What the record of an order is sealed for: that of another order or person does not open in its place.
fn record_of(number: i64, person: PersonNo) -> String {
    format!("court order {number} against {}", person.number())
}

/// What the reason is sealed for why an order ends.
fn end_of(number: i64) -> String {
    format!("court order {number} ends")
}
