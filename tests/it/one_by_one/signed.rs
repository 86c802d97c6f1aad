//! An operator that looks at the signatures of requests: it takes what is signed as was agreed, and nothing else.

use chitra::channels::http::Signing;
use chitra::channels::sandbox::operator::{Operator, OperatorRules, Twist};

use super::{ASKED, KEYS, dispatched, each_once, released, rules};
use crate::support::office::{TestOffice, on_both_databases, run};
use crate::support::real_parts::RealPart;
use crate::support::rsa_pair::rsa_pair;

on_both_databases! { run, RealPart::Postgres;
    a_month_of_requests_signed_by_hmac
    a_month_of_requests_signed_by_rsa
    with_a_wrong_key_nothing_is_credited
    without_a_signature_nothing_is_credited
}

fn signing(algorithm: &str) -> String {
    format!(
        "[provider.http.signing]\nalgorithm = \"{algorithm}\"\nkey_file = \"keys/operator\"\nheader = \"X-Our-Signature\"\n"
    )
}

fn header() -> String {
    "X-Our-Signature".to_owned()
}

/// The operator looks for signatures by the secret that it holds.
fn by_hmac(office: &TestOffice, operator: &Operator, secret: &str) {
    let secret_file = office.dir.join("their.secret");
    std::fs::write(&secret_file, secret).unwrap();
    operator.must_be_signed(Signing::Hmac { secret_file, header: header() });
}

async fn a_month_of_requests_signed_by_hmac(mut office: TestOffice) {
    let operator = Operator::start(OperatorRules { knows_keys: true, ..rules() }).await.unwrap();
    by_hmac(&office, &operator, "open sesame");
    std::fs::write(office.dir.join("keys/operator"), "open sesame\n").unwrap();
    let more = format!("{ASKED}\n{KEYS}\n{}", signing("hmac-sha256"));
    let cycle = released(&mut office, &operator, &more).await;
    // Repeated under its key, and asked about: each is signed anew.
    operator.script(&[Twist::FailAfterBooking, Twist::LoseAnswerBeforeBooking, Twist::Later]);
    dispatched(&office, &cycle).await;
    dispatched(&office, &cycle).await;
    office.engine.collect_all().await.unwrap();
    office.check(&cycle, "entitled 3", "paid 3 = 1620000").await;
    each_once(&operator);
    office.ends_whole().await;
}

/// No header carries a key, so that none is signed.
async fn a_month_of_requests_signed_by_rsa(mut office: TestOffice) {
    let operator = Operator::start(rules()).await.unwrap();
    let (private, public) = rsa_pair(&office.dir);
    std::fs::copy(private, office.dir.join("keys/operator")).unwrap();
    operator.must_be_signed(Signing::Rsa { key_file: public, header: header() });
    let more = format!("{ASKED}\n{}", signing("rsa-sha256"));
    let cycle = released(&mut office, &operator, &more).await;
    operator.script(&[Twist::LoseAnswerAfterBooking]);
    dispatched(&office, &cycle).await;
    office.check(&cycle, "entitled 3", "unknown 1 = 540000, paid 2 = 1080000").await;
    dispatched(&office, &cycle).await;
    office.check(&cycle, "entitled 3", "paid 3 = 1620000").await;
    each_once(&operator);
    office.ends_whole().await;
}

async fn with_a_wrong_key_nothing_is_credited(mut office: TestOffice) {
    let operator = Operator::start(rules()).await.unwrap();
    by_hmac(&office, &operator, "open sesame");
    let key = office.dir.join("keys/operator");
    std::fs::write(&key, "wrong-key").unwrap();
    let more = format!("{ASKED}\n{KEYS}\n{}", signing("hmac-sha256"));
    let cycle = released(&mut office, &operator, &more).await;
    for _ in 0..2 {
        let told = dispatched(&office, &cycle).await;
        assert!(told.contains("0 requests sent"), "{told}");
        assert!(told.contains("credentials or signature (401"), "{told}");
        assert!(!told.contains("wrong-key"), "{told}");
    }
    assert!(operator.credits().is_empty() && operator.posted().is_empty());
    // With the right key everything is paid, each once.
    std::fs::write(&key, "open sesame").unwrap();
    office.reopen().await;
    assert_eq!(dispatched(&office, &cycle).await, "delivered: 3 requests sent, 0 asked about");
    office.check(&cycle, "entitled 3", "paid 3 = 1620000").await;
    each_once(&operator);
    office.ends_whole().await;
}

async fn without_a_signature_nothing_is_credited(mut office: TestOffice) {
    let operator = Operator::start(rules()).await.unwrap();
    by_hmac(&office, &operator, "open sesame");
    let cycle = released(&mut office, &operator, ASKED).await;
    let told = dispatched(&office, &cycle).await;
    assert!(told.contains("0 requests sent"), "{told}");
    assert!(operator.credits().is_empty() && operator.posted().is_empty());
    office.ends_whole().await;
}
