//! The 34 provinces, and commune codes of the right shape.
//!
//! Province codes, names and numbers of communes are those in force since 1 July 2025 (Decision
//! 19/2025/QĐ-TTg). Commune codes lie where the province's codes lie and step by three as the
//! official ones do, but are not the official list. Populations are rounded, and only weigh how
//! many people live where.

use crate::domain::national_id::{BIRTH_PROVINCES, BirthProvince};
use crate::synth::random::Random;

pub struct Province {
    /// Two digits, as in `01`.
    pub code: u8,
    pub name: &'static str,
    pub communes: u32,
    /// Thousands of people.
    pub population: u32,
    /// The first commune code of each province that was merged into this one.
    commune_codes_from: &'static [u32],
    /// The share of people, in percent, who belong to a minority.
    pub minority_percent: u32,
}

impl Province {
    /// The code of one of the communes, `nth` from 0.
    pub fn commune(&self, nth: u32) -> u32 {
        let ranges = self.commune_codes_from.len() as u32;
        let nth = nth % self.communes;
        self.commune_codes_from[(nth % ranges) as usize] + 3 * (nth / ranges)
    }

    pub fn pick_commune(&self, random: &mut Random) -> u32 {
        self.commune(random.below(u64::from(self.communes)) as u32)
    }

    /// Where someone who lives here had their birth registered: mostly here, sometimes far away.
    pub fn pick_birth_province(&self, random: &mut Random) -> &'static BirthProvince {
        if random.below(100) < 88 {
            let here = BIRTH_PROVINCES.iter().filter(|province| province.now == self.code);
            let count = here.clone().count() as u64;
            if let Some(province) = here.clone().nth(random.below(count) as usize) {
                return province;
            }
        }
        random.pick(&BIRTH_PROVINCES)
    }
}

pub fn pick_province(random: &mut Random) -> &'static Province {
    random.pick_weighted(&PROVINCES, |province| province.population)
}

const fn province(
    code: u8,
    name: &'static str,
    communes: u32,
    population: u32,
    minority_percent: u32,
    commune_codes_from: &'static [u32],
) -> Province {
    Province { code, name, communes, population, commune_codes_from, minority_percent }
}

pub const PROVINCES: [Province; 34] = [
    province(1, "Hà Nội", 126, 8700, 1, &[4]),
    province(4, "Cao Bằng", 56, 570, 94, &[1273]),
    province(8, "Tuyên Quang", 124, 1860, 80, &[688, 2200]),
    province(11, "Điện Biên", 45, 670, 82, &[3124]),
    province(12, "Lai Châu", 38, 500, 84, &[3385]),
    province(14, "Sơn La", 75, 1400, 83, &[3646]),
    province(15, "Lào Cai", 99, 1780, 65, &[2635, 4252]),
    province(19, "Thái Nguyên", 92, 1800, 40, &[1840, 5431]),
    province(20, "Lạng Sơn", 65, 880, 83, &[5977]),
    province(22, "Quảng Ninh", 54, 1500, 12, &[6646]),
    province(24, "Bắc Ninh", 99, 3600, 1, &[7195, 9154]),
    province(25, "Phú Thọ", 148, 4000, 22, &[4789, 7888, 8707]),
    province(31, "Hải Phòng", 114, 4660, 1, &[10507, 11296]),
    province(33, "Hưng Yên", 104, 3570, 1, &[11947, 12454]),
    province(37, "Ninh Bình", 129, 4400, 1, &[13279, 13633, 14362]),
    province(38, "Thanh Hóa", 166, 4300, 16, &[14758]),
    province(40, "Nghệ An", 130, 3800, 15, &[16663]),
    province(42, "Hà Tĩnh", 69, 1600, 1, &[18070]),
    province(44, "Quảng Trị", 78, 1870, 12, &[18853, 19333]),
    province(46, "Huế", 40, 1400, 5, &[19741]),
    province(48, "Đà Nẵng", 94, 3070, 1, &[20194, 20503]),
    province(51, "Quảng Ngãi", 96, 2160, 30, &[21010, 23284]),
    province(52, "Gia Lai", 135, 3580, 28, &[21550, 23563]),
    province(56, "Khánh Hòa", 65, 2240, 15, &[22324, 22738]),
    province(66, "Đắk Lắk", 102, 3350, 30, &[22009, 24118]),
    province(68, "Lâm Đồng", 124, 3870, 24, &[22915, 24605, 24769]),
    province(75, "Đồng Nai", 95, 4490, 10, &[25195, 26041]),
    province(79, "Hồ Chí Minh", 168, 14000, 1, &[25741, 26506, 26740]),
    province(80, "Tây Ninh", 96, 3250, 1, &[25456, 27676]),
    province(82, "Đồng Tháp", 102, 4370, 1, &[28249, 29863]),
    province(86, "Vĩnh Long", 124, 4260, 13, &[28756, 29236, 29542]),
    province(91, "An Giang", 102, 4950, 8, &[30280, 30730]),
    province(92, "Cần Thơ", 103, 4200, 12, &[31117, 31318, 31498]),
    province(96, "Cà Mau", 64, 2600, 5, &[31813, 32002]),
];

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn there_are_3321_communes_and_no_code_is_given_twice() {
        assert_eq!(PROVINCES.iter().map(|province| province.communes).sum::<u32>(), 3_321);
        let mut codes = HashSet::new();
        for province in &PROVINCES {
            for nth in 0..province.communes {
                let code = province.commune(nth);
                assert!(codes.insert(code) && code < 100_000, "{} {code}", province.name);
            }
        }
    }

    #[test]
    fn every_birth_province_lies_in_a_province_of_today() {
        for birth in &BIRTH_PROVINCES {
            assert!(PROVINCES.iter().any(|province| province.code == birth.now), "{}", birth.name);
        }
    }
}
