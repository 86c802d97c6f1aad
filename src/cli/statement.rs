//! `chitra statement`: what the accounts that pay say, and whether it agrees with our books.

use clap::Subcommand;
use serde_json::json;

use crate::cli::Voice;
use crate::cli::show::{grouped, money, table};
use crate::domain::state::Named;
use crate::engine::statement::StatementSeen;
use crate::engine::{Engine, EngineError};

#[derive(Subcommand)]
pub enum StatementCommand {
    /// Every statement, with its balances, what is not explained, and whether one is missing
    List,
    /// What the entries of a statement were for
    Show { number: i64 },
}

impl StatementCommand {
    pub async fn run(self, engine: &Engine, voice: &Voice) -> Result<(), EngineError> {
        match self {
            StatementCommand::List => {
                let seen = engine.statements_seen().await?;
                let told: Vec<_> = seen.iter().map(as_json).collect();
                voice.say(&json!(told), || list(&seen, engine));
            }
            StatementCommand::Show { number } => {
                let seen = engine.statement_find(number).await?;
                let names = engine.file_names(&seen.shares).await?;
                let name =
                    |file: &Option<_>| file.as_ref().and_then(|file| names.get(file)).cloned();
                let mut told = as_json(&seen);
                told["shares"] = seen
                    .shares
                    .iter()
                    .map(|one| {
                        json!({
                            "for": one.kind.name(),
                            "file": name(&one.file),
                            "entries": one.entries,
                            "payments": one.payments,
                            "minor": one.total_minor.to_string(),
                        })
                    })
                    .collect();
                told["unexplained"] = seen
                    .unexplained
                    .iter()
                    .map(|(one, settled)| {
                        json!({
                            "entry": one.entry,
                            "minor": one.amount_minor.to_string(),
                            "booked_on": one.booked_on.map(|on| on.to_string()),
                            "reference": one.reference,
                            "sentence": one.why,
                            "settled": settled,
                        })
                    })
                    .collect();
                voice.say(&told, || {
                    let rows: Vec<Vec<String>> = seen
                        .shares
                        .iter()
                        .map(|one| {
                            vec![
                                one.kind.to_string(),
                                name(&one.file).unwrap_or_default(),
                                grouped(i128::from(one.entries)),
                                grouped(i128::from(one.payments)),
                                money(i128::from(one.total_minor), engine.config.currency),
                            ]
                        })
                        .collect();
                    let head = ["for", "file", "entries", "payments", "money"];
                    let mut parts = vec![
                        list(std::slice::from_ref(&seen), engine),
                        table(&head, &rows, &[2, 3, 4]),
                    ];
                    if !seen.unexplained.is_empty() {
                        parts.push(unexplained(&seen, engine));
                    }
                    parts.join("\n\n")
                });
            }
        }
        Ok(())
    }
}

fn as_json(one: &StatementSeen) -> serde_json::Value {
    let statement = &one.statement;
    json!({
        "number": statement.number,
        "answer": statement.answer.0,
        "provider": statement.provider,
        "account": statement.account,
        "id": statement.id,
        "closed_on": statement.closed_on.to_string(),
        "opening_minor": statement.opening_minor.to_string(),
        "closing_minor": statement.closing_minor.to_string(),
        "entries": statement.entries,
        "pending": statement.pending,
        "unexplained_open": one.open(),
        "gap": one.gap.as_ref().map(|before| json!({
            "after": before.id,
            "closing_minor": before.closing_minor.to_string(),
        })),
    })
}

fn list(seen: &[StatementSeen], engine: &Engine) -> String {
    let money = |minor: i64| money(i128::from(minor), engine.config.currency);
    let rows: Vec<Vec<String>> = seen
        .iter()
        .map(|one| {
            let statement = &one.statement;
            let gap = one.gap.as_ref().map(gap_sentence).unwrap_or_default();
            vec![
                statement.number.to_string(),
                statement.provider.clone(),
                statement.account.clone(),
                statement.id.clone(),
                statement.closed_on.to_string(),
                money(statement.opening_minor),
                money(statement.closing_minor),
                grouped(i128::from(statement.entries)),
                one.open().to_string(),
                gap,
            ]
        })
        .collect();
    let head = [
        "number",
        "provider",
        "account",
        "id",
        "closed on",
        "opening",
        "closing",
        "entries",
        "unexplained",
        "gap",
    ];
    table(&head, &rows, &[0, 5, 6, 7, 8])
}

/// What is said of a statement that does not begin where the one before it ended.
fn gap_sentence(before: &crate::domain::statement::Statement) -> String {
    format!(
        "không nối với {id}: có thể thiếu một sao kê hoặc trùng nội dung / does not begin where {id} ended: a statement may be missing, or tell again what that had",
        id = before.id
    )
}

fn unexplained(one: &StatementSeen, engine: &Engine) -> String {
    let rows: Vec<Vec<String>> = one
        .unexplained
        .iter()
        .map(|(entry, settled)| {
            vec![
                entry.entry.to_string(),
                money(i128::from(entry.amount_minor), engine.config.currency),
                entry.booked_on.map_or_else(String::new, |on| on.to_string()),
                entry.reference.clone().unwrap_or_default(),
                if *settled { "settled by an officer" } else { "waits" }.to_owned(),
                entry.why.clone(),
            ]
        })
        .collect();
    table(&["entry", "money", "booked on", "reference", "state", "why"], &rows, &[0, 1])
}
