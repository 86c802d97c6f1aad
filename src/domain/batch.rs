//! A batch: the instructions that leave together, in one file, to one provider.

use jiff::civil::Date;

use crate::domain::ids::{BatchNo, CycleNo, ListNo};
use crate::domain::roster::Channel;
use crate::domain::state::{Arrow, IllegalTransition, follow, named};

named!(
    BatchState {
        /// Rendered and sealed; nothing may leave yet.
        Created = "created",
        /// Approved: it may leave, as often as proof says it has not, always the same bytes.
        Released = "released",
        /// An attempt is recorded and the bytes may be leaving now.
        Sending = "sending",
        /// The provider has the file.
        Delivered = "delivered",
        /// It may or may not have left. Only evidence ends this.
        Unknown = "unknown",
        /// The provider refused the file as a whole; none of its instructions was carried out.
        Refused = "refused",
        /// Taken back before it left.
        Withdrawn = "withdrawn",
    }
);

named!(
    BatchEvent {
        Released = "released",
        AttemptRecorded = "attempt recorded",
        ProvedNotSent = "proved not to have left",
        ProvedDelivered = "proved to be there",
        OutcomeLost = "left without proof",
        FileRefused = "refused as a whole",
        ProvedCarriedOut = "proved to have been carried out after all",
        Withdrawn = "withdrawn",
    }
);

impl BatchState {
    pub const TABLE: &'static [Arrow<BatchState, BatchEvent>] = {
        use BatchEvent as E;
        use BatchState as S;
        &[
            (S::Created, E::Released, S::Released),
            (S::Created, E::Withdrawn, S::Withdrawn),
            (S::Released, E::Withdrawn, S::Withdrawn),
            (S::Released, E::AttemptRecorded, S::Sending),
            (S::Sending, E::ProvedNotSent, S::Released),
            (S::Sending, E::ProvedDelivered, S::Delivered),
            (S::Sending, E::OutcomeLost, S::Unknown),
            (S::Unknown, E::ProvedDelivered, S::Delivered),
            (S::Unknown, E::ProvedNotSent, S::Released),
            (S::Delivered, E::FileRefused, S::Refused),
            (S::Unknown, E::FileRefused, S::Refused),
            (S::Refused, E::ProvedCarriedOut, S::Delivered),
        ]
    };

    pub fn apply(self, event: BatchEvent) -> Result<BatchState, IllegalTransition> {
        follow("batch", BatchState::TABLE, self, event)
    }

    /// Whether its delivery is still to be done or decided.
    pub fn is_open(self) -> bool {
        use BatchState as S;
        matches!(self, S::Created | S::Released | S::Sending | S::Unknown)
    }
}

/// One batch and its file.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Batch {
    pub cycle: CycleNo,
    pub number: BatchNo,
    pub list: ListNo,
    pub channel: Channel,
    pub provider: String,
    pub format: String,
    pub value_date: Date,
    /// Environment, office, period, kind and sequence: never used again.
    pub file_name: String,
    pub message_id: String,
    /// When its file says it was created: fixed once, before anything of its list is rendered.
    pub created_at: Option<String>,
    pub count: u64,
    pub total_minor: i64,
    /// SHA-256 of the plaintext file; set when it is rendered and archived.
    pub sha256: Option<String>,
    pub bytes: Option<u64>,
    pub state: BatchState,
}

/// What leaves in place of a batch's file when its partner reads sealed files.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SealedCopy {
    pub file_name: String,
    /// SHA-256 of the sealed bytes; what was approved is the plain file.
    pub sha256: String,
    pub bytes: u64,
}

named!(
    /// How one sending of a file ended.
    DeliveryOutcome {
        /// Recorded, and not ended yet or never: the process died.
        Started = "started",
        Delivered = "delivered",
        NotSent = "not_sent",
        Unknown = "unknown",
    }
);

/// One sending of one file.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Delivery {
    pub cycle: CycleNo,
    pub batch: BatchNo,
    pub number: i64,
    pub started_at: String,
    pub ended_at: Option<String>,
    pub outcome: DeliveryOutcome,
    pub detail: String,
}
