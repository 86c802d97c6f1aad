//! Payments that leave one by one over HTTP: whatever the operator does on the way, its own books have
//! every payment once, and ours say the same.

use chitra::channels::sandbox::operator::{Operator, OperatorRules, Twist};
use chitra::domain::cycle::Cycle;
use chitra::domain::cycle::CycleKind::Regular;

use crate::support::office::{TestOffice, on_both_databases, run};
use crate::support::real_parts::RealPart;

on_both_databases! { run, RealPart::Postgres;
    a_happy_month
    an_answer_that_is_lost_after_booking
    a_failure_that_was_none_is_repeated_under_the_same_key
    nothing_is_repeated_when_the_key_has_expired
    a_process_that_dies_inside_a_window
    an_operator_that_asks_to_slow_down
    a_wrong_secret_sends_nothing
}

const PEOPLE: [&str; 3] = [
    "E1 | 001044000101 | Nguyễn Văn An | 1944-03-14 | male | social_pension/monthly | monthly_pension=0 | mobile_money viettel +84901234561",
    "E2 | 001145000102 | Trần Thị Bình | 1945-07-02 | female | social_pension/monthly | monthly_pension=0 | mobile_money viettel +84901234562",
    "E3 | 001146000103 | Lê Thị Cúc | 1946-07-02 | female | social_pension/monthly | monthly_pension=0 | mobile_money viettel +84901234563",
];

const ASKED: &str = "status_path = \"/transactions/of/{reference}\"";
const KEYS: &str = "idempotency_header = \"X-Correlation-ID\"\nidempotency_hours = 24";

fn rules() -> OperatorRules {
    OperatorRules { client: None, knows_keys: false, can_be_asked: true }
}

/// An office with an operator, and a month that is released to it.
async fn released(office: &mut TestOffice, operator: &Operator, more: &str) -> Cycle {
    let path = office.dir.join("chitra.toml");
    let mut text = std::fs::read_to_string(&path).unwrap();
    text.push_str(&format!(
        r#"
[[provider]]
name = "operator"
channel = "mobile_money"
format = "gsma-mobile-money-transaction"
answers = ["gsma-mobile-money-transaction-results"]
serves = ["*"]
count_max = 1000
total_max_minor = 900000000000
amount_max_minor = 400000000
answer_days = 25
quota_per_second = 50
[provider.http]
kind = "payments"
base_url = "{}"
send_path = "/transactions/type/disbursement"
{more}
"#,
        operator.base_url()
    ));
    std::fs::write(&path, text).unwrap();
    office.reopen().await;
    office.on_day("2026-10-20");
    office.month("2026-10", &PEOPLE).await;
    let cycle = office.sealed("2026-10", Regular).await;
    office.released(&cycle, 0).await;
    cycle
}

async fn dispatched(office: &TestOffice, cycle: &Cycle) -> String {
    let done = office.engine.dispatch(Some(cycle.number)).await.unwrap();
    done.iter().map(|one| format!("{}: {}", one.state, one.detail)).collect::<Vec<_>>().join("; ")
}

/// The operator credited each of the three once.
#[track_caller]
fn each_once(operator: &Operator) {
    let credits = operator.credits();
    assert_eq!(credits.len(), 3, "{credits:?}");
    assert!(credits.windows(2).all(|pair| pair[0].0 != pair[1].0), "{credits:?}");
}

async fn a_happy_month(mut office: TestOffice) {
    let operator = Operator::start(rules()).await.unwrap();
    let cycle = released(&mut office, &operator, ASKED).await;
    operator.script(&[Twist::Pay, Twist::Later, Twist::Reject]);
    assert_eq!(dispatched(&office, &cycle).await, "delivered: 3 requests sent, 0 asked about");
    office
        .check(&cycle, "entitled 3", "pending 1 = 540000, paid 1 = 540000, rejected 1 = 540000")
        .await;
    office.engine.collect_all().await.unwrap();
    office.check(&cycle, "entitled 3", "paid 2 = 1080000, rejected 1 = 540000").await;
    assert_eq!(operator.credits().len(), 2);
    office.ends_whole().await;
}

async fn an_answer_that_is_lost_after_booking(mut office: TestOffice) {
    let operator = Operator::start(rules()).await.unwrap();
    let cycle = released(&mut office, &operator, ASKED).await;
    operator.script(&[Twist::LoseAnswerAfterBooking]);
    dispatched(&office, &cycle).await;
    office.check(&cycle, "entitled 3", "unknown 1 = 540000, paid 2 = 1080000").await;
    dispatched(&office, &cycle).await;
    office.check(&cycle, "entitled 3", "paid 3 = 1620000").await;
    each_once(&operator);
    office.ends_whole().await;
}

async fn a_failure_that_was_none_is_repeated_under_the_same_key(mut office: TestOffice) {
    let operator = Operator::start(OperatorRules { knows_keys: true, ..rules() }).await.unwrap();
    let cycle = released(&mut office, &operator, KEYS).await;
    operator.script(&[Twist::FailAfterBooking, Twist::LoseAnswerBeforeBooking]);
    dispatched(&office, &cycle).await;
    office.check(&cycle, "entitled 3", "unknown 2 = 1080000, paid 1 = 540000").await;
    dispatched(&office, &cycle).await;
    office.check(&cycle, "entitled 3", "paid 3 = 1620000").await;
    each_once(&operator);
    office.ends_whole().await;
}

async fn nothing_is_repeated_when_the_key_has_expired(mut office: TestOffice) {
    let operator = Operator::start(OperatorRules { knows_keys: true, ..rules() }).await.unwrap();
    let more = format!("{ASKED}\n{KEYS}");
    let cycle = released(&mut office, &operator, &more).await;
    operator.script(&[Twist::LoseAnswerBeforeBooking]);
    dispatched(&office, &cycle).await;
    office.on_day("2026-10-22");
    let posted = operator.posted().len();
    // Asked, it knows nothing of it; but it never agreed that this is proof.
    dispatched(&office, &cycle).await;
    office.check(&cycle, "entitled 3", "unknown 1 = 540000, paid 2 = 1080000").await;
    assert_eq!(operator.posted().len(), posted);
    office.ends_whole().await;
}

async fn a_process_that_dies_inside_a_window(mut office: TestOffice) {
    let operator = Operator::start(rules()).await.unwrap();
    let more = format!("{ASKED}\nnot_found_is_proof = true");
    let cycle = released(&mut office, &operator, &more).await;
    // What a process that died leaves: a window that nobody ended, with some of it sent.
    operator.script(&[Twist::Pay, Twist::LoseAnswerBeforeBooking, Twist::LoseAnswerAfterBooking]);
    dispatched(&office, &cycle).await;
    let opened = "update send_window set outcome = 'started', ended_at = null";
    assert_eq!(office.tamper(opened, Vec::new()).await, 1);
    let undone = "update batch set state = 'sending' where provider = 'operator'";
    assert_eq!(office.tamper(undone, Vec::new()).await, 1);
    let unended =
        "update delivery set outcome = 'started', ended_at = null where outcome = 'delivered'";
    assert_eq!(office.tamper(unended, Vec::new()).await, 1);
    office.reopen().await;
    dispatched(&office, &cycle).await;
    office.check(&cycle, "entitled 3", "paid 3 = 1620000").await;
    each_once(&operator);
    office.ends_whole().await;
}

async fn an_operator_that_asks_to_slow_down(mut office: TestOffice) {
    let operator = Operator::start(rules()).await.unwrap();
    let cycle = released(&mut office, &operator, ASKED).await;
    operator.script(&[Twist::SlowDown, Twist::SlowDown]);
    assert_eq!(dispatched(&office, &cycle).await, "delivered: 3 requests sent, 0 asked about");
    office.check(&cycle, "entitled 3", "paid 3 = 1620000").await;
    each_once(&operator);
    office.ends_whole().await;
}

async fn a_wrong_secret_sends_nothing(mut office: TestOffice) {
    let client = Some(("chitra".to_owned(), "right".to_owned()));
    let operator = Operator::start(OperatorRules { client, ..rules() }).await.unwrap();
    let secret = office.dir.join("keys/operator.secret");
    std::fs::write(&secret, "wrong\n").unwrap();
    let oauth = "[provider.http.oauth]\ntoken_path = \"/oauth/token\"\nclient_id = \"chitra\"\nsecret_file = \"keys/operator.secret\"";
    let cycle = released(&mut office, &operator, oauth).await;
    let told = dispatched(&office, &cycle).await;
    assert!(told.contains("0 requests sent") && told.contains("grants no token"), "{told}");
    assert!(!told.contains("wrong"), "{told}");
    assert!(operator.credits().is_empty());
    std::fs::write(&secret, "right\n").unwrap();
    assert_eq!(dispatched(&office, &cycle).await, "delivered: 3 requests sent, 0 asked about");
    office.check(&cycle, "entitled 3", "paid 3 = 1620000").await;
    each_once(&operator);
    office.ends_whole().await;
}
