//! The named rules that turn grades into a decision, tried from the top; the first that fits
//! decides.
//!
//! Reads: the grades of one roster row against one register record, and what the register says of
//! life and death. Gives: a rule, its verdict, and the hold it asks for. Every rule has an id that
//! never changes its meaning, and a sentence that an officer can read to a person.
//!
//! Policy: agreement on the id with name and birth passes by itself; a slip in one of them passes
//! and is looked at later; what differs is held and never ceased; a death holds only with two
//! factors.

use jiff::civil::Date;

use crate::domain::hold::HoldCode;
use crate::domain::identity::VitalStatus;
use crate::domain::national_id::IdFindings;
use crate::identity::grade::{BirthGrade, IdGrade, NameGrade, SexGrade};

/// Changes when any rule changes what it decides; recorded in every decision.
pub const LADDER_VERSION: u16 = 3;

/// The agreement of one roster row with one register record.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Grades {
    pub id: IdGrade,
    pub name: NameGrade,
    pub birth: BirthGrade,
    pub sex: SexGrade,
    /// What the digits of the roster's id contradict in the roster's own row.
    pub findings: IdFindings,
}

/// What a rule decides.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum Verdict {
    /// The same person; nobody needs to look.
    Auto,
    /// A person looks. Without a hold the payment goes on meanwhile.
    Review,
    /// Held, and released only against evidence.
    Hold,
    /// Not the same person.
    No,
}

/// One rule of the ladder.
pub struct LadderRule {
    pub rule: Rule,
    /// Printed and stored: `R10`.
    pub id: &'static str,
    pub verdict: Verdict,
    pub hold: Option<HoldCode>,
    pub vi: &'static str,
    pub en: &'static str,
}

/// Writes the enum and the table from one list.
macro_rules! rules {
    ($($name:ident $id:literal $verdict:ident $hold:expr, $vi:literal $en:literal)*) => {
        /// The rules in the order in which they are tried.
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
        pub enum Rule {
            $(#[doc = $en] $name,)*
        }

        /// Every rule, in the order of the enum.
        pub const RULES: &[LadderRule] = &[
            $(LadderRule {
                rule: Rule::$name,
                id: $id,
                verdict: Verdict::$verdict,
                hold: $hold,
                vi: $vi,
                en: $en,
            },)*
        ];
    };
}

rules! {
    DeadBeforePeriod "R10" Hold Some(HoldCode::Deceased),
        "Số định danh cùng họ tên hoặc ngày sinh khớp với người đã chết trước kỳ."
        "The id and also the name or the birth agree with someone who died before the period."
    DeadInPeriod "R11" Review Some(HoldCode::DiedInPeriod),
        "Số định danh cùng họ tên hoặc ngày sinh khớp với người chết trong hoặc sau kỳ; tháng chết vẫn được hưởng."
        "The id and also the name or the birth agree with someone who died in or after the period; the month of death is due."
    DeadByIdAlone "R12" Review Some(HoldCode::NameDiffers),
        "Chỉ số định danh trùng với một người đã chết; họ tên và ngày sinh đều không khớp."
        "Only the id is that of someone who died; neither name nor birth agrees."
    LivesThoughPaidOnDeath "R13" Review Some(HoldCode::ExpectedDeathNotRegistered),
        "Chế độ chi khi có người chết, nhưng người này chưa được ghi là đã chết."
        "The benefit is paid on a death, and this person is not registered as dead."
    DeclaredMissing "R14" Hold Some(HoldCode::DeclaredMissing),
        "Số định danh cùng họ tên hoặc ngày sinh khớp với người bị tuyên bố mất tích."
        "The id and also the name or the birth agree with someone who was declared missing."
    IdNameAndBirth "R20" Auto None,
        "Số định danh, họ tên và ngày sinh đều khớp."
        "The id, the name and the birth agree."
    IdNameAndYear "R21" Auto None,
        "Số định danh, họ tên và năm sinh khớp; một bên chỉ biết năm sinh."
        "The id, the name and the year of birth agree; one side knows only the year."
    IdBirthAndNearName "R22" Auto None,
        "Số định danh và ngày sinh khớp; họ tên chỉ lệch nhỏ."
        "The id and the birth agree; the name differs by a slip."
    SexDiffers "R23" Review None,
        "Số định danh, họ tên và ngày sinh khớp nhưng giới tính khác."
        "The id, the name and the birth agree, and the sex differs."
    BirthMissing "R24" Review None,
        "Số định danh và họ tên khớp; thiếu ngày sinh ở một bên."
        "The id and the name agree; one side has no date of birth."
    BirthNear "R25" Review None,
        "Số định danh và họ tên khớp; ngày sinh đảo ngày tháng hoặc lệch một năm."
        "The id and the name agree; the birth has day and month swapped or is a year off."
    NameNearYearOnly "R26" Review None,
        "Số định danh khớp, họ tên lệch nhỏ, năm sinh khớp."
        "The id agrees, the name differs by a slip, and the year of birth agrees."
    MiddleDiffers "R27" Review None,
        "Số định danh và ngày sinh khớp; họ và tên khớp nhưng tên đệm khác."
        "The id and the birth agree; family and given name agree, and the middle name differs."
    NameEncodingDamaged "R28" Review Some(HoldCode::NameEncodingDamaged),
        "Số định danh khớp; họ tên khớp sau khi chuyển từ bảng mã cũ."
        "The id agrees; the name agrees once read in a legacy encoding."
    BirthDiffers "R30" Review Some(HoldCode::BirthDiffers),
        "Số định danh và họ tên khớp; ngày sinh khác."
        "The id and the name agree; the birth differs."
    NameAndBirthNear "R31" Review Some(HoldCode::NameDiffers),
        "Số định danh khớp; họ tên và ngày sinh đều chỉ gần khớp."
        "The id agrees; the name and the birth are both only near."
    NameNearBirthDiffers "R32" Hold Some(HoldCode::NameDiffers),
        "Số định danh khớp; họ tên chỉ gần khớp và ngày sinh khác."
        "The id agrees; the name is only near and the birth differs."
    NameDiffers "R40" Hold Some(HoldCode::NameDiffers),
        "Số định danh khớp nhưng họ tên khác."
        "The id agrees and the name differs."
    Ambiguous "R53" Review Some(HoldCode::IdentityAmbiguous),
        "Nhiều người trong cơ sở dữ liệu cùng khớp."
        "Several people in the register fit."
    IdMissing "R54" Review Some(HoldCode::IdMissing),
        "Không có số định danh."
        "There is no id."
    IdFormInvalid "R55" Review Some(HoldCode::IdFormInvalid),
        "Số định danh sai dạng."
        "The id has the wrong form."
    IdContradicts "R56" Review Some(HoldCode::IdContradictsPerson),
        "Số định danh không tìm thấy, và các chữ số trái với năm sinh hoặc giới tính."
        "The id is not found, and its digits contradict the birth or the sex."
    NotFound "R57" Review Some(HoldCode::IdentityNotFound),
        "Không tìm thấy số định danh."
        "The id is not found."
    EnrolledTwice "R60" Hold Some(HoldCode::EnrolledTwice),
        "Người này đã có một hồ sơ hưởng khác của cùng chế độ, đứng trước hồ sơ này."
        "This person has another enrolment in the same benefit that comes first."
    AccountShared "R61" Hold Some(HoldCode::AccountShared),
        "Tài khoản này nhận tiền cho nhiều người mà không có ủy quyền."
        "This account receives for several people without an authorisation."
    NotThisPerson "R90" No None,
        "Không phải cùng một người."
        "Not the same person."
}

impl Rule {
    pub fn entry(self) -> &'static LadderRule {
        &RULES[self as usize]
    }

    /// The stable id: `R10`.
    pub fn id(self) -> &'static str {
        self.entry().id
    }

    pub fn verdict(self) -> Verdict {
        self.entry().verdict
    }

    pub fn hold(self) -> Option<HoldCode> {
        self.entry().hold
    }
}

/// What else than the grades a decision depends on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Circumstances {
    pub vital: VitalStatus,
    /// The first day of the period that is paid.
    pub period_first: Date,
    /// True for a benefit that is paid because the person died, such as the funeral grant.
    pub paid_on_death: bool,
}

/// Decides one row against one record. `Rule::NotThisPerson` when the id is not the record's: a name and a
/// birth alone are nobody's, and an id with a slip is another's until somebody has looked.
pub fn decide(grades: &Grades, circumstances: &Circumstances) -> Rule {
    if !grades.id.links() {
        return Rule::NotThisPerson;
    }
    if let Some(rule) = decide_on_death(grades, circumstances) {
        return rule;
    }
    let near_enough = grades.name.agrees() || grades.name.is_near();
    match (grades.name, grades.birth) {
        (name, BirthGrade::Same | BirthGrade::YearOnly) if name.agrees() => match grades {
            Grades { sex: SexGrade::Different, .. } => Rule::SexDiffers,
            Grades { birth: BirthGrade::Same, .. } => Rule::IdNameAndBirth,
            _ => Rule::IdNameAndYear,
        },
        (name, BirthGrade::Missing) if name.agrees() => Rule::BirthMissing,
        (name, birth) if name.agrees() && birth.is_near() => Rule::BirthNear,
        (name, _) if name.agrees() => Rule::BirthDiffers,
        (name, BirthGrade::Same) if name.is_near() => match grades.sex {
            SexGrade::Different => Rule::NameAndBirthNear,
            _ => Rule::IdBirthAndNearName,
        },
        (
            NameGrade::Permuted | NameGrade::MiddleMissing | NameGrade::OneEdit,
            BirthGrade::YearOnly,
        ) => Rule::NameNearYearOnly,
        (NameGrade::FamilyAndGiven, BirthGrade::Same) => Rule::MiddleDiffers,
        (NameGrade::LegacyEncoding, _) => Rule::NameEncodingDamaged,
        (_, birth) if near_enough || grades.name == NameGrade::FamilyAndGiven => match birth {
            BirthGrade::Different => Rule::NameNearBirthDiffers,
            _ => Rule::NameAndBirthNear,
        },
        (NameGrade::Missing, BirthGrade::Same) => Rule::NameAndBirthNear,
        _ => Rule::NameDiffers,
    }
}

/// The rules about who is not known to live, which come first: an id and a second factor, or nothing.
fn decide_on_death(grades: &Grades, circumstances: &Circumstances) -> Option<Rule> {
    let paid_on_death = circumstances.paid_on_death;
    // A damaged encoding is still the name, and a year that both sides know is not a second factor.
    let second_factor = || {
        grades.name.agrees()
            || grades.name.is_near()
            || grades.name == NameGrade::LegacyEncoding
            || matches!(grades.birth, BirthGrade::Same | BirthGrade::Swapped)
    };
    match circumstances.vital {
        VitalStatus::Deceased { .. } if paid_on_death => None,
        VitalStatus::Deceased { .. } if !second_factor() => Some(Rule::DeadByIdAlone),
        VitalStatus::Deceased { on: Some(on) } if on >= circumstances.period_first => {
            Some(Rule::DeadInPeriod)
        }
        VitalStatus::Deceased { .. } => Some(Rule::DeadBeforePeriod),
        VitalStatus::Missing if !paid_on_death => second_factor().then_some(Rule::DeclaredMissing),
        VitalStatus::Alive | VitalStatus::Missing => {
            let same = grades.name.agrees() || grades.birth == BirthGrade::Same;
            (paid_on_death && same).then_some(Rule::LivesThoughPaidOnDeath)
        }
        VitalStatus::Unknown => None,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::domain::period::parse_date;

    fn grades(id: IdGrade, name: NameGrade, birth: BirthGrade) -> Grades {
        Grades { id, name, birth, sex: SexGrade::Same, findings: IdFindings::default() }
    }

    fn circumstances(vital: VitalStatus) -> Circumstances {
        Circumstances {
            vital,
            period_first: parse_date("2026-11-01").unwrap(),
            paid_on_death: false,
        }
    }

    #[track_caller]
    fn check(table: &[(IdGrade, NameGrade, BirthGrade, &str, Verdict)]) {
        for (id, name, birth, expected, verdict) in table {
            let rule = decide(&grades(*id, *name, *birth), &circumstances(VitalStatus::Alive));
            let actual = (rule.id(), rule.verdict());
            assert_eq!(actual, (*expected, *verdict), "{id:?} {name:?} {birth:?}");
        }
    }

    #[test]
    fn every_rule_has_its_own_id_and_sentences() {
        let mut seen = HashSet::new();
        for (at, rule) in RULES.iter().enumerate() {
            assert_eq!(rule.rule as usize, at, "{}", rule.id);
            for text in [rule.id, rule.vi, rule.en] {
                assert!(seen.insert(text), "{text} stands twice");
            }
            assert!(rule.vi.ends_with('.') && rule.en.ends_with('.'), "{}", rule.id);
            match rule.verdict {
                Verdict::Auto | Verdict::No => assert!(rule.hold.is_none(), "{}", rule.id),
                Verdict::Hold => assert!(rule.hold.is_some(), "{}", rule.id),
                Verdict::Review => {}
            }
        }
        assert!(RULES.windows(2).all(|pair| pair[0].id < pair[1].id));
    }

    #[test]
    fn the_living_are_decided_by_how_much_agrees() {
        use {BirthGrade as B, IdGrade as I, NameGrade as N, Verdict::*};
        check(&[
            (I::Same, N::Identical, B::Same, "R20", Auto),
            (I::Same, N::SameFolded, B::Same, "R20", Auto),
            (I::Previous, N::SameWriting, B::Same, "R20", Auto),
            (I::ZeroRestored, N::Identical, B::Same, "R20", Auto),
            (I::Same, N::Identical, B::YearOnly, "R21", Auto),
            (I::Same, N::OneEdit, B::Same, "R22", Auto),
            (I::Same, N::Permuted, B::Same, "R22", Auto),
            (I::Same, N::Identical, B::Missing, "R24", Review),
            (I::Same, N::SameFolded, B::Swapped, "R25", Review),
            (I::Same, N::SameFolded, B::YearOff, "R25", Review),
            (I::Same, N::MiddleMissing, B::YearOnly, "R26", Review),
            (I::Same, N::FamilyAndGiven, B::Same, "R27", Review),
            (I::Same, N::LegacyEncoding, B::Same, "R28", Review),
            (I::Same, N::Identical, B::Different, "R30", Review),
            (I::Same, N::OneEdit, B::YearOff, "R31", Review),
            (I::Same, N::Phonetic, B::YearOnly, "R31", Review),
            (I::Same, N::FamilyAndGiven, B::YearOnly, "R31", Review),
            (I::Same, N::MiddleMissing, B::Different, "R32", Hold),
            (I::Same, N::FamilyAndGiven, B::Different, "R32", Hold),
            (I::Same, N::OneEdit, B::Missing, "R31", Review),
            (I::Same, N::Different, B::Same, "R40", Hold),
            (I::Same, N::Different, B::Different, "R40", Hold),
            (I::OneEdit, N::SameFolded, B::Same, "R90", No),
            (I::Swap, N::Identical, B::Same, "R90", No),
            (I::OneEdit, N::Identical, B::YearOnly, "R90", No),
            (I::OneEdit, N::OneEdit, B::Same, "R90", No),
            (I::Missing, N::Identical, B::Same, "R90", No),
            (I::Different, N::Identical, B::Same, "R90", No),
            (I::Different, N::Identical, B::YearOnly, "R90", No),
        ]);
    }

    #[test]
    fn a_death_holds_with_two_factors_and_never_with_one() {
        let on = |text| VitalStatus::Deceased { on: Some(parse_date(text).unwrap()) };
        let before = on("2026-10-31");
        for (vital, id, name, birth, expected) in [
            (before, IdGrade::Same, NameGrade::Identical, BirthGrade::Same, "R10"),
            (before, IdGrade::Same, NameGrade::Different, BirthGrade::Same, "R10"),
            (before, IdGrade::Same, NameGrade::SameFolded, BirthGrade::Different, "R10"),
            (before, IdGrade::Previous, NameGrade::OneEdit, BirthGrade::Missing, "R10"),
            (before, IdGrade::Swap, NameGrade::Identical, BirthGrade::Same, "R90"),
            (before, IdGrade::Same, NameGrade::Different, BirthGrade::YearOnly, "R12"),
            (before, IdGrade::Same, NameGrade::Different, BirthGrade::Different, "R12"),
            (before, IdGrade::Missing, NameGrade::Identical, BirthGrade::Same, "R90"),
            (
                VitalStatus::Deceased { on: None },
                IdGrade::Same,
                NameGrade::Identical,
                BirthGrade::Same,
                "R10",
            ),
            (on("2026-11-01"), IdGrade::Same, NameGrade::Identical, BirthGrade::Same, "R11"),
            (on("2026-12-02"), IdGrade::Same, NameGrade::Identical, BirthGrade::Same, "R11"),
        ] {
            let rule = decide(&grades(id, name, birth), &circumstances(vital));
            assert_eq!(rule.id(), expected, "{vital:?} {id:?} {name:?} {birth:?}");
        }
    }

    #[test]
    fn who_was_declared_missing_is_held_with_two_factors_and_never_with_one() {
        let missing = circumstances(VitalStatus::Missing);
        for (id, name, birth, expected) in [
            (IdGrade::Same, NameGrade::Identical, BirthGrade::Same, "R14"),
            (IdGrade::Same, NameGrade::Different, BirthGrade::Same, "R14"),
            (IdGrade::Swap, NameGrade::Identical, BirthGrade::Same, "R90"),
            (IdGrade::Same, NameGrade::Different, BirthGrade::YearOnly, "R40"),
        ] {
            let rule = decide(&grades(id, name, birth), &missing);
            assert_eq!(rule.id(), expected, "{id:?} {name:?} {birth:?}");
        }
    }

    #[test]
    fn a_funeral_grant_needs_the_death_that_other_benefits_stop_on() {
        let agreeing = grades(IdGrade::Same, NameGrade::Identical, BirthGrade::Same);
        let funeral = |vital| Circumstances { paid_on_death: true, ..circumstances(vital) };
        let dead = VitalStatus::Deceased { on: None };
        assert_eq!(decide(&agreeing, &funeral(dead)).id(), "R20");
        assert_eq!(decide(&agreeing, &funeral(VitalStatus::Alive)).id(), "R13");
        assert_eq!(decide(&agreeing, &funeral(VitalStatus::Missing)).id(), "R13");
    }

    #[test]
    fn nothing_passes_by_itself_unless_two_factors_agree() {
        for id in IdGrade::ALL {
            for name in NameGrade::ALL {
                for birth in BirthGrade::ALL {
                    for sex in SexGrade::ALL {
                        let grades = Grades { sex, ..grades(id, name, birth) };
                        let rule = decide(&grades, &circumstances(VitalStatus::Alive));
                        let agreeing = usize::from(id.links())
                            + usize::from(name.agrees())
                            + usize::from(birth.agrees());
                        if rule.verdict() == Verdict::Auto {
                            assert!(agreeing >= 2 && sex != SexGrade::Different, "{grades:?}");
                        }
                        let dead = circumstances(VitalStatus::Deceased { on: None });
                        let on_death = decide(&grades, &dead);
                        if id.links() {
                            assert!(on_death.hold().is_some(), "{grades:?} pays the dead");
                        }
                    }
                }
            }
        }
    }
}
