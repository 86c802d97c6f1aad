//! The shape of a pack's files as they are written: TOML tables and their fields, nothing resolved.
//!
//! Every text that can be wrong keeps its place in the file.

use serde::Deserialize;
use toml::Spanned;

pub type Text = Spanned<String>;

#[derive(Deserialize, Clone, Debug, Default)]
#[serde(deny_unknown_fields)]
pub struct BilingualFile {
    pub vi: String,
    pub en: String,
}

/// `pack.toml`.
#[derive(Deserialize, Debug)]
#[serde(deny_unknown_fields)]
pub struct PackFile {
    pub id: String,
    pub version: String,
    pub jurisdiction: String,
    pub currency: Text,
    pub title: BilingualFile,
    /// The first month whose law the pack has.
    pub covers_from: Text,
    /// How a birth date is read of which only the year or month is known.
    pub incomplete_birth: IncompleteBirthFile,
    #[serde(default)]
    pub programme: Vec<ProgrammeFile>,
    #[serde(default)]
    pub fact: Vec<FactFile>,
    #[serde(default)]
    pub fund: Vec<NamedFile>,
    #[serde(default)]
    pub component: Vec<NamedFile>,
    #[serde(default)]
    pub benefit: Vec<BenefitFile>,
    #[serde(default)]
    pub definition: Vec<DefinitionFile>,
    #[serde(default)]
    pub combination: Vec<CombinationFile>,
}

#[derive(Deserialize, Debug)]
#[serde(deny_unknown_fields)]
pub struct IncompleteBirthFile {
    #[serde(rename = "as")]
    pub reading: IncompleteBirth,
    pub citation: String,
    #[serde(default)]
    pub certainty: String,
}

/// What stands for a birth date of which the day, or the day and month, are not known.
#[derive(Deserialize, Clone, Copy, PartialEq, Eq, Debug)]
#[serde(rename_all = "snake_case")]
pub enum IncompleteBirth {
    FirstDay,
    LastDay,
    Unknown,
}

#[derive(Deserialize, Debug)]
#[serde(deny_unknown_fields)]
pub struct ProgrammeFile {
    pub id: Text,
    pub title: BilingualFile,
    #[serde(default)]
    pub decision: DecisionFile,
}

/// What a row must say of the decision on which it is paid.
#[derive(Deserialize, Debug, Default)]
#[serde(deny_unknown_fields)]
pub struct DecisionFile {
    #[serde(default)]
    pub number: DecisionNumber,
    #[serde(default)]
    pub citation: String,
    #[serde(default)]
    pub certainty: String,
}

/// Whether a row is paid that names no decision.
#[derive(Deserialize, Clone, Copy, PartialEq, Eq, Debug, Default)]
#[serde(rename_all = "snake_case")]
pub enum DecisionNumber {
    /// It is held. So it is when the pack says nothing: public money is paid on a decision.
    #[default]
    Required,
    /// It is paid: the law itself grants it.
    NotNeeded,
}

#[derive(Deserialize, Debug)]
#[serde(deny_unknown_fields)]
pub struct NamedFile {
    pub id: Text,
    pub title: BilingualFile,
}

#[derive(Deserialize, Debug)]
#[serde(deny_unknown_fields)]
pub struct FactFile {
    pub name: Text,
    #[serde(rename = "type")]
    pub kind: Text,
    #[serde(default)]
    pub values: Vec<EnumValueFile>,
    pub title: BilingualFile,
    /// Health, poverty and the like: sealed at rest and never in a log.
    #[serde(default)]
    pub sensitive: bool,
}

#[derive(Deserialize, Debug)]
#[serde(deny_unknown_fields)]
pub struct EnumValueFile {
    pub id: Text,
    pub title: BilingualFile,
    /// Other spellings that rosters use.
    #[serde(default)]
    pub also: Vec<String>,
}

#[derive(Deserialize, Debug)]
#[serde(deny_unknown_fields)]
pub struct BenefitFile {
    pub programme: Text,
    pub code: Text,
    pub kind: BenefitKind,
    pub fund: Text,
    #[serde(default)]
    pub tags: Vec<String>,
    pub title: BilingualFile,
}

#[derive(Deserialize, Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[serde(rename_all = "snake_case")]
pub enum BenefitKind {
    /// Owed for every month between its start and its stop.
    Monthly,
    /// Owed once, for the month in which it starts.
    OneOff,
}

#[derive(Deserialize, Debug)]
#[serde(deny_unknown_fields)]
pub struct DefinitionFile {
    pub name: Text,
    pub value: Text,
    pub citation: String,
    #[serde(default)]
    pub certainty: String,
    pub title: BilingualFile,
}

#[derive(Deserialize, Debug)]
#[serde(deny_unknown_fields)]
pub struct CombinationFile {
    pub id: Text,
    pub kind: CombinationKind,
    #[serde(default)]
    pub among: Vec<Text>,
    #[serde(default)]
    pub sides: Vec<Vec<Text>>,
    #[serde(default)]
    pub may_add: Vec<MayAddFile>,
    pub from: Option<Text>,
    pub to: Option<Text>,
    pub known_from: Option<Text>,
    pub citation: String,
    #[serde(default)]
    pub certainty: String,
    pub reason: BilingualFile,
    #[serde(default)]
    pub note: String,
}

#[derive(Deserialize, Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[serde(rename_all = "snake_case")]
pub enum CombinationKind {
    /// Of all in `among`, the one with the highest amount, save what `may_add` lets stand together.
    HighestOnly,
    /// Each benefit in `among` counts once, whatever the number of decisions.
    OnceEach,
    /// Of two `sides`, the one with the higher sum; the first on a tie.
    HigherSide,
    /// Anything in the first of two `sides` excludes everything in the second.
    Excludes,
}

#[derive(Deserialize, Debug)]
#[serde(deny_unknown_fields)]
pub struct MayAddFile {
    pub one_of: Vec<Text>,
    pub with_one_of: Vec<Text>,
}

/// `rates.toml`.
#[derive(Deserialize, Debug)]
#[serde(deny_unknown_fields)]
pub struct RatesFile {
    #[serde(default)]
    pub rate: Vec<RateFile>,
    #[serde(default)]
    pub table: Vec<TableFile>,
}

#[derive(Deserialize, Debug)]
#[serde(deny_unknown_fields)]
pub struct RateFile {
    pub name: Text,
    #[serde(rename = "type")]
    pub kind: Text,
    pub title: BilingualFile,
    pub values: Vec<VersionFile>,
}

#[derive(Deserialize, Debug)]
#[serde(deny_unknown_fields)]
pub struct VersionFile {
    pub applied_from: Text,
    pub known_from: Text,
    pub value: Text,
    pub citation: String,
    #[serde(default)]
    pub certainty: String,
}

#[derive(Deserialize, Debug)]
#[serde(deny_unknown_fields)]
pub struct TableFile {
    pub name: Text,
    /// The CSV file, from the folder of the programme.
    pub file: Text,
    /// The key columns, each the name of a fact or one of Int, Bool, Text as `column:Int`.
    pub keys: Vec<Text>,
    #[serde(rename = "type")]
    pub kind: Text,
    pub title: BilingualFile,
}

/// `clauses.toml`.
#[derive(Deserialize, Debug)]
#[serde(deny_unknown_fields)]
pub struct ClausesFile {
    #[serde(default)]
    pub clause: Vec<ClauseFile>,
}

#[derive(Deserialize, Debug)]
#[serde(deny_unknown_fields)]
pub struct ClauseFile {
    pub id: Text,
    pub kind: ClauseKind,
    pub benefits: Vec<Text>,
    pub from: Option<Text>,
    pub to: Option<Text>,
    pub known_from: Option<Text>,
    /// From when it was known that the clause ends at `to`.
    pub to_known_from: Option<Text>,
    pub when: Option<Text>,
    pub then: Option<Text>,
    pub component: Option<Text>,
    pub fund: Option<Text>,
    pub rounding: Option<Spanned<RoundingFile>>,
    pub citation: String,
    #[serde(default)]
    pub certainty: String,
    pub reason: BilingualFile,
    #[serde(default)]
    pub note: String,
}

/// What a clause decides.
#[derive(Deserialize, Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[serde(rename_all = "snake_case")]
pub enum ClauseKind {
    /// `then` is the first month. The first clause that applies decides.
    Start,
    /// `then` is the first month that is not paid any more. The earliest of all that apply decides.
    Stop,
    /// `when` true means nothing is owed for the month.
    Bar,
    /// `then` is the amount of one component. The first that applies decides for its component.
    Amount,
}

#[derive(Deserialize, Clone, PartialEq, Eq, Debug)]
#[serde(untagged)]
pub enum RoundingFile {
    Named(String),
    Unit { mode: String, unit: i64 },
}
