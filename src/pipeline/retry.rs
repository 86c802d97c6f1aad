//! What may be done about a payable that was rejected or returned: order it again the same way,
//! another way, carry it to the next list, or nothing.
//!
//! Reads: the payable's attempts and the payee's destinations. Gives: one proposal a payable. A
//! reissue is always a new attempt on a release list that officers approve.

use std::collections::BTreeSet;

use jiff::Span;
use jiff::civil::Date;

use crate::domain::hold::HoldCode;
use crate::domain::ids::{AttemptNo, DestinationNo};
use crate::domain::instruction::{Instruction, InstructionState};
use crate::domain::outcome::{ReasonClass, UNCOLLECTED};
use crate::domain::payable::{Payable, PayableState};
use crate::domain::period::parse_date;
use crate::domain::roster::Channel;
use crate::domain::state::{Named, named};

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

/// The office's policy, with what the terms of one partner say besides.
#[derive(Clone, Copy, Debug)]
pub struct RetryTerms<'a> {
    pub policy: &'a Policy,
    /// Of the partner of the last attempt; the first that fits counts.
    pub rules: &'a [RetryRule],
    /// The day on which is asked, for rules that wait.
    pub today: Date,
}

impl RetryTerms<'_> {
    /// The rule for how an attempt failed: for its reason before one for its class.
    fn rule(&self, failed: &Instruction) -> Option<&RetryRule> {
        let class = failed.evidence.reason_class.as_deref().and_then(ReasonClass::from_name);
        // What we took back ourselves is no failure of the partner's.
        let by_partner = failed.was_tried();
        let of_reason =
            |rule: &&RetryRule| rule.reason.is_some() && rule.reason == failed.evidence.reason;
        let of_class = |rule: &&RetryRule| rule.class.is_some() && rule.class == class;
        let found = self.rules.iter().find(of_reason).or_else(|| self.rules.iter().find(of_class));
        found.filter(|_| by_partner)
    }
}

named!(
    /// What is done with money that did not arrive.
    Then {
        /// Ordered again to the same destination.
        Same = "same",
        /// Ordered to another destination of the payee.
        OtherChannel = "other_channel",
        /// Left to a person.
        Hold = "hold",
        /// Not paid again.
        Stop = "stop",
    }
);

/// What the terms with a partner say about one class of reasons, or one reason.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RetryRule {
    pub class: Option<ReasonClass>,
    pub reason: Option<String>,
    /// Days after the failure before it is tried again.
    pub wait_days: i64,
    /// Attempts in all; never more than the office's policy allows.
    pub attempts_max: Option<u8>,
    pub then: Then,
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
    /// Not in its cycle to this payee; the next list holds it until two persons have looked.
    Stop(&'static str),
}

/// Of two transactions one may stand, whatever became of the other; and so may what could not be booked.
pub const PERHAPS_TWICE: Further = Further::NeedsAPerson(
    HoldCode::DuplicateReported,
    "more was told of it, or of its file as a whole, than is booked, which may stand: the books must agree first (chitra queue discrepancies)",
);

/// What is known of a payable's money besides its own orders.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Besides {
    /// Money of the same claims is proved paid under an earlier list.
    pub is_paid_otherwise: bool,
    /// A partner told a second transaction for an order, or something that could not be booked. Whichever of
    /// the two came back, the other may stand.
    pub is_perhaps_paid_twice: bool,
}

/// Decides for an unpaid payable. `doubt` is what the orders of an earlier list left, which carried the
/// money here: it stands until an order of this list is tried.
pub fn further(
    payable: &Payable,
    attempts: &[Instruction],
    doubt: Option<HoldCode>,
    besides: Besides,
) -> Further {
    if payable.carried_to.is_some() {
        return Further::Stop("a later list has carried it over");
    }
    if attempts.iter().any(|one| one.state.is_live()) {
        return Further::Wait("an attempt is still live");
    }
    if besides.is_paid_otherwise
        || attempts.iter().any(|one| one.state == InstructionState::SettledExcess)
    {
        return Further::Wait("an earlier attempt is proved paid");
    }
    if besides.is_perhaps_paid_twice {
        return PERHAPS_TWICE;
    }
    let class =
        |one: &Instruction| one.evidence.reason_class.as_deref().and_then(ReasonClass::from_name);
    if attempts.iter().any(|one| class(one) == Some(ReasonClass::Stop)) {
        return Further::Stop(doubt_told(HoldCode::ReportedByPartner));
    }
    match (left_by_orders(payable, attempts), doubt) {
        (Some(left), _) => left,
        (None, Some(code)) => Further::NeedsAPerson(code, doubt_told(code)),
        (None, None) => Further::Open(None),
    }
}

/// How the last order of a payable leaves it; nothing when it was never ordered. An order of a list that
/// was given up tells nothing; one that officers stopped needs them again.
pub fn left_by_orders(payable: &Payable, attempts: &[Instruction]) -> Option<Further> {
    let telling = attempts.iter().filter(|one| !one.is_given_up() || one.is_stopped());
    let last = telling.max_by_key(|one| one.attempt)?;
    if last.is_stopped() {
        let code = HoldCode::ReportedByOfficer;
        return Some(Further::NeedsAPerson(code, doubt_told(code)));
    }
    let class = last.evidence.reason_class.as_deref().and_then(ReasonClass::from_name);
    Some(match class {
        Some(class @ (ReasonClass::Retry | ReasonClass::PayeeData | ReasonClass::OtherChannel)) => {
            Further::Open(Some(class))
        }
        Some(ReasonClass::Stop) => Further::NeedsAPerson(
            HoldCode::ReportedByPartner,
            doubt_told(HoldCode::ReportedByPartner),
        ),
        Some(ReasonClass::Duplicate) => Further::NeedsAPerson(
            HoldCode::DuplicateReported,
            doubt_told(HoldCode::DuplicateReported),
        ),
        Some(ReasonClass::Operator) => Further::NeedsAPerson(
            HoldCode::ReasonNeedsAPerson,
            "our file or our account was at fault",
        ),
        Some(ReasonClass::Review)
            if payable.channel == Channel::Cash
                || last.evidence.reason.as_deref() == Some(UNCOLLECTED) =>
        {
            Further::Uncollected
        }
        _ => {
            let code = HoldCode::ReasonNeedsAPerson;
            Further::NeedsAPerson(code, doubt_told(code))
        }
    })
}

fn doubt_told(code: HoldCode) -> &'static str {
    match code {
        HoldCode::DuplicateReported => "the provider saw it before: the books must agree first",
        HoldCode::ReportedByOfficer => "officers took it off a sealed list",
        HoldCode::ReportedByPartner => "the provider reports death, fraud or a court order",
        _ => "the reason needs a person",
    }
}

/// Decides for one payable. `routes` are the payee's destinations, best first.
pub fn propose(
    payable: &Payable,
    attempts: &[Instruction],
    routes: &[Route],
    terms: RetryTerms<'_>,
    besides: Besides,
) -> Proposal {
    if !matches!(payable.state, PayableState::Rejected | PayableState::Returned) {
        return Proposal::Wait("only what was rejected or returned is ordered again");
    }
    // An order of a list that was given up tells nothing; its id is used up all the same.
    let last = attempts.iter().filter(|one| !one.is_given_up()).max_by_key(|one| one.attempt);
    let rule = last.and_then(|last| terms.rule(last));
    let then = match further(payable, attempts, None, besides) {
        Further::Open(class) => match (rule, class) {
            (Some(rule), _) => rule.then,
            (None, Some(ReasonClass::Retry)) => Then::Same,
            (None, Some(ReasonClass::PayeeData | ReasonClass::OtherChannel)) => Then::OtherChannel,
            (None, _) => return Proposal::Wait("the reason needs a person"),
        },
        Further::Uncollected => {
            return Proposal::Wait("nobody collected it: the next list carries it");
        }
        // The terms may say what a person would; never where the books must agree first.
        Further::NeedsAPerson(code, why) => match rule {
            Some(rule) if code != HoldCode::DuplicateReported => rule.then,
            _ => return Proposal::Wait(why),
        },
        Further::Wait(why) => return Proposal::Wait(why),
        Further::Stop(why) => return Proposal::Stop(why),
    };
    let Some(last) = last else {
        return Proposal::Wait("it was never ordered");
    };
    match then {
        Then::Hold => return Proposal::Wait("the terms with the partner leave it to a person"),
        Then::Stop => return Proposal::Stop("the terms with the partner stop it"),
        Then::Same | Then::OtherChannel => {}
    }
    let times = attempts.iter().filter(|one| one.was_tried()).count();
    let newest = attempts.iter().map(|one| one.attempt).max().unwrap_or(last.attempt);
    let of_rule = rule.and_then(|rule| rule.attempts_max).unwrap_or(terms.policy.attempts_max);
    let attempt = match newest.next() {
        Ok(next) if times < usize::from(of_rule.min(terms.policy.attempts_max)) => next,
        _ => return Proposal::Wait("it was tried as often as the policy allows"),
    };
    let failed_on = last.evidence.outcome_on.as_deref().and_then(|day| parse_date(day).ok());
    if let (Some(rule), Some(failed_on)) = (rule, failed_on)
        && failed_on.saturating_add(Span::new().days(rule.wait_days)) > terms.today
    {
        return Proposal::Wait("the terms with the partner say to wait some days first");
    }
    if then == Then::Same {
        let same = routes.iter().find(|route| route.destination == last.destination);
        return same.map_or(Proposal::Wait("its destination has ended"), |route| {
            Proposal::Reissue { attempt, route: route.clone() }
        });
    }
    let tried: BTreeSet<DestinationNo> =
        attempts.iter().filter(|one| one.was_tried()).map(|one| one.destination).collect();
    let untried = routes.iter().find(|route| {
        !tried.contains(&route.destination)
            && (terms.policy.cash_fallback || route.channel != Channel::Cash)
    });
    untried.map_or(Proposal::Wait("no other destination is known"), |route| Proposal::Reissue {
        attempt,
        route: route.clone(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ids::{BatchNo, CycleNo, ListNo, PayableNo, PersonNo, Shard};
    use crate::domain::instruction::{Evidence, LIST_CANCELLED, WITHDRAWN};

    fn rule(class: &str, reason: &str, wait_days: i64, attempts_max: u8, then: Then) -> RetryRule {
        RetryRule {
            class: ReasonClass::from_name(class),
            reason: (!reason.is_empty()).then(|| reason.to_owned()),
            wait_days,
            attempts_max: (attempts_max > 0).then_some(attempts_max),
            then,
        }
    }

    fn number() -> PayableNo {
        PayableNo::pack(CycleNo(1), Shard::new(3), 7).unwrap()
    }

    fn to(number: i64) -> DestinationNo {
        DestinationNo::from_number(number).unwrap()
    }

    fn payable(state: PayableState) -> Payable {
        let person = PersonNo::from_number(3 << 55).unwrap();
        Payable {
            number: number(),
            payee: person,
            beneficiary: person,
            heir: None,
            destination: Some(to(1)),
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
            carried_to: None,
        }
    }

    /// Rejected on 5 November, unless we took it back ourselves.
    fn attempt(class: &str, reason: &str) -> Instruction {
        let cancelled = reason == WITHDRAWN || reason == LIST_CANCELLED;
        Instruction {
            payable: number(),
            attempt: AttemptNo::FIRST,
            list: ListNo(0),
            batch: BatchNo(1),
            destination: to(1),
            amount_minor: 810_000,
            state: match cancelled {
                true => InstructionState::Cancelled,
                false => InstructionState::Rejected,
            },
            evidence: Evidence {
                reason: Some(reason.to_owned()),
                reason_class: Some(class.to_owned()),
                outcome_on: (!cancelled).then(|| "2026-11-05".to_owned()),
                ..Evidence::default()
            },
        }
    }

    /// One attempt that was rejected on 5 November; what is proposed on 8 November.
    fn told(class: &str, reason: &str, rules: &[RetryRule]) -> String {
        let payable = payable(PayableState::Rejected);
        let attempt = attempt(class, reason);
        let route =
            |number, channel| Route { destination: to(number), channel, provider: String::new() };
        let routes = [route(1, Channel::Bank), route(2, Channel::Cash)];
        let policy = Policy { attempts_max: 3, cash_fallback: true };
        let today = jiff::civil::date(2026, 11, 8);
        let terms = RetryTerms { policy: &policy, rules, today };
        match propose(&payable, &[attempt], &routes, terms, Besides::default()) {
            Proposal::Reissue { route, .. } => format!("to {}", route.channel),
            Proposal::Wait(why) | Proposal::Stop(why) => why.to_owned(),
        }
    }

    #[test]
    fn what_an_earlier_list_left_in_doubt_stays_so_until_an_order_is_tried() {
        let (never, duplicate) = (payable(PayableState::Held), Some(HoldCode::DuplicateReported));
        let books = "the provider saw it before: the books must agree first";
        let held = Further::NeedsAPerson(HoldCode::DuplicateReported, books);
        assert_eq!(further(&never, &[], None, Besides::default()), Further::Open(None));
        assert_eq!(further(&never, &[], duplicate, Besides::default()), held);
        // A list that was given up tells nothing; an order that was tried tells everything.
        let given_up = attempt("", LIST_CANCELLED);
        assert_eq!(further(&never, &[given_up], duplicate, Besides::default()), held);
        let tried = attempt("payee_data", "AC04");
        let open = Further::Open(Some(ReasonClass::PayeeData));
        assert_eq!(further(&never, &[tried], duplicate, Besides::default()), open);
    }

    #[test]
    fn the_terms_of_a_partner_say_what_is_tried_again() {
        let wait = "the terms with the partner say to wait some days first";
        let person = "the terms with the partner leave it to a person";
        let often = "it was tried as often as the policy allows";
        let books = "the provider saw it before: the books must agree first";
        let dead = "the provider reports death, fraud or a court order";
        for (class, reason, rules, expected) in [
            // Nothing was agreed.
            ("retry", "AM04", vec![], "to bank"),
            ("payee_data", "AC04", vec![], "to cash"),
            ("operator", "AM10", vec![], "our file or our account was at fault"),
            // By class, and by reason before it.
            ("retry", "AM04", vec![rule("retry", "", 0, 0, Then::OtherChannel)], "to cash"),
            ("retry", "AM04", vec![rule("retry", "", 4, 0, Then::Same)], wait),
            ("retry", "AM04", vec![rule("retry", "", 3, 0, Then::Same)], "to bank"),
            ("retry", "AM04", vec![rule("retry", "", 0, 1, Then::Same)], often),
            ("retry", "AM04", vec![rule("retry", "", 0, 0, Then::Hold)], person),
            (
                "retry",
                "AM04",
                vec![rule("retry", "", 0, 0, Then::Hold), rule("", "AM04", 0, 0, Then::Same)],
                "to bank",
            ),
            (
                "payee_data",
                "AC04",
                vec![rule("payee_data", "", 0, 0, Then::Stop)],
                "the terms with the partner stop it",
            ),
            ("operator", "AM10", vec![rule("operator", "", 0, 0, Then::Same)], "to bank"),
            // Never past what stops a payment, or where the books must agree.
            ("stop", "MD07", vec![rule("", "MD07", 0, 0, Then::Same)], dead),
            ("duplicate", "AM05", vec![rule("", "AM05", 0, 0, Then::Same)], books),
            // What we took back is no failure of the partner's.
            ("retry", WITHDRAWN, vec![rule("retry", "", 9, 1, Then::Hold)], "to bank"),
        ] {
            assert_eq!(told(class, reason, &rules), expected, "{class} {reason} {rules:?}");
        }
    }
}
