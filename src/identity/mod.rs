//! Whether a roster row and a register record are the same person, and what that allows.
//!
//! Pure. Names are folded, fields are graded, and named rules turn grades into a decision that a
//! reviewer, a court or an auditor can read. A score only puts the review queue in order.

pub mod fold;
pub mod grade;
pub mod ladder;
pub mod legacy;
pub mod letters;
pub mod score;
