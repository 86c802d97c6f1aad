//! Which answer first said that a partner has a file, accepts it, or has carried it out.

use std::collections::BTreeMap;

use crate::domain::acknowledgement::Acknowledgement;
use crate::domain::ids::{AnswerNo, BatchNo, CycleNo};
use crate::domain::instruction::InstructionState;
use crate::domain::state::Named;

use super::{Changes, Store, StoreError};

impl Store {
    /// What was acknowledged of the files of a cycle.
    pub async fn acknowledgements(
        &self,
        cycle: CycleNo,
    ) -> Result<Vec<Acknowledgement>, StoreError> {
        let rows = self
            .query(
                "select batch_no, kind, acknowledged_at, answer_no from acknowledgement
                 where cycle_no = $1 order by batch_no, kind",
                &[cycle.0.into()],
            )
            .await?;
        rows.iter()
            .map(|row| {
                Ok(Acknowledgement {
                    cycle,
                    batch: BatchNo(row.int(0)?),
                    kind: row.named(1)?,
                    at: row.text(2)?.to_owned(),
                    answer: AnswerNo(row.int(3)?),
                })
            })
            .collect()
    }

    /// How many payments of each file of a cycle nothing has told the outcome of.
    pub async fn without_result(
        &self,
        cycle: CycleNo,
    ) -> Result<BTreeMap<BatchNo, i64>, StoreError> {
        let mut open: BTreeMap<BatchNo, i64> = BTreeMap::new();
        for sum in self.instruction_sums(cycle).await? {
            if matches!(sum.state, InstructionState::InBatch | InstructionState::Unknown) {
                *open.entry(sum.batch).or_default() += sum.count;
            }
        }
        Ok(open)
    }
}

impl Changes {
    pub fn acknowledged(&mut self, acknowledgements: &[Acknowledgement]) {
        self.bulk(
            "acknowledgement",
            &["cycle_no", "batch_no", "kind", "acknowledged_at", "answer_no"],
            acknowledgements.iter().map(|one| {
                [
                    one.cycle.0.into(),
                    one.batch.0.into(),
                    one.kind.name().into(),
                    one.at.clone().into(),
                    one.answer.0.into(),
                ]
            }),
        );
    }
}
