//! Draws people: where and when they were born, what they are called, which ids they bear.

use jiff::Span;
use jiff::civil::Date;

use crate::domain::identity::Sex;
use crate::domain::national_id::{BIRTH_PROVINCES, BirthProvince};
use crate::synth::destinations::scramble;
use crate::synth::names::Name;
use crate::synth::places::{Province, pick_province};
use crate::synth::random::{Random, Rate};

/// One person, as they are.
#[derive(Clone)]
pub struct Person {
    /// Unique among all people of a synthetic month; accounts and old cards derive from it.
    pub serial: u64,
    pub name: Name,
    pub sex: Sex,
    pub born: Date,
    /// True when nobody knows more than the year.
    pub year_only: bool,
    pub province: &'static Province,
    pub commune: u32,
    /// Twelve digits.
    pub national_id: String,
    /// Nine digits.
    pub previous_national_id: Option<String>,
    pub death: Death,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Death {
    Alive,
    On(Date),
    /// Died, and the register has no day.
    DayUnknown,
}

impl Person {
    pub fn age_on(&self, day: Date) -> i64 {
        let years = i64::from(day.year()) - i64::from(self.born.year());
        years - i64::from((day.month(), day.day()) < (self.born.month(), self.born.day()))
    }
}

/// Gives out ids, each once. Its size does not grow with the number of people.
pub struct IdOffice {
    seed: u64,
    serials: u64,
    /// How many ids each (province, century and sex, year) has given: the six random digits are a
    /// permutation of this count.
    given: Vec<u32>,
}

impl IdOffice {
    pub fn new(seed: u64) -> IdOffice {
        IdOffice { seed, serials: 0, given: vec![0; BIRTH_PROVINCES.len() * 10 * 100] }
    }

    pub fn serial(&mut self) -> u64 {
        self.serials += 1;
        self.serials
    }

    /// Twelve digits: province of birth registration, century and sex, year, six digits.
    pub fn national_id(&mut self, birthplace: &BirthProvince, sex: Sex, born: Date) -> String {
        let century = (born.year() / 100 - 19).clamp(0, 4) * 2;
        let digit = century + i16::from(sex == Sex::Female);
        let place = BIRTH_PROVINCES.iter().position(|known| known == birthplace).unwrap_or(0);
        let year = born.year().rem_euclid(100);
        let cell = (place * 10 + digit as usize) * 100 + year as usize;
        let offset = Random::stream(self.seed, cell as u64).below(1_000_000);
        let six = (scramble(u64::from(self.given[cell]), 1_000_000) + offset) % 1_000_000;
        self.given[cell] += 1;
        format!("{:03}{digit}{year:02}{six:06}", birthplace.prefix)
    }

    /// Nine digits that no other serial has.
    fn old_card(&self, serial: u64) -> String {
        format!("{:09}", (scramble(serial, 1_000_000_000) + 12_345_678) % 1_000_000_000)
    }
}

/// Draws someone of that age on `day`.
pub fn draw(
    random: &mut Random,
    ids: &mut IdOffice,
    day: Date,
    age: i64,
    female_percent: u64,
    year_only: Rate,
) -> Person {
    let province = pick_province(random);
    let sex = if random.below(100) < female_percent { Sex::Female } else { Sex::Male };
    let born = birthday(random, day, age);
    let minority = random.below(100) < u64::from(province.minority_percent);
    let name = Name::draw(random, sex, born.year(), minority);
    let commune = province.pick_commune(random);
    settle(random, ids, name, sex, born, province, commune, year_only)
}

/// Draws a relative who lives in the same commune.
pub fn draw_relative(
    random: &mut Random,
    ids: &mut IdOffice,
    of: &Person,
    day: Date,
    age: i64,
) -> Person {
    let sex = if random.below(100) < 50 { Sex::Female } else { Sex::Male };
    let born = birthday(random, day, age);
    let name = of.name.relative(random, sex, born.year());
    settle(random, ids, name, sex, born, of.province, of.commune, Rate::NEVER)
}

#[allow(clippy::too_many_arguments)] // Everything a person has before they have ids.
fn settle(
    random: &mut Random,
    ids: &mut IdOffice,
    name: Name,
    sex: Sex,
    born: Date,
    province: &'static Province,
    commune: u32,
    year_only: Rate,
) -> Person {
    let serial = ids.serial();
    let birthplace = province.pick_birth_province(random);
    let national_id = ids.national_id(birthplace, sex, born);
    // Old cards were given from 14 and gave way to citizen ids between 2016 and 2021.
    let carded = born.year() <= 2004 && random.below(100) < 72;
    let year_only = born.year() < 1965 && random.happens(year_only);
    Person {
        serial,
        name,
        sex,
        born: if year_only { Date::new(born.year(), 1, 1).unwrap_or(born) } else { born },
        year_only,
        province,
        commune,
        national_id,
        previous_national_id: carded.then(|| ids.old_card(serial)),
        death: Death::Alive,
    }
}

/// A day of birth that makes someone `age` years old on `day`.
fn birthday(random: &mut Random, day: Date, age: i64) -> Date {
    let span = Span::new().years(age.clamp(0, 120)).days(random.between(0, 364));
    day.checked_sub(span).unwrap_or(day)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::domain::identity::BirthDate;
    use crate::domain::national_id::{IdFindings, NationalId};
    use crate::domain::period::parse_date;

    #[test]
    fn everybody_has_ids_of_their_own_that_fit_their_birth() {
        let day = parse_date("2026-11-01").unwrap();
        let mut ids = IdOffice::new(5);
        let mut random = Random::stream(5, 5);
        let mut seen = HashSet::new();
        for at in 0..20_000 {
            let age = at % 100;
            let person = draw(&mut random, &mut ids, day, age, 55, Rate::percent(18));
            let id = NationalId::parse(&person.national_id).unwrap();
            let born = BirthDate::on(person.born).unwrap();
            assert_eq!(id.findings(Some(born), Some(person.sex)), IdFindings::default());
            assert!(person.year_only || person.age_on(day) == age, "{} {age}", person.born);
            assert!(seen.insert(id.key()));
            if let Some(previous) = &person.previous_national_id {
                assert!(seen.insert(NationalId::parse(previous).unwrap().key()));
            }
        }
    }
}
