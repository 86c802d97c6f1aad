//! `chitra funds`: money that is made available to partners before they pay.

use clap::Subcommand;
use serde_json::json;

use crate::cli::Voice;
use crate::cli::show::{money, table};
use crate::cli::signer::Signer;
use crate::domain::period::parse_date;
use crate::engine::funds::Funding;
use crate::engine::{Engine, EngineError};

#[derive(Subcommand)]
pub enum FundsCommand {
    /// What was made available, and what each partner may still pay with
    List,
    /// Record money that was made available to a partner
    Record {
        provider: String,
        /// Minor units
        #[arg(long, value_name = "MINOR")]
        amount: i64,
        /// The day from which the partner may pay with it
        #[arg(long, value_name = "DAY")]
        on: String,
        /// What it is called on the statement
        #[arg(long)]
        reference: String,
        #[command(flatten)]
        signer: Signer,
    },
}

impl FundsCommand {
    pub fn only_reads(&self) -> bool {
        matches!(self, FundsCommand::List)
    }

    pub async fn run(self, engine: &Engine, voice: &Voice) -> Result<(), EngineError> {
        let currency = engine.config.currency;
        match self {
            FundsCommand::List => {
                let records = engine.store.funds(None).await?;
                let mut left = Vec::new();
                for provider in &engine.config.providers {
                    if records.iter().any(|one| one.provider == provider.name) {
                        let there = engine.cleared_funds(&provider.name).await?;
                        left.push((provider.name.clone(), there));
                    }
                }
                let told = json!({
                    "records": records.iter().map(|one| json!({
                        "funds": one.number,
                        "provider": one.provider,
                        "amount_minor": one.amount_minor.to_string(),
                        "cleared_on": one.cleared_on,
                        "reference": one.reference,
                        "recorded_by": one.recorded_by,
                    })).collect::<Vec<_>>(),
                    "cleared": left.iter().map(|(provider, minor)| json!({
                        "provider": provider,
                        "minor": minor.to_string(),
                    })).collect::<Vec<_>>(),
                });
                voice.say(&told, || {
                    let rows: Vec<Vec<String>> = records
                        .iter()
                        .map(|one| {
                            vec![
                                one.number.to_string(),
                                one.provider.clone(),
                                money(i128::from(one.amount_minor), currency),
                                one.cleared_on.clone(),
                                one.reference.clone(),
                                one.recorded_by.clone(),
                            ]
                        })
                        .collect();
                    let head = ["funds", "provider", "money", "cleared on", "reference", "by"];
                    let mut text = table(&head, &rows, &[0, 2]);
                    for (provider, minor) in &left {
                        text.push_str(&format!(
                            "\n{provider} may pay with {}",
                            money(*minor, currency)
                        ));
                    }
                    text
                });
                Ok(())
            }
            FundsCommand::Record { provider, amount, on, reference, signer } => {
                let cleared_on = parse_date(&on)
                    .map_err(|error| EngineError::refused("D145", format!("--on: {error}")))?;
                let key = signer.key(engine).await?;
                let funding = Funding { provider, amount_minor: amount, cleared_on, reference };
                let funds = engine.funds_record(funding, &signer.by, &key).await?;
                engine.sequence().await?;
                let there = engine.cleared_funds(&funds.provider).await?;
                let told = json!({
                    "funds": funds.number,
                    "provider": funds.provider,
                    "cleared_minor": there.to_string(),
                });
                voice.say(&told, || {
                    format!("{} may pay with {} today", funds.provider, money(there, currency))
                });
                Ok(())
            }
        }
    }
}
