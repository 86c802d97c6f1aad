//! An heir: who is paid what is still due to somebody who has died, named by two officers.

use jiff::civil::Date;

use crate::domain::ids::PersonNo;
use crate::domain::period::Period;
use crate::domain::roster::Channel;
use crate::domain::state::{Arrow, IllegalTransition, follow, named};

named!(
    HeirState {
        /// One officer has named the heir; it changes nothing yet.
        Proposed = "proposed",
        /// Another has confirmed it: the next list pays the heir.
        Confirmed = "confirmed",
        /// It does not count, or no more.
        Withdrawn = "withdrawn",
    }
);

named!(
    HeirEvent {
        Confirmed = "confirmed",
        Withdrawn = "withdrawn",
    }
);

impl HeirState {
    pub const TABLE: &'static [Arrow<HeirState, HeirEvent>] = {
        use HeirEvent as E;
        use HeirState as S;
        &[
            (S::Proposed, E::Confirmed, S::Confirmed),
            (S::Proposed, E::Withdrawn, S::Withdrawn),
            (S::Confirmed, E::Withdrawn, S::Withdrawn),
        ]
    };

    pub fn apply(self, event: HeirEvent) -> Result<HeirState, IllegalTransition> {
        follow("naming of an heir", HeirState::TABLE, self, event)
    }
}

/// One naming of an heir, as it is stored.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct HeirRow {
    pub number: i64,
    /// Who has died.
    pub person: PersonNo,
    /// Sealed: who the heir is, where they are paid, and on which paper it rests.
    pub record: Vec<u8>,
    pub state: HeirState,
    pub proposed_by: String,
    pub proposed_at: String,
    pub confirmed_by: Option<String>,
    pub confirmed_at: Option<String>,
    pub withdrawn_by: Option<String>,
    pub withdrawn_at: Option<String>,
    /// Sealed, because it may name people.
    pub withdrawn_reason: Option<Vec<u8>>,
}

/// What two officers say of an heir.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Heir {
    /// Who has died, as the last list that had money for them named them; empty where none had.
    pub of_name: String,
    pub of_national_id: String,
    /// The day on which the beneficiary died, by the paper.
    pub died_on: Date,
    /// The month of that day: the last one of which something is due.
    pub last_month: Period,
    pub name: String,
    pub national_id: String,
    /// Of the heir to who has died, in the office's words: `con`, `vợ`.
    pub relation: String,
    pub channel: Channel,
    pub provider: String,
    /// The account; of cash the pay point.
    pub account: String,
    pub account_name: String,
    /// The number or name of the paper: an authorisation, an agreement of the heirs, a notary's act.
    pub paper: String,
    pub paper_date: Date,
}
