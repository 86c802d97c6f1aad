//! `chitra explain PERSON`: every line with clause, rate and citation, in Vietnamese and English.

use clap::Args;
use serde_json::json;

use crate::cli::Voice;
use crate::cli::show::money;
use crate::domain::exception::RowOutcome;
use crate::domain::instruction::{EvidenceGrade, Instruction, InstructionState};
use crate::domain::state::Named;
use crate::engine::compute::ExplainedLine;
use crate::engine::explain::{Explanation, Whereabouts};
use crate::engine::{Engine, EngineError};

#[derive(Args)]
pub struct Explain {
    /// A national id, an enrolment id, or the person's number
    person: String,
    /// The cycle or month; the newest when not said
    #[arg(long)]
    period: Option<String>,
}

impl Explain {
    pub async fn run(self, engine: &Engine, voice: &Voice) -> Result<(), EngineError> {
        let cycle = match &self.period {
            Some(text) => engine.cycle_find(text).await?,
            None => engine
                .store
                .cycles()
                .await?
                .pop()
                .ok_or_else(|| EngineError::refused("C103", "there is no cycle yet"))?,
        };
        let person = engine.person_find(&self.person, &cycle).await?;
        let told = engine.explain(&cycle, person).await?;
        voice.say(&as_json(engine, &told), || text(engine, &told));
        Ok(())
    }
}

fn as_json(engine: &Engine, told: &Explanation) -> serde_json::Value {
    let rows: Vec<_> = told
        .rows
        .iter()
        .map(|row| {
            json!({
                "source": { "file": told.source.file_name, "sha256": told.source.sha256, "line": row.source_line },
                "programme": row.programme,
                "benefit": row.benefit,
                "outcome": row.outcome.name(),
                "code": row.code,
                "identity": { "rule": row.rule, "vi": row.identity.0, "en": row.identity.1 },
                "law": { "vi": row.law.0, "en": row.law.1 },
                "lines": lines_as_json(&row.lines),
            })
        })
        .collect();
    let refused: Vec<_> = told
        .refused
        .iter()
        .map(|row| {
            json!({
                "source": { "file": told.source.file_name, "sha256": told.source.sha256, "line": row.line },
                "outcome": RowOutcome::Refused.name(),
                "code": row.code,
                "sentence": row.sentence,
            })
        })
        .collect();
    let payables: Vec<_> = told
        .payables
        .iter()
        .map(|(payable, attempts)| {
            json!({
                "payable": payable.number.to_string(),
                "state": payable.state.name(),
                "amount_minor": payable.amount_minor.to_string(),
                "channel": payable.channel.name(),
                "provider": payable.provider,
                "code": payable.code,
                "attempts": attempts_as_json(engine, attempts),
                "recalls": told.recalls.iter().filter(|one| one.payable == payable.number).map(|one| json!({
                    "recall": one.number,
                    "attempt": one.attempt.number(),
                    "code": one.reason_code,
                    "state": one.state.name(),
                    "at": one.proposed_at,
                })).collect::<Vec<_>>(),
                "now": told.moved_on.get(&payable.number).map(whereabouts_as_json),
            })
        })
        .collect();
    let carried: Vec<_> = told
        .carried
        .iter()
        .map(|one| {
            json!({
                "cycle": one.cycle.label(),
                "law_known_at": one.cycle.law_known_at.to_string(),
                "payable": one.payable.number.to_string(),
                "state": one.payable.state.name(),
                "amount_minor": one.payable.amount_minor.to_string(),
                "code": one.payable.code,
                "attempts": attempts_as_json(engine, &one.attempts),
                "lines": lines_as_json(&one.lines),
                "now": whereabouts_as_json(&one.now),
                "vi": one.told.0,
                "en": one.told.1,
            })
        })
        .collect();
    json!({
        "person": told.person.to_string(),
        "cycle": told.cycle.label(),
        "law_known_at": told.cycle.law_known_at.to_string(),
        "rows": rows,
        "refused": refused,
        "payables": payables,
        "carried": carried,
    })
}

fn lines_as_json(lines: &[ExplainedLine]) -> Vec<serde_json::Value> {
    let line = |line: &ExplainedLine| {
        json!({
            "component": line.component,
            "period": line.period.to_string(),
            "kind": line.kind,
            "revision": line.revision,
            "amount_minor": line.amount_minor.to_string(),
            "clauses": line.clauses,
            "vi": line.vietnamese,
            "en": line.english,
        })
    };
    lines.iter().map(line).collect()
}

fn attempts_as_json(engine: &Engine, attempts: &[Instruction]) -> Vec<serde_json::Value> {
    let attempt = |one: &Instruction| {
        json!({
            "reference": engine.reference(one).as_str(),
            "state": one.state.name(),
            "grade": one.grade.map(Named::name),
            "reason": one.reason,
            "on": one.outcome_on,
            "debited_on": one.debited_on,
        })
    };
    attempts.iter().map(attempt).collect()
}

fn whereabouts_as_json(now: &Whereabouts) -> serde_json::Value {
    json!({
        "cycle": now.cycle,
        "payable": now.payable.number.to_string(),
        "state": now.payable.state.name(),
        "code": now.payable.code,
    })
}

/// What the debit of our account proves of a payment.
fn of_debit(state: InstructionState, grade: Option<EvidenceGrade>) -> (&'static str, &'static str) {
    match (state, grade) {
        (InstructionState::Settled, Some(EvidenceGrade::Unreturned)) => (
            "quá số ngày thỏa thuận với đối tác mà tiền không bị trả lại, nên khoản chi được coi là đã chi",
            "in the days that were agreed with the partner nothing came back, so that the payment counts as paid",
        ),
        (InstructionState::Settled, _) => {
            ("bằng chứng đã chi nêu ở trên", "what proves that it was paid stands above")
        }
        _ => (
            "việc này chưa chứng minh người nhận đã có tiền",
            "this does not prove that the payee has the money",
        ),
    }
}

fn text(engine: &Engine, told: &Explanation) -> String {
    let mut parts = vec![format!(
        "Person {} in cycle {} (law as known at {})",
        told.person,
        told.cycle.label(),
        told.cycle.law_known_at
    )];
    for row in &told.rows {
        let mut lines = vec![format!(
            "── {} / {}: {} {}   [{} line {}]",
            row.programme,
            row.benefit,
            row.outcome,
            row.code,
            told.source.file_name,
            row.source_line
        )];
        lines.push(format!("   {}: {}", row.rule, row.identity.0));
        lines.push(format!("   {}  {}", " ".repeat(row.rule.len()), row.identity.1));
        lines.push(format!("   {}", row.law.0));
        lines.push(format!("   {}", row.law.1));
        lines.extend(lines_as_text(engine, &row.lines));
        parts.push(lines.join("\n"));
    }
    for row in &told.refused {
        parts.push(format!(
            "── {} {}   [{} line {}]\n   Dòng này không đọc được nên không xét hưởng: sửa dòng rồi nhập lại danh sách.\n   \
             This row could not be read, and nothing was worked out for it: mend it and take the roster in again.\n   {}",
            RowOutcome::Refused,
            row.code,
            told.source.file_name,
            row.line,
            row.sentence
        ));
    }
    for one in &told.carried {
        let mut lines = vec![format!(
            "── carried from {}: payable {}, {} {}",
            one.cycle.label(),
            one.payable.number,
            one.payable.state,
            money(i128::from(one.payable.amount_minor), engine.config.currency)
        )];
        lines.extend(attempts_as_text(engine, &one.attempts));
        lines.push(format!("   {}", one.told.0));
        lines.push(format!("   {}", one.told.1));
        lines.extend(lines_as_text(engine, &one.lines));
        parts.push(lines.join("\n"));
    }
    for (payable, attempts) in &told.payables {
        let mut lines = vec![format!(
            "── payable {}: {}, {} by {} {} {}",
            payable.number,
            payable.state,
            money(i128::from(payable.amount_minor), engine.config.currency),
            payable.channel,
            payable.provider,
            payable.code
        )];
        lines.extend(attempts_as_text(engine, attempts));
        for recall in told.recalls.iter().filter(|one| one.payable == payable.number) {
            let (number, code, state) =
                (recall.attempt.number(), &recall.reason_code, recall.state);
            lines.push(format!("   Lệnh thứ {number} đã được yêu cầu hoàn trả ({code}): {state}."));
            lines.push(format!("   Order {number} was asked back ({code}): {state}."));
        }
        if let Some(now) = told.moved_on.get(&payable.number) {
            lines.push(format!(
                "   carried over: in payable {} of {} now, {} {}",
                now.payable.number, now.cycle, now.payable.state, now.payable.code
            ));
        }
        parts.push(lines.join("\n"));
    }
    parts.join("\n\n")
}

fn lines_as_text(engine: &Engine, lines: &[ExplainedLine]) -> Vec<String> {
    let mut told = Vec::new();
    for line in lines {
        told.push(format!(
            "   • {} {} {}: {}",
            line.period,
            line.kind,
            line.component,
            money(i128::from(line.amount_minor), engine.config.currency)
        ));
        for sentence in line.vietnamese.lines().chain(line.english.lines()) {
            told.push(format!("       {sentence}"));
        }
    }
    told
}

fn attempts_as_text(engine: &Engine, attempts: &[Instruction]) -> Vec<String> {
    let mut told = Vec::new();
    for one in attempts {
        told.push(format!(
            "   {} {}{}{}",
            engine.reference(one),
            one.state,
            one.grade.map(|grade| format!(", proved by {grade}")).unwrap_or_default(),
            one.reason.as_ref().map(|reason| format!(", reason {reason}")).unwrap_or_default()
        ));
        if let Some(day) = &one.debited_on {
            let (vi, en) = of_debit(one.state, one.grade);
            told.push(format!("      Tài khoản chi bị ghi nợ ngày {day}; {vi}."));
            told.push(format!("      Our account was debited on {day}; {en}."));
        }
    }
    told
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_debit_is_told_for_what_it_proves() {
        use EvidenceGrade as G;
        use InstructionState as S;
        for (state, grade, told) in [
            (S::InBatch, None, "does not prove"),
            (S::Unknown, None, "does not prove"),
            (S::Settled, Some(G::Unreturned), "counts as paid"),
            (S::Settled, Some(G::ProviderResult), "stands above"),
            // What came back after all has the grade by which it was taken for paid.
            (S::Returned, Some(G::Unreturned), "does not prove"),
        ] {
            let (_, en) = of_debit(state, grade);
            assert!(en.contains(told), "{state}: {en}");
        }
    }
}
