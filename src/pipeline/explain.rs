//! Answers "why did this person get this": the same evaluation again, with tracing on.
//!
//! Reads: the law, the cycle, the person, and the line or outcome to explain. Gives: paragraphs
//! that cite article and rate. What does not come out as the line says is an error: an explanation
//! never rewrites what was decided.

use crate::domain::period::Period;
use crate::pipeline::entitle::{Cycle, Line, LineKind, Outcome, entitle, listed_for};
use crate::rules::evaluate::{self, Month, Standing, Trace, Window};
use crate::rules::explain::{
    Language, amount, amount_sentences, clause_sentence, held_sentence, month_name,
};
use crate::rules::law::LawBook;
use crate::rules::pack::{BenefitKind, ClauseKind, ClauseRole};
use crate::rules::question::{EnrolmentCase, PersonCase};

/// The line cannot be explained.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum ExplainError {
    #[error("the person has no enrolment at the line's position")]
    EnrolmentMustExist,
    #[error(
        "the same question does not give this line again: the facts, the history or the law differ from those it was made from"
    )]
    LineMustComeOutAgain,
}

/// Why a line is what it is. The person, history and law must be those the line was made from.
pub fn explain(
    book: &LawBook<'_>,
    cycle: &Cycle,
    person: &PersonCase<'_>,
    line: &Line,
    language: Language,
) -> Result<String, ExplainError> {
    let enrolment = person
        .enrolments
        .get(usize::from(line.enrolment))
        .ok_or(ExplainError::EnrolmentMustExist)?;
    if !entitle(book, cycle, person).lines.contains(line) {
        return Err(ExplainError::LineMustComeOutAgain);
    }
    let enrolment = &listed_for(book, cycle, person, enrolment, line.period);
    let pack = book.pack();
    let mut paragraphs = vec![heading(book, line, language)];
    let mut trace = Trace::default();
    let standing = evaluate::window(book, person, enrolment, &mut trace);
    if let Standing::Within(window) = standing {
        paragraphs.push(start_sentence(book, &window, language));
    }
    let owed = match standing {
        Standing::Within(window) => {
            match evaluate::month(book, person, enrolment, &window, line.law_of, &mut trace) {
                Month::Entitled(amounts) => amounts.of(line.component).copied(),
                Month::Nil(_) | Month::Held(_) => None,
            }
        }
        Standing::Nil(_) | Standing::Held(_) => None,
    };
    // A rule across enrolments may have taken away what the enrolment alone would give.
    let role = pack.clause_at(line.clause).role;
    let owed = owed.filter(|_| role == ClauseRole::Decides(ClauseKind::Amount));
    paragraphs.push(clause_sentence(pack, line.clause, language));
    let owed_minor = match owed {
        Some(part) => {
            let sentences = amount_sentences(
                book,
                line.law_of,
                &trace.steps,
                &part,
                person.date_of_birth.map(|(_, precision)| precision),
                language,
            );
            paragraphs.extend(sentences);
            part.amount_minor
        }
        None => 0,
    };
    if let Some(sentence) = difference_sentence(book, enrolment, line, owed_minor, language) {
        paragraphs.push(sentence);
    }
    Ok(paragraphs.join("\n"))
}

/// Why an enrolment left the stage as it did.
pub fn explain_outcome(
    book: &LawBook<'_>,
    cycle: &Cycle,
    enrolment: &EnrolmentCase<'_>,
    outcome: &Outcome,
    language: Language,
) -> String {
    let pack = book.pack();
    let benefit = language.pick(&pack.benefit_at(enrolment.benefit).title);
    let month = month_name(cycle.period, language);
    let why = match outcome {
        Outcome::Entitled => match (language, paid_elsewhere(cycle, enrolment)) {
            (Language::Vietnamese, None) => "Được hưởng.".to_owned(),
            (Language::English, None) => "Entitled.".to_owned(),
            (Language::Vietnamese, Some(through)) => format!(
                "Được hưởng; nơi chi trả trước đã chi đến hết {}, nên kỳ này không chi.",
                month_name(through, language)
            ),
            (Language::English, Some(through)) => format!(
                "Entitled; who paid before has paid through {}, so nothing is paid for this month.",
                month_name(through, language)
            ),
        },
        Outcome::Nil(clause) => {
            let sentence = clause_sentence(pack, *clause, language);
            match (language, pack.clause_at(*clause).role) {
                (Language::Vietnamese, ClauseRole::Decides(ClauseKind::Start)) => {
                    format!("Không phát sinh trong tháng này. {sentence}")
                }
                (Language::English, ClauseRole::Decides(ClauseKind::Start)) => {
                    format!("Not owed for this month. {sentence}")
                }
                (Language::Vietnamese, _) => format!("Không được hưởng. {sentence}"),
                (Language::English, _) => format!("Nothing is owed. {sentence}"),
            }
        }
        Outcome::Held { held, missing } => held_sentence(pack, held, missing, language),
    };
    format!("{benefit}, {month}: {why}")
}

/// Through which month somebody else has paid, when that reaches the cycle's.
fn paid_elsewhere(cycle: &Cycle, enrolment: &EnrolmentCase<'_>) -> Option<Period> {
    enrolment.paid_through.filter(|through| *through >= cycle.period)
}

fn heading(book: &LawBook<'_>, line: &Line, language: Language) -> String {
    let pack = book.pack();
    let benefit = language.pick(&pack.benefit_at(line.benefit).title);
    let component = language.pick(&pack.component_at(line.component).title);
    let kind = match (line.kind, language) {
        (LineKind::Regular, Language::Vietnamese) => "chi thường kỳ",
        (LineKind::Regular, Language::English) => "regular",
        (LineKind::Arrears, Language::Vietnamese) => "truy lĩnh",
        (LineKind::Arrears, Language::English) => "arrears",
        (LineKind::OneOff, Language::Vietnamese) => "chi một lần",
        (LineKind::OneOff, Language::English) => "one-off",
        (LineKind::Recovery, Language::Vietnamese) => "thu hồi",
        (LineKind::Recovery, Language::English) => "recovery",
    };
    let month = month_name(line.period, language);
    let figure = amount(line.amount_minor, pack.currency(), language);
    format!("{benefit} – {component}, {month}, {kind}: {figure}")
}

fn start_sentence(book: &LawBook<'_>, window: &Window, language: Language) -> String {
    let sentence = clause_sentence(book.pack(), window.start_clause, language);
    let month = month_name(window.start, language);
    let one_off = matches!(
        book.pack().benefits().iter().find(|b| b.starts.contains(&window.start_clause)),
        Some(benefit) if benefit.kind == BenefitKind::OneOff
    );
    match (language, one_off) {
        (Language::Vietnamese, false) => format!("Hưởng từ {month}. {sentence}"),
        (Language::Vietnamese, true) => format!("Tính cho {month}. {sentence}"),
        (Language::English, false) => format!("Paid from {month}. {sentence}"),
        (Language::English, true) => format!("Owed for {month}. {sentence}"),
    }
}

/// What was determined before, and the subtraction, when there was anything to subtract.
fn difference_sentence(
    book: &LawBook<'_>,
    enrolment: &EnrolmentCase<'_>,
    line: &Line,
    owed_minor: i64,
    language: Language,
) -> Option<String> {
    if line.revision == 0 {
        return None;
    }
    let determined = enrolment
        .history
        .iter()
        .filter(|entry| entry.period == line.period && entry.component == line.component)
        .try_fold(0_i64, |sum, entry| sum.checked_add(entry.amount_minor))?;
    let show = |minor| amount(minor, book.pack().currency(), language);
    let (owed, before, now) = (show(owed_minor), show(determined), show(line.amount_minor));
    Some(match language {
        Language::Vietnamese => {
            format!("Đã xác định cho tháng này {before}; chênh lệch: {owed} − {before} = {now}.")
        }
        Language::English => {
            format!(
                "Already determined for this month {before}; difference: {owed} − {before} = {now}."
            )
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::period::parse_date;
    use crate::rules::question::{Determined, DobPrecision};

    /// The person of the retroactive decree: paid 750,000 for July to September 2026.
    fn october(language: Language, kind: LineKind) -> String {
        let pack = crate::rules::compile(crate::rules::builtin_sources("vn")).unwrap();
        let cycle = Cycle {
            period: "2026-10".parse().unwrap(),
            months: 1,
            history_from: "2026-07".parse().unwrap(),
        };
        let book = LawBook::new(&pack, parse_date("2026-10-24").unwrap(), cycle.last());
        let mut facts = pack.fact_row();
        let level = pack.fact_index("disability_level").unwrap();
        facts.set(level, pack.parse_fact(level, "severe").unwrap());
        let component = pack.component("allowance").unwrap();
        let history: Vec<Determined> = (7..10)
            .map(|month| Determined {
                period: crate::domain::period::Period::new(2026, month).unwrap(),
                component,
                revision: 0,
                amount_minor: 750_000,
            })
            .collect();
        let enrolments = [EnrolmentCase {
            key: 1,
            benefit: pack.benefit("social_assistance", "k6").unwrap(),
            decision_date: Some(parse_date("2025-08-01").unwrap()),
            entitled_from: None,
            entitled_to: None,
            paid_through: None,
            facts: &facts,
            history: &history,
            before: &[],
            absent: &[],
            absent_is_owed: false,
            is_ended: false,
        }];
        let person = PersonCase {
            date_of_birth: Some((parse_date("1994-06-15").unwrap(), DobPrecision::Day)),
            sex: None,
            date_of_death: None,
            enrolments: &enrolments,
            unasked: &[],
        };
        let entitled = entitle(&book, &cycle, &person);
        let line = entitled.lines.iter().find(|line| line.kind == kind).unwrap();
        let text = explain(&book, &cycle, &person, line, language).unwrap();
        let forged = Line { amount_minor: line.amount_minor + 1, ..*line };
        assert_eq!(
            explain(&book, &cycle, &person, &forged, language),
            Err(ExplainError::LineMustComeOutAgain)
        );
        text
    }

    #[test]
    fn an_arrears_line_is_explained_in_vietnamese() {
        let expected = [
            "Người khuyết tật nặng, đặc biệt nặng – trợ cấp hằng tháng, tháng 7/2026, truy lĩnh: 60.000 đồng",
            "Hưởng từ tháng 8/2025. Hưởng từ tháng Chủ tịch UBND cấp xã ký quyết định (NĐ 147/2025/NĐ-CP Điều 5).",
            "Người khuyết tật nặng, từ đủ 16 đến dưới 60 tuổi (NĐ 20/2021/NĐ-CP Điều 5.6, 6.1.e).",
            "540.000 × 1,5 = 810.000 đồng (NĐ 335/2026/NĐ-CP Điều 4; NĐ 335/2026/NĐ-CP).",
            "Mức chuẩn trợ giúp xã hội: 540.000 đồng – NĐ 335/2026/NĐ-CP Điều 4 (theo nguồn thứ cấp), áp dụng từ tháng 7/2026.",
            "Hệ số: người khuyết tật nặng: 1,5 – NĐ 335/2026/NĐ-CP (theo nguồn thứ cấp), áp dụng từ tháng 7/2026.",
            "Căn cứ: mức độ khuyết tật: nặng; ngày sinh: 15/06/1994; ngày quyết định: 01/08/2025; ngày xét điều kiện của tháng: 30/06/2026; tuổi đủ: 32.",
            "Đã xác định cho tháng này 750.000 đồng; chênh lệch: 810.000 đồng − 750.000 đồng = 60.000 đồng.",
        ];
        assert_eq!(october(Language::Vietnamese, LineKind::Arrears), expected.join("\n"));
    }

    #[test]
    fn a_regular_line_is_explained_in_english() {
        let expected = [
            "Person with a severe or especially severe disability – monthly allowance, October 2026, regular: 810,000 VND",
            "Paid from August 2025. Paid from the month in which the commune chairman signed the decision (NĐ 147/2025/NĐ-CP Điều 5).",
            "A person of 16 to 59 with a severe disability (NĐ 20/2021/NĐ-CP Điều 5.6, 6.1.e).",
            "540,000 × 1.5 = 810,000 VND (NĐ 335/2026/NĐ-CP Điều 4; NĐ 335/2026/NĐ-CP).",
            "Base level of social assistance: 540,000 VND – NĐ 335/2026/NĐ-CP Điều 4 (from a secondary source), applied from July 2026.",
            "Coefficient: severe disability: 1.5 – NĐ 335/2026/NĐ-CP (from a secondary source), applied from July 2026.",
            "On the facts: degree of disability: severe; date of birth: 1994-06-15; date of the decision: 2025-08-01; day on which the month's conditions are looked at: 2026-09-30; age in full years: 32.",
        ];
        assert_eq!(october(Language::English, LineKind::Regular), expected.join("\n"));
    }
}
