//! A recall: a payment that has left and must not be is asked back, by two officers. What the partner says of it
//! is no money; the order stays what it is until a return says that the money came.

use crate::domain::ids::{AnswerNo, AttemptNo, BatchNo, CycleNo, EndToEndId, PayableNo};
use crate::domain::state::{Arrow, IllegalTransition, follow, named};

named!(
    RecallState {
        /// One officer wants the payment back.
        Proposed = "proposed",
        /// Another has declined it: nobody was asked.
        Declined = "declined",
        /// Another has confirmed it: its file may leave.
        Confirmed = "confirmed",
        /// The partner has the request.
        Sent = "sent",
        /// The partner has said that it has not decided.
        Pending = "pending",
        /// The partner gives back less than all of it.
        Partly = "partly",
        /// The partner has agreed. The money is not there yet.
        Accepted = "accepted",
        /// The partner does not give it back.
        Refused = "refused",
        /// The money is back, or was never paid out.
        Over = "over",
        /// An officer has said that nothing more is to be expected.
        GivenUp = "given_up",
    }
);

named!(
    RecallEvent {
        Confirmed = "confirmed",
        Declined = "declined",
        /// The file is proved to be at the partner, or the letter has gone.
        Asked = "asked",
        NotDecided = "not decided yet",
        AcceptedInPart = "accepted in part",
        Accepted = "accepted",
        Refused = "refused",
        CameBack = "came back",
        GivenUp = "given up",
    }
);

impl RecallState {
    pub const TABLE: &'static [Arrow<RecallState, RecallEvent>] = {
        use RecallEvent as E;
        use RecallState as S;
        &[
            (S::Proposed, E::Confirmed, S::Confirmed),
            (S::Proposed, E::Declined, S::Declined),
            (S::Confirmed, E::Asked, S::Sent),
            (S::Sent, E::NotDecided, S::Pending),
            (S::Sent, E::AcceptedInPart, S::Partly),
            (S::Pending, E::AcceptedInPart, S::Partly),
            (S::Sent, E::Accepted, S::Accepted),
            (S::Pending, E::Accepted, S::Accepted),
            (S::Partly, E::Accepted, S::Accepted),
            (S::Sent, E::Refused, S::Refused),
            (S::Pending, E::Refused, S::Refused),
            (S::Partly, E::Refused, S::Refused),
            (S::Proposed, E::CameBack, S::Over),
            (S::Confirmed, E::CameBack, S::Over),
            (S::Sent, E::CameBack, S::Over),
            (S::Pending, E::CameBack, S::Over),
            (S::Partly, E::CameBack, S::Over),
            (S::Accepted, E::CameBack, S::Over),
            (S::Refused, E::CameBack, S::Over),
            (S::Confirmed, E::GivenUp, S::GivenUp),
            (S::Sent, E::GivenUp, S::GivenUp),
            (S::Pending, E::GivenUp, S::GivenUp),
            (S::Partly, E::GivenUp, S::GivenUp),
            (S::Accepted, E::GivenUp, S::GivenUp),
            (S::Refused, E::GivenUp, S::GivenUp),
        ]
    };

    pub fn apply(self, event: RecallEvent) -> Result<RecallState, IllegalTransition> {
        follow("recall", RecallState::TABLE, self, event)
    }

    /// Whether something is still to come of it. An order has one such recall at most, and its payable is not
    /// ordered again meanwhile.
    pub fn is_live(self) -> bool {
        use RecallState as S;
        matches!(self, S::Proposed | S::Confirmed | S::Sent | S::Pending | S::Partly | S::Accepted)
    }

    /// Whether the partner was asked and has not settled it by its word.
    pub fn waits_for_an_answer(self) -> bool {
        matches!(self, RecallState::Sent | RecallState::Pending | RecallState::Partly)
    }
}

named!(
    /// The file of a recall on its way to the partner.
    RecallFileState {
        /// Two officers have agreed: it may leave, always the same bytes.
        Released = "released",
        /// An attempt is recorded and the bytes may be leaving now.
        Sending = "sending",
        /// The partner has the file.
        Delivered = "delivered",
        /// It may or may not have left. Only evidence ends this.
        Unknown = "unknown",
        /// The recall ended before its file left.
        Withdrawn = "withdrawn",
    }
);

named!(
    RecallFileEvent {
        AttemptRecorded = "attempt recorded",
        ProvedNotSent = "proved not to have left",
        ProvedDelivered = "proved to be there",
        OutcomeLost = "left without proof",
        Withdrawn = "withdrawn",
    }
);

impl RecallFileState {
    pub const TABLE: &'static [Arrow<RecallFileState, RecallFileEvent>] = {
        use RecallFileEvent as E;
        use RecallFileState as S;
        &[
            (S::Released, E::AttemptRecorded, S::Sending),
            (S::Released, E::Withdrawn, S::Withdrawn),
            (S::Sending, E::ProvedNotSent, S::Released),
            (S::Sending, E::ProvedDelivered, S::Delivered),
            (S::Sending, E::OutcomeLost, S::Unknown),
            (S::Unknown, E::ProvedDelivered, S::Delivered),
            (S::Unknown, E::ProvedNotSent, S::Released),
        ]
    };

    pub fn apply(self, event: RecallFileEvent) -> Result<RecallFileState, IllegalTransition> {
        follow("file of a recall", RecallFileState::TABLE, self, event)
    }
}

/// Why a payment is asked back: ISO 20022 external cancellation reasons, with what officers read.
pub const REASON_CODES: [(&str, &str); 10] = [
    ("AC03", "wrong account of the payee / sai tài khoản người nhận"),
    ("AGNT", "wrong bank / sai ngân hàng"),
    ("AM09", "wrong amount / sai số tiền"),
    ("CURR", "wrong currency / sai loại tiền"),
    (
        "CUST",
        "asked for by us or by the payee, such as a death / theo yêu cầu, như người nhận đã chết",
    ),
    ("CUTA", "asked for because it cannot be carried out / không thực hiện được"),
    ("DUPL", "ordered twice / chi trùng"),
    ("FRAD", "fraud / gian lận"),
    ("TECH", "a technical fault made it / do lỗi kỹ thuật"),
    ("UPAY", "not due / không phải khoản phải chi"),
];

/// One payment that is asked back.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Recall {
    pub number: i64,
    pub cycle: CycleNo,
    pub payable: PayableNo,
    pub attempt: AttemptNo,
    /// The file in which the order left.
    pub batch: BatchNo,
    pub provider: String,
    pub amount_minor: i64,
    pub reason_code: String,
    /// Sealed, because it may name people.
    pub reason: Vec<u8>,
    /// Asked by other means than a file.
    pub by_letter: bool,
    pub state: RecallState,
    pub proposed_by: String,
    pub proposed_at: String,
    pub decided_by: Option<String>,
    /// When the partner had the request.
    pub asked_at: Option<String>,
    pub answered_at: Option<String>,
    /// The reason of a refusal, as the partner writes it.
    pub answer_reason: Option<String>,
    /// Of a payment that is asked back with everything of its file: the first of those recalls.
    pub asked_with: Option<i64>,
}

impl Recall {
    /// Under which number its request is kept: its own, or that of the first which is asked with it.
    pub fn request(&self) -> i64 {
        self.asked_with.unwrap_or(self.number)
    }

    /// Whether it stands in a request: two officers want it.
    pub fn is_in_request(&self) -> bool {
        self.decided_by.is_some() && self.state != RecallState::Declined
    }

    /// The name of the request that comes back in its answers.
    pub fn case_id(&self, reference: &EndToEndId) -> String {
        format!("{reference}-R{}", self.number)
    }

    /// The number of the recall in a case id, to be compared with the whole of it afterwards.
    pub fn number_in(case_id: &str) -> Option<i64> {
        let (_, number) = case_id.rsplit_once("-R")?;
        let plain = number.bytes().all(|byte| byte.is_ascii_digit());
        number.parse().ok().filter(|_| plain)
    }
}

/// Which item of an answer moved a recall.
pub type AnsweredBy = (AnswerNo, i64);

/// The file of a recall, or of all recalls that ask back one payment file together.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RecallFile {
    /// The recall, or the first of them.
    pub recall: i64,
    pub provider: String,
    pub format: String,
    /// Never used again, like the name of a payment file.
    pub file_name: String,
    pub message_id: String,
    pub created_at: String,
    pub sha256: String,
    pub bytes: u64,
    pub state: RecallFileState,
    /// What leaves in its place when the partner reads sealed files.
    pub sealed: Option<crate::domain::batch::SealedCopy>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::state::Named as _;

    #[test]
    fn what_is_live_has_an_end_and_what_has_ended_is_not_live() {
        for (name, state) in RecallState::ALL {
            let goes_on = RecallState::TABLE.iter().any(|(from, _, _)| from == state);
            assert!(goes_on || !state.is_live(), "{name} has no end");
        }
    }

    #[test]
    fn a_case_id_is_read_back_by_its_number() {
        for (text, expected) in [
            ("AB010000DP00000619-R12", Some(12)),
            ("AB010000DP00000619-R", None),
            ("AB010000DP00000619", None),
            ("X-R+3", None),
            ("X-R99999999999999999999", None),
            ("", None),
        ] {
            assert_eq!(Recall::number_in(text), expected, "{text}");
        }
    }
}
