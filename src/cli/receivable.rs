//! `chitra receivable`: money to be got back, how far it has come, what is paid in or given up.

use clap::Subcommand;
use serde_json::{Value, json};

use crate::cli::Voice;
use crate::cli::show::{money, table};
use crate::cli::signer::Signer;
use crate::domain::instruction::InstructionState;
use crate::domain::period::parse_date;
use crate::domain::receivable::{ReceiptSource, ReceivableStanding, Voucher};
use crate::domain::state::Named;
use crate::engine::paid_otherwise::PaidOtherwise;
use crate::engine::receivable::Receiving;
use crate::engine::{Engine, EngineError};

#[derive(Subcommand)]
pub enum ReceivableCommand {
    /// What is to be got back, and what is left of it
    List {
        /// Also what is back or written off
        #[arg(long)]
        all: bool,
    },
    /// One of them: what was kept back, paid in and given up
    Show { number: i64 },
    /// Record what was paid back outside
    Received {
        number: i64,
        /// Minor units
        #[arg(long)]
        amount: i64,
        /// The number of the voucher, or of the entry on the account
        #[arg(long)]
        reference: String,
        /// Who paid it: person or estate
        #[arg(long, default_value = "person")]
        from: String,
        /// The day on which it came; today when not said
        #[arg(long)]
        on: Option<String>,
        #[command(flatten)]
        signer: Signer,
    },
    /// One of the two officers who take a receipt back that was a mistake; it stays to be seen
    TakeBack {
        number: i64,
        /// The voucher, as `receivable show` has it
        reference: String,
        #[arg(long)]
        reason: String,
        #[command(flatten)]
        signer: Signer,
    },
    /// One of the two officers who give up what cannot be had
    WriteOff {
        number: i64,
        #[arg(long)]
        reason: String,
        #[command(flatten)]
        signer: Signer,
    },
}

impl ReceivableCommand {
    pub fn only_reads(&self) -> bool {
        matches!(self, ReceivableCommand::List { .. } | ReceivableCommand::Show { .. })
    }

    pub async fn run(self, engine: &Engine, voice: &Voice) -> Result<(), EngineError> {
        match self {
            ReceivableCommand::List { all } => {
                let not_seen = engine.vouchers_not_seen().await?;
                let mut standings = engine.store.standings().await?;
                // What is back beyond what is owed is somebody's money, and is told until the end.
                let waits = |number: i64| not_seen.iter().any(|one| one.of == number);
                standings.retain(|one| {
                    all || one.state().is_open() || one.too_much_minor() > 0 || waits(one.number)
                });
                let waiting = engine.paid_otherwise().await?;
                let mut told: Vec<Value> =
                    standings.iter().map(|one| to_json(one, &waiting)).collect();
                for (one, standing) in told.iter_mut().zip(&standings) {
                    let of = not_seen.iter().filter(|voucher| voucher.of == standing.number);
                    one["not_seen"] = of.map(voucher_json).collect();
                }
                voice.say(&json!(told), || {
                    let mut parts = vec![listed(engine, &standings, &waiting)];
                    parts.extend(not_seen.iter().map(|one| not_seen_sentence(engine, one)));
                    parts.join("\n")
                });
                Ok(())
            }
            ReceivableCommand::Show { number } => {
                let standing = engine.receivable(number).await?;
                show(engine, &standing, voice).await
            }
            ReceivableCommand::Received { number, amount, reference, from, on, signer } => {
                let source = ReceiptSource::from_name(&from).ok_or_else(|| {
                    EngineError::refused(
                        "F116",
                        format!(
                            "money does not come from `{from}`: --from person, or --from estate"
                        ),
                    )
                })?;
                let on = match on {
                    None => engine.clock.today(),
                    Some(text) => parse_date(&text)
                        .map_err(|error| EngineError::refused("F117", format!("--on: {error}")))?,
                };
                let receiving = Receiving { amount_minor: amount, source, reference, on };
                let key = signer.key(engine).await?;
                let standing =
                    engine.receivable_received(number, receiving, &signer.by, &key).await?;
                engine.sequence().await?;
                let waiting = engine.paid_otherwise().await?;
                voice.say(&to_json(&standing, &waiting), || {
                    listed(engine, std::slice::from_ref(&standing), &waiting)
                });
                Ok(())
            }
            ReceivableCommand::TakeBack { number, reference, reason, signer } => {
                let key = signer.key(engine).await?;
                let done =
                    engine.receipt_take_back(number, &reference, &reason, &signer.by, &key).await?;
                engine.sequence().await?;
                let told =
                    json!({ "receivable": number, "reference": reference, "taken_back": done });
                voice.say(&told, || match done {
                    true => format!("`{reference}` of receivable {number} is taken back"),
                    false => format!(
                        "{} proposes it; an approver confirms with the same command in their name",
                        signer.by
                    ),
                });
                Ok(())
            }
            ReceivableCommand::WriteOff { number, reason, signer } => {
                let key = signer.key(engine).await?;
                let done = engine.receivable_write_off(number, &reason, &signer.by, &key).await?;
                engine.sequence().await?;
                voice.say(&json!({ "receivable": number, "written_off": done }), || match done {
                    true => format!("receivable {number} is written off"),
                    false => format!(
                        "{} proposes it; an approver confirms with the same command in their name",
                        signer.by
                    ),
                });
                Ok(())
            }
        }
    }
}

fn voucher_json(voucher: &Voucher) -> Value {
    json!({
        "receipt": voucher.number,
        "reference": voucher.reference,
        "minor": voucher.amount_minor.to_string(),
        "received_on": voucher.on.to_string(),
    })
}

fn not_seen_sentence(engine: &Engine, voucher: &Voucher) -> String {
    let amount = money(i128::from(voucher.amount_minor), engine.config.currency);
    let days = engine.config.receipt_seen_days.unwrap_or_default();
    let Voucher { of: receivable, reference, on: received_on, .. } = voucher;
    format!(
        "{receivable}: phiếu thu `{reference}`, {amount}, ngày {received_on}, quá {days} ngày chưa khớp với bút toán nào của sao kê.\n\
         {receivable}: the voucher `{reference}`, {amount} of {received_on}, is matched with no entry of a statement after {days} days."
    )
}

fn to_json(standing: &ReceivableStanding, waiting: &PaidOtherwise) -> Value {
    json!({
        "number": standing.number,
        "cause": standing.receivable.cause.name(),
        "state": standing.state().name(),
        "person": standing.receivable.person.to_string(),
        "amount_minor": standing.receivable.amount_minor.to_string(),
        "recovered_minor": standing.recovered_minor.to_string(),
        "reserved_minor": standing.reserved_minor.to_string(),
        "received_minor": standing.received_minor.to_string(),
        "returned_minor": standing.returned_minor.to_string(),
        "set_off_minor": standing.set_off_minor.to_string(),
        "given_up_minor": standing.given_up_minor.to_string(),
        "left_minor": standing.left_minor().to_string(),
        "set_aside": standing.is_set_aside,
        "too_much_minor": standing.too_much_minor().to_string(),
        "of_unpaid_money": waiting.lowered.waits(standing.number),
        "waiting_minor": waiting.lowered.waiting_minor(standing.number).to_string(),
        "covered_by": waiting.covered_by(standing.number).map(|payable| payable.to_string()),
        "since": standing.receivable.opened_at,
    })
}

fn listed(engine: &Engine, standings: &[ReceivableStanding], waiting: &PaidOtherwise) -> String {
    let amount = |minor: i64| money(i128::from(minor), engine.config.currency);
    let rows: Vec<Vec<String>> = standings
        .iter()
        .map(|one| {
            vec![
                one.number.to_string(),
                one.receivable.cause.to_string(),
                one.state().to_string(),
                one.receivable.person.to_string(),
                amount(one.receivable.amount_minor),
                amount(one.got_back_minor()),
                amount(one.reserved_minor),
                amount(one.given_up_minor),
                amount(one.left_minor()),
                one.receivable.opened_at.clone(),
            ]
        })
        .collect();
    let head = [
        "number",
        "cause",
        "state",
        "person",
        "owed",
        "back",
        "on its way",
        "given up",
        "left",
        "since",
    ];
    let mut told = vec![table(&head, &rows, &[0, 4, 5, 6, 7, 8])];
    for one in standings.iter().filter(|one| waiting.lowered.waits(one.number)) {
        let (number, waits) = (one.number, amount(waiting.lowered.waiting_minor(one.number)));
        told.push(format!(
            "{number}: {waits} là khoản tiền bị giảm khi chưa chi, nên chưa phải thu hồi; khi chi tiếp, chỉ chi phần còn lại.\n\
             {number}: {waits} was lowered and is not paid, so nothing of it is to be got back yet; that money goes on with what is left of it."
        ));
    }
    for one in standings {
        let Some(payable) = waiting.covered_by(one.number) else { continue };
        told.push(format!(
            "{0}: khoản {payable} mang cùng số tiền này và chưa chi, nên chưa giữ lại gì của khoản chi khác; nếu khoản ấy không chi \
             được nữa thì lệnh này chính là lần chi và không phải thu gì.\n\
             {0}: payable {payable} has the same money and is not paid, so nothing is kept back of other payments; when it comes \
             to nothing, this order is the payment, and nothing is to be got back.",
            one.number
        ));
    }
    for one in standings.iter().filter(|one| one.is_set_aside) {
        told.push(format!(
            "{0}: không phải thu: việc báo tử đã được xác định là sai hoặc muộn hơn.\n\
             {0}: nothing is owed: the death was found to be wrong, or a later one.",
            one.number
        ));
    }
    for one in standings.iter().filter(|one| one.too_much_minor() > 0) {
        let (number, too_much) = (one.number, amount(one.too_much_minor()));
        told.push(format!(
            "{number}: đã thu về thừa {too_much}; số thừa là của người đã nộp và phải trả lại.\n\
             {number}: {too_much} more came back than is owed; it belongs to who paid it, and is to be given back."
        ));
    }
    told.join("\n")
}

async fn show(
    engine: &Engine,
    standing: &ReceivableStanding,
    voice: &Voice,
) -> Result<(), EngineError> {
    let recoveries = engine.store.recoveries_of(standing.number).await?;
    let receipts = engine.store.receipts_of(standing.number).await?;
    let given_up = engine.store.write_offs(standing.number).await?;
    let mut steps: Vec<(String, String, i64)> = Vec::new();
    for one in &recoveries {
        let payable = engine.store.payable(one.payable).await?;
        let state = payable.map_or_else(|| "gone".to_owned(), |one| one.state.to_string());
        steps.push((
            "kept back".to_owned(),
            format!("payable {}, {state}", one.payable),
            -one.amount_minor,
        ));
    }
    for (cycle, one) in engine.store.set_off_against(standing.number).await? {
        let what = format!("{} {} of {}, list {cycle}", one.benefit, one.component, one.period);
        steps.push(("set off".to_owned(), what, one.amount_minor));
    }
    let vouchers = engine.store.vouchers().await?;
    for one in &receipts {
        let voucher = vouchers.iter().find(|voucher| voucher.number == one.number);
        let seen = match voucher.and_then(|voucher| voucher.seen) {
            Some(on) => format!(", seen on statement {}, entry {}", on.statement, on.entry),
            None => String::new(),
        };
        let what =
            format!("{} by {}, recorded by {}{seen}", one.reference, one.source, one.recorded_by);
        steps.push((format!("received {}", one.received_on), what, one.amount_minor));
        if let (Some(back), Some(reason)) = (&one.take_back, engine.take_back_reason(one)?) {
            let (second, minor) = match &back.taken_back_by {
                Some(by) => (format!("confirmed by {by}"), -one.amount_minor),
                None => ("waits for an approver".to_owned(), 0),
            };
            let what =
                format!("{}: {reason}; proposed by {}, {second}", one.reference, back.proposed_by);
            steps.push(("taken back".to_owned(), what, minor));
        }
    }
    if let (true, Some((payable, attempt))) =
        (standing.returned_minor > 0, standing.receivable.instruction)
    {
        let orders = engine.store.instructions_of(&[payable]).await?;
        for one in orders.iter().filter(|one| one.attempt == attempt) {
            let step = match one.state {
                InstructionState::Returned | InstructionState::ExcessReturned => {
                    format!("returned {}", one.evidence.outcome_on.as_deref().unwrap_or(""))
                }
                // The other order of the payable has ended otherwise: nothing was paid twice.
                _ => "found not to be too much".to_owned(),
            };
            steps.push((
                step,
                format!("order {}, {}", engine.reference(one), one.state),
                standing.returned_minor,
            ));
        }
    }
    for one in &given_up {
        let what = match &one.confirmed_by {
            Some(by) => format!("proposed by {}, confirmed by {by}", one.proposed_by),
            None => format!("proposed by {}, waits for an approver", one.proposed_by),
        };
        steps.push(("write-off".to_owned(), what, one.amount_minor));
    }
    let waiting = engine.paid_otherwise().await?;
    let mut told = to_json(standing, &waiting);
    told["steps"] = steps
        .iter()
        .map(
            |(step, what, minor)| json!({ "step": step, "what": what, "minor": minor.to_string() }),
        )
        .collect();
    voice.say(&told, || {
        let rows: Vec<Vec<String>> = steps
            .iter()
            .map(|(step, what, minor)| {
                let amount = money(i128::from(*minor), engine.config.currency);
                vec![step.clone(), what.clone(), amount]
            })
            .collect();
        let steps = table(&["step", "what", "money"], &rows, &[2]);
        format!("{}\n\n{steps}", listed(engine, std::slice::from_ref(standing), &waiting))
    });
    Ok(())
}
