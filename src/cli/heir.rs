//! `chitra heir`: who is paid what is still due to somebody who has died.

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use crate::cli::Voice;
use crate::cli::show::{money, table};
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
    /// One naming, whole, with the account: what the second officer holds against the paper
    Show { number: i64 },
    /// Name the heir of somebody who has died; nothing changes until another officer confirms
    Propose(Box<Propose>),
    /// The second officer, an approver, confirms what `heir show` tells: the next month's list pays the heir
    Confirm {
        number: i64,
        #[command(flatten)]
        signer: Signer,
    },
    /// Withdraw a naming, confirmed or not; what was ordered already is for a stop or a recall
    Withdraw {
        number: i64,
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
        matches!(self, HeirCommand::List { .. } | HeirCommand::Show { .. })
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
            HeirCommand::Show { number } => {
                let shown = engine.heir_shown(number).await?;
                voice.say(&whole(&shown), || as_text(&shown));
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
                        "naming {number}: nothing changes until another officer has looked at it and confirms: chitra \
                         heir show {number}; chitra heir confirm {number} --as APPROVER",
                        number = done.row.number
                    )
                });
            }
            HeirCommand::Confirm { number, signer } => {
                let key = signer.key(engine).await?;
                let done = engine.heir_confirm(number, &signer.by, &key).await?;
                engine.sequence().await?;
                let (count, minor) = engine.paid_after_death(&done).await?;
                let mut told = as_json(&done);
                told["paid_after_death"] = json!(count);
                told["paid_after_death_minor"] = json!(minor.to_string());
                voice.say(&told, || {
                    let after = match count {
                        0 => String::new(),
                        _ => format!(
                            "{count} payments of months after the death, {}, were paid: they are owed back once the register \
                             has the death, and until then asked back with: chitra recall propose; ",
                            money(i128::from(minor), engine.config.currency)
                        ),
                    };
                    format!(
                        "naming {}: {after}the next month's list pays the heir what is due up to {} and not paid; a list that is \
                         computed and not sealed is computed anew for it: chitra cycle run CYCLE --recompute; what a \
                         sealed list still orders to the old account is taken off with: chitra stop propose",
                        done.row.number, done.heir.last_month
                    )
                });
            }
            HeirCommand::Withdraw { number, reason, signer } => {
                let key = signer.key(engine).await?;
                let done = engine.heir_withdraw(number, &reason, &signer.by, &key).await?;
                engine.sequence().await?;
                voice.say(&as_json(&done), || {
                    match &done.row.confirmed_by {
                        None => format!("naming {} is withdrawn; nobody had confirmed it", done.row.number),
                        Some(_) => format!(
                            "naming {} is withdrawn; what was ordered for the heir and has not left is not signed, released \
                             or sent until a stop is proposed: chitra stop propose; what has left is asked back: chitra recall \
                             propose; and what else is due to the person is held until two release it (H156)",
                            done.row.number
                        ),
                    }
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

/// With what is masked elsewhere: the second officer holds it against the paper.
fn whole(one: &NamedHeir) -> Value {
    let mut told = as_json(one);
    told["of_name"] = json!(one.heir.of_name);
    told["of_national_id"] = json!(one.heir.of_national_id);
    told["national_id"] = json!(one.heir.national_id);
    told["account"] = json!(one.heir.account);
    told["account_name"] = json!(one.heir.account_name);
    told
}

fn as_text(one: &NamedHeir) -> String {
    let (row, heir) = (&one.row, &one.heir);
    let lines = [
        ("số / naming", format!("{} ({})", row.number, state(one))),
        (
            "người đã chết / who has died",
            format!("{}, {} ({})", heir.of_name, heir.of_national_id, row.person),
        ),
        (
            "ngày chết / died on",
            format!("{}, chi đến hết / paid up to {}", heir.died_on, heir.last_month),
        ),
        ("thân nhân / heir", format!("{} ({})", heir.name, heir.relation)),
        ("số định danh / national id", heir.national_id.clone()),
        ("nhận qua / paid by", format!("{} {}", heir.channel, heir.provider)),
        ("tài khoản / account", heir.account.clone()),
        ("chủ tài khoản / account name", heir.account_name.clone()),
        ("giấy tờ / paper", format!("{}, {}", heir.paper, heir.paper_date)),
        ("đề nghị / named by", format!("{}, {}", row.proposed_by, row.proposed_at)),
        ("xác nhận / confirmed by", row.confirmed_by.clone().unwrap_or_default()),
        ("rút / withdrawn by", row.withdrawn_by.clone().unwrap_or_default()),
        ("lý do / reason", one.reason.clone().unwrap_or_default()),
    ];
    let told = lines.iter().filter(|(_, text)| !text.trim().is_empty());
    told.map(|(what, text)| format!("{what}: {text}")).collect::<Vec<_>>().join("\n")
}

fn state(one: &NamedHeir) -> String {
    match (one.is_void, one.row.state) {
        (true, _) => "void: who proposed it signs no more".to_owned(),
        (false, HeirState::Proposed) => "waits for an approver".to_owned(),
        (false, state) => state.to_string(),
    }
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
                ("named", Some(&row.proposed_by)),
                ("confirmed", row.confirmed_by.as_ref()),
                ("withdrawn", row.withdrawn_by.as_ref()),
            ];
            let officers: Vec<String> = officers
                .into_iter()
                .filter_map(|(act, officer)| Some(format!("{act} by {}", officer?)))
                .collect();
            let state = state(one);
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
