//! What holds a released file back: hours, cut-off and holidays, ceilings, cleared funds, too many
//! failures; and another value date for a file that missed its own. Each told on both databases.

use chitra::domain::batch::{Batch, BatchState};
use chitra::domain::cycle::CycleKind::Regular;
use chitra::domain::cycle::{Cycle, CycleState};
use chitra::domain::ids::ListNo;
use chitra::engine::cycle::Opening;
use chitra::engine::funds::Funding;
use chitra::engine::{Engine, office};
use chitra::store::{Changes, StoreError};

use crate::answer_files::status_of;
use crate::support::office::{
    APPROVERS, MAKER, TestOffice, key, on_both_databases, opening, refused, run,
};
use crate::support::real_parts::RealPart;

on_both_databases! { run, RealPart::Postgres;
    a_file_waits_for_hours_and_says_until_when
    a_cycle_is_opened_for_a_day_that_comes_soon
    no_list_goes_by_an_older_law_than_one_that_was_paid
    where_nothing_was_agreed_a_file_leaves_some_days_late_and_not_a_month
    a_missed_file_gets_another_value_date_under_the_same_ids
    a_value_date_over_the_end_of_the_year_keeps_the_month
    no_more_leaves_in_a_day_than_the_ceiling
    a_file_waits_for_cleared_funds
    a_partner_that_is_not_agreed_any_more_stops_no_other
    too_many_failures_stop_a_partner
    a_reissue_is_no_larger_than_the_policy_allows
    what_is_tried_again_is_said_by_the_terms
}

const AN: &str = "E1 | 001044000101 | Nguyễn Văn An | 1944-03-14 | male | social_pension/monthly | monthly_pension=0 | bank 970405 0711000001";
const BINH: &str = "E2 | 001145000102 | Trần Thị Bình | 1945-07-02 | female | social_pension/monthly | monthly_pension=0 | bank 970436 0711000002";
const CHI: &str = "E3 | 001145000103 | Lê Thị Chi | 1945-07-03 | female | social_pension/monthly | monthly_pension=0 | bank 970405 0711000003";

/// Puts lines into the office's agreement with a partner, or into its own policy, and opens it anew.
pub async fn agreed(office: &mut TestOffice, with: &str, lines: &str) {
    let path = office.dir.join(office::CONFIG);
    let text = std::fs::read_to_string(&path).unwrap();
    let text = match with {
        "policy" => text.replacen("[debtor]", &format!("[policy]\n{lines}\n\n[debtor]"), 1),
        partner => {
            let name = format!("name = \"{partner}\"\n");
            assert!(text.contains(&name));
            text.replacen(&name, &format!("{name}{lines}\n"), 1)
        }
    };
    std::fs::write(&path, text).unwrap();
    office.reopen().await;
}

fn at(office: &TestOffice, moment: &str) {
    office.clock.set(moment.parse().unwrap());
}

/// The files of a cycle that are not withdrawn, to one partner.
async fn files(office: &TestOffice, cycle: &Cycle, partner: &str) -> Vec<Batch> {
    let mut batches = office.engine.store.batches(cycle.number).await.unwrap();
    batches.retain(|one| one.provider == partner && one.state != BatchState::Withdrawn);
    batches
}

async fn file(office: &TestOffice, cycle: &Cycle, partner: &str) -> Batch {
    let files = files(office, cycle, partner).await;
    assert_eq!(files.len(), 1, "{files:?}");
    files[0].clone()
}

/// What dispatch says of the files that it did not send.
async fn waits(engine: &Engine) -> Vec<String> {
    let told = engine.dispatch(None).await.unwrap();
    told.into_iter().filter(|one| one.state == BatchState::Released).map(|one| one.detail).collect()
}

/// How many files dispatch ends with a code for.
async fn hindered(engine: &Engine) -> usize {
    let told = engine.dispatch(None).await.unwrap();
    told.iter().filter(|one| one.is_hindered()).count()
}

async fn redated(office: &TestOffice, cycle: &Cycle, file: &str, day: &str) -> ListNo {
    let now = office.now(cycle).await;
    let files = [file.to_owned()];
    let day = day.parse().unwrap();
    office.engine.redate(&now, &files, day, MAKER, &key(MAKER)).await.unwrap().number
}

async fn a_file_waits_for_hours_and_says_until_when(mut office: TestOffice) {
    let terms =
        "calendar = \"vn\"\ncut_off = \"15:30\"\nwindows = [\"08:00-11:30\", \"13:00-16:30\"]";
    agreed(&mut office, "sheetbank", terms).await;
    at(&office, "2026-10-01T09:00");
    office.month("2026-10", &[AN]).await;
    let cycle = office.sealed("2026-10", Regular).await;
    office.released(&cycle, 0).await;
    // 3 October 2026 is a Saturday: what is due then is booked on Monday the 5th.
    for (now, told) in [
        (
            "2026-10-02T07:15",
            "the partner takes files at other hours; it goes from 2026-10-02 08:00 on",
        ),
        (
            "2026-10-02T12:00",
            "the partner takes files at other hours; it goes from 2026-10-02 13:00 on",
        ),
        ("2026-10-03T09:00", "today is no business day; it goes from 2026-10-05 08:00 on"),
    ] {
        at(&office, now);
        assert_eq!(waits(&office.engine).await, [format!("waits: {told}")], "{now}");
        assert_eq!(hindered(&office.engine).await, 0, "it goes by itself: {told}");
    }
    at(&office, "2026-10-05T15:31");
    let told = waits(&office.engine).await.remove(0);
    assert_eq!(hindered(&office.engine).await, 1, "somebody must act: {told}");
    assert!(told.contains("--value-date 2026-10-06 --as OFFICER"), "{told}");
    assert_eq!(office.times_sent(&file(&office, &cycle, "sheetbank").await.file_name), 0);
    at(&office, "2026-10-05T15:30");
    assert!(waits(&office.engine).await.is_empty());
    assert_eq!(file(&office, &cycle, "sheetbank").await.state, BatchState::Delivered);
    office.ends_whole().await;
}

async fn a_cycle_is_opened_for_a_day_that_comes_soon(office: TestOffice) {
    at(&office, "2026-10-05T09:00");
    office.month("2026-10", &[AN]).await;
    let before = office.snapshot().await;
    for day in ["2026-10-04", "0001-01-01", "2027-01-06", "2062-10-05", "9999-12-31"] {
        let opening = Opening { value_date: day.parse().unwrap(), ..opening("2026-10", Regular) };
        let told = refused(office.engine.cycle_open(opening, &key(MAKER)).await, "C106");
        assert!(told.contains("a day from 2026-10-05 to 2027-01-05: --value-date"), "{told}");
    }
    // Nor does anybody know which law will be known tomorrow.
    let value_date = "2026-10-06".parse().unwrap();
    let law_known_at = Some("2026-10-06".parse().unwrap());
    let ahead = Opening { value_date, law_known_at, ..opening("2026-10", Regular) };
    refused(office.engine.cycle_open(ahead, &key(MAKER)).await, "C107");
    assert_eq!(office.snapshot().await, before);
    let last = Opening { value_date: "2027-01-05".parse().unwrap(), ..opening("2026-10", Regular) };
    office.engine.cycle_open(last, &key(MAKER)).await.unwrap();
    office.ends_whole().await;
}

async fn no_list_goes_by_an_older_law_than_one_that_was_paid(office: TestOffice) {
    at(&office, "2026-10-01T09:00");
    office.month("2026-10", &[AN]).await;
    let october = office.sealed("2026-10", Regular).await;
    let as_of = |day: &str| Opening {
        law_known_at: Some(day.parse().unwrap()),
        value_date: "2026-10-20".parse().unwrap(),
        ..opening("2026-11", Regular)
    };
    // What is not paid yet may be worked out by any law.
    office.month("2026-11", &[AN]).await;
    let early = office.engine.cycle_open(as_of("2026-09-30"), &key(MAKER)).await.unwrap();
    office.engine.cycle_cancel(&early, "a trial", MAKER, &key(MAKER)).await.unwrap();
    office.released(&october, 0).await;
    refused(office.engine.cycle_open(as_of("2026-09-30"), &key(MAKER)).await, "C108");
    office.engine.cycle_open(as_of("2026-10-01"), &key(MAKER)).await.unwrap();
    office.ends_whole().await;
}

async fn where_nothing_was_agreed_a_file_leaves_some_days_late_and_not_a_month(office: TestOffice) {
    at(&office, "2026-10-01T09:00");
    office.month("2026-10", &[AN]).await;
    let cycle = office.sealed("2026-10", Regular).await;
    office.released(&cycle, 0).await;
    let old = file(&office, &cycle, "sheetbank").await;
    at(&office, "2026-10-09T00:00");
    let told = waits(&office.engine).await.remove(0);
    assert!(told.contains("value date 2026-10-03 was 2026-10-08 23:59"), "{told}");
    assert!(told.contains("--value-date 2026-10-09 --as OFFICER"), "{told}");
    let list = redated(&office, &cycle, &old.file_name, "2026-10-09").await;
    office.released(&cycle, list.0).await;
    let new = file(&office, &cycle, "sheetbank").await;
    at(&office, "2026-10-14T23:59");
    assert!(waits(&office.engine).await.is_empty());
    assert_eq!((office.times_sent(&old.file_name), office.times_sent(&new.file_name)), (0, 1));
    let an = office.said(&cycle, "E1", 1, "Thành công", "").await;
    office.sheet(&[an]).await.unwrap();
    office.check(&cycle, "entitled 1", "paid 1 = 500000").await;
    office.ends_whole().await;
}

async fn a_missed_file_gets_another_value_date_under_the_same_ids(mut office: TestOffice) {
    agreed(&mut office, "sheetbank", "calendar = \"vn\"\ncut_off = \"15:30\"").await;
    at(&office, "2026-10-01T09:00");
    office.month("2026-10", &[AN, BINH, CHI]).await;
    let cycle = office.sealed("2026-10", Regular).await;
    office.released(&cycle, 0).await;
    // A Saturday: the other bank works.
    at(&office, "2026-10-03T09:00");
    assert_eq!(waits(&office.engine).await.len(), 1);
    at(&office, "2026-10-06T09:00");
    assert_eq!(waits(&office.engine).await.len(), 1);
    let old = file(&office, &cycle, "sheetbank").await;
    let iso = file(&office, &cycle, "isobank").await;
    assert_eq!(
        (iso.state, office.now(&cycle).await.state),
        (BatchState::Delivered, CycleState::Settling)
    );
    let before = office.instructions(&cycle, "E1").await;

    let now = office.now(&cycle).await;
    let engine = &office.engine;
    let redate = async |files: &[&str], day: &str, by: &str| {
        let files: Vec<String> = files.iter().map(|file| (*file).to_owned()).collect();
        engine.redate(&now, &files, day.parse().unwrap(), by, &key(by)).await
    };
    let name = old.file_name.as_str();
    refused(redate(&[name], "2026-10-07", APPROVERS[0]).await, "A111");
    refused(redate(&[name], "2026-10-05", MAKER).await, "D130");
    refused(redate(&[name], "2026-10-10", MAKER).await, "D130");
    refused(redate(&[name], "2027-01-07", MAKER).await, "D130");
    refused(redate(&[name], "2028-01-05", MAKER).await, "D133");
    refused(redate(&[name, name], "2026-10-07", MAKER).await, "D132");
    refused(redate(&[&iso.file_name], "2026-10-07", MAKER).await, "D125");
    at(&office, "2026-10-06T15:31");
    refused(redate(&[name], "2026-10-06", MAKER).await, "D131");

    let list = redated(&office, &cycle, name, "2026-10-07").await;
    let new = file(&office, &cycle, "sheetbank").await;
    assert_eq!((new.list, new.value_date.to_string().as_str()), (list, "2026-10-07"));
    assert_eq!((new.count, new.total_minor), (old.count, old.total_minor));
    assert_ne!((&new.file_name, &new.message_id), (&old.file_name, &old.message_id));
    let after = office.instructions(&cycle, "E1").await;
    assert_eq!((after.len(), after[0].attempt), (1, before[0].attempt), "the same end-to-end id");
    assert_eq!(
        (after[0].batch, office.attempts(&cycle, "E1").await.as_str()),
        (new.number, "1 in_batch")
    );
    // The old file is retired for ever, and the new one is approved anew.
    refused(redate(&[name], "2026-10-08", MAKER).await, "D125");
    assert!(engine.dispatch(None).await.unwrap().is_empty());
    office.released(&cycle, list.0).await;
    at(&office, "2026-10-07T09:00");
    assert!(waits(engine).await.is_empty());
    assert_eq!((office.times_sent(name), office.times_sent(&new.file_name)), (0, 1));

    let an = office.said(&cycle, "E1", 1, "Thành công", "").await;
    let chi = office.said(&cycle, "E3", 1, "Thành công", "").await;
    office.sheet(&[an, chi]).await.unwrap();
    assert!(office.discrepancies().await.is_empty());
    office.check(&cycle, "entitled 3", "pending 1 = 500000, paid 2 = 1000000").await;
    office.ends_whole().await;
}

async fn a_value_date_over_the_end_of_the_year_keeps_the_month(mut office: TestOffice) {
    agreed(&mut office, "sheetbank", "calendar = \"vn\"\ncut_off = \"15:30\"").await;
    at(&office, "2026-12-02T09:00");
    office.month("2026-12", &[AN]).await;
    let cycle = office.sealed("2026-12", Regular).await;
    office.released(&cycle, 0).await;
    at(&office, "2026-12-31T15:31");
    let old = file(&office, &cycle, "sheetbank").await;
    let told = waits(&office.engine).await.remove(0);
    assert!(told.contains("--value-date 2027-01-04"), "{told}");
    let list = redated(&office, &cycle, &old.file_name, "2027-01-04").await;
    let new = file(&office, &cycle, "sheetbank").await;
    assert!(new.file_name.contains("-202612-"), "{}", new.file_name);
    office.released(&cycle, list.0).await;
    at(&office, "2027-01-04T09:00");
    assert!(waits(&office.engine).await.is_empty());
    assert!(office.claims("E1").await.iter().any(|claim| claim.starts_with("2026-12 ")));
    office.ends_whole().await;
}

async fn no_more_leaves_in_a_day_than_the_ceiling(mut office: TestOffice) {
    agreed(&mut office, "policy", "day_max_minor = 1200000").await;
    agreed(&mut office, "isobank", "day_max_minor = 500000").await;
    at(&office, "2026-10-01T09:00");
    let wallet = CHI.replace("bank 970405 0711000003", "ewallet momo 0901234567");
    office.month("2026-10", &[AN, BINH, &wallet]).await;
    let cycle = office.sealed("2026-10", Regular).await;
    office.released(&cycle, 0).await;
    // A file counts once a day, however often it is tried.
    let inbox = office.dir.join("isobank/inbox");
    std::fs::remove_dir(&inbox).unwrap();
    let told = waits(&office.engine).await;
    assert_eq!(told.len(), 2, "{told:?}");
    let ceiling =
        "waits: ceiling of 1.200.000 VND a day for office: 1.000.000 VND have gone out today";
    assert!(told.iter().any(|why| why.starts_with(ceiling)), "{told:?}");
    std::fs::create_dir(&inbox).unwrap();
    assert_eq!(waits(&office.engine).await.len(), 1);
    assert_eq!(file(&office, &cycle, "isobank").await.state, BatchState::Delivered);
    let store = &office.engine.store;
    assert_eq!(store.outflow("office", "2026-10-01").await.unwrap(), 1_000_000);
    assert_eq!(store.outflow("provider:isobank", "2026-10-01").await.unwrap(), 500_000);
    // The database holds it, whatever a process has read before.
    let last = file(&office, &cycle, "wallet").await;
    let mut changes = Changes::new();
    changes.counted(&last, "2026-10-01", &[("office".to_owned(), 1_200_000)]);
    let error = store.commit(changes).await.unwrap_err();
    assert!(matches!(error, StoreError::Conflict { .. }), "{error}");
    assert_eq!(store.outflow("office", "2026-10-01").await.unwrap(), 1_000_000);

    at(&office, "2026-10-02T09:00");
    agreed(&mut office, "wallet", "day_max_minor = 400000").await;
    let told = waits(&office.engine).await.remove(0);
    assert!(told.contains("the file alone is above it"), "{told}");
    let path = office.dir.join(office::CONFIG);
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, text.replace("day_max_minor = 400000", "day_max_minor = 500000"))
        .unwrap();
    office.reopen().await;
    assert!(waits(&office.engine).await.is_empty());
    office.ends_whole().await;
}

async fn a_file_waits_for_cleared_funds(mut office: TestOffice) {
    agreed(&mut office, "sheetbank", "prefunded = true").await;
    at(&office, "2026-10-01T09:00");
    office.month("2026-10", &[AN, CHI]).await;
    let cycle = office.sealed("2026-10", Regular).await;
    office.released(&cycle, 0).await;
    let told = waits(&office.engine).await.remove(0);
    assert!(told.contains("1.000.000 VND are missing"), "{told}");
    let record = async |amount_minor: i64, day: &str, reference: &str, by: &str| {
        let funding = Funding {
            provider: "sheetbank".to_owned(),
            amount_minor,
            cleared_on: day.parse().unwrap(),
            reference: reference.to_owned(),
            is_given_back: false,
        };
        office.engine.funds_record(funding, by, &key(by)).await
    };
    refused(record(1, "2026-10-01", "LENH 1", APPROVERS[0]).await, "A111");
    refused(record(0, "2026-10-01", "LENH 1", MAKER).await, "D143");
    refused(record(1, "2026-10-01", " ", MAKER).await, "D143");
    record(600_000, "2026-10-01", "LENH 1", MAKER).await.unwrap();
    for again in ["LENH 1", " lenh 1", "Lenh  1"] {
        refused(record(600_000, "2026-10-01", again, MAKER).await, "D144");
    }
    // What clears tomorrow is not there today.
    record(500_000, "2026-10-02", "LENH 2", MAKER).await.unwrap();
    let told = waits(&office.engine).await.remove(0);
    assert!(
        told.contains("600.000 VND are there") && told.contains("400.000 VND are missing"),
        "{told}"
    );
    at(&office, "2026-10-02T09:00");
    assert!(waits(&office.engine).await.is_empty());
    assert_eq!(office.engine.cleared_funds("sheetbank").await.unwrap(), 100_000);
    // What is rejected is there again.
    let an = office.said(&cycle, "E1", 1, "Thất bại", "Sai số tài khoản").await;
    office.sheet(&[an]).await.unwrap();
    assert_eq!(office.engine.cleared_funds("sheetbank").await.unwrap(), 600_000);
    office.ends_whole().await;
}

/// A partner whose terms are gone is told of its files, and the others' leave.
async fn a_partner_that_is_not_agreed_any_more_stops_no_other(mut office: TestOffice) {
    office.on_day("2026-09-20");
    office.month("2026-10", &[AN, BINH]).await;
    let cycle = office.sealed("2026-10", Regular).await;
    office.released(&cycle, 0).await;
    let path = office.dir.join("chitra.toml");
    let text = std::fs::read_to_string(&path).unwrap();
    let without: Vec<&str> =
        text.split("[[provider]]").filter(|part| !part.contains("name = \"isobank\"")).collect();
    std::fs::write(&path, without.join("[[provider]]")).unwrap();
    office.reopen().await;
    let told = office.engine.dispatch(None).await.unwrap();
    let told: Vec<String> =
        told.iter().map(|one| format!("{} {}", one.state, &one.detail[..4])).collect();
    assert_eq!(told, ["delivered deli", "released G118"]);
    std::fs::write(&path, &text).unwrap();
    office.reopen().await;
    let told = office.engine.dispatch(None).await.unwrap();
    assert_eq!(told.len(), 1);
    assert_eq!(told[0].detail, "delivered and read back");
    // Nor is it forgotten that nobody hears what it says of the files that it has.
    std::fs::write(&path, without.join("[[provider]]")).unwrap();
    office.reopen().await;
    let mut told = office.engine.collect_all().await.unwrap();
    let (who, error) = told.remove(0).unwrap_err();
    assert_eq!((who.as_str(), error.code(), told.len()), ("isobank", "G118", 0));
    std::fs::write(&path, &text).unwrap();
    office.reopen().await;
    // Under another name it is nobody's of whom anything was ordered: its answers wait until it has its own again.
    let renamed = text.replacen("name = \"isobank\"", "name = \"isobank2\"", 1);
    std::fs::write(&path, &renamed).unwrap();
    office.reopen().await;
    let file = office.engine.store.batches(cycle.number).await.unwrap();
    let file = file.into_iter().find(|one| one.provider == "isobank").unwrap();
    let paid = status_of(&file, 1, "500000", "ACCC");
    std::fs::write(office.dir.join("isobank/outbox/paid.xml"), paid).unwrap();
    let told = office.engine.collect_all().await.unwrap();
    let codes: Vec<&str> =
        told.iter().map(|one| one.as_ref().err().map_or("", |(_, error)| error.code())).collect();
    assert_eq!(codes, ["L152", "G118"]);
    std::fs::write(&path, &text).unwrap();
    office.reopen().await;
    std::fs::remove_file(office.dir.join("isobank/outbox/paid.xml")).unwrap();
    // What it has is unknown when it is gone for good.
    std::fs::write(&path, without.join("[[provider]]")).unwrap();
    office.reopen().await;
    office.on_day("2026-10-20");
    office.engine.collect_all().await.unwrap();
    assert_eq!(office.attempts(&cycle, "E2").await, "1 unknown");
    std::fs::write(&path, text).unwrap();
    office.reopen().await;
    office.ends_whole().await;
}

async fn too_many_failures_stop_a_partner(mut office: TestOffice) {
    agreed(&mut office, "sheetbank", "expected_rate = \"0.25\"\nbreaker_count_min = 1").await;
    at(&office, "2026-10-01T09:00");
    let people: Vec<String> = (1..=4)
        .map(|at| {
            AN.replace("E1", &format!("S{at}"))
                .replace("000101", &format!("00020{at}"))
                .replace("0711000001", &format!("071100000{at}"))
        })
        .collect();
    let people: Vec<&str> = people.iter().map(String::as_str).collect();
    office.month("2026-10", &people).await;
    let cycle = office.paid_out("2026-10", Regular).await;
    let rejected = async |enrolment: &str| {
        let said = office.said(&cycle, enrolment, 1, "Thất bại", "Sai số tài khoản").await;
        office.sheet(&[said]).await.unwrap();
    };
    // One of four is what can be expected.
    rejected("S1").await;
    assert!(office.halts().await.is_empty());
    rejected("S2").await;
    assert_eq!(office.halts().await, ["provider:sheetbank"]);
    let halt = office.engine.store.halts().await.unwrap().remove(0);
    assert!(halt.cause.starts_with("2 of 4 payments of cycle 2026-10 "), "{}", halt.cause);
    assert_eq!(halt.put_by, "evidence");
    for by in APPROVERS {
        office.engine.halt_lift(halt.number, by, &key(by)).await.unwrap();
    }
    // Lifted by two, it stays lifted until more fails.
    office.engine.collect_all().await.unwrap();
    assert!(office.halts().await.is_empty());
    rejected("S3").await;
    assert_eq!(office.halts().await, ["provider:sheetbank"]);
    office.ends_whole().await;
}

async fn a_reissue_is_no_larger_than_the_policy_allows(mut office: TestOffice) {
    agreed(&mut office, "policy", "reissue_count_max = 5\nreissue_total_max_minor = 900000").await;
    at(&office, "2026-10-01T09:00");
    office.month("2026-10", &[AN, CHI]).await;
    let cycle = office.paid_out("2026-10", Regular).await;
    let mut said = Vec::new();
    for enrolment in ["E1", "E3"] {
        said.push(office.said(&cycle, enrolment, 1, "Thất bại", "Sai số tài khoản").await);
    }
    office.sheet(&said).await.unwrap();
    let why = "the reissue is as large as the policy allows; the next one orders it";
    let done = office.engine.reissue(&office.now(&cycle).await).await.unwrap();
    assert_eq!((done.ordered, done.waiting.get(why)), (1, Some(&1)));
    let done = office.engine.reissue(&office.now(&cycle).await).await.unwrap();
    assert_eq!((done.ordered, done.waiting.get(why)), (1, None));
    office.ends_whole().await;
}

async fn what_is_tried_again_is_said_by_the_terms(mut office: TestOffice) {
    let rule = "retry = [{ class = \"payee_data\", wait_days = 3, then = \"other_channel\" }]";
    agreed(&mut office, "sheetbank", rule).await;
    at(&office, "2026-10-01T09:00");
    office.month("2026-10", &[AN]).await;
    let cycle = office.paid_out("2026-10", Regular).await;
    let an = office.said(&cycle, "E1", 1, "Thất bại", "Sai số tài khoản").await;
    office.sheet(&[an]).await.unwrap();
    at(&office, "2026-10-03T09:00");
    let done = office.engine.reissue(&office.now(&cycle).await).await.unwrap();
    let why = "the terms with the partner say to wait some days first";
    assert_eq!((done.list.is_none(), done.waiting.get(why)), (true, Some(&1)));
    at(&office, "2026-10-04T09:00");
    assert_eq!(office.engine.reissue(&office.now(&cycle).await).await.unwrap().ordered, 1);
    office.ends_whole().await;
}
