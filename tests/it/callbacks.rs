//! What partners send by themselves: kept when it is signed, of now and whole, applied once however often
//! it comes, and nothing of it when anything is wrong with it.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, SystemTime};

use chitra::channels::callbacks::{BODY_BYTES_MAX, receive_within};
use chitra::channels::http::{Secret, Signing, canonical_request, sign, sign_hmac, utc};
use chitra::channels::sandbox::operator::{Operator, OperatorRules, Twist};
use chitra::domain::cycle::Cycle;
use chitra::domain::cycle::CycleKind::Regular;

use crate::support::mobile_partner::mobile_partner;
use crate::support::office::{MAKER, TestOffice, key, on_both_databases, refused, run};
use crate::support::real_parts::RealPart;
use crate::support::rsa_pair::rsa_pair;

on_both_databases! { run, RealPart::Postgres;
    a_payment_is_told_by_a_callback_once
    what_the_operator_takes_back_is_told_by_a_callback
    an_answer_file_comes_as_a_callback
    a_callback_that_is_signed_with_rsa_counts
    nothing_is_kept_of_what_is_not_the_partners
    hostile_connections_end
}

const AN: &str = "E1 | 001044000101 | Nguyễn Văn An | 1944-03-14 | male | social_pension/monthly | monthly_pension=0 | mobile_money viettel +84901234561";
const BINH: &str = "E2 | 001145000102 | Trần Thị Bình | 1945-07-02 | female | social_pension/monthly | monthly_pension=0 | ewallet momo 0901234562";
const SECRET: &str = "open sesame";
const PATH: &str = "/callbacks/operator";

/// An office with an operator and a wallet that send callbacks, a month that is released, and the
/// address where callbacks are taken.
async fn listening(office: &mut TestOffice, operator: &Operator) -> (Cycle, SocketAddr) {
    let path = office.dir.join("chitra.toml");
    let text = std::fs::read_to_string(&path).unwrap();
    let callbacks =
        "[provider.callbacks]\nalgorithm = \"hmac-sha256\"\nkey_file = \"keys/callbacks\"\n";
    let taken = "taken = \"wallet/taken\"\n";
    let mut text = text.replace(taken, &format!("{taken}{callbacks}"));
    let base_url = operator.base_url();
    text.push_str(&mobile_partner("operator", "quota_per_second = 50", &base_url, callbacks));
    std::fs::write(&path, text).unwrap();
    std::fs::write(office.dir.join("keys/callbacks"), SECRET).unwrap();
    office.reopen().await;
    office.on_day("2026-10-20");
    office.month("2026-10", &[AN, BINH]).await;
    let cycle = office.sealed("2026-10", Regular).await;
    office.released(&cycle, 0).await;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let callbacks = office.engine.callbacks().unwrap();
    tokio::spawn(receive_within(listener, callbacks, Duration::from_secs(2)));
    (cycle, address)
}

/// Posts a body; gives the status. A connection that is closed without one is 0.
async fn posted(address: SocketAddr, path: &str, headers: &[(&str, &str)], body: &[u8]) -> u16 {
    let mut head = format!("POST {path} HTTP/1.1\r\nhost: here\r\nconnection: close\r\n");
    for (name, value) in headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    head.push_str(&format!("content-length: {}\r\n\r\n", body.len()));
    let bytes = [head.as_bytes(), body].concat();
    sent(address, bytes).await
}

async fn sent(address: SocketAddr, bytes: Vec<u8>) -> u16 {
    tokio::task::spawn_blocking(move || {
        let mut stream = TcpStream::connect(address).unwrap();
        // What refuses early may close before it has read all.
        let _ = stream.write_all(&bytes);
        let mut said = Vec::new();
        let _ = stream.read_to_end(&mut said);
        let said = String::from_utf8_lossy(&said).into_owned();
        said.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0)
    })
    .await
    .unwrap()
}

fn now() -> String {
    format!("{}Z", utc(SystemTime::now()))
}

fn signature(path: &str, at: &str, body: &[u8]) -> String {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("secret");
    std::fs::write(&file, SECRET).unwrap();
    sign_hmac(&Secret::of_file(&file).unwrap(), &canonical_request("POST", path, at, "", body))
}

async fn signed(address: SocketAddr, path: &str, body: &[u8]) -> u16 {
    let at = now();
    let signature = signature(path, &at, body);
    posted(address, path, &[("x-date", &at), ("x-signature", &signature)], body).await
}

fn kept(office: &TestOffice, partner: &str, ending: &str) -> usize {
    let folder = std::fs::read_dir(office.dir.join("callbacks").join(partner)).unwrap();
    folder
        .filter(|one| one.as_ref().unwrap().path().extension().is_some_and(|end| end == ending))
        .count()
}

fn rules() -> OperatorRules {
    OperatorRules::default()
}

/// What the operator calls back of the first payment that it credited.
fn first_is_completed(operator: &Operator) -> String {
    let reference = &operator.credits()[0].0;
    format!(
        "{{\"requestingOrganisationTransactionReference\":\"{reference}\",\"transactionStatus\":\"completed\",\
          \"amount\":\"540000\",\"currency\":\"VND\",\"transactionReference\":\"MM1\"}}"
    )
}

async fn a_payment_is_told_by_a_callback_once(mut office: TestOffice) {
    let operator = Operator::start(rules()).await.unwrap();
    let (cycle, address) = listening(&mut office, &operator).await;
    operator.script(&[Twist::LoseAnswerAfterBooking]);
    office.engine.dispatch(Some(cycle.number)).await.unwrap();
    office.check(&cycle, "entitled 2", "pending 1 = 540000, unknown 1 = 540000").await;
    let body = first_is_completed(&operator);
    for _ in 0..2 {
        assert_eq!(signed(address, PATH, body.as_bytes()).await, 200);
    }
    assert_eq!(kept(&office, "operator", "answer"), 1, "the same word is one file");
    let collected = office.engine.collect_all().await.unwrap();
    assert_eq!(collected.len(), 1, "{collected:?}");
    office.check(&cycle, "entitled 2", "pending 1 = 540000, paid 1 = 540000").await;
    assert_eq!(kept(&office, "operator", "answer"), 0);
    // It comes again, days later, and changes nothing.
    assert_eq!(signed(address, PATH, body.as_bytes()).await, 200);
    let before = office.snapshot().await;
    assert!(office.engine.collect_all().await.unwrap().is_empty());
    assert_eq!(office.snapshot().await, before);
    // A word that nobody understands is refused and told each time, until an officer sets it aside.
    assert_eq!(signed(address, PATH, b"{\"what\":1}").await, 200);
    for _ in 0..2 {
        let collected = office.engine.collect_all().await.unwrap();
        assert!(matches!(collected.as_slice(), [Err(_)]), "{collected:?}");
    }
    assert_eq!(kept(&office, "operator", "answer"), 1);
    let open = office.engine.store.discrepancies().await.unwrap();
    let [(number, _)] = open.as_slice() else { panic!("{open:?}") };
    let engine = &office.engine;
    engine.discrepancy_resolve(*number, "a test of theirs", MAKER, &key(MAKER)).await.unwrap();
    assert!(office.engine.collect_all().await.unwrap().is_empty());
    assert_eq!(kept(&office, "operator", "refused"), 1, "it is kept");
    assert!(office.engine.collect_all().await.unwrap().is_empty());
    office.ends_whole().await;
}

async fn what_the_operator_takes_back_is_told_by_a_callback(mut office: TestOffice) {
    let operator = Operator::start(rules()).await.unwrap();
    let (cycle, address) = listening(&mut office, &operator).await;
    office.engine.dispatch(Some(cycle.number)).await.unwrap();
    office.check(&cycle, "entitled 2", "pending 1 = 540000, paid 1 = 540000").await;
    office.on_day("2026-10-23");
    let body = first_is_completed(&operator).replace("completed", "reversed");
    assert_eq!(signed(address, PATH, body.as_bytes()).await, 200);
    office.engine.collect_all().await.unwrap();
    office.check(&cycle, "entitled 2", "pending 1 = 540000, returned 1 = 540000").await;
    // No reason was said: a person has to look at it before it is ordered again. The word comes again meanwhile.
    let again = office.engine.reissue(&office.now(&cycle).await).await.unwrap();
    assert_eq!((again.ordered, again.waiting.len()), (0, 1), "{again:?}");
    assert_eq!(signed(address, PATH, body.as_bytes()).await, 200);
    let before = office.snapshot().await;
    assert!(office.engine.collect_all().await.unwrap().is_empty());
    assert_eq!(office.snapshot().await, before);
    office.ends_whole().await;
}

async fn an_answer_file_comes_as_a_callback(mut office: TestOffice) {
    let operator = Operator::start(rules()).await.unwrap();
    let (cycle, address) = listening(&mut office, &operator).await;
    office.engine.dispatch(Some(cycle.number)).await.unwrap();
    let said = office.said(&cycle, "E2", 1, "SUCCESS", "").await;
    let sheet = format!(
        "partner_reference,wallet_id,amount,currency,status,reason_code,message,transaction_id,completed_at\n\
         {},0901234562,{},VND,SUCCESS,,,W1,2026-10-20\nTOTAL,1,{},VND,,,,,\n",
        said.reference, said.amount_minor, said.amount_minor
    );
    assert_eq!(signed(address, "/callbacks/wallet", sheet.as_bytes()).await, 200);
    office.engine.collect_all().await.unwrap();
    office.check(&cycle, "entitled 2", "paid 2 = 1080000").await;
    office.ends_whole().await;
}

async fn a_callback_that_is_signed_with_rsa_counts(mut office: TestOffice) {
    let operator = Operator::start(rules()).await.unwrap();
    let (theirs, public) = rsa_pair(&office.dir);
    let (cycle, _) = listening(&mut office, &operator).await;
    let path = office.dir.join("chitra.toml");
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, text.replace("hmac-sha256", "rsa-sha256")).unwrap();
    std::fs::copy(public, office.dir.join("keys/callbacks")).unwrap();
    office.reopen().await;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let callbacks = office.engine.callbacks().unwrap();
    tokio::spawn(receive_within(listener, callbacks, Duration::from_secs(2)));
    operator.script(&[Twist::LoseAnswerAfterBooking]);
    office.engine.dispatch(Some(cycle.number)).await.unwrap();
    office.check(&cycle, "entitled 2", "pending 1 = 540000, unknown 1 = 540000").await;
    let body = first_is_completed(&operator);
    let (at, body) = (now(), body.as_bytes());
    let signing = Signing::Rsa { key_file: theirs, header: String::new() };
    let signed =
        |body: &[u8]| sign(&signing, &canonical_request("POST", PATH, &at, "", body)).unwrap();
    let (right, of_another) = (signed(body), signed(b"{}"));
    let by_hmac = signature(PATH, &at, body);
    for (signature, status) in [(&of_another, 401), (&by_hmac, 401), (&right, 200)] {
        let headers = [("x-date", at.as_str()), ("x-signature", signature)];
        assert_eq!(posted(address, PATH, &headers, body).await, status);
    }
    office.engine.collect_all().await.unwrap();
    office.check(&cycle, "entitled 2", "pending 1 = 540000, paid 1 = 540000").await;
    office.ends_whole().await;
}

async fn nothing_is_kept_of_what_is_not_the_partners(mut office: TestOffice) {
    refused(office.engine.callbacks().map(|_| ()), "N162");
    let operator = Operator::start(rules()).await.unwrap();
    let (_, address) = listening(&mut office, &operator).await;
    let body = b"{}";
    let at = now();
    let right = signature(PATH, &at, body);
    let stale = "2026-10-20T00:00:00Z";
    let of_stale = signature(PATH, stale, body);
    let of_another_path = signature("/callbacks/wallet", &at, body);
    let of_another_body = signature(PATH, &at, b"{ }");
    let cases = [
        (PATH, vec![], 401),
        (PATH, vec![("x-date", at.as_str())], 401),
        (PATH, vec![("x-signature", &right)], 401),
        (PATH, vec![("x-date", stale), ("x-signature", &of_stale)], 401),
        (PATH, vec![("x-date", &at), ("x-signature", &of_another_path)], 401),
        (PATH, vec![("x-date", &at), ("x-signature", &of_another_body)], 401),
        (PATH, vec![("x-date", &at), ("x-signature", "no base64")], 401),
        ("/callbacks/nobody", vec![("x-date", &at), ("x-signature", &right)], 404),
        ("/callbacks/..%2f..%2fkeys", vec![("x-date", &at), ("x-signature", &right)], 404),
    ];
    for (path, headers, status) in cases {
        assert_eq!(posted(address, path, &headers, body).await, status, "{path} {headers:?}");
    }
    assert_eq!(kept(&office, "operator", "answer"), 0);
    assert_eq!(posted(address, PATH, &[("x-date", &at), ("x-signature", &right)], body).await, 200);
    assert_eq!(kept(&office, "operator", "answer"), 1);
    office.ends_whole().await;
}

async fn hostile_connections_end(mut office: TestOffice) {
    let operator = Operator::start(rules()).await.unwrap();
    let (_, address) = listening(&mut office, &operator).await;
    let too_long = vec![b'x'; BODY_BYTES_MAX + 1];
    assert!(matches!(signed(address, PATH, &too_long).await, 413 | 0), "it is refused by its size");
    for hostile in [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03".to_vec(),
        b"POST /callbacks/operator HTTP/1.1\r\ncontent-length: 99999999999999999999\r\n\r\n".to_vec(),
        b"POST /callbacks/operator HTTP/1.1\r\nhost: here\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n".to_vec(),
        format!("POST /{} HTTP/1.1\r\n\r\n", "a".repeat(200_000)).into_bytes(),
        format!("POST {PATH} HTTP/1.1\r\nx: {}\r\n\r\n", "a".repeat(2_000_000)).into_bytes(),
        b"GET /callbacks/operator HTTP/1.1\r\nhost: here\r\nconnection: close\r\n\r\n".to_vec(),
    ] {
        let status = sent(address, hostile).await;
        assert!(status == 0 || (400..500).contains(&status), "{status}");
    }
    // Who sends a byte now and then is cut off at the time of a connection; so is who sends nothing.
    let mut slow: Vec<TcpStream> = (0..70).map(|_| TcpStream::connect(address).unwrap()).collect();
    for stream in &mut slow {
        let _ = stream.write_all(b"POST /callbacks/operator HTTP/1.1\r\nhost: ");
    }
    assert_eq!(signed(address, PATH, b"{}").await, 200, "the door opens again");
    drop(slow);
    assert_eq!(kept(&office, "operator", "answer"), 1);
    office.ends_whole().await;
}
