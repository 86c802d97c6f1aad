//! What is asked of the law: one person, the decisions that admit them to benefits, and what has
//! already been determined for them.
//!
//! The engine fills these from roster rows and its own claims; the rules only read them.

use jiff::civil::Date;

use crate::domain::period::Period;
use crate::rules::pack::{BenefitId, ComponentId};
use crate::rules::value::FactRow;

/// One person with all their enrolments: rules such as "only the highest" reach across them.
#[derive(Clone, Copy, Debug)]
pub struct PersonCase<'a> {
    pub date_of_birth: Option<(Date, DobPrecision)>,
    pub sex: Option<Sex>,
    /// None when no death is known of; the rules then take it that the person lives.
    pub date_of_death: Option<Date>,
    pub enrolments: &'a [EnrolmentCase<'a>],
    /// What was determined for the person under enrolments that are not asked about: they are gone from the
    /// roster, ended, or held. It takes part where benefits exclude each other.
    pub unasked: &'a [Unasked<'a>],
}

/// What an enrolment got that is not asked about now.
#[derive(Clone, Copy, Debug)]
pub struct Unasked<'a> {
    pub key: u64,
    pub benefit: BenefitId,
    pub history: &'a [Determined],
}

/// One decision that admits the person to one benefit.
#[derive(Clone, Copy, Debug)]
pub struct EnrolmentCase<'a> {
    /// What the engine calls this enrolment, the same in every cycle. Only used to break a tie
    /// between two decisions that are alike in everything else, so that row order never decides.
    pub key: u64,
    pub benefit: BenefitId,
    pub decision_date: Option<Date>,
    pub entitled_from: Option<Date>,
    pub entitled_to: Option<Date>,
    /// The last month that was paid before this system took over; it counts as settled.
    pub paid_through: Option<Period>,
    pub facts: &'a FactRow,
    pub history: &'a [Determined],
    /// How it was listed for earlier months, the oldest first. What is above is how it is listed now.
    pub before: &'a [ListedBefore],
    /// When it was not listed, although it was before and is again.
    pub absent: &'a [Absence],
    /// An officer says that the months are owed for which it was not listed.
    pub absent_is_owed: bool,
    /// The sender says that it has ended: nothing is owed for the months for which it is listed so.
    pub is_ended: bool,
}

/// Months for which regular lists did not have an enrolment.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Absence {
    pub from: Period,
    /// The month for which it was listed again.
    pub until: Period,
}

impl Absence {
    /// Whether the enrolment was not listed for a month.
    pub fn has(&self, month: Period) -> bool {
        (self.from..self.until).contains(&month)
    }
}

/// From which month on counts what was listed next.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Next {
    /// From that for which it was listed.
    AsListed,
    /// It rests on a new decision: from the month in which that starts, whenever it was listed.
    DecidedAnew,
    /// Its decision was new on a list before: not before that starts.
    NotBeforeItsStart,
}

/// How an enrolment was listed for some months.
#[derive(Clone, Debug)]
pub struct ListedBefore {
    /// The first month for which something else was listed.
    pub until: Period,
    pub next: Next,
    /// Where what was listed next is of the month of its return: the first month for which regular lists did
    /// not have it.
    pub gone_from: Option<Period>,
    /// The sender said that it had ended.
    pub is_ended: bool,
    pub decision_date: Option<Date>,
    pub entitled_from: Option<Date>,
    pub entitled_to: Option<Date>,
    pub paid_through: Option<Period>,
    pub facts: FactRow,
}

impl<'a> EnrolmentCase<'a> {
    /// The enrolment as one of its listings has it; the one after the last is that of now.
    pub fn listing(&self, at: usize) -> EnrolmentCase<'a> {
        match self.before.get(at) {
            None => EnrolmentCase { before: &[], ..*self },
            Some(one) => EnrolmentCase {
                decision_date: one.decision_date,
                entitled_from: one.entitled_from,
                entitled_to: one.entitled_to,
                paid_through: one.paid_through,
                is_ended: one.is_ended,
                facts: &one.facts,
                before: &[],
                ..*self
            },
        }
    }
}

/// What earlier cycles determined for one period and component, all revisions summed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Determined {
    pub period: Period,
    pub component: ComponentId,
    /// The highest revision that the sum contains.
    pub revision: u16,
    pub amount_minor: i64,
}

/// How much of a birth date is known. Many who were born before 1965 have only a year.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum DobPrecision {
    Day,
    Month,
    Year,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Sex {
    Female,
    Male,
}
