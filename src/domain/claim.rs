//! A claim: "this has been determined". One per line, unique for ever and across cycles, so that no
//! supplementary, correction or carried-over list can pay it again.

use crate::domain::ids::{CycleNo, EnrolmentNo, PayableNo, PersonNo, Shard};
use crate::domain::period::Period;

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Claim {
    /// The shard of the person to whom the enrolment belongs.
    pub shard: Shard,
    pub period: Period,
    pub enrolment: EnrolmentNo,
    pub person: PersonNo,
    pub programme: String,
    pub benefit: String,
    pub component: String,
    /// 0 for what was first determined; one more for every later difference.
    pub revision: u16,
    pub amount_minor: i64,
    pub cycle: CycleNo,
    /// The payable that pays it; none when a negative group became a receivable.
    pub payable: Option<PayableNo>,
    /// The payable of the list before that left it to this one. None also where a still later list took it
    /// and was given up: whoever wants to know whence a claim comes asks the payables.
    pub carried_from: Option<PayableNo>,
}
