//! The columns of the roster, the identity register and the truth, and one row of each.

/// The roster's columns, in the order in which they are written: the core columns, then the facts
/// that the programmes of Vietnam declare.
pub const ROSTER_COLUMNS: [&str; 30] = [
    "enrolment_id",
    "national_id",
    "full_name",
    "date_of_birth",
    "sex",
    "commune_code",
    "programme",
    "benefit",
    "decision_no",
    "decision_date",
    "entitled_from",
    "entitled_to",
    "status",
    "household_id",
    "payee_name",
    "payee_national_id",
    "payee_relation",
    "channel",
    "provider",
    "account",
    "account_name",
    "fact.disability_level",
    "fact.disability_certificate_date",
    "fact.raised_children",
    "fact.studying",
    "fact.study_ends",
    "fact.household_poverty",
    "fact.monthly_pension",
    "fact.pregnant",
    "fact.children_under_36_months",
];

pub const REGISTER_COLUMNS: [&str; 10] = [
    "national_id",
    "previous_national_id",
    "full_name",
    "date_of_birth",
    "sex",
    "vital_status",
    "date_of_death",
    "commune_code",
    "account",
    "provider",
];

pub const TRUTH_COLUMNS: [&str; 8] = [
    "enrolment_id",
    "person_national_id",
    "errors",
    "vital_status",
    "date_of_death",
    "duplicate_of",
    "ghost",
    "provider_behaviour",
];

/// One enrolment as the roster has it, slips and all.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct RosterRow {
    pub enrolment_id: String,
    pub national_id: String,
    pub full_name: String,
    pub date_of_birth: String,
    pub sex: &'static str,
    pub commune_code: String,
    pub programme: &'static str,
    pub benefit: &'static str,
    pub decision_no: String,
    pub decision_date: String,
    pub entitled_from: String,
    pub entitled_to: String,
    pub status: &'static str,
    pub household_id: String,
    pub payee_name: String,
    pub payee_national_id: String,
    /// self, guardian, carer, authorised, organiser.
    pub payee_relation: &'static str,
    pub channel: &'static str,
    pub provider: &'static str,
    pub account: String,
    pub account_name: String,
    pub facts: Facts,
}

/// The facts that rules ask for; empty means that the roster does not say.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Facts {
    /// severe, especially_severe.
    pub disability_level: &'static str,
    pub disability_certificate_date: String,
    pub raised_children: &'static str,
    /// yes, no.
    pub studying: &'static str,
    pub study_ends: String,
    /// poor, near_poor, neither.
    pub household_poverty: &'static str,
    /// Đồng a month, 0 when there is none.
    pub monthly_pension: String,
    /// yes, no.
    pub pregnant: &'static str,
    pub children_under_36_months: &'static str,
}

impl RosterRow {
    /// The fields in the order of `ROSTER_COLUMNS`.
    pub fn fields(&self) -> [&str; ROSTER_COLUMNS.len()] {
        let facts = &self.facts;
        [
            &self.enrolment_id,
            &self.national_id,
            &self.full_name,
            &self.date_of_birth,
            self.sex,
            &self.commune_code,
            self.programme,
            self.benefit,
            &self.decision_no,
            &self.decision_date,
            &self.entitled_from,
            &self.entitled_to,
            self.status,
            &self.household_id,
            &self.payee_name,
            &self.payee_national_id,
            self.payee_relation,
            self.channel,
            self.provider,
            &self.account,
            &self.account_name,
            facts.disability_level,
            &facts.disability_certificate_date,
            facts.raised_children,
            facts.studying,
            &facts.study_ends,
            facts.household_poverty,
            &facts.monthly_pension,
            facts.pregnant,
            facts.children_under_36_months,
        ]
    }
}

/// One person as the identity register has them.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct RegisterRow {
    pub national_id: String,
    pub previous_national_id: String,
    pub full_name: String,
    pub date_of_birth: String,
    pub sex: &'static str,
    pub vital_status: &'static str,
    pub date_of_death: String,
    pub commune_code: String,
    pub account: String,
    pub provider: &'static str,
}

impl RegisterRow {
    /// The fields in the order of `REGISTER_COLUMNS`.
    pub fn fields(&self) -> [&str; REGISTER_COLUMNS.len()] {
        [
            &self.national_id,
            &self.previous_national_id,
            &self.full_name,
            &self.date_of_birth,
            self.sex,
            self.vital_status,
            &self.date_of_death,
            &self.commune_code,
            &self.account,
            self.provider,
        ]
    }
}

/// What is true of one enrolment, which no run may read.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct TruthRow {
    pub enrolment_id: String,
    /// Empty for a ghost.
    pub person_national_id: String,
    /// The slips made, by name.
    pub errors: Vec<&'static str>,
    /// alive, deceased.
    pub vital_status: &'static str,
    pub date_of_death: String,
    /// The enrolment that this one repeats, or empty.
    pub duplicate_of: String,
    pub ghost: bool,
    pub behaviour: ProviderBehaviour,
}

impl TruthRow {
    /// The fields in the order of `TRUTH_COLUMNS`; errors are joined by spaces into `errors`.
    pub fn fields<'a>(&'a self, errors: &'a mut String) -> [&'a str; TRUTH_COLUMNS.len()] {
        *errors = self.errors.join(" ");
        [
            &self.enrolment_id,
            &self.person_national_id,
            errors,
            self.vital_status,
            &self.date_of_death,
            &self.duplicate_of,
            if self.ghost { "yes" } else { "no" },
            self.behaviour.word(),
        ]
    }
}

/// What the sandbox provider does with a payment to this enrolment.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum ProviderBehaviour {
    #[default]
    Pay,
    RejectClosedAccount,
    ReturnNameMismatch,
    ReturnDeceased,
    LoseAnswer,
    Late,
}

impl ProviderBehaviour {
    pub const ALL: [ProviderBehaviour; 6] = [
        ProviderBehaviour::Pay,
        ProviderBehaviour::RejectClosedAccount,
        ProviderBehaviour::ReturnNameMismatch,
        ProviderBehaviour::ReturnDeceased,
        ProviderBehaviour::LoseAnswer,
        ProviderBehaviour::Late,
    ];

    pub fn word(self) -> &'static str {
        match self {
            ProviderBehaviour::Pay => "pay",
            ProviderBehaviour::RejectClosedAccount => "reject_closed_account",
            ProviderBehaviour::ReturnNameMismatch => "return_name_mismatch",
            ProviderBehaviour::ReturnDeceased => "return_deceased",
            ProviderBehaviour::LoseAnswer => "lose_answer",
            ProviderBehaviour::Late => "late",
        }
    }

    pub fn parse(word: &str) -> Option<ProviderBehaviour> {
        ProviderBehaviour::ALL.into_iter().find(|behaviour| behaviour.word() == word)
    }
}

/// Fills a reused CSV record.
pub fn fill_record(record: &mut csv::ByteRecord, fields: &[&str]) {
    record.clear();
    for field in fields {
        record.push_field(field.as_bytes());
    }
}
