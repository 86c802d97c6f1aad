//! The roster: one row per enrolment, a person may have several.

use jiff::civil::Date;

use crate::domain::identity::{BirthDate, Sex};
use crate::domain::period::Period;
use crate::domain::province::province_of_commune;
use crate::domain::state::named;

/// A column that a roster may have. `fact.<name>` columns are declared by the programme pack.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Column {
    pub name: &'static str,
    /// Whether the header must have it.
    pub required: bool,
}

macro_rules! columns {
    ($doc:literal $index:ident $list:ident : $($name:ident $required:literal,)+) => {
        #[doc = $doc]
        #[allow(non_camel_case_types, clippy::upper_case_acronyms)]
        #[derive(Clone, Copy, PartialEq, Eq, Debug)]
        pub enum $index { $($name,)+ }

        pub const $list: &[Column] = &[$(Column { name: stringify!($name), required: $required },)+];
    };
}

columns!("Places of the roster's core columns in `ROSTER_COLUMNS`." RosterColumn ROSTER_COLUMNS:
    enrolment_id true,
    national_id true,
    full_name true,
    date_of_birth true,
    sex true,
    commune_code true,
    programme true,
    benefit true,
    decision_no true,
    decision_date true,
    entitled_from true,
    entitled_to false,
    status true,
    household_id false,
    payee_name false,
    payee_national_id false,
    payee_relation false,
    channel true,
    provider false,
    account false,
    account_name false,
    paid_through false,
    period false,
    changed_from false,
    home_address false,
);

columns!("Places of the identity register's columns in `REGISTER_COLUMNS`." RegisterColumn REGISTER_COLUMNS:
    national_id true,
    previous_national_id false,
    full_name true,
    date_of_birth true,
    sex true,
    vital_status true,
    date_of_death false,
    commune_code false,
    account false,
    provider false,
);

named!(
    /// What the sender says about the enrolment this month.
    EnrolmentStatus {
        Active = "active",
        /// Paused by decision: no entitlement, the enrolment stays.
        Suspended = "suspended",
        /// Ended by decision.
        Ceased = "ceased",
    }
);

named!(
    /// The way money travels.
    Channel {
        Bank = "bank",
        Wallet = "ewallet",
        MobileMoney = "mobile_money",
        /// Paid out by a payment-service organisation at a pay point.
        Cash = "cash",
        /// The roster names no way: what is owed is worked out and held.
        Unnamed = "unnamed",
    }
);

/// One accepted row of a roster.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RosterRow {
    /// The line of the source file on which the row begins.
    pub line: u64,
    pub enrolment_id: String,
    /// As it stands in the roster; empty when missing. Its form is judged by reconciliation.
    pub national_id: String,
    pub full_name: String,
    pub date_of_birth: Option<BirthDate>,
    pub sex: Option<Sex>,
    pub commune_code: String,
    pub programme: String,
    pub benefit: String,
    pub decision_no: String,
    pub decision_date: Option<Date>,
    pub entitled_from: Option<Date>,
    pub entitled_to: Option<Date>,
    pub status: EnrolmentStatus,
    pub household_id: String,
    pub payee: Option<AlternatePayee>,
    pub channel: Channel,
    pub provider: String,
    pub account: String,
    pub account_name: String,
    /// The last month that was paid before this office took over.
    pub paid_through: Option<Period>,
    /// The month from which what differs from the row of before counts; the roster's own when not said.
    pub changed_from: Option<Period>,
    /// Where cash is brought to who cannot come; empty for everybody else.
    pub home_address: String,
    /// Text of the pack's fact columns, by fact index; empty when missing.
    pub facts: Vec<String>,
}

/// Someone who is paid on the beneficiary's behalf: a guardian, carer or authorised person.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AlternatePayee {
    pub name: String,
    pub national_id: String,
    pub relation: String,
}

impl RosterRow {
    /// The code of the province in which the commune lies; empty when the commune is not known.
    pub fn province(&self) -> &'static str {
        province_of_commune(&self.commune_code).map_or("", |province| province.code)
    }
}

/// A row that cannot be used: where, which rule it broke, and a sentence for the officer.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RefusedRow {
    pub line: u64,
    pub column: &'static str,
    pub code: RefusalCode,
    /// What is wrong, without personal data.
    pub sentence: String,
    /// What is known of who it is about, so that people can be counted once each.
    pub national_id: String,
    pub enrolment_id: String,
    pub programme: String,
    pub commune_code: String,
}

named!(
    /// Why a roster or register row is refused.
    RefusalCode {
        ColumnsMissing = "I201",
        ValueMissing = "I202",
        DateDoesNotExist = "I203",
        AmountNotPlain = "I204",
        BenefitUnknown = "I205",
        WordUnknown = "I206",
        FactUnreadable = "I207",
        ValueTooLong = "I208",
        EnrolmentTwice = "I209",
        NumberCollides = "I210",
        PaidThroughLater = "I211",
        ChangedLater = "I212",
        BenefitChanged = "I213",
        DatesContradict = "I214",
    }
);
