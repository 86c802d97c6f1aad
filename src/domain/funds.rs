//! Money that lies at a partner to be paid out: what was made available, and what it gave back.

/// Money that was made available to a partner, or that it gave back.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Funds {
    pub number: i64,
    pub provider: String,
    pub amount_minor: i64,
    /// The day from which the partner may pay with it, `2026-11-02`.
    pub cleared_on: String,
    pub reference: String,
    pub recorded_by: String,
    pub recorded_at: String,
    /// It came back to our account; otherwise it was made available.
    pub is_given_back: bool,
}

impl Funds {
    /// What it adds to what the partner may pay with.
    pub fn added_minor(&self) -> i64 {
        if self.is_given_back { -self.amount_minor } else { self.amount_minor }
    }
}
