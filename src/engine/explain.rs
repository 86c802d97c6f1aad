//! Why a person gets what they get, and what became of it.

mod carried;
mod holds;
pub mod money;
mod overpaid;

use std::collections::HashMap;

use crate::domain::court_order::{Measure, share_told};
use crate::domain::cycle::{Cycle, CycleState};
use crate::domain::heir::HeirState;
use crate::domain::ids::{EndToEndId, PayableNo, PersonNo, Shard};
use crate::domain::instruction::Instruction;
use crate::domain::money::told;
use crate::domain::payable::Payable;
use crate::domain::period::Period;
use crate::domain::recall::Recall;
use crate::domain::receivable::ReceivableCause;
use crate::domain::roster::RefusalCode;
use crate::domain::state::Named;
use crate::engine::chunks;
use crate::engine::compute::{ExplainedRow, RefusedRow, refused_in};
pub use crate::engine::explain::carried::{Carried, ToldOrder, Whereabouts};
pub use crate::engine::explain::holds::{Kept, ToldDecision, ToldHold};
pub use crate::engine::explain::overpaid::{FoundTooMuch, TakenOff};
use crate::engine::heir::NamedHeir;
use crate::engine::{Engine, EngineError};
use crate::report::wording;
use crate::report::words::Words;
use crate::store::registry::{ChunkKind, Import};

/// Everything that is told of one person in one cycle.
pub struct Explanation {
    pub person: PersonNo,
    pub cycle: Cycle,
    /// The roster on which the person stands.
    pub source: Import,
    /// None when the roster of the month does not have the person.
    pub rows: Vec<ExplainedRow>,
    /// Rows that could not be read, and why.
    pub refused: Vec<RefusedRow>,
    /// What was held of the person, and what officers decided about it.
    pub holds: Vec<ToldHold>,
    /// What the person's lines became, with every attempt.
    pub payables: Vec<ToldPayable>,
    /// What was set off in full: nothing of it is paid.
    pub set_off: Vec<KeptBack>,
    /// What the list found to be too much, and made money to be got back.
    pub too_much: Vec<FoundTooMuch>,
    /// What of those orders was asked back, the oldest first.
    pub recalls: Vec<Recall>,
    /// What of earlier lists is in those payables, the oldest first.
    pub carried: Vec<Carried>,
    /// Of those payables that a later list took over: where their money is now.
    pub moved_on: HashMap<PayableNo, Whereabouts>,
    /// What other lists of the same month owe the person.
    pub in_other_lists: Vec<Whereabouts>,
}

/// One payable, its orders, and where its money is by them.
pub struct ToldPayable {
    pub payable: Payable,
    pub attempts: Vec<ToldOrder>,
    /// That it goes to an heir, who that is, and on which paper it rests.
    pub heir: Option<Words>,
    /// What was taken off its lines.
    pub kept_back: Vec<KeptBack>,
    /// What was kept back of it for orders of courts.
    pub for_courts: Vec<KeptForCourt>,
    /// What of its lines takes off the others, for months that were overpaid.
    pub taken_off: Option<TakenOff>,
    /// Part of a sentence.
    pub standing: Words,
}

/// What a payable is reduced by for one receivable.
pub struct KeptBack {
    pub receivable: i64,
    pub cause: ReceivableCause,
    pub amount_minor: i64,
    pub told: Words,
}

/// What a payable is reduced by for one order of a court, out of one month.
pub struct KeptForCourt {
    pub order: i64,
    pub period: Period,
    pub amount_minor: i64,
    pub told: Words,
}

impl Explanation {
    /// Says it of who gets nothing by this list, whatever the lines come to.
    pub fn nothing_is_paid(&self) -> Option<Words> {
        self.payables.is_empty().then_some(Words::fixed(
            "Kỳ này không chi khoản nào cho người này.",
            "Nothing is paid to this person by this list.",
        ))
    }
}

impl Engine {
    /// Explains one person of one cycle.
    pub async fn explain(
        &self,
        cycle: &Cycle,
        person: PersonNo,
    ) -> Result<Explanation, EngineError> {
        if cycle.state == CycleState::Open {
            return Err(undecided(cycle));
        }
        let source = self.store.import(cycle.roster).await?.ok_or_else(|| {
            EngineError::Inconsistent("the cycle's roster import is missing".to_owned())
        })?;
        let rows = self.explain_person(cycle, person).await?;
        let mut refused: Vec<RefusedRow> = self
            .refused_rows(cycle, person.shard())
            .await?
            .into_iter()
            .filter(|row| row.person == person)
            .collect();
        let of_cycle = self.store.payables_of_beneficiary(cycle.number, person).await?;
        // A row under an enrolment id that is another person's is counted there, and asked about here.
        for row in self.repeated_rows(cycle).await? {
            if row.named == person && row.counted_under != person {
                let code = RefusalCode::EnrolmentTwice;
                refused.push(RefusedRow {
                    person,
                    enrolment: Some(self.keys.enrolment(&row.enrolment_id)),
                    line: row.line,
                    code: code.name().to_owned(),
                    sentence: format!(
                        "the enrolment id {} stands on the roster twice, and has been another person's",
                        row.enrolment_id
                    ),
                    programme: row.programme,
                    province: row.province,
                });
            }
        }
        if rows.is_empty() && of_cycle.is_empty() && refused.is_empty() {
            return Err(EngineError::refused(
                "E102",
                format!(
                    "this person is not on the roster of {}, and no money of an earlier month was carried to it; \
                     --period names another month",
                    cycle.label()
                ),
            ));
        }
        let holds = self.told_holds(cycle, &rows, &of_cycle).await?;
        let carried = self.carried_to(&of_cycle).await?;
        let too_much = self.found_too_much(cycle, person, &rows).await?;
        let numbers: Vec<PayableNo> = of_cycle.iter().map(|one| one.number).collect();
        let mut taken_off = self.taken_off(&numbers).await?;
        let mut payables = Vec::new();
        let mut moved_on = HashMap::new();
        // A payable lives in the shard of its payee, which may be another person.
        for payable in of_cycle {
            if payable.carried_to.is_some() {
                moved_on.insert(payable.number, self.whereabouts(&payable).await?);
            }
            let (attempts, standing) = self.orders_told(&payable).await?;
            let kept_back = self.kept_back_told(&payable).await?;
            let for_courts = self.kept_for_courts_told(&payable).await?;
            let taken_off = taken_off.remove(&payable.number);
            let heir = self.heir_of(&payable).await?.map(|one| told_of_heir(&one));
            payables.push(ToldPayable {
                payable,
                attempts,
                heir,
                kept_back,
                for_courts,
                taken_off,
                standing,
            });
        }
        let mut in_other_lists = Vec::new();
        for other in self.store.cycles().await? {
            if other.period == cycle.period && other.number != cycle.number {
                for payable in self.store.payables_of_beneficiary(other.number, person).await? {
                    in_other_lists.push(self.whereabouts(&payable).await?);
                }
            }
        }
        let mut recalls = self.store.recalls(cycle.number).await?;
        recalls.retain(|one| payables.iter().any(|told| told.payable.number == one.payable));
        Ok(Explanation {
            person,
            cycle: cycle.clone(),
            source,
            rows,
            refused,
            holds,
            payables,
            in_other_lists,
            set_off: self.set_off_told(cycle, person).await?,
            too_much,
            recalls,
            carried,
            moved_on,
        })
    }

    /// What was kept back of a payable, and for what.
    async fn kept_back_told(&self, payable: &Payable) -> Result<Vec<KeptBack>, EngineError> {
        let mut found = Vec::new();
        for one in self.store.recoveries_from(payable.number).await? {
            let standing = self.store.standing(one.receivable).await?.ok_or_else(|| {
                EngineError::Inconsistent(format!("receivable {} is missing", one.receivable))
            })?;
            let cause = standing.receivable.cause;
            let (kept, why) = (-one.amount_minor, wording::receivable(cause));
            let amount = told(i128::from(kept), self.config.currency);
            found.push(KeptBack {
                receivable: one.receivable,
                cause,
                amount_minor: kept,
                told: Words::new(
                    format!(
                        "Giữ lại {amount} để thu hồi khoản phải thu {}: {}.",
                        one.receivable,
                        why.vi.to_lowercase()
                    ),
                    format!(
                        "{amount} of it is kept back for receivable {}: {}.",
                        one.receivable,
                        why.en.to_lowercase()
                    ),
                ),
            });
        }
        Ok(found)
    }

    /// What was kept back of a payable for orders of courts, and within which bounds.
    async fn kept_for_courts_told(
        &self,
        payable: &Payable,
    ) -> Result<Vec<KeptForCourt>, EngineError> {
        let mut found = Vec::new();
        for one in self.store.deductions_from(payable.number).await? {
            let order = self.court_order(one.order).await?.order;
            let terms = self.court_terms(&order)?;
            let amount = |minor: i64| told(i128::from(minor), self.config.currency);
            let (wanted_vi, wanted_en) = match terms.measure {
                Measure::Monthly { amount_minor } => {
                    let amount = amount(amount_minor);
                    (format!("{amount} mỗi tháng"), format!("{amount} of each month"))
                }
                Measure::Share { millionths } => {
                    let share = share_told(millionths);
                    (
                        format!("{share} khoản được khấu trừ"),
                        format!("{share} of what may be attached"),
                    )
                }
            };
            let (kept, period, number) = (amount(-one.amount_minor), one.period, one.order);
            let (paper, by, day) = (&terms.decision_no, &terms.authority, terms.decided_on);
            let (most, floor) = (share_told(terms.share_max_millionths), amount(terms.floor_minor));
            found.push(KeptForCourt {
                order: number,
                period,
                amount_minor: -one.amount_minor,
                told: Words::new(
                    format!(
                        "Khấu trừ {kept} của tháng {period} theo quyết định {paper} ngày {day} của {by} (lệnh số {number}): \
                         {wanted_vi}, tối đa {most}, để lại ít nhất {floor} mỗi tháng."
                    ),
                    format!(
                        "{kept} of {period} is kept back by decision {paper} of {day} by {by} (court order {number}): \
                         {wanted_en}, at most {most}, leaving at least {floor} of each month."
                    ),
                ),
            });
        }
        Ok(found)
    }

    /// What was set off in full of a person's money, and against what.
    async fn set_off_told(
        &self,
        cycle: &Cycle,
        person: PersonNo,
    ) -> Result<Vec<KeptBack>, EngineError> {
        let mut found = Vec::new();
        for one in self.store.set_off_of(cycle.number, person).await? {
            let (number, period) = (one.receivable, one.period);
            let amount = told(i128::from(one.amount_minor), self.config.currency);
            found.push(KeptBack {
                receivable: number,
                cause: ReceivableCause::Overpayment,
                amount_minor: one.amount_minor,
                told: Words::new(
                    format!(
                        "{amount} của tháng {period} được bù trừ hết vào khoản phải thu {number}, không theo tỷ lệ: đó chính là \
                         số tiền đã chi cho tháng ấy và chưa thu lại, nên không chi lần nữa."
                    ),
                    format!(
                        "{amount} of {period} is set off in full against receivable {number}, without a share: it is the \
                         same money, which was paid for that month and did not come back, so it is not paid again."
                    ),
                ),
            });
        }
        Ok(found)
    }

    /// The rows of a cycle's roster that could not be read, of one shard.
    async fn refused_rows(
        &self,
        cycle: &Cycle,
        shard: Shard,
    ) -> Result<Vec<RefusedRow>, EngineError> {
        let mut found = Vec::new();
        for chunk in self.store.chunks(shard, ChunkKind::Refused, cycle.roster.0).await? {
            found.append(&mut refused_in(&chunks::open(&self.keys.chunks, &chunk)?)?);
        }
        Ok(found)
    }

    /// Finds a person by number, national id or enrolment id, or whoever a payment of the cycle is for by its
    /// reference.
    pub async fn person_find(&self, text: &str, cycle: &Cycle) -> Result<PersonNo, EngineError> {
        if let Some((payable, _)) = EndToEndId::read(&self.config.prefix, text.trim())
            && payable.cycle() == cycle.number
            && let Some(found) = self.store.payables_of(&[payable]).await?.pop()
        {
            return Ok(found.beneficiary);
        }
        let mut tried: Vec<PersonNo> = PersonNo::parse(text).into_iter().collect();
        let named = self.keys.person_of_id(text);
        tried.push(named);
        for chunk in
            self.store.chunks(Shard::new(0), ChunkKind::PreviousIds, cycle.identity.0).await?
        {
            for pair in chunks::open(&self.keys.chunks, &chunk)?.chunks_exact(16) {
                let number = |at: usize| {
                    pair[at..at + 8]
                        .try_into()
                        .ok()
                        .map(i64::from_be_bytes)
                        .and_then(PersonNo::from_number)
                };
                if number(0) == Some(named) {
                    tried.extend(number(8));
                }
                if number(8) == Some(named) {
                    tried.extend(number(0));
                }
            }
        }
        tried.extend(self.store.enrolment(self.keys.enrolment(text)).await?);
        for person in &tried {
            if self.store.person(*person).await?.is_some() {
                return Ok(*person);
            }
        }
        if cycle.state == CycleState::Open {
            return Err(undecided(cycle));
        }
        // Who stands only on a row that was refused is nobody yet, and is still asked about.
        tried.push(self.keys.person_of_enrolment(text));
        let enrolment = self.keys.enrolment(text);
        for shard in Shard::all() {
            for row in self.refused_rows(cycle, shard).await? {
                if tried.contains(&row.person) || row.enrolment == Some(enrolment) {
                    return Ok(row.person);
                }
            }
        }
        for row in self.repeated_rows(cycle).await? {
            if tried.contains(&row.named) || row.enrolment_id == text {
                return Ok(row.named);
            }
        }
        Err(EngineError::refused(
            "E103",
            format!(
                "nobody on the roster of {} or of an earlier month is known by this; look at the number, which is a national \
                 id, an enrolment id, the person's number or a reference of their payment in this cycle",
                cycle.label()
            ),
        ))
    }

    /// The reference under which an attempt travels.
    pub fn reference(&self, instruction: &Instruction) -> EndToEndId {
        EndToEndId::derive(&self.config.prefix, instruction.payable, instruction.attempt)
    }
}

fn told_of_heir(one: &NamedHeir) -> Words {
    let (heir, row) = (&one.heir, &one.row);
    let second = row.confirmed_by.as_deref().unwrap_or_default();
    let (name, relation, paper, dated) = (&heir.name, &heir.relation, &heir.paper, heir.paper_date);
    let (first, number) = (&row.proposed_by, row.number);
    let (withdrawn_vi, withdrawn_en) = match row.state {
        HeirState::Withdrawn => {
            (" Việc chỉ định này nay đã rút.", " The naming is withdrawn since.")
        }
        _ => ("", ""),
    };
    Words::new(
        format!(
            "Khoản này dành cho thân nhân {name} ({relation}), vì người hưởng đã chết ngày {died}: {paper} ngày {dated}; {first} \
             đề nghị, {second} xác nhận (số {number}). Tháng sau tháng chết không thuộc phần của thân nhân.{withdrawn_vi}",
            died = heir.died_on
        ),
        format!(
            "This is for the heir {name} ({relation}), because the beneficiary died on {died}: {paper} of {dated}; named by \
             {first} and confirmed by {second} (naming {number}). Months after the month of death are not the heir's.{withdrawn_en}",
            died = heir.died_on
        ),
    )
}

fn undecided(cycle: &Cycle) -> EngineError {
    let label = cycle.label();
    EngineError::refused(
        "E111",
        format!(
            "nothing is decided on list {label} yet; compute it and ask again: chitra cycle run {label} \
             --until-computed"
        ),
    )
}
