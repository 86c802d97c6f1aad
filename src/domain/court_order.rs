//! Orders of a court, or of an authority that enforces its judgments: what of a person's benefits is kept
//! back for somebody else.
//!
//! How much was kept back, and how much of it is to be transferred, is never stored as a state: it follows
//! from the payables that were reduced and paid, and from what officers transferred. So a payment that comes
//! back, or a list that is cancelled, leaves nothing to be undone.

use jiff::civil::Date;

use crate::domain::ids::{PayableNo, PersonNo};
use crate::domain::period::Period;
use crate::domain::receivable::{Receipt, TakeBack};
use crate::domain::state::{Arrow, IllegalTransition, follow, named};

/// The most of a month's wages, pension or loss-of-capacity allowance that may be kept back unless it is agreed
/// otherwise: Law on enforcement of civil judgments (26/2008/QH12, amended by 64/2014/QH13), article 78, clause 3, from
/// memory; of other lawful income the minimum living is left. Whether a later law holds by now is not looked up.
pub const SHARE_MAX_OF_LAW: &str = "0.30";

/// Papers have so much room for a name.
const LINE_LENGTH_MAX: usize = 140;

const WHOLE: u32 = 1_000_000;

named!(
    CourtOrderState {
        /// One officer has entered it; nothing is kept back.
        Proposed = "proposed",
        /// Another has confirmed it: lists keep back for it.
        Confirmed = "confirmed",
        /// It was given up before it was confirmed.
        Withdrawn = "withdrawn",
        /// Two officers have ended it; what was kept back by then stays so.
        Ended = "ended",
    }
);

named!(
    CourtOrderEvent {
        Confirmed = "confirmed",
        Withdrawn = "withdrawn",
        Ended = "ended",
    }
);

impl CourtOrderState {
    pub const TABLE: &'static [Arrow<CourtOrderState, CourtOrderEvent>] = {
        use CourtOrderEvent as E;
        use CourtOrderState as S;
        &[
            (S::Proposed, E::Confirmed, S::Confirmed),
            (S::Proposed, E::Withdrawn, S::Withdrawn),
            (S::Confirmed, E::Ended, S::Ended),
        ]
    };

    pub fn apply(self, event: CourtOrderEvent) -> Result<CourtOrderState, IllegalTransition> {
        follow("court order", CourtOrderState::TABLE, self, event)
    }
}

/// How much an order wants of a month.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Measure {
    Monthly {
        amount_minor: i64,
    },
    /// Of the benefits that may be attached, in millionths.
    Share {
        millionths: u32,
    },
}

/// Where the creditor is paid.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum CreditorPlace {
    Account(String),
    PayPoint(String),
}

impl CreditorPlace {
    pub fn text(&self) -> &str {
        match self {
            CreditorPlace::Account(text) | CreditorPlace::PayPoint(text) => text,
        }
    }
}

/// What stands on the paper. It is personal, and rests sealed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CourtTerms {
    /// The court or the authority that enforces.
    pub authority: String,
    pub decision_no: String,
    pub decided_on: Date,
    pub creditor: String,
    pub place: CreditorPlace,
    /// Maintenance of children or others: it is served first.
    pub is_maintenance: bool,
    pub measure: Measure,
    /// It ends by itself once so much is kept back; maintenance most often has no end.
    pub total_minor: Option<i64>,
    /// The first and the last month of the benefits of which it takes.
    pub first: Period,
    pub last: Option<Period>,
    /// The largest share of a month's attachable benefits that is kept back once this order is served, with
    /// what was kept back for orders before it; in millionths.
    pub share_max_millionths: u32,
    /// So much of a month is left to the debtor and those who live of it, minor units.
    pub floor_minor: i64,
}

impl CourtTerms {
    /// The same terms, when they can be.
    pub fn checked(self) -> Result<CourtTerms, CourtTermsError> {
        use CourtTermsError as E;
        let is_line = |text: &str| {
            let length = text.trim().chars().count();
            (1..=LINE_LENGTH_MAX).contains(&length) && !text.chars().any(char::is_control)
        };
        if !is_line(&self.authority) || !is_line(&self.decision_no) {
            return Err(E::PaperMustBeNamed);
        }
        if !is_line(&self.creditor) || !is_line(self.place.text()) {
            return Err(E::CreditorMustHaveAPlace);
        }
        let wanted = match self.measure {
            Measure::Monthly { amount_minor } => amount_minor,
            Measure::Share { .. } => 1,
        };
        if wanted <= 0 || self.total_minor.is_some_and(|total| total <= 0) || self.floor_minor < 0 {
            return Err(E::AmountMustBePositive);
        }
        let is_share = |millionths: u32| (1..WHOLE).contains(&millionths);
        let share = match self.measure {
            Measure::Monthly { .. } => self.share_max_millionths,
            Measure::Share { millionths } => millionths,
        };
        if !is_share(share) || !is_share(self.share_max_millionths) {
            return Err(E::ShareMustBePart);
        }
        if share > self.share_max_millionths {
            return Err(E::ShareMustNotPassTheLargest);
        }
        if self.last.is_some_and(|last| last < self.first) {
            return Err(E::LastMonthMustNotBeBeforeFirst);
        }
        Ok(self)
    }

    /// The order in which the orders of one person are served: maintenance first, then the older decision,
    /// then the one that was entered first.
    pub fn rank(&self, number: i64) -> Rank {
        Rank { comes_later: !self.is_maintenance, decided_on: self.decided_on, number }
    }

    /// By what one paper for one creditor is known, however it is typed.
    pub fn paper(&self) -> String {
        let parts = [&self.authority, &self.decision_no, &self.creditor, self.place.text()];
        parts.map(Receipt::compared).join("\u{1f}")
    }
}

/// Reads a share that is written as an exact decimal of more than 0 and less than 1: `0.30`.
pub fn share_millionths(text: &str) -> Result<u32, CourtTermsError> {
    let wrong = CourtTermsError::ShareMustBePart;
    let decimals = text.strip_prefix("0.").ok_or(wrong.clone())?;
    let is_plain =
        (1..=6).contains(&decimals.len()) && decimals.bytes().all(|b| b.is_ascii_digit());
    if !is_plain {
        return Err(wrong);
    }
    match format!("{decimals:0<6}").parse() {
        Ok(0) | Err(_) => Err(wrong),
        Ok(millionths) => Ok(millionths),
    }
}

/// A share as people read it: `30%`, `12,5%`.
pub fn share_told(millionths: u32) -> String {
    let (whole, rest) = (millionths / 10_000, millionths % 10_000);
    match rest {
        0 => format!("{whole}%"),
        rest => format!("{whole},{}%", format!("{rest:04}").trim_end_matches('0')),
    }
}

/// Compared, the one that is served first is the least.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Rank {
    comes_later: bool,
    decided_on: Date,
    number: i64,
}

#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum CourtTermsError {
    #[error(
        "an order names the court or authority and the number of its decision, each on one line of up to \
         {LINE_LENGTH_MAX} characters: --authority TEXT --decision NUMBER"
    )]
    PaperMustBeNamed,
    #[error(
        "an order names the creditor, and where they are paid, on one line each: --creditor NAME, and --account TEXT or \
         --pay-point TEXT"
    )]
    CreditorMustHaveAPlace,
    #[error(
        "the amount of a month and the total are more than nothing, and the floor is not less: look at the paper for \
         --amount, --total and --floor"
    )]
    AmountMustBePositive,
    #[error(
        "a share is an exact decimal of more than 0 and less than 1 with up to 6 digits, such as 0.30: --share, --share-max"
    )]
    ShareMustBePart,
    #[error(
        "the share is more than the largest share that the order allows; look at the paper for --share and --share-max"
    )]
    ShareMustNotPassTheLargest,
    #[error("the last month is before the first: --first MONTH --last MONTH")]
    LastMonthMustNotBeBeforeFirst,
}

impl CourtTermsError {
    pub fn code(&self) -> &'static str {
        match self {
            CourtTermsError::PaperMustBeNamed => "F131",
            CourtTermsError::CreditorMustHaveAPlace => "F133",
            CourtTermsError::AmountMustBePositive => "F135",
            CourtTermsError::ShareMustBePart => "F136",
            CourtTermsError::ShareMustNotPassTheLargest => "F137",
            CourtTermsError::LastMonthMustNotBeBeforeFirst => "F138",
        }
    }
}

/// One order against one person.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CourtOrder {
    pub number: i64,
    pub person: PersonNo,
    /// `CourtTerms`, sealed.
    pub record: Vec<u8>,
    /// A keyed hash of `CourtTerms::paper`: one paper stands once for a person.
    pub paper: String,
    pub state: CourtOrderState,
    pub proposed_by: String,
    pub proposed_at: String,
    pub confirmed_by: Option<String>,
    /// Why it is withdrawn, ended or to be ended.
    pub end: Option<CourtOrderEnd>,
}

/// An order that is withdrawn by one officer, or ended by two.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CourtOrderEnd {
    /// Sealed, because it may name people.
    pub reason: Vec<u8>,
    pub proposed_by: String,
    pub proposed_at: String,
    /// None while only one of the two has said it.
    pub ended_by: Option<String>,
}

/// An order with how far it has come.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CourtOrderStanding {
    pub order: CourtOrder,
    /// Kept back of payables that are paid.
    pub kept_minor: i64,
    /// Kept back of payables that may still be paid.
    pub on_its_way_minor: i64,
    /// Transferred to the creditor, without what was taken back.
    pub transferred_minor: i64,
}

impl CourtOrderStanding {
    /// What the creditor is to get now: never more than the order's total. What is kept back beyond it, when an
    /// earlier payment turns out to have been made, is the person's.
    pub fn to_transfer_minor(&self, total_minor: Option<i64>) -> i64 {
        let owed = total_minor.map_or(self.kept_minor, |total| self.kept_minor.min(total));
        (owed - self.transferred_minor).max(0)
    }

    /// What was transferred beyond what is kept back: a payment came back afterwards.
    pub fn too_much_minor(&self) -> i64 {
        (self.transferred_minor - self.kept_minor).max(0)
    }

    /// What may still be kept back of a total, of which what is on its way is part.
    pub fn left_of(&self, total_minor: i64) -> i64 {
        (total_minor - self.kept_minor - self.on_its_way_minor).max(0)
    }
}

/// What a payable was reduced by for an order, out of the benefits of one month.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct CourtDeduction {
    pub order: i64,
    pub payable: PayableNo,
    pub period: Period,
    /// Negative.
    pub amount_minor: i64,
}

/// Money that the office has transferred to a creditor.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CourtTransfer {
    pub number: i64,
    pub order: i64,
    pub amount_minor: i64,
    pub voucher: String,
    pub transferred_on: String,
    pub recorded_by: String,
    pub recorded_at: String,
    pub take_back: Option<TakeBack>,
}

impl CourtTransfer {
    /// False when two officers have taken it back.
    pub fn counts(&self) -> bool {
        self.take_back.as_ref().is_none_or(|one| one.taken_back_by.is_none())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    fn terms() -> CourtTerms {
        CourtTerms {
            authority: "Chi cục THADS quận 1".to_owned(),
            decision_no: "12/QĐ-CCTHADS".to_owned(),
            decided_on: date(2026, 8, 5),
            creditor: "Trần Thị Bình".to_owned(),
            place: CreditorPlace::Account("970436 0711000002".to_owned()),
            is_maintenance: false,
            measure: Measure::Monthly { amount_minor: 100_000 },
            total_minor: None,
            first: "2026-10".parse().unwrap(),
            last: None,
            share_max_millionths: 300_000,
            floor_minor: 0,
        }
    }

    #[test]
    fn terms_that_cannot_be_are_refused_by_the_rule_that_they_break() {
        use CourtTermsError as E;
        let share = |millionths| Measure::Share { millionths };
        for (wrong, expected) in [
            (CourtTerms { authority: "  ".to_owned(), ..terms() }, E::PaperMustBeNamed),
            (CourtTerms { decision_no: String::new(), ..terms() }, E::PaperMustBeNamed),
            (CourtTerms { decision_no: "1\n2".to_owned(), ..terms() }, E::PaperMustBeNamed),
            (CourtTerms { authority: "a".repeat(141), ..terms() }, E::PaperMustBeNamed),
            (CourtTerms { creditor: String::new(), ..terms() }, E::CreditorMustHaveAPlace),
            (
                CourtTerms { place: CreditorPlace::PayPoint(" ".to_owned()), ..terms() },
                E::CreditorMustHaveAPlace,
            ),
            (
                CourtTerms { measure: Measure::Monthly { amount_minor: 0 }, ..terms() },
                E::AmountMustBePositive,
            ),
            (
                CourtTerms { measure: Measure::Monthly { amount_minor: -5 }, ..terms() },
                E::AmountMustBePositive,
            ),
            (CourtTerms { total_minor: Some(0), ..terms() }, E::AmountMustBePositive),
            (CourtTerms { floor_minor: -1, ..terms() }, E::AmountMustBePositive),
            (CourtTerms { measure: share(0), ..terms() }, E::ShareMustBePart),
            (CourtTerms { measure: share(1_000_000), ..terms() }, E::ShareMustBePart),
            (CourtTerms { share_max_millionths: 1_000_000, ..terms() }, E::ShareMustBePart),
            (CourtTerms { share_max_millionths: 0, ..terms() }, E::ShareMustBePart),
            (CourtTerms { measure: share(300_001), ..terms() }, E::ShareMustNotPassTheLargest),
            (
                CourtTerms { last: Some("2026-09".parse().unwrap()), ..terms() },
                E::LastMonthMustNotBeBeforeFirst,
            ),
        ] {
            assert_eq!(wrong.clone().checked(), Err(expected), "{wrong:?}");
        }
        for right in [
            terms(),
            CourtTerms { measure: share(300_000), ..terms() },
            CourtTerms { last: Some(terms().first), total_minor: Some(1), ..terms() },
        ] {
            assert_eq!(right.clone().checked(), Ok(right));
        }
    }

    #[test]
    fn a_share_is_an_exact_part() {
        for (text, millionths) in [("0.30", 300_000), ("0.125", 125_000), ("0.000001", 1)] {
            assert_eq!(share_millionths(text), Ok(millionths), "{text}");
        }
        for text in
            ["0", "0.0", "1", "1.0", "-0.2", "20%", "0.", ".2", "0.2000001", "0,2", "", "0.2e"]
        {
            assert_eq!(share_millionths(text), Err(CourtTermsError::ShareMustBePart), "{text}");
        }
        for (millionths, told) in [(300_000, "30%"), (125_000, "12,5%"), (1, "0,0001%")] {
            assert_eq!(share_told(millionths), told);
        }
    }

    #[test]
    fn maintenance_is_served_first_then_the_older_decision_then_the_lower_number() {
        let maintenance = CourtTerms { is_maintenance: true, ..terms() };
        let older = CourtTerms { decided_on: date(2025, 1, 1), ..terms() };
        let mut ranks = [terms().rank(1), older.rank(4), maintenance.rank(3), terms().rank(2)];
        ranks.sort();
        assert_eq!(ranks.map(|rank| rank.number), [3, 4, 1, 2]);
    }

    #[test]
    fn one_paper_is_known_however_it_is_typed() {
        let again = CourtTerms { decision_no: " 12/qđ-ccthads ".to_owned(), ..terms() };
        assert_eq!(again.paper(), terms().paper());
        let other = CourtTerms { creditor: "Lê Thị Chi".to_owned(), ..terms() };
        assert_ne!(other.paper(), terms().paper());
    }

    #[test]
    fn what_is_to_be_transferred_follows_from_what_is_kept_back() {
        let order = CourtOrder {
            number: 1,
            person: PersonNo::from_number(3 << 55).unwrap(),
            record: vec![],
            paper: String::new(),
            state: CourtOrderState::Confirmed,
            proposed_by: "lan".to_owned(),
            proposed_at: String::new(),
            confirmed_by: None,
            end: None,
        };
        for (kept, on_its_way, transferred, to_transfer, too_much, left) in [
            (0, 100, 0, 0, 0, 200),
            (100, 0, 0, 100, 0, 200),
            (100, 50, 60, 40, 0, 150),
            (0, 0, 60, 0, 60, 300),
            (300, 50, 0, 300, 0, 0),
        ] {
            let standing = CourtOrderStanding {
                order: order.clone(),
                kept_minor: kept,
                on_its_way_minor: on_its_way,
                transferred_minor: transferred,
            };
            assert_eq!(
                (
                    standing.to_transfer_minor(None),
                    standing.too_much_minor(),
                    standing.left_of(300)
                ),
                (to_transfer, too_much, left),
                "{kept} kept, {on_its_way} on its way, {transferred} transferred"
            );
            // Of a total that was passed the creditor gets no more.
            assert_eq!(standing.to_transfer_minor(Some(100)), (kept.min(100) - transferred).max(0));
        }
    }
}
