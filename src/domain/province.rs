//! The provinces of Vietnam since 1 July 2025, and in which of them a commune lies.
//!
//! Source: Decision 19/2025/QĐ-TTg (34 provinces and centrally governed cities). Communes are
//! numbered through the whole country in the order of the 63 former provinces, so the first digits
//! of a commune's code are not its province's code: 19741 lies in Huế (46), not in Thái Nguyên
//! (19). The ranges are those of the statistical office's former list; the official list of 2025
//! should be held against them before a country pays by it.

/// A province or a city governed by the centre.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Province {
    /// Two digits: `01`.
    pub code: &'static str,
    pub name: &'static str,
}

macro_rules! provinces {
    ($($code:literal $name:literal)*) => {
        /// All of them, in the order of their codes.
        pub const PROVINCES: &[Province] = &[$(Province { code: $code, name: $name },)*];
    };
}

provinces! {
    "01" "Hà Nội"
    "04" "Cao Bằng"
    "08" "Tuyên Quang"
    "11" "Điện Biên"
    "12" "Lai Châu"
    "14" "Sơn La"
    "15" "Lào Cai"
    "19" "Thái Nguyên"
    "20" "Lạng Sơn"
    "22" "Quảng Ninh"
    "24" "Bắc Ninh"
    "25" "Phú Thọ"
    "31" "Hải Phòng"
    "33" "Hưng Yên"
    "37" "Ninh Bình"
    "38" "Thanh Hóa"
    "40" "Nghệ An"
    "42" "Hà Tĩnh"
    "44" "Quảng Trị"
    "46" "Huế"
    "48" "Đà Nẵng"
    "51" "Quảng Ngãi"
    "52" "Gia Lai"
    "56" "Khánh Hòa"
    "66" "Đắk Lắk"
    "68" "Lâm Đồng"
    "75" "Đồng Nai"
    "79" "Hồ Chí Minh"
    "80" "Tây Ninh"
    "82" "Đồng Tháp"
    "86" "Vĩnh Long"
    "91" "An Giang"
    "92" "Cần Thơ"
    "96" "Cà Mau"
}

/// Where the codes of a former province begin, and the province of today that they lie in.
const COMMUNES_FROM: &[(u32, &str)] = &[
    (1, "01"),
    (688, "08"),
    (1267, "04"),
    (1840, "19"),
    (2200, "08"),
    (2635, "15"),
    (3124, "11"),
    (3385, "12"),
    (3646, "14"),
    (4252, "15"),
    (4789, "25"),
    (5431, "19"),
    (5971, "20"),
    (6646, "22"),
    (7195, "24"),
    (7888, "25"),
    // Mê Linh went to Hà Nội in 2008 and kept its numbers.
    (8973, "01"),
    (9025, "25"),
    (9154, "24"),
    // So did what was Hà Tây.
    (9538, "01"),
    (10_507, "31"),
    (11_947, "33"),
    (13_279, "37"),
    (14_758, "38"),
    (16_663, "40"),
    (18_070, "42"),
    (18_853, "44"),
    (19_741, "46"),
    (20_194, "48"),
    (21_010, "51"),
    (21_550, "52"),
    (22_009, "66"),
    (22_324, "56"),
    (22_915, "68"),
    (23_284, "51"),
    (23_563, "52"),
    (24_118, "66"),
    (24_605, "68"),
    (25_195, "75"),
    (25_456, "80"),
    (25_741, "79"),
    (26_041, "75"),
    (26_506, "79"),
    (27_676, "80"),
    (28_249, "82"),
    (28_756, "86"),
    (29_863, "82"),
    (30_280, "91"),
    (31_117, "92"),
    (31_813, "96"),
];

/// No commune of the list has a code above this one.
const COMMUNE_LAST: u32 = 32_500;

/// The province of a commune, by its five-digit code. None when the text is no such code.
pub fn province_of_commune(code: &str) -> Option<&'static Province> {
    let digits = code.len() == 5 && code.bytes().all(|byte| byte.is_ascii_digit());
    let number: u32 = code.parse().ok().filter(|_| digits)?;
    let at = COMMUNES_FROM.partition_point(|(from, _)| *from <= number).checked_sub(1)?;
    let province = PROVINCES.iter().find(|province| province.code == COMMUNES_FROM[at].1);
    province.filter(|_| number <= COMMUNE_LAST)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::national_id::BIRTH_PROVINCES;

    #[test]
    fn there_are_34_in_the_order_of_their_codes() {
        assert_eq!(PROVINCES.len(), 34);
        assert!(PROVINCES.windows(2).all(|pair| pair[0].code < pair[1].code));
    }

    #[test]
    fn a_commune_lies_where_its_number_lies() {
        for (code, wanted) in [
            ("00004", Some("Hà Nội")),
            ("09574", Some("Hà Nội")),
            ("19741", Some("Huế")),
            ("26740", Some("Hồ Chí Minh")),
            ("32002", Some("Cà Mau")),
            ("00000", None),
            ("99999", None),
            ("19", None),
            ("+1974", None),
            ("", None),
        ] {
            assert_eq!(province_of_commune(code).map(|one| one.name), wanted, "{code}");
        }
    }

    #[test]
    fn every_synthetic_commune_lies_in_its_province() {
        for province in &crate::synth::places::PROVINCES {
            for nth in 0..province.communes {
                let code = format!("{:05}", province.commune(nth));
                let found = province_of_commune(&code).map(|one| one.name);
                assert_eq!(found, Some(province.name), "{code}");
            }
        }
    }

    #[test]
    fn every_province_of_birth_lies_in_one_of_them() {
        for birth in &BIRTH_PROVINCES {
            let now = format!("{:02}", birth.now);
            assert!(PROVINCES.iter().any(|province| province.code == now), "{}", birth.name);
        }
    }
}
