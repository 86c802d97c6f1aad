//! How many requests are under way at once is what was agreed, counted at the operator.

use std::time::Duration;

use chitra::channels::sandbox::operator::Operator;

use super::{ASKED, agreed, dispatched, each_once, released, rules};
use crate::support::office::{TestOffice, on_both_databases, run};
use crate::support::real_parts::RealPart;

on_both_databases! { run, RealPart::Postgres;
    one_request_at_a_time
    two_requests_at_a_time
    as_many_requests_as_there_are
}

/// Sends a month to an operator that thinks for a second; gives the most requests that were under way.
async fn under_way(mut office: TestOffice, concurrency: usize) -> usize {
    let operator = Operator::start(rules()).await.unwrap();
    operator.think(Duration::from_secs(1));
    let cycle = released(&mut office, &operator, ASKED).await;
    let terms = format!("quota_per_second = 50\nburst = 50\nconcurrency = {concurrency}");
    agreed(&mut office, &terms).await;
    dispatched(&office, &cycle).await;
    office.check(&cycle, "entitled 3", "paid 3 = 1620000").await;
    each_once(&operator);
    office.ends_whole().await;
    operator.in_flight_most()
}

async fn one_request_at_a_time(office: TestOffice) {
    assert_eq!(under_way(office, 1).await, 1);
}

async fn two_requests_at_a_time(office: TestOffice) {
    assert_eq!(under_way(office, 2).await, 2);
}

async fn as_many_requests_as_there_are(office: TestOffice) {
    assert_eq!(under_way(office, 10).await, 3);
}
