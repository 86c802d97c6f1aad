//! The way of an audit event from its transaction into the log: first the outbox, then an index.

use super::{Changes, Store, StoreError, Value};

impl Store {
    /// How many leaves have an index.
    pub async fn leaf_count(&self) -> Result<i64, StoreError> {
        let rows = self
            .query("select cast(coalesce(max(idx) + 1, 0) as bigint) from audit_leaf", &[])
            .await?;
        rows.first().map_or(Ok(0), |row| row.int(0))
    }

    /// Leaves from an index on, at most `limit`.
    pub async fn leaves(&self, from: i64, limit: i64) -> Result<Vec<Vec<u8>>, StoreError> {
        let rows = self
            .query(
                "select leaf from audit_leaf where idx >= $1 and idx < $2 order by idx",
                &[from.into(), (from + limit).into()],
            )
            .await?;
        rows.iter().map(|row| Ok(row.blob(0)?.to_vec())).collect()
    }

    /// What waits to be numbered, oldest first: writer, n, leaf.
    pub async fn outbox(&self, limit: i64) -> Result<Vec<(i64, i64, Vec<u8>)>, StoreError> {
        let rows = self
            .query(
                "select writer, n, leaf from audit_outbox order by writer, n limit $1",
                &[limit.into()],
            )
            .await?;
        rows.iter().map(|row| Ok((row.int(0)?, row.int(1)?, row.blob(2)?.to_vec()))).collect()
    }
}

impl Changes {
    /// Says what happened; goes into the log in the transaction of what happened.
    pub fn event(&mut self, leaf: Vec<u8>) {
        self.leaves.push(leaf);
    }

    /// Gives the oldest outbox entries their indexes. Two sequencers at once conflict on the index.
    pub fn numbered(&mut self, first_index: i64, entries: &[(i64, i64, Vec<u8>)]) {
        for (writer, n, _) in entries {
            self.guarded(
                "an outbox entry is numbered once",
                "delete from audit_outbox where writer = $1 and n = $2",
                vec![(*writer).into(), (*n).into()],
            );
        }
        self.bulk(
            "audit_leaf",
            &["idx", "leaf"],
            entries
                .iter()
                .zip(first_index..)
                .map(|((_, _, leaf), index)| [index.into(), Value::Blob(leaf.clone())]),
        );
    }
}
