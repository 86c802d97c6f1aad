//! Imports, chunks, persons, enrolments, destinations and officers: what is known between months.

use std::collections::BTreeMap;

use crate::domain::ids::{
    CycleNo, DestinationNo, EnrolmentNo, ImportNo, ListNo, PersonNo, SHARDS_IN_GROUP, Shard,
};
use crate::domain::list::{Officer, Role};
use crate::domain::period::Period;
use crate::domain::roster::Channel;
use crate::domain::state::{Named, named};

use super::paged::{Lookup, PAGE, lookup, padded};
use super::several_shards::ends_of;
use super::{Changes, Row, Store, StoreError, Value};

named!(
    ImportKind {
        Roster = "roster",
        Identity = "identity",
    }
);

named!(
    ImportState {
        Loading = "loading",
        Complete = "complete",
    }
);

/// One source file.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Import {
    pub number: ImportNo,
    pub kind: ImportKind,
    pub period: Period,
    pub sha256: String,
    /// The register by which the rows of a roster were read; 0 for a register.
    pub read_with: ImportNo,
    pub file_name: String,
    pub state: ImportState,
    pub rows: i64,
    pub refused: i64,
    pub imported_at: String,
    pub imported_by: String,
}

named!(
    /// What a chunk holds. The owner is an import for the first five, a cycle for the others.
    ChunkKind {
        /// Accepted roster rows of one shard, canonical CSV.
        Roster = "roster",
        /// Refused rows, JSON lines.
        Refused = "refused",
        /// Register rows of one shard, canonical CSV.
        Register = "register",
        /// Which new ids stand for register rows of another shard.
        PreviousIds = "previous_ids",
        /// Accounts that several beneficiaries use, and enrolment ids that stand twice.
        Shared = "shared",
        /// What was decided for every person: JSON lines.
        Evidence = "evidence",
        /// Lines that are to be paid in another shard.
        Exchange = "exchange",
        /// Names, accounts and texts of the payables of one shard, in their order.
        Payout = "payout",
    }
);

/// A sealed, compressed bundle of rows.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Chunk {
    pub shard: Shard,
    pub kind: ChunkKind,
    /// An import's or a cycle's number.
    pub owner: i64,
    pub seq: i64,
    pub items: i64,
    /// SHA-256 of the plaintext before compression.
    pub sha256: String,
    pub body: Vec<u8>,
}

/// A person's row. What is sealed is only needed to show who it is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PersonRow {
    pub number: PersonNo,
    pub check_hash: i64,
    pub first_cycle: i64,
    pub sealed: Vec<u8>,
}

/// Where a payee can be paid.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DestinationRow {
    pub payee: PersonNo,
    pub number: DestinationNo,
    pub channel: String,
    pub provider: String,
    pub first_period: Period,
    pub confirmed_by: Option<String>,
    pub sealed: Vec<u8>,
}

macro_rules! chunk_columns {
    () => {
        "select shard, kind, owner, seq, item_count, sha256, body
         from chunk where shard = $1 and kind = $2 and owner = $3 "
    };
}

impl Store {
    /// The import of a file for a month, read with a register.
    pub async fn import_find(
        &self,
        kind: ImportKind,
        period: Period,
        sha256: &str,
        read_with: ImportNo,
    ) -> Result<Option<Import>, StoreError> {
        let rows = self
            .query(
                "select import_no, kind, period, sha256, read_with, file_name, state, rows_read, rows_refused, imported_at, imported_by
                 from import where kind = $1 and period = $2 and sha256 = $3 and read_with = $4",
                &[
                    kind.name().into(),
                    i64::from(period.as_number()).into(),
                    sha256.to_owned().into(),
                    read_with.0.into(),
                ],
            )
            .await?;
        rows.first().map(import).transpose()
    }

    /// The imports of a kind and month, newest first, whole ones and unfinished ones.
    pub async fn imports(
        &self,
        kind: ImportKind,
        period: Period,
    ) -> Result<Vec<Import>, StoreError> {
        let rows = self
            .query(
                "select import_no, kind, period, sha256, read_with, file_name, state, rows_read, rows_refused, imported_at, imported_by
                 from import where kind = $1 and period = $2 order by import_no desc",
                &[kind.name().into(), i64::from(period.as_number()).into()],
            )
            .await?;
        rows.iter().map(import).collect()
    }

    /// Imports of a kind that were begun and not completed, of whatever month.
    pub async fn imports_unfinished(&self, kind: ImportKind) -> Result<Vec<ImportNo>, StoreError> {
        let rows = self
            .query(
                "select import_no from import where kind = $1 and state = 'loading' order by import_no",
                &[kind.name().into()],
            )
            .await?;
        rows.iter().map(|row| Ok(ImportNo(row.int(0)?))).collect()
    }

    pub async fn import(&self, number: ImportNo) -> Result<Option<Import>, StoreError> {
        let rows = self
            .query(
                "select import_no, kind, period, sha256, read_with, file_name, state, rows_read, rows_refused, imported_at, imported_by
                 from import where import_no = $1",
                &[number.0.into()],
            )
            .await?;
        rows.first().map(import).transpose()
    }

    /// The number that the next import, answer, discrepancy … should take. Another process may
    /// take it first; then the unique key refuses the commit, which is read again and repeated.
    pub async fn next_number(&self, of: Counted) -> Result<i64, StoreError> {
        let sql = match of {
            Counted::Import => "select cast(coalesce(max(import_no), 0) as bigint) from import",
            Counted::Cycle => "select cast(coalesce(max(cycle_no), 0) as bigint) from cycle",
            Counted::Answer => {
                "select cast(coalesce(max(answer_no), 0) as bigint) from
                 (select answer_no from answer union all select answer_no from refused_answer) a"
            }
            Counted::Discrepancy => {
                "select cast(coalesce(max(discrepancy_no), 0) as bigint) from discrepancy"
            }
            Counted::Receivable => {
                "select cast(coalesce(max(receivable_no), 0) as bigint) from receivable"
            }
            Counted::Receipt => "select cast(coalesce(max(receipt_no), 0) as bigint) from receipt",
            Counted::CourtOrder => {
                "select cast(coalesce(max(order_no), 0) as bigint) from court_order"
            }
            Counted::CourtTransfer => {
                "select cast(coalesce(max(transfer_no), 0) as bigint) from court_transfer"
            }
            Counted::Funds => "select cast(coalesce(max(funds_no), 0) as bigint) from funds",
            Counted::Halt => "select cast(coalesce(max(halt_no), 0) as bigint) from halt",
            Counted::Resolution => {
                "select cast(coalesce(max(resolution_no), 0) as bigint) from resolution"
            }
            Counted::Recall => "select cast(coalesce(max(recall_no), 0) as bigint) from recall",
            Counted::Heir => "select cast(coalesce(max(heir_no), 0) as bigint) from heir",
            Counted::Stop => "select cast(coalesce(max(stop_no), 0) as bigint) from stop",
            Counted::Fate => "select cast(coalesce(max(decision_no), 0) as bigint) from fate",
            Counted::Statement => {
                "select cast(coalesce(max(statement_no), 0) as bigint) from statement"
            }
        };
        let rows = self.query(sql, &[]).await?;
        Ok(rows.first().map_or(Ok(0), |row| row.int(0))? + 1)
    }

    pub async fn chunks(
        &self,
        shard: Shard,
        kind: ChunkKind,
        owner: i64,
    ) -> Result<Vec<Chunk>, StoreError> {
        let rows = self
            .query(
                concat!(chunk_columns!(), "order by seq"),
                &[i64::from(shard.number()).into(), kind.name().into(), owner.into()],
            )
            .await?;
        rows.iter().map(chunk).collect()
    }

    /// How many items the bundles of one owner have, by shard.
    pub async fn chunk_items(
        &self,
        kind: ChunkKind,
        owner: i64,
    ) -> Result<BTreeMap<Shard, i64>, StoreError> {
        let rows = self
            .query(
                "select shard, cast(sum(item_count) as bigint) from chunk
                 where kind = $1 and owner = $2 group by shard",
                &[kind.name().into(), owner.into()],
            )
            .await?;
        rows.iter().map(|row| Ok((shard(row, 0)?, row.int(1)?))).collect()
    }

    /// One bundle.
    pub async fn chunk(
        &self,
        shard: Shard,
        kind: ChunkKind,
        owner: i64,
        seq: i64,
    ) -> Result<Option<Chunk>, StoreError> {
        let rows = self
            .query(
                concat!(chunk_columns!(), "and seq = $4"),
                &[i64::from(shard.number()).into(), kind.name().into(), owner.into(), seq.into()],
            )
            .await?;
        rows.first().map(chunk).transpose()
    }

    /// Shard, sequence, item count and digest of all chunks of a kind, in order: what a list's
    /// digest covers.
    pub async fn chunk_digests(
        &self,
        kind: ChunkKind,
        owner: i64,
    ) -> Result<Vec<(Shard, i64, i64, String)>, StoreError> {
        let rows = self
            .query(
                "select shard, seq, item_count, sha256 from chunk where kind = $1 and owner = $2 order by shard, seq",
                &[kind.name().into(), owner.into()],
            )
            .await?;
        rows.iter()
            .map(|row| Ok((shard(row, 0)?, row.int(1)?, row.int(2)?, row.text(3)?.to_owned())))
            .collect()
    }

    pub async fn persons(&self, shard: Shard) -> Result<Vec<(PersonNo, i64)>, StoreError> {
        let rows = self
            .query(
                "select person_no, check_hash from person where shard = $1 order by person_no",
                &[i64::from(shard.number()).into()],
            )
            .await?;
        rows.iter().map(|row| Ok((person_no(row, 0)?, row.int(1)?))).collect()
    }

    pub async fn person(&self, number: PersonNo) -> Result<Option<PersonRow>, StoreError> {
        let rows = self
            .query(
                "select person_no, check_hash, first_cycle, sealed from person where shard = $1 and person_no = $2",
                &[i64::from(number.shard().number()).into(), number.number().into()],
            )
            .await?;
        rows.first()
            .map(|row| {
                Ok(PersonRow {
                    number: person_no(row, 0)?,
                    check_hash: row.int(1)?,
                    first_cycle: row.int(2)?,
                    sealed: row.blob(3)?.to_vec(),
                })
            })
            .transpose()
    }

    /// Every enrolment of some shards of the enrolment's own hash, with its person.
    pub async fn enrolments(
        &self,
        shards: &[Shard; SHARDS_IN_GROUP],
    ) -> Result<Vec<(EnrolmentNo, PersonNo)>, StoreError> {
        let rows = self
            .query(
                "select enrolment_no, person_no from enrolment where shard between $1 and $2
                 order by enrolment_no",
                &ends_of(shards),
            )
            .await?;
        rows.iter().map(|row| Ok((enrolment_no(row, 0)?, person_no(row, 1)?))).collect()
    }

    /// The enrolments that were first seen after an import.
    pub async fn enrolments_since(&self, import: ImportNo) -> Result<Vec<EnrolmentNo>, StoreError> {
        let rows = self
            .query("select enrolment_no from enrolment where first_import > $1", &[import.0.into()])
            .await?;
        rows.iter().map(|row| enrolment_no(row, 0)).collect()
    }

    /// The person to whom an enrolment belongs.
    pub async fn enrolment(&self, number: EnrolmentNo) -> Result<Option<PersonNo>, StoreError> {
        let rows = self
            .query(
                "select person_no from enrolment where shard = $1 and enrolment_no = $2",
                &[i64::from(number.shard().number()).into(), number.number().into()],
            )
            .await?;
        rows.first().map(|row| person_no(row, 0)).transpose()
    }

    /// Every alias: another number, and the person it means.
    pub async fn aliases(&self) -> Result<Vec<(PersonNo, PersonNo)>, StoreError> {
        let rows =
            self.query("select alias_no, person_no from alias order by alias_no", &[]).await?;
        rows.iter().map(|row| Ok((person_no(row, 0)?, person_no(row, 1)?))).collect()
    }

    /// The destinations of the payees of one shard that have not ended.
    pub async fn destinations(&self, shard: Shard) -> Result<Vec<DestinationRow>, StoreError> {
        let rows = self
            .query(
                "select person_no, destination_no, channel, provider, first_period, confirmed_by, sealed
                 from destination where shard = $1 and ended_at is null order by person_no, destination_no",
                &[i64::from(shard.number()).into()],
            )
            .await?;
        rows.iter().map(destination).collect()
    }

    /// Every bank, wallet or operator of a channel at which a payee was ever to be credited.
    pub async fn destination_providers(&self, channel: Channel) -> Result<Vec<String>, StoreError> {
        let rows = self
            .query(
                "select distinct provider from destination where channel = $1 order by provider",
                &[channel.name().into()],
            )
            .await?;
        rows.iter().map(|row| Ok(row.text(0)?.to_owned())).collect()
    }

    /// The destinations with these keys, also ended ones; missing ones are left out.
    pub async fn destinations_at(
        &self,
        keys: &[(PersonNo, DestinationNo)],
    ) -> Result<Vec<DestinationRow>, StoreError> {
        const SELECT: &str = "select person_no, destination_no, channel, provider, first_period, confirmed_by, sealed from destination";
        const KEY: [&str; 3] = ["shard", "person_no", "destination_no"];
        static LOOKUP: Lookup = Lookup::new(|dialect| lookup(dialect, SELECT, &KEY));
        let sql = LOOKUP.sql(self.database.dialect());
        let mut found = Vec::with_capacity(keys.len());
        for page in keys.chunks(PAGE) {
            let keys = page.iter().map(|(payee, number)| {
                [
                    i64::from(payee.shard().number()).into(),
                    payee.number().into(),
                    number.number().into(),
                ]
            });
            for row in self.query(sql, &padded(keys)).await? {
                found.push(destination(&row)?);
            }
        }
        Ok(found)
    }

    pub async fn destinations_of(
        &self,
        payee: PersonNo,
    ) -> Result<Vec<DestinationRow>, StoreError> {
        let rows = self
            .query(
                "select person_no, destination_no, channel, provider, first_period, confirmed_by, sealed
                 from destination where shard = $1 and person_no = $2 and ended_at is null order by destination_no",
                &[i64::from(payee.shard().number()).into(), payee.number().into()],
            )
            .await?;
        rows.iter().map(destination).collect()
    }

    /// Every officer who ever could sign, also those who have left: for verifying old signatures.
    pub async fn officers_ever(&self) -> Result<Vec<Officer>, StoreError> {
        let rows =
            self.query("select name, role, public_key from officer order by name", &[]).await?;
        rows.iter().map(officer).collect()
    }

    /// The officers who may sign today.
    pub async fn officers(&self) -> Result<Vec<Officer>, StoreError> {
        let rows = self
            .query(
                "select name, role, public_key from officer where ended_at is null order by name",
                &[],
            )
            .await?;
        rows.iter().map(officer).collect()
    }
}

/// What is numbered by counting.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Counted {
    Import,
    Cycle,
    Answer,
    Discrepancy,
    Receivable,
    Receipt,
    CourtOrder,
    CourtTransfer,
    Halt,
    Funds,
    Resolution,
    Fate,
    Stop,
    Heir,
    Recall,
    Statement,
}

impl Changes {
    pub fn import_started(&mut self, import: &Import) {
        self.bulk(
            "import",
            &[
                "import_no",
                "kind",
                "period",
                "sha256",
                "read_with",
                "file_name",
                "state",
                "rows_read",
                "rows_refused",
                "imported_at",
                "imported_by",
            ],
            [[
                import.number.0.into(),
                import.kind.name().into(),
                i64::from(import.period.as_number()).into(),
                import.sha256.clone().into(),
                import.read_with.0.into(),
                import.file_name.clone().into(),
                import.state.name().into(),
                import.rows.into(),
                import.refused.into(),
                import.imported_at.clone().into(),
                import.imported_by.clone().into(),
            ]],
        );
    }

    /// The import is still ours. First in its step: it locks the row, so that what drops the import
    /// waits, and then sees all that was written.
    pub fn import_goes_on(&mut self, number: ImportNo) {
        self.guarded(
            "an import that was dropped does not go on",
            "update import set state = 'loading' where import_no = $1 and state = 'loading'",
            vec![number.0.into()],
        );
    }

    pub fn import_completed(&mut self, number: ImportNo, rows: i64, refused: i64) {
        self.guarded(
            "an import is completed once",
            "update import set state = 'complete', rows_read = $2, rows_refused = $3
             where import_no = $1 and state = 'loading'",
            vec![number.0.into(), rows.into(), refused.into()],
        );
    }

    /// Drops what an import that was never completed has left: its rows, and the enrolments that it
    /// was the first to see.
    pub fn import_dropped(&mut self, number: ImportNo) {
        self.import_goes_on(number);
        self.free(
            "delete from chunk where owner = $1
             and kind in ('roster', 'refused', 'register', 'previous_ids', 'shared')
             and exists (select 1 from import where import_no = $1 and state = 'loading')",
            vec![number.0.into()],
        );
        self.free(
            "delete from enrolment where first_import = $1
             and exists (select 1 from import where import_no = $1 and state = 'loading')",
            vec![number.0.into()],
        );
        self.guarded(
            "only an unfinished import is dropped",
            "delete from import where import_no = $1 and state = 'loading'",
            vec![number.0.into()],
        );
    }

    pub fn chunks(&mut self, chunks: impl IntoIterator<Item = Chunk>) {
        self.bulk(
            "chunk",
            &["shard", "kind", "owner", "seq", "item_count", "sha256", "body"],
            chunks.into_iter().map(|chunk| {
                [
                    i64::from(chunk.shard.number()).into(),
                    chunk.kind.name().into(),
                    chunk.owner.into(),
                    chunk.seq.into(),
                    chunk.items.into(),
                    chunk.sha256.into(),
                    chunk.body.into(),
                ]
            }),
        );
    }

    /// New persons, in the order of their numbers.
    /// The details of a list that was given up: what they name is no way to a payee any more.
    pub fn payouts_dropped(&mut self, cycle: CycleNo, list: ListNo) {
        self.free(
            "delete from chunk where kind = 'payout' and owner = $1 and seq = $2",
            vec![cycle.0.into(), list.0.into()],
        );
    }

    pub fn persons(&mut self, persons: impl IntoIterator<Item = PersonRow>) {
        self.bulk(
            "person",
            &["shard", "person_no", "check_hash", "first_cycle", "sealed"],
            persons.into_iter().map(|person| {
                [
                    i64::from(person.number.shard().number()).into(),
                    person.number.number().into(),
                    person.check_hash.into(),
                    person.first_cycle.into(),
                    person.sealed.into(),
                ]
            }),
        );
    }

    /// New enrolments, in the order of their numbers.
    pub fn enrolments(
        &mut self,
        import: ImportNo,
        enrolments: impl IntoIterator<Item = (EnrolmentNo, PersonNo)>,
    ) {
        self.bulk(
            "enrolment",
            &["shard", "enrolment_no", "person_no", "first_import"],
            enrolments.into_iter().map(|(enrolment, person)| {
                [
                    i64::from(enrolment.shard().number()).into(),
                    enrolment.number().into(),
                    person.number().into(),
                    import.0.into(),
                ]
            }),
        );
    }

    /// Gives enrolments that no cycle has counted to the persons whom the register of now names.
    /// `counted` is the newest roster that a cycle stood on when that was decided.
    pub fn enrolments_rebound(
        &mut self,
        counted: ImportNo,
        enrolments: &[(EnrolmentNo, PersonNo)],
    ) {
        for (enrolment, person) in enrolments {
            self.guarded(
                "an enrolment that a cycle has counted keeps its person",
                "update enrolment set person_no = $3
                 where shard = $1 and enrolment_no = $2 and first_import > $4
                 and not exists (select 1 from cycle where roster_import > $4 and state <> 'cancelled')",
                vec![
                    i64::from(enrolment.shard().number()).into(),
                    enrolment.number().into(),
                    person.number().into(),
                    counted.0.into(),
                ],
            );
        }
    }

    /// From now on `alias` means `person`.
    pub fn alias(&mut self, alias: PersonNo, person: PersonNo, reason: &str, by: &str, at: &str) {
        self.free(
            "insert into alias (alias_no, person_no, reason, decided_by, decided_at)
             values ($1, $2, $3, $4, $5) on conflict (alias_no) do nothing",
            vec![
                alias.number().into(),
                person.number().into(),
                reason.to_owned().into(),
                by.to_owned().into(),
                at.to_owned().into(),
            ],
        );
    }

    /// A destination that was another's, under whom it was known, is the payee's own from a month on.
    pub fn destination_begins(
        &mut self,
        payee: PersonNo,
        destination: DestinationNo,
        from: Period,
    ) {
        self.free(
            "update destination set confirmed_by = null, first_period = $4
             where shard = $1 and person_no = $2 and destination_no = $3",
            vec![
                i64::from(payee.shard().number()).into(),
                payee.number().into(),
                destination.number().into(),
                i64::from(from.as_number()).into(),
            ],
        );
    }

    pub fn destinations(&mut self, destinations: impl IntoIterator<Item = DestinationRow>) {
        self.bulk(
            "destination",
            &[
                "shard",
                "person_no",
                "destination_no",
                "channel",
                "provider",
                "first_period",
                "confirmed_by",
                "sealed",
            ],
            destinations.into_iter().map(|destination| {
                [
                    i64::from(destination.payee.shard().number()).into(),
                    destination.payee.number().into(),
                    destination.number.number().into(),
                    destination.channel.into(),
                    destination.provider.into(),
                    i64::from(destination.first_period.as_number()).into(),
                    destination.confirmed_by.into(),
                    destination.sealed.into(),
                ]
            }),
        );
    }

    pub fn officer_enrolled(&mut self, officer: &Officer, at: &str) {
        self.bulk(
            "officer",
            &["name", "role", "public_key", "enrolled_at"],
            [[
                officer.name.clone().into(),
                officer.role.name().into(),
                officer.public_key.clone().into(),
                at.to_owned().into(),
            ]],
        );
    }
}

impl Changes {
    /// An officer signs no more.
    /// What one officer proposed is confirmed by another only while the first may sign.
    pub fn must_sign_still(&mut self, name: &str) {
        self.guarded(
            "what is confirmed was proposed by an officer who signs still",
            "update officer set role = role where name = $1 and ended_at is null",
            vec![name.to_owned().into()],
        );
    }

    pub fn officer_ended(&mut self, name: &str, at: &str) {
        self.guarded(
            "an officer ends once",
            "update officer set ended_at = $2 where name = $1 and ended_at is null",
            vec![name.to_owned().into(), at.to_owned().into()],
        );
    }
}

fn officer(row: &Row) -> Result<Officer, StoreError> {
    Ok(Officer {
        name: row.text(0)?.to_owned(),
        role: row.named::<Role>(1)?,
        public_key: row.text(2)?.to_owned(),
    })
}

fn import(row: &Row) -> Result<Import, StoreError> {
    Ok(Import {
        number: ImportNo(row.int(0)?),
        kind: row.named(1)?,
        period: period(row, 2)?,
        sha256: row.text(3)?.to_owned(),
        read_with: ImportNo(row.int(4)?),
        file_name: row.text(5)?.to_owned(),
        state: row.named(6)?,
        rows: row.int(7)?,
        refused: row.int(8)?,
        imported_at: row.text(9)?.to_owned(),
        imported_by: row.text(10)?.to_owned(),
    })
}

fn destination(row: &Row) -> Result<DestinationRow, StoreError> {
    Ok(DestinationRow {
        payee: person_no(row, 0)?,
        number: destination_no(row, 1)?,
        channel: row.text(2)?.to_owned(),
        provider: row.text(3)?.to_owned(),
        first_period: period(row, 4)?,
        confirmed_by: row.maybe_text(5)?.map(str::to_owned),
        sealed: row.blob(6)?.to_vec(),
    })
}

fn chunk(row: &Row) -> Result<Chunk, StoreError> {
    Ok(Chunk {
        shard: shard(row, 0)?,
        kind: row.named(1)?,
        owner: row.int(2)?,
        seq: row.int(3)?,
        items: row.int(4)?,
        sha256: row.text(5)?.to_owned(),
        body: row.blob(6)?.to_vec(),
    })
}

pub(super) fn shard(row: &Row, at: usize) -> Result<Shard, StoreError> {
    let number = row.int(at)?;
    u8::try_from(number).map(Shard::new).map_err(|_| broken(format!("shard {number}")))
}

pub(super) fn period(row: &Row, at: usize) -> Result<Period, StoreError> {
    Period::from_number(row.int(at)?).map_err(|error| broken(error.to_string()))
}

pub(super) fn person_no(row: &Row, at: usize) -> Result<PersonNo, StoreError> {
    PersonNo::from_number(row.int(at)?).ok_or_else(|| broken("person number".to_owned()))
}

pub(super) fn enrolment_no(row: &Row, at: usize) -> Result<EnrolmentNo, StoreError> {
    EnrolmentNo::from_number(row.int(at)?).ok_or_else(|| broken("enrolment number".to_owned()))
}

pub(super) fn destination_no(row: &Row, at: usize) -> Result<DestinationNo, StoreError> {
    DestinationNo::from_number(row.int(at)?).ok_or_else(|| broken("destination number".to_owned()))
}

pub(super) fn broken(what: String) -> StoreError {
    StoreError::RowMustBeWhole(what)
}

pub(super) fn number(value: Option<i64>) -> Value {
    value.into()
}
