//! Money that was paid back, found on statements of the account that pays.
//!
//! Reads: what an entry is called, and the vouchers under which officers recorded what came back. Gives: the
//! vouchers that it names, and what they add up to. A voucher is found once; what it is called is compared as
//! whole words, without regard to capitals.

use jiff::ToSpan as _;
use jiff::civil::Date;

use crate::domain::receivable::{Receipt, SeenOn, Voucher};

/// The vouchers that an entry names.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Vouchers {
    /// By the numbers of their receipts, in their order.
    pub receipts: Vec<i64>,
    pub sum_minor: i64,
    /// Receipts whose vouchers stood on an entry before.
    pub seen_before: Vec<i64>,
}

/// The vouchers whose references stand in what an entry is called.
pub fn named(names: &[String], vouchers: &[Voucher]) -> Vouchers {
    let references: Vec<Vec<String>> = vouchers.iter().map(|one| words(&one.reference)).collect();
    let mut found = vec![false; vouchers.len()];
    for name in names {
        let name = words(name);
        let mut places: Vec<(usize, usize, usize)> = Vec::new();
        for (at, reference) in references.iter().enumerate() {
            let long = reference.len();
            let starts = name.windows(long.max(1)).enumerate();
            let of = starts.filter(|(_, some)| *some == reference.as_slice());
            places.extend(of.map(|(start, _)| (at, start, start + long)));
        }
        for (at, start, end) in &places {
            // `KB 1` inside of `KB 1 2` is another voucher's name.
            let inside = |(_, from, to): &(usize, usize, usize)| {
                from <= start && end <= to && to - from > end - start
            };
            found[*at] |= !places.iter().any(inside);
        }
    }
    let mut named = Vouchers::default();
    for (voucher, _) in vouchers.iter().zip(&found).filter(|(one, found)| **found && one.counts) {
        match voucher.seen {
            None => {
                named.receipts.push(voucher.receipt);
                named.sum_minor += voucher.amount_minor;
            }
            Some(_) => named.seen_before.push(voucher.receipt),
        }
    }
    named
}

/// The entry on which the money of a new receipt came in, where that is known: money whose receipt was taken
/// back, under the same voucher, and belongs to no other by now.
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

/// Vouchers that count, stand on no statement, and should by now: so many days after the money came.
pub fn not_seen(vouchers: &[Voucher], days: i64, today: Date) -> Vec<&Voucher> {
    let is_late = |one: &&Voucher| {
        let due = one.received_on.checked_add(days.days());
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

    fn voucher(receipt: i64, reference: &str, amount_minor: i64) -> Voucher {
        Voucher {
            receipt,
            receivable: 1,
            amount_minor,
            reference: reference.to_owned(),
            received_on: date(2026, 11, 1),
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
        for (names, receipts, sum_minor, seen_before) in [
            (vec!["nop tra lai theo PT 12"], vec![1], 100, vec![]),
            (vec!["Nop tra lai pt  12 ngay 3"], vec![1], 100, vec![]),
            (vec!["PT 12 3"], vec![2], 20, vec![]),
            (vec!["PT 12 3", "PT 12"], vec![1, 2], 120, vec![]),
            (vec!["PT 12 va PT 12 3 va KB-7"], vec![1, 2, 3], 123, vec![]),
            (vec!["PT 12", "PT 12"], vec![1], 100, vec![]),
            (vec!["PT 123", "XPT 12", "12"], vec![], 0, vec![]),
            (vec!["PT 40"], vec![], 0, vec![4]),
            (vec!["PT 50"], vec![], 0, vec![]),
            (vec!["PT 60"], vec![6, 7], 66, vec![]),
            (vec![], vec![], 0, vec![]),
        ] {
            let text: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
            let expected = Vouchers { receipts, sum_minor, seen_before };
            assert_eq!(named(&text, &vouchers), expected, "{names:?}");
        }
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
                not_seen(&vouchers, days, today).iter().map(|one| one.receipt).collect();
            assert_eq!(found, late, "{days} days, {today}");
        }
    }
}
