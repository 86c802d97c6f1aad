//! Money as integer minor units of one currency, and the one place where a decimal becomes Money.
//!
//! Reads: decimal text from rosters and answers, exact decimals from the rules.
//! Gives: `Money`, and errors that say which rule the text broke.

use std::fmt;

use rust_decimal::{Decimal, RoundingStrategy};

/// An ISO 4217 currency and its number of minor digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Currency {
    code: [u8; 3],
    digits: u8,
}

/// The currencies that chitra can pay in: alphabetic code and minor digits (ISO 4217, list one).
const CURRENCIES: &[(&str, u8)] = &[
    ("BHD", 3),
    ("BRL", 2),
    ("CLP", 0),
    ("EUR", 2),
    ("GBP", 2),
    ("IDR", 2),
    ("INR", 2),
    ("JPY", 0),
    ("KES", 2),
    ("KHR", 2),
    ("KRW", 0),
    ("KWD", 3),
    ("LAK", 2),
    ("PHP", 2),
    ("RWF", 0),
    ("TND", 3),
    ("UGX", 0),
    ("USD", 2),
    ("VND", 0),
    ("XAF", 0),
    ("XOF", 0),
    ("ZAR", 2),
];

impl Currency {
    /// Vietnamese đồng, which has no minor unit.
    pub const VND: Currency = Currency { code: *b"VND", digits: 0 };

    /// Reads an upper-case ISO 4217 code that is in the list of supported currencies.
    pub fn parse(code: &str) -> Result<Currency, MoneyError> {
        CURRENCIES
            .iter()
            .find(|(known, _)| *known == code)
            .map(|(known, digits)| Currency {
                code: known.as_bytes().try_into().expect("every listed code has three letters"),
                digits: *digits,
            })
            .ok_or_else(|| MoneyError::CurrencyMustBeKnown(code.chars().take(8).collect()))
    }

    pub fn code(&self) -> &str {
        std::str::from_utf8(&self.code).expect("currency codes are ASCII")
    }

    /// How many digits stand after the decimal point: VND 0, USD 2, KWD 3.
    pub fn digits(&self) -> u32 {
        u32::from(self.digits)
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl fmt::Debug for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

/// An amount in minor units of its currency. May be negative: a recovery is a negative line.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Money {
    minor: i64,
    currency: Currency,
}

impl Money {
    pub const fn from_minor(minor: i64, currency: Currency) -> Money {
        Money { minor, currency }
    }

    pub const fn zero(currency: Currency) -> Money {
        Money { minor: 0, currency }
    }

    pub const fn minor(&self) -> i64 {
        self.minor
    }

    pub const fn currency(&self) -> Currency {
        self.currency
    }

    pub fn checked_add(self, other: Money) -> Result<Money, MoneyError> {
        if self.currency != other.currency {
            return Err(MoneyError::CurrenciesMustAgree(self.currency, other.currency));
        }
        let minor = self.minor.checked_add(other.minor).ok_or(MoneyError::AmountMustFit)?;
        Ok(Money { minor, currency: self.currency })
    }

    /// Reads an amount as a person or a bank writes it: plain digits, a point, no more decimals
    /// than the currency has. Signs, exponents, thousands separators and spaces are refused,
    /// because each of them has been read as another amount by some system.
    pub fn parse(text: &str, currency: Currency) -> Result<Money, MoneyError> {
        let (whole, fraction) = plain_decimal(text)?;
        let digits = currency.digits() as usize;
        // Zeros count too: in Vietnam `540.000` is five hundred and forty thousand, not 540.
        if fraction.len() > digits {
            return Err(MoneyError::DecimalsMustFitTheCurrency(currency));
        }
        let mut minor: i64 = 0;
        let padded = fraction.bytes().chain(std::iter::repeat_n(b'0', digits - fraction.len()));
        for digit in whole.bytes().chain(padded) {
            minor = minor
                .checked_mul(10)
                .and_then(|m| m.checked_add(i64::from(digit - b'0')))
                .ok_or(MoneyError::AmountMustFit)?;
        }
        Ok(Money { minor, currency })
    }

    /// Rounds an exact decimal of major units once, by a named rule. The only way from a decimal
    /// to Money.
    pub fn from_decimal(
        exact: Decimal,
        currency: Currency,
        rounding: Rounding,
    ) -> Result<Money, MoneyError> {
        let scale = Decimal::from(10_i64.pow(currency.digits()));
        let minor = exact.checked_mul(scale).ok_or(MoneyError::AmountMustFit)?;
        // The product is exact only when no digits were dropped; rust_decimal rounds silently past
        // 28 digits, so a product that cannot be divided back is refused.
        if minor.checked_div(scale) != Some(exact) {
            return Err(MoneyError::AmountMustFit);
        }
        let unit = Decimal::from(rounding.unit_minor);
        let units = minor.checked_div(unit).ok_or(MoneyError::AmountMustFit)?;
        let whole = units.round_dp_with_strategy(0, rounding.mode.strategy());
        if matches!(rounding.mode, RoundingMode::Exact) && whole != units {
            return Err(MoneyError::AmountMustBeWhole(exact));
        }
        let minor = i64::try_from(whole).map_err(|_| MoneyError::AmountMustFit)?;
        let minor = minor.checked_mul(rounding.unit_minor).ok_or(MoneyError::AmountMustFit)?;
        Ok(Money { minor, currency })
    }
}

/// Writes major units with exactly the digits of the currency: `750000`, `12.50`, `-3.125`.
impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = self.currency.digits() as usize;
        let sign = if self.minor < 0 { "-" } else { "" };
        let plain = format!("{:0>width$}", self.minor.unsigned_abs(), width = digits + 1);
        let (whole, fraction) = plain.split_at(plain.len() - digits);
        match digits {
            0 => write!(f, "{sign}{whole}"),
            _ => write!(f, "{sign}{whole}.{fraction}"),
        }
    }
}

/// A sum of many amounts of one currency, wide enough for any country.
pub fn sum_minor<'a>(amounts: impl IntoIterator<Item = &'a Money>) -> i128 {
    amounts.into_iter().map(|money| i128::from(money.minor)).sum()
}

/// How a decimal becomes whole units of money, and what the unit is.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Rounding {
    mode: RoundingMode,
    unit_minor: i64,
}

impl Rounding {
    /// The amount must already be a whole number of minor units; anything else is an error.
    pub const EXACT: Rounding = Rounding { mode: RoundingMode::Exact, unit_minor: 1 };

    /// `unit_minor` is what is rounded to, in minor units: 1 for a đồng, 1_000 for whole thousands.
    pub fn new(mode: RoundingMode, unit_minor: i64) -> Result<Rounding, MoneyError> {
        if unit_minor <= 0 {
            return Err(MoneyError::RoundingUnitMustBePositive(unit_minor));
        }
        Ok(Rounding { mode, unit_minor })
    }
}

/// The rounding rules that benefit laws name.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum RoundingMode {
    /// No rounding is allowed to happen.
    Exact,
    /// 0.5 goes away from zero.
    HalfUp,
    /// 0.5 goes to the even neighbour.
    HalfEven,
    /// Towards zero.
    Down,
    /// Away from zero.
    Up,
}

impl RoundingMode {
    pub const ALL: [(&'static str, RoundingMode); 5] = [
        ("exact", RoundingMode::Exact),
        ("half_up", RoundingMode::HalfUp),
        ("half_even", RoundingMode::HalfEven),
        ("down", RoundingMode::Down),
        ("up", RoundingMode::Up),
    ];

    fn strategy(self) -> RoundingStrategy {
        match self {
            RoundingMode::HalfUp => RoundingStrategy::MidpointAwayFromZero,
            RoundingMode::Exact | RoundingMode::HalfEven => RoundingStrategy::MidpointNearestEven,
            RoundingMode::Down => RoundingStrategy::ToZero,
            RoundingMode::Up => RoundingStrategy::AwayFromZero,
        }
    }
}

/// Reads an exact decimal such as a coefficient. Refuses what `Decimal::from_str` lets through:
/// exponents, signs, separators, and digits past the 28 it would silently round away.
pub fn parse_decimal(text: &str) -> Result<Decimal, MoneyError> {
    let (whole, fraction) = plain_decimal(text)?;
    if whole.len() + fraction.len() > 28 {
        return Err(MoneyError::AmountMustFit);
    }
    text.parse().map_err(|_| MoneyError::AmountMustFit)
}

/// Splits plain decimal text into its digits before and after the point.
fn plain_decimal(text: &str) -> Result<(&str, &str), MoneyError> {
    let (whole, fraction) = match text.split_once('.') {
        Some((_, "")) => return Err(MoneyError::AmountMustBePlainDigits),
        Some(parts) => parts,
        None => (text, ""),
    };
    let digits_only = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || !digits_only(whole) || !digits_only(fraction) {
        return Err(MoneyError::AmountMustBePlainDigits);
    }
    Ok((whole, fraction))
}

/// `1.234.567`: whole numbers grouped as Vietnamese do.
pub fn grouped(number: i128) -> String {
    let digits = number.unsigned_abs().to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push('.');
        }
        text.push(digit);
    }
    if number < 0 { format!("-{text}") } else { text }
}

/// Money as people read it: `1.234.567 VND`, `12,50 USD`.
pub fn told(minor: i128, currency: Currency) -> String {
    match currency.digits() {
        0 => format!("{} {currency}", grouped(minor)),
        _ => match i64::try_from(minor) {
            Ok(minor) => {
                let plain = Money::from_minor(minor, currency).to_string();
                let (whole, fraction) = plain.split_once('.').unwrap_or((&plain, ""));
                let whole = whole.parse().map_or_else(|_| whole.to_owned(), grouped);
                format!("{whole},{fraction} {currency}")
            }
            Err(_) => format!("{} minor units {currency}", grouped(minor)),
        },
    }
}

#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum MoneyError {
    #[error("currency `{0}` is not a supported ISO 4217 code")]
    CurrencyMustBeKnown(String),
    #[error("{0} and {1} cannot be added")]
    CurrenciesMustAgree(Currency, Currency),
    #[error(
        "an amount is plain digits with an optional decimal point: no sign, exponent, space or separator"
    )]
    AmountMustBePlainDigits,
    #[error("{0} does not have that many decimals")]
    DecimalsMustFitTheCurrency(Currency),
    #[error("the amount has too many digits")]
    AmountMustFit,
    #[error("{0} is not a whole amount, and the rule allows no rounding")]
    AmountMustBeWhole(Decimal),
    #[error("a rounding unit is a positive number of minor units, not {0}")]
    RoundingUnitMustBePositive(i64),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_parse(table: &[(&str, &str, Result<i64, &str>)]) {
        for (text, currency, expected) in table {
            let currency = Currency::parse(currency).unwrap();
            let actual = Money::parse(text, currency).map(|money| money.minor());
            match (actual, expected) {
                (Ok(minor), Ok(expected)) => assert_eq!(minor, *expected, "{text} {currency}"),
                (Err(error), Err(part)) => {
                    assert!(error.to_string().contains(part), "{text} {currency}: {error}")
                }
                (actual, expected) => panic!("{text} {currency}: {actual:?}, not {expected:?}"),
            }
        }
    }

    #[test]
    fn amounts_are_plain_digits_or_refused() {
        check_parse(&[
            ("750000", "VND", Ok(750_000)),
            ("0", "VND", Ok(0)),
            ("000750000", "VND", Ok(750_000)),
            ("540.000", "VND", Err("decimals")),
            ("750000.00", "VND", Err("decimals")),
            ("12.5", "USD", Ok(12_50)),
            ("12.50", "USD", Ok(12_50)),
            ("1.234", "KWD", Ok(1_234)),
            ("9223372036854775807", "VND", Ok(i64::MAX)),
            ("9223372036854775808", "VND", Err("too many digits")),
            ("1e3", "VND", Err("plain digits")),
            ("-500", "VND", Err("plain digits")),
            ("+500", "VND", Err("plain digits")),
            ("1,000", "VND", Err("plain digits")),
            ("1.", "USD", Err("plain digits")),
            (".5", "USD", Err("plain digits")),
            ("", "VND", Err("plain digits")),
            (" 1", "VND", Err("plain digits")),
            ("1_000", "VND", Err("plain digits")),
            ("٣", "VND", Err("plain digits")),
            ("1.5", "VND", Err("decimals")),
            ("1.005", "USD", Err("decimals")),
            ("1234567890123456789012345678901234567890", "VND", Err("too many digits")),
        ]);
    }

    #[test]
    fn rounding_happens_once_by_the_named_rule() {
        let thousand = |mode| Rounding::new(mode, 1_000).unwrap();
        for (exact, rounding, expected) in [
            ("2510100", thousand(RoundingMode::HalfUp), 2_510_000),
            ("2510500", thousand(RoundingMode::HalfUp), 2_511_000),
            ("2510500", thousand(RoundingMode::HalfEven), 2_510_000),
            ("2510999", thousand(RoundingMode::Down), 2_510_000),
            ("2510001", thousand(RoundingMode::Up), 2_511_000),
            ("750000.0", Rounding::EXACT, 750_000),
        ] {
            let money =
                Money::from_decimal(exact.parse().unwrap(), Currency::VND, rounding).unwrap();
            assert_eq!(money.minor(), expected, "{exact} by {rounding:?}");
        }
        let half = Money::from_decimal("0.5".parse().unwrap(), Currency::VND, Rounding::EXACT);
        assert!(matches!(half, Err(MoneyError::AmountMustBeWhole(_))));
    }

    #[test]
    fn money_is_written_with_the_digits_of_its_currency() {
        for (minor, currency, expected) in [
            (750_000, "VND", "750000"),
            (12_50, "USD", "12.50"),
            (5, "USD", "0.05"),
            (-3_125, "KWD", "-3.125"),
            (i64::MIN, "VND", "-9223372036854775808"),
        ] {
            let money = Money::from_minor(minor, Currency::parse(currency).unwrap());
            assert_eq!(money.to_string(), expected);
        }
    }

    proptest::proptest! {
        #[test]
        fn what_is_written_reads_back(minor in 0..=i64::MAX, which in 0..CURRENCIES.len()) {
            let currency = Currency::parse(CURRENCIES[which].0).unwrap();
            let money = Money::from_minor(minor, currency);
            proptest::prop_assert_eq!(Money::parse(&money.to_string(), currency), Ok(money));
        }

        #[test]
        fn no_text_makes_parsing_panic(text in ".{0,60}") {
            let _ = Money::parse(&text, Currency::VND);
            let _ = parse_decimal(&text);
        }
    }
}
