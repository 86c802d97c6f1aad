//! Whether the name on an account is the name of whom it is to pay.
//!
//! Reads: a row of the roster, and the name that the register has of its person. Gives: yes or no. Banks
//! print names in capitals without marks, some with the given name first and some with initials for middle
//! names: these are the same name. A letter more or less may be another person's, and an officer looks.

use crate::domain::roster::{Channel, RosterRow};
use crate::identity::grade::{NameComparer, NameGrade};

/// Compares names of accounts; keep one per worker.
#[derive(Default)]
pub struct AccountNames {
    names: NameComparer,
}

impl AccountNames {
    /// True also where the roster names no account's holder, and for cash. `recorded` is the beneficiary's
    /// name in the register, once the register confirmed them.
    pub fn account_fits(&mut self, row: &RosterRow, recorded: Option<&str>) -> bool {
        if matches!(row.channel, Channel::Cash | Channel::Unnamed) {
            return true;
        }
        match &row.payee {
            Some(payee) => self.is_of(row.channel, &row.account_name, &payee.name),
            None => {
                self.is_the_same(&row.account_name, &row.full_name)
                    || recorded.is_some_and(|name| self.is_the_same(&row.account_name, name))
            }
        }
    }

    /// Whether an account is that of a payee who is named beside it. True also of cash, and where the account
    /// names nobody.
    pub fn is_of(&mut self, channel: Channel, on_account: &str, name: &str) -> bool {
        matches!(channel, Channel::Cash | Channel::Unnamed) || self.is_the_same(on_account, name)
    }

    fn is_the_same(&mut self, on_account: &str, name: &str) -> bool {
        let grade = self.names.grade(on_account, name);
        grade <= NameGrade::MiddleMissing || grade == NameGrade::Missing
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bank_s_way_of_printing_is_no_other_name() {
        let mut names = AccountNames::default();
        for (on_account, name, same) in [
            ("NGUYEN VAN AN", "Nguyễn Văn An", true),
            ("nguyen  van an", "Nguyễn Văn Ân", true),
            ("AN NGUYEN VAN", "Nguyễn Văn An", true),
            ("NGUYEN V AN", "Nguyễn Văn An", true),
            ("NGUYEN AN", "Nguyễn Văn An", true),
            ("DO THI DIEM", "Đỗ Thị Điểm", true),
            ("HHEN NIE", "H'Hen Niê", true),
            ("", "Nguyễn Văn An", true),
            ("NGUYEN VAN ANH", "Nguyễn Văn An", false),
            ("NGUYEN THI AN", "Nguyễn Văn An", false),
            ("TRAN VAN AN", "Nguyễn Văn An", false),
            ("LE THI HOA", "Nguyễn Văn An", false),
        ] {
            assert_eq!(names.is_the_same(on_account, name), same, "{on_account} for {name}");
        }
    }
}
