//! What a partner is owed for the payments that it paid, and whether what was taken for a file has its fee
//! netted into it.
//!
//! Reads: paid payments by day and amount, and the tariff of each day. Gives: fees and the tax on them. Each
//! payment has the tariff of the day on which it was paid; tax is rounded once for each tariff.

use jiff::civil::Date;

use crate::domain::money::{Currency, MoneyError};
use crate::domain::tariff::{Paid, Tariff};

/// Fees, and the tax on them.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Fees {
    pub payments: i64,
    pub paid_minor: i64,
    pub fee_minor: i64,
    pub tax_minor: i64,
}

/// What is owed for payments. For those of a day without a tariff nothing is.
///
/// # Errors
/// When a sum does not fit.
pub fn owed<'t>(
    paid: &[Paid],
    tariff_on: impl Fn(Date) -> Option<&'t Tariff>,
    currency: Currency,
) -> Result<Fees, MoneyError> {
    let mut of_tariffs: Vec<(&Tariff, i64)> = Vec::new();
    let mut owed = Fees::default();
    let plus = |sum: i64, more: Option<i64>| {
        more.and_then(|more| sum.checked_add(more)).ok_or(MoneyError::AmountMustFit)
    };
    for one in paid {
        owed.payments = plus(owed.payments, Some(one.count))?;
        owed.paid_minor = plus(owed.paid_minor, one.amount_minor.checked_mul(one.count))?;
        let Some(tariff) = tariff_on(one.on) else { continue };
        let fee = tariff.fee(one.amount_minor, currency)?.checked_mul(one.count);
        match of_tariffs.iter_mut().find(|(known, _)| *known == tariff) {
            Some((_, sum)) => *sum = plus(*sum, fee)?,
            None => of_tariffs.push((tariff, plus(0, fee)?)),
        }
    }
    for (tariff, fees) in of_tariffs {
        owed.fee_minor = plus(owed.fee_minor, Some(fees))?;
        owed.tax_minor = plus(owed.tax_minor, Some(tariff.tax(fees, currency)?))?;
    }
    Ok(owed)
}

/// The fee and the tax of payments, when they are what lies between the money of the payments and what was
/// taken for them, whichever way: they were netted.
pub fn netted(taken_minor: i64, ordered_minor: i64, fees: Fees) -> Option<Fees> {
    let between = (i128::from(taken_minor) - i128::from(ordered_minor)).abs();
    let (fee, tax) = (i128::from(fees.fee_minor), i128::from(fees.tax_minor));
    if fee == 0 {
        return None;
    }
    match between {
        between if between == fee => Some(Fees { tax_minor: 0, ..fees }),
        between if between == fee + tax => Some(fees),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::money::{Rounding, RoundingMode, parse_decimal};
    use jiff::civil::date;

    fn tariff(fixed: i64, share: &str, vat: &str) -> Tariff {
        Tariff {
            per_payment_minor: fixed,
            share: parse_decimal(share).unwrap(),
            minimum_minor: 0,
            maximum_minor: None,
            rounding: Rounding::new(RoundingMode::HalfUp, 1).unwrap(),
            vat: parse_decimal(vat).unwrap(),
        }
    }

    fn paid(day: i8, amount_minor: i64, count: i64) -> Paid {
        Paid { on: date(2026, 11, day), amount_minor, count }
    }

    #[test]
    fn each_payment_has_the_tariff_of_its_day_and_tax_is_rounded_for_each_tariff() {
        let (old, new) = (tariff(5_500, "0", "0.08"), tariff(3_003, "0.0001", "0.10"));
        let on = |day: Date| match day {
            day if day < date(2026, 11, 3) => None,
            day if day < date(2026, 11, 15) => Some(&old),
            _ => Some(&new),
        };
        for (payments, expected) in [
            (vec![], (0, 0, 0, 0)),
            // Before a tariff was agreed nothing is owed.
            (vec![paid(2, 500_000, 3)], (3, 1_500_000, 0, 0)),
            (vec![paid(3, 500_000, 2)], (2, 1_000_000, 11_000, 880)),
            // The tariff changes in the middle of the month: 2 × 5,500 and 3 × 3,053.
            (
                vec![paid(14, 500_000, 2), paid(15, 500_000, 3)],
                (5, 2_500_000, 11_000 + 9_159, 880 + 916),
            ),
            // Days of one tariff are one invoice: 10 % of 12,212, not of 9,159 and 3,053.
            (vec![paid(15, 500_000, 3), paid(20, 500_000, 1)], (4, 2_000_000, 12_212, 1_221)),
        ] {
            let found = owed(&payments, on, Currency::VND).unwrap();
            let found = (found.payments, found.paid_minor, found.fee_minor, found.tax_minor);
            assert_eq!(found, expected, "{payments:?}");
        }
        let most = owed(&[paid(15, i64::MAX, 2)], on, Currency::VND);
        assert_eq!(most, Err(MoneyError::AmountMustFit));
    }

    #[test]
    fn a_fee_that_is_netted_is_found_whichever_way() {
        let fees = Fees { payments: 2, paid_minor: 1_000, fee_minor: 10, tax_minor: 1 };
        let without_tax = Fees { tax_minor: 0, ..fees };
        for (taken, expected) in [
            (1_000, None),
            (1_010, Some(without_tax)),
            (1_011, Some(fees)),
            (990, Some(without_tax)),
            (989, Some(fees)),
            (1_001, None),
            (1_012, None),
        ] {
            assert_eq!(netted(taken, 1_000, fees), expected, "{taken}");
        }
        assert_eq!(netted(1_000, 1_000, Fees::default()), None);
    }
}
