//! The sheet that is signed at a pay point: who is to get how much in cash, with room for a signature,
//! one pay point a page, and over them what was laid out, paid and not collected at each.
//!
//! Unlike the cycle report it holds names and numbers of cards, because a teller has to know whom to pay:
//! it lies in a folder that only the office's user reads, and goes no further than the counter.

use jiff::civil::Date;

use crate::domain::money::Currency;
use crate::report::figure::{amount, day, grouped, unit};
use crate::report::page::{Align, Cell, Page, Table, escaped};
use crate::report::words::{Language, Words};

/// The cash of one list of a cycle.
#[derive(Clone, Debug)]
pub struct PaySheet {
    pub office: String,
    pub is_test: bool,
    pub currency: Currency,
    /// `2026-11`.
    pub label: String,
    pub list: i64,
    pub value_date: Date,
    /// The files that order the same payments, with their digests.
    pub files: Vec<(String, String)>,
    /// In the order of their names.
    pub points: Vec<PayPoint>,
}

#[derive(Clone, Debug)]
pub struct PayPoint {
    pub name: String,
    pub lines: Vec<PayLine>,
}

#[derive(Clone, Debug)]
pub struct PayLine {
    pub reference: String,
    pub name: String,
    pub national_id: String,
    /// Who may collect instead of the payee.
    pub collector: String,
    /// Where the money is brought to; empty when the payee comes.
    pub home_address: String,
    pub amount_minor: i64,
    pub standing: Standing,
}

/// What the pay point has reported of a payment.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Standing {
    NotReported,
    Paid,
    /// The money went back to the organisation, to be laid out again or returned.
    NotCollected,
}

impl PayPoint {
    /// Count and money of the lines that stand so.
    pub fn of(&self, standing: Standing) -> (i64, i128) {
        let lines = self.lines.iter().filter(|line| line.standing == standing);
        lines
            .fold((0, 0), |(count, minor), line| (count + 1, minor + i128::from(line.amount_minor)))
    }

    pub fn drawn_minor(&self) -> i128 {
        self.lines.iter().map(|line| i128::from(line.amount_minor)).sum()
    }
}

/// Writes the sheet. The same values give the same bytes.
pub fn html(sheet: &PaySheet) -> String {
    let mut page = Page::new(Language::Both);
    head(&mut page, sheet);
    summary(&mut page, sheet);
    for point in &sheet.points {
        one_point(&mut page, sheet, point);
    }
    page.markup("</main>\n</body>\n</html>\n");
    page.finish()
}

fn head(page: &mut Page, sheet: &PaySheet) {
    let title = page.plain(&Words::fixed("Danh sách ký nhận tiền mặt", "Cash signature sheet"));
    page.markup(&format!(
        "<!DOCTYPE html>\n<html lang=\"vi\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n\
         <meta name=\"robots\" content=\"noindex\">\n<title>{title} {}</title>\n<style>\n{}\
         section.point{{break-before:page}} td.sign{{min-width:34mm;height:12mm}}\n</style>\n</head>\n<body>\n<main>\n<h1>{title}</h1>\n",
        escaped(&sheet.label),
        include_str!("cycle.css"),
    ));
    page.markup("<p>");
    page.text(&sheet.office);
    page.text(" · ");
    page.text(&sheet.label);
    page.text(" · ");
    page.say(&Words::new(format!("danh sách số {}", sheet.list), format!("list {}", sheet.list)));
    page.text(" · ");
    let on = sheet.value_date.to_string();
    page.text(&day(&on).unwrap_or(on));
    page.markup("</p>\n");
    if sheet.is_test {
        page.paragraph(
            "note",
            &Words::fixed(
                "BẢN THỬ: không có tiền nào được chi theo danh sách này.",
                "TEST: no money is paid by this sheet.",
            ),
        );
    }
}

fn summary(page: &mut Page, sheet: &PaySheet) {
    let money = |words: &'static str, english: &'static str| {
        let of = unit(sheet.currency);
        (Words::new(format!("{words} ({of})"), format!("{english} ({of})")), Align::Number)
    };
    let mut table = Table::new(
        Words::fixed("Theo điểm chi trả", "By pay point"),
        vec![
            (Words::fixed("Điểm chi trả", "Pay point"), Align::Text),
            (Words::fixed("Số người", "Payments"), Align::Number),
            money("Rút", "Drawn"),
            money("Đã chi", "Paid"),
            money("Chưa nhận", "Not collected"),
            money("Chưa báo cáo", "Not reported"),
        ],
    );
    let mut all = PayPoint { name: String::new(), lines: Vec::new() };
    for point in &sheet.points {
        table.row(figures(Cell::Text(point.name.clone()), point, sheet.currency));
        all.lines.extend(point.lines.iter().cloned());
    }
    table.sum(figures(Cell::Words(Words::fixed("Cộng", "Total")), &all, sheet.currency));
    page.section("points", &Words::fixed("Tổng hợp", "Summary"));
    page.table(&table);
    for (name, digest) in &sheet.files {
        page.markup("<p>");
        page.text(name);
        page.text(": ");
        page.exact(digest);
        page.markup("</p>\n");
    }
    page.section_end();
}

fn figures(name: Cell, point: &PayPoint, currency: Currency) -> Vec<Cell> {
    let part = |standing| Cell::Number(amount(point.of(standing).1, currency));
    vec![
        name,
        Cell::Number(grouped(point.lines.len() as i128)),
        Cell::Number(amount(point.drawn_minor(), currency)),
        part(Standing::Paid),
        part(Standing::NotCollected),
        part(Standing::NotReported),
    ]
}

fn one_point(page: &mut Page, sheet: &PaySheet, point: &PayPoint) {
    page.markup("<section class=\"point\">\n<h2>");
    page.say(&Words::fixed("Điểm chi trả", "Pay point"));
    page.text(&format!(": {}", point.name));
    page.markup("</h2>\n<table class=\"long\">\n<thead><tr>");
    for (vi, en) in [
        ("STT", "No."),
        ("Mã tham chiếu", "Reference"),
        ("Họ và tên", "Name"),
        ("Số định danh", "Id"),
        ("Người nhận thay", "Collector"),
        ("Chi trả tại nhà", "Paid at home"),
        ("Số tiền", "Amount"),
        ("Ngày, ký nhận", "Day, signature"),
    ] {
        page.markup("<th scope=\"col\">");
        page.say(&Words::fixed(vi, en));
        page.markup("</th>");
    }
    page.markup("</tr></thead>\n<tbody>\n");
    for (line, ordinal) in point.lines.iter().zip(1..) {
        page.markup(&format!("<tr><td class=\"n\">{ordinal}</td>"));
        for text in
            [&line.reference, &line.name, &line.national_id, &line.collector, &line.home_address]
        {
            page.markup("<td>");
            page.text(text);
            page.markup("</td>");
        }
        page.markup("<td class=\"n\">");
        page.text(&amount(i128::from(line.amount_minor), sheet.currency));
        page.markup("</td><td class=\"sign\">");
        match line.standing {
            Standing::NotReported => {}
            Standing::Paid => page.say(&Words::fixed("đã chi", "paid")),
            Standing::NotCollected => page.say(&Words::fixed("chưa nhận", "not collected")),
        }
        page.markup("</td></tr>\n");
    }
    page.markup("</tbody>\n</table>\n<p>");
    page.say(&Words::fixed("Cộng", "Total"));
    let total = amount(point.drawn_minor(), sheet.currency);
    page.text(&format!(": {} · {total}", point.lines.len()));
    page.markup("</p>\n<div class=\"signed\">\n");
    for (vi, en) in [("Người chi trả", "Paid by"), ("Người kiểm soát", "Checked by")] {
        page.markup("<p>");
        page.say(&Words::fixed(vi, en));
        page.markup("</p>\n");
    }
    page.markup("</div>\n</section>\n\n");
}
