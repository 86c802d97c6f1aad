//! Carries values between the stages: loads what a step needs, calls the pure stage, commits what it
//! gives with its audit events. Best first read: `compute`, then `assemble`, then `dispatch`.

pub mod error;
pub mod clock;
pub mod config;
pub mod names;
pub mod office;
pub mod programmes;
pub mod progress;
pub mod sequencer;
pub mod chunks;
pub mod named_file;
pub mod import;
pub mod cycle;
pub mod compute;
pub mod assemble;
pub mod payout;
pub mod render;
pub mod acting;
pub mod officers;
pub mod books;
pub mod standing;
pub mod approval;
pub mod hold;
pub mod lease;
pub mod lowered;
pub mod envelope;
mod file_signature;
mod environment;
pub mod calendars;
pub mod halt;
pub mod cash_left;
pub mod fees;
pub mod funds;
pub mod breaker;
pub mod redate;
pub mod stop;
mod stopped_payees;
pub mod heir;
pub mod recall;
pub mod taking_back;
mod absence;
pub mod dispatch;
pub mod send_windows;
pub mod collect;
pub mod overdue;
pub mod statement;
pub mod queue;
pub mod receivable;
mod kept_back;
pub mod court_order;
pub mod court_transfer;
mod kept_for_courts;
pub mod uncollected;
pub mod fate;
pub mod refused;
pub mod reissue;
pub mod paid_otherwise;
pub mod close;
pub mod figures;
pub mod report;
pub mod pay_sheet;
pub mod control_note;
pub mod schedule;
pub mod explain;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

pub use error::EngineError;
pub use programmes::Programmes;

use crate::audit::checkpoint::AuditVerifier;
use crate::audit::log::Log;
use crate::channels::Channel;
use crate::disk::Disk;
use crate::disk::archive::Archive;
use crate::domain::calendar::Calendar;
use crate::engine::clock::{Clock, stamp};
use crate::engine::config::Config;
use crate::engine::names::Keys;
use crate::engine::progress::Progress;
use crate::store::Store;

/// An open office: everything that a command needs. Clock, disk, channels and progress come from
/// outside, so that tests and the simulator put their own in their place.
#[derive(Clone)]
pub struct Engine {
    pub dir: PathBuf,
    pub config: Arc<Config>,
    pub store: Store,
    pub disk: Arc<dyn Disk>,
    pub clock: Arc<dyn Clock>,
    pub keys: Arc<Keys>,
    pub archive: Arc<Archive>,
    pub log: Arc<Mutex<Log>>,
    pub log_verifier: Arc<AuditVerifier>,
    pub programmes: Arc<Programmes>,
    /// Of business days, by name: the program's own, and those of the office's `calendars/`.
    pub calendars: Arc<BTreeMap<String, Calendar>>,
    pub formats: Arc<payment_formats::Formats>,
    /// By the provider's name.
    pub channels: Arc<BTreeMap<String, Arc<dyn Channel>>>,
    pub progress: Arc<dyn Progress>,
    /// Opened by a command that only reads: nothing is written, neither database nor log.
    pub only_reads: bool,
    /// Which host and folder this is, before others that work on the same database.
    pub holder: String,
    /// Where the payments of half-sent files stand in them.
    pub half_sent_files: Arc<send_windows::HalfSentFiles>,
    pub decided_files: Arc<collect::DecidedFiles>,
}

impl Engine {
    /// The present moment as it is stored and logged.
    pub fn stamp(&self) -> String {
        stamp(self.clock.now(), &self.config.utc_offset)
    }
}

/// Runs work that blocks or computes for long beside the event loop.
async fn aside<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, EngineError> + Send + 'static,
) -> Result<T, EngineError> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|error| EngineError::Inconsistent(format!("a step ended early: {error}")))?
}
