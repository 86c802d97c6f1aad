//! Whether what an item of an answer says of a payment can be believed at all: that the money went where it
//! was ordered to go, on a day on which it could.
//!
//! Reads: the item, and what was ordered and when it left. Gives: the sentence for the queue, or nothing.

use jiff::civil::Date;

use crate::domain::outcome::Reported;
use crate::domain::payee_account::{is_the_account, masked};
use crate::domain::roster::Channel;

/// A result may bear a day before its file was made: two clocks differ, and banks date a booking back
/// to the last business day, which before Tết lies a week away. More is another payment's day. It is not
/// held against the day of delivery, which a clock that jumped may have made later than it was.
pub const DAYS_BEFORE_MAKING_MAX: i64 = 7;

/// A result may be dated ahead to the next business day, over a long weekend. What is said to have happened
/// on a later day has not happened.
pub const DAYS_AHEAD_MAX: i64 = 4;

/// What is wrong with the account that an item states.
pub fn other_account(
    ordered: &str,
    stated: &str,
    channel: Channel,
    zeros_dropped: bool,
) -> Option<String> {
    (!is_the_account(ordered, stated, channel, zeros_dropped)).then(|| {
        format!(
            "the account is {}, ordered was {}; nothing was changed",
            masked(stated),
            masked(ordered)
        )
    })
}

/// What is wrong with the day on which something is said to have become of a payment.
pub fn impossible_day(
    reported: Reported,
    on: Date,
    made_on: Option<Date>,
    today: Date,
) -> Option<String> {
    // That something is on its way moves no money, whatever day stands beside it.
    if matches!(reported, Reported::InFlight | Reported::CannotTell) {
        return None;
    }
    let days = |from: Date, to: Date| {
        from.until((jiff::Unit::Day, to)).map_or(0, |span| i64::from(span.get_days()))
    };
    if days(today, on) > DAYS_AHEAD_MAX {
        return Some(format!("{on} is still to come; nothing was changed"));
    }
    match made_on {
        Some(made) if days(on, made) > DAYS_BEFORE_MAKING_MAX => {
            Some(format!("{on} is long before the file was made, on {made}; nothing was changed"))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::instruction::EvidenceGrade;

    /// Made on 2 November, read on the 5th.
    #[track_caller]
    fn check(on: &str, expected: &str) {
        let day = |text: &str| text.parse::<Date>().unwrap();
        let paid = Reported::Paid(EvidenceGrade::ProviderResult);
        let made = Some(day("2026-11-02"));
        let told = impossible_day(paid, day(on), made, day("2026-11-05"));
        assert!(told.as_deref().unwrap_or("fine").contains(expected), "{on}: {told:?}");
        assert_eq!(impossible_day(Reported::InFlight, day(on), made, day("2026-11-05")), None);
    }

    #[test]
    fn a_day_is_near_the_making_of_the_file_and_not_to_come() {
        check("2026-11-02", "fine");
        check("2026-11-05", "fine");
        check("2026-11-09", "fine");
        check("2026-11-10", "still to come");
        check("2036-11-05", "still to come");
        check("2026-10-26", "fine");
        check("2026-10-25", "long before");
        check("1926-11-05", "long before");
        let long_ago = "1999-01-01".parse().unwrap();
        let today = "2026-11-05".parse().unwrap();
        assert_eq!(impossible_day(Reported::Rejected, long_ago, None, today), None);
    }

    #[test]
    fn another_account_is_told_by_its_end() {
        let told = other_account("0711000001", "0711000002", Channel::Bank, false).unwrap();
        assert_eq!(told, "the account is …0002, ordered was …0001; nothing was changed");
        assert_eq!(other_account("0711000001", "0711.000.001", Channel::Bank, false), None);
    }
}
