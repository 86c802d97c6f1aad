//! Amounts as integer minor units, and their plain decimal text.
//!
//! Reads: amount text from answers, minor units from payments.
//! Gives: minor units, or the rule that the text broke. No floating point anywhere.

use std::fmt;

/// An ISO 4217 currency and how many digits stand after its decimal point.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Currency {
    code: [u8; 3],
    digits: u8,
}

impl Currency {
    /// Vietnamese đồng, which has no minor unit.
    pub const VND: Currency = Currency { code: *b"VND", digits: 0 };

    /// Reads an upper-case code of ISO 4217 list one. None when the code is not in the list:
    /// an amount whose digits are unknown must not be guessed.
    pub fn parse(code: &str) -> Option<Currency> {
        let bytes: [u8; 3] = code.as_bytes().try_into().ok()?;
        let digits = MINOR_DIGITS
            .iter()
            .find(|(_, codes)| codes.split(' ').any(|known| known == code))
            .map(|(digits, _)| *digits)?;
        Some(Currency { code: bytes, digits })
    }

    pub fn code(&self) -> &str {
        std::str::from_utf8(&self.code).expect("currency codes are ASCII")
    }

    /// VND 0, USD 2, KWD 3.
    pub fn digits(&self) -> u8 {
        self.digits
    }
}

impl fmt::Debug for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

/// Reads an amount in major units as minor units: plain digits and at most one point. Signs,
/// exponents, separators and spaces are refused, because each of them has been read as another
/// amount by some system; so are decimals that the currency does not have.
pub fn parse_minor(text: &str, currency: Currency) -> Result<i64, AmountError> {
    let (whole, fraction) = match text.split_once('.') {
        Some((_, "")) => return Err(AmountError::AmountMustBePlainDigits),
        Some(parts) => parts,
        None => (text, ""),
    };
    let digits_only = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || !digits_only(whole) || !digits_only(fraction) {
        return Err(AmountError::AmountMustBePlainDigits);
    }
    let digits = usize::from(currency.digits);
    let kept = fraction.trim_end_matches('0');
    if kept.len() > digits {
        return Err(AmountError::DecimalsMustFitTheCurrency);
    }
    let mut minor: i64 = 0;
    for digit in whole.bytes().chain(kept.bytes()) {
        minor = minor
            .checked_mul(10)
            .and_then(|sum| sum.checked_add(i64::from(digit - b'0')))
            .ok_or(AmountError::AmountMustFit)?;
    }
    let scale = 10_i64.pow((digits - kept.len()) as u32);
    minor.checked_mul(scale).ok_or(AmountError::AmountMustFit)
}

/// Which rule an amount's text broke.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum AmountError {
    #[error("an amount is plain digits with an optional decimal point")]
    AmountMustBePlainDigits,
    #[error("the amount has more decimals than its currency")]
    DecimalsMustFitTheCurrency,
    #[error("the amount has too many digits")]
    AmountMustFit,
}

/// How an amount is written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum MoneyStyle {
    /// Major units with exactly the digits of the currency: `12.50`.
    Major,
    /// Major units without trailing zeros: `12.5`. Some APIs refuse the other form.
    Trimmed,
    /// Minor units: `1250`.
    Minor,
}

/// Appends a non-negative amount.
pub(crate) fn append_money(out: &mut String, minor: i128, currency: Currency, style: MoneyStyle) {
    debug_assert!(minor >= 0, "amounts that go out are positive");
    let digits = match style {
        MoneyStyle::Minor => 0,
        MoneyStyle::Major | MoneyStyle::Trimmed => u32::from(currency.digits),
    };
    let scale = 10_u128.pow(digits);
    let minor = minor.unsigned_abs();
    append_number(out, minor / scale);
    if digits == 0 {
        return;
    }
    let (mut fraction, mut width) = (minor % scale, digits as usize);
    if style == MoneyStyle::Trimmed {
        while width > 0 && fraction.is_multiple_of(10) {
            (fraction, width) = (fraction / 10, width - 1);
        }
        if width == 0 {
            return;
        }
    }
    out.push('.');
    let start = out.len();
    append_number(out, fraction);
    for _ in 0..width - (out.len() - start) {
        out.insert(start, '0');
    }
}

/// Appends a whole number. The formatting machinery of the standard library costs several times
/// as much, and this runs for every payment.
pub(crate) fn append_number(out: &mut String, number: u128) {
    let mut digits = [0_u8; 39];
    let mut at = digits.len();
    // 128-bit division is slow; almost every number fits 64 bits.
    let mut wide = number;
    while wide > u128::from(u64::MAX) {
        at -= 1;
        digits[at] = b'0' + (wide % 10) as u8;
        wide /= 10;
    }
    let mut rest = wide as u64;
    loop {
        at -= 1;
        digits[at] = b'0' + (rest % 10) as u8;
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    out.push_str(std::str::from_utf8(&digits[at..]).expect("digits are ASCII"));
}

/// ISO 4217 list one: minor digits, and the codes that have them.
const MINOR_DIGITS: &[(u8, &str)] = &[
    (0, "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF"),
    (3, "BHD IQD JOD KWD LYD OMR TND"),
    (4, "CLF UYW"),
    (
        2,
        "AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BMD BND BOB BOV BRL BSD BTN BWP \
         BYN BZD CAD CDF CHE CHF CHW CNY COP COU CRC CUC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR \
         FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF IDR ILS INR IRR JMD KES KGS KHR KPW \
         KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MXV MYR MZN \
         NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD \
         SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD USN UYU UZS \
         VED VES WST XCD YER ZAR ZMW ZWG",
    ),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, code: &str, expected: Result<i64, AmountError>) {
        let currency = Currency::parse(code).expect("a listed currency");
        assert_eq!(parse_minor(text, currency), expected, "{text} {code}");
    }

    #[test]
    fn amounts_are_plain_digits_or_refused() {
        use AmountError::*;
        check("750000", "VND", Ok(750_000));
        check("750000.00", "VND", Ok(750_000));
        check("12.5", "USD", Ok(12_50));
        check("1.234", "KWD", Ok(1_234));
        check("0", "VND", Ok(0));
        check("9223372036854775807", "VND", Ok(i64::MAX));
        check("9223372036854775808", "VND", Err(AmountMustFit));
        check("1234567890123456789012345678901234567890", "VND", Err(AmountMustFit));
        check("92233720368547758.08", "USD", Err(AmountMustFit));
        for text in ["1e3", "-500", "+500", "1,000", "", " 1", "1.", ".5", "1_0", "٣", "0x1"] {
            check(text, "VND", Err(AmountMustBePlainDigits));
        }
        check("1.5", "VND", Err(DecimalsMustFitTheCurrency));
        assert!(Currency::parse("XYZ").is_none() && Currency::parse("vnd").is_none());
        assert!(Currency::parse("BIF CLP").is_none());
    }

    #[test]
    fn money_is_written_in_three_styles() {
        for (minor, code, style, expected) in [
            (750_000, "VND", MoneyStyle::Major, "750000"),
            (12_50, "USD", MoneyStyle::Major, "12.50"),
            (12_50, "USD", MoneyStyle::Trimmed, "12.5"),
            (12_00, "USD", MoneyStyle::Trimmed, "12"),
            (5, "USD", MoneyStyle::Trimmed, "0.05"),
            (5, "KWD", MoneyStyle::Major, "0.005"),
            (12_50, "USD", MoneyStyle::Minor, "1250"),
            (i128::MAX, "VND", MoneyStyle::Major, "170141183460469231731687303715884105727"),
        ] {
            let mut out = String::new();
            let currency = Currency::parse(code).expect("a listed currency");
            append_money(&mut out, minor, currency, style);
            assert_eq!(out, expected);
        }
    }

    proptest::proptest! {
        #[test]
        fn what_is_written_reads_back(minor in 0..=i64::MAX, digits in 0..4_usize) {
            let currency = Currency::parse(["VND", "USD", "KWD", "CLF"][digits]).expect("listed");
            for style in [MoneyStyle::Major, MoneyStyle::Trimmed] {
                let mut out = String::new();
                append_money(&mut out, i128::from(minor), currency, style);
                proptest::prop_assert_eq!(parse_minor(&out, currency), Ok(minor));
            }
        }
    }
}
