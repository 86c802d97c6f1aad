//! What may be done about a payable that was rejected or returned: order it again the same way,
//! another way, or not at all.
//!
//! Reads: the payable's attempts and the payee's destinations. Gives: one proposal a payable. A
//! reissue is always a new attempt on a release list that officers approve.

use std::collections::BTreeSet;

use crate::domain::ids::{AttemptNo, DestinationNo};
use crate::domain::instruction::{Instruction, InstructionState};
use crate::domain::outcome::ReasonClass;
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

/// Decides for one payable. `routes` are the payee's destinations, best first.
pub fn propose(
    payable: &Payable,
    attempts: &[Instruction],
    routes: &[Route],
    policy: &Policy,
) -> Proposal {
    if !matches!(payable.state, PayableState::Rejected | PayableState::Returned) {
        return Proposal::Wait("only what was rejected or returned is ordered again");
    }
    if payable.carried_to.is_some() {
        return Proposal::Stop("a later list has carried it over");
    }
    if attempts.iter().any(|one| one.state.is_live()) {
        return Proposal::Wait("an attempt is still live");
    }
    // An order of a list that was given up tells nothing; its id is used up all the same.
    let Some(last) = attempts.iter().filter(|one| !one.is_given_up()).max_by_key(|one| one.attempt)
    else {
        return Proposal::Wait("it was never ordered");
    };
    let times = attempts.iter().filter(|one| one.was_tried()).count();
    let newest = attempts.iter().map(|one| one.attempt).max().unwrap_or(last.attempt);
    let attempt = match newest.next() {
        Ok(next) if times < usize::from(policy.attempts_max) => next,
        _ => return Proposal::Wait("it was tried as often as the policy allows"),
    };
    if attempts.iter().any(|one| one.state == InstructionState::SettledExcess) {
        return Proposal::Wait("an earlier attempt is proved paid");
    }
    let class = last.reason_class.as_deref().and_then(ReasonClass::from_name);
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
                attempts.iter().filter(|one| one.was_tried()).map(|one| one.destination).collect();
            let untried = routes.iter().find(|route| {
                !tried.contains(&route.destination)
                    && (policy.cash_fallback || route.channel != Channel::Cash)
            });
            untried.map_or(Proposal::Wait("no other destination is known"), |route| {
                Proposal::Reissue { attempt, route: route.clone() }
            })
        }
        Some(ReasonClass::Stop) => {
            Proposal::Stop("the provider reports death, fraud or a court order")
        }
        Some(ReasonClass::Operator) => Proposal::Wait("our file or our account was at fault"),
        Some(ReasonClass::Duplicate) => {
            Proposal::Wait("the provider saw it before: the books must agree first")
        }
        Some(ReasonClass::Review | ReasonClass::NotApplicable) | None => {
            Proposal::Wait("the reason needs a person")
        }
    }
}
