//! What a person is told of money that did not arrive in its month. Told on both databases, and asked of
//! the program as an officer asks it.

use std::process::Command;

use chitra::domain::cycle::CycleKind::Regular;
use serde_json::Value;

use crate::support::office::{TestOffice, on_both_databases, refused, run};
use crate::support::real_parts::RealPart;

on_both_databases! { run, RealPart::Postgres;
    who_is_gone_from_the_roster_is_told_of_what_was_carried
    money_that_was_carried_twice_is_told_from_where_it_comes
    a_row_that_was_refused_is_told_by_its_line
}

const AN: &str = "E1 | 001044000101 | Nguyễn Văn An | 1944-03-14 | male | social_pension/monthly | monthly_pension=0 | bank 970405 0711000001";
const BINH: &str = "E2 | 001145000102 | Trần Thị Bình | 1945-07-02 | female | social_pension/monthly | monthly_pension=0 | bank 970405 0711000002";

/// What `chitra explain` says of a person, as a page and as JSON.
fn asked(office: &TestOffice, enrolment: &str, month: &str) -> (String, Value) {
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
            "carried from 2026-10",
            "Khoản cho tháng 2026-10 của kỳ 2026-10 không chi được trong kỳ đó: bị trả lại, lý do",
            &format!(
                "Nay nằm trong khoản {now} của kỳ 2026-11: tạm giữ, H155 (Khoản của kỳ trước chưa chi được"
            ),
            "Money for 2026-10 of list 2026-10 was not paid there: returned, reason",
            &format!(
                "It is in payable {now} of list 2026-11 now: held, H155 (Money of an earlier month is unpaid"
            ),
            // The line as October worked it out.
            "2026-10 regular allowance: 500.000 VND",
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
    says(&page, &[&format!("carried over: in payable {now} of 2026-11 now, held H155")]);
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
            "now: pending.",
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
    says(&page, &["carried from 2026-10", "of 2026-12 now, pending"]);
    let lines = json["rows"][0]["lines"].as_array().unwrap();
    assert_eq!((lines.len(), &lines[0]["period"]), (1, &november));
    office.ends_whole().await;
}

/// Who stands only on a row that could not be read is asked about by enrolment or national id all the same.
async fn a_row_that_was_refused_is_told_by_its_line(office: TestOffice) {
    office.on_day("2026-09-20");
    let bad = BINH.replace("monthly_pension=0", "monthly_pension=1e3");
    let taken = office.month("2026-10", &[AN, &bad]).await;
    assert_eq!(taken.refused_by_code.values().sum::<i64>(), 1);
    let october = office.sealed("2026-10", Regular).await;
    for asked_as in ["E2", "001145000102"] {
        let (page, json) = asked(&office, asked_as, "2026-10");
        says(&page, &["refused I2", "line 3]", "Dòng này không đọc được", "could not be read"]);
        assert_eq!(json["refused"][0]["source"]["line"], 3);
        assert_eq!(json["rows"], serde_json::json!([]));
    }
    refused(office.engine.person_find("E9", &october).await, "E103");
}
