//! `chitra explain PERSON`: every line with clause, rate and citation, in Vietnamese and English.

use clap::Args;
use serde_json::json;

use crate::cli::Voice;
use crate::cli::show::money;
use crate::domain::exception::RowOutcome;
use crate::domain::payable::{Payable, PayableState};
use crate::domain::state::Named;
use crate::engine::compute::ExplainedLine;
use crate::engine::explain::{
    Explanation, Kept, KeptBack, ToldHold, ToldOrder, Whereabouts, money::of_debit,
};
use crate::engine::{Engine, EngineError};
use crate::report::wording;
use crate::report::words::Words;

#[derive(Args)]
pub struct Explain {
    /// A national id, an enrolment id, the person's number, or the reference of a payment of the cycle
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
                .ok_or_else(|| {
                    EngineError::refused(
                        "C103",
                        "this office has no cycle yet; open one: chitra cycle open MONTH --value-date DAY --as OFFICER",
                    )
                })?,
        };
        let person = match engine.person_find(&self.person, &cycle).await {
            // Whoever named a month knows how; of the commands that look somebody up this one alone can ask so.
            Err(EngineError::Refused { code, sentence }) if self.period.is_none() => {
                let sentence = format!("{sentence}. Another month: --period MONTH");
                return Err(EngineError::Refused { code, sentence });
            }
            found => found?,
        };
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
                "holds": holds_as_json(holds_of(told, Kept::Row(row.enrolment))),
                "lines": lines_as_json(&row.lines),
            })
        })
        .collect();
    let refused: Vec<_> = told
        .refused
        .iter()
        .map(|row| {
            let why = wording::row_code(&row.code);
            json!({
                "source": { "file": told.source.file_name, "sha256": told.source.sha256, "line": row.line },
                "outcome": RowOutcome::Refused.name(),
                "code": row.code,
                "sentence": row.sentence,
                "vi": why.as_ref().map(|why| &why.vi),
                "en": why.as_ref().map(|why| &why.en),
            })
        })
        .collect();
    let payables: Vec<_> = told
        .payables
        .iter()
        .map(|one| {
            let payable = &one.payable;
            json!({
                "payable": payable.number.to_string(),
                "state": payable.state.name(),
                "amount_minor": payable.amount_minor.to_string(),
                "channel": payable.channel.name(),
                "provider": payable.provider,
                "code": payable.code,
                "vi": one.standing.vi,
                "en": one.standing.en,
                "heir": one.heir.as_ref().map(|heir| json!({ "vi": heir.vi, "en": heir.en })),
                "kept_back": kept_back_as_json(&one.kept_back),
                "kept_for_courts": one.for_courts.iter().map(|kept| json!({
                    "order": kept.order,
                    "period": kept.period.to_string(),
                    "amount_minor": kept.amount_minor.to_string(),
                    "vi": kept.told.vi,
                    "en": kept.told.en,
                })).collect::<Vec<_>>(),
                "taken_off": one.taken_off.as_ref().map(|taken| json!({
                    "amount_minor": taken.amount_minor.to_string(),
                    "vi": taken.told.vi,
                    "en": taken.told.en,
                })),
                "holds": holds_as_json(holds_of(told, Kept::Payable(payable.number))),
                "attempts": attempts_as_json(engine, &one.attempts),
                "recalls": told.recalls.iter().filter(|one| one.payable == payable.number).map(|one| json!({
                    "recall": one.number,
                    "attempt": one.attempt.number(),
                    "code": one.reason_code,
                    "state": one.state.name(),
                    "vi": wording::recall_state(one.state).vi,
                    "en": wording::recall_state(one.state).en,
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
                "holds": holds_as_json(one.holds.iter()),
                "attempts": attempts_as_json(engine, &one.attempts),
                "lines": lines_as_json(&one.lines),
                "now": whereabouts_as_json(&one.now),
                "vi": one.told.vi,
                "en": one.told.en,
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
        "nothing_is_paid": told.nothing_is_paid().map(|so| json!({ "vi": so.vi, "en": so.en })),
        "set_off": kept_back_as_json(&told.set_off),
        "too_much": told.too_much.iter().map(|one| json!({
            "receivable": one.receivable,
            "amount_minor": one.amount_minor.to_string(),
            "waiting_minor": one.waiting_minor.to_string(),
            "vi": one.told.vi,
            "en": one.told.en,
        })).collect::<Vec<_>>(),
        "carried": carried,
        "in_other_lists": told.in_other_lists.iter().map(whereabouts_as_json).collect::<Vec<_>>(),
    })
}

fn kept_back_as_json(kept: &[KeptBack]) -> Vec<serde_json::Value> {
    let of = |one: &KeptBack| {
        json!({
            "receivable": one.receivable,
            "cause": one.cause.name(),
            "amount_minor": one.amount_minor.to_string(),
            "vi": one.told.vi,
            "en": one.told.en,
        })
    };
    kept.iter().map(of).collect()
}

fn holds_of(told: &Explanation, kept: Kept) -> impl Iterator<Item = &ToldHold> {
    told.holds.iter().filter(move |hold| hold.kept == kept)
}

fn holds_as_json<'a>(holds: impl Iterator<Item = &'a ToldHold>) -> Vec<serde_json::Value> {
    let hold = |hold: &ToldHold| {
        let decisions: Vec<_> = hold
            .decisions
            .iter()
            .map(|one| {
                json!({
                    "decision": one.resolution.decision.name(),
                    "decided_by": one.resolution.decided_by,
                    "decided_at": one.resolution.decided_at,
                    "confirmed_by": one.resolution.confirmed_by,
                    "confirmed_at": one.resolution.confirmed_at,
                    "waits_for_another": one.resolution.waits_for_another(),
                    "reason": one.reason,
                    "valid_to": one.resolution.valid_to.to_string(),
                    "counts": one.counts,
                    "vi": one.told.vi,
                    "en": one.told.en,
                })
            })
            .collect();
        json!({
            "code": hold.code,
            "why": { "vi": hold.why.vi, "en": hold.why.en },
            "decisions": decisions,
            "so": { "vi": hold.so.vi, "en": hold.so.en },
        })
    };
    holds.map(hold).collect()
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

fn attempts_as_json(engine: &Engine, attempts: &[ToldOrder]) -> Vec<serde_json::Value> {
    let attempt = |one: &ToldOrder| {
        json!({
            "reference": engine.reference(&one.order).as_str(),
            "file": one.file_name,
            "state": one.order.state.name(),
            "grade": one.order.evidence.grade.map(Named::name),
            "reason": one.order.evidence.reason,
            "on": one.order.evidence.outcome_on,
            "debited_on": one.order.evidence.debited_on,
            "vi": one.told.vi,
            "en": one.told.en,
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
        "vi": now.standing.vi,
        "en": now.standing.en,
    })
}

fn text(engine: &Engine, told: &Explanation) -> String {
    let (label, known_at) = (told.cycle.label(), told.cycle.law_known_at);
    let mut parts = vec![format!(
        "Người {0}, kỳ {label} (theo luật đã biết ngày {known_at})\n\
         Person {0} in cycle {label} (law as known at {known_at})",
        told.person
    )];
    for row in &told.rows {
        let outcome = wording::row_outcome(row.outcome);
        let mut lines = vec![format!(
            "── {} / {}: {} / {}{}  [{} line {}]",
            row.programme,
            row.benefit,
            outcome.vi,
            outcome.en,
            in_brackets(&row.code),
            told.source.file_name,
            row.source_line
        )];
        lines.push(format!("   {}: {}", row.rule, row.identity.0));
        lines.push(format!("   {}  {}", " ".repeat(row.rule.len()), row.identity.1));
        let mut said_of_law = vec![format!("   {}", row.law.0), format!("   {}", row.law.1)];
        for hold in holds_of(told, Kept::Row(row.enrolment)) {
            // The hold says it already, where the law was not asked.
            if hold.why.en == row.law.1 {
                said_of_law.clear();
            }
            lines.extend(hold_as_text(hold, false));
        }
        lines.extend(said_of_law);
        lines.extend(lines_as_text(&row.lines));
        parts.push(lines.join("\n"));
    }
    for row in &told.refused {
        let outcome = wording::row_outcome(RowOutcome::Refused);
        let why = wording::row_code(&row.code).unwrap_or(Words::name(""));
        parts.push(format!(
            "── {} / {}{}  [{} line {}]\n   \
             {} Dòng không được xét hưởng: sửa dòng rồi nhập lại cả danh sách.\n   \
             {} Nothing was worked out for the row: mend it and take the whole roster in again.\n   {}",
            outcome.vi,
            outcome.en,
            in_brackets(&row.code),
            told.source.file_name,
            row.line,
            why.vi,
            why.en,
            row.sentence
        ));
    }
    for one in &told.carried {
        let mut lines = vec![format!(
            "── chuyển từ / carried from {}: khoản / payable {}, {}",
            one.cycle.label(),
            one.payable.number,
            money(i128::from(one.payable.amount_minor), engine.config.currency)
        )];
        lines.push(format!("   {}", one.told.vi));
        lines.push(format!("   {}", one.told.en));
        lines.extend(
            one.holds.iter().flat_map(|hold| hold_as_text(hold, stands(&one.payable, hold))),
        );
        lines.extend(attempts_as_text(engine, &one.attempts, &one.then));
        lines.extend(lines_as_text(&one.lines));
        parts.push(lines.join("\n"));
    }
    for one in &told.payables {
        let payable = &one.payable;
        let channel = wording::channel(payable.channel.name());
        let provider = match payable.provider.as_str() {
            "" => String::new(),
            name => format!(", {name}"),
        };
        let mut lines = vec![format!(
            "── khoản / payable {}, {}, {} / {}{provider}",
            payable.number,
            money(i128::from(payable.amount_minor), engine.config.currency),
            channel.vi,
            channel.en,
        )];
        lines.push(format!("   Trong kỳ này: {}.", one.standing.vi));
        lines.push(format!("   In this cycle: {}.", one.standing.en));
        if let Some(heir) = &one.heir {
            lines.push(format!("   {}", heir.vi));
            lines.push(format!("   {}", heir.en));
        }
        if let Some(taken) = &one.taken_off {
            lines.push(format!("   {}", taken.told.vi));
            lines.push(format!("   {}", taken.told.en));
        }
        for kept in &one.for_courts {
            lines.push(format!("   {}", kept.told.vi));
            lines.push(format!("   {}", kept.told.en));
        }
        for kept in &one.kept_back {
            lines.push(format!("   {}", kept.told.vi));
            lines.push(format!("   {}", kept.told.en));
        }
        if let Some(now) = told.moved_on.get(&payable.number) {
            let (number, cycle) = (now.payable.number, &now.cycle);
            lines.push(format!(
                "   Đã chuyển sang khoản {number} của kỳ {cycle}: {}.",
                now.standing.vi
            ));
            lines.push(format!(
                "   Carried over to payable {number} of {cycle}: {}.",
                now.standing.en
            ));
        }
        for hold in holds_of(told, Kept::Payable(payable.number)) {
            lines.extend(hold_as_text(hold, stands(payable, hold)));
        }
        lines.extend(attempts_as_text(engine, &one.attempts, &one.standing));
        for recall in told.recalls.iter().filter(|one| one.payable == payable.number) {
            let (number, code) = (recall.attempt.number(), &recall.reason_code);
            let state = wording::recall_state(recall.state);
            lines.push(format!(
                "   Lệnh thứ {number} đã được yêu cầu hoàn trả ({code}): {}.",
                state.vi
            ));
            lines.push(format!("   Order {number} was asked back ({code}): {}.", state.en));
        }
        parts.push(lines.join("\n"));
    }
    let of_list = told.set_off.iter().map(|one| &one.told);
    let of_list = of_list.chain(told.too_much.iter().map(|one| &one.told));
    for words in of_list.chain(told.nothing_is_paid().as_ref()) {
        parts.push(format!("── {}\n   {}", words.vi, words.en));
    }
    let elsewhere: Vec<String> = told
        .in_other_lists
        .iter()
        .map(|one| {
            let amount = money(i128::from(one.payable.amount_minor), engine.config.currency);
            let (number, cycle) = (one.payable.number, &one.cycle);
            format!(
                "   Cùng tháng, ở kỳ {cycle}: khoản {number}, {amount}: {}.\n   \
                 In the same month, on list {cycle}: payable {number}, {amount}: {}.",
                one.standing.vi, one.standing.en
            )
        })
        .collect();
    if !elsewhere.is_empty() {
        parts.push(format!("── kỳ khác / other lists\n{}", elsewhere.join("\n")));
    }
    parts.join("\n\n")
}

fn in_brackets(code: &str) -> String {
    match code {
        "" => String::new(),
        code => format!(" ({code})"),
    }
}

/// Whether it is this hold by which a payable stands.
fn stands(payable: &Payable, hold: &ToldHold) -> bool {
    payable.state == PayableState::Held && payable.code == hold.code
}

/// `is_said` when the sentence of the hold stands before already.
fn hold_as_text(hold: &ToldHold, is_said: bool) -> Vec<String> {
    let mut told = Vec::new();
    if !is_said {
        told.push(format!("   Tạm giữ theo {}: {}", hold.code, hold.why.vi));
        told.push(format!("   A hold of {}: {}", hold.code, hold.why.en));
    }
    let decisions = hold.decisions.iter().map(|one| &one.told);
    for words in decisions.chain([&hold.so]) {
        told.push(format!("     {}", words.vi));
        told.push(format!("     {}", words.en));
    }
    told
}

/// The first sentence of each language says what is due; the others why.
fn lines_as_text(lines: &[ExplainedLine]) -> Vec<String> {
    let mut told = Vec::new();
    for line in lines {
        for (mark, sentences) in [("•", &line.vietnamese), (" ", &line.english)] {
            for (at, sentence) in sentences.lines().enumerate() {
                let before = if at == 0 { format!("   {mark} ") } else { " ".repeat(7) };
                told.push(format!("{before}{sentence}"));
            }
        }
    }
    told
}

/// `said` is how the payable stands, which most often is what became of its order.
fn attempts_as_text(engine: &Engine, attempts: &[ToldOrder], said: &Words) -> Vec<String> {
    let mut told = Vec::new();
    for one in attempts {
        let (number, reference) = (one.order.attempt.number(), engine.reference(&one.order));
        if one.told == *said {
            told.push(format!("   Lệnh thứ {number} / Order {number}: {reference}"));
        } else {
            told.push(format!("   Lệnh thứ {number} ({reference}): {}.", one.told.vi));
            told.push(format!("   Order {number} ({reference}): {}.", one.told.en));
        }
        if let Some(day) = &one.order.evidence.debited_on {
            let proves = of_debit(one.order.state, one.order.evidence.grade);
            told.push(format!("      Tài khoản chi bị ghi nợ ngày {day}; {}.", proves.vi));
            told.push(format!("      Our account was debited on {day}; {}.", proves.en));
        }
    }
    told
}
