//! What an entry of an account books bounds what its payments come to.
//!
//! A detail that names more money than its entry moved is no evidence that the money moved. Details may name
//! less: a bank that books a file as one entry often sends one detail for all of it.

use crate::amount::Currency;
use crate::outcome::{Direction, FileFacts};

/// An entry whose payments come to more than it books, or may do so; or a run of such entries.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct OverstatedEntry {
    /// Its first payment: the ordinal of the outcome in the file, which counts from one.
    pub first: u64,
    /// Its last payment.
    pub last: u64,
    /// None when its payments come to too much by what they say. Otherwise what the entry leaves, in minor units of
    /// its currency, for those of them that do not say their amounts: whether they come to more is for who ordered
    /// them.
    pub left: Option<(i64, Currency)>,
}

/// So many currencies of one entry are summed.
const CURRENCIES_MAX: usize = 8;

/// The payments of an entry that is being read. What stands in another currency than the entry's cannot be held
/// against it, and is for who ordered it.
pub(crate) struct Inside {
    before: u64,
    payments: u64,
    without_amount: u64,
    /// What came and what went, by currency: an entry has one, and its payments hardly more.
    sums: Vec<(Currency, i128, i128)>,
    /// There were more currencies than are summed: nothing can be said of such an entry.
    has_too_many: bool,
}

impl Inside {
    /// An entry that begins after so many outcomes of its file.
    pub fn after(outcomes: u64) -> Inside {
        Inside {
            before: outcomes,
            payments: 0,
            without_amount: 0,
            sums: Vec::new(),
            has_too_many: false,
        }
    }

    pub fn add(&mut self, amount: Option<(i64, Currency)>, direction: Option<Direction>) {
        self.payments += 1;
        let Some((minor, currency)) = amount else {
            self.without_amount += 1;
            return;
        };
        let known = self.sums.iter().position(|(of, ..)| *of == currency);
        if known.is_none() && self.sums.len() < CURRENCIES_MAX {
            self.sums.push((currency, 0, 0));
        }
        let last = self.sums.len() - 1;
        let (of, credit, debit) = &mut self.sums[known.unwrap_or(last)];
        match direction {
            _ if *of != currency => self.has_too_many = true,
            Some(Direction::Debit) => *debit += i128::from(minor),
            Some(Direction::Credit) | None => *credit += i128::from(minor),
        }
    }

    /// Notes the entry when its payments do not fit into what it books.
    pub fn held_against(
        self,
        booked: Option<(i64, Currency)>,
        direction: Option<Direction>,
        facts: &mut FileFacts,
    ) {
        let Some((booked, currency)) = booked.filter(|_| self.payments > 0) else { return };
        let sum = self.sums.iter().find(|(of, ..)| *of == currency);
        let (credit, debit) = sum.map_or((0, 0), |(_, credit, debit)| (*credit, *debit));
        let (own, other) = match direction {
            Some(Direction::Debit) => (debit, credit),
            Some(Direction::Credit) | None => (credit, debit),
        };
        let rest = i128::from(booked) - (own - other);
        let left = match (other, self.without_amount) {
            _ if self.has_too_many => None,
            (0, 0) if rest >= 0 => return,
            (0, 1..) if rest >= 0 => i64::try_from(rest).ok().map(|rest| (rest, currency)),
            // What was netted has to come out at what is booked.
            (1.., 0) if rest == 0 => return,
            _ => None,
        };
        let (first, last) = (self.before + 1, self.before + self.payments);
        match facts.overstated.last_mut() {
            // So that a file of such entries alone is one.
            Some(before) if left.is_none() && before.left.is_none() && before.last + 1 == first => {
                before.last = last;
            }
            _ => facts.overstated.push(OverstatedEntry { first, last, left }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(booked: (i64, Direction), payments: &[(Option<i64>, Direction)], expected: &str) {
        let mut inside = Inside::after(4);
        for (minor, direction) in payments {
            inside.add(minor.map(|minor| (minor, Currency::VND)), Some(*direction));
        }
        let mut facts = FileFacts::default();
        inside.held_against(Some((booked.0, Currency::VND)), Some(booked.1), &mut facts);
        let told = match facts.overstated.as_slice() {
            [] => "fits".to_owned(),
            [OverstatedEntry { first, last, left: None }] => format!("{first} to {last}"),
            [OverstatedEntry { left: Some((left, _)), .. }] => format!("leaves {left}"),
            _ => "twice".to_owned(),
        };
        assert_eq!(told, expected, "{booked:?} {payments:?}");
    }

    #[test]
    fn other_currencies_are_not_held_against_an_entry() {
        let usd = Currency::parse("USD").unwrap();
        let vnd = Currency::VND;
        for (payments, overstated) in [
            (&[(500, vnd), (500, vnd), (1, usd)][..], true),
            (&[(500, vnd), (500, usd)], false),
            (&[(900, usd)], false),
        ] {
            let mut inside = Inside::after(0);
            for amount in payments {
                inside.add(Some(*amount), Some(Direction::Credit));
            }
            let mut facts = FileFacts::default();
            inside.held_against(Some((500, vnd)), Some(Direction::Credit), &mut facts);
            assert_eq!(!facts.overstated.is_empty(), overstated, "{payments:?}");
        }
    }

    #[test]
    fn payments_of_an_entry_come_to_no_more_than_it_books() {
        use Direction::{Credit, Debit};
        check((300, Debit), &[(Some(100), Debit), (Some(200), Debit)], "fits");
        check((300, Debit), &[(Some(100), Debit)], "fits");
        check((300, Debit), &[(Some(100), Debit), (Some(201), Debit)], "5 to 6");
        check((100, Credit), &[(Some(100), Credit), (Some(100), Credit)], "5 to 6");
        // Netted: it comes out, or nothing of it is believed.
        check((95, Credit), &[(Some(100), Credit), (Some(5), Debit)], "fits");
        check((96, Credit), &[(Some(100), Credit), (Some(5), Debit)], "5 to 6");
        check((100, Credit), &[(Some(100), Debit)], "5 to 5");
        check((300, Debit), &[(Some(100), Debit), (None, Debit), (None, Debit)], "leaves 200");
        check((300, Debit), &[(Some(400), Debit), (None, Debit)], "5 to 6");
        check((300, Debit), &[(Some(10), Credit), (None, Debit)], "5 to 6");
    }
}
