//! The database of the machine: it fails at commits where the plan says, and whenever the machine is dead.

use std::borrow::Cow;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use chitra::store::database::{Bulk, Dialect, Transaction};
use chitra::store::{Database, Row, StoreError, Value};

use super::machine::{CommitFault, Machine};

/// What a database does with what it told to be committed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum OnCommits {
    /// As the engine asks for: it is there, whatever happens.
    Keep,
    /// The careless one, which does not sync: a power cut takes what was committed since the last file began to
    /// leave, and that.
    ForgetInAPowerCut,
}

/// The files of a SQLite database that lies at `path`, and where the careless one keeps what a power cut leaves.
fn files(path: &Path) -> [(PathBuf, PathBuf); 2] {
    ["", "-wal"].map(|end| {
        let named = |end: String| path.with_file_name(format!("{}{end}", name(path)));
        (named(end.to_owned()), named(format!("-synced{end}")))
    })
}

fn name(path: &Path) -> String {
    path.file_name().expect("a database is a file").to_string_lossy().into_owned()
}

/// After a power cut, and before anybody opens it: puts back what the careless database had synced.
pub fn forget_what_was_not_synced(path: &Path) {
    for (file, synced) in files(path) {
        if synced.exists() {
            std::fs::rename(synced, file).expect("a folder of ours can be written");
        }
    }
    let shared = path.with_file_name(format!("{}-shm", name(path)));
    // It is made anew from the other two.
    let _ = std::fs::remove_file(shared);
}

/// A database that fails where the plan says, and whenever the machine is dead.
pub struct MachineDatabase {
    pub machine: Machine,
    pub inner: Arc<dyn Database>,
    /// Where a database lies that forgets.
    pub forgets: Option<PathBuf>,
}

#[async_trait]
impl Database for MachineDatabase {
    fn dialect(&self) -> Dialect {
        self.inner.dialect()
    }

    async fn query(&self, sql: &'static str, args: &[Value]) -> Result<Vec<Row>, StoreError> {
        self.machine.alive()?;
        self.inner.query(sql, args).await
    }

    async fn begin(&self) -> Result<Box<dyn Transaction>, StoreError> {
        self.machine.alive()?;
        let inner = self.inner.begin().await?;
        let (machine, forgets) = (self.machine.clone(), self.forgets.clone());
        Ok(Box::new(MachineTransaction { machine, inner, forgets, is_of_a_delivery: false }))
    }

    async fn close(&self) {
        self.inner.close().await;
    }
}

struct MachineTransaction {
    machine: Machine,
    inner: Box<dyn Transaction>,
    forgets: Option<PathBuf>,
    is_of_a_delivery: bool,
}

#[async_trait]
impl Transaction for MachineTransaction {
    async fn query(&mut self, sql: &'static str, args: &[Value]) -> Result<Vec<Row>, StoreError> {
        self.machine.alive()?;
        self.inner.query(sql, args).await
    }

    async fn execute(
        &mut self,
        sql: Cow<'static, str>,
        args: Vec<Value>,
    ) -> Result<u64, StoreError> {
        self.machine.alive()?;
        self.inner.execute(sql, args).await
    }

    async fn script(&mut self, sql: &'static str) -> Result<(), StoreError> {
        self.machine.alive()?;
        self.inner.script(sql).await
    }

    async fn insert(&mut self, bulk: Bulk) -> Result<(), StoreError> {
        self.machine.alive()?;
        self.is_of_a_delivery |= bulk.table == "delivery";
        self.inner.insert(bulk).await
    }

    async fn commit(self: Box<Self>) -> Result<(), StoreError> {
        self.machine.alive()?;
        if let Some(path) = self.forgets.as_deref().filter(|_| self.is_of_a_delivery) {
            for (file, synced) in files(path) {
                std::fs::copy(file, synced).expect("a folder of ours can be written");
            }
        }
        let fault = {
            let mut state = self.machine.state();
            let commit = state.counts.commits;
            state.counts.commits += 1;
            let fault = state.plan.commits.get(&commit).copied();
            if let Some(CommitFault::Before(death)) = fault {
                state.inject(match death {
                    None => "commit: refused, process goes on",
                    Some(_) => "commit: died before",
                });
                state.dead = death;
            }
            fault
        };
        match fault {
            None => self.inner.commit().await,
            Some(CommitFault::Before(_)) => Err(StoreError::Injected),
            Some(CommitFault::After(death)) => {
                self.inner.commit().await?;
                let mut state = self.machine.state();
                state.inject(match death {
                    None => "commit: reply lost, process goes on",
                    Some(_) => "commit: died after",
                });
                state.dead = death;
                Err(StoreError::Injected)
            }
        }
    }
}
