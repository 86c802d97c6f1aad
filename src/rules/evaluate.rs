//! Asks the law about one enrolment: from when to when, and how much for a month.
//!
//! Reads: a law book, a person, an enrolment. Gives: a window of months; amounts by component,
//! nothing with the clause that says why, or a hold that names what is missing. The same code runs
//! with a tracer when someone asks why: there is no second implementation to disagree with it.

use std::cmp::Ordering;

use jiff::civil::Date;

use crate::domain::period::Period;
use crate::rules::expression::{Compiled, DateRounding, Node, NodeId, Program};
use crate::rules::law::LawBook;
use crate::rules::pack::{BenefitId, ClauseId, ComponentId, FundId, NOTHING_APPLIES, Pack};
use crate::rules::question::{Determined, DobPrecision, EnrolmentCase, PersonCase, Sex};
use crate::rules::rate::in_force;
use crate::rules::syntax::Operator;
use crate::rules::value::{FactRow, FactValue, Input, Value};
use crate::rules::written::IncompleteBirth;

/// The months for which an enrolment can be owed anything.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Window {
    pub start: Period,
    pub start_clause: ClauseId,
    /// The first month that is not owed any more, and the clause that ends it.
    pub stop: Option<(Period, ClauseId)>,
}

/// Whether an enrolment has a window at all.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Standing {
    Within(Window),
    Nil(ClauseId),
    Held(Held),
}

/// What one enrolment is owed for one month.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Month {
    Entitled(Amounts),
    Nil(ClauseId),
    Held(Held),
}

/// The amounts of one month, at most one for each component.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Amounts {
    parts: [Amount; COMPONENTS_MAX],
    count: u8,
}

/// What one component comes to for one month.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Amount {
    pub component: ComponentId,
    pub amount_minor: i64,
    pub fund: FundId,
    pub clause: ClauseId,
}

/// A benefit has at most this many components, so that a month needs no allocation.
pub const COMPONENTS_MAX: usize = 4;

/// Why an enrolment cannot be decided. The rules never fill in what they do not know.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Held {
    /// A needed input is missing: this one first; `missing_inputs` gives all of them.
    FactMissing(Input, ClauseId),
    /// The law itself fails for this person: a rate without a value, a table without the row, an
    /// amount that is not whole. The pack or the facts must be mended.
    RulesConflict(Failure, ClauseId),
    /// The pack does not have the law of this month.
    LawNotCovered(Period),
    /// For this month a benefit that would give way to this one was determined under a row that is not asked
    /// about, or paid by a predecessor. What it came to would have to be taken off.
    AnotherWasPaid(Period),
    /// It would be paid for this month, for which regular lists did not have it.
    BackAfterAbsence(Period),
}

impl Held {
    /// The hold code of the engine's catalogue.
    pub fn code(&self) -> &'static str {
        match self {
            Held::FactMissing(Input::DecisionDate, _) => "H150",
            Held::FactMissing(..) => "H130",
            Held::RulesConflict(..) | Held::LawNotCovered(_) => "H131",
            Held::AnotherWasPaid(_) => "H123",
            Held::BackAfterAbsence(_) => "H124",
        }
    }
}

/// Why an expression has no value although its inputs are known.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, thiserror::Error)]
pub enum Failure {
    #[error("a number became too large to stay exact")]
    NumberMustFit,
    #[error("a day or month fell outside the years 1900 to 2999")]
    DateMustFit,
    #[error("the birth lies after the day on which the age is asked")]
    BirthMustComeFirst,
    #[error("the rate has no value for this month")]
    RateMustHaveAValue,
    #[error("the table has no row for these keys and this month")]
    TableMustHaveTheRow,
    #[error("the amount is negative, or not whole by the clause's rounding")]
    AmountMustBePayable,
    #[error("an operation met a type it was not checked for")]
    TypesMustHold,
}

/// Watches an evaluation. The fast path watches nothing and pays nothing.
pub trait Tracer<'a> {
    /// Whether it wants every value. What does not is given what was worked out beforehand.
    const WATCHES: bool;
    /// A clause is tried: its condition next, then its result.
    fn clause(&mut self, _clause: ClauseId) {}
    /// A node of an expression was worth this much.
    fn value(&mut self, _node: NodeId, _value: Value<'a>) {}
    /// The clause decided: it applies, it does not, or it cannot be told.
    fn verdict(&mut self, _verdict: Verdict) {}
}

/// How a clause that was tried came out.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Verdict {
    Applies,
    DoesNotApply,
    Undecided,
}

/// The tracer that does nothing.
pub struct Untraced;

impl Tracer<'_> for Untraced {
    const WATCHES: bool = false;
}

/// Everything an evaluation went through, in order.
#[derive(Clone, Debug, Default)]
pub struct Trace<'a> {
    pub steps: Vec<Step<'a>>,
}

/// One clause that was tried.
#[derive(Clone, Debug)]
pub struct Step<'a> {
    pub clause: ClauseId,
    pub verdict: Verdict,
    pub values: Vec<(NodeId, Value<'a>)>,
}

impl<'a> Tracer<'a> for Trace<'a> {
    const WATCHES: bool = true;

    fn clause(&mut self, clause: ClauseId) {
        self.steps.push(Step { clause, verdict: Verdict::Undecided, values: Vec::new() });
    }

    fn value(&mut self, node: NodeId, value: Value<'a>) {
        if let Some(step) = self.steps.last_mut() {
            step.values.push((node, value));
        }
    }

    fn verdict(&mut self, verdict: Verdict) {
        if let Some(step) = self.steps.last_mut() {
            step.verdict = verdict;
        }
    }
}

impl Trace<'_> {
    /// The inputs that were asked for and are not known, in the steps that could not be decided.
    pub fn missing_inputs(&self, pack: &Pack) -> Vec<Input> {
        let mut missing: Vec<Input> = Vec::new();
        for step in self.steps.iter().filter(|step| step.verdict == Verdict::Undecided) {
            for (node, value) in &step.values {
                if let (Node::Input(input), Value::Unknown(_)) = (pack.program.node(*node), value)
                    && !missing.contains(input)
                {
                    missing.push(*input);
                }
            }
        }
        missing
    }
}

impl Amounts {
    const NONE: Amounts = Amounts {
        parts: [Amount {
            component: ComponentId(0),
            amount_minor: 0,
            fund: FundId(0),
            clause: NOTHING_APPLIES,
        }; COMPONENTS_MAX],
        count: 0,
    };

    pub fn parts(&self) -> &[Amount] {
        &self.parts[..usize::from(self.count)]
    }

    pub fn of(&self, component: ComponentId) -> Option<&Amount> {
        self.parts().iter().find(|part| part.component == component)
    }

    pub fn total_minor(&self) -> i128 {
        self.parts().iter().map(|part| i128::from(part.amount_minor)).sum()
    }

    /// What was determined for one month, when it comes to something.
    pub(crate) fn determined(period: Period, history: &[Determined]) -> Option<Amounts> {
        let mut amounts = Amounts::NONE;
        for one in history.iter().filter(|one| one.period == period && one.amount_minor > 0) {
            let (component, amount_minor) = (one.component, one.amount_minor);
            let part = Amount { component, amount_minor, fund: FundId(0), clause: NOTHING_APPLIES };
            amounts.push(part).ok()?;
        }
        (amounts.count > 0).then_some(amounts)
    }

    fn push(&mut self, part: Amount) -> Result<(), Failure> {
        let at = usize::from(self.count);
        *self.parts.get_mut(at).ok_or(Failure::TypesMustHold)? = part;
        self.count += 1;
        Ok(())
    }
}

/// From when to when the enrolment can be owed anything.
pub fn window<'a, T: Tracer<'a>>(
    book: &LawBook<'a>,
    person: &PersonCase<'a>,
    enrolment: &EnrolmentCase<'a>,
    tracer: &mut T,
) -> Standing {
    let pack = book.pack();
    let Some(starts) = book.starts.get(enrolment.benefit.index()) else {
        return Standing::Nil(NOTHING_APPLIES);
    };
    // A start is decided by the law under which the decision was signed. Without a decision there
    // is nothing to start from.
    let decided = enrolment.decision_date.and_then(|date| Period::of(date).ok());
    let mut evaluator = Evaluator::new(book, None, person, enrolment, tracer);
    let Some(decided) = decided else {
        let clause = starts.first().copied().unwrap_or(NOTHING_APPLIES);
        return Standing::Held(Held::FactMissing(Input::DecisionDate, clause));
    };
    let mut start = None;
    for id in starts {
        if !pack.clause_at(*id).interval.holds(decided, book.known_at()) {
            continue;
        }
        match evaluator.month_of(*id) {
            Ok(Some(month)) => {
                start = Some((month, *id));
                break;
            }
            Ok(None) => {}
            Err(held) => return Standing::Held(held),
        }
    }
    let Some((start, start_clause)) = start else {
        return Standing::Nil(NOTHING_APPLIES);
    };
    let mut stop: Option<(Period, ClauseId)> = None;
    for id in &book.stops[enrolment.benefit.index()] {
        match evaluator.month_of(*id) {
            Ok(Some(month)) if pack.clause_at(*id).interval.holds(month, book.known_at()) => {
                if stop.is_none_or(|(earliest, _)| month < earliest) {
                    stop = Some((month, *id));
                }
            }
            Ok(_) => {}
            Err(held) => return Standing::Held(held),
        }
    }
    Standing::Within(Window { start, start_clause, stop })
}

/// What the enrolment is owed for one month, before rules that reach across enrolments.
pub fn month<'a, T: Tracer<'a>>(
    book: &LawBook<'a>,
    person: &PersonCase<'a>,
    enrolment: &EnrolmentCase<'a>,
    window: &Window,
    period: Period,
    tracer: &mut T,
) -> Month {
    if period < window.start {
        return Month::Nil(window.start_clause);
    }
    if let Some((stop, clause)) = window.stop
        && period >= stop
    {
        return Month::Nil(clause);
    }
    let Some(law) = book.law(period) else {
        return Month::Held(Held::LawNotCovered(period));
    };
    let benefit = enrolment.benefit.index();
    let mut evaluator = Evaluator::new(book, Some(period), person, enrolment, tracer);
    for id in &law.bars[benefit] {
        match evaluator.applies(*id) {
            Ok(true) => return Month::Nil(*id),
            Ok(false) => {}
            Err(held) => return Month::Held(held),
        }
    }
    let mut amounts = Amounts::NONE;
    for id in &law.amounts[benefit] {
        let clause = book.pack().clause_at(*id);
        if amounts.of(clause.component).is_some() {
            continue;
        }
        match evaluator.applies(*id) {
            Ok(true) => {}
            Ok(false) => continue,
            Err(held) => return Month::Held(held),
        }
        let fund = clause.fund.unwrap_or(book.pack().benefit_at(enrolment.benefit).fund);
        let made = evaluator.amount(*id).and_then(|amount_minor| {
            let part = Amount { component: clause.component, amount_minor, fund, clause: *id };
            amounts.push(part).map_err(|failure| Held::RulesConflict(failure, *id))
        });
        if let Err(held) = made {
            return Month::Held(held);
        }
    }
    match amounts.parts() {
        [] => Month::Nil(NOTHING_APPLIES),
        [first, ..] if amounts.total_minor() == 0 => Month::Nil(first.clause),
        _ => Month::Entitled(amounts),
    }
}

/// For each rule that may bar the month, the first input for want of which it cannot be told. An
/// officer should be asked for everything at once, not for one fact a month.
pub fn undecided_bars<'a>(
    book: &LawBook<'a>,
    person: &PersonCase<'a>,
    enrolment: &EnrolmentCase<'a>,
    period: Period,
) -> Vec<Input> {
    let Some(law) = book.law(period) else { return Vec::new() };
    let tracer = &mut Untraced;
    let mut evaluator = Evaluator::new(book, Some(period), person, enrolment, tracer);
    let mut missing = Vec::new();
    for id in &law.bars[enrolment.benefit.index()] {
        if let Err(Held::FactMissing(input, _)) = evaluator.applies(*id)
            && !missing.contains(&input)
        {
            missing.push(input);
        }
    }
    missing
}

/// What depends on the month alone, by the program's slots.
pub(crate) fn fold<'a>(book: &LawBook<'a>, period: Period) -> Vec<Option<Value<'a>>> {
    static NO_FACTS: FactRow = FactRow::EMPTY;
    let enrolment = EnrolmentCase {
        key: 0,
        benefit: BenefitId(0),
        decision_date: None,
        entitled_from: None,
        entitled_to: None,
        paid_through: None,
        facts: &NO_FACTS,
        history: &[],
        before: &[],
        absent: &[],
        absent_is_owed: false,
        is_ended: false,
    };
    let person = PersonCase {
        date_of_birth: None,
        sex: None,
        date_of_death: None,
        enrolments: &[],
        unasked: &[],
    };
    let tracer = &mut Untraced;
    let mut evaluator = Evaluator::new(book, Some(period), &person, &enrolment, tracer);
    book.pack().program.folded().iter().map(|id| evaluator.node(*id).ok()).collect()
}

struct Evaluator<'e, 'a, T> {
    book: &'e LawBook<'a>,
    program: &'a Program,
    rates: &'e [Option<Value<'static>>],
    folds: &'e [Option<Value<'a>>],
    /// What the first definitions came to, so that an age is worked out once for a month.
    definitions: [Option<Value<'a>>; REMEMBERED],
    period: Option<Period>,
    person: &'e PersonCase<'a>,
    enrolment: &'e EnrolmentCase<'a>,
    tracer: &'e mut T,
}

const REMEMBERED: usize = 8;

impl<'e, 'a, T: Tracer<'a>> Evaluator<'e, 'a, T> {
    fn new(
        book: &'e LawBook<'a>,
        period: Option<Period>,
        person: &'e PersonCase<'a>,
        enrolment: &'e EnrolmentCase<'a>,
        tracer: &'e mut T,
    ) -> Evaluator<'e, 'a, T> {
        Evaluator {
            book,
            program: &book.pack().program,
            rates: period.and_then(|period| book.law(period)).map_or(&[], |law| &law.rates),
            folds: period.map_or(&[], |period| book.folds(period)),
            definitions: [None; REMEMBERED],
            period,
            person,
            enrolment,
            tracer,
        }
    }

    /// Tries the condition of a clause.
    fn applies(&mut self, id: ClauseId) -> Result<bool, Held> {
        self.tracer.clause(id);
        let applies = match &self.book.pack().clause_at(id).when {
            None => true,
            Some(when) => match self.expression(when, id)? {
                Value::Bool(applies) => applies,
                _ => return Err(Held::RulesConflict(Failure::TypesMustHold, id)),
            },
        };
        self.tracer.verdict(if applies { Verdict::Applies } else { Verdict::DoesNotApply });
        Ok(applies)
    }

    /// The month that a start or stop clause names, when it applies.
    fn month_of(&mut self, id: ClauseId) -> Result<Option<Period>, Held> {
        if !self.applies(id)? {
            return Ok(None);
        }
        let then = &self.book.pack().clause_at(id).then;
        match then.as_ref().map(|then| self.result(then, id)).transpose()? {
            Some(Value::Period(month)) => Ok(Some(month)),
            _ => Err(Held::RulesConflict(Failure::TypesMustHold, id)),
        }
    }

    /// The amount of a clause that applies: rounded here, once, by the rule that the clause names.
    fn amount(&mut self, id: ClauseId) -> Result<i64, Held> {
        let clause = self.book.pack().clause_at(id);
        let Some(then) = &clause.then else {
            return Err(Held::RulesConflict(Failure::TypesMustHold, id));
        };
        let Value::Money(exact) = self.result(then, id)? else {
            return Err(Held::RulesConflict(Failure::TypesMustHold, id));
        };
        match exact.to_minor(self.book.pack().currency(), clause.rounding) {
            Ok(minor) if minor >= 0 => Ok(minor),
            _ => Err(Held::RulesConflict(Failure::AmountMustBePayable, id)),
        }
    }

    /// The result of a clause whose condition holds. It is undecided again until the result is known.
    fn result(&mut self, then: &'a Compiled, id: ClauseId) -> Result<Value<'a>, Held> {
        self.tracer.verdict(Verdict::Undecided);
        let value = self.expression(then, id)?;
        self.tracer.verdict(Verdict::Applies);
        Ok(value)
    }

    fn expression(&mut self, compiled: &'a Compiled, id: ClauseId) -> Result<Value<'a>, Held> {
        match self.node(compiled.root) {
            Ok(Value::Unknown(input)) => Err(Held::FactMissing(input, id)),
            Ok(value) => Ok(value),
            Err(failure) => Err(Held::RulesConflict(failure, id)),
        }
    }

    #[inline]
    fn node(&mut self, id: NodeId) -> Result<Value<'a>, Failure> {
        let node: &'a Node = self.program.node(id);
        if let Node::Constant(value) = node {
            if T::WATCHES {
                self.tracer.value(id, *value);
            }
            return Ok(*value);
        }
        if T::WATCHES {
            let value = self.step(node)?;
            self.tracer.value(id, value);
            return Ok(value);
        }
        if let Some(slot) = self.program.slot(id)
            && let Some(Some(value)) = self.folds.get(slot)
        {
            return Ok(*value);
        }
        match node {
            Node::Input(input) => Ok(self.input(*input)),
            Node::Definition(index, root) => self.definition(*index, *root),
            node => self.step(node),
        }
    }

    fn definition(&mut self, index: u16, root: NodeId) -> Result<Value<'a>, Failure> {
        let remembered = self.definitions.get(usize::from(index)).copied().flatten();
        if let Some(value) = remembered {
            return Ok(value);
        }
        let value = self.node(root)?;
        if let Some(room) = self.definitions.get_mut(usize::from(index)) {
            *room = Some(value);
        }
        Ok(value)
    }

    #[inline(never)]
    fn step(&mut self, node: &'a Node) -> Result<Value<'a>, Failure> {
        use Value::Unknown;
        Ok(match node {
            Node::Constant(value) => *value,
            Node::Text(text) => Value::Text(text),
            Node::Input(input) => self.input(*input),
            Node::Rate(rate) => match self.rates.get(usize::from(*rate)) {
                Some(Some(value)) => *value,
                _ => return Err(Failure::RateMustHaveAValue),
            },
            Node::Definition(_, root) => self.node(*root)?,
            Node::Not(inner) => match self.node(*inner)? {
                Value::Bool(b) => Value::Bool(!b),
                other => other,
            },
            Node::Negate(inner) => match self.node(*inner)? {
                Value::Int(i) => Value::Int(i.checked_neg().ok_or(Failure::NumberMustFit)?),
                Value::Decimal(d) => Value::Decimal(exact(d.checked_neg())?),
                Value::Money(m) => Value::Money(exact(m.checked_neg())?),
                other => other,
            },
            Node::Widen(inner) => match self.node(*inner)? {
                Value::Int(i) => Value::Decimal(crate::rules::exact::Exact::from_int(i)),
                other => other,
            },
            Node::And(left, right) => self.junction(*left, *right, false)?,
            Node::Or(left, right) => self.junction(*left, *right, true)?,
            Node::Compare(operator, left, right) => match (self.node(*left)?, self.node(*right)?) {
                (Unknown(input), _) | (_, Unknown(input)) => Unknown(input),
                (left, right) => Value::Bool(match operator {
                    Operator::Equal => left == right,
                    Operator::NotEqual => left != right,
                    operator => holds(*operator, order(left, right)?),
                }),
            },
            Node::Between(value, low, high) => {
                let value = self.node(*value)?;
                let low = self.node(*low)?;
                let high = self.node(*high)?;
                let over = compared(low, value, Operator::LessOrEqual)?;
                let under = compared(value, high, Operator::LessOrEqual)?;
                junction_of(over, under, false)
            }
            Node::In(value, choices) => {
                let value = self.node(*value)?;
                let mut unknown = None;
                for choice in choices {
                    match (value, self.node(*choice)?) {
                        (Unknown(input), _) | (_, Unknown(input)) => unknown = Some(input),
                        (value, choice) if value == choice => return Ok(Value::Bool(true)),
                        _ => {}
                    }
                }
                unknown.map_or(Value::Bool(false), Unknown)
            }
            Node::If(condition, then, otherwise) => match self.node(*condition)? {
                Value::Bool(true) => self.node(*then)?,
                Value::Bool(false) => self.node(*otherwise)?,
                // What is the same either way does not depend on the unknown.
                unknown => {
                    let (then, otherwise) = (self.node(*then)?, self.node(*otherwise)?);
                    if then == otherwise { then } else { unknown }
                }
            },
            Node::Least(all) => self.extreme(all, Ordering::Less)?,
            Node::Greatest(all) => self.extreme(all, Ordering::Greater)?,
            Node::Known(inner) => {
                let known = !matches!(self.node(*inner)?, Unknown(_));
                Value::Bool(known)
            }
            Node::Arithmetic(operator, left, right) => {
                let (left, right) = (self.node(*left)?, self.node(*right)?);
                arithmetic(*operator, left, right)?
            }
            Node::Age(born, day, rounding) => match (self.node(*born)?, self.node(*day)?) {
                (Value::Date(born), Value::Date(day)) => Value::Int(age(born, day, *rounding)?),
                (Unknown(input), _) | (_, Unknown(input)) => Unknown(input),
                _ => return Err(Failure::TypesMustHold),
            },
            Node::AddYears(day, count, rounding) => self.later(*day, *count, |day, count| {
                add_months(day, count.checked_mul(12)?, *rounding)
            })?,
            Node::AddMonths(day, count, rounding) => {
                self.later(*day, *count, |day, count| add_months(day, count, *rounding))?
            }
            Node::AddDays(day, count) => self.later(*day, *count, |day, count| {
                let span = jiff::Span::new().try_days(count).ok()?;
                in_range(day.checked_add(span).ok()?)
            })?,
            Node::MonthOf(day) => match self.node(*day)? {
                Value::Date(day) => {
                    Value::Period(Period::of(day).map_err(|_| Failure::DateMustFit)?)
                }
                other => other,
            },
            Node::FirstDay(month) => match self.node(*month)? {
                Value::Period(month) => Value::Date(month.first_day()),
                other => other,
            },
            Node::LastDay(month) => match self.node(*month)? {
                Value::Period(month) => Value::Date(month.last_day()),
                other => other,
            },
            Node::MonthsBetween(earlier, later) => {
                match (self.node(*earlier)?, self.node(*later)?) {
                    (Value::Period(earlier), Value::Period(later)) => {
                        Value::Int(i64::from(later.months_since(earlier)))
                    }
                    (Unknown(input), _) | (_, Unknown(input)) => Unknown(input),
                    _ => return Err(Failure::TypesMustHold),
                }
            }
            Node::Lookup(table, keys) => self.lookup(*table, keys)?,
        })
    }

    fn input(&self, input: Input) -> Value<'a> {
        let date = |date: Option<Date>| date.map_or(Value::Unknown(input), Value::Date);
        match input {
            Input::DateOfBirth => self.birth(),
            Input::Sex => match self.person.sex {
                Some(Sex::Female) => Value::Enum(0),
                Some(Sex::Male) => Value::Enum(1),
                None => Value::Unknown(input),
            },
            Input::DateOfDeath => date(self.person.date_of_death),
            Input::DecisionDate => date(self.enrolment.decision_date),
            Input::EntitledFrom => date(self.enrolment.entitled_from),
            Input::EntitledTo => date(self.enrolment.entitled_to),
            Input::Period => self.period.map_or(Value::Unknown(input), Value::Period),
            Input::Fact(index) => {
                let currency = self.book.pack().currency();
                match self.enrolment.facts.get(usize::from(index)) {
                    FactValue::Unknown => Value::Unknown(input),
                    FactValue::Bool(b) => Value::Bool(*b),
                    FactValue::Int(i) => Value::Int(*i),
                    FactValue::Decimal(d) => Value::Decimal(*d),
                    FactValue::Money(minor) => {
                        Value::Money(crate::rules::exact::Exact::from_minor(*minor, currency))
                    }
                    FactValue::Date(d) => Value::Date(*d),
                    FactValue::Period(p) => Value::Period(*p),
                    FactValue::Enum(e) => Value::Enum(*e),
                    FactValue::Text(t) => Value::Text(t),
                }
            }
        }
    }

    /// The birth date, read by the pack's rule when only a year or a month is known.
    fn birth(&self) -> Value<'a> {
        let unknown = Value::Unknown(Input::DateOfBirth);
        let Some((date, precision)) = self.person.date_of_birth else { return unknown };
        let (first, last) = match precision {
            DobPrecision::Day => return Value::Date(date),
            DobPrecision::Month => (date.first_of_month(), date.last_of_month()),
            DobPrecision::Year => (date.first_of_year(), date.last_of_year()),
        };
        match self.book.pack().incomplete_birth {
            IncompleteBirth::FirstDay => Value::Date(first),
            IncompleteBirth::LastDay => Value::Date(last),
            IncompleteBirth::Unknown => unknown,
        }
    }

    fn junction(
        &mut self,
        left: NodeId,
        right: NodeId,
        decisive: bool,
    ) -> Result<Value<'a>, Failure> {
        let left = self.node(left)?;
        if left == Value::Bool(decisive) {
            return Ok(left);
        }
        let right = self.node(right)?;
        Ok(junction_of(left, right, decisive))
    }

    fn extreme(&mut self, all: &'a [NodeId], wanted: Ordering) -> Result<Value<'a>, Failure> {
        let mut best: Option<Value<'a>> = None;
        let mut unknown = None;
        for id in all {
            match (self.node(*id)?, best) {
                (Value::Unknown(input), _) => unknown = unknown.or(Some(input)),
                (value, None) => best = Some(value),
                (value, Some(held)) => {
                    if order(value, held)? == wanted {
                        best = Some(value);
                    }
                }
            }
        }
        match unknown {
            Some(input) => Ok(Value::Unknown(input)),
            None => best.ok_or(Failure::TypesMustHold),
        }
    }

    fn later(
        &mut self,
        day: NodeId,
        count: NodeId,
        add: impl Fn(Date, i64) -> Option<Date>,
    ) -> Result<Value<'a>, Failure> {
        match (self.node(day)?, self.node(count)?) {
            (Value::Date(day), Value::Int(count)) => {
                add(day, count).map(Value::Date).ok_or(Failure::DateMustFit)
            }
            (Value::Unknown(input), _) | (_, Value::Unknown(input)) => Ok(Value::Unknown(input)),
            _ => Err(Failure::TypesMustHold),
        }
    }

    fn lookup(&mut self, table: u16, keys: &'a [NodeId]) -> Result<Value<'a>, Failure> {
        let mut values = Vec::with_capacity(keys.len());
        for key in keys {
            match self.node(*key)? {
                Value::Unknown(input) => return Ok(Value::Unknown(input)),
                value => values.push(value),
            }
        }
        let pack = self.book.pack();
        let (Some(table), Some(period)) = (pack.tables.get(usize::from(table)), self.period) else {
            return Err(Failure::TypesMustHold);
        };
        let versions = table.row(&values).ok_or(Failure::TableMustHaveTheRow)?;
        let version = in_force(versions, period, self.book.known_at());
        version.map(|at| versions[at].value).ok_or(Failure::TableMustHaveTheRow)
    }
}

/// `and` (decided by false) and `or` (decided by true) over three values.
fn junction_of<'a>(left: Value<'a>, right: Value<'a>, decisive: bool) -> Value<'a> {
    match (left, right) {
        (Value::Bool(b), _) | (_, Value::Bool(b)) if b == decisive => Value::Bool(decisive),
        (Value::Unknown(input), _) | (_, Value::Unknown(input)) => Value::Unknown(input),
        _ => Value::Bool(!decisive),
    }
}

fn compared<'a>(
    left: Value<'a>,
    right: Value<'a>,
    operator: Operator,
) -> Result<Value<'a>, Failure> {
    match (left, right) {
        (Value::Unknown(input), _) | (_, Value::Unknown(input)) => Ok(Value::Unknown(input)),
        (left, right) => Ok(Value::Bool(holds(operator, order(left, right)?))),
    }
}

fn holds(operator: Operator, order: Ordering) -> bool {
    match operator {
        Operator::Less => order == Ordering::Less,
        Operator::LessOrEqual => order != Ordering::Greater,
        Operator::Greater => order == Ordering::Greater,
        Operator::GreaterOrEqual => order != Ordering::Less,
        _ => order == Ordering::Equal,
    }
}

fn order(left: Value<'_>, right: Value<'_>) -> Result<Ordering, Failure> {
    match (left, right) {
        (Value::Int(l), Value::Int(r)) => Ok(l.cmp(&r)),
        (Value::Decimal(l), Value::Decimal(r)) | (Value::Money(l), Value::Money(r)) => {
            Ok(l.compare(r))
        }
        (Value::Date(l), Value::Date(r)) => Ok(l.cmp(&r)),
        (Value::Period(l), Value::Period(r)) => Ok(l.cmp(&r)),
        _ => Err(Failure::TypesMustHold),
    }
}

fn arithmetic<'a>(
    operator: Operator,
    left: Value<'a>,
    right: Value<'a>,
) -> Result<Value<'a>, Failure> {
    use Operator::{Add, Multiply, Subtract};
    use Value::{Decimal, Int, Money, Unknown};
    Ok(match (left, right) {
        (Unknown(input), _) | (_, Unknown(input)) => Unknown(input),
        (Int(l), Int(r)) => Int(match operator {
            Add => l.checked_add(r),
            Subtract => l.checked_sub(r),
            Multiply => l.checked_mul(r),
            _ => return Err(Failure::TypesMustHold),
        }
        .ok_or(Failure::NumberMustFit)?),
        (Money(l), Decimal(r)) if operator == Multiply => Money(exact(l.checked_mul(r))?),
        (Decimal(l), Decimal(r)) => Decimal(match operator {
            Add => exact(l.checked_add(r))?,
            Subtract => exact(l.checked_sub(r))?,
            Multiply => exact(l.checked_mul(r))?,
            _ => return Err(Failure::TypesMustHold),
        }),
        (Money(l), Money(r)) => Money(match operator {
            Add => exact(l.checked_add(r))?,
            Subtract => exact(l.checked_sub(r))?,
            _ => return Err(Failure::TypesMustHold),
        }),
        (Value::Period(month), Int(count)) => {
            let count = match operator {
                Add => Some(count),
                _ => count.checked_neg(),
            };
            Value::Period(count.and_then(|n| month_later(month, n)).ok_or(Failure::DateMustFit)?)
        }
        _ => return Err(Failure::TypesMustHold),
    })
}

fn exact<V>(made: Result<V, crate::rules::exact::Inexact>) -> Result<V, Failure> {
    made.map_err(|_| Failure::NumberMustFit)
}

fn month_later(month: Period, count: i64) -> Option<Period> {
    let months = i64::from(month.year()) * 12 + i64::from(month.month()) - 1;
    let months = months.checked_add(count)?;
    let year = i16::try_from(months.div_euclid(12)).ok()?;
    Period::new(year, months.rem_euclid(12) as i8 + 1).ok()
}

/// Full years between two days.
fn age(born: Date, day: Date, rounding: DateRounding) -> Result<i64, Failure> {
    if born > day {
        return Err(Failure::BirthMustComeFirst);
    }
    let leap = born.month() == 2 && born.day() == 29 && !day.in_leap_year();
    let birthday = match (leap, rounding) {
        (false, _) => (born.month(), born.day()),
        (true, DateRounding::Back) => (2, 28),
        (true, DateRounding::Forward) => (3, 1),
    };
    let years = i64::from(day.year()) - i64::from(born.year());
    Ok(years - i64::from((day.month(), day.day()) < birthday))
}

/// The same day of a later month, or the day that stands for it when there is none.
fn add_months(day: Date, count: i64, rounding: DateRounding) -> Option<Date> {
    let month = month_later(Period::of(day).ok()?, count)?;
    match Date::new(month.year(), month.month(), day.day()) {
        Ok(day) => Some(day),
        Err(_) => match rounding {
            DateRounding::Back => Some(month.last_day()),
            DateRounding::Forward => Some(month_later(month, 1)?.first_day()),
        },
    }
}

fn in_range(day: Date) -> Option<Date> {
    Period::of(day).ok().map(|_| day)
}

#[cfg(test)]
mod tests;
