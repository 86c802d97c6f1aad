//! What the store asks of a database: values in, values out, one transaction at a time.
//!
//! Two implementations, one story test. A simulator puts itself between to inject faults.

use std::borrow::Cow;

use async_trait::async_trait;

use super::database_url::DatabaseUrlError;

/// One value of a column. The tables use nothing else.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Value {
    Null,
    Int(i64),
    Text(Cow<'static, str>),
    Blob(Vec<u8>),
}

impl From<i64> for Value {
    fn from(number: i64) -> Value {
        Value::Int(number)
    }
}

impl From<Option<i64>> for Value {
    fn from(number: Option<i64>) -> Value {
        number.map_or(Value::Null, Value::Int)
    }
}

impl From<&'static str> for Value {
    fn from(text: &'static str) -> Value {
        Value::Text(Cow::Borrowed(text))
    }
}

impl From<String> for Value {
    fn from(text: String) -> Value {
        Value::Text(Cow::Owned(text))
    }
}

impl From<Option<String>> for Value {
    fn from(text: Option<String>) -> Value {
        text.map_or(Value::Null, Value::from)
    }
}

impl From<Vec<u8>> for Value {
    fn from(bytes: Vec<u8>) -> Value {
        Value::Blob(bytes)
    }
}

/// One row, read by position: parsed on the way out, never trusted.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Row(pub Vec<Value>);

impl Row {
    pub fn int(&self, at: usize) -> Result<i64, StoreError> {
        match self.0.get(at) {
            Some(Value::Int(number)) => Ok(*number),
            _ => Err(StoreError::ColumnMustBe { at, kind: "a number" }),
        }
    }

    pub fn maybe_int(&self, at: usize) -> Result<Option<i64>, StoreError> {
        match self.0.get(at) {
            Some(Value::Null) => Ok(None),
            _ => self.int(at).map(Some),
        }
    }

    pub fn text(&self, at: usize) -> Result<&str, StoreError> {
        match self.0.get(at) {
            Some(Value::Text(text)) => Ok(text),
            _ => Err(StoreError::ColumnMustBe { at, kind: "text" }),
        }
    }

    pub fn maybe_text(&self, at: usize) -> Result<Option<&str>, StoreError> {
        match self.0.get(at) {
            Some(Value::Null) => Ok(None),
            _ => self.text(at).map(Some),
        }
    }

    pub fn blob(&self, at: usize) -> Result<&[u8], StoreError> {
        match self.0.get(at) {
            Some(Value::Blob(bytes)) => Ok(bytes),
            _ => Err(StoreError::ColumnMustBe { at, kind: "bytes" }),
        }
    }

    /// Reads a word that names a state or kind.
    pub fn named<T: crate::domain::state::Named>(&self, at: usize) -> Result<T, StoreError> {
        let word = self.text(at)?;
        T::from_name(word).ok_or_else(|| StoreError::WordMustBeKnown {
            at,
            word: word.chars().take(40).collect(),
        })
    }
}

/// A database that keeps what it acknowledges.
#[async_trait]
pub trait Database: Send + Sync {
    /// `sqlite` or `postgres`: which folder of migrations applies.
    fn dialect(&self) -> Dialect;

    /// Reads outside a transaction.
    async fn query(&self, sql: &'static str, args: &[Value]) -> Result<Vec<Row>, StoreError>;

    /// Begins a transaction that may write. Its future must be awaited to the end: dropping it
    /// half way may leave the connection in a transaction that swallows later writes.
    async fn begin(&self) -> Result<Box<dyn Transaction>, StoreError>;

    /// Looks through the whole database for damage, where the server does not do it at every reading.
    async fn check(&self) -> Result<(), StoreError> {
        Ok(())
    }

    async fn close(&self);
}

/// A transaction that is rolled back unless `commit` returned `Ok`.
#[async_trait]
pub trait Transaction: Send {
    async fn query(&mut self, sql: &'static str, args: &[Value]) -> Result<Vec<Row>, StoreError>;

    /// Runs one statement and tells how many rows it touched.
    async fn execute(
        &mut self,
        sql: Cow<'static, str>,
        args: Vec<Value>,
    ) -> Result<u64, StoreError>;

    /// Runs several statements without arguments, as migrations have them.
    async fn script(&mut self, sql: &'static str) -> Result<(), StoreError>;

    /// Inserts many rows of one table by the fastest way that the database has. The rows should
    /// come in the order of the primary key.
    async fn insert(&mut self, bulk: Bulk) -> Result<(), StoreError>;

    /// After `Ok` the changes are durable. After an error it is not known whether they are, unless
    /// the error is a refusal.
    async fn commit(self: Box<Self>) -> Result<(), StoreError>;
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Dialect {
    Sqlite,
    Postgres,
}

/// Rows for one table, flat, `columns.len()` values a row.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Bulk {
    pub table: &'static str,
    pub columns: &'static [&'static str],
    pub values: Vec<Value>,
}

impl Bulk {
    pub fn row_count(&self) -> usize {
        self.values.len() / self.columns.len()
    }
}

#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error(transparent)]
    UrlMustNameADatabase(#[from] DatabaseUrlError),
    #[error(
        "another command changed the same rows first ({}); this one changed nothing: look, and do it again", rule_told(.rule)
    )]
    Conflict { rule: String },
    #[error(
        "column {at} of a stored row is not {kind}: the database was changed by another program"
    )]
    ColumnMustBe { at: usize, kind: &'static str },
    #[error(
        "column {at} of a stored row has the unknown word `{word}`: the database was written by a newer program or changed by hand"
    )]
    WordMustBeKnown { at: usize, word: String },
    #[error("a stored row is not whole: {0}")]
    RowMustBeWhole(String),
    #[error(
        "the database would not keep what it acknowledges: {setting} is `{actual}`, not `{wanted}`"
    )]
    SettingMustBeDurable { setting: &'static str, actual: String, wanted: &'static str },
    #[error(
        "the database {path} cannot be read ({source}); give this user the right to enter its folder and to \
         read it, with the `-wal` and `-shm` beside it where there are such"
    )]
    MustBeReadable {
        path: String,
        #[source]
        source: sqlx::Error,
    },
    #[error(
        "the database may not be written by this user ({doing}: {source}); run this command as the user to \
         whom the office belongs. Commands that only read (cycle status, explain, hold list, audit verify …) \
         need no more than the right to read"
    )]
    MustBeWritable {
        doing: &'static str,
        #[source]
        source: sqlx::Error,
    },
    #[error("the database was opened to read, and this would write it")]
    OpenedToRead,
    #[error(
        "{path} was written while it was being read; nothing is told of it: run the command again"
    )]
    MustNotBeWrittenMeanwhile { path: String },
    #[error(
        "the tables are older than the program, and this command only reads; bring them up to date with one \
         that writes: chitra audit checkpoint"
    )]
    TablesMustBeUpToDate,
    #[error(
        "the database is damaged ({found}); nothing was changed: stop, keep a copy of it as it is, and put \
         back a backup that is as new as the log"
    )]
    MustBeSound { found: String },
    #[error("migration {name} was changed after it ran, or was made by a newer program")]
    MigrationMustNotChange { name: String },
    #[error("the database did not answer ({doing}): {source}")]
    Database {
        doing: &'static str,
        #[source]
        source: sqlx::Error,
    },
    #[error("the run was stopped here by a fault injector")]
    Injected,
}

impl StoreError {
    /// Sorts a database error: a broken unique index or check is a `Conflict`, the rest is not.
    pub fn of(doing: &'static str, source: sqlx::Error) -> StoreError {
        match &source {
            sqlx::Error::Database(error)
                if error.is_unique_violation() || error.is_check_violation() =>
            {
                StoreError::Conflict {
                    rule: error
                        .constraint()
                        .map_or_else(|| error.message().to_owned(), str::to_owned),
                }
            }
            sqlx::Error::Database(error) if is_damage(error.as_ref()) => {
                StoreError::MustBeSound { found: error.message().to_owned() }
            }
            sqlx::Error::Database(error) if must_not_write(error.as_ref()) => {
                StoreError::MustBeWritable { doing, source }
            }
            _ => StoreError::Database { doing, source },
        }
    }

    pub fn code(&self) -> &'static str {
        match self {
            StoreError::UrlMustNameADatabase(_) => "B101",
            StoreError::Conflict { .. } => "B102",
            StoreError::ColumnMustBe { .. }
            | StoreError::WordMustBeKnown { .. }
            | StoreError::RowMustBeWhole(_) => "B103",
            StoreError::SettingMustBeDurable { .. } => "B104",
            StoreError::MigrationMustNotChange { .. } => "B105",
            StoreError::Database { .. } => "B106",
            StoreError::Injected => "B107",
            StoreError::MustBeReadable { .. } => "B108",
            StoreError::MustBeWritable { .. } | StoreError::OpenedToRead => "B109",
            StoreError::MustNotBeWrittenMeanwhile { .. } => "B110",
            StoreError::TablesMustBeUpToDate => "B111",
            StoreError::MustBeSound { .. } => "B112",
        }
    }
}

/// A broken rule in words: ours are sentences, and the names that databases give to theirs tell an officer
/// nothing.
pub fn rule_told(rule: &str) -> &str {
    match rule.contains(' ') && !rule.contains(" constraint failed") {
        true => rule,
        false => "what it was about to write is there already, or is not so any more",
    }
}

/// Whether a database says that its bytes are not as it wrote them: SQLite's `CORRUPT` and `NOTADB`,
/// PostgreSQL's `data_corrupted` and `index_corrupted`.
fn is_damage(error: &dyn sqlx::error::DatabaseError) -> bool {
    let code = error.code().unwrap_or_default();
    match error.try_downcast_ref::<sqlx::sqlite::SqliteError>() {
        Some(_) => matches!(code.parse::<u32>().map(|code| code & 0xff), Ok(11 | 26)),
        None => matches!(code.as_ref(), "XX001" | "XX002"),
    }
}

/// Whether a database says that it may not be written: SQLite's `READONLY` and `CANTOPEN`, PostgreSQL's
/// `read_only_sql_transaction`.
fn must_not_write(error: &dyn sqlx::error::DatabaseError) -> bool {
    let code = error.code().unwrap_or_default();
    match error.try_downcast_ref::<sqlx::sqlite::SqliteError>() {
        Some(_) => matches!(code.parse::<u32>().map(|code| code & 0xff), Ok(8 | 14)),
        None => code == "25006",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_the_database_are_not_told_to_an_officer() {
        for (rule, is_told) in [
            ("a list moves from the state in which it was read", true),
            ("UNIQUE constraint failed: officer.public_key", false),
            ("CHECK constraint failed: amount_minor > 0", false),
            ("signature_pkey", false),
        ] {
            let told = StoreError::Conflict { rule: rule.to_owned() }.to_string();
            assert_eq!(told.contains(rule), is_told, "{told}");
            assert!(told.ends_with("look, and do it again"), "{told}");
        }
    }
}
