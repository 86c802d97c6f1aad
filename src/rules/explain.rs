//! Says in Vietnamese or English what an evaluation went through.
//!
//! Reads: the steps of a traced evaluation. Gives: sentences with figures, rates and citations.
//! Nothing is computed again here: every number shown is one that the evaluation had.

use std::collections::HashMap;

use crate::domain::money::{Currency, Money};
use crate::domain::period::Period;
use crate::rules::evaluate::{Amount, Held, Step, Verdict};
use crate::rules::exact::Exact;
use crate::rules::expression::{Node, NodeId};
use crate::rules::law::LawBook;
use crate::rules::pack::{ClauseId, ClauseKind, ClauseRole, Pack};
use crate::rules::question::DobPrecision;
use crate::rules::rate::Bilingual;
use crate::rules::syntax::Operator;
use crate::rules::value::{Input, Type, Value};

/// The languages that officers and auditors read.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Language {
    Vietnamese,
    English,
}

impl Language {
    pub fn pick(self, text: &Bilingual) -> &str {
        match self {
            Language::Vietnamese => &text.vi,
            Language::English => &text.en,
        }
    }

    fn of<'t>(self, vi: &'t str, en: &'t str) -> &'t str {
        match self {
            Language::Vietnamese => vi,
            Language::English => en,
        }
    }
}

/// `540.000` in Vietnamese, `540,000` in English; decimals after `,` or `.`.
pub fn number(text: &str, language: Language) -> String {
    let (group, point) = match language {
        Language::Vietnamese => ('.', ','),
        Language::English => (',', '.'),
    };
    let (sign, plain) = match text.strip_prefix('-') {
        Some(plain) => ("−", plain),
        None => ("", text),
    };
    let (whole, fraction) = plain.split_once('.').unwrap_or((plain, ""));
    let mut grouped = String::new();
    for (at, digit) in whole.chars().enumerate() {
        if at > 0 && (whole.len() - at) % 3 == 0 {
            grouped.push(group);
        }
        grouped.push(digit);
    }
    match fraction {
        "" => format!("{sign}{grouped}"),
        _ => format!("{sign}{grouped}{point}{fraction}"),
    }
}

/// `810.000 đồng`, `810,000 VND`; other currencies by their code.
pub fn amount(minor: i64, currency: Currency, language: Language) -> String {
    let figure = number(&Money::from_minor(minor, currency).to_string(), language);
    match (currency, language) {
        (Currency::VND, Language::Vietnamese) => format!("{figure} đồng"),
        _ => format!("{figure} {currency}"),
    }
}

/// `tháng 7/2026`, `July 2026`.
pub fn month_name(period: Period, language: Language) -> String {
    const ENGLISH: [&str; 12] = [
        "January",
        "February",
        "March",
        "April",
        "May",
        "June",
        "July",
        "August",
        "September",
        "October",
        "November",
        "December",
    ];
    match language {
        Language::Vietnamese => format!("tháng {}/{}", period.month(), period.year()),
        Language::English => {
            format!("{} {}", ENGLISH[period.month() as usize - 1], period.year())
        }
    }
}

/// The reason and citation of a clause: one sentence.
pub fn clause_sentence(pack: &Pack, clause: ClauseId, language: Language) -> String {
    let clause = pack.clause_at(clause);
    let reason = language.pick(&clause.reason);
    match clause.citation.as_str() {
        "" => reason.to_owned(),
        citation => format!("{} ({citation}).", reason.trim_end_matches('.')),
    }
}

/// How the amount of a clause came about, with the values that were looked at and their sources:
/// one sentence each.
pub fn amount_sentences(
    book: &LawBook<'_>,
    period: Period,
    steps: &[Step<'_>],
    part: &Amount,
    birth: Option<DobPrecision>,
    language: Language,
) -> Vec<String> {
    let pack = book.pack();
    let Amount { clause, amount_minor, .. } = *part;
    let Some(step) = applied(steps, clause) else { return Vec::new() };
    let Some(then) = &pack.clause_at(clause).then else { return Vec::new() };
    let shown = Shown { pack, values: step.values.iter().copied().collect(), language };
    let formula = shown.formula(then.root, Strength::Sum);
    let result = amount(amount_minor, pack.currency(), language);
    let currency = pack.currency();
    let unrounded = match shown.values.get(&then.root) {
        Some(Value::Money(exact)) if *exact != Exact::from_minor(amount_minor, currency) => {
            let rounded = language.of("làm tròn", "rounded to");
            format!(" = {}, {rounded}", number(&exact.to_string(), language))
        }
        _ => " =".to_owned(),
    };
    let mut sentences = Vec::new();
    let mut sources: Vec<String> = Vec::new();
    let mut rates: Vec<String> = Vec::new();
    for rate in shown.rates() {
        if let Some(version) = book.rate_in_force(rate, period) {
            let named = &pack.rates()[rate];
            rates.push(format!(
                "{}: {} – {}{}, {} {}.",
                capital(language.pick(&named.title)),
                shown.value(version.value, None),
                version.citation,
                how_certain(&version.certainty, language),
                language.of("áp dụng từ", "applied from"),
                month_name(version.applied_from, language),
            ));
            if !sources.contains(&version.citation) {
                sources.push(version.citation.clone());
            }
        }
    }
    let plain = matches!(pack.program.node(then.root), Node::Rate(_));
    let cited =
        if sources.is_empty() { String::new() } else { format!(" ({})", sources.join("; ")) };
    sentences.push(match plain {
        true => format!("{result}{cited}."),
        false => format!("{formula}{unrounded} {result}{cited}."),
    });
    sentences.extend(rates);
    let birth_completed = birth.is_some_and(|precision| precision != DobPrecision::Day);
    let facts = facts_looked_at(pack, steps, clause, birth_completed, language);
    if !facts.is_empty() {
        let label = language.of("Căn cứ", "On the facts");
        sentences.push(format!("{label}: {}.", facts.join("; ")));
    }
    sentences
}

/// What a reader must know of a value whose text was not seen; nothing where it was.
fn how_certain(certainty: &str, language: Language) -> &'static str {
    match certainty {
        "B" => language.of(" (theo nguồn thứ cấp)", " (from a secondary source)"),
        "C" => language.of(" (suy ra, chưa thấy văn bản)", " (derived, the text was not seen)"),
        _ => "",
    }
}

/// What a hold asks for: one sentence.
pub fn held_sentence(pack: &Pack, held: &Held, missing: &[Input], language: Language) -> String {
    match held {
        Held::FactMissing(input, clause) => {
            let all = if missing.is_empty() { std::slice::from_ref(input) } else { missing };
            let names: Vec<String> =
                all.iter().map(|input| input_title(pack, *input, language)).collect();
            let cited = &pack.clause_at(*clause).citation;
            // The row has all that is asked now: a month before it was listed without.
            let (vi, en, vi_way, en_way) = match missing.is_empty() {
                false => ("Tạm giữ vì thiếu", "Held because this is missing", "", ""),
                true => (
                    "Tạm giữ vì có tháng trước đã lập danh sách mà còn thiếu",
                    "Held because a month before was listed without this",
                    " Danh sách điều chỉnh của tháng đó, theo quyết định khi ấy, bổ sung thông tin này.",
                    " A correction of that month, under the decision of then, says it.",
                ),
            };
            let (told, way) = (language.of(vi, en), language.of(vi_way, en_way));
            format!("{told}: {} ({cited}).{way}", names.join("; "))
        }
        Held::RulesConflict(failure, clause) => {
            let (vi, en) = (
                "Tạm giữ vì không tính được theo quy định",
                "Held because the clause cannot be worked out",
            );
            let clause = pack.clause_at(*clause);
            format!("{} {} ({}): {failure}.", language.of(vi, en), clause.id, clause.citation)
        }
        Held::AnotherWasPaid(period) => {
            let month = month_name(*period, language);
            match language {
                Language::Vietnamese => format!(
                    "Tạm giữ: {month} đã chi một chế độ khác mà nếu hưởng chế độ này thì phải thôi, và không có dòng nào để trừ."
                ),
                Language::English => format!(
                    "Held: for {month} another benefit was paid that gives way to this one, and no row takes it off."
                ),
            }
        }
        Held::BackAfterAbsence(period) => {
            let month = month_name(*period, language);
            match language {
                Language::Vietnamese => format!(
                    "Tạm giữ: sẽ chi cả {month}, là tháng mà danh sách không có dòng này; cán bộ cho biết các tháng đó có được chi hay không."
                ),
                Language::English => format!(
                    "Held: it would be paid for {month} too, when the roster did not have it; an officer says whether those months are owed."
                ),
            }
        }
        Held::LawNotCovered(period) => {
            let month = month_name(*period, language);
            match language {
                Language::Vietnamese => format!("Tạm giữ: gói quy định không có luật của {month}."),
                Language::English => format!("Held: the pack does not have the law of {month}."),
            }
        }
    }
}

/// The step in which a clause decided.
fn applied<'s, 'a>(steps: &'s [Step<'a>], clause: ClauseId) -> Option<&'s Step<'a>> {
    steps.iter().rev().find(|step| step.clause == clause && step.verdict == Verdict::Applies)
}

/// The facts and definitions that the amount clauses read until one applied, each once with its
/// value: what made the earlier clauses not apply is as much a reason as what made this one.
fn facts_looked_at(
    pack: &Pack,
    steps: &[Step<'_>],
    clause: ClauseId,
    birth_completed: bool,
    language: Language,
) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    let tried = |step: &&Step<'_>| {
        pack.clause_at(step.clause).role == ClauseRole::Decides(ClauseKind::Amount)
    };
    let component = pack.clause_at(clause).component;
    for step in steps.iter().filter(tried) {
        if pack.clause_at(step.clause).component != component {
            continue;
        }
        let shown = Shown { pack, values: HashMap::new(), language };
        for (node, value) in &step.values {
            let (title, input) = match pack.program.node(*node) {
                Node::Input(Input::Period) => continue,
                Node::Input(input) => (input_title(pack, *input, language), Some(*input)),
                Node::Definition(index, _) => {
                    let definition = &pack.definitions[usize::from(*index)];
                    (language.pick(&definition.title).to_owned(), None)
                }
                _ => continue,
            };
            let mut entry = format!("{title}: {}", shown.value(*value, input));
            if input == Some(Input::DateOfBirth) && birth_completed {
                entry = format!("{entry} ({})", pack.incomplete_birth_citation);
            }
            if !found.contains(&entry) {
                found.push(entry);
            }
        }
        if step.clause == clause && step.verdict == Verdict::Applies {
            break;
        }
    }
    found
}

fn input_title(pack: &Pack, input: Input, language: Language) -> String {
    let (vi, en) = match input {
        Input::DateOfBirth => ("ngày sinh", "date of birth"),
        Input::Sex => ("giới tính", "sex"),
        Input::DateOfDeath => ("ngày chết", "date of death"),
        Input::DecisionDate => ("ngày quyết định", "date of the decision"),
        Input::EntitledFrom => ("hưởng từ ngày", "entitled from"),
        Input::EntitledTo => ("hưởng đến ngày", "entitled to"),
        Input::Period => ("tháng", "month"),
        Input::Fact(index) => {
            let column = &pack.facts[usize::from(index)];
            return language.pick(&column.title).to_owned();
        }
    };
    language.of(vi, en).to_owned()
}

/// How strongly an expression holds together, to know where parentheses are needed.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Strength {
    Sum,
    Product,
}

struct Shown<'s, 'a> {
    pack: &'s Pack,
    values: HashMap<NodeId, Value<'a>>,
    language: Language,
}

impl Shown<'_, '_> {
    /// The arithmetic with the values that were used: `540.000 × 1,5`.
    fn formula(&self, id: NodeId, within: Strength) -> String {
        match self.pack.program.node(id) {
            Node::Arithmetic(operator, left, right) => {
                let (symbol, strength) = match operator {
                    Operator::Multiply => ("×", Strength::Product),
                    Operator::Subtract => ("−", Strength::Sum),
                    _ => ("+", Strength::Sum),
                };
                let text = format!(
                    "{} {symbol} {}",
                    self.formula(*left, strength),
                    // The right side of a subtraction needs parentheses where a sum does.
                    self.formula(*right, Strength::Product.min(strength_right(*operator)))
                );
                if strength < within { format!("({text})") } else { text }
            }
            Node::Negate(inner) => format!("−{}", self.formula(*inner, Strength::Product)),
            Node::Widen(inner) => self.formula(*inner, within),
            // Only the branch that was taken has a value when the condition is known.
            Node::If(condition, then, otherwise) => match self.values.get(condition) {
                Some(Value::Bool(true)) => self.formula(*then, within),
                Some(Value::Bool(false)) => self.formula(*otherwise, within),
                _ => self.known(id),
            },
            Node::Least(all) => {
                self.among(all, self.language.of("số nhỏ nhất của", "the least of"))
            }
            Node::Greatest(all) => {
                self.among(all, self.language.of("số lớn nhất của", "the greatest of"))
            }
            _ => self.known(id),
        }
    }

    fn among(&self, all: &[NodeId], words: &str) -> String {
        let parts: Vec<String> = all.iter().map(|id| self.formula(*id, Strength::Sum)).collect();
        format!("{words} ({})", parts.join("; "))
    }

    fn known(&self, id: NodeId) -> String {
        match self.values.get(&id) {
            Some(Value::Money(exact)) => number(&exact.to_string(), self.language),
            Some(value) => self.value(*value, None),
            None => "?".to_owned(),
        }
    }

    /// The rates that were read, in the order in which they were.
    fn rates(&self) -> Vec<usize> {
        let mut found: Vec<(NodeId, usize)> = self
            .values
            .keys()
            .filter_map(|id| match self.pack.program.node(*id) {
                Node::Rate(rate) => Some((*id, usize::from(*rate))),
                _ => None,
            })
            .collect();
        found.sort_by_key(|(id, _)| id.0);
        let mut rates: Vec<usize> = Vec::new();
        for (_, rate) in found {
            if !rates.contains(&rate) {
                rates.push(rate);
            }
        }
        rates
    }

    fn value(&self, value: Value<'_>, input: Option<Input>) -> String {
        let language = self.language;
        match value {
            Value::Unknown(_) => language.of("chưa rõ", "not known").to_owned(),
            Value::Bool(true) => language.of("có", "yes").to_owned(),
            Value::Bool(false) => language.of("không", "no").to_owned(),
            Value::Int(int) => number(&int.to_string(), language),
            Value::Decimal(exact) => number(&exact.to_string(), language),
            Value::Money(exact) => {
                let figure = number(&exact.to_string(), language);
                match (self.pack.currency(), language) {
                    (Currency::VND, Language::Vietnamese) => format!("{figure} đồng"),
                    (currency, _) => format!("{figure} {currency}"),
                }
            }
            Value::Date(date) => match language {
                Language::Vietnamese => {
                    format!("{:02}/{:02}/{:04}", date.day(), date.month(), date.year())
                }
                Language::English => date.to_string(),
            },
            Value::Period(period) => month_name(period, language),
            Value::Enum(at) => self.choice(at, input),
            Value::Text(text) => text.to_owned(),
        }
    }

    fn choice(&self, at: u16, input: Option<Input>) -> String {
        match input {
            Some(Input::Sex) => match at {
                0 => self.language.of("nữ", "female").to_owned(),
                _ => self.language.of("nam", "male").to_owned(),
            },
            Some(Input::Fact(fact)) => {
                let column = &self.pack.facts[usize::from(fact)];
                match (column.kind, column.values.get(usize::from(at))) {
                    (Type::Enum(_), Some(choice)) => self.language.pick(&choice.title).to_owned(),
                    _ => at.to_string(),
                }
            }
            _ => at.to_string(),
        }
    }
}

/// What the right operand must hold together at least as strongly as.
fn strength_right(operator: Operator) -> Strength {
    match operator {
        Operator::Add => Strength::Sum,
        _ => Strength::Product,
    }
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    match letters.next() {
        Some(first) => first.to_uppercase().chain(letters).collect(),
        None => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped_as_each_language_reads_them() {
        for (text, vi, en) in [
            ("0", "0", "0"),
            ("999", "999", "999"),
            ("540000", "540.000", "540,000"),
            ("1.5", "1,5", "1.5"),
            ("-12345678.25", "−12.345.678,25", "−12,345,678.25"),
        ] {
            assert_eq!(number(text, Language::Vietnamese), vi);
            assert_eq!(number(text, Language::English), en);
        }
        assert_eq!(amount(810_000, Currency::VND, Language::Vietnamese), "810.000 đồng");
        assert_eq!(amount(810_000, Currency::VND, Language::English), "810,000 VND");
    }
}
