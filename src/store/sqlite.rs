//! SQLite: one file, one writer, durable at every commit.
//!
//! Settings are read back at start, because SQLite keeps silent when it cannot switch to WAL and a
//! default of sqlx (journal `delete`, synchronous `full`) was seen to lose the last acknowledged
//! transaction in a power cut.

use std::borrow::Cow;
use std::str::FromStr;

use async_trait::async_trait;
use sqlx::sqlite::{
    SqliteArguments, SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions,
    SqliteRow, SqliteSynchronous,
};
use sqlx::{Arguments, Row as _, TypeInfo, ValueRef};

use super::database::{Bulk, Database, Dialect, Row, StoreError, Transaction, Value};

/// SQLite takes at most this many bound values in one statement.
const VALUES_MAX: usize = 32_766;
/// Rows in one `insert`; more gained nothing when measured.
const ROWS_MAX: usize = 250;

pub struct Sqlite {
    /// None when it was opened to read.
    writer: Option<SqlitePool>,
    readers: SqlitePool,
    /// Set when it is read as a file that nobody writes.
    still: Option<Still>,
}

impl Sqlite {
    /// Opens or creates the file.
    pub async fn open(path: &str) -> Result<Sqlite, StoreError> {
        let options = SqliteConnectOptions::from_str(&format!("sqlite:{path}"))
            .map_err(|error| StoreError::of("opening SQLite", error))?
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            // Rows cross to another thread; with the default of 50 both are woken all the time.
            .row_buffer_size(4_096)
            .busy_timeout(std::time::Duration::from_secs(30))
            .pragma("trusted_schema", "off")
            .pragma("cell_size_check", "on")
            .pragma("cache_size", "-16384")
            .pragma("temp_store", "memory");
        let pool = |connections: u32, options: SqliteConnectOptions| async move {
            SqlitePoolOptions::new()
                .max_connections(connections)
                .idle_timeout(None)
                .max_lifetime(None)
                .connect_with(options)
                .await
                .map_err(|error| StoreError::of("opening SQLite", error))
        };
        let writer = pool(1, options.clone().pragma("cache_size", "-65536")).await?;
        let readers = pool(4, options).await?;
        let sqlite = Sqlite { writer: Some(writer), readers, still: None };
        for (setting, sql, wanted) in [
            ("journal_mode", "select cast(journal_mode as text) from pragma_journal_mode", "wal"),
            ("synchronous", "select cast(synchronous as text) from pragma_synchronous", "2"),
            ("foreign_keys", "select cast(foreign_keys as text) from pragma_foreign_keys", "1"),
            (
                "trusted_schema",
                "select cast(trusted_schema as text) from pragma_trusted_schema",
                "0",
            ),
        ] {
            for pool in sqlite.writer.iter().chain([&sqlite.readers]) {
                let rows = query(pool, sql, &[]).await?;
                let actual = rows.first().map_or(Ok(""), |row| row.text(0))?.to_owned();
                if actual != wanted {
                    return Err(StoreError::SettingMustBeDurable { setting, actual, wanted });
                }
            }
        }
        Ok(sqlite)
    }

    /// Opens the file to read, for a user who may not write it. SQLite reads a database in WAL mode only
    /// beside its `-wal` and `-shm`, which go when the last writer does and which such a user cannot make:
    /// without them the file is read as one that nobody writes, and every answer is thrown away if
    /// somebody did.
    pub async fn open_to_read(path: &str) -> Result<Sqlite, StoreError> {
        let unreadable = |source| StoreError::MustBeReadable { path: path.to_owned(), source };
        let options = SqliteConnectOptions::from_str(&format!("sqlite:{path}"))
            .map_err(unreadable)?
            .read_only(true)
            .busy_timeout(std::time::Duration::from_secs(30))
            .pragma("trusted_schema", "off")
            .pragma("cell_size_check", "on")
            .pragma("cache_size", "-16384")
            .pragma("temp_store", "memory");
        let open = |options: SqliteConnectOptions| async move {
            let readers = SqlitePoolOptions::new()
                .max_connections(4)
                .idle_timeout(None)
                .max_lifetime(None)
                .connect_with(options)
                .await?;
            sqlx::query("select count(*) from sqlite_schema").fetch_all(&readers).await?;
            Ok::<SqlitePool, sqlx::Error>(readers)
        };
        let refused = match open(options.clone()).await {
            Ok(readers) => return Ok(Sqlite { writer: None, readers, still: None }),
            Err(refused) => refused,
        };
        let Some(still) = Still::look(path) else { return Err(unreadable(refused)) };
        let readers = open(options.immutable(true)).await.map_err(unreadable)?;
        Ok(Sqlite { writer: None, readers, still: Some(still) })
    }
}

/// A database file without a log of writes beside it, as it was when it was opened.
struct Still {
    path: String,
    bytes: u64,
    modified: Option<std::time::SystemTime>,
}

impl Still {
    /// None when there is no such file, or somebody has it open to write.
    fn look(path: &str) -> Option<Still> {
        let file = std::fs::metadata(path).ok()?;
        let nobody_writes = match std::fs::metadata(format!("{path}-wal")) {
            Ok(log) => log.len() == 0,
            Err(error) => error.kind() == std::io::ErrorKind::NotFound,
        };
        nobody_writes.then(|| Still {
            path: path.to_owned(),
            bytes: file.len(),
            modified: file.modified().ok(),
        })
    }

    fn must_be_still(&self) -> Result<(), StoreError> {
        match Still::look(&self.path) {
            Some(now) if (now.bytes, now.modified) == (self.bytes, self.modified) => Ok(()),
            _ => Err(StoreError::MustNotBeWrittenMeanwhile { path: self.path.clone() }),
        }
    }
}

#[async_trait]
impl Database for Sqlite {
    fn dialect(&self) -> Dialect {
        Dialect::Sqlite
    }

    async fn query(&self, sql: &'static str, args: &[Value]) -> Result<Vec<Row>, StoreError> {
        let rows = query(&self.readers, sql, args).await;
        if let Some(still) = &self.still {
            still.must_be_still()?;
        }
        rows
    }

    async fn begin(&self) -> Result<Box<dyn Transaction>, StoreError> {
        let writer = self.writer.as_ref().ok_or(StoreError::OpenedToRead)?;
        // `immediate` takes the write lock at once: a later upgrade fails without waiting.
        let begin = || writer.begin_with("begin immediate");
        let open = match begin().await {
            // SQLite ended the transaction before by itself, as it does on a full disk, and its driver does not
            // know: another connection is not in it.
            Err(sqlx::Error::InvalidSavePointStatement) => {
                let stale = writer.acquire().await;
                let stale = stale.map_err(|error| StoreError::of("beginning", error))?;
                stale.close().await.map_err(|error| StoreError::of("beginning", error))?;
                begin().await
            }
            begun => begun,
        };
        let open = open.map_err(|error| StoreError::of("beginning", error))?;
        Ok(Box::new(SqliteTransaction { open }))
    }

    /// Pages, cells and whether each index has the rows of its table: an index that lost one would let the
    /// same claim or a second live order in.
    async fn check(&self) -> Result<(), StoreError> {
        let told = query(&self.readers, "pragma integrity_check(1)", &[]).await?;
        match told.first().map(|row| row.text(0)).transpose()? {
            Some("ok") => Ok(()),
            found => {
                Err(StoreError::MustBeSound { found: found.unwrap_or("no answer").to_owned() })
            }
        }
    }

    async fn close(&self) {
        self.readers.close().await;
        if let Some(writer) = &self.writer {
            writer.close().await;
        }
    }
}

struct SqliteTransaction {
    open: sqlx::Transaction<'static, sqlx::Sqlite>,
}

#[async_trait]
impl Transaction for SqliteTransaction {
    async fn query(&mut self, sql: &'static str, args: &[Value]) -> Result<Vec<Row>, StoreError> {
        query(&mut *self.open, sql, args).await
    }

    async fn execute(
        &mut self,
        sql: Cow<'static, str>,
        args: Vec<Value>,
    ) -> Result<u64, StoreError> {
        let done = sqlx::query_with(sqlx::AssertSqlSafe(sql), bind(args)?)
            .execute(&mut *self.open)
            .await
            .map_err(|error| StoreError::of("writing", error))?;
        Ok(done.rows_affected())
    }

    async fn script(&mut self, sql: &'static str) -> Result<(), StoreError> {
        sqlx::raw_sql(sql)
            .execute(&mut *self.open)
            .await
            .map_err(|error| StoreError::of("migrating", error))?;
        Ok(())
    }

    async fn insert(&mut self, bulk: Bulk) -> Result<(), StoreError> {
        let width = bulk.columns.len();
        let rows_max = ROWS_MAX.min(VALUES_MAX / width);
        let full = insert_sql(&bulk, rows_max);
        let mut values = bulk.values.into_iter();
        loop {
            let page: Vec<Value> = values.by_ref().take(rows_max * width).collect();
            if page.is_empty() {
                return Ok(());
            }
            let rows = page.len() / width;
            let sql = if rows == rows_max {
                full.clone()
            } else {
                insert_sql(&Bulk { table: bulk.table, columns: bulk.columns, values: vec![] }, rows)
            };
            sqlx::query_with(sqlx::AssertSqlSafe(sql), bind(page)?)
                .execute(&mut *self.open)
                .await
                .map_err(|error| StoreError::of("inserting", error))?;
        }
    }

    async fn commit(self: Box<Self>) -> Result<(), StoreError> {
        self.open.commit().await.map_err(|error| StoreError::of("committing", error))
    }
}

/// `insert into t (a, b) values ($1, $2), ($3, $4) …`: the names come from constants, the values
/// are always bound.
fn insert_sql(bulk: &Bulk, rows: usize) -> String {
    let width = bulk.columns.len();
    let mut sql = format!("insert into {} ({}) values ", bulk.table, bulk.columns.join(", "));
    for row in 0..rows {
        sql.push_str(if row == 0 { "(" } else { ", (" });
        for column in 0..width {
            if column > 0 {
                sql.push_str(", ");
            }
            sql.push('?');
        }
        sql.push(')');
    }
    sql
}

fn bind(args: Vec<Value>) -> Result<SqliteArguments, StoreError> {
    let mut bound = SqliteArguments::default();
    for arg in args {
        match arg {
            Value::Null => bound.add(None::<i64>),
            Value::Int(number) => bound.add(number),
            Value::Text(text) => bound.add(text.into_owned()),
            Value::Blob(bytes) => bound.add(bytes),
        }
        .map_err(|error| StoreError::of("binding", sqlx::Error::Encode(error)))?;
    }
    Ok(bound)
}

async fn query<'e>(
    executor: impl sqlx::Executor<'e, Database = sqlx::Sqlite>,
    sql: &'static str,
    args: &[Value],
) -> Result<Vec<Row>, StoreError> {
    let rows = sqlx::query_with(sql, bind(args.to_vec())?)
        .fetch_all(executor)
        .await
        .map_err(|error| StoreError::of("reading", error))?;
    rows.iter().map(read).collect()
}

fn read(row: &SqliteRow) -> Result<Row, StoreError> {
    let read_as = |at: usize| -> Result<Value, sqlx::Error> {
        let raw = row.try_get_raw(at)?;
        if raw.is_null() {
            return Ok(Value::Null);
        }
        Ok(match raw.type_info().name() {
            "INTEGER" => Value::Int(row.try_get_unchecked(at)?),
            "BLOB" => Value::Blob(row.try_get_unchecked(at)?),
            _ => Value::from(row.try_get_unchecked::<String, _>(at)?),
        })
    };
    (0..row.len())
        .map(|at| read_as(at).map_err(|error| StoreError::of("reading a row", error)))
        .collect::<Result<Vec<Value>, StoreError>>()
        .map(Row)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether a file counts as still after something was done beside or to it.
    #[track_caller]
    fn check(done: impl FnOnce(&std::path::Path), is_still: bool) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("office.db");
        std::fs::write(&path, "rows").unwrap();
        let still = Still::look(&path.display().to_string()).unwrap();
        done(&path);
        assert_eq!(still.must_be_still().is_ok(), is_still);
    }

    #[test]
    fn what_was_written_meanwhile_is_not_told() {
        check(|_| {}, true);
        check(|path| std::fs::write(path.with_file_name("office.db-wal"), "").unwrap(), true);
        check(|path| std::fs::write(path.with_file_name("office.db-wal"), "row").unwrap(), false);
        check(|path| std::fs::write(path, "more rows").unwrap(), false);
        check(|path| std::fs::remove_file(path).unwrap(), false);
    }

    #[test]
    fn a_database_that_somebody_writes_is_not_still() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("office.db");
        assert!(Still::look(&path.display().to_string()).is_none());
        std::fs::write(&path, "rows").unwrap();
        std::fs::write(path.with_file_name("office.db-wal"), "row").unwrap();
        assert!(Still::look(&path.display().to_string()).is_none());
    }
}
