//! From the texts of an answer to an outcome: which field means what, which words mean which
//! status, and what a reason's class is. The same for XML, JSON and sheets.

use std::collections::BTreeMap;

use jiff::civil::Date;
use serde::Deserialize;

use crate::amount::{AmountError, Currency, parse_minor};
use crate::charset::strip_vietnamese_marks;
use crate::definition::Diagnostic;
use crate::expression::DateShape;
use crate::outcome::{Direction, Outcome, OutcomeStatus, Place, Scope};
use crate::read::{ReadError, ReadRule};
use crate::reason::{ReasonClass, ReasonScheme, reason_class};
use crate::statement::{BalanceKind, Booking, EntryKind, PartWord, StatementPart};

/// The fields that a definition may find in an answer. `ALL` is their order in a draft.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
#[repr(usize)]
pub(crate) enum AnswerField {
    EndToEndId,
    InstructionId,
    OriginalMessageId,
    OriginalBatchId,
    MessageId,
    StatementId,
    Status,
    Reason,
    ReasonText,
    Amount,
    Currency,
    Direction,
    Reversal,
    Kind,
    Payments,
    Account,
    Name,
    Date,
    ProviderReference,
    OriginalCount,
    OriginalSum,
    DeclaredCount,
    DeclaredSum,
    Balance,
    CaseId,
    StatementAccount,
    PayeeId,
}

impl AnswerField {
    pub const ALL: [(&'static str, AnswerField); 27] = [
        ("end_to_end_id", AnswerField::EndToEndId),
        ("instruction_id", AnswerField::InstructionId),
        ("original_message_id", AnswerField::OriginalMessageId),
        ("original_batch_id", AnswerField::OriginalBatchId),
        ("message_id", AnswerField::MessageId),
        ("statement_id", AnswerField::StatementId),
        ("status", AnswerField::Status),
        ("reason", AnswerField::Reason),
        ("reason_text", AnswerField::ReasonText),
        ("amount", AnswerField::Amount),
        ("currency", AnswerField::Currency),
        ("direction", AnswerField::Direction),
        ("reversal", AnswerField::Reversal),
        ("kind", AnswerField::Kind),
        ("payments", AnswerField::Payments),
        ("account", AnswerField::Account),
        ("name", AnswerField::Name),
        ("date", AnswerField::Date),
        ("provider_reference", AnswerField::ProviderReference),
        ("original_count", AnswerField::OriginalCount),
        ("original_sum", AnswerField::OriginalSum),
        ("declared_count", AnswerField::DeclaredCount),
        ("declared_sum", AnswerField::DeclaredSum),
        ("balance", AnswerField::Balance),
        ("case_id", AnswerField::CaseId),
        ("statement_account", AnswerField::StatementAccount),
        ("payee_id", AnswerField::PayeeId),
    ];

    pub fn parse(word: &str) -> Option<AnswerField> {
        AnswerField::ALL.iter().find(|(known, _)| *known == word).map(|(_, field)| *field)
    }

    pub fn word(self) -> &'static str {
        AnswerField::ALL[self as usize].0
    }
}

/// The texts that were found for one outcome.
#[derive(Clone, Default)]
pub(crate) struct Draft {
    values: [Option<String>; AnswerField::ALL.len()],
    /// A field for which two different values stand in the record.
    ambiguous: Option<AnswerField>,
    /// Reasons besides the one in `values`: an item may have several, and the gravest counts.
    reasons_besides: Vec<String>,
}

/// So many reasons of one item are looked at; more are taken for a doubt.
const REASONS_MAX: usize = 32;

impl Draft {
    pub fn get(&self, field: AnswerField) -> Option<&str> {
        self.values[field as usize].as_deref()
    }

    pub fn set(&mut self, field: AnswerField, value: String) {
        self.values[field as usize] = Some(value);
    }

    pub fn take(&mut self, field: AnswerField) -> Option<String> {
        self.values[field as usize].take()
    }

    pub fn states_two(&mut self, field: AnswerField) {
        self.ambiguous = self.ambiguous.or(Some(field));
    }

    /// One more reason of the same item.
    pub fn reason_besides(&mut self, reason: String) {
        match self.reasons_besides.len() < REASONS_MAX {
            true => self.reasons_besides.push(reason),
            false => self.states_two(AnswerField::Reason),
        }
    }

    /// Takes a field from the level around, a reason with those that stand beside it.
    pub fn inherit(&mut self, field: AnswerField, from: &Draft) {
        if let Some(value) = from.get(field) {
            self.set(field, value.to_owned());
            if field == AnswerField::Reason {
                self.reasons_besides.clone_from(&from.reasons_besides);
            }
        }
    }
}

/// What a definition says about meaning; shared by every kind.
#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
pub(crate) struct MeaningDefinition {
    /// What an amount is in when the answer does not say: a code, or `ordered` for the currency in which
    /// the caller orders.
    pub currency: Option<String>,
    /// Amounts may leave out the zero before the point, as `xs:decimal` allows and banks do: `.5`.
    #[serde(default)]
    pub bare_point: bool,
    /// Accounts are taken for numbers on the way, as spreadsheets do, so that zeros at their beginning are
    /// lost: `71000123456` is the account `0071000123456`.
    #[serde(default)]
    pub account_zeros_dropped: bool,
    /// The partner's reference of a payment may be that of a booking or batch of many, so that two payments
    /// may have the same.
    #[serde(default)]
    pub reference_of_many: bool,
    /// It tells of an account before the statement does: what stands in it stands there again.
    #[serde(default)]
    pub before_statement: bool,
    /// How dates are written; ISO 8601 when absent.
    pub date: Option<String>,
    /// Values that stand for nothing, such as `NOTPROVIDED`.
    #[serde(default)]
    pub absent: Vec<String>,
    /// Fields without which a record cannot be used.
    #[serde(default)]
    pub required: Vec<String>,
    /// Who gives the reason codes.
    pub reason_scheme: Option<String>,
    /// Parts of reason texts, and their class.
    #[serde(default)]
    pub reason_text: BTreeMap<String, String>,
    /// Read in order; the first that holds decides.
    #[serde(default)]
    pub status: Vec<RuleDefinition>,
    /// Records that cannot be taken at their word; the first that holds says why.
    #[serde(default)]
    pub doubt: Vec<DoubtDefinition>,
    /// What an entry of a statement is for, read in the same way.
    #[serde(default)]
    pub entry: Vec<RuleDefinition>,
    /// Which balance of a statement it is.
    #[serde(default)]
    pub balance: Vec<RuleDefinition>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RuleDefinition {
    /// Accepted values by field; `*` is any value and an empty text is no value.
    #[serde(default)]
    pub when: BTreeMap<String, Vec<String>>,
    pub is: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct DoubtDefinition {
    /// As in a rule of a status.
    pub when: BTreeMap<String, Vec<String>>,
    /// What a person is told of the item: `it says …`.
    pub why: String,
}

/// The word for the currency in which the caller orders.
const ORDERED: &str = "ordered";

/// What parts one reason from the next in a text.
const PARTS_OF_REASONS: [char; 4] = [';', '|', '+', '&'];

/// Said of a debit of our account that has such a reason.
const DEBITED_WITH_A_REASON: &str =
    "it is a debit of our account, and gives a reason for which a payment is not made";

/// Said by every format of an item that is paid, and has a reason why a payment is not made.
const PAID_WITH_A_REASON: &str = "it says paid, and gives a reason for which a payment is not made";

pub(crate) struct Meaning {
    currency: Option<Currency>,
    /// Without a currency beside it, an amount is in the one in which the caller orders.
    in_the_ordered: bool,
    bare_point: bool,
    account_zeros_dropped: bool,
    reference_of_many: bool,
    before_statement: bool,
    date: DateShape,
    absent: Vec<String>,
    required: Vec<AnswerField>,
    reason_scheme: Option<ReasonScheme>,
    /// Longest text first: the most particular one decides.
    reason_texts: Vec<(String, ReasonClass)>,
    rules: Vec<Rule<OutcomeStatus>>,
    doubts: Vec<Rule<String>>,
    entries: Vec<Rule<EntryKind>>,
    balances: Vec<Rule<BalanceKind>>,
}

struct Rule<T> {
    when: Conditions,
    is: T,
}

impl<T: Clone> Rule<T> {
    fn compile(
        definitions: &[RuleDefinition],
        (place, noun): (&str, &str),
        words: &[(&str, T)],
        faults: &mut Vec<Diagnostic>,
    ) -> Vec<Rule<T>> {
        let mut rules = Vec::new();
        for (at, rule) in definitions.iter().enumerate() {
            let place = format!("{place}[{at}]");
            let when = conditions(&rule.when, &place, faults);
            match words.iter().find(|(word, _)| *word == rule.is) {
                Some((_, is)) => rules.push(Rule { when, is: is.clone() }),
                None => {
                    let message = format!("`{}` is not {noun}", rule.is);
                    faults.push(Diagnostic::error(place, message));
                }
            }
        }
        rules
    }

    /// What the first rule that holds says.
    fn first(rules: &[Rule<T>], draft: &Draft) -> Option<T> {
        let holds = |rule: &&Rule<T>| {
            rule.when.iter().all(|(field, values)| match draft.get(*field) {
                None | Some("") => values.iter().any(String::is_empty),
                Some(text) => {
                    let folded = fold(text);
                    values.iter().any(|value| value == "*" || *value == folded)
                }
            })
        };
        rules.iter().find(holds).map(|rule| rule.is.clone())
    }
}

type Conditions = Vec<(AnswerField, Vec<String>)>;

fn conditions(
    when: &BTreeMap<String, Vec<String>>,
    place: &str,
    faults: &mut Vec<Diagnostic>,
) -> Conditions {
    let mut conditions = Vec::new();
    for (word, values) in when {
        match AnswerField::parse(word) {
            Some(field) => {
                conditions.push((field, values.iter().map(|value| fold(value)).collect()));
            }
            None => faults.push(Diagnostic::error(place, format!("`{word}` is not a field"))),
        }
    }
    conditions
}

impl Meaning {
    pub fn compile(definition: &MeaningDefinition, faults: &mut Vec<Diagnostic>) -> Meaning {
        let mut fault =
            |place: &str, message: String| faults.push(Diagnostic::error(place, message));
        let in_the_ordered = definition.currency.as_deref() == Some(ORDERED);
        let written = definition.currency.as_deref().filter(|code| *code != ORDERED);
        let currency = written.and_then(|code| {
            let currency = Currency::parse(code);
            if currency.is_none() {
                fault("meaning.currency", format!("`{code}` is not ISO 4217"));
            }
            currency
        });
        let date = match definition.date.as_deref().map(DateShape::parse) {
            None => DateShape::YearMonthDay,
            Some(Some(shape)) => shape,
            Some(None) => {
                fault("meaning.date", "not a known order of a date".into());
                DateShape::YearMonthDay
            }
        };
        let reason_scheme = definition.reason_scheme.as_deref().and_then(|word| {
            let scheme = ReasonScheme::parse(word);
            if scheme.is_none() {
                fault("meaning.reason_scheme", format!("there is no scheme `{word}`"));
            }
            scheme
        });
        let mut required = Vec::new();
        for word in &definition.required {
            match AnswerField::parse(word) {
                Some(field) => required.push(field),
                None => fault("meaning.required", format!("`{word}` is not a field")),
            }
        }
        let mut reason_texts = Vec::new();
        for (text, class) in &definition.reason_text {
            if text.trim().is_empty() || text.contains(PARTS_OF_REASONS) {
                let message = format!("`{text}` is empty, or has a mark that parts reasons");
                fault("meaning.reason_text", message);
            }
            match ReasonClass::parse(class) {
                Some(class) => reason_texts.push((fold(text), class)),
                None => fault("meaning.reason_text", format!("`{class}` is not a class")),
            }
        }
        reason_texts.sort_by_key(|(text, _)| std::cmp::Reverse(text.len()));
        let rules = Rule::compile(
            &definition.status,
            ("meaning.status", "an outcome"),
            &OutcomeStatus::WORDS,
            faults,
        );
        let mut doubts = Vec::new();
        for (at, doubt) in definition.doubt.iter().enumerate() {
            let place = format!("meaning.doubt[{at}]");
            let when = conditions(&doubt.when, &place, faults);
            if when.is_empty() || doubt.why.trim().is_empty() {
                let message = "a doubt says when it holds, and why".to_owned();
                faults.push(Diagnostic::error(place, message));
            }
            doubts.push(Rule { when, is: doubt.why.clone() });
        }
        let entries = Rule::compile(
            &definition.entry,
            ("meaning.entry", "a kind of entry"),
            &EntryKind::WORDS,
            faults,
        );
        let balances = Rule::compile(
            &definition.balance,
            ("meaning.balance", "a balance"),
            &BalanceKind::WORDS,
            faults,
        );
        if rules.is_empty() {
            let message = "an answer without status rules says nothing".to_owned();
            faults.push(Diagnostic::error("meaning.status", message));
        }
        let absent = definition.absent.iter().map(|value| fold(value)).collect();
        let bare_point = definition.bare_point;
        Meaning {
            currency,
            in_the_ordered,
            bare_point,
            account_zeros_dropped: definition.account_zeros_dropped,
            reference_of_many: definition.reference_of_many,
            before_statement: definition.before_statement,
            date,
            absent,
            required,
            reason_scheme,
            reason_texts,
            rules,
            doubts,
            entries,
            balances,
        }
    }

    /// Says in which currency the caller orders.
    pub fn ordered_in(&mut self, currency: Currency) {
        if self.in_the_ordered {
            self.currency = Some(currency);
        }
    }

    pub fn drops_account_zeros(&self) -> bool {
        self.account_zeros_dropped
    }

    pub fn refers_to_many(&self) -> bool {
        self.reference_of_many
    }

    pub fn is_before_statement(&self) -> bool {
        self.before_statement
    }

    pub fn required(&self) -> &[AnswerField] {
        &self.required
    }

    pub fn answers_recalls(&self) -> bool {
        self.rules.iter().any(|rule| rule.is.answers_recall())
    }

    /// The outcome of a record, or the field and rule for which the answer is refused.
    pub fn outcome(
        &self,
        mut draft: Draft,
        scope: Scope,
        place: Place,
    ) -> Result<Outcome, ReadError> {
        for (value, (_, field)) in draft.values.iter_mut().zip(AnswerField::ALL) {
            let nothing =
                value.as_deref().is_some_and(|text| text.is_empty() || self.is_absent(text));
            if nothing && field != AnswerField::Status {
                *value = None;
            }
        }
        draft.reasons_besides.retain(|reason| !reason.is_empty() && !self.is_absent(reason));
        if draft.get(AnswerField::Reason).is_none() && !draft.reasons_besides.is_empty() {
            let first = draft.reasons_besides.remove(0);
            draft.set(AnswerField::Reason, first);
        }
        let refuse = |field: AnswerField, rule| ReadError {
            rule,
            place: Place { field: Some(field.word().to_owned()), ..place.clone() },
        };
        if let Some(field) = self.required.iter().find(|field| draft.get(**field).is_none()) {
            return Err(refuse(*field, ReadRule::FieldMustBeThere));
        }
        let amount = match draft.get(AnswerField::Amount) {
            None => None,
            Some(text) => {
                let currency = self
                    .amount_currency(&draft)
                    .ok_or_else(|| refuse(AnswerField::Currency, ReadRule::CurrencyMustBeKnown))?;
                let minor = self
                    .parse_amount(text, currency)
                    .map_err(|rule| refuse(AnswerField::Amount, ReadRule::Amount(rule)))?;
                Some((minor, currency))
            }
        };
        let date = match draft.get(AnswerField::Date) {
            None => None,
            Some(text) => Some(
                parse_date(text, self.date)
                    .ok_or_else(|| refuse(AnswerField::Date, ReadRule::DateMustExist))?,
            ),
        };
        let direction =
            match draft.get(AnswerField::Direction) {
                None => None,
                Some(code) => Some(Direction::parse(code).ok_or_else(|| {
                    refuse(AnswerField::Direction, ReadRule::DirectionMustBeKnown)
                })?),
            };
        let count = |field: AnswerField| match draft.get(field) {
            None => Ok(None),
            Some(text) => match parse_count(text) {
                Some(count) => Ok(Some(count)),
                None => Err(refuse(field, ReadRule::CountMustBeDigits)),
            },
        };
        let payments = count(AnswerField::Payments)?;
        let original_count = count(AnswerField::OriginalCount)?;
        let status = self.status(&draft);
        self.put_the_gravest_reason_first(&mut draft);
        Ok(Outcome {
            scope,
            doubt: self.doubt(&draft, &status),
            status,
            reason_class: self.reason_class(&draft),
            end_to_end_id: draft.take(AnswerField::EndToEndId),
            instruction_id: draft.take(AnswerField::InstructionId),
            original_message_id: draft.take(AnswerField::OriginalMessageId),
            original_batch_id: draft.take(AnswerField::OriginalBatchId),
            statement_id: draft.take(AnswerField::StatementId),
            statement_account: draft.take(AnswerField::StatementAccount),
            reason: draft.take(AnswerField::Reason),
            reason_text: draft.take(AnswerField::ReasonText),
            amount,
            direction,
            payments,
            account: draft.take(AnswerField::Account),
            name: draft.take(AnswerField::Name),
            payee_id: draft.take(AnswerField::PayeeId),
            date,
            provider_reference: draft.take(AnswerField::ProviderReference),
            original_count,
            original_sum: draft.take(AnswerField::OriginalSum),
            case_id: draft.take(AnswerField::CaseId),
            place,
        })
    }

    /// The currency of a record's amount; None when it is neither said nor known.
    pub fn amount_currency(&self, draft: &Draft) -> Option<Currency> {
        match draft.get(AnswerField::Currency) {
            Some(code) => Currency::parse(code),
            None => self.currency,
        }
    }

    pub fn parse_amount(&self, text: &str, currency: Currency) -> Result<i64, AmountError> {
        match text.strip_prefix('.') {
            Some(decimals) if self.bare_point => parse_minor(&format!("0.{decimals}"), currency),
            _ => parse_minor(text, currency),
        }
    }

    fn is_absent(&self, text: &str) -> bool {
        !self.absent.is_empty() && self.absent.contains(&fold(text))
    }

    fn status(&self, draft: &Draft) -> OutcomeStatus {
        Rule::first(&self.rules, draft).unwrap_or_else(|| {
            let word = draft.get(AnswerField::Status).unwrap_or("");
            OutcomeStatus::Unrecognised(word.chars().take(64).collect())
        })
    }

    /// Why a record cannot be taken at its word.
    fn doubt(&self, draft: &Draft, status: &OutcomeStatus) -> Option<String> {
        if let Some(field) = draft.ambiguous {
            return Some(format!("it states two different values of `{}`", field.word()));
        }
        let contradicts = || {
            let sentence = match (status, draft.get(AnswerField::Direction)) {
                (OutcomeStatus::Credited, _) => PAID_WITH_A_REASON,
                (OutcomeStatus::Booked, Some("DBIT")) => DEBITED_WITH_A_REASON,
                _ => return None,
            };
            self.gives_a_reason_against(draft).then(|| sentence.to_owned())
        };
        Rule::first(&self.doubts, draft).or_else(contradicts)
    }

    /// Whether a reason is known, and is one for which a payment is not made. Remarks of people and codes
    /// that only explain are none.
    fn gives_a_reason_against(&self, draft: &Draft) -> bool {
        let first = draft.get(AnswerField::Reason).into_iter();
        first.chain(draft.reasons_besides.iter().map(String::as_str)).any(|reason| {
            let of_scheme = self.reason_scheme.map(|scheme| reason_class(scheme, reason));
            self.by_text(reason).is_some_and(|class| class != ReasonClass::NotApplicable)
                || of_scheme.is_some_and(|class| {
                    !matches!(class, ReasonClass::Review | ReasonClass::NotApplicable)
                })
        })
    }

    /// Of several reasons the one that asks for the most care is the reason of the item.
    fn put_the_gravest_reason_first(&self, draft: &mut Draft) {
        for at in 0..draft.reasons_besides.len() {
            let Some(first) = draft.get(AnswerField::Reason).map(str::to_owned) else { return };
            let other = &draft.reasons_besides[at];
            if self.class_of(other).gravity() > self.class_of(&first).gravity() {
                let other = std::mem::replace(&mut draft.reasons_besides[at], first);
                draft.set(AnswerField::Reason, other);
            }
        }
    }

    fn class_of(&self, reason: &str) -> ReasonClass {
        self.by_text(reason)
            .or_else(|| self.reason_scheme.map(|scheme| reason_class(scheme, reason)))
            .unwrap_or(ReasonClass::Review)
    }

    /// One part of a statement, or the field and rule for which the statement is refused.
    pub fn part(
        &self,
        word: PartWord,
        mut draft: Draft,
        place: Place,
    ) -> Result<StatementPart, ReadError> {
        let kind = Rule::first(&self.entries, &draft).unwrap_or(EntryKind::Payment);
        let balance = Rule::first(&self.balances, &draft).unwrap_or(BalanceKind::Other);
        let is_reversal = matches!(draft.get(AnswerField::Reversal), Some("true" | "1"));
        if word == PartWord::Statement {
            return Ok(StatementPart::Statement {
                id: draft.take(AnswerField::StatementId),
                account: draft.take(AnswerField::Account),
                place,
            });
        }
        let scope = match word {
            PartWord::Detail => Scope::Payment,
            _ => Scope::Batch,
        };
        let outcome = self.outcome(draft, scope, place)?;
        let missing = |field: AnswerField| ReadError {
            rule: ReadRule::FieldMustBeThere,
            place: Place { field: Some(field.word().to_owned()), ..outcome.place.clone() },
        };
        // What has no amount or no side cannot be added up; a detail may leave its amount to its entry.
        if word != PartWord::Detail && outcome.amount.is_none() {
            return Err(missing(AnswerField::Amount));
        }
        if word != PartWord::Detail && outcome.direction.is_none() {
            return Err(missing(AnswerField::Direction));
        }
        let booking = Booking { kind, is_reversal, outcome };
        Ok(match word {
            PartWord::Balance => StatementPart::Balance(balance, booking.outcome),
            PartWord::Detail => StatementPart::Detail(booking),
            PartWord::Entry | PartWord::Statement => StatementPart::Entry(booking),
        })
    }

    /// The gravest class of the known texts in a text; none where it has none of them. What stands between marks
    /// that part reasons, and has none, is for a person to look at.
    fn by_text(&self, text: &str) -> Option<ReasonClass> {
        let folded = fold(text);
        let parts = folded.split(PARTS_OF_REASONS).map(str::trim).filter(|part| !part.is_empty());
        let classes: Vec<Option<ReasonClass>> = parts.map(|part| self.of_part(part)).collect();
        if classes.iter().all(Option::is_none) {
            return None;
        }
        let classes = classes.into_iter().map(|class| class.unwrap_or(ReasonClass::Review));
        classes.max_by_key(|class| class.gravity())
    }

    /// A text that stands within a longer one that is known as well counts for nothing.
    fn of_part(&self, part: &str) -> Option<ReasonClass> {
        let mut taken: Vec<(usize, usize)> = Vec::new();
        let mut gravest: Option<ReasonClass> = None;
        for (known, class) in &self.reason_texts {
            for (at, found) in part.match_indices(known.as_str()) {
                let end = at + found.len();
                if taken.iter().any(|(from, to)| *from <= at && end <= *to) {
                    continue;
                }
                taken.push((at, end));
                gravest = Some(match gravest {
                    Some(held) if held.gravity() >= class.gravity() => held,
                    _ => *class,
                });
            }
        }
        gravest
    }

    fn reason_class(&self, draft: &Draft) -> Option<ReasonClass> {
        // A text alone explains; it is a reason only when the definition knows it.
        let explained = draft.get(AnswerField::ReasonText).and_then(|text| self.by_text(text));
        let given = draft.get(AnswerField::Reason).map(|reason| self.class_of(reason));
        [given, explained].into_iter().flatten().max_by_key(|class| class.gravity())
    }
}

/// How words of people are compared: without marks, case and extra spaces.
pub(crate) fn fold(text: &str) -> String {
    let plain = strip_vietnamese_marks(text).to_uppercase();
    plain.split_whitespace().collect::<Vec<_>>().join(" ")
}

pub(crate) fn parse_count(text: &str) -> Option<u64> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if digits { text.parse().ok() } else { None }
}

/// A day that exists, in one order only. A time after it is not read.
pub(crate) fn parse_date(text: &str, shape: DateShape) -> Option<Date> {
    let (positions, length, mark) = match shape {
        DateShape::YearMonthDay => ((0, 5, 8), 10, Some('-')),
        DateShape::DayMonthYearSlash => ((6, 3, 0), 10, Some('/')),
        DateShape::DayMonthYearHyphen => ((6, 3, 0), 10, Some('-')),
        DateShape::Digits => ((0, 4, 6), 8, None),
    };
    let (day_text, rest) = text.split_at_checked(length)?;
    let timed = rest.is_empty()
        || (rest.starts_with(['T', ' ', 'Z', '+', '-'])
            && rest.bytes().skip(1).all(|byte| {
                byte.is_ascii_digit() || matches!(byte, b':' | b'.' | b'+' | b'-' | b'Z')
            }));
    if !timed {
        return None;
    }
    let number = |start: usize, width: usize| -> Option<i16> {
        let part = day_text.get(start..start + width)?;
        if part.bytes().all(|byte| byte.is_ascii_digit()) { part.parse().ok() } else { None }
    };
    let marked = |at: usize| mark.is_none_or(|mark| day_text[..].chars().nth(at) == Some(mark));
    let marks = match shape {
        DateShape::YearMonthDay => [4, 7],
        _ => [2, 5],
    };
    if !marks.into_iter().all(marked) {
        return None;
    }
    let (year, month, day) = positions;
    Date::new(number(year, 4)?, number(month, 2)? as i8, number(day, 2)? as i8).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_stand_in_their_order() {
        for (at, (word, field)) in AnswerField::ALL.iter().enumerate() {
            assert_eq!(*field as usize, at, "{word}");
        }
    }

    #[test]
    fn dates_are_days_that_exist_in_one_order() {
        use DateShape::*;
        for (text, shape, expected) in [
            ("2026-11-20", YearMonthDay, Some("2026-11-20")),
            ("2026-11-20T09:30:00.123+07:00", YearMonthDay, Some("2026-11-20")),
            ("2026-11-20Z", YearMonthDay, Some("2026-11-20")),
            ("2026-02-29", YearMonthDay, None),
            ("2026-13-01", YearMonthDay, None),
            ("20261120", YearMonthDay, None),
            ("2026-11-2", YearMonthDay, None),
            ("2026-11-20x", YearMonthDay, None),
            ("２０２６-11-20", YearMonthDay, None),
            ("2026/11/20", YearMonthDay, None),
            ("20/11/2026", DayMonthYearSlash, Some("2026-11-20")),
            ("20/11/2026 09:30", DayMonthYearSlash, Some("2026-11-20")),
            ("31/04/2026", DayMonthYearSlash, None),
            ("20261120", Digits, Some("2026-11-20")),
            ("", Digits, None),
        ] {
            let read = parse_date(text, shape).map(|date| date.to_string());
            assert_eq!(read.as_deref(), expected, "{text}");
        }
    }
}
