//! A fact: one row as it is compared with what the log says of it. Texts only, so that whatever stands in
//! the database can be told; what is personal or free text stands as its digest.

use crate::domain::state::named;

named!(
    /// What the log and the database both speak of, row by row. Money that is owed and ordered is too much for
    /// that and is compared by sums.
    FactKind {
        Officer = "officer",
        Import = "import",
        Cycle = "cycle",
        List = "list",
        Signature = "signature",
        File = "file",
        SealedCopy = "sealed copy",
        FileSignature = "signature of a file",
        Delivery = "delivery",
        Window = "window",
        Acknowledgement = "acknowledgement",
        Answer = "answer",
        RefusedAnswer = "refused answer",
        SealedAnswer = "sealed answer",
        /// How many items of one answer came into the queue.
        Queued = "queue of answer",
        ResolvedDiscrepancy = "resolved discrepancy",
        Hold = "decision on a hold",
        Fate = "decision on unknown payments",
        ConfirmedFates = "confirmed decisions",
        Stop = "stop",
        Heir = "heir",
        HaltByHand = "halt",
        /// Scopes that evidence stopped.
        HaltByEvidence = "halted scope",
        LiftedHalt = "lifting of halt",
        Funds = "funds",
        WrittenOff = "receivable",
        Receipt = "receipt",
        WriteOff = "write-off",
        CourtOrder = "court order",
        CourtTransfer = "transfer for a court order",
        Statement = "statement",
        Fire = "fire",
    }
);

/// One row: its key, and what it says.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Fact {
    pub kind: FactKind,
    /// The parts of the key, with `/` between them.
    pub key: String,
    pub fields: Vec<(&'static str, String)>,
}
