//! Real faults done to the real program: it is killed, stopped, starved, and its disks, clock and database
//! are taken from it. Afterwards the office must end as one that nobody disturbed. `tests/FAULTS.md` says
//! which test shows what.
//!
//! Each needs something of the machine, and says so when it is not there.

mod clock;
mod limits;
mod payout_file;
mod postgres;
mod power_cut;
mod put_back;
mod full_disks;
