//! Turns the rows of a roster or identity register into parsed rows and refused rows.
//!
//! Reads: records of a delimited file. Gives: `RosterRow`s or `RegisterRow`s, and for every bad row
//! its line, column, code and a sentence. A header that cannot be understood refuses the file.

use std::collections::HashMap;

use jiff::civil::Date;

use crate::domain::identity::{BirthDate, Sex, VitalStatus};
use crate::domain::period::{Period, parse_date};
use crate::domain::roster::{
    AlternatePayee, Channel, Column, EnrolmentStatus, REGISTER_COLUMNS, ROSTER_COLUMNS,
    RefusalCode, RefusedRow, RegisterColumn, RosterColumn, RosterRow,
};
use crate::domain::state::Named;
use crate::pipeline::records::Record;

/// The longest value of one column, in bytes.
const VALUE_BYTES_MAX: usize = 1_000;

/// What the programme pack knows that a roster must agree with.
pub struct Vocabulary<'a> {
    /// Names of the fact columns, without `fact.`, by fact index.
    pub facts: &'a [String],
    pub knows_benefit: &'a dyn Fn(&str, &str) -> bool,
    /// Says what is wrong with a fact's text, if anything.
    pub check_fact: &'a dyn Fn(usize, &str) -> Result<(), String>,
}

/// Which field of a record holds which column.
pub struct Header {
    fields: usize,
    /// By column, the place of its field.
    core: Vec<Option<usize>>,
    /// By fact index, the place of its field.
    facts: Vec<Option<usize>>,
}

/// The core columns of a row that is kept: a number that never changes, because rows are kept for years.
pub const CANONICAL_CORE: usize = 23;

/// Before the address to which cash is brought, in the place of the name on an account: what earlier programs kept
/// there of rows that are paid in cash means nothing.
const AT_HOME: &str = "home=";
const HOME_ADDRESS_MAX: usize = 200;

/// Other names of columns, so that existing exports load unedited: alias → column.
pub type Aliases = HashMap<String, String>;

impl Header {
    /// Whether it is of rows as they are kept.
    fn is_canonical(&self) -> bool {
        let place = |column: RosterColumn| self.core.get(column as usize).copied().flatten();
        let of_home = place(RosterColumn::home_address);
        of_home.is_some() && of_home == place(RosterColumn::account_name)
    }

    /// Reads the header of a roster.
    pub fn of_roster(
        record: &Record<'_>,
        aliases: &Aliases,
        vocabulary: &Vocabulary<'_>,
    ) -> Result<Header, HeaderError> {
        Header::read(record, aliases, ROSTER_COLUMNS, vocabulary.facts)
    }

    /// Reads the header of an identity register.
    pub fn of_register(record: &Record<'_>, aliases: &Aliases) -> Result<Header, HeaderError> {
        Header::read(record, aliases, REGISTER_COLUMNS, &[])
    }

    /// The header of the form in which accepted roster rows are kept, behind `leading` fields that
    /// the keeper puts before them.
    pub fn canonical_roster(leading: usize, facts: usize) -> Header {
        let core = leading + CANONICAL_CORE;
        let mut places: Vec<Option<usize>> = (leading..core).map(Some).collect();
        // Every row that is kept is of its roster's month: the place has the month of a change.
        places.push(places[RosterColumn::period as usize]);
        // Cash has no account: the place has where it is brought to.
        places.push(places[RosterColumn::account_name as usize]);
        Header {
            fields: core + facts,
            core: places,
            facts: (core..core + facts).map(Some).collect(),
        }
    }

    pub fn canonical_register(leading: usize) -> Header {
        let core = leading + REGISTER_COLUMNS.len();
        Header { fields: core, core: (leading..core).map(Some).collect(), facts: vec![] }
    }

    fn read(
        record: &Record<'_>,
        aliases: &Aliases,
        columns: &[Column],
        facts: &[String],
    ) -> Result<Header, HeaderError> {
        let mut core = vec![None; columns.len()];
        let mut fact_places = vec![None; facts.len()];
        for (place, name) in record.fields().enumerate() {
            let trimmed = name.trim();
            let lower = trimmed.to_lowercase();
            let name = aliases.get(&lower).map_or(lower.as_str(), String::as_str);
            // The columns that a file of refused rows adds, so that it loads again once it is mended.
            if name.starts_with("refused_") {
                continue;
            }
            let slot = match name.strip_prefix("fact.") {
                Some(fact) => {
                    let at = facts.iter().position(|known| known == fact);
                    at.map(|at| &mut fact_places[at])
                }
                None => {
                    let at = columns.iter().position(|column| column.name == name);
                    at.map(|at| &mut core[at])
                }
            };
            let Some(slot) = slot else {
                return Err(HeaderError::ColumnMustBeKnown(trimmed.chars().take(60).collect()));
            };
            if slot.replace(place).is_some() {
                return Err(HeaderError::ColumnMustStandOnce(name.to_owned()));
            }
        }
        let missing: Vec<&str> = columns
            .iter()
            .zip(&core)
            .filter(|(column, place)| column.required && place.is_none())
            .map(|(column, _)| column.name)
            .collect();
        if !missing.is_empty() {
            return Err(HeaderError::ColumnsMustBeThere(missing.join(", ")));
        }
        Ok(Header { fields: record.len(), core, facts: fact_places })
    }
}

#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum HeaderError {
    #[error(
        "the header has the unknown column `{0}`; name it as an alias in chitra.toml or take it out"
    )]
    ColumnMustBeKnown(String),
    #[error("the header has the column `{0}` twice; leave one out")]
    ColumnMustStandOnce(String),
    #[error("the header lacks columns that must be there; add them: {0}")]
    ColumnsMustBeThere(String),
}

impl HeaderError {
    pub fn code(&self) -> &'static str {
        match self {
            HeaderError::ColumnMustBeKnown(_) => "I110",
            HeaderError::ColumnMustStandOnce(_) => "I111",
            HeaderError::ColumnsMustBeThere(_) => "I112",
        }
    }
}

/// Parses one record of a roster. A bad value refuses this row and no other.
pub fn roster_row(
    record: &Record<'_>,
    header: &Header,
    vocabulary: &Vocabulary<'_>,
) -> Result<RosterRow, Box<RefusedRow>> {
    let row = Reading { record, header };
    roster_values(&row, vocabulary).map_err(|bad| refused(&row, bad))
}

/// Parses one record of a roster that is taken in for a month. A row that was paid through a later month
/// would be paid nothing for years, and nobody would be told; and no sender names a way that is none.
pub fn roster_row_of(
    period: Period,
    record: &Record<'_>,
    header: &Header,
    vocabulary: &Vocabulary<'_>,
) -> Result<RosterRow, Box<RefusedRow>> {
    let row = roster_row(record, header, vocabulary)?;
    let reading = Reading { record, header };
    let named = || reading.short(RosterColumn::channel as usize, "channel");
    let bad = match row.paid_through {
        Some(through) if through > period => Bad::new(
            "paid_through",
            RefusalCode::PaidThroughLater,
            format!("paid through {through}, and the roster is taken in for {period}"),
        ),
        _ if row.changed_from.is_some_and(|from| from > period) => Bad::new(
            "changed_from",
            RefusalCode::ChangedLater,
            format!("a change from a month after {period}, for which the roster is taken in"),
        ),
        _ if row.entitled_to.zip(row.entitled_from).is_some_and(|(last, first)| last < first) => {
            Bad::new(
                "entitled_to",
                RefusalCode::DatesContradict,
                "the last day of entitlement lies before the first".to_owned(),
            )
        }
        _ if row
            .decision_date
            .zip(row.date_of_birth)
            .is_some_and(|(decided, born)| decided.year() < born.year()) =>
        {
            Bad::new(
                "decision_date",
                RefusalCode::DatesContradict,
                "the decision was signed before the year of birth".to_owned(),
            )
        }
        _ if row.channel == Channel::Unnamed && named().is_ok_and(|word| !word.is_empty()) => {
            Bad::new(
                "channel",
                RefusalCode::WordUnknown,
                "`unnamed` is no way to a person; leave the field empty where there is none"
                    .to_owned(),
            )
        }
        _ => return Ok(row),
    };
    Err(refused(&reading, bad))
}

/// What can be read of the person, so that a refused row still counts someone once.
fn refused(row: &Reading<'_>, bad: Bad) -> Box<RefusedRow> {
    let known = |column: RosterColumn| row.core(column as usize).unwrap_or_default().to_owned();
    Box::new(RefusedRow {
        line: row.record.line,
        column: bad.column,
        code: bad.code,
        sentence: bad.sentence,
        national_id: known(RosterColumn::national_id),
        enrolment_id: known(RosterColumn::enrolment_id),
        programme: known(RosterColumn::programme),
        commune_code: known(RosterColumn::commune_code),
    })
}

fn roster_values(row: &Reading<'_>, vocabulary: &Vocabulary<'_>) -> Result<RosterRow, Bad> {
    use RosterColumn as C;
    row.check_width()?;
    let text = |column: C| row.short(column as usize, ROSTER_COLUMNS[column as usize].name);
    let needed = |column: C| row.needed(column as usize, ROSTER_COLUMNS[column as usize].name);
    let date = |column: C| row.date(column as usize, ROSTER_COLUMNS[column as usize].name);

    let programme = needed(C::programme)?;
    let benefit = needed(C::benefit)?;
    if !(vocabulary.knows_benefit)(programme, benefit) {
        return Err(Bad::new(
            "benefit",
            RefusalCode::BenefitUnknown,
            format!(
                "the programme pack has no benefit `{}` in `{}`",
                brief(benefit),
                brief(programme)
            ),
        ));
    }
    let payee = AlternatePayee {
        name: text(C::payee_name)?.to_owned(),
        national_id: text(C::payee_national_id)?.to_owned(),
        relation: text(C::payee_relation)?.to_owned(),
    };
    let oneself =
        payee.relation == "self" || (payee.name.is_empty() && payee.national_id.is_empty());
    let payee = (!oneself).then_some(payee);
    if payee.as_ref().is_some_and(|payee| payee.name.is_empty()) {
        return Err(Bad::missing("payee_name"));
    }
    let paid_through = match text(C::paid_through)? {
        "" => None,
        month => Some(month.parse::<Period>().map_err(|error| {
            Bad::new("paid_through", RefusalCode::DateDoesNotExist, error.to_string())
        })?),
    };
    let channel = row.word::<Channel>(C::channel as usize, "channel")?.unwrap_or(Channel::Unnamed);
    let home = text(C::home_address)?;
    let is_kept = row.header.is_canonical();
    let home_address = match (channel, is_kept) {
        (Channel::Cash, true) => home.strip_prefix(AT_HOME).unwrap_or_default(),
        (Channel::Cash, false) => home,
        _ => "",
    };
    let home_address = home_address.to_owned();
    if home_address.chars().count() > HOME_ADDRESS_MAX {
        return Err(Bad::new(
            "home_address",
            RefusalCode::ValueTooLong,
            format!(
                "an address has at most {HOME_ADDRESS_MAX} characters, as lists of cash have room for"
            ),
        ));
    }
    let changed_from = match text(C::changed_from)? {
        "" => None,
        month => Some(month.parse::<Period>().map_err(|error| {
            Bad::new("changed_from", RefusalCode::DateDoesNotExist, error.to_string())
        })?),
    };
    let mut facts = Vec::with_capacity(vocabulary.facts.len());
    for (at, place) in row.header.facts.iter().enumerate() {
        let value = match place {
            Some(place) => row.value(*place, "fact")?,
            None => "",
        };
        if !value.is_empty() {
            (vocabulary.check_fact)(at, value).map_err(|sentence| {
                let sentence = format!("fact.{}: {sentence}", vocabulary.facts[at]);
                Bad::new("fact", RefusalCode::FactUnreadable, sentence)
            })?;
        }
        facts.push(value.to_owned());
    }
    Ok(RosterRow {
        line: row.record.line,
        enrolment_id: needed(C::enrolment_id)?.to_owned(),
        national_id: text(C::national_id)?.to_owned(),
        full_name: needed(C::full_name)?.to_owned(),
        date_of_birth: row.birth(C::date_of_birth as usize)?,
        sex: row.sex(C::sex as usize)?,
        commune_code: needed(C::commune_code)?.to_owned(),
        programme: programme.to_owned(),
        benefit: benefit.to_owned(),
        decision_no: text(C::decision_no)?.to_owned(),
        decision_date: date(C::decision_date)?,
        entitled_from: date(C::entitled_from)?,
        entitled_to: date(C::entitled_to)?,
        status: row
            .word::<EnrolmentStatus>(C::status as usize, "status")?
            .ok_or_else(|| Bad::missing("status"))?,
        household_id: text(C::household_id)?.to_owned(),
        payee,
        channel,
        provider: text(C::provider)?.to_owned(),
        account: text(C::account)?.to_owned(),
        account_name: match (channel, is_kept) {
            (Channel::Cash, true) => String::new(),
            _ => text(C::account_name)?.to_owned(),
        },
        paid_through,
        changed_from,
        home_address,
        facts,
    })
}

/// The month that a row says it belongs to, when the roster says so at all.
pub fn roster_period<'a>(record: &Record<'a>, header: &Header) -> Option<&'a str> {
    let place = header.core[RosterColumn::period as usize]?;
    record.field(place).map(str::trim).filter(|text| !text.is_empty())
}

/// Writes an accepted row in the canonical order of columns, in which it is kept and read again.
pub fn write_roster_row(row: &RosterRow, out: &mut csv::ByteRecord) {
    let date = |date: Option<Date>| date.map(|date| date.to_string()).unwrap_or_default();
    out.clear();
    let payee = row.payee.as_ref();
    let home = match row.home_address.is_empty() {
        true => String::new(),
        false => format!("{AT_HOME}{}", row.home_address),
    };
    for value in [
        row.enrolment_id.as_str(),
        &row.national_id,
        &row.full_name,
        &row.date_of_birth.map(|birth| birth.to_string()).unwrap_or_default(),
        row.sex.map_or("", |sex| sex.word()),
        &row.commune_code,
        &row.programme,
        &row.benefit,
        &row.decision_no,
        &date(row.decision_date),
        &date(row.entitled_from),
        &date(row.entitled_to),
        row.status.name(),
        &row.household_id,
        payee.map_or("", |payee| &payee.name),
        payee.map_or("", |payee| &payee.national_id),
        payee.map_or("", |payee| &payee.relation),
        row.channel.name(),
        &row.provider,
        &row.account,
        match row.channel {
            Channel::Cash => &home,
            _ => &row.account_name,
        },
        &row.paid_through.map(|period| period.to_string()).unwrap_or_default(),
        &row.changed_from.map(|period| period.to_string()).unwrap_or_default(),
    ] {
        out.push_field(value.as_bytes());
    }
    for fact in &row.facts {
        out.push_field(fact.as_bytes());
    }
}

/// One accepted row of an identity register, as text that has been checked.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RegisterRow {
    pub line: u64,
    pub national_id: String,
    pub previous_national_id: String,
    pub full_name: String,
    pub date_of_birth: Option<BirthDate>,
    pub sex: Option<Sex>,
    pub vital: VitalStatus,
    pub commune_code: String,
    pub account: String,
    pub provider: String,
}

/// Parses one record of an identity register.
pub fn register_row(record: &Record<'_>, header: &Header) -> Result<RegisterRow, Box<RefusedRow>> {
    let row = Reading { record, header };
    register_values(&row).map_err(|bad| {
        Box::new(RefusedRow {
            line: record.line,
            column: bad.column,
            code: bad.code,
            sentence: bad.sentence,
            national_id: row
                .core(RegisterColumn::national_id as usize)
                .unwrap_or_default()
                .to_owned(),
            enrolment_id: String::new(),
            programme: String::new(),
            commune_code: row
                .core(RegisterColumn::commune_code as usize)
                .unwrap_or_default()
                .to_owned(),
        })
    })
}

fn register_values(row: &Reading<'_>) -> Result<RegisterRow, Bad> {
    use RegisterColumn as C;
    row.check_width()?;
    let text = |column: C| row.short(column as usize, REGISTER_COLUMNS[column as usize].name);
    let needed = |column: C| row.needed(column as usize, REGISTER_COLUMNS[column as usize].name);
    let vital = VitalStatus::parse(text(C::vital_status)?, text(C::date_of_death)?)
        .map_err(|error| Bad::new("vital_status", RefusalCode::WordUnknown, error.to_string()))?;
    Ok(RegisterRow {
        line: row.record.line,
        national_id: needed(C::national_id)?.to_owned(),
        previous_national_id: text(C::previous_national_id)?.to_owned(),
        full_name: needed(C::full_name)?.to_owned(),
        date_of_birth: row.birth(C::date_of_birth as usize)?,
        sex: row.sex(C::sex as usize)?,
        vital,
        commune_code: text(C::commune_code)?.to_owned(),
        account: text(C::account)?.to_owned(),
        provider: text(C::provider)?.to_owned(),
    })
}

/// Writes a register row in the canonical order of columns.
pub fn write_register_row(row: &RegisterRow, out: &mut csv::ByteRecord) {
    let (vital, died_on) = match row.vital {
        VitalStatus::Alive => ("alive", String::new()),
        VitalStatus::Missing => ("missing", String::new()),
        VitalStatus::Unknown => ("unknown", String::new()),
        VitalStatus::Deceased { on } => {
            ("deceased", on.map(|date| date.to_string()).unwrap_or_default())
        }
    };
    out.clear();
    for value in [
        row.national_id.as_str(),
        &row.previous_national_id,
        &row.full_name,
        &row.date_of_birth.map(|birth| birth.to_string()).unwrap_or_default(),
        row.sex.map_or("", |sex| sex.word()),
        vital,
        &died_on,
        &row.commune_code,
        &row.account,
        &row.provider,
    ] {
        out.push_field(value.as_bytes());
    }
}

/// What is wrong with one row.
struct Bad {
    column: &'static str,
    code: RefusalCode,
    sentence: String,
}

impl Bad {
    fn new(column: &'static str, code: RefusalCode, sentence: String) -> Bad {
        Bad { column, code, sentence }
    }

    fn missing(column: &'static str) -> Bad {
        Bad::new(column, RefusalCode::ValueMissing, format!("`{column}` is empty"))
    }
}

/// A record seen through its header.
struct Reading<'a> {
    record: &'a Record<'a>,
    header: &'a Header,
}

impl Reading<'_> {
    fn check_width(&self) -> Result<(), Bad> {
        if self.record.len() == self.header.fields {
            return Ok(());
        }
        Err(Bad::new(
            "",
            RefusalCode::ColumnsMissing,
            format!("the row has {} columns, the header {}", self.record.len(), self.header.fields),
        ))
    }

    fn core(&self, column: usize) -> Option<&str> {
        self.record.field(self.header.core[column]?).map(str::trim)
    }

    fn value(&self, place: usize, column: &'static str) -> Result<&str, Bad> {
        let value = self.record.field(place).unwrap_or("").trim();
        if value.len() > VALUE_BYTES_MAX {
            let sentence = format!("`{column}` is longer than {VALUE_BYTES_MAX} bytes");
            return Err(Bad::new(column, RefusalCode::ValueTooLong, sentence));
        }
        Ok(value)
    }

    fn short(&self, column: usize, name: &'static str) -> Result<&str, Bad> {
        self.header.core[column].map_or(Ok(""), |place| self.value(place, name))
    }

    fn needed(&self, column: usize, name: &'static str) -> Result<&str, Bad> {
        match self.short(column, name)? {
            "" => Err(Bad::missing(name)),
            value => Ok(value),
        }
    }

    fn date(&self, column: usize, name: &'static str) -> Result<Option<Date>, Bad> {
        match self.short(column, name)? {
            "" => Ok(None),
            text => parse_date(text)
                .map(Some)
                .map_err(|error| Bad::new(name, RefusalCode::DateDoesNotExist, error.to_string())),
        }
    }

    fn birth(&self, column: usize) -> Result<Option<BirthDate>, Bad> {
        match self.short(column, "date_of_birth")? {
            "" => Ok(None),
            text => BirthDate::parse(text).map(Some).map_err(|_| {
                // The sentence does not repeat the value: a date of birth is personal data.
                let sentence =
                    "not a day that exists, written like 1950-03-14, nor a year".to_owned();
                Bad::new("date_of_birth", RefusalCode::DateDoesNotExist, sentence)
            }),
        }
    }

    fn sex(&self, column: usize) -> Result<Option<Sex>, Bad> {
        Sex::parse(self.short(column, "sex")?)
            .map_err(|error| Bad::new("sex", RefusalCode::WordUnknown, error.to_string()))
    }

    fn word<T: Named>(&self, column: usize, name: &'static str) -> Result<Option<T>, Bad> {
        match self.short(column, name)? {
            "" => Ok(None),
            word => T::from_name(word).map(Some).ok_or_else(|| {
                let known: Vec<&str> = T::ALL.iter().map(|(word, _)| *word).collect();
                let sentence = format!("`{}` is not one of: {}", brief(word), known.join(", "));
                Bad::new(name, RefusalCode::WordUnknown, sentence)
            }),
        }
    }
}

/// The beginning of a stranger's word, for a sentence.
fn brief(text: &str) -> String {
    text.chars().take(40).collect()
}
