//! What stands behind the figures of a cycle report: files, evidence, failures, holds, open matters,
//! identities, sources, signatures, and how to check all of it without trusting this program.

use std::collections::BTreeMap;

use crate::domain::cycle::CycleState;
use crate::domain::exception::RowOutcome;
use crate::domain::payable::PayableState;
use crate::pipeline::account::Part;
use crate::report::cycle::{Aftermath, Check, CycleReport, FileSent, plus};
use crate::report::cycle_html::{COUNT, ROWS, TOTAL, in_unit};
use crate::report::figure::{amount, grouped, instant, money, numbers_grouped, share, unit};
use crate::report::page::{Align, Cell, Page, Table, escaped};
use crate::report::wording;
use crate::report::words::Words;

pub(super) fn files(page: &mut Page, report: &CycleReport) {
    let (withdrawn, files): (Vec<&FileSent>, Vec<&FileSent>) =
        report.files.iter().partition(|file| file.is_withdrawn());
    page.section("files", &Words::fixed("Tệp chi trả", "Payout files"));
    page.paragraph("note", &Words::fixed(
        "SHA-256 là của tệp mà đơn vị chi trả đọc; hai bên so từng chữ số.",
        "The SHA-256 is that of the file which the provider reads, to be compared digit by digit.",
    ));
    page.table(&files_table(
        report,
        &files,
        Words::fixed("Tệp, tổng kiểm soát và các lần gửi", "Files, control totals and deliveries"),
    ));
    if !withdrawn.is_empty() {
        page.table(&files_table(
            report,
            &withdrawn,
            Words::fixed(
                "Tệp đã rút lại trước khi gửi: không chi cho ai",
                "Files taken back before they left: they paid nobody",
            ),
        ));
    }
    page.section_end();
}

fn files_table(report: &CycleReport, files: &[&FileSent], caption: Words) -> Table {
    let mut table = Table::new(
        caption,
        vec![
            (Words::fixed("Tệp · SHA-256", "File"), Align::Text),
            (Words::fixed("Danh sách", "List"), Align::Number),
            (Words::fixed("Số lệnh", "Count"), Align::Number),
            (in_unit(report), Align::Number),
            (Words::fixed("Trạng thái và lần gửi", "State and deliveries"), Align::Text),
        ],
    );
    table.is_long = true;
    let mut total = Part::default();
    for file in files {
        total = plus(total, file.part());
        let state = wording::batch_state(file.state);
        let mut lines = vec![format!("{} · {}", state.vi, state.en)];
        for delivery in &file.deliveries {
            let outcome = wording::delivery_outcome(delivery.outcome);
            lines.push(format!(
                "#{} {} · {}: {}",
                delivery.number,
                outcome.vi,
                outcome.en,
                instant(&delivery.started_at),
            ));
        }
        lines.extend(file.restored_at.iter().map(|at| {
            format!(
                "Bản lưu bị đổi hoặc mất, đã ghi lại đúng từng byte · The archived copy was changed or lost, \
                 and written again to the byte: {}",
                instant(at)
            )
        }));
        table.row(vec![
            Cell::Named {
                name: file.name.clone(),
                about: format!(
                    "{} · {} · {}",
                    file.provider,
                    wording::channel(&file.channel).vi,
                    file.format
                ),
                digest: file.sha256.clone().unwrap_or_default(),
            },
            Cell::Number(file.list.to_string()),
            Cell::Number(grouped(file.count.into())),
            Cell::Number(amount(file.total_minor.into(), report.currency)),
            Cell::Lines(lines),
        ]);
    }
    table.sum(vec![
        Cell::Words(TOTAL),
        Cell::Empty,
        Cell::Number(grouped(total.count.into())),
        Cell::Number(amount(total.minor, report.currency)),
        Cell::Empty,
    ]);
    table
}

pub(super) fn evidence(page: &mut Page, report: &CycleReport) {
    page.section("evidence", &Words::fixed("Bằng chứng đã chi", "Evidence of payment"));
    page.paragraph("note", &Words::fixed(
        "Chỉ ghi nợ phía người trả (ACSC) không phải là bằng chứng đã chi.",
        "Settlement on the debtor’s side alone (ACSC) is no evidence that the payee was credited.",
    ));
    let paid = report.payables_by_state().of(PayableState::Paid);
    let mut table = Table::new(
        Words::fixed(
            "Khoản đã chi theo mức bằng chứng, mạnh nhất trước",
            "Paid, by grade of evidence, best first",
        ),
        vec![
            (Words::fixed("Bằng chứng", "Evidence"), Align::Text),
            (COUNT, Align::Number),
            (in_unit(report), Align::Number),
            (Words::fixed("Tỷ lệ", "Share"), Align::Number),
        ],
    );
    let mut total = Part::default();
    for (grade, part) in report.evidence() {
        total = plus(total, part);
        table.row(vec![
            Cell::Words(
                grade.map_or(Words::fixed("Không ghi mức", "No grade recorded"), wording::evidence),
            ),
            Cell::Number(grouped(part.count.into())),
            Cell::Number(amount(part.minor, report.currency)),
            Cell::Number(share(part.minor, paid.minor)),
        ]);
    }
    table.sum(vec![
        Cell::Words(TOTAL),
        Cell::Number(grouped(total.count.into())),
        Cell::Number(amount(total.minor, report.currency)),
        Cell::Empty,
    ]);
    page.table(&table);
    let mut answers = Table::new(
        Words::fixed("Tệp trả lời đã nhận", "Answers taken in"),
        vec![
            (Words::fixed("Tệp · SHA-256", "File"), Align::Text),
            (Words::fixed("Số mục", "Items"), Align::Number),
            (Words::fixed("Nhận lúc", "Received"), Align::Text),
        ],
    );
    for answer in &report.answers {
        answers.row(vec![
            Cell::Named {
                name: answer.file_name.clone(),
                about: format!("{} · {}", answer.provider, answer.format),
                digest: answer.sha256.clone(),
            },
            Cell::Number(grouped(answer.items.into())),
            Cell::Text(instant(&answer.received_at)),
        ]);
    }
    page.table(&answers);
    page.section_end();
}

pub(super) fn failures(page: &mut Page, report: &CycleReport) {
    page.section(
        "failures",
        &Words::fixed(
            "Bị từ chối, bị trả lại và cách xử lý",
            "Rejected and returned, and what was done",
        ),
    );
    let mut columns = vec![
        (Words::fixed("Lý do", "Reason"), Align::Text),
        (Words::fixed("Phân loại", "Class"), Align::Text),
        (Words::fixed("Số lệnh", "Orders"), Align::Number),
        (in_unit(report), Align::Number),
    ];
    columns.extend(Aftermath::ALL.map(|what| (what.words(), Align::Number)));
    let mut table = Table::new(
        Words::fixed(
            "Lệnh hỏng theo mã lý do; các cột cuối đếm việc đã làm sau đó",
            "Failed orders by reason code; the last columns count what was done",
        ),
        columns,
    );
    let mut all = (([Part::default(); Aftermath::ALL.len()]), Part::default());
    for (key, (parts, total)) in report.failures_by_reason() {
        let state = wording::instruction_state(key.state);
        let mut cells = vec![
            match key.reason {
                Some(reason) => Cell::Coded(reason, state),
                None => Cell::Words(state),
            },
            Cell::Words(wording::reason_class(key.class.as_deref())),
            Cell::Number(grouped(total.count.into())),
            Cell::Number(amount(total.minor, report.currency)),
        ];
        cells.extend(parts.map(|part| Cell::Number(grouped(part.count.into()))));
        table.row(cells);
        for (sum, part) in all.0.iter_mut().zip(parts) {
            *sum = plus(*sum, part);
        }
        all.1 = plus(all.1, total);
    }
    let mut cells = vec![
        Cell::Words(TOTAL),
        Cell::Empty,
        Cell::Number(grouped(all.1.count.into())),
        Cell::Number(amount(all.1.minor, report.currency)),
    ];
    cells.extend(all.0.map(|part| Cell::Number(grouped(part.count.into()))));
    table.sum(cells);
    page.table(&table);
    page.paragraph(
        "told",
        &Words::new(
            format!(
                "Lệnh chi lại (từ lần thứ hai): {} lệnh, {}.",
                grouped(report.reissued.count.into()),
                money(report.reissued.minor, report.currency)
            ),
            format!(
                "Orders after the first attempt: {}, {}.",
                grouped(report.reissued.count.into()),
                money(report.reissued.minor, report.currency)
            ),
        ),
    );
    page.section_end();
}

pub(super) fn holds(page: &mut Page, report: &CycleReport) {
    page.section(
        "holds",
        &Words::fixed("Tạm giữ và các dòng không chi", "Holds, and rows that are not paid"),
    );
    let mut table = Table::new(
        Words::fixed("Tạm giữ theo mã", "Holds by code"),
        vec![
            (Words::fixed("Mã và lý do", "Code and reason"), Align::Text),
            (Words::fixed("Ai được gỡ", "Who may release"), Align::Text),
            (ROWS, Align::Number),
            (COUNT, Align::Number),
            (in_unit(report), Align::Number),
        ],
    );
    let (mut rows, mut held) = (0_i64, Part::default());
    for (code, (count, part)) in report.holds() {
        rows += count;
        held = plus(held, part);
        let (sentence, release) = wording::hold(&code)
            .unwrap_or_else(|| (Words::fixed("Mã lạ.", "Not a known code."), Words::name("–")));
        table.row(vec![
            Cell::Coded(code, sentence),
            Cell::Words(release),
            Cell::Number(grouped(count.into())),
            Cell::Number(grouped(part.count.into())),
            Cell::Number(amount(part.minor, report.currency)),
        ]);
    }
    table.sum(vec![
        Cell::Words(TOTAL),
        Cell::Empty,
        Cell::Number(grouped(rows.into())),
        Cell::Number(grouped(held.count.into())),
        Cell::Number(amount(held.minor, report.currency)),
    ]);
    page.table(&table);

    let mut table = Table::new(
        Words::fixed(
            "Dòng không nhận, thôi hưởng, không phát sinh, theo mã",
            "Rows refused, ceased or nil, by code",
        ),
        vec![
            (Words::fixed("Mã và lý do", "Code and reason"), Align::Text),
            (Words::fixed("Kết quả", "Outcome"), Align::Text),
            (ROWS, Align::Number),
        ],
    );
    let mut by_code: BTreeMap<(RowOutcome, &str), i64> = Default::default();
    for one in &report.rows {
        if !matches!(one.outcome, RowOutcome::Held | RowOutcome::Entitled) {
            *by_code.entry((one.outcome, &one.code)).or_default() += one.rows;
        }
    }
    for ((outcome, code), count) in &by_code {
        let sentence = wording::row_code(code)
            .or_else(|| report.names.clauses.get(*code).cloned())
            .unwrap_or(Words::fixed("Theo bộ quy tắc.", "By the programme pack."));
        table.row(vec![
            Cell::Coded((*code).to_owned(), sentence),
            Cell::Words(wording::row_outcome(*outcome)),
            Cell::Number(grouped((*count).into())),
        ]);
    }
    table.sum(vec![
        Cell::Words(TOTAL),
        Cell::Empty,
        Cell::Number(grouped(by_code.values().map(|count| i128::from(*count)).sum())),
    ]);
    page.table(&table);
    page.section_end();
}

pub(super) fn open_matters(page: &mut Page, report: &CycleReport) {
    page.section(
        "open",
        &Words::fixed("Sai lệch, phải thu, treo", "Discrepancies, receivables, suspense"),
    );
    let mut table = Table::new(
        Words::fixed("Sai lệch trong tệp trả lời", "Discrepancies in answers"),
        vec![
            (Words::fixed("Loại", "Kind"), Align::Text),
            (Words::fixed("Đơn vị", "Provider"), Align::Text),
            (Words::fixed("Tình trạng", "Standing"), Align::Text),
            (Words::fixed("Số mục", "Items"), Align::Number),
            (Words::new(format!("Đã lệnh ({})", unit(report.currency)), "Ordered"), Align::Number),
            (
                Words::new(format!("Được báo ({})", unit(report.currency)), "Reported"),
                Align::Number,
            ),
        ],
    );
    for one in &report.discrepancies {
        let standing = match (one.is_open, one.is_of_cycle) {
            (true, true) => Words::fixed("Đang mở", "Open"),
            (false, true) => Words::fixed("Đã giải quyết", "Resolved"),
            (true, false) => Words::fixed("Đang mở, không thuộc kỳ nào", "Open, of no cycle"),
            (false, false) => {
                Words::fixed("Đã giải quyết, không thuộc kỳ nào", "Resolved, of no cycle")
            }
        };
        table.row(vec![
            Cell::Words(wording::discrepancy(one.kind)),
            Cell::Text(one.provider.clone()),
            Cell::Words(standing),
            Cell::Number(grouped(one.count.into())),
            Cell::Number(amount(one.expected_minor, report.currency)),
            Cell::Number(amount(one.reported_minor, report.currency)),
        ]);
    }
    page.table(&table);
    let mut table = Table::new(
        Words::fixed("Phải thu hồi và tài khoản treo", "Receivables and suspense"),
        vec![
            (Words::fixed("Khoản", "What"), Align::Text),
            (Words::fixed("Tình trạng", "Standing"), Align::Text),
            (Words::fixed("Số khoản", "Count"), Align::Number),
            (in_unit(report), Align::Number),
        ],
    );
    for one in &report.receivables {
        table.row(vec![
            Cell::Words(wording::receivable(one.cause)),
            Cell::Words(match one.is_of_cycle {
                true => wording::receivable_state(one.state),
                false => {
                    let state = wording::receivable_state(one.state);
                    Words::new(
                        format!("{}, của mọi kỳ", state.vi),
                        format!("{}, of every cycle", state.en),
                    )
                }
            }),
            Cell::Number(grouped(one.part.count.into())),
            Cell::Number(amount(one.part.minor, report.currency)),
        ]);
    }
    table.row(vec![
        Cell::Words(Words::fixed("Treo: chưa rõ khi khóa sổ", "Suspense: unknown at closing")),
        Cell::Words(Words::fixed("Khóa, không chi lại", "Locked, not paid again")),
        Cell::Number(grouped(report.suspense.count.into())),
        Cell::Number(amount(report.suspense.minor, report.currency)),
    ]);
    page.table(&table);
    if report.state != CycleState::Closed && !report.hindrances.is_empty() {
        page.markup("<h3>");
        page.say(&Words::fixed("Còn phải làm trước khi khóa sổ", "What hinders closing"));
        page.markup("</h3>\n<ul class=\"plain\" lang=\"en\">\n");
        for sentence in &report.hindrances {
            page.markup("<li>");
            page.text(&numbers_grouped(sentence));
            page.markup("</li>\n");
        }
        page.markup("</ul>\n");
    }
    page.section_end();
}

pub(super) fn identities(page: &mut Page, report: &CycleReport) {
    page.section("identities", &Words::fixed("Đối chiếu", "Identities"));
    page.paragraph(
        "note",
        &Words::new(
            format!(
                "Hai số cách nhau bằng dấu / là số lượng và số tiền ({}).",
                unit(report.currency)
            ),
            format!("Two figures parted by / are a count and money ({}).", unit(report.currency)),
        ),
    );
    let mut table = Table::new(
        Words::fixed("Hai vế phải bằng nhau", "Both sides must be equal"),
        vec![
            (Words::fixed("Đẳng thức", "Identity"), Align::Text),
            (Words::fixed("Vế trái", "Left"), Align::Number),
            (Words::fixed("Vế phải", "Right"), Align::Number),
            (Words::fixed("Kết quả", "Result"), Align::Text),
        ],
    );
    for check in report.checks() {
        table.row(check_row(&check));
    }
    page.table(&table);
    page.section_end();
}

fn check_row(check: &Check) -> Vec<Cell> {
    let side = |text: &str| match check.times {
        1 => Cell::Number(numbers_grouped(text)),
        files => Cell::Words(Words::new(format!("{files} tệp"), format!("{files} files"))),
    };
    vec![
        Cell::Words(check.name.clone()),
        side(&check.left),
        side(&check.right),
        Cell::Agrees(check.holds()),
    ]
}

pub(super) fn inputs(page: &mut Page, report: &CycleReport) {
    page.section("inputs", &Words::fixed("Tệp nguồn", "Source files"));
    let mut table = Table::new(
        Words::fixed(
            "Danh sách và dữ liệu dân cư đã nhập",
            "Roster and identity register, as taken in",
        ),
        vec![
            (Words::fixed("Tệp · SHA-256", "File"), Align::Text),
            (Words::fixed("Loại", "Kind"), Align::Text),
            (ROWS, Align::Number),
            (Words::fixed("Không nhận", "Refused"), Align::Number),
            (Words::fixed("Nhập lúc, bởi", "When, by"), Align::Text),
        ],
    );
    for one in &report.imports {
        table.row(vec![
            Cell::Named {
                name: one.file_name.clone(),
                about: String::new(),
                digest: one.sha256.clone(),
            },
            Cell::Words(one.kind.clone()),
            Cell::Number(grouped(one.rows.into())),
            Cell::Number(grouped(one.refused.into())),
            Cell::Lines(vec![instant(&one.imported_at), one.imported_by.clone()]),
        ]);
    }
    page.table(&table);
    page.section_end();
}

pub(super) fn signatures(page: &mut Page, report: &CycleReport) {
    page.section(
        "signatures",
        &Words::fixed("Danh sách, chữ ký số và mã băm", "Lists, signatures and digests"),
    );
    let mut table = Table::new(
        Words::fixed(
            "Mã băm (SHA-256) của những gì đã duyệt",
            "Digests (SHA-256) of what was approved",
        ),
        vec![
            (Words::fixed("Đối tượng", "What"), Align::Text),
            (Words::fixed("Mã băm", "Digest"), Align::Text),
            (Words::fixed("Trạng thái", "State"), Align::Text),
        ],
    );
    table.row(vec![
        Cell::Words(Words::fixed("Bản kê đầu vào của lần tính", "Run manifest")),
        match &report.manifest_sha256 {
            Some(digest) => Cell::Exact(digest.clone()),
            None => Cell::Words(Words::fixed("chưa niêm phong", "not sealed")),
        },
        Cell::Text(report.sealed_at.as_deref().map(instant).unwrap_or_default()),
    ]);
    for list in &report.lists {
        table.row(vec![
            Cell::Words(Words::new(
                format!("Danh sách chi {}", list.number),
                format!("Payment list {}", list.number),
            )),
            Cell::Exact(list.digest.clone()),
            Cell::Words(wording::list_state(list.state)),
        ]);
    }
    table.row(vec![
        Cell::Words(Words::new(
            format!("Gốc nhật ký ở {} mục", grouped(report.checkpoint.size.into())),
            format!("Log root at {} entries", grouped(report.checkpoint.size.into())),
        )),
        Cell::Exact(report.checkpoint.root.clone()),
        Cell::Text(report.checkpoint.origin.clone()),
    ]);
    page.table(&table);

    let mut table = Table::new(
        Words::fixed(
            "Chữ ký số (Ed25519) trên mã băm của danh sách",
            "Signatures (Ed25519) under the digest of a list",
        ),
        vec![
            (Words::fixed("Danh sách", "List"), Align::Text),
            (Words::fixed("Cán bộ", "Officer"), Align::Text),
            (Words::fixed("Việc ký", "Act"), Align::Text),
            (Words::fixed("Lúc", "When"), Align::Text),
            (Words::fixed("Kiểm chữ ký", "Verification"), Align::Text),
        ],
    );
    for list in &report.lists {
        for signature in &list.signatures {
            let standing = match (list.counts(signature), signature.is_verified) {
                (true, true) => Words::fixed("✓ kiểm đúng, còn giá trị", "verified, counts"),
                (true, false) => Words::fixed("✗ KHÔNG KIỂM ĐÚNG", "DOES NOT VERIFY"),
                (false, verified) => {
                    let at = signature.voided_at.as_deref().map(instant).unwrap_or_default();
                    match verified {
                        true => Words::new(
                            format!("kiểm đúng, hết giá trị {at}"),
                            "verified, void: the list was changed",
                        ),
                        false => Words::new(format!("hết giá trị {at}"), "void, does not verify"),
                    }
                }
            };
            table.row(vec![
                Cell::Text(list.number.to_string()),
                Cell::Text(signature.officer.clone()),
                Cell::Words(wording::act(signature.act)),
                Cell::Text(instant(&signature.signed_at)),
                Cell::Words(standing),
            ]);
        }
    }
    page.table(&table);
    page.section_end();
}

pub(super) fn verification(page: &mut Page, report: &CycleReport) {
    page.section("verify", &Words::fixed("Cách tự kiểm tra", "How to verify"));
    let label = escaped(&report.label);
    page.markup("<ol>\n<li>");
    page.say(&Words::fixed(
        "Băm lại toàn bộ nhật ký, so với cơ sở dữ liệu và gốc đã ký ở trên:",
        "Hash every entry of the log again, against the database and the signed root above:",
    ));
    page.markup("<pre>chitra audit verify</pre></li>\n<li>");
    page.say(&Words::fixed(
        "Băm tệp mà đơn vị chi trả đã nhận, hoặc tệp nguồn, so với bảng ở trên:",
        "Hash a file that a provider received, or a source file, and compare with the tables above:",
    ));
    page.markup("<pre>");
    page.text(&match report.files.first() {
        Some(file) => format!("sha256sum {}", file.name),
        None => "sha256sum FILE".to_owned(),
    });
    page.markup("</pre></li>\n<li>");
    page.say(&Words::fixed(
        "Lập lại báo cáo này; cùng số liệu và cùng gốc nhật ký cho cùng từng byte:",
        "Make this report again; the same figures and log root give the same bytes:",
    ));
    page.markup(&format!(
        "<pre>chitra report {label} --format html\nchitra cycle status {label} --json</pre></li>\n<li>"
    ));
    page.say(&Words::fixed(
        "Hỏi vì sao một người được hưởng mức đó:",
        "Ask why a person is owed what they are owed:",
    ));
    page.markup(&format!(
        "<pre>chitra explain PERSON --period {}</pre></li>\n</ol>\n",
        report.period
    ));
    page.section_end();
}

/// The block to be signed by hand says what is signed, so that it stands on a page of its own too.
pub(super) fn signature_block(page: &mut Page, report: &CycleReport) {
    page.section("sign", &Words::fixed("Ký xác nhận", "Signed"));
    page.markup("<div class=\"signed\">\n");
    if report.state.is_computed() {
        let paid = report.payables_by_state().of(PayableState::Paid);
        let told = |to_pay: &str, paid_: &str, left: &str| {
            format!(
                "{} {}: {to_pay} {}; {paid_} {}; {left} {}.",
                report.office.prefix,
                report.label,
                money(report.to_pay().minor, report.currency),
                money(paid.minor, report.currency),
                money(report.left_over().minor, report.currency),
            )
        };
        page.paragraph(
            "told",
            &Words::new(
                told("phải chi", "đã chi", "còn lại chưa chi"),
                told("to pay", "paid", "left unpaid"),
            ),
        );
    }
    for (name, digest) in report
        .lists
        .iter()
        .map(|list| {
            let number = list.number;
            let name =
                Words::new(format!("Danh sách chi {number}"), format!("Payment list {number}"));
            (name, list.digest.as_str())
        })
        .chain([(Words::fixed("Gốc nhật ký", "Log root"), report.checkpoint.root.as_str())])
    {
        page.markup("<p>");
        page.say(&name);
        page.markup(": ");
        page.exact(digest);
        page.markup("</p>\n");
    }
    page.markup("</div>\n");
    page.markup("<div class=\"sign\">\n");
    for who in [
        Words::fixed("Người lập", "Prepared by"),
        Words::fixed("Kế toán trưởng", "Chief accountant"),
        Words::fixed("Kiểm toán", "Auditor"),
    ] {
        page.markup("<div><b>");
        page.say(&who);
        page.markup("</b><i>");
        page.say(&Words::fixed("(ký, ghi rõ họ tên)", "(signature, full name)"));
        page.markup("</i><small>");
        page.say(&Words::fixed("Ngày … tháng … năm …", "Date"));
        page.markup("</small></div>\n");
    }
    page.markup("</div>\n");
    page.section_end();
}
