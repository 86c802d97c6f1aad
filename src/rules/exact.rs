//! Exact decimals for the evaluator: an integer and a number of decimals, never rounded.
//!
//! `rust_decimal` rounds silently past 28 digits and costs more per product than the whole rule;
//! here a product that does not fit is an error. It becomes Money by `Money::from_decimal`, or
//! by a short cut for amounts that are already whole.

use std::cmp::Ordering;
use std::fmt;

use rust_decimal::Decimal;

use crate::domain::money::{Currency, Money, MoneyError, Rounding, parse_decimal};

/// `mantissa × 10^-scale`. Two equal numbers may be written differently; compare with `compare`.
#[derive(Clone, Copy, Debug)]
pub struct Exact {
    mantissa: i128,
    scale: u8,
}

/// The number is too large or has too many decimals to stay exact.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("the number is too large or too fine to stay exact")]
pub struct Inexact;

const SCALE_MAX: u8 = 27;

impl Exact {
    pub const ZERO: Exact = Exact { mantissa: 0, scale: 0 };

    pub const fn from_int(value: i64) -> Exact {
        Exact { mantissa: value as i128, scale: 0 }
    }

    /// An amount in minor units as a number of major units.
    pub fn from_minor(minor: i64, currency: Currency) -> Exact {
        Exact { mantissa: i128::from(minor), scale: currency.digits() as u8 }
    }

    /// Plain digits with an optional point: the same text that `parse_decimal` accepts.
    pub fn parse(text: &str) -> Result<Exact, MoneyError> {
        let decimal = parse_decimal(text)?;
        Ok(Exact { mantissa: decimal.mantissa(), scale: decimal.scale() as u8 }.plain())
    }

    pub fn checked_add(self, other: Exact) -> Result<Exact, Inexact> {
        let (left, right, scale) = align(self, other)?;
        Ok(Exact { mantissa: left.checked_add(right).ok_or(Inexact)?, scale })
    }

    pub fn checked_sub(self, other: Exact) -> Result<Exact, Inexact> {
        self.checked_add(Exact { mantissa: other.mantissa.checked_neg().ok_or(Inexact)?, ..other })
    }

    pub fn checked_neg(self) -> Result<Exact, Inexact> {
        Exact::ZERO.checked_sub(self)
    }

    pub fn checked_mul(self, other: Exact) -> Result<Exact, Inexact> {
        // Most products here are đồng by a coefficient with one decimal: both fit 64 bits, and the
        // product of two such numbers always fits 128.
        let mantissa = match (i64::try_from(self.mantissa), i64::try_from(other.mantissa)) {
            (Ok(left), Ok(right)) => i128::from(left) * i128::from(right),
            _ => self.mantissa.checked_mul(other.mantissa).ok_or(Inexact)?,
        };
        let product = Exact { mantissa, scale: self.scale + other.scale };
        if product.scale <= SCALE_MAX {
            return Ok(product);
        }
        let plain = product.plain();
        if plain.scale <= SCALE_MAX { Ok(plain) } else { Err(Inexact) }
    }

    pub fn compare(self, other: Exact) -> Ordering {
        match align(self, other) {
            Ok((left, right, _)) => left.cmp(&right),
            // Only the number with fewer decimals is scaled, and one that overflows there is larger
            // than any number with more decimals: its sign decides.
            Err(Inexact) if self.scale < other.scale => self.mantissa.cmp(&0),
            Err(Inexact) => 0.cmp(&other.mantissa),
        }
    }

    /// The number as an integer, when it is one.
    pub fn whole(self) -> Option<i64> {
        let plain = self.plain();
        if plain.scale == 0 { i64::try_from(plain.mantissa).ok() } else { None }
    }

    /// Rounds once, by the named rule, to minor units.
    pub fn to_minor(self, currency: Currency, rounding: Rounding) -> Result<i64, MoneyError> {
        if rounding == Rounding::EXACT
            && let Some(minor) = self.whole_minor(currency)
        {
            return Ok(minor);
        }
        Money::from_decimal(self.decimal()?, currency, rounding).map(|money| money.minor())
    }

    fn decimal(self) -> Result<Decimal, MoneyError> {
        let plain = self.plain();
        Decimal::try_from_i128_with_scale(plain.mantissa, u32::from(plain.scale))
            .map_err(|_| MoneyError::AmountMustFit)
    }

    /// The amount in minor units when nothing has to be rounded.
    fn whole_minor(self, currency: Currency) -> Option<i64> {
        let digits = currency.digits() as u8;
        if self.scale <= digits {
            let factor = 10_i128.pow(u32::from(digits - self.scale));
            return i64::try_from(self.mantissa.checked_mul(factor)?).ok();
        }
        // i64 division is several times faster than i128, and amounts nearly always fit.
        let places = u32::from(self.scale - digits);
        match (i64::try_from(self.mantissa), 10_i64.checked_pow(places)) {
            (Ok(mantissa), Some(factor)) => {
                if mantissa % factor == 0 {
                    Some(mantissa / factor)
                } else {
                    None
                }
            }
            _ => {
                let factor = 10_i128.pow(places);
                if self.mantissa % factor == 0 {
                    i64::try_from(self.mantissa / factor).ok()
                } else {
                    None
                }
            }
        }
    }

    /// Without zeros at the end of its decimals.
    fn plain(mut self) -> Exact {
        while self.scale > 0 && self.mantissa % 10 == 0 {
            self.mantissa /= 10;
            self.scale -= 1;
        }
        self
    }
}

/// Plain digits: `-1.5`, `540000`.
impl fmt::Display for Exact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plain = self.plain();
        let sign = if plain.mantissa < 0 { "-" } else { "" };
        let scale = usize::from(plain.scale);
        let digits = format!("{:0>width$}", plain.mantissa.unsigned_abs(), width = scale + 1);
        let (whole, fraction) = digits.split_at(digits.len() - scale);
        match scale {
            0 => write!(f, "{sign}{whole}"),
            _ => write!(f, "{sign}{whole}.{fraction}"),
        }
    }
}

impl PartialEq for Exact {
    fn eq(&self, other: &Exact) -> bool {
        self.compare(*other) == Ordering::Equal
    }
}

impl Eq for Exact {}

fn align(left: Exact, right: Exact) -> Result<(i128, i128, u8), Inexact> {
    match left.scale.cmp(&right.scale) {
        Ordering::Equal => Ok((left.mantissa, right.mantissa, left.scale)),
        Ordering::Less => Ok((scaled(left, right.scale)?, right.mantissa, right.scale)),
        Ordering::Greater => Ok((left.mantissa, scaled(right, left.scale)?, left.scale)),
    }
}

fn scaled(number: Exact, scale: u8) -> Result<i128, Inexact> {
    let factor = 10_i128.pow(u32::from(scale - number.scale));
    number.mantissa.checked_mul(factor).ok_or(Inexact)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::money::RoundingMode;

    fn exact(text: &str) -> Exact {
        match text.strip_prefix('-') {
            Some(rest) => Exact::parse(rest).unwrap().checked_neg().unwrap(),
            None => Exact::parse(text).unwrap(),
        }
    }

    #[test]
    fn sums_and_products_are_exact() {
        for (left, right, sum, product) in [
            ("540000", "1.5", "540001.5", "810000"),
            ("0.1", "0.2", "0.3", "0.02"),
            ("23456789", "0.45", "23456789.45", "10555555.05"),
            ("-1.25", "4", "2.75", "-5"),
            ("0", "99999999999999999999999999", "99999999999999999999999999", "0"),
        ] {
            let (left, right) = (exact(left), exact(right));
            assert_eq!(left.checked_add(right).unwrap().to_string(), sum);
            assert_eq!(left.checked_mul(right).unwrap().to_string(), product);
            assert_eq!(left.checked_add(right).unwrap().checked_sub(right).unwrap(), left);
        }
    }

    #[test]
    fn what_cannot_stay_exact_is_an_error() {
        let mut number = exact("9999999999999999999999999999");
        assert_eq!(number.checked_mul(number), Err(Inexact));
        number = exact("0.000000000000000001");
        assert_eq!(number.checked_mul(number), Err(Inexact));
    }

    #[test]
    fn comparison_survives_numbers_that_cannot_be_aligned() {
        let huge = Exact { mantissa: i128::MAX, scale: 0 };
        let fine = exact("0.000000000000000000000000001");
        assert_eq!(huge.compare(fine), Ordering::Greater);
        assert_eq!(fine.compare(huge), Ordering::Less);
        assert_eq!(exact("1.50").compare(exact("1.5")), Ordering::Equal);
    }

    #[test]
    fn rounding_to_minor_units_agrees_with_money() {
        let vnd = Currency::VND;
        assert_eq!(exact("810000.0").to_minor(vnd, Rounding::EXACT), Ok(810_000));
        assert!(exact("0.5").to_minor(vnd, Rounding::EXACT).is_err());
        let thousand = Rounding::new(RoundingMode::HalfUp, 1_000).unwrap();
        assert_eq!(exact("2510500").to_minor(vnd, thousand), Ok(2_511_000));
        assert_eq!(
            exact("12.5").to_minor(Currency::parse("USD").unwrap(), Rounding::EXACT),
            Ok(1250)
        );
        assert_eq!(Exact::from_minor(1250, Currency::parse("USD").unwrap()).to_string(), "12.5");
    }

    proptest::proptest! {
        #[test]
        fn products_agree_with_plain_integers(left in -10_i64.pow(12)..10_i64.pow(12), right in -100_000_i64..100_000, scale in 0_u8..6) {
            let right = Exact { mantissa: i128::from(right), scale };
            let product = Exact::from_int(left).checked_mul(right).unwrap();
            proptest::prop_assert_eq!(product.mantissa, i128::from(left) * right.mantissa);
            proptest::prop_assert_eq!(product.scale, scale);
        }
    }
}
