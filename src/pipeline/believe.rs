//! Whether what an item of an answer says of a payment can be believed at all: that the money went where it
//! was ordered to go, on a day on which it could.
//!
//! Reads: the item, and what was ordered and when it left. Gives: the sentence for the queue, or nothing.

use jiff::civil::Date;

use crate::domain::outcome::Reported;
use crate::domain::payee_account::{is_the_account, masked};
use crate::domain::roster::Channel;
use crate::identity::fold::fold;

/// A result may bear a day before its file was made: two clocks differ, and banks date a booking back
/// to the last business day, which before Tết lies a week away. More is another payment's day. It is not
/// held against the day of delivery, which a clock that jumped may have made later than it was.
pub const DAYS_BEFORE_MAKING_MAX: i64 = 7;

/// The longest name of a list has 100 letters; folded, some of them are gone.
const NAME_CUT_FROM: usize = 80;

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

/// A person as a pay point names one, or as a list ordered one.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Signatory {
    pub id: String,
    /// Every name under which the payee, or who may collect for the payee, stood on the list.
    pub names: Vec<String>,
}

/// What is wrong with the person who is said to have signed for cash: known by the id where both have one,
/// otherwise by the name. Neither is shown.
pub fn other_person(ordered: &Signatory, stated: &Signatory) -> Option<&'static str> {
    if !ordered.id.is_empty() && !stated.id.is_empty() {
        // Such a report goes through a spreadsheet, which takes an id for a number.
        let same = is_the_account(&ordered.id, &stated.id, Channel::Cash, true);
        return (!same).then_some("the id is not that of the ordered person; nothing was changed");
    }
    let known: Vec<String> = ordered.names.iter().map(|name| fold(name)).collect();
    let is_known = |name: &String| {
        let name = fold(name);
        // A list cuts a long name, and a report repeats it as it stood there.
        name.is_empty()
            || known.contains(&name)
            || (name.len() >= NAME_CUT_FROM && known.iter().any(|one| one.starts_with(&name)))
    };
    (!stated.names.iter().all(is_known))
        .then_some("the name is not that of the ordered person; nothing was changed")
}

/// What is wrong with the day on which something is said to have become of a payment.
pub fn impossible_day(
    reported: Reported,
    on: Date,
    made_on: Option<Date>,
    today: Date,
) -> Option<String> {
    // That something is on its way moves no money, whatever day stands beside it.
    if matches!(reported, Reported::InFlight | Reported::UnderReview | Reported::CannotTell) {
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
    fn a_person_is_known_by_the_id_and_otherwise_by_the_name() {
        let person = |id: &str, names: &[&str]| Signatory {
            id: id.to_owned(),
            names: names.iter().map(|name| (*name).to_owned()).collect(),
        };
        let ordered = person("001044000101", &["Nguyễn Văn An", "Trần Thị Bình"]);
        for (id, name, expected) in [
            ("001044000101", "NGUYEN VAN AN", "fine"),
            ("001044000101", "who is sure of the id", "fine"),
            ("1044000101", "", "fine"),
            ("001 044 000 101", "", "fine"),
            ("001044000102", "Nguyễn Văn An", "the id"),
            ("", "nguyen  van an", "fine"),
            ("", "Tran Thi Binh", "fine"),
            ("", "", "fine"),
            ("", "Nguyen Van Anh", "the name"),
        ] {
            let told = other_person(&ordered, &person(id, &[name])).unwrap_or("fine");
            assert!(told.starts_with(expected), "{id} {name}: {told}");
        }
        let unnumbered = person("", &["Nguyễn Văn An"]);
        assert_eq!(other_person(&unnumbered, &person("001044000102", &["Nguyen Van An"])), None);
        assert!(other_person(&unnumbered, &person("001044000102", &["Le Van Chi"])).is_some());
        let long = "nguyen ".repeat(20);
        let cut = &long[..100];
        assert_eq!(other_person(&person("", &[&long]), &person("", &[cut])), None);
    }

    #[test]
    fn another_account_is_told_by_its_end() {
        let told = other_account("0711000001", "0711000002", Channel::Bank, false).unwrap();
        assert_eq!(told, "the account is …0002, ordered was …0001; nothing was changed");
        assert_eq!(other_account("0711000001", "0711.000.001", Channel::Bank, false), None);
    }
}
