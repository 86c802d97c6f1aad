//! `chitra funds`: money that is made available to partners before they pay, the cash that is left of it, and
//! what they are owed for paying.

use std::collections::BTreeMap;

use clap::{Args, Subcommand};
use jiff::civil::Date;
use serde_json::{Value, json};

use crate::cli::Voice;
use crate::cli::show::{money, table};
use crate::cli::signer::Signer;
use crate::domain::funds::Funds;
use crate::domain::money::Currency;
use crate::domain::period::parse_date;
use crate::engine::fees::FeesSeen;
use crate::engine::funds::Funding;
use crate::engine::{Engine, EngineError};
use crate::pipeline::cash_left::CashBooks;

#[derive(Subcommand)]
pub enum FundsCommand {
    /// What was made available, and what each partner may still pay with
    List,
    /// What organisations that pay cash have of ours, and what is to be drawn for their next lists
    Cash,
    /// What partners are owed for paying, and what their statements show that they took
    Fees {
        /// The first day of the period; the first of this month when not said
        #[arg(long, value_name = "DAY")]
        from: Option<String>,
        /// Its last day; today when not said
        #[arg(long, value_name = "DAY")]
        to: Option<String>,
    },
    /// Record money that an organisation which pays cash sent back to our account
    GivenBack {
        #[command(flatten)]
        moved: Moved,
        /// The day on which it came
        #[arg(long, value_name = "DAY")]
        on: String,
    },
    /// Record money that was made available to a partner
    Record {
        #[command(flatten)]
        moved: Moved,
        /// The day from which the partner may pay with it
        #[arg(long, value_name = "DAY")]
        on: String,
    },
}

/// Money that went to a partner or came back from it, as an officer signs for it.
#[derive(Args)]
pub struct Moved {
    provider: String,
    /// Minor units
    #[arg(long, value_name = "MINOR")]
    amount: i64,
    /// What it is called on the statement
    #[arg(long)]
    reference: String,
    #[command(flatten)]
    signer: Signer,
}

impl Moved {
    async fn record(
        self,
        engine: &Engine,
        on: &str,
        is_given_back: bool,
    ) -> Result<Funds, EngineError> {
        let cleared_on = the_day(on)?;
        let key = self.signer.key(engine).await?;
        let funding = Funding {
            provider: self.provider,
            amount_minor: self.amount,
            cleared_on,
            reference: self.reference,
            is_given_back,
        };
        let funds = engine.funds_record(funding, &self.signer.by, &key).await?;
        engine.sequence().await?;
        Ok(funds)
    }
}

impl FundsCommand {
    pub fn only_reads(&self) -> bool {
        matches!(self, FundsCommand::List | FundsCommand::Cash | FundsCommand::Fees { .. })
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
                        "given_back": one.is_given_back,
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
                                money(i128::from(one.added_minor()), currency),
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
            FundsCommand::Cash => {
                let books = engine.cash_left().await?;
                voice.say(&cash_json(&books), || cash_told(&books, currency));
                Ok(())
            }
            FundsCommand::Fees { from, to } => {
                let today = engine.clock.today();
                let day = |option: &str, text: Option<String>, unsaid| match text {
                    None => Ok(unsaid),
                    Some(text) => parse_date(&text).map_err(|error| {
                        EngineError::refused("D149", format!("{option}: {error}"))
                    }),
                };
                let (from, to) =
                    (day("--from", from, today.first_of_month())?, day("--to", to, today)?);
                let seen = engine.fees_seen(from, to).await?;
                let mut told = fees_json(&seen);
                told["from"] = from.to_string().into();
                told["to"] = to.to_string().into();
                voice.say(&told, || fees_told(&seen, currency));
                Ok(())
            }
            FundsCommand::GivenBack { moved, on } => {
                moved.record(engine, &on, true).await?;
                let books = engine.cash_left().await?;
                voice.say(&cash_json(&books), || cash_told(&books, currency));
                Ok(())
            }
            FundsCommand::Record { moved, on } => {
                let funds = moved.record(engine, &on, false).await?;
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

fn the_day(on: &str) -> Result<Date, EngineError> {
    parse_date(on).map_err(|error| EngineError::refused("D145", format!("--on: {error}")))
}

fn cash_json(books: &[(String, CashBooks)]) -> Value {
    let one = |(provider, books): &(String, CashBooks)| {
        json!({
            "provider": provider,
            "drawn_minor": books.drawn.to_string(),
            "paid_minor": books.paid.to_string(),
            "given_back_minor": books.given_back.to_string(),
            "balance_minor": books.balance().to_string(),
            "open_minor": books.open.to_string(),
            "next_minor": books.next.to_string(),
            "to_draw_minor": books.to_draw().to_string(),
        })
    };
    books.iter().map(one).collect()
}

fn cash_told(books: &[(String, CashBooks)], currency: Currency) -> String {
    let rows: Vec<Vec<String>> = books
        .iter()
        .map(|(provider, books)| {
            let minor = [
                books.drawn,
                books.paid,
                books.given_back,
                books.balance(),
                books.open,
                books.next,
                books.to_draw(),
            ];
            let minor = minor.into_iter().map(|minor| money(minor, currency));
            std::iter::once(provider.clone()).chain(minor).collect()
        })
        .collect();
    let head = [
        "organisation",
        "drawn",
        "paid",
        "given back",
        "balance",
        "to be paid out",
        "next lists",
        "to draw",
    ];
    let mut told = vec![table(&head, &rows, &[1, 2, 3, 4, 5, 6, 7])];
    for (provider, books) in books.iter().filter(|(_, books)| books.balance() < 0) {
        let missing = money(-books.balance(), currency);
        told.push(format!(
            "{provider}: đã chi nhiều hơn đã rút {missing}; còn lần rút tiền chưa ghi.\n\
             {provider}: {missing} more was paid than was drawn; a draw is not recorded (chitra funds record)."
        ));
    }
    told.join("\n")
}

fn fees_json(seen: &BTreeMap<String, FeesSeen>) -> Value {
    let statements = seen.iter().map(|(place, seen)| {
        let owed = seen.owed.iter().map(|(provider, fees)| {
            json!({
                "provider": provider,
                "payments": fees.payments,
                "paid_minor": fees.paid_minor.to_string(),
                "fee_minor": fees.fee_minor.to_string(),
                "tax_minor": fees.tax_minor.to_string(),
            })
        });
        json!({
            "on_statements_of": place,
            "owed": owed.collect::<Vec<_>>(),
            "fee_owed_minor": seen.fee_owed().to_string(),
            "tax_owed_minor": seen.tax_owed().to_string(),
            "fee_charged_minor": seen.fee_charged.to_string(),
            "tax_charged_minor": seen.tax_charged.to_string(),
            "difference_minor": seen.difference().to_string(),
        })
    });
    json!({ "statements": statements.collect::<Vec<_>>() })
}

fn fees_told(seen: &BTreeMap<String, FeesSeen>, currency: Currency) -> String {
    let mut rows: Vec<Vec<String>> = Vec::new();
    let money = |minor: i64| money(i128::from(minor), currency);
    for (place, seen) in seen {
        for (provider, fees) in &seen.owed {
            let of = [fees.paid_minor, fees.fee_minor, fees.tax_minor].map(money);
            let head = [format!("{provider} owed"), fees.payments.to_string()];
            rows.push(head.into_iter().chain(of).collect());
        }
        let charged = [seen.fee_charged, seen.tax_charged].map(money);
        let head = [format!("on statements of {place}"), String::new(), String::new()];
        rows.push(head.into_iter().chain(charged).collect());
        let fee = seen.fee_charged - seen.fee_owed();
        let tax = seen.tax_charged - seen.tax_owed();
        let head = ["charged less owed".to_owned(), String::new(), String::new()];
        rows.push(head.into_iter().chain([fee, tax].map(money)).collect());
    }
    table(&["fees", "payments", "paid", "fee", "tax"], &rows, &[1, 2, 3, 4])
}
