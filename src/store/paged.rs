//! Statements about many rows at once: look up a page of keys, move a page of rows.
//!
//! SQLite walks the list of named parameters for every value that is bound, so its placeholders are
//! nameless; PostgreSQL wants numbers.

use std::fmt::Write as _;
use std::sync::OnceLock;

use super::database::{Dialect, Value};

/// How many rows one multi-row update or look-up names.
pub const PAGE: usize = 200;

/// `update … from v`, where `v` is a page of rows.
#[derive(Clone, Copy, Debug)]
pub struct Many {
    /// Names and types of the columns of `v`.
    pub columns: &'static [(&'static str, &'static str)],
    pub rows: usize,
    pub update: &'static str,
}

impl Many {
    /// `with v (a, b) as (values (cast($1 as bigint), …), …) update …`.
    pub fn sql(&self, dialect: Dialect) -> String {
        let names: Vec<&str> = self.columns.iter().map(|(name, _)| *name).collect();
        let kinds: Vec<&str> = self.columns.iter().map(|(_, kind)| *kind).collect();
        let mut sql = format!("with v ({}) as (values ", names.join(", "));
        write_rows(&mut sql, dialect, &kinds, self.rows);
        sql.push_str(") ");
        sql.push_str(self.update);
        sql
    }
}

/// `select … where (a, b) in (values ($1, $2), …)` for a full page of keys, all of them numbers.
pub fn lookup(dialect: Dialect, select: &str, key: &[&str]) -> String {
    lookup_of(dialect, select, key, "bigint")
}

/// The same for keys that are all texts.
pub fn lookup_texts(dialect: Dialect, select: &str, key: &[&str]) -> String {
    lookup_of(dialect, select, key, "text")
}

fn lookup_of(dialect: Dialect, select: &str, key: &[&str], kind: &str) -> String {
    let mut sql = format!("{select} where ({}) in (values ", key.join(", "));
    write_rows(&mut sql, dialect, &vec![kind; key.len()], PAGE);
    sql.push(')');
    sql
}

/// A look-up of which each database has its own text, made when it is first asked.
pub struct Lookup {
    text: fn(Dialect) -> String,
    sqlite: OnceLock<String>,
    postgres: OnceLock<String>,
}

impl Lookup {
    pub const fn new(text: fn(Dialect) -> String) -> Lookup {
        Lookup { text, sqlite: OnceLock::new(), postgres: OnceLock::new() }
    }

    pub fn sql(&'static self, dialect: Dialect) -> &'static str {
        let made = match dialect {
            Dialect::Sqlite => &self.sqlite,
            Dialect::Postgres => &self.postgres,
        };
        made.get_or_init(|| (self.text)(dialect))
    }
}

/// Fills a page of keys by repeating the last one, so that one statement text serves all pages.
pub fn padded<const N: usize>(keys: impl Iterator<Item = [Value; N]>) -> Vec<Value> {
    let mut args: Vec<Value> = keys.flatten().collect();
    let last = args[args.len().saturating_sub(N)..].to_vec();
    while args.len() < PAGE * N {
        args.extend_from_slice(&last);
    }
    args
}

fn write_rows(sql: &mut String, dialect: Dialect, kinds: &[&str], rows: usize) {
    let mut place = 0;
    for row in 0..rows {
        sql.push_str(if row == 0 { "(" } else { ", (" });
        for (at, kind) in kinds.iter().enumerate() {
            place += 1;
            let comma = if at == 0 { "" } else { ", " };
            match dialect {
                Dialect::Sqlite => write!(sql, "{comma}cast(? as {kind})"),
                Dialect::Postgres => write!(sql, "{comma}cast(${place} as {kind})"),
            }
            .expect("writing to a String cannot fail");
        }
        sql.push(')');
    }
}
