//! Which benefits people draw, at which ages, and the facts that go with each.
//!
//! Shares follow published numbers of Vietnam in 2026: about two million on the social pension and
//! 3.35 million on social assistance, half of them for disability. They are assumptions, not a
//! census.

use crate::synth::random::Random;
use crate::synth::rows::Facts;

/// A benefit as the roster names it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum SynthBenefit {
    SocialPension,
    Orphan,
    OrphanStudent,
    SingleParent,
    ElderlyPoor,
    ElderlyInCommunity,
    Disability,
    SmallChildPoor,
    Hiv,
    Funeral,
    PensionerFuneral,
    Maternity,
    CareHousehold,
    CareFoster,
}

impl SynthBenefit {
    pub fn programme(self) -> &'static str {
        match self {
            SynthBenefit::SocialPension | SynthBenefit::PensionerFuneral => "social_pension",
            _ => "social_assistance",
        }
    }

    /// The code in the roster's `benefit` column.
    pub fn code(self) -> &'static str {
        match self {
            SynthBenefit::SocialPension => "monthly",
            SynthBenefit::Orphan => "k1",
            SynthBenefit::OrphanStudent => "k2",
            SynthBenefit::SingleParent => "k4",
            SynthBenefit::ElderlyPoor => "k5a",
            SynthBenefit::ElderlyInCommunity => "k5d",
            SynthBenefit::Disability => "k6",
            SynthBenefit::SmallChildPoor => "k7",
            SynthBenefit::Hiv => "k8",
            SynthBenefit::Funeral | SynthBenefit::PensionerFuneral => "funeral",
            SynthBenefit::Maternity => "maternity",
            SynthBenefit::CareHousehold => "care_household",
            SynthBenefit::CareFoster => "care_foster",
        }
    }

    /// True for a benefit that is paid because the person died.
    pub fn is_paid_on_death(self) -> bool {
        matches!(self, SynthBenefit::Funeral | SynthBenefit::PensionerFuneral)
    }

    /// Draws what someone is chiefly enrolled in. Care is added beside the benefit of the person
    /// cared for.
    pub fn draw(random: &mut Random) -> SynthBenefit {
        random.pick_weighted(&SHARES, |(_, share)| *share).0
    }

    /// Draws an age at which someone draws this benefit.
    pub fn draw_age(self, random: &mut Random) -> i64 {
        let youngest_of_two = |random: &mut Random, first, last| {
            random.between(first, last).min(random.between(first, last))
        };
        match self {
            // One in twenty is poor and between 70 and 75.
            SynthBenefit::SocialPension if random.below(20) == 0 => random.between(70, 74),
            SynthBenefit::SocialPension => youngest_of_two(random, 75, 101),
            SynthBenefit::Orphan | SynthBenefit::CareFoster => random.between(0, 15),
            SynthBenefit::OrphanStudent => random.between(16, 21),
            SynthBenefit::SingleParent => random.between(20, 52),
            SynthBenefit::ElderlyPoor | SynthBenefit::ElderlyInCommunity => {
                youngest_of_two(random, 60, 98)
            }
            SynthBenefit::Disability | SynthBenefit::CareHousehold => match random.below(100) {
                0..=13 => random.between(1, 15),
                14..=59 => random.between(16, 59),
                _ => youngest_of_two(random, 60, 96),
            },
            SynthBenefit::SmallChildPoor => random.between(0, 2),
            SynthBenefit::Hiv => random.between(18, 60),
            SynthBenefit::Maternity => random.between(18, 42),
            SynthBenefit::Funeral => random.between(60, 100),
            SynthBenefit::PensionerFuneral => random.between(76, 100),
        }
    }

    /// The age from which someone may be enrolled, and the age at which the enrolment ends.
    pub fn ages(self, age: i64) -> (i64, Option<i64>) {
        match self {
            SynthBenefit::SocialPension if age < 75 => (70, None),
            SynthBenefit::SocialPension => (75, None),
            SynthBenefit::Orphan | SynthBenefit::CareFoster => (0, Some(16)),
            SynthBenefit::OrphanStudent => (16, Some(22)),
            SynthBenefit::SmallChildPoor => (0, Some(3)),
            SynthBenefit::ElderlyPoor | SynthBenefit::ElderlyInCommunity => (60, None),
            SynthBenefit::SingleParent | SynthBenefit::Hiv => (18, None),
            _ => (0, None),
        }
    }

    pub fn female_percent(self) -> u64 {
        match self {
            SynthBenefit::SocialPension
            | SynthBenefit::Funeral
            | SynthBenefit::PensionerFuneral => 61,
            SynthBenefit::SingleParent => 91,
            SynthBenefit::Hiv => 33,
            SynthBenefit::Disability | SynthBenefit::CareHousehold => 46,
            _ => 50,
        }
    }

    /// The facts of an enrolment that lacks nothing.
    pub fn draw_facts(self, random: &mut Random, age: i64, female: bool) -> Facts {
        let poverty = match (self, random.below(100)) {
            (
                SynthBenefit::ElderlyPoor | SynthBenefit::ElderlyInCommunity | SynthBenefit::Hiv,
                _,
            ) => "poor",
            (SynthBenefit::SingleParent | SynthBenefit::SmallChildPoor, 0..=54) => "poor",
            (SynthBenefit::SingleParent | SynthBenefit::SmallChildPoor, _) => "near_poor",
            (SynthBenefit::SocialPension, 0..=54) if age < 75 => "poor",
            (SynthBenefit::SocialPension, _) if age < 75 => "near_poor",
            (_, 0..=6) => "poor",
            (_, 7..=13) => "near_poor",
            _ => "neither",
        };
        let mut facts = Facts { household_poverty: poverty, ..Facts::default() };
        match self {
            SynthBenefit::SocialPension => {
                // A small pension, below the level, does not exclude.
                let small = random.below(25) == 0;
                let pension = if small { random.between(20, 49) * 10_000 } else { 0 };
                facts.monthly_pension = pension.to_string();
            }
            SynthBenefit::OrphanStudent => facts.studying = "yes",
            SynthBenefit::SingleParent => {
                facts.raised_children = *random.pick_early(&["1", "2", "3", "4"]);
            }
            SynthBenefit::Disability => {
                let worst = random.below(100) < 24;
                facts.disability_level = if worst { "especially_severe" } else { "severe" };
                let fertile = female && (18..=42).contains(&age);
                facts.pregnant = if fertile && random.below(60) == 0 { "yes" } else { "no" };
            }
            SynthBenefit::CareHousehold => facts.disability_level = "especially_severe",
            _ => {}
        }
        facts
    }
}

/// Parts in a thousand of the people.
const SHARES: [(SynthBenefit, u32); 11] = [
    (SynthBenefit::SocialPension, 395),
    (SynthBenefit::Disability, 375),
    (SynthBenefit::ElderlyPoor, 45),
    (SynthBenefit::ElderlyInCommunity, 2),
    (SynthBenefit::SingleParent, 62),
    (SynthBenefit::Orphan, 41),
    (SynthBenefit::OrphanStudent, 9),
    (SynthBenefit::SmallChildPoor, 58),
    (SynthBenefit::Hiv, 8),
    (SynthBenefit::Funeral, 3),
    (SynthBenefit::PensionerFuneral, 2),
];
