//! PostgreSQL: for many hosts. Refuses to start on a server that would not keep what it
//! acknowledges.
//!
//! A `begin` whose future was dropped leaves its connection inside a transaction that swallows the
//! next writes (sqlx 0.9), so every connection that writes is rolled back before it is lent out again, and no
//! time-out of ours is ever put around a transaction: the server's own time-outs do that work. What only
//! reads goes over connections of its own, which begin nothing and on which the server refuses every write: a
//! question is one way to the server and back, where a pool would ask twice whether the connection lives.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::str::FromStr;
use std::sync::Mutex;

use async_trait::async_trait;
use sqlx::postgres::{PgArguments, PgConnectOptions, PgConnection, PgPool, PgPoolOptions, PgRow};
use sqlx::{Arguments, Connection as _, Executor, Row as _, TypeInfo, ValueRef};
use tokio::sync::Semaphore;

use super::database::{Bulk, Database, Dialect, Row, StoreError, Transaction, Value};

/// How much text one `copy` message carries.
const COPY_BYTES: usize = 1 << 20;
/// So many rows go as one `insert`. A `copy` sends its data and its end apart, and sqlx 0.9 leaves Nagle's
/// algorithm on: the end waits for the server's delayed acknowledgement, 40 ms a table.
const ROWS_BY_VALUES: usize = 500;

const READERS: usize = 8;
const WRITERS: u32 = 4;

pub struct Postgres {
    reads: Readers,
    writes: PgPool,
}

/// Connections that only read. One that is in use when its question is given up is closed, and not lent again.
struct Readers {
    options: PgConnectOptions,
    lent: Semaphore,
    idle: Mutex<Vec<PgConnection>>,
}

impl Readers {
    fn new(options: PgConnectOptions) -> Readers {
        Readers { options, lent: Semaphore::new(READERS), idle: Mutex::new(Vec::new()) }
    }

    async fn query(&self, sql: &'static str, args: &[Value]) -> Result<Vec<Row>, StoreError> {
        let failed = |error| StoreError::of("reading", error);
        let lent = self.lent.acquire().await;
        let _lent = lent.map_err(|_| failed(sqlx::Error::PoolClosed))?;
        loop {
            let idle = self.idle.lock().ok().and_then(|mut idle| idle.pop());
            let was_idle = idle.is_some();
            let mut connection = match idle {
                Some(connection) => connection,
                None => PgConnection::connect_with(&self.options)
                    .await
                    .map_err(|error| StoreError::of("connecting to PostgreSQL", error))?,
            };
            let rows = match fetched(&mut connection, sql, args).await {
                Ok(rows) => Ok(rows),
                // The server was started anew, or the network let go of what lay idle. A question may be asked
                // again.
                Err(error) if is_gone(&error) && was_idle => continue,
                Err(error) if is_gone(&error) => return Err(failed(error)),
                Err(error) => Err(failed(error)),
            };
            if let Ok(mut idle) = self.idle.lock() {
                idle.push(connection);
            }
            return rows?.iter().map(read).collect();
        }
    }

    async fn close(&self) {
        self.lent.close();
        let idle = self.idle.lock().map(|mut idle| std::mem::take(&mut *idle)).unwrap_or_default();
        for connection in idle {
            // The server ends the session either way.
            let _ = connection.close().await;
        }
    }
}

/// Whether it is the connection that failed, and not the question.
fn is_gone(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(_) | sqlx::Error::Protocol(_) => true,
        // Shut down, crashed, starting up: class 57P.
        sqlx::Error::Database(error) => error.code().is_some_and(|code| code.starts_with("57P")),
        _ => false,
    }
}

impl Postgres {
    pub async fn open(url: &str) -> Result<Postgres, StoreError> {
        Postgres::open_as(url, "off").await
    }

    /// Opens the database so that the server refuses every write.
    pub async fn open_to_read(url: &str) -> Result<Postgres, StoreError> {
        Postgres::open_as(url, "on").await
    }

    async fn open_as(url: &str, only_reads: &str) -> Result<Postgres, StoreError> {
        let options = PgConnectOptions::from_str(url)
            .map_err(|error| StoreError::of("reading the PostgreSQL URL", error))?
            .application_name("chitra")
            .options([
                ("statement_timeout", "15min"),
                ("lock_timeout", "60s"),
                ("idle_in_transaction_session_timeout", "5min"),
                // The rollback below warns, on every connection that was left in order.
                ("client_min_messages", "error"),
            ]);
        let refusing_writes =
            |refusing| options.clone().options([("default_transaction_read_only", refusing)]);
        let reads = Readers::new(refusing_writes("on"));
        let writes = PgPoolOptions::new()
            .max_connections(WRITERS)
            // The rollback asks whether the connection lives.
            .test_before_acquire(false)
            .before_acquire(|connection, _| {
                Box::pin(async move {
                    connection.execute("rollback").await?;
                    Ok(true)
                })
            })
            .connect_lazy_with(refusing_writes(only_reads));
        let postgres = Postgres { reads, writes };
        for (setting, sql, wanted) in [
            ("fsync", "select current_setting('fsync')", "on"),
            ("synchronous_commit", "select current_setting('synchronous_commit')", "on"),
            ("full_page_writes", "select current_setting('full_page_writes')", "on"),
        ] {
            let rows = postgres.query(sql, &[]).await?;
            let actual = rows.first().map_or(Ok(""), |row| row.text(0))?.to_owned();
            if actual != wanted {
                return Err(StoreError::SettingMustBeDurable { setting, actual, wanted });
            }
        }
        Ok(postgres)
    }
}

#[async_trait]
impl Database for Postgres {
    fn dialect(&self) -> Dialect {
        Dialect::Postgres
    }

    async fn query(&self, sql: &'static str, args: &[Value]) -> Result<Vec<Row>, StoreError> {
        self.reads.query(sql, args).await
    }

    async fn begin(&self) -> Result<Box<dyn Transaction>, StoreError> {
        let open = self.writes.begin().await.map_err(|error| StoreError::of("beginning", error))?;
        Ok(Box::new(PostgresTransaction { open }))
    }

    async fn close(&self) {
        self.reads.close().await;
        self.writes.close().await;
    }
}

struct PostgresTransaction {
    open: sqlx::Transaction<'static, sqlx::Postgres>,
}

#[async_trait]
impl Transaction for PostgresTransaction {
    async fn query(&mut self, sql: &'static str, args: &[Value]) -> Result<Vec<Row>, StoreError> {
        query(&mut *self.open, sql, args).await
    }

    async fn execute(
        &mut self,
        sql: Cow<'static, str>,
        args: Vec<Value>,
    ) -> Result<u64, StoreError> {
        let done = sqlx::query_with(sqlx::AssertSqlSafe(sql), bind(args).map_err(binding)?)
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
        if (1..=ROWS_BY_VALUES).contains(&bulk.row_count()) {
            sqlx::query_with(
                sqlx::AssertSqlSafe(insert_sql(&bulk)),
                bind(bulk.values).map_err(binding)?,
            )
            .persistent(false)
            .execute(&mut *self.open)
            .await
            .map_err(|error| StoreError::of("inserting", error))?;
            return Ok(());
        }
        let width = bulk.columns.len();
        let sql = format!("copy {} ({}) from stdin", bulk.table, bulk.columns.join(", "));
        let failed = |error| StoreError::of("copying rows in", error);
        let mut copy = self.open.copy_in_raw(&sql).await.map_err(failed)?;
        let mut text = String::with_capacity(COPY_BYTES + 4096);
        for row in bulk.values.chunks_exact(width) {
            for (at, value) in row.iter().enumerate() {
                if at > 0 {
                    text.push('\t');
                }
                write_copy(&mut text, value);
            }
            text.push('\n');
            if text.len() >= COPY_BYTES {
                copy.send(text.as_bytes()).await.map_err(failed)?;
                text.clear();
            }
        }
        if !text.is_empty() {
            copy.send(text.as_bytes()).await.map_err(failed)?;
        }
        copy.finish().await.map_err(failed)?;
        Ok(())
    }

    async fn commit(self: Box<Self>) -> Result<(), StoreError> {
        self.open.commit().await.map_err(|error| StoreError::of("committing", error))
    }
}

/// `insert into t (a, b) values ($1, $2), ($3, $4) …`: the names come from constants, the values are bound.
fn insert_sql(bulk: &Bulk) -> String {
    let width = bulk.columns.len();
    let mut sql = format!("insert into {} ({}) values ", bulk.table, bulk.columns.join(", "));
    for at in 0..bulk.values.len() {
        sql.push_str(match (at, at % width) {
            (0, _) => "(",
            (_, 0) => "), (",
            _ => ", ",
        });
        write!(sql, "${}", at + 1).expect("writing to a String cannot fail");
    }
    sql.push(')');
    sql
}

/// Writes one value in the text form of `copy`, in which backslash, tab and line ends are escaped.
fn write_copy(out: &mut String, value: &Value) {
    match value {
        Value::Null => out.push_str("\\N"),
        Value::Int(number) => write!(out, "{number}").expect("writing to a String cannot fail"),
        Value::Text(text) => {
            for letter in text.chars() {
                match letter {
                    '\\' => out.push_str("\\\\"),
                    '\t' => out.push_str("\\t"),
                    '\n' => out.push_str("\\n"),
                    '\r' => out.push_str("\\r"),
                    other => out.push(other),
                }
            }
        }
        Value::Blob(bytes) => {
            const HEX: &[u8; 16] = b"0123456789abcdef";
            out.push_str("\\\\x");
            for byte in bytes {
                out.push(HEX[usize::from(byte >> 4)] as char);
                out.push(HEX[usize::from(byte & 15)] as char);
            }
        }
    }
}

fn bind(args: Vec<Value>) -> Result<PgArguments, sqlx::Error> {
    let mut bound = PgArguments::default();
    for arg in args {
        match arg {
            // A typed null: every nullable column that is bound to null is a number or text, and
            // PostgreSQL takes an untyped text null for both only when it may infer the type.
            Value::Null => bound.add(None::<UntypedNull>),
            Value::Int(number) => bound.add(number),
            Value::Text(text) => bound.add(text.into_owned()),
            Value::Blob(bytes) => bound.add(bytes),
        }
        .map_err(sqlx::Error::Encode)?;
    }
    Ok(bound)
}

fn binding(error: sqlx::Error) -> StoreError {
    StoreError::of("binding", error)
}

/// A null whose type the server infers from where it stands.
struct UntypedNull;

impl sqlx::Type<sqlx::Postgres> for UntypedNull {
    fn type_info() -> sqlx::postgres::PgTypeInfo {
        sqlx::postgres::PgTypeInfo::with_name("unknown")
    }
}

impl sqlx::Encode<'_, sqlx::Postgres> for UntypedNull {
    fn encode_by_ref(
        &self,
        _: &mut sqlx::postgres::PgArgumentBuffer,
    ) -> Result<sqlx::encode::IsNull, sqlx::error::BoxDynError> {
        Ok(sqlx::encode::IsNull::Yes)
    }
}

async fn query<'e>(
    executor: impl sqlx::Executor<'e, Database = sqlx::Postgres>,
    sql: &'static str,
    args: &[Value],
) -> Result<Vec<Row>, StoreError> {
    let rows = fetched(executor, sql, args).await;
    rows.map_err(|error| StoreError::of("reading", error))?.iter().map(read).collect()
}

async fn fetched<'e>(
    executor: impl sqlx::Executor<'e, Database = sqlx::Postgres>,
    sql: &'static str,
    args: &[Value],
) -> Result<Vec<PgRow>, sqlx::Error> {
    sqlx::query_with(sql, bind(args.to_vec())?).fetch_all(executor).await
}

fn read(row: &PgRow) -> Result<Row, StoreError> {
    let read_as = |at: usize| -> Result<Value, sqlx::Error> {
        let raw = row.try_get_raw(at)?;
        if raw.is_null() {
            return Ok(Value::Null);
        }
        Ok(match raw.type_info().name() {
            "INT8" => Value::Int(row.try_get(at)?),
            "INT4" => Value::Int(i64::from(row.try_get::<i32, _>(at)?)),
            "BYTEA" => Value::Blob(row.try_get(at)?),
            _ => Value::from(row.try_get::<String, _>(at)?),
        })
    };
    (0..row.len())
        .map(|at| read_as(at).map_err(|error| StoreError::of("reading a row", error)))
        .collect::<Result<Vec<Value>, StoreError>>()
        .map(Row)
}
