//! What a partner takes for its payments: a dated tariff, applied to each payment by itself and rounded once.
//!
//! A fee is money of its own. It is owed for what was paid, paid from another budget than benefits, and never
//! taken off a payment.

use jiff::civil::Date;
use rust_decimal::Decimal;

use crate::domain::money::{Currency, Money, MoneyError, Rounding};

/// Decimals that a share may have, so that a product with any amount stays exact.
pub const SHARE_DIGITS_MAX: u32 = 8;

/// What is owed for one payment, and the tax on what is owed for all.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Tariff {
    /// For each payment, minor units.
    pub per_payment_minor: i64,
    /// And of its amount, from 0 to less than 1.
    pub share: Decimal,
    /// No less than this for a payment, minor units.
    pub minimum_minor: i64,
    /// No more than this for a payment, minor units.
    pub maximum_minor: Option<i64>,
    /// How the fee of a payment, and the tax, become whole.
    pub rounding: Rounding,
    /// Value added tax, as a share of the fees, from 0 to less than 1.
    pub vat: Decimal,
}

/// Payments of one amount that were paid on one day.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Paid {
    pub on: Date,
    pub amount_minor: i64,
    pub count: i64,
}

impl Tariff {
    /// The fee of one payment: rounded once, then held between the minimum and the maximum.
    ///
    /// # Errors
    /// When it does not fit.
    pub fn fee(&self, amount_minor: i64, currency: Currency) -> Result<i64, MoneyError> {
        let amount = Decimal::new(amount_minor, currency.digits());
        let fixed = Decimal::new(self.per_payment_minor, currency.digits());
        let share = amount.checked_mul(self.share).ok_or(MoneyError::AmountMustFit)?;
        let exact = fixed.checked_add(share).ok_or(MoneyError::AmountMustFit)?;
        let fee = Money::from_decimal(exact, currency, self.rounding)?.minor();
        let fee = fee.max(self.minimum_minor);
        Ok(self.maximum_minor.map_or(fee, |most| fee.min(most)))
    }

    /// The tax on fees, rounded once for all of them, as an invoice has it.
    ///
    /// # Errors
    /// When it does not fit.
    pub fn tax(&self, fees_minor: i64, currency: Currency) -> Result<i64, MoneyError> {
        let fees = Decimal::new(fees_minor, currency.digits());
        let exact = fees.checked_mul(self.vat).ok_or(MoneyError::AmountMustFit)?;
        Ok(Money::from_decimal(exact, currency, self.rounding)?.minor())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::money::{RoundingMode, parse_decimal};

    fn tariff(fixed: i64, share: &str, least: i64, most: Option<i64>) -> Tariff {
        Tariff {
            per_payment_minor: fixed,
            share: parse_decimal(share).unwrap(),
            minimum_minor: least,
            maximum_minor: most,
            rounding: Rounding::new(RoundingMode::HalfUp, 1).unwrap(),
            vat: parse_decimal("0.10").unwrap(),
        }
    }

    #[test]
    fn a_fee_is_rounded_once_and_held_between_its_bounds() {
        for (fixed, share, least, most, amount, fee) in [
            (0, "0", 0, None, 500_000, 0),
            (5_500, "0", 0, None, 500_000, 5_500),
            (0, "0.0065", 0, None, 500_000, 3_250),
            // 500,001 × 0.0065 = 3,250.0065 and 500,100 × 0.005 = 2,500.5.
            (0, "0.0065", 0, None, 500_001, 3_250),
            (0, "0.005", 0, None, 500_100, 2_501),
            (1_000, "0.0065", 0, None, 500_000, 4_250),
            // 1,000 + 0.5 is rounded as one sum.
            (1_000, "0.005", 0, None, 100, 1_001),
            (0, "0.0065", 4_000, None, 500_000, 4_000),
            (0, "0.0065", 3_250, None, 500_000, 3_250),
            (0, "0.0065", 0, Some(3_000), 500_000, 3_000),
            (0, "0.0065", 0, Some(3_250), 500_000, 3_250),
            (0, "0.00000001", 0, None, 100_000_000_000_000, 1_000_000),
            (0, "0.99999999", 0, None, i64::MAX, 9_223_371_944_621_055_438),
        ] {
            let found = tariff(fixed, share, least, most).fee(amount, Currency::VND).unwrap();
            assert_eq!(found, fee, "{fixed} + {share} of {amount}, {least} to {most:?}");
        }
    }

    #[test]
    fn a_tie_goes_where_the_rounding_says() {
        use RoundingMode::{Down, HalfEven, HalfUp, Up};
        for (mode, unit, amount, fee) in [
            // 0.5 of an odd amount is a tie.
            (HalfUp, 1, 5, 3),
            (HalfEven, 1, 5, 2),
            (HalfEven, 1, 7, 4),
            (Down, 1, 5, 2),
            (Up, 1, 5, 3),
            (HalfUp, 100, 300, 200),
            (HalfEven, 100, 300, 200),
            (HalfEven, 100, 500, 200),
            (Down, 100, 398, 100),
            (Up, 100, 202, 200),
        ] {
            let tariff = Tariff {
                rounding: Rounding::new(mode, unit).unwrap(),
                ..tariff(0, "0.5", 0, None)
            };
            let found = tariff.fee(amount, Currency::VND).unwrap();
            assert_eq!(found, fee, "{mode:?} to {unit}, {amount}");
        }
    }

    #[test]
    fn tax_is_rounded_once_for_all_fees() {
        for (fees, tax) in [(0, 0), (3_250, 325), (3_255, 326), (3_254, 325)] {
            assert_eq!(tariff(0, "0", 0, None).tax(fees, Currency::VND).unwrap(), tax, "{fees}");
        }
        let dollars = Currency::parse("USD").unwrap();
        let of = Tariff { vat: parse_decimal("0.075").unwrap(), ..tariff(25, "0.001", 0, None) };
        // 0.25 + 0.001 × 123.45 = 0.37345; 7.5 % of 0.37 = 0.02775.
        assert_eq!((of.fee(12_345, dollars).unwrap(), of.tax(37, dollars).unwrap()), (37, 3));
        let all = Tariff { per_payment_minor: i64::MAX, ..tariff(0, "0.5", 0, None) };
        assert_eq!(all.fee(4, Currency::VND), Err(MoneyError::AmountMustFit));
    }
}
