//! Windows of requests to partners that take payments one by one.

use std::collections::BTreeSet;

use crate::domain::batch::Batch;
use crate::domain::ids::{BatchNo, CycleNo};
use crate::domain::send_window::{Lines, SendWindow, WindowOutcome};
use crate::domain::state::Named;

use super::registry::broken;
use super::{Changes, Store, StoreError};

impl Store {
    /// The windows of a batch in their order.
    pub async fn send_windows(&self, batch: &Batch) -> Result<Vec<SendWindow>, StoreError> {
        self.send_windows_after(batch, 0).await
    }

    /// The windows of a batch after one of them, in their order.
    pub async fn send_windows_after(
        &self,
        batch: &Batch,
        number: i64,
    ) -> Result<Vec<SendWindow>, StoreError> {
        let rows = self
            .query(
                "select cycle_no, batch_no, window_no, lines, started_at, outcome, unsent from send_window
                 where cycle_no = $1 and batch_no = $2 and window_no > $3 order by window_no",
                &[batch.cycle.0.into(), batch.number.0.into(), number.into()],
            )
            .await?;
        let lines = |text: &str| {
            Lines::read(text).ok_or_else(|| broken(format!("lines of a window: {text}")))
        };
        rows.iter()
            .map(|row| {
                Ok(SendWindow {
                    cycle: CycleNo(row.int(0)?),
                    batch: BatchNo(row.int(1)?),
                    number: row.int(2)?,
                    lines: lines(row.text(3)?)?,
                    started_at: row.text(4)?.to_owned(),
                    outcome: row.named(5)?,
                    unsent: lines(row.text(6)?)?,
                })
            })
            .collect()
    }

    /// The batches of a cycle whose payments leave one by one, as far as one has left.
    pub async fn batches_one_by_one(
        &self,
        cycle: CycleNo,
    ) -> Result<BTreeSet<BatchNo>, StoreError> {
        let rows = self
            .query(
                "select distinct batch_no from send_window where cycle_no = $1",
                &[cycle.0.into()],
            )
            .await?;
        rows.iter().map(|row| Ok(BatchNo(row.int(0)?))).collect()
    }
}

impl Changes {
    /// Written before a request of it leaves.
    pub fn window_started(&mut self, batch: &Batch, number: i64, lines: &Lines, at: &str) {
        self.bulk(
            "send_window",
            &["cycle_no", "batch_no", "window_no", "lines", "started_at", "outcome", "unsent"],
            [[
                batch.cycle.0.into(),
                batch.number.0.into(),
                number.into(),
                lines.to_string().into(),
                at.to_owned().into(),
                WindowOutcome::Started.name().into(),
                "".into(),
            ]],
        );
    }

    pub fn window_ended(
        &mut self,
        batch: &Batch,
        number: i64,
        outcome: WindowOutcome,
        unsent: &Lines,
        at: &str,
    ) {
        self.guarded(
            "a window ends once",
            "update send_window set outcome = $4, unsent = $5, ended_at = $6
             where cycle_no = $1 and batch_no = $2 and window_no = $3 and outcome = 'started'",
            vec![
                batch.cycle.0.into(),
                batch.number.0.into(),
                number.into(),
                outcome.name().into(),
                unsent.to_string().into(),
                at.to_owned().into(),
            ],
        );
    }
}
