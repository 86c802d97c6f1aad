//! Everything the engine remembers.
//!
//! Reads give whole rows parsed into domain types. There is one way to write: a `Changes` is
//! collected and given to `Store::commit`, which applies all of it with its audit events, or
//! nothing. SQLite and PostgreSQL stand behind the small `Database` trait; the SQL text is shared.

pub mod database;
pub mod database_url;
pub mod migrate;
pub mod postgres;
pub mod sqlite;

pub mod answers;
pub mod acknowledgements;
mod paged;
mod several_shards;
pub mod books;
pub mod changes;
pub mod facts;
pub mod cycles;
pub mod leases;
pub mod leaving;
pub mod fires;
pub mod fates;
pub mod heirs;
pub mod outbox;
pub mod claims;
pub mod instructions;
pub mod payables;
pub mod files;
pub mod sums;
pub mod receivables;
pub mod court_orders;
pub mod restored;
pub mod send_windows;
pub mod registry;
pub mod recalls;
pub mod stops;
pub mod statements;

use std::sync::Arc;

use books::Witness;
pub use changes::Changes;
pub use database::{Database, Row, StoreError, Value, rule_told};
pub use database_url::{DatabaseUrl, DatabaseUrlError};

/// The one store of an office. Cheap to clone.
#[derive(Clone)]
pub struct Store {
    database: Arc<dyn Database>,
    /// Tells the log what is written of money and states.
    witness: Option<Arc<dyn Witness>>,
}

impl Store {
    /// Opens the database that the URL names (`sqlite:PATH` or `postgres://…`), checks that it
    /// will keep what it acknowledges, and brings its tables up to date.
    pub async fn open(url: &str) -> Result<Store, StoreError> {
        let database: Arc<dyn Database> = match DatabaseUrl::parse(url)? {
            DatabaseUrl::Sqlite(path) => Arc::new(sqlite::Sqlite::open(&path).await?),
            DatabaseUrl::Postgres(url) => Arc::new(postgres::Postgres::open(&url).await?),
        };
        Store::over(database).await
    }

    /// Opens the database so that nothing can be written. Its tables must be up to date.
    pub async fn open_to_read(url: &str) -> Result<Store, StoreError> {
        let database: Arc<dyn Database> = match DatabaseUrl::parse(url)? {
            DatabaseUrl::Sqlite(path) => Arc::new(sqlite::Sqlite::open_to_read(&path).await?),
            DatabaseUrl::Postgres(url) => Arc::new(postgres::Postgres::open_to_read(&url).await?),
        };
        migrate::must_be_up_to_date(database.as_ref()).await?;
        Ok(Store { database, witness: None })
    }

    /// Puts the store over a database that is already open: a test's, or one that injects faults.
    pub async fn over(database: Arc<dyn Database>) -> Result<Store, StoreError> {
        migrate::migrate(database.as_ref()).await?;
        Ok(Store { database, witness: None })
    }

    /// The same store, of whose writing a witness tells the log.
    pub fn with_witness(self, witness: Arc<dyn Witness>) -> Store {
        Store { witness: Some(witness), ..self }
    }

    /// Applies one step: rows, guarded updates and audit events, or nothing. When a guard does not
    /// hold (a row changed since it was read, a unique index refuses), nothing has happened.
    pub async fn commit(&self, mut changes: Changes) -> Result<(), StoreError> {
        if let Some(witness) = &self.witness {
            changes.witnessed(witness.as_ref())?;
        }
        changes.apply(self.database.as_ref()).await
    }

    async fn query(&self, sql: &'static str, args: &[Value]) -> Result<Vec<Row>, StoreError> {
        self.database.query(sql, args).await
    }

    /// Refuses a database whose bytes are not as they were written.
    pub async fn must_be_sound(&self) -> Result<(), StoreError> {
        self.database.check().await
    }

    pub async fn close(&self) {
        self.database.close().await;
    }
}
