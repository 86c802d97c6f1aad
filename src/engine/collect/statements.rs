//! Statements of the account that pays: whether they add up, and what each entry was for.
//!
//! A statement whose opening balance and booked entries do not give its closing balance is refused as a
//! whole, before anything of it is applied. What its entries say of payments is applied like any other
//! answer; here they are only held against the files that were ordered.

use std::collections::btree_map::Entry as Place;
use std::collections::{BTreeMap, BTreeSet};
use std::io::BufReader;
use std::ops::ControlFlow;

use payment_formats::{
    BalanceKind, Booking, Direction, EntryKind, Outcome as Answered, OutcomeStatus, StatementPart,
};

use super::acknowledging::about_a_debit_of_a_rejected_file;
use super::applying::ITEMS_A_PAGE;
use super::called::called;
use super::netted::Netting;
use crate::audit::leaf::Leaf;
use crate::domain::answer::{Answer, Discrepancy, DiscrepancyKind};
use crate::domain::batch::BatchState;
use crate::domain::digest::Digest;
use crate::domain::funds::Funds;
use crate::domain::ids::{AttemptNo, CycleNo, PayableNo};
use crate::domain::instruction::InstructionState;
use crate::domain::money::told;
use crate::domain::payee_account::{is_the_account, masked};
use crate::domain::receivable::SeenOn;
use crate::domain::roster::Channel;
use crate::domain::statement::{
    FileKey, FundedEntry, ShareKind, Statement, StatementShare, UnexplainedEntry,
};
use crate::engine::config::Provider;
use crate::engine::{Engine, EngineError};
use crate::pipeline::settle::Entries;
use crate::pipeline::statement::{Entry, FileBooks, Sum, explain};
use crate::pipeline::vouchers::Sought;
use crate::store::Changes;
use crate::store::registry::Counted;
use crate::store::sums::InstructionSum;

/// How many names of an entry's details are looked at for money that was paid in: it has few.
const CALLED_MAX: usize = 20;

/// A statement as it is taken in.
pub(super) struct Taken {
    statement: Statement,
    shares: Vec<StatementShare>,
    unexplained: Vec<UnexplainedEntry>,
    funded: Vec<FundedEntry>,
    receipts: Vec<(i64, SeenOn)>,
    transfers: Vec<(i64, SeenOn)>,
}

/// An order that a detail names: its file, and its amount.
type Ordered = (FileKey, i64);

/// What stands in our books beside the statements of one file.
#[derive(Default)]
pub(super) struct Known {
    orders: BTreeMap<(PayableNo, AttemptNo), Ordered>,
    pub(super) files: BTreeMap<FileKey, FileBooks>,
    sums: BTreeMap<CycleNo, Vec<InstructionSum>>,
    shares: BTreeMap<CycleNo, Vec<StatementShare>>,
    /// Entries of the file so far, booked or not.
    entries: i64,
    /// Money that was recorded as available, drawn or given back, and is on no statement yet; looked up when it
    /// is asked for.
    pub(super) funds: Option<Vec<Funds>>,
    /// Money that was paid back, by its vouchers; looked up when it is asked for.
    pub(super) vouchers: Option<Sought>,
    /// Money that was transferred for court orders, by its vouchers; looked up when it is asked for.
    pub(super) transfers: Option<Sought>,
    /// Files as debits without a reason are held against them.
    pub(super) netting: Netting,
}

/// So much, in minor units, is a balance of a statement at most, and so much its entries come to: what every reader of the log holds exactly
/// (RFC 8259 section 6), and far more than a state pays out in a year.
const TURNOVER_MAX: i128 = (1 << 53) - 1;

/// One statement while it is read.
#[derive(Default)]
struct Reading {
    number: i64,
    opening: Option<i64>,
    closing: Option<(i64, Option<jiff::civil::Date>)>,
    /// The first and the last balance between two parts.
    interim: Vec<(i64, Option<jiff::civil::Date>)>,
    booked: i128,
    /// What its entries and their details come to, whichever side they stand on.
    turnover: i128,
    entries: i64,
    pending: i64,
    shares: BTreeMap<(ShareKind, Option<FileKey>), (i64, Sum)>,
    unexplained: Vec<UnexplainedEntry>,
    funded: Vec<FundedEntry>,
    receipts: Vec<(i64, SeenOn)>,
    transfers: Vec<(i64, SeenOn)>,
    /// Of the entry whose details are being read.
    entry: Entry,
    /// A reference to a file on its only detail.
    file_reference: Option<String>,
    /// What else its details are called; personal, and kept nowhere.
    called: Vec<String>,
}

impl Engine {
    /// Reads the statements of an archived answer; none where its format has none.
    pub(super) async fn read_statements(
        &self,
        profile: &Provider,
        digest: &Digest,
        answer: &Answer,
    ) -> Result<Vec<Taken>, EngineError> {
        if !self.formats.read(&answer.format).is_some_and(|format| format.is_statement()) {
            return Ok(Vec::new());
        }
        let (send, mut receive) = tokio::sync::mpsc::channel::<Vec<StatementPart>>(4);
        let (formats, format_id) = (self.formats.clone(), answer.format.clone());
        let (archive, digest) = (self.archive.clone(), *digest);
        let shown = answer.file_name.clone();
        let reader = tokio::task::spawn_blocking(move || {
            let Some(format) = formats.read(&format_id) else { return Ok(()) };
            let file = BufReader::with_capacity(1 << 17, archive.open(&digest)?);
            let mut page = Vec::new();
            let read = format.read_statement(file, &mut |part| {
                page.push(part);
                let full = page.len() == ITEMS_A_PAGE;
                match full && send.blocking_send(std::mem::take(&mut page)).is_err() {
                    true => ControlFlow::Break(()),
                    false => ControlFlow::Continue(()),
                }
            });
            read.map_err(|error| EngineError::refused(error.code(), format!("{shown}: {error}")))?;
            // Nobody listens when what was read so far is refused.
            let _ = send.blocking_send(page);
            Ok::<(), EngineError>(())
        });
        let mut known = Known::default();
        let first = self.store.next_number(Counted::Statement).await?;
        let mut reading = Reading { number: first, ..Reading::default() };
        let mut taken: Vec<Taken> = Vec::new();
        while let Some(page) = receive.recv().await {
            self.know_orders(&mut known, &page).await?;
            for part in page {
                self.must_be_countable(&mut reading, &part, answer)?;
                match part {
                    StatementPart::Balance(kind, outcome) => {
                        let minor = self.signed(&outcome, answer)?;
                        match kind {
                            BalanceKind::Opening => _ = reading.opening.get_or_insert(minor),
                            BalanceKind::Closing => reading.closing = Some((minor, outcome.date)),
                            BalanceKind::Interim => reading.interim.push((minor, outcome.date)),
                            BalanceKind::Other => {}
                        }
                    }
                    StatementPart::Detail(detail) => {
                        self.detail(&mut reading, &known, &detail);
                    }
                    StatementPart::Entry(booking) => {
                        self.entry(profile, &mut known, &mut reading, &booking, answer).await?;
                    }
                    StatementPart::Statement { id, account, .. } => {
                        let next = Reading { number: reading.number + 1, ..Reading::default() };
                        let read = std::mem::replace(&mut reading, next);
                        let one = self.ended(read, id, account, answer)?;
                        let account = &one.statement.account;
                        self.is_our_account(profile, account, &answer.file_name)?;
                        let again = |other: &Taken| {
                            (&other.statement.account, &other.statement.id)
                                == (&one.statement.account, &one.statement.id)
                        };
                        let statement = &one.statement;
                        let known = self.store.statement_is_known(
                            &statement.provider,
                            &statement.account,
                            &statement.id,
                        );
                        if known.await? || taken.iter().any(again) {
                            return Err(EngineError::refused(
                                "L139",
                                format!(
                                    "{}: the statement {} was taken in before with other bytes; ask {} which one \
                                     holds: chitra statement list",
                                    answer.file_name, statement.id, statement.provider
                                ),
                            ));
                        }
                        taken.push(one);
                    }
                }
            }
        }
        reader.await.map_err(|error| {
            EngineError::Inconsistent(format!("reading ended early: {error}"))
        })??;
        Ok(taken)
    }

    /// Whether the statements of an answer that was taken in begin where those before them, by account and day,
    /// ended.
    pub(super) async fn entries_of(&self, answer: &Answer) -> Result<Entries, EngineError> {
        let statements = self.store.statements().await?;
        let overlaps = statements.iter().enumerate().any(|(at, one)| {
            let before = at.checked_sub(1).map(|before| &statements[before]).filter(|before| {
                (&before.provider, &before.account) == (&one.provider, &one.account)
            });
            one.answer == answer.number
                && before.is_some_and(|before| {
                    // An account that comes out where it was begins at the same balance as any part of its days.
                    before.closing_minor != one.opening_minor
                        || one.opening_minor == one.closing_minor
                })
        });
        Ok(match overlaps {
            true => Entries::OfOneThatMayOverlap,
            false => Entries::OfOneThatFollows,
        })
    }

    /// Puts statements, and a discrepancy for each entry without a reason, into the commit that takes the
    /// answer in.
    pub(super) async fn take_statements(
        &self,
        changes: &mut Changes,
        answer: &Answer,
        taken: &[Taken],
    ) -> Result<(), EngineError> {
        let mut discrepancies = self.debited_of_rejected(answer, taken).await?;
        // The entry of the first statement in the log has them all.
        let mut contradictions = discrepancies.len() as i64;
        for one in taken {
            changes.statement_taken(&one.statement, &one.shares, &one.unexplained);
            changes.entries_funded(&one.funded);
            changes.receipts_seen(&one.receipts);
            changes.transfers_seen(&one.transfers);
            changes.event(
                Leaf::of("statement_taken", &answer.received_at)
                    .number("statement", one.statement.number)
                    .number("answer", answer.number.0)
                    .number("opening_minor", one.statement.opening_minor)
                    .number("closing_minor", one.statement.closing_minor)
                    .number("entries", one.statement.entries)
                    .number("unexplained", one.unexplained.len() as i64)
                    .number("contradictions", std::mem::take(&mut contradictions))
                    .build()?
                    .as_bytes()
                    .to_vec(),
            );
            discrepancies.extend(one.unexplained.iter().map(|entry| Discrepancy {
                reported_minor: Some(entry.amount_minor),
                ..Discrepancy::of_item(
                    DiscrepancyKind::UnexplainedEntry,
                    answer,
                    entry.entry,
                    format!(
                        "statement {}: an entry of {}: {}",
                        one.statement.number,
                        told(i128::from(entry.amount_minor), self.config.currency),
                        entry.why
                    ),
                )
            }));
        }
        if !discrepancies.is_empty() {
            let first = self.store.next_number(Counted::Discrepancy).await?;
            changes.discrepancies(first, &discrepancies);
        }
        Ok(())
    }

    /// Files that their partner has rejected as a whole, and for which it took money all the same.
    async fn debited_of_rejected(
        &self,
        answer: &Answer,
        taken: &[Taken],
    ) -> Result<Vec<Discrepancy>, EngineError> {
        let mut files: BTreeMap<FileKey, i128> = BTreeMap::new();
        for share in taken.iter().flat_map(|one| &one.shares) {
            if let Some(file) = share.file.filter(|_| share.kind.is_money_of_a_file()) {
                *files.entry(file).or_default() += i128::from(share.total_minor);
            }
        }
        let mut found = Vec::new();
        for (file, _) in files.into_iter().filter(|(_, minor)| *minor < 0) {
            let batches = self.store.batches(file.0).await?;
            let batch = batches.iter().find(|batch| batch.number == file.1);
            if let Some(batch) = batch.filter(|batch| batch.state == BatchState::Refused) {
                // The entries of a statement count from 1: the files stand before them.
                let item = -(found.len() as i64);
                found.push(about_a_debit_of_a_rejected_file(batch, item, answer));
            }
        }
        Ok(found)
    }

    /// Refuses a statement whose amounts are more than our books can hold, before they are summed.
    fn must_be_countable(
        &self,
        reading: &mut Reading,
        part: &StatementPart,
        answer: &Answer,
    ) -> Result<(), EngineError> {
        let (outcome, before) = match part {
            StatementPart::Balance(_, outcome) => (outcome, 0),
            StatementPart::Detail(booking) | StatementPart::Entry(booking) => {
                (&booking.outcome, reading.turnover)
            }
            StatementPart::Statement { .. } => return Ok(()),
        };
        let minor = outcome.amount.map_or(0, |(minor, _)| i128::from(minor).abs());
        if !matches!(part, StatementPart::Balance(..)) {
            reading.turnover += minor;
        }
        if before + minor <= TURNOVER_MAX {
            return Ok(());
        }
        Err(EngineError::refused(
            "L151",
            format!(
                "{}: line {}: a balance of the statement, or its entries together, are more than {}, which no account of ours can hold; \
                 nothing was taken in; ask the partner what it is",
                answer.file_name,
                outcome.place.line,
                told(TURNOVER_MAX, self.config.currency)
            ),
        ))
    }

    /// Looks up the orders that the details of a page name.
    async fn know_orders(
        &self,
        known: &mut Known,
        page: &[StatementPart],
    ) -> Result<(), EngineError> {
        known.orders.clear();
        let payables: BTreeSet<PayableNo> = page
            .iter()
            .filter_map(|part| match part {
                StatementPart::Detail(detail) => self.our_reference(&detail.outcome),
                _ => None,
            })
            .map(|(payable, _)| payable)
            .collect();
        let payables: Vec<PayableNo> = payables.into_iter().collect();
        for one in self.store.instructions_of(&payables).await? {
            let file = (one.payable.cycle(), one.batch);
            known.orders.insert((one.payable, one.attempt), (file, one.amount_minor));
        }
        Ok(())
    }

    /// One payment of an entry that is still being read.
    fn detail(&self, reading: &mut Reading, known: &Known, detail: &Booking) {
        let outcome = &detail.outcome;
        let sign = |minor: i64| match outcome.direction {
            Some(Direction::Debit) => -minor,
            _ => minor,
        };
        let told = outcome.amount.filter(|(_, of)| of.code() == self.config.currency.code());
        if let (Some(kind), Some((minor, _))) = (charge(detail.kind), told) {
            *reading.entry.charges.entry(kind).or_default() += sign(minor);
            return;
        }
        let named = self.our_reference(outcome).filter(|_| !self.names_two(outcome));
        let order = named.and_then(|reference| known.orders.get(&reference).copied());
        let named = order.filter(|(_, ordered)| told.is_none_or(|(minor, _)| minor == *ordered));
        let is_named = named.is_some();
        match named {
            Some((file, ordered)) => {
                reading.entry.named.entry(file).or_default().add(1, sign(ordered));
            }
            None => reading.entry.strange += 1,
        }
        if (order.is_none() || is_named) && reading.called.len() < CALLED_MAX {
            reading.called.extend(called(outcome));
        }
        let reference = outcome.original_batch_id.clone().or(outcome.original_message_id.clone());
        if reading.file_reference.is_none() {
            reading.file_reference = reference;
        }
    }

    /// One entry, after its details.
    async fn entry(
        &self,
        profile: &Provider,
        known: &mut Known,
        reading: &mut Reading,
        booking: &Booking,
        answer: &Answer,
    ) -> Result<(), EngineError> {
        known.entries += 1;
        let mut entry = std::mem::take(&mut reading.entry);
        let of_detail = reading.file_reference.take();
        let mut names = std::mem::take(&mut reading.called);
        let outcome = &booking.outcome;
        let is_booked = matches!(
            outcome.status,
            OutcomeStatus::Booked
                | OutcomeStatus::Returned
                | OutcomeStatus::Reversed
                // A credit that is undone: booked, and for a person.
                | OutcomeStatus::Review
        );
        entry.minor = self.signed(outcome, answer)?;
        if !is_booked {
            reading.pending += 1;
            return Ok(());
        }
        reading.entries += 1;
        reading.booked += i128::from(entry.minor);
        entry.charge = charge(booking.kind);
        entry.is_reversal = booking.is_reversal;
        let mut mentioned: BTreeSet<FileKey> = entry.named.keys().copied().collect();
        if entry.named.is_empty() && entry.charge.is_none() {
            let on_entry = [&outcome.original_batch_id, &outcome.original_message_id];
            let references: Vec<&str> =
                on_entry.into_iter().flatten().chain(&of_detail).map(String::as_str).collect();
            for reference in &references {
                if let Some(batch) = self.store.batch_by_message(reference).await? {
                    entry.file = Some((batch.cycle, batch.number));
                    break;
                }
            }
            entry.foreign_file = entry.file.is_none() && !references.is_empty();
            if references.is_empty() && entry.minor < 0 {
                let taken = entry.minor.saturating_neg();
                entry.fitting = self.store.files_not_debited(&profile.name, taken).await?;
            }
            if entry.file.is_none() && !entry.is_reversal {
                names.extend(called(outcome));
                let funds = self.funds_called(profile, known, entry.minor, &names).await?;
                entry.is_funded = funds.is_some();
                if entry.minor > 0 {
                    entry.vouchers = self.vouchers_known(known).await?.named(&names);
                } else {
                    entry.transfers = self.transfers_known(known).await?.named(&names);
                }
                let (statement, entry) = (reading.number, known.entries);
                reading.funded.extend(funds.map(|funds| FundedEntry { funds, statement, entry }));
            }
            mentioned.extend(entry.file);
            mentioned.extend(entry.fitting.iter().copied());
        }
        for file in mentioned {
            self.know_file(known, file).await?;
        }
        if !entry.named.is_empty() {
            names.extend(called(outcome));
            let funds = self.given_back_called(known, &entry, &names).await?;
            entry.is_funded = funds.is_some();
            let (statement, entry) = (reading.number, known.entries);
            reading.funded.extend(funds.map(|funds| FundedEntry { funds, statement, entry }));
        }
        // What an entry of this same file took is in no table yet.
        entry
            .fitting
            .retain(|file| known.files.get(file).is_some_and(|books| books.debited.minor == 0));
        let agreed = profile.on(self.clock.today()).debit_booking;
        match explain(&entry, &known.files, agreed, self.config.currency) {
            Ok(parts) => {
                if parts.iter().any(|part| part.kind == ShareKind::Receipt) {
                    let on = SeenOn { statement: reading.number, entry: known.entries };
                    let found = &entry.vouchers.numbers;
                    reading.receipts.extend(found.iter().map(|receipt| (*receipt, on)));
                    // Each is found once, also in the statements of this same file.
                    if let Some(sought) = &mut known.vouchers {
                        sought.seen(found, on);
                    }
                }
                if parts.iter().any(|part| part.kind == ShareKind::Transfer) {
                    let on = SeenOn { statement: reading.number, entry: known.entries };
                    let found = &entry.transfers.numbers;
                    reading.transfers.extend(found.iter().map(|transfer| (*transfer, on)));
                    if let Some(sought) = &mut known.transfers {
                        sought.seen(found, on);
                    }
                }
                let mut counted: BTreeSet<ShareKind> = BTreeSet::new();
                for part in parts {
                    let (entries, sum) = reading.shares.entry((part.kind, part.file)).or_default();
                    // An entry for several files counts once with each kind.
                    *entries += i64::from(counted.insert(part.kind));
                    sum.add(part.payments, part.minor);
                    if let Some(file) = part.file
                        && let Some(books) = known.files.get_mut(&file)
                    {
                        told_of(books, part.kind, part.payments, part.minor);
                    }
                }
            }
            Err(mut why) => {
                if entry.minor < 0 && !entry.is_reversal {
                    let taken = entry.minor.saturating_neg();
                    let file = entry.file.or(match entry.named.len() {
                        1 => entry.named.keys().next().copied(),
                        _ => None,
                    });
                    let on = outcome.date.unwrap_or(self.clock.today());
                    let netting = &mut known.netting;
                    let fee = self.fee_netted(netting, &profile.name, file, taken, on).await?;
                    if let Some(fee) = fee {
                        why = format!("{why}; {fee}");
                    }
                }
                let (entries, sum) =
                    reading.shares.entry((ShareKind::Unexplained, None)).or_default();
                *entries += 1;
                sum.add(0, entry.minor);
                reading.unexplained.push(UnexplainedEntry {
                    statement: reading.number,
                    entry: known.entries,
                    amount_minor: entry.minor,
                    booked_on: outcome.date,
                    reference: outcome.provider_reference.clone(),
                    why,
                });
            }
        }
        Ok(())
    }

    /// Looks a file up: what it orders, what became of its orders, and what statements said of it.
    async fn know_file(&self, known: &mut Known, file: FileKey) -> Result<(), EngineError> {
        if known.files.contains_key(&file) {
            return Ok(());
        }
        let (cycle, number) = file;
        let batches = self.store.batches(cycle).await?;
        let Some(batch) = batches.into_iter().find(|batch| batch.number == number) else {
            return Ok(());
        };
        if let Place::Vacant(sums) = known.sums.entry(cycle) {
            sums.insert(self.store.instruction_sums(cycle).await?);
            known.shares.insert(cycle, self.store.statement_shares_of(cycle).await?);
        }
        let mut books = FileBooks {
            file_name: batch.file_name,
            provider: batch.provider,
            ordered: Sum { count: batch.count as i64, minor: batch.total_minor },
            ..FileBooks::default()
        };
        for sum in known.sums[&cycle].iter().filter(|sum| sum.batch == number) {
            match sum.state {
                InstructionState::Rejected | InstructionState::Cancelled => {
                    books.rejected.add(sum.count, sum.total_minor);
                }
                InstructionState::Returned | InstructionState::ExcessReturned => {
                    books.returned.add(sum.count, sum.total_minor);
                }
                _ => {}
            }
        }
        for share in known.shares[&cycle].iter().filter(|share| share.file == Some(file)) {
            told_of(&mut books, share.kind, share.payments, share.total_minor);
        }
        known.files.insert(file, books);
        Ok(())
    }

    /// A statement of which everything was read: it has balances, and they add up.
    fn ended(
        &self,
        read: Reading,
        id: Option<String>,
        account: Option<String>,
        answer: &Answer,
    ) -> Result<Taken, EngineError> {
        let first = read.interim.first().map(|(minor, _)| *minor);
        let last = (read.interim.len() > 1).then(|| read.interim.last().copied()).flatten();
        let opening = read.opening.or(first);
        let closing = read.closing.or(match read.opening {
            Some(_) => read.interim.last().copied(),
            None => last,
        });
        let (Some(id), Some(account), Some(opening_minor), Some((closing_minor, Some(closed_on)))) =
            (id, account, opening, closing)
        else {
            return Err(EngineError::refused(
                "L137",
                format!(
                    "{}: a statement lacks its name, its account, or an opening or closing balance with its day; \
                     nothing was taken in; ask the partner for whole statements",
                    answer.file_name
                ),
            ));
        };
        let sum = i128::from(opening_minor) + read.booked;
        if sum != i128::from(closing_minor) {
            let money = |minor: i128| told(minor, self.config.currency);
            return Err(EngineError::refused(
                "L136",
                format!(
                    "{}: the statement {id} does not add up: its opening balance {} and its {} booked entries give \
                     {}, and its closing balance is {}; nothing was taken in; ask the partner for the right one",
                    answer.file_name,
                    money(i128::from(opening_minor)),
                    read.entries,
                    money(sum),
                    money(i128::from(closing_minor))
                ),
            ));
        }
        Ok(Taken {
            shares: read
                .shares
                .into_iter()
                .map(|((kind, file), (entries, sum))| StatementShare {
                    statement: read.number,
                    kind,
                    file,
                    entries,
                    payments: sum.count,
                    total_minor: sum.minor,
                })
                .collect(),
            unexplained: read.unexplained,
            funded: read.funded,
            receipts: read.receipts,
            transfers: read.transfers,
            statement: Statement {
                number: read.number,
                answer: answer.number,
                provider: answer.provider.clone(),
                account,
                id,
                opening_minor,
                closing_minor,
                closed_on,
                entries: read.entries,
                pending: read.pending,
            },
        })
    }

    /// Refuses what tells of an account that is none of ours: what is booked there says nothing of our money.
    pub(super) fn is_our_account(
        &self,
        profile: &Provider,
        stated: &str,
        shown: &str,
    ) -> Result<(), EngineError> {
        let mut ours = std::iter::once(&self.config.debtor.account).chain(&profile.our_accounts);
        if ours.any(|account| is_the_account(account, stated, Channel::Bank, false)) {
            return Ok(());
        }
        Err(EngineError::refused(
            "L135",
            format!(
                "{shown}: it tells of the account {}, which is none of ours; nothing was taken in; ask {} whose it is, \
                 and when it is ours add it to our_accounts of the partner in chitra.toml",
                masked(stated),
                profile.name
            ),
        ))
    }

    /// An amount from the account's side, in our currency.
    fn signed(&self, outcome: &Answered, answer: &Answer) -> Result<i64, EngineError> {
        match (outcome.amount, outcome.direction) {
            (Some((minor, of)), Some(direction)) if of.code() == self.config.currency.code() => {
                Ok(match direction {
                    Direction::Debit => -minor,
                    Direction::Credit => minor,
                })
            }
            _ => Err(EngineError::refused(
                "L138",
                format!(
                    "{}: line {}: the statement is not in {}; take it in at the office whose account it is of",
                    answer.file_name,
                    outcome.place.line,
                    self.config.currency.code()
                ),
            )),
        }
    }
}

fn charge(kind: EntryKind) -> Option<ShareKind> {
    match kind {
        EntryKind::Fee => Some(ShareKind::Fee),
        EntryKind::Tax => Some(ShareKind::Tax),
        EntryKind::Payment => None,
    }
}

/// What a share of a statement says of a file.
fn told_of(books: &mut FileBooks, kind: ShareKind, payments: i64, minor: i64) {
    match kind {
        ShareKind::Debit => books.debited.add(payments, -minor),
        ShareKind::Return => books.back.add(payments, minor),
        // What had come back may be taken again.
        ShareKind::Reversal => {
            let payments = if minor < 0 { -payments } else { payments };
            books.back.add(payments, minor);
        }
        ShareKind::Funds
        | ShareKind::Receipt
        | ShareKind::Transfer
        | ShareKind::Fee
        | ShareKind::Tax
        | ShareKind::Unexplained => {}
    }
}
