//! The law as data: a programme pack is parsed, type-checked, compiled, asked, and can explain itself.
//!
//! Reads: the texts of a pack's files and questions about people. Gives: a `Pack`, a `LawBook` (the
//! pack as known on a day), amounts by component with the clause that gives them, or holds that
//! name what is missing. Pure: nothing here reads a disk or a clock.

pub mod builtin;
pub mod cases;
pub mod combine;
pub mod compile;
pub mod diagnostic;
pub mod evaluate;
pub mod exact;
pub mod explain;
pub mod expression;
pub mod law;
pub mod pack;
pub mod question;
pub mod rate;
pub mod syntax;
pub mod value;
pub mod written;

pub use builtin::builtin_sources;
pub use compile::{check, compile};
pub use diagnostic::{Diagnostic, Source};
pub use law::LawBook;
pub use pack::{BenefitId, ClauseId, ComponentId, FactRefused, FundId, Pack};
pub use question::{Determined, DobPrecision, EnrolmentCase, ListedBefore, Next, PersonCase, Sex};
pub use value::{FactRow, FactValue, Input};
