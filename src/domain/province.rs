//! The provinces of Vietnam since 1 July 2025: code and name.
//!
//! Source: Decision 19/2025/QĐ-TTg (34 provinces and centrally governed cities).

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
    fn every_province_of_birth_lies_in_one_of_them() {
        for birth in &BIRTH_PROVINCES {
            let now = format!("{:02}", birth.now);
            assert!(PROVINCES.iter().any(|province| province.code == now), "{}", birth.name);
        }
    }
}
