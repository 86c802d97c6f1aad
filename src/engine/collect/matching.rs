//! To which of our orders an answered item belongs, and what it says of it.

use payment_formats::{Direction, Outcome as Answered, OutcomeStatus, Scope};

use super::believing::unbelievable;
use crate::domain::answer::DiscrepancyKind;
use crate::domain::batch::Batch;
use crate::domain::ids::{AttemptNo, EndToEndId, PayableNo};
use crate::domain::instruction::EvidenceGrade;
use crate::domain::outcome::{Outcome, ReasonClass, Reported, Transaction, UNCOLLECTED};
use crate::domain::period::parse_date;
use crate::domain::roster::Channel;
use crate::engine::config::{Debit, Provider};
use crate::engine::{Engine, EngineError};

impl Engine {
    pub(super) async fn match_item(
        &self,
        profile: &Provider,
        item: i64,
        answered: &Answered,
    ) -> Result<Matched, EngineError> {
        if answered.status == OutcomeStatus::Announced {
            return Ok(Matched::Announced);
        }
        if answered.scope != Scope::Payment {
            let reference =
                answered.original_batch_id.as_deref().or(answered.original_message_id.as_deref());
            return Ok(match reference {
                Some(reference) => match self.store.batch_by_message(reference).await? {
                    Some(batch) if batch.provider == profile.name => {
                        Matched::Batch(Box::new(batch))
                    }
                    _ => Matched::Nothing("the answer is about a file that is not ours".to_owned()),
                },
                None => {
                    Matched::Nothing("the answer names neither a file nor a payment".to_owned())
                }
            });
        }
        let Some((payable, attempt)) = self.our_reference(answered) else {
            return Ok(Matched::Nothing("no reference of ours stands in the item".to_owned()));
        };
        let incoming = answered.direction == Some(Direction::Credit);
        let reported = match (&answered.status, incoming) {
            (OutcomeStatus::Booked, true) => {
                return Ok(Matched::Nothing(
                    "money came in that is not marked as a return".to_owned(),
                ));
            }
            (OutcomeStatus::Booked, false) => Reported::Debited,
            (OutcomeStatus::Credited, _) if profile.channel == Channel::Cash => {
                Reported::Paid(EvidenceGrade::Signature)
            }
            (OutcomeStatus::Credited, _) => Reported::Paid(EvidenceGrade::ProviderResult),
            (OutcomeStatus::Rejected | OutcomeStatus::Uncollected, _) => Reported::Rejected,
            (OutcomeStatus::Returned | OutcomeStatus::Reversed, _) => Reported::Returned,
            (OutcomeStatus::Cancelled, _) => Reported::Cancelled,
            // Of a recall nothing comes here; if it did, it would say nothing about the money.
            (status, _) if status.answers_recall() => {
                return Ok(Matched::Nothing("what is said of a recall is no outcome".to_owned()));
            }
            (OutcomeStatus::Unrecognised(_), _) => Reported::CannotTell,
            // That one payment is partly carried out is for a person as well.
            (OutcomeStatus::Review | OutcomeStatus::Mixed, _) => Reported::UnderReview,
            (
                OutcomeStatus::Received
                | OutcomeStatus::Announced
                | OutcomeStatus::Accepted
                | OutcomeStatus::DebtorSettled
                | OutcomeStatus::RecallAccepted
                | OutcomeStatus::RecallPartial
                | OutcomeStatus::RecallPending
                | OutcomeStatus::RecallRefused,
                _,
            ) => Reported::InFlight,
        };
        let mut outcome =
            outcome(item, (payable, attempt), answered, reported, self.config.currency.code());
        if let Some(doubt) = &answered.doubt {
            unbelievable(&mut outcome, DiscrepancyKind::Unclear, &doubted(doubt));
        }
        if self.names_two(answered) {
            let doubt = doubted("it names two payments of ours");
            unbelievable(&mut outcome, DiscrepancyKind::Unclear, &doubt);
        }
        Ok(Matched::Instruction(outcome))
    }

    /// The order of ours whose end-to-end id stands in an item.
    pub(super) fn our_reference(&self, answered: &Answered) -> Option<(PayableNo, AttemptNo)> {
        let [end_to_end, instruction] = self.our_references(answered);
        end_to_end.or(instruction)
    }

    fn our_references(&self, answered: &Answered) -> [Option<(PayableNo, AttemptNo)>; 2] {
        [&answered.end_to_end_id, &answered.instruction_id].map(|text| {
            text.as_deref().and_then(|text| EndToEndId::read(&self.config.prefix, text.trim()))
        })
    }

    /// Whether its two references, which we give a payment alike, are of two payments.
    pub(super) fn names_two(&self, answered: &Answered) -> bool {
        let [end_to_end, instruction] = self.our_references(answered);
        end_to_end.zip(instruction).is_some_and(|(one, other)| one != other)
    }
}

impl Engine {
    /// What a booked debit says, by what was agreed with the partner that carries the payment on the day of
    /// the booking. A statement of our account tells of payments of every partner.
    pub(super) fn weighed(
        &self,
        outcome: Outcome,
        carrier: Option<&str>,
        received_on: &str,
    ) -> Outcome {
        if outcome.reported != Reported::Debited {
            return outcome;
        }
        let on = outcome.on.clone().unwrap_or_else(|| received_on.to_owned());
        let debit = carrier
            .and_then(|name| self.config.provider(name))
            .zip(parse_date(&on).ok())
            .map_or(Debit::Evidence, |(carrier, day)| carrier.on(day).debit);
        match debit {
            Debit::Proof => {
                Outcome { reported: Reported::Paid(EvidenceGrade::Statement), ..outcome }
            }
            Debit::Evidence | Debit::PaidAfter(_) => Outcome { on: Some(on), ..outcome },
        }
    }
}

/// What an officer is told of an item that cannot be taken at its word.
pub(super) fn doubted(doubt: &str) -> String {
    format!("{doubt}; nothing was changed: ask the partner, and collect what it corrects")
}

/// Where an item belongs.
pub enum Matched {
    Instruction(Outcome),
    Batch(Box<Batch>),
    /// An entry that is not booked: it is no evidence of anything, whatever stands on it.
    Announced,
    Nothing(String),
}

pub(super) fn outcome(
    item: i64,
    (payable, attempt): (PayableNo, AttemptNo),
    answered: &Answered,
    reported: Reported,
    currency: &str,
) -> Outcome {
    let class = answered.reason_class.map(class);
    Outcome {
        item,
        payable,
        attempt,
        reported,
        amount: answered.amount.map(|(minor, of)| match of.code() == currency {
            true => Ok(minor),
            false => Err(of.code().to_owned()),
        }),
        reason: answered.reason.clone().or_else(|| match answered.status {
            OutcomeStatus::Uncollected => Some(UNCOLLECTED.to_owned()),
            _ => None,
        }),
        // Cash that nobody collected is carried to the next list, not ordered again by itself.
        class: match answered.status {
            OutcomeStatus::Uncollected => class.or(Some(ReasonClass::Review)),
            _ => class,
        },
        on: answered.date.map(|date| date.to_string()),
        transaction: match answered.provider_reference.as_deref().map(str::trim) {
            None | Some("") => Transaction::Unnamed,
            Some(reference) => Transaction::Named(reference.to_owned()),
        },
        unbelievable: Vec::new(),
    }
}

fn class(class: payment_formats::ReasonClass) -> ReasonClass {
    use payment_formats::ReasonClass as F;
    match class {
        F::Retry => ReasonClass::Retry,
        F::OtherChannel => ReasonClass::OtherChannel,
        F::PayeeData => ReasonClass::PayeeData,
        F::Stop => ReasonClass::Stop,
        F::Operator => ReasonClass::Operator,
        F::Review => ReasonClass::Review,
        F::Duplicate => ReasonClass::Duplicate,
        F::NotApplicable => ReasonClass::NotApplicable,
    }
}
