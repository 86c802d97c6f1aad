//! What one reported outcome does to one attempt, by the state in which that stands.

use crate::domain::answer::DiscrepancyKind;
use crate::domain::instruction::InstructionState;
use crate::domain::instruction::{EvidenceGrade, Instruction, InstructionEvent};
use crate::domain::outcome::{Outcome, ReasonClass, Reported};
use crate::domain::payable::Payable;
use crate::domain::state::Named;

/// What one outcome does to one instruction.
#[derive(Default)]
pub(super) struct Step {
    pub(super) event: Option<InstructionEvent>,
    /// The state stays; the grade of evidence gets better.
    pub(super) upgrade: bool,
    /// The state stays; that our account was debited is remembered.
    pub(super) debited: bool,
    /// The state stays; that its partner carries it out is remembered, with the answer that said so.
    pub(super) in_process: bool,
    /// The state stays; why it came to nothing is a graver reason than the one that is known.
    pub(super) graver: bool,
    pub(super) discrepancy: Option<(DiscrepancyKind, String)>,
}

impl Step {
    fn to(event: InstructionEvent) -> Step {
        Step { event: Some(event), ..Step::default() }
    }

    pub(super) fn nothing() -> Step {
        Step::default()
    }

    fn in_process() -> Step {
        Step { in_process: true, ..Step::default() }
    }

    fn contradiction(detail: &str) -> Step {
        let discrepancy = Some((DiscrepancyKind::Contradiction, detail.to_owned()));
        Step { discrepancy, ..Step::default() }
    }

    fn but(self, kind: DiscrepancyKind, detail: &str) -> Step {
        Step { discrepancy: Some((kind, detail.to_owned())), ..self }
    }
}

/// What an outcome does to the attempt that it speaks of. `other_live`: another attempt for the same money is
/// under way or paid; `waits_for_an_outcome`: what is unknown stays so until its outcome is told, because its cycle is
/// closed and it stands in suspense, or its partner has called it *in process* for as long as it may.
pub(super) fn decide(
    instruction: &Instruction,
    payable: &Payable,
    outcome: &Outcome,
    other_live: bool,
    waits_for_an_outcome: bool,
) -> Step {
    use InstructionEvent as E;
    use InstructionState as S;
    match (outcome.reported, instruction.state) {
        // What waits for an outcome does not wait on because it is on its way.
        (Reported::InFlight, S::Unknown) if !waits_for_an_outcome => Step::to(E::FoundInFlight),
        (Reported::InFlight, S::Unknown | S::InBatch) => Step::in_process(),
        // Answers overtake each other; of a later day it is no old news.
        (Reported::InFlight, S::Rejected | S::Cancelled | S::Returned)
            if matches!(
                (&outcome.on, &instruction.evidence.outcome_on),
                (Some(now), Some(before)) if now > before
            ) =>
        {
            Step::contradiction(
                "said to be on its way on a later day than it was reported as not carried out or as returned",
            )
        }
        (Reported::InFlight, _) => Step::nothing(),

        (Reported::UnderReview, state) => {
            let kind = DiscrepancyKind::Unclear;
            let code = kind.code().unwrap_or_default();
            let step = match state {
                S::Unknown if !waits_for_an_outcome => Step::to(E::FoundInFlight),
                S::Unknown | S::InBatch => Step::in_process(),
                _ => Step::nothing(),
            };
            step.but(
                kind,
                &format!(
                    "{code}: the partner has not carried it out and waits for a person, because it is blocked or \
                     the payee's name does not match; ask what it needs"
                ),
            )
        }

        (Reported::Debited, S::InBatch | S::Unknown) => {
            Step { debited: instruction.evidence.debited_on.is_none(), ..Step::default() }
        }
        // What was known before a rejection or a return is no news after it.
        (Reported::Debited, S::Rejected | S::Cancelled | S::Returned)
            if instruction.evidence.debited_on.is_some() =>
        {
            Step::nothing()
        }
        (Reported::Debited, S::Rejected | S::Cancelled) => Step::contradiction(
            "our account was debited although the payment was reported as not carried out",
        ),
        // Money that came back had left.
        (Reported::Debited, S::Returned | S::Settled | S::SettledExcess | S::ExcessReturned) => {
            Step::nothing()
        }

        (Reported::CannotTell, S::InBatch) => Step::to(E::OutcomeLost).but(
            DiscrepancyKind::StatusUnknown,
            "the provider cannot tell, or uses an unknown status word",
        ),
        (Reported::CannotTell, _) => Step {
            discrepancy: Some((
                DiscrepancyKind::StatusUnknown,
                "the provider cannot tell, or uses an unknown status word".to_owned(),
            )),
            ..Step::default()
        },

        (Reported::Paid(_), S::InBatch | S::Unknown) => Step::to(E::Settled),
        (Reported::Paid(grade), S::Settled) => Step {
            upgrade: instruction.evidence.grade.is_none_or(|held| grade < held),
            ..Step::default()
        },
        // Answers overtake each other: a payment that was returned later is no news, whatever was ordered
        // since.
        (Reported::Paid(_), S::Returned)
            if matches!(
                (&outcome.on, &instruction.evidence.outcome_on),
                (Some(paid), Some(returned)) if paid <= returned
            ) =>
        {
            Step::nothing()
        }
        (Reported::Paid(_), S::Returned)
            if outcome.on.is_none() || instruction.evidence.outcome_on.is_none() =>
        {
            Step::contradiction("reported paid and returned, without days to tell the order")
        }
        (Reported::Paid(_), S::Rejected | S::Cancelled | S::Returned) if other_live => {
            Step::to(E::SettledBesideAnother).but(
                DiscrepancyKind::SettledExcess,
                "proved paid although another attempt is live: the money is to be got back",
            )
        }
        // A list that carried the claim over has its own live or future attempt for the same money.
        (Reported::Paid(_), S::Rejected | S::Cancelled | S::Returned)
            if payable.carried_to.is_some() =>
        {
            Step::to(E::SettledBesideAnother).but(
                DiscrepancyKind::SettledExcess,
                "proved paid although a later list carried it over: the money is to be got back",
            )
        }
        (Reported::Paid(_), S::Returned) => Step::to(E::Settled)
            .but(DiscrepancyKind::Contradiction, "proved paid after it was reported returned"),
        (Reported::Paid(_), S::Rejected | S::Cancelled) => Step::to(E::Settled).but(
            DiscrepancyKind::Contradiction,
            "proved paid after it was reported as not carried out",
        ),
        (Reported::Paid(_), S::SettledExcess | S::ExcessReturned) => Step::nothing(),

        (
            Reported::Rejected | Reported::Cancelled | Reported::Returned,
            S::Rejected | S::Cancelled | S::Returned | S::ExcessReturned,
        ) if is_graver(outcome, instruction) => Step {
            graver: true,
            ..Step::contradiction(
                "reported once more as not carried out or returned, now because the payee must not be paid again or the \
                 partner saw it before, which was not said at first; look before it is ordered again",
            )
        },

        (Reported::Rejected, S::InBatch | S::Unknown) => Step::to(E::Rejected),
        (Reported::Rejected, S::Rejected | S::Returned | S::Cancelled | S::ExcessReturned) => {
            Step::nothing()
        }
        (Reported::Rejected | Reported::Cancelled, S::Settled)
            if instruction.evidence.grade == Some(EvidenceGrade::Decision) =>
        {
            Step::contradiction(
                "reported as not carried out although two officers decided that it was paid; where they were wrong they \
                 take it back: chitra unknown decide MONTH REFERENCE --not-paid --reason TEXT --as OFFICER",
            )
        }
        (Reported::Rejected | Reported::Cancelled, S::Settled) => Step::contradiction(
            "reported as not carried out although it is proved paid; where the partner confirms that it was not, two \
             officers decide so before this is settled: chitra unknown decide MONTH REFERENCE --not-paid --reason TEXT \
             --as OFFICER",
        ),
        (Reported::Rejected, S::SettledExcess) => {
            Step::contradiction("reported rejected although it is proved paid")
        }

        (Reported::Returned, S::InBatch | S::Unknown | S::Settled | S::SettledExcess) => {
            Step::to(E::Returned)
        }
        (Reported::Returned, S::Returned | S::ExcessReturned) => Step::nothing(),
        // What was taken for a payment that failed is given back.
        (Reported::Returned, S::Rejected | S::Cancelled)
            if instruction.evidence.debited_on.is_some() =>
        {
            Step::nothing()
        }
        (Reported::Returned, S::Rejected | S::Cancelled) => {
            Step::contradiction("reported returned although it was reported as not carried out")
        }

        (Reported::Cancelled, S::InBatch) => Step::to(E::Cancelled),
        (Reported::Cancelled, S::Unknown) => Step::to(E::Rejected),
        (Reported::Cancelled, S::Rejected | S::Cancelled | S::Returned | S::ExcessReturned) => {
            Step::nothing()
        }
        (Reported::Cancelled, S::SettledExcess) => {
            Step::contradiction("reported cancelled although it is proved paid")
        }

        (Reported::DecidedNotPaid, S::InBatch | S::Unknown) => Step::to(E::Rejected),
        // Of which payments officers may say so is held where they decide.
        (Reported::DecidedNotPaid, S::Settled) => Step::to(E::DecisionReversed),
        (Reported::DecidedNotPaid, S::SettledExcess) => {
            Step::contradiction("decided not paid although it is proved paid")
        }
        (
            Reported::DecidedNotPaid,
            S::Rejected | S::Returned | S::Cancelled | S::ExcessReturned,
        ) => Step::nothing(),
    }
}

/// Whether a payment that came to nothing is said to have done so for a reason that stops it, which the one that is
/// known does not.
fn is_graver(outcome: &Outcome, instruction: &Instruction) -> bool {
    let stops = |class: Option<ReasonClass>| {
        matches!(class, Some(ReasonClass::Stop | ReasonClass::Duplicate))
    };
    let known = instruction.evidence.reason_class.as_deref().and_then(ReasonClass::from_name);
    stops(outcome.class) && !stops(known)
}
