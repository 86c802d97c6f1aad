//! What banks, e-wallets, mobile-money operators and paying organisations read and write, as data.
//!
//! A rail is a folder in `formats/`: `format.toml` says what goes out, the other definitions beside
//! it say what comes back. This library compiles the definitions, writes payment files by appending
//! bytes to a stream, and reads answers as a stream of outcomes. It knows no database, no benefit,
//! no clock and no disk: the caller gives text, values and streams.
//!
//! Reads: definitions, [`Batch`] and [`Payment`] values, answers as bytes.
//! Gives: payout files with control totals, and [`Outcome`] values with a place for each.

mod amount;
mod answer;
mod charset;
mod definition;
mod entry_bounds;
mod expression;
mod field;
mod file_writer;
mod in_format;
mod layout;
mod out_format;
mod outcome;
mod payment;
mod read;
mod reason;
mod registry;
mod statement;

pub use amount::{AmountError, Currency, parse_minor};
pub use charset::strip_vietnamese_marks;
pub use definition::{Diagnostic, Severity, check};
pub use entry_bounds::OverstatedEntry;
pub use expression::functions;
pub use field::{FieldInfo, FieldKind, FieldLevel, fields};
pub use file_writer::{FileWriter, Rendered, WriteError};
pub use in_format::InFormat;
pub use out_format::{FieldRefused, FieldRule, OutFormat};
pub use outcome::{Direction, FileFacts, Outcome, OutcomeStatus, Place, Scope};
pub use payment::{
    Address, Bank, Batch, ControlTotals, Environment, OriginalFile, Party, Payment, Recall,
    TotalsError,
};
pub use read::{ReadError, ReadRule};
pub use reason::{ReasonClass, ReasonScheme, reason_class};
pub use registry::{FormatSummary, Formats};
pub use statement::{BalanceKind, Booking, EntryKind, StatementPart};
