//! What may be done about a payable that was rejected or returned: order it again the same way,
//! another way, carry it to the next list, or nothing.
//!
//! Reads: the payable's attempts and the payee's destinations. Gives: one proposal a payable. A
//! reissue is always a new attempt on a release list that officers approve.

use std::collections::BTreeSet;

use crate::domain::hold::HoldCode;
use crate::domain::ids::{AttemptNo, DestinationNo};
use crate::domain::instruction::{Instruction, InstructionState};
use crate::domain::outcome::{ReasonClass, UNCOLLECTED};
use crate::domain::payable::{Payable, PayableState};
use crate::domain::roster::Channel;
use crate::domain::state::Named;

/// Where a payee can be paid, as the policy sees it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Route {
    pub destination: DestinationNo,
    pub channel: Channel,
    pub provider: String,
}

/// How often, and by which other ways, money that did not arrive is tried again.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Policy {
    /// Attempts of one payable in all, the first included.
    pub attempts_max: u8,
    /// Whether the cash pay point may be used when no account works.
    pub cash_fallback: bool,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Proposal {
    /// Order it again to this destination, as this attempt.
    Reissue { attempt: AttemptNo, route: Route },
    /// A person must act first: the sentence says on what.
    Wait(&'static str),
    /// Not to be paid again to this payee.
    Stop(&'static str),
}

/// Whether money that did not arrive may go on at all, ordered again in its cycle or carried to the next
/// list. One answer for both ways: what may not be ordered again may not be carried past the question.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Further {
    /// Yes. The class of the last reason, where an attempt was made, says how.
    Open(Option<ReasonClass>),
    /// Cash that nobody came for: laid out again with the next list, not by itself.
    Uncollected,
    /// When a person has looked; until then it is held with this code.
    NeedsAPerson(HoldCode, &'static str),
    /// Not at present: an attempt may still pay it, or has.
    Wait(&'static str),
    /// Not to this payee.
    Stop(&'static str),
}

/// Decides for an unpaid payable. `is_paid_otherwise` says that money of the same claims is proved paid
/// under an earlier list, which carried them here.
pub fn further(payable: &Payable, attempts: &[Instruction], is_paid_otherwise: bool) -> Further {
    if payable.carried_to.is_some() {
        return Further::Stop("a later list has carried it over");
    }
    if attempts.iter().any(|one| one.state.is_live()) {
        return Further::Wait("an attempt is still live");
    }
    if is_paid_otherwise || attempts.iter().any(|one| one.state == InstructionState::SettledExcess)
    {
        return Further::Wait("an earlier attempt is proved paid");
    }
    let class = |one: &Instruction| one.reason_class.as_deref().and_then(ReasonClass::from_name);
    if attempts.iter().any(|one| class(one) == Some(ReasonClass::Stop)) {
        return Further::Stop("the provider reports death, fraud or a court order");
    }
    let Some(last) = attempts.iter().max_by_key(|one| one.attempt) else {
        return Further::Open(None);
    };
    match class(last) {
        Some(class @ (ReasonClass::Retry | ReasonClass::PayeeData | ReasonClass::OtherChannel)) => {
            Further::Open(Some(class))
        }
        Some(ReasonClass::Duplicate) => Further::NeedsAPerson(
            HoldCode::DuplicateReported,
            "the provider saw it before: the books must agree first",
        ),
        Some(ReasonClass::Operator) => Further::NeedsAPerson(
            HoldCode::ReasonNeedsAPerson,
            "our file or our account was at fault",
        ),
        Some(ReasonClass::Review)
            if payable.channel == Channel::Cash || last.reason.as_deref() == Some(UNCOLLECTED) =>
        {
            Further::Uncollected
        }
        _ => Further::NeedsAPerson(HoldCode::ReasonNeedsAPerson, "the reason needs a person"),
    }
}

/// Decides for one payable. `routes` are the payee's destinations, best first.
pub fn propose(
    payable: &Payable,
    attempts: &[Instruction],
    routes: &[Route],
    policy: &Policy,
    is_paid_otherwise: bool,
) -> Proposal {
    if !matches!(payable.state, PayableState::Rejected | PayableState::Returned) {
        return Proposal::Wait("only what was rejected or returned is ordered again");
    }
    let class = match further(payable, attempts, is_paid_otherwise) {
        Further::Open(class) => class,
        Further::Uncollected => {
            return Proposal::Wait("nobody collected it: the next list carries it");
        }
        Further::NeedsAPerson(_, why) | Further::Wait(why) => return Proposal::Wait(why),
        Further::Stop(why) => return Proposal::Stop(why),
    };
    let Some(last) = attempts.iter().max_by_key(|one| one.attempt) else {
        return Proposal::Wait("it was never ordered");
    };
    let attempt = match last.attempt.next() {
        Ok(next) if next.number() <= policy.attempts_max => next,
        _ => return Proposal::Wait("it was tried as often as the policy allows"),
    };
    match class {
        Some(ReasonClass::Retry) => {
            let same = routes.iter().find(|route| route.destination == last.destination);
            same.map_or(Proposal::Wait("its destination has ended"), |route| Proposal::Reissue {
                attempt,
                route: route.clone(),
            })
        }
        Some(ReasonClass::PayeeData | ReasonClass::OtherChannel) => {
            let tried: BTreeSet<DestinationNo> =
                attempts.iter().map(|one| one.destination).collect();
            let untried = routes.iter().find(|route| {
                !tried.contains(&route.destination)
                    && (policy.cash_fallback || route.channel != Channel::Cash)
            });
            untried.map_or(Proposal::Wait("no other destination is known"), |route| {
                Proposal::Reissue { attempt, route: route.clone() }
            })
        }
        _ => Proposal::Wait("the reason needs a person"),
    }
}
