//! The books in the log: what steps write of money and states, in few words.
//!
//! Reads: what a step writes, as the store says it. Gives: entries `rows_written`, in which states stand as
//! words, and money as one sum for each cycle and shard. A line about money stands for a number that only the
//! office's key can make; lines that come are added and lines that go are taken off, so that the sum over the
//! whole log is that of the lines which must stand now, whatever happened in between.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::audit::leaf::{Leaf, LeafBuilder, LeafError};
use crate::audit::standing::{MoneySum, ROWS_WRITTEN, to_letters};
use crate::domain::cycle::CycleState;
use crate::domain::fact::FactKind;
use crate::domain::state::Named;
use crate::engine::clock::{Clock, stamp};
use crate::engine::names::Keys;
use crate::store::books::{Witness, Written};

/// Words in one entry: one of a sum has up to sixty bytes, and an entry 64 KiB.
const WORDS_MAX: usize = 800;

pub struct Books {
    keys: Arc<Keys>,
    clock: Arc<dyn Clock>,
    utc_offset: String,
}

impl Books {
    pub fn new(keys: Arc<Keys>, clock: Arc<dyn Clock>, utc_offset: String) -> Books {
        Books { keys, clock, utc_offset }
    }

    fn told(&self, written: &[Written]) -> Told {
        let mut told = Told::default();
        for one in written {
            match one {
                Written::State { kind, key, state } => {
                    told.states.push(format!("{}:{key}={state}", kind.name()));
                    if *kind == FactKind::Cycle && *state == CycleState::Open.name() {
                        // From here on every claim of the cycle has its line.
                        told.states.push(format!("claims:{key}=told"));
                        // And every payable the line of its way.
                        told.states.push(format!("ways:{key}=told"));
                    }
                }
                Written::Proved(cycle, batch) => {
                    told.states.push(format!("proved:{cycle}/{batch}=delivered"));
                }
                Written::Owed { number, cycle, line, order } => {
                    let order = order.as_deref().map(|order| to_letters(self.keys.line(order)));
                    told.states.push(format!(
                        "owed:{number}={}.{}.{}",
                        to_letters(self.keys.line(line)),
                        cycle.map_or(0, |cycle| cycle.0),
                        order.unwrap_or_else(|| "-".to_owned())
                    ));
                }
                Written::AnswerBegins(answer) => {
                    told.states.push(format!("kept:{answer}=told"));
                }
                Written::Kept { answer, of, line } => {
                    let kept = told.kept.entry((answer.0, of.name())).or_default();
                    kept.add(1, self.keys.line(line));
                }
                Written::NotOwed { order } => {
                    told.states
                        .push(format!("not_owed:{}=gone", to_letters(self.keys.line(order))));
                }
                Written::SetAside { number, is_so } => {
                    let is_so = if *is_so { "yes" } else { "no" };
                    told.states.push(format!("set_aside:{number}={is_so}"));
                }
                Written::Dropped(cycle) => {
                    told.sums.retain(|(of, _), _| *of != cycle.0);
                    told.ways.retain(|(of, _), _| *of != cycle.0);
                    told.claims.retain(|(_, _, by), _| *by != cycle.0);
                    told.dropped.push(cycle.to_string());
                }
                Written::Line { cycle, shard, line, comes, row } => {
                    let money = told.sums.entry((cycle.0, shard.number())).or_default();
                    money.rows += i64::from(*row);
                    money.sum = moved(money.sum, self.keys.line(line), *comes);
                }
                Written::Way { cycle, shard, line, comes, row } => {
                    let ways = told.ways.entry((cycle.0, shard.number())).or_default();
                    ways.rows += i64::from(*row);
                    ways.sum = moved(ways.sum, self.keys.line(line), *comes);
                }
                Written::Claim { cycle, shard, by, line, comes, row } => {
                    let claims = told.claims.entry((cycle.0, shard.number(), by.0)).or_default();
                    let row = i64::from(*row);
                    claims.rows += if *comes { row } else { -row };
                    claims.sum = moved(claims.sum, self.keys.line(line), *comes);
                }
            }
        }
        told
    }
}

fn moved(sum: u128, number: u128, comes: bool) -> u128 {
    match comes {
        true => sum.wrapping_add(number),
        false => sum.wrapping_sub(number),
    }
}

#[derive(Default)]
struct Told {
    states: Vec<String>,
    dropped: Vec<String>,
    sums: BTreeMap<(i64, u8), MoneySum>,
    ways: BTreeMap<(i64, u8), MoneySum>,
    /// By cycle, shard, and the cycle whose computation does it.
    claims: BTreeMap<(i64, u8, i64), MoneySum>,
    /// By answer, and what of it.
    kept: BTreeMap<(i64, &'static str), MoneySum>,
}

impl Told {
    /// States first, then what is forgotten, then sums: the order in which an entry is read.
    fn leaves(&self, at: &str) -> Result<Vec<Vec<u8>>, LeafError> {
        let by_shard = |sums: &BTreeMap<(i64, u8), MoneySum>| -> Vec<String> {
            let words = sums.iter().map(|((cycle, shard), one)| {
                format!("{cycle}/{shard}={}.{}", one.rows, to_letters(one.sum))
            });
            words.collect()
        };
        let (sums, ways) = (by_shard(&self.sums), by_shard(&self.ways));
        let claims: Vec<String> = self
            .claims
            .iter()
            .map(|((cycle, shard, by), claims)| {
                format!("{cycle}/{shard}/{by}={}.{}", claims.rows, to_letters(claims.sum))
            })
            .collect();
        let kept: Vec<String> = self
            .kept
            .iter()
            .map(|((answer, of), kept)| {
                format!("{answer}/{of}={}.{}", kept.rows, to_letters(kept.sum))
            })
            .collect();
        let fields = [
            ("states", &self.states),
            ("dropped", &self.dropped),
            ("sums", &sums),
            ("ways", &ways),
            ("claims", &claims),
            ("kept", &kept),
        ];
        let mut leaves = Vec::new();
        let mut leaf = |field: &str, words: &[String]| -> Result<(), LeafError> {
            for words in words.chunks(WORDS_MAX) {
                let one: LeafBuilder = Leaf::of(ROWS_WRITTEN, at).texts(field, words);
                leaves.push(one.build()?.as_bytes().to_vec());
            }
            Ok(())
        };
        if fields.iter().map(|(_, words)| words.len()).sum::<usize>() <= WORDS_MAX {
            let mut one = Leaf::of(ROWS_WRITTEN, at);
            for (field, words) in fields {
                if !words.is_empty() {
                    one = one.texts(field, words);
                }
            }
            return Ok(vec![one.build()?.as_bytes().to_vec()]);
        }
        for (field, words) in fields {
            leaf(field, words)?;
        }
        Ok(leaves)
    }
}

impl Witness for Books {
    fn leaves(&self, written: &[Written]) -> Result<Vec<Vec<u8>>, String> {
        let at = stamp(self.clock.now(), &self.utc_offset);
        self.told(written).leaves(&at).map_err(|error| error.to_string())
    }
}
