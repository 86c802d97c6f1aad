//! Orders again what did not arrive, and what was held and is now released: as a new list that
//! officers approve like the first.

use std::collections::{BTreeMap, HashMap, HashSet};

use crate::audit::leaf::Leaf;
use crate::domain::batch::{Batch, BatchState};
use crate::domain::cycle::{Cycle, CycleState};
use crate::domain::exception::Subject;
use crate::domain::hold::HoldCode;
use crate::domain::ids::{AttemptNo, BatchNo, DestinationNo, ListNo, PayableNo, Shard};
use crate::domain::instruction::{Evidence, Instruction, InstructionState};
use crate::domain::list::PaymentList;
use crate::domain::payable::{Payable, PayableEvent, PayableState};
use crate::domain::roster::Channel;
use crate::engine::assemble::Released;
use crate::engine::chunks;
use crate::engine::config::{Ceilings, Terms};
use crate::engine::cycle::goes_on;
use crate::engine::heir::Heirs;
use crate::engine::import::REGISTER_LEADING;
use crate::engine::paid_otherwise::PaidOtherwise;
use crate::engine::payout::{PayeeDetail, Payout, read_payouts, write_payout};
use crate::engine::render;
use crate::engine::taking_back::next_attempt;
use crate::engine::{Engine, EngineError};
use crate::pipeline::intake::{Header, register_row};
use crate::pipeline::records::Records;
use crate::pipeline::retry::{Besides, Proposal, RetryTerms, Route, propose};
use crate::store::Changes;
use crate::store::payables::PayableMove;
use crate::store::registry::ChunkKind;

/// What a reissue proposes and why the rest waits.
#[derive(Debug)]
pub struct Reissued {
    /// The new list; none when nothing can be ordered again.
    pub list: Option<PaymentList>,
    pub ordered: i64,
    pub ordered_minor: i128,
    /// How many payables wait or stop, by the sentence that says why.
    pub waiting: BTreeMap<&'static str, i64>,
}

/// Where a payee may be paid instead, with what the file needs.
struct Alternative {
    route: Route,
    detail: PayeeDetail,
    confirmed_by: Option<&'static str>,
    known: bool,
}

/// One payment of the new list.
struct Again {
    payable: Payable,
    attempt: AttemptNo,
    destination: DestinationNo,
    profile: String,
    payout: Payout,
}

impl Engine {
    /// Makes a release list of everything in a cycle that may be ordered again. An earlier list of the
    /// cycle that was not finished is finished first.
    pub async fn reissue(&self, cycle: &Cycle) -> Result<Reissued, EngineError> {
        if !matches!(cycle.state, CycleState::Released | CycleState::Settling) {
            return Err(EngineError::refused(
                "C130",
                format!(
                    "cycle {} is {}, and only a released cycle orders again; {}",
                    cycle.label(),
                    cycle.state,
                    goes_on(cycle)
                ),
            ));
        }
        if let Some(list) = self.finish_begun(cycle).await? {
            return Ok(Reissued {
                list: Some(list),
                ordered: 0,
                ordered_minor: 0,
                waiting: BTreeMap::new(),
            });
        }
        let number = self.next_list(cycle).await?;
        let released = self.released(cycle).await?;

        let paid_otherwise = self.paid_otherwise().await?;
        let heirs = self.heirs().await?;
        let mut changes = Changes::new();
        let mut again: Vec<Again> = Vec::new();
        let batches = self.store.batches(cycle.number).await?;
        let mut run = Run {
            sent_to: batches.into_iter().map(|batch| (batch.number, batch.provider)).collect(),
            ceilings: self.config.ceilings,
            count: 0,
            total_minor: 0,
            waiting: BTreeMap::new(),
        };
        for shards in Shard::groups() {
            self.progress.at("reissue", u64::from(shards[0].number()), 256);
            let unpaid = self.store.payables_unpaid(cycle.number, &shards).await?;
            for candidates in unpaid.chunk_by(|one, next| one.number.shard() == next.number.shard())
            {
                let shard = candidates[0].number.shard();
                let found = self
                    .reissue_shard(
                        cycle,
                        (shard, candidates),
                        &released,
                        (&paid_otherwise, &heirs),
                        &mut run,
                        &mut changes,
                    )
                    .await?;
                if found.is_empty() {
                    continue;
                }
                let mut plain = Vec::new();
                for one in &found {
                    write_payout(&mut plain, &one.payout);
                }
                changes.chunks([chunks::seal(
                    &self.keys.chunks,
                    shard,
                    ChunkKind::Payout,
                    cycle.number.0,
                    number.0,
                    found.len() as i64,
                    &plain,
                )?]);
                again.extend(found);
            }
        }
        if again.is_empty() {
            return Ok(Reissued { list: None, ordered: 0, ordered_minor: 0, waiting: run.waiting });
        }

        let last_batch =
            self.store.batches(cycle.number).await?.iter().map(|batch| batch.number.0).max();
        let today = self.clock.today();
        let mut by_provider: BTreeMap<String, Vec<Vec<&Again>>> = BTreeMap::new();
        for one in &again {
            let profile = self.provider(&one.profile)?;
            let filled = by_provider.entry(one.profile.clone()).or_default();
            let (terms, count_max) = (profile.on(today), self.count_max(profile, today));
            match filled.last_mut().filter(|part| fits(terms, count_max, part, one)) {
                Some(part) => part.push(one),
                None => filled.push(vec![one]),
            }
        }
        let mut batch_no = last_batch.unwrap_or(0);
        let mut batches = Vec::new();
        let mut instructions = Vec::new();
        let mut moves = Vec::new();
        for (name, parts) in &by_provider {
            for part in parts {
                batch_no += 1;
                let total: i64 = part.iter().map(|one| one.payable.amount_minor).sum();
                let profile = self.provider(name)?;
                let count = part.len() as u64;
                let batch = self.batch(cycle, number, BatchNo(batch_no), profile, count, total)?;
                let value_date = self.value_date_to_meet(batch.value_date, profile)?;
                batches.push(Batch { value_date, ..batch });
                for one in part {
                    instructions.push(Instruction {
                        payable: one.payable.number,
                        attempt: one.attempt,
                        list: number,
                        batch: BatchNo(batch_no),
                        destination: one.destination,
                        amount_minor: one.payable.amount_minor,
                        state: InstructionState::InBatch,
                        evidence: Evidence::default(),
                    });
                    let instructed = one.payable.state.apply(PayableEvent::Instructed)?;
                    moves.push(PayableMove {
                        code: String::new(),
                        batch: Some(BatchNo(batch_no)),
                        ..PayableMove::of(&one.payable, instructed)
                    });
                }
            }
        }
        instructions.sort_by_key(|one| (one.payable, one.attempt));
        let ordered = instructions.len() as i64;
        let ordered_minor =
            instructions.iter().map(|one| i128::from(one.amount_minor)).sum::<i128>();
        changes.cycle_stays(cycle.number, false);
        changes.batches(batches);
        changes.instructions(instructions);
        changes.payables_moved(&moves);
        changes.event(
            Leaf::of("reissue_prepared", &self.stamp())
                .number("cycle", cycle.number.0)
                .number("list", number.0)
                .number("count", ordered)
                .build()?
                .as_bytes()
                .to_vec(),
        );
        self.store.commit(changes).await?;
        let list = self.seal_release_list(cycle, number).await?;
        Ok(Reissued { list: Some(list), ordered, ordered_minor, waiting: run.waiting })
    }

    /// Seals a list whose orders were committed by a process that died before it was sealed.
    pub(super) async fn finish_begun(
        &self,
        cycle: &Cycle,
    ) -> Result<Option<PaymentList>, EngineError> {
        let lists = self.store.lists(cycle.number).await?;
        let sealed: HashSet<ListNo> = lists.iter().map(|list| list.number).collect();
        let batches = self.store.batches(cycle.number).await?;
        let begun = batches
            .iter()
            .find(|one| one.state == BatchState::Created && !sealed.contains(&one.list));
        match begun {
            Some(batch) => Ok(Some(self.seal_release_list(cycle, batch.list).await?)),
            None => Ok(None),
        }
    }

    /// The number of the next release list: also one that was begun and given up keeps its number.
    pub(super) async fn next_list(&self, cycle: &Cycle) -> Result<ListNo, EngineError> {
        let lists = self.store.lists(cycle.number).await?;
        let batches = self.store.batches(cycle.number).await?;
        let of_lists = lists.iter().map(|list| list.number.0);
        let last = of_lists.chain(batches.iter().map(|batch| batch.list.0)).max();
        Ok(ListNo(last.unwrap_or(0) + 1))
    }

    pub(super) async fn seal_release_list(
        &self,
        cycle: &Cycle,
        number: ListNo,
    ) -> Result<PaymentList, EngineError> {
        let sealed_at = self.release_list_dated(cycle, number).await?;
        self.render(cycle, number).await?;
        let manifest = cycle.manifest.clone().unwrap_or_default();
        let list = self.list(cycle, number, &manifest, self.sealed_first(&sealed_at)).await?;
        let mut changes = Changes::new();
        changes.list_sealed(&list);
        changes.event(self.sealed_leaf(&list)?);
        self.store.commit(changes).await?;
        Ok(list)
    }

    /// Fixes what the files of a release list say of their day, once: when they were created, and a value
    /// date that can still be met. It is stored before the first of them is rendered, so that a list that
    /// is finished by another process, on another day, has the same bytes.
    async fn release_list_dated(
        &self,
        cycle: &Cycle,
        number: ListNo,
    ) -> Result<String, EngineError> {
        let at = self.stamp();
        let mut changes = Changes::new();
        for batch in self.store.batches(cycle.number).await? {
            if batch.list != number {
                continue;
            }
            if let Some(at) = batch.created_at {
                return Ok(at);
            }
            let profile = self.provider(&batch.provider)?;
            let value_date = self.value_date_to_meet(batch.value_date, profile)?;
            changes.batch_dated(&batch, &at, value_date);
        }
        self.store.commit(changes).await?;
        Ok(at)
    }

    async fn reissue_shard(
        &self,
        cycle: &Cycle,
        (shard, candidates): (Shard, &[Payable]),
        released: &Released,
        (paid_otherwise, heirs): (&PaidOtherwise, &Heirs),
        run: &mut Run,
        changes: &mut Changes,
    ) -> Result<Vec<Again>, EngineError> {
        let numbers: Vec<PayableNo> = candidates.iter().map(|one| one.number).collect();
        let mut attempts: HashMap<PayableNo, Vec<Instruction>> = HashMap::new();
        for instruction in self.store.instructions_of(&numbers).await? {
            attempts.entry(instruction.payable).or_default().push(instruction);
        }
        // Read after the orders: whoever asks one back finds it out, and is found here when it failed since.
        let recalled = self.recalled_within(shard).await?;
        // By a word about any of their payments, of whatever cycle.
        let stopped = self.store.stopped_before(shard, None).await?;
        let mut payouts: HashMap<PayableNo, Payout> = HashMap::new();
        for chunk in self.store.chunks(shard, ChunkKind::Payout, cycle.number.0).await? {
            for payout in read_payouts(&chunks::open(&self.keys.chunks, &chunk)?)? {
                // The newest list's details come last and count.
                payouts.insert(payout.payable, payout);
            }
        }
        let mut held_for: HashMap<PayableNo, Vec<String>> = HashMap::new();
        for one in self.store.exceptions(cycle.number, shard).await? {
            if let (Subject::Payable, Some(payable)) = (one.subject, one.payable) {
                held_for.entry(payable).or_default().push(one.code);
            }
        }
        let linked = self.linked_accounts(cycle, shard).await?;
        let mut known: HashMap<crate::domain::ids::PersonNo, Vec<DestinationNo>> = HashMap::new();
        for row in self.store.destinations(shard).await? {
            known.entry(row.payee).or_default().push(row.number);
        }

        let today = self.clock.today();
        let mut again = Vec::new();
        let mut new_destinations = HashSet::new();
        for payable in candidates {
            let Some(payout) = payouts.get(&payable.number) else {
                return Err(EngineError::Inconsistent(format!(
                    "the details of payable {} are missing",
                    payable.number
                )));
            };
            let tried = attempts.remove(&payable.number).unwrap_or_default();
            let known = known.get(&payable.payee).map_or(&[][..], Vec::as_slice);
            let mut ways = vec![Alternative {
                route: Route {
                    destination: payout.destination,
                    channel: payout.detail.channel,
                    provider: payout.detail.named.clone(),
                },
                detail: payout.detail.clone(),
                confirmed_by: None,
                known: true,
            }];
            // An heir is paid where two officers said, and nowhere else.
            let is_an_heir_s = payable.heir.is_some();
            if let Some((named, account)) = linked.get(&payable.payee).filter(|_| !is_an_heir_s) {
                let detail = PayeeDetail {
                    channel: Channel::Bank,
                    named: named.clone(),
                    account: account.clone(),
                    account_name: String::new(),
                    ..payout.detail.clone()
                };
                ways.push(self.alternative(detail, "identity-register", known));
            }
            let cash = PayeeDetail {
                channel: Channel::Cash,
                named: String::new(),
                account: String::new(),
                account_name: String::new(),
                ..payout.detail.clone()
            };
            if !is_an_heir_s {
                ways.push(self.alternative(cash, "pay-point", known));
            }

            let is_paid_on_death = payout.claims.iter().all(|claim| {
                let pack = &self.programmes.pack;
                pack.is_one_off(&payable.programme, &claim.benefit)
            });
            let is_let_go = heirs.withdrawn_at(payable.beneficiary).is_none_or(|at| {
                let code = HoldCode::UnpaidBeforeDeath.text();
                let subject = self.held_payable(payable, code);
                let since = subject.and_then(|subject| released.get(&(subject, code.to_owned())));
                since.is_some_and(|since| since.as_str() > at)
            });
            let proposal = match payable.state {
                _ if recalled.is_asked_back(payable.number) => {
                    Proposal::Wait("it is asked back, and that is not over: chitra recall list")
                }
                _ if !is_paid_on_death && !heirs.stand_as_for(payable) => Proposal::Wait(
                    "an heir was confirmed or withdrawn since: the next month's list goes on with it",
                ),
                _ if !is_paid_on_death && !is_let_go => Proposal::Wait(
                    "an heir was withdrawn: the next month's list holds it until two release it",
                ),
                PayableState::Rejected | PayableState::Returned
                    if recalled.last_came_back(&tried) =>
                {
                    Proposal::Wait(
                        "officers asked it back: the next list holds it until two release it",
                    )
                }
                _ if !paid_otherwise.lowered.off(payable.number).is_empty() => Proposal::Wait(
                    "a later list lowered it: what is left goes on with the next month's list",
                ),
                PayableState::Held if paid_otherwise.concerns(payable.number) => {
                    Proposal::Wait("an earlier attempt is proved paid")
                }
                PayableState::Held => {
                    let is_released_of = |code: &String| {
                        let subject = self.keys.held_payable(
                            payable.payee,
                            payable.beneficiary,
                            // What was ordered elsewhere meanwhile is released where it was first to go.
                            payable.destination.unwrap_or(payout.destination),
                            payable.heir,
                            code,
                        );
                        released.contains_key(&(subject, code.clone()))
                    };
                    let also = held_for.get(&payable.number).map_or(&[][..], Vec::as_slice);
                    let is_released =
                        is_released_of(&payable.code) && also.iter().all(is_released_of);
                    // Held when the list was made it has no orders; stopped later it may have failed before.
                    let over = |one: &Instruction| {
                        one.is_given_up()
                            || matches!(
                                one.state,
                                InstructionState::Rejected | InstructionState::Returned
                            )
                    };
                    match is_released && tried.iter().all(over) {
                        true => Proposal::Reissue {
                            attempt: next_attempt(&tried)?,
                            route: ways[0].route.clone(),
                        },
                        false => Proposal::Wait("it is held, and nobody has released the hold"),
                    }
                }
                _ => {
                    let partner = tried
                        .iter()
                        .filter(|one| !one.is_given_up())
                        .max_by_key(|one| one.attempt)
                        .and_then(|last| run.sent_to.get(&last.batch))
                        .and_then(|name| self.config.provider(name));
                    let rules = partner.map_or(&[][..], |one| &one.on(today).leaving.retry);
                    let routes: Vec<Route> = ways.iter().map(|way| way.route.clone()).collect();
                    propose(
                        payable,
                        &tried,
                        &routes,
                        RetryTerms { policy: &self.config.retry, rules, today },
                        Besides {
                            is_paid_otherwise: paid_otherwise.concerns(payable.number),
                            is_perhaps_paid_twice: paid_otherwise.is_perhaps_twice(payable.number),
                        },
                    )
                }
            };
            let paid = (payable.payee, payable.beneficiary, payable.heir);
            let (attempt, route) = match proposal {
                // Whoever let a hold go knew of it.
                Proposal::Reissue { .. }
                    if payable.state != PayableState::Held && stopped.contains_key(&paid) =>
                {
                    let why = "another payment of this person was stopped, by a partner (death, fraud, a court order) or by \
                               officers: the next list holds it until two release it";
                    *run.waiting.entry(why).or_default() += 1;
                    continue;
                }
                Proposal::Reissue { attempt, route } => (attempt, route),
                Proposal::Wait(why) | Proposal::Stop(why) => {
                    *run.waiting.entry(why).or_default() += 1;
                    continue;
                }
            };
            let way = ways
                .into_iter()
                .find(|way| way.route.destination == route.destination)
                .ok_or_else(|| EngineError::Inconsistent("a route without details".to_owned()))?;
            let Some(profile) = self.config.route(way.detail.channel, &way.detail.named) else {
                *run.waiting.entry("no partner carries money there").or_default() += 1;
                continue;
            };
            if payable.amount_minor > profile.on(today).amount_max_minor {
                *run.waiting.entry("the amount is over the other channel's limit").or_default() +=
                    1;
                continue;
            }
            let end_to_end = crate::domain::ids::EndToEndId::derive(
                &self.config.prefix,
                payable.number,
                attempt,
            );
            let remittance = render::remittance(cycle.period);
            let payment =
                render::payment(&end_to_end, payable.amount_minor, &way.detail, &remittance);
            let batch = render::nominal_batch(self, cycle);
            if self.out_format(profile)?.check_payment(&batch, &payment).is_err() {
                *run.waiting.entry("the other channel's format refuses it").or_default() += 1;
                continue;
            }
            if !run.takes(payable.amount_minor) {
                *run.waiting
                    .entry("the reissue is as large as the policy allows; the next one orders it")
                    .or_default() += 1;
                continue;
            }
            if !way.known && new_destinations.insert((payable.payee, route.destination)) {
                let by = way.confirmed_by.map(str::to_owned);
                changes.destinations([self.destination_row(
                    cycle,
                    payable.payee,
                    route.destination,
                    &way.detail,
                    by,
                )]);
            }
            again.push(Again {
                attempt,
                destination: route.destination,
                profile: profile.name.clone(),
                payout: Payout {
                    payable: payable.number,
                    destination: route.destination,
                    detail: way.detail,
                    remittance,
                    claims: payout.claims.clone(),
                },
                payable: payable.clone(),
            });
        }
        again.sort_by_key(|one| one.payable.number);
        Ok(again)
    }

    fn alternative(
        &self,
        detail: PayeeDetail,
        confirmed_by: &'static str,
        known: &[DestinationNo],
    ) -> Alternative {
        let account = match detail.channel {
            Channel::Cash => detail.pay_point.as_str(),
            _ => detail.account.as_str(),
        };
        let destination = self.keys.destination(detail.channel, &detail.named, account);
        Alternative {
            route: Route { destination, channel: detail.channel, provider: detail.named.clone() },
            known: known.contains(&destination),
            detail,
            confirmed_by: Some(confirmed_by),
        }
    }

    /// The accounts that people of a shard have linked in the identity register: bank and account.
    async fn linked_accounts(
        &self,
        cycle: &Cycle,
        shard: Shard,
    ) -> Result<HashMap<crate::domain::ids::PersonNo, (String, String)>, EngineError> {
        let header = Header::canonical_register(REGISTER_LEADING);
        let mut found = HashMap::new();
        for chunk in self.store.chunks(shard, ChunkKind::Register, cycle.identity.0).await? {
            let plain = chunks::open(&self.keys.chunks, &chunk)?;
            let mut records = Records::new(plain.as_slice());
            while let Some(record) = records
                .next_record()
                .map_err(|error| EngineError::Inconsistent(error.to_string()))?
            {
                let row = register_row(&record, &header)
                    .map_err(|bad| EngineError::Inconsistent(bad.sentence))?;
                if !row.account.is_empty() && !row.provider.is_empty() {
                    let person = self.keys.person_of_id(&row.national_id);
                    found.insert(person, (row.provider, row.account));
                }
            }
        }
        Ok(found)
    }
}

/// How far one reissue has come, and what it may still order.
struct Run {
    /// The partners of the files that were ordered before.
    sent_to: HashMap<BatchNo, String>,
    ceilings: Ceilings,
    count: i64,
    total_minor: i64,
    /// How many payables wait or stop, by the sentence that says why.
    waiting: BTreeMap<&'static str, i64>,
}

impl Run {
    /// Whether a payment fits in; then it is counted.
    fn takes(&mut self, amount_minor: i64) -> bool {
        let total_minor = self.total_minor.saturating_add(amount_minor);
        let fits = self.ceilings.reissue_count_max.is_none_or(|most| self.count < most)
            && self.ceilings.reissue_total_max_minor.is_none_or(|most| total_minor <= most);
        if fits {
            self.count += 1;
            self.total_minor = total_minor;
        }
        fits
    }
}

fn fits(terms: &Terms, count_max: u64, part: &[&Again], one: &Again) -> bool {
    let total: i64 = part.iter().map(|again| again.payable.amount_minor).sum();
    (part.len() as u64) < count_max
        && total.saturating_add(one.payable.amount_minor) <= terms.total_max_minor
}
