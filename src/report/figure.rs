//! Numbers, money, shares and instants as people in Vietnam read them: `1.234.567`, `98,4 %`,
//! `23/10/2026 08:00:00`.

use crate::domain::money::Currency;

/// Groups of three parted by points: `-1.234.567`.
pub fn grouped(number: i128) -> String {
    let sign = if number < 0 { "−" } else { "" };
    format!("{sign}{}", digits_grouped(&number.unsigned_abs().to_string()))
}

/// Major units without the currency, which stands in the head of the column: `1.234.567`, or
/// `1.234,50` where the currency has a minor unit.
pub fn amount(minor: i128, currency: Currency) -> String {
    let digits = currency.digits() as usize;
    let sign = if minor < 0 { "−" } else { "" };
    let plain = format!("{:0>width$}", minor.unsigned_abs(), width = digits + 1);
    let (whole, fraction) = plain.split_at(plain.len() - digits);
    match digits {
        0 => format!("{sign}{}", digits_grouped(whole)),
        _ => format!("{sign}{},{fraction}", digits_grouped(whole)),
    }
}

/// An amount that stands alone: `1.234.567 đ`. The space does not break.
pub fn money(minor: i128, currency: Currency) -> String {
    format!("{}\u{a0}{}", amount(minor, currency), unit(currency))
}

/// How the currency is written after an amount.
pub fn unit(currency: Currency) -> String {
    match currency {
        Currency::VND => "đ".to_owned(),
        other => other.code().to_owned(),
    }
}

/// How many thousandths `part` is of `whole`, rounded down, so that what is short of everything
/// never reads as 100 %. None where there is nothing to share.
pub fn per_mille(part: i128, whole: i128) -> Option<i128> {
    (whole > 0).then(|| part.max(0).saturating_mul(1000) / whole)
}

/// `98,4 %`; a dash where there is nothing to share. What is there is never shown as nothing.
pub fn share(part: i128, whole: i128) -> String {
    match per_mille(part, whole) {
        Some(0) if part > 0 => "<\u{a0}0,1\u{a0}%".to_owned(),
        Some(mille) => format!("{},{}\u{a0}%", mille / 10, mille % 10),
        None => "–".to_owned(),
    }
}

/// `2026-10-23T08:00:00+07:00` as `23/10/2026 08:00:00 (+07:00)`. What is not written that way is
/// shown as it stands: a report hides nothing.
pub fn instant(stamp: &str) -> String {
    let read = || {
        let (date, rest) = stamp.split_once('T')?;
        let (time, offset) = (rest.get(..8)?, rest.get(8..)?);
        let plain = offset.bytes().all(|byte| byte.is_ascii_digit() || b"+-:Z".contains(&byte));
        plain.then_some(())?;
        Some(format!("{}\u{a0}{time}\u{a0}({offset})", day(date)?))
    };
    read().unwrap_or_else(|| stamp.to_owned())
}

/// `2026-11-05` as `05/11/2026`.
pub fn day(date: &str) -> Option<String> {
    let mut parts = date.split('-');
    let (year, month, day) = (parts.next()?, parts.next()?, parts.next()?);
    let digits =
        |text: &str, count| text.len() == count && text.bytes().all(|b| b.is_ascii_digit());
    let whole = digits(year, 4) && digits(month, 2) && digits(day, 2) && parts.next().is_none();
    whole.then(|| format!("{day}/{month}/{year}"))
}

/// Groups the plain numbers of a text whose other words stay: `a.csv: 1200 / 99000`.
pub fn numbers_grouped(text: &str) -> String {
    let word = |word: &str| match word.parse::<i128>() {
        Ok(number) if word.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-') => {
            grouped(number)
        }
        _ => word.to_owned(),
    };
    text.split(' ').map(word).collect::<Vec<_>>().join(" ")
}

fn digits_grouped(digits: &str) -> String {
    let mut grouped = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            grouped.push('.');
        }
        grouped.push(digit);
    }
    grouped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(shown: String, wanted: &str) {
        assert_eq!(shown, wanted);
    }

    #[test]
    fn numbers_are_grouped_by_points() {
        for (number, wanted) in [
            (0, "0"),
            (7, "7"),
            (999, "999"),
            (1_000, "1.000"),
            (1_234_567, "1.234.567"),
            (-1_000_000, "−1.000.000"),
            (i128::from(i64::MAX), "9.223.372.036.854.775.807"),
        ] {
            check(grouped(number), wanted);
        }
    }

    #[test]
    fn money_has_exactly_the_digits_of_its_currency() {
        let usd = Currency::parse("USD").expect("USD is listed");
        let kwd = Currency::parse("KWD").expect("KWD is listed");
        check(money(500_000, Currency::VND), "500.000\u{a0}đ");
        check(money(5, usd), "0,05\u{a0}USD");
        check(money(123_456_789, usd), "1.234.567,89\u{a0}USD");
        check(money(-1, kwd), "−0,001\u{a0}KWD");
    }

    #[test]
    fn a_share_short_of_everything_is_never_100_percent() {
        check(share(999_999, 1_000_000), "99,9\u{a0}%");
        check(share(1_000_000, 1_000_000), "100,0\u{a0}%");
        check(share(1, 3), "33,3\u{a0}%");
        check(share(0, 5), "0,0\u{a0}%");
        check(share(1, 1_000_000), "<\u{a0}0,1\u{a0}%");
        check(share(0, 0), "–");
    }

    #[test]
    fn instants_are_turned_for_the_reader_and_odd_ones_kept() {
        check(instant("2026-10-23T08:00:00+07:00"), "23/10/2026\u{a0}08:00:00\u{a0}(+07:00)");
        for odd in
            ["", "yesterday", "2026-10-23", "2026-10-23T8", "<T12345678>", "2026-10-23Tééééé"]
        {
            check(instant(odd), odd);
        }
    }

    #[test]
    fn numbers_inside_a_text_are_grouped_and_words_are_not() {
        check(numbers_grouped("T-HUE-2026.csv: 1200 / 99000"), "T-HUE-2026.csv: 1.200 / 99.000");
        check(numbers_grouped("0"), "0");
        check(numbers_grouped("none"), "none");
    }
}
