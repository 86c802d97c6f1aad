//! Cycles, their units of work, tallies, exceptions, lists and signatures.

use crate::domain::cycle::{Cycle, CycleState};
use crate::domain::exception::{Exception, Resolution, RowOutcome};
use crate::domain::fact::FactKind;
use crate::domain::ids::{AuthorityNo, CycleNo, EnrolmentNo, ImportNo, ListNo, PayableNo, Shard};
use crate::domain::list::{ListState, PaymentList, Signature};
use crate::domain::period::{Period, parse_date};
use crate::domain::state::Named;

use super::books::Written;
use super::registry::{broken, enrolment_no, number, period, person_no, shard};
use super::{Changes, Row, Store, StoreError, Value};

/// How many rows of one kind ended how.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Tally {
    pub shard: Shard,
    pub outcome: RowOutcome,
    pub code: String,
    pub programme: String,
    pub province: String,
    pub rows: i64,
}

macro_rules! cycle_columns {
    () => {
        "select cycle_no, authority_no, period, kind, sequence, state, law_known_at, value_date,
         roster_import, identity_import, opened_at, opened_by, manifest, sealed_at, closed_at from cycle "
    };
}

/// The settings of an office that hold for good once it has a list.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LastingSettings {
    /// ISO 4217; every amount of the database is in its minor units.
    pub currency: String,
    /// As `Period::as_number` gives it.
    pub history_from: i64,
}

impl Store {
    /// Under which settings the lists were opened that were not given up: each differing one once, with its number.
    /// Of what an earlier program opened nothing is known.
    pub async fn lasting_settings(&self) -> Result<Vec<(CycleNo, LastingSettings)>, StoreError> {
        let rows = self
            .query(
                "select max(cycle_no), currency, history_from from cycle
                 where state <> 'cancelled' and currency <> '' group by currency, history_from order by 1",
                &[],
            )
            .await?;
        rows.iter()
            .map(|row| {
                let settings = LastingSettings {
                    currency: row.text(1)?.to_owned(),
                    history_from: row.int(2)?,
                };
                Ok((CycleNo(row.int(0)?), settings))
            })
            .collect()
    }

    /// The newest list as it is signed, of whatever cycle that was not given up.
    pub async fn newest_list_body(&self) -> Result<Option<String>, StoreError> {
        let sql = "select l.body from payment_list l join cycle c on c.cycle_no = l.cycle_no
                   where c.state <> 'cancelled' order by l.cycle_no desc, l.list_no desc limit 1";
        let rows = self.query(sql, &[]).await?;
        rows.first().map(|row| Ok(row.text(0)?.to_owned())).transpose()
    }

    pub async fn cycle(&self, number: CycleNo) -> Result<Option<Cycle>, StoreError> {
        let rows = self
            .query(concat!(cycle_columns!(), "where cycle_no = $1"), &[number.0.into()])
            .await?;
        rows.first().map(cycle).transpose()
    }

    pub async fn cycles(&self) -> Result<Vec<Cycle>, StoreError> {
        let rows = self.query(concat!(cycle_columns!(), "order by cycle_no"), &[]).await?;
        rows.iter().map(cycle).collect()
    }

    pub async fn cycles_of(&self, month: Period) -> Result<Vec<Cycle>, StoreError> {
        let rows = self
            .query(
                concat!(cycle_columns!(), "where period = $1 order by cycle_no"),
                &[i64::from(month.as_number()).into()],
            )
            .await?;
        rows.iter().map(cycle).collect()
    }

    pub async fn work_done(
        &self,
        cycle: CycleNo,
        stage: &'static str,
    ) -> Result<Vec<i64>, StoreError> {
        let rows = self
            .query(
                "select unit from work where cycle_no = $1 and stage = $2 order by unit",
                &[cycle.0.into(), stage.into()],
            )
            .await?;
        rows.iter().map(|row| row.int(0)).collect()
    }

    /// The first and the last moment at which a stage of a cycle did a unit of its work; none when it did
    /// none.
    pub async fn work_done_between(
        &self,
        cycle: CycleNo,
        stage: &'static str,
    ) -> Result<Option<(String, String)>, StoreError> {
        let rows = self
            .query(
                "select min(done_at), max(done_at) from work where cycle_no = $1 and stage = $2",
                &[cycle.0.into(), stage.into()],
            )
            .await?;
        let Some(row) = rows.first() else { return Ok(None) };
        let (first, last) = (row.maybe_text(0)?, row.maybe_text(1)?);
        Ok(first.zip(last).map(|(first, last)| (first.to_owned(), last.to_owned())))
    }

    /// How often money of a cycle has moved.
    pub async fn cycle_moves(&self, cycle: CycleNo) -> Result<i64, StoreError> {
        let sql = "select moves from cycle where cycle_no = $1";
        let rows = self.query(sql, &[cycle.0.into()]).await?;
        rows.first().map_or(Ok(0), |row| row.int(0))
    }

    /// Rows by outcome, code, programme and province, over all shards.
    pub async fn tallies(&self, cycle: CycleNo) -> Result<Vec<Tally>, StoreError> {
        let rows = self
            .query(
                "select outcome, code, programme, province, cast(sum(row_count) as bigint) from tally
                 where cycle_no = $1 group by outcome, code, programme, province
                 order by outcome, code, programme, province",
                &[cycle.0.into()],
            )
            .await?;
        rows.iter()
            .map(|row| {
                Ok(Tally {
                    shard: Shard::new(0),
                    outcome: row.named(0)?,
                    code: row.text(1)?.to_owned(),
                    programme: row.text(2)?.to_owned(),
                    province: row.text(3)?.to_owned(),
                    rows: row.int(4)?,
                })
            })
            .collect()
    }

    pub async fn exceptions(
        &self,
        cycle: CycleNo,
        shard: Shard,
    ) -> Result<Vec<Exception>, StoreError> {
        let rows = self
            .query(
                "select shard, exception_no, subject, outcome, code, person_no, enrolment_no, payable_no, source_line, detail
                 from exception where shard = $1 and cycle_no = $2 order by exception_no",
                &[i64::from(shard.number()).into(), cycle.0.into()],
            )
            .await?;
        rows.iter().map(exception).collect()
    }

    /// Everything that is held in a cycle, first the largest codes' rows by shard and number.
    pub async fn held(&self, cycle: CycleNo) -> Result<Vec<Exception>, StoreError> {
        let rows = self
            .query(
                "select shard, exception_no, subject, outcome, code, person_no, enrolment_no, payable_no, source_line, detail
                 from exception where cycle_no = $1 and outcome = 'held' order by code, shard, exception_no",
                &[cycle.0.into()],
            )
            .await?;
        rows.iter().map(exception).collect()
    }

    /// The roster rows that were refused in a cycle, by shard and number.
    pub async fn refused(&self, cycle: CycleNo) -> Result<Vec<Exception>, StoreError> {
        let rows = self
            .query(
                "select shard, exception_no, subject, outcome, code, person_no, enrolment_no, payable_no, source_line, detail
                 from exception where cycle_no = $1 and outcome = 'refused' order by shard, exception_no",
                &[cycle.0.into()],
            )
            .await?;
        rows.iter().map(exception).collect()
    }

    /// How many exceptions of each outcome and code there are.
    pub async fn exception_counts(
        &self,
        cycle: CycleNo,
    ) -> Result<Vec<(RowOutcome, String, i64)>, StoreError> {
        let rows = self
            .query(
                "select outcome, code, cast(count(*) as bigint) from exception
                 where cycle_no = $1 and subject = 'row' group by outcome, code order by outcome, code",
                &[cycle.0.into()],
            )
            .await?;
        rows.iter().map(|row| Ok((row.named(0)?, row.text(1)?.to_owned(), row.int(2)?))).collect()
    }

    /// The decisions on holds that are in force in a month: of each subject and code the last one that
    /// one person could take alone, or that two have taken.
    pub async fn resolutions(&self, valid_in: Period) -> Result<Vec<Resolution>, StoreError> {
        let rows = self
            .query(
                "select resolution_no, subject_no, code, decision, valid_to, reason, decided_by, decided_at, persons,
                        confirmed_by, confirmed_at, seen
                 from resolution one
                 where valid_to >= $1 and (persons = 1 or confirmed_by is not null)
                   and not exists (select 1 from resolution later
                                   where later.subject_no = one.subject_no and later.code = one.code
                                     and later.valid_to >= $1 and later.resolution_no > one.resolution_no
                                     and (later.persons = 1 or later.confirmed_by is not null))
                 order by resolution_no",
                &[i64::from(valid_in.as_number()).into()],
            )
            .await?;
        rows.iter().map(resolution).collect()
    }

    /// Every decision on one subject that counts in a month, or would once a second person confirms it, and with
    /// no month every one there is; the oldest first.
    pub async fn resolutions_on(
        &self,
        subject: i64,
        valid_in: Option<Period>,
    ) -> Result<Vec<Resolution>, StoreError> {
        let from = valid_in.map_or(0, |month| i64::from(month.as_number()));
        let rows = self
            .query(
                "select resolution_no, subject_no, code, decision, valid_to, reason, decided_by, decided_at, persons,
                        confirmed_by, confirmed_at, seen
                 from resolution where subject_no = $1 and valid_to >= $2 order by resolution_no",
                &[subject.into(), from.into()],
            )
            .await?;
        rows.iter().map(resolution).collect()
    }

    /// The last decision on one subject and code, whether it is in force or waits for a second person.
    pub async fn last_resolution(
        &self,
        subject: i64,
        code: &str,
    ) -> Result<Option<Resolution>, StoreError> {
        let rows = self
            .query(
                "select resolution_no, subject_no, code, decision, valid_to, reason, decided_by, decided_at, persons,
                        confirmed_by, confirmed_at, seen
                 from resolution where subject_no = $1 and code = $2 order by resolution_no desc limit 1",
                &[subject.into(), code.to_owned().into()],
            )
            .await?;
        rows.first().map(resolution).transpose()
    }

    pub async fn lists(&self, cycle: CycleNo) -> Result<Vec<PaymentList>, StoreError> {
        let rows = self
            .query(
                "select cycle_no, list_no, state, digest, body, sealed_at from payment_list
                 where cycle_no = $1 order by list_no",
                &[cycle.0.into()],
            )
            .await?;
        rows.iter()
            .map(|row| {
                Ok(PaymentList {
                    cycle: CycleNo(row.int(0)?),
                    number: ListNo(row.int(1)?),
                    state: row.named(2)?,
                    digest: row.text(3)?.to_owned(),
                    body: row.text(4)?.to_owned(),
                    sealed_at: row.text(5)?.to_owned(),
                })
            })
            .collect()
    }

    /// All signatures of a cycle, also the void ones.
    pub async fn signatures(&self, cycle: CycleNo) -> Result<Vec<Signature>, StoreError> {
        let rows = self
            .query(
                "select cycle_no, list_no, digest, officer, act, signature, signed_at, voided_at
                 from signature where cycle_no = $1 order by list_no, signed_at, officer",
                &[cycle.0.into()],
            )
            .await?;
        rows.iter()
            .map(|row| {
                Ok(Signature {
                    cycle: CycleNo(row.int(0)?),
                    list: ListNo(row.int(1)?),
                    digest: row.text(2)?.to_owned(),
                    officer: row.text(3)?.to_owned(),
                    act: row.named(4)?,
                    signature: row.text(5)?.to_owned(),
                    signed_at: row.text(6)?.to_owned(),
                    voided_at: row.maybe_text(7)?.map(str::to_owned),
                })
            })
            .collect()
    }
}

impl Changes {
    pub fn cycle_opened(&mut self, cycle: &Cycle, settings: &LastingSettings) {
        self.cycle_is(cycle.number, cycle.state);
        self.bulk(
            "cycle",
            &[
                "cycle_no",
                "authority_no",
                "period",
                "kind",
                "sequence",
                "state",
                "law_known_at",
                "value_date",
                "roster_import",
                "identity_import",
                "opened_at",
                "opened_by",
                "currency",
                "history_from",
            ],
            [[
                cycle.number.0.into(),
                cycle.authority.0.into(),
                i64::from(cycle.period.as_number()).into(),
                cycle.kind.name().into(),
                cycle.sequence.into(),
                cycle.state.name().into(),
                cycle.law_known_at.to_string().into(),
                cycle.value_date.to_string().into(),
                cycle.roster.0.into(),
                cycle.identity.0.into(),
                cycle.opened_at.clone().into(),
                cycle.opened_by.clone().into(),
                settings.currency.clone().into(),
                settings.history_from.into(),
            ]],
        );
    }

    /// Moves a cycle along an arrow that the caller has followed in the table.
    pub fn cycle_moved(&mut self, cycle: CycleNo, from: CycleState, to: CycleState) {
        self.cycle_is(cycle, to);
        self.guarded(
            "the cycle is still in the state it was read in",
            "update cycle set state = $3 where cycle_no = $1 and state = $2",
            vec![cycle.0.into(), from.name().into(), to.name().into()],
        );
    }

    /// Why a cycle was given up, sealed.
    pub fn cycle_cancelled_for(&mut self, cycle: CycleNo, reason: Vec<u8>) {
        self.guarded(
            "a cycle is cancelled once",
            "update cycle set cancelled_for = $2 where cycle_no = $1 and cancelled_for is null",
            vec![cycle.0.into(), reason.into()],
        );
    }

    pub fn cycle_sealed(&mut self, cycle: CycleNo, manifest: &str, at: &str) {
        self.guarded(
            "a cycle has one manifest",
            "update cycle set manifest = $2, sealed_at = $3 where cycle_no = $1 and manifest is null",
            vec![cycle.0.into(), manifest.to_owned().into(), at.to_owned().into()],
        );
    }

    /// Forgets a manifest whose list was never sealed, and for which heirs it was computed: what it names may be
    /// computed again.
    pub fn manifest_dropped(&mut self, cycle: CycleNo) {
        self.free(
            "update cycle set manifest = null, sealed_at = null, heirs = null
             where cycle_no = $1 and state in ('open', 'computed')",
            vec![cycle.0.into()],
        );
    }

    /// Counts that money of a cycle moves, which was read as closed or not: whoever closes it meanwhile has counted
    /// other money.
    pub fn cycle_stays(&mut self, cycle: CycleNo, is_closed: bool) {
        let sql = match is_closed {
            false => "update cycle set moves = moves + 1 where cycle_no = $1 and state <> 'closed'",
            true => "update cycle set moves = moves + 1 where cycle_no = $1 and state = 'closed'",
        };
        // First, so that two who move money of one cycle wait for each other here and nowhere else.
        self.guarded_first(
            "nobody closes a cycle while its money moves",
            sql,
            vec![cycle.0.into()],
        );
    }

    /// A cycle is closed at the count of moves at which its figures were taken.
    pub fn cycle_is_as_counted(&mut self, cycle: CycleNo, moves: i64) {
        self.guarded_first(
            "what is closed is what was counted",
            "update cycle set moves = moves + 1 where cycle_no = $1 and moves = $2",
            vec![cycle.0.into(), moves.into()],
        );
    }

    pub fn cycle_closed_at(&mut self, cycle: CycleNo, at: &str) {
        self.guarded(
            "a cycle closes once",
            "update cycle set closed_at = $2 where cycle_no = $1 and closed_at is null",
            vec![cycle.0.into(), at.to_owned().into()],
        );
    }

    fn cycle_is(&mut self, cycle: CycleNo, state: CycleState) {
        let key = cycle.to_string();
        self.written.push(Written::State { kind: FactKind::Cycle, key, state: state.name() });
    }

    fn list_is(&mut self, list: &PaymentList, state: ListState) {
        let key = format!("{}/{}", list.cycle, list.number);
        self.written.push(Written::State { kind: FactKind::List, key, state: state.name() });
    }

    /// Forgets what was computed for a cycle that is not sealed, and frees its claims.
    pub fn computation_dropped(&mut self, cycle: CycleNo) {
        self.written.push(Written::Dropped(cycle));
        let cycle: Value = cycle.0.into();
        self.free(
            // A payable's number carries its cycle (upper 20 bits) and shard (next 8). Whence a claim had been
            // carried before is not known here and comes back as nothing, for the log too: the payables know.
            "update claim set cycle_no = carried_from >> 38, payable_no = carried_from, carried_from = null
             where cycle_no = $1 and carried_from is not null",
            vec![cycle.clone()],
        );
        self.free(
            "update payable set carried_to = null where (carried_to >> 38) = $1",
            vec![cycle.clone()],
        );
        for sql in [
            "delete from claim where cycle_no = $1",
            "delete from instruction where cycle_no = $1",
            "delete from payable where cycle_no = $1",
            "delete from batch where cycle_no = $1",
            "delete from payment_list where cycle_no = $1 and state = 'sealed'",
            "delete from exception where cycle_no = $1",
            "delete from tally where cycle_no = $1",
            "delete from work where cycle_no = $1",
            "delete from receivable where cycle_no = $1",
            "delete from recovery where cycle_no = $1",
            "delete from set_off where cycle_no = $1",
            "delete from court_deduction where cycle_no = $1",
            "delete from chunk where owner = $1 and kind in ('evidence', 'exchange', 'payout')",
        ] {
            self.free(sql, vec![cycle.clone()]);
        }
    }

    /// Marks a unit of a stage done. Another process that did it first is a conflict.
    pub fn work_done(&mut self, cycle: CycleNo, stage: &'static str, unit: i64, at: &str) {
        self.bulk(
            "work",
            &["cycle_no", "stage", "unit", "done_at"],
            [[cycle.0.into(), stage.into(), unit.into(), at.to_owned().into()]],
        );
    }

    pub fn tallies(&mut self, cycle: CycleNo, tallies: impl IntoIterator<Item = Tally>) {
        self.bulk(
            "tally",
            &["cycle_no", "shard", "outcome", "code", "programme", "province", "row_count"],
            tallies.into_iter().map(|tally| {
                [
                    cycle.0.into(),
                    i64::from(tally.shard.number()).into(),
                    tally.outcome.name().into(),
                    tally.code.into(),
                    tally.programme.into(),
                    tally.province.into(),
                    tally.rows.into(),
                ]
            }),
        );
    }

    pub fn exceptions(&mut self, cycle: CycleNo, exceptions: impl IntoIterator<Item = Exception>) {
        self.bulk(
            "exception",
            &[
                "shard",
                "cycle_no",
                "exception_no",
                "subject",
                "outcome",
                "code",
                "person_no",
                "enrolment_no",
                "payable_no",
                "source_line",
                "detail",
            ],
            exceptions.into_iter().map(|exception| {
                [
                    i64::from(exception.shard.number()).into(),
                    cycle.0.into(),
                    exception.number.into(),
                    exception.subject.name().into(),
                    exception.outcome.name().into(),
                    exception.code.into(),
                    exception.person.number().into(),
                    number(exception.enrolment.map(EnrolmentNo::number)),
                    number(exception.payable.map(PayableNo::number)),
                    number(exception.source_line.map(|line| line as i64)),
                    exception.detail.into(),
                ]
            }),
        );
    }

    pub fn resolution(&mut self, resolution: &Resolution) {
        self.bulk(
            "resolution",
            &[
                "resolution_no",
                "subject_no",
                "code",
                "decision",
                "valid_to",
                "reason",
                "decided_by",
                "decided_at",
                "persons",
                "seen",
            ],
            [[
                resolution.number.into(),
                resolution.subject.into(),
                resolution.code.clone().into(),
                resolution.decision.name().into(),
                i64::from(resolution.valid_to.as_number()).into(),
                resolution.reason.clone().into(),
                resolution.decided_by.clone().into(),
                resolution.decided_at.clone().into(),
                if resolution.two_persons { 2 } else { 1 }.into(),
                number(resolution.seen),
            ]],
        );
    }

    /// The second of two persons.
    pub fn resolution_confirmed(&mut self, resolution_no: i64, by: &str, at: &str) {
        self.guarded(
            "the second officer who releases a hold is another person",
            "update resolution set confirmed_by = $2, confirmed_at = $3
             where resolution_no = $1 and persons = 2 and confirmed_by is null and decided_by <> $2",
            vec![resolution_no.into(), by.to_owned().into(), at.to_owned().into()],
        );
    }

    pub fn list_sealed(&mut self, list: &PaymentList) {
        self.list_is(list, list.state);
        self.bulk(
            "payment_list",
            &["cycle_no", "list_no", "state", "digest", "body", "sealed_at"],
            [[
                list.cycle.0.into(),
                list.number.0.into(),
                list.state.name().into(),
                list.digest.clone().into(),
                list.body.clone().into(),
                list.sealed_at.clone().into(),
            ]],
        );
    }

    /// Moves a list whose digest is still the one that was read.
    /// A sealed list gets its next round.
    pub fn list_sealed_anew(&mut self, list: &PaymentList, again: &PaymentList) {
        self.guarded(
            "only a sealed list is sealed anew, from the digest it was read with",
            "update payment_list set digest = $4, body = $5
             where cycle_no = $1 and list_no = $2 and state = 'sealed' and digest = $3",
            vec![
                list.cycle.0.into(),
                list.number.0.into(),
                list.digest.clone().into(),
                again.digest.clone().into(),
                again.body.clone().into(),
            ],
        );
    }

    pub fn list_moved(&mut self, list: &PaymentList, to: ListState) {
        self.list_is(list, to);
        self.guarded(
            "the list is still in the state and of the digest it was read with",
            "update payment_list set state = $4 where cycle_no = $1 and list_no = $2 and state = $3 and digest = $5",
            vec![
                list.cycle.0.into(),
                list.number.0.into(),
                list.state.name().into(),
                to.name().into(),
                list.digest.clone().into(),
            ],
        );
    }

    pub fn signed(&mut self, signature: &Signature) {
        self.bulk(
            "signature",
            &["cycle_no", "list_no", "digest", "officer", "act", "signature", "signed_at"],
            [[
                signature.cycle.0.into(),
                signature.list.0.into(),
                signature.digest.clone().into(),
                signature.officer.clone().into(),
                signature.act.name().into(),
                signature.signature.clone().into(),
                signature.signed_at.clone().into(),
            ]],
        );
    }

    pub fn signatures_voided(&mut self, cycle: CycleNo, list: ListNo, at: &str) {
        self.free(
            "update signature set voided_at = $3 where cycle_no = $1 and list_no = $2 and voided_at is null",
            vec![cycle.0.into(), list.0.into(), at.to_owned().into()],
        );
    }
}

fn cycle(row: &Row) -> Result<Cycle, StoreError> {
    let date = |at: usize| parse_date(row.text(at)?).map_err(|error| broken(error.to_string()));
    Ok(Cycle {
        number: CycleNo(row.int(0)?),
        authority: AuthorityNo(row.int(1)?),
        period: period(row, 2)?,
        kind: row.named(3)?,
        sequence: row.int(4)?,
        state: row.named(5)?,
        law_known_at: date(6)?,
        value_date: date(7)?,
        roster: ImportNo(row.int(8)?),
        identity: ImportNo(row.int(9)?),
        opened_at: row.text(10)?.to_owned(),
        opened_by: row.text(11)?.to_owned(),
        manifest: row.maybe_text(12)?.map(str::to_owned),
        sealed_at: row.maybe_text(13)?.map(str::to_owned),
        closed_at: row.maybe_text(14)?.map(str::to_owned),
    })
}

fn resolution(row: &Row) -> Result<Resolution, StoreError> {
    Ok(Resolution {
        number: row.int(0)?,
        subject: row.int(1)?,
        code: row.text(2)?.to_owned(),
        decision: row.named(3)?,
        valid_to: period(row, 4)?,
        reason: row.blob(5)?.to_vec(),
        decided_by: row.text(6)?.to_owned(),
        decided_at: row.text(7)?.to_owned(),
        two_persons: row.int(8)? == 2,
        confirmed_by: row.maybe_text(9)?.map(str::to_owned),
        confirmed_at: row.maybe_text(10)?.map(str::to_owned),
        seen: row.maybe_int(11)?,
    })
}

fn exception(row: &Row) -> Result<Exception, StoreError> {
    let payable = |number: i64| PayableNo::from_number(number).map_err(|e| broken(e.to_string()));
    Ok(Exception {
        shard: shard(row, 0)?,
        number: row.int(1)?,
        subject: row.named(2)?,
        outcome: row.named(3)?,
        code: row.text(4)?.to_owned(),
        person: person_no(row, 5)?,
        enrolment: row.maybe_int(6)?.map(|_| enrolment_no(row, 6)).transpose()?,
        payable: row.maybe_int(7)?.map(payable).transpose()?,
        source_line: row.maybe_int(8)?.map(|line| line as u64),
        detail: row.text(9)?.to_owned(),
    })
}
