//! What was made while the office tried things out does not leave as real orders, nor the other way round: it is
//! refused where it is signed, released or sent, nothing is lost, and it is made anew. Each told on both databases.

use chitra::channels::sandbox::operator::{Operator, OperatorRules, Twist};
use chitra::domain::batch::{Batch, BatchState};
use chitra::domain::cycle::Cycle;
use chitra::domain::cycle::CycleKind::Regular;
use chitra::domain::ids::ListNo;
use chitra::engine::office;
use chitra::engine::recall::{Asking, Whom};

use chitra::disk::RealDisk;
use chitra::engine::office::Surroundings;
use chitra::engine::progress::Silent;
use std::sync::Arc;

use crate::support::mobile_partner::mobile_partner;
use crate::support::office::{APPROVERS, MAKER, TestOffice, key, on_both_databases, refused, run};
use crate::support::real_parts::RealPart;

on_both_databases! { run, RealPart::Postgres;
    a_released_file_of_a_trial_does_not_leave_in_earnest
    a_real_file_does_not_leave_in_a_trial
    a_list_of_a_trial_is_not_signed_or_released_in_earnest
    a_month_that_was_worked_out_in_a_trial_is_made_anew
    a_recall_of_a_trial_does_not_leave_in_earnest
    the_rest_of_a_file_that_began_to_leave_in_a_trial_stays
    an_office_keeps_its_currency_and_its_first_month
}

const AN: &str = "E1 | 001044000101 | Nguyễn Văn An | 1944-03-14 | male | social_pension/monthly | monthly_pension=0 | bank 970436 0711000001";
const BINH: &str = "E2 | 001145000102 | Trần Thị Bình | 1945-07-02 | female | social_pension/monthly | monthly_pension=0 | bank 970405 0711000002";

/// From now on `chitra.toml` names this environment.
async fn lives_in(office: &mut TestOffice, environment: &str) {
    let path = office.dir.join(office::CONFIG);
    let text = std::fs::read_to_string(&path).unwrap();
    let (before, after) = text.split_once("environment = \"").unwrap();
    let (_, after) = after.split_once('"').unwrap();
    std::fs::write(&path, format!("{before}environment = \"{environment}\"{after}")).unwrap();
    office.reopen().await;
}

/// Amounts are kept in minor units of the currency, and months before the first one count as paid: once there is a
/// list both stay what they are.
async fn an_office_keeps_its_currency_and_its_first_month(office: TestOffice) {
    let path = office.dir.join(office::CONFIG);
    let text = std::fs::read_to_string(&path).unwrap();
    let with = async |from: &str, to: &str| {
        assert!(text.contains(from), "{from}");
        std::fs::write(&path, text.replacen(from, to, 1)).unwrap();
        let around = Surroundings {
            disk: Arc::new(RealDisk),
            clock: office.clock.clone(),
            progress: Arc::new(Silent),
            channels: None,
        };
        let opened = office::open(&office.dir, around).await;
        std::fs::write(&path, &text).unwrap();
        match opened {
            Ok(engine) => {
                engine.store.close().await;
                String::new()
            }
            Err(error) => error.code().to_owned(),
        }
    };
    office.on_day("2026-10-01");
    let settings = [
        ("currency = \"VND\"", "currency = \"USD\"", "G135"),
        ("history_from = \"2026-10\"", "history_from = \"2026-08\"", "G136"),
        ("history_from = \"2026-10\"", "history_from = \"2026-11\"", "G136"),
    ];
    // As long as there is no list, they are mended freely.
    for (from, to, _) in settings {
        assert_eq!(with(from, to).await, "", "{to}");
    }
    office.month("2026-10", &[AN, BINH]).await;
    let october = office.opened("2026-10", Regular).await;
    for (from, to, code) in settings {
        assert_eq!(with(from, to).await, code, "{to}");
    }
    // So it is with a list that an earlier program opened, once it is signed.
    office.tamper("update cycle set currency = '', history_from = 0", vec![]).await;
    assert_eq!(with(settings[0].0, settings[0].1).await, "");
    office.computed(&october).await;
    office.engine.seal(&office.now(&october).await).await.unwrap();
    for (from, to, code) in settings {
        let code = if code == "G135" { code } else { "" };
        assert_eq!(with(from, to).await, code, "{to}");
    }
    // What a list was opened with stands in the log as well.
    office.ends_tampered_with("V207").await;
}

async fn files(office: &TestOffice, cycle: &Cycle, list: i64) -> Vec<Batch> {
    let batches = office.engine.store.batches(cycle.number).await.unwrap();
    batches.into_iter().filter(|batch| batch.list == ListNo(list)).collect()
}

/// What dispatch tells of each file: `released: D180`.
async fn dispatched(office: &TestOffice) -> Vec<String> {
    let told = office.engine.dispatch(None).await.unwrap();
    told.iter()
        .map(|one| format!("{}: {}", one.state, one.detail.split(':').next().unwrap_or_default()))
        .collect()
}

async fn a_released_file_of_a_trial_does_not_leave_in_earnest(mut office: TestOffice) {
    office.on_day("2026-10-01");
    office.month("2026-10", &[AN, BINH]).await;
    let october = office.sealed("2026-10", Regular).await;
    office.released(&october, 0).await;
    lives_in(&mut office, "production").await;
    let before = office.snapshot().await;
    assert_eq!(dispatched(&office).await, ["released: D180", "released: D180"]);
    assert_eq!(office.snapshot().await, before);
    let told = office.engine.dispatch(None).await.unwrap();
    assert!(told.iter().all(|one| one.is_hindered()), "the command ends with a code: {told:?}");
    let told = told[0].detail.clone();
    assert!(told.contains("was `test`, and now it is `production`"), "{told}");
    assert!(
        told.contains("chitra withdraw 2026-10 TEST-") && told.contains("chitra reissue 2026-10"),
        "{told}"
    );

    // Taken back, and ordered anew under a name of the present.
    for file in files(&office, &october, 0).await {
        assert_eq!(office.times_sent(&file.file_name), 0);
        let now = office.now(&october).await;
        office.engine.withdraw(&now, &file.file_name, MAKER, &key(MAKER)).await.unwrap();
    }
    let now = office.now(&october).await;
    assert_eq!(office.engine.reissue(&now).await.unwrap().ordered, 2);
    office.sent(&october, 1).await;
    let again = files(&office, &october, 1).await;
    assert!(again.iter().all(|one| one.file_name.starts_with("PROD-")), "{again:?}");
    office.check(&october, "entitled 2", "pending 2 = 1000000").await;
    office.ends_whole().await;
}

async fn a_real_file_does_not_leave_in_a_trial(mut office: TestOffice) {
    lives_in(&mut office, "production").await;
    office.on_day("2026-10-01");
    office.month("2026-10", &[AN, BINH]).await;
    let october = office.sealed("2026-10", Regular).await;
    office.released(&october, 0).await;
    lives_in(&mut office, "test").await;
    assert_eq!(dispatched(&office).await, ["released: D180", "released: D180"]);
    // Its mark is in no archive: nothing was written anew, and with the setting as it was they leave.
    lives_in(&mut office, "production").await;
    assert_eq!(dispatched(&office).await, ["delivered: delivered and read back"; 2]);
    // What is there is known whatever the setting is now.
    for file in files(&office, &october, 0).await {
        assert_eq!((file.state, office.times_sent(&file.file_name)), (BatchState::Delivered, 1));
    }
    lives_in(&mut office, "test").await;
    let paid = office.said(&october, "E2", 1, "Thành công", "").await;
    office.sheet(&[paid]).await.unwrap();
    office.check(&october, "entitled 2", "pending 1 = 500000, paid 1 = 500000").await;
    office.ends_whole().await;
}

async fn a_list_of_a_trial_is_not_signed_or_released_in_earnest(mut office: TestOffice) {
    office.on_day("2026-10-01");
    office.month("2026-10", &[AN]).await;
    let october = office.sealed("2026-10", Regular).await;
    let list = ListNo(0);
    lives_in(&mut office, "production").await;
    let now = office.now(&october).await;
    let told = refused(office.engine.submit(&now, list, MAKER, &key(MAKER)).await, "D180");
    assert!(told.contains("chitra cycle cancel 2026-10 --reason TEXT --as OFFICER"), "{told}");
    lives_in(&mut office, "test").await;
    office.approved(&october, 0).await;
    lives_in(&mut office, "production").await;
    let before = office.snapshot().await;
    let now = office.now(&october).await;
    let by = APPROVERS[0];
    refused(office.engine.release(&now, list, by, &key(by)).await, "D180");
    assert_eq!(office.snapshot().await, before, "the approvals stand");

    // Given up and made anew.
    office.engine.cycle_cancel(&now, "a trial", MAKER, &key(MAKER)).await.unwrap();
    let again = office.paid_out("2026-10", Regular).await;
    let file = files(&office, &again, 0).await.remove(0);
    assert!(file.file_name.starts_with("PROD-"), "{}", file.file_name);

    // So with what is ordered again.
    let refused_by = office.said(&again, "E1", 1, "", "").await.reference;
    let status = rejected(&refused_by);
    office.answered("isobank", "xml", status.as_bytes()).await.unwrap();
    lives_in(&mut office, "test").await;
    let now = office.now(&again).await;
    assert_eq!(office.engine.reissue(&now).await.unwrap().ordered, 1);
    lives_in(&mut office, "production").await;
    let list = ListNo(1);
    let told = refused(office.engine.submit(&now, list, MAKER, &key(MAKER)).await, "D180");
    assert!(told.contains("chitra list cancel 2026-10 --list 1"), "{told}");
    office.engine.list_cancel(&now, list, MAKER, &key(MAKER)).await.unwrap();
    assert_eq!(office.engine.reissue(&now).await.unwrap().ordered, 1);
    office.sent(&again, 2).await;
    office.ends_whole().await;
}

/// A bank's word that it did not carry out a payment, which may be ordered again.
fn rejected(reference: &str) -> String {
    format!(
        r#"<?xml version="1.0" encoding="UTF-8"?>
<Document xmlns="urn:iso:std:iso:20022:tech:xsd:pain.002.001.10"><CstmrPmtStsRpt>
<GrpHdr><MsgId>S-1</MsgId><CreDtTm>2026-10-01T18:00:00</CreDtTm></GrpHdr>
<OrgnlGrpInfAndSts><OrgnlMsgId>F</OrgnlMsgId><OrgnlMsgNmId>pain.001.001.09</OrgnlMsgNmId></OrgnlGrpInfAndSts>
<OrgnlPmtInfAndSts><OrgnlPmtInfId>F</OrgnlPmtInfId>
<TxInfAndSts><OrgnlEndToEndId>{reference}</OrgnlEndToEndId><TxSts>RJCT</TxSts>
<StsRsnInf><Rsn><Cd>AM04</Cd></Rsn></StsRsnInf></TxInfAndSts>
</OrgnlPmtInfAndSts></CstmrPmtStsRpt></Document>
"#
    )
}

async fn a_month_that_was_worked_out_in_a_trial_is_made_anew(mut office: TestOffice) {
    office.on_day("2026-10-01");
    office.month("2026-10", &[AN]).await;
    let october = office.opened("2026-10", Regular).await;
    office.computed(&october).await;
    lives_in(&mut office, "production").await;
    let now = office.now(&october).await;
    let told = refused(office.engine.seal(&now).await, "D180");
    assert!(told.contains("chitra cycle run 2026-10 --recompute"), "{told}");
    let archived = files(&office, &october, 0).await;
    assert!(archived.iter().all(|file| file.sha256.is_none()), "nothing was written");
    office.engine.recompute(&office.now(&october).await).await.unwrap();
    let again = office.computed(&october).await;
    office.engine.seal(&again).await.unwrap();
    office.sent(&october, 0).await;
    assert!(files(&office, &october, 0).await[0].file_name.starts_with("PROD-"));
    office.ends_whole().await;
}

async fn a_recall_of_a_trial_does_not_leave_in_earnest(mut office: TestOffice) {
    let path = office.dir.join(office::CONFIG);
    let text = std::fs::read_to_string(&path).unwrap();
    let name = "name = \"isobank\"\n";
    let terms = "recalls = { format = \"iso20022-camt055-09\", answer_days = 10 }\n";
    std::fs::write(&path, text.replacen(name, &format!("{name}{terms}"), 1)).unwrap();
    office.reopen().await;
    office.on_day("2026-10-01");
    office.month("2026-10", &[AN]).await;
    let october = office.paid_out("2026-10", Regular).await;
    let order = office.instructions(&october, "E1").await.remove(0);
    let whom = || Whom::Payment(order.payable, order.attempt);
    let by = APPROVERS[0];
    let asking = || Asking { code: "DUPL", reason: "paid by hand on 2026-10-01", by_letter: false };
    office.engine.recall_propose(&october, whom(), asking(), MAKER, &key(MAKER)).await.unwrap();
    office.engine.recall_confirm(&october, whom(), by, &key(by)).await.unwrap();
    lives_in(&mut office, "production").await;
    assert_eq!(dispatched(&office).await, ["released: D180"]);
    let told = office.engine.dispatch(None).await.unwrap().remove(0).detail;
    assert!(told.contains("chitra recall give-up 2026-10 TEST"), "{told}");
    let why = "made in a trial";
    office.engine.recall_give_up(&october, whom(), why, MAKER, &key(MAKER)).await.unwrap();
    office.engine.recall_propose(&october, whom(), asking(), MAKER, &key(MAKER)).await.unwrap();
    let made = office.engine.recall_confirm(&october, whom(), by, &key(by)).await.unwrap();
    assert!(made.files[0].starts_with("PROD-"), "{made:?}");
    assert_eq!(dispatched(&office).await, ["delivered: delivered and read back"]);
    office.ends_whole().await;
}

async fn the_rest_of_a_file_that_began_to_leave_in_a_trial_stays(mut office: TestOffice) {
    let rules = OperatorRules { can_be_asked: true, ..OperatorRules::default() };
    let operator = Operator::start(rules).await.unwrap();
    let path = office.dir.join(office::CONFIG);
    let mut text = std::fs::read_to_string(&path).unwrap();
    // Windows of one request, of which a failure stops the next.
    let terms = "expected_rate = \"0.02\"\nbreaker_count_min = 1\nquota_per_second = 1";
    let asked = "status_path = \"/transactions/of/{reference}\"";
    text.push_str(&mobile_partner("operator", terms, &operator.base_url(), asked));
    std::fs::write(&path, text).unwrap();
    office.reopen().await;
    office.on_day("2026-10-20");
    let people: Vec<String> = (1..=3)
        .map(|n| {
            format!(
                "E{n} | 00104400010{n} | Nguyễn Văn An | 1944-03-14 | male | social_pension/monthly | monthly_pension=0 | mobile_money viettel +8490123456{n}"
            )
        })
        .collect();
    let people: Vec<&str> = people.iter().map(String::as_str).collect();
    office.month("2026-10", &people).await;
    let october = office.sealed("2026-10", Regular).await;
    office.released(&october, 0).await;
    // Before the first, and half way.
    lives_in(&mut office, "production").await;
    assert_eq!(dispatched(&office).await, ["released: D180"]);
    assert!(operator.posted().is_empty());
    lives_in(&mut office, "test").await;
    operator.script(&[Twist::Reject]);
    office.engine.dispatch(None).await.unwrap();
    for officer in APPROVERS {
        office.engine.halt_lift(1, officer, &key(officer)).await.unwrap();
    }
    lives_in(&mut office, "production").await;
    let told = office.engine.dispatch(None).await.unwrap().remove(0);
    assert!(told.detail.starts_with("0 requests sent, the rest waits: D180: "), "{told:?}");
    assert_eq!(operator.posted().len(), 1);
    let file = files(&office, &october, 0).await.remove(0).file_name;
    let now = office.now(&october).await;
    assert_eq!(office.engine.withdraw(&now, &file, MAKER, &key(MAKER)).await.unwrap().count, 2);
    office.check(&october, "entitled 3", "rejected 3 = 1620000").await;
    office.ends_whole().await;
}
