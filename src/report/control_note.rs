//! What a partner is told of files by another way than with the files: a letter, or a mail of a person. It holds
//! each file that arrives against this note, so that nobody who changes files on their way is believed.
//!
//! Reads: the files of a cycle that are to leave or have left. Gives: a text that is pasted into a letter, in both
//! languages, one part for each partner. No person stands in it.

use jiff::civil::Date;

use crate::domain::money::Currency;
use crate::report::figure::{day, grouped, money};
use crate::report::words::Words;

/// The files of one cycle, by partner.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ControlNote {
    pub office: String,
    pub is_test: bool,
    pub currency: Currency,
    /// `2026-11`.
    pub label: String,
    pub made_on: Date,
    pub partners: Vec<PartnerFiles>,
    /// Files that are not noted, and why.
    pub left_out: Vec<LeftOut>,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PartnerFiles {
    pub provider: String,
    pub files: Vec<NotedFile>,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NotedFile {
    /// Of the file that was approved; it leaves so where it is not sealed.
    pub file_name: String,
    pub message_id: String,
    pub list: i64,
    pub value_date: Date,
    pub count: u64,
    pub total_minor: i64,
    pub sha256: String,
    pub seal: Seal,
    pub has_left: HasLeft,
}

/// Whether another copy leaves than the one that was approved.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Seal {
    None,
    /// It is sealed when it is first sent, and is not yet.
    Later,
    Copy {
        file_name: String,
        sha256: String,
    },
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum HasLeft {
    Not,
    MayHave,
    Has,
}

impl HasLeft {
    fn words(self) -> Words {
        match self {
            HasLeft::Not => Words::fixed("chưa gửi", "to leave"),
            HasLeft::MayHave => Words::fixed("chưa rõ đã gửi hay chưa", "may have left"),
            HasLeft::Has => Words::fixed("đã gửi", "has left"),
        }
    }
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LeftOut {
    pub provider: String,
    pub file_name: String,
    pub why: Words,
}

impl NotedFile {
    /// The name under which the partner finds it; none where it is sealed only when it is sent.
    pub fn leaves_as(&self) -> Option<&str> {
        match &self.seal {
            Seal::None => Some(&self.file_name),
            Seal::Later => None,
            Seal::Copy { file_name, .. } => Some(file_name),
        }
    }

    /// The digest of the bytes that leave.
    pub fn leaves_sha256(&self) -> Option<&str> {
        match &self.seal {
            Seal::None => Some(&self.sha256),
            Seal::Later => None,
            Seal::Copy { sha256, .. } => Some(sha256),
        }
    }
}

/// The text: a part for each partner, and at the end what is not noted. The same values give the same bytes.
pub fn text(note: &ControlNote) -> String {
    let mut parts: Vec<String> = note.partners.iter().map(|one| letter(note, one)).collect();
    if !note.left_out.is_empty() {
        let mut lines = vec!["Không nêu ở trên / Not noted above".to_owned()];
        lines.extend(
            note.left_out
                .iter()
                .map(|one| format!("{} ({}): {}", one.file_name, one.provider, both(&one.why))),
        );
        parts.push(lines.join("\n") + "\n");
    }
    parts.join(&format!("\n{}\n\n", "─".repeat(72)))
}

fn letter(note: &ControlNote, partner: &PartnerFiles) -> String {
    let mut lines = Vec::new();
    if note.is_test {
        lines.push(
            "BẢN THỬ: không có tiền nào được chi / TEST: no money is paid by these files"
                .to_owned(),
        );
    }
    lines.push("PHIẾU ĐỐI CHIẾU TỆP CHI / CONTROL NOTE OF PAYMENT FILES".to_owned());
    lines.push(format!("Đơn vị / Office: {}", note.office));
    lines.push(format!("Nơi nhận / To: {}", partner.provider));
    lines.push(format!("Kỳ chi / Cycle: {}", note.label));
    lines.push(format!("Ngày lập / Made on: {}", shown(note.made_on)));
    for (at, file) in partner.files.iter().enumerate() {
        lines.push(String::new());
        lines.push(format!("{}. Tệp / File: {}", at + 1, file.file_name));
        let mut line = |words: &str, value: &str| lines.push(format!("   {words}: {value}"));
        line("Mã thông điệp / Message id", &file.message_id);
        line("Danh sách / List", &file.list.to_string());
        line("Ngày giá trị / Value date", &shown(file.value_date));
        line("Số khoản chi / Payments", &grouped(i128::from(file.count)));
        line("Tổng số tiền / Total", &money(i128::from(file.total_minor), note.currency));
        line("SHA-256", &file.sha256);
        match &file.seal {
            Seal::None => {}
            Seal::Later => line(
                "Bản niêm phong / Sealed copy",
                "được lập khi gửi lần đầu; lập lại phiếu này sau đó / made when it is first sent; make this note again then",
            ),
            Seal::Copy { file_name, sha256 } => {
                line("Bản niêm phong được gửi / Sealed copy, which leaves", file_name);
                line("SHA-256 của bản niêm phong / of the sealed copy", sha256);
            }
        }
        line("Tình trạng / State", &both(&file.has_left.words()));
    }
    let count: u64 = partner.files.iter().map(|file| file.count).sum();
    let total: i128 = partner.files.iter().map(|file| i128::from(file.total_minor)).sum();
    lines.push(String::new());
    lines.push(format!(
        "Cộng / Together: {} tệp / files, {} khoản chi / payments, {}",
        partner.files.len(),
        grouped(i128::from(count)),
        money(total, note.currency)
    ));
    lines.join("\n") + "\n"
}

fn shown(on: Date) -> String {
    let text = on.to_string();
    day(&text).unwrap_or(text)
}

fn both(words: &Words) -> String {
    format!("{} / {}", words.vi, words.en)
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    fn file(name: &str, seal: Seal, has_left: HasLeft) -> NotedFile {
        NotedFile {
            file_name: name.to_owned(),
            message_id: name.replace(".csv", ""),
            list: 0,
            value_date: date(2026, 11, 5),
            count: 1_234,
            total_minor: 617_000_000,
            sha256: "a".repeat(64),
            seal,
            has_left,
        }
    }

    #[test]
    fn a_note_reads_so() {
        let copy = Seal::Copy { file_name: "B.csv.age".to_owned(), sha256: "b".repeat(64) };
        let note = ControlNote {
            office: "Phường An Bình".to_owned(),
            is_test: true,
            currency: Currency::VND,
            label: "2026-11".to_owned(),
            made_on: date(2026, 10, 30),
            partners: vec![
                PartnerFiles {
                    provider: "sheetbank".to_owned(),
                    files: vec![
                        file("A.csv", Seal::None, HasLeft::Has),
                        file("B.csv", copy, HasLeft::MayHave),
                    ],
                },
                PartnerFiles {
                    provider: "wallet".to_owned(),
                    files: vec![file("C.csv", Seal::Later, HasLeft::Not)],
                },
            ],
            left_out: vec![LeftOut {
                provider: "wallet".to_owned(),
                file_name: "D.csv".to_owned(),
                why: Words::fixed("danh sách chưa được chuyển chi", "its list is not released"),
            }],
        };
        assert_eq!(text(&note), include_str!("../../tests/golden/control_note.txt"));
    }
}
