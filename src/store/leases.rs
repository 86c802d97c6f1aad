//! Leases: who may do a piece of work now. Whoever takes one over raises its epoch, and a commit that is
//! fenced by an older epoch is refused as a whole, however late it comes.

use super::{Changes, Row, Store, StoreError};

/// What `Conflict` names when a fence does not hold.
pub const FENCE: &str = "the lease is still ours";

/// A lease as it is stored.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LeaseRow {
    pub name: String,
    /// How often it was taken.
    pub epoch: i64,
    /// Which host and folder holds it; empty when it was given back.
    pub holder: String,
    /// The moment up to which nobody else takes it.
    pub held_until: String,
}

impl Store {
    pub async fn lease(&self, name: &str) -> Result<Option<LeaseRow>, StoreError> {
        let rows = self
            .query(
                "select name, epoch, holder, held_until from lease where name = $1",
                &[name.to_owned().into()],
            )
            .await?;
        rows.first().map(lease).transpose()
    }
}

impl Changes {
    /// Takes a lease that nobody ever held.
    pub fn lease_begun(&mut self, name: &str, holder: &str, held_until: &str) {
        self.bulk(
            "lease",
            &["name", "epoch", "holder", "held_until"],
            [[
                name.to_owned().into(),
                1.into(),
                holder.to_owned().into(),
                held_until.to_owned().into(),
            ]],
        );
    }

    /// Takes a lease over from `before`: one of several that try succeeds.
    pub fn lease_taken(&mut self, before: &LeaseRow, holder: &str, held_until: &str) {
        self.guarded(
            "a lease is taken over once",
            "update lease set epoch = epoch + 1, holder = $3, held_until = $4 where name = $1 and epoch = $2",
            vec![
                before.name.clone().into(),
                before.epoch.into(),
                holder.to_owned().into(),
                held_until.to_owned().into(),
            ],
        );
    }

    /// Proves inside the transaction that the lease was not taken over, and keeps it from being taken
    /// over before the transaction has ended. It is the first thing that the transaction does: whoever is
    /// late is told so, and not which of its rows have moved on.
    pub fn fence(&mut self, name: &str, epoch: i64) {
        self.guarded_first(
            FENCE,
            "update lease set epoch = epoch where name = $1 and epoch = $2",
            vec![name.to_owned().into(), epoch.into()],
        );
    }

    /// Moves the end of a lease that is still ours.
    pub fn lease_until(&mut self, name: &str, epoch: i64, holder: &str, held_until: &str) {
        self.guarded(
            FENCE,
            "update lease set holder = $3, held_until = $4 where name = $1 and epoch = $2",
            vec![
                name.to_owned().into(),
                epoch.into(),
                holder.to_owned().into(),
                held_until.to_owned().into(),
            ],
        );
    }
}

fn lease(row: &Row) -> Result<LeaseRow, StoreError> {
    Ok(LeaseRow {
        name: row.text(0)?.to_owned(),
        epoch: row.int(1)?,
        holder: row.text(2)?.to_owned(),
        held_until: row.text(3)?.to_owned(),
    })
}
