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
    /// None when its payments come to too much by what they say. Otherwise what the entry leaves, in minor units,
    /// for those of them that do not say their amounts: whether they come to more is for who ordered them.
    pub left_minor: Option<i64>,
}

/// The payments of an entry that is being read.
#[derive(Clone, Copy, Default)]
pub(crate) struct Inside {
    before: u64,
    payments: u64,
    without_amount: u64,
    credit: i128,
    debit: i128,
    currency: Option<Currency>,
    has_other_currency: bool,
}

impl Inside {
    /// An entry that begins after so many outcomes of its file.
    pub fn after(outcomes: u64) -> Inside {
        Inside { before: outcomes, ..Inside::default() }
    }

    pub fn add(&mut self, amount: Option<(i64, Currency)>, direction: Option<Direction>) {
        self.payments += 1;
        let Some((minor, currency)) = amount else {
            self.without_amount += 1;
            return;
        };
        self.has_other_currency |= self.currency.is_some_and(|known| known != currency);
        self.currency = Some(currency);
        match direction {
            Some(Direction::Debit) => self.debit += i128::from(minor),
            Some(Direction::Credit) | None => self.credit += i128::from(minor),
        }
    }

    /// Notes the entry when its payments do not fit into what it books. Amounts in another currency than the
    /// entry's cannot be held against it: what they say is for who ordered them.
    pub fn held_against(
        self,
        booked: Option<(i64, Currency)>,
        direction: Option<Direction>,
        facts: &mut FileFacts,
    ) {
        let Some((booked, currency)) = booked.filter(|_| self.payments > 0) else { return };
        if self.has_other_currency || self.currency.is_some_and(|of| of != currency) {
            return;
        }
        let (own, other) = match direction {
            Some(Direction::Debit) => (self.debit, self.credit),
            Some(Direction::Credit) | None => (self.credit, self.debit),
        };
        let left = i128::from(booked) - (own - other);
        let left_minor = match (other, self.without_amount) {
            (0, 0) if left >= 0 => return,
            (0, 1..) if left >= 0 => i64::try_from(left).ok(),
            // What was netted has to come out at what is booked.
            (1.., 0) if left == 0 => return,
            _ => None,
        };
        let (first, last) = (self.before + 1, self.before + self.payments);
        match facts.overstated.last_mut() {
            // So that a file of such entries alone is one.
            Some(before)
                if left_minor.is_none()
                    && before.left_minor.is_none()
                    && before.last + 1 == first =>
            {
                before.last = last;
            }
            _ => facts.overstated.push(OverstatedEntry { first, last, left_minor }),
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
            [OverstatedEntry { first, last, left_minor: None }] => format!("{first} to {last}"),
            [OverstatedEntry { left_minor: Some(left), .. }] => format!("leaves {left}"),
            _ => "twice".to_owned(),
        };
        assert_eq!(told, expected, "{booked:?} {payments:?}");
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
