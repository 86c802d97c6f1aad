//! Payments that leave one by one over HTTP: whatever the operator does on the way, its own books have
//! every payment once, and ours say the same.

use std::io::Write;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use chitra::channels::one_by_one::{MayLeave, OneByOne, Reply, RequestTerms};
use chitra::channels::sandbox::operator::{Operator, OperatorRules, Twist};
use chitra::channels::{
    Answers, Channel, CollectError, DeliveryOutcome, Fetched, Parcel, QueryOutcome, Reason,
};
use chitra::disk::file_name::FileName;
use chitra::domain::cycle::Cycle;
use chitra::domain::cycle::CycleKind::Regular;
use chitra::domain::digest::Digest;
use chitra::domain::fate::Verdict;
use chitra::engine::Engine;
use tokio::sync::{Notify, Semaphore, watch};

use crate::support::mobile_partner::mobile_partner;
use crate::support::office::{APPROVERS, MAKER, TestOffice, key, on_both_databases, refused, run};
use crate::support::real_parts::RealPart;

mod half_sent;
mod in_flight;
mod signed;

on_both_databases! { run, RealPart::Postgres;
    a_happy_month
    an_answer_that_is_lost_after_booking
    a_failure_that_was_none_is_repeated_under_the_same_key
    nothing_is_repeated_when_the_key_has_expired
    what_is_unknown_when_the_month_is_closed_is_asked_about_on
    a_process_that_dies_inside_a_window
    after_a_death_absence_is_no_proof_without_a_key
    absence_is_proof_where_that_was_agreed
    a_window_leaves_while_the_one_before_it_is_answered
    what_waits_for_its_turn_stays_when_a_halt_is_put
    what_waits_past_its_key_does_not_go_again
    a_path_that_is_gone_after_a_doubt_proves_nothing
    who_was_stopped_in_a_window_repeats_what_it_sends_at_most
    who_was_stopped_in_a_window_is_not_overtaken_without_keys
    halts_ceilings_hours_and_funds_hold_windows_back
    failures_stop_the_windows_that_are_left
    what_left_by_requests_does_not_leave_as_a_file
    an_operator_that_asks_to_slow_down
    a_payee_whom_the_operator_does_not_know_stops_nobody_else
    who_says_both_has_said_nothing
    a_path_that_is_not_there_stops_the_file
    a_wrong_secret_sends_nothing
    a_token_that_counts_no_more_is_asked_for_anew_once
}

const PEOPLE: [&str; 3] = [
    "E1 | 001044000101 | Nguyễn Văn An | 1944-03-14 | male | social_pension/monthly | monthly_pension=0 | mobile_money viettel +84901234561",
    "E2 | 001145000102 | Trần Thị Bình | 1945-07-02 | female | social_pension/monthly | monthly_pension=0 | mobile_money viettel +84901234562",
    "E3 | 001146000103 | Lê Thị Cúc | 1946-07-02 | female | social_pension/monthly | monthly_pension=0 | mobile_money viettel +84901234563",
];

const ASKED: &str = "status_path = \"/transactions/of/{reference}\"";
const KEYS: &str = "idempotency_header = \"X-Correlation-ID\"\nidempotency_hours = 24";

fn rules() -> OperatorRules {
    OperatorRules { can_be_asked: true, ..OperatorRules::default() }
}

/// An office with an operator, and a month that is released to it.
async fn released(office: &mut TestOffice, operator: &Operator, more: &str) -> Cycle {
    let path = office.dir.join("chitra.toml");
    let mut text = std::fs::read_to_string(&path).unwrap();
    let terms = "# agreed\nquota_per_second = 50\n# so far";
    text.push_str(&mobile_partner("operator", terms, &operator.base_url(), more));
    std::fs::write(&path, text).unwrap();
    office.reopen().await;
    office.on_day("2026-10-20");
    office.month("2026-10", &PEOPLE).await;
    let cycle = office.sealed("2026-10", Regular).await;
    office.released(&cycle, 0).await;
    cycle
}

/// Puts lines into the agreement with the operator, in place of those that stand there.
async fn agreed(office: &mut TestOffice, lines: &str) {
    let path = office.dir.join("chitra.toml");
    let text = std::fs::read_to_string(&path).unwrap();
    let (before, after) = text.split_once("# agreed\n").unwrap();
    let (_, after) = after.split_once("# so far\n").unwrap();
    std::fs::write(&path, format!("{before}# agreed\n{lines}\n# so far\n{after}")).unwrap();
    office.reopen().await;
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

/// The operator of the tests answers within twelve days.
async fn what_is_unknown_when_the_month_is_closed_is_asked_about_on(mut office: TestOffice) {
    let operator = Operator::start(rules()).await.unwrap();
    let cycle = released(&mut office, &operator, ASKED).await;
    operator.script(&[Twist::LoseAnswerAfterBooking, Twist::Later]);
    operator.set_rules(|rules| (rules.can_be_asked, rules.leaves_undone) = (false, true));
    dispatched(&office, &cycle).await;
    office.on_day("2026-11-02");
    office.engine.collect_all().await.unwrap();
    office.closed(&cycle).await;
    office.check(&cycle, "entitled 3", "unknown 2 = 1080000, paid 1 = 540000").await;
    assert_eq!(office.engine.store.suspense(cycle.number).await.unwrap(), (2, 1_080_000));

    // It can be asked again: one was paid, and of the other it says that it is still to come.
    operator.set_rules(|rules| rules.can_be_asked = true);
    let told = async |office: &TestOffice| office.engine.store.answers().await.unwrap().len();
    let before = told(&office).await;
    for _ in 0..3 {
        office.engine.collect_all().await.unwrap();
        office.check(&cycle, "entitled 3", "unknown 1 = 540000, paid 2 = 1080000").await;
        assert_eq!(told(&office).await, before + 1, "it is asked once a day");
    }
    assert_eq!(office.engine.store.suspense(cycle.number).await.unwrap(), (1, 540_000));

    office.on_day("2026-11-03");
    operator.set_rules(|rules| rules.leaves_undone = false);
    office.engine.collect_all().await.unwrap();
    office.check(&cycle, "entitled 3", "paid 3 = 1620000").await;
    assert_eq!(office.engine.store.suspense(cycle.number).await.unwrap(), (0, 0));
    office.on_day("2026-11-04");
    let before = told(&office).await;
    office.engine.collect_all().await.unwrap();
    assert_eq!(told(&office).await, before, "nothing is left to ask about");
    each_once(&operator);
    office.ends_whole().await;
}

/// What a process that died inside a window leaves: a window that nobody ended, with some of it sent.
async fn died_inside_a_window(office: &mut TestOffice, operator: &Operator, cycle: &Cycle) {
    operator.script(&[Twist::Pay, Twist::LoseAnswerBeforeBooking, Twist::LoseAnswerAfterBooking]);
    dispatched(office, cycle).await;
    let opened = "update send_window set outcome = 'started', ended_at = null";
    assert_eq!(office.tamper(opened, Vec::new()).await, 1);
    let undone = "update batch set state = 'sending' where provider = 'operator'";
    assert_eq!(office.tamper(undone, Vec::new()).await, 1);
    let unended =
        "update delivery set outcome = 'started', ended_at = null where outcome = 'delivered'";
    assert_eq!(office.tamper(unended, Vec::new()).await, 1);
    office.reopen().await;
}

async fn a_process_that_dies_inside_a_window(mut office: TestOffice) {
    let operator = Operator::start(OperatorRules { knows_keys: true, ..rules() }).await.unwrap();
    let cycle = released(&mut office, &operator, &format!("{ASKED}\n{KEYS}")).await;
    died_inside_a_window(&mut office, &operator, &cycle).await;
    dispatched(&office, &cycle).await;
    office.check(&cycle, "entitled 3", "paid 3 = 1620000").await;
    each_once(&operator);
    office.ends_whole().await;
}

async fn after_a_death_absence_is_no_proof_without_a_key(mut office: TestOffice) {
    let operator = Operator::start(rules()).await.unwrap();
    let more = format!("{ASKED}\nnot_found_is_proof = true");
    let cycle = released(&mut office, &operator, &more).await;
    died_inside_a_window(&mut office, &operator, &cycle).await;
    let posted = operator.posted().len();
    // A process that was only stopped may go on and send it yet, so two officers decide.
    dispatched(&office, &cycle).await;
    office.check(&cycle, "entitled 3", "unknown 1 = 540000, paid 2 = 1080000").await;
    assert_eq!(operator.posted().len(), posted);
    let unknown = office.engine.unknowns(&office.now(&cycle).await).await.unwrap();
    let named = [unknown[0].reference.to_string()];
    let cycle = office.now(&cycle).await;
    let engine = &office.engine;
    engine
        .fate_propose(&cycle, &named, Verdict::NotPaid, "its books", MAKER, &key(MAKER))
        .await
        .unwrap();
    let second = APPROVERS[0];
    engine.fate_confirm(&cycle, &named, second, &key(second)).await.unwrap();
    office.check(&cycle, "entitled 3", "paid 2 = 1080000, rejected 1 = 540000").await;
    office.ends_whole().await;
}

async fn absence_is_proof_where_that_was_agreed(mut office: TestOffice) {
    let operator = Operator::start(rules()).await.unwrap();
    let more = format!("{ASKED}\nnot_found_is_proof = true");
    let cycle = released(&mut office, &operator, &more).await;
    operator.script(&[Twist::LoseAnswerBeforeBooking]);
    dispatched(&office, &cycle).await;
    office.check(&cycle, "entitled 3", "unknown 1 = 540000, paid 2 = 1080000").await;
    dispatched(&office, &cycle).await;
    office.check(&cycle, "entitled 3", "paid 3 = 1620000").await;
    each_once(&operator);
    office.ends_whole().await;
}

/// A partner on whose way a request stops before it leaves, until it is told to go on.
struct Stopping {
    inner: Arc<dyn OneByOne>,
    reached: Arc<Notify>,
    go_on: Arc<Semaphore>,
}

#[async_trait]
impl OneByOne for Stopping {
    fn terms(&self) -> RequestTerms {
        self.inner.terms()
    }

    fn reference(&self, line: &[u8]) -> Option<String> {
        self.inner.reference(line)
    }

    async fn send(&self, reference: &str, line: Vec<u8>, may_leave: MayLeave) -> Reply {
        self.reached.notify_one();
        let _ = self.go_on.acquire().await.unwrap();
        self.inner.send(reference, line, may_leave).await
    }

    async fn ask(&self, reference: &str) -> Reply {
        self.inner.ask(reference).await
    }
}

/// The way to a partner that a story watches.
struct WatchedWay(Arc<dyn OneByOne>);

impl Channel for WatchedWay {
    fn deliver(&self, _: Parcel<'_>) -> DeliveryOutcome {
        unreachable!("this partner takes no files")
    }

    fn query(&self, _: &FileName, _: &Digest) -> QueryOutcome {
        unreachable!("this partner takes no files")
    }

    fn answers(&self) -> Result<Answers, CollectError> {
        Ok(Answers::default())
    }

    fn fetch(&self, name: &FileName, _: &mut dyn Write) -> Result<Fetched, CollectError> {
        Err(CollectError::AnswerMustBeThere(name.clone()))
    }

    fn one_by_one(&self) -> Option<Arc<dyn OneByOne>> {
        Some(self.0.clone())
    }
}

/// The office, with something on its way to the operator.
fn watched<P: OneByOne + 'static>(
    office: &TestOffice,
    partner: impl FnOnce(Arc<dyn OneByOne>) -> P,
) -> Engine {
    let mut engine = office.engine.clone();
    let inner = engine.channels["operator"].one_by_one().unwrap();
    let mut channels = (*engine.channels).clone();
    channels.insert("operator".to_owned(), Arc::new(WatchedWay(Arc::new(partner(inner)))));
    engine.channels = Arc::new(channels);
    engine
}

/// A partner that answers a request when the next one has come.
struct Behind {
    inner: Arc<dyn OneByOne>,
    came: watch::Sender<usize>,
}

#[async_trait]
impl OneByOne for Behind {
    fn terms(&self) -> RequestTerms {
        self.inner.terms()
    }

    fn reference(&self, line: &[u8]) -> Option<String> {
        self.inner.reference(line)
    }

    async fn send(&self, reference: &str, line: Vec<u8>, may_leave: MayLeave) -> Reply {
        let mut came = self.came.subscribe();
        let next = *came.borrow_and_update() + 2;
        self.came.send_modify(|count| *count += 1);
        let reply = self.inner.send(reference, line, may_leave).await;
        let next_came = came.wait_for(|count| *count >= next.min(PEOPLE.len()));
        match tokio::time::timeout(Duration::from_secs(20), next_came).await {
            Ok(_) => reply,
            Err(_) => Reply::Unknown(Reason::new("answer_lost", "no other request came")),
        }
    }

    async fn ask(&self, reference: &str) -> Reply {
        self.inner.ask(reference).await
    }
}

async fn a_window_leaves_while_the_one_before_it_is_answered(mut office: TestOffice) {
    let operator = Operator::start(rules()).await.unwrap();
    let cycle = released(&mut office, &operator, ASKED).await;
    // One line a window.
    agreed(&mut office, "quota_per_second = 2").await;
    let engine = watched(&office, |inner| Behind { inner, came: watch::Sender::new(0) });
    let done = engine.dispatch(Some(cycle.number)).await.unwrap();
    assert_eq!(done[0].detail, "3 requests sent, 0 asked about");
    let batches = office.engine.store.batches(cycle.number).await.unwrap();
    assert_eq!(office.engine.store.send_windows(&batches[0]).await.unwrap().len(), 3);
    office.check(&cycle, "entitled 3", "paid 3 = 1620000").await;
    each_once(&operator);
    office.ends_whole().await;
}

/// A partner on whose way requests wait until something says that they stay.
struct WaitingForStop(Arc<dyn OneByOne>);

#[async_trait]
impl OneByOne for WaitingForStop {
    fn terms(&self) -> RequestTerms {
        self.0.terms()
    }

    fn reference(&self, line: &[u8]) -> Option<String> {
        self.0.reference(line)
    }

    async fn send(&self, reference: &str, line: Vec<u8>, may_leave: MayLeave) -> Reply {
        let stopped = async {
            while may_leave().is_ok() {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        let _ = tokio::time::timeout(Duration::from_secs(20), stopped).await;
        self.0.send(reference, line, may_leave).await
    }

    async fn ask(&self, reference: &str) -> Reply {
        self.0.ask(reference).await
    }
}

async fn what_waits_for_its_turn_stays_when_a_halt_is_put(mut office: TestOffice) {
    let operator = Operator::start(rules()).await.unwrap();
    let cycle = released(&mut office, &operator, ASKED).await;
    let engine = watched(&office, WaitingForStop);
    let number = cycle.number;
    let waiting = tokio::spawn(async move { engine.dispatch(Some(number)).await });
    let batch = office.engine.store.batches(cycle.number).await.unwrap().remove(0);
    while office.engine.store.send_windows(&batch).await.unwrap().is_empty() {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let halt = office.engine.halt_put("all", "its books are closed", MAKER, &key(MAKER)).await;
    let told = waiting.await.unwrap().unwrap().remove(0).detail;
    assert!(told.contains("0 requests sent, the rest waits: halted: its books are"), "{told}");
    assert!(operator.posted().is_empty());
    for officer in APPROVERS {
        office
            .engine
            .halt_lift(halt.as_ref().unwrap().number, officer, &key(officer))
            .await
            .unwrap();
    }
    assert_eq!(dispatched(&office, &cycle).await, "delivered: 3 requests sent, 0 asked about");
    office.check(&cycle, "entitled 3", "paid 3 = 1620000").await;
    office.ends_whole().await;
}

async fn what_waits_past_its_key_does_not_go_again(mut office: TestOffice) {
    let operator = Operator::start(OperatorRules { knows_keys: true, ..rules() }).await.unwrap();
    let cycle = released(&mut office, &operator, &format!("{ASKED}\n{KEYS}")).await;
    operator.script(&[Twist::LoseAnswerBeforeBooking]);
    dispatched(&office, &cycle).await;
    let posted = operator.posted().len();
    let (reached, go_on) = (Arc::new(Notify::new()), Arc::new(Semaphore::new(0)));
    let engine = watched(&office, |inner| Stopping {
        inner,
        reached: reached.clone(),
        go_on: go_on.clone(),
    });
    let number = cycle.number;
    let waiting = tokio::spawn(async move { engine.dispatch(Some(number)).await });
    reached.notified().await;
    office.on_day("2026-10-22");
    go_on.add_permits(1);
    let told = waiting.await.unwrap().unwrap().remove(0).detail;
    assert!(told.contains("may not know its key any more"), "{told}");
    assert_eq!(operator.posted().len(), posted);
    office.check(&cycle, "entitled 3", "unknown 1 = 540000, paid 2 = 1080000").await;
    office.ends_whole().await;
}

async fn a_path_that_is_gone_after_a_doubt_proves_nothing(mut office: TestOffice) {
    let operator = Operator::start(rules()).await.unwrap();
    let cycle = released(&mut office, &operator, &format!("{ASKED}\n{KEYS}")).await;
    agreed(&mut office, "quota_per_second = 50\nconcurrency = 1").await;
    operator.script(&[Twist::BusyAfterBooking, Twist::Gone]);
    dispatched(&office, &cycle).await;
    office.check(&cycle, "entitled 3", "unknown 1 = 540000, paid 2 = 1080000").await;
    dispatched(&office, &cycle).await;
    office.check(&cycle, "entitled 3", "paid 3 = 1620000").await;
    each_once(&operator);
    office.ends_whole().await;
}

/// A process is stopped inside a window; another takes over; the first goes on.
async fn succeeded(office: &TestOffice, cycle: &Cycle) {
    let (reached, go_on) = (Arc::new(Notify::new()), Arc::new(Semaphore::new(0)));
    let stopped =
        watched(office, |inner| Stopping { inner, reached: reached.clone(), go_on: go_on.clone() });
    let mut other = office.engine.clone();
    other.holder = "elsewhere".to_owned();
    let first = tokio::spawn(async move { stopped.dispatch(None).await });
    reached.notified().await;
    office.on_day("2026-10-21");
    other.dispatch(Some(cycle.number)).await.unwrap();
    go_on.add_permits(10);
    refused(first.await.unwrap(), "D150");
}

async fn who_was_stopped_in_a_window_repeats_what_it_sends_at_most(mut office: TestOffice) {
    let operator = Operator::start(OperatorRules { knows_keys: true, ..rules() }).await.unwrap();
    let keys = KEYS.replace("24", "72");
    let cycle = released(&mut office, &operator, &format!("{ASKED}\n{keys}")).await;
    succeeded(&office, &cycle).await;
    office.check(&cycle, "entitled 3", "paid 3 = 1620000").await;
    assert_eq!(operator.posted().len(), 6, "both sent all of them, under the same keys");
    each_once(&operator);
    office.ends_whole().await;
}

async fn who_was_stopped_in_a_window_is_not_overtaken_without_keys(mut office: TestOffice) {
    let operator = Operator::start(rules()).await.unwrap();
    let more = format!("{ASKED}\nnot_found_is_proof = true");
    let cycle = released(&mut office, &operator, &more).await;
    succeeded(&office, &cycle).await;
    dispatched(&office, &cycle).await;
    office.check(&cycle, "entitled 3", "paid 3 = 1620000").await;
    each_once(&operator);
    office.ends_whole().await;
}

async fn halts_ceilings_hours_and_funds_hold_windows_back(mut office: TestOffice) {
    let operator = Operator::start(rules()).await.unwrap();
    let cycle = released(&mut office, &operator, ASKED).await;
    for (lines, told) in [
        ("day_max_minor = 1619999", "ceiling of 1.619.999 VND a day for provider:operator"),
        ("windows = [\"13:00-16:30\"]", "13:00"),
        ("prefunded = true", "cleared funds"),
    ] {
        agreed(&mut office, lines).await;
        let waits = dispatched(&office, &cycle).await;
        assert!(waits.starts_with("released: waits: ") && waits.contains(told), "{waits}");
        agreed(&mut office, "").await;
    }
    let halt = office
        .engine
        .halt_put("provider:operator", "its books are closed", MAKER, &key(MAKER))
        .await
        .unwrap();
    let waits = dispatched(&office, &cycle).await;
    let way_out = "two officers lift it: chitra halt lift 1";
    assert_eq!(waits, format!("released: halted: its books are closed; {way_out}"));
    assert!(operator.posted().is_empty());
    for officer in APPROVERS {
        office.engine.halt_lift(halt.number, officer, &key(officer)).await.unwrap();
    }
    agreed(&mut office, "day_max_minor = 1620000").await;
    assert_eq!(dispatched(&office, &cycle).await, "delivered: 3 requests sent, 0 asked about");
    each_once(&operator);
    office.ends_whole().await;
}

async fn failures_stop_the_windows_that_are_left(mut office: TestOffice) {
    let operator = Operator::start(rules()).await.unwrap();
    let cycle = released(&mut office, &operator, ASKED).await;
    // Windows of one request.
    let terms = "expected_rate = \"0.02\"\nbreaker_count_min = 1\nquota_per_second = 1";
    agreed(&mut office, terms).await;
    operator.script(&[Twist::Reject]);
    let told = dispatched(&office, &cycle).await;
    assert!(told.starts_with("sending: 1 requests sent, the rest waits: halted: 1 of 1"), "{told}");
    assert_eq!(operator.posted().len(), 1);
    let listed = office.engine.unknowns(&office.now(&cycle).await).await.unwrap();
    assert!(listed.is_empty(), "what has not left is nothing to decide");
    for officer in APPROVERS {
        office.engine.halt_lift(1, officer, &key(officer)).await.unwrap();
    }
    agreed(&mut office, "quota_per_second = 50").await;
    assert_eq!(dispatched(&office, &cycle).await, "delivered: 2 requests sent, 0 asked about");
    office.check(&cycle, "entitled 3", "paid 2 = 1080000, rejected 1 = 540000").await;
    office.ends_whole().await;
}

async fn what_left_by_requests_does_not_leave_as_a_file(mut office: TestOffice) {
    let operator = Operator::start(rules()).await.unwrap();
    let cycle = released(&mut office, &operator, ASKED).await;
    died_inside_a_window(&mut office, &operator, &cycle).await;
    let path = office.dir.join("chitra.toml");
    let text = std::fs::read_to_string(&path).unwrap();
    let (before, _) = text.split_once("[provider.http]").unwrap();
    for place in ["inbox", "outbox", "taken"] {
        std::fs::create_dir_all(office.dir.join("operator").join(place)).unwrap();
    }
    let folders =
        "inbox = \"operator/inbox\"\noutbox = \"operator/outbox\"\ntaken = \"operator/taken\"\n";
    std::fs::write(&path, format!("{before}{folders}")).unwrap();
    office.reopen().await;
    let told = dispatched(&office, &cycle).await;
    assert!(told.contains("another way"), "{told}");
    let inbox = std::fs::read_dir(office.dir.join("operator/inbox")).unwrap();
    assert_eq!(inbox.count(), 0);
    std::fs::write(&path, text).unwrap();
    office.reopen().await;
    dispatched(&office, &cycle).await;
    office.check(&cycle, "entitled 3", "unknown 1 = 540000, paid 2 = 1080000").await;
    office.ends_whole().await;
}

async fn a_payee_whom_the_operator_does_not_know_stops_nobody_else(mut office: TestOffice) {
    let operator = Operator::start(rules()).await.unwrap();
    let cycle = released(&mut office, &operator, ASKED).await;
    operator.script(&[Twist::NoSuchPayee]);
    assert_eq!(dispatched(&office, &cycle).await, "delivered: 3 requests sent, 0 asked about");
    office.check(&cycle, "entitled 3", "paid 2 = 1080000, rejected 1 = 540000").await;
    office.ends_whole().await;
}

async fn a_path_that_is_not_there_stops_the_file(mut office: TestOffice) {
    let operator = Operator::start(rules()).await.unwrap();
    let cycle = released(&mut office, &operator, ASKED).await;
    operator.script(&[Twist::Gone; 3]);
    let told = dispatched(&office, &cycle).await;
    assert!(told.contains("0 requests sent") && told.contains("check send_path"), "{told}");
    assert!(office.discrepancies().await.is_empty());
    operator.script(&[]);
    assert_eq!(dispatched(&office, &cycle).await, "delivered: 3 requests sent, 0 asked about");
    office.check(&cycle, "entitled 3", "paid 3 = 1620000").await;
    each_once(&operator);
    office.ends_whole().await;
}

/// A member stands twice in what it answers and in what it calls back: one of them must be wrong.
async fn who_says_both_has_said_nothing(mut office: TestOffice) {
    let operator = Operator::start(rules()).await.unwrap();
    let cycle = released(&mut office, &operator, ASKED).await;
    operator.script(&[Twist::SayBoth]);
    dispatched(&office, &cycle).await;
    office.check(&cycle, "entitled 3", "unknown 1 = 540000, paid 2 = 1080000").await;
    assert_eq!(office.discrepancies().await, ["file_refused"]);
    let now = office.now(&cycle).await;
    let reference = office.engine.unknowns(&now).await.unwrap().remove(0).reference;
    let callbacks = office.dir.join("callbacks/operator");
    std::fs::create_dir_all(&callbacks).unwrap();
    let said = format!(
        "{{\"requestingOrganisationTransactionReference\":\"{reference}\",\"transactionReference\":\"MM9\",
          \"transactionStatus\":\"completed\",\"transactionStatus\":\"failed\"}}"
    );
    std::fs::write(callbacks.join("1.answer"), said).unwrap();
    let told = office.engine.collect_all().await.unwrap();
    let [.., Err((_, error))] = &told[..] else { panic!("{told:?}") };
    assert_eq!(error.code(), "M130", "{error}");
    // Asked about it, the operator says one thing.
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

async fn a_token_that_counts_no_more_is_asked_for_anew_once(mut office: TestOffice) {
    let client = Some(("chitra".to_owned(), "right".to_owned()));
    let operator = Operator::start(OperatorRules { client, ..rules() }).await.unwrap();
    std::fs::write(office.dir.join("keys/operator.secret"), "right\n").unwrap();
    let oauth = "[provider.http.oauth]\ntoken_path = \"/oauth/token\"\nclient_id = \"chitra\"\nsecret_file = \"keys/operator.secret\"";
    let cycle = released(&mut office, &operator, oauth).await;
    operator.script(&[Twist::TokenIsGone]);
    assert_eq!(dispatched(&office, &cycle).await, "delivered: 3 requests sent, 0 asked about");
    office.check(&cycle, "entitled 3", "paid 3 = 1620000").await;
    assert_eq!(operator.posted().len(), 4);
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
