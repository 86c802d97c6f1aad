//! Statements as officers and auditors look at them: each with what its entries were for, and whether it
//! begins where the one before it ended.
//!
//! Worked out anew whenever it is looked at: a statement that comes late closes the gap that it left.

use std::collections::BTreeMap;

use crate::domain::batch::BatchState;
use crate::domain::cycle::Cycle;
use crate::domain::ids::BatchNo;
use crate::domain::instruction::InstructionState;
use crate::domain::statement::{FileKey, ShareKind, Statement, StatementShare, UnexplainedEntry};
use crate::engine::{Engine, EngineError};
use crate::report::cycle::{FileReconciled, StatementTold};

/// One statement and what is said of it.
pub struct StatementSeen {
    pub statement: Statement,
    pub shares: Vec<StatementShare>,
    /// Entries without a reason, and whether an officer has found one since.
    pub unexplained: Vec<(UnexplainedEntry, bool)>,
    /// The statement before it and its closing balance, when this one does not begin there.
    pub gap: Option<Statement>,
}

impl StatementSeen {
    pub fn sum(&self, kind: ShareKind) -> i64 {
        let of_kind = self.shares.iter().filter(|share| share.kind == kind);
        of_kind.map(|share| share.total_minor).sum()
    }

    /// Entries for which nobody has found a reason yet.
    pub fn open(&self) -> usize {
        self.unexplained.iter().filter(|(_, settled)| !settled).count()
    }
}

impl Engine {
    /// Every statement, by account and in the order of its days.
    pub async fn statements_seen(&self) -> Result<Vec<StatementSeen>, EngineError> {
        let mut shares: BTreeMap<i64, Vec<StatementShare>> = BTreeMap::new();
        for share in self.store.statement_shares().await? {
            shares.entry(share.statement).or_default().push(share);
        }
        let mut unexplained = self.store.unexplained_entries().await?;
        let mut seen: Vec<StatementSeen> = Vec::new();
        for statement in self.store.statements().await? {
            let before = seen.last().map(|one| &one.statement).filter(|before| {
                (&before.provider, &before.account) == (&statement.provider, &statement.account)
            });
            let gap = before.filter(|before| before.closing_minor != statement.opening_minor);
            seen.push(StatementSeen {
                gap: gap.cloned(),
                shares: shares.remove(&statement.number).unwrap_or_default(),
                unexplained: unexplained.remove(&statement.number).unwrap_or_default(),
                statement,
            });
        }
        Ok(seen)
    }

    /// One statement by its number.
    pub async fn statement_find(&self, number: i64) -> Result<StatementSeen, EngineError> {
        let mut seen = self.statements_seen().await?.into_iter();
        seen.find(|one| one.statement.number == number).ok_or_else(|| {
            EngineError::refused(
                "L140",
                format!("there is no statement {number}; see: chitra statement list"),
            )
        })
    }

    /// The names of the files that shares are for.
    pub async fn file_names(
        &self,
        shares: &[StatementShare],
    ) -> Result<BTreeMap<FileKey, String>, EngineError> {
        let mut names = BTreeMap::new();
        let mut cycles: Vec<_> = shares.iter().filter_map(|one| one.file).map(|of| of.0).collect();
        cycles.sort_unstable();
        cycles.dedup();
        for cycle in cycles {
            for batch in self.store.batches(cycle).await? {
                names.insert((cycle, batch.number), batch.file_name);
            }
        }
        Ok(names)
    }

    /// The files of a cycle as the statements have them, beside our books; and those statements.
    pub(in crate::engine) async fn bank_reconciliation(
        &self,
        cycle: &Cycle,
    ) -> Result<(Vec<FileReconciled>, Vec<StatementTold>), EngineError> {
        let statements: Vec<StatementSeen> = self
            .statements_seen()
            .await?
            .into_iter()
            .filter(|one| {
                let of_cycle = |share: &StatementShare| {
                    share.file.is_some_and(|(number, _)| number == cycle.number)
                };
                one.shares.iter().any(of_cycle)
            })
            .collect();
        if statements.is_empty() {
            return Ok((Vec::new(), Vec::new()));
        }
        let shares = self.store.statement_shares_of(cycle.number).await?;
        let mut books: BTreeMap<BatchNo, i64> = BTreeMap::new();
        for sum in self.store.instruction_sums(cycle.number).await? {
            let kept = matches!(
                sum.state,
                InstructionState::InBatch
                    | InstructionState::Unknown
                    | InstructionState::Settled
                    | InstructionState::SettledExcess
            );
            if kept {
                *books.entry(sum.batch).or_default() += sum.total_minor;
            }
        }
        let mut files = Vec::new();
        for batch in self.store.batches(cycle.number).await? {
            let of_file = |kinds: &[ShareKind]| -> i64 {
                shares
                    .iter()
                    .filter(|one| one.file == Some((cycle.number, batch.number)))
                    .filter(|one| kinds.contains(&one.kind))
                    .map(|one| one.total_minor)
                    .sum()
            };
            let debited_minor = -of_file(&[ShareKind::Debit]);
            let left = matches!(
                batch.state,
                BatchState::Sending
                    | BatchState::Unknown
                    | BatchState::Delivered
                    | BatchState::Refused
            );
            if !left && debited_minor == 0 {
                continue;
            }
            files.push(FileReconciled {
                name: batch.file_name.clone(),
                provider: batch.provider.clone(),
                ordered_minor: batch.total_minor,
                debited_minor,
                back_minor: of_file(&[ShareKind::Return, ShareKind::Reversal]),
                books_minor: match batch.state {
                    BatchState::Refused => 0,
                    _ => books.get(&batch.number).copied().unwrap_or(0),
                },
            });
        }
        let told = statements.iter().map(|one| StatementTold {
            provider: one.statement.provider.clone(),
            id: one.statement.id.clone(),
            closed_on: one.statement.closed_on,
            opening_minor: one.statement.opening_minor,
            closing_minor: one.statement.closing_minor,
            files_minor: one.sum(ShareKind::Debit)
                + one.sum(ShareKind::Return)
                + one.sum(ShareKind::Reversal),
            funds_minor: one.sum(ShareKind::Funds),
            receipts_minor: one.sum(ShareKind::Receipt),
            transfers_minor: one.sum(ShareKind::Transfer),
            fees_minor: one.sum(ShareKind::Fee) + one.sum(ShareKind::Tax),
            unexplained_minor: one.sum(ShareKind::Unexplained),
            open: one.open() as i64,
            gap_minor: one
                .gap
                .as_ref()
                .map(|before| one.statement.opening_minor - before.closing_minor),
        });
        let told = told.collect();
        Ok((files, told))
    }
}
