//! What is told of one person: what was held and who decided about it, where the money is, and what did not
//! arrive in its month. Told on both databases, and asked of the program as an officer asks it.

use std::process::Command;

use chitra::domain::cycle::Cycle;
use chitra::domain::cycle::CycleKind::{Correction, Regular, Supplementary};
use chitra::domain::exception::Decision;
use chitra::engine::hold::Deciding;
use serde_json::Value;

use crate::support::office::{
    APPROVERS, MAKER, TestOffice, key, on_both_databases, period, refused, run,
};
use crate::support::real_parts::RealPart;

on_both_databases! { run, RealPart::Postgres;
    who_is_gone_from_the_roster_is_told_of_what_was_carried
    money_that_was_carried_twice_is_told_from_where_it_comes
    money_is_told_from_where_it_comes_when_a_list_that_took_it_is_given_up
    a_month_that_somebody_else_has_paid_is_told
    other_lists_of_the_month_are_told_beside
    a_row_that_was_refused_is_told_by_its_line
    a_row_that_has_ceased_is_told_in_both_languages
    where_the_money_is_stands_in_both_languages
    a_row_that_officers_released_is_told_with_who_and_why
    what_two_release_is_told_with_both
    what_is_decided_later_does_not_change_what_was_decided_then
    a_payment_that_officers_released_is_told_with_who_and_why
    lists_that_come_and_go_do_not_keep_others_from_being_told
}

const AN: &str = "E1 | 001044000101 | Nguyễn Văn An | 1944-03-14 | male | social_pension/monthly | monthly_pension=0 | bank 970405 0711000001";
const BINH: &str = "E2 | 001145000102 | Trần Thị Bình | 1945-07-02 | female | social_pension/monthly | monthly_pension=0 | bank 970405 0711000002";

/// What `chitra explain` says of a person, as a page and as JSON.
pub fn asked(office: &TestOffice, enrolment: &str, month: &str) -> (String, Value) {
    let ask = |more: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_chitra"));
        command.arg("--office").arg(&office.dir).args(["explain", enrolment, "--period", month]);
        let said = command.args(more).output().unwrap();
        assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));
        String::from_utf8(said.stdout).unwrap()
    };
    (ask(&[]), serde_json::from_str(&ask(&["--json"])).unwrap())
}

#[track_caller]
fn says(page: &str, sentences: &[&str]) {
    for sentence in sentences {
        assert!(page.contains(sentence), "`{sentence}` is missing in:\n{page}");
    }
}

async fn who_is_gone_from_the_roster_is_told_of_what_was_carried(office: TestOffice) {
    office.on_day("2026-09-20");
    office.month("2026-10", &[AN, BINH]).await;
    let october = office.paid_out("2026-10", Regular).await;
    let back = office.said(&october, "E1", 1, "Hoàn trả", "Tài khoản đã đóng").await;
    let paid = office.said(&october, "E2", 1, "Thành công", "").await;
    office.sheet(&[back, paid]).await.unwrap();
    office.closed(&october).await;

    const CUC: &str = "E3 | 001145000103 | Lê Thị Cúc | 1945-08-02 | female | social_pension/monthly | monthly_pension=0 | bank 970405 0711000003";
    office.month("2026-11", &[CUC]).await;
    let november = office.sealed("2026-11", Regular).await;
    let engine = &office.engine;
    refused(engine.explain(&november, office.person("E2").await).await, "E102");
    assert!(engine.explain(&november, office.person("E1").await).await.unwrap().rows.is_empty());

    let (page, json) = asked(&office, "E1", "2026-11");
    let now = office.payable(&november, "E1").await.number.to_string();
    says(
        &page,
        &[
            "chuyển từ / carried from 2026-10",
            "Khoản cho tháng 2026-10 của kỳ 2026-10 không chi được trong kỳ đó: bị trả lại, lý do",
            &format!(
                "Nay nằm trong khoản {now} của kỳ 2026-11: tạm giữ, H155 (Khoản của kỳ trước chưa chi được"
            ),
            "Money for 2026-10 of list 2026-10 was not paid there: returned, reason",
            &format!(
                "It is in payable {now} of list 2026-11 now: held, H155 (Money of an earlier month is unpaid"
            ),
            // The line as October worked it out.
            "trợ cấp hằng tháng, tháng 10/2026, chi thường kỳ: 500.000 đồng",
            "NĐ 176/2025/NĐ-CP",
        ],
    );
    assert_eq!(json["rows"], serde_json::json!([]));
    let one = &json["carried"][0];
    assert_eq!((&one["cycle"], &one["state"]), (&"2026-10".into(), &"returned".into()));
    assert_eq!(one["lines"][0]["period"], "2026-10");
    assert_eq!(one["lines"][0]["amount_minor"], "500000");
    assert_eq!((&one["now"]["state"], &one["now"]["code"]), (&"held".into(), &"H155".into()));
    assert_eq!(json["carried"].as_array().map(Vec::len), Some(1));

    // Asked about October, the way on is told.
    let (page, json) = asked(&office, "E1", "2026-10");
    says(
        &page,
        &[
            &format!("Đã chuyển sang khoản {now} của kỳ 2026-11: tạm giữ, H155"),
            &format!("Carried over to payable {now} of 2026-11: held, H155"),
        ],
    );
    assert_eq!(json["payables"][0]["now"]["payable"], now);
    assert_eq!(json["carried"], serde_json::json!([]));
    office.ends_whole().await;
}

async fn money_that_was_carried_twice_is_told_from_where_it_comes(office: TestOffice) {
    office.on_day("2026-09-20");
    for (month, reason) in [("2026-10", "Tài khoản đã đóng"), ("2026-11", "Sai số tài khoản")]
    {
        office.month(month, &[AN]).await;
        let cycle = office.paid_out(month, Regular).await;
        let no = office.said(&cycle, "E1", 1, "Không thành công", reason).await;
        office.sheet(&[no]).await.unwrap();
        office.closed(&cycle).await;
    }
    office.month("2026-12", &[AN]).await;
    let december = office.sealed("2026-12", Regular).await;
    office.check(&december, "entitled 1", "pending 1 = 1500000").await;

    let (page, json) = asked(&office, "E1", "2026-12");
    says(
        &page,
        &[
            "carried from 2026-10",
            "carried from 2026-11",
            // November's payable was October's money and its own.
            "Money for 2026-10, 2026-11 of list 2026-11 was not paid there: rejected",
            "now: in the file TEST-TEST-202612-R",
            "which waits to be approved and released.",
        ],
    );
    let carried = json["carried"].as_array().unwrap();
    let told: Vec<(&Value, &Value, usize)> = carried
        .iter()
        .map(|one| {
            let lines = one["lines"].as_array().unwrap();
            (&one["cycle"], &lines[0]["period"], lines.len())
        })
        .collect();
    let (october, november) = ("2026-10".into(), "2026-11".into());
    assert_eq!(told, [(&october, &october, 1), (&november, &november, 1)]);
    assert!(carried.iter().all(|one| one["lines"][0]["clauses"][0].is_string()), "{json:#}");
    assert_eq!(json["rows"][0]["lines"][0]["period"], "2026-12");

    // What October determined was known in November, wherever its claim is now.
    let (page, json) = asked(&office, "E1", "2026-11");
    says(&page, &["carried from 2026-10", "of 2026-12: in the file"]);
    let lines = json["rows"][0]["lines"].as_array().unwrap();
    assert_eq!((lines.len(), &lines[0]["period"]), (1, &november));
    office.ends_whole().await;
}

/// Who stands only on a row that could not be read is asked about by enrolment or national id all the same.
async fn a_month_that_somebody_else_has_paid_is_told(office: TestOffice) {
    office.on_day("2026-09-20");
    let paid = format!("{AN} | paid_through=2026-10");
    office.month("2026-10", &[&paid, BINH]).await;
    let october = office.paid_out("2026-10", Regular).await;
    office.check(&october, "entitled 2", "pending 1 = 500000").await;
    let (page, _) = asked(&office, "E1", "2026-10");
    says(
        &page,
        &[
            "Được hưởng; nơi chi trả trước đã chi đến hết tháng 10/2026, nên kỳ này không chi.",
            "Entitled; who paid before has paid through October 2026, so nothing is paid for this month.",
        ],
    );
    office.ends_whole().await;
}

async fn other_lists_of_the_month_are_told_beside(office: TestOffice) {
    office.on_day("2026-09-20");
    office.month("2026-10", &[AN]).await;
    let october = office.opened("2026-10", Regular).await;
    // Nobody is decided about before a list is computed.
    refused(office.engine.person_find("E1", &october).await, "E111");
    let october = office.computed(&october).await;
    let october = office.engine.seal(&october).await.unwrap();
    office.sent(&october, 0).await;
    office.month("2026-10", &[AN, BINH]).await;
    let more = office.opened("2026-10", Supplementary).await;
    refused(office.engine.explain(&more, office.person("E1").await).await, "E111");
    let more = office.computed(&more).await;
    office.check(&more, "entitled 2", "pending 1 = 500000").await;
    let number = office.payable(&october, "E1").await.number.to_string();
    let (page, json) = asked(&office, "E1", &more.label());
    says(
        &page,
        &[
            &format!("Cùng tháng, ở kỳ 2026-10: khoản {number}, 500.000 VND: "),
            &format!("In the same month, on list 2026-10: payable {number}, 500.000 VND: "),
        ],
    );
    assert_eq!(json["in_other_lists"][0]["payable"], number.as_str());
    office.ends_whole().await;
}

async fn a_row_that_was_refused_is_told_by_its_line(office: TestOffice) {
    office.on_day("2026-09-20");
    let bad = BINH.replace("monthly_pension=0", "monthly_pension=1e3");
    let taken = office.month("2026-10", &[AN, &bad]).await;
    assert_eq!(taken.refused_by_code.values().sum::<i64>(), 1);
    let october = office.sealed("2026-10", Regular).await;
    for asked_as in ["E2", "001145000102"] {
        let (page, json) = asked(&office, asked_as, "2026-10");
        says(
            &page,
            &[
                "Không nhận / Refused (I2",
                "line 3]",
                "Thông tin xét hưởng không đọc được.",
                "A fact cannot be read.",
            ],
        );
        assert_eq!(json["refused"][0]["source"]["line"], 3);
        assert_eq!(json["rows"], serde_json::json!([]));
    }
    refused(office.engine.person_find("E9", &october).await, "E103");
}

/// October's money is on December's list, which is given up. What is told of November is what November knew.
async fn money_is_told_from_where_it_comes_when_a_list_that_took_it_is_given_up(
    office: TestOffice,
) {
    office.on_day("2026-09-20");
    for (month, reason) in [("2026-10", "Tài khoản đã đóng"), ("2026-11", "Sai số tài khoản")]
    {
        office.month(month, &[AN]).await;
        let cycle = office.paid_out(month, Regular).await;
        let no = office.said(&cycle, "E1", 1, "Không thành công", reason).await;
        office.sheet(&[no]).await.unwrap();
        office.closed(&cycle).await;
    }
    office.month("2026-12", &[AN]).await;
    let december = office.sealed("2026-12", Regular).await;
    let before = asked(&office, "E1", "2026-11").1["rows"].clone();
    let now = office.now(&december).await;
    office.engine.cycle_cancel(&now, "a wrong roster", MAKER, &key(MAKER)).await.unwrap();

    let (page, json) = asked(&office, "E1", "2026-11");
    says(
        &page,
        &["carried from 2026-10", "monthly allowance, November 2026, regular: 500,000 VND"],
    );
    assert_eq!(json["rows"], before);
    let again = office.sealed("2026-12", Regular).await;
    office.check(&again, "entitled 1", "pending 1 = 1500000").await;
    assert_eq!(asked(&office, "E1", "2026-11").1["rows"], before);
    office.ends_whole().await;
}

async fn a_row_that_has_ceased_is_told_in_both_languages(office: TestOffice) {
    office.month("2026-10", &[&format!("{AN} | status=suspended"), BINH]).await;
    office.sealed("2026-10", Regular).await;
    let (page, json) = asked(&office, "E1", "2026-10");
    says(
        &page,
        &[
            "Thôi hoặc tạm dừng hưởng / Ceased or suspended (suspended)",
            "Nơi lập danh sách báo tạm dừng hưởng.",
            "The sender reports the enrolment as suspended.",
        ],
    );
    let law = &json["rows"][0]["law"];
    assert_ne!(law["vi"], law["en"]);
    office.ends_whole().await;
}

async fn where_the_money_is_stands_in_both_languages(office: TestOffice) {
    office.month("2026-10", &[AN]).await;
    let october = office.sealed("2026-10", Regular).await;
    let told = async |vi: &str, en: &str| {
        let (page, json) = asked(&office, "E1", "2026-10");
        says(&page, &[&format!("Trong kỳ này: {vi}"), &format!("In this cycle: {en}")]);
        let one = &json["payables"][0];
        for (words, of) in [(vi, &one["vi"]), (en, &one["en"])] {
            assert!(of.as_str().unwrap().starts_with(words), "{of}");
        }
        let order = &one["attempts"][0];
        assert_ne!(order["vi"], order["en"], "the order is told in both, too");
    };
    let file = "TEST-TEST-202610-R-C1-L0-B001.csv";
    told(
        &format!("nằm trong tệp {file}, chờ duyệt và cho gửi"),
        &format!("in the file {file}, which waits to be approved and released"),
    )
    .await;
    office.released(&october, 0).await;
    told(
        &format!("nằm trong tệp {file}, đã cho gửi và chưa rời đi"),
        &format!("in the file {file}, which is released and has not left"),
    )
    .await;
    office.engine.dispatch(None).await.unwrap();
    told(
        &format!("đang trên đường; sheetbank đã nhận tệp {file}"),
        &format!("on its way; sheetbank has the file {file}"),
    )
    .await;
    let paid = office.said(&october, "E1", 1, "Thành công", "").await;
    office.sheet(&[paid]).await.unwrap();
    told(
        "đã chi ngày 2026-09-15, bằng chứng: đơn vị giữ tài khoản báo đã ghi có",
        "paid on 2026-09-15, proved by: result of the provider that holds the account",
    )
    .await;
    office.on_day("2026-09-17");
    let back = office.said(&october, "E1", 1, "Hoàn trả", "Tài khoản đã đóng").await;
    office.sheet(&[back]).await.unwrap();
    told("bị trả lại, lý do “", "returned, reason “").await;
    office.ends_whole().await;
}

// --- Holds ----------------------------------------------------------------------------------------

/// An officer decides about the one hold of a cycle with this code.
async fn decide(office: &TestOffice, cycle: &Cycle, code: &str, decision: Decision, reason: &str) {
    let now = office.now(cycle).await;
    let (_, held) = office.engine.holds(&now, Some(code), 1).await.unwrap();
    let said = Deciding { decision, valid_to: Some(cycle.period), reason: reason.to_owned() };
    office.engine.hold_decide(&now, &held[0].name(), said, MAKER, &key(MAKER)).await.unwrap();
}

async fn computed_anew(office: &TestOffice, cycle: &Cycle) -> Cycle {
    let cycle = office.engine.recompute(&office.now(cycle).await).await.unwrap();
    office.computed(&cycle).await
}

const UNKNOWN_ID: &str = "register.national_id=001044000999";

async fn a_row_that_officers_released_is_told_with_who_and_why(office: TestOffice) {
    office.month("2026-10", &[&format!("{AN} | {UNKNOWN_ID}"), BINH]).await;
    let october = office.opened("2026-10", Regular).await;
    let october = office.computed(&october).await;
    let (page, json) = asked(&office, "E1", "2026-10");
    says(
        &page,
        &[
            "Tạm giữ theo H101: Không tìm thấy số định danh trong cơ sở dữ liệu dân cư.",
            "A hold of H101: The id is not in the identity register.",
            "Chưa có quyết định nào; ai được gỡ: một cán bộ, có lý do.",
            "Nothing was decided about it; who may release it: an officer, with a reason.",
        ],
    );
    assert_eq!(page.matches("The id is not in the identity register.").count(), 1, "{page}");
    assert_eq!(json["rows"][0]["holds"][0]["decisions"], serde_json::json!([]));

    office.on_day("2026-09-16");
    decide(&office, &october, "H101", Decision::Keep, "card not seen").await;
    says(
        &asked(&office, "E1", "2026-10").0,
        &[
            "lan quyết định tiếp tục giữ lúc 2026-09-16 09:00, lý do “card not seen”",
            "lan decided at 2026-09-16 09:00 to keep it held, with the reason “card not seen”",
            "Vì vậy dòng không được chi.",
            "Because of this the row is not paid.",
        ],
    );

    office.on_day("2026-09-17");
    decide(&office, &october, "H101", Decision::Release, "card seen,\n register is late").await;
    says(&asked(&office, "E1", "2026-10").0, &["This list was computed before that decision"]);
    let october = computed_anew(&office, &october).await;
    let october = office.engine.seal(&october).await.unwrap();
    let (page, json) = asked(&office, "E1", "2026-10");
    says(
        &page,
        &[
            "Được hưởng / Entitled",
            "Tạm giữ theo H101: Không tìm thấy số định danh",
            "lan quyết định gỡ tạm giữ lúc 2026-09-17 09:00, lý do “card seen, register is late”",
            "lan released it at 2026-09-17 09:00, with the reason “card seen, register is late”",
            "this counts to 2026-10.",
            "Nhờ quyết định này mà dòng được xét hưởng và đưa vào danh sách chi.",
            "Because of this decision the row was worked out, and what is owed was put on the list.",
        ],
    );
    let hold = &json["rows"][0]["holds"][0];
    assert_eq!((&hold["code"], &json["rows"][0]["outcome"]), (&"H101".into(), &"entitled".into()));
    let decisions = hold["decisions"].as_array().unwrap();
    let told: Vec<&str> = decisions.iter().map(|one| one["decision"].as_str().unwrap()).collect();
    assert_eq!(told, ["keep", "release"]);
    assert_eq!(decisions[1]["decided_by"], MAKER);
    assert_eq!(decisions[1]["reason"], "card seen, register is late");

    office.sent(&october, 0).await;
    let paid = office.said(&october, "E1", 1, "Thành công", "").await;
    office.sheet(&[paid]).await.unwrap();
    says(&asked(&office, "E1", "2026-10").0, &["lan released it", "In this cycle: paid on"]);
    // Whom nothing held is told of no hold.
    let (page, json) = asked(&office, "E2", "2026-10");
    assert!(!page.contains("H101") && !page.contains("hold of"), "{page}");
    assert_eq!(json["rows"][0]["holds"], serde_json::json!([]));
    office.ends_whole().await;
}

async fn what_two_release_is_told_with_both(office: TestOffice) {
    let dead = format!("{AN} | register.vital_status=deceased | register.date_of_death=2026-08-20");
    office.month("2026-10", &[&dead]).await;
    let october = office.opened("2026-10", Regular).await;
    let october = office.computed(&october).await;
    decide(&office, &october, "H110", Decision::Release, "came in person").await;
    says(
        &asked(&office, "E1", "2026-10").0,
        &[
            "lan đề nghị gỡ tạm giữ",
            "chưa có cán bộ thứ hai xác nhận, nên vẫn tạm giữ.",
            "no second officer has confirmed it, so that it is held still.",
        ],
    );
    let (_, held) = office.engine.holds(&october, Some("H110"), 1).await.unwrap();
    let second = APPROVERS[0];
    office.engine.hold_confirm(&october, &held[0].name(), second, &key(second)).await.unwrap();
    let october = computed_anew(&office, &october).await;
    office.engine.seal(&october).await.unwrap();
    let (page, json) = asked(&office, "E1", "2026-10");
    says(
        &page,
        &[
            "lan đề nghị gỡ tạm giữ lúc 2026-09-15 09:00, lý do “came in person”; minh xác nhận lúc 2026-09-15 09:00",
            "lan proposed at 2026-09-15 09:00 to release it, with the reason “came in person”; minh confirmed it at 2026-09-15 09:00",
            "Because of this decision the row was worked out",
        ],
    );
    assert_eq!(json["rows"][0]["holds"][0]["decisions"][0]["confirmed_by"], "minh");
    office.ends_whole().await;
}

/// A list that is sealed no longer changes, and neither does what is told of it: not by a release for the next
/// list, nor because the next month's hold is kept.
async fn what_is_decided_later_does_not_change_what_was_decided_then(office: TestOffice) {
    let unknown = format!("{AN} | {UNKNOWN_ID}");
    office.month("2026-10", &[&unknown, BINH]).await;
    let october = office.sealed("2026-10", Regular).await;
    decide(&office, &october, "H101", Decision::Release, "card seen").await;
    let (page, json) = asked(&office, "E1", "2026-10");
    says(
        &page,
        &[
            "Tạm giữ / Held (H101)",
            "lan released it",
            "Danh sách này được tính trước quyết định đó",
            "This list was computed before that decision",
        ],
    );
    assert_eq!(json["rows"][0]["lines"], serde_json::json!([]));
    office.sent(&october, 0).await;

    // The release counts for another list of the month. In the next month the hold is kept.
    let supplementary = office.sealed("2026-10", Supplementary).await;
    office.month("2026-11", &[&unknown]).await;
    let november = office.sealed("2026-11", Regular).await;
    office.on_day("2026-09-16");
    decide(&office, &november, "H101", Decision::Keep, "the card was false").await;
    let (page, json) = asked(&office, "E1", &supplementary.label());
    says(&page, &["Được hưởng / Entitled", "with the reason “card seen”"]);
    assert!(!page.contains("the card was false"), "{page}");
    assert_eq!(json["rows"][0]["lines"][0]["amount_minor"], "500000");
    says(&asked(&office, "E1", "2026-11").0, &["with the reason “the card was false”"]);
    office.ends_whole().await;
}

async fn a_payment_that_officers_released_is_told_with_who_and_why(office: TestOffice) {
    let shared = BINH.replace("E2", "E3").replace("001145000102", "001145000103");
    let more: Vec<String> = (4..=6)
        .map(|at| shared.replace("E3", &format!("E{at}")).replace("103 |", &format!("10{at} |")))
        .collect();
    let mut people = vec![BINH];
    people.extend(more.iter().map(String::as_str));
    office.month("2026-10", &people).await;
    let october = office.paid_out("2026-10", Regular).await;
    office.check(&october, "entitled 4", "held 4 = 2000000").await;
    says(
        &asked(&office, "E2", "2026-10").0,
        &[
            "Trong kỳ này: tạm giữ, H121 (Một tài khoản nhận tiền cho nhiều người mà không có ủy quyền).",
            "In this cycle: held, H121 (One account receives for several people without an authorisation).",
            "Nothing was decided about it; who may release it: an officer, with a reason.",
        ],
    );

    let now = office.now(&october).await;
    let (_, held) = office.engine.holds(&now, Some("H121"), usize::MAX).await.unwrap();
    let of = |person| held.iter().find(|one| one.exception.person == person).unwrap().name();
    let binh = of(office.person("E2").await);
    let said = Deciding {
        decision: Decision::Release,
        valid_to: Some(period("2026-11")),
        reason: "one household".to_owned(),
    };
    office.engine.hold_decide(&now, &binh, said, MAKER, &key(MAKER)).await.unwrap();
    says(&asked(&office, "E2", "2026-10").0, &["It has not been ordered since"]);
    office.engine.reissue(&now).await.unwrap();
    office.sent(&october, 1).await;
    let (page, json) = asked(&office, "E2", "2026-10");
    says(
        &page,
        &[
            "lan quyết định gỡ tạm giữ lúc 2026-09-15 09:00, lý do “one household”; có hiệu lực đến hết kỳ 2026-11.",
            "lan released it at 2026-09-15 09:00, with the reason “one household”; this counts to 2026-11.",
            "Nhờ quyết định này mà khoản được lập lệnh chi.",
            "Because of this decision the payment was ordered.",
        ],
    );
    assert_eq!(json["payables"][0]["holds"][0]["decisions"][0]["reason"], "one household");
    // What is released of one person is told of no other.
    assert!(!asked(&office, "E4", "2026-10").0.contains("one household"));

    // In November it keeps nothing back from the start, and why is told.
    let paid = office.said(&october, "E2", 1, "Thành công", "").await;
    office.sheet(&[paid]).await.unwrap();
    office.closed(&october).await;
    office.on_day("2026-09-20");
    office.month("2026-11", &people).await;
    office.sealed("2026-11", Regular).await;
    says(
        &asked(&office, "E2", "2026-11").0,
        &["with the reason “one household”", "Because of this, H121 does not hold this payment."],
    );
    office.ends_whole().await;
}

/// Lists of one month are computed in another order than they were opened, and given up: what each has kept
/// is told, and what is not what was claimed is refused.
async fn lists_that_come_and_go_do_not_keep_others_from_being_told(office: TestOffice) {
    office.on_day("2026-09-20");
    office.month("2026-10", &[AN]).await;
    let regular = office.sealed("2026-10", Regular).await;
    office.on_day("2026-09-21");
    office.month("2026-10", &[AN, BINH]).await;
    let supplementary = office.opened("2026-10", Supplementary).await;
    let correction = office.opened("2026-10", Correction).await;
    office.computed(&correction).await;

    // What another list has determined is changed by hand: that is no list that has come or gone.
    let less = "update claim set amount_minor = amount_minor - 1 where cycle_no = 1";
    assert_eq!(office.tamper(less, vec![]).await, 1);
    let an = office.person("E1").await;
    let now = office.now(&correction).await;
    refused(office.engine.explain(&now, an).await, "E101");
    let more = "update claim set amount_minor = amount_minor + 1 where cycle_no = 1";
    assert_eq!(office.tamper(more, vec![]).await, 1);

    office.computed(&supplementary).await;
    let lines = |json: &Value| json["rows"][0]["lines"].as_array().map(Vec::len);
    const AS_KEPT: [&str; 2] = [
        "nên không tính lại được như khi đó; dưới đây là kết quả mà danh sách này đã lưu",
        "cannot be worked out again as it was then; what follows is what this list has kept",
    ];

    let (page, json) = asked(&office, "E2", "2026-10-supplementary-1");
    assert_eq!((lines(&json), page.contains(AS_KEPT[1])), (Some(0), false), "{page}");
    let (page, json) = asked(&office, "E2", "2026-10-correction-1");
    assert_eq!((lines(&json), page.contains(AS_KEPT[1])), (Some(1), false), "{page}");

    // The first list goes, on which the correction rests.
    let give_up = async |cycle: &Cycle| {
        let now = office.now(cycle).await;
        office.engine.cycle_cancel(&now, "another day", MAKER, &key(MAKER)).await.unwrap();
    };
    give_up(&regular).await;
    let (page, json) = asked(&office, "E1", "2026-10-correction-1");
    says(&page, &AS_KEPT);
    assert_eq!((&json["rows"][0]["outcome"], lines(&json)), (&"entitled".into(), Some(0)));

    // The next one rests on the correction, which goes.
    let next = office.opened("2026-10", Regular).await;
    office.computed(&next).await;
    office.check(&next, "entitled 2", "pending 1 = 500000").await;
    give_up(&correction).await;
    let (page, json) = asked(&office, "E2", "4");
    says(&page, &AS_KEPT);
    assert_eq!(lines(&json), Some(0));
    let (page, json) = asked(&office, "E1", "4");
    assert_eq!((lines(&json), page.contains(AS_KEPT[1])), (Some(1), false), "{page}");

    let now = office.now(&next).await;
    office.engine.recompute(&now).await.unwrap();
    office.computed(&next).await;
    office.check(&next, "entitled 2", "pending 2 = 1000000").await;
    office.ends_whole().await;
}
