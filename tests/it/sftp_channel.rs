//! SFTP against OpenSSH's own server, over a line that is cut at every place, and against a server
//! that breaks its promises: a delivery is made, not made, or unknown, and nothing is written over.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use chitra::channels::sandbox::{
    BehaviourMix, ProviderKind, Sandbox, SandboxConfig, SandboxProvider, Script, Tally,
};
use chitra::channels::sftp::{HostKey, SftpChannel, Site};
use chitra::channels::{Channel, DeliveryOutcome, Parcel, QueryOutcome};
use chitra::disk::RealDisk;
use chitra::disk::file_name::FileName;
use chitra::domain::cycle::CycleKind::Regular;
use chitra::domain::digest::Digest;
use chitra::domain::money::{Currency, Money};
use chitra::domain::payable::PayableState;
use jiff::civil::date;

use crate::support::office::{Base, TestOffice, run};
use crate::support::real_parts::{RealPart, real_part};
use crate::support::sftp::{
    Breaks, FalseServer, HOSTILE, Line, Passes, Sshd, new_key, public_line, times,
};

const NAME: &str = "HN-PROD-202611-0001.csv";

/// Several packets long, and not a whole number of them.
fn bytes() -> Vec<u8> {
    (0..200_001_u32).map(|at| (at % 251) as u8).collect()
}

fn name(text: &str) -> FileName {
    FileName::parse(text).unwrap()
}

fn channel(site: &Site) -> SftpChannel {
    SftpChannel::new(site.clone(), 1000)
}

fn deliver(site: &Site, bytes: &[u8]) -> DeliveryOutcome {
    let mut source = bytes;
    channel(site).deliver(Parcel {
        name: name(NAME),
        source: &mut source,
        digest: Digest::of(bytes),
        count: 2,
        total: Money::from_minor(1_250_000, Currency::VND),
    })
}

fn query(site: &Site, bytes: &[u8]) -> QueryOutcome {
    channel(site).query(&name(NAME), &Digest::of(bytes))
}

#[track_caller]
fn delivered(outcome: DeliveryOutcome, bytes: &[u8], again: bool) {
    match outcome {
        DeliveryOutcome::Delivered(delivery) => {
            assert_eq!(delivery.digest, Digest::of(bytes));
            assert_eq!(delivery.bytes, bytes.len() as u64);
            assert_eq!(delivery.already_there, again);
        }
        other => panic!("not delivered: {other:?}"),
    }
}

#[track_caller]
fn not_delivered(outcome: DeliveryOutcome, code: &str) {
    match outcome {
        DeliveryOutcome::NotDelivered(reason) => assert_eq!(reason.code, code, "{reason}"),
        other => panic!("should be refused as {code}: {other:?}"),
    }
}

#[track_caller]
fn unknown(outcome: DeliveryOutcome, code: &str) {
    match outcome {
        DeliveryOutcome::Unknown(reason) => assert_eq!(reason.code, code, "{reason}"),
        other => panic!("should be unknown as {code}: {other:?}"),
    }
}

fn only(bytes: &[u8]) -> BTreeMap<String, Vec<u8>> {
    BTreeMap::from([(NAME.to_owned(), bytes.to_vec())])
}

#[test]
fn a_parcel_is_delivered_once_and_never_over_another() {
    let Some(program) = real_part(RealPart::Sftp) else { return };
    let server = Sshd::start(&program);
    let (site, bytes) = (server.site(), bytes());
    assert_eq!(query(&site, &bytes), QueryOutcome::NotThere);
    delivered(deliver(&site, &bytes), &bytes, false);
    assert_eq!(server.files("inbox"), only(&bytes), "byte for byte, and nothing beside it");
    delivered(deliver(&site, &bytes), &bytes, true);
    assert_eq!(query(&site, &bytes), QueryOutcome::Held { bytes: bytes.len() as u64 });

    not_delivered(deliver(&site, b"other"), "V204");
    assert_eq!(query(&site, b"other"), QueryOutcome::DifferentBytes { found: Digest::of(&bytes) });
    assert_eq!(server.files("inbox"), only(&bytes), "what is there stays as it is");

    // The partner takes it: found there, and not delivered again.
    fs::rename(server.path("inbox").join(NAME), server.path("taken").join(NAME)).unwrap();
    assert_eq!(query(&site, &bytes), QueryOutcome::Held { bytes: bytes.len() as u64 });
    delivered(deliver(&site, &bytes), &bytes, true);
    not_delivered(deliver(&site, b"other"), "V204");
    assert!(server.files("inbox").is_empty());

    fs::remove_dir_all(server.path("taken")).unwrap();
    not_delivered(deliver(&site, &bytes), "N118");
    let QueryOutcome::Unavailable(reason) = query(&site, &bytes) else {
        panic!("a missing folder is no answer")
    };
    assert_eq!(reason.code, "N118");
}

#[test]
fn nothing_goes_to_a_server_that_is_not_the_pinned_one_or_does_not_know_us() {
    let Some(program) = real_part(RealPart::Sftp) else { return };
    let server = Sshd::start(&program);
    let site = server.site();
    let other = public_line(&new_key(&server.path("other")));
    let rsa = "ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAABAQDRkSGs0Nf7ZGpOgGyGvhIUiFXwZDrXTbJ3Rgxl0iIeBYWMvXZXyJ3wJ1GzEzFf8SVZJo3nV6hHbOJjvV0pqVZB";
    assert!(HostKey::parse(rsa).is_err(), "half a key is none");
    let print = format!("SHA256:{}", "A".repeat(43));
    for pin in [other.as_str(), &print] {
        let site = Site { host_key: HostKey::parse(pin).unwrap(), ..site.clone() };
        not_delivered(deliver(&site, b"bytes"), "N110");
        assert_eq!(channel(&site).answers().unwrap_err().code(), "N110");
    }
    let stranger = Site { key_file: server.path("other"), ..site.clone() };
    not_delivered(deliver(&stranger, b"bytes"), "N112");
    let missing = Site { key_file: server.path("nowhere"), ..site.clone() };
    not_delivered(deliver(&missing, b"bytes"), "N111");
    let no_key = Site { key_file: server.path("config"), ..site.clone() };
    not_delivered(deliver(&no_key, b"bytes"), "N111");
    let nobody = Site { port: 1, ..site.clone() };
    not_delivered(deliver(&nobody, b"bytes"), "N113");
    assert!(server.files("inbox").is_empty());
    let told = format!("{:?}", channel(&site));
    assert!(!told.contains(&server.folder.path().display().to_string()), "{told}");
}

#[test]
fn a_parcel_is_not_delivered_when_the_disk_of_the_server_is_full() {
    let Some(program) = real_part(RealPart::Sftp) else { return };
    let server = Sshd::with_a_full_disk(&program, 100);
    not_delivered(deliver(&server.site(), &bytes()), "N116");
    assert!(server.files("inbox").is_empty(), "the part is taken away");
    delivered(deliver(&server.site(), b"short"), b"short", false);
}

/// The line breaks after so many bytes, at every stage of the operation: what is said is true, and
/// what is tried again is whole.
#[test]
fn what_is_said_is_true_wherever_the_line_breaks() {
    let Some(program) = real_part(RealPart::Sftp) else { return };
    let server = Sshd::start(&program);
    let line = Line::to(server.port);
    let site = Site { port: line.port, ..server.site() };
    let bytes = &bytes()[..40_000];
    delivered(deliver(&site, bytes), bytes, false);
    let (up, down) = line.passed();
    let mut told: BTreeMap<(&str, bool), u32> = BTreeMap::new();
    let mut places: Vec<Passes> =
        (0..8).map(|at| Passes { to_server: 1 + up * at / 8, ..Passes::ALL }).collect();
    // The answer to the rename comes before the second reading back: everything around it closely.
    let second = bytes.len() as u64 + 1_500;
    let first = down.saturating_sub(second);
    places.extend((0..8).map(|at| Passes { to_client: 1 + first * at / 8, ..Passes::ALL }));
    places.extend((0..32).map(|at| Passes { to_client: first + at * 45, ..Passes::ALL }));
    for passes in places {
        fs::remove_file(server.path("inbox").join(NAME)).unwrap();
        line.lets_pass(passes);
        let outcome = deliver(&site, bytes);
        let there = server.files("inbox").remove(NAME);
        assert!(there.as_deref().is_none_or(|found| found == bytes), "a name has whole files only");
        let word = match outcome {
            DeliveryOutcome::Delivered(_) => {
                assert!(there.is_some());
                "delivered"
            }
            DeliveryOutcome::NotDelivered(reason) => {
                assert!(there.is_none(), "{reason}");
                "not delivered"
            }
            DeliveryOutcome::Unknown(_) => "unknown",
        };
        *told.entry((word, there.is_some())).or_default() += 1;
        line.lets_pass(Passes::ALL);
        let asked = query(&site, bytes);
        match word {
            "delivered" => assert!(matches!(asked, QueryOutcome::Held { .. }), "{asked:?}"),
            "not delivered" => assert_eq!(asked, QueryOutcome::NotThere),
            _ => assert!(matches!(asked, QueryOutcome::Held { .. } | QueryOutcome::NotThere)),
        }
        assert!(matches!(deliver(&site, bytes), DeliveryOutcome::Delivered(_)));
        let left = server.files("inbox");
        assert_eq!(left, only(bytes), "abandoned parts are taken away by the next attempt");
    }
    assert!(told.contains_key(&("unknown", true)), "the answer to a rename was lost: {told:?}");
    assert!(told.contains_key(&("not delivered", false)), "{told:?}");
}

#[test]
fn a_kill_in_the_middle_leaves_a_part_and_the_next_attempt_is_whole() {
    let Some(program) = real_part(RealPart::Sftp) else { return };
    let server = Sshd::start(&program);
    let line = Line::to(server.port);
    line.lets_pass(Passes { to_server: 100_000, ..Passes::ALL });
    let bytes = bytes();
    let cut = Site { port: line.port, ..server.site() };
    assert!(matches!(deliver(&cut, &bytes), DeliveryOutcome::NotDelivered(_)));
    let left = server.files("inbox");
    let parts: Vec<&String> = left.keys().collect();
    assert_eq!(parts.len(), 1, "{parts:?}");
    assert!(parts[0].starts_with(&format!(".{NAME}.")) && parts[0].ends_with(".part"));
    assert!(left[parts[0]].len() < bytes.len());
    fs::write(server.path("inbox").join(".other.csv.0.part"), "another's").unwrap();
    delivered(deliver(&server.site(), &bytes), &bytes, false);
    let names: Vec<String> = server.files("inbox").into_keys().collect();
    assert_eq!(names, [".other.csv.0.part", NAME], "only parts of this file are taken away");
}

#[test]
fn a_server_that_falls_silent_is_given_up_in_time() {
    let Some(program) = real_part(RealPart::Sftp) else { return };
    let server = Sshd::start(&program);
    let line = Line::to(server.port);
    let site = Site { port: line.port, times: times(2), ..server.site() };
    for to_client in [1, 1_000, 30_000] {
        line.lets_pass(Passes { to_client, then_silence: true, ..Passes::ALL });
        let begun = Instant::now();
        not_delivered(deliver(&site, &bytes()), "N114");
        assert!(begun.elapsed() < Duration::from_secs(8), "{:?}", begun.elapsed());
        assert!(!server.files("inbox").contains_key(NAME));
    }
}

#[test]
fn a_promise_that_the_server_breaks_is_found() {
    let bytes = bytes();
    let server = FalseServer::start(Breaks::Nothing);
    delivered(deliver(&server.site, &bytes), &bytes, false);

    let server = FalseServer::start(Breaks::AnswerOfRename);
    unknown(deliver(&server.site, &bytes), "N124");
    assert_eq!(query(&server.site, &bytes), QueryOutcome::Held { bytes: bytes.len() as u64 });

    let server = FalseServer::start(Breaks::RenameLoses);
    unknown(deliver(&server.site, &bytes), "N126");
    assert_eq!(query(&server.site, &bytes), QueryOutcome::NotThere);

    let server = FalseServer::start(Breaks::RenameChanges);
    unknown(deliver(&server.site, &bytes), "N125");
    assert!(matches!(query(&server.site, &bytes), QueryOutcome::DifferentBytes { .. }));

    let server = FalseServer::start(Breaks::WriteChanges);
    not_delivered(deliver(&server.site, &bytes), "N123");
    assert!(server.files.lock().unwrap().is_empty(), "nothing stays of what reads back wrong");

    let server = FalseServer::start(Breaks::Drips);
    let begun = Instant::now();
    not_delivered(deliver(&server.site, b"short"), "N115");
    assert!(begun.elapsed() < Duration::from_secs(9), "{:?}", begun.elapsed());
}

#[test]
fn hostile_listings_are_refused() {
    let server = FalseServer::start(Breaks::ListsHostileNames);
    let answers = channel(&server.site).answers().unwrap();
    let names: Vec<&str> = answers.files.iter().map(|file| file.name.as_str()).collect();
    assert_eq!(names, ["ok.csv"]);
    assert_eq!(answers.refused.len(), HOSTILE.len() - 2, "hidden names are not ours to report");
    assert!(answers.refused.iter().all(|one| !one.shown().contains(char::is_control)));

    let server = FalseServer::start(Breaks::ListsWithoutEnd);
    assert_eq!(channel(&server.site).answers().unwrap_err().code(), "N119");
    not_delivered(deliver(&server.site, b"bytes"), "N119");
}

#[test]
fn answers_are_listed_and_copied_under_their_limit() {
    let Some(program) = real_part(RealPart::Sftp) else { return };
    let server = Sshd::start(&program);
    let put =
        |name: &str, bytes: &[u8]| fs::write(server.path("outbox").join(name), bytes).unwrap();
    put("status-2.xml", b"second");
    put("status-1.xml", b"first");
    put("status-3.xml.part", b"still being writ");
    put("large.xml", &[b'x'; 1001]);
    fs::create_dir(server.path("outbox").join("folder")).unwrap();
    std::os::unix::fs::symlink("/etc/passwd", server.path("outbox").join("link.xml")).unwrap();
    let channel = channel(&server.site());
    let answers = channel.answers().unwrap();
    let names: Vec<_> = answers.files.iter().map(|file| file.name.as_str()).collect();
    assert_eq!(names, ["large.xml", "status-1.xml", "status-2.xml"]);
    let refused: Vec<_> =
        answers.refused.iter().map(|one| (one.shown(), one.reason.code)).collect();
    assert_eq!(refused, [("link.xml".to_owned(), "L150")]);
    let mut copy = Vec::new();
    let fetched = channel.fetch(&name("status-1.xml"), &mut copy).unwrap();
    assert_eq!((copy.as_slice(), fetched.bytes), (&b"first"[..], 5));
    assert_eq!(fetched.digest, Digest::of(b"first"));
    for (answer, code) in [("large.xml", "N103"), ("gone.xml", "N102"), ("link.xml", "N116")] {
        let error = channel.fetch(&name(answer), &mut std::io::sink()).unwrap_err();
        assert_eq!(error.code(), code, "{error}");
    }
}

const AN: &str = "E1 | 001044000101 | Nguyễn Văn An | 1944-03-14 | male | social_pension/monthly | monthly_pension=0 | bank 970405 0711000001";

/// Has the office reach its bank by SFTP, in the folders below a place, as `chitra.toml` says it.
async fn reached_by_sftp(office: &mut TestOffice, server: &Sshd, place: &Path) {
    let config = office.dir.join("chitra.toml");
    fs::copy(server.path("user"), office.dir.join("keys/sheetbank")).unwrap();
    let folders =
        "inbox = \"sheetbank/inbox\"\noutbox = \"sheetbank/outbox\"\ntaken = \"sheetbank/taken\"\n";
    let text = fs::read_to_string(&config).unwrap();
    assert!(text.contains(folders));
    let sftp = format!(
        "[provider.sftp]\nhost = \"127.0.0.1\"\nport = {}\nuser = \"{}\"\nkey_file = \"keys/sheetbank\"\n\
         host_key = \"{}\"\ninbox = {:?}\noutbox = {:?}\ntaken = {:?}\ncontact = \"the bank's desk\"\n",
        server.port,
        server.user,
        server.host_key,
        place.join("inbox"),
        place.join("outbox"),
        place.join("taken"),
    );
    fs::write(&config, text.replace(folders, &sftp)).unwrap();
    office.reopen().await;
}

/// A month whose bank is reached by SFTP.
async fn a_month_through_sftp(mut office: TestOffice, server: Sshd) {
    let place = office.dir.join("sheetbank");
    let bank = |name: &str| place.join(name);
    reached_by_sftp(&mut office, &server, &place).await;

    office.on_day("2026-10-20");
    office.month("2026-10", &[AN]).await;
    let october = office.paid_out("2026-10", Regular).await;
    let sent: Vec<_> = fs::read_dir(bank("inbox")).unwrap().map(|file| file.unwrap()).collect();
    assert_eq!(sent.len(), 1, "the file lies at the bank");
    let batch = office.engine.store.batches(october.number).await.unwrap().remove(0);
    let found = Digest::of(&fs::read(sent[0].path()).unwrap()).to_string();
    assert_eq!(Some(found), batch.sha256, "the approved bytes");
    let said = office.said(&october, "E1", 1, "Thành công", "").await;
    office.sheet(&[said]).await.unwrap();
    office.check(&october, "entitled 1", "paid 1 = 540000").await;
    office.closed(&october).await;

    // The bank's server is away: collecting says so, and takes in what the others answered.
    drop(server);
    let told = office.engine.collect_all().await.unwrap();
    let codes: Vec<_> = told.iter().filter_map(|one| one.as_ref().err()).collect();
    assert_eq!(codes.len(), 1);
    assert_eq!((codes[0].0.as_str(), codes[0].1.code()), ("sheetbank", "N113"));
    office.ends_whole().await;
}

#[test]
fn an_office_pays_collects_and_closes_through_sftp() {
    let Some(program) = real_part(RealPart::Sftp) else { return };
    let server = Sshd::start(&program);
    run(Base::Sqlite, |office| a_month_through_sftp(office, server));
}

/// People with accounts at the bank: E1, E2 …
fn people(count: u32) -> Vec<String> {
    let one = |at: u32| {
        format!(
            "E{at} | 0010440001{at:02} | Nguyễn Văn An | 1944-03-{:02} | male | social_pension/monthly | monthly_pension=0 | \
             bank 970405 07110000{at:02}",
            at % 28 + 1
        )
    };
    (1..=count).map(one).collect()
}

/// The bank is the sandbox's, behind OpenSSH's own server: its books are the judge.
async fn a_month_at_the_sandbox_through_sftp(mut office: TestOffice, server: Sshd) {
    let root = office.dir.join("bank");
    let kind = ProviderKind::BankSheet;
    let config = SandboxConfig {
        seed: 5,
        providers: vec![SandboxProvider { name: "sheetbank".to_owned(), kind }],
        mix: BehaviourMix {
            reject_closed_account: 200,
            return_closed_account: 200,
            late: 100,
            answer_twice: 100,
            lose_answer: 0,
            ..BehaviourMix::default()
        },
        script: Script::default(),
    };
    let sandbox = Sandbox::create(Arc::new(RealDisk), &root, &config).unwrap();
    reached_by_sftp(&mut office, &server, &root.join("sheetbank")).await;

    office.on_day("2026-10-20");
    let people = people(24);
    let people: Vec<&str> = people.iter().map(String::as_str).collect();
    office.month("2026-10", &people).await;
    let october = office.paid_out("2026-10", Regular).await;
    for day in 20..=31 {
        let day = date(2026, 10, day);
        let ticked = sandbox.tick(day).unwrap();
        assert!(ticked.refused.is_empty(), "{:?}", ticked.refused);
        office.on_day(&day.to_string());
        for taken in office.engine.collect_all().await.unwrap() {
            taken.unwrap_or_else(|(file, error)| panic!("{file}: {error}"));
        }
    }
    let told = sandbox.totals().unwrap();
    assert!(told.credited_again.is_empty(), "{:?}", told.credited_again);
    let bank = &told.providers[0];
    let figures = office.figures(&october).await;
    let ours = |state| figures.payables.get(&state).map_or((0, 0), |one| (one.count, one.minor));
    let kept = bank.credited.sum_minor - bank.returned.sum_minor;
    let kept = ((bank.credited.count - bank.returned.count) as i64, kept);
    assert_eq!(ours(PayableState::Paid), kept);
    let of_bank = |one: &Tally| (one.count as i64, one.sum_minor);
    assert_eq!(ours(PayableState::Returned), of_bank(&bank.returned));
    assert_eq!(ours(PayableState::Rejected), of_bank(&bank.rejected));
    assert!(bank.returned.count > 0 && bank.rejected.count > 0, "{bank:?}");
    office.closed(&october).await;
    office.ends_whole().await;
}

#[test]
fn the_sandbox_is_paid_through_sftp_and_its_books_are_ours() {
    let Some(program) = real_part(RealPart::Sftp) else { return };
    let server = Sshd::start(&program);
    run(Base::Sqlite, |office| a_month_at_the_sandbox_through_sftp(office, server));
}
