//! Whether an account that an answer states is the one that was ordered, and how an account is shown.
//!
//! Reads: both texts. Blanks, dots and hyphens are ways of writing, a phone number has three of them,
//! and a partner may hide digits with stars: none of these makes another account.

use crate::domain::roster::Channel;

/// How many characters are shown of an account.
const SHOWN: usize = 4;
/// A run of so many `X` hides digits; fewer may belong to the account.
const HIDDEN_RUN: usize = 3;

/// Whether `stated` names the account `ordered`. `zeros_dropped`: the format takes accounts for numbers,
/// so that zeros at the beginning are lost.
pub fn is_the_account(ordered: &str, stated: &str, channel: Channel, zeros_dropped: bool) -> bool {
    let is_phone = matches!(channel, Channel::Wallet | Channel::MobileMoney);
    let plain = |text: &str| match is_phone {
        true => domestic(&letters(text)),
        false => letters(text),
    };
    let (ordered, stated) = (plain(ordered), plain(stated));
    let significant = |text: &str| text.trim_start_matches('0').to_owned();
    match zeros_dropped && !is_phone && !stated.contains('*') {
        true => significant(&ordered) == significant(&stated),
        false => fits(&ordered, &stated),
    }
}

/// The end of an account, behind a mark: enough to tell two apart, too little to pay to.
pub fn masked(account: &str) -> String {
    let plain = letters(account);
    let from = plain.char_indices().rev().take(SHOWN).last().map_or(0, |(at, _)| at);
    match plain.chars().count() > SHOWN * 2 {
        true => format!("…{}", &plain[from..]),
        // Of a short one that would be nearly all.
        false => "…".to_owned(),
    }
}

/// Letters and digits in capitals; hidden ones as stars.
fn letters(text: &str) -> String {
    let upper: Vec<char> = text
        .chars()
        .filter(|letter| letter.is_alphanumeric() || matches!(letter, '*' | '#' | '•'))
        .flat_map(char::to_uppercase)
        .collect();
    let mut plain = String::with_capacity(upper.len());
    let mut at = 0;
    while at < upper.len() {
        let run = upper[at..].iter().take_while(|letter| **letter == 'X').count();
        match upper[at] {
            '#' | '•' => plain.push('*'),
            'X' if run >= HIDDEN_RUN => {
                plain.extend(std::iter::repeat_n('*', run));
                at += run;
                continue;
            }
            letter => plain.push(letter),
        }
        at += 1;
    }
    plain
}

/// A Vietnamese phone number without its prefix: `+84901234567`, `0901234567` and `901234567` are one.
fn domestic(phone: &str) -> String {
    let significant = phone.strip_prefix("84").filter(|rest| rest.len() >= 9);
    significant.unwrap_or(phone).trim_start_matches('0').to_owned()
}

/// Equal, or equal in what is not hidden: some partners shorten what they hide.
fn fits(ordered: &str, stated: &str) -> bool {
    match (stated.find('*'), stated.rfind('*')) {
        (Some(first), Some(last)) => {
            let (begin, end) = (&stated[..first], &stated[last + 1..]);
            begin.len() + end.len() <= ordered.len()
                && ordered.starts_with(begin)
                && ordered.ends_with(end)
        }
        _ => ordered == stated,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(ordered: &str, stated: &str, channel: Channel, zeros_dropped: bool, expected: bool) {
        let same = is_the_account(ordered, stated, channel, zeros_dropped);
        assert_eq!(same, expected, "{stated} for {ordered}");
    }

    #[test]
    fn a_way_of_writing_makes_no_other_account() {
        use Channel::{Bank, MobileMoney, Wallet};
        check("0711000001", "0711000001", Bank, false, true);
        check("0711000001", " 0711 000.001", Bank, false, true);
        check("0711000001", "0711-000-001", Bank, false, true);
        check("abc123456", "ABC123456", Bank, false, true);
        check("0711000001", "0711000002", Bank, false, false);
        check("0711000001", "07110000010", Bank, false, false);
        check("0711000001", "711000001", Bank, false, false);
        check("0711000001", "711000001", Bank, true, true);
        check("0711000001", "711000002", Bank, true, false);
        check("0711000010", "71100001", Bank, true, false);
        check("0711000001", "******0001", Bank, false, true);
        check("0711000001", "07xxxx0001", Bank, false, true);
        check("0711000001", "***0001", Bank, true, true);
        check("0711000001", "******0002", Bank, true, false);
        check("0711000001", "08****0001", Bank, false, false);
        check("AX12", "AX13", Bank, false, false);
        check("0901234567", "+84901234567", Wallet, false, true);
        check("+84901234567", "0901234567", MobileMoney, false, true);
        check("+84901234567", "84 901 234 567", MobileMoney, false, true);
        check("0901234567", "901234567", Wallet, false, true);
        check("0901234567", "0901234568", Wallet, false, false);
        check("0901234567", "*******567", Wallet, false, true);
    }

    #[test]
    fn an_account_is_shown_by_its_end() {
        for (account, shown) in
            [("0711000001", "…0001"), ("0711 000 001", "…0001"), ("12345678", "…"), ("", "…")]
        {
            assert_eq!(masked(account), shown);
        }
    }
}
