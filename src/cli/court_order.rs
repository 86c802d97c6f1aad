//! `chitra court-order`: what is kept back of people's benefits for others by orders of courts, and what of it
//! was transferred.

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use crate::cli::Voice;
use crate::cli::import::period;
use crate::cli::show::{money, table};
use crate::cli::signer::Signer;
use crate::domain::court_order::{
    CourtOrderStanding, CourtOrderState, CourtTerms, CreditorPlace, Measure, SHARE_MAX_OF_LAW,
    share_millionths, share_told,
};
use crate::domain::period::parse_date;
use crate::domain::receivable::Voucher;
use crate::domain::state::Named;
use crate::engine::court_transfer::Transferring;
use crate::engine::{Engine, EngineError};

#[derive(Subcommand)]
pub enum CourtOrderCommand {
    /// Enter what stands on the paper; nothing is kept back until another officer confirms it
    Propose {
        /// The debtor: a national id, an enrolment id, or the person's number
        person: String,
        #[command(flatten)]
        paper: Box<Paper>,
        #[command(flatten)]
        signer: Signer,
    },
    /// The second officer, an approver, confirms: lists that are computed from now on keep back for it
    Confirm {
        number: i64,
        #[command(flatten)]
        signer: Signer,
    },
    /// Give up an order that nobody has confirmed
    Withdraw {
        number: i64,
        /// It is sealed
        #[arg(long)]
        reason: String,
        #[command(flatten)]
        signer: Signer,
    },
    /// One of the two officers who end an order: from then on the debtor is paid more
    End {
        number: i64,
        /// On which paper it rests; it is sealed
        #[arg(long)]
        reason: String,
        #[command(flatten)]
        signer: Signer,
    },
    /// Orders, what is kept back for them, and what is to be transferred
    List {
        /// Also those that have ended or were withdrawn, and owe nothing
        #[arg(long)]
        all: bool,
    },
    /// One of them: the paper, what was kept back of which payments, and what was transferred
    Show { number: i64 },
    /// Record what was transferred to the creditor
    Transfer {
        number: i64,
        /// Minor units
        #[arg(long)]
        amount: i64,
        /// The number under which it stands on the statement
        #[arg(long)]
        voucher: String,
        /// The day on which it left; today when not said
        #[arg(long)]
        on: Option<String>,
        #[command(flatten)]
        signer: Signer,
    },
    /// One of the two officers who take a transfer back that was a mistake; it stays to be seen
    TakeBack {
        number: i64,
        /// The voucher, as `court-order show` has it
        voucher: String,
        #[arg(long)]
        reason: String,
        #[command(flatten)]
        signer: Signer,
    },
}

/// What stands on the paper.
#[derive(Args)]
pub struct Paper {
    /// The court, or the authority that enforces
    #[arg(long)]
    authority: String,
    /// The number of the decision
    #[arg(long)]
    decision: String,
    /// The day of the decision
    #[arg(long)]
    decided_on: String,
    /// To whom the money is owed
    #[arg(long)]
    creditor: String,
    /// The creditor's bank and account
    #[arg(long)]
    account: Option<String>,
    /// Where the creditor collects cash, in place of an account
    #[arg(long)]
    pay_point: Option<String>,
    /// Maintenance of children or others, which is served first
    #[arg(long)]
    maintenance: bool,
    /// Minor units of each month
    #[arg(long)]
    amount: Option<i64>,
    /// In place of an amount, a share of the benefits that may be attached: 0.25
    #[arg(long)]
    share: Option<String>,
    /// Minor units after which it ends by itself
    #[arg(long)]
    total: Option<i64>,
    /// The first month of whose benefits it takes
    #[arg(long)]
    first: String,
    /// The last one; without it the order has no end
    #[arg(long)]
    last: Option<String>,
    /// The largest share of a month that is kept back, with orders that are served before
    #[arg(long, default_value = SHARE_MAX_OF_LAW)]
    share_max: String,
    /// So much of a month is left to the debtor and those who live of it, minor units
    #[arg(long)]
    floor: i64,
}

impl Paper {
    fn terms(self) -> Result<CourtTerms, EngineError> {
        let share = |text: &str| {
            share_millionths(text)
                .map_err(|error| EngineError::refused(error.code(), error.to_string()))
        };
        Ok(CourtTerms {
            authority: self.authority.trim().to_owned(),
            decision_no: self.decision.trim().to_owned(),
            decided_on: day(&self.decided_on)?,
            creditor: self.creditor.trim().to_owned(),
            place: match (self.account, self.pay_point) {
                (Some(account), None) => CreditorPlace::Account(account.trim().to_owned()),
                (None, Some(point)) => CreditorPlace::PayPoint(point.trim().to_owned()),
                // Nothing, which the terms refuse.
                _ => CreditorPlace::Account(String::new()),
            },
            is_maintenance: self.maintenance,
            measure: match (self.amount, self.share) {
                (Some(amount_minor), None) => Measure::Monthly { amount_minor },
                (None, Some(text)) => Measure::Share { millionths: share(&text)? },
                _ => {
                    return Err(EngineError::refused(
                        "F134",
                        "an order takes an amount of each month or a share of what may be attached, one of the two: --amount \
                         MINOR, or --share 0.25",
                    ));
                }
            },
            total_minor: self.total,
            first: period(&self.first)?,
            last: self.last.as_deref().map(period).transpose()?,
            share_max_millionths: share(&self.share_max)?,
            floor_minor: self.floor,
        })
    }
}

fn day(text: &str) -> Result<jiff::civil::Date, EngineError> {
    parse_date(text).map_err(|error| EngineError::refused("G102", error.to_string()))
}

impl CourtOrderCommand {
    pub fn only_reads(&self) -> bool {
        matches!(self, CourtOrderCommand::List { .. } | CourtOrderCommand::Show { .. })
    }

    pub async fn run(self, engine: &Engine, voice: &Voice) -> Result<(), EngineError> {
        match self {
            CourtOrderCommand::Propose { person, paper, signer } => {
                let cycles = engine.store.cycles().await?;
                let newest = cycles.last().ok_or_else(|| {
                    EngineError::refused(
                        "C103",
                        "this office has no cycle yet, and knows nobody; open one: chitra cycle open MONTH --value-date DAY \
                         --as OFFICER",
                    )
                })?;
                let person = engine.person_find(&person, newest).await?;
                let terms = paper.terms()?;
                let key = signer.key(engine).await?;
                let done = engine.court_order_propose(person, terms, &signer.by, &key).await?;
                engine.sequence().await?;
                voice.say(&to_json(engine, &done)?, || {
                    format!(
                        "court order {0} is entered; nothing is kept back until another officer has looked at the paper: chitra \
                         court-order confirm {0} --as APPROVER",
                        done.order.number
                    )
                });
            }
            CourtOrderCommand::Confirm { number, signer } => {
                let key = signer.key(engine).await?;
                let done = engine.court_order_confirm(number, &signer.by, &key).await?;
                engine.sequence().await?;
                voice.say(&to_json(engine, &done)?, || {
                    format!(
                        "court order {number} is confirmed; lists that are computed from now on keep back for it"
                    )
                });
            }
            CourtOrderCommand::Withdraw { number, reason, signer } => {
                let key = signer.key(engine).await?;
                let done = engine.court_order_withdraw(number, &reason, &signer.by, &key).await?;
                engine.sequence().await?;
                voice
                    .say(&to_json(engine, &done)?, || format!("court order {number} is withdrawn"));
            }
            CourtOrderCommand::End { number, reason, signer } => {
                let key = signer.key(engine).await?;
                let done = engine.court_order_end(number, &reason, &signer.by, &key).await?;
                engine.sequence().await?;
                voice.say(&json!({ "number": number, "ended": done }), || match done {
                    true => format!("court order {number} has ended"),
                    false => second_confirms(&signer),
                });
            }
            CourtOrderCommand::List { all } => list(engine, all, voice).await?,
            CourtOrderCommand::Show { number } => {
                let standing = engine.court_order(number).await?;
                show(engine, &standing, voice).await?;
            }
            CourtOrderCommand::Transfer { number, amount, voucher, on, signer } => {
                let on = on.as_deref().map_or_else(|| Ok(engine.clock.today()), day)?;
                let key = signer.key(engine).await?;
                let transferring = Transferring { amount_minor: amount, voucher, on };
                let done = engine.court_transfer(number, transferring, &signer.by, &key).await?;
                engine.sequence().await?;
                let told = to_json(engine, &done)?;
                let row = row(engine, &done)?;
                voice.say(&told, || listed(engine, &[row], &[done]));
            }
            CourtOrderCommand::TakeBack { number, voucher, reason, signer } => {
                let key = signer.key(engine).await?;
                let by = &signer.by;
                let done =
                    engine.court_transfer_take_back(number, &voucher, &reason, by, &key).await?;
                engine.sequence().await?;
                let told = json!({ "number": number, "voucher": voucher, "taken_back": done });
                voice.say(&told, || match done {
                    true => format!("`{voucher}` of court order {number} is taken back"),
                    false => second_confirms(&signer),
                });
            }
        }
        Ok(())
    }
}

fn second_confirms(signer: &Signer) -> String {
    format!("{} proposes it; an approver confirms with the same command in their name", signer.by)
}

/// Orders of which something is still to come: kept back, confirmed, transferred or put right.
async fn list(engine: &Engine, all: bool, voice: &Voice) -> Result<(), EngineError> {
    let not_seen = engine.transfers_not_seen().await?;
    let mut standings = engine.store.court_orders().await?;
    standings.retain(|one| {
        let is_open =
            matches!(one.order.state, CourtOrderState::Proposed | CourtOrderState::Confirmed);
        let has_money =
            one.on_its_way_minor + one.to_transfer_minor(None) + one.too_much_minor() > 0;
        all || is_open || has_money || not_seen.iter().any(|voucher| voucher.of == one.order.number)
    });
    let mut told = Vec::new();
    let mut rows = Vec::new();
    for one in &standings {
        let mut value = to_json(engine, one)?;
        let late = not_seen.iter().filter(|voucher| voucher.of == one.order.number);
        value["not_seen"] = late.map(|voucher| json!(voucher.reference)).collect();
        told.push(value);
        rows.push(row(engine, one)?);
    }
    voice.say(&json!(told), || {
        let mut parts = vec![listed(engine, &rows, &standings)];
        parts.extend(not_seen.iter().map(|one| not_seen_sentence(engine, one)));
        parts.join("\n")
    });
    Ok(())
}

fn not_seen_sentence(engine: &Engine, voucher: &Voucher) -> String {
    let amount = money(i128::from(voucher.amount_minor), engine.config.currency);
    let days = engine.config.receipt_seen_days.unwrap_or_default();
    let Voucher { of, reference, on, .. } = voucher;
    format!(
        "{of}: chứng từ chuyển `{reference}`, {amount}, ngày {on}, quá {days} ngày chưa khớp với bút toán nào của sao kê.\n\
         {of}: the transfer `{reference}`, {amount} of {on}, is matched with no entry of a statement after {days} days."
    )
}

/// What an order takes of a month, as it is listed: `100.000 VND`, `25%`.
fn measure_told(engine: &Engine, terms: &CourtTerms) -> String {
    match terms.measure {
        Measure::Monthly { amount_minor } => {
            money(i128::from(amount_minor), engine.config.currency)
        }
        Measure::Share { millionths } => share_told(millionths),
    }
}

fn to_json(engine: &Engine, standing: &CourtOrderStanding) -> Result<Value, EngineError> {
    let order = &standing.order;
    let terms = engine.court_terms(order)?;
    let (account, pay_point) = match &terms.place {
        CreditorPlace::Account(text) => (Some(text), None),
        CreditorPlace::PayPoint(text) => (None, Some(text)),
    };
    let (amount, share) = match terms.measure {
        Measure::Monthly { amount_minor } => (Some(amount_minor.to_string()), None),
        Measure::Share { millionths } => (None, Some(millionths)),
    };
    Ok(json!({
        "number": order.number,
        "person": order.person.to_string(),
        "state": order.state.name(),
        "authority": terms.authority,
        "decision": terms.decision_no,
        "decided_on": terms.decided_on.to_string(),
        "creditor": terms.creditor,
        "account": account,
        "pay_point": pay_point,
        "maintenance": terms.is_maintenance,
        "amount_minor": amount,
        "share_millionths": share,
        "total_minor": terms.total_minor.map(|total| total.to_string()),
        "first": terms.first.to_string(),
        "last": terms.last.map(|last| last.to_string()),
        "share_max_millionths": terms.share_max_millionths,
        "floor_minor": terms.floor_minor.to_string(),
        "proposed_by": order.proposed_by,
        "confirmed_by": order.confirmed_by,
        "end_proposed_by": order.end.as_ref().map(|end| &end.proposed_by),
        "ended_by": order.end.as_ref().and_then(|end| end.ended_by.as_ref()),
        "end_reason": engine.court_order_end_reason(order)?,
        "kept_minor": standing.kept_minor.to_string(),
        "on_its_way_minor": standing.on_its_way_minor.to_string(),
        "left_minor": terms.total_minor.map(|total| standing.left_of(total).to_string()),
        "transferred_minor": standing.transferred_minor.to_string(),
        "to_transfer_minor": standing.to_transfer_minor(terms.total_minor).to_string(),
        "too_much_minor": standing.too_much_minor().to_string(),
    }))
}

const HEAD: [&str; 10] = [
    "number",
    "state",
    "person",
    "decision",
    "creditor",
    "of a month",
    "kept",
    "on its way",
    "transferred",
    "to transfer",
];

fn row(engine: &Engine, standing: &CourtOrderStanding) -> Result<Vec<String>, EngineError> {
    let amount = |minor: i64| money(i128::from(minor), engine.config.currency);
    let terms = engine.court_terms(&standing.order)?;
    Ok(vec![
        standing.order.number.to_string(),
        standing.order.state.to_string(),
        standing.order.person.to_string(),
        terms.decision_no.clone(),
        terms.creditor.clone(),
        measure_told(engine, &terms),
        amount(standing.kept_minor),
        amount(standing.on_its_way_minor),
        amount(standing.transferred_minor),
        amount(standing.to_transfer_minor(terms.total_minor)),
    ])
}

fn listed(engine: &Engine, rows: &[Vec<String>], standings: &[CourtOrderStanding]) -> String {
    let mut told = vec![table(&HEAD, rows, &[0, 5, 6, 7, 8, 9])];
    for one in standings.iter().filter(|one| one.too_much_minor() > 0) {
        let number = one.order.number;
        let too_much = money(i128::from(one.too_much_minor()), engine.config.currency);
        told.push(format!(
            "{number}: đã chuyển thừa {too_much}: khoản chi đã khấu trừ bị trả lại sau khi chuyển; số thừa được trừ vào lần chuyển \
             sau, hoặc đòi lại người được thi hành án.\n\
             {number}: {too_much} more was transferred than is kept back: a payment came back after the transfer; it counts \
             towards what is kept back next, or is asked back from the creditor."
        ));
    }
    for one in standings {
        let waits = one.order.end.as_ref().filter(|end| end.ended_by.is_none());
        if let Some(end) = waits {
            let (number, by) = (one.order.number, &end.proposed_by);
            told.push(format!(
                "{number}: {by} đề nghị chấm dứt, chờ người thứ hai xác nhận.\n\
                 {number}: {by} proposes to end it, and a second officer confirms."
            ));
        }
    }
    told.join("\n")
}

async fn show(
    engine: &Engine,
    standing: &CourtOrderStanding,
    voice: &Voice,
) -> Result<(), EngineError> {
    let number = standing.order.number;
    let mut steps: Vec<(String, String, i64)> = Vec::new();
    for one in engine.store.deductions_for(number).await? {
        let payable = engine.store.payable(one.payable).await?;
        let state = match payable {
            None => "gone".to_owned(),
            Some(payable) if payable.carried_to.is_some() => "carried on".to_owned(),
            Some(payable) => payable.state.to_string(),
        };
        let what = format!("payable {}, {state}", one.payable);
        steps.push((format!("kept back of {}", one.period), what, -one.amount_minor));
    }
    let vouchers = engine.store.transfer_vouchers().await?;
    for one in engine.store.transfers_of(number).await? {
        let voucher = vouchers.iter().find(|voucher| voucher.number == one.number);
        let seen = match voucher.and_then(|voucher| voucher.seen) {
            Some(on) => format!(", seen on statement {}, entry {}", on.statement, on.entry),
            None => String::new(),
        };
        let what = format!("{}, recorded by {}{seen}", one.voucher, one.recorded_by);
        steps.push((format!("transferred {}", one.transferred_on), what, -one.amount_minor));
        if let (Some(back), Some(reason)) =
            (&one.take_back, engine.transfer_take_back_reason(&one)?)
        {
            let (second, minor) = match &back.taken_back_by {
                Some(by) => (format!("confirmed by {by}"), one.amount_minor),
                None => ("waits for an approver".to_owned(), 0),
            };
            let what =
                format!("{}: {reason}; proposed by {}, {second}", one.voucher, back.proposed_by);
            steps.push(("taken back".to_owned(), what, minor));
        }
    }
    let mut told = to_json(engine, standing)?;
    told["steps"] = steps
        .iter()
        .map(
            |(step, what, minor)| json!({ "step": step, "what": what, "minor": minor.to_string() }),
        )
        .collect();
    let terms = engine.court_terms(&standing.order)?;
    let row = row(engine, standing)?;
    voice.say(&told, || {
        let amount = |minor: i64| money(i128::from(minor), engine.config.currency);
        let until = terms.last.map_or_else(
            || "không kỳ hạn / without an end".to_owned(),
            |last| format!("đến / to {last}"),
        );
        let total = terms.total_minor.map_or_else(String::new, |total| {
            format!(", tổng / in all {}", amount(total))
        });
        let kind = if terms.is_maintenance { ", cấp dưỡng / maintenance" } else { "" };
        let paper = format!(
            "{} {} ({}){kind}\nngười được thi hành án / creditor: {}, {}\ntừ / from {}, {until}{total}; tối đa / at most {}, để lại \
             ít nhất / leaving at least {}",
            terms.authority,
            terms.decision_no,
            terms.decided_on,
            terms.creditor,
            terms.place.text(),
            terms.first,
            share_told(terms.share_max_millionths),
            amount(terms.floor_minor)
        );
        let rows: Vec<Vec<String>> = steps
            .iter()
            .map(|(step, what, minor)| vec![step.clone(), what.clone(), amount(*minor)])
            .collect();
        let steps = table(&["step", "what", "money"], &rows, &[2]);
        let listed = listed(engine, &[row], std::slice::from_ref(standing));
        format!("{paper}\n\n{listed}\n\n{steps}")
    });
    Ok(())
}
