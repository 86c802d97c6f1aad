//! The ways of payables, held against what was written of them: by whom and where money is paid, in which
//! file, and what keeps it. Whoever changes a code makes of a hold that two officers release one that needs
//! one; whoever changes the others makes reports say something else.
//!
//! Reads: the sums of the payables that were read, and those of the log. Gives: differences; one payable by
//! itself where trying finds it, else the cycle and shard.

use std::collections::{BTreeMap, BTreeSet};

use crate::audit::standing::{MoneySum, Standing, to_letters};
use crate::domain::hold::HOLDS;
use crate::domain::ids::{BatchNo, CycleNo, Shard};
use crate::domain::instruction::Instruction;
use crate::domain::payable::Payable;
use crate::domain::province::PROVINCES;
use crate::domain::roster::Channel;
use crate::domain::state::Named;
use crate::engine::{Engine, EngineError};
use crate::report::cycle::shown_reason;
use crate::store::books::{payable_stay_line, payable_way_line};

use super::{Compared, shown};

/// In so many cycles and shards single payables are looked for.
const LOOKED_INTO: usize = 16;
/// So many lines one payable is thought to pay.
const LINES: i64 = 60;

impl Engine {
    /// Compares the ways of all payables that stand with what was written.
    pub(super) async fn ways_stand(
        &self,
        standing: &Standing,
        stands: &BTreeMap<(i64, u8), MoneySum>,
        compared: &mut Compared,
    ) -> Result<(), EngineError> {
        let written = standing.way_sums();
        let keys: BTreeSet<&(i64, u8)> = written.keys().chain(stands.keys()).collect();
        let of =
            |sums: &BTreeMap<(i64, u8), MoneySum>, key| sums.get(key).copied().unwrap_or_default();
        let wrong = keys.into_iter().filter(|key| of(&written, key) != of(stands, key));
        for (at, key) in wrong.enumerate() {
            let (written, stands) = (of(&written, key), of(stands, key));
            if at >= LOOKED_INTO || !self.way_named(*key, written, stands, compared).await? {
                let (cycle, shard) = key;
                compared.differs(
                    "V316",
                    format!("ways of payables of cycle {cycle} in shard {shard}"),
                    format!("{} rows with the sum {}", written.rows, to_letters(written.sum)),
                    format!("{} rows with the sum {}", stands.rows, to_letters(stands.sum)),
                    "channel, provider, province, lines, file or code of payables were changed, or payables added \
                     or taken away, without a command; compare these rows with a backup",
                );
            }
        }
        Ok(())
    }

    /// Names the payable whose way was altered, when it is one: each is thought otherwise until the sum is that
    /// of the log.
    async fn way_named(
        &self,
        (cycle, shard): (i64, u8),
        written: MoneySum,
        stands: MoneySum,
        compared: &mut Compared,
    ) -> Result<bool, EngineError> {
        let Some(shard) = Shard::all().find(|one| one.number() == shard) else { return Ok(false) };
        if written.rows != stands.rows {
            return Ok(false);
        }
        let cycle = CycleNo(cycle);
        let payables = self.store.payables(cycle, shard).await?;
        let orders = self.store.instructions(cycle, shard).await?;
        let files = self.store.batches(cycle).await?;
        let known = Known {
            providers: (self.config.providers.iter().map(|one| one.name.as_str()))
                .chain(files.iter().map(|one| one.provider.as_str()))
                .chain(payables.iter().map(|one| one.provider.as_str()))
                .chain([""])
                .collect(),
            provinces: (PROVINCES.iter().map(|one| one.code))
                .chain(payables.iter().map(|one| one.province.as_str()))
                .chain([""])
                .collect(),
            codes: (HOLDS.iter().map(|one| one.text))
                .chain(payables.iter().map(|one| one.code.as_str()))
                .chain(["", "no reason given"])
                .collect(),
            files: files.iter().map(|one| Some(one.number)).chain([None]).collect(),
        };
        let missing = written.sum.wrapping_sub(stands.sum);
        for one in &payables {
            let stands = self.way_number(one);
            let of_payable = orders.iter().filter(|order| order.payable == one.number);
            for (thought, log, database) in known.otherwise(one, of_payable) {
                if self.way_number(&thought).wrapping_sub(stands) == missing {
                    let why = "the row was changed without a command";
                    compared.differs("V317", format!("payable {}", one.number), log, database, why);
                    return Ok(true);
                }
            }
        }
        Ok(false)
    }

    /// What a payable adds to the sum of its cycle and shard.
    pub(super) fn way_number(&self, one: &Payable) -> u128 {
        let stay = payable_stay_line(one.number, &one.code, one.batch);
        self.keys.line(&payable_way_line(one)).wrapping_add(self.keys.line(&stay))
    }
}

/// What the way of a payable may have been, by what is known elsewhere.
struct Known<'a> {
    providers: BTreeSet<&'a str>,
    provinces: BTreeSet<&'a str>,
    codes: BTreeSet<&'a str>,
    files: Vec<Option<BatchNo>>,
}

impl Known<'_> {
    /// How a payable may have been before somebody changed it, what that says, and what stands.
    fn otherwise<'a>(
        &self,
        one: &Payable,
        orders: impl Iterator<Item = &'a Instruction>,
    ) -> Vec<(Payable, String, String)> {
        let mut found = Vec::new();
        let mut thought = |what: &str, other: Payable, log: &str, stands: &str| {
            let told = |value: &str| format!("{what} {}", shown(value));
            found.push((other, told(log), told(stands)));
        };
        for (name, channel) in Channel::ALL.iter().filter(|(_, other)| *other != one.channel) {
            let other = Payable { channel: *channel, ..one.clone() };
            thought("channel", other, name, &one.channel.to_string());
        }
        for text in self.providers.iter().filter(|other| **other != one.provider) {
            let other = Payable { provider: (*text).to_owned(), ..one.clone() };
            thought("provider", other, text, &one.provider);
        }
        for text in self.provinces.iter().filter(|other| **other != one.province) {
            let other = Payable { province: (*text).to_owned(), ..one.clone() };
            thought("province", other, text, &one.province);
        }
        for lines in (1..=LINES).filter(|other| *other != one.lines) {
            let other = Payable { lines, ..one.clone() };
            thought("lines", other, &lines.to_string(), &one.lines.to_string());
        }
        let reasons: Vec<&str> = orders.filter_map(|one| one.evidence.reason.as_deref()).collect();
        let codes = self.codes.iter().copied().chain(reasons);
        for text in codes.filter(|other| *other != one.code) {
            let other = Payable { code: text.to_owned(), ..one.clone() };
            thought("code", other, told_code(text), told_code(&one.code));
        }
        let told = |file: Option<BatchNo>| file.map_or_else(String::new, |file| file.to_string());
        for file in self.files.iter().filter(|other| **other != one.batch) {
            let other = Payable { batch: *file, ..one.clone() };
            thought("file", other, &told(*file), &told(one.batch));
        }
        found
    }
}

/// A partner's sentence may name somebody: it is compared, and not shown.
fn told_code(code: &str) -> &str {
    match code {
        "" => code,
        _ => shown_reason(code).unwrap_or("a reason in words"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_in_words_is_not_told() {
        for (code, told) in [("", ""), ("H160", "H160"), ("AC04", "AC04")] {
            assert_eq!(told_code(code), told);
        }
        assert_eq!(told_code("Người nhận Nguyễn Thị A đã mất"), "a reason in words");
    }
}
