//! A month through the sandbox over HTTP, which is a process of its own with books of its own: answers get
//! lost on the way, servers fail after they have booked, ask to slow down, drip, are killed and begin
//! again. Then the sandbox is asked what it credited, and that is what our books say.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use chitra::channels::sandbox::{Sandbox, Totals};
use chitra::disk::RealDisk;
use chitra::domain::batch::BatchState;
use chitra::domain::cycle::Cycle;
use chitra::domain::cycle::CycleKind::Regular;
use serde_json::Value;

use crate::support::mobile_partner::mobile_partner;
use crate::support::office::{TestOffice, on_both_databases, payables_told, run};
use crate::support::real_parts::RealPart;

on_both_databases! { run, RealPart::Postgres;
    payments_one_by_one_with_every_trouble
    a_partner_that_takes_less_than_was_agreed
    a_file_with_every_trouble
    a_file_that_is_refused_as_a_whole
    a_file_whose_requests_are_signed
}

/// The sandbox's process. Killed, it leaves its books.
struct Serving {
    process: Child,
    address: String,
}

impl Serving {
    fn start(dir: &Path, at: &str, script: &str) -> Serving {
        let path = dir.with_extension("toml");
        std::fs::write(&path, script).unwrap();
        let mut process = Command::new(env!("CARGO_BIN_EXE_chitra"))
            .arg("sandbox")
            .arg(dir)
            .args(["--listen", at, "--day", "2026-10-20", "--seed", "7", "--script"])
            .arg(&path)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let address = line.split(['/', ' ']).nth(2).expect("it says where it listens").to_owned();
        Serving { process, address }
    }

    fn killed(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }

    /// One request, without anything between.
    fn asked(&self, method: &str, path: &str) -> Value {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        write!(stream, "{method} {path} HTTP/1.1\r\nhost: here\r\n\r\n").unwrap();
        let mut stream = BufReader::new(stream);
        let (mut line, mut length) = (String::new(), 0);
        while stream.read_line(&mut line).unwrap() > 2 {
            if let Some(text) = line.strip_prefix("content-length: ") {
                length = text.trim().parse().unwrap();
            }
            line.clear();
        }
        let mut body = vec![0; length];
        stream.read_exact(&mut body).unwrap();
        serde_json::from_slice(&body).unwrap()
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn people(count: usize, way: &str) -> Vec<String> {
    (0..count)
        .map(|number| {
            let year = 40 + number % 10;
            let way = way.replace("{n}", &format!("{number:04}"));
            format!(
                "E{number} | 0010{year:02}{:06} | Nguyễn Văn An | 19{year}-03-14 | male | \
                 social_pension/monthly | monthly_pension=0 | {way}",
                number + 101
            )
        })
        .collect()
}

async fn released(office: &mut TestOffice, people: &[String]) -> Cycle {
    office.reopen().await;
    office.on_day("2026-10-20");
    let people: Vec<&str> = people.iter().map(String::as_str).collect();
    office.month("2026-10", &people).await;
    let cycle = office.sealed("2026-10", Regular).await;
    office.released(&cycle, 0).await;
    cycle
}

/// What the partner really credited, from its own books.
fn judged(dir: &Path) -> Totals {
    Sandbox::open(Arc::new(RealDisk), dir).unwrap().totals().unwrap()
}

/// What our books say is paid is what the partner credited, each once.
async fn must_agree(office: &TestOffice, cycle: &Cycle, dir: &Path, partner: &str) {
    let totals = judged(dir);
    assert!(totals.credited_again.is_empty(), "{:?}", totals.credited_again);
    assert!(totals.content_again.is_empty(), "{:?}", totals.content_again);
    let theirs = totals.providers.iter().find(|one| one.provider == partner).unwrap();
    let figures = office.engine.figures(&office.now(cycle).await).await.unwrap();
    let told = payables_told(&figures);
    assert!(!told.contains("pending") && !told.contains("unknown"), "{told}");
    let stay = theirs.credited.sum_minor - theirs.returned.sum_minor;
    let count = theirs.credited.count - theirs.returned.count;
    let paid = if count == 0 { String::new() } else { format!("paid {count} = {stay}") };
    let ours: String = told.split(", ").filter(|part| part.starts_with("paid")).collect();
    assert_eq!(ours, paid, "{told}: {theirs:?}");
}

async fn payments_one_by_one_with_every_trouble(mut office: TestOffice) {
    let dir = office.dir.with_file_name("partners");
    let script = "[mix]\nreject_closed_account = 100\nreject_name = 50\nreturn_closed_account = 0\n\
         return_deceased = 0\nlate = 100\nlose_answer = 100\nanswer_twice = 50\n\
         [around]\nknows_keys = true\nquota_per_second = 50\nclient = \"office:open sesame\"\n\
         [around.requests]\nlose_before = 60\nlose_after = 80\nfail_after = 60\nslow_down = 20\ndrip = 20\n";
    let mut serving = Serving::start(&dir, "127.0.0.1:0", script);
    let path = office.dir.join("chitra.toml");
    let mut text = std::fs::read_to_string(&path).unwrap();
    let more = r#"status_path = "/transactions/of/{reference}"
not_found_is_proof = true
idempotency_header = "X-Correlation-ID"
idempotency_hours = 24
timeout_seconds = 2
[provider.http.oauth]
token_path = "/oauth/token"
client_id = "office"
secret_file = "keys/mobile.secret""#;
    let base_url = format!("http://{}/mobile", serving.address);
    text.push_str(&mobile_partner("mobile", "quota_per_second = 30", &base_url, more));
    std::fs::write(&path, text).unwrap();
    std::fs::write(office.dir.join("keys/mobile.secret"), "open sesame\n").unwrap();
    let cycle = released(&mut office, &people(60, "mobile_money viettel +8490123{n}")).await;
    office.engine.dispatch(Some(cycle.number)).await.unwrap();

    // Killed, it is not there; begun again, it has its books.
    let at = serving.address.clone();
    serving.killed();
    office.engine.dispatch(Some(cycle.number)).await.unwrap();
    serving = Serving::start(&dir, &at, script);
    for _ in 0..20 {
        office.engine.dispatch(Some(cycle.number)).await.unwrap();
        let figures = office.engine.figures(&office.now(&cycle).await).await.unwrap();
        if !payables_told(&figures).contains("unknown") {
            break;
        }
    }
    for day in ["2026-10-22", "2026-10-25", "2026-10-28"] {
        serving.asked("POST", &format!("/day/{day}"));
        office.on_day(day);
        for _ in 0..4 {
            office.engine.collect_all().await.unwrap();
        }
        office.engine.dispatch(Some(cycle.number)).await.unwrap();
    }
    must_agree(&office, &cycle, &dir, "mobile").await;
    let ledger = serving.asked("GET", "/ledger");
    assert_eq!(ledger["over_quota"], 0, "{ledger}");
    assert_eq!(ledger["credited_again"], 0, "{ledger}");
    office.ends_whole().await;
}

/// It takes two requests a second, and the office believes that it takes thirty.
async fn a_partner_that_takes_less_than_was_agreed(mut office: TestOffice) {
    let dir = office.dir.with_file_name("partners");
    let script = "[mix]\nreject_closed_account = 0\nreject_name = 0\nreturn_closed_account = 0\n\
         return_deceased = 0\nlate = 0\nlose_answer = 0\nanswer_twice = 0\n\
         [around]\nquota_per_second = 2\n";
    let serving = Serving::start(&dir, "127.0.0.1:0", script);
    let path = office.dir.join("chitra.toml");
    let mut text = std::fs::read_to_string(&path).unwrap();
    let base_url = format!("http://{}/mobile", serving.address);
    let asked = "status_path = \"/transactions/of/{reference}\"";
    text.push_str(&mobile_partner("mobile", "quota_per_second = 30", &base_url, asked));
    std::fs::write(&path, text).unwrap();
    let cycle = released(&mut office, &people(12, "mobile_money viettel +8490123{n}")).await;
    office.engine.dispatch(Some(cycle.number)).await.unwrap();
    // What it had no time for is kept, and goes when the office looks again.
    for _ in 0..8 {
        office.engine.dispatch(Some(cycle.number)).await.unwrap();
    }
    let ledger = serving.asked("GET", "/ledger");
    assert!(ledger["over_quota"].as_u64() > Some(0), "{ledger}");
    office.check(&cycle, "entitled 12", "paid 12 = 6480000").await;
    must_agree(&office, &cycle, &dir, "mobile").await;
    office.ends_whole().await;
}

/// The office with its wallet over HTTP.
fn by_http(office: &TestOffice, address: &str) {
    let path = office.dir.join("chitra.toml");
    let text = std::fs::read_to_string(&path).unwrap();
    let folders = "taken_kept_days = 30\ninbox = \"wallet/inbox\"\noutbox = \"wallet/outbox\"\ntaken = \"wallet/taken\"\n";
    assert!(text.contains(folders));
    let http = format!(
        r#"quota_per_second = 50
[provider.http]
kind = "files"
base_url = "http://{address}/wallet"
send_path = "/files/{{name}}"
status_path = "/files/{{name}}"
answers_path = "/answers"
not_found_is_proof = true
idempotency_header = "Idempotency-Key"
timeout_seconds = 2
"#
    );
    std::fs::write(&path, text.replace(folders, &http)).unwrap();
}

async fn a_file_with_every_trouble(mut office: TestOffice) {
    let dir = office.dir.with_file_name("partners");
    let script = "[mix]\nreject_closed_account = 200\nreject_name = 0\nreturn_closed_account = 200\n\
         return_deceased = 100\nlate = 100\nlose_answer = 0\nanswer_twice = 100\n\
         [around]\n[around.requests]\nlose_before = 100\nlose_after = 150\nfail_after = 50\nslow_down = 5\n\
         [around.files]\nwrong_total = 1000\n";
    let serving = Serving::start(&dir, "127.0.0.1:0", script);
    by_http(&office, &serving.address);
    let cycle = released(&mut office, &people(20, "ewallet momo 090123{n}")).await;
    let mut told = Vec::new();
    for _ in 0..40 {
        let done = office.engine.dispatch(Some(cycle.number)).await.unwrap();
        told.extend(done.iter().map(|one| format!("{}: {}", one.state, one.detail)));
        let batches = office.engine.store.batches(cycle.number).await.unwrap();
        if batches.iter().all(|batch| batch.state == BatchState::Delivered) {
            break;
        }
    }
    assert!(told.last().is_some_and(|last| last.starts_with("delivered")), "{told:#?}");
    let mut refused = 0;
    for day in ["2026-10-20", "2026-10-21", "2026-10-24", "2026-10-27", "2026-10-30", "2026-11-03"]
    {
        serving.asked("POST", &format!("/day/{day}"));
        office.on_day(day);
        for _ in 0..4 {
            let collected = office.engine.collect_all().await.unwrap();
            let errors = collected.iter().filter_map(|one| one.as_ref().err());
            refused += errors.filter(|(name, _)| name.contains("-wrong-")).count();
        }
    }
    assert!(refused > 0, "an answer whose sum is wrong is refused whole");
    must_agree(&office, &cycle, &dir, "wallet").await;
    office.ends_whole().await;
}

async fn a_file_whose_requests_are_signed(mut office: TestOffice) {
    let dir = office.dir.with_file_name("partners");
    let key = office.dir.join("keys/wallet.secret");
    std::fs::write(&key, "another\n").unwrap();
    std::fs::write(office.dir.join("their.secret"), "open sesame\n").unwrap();
    let script = format!(
        "[mix]\nreject_closed_account = 0\nreject_name = 0\nreturn_closed_account = 0\nreturn_deceased = 0\n\
         late = 0\nlose_answer = 0\nanswer_twice = 0\n[around.signing]\nalgorithm = \"hmac-sha256\"\nkey_file = \"{}\"\n",
        office.dir.join("their.secret").display()
    );
    let serving = Serving::start(&dir, "127.0.0.1:0", &script);
    by_http(&office, &serving.address);
    let path = office.dir.join("chitra.toml");
    let text = std::fs::read_to_string(&path).unwrap();
    let last = "timeout_seconds = 2\n";
    assert_eq!(text.matches(last).count(), 1);
    let signing =
        "[provider.http.signing]\nalgorithm = \"hmac-sha256\"\nkey_file = \"keys/wallet.secret\"\n";
    std::fs::write(&path, text.replace(last, &format!("{last}{signing}"))).unwrap();
    let cycle = released(&mut office, &people(5, "ewallet momo 090123{n}")).await;
    let told = office.engine.dispatch(Some(cycle.number)).await.unwrap();
    assert_eq!(told[0].state, BatchState::Released, "{}", told[0].detail);
    assert!(told[0].detail.contains("credentials or signature (401"), "{}", told[0].detail);
    let credited = |ledger: Value| {
        let providers = ledger["providers"].as_array().unwrap().clone();
        let wallet = providers.into_iter().find(|one| one["provider"] == "wallet").unwrap();
        wallet["credited"]["count"].as_u64().unwrap()
    };
    assert_eq!(credited(serving.asked("GET", "/ledger")), 0);
    // Nothing is collected either.
    assert!(office.engine.collect_all().await.unwrap().iter().all(Result::is_err));
    std::fs::write(&key, "open sesame\n").unwrap();
    office.reopen().await;
    let told = office.engine.dispatch(Some(cycle.number)).await.unwrap();
    assert_eq!(told[0].state, BatchState::Delivered, "{}", told[0].detail);
    for day in ["2026-10-20", "2026-10-27", "2026-11-03"] {
        serving.asked("POST", &format!("/day/{day}"));
        office.on_day(day);
        office.engine.collect_all().await.unwrap();
    }
    must_agree(&office, &cycle, &dir, "wallet").await;
    office.ends_whole().await;
}

async fn a_file_that_is_refused_as_a_whole(mut office: TestOffice) {
    let dir = office.dir.with_file_name("partners");
    let serving = Serving::start(&dir, "127.0.0.1:0", "[around.files]\nrefuse = 1000\n");
    by_http(&office, &serving.address);
    let cycle = released(&mut office, &people(3, "ewallet momo 090123{n}")).await;
    let done = office.engine.dispatch(Some(cycle.number)).await.unwrap();
    assert_eq!(done[0].detail, "delivered and read back", "{done:?}");
    office.engine.collect_all().await.unwrap();
    office.check(&cycle, "entitled 3", "rejected 3 = 1620000").await;
    must_agree(&office, &cycle, &dir, "wallet").await;
    office.ends_whole().await;
}
