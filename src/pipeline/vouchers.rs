//! Money that was paid back, or transferred for court orders, found on statements of the account that pays.
//!
//! Reads: what an entry is called, and the vouchers under which officers recorded what came back or left. Gives:
//! the vouchers that it names, and what they add up to. A voucher is found once; what it is called is compared as
//! whole words, without regard to capitals.

use std::collections::{BTreeMap, BTreeSet};

use jiff::ToSpan as _;
use jiff::civil::Date;

use crate::domain::receivable::{Receipt, SeenOn, Voucher};

/// The vouchers that an entry names.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Vouchers {
    /// By the numbers of their receipts or transfers, in their order.
    pub numbers: Vec<i64>,
    pub sum_minor: i64,
    /// Those whose vouchers stood on an entry before.
    pub seen_before: Vec<i64>,
}

/// Vouchers as they are looked for: their references are split into words once, for all entries.
#[derive(Clone, Default, Debug)]
pub struct Sought {
    vouchers: Vec<Voucher>,
    /// Places in `vouchers`, by the words of their references.
    by_words: BTreeMap<Vec<String>, Vec<usize>>,
    /// How many words references have.
    lengths: BTreeSet<usize>,
    /// Places in `vouchers`, by their numbers.
    by_number: BTreeMap<i64, usize>,
}

impl Sought {
    pub fn new(vouchers: Vec<Voucher>) -> Sought {
        let mut sought = Sought::default();
        for (at, one) in vouchers.iter().enumerate() {
            sought.by_number.insert(one.number, at);
            let words = words(&one.reference);
            if !words.is_empty() {
                sought.lengths.insert(words.len());
                sought.by_words.entry(words).or_default().push(at);
            }
        }
        Sought { vouchers, ..sought }
    }

    /// The vouchers whose references stand in what an entry is called.
    pub fn named(&self, names: &[String]) -> Vouchers {
        let mut found: BTreeSet<usize> = BTreeSet::new();
        for name in names {
            let name = words(name);
            // Where the references that stand further in front end at most.
            let mut before = 0;
            for start in 0..name.len() {
                let longest = self.lengths.iter().rev().find_map(|length| {
                    let end = start + length;
                    self.by_words.get(name.get(start..end)?).map(|places| (end, places))
                });
                let Some((end, places)) = longest else { continue };
                // `KB 1` inside of `KB 1 2` is another voucher's name.
                if end > before {
                    found.extend(places);
                    before = end;
                }
            }
        }
        let mut named = Vouchers::default();
        let counted = found.iter().filter_map(|at| self.vouchers.get(*at)).filter(|one| one.counts);
        for voucher in counted {
            match voucher.seen {
                None => {
                    named.numbers.push(voucher.number);
                    named.sum_minor += voucher.amount_minor;
                }
                Some(_) => named.seen_before.push(voucher.number),
            }
        }
        named
    }

    /// That vouchers stand on an entry: each is found once.
    pub fn seen(&mut self, numbers: &[i64], on: SeenOn) {
        for number in numbers {
            let place = self.by_number.get(number);
            if let Some(voucher) = place.and_then(|at| self.vouchers.get_mut(*at)) {
                voucher.seen = Some(on);
            }
        }
    }
}

/// The entry on which the money of a new receipt came in, where that is known: money whose receipt was taken
/// back, under the same voucher, and belongs to no other by now. So it is with a transfer whose money left.
pub fn freed(reference: &str, amount_minor: i64, vouchers: &[Voucher]) -> Option<SeenOn> {
    let compared = Receipt::compared(reference);
    let same = |one: &&Voucher| {
        one.amount_minor == amount_minor && Receipt::compared(&one.reference) == compared
    };
    let of = |counts: bool, on: SeenOn| {
        vouchers
            .iter()
            .filter(same)
            .filter(|one| one.counts == counts && one.seen == Some(on))
            .count()
    };
    let mut taken_back = vouchers.iter().filter(same).filter(|one| !one.counts);
    // As many are taken again as were taken back: a lump may hold two vouchers of one amount.
    taken_back.find_map(|one| one.seen.filter(|on| of(false, *on) > of(true, *on)))
}

/// Vouchers that count, stand on no statement, and should by now: so many days after the money came, or left.
pub fn not_seen(vouchers: &[Voucher], days: i64, today: Date) -> Vec<&Voucher> {
    let is_late = |one: &&Voucher| {
        let due = one.on.checked_add(days.days());
        one.counts && one.seen.is_none() && due.is_ok_and(|due| due < today)
    };
    vouchers.iter().filter(is_late).collect()
}

fn words(text: &str) -> Vec<String> {
    Receipt::compared(text).split(' ').map(str::to_owned).filter(|word| !word.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    const SEEN: SeenOn = SeenOn { statement: 1, entry: 2 };

    fn voucher(number: i64, reference: &str, amount_minor: i64) -> Voucher {
        Voucher {
            number,
            of: 1,
            amount_minor,
            reference: reference.to_owned(),
            on: date(2026, 11, 1),
            counts: true,
            seen: None,
        }
    }

    #[test]
    fn an_entry_names_vouchers_by_whole_words() {
        let vouchers = [
            voucher(1, "PT 12", 100),
            voucher(2, "pt 12 3", 20),
            voucher(3, "KB-7", 3),
            Voucher { seen: Some(SEEN), ..voucher(4, "PT 40", 40) },
            Voucher { counts: false, ..voucher(5, "PT 50", 50) },
            // One voucher for two things that were owed.
            voucher(6, "PT 60", 60),
            voucher(7, "Pt  60", 6),
        ];
        let sought = Sought::new(vouchers.to_vec());
        for (names, numbers, sum_minor, seen_before) in [
            (vec!["nop tra lai theo PT 12"], vec![1], 100, vec![]),
            (vec!["Nop tra lai pt  12 ngay 3"], vec![1], 100, vec![]),
            (vec!["PT 12 3"], vec![2], 20, vec![]),
            (vec!["PT 12 3", "PT 12"], vec![1, 2], 120, vec![]),
            (vec!["PT 12 va PT 12 3 va KB-7"], vec![1, 2, 3], 123, vec![]),
            (vec!["PT 12", "PT 12"], vec![1], 100, vec![]),
            (vec!["PT 123", "XPT 12", "12"], vec![], 0, vec![]),
            // Another voucher's name in front of it, or over its beginning, takes nothing from it.
            (vec!["PT 12 3 PT 12"], vec![1, 2], 120, vec![]),
            (vec!["PT 12 PT 60 PT 12 3"], vec![1, 2, 6, 7], 186, vec![]),
            (vec!["PT 40"], vec![], 0, vec![4]),
            (vec!["PT 50"], vec![], 0, vec![]),
            (vec!["PT 60"], vec![6, 7], 66, vec![]),
            (vec![], vec![], 0, vec![]),
        ] {
            let text: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
            let expected = Vouchers { numbers, sum_minor, seen_before };
            assert_eq!(sought.named(&text), expected, "{names:?}");
        }
    }

    #[test]
    fn a_voucher_is_found_once_and_one_that_lies_across_another_is_found_too() {
        let across = [voucher(1, "A B", 1), voucher(2, "B C", 20), voucher(3, "B", 300)];
        let mut sought = Sought::new(across.to_vec());
        let text = ["a b c".to_owned()];
        assert_eq!(sought.named(&text).numbers, [1, 2]);
        sought.seen(&[2], SEEN);
        let named = sought.named(&text);
        assert_eq!((named.numbers, named.sum_minor, named.seen_before), (vec![1], 1, vec![2]));
    }

    #[test]
    fn a_long_text_against_many_vouchers_is_read_once() {
        // Each word could begin each of them: a comparison of everything with everything ends not today.
        let many: Vec<Voucher> =
            (1..=20_000).map(|at| voucher(at, &format!("PT PT {at}"), 1)).collect();
        let sought = Sought::new(many);
        let text = [format!("{}20000", "PT ".repeat(50_000))];
        assert_eq!(sought.named(&text).numbers, [20_000]);
    }

    #[test]
    fn money_whose_receipt_was_taken_back_is_taken_once_again() {
        let taken_back = |receipt: i64, minor: i64| Voucher {
            counts: false,
            seen: Some(SEEN),
            ..voucher(receipt, "PT 1", minor)
        };
        let again = |receipt: i64| Voucher { seen: Some(SEEN), ..voucher(receipt, "pt 1", 10) };
        for (vouchers, reference, minor, expected) in [
            (vec![taken_back(1, 10)], "PT  1", 10, Some(SEEN)),
            (vec![taken_back(1, 10)], "PT 1", 9, None),
            (vec![taken_back(1, 10)], "PT 2", 10, None),
            (vec![taken_back(1, 10), again(2)], "PT 1", 10, None),
            (vec![taken_back(1, 10), taken_back(2, 10), again(3)], "PT 1", 10, Some(SEEN)),
            (vec![Voucher { seen: None, ..taken_back(1, 10) }], "PT 1", 10, None),
            (vec![again(1)], "PT 1", 10, None),
        ] {
            assert_eq!(freed(reference, minor, &vouchers), expected, "{vouchers:?}");
        }
    }

    #[test]
    fn what_no_statement_has_shown_is_told_after_the_agreed_days() {
        let seen = Voucher { seen: Some(SEEN), ..voucher(2, "PT 2", 1) };
        let void = Voucher { counts: false, ..voucher(3, "PT 3", 1) };
        let vouchers = [voucher(1, "PT 1", 1), seen, void];
        for (days, today, late) in [
            (5, date(2026, 11, 6), vec![]),
            (5, date(2026, 11, 7), vec![1]),
            (0, date(2026, 11, 1), vec![]),
            (0, date(2026, 11, 2), vec![1]),
        ] {
            let found: Vec<i64> =
                not_seen(&vouchers, days, today).iter().map(|one| one.number).collect();
            assert_eq!(found, late, "{days} days, {today}");
        }
    }
}
