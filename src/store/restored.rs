//! Files that were written again from the sealed list, because the archived copy was changed or lost.

use crate::domain::batch::Batch;
use crate::domain::ids::{BatchNo, CycleNo};
use crate::store::{Changes, Store, StoreError};

/// One file that was made good.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Restoration {
    pub batch: BatchNo,
    /// What was found in its place.
    pub found: String,
    pub at: String,
}

impl Store {
    /// The files of a cycle that were made good, the oldest first.
    pub async fn restorations(&self, cycle: CycleNo) -> Result<Vec<Restoration>, StoreError> {
        let rows = self
            .query(
                "select batch_no, found, restored_at from file_restoration
                 where cycle_no = $1 order by restoration_no",
                &[cycle.0.into()],
            )
            .await?;
        rows.iter()
            .map(|row| {
                Ok(Restoration {
                    batch: BatchNo(row.int(0)?),
                    found: row.text(1)?.to_owned(),
                    at: row.text(2)?.to_owned(),
                })
            })
            .collect()
    }
}

impl Changes {
    /// Remembers that a file was made good, and what was found in its place.
    pub fn file_restored(&mut self, batch: &Batch, found: &str, at: &str) {
        self.free(
            "insert into file_restoration (restoration_no, cycle_no, batch_no, found, restored_at)
             select cast(coalesce(max(restoration_no), 0) + 1 as bigint), $1, $2, $3, $4
             from file_restoration",
            vec![
                batch.cycle.0.into(),
                batch.number.0.into(),
                found.to_owned().into(),
                at.to_owned().into(),
            ],
        );
    }
}
