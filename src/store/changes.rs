//! One step of work as a value: what to write, under which guards, and what to say in the log.
//!
//! Nothing is written except through here, and a step and its audit events are one transaction.

use super::books::{Witness, Written};
use super::database::{Bulk, Database, StoreError, Value};
use super::paged::Many;

/// What one step writes. Filled by the methods that `registry`, `cycles`, `payments`, `answers` and
/// `outbox` add to it, applied by `Store::commit` in the order in which they were called.
#[derive(Default, Debug)]
pub struct Changes {
    steps: Vec<Step>,
    pub(super) leaves: Vec<Vec<u8>>,
    /// What the steps write of money and states, for the log.
    pub(super) written: Vec<Written>,
}

#[derive(Debug)]
enum Step {
    /// A statement that must touch exactly one row, or the step is refused as a whole.
    Guarded {
        sql: &'static str,
        args: Vec<Value>,
        rule: &'static str,
    },
    /// A page of rows, every one of which must be touched.
    Many {
        many: Many,
        args: Vec<Value>,
        rule: &'static str,
    },
    /// A statement that may touch any number of rows.
    Free {
        sql: &'static str,
        args: Vec<Value>,
    },
    Insert(Bulk),
}

/// The transaction in which the office's own process writes its events. Hosts of a larger office
/// get a number each.
const OUTBOX_WRITER: i64 = 1;

impl Changes {
    pub fn new() -> Changes {
        Changes::default()
    }

    pub fn is_empty(&self) -> bool {
        self.steps.is_empty() && self.leaves.is_empty()
    }

    /// Runs a statement that must touch exactly one row.
    pub(super) fn guarded(&mut self, rule: &'static str, sql: &'static str, args: Vec<Value>) {
        self.steps.push(Step::Guarded { sql, args, rule });
    }

    /// Runs a statement that must touch exactly one row, before everything else of the step.
    pub(super) fn guarded_first(
        &mut self,
        rule: &'static str,
        sql: &'static str,
        args: Vec<Value>,
    ) {
        self.steps.insert(0, Step::Guarded { sql, args, rule });
    }

    /// Moves a page of rows; each must still be as it was read.
    pub(super) fn many(&mut self, rule: &'static str, many: Many, args: Vec<Value>) {
        self.steps.push(Step::Many { many, args, rule });
    }

    pub(super) fn free(&mut self, sql: &'static str, args: Vec<Value>) {
        self.steps.push(Step::Free { sql, args });
    }

    pub(super) fn bulk<const N: usize>(
        &mut self,
        table: &'static str,
        columns: &'static [&'static str; N],
        rows: impl IntoIterator<Item = [Value; N]>,
    ) {
        let values: Vec<Value> = rows.into_iter().flatten().collect();
        if !values.is_empty() {
            self.steps.push(Step::Insert(Bulk { table, columns, values }));
        }
    }

    /// Says in the log what the steps write of money and states.
    pub(super) fn witnessed(&mut self, witness: &dyn Witness) -> Result<(), StoreError> {
        let written = std::mem::take(&mut self.written);
        if !written.is_empty() {
            self.leaves.extend(witness.leaves(&written).map_err(StoreError::RowMustBeWhole)?);
        }
        Ok(())
    }

    pub(super) async fn apply(self, database: &dyn Database) -> Result<(), StoreError> {
        let mut tx = database.begin().await?;
        for step in self.steps {
            match step {
                Step::Guarded { sql, args, rule } => {
                    if tx.execute(sql.into(), args).await? != 1 {
                        return Err(StoreError::Conflict { rule: rule.to_owned() });
                    }
                }
                Step::Many { many, args, rule } => {
                    let sql = many.sql(database.dialect()).into();
                    if tx.execute(sql, args).await? != many.rows as u64 {
                        return Err(StoreError::Conflict { rule: rule.to_owned() });
                    }
                }
                Step::Free { sql, args } => {
                    tx.execute(sql.into(), args).await?;
                }
                Step::Insert(bulk) => tx.insert(bulk).await?,
            }
        }
        if !self.leaves.is_empty() {
            // The row lock on the counter keeps two writers from taking the same numbers.
            tx.execute(
                "insert into counter (name, next) values ('outbox', 1) on conflict (name) do nothing"
                    .into(),
                vec![],
            )
            .await?;
            let raised = tx
                .query(
                    "update counter set next = next + $1 where name = 'outbox' returning next",
                    &[Value::Int(self.leaves.len() as i64)],
                )
                .await?;
            let next = raised.first().map_or(Ok(0), |row| row.int(0))?;
            let first = next - self.leaves.len() as i64;
            let values = self
                .leaves
                .into_iter()
                .enumerate()
                .flat_map(|(at, leaf)| {
                    [Value::Int(OUTBOX_WRITER), Value::Int(first + at as i64), Value::Blob(leaf)]
                })
                .collect();
            tx.insert(Bulk { table: "audit_outbox", columns: &["writer", "n", "leaf"], values })
                .await?;
        }
        tx.commit().await
    }
}
