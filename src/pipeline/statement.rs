//! What each entry of an account statement is for.
//!
//! Reads: an entry with what its references are in our books, what was ordered in the files it may be for,
//! and what earlier entries took for them and gave back. Gives: what the whole of it is for, or why that
//! cannot be said. An entry is explained whole or not at all: what is left of it would belong to nobody.

use std::collections::BTreeMap;

use crate::domain::money::{Currency, told};
use crate::domain::statement::{DebitBooking, FileKey, ShareKind};
use crate::pipeline::vouchers::Vouchers;

/// A count and money.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Sum {
    pub count: i64,
    pub minor: i64,
}

impl Sum {
    pub fn add(&mut self, count: i64, minor: i64) {
        self.count += count;
        self.minor += minor;
    }
}

/// A file as our books have it, and what statements have said of it so far.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct FileBooks {
    pub file_name: String,
    /// The partner that pays it.
    pub provider: String,
    pub ordered: Sum,
    /// Orders that were not carried out.
    pub rejected: Sum,
    /// Orders whose money was sent back.
    pub returned: Sum,
    /// What entries took for it; positive.
    pub debited: Sum,
    /// What entries gave back of it.
    pub back: Sum,
}

impl FileBooks {
    /// What the provider still has and, by our books, should give back.
    fn to_come_back(&self) -> Sum {
        let kept = |ordered: i64, rejected: i64, returned: i64| ordered - rejected - returned;
        Sum {
            count: self.debited.count
                - self.back.count
                - kept(self.ordered.count, self.rejected.count, self.returned.count),
            minor: self.debited.minor
                - self.back.minor
                - kept(self.ordered.minor, self.rejected.minor, self.returned.minor),
        }
    }
}

/// A booked entry.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Entry {
    /// From the account's side: a debit is negative.
    pub minor: i64,
    /// A fee or tax, by its transaction code.
    pub charge: Option<ShareKind>,
    pub is_reversal: bool,
    /// Payments of ours that its details name, by file; their money has the sign of the detail.
    pub named: BTreeMap<FileKey, Sum>,
    /// Fees and taxes among its details.
    pub charges: BTreeMap<ShareKind, i64>,
    /// Details that name no payment of ours, or one with another amount.
    pub strange: i64,
    /// The file whose reference stands on it.
    pub file: Option<FileKey>,
    /// A reference to a file stands on it, and it is none of ours.
    pub foreign_file: bool,
    /// Money that an officer had recorded as available, drawn or given back has its amount and its reference.
    pub is_funded: bool,
    /// The vouchers of money paid back that it names.
    pub vouchers: Vouchers,
    /// The vouchers of money transferred for court orders that it names.
    pub transfers: Vouchers,
    /// Where no reference stands: the files that have its amount and that nothing debited yet.
    pub fitting: Vec<FileKey>,
}

/// What a part of an entry is for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Explained {
    pub kind: ShareKind,
    pub file: Option<FileKey>,
    pub payments: i64,
    pub minor: i64,
}

/// What the entry is for; otherwise a sentence that says why that is not known.
pub fn explain(
    entry: &Entry,
    books: &BTreeMap<FileKey, FileBooks>,
    agreed: Option<DebitBooking>,
    currency: Currency,
) -> Result<Vec<Explained>, String> {
    let money = |minor: i64| told(i128::from(minor), currency);
    if let Some(kind) = entry.charge {
        return Ok(vec![Explained { kind, file: None, payments: 0, minor: entry.minor }]);
    }
    let kind = match (entry.is_reversal, entry.minor < 0) {
        (true, _) => ShareKind::Reversal,
        (false, true) => ShareKind::Debit,
        (false, false) => ShareKind::Return,
    };
    if !entry.named.is_empty() {
        return explain_named(entry, kind, books, agreed, currency);
    }
    let Some(key) = entry.file else {
        return explain_without_reference(entry, kind, books, agreed, currency);
    };
    let Some(file) = books.get(&key) else {
        return Err("the file on it is not in our books".to_owned());
    };
    let whole =
        |payments: i64| Ok(vec![Explained { kind, file: Some(key), payments, minor: entry.minor }]);
    let name = &file.file_name;
    let carried_out = file.ordered.minor - file.rejected.minor;
    match kind {
        ShareKind::Debit => {
            let taken = -entry.minor;
            if agreed == Some(DebitBooking::Single) && file.ordered.count > 1 {
                return Err(format!("one entry for {name}; agreed is one for each payment"));
            }
            let held = file.debited.minor - file.back.minor;
            if held > 0 {
                return Err(format!(
                    "{} were taken for {name} before; this would be taken twice",
                    money(held)
                ));
            }
            match taken {
                taken if taken == file.ordered.minor => whole(file.ordered.count),
                taken if taken == carried_out => whole(file.ordered.count - file.rejected.count),
                taken => Err(format!(
                    "{} were taken for {name}, which orders {}, of which {} were rejected",
                    money(taken),
                    money(file.ordered.minor),
                    money(file.rejected.minor)
                )),
            }
        }
        ShareKind::Reversal if entry.minor > 0 => {
            let held = file.debited.minor - file.back.minor;
            match entry.minor == held {
                true => whole(file.debited.count - file.back.count),
                false => Err(format!(
                    "{} are undone of {name}, for which {} were taken and not given back",
                    money(entry.minor),
                    money(held)
                )),
            }
        }
        ShareKind::Return => {
            let due = file.to_come_back();
            match entry.minor == due.minor {
                true => whole(due.count),
                false if due.minor <= 0 => Err(format!(
                    "{} came back of {name}; by our books nothing should",
                    money(entry.minor)
                )),
                false => Err(format!(
                    "{} came back of {name}; by our books {} should",
                    money(entry.minor),
                    money(due.minor)
                )),
            }
        }
        _ => Err(format!("money that had come back of {name} was taken again")),
    }
}

/// An entry whose details name payments of ours: one, or a lump of many.
fn explain_named(
    entry: &Entry,
    kind: ShareKind,
    books: &BTreeMap<FileKey, FileBooks>,
    agreed: Option<DebitBooking>,
    currency: Currency,
) -> Result<Vec<Explained>, String> {
    let money = |minor: i64| told(i128::from(minor), currency);
    let payments: i64 = entry.named.values().map(|sum| sum.count).sum();
    if entry.strange > 0 {
        return Err(format!(
            "{} of its {} payments are none of ours, or have another amount",
            entry.strange,
            entry.strange + payments
        ));
    }
    let sum = entry.named.values().map(|sum| sum.minor).sum::<i64>()
        + entry.charges.values().sum::<i64>();
    if sum != entry.minor {
        return Err(format!(
            "its parts add up to {} and not to {}",
            money(sum),
            money(entry.minor)
        ));
    }
    // What an officer has recorded as given back is counted there, and no second time as a return of its files.
    if kind == ShareKind::Return && entry.is_funded {
        let minor = entry.minor;
        return Ok(vec![Explained { kind: ShareKind::Funds, file: None, payments: 0, minor }]);
    }
    if kind == ShareKind::Debit && agreed == Some(DebitBooking::Single) && payments > 1 {
        return Err(format!("one entry for {payments} payments; agreed is one for each"));
    }
    for (key, sum) in &entry.named {
        let Some(file) = books.get(key) else {
            return Err("a file of its payments is not in our books".to_owned());
        };
        if kind == ShareKind::Debit
            && agreed == Some(DebitBooking::Bulk)
            && sum.count < file.ordered.count - file.rejected.count
        {
            return Err(format!(
                "{} payments of {} are taken by themselves; agreed is one entry for the file",
                sum.count, file.file_name
            ));
        }
        let held = file.debited.minor - file.back.minor;
        if kind == ShareKind::Debit && held - sum.minor > file.ordered.minor {
            return Err(format!(
                "{} were taken for {} before, which orders {}; this would be taken twice",
                money(held),
                file.file_name,
                money(file.ordered.minor)
            ));
        }
    }
    let files = entry.named.iter().map(|(key, sum)| Explained {
        kind,
        file: Some(*key),
        payments: sum.count,
        minor: sum.minor,
    });
    let charges = entry.charges.iter().map(|(kind, minor)| Explained {
        kind: *kind,
        file: None,
        payments: 0,
        minor: *minor,
    });
    Ok(files.chain(charges).collect())
}

/// What an entry of vouchers is, what each stands for, and what the money did.
type OfVouchers = (ShareKind, &'static str, &'static str);

const PAID_BACK: OfVouchers = (ShareKind::Receipt, "receipt", "came in");
const TRANSFERRED: OfVouchers = (ShareKind::Transfer, "transfer", "left");

/// An entry that names vouchers of money paid back, or transferred: all of it is theirs, or nothing is said of it.
fn explain_vouchers(
    minor: i64,
    named: &Vouchers,
    (kind, noun, moved): OfVouchers,
    currency: Currency,
) -> Result<Vec<Explained>, String> {
    let Vouchers { numbers, sum_minor, seen_before } = named;
    let told_as = |some: &[i64]| some.iter().map(i64::to_string).collect::<Vec<_>>().join(", ");
    if numbers.is_empty() {
        return Err(format!(
            "it names the voucher of {noun} {}, which was seen on a statement before",
            told_as(seen_before)
        ));
    }
    if *sum_minor != minor.saturating_abs() {
        let money = |minor: i64| told(i128::from(minor), currency);
        return Err(format!(
            "it names the voucher of {noun} {}, recorded with {}, and {} {moved}",
            told_as(numbers),
            money(*sum_minor),
            money(minor.saturating_abs())
        ));
    }
    Ok(vec![Explained { kind, file: None, payments: 0, minor }])
}

fn explain_without_reference(
    entry: &Entry,
    kind: ShareKind,
    books: &BTreeMap<FileKey, FileBooks>,
    agreed: Option<DebitBooking>,
    currency: Currency,
) -> Result<Vec<Explained>, String> {
    if kind != ShareKind::Reversal && entry.is_funded {
        let minor = entry.minor;
        return Ok(vec![Explained { kind: ShareKind::Funds, file: None, payments: 0, minor }]);
    }
    if kind == ShareKind::Return && entry.vouchers != Vouchers::default() {
        return explain_vouchers(entry.minor, &entry.vouchers, PAID_BACK, currency);
    }
    // A file that has its amount says less than a voucher.
    if kind == ShareKind::Debit && entry.transfers != Vouchers::default() {
        let told = explain_vouchers(entry.minor, &entry.transfers, TRANSFERRED, currency);
        // A short voucher may stand in any text: what it does not explain may be the debit of a file.
        if told.is_ok() || entry.fitting.is_empty() {
            return told;
        }
    }
    if entry.foreign_file {
        return Err("the file on it is none of ours".to_owned());
    }
    if kind != ShareKind::Debit || agreed == Some(DebitBooking::Single) || entry.strange > 1 {
        return Err("no reference of ours stands on it".to_owned());
    }
    match entry.fitting.as_slice() {
        [] => Err("no reference of ours stands on it, and no file has its amount".to_owned()),
        [only] => Ok(vec![Explained {
            kind,
            file: Some(*only),
            payments: books.get(only).map_or(0, |file| file.ordered.count),
            minor: entry.minor,
        }]),
        several => {
            let names: Vec<&str> = several
                .iter()
                .filter_map(|key| books.get(key))
                .map(|file| file.file_name.as_str())
                .collect();
            Err(format!(
                "no reference of ours stands on it, and it may be for: {}",
                names.join(", ")
            ))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ids::{BatchNo, CycleNo};

    const A: FileKey = (CycleNo(1), BatchNo(1));
    const B: FileKey = (CycleNo(1), BatchNo(2));

    fn sum(count: i64, minor: i64) -> Sum {
        Sum { count, minor }
    }

    /// Two files of ten payments and 1000; of A two were rejected and one came back.
    fn books(debited: i64, back: i64) -> BTreeMap<FileKey, FileBooks> {
        let file = |name: &str, debited: i64, back: i64| FileBooks {
            file_name: name.to_owned(),
            ordered: sum(10, 1000),
            debited: sum(debited / 100, debited),
            back: sum(back / 100, back),
            ..FileBooks::default()
        };
        let a =
            FileBooks { rejected: sum(2, 200), returned: sum(1, 100), ..file("A", debited, back) };
        BTreeMap::from([(A, a), (B, file("B", 0, 0))])
    }

    /// `debit 1/1 10 -1000`, part by part; otherwise the beginning of the sentence.
    fn shown(
        entry: &Entry,
        books: &BTreeMap<FileKey, FileBooks>,
        agreed: Option<DebitBooking>,
    ) -> String {
        match explain(entry, books, agreed, Currency::VND) {
            Err(why) => why,
            Ok(parts) => {
                let part = |one: &Explained| {
                    let file = one
                        .file
                        .map_or("-".to_owned(), |(cycle, batch)| format!("{cycle}/{batch}"));
                    format!("{} {file} {} {}", one.kind, one.payments, one.minor)
                };
                parts.iter().map(part).collect::<Vec<_>>().join(", ")
            }
        }
    }

    #[track_caller]
    fn check(
        entry: Entry,
        books: &BTreeMap<FileKey, FileBooks>,
        agreed: Option<DebitBooking>,
        expected: &str,
    ) {
        let found = shown(&entry, books, agreed);
        assert!(found.starts_with(expected), "{entry:?}: {found}");
    }

    #[test]
    fn an_entry_that_names_a_file_is_its_debit_or_what_comes_back_of_it() {
        use DebitBooking::{Bulk, Single};
        let of_file = |minor: i64| Entry { minor, file: Some(A), ..Entry::default() };
        let undone = |minor: i64| Entry { is_reversal: true, ..of_file(minor) };
        for (entry, debited, back, agreed, expected) in [
            (of_file(-1000), 0, 0, None, "debit 1/1 10 -1000"),
            (of_file(-1000), 0, 0, Some(Bulk), "debit 1/1 10 -1000"),
            (of_file(-1000), 0, 0, Some(Single), "one entry for A"),
            // The provider took only what it could carry out.
            (of_file(-800), 0, 0, None, "debit 1/1 8 -800"),
            (of_file(-900), 0, 0, None, "900 VND were taken for A, which orders 1.000 VND"),
            (of_file(-1000), 1000, 0, None, "1.000 VND were taken for A before"),
            // Everything was taken: the rejected two and the returned one come back as a lump.
            (of_file(300), 1000, 0, None, "return 1/1 3 300"),
            (of_file(100), 1000, 200, None, "return 1/1 1 100"),
            (of_file(100), 800, 0, None, "return 1/1 1 100"),
            (of_file(250), 1000, 0, None, "250 VND came back of A; by our books 300 VND"),
            (of_file(250), 0, 0, None, "250 VND came back of A; by our books nothing should"),
            (undone(1000), 1000, 0, None, "reversal 1/1 10 1000"),
            (undone(500), 1000, 0, None, "500 VND are undone of A"),
            (undone(-100), 1000, 100, None, "money that had come back"),
        ] {
            check(entry, &books(debited, back), agreed, expected);
        }
    }

    #[test]
    fn an_entry_that_names_payments_is_explained_when_all_of_it_adds_up() {
        use DebitBooking::{Bulk, Single};
        let of = |minor: i64, named: &[(FileKey, i64, i64)]| Entry {
            minor,
            named: named.iter().map(|(key, count, minor)| (*key, sum(*count, *minor))).collect(),
            ..Entry::default()
        };
        let strange = Entry { strange: 1, ..of(200, &[(A, 1, 100)]) };
        let funded = |entry: Entry| Entry { is_funded: true, ..entry };
        let with_fee =
            Entry { charges: BTreeMap::from([(ShareKind::Fee, -5)]), ..of(95, &[(A, 1, 100)]) };
        let fresh = books(0, 0);
        for (entry, agreed, expected) in [
            (of(-100, &[(A, 1, -100)]), None, "debit 1/1 1 -100"),
            (of(-100, &[(A, 1, -100)]), Some(Single), "debit 1/1 1 -100"),
            (of(-100, &[(A, 1, -100)]), Some(Bulk), "1 payments of A are taken by themselves"),
            (of(-800, &[(A, 8, -800)]), Some(Bulk), "debit 1/1 8 -800"),
            (of(-200, &[(A, 2, -200)]), Some(Single), "one entry for 2 payments"),
            // One lump credit is many returns, of two files.
            (of(300, &[(A, 1, 100), (B, 2, 200)]), None, "return 1/1 1 100, return 1/2 2 200"),
            (
                of(299, &[(A, 1, 100), (B, 2, 200)]),
                None,
                "its parts add up to 300 VND and not to 299",
            ),
            (strange, None, "1 of its 2 payments are none of ours"),
            (with_fee, None, "return 1/1 1 100, fee - 0 -5"),
            // Recorded as given back by an organisation that pays cash.
            (funded(of(100, &[(A, 1, 100)])), None, "funds - 0 100"),
            (funded(of(99, &[(A, 1, 100)])), None, "its parts add up to 100 VND and not to 99"),
            (funded(of(-100, &[(A, 1, -100)])), None, "debit 1/1 1 -100"),
        ] {
            check(entry, &fresh, agreed, expected);
        }
        check(
            of(-100, &[(A, 1, -100)]),
            &books(1000, 0),
            None,
            "1.000 VND were taken for A before",
        );
        // What came back may be taken again.
        check(of(-100, &[(A, 1, -100)]), &books(1000, 100), None, "debit 1/1 1 -100");
    }

    #[test]
    fn an_entry_without_a_reference_is_a_fee_the_only_file_that_fits_or_unexplained() {
        let plain = |minor: i64, fitting: &[FileKey]| Entry {
            minor,
            fitting: fitting.to_vec(),
            ..Entry::default()
        };
        let fee = Entry { charge: Some(ShareKind::Fee), ..plain(-5, &[]) };
        let tax = Entry { charge: Some(ShareKind::Tax), ..plain(1, &[]) };
        let funds = Entry { is_funded: true, ..plain(1000, &[]) };
        // Drawn for an organisation that pays cash, whatever file has the same amount.
        let drawn = Entry { is_funded: true, ..plain(-1000, &[B]) };
        let undone_draw = Entry { is_reversal: true, is_funded: true, ..plain(1000, &[]) };
        let foreign = Entry { foreign_file: true, ..plain(-1000, &[A]) };
        for (entry, agreed, expected) in [
            (fee, None, "fee - 0 -5"),
            (tax, None, "tax - 0 1"),
            (plain(-1000, &[B]), None, "debit 1/2 10 -1000"),
            (plain(-1000, &[B]), Some(DebitBooking::Single), "no reference of ours stands on it"),
            (
                plain(-1000, &[A, B]),
                None,
                "no reference of ours stands on it, and it may be for: A, B",
            ),
            (
                plain(-999, &[]),
                None,
                "no reference of ours stands on it, and no file has its amount",
            ),
            (plain(1000, &[B]), None, "no reference of ours stands on it"),
            (funds, None, "funds - 0 1000"),
            (drawn, None, "funds - 0 -1000"),
            (undone_draw, None, "no reference of ours stands on it"),
            (foreign, None, "the file on it is none of ours"),
        ] {
            check(entry, &books(0, 0), agreed, expected);
        }
    }

    #[test]
    fn a_credit_that_names_vouchers_is_theirs_when_they_add_up_to_it() {
        let named = |minor: i64, receipts: &[i64], sum_minor: i64, seen_before: &[i64]| Entry {
            minor,
            vouchers: Vouchers {
                numbers: receipts.to_vec(),
                sum_minor,
                seen_before: seen_before.to_vec(),
            },
            ..Entry::default()
        };
        let funds = Entry { is_funded: true, ..named(100, &[1], 100, &[]) };
        let undone = Entry { is_reversal: true, ..named(100, &[1], 100, &[]) };
        let of_file = Entry { file: Some(A), ..named(300, &[1], 300, &[]) };
        for (entry, expected) in [
            (named(100, &[1], 100, &[]), "receipt - 0 100"),
            // Several vouchers in one lump.
            (named(350, &[1, 2], 350, &[]), "receipt - 0 350"),
            (
                named(90, &[1], 100, &[]),
                "it names the voucher of receipt 1, recorded with 100 VND, and 90 VND came in",
            ),
            (
                named(350, &[1, 2, 3], 400, &[]),
                "it names the voucher of receipt 1, 2, 3, recorded with 400 VND, and 350 VND",
            ),
            (
                named(100, &[], 0, &[4]),
                "it names the voucher of receipt 4, which was seen on a statement before",
            ),
            // What is new on it adds up, whatever else it names.
            (named(100, &[1], 100, &[4]), "receipt - 0 100"),
            (named(-100, &[1], 100, &[]), "no reference of ours stands on it"),
            (undone, "no reference of ours stands on it"),
            (funds, "funds - 0 100"),
            // A file of ours says more than a text.
            (of_file, "return 1/1 3 300"),
        ] {
            check(entry, &books(1000, 0), None, expected);
        }
    }

    #[test]
    fn a_debit_that_names_vouchers_of_transfers_is_theirs_when_they_add_up_to_it() {
        let named = |minor: i64, transfers: &[i64], sum_minor: i64, seen_before: &[i64]| Entry {
            minor,
            transfers: Vouchers {
                numbers: transfers.to_vec(),
                sum_minor,
                seen_before: seen_before.to_vec(),
            },
            ..Entry::default()
        };
        let fits = Entry { fitting: vec![B], ..named(-1000, &[1], 1000, &[]) };
        let foreign = Entry { foreign_file: true, ..named(-100, &[1], 100, &[]) };
        let undone = Entry { is_reversal: true, ..named(-100, &[1], 100, &[]) };
        for (entry, expected) in [
            (named(-100, &[1], 100, &[]), "transfer - 0 -100"),
            (named(-350, &[1, 2], 350, &[]), "transfer - 0 -350"),
            // Its own reference stands on the order that we gave the bank.
            (foreign, "transfer - 0 -100"),
            (fits, "transfer - 0 -1000"),
            (
                named(-90, &[1], 100, &[]),
                "it names the voucher of transfer 1, recorded with 100 VND, and 90 VND left",
            ),
            (
                named(-100, &[], 0, &[4]),
                "it names the voucher of transfer 4, which was seen on a statement before",
            ),
            (named(100, &[1], 100, &[]), "no reference of ours stands on it"),
            (undone, "no reference of ours stands on it"),
        ] {
            check(entry, &books(0, 0), None, expected);
        }
    }
}
