//! The cycle report as a long table, for spreadsheets: `section,key,count,minor`.
//!
//! People open it with a double click, so a text that a spreadsheet would take for a formula gets
//! an apostrophe, and the bytes begin with the mark by which it recognises UTF-8. Programs read
//! `chitra cycle status --json` instead.

use crate::domain::payable::PayableState;
use crate::domain::state::Named;
use crate::pipeline::account::Part;
use crate::report::cycle::{ByState, CycleReport, FailureKey};

/// Writes the table. `minor` is money in minor units; a figure that a row does not have is empty.
pub fn csv(report: &CycleReport) -> String {
    let mut table = LongTable { out: String::from("\u{feff}section,key,count,minor\r\n") };
    about(&mut table, report);
    for one in &report.imports {
        table.counted("import_rows", &one.file_name, one.rows);
        table.counted("import_refused", &one.file_name, one.refused);
        table.said("import_sha256", &format!("{} {}", one.sha256, one.file_name));
    }
    if report.state.is_computed() {
        figures(&mut table, report);
    }
    for list in &report.lists {
        table.said("list", &format!("{} {} {}", list.number, list.state, list.digest));
        for one in &list.signatures {
            let standing = match (list.counts(one), one.is_verified) {
                (true, true) => "counts",
                (true, false) => "DOES_NOT_VERIFY",
                (false, _) => "void",
            };
            table.said(
                "signature",
                &format!(
                    "{} {} {} {} {standing}",
                    list.number, one.officer, one.act, one.signed_at
                ),
            );
        }
    }
    let checkpoint = &report.checkpoint;
    table.counted("log_size", &checkpoint.origin, checkpoint.size as i64);
    table.said("log_root", &checkpoint.root);
    table.out
}

fn about(table: &mut LongTable, report: &CycleReport) {
    let balanced =
        report.is_balanced().map_or("not computed", |yes| if yes { "yes" } else { "no" });
    for (key, value) in [
        ("office", report.office.name.as_str()),
        ("prefix", &report.office.prefix),
        ("environment", if report.office.is_test { "test" } else { "production" }),
        ("cycle", &report.label),
        ("kind", report.kind.name()),
        ("state", report.state.name()),
        ("currency", report.currency.code()),
        ("opened_at", &report.opened_at),
        ("sealed_at", report.sealed_at.as_deref().unwrap_or_default()),
        ("closed_at", report.closed_at.as_deref().unwrap_or_default()),
        ("manifest_sha256", report.manifest_sha256.as_deref().unwrap_or_default()),
        ("balanced", balanced),
    ] {
        table.said(&format!("about_{key}"), value);
    }
}

fn figures(table: &mut LongTable, report: &CycleReport) {
    table.counted("rows", "listed", report.rows_listed);
    for (outcome, rows) in report.rows_by_outcome() {
        table.counted("rows", outcome.name(), rows);
    }
    for one in &report.rows {
        let key = [one.outcome.name(), &one.code, &one.programme, &one.province].join("/");
        table.counted("rows_by_code_programme_province", &key, one.rows);
    }
    for one in &report.refused {
        table.counted("refused_row", &format!("{}/{}/{}", one.line, one.code, one.enrolment_id), 1);
    }
    table.counted("people", "listed", report.people_listed);
    table.counted("people", "carried_alone", report.people_carried);
    for (word, count) in &report.people {
        table.counted("people", word, *count);
    }
    let all = report.payables_by_state();
    table.part("payables", "total", all.total());
    states(table, "payables", "", &all);
    for (section, by) in [
        ("payables_by_channel", report.payables_by(|one| &one.channel)),
        ("payables_by_provider", report.payables_by(|one| &one.provider)),
        ("payables_by_programme", report.payables_by(|one| &one.programme)),
        ("payables_by_province", report.payables_by(|one| &one.province)),
        ("payables_by_fund", report.payables_by(|one| &one.fund)),
    ] {
        for (key, one) in &by {
            states(table, section, &format!("{key}/"), one);
        }
    }
    table.part("kept_back", "recoveries", report.recoveries);
    table.part("kept_back", "court_orders", report.court_orders);
    table.part("to_heirs", "payables", report.to_heirs);
    table.part("flow", "to_pay", report.to_pay());
    table.part("flow", "sent", report.sent());
    table.part("flow", "left_unpaid", report.left_over());
    table.part("flow", "carried", report.carried());
    table.part("flow", "reissued", report.reissued);
    table.part("flow", "suspense", report.suspense);
    for file in &report.files {
        // What was taken back before it left ordered nobody's money, and adds to no sum.
        let what = if file.is_withdrawn() { "withdrawn_file" } else { "file" };
        table.part(what, &file.name, file.part());
        table.counted("file_restored", &file.name, file.restored_at.len() as i64);
        table.said("file_state", &format!("{} {}", file.state, file.name));
        table.said(
            "file_sha256",
            &format!("{} {}", file.sha256.as_deref().unwrap_or("none"), file.name),
        );
    }
    for one in &report.answers {
        table.counted("answer", &one.file_name, one.items);
        table.said("answer_sha256", &format!("{} {}", one.sha256, one.file_name));
    }
    for one in &report.reconciled {
        for (what, minor) in [
            ("bank_debited", one.debited_minor),
            ("bank_came_back", one.back_minor),
            ("bank_books", one.books_minor),
            ("bank_difference", one.difference_minor()),
        ] {
            table.row(what, &one.name, "", &minor.to_string());
        }
    }
    for one in &report.statements {
        let key = format!("{}/{}/{}", one.provider, one.closed_on, one.id);
        for (what, minor) in [
            ("statement_opening", one.opening_minor),
            ("statement_files", one.files_minor),
            ("statement_funds", one.funds_minor),
            ("statement_receipts", one.receipts_minor),
            ("statement_transfers", one.transfers_minor),
            ("statement_fees", one.fees_minor),
            ("statement_unexplained", one.unexplained_minor),
            ("statement_closing", one.closing_minor),
        ] {
            table.row(what, &key, "", &minor.to_string());
        }
        if let Some(gap) = one.gap_minor {
            table.row("statement_gap", &key, "", &gap.to_string());
        }
        table.counted("statement_waiting", &key, one.open);
    }
    for (grade, part) in report.evidence() {
        table.part("paid_by_evidence", grade.map_or("none", Named::name), part);
    }
    for ((provider, state, grade), part) in report.orders() {
        let grade = grade.map_or("none", Named::name);
        table.part("orders", &format!("{provider}/{state}/{grade}"), part);
    }
    for (key, (_, total)) in report.failures_by_reason() {
        table.part("failed_by_reason", &failure(&key), total);
    }
    for one in &report.failures {
        let key =
            FailureKey { state: one.state, reason: one.reason.clone(), class: one.class.clone() };
        let key = format!("{}/{}", failure(&key), one.aftermath.name());
        table.part("failed_by_reason_and_aftermath", &key, one.part);
    }
    for (code, (rows, part)) in report.holds() {
        table.counted("held_rows", &code, rows);
        table.part("held_payables", &code, part);
    }
    for one in &report.discrepancies {
        let open = if one.is_open { "open" } else { "resolved" };
        let of = if one.is_of_cycle { "cycle" } else { "no_cycle" };
        let key = format!("{}/{}/{open}/{of}", one.kind, one.provider);
        let part = |minor: i128| Part { count: one.count, minor };
        table.part("discrepancy_ordered", &key, part(one.expected_minor));
        table.part("discrepancy_reported", &key, part(one.reported_minor));
    }
    for one in &report.receivables {
        let of = if one.is_of_cycle { "cycle" } else { "every_cycle" };
        table.part("receivable", &format!("{}/{}/{of}", one.cause, one.state), one.part);
    }
    for check in report.checks() {
        let holds = if check.holds() { "agrees" } else { "DIFFERS" };
        let told = format!("{holds}: {} | {} | {}", check.name.en, check.left, check.right);
        table.counted("check", &told, check.times as i64);
    }
}

fn states(table: &mut LongTable, section: &str, before: &str, by: &ByState) {
    for (word, state) in PayableState::ALL {
        table.part(section, &format!("{before}{word}"), by.of(*state));
    }
}

fn failure(key: &FailureKey) -> String {
    let (reason, class) = (key.reason.as_deref(), key.class.as_deref());
    format!("{}/{}/{}", key.state, reason.unwrap_or("none"), class.unwrap_or("none"))
}

struct LongTable {
    out: String,
}

impl LongTable {
    fn said(&mut self, section: &str, key: &str) {
        self.row(section, key, "", "");
    }

    fn counted(&mut self, section: &str, key: &str, count: i64) {
        self.row(section, key, &count.to_string(), "");
    }

    fn part(&mut self, section: &str, key: &str, part: Part) {
        self.row(section, key, &part.count.to_string(), &part.minor.to_string());
    }

    fn row(&mut self, section: &str, key: &str, count: &str, minor: &str) {
        for (at, text) in [section, key, count, minor].into_iter().enumerate() {
            if at > 0 {
                self.out.push(',');
            }
            self.out.push_str(&cell(text));
        }
        self.out.push_str("\r\n");
    }
}

/// One cell: quoted where CSV needs it (RFC 4180), with an apostrophe before what a spreadsheet
/// would calculate. A plain number stays a number, also a negative one.
pub fn cell(text: &str) -> String {
    let text: String =
        text.chars().map(|c| if c.is_control() && c != '\t' { ' ' } else { c }).collect();
    let digits = text.strip_prefix('-').unwrap_or(&text);
    let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    // Spreadsheets look past leading blanks, and take the full-width signs for the narrow ones.
    let first =
        text.trim_start_matches([' ', '\u{a0}', '\u{3000}', '\u{feff}', '\'', '"']).chars().next();
    let calculates =
        first.is_some_and(|c| "=+-@\t|%＝＋－＠".contains(c)) || text.starts_with('\t');
    let shown = if calculates && !is_number { format!("'{text}") } else { text };
    match shown.contains([',', '"', '\'', '\t', ';']) || shown != shown.trim() {
        true => format!("\"{}\"", shown.replace('"', "\"\"")),
        false => shown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, wanted: &str) {
        assert_eq!(cell(text), wanted);
    }

    #[test]
    fn what_a_spreadsheet_would_calculate_is_text() {
        check("=1+1", "\"'=1+1\"");
        check("+84901234567", "\"'+84901234567\"");
        check("-2+3", "\"'-2+3\"");
        check("@SUM(A1)", "\"'@SUM(A1)\"");
        check("\t=1", "\"'\t=1\"");
        check("  =1", "\"'  =1\"");
        check("\r\n=1", "\"'  =1\"");
        check("＝1", "\"'＝1\"");
        check("=HYPERLINK(\"http://x\",\"y\")", "\"'=HYPERLINK(\"\"http://x\"\",\"\"y\"\")\"");
        check("-", "\"'-\"");
    }

    #[test]
    fn plain_numbers_stay_numbers_and_plain_words_words() {
        check("-1250", "-1250");
        check("0", "0");
        check("", "");
        check("bank/paid", "bank/paid");
        check("T-HUE-2026-11.csv", "T-HUE-2026-11.csv");
        check("Huế, mới", "\"Huế, mới\"");
    }

    #[test]
    fn one_cell_stays_one_cell() {
        for hostile in ["a\nb", "a\r\n=cmd|'/c calc'!A0", "\"", "a\",b", "a\0b", ",", "\u{feff}=1"]
        {
            let mut reader = csv::ReaderBuilder::new()
                .has_headers(false)
                .from_reader(format!("x,{},1\r\n", cell(hostile)).into_bytes().leak() as &[u8]);
            let rows: Vec<csv::StringRecord> =
                reader.records().collect::<Result<_, _>>().expect("what `cell` writes is CSV");
            assert_eq!((rows.len(), rows[0].len()), (1, 3), "{hostile:?}");
        }
    }
}
