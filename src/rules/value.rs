//! The types and values of the expression language, and facts as they are read from a roster.
//!
//! `Unknown` is a value of every type: what nobody has told us. It names the input that is missing,
//! so that a hold can say what to ask for.

use jiff::civil::Date;

use crate::domain::period::Period;
use crate::rules::exact::Exact;

/// The type of an expression, known before it is evaluated.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Type {
    Bool,
    Int,
    /// A coefficient, percentage or rate without a currency.
    Decimal,
    /// Major units of the pack's currency; rounded only where a clause makes a line of it.
    Money,
    Date,
    Period,
    /// One of the values that the fact declares; the number is the enumeration.
    Enum(u16),
    Text,
}

impl Type {
    pub fn name(self) -> &'static str {
        match self {
            Type::Bool => "Bool",
            Type::Int => "Int",
            Type::Decimal => "Decimal",
            Type::Money => "Money",
            Type::Date => "Date",
            Type::Period => "Period",
            Type::Enum(_) => "Enum",
            Type::Text => "Text",
        }
    }
}

/// What an expression is worth for one enrolment.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Value<'a> {
    /// Not known, because this input is missing.
    Unknown(Input),
    Bool(bool),
    Int(i64),
    Decimal(Exact),
    Money(Exact),
    Date(Date),
    Period(Period),
    Enum(u16),
    Text(&'a str),
}

/// Something an expression reads about a person or an enrolment.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum Input {
    DateOfBirth,
    Sex,
    DateOfDeath,
    DecisionDate,
    EntitledFrom,
    EntitledTo,
    /// The month that is being decided; always known.
    Period,
    /// A fact that the pack declares, by its index.
    Fact(u16),
}

impl Input {
    /// The inputs that every pack has, with their names in expressions.
    pub const BUILT_IN: [(&'static str, Input); 7] = [
        ("date_of_birth", Input::DateOfBirth),
        ("sex", Input::Sex),
        ("date_of_death", Input::DateOfDeath),
        ("decision_date", Input::DecisionDate),
        ("entitled_from", Input::EntitledFrom),
        ("entitled_to", Input::EntitledTo),
        ("period", Input::Period),
    ];
}

/// One fact of one enrolment, as the roster gave it. An empty cell is `Unknown`, never a default.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub enum FactValue {
    #[default]
    Unknown,
    Bool(bool),
    Int(i64),
    Decimal(Exact),
    /// Minor units of the pack's currency.
    Money(i64),
    Date(Date),
    Period(Period),
    /// The index of the value in the fact's declared list.
    Enum(u16),
    Text(Box<str>),
}

/// The facts of one enrolment, by the index that `Pack::fact_columns` gives them.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct FactRow {
    values: Vec<FactValue>,
}

impl FactRow {
    pub(crate) const EMPTY: FactRow = FactRow { values: Vec::new() };

    /// A row where nothing is known yet.
    pub fn unknown(facts: usize) -> FactRow {
        FactRow { values: vec![FactValue::Unknown; facts] }
    }

    /// Sets a fact. The row grows when the index lies outside it.
    pub fn set(&mut self, index: usize, value: FactValue) {
        if index >= self.values.len() {
            self.values.resize(index + 1, FactValue::Unknown);
        }
        self.values[index] = value;
    }

    /// The fact at an index; `Unknown` outside the row.
    pub fn get(&self, index: usize) -> &FactValue {
        self.values.get(index).unwrap_or(&FactValue::Unknown)
    }

    /// Forgets every fact and keeps the room.
    pub fn clear(&mut self) {
        self.values.fill(FactValue::Unknown);
    }
}
