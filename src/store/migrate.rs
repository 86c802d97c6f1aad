//! Brings the tables up to date, each migration once, and notices when one was changed after it ran.

use sha2::{Digest as _, Sha256};

use super::database::{Database, Dialect, Row, StoreError, Value};

struct Migration {
    name: &'static str,
    sqlite: &'static str,
    postgres: &'static str,
}

macro_rules! migration {
    ($name:literal) => {
        Migration {
            name: $name,
            sqlite: include_str!(concat!("../../migrations/sqlite/", $name, ".sql")),
            postgres: include_str!(concat!("../../migrations/postgres/", $name, ".sql")),
        }
    };
}

const MIGRATIONS: &[Migration] = &[
    migration!("0001_registry"),
    migration!("0002_cycles"),
    migration!("0003_payments"),
    migration!("0004_answers"),
    migration!("0005_audit"),
    migration!("0006_overpayments"),
    migration!("0008_sealed_copies"),
    migration!("0010_decisions"),
    migration!("0011_ceilings"),
    migration!("0011_redating"),
    migration!("0012_recoveries"),
    migration!("0013_leases"),
    migration!("0014_refused_answers"),
    migration!("0025_stops"),
    migration!("0026_stopped_orders"),
    migration!("0027_transactions"),
    migration!("0030_restored_files"),
    migration!("0015_dates_of_files"),
    migration!("0009_send_windows"),
    migration!("0015_debits"),
    migration!("0020_acknowledgements"),
    migration!("0021_statements"),
    migration!("0022_funded_entries"),
    migration!("0031_recalls"),
    migration!("0032_told_of_files"),
    migration!("0033_paid_elsewhere"),
    migration!("0034_given_up_in_parts"),
    migration!("0034_set_off"),
    migration!("0035_set_aside"),
    migration!("0037_seen_and_taken_back"),
    migration!("0038_file_signatures"),
    migration!("0039_recalls_of_files"),
    migration!("0040_heirs"),
    migration!("0042_vouchers"),
    migration!("0043_given_back"),
    migration!("0044_windows_overlap"),
    migration!("0041_court_orders"),
    migration!("0045_recall_of_payable"),
    migration!("0046_in_process"),
    migration!("0047_halt_later_cause"),
    migration!("0048_cycle_moves"),
    migration!("0049_told_of_many"),
    migration!("0050_said_of_files"),
    migration!("0051_orders_by_destination"),
    migration!("0052_what_is_kept_for_good"),
];

pub async fn migrate(database: &dyn Database) -> Result<(), StoreError> {
    let mut tx = database.begin().await?;
    tx.execute(
        "create table if not exists migration (name text not null primary key, sha256 text not null)"
            .into(),
        vec![],
    )
    .await?;
    // Touches nothing. SQLite opens a file that may not be written all the same, and says so only now.
    tx.execute("delete from migration where name = ''".into(), vec![]).await?;
    let done = tx.query(RAN, &[]).await?;
    must_be_known(&done, database.dialect())?;
    // By name, not by count: a migration may come to stand between two that have run.
    let mut ran = Vec::new();
    for row in &done {
        ran.push(row.text(0)?);
    }
    for migration in MIGRATIONS.iter().filter(|migration| !ran.contains(&migration.name)) {
        let text = migration.text(database.dialect());
        tx.script(text).await?;
        tx.execute(
            "insert into migration (name, sha256) values ($1, $2)".into(),
            vec![Value::from(migration.name), Value::from(fingerprint(text))],
        )
        .await?;
    }
    tx.commit().await
}

const RAN: &str = "select name, sha256 from migration order by name";

/// Refuses tables that a writing command would change first.
pub async fn must_be_up_to_date(database: &dyn Database) -> Result<(), StoreError> {
    let done = database.query(RAN, &[]).await?;
    must_be_known(&done, database.dialect())?;
    match done.len() == MIGRATIONS.len() {
        true => Ok(()),
        false => Err(StoreError::TablesMustBeUpToDate),
    }
}

fn must_be_known(done: &[Row], dialect: Dialect) -> Result<(), StoreError> {
    for row in done {
        let name = row.text(0)?;
        let known = MIGRATIONS.iter().find(|migration| migration.name == name);
        if known.map(|migration| fingerprint(migration.text(dialect))).as_deref()
            != Some(row.text(1)?)
        {
            return Err(StoreError::MigrationMustNotChange { name: name.to_owned() });
        }
    }
    Ok(())
}

impl Migration {
    fn text(&self, dialect: Dialect) -> &'static str {
        match dialect {
            Dialect::Sqlite => self.sqlite,
            Dialect::Postgres => self.postgres,
        }
    }
}

fn fingerprint(text: &str) -> String {
    Sha256::digest(text.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
}
