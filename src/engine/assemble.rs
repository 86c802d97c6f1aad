//! Turns lines into payables, instructions and batches, shard by shard in order.
//!
//! Reads the lines that arrived in each shard and what closed cycles left unpaid. Commits, per unit of
//! shards: persons, destinations, payables, their claims and instructions, details for rendering, and
//! the holds of payables. Batches are filled in the order of the payables, so that a repeat, with any
//! number of threads, puts every payment in the same file.

mod carry;
mod gone;
mod inherited;

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::iter;

use serde_json::json;

use crate::audit::batch_root::BatchRootBuilder;
use crate::audit::leaf::Leaf;
use crate::domain::batch::{Batch, BatchState};
use crate::domain::claim::Claim;
use crate::domain::cycle::{Cycle, CycleEvent, CycleKind};
use crate::domain::exception::{Decision, Exception, RowOutcome, Subject};
use crate::domain::hold::HoldCode;
use crate::domain::ids::{
    AttemptNo, BatchNo, CycleNo, DestinationNo, EndToEndId, ListNo, PayableNo, PersonNo, Shard,
};
use crate::domain::instruction::{Evidence, Instruction, InstructionState};
use crate::domain::payable::{Payable, PayableState};
use crate::domain::receivable::{Receivable, ReceivableCause};
use crate::domain::roster::Channel;
use crate::domain::state::Named;
use crate::engine::assemble::carry::Carried;
use crate::engine::assemble::inherited::{Inheriting, stopped_before};
use crate::engine::chunks;
use crate::engine::compute::{shards_a_unit, shards_of};
use crate::engine::config::Provider;
use crate::engine::kept_back::Owed;
use crate::engine::kept_for_courts::{OrdersInForce, says_died};
use crate::engine::paid_otherwise::PaidOtherwise;
use crate::engine::payout::{
    OwnedClaim, PayeeDetail, Payout, TravellingLine, read_travelling, write_payout,
};
use crate::engine::render;
use crate::engine::{Engine, EngineError};
use crate::pipeline::assemble::{DueLine, Group, assemble};
use crate::store::Changes;
use crate::store::registry::{ChunkKind, Counted, DestinationRow, PersonRow};

pub const STAGE: &str = "assemble";

/// The exceptions of payables are numbered from here, so that they never meet those of rows.
const PAYABLE_EXCEPTIONS_FROM: i64 = 1 << 32;

/// The batch of one provider that is being filled.
struct Filling {
    batch: BatchNo,
    count: u64,
    total_minor: i64,
}

/// What is being filled, by provider, and the last batch number that was given out.
struct Batching {
    by_provider: BTreeMap<String, Filling>,
    last: i64,
}

impl Engine {
    /// Assembles every shard and makes the batches of list 0.
    pub async fn assemble(&self, cycle: &Cycle) -> Result<Cycle, EngineError> {
        let import = self.store.import(cycle.roster).await?;
        let width = shards_a_unit(import.map_or(0, |import| import.rows));
        let units = i64::from(256 / width);
        let done: HashSet<i64> =
            self.store.work_done(cycle.number, STAGE).await?.into_iter().collect();
        let released = self.released(cycle).await?;
        self.heirs_stay(cycle).await?;
        let mut batching = self.batching(cycle.number).await?;
        let mut owing = self.owed(cycle).await?;
        let mut courts = self.orders_in_force(cycle).await?;
        let paid_otherwise = self.paid_otherwise().await?;
        let mut inheriting = self.inheriting(cycle).await?;
        for unit in 0..units {
            self.progress.at(STAGE, unit as u64, units as u64);
            if done.contains(&unit) {
                continue;
            }
            let mut changes = Changes::new();
            let mut owed = Vec::new();
            let mut root = BatchRootBuilder::new();
            for shard in shards_of(unit, width) {
                self.assemble_shard(
                    cycle,
                    shard,
                    &released,
                    &paid_otherwise,
                    &mut inheriting,
                    &mut batching,
                    (&mut owing, &mut courts),
                    &mut owed,
                    &mut changes,
                    &mut root,
                )
                .await?;
            }
            let root = root.finish();
            if root.count > 0 {
                changes.event(
                    Leaf::of("excess_stands_alone", &self.stamp())
                        .number("cycle", cycle.number.0)
                        .number("count", root.count as i64)
                        .digest("root", &root.root)
                        .build()?
                        .as_bytes()
                        .to_vec(),
                );
            }
            if !owed.is_empty() {
                let number = self.store.next_number(Counted::Receivable).await?;
                changes.overpayments(cycle.number, number, &owed);
            }
            changes.work_done(cycle.number, STAGE, unit, &self.stamp());
            self.store.commit(changes).await?;
        }
        self.progress.at(STAGE, units as u64, units as u64);

        let mut changes = Changes::new();
        let mut batches = Vec::new();
        for (provider, batch, count, total_minor) in self.store.batch_sums(cycle.number).await? {
            let profile = self.provider(&provider)?;
            batches.push(self.batch(
                cycle,
                ListNo(0),
                batch,
                profile,
                count as u64,
                total_minor,
            )?);
        }
        changes.batches(batches);
        let next = cycle.state.apply(CycleEvent::Computed)?;
        changes.cycle_moved(cycle.number, cycle.state, next);
        changes.event(
            Leaf::of("cycle_computed", &self.stamp())
                .number("cycle", cycle.number.0)
                .build()?
                .as_bytes()
                .to_vec(),
        );
        self.store.commit(changes).await?;
        Ok(Cycle { state: next, ..cycle.clone() })
    }

    /// What was released, and when the last of the officers said so.
    pub(super) async fn released(&self, cycle: &Cycle) -> Result<Released, EngineError> {
        let resolutions = self.store.resolutions(cycle.period).await?.into_iter();
        Ok(resolutions
            .filter(|one| one.decision == Decision::Release)
            .map(|one| ((one.subject, one.code), one.confirmed_at.unwrap_or(one.decided_at)))
            .collect())
    }

    /// A batch that has no file yet. Its name and message id are never used again.
    pub(super) fn batch(
        &self,
        cycle: &Cycle,
        list: ListNo,
        number: BatchNo,
        profile: &Provider,
        count: u64,
        total_minor: i64,
    ) -> Result<Batch, EngineError> {
        let format = self.out_format(profile)?;
        let stem = format!(
            "{}{}C{}L{}B{}",
            self.config.prefix.as_str(),
            cycle.period.as_number(),
            cycle.number,
            list,
            number
        );
        Ok(Batch {
            cycle: cycle.number,
            number,
            list,
            channel: profile.channel,
            provider: profile.name.clone(),
            format: profile.format.clone(),
            value_date: cycle.value_date,
            file_name: format!(
                "{}-{}-{}-{}-C{}-L{}-B{:03}.{}",
                self.environment_mark(),
                self.config.prefix.as_str(),
                cycle.period.as_number(),
                kind_word(cycle.kind),
                cycle.number,
                list,
                number.0,
                format.extension()
            ),
            message_id: stem,
            created_at: None,
            count,
            total_minor,
            sha256: None,
            bytes: None,
            state: BatchState::Created,
        })
    }

    pub(super) fn provider(&self, name: &str) -> Result<&Provider, EngineError> {
        self.config.provider(name).ok_or_else(|| self.config.unknown_provider(name))
    }

    pub(super) fn out_format(
        &self,
        profile: &Provider,
    ) -> Result<&payment_formats::OutFormat, EngineError> {
        // What asks payments back orders none.
        self.formats
            .out(&profile.format)
            .filter(|format| !format.recalls())
            .ok_or_else(|| undefined_format(&profile.format))
    }

    /// The most payments of one file: the partner's limit or the format's, whichever is less.
    pub(super) fn count_max(&self, profile: &Provider, day: jiff::civil::Date) -> u64 {
        let of_partner = profile.on(day).count_max;
        let of_format = self.formats.out(&profile.format).and_then(|format| format.payments_max());
        of_format.map_or(of_partner, |most| most.min(of_partner))
    }

    async fn batching(&self, cycle: CycleNo) -> Result<Batching, EngineError> {
        let mut batching = Batching { by_provider: BTreeMap::new(), last: 0 };
        for (provider, batch, count, total_minor) in self.store.batch_sums(cycle).await? {
            batching.last = batching.last.max(batch.0);
            let newest =
                batching.by_provider.get(&provider).is_none_or(|filling| filling.batch < batch);
            if newest {
                let filling = Filling { batch, count: count as u64, total_minor };
                batching.by_provider.insert(provider, filling);
            }
        }
        Ok(batching)
    }

    #[allow(clippy::too_many_arguments)]
    async fn assemble_shard(
        &self,
        cycle: &Cycle,
        shard: Shard,
        released: &Released,
        paid_otherwise: &PaidOtherwise,
        inheriting: &mut Inheriting,
        batching: &mut Batching,
        (owing, courts): (&mut Owed, &mut OrdersInForce),
        owed: &mut Vec<Receivable>,
        changes: &mut Changes,
        root: &mut BatchRootBuilder,
    ) -> Result<(), EngineError> {
        let mut arrived = Vec::new();
        for chunk in self.store.chunks(shard, ChunkKind::Exchange, cycle.number.0).await? {
            arrived.extend(read_travelling(&chunks::open(&self.keys.chunks, &chunk)?)?);
        }
        let stopped = self.store.stopped_before(shard, Some(cycle.number)).await?;
        let carried_in = match cycle.kind {
            CycleKind::Regular => {
                let known = (paid_otherwise, &stopped, &mut *inheriting);
                self.carry(cycle, shard, known, &mut arrived, changes, root).await?
            }
            CycleKind::Supplementary | CycleKind::Correction => Carried::default(),
        };
        if arrived.is_empty() {
            return Ok(());
        }
        let mut gone = self.gone_payees(cycle, shard, &arrived).await?;
        inheriting.direct(&mut arrived);
        self.mark_what_lowers_unpaid(&mut arrived, paid_otherwise).await?;
        // The order in which lines arrived depends on the units; nothing after this may.
        arrived.sort_by(|a, b| line_key(&a.line).cmp(&line_key(&b.line)));
        let mut details: HashMap<Reached, PayeeDetail> = HashMap::new();
        let mut held: HashMap<Reached, BTreeSet<HoldCode>> = HashMap::new();
        let mut lines = Vec::with_capacity(arrived.len());
        for TravellingLine { line, holds, detail } in arrived {
            let key = (line.payee, line.beneficiary, line.destination, line.heir);
            if !holds.is_empty() {
                held.entry(key).or_default().extend(holds);
            }
            details.entry(key).or_insert(detail);
            lines.push(line);
        }
        let policy = &self.config.recovery;
        // Of what an heir is paid courts are kept nothing: it is not the debtor's any more.
        let kept_first =
            |lines: &[&DueLine], total| match lines.iter().any(|line| line.heir.is_some()) {
                true => (0, 0),
                false => courts.most(lines, total),
            };
        let mut assembled = assemble(cycle.number, shard, lines, policy, &kept_first)?;
        let uncollected = self.uncollected(&assembled.payables).await?;
        let before = self.claims_before(&assembled.payables).await?;
        let too_much = self.too_much_before(&assembled.payables).await?;
        let has_died = |group: &Group| {
            let reached = (group.payee, group.beneficiary, group.destination, group.heir);
            let of_lines = held.get(&reached);
            group.heir.is_some()
                || inheriting.heirs.of(group.beneficiary).is_some()
                || group.apart.is_some_and(says_died)
                || of_lines.is_some_and(|codes| codes.iter().copied().any(says_died))
        };
        let kept = owing.kept_back(
            self,
            &mut assembled,
            &carried_in.set_off,
            paid_otherwise,
            &too_much,
            (courts, &has_died),
        );
        changes.recoveries(cycle.number, kept.recoveries);
        changes.court_deductions(cycle.number, &kept.for_courts);
        changes.set_off(cycle.number, kept.set_off);

        let known_persons: HashSet<PersonNo> =
            self.store.persons(shard).await?.into_iter().map(|(person, _)| person).collect();
        let mut known_routes: HashMap<PersonNo, Vec<DestinationRow>> = HashMap::new();
        let mut known_at: HashMap<(PersonNo, DestinationNo), bool> = HashMap::new();
        for row in self.store.destinations(shard).await? {
            known_at.insert((row.payee, row.number), is_of_naming(&row));
            if !is_of_naming(&row) {
                known_routes.entry(row.payee).or_default().push(row);
            }
        }
        let mut new_persons: BTreeMap<PersonNo, PersonRow> = BTreeMap::new();
        let mut new_destinations: BTreeMap<(PersonNo, DestinationNo), DestinationRow> =
            BTreeMap::new();
        let mut payables = Vec::new();
        let mut instructions = Vec::new();
        let mut claims = Vec::new();
        let mut exceptions = Vec::new();
        let mut payouts = Vec::new();
        let mut carried = BTreeSet::new();

        for (number, group) in &assembled.payables {
            let reached = (group.payee, group.beneficiary, group.destination, group.heir);
            let detail = &details[&reached];
            // Details of an heir, and of money that an heir was to be paid, are not the payee's.
            let is_the_payee_s = group.heir.is_none()
                && (detail.channel != Channel::Unnamed || group.payee == group.beneficiary);
            if !known_persons.contains(&group.payee) && is_the_payee_s {
                new_persons
                    .entry(group.payee)
                    .or_insert_with(|| self.payee_row(cycle, group.payee, detail));
            }
            let routes = known_routes.get(&group.payee).map_or(&[][..], Vec::as_slice);
            match known_at.get_mut(&(group.payee, group.destination)) {
                // Where an heir was paid the payee is paid from now on.
                Some(is_of_naming) if *is_of_naming && group.heir.is_none() => {
                    *is_of_naming = false;
                    changes.destination_begins(group.payee, group.destination, cycle.period);
                }
                Some(_) => {}
                None => {
                    let by = group.heir.map(of_naming);
                    let new = (group.payee, group.destination);
                    new_destinations.entry(new).or_insert_with(|| {
                        self.destination_row(cycle, group.payee, group.destination, detail, by)
                    });
                }
            }
            let remittance = render::remittance(cycle.period);
            let profile = self.config.route(detail.channel, &detail.named);
            let subject = |code: HoldCode| {
                let (payee, beneficiary) = (group.payee, group.beneficiary);
                let (destination, heir) = (group.destination, group.heir);
                let text = code.text();
                (
                    self.keys.held_payable(payee, beneficiary, destination, heir, text),
                    text.to_owned(),
                )
            };
            let in_force = |code: &HoldCode| !released.contains_key(&subject(*code));
            // One that was released lets the others stand.
            let of_lines =
                held.get(&reached).and_then(|codes| codes.iter().copied().find(in_force));
            let left_in_doubt =
                group.lines.iter().filter_map(|line| carried_in.doubts.get(&line.carried_from?));
            let doubt = left_in_doubt.copied().filter(in_force).min();
            let gone = match group.heir {
                Some(_) => inheriting.gone(self, group),
                None => gone.hold_of_payee(group, detail),
            };
            let gone = gone.filter(in_force);
            // One officer withdrew the heir of whom two said that they died: two let it go, after that.
            let withdrawn = inheriting.withdrawn_at(group).and_then(|at| {
                let code = HoldCode::UnpaidBeforeDeath;
                let let_go = released.get(&subject(code)).is_some_and(|since| since.as_str() > at);
                (!let_go).then_some(code)
            });
            let hold = group
                .apart
                .filter(in_force)
                .or(doubt)
                .or_else(|| stopped_before(&stopped, group).filter(in_force))
                .or(of_lines)
                .or_else(|| {
                    self.payable_hold(cycle, number, group, detail, profile, routes, &remittance)
                        .filter(in_force)
                })
                .or_else(|| uncollected.contains(number).then_some(HoldCode::Uncollected))
                .filter(in_force)
                .or(gone);
            let hold = withdrawn.or(hold);
            let mut payable = Payable {
                number: *number,
                payee: group.payee,
                beneficiary: group.beneficiary,
                heir: group.heir,
                destination: Some(group.destination),
                channel: detail.channel,
                provider: profile.map_or_else(String::new, |profile| profile.name.clone()),
                fund: group.fund.clone(),
                programme: group.lines[0].programme.clone(),
                province: group.lines[0].province.clone(),
                amount_minor: group.total_minor,
                lines: group.lines.len() as i64,
                state: PayableState::Held,
                code: hold.map_or_else(String::new, |code| code.text().to_owned()),
                batch: None,
                carried_to: None,
            };
            match (hold, profile) {
                (None, Some(profile)) => {
                    let batch = batching.place(
                        &profile.name,
                        self.count_max(profile, cycle.value_date),
                        profile.on(cycle.value_date).total_max_minor,
                        group.total_minor,
                    );
                    payable.state = PayableState::Pending;
                    payable.batch = Some(batch);
                    instructions.push(Instruction {
                        payable: *number,
                        attempt: AttemptNo::FIRST,
                        list: ListNo(0),
                        batch,
                        destination: group.destination,
                        amount_minor: group.total_minor,
                        state: InstructionState::InBatch,
                        evidence: Evidence::default(),
                    });
                }
                (hold, _) => {
                    let code = hold.unwrap_or(HoldCode::DestinationMissing);
                    payable.code = code.text().to_owned();
                    // A doubt stands beside whatever else holds the money, and is released by itself; so does that
                    // the payee is gone.
                    let beside =
                        [doubt, gone, withdrawn].into_iter().flatten().filter(|one| *one != code);
                    for code in iter::once(code).chain(beside) {
                        exceptions.push(Exception {
                            shard,
                            number: PAYABLE_EXCEPTIONS_FROM + exceptions.len() as i64,
                            subject: Subject::Payable,
                            outcome: RowOutcome::Held,
                            code: code.text().to_owned(),
                            person: group.beneficiary,
                            enrolment: Some(group.lines[0].enrolment),
                            payable: Some(*number),
                            source_line: None,
                            detail: code.entry().en.to_owned(),
                        });
                    }
                }
            }
            payouts.push(Payout {
                payable: *number,
                destination: group.destination,
                detail: detail.clone(),
                remittance,
                claims: group.lines.iter().map(owned_claim).collect(),
            });
            payables.push(payable);
            for line in &group.lines {
                match line.carried_from {
                    None => claims.push(claim(line, cycle.number, Some(*number))),
                    Some(from) => {
                        changes.claim_carried(&before.of(line, from), from, *number);
                        carried.insert((from, *number));
                    }
                }
            }
        }
        for group in &assembled.uncovered {
            for line in group.lines.iter().filter(|line| line.carried_from.is_none()) {
                claims.push(claim(line, cycle.number, None));
            }
            if group.total_minor < 0 {
                owed.push(Receivable {
                    cause: ReceivableCause::Overpayment,
                    person: group.beneficiary,
                    instruction: None,
                    amount_minor: -group.total_minor,
                    opened_at: self.stamp(),
                });
            }
        }
        for (from, to) in carried {
            changes.payable_carried(from, to);
        }
        claims.sort_by(|a: &Claim, b: &Claim| {
            let key = |one: &Claim| (one.shard, one.period, one.enrolment);
            key(a).cmp(&key(b))
        });
        changes.persons(new_persons.into_values());
        changes.destinations(new_destinations.into_values());
        changes.payables(payables);
        changes.claims(claims);
        changes.instructions(instructions);
        changes.exceptions(cycle.number, exceptions);
        if !payouts.is_empty() {
            let mut plain = Vec::new();
            for payout in &payouts {
                write_payout(&mut plain, payout);
            }
            changes.chunks([chunks::seal(
                &self.keys.chunks,
                shard,
                ChunkKind::Payout,
                cycle.number.0,
                0,
                payouts.len() as i64,
                &plain,
            )?]);
        }
        Ok(())
    }

    /// Why a payable cannot be ordered now, if anything.
    #[allow(clippy::too_many_arguments)]
    fn payable_hold(
        &self,
        cycle: &Cycle,
        number: &PayableNo,
        group: &Group,
        detail: &PayeeDetail,
        profile: Option<&Provider>,
        routes: &[DestinationRow],
        remittance: &str,
    ) -> Option<HoldCode> {
        if detail.channel != Channel::Cash && detail.account.is_empty() {
            return Some(HoldCode::DestinationMissing);
        }
        let Some(profile) = profile else { return Some(HoldCode::DestinationMissing) };
        // Where an heir is paid two officers have said.
        if group.heir.is_none() && self.changed_recently(cycle, group.destination, routes) {
            return Some(HoldCode::DestinationChanged);
        }
        if group.total_minor > profile.on(cycle.value_date).amount_max_minor {
            return Some(HoldCode::AmountOverLimit);
        }
        let format = self.formats.out(&profile.format)?;
        let end_to_end = EndToEndId::derive(&self.config.prefix, *number, AttemptNo::FIRST);
        let payment = render::payment(&end_to_end, group.total_minor, detail, remittance);
        let batch = render::nominal_batch(self, cycle);
        format.check_payment(&batch, &payment).err().map(|_| HoldCode::FormatRefuses)
    }

    /// A payee who was paid elsewhere until lately: the commonest fraud is a changed account.
    fn changed_recently(
        &self,
        cycle: &Cycle,
        destination: DestinationNo,
        routes: &[DestinationRow],
    ) -> bool {
        let months = self.config.cooling_off_months;
        let others_before = routes.iter().any(|row| row.number != destination);
        match routes.iter().find(|row| row.number == destination) {
            None => months > 0 && others_before,
            Some(row) => {
                let older = routes.iter().any(|other| other.first_period < row.first_period);
                row.confirmed_by.is_none()
                    && older
                    && cycle.period.months_since(row.first_period) < months
            }
        }
    }

    fn payee_row(&self, cycle: &Cycle, payee: PersonNo, detail: &PayeeDetail) -> PersonRow {
        let told = json!({ "national_id": detail.national_id, "full_name": detail.name });
        PersonRow {
            number: payee,
            check_hash: 0,
            first_cycle: cycle.number.0,
            sealed: self
                .keys
                .persons
                .seal(&payee.number().to_be_bytes(), told.to_string().as_bytes()),
        }
    }

    pub(super) fn destination_row(
        &self,
        cycle: &Cycle,
        payee: PersonNo,
        number: DestinationNo,
        detail: &PayeeDetail,
        confirmed_by: Option<String>,
    ) -> DestinationRow {
        let told = json!({
            "account": detail.account,
            "account_name": detail.account_name,
            "pay_point": detail.pay_point,
        });
        DestinationRow {
            payee,
            number,
            channel: detail.channel.name().to_owned(),
            provider: detail.named.clone(),
            first_period: cycle.period,
            confirmed_by,
            sealed: self
                .keys
                .destinations
                .seal(&number.number().to_be_bytes(), told.to_string().as_bytes()),
        }
    }
}

impl Batching {
    /// The batch in which the next payment of a provider goes.
    fn place(
        &mut self,
        provider: &str,
        count_max: u64,
        total_max_minor: i64,
        amount_minor: i64,
    ) -> BatchNo {
        let full = self.by_provider.get(provider).is_none_or(|filling| {
            filling.count >= count_max
                || filling.total_minor.saturating_add(amount_minor) > total_max_minor
        });
        if full {
            self.last += 1;
            let filling = Filling { batch: BatchNo(self.last), count: 0, total_minor: 0 };
            self.by_provider.insert(provider.to_owned(), filling);
        }
        let filling = self.by_provider.get_mut(provider).expect("it was filled or made above");
        filling.count += 1;
        filling.total_minor += amount_minor;
        filling.batch
    }
}

/// By whom a destination is confirmed that is an heir's: it is not known for whom the roster names.
fn of_naming(heir: i64) -> String {
    format!("{OF_NAMING}{heir}")
}

fn is_of_naming(row: &DestinationRow) -> bool {
    row.confirmed_by.as_deref().is_some_and(|by| by.starts_with(OF_NAMING))
}

/// No officer's name has a space.
const OF_NAMING: &str = "heir ";

/// Holds that were released, by what was decided about and the code; and when.
pub(super) type Released = HashMap<(i64, String), String>;

/// How the lines of one payable are reached: payee, beneficiary, destination, and the naming of an heir.
type Reached = (PersonNo, PersonNo, DestinationNo, Option<i64>);

type LineKey<'a> = (PersonNo, PersonNo, i64, i32, &'a str, &'a str, u16, Option<PayableNo>);

fn line_key(line: &DueLine) -> LineKey<'_> {
    (
        line.payee,
        line.beneficiary,
        line.enrolment.number(),
        line.period.as_number(),
        &line.benefit,
        &line.component,
        line.revision,
        line.carried_from,
    )
}

/// The refusal of a format that nobody defines for what is to be written.
pub(super) fn undefined_format(id: &str) -> EngineError {
    EngineError::refused("G114", format!("nobody defines the format {id}"))
}

fn claim(line: &DueLine, cycle: CycleNo, payable: Option<PayableNo>) -> Claim {
    Claim {
        shard: line.owner.shard(),
        period: line.period,
        enrolment: line.enrolment,
        person: line.owner,
        programme: line.programme.clone(),
        benefit: line.benefit.clone(),
        component: line.component.clone(),
        revision: line.revision,
        amount_minor: line.amount_minor,
        cycle,
        payable,
        carried_from: line.carried_from,
    }
}

fn owned_claim(line: &DueLine) -> OwnedClaim {
    OwnedClaim {
        owner: line.owner,
        enrolment: line.enrolment,
        benefit: line.benefit.clone(),
        component: line.component.clone(),
        period: line.period,
        revision: line.revision,
        amount_minor: line.amount_minor,
    }
}

fn kind_word(kind: CycleKind) -> &'static str {
    match kind {
        CycleKind::Regular => "R",
        CycleKind::Supplementary => "S",
        CycleKind::Correction => "C",
    }
}
