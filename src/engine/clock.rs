//! Time as an argument: the engine asks a clock, tests and the demo give one that stands still.

use std::sync::Mutex;

use jiff::civil::{Date, DateTime};

/// Gives the office's present moment.
pub trait Clock: Send + Sync {
    /// The civil date and time of the office, whose offset from UTC is fixed in its configuration.
    fn now(&self) -> DateTime;

    fn today(&self) -> Date {
        self.now().date()
    }
}

/// The machine's clock, at a fixed offset from UTC.
pub struct SystemClock {
    offset_minutes: i64,
}

impl SystemClock {
    pub fn new(offset_minutes: i64) -> SystemClock {
        SystemClock { offset_minutes }
    }
}

impl Clock for SystemClock {
    fn now(&self) -> DateTime {
        let since_epoch = std::time::SystemTime::now()
            .duration_since(std::time::UNIX_EPOCH)
            .map_or(0, |elapsed| elapsed.as_secs() as i64);
        let epoch = DateTime::constant(1970, 1, 1, 0, 0, 0, 0);
        let local = since_epoch + self.offset_minutes * 60;
        epoch.checked_add(jiff::SignedDuration::from_secs(local)).unwrap_or(epoch)
    }
}

/// A clock that stands where it is put.
pub struct FixedClock {
    now: Mutex<DateTime>,
}

impl FixedClock {
    pub fn new(now: DateTime) -> FixedClock {
        FixedClock { now: Mutex::new(now) }
    }

    pub fn set(&self, now: DateTime) {
        *self.now.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = now;
    }
}

impl Clock for FixedClock {
    fn now(&self) -> DateTime {
        *self.now.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

/// `2026-10-23T08:00:00+07:00`: how instants are stored and logged.
pub fn stamp(now: DateTime, offset: &str) -> String {
    format!(
        "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}{offset}",
        now.year(),
        now.month(),
        now.day(),
        now.hour(),
        now.minute(),
        now.second()
    )
}
