//! Payments that are asked back, the files that ask, and what became of both.

use std::collections::BTreeSet;

use crate::domain::batch::{Batch, DeliveryOutcome, SealedCopy};
use crate::domain::ids::{AttemptNo, BatchNo, CycleNo, PayableNo, Shard};
use crate::domain::recall::{AnsweredBy, Recall, RecallFile, RecallFileState, RecallState};
use crate::domain::state::Named;

use super::paged::{Lookup, PAGE, lookup, padded};
use super::payables::payable_number;
use super::registry::broken;
use super::{Changes, Row, Store, StoreError};

macro_rules! recall_columns {
    () => {
        "select recall_no, cycle_no, payable_no, attempt, batch_no, provider, amount_minor, reason_code, reason,
         by_letter, state, proposed_by, proposed_at, decided_by, asked_at, answered_at, answer_reason, asked_with from recall "
    };
}

macro_rules! file_columns {
    () => {
        "select f.recall_no, f.provider, f.format, f.file_name, f.message_id, f.created_at, f.sha256, f.file_bytes,
         f.state, f.sealed_name, f.sealed_sha256, f.sealed_bytes from recall_file f "
    };
}

impl Store {
    pub async fn recall(&self, number: i64) -> Result<Option<Recall>, StoreError> {
        let rows = self
            .query(concat!(recall_columns!(), "where recall_no = $1"), &[number.into()])
            .await?;
        rows.first().map(recall).transpose()
    }

    /// Everything that was ever asked back of a cycle, the oldest first.
    pub async fn recalls(&self, cycle: CycleNo) -> Result<Vec<Recall>, StoreError> {
        let rows = self
            .query(
                concat!(recall_columns!(), "where cycle_no = $1 order by recall_no"),
                &[cycle.0.into()],
            )
            .await?;
        rows.iter().map(recall).collect()
    }

    /// Everything that was ever asked back of these payables, the oldest first.
    pub async fn recalls_of_payables(
        &self,
        numbers: &[PayableNo],
    ) -> Result<Vec<Recall>, StoreError> {
        static LOOKUP: Lookup =
            Lookup::new(|dialect| lookup(dialect, recall_columns!(), &["shard", "payable_no"]));
        let sql = LOOKUP.sql(self.database.dialect());
        let mut found = Vec::new();
        for page in numbers.chunks(PAGE) {
            let keys = page
                .iter()
                .map(|number| [i64::from(number.shard().number()).into(), number.number().into()]);
            for row in self.query(sql, &padded(keys)).await? {
                found.push(recall(&row)?);
            }
        }
        found.sort_by_key(|one| one.number);
        Ok(found)
    }

    /// Recalls that a return would end: those of which something is to come, and those that were refused.
    pub async fn recalls_open(&self) -> Result<Vec<Recall>, StoreError> {
        let rows = self
            .query(
                concat!(
                    recall_columns!(),
                    "where state in ('proposed', 'confirmed', 'sent', 'pending', 'partly', 'accepted', 'refused')
                     order by recall_no"
                ),
                &[],
            )
            .await?;
        rows.iter().map(recall).collect()
    }

    /// Recalls of a shard for which money is not simply ordered again: it is asked back, or came back so.
    pub async fn recalls_within(&self, shard: Shard) -> Result<Vec<Recall>, StoreError> {
        let rows = self
            .query(
                concat!(
                    recall_columns!(),
                    "where shard = $1
                       and state in ('proposed', 'confirmed', 'sent', 'pending', 'partly', 'accepted', 'over', 'given_up')
                     order by recall_no"
                ),
                &[i64::from(shard.number()).into()],
            )
            .await?;
        rows.iter().map(recall).collect()
    }

    pub async fn recall_file(&self, recall: i64) -> Result<Option<RecallFile>, StoreError> {
        let rows = self
            .query(concat!(file_columns!(), "where f.recall_no = $1"), &[recall.into()])
            .await?;
        rows.first().map(file).transpose()
    }

    /// Everything that is asked in one request, the oldest first.
    pub async fn recalls_of_request(&self, request: i64) -> Result<Vec<Recall>, StoreError> {
        let rows = self
            .query(
                concat!(
                    recall_columns!(),
                    "where asked_with = $1 or (recall_no = $1 and asked_with is null) order by recall_no"
                ),
                &[request.into()],
            )
            .await?;
        rows.iter().map(recall).collect()
    }

    /// Files of confirmed recalls that are to leave or to be asked about.
    pub async fn recall_files_to_send(&self) -> Result<Vec<RecallFile>, StoreError> {
        let rows = self
            .query(
                concat!(
                    file_columns!(),
                    "where f.state in ('released', 'sending', 'unknown') and exists
                       (select 1 from recall r where r.state = 'confirmed'
                          and (r.asked_with = f.recall_no or (r.recall_no = f.recall_no and r.asked_with is null)))
                     order by f.recall_no"
                ),
                &[],
            )
            .await?;
        rows.iter().map(file).collect()
    }

    /// How many payments of a file are asked back, and that is not over.
    pub async fn recalls_of_batch(&self, batch: &Batch) -> Result<i64, StoreError> {
        let rows = self
            .query(
                "select cast(count(*) as bigint) from recall r join instruction i
                   on i.shard = r.shard and i.payable_no = r.payable_no and i.attempt = r.attempt
                 where r.cycle_no = $1 and i.batch_no = $2
                   and r.state in ('proposed', 'confirmed', 'sent', 'pending', 'partly', 'accepted')",
                &[batch.cycle.0.into(), batch.number.0.into()],
            )
            .await?;
        rows.first().map_or(Ok(0), |row| row.int(0))
    }

    /// The payments of a batch that are asked back.
    pub async fn asked_back_of(
        &self,
        batch: &Batch,
    ) -> Result<BTreeSet<(PayableNo, AttemptNo)>, StoreError> {
        let rows = self
            .query(
                "select r.payable_no, r.attempt from recall r join instruction i
                   on i.shard = r.shard and i.payable_no = r.payable_no and i.attempt = r.attempt
                 where r.cycle_no = $1 and i.batch_no = $2
                   and r.state in ('proposed', 'confirmed', 'sent', 'pending', 'partly', 'accepted')",
                &[batch.cycle.0.into(), batch.number.0.into()],
            )
            .await?;
        rows.iter()
            .map(|row| {
                let attempt = AttemptNo::new(row.int(1)?);
                Ok((payable_number(row, 0)?, attempt.map_err(|error| broken(error.to_string()))?))
            })
            .collect()
    }

    /// The number of the last attempt to send a recall's file; 0 before the first.
    pub async fn recall_delivery_last(&self, recall: i64) -> Result<i64, StoreError> {
        let rows = self
            .query(
                "select cast(coalesce(max(delivery_no), 0) as bigint) from recall_delivery where recall_no = $1",
                &[recall.into()],
            )
            .await?;
        rows.first().map_or(Ok(0), |row| row.int(0))
    }

    /// When the last attempt to send a recall's file began.
    pub async fn recall_delivery_began(&self, recall: i64) -> Result<Option<String>, StoreError> {
        let rows = self
            .query(
                "select started_at from recall_delivery where recall_no = $1 order by delivery_no desc limit 1",
                &[recall.into()],
            )
            .await?;
        rows.first().map(|row| Ok(row.text(0)?.to_owned())).transpose()
    }
}

impl Changes {
    /// One officer asks for them: only what has left and is not back is asked back, as it was read.
    pub fn recalls_proposed(&mut self, recalls: &[Recall]) {
        for recall in recalls {
            self.must_be_recallable(recall);
        }
        self.bulk(
            "recall",
            &[
                "recall_no",
                "shard",
                "payable_no",
                "attempt",
                "cycle_no",
                "batch_no",
                "provider",
                "amount_minor",
                "reason_code",
                "reason",
                "by_letter",
                "state",
                "proposed_by",
                "proposed_at",
                "asked_with",
            ],
            recalls.iter().map(|recall| {
                [
                    recall.number.into(),
                    i64::from(recall.payable.shard().number()).into(),
                    recall.payable.number().into(),
                    i64::from(recall.attempt.number()).into(),
                    recall.cycle.0.into(),
                    recall.batch.0.into(),
                    recall.provider.clone().into(),
                    recall.amount_minor.into(),
                    recall.reason_code.clone().into(),
                    recall.reason.clone().into(),
                    i64::from(recall.by_letter).into(),
                    recall.state.name().into(),
                    recall.proposed_by.clone().into(),
                    recall.proposed_at.clone().into(),
                    recall.asked_with.into(),
                ]
            }),
        );
    }

    /// A file of unknown fate that turns out not to have left does not leave with a payment that is asked back.
    pub fn must_not_be_recalled(&mut self, batch: &Batch) {
        self.guarded(
            "a file with a payment that is asked back is not sent",
            "update batch set state = state where cycle_no = $1 and batch_no = $2 and not exists
               (select 1 from recall r join instruction i
                  on i.shard = r.shard and i.payable_no = r.payable_no and i.attempt = r.attempt
                where r.cycle_no = $1 and i.batch_no = $2
                  and r.state in ('proposed', 'confirmed', 'sent', 'pending', 'partly', 'accepted'))",
            vec![batch.cycle.0.into(), batch.number.0.into()],
        );
    }

    pub fn must_be_recallable(&mut self, recall: &Recall) {
        self.guarded(
            "what is asked back has left, and the money is not back",
            "update instruction set state = state where shard = $1 and payable_no = $2 and attempt = $3
               and state in ('in_batch', 'unknown', 'settled', 'settled_excess')",
            vec![
                i64::from(recall.payable.shard().number()).into(),
                recall.payable.number().into(),
                i64::from(recall.attempt.number()).into(),
            ],
        );
    }

    /// The second of two officers, who is another person, confirms or declines it.
    pub fn recall_decided(&mut self, recall: &Recall, to: RecallState, by: &str, at: &str) {
        self.guarded(
            "the second officer who decides on a recall is another person",
            "update recall set state = $2, decided_by = $3, decided_at = $4
             where recall_no = $1 and state = 'proposed' and proposed_by <> $3",
            vec![
                recall.number.into(),
                to.name().into(),
                by.to_owned().into(),
                at.to_owned().into(),
            ],
        );
    }

    /// The partner has the request.
    pub fn recall_asked(&mut self, recall: i64, to: RecallState, at: &str) {
        self.guarded(
            "a recall is asked once",
            "update recall set state = $2, asked_at = $3 where recall_no = $1 and state = 'confirmed'",
            vec![recall.into(), to.name().into(), at.to_owned().into()],
        );
    }

    /// What the partner says of it.
    pub fn recall_answered(
        &mut self,
        recall: i64,
        (from, to): (RecallState, RecallState),
        answered_by: AnsweredBy,
        reason: Option<&str>,
        at: &str,
    ) {
        self.guarded(
            "a recall is answered as it was read",
            "update recall set state = $3, answered_at = $4, answer_no = $5, answer_item = $6,
               answer_reason = nullif($7, '') where recall_no = $1 and state = $2",
            vec![
                recall.into(),
                from.name().into(),
                to.name().into(),
                at.to_owned().into(),
                answered_by.0.0.into(),
                answered_by.1.into(),
                reason.unwrap_or_default().to_owned().into(),
            ],
        );
    }

    /// Its file stands as it was read: one that begins to leave is not given up.
    pub fn recall_file_stays(&mut self, file: &RecallFile) {
        self.guarded(
            "the file of a recall is as it was read",
            "update recall_file set state = state where recall_no = $1 and state = $2",
            vec![file.recall.into(), file.state.name().into()],
        );
    }

    /// It is over or given up; a request of which nothing is wanted any more, and that has not left, does not
    /// leave.
    pub fn recall_ended(&mut self, recall: &Recall, to: RecallState, by: &str, at: &str) {
        self.guarded(
            "a recall ends as it was read",
            "update recall set state = $3, ended_by = $4, ended_at = $5 where recall_no = $1 and state = $2",
            vec![
                recall.number.into(),
                recall.state.name().into(),
                to.name().into(),
                by.to_owned().into(),
                at.to_owned().into(),
            ],
        );
        self.free(
            "update recall_file set state = 'withdrawn' where recall_no = $1 and state = 'released' and not exists
               (select 1 from recall where state = 'confirmed'
                  and (asked_with = $1 or (recall_no = $1 and asked_with is null)))",
            vec![recall.request().into()],
        );
    }

    /// An officer expects nothing more of it, and says why.
    pub fn recall_given_up(
        &mut self,
        recall: &Recall,
        to: RecallState,
        by: &str,
        at: &str,
        reason: Vec<u8>,
    ) {
        self.recall_ended(recall, to, by, at);
        self.free(
            "update recall set ended_reason = $2 where recall_no = $1",
            vec![recall.number.into(), reason.into()],
        );
    }

    pub fn recall_file_made(&mut self, file: &RecallFile) {
        self.bulk(
            "recall_file",
            &[
                "recall_no",
                "provider",
                "format",
                "file_name",
                "message_id",
                "created_at",
                "sha256",
                "file_bytes",
                "state",
            ],
            [[
                file.recall.into(),
                file.provider.clone().into(),
                file.format.clone().into(),
                file.file_name.clone().into(),
                file.message_id.clone().into(),
                file.created_at.clone().into(),
                file.sha256.clone().into(),
                (file.bytes as i64).into(),
                file.state.name().into(),
            ]],
        );
    }

    /// The copy that leaves in the file's place, made once.
    pub fn recall_file_sealed(&mut self, recall: i64, copy: &SealedCopy) {
        self.guarded(
            "the file of a recall is sealed once, before it leaves",
            "update recall_file set sealed_name = $2, sealed_sha256 = $3, sealed_bytes = $4
             where recall_no = $1 and sealed_name is null and state = 'released'",
            vec![
                recall.into(),
                copy.file_name.clone().into(),
                copy.sha256.clone().into(),
                (copy.bytes as i64).into(),
            ],
        );
    }

    pub fn recall_file_moved(&mut self, recall: i64, from: RecallFileState, to: RecallFileState) {
        self.guarded(
            "the file of a recall is in the state that was read",
            "update recall_file set state = $3 where recall_no = $1 and state = $2",
            vec![recall.into(), from.name().into(), to.name().into()],
        );
    }

    /// No attempt is recorded for a request of which all recalls have ended, or under a halt that an officer put. What evidence
    /// halted are payments: what is asked back goes all the same.
    pub fn recall_must_still_leave(&mut self, recall: i64, scopes: &[String; 3]) {
        let [all, provider, cycle] = scopes.clone();
        self.guarded(
            "a recall that has ended or is halted is not sent",
            "update recall set state = state where recall_no =
               (select min(recall_no) from recall where state = 'confirmed'
                  and (asked_with = $1 or (recall_no = $1 and asked_with is null))) and not exists
               (select 1 from halt where lifted_at is null and put_by <> 'evidence' and scope in ($2, $3, $4))",
            vec![recall.into(), all.into(), provider.into(), cycle.into()],
        );
    }

    /// Written before a byte leaves.
    pub fn recall_delivery_started(&mut self, recall: i64, delivery_no: i64, at: &str) {
        self.bulk(
            "recall_delivery",
            &["recall_no", "delivery_no", "started_at", "outcome", "detail"],
            [[
                recall.into(),
                delivery_no.into(),
                at.to_owned().into(),
                DeliveryOutcome::Started.name().into(),
                "".into(),
            ]],
        );
    }

    pub fn recall_delivery_ended(
        &mut self,
        recall: i64,
        delivery_no: i64,
        outcome: DeliveryOutcome,
        detail: &str,
        at: &str,
    ) {
        self.guarded(
            "a delivery ends once, unless it was unknown",
            "update recall_delivery set outcome = $3, detail = $4, ended_at = $5
             where recall_no = $1 and delivery_no = $2 and outcome in ('started', 'unknown')",
            vec![
                recall.into(),
                delivery_no.into(),
                outcome.name().into(),
                detail.to_owned().into(),
                at.to_owned().into(),
            ],
        );
    }
}

fn recall(row: &Row) -> Result<Recall, StoreError> {
    let maybe = |at: usize| row.maybe_text(at).map(|text| text.map(str::to_owned));
    Ok(Recall {
        number: row.int(0)?,
        cycle: CycleNo(row.int(1)?),
        payable: PayableNo::from_number(row.int(2)?).map_err(|error| broken(error.to_string()))?,
        attempt: AttemptNo::new(row.int(3)?).map_err(|error| broken(error.to_string()))?,
        batch: BatchNo(row.int(4)?),
        provider: row.text(5)?.to_owned(),
        amount_minor: row.int(6)?,
        reason_code: row.text(7)?.to_owned(),
        reason: row.blob(8)?.to_vec(),
        by_letter: row.int(9)? == 1,
        state: row.named(10)?,
        proposed_by: row.text(11)?.to_owned(),
        proposed_at: row.text(12)?.to_owned(),
        decided_by: maybe(13)?,
        asked_at: maybe(14)?,
        answered_at: maybe(15)?,
        answer_reason: maybe(16)?,
        asked_with: row.maybe_int(17)?,
    })
}

fn file(row: &Row) -> Result<RecallFile, StoreError> {
    let sealed = match (row.maybe_text(9)?, row.maybe_text(10)?, row.maybe_int(11)?) {
        (Some(name), Some(sha256), Some(bytes)) => Some(SealedCopy {
            file_name: name.to_owned(),
            sha256: sha256.to_owned(),
            bytes: bytes as u64,
        }),
        _ => None,
    };
    Ok(RecallFile {
        recall: row.int(0)?,
        provider: row.text(1)?.to_owned(),
        format: row.text(2)?.to_owned(),
        file_name: row.text(3)?.to_owned(),
        message_id: row.text(4)?.to_owned(),
        created_at: row.text(5)?.to_owned(),
        sha256: row.text(6)?.to_owned(),
        bytes: row.int(7)? as u64,
        state: row.named(8)?,
        sealed,
    })
}
