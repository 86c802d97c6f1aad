//! Cash: who signs for it at which pay point. What nobody collects is carried from list to list; the third time a suspension is proposed. On both
//! databases.

use chitra::domain::cycle::Cycle;
use chitra::domain::cycle::CycleKind::Regular;
use chitra::domain::ids::ListNo;
use chitra::report::pay_sheet::Standing;

use crate::support::office::{TestOffice, on_both_databases, run};
use crate::support::real_parts::RealPart;

on_both_databases! { run, RealPart::Postgres;
    three_months_uncollected_propose_a_suspension
    a_suspension_stays_proposed_until_somebody_decides
    a_month_that_was_collected_begins_the_count_anew
    a_sheet_is_signed_at_each_pay_point
    cash_is_brought_to_who_cannot_come
    cash_that_another_person_signed_for_is_not_booked
}

const AN: &str = "E1 | 001044000101 | Nguyễn Văn An | 1944-03-14 | male | social_pension/monthly | monthly_pension=0 | cash";

/// Pays a month out in cash and takes in what the pay point reports.
async fn laid_out(office: &TestOffice, month: &str, status: &str, reason: &str) -> Cycle {
    office.month(month, &[AN]).await;
    let cycle = office.paid_out(month, Regular).await;
    let said = office.said(&cycle, "E1", 1, status, reason).await;
    office.paypoint(&[said]).await.unwrap();
    office.closed(&cycle).await
}

async fn three_months_uncollected_propose_a_suspension(office: TestOffice) {
    office.on_day("2026-09-20");
    for (month, owed) in [("2026-10", 500_000), ("2026-11", 1_000_000), ("2026-12", 1_500_000)] {
        let cycle = laid_out(&office, month, "Chưa chi", "Không đến nhận").await;
        office.check(&cycle, "entitled 1", &format!("rejected 1 = {owed}")).await;
        assert!(office.engine.suspensions_proposed().await.unwrap().is_empty(), "{month}");
    }
    office.month("2027-01", &[AN]).await;
    let january = office.opened("2027-01", Regular).await;
    let january = office.computed(&january).await;
    office.check(&january, "entitled 1", "held 1 = 2000000").await;
    let proposed = office.engine.suspensions_proposed().await.unwrap();
    let told: Vec<(String, &str)> = proposed
        .iter()
        .map(|(cycle, held)| (cycle.label(), held.exception.code.as_str()))
        .collect();
    assert_eq!(told, [("2027-01".to_owned(), "H152")]);

    // An officer has seen her: the money of four months is laid out once more.
    office.release_holds(&january, "H152").await;
    office.engine.recompute(&office.now(&january).await).await.unwrap();
    office.computed(&january).await;
    office.check(&january, "entitled 1", "pending 1 = 2000000").await;
    office.ends_whole().await;
}

/// A list that only held the money neither counts nor begins the count anew.
async fn a_suspension_stays_proposed_until_somebody_decides(office: TestOffice) {
    office.on_day("2026-09-20");
    for month in ["2026-10", "2026-11", "2026-12"] {
        laid_out(&office, month, "Chưa chi", "Không đến nhận").await;
    }
    for (month, owed) in [("2027-01", 2_000_000), ("2027-02", 2_500_000)] {
        office.month(month, &[AN]).await;
        let cycle = office.paid_out(month, Regular).await;
        office.check(&cycle, "entitled 1", &format!("held 1 = {owed}")).await;
        assert_eq!(office.engine.suspensions_proposed().await.unwrap().len(), 1, "{month}");
        office.closed(&cycle).await;
    }
    office.ends_whole().await;
}

async fn a_month_that_was_collected_begins_the_count_anew(office: TestOffice) {
    office.on_day("2026-09-20");
    laid_out(&office, "2026-10", "Chưa chi", "Không đến nhận").await;
    laid_out(&office, "2026-11", "Chưa chi", "").await;
    let december = laid_out(&office, "2026-12", "Đã chi", "").await;
    office.check(&december, "entitled 1", "paid 1 = 1500000").await;
    laid_out(&office, "2027-01", "Chưa chi", "").await;
    office.month("2027-02", &[AN]).await;
    let february = office.sealed("2027-02", Regular).await;
    office.check(&february, "entitled 1", "pending 1 = 1000000").await;
    assert!(office.engine.suspensions_proposed().await.unwrap().is_empty());
    office.ends_whole().await;
}

async fn a_sheet_is_signed_at_each_pay_point(office: TestOffice) {
    office.on_day("2026-09-20");
    let other = |enrolment: &str, id: &str, name: &str, way: &str| {
        AN.replace("E1", enrolment)
            .replace("001044000101", id)
            .replace("Nguyễn Văn An", name)
            .replace("| cash", way)
    };
    let binh = other("E2", "001044000102", "Trần <Văn> Bình", "| cash");
    let chi = other("E3", "001044000103", "Lê Văn Chi", "| cash | commune_code=00007");
    let by_bank = other("E4", "001044000104", "Phạm Văn Dũng", "| bank 970405 0711000001");
    office.month("2026-10", &[AN, &binh, &chi, &by_bank]).await;
    let october = office.paid_out("2026-10", Regular).await;
    let an = office.said(&october, "E1", 1, "Đã chi", "").await;
    let chi = office.said(&october, "E3", 1, "Chưa chi", "Không đến nhận").await;
    office.paypoint(&[an, chi]).await.unwrap();

    let sheet = office.engine.pay_sheet(&october, ListNo(0)).await.unwrap();
    let told: Vec<String> = sheet
        .points
        .iter()
        .map(|point| {
            let of = |standing| point.of(standing).1;
            let drawn = point.drawn_minor();
            let (paid, left, open) =
                (of(Standing::Paid), of(Standing::NotCollected), of(Standing::NotReported));
            assert_eq!(drawn, paid + left + open);
            format!("{}: {drawn} = {paid} + {left} + {open}", point.name)
        })
        .collect();
    assert_eq!(told, ["00004: 1000000 = 500000 + 0 + 500000", "00007: 500000 = 0 + 500000 + 0"]);
    let path = office.engine.pay_sheet_write(&october, ListNo(0)).await.unwrap();
    let text = std::fs::read_to_string(path).unwrap();
    for name in ["Nguyễn Văn An", "Trần &lt;Văn&gt; Bình", "Lê Văn Chi", "001044000103"] {
        assert!(text.contains(name), "{name}");
    }
    assert!(!text.contains("Phạm Văn Dũng") && text.ends_with("</html>\n"));
    office.ends_whole().await;
}

async fn cash_is_brought_to_who_cannot_come(office: TestOffice) {
    office.on_day("2026-09-20");
    let at_home = format!("{AN} | home_address=Số 5 ngõ 12");
    let by_bank = AN
        .replace("E1", "E4")
        .replace("001044000101", "001044000104")
        .replace("| cash", "| bank 970405 0711000001 | home_address=Số 7");
    for month in ["2026-10", "2026-11"] {
        office.month(month, &[&at_home, &by_bank]).await;
        let cycle = office.paid_out(month, Regular).await;
        let sheet = office.engine.pay_sheet(&cycle, ListNo(0)).await.unwrap();
        let line = &sheet.points[0].lines[0];
        assert_eq!(line.home_address, "Số 5 ngõ 12");
        let file = office.dir.join("paypoint/inbox").join(&sheet.files[0].0);
        let text = std::fs::read_to_string(file).unwrap();
        assert!(text.contains("So 5 ngo 12") || text.contains("Số 5 ngõ 12"), "{text}");
        // What nobody was there for is brought again with the next list.
        let by_bank = office.said(&cycle, "E4", 1, "Thành công", "").await;
        office.sheet(&[by_bank]).await.unwrap();
        let an = office.said(&cycle, "E1", 1, "Chưa chi", "Vắng nhà").await;
        office.paypoint(&[an]).await.unwrap();
        office.closed(&cycle).await;
    }
    office.ends_whole().await;
}

/// A report with one row: the person's name and id, and what became of the money.
pub async fn reported(office: &TestOffice, reference: &str, name: &str, id: &str) {
    let text = format!(
        "STT,Mã tham chiếu,Họ và tên,Số định danh,Số tiền,Trạng thái,Ngày ký nhận,Lý do\n\
         1,{reference},{name},{id},500000,Đã chi,20/09/2026,\n\
         Tổng cộng,,1,,500000,,,\n"
    );
    office.answered("paypoint", "csv", text.as_bytes()).await.unwrap();
}

async fn cash_that_another_person_signed_for_is_not_booked(office: TestOffice) {
    office.on_day("2026-09-20");
    office.month("2026-10", &[AN]).await;
    let october = office.paid_out("2026-10", Regular).await;
    let an = office.said(&october, "E1", 1, "", "").await.reference;
    reported(&office, &an, "Nguyen Van An", "001044000109").await;
    reported(&office, &an, "Le Thi Hoa", "").await;
    office.check(&october, "entitled 1", "pending 1 = 500000").await;
    assert_eq!(office.discrepancies().await, ["account_differs"; 2]);
    for (_, found) in office.engine.store.discrepancies().await.unwrap() {
        assert!(found.detail.starts_with("L122: the "), "{}", found.detail);
        assert!(
            !found.detail.contains("Hoa") && !found.detail.contains("0109"),
            "{}",
            found.detail
        );
    }
    // A spreadsheet drops the zeros of an id; who has the id is not asked for the name.
    reported(&office, &an, "NGUYEN V. AN", "1044000101").await;
    office.check(&october, "entitled 1", "paid 1 = 500000").await;
    office.ends_whole().await;
}
