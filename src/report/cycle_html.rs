//! The cycle report as one HTML document: self-contained, printable on A4, in two languages.
//!
//! In the order in which an auditor asks: does it add up, how much of what, who was paid how, by
//! which files, with which proof, what failed, what is open, who signed, how to check it.

use crate::domain::exception::RowOutcome;
use crate::domain::payable::PayableState;
use crate::domain::state::Named;
use crate::pipeline::account::{PERSON_OUTCOMES, Part};
use crate::report::chart::{Slice, stacked_bar};
use crate::report::cycle::{ByState, CycleReport, PayableTally, plus};
use crate::report::cycle_bank;
use crate::report::cycle_proof;
use crate::report::figure::{amount, day, grouped, instant, money, per_mille, share, unit};
use crate::report::page::{Align, Cell, Page, Table, escaped};
use crate::report::wording;
use crate::report::words::{Language, Words};

/// Writes the report. The same values give the same bytes.
pub fn html(report: &CycleReport, language: Language) -> String {
    let mut page = Page::new(language);
    head(&mut page, report, language);
    title_block(&mut page, report);
    if report.state.is_computed() {
        summary(&mut page, report);
        partitions(&mut page, report);
        outcomes(&mut page, report);
        channels(&mut page, report);
        programmes(&mut page, report);
        provinces(&mut page, report);
        cycle_proof::files(&mut page, report);
        cycle_proof::evidence(&mut page, report);
        cycle_bank::bank(&mut page, report);
        cycle_proof::failures(&mut page, report);
        cycle_proof::holds(&mut page, report);
        cycle_proof::open_matters(&mut page, report);
        cycle_proof::identities(&mut page, report);
    } else {
        page.paragraph(
            "note",
            &Words::fixed(
                "Kỳ này chưa có số liệu: chưa tính, hoặc đã hủy.",
                "This cycle has no figures: it is not computed, or it was cancelled.",
            ),
        );
    }
    cycle_proof::inputs(&mut page, report);
    cycle_proof::signatures(&mut page, report);
    cycle_proof::verification(&mut page, report);
    cycle_proof::signature_block(&mut page, report);
    page.markup("</main>\n</body>\n</html>\n");
    page.finish()
}

const TITLE: Words = Words::fixed("Báo cáo kỳ chi trả", "Payment cycle report");
pub(super) const COUNT: Words = Words::fixed("Số khoản", "Payables");
pub(super) const ROWS: Words = Words::fixed("Số dòng", "Rows");
pub(super) const TOTAL: Words = Words::fixed("Cộng", "Total");

fn head(page: &mut Page, report: &CycleReport, language: Language) {
    let lang = if language == Language::English { "en" } else { "vi" };
    // The label goes into the style sheet, for the foot of each printed page: only letters that
    // mean nothing there.
    let plain = |text: &str| -> String {
        text.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '-').collect()
    };
    let foot = format!("{} · {}", plain(&report.office.prefix), plain(&report.label));
    let title = page.plain(&TITLE);
    page.markup(&format!(
        "<!DOCTYPE html>\n<html lang=\"{lang}\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"robots\" content=\"noindex\">\n\
         <title>{title} {label} · {office}</title>\n<style>\n{css}\
         @page{{@bottom-left{{content:\"{foot}{test}\";font:8pt sans-serif;color:#5b6670}}\
         @bottom-right{{content:counter(page) \" / \" counter(pages);font:8pt sans-serif;color:#5b6670}}}}\n\
         </style>\n</head>\n<body>\n<main>\n",
        label = escaped(&report.label),
        office = escaped(&report.office.name),
        css = include_str!("cycle.css"),
        test = if report.office.is_test { " · TEST" } else { "" },
    ));
}

fn title_block(page: &mut Page, report: &CycleReport) {
    if report.office.is_test {
        page.paragraph(
            "test",
            &Words::fixed(
                "BẢN THỬ NGHIỆM: không có đồng nào được chi.",
                "TEST OFFICE: no money moves.",
            ),
        );
    }
    page.markup("<header>\n<p class=\"office\">");
    page.text(&report.office.name);
    page.markup(" · <code>");
    page.text(&report.office.prefix);
    page.markup("</code></p>\n<h1>");
    let (month, year) = (report.period.month(), report.period.year());
    page.say(&Words::new(
        format!("{} tháng {month} năm {year}", TITLE.vi),
        format!("{}, {} {year}", TITLE.en, month_in_english(month)),
    ));
    page.markup("</h1>\n");
    verdict(page, report);
    page.markup("<dl class=\"facts\">\n");
    let day_of = |text: String| day(&text).unwrap_or(text);
    let stamp = |at: &Option<String>| at.as_deref().map_or("–".to_owned(), instant);
    let fact = |page: &mut Page, name: Words, value: &Words| {
        page.markup("<div><dt>");
        page.say(&name);
        page.markup("</dt><dd>");
        page.say(value);
        page.markup("</dd></div>\n");
    };
    fact(
        page,
        Words::fixed("Kỳ", "Cycle"),
        &Words::name(format!("{} (№ {})", report.label, report.number)),
    );
    fact(page, Words::fixed("Loại", "Kind"), &wording::cycle_kind(report.kind));
    fact(page, Words::fixed("Trạng thái", "State"), &wording::cycle_state(report.state));
    fact(page, Words::fixed("Mở lúc", "Opened"), &Words::name(instant(&report.opened_at)));
    fact(page, Words::fixed("Niêm phong lúc", "Sealed"), &Words::name(stamp(&report.sealed_at)));
    fact(page, Words::fixed("Khóa sổ lúc", "Closed"), &Words::name(stamp(&report.closed_at)));
    fact(page, Words::fixed("Người mở", "Opened by"), &Words::name(report.opened_by.as_str()));
    fact(
        page,
        Words::fixed("Ngày ghi nợ", "Value date"),
        &Words::name(day_of(report.value_date.to_string())),
    );
    fact(
        page,
        Words::fixed("Luật biết đến ngày", "Law as known on"),
        &Words::name(day_of(report.law_known_at.to_string())),
    );
    page.markup("</dl>\n</header>\n\n");
}

fn verdict(page: &mut Page, report: &CycleReport) {
    let checks = report.checks();
    let made: usize = checks.iter().map(|check| check.times).sum();
    let broken = checks.iter().filter(|check| !check.holds()).count();
    let (class, mark, words, why) = match report.is_balanced() {
        None => (
            "none",
            "–",
            Words::fixed("CHƯA CÓ SỐ LIỆU", "NO FIGURES YET"),
            Words::fixed("Chưa có gì để đối chiếu.", "There is nothing to compare."),
        ),
        Some(true) => (
            "yes",
            "✓",
            Words::fixed("CÂN ĐỐI", "BALANCED"),
            Words::new(
                format!("Cả {} phép đối chiếu đều khớp.", grouped(made as i128)),
                format!("All {} checks agree.", grouped(made as i128)),
            ),
        ),
        Some(false) => (
            "no",
            "✗",
            Words::fixed("KHÔNG CÂN ĐỐI", "DOES NOT BALANCE"),
            Words::new(
                format!("{broken} phép đối chiếu bị lệch; xem mục “Đối chiếu”."),
                format!("{broken} checks differ; see “Identities”."),
            ),
        ),
    };
    page.markup(&format!("<div class=\"verdict {class}\"><span class=\"mark\" aria-hidden=\"true\">{mark}</span><div><strong>"));
    page.say(&words);
    page.markup("</strong><p>");
    page.say(&why);
    page.markup("</p></div></div>\n");
}

fn summary(page: &mut Page, report: &CycleReport) {
    let all = report.payables_by_state();
    let (to_pay, left) = (report.to_pay(), report.left_over());
    let (paid, held) = (all.of(PayableState::Paid), all.of(PayableState::Held));
    page.section("summary", &Words::fixed("Tóm tắt", "Summary"));
    page.markup("<ul class=\"cards\">\n");
    let currency = report.currency;
    let mut card = |class: &str, what: Words, figure: String, also: Words| {
        page.markup(&format!("<li class=\"{class}\"><span class=\"what\">"));
        page.say(&what);
        page.markup("</span> <b>");
        page.text(&figure);
        page.markup("</b> <span class=\"also\">");
        page.say(&also);
        page.markup("</span></li>\n");
    };
    card(
        "draw",
        Words::fixed("Phải chi", "To pay (draw)"),
        money(to_pay.minor, currency),
        counted(to_pay.count),
    );
    card(
        "paid",
        Words::fixed("Đã chi", "Paid"),
        money(paid.minor, currency),
        Words::name(format!(
            "{} · {}",
            grouped(paid.count.into()),
            share(paid.minor, to_pay.minor)
        )),
    );
    card(
        "left",
        Words::fixed("Còn lại chưa chi", "Left unpaid"),
        money(left.minor, currency),
        counted(left.count),
    );
    card("held", Words::fixed("Tạm giữ", "Held"), money(held.minor, currency), counted(held.count));
    page.markup("</ul>\n");

    let mut table = Table::new(
        Words::fixed("Từ danh sách đến số dư", "From the list to the balance"),
        vec![
            (Words::fixed("Bước", "Step"), Align::Text),
            (Words::fixed("Số lượng", "Count"), Align::Number),
            (in_unit(report), Align::Number),
        ],
    );
    let row = |table: &mut Table, words: Words, part: Part| {
        table.row(vec![
            Cell::Words(words),
            Cell::Number(grouped(part.count.into())),
            Cell::Number(amount(part.minor, currency)),
        ]);
    };
    table.row(vec![
        Cell::Words(Words::fixed("Người trong danh sách", "People listed")),
        Cell::Number(grouped(report.people_listed.into())),
        Cell::Empty,
    ]);
    table.row(vec![
        Cell::Words(Words::fixed("Dòng trong danh sách", "Rows listed")),
        Cell::Number(grouped(report.rows_listed.into())),
        Cell::Empty,
    ]);
    for (outcome, rows) in report.rows_by_outcome() {
        let name = wording::row_outcome(outcome);
        table.row(vec![
            Cell::Words(match outcome {
                RowOutcome::Entitled => Words::fixed("= dòng được hưởng", "= rows entitled"),
                _ => lowered("− ", &name),
            }),
            Cell::Number(grouped(rows.into())),
            Cell::Empty,
        ]);
    }
    row(&mut table, Words::fixed("Khoản chi được xác định", "Payables determined"), all.total());
    row(&mut table, Words::fixed("− tạm giữ", "− held"), held);
    table.sum(vec![
        Cell::Words(Words::fixed("= phải chi (nhu cầu rút dự toán)", "= to pay (draw)")),
        Cell::Number(grouped(to_pay.count.into())),
        Cell::Number(amount(to_pay.minor, currency)),
    ]);
    row(&mut table, Words::fixed("− đã chi", "− paid"), paid);
    table.sum(vec![
        Cell::Words(Words::fixed("= còn lại chưa chi", "= left unpaid")),
        Cell::Number(grouped(left.count.into())),
        Cell::Number(amount(left.minor, currency)),
    ]);
    for state in [
        PayableState::Rejected,
        PayableState::Returned,
        PayableState::Unknown,
        PayableState::Pending,
    ] {
        let words = wording::payable_state(state);
        let words = Words::new(
            format!("trong đó {}", words.vi.to_lowercase()),
            format!("of which {}", words.en.to_lowercase()),
        );
        row(&mut table, words, all.of(state));
    }
    row(
        &mut table,
        Words::fixed("Chuyển sang danh sách kỳ sau", "Carried to a later list"),
        report.carried(),
    );
    // Beside the account, not in it: who was ordered twice is counted twice.
    row(
        &mut table,
        Words::fixed(
            "Để so: lệnh đã gửi đơn vị chi trả, gồm cả chi lại",
            "For comparison: orders sent to providers, reissues included",
        ),
        report.sent(),
    );
    page.table(&table);
    page.section_end();
}

fn partitions(page: &mut Page, report: &CycleReport) {
    page.section(
        "partitions",
        &Words::fixed("Ba cách chia, không sót ai", "Three partitions: everyone is accounted for"),
    );
    // Rows.
    let rows = report.rows_by_outcome();
    let mut table = Table::new(
        Words::fixed("1. Dòng của danh sách theo kết quả", "1. Roster rows by outcome"),
        vec![
            (Words::fixed("Kết quả", "Outcome"), Align::Text),
            (ROWS, Align::Number),
            (Words::fixed("Tỷ lệ", "Share"), Align::Number),
        ],
    );
    for (outcome, count) in &rows {
        table.row(vec![
            Cell::Words(wording::row_outcome(*outcome)),
            Cell::Number(grouped((*count).into())),
            Cell::Number(share((*count).into(), report.rows_listed.into())),
        ]);
    }
    table.sum(vec![
        Cell::Words(Words::fixed("Số dòng của danh sách", "Rows listed")),
        Cell::Number(grouped(report.rows_listed.into())),
        Cell::Empty,
    ]);
    page.table(&table);
    let parts: Vec<String> = rows.iter().map(|(_, count)| grouped((*count).into())).collect();
    let sum: i64 = rows.iter().map(|(_, count)| count).sum();
    let must = Words::fixed("số dòng tệp nguồn đã nhập", "rows read from the source file");
    let listed = grouped(report.rows_listed.into());
    adds_up(page, &parts, &grouped(sum.into()), Some((must, listed)));

    // Payables and money: the same parts, counted and summed. The money is held against the claims,
    // which are summed by themselves.
    let all = report.payables_by_state();
    let whole = all.total();
    let mut table = Table::new(
        Words::fixed("2. Khoản chi và tiền theo kết quả", "2. Payables and money by outcome"),
        vec![
            (Words::fixed("Kết quả", "Outcome"), Align::Text),
            (COUNT, Align::Number),
            (in_unit(report), Align::Number),
            (Words::fixed("Tỷ lệ tiền", "Share of money"), Align::Number),
        ],
    );
    for (_, state) in PayableState::ALL {
        let part = all.of(*state);
        table.row(vec![
            Cell::Words(wording::payable_state(*state)),
            Cell::Number(grouped(part.count.into())),
            Cell::Number(amount(part.minor, report.currency)),
            Cell::Number(share(part.minor, whole.minor)),
        ]);
    }
    table.sum(vec![
        Cell::Words(Words::fixed("Khoản chi được xác định", "Payables determined")),
        Cell::Number(grouped(whole.count.into())),
        Cell::Number(amount(whole.minor, report.currency)),
        Cell::Empty,
    ]);
    page.table(&table);
    let counts: Vec<String> =
        PayableState::ALL.iter().map(|(_, s)| grouped(all.of(*s).count.into())).collect();
    adds_up(page, &counts, &grouped(whole.count.into()), None);
    let amounts: Vec<String> =
        PayableState::ALL.iter().map(|(_, s)| amount(all.of(*s).minor, report.currency)).collect();
    let kept_back = report.recoveries.minor + report.court_orders.minor;
    let claims = money(report.claims_minor + kept_back, report.currency);
    let must = claims_less_what_is_kept_back(report);
    adds_up(page, &amounts, &money(whole.minor, report.currency), Some((must, claims)));
    if report.to_heirs.count > 0 {
        let (count, sum) =
            (grouped(report.to_heirs.count.into()), money(report.to_heirs.minor, report.currency));
        page.paragraph(
            "note",
            &Words::new(
                format!("Trong đó chi cho thân nhân của người đã chết: {count} khoản, {sum}."),
                format!("Of these to heirs of who has died: {count} payables, {sum}."),
            ),
        );
    }

    // People, counted by themselves: one person may have several rows and payables.
    let mut table = Table::new(
        Words::fixed(
            "3. Người, mỗi người một lần, theo kết quả xấu nhất của họ; không phát sinh, thôi hưởng: chỉ ai không có tiền trong kỳ",
            "3. People, each once, by their worst outcome; nil and ceased are only who has no money here",
        ),
        vec![
            (Words::fixed("Kết quả", "Outcome"), Align::Text),
            (Words::fixed("Số người", "People"), Align::Number),
            (Words::fixed("Tỷ lệ", "Share"), Align::Number),
        ],
    );
    let mut parts = Vec::new();
    let (mut sum, listed) = (0, report.people_counted());
    for word in PERSON_OUTCOMES.iter().filter(|word| **word != "total") {
        let count = report.people.get(word).copied().unwrap_or(0);
        if count == 0 {
            continue;
        }
        sum += count;
        parts.push(grouped(count.into()));
        table.row(vec![
            Cell::Words(wording::person_outcome(word)),
            Cell::Number(grouped(count.into())),
            Cell::Number(share(count.into(), listed.into())),
        ]);
    }
    table.sum(vec![
        Cell::Words(Words::fixed("Cộng số người", "People")),
        Cell::Number(grouped(sum.into())),
        Cell::Empty,
    ]);
    page.table(&table);
    let must = match report.people_carried {
        0 => Words::fixed(
            "số người trong danh sách đã nhập",
            "people on the roster that was taken in",
        ),
        alone => Words::new(
            format!(
                "số người trong danh sách đã nhập {}, và chỉ có khoản chuyển từ kỳ trước {}",
                grouped(report.people_listed.into()),
                grouped(alone.into())
            ),
            format!(
                "people on the roster that was taken in {}, and with carried money alone {}",
                grouped(report.people_listed.into()),
                grouped(alone.into())
            ),
        ),
    };
    adds_up(page, &parts, &grouped(sum.into()), Some((must, grouped(listed.into()))));
    page.section_end();
}

fn outcomes(page: &mut Page, report: &CycleReport) {
    page.section("outcomes", &Words::fixed("Tiền theo kết quả", "Money by outcome"));
    let all = report.payables_by_state();
    let slices: Vec<Slice> = [
        PayableState::Paid,
        PayableState::Pending,
        PayableState::Unknown,
        PayableState::Rejected,
        PayableState::Returned,
        PayableState::Held,
    ]
    .into_iter()
    .map(|state| Slice {
        class: state.name(),
        label: wording::payable_state(state),
        minor: all.of(state).minor,
    })
    .collect();
    stacked_bar(
        page,
        &Words::fixed("Tiền theo kết quả", "Money by outcome"),
        &slices,
        report.currency,
    );
    page.section_end();
}

fn channels(page: &mut Page, report: &CycleReport) {
    page.section("channels", &Words::fixed("Theo kênh chi trả", "By channel"));
    let by = report.payables_by(|one| &one.channel);
    let (mut paid, mut through_accounts) = (Part::default(), Part::default());
    let (mut all, mut all_accounts) = (Part::default(), Part::default());
    for (word, one) in &by {
        paid = plus(paid, one.of(PayableState::Paid));
        all = plus(all, one.total());
        if wording::is_account(word) {
            through_accounts = plus(through_accounts, one.of(PayableState::Paid));
            all_accounts = plus(all_accounts, one.total());
        }
    }
    page.paragraph("goal", &Words::new(
        format!(
            "Chi qua tài khoản: {} số khoản và {} số tiền đã chi ({} số khoản được xác định). Mục tiêu: 100 %.",
            share(through_accounts.count.into(), paid.count.into()),
            share(through_accounts.minor, paid.minor),
            share(all_accounts.count.into(), all.count.into()),
        ),
        format!(
            "Paid through accounts: {} of payables and {} of money paid ({} of payables determined). Goal: 100 %.",
            share(through_accounts.count.into(), paid.count.into()),
            share(through_accounts.minor, paid.minor),
            share(all_accounts.count.into(), all.count.into()),
        ),
    ));
    let slices: Vec<Slice> = by
        .iter()
        .map(|(word, one)| Slice {
            class: match word.as_str() {
                "bank" => "bank",
                "ewallet" => "wallet",
                "mobile_money" => "mobile",
                "cash" => "cash",
                _ => "other",
            },
            label: wording::channel(word),
            minor: one.total().minor,
        })
        .collect();
    stacked_bar(
        page,
        &Words::fixed("Tiền được xác định theo kênh", "Money determined by channel"),
        &slices,
        report.currency,
    );
    page.table(&by_state(
        report,
        Words::fixed("Số khoản theo kênh và kết quả", "Payables by channel and outcome"),
        Words::fixed("Kênh", "Channel"),
        by.iter().map(|(word, one)| (Cell::Words(wording::channel(word)), *one)).collect(),
        Shown::Count,
    ));
    page.table(&by_state(
        report,
        Words::fixed("Số tiền theo kênh và kết quả", "Money by channel and outcome"),
        Words::fixed("Kênh", "Channel"),
        by.iter().map(|(word, one)| (Cell::Words(wording::channel(word)), *one)).collect(),
        Shown::Money,
    ));
    let by_provider = report.payables_by(|one| &one.provider);
    page.table(&breakdown(
        report,
        Words::fixed("Theo đơn vị chi trả", "By provider"),
        Words::fixed("Đơn vị", "Provider"),
        by_provider.iter().map(|(name, one)| (Cell::Words(wording::unknown(name)), *one)).collect(),
    ));
    page.section_end();
}

fn programmes(page: &mut Page, report: &CycleReport) {
    page.section("programmes", &Words::fixed("Theo chương trình", "By programme"));
    let by = report.payables_by(|one| &one.programme);
    let name = |code: &String| match report.names.programmes.get(code) {
        Some(words) => Cell::Words(words.clone()),
        None => Cell::Words(wording::unknown(code)),
    };
    page.table(&breakdown(
        report,
        Words::fixed("Khoản chi và tiền theo chương trình", "Payables and money by programme"),
        Words::fixed("Chương trình", "Programme"),
        by.iter().map(|(code, one)| (name(code), *one)).collect(),
    ));
    page.section_end();
}

fn provinces(page: &mut Page, report: &CycleReport) {
    page.section("provinces", &Words::fixed("Theo tỉnh, thành phố", "By province"));
    let by = report.payables_by(|one: &PayableTally| &one.province);
    let name = |code: &String| match report.names.provinces.get(code) {
        Some(words) => Cell::Coded(code.clone(), words.clone()),
        None => Cell::Words(wording::unknown(code)),
    };
    let mut table = breakdown(
        report,
        Words::fixed("Khoản chi và tiền theo tỉnh, thành phố", "Payables and money by province"),
        Words::fixed("Tỉnh, thành phố", "Province"),
        by.iter().map(|(code, one)| (name(code), *one)).collect(),
    );
    table.is_long = true;
    page.table(&table);
    page.section_end();
}

/// What a table of parts shows in its cells.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Shown {
    Count,
    Money,
}

/// Some division of the payables, each with every state, and their sum.
fn by_state(
    report: &CycleReport,
    caption: Words,
    heading: Words,
    rows: Vec<(Cell, ByState)>,
    shown: Shown,
) -> Table {
    let mut columns = vec![(heading, Align::Text)];
    columns
        .extend(PayableState::ALL.iter().map(|(_, s)| (wording::payable_state(*s), Align::Number)));
    columns.push((TOTAL, Align::Number));
    let mut table = Table::new(caption, columns);
    let show = |part: Part| {
        Cell::Number(match shown {
            Shown::Count => grouped(part.count.into()),
            Shown::Money => amount(part.minor, report.currency),
        })
    };
    for (name, one) in rows {
        let mut cells = vec![name];
        cells.extend(PayableState::ALL.iter().map(|(_, state)| show(one.of(*state))));
        cells.push(show(one.total()));
        table.row(cells);
    }
    let all = report.payables_by_state();
    let mut cells = vec![Cell::Words(TOTAL)];
    cells.extend(PayableState::ALL.iter().map(|(_, state)| show(all.of(*state))));
    cells.push(show(all.total()));
    table.sum(cells);
    table
}

/// Some division of the payables: what was determined, what of it is paid, held and otherwise open.
fn breakdown(
    report: &CycleReport,
    caption: Words,
    heading: Words,
    rows: Vec<(Cell, ByState)>,
) -> Table {
    let mut table = Table::new(
        caption,
        vec![
            (heading, Align::Text),
            (COUNT, Align::Number),
            (
                Words::new(format!("Xác định ({})", unit(report.currency)), "Determined"),
                Align::Number,
            ),
            (Words::new(format!("Đã chi ({})", unit(report.currency)), "Paid"), Align::Number),
            (Words::new(format!("Tạm giữ ({})", unit(report.currency)), "Held"), Align::Number),
            (
                Words::new(format!("Chưa xong ({})", unit(report.currency)), "Not settled"),
                Align::Number,
            ),
            (Words::fixed("Tỷ lệ đã chi", "Share paid"), Align::Number),
        ],
    );
    let cells = |name: Cell, one: &ByState| {
        let (all, paid, held) =
            (one.total(), one.of(PayableState::Paid), one.of(PayableState::Held));
        vec![
            name,
            Cell::Number(grouped(all.count.into())),
            Cell::Number(amount(all.minor, report.currency)),
            Cell::Number(amount(paid.minor, report.currency)),
            Cell::Number(amount(held.minor, report.currency)),
            Cell::Number(amount(all.minor - paid.minor - held.minor, report.currency)),
            Cell::Bar(per_mille(paid.minor, all.minor).unwrap_or(0), share(paid.minor, all.minor)),
        ]
    };
    for (name, one) in rows {
        table.row(cells(name, &one));
    }
    table.sum(cells(Cell::Words(TOTAL), &report.payables_by_state()));
    table
}

/// The parts and their sum, so that anyone can add them up; and, where one is known from elsewhere,
/// the figure that the sum must equal.
fn adds_up(page: &mut Page, parts: &[String], sum: &str, must: Option<(Words, String)>) {
    page.markup("<p class=\"adds\">");
    page.text(&if parts.is_empty() { "0".to_owned() } else { parts.join(" + ") });
    page.text(&format!(" = {sum}"));
    if let Some((name, figure)) = must {
        page.markup("<br>");
        page.say(&name);
        page.text(&format!(": {figure} "));
        page.agrees(sum == figure);
    }
    page.markup("</p>\n");
}

fn counted(count: i64) -> Words {
    Words::new(format!("{} khoản", grouped(count.into())), "payables")
}

pub(super) fn in_unit(report: &CycleReport) -> Words {
    Words::new(format!("Số tiền ({})", unit(report.currency)), "Money")
}

/// The words in small letters after something.
fn lowered(before: &str, words: &Words) -> Words {
    Words::new(
        format!("{before}{}", words.vi.to_lowercase()),
        format!("{before}{}", words.en.to_lowercase()),
    )
}

fn month_in_english(month: i8) -> &'static str {
    const MONTHS: [&str; 12] = [
        "January",
        "February",
        "March",
        "April",
        "May",
        "June",
        "July",
        "August",
        "September",
        "October",
        "November",
        "December",
    ];
    MONTHS.get(month as usize - 1).copied().unwrap_or("")
}

/// What the payables must come to, in words: what was kept back for receivables and for courts are parts of
/// their own.
fn claims_less_what_is_kept_back(report: &CycleReport) -> Words {
    let (mut vi, mut en) = (String::new(), String::new());
    for (part, of_vi, of_en) in [
        (report.recoveries, "trừ phần giữ lại để thu hồi", "less what was kept back"),
        (
            report.court_orders,
            "trừ phần khấu trừ thi hành án",
            "less what was kept back for court orders",
        ),
    ] {
        if part.count > 0 {
            let kept = amount(-part.minor, report.currency);
            vi.push_str(&format!(", {of_vi} {kept}"));
            en.push_str(&format!(", {of_en} {kept}"));
        }
    }
    if vi.is_empty() {
        return Words::fixed("tổng các quyền lợi đã xác định", "the claims, summed by themselves");
    }
    let claims = amount(report.claims_minor, report.currency);
    Words::new(
        format!("tổng các quyền lợi đã xác định {claims}{vi}"),
        format!("the claims, summed by themselves, {claims}{en}"),
    )
}
