//! Names as people in Vietnam bear them: by sex, by generation, and of several peoples.
//!
//! Shares of family names: Nguyễn 38.4 %, Trần 12.1 %, Lê 9.5 %, Phạm 7 %, Hoàng and Huỳnh 5.1 %,
//! Phan 4.5 %, Vũ and Võ 3.9 %, Đặng 2.1 %, Bùi 2 %, Đỗ 1.4 %, then many small ones.

use crate::domain::identity::Sex;
use crate::synth::random::Random;

/// A true name in its parts; peoples without family names leave the family empty.
#[derive(Clone, PartialEq, Eq)]
pub struct Name {
    pub family: &'static str,
    pub middle: Vec<&'static str>,
    pub given: &'static str,
}

impl Name {
    /// Draws a name for someone born in `year`.
    pub fn draw(random: &mut Random, sex: Sex, year: i16, minority: bool) -> Name {
        if minority { minority_name(random, sex) } else { kinh_name(random, sex, year) }
    }

    /// A name of the same family, as a child or a parent bears it.
    pub fn relative(&self, random: &mut Random, sex: Sex, year: i16) -> Name {
        let drawn = kinh_name(random, sex, year);
        match self.family {
            "" => Name::draw(random, sex, year, true),
            family => Name { family, ..drawn },
        }
    }

    /// Family, middle, given: the order of every official paper.
    pub fn full(&self) -> String {
        let words =
            [self.family].into_iter().chain(self.middle.iter().copied()).chain([self.given]);
        let words: Vec<&str> = words.filter(|word| !word.is_empty()).collect();
        words.join(" ")
    }
}

fn kinh_name(random: &mut Random, sex: Sex, year: i16) -> Name {
    let family = random.pick_weighted(&FAMILIES, |(_, weight)| *weight).0;
    // Thị and Văn were near universal, and left fashion within two generations.
    let traditional = match (sex, year) {
        (Sex::Female, ..=1959) => 85,
        (Sex::Female, ..=1979) => 65,
        (Sex::Female, ..=1999) => 30,
        (Sex::Female, _) => 8,
        (Sex::Male, ..=1959) => 62,
        (Sex::Male, ..=1979) => 50,
        (Sex::Male, ..=1999) => 28,
        (Sex::Male, _) => 8,
    };
    let (marker, middles, givens): (_, &[&str], &[&str]) = match (sex, year) {
        (Sex::Female, ..=1969) => ("Thị", &MIDDLE_FEMALE, &GIVEN_FEMALE_OLD),
        (Sex::Female, _) => ("Thị", &MIDDLE_FEMALE, &GIVEN_FEMALE_YOUNG),
        (Sex::Male, ..=1969) => ("Văn", &MIDDLE_MALE, &GIVEN_MALE_OLD),
        (Sex::Male, _) => ("Văn", &MIDDLE_MALE, &GIVEN_MALE_YOUNG),
    };
    let mut middle = Vec::with_capacity(2);
    let marked = random.below(100) < traditional;
    if marked {
        middle.push(marker);
    }
    let second_percent = match (marked, year) {
        (true, ..=1969) => 12,
        (true, _) => 35,
        (false, ..=1969) => 88,
        (false, _) => 97,
    };
    if random.below(100) < second_percent {
        middle.push(*random.pick_early(middles));
    }
    let given = *random.pick_early(givens);
    middle.retain(|word| *word != given);
    Name { family, middle, given }
}

fn minority_name(random: &mut Random, sex: Sex) -> Name {
    let of_people = random.below(100);
    let female = sex == Sex::Female;
    let name =
        |family, middle: &[&'static str], given| Name { family, middle: middle.to_vec(), given };
    match of_people {
        // Tày, Nùng, Mường, Thái.
        0..=49 => {
            let family = *random.pick(&FAMILIES_NORTH);
            let middle = if female { "Thị" } else { "Văn" };
            let givens: &[&str] = if female { &GIVEN_FEMALE_OLD } else { &GIVEN_MALE_OLD };
            name(family, &[middle], *random.pick_early(givens))
        }
        // Mông.
        50..=64 => {
            let middle = if female { "Thị" } else { "A" };
            name(*random.pick(&FAMILIES_MONG), &[middle], *random.pick(&GIVEN_MONG))
        }
        // Khmer.
        65..=79 => {
            let middle: &[&str] = if female { &["Thị"] } else { &[] };
            name(*random.pick(&FAMILIES_KHMER), middle, *random.pick(&GIVEN_KHMER))
        }
        // Êđê and Gia Rai: the clan stands behind the given name.
        80..=91 => {
            let given = *random.pick(if female { &GIVEN_EDE_FEMALE } else { &GIVEN_EDE_MALE });
            match (female, random.below(100)) {
                (true, 0..=69) => name("", &[given], *random.pick(&CLANS_EDE)),
                (false, 0..=69) => name("", &["Y", given], *random.pick(&CLANS_EDE)),
                (true, _) => name("", &[], given),
                (false, _) => name("", &["Y"], given),
            }
        }
        // K'Ho, Mạ: one word, with an apostrophe for men.
        _ => name("", &[], *random.pick(if female { &GIVEN_KHO_FEMALE } else { &GIVEN_KHO_MALE })),
    }
}

const FAMILIES: [(&str, u32); 40] = [
    ("Nguyễn", 3_840),
    ("Trần", 1_210),
    ("Lê", 950),
    ("Phạm", 700),
    ("Hoàng", 280),
    ("Huỳnh", 230),
    ("Phan", 450),
    ("Vũ", 210),
    ("Võ", 180),
    ("Đặng", 210),
    ("Bùi", 200),
    ("Đỗ", 140),
    ("Hồ", 130),
    ("Ngô", 130),
    ("Dương", 100),
    ("Lý", 90),
    ("Đinh", 80),
    ("Trương", 80),
    ("Đoàn", 60),
    ("Trịnh", 60),
    ("Mai", 50),
    ("Lâm", 50),
    ("Đào", 50),
    ("Cao", 40),
    ("Hà", 40),
    ("Lương", 40),
    ("Tạ", 30),
    ("Tô", 30),
    ("Thái", 30),
    ("Châu", 25),
    ("Phùng", 25),
    ("Quách", 20),
    ("Nghiêm", 15),
    ("Từ", 15),
    ("Kiều", 15),
    ("Triệu", 15),
    ("La", 12),
    ("Ông", 5),
    ("Tôn Thất", 5),
    ("Âu", 4),
];

const MIDDLE_MALE: [&str; 28] = [
    "Đức", "Quang", "Minh", "Hữu", "Đình", "Ngọc", "Xuân", "Công", "Quốc", "Thanh", "Thành",
    "Trọng", "Tiến", "Duy", "Hoàng", "Anh", "Gia", "Bá", "Viết", "Mạnh", "Tuấn", "Chí", "Hải",
    "Nhật", "Thế", "Phúc", "Khắc", "Đăng",
];

const MIDDLE_FEMALE: [&str; 28] = [
    "Ngọc", "Thanh", "Kim", "Thu", "Minh", "Bích", "Hồng", "Phương", "Mỹ", "Thúy", "Ánh", "Hoài",
    "Tuyết", "Xuân", "Như", "Bảo", "Quỳnh", "Khánh", "Diệu", "Hải", "Lan", "Mai", "Tường", "Yến",
    "Thùy", "Cẩm", "Huyền", "Gia",
];

const GIVEN_MALE_OLD: [&str; 48] = [
    "Hùng", "Dũng", "Thành", "Hòa", "Bình", "Sơn", "Hải", "Tư", "Long", "Minh", "Hiền", "Lợi",
    "Thanh", "Phúc", "Tám", "Bảy", "Năm", "Sáu", "Út", "Được", "Thắng", "Tiến", "Quý", "Lý",
    "Khoa", "Toàn", "Đức", "Nghĩa", "Lộc", "Thọ", "Chiến", "Đạt", "Kỳ", "Sĩ", "Vượng", "Xuân",
    "Khải", "Trí", "Cường", "Giang", "Hưng", "Thuận", "Tài", "Ngữ", "Quyền", "Thủy", "Nhỏ", "Bền",
];

const GIVEN_FEMALE_OLD: [&str; 52] = [
    "Lan",
    "Hoa",
    "Hương",
    "Mai",
    "Hồng",
    "Liên",
    "Nga",
    "Loan",
    "Thủy",
    "Hòa",
    "Bích",
    "Sáu",
    "Bảy",
    "Tám",
    "Chín",
    "Tư",
    "Năm",
    "Út",
    "Gái",
    "Lành",
    "Thơm",
    "Nhàn",
    "Cúc",
    "Đào",
    "Huệ",
    "Sen",
    "Mận",
    "Bưởi",
    "Lý",
    "Mỹ",
    "Thúy",
    "Tý",
    "Ngọt",
    "Lụa",
    "Vân",
    "Nguyệt",
    "Tuyết",
    "Hiền",
    "Dung",
    "Phượng",
    "Nhung",
    "Yến",
    "Xuân",
    "Hạnh",
    "Quyên",
    "Thu",
    "Hà",
    "Nụ",
    "Khoẻ",
    "Chút",
    "Ẩn",
    "Hảo",
];

const GIVEN_MALE_YOUNG: [&str; 40] = [
    "Anh", "Huy", "Minh", "Khoa", "Nam", "Bảo", "Khang", "Phúc", "Đạt", "Quân", "Long", "Tuấn",
    "Hiếu", "Kiệt", "Dũng", "Duy", "Thịnh", "Phát", "Trung", "Khôi", "Nghĩa", "Sơn", "Tùng",
    "Vinh", "Việt", "Hoàng", "Lâm", "Thiện", "Nguyên", "Quốc", "Tài", "Hưng", "Đăng", "Phong",
    "Trí", "Kỳ", "Quý", "Thái", "Tâm", "Cường",
];

const GIVEN_FEMALE_YOUNG: [&str; 44] = [
    "Anh", "Linh", "Trang", "Ngọc", "Hương", "Thảo", "Nhi", "Vy", "Hà", "Phương", "Thư", "My",
    "Trâm", "Ngân", "Hân", "Chi", "Mai", "Lan", "Quỳnh", "Yến", "Uyên", "Huyền", "Thúy", "Trinh",
    "Như", "Châu", "Hằng", "Nga", "Dung", "Ly", "Diễm", "Giang", "Tiên", "Xuân", "Thủy", "Nhung",
    "Vân", "Khuê", "Đan", "Quyên", "Tú", "Oanh", "Hoa", "Hòa",
];

const FAMILIES_NORTH: [&str; 14] = [
    "Nông", "Hoàng", "Lò", "Lương", "Bế", "Ma", "Hà", "Quàng", "Cà", "Bàn", "Triệu", "Đinh", "Bùi",
    "Vi",
];
const FAMILIES_MONG: [&str; 9] = ["Giàng", "Vàng", "Sùng", "Thào", "Lý", "Mùa", "Hờ", "Chảo", "Cứ"];
const GIVEN_MONG: [&str; 16] = [
    "Páo", "Dơ", "Sính", "Chư", "Mỷ", "Dợ", "Sùng", "Lử", "Tủa", "Vừ", "Pàng", "Súa", "Mái", "Chớ",
    "Sua", "Khua",
];
const FAMILIES_KHMER: [&str; 8] = ["Thạch", "Sơn", "Kim", "Danh", "Châu", "Lâm", "Tăng", "Kiên"];
const GIVEN_KHMER: [&str; 14] = [
    "Sô Phy",
    "Sa Rinh",
    "Sóc Kha",
    "Chanh Đa",
    "Rotha",
    "Thị Sa",
    "Phước",
    "Sang",
    "Oanh",
    "Ngọc Hân",
    "Sà Rương",
    "Đa Ra",
    "Xuyên",
    "Dương",
];
const GIVEN_EDE_FEMALE: [&str; 12] = [
    "H'Hen", "H'Lan", "H'Bia", "H'Nuer", "H'Yên", "H'Dim", "H'Blui", "H'Rina", "H'Mi", "H'Ngọc",
    "H'Bluk", "H'Wơn",
];
const GIVEN_EDE_MALE: [&str; 10] =
    ["Bhăm", "Thuân", "Moan", "Krông", "Blô", "Bhiao", "Djuăn", "Lim", "Nguyên", "Suăn"];
const CLANS_EDE: [&str; 9] =
    ["Niê", "Mlô", "Êban", "Ayŭn", "Kbuôr", "Byă", "Ksơr", "Ênuôl", "Buôn Krông"];
const GIVEN_KHO_MALE: [&str; 8] =
    ["K'Brể", "K'Tèo", "K'Long", "K'Đức", "K'Sep", "K'Brôih", "K'Văn", "K'Jút"];
const GIVEN_KHO_FEMALE: [&str; 8] =
    ["Ka Dung", "Ka Hem", "Ka Brẽm", "Ka Duyên", "Ka Thị Lan", "Ka Rin", "Ka Mỹ", "Ka Să"];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::letters::compose;

    #[test]
    fn names_are_nfc_and_of_the_people_of_their_time() {
        let mut random = Random::stream(1, 1);
        let (mut nguyen, mut thi_old, mut thi_young) = (0, 0, 0);
        for _ in 0..10_000 {
            let old = Name::draw(&mut random, Sex::Female, 1945, false);
            let young = Name::draw(&mut random, Sex::Female, 2018, false);
            nguyen += u32::from(old.family == "Nguyễn") + u32::from(young.family == "Nguyễn");
            thi_old += u32::from(old.middle.contains(&"Thị"));
            thi_young += u32::from(young.middle.contains(&"Thị"));
            let minority = Name::draw(&mut random, Sex::Male, 1970, true);
            for name in [old, young, minority] {
                let full = name.full();
                assert_eq!(compose(&full), full);
                assert!(!full.is_empty() && full.trim() == full && !full.contains("  "), "{full}");
            }
        }
        assert!((7_200..8_500).contains(&nguyen), "{nguyen}");
        assert!(thi_old > 8_000 && thi_young < 1_200, "{thi_old} {thi_young}");
    }
}
