//! `chitra heir`: who is paid what is still due to somebody who has died.

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use crate::cli::Voice;
use crate::cli::show::table;
use crate::cli::signer::Signer;
use crate::domain::heir::HeirState;
use crate::domain::ids::PersonNo;
use crate::domain::payee_account::masked;
use crate::domain::state::Named;
use crate::engine::heir::{NamedHeir, Naming};
use crate::engine::{Engine, EngineError};

#[derive(Subcommand)]
pub enum HeirCommand {
    /// Who was named, and how far it is
    List {
        /// Only of this person: number, national id or enrolment id
        person: Option<String>,
    },
    /// Name the heir of somebody who has died; nothing changes until another officer confirms
    Propose(Box<Propose>),
    /// The second officer, an approver, confirms: the next month's list pays the heir
    Confirm {
        person: String,
        #[command(flatten)]
        signer: Signer,
    },
    /// Withdraw the heir, confirmed or not; what was ordered already is for a stop or a recall
    Withdraw {
        person: String,
        /// On what it rests, such as what the family says; it is sealed
        #[arg(long)]
        reason: String,
        #[command(flatten)]
        signer: Signer,
    },
}

#[derive(Args)]
pub struct Propose {
    /// Who has died: number, national id or enrolment id
    person: String,
    /// The day of the death, by the paper: the month in which it lies is the last one that is due
    #[arg(long, value_name = "DAY")]
    died_on: String,
    /// The heir's full name
    #[arg(long)]
    name: String,
    #[arg(long)]
    national_id: String,
    /// Of the heir to who has died, such as `con` or `vợ`
    #[arg(long)]
    relation: String,
    /// bank, ewallet, mobile_money or cash
    #[arg(long)]
    channel: String,
    /// The bank, wallet or operator, as rosters name it
    #[arg(long, default_value = "")]
    provider: String,
    /// The account or number; of cash the pay point
    #[arg(long)]
    account: String,
    #[arg(long, default_value = "")]
    account_name: String,
    /// The number or name of the paper, such as an authorisation or the heirs' agreement
    #[arg(long)]
    paper: String,
    #[arg(long, value_name = "DAY")]
    paper_date: String,
    #[command(flatten)]
    signer: Signer,
}

impl HeirCommand {
    pub fn only_reads(&self) -> bool {
        matches!(self, HeirCommand::List { .. })
    }

    pub async fn run(self, engine: &Engine, voice: &Voice) -> Result<(), EngineError> {
        match self {
            HeirCommand::List { person } => {
                let person = match person {
                    Some(text) => Some(found(engine, &text).await?),
                    None => None,
                };
                let named = engine.heirs_named(person).await?;
                let told: Vec<Value> = named.iter().map(as_json).collect();
                voice.say(&json!(told), || as_table(&named));
            }
            HeirCommand::Propose(propose) => {
                let person = found(engine, &propose.person).await?;
                let key = propose.signer.key(engine).await?;
                let naming = Naming {
                    died_on: &propose.died_on,
                    name: &propose.name,
                    national_id: &propose.national_id,
                    relation: &propose.relation,
                    channel: &propose.channel,
                    provider: &propose.provider,
                    account: &propose.account,
                    account_name: &propose.account_name,
                    paper: &propose.paper,
                    paper_date: &propose.paper_date,
                };
                let done = engine.heir_propose(person, &naming, &propose.signer.by, &key).await?;
                engine.sequence().await?;
                voice.say(&as_json(&done), || {
                    format!(
                        "naming {}: nothing changes until another officer confirms: chitra heir confirm {} --as APPROVER",
                        done.row.number, propose.person
                    )
                });
            }
            HeirCommand::Confirm { person, signer } => {
                let key = signer.key(engine).await?;
                let person = found(engine, &person).await?;
                let done = engine.heir_confirm(person, &signer.by, &key).await?;
                engine.sequence().await?;
                voice.say(&as_json(&done), || {
                    format!(
                        "naming {}: the next month's list pays the heir what is due up to {} and not paid; a list that is \
                         computed and not sealed is computed anew for it: chitra cycle run CYCLE --recompute",
                        done.row.number, done.heir.last_month
                    )
                });
            }
            HeirCommand::Withdraw { person, reason, signer } => {
                let key = signer.key(engine).await?;
                let person = found(engine, &person).await?;
                let done = engine.heir_withdraw(person, &reason, &signer.by, &key).await?;
                engine.sequence().await?;
                voice.say(&as_json(&done), || {
                    format!(
                        "naming {} is withdrawn; what a sealed list orders for the heir is taken off with: chitra stop propose",
                        done.row.number
                    )
                });
            }
        }
        Ok(())
    }
}

/// A person of the newest month or an earlier one.
async fn found(engine: &Engine, text: &str) -> Result<PersonNo, EngineError> {
    let cycle = engine.store.cycles().await?.pop().ok_or_else(|| {
        EngineError::refused(
            "C103",
            "this office has no cycle yet; open one: chitra cycle open MONTH --value-date DAY --as OFFICER",
        )
    })?;
    engine.person_find(text, &cycle).await
}

fn as_json(one: &NamedHeir) -> Value {
    let (row, heir) = (&one.row, &one.heir);
    json!({
        "heir": row.number,
        "person": row.person.to_string(),
        "state": row.state.name(),
        "is_void": one.is_void,
        "died_on": heir.died_on.to_string(),
        "last_month": heir.last_month.to_string(),
        "name": heir.name,
        "relation": heir.relation,
        "channel": heir.channel.name(),
        "provider": heir.provider,
        "account": masked(&heir.account),
        "paper": heir.paper,
        "paper_date": heir.paper_date.to_string(),
        "proposed_by": row.proposed_by,
        "proposed_at": row.proposed_at,
        "confirmed_by": row.confirmed_by,
        "confirmed_at": row.confirmed_at,
        "withdrawn_by": row.withdrawn_by,
        "withdrawn_at": row.withdrawn_at,
        "reason": one.reason,
    })
}

fn as_table(named: &[NamedHeir]) -> String {
    if named.is_empty() {
        return "no heir was named".to_owned();
    }
    let rows: Vec<Vec<String>> = named
        .iter()
        .map(|one| {
            let (row, heir) = (&one.row, &one.heir);
            let officers = [
                Some(row.proposed_by.as_str()),
                row.confirmed_by.as_deref(),
                row.withdrawn_by.as_deref(),
            ];
            let officers: Vec<&str> = officers.into_iter().flatten().collect();
            let state = match (one.is_void, row.state) {
                (true, _) => "void: who proposed it signs no more".to_owned(),
                (false, HeirState::Proposed) => "waits for an approver".to_owned(),
                (false, state) => state.to_string(),
            };
            vec![
                row.number.to_string(),
                row.person.to_string(),
                heir.died_on.to_string(),
                format!("{} ({})", heir.name, heir.relation),
                format!("{} {} {}", heir.channel, heir.provider, masked(&heir.account)),
                format!("{} ({})", heir.paper, heir.paper_date),
                state,
                officers.join(", "),
            ]
        })
        .collect();
    let head = ["naming", "person", "died on", "heir", "paid by", "paper", "state", "officers"];
    table(&head, &rows, &[0])
}
