//! The part of a cycle report that holds our books against the statements of our accounts: what each bank
//! took, what came back, its fees, and what nobody can explain yet.

use crate::report::cycle::CycleReport;
use crate::report::cycle_html::TOTAL;
use crate::report::figure::{amount, day, unit};
use crate::report::page::{Align, Cell, Page, Table};
use crate::report::words::Words;

/// Says nothing when no statement speaks of the cycle: most partners are not asked for one.
pub(super) fn bank(page: &mut Page, report: &CycleReport) {
    if report.statements.is_empty() {
        return;
    }
    page.section("bank", &Words::fixed("Đối chiếu sao kê", "Bank statements"));
    page.paragraph("note", &Words::new(
        format!(
            "Số tiền tính bằng {}. Chênh lệch là phần ngân hàng còn giữ mà sổ của ta chưa giải thích được; khi mọi \
             kết quả đã về thì phải bằng 0.",
            unit(report.currency)
        ),
        "The difference is what the bank still has and our books do not account for; it is 0 once everything is \
         answered and booked.",
    ));
    files(page, report);
    statements(page, report);
    page.section_end();
}

fn files(page: &mut Page, report: &CycleReport) {
    let mut table = Table::new(
        Words::fixed("Từng tệp: ngân hàng và sổ của ta", "Each file: the bank and our books"),
        vec![
            (Words::fixed("Tệp", "File"), Align::Text),
            (Words::fixed("Lệnh", "Ordered"), Align::Number),
            (Words::fixed("Đã trích nợ", "Debited"), Align::Number),
            (Words::fixed("Trả về", "Came back"), Align::Number),
            (Words::fixed("Sổ: đã chi, đang đi", "Books: paid or open"), Align::Number),
            (Words::fixed("Chênh lệch", "Difference"), Align::Number),
        ],
    );
    table.is_long = true;
    let money = |minor: i64| Cell::Number(amount(minor.into(), report.currency));
    let mut total = [0_i64; 5];
    for file in &report.reconciled {
        let row = [
            file.ordered_minor,
            file.debited_minor,
            file.back_minor,
            file.books_minor,
            file.difference_minor(),
        ];
        for (sum, minor) in total.iter_mut().zip(row) {
            *sum += minor;
        }
        let head = Cell::Lines(vec![file.name.clone(), file.provider.clone()]);
        table.row(std::iter::once(head).chain(row.map(money)).collect());
    }
    table.sum(std::iter::once(Cell::Words(TOTAL)).chain(total.map(money)).collect());
    page.table(&table);
}

fn statements(page: &mut Page, report: &CycleReport) {
    // Few offices have a court order: the column is there where something stands in it.
    let has_transfers = report.statements.iter().any(|one| one.transfers_minor != 0);
    let mut head = vec![
        (Words::fixed("Sao kê", "Statement"), Align::Text),
        (Words::fixed("Số dư đầu", "Opening"), Align::Number),
        (Words::fixed("Tệp chi trả", "Payout files"), Align::Number),
        (Words::fixed("Nộp vào", "Paid in"), Align::Number),
        (Words::fixed("Thu hồi", "Paid back"), Align::Number),
        (Words::fixed("Phí, thuế", "Fees and tax"), Align::Number),
        (Words::fixed("Chưa rõ", "Unexplained"), Align::Number),
        (Words::fixed("Số dư cuối", "Closing"), Align::Number),
    ];
    if has_transfers {
        head.insert(5, (Words::fixed("Thi hành án", "Court orders"), Align::Number));
    }
    let mut table = Table::new(
        Words::fixed(
            "Sao kê: số dư đầu + các bút toán = số dư cuối",
            "Statements: opening balance + entries = closing balance",
        ),
        head,
    );
    table.is_long = true;
    let money = |minor: i64| Cell::Number(amount(minor.into(), report.currency));
    for one in &report.statements {
        let closed = one.closed_on.to_string();
        let mut head =
            vec![format!("{} · {}", one.provider, one.id), day(&closed).unwrap_or(closed)];
        if one.open > 0 {
            head.push(format!("{} bút toán chờ giải trình · entries wait", one.open));
        }
        if let Some(gap) = one.gap_minor {
            head.push(format!(
                "không nối với sao kê trước, lệch {} · does not begin where the last one ended",
                amount(gap.into(), report.currency)
            ));
        }
        let mut row = vec![
            Cell::Lines(head),
            money(one.opening_minor),
            money(one.files_minor),
            money(one.funds_minor),
            money(one.receipts_minor),
            money(one.fees_minor),
            money(one.unexplained_minor),
            money(one.closing_minor),
        ];
        if has_transfers {
            row.insert(5, money(one.transfers_minor));
        }
        table.row(row);
    }
    page.table(&table);
}
