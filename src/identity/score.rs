//! Orders the review queue: how much the grades speak for one person, in thousandths of a bit.
//!
//! Reads: grades. Gives: a sum of frozen weights, log2(m/u) of each grade, where m is how often the
//! grade is met between two records of one person and u between two of different persons. The
//! weights are data: nothing is trained in a pay run, and no score ever decides.

use crate::identity::ladder::Grades;

/// Changes when any weight changes; recorded in every decision.
pub const SCORE_VERSION: u16 = 1;

/// The weight of evidence in thousandths of a bit; positive speaks for the same person.
pub fn score_millibits(grades: &Grades) -> i32 {
    NAME_MILLIBITS[grades.name as usize]
        + BIRTH_MILLIBITS[grades.birth as usize]
        + SEX_MILLIBITS[grades.sex as usize]
        + ID_MILLIBITS[grades.id as usize]
}

/// In the order of `NameGrade::ALL`. A Vietnamese full name is shared by thousands, so even an
/// identical one is worth little more than ten bits; a wrong middle name costs most of it.
const NAME_MILLIBITS: [i32; 11] =
    [11_000, 11_000, 10_000, 7_000, 5_500, 6_500, 5_000, 2_000, 9_000, -6_000, 0];

/// In the order of `BirthGrade::ALL`.
const BIRTH_MILLIBITS: [i32; 6] = [14_000, 5_500, 5_000, 3_500, -5_500, 0];

/// In the order of `SexGrade::ALL`.
const SEX_MILLIBITS: [i32; 3] = [1_000, 0, -6_000];

/// In the order of `IdGrade::ALL`.
const ID_MILLIBITS: [i32; 7] = [26_000, 24_000, 25_000, 14_000, 13_000, -6_000, 0];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::national_id::IdFindings;
    use crate::identity::grade::{BirthGrade, IdGrade, NameGrade, SexGrade};

    #[test]
    fn better_evidence_scores_higher() {
        let grades = |id, name, birth| Grades {
            id,
            name,
            birth,
            sex: SexGrade::Same,
            findings: IdFindings::default(),
        };
        let ordered = [
            grades(IdGrade::Same, NameGrade::Identical, BirthGrade::Same),
            grades(IdGrade::Same, NameGrade::SameFolded, BirthGrade::YearOnly),
            grades(IdGrade::Same, NameGrade::OneEdit, BirthGrade::YearOff),
            grades(IdGrade::Missing, NameGrade::Identical, BirthGrade::Same),
            grades(IdGrade::Same, NameGrade::Different, BirthGrade::Different),
            grades(IdGrade::Different, NameGrade::Different, BirthGrade::Different),
        ];
        assert!(ordered.windows(2).all(|p| score_millibits(&p[0]) > score_millibits(&p[1])));
    }
}
