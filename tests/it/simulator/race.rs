//! Two processes that order again at once: the second has read everything before the first wrote, and
//! writes after it.

use std::borrow::Cow;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use chitra::domain::cycle::Cycle;
use chitra::domain::ids::Shard;
use chitra::engine::names::Keys;
use chitra::engine::{Engine, EngineError, chunks};
use chitra::store::database::{Bulk, Dialect, Transaction};
use chitra::store::registry::Chunk;
use chitra::store::{Database, Row, StoreError, Value};

use super::months::{Race, Stopped};
use super::world::World;

/// What is added to the numbers of a process that counts for itself.
const OWN_NUMBERS_FROM: i64 = 100;

/// Shard, number, state before, state after, code and batch of a payable that moves, and the code and batch with
/// which it was read.
const VALUES_A_MOVE: u64 = 8;

type Meanwhile = Pin<Box<dyn Future<Output = Result<(), EngineError>> + Send>>;

/// Reissues in two processes. Gives the rule by which the second was refused, if it was.
pub async fn race(
    world: &World,
    first: &Engine,
    database: &Arc<dyn Database>,
    month: &Cycle,
    race: Race,
) -> Result<Option<String>, Stopped> {
    let (engine, cycle) = (first.clone(), month.clone());
    let meanwhile: Meanwhile = Box::pin(async move { engine.reissue(&cycle).await.map(|_| ()) });
    let late = Arc::new(LateDatabase {
        inner: database.clone(),
        meanwhile: Mutex::new(None),
        unguarded: (race == Race::WithoutOtherGuards).then(|| first.keys.clone()),
    });
    let second = world.office(late.clone()).await?;
    *late.meanwhile.lock().expect("nothing panics here") = Some(meanwhile);
    let broken = match second.reissue(month).await {
        Ok(_) => return Ok(None),
        Err(EngineError::Store(StoreError::Conflict { rule })) => rule,
        Err(error) => return Err(error.into()),
    };
    let batches = first.store.batches(month.number).await.map_err(EngineError::from)?;
    if !batches.iter().any(|batch| batch.list.0 > OWN_NUMBERS_FROM) {
        return Ok(Some(broken));
    }
    // Its orders stand. It failed at sealing the list whose number both had read; the next command
    // finds its own list begun, and finishes it.
    first.reissue(month).await?;
    Ok(None)
}

/// A database whose first transaction begins only after another process has done its work.
struct LateDatabase {
    inner: Arc<dyn Database>,
    meanwhile: Mutex<Option<Meanwhile>>,
    /// The keys of a process that lacks every guard but the database's own.
    unguarded: Option<Arc<Keys>>,
}

#[async_trait]
impl Database for LateDatabase {
    fn dialect(&self) -> Dialect {
        self.inner.dialect()
    }

    async fn query(&self, sql: &'static str, args: &[Value]) -> Result<Vec<Row>, StoreError> {
        self.inner.query(sql, args).await
    }

    async fn begin(&self) -> Result<Box<dyn Transaction>, StoreError> {
        let meanwhile = self.meanwhile.lock().expect("nothing panics here").take();
        let is_the_one = meanwhile.is_some();
        if let Some(meanwhile) = meanwhile {
            meanwhile.await.map_err(|error| StoreError::RowMustBeWhole(error.to_string()))?;
        }
        let inner = self.inner.begin().await?;
        match &self.unguarded {
            Some(keys) if is_the_one => {
                Ok(Box::new(UnguardedTransaction { inner, keys: keys.clone() }))
            }
            _ => Ok(inner),
        }
    }

    async fn close(&self) {
        self.inner.close().await;
    }
}

/// Writes a reissue under numbers of its own, and takes every guard for kept.
struct UnguardedTransaction {
    inner: Box<dyn Transaction>,
    keys: Arc<Keys>,
}

#[async_trait]
impl Transaction for UnguardedTransaction {
    async fn query(&mut self, sql: &'static str, args: &[Value]) -> Result<Vec<Row>, StoreError> {
        self.inner.query(sql, args).await
    }

    async fn execute(
        &mut self,
        sql: Cow<'static, str>,
        args: Vec<Value>,
    ) -> Result<u64, StoreError> {
        match sql.contains("update payable set state") {
            // The first process has moved these payables; this one does not look.
            true => Ok(args.len() as u64 / VALUES_A_MOVE),
            false => self.inner.execute(sql, args).await,
        }
    }

    async fn script(&mut self, sql: &'static str) -> Result<(), StoreError> {
        self.inner.script(sql).await
    }

    async fn insert(&mut self, mut bulk: Bulk) -> Result<(), StoreError> {
        let own: &[&str] = match bulk.table {
            "batch" => &["batch_no", "list_no", "file_name", "message_id"],
            "instruction" => &["batch_no", "list_no", "attempt"],
            // A chunk is sealed for its place, so it is sealed anew.
            "chunk" => return self.inner.insert(self.resealed(bulk)?).await,
            // The first process has the payee's new destinations already.
            "destination" => return Ok(()),
            _ => &[],
        };
        let width = bulk.columns.len();
        for (at, value) in bulk.values.iter_mut().enumerate() {
            let column = bulk.columns[at % width];
            if !own.contains(&column) {
                continue;
            }
            *value = match (column, &*value) {
                // Attempts end at 31.
                ("attempt", Value::Int(number)) => Value::Int(number + 1),
                (_, Value::Int(number)) => Value::Int(number + OWN_NUMBERS_FROM),
                // The name of a file begins with the environment for which it was made.
                ("file_name", Value::Text(text)) => Value::from(text.replacen('-', "-X", 1)),
                (_, Value::Text(text)) => Value::from(format!("X{text}")),
                (_, other) => other.clone(),
            };
        }
        self.inner.insert(bulk).await
    }

    async fn commit(self: Box<Self>) -> Result<(), StoreError> {
        self.inner.commit().await
    }
}

impl UnguardedTransaction {
    /// The same chunks in places of their own.
    fn resealed(&self, bulk: Bulk) -> Result<Bulk, StoreError> {
        let broken = |error: EngineError| StoreError::RowMustBeWhole(error.to_string());
        let width = bulk.columns.len();
        let mut values = Vec::with_capacity(bulk.values.len());
        for row in bulk.values.chunks_exact(width) {
            let row = Row(row.to_vec());
            let chunk = Chunk {
                shard: Shard::new(row.int(0)? as u8),
                kind: row.named(1)?,
                owner: row.int(2)?,
                seq: row.int(3)?,
                items: row.int(4)?,
                sha256: row.text(5)?.to_owned(),
                body: row.blob(6)?.to_vec(),
            };
            let plain = chunks::open(&self.keys.chunks, &chunk).map_err(broken)?;
            let seq = chunk.seq + OWN_NUMBERS_FROM;
            let Chunk { shard, kind, owner, items, .. } = chunk;
            let key = &self.keys.chunks;
            let moved =
                chunks::seal(key, shard, kind, owner, seq, items, &plain).map_err(broken)?;
            let mut row = row.0;
            row[3] = Value::Int(seq);
            row[6] = Value::Blob(moved.body);
            values.extend(row);
        }
        Ok(Bulk { values, ..bulk })
    }
}
