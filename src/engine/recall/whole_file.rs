//! Everything of one payment file is asked back, because it should not have been sent: one recall for each payment
//! that is out, and one request for all of them.
//!
//! Reads: a file of the cycle, its orders, and their recalls.
//! Gives: what of it is meant, the leaves of acts about it, and why nothing of it can be asked back.

use std::collections::{BTreeMap, BTreeSet};

use super::{Whom, named, none_waits};
use crate::audit::batch_root::BatchRootBuilder;
use crate::audit::leaf::{Leaf, LeafBuilder};
use crate::domain::batch::{Batch, BatchState};
use crate::domain::cycle::Cycle;
use crate::domain::ids::BatchNo;
use crate::domain::recall::{Recall, RecallFile, RecallFileState, RecallState};
use crate::engine::taking_back::no_such_file;
use crate::engine::{Engine, EngineError};

impl Engine {
    /// A file of a cycle, by its name.
    ///
    /// # Errors
    /// D124 when the cycle has no such file.
    pub async fn recalled_file(&self, cycle: &Cycle, name: &str) -> Result<Whom, EngineError> {
        let batches = self.store.batches(cycle.number).await?;
        let file = batches.iter().find(|one| one.file_name == name.trim());
        file.map(|one| Whom::File(one.number)).ok_or_else(|| no_such_file(&cycle.label(), name))
    }

    /// The leaves of an act about recalls, each with the first recall of which it tells: one for every recall, or
    /// of a whole file one with a Merkle root over all.
    pub(super) fn recall_leaves<'r>(
        &self,
        event: &str,
        whom: Whom,
        recalls: &'r [Recall],
        batches: &BTreeMap<BatchNo, Batch>,
        at: &str,
    ) -> Vec<(LeafBuilder, &'r Recall)> {
        let Whom::File(batch) = whom else {
            return recalls.iter().map(|one| (self.recall_leaf(event, one, at), one)).collect();
        };
        let Some(first) = recalls.first() else { return vec![] };
        let mut root = BatchRootBuilder::new();
        for one in recalls {
            root.push(format!("{} {}", one.number, self.recalled(one)).as_bytes());
        }
        let root = root.finish();
        let leaf = Leaf::of(event, at)
            .number("recall", first.number)
            .number("cycle", first.cycle.0)
            .text("file", batches.get(&batch).map_or("", |one| one.file_name.as_str()))
            .number("count", root.count as i64)
            .number("total_minor", recalls.iter().map(|one| one.amount_minor).sum())
            .digest("root", &root.root);
        vec![(leaf, first)]
    }

    /// What was proposed together is decided together; leaves the recalls that are meant.
    pub(super) async fn must_be_decided_as_proposed(
        &self,
        cycle: &Cycle,
        whom: Whom,
        recalls: &mut Vec<Recall>,
    ) -> Result<(), EngineError> {
        if matches!(whom, Whom::File(_)) {
            return Ok(());
        }
        let with_file = recalls.iter().find(|one| one.asked_with.is_some()).map(|one| one.batch);
        recalls.retain(|one| one.asked_with.is_none());
        match with_file.filter(|_| recalls.is_empty()) {
            None => Ok(()),
            Some(batch) => {
                let label = cycle.label();
                let of = named(Whom::File(batch), &self.files_of_orders(cycle).await?);
                let what = format!(
                    "it is asked back with everything of its file, which is decided at once: chitra recall confirm \
                     {label} {of} --as APPROVER"
                );
                Err(none_waits(cycle, &what))
            }
        }
    }

    /// What is given up is not leaving at this moment; and of a request that has not left, all of it. Where
    /// one of several requests for a file has not left, that one is given up, and leaves what is meant. Gives the
    /// files as they stand, which must stand so when it is written.
    pub(super) async fn must_not_be_leaving(
        &self,
        cycle: &Cycle,
        whom: Whom,
        recalls: &mut Vec<Recall>,
    ) -> Result<Vec<RecallFile>, EngineError> {
        let label = cycle.label();
        let mut files = Vec::new();
        let mut requests = BTreeSet::new();
        let mut waiting = BTreeSet::new();
        for recall in recalls.iter().filter(|one| one.state == RecallState::Confirmed) {
            if !requests.insert(recall.request()) {
                continue;
            }
            let Some(file) = self.store.recall_file(recall.request()).await? else { continue };
            let is_whole = matches!(whom, Whom::File(_));
            // One of unknown fate is given up like one that has not left: nobody asks about it any more.
            files.push(file.clone());
            let may_stay =
                matches!(file.state, RecallFileState::Released | RecallFileState::Unknown);
            let sentence = if !may_stay {
                format!(
                    "{} is {}, and may be leaving; ask the partner first: chitra dispatch {label}",
                    file.file_name, file.state
                )
            } else if recall.asked_with.is_some() && !is_whole {
                let of = named(Whom::File(recall.batch), &self.files_of_orders(cycle).await?);
                format!(
                    "{} asks back everything of the file and is not known to have left; all of it is given up: chitra \
                     recall give-up {label} {of} --reason TEXT --as OFFICER",
                    file.file_name
                )
            } else {
                waiting.insert(recall.request());
                continue;
            };
            return Err(EngineError::refused("D178", sentence));
        }
        if matches!(whom, Whom::File(_)) && !waiting.is_empty() {
            recalls.retain(|one| waiting.contains(&one.request()));
        }
        Ok(files)
    }
}

/// Why nothing of a file can be asked back, and what can be done instead.
pub(super) fn nothing_of_it(file: &Batch, label: &str) -> String {
    let name = &file.file_name;
    match file.state {
        BatchState::Created => format!(
            "{name} has not left: its list is not released, and is given up: chitra list cancel {label} --list {} --as \
             OFFICER, or chitra cycle cancel {label}",
            file.list.0
        ),
        BatchState::Released => format!(
            "{name} has not left, and is taken back: chitra withdraw {label} {name} --as OFFICER; or it leaves for another \
             value date: chitra redate {label}"
        ),
        BatchState::Withdrawn => format!("{name} was taken back before it left"),
        state => format!(
            "{name} is {state}, and none of its payments is out: they were rejected, or their money is back; see: chitra \
             cycle status {label}"
        ),
    }
}
