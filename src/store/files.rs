//! Payout files: batches, their sealed copies and deliveries.

use std::collections::HashMap;

use jiff::civil::Date;

use crate::domain::batch::{Batch, BatchState, Delivery, DeliveryOutcome, SealedCopy};
use crate::domain::fact::FactKind;
use crate::domain::ids::{BatchNo, CycleNo, ListNo, Shard};
use crate::domain::period::parse_date;
use crate::domain::state::Named;

use super::books::Written;
use super::registry::broken;
use super::several_shards::{within, within_shards};
use super::{Changes, Row, Store, StoreError};

macro_rules! batch_columns {
    () => {
        "select cycle_no, batch_no, list_no, channel, provider, format, value_date, file_name, message_id,
         item_count, total_minor, sha256, file_bytes, state, created_at from batch "
    };
}

impl Store {
    /// The partners for which any file was ever made.
    /// The partners to which a file left, or may have left.
    pub async fn partners_sent_to(&self) -> Result<Vec<String>, StoreError> {
        let sql = "select distinct provider from batch where state in ('sending', 'unknown', 'delivered', 'refused')";
        let rows = self.query(sql, &[]).await?;
        rows.iter().map(|row| Ok(row.text(0)?.to_owned())).collect()
    }

    pub async fn partners_of_files(&self) -> Result<Vec<String>, StoreError> {
        let rows = self.query("select distinct provider from batch", &[]).await?;
        rows.iter().map(|row| Ok(row.text(0)?.to_owned())).collect()
    }

    /// The first and the last shard in which each batch of a list has payments. Batches are filled
    /// in the order of the shards, so that most are narrow.
    pub async fn batch_shards(
        &self,
        cycle: CycleNo,
        list: ListNo,
    ) -> Result<HashMap<BatchNo, (Shard, Shard)>, StoreError> {
        let mut spans: HashMap<BatchNo, (Shard, Shard)> = HashMap::new();
        let sql = concat!(
            within!(),
            "select distinct i.shard, i.batch_no from part cross join instruction i
             where i.shard = part.shard and i.payable_no between part.first_no and part.last_no
               and i.list_no = $49
             order by i.shard"
        );
        for shards in Shard::groups() {
            let mut args = within_shards(cycle, &shards)?;
            args.push(list.0.into());
            for row in &self.query(sql, &args).await? {
                let shard = super::registry::shard(row, 0)?;
                spans.entry(BatchNo(row.int(1)?)).or_insert((shard, shard)).1 = shard;
            }
        }
        Ok(spans)
    }

    pub async fn batches(&self, cycle: CycleNo) -> Result<Vec<Batch>, StoreError> {
        let rows = self
            .query(
                concat!(batch_columns!(), "where cycle_no = $1 order by batch_no"),
                &[cycle.0.into()],
            )
            .await?;
        rows.iter().map(batch).collect()
    }

    /// Batches of any cycle that may still have to be sent or asked about.
    pub async fn batches_to_send(&self) -> Result<Vec<Batch>, StoreError> {
        let rows = self
            .query(
                concat!(
                    batch_columns!(),
                    "where state in ('released', 'sending', 'unknown') order by cycle_no, batch_no"
                ),
                &[],
            )
            .await?;
        rows.iter().map(batch).collect()
    }

    pub async fn batch_by_message(&self, message: &str) -> Result<Option<Batch>, StoreError> {
        let rows = self
            .query(
                concat!(
                    batch_columns!(),
                    "where message_id = $1 or file_name = $1 or exists (select 1 from sealed_copy s
                       where s.file_name = $1 and s.cycle_no = batch.cycle_no and s.batch_no = batch.batch_no)"
                ),
                &[message.to_owned().into()],
            )
            .await?;
        rows.first().map(batch).transpose()
    }

    /// The digest of the signature that goes with a file, by the digest of the file as it leaves.
    pub async fn file_signature(&self, sha256: &str) -> Result<Option<String>, StoreError> {
        let rows = self
            .query(
                "select signature_sha256 from file_signature where sha256 = $1",
                &[sha256.to_owned().into()],
            )
            .await?;
        rows.first().map(|row| row.text(0).map(str::to_owned)).transpose()
    }

    /// What leaves in place of a batch's file, if it was sealed.
    pub async fn sealed_copy(
        &self,
        cycle: CycleNo,
        batch: BatchNo,
    ) -> Result<Option<SealedCopy>, StoreError> {
        let rows = self
            .query(
                "select file_name, sha256, file_bytes from sealed_copy where cycle_no = $1 and batch_no = $2",
                &[cycle.0.into(), batch.0.into()],
            )
            .await?;
        rows.first()
            .map(|row| {
                Ok(SealedCopy {
                    file_name: row.text(0)?.to_owned(),
                    sha256: row.text(1)?.to_owned(),
                    bytes: row.int(2)?.unsigned_abs(),
                })
            })
            .transpose()
    }

    pub async fn deliveries(&self, cycle: CycleNo) -> Result<Vec<Delivery>, StoreError> {
        let rows = self
            .query(
                "select cycle_no, batch_no, delivery_no, started_at, ended_at, outcome, detail
                 from delivery where cycle_no = $1 order by batch_no, delivery_no",
                &[cycle.0.into()],
            )
            .await?;
        rows.iter()
            .map(|row| {
                Ok(Delivery {
                    cycle: CycleNo(row.int(0)?),
                    batch: BatchNo(row.int(1)?),
                    number: row.int(2)?,
                    started_at: row.text(3)?.to_owned(),
                    ended_at: row.maybe_text(4)?.map(str::to_owned),
                    outcome: row.named(5)?,
                    detail: row.text(6)?.to_owned(),
                })
            })
            .collect()
    }
}

impl Changes {
    fn file_is(&mut self, cycle: CycleNo, batch: BatchNo, state: BatchState) {
        let key = format!("{cycle}/{batch}");
        self.written.push(Written::State { kind: FactKind::File, key, state: state.name() });
    }

    fn delivery_is(&mut self, batch: &Batch, delivery_no: i64, outcome: DeliveryOutcome) {
        let key = format!("{}/{}/{delivery_no}", batch.cycle, batch.number);
        self.written.push(Written::State { kind: FactKind::Delivery, key, state: outcome.name() });
    }

    pub fn batches(&mut self, batches: impl IntoIterator<Item = Batch>) {
        let batches: Vec<Batch> = batches.into_iter().collect();
        for one in &batches {
            self.file_is(one.cycle, one.number, one.state);
        }
        self.bulk(
            "batch",
            &[
                "cycle_no",
                "batch_no",
                "list_no",
                "channel",
                "provider",
                "format",
                "value_date",
                "file_name",
                "message_id",
                "item_count",
                "total_minor",
                "state",
            ],
            batches.into_iter().map(|batch| {
                [
                    batch.cycle.0.into(),
                    batch.number.0.into(),
                    batch.list.0.into(),
                    batch.channel.name().into(),
                    batch.provider.into(),
                    batch.format.into(),
                    batch.value_date.to_string().into(),
                    batch.file_name.into(),
                    batch.message_id.into(),
                    (batch.count as i64).into(),
                    batch.total_minor.into(),
                    batch.state.name().into(),
                ]
            }),
        );
    }

    /// When the file of a batch says it was created, and the value date that it asks for.
    pub fn batch_dated(&mut self, batch: &Batch, created_at: &str, value_date: Date) {
        self.guarded(
            "a file is dated once",
            "update batch set created_at = $3, value_date = $4
             where cycle_no = $1 and batch_no = $2 and created_at is null",
            vec![
                batch.cycle.0.into(),
                batch.number.0.into(),
                created_at.to_owned().into(),
                value_date.to_string().into(),
            ],
        );
    }

    /// The file of a batch is archived: its digest and size.
    pub fn batch_rendered(&mut self, batch: &Batch, sha256: &str, bytes: u64) {
        self.guarded(
            "a batch is rendered once",
            "update batch set sha256 = $3, file_bytes = $4 where cycle_no = $1 and batch_no = $2 and sha256 is null",
            vec![
                batch.cycle.0.into(),
                batch.number.0.into(),
                sha256.to_owned().into(),
                (bytes as i64).into(),
            ],
        );
    }

    pub fn batch_moved(&mut self, batch: &Batch, to: BatchState) {
        self.file_is(batch.cycle, batch.number, to);
        self.guarded(
            "the batch is still in the state it was read in",
            "update batch set state = $4 where cycle_no = $1 and batch_no = $2 and state = $3",
            vec![
                batch.cycle.0.into(),
                batch.number.0.into(),
                batch.state.name().into(),
                to.name().into(),
            ],
        );
    }

    /// Written once, before the first attempt: another signature of the same file may have other bytes.
    pub fn file_signed(&mut self, sha256: &str, signature_sha256: &str, at: &str) {
        self.bulk(
            "file_signature",
            &["sha256", "signature_sha256", "made_at"],
            [[sha256.to_owned().into(), signature_sha256.to_owned().into(), at.to_owned().into()]],
        );
    }

    /// Written once, before the first attempt: another sealing of the same file has other bytes.
    pub fn sealed_copy_made(&mut self, batch: &Batch, copy: &SealedCopy, at: &str) {
        self.bulk(
            "sealed_copy",
            &["cycle_no", "batch_no", "file_name", "sha256", "file_bytes", "sealed_at"],
            [[
                batch.cycle.0.into(),
                batch.number.0.into(),
                copy.file_name.clone().into(),
                copy.sha256.clone().into(),
                copy.bytes.cast_signed().into(),
                at.to_owned().into(),
            ]],
        );
    }

    /// Written before a byte leaves.
    pub fn delivery_started(&mut self, batch: &Batch, delivery_no: i64, at: &str) {
        self.delivery_is(batch, delivery_no, DeliveryOutcome::Started);
        self.bulk(
            "delivery",
            &["cycle_no", "batch_no", "delivery_no", "started_at", "outcome", "detail"],
            [[
                batch.cycle.0.into(),
                batch.number.0.into(),
                delivery_no.into(),
                at.to_owned().into(),
                DeliveryOutcome::Started.name().into(),
                "".into(),
            ]],
        );
    }

    pub fn delivery_ended(
        &mut self,
        batch: &Batch,
        delivery_no: i64,
        outcome: DeliveryOutcome,
        detail: &str,
        at: &str,
    ) {
        self.delivery_is(batch, delivery_no, outcome);
        self.guarded(
            "a delivery ends once, unless it was unknown",
            "update delivery set outcome = $4, detail = $5, ended_at = $6
             where cycle_no = $1 and batch_no = $2 and delivery_no = $3 and outcome in ('started', 'unknown')",
            vec![
                batch.cycle.0.into(),
                batch.number.0.into(),
                delivery_no.into(),
                outcome.name().into(),
                detail.to_owned().into(),
                at.to_owned().into(),
            ],
        );
    }

    /// An answer proves that the last delivery arrived; one whose end is recorded stays as it is.
    pub fn delivery_proved(&mut self, batch: &Batch, detail: &str, at: &str) {
        self.written.push(Written::Proved(batch.cycle, batch.number));
        self.free(
            "update delivery set outcome = 'delivered', detail = $3, ended_at = $4
             where cycle_no = $1 and batch_no = $2 and outcome in ('started', 'unknown')",
            vec![
                batch.cycle.0.into(),
                batch.number.0.into(),
                detail.to_owned().into(),
                at.to_owned().into(),
            ],
        );
    }
}

fn batch(row: &Row) -> Result<Batch, StoreError> {
    let unsigned = |at: usize| {
        let number = row.int(at)?;
        u64::try_from(number).map_err(|_| broken(format!("count {number}")))
    };
    Ok(Batch {
        cycle: CycleNo(row.int(0)?),
        number: BatchNo(row.int(1)?),
        list: ListNo(row.int(2)?),
        channel: row.named(3)?,
        provider: row.text(4)?.to_owned(),
        format: row.text(5)?.to_owned(),
        value_date: parse_date(row.text(6)?).map_err(|error| broken(error.to_string()))?,
        file_name: row.text(7)?.to_owned(),
        message_id: row.text(8)?.to_owned(),
        created_at: row.maybe_text(14)?.map(str::to_owned),
        count: unsigned(9)?,
        total_minor: row.int(10)?,
        sha256: row.maybe_text(11)?.map(str::to_owned),
        bytes: row.maybe_int(12)?.map(|_| unsigned(12)).transpose()?,
        state: row.named(13)?,
    })
}
